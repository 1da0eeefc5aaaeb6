/*
 * mag_tls: two magazines a thread over a lock-free depot. A thread gets from and puts to a small array
 * that is its own. It visits the depot once a magazine, and the visit moves a whole magazine with one
 * compare-and-swap.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001, section 3. Departures: the depot
 * is lock-free (depot.h), a cache belongs to a thread instead of a CPU, and the size of a magazine is fixed; it
 * grows in `mag_tls_grow`.
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
 * Not exact: up to 2 x magazine_objects free objects rest with each thread, where the get of another
 * thread does not look. So a thread that ends must detach.
 *
 * There is no ordered access here: a thread's magazines are its own, and the depot orders the
 * hand-over.
 *
 * I1  as in thread_magazines.h. An object is in at most one place: a magazine of one thread, or the
 *     depot.
 */
#ifndef ALLOC_POOL_MAG_TLS_H
#define ALLOC_POOL_MAG_TLS_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/thread_magazines.h"

static COLD uint32_t mag_tls_get_bulk_slow(struct thread_magazines *pool,
	struct thread_magazines_thread *self, void **objs, uint32_t n);
static COLD void mag_tls_put_bulk_slow(struct thread_magazines *pool,
	struct thread_magazines_thread *self, void *const *objs, uint32_t n);

/*
 * Two loads, one store, one branch; nothing shared. In an empty magazine the object is the NULL of its
 * floor (magazine.h): so the caller's own test of the answer is this one.
 */
static inline void *mag_tls_get(struct pool *pool, struct pool_thread *thread)
{
	struct thread_magazines_thread *self = (struct thread_magazines_thread *)thread;
	void **top = self->loaded.top;
	void *object = top[-1];

	if (unlikely(object == NULL))
		return pool_get_one(pool, thread);
	self->loaded.top = top - 1;
	return object;
}

/*
 * One load, two stores, one branch; nothing shared. The address behind the last slot is a multiple of
 * MAGAZINE_BLOCK_BYTES (magazine.h): so the end is seen without a bound, and seldom where it is not.
 */
static inline void mag_tls_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct thread_magazines_thread *self = (struct thread_magazines_thread *)thread;
	void **top = self->loaded.top;

	if (unlikely((uintptr_t)top % MAGAZINE_BLOCK_BYTES == 0)) {
		pool_put_one(pool, thread, object);
		return;
	}
	*top = object;
	self->loaded.top = top + 1;
}

/* As get, with one copy of n pointers. */
static inline uint32_t mag_tls_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct thread_magazines_thread *self = (struct thread_magazines_thread *)thread;
	void **top = self->loaded.top;

	if (unlikely((uintptr_t)top - (uintptr_t)self->loaded.bottom < n * sizeof(*objs)))
		return mag_tls_get_bulk_slow((struct thread_magazines *)pool, self, objs, n);
	self->loaded.top = top - n;
	copy_pointers(objs, top - n, n);
	return n;
}

/* As put, with one copy of n pointers. */
static inline void mag_tls_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct thread_magazines_thread *self = (struct thread_magazines_thread *)thread;
	void **top = self->loaded.top;

	if (unlikely((uintptr_t)self->loaded.limit - (uintptr_t)top < n * sizeof(*objs))) {
		mag_tls_put_bulk_slow((struct thread_magazines *)pool, self, objs, n);
		return;
	}
	copy_pointers(top, objs, n);
	self->loaded.top = top + n;
}

/* The loaded magazine is empty: afterwards it has an object, or there is none to be had (false). */
static COLD bool mag_tls_refill(struct thread_magazines *pool, struct thread_magazines_thread *self)
{
	if (magazine_count(self->previous) == 0 && !thread_magazines_fill(pool, self)) {
		self->base.paths.empty++;
		return false;
	}
	thread_magazines_swap(self);
	return true;
}

static COLD uint32_t mag_tls_get_bulk_slow(struct thread_magazines *pool,
	struct thread_magazines_thread *self, void **objs, uint32_t n)
{
	uint32_t got = 0;

	do
		got += magazine_open_take(&self->loaded, objs + got, n - got);
	while (got < n && mag_tls_refill(pool, self));
	return got;
}

/* A full loaded magazine changes places with the previous one, which has room by then. */
static COLD void mag_tls_put_bulk_slow(struct thread_magazines *pool,
	struct thread_magazines_thread *self, void *const *objs, uint32_t n)
{
	uint32_t put = magazine_open_give(&self->loaded, objs, n);

	while (put < n) {
		if (magazine_count(self->previous) >= depot_size(&pool->depot))
			thread_magazines_empty(pool, self);
		thread_magazines_swap(self);
		put += magazine_open_give(&self->loaded, objs + put, n - put);
	}
}

static COLD uint32_t mag_tls_get_run_slow(
	struct pool *pool, struct pool_thread *thread, void ***objs);

/* A dozen loads and stores of the thread's own, however many objects. */
static inline uint32_t mag_tls_get_run(struct pool *pool, struct pool_thread *thread, void ***objs)
{
	struct thread_magazines_thread *self = (struct thread_magazines_thread *)thread;

	if (unlikely(self->loaded.top == self->loaded.bottom))
		return mag_tls_get_run_slow(pool, thread, objs);
	uint32_t n = (uint32_t)(self->loaded.top - self->loaded.bottom);
	*objs = self->loaded.bottom;
	thread_magazines_load(self, self->reserve);
	self->reserve = NULL;
	return n;
}

static COLD uint32_t mag_tls_get_run_slow(
	struct pool *pool, struct pool_thread *thread, void ***objs)
{
	return mag_tls_refill(
		       (struct thread_magazines *)pool, (struct thread_magazines_thread *)thread)
		       ? mag_tls_get_run(pool, thread, objs)
		       : 0;
}

/* The loaded magazine, which is closed, has objects: it becomes the previous one. */
static COLD void mag_tls_put_run_slow(
	struct thread_magazines *pool, struct thread_magazines_thread *self, struct magazine *run)
{
	thread_magazines_empty(pool, self);
	self->reserve = self->previous;
	self->previous = self->loaded.magazine;
	thread_magazines_load(self, run);
}

/* Fifteen loads and stores of the thread's own, unless its loaded magazine is in use. */
static inline void mag_tls_put_run(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct thread_magazines_thread *self = (struct thread_magazines_thread *)thread;
	struct magazine *run = container_of(objs, struct magazine, slot);
	struct magazine *loaded = magazine_close(&self->loaded);

	magazine_set_count(run, n);
	if (unlikely(magazine_count(loaded) != 0)) {
		mag_tls_put_run_slow((struct thread_magazines *)pool, self, run);
		return;
	}
	self->reserve = loaded;
	thread_magazines_load(self, run);
}

static const struct pool_parts mag_tls_parts = {
	POOL_WITH_SLAB(struct thread_magazines, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct thread_magazines_thread),
	.init = thread_magazines_init,
	.fini = thread_magazines_fini,
	.enter = thread_magazines_enter,
	.leave = thread_magazines_leave,
	.walk = thread_magazines_walk,
};

static COLD uint64_t mag_tls_withheld(const struct pool *pool)
{
	return UINT64_C(2) * pool->config.magazine_objects;
}

static const struct pool_ops pool_mag_tls_ops = {
	.name = "mag_tls",
	.summary = "two magazines a thread over a lock-free depot (Bonwick & Adams)",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_THREAD,
		.trims = true,
		.paths = POOL_PATHS_CACHED},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(mag_tls_parts),
	POOL_HOT_HOOKS(mag_tls),
	.get_run = mag_tls_get_run,
	.put_run = mag_tls_put_run,
	.flush = thread_magazines_flush,
	.withheld = mag_tls_withheld,
	.lost = mag_tls_withheld, /* all that is its own */
};

#endif
