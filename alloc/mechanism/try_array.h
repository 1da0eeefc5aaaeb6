/*
 * An array of free objects under a try-lock, for `percpu_try`: whoever finds it taken goes elsewhere, and
 * nobody waits.
 *
 * A0 in try_array_enter, meets R0 in try_array_leave: the array as the last holder left it.
 * ABA: a lock has none.
 */
#ifndef ALLOC_MECHANISM_TRY_ARRAY_H
#define ALLOC_MECHANISM_TRY_ARRAY_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "alloc/machine/copy.h"
#include "alloc/pool.h"

struct try_array {
	atom_u32 busy;  /* 1 while a thread is in here */
	uint32_t count; /* objects; it and the slots are the holder's */
	void *slot[POOL_CPU_CACHE_OBJECTS_MAX];
} CACHE_PAIR_ALIGNED;

/* True: the array is the caller's until it leaves. One locked exchange. */
ALWAYS_INLINE bool try_array_enter(struct try_array *array)
{
	return atom_xchg_acquire(&array->busy, 1) == 0; /* A0, meets R0 */
}

ALWAYS_INLINE void try_array_leave(struct try_array *array)
{
	atom_store_release(&array->busy, 0); /* R0, meets A0 */
}

/* Up to n objects from an array that has been entered. */
ALWAYS_INLINE uint32_t try_array_pop(struct try_array *array, void **objs, uint32_t n)
{
	uint32_t take = n < array->count ? n : array->count;

	array->count -= take;
	copy_pointers(objs, &array->slot[array->count], take);
	return take;
}

/* As many of objs[0..n) as an entered array of cap objects has room for. */
ALWAYS_INLINE uint32_t try_array_push(
	struct try_array *array, void *const *objs, uint32_t n, uint32_t cap)
{
	uint32_t room = cap - array->count;
	uint32_t give = n < room ? n : room;

	copy_pointers(&array->slot[array->count], objs, give);
	array->count += give;
	return give;
}

#endif
