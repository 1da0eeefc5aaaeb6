/*
 * pair_touch: `pair` with an object that is touched (touch.h): get it, write its first line, read it,
 * put it back. A driver that answers a packet in place, such as npcap's loopback path.
 *
 * All threads do the same, each with objects of its own. Counts pairs.
 *
 * What it can't show: one hot object stays in the nearest cache and in the store buffer, so the
 * figure is bimodal for identical machine code and flatters LIFO caches.
 */
#ifndef BENCH_WORKLOAD_PAIR_TOUCH_H
#define BENCH_WORKLOAD_PAIR_TOUCH_H

#include "bench/workload/pair.h"

ALWAYS_INLINE uint64_t workload_pair_touch(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return pair_rounds(ops, pool, t, n, true);
}

static const struct workload workload_pair_touch_info = {
	.name = "pair_touch",
	.summary = "get one object, write to it, read it, put it back",
	.unit = "objects",
	.program = "A driver that answers each packet in place, and touches it. One hot object: "
		   "flatters LIFO caches.",
	.lane_threads = 1,
	.demand = pair_demand,
};

#endif
