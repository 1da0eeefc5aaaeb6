/*
 * home_ret: every object has a home CPU, and returns there in magazines. Where packets are allocated on
 * one CPU and completed on another, an object then returns to the cache of the CPU that will write it
 * next, one locked instruction serves a whole magazine, and no two pairs of CPUs meet on a line.
 *
 * An object's home is the CPU that carved it.
 *
 *	put   at home: the CPU's array, in a restartable section, as in `rseq_arr`; elsewhere: a magazine that
 *	      the thread has open for that home, which is posted to the home's inbox when it is full
 *	get   own array; else a magazine of the own inbox; else the depot; else whatever can be found
 *
 * Sources: snmalloc (Liétar et al., ISMM 2019) batches remote frees to the owner; Linux,
 * skb_attempt_defer_free returns buffers to the allocating CPU. Both take all that has come at once.
 * Here an inbox gives one magazine at a time: the cost of a refill does not grow with what has come home,
 * and the rest stays where every thread finds it. Any thread may take from any inbox, so a CPU that
 * stays idle strands nothing. What is posted are arrays of pointers, eight a line, and not objects
 * linked to each other: of those each would bring the line of its link along.
 *
 * Progress: lock-free.
 * Signal handlers must not use it: they might find an open magazine half-way through a change.
 * After put: memory stays mapped, nothing is overwritten.
 * Not exact: up to batch_objects - 1 objects a home rest with each thread until it flushes, or detaches.
 *
 *	          get                                     put
 *	get       same CPU: section; inbox: CAS; depot    inbox: CAS
 *	put                                               inbox: CAS
 *
 * count and check want a quiet pool.
 *
 * The edges are those of cpu_inboxes.h and cpu_arrays.h. home[] is written by the thread that carved the
 * object, before anybody else has the object, and never again: whoever hands the object over publishes
 * it.
 *
 * I1  An object is in at most one place: a CPU's array, a CPU's inbox, a thread's open magazine, or
 *     the depot. These keep the invariants of cpu_arrays.h, cpu_inboxes.h and depot.h.
 * I2  Every carved object's home is a CPU of the pool.
 */
#ifndef ALLOC_POOL_HOME_RET_H
#define ALLOC_POOL_HOME_RET_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/cpu_inboxes.h"
#include "alloc/mechanism/life_cycle.h"

struct home_ret_pool {
	struct cpu_inboxes base;
	uint16_t *home; /* one a cache line of the slab: that of the object that begins there */
	uintptr_t home_of_0; /* where the home of the line at address 0 would be */
	struct slab slab;
};

struct home_ret_thread {
	struct cpu_inboxes_thread base;
	struct magazine *scratch; /* what a search or a carving has found; empty between calls */
};

static COLD uint32_t home_ret_refill(struct home_ret_pool *pool, struct home_ret_thread *self,
	void **objs, uint32_t got, uint32_t n);
static COLD void *home_ret_get_slow(struct home_ret_pool *pool, struct home_ret_thread *self);
static COLD void home_ret_put_slow(
	struct home_ret_pool *pool, struct home_ret_thread *self, void *const *objs, uint32_t n);

/* A shift and an addition that the load does by itself. */
ALWAYS_INLINE uint16_t *home_ret_home(struct home_ret_pool *pool, const void *object)
{
	return (uint16_t *)(pool->home_of_0 +
			    ((uintptr_t)object >> CACHE_LINE_LOG2) * sizeof(uint16_t));
}

/* As rseq_arr_get. */
static inline void *home_ret_get(struct pool *pool, struct pool_thread *thread)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uintptr_t result = rseq_array_pop(mine->base.cpu.rs, self->base.arrays.array);

	return likely(result >= RSEQ_CODES) ? (void *)result : home_ret_get_slow(self, mine);
}

/*
 * At home, as rseq_arr_put and three loads more; elsewhere a few loads and stores of the thread's
 * own lines.
 */
static inline void home_ret_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uint32_t home = *home_ret_home(self, object);

	if (unlikely(home != rseq_cpu(mine->base.cpu.rs)))
		cpu_inboxes_send(&self->base, &mine->base, home, &object, 1);
	else if (unlikely(rseq_array_push(mine->base.cpu.rs, self->base.arrays.array, object) !=
			  RSEQ_DONE))
		home_ret_put_slow(self, mine, &object, 1);
}

/* As rseq_arr_get_bulk. */
static inline uint32_t home_ret_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uintptr_t result = rseq_array_pop_bulk(mine->base.cpu.rs, self->base.arrays.array, objs, n);

	if (likely(result == (uintptr_t)n * 4))
		return n;
	return home_ret_refill(
		self, mine, objs, result == RSEQ_ABORT ? 0 : (uint32_t)result / 4, n);
}

/* A burst whose objects are at home in several places, or all elsewhere: by runs of one home. */
static NOINLINE void home_ret_put_runs(struct home_ret_pool *pool, struct home_ret_thread *self,
	void *const *objs, uint32_t n, uint32_t here)
{
	for (uint32_t at = 0; at < n;) {
		uint32_t home = *home_ret_home(pool, objs[at]);
		uint32_t end = at + 1;

		while (end < n && *home_ret_home(pool, objs[end]) == home)
			end++;
		if (home != here)
			cpu_inboxes_send(&pool->base, &self->base, home, objs + at, end - at);
		else if (rseq_array_push_bulk(self->base.cpu.rs, pool->base.arrays.array, objs + at,
				 end - at) != RSEQ_DONE)
			home_ret_put_slow(pool, self, objs + at, end - at);
		at = end;
	}
}

/* All at home, which is found out without a branch: one section. Else run by run. */
static inline void home_ret_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uint32_t here = rseq_cpu(mine->base.cpu.rs);
	uint32_t elsewhere = 0;

	for (uint32_t i = 0; i < n; i++)
		elsewhere |= *home_ret_home(self, objs[i]) ^ here;
	if (elsewhere != 0)
		home_ret_put_runs(self, mine, objs, n, here);
	else if (unlikely(rseq_array_push_bulk(mine->base.cpu.rs, self->base.arrays.array, objs,
				  n) != RSEQ_DONE))
		home_ret_put_slow(self, mine, objs, n);
}

/* Up to a batch of never-used objects, whose home this CPU becomes. Returns how many. */
static COLD uint32_t home_ret_carve(
	struct home_ret_pool *pool, struct home_ret_thread *self, void **objs, uint32_t cpu)
{
	uint32_t found = depot_carve(
		&pool->base.arrays.depot, &self->base.cpu.base, objs, pool->base.arrays.batch);

	for (uint32_t i = 0; i < found; i++)
		*home_ret_home(pool, objs[i]) = (uint16_t)cpu;
	return found;
}

/*
 * A magazine with objects, the caller's: from the own inbox, the depot, the slab, the thread's own
 * open magazines, other inboxes, other arrays. It may be the scratch one. NULL: none was found.
 */
static COLD struct magazine *home_ret_grab(struct home_ret_pool *pool, struct home_ret_thread *self)
{
	uint32_t here = rseq_cpu(self->base.cpu.rs) % pool->base.arrays.table.cpus;
	struct magazine *magazine = cpu_inboxes_take(&pool->base, &self->base, here);
	void **objs = self->scratch->slot;
	uint32_t found;

	if (magazine == NULL && (magazine = depot_get_full(&pool->base.arrays.depot)) != NULL)
		self->base.cpu.base.paths.refill++;
	if (magazine != NULL)
		return magazine;
	found = home_ret_carve(pool, self, objs, here);
	if (found == 0) {
		cpu_inboxes_flush(&pool->base, &self->base);
		for (uint32_t cpu = 0; cpu < pool->base.arrays.table.cpus && magazine == NULL;
			cpu++)
			magazine = cpu_inboxes_take(&pool->base, &self->base, cpu);
		if (magazine != NULL)
			return magazine;
		found = depot_take_used(&pool->base.arrays.depot, &self->base.cpu.base, objs,
			pool->base.arrays.batch);
	}
	if (found == 0)
		found = cpu_arrays_steal(
			&pool->base.arrays, &self->base.cpu, objs, pool->base.arrays.batch);
	magazine_set_count(self->scratch, found);
	return found != 0 ? self->scratch : NULL;
}

/* The cold end of get: objs[0..got) are filled, more are wanted. */
static COLD uint32_t home_ret_refill(struct home_ret_pool *pool, struct home_ret_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	got += cpu_arrays_pop(&pool->base.arrays, &self->base.cpu, objs + got, n - got);
	while (got < n) {
		struct magazine *magazine = home_ret_grab(pool, self);

		if (magazine == NULL) {
			self->base.cpu.base.paths.empty++;
			break;
		}
		uint32_t found = magazine_count(magazine);
		uint32_t use = n - got < found ? n - got : found;
		copy_pointers(objs + got, magazine->slot, use);
		got += use;
		if (use < found)
			cpu_arrays_put(&pool->base.arrays, &self->base.cpu, magazine->slot + use,
				found - use);
		magazine_set_count(magazine, 0);
		if (magazine != self->scratch)
			depot_put_empty(&pool->base.arrays.depot, magazine);
	}
	return got;
}

static COLD void *home_ret_get_slow(struct home_ret_pool *pool, struct home_ret_thread *self)
{
	void *object;

	return home_ret_refill(pool, self, &object, 0, 1) ? object : NULL;
}

static COLD void home_ret_put_slow(
	struct home_ret_pool *pool, struct home_ret_thread *self, void *const *objs, uint32_t n)
{
	cpu_arrays_put(&pool->base.arrays, &self->base.cpu, objs, n);
}

static COLD void home_ret_flush(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_inboxes *owner = (struct cpu_inboxes *)pool;
	struct cpu_inboxes_thread *self = (struct cpu_inboxes_thread *)thread;

	cpu_inboxes_flush(owner, self);
	cpu_arrays_drain(&owner->arrays, &self->cpu);
}

static COLD void home_ret_adopt(struct pool *pool, struct pool_thread *thread)
{
	cpu_arrays_adopt(&((struct cpu_inboxes *)pool)->arrays, (struct cpu_arrays_thread *)thread);
}

static COLD int home_ret_enter(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_inboxes *owner = (struct cpu_inboxes *)pool;
	struct home_ret_thread *self = (struct home_ret_thread *)thread;
	int rc = depot_keep(&owner->arrays.depot, &self->scratch, 1);

	if (rc == 0)
		cpu_inboxes_enter(owner, &self->base);
	return rc;
}

static COLD void home_ret_leave(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_inboxes *owner = (struct cpu_inboxes *)pool;
	struct home_ret_thread *self = (struct home_ret_thread *)thread;

	cpu_inboxes_leave(owner, &self->base);
	depot_drop(&owner->arrays.depot, &self->scratch, 1);
}

static COLD size_t home_ret_home_bytes(const struct home_ret_pool *self)
{
	return slab_units(&self->slab) * sizeof(*self->home);
}

static COLD int home_ret_init(struct pool *pool)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	int rc = cpu_inboxes_init(&self->base);

	if (rc != 0)
		return rc;
	self->home = memory_map(home_ret_home_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->home == NULL) {
		cpu_inboxes_fini(&self->base);
		return -ENOMEM;
	}
	self->home_of_0 = (uintptr_t)self->home -
			  ((uintptr_t)self->slab.base >> CACHE_LINE_LOG2) * sizeof(*self->home);
	return 0;
}

static COLD void home_ret_fini(struct pool *pool)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;

	memory_unmap(self->home, home_ret_home_bytes(self), MEMORY_PAGES_ORDINARY);
	cpu_inboxes_fini(&self->base);
}

static COLD void home_ret_walk(struct pool *pool, struct census *census)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	const uint32_t cpus = self->base.arrays.table.cpus;

	for (uint32_t i = 0; i < slab_carved(&self->slab); i++) { /* I2 */
		uint32_t home = *home_ret_home(self, slab_object(&self->slab, i));

		if (home >= cpus) {
			census_fail(census, "I2: object %u has its home on CPU %u of %u", i, home,
				cpus);
			return;
		}
	}
	cpu_inboxes_census(&self->base, census); /* I1 */
}

static const struct pool_parts home_ret_parts = {
	.pool_bytes = sizeof(struct home_ret_pool),
	.thread_bytes = sizeof(struct home_ret_thread),
	.slab_offset = offsetof(struct home_ret_pool, slab),
	.links = SLAB_WITH_LINKS,
	.init = home_ret_init,
	.fini = home_ret_fini,
	.enter = home_ret_enter,
	.leave = home_ret_leave,
	.walk = home_ret_walk,
};

static const struct pool_ops pool_home_ret_ops = {
	.name = "home_ret",
	.summary = "per-CPU arrays in restartable sequences; foreign objects go home in batches",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.trims = true},
	.supported = pool_supported_rseq,
	POOL_LIFE_CYCLE(home_ret_parts),
	.adopt = home_ret_adopt,
	.get = home_ret_get,
	.put = home_ret_put,
	.get_bulk = home_ret_get_bulk,
	.put_bulk = home_ret_put_bulk,
	.flush = home_ret_flush,
};

#endif
