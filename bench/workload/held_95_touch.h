/*
 * held_95_touch: `held_95` with objects that are touched (touch.h): each is written when it is got,
 * and read before it is put, by then of any age.
 *
 * All threads do the same, each with objects of its own; held_load.h has the loop and its numbers.
 * Counts objects.
 *
 * What it can't show: objects come back to the thread that got them. Of a strategy that keeps objects
 * back the figure says what its other gets cost: see the false empties beside it.
 */
#ifndef BENCH_WORKLOAD_HELD_95_TOUCH_H
#define BENCH_WORKLOAD_HELD_95_TOUCH_H

#include "bench/workload/held_95.h"

ALWAYS_INLINE uint64_t workload_held_95_touch(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return held_run(ops, pool, t, n, true);
}

static const struct workload workload_held_95_touch_info = {
	.name = "held_95_touch",
	.summary = "the same with 95 % held: caches that keep the rest make it scarce",
	.unit = "objects",
	.program = "A driver with 95 % of its descriptors in flight, got one by one, written, read "
		   "and put back in any order. Every get that fails is a false empty.",
	.lane_threads = 1,
	.capacity = held_capacity,
	.enter = held_95_enter,
	.leave = held_leave,
};

#endif
