/*
 * pair: get one object, put it back. The smallest program there is: a driver that answers a packet
 * in place (npcap's loopback path), or the inner loop of every allocator benchmark since Hoard's
 * linux-scalability.
 *
 * All threads do the same, each with objects of its own. Counts pairs.
 *
 * What it can't show: one hot object stays in the nearest cache and in the store buffer, so the
 * figure is bimodal for identical machine code and flatters LIFO caches. A diagnostic: nobody touches
 * the object's memory. `pair_touch` does.
 */
#ifndef BENCH_WORKLOAD_PAIR_H
#define BENCH_WORKLOAD_PAIR_H

#include "bench/workload.h"
#include "bench/workload/touch.h"

ALWAYS_INLINE uint64_t pair_rounds(const struct pool_ops *ops, struct pool *pool,
	struct workload_thread *t, uint64_t n, bool touch)
{
	for (uint64_t i = 0; i < n; i++) {
		void *object = WORKLOAD_CALL(t, ops->get(pool, t->self));

		bench_escape(object);
		if (unlikely(object == NULL)) {
			t->failed++;
			return i;
		}
		if (touch) {
			WORKLOAD_OWN_DO(t, touch_write(&object, 1));
			WORKLOAD_OWN_DO(t, touch_read(&object, 1));
		}
		WORKLOAD_DO(t, ops->put(pool, t->self, object));
		bench_escape(pool);
	}
	return n;
}

ALWAYS_INLINE uint64_t workload_pair(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return pair_rounds(ops, pool, t, n, false);
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
	.program = "Diagnostic: nobody touches the object. A driver that answers each "
		   "packet in place. One hot object: flatters LIFO caches.",
	.lane_threads = 1,
	.diagnostic = true,
	.demand = pair_demand,
};

#endif
