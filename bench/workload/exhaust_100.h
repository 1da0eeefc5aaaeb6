/*
 * exhaust_100: threads that want all objects of the pool together, and no more, so that one is free at
 * every get. exhaustion.h has the loop, and says which failed gets are counted.
 *
 * All threads do the same. Counts objects that were got.
 *
 * What it can't show: how long a driver waits before it tries again. Here it tries at once, after it has
 * put some back.
 */
#ifndef BENCH_WORKLOAD_EXHAUST_100_H
#define BENCH_WORKLOAD_EXHAUST_100_H

#include "bench/workload/exhaustion.h"

enum { EXHAUST_100_DEMAND = 100 };
static_assert(HELD_OBJECTS * EXHAUST_100_DEMAND / 100 <= HELD_MOST, "a thread's array has room");

ALWAYS_INLINE uint64_t workload_exhaust_100(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return exhaustion_run(ops, pool, t, n);
}

static int exhaust_100_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	(void)ops;
	(void)pool;
	return exhaustion_enter(t, EXHAUST_100_DEMAND);
}

static const struct workload workload_exhaust_100_info = {
	.name = "exhaust_100",
	.summary = "get until all objects of the pool are held, put some back",
	.unit = "objects",
	.program = "Drivers that together want as many descriptors as the pool has. One is free at "
		   "every get, so each that fails is a false empty.",
	.lane_threads = 1,
	.by_name = true,
	.untimed = true,
	.scarce = true,
	.capacity = held_capacity,
	.open = exhaustion_open,
	.close = exhaustion_close,
	.enter = exhaust_100_enter,
	.leave = exhaustion_leave,
};

#endif
