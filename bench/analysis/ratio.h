/*
 * Targets: what is wanted of the designs, as ratios between rows, and what stores say of it.
 *
 * A target is a section of an INI file: ratio_help has all keys, results/targets.ini has examples.
 *
 * The estimates. Both sides in one cell: the series of log-ratios (or differences in ns) within
 * blocks, its Hodges-Lehmann point and hierarchical bootstrap, digit for digit what the reports
 * print (stats.h). Sides in different cells share no block. So each is bootstrapped by itself and
 * the replicates are subtracted; what the machine did between the two cells is in the interval only
 * as far as it did it between the forks of each.
 *
 * The choice. Where a side is the best of several, the row is named, and the figure is that row's.
 * The best of a sample looks a little better than it is, since it was chosen for that. So its
 * interval is widened until it would hold whichever row had been chosen (stats_chosen).
 *
 * Times of calls, and response times. The side's figure is the least of its rows; it lies between the least of their low
 * ends and the least of their high ends. Two sides are set against each other by the method of
 * variance estimates recovery, as `compare` does it.
 */
#ifndef BENCH_ANALYSIS_RATIO_H
#define BENCH_ANALYSIS_RATIO_H

#include "bench/analysis/analysis.h"
#include "bench/base/inifile.h"

#include <string.h>

enum {
	RATIO_NAME_BYTES = 64,
	RATIO_TEXT_BYTES = 160, /* a title, and what is told of one side */
	RATIO_NAMES_MAX = 16,   /* rows of one side */
	RATIO_WHY_BYTES = INIFILE_SENTENCE_BYTES,
};

/* How a target is written, for --help. */
extern const char ratio_help[];

/* Rows by their names, and where. "ours", "exact" and "same" are names too: see the help. */
struct ratio_side {
	size_t count; /* of several names, the fastest */
	char name[RATIO_NAMES_MAX][RATIO_NAME_BYTES];
	char cell[RATIO_TEXT_BYTES]; /* a cell's label, in which "4N threads" are four a CPU; "" */
};

enum ratio_measure {
	RATIO_TIME,   /* ns a unit of work */
	RATIO_RATE,   /* units a second, all threads together */
	RATIO_FAILED, /* gets that found less than was asked: a count, of the worst row */
	RATIO_P50,    /* percentiles and the longest of the times of calls, in ns */
	RATIO_P99,
	RATIO_P999,
	RATIO_MAX,
	RATIO_P99_P50, /* p99 / p50 of a row: how far its tail is from its middle */
};

enum ratio_operation {
	RATIO_ALONE, /* the first side is all there is */
	RATIO_OVER,  /* first / second */
	RATIO_MINUS, /* first - second, in ns */
};

enum ratio_bound { RATIO_NO_BOUND, RATIO_AT_MOST, RATIO_AT_LEAST };

struct ratio_target {
	char heading[RATIO_TEXT_BYTES]; /* what it stands under; "" */
	char title[RATIO_TEXT_BYTES];
	uint32_t given; /* a bit a key */
	enum ratio_measure measure;
	uint32_t load; /* per cent: times are response times at that load; 0: of calls */
	enum ratio_operation operation;
	struct ratio_side side[2];
	char at[RATIO_TEXT_BYTES]; /* the cell of sides without one of their own */
	enum ratio_bound bound;
	double wanted;  /* a factor, ns or a count */
	bool wanted_ns; /* "ns" stands behind it */
};

/* Whether it is about the times of calls, or response times. */
static inline bool ratio_is_of_calls(const struct ratio_target *target)
{
	return target->measure >= RATIO_P50;
}

/* Whether its figure is in ns. */
static inline bool ratio_is_in_ns(const struct ratio_target *target)
{
	return target->operation != RATIO_OVER && target->measure != RATIO_P99_P50 &&
	       (target->measure == RATIO_TIME || ratio_is_of_calls(target));
}

/* Whether a side is this one name. */
static inline bool ratio_is(const struct ratio_side *side, const char *name)
{
	return side->count == 1 && strcmp(side->name[0], name) == 0;
}

/* What was measured: names that neither it nor this build knows are mistakes. */
struct ratio_stores {
	size_t count;
	struct analysis *const *item; /* from analysis_read_raw */
};

/*
 * Gives a target, which starts as zeros, one key; and checks, after the last, what they say together.
 * 0, or -EINVAL with a sentence in why (RATIO_WHY_BYTES) that says what would be right.
 */
int ratio_set(struct ratio_target *target, const char *key, const char *value,
	const struct ratio_stores *stores, char *why);
int ratio_check(struct ratio_target *target, char *why);

/*
 * Reads a file of targets. 0 and *targets, which the caller frees, *count of them; or -EINVAL or
 * -EIO with a sentence in why (RATIO_WHY_BYTES) that begins with name and line.
 */
int ratio_read(FILE *in, const char *name, const struct ratio_stores *stores,
	struct ratio_target **targets, size_t *count, char *why);

enum ratio_verdict {
	RATIO_MET,       /* the whole interval lies within the bound */
	RATIO_MISSED,    /* the whole interval lies outside it */
	RATIO_UNDECIDED, /* it lies on both sides, or there is none: too few blocks */
	RATIO_SHOWN,     /* nothing was wanted */
	RATIO_ABSENT,    /* the stores do not have it */
};

struct ratio_result {
	enum ratio_verdict verdict;
	char why[RATIO_WHY_BYTES];      /* of an absent one: a sentence */
	size_t store;                   /* which store it is from; undefined of an absent one */
	char rows[2][RATIO_TEXT_BYTES]; /* "mag_tls", "tcmalloc, best of 6" */
	const char *cell[2];            /* labels; equal for one cell, the second NULL if alone */
	double value[2];                /* ns a unit, units a second, or a count; NAN for none */
	/* A logarithm for RATIO_OVER, else in the value's unit; of a count the point alone. */
	struct stats_estimate estimate;
	bool all_used; /* too few clean pairs were left, so the flagged ones were used as well */
};

/* Works target out from the first store that has all its rows. */
void ratio_evaluate(const struct ratio_target *target, const struct ratio_stores *stores,
	struct ratio_result *result);

#endif
