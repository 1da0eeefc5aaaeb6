/*
 * The statistics of a sweep: paired effects with intervals, and what may be said of them.
 *
 * A cell's blocks are grouped by fork (a fork is one set of worker processes, so layout and address
 * luck differ between forks and not within one). A *series* is one number a block, usually the
 * logarithm of a ratio between two subjects of that block; NAN where the block has none. Its point
 * is the Hodges-Lehmann estimate of the forks' medians; its interval is a hierarchical bootstrap
 * (forks are drawn with replacement, then blocks within each drawn fork), because a flat one takes
 * the blocks of one lucky fork for independent evidence and comes out too narrow.
 *
 * Everything here is pure and deterministic: the same seed gives the same digits.
 */
#ifndef BENCH_ANALYSIS_STATS_H
#define BENCH_ANALYSIS_STATS_H

#include <stddef.h>
#include <stdint.h>

enum {
/* Bootstrap replicates; the 2.5 % tail then rests on 250 of them. */
#ifdef __SANITIZE_ADDRESS__
	STATS_ROUNDS = 1000, /* the same accesses to memory, whose check takes its time */
#else
	STATS_ROUNDS = 10000,
#endif
	/*
	 * The range of n independent values covers their median with probability 1 - 2^(1-n): 97 %
	 * for six, 94 % for five. With fewer pairs than this there is no 95 % interval to be had,
	 * and with fewer forks a result is preliminary.
	 */
	STATS_EVIDENCE_MIN = 6,
};

/* Effects smaller than this are not worth choosing a design by: the default margin, as a ratio - 1. */
#define STATS_MARGIN 0.03

/* xoshiro256** of Blackman and Vigna (2018), seeded through splitmix64. */
struct stats_rng {
	uint64_t s[4];
};

void stats_rng_seed(struct stats_rng *rng, uint64_t seed);
uint64_t stats_rng_next(struct stats_rng *rng);
/* Uniform in 0..n-1, n >= 1, without bias (Lemire 2019). */
uint32_t stats_rng_below(struct stats_rng *rng, uint32_t n);

/* The middle of n >= 1 values, or the mean of the two middles. Reorders them. */
double stats_median(double *values, size_t n);

/*
 * The median of the averages of all pairs of values, each with itself included (Walsh averages).
 * n >= 1; walsh is scratch for n (n + 1) / 2 doubles. Sorts them.
 */
double stats_hodges_lehmann(double *values, size_t n, double *walsh);

/* For qsort: doubles, the least first. */
int stats_ascending(const void *a, const void *b);

/* How a cell's blocks belong to forks: fork f has the blocks start[f] .. start[f + 1] - 1. */
struct stats_design {
	size_t forks;
	const size_t *start; /* forks + 1 entries, ascending; the last is the number of blocks */
};

/*
 * A point and its interval, on the scale of the series. All three are NAN if the series is empty;
 * lo and hi are -INFINITY and INFINITY where fewer than STATS_EVIDENCE_MIN blocks have a value.
 */
struct stats_estimate {
	double point;
	double lo, hi; /* percentiles 2.5 and 97.5 of the replicates */
};

/*
 * Estimates n series over one design from the same draws, so that the replicates of two series may
 * be subtracted from one another. series[i] has one value a block, NAN for none. replicates is NULL
 * or receives n x rounds doubles, row by series.
 */
void stats_bootstrap(const struct stats_design *design, const double *const *series, size_t n,
	uint32_t rounds, uint64_t seed, struct stats_estimate *estimates, double *replicates);

/*
 * x - y of two estimates without a common resampling, by the method of variance estimates recovery
 * (Zou and Donner 2008).
 */
struct stats_estimate stats_difference(struct stats_estimate x, struct stats_estimate y);

/* Sets lo and hi of *e to the percentiles 2.5 and 97.5 of rounds >= 1 replicates; reorders them. */
void stats_percentiles(double *replicates, uint32_t rounds, struct stats_estimate *e);

/*
 * The interval of one of n >= 1 series that was chosen for its estimate: sets lo and hi of *e to those
 * of series `chosen` such that with 95 % confidence *every* series lies within its own, so that it
 * doesn't matter which was chosen and why (simultaneous bounds by the maximum statistic, as the
 * post-selection inference of Berk et al. 2013 uses them). The percentiles of the chosen alone hold
 * too seldom, since the least of a sample lies low for that; those of the least of each round more
 * seldom still, since they count that twice. With n == 1 the percentiles.
 */
void stats_chosen(const struct stats_estimate *estimates, const double *replicates, size_t n,
	uint32_t rounds, size_t chosen, struct stats_estimate *e);

/*
 * Simultaneous bounds by the bootstrap's maximum statistic. For the differences between all pairs
 * of n series (pairs != 0) or between each series and series `best` (pairs == 0), scale[i * n + j]
 * receives the standard deviation of replicate i - replicate j, and the result is the factor c such
 * that with 95 % confidence *every* such difference lies within its point +- c x scale.
 * 0 with n < 2.
 */
double stats_simultaneous(const struct stats_estimate *estimates, const double *replicates,
	size_t n, uint32_t rounds, int pairs, size_t best, double *scale);

/*
 * How far behind the least each of n >= 1 series may be: behind[i] receives the 97.5 percentile over
 * the rounds of replicate i - the least replicate of that round. Who is the least is asked anew in
 * every round, so a series that lies low by luck alone is behind in the rounds that lack the luck.
 */
void stats_behind(const double *replicates, size_t n, uint32_t rounds, double *behind);

/*
 * Two-sided p of the Mann-Whitney test by the normal approximation with tie correction, for those
 * who expect it; it ignores pairing and forks. NAN values are skipped. NAN if a side is empty or
 * all values are equal.
 */
double stats_mann_whitney(const double *a, size_t na, const double *b, size_t nb);

enum stats_verdict { STATS_INCONCLUSIVE, STATS_FASTER, STATS_SLOWER, STATS_EQUIVALENT };

/*
 * What an interval of the logarithm of a ratio of *times* allows to be said of the numerator.
 * margin: log(1 + d) > 0; floor: the noise floor as a logarithm, NAN if unknown.
 *
 *	wholly beyond max(margin, floor) on one side     faster or slower
 *	wholly inside +-margin, and floor <= margin      equivalent
 *	anything else                                    inconclusive
 *
 * With an unknown floor nothing is equivalent, and faster and slower go by the margin alone.
 */
enum stats_verdict stats_verdict(
	const struct stats_estimate *effect, double margin, double floor_log);

/* "faster", "slower", "equivalent" or "inconclusive". */
const char *stats_verdict_name(enum stats_verdict verdict);

/*
 * About how many more blocks an inconclusive effect needs, if its point stays and its half-width
 * shrinks with the root of the number of blocks. 0: none, or no number of blocks will do (the floor
 * is above the margin, or the point lies on a threshold).
 */
uint64_t stats_blocks_needed(
	const struct stats_estimate *effect, double margin, double floor_log, uint64_t blocks);

/* The noise floor that a twin's effect sets: max(|point|, half-width). NAN without an interval. */
double stats_floor(const struct stats_estimate *twin);

#endif
