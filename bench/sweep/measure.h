/*
 * The measuring: has the workers of each cell run block after block, and stores each.
 *
 * A fork is a new set of worker processes; within it a block has every subject of a cell run one
 * slice, in random order. While one works all others are parked in the kernel. Short slices side by
 * side share whatever the machine does to them, so the ratio of two of them is far steadier than
 * either. A process keeps its luck with addresses for life, so forks matter.
 */
#ifndef BENCH_SWEEP_MEASURE_H
#define BENCH_SWEEP_MEASURE_H

#include "bench/sweep/plan.h"
#include "bench/sweep/store.h"

#include <stdbool.h>
#include <stdint.h>

enum { MEASURE_PASSES_MAX = 3 }; /* tries of what the machine disturbed */

/*
 * Tells whether a cell of the plan is known well enough by its first `forks` forks, which are all in the
 * store, so that it takes no more. 0 and *settled, or -1 with a sentence in why (STORE_WHY_BYTES). Who is
 * asked again of the same store answers the same, so a sweep that goes on decides as one that was not
 * stopped.
 */
typedef int measure_settled(
	const void *context, size_t cell, uint32_t forks, bool *settled, char *why);

struct measure_outcome {
	bool interrupted;  /* by SIGINT, SIGTERM or SIGHUP */
	uint32_t left_out; /* subjects without which a fork of a cell went on */
	uint32_t settled;  /* cells that took no more forks */
	uint64_t spared;   /* blocks of these that are not measured */
};

/*
 * Measures all of the plan that the store misses, again where the machine disturbed it, and notes
 * what came to grief. Shows its progress, and says what went wrong, on standard error. 0 and
 * *out, also if interrupted; or -1 with a sentence in why (STORE_WHY_BYTES). What was stored
 * before still stands then. Takes the signals of the process while it runs (controller.h). settled,
 * with its context, is asked where the plan has an `until`.
 */
int measure_run(const struct plan *plan, struct store *store, measure_settled *settled,
	const void *context, struct measure_outcome *out, char *why);

#endif
