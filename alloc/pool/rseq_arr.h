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
 * After put: memory stays mapped, nothing is overwritten.
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
 *	          get                      put
 *	get       same CPU: the section    same CPU: the section
 *	          else: depot, or stop     else: depot, or stop
 *	put                                as above
 *
 * count and check want a quiet pool. The edges are those of cpu_arrays.c (A0, R0) and of the depot.
 * ABA: a commit is a store to a word that only this CPU writes, and compares nothing. The depot has its
 * tags.
 *
 * I1  as in cpu_arrays.h.
 * I2  An object is in at most one place: slots below cur of one array, or the depot.
 */
#ifndef ALLOC_POOL_RSEQ_ARR_H
#define ALLOC_POOL_RSEQ_ARR_H

#include "alloc/mechanism/cpu_arrays.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/transit.h"

#include <string.h>

struct rseq_arr_pool {
	struct pool base;
	struct cpu_arrays cache;
	struct slab slab;
};

static COLD uint32_t rseq_arr_refill(struct rseq_arr_pool *pool, struct cpu_arrays_thread *self,
	void **objs, uint32_t got, uint32_t n);
static COLD void rseq_arr_overflow(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n);
static COLD void *rseq_arr_get_slow(struct pool *pool, struct pool_thread *thread);
static COLD void rseq_arr_put_slow(struct pool *pool, struct pool_thread *thread, void *object);

/*
 * The section of rseq_array_pop (12 instructions, two stores), two loads to reach it, one compare and
 * branch after it.
 */
static inline void *rseq_arr_get(struct pool *pool, struct pool_thread *thread)
{
	uintptr_t result = rseq_array_pop(((struct cpu_arrays_thread *)thread)->rs,
		((struct rseq_arr_pool *)pool)->cache.array);

	return likely(result >= RSEQ_CODES) ? (void *)result : rseq_arr_get_slow(pool, thread);
}

/*
 * The section of rseq_array_push (13 instructions, three stores), two loads to reach it, one compare
 * and branch after it.
 */
static inline void rseq_arr_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	uintptr_t result = rseq_array_push(((struct cpu_arrays_thread *)thread)->rs,
		((struct rseq_arr_pool *)pool)->cache.array, object);

	if (unlikely(result != RSEQ_DONE))
		rseq_arr_put_slow(pool, thread, object);
}

/* One section for all n, with two 32-byte copies for every eight objects (RSEQ_COPY_WIDE). */
static inline uint32_t rseq_arr_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;
	struct cpu_arrays_thread *mine = (struct cpu_arrays_thread *)thread;
	uintptr_t result = rseq_array_pop_bulk(mine->rs, self->cache.array, objs, n);

	if (likely(result == (uintptr_t)n * 4))
		return n;
	return rseq_arr_refill(
		self, mine, objs, result == RSEQ_ABORT ? 0 : (uint32_t)result / 4, n);
}

/* As get_bulk. */
static inline void rseq_arr_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;
	struct cpu_arrays_thread *mine = (struct cpu_arrays_thread *)thread;

	if (unlikely(rseq_array_push_bulk(mine->rs, self->cache.array, objs, n) != RSEQ_DONE))
		rseq_arr_overflow(pool, thread, objs, n);
}

/*
 * The cold end of get: objs[0..got) are filled, more are wanted. What a batch has beyond them goes
 * to the present CPU's array.
 */
static COLD uint32_t rseq_arr_refill(struct rseq_arr_pool *pool, struct cpu_arrays_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	struct transit transit;

	/* An abort brings us here too, and then the array may well have what is wanted. */
	got += cpu_arrays_pop(&pool->cache, self, objs + got, n - got);
	transit_init(&transit);
	while (got < n) {
		uint32_t batch = transit_take(&transit, &pool->cache.depot, &self->base);

		if (batch == 0)
			batch = cpu_arrays_steal(&pool->cache, self, transit.slot, transit.room);
		if (batch == 0) {
			self->base.paths.empty++;
			break;
		}
		uint32_t use = n - got < batch ? n - got : batch;
		memcpy(objs + got, transit.slot, use * sizeof(*objs));
		got += use;
		/* The CPU may be another by now, and its array full: never assume that there is room. */
		if (use < batch &&
			!cpu_arrays_push(&pool->cache, self, transit.slot + use, batch - use))
			depot_give(
				&pool->cache.depot, &self->base, transit.slot + use, batch - use);
	}
	transit_close(&transit, &pool->cache.depot);
	return got;
}

static COLD void *rseq_arr_get_slow(struct pool *pool, struct pool_thread *thread)
{
	void *object;

	return rseq_arr_refill((struct rseq_arr_pool *)pool, (struct cpu_arrays_thread *)thread,
		       &object, 0, 1)
		       ? object
		       : NULL;
}

/* The cold end of put: the section was aborted, or the array is full. */
static COLD void rseq_arr_overflow(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	cpu_arrays_put(&((struct rseq_arr_pool *)pool)->cache, (struct cpu_arrays_thread *)thread,
		objs, n);
}

static COLD void rseq_arr_put_slow(struct pool *pool, struct pool_thread *thread, void *object)
{
	rseq_arr_overflow(pool, thread, &object, 1);
}

static COLD void rseq_arr_flush(struct pool *pool, struct pool_thread *thread)
{
	cpu_arrays_drain(
		&((struct rseq_arr_pool *)pool)->cache, (struct cpu_arrays_thread *)thread);
}

/* A thread caches nothing: its objects lie with the CPUs, where every thread finds them. */
static COLD void rseq_arr_adopt(struct pool *pool, struct pool_thread *thread)
{
	cpu_arrays_adopt(
		&((struct rseq_arr_pool *)pool)->cache, (struct cpu_arrays_thread *)thread);
}

static COLD int rseq_arr_enter(struct pool *pool, struct pool_thread *thread)
{
	rseq_arr_adopt(pool, thread);
	return 0;
}

static COLD int rseq_arr_init(struct pool *pool)
{
	return cpu_arrays_init(&((struct rseq_arr_pool *)pool)->cache, pool, 0);
}

static COLD void rseq_arr_fini(struct pool *pool)
{
	cpu_arrays_fini(&((struct rseq_arr_pool *)pool)->cache);
}

static COLD void rseq_arr_walk(struct pool *pool, struct census *census)
{
	cpu_arrays_census(&((struct rseq_arr_pool *)pool)->cache, census); /* I1, I2 */
}

static const struct pool_parts rseq_arr_parts = {
	.pool_bytes = sizeof(struct rseq_arr_pool),
	.thread_bytes = sizeof(struct cpu_arrays_thread),
	.slab_offset = offsetof(struct rseq_arr_pool, slab),
	.links = SLAB_WITH_LINKS,
	.init = rseq_arr_init,
	.fini = rseq_arr_fini,
	.enter = rseq_arr_enter,
	.walk = rseq_arr_walk,
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
		.trims = true},
	.supported = pool_supported_rseq,
	POOL_LIFE_CYCLE(rseq_arr_parts),
	.adopt = rseq_arr_adopt,
	.get = rseq_arr_get,
	.put = rseq_arr_put,
	.get_bulk = rseq_arr_get_bulk,
	.put_bulk = rseq_arr_put_bulk,
	.flush = rseq_arr_flush,
};

#endif
