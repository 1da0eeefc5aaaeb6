/*
 * Trials of the instrument itself: pairs of rows whose true ratio is known are measured as a sweep
 * measures, in blocks and forks, and judged by the functions that judge a sweep. How often they say
 * what is not so, or miss what is, is what their "95 %" and their verdicts are worth.
 *
 * Where the figures come from is the caller's: the selftest opens engines, the test draws numbers.
 */
#ifndef BENCH_COMMAND_TRIALS_H
#define BENCH_COMMAND_TRIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TRIALS = 100,
	/* More forks say more than more blocks: evidence is counted in forks. */
	TRIALS_FORKS_MAX = 24,
	TRIALS_BLOCKS_MAX = 6, /* a fork */
	/*
	 * Verdicts, of those on equal rows. Of 100 intervals that hold with 95 % each, 5 don't in the
	 * mean and more than 5 every third time, so they have no limit; but that one goes beyond the
	 * margin as well, as it must for a verdict, is rare.
	 */
	TRIALS_FALSE_MAX = 5,
	TRIALS_FOUND_MIN = 95, /* of those in which the second row is slower by 5 % */
};

/* Both rows in one block: logarithms of ns a unit, NAN for none, and whether a slice has a flag. */
struct trials_block {
	double log_ns[2];
	bool flagged[2];
};

/* Measures n blocks of a fork; seed is the fork's own. False: it can't, and the source knows why. */
typedef bool (*trials_measure)(
	void *source, uint64_t seed, struct trials_block *blocks, unsigned n);

/* What the trials said of the second row's time by the first one's. */
struct trials_tally {
	unsigned above, below;   /* the interval leaves 1 out, and lies there */
	unsigned slower, faster; /* it lies beyond the margin, so that a sweep would say so */
	unsigned silent;         /* there was no interval */
	double flagged;          /* share of the blocks in which a slice had a flag */
	double ratio;            /* the median point, as a ratio */
	double half_width;       /* the median, as a ratio - 1 */
};

/*
 * Runs all trials, of up to TRIALS_FORKS_MAX forks with 1..TRIALS_BLOCKS_MAX blocks. False: the source
 * can't measure.
 */
bool trials_run(trials_measure measure, void *source, unsigned forks, unsigned blocks,
	uint64_t seed, struct trials_tally *out);

/* Whether all trials of two equal rows have an interval, and hardly one a verdict. */
bool trials_are_sound(const struct trials_tally *tally);

/* Whether those of a slower second row find it. */
bool trials_find(const struct trials_tally *tally);

#endif
