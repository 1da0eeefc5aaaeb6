/*
 * held_50_touch: `held_50` with objects that are touched (touch.h): each is written when it is got,
 * and read before it is put, by then of any age.
 *
 * All threads do the same, each with objects of its own; held_load.h has the loop and its numbers.
 * Counts objects.
 *
 * What it can't show: objects come back to the thread that got them. Of a strategy that keeps objects
 * back the figure says what its other gets cost: see the false empties beside it.
 */
#ifndef BENCH_WORKLOAD_HELD_50_TOUCH_H
#define BENCH_WORKLOAD_HELD_50_TOUCH_H

#include "bench/workload/held_50.h"

ALWAYS_INLINE uint64_t workload_held_50_touch(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return held_run(ops, pool, t, n, true);
}

static const struct workload workload_held_50_touch_info = {
	.name = "held_50_touch",
	.summary = "get one by one with half of the pool held, touch them, put back any",
	.unit = "objects",
	.program = "A driver with half of its descriptors in flight, got one by one, written, read "
		   "and put back in any order. The measure for held_95_touch.",
	.lane_threads = 1,
	.capacity = held_capacity,
	.enter = held_50_enter,
	.leave = held_leave,
};

#endif
