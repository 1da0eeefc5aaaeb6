/*
 * The oracle in every object: who owns it, and that nobody else writes to it.
 *
 *	word 0    undefined: a free object's first 8 bytes are the pool's
 *	word 1    the owner, 0 while the object is free
 *	word 2..  while owned, a pattern of the owner's; while free, a pattern of the object's;
 *	          zero before first use
 *
 * The owner word is exchanged on every change of hands and must hold what the contract says: a
 * second owner is seen at once. It is relaxed on purpose: it must not supply the order between
 * threads that the pool owes. The patterns are plain memory, so that the thread sanitizer sees a
 * put that does not release or a get that does not acquire; they also catch whoever touches an
 * object after put.
 *
 * General allocators keep nothing in free memory; for them the pattern of the owner is all there
 * is.
 */
#ifndef STRESS_BASE_OBJECT_H
#define STRESS_BASE_OBJECT_H

#include "stress/stress.h"

#include <inttypes.h>

enum { OBJECT_BYTES_MIN = 32 };

/* Owners: threads are 1 + their index. */
enum { OBJECT_FREE = 0 };
#define OBJECT_POSTED UINT64_MAX /* on a board: on its way from one thread to another */

struct object {
	uint64_t undefined;
	atom_u64 owner;
	uint64_t payload[];
};

static inline uint32_t object_words(const struct pool *pool)
{
	return (uint32_t)((pool->config.object_bytes - sizeof(struct object)) / sizeof(uint64_t));
}

static inline uint64_t object_pattern(const struct object *object, uint64_t owner)
{
	return ((uintptr_t)object ^ UINT64_C(0xa5a5a5a5a5a5a5a5)) + owner;
}

static inline void object_fill(struct pool *pool, struct object *object, uint64_t owner)
{
	for (uint32_t i = 0; i < object_words(pool); i++)
		object->payload[i] = object_pattern(object, owner);
}

/*
 * Holds the payload to the pattern of `owner`; a free object may also be all zero, if never used.
 */
static inline void object_verify(struct pool *pool, struct object *object, uint64_t owner)
{
	const uint64_t expected = object_pattern(object, owner);
	const bool fresh = owner == OBJECT_FREE && object->payload[0] == 0;

	for (uint32_t i = 0; i < object_words(pool); i++) {
		if (object->payload[i] == (fresh ? 0 : expected))
			continue;
		if (owner == OBJECT_FREE)
			stress_fail(PROMISE_FREE_IS_KEPT,
				"object %p was written to while it was free: word %" PRIu32
				" is %#" PRIx64,
				(void *)object, i + 2, object->payload[i]);
		stress_fail(PROMISE_OUT_IS_KEPT,
			"object %p was written to while thread %" PRIu64 " owned it: word %" PRIu32
			" is %#" PRIx64,
			(void *)object, owner - 1, i + 2, object->payload[i]);
	}
}

/* Changes hands; the caller is between get and put, or at a board. */
static inline void object_exchange(struct object *object, uint64_t from, uint64_t to)
{
	uint64_t met = atom_xchg_relaxed(&object->owner, to);

	if (met == from)
		return;
	if (met == OBJECT_FREE)
		stress_fail(PROMISE_ONE_OWNER, "object %p is free and yet in use", (void *)object);
	if (met == OBJECT_POSTED)
		stress_fail(PROMISE_ONE_OWNER,
			"object %p has two owners: one of them has just handed it over",
			(void *)object);
	stress_fail(PROMISE_ONE_OWNER,
		"object %p has two owners: thread %" PRIu64 " still holds it", (void *)object,
		met - 1);
}

/* The object came from get: it must have been free and untouched. It is `owner`'s now. */
static inline void object_got(struct pool *pool, struct object *object, uint64_t owner)
{
	if (pool->ops->traits.kind == POOL_KIND_POOL) {
		object_exchange(object, OBJECT_FREE, owner);
		object_verify(pool, object, OBJECT_FREE);
	} else {
		atom_init(&object->owner, owner);
	}
	object_fill(pool, object, owner);
}

/* The object goes back next: it must still be `owner`'s. */
static inline void object_putting(struct pool *pool, struct object *object, uint64_t owner)
{
	object_verify(pool, object, owner);
	object_fill(pool, object, OBJECT_FREE);
	object_exchange(object, owner, OBJECT_FREE);
}

#endif
