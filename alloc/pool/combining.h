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
 * The edges, and I1 and I2, are those of combiner.h.
 */
#ifndef ALLOC_POOL_COMBINING_H
#define ALLOC_POOL_COMBINING_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/combiner.h"
#include "alloc/mechanism/spin.h"

/* By the holder: up to n objects, never-used ones if there are no others. thread: the holder's. */
ALWAYS_INLINE uint32_t combining_take(
	struct combiner *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t take = n < self->count ? n : self->count;

	self->count -= take;
	copy_pointers(objs, &self->stack[self->count], take);
	return likely(take == n) ? n
				 : take + pool_carve(&self->slab, thread, objs + take, n - take);
}

/* By the holder. */
ALWAYS_INLINE void combining_give(struct combiner *self, void *const *objs, uint32_t n)
{
	copy_pointers(&self->stack[self->count], objs, n);
	self->count += n;
}

/* By the holder: what a record asks for. */
static NOINLINE void combining_do(struct combiner *self, struct pool_thread *thread,
	struct combiner_record *record, uint32_t n)
{
	if (record->gets)
		record->got = combining_take(self, thread, record->objs, n);
	else
		combining_give(self, record->objs, n);
	combiner_done(record);
}

/* By the holder: what stands in the records. One load a record where nobody waits. */
ALWAYS_INLINE void combining_serve(struct combiner *self, struct pool_thread *thread)
{
	const uint32_t records = places_used(&self->records);

	for (uint32_t i = 0; i < records; i++) {
		struct combiner_record *record = places_at(&self->records, i);
		uint32_t n = combiner_wanted(record);

		if (unlikely(n != 0))
			combining_do(self, thread, record, n);
	}
}

/* The lock is taken: has the objects got or put by its holder, or becomes it. Returns the answer to a get. */
static NOINLINE uint32_t combining_ask(
	struct combiner *self, struct pool_thread *thread, bool gets, void **objs, uint32_t n)
{
	struct combiner_record *record = ((struct combiner_thread *)thread)->record;

	combiner_ask(record, gets, objs, n);
	for (uint32_t looks = 1; combiner_stands(record); looks++) {
		if (try_lock_is_free(&self->lock) && try_lock_enter(&self->lock)) {
			combining_serve(self, thread);
			try_lock_leave(&self->lock);
		} else {
			spin(thread, looks);
		}
	}
	return combiner_answer(record, objs);
}

/* One locked exchange for all n, a copy, and a load a thread. */
static inline uint32_t combining_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct combiner *self = (struct combiner *)pool;
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
	struct combiner *self = (struct combiner *)pool;
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
	struct combiner *self = (struct combiner *)pool;

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
	struct combiner *self = (struct combiner *)pool;

	if (likely(try_lock_enter(&self->lock))) {
		self->stack[self->count++] = object;
		combining_serve(self, thread);
		try_lock_leave(&self->lock);
	} else {
		combining_ask(self, thread, false, &object, 1);
	}
}

static const struct pool_parts combining_parts = {
	POOL_WITH_SLAB(struct combiner, SLAB_WITHOUT_LINKS),
	.thread_bytes = sizeof(struct combiner_thread),
	.init = combiner_init,
	.fini = combiner_fini,
	.enter = combiner_enter,
	.leave = combiner_leave,
	.walk = combiner_walk,
};

static const struct pool_ops pool_combining_ops = {
	.name = "combining",
	.summary = "flat combining: an array under a lock whose holder serves all that wait; pays "
		   "where many do",
	.traits = {.progress = POOL_BLOCKING,
		.exact = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(combining),
};

#endif
