/*
 * exhaust_110: threads that want a tenth more objects than the pool has, together. exhaustion.h has
 * the loop, and says which failed gets are counted.
 *
 * All threads do the same. Counts objects that were got.
 *
 * What it can't show: how long a driver waits before it tries again. Here it tries at once, after it has
 * put some back.
 */
#ifndef BENCH_WORKLOAD_EXHAUST_110_H
#define BENCH_WORKLOAD_EXHAUST_110_H

#include "bench/workload/exhaustion.h"

enum { EXHAUST_110_DEMAND = 110 };
static_assert(HELD_OBJECTS * EXHAUST_110_DEMAND / 100 <= HELD_MOST, "a thread's array has room");

ALWAYS_INLINE uint64_t workload_exhaust_110(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return exhaustion_run(ops, pool, t, n);
}

static int exhaust_110_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	(void)ops;
	(void)pool;
	return exhaustion_enter(t, EXHAUST_110_DEMAND);
}

static const struct workload workload_exhaust_110_info = {
	.name = "exhaust_110",
	.summary = "the same where threads want a tenth more than the pool has",
	.unit = "objects",
	.program = "Drivers that together want a tenth more descriptors than the pool has. Gets "
		   "that find it empty are by design; false empties are those while one was free.",
	.lane_threads = 1,
	.by_name = true,
	.untimed = true,
	.scarce = true,
	.capacity = held_capacity,
	.open = exhaustion_open,
	.close = exhaustion_close,
	.enter = exhaust_110_enter,
	.leave = exhaustion_leave,
};

#endif
