/*
 * held_50: half of the pool is held while objects come and go, as in a driver that has that many
 * descriptors in flight. The measure for held_95: the same loop where nothing is scarce.
 *
 * All threads do the same, each with objects of its own; held_load.h has the loop and its numbers.
 * Counts objects.
 *
 * What it can't show: objects come back to the thread that got them. Of a strategy that keeps
 * objects back the figure says what its other gets cost: see the false empties beside it. A
 * diagnostic: nobody touches the objects' memory. `held_50_touch` does.
 */
#ifndef BENCH_WORKLOAD_HELD_50_H
#define BENCH_WORKLOAD_HELD_50_H

#include "bench/workload/held_load.h"

#include <assert.h>

enum { HELD_50_SHARE = 50 };
static_assert(HELD_SHARE_FITS(HELD_50_SHARE), "objects stay free");

ALWAYS_INLINE uint64_t workload_held_50(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return held_run(ops, pool, t, n, false);
}

static int held_50_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	return held_enter(ops, pool, t, HELD_50_SHARE);
}

static const struct workload workload_held_50_info = {
	.name = "held_50",
	.summary = "get one by one with half of the pool held, put back any of them",
	.unit = "objects",
	.program = "Diagnostic: nobody touches the objects. A driver with half of its "
		   "descriptors in flight, got one by one and put back in any order. The "
		   "measure for held_95.",
	.lane_threads = 1,
	.diagnostic = true,
	.capacity = held_capacity,
	.enter = held_50_enter,
	.leave = held_leave,
};

#endif
