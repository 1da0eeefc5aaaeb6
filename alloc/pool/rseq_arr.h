/*
 * rseq_arr: an array of free objects a CPU, worked on in restartable sequences, over the lock-free
 * depot. The fast path has no locked instruction and no line that another CPU writes. There is one cache a
 * CPU, however many threads there are. And no holder of a lock can be preempted, for there is none: an
 * interrupted section is begun again.
 *
 * Source: the per-CPU slab of tcmalloc (google/tcmalloc, docs/rseq.md). Departures: the sections are
 * fused with the look at the CPU's number (rseq_array.h). A depot stands in the place of a locked transfer
 * cache. And before get answers NULL it searches the other CPUs' arrays, which it stops one at a time with
 * membarrier, as tcmalloc's StopCpu does.
 *
 *	get   own array; else the depot; else some other CPU's array
 *	put   own array; if that is full, a batch of it goes to the depot first
 *
 * Progress: lock-free. The depot is, and an operation goes there whose section was aborted RSEQ_ABORTS_MAX
 * times or whose CPU's array is stopped. A thread that stops an array and is itself stopped hides one
 * array at most and blocks nobody.
 * Exact, for any number of threads. get answers NULL only after it has found its own array empty, then the
 * depot, and then each CPU's array, which it stops to look. While no other thread is in a call, no
 * array is stopped and nothing moves between these looks; and a free object is in an array or in the
 * depot, which has room for any number (depot.h). An array that another thread has stopped means that
 * the other thread is in a call: a search looks again for some microseconds (CPU_TABLE_LOOKS_MAX) and
 * then answers without that array.
 * Signal handlers may use it. The kernel aborts the section that a signal interrupts, and the cold
 * paths work on nothing that is the thread's. A call of the thread's, and each of handlers two deep in
 * it, has at most one of the magazines that the depot has for it (DEPOT_THREAD_MAGAZINES).
 *
 * The edges are those of cpu_arrays.c (A0, R0) and of the depot. ABA: a commit is a store to a word
 * that only this CPU writes, and compares nothing. The depot has its tags.
 *
 * I1  as in cpu_arrays.h. An object is in at most one place: slots below top of one array, or the
 *     depot.
 */
#ifndef ALLOC_POOL_RSEQ_ARR_H
#define ALLOC_POOL_RSEQ_ARR_H

#include "alloc/mechanism/cpu_arrays.h"
#include "alloc/mechanism/transit.h"

#include <string.h>

static COLD uint32_t rseq_arr_refill(struct cpu_arrays *pool, struct cpu_arrays_thread *self,
	void **objs, uint32_t got, uint32_t n);

/*
 * The hot hooks, by what the pool indexes by: a constant (`rseq_arr_cid`).
 */

/* The section of rseq_array_pop: 12 instructions, two stores; two loads to reach it. */
ALWAYS_INLINE void *rseq_arr_get_near_by(
	enum rseq_index by, struct pool *pool, struct pool_thread *thread)
{
	struct cpu_arrays_thread *self = (struct cpu_arrays_thread *)thread;
	uintptr_t result = rseq_array_pop(self->rs, by, ((struct cpu_arrays *)pool)->array);

	return likely(result >= RSEQ_CODES) ? (void *)result : NULL;
}

/* The section of rseq_array_push: 13 instructions, three stores; two loads to reach it. */
ALWAYS_INLINE bool rseq_arr_put_near_by(
	enum rseq_index by, struct pool *pool, struct pool_thread *thread, void *object)
{
	struct cpu_arrays_thread *self = (struct cpu_arrays_thread *)thread;

	return likely(rseq_array_push(self->rs, by, ((struct cpu_arrays *)pool)->array, object) ==
		      RSEQ_DONE);
}

/* One section for all n, with two 32-byte copies for every eight objects (RSEQ_COPY_WIDE). */
ALWAYS_INLINE uint32_t rseq_arr_get_bulk_by(
	enum rseq_index by, struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct cpu_arrays *owner = (struct cpu_arrays *)pool;
	struct cpu_arrays_thread *self = (struct cpu_arrays_thread *)thread;
	uintptr_t result = rseq_array_pop_bulk(self->rs, by, owner->array, objs, n);

	if (likely(result == (uintptr_t)n * 4))
		return n;
	return rseq_arr_refill(
		owner, self, objs, result == RSEQ_ABORT ? 0 : (uint32_t)result / 4, n);
}

/* As get_bulk. */
ALWAYS_INLINE void rseq_arr_put_bulk_by(enum rseq_index by, struct pool *pool,
	struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct cpu_arrays *owner = (struct cpu_arrays *)pool;
	struct cpu_arrays_thread *self = (struct cpu_arrays_thread *)thread;

	if (unlikely(rseq_array_push_bulk(self->rs, by, owner->array, objs, n) != RSEQ_DONE))
		cpu_arrays_put(owner, self, objs, n);
}

#define RSEQ_ARR_HOT_HOOKS(name, by)                                                               \
	static inline void *name##_get_near(struct pool *pool, struct pool_thread *thread)         \
	{                                                                                          \
		return rseq_arr_get_near_by(by, pool, thread);                                     \
	}                                                                                          \
	static inline bool name##_put_near(                                                        \
		struct pool *pool, struct pool_thread *thread, void *object)                       \
	{                                                                                          \
		return rseq_arr_put_near_by(by, pool, thread, object);                             \
	}                                                                                          \
	static inline void *name##_get(struct pool *pool, struct pool_thread *thread)              \
	{                                                                                          \
		void *object = name##_get_near(pool, thread);                                      \
                                                                                                   \
		return likely(object != NULL) ? object : pool_get_one(pool, thread);               \
	}                                                                                          \
	static inline void name##_put(struct pool *pool, struct pool_thread *thread, void *object) \
	{                                                                                          \
		if (unlikely(!name##_put_near(pool, thread, object)))                              \
			pool_put_one(pool, thread, object);                                        \
	}                                                                                          \
	static inline uint32_t name##_get_bulk(                                                    \
		struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)            \
	{                                                                                          \
		return rseq_arr_get_bulk_by(by, pool, thread, objs, n);                            \
	}                                                                                          \
	static inline void name##_put_bulk(                                                        \
		struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)      \
	{                                                                                          \
		rseq_arr_put_bulk_by(by, pool, thread, objs, n);                                   \
	}

RSEQ_ARR_HOT_HOOKS(rseq_arr, RSEQ_BY_CPU)

/*
 * The cold end of get: objs[0..got) are filled, more are wanted. What a batch has beyond them goes
 * to the present CPU's array.
 */
static COLD uint32_t rseq_arr_refill(struct cpu_arrays *pool, struct cpu_arrays_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	struct transit transit;

	/* An abort brings us here too, and then the array may well have what is wanted. */
	got += cpu_arrays_pop(pool, self, objs + got, n - got);
	transit_init(&transit);
	while (got < n) {
		uint32_t batch = transit_take(&transit, &pool->depot, &self->base);

		if (batch == 0)
			batch = cpu_arrays_steal(pool, self, transit.slot, transit.room);
		if (batch == 0) {
			self->base.paths.empty++;
			break;
		}
		uint32_t use = n - got < batch ? n - got : batch;
		memcpy(objs + got, transit.slot, use * sizeof(*objs));
		got += use;
		/* The CPU may be another by now, and its array full: never assume that there is room. */
		if (use < batch && !cpu_arrays_push(pool, self, transit.slot + use, batch - use))
			depot_give(&pool->depot, &self->base, transit.slot + use, batch - use);
	}
	transit_close(&transit, &pool->depot, &self->base);
	return got;
}

/* A thread caches nothing, and leaves nothing: its objects lie with the CPUs. */
static const struct pool_parts rseq_arr_parts = {
	POOL_WITH_SLAB(struct cpu_arrays, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct cpu_arrays_thread),
	.init = cpu_arrays_init,
	.fini = cpu_arrays_fini,
	.enter = cpu_arrays_enter,
	.walk = cpu_arrays_walk,
};

static const struct pool_ops pool_rseq_arr_ops = {
	.name = "rseq_arr",
	.summary = "an array a CPU in restartable sequences, over a lock-free depot (tcmalloc's "
		   "shape)",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_rseq,
	POOL_LIFE_CYCLE(rseq_arr_parts),
	POOL_HOT_HOOKS(rseq_arr),
	.adopt = cpu_arrays_adopt,
	.flush = cpu_arrays_flush,
	.lost = cpu_arrays_lost,
};

#endif
