/* How steady the machine was, when a sweep was started and from fork to fork, minutes apart. */
#ifndef BENCH_ANALYSIS_DRIFT_H
#define BENCH_ANALYSIS_DRIFT_H

#include "bench/analysis/analysis.h"

/*
 * As a sentence, which goes before any figure that is set beside one from another cell or store: the
 * source and the forks; of the first start the grade of its quiet, its load over 1, 5 and 15 minutes and
 * its CPU pressure, as the system words them; how far all rows of a cell changed together from fork to
 * fork, of the cell in which that is the most, without the blocks that rows leave; and how many events of the
 * machine there were. text has room for ANALYSIS_SENTENCE_BYTES.
 */
void drift_tell(const struct analysis *analysis, char *text);

#endif
