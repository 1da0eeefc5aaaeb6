/*
 * pair: get one object, put it back. The smallest program there is: a driver that answers a packet
 * in place (npcap's loopback path), or the inner loop of every allocator benchmark since Hoard's
 * linux-scalability.
 *
 * All threads do the same, each with objects of its own. Counts pairs.
 *
 * What it can't show: one hot object stays in the nearest cache and in the store buffer, so the
 * figure is bimodal for identical machine code and flatters LIFO caches. A diagnostic; make
 * headlines from `burst` and `remote_free`.
 */
#ifndef BENCH_WORKLOAD_PAIR_H
#define BENCH_WORKLOAD_PAIR_H

#include "bench/workload.h"

ALWAYS_INLINE uint64_t workload_pair(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		void *object = WORKLOAD_CALL(t, ops->get(pool, t->self));

		bench_escape(object);
		if (unlikely(object == NULL)) {
			t->failed++;
			return i;
		}
		WORKLOAD_DO(t, ops->put(pool, t->self, object));
		bench_escape(pool);
	}
	return n;
}

static uint32_t pair_demand(const struct workload_cell *cell)
{
	(void)cell;
	return 1;
}

static const struct workload workload_pair_info = {
	.name = "pair",
	.summary = "get one object, put it back",
	.unit = "objects",
	.program = "A driver that answers each packet in place. One hot object: flatters LIFO "
		   "caches, says nothing about memory.",
	.lane_threads = 1,
	.demand = pair_demand,
};

#endif
