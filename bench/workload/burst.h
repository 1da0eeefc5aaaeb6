/*
 * burst: get a burst of objects in one bulk call, put them back in another. A receive path that
 * takes a batch of descriptors from the pool and returns it at the end of the same poll: DPDK's
 * mempool_perf with as many objects held as a bulk has (K = g = p).
 *
 * All threads do the same, each with objects of its own. A round is one burst; counts objects.
 *
 * What it can't show: the objects come back to the thread that got them, in the order that suits a
 * cache. A diagnostic: nobody touches the objects' memory. `burst_touch` does.
 */
#ifndef BENCH_WORKLOAD_BURST_H
#define BENCH_WORKLOAD_BURST_H

#include "bench/workload.h"
#include "bench/workload/touch.h"

ALWAYS_INLINE uint64_t burst_rounds(const struct pool_ops *ops, struct pool *pool,
	struct workload_thread *t, uint64_t n, bool touch)
{
	const uint32_t burst = t->cell->burst;
	CACHE_LINE_ALIGNED void *objs[POOL_BULK_MAX];
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint32_t got = WORKLOAD_CALL(t, ops->get_bulk(pool, t->self, objs, burst));

		bench_escape(objs);
		if (unlikely(got < burst))
			t->failed++;
		if (unlikely(got == 0))
			break;
		if (touch) {
			WORKLOAD_OWN_DO(t, touch_write(objs, got));
			WORKLOAD_OWN_DO(t, touch_read(objs, got));
		}
		WORKLOAD_DO(t, ops->put_bulk(pool, t->self, objs, got));
		bench_escape(pool);
		done += got;
	}
	return done;
}

ALWAYS_INLINE uint64_t workload_burst(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return burst_rounds(ops, pool, t, n, false);
}

static uint32_t burst_demand(const struct workload_cell *cell)
{
	return cell->burst;
}

static const struct workload workload_burst_info = {
	.name = "burst",
	.summary = "get a burst of objects, put the burst back",
	.unit = "objects",
	.program = "Diagnostic: nobody touches the objects. A receive path that takes and "
		   "returns a batch of descriptors in one poll (DPDK's mempool_perf). Same "
		   "thread, last in first out.",
	.lane_threads = 1,
	.axes = WORKLOAD_BURST,
	.diagnostic = true,
	.demand = burst_demand,
};

#endif
