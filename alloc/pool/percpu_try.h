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
 * After put: memory stays mapped, nothing is overwritten.
 * Exact, for any number of threads: get answers NULL only after it has found the depot empty and
 * then entered every CPU's array, but for those that a thread is in. While no other thread is in a call
 * every lock is free and nothing moves between these looks; and a free object is in an array or in the
 * depot, which has room for any number (depot.h). A thread that stops with a lock hides that array as
 * long as its call lasts.
 * Signal handlers may use it: one that interrupts a holder finds the lock taken, and goes on to the
 * next CPU or the depot.
 *
 *	          get              put
 *	get       try-lock; depot  try-lock; depot
 *	put                        try-lock; depot
 *
 * count and check want a quiet pool. The edges are those of try_array.h (A0, R0) and of the depot, which
 * has its tags against ABA.
 *
 * I1  A quiet pool's locks are free, and each array holds at most cpu_cache_objects.
 * I2  An object is in at most one place: one array, or the depot.
 */
#ifndef ALLOC_POOL_PERCPU_TRY_H
#define ALLOC_POOL_PERCPU_TRY_H

#include "alloc/mechanism/cpu_thread.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/transit.h"
#include "alloc/mechanism/try_array.h"

#include <string.h>

/*
 * Other CPUs tried after the own one, before the depot: 0..16. Two, because a holder is preempted
 * seldom and its neighbour at the same time hardly ever.
 */
enum { PERCPU_TRY_NEIGHBOURS = 2 };
_Static_assert(PERCPU_TRY_NEIGHBOURS >= 0 && PERCPU_TRY_NEIGHBOURS <= 16, "a search, not a walk");

struct percpu_try_pool {
	struct pool base;
	struct try_array *arrays; /* cpus of them */
	uint32_t cpus;
	uint32_t cap; /* objects an array holds; cpu_cache_objects */
	struct slab slab;
	struct depot depot;
};

/* The current CPU's array; a CPU number beyond those known at creation shares one. */
ALWAYS_INLINE struct try_array *percpu_try_own(
	struct percpu_try_pool *pool, struct pool_thread *thread)
{
	uint32_t cpu = cpu_thread_current(thread);

	return &pool->arrays[likely(cpu < pool->cpus) ? cpu : 0];
}

static COLD uint32_t percpu_try_refill(struct percpu_try_pool *pool, struct pool_thread *thread,
	void **objs, uint32_t got, uint32_t n);
static COLD void percpu_try_overflow(
	struct percpu_try_pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n);
static COLD void *percpu_try_get_slow(struct percpu_try_pool *pool, struct pool_thread *thread);
static COLD void percpu_try_put_slow(
	struct percpu_try_pool *pool, struct pool_thread *thread, void *object);

/* One locked exchange, six loads, two stores. */
static inline void *percpu_try_get(struct pool *pool, struct pool_thread *thread)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct try_array *array = percpu_try_own(self, thread);

	if (likely(try_array_enter(array))) {
		if (likely(array->count != 0)) {
			void *object = array->slot[--array->count];

			try_array_leave(array);
			return object;
		}
		try_array_leave(array);
	}
	return percpu_try_get_slow(self, thread);
}

/* One locked exchange, six loads, three stores. */
static inline void percpu_try_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct try_array *array = percpu_try_own(self, thread);

	if (likely(try_array_enter(array))) {
		if (likely(array->count < self->cap)) {
			array->slot[array->count++] = object;
			try_array_leave(array);
			return;
		}
		try_array_leave(array);
	}
	percpu_try_put_slow(self, thread, object);
}

/* One locked exchange, one copy, one release store. */
static inline uint32_t percpu_try_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct try_array *array = percpu_try_own(self, thread);
	uint32_t got = 0;

	if (likely(try_array_enter(array))) {
		got = try_array_pop(array, objs, n);
		try_array_leave(array);
	}
	if (unlikely(got < n))
		got = percpu_try_refill(self, thread, objs, got, n);
	return got;
}

/* One locked exchange, one copy, one release store. */
static inline void percpu_try_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct try_array *array = percpu_try_own(self, thread);
	uint32_t put = 0;

	if (likely(try_array_enter(array))) {
		put = try_array_push(array, objs, n, self->cap);
		try_array_leave(array);
	}
	if (unlikely(put < n))
		percpu_try_overflow(self, thread, objs + put, n - put);
}

static COLD void *percpu_try_get_slow(struct percpu_try_pool *pool, struct pool_thread *thread)
{
	void *object;

	return percpu_try_refill(pool, thread, &object, 0, 1) == 1 ? object : NULL;
}

static COLD void percpu_try_put_slow(
	struct percpu_try_pool *pool, struct pool_thread *thread, void *object)
{
	percpu_try_overflow(pool, thread, &object, 1);
}

/* Enters the own array or one of the next few; NULL: all were busy. */
static COLD struct try_array *percpu_try_enter_near(
	struct percpu_try_pool *pool, struct pool_thread *thread)
{
	uint32_t at = (uint32_t)(percpu_try_own(pool, thread) - pool->arrays);

	for (uint32_t i = 0; i <= PERCPU_TRY_NEIGHBOURS && i < pool->cpus; i++) {
		struct try_array *array = &pool->arrays[(at + i) % pool->cpus];

		if (try_array_enter(array))
			return array;
	}
	return NULL;
}

/* Looks through every array that is not busy, from the own one on. */
static COLD uint32_t percpu_try_search(
	struct percpu_try_pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t at = (uint32_t)(percpu_try_own(pool, thread) - pool->arrays);
	uint32_t got = 0;

	for (uint32_t i = 0; i < pool->cpus && got < n; i++) {
		struct try_array *array = &pool->arrays[(at + i) % pool->cpus];

		if (!try_array_enter(array))
			continue;
		got += try_array_pop(array, objs + got, n - got);
		try_array_leave(array);
	}
	thread->paths.steal += got != 0;
	return got;
}

/*
 * The cold end of get: objs[0..got) are filled, more are wanted. Takes batches from the depot. What a
 * batch has beyond them goes to the own array, as far as that has room: the CPU may be another by now,
 * and its array full.
 */
static COLD uint32_t percpu_try_refill(struct percpu_try_pool *pool, struct pool_thread *thread,
	void **objs, uint32_t got, uint32_t n)
{
	struct transit transit;

	transit_init(&transit);
	while (got < n) {
		uint32_t batch = transit_take(&transit, &pool->depot, thread);
		uint32_t use = n - got < batch ? n - got : batch;

		if (batch == 0) {
			got += percpu_try_search(pool, thread, objs + got, n - got);
			break;
		}
		memcpy(objs + got, transit.slot, use * sizeof(*objs));
		got += use;
		if (use < batch) {
			struct try_array *array = percpu_try_enter_near(pool, thread);

			if (array != NULL) {
				use += try_array_push(
					array, transit.slot + use, batch - use, pool->cap);
				try_array_leave(array);
			}
			depot_give(&pool->depot, thread, transit.slot + use, batch - use);
		}
	}
	transit_close(&transit, &pool->depot);
	thread->paths.empty += got < n;
	return got;
}

/*
 * The cold end of put: objs[0..n) did not fit. Makes room by moving a batch to the depot; what
 * still does not fit goes there too.
 */
static COLD void percpu_try_overflow(
	struct percpu_try_pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct try_array *array = percpu_try_enter_near(pool, thread);
	struct transit transit;
	uint32_t moved = 0;
	uint32_t put = 0;

	transit_init(&transit);
	if (array != NULL) {
		if (array->count + n > pool->cap) {
			transit_open(&transit, &pool->depot);
			moved = try_array_pop(array, transit.slot, transit.room);
		}
		put = try_array_push(array, objs, n, pool->cap);
		try_array_leave(array);
	}
	if (moved != 0)
		transit_give(&transit, &pool->depot, thread, moved);
	transit_close(&transit, &pool->depot);
	depot_give(&pool->depot, thread, objs + put, n - put);
}

/* Empties the current CPU's array, if nobody is in it. */
static COLD void percpu_try_flush(struct pool *pool, struct pool_thread *thread)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct try_array *array = percpu_try_own(self, thread);
	struct transit transit;
	uint32_t n = 1;

	transit_init(&transit);
	while (n != 0) {
		transit_open(&transit, &self->depot);
		if (!try_array_enter(array))
			break;
		n = try_array_pop(array, transit.slot, transit.room);
		try_array_leave(array);
		if (n != 0)
			transit_give(&transit, &self->depot, thread, n);
	}
	transit_close(&transit, &self->depot);
}

static COLD int percpu_try_init(struct pool *pool)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;

	self->cpus = cpu_possible();
	self->cap = pool->config.cpu_cache_objects;
	int rc = depot_init(
		&self->depot, &self->slab, pool->config.batch_objects, 0, CACHE_LINE_BYTES);
	if (rc != 0)
		return rc;
	self->arrays = memory_map(self->cpus * sizeof(*self->arrays), MEMORY_PAGES_ORDINARY);
	if (self->arrays == NULL) {
		depot_fini(&self->depot);
		return -ENOMEM;
	}
	return 0;
}

static COLD void percpu_try_fini(struct pool *pool)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;

	memory_unmap(self->arrays, self->cpus * sizeof(*self->arrays), MEMORY_PAGES_ORDINARY);
	depot_fini(&self->depot);
}

static COLD void percpu_try_walk(struct pool *pool, struct census *census)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;

	for (uint32_t i = 0; i < self->cpus && !census->failed; i++) {
		struct try_array *array = &self->arrays[i];

		if (atom_load_relaxed(&array->busy) != 0 || array->count > self->cap) /* I1 */
			census_fail(census,
				"I1: the array of CPU %u is locked or holds %u objects of %u", i,
				array->count, self->cap);
		for (uint32_t k = 0; k < array->count && !census->failed; k++) /* I2 */
			census_mark(census, array->slot[k], "a CPU's array");
	}
	if (!census->failed)
		depot_census(&self->depot, census);
}

static const struct pool_parts percpu_try_parts = {
	.pool_bytes = sizeof(struct percpu_try_pool),
	.thread_bytes = sizeof(struct cpu_thread),
	.slab_offset = offsetof(struct percpu_try_pool, slab),
	.links = SLAB_WITH_LINKS,
	.init = percpu_try_init,
	.fini = percpu_try_fini,
	.enter = cpu_thread_enter,
	.walk = percpu_try_walk,
};

static const struct pool_ops pool_percpu_try_ops = {
	.name = "percpu_try",
	.summary = "an array a CPU under a try-lock, over a lock-free depot; portable",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.exact = true,
		.signals = true,
		.trims = true},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(percpu_try_parts),
	.adopt = cpu_thread_adopt,
	.get = percpu_try_get,
	.put = percpu_try_put,
	.get_bulk = percpu_try_get_bulk,
	.put_bulk = percpu_try_put_bulk,
	.flush = percpu_try_flush,
};

#endif
