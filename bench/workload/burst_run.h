/*
 * burst_run: get a burst, put it back, with the array lent by the pool where the pool can: a whole
 * magazine changes hands and no pointer is copied. A driver that takes the magazine and links its
 * packets straight from it does this.
 *
 * Strategies without get_run do as in `burst`, with bursts as long as a magazine. All threads do
 * the same, each with objects of its own. Counts objects.
 *
 * What it can't show: nobody reads the pointers, so it is the price of the hand-over alone.
 */
#ifndef BENCH_WORKLOAD_BURST_RUN_H
#define BENCH_WORKLOAD_BURST_RUN_H

#include "bench/workload.h"

ALWAYS_INLINE uint64_t workload_burst_run(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	const uint32_t burst = t->cell->burst;
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		CACHE_LINE_ALIGNED void *copies[POOL_BULK_MAX];
		void **objs = copies;
		uint32_t got;

		if (ops->get_run != NULL)
			got = WORKLOAD_CALL(t, ops->get_run(pool, t->self, &objs));
		else
			got = WORKLOAD_CALL(t, ops->get_bulk(pool, t->self, copies, burst));
		bench_escape(objs);
		if (unlikely(got == 0)) {
			t->failed++;
			break;
		}
		if (ops->get_run != NULL)
			WORKLOAD_DO(t, ops->put_run(pool, t->self, objs, got));
		else
			WORKLOAD_DO(t, ops->put_bulk(pool, t->self, copies, got));
		bench_escape(pool);
		done += got;
	}
	return done;
}

/* A run is a magazine of any size up to the largest bulk call. */
static uint32_t burst_run_demand(const struct workload_cell *cell)
{
	return cell->burst > POOL_MAGAZINE_OBJECTS_DEFAULT ? cell->burst
							   : POOL_MAGAZINE_OBJECTS_DEFAULT;
}

static const struct workload workload_burst_run_info = {
	.name = "burst_run",
	.summary = "get and put bursts in the pool's own magazines, where it lends them",
	.unit = "objects",
	.program = "A driver that takes a magazine and links its packets straight from it. The "
		   "price of the hand-over alone: nobody reads the pointers.",
	.lane_threads = 1,
	.axes = WORKLOAD_BURST,
	.profile = true,
	.diagnostic = true,
	.demand = burst_run_demand,
};

#endif
