/*
 * A pool that is one array of free objects under a lock, and a record for each thread, in which whoever finds the lock
 * taken writes what it wants, for the holder to serve before it leaves: what lies around the hot hooks of `combining`,
 * which has the source.
 *
 * Few objects travel in the record itself, so that the holder touches nothing else of the waiter's.
 *
 * R0 the store of `wanted` in combiner_ask, meets A0 in combiner_wanted: the request, and what a putter wrote to its
 *    objects.
 * R1 the store of 0 to it in combiner_done, meets A1 in combiner_stands: what was got, and the count.
 * The array is the holder's: try_lock.h.
 *
 * I1  stack[0..count) are the used free objects. I2  A quiet pool's lock is free, and nothing is wanted.
 */
#ifndef ALLOC_MECHANISM_COMBINER_H
#define ALLOC_MECHANISM_COMBINER_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/places.h"
#include "alloc/mechanism/try_lock.h"

#include <string.h>

/* Objects that travel in a record: what is left of its two lines. */
enum { COMBINER_FEW = 13 };

/* A thread's record, which has a place in a table (places.h). */
struct combiner_record {
	atom_u32 wanted; /* objects, 1 or more: the request stands; 0: none, or it is done */
	bool gets;       /* false: it puts */
	uint32_t got;    /* the answer to a get */
	void **objs;     /* the record's own, or the waiter's */
	void *few[COMBINER_FEW];
} CACHE_PAIR_ALIGNED;
_Static_assert(sizeof(struct combiner_record) == CACHE_PAIR_BYTES, "a record is two lines");

/* By the record's owner: wants n objects, 1 or more, into objs or out of it. */
ALWAYS_INLINE void combiner_ask(struct combiner_record *self, bool gets, void **objs, uint32_t n)
{
	const bool few = n <= COMBINER_FEW;

	self->gets = gets;
	self->objs = few ? self->few : objs;
	if (few && !gets)
		memcpy(self->few, objs, n * sizeof(*objs));
	atom_store_release(&self->wanted, n); /* R0, meets A0 */
}

/* By its owner: nobody has served it yet. */
ALWAYS_INLINE bool combiner_stands(struct combiner_record *self)
{
	return atom_load_acquire(&self->wanted) != 0; /* A1, meets R1 */
}

/* By its owner, when it stands no more: what was got is in objs. Returns the answer to a get. */
ALWAYS_INLINE uint32_t combiner_answer(struct combiner_record *self, void **objs)
{
	if (self->gets && self->objs != objs)
		memcpy(objs, self->few, self->got * sizeof(*objs));
	return self->got;
}

/* By the holder: how many objects are wanted, 0 for no request. */
ALWAYS_INLINE uint32_t combiner_wanted(struct combiner_record *self)
{
	return atom_load_acquire(&self->wanted); /* A0, meets R0 */
}

/* By the holder: the request is done, and what it says is its owner's again. */
ALWAYS_INLINE void combiner_done(struct combiner_record *self)
{
	atom_store_release(&self->wanted, 0); /* R1, meets A1 */
}

/* The pool. */
struct combiner {
	struct pool base;
	CACHE_PAIR_ALIGNED struct try_lock lock;
	uint32_t count;                  /* it and the array are the holder's */
	CACHE_PAIR_ALIGNED void **stack; /* room for all objects */
	struct slab slab;
	struct places records; /* struct combiner_record */
};

/* A thread's state. */
struct combiner_thread {
	struct pool_thread base;
	struct combiner_record *record;
};

static size_t combiner_stack_bytes(const struct combiner *self)
{
	return self->slab.capacity * sizeof(*self->stack);
}

/* The parts (life_cycle.h). */
static COLD int combiner_init(struct pool *pool)
{
	struct combiner *self = (struct combiner *)pool;
	int rc = places_init(&self->records, sizeof(struct combiner_record));

	if (rc != 0)
		return rc;
	self->stack = memory_map(combiner_stack_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->stack == NULL) {
		places_fini(&self->records);
		return -ENOMEM;
	}
	return 0;
}

static COLD void combiner_fini(struct pool *pool)
{
	struct combiner *self = (struct combiner *)pool;

	memory_unmap(self->stack, combiner_stack_bytes(self), MEMORY_PAGES_ORDINARY);
	places_fini(&self->records);
}

static COLD int combiner_enter(struct pool *pool, struct pool_thread *thread)
{
	struct combiner_thread *mine = (struct combiner_thread *)thread;

	mine->record = places_take(&((struct combiner *)pool)->records);
	return mine->record != NULL ? 0 : -ENOMEM;
}

static COLD void combiner_leave(struct pool *pool, struct pool_thread *thread)
{
	places_leave(
		&((struct combiner *)pool)->records, ((struct combiner_thread *)thread)->record);
}

static COLD void combiner_walk(struct pool *pool, struct census *census)
{
	struct combiner *self = (struct combiner *)pool;

	if (!census_unlocked(census, try_lock_is_free(&self->lock))) /* I2 */
		return;
	for (uint32_t i = 0; i < places_used(&self->records); i++) {
		struct combiner_record *record = places_at(&self->records, i);

		if (atom_load_relaxed(&record->wanted) != 0) {
			census_fail(census, "I2: a request of a quiet pool was not served");
			return;
		}
	}
	census_mark_each(census, self->stack, self->count, "the stack"); /* I1 */
}

#endif
