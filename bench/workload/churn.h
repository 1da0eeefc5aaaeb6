/*
 * churn: threads that come and go. A round is a short life: attach to the pool, get and put eight bursts of
 * 32, which are touched (touch.h), flush, detach. A pool of worker threads that grows and shrinks with the
 * load; what mstress and mleak do to an allocator.
 *
 * The engine's thread stays and attaches anew, since a body starts no threads. All threads do the same.
 * Counts lives.
 *
 * What it can't show: the system's price of a thread, and what a thread leaves that ends without a word.
 * Attaching may allocate, which is part of the figure. The rows that are no pools make a thread's objects
 * when it attaches, so that they are no floor here.
 */
#ifndef BENCH_WORKLOAD_CHURN_H
#define BENCH_WORKLOAD_CHURN_H

#include "bench/workload.h"
#include "bench/workload/touch.h"

enum { CHURN_BURST = 32, CHURN_BURSTS = 8 };

ALWAYS_INLINE uint64_t workload_churn(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		CACHE_LINE_ALIGNED void *objs[CHURN_BURST];
		struct pool_thread *self;

		if (unlikely(WORKLOAD_CALL(t, ops->attach(pool, &self)) != 0)) {
			t->failed++;
			return i;
		}
		for (uint32_t k = 0; k < CHURN_BURSTS; k++) {
			const uint32_t got =
				WORKLOAD_CALL(t, ops->get_bulk(pool, self, objs, CHURN_BURST));

			bench_escape(objs);
			t->failed += got < CHURN_BURST;
			WORKLOAD_OWN_DO(t, touch_write(objs, got));
			WORKLOAD_OWN_DO(t, touch_read(objs, got));
			if (likely(got > 0))
				WORKLOAD_DO(t, ops->put_bulk(pool, self, objs, got));
			bench_escape(pool);
		}
		WORKLOAD_DO(t, ops->flush(pool, self));
		WORKLOAD_DO(t, ops->detach(pool, self));
	}
	return n;
}

static uint32_t churn_demand(const struct workload_cell *cell)
{
	(void)cell;
	return CHURN_BURST;
}

static const struct workload workload_churn_info = {
	.name = "churn",
	.summary = "attach, get and put 8 bursts of 32, flush, detach",
	.unit = "lives",
	.program = "Worker threads that come and go with the load: what attaching, flushing and "
		   "detaching cost beside a few packets. The thread itself stays.",
	.lane_threads = 1,
	.by_name = true,
	.untimed = true,
	.demand = churn_demand,
};

#endif
