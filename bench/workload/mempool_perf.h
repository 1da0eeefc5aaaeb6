/*
 * mempool_perf: get objects in bulks until so many are held, then put all back in bulks. The loop of
 * DPDK's mempool_perf test with K = 512 objects held, more than a thread's cache keeps, in bulks of
 * `burst` either way (the test's are 1 to 32, and up to 512).
 *
 * We touch the objects (touch.h), where DPDK's test does not. All threads do the same, each with objects of
 * its own. A round is one bulk; counts moves: an object that is got, or put.
 *
 * What it can't show: objects come back to the thread that got them, in whole bulks and in the order in
 * which they were got.
 */
#ifndef BENCH_WORKLOAD_MEMPOOL_PERF_H
#define BENCH_WORKLOAD_MEMPOOL_PERF_H

#include "bench/workload.h"
#include "bench/workload/touch.h"

#include <errno.h>

enum { MEMPOOL_PERF_HELD = 512 };

struct mempool_perf {
	uint32_t got; /* objs[put..got) are held */
	uint32_t put; /* of them */
	bool puts;    /* all are held, and go back */
	void *objs[MEMPOOL_PERF_HELD];
};

/* The most that a bulk can move with `left` to go. */
ALWAYS_INLINE uint32_t mempool_perf_bulk(const struct workload_thread *t, uint32_t left)
{
	return t->cell->burst < left ? t->cell->burst : left;
}

ALWAYS_INLINE uint64_t workload_mempool_perf(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct mempool_perf *own = t->own;
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		if (!own->puts) {
			void **objs = own->objs + own->got;
			const uint32_t want = mempool_perf_bulk(t, MEMPOOL_PERF_HELD - own->got);
			const uint32_t got =
				WORKLOAD_CALL(t, ops->get_bulk(pool, t->self, objs, want));

			bench_escape(objs);
			WORKLOAD_OWN_DO(t, touch_write(objs, got));
			own->got += got;
			done += got;
			own->puts = own->got == MEMPOOL_PERF_HELD || got < want;
			if (unlikely(got < want)) {
				t->failed++;
				break;
			}
		} else {
			void **objs = own->objs + own->put;
			const uint32_t give = mempool_perf_bulk(t, own->got - own->put);

			WORKLOAD_OWN_DO(t, touch_read(objs, give));
			if (likely(give > 0))
				WORKLOAD_DO(t, ops->put_bulk(pool, t->self, objs, give));
			bench_escape(pool);
			own->put += give;
			done += give;
			if (own->put == own->got) {
				own->puts = false;
				own->got = own->put = 0;
			}
		}
	}
	return done;
}

static uint32_t mempool_perf_demand(const struct workload_cell *cell)
{
	(void)cell;
	return MEMPOOL_PERF_HELD;
}

static int mempool_perf_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct mempool_perf *own = memory_alloc(sizeof(*own));

	(void)ops;
	(void)pool;
	if (own == NULL)
		return -ENOMEM;
	own->got = own->put = 0;
	own->puts = false;
	t->own = own;
	return 0;
}

static void mempool_perf_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct mempool_perf *own = t->own;

	if (own->put < own->got)
		ops->put_bulk(pool, t->self, own->objs + own->put, own->got - own->put);
	memory_free(own, sizeof(*own));
}

static const struct workload workload_mempool_perf_info = {
	.name = "mempool_perf",
	.summary = "get 512 objects in bulks, put them back in bulks",
	.unit = "moves",
	.program = "DPDK's mempool_perf test with 512 objects held, which are touched. Same "
		   "thread, whole bulks, first in first out.",
	.lane_threads = 1,
	.axes = WORKLOAD_BURST,
	.burst_max = MEMPOOL_PERF_HELD,
	.by_name = true,
	.untimed = true,
	.demand = mempool_perf_demand,
	.enter = mempool_perf_enter,
	.leave = mempool_perf_leave,
};

#endif
