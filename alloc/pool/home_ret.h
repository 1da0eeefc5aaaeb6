/*
 * home_ret: every object has a home CPU, and goes home in magazines. Where packets are allocated on
 * one CPU and completed on another, objects then return to the cache of the CPU that will write
 * them next, one locked instruction serves a whole magazine, and no two pairs of CPUs meet on a
 * line.
 *
 * An object's home is the CPU that carved it. A put at home goes to that CPU's array, in a
 * restartable sequence (rseq.h), as in `rseq_arr`. A put elsewhere is written into a magazine that
 * the calling thread has open for that home; when it is full, it is posted to the home's inbox with
 * one compare-and-swap. A get that finds the local array empty takes one magazine from its inbox.
 *
 * Sources: snmalloc (Liétar et al., ISMM 2019) batches remote frees to the owner; Linux,
 * skb_attempt_defer_free returns buffers to the allocating CPU. Both take all that has come at once.
 * Here an inbox is a stack that gives one magazine at a time: the cost of a refill does not grow with
 * what has come home, and the rest stays where every thread finds it. Any thread may take from any
 * inbox: a CPU that stays idle strands nothing. And what is posted are arrays of pointers, eight a
 * line, and not objects linked to each other: the links' lines would have to travel too, one an
 * object.
 *
 * Progress: lock-free.
 * Signal handlers must not use it: they might find an open magazine half-way through a change.
 * After put: memory stays mapped, nothing is overwritten. Not exact: up to
 * batch_objects - 1 objects a home rest with each thread until it flushes, or detaches.
 *
 *	          get                                     put
 *	get       same CPU: section; inbox: CAS; depot    inbox: CAS
 *	put                                               inbox: CAS
 *
 * count and check want a quiet pool.
 *
 * An inbox is a tagged stack of magazines: its orders, and its tag against ABA.
 * home[] is written by the thread that carved the object, before anybody else has the object, and
 * never again: whoever hands the object over publishes it.
 *
 * I1  as in rseq_array.h.
 * I2  An object is in at most one place: a CPU's array, a CPU's inbox, a thread's open magazine, or
 * the depot.
 * I3  Every carved object's home is a CPU of the pool.
 * I4  Magazines in an inbox hold batch_objects, and a thread's open ones fewer: so there are never
 * more full ones than the depot has room for.
 */
#ifndef ALLOC_POOL_HOME_RET_H
#define ALLOC_POOL_HOME_RET_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/rseq_array.h"

#include <errno.h>
#include <pthread.h>

/*
 * Magazines a thread has open at once, by home modulo this: a power of two. Sixteen serve a stack
 * whose completions go to sixteen different CPUs; a further home sends what it displaces to the
 * depot: correct, and nobody's home.
 */
enum { HOME_RET_OPEN = 16 };
_Static_assert((HOME_RET_OPEN & (HOME_RET_OPEN - 1)) == 0, "the modulo is a mask");

struct home_ret_open {
	struct magazine *magazine; /* NULL: none */
	uint32_t home;
	uint32_t count; /* objects in it; the magazine's own word is written when it is posted */
};

struct home_ret_pool {
	struct pool base;
	struct rseq_cache cache;
	struct tagged_stack *inbox; /* one a CPU */
	uint16_t *home; /* one a cache line of the slab: that of the object that begins there */
	uintptr_t home_of_0; /* where the home of the line at address 0 would be */
	struct slab slab;
	struct depot depot;
	pthread_mutex_t lock; /* guards threads: attach, detach, count and check only */
	struct home_ret_thread *threads;
};

struct home_ret_thread {
	struct pool_thread base;
	struct rseq_cache_thread cache;
	struct home_ret_open open[HOME_RET_OPEN];
	struct magazine *scratch; /* what a search or a carving has found; empty between calls */
	struct home_ret_thread *next, **link; /* the pool's list of threads, under its lock */
};

ALWAYS_INLINE uint32_t home_ret_cpu(struct home_ret_thread *self)
{
	return atom_load_relaxed((atom_u32 *)self->cache.rs); /* cpu_id_start; kept by the kernel */
}

/* A shift and an addition that the load does by itself. */
ALWAYS_INLINE uint16_t *home_ret_home(struct home_ret_pool *pool, const void *object)
{
	return (uint16_t *)(pool->home_of_0 +
			    ((uintptr_t)object >> CACHE_LINE_LOG2) * sizeof(uint16_t));
}

/* Empties an open magazine into the depot and closes it. */
static COLD void home_ret_abandon(
	struct home_ret_pool *pool, struct home_ret_thread *self, struct home_ret_open *open)
{
	if (open->magazine == NULL)
		return;
	magazine_set_count(open->magazine, open->count);
	depot_put_any(&pool->depot, open->magazine);
	open->magazine = NULL;
	self->base.paths.flush++;
}

static COLD void home_ret_abandon_all(struct home_ret_pool *pool, struct home_ret_thread *self)
{
	for (uint32_t i = 0; i < HOME_RET_OPEN; i++)
		home_ret_abandon(pool, self, &self->open[i]);
}

/*
 * Opens a magazine for home in the place of another home's, or where there is none. False: the depot
 * has none to give.
 */
static COLD bool home_ret_open(struct home_ret_pool *pool, struct home_ret_thread *self,
	struct home_ret_open *open, uint32_t home)
{
	home_ret_abandon(pool, self, open);
	open->magazine = depot_get_empty(&pool->depot);
	if (open->magazine == NULL)
		return false;
	magazine_prefetch_write(open->magazine, pool->cache.batch);
	open->home = home;
	open->count = 0;
	return true;
}

/* Posts a full magazine to its home: one locked instruction. */
static COLD void home_ret_post(
	struct home_ret_pool *pool, struct home_ret_thread *self, struct home_ret_open *open)
{
	magazine_set_count(open->magazine, open->count);
	tagged_stack_push(&pool->inbox[open->home], &pool->depot.magazines, open->magazine);
	open->magazine = NULL;
	self->base.paths.flush++;
}

/* Sends objs[0..n), whose home is not here, on their way. */
static inline void home_ret_send(struct home_ret_pool *pool, struct home_ret_thread *self,
	uint32_t home, void *const *objs, uint32_t n)
{
	struct home_ret_open *open = &self->open[home & (HOME_RET_OPEN - 1)];

	for (uint32_t sent = 0; sent < n;) {
		if (unlikely(open->magazine == NULL || open->home != home) &&
			!home_ret_open(pool, self, open, home)) {
			uint32_t batch = pool->cache.batch;
			uint32_t give = n - sent < batch ? n - sent : batch;

			depot_give(&pool->depot, &self->base, objs + sent, give);
			sent += give;
			continue;
		}
		uint32_t room = pool->cache.batch - open->count;
		uint32_t give = n - sent < room ? n - sent : room;

		copy_pointers(open->magazine->slot + open->count, objs + sent, give);
		open->count += give;
		sent += give;
		if (unlikely(open->count == pool->cache.batch))
			home_ret_post(pool, self, open);
	}
}

/* A full magazine of a CPU's inbox, the caller's; NULL: the inbox was empty. */
static COLD struct magazine *home_ret_take_inbox(
	struct home_ret_pool *pool, struct home_ret_thread *self, uint32_t cpu)
{
	struct tagged_stack *inbox = &pool->inbox[cpu];

	/* A poster had the line last, and the load of the pop alone would fetch it to be read. */
	prefetch_write(&inbox->head);
	struct magazine *magazine = tagged_stack_pop(inbox, &pool->depot.magazines);
	if (magazine == NULL)
		return NULL;
	self->base.paths.refill++;
	magazine_prefetch_read(magazine, pool->cache.batch);
	return magazine;
}

/* Up to a batch of never-used objects, whose home this CPU becomes. Returns how many. */
static COLD uint32_t home_ret_carve(
	struct home_ret_pool *pool, struct home_ret_thread *self, void **objs, uint32_t cpu)
{
	uint32_t found = depot_carve(&pool->depot, &self->base, objs, pool->cache.batch);

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
	uint32_t here = home_ret_cpu(self) % pool->cache.cpus;
	struct magazine *magazine = home_ret_take_inbox(pool, self, here);
	void **objs = self->scratch->slot;
	uint32_t found;

	if (magazine == NULL && (magazine = depot_get_full(&pool->depot)) != NULL)
		self->base.paths.refill++;
	if (magazine != NULL)
		return magazine;
	found = home_ret_carve(pool, self, objs, here);
	if (found == 0) {
		home_ret_abandon_all(pool, self);
		for (uint32_t cpu = 0; cpu < pool->cache.cpus && magazine == NULL; cpu++)
			magazine = home_ret_take_inbox(pool, self, cpu);
		if (magazine != NULL)
			return magazine;
		found = depot_take_used(&pool->depot, &self->base, objs, pool->cache.batch);
	}
	if (found == 0)
		found = rseq_cache_steal(
			&pool->cache, &self->cache, &self->base, objs, pool->cache.batch);
	magazine_set_count(self->scratch, found);
	return found != 0 ? self->scratch : NULL;
}

/* The cold end of get: objs[0..got) are filled, more are wanted. */
static COLD uint32_t home_ret_refill(struct home_ret_pool *pool, struct home_ret_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	got += rseq_cache_pop(&pool->cache, &self->cache, objs + got, n - got);
	while (got < n) {
		struct magazine *magazine = home_ret_grab(pool, self);

		if (magazine == NULL) {
			self->base.paths.empty++;
			break;
		}
		uint32_t found = magazine_count(magazine);
		uint32_t use = n - got < found ? n - got : found;
		copy_pointers(objs + got, magazine->slot, use);
		got += use;
		if (use < found)
			rseq_cache_put(&pool->cache, &self->cache, &pool->depot, &self->base,
				magazine->slot + use, found - use);
		magazine_set_count(magazine, 0);
		if (magazine != self->scratch)
			depot_put_empty(&pool->depot, magazine);
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
	rseq_cache_put(&pool->cache, &self->cache, &pool->depot, &self->base, objs, n);
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
 * At home, as rseq_arr_put and three loads more; elsewhere a few loads and stores of the thread's
 * own lines.
 */
static inline void home_ret_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;
	uint32_t home = *home_ret_home(self, object);

	if (unlikely(home != home_ret_cpu(mine)))
		home_ret_send(self, mine, home, &object, 1);
	else if (unlikely(rseq_push(mine->cache.rs, self->cache.areas, object) != RSEQ_DONE))
		home_ret_put_slow(self, mine, &object, 1);
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
			home_ret_send(pool, self, home, objs + at, end - at);
		else if (rseq_push_bulk(self->cache.rs, pool->cache.areas, objs + at, end - at) !=
			 RSEQ_DONE)
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
	uint32_t here = home_ret_cpu(mine);
	uint32_t elsewhere = 0;

	for (uint32_t i = 0; i < n; i++)
		elsewhere |= *home_ret_home(self, objs[i]) ^ here;
	if (elsewhere != 0)
		home_ret_put_runs(self, mine, objs, n, here);
	else if (unlikely(rseq_push_bulk(mine->cache.rs, self->cache.areas, objs, n) != RSEQ_DONE))
		home_ret_put_slow(self, mine, objs, n);
}

static COLD size_t home_ret_home_bytes(const struct home_ret_pool *self)
{
	return slab_units(&self->slab) * sizeof(*self->home);
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
	rc = depot_init(&self->depot, &self->slab, config->batch_objects,
		DEPOT_THREADS * HOME_RET_OPEN, CACHE_LINE_BYTES);
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
	self->home_of_0 = (uintptr_t)self->home -
			  ((uintptr_t)self->slab.base >> CACHE_LINE_LOG2) * sizeof(*self->home);
	pthread_mutex_init(&self->lock, NULL);
	self->base.slab = &self->slab;
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
	self->scratch = depot_keep(&owner->depot);
	if (self->scratch == NULL) {
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

static COLD void home_ret_adopt(struct pool *pool, struct pool_thread *thread)
{
	rseq_cache_attach(
		&((struct home_ret_pool *)pool)->cache, &((struct home_ret_thread *)thread)->cache);
}

static COLD void home_ret_detach(struct pool *pool, struct pool_thread *thread)
{
	struct home_ret_pool *owner = (struct home_ret_pool *)pool;
	struct home_ret_thread *self = (struct home_ret_thread *)thread;

	home_ret_abandon_all(owner, self);
	pthread_mutex_lock(&owner->lock);
	*self->link = self->next;
	if (self->next != NULL)
		self->next->link = self->link;
	pthread_mutex_unlock(&owner->lock);
	depot_drop(&owner->depot, self->scratch);
	memory_free(self, sizeof(*self));
}

static COLD void home_ret_flush(struct pool *pool, struct pool_thread *thread)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	struct home_ret_thread *mine = (struct home_ret_thread *)thread;

	home_ret_abandon_all(self, mine);
	rseq_cache_drain(&self->cache, &mine->cache, &self->depot, thread);
}

/* What the inboxes hold is only known by walking them. */
static COLD uint64_t home_ret_count(struct pool *pool)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	uint64_t free = depot_count(&self->depot) + rseq_cache_count(&self->cache);

	for (uint32_t cpu = 0; cpu < self->cache.cpus; cpu++)
		free += tagged_stack_count(&self->inbox[cpu], &self->depot.magazines) *
			self->cache.batch;
	pthread_mutex_lock(&self->lock);
	for (struct home_ret_thread *thread = self->threads; thread != NULL;
		thread = thread->next) {
		for (uint32_t i = 0; i < HOME_RET_OPEN; i++)
			free += thread->open[i].magazine != NULL ? thread->open[i].count : 0;
	}
	pthread_mutex_unlock(&self->lock);
	return free;
}

static COLD void home_ret_audit_thread(
	struct home_ret_pool *self, struct home_ret_thread *thread, struct census *census)
{
	for (uint32_t i = 0; i < HOME_RET_OPEN && !census->failed; i++) {
		struct home_ret_open *open = &thread->open[i];

		if (open->magazine == NULL)
			continue;
		if (open->count >= self->cache.batch)
			census_fail(census, "I4: a thread's open magazine holds %u objects of %u",
				open->count, self->cache.batch);
		magazine_set_count(open->magazine, open->count);
		magazine_census(open->magazine, "a thread's open magazine", census);
		magazine_set_count(open->magazine, 0);
	}
}

static COLD int home_ret_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct home_ret_pool *self = (struct home_ret_pool *)pool;
	uint32_t carved = self->slab.capacity - slab_uncarved(&self->slab);
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < carved; i++) { /* I3 */
		uint32_t home = *home_ret_home(self, slab_object(&self->slab, i));

		if (home >= self->cache.cpus)
			census_fail(&census, "I3: object %u has its home on CPU %u of %u", i, home,
				self->cache.cpus);
	}
	for (uint32_t cpu = 0; cpu < self->cache.cpus && !census.failed; cpu++) /* I2, I4 */
		depot_census_stack(&self->depot, &self->inbox[cpu], self->cache.batch,
			"a CPU's inbox", &census);
	pthread_mutex_lock(&self->lock);
	for (struct home_ret_thread *thread = self->threads; thread != NULL; thread = thread->next)
		home_ret_audit_thread(self, thread, &census);
	pthread_mutex_unlock(&self->lock);
	if (!census.failed && rseq_cache_census(&self->cache, &census)) /* I1 */
		depot_census(&self->depot, &census);
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_home_ret_ops = {
	.name = "home_ret",
	.summary = "per-CPU arrays in restartable sequences; foreign objects go home in batches",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.trims = true},
	.supported = pool_supported_rseq,
	.create = home_ret_create,
	.destroy = home_ret_destroy,
	.attach = home_ret_attach,
	.adopt = home_ret_adopt,
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
