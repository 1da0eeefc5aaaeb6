/*
 * The statistics of a sweep: paired effects with intervals, and what may be said of them.
 *
 * A cell's blocks are grouped by fork (a fork is one set of worker processes, so layout and address
 * luck differ between forks and not within one). A *series* is one number a block, usually the
 * logarithm of a ratio between two subjects of that block; NAN where the block has none. Forks are the
 * evidence: a fork counts as one value, the median of its blocks, however many these are. The point
 * of a series is the Hodges-Lehmann estimate of these medians. Its interval is Student's, from their
 * spread: what blocks add to it is in there, since each median has its own part of that. It is
 * right with three forks, where a bootstrap covers 76 % (stats_test has the table).
 *
 * Many comparisons are made at once, so each alone must be surer than 95 %. Where the page's verdicts
 * are, stats_holm tells how sure (Holm 1979); where a row was chosen for its figure, Bonferroni's share.
 *
 * Everything here is pure and deterministic.
 */
#ifndef BENCH_ANALYSIS_STATS_H
#define BENCH_ANALYSIS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forks without which no interval is told: two have a spread, which Student's t then takes 13 times. */
enum { STATS_FORKS_MIN = 3 };

/* What intervals and verdicts leave to error: 95 % intervals. */
#define STATS_ERROR 0.05

/* Effects smaller than this are not worth choosing a design by: the default margin, as a ratio - 1. */
#define STATS_MARGIN 0.03

/* The middle of n >= 1 values, or the mean of the two middles. Reorders them. */
double stats_median(double *values, size_t n);

/* The same of those that are no NAN; NAN if none is. scratch: room for n; the values stay in their order. */
double stats_median_present(const double *values, size_t n, double *scratch);

/*
 * The median of the averages of all pairs of values, each with itself included (Walsh averages).
 * n >= 1; walsh is scratch for n (n + 1) / 2 doubles. Sorts them.
 */
double stats_hodges_lehmann(double *values, size_t n, double *walsh);

/* For qsort: doubles, the least first. */
int stats_ascending(const void *a, const void *b);

/* The chance that Student's t with `freedom` >= 1 degrees exceeds t. */
double stats_t_tail(double t, size_t freedom);

/* What it exceeds with that chance, 0 < tail < 1/2. */
double stats_t_quantile(double tail, size_t freedom);

/* How a cell's blocks belong to forks: fork f has the blocks start[f] .. start[f + 1] - 1. */
struct stats_design {
	size_t forks;
	const size_t *start; /* forks + 1 entries, ascending; the last is the number of blocks */
};

/* A point and its interval, on the scale of the series. */
struct stats_estimate {
	double point;  /* NAN: the series is empty */
	double lo, hi; /* 95 %; -INFINITY and INFINITY with fewer than STATS_FORKS_MIN forks */
	double error;  /* the standard error; NAN where there is no interval */
	size_t forks;  /* that have a value */
};

/* An estimate of which nothing is known. */
#define STATS_UNKNOWN ((struct stats_estimate){NAN, NAN, NAN, NAN, 0})

/* One of a value a fork, NAN for none. */
struct stats_estimate stats_of_forks(const double *values, size_t forks);

/*
 * Estimates n series over one design. series[i] has one value a block, NAN for none. medians is NULL or
 * receives those of the forks, n rows of design->forks values.
 */
void stats_estimates(const struct stats_design *design, const double *const *series, size_t n,
	struct stats_estimate *estimates, double *medians);

/* x - y of two rows of medians, fork by fork. */
struct stats_estimate stats_paired(const double *x, const double *y, size_t forks);

/*
 * x - y of two estimates without common forks, by the method of variance estimates recovery (Zou and
 * Donner 2008). Its error is from both, its forks by Welch and Satterthwaite.
 */
struct stats_estimate stats_difference(struct stats_estimate x, struct stats_estimate y);

/*
 * How many of n >= 1 series might be the chosen one, as far as this data says: that one, and those that
 * it is not told apart from, by all n - 1 comparisons at once.
 */
size_t stats_rivals(const double *medians, size_t n, size_t forks, size_t chosen);

/*
 * *e with an interval that holds for whichever of so many was chosen for its estimate: 95 % for all of
 * them at once, by Bonferroni's share of the error (as Berk et al. 2013 ask of what was selected).
 */
struct stats_estimate stats_chosen(const struct stats_estimate *e, size_t rivals);

/*
 * How far behind the least of n >= 1 series each may be, at most: behind[i] receives the upper bound, with
 * 97.5 %, of its distance from whichever is the least (Hsu's multiple comparisons with the best, 1996,
 * among the rivals of the series `best`). A fork in which it is ahead by more than `ahead` counts as one in
 * which it is by that: how slow the other can be says nothing of how fast it is. 0 for one without rivals;
 * INFINITY where nothing is known.
 */
void stats_behind(
	const double *medians, size_t n, size_t forks, size_t best, double ahead, double *behind);

/*
 * Two-sided p of the Mann-Whitney test by the normal approximation with tie correction, for those
 * who expect it; it ignores pairing and forks. NAN values are skipped. NAN if a side is empty or
 * all values are equal.
 */
double stats_mann_whitney(const double *a, size_t na, const double *b, size_t nb);

enum stats_verdict { STATS_INCONCLUSIVE, STATS_FASTER, STATS_SLOWER, STATS_EQUIVALENT };

/* The most that may be said of an effect, and the chance of saying it wrongly, two-sided. */
struct stats_claim {
	enum stats_verdict verdict;
	double chance; /* 1: there is none to make; NAN: there is no interval */
};

/*
 * What an interval of the logarithm of a ratio of *times* allows to be said of the numerator.
 * margin: log(1 + d) > 0; floor: the noise floor as a logarithm, NAN if unknown.
 *
 *	wholly beyond max(margin, floor) on one side     faster or slower
 *	wholly inside +-margin, and floor <= margin      equivalent
 *	anything else                                    inconclusive
 *
 * With an unknown floor nothing is equivalent, and faster and slower go by the margin alone. At most one
 * can be claimed; the verdict is that claim if its chance is at most STATS_ERROR, which is what the 95 %
 * interval says too.
 */
struct stats_claim stats_claim(
	const struct stats_estimate *effect, double margin, double floor_log);
enum stats_verdict stats_verdict(
	const struct stats_estimate *effect, double margin, double floor_log);

/*
 * Which of n claims may be made, so that with a chance of 1 - error none is wrong (Holm 1979, step down);
 * into made[]. A claim counts once: that an effect is beyond the margin and that it is within are not both wrong.
 */
void stats_holm(const struct stats_claim *claims, size_t n, double error, bool *made);

/* "faster", "slower", "equivalent" or "inconclusive". */
const char *stats_verdict_name(enum stats_verdict verdict);

/*
 * About how many more forks an inconclusive effect needs, if its point stays and its half-width
 * shrinks with the root of the number of forks. 0: none, or no number of forks will do (the floor
 * is above the margin, or the point lies on a threshold).
 */
uint64_t stats_forks_needed(const struct stats_estimate *effect, double margin, double floor_log);

/* The noise floor that a twin's effect sets: max(|point|, half-width). NAN without an interval. */
double stats_floor(const struct stats_estimate *twin);

#endif
