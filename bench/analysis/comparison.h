/*
 * The same cells in two stores, A and B, and whether B is slower: row by row, what the two have, how far they
 * are apart, and what may be said of that (between.h). What one store alone has is listed as well.
 */
#ifndef BENCH_ANALYSIS_COMPARISON_H
#define BENCH_ANALYSIS_COMPARISON_H

#include "bench/analysis/analysis.h"
#include "bench/analysis/metric.h"

/* What lets a row fail: "ratio<0.97". */
struct comparison_condition {
	bool given, less, equal;
	double limit;
};

/* Reads "ratio<R", "<=", ">" or ">=", with R above 0. False: it is none. */
bool comparison_condition_read(const char *text, struct comparison_condition *condition);

/* A value of the two environments that differs. NULL: it lacks there. */
struct comparison_difference {
	const char *name, *a, *b;
};

/* A row in a cell that both stores have. */
struct comparison_row {
	size_t cell, subject; /* of A */
	bool both;            /* both have a figure; else state and other say why not */
	enum analysis_state state, other;
	struct stats_estimate a, b;  /* logarithms of times, or of a percentile */
	struct stats_estimate speed; /* logarithm of B's speed by A's, with what runs vary by */
	double runs; /* that: a standard deviation of a logarithm; NAN: too few rows tell, and nothing is claimed */
	enum stats_verdict verdict; /* on B */
	bool fails;                 /* by the condition */
};

/* What one store alone has. */
struct comparison_lone {
	const char *label;
	char store; /* 'A' or 'B' */
	bool cell;  /* else a strategy */
};

/* Two rows of a cell of A, which A knows to be faster and slower, and B the other way round. */
struct comparison_contrary {
	size_t cell, faster, slower;
};

/*
 * Whether verdicts repeat: of the pairs of rows that take part in a cell of both stores, those of which one
 * is known to be slower. A store sets rows against rows of the same blocks, so what runs vary by is out.
 */
struct comparison_order {
	size_t in_a, in_b, in_both, contrary_count; /* pairs */
	struct comparison_contrary *contrary;
};

struct comparison {
	const struct analysis *a, *b;
	enum metric metric;
	struct comparison_condition condition;
	bool same_machine; /* as far as the fingerprints tell */
	size_t difference_count, lone_count, row_count;
	struct comparison_difference *differences;
	struct comparison_lone *lone;
	struct comparison_row *rows;   /* cell by cell of A */
	struct comparison_order order; /* by a unit's time, whatever the metric */
	size_t pairs;                  /* rows of both */
	size_t verdicts[STATS_EQUIVALENT + 1];
	size_t fails, unknown; /* rows that fail; rows of which nothing may be claimed */
};

/* Compares two stores by a metric: the time of a unit, or a percentile or the longest of calls. */
void comparison_make(struct comparison *c, const struct analysis *a, const struct analysis *b,
	enum metric metric, const struct comparison_condition *condition);
void comparison_free(struct comparison *c);

/* Whether a difference is shown: faster or slower, beyond floors, margin and what runs vary by. */
static inline bool comparison_significant(const struct comparison_row *row)
{
	return row->both && (row->verdict == STATS_FASTER || row->verdict == STATS_SLOWER);
}

/* Whether too many slices of a cell of A, or of the same of B, are flagged. */
bool comparison_disturbed(const struct comparison *c, size_t cell);

/* How many rows are how, and whether rows stand in the same order, in sentences. text has room for ANALYSIS_SENTENCE_BYTES. */
void comparison_tell(const struct comparison *c, char *text);

#endif
