/*
 * fill_lifo: get many objects, then put all of them in the reverse of the order in which they were got. fill_load.h has the loop.
 *
 * All threads do the same, each with objects of its own. Counts moves.
 *
 * What it can't show: a pool larger than a last cache of more than some 30 MiB a thread, unless --size makes it so.
 */
#ifndef BENCH_WORKLOAD_FILL_LIFO_H
#define BENCH_WORKLOAD_FILL_LIFO_H

#include "bench/workload/fill_load.h"

ALWAYS_INLINE uint64_t workload_fill_lifo(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return fill_run(ops, pool, t, n);
}

static int fill_lifo_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	(void)ops;
	(void)pool;
	return fill_enter(t, FILL_LIFO);
}

static const struct workload workload_fill_lifo_info = {
	.name = "fill_lifo",
	.summary = "get many objects, put all back in reverse",
	.unit = "moves",
	.program = "A driver that posts many buffers and takes all down again, last in first out. "
		   "Cold lines.",
	.lane_threads = 1,
	.by_name = true,
	.long_slices = true,
	.untimed = true,
	.demand = fill_demand,
	.enter = fill_lifo_enter,
	.leave = fill_leave,
};

#endif
