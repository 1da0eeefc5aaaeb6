/*
 * mag_tls: two magazines a thread over a lock-free depot. A thread gets from and puts to a small array
 * that is its own. It visits the depot once a magazine, and the visit moves a whole magazine with one
 * compare-and-swap.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001, section 3. Departures: the depot
 * is lock-free (depot.h), a cache belongs to a thread instead of a CPU, and the size of a magazine is fixed.
 *
 * Why two magazines. With one, a thread at a magazine's edge that puts and gets in turn would visit the
 * depot each time. With two, at least magazine_objects operations lie between two visits, whatever the
 * pattern.
 *
 *	get   loaded magazine; if it is empty, swap with previous; if that is empty too, a full one of the depot's
 *	put   loaded magazine; if it is full, swap with previous; if that is full too, it goes to the depot
 *
 * Progress: get and put are lock-free; all but the visits to the depot touch nothing shared.
 * Signal handlers must not use it: they might find a magazine half-way through a change.
 * After put: memory stays mapped, nothing is overwritten.
 * Not exact: up to 2 x magazine_objects free objects rest with each thread, where the get of another
 * thread does not look. So a thread that ends must detach.
 *
 *	          get                      put
 *	get       own magazines; depot     own magazines; depot
 *	put                                own magazines; depot
 *
 * count and check want a quiet pool. There is no ordered access here: a thread's magazines are its
 * own, and the depot orders the hand-over.
 *
 * I1  A thread has exactly two magazines, each with at most magazine_objects objects, and a third
 *     that is empty, or lent to its user by get_run.
 * I2  An object is in at most one place: a magazine of one thread, or the depot.
 */
#ifndef ALLOC_POOL_MAG_TLS_H
#define ALLOC_POOL_MAG_TLS_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/depot.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/thread_list.h"

struct mag_tls_thread {
	struct pool_thread base;
	struct magazine_open loaded;
	struct magazine *previous; /* full, empty or, after a flush, anything */
	struct magazine *reserve;  /* empty; NULL while a run is lent to the user */
	struct thread_link link;
};

struct mag_tls_pool {
	struct pool base;
	struct depot depot;
	struct slab slab;
	struct thread_list threads;
};

static COLD void *mag_tls_get_slow(struct pool *pool, struct mag_tls_thread *self);
static COLD void mag_tls_put_slow(struct pool *pool, struct mag_tls_thread *self, void *object);
static COLD uint32_t mag_tls_get_bulk_slow(
	struct pool *pool, struct mag_tls_thread *self, void **objs, uint32_t n);
static COLD void mag_tls_put_bulk_slow(
	struct pool *pool, struct mag_tls_thread *self, void *const *objs, uint32_t n);

/*
 * Two loads, one store, one branch; nothing shared. In an empty magazine the object is the NULL of its
 * floor (magazine.h): so the caller's own test of the answer is this one.
 */
static inline void *mag_tls_get(struct pool *pool, struct pool_thread *thread)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	void **top = self->loaded.top;
	void *object = top[-1];

	if (unlikely(object == NULL))
		return mag_tls_get_slow(pool, self);
	self->loaded.top = top - 1;
	return object;
}

/*
 * One load, two stores, one branch; nothing shared. The address behind the last slot is a multiple of
 * MAGAZINE_BLOCK_BYTES (magazine.h): so the end is seen without a bound, and seldom where it is not.
 */
static inline void mag_tls_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	void **top = self->loaded.top;

	if (unlikely((uintptr_t)top % MAGAZINE_BLOCK_BYTES == 0)) {
		mag_tls_put_slow(pool, self, object);
		return;
	}
	*top = object;
	self->loaded.top = top + 1;
}

/* As get, with one copy of n pointers. */
static inline uint32_t mag_tls_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	void **top = self->loaded.top;

	if (unlikely((uintptr_t)top - (uintptr_t)self->loaded.bottom < n * sizeof(*objs)))
		return mag_tls_get_bulk_slow(pool, self, objs, n);
	self->loaded.top = top - n;
	copy_pointers(objs, top - n, n);
	return n;
}

/* As put, with one copy of n pointers. */
static inline void mag_tls_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	void **top = self->loaded.top;

	if (unlikely((uintptr_t)self->loaded.limit - (uintptr_t)top < n * sizeof(*objs))) {
		mag_tls_put_bulk_slow(pool, self, objs, n);
		return;
	}
	copy_pointers(top, objs, n);
	self->loaded.top = top + n;
}

static inline void mag_tls_load(struct mag_tls_thread *self, struct magazine *magazine)
{
	magazine_open(&self->loaded, magazine, self->base.pool->config.magazine_objects);
}

/* The loaded magazine and the previous one change places. */
static COLD void mag_tls_swap(struct mag_tls_thread *self)
{
	struct magazine *loaded = magazine_close(&self->loaded);

	mag_tls_load(self, self->previous);
	self->previous = loaded;
}

/* The loaded magazine is empty: afterwards it has an object, or there is none to be had (false). */
static COLD bool mag_tls_refill(struct mag_tls_pool *pool, struct mag_tls_thread *self)
{
	struct magazine *full;

	if (magazine_count(self->previous) != 0) {
		mag_tls_swap(self);
		return true;
	}
	full = depot_trade_full(&pool->depot, self->previous);
	if (full != NULL) {
		self->previous = magazine_close(&self->loaded);
		mag_tls_load(self, full);
		magazine_prefetch_read(full, pool->depot.magazine_objects);
		self->base.paths.refill++;
		return true;
	}
	self->loaded.top += depot_take(
		&pool->depot, &self->base, self->loaded.bottom, pool->depot.magazine_objects);
	if (self->loaded.top != self->loaded.bottom)
		return true;
	self->base.paths.empty++;
	return false;
}

/* The loaded magazine is full: afterwards it has room. */
static COLD void mag_tls_make_room(struct mag_tls_pool *pool, struct mag_tls_thread *self)
{
	if (magazine_count(self->previous) == pool->depot.magazine_objects) {
		self->previous = depot_trade_empty(&pool->depot, self->previous);
		magazine_prefetch_write(self->previous, pool->depot.magazine_objects);
		self->base.paths.flush++;
	}
	mag_tls_swap(self);
}

static COLD void *mag_tls_get_slow(struct pool *pool, struct mag_tls_thread *self)
{
	return mag_tls_refill((struct mag_tls_pool *)pool, self) ? *--self->loaded.top : NULL;
}

static COLD void mag_tls_put_slow(struct pool *pool, struct mag_tls_thread *self, void *object)
{
	if (self->loaded.top == self->loaded.limit)
		mag_tls_make_room((struct mag_tls_pool *)pool, self);
	*self->loaded.top++ = object;
}

static COLD uint32_t mag_tls_get_bulk_slow(
	struct pool *pool, struct mag_tls_thread *self, void **objs, uint32_t n)
{
	uint32_t got = 0;

	do
		got += magazine_open_take(&self->loaded, objs + got, n - got);
	while (got < n && mag_tls_refill((struct mag_tls_pool *)pool, self));
	return got;
}

static COLD void mag_tls_put_bulk_slow(
	struct pool *pool, struct mag_tls_thread *self, void *const *objs, uint32_t n)
{
	uint32_t put = magazine_open_give(&self->loaded, objs, n);

	while (put < n) {
		mag_tls_make_room((struct mag_tls_pool *)pool, self);
		put += magazine_open_give(&self->loaded, objs + put, n - put);
	}
}

static COLD uint32_t mag_tls_get_run_slow(
	struct pool *pool, struct mag_tls_thread *self, void ***objs);

/* A dozen loads and stores of the thread's own, however many objects. */
static inline uint32_t mag_tls_get_run(struct pool *pool, struct pool_thread *thread, void ***objs)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;

	if (unlikely(self->loaded.top == self->loaded.bottom))
		return mag_tls_get_run_slow(pool, self, objs);
	uint32_t n = (uint32_t)(self->loaded.top - self->loaded.bottom);
	*objs = self->loaded.bottom;
	mag_tls_load(self, self->reserve);
	self->reserve = NULL;
	return n;
}

static COLD uint32_t mag_tls_get_run_slow(
	struct pool *pool, struct mag_tls_thread *self, void ***objs)
{
	return mag_tls_refill((struct mag_tls_pool *)pool, self)
		       ? mag_tls_get_run(pool, &self->base, objs)
		       : 0;
}

/* The loaded magazine, which is closed, has objects: it becomes the previous one. */
static COLD void mag_tls_put_run_slow(
	struct pool *pool, struct mag_tls_thread *self, struct magazine *run)
{
	if (magazine_count(self->previous) != 0) {
		self->previous =
			depot_trade_empty(&((struct mag_tls_pool *)pool)->depot, self->previous);
		self->base.paths.flush++;
	}
	self->reserve = self->previous;
	self->previous = self->loaded.magazine;
	mag_tls_load(self, run);
}

/* Fifteen loads and stores of the thread's own, unless its loaded magazine is in use. */
static inline void mag_tls_put_run(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	struct magazine *run = container_of(objs, struct magazine, slot);
	struct magazine *loaded = magazine_close(&self->loaded);

	magazine_set_count(run, n);
	if (unlikely(magazine_count(loaded) != 0)) {
		mag_tls_put_run_slow(pool, self, run);
		return;
	}
	self->reserve = loaded;
	mag_tls_load(self, run);
}

/* Leaves both magazines in place and empty. */
static COLD void mag_tls_flush(struct pool *pool, struct pool_thread *thread)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;

	for (int i = 0; i < 2; i++) {
		mag_tls_swap(self);
		self->previous =
			depot_trade_empty(&((struct mag_tls_pool *)pool)->depot, self->previous);
	}
	self->base.paths.flush++;
}

static COLD int mag_tls_enter(struct pool *pool, struct pool_thread *thread)
{
	struct mag_tls_pool *owner = (struct mag_tls_pool *)pool;
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	struct magazine *kept[3];
	int rc = depot_keep(&owner->depot, kept, array_count(kept));

	if (rc != 0)
		return rc;
	mag_tls_load(self, kept[0]);
	self->previous = kept[1];
	self->reserve = kept[2];
	thread_list_add(&owner->threads, &self->link);
	return 0;
}

static COLD void mag_tls_leave(struct pool *pool, struct pool_thread *thread)
{
	struct mag_tls_pool *owner = (struct mag_tls_pool *)pool;
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;

	mag_tls_flush(pool, thread);
	thread_list_remove(&owner->threads, &self->link);
	struct magazine *kept[] = {self->loaded.magazine, self->previous, self->reserve};
	depot_drop(&owner->depot, kept, array_count(kept));
}

static COLD int mag_tls_init(struct pool *pool)
{
	struct mag_tls_pool *self = (struct mag_tls_pool *)pool;
	int rc = depot_init(
		&self->depot, &self->slab, pool->config.magazine_objects, 0, MAGAZINE_BLOCK_BYTES);

	if (rc == 0)
		thread_list_init(&self->threads);
	return rc;
}

static COLD void mag_tls_fini(struct pool *pool)
{
	struct mag_tls_pool *self = (struct mag_tls_pool *)pool;

	thread_list_fini(&self->threads);
	depot_fini(&self->depot);
}

static COLD void mag_tls_walk_thread(struct thread_link *link, void *arg)
{
	struct mag_tls_thread *self = container_of(link, struct mag_tls_thread, link);
	const uint32_t size = self->base.pool->config.magazine_objects;
	struct census *census = arg;

	if (census->failed)
		return;
	if (self->loaded.top < self->loaded.bottom || self->loaded.top > self->loaded.limit ||
		magazine_count(self->previous) > size) { /* I1 */
		census_fail(census, "I1: a thread's magazine holds more than %u objects", size);
	} else if (magazine_census(magazine_close(&self->loaded), "a thread's loaded magazine",
			   census)) { /* I2 */
		magazine_census(self->previous, "a thread's previous magazine", census);
	}
}

static COLD void mag_tls_walk(struct pool *pool, struct census *census)
{
	struct mag_tls_pool *self = (struct mag_tls_pool *)pool;

	thread_list_each(&self->threads, mag_tls_walk_thread, census);
	if (!census->failed)
		depot_census(&self->depot, census);
}

static const struct pool_parts mag_tls_parts = {
	.pool_bytes = sizeof(struct mag_tls_pool),
	.thread_bytes = sizeof(struct mag_tls_thread),
	.slab_offset = offsetof(struct mag_tls_pool, slab),
	.links = SLAB_WITH_LINKS,
	.init = mag_tls_init,
	.fini = mag_tls_fini,
	.enter = mag_tls_enter,
	.leave = mag_tls_leave,
	.walk = mag_tls_walk,
};

static const struct pool_ops pool_mag_tls_ops = {
	.name = "mag_tls",
	.summary = "two magazines a thread over a lock-free depot (Bonwick & Adams)",
	.traits = {.progress = POOL_LOCK_FREE, .cache = POOL_CACHE_THREAD, .trims = true},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(mag_tls_parts),
	.get = mag_tls_get,
	.put = mag_tls_put,
	.get_bulk = mag_tls_get_bulk,
	.put_bulk = mag_tls_put_bulk,
	.get_run = mag_tls_get_run,
	.put_run = mag_tls_put_run,
	.flush = mag_tls_flush,
};

#endif
