/*
 * held_95: 95 % of the pool are held while objects come and go, as in a driver that has nearly all
 * descriptors in flight. What is left is less than caches like to keep: a strategy that leaves
 * objects where it does not look for them answers that there are none.
 *
 * All threads do the same, each with objects of its own; held_load.h has the loop and its numbers.
 * Counts objects.
 *
 * What it can't show: objects come back to the thread that got them. Of a strategy that keeps
 * objects back the figure says what its other gets cost: see the false empties beside it. A
 * diagnostic: nobody touches the objects' memory. `held_95_touch` does.
 */
#ifndef BENCH_WORKLOAD_HELD_95_H
#define BENCH_WORKLOAD_HELD_95_H

#include "bench/workload/held_load.h"

#include <assert.h>

enum { HELD_95_SHARE = 95 };
static_assert(HELD_SHARE_FITS(HELD_95_SHARE), "objects stay free");

ALWAYS_INLINE uint64_t workload_held_95(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return held_run(ops, pool, t, n, false);
}

static int held_95_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	return held_enter(ops, pool, t, HELD_95_SHARE);
}

static const struct workload workload_held_95_info = {
	.name = "held_95",
	.summary = "the same with 95 % held: caches that keep the rest make it scarce",
	.unit = "objects",
	.program = "Diagnostic: nobody touches the objects. A driver with 95 % of its "
		   "descriptors in flight, got one by one and put back in any order. Every "
		   "get that fails is a false empty.",
	.lane_threads = 1,
	.diagnostic = true,
	.capacity = held_capacity,
	.enter = held_95_enter,
	.leave = held_leave,
};

#endif
