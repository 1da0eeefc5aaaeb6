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
 * I1  A thread has exactly two magazines, each with at most magazine_objects objects.
 * I2  An object is in at most one place: a magazine of one thread, or the depot.
 */
#ifndef ALLOC_POOL_MAG_TLS_H
#define ALLOC_POOL_MAG_TLS_H

#include "alloc/depot.h"

#include <pthread.h>

struct mag_tls_thread {
	struct pool_thread base;
	struct magazine *loaded;             /* get and put work here */
	struct magazine *previous;           /* full, empty or, after a flush, anything */
	uint32_t size;                       /* magazine_objects, beside the pointers it limits */
	struct mag_tls_thread *next, **link; /* the pool's list of threads, under its lock */
};

struct mag_tls_pool {
	struct pool base;
	struct depot depot;
	struct slab slab;
	pthread_mutex_t lock; /* guards threads: attach, detach, count and check only */
	struct mag_tls_thread *threads;
};

static inline void mag_tls_swap(struct mag_tls_thread *self)
{
	struct magazine *loaded = self->loaded;

	self->loaded = self->previous;
	self->previous = loaded;
}

/* loaded is empty: afterwards it has an object, or there is none to be had (false). */
static COLD bool mag_tls_refill(struct mag_tls_pool *pool, struct mag_tls_thread *self)
{
	struct magazine *full;

	if (magazine_count(self->previous) != 0) {
		mag_tls_swap(self);
		return true;
	}
	full = depot_get_full(&pool->depot);
	if (full != NULL) {
		depot_put_empty(&pool->depot, self->previous);
		self->previous = self->loaded;
		self->loaded = full;
		self->base.paths.refill++;
		return true;
	}
	uint32_t count = depot_take(&pool->depot, &self->base, self->loaded->slot, self->size);
	magazine_set_count(self->loaded, count);
	return count != 0;
}

/* loaded is full: afterwards it has room. */
static COLD void mag_tls_flush_full(struct mag_tls_pool *pool, struct mag_tls_thread *self)
{
	if (magazine_count(self->previous) == self->size) {
		depot_put_full(&pool->depot, self->previous);
		self->previous = depot_get_empty(&pool->depot);
		self->base.paths.flush++;
	}
	mag_tls_swap(self);
}

static COLD void *mag_tls_get_slow(struct pool *pool, struct mag_tls_thread *self);
static COLD void mag_tls_put_slow(struct pool *pool, struct mag_tls_thread *self, void *object);

/* Three loads, one store, one branch; nothing shared. */
static inline void *mag_tls_get(struct pool *pool, struct pool_thread *thread)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	struct magazine *loaded = self->loaded;
	uint32_t count = magazine_count(loaded);

	if (unlikely(count == 0))
		return mag_tls_get_slow(pool, self);
	magazine_set_count(loaded, count - 1);
	return loaded->slot[count - 1];
}

/* Three loads, two stores, one branch; nothing shared. */
static inline void mag_tls_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	struct magazine *loaded = self->loaded;
	uint32_t count = magazine_count(loaded);

	if (unlikely(count == self->size)) {
		mag_tls_put_slow(pool, self, object);
		return;
	}
	loaded->slot[count] = object;
	magazine_set_count(loaded, count + 1);
}

static COLD void *mag_tls_get_slow(struct pool *pool, struct mag_tls_thread *self)
{
	if (!mag_tls_refill((struct mag_tls_pool *)pool, self)) {
		self->base.paths.empty++;
		return NULL;
	}
	return mag_tls_get(pool, &self->base);
}

static COLD void mag_tls_put_slow(struct pool *pool, struct mag_tls_thread *self, void *object)
{
	mag_tls_flush_full((struct mag_tls_pool *)pool, self);
	mag_tls_put(pool, &self->base, object);
}

static COLD uint32_t mag_tls_get_bulk_slow(
	struct pool *pool, struct mag_tls_thread *self, void **objs, uint32_t n)
{
	uint32_t got = 0;

	for (;;) {
		struct magazine *loaded = self->loaded;
		uint32_t count = magazine_count(loaded);
		uint32_t take = n - got < count ? n - got : count;

		magazine_set_count(loaded, count - take);
		memcpy(objs + got, &loaded->slot[count - take], take * sizeof(*objs));
		got += take;
		if (got == n)
			return got;
		if (!mag_tls_refill((struct mag_tls_pool *)pool, self)) {
			self->base.paths.empty++;
			return got;
		}
	}
}

/* As get, with one copy of n pointers. */
static inline uint32_t mag_tls_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	struct magazine *loaded = self->loaded;
	uint32_t count = magazine_count(loaded);

	if (unlikely(count < n))
		return mag_tls_get_bulk_slow(pool, self, objs, n);
	magazine_set_count(loaded, count - n);
	memcpy(objs, &loaded->slot[count - n], n * sizeof(*objs));
	return n;
}

static COLD void mag_tls_put_bulk_slow(
	struct pool *pool, struct mag_tls_thread *self, void *const *objs, uint32_t n)
{
	uint32_t put = 0;

	for (;;) {
		struct magazine *loaded = self->loaded;
		uint32_t count = magazine_count(loaded);
		uint32_t room = self->size - count;
		uint32_t give = n - put < room ? n - put : room;

		memcpy(&loaded->slot[count], objs + put, give * sizeof(*objs));
		magazine_set_count(loaded, count + give);
		put += give;
		if (put == n)
			return;
		mag_tls_flush_full((struct mag_tls_pool *)pool, self);
	}
}

/* As put, with one copy of n pointers. */
static inline void mag_tls_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct mag_tls_thread *self = (struct mag_tls_thread *)thread;
	struct magazine *loaded = self->loaded;
	uint32_t count = magazine_count(loaded);

	if (unlikely(self->size - count < n)) {
		mag_tls_put_bulk_slow(pool, self, objs, n);
		return;
	}
	memcpy(&loaded->slot[count], objs, n * sizeof(*objs));
	magazine_set_count(loaded, count + n);
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
	rc = depot_init(&self->depot, &self->slab, config->magazine_objects, 0);
	if (rc != 0)
		goto fail_depot;
	pthread_mutex_init(&self->lock, NULL);
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
	if (depot_enter(&owner->depot) != 0) {
		memory_free(self, sizeof(*self));
		return -ENOMEM;
	}
	self->base.pool = pool;
	self->size = pool->config.magazine_objects;
	self->loaded = depot_get_empty(&owner->depot);
	self->previous = depot_get_empty(&owner->depot);
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
		if (magazine_count(self->loaded) == self->size) {
			depot_put_full(&owner->depot, self->loaded);
			self->loaded = depot_get_empty(&owner->depot);
		} else {
			depot_spill(&owner->depot, self->loaded);
		}
		mag_tls_swap(self);
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
	depot_put_empty(&owner->depot, self->loaded);
	depot_put_empty(&owner->depot, self->previous);
	depot_leave(&owner->depot);
	memory_free(self, sizeof(*self));
}

static COLD uint64_t mag_tls_count(struct pool *pool)
{
	struct mag_tls_pool *self = (struct mag_tls_pool *)pool;
	uint64_t free = depot_count(&self->depot);

	pthread_mutex_lock(&self->lock);
	for (struct mag_tls_thread *thread = self->threads; thread != NULL; thread = thread->next)
		free += magazine_count(thread->loaded) + magazine_count(thread->previous);
	pthread_mutex_unlock(&self->lock);
	return free;
}

static COLD int mag_tls_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct mag_tls_pool *self = (struct mag_tls_pool *)pool;
	uint32_t size = pool->config.magazine_objects;
	struct audit audit;
	int rc = audit_begin(&audit, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&self->lock);
	for (struct mag_tls_thread *thread = self->threads; thread != NULL; thread = thread->next) {
		if (magazine_count(thread->loaded) > size ||
			magazine_count(thread->previous) > size) { /* I1 */
			audit_fail(
				&audit, "I1: a thread's magazine holds more than %u objects", size);
			break;
		}
		if (!depot_audit_magazine(
			    &audit, thread->loaded, "a thread's loaded magazine") || /* I2 */
			!depot_audit_magazine(
				&audit, thread->previous, "a thread's previous magazine"))
			break;
	}
	pthread_mutex_unlock(&self->lock);
	depot_audit(&self->depot, &audit);
	return audit_end(&audit, outstanding);
}

static const struct pool_ops pool_mag_tls_ops = {
	.name = "mag_tls",
	.summary = "two magazines a thread over a lock-free depot (Bonwick & Adams)",
	.traits = {.progress = POOL_LOCK_FREE, .cache = POOL_CACHE_THREAD},
	.supported = pool_supported_always,
	.create = mag_tls_create,
	.destroy = mag_tls_destroy,
	.attach = mag_tls_attach,
	.detach = mag_tls_detach,
	.get = mag_tls_get,
	.put = mag_tls_put,
	.get_bulk = mag_tls_get_bulk,
	.put_bulk = mag_tls_put_bulk,
	.flush = mag_tls_flush,
	.count = mag_tls_count,
	.check = mag_tls_check,
};

#endif
