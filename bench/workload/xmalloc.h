/*
 * xmalloc: one thread gets objects one by one, another puts them one by one. The producers and
 * consumers of xmalloc-test (Lever & Boreham, "malloc() performance in a multithreaded Linux
 * environment", USENIX 2000), as many getters as putters.
 *
 * Departures: the objects have one size and are touched (touch.h); where the test passes batches of
 * 4096 through a list under a mutex, which becomes part of its result, here batches of `burst` go
 * through a ring from each getter to its putter, and its 1024 places bound what is outstanding. Threads
 * come in pairs, as in remote_free. A round is one batch; counts objects that the putting threads finish.
 *
 * What it can't show: both sides run all the time, so the slower one alone decides; and getters that
 * meet any putter.
 */
#ifndef BENCH_WORKLOAD_XMALLOC_H
#define BENCH_WORKLOAD_XMALLOC_H

#include "bench/workload/remote_free.h"

ALWAYS_INLINE uint64_t xmalloc_produce(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	const uint32_t burst = t->cell->burst;
	struct spsc_ring *ring = t->own;
	CACHE_LINE_ALIGNED void *objs[POOL_BULK_MAX];
	uint64_t done = 0;

	for (uint64_t i = 0; i < n && WORKLOAD_OWN(t, spsc_ring_fits(ring, burst)); i++) {
		uint32_t got = 0;

		for (; got < burst; got++) {
			void *object = WORKLOAD_CALL(t, ops->get(pool, t->self));

			bench_escape(object);
			if (unlikely(object == NULL)) {
				t->failed++;
				break;
			}
			WORKLOAD_GOT(t, &object, 1);
			WORKLOAD_OWN_DO(t, touch_write(&object, 1));
			objs[got] = object;
		}
		if (unlikely(got == 0))
			break;
		WORKLOAD_OWN_DO(t, spsc_ring_push(ring, objs, got));
		done += got;
	}
	return done;
}

ALWAYS_INLINE uint64_t xmalloc_consume(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	const uint32_t burst = t->cell->burst;
	struct spsc_ring *ring = t->own;
	CACHE_LINE_ALIGNED void *objs[POOL_BULK_MAX];
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		const uint32_t got = WORKLOAD_OWN(t, spsc_ring_pop(ring, objs, burst));

		if (got == 0)
			break;
		for (uint32_t k = 0; k < got; k++) {
			WORKLOAD_OWN_DO(t, touch_read(&objs[k], 1));
			WORKLOAD_PUTTING(t, &objs[k], 1);
			WORKLOAD_DO(t, ops->put(pool, t->self, objs[k]));
			bench_escape(pool);
		}
		done += got;
	}
	return done;
}

ALWAYS_INLINE uint64_t workload_xmalloc(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	if (t->index % REMOTE_FREE_LANE_THREADS == 0)
		return xmalloc_produce(ops, pool, t, n);
	return xmalloc_consume(ops, pool, t, n);
}

static const struct workload workload_xmalloc_info = {
	.name = "xmalloc",
	.summary = "one thread gets objects singly, another puts them singly, in batches through a "
		   "ring",
	.unit = "objects",
	.program = "Producers and consumers of one allocator's objects (xmalloc-test, Lever & "
		   "Boreham 2000). A ring in place of its list under a mutex.",
	.lane_threads = REMOTE_FREE_LANE_THREADS,
	.axes = WORKLOAD_BURST,
	.by_name = true,
	.untimed = true,
	.demand = remote_free_demand,
	.open = remote_free_open,
	.close = remote_free_close,
	.enter = remote_free_enter,
	.leave = remote_free_leave,
};

#endif
