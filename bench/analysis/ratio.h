/*
 * Ratios between rows of a store, each with its interval, against what was wanted of it.
 *
 * A *target* is one line of text, such as
 *
 *	one thread, against DPDK: dpdk_cache / ours @ pair threads=1 >= 2.5
 *
 * and ratio_language has the language in full, as `nblbench ratios --help` prints it. This is what
 * turns "at least 2.5 times faster than DPDK" into a sentence that a store can refute.
 *
 * The estimates. Both sides in one cell: the series of log-ratios (or differences in ns) within
 * blocks, its Hodges-Lehmann point and hierarchical bootstrap, digit for digit what the reports
 * print (stats.h). Sides in different cells: they share no block, so each is bootstrapped by itself
 * and the replicates are subtracted; what the machine did between the two cells is in the interval
 * only as far as it did it between the forks of each.
 *
 * The choice. Where a side is the best of several, the row is named, and the figure is that row's.
 * The best of a sample is a little better than it is: it was chosen for that. So its interval is
 * widened until it would hold whichever row had been chosen (stats_chosen): the choice's noise is in
 * the bootstrap with that of everything else. To choose again in each round and take the percentiles
 * of what was chosen looks like the way to do so, and is wrong by far (stats_test measures it).
 */
#ifndef BENCH_ANALYSIS_RATIO_H
#define BENCH_ANALYSIS_RATIO_H

#include "bench/analysis/analysis.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	RATIO_NAME_BYTES = 64,
	RATIO_TEXT_BYTES = 160, /* a target's title, and what is told of one side */
	RATIO_NAMES_MAX = 32,   /* in one list */
	RATIO_LISTS_MAX = 16,   /* `list` lines of one book */
	RATIO_WHY_BYTES = 2048, /* room for a sentence with all known names */
};

/* The language, for --help and for whoever writes a file of targets. */
extern const char ratio_language[];

struct ratio_names {
	size_t count;
	char item[RATIO_NAMES_MAX][RATIO_NAME_BYTES];
};

/* Which rows a side speaks of. Of several, the fastest. */
enum ratio_rows {
	RATIO_NAMED, /* one of `names`, or the fastest of them */
	RATIO_OURS,  /* our own strategies and policies: see the language */
	RATIO_EXACT, /* those of ours that promise never to fail while an object is free */
	RATIO_SAME,  /* whatever row the other side turned out to be */
};

/* A load. Members that are 0 fit any cell. */
struct ratio_cell {
	char workload[RATIO_NAME_BYTES]; /* "": none was given */
	uint32_t threads, burst, depth, size;
	bool threads_a_cpu; /* `threads` counts those of one CPU */
};

struct ratio_side {
	enum ratio_rows rows;
	struct ratio_names names;
	struct ratio_cell cell;
};

enum ratio_quantity {
	RATIO_TIME,   /* ns a unit of work */
	RATIO_RATE,   /* units a second, all threads together */
	RATIO_FAILED, /* gets that found less than was asked: a count, of the worst row */
};

enum ratio_operation {
	RATIO_ALONE,   /* the first side is all there is */
	RATIO_DIVIDED, /* first / second */
	RATIO_LESS,    /* first - second, in ns */
};

enum ratio_bound { RATIO_NO_TARGET, RATIO_AT_MOST, RATIO_AT_LEAST };

struct ratio_target {
	char section[RATIO_TEXT_BYTES]; /* the heading it stands under; "" */
	char what[RATIO_TEXT_BYTES];    /* its title; the expression itself where it has none */
	enum ratio_quantity quantity;
	enum ratio_operation operation;
	struct ratio_side side[2];
	enum ratio_bound bound;
	double wanted; /* a factor, ns or a count */
};

struct ratio_list {
	char name[RATIO_NAME_BYTES];
	struct ratio_names names;
};

/* Targets and what their names stand for. Starts as zeros; ratio_book_free empties it. */
struct ratio_book {
	size_t list_count;
	struct ratio_list list[RATIO_LISTS_MAX];
	struct ratio_names awaited; /* names that no store or build need know yet */
	char section[RATIO_TEXT_BYTES];
	size_t count;
	struct ratio_target *target;
};

/*
 * Adds one line: a target, a `list`, an `await`, a [section], a comment or nothing. 0; -EINVAL with
 * a sentence in why (RATIO_WHY_BYTES) that says what was expected where; -ENOMEM, with one too.
 */
int ratio_book_add(struct ratio_book *book, const char *line, char *why);

/* Adds all lines of a file. As ratio_book_add, the sentence headed by name and line number. */
int ratio_book_read(struct ratio_book *book, FILE *in, const char *name, char *why);

void ratio_book_free(struct ratio_book *book);

/*
 * Whether every name in the targets is a strategy or policy's row, a workload, awaited, or a name
 * that one of the stores has. 0, or -EINVAL with a sentence in why
 * (RATIO_WHY_BYTES) that names the wrong one and the known ones.
 */
int ratio_book_check(const struct ratio_book *book, struct analysis *const *stores,
	size_t store_count, char *why);

enum ratio_verdict {
	RATIO_MET,       /* the whole interval lies within the target */
	RATIO_MISSED,    /* the whole interval lies outside it */
	RATIO_UNDECIDED, /* it lies on both sides, or there is none: too few blocks */
	RATIO_SHOWN,     /* nothing was wanted */
	RATIO_ABSENT,    /* the stores do not have it */
};

/* "met", "missed", "undecided", "shown" or "absent". */
const char *ratio_verdict_name(enum ratio_verdict verdict);

struct ratio_result {
	enum ratio_verdict verdict;
	char why[RATIO_WHY_BYTES];      /* of an absent one: a sentence */
	size_t store;                   /* which store it is from; undefined of an absent one */
	char rows[2][RATIO_TEXT_BYTES]; /* "mag_tls", "tcmalloc, best of 6" */
	const char *cell[2];            /* labels; equal for one cell, the second NULL if alone */
	double value[2];                /* ns a unit, units a second, or a count; NAN for none */
	/* A logarithm for RATIO_DIVIDED, else in the value's unit; of a count the point alone. */
	struct stats_estimate estimate;
	bool all_used; /* too few clean pairs were left, so the flagged ones were used as well */
};

/*
 * Works target out from the first store that has all its rows; the stores were read by
 * analysis_read_raw. 0, or -ENOMEM.
 */
int ratio_evaluate(const struct ratio_target *target, struct analysis *const *stores,
	size_t store_count, struct ratio_result *result);

#endif
