/*
 * combining: flat combining. An array of free objects under a lock; whoever finds the lock taken writes what it
 * wants into a record of its own and waits, and the holder serves all records before it leaves. The array
 * and its count then stay in one CPU's cache while many are served, where under a lock alone they move with
 * the lock to each.
 *
 * Source: D. Hendler, I. Incze, N. Shavit, M. Tzafrir, "Flat Combining and the Synchronization-Parallelism
 * Tradeoff", SPAA 2010. Departures: records lie in a table (places.h) where the paper links those that were
 * used of late; a thread that finds the lock free does its own work without a record; one pass over the records,
 * where the paper makes several; few objects travel in the record itself, so that the holder touches
 * nothing else of the waiter's. The array is one of pointers, so no object's line moves to the holder.
 *
 * Progress: blocking. A holder that stops stops all others.
 * Signal handlers must not use it: they would wait for the lock that they interrupted.
 * Exact, for any number of threads: a hold of the lock sees the whole array and the slab, and a put that has ended
 * has been served.
 *
 * What it should win: a shared structure that many CPUs work on at once, where each call would otherwise take two
 * lines away from another. What it can't: alone it is a lock and a look at each record; on two CPUs there
 * is mostly nobody to combine with; and a holder that serves others is late itself, as the tail shows.
 *
 * R0 the store of `wanted` in combining_ask, meets A0 in combining_serve: the request, and what a putter wrote
 *    to its objects.
 * R1 the store of 0 to it in combining_do, meets A1 in combining_ask: what was got, and the count.
 * The array is the holder's: try_lock.h.
 *
 * I1  stack[0..count) are the used free objects. I2  A quiet pool's lock is free, and nothing is wanted.
 */
#ifndef ALLOC_POOL_COMBINING_H
#define ALLOC_POOL_COMBINING_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/places.h"
#include "alloc/mechanism/spin.h"
#include "alloc/mechanism/try_lock.h"

#include <string.h>

/* Objects that travel in a record: what is left of its two lines. */
enum { COMBINING_FEW = 13 };

struct combining_record {
	atom_u32 wanted; /* objects, 1 or more: the request stands; 0: none, or it is done */
	bool gets;       /* false: it puts */
	uint32_t got;    /* the answer to a get */
	void **objs;     /* the record's own, or the waiter's */
	void *few[COMBINING_FEW];
} CACHE_PAIR_ALIGNED;
_Static_assert(sizeof(struct combining_record) == CACHE_PAIR_BYTES, "a record is two lines");

struct combining_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct try_lock lock;
	uint32_t count;                  /* it and the array are the holder's */
	CACHE_PAIR_ALIGNED void **stack; /* room for all objects */
	struct slab slab;
	struct places records;
};

struct combining_thread {
	struct pool_thread base;
	struct combining_record *record;
};

/* By the holder: up to n objects, never-used ones if there are no others. thread: the holder's. */
ALWAYS_INLINE uint32_t combining_take(
	struct combining_pool *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t take = n < self->count ? n : self->count;

	self->count -= take;
	copy_pointers(objs, &self->stack[self->count], take);
	return likely(take == n) ? n
				 : take + pool_carve(&self->slab, thread, objs + take, n - take);
}

/* By the holder. */
ALWAYS_INLINE void combining_give(struct combining_pool *self, void *const *objs, uint32_t n)
{
	copy_pointers(&self->stack[self->count], objs, n);
	self->count += n;
}

/* By the holder: the request of a record. */
static NOINLINE void combining_do(struct combining_pool *self, struct pool_thread *thread,
	struct combining_record *record, uint32_t n)
{
	if (record->gets)
		record->got = combining_take(self, thread, record->objs, n);
	else
		combining_give(self, record->objs, n);
	atom_store_release(&record->wanted, 0); /* R1, meets A1 */
}

/* By the holder: what stands in the records. One load a record where nobody waits. */
ALWAYS_INLINE void combining_serve(struct combining_pool *self, struct pool_thread *thread)
{
	const uint32_t records = places_used(&self->records);

	for (uint32_t i = 0; i < records; i++) {
		struct combining_record *record = places_at(&self->records, i);
		uint32_t n = atom_load_acquire(&record->wanted); /* A0, meets R0 */

		if (unlikely(n != 0))
			combining_do(self, thread, record, n);
	}
}

/* The lock is taken: has the objects got or put by its holder, or becomes it. Returns the answer to a get. */
static NOINLINE uint32_t combining_ask(
	struct combining_pool *self, struct pool_thread *thread, bool gets, void **objs, uint32_t n)
{
	struct combining_record *record = ((struct combining_thread *)thread)->record;
	const bool few = n <= COMBINING_FEW;

	record->gets = gets;
	record->objs = few ? record->few : objs;
	if (few && !gets)
		memcpy(record->few, objs, n * sizeof(*objs));
	atom_store_release(&record->wanted, n); /* R0, meets A0 */
	for (uint32_t looks = 1; atom_load_acquire(&record->wanted) != 0;
		looks++) { /* A1, meets R1 */
		if (try_lock_is_free(&self->lock) && try_lock_enter(&self->lock)) {
			combining_serve(self, thread);
			try_lock_leave(&self->lock);
		} else {
			spin(thread, looks);
		}
	}
	if (few && gets)
		memcpy(objs, record->few, record->got * sizeof(*objs));
	return record->got;
}

/* One locked exchange for all n, a copy, and a load a thread. */
static inline uint32_t combining_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct combining_pool *self = (struct combining_pool *)pool;
	uint32_t got;

	if (likely(try_lock_enter(&self->lock))) {
		got = combining_take(self, thread, objs, n);
		combining_serve(self, thread);
		try_lock_leave(&self->lock);
	} else {
		got = combining_ask(self, thread, true, objs, n);
	}
	thread->paths.empty += got < n;
	return got;
}

/* One locked exchange, two stores, and a load a thread. */
static inline void *combining_get(struct pool *pool, struct pool_thread *thread)
{
	struct combining_pool *self = (struct combining_pool *)pool;
	void *object = NULL;

	if (likely(try_lock_enter(&self->lock))) {
		if (likely(self->count != 0))
			object = self->stack[--self->count];
		else
			pool_carve(&self->slab, thread, &object, 1);
		combining_serve(self, thread);
		try_lock_leave(&self->lock);
	} else {
		combining_ask(self, thread, true, &object, 1);
	}
	thread->paths.empty += object == NULL;
	return object;
}

/* As get_bulk. */
static inline void combining_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct combining_pool *self = (struct combining_pool *)pool;

	if (likely(try_lock_enter(&self->lock))) {
		combining_give(self, objs, n);
		combining_serve(self, thread);
		try_lock_leave(&self->lock);
	} else {
		combining_ask(self, thread, false, (void **)objs, n); /* a put reads them only */
	}
}

/* One locked exchange, three stores, and a load a thread. */
static inline void combining_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct combining_pool *self = (struct combining_pool *)pool;

	if (likely(try_lock_enter(&self->lock))) {
		self->stack[self->count++] = object;
		combining_serve(self, thread);
		try_lock_leave(&self->lock);
	} else {
		combining_ask(self, thread, false, &object, 1);
	}
}

static size_t combining_stack_bytes(const struct combining_pool *self)
{
	return self->slab.capacity * sizeof(*self->stack);
}

static COLD int combining_init(struct pool *pool)
{
	struct combining_pool *self = (struct combining_pool *)pool;
	int rc = places_init(&self->records, sizeof(struct combining_record));

	if (rc != 0)
		return rc;
	self->stack = memory_map(combining_stack_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->stack == NULL) {
		places_fini(&self->records);
		return -ENOMEM;
	}
	return 0;
}

static COLD void combining_fini(struct pool *pool)
{
	struct combining_pool *self = (struct combining_pool *)pool;

	memory_unmap(self->stack, combining_stack_bytes(self), MEMORY_PAGES_ORDINARY);
	places_fini(&self->records);
}

static COLD int combining_enter(struct pool *pool, struct pool_thread *thread)
{
	struct combining_thread *mine = (struct combining_thread *)thread;

	mine->record = places_take(&((struct combining_pool *)pool)->records);
	return mine->record != NULL ? 0 : -ENOMEM;
}

static COLD void combining_leave(struct pool *pool, struct pool_thread *thread)
{
	places_leave(&((struct combining_pool *)pool)->records,
		((struct combining_thread *)thread)->record);
}

static COLD void combining_walk(struct pool *pool, struct census *census)
{
	struct combining_pool *self = (struct combining_pool *)pool;

	if (!census_unlocked(census, try_lock_is_free(&self->lock))) /* I2 */
		return;
	for (uint32_t i = 0; i < places_used(&self->records); i++) {
		struct combining_record *record = places_at(&self->records, i);

		if (atom_load_relaxed(&record->wanted) != 0) {
			census_fail(census, "I2: a request of a quiet pool was not served");
			return;
		}
	}
	census_mark_each(census, self->stack, self->count, "the stack"); /* I1 */
}

static const struct pool_parts combining_parts = {
	POOL_WITH_SLAB(struct combining_pool, SLAB_WITHOUT_LINKS),
	.thread_bytes = sizeof(struct combining_thread),
	.init = combining_init,
	.fini = combining_fini,
	.enter = combining_enter,
	.leave = combining_leave,
	.walk = combining_walk,
};

static const struct pool_ops pool_combining_ops = {
	.name = "combining",
	.summary = "an array under a lock whose holder serves all that wait: flat combining",
	.traits = {.progress = POOL_BLOCKING,
		.exact = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(combining),
};

#endif
