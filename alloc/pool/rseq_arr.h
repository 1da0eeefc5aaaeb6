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
 * After put: memory stays mapped, nothing is overwritten. Exact: get searches every CPU's array
 * before it answers NULL. A CPU that another drainer has claimed is that thread's call.
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
 * I1  On a quiet pool no CPU is stopped, low is 0, cap is cpu_cache_objects and cur at most that.
 * I2  An object is in at most one place: slots below cur of one array, or the depot.
 */
#ifndef ALLOC_POOL_RSEQ_ARR_H
#define ALLOC_POOL_RSEQ_ARR_H

#include "alloc/cpu.h"
#include "alloc/depot.h"
#include "alloc/rseq.h"

_Static_assert((int)POOL_CPU_CACHE_OBJECTS_MAX <= (int)RSEQ_SLOTS_MAX, "the largest cache fits an area");

struct rseq_arr_pool {
	struct pool base;
	struct rseq_array *areas; /* cpus, and one more that is for ever stopped */
	uint32_t cpus;
	uint32_t cap;
	uint32_t batch; /* objects moved at once; the depot's magazine size */
	struct slab slab;
	struct depot depot;
};

/*
 * Stands in for the kernel's structure in a thread that has none: its CPU is the one that is
 * stopped for ever.
 */
struct rseq_arr_unregistered {
	uint32_t cpu_id_start, cpu_id;
	uint64_t rseq_cs;
};

struct rseq_arr_thread {
	struct pool_thread base;
	void *rs; /* the thread's registered area, or &unregistered */
	struct rseq_arr_unregistered unregistered;
	uint32_t victim;                              /* where the last search found something */
	void *buffer[POOL_CPU_CACHE_OBJECTS_MAX / 2]; /* a batch in transit */
};

/* rseq_pop_bulk and rseq_push_bulk, begun again when interrupted, a bounded number of times. */
static COLD uint32_t rseq_arr_pop(
	struct rseq_arr_pool *pool, struct rseq_arr_thread *self, void **objs, uint32_t n)
{
	uintptr_t result = RSEQ_ABORT;

	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && result == RSEQ_ABORT; i++)
		result = rseq_pop_bulk(self->rs, pool->areas, objs, n);
	return result == RSEQ_ABORT ? 0 : (uint32_t)result / 4;
}

static COLD bool rseq_arr_push(
	struct rseq_arr_pool *pool, struct rseq_arr_thread *self, void *const *objs, uint32_t n)
{
	uintptr_t result = RSEQ_ABORT;

	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && result == RSEQ_ABORT; i++)
		result = rseq_push_bulk(self->rs, pool->areas, objs, n);
	return result == RSEQ_DONE;
}

/*
 * Takes up to a batch from some CPU's array into the buffer: from one that has more than a batch at
 * most half of it, beginning where the last search succeeded. 0: every array is empty or being
 * drained by somebody else.
 */
static COLD uint32_t rseq_arr_steal(struct rseq_arr_pool *pool, struct rseq_arr_thread *self)
{
	for (uint32_t i = 0; i < pool->cpus; i++) {
		uint32_t cpu = (self->victim + i) % pool->cpus;
		struct rseq_array *area = &pool->areas[cpu];

		/*
		 * A peek that decides nothing: an array that looks empty is not worth an interrupt.
		 */
		if (atom_load_relaxed(&area->cur) == 0 || !rseq_stop(pool->areas, cpu))
			continue;
		uint32_t cur = atom_load_relaxed(&area->cur);
		uint32_t take = cur - cur / 2;
		if (take > pool->batch)
			take = pool->batch;
		memcpy(self->buffer, &area->slot[cur - take], take * sizeof(void *));
		for (uint32_t k = 0; k < take; k++)
			atom_tsan_acquire(self->buffer[k]);
		atom_store_relaxed(&area->cur, cur - take);
		rseq_restart(pool->areas, cpu, pool->cap);
		if (take != 0) {
			self->victim = cpu;
			self->base.paths.steal++;
			return take;
		}
	}
	return 0;
}

/*
 * The cold end of get: objs[0..got) are filled, more are wanted. What a batch has beyond them goes
 * to the present CPU.
 */
static COLD uint32_t rseq_arr_refill(struct rseq_arr_pool *pool, struct rseq_arr_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	/* An abort brings us here too, and then the array may well have what is wanted. */
	got += rseq_arr_pop(pool, self, objs + got, n - got);
	while (got < n) {
		uint32_t batch = depot_take(&pool->depot, &self->base, self->buffer, pool->batch);

		if (batch == 0)
			batch = rseq_arr_steal(pool, self);
		if (batch == 0) {
			self->base.paths.empty++;
			break;
		}
		uint32_t use = n - got < batch ? n - got : batch;
		memcpy(objs + got, self->buffer, use * sizeof(*objs));
		got += use;
		/*
		 * The CPU may have changed or its array been filled meanwhile: never assume that
		 * there is room.
		 */
		if (use < batch && !rseq_arr_push(pool, self, self->buffer + use, batch - use))
			depot_give(&pool->depot, &self->base, self->buffer + use, batch - use);
	}
	return got;
}

/*
 * The cold end of put: the section was aborted or the array is full. Moves a batch to the depot to
 * make room.
 */
static COLD void rseq_arr_overflow(
	struct rseq_arr_pool *pool, struct rseq_arr_thread *self, void *const *objs, uint32_t n)
{
	if (rseq_arr_push(pool, self, objs, n))
		return;
	uint32_t moved = rseq_arr_pop(pool, self, self->buffer, pool->batch);
	if (moved != 0)
		depot_give(&pool->depot, &self->base, self->buffer, moved);
	if (rseq_arr_push(pool, self, objs, n))
		return;
	for (uint32_t put = 0; put < n;) {
		uint32_t give = n - put < pool->batch ? n - put : pool->batch;

		depot_give(&pool->depot, &self->base, objs + put, give);
		put += give;
	}
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
	uintptr_t result = rseq_pop(
		((struct rseq_arr_thread *)thread)->rs, ((struct rseq_arr_pool *)pool)->areas);

	return likely(result >= RSEQ_CODES) ? (void *)result : rseq_arr_get_slow(pool, thread);
}

/*
 * The section of rseq_push (13 instructions, three stores), two loads to reach it, one compare and
 * branch after it.
 */
static inline void rseq_arr_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	uintptr_t result = rseq_push(((struct rseq_arr_thread *)thread)->rs,
		((struct rseq_arr_pool *)pool)->areas, object);

	if (unlikely(result != RSEQ_DONE))
		rseq_arr_put_slow(pool, thread, object);
}

/* One section for all n, with two 16-byte copies for every four objects. */
static inline uint32_t rseq_arr_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;
	struct rseq_arr_thread *mine = (struct rseq_arr_thread *)thread;
	uintptr_t result = rseq_pop_bulk(mine->rs, self->areas, objs, n);

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

	if (unlikely(rseq_push_bulk(mine->rs, self->areas, objs, n) != RSEQ_DONE))
		rseq_arr_overflow(self, mine, objs, n);
}

static COLD size_t rseq_arr_area_bytes(const struct rseq_arr_pool *self)
{
	return ((size_t)self->cpus + 1) * sizeof(*self->areas);
}

static COLD int rseq_arr_create(const struct pool_config *config, struct pool **out)
{
	struct rseq_arr_pool *self = memory_alloc(sizeof(*self));
	int rc;

	if (self == NULL)
		return -ENOMEM;
	self->cpus = cpu_possible();
	self->cap = config->cpu_cache_objects;
	self->batch = config->batch_objects;
	rc = slab_init(&self->slab, config->object_bytes, config->object_align, config->capacity,
		config->pages, SLAB_WITH_LINKS);
	if (rc != 0)
		goto fail_slab;
	rc = depot_init(&self->depot, &self->slab, self->batch, 0);
	if (rc != 0)
		goto fail_depot;
	rc = -ENOMEM;
	self->areas = memory_map(rseq_arr_area_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->areas == NULL)
		goto fail_areas;
	for (uint32_t cpu = 0; cpu < self->cpus; cpu++)
		atom_init(&self->areas[cpu].cap, self->cap);
	atom_init(&self->areas[self->cpus].low, UINT32_MAX);
	atom_init(&self->areas[self->cpus].stop, 1);
	*out = &self->base;
	return 0;

fail_areas:
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

	memory_unmap(self->areas, rseq_arr_area_bytes(self), MEMORY_PAGES_ORDINARY);
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
	if (depot_enter(&owner->depot) != 0) {
		memory_free(self, sizeof(*self));
		return -ENOMEM;
	}
	self->base.pool = pool;
	self->unregistered.cpu_id = owner->cpus;
	self->rs = rseq_area();
	if (self->rs == NULL)
		self->rs = &self->unregistered;
	*out = &self->base;
	return 0;
}

/* A thread caches nothing: its objects lie with the CPUs, where every thread finds them. */
static COLD void rseq_arr_detach(struct pool *pool, struct pool_thread *thread)
{
	depot_leave(&((struct rseq_arr_pool *)pool)->depot);
	memory_free(thread, sizeof(struct rseq_arr_thread));
}

static COLD void rseq_arr_flush(struct pool *pool, struct pool_thread *thread)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;
	struct rseq_arr_thread *mine = (struct rseq_arr_thread *)thread;
	uint32_t n;

	while ((n = rseq_arr_pop(self, mine, mine->buffer, self->batch)) != 0)
		depot_give(&self->depot, thread, mine->buffer, n);
}

static COLD uint64_t rseq_arr_count(struct pool *pool)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;
	uint64_t free = depot_count(&self->depot);

	for (uint32_t i = 0; i < self->cpus; i++)
		free += atom_load_relaxed(&self->areas[i].cur);
	return free;
}

static COLD int rseq_arr_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct rseq_arr_pool *self = (struct rseq_arr_pool *)pool;
	struct audit audit;
	int rc = audit_begin(&audit, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < self->cpus && !audit.failed; i++) {
		struct rseq_array *area = &self->areas[i];
		uint32_t cur = atom_load_relaxed(&area->cur);

		if (atom_load_relaxed(&area->stop) != 0 ||
			atom_load_relaxed(&area->low) != 0 || /* I1 */
			atom_load_relaxed(&area->cap) != self->cap || cur > self->cap)
			audit_fail(&audit,
				"I1: CPU %u is stopped, or its array of %u holds %u objects", i,
				self->cap, cur);
		for (uint32_t k = 0; k < cur && !audit.failed; k++) /* I2 */
			audit_mark(&audit, area->slot[k], "a CPU's array");
	}
	depot_audit(&self->depot, &audit);
	return audit_end(&audit, outstanding);
}

static const struct pool_ops pool_rseq_arr_ops = {
	.name = "rseq_arr",
	.summary = "an array a CPU in restartable sequences, over a lock-free depot (tcmalloc's "
		   "shape)",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.exact = true},
	.supported = rseq_supported,
	.create = rseq_arr_create,
	.destroy = rseq_arr_destroy,
	.attach = rseq_arr_attach,
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
