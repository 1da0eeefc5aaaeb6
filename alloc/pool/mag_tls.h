/*
 * mag_tls: two magazines a thread over a lock-free depot. A thread gets from and puts to a small
 * array that is its own; the depot is visited once a magazine, and moves a whole magazine with one
 * compare-and-swap.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001, section 3. Departures: the
 * depot is lock-free (depot.h), caches belong to threads instead of CPUs, and the magazine size is
 * fixed. Two magazines instead of one give hysteresis: between two visits to the depot lie at least
 * magazine_objects operations, whatever the pattern.
 *
 * Progress: get and put are lock-free; all but the depot visits touch nothing shared.
 * Signal handlers must not use it: they might find a magazine half-way through a change.
 * After put: memory stays mapped, nothing is overwritten. Cost in memory: up to 2 x
 * magazine_objects free objects rest with each thread, where get of another thread does not look:
 * not exact. A thread that ends must detach.
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

#include <errno.h>
#include <pthread.h>

struct mag_tls_thread {
	struct pool_thread base;
	/*
	 * The loaded magazine, opened: get and put move top between bottom and limit. They stand
	 * here and not in the magazine, because a word at a fixed distance from a register that
	 * does not change is what a core forwards fastest.
	 */
	void **top;
	void **bottom;
	void **limit;
	struct magazine *loaded;
	struct magazine *previous;           /* full, empty or, after a flush, anything */
	struct magazine *reserve;            /* empty; NULL while a run is lent to the user */
	struct mag_tls_thread *next, **link; /* the pool's list of threads, under its lock */
};

struct mag_tls_pool {
	struct pool base;
	struct depot depot;
	struct slab slab;
	pthread_mutex_t lock; /* guards threads: attach, detach, count and check only */
	struct mag_tls_thread *threads;
};

static inline void mag_tls_open(struct mag_tls_thread *self, struct magazine *magazine)
{
	self->loaded = magazine;
	self->bottom = magazine->slot;
	self->top = self->bottom + magazine_count(magazine);
	self->limit = self->bottom + self->base.pool->config.magazine_objects;
}

/* Writes the loaded magazine's count, which is stale while it is open. */
static inline struct magazine *mag_tls_close(struct mag_tls_thread *self)
{
	magazine_set_count(self->loaded, (uint32_t)(self->top - self->bottom));
	return self->loaded;
}

static COLD void mag_tls_swap(struct mag_tls_thread *self)
{
	struct magazine *loaded = mag_tls_close(self);

	mag_tls_open(self, self->previous);
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
		self->previous = mag_tls_close(self);
		mag_tls_open(self, full);
		magazine_prefetch_read(full, pool->depot.magazine_objects);
		self->base.paths.refill++;
		return true;
	}
	self->top +=
		depot_take(&pool->depot, &self->base, self->bottom, pool->depot.magazine_objects);
	if (self->top != self->bottom)
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
	return mag_tls_refill((struct mag_tls_pool *)pool, self) ? *--self->top : NULL;
}

static COLD void mag_tls_put_slow(struct pool *pool, struct mag_tls_thread *self, void *object)
{
	if (self->top == self->limit)
		mag_tls_make_room((struct mag_tls_pool *)pool, self);
	*self->top++ = object;
}

/*
 * Two loads, one store, one branch; nothing shared. In an empty magazine the object is the floor's
 * NULL, so the caller's own test of the answer is this one.
 */
static inline void *mag_tls_get(struct pool *pool, struct pool_thread *thread)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	void **top = self->top;
	void *object = top[-1];

	if (unlikely(object == NULL))
		return mag_tls_get_slow(pool, self);
	self->top = top - 1;
	return object;
}

/* One load, two stores, one branch; nothing shared. Full, as depot.h says, or seldom not. */
static inline void mag_tls_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	void **top = self->top;

	if (unlikely((uintptr_t)top % MAGAZINE_BLOCK_BYTES == 0)) {
		mag_tls_put_slow(pool, self, object);
		return;
	}
	*top = object;
	self->top = top + 1;
}

static COLD uint32_t mag_tls_get_bulk_slow(
	struct pool *pool, struct mag_tls_thread *self, void **objs, uint32_t n)
{
	uint32_t got = 0;

	do {
		uint32_t count = (uint32_t)(self->top - self->bottom);
		uint32_t take = n - got < count ? n - got : count;

		self->top -= take;
		copy_pointers(objs + got, self->top, take);
		got += take;
	} while (got < n && mag_tls_refill((struct mag_tls_pool *)pool, self));
	return got;
}

/* As get, with one copy of n pointers. */
static inline uint32_t mag_tls_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	void **top = self->top;

	if (unlikely((uintptr_t)top - (uintptr_t)self->bottom < n * sizeof(*objs)))
		return mag_tls_get_bulk_slow(pool, self, objs, n);
	self->top = top - n;
	copy_pointers(objs, top - n, n);
	return n;
}

static COLD void mag_tls_put_bulk_slow(
	struct pool *pool, struct mag_tls_thread *self, void *const *objs, uint32_t n)
{
	uint32_t put = 0;

	for (;;) {
		uint32_t room = (uint32_t)(self->limit - self->top);
		uint32_t give = n - put < room ? n - put : room;

		copy_pointers(self->top, objs + put, give);
		self->top += give;
		put += give;
		if (put == n)
			return;
		mag_tls_make_room((struct mag_tls_pool *)pool, self);
	}
}

/* As put, with one copy of n pointers. */
static inline void mag_tls_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	void **top = self->top;

	if (unlikely((uintptr_t)self->limit - (uintptr_t)top < n * sizeof(*objs))) {
		mag_tls_put_bulk_slow(pool, self, objs, n);
		return;
	}
	copy_pointers(top, objs, n);
	self->top = top + n;
}

/* A dozen loads and stores of the thread's own, however many objects. */
static inline uint32_t mag_tls_get_run(struct pool *pool, struct pool_thread *thread, void ***objs)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;

	if (unlikely(self->top == self->bottom) &&
		!mag_tls_refill((struct mag_tls_pool *)pool, self))
		return 0;
	uint32_t n = (uint32_t)(self->top - self->bottom);
	*objs = self->bottom;
	mag_tls_open(self, self->reserve);
	self->reserve = NULL;
	return n;
}

/* Two dozen loads and stores of the thread's own, unless both its magazines are in use. */
static inline void mag_tls_put_run(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	struct magazine *magazine = container_of(objs, struct magazine, slot);
	struct depot *depot = &((struct mag_tls_pool *)pool)->depot;
	struct magazine *loaded = mag_tls_close(self);

	magazine_set_count(magazine, n);
	if (likely(magazine_count(loaded) == 0)) {
		self->reserve = loaded;
	} else {
		if (magazine_count(self->previous) != 0) {
			self->previous = depot_trade_empty(depot, self->previous);
			self->base.paths.flush++;
		}
		self->reserve = self->previous;
		self->previous = loaded;
	}
	mag_tls_open(self, magazine);
}

static COLD int mag_tls_create(const struct pool_config *config, struct pool **out)
{
	struct mag_tls_pool *self = memory_alloc(sizeof(*self));
	int rc;

	if (self == NULL)
		return -ENOMEM;
	rc = slab_init(&self->slab, config->object_bytes, config->object_align, config->capacity,
		config->pages, SLAB_WITH_LINKS);
	if (rc != 0)
		goto fail_slab;
	rc = depot_init(
		&self->depot, &self->slab, config->magazine_objects, 0, MAGAZINE_BLOCK_BYTES);
	if (rc != 0)
		goto fail_depot;
	pthread_mutex_init(&self->lock, NULL);
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;

fail_depot:
	slab_fini(&self->slab);
fail_slab:
	memory_free(self, sizeof(*self));
	return rc;
}

static COLD void mag_tls_destroy(struct pool *pool)
{
	struct mag_tls_pool *self = (struct mag_tls_pool *)pool;

	pthread_mutex_destroy(&self->lock);
	depot_fini(&self->depot);
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD int mag_tls_attach(struct pool *pool, struct pool_thread **out)
{
	struct mag_tls_pool *owner = (struct mag_tls_pool *)pool;
	struct mag_tls_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	struct magazine *loaded = depot_keep(&owner->depot);
	self->previous = depot_keep(&owner->depot);
	self->reserve = depot_keep(&owner->depot);
	if (loaded == NULL || self->previous == NULL || self->reserve == NULL) {
		depot_drop(&owner->depot, loaded);
		depot_drop(&owner->depot, self->previous);
		depot_drop(&owner->depot, self->reserve);
		memory_free(self, sizeof(*self));
		return -ENOMEM;
	}
	self->base.pool = pool;
	mag_tls_open(self, loaded);
	pthread_mutex_lock(&owner->lock);
	self->next = owner->threads;
	self->link = &owner->threads;
	if (self->next != NULL)
		self->next->link = &self->next;
	owner->threads = self;
	pthread_mutex_unlock(&owner->lock);
	*out = &self->base;
	return 0;
}

/* Leaves both magazines in place and empty. */
static COLD void mag_tls_flush(struct pool *pool, struct pool_thread *thread)
{
	struct mag_tls_pool *owner = (struct mag_tls_pool *)pool;
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;

	for (int i = 0; i < 2; i++) {
		mag_tls_swap(self);
		self->previous = depot_trade_empty(&owner->depot, self->previous);
	}
	self->base.paths.flush++;
}

static COLD void mag_tls_detach(struct pool *pool, struct pool_thread *thread)
{
	struct mag_tls_pool *owner = (struct mag_tls_pool *)pool;
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;

	mag_tls_flush(pool, thread);
	pthread_mutex_lock(&owner->lock);
	*self->link = self->next;
	if (self->next != NULL)
		self->next->link = self->link;
	pthread_mutex_unlock(&owner->lock);
	depot_drop(&owner->depot, self->loaded);
	depot_drop(&owner->depot, self->previous);
	depot_drop(&owner->depot, self->reserve);
	memory_free(self, sizeof(*self));
}

static COLD uint64_t mag_tls_count(struct pool *pool)
{
	struct mag_tls_pool *self = (struct mag_tls_pool *)pool;
	uint64_t free = depot_count(&self->depot);

	pthread_mutex_lock(&self->lock);
	for (struct mag_tls_thread *thread = self->threads; thread != NULL; thread = thread->next)
		free += magazine_count(mag_tls_close(thread)) + magazine_count(thread->previous);
	pthread_mutex_unlock(&self->lock);
	return free;
}

static COLD int mag_tls_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct mag_tls_pool *self = (struct mag_tls_pool *)pool;
	uint32_t size = pool->config.magazine_objects;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&self->lock);
	for (struct mag_tls_thread *thread = self->threads; thread != NULL; thread = thread->next) {
		struct magazine *loaded = mag_tls_close(thread);

		if (thread->top < thread->bottom || thread->top > thread->limit ||
			magazine_count(thread->previous) > size) { /* I1 */
			census_fail(&census, "I1: a thread's magazine holds more than %u objects",
				size);
			break;
		}
		if (!magazine_census(loaded, "a thread's loaded magazine", &census) || /* I2 */
			!magazine_census(thread->previous, "a thread's previous magazine", &census))
			break;
	}
	pthread_mutex_unlock(&self->lock);
	depot_census(&self->depot, &census);
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_mag_tls_ops = {
	.name = "mag_tls",
	.summary = "two magazines a thread over a lock-free depot (Bonwick & Adams)",
	.traits = {.progress = POOL_LOCK_FREE, .cache = POOL_CACHE_THREAD, .trims = true},
	.supported = pool_supported_always,
	.create = mag_tls_create,
	.destroy = mag_tls_destroy,
	.attach = mag_tls_attach,
	.detach = mag_tls_detach,
	.get = mag_tls_get,
	.put = mag_tls_put,
	.get_bulk = mag_tls_get_bulk,
	.put_bulk = mag_tls_put_bulk,
	.get_run = mag_tls_get_run,
	.put_run = mag_tls_put_run,
	.flush = mag_tls_flush,
	.count = mag_tls_count,
	.check = mag_tls_check,
};

#endif
