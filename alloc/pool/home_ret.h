/*
 * home_ret: every object has a home CPU, and goes home in batches. Where packets are allocated on
 * one CPU and completed on another, objects then return to the cache of the CPU that will write
 * them next, and one locked instruction serves a whole batch.
 *
 * An object's home is the CPU that carved it. A put at home goes to that CPU's array, in a
 * restartable sequence (rseq.h), as in `rseq_arr`. A put elsewhere joins a chain in the calling
 * thread; when it has batch_objects, at the end of a bulk put, or at a flush, the chain is posted
 * to the home's inbox with one compare-and-swap. A get that finds the local array empty takes its
 * whole inbox with one exchange.
 *
 * Sources: snmalloc (Liétar et al., ISMM 2019) batches remote frees to the owner; Linux,
 * skb_attempt_defer_free returns buffers to the allocating CPU. Here any thread may take any inbox,
 * since taking is one exchange of everything: a CPU that stays idle strands nothing.
 *
 * Progress: lock-free. After put: memory stays mapped, nothing is overwritten. Not exact: up to
 * batch_objects - 1 objects a home rest with each thread until it flushes, or detaches.
 *
 *	          get                           put
 *	get       same CPU: section; inbox: xchg; depot   inbox: xchg against CAS
 *	put                                               inbox: CAS
 *
 * count and check want a quiet pool.
 *
 * An inbox is a `loose` list whose only consumer operation is take_all: its R0 and A1. ABA:
 * exchange compares nothing, and a push that finds another head than it linked to fails. home[] is
 * written by the thread that carved the object, before anybody else has the object, and never
 * again: whoever hands the object over publishes it.
 *
 * I1  as in rseq_cache.h.
 * I2  An object is in at most one place: a CPU's array, a CPU's inbox, a thread's chain, or the
 * depot.
 * I3  Every carved object's home is a CPU of the pool.
 */
#ifndef ALLOC_POOL_HOME_RET_H
#define ALLOC_POOL_HOME_RET_H

#include "alloc/rseq_cache.h"

#include <pthread.h>

/*
 * Chains a thread has open at once, by home modulo this: a power of two. Sixteen serve a stack
 * whose completions go to sixteen different CPUs; a further home posts the chain it displaces,
 * early but correct.
 */
enum { HOME_RET_CHAINS = 16 };
_Static_assert((HOME_RET_CHAINS & (HOME_RET_CHAINS - 1)) == 0, "the modulo is a mask");

struct home_ret_chain {
	uint32_t home;
	uint32_t count;       /* 0: no chain */
	uint32_t first, last; /* units */
};

struct home_ret_pool {
	struct pool base;
	struct rseq_cache cache;
	struct loose *inbox; /* one a CPU */
	uint16_t *home;      /* by unit - 1 */
	struct slab slab;
	struct depot depot;
	pthread_mutex_t lock; /* guards threads: attach, detach, count and check only */
	struct home_ret_thread *threads;
};

struct home_ret_thread {
	struct pool_thread base;
	struct rseq_cache_thread cache;
	struct home_ret_chain chains[HOME_RET_CHAINS];
	void *found[POOL_CPU_CACHE_OBJECTS_MAX /
		    2]; /* what a search brought; cache.buffer is busy meanwhile */
	struct home_ret_thread *next, **link; /* the pool's list of threads, under its lock */
};

ALWAYS_INLINE uint32_t home_ret_cpu(struct home_ret_thread *self)
{
	return atom_load_relaxed((atom_u32 *)self->cache.rs); /* cpu_id_start; kept by the kernel */
}

ALWAYS_INLINE uint16_t *home_ret_home(struct home_ret_pool *pool, uint32_t unit)
{
	return &pool->home[unit - 1];
}

/* Posts a chain to its home. One locked instruction. */
static COLD void home_ret_post(
	struct home_ret_pool *pool, struct home_ret_thread *self, struct home_ret_chain *chain)
{
	if (chain->count == 0)
		return;
	loose_push_chain(&pool->inbox[chain->home], &pool->slab, chain->first, chain->last);
	chain->count = 0;
	self->base.paths.flush++;
}

static COLD void home_ret_post_all(struct home_ret_pool *pool, struct home_ret_thread *self)
{
	for (uint32_t i = 0; i < HOME_RET_CHAINS; i++)
		home_ret_post(pool, self, &self->chains[i]);
}

/* Adds a foreign object to the thread's chain for its home. */
static inline void home_ret_send(
	struct home_ret_pool *pool, struct home_ret_thread *self, uint32_t home, uint32_t unit)
{
	struct home_ret_chain *chain = &self->chains[home & (HOME_RET_CHAINS - 1)];

	if (unlikely(chain->count != 0 && chain->home != home))
		home_ret_post(pool, self, chain);
	if (chain->count == 0) {
		chain->home = home;
		chain->last = unit;
	} else {
		atom_store_relaxed(
			slab_link(&pool->slab, unit), chain->first); /* private until posted */
	}
	chain->first = unit;
	if (++chain->count == pool->cache.batch)
		home_ret_post(pool, self, chain);
}

/*
 * Takes a CPU's inbox: up to a batch of it into self->found, the rest to the depot. Returns how
 * many were found.
 */
static COLD uint32_t home_ret_take_inbox(
	struct home_ret_pool *pool, struct home_ret_thread *self, uint32_t cpu)
{
	uint32_t unit = loose_take_all(&pool->inbox[cpu]);
	uint32_t found = 0;
	uint32_t over = 0;

	while (unit != 0) {
		void *object = slab_at(&pool->slab, unit);

		unit = atom_load_relaxed(
			slab_link(&pool->slab, unit)); /* the chain is ours since A1 */
		if (found < pool->cache.batch) {
			self->found[found++] = object;
			continue;
		}
		self->cache.buffer[over++] = object;
		if (over == pool->cache.batch || unit == 0) {
			depot_give(&pool->depot, &self->base, self->cache.buffer, over);
			over = 0;
		}
	}
	self->base.paths.refill += found != 0;
	return found;
}

/* Takes never-used objects, whose home this CPU becomes. */
static COLD uint32_t home_ret_carve(
	struct home_ret_pool *pool, struct home_ret_thread *self, uint32_t cpu)
{
	uint32_t found = depot_carve(&pool->depot, &self->base, self->found, pool->cache.batch);

	for (uint32_t i = 0; i < found; i++)
		*home_ret_home(pool, slab_unit(&pool->slab, self->found[i])) = (uint16_t)cpu;
	return found;
}

/*
 * The last resort: what other CPUs have in their inboxes and arrays, the thread's own open chains
 * included.
 */
static COLD uint32_t home_ret_search(struct home_ret_pool *pool, struct home_ret_thread *self)
{
	uint32_t found = 0;

	home_ret_post_all(pool, self);
	for (uint32_t cpu = 0; cpu < pool->cache.cpus && found == 0; cpu++)
		found = home_ret_take_inbox(pool, self, cpu);
	if (found == 0) {
		found = rseq_cache_steal(&pool->cache, &self->cache, &self->base);
		memcpy(self->found, self->cache.buffer, found * sizeof(void *));
	}
	return found;
}

/* The cold end of get: objs[0..got) are filled, more are wanted. */
static COLD uint32_t home_ret_refill(struct home_ret_pool *pool, struct home_ret_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	got += rseq_cache_pop(&pool->cache, &self->cache, objs + got, n - got);
	while (got < n) {
		uint32_t cpu = home_ret_cpu(self) % pool->cache.cpus;
		uint32_t found = home_ret_take_inbox(pool, self, cpu);

		if (found == 0)
			found = depot_take_used(
				&pool->depot, &self->base, self->found, pool->cache.batch);
		if (found == 0)
			found = home_ret_carve(pool, self, cpu);
		if (found == 0)
			found = home_ret_search(pool, self);
		if (found == 0) {
			self->base.paths.empty++;
			break;
		}
		uint32_t use = n - got < found ? n - got : found;
		memcpy(objs + got, self->found, use * sizeof(*objs));
		got += use;
		if (use < found)
			rseq_cache_put(&pool->cache, &self->cache, &pool->depot, &self->base,
				self->found + use, found - use);
	}
	return got;
}

static COLD void *home_ret_get_slow(struct home_ret_pool *pool, struct home_ret_thread *self)
{
	void *object;

	return home_ret_refill(pool, self, &object, 0, 1) ? object : NULL;
}

static COLD void home_ret_put_slow(
	struct home_ret_pool *pool, struct home_ret_thread *self, void *object)
{
	rseq_cache_put(&pool->cache, &self->cache, &pool->depot, &self->base, &object, 1);
}

/* As rseq_arr_get. */
static inline void *home_ret_get(struct pool *pool, struct pool_thread *thread)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uintptr_t result = rseq_pop(mine->cache.rs, self->cache.areas);

	return likely(result >= RSEQ_CODES) ? (void *)result : home_ret_get_slow(self, mine);
}

/*
 * At home, as rseq_arr_put and three loads more; elsewhere a few stores to the thread's own lines
 * and one to the link.
 */
static inline void home_ret_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uint32_t unit = slab_unit(&self->slab, object);
	uint32_t home = *home_ret_home(self, unit);

	if (unlikely(home != home_ret_cpu(mine)))
		home_ret_send(self, mine, home, unit);
	else if (unlikely(rseq_push(mine->cache.rs, self->cache.areas, object) != RSEQ_DONE))
		home_ret_put_slow(self, mine, object);
}

/* As rseq_arr_get_bulk. */
static inline uint32_t home_ret_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uintptr_t result = rseq_pop_bulk(mine->cache.rs, self->cache.areas, objs, n);

	if (likely(result == (uintptr_t)n * 4))
		return n;
	return home_ret_refill(
		self, mine, objs, result == RSEQ_ABORT ? 0 : (uint32_t)result / 4, n);
}

/*
 * Objects of this CPU in one section; the others join their chains, which are posted at the end of
 * the burst.
 */
static inline void home_ret_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uint32_t cpu = home_ret_cpu(mine);
	uint32_t at_home = 0;

	while (at_home < n && *home_ret_home(self, slab_unit(&self->slab, objs[at_home])) == cpu)
		at_home++;
	if (at_home != 0 && unlikely(rseq_push_bulk(mine->cache.rs, self->cache.areas, objs,
					     at_home) != RSEQ_DONE))
		rseq_cache_put(&self->cache, &mine->cache, &self->depot, thread, objs, at_home);
	if (at_home == n)
		return;
	for (uint32_t i = at_home; i < n; i++) {
		uint32_t unit = slab_unit(&self->slab, objs[i]);
		uint32_t home = *home_ret_home(self, unit);

		if (home == cpu)
			home_ret_put(pool, thread, objs[i]);
		else
			home_ret_send(self, mine, home, unit);
	}
	home_ret_post_all(self, mine);
}

static COLD size_t home_ret_home_bytes(const struct home_ret_pool *self)
{
	return (self->slab.capacity * self->slab.stride >> CACHE_LINE_LOG2) * sizeof(*self->home);
}

static COLD int home_ret_create(const struct pool_config *config, struct pool **out)
{
	struct home_ret_pool *self = memory_alloc(sizeof(*self));
	int rc;

	if (self == NULL)
		return -ENOMEM;
	rc = slab_init(&self->slab, config->object_bytes, config->object_align, config->capacity,
		config->pages, SLAB_WITH_LINKS);
	if (rc != 0)
		goto fail_slab;
	rc = depot_init(&self->depot, &self->slab, config->batch_objects, 0);
	if (rc != 0)
		goto fail_depot;
	rc = rseq_cache_init(&self->cache, config);
	if (rc != 0)
		goto fail_cache;
	rc = -ENOMEM;
	self->inbox = memory_alloc(self->cache.cpus * sizeof(*self->inbox));
	if (self->inbox == NULL)
		goto fail_inbox;
	self->home = memory_map(home_ret_home_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->home == NULL)
		goto fail_home;
	pthread_mutex_init(&self->lock, NULL);
	*out = &self->base;
	return 0;

fail_home:
	memory_free(self->inbox, self->cache.cpus * sizeof(*self->inbox));
fail_inbox:
	rseq_cache_fini(&self->cache);
fail_cache:
	depot_fini(&self->depot);
fail_depot:
	slab_fini(&self->slab);
fail_slab:
	memory_free(self, sizeof(*self));
	return rc;
}

static COLD void home_ret_destroy(struct pool *pool)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;

	pthread_mutex_destroy(&self->lock);
	memory_unmap(self->home, home_ret_home_bytes(self), MEMORY_PAGES_ORDINARY);
	memory_free(self->inbox, self->cache.cpus * sizeof(*self->inbox));
	rseq_cache_fini(&self->cache);
	depot_fini(&self->depot);
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD int home_ret_attach(struct pool *pool, struct pool_thread **out)
{
	struct home_ret_pool *owner = (struct home_ret_pool *)pool;
	struct home_ret_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	if (depot_enter(&owner->depot) != 0) {
		memory_free(self, sizeof(*self));
		return -ENOMEM;
	}
	self->base.pool = pool;
	rseq_cache_attach(&owner->cache, &self->cache);
	pthread_mutex_lock(&owner->lock);
	self->next = owner->threads;
	self->link = &owner->threads;
	if (self->next != NULL)
		self->next->link = &self->next;
	owner->threads = self;
	pthread_mutex_unlock(&owner->lock);
	*out = &self->base;
	return 0;
}

static COLD void home_ret_detach(struct pool *pool, struct pool_thread *thread)
{
	struct home_ret_pool *owner = (struct home_ret_pool *)pool;
	struct home_ret_thread *self = (struct home_ret_thread *)thread;

	home_ret_post_all(owner, self);
	pthread_mutex_lock(&owner->lock);
	*self->link = self->next;
	if (self->next != NULL)
		self->next->link = self->link;
	pthread_mutex_unlock(&owner->lock);
	depot_leave(&owner->depot);
	memory_free(self, sizeof(*self));
}

static COLD void home_ret_flush(struct pool *pool, struct pool_thread *thread)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;

	home_ret_post_all(self, mine);
	rseq_cache_drain(&self->cache, &mine->cache, &self->depot, thread);
}

/* What the open chains and the inboxes hold is only known by walking them. */
static COLD uint64_t home_ret_count(struct pool *pool)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	uint64_t free = depot_count(&self->depot) + rseq_cache_count(&self->cache);

	for (uint32_t cpu = 0; cpu < self->cache.cpus; cpu++)
		free += loose_count(&self->inbox[cpu], &self->slab);
	pthread_mutex_lock(&self->lock);
	for (struct home_ret_thread *thread = self->threads; thread != NULL;
		thread = thread->next) {
		for (uint32_t i = 0; i < HOME_RET_CHAINS; i++)
			free += thread->chains[i].count;
	}
	pthread_mutex_unlock(&self->lock);
	return free;
}

static COLD int home_ret_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	uint32_t carved = self->slab.capacity - slab_uncarved(&self->slab);
	struct audit audit;
	int rc = audit_begin(&audit, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < carved; i++) { /* I3 */
		uint32_t home =
			*home_ret_home(self, slab_unit(&self->slab, slab_object(&self->slab, i)));

		if (home >= self->cache.cpus)
			audit_fail(&audit, "I3: object %u has its home on CPU %u of %u", i, home,
				self->cache.cpus);
	}
	for (uint32_t cpu = 0; cpu < self->cache.cpus && !audit.failed; cpu++) /* I2 */
		loose_audit(&self->inbox[cpu], &self->slab, &audit);
	pthread_mutex_lock(&self->lock);
	for (struct home_ret_thread *thread = self->threads; thread != NULL && !audit.failed;
		thread = thread->next) {
		for (uint32_t i = 0; i < HOME_RET_CHAINS; i++) {
			uint32_t unit = thread->chains[i].first;

			for (uint32_t k = 0; k < thread->chains[i].count && !audit.failed; k++) {
				audit_mark(&audit, slab_at(&self->slab, unit), "a thread's chain");
				unit = atom_load_relaxed(slab_link(&self->slab, unit));
			}
		}
	}
	pthread_mutex_unlock(&self->lock);
	if (rseq_cache_audit(&self->cache, &audit)) /* I1 */
		depot_audit(&self->depot, &audit);
	return audit_end(&audit, outstanding);
}

static const struct pool_ops pool_home_ret_ops = {
	.name = "home_ret",
	.summary = "per-CPU arrays in restartable sequences; foreign objects go home in batches",
	.traits = {.progress = POOL_LOCK_FREE, .cache = POOL_CACHE_CPU, .needs_rseq = true},
	.supported = rseq_supported,
	.create = home_ret_create,
	.destroy = home_ret_destroy,
	.attach = home_ret_attach,
	.detach = home_ret_detach,
	.get = home_ret_get,
	.put = home_ret_put,
	.get_bulk = home_ret_get_bulk,
	.put_bulk = home_ret_put_bulk,
	.flush = home_ret_flush,
	.count = home_ret_count,
	.check = home_ret_check,
};

#endif
