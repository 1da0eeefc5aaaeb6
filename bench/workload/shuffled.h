/*
 * shuffled: each thread holds 1024 objects and replaces `burst` of them at a time, chosen at random: it
 * reads them, puts them back in one bulk call, gets as many in another and writes them. A run-to-completion
 * stack whose packets leave in another order than they came in, as in DPDK's test-mempool-perf, where
 * buffers are reshuffled so that a pool's order in memory ages.
 *
 * All threads do the same, each with objects of its own. A round is one burst; counts objects.
 *
 * What it can't show: objects come back to the thread that got them.
 */
#ifndef BENCH_WORKLOAD_SHUFFLED_H
#define BENCH_WORKLOAD_SHUFFLED_H

#include "bench/workload.h"
#include "bench/workload/random.h"
#include "bench/workload/touch.h"

#include <errno.h>

enum { SHUFFLED_HELD = 1024 };
_Static_assert((int)SHUFFLED_HELD <= (int)POOL_BULK_MAX, "a thread takes them at once");

struct shuffled {
	uint64_t random;
	uint32_t held;
	void *object[SHUFFLED_HELD];
};

/* Brings n of the held objects, chosen at random, to the end of the array. */
ALWAYS_INLINE void shuffled_choose(struct shuffled *own, uint32_t n)
{
	for (uint32_t last = own->held; last > own->held - n; last--) {
		void **place = &own->object[random_below(&own->random, last)];
		void *object = *place;

		*place = own->object[last - 1];
		own->object[last - 1] = object;
	}
}

ALWAYS_INLINE uint64_t workload_shuffled(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	const uint32_t burst = t->cell->burst;
	struct shuffled *own = t->own;
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		const uint32_t give = burst < own->held ? burst : own->held;

		WORKLOAD_OWN_DO(t, shuffled_choose(own, give));
		own->held -= give;
		void **end = own->object + own->held;
		if (likely(give > 0)) {
			WORKLOAD_OWN_DO(t, touch_read(end, give));
			WORKLOAD_DO(t, ops->put_bulk(pool, t->self, end, give));
			bench_escape(pool);
		}
		const uint32_t got = WORKLOAD_CALL(t, ops->get_bulk(pool, t->self, end, burst));
		bench_escape(end);
		WORKLOAD_OWN_DO(t, touch_write(end, got));
		own->held += got;
		done += got;
		if (unlikely(got < burst)) {
			t->failed++;
			break;
		}
	}
	return done;
}

static uint32_t shuffled_demand(const struct workload_cell *cell)
{
	(void)cell;
	return SHUFFLED_HELD;
}

static int shuffled_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct shuffled *own = memory_alloc(sizeof(*own));

	if (own == NULL)
		return -ENOMEM;
	own->random = t->cell->seed + t->index;
	own->held = ops->get_bulk(pool, t->self, own->object, SHUFFLED_HELD);
	t->own = own;
	return 0;
}

static void shuffled_leave(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct shuffled *own = t->own;

	if (own->held > 0)
		ops->put_bulk(pool, t->self, own->object, own->held);
	memory_free(own, sizeof(*own));
}

static const struct workload workload_shuffled_info = {
	.name = "shuffled",
	.summary = "replace bursts of 1024 held objects, chosen at random",
	.unit = "objects",
	.program = "A stack that holds 1024 packets, which leave in another order than they came "
		   "(DPDK's test-mempool-perf). The pool's order in memory ages.",
	.lane_threads = 1,
	.axes = WORKLOAD_BURST,
	.by_name = true,
	.untimed = true,
	.demand = shuffled_demand,
	.enter = shuffled_enter,
	.leave = shuffled_leave,
};

#endif
