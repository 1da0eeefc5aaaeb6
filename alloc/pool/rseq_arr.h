/*
 * rseq_arr: an array a CPU, worked on in restartable sequences, over the lock-free depot. No locked
 * instruction and no shared line on the fast path, one cache a CPU however many threads there are,
 * and no holder that could be preempted: an interrupted section is simply begun again.
 *
 * Source: the per-CPU slab of tcmalloc (google/tcmalloc, docs/rseq.md), in fused sections that read
 * the CPU number themselves (rseq.h); behind it a depot instead of a locked transfer cache, and a
 * search of the other CPUs' arrays before NULL, by stopping one CPU at a time with membarrier, as
 * tcmalloc's StopCpu does.
 *
 * Progress: lock-free. A section that was aborted RSEQ_ABORTS_MAX times gives up and goes to the
 * depot, which is lock-free; a stopped CPU's threads go there at once. A drainer that is itself
 * stopped hides at most one array and blocks nobody.
 * After put: memory stays mapped, nothing is overwritten.
 * Exact, for any number of threads: get answers NULL only after it has found the own array and the
 * depot empty and then each CPU's array, which it stops to look. With no other thread in a call no
 * CPU is stopped and nothing moves between these looks, and an object that is free is in an array or
 * the depot; the depot has room for any number (depot.h). A CPU that another drainer has claimed is
 * that thread's call: a search looks again for some microseconds (RSEQ_BUSY_MAX), and then answers
 * without it.
 * Signal handlers may use it: the kernel aborts the section that a signal interrupts, and nothing
 * that the cold paths work on is the thread's. Each call of the thread's, and of handlers two deep in
 * it, has at most one of the magazines that the depot has for it (DEPOT_THREAD_MAGAZINES).
 *
 *	          get                      put
 *	get       same CPU: the section    same CPU: the section
 *	          else: depot, or stop     else: depot, or stop
 *	put                                as above
 *
 * count and check want a quiet pool. The edges are those of rseq.h (A0, R0) and of the depot.
 * ABA: a commit is a store to a word that only this CPU writes, not a comparison; the depot has its
 * tags.
 *
 * I1  as in rseq_array.h.
 * I2  An object is in at most one place: slots below cur of one array, or the depot.
 */
#ifndef ALLOC_POOL_RSEQ_ARR_H
#define ALLOC_POOL_RSEQ_ARR_H

#include "alloc/mechanism/rseq_array.h"

#include <errno.h>
#include <string.h>

struct rseq_arr_pool {
	struct pool base;
	struct rseq_cache cache;
	struct slab slab;
	struct depot depot;
};

struct rseq_arr_thread {
	struct pool_thread base;
	struct rseq_cache_thread cache;
};

/*
 * The cold end of get: objs[0..got) are filled, more are wanted. What a batch has beyond them goes
 * to the present CPU.
 */
static COLD uint32_t rseq_arr_refill(struct rseq_arr_pool *pool, struct rseq_arr_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	struct transit transit;

	/* An abort brings us here too, and then the array may well have what is wanted. */
	got += rseq_cache_pop(&pool->cache, &self->cache, objs + got, n - got);
	transit_init(&transit);
	while (got < n) {
		uint32_t batch = transit_take(&transit, &pool->depot, &self->base);

		if (batch == 0)
			batch = rseq_cache_steal(&pool->cache, &self->cache, &self->base,
				transit.slot, transit.room);
		if (batch == 0) {
			self->base.paths.empty++;
			break;
		}
		uint32_t use = n - got < batch ? n - got : batch;
		memcpy(objs + got, transit.slot, use * sizeof(*objs));
		got += use;
		/*
		 * The CPU may have changed or its array been filled meanwhile: never assume that
		 * there is room.
		 */
		if (use < batch && !rseq_cache_push(&pool->cache, &self->cache, transit.slot + use,
					   batch - use))
			depot_give(&pool->depot, &self->base, transit.slot + use, batch - use);
	}
	transit_close(&transit, &pool->depot);
	return got;
}

/* The cold end of put: the section was aborted or the array is full. */
static COLD void rseq_arr_overflow(
	struct rseq_arr_pool *pool, struct rseq_arr_thread *self, void *const *objs, uint32_t n)
{
	rseq_cache_put(&pool->cache, &self->cache, &pool->depot, &self->base, objs, n);
}

static COLD void *rseq_arr_get_slow(struct pool *pool, struct pool_thread *thread)
{
	void *object;

	return rseq_arr_refill((struct rseq_arr_pool *)pool, (struct rseq_arr_thread *)thread,
		       &object, 0, 1)
		       ? object
		       : NULL;
}

static COLD void rseq_arr_put_slow(struct pool *pool, struct pool_thread *thread, void *object)
{
	rseq_arr_overflow(
		(struct rseq_arr_pool *)pool, (struct rseq_arr_thread *)thread, &object, 1);
}

/*
 * The section of rseq_pop (12 instructions, two stores), two loads to reach it, one compare and
 * branch after it.
 */
static inline void *rseq_arr_get(struct pool *pool, struct pool_thread *thread)
{
	uintptr_t result = rseq_pop(((struct rseq_arr_thread *)thread)->cache.rs,
		((struct rseq_arr_pool *)pool)->cache.areas);

	return likely(result >= RSEQ_CODES) ? (void *)result : rseq_arr_get_slow(pool, thread);
}

/*
 * The section of rseq_push (13 instructions, three stores), two loads to reach it, one compare and
 * branch after it.
 */
static inline void rseq_arr_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	uintptr_t result = rseq_push(((struct rseq_arr_thread *)thread)->cache.rs,
		((struct rseq_arr_pool *)pool)->cache.areas, object);

	if (unlikely(result != RSEQ_DONE))
		rseq_arr_put_slow(pool, thread, object);
}

/* One section for all n, with two 16-byte copies for every four objects. */
static inline uint32_t rseq_arr_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;
	struct rseq_arr_thread *mine = (struct rseq_arr_thread *)thread;
	uintptr_t result = rseq_pop_bulk(mine->cache.rs, self->cache.areas, objs, n);

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
	struct rseq_arr_thread *mine = (struct rseq_arr_thread *)thread;

	if (unlikely(rseq_push_bulk(mine->cache.rs, self->cache.areas, objs, n) != RSEQ_DONE))
		rseq_arr_overflow(self, mine, objs, n);
}

static COLD int rseq_arr_create(const struct pool_config *config, struct pool **out)
{
	struct rseq_arr_pool *self = memory_alloc(sizeof(*self));
	int rc;

	if (self == NULL)
		return -ENOMEM;
	rc = slab_init(&self->slab, config->object_bytes, config->object_align, config->capacity,
		config->pages, SLAB_WITH_LINKS);
	if (rc != 0)
		goto fail_slab;
	rc = depot_init(&self->depot, &self->slab, config->batch_objects, 0, CACHE_LINE_BYTES);
	if (rc != 0)
		goto fail_depot;
	rc = rseq_cache_init(&self->cache, config);
	if (rc != 0)
		goto fail_cache;
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;

fail_cache:
	depot_fini(&self->depot);
fail_depot:
	slab_fini(&self->slab);
fail_slab:
	memory_free(self, sizeof(*self));
	return rc;
}

static COLD void rseq_arr_destroy(struct pool *pool)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;

	rseq_cache_fini(&self->cache);
	depot_fini(&self->depot);
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD int rseq_arr_attach(struct pool *pool, struct pool_thread **out)
{
	struct rseq_arr_pool *owner = (struct rseq_arr_pool *)pool;
	struct rseq_arr_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->base.pool = pool;
	rseq_cache_attach(&owner->cache, &self->cache);
	*out = &self->base;
	return 0;
}

static COLD void rseq_arr_adopt(struct pool *pool, struct pool_thread *thread)
{
	rseq_cache_attach(
		&((struct rseq_arr_pool *)pool)->cache, &((struct rseq_arr_thread *)thread)->cache);
}

/* A thread caches nothing: its objects lie with the CPUs, where every thread finds them. */
static COLD void rseq_arr_detach(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	memory_free(thread, sizeof(struct rseq_arr_thread));
}

static COLD void rseq_arr_flush(struct pool *pool, struct pool_thread *thread)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;

	rseq_cache_drain(
		&self->cache, &((struct rseq_arr_thread *)thread)->cache, &self->depot, thread);
}

static COLD uint64_t rseq_arr_count(struct pool *pool)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;

	return depot_count(&self->depot) + rseq_cache_count(&self->cache);
}

static COLD int rseq_arr_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	if (rseq_cache_census(&self->cache, &census)) /* I1, I2 */
		depot_census(&self->depot, &census);
	return census_end(&census, outstanding);
}

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
	.create = rseq_arr_create,
	.destroy = rseq_arr_destroy,
	.attach = rseq_arr_attach,
	.adopt = rseq_arr_adopt,
	.detach = rseq_arr_detach,
	.get = rseq_arr_get,
	.put = rseq_arr_put,
	.get_bulk = rseq_arr_get_bulk,
	.put_bulk = rseq_arr_put_bulk,
	.flush = rseq_arr_flush,
	.count = rseq_arr_count,
	.check = rseq_arr_check,
};

#endif
