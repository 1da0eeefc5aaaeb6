/*
 * Rows over time: what several stores of one machine say of the same strategy in the same cell, store after
 * store. Machines are kept apart, since a ratio between two says nothing of a design. Stores follow each
 * other by the date at which their sweep began; that is when a commit was measured, which for a history of
 * commits is the order that was chosen. Whether a step is significant is asked of each store and the one
 * before, as `compare` does, so what runs vary by is in it.
 */
#ifndef BENCH_ANALYSIS_HISTORY_H
#define BENCH_ANALYSIS_HISTORY_H

#include "bench/analysis/analysis.h"

/* A row in one of the stores. */
struct history_point {
	enum analysis_state state; /* ABSENT: the store has no such row or cell */
	struct stats_estimate ns;  /* logarithm of ns a unit; NAN: not measured */
	enum stats_verdict
		step; /* against the store before, where both have it; else INCONCLUSIVE */
};

struct history_line {
	const char *subject;
	enum analysis_role role;
	struct history_point *points; /* one each store */
};

struct history_cell {
	const char *label;
	const char *unit;
	size_t line_count;
	struct history_line *lines;
};

struct history {
	size_t store_count;
	const struct analysis **stores; /* of one machine, oldest first */
	size_t cell_count;              /* that at least two of them have */
	struct history_cell *cells;
	size_t lone; /* cells that one store alone has */
};

/*
 * The history of those of n stores that are of the machine of stores[first]; these must outlive it. The caller
 * frees it with history_free.
 */
void history_make(struct history *h, const struct analysis *const *stores, size_t n, size_t first);
void history_free(struct history *h);

#endif
