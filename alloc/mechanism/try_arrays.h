/*
 * A pool whose cache is an array of free objects a CPU, each under a try-lock, over the depot: what
 * lies around the hot hooks of `percpu_try`. Whoever finds an array taken goes elsewhere, and
 * nobody waits.
 *
 * Edges: those of try_lock.h.
 *
 * I1  A quiet pool's locks are free, and each array holds at most cpu_cache_objects.
 */
#ifndef ALLOC_MECHANISM_TRY_ARRAYS_H
#define ALLOC_MECHANISM_TRY_ARRAYS_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/cpu_thread.h"
#include "alloc/mechanism/depot.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/try_lock.h"

struct try_array {
	struct try_lock lock;
	uint32_t count; /* objects; it and the slots are the holder's */
	void *slot[POOL_CPU_CACHE_OBJECTS_MAX];
} CACHE_PAIR_ALIGNED;

/* The pool; a thread's state is a struct cpu_thread. */
struct try_arrays {
	struct pool base;
	struct try_array *arrays; /* cpus of them */
	uint32_t cpus;
	uint32_t cap; /* objects an array holds; cpu_cache_objects */
	struct slab slab;
	struct depot depot;
};

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

/* The current CPU's array; a CPU number beyond those known at creation shares one. */
ALWAYS_INLINE struct try_array *try_arrays_own(struct try_arrays *self, struct pool_thread *thread)
{
	uint32_t cpu = cpu_thread_current(thread);

	return &self->arrays[likely(cpu < self->cpus) ? cpu : 0];
}

/* The parts (life_cycle.h); the hook flush empties the current CPU's array, if nobody is in it. */
COLD int try_arrays_init(struct pool *pool);
COLD void try_arrays_fini(struct pool *pool);
COLD void try_arrays_walk(struct pool *pool, struct census *census);
COLD void try_arrays_flush(struct pool *pool, struct pool_thread *thread);

/* Enters the own array or one of the next few; NULL: all were busy. */
COLD struct try_array *try_arrays_enter_near(struct try_arrays *self, struct pool_thread *thread);

/* Up to n objects out of every array that is not busy, from the own one on. */
COLD uint32_t try_arrays_search(
	struct try_arrays *self, struct pool_thread *thread, void **objs, uint32_t n);

#endif
