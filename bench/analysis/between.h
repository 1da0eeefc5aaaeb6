/*
 * Two stores of one machine, row by row: what may be said of the difference.
 *
 * Forks tell how a figure varies within a run. From one run to the next more changes: what else the
 * machine did that hour, where memory lay, what a line costs to hand over. Two runs alone can't tell this
 * from a change of one row. But their rows can: most of what stands in two stores has not changed, so
 * half of a cell's differences, whatever their sign, are what runs vary by (an empirical null, as Efron
 * 2004 has it). That variance is estimated for each cell, from the median of its rows, and added to
 * each row's own. A change that moves half of a cell's rows is taken for the machine's: measure both builds
 * in one sweep to see it.
 */
#ifndef BENCH_ANALYSIS_BETWEEN_H
#define BENCH_ANALYSIS_BETWEEN_H

#include "bench/analysis/stats.h"

/* With fewer rows in common a cell takes part in an estimate with others of its group. */
enum { BETWEEN_ROWS_MIN = 5 };

struct between_row {
	size_t cell;
	int group;                    /* cells that vary alike, such as those of one thread */
	struct stats_estimate effect; /* a difference of logarithms of times, of forks alone */
	double floor_log;             /* of both stores, NAN: unknown */

	double runs;               /* standard deviation from run to run; NAN: too few rows tell */
	struct stats_estimate all; /* the effect with that in its interval */
	struct stats_claim claim;  /* from it */
	bool made;                 /* the claim, with all others at once */
};

/*
 * Fills in the last four of n rows, which stand cell by cell. margin: as for stats_claim. error: for all claims together, STATS_ERROR
 * or less. Where too few rows of a group are there, nothing is claimed of it.
 */
void between_runs(struct between_row *rows, size_t n, double margin, double error);

#endif
