/*
 * fill_random: get many objects, then put all of them in a random order, so that the pool's own is lost. fill_load.h has the loop.
 *
 * All threads do the same, each with objects of its own. Counts moves.
 *
 * What it can't show: a pool larger than a last cache of more than some 30 MiB a thread, unless --size makes it so. Each thread has one order
 * for all rounds.
 */
#ifndef BENCH_WORKLOAD_FILL_RANDOM_H
#define BENCH_WORKLOAD_FILL_RANDOM_H

#include "bench/workload/fill_load.h"

ALWAYS_INLINE uint64_t workload_fill_random(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return fill_run(ops, pool, t, n);
}

static int fill_random_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	(void)ops;
	(void)pool;
	return fill_enter(t, FILL_RANDOM);
}

static const struct workload workload_fill_random_info = {
	.name = "fill_random",
	.summary = "get many objects, put all back in a random order",
	.unit = "moves",
	.program = "A driver whose many buffers come back in any order, so that the pool's own "
		   "order is lost. Cold lines.",
	.lane_threads = 1,
	.by_name = true,
	.long_slices = true,
	.untimed = true,
	.demand = fill_demand,
	.enter = fill_random_enter,
	.leave = fill_leave,
};

#endif
