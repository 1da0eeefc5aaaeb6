/*
 * percpu_try: an array a CPU, each under a try-lock, over the lock-free depot. Portable C: what
 * runs where restartable sequences do not, and their twin for the tools that cannot read assembly.
 *
 * A call reads which CPU it is on and tries that CPU's lock once; on success it works on the array
 * and unlocks. On failure (another thread was preempted in there, or the caller migrated) it tries
 * the next few CPUs and then goes to the depot. It never waits and never circles. The idea is
 * SLUB's local try-lock (Linux, mm/slub.c) in user mode.
 *
 * Progress: lock-free, since the depot always answers; what lies behind a stopped holder is out of
 * reach meanwhile.
 * After put: memory stays mapped, nothing is overwritten.
 * Exact, for any number of threads: get answers NULL only after it has found the depot empty and
 * then entered every CPU's array, but for those that a thread is in. With no other thread in a call
 * every lock is free and nothing moves between these looks, and an object that is free is in an
 * array or the depot; the depot has room for any number (depot.h). A thread that stops with a lock
 * hides that array as long as its call lasts.
 * Signal handlers may use it: one that interrupts a holder finds the lock taken, and goes on to the
 * next CPU or the depot.
 *
 *	          get              put
 *	get       try-lock; depot  try-lock; depot
 *	put                        try-lock; depot
 *
 * count and check want a quiet pool.
 *
 * A0 in percpu_try_enter, meets R0 in percpu_try_leave: the array as the last holder left it.
 * ABA: a lock has none; the depot has its tags.
 *
 * I1  A quiet pool's locks are free, and each array holds at most cpu_cache_objects.
 * I2  An object is in at most one place: one array, or the depot.
 */
#ifndef ALLOC_POOL_PERCPU_TRY_H
#define ALLOC_POOL_PERCPU_TRY_H

#include "alloc/machine/copy.h"
#include "alloc/machine/cpu.h"
#include "alloc/mechanism/transit.h"

#include <errno.h>
#include <string.h>

/*
 * Other CPUs tried after the own one, before the depot: 0..16. Two, because a holder is preempted
 * seldom and its neighbour at the same time hardly ever.
 */
enum { PERCPU_TRY_NEIGHBOURS = 2 };
_Static_assert(PERCPU_TRY_NEIGHBOURS >= 0 && PERCPU_TRY_NEIGHBOURS <= 16, "a search, not a walk");

struct percpu_try_array {
	atom_u32 busy;  /* 1 while a thread is in here */
	uint32_t count; /* the rest is the holder's */
	void *slot[POOL_CPU_CACHE_OBJECTS_MAX];
} CACHE_PAIR_ALIGNED;

struct percpu_try_pool {
	struct pool base;
	struct percpu_try_array *arrays; /* cpus of them */
	uint32_t cpus;
	uint32_t cap;   /* objects an array holds; cpu_cache_objects */
	uint32_t batch; /* objects moved at once; the depot's magazine size */
	struct slab slab;
	struct depot depot;
};

struct percpu_try_thread {
	struct pool_thread base;
	atom_u32 *cpu_word; /* see cpu.h */
};

ALWAYS_INLINE bool percpu_try_enter(struct percpu_try_array *array)
{
	return atom_xchg_acquire(&array->busy, 1) == 0; /* A0, meets R0 */
}

ALWAYS_INLINE void percpu_try_leave(struct percpu_try_array *array)
{
	atom_store_release(&array->busy, 0); /* R0, meets A0 */
}

/* The current CPU's array; a CPU number beyond those known at creation shares one. */
ALWAYS_INLINE struct percpu_try_array *percpu_try_own(
	struct percpu_try_pool *pool, struct percpu_try_thread *self)
{
	uint32_t cpu = cpu_current(self->cpu_word);

	return &pool->arrays[likely(cpu < pool->cpus) ? cpu : 0];
}

/* Enters the own array or one of the next few; NULL: all were busy. */
static COLD struct percpu_try_array *percpu_try_enter_near(
	struct percpu_try_pool *pool, struct percpu_try_thread *self)
{
	uint32_t at = (uint32_t)(percpu_try_own(pool, self) - pool->arrays);

	for (uint32_t i = 0; i <= PERCPU_TRY_NEIGHBOURS && i < pool->cpus; i++) {
		struct percpu_try_array *array = &pool->arrays[(at + i) % pool->cpus];

		if (percpu_try_enter(array))
			return array;
	}
	return NULL;
}

/* Up to n objects from an array that has been entered. */
ALWAYS_INLINE uint32_t percpu_try_pop(struct percpu_try_array *array, void **objs, uint32_t n)
{
	uint32_t take = n < array->count ? n : array->count;

	array->count -= take;
	copy_pointers(objs, &array->slot[array->count], take);
	return take;
}

/* As many of objs[0..n) as an entered array has room for. */
ALWAYS_INLINE uint32_t percpu_try_push(
	struct percpu_try_array *array, void *const *objs, uint32_t n, uint32_t cap)
{
	uint32_t room = cap - array->count;
	uint32_t give = n < room ? n : room;

	copy_pointers(&array->slot[array->count], objs, give);
	array->count += give;
	return give;
}

/* Looks through every array that is not busy, from the own one on. */
static COLD uint32_t percpu_try_search(
	struct percpu_try_pool *pool, struct percpu_try_thread *self, void **objs, uint32_t n)
{
	uint32_t at = (uint32_t)(percpu_try_own(pool, self) - pool->arrays);
	uint32_t got = 0;

	for (uint32_t i = 0; i < pool->cpus && got < n; i++) {
		struct percpu_try_array *array = &pool->arrays[(at + i) % pool->cpus];

		if (!percpu_try_enter(array))
			continue;
		got += percpu_try_pop(array, objs + got, n - got);
		percpu_try_leave(array);
	}
	self->base.paths.steal += got != 0;
	return got;
}

/*
 * The cold end of get: objs[0..got) are filled, more are wanted. Takes batches from the depot and
 * leaves what is over in the own array, as far as it has room; the CPU may have changed and the
 * array may have been filled meanwhile.
 */
static COLD uint32_t percpu_try_refill(struct percpu_try_pool *pool, struct percpu_try_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	struct transit transit;

	transit_init(&transit);
	while (got < n) {
		uint32_t batch = transit_take(&transit, &pool->depot, &self->base);
		uint32_t use = n - got < batch ? n - got : batch;

		if (batch == 0) {
			got += percpu_try_search(pool, self, objs + got, n - got);
			break;
		}
		memcpy(objs + got, transit.slot, use * sizeof(*objs));
		got += use;
		if (use < batch) {
			struct percpu_try_array *array = percpu_try_enter_near(pool, self);

			if (array != NULL) {
				use += percpu_try_push(
					array, transit.slot + use, batch - use, pool->cap);
				percpu_try_leave(array);
			}
			if (use < batch)
				depot_give(
					&pool->depot, &self->base, transit.slot + use, batch - use);
		}
	}
	transit_close(&transit, &pool->depot);
	self->base.paths.empty += got < n;
	return got;
}

/*
 * The cold end of put: objs[0..n) did not fit. Makes room by moving a batch to the depot; what
 * still does not fit goes there too.
 */
static COLD void percpu_try_overflow(
	struct percpu_try_pool *pool, struct percpu_try_thread *self, void *const *objs, uint32_t n)
{
	struct percpu_try_array *array = percpu_try_enter_near(pool, self);
	struct transit transit;
	uint32_t moved = 0;
	uint32_t put = 0;

	transit_init(&transit);
	if (array != NULL) {
		if (array->count + n > pool->cap) {
			transit_open(&transit, &pool->depot);
			moved = percpu_try_pop(array, transit.slot, transit.room);
		}
		put = percpu_try_push(array, objs, n, pool->cap);
		percpu_try_leave(array);
	}
	if (moved != 0)
		transit_give(&transit, &pool->depot, &self->base, moved);
	transit_close(&transit, &pool->depot);
	while (put < n) {
		uint32_t give = n - put < pool->batch ? n - put : pool->batch;

		depot_give(&pool->depot, &self->base, objs + put, give);
		put += give;
	}
}

/* One locked exchange, one copy, one release store. */
static inline uint32_t percpu_try_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct percpu_try_thread *mine = (struct percpu_try_thread *)thread;
	struct percpu_try_array *array = percpu_try_own(self, mine);
	uint32_t got = 0;

	if (likely(percpu_try_enter(array))) {
		got = percpu_try_pop(array, objs, n);
		percpu_try_leave(array);
	}
	if (unlikely(got < n))
		got = percpu_try_refill(self, mine, objs, got, n);
	return got;
}

/* One locked exchange, one copy, one release store. */
static inline void percpu_try_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct percpu_try_thread *mine = (struct percpu_try_thread *)thread;
	struct percpu_try_array *array = percpu_try_own(self, mine);
	uint32_t put = 0;

	if (likely(percpu_try_enter(array))) {
		put = percpu_try_push(array, objs, n, self->cap);
		percpu_try_leave(array);
	}
	if (unlikely(put < n))
		percpu_try_overflow(self, mine, objs + put, n - put);
}

static COLD void *percpu_try_get_slow(struct percpu_try_pool *pool, struct percpu_try_thread *self)
{
	void *object;

	return percpu_try_refill(pool, self, &object, 0, 1) == 1 ? object : NULL;
}

static COLD void percpu_try_put_slow(
	struct percpu_try_pool *pool, struct percpu_try_thread *self, void *object)
{
	percpu_try_overflow(pool, self, &object, 1);
}

/* One locked exchange, six loads, two stores. */
static inline void *percpu_try_get(struct pool *pool, struct pool_thread *thread)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct percpu_try_thread *mine = (struct percpu_try_thread *)thread;
	struct percpu_try_array *array = percpu_try_own(self, mine);

	if (likely(percpu_try_enter(array))) {
		if (likely(array->count != 0)) {
			void *object = array->slot[--array->count];

			percpu_try_leave(array);
			return object;
		}
		percpu_try_leave(array);
	}
	return percpu_try_get_slow(self, mine);
}

/* One locked exchange, six loads, three stores. */
static inline void percpu_try_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct percpu_try_thread *mine = (struct percpu_try_thread *)thread;
	struct percpu_try_array *array = percpu_try_own(self, mine);

	if (likely(percpu_try_enter(array))) {
		if (likely(array->count < self->cap)) {
			array->slot[array->count++] = object;
			percpu_try_leave(array);
			return;
		}
		percpu_try_leave(array);
	}
	percpu_try_put_slow(self, mine, object);
}

static COLD int percpu_try_create(const struct pool_config *config, struct pool **out)
{
	struct percpu_try_pool *self = memory_alloc(sizeof(*self));
	int rc;

	if (self == NULL)
		return -ENOMEM;
	self->cpus = cpu_possible();
	self->cap = config->cpu_cache_objects;
	self->batch = config->batch_objects;
	rc = slab_init(&self->slab, config->object_bytes, config->object_align, config->capacity,
		config->pages, SLAB_WITH_LINKS);
	if (rc != 0)
		goto fail_slab;
	rc = depot_init(&self->depot, &self->slab, self->batch, 0, CACHE_LINE_BYTES);
	if (rc != 0)
		goto fail_depot;
	rc = -ENOMEM;
	self->arrays = memory_map(self->cpus * sizeof(*self->arrays), MEMORY_PAGES_ORDINARY);
	if (self->arrays == NULL)
		goto fail_arrays;
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;

fail_arrays:
	depot_fini(&self->depot);
fail_depot:
	slab_fini(&self->slab);
fail_slab:
	memory_free(self, sizeof(*self));
	return rc;
}

static COLD void percpu_try_destroy(struct pool *pool)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;

	memory_unmap(self->arrays, self->cpus * sizeof(*self->arrays), MEMORY_PAGES_ORDINARY);
	depot_fini(&self->depot);
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD void percpu_try_adopt(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	((struct percpu_try_thread *)thread)->cpu_word = cpu_word();
}

static COLD int percpu_try_attach(struct pool *pool, struct pool_thread **out)
{
	struct percpu_try_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->base.pool = pool;
	percpu_try_adopt(pool, &self->base);
	*out = &self->base;
	return 0;
}

static COLD void percpu_try_detach(struct pool *pool, struct pool_thread *thread)
{
	(void)pool; /* the arrays belong to CPUs: nothing is the thread's */
	memory_free(thread, sizeof(struct percpu_try_thread));
}

/* Empties the current CPU's array, if nobody is in it. */
static COLD void percpu_try_flush(struct pool *pool, struct pool_thread *thread)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct percpu_try_thread *mine = (struct percpu_try_thread *)thread;
	struct percpu_try_array *array = percpu_try_own(self, mine);
	struct transit transit;
	uint32_t n = 1;

	transit_init(&transit);
	while (n != 0) {
		transit_open(&transit, &self->depot);
		if (!percpu_try_enter(array))
			break;
		n = percpu_try_pop(array, transit.slot, transit.room);
		percpu_try_leave(array);
		if (n != 0)
			transit_give(&transit, &self->depot, thread, n);
	}
	transit_close(&transit, &self->depot);
}

static COLD uint64_t percpu_try_count(struct pool *pool)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	uint64_t free = depot_count(&self->depot);

	for (uint32_t i = 0; i < self->cpus; i++)
		free += self->arrays[i].count;
	return free;
}

static COLD int percpu_try_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct percpu_try_pool *self = (struct percpu_try_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < self->cpus && !census.failed; i++) {
		struct percpu_try_array *array = &self->arrays[i];

		if (atom_load_relaxed(&array->busy) != 0 || array->count > self->cap) /* I1 */
			census_fail(&census,
				"I1: the array of CPU %u is locked or holds %u objects of %u", i,
				array->count, self->cap);
		for (uint32_t k = 0; k < array->count && !census.failed; k++) /* I2 */
			census_mark(&census, array->slot[k], "a CPU's array");
	}
	depot_census(&self->depot, &census);
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_percpu_try_ops = {
	.name = "percpu_try",
	.summary = "an array a CPU under a try-lock, over a lock-free depot; portable",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.exact = true,
		.signals = true,
		.trims = true},
	.supported = pool_supported_always,
	.create = percpu_try_create,
	.destroy = percpu_try_destroy,
	.attach = percpu_try_attach,
	.adopt = percpu_try_adopt,
	.detach = percpu_try_detach,
	.get = percpu_try_get,
	.put = percpu_try_put,
	.get_bulk = percpu_try_get_bulk,
	.put_bulk = percpu_try_put_bulk,
	.flush = percpu_try_flush,
	.count = percpu_try_count,
	.check = percpu_try_check,
};

#endif
