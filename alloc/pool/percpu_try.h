/*
 * percpu_try: an array of free objects a CPU, each under a try-lock, over the lock-free depot. Portable
 * C: what runs where restartable sequences do not, and their twin for tools that cannot read assembly.
 *
 * A call reads which CPU it is on and tries that array's lock once. If it gets it, it works on the array
 * and unlocks. If not, another thread was preempted in there, or the caller has migrated: it tries
 * the next few CPUs and then goes to the depot. It never waits and never circles. The idea is SLUB's
 * local try-lock (Linux, mm/slub.c) in user mode.
 *
 *	get   own array; else the depot; else every other array
 *	put   own array; if that is full, a batch of it goes to the depot first
 *
 * Progress: lock-free, since the depot always answers; what lies behind a stopped holder of a lock is
 * out of reach meanwhile.
 * Exact, for any number of threads: get answers NULL only after it has found the depot empty and
 * then entered every CPU's array, but for those that a thread is in. While no other thread is in a call
 * every lock is free and nothing moves between these looks; and a free object is in an array or in the
 * depot, which has room for any number (depot.h). A thread that stops with a lock hides that array as
 * long as its call lasts.
 * Signal handlers may use it: one that interrupts a holder finds the lock taken, and goes on to the
 * next CPU or the depot.
 *
 * The edges are those of try_lock.h (A0, R0) and of the depot, which has its tags against ABA.
 *
 * I1  as in try_arrays.h. An object is in at most one place: one array, or the depot.
 */
#ifndef ALLOC_POOL_PERCPU_TRY_H
#define ALLOC_POOL_PERCPU_TRY_H

#include "alloc/mechanism/transit.h"
#include "alloc/mechanism/try_arrays.h"

#include <string.h>

static COLD uint32_t percpu_try_refill(
	struct try_arrays *pool, struct pool_thread *thread, void **objs, uint32_t got, uint32_t n);
static COLD void percpu_try_overflow(
	struct try_arrays *pool, struct pool_thread *thread, void *const *objs, uint32_t n);

/* One locked exchange, six loads, two stores. */
static inline void *percpu_try_get(struct pool *pool, struct pool_thread *thread)
{
	struct try_arrays *self = (struct try_arrays *)pool;
	struct try_array *array = try_arrays_own(self, thread);

	if (likely(try_lock_enter(&array->lock))) {
		if (likely(array->count != 0)) {
			void *object = array->slot[--array->count];

			try_lock_leave(&array->lock);
			return object;
		}
		try_lock_leave(&array->lock);
	} else {
		thread->paths.wait++;
	}
	return pool_get_one(pool, thread);
}

/* One locked exchange, six loads, three stores. */
static inline void percpu_try_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct try_arrays *self = (struct try_arrays *)pool;
	struct try_array *array = try_arrays_own(self, thread);

	if (likely(try_lock_enter(&array->lock))) {
		if (likely(array->count < self->cap)) {
			array->slot[array->count++] = object;
			try_lock_leave(&array->lock);
			return;
		}
		try_lock_leave(&array->lock);
	} else {
		thread->paths.wait++;
	}
	pool_put_one(pool, thread, object);
}

/* One locked exchange, one copy, one release store. */
static inline uint32_t percpu_try_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct try_arrays *self = (struct try_arrays *)pool;
	struct try_array *array = try_arrays_own(self, thread);
	uint32_t got = 0;

	if (likely(try_lock_enter(&array->lock))) {
		got = try_array_pop(array, objs, n);
		try_lock_leave(&array->lock);
	} else {
		thread->paths.wait++;
	}
	if (unlikely(got < n))
		got = percpu_try_refill(self, thread, objs, got, n);
	return got;
}

/* One locked exchange, one copy, one release store. */
static inline void percpu_try_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct try_arrays *self = (struct try_arrays *)pool;
	struct try_array *array = try_arrays_own(self, thread);
	uint32_t put = 0;

	if (likely(try_lock_enter(&array->lock))) {
		put = try_array_push(array, objs, n, self->cap);
		try_lock_leave(&array->lock);
	} else {
		thread->paths.wait++;
	}
	if (unlikely(put < n))
		percpu_try_overflow(self, thread, objs + put, n - put);
}

/*
 * The cold end of get: objs[0..got) are filled, more are wanted. Takes batches from the depot. What a
 * batch has beyond them goes to the own array, as far as that has room: the CPU may be another by now,
 * and its array full.
 */
static COLD uint32_t percpu_try_refill(
	struct try_arrays *pool, struct pool_thread *thread, void **objs, uint32_t got, uint32_t n)
{
	struct transit transit;

	transit_init(&transit);
	while (got < n) {
		uint32_t batch = transit_take(&transit, &pool->depot, thread);
		uint32_t use = n - got < batch ? n - got : batch;

		if (batch == 0) {
			got += try_arrays_search(pool, thread, objs + got, n - got);
			break;
		}
		memcpy(objs + got, transit.slot, use * sizeof(*objs));
		got += use;
		if (use < batch) {
			struct try_array *array = try_arrays_enter_near(pool, thread);

			if (array != NULL) {
				use += try_array_push(
					array, transit.slot + use, batch - use, pool->cap);
				try_lock_leave(&array->lock);
			}
			depot_give(&pool->depot, thread, transit.slot + use, batch - use);
		}
	}
	transit_close(&transit, &pool->depot, thread);
	thread->paths.empty += got < n;
	return got;
}

/*
 * The cold end of put: objs[0..n) did not fit. Makes room by moving a batch to the depot; what
 * still does not fit goes there too.
 */
static COLD void percpu_try_overflow(
	struct try_arrays *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct try_array *array = try_arrays_enter_near(pool, thread);
	struct transit transit;
	uint32_t moved = 0;
	uint32_t put = 0;

	transit_init(&transit);
	if (array != NULL) {
		if (array->count + n > pool->cap) {
			transit_open(&transit, &pool->depot, thread);
			moved = try_array_pop(array, transit.slot, transit.room);
		}
		put = try_array_push(array, objs, n, pool->cap);
		try_lock_leave(&array->lock);
	}
	if (moved != 0)
		transit_give(&transit, &pool->depot, thread, moved);
	transit_close(&transit, &pool->depot, thread);
	depot_give(&pool->depot, thread, objs + put, n - put);
}

static const struct pool_parts percpu_try_parts = {
	POOL_WITH_SLAB(struct try_arrays, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct cpu_thread),
	.init = try_arrays_init,
	.fini = try_arrays_fini,
	.enter = cpu_thread_enter,
	.walk = try_arrays_walk,
};

/* The array that it has entered, and a batch from the depot. */
static COLD uint64_t percpu_try_lost(const struct pool *pool)
{
	return (uint64_t)pool->config.cpu_cache_objects + pool->config.batch_objects;
}

static const struct pool_ops pool_percpu_try_ops = {
	.name = "percpu_try",
	.summary = "an array a CPU under a try-lock, over a lock-free depot; portable",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(percpu_try_parts),
	.adopt = cpu_thread_adopt,
	POOL_HOT_HOOKS(percpu_try),
	.flush = try_arrays_flush,
	.lost = percpu_try_lost,
};

#endif
