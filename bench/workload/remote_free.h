/*
 * remote_free: one thread gets, another puts. Bursts of objects travel from the first to the second
 * through a ring of 1024: DPDK's test-mempool-perf pipeline, and every stack in which the receive
 * side allocates and the send-completion side frees.
 *
 * Threads come in pairs: an even thread gets and pushes, the odd one after it pops and puts. Each
 * pair has a ring of its own. A round is one burst; counts objects, and the cell's throughput is
 * what the putting threads finish.
 *
 * What it can't show: both sides run all the time, so the ring is always full or always empty, and
 * the slower side alone decides. A diagnostic: nobody touches the objects' memory.
 * `remote_free_touch` does.
 */
#ifndef BENCH_WORKLOAD_REMOTE_FREE_H
#define BENCH_WORKLOAD_REMOTE_FREE_H

#include "bench/workload.h"
#include "bench/workload/spsc_ring.h"
#include "bench/workload/touch.h"

#include <errno.h>

/* Threads a pair: one gets, one puts. */
enum { REMOTE_FREE_LANE_THREADS = 2 };

ALWAYS_INLINE uint64_t remote_free_produce(const struct pool_ops *ops, struct pool *pool,
	struct workload_thread *t, uint64_t n, bool touch)
{
	const uint32_t burst = t->cell->burst;
	struct spsc_ring *ring = t->own;
	CACHE_LINE_ALIGNED void *objs[POOL_BULK_MAX];
	uint64_t done = 0;

	for (uint64_t i = 0; i < n && WORKLOAD_OWN(t, spsc_ring_fits(ring, burst)); i++) {
		uint32_t got = WORKLOAD_CALL(t, ops->get_bulk(pool, t->self, objs, burst));

		WORKLOAD_GOT(t, objs, got);
		bench_escape(objs);
		if (unlikely(got < burst))
			t->failed++;
		if (unlikely(got == 0))
			break;
		if (touch)
			WORKLOAD_OWN_DO(t, touch_write(objs, got));
		WORKLOAD_OWN_DO(t, spsc_ring_push(ring, objs, got));
		done += got;
	}
	return done;
}

ALWAYS_INLINE uint64_t remote_free_consume(const struct pool_ops *ops, struct pool *pool,
	struct workload_thread *t, uint64_t n, bool touch)
{
	const uint32_t burst = t->cell->burst;
	struct spsc_ring *ring = t->own;
	CACHE_LINE_ALIGNED void *objs[POOL_BULK_MAX];
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint32_t got = WORKLOAD_OWN(t, spsc_ring_pop(ring, objs, burst));

		if (got == 0)
			break;
		bench_escape(objs);
		if (touch)
			WORKLOAD_OWN_DO(t, touch_read(objs, got));
		WORKLOAD_PUTTING(t, objs, got);
		WORKLOAD_DO(t, ops->put_bulk(pool, t->self, objs, got));
		bench_escape(pool);
		done += got;
	}
	return done;
}

ALWAYS_INLINE uint64_t remote_free_rounds(const struct pool_ops *ops, struct pool *pool,
	struct workload_thread *t, uint64_t n, bool touch)
{
	if (t->index % REMOTE_FREE_LANE_THREADS == 0)
		return remote_free_produce(ops, pool, t, n, touch);
	return remote_free_consume(ops, pool, t, n, touch);
}

ALWAYS_INLINE uint64_t workload_remote_free(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return remote_free_rounds(ops, pool, t, n, false);
}

/* A pair has a full ring and a burst on either side under way. */
static uint32_t remote_free_demand(const struct workload_cell *cell)
{
	return SPSC_RING_OBJECTS / REMOTE_FREE_LANE_THREADS + cell->burst;
}

static size_t remote_free_shared_bytes(const struct workload_cell *cell)
{
	return cell->threads / REMOTE_FREE_LANE_THREADS * sizeof(struct spsc_ring);
}

static int remote_free_open(const struct pool_ops *ops, struct pool *pool,
	const struct workload_cell *cell, void **shared)
{
	struct spsc_ring *rings = memory_alloc(remote_free_shared_bytes(cell));

	(void)ops;
	(void)pool;
	if (rings == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < cell->threads / REMOTE_FREE_LANE_THREADS; i++)
		spsc_ring_init(&rings[i]);
	*shared = rings;
	return 0;
}

static void remote_free_close(const struct pool_ops *ops, struct pool *pool,
	const struct workload_cell *cell, void *shared)
{
	(void)ops;
	(void)pool;
	memory_free(shared, remote_free_shared_bytes(cell));
}

static int remote_free_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct spsc_ring *rings = t->shared;

	(void)ops;
	(void)pool;
	t->own = &rings[t->index / REMOTE_FREE_LANE_THREADS];
	return 0;
}

/* The getting side holds nothing between rounds; the putting side empties the ring. */
static void remote_free_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct spsc_ring *ring = t->own;
	void *object;

	if (t->index % REMOTE_FREE_LANE_THREADS == 0)
		return;
	while (spsc_ring_pop(ring, &object, 1) != 0)
		ops->put(pool, t->self, object);
}

static const struct workload workload_remote_free_info = {
	.name = "remote_free",
	.summary = "one thread gets bursts, another puts them, through a ring",
	.unit = "objects",
	.program = "Diagnostic: nobody touches the objects. A stack whose receive side "
		   "allocates and whose completion side frees (DPDK's mempool pipeline). "
		   "The slower side decides.",
	.lane_threads = REMOTE_FREE_LANE_THREADS,
	.axes = WORKLOAD_BURST,
	.diagnostic = true,
	.demand = remote_free_demand,
	.open = remote_free_open,
	.close = remote_free_close,
	.enter = remote_free_enter,
	.leave = remote_free_leave,
};

#endif
