/*
 * Threads that hold a share of a pool of exact capacity, as a driver does whose descriptors are
 * nearly all in flight: each gets one by one, and when it has HELD_SWING more than its share it puts
 * that many back, of any age. The workloads held_50 and held_95 are this with two shares, and those
 * with _touch behind their names are the same with objects that are touched (touch.h).
 *
 * At every get HELD_OBJECTS - held - HELD_SWING objects a thread are free, so a get that answers NULL
 * has found a *false empty*, and each is counted in t->failed. A thread that met one puts back what
 * it has above its share, as if it were full, and goes on.
 *
 * The numbers make caches strand objects. A cache that is filled by magazines or batches of any power
 * of two from 64 to 512 objects owns a multiple of that, here 1024 for the 982 that a thread has at
 * most, where its share of the pool is 1000: what one thread's or CPU's cache has too much, another
 * lacks at its height. A strategy that looks into its own cache and the depot only finds nothing
 * then, and an exact one has to search. Where half is held nothing of this happens.
 */
#ifndef BENCH_WORKLOAD_HELD_LOAD_H
#define BENCH_WORKLOAD_HELD_LOAD_H

#include "bench/workload.h"
#include "bench/workload/random.h"
#include "bench/workload/touch.h"

#include <assert.h>
#include <errno.h>

enum {
	HELD_OBJECTS = 1000,          /* of the pool, a thread */
	HELD_SWING = 32,              /* objects: DPDK's customary burst */
	HELD_MOST = 2 * HELD_OBJECTS, /* of a thread that wants more than its part */
};

static_assert(
	(int)HELD_OBJECTS <= (int)POOL_BULK_MAX, "a thread takes and returns its share at once");

/* Per cent of a pool's objects that leave some free when all threads have the most they have. */
#define HELD_SHARE_FITS(share) (HELD_OBJECTS * (share) / 100 + HELD_SWING < HELD_OBJECTS)

/* What one thread holds. */
struct held {
	uint64_t random;
	uint32_t count;
	uint32_t low, high; /* it puts down to low as soon as it has high */
	void *object[HELD_MOST];
	uint64_t got_then; /* exhaustion.h: how many it had got when it last found none */
};

ALWAYS_INLINE void held_put_down(const struct pool_ops *ops, struct pool *pool,
	struct workload_thread *t, struct held *held, bool touch)
{
	while (held->count > held->low) {
		void **place = &held->object[random_below(&held->random, held->count)];
		void *object = *place;

		*place = held->object[--held->count];
		if (touch)
			WORKLOAD_OWN_DO(t, touch_read(&object, 1));
		WORKLOAD_DO(t, ops->put(pool, t->self, object));
		bench_escape(pool);
	}
}

/* The body. A round is one object got, and in the mean one put; counts objects. */
ALWAYS_INLINE uint64_t held_run(const struct pool_ops *ops, struct pool *pool,
	struct workload_thread *t, uint64_t n, bool touch)
{
	struct held *held = t->own;

	for (uint64_t i = 0; i < n; i++) {
		void *object = WORKLOAD_CALL(t, ops->get(pool, t->self));

		bench_escape(object);
		if (unlikely(object == NULL)) {
			t->failed++;
			held_put_down(ops, pool, t, held, touch);
			return i;
		}
		if (touch)
			WORKLOAD_OWN_DO(t, touch_write(&object, 1));
		held->object[held->count++] = object;
		if (held->count == held->high)
			held_put_down(ops, pool, t, held, touch);
	}
	return n;
}

/* As struct workload's capacity. */
static inline uint32_t held_capacity(const struct workload_cell *cell)
{
	return cell->threads * HELD_OBJECTS;
}

/*
 * Takes the thread's share, per cent of the pool's objects. Where a strategy does not hand it out the
 * body goes on trying. As struct workload's enter.
 */
static inline int held_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint32_t share)
{
	struct held *held = memory_alloc(sizeof(*held));

	if (held == NULL)
		return -ENOMEM;
	held->low = HELD_OBJECTS * share / 100;
	held->high = held->low + HELD_SWING;
	held->random = t->cell->seed + t->index;
	held->count = ops->get_bulk(pool, t->self, held->object, held->low);
	t->own = held;
	return 0;
}

/* As struct workload's leave. */
static inline void held_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct held *held = t->own;

	if (held->count > 0)
		ops->put_bulk(pool, t->self, held->object, held->count);
	memory_free(held, sizeof(*held));
}

#endif
