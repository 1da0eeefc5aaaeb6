/*
 * burst_touch: `burst` with objects that are touched (touch.h): get a burst, write the first line of
 * each, read them, put the burst back. A receive path that takes a batch of descriptors, fills
 * them in, looks at them and returns them in one poll.
 *
 * All threads do the same, each with objects of its own. A round is one burst; counts objects.
 *
 * What it can't show: the objects come back to the thread that got them, in the order that suits a
 * cache, so their lines are near.
 */
#ifndef BENCH_WORKLOAD_BURST_TOUCH_H
#define BENCH_WORKLOAD_BURST_TOUCH_H

#include "bench/workload/burst.h"

ALWAYS_INLINE uint64_t workload_burst_touch(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return burst_rounds(ops, pool, t, n, true);
}

static const struct workload workload_burst_touch_info = {
	.name = "burst_touch",
	.summary = "get a burst of objects, write to each, read them, put the burst back",
	.unit = "objects",
	.program = "A receive path that takes a batch of descriptors, fills them in and returns "
		   "them in one poll. Same thread, last in first out.",
	.lane_threads = 1,
	.axes = WORKLOAD_BURST,
	.demand = burst_demand,
};

#endif
