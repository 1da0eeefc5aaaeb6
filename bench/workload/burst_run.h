/*
 * burst_run: get a burst, read its pointers, put it back, with the array lent by the pool where the
 * pool can: a whole magazine changes hands and no pointer is copied. A driver that takes the magazine
 * and links its packets straight from it does this.
 *
 * All bursts are as long as a magazine. Strategies without get_run do as in `burst`, with an array of
 * the thread's own. The pool is a whole number of magazines, so that each of them is full. All threads
 * do the same, each with objects of its own. A round is one burst; counts objects.
 *
 * What it can't show: it is the price of the hand-over. A diagnostic: the pointers are read, the objects
 * are not.
 */
#ifndef BENCH_WORKLOAD_BURST_RUN_H
#define BENCH_WORKLOAD_BURST_RUN_H

#include "bench/workload.h"

enum {
	BURST_RUN_OBJECTS = POOL_MAGAZINE_OBJECTS_DEFAULT,
	/* A thread's, which with those that the engine adds for caches make seven magazines. */
	BURST_RUN_DEMAND = 200,
};

ALWAYS_INLINE void burst_run_read(void *const *objs, uint32_t n)
{
	uintptr_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (uintptr_t)objs[i];
	bench_escape((void *)sum);
}

ALWAYS_INLINE uint64_t workload_burst_run(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		CACHE_LINE_ALIGNED void *copies[BURST_RUN_OBJECTS];
		void **objs = copies;
		uint32_t got;

		if (ops->get_run != NULL)
			got = WORKLOAD_CALL(t, ops->get_run(pool, t->self, &objs));
		else
			got = WORKLOAD_CALL(
				t, ops->get_bulk(pool, t->self, copies, BURST_RUN_OBJECTS));
		bench_escape(objs);
		if (unlikely(got == 0)) {
			t->failed++;
			break;
		}
		WORKLOAD_OWN_DO(t, burst_run_read(objs, got));
		if (ops->get_run != NULL)
			WORKLOAD_DO(t, ops->put_run(pool, t->self, objs, got));
		else
			WORKLOAD_DO(t, ops->put_bulk(pool, t->self, copies, got));
		bench_escape(pool);
		done += got;
	}
	return done;
}

static uint32_t burst_run_demand(const struct workload_cell *cell)
{
	(void)cell;
	return BURST_RUN_DEMAND;
}

static const struct workload workload_burst_run_info = {
	.name = "burst_run",
	.summary = "get, read and put bursts in the pool's own magazines, where it lends them",
	.unit = "objects",
	.program = "Diagnostic: the pointers are read, the objects are not. A driver that takes a "
		   "magazine and links its packets straight from it, against bursts as long.",
	.lane_threads = 1,
	.diagnostic = true,
	.demand = burst_run_demand,
};

#endif
