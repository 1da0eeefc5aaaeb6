/* How steady the machine was from fork to fork of a sweep, minutes apart. */
#ifndef BENCH_ANALYSIS_DRIFT_H
#define BENCH_ANALYSIS_DRIFT_H

#include "bench/analysis/analysis.h"

/* How the rows of a cell differ from fork to fork, as logarithms; NAN where it can't be said. */
struct drift {
	double together; /* between the forks in which all rows were fastest and slowest */
	double apart;    /* of a row in a fork, from what all rows did in it: the median */
};

/*
 * That of the cell in which all rows changed the most, which *cell becomes: all rows of a cell may
 * change alike, and a ratio between two cells takes that for a difference between them. analysis
 * comes from analysis_read_raw.
 */
struct drift drift_worst(const struct analysis *analysis, size_t *cell);

#endif
