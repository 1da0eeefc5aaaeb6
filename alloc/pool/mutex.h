/*
 * mutex: the linked list of `plain` under a pthread mutex. The simplest correct pool, and the one
 * beside which the others are tested.
 *
 * Progress: blocking. A thread that stops with the lock stops all others. Waiters sleep in the
 * kernel, so throughput holds when there are more threads than CPUs.
 * The child of a fork must not use the pool if another thread may have held the lock.
 * Signal handlers must not use it: they would wait for the lock that they interrupted.
 * Exact, for any number of threads: one hold of the lock sees the whole list and the slab, and a put
 * that has ended has put its object on the list. The lock orders everything; there are no labels
 * here.
 *
 * I1  as in free_list.h. I2  A quiet pool's lock is free.
 */
#ifndef ALLOC_POOL_MUTEX_H
#define ALLOC_POOL_MUTEX_H

#include "alloc/mechanism/free_list.h"
#include "alloc/mechanism/life_cycle.h"

#include <pthread.h>

struct mutex_pool {
	struct pool base;
	/* Lock and list are taken together, so they share a line. */
	CACHE_PAIR_ALIGNED pthread_mutex_t lock;
	struct free_list list;
	struct slab slab;
};

/* Another thread holds the lock. */
static COLD void mutex_wait(struct mutex_pool *self, struct pool_thread *thread)
{
	thread->paths.wait++;
	pthread_mutex_lock(&self->lock);
}

ALWAYS_INLINE void mutex_lock(struct mutex_pool *self, struct pool_thread *thread)
{
	if (unlikely(pthread_mutex_trylock(&self->lock) != 0))
		mutex_wait(self, thread);
}

/* Two locked instructions (glibc's), two loads, one store; a futex call if contended. */
static inline void *mutex_get(struct pool *pool, struct pool_thread *thread)
{
	struct mutex_pool *self = (struct mutex_pool *)pool;

	mutex_lock(self, thread);
	void *object = likely(!free_list_is_empty(&self->list)) ? free_list_pop(&self->list)
								: pool_grow_locked(pool, thread);
	pthread_mutex_unlock(&self->lock);
	return object;
}

/* Two locked instructions for all n, and two stores each. */
static inline void mutex_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct mutex_pool *self = (struct mutex_pool *)pool;

	mutex_lock(self, thread);
	free_list_push_each(&self->list, objs, n);
	pthread_mutex_unlock(&self->lock);
}

POOL_PUT_ONE(mutex)

/* Two locked instructions for all n, and a load and a store each. */
static inline uint32_t mutex_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct mutex_pool *self = (struct mutex_pool *)pool;

	mutex_lock(self, thread);
	uint32_t got = free_list_pop_each(&self->list, objs, n);
	if (unlikely(got < n))
		n = pool_grow_each_locked(pool, thread, objs, got, n);
	pthread_mutex_unlock(&self->lock);
	return n;
}

static COLD int mutex_init(struct pool *pool)
{
	return -pthread_mutex_init(&((struct mutex_pool *)pool)->lock, NULL);
}

static COLD void mutex_fini(struct pool *pool)
{
	pthread_mutex_destroy(&((struct mutex_pool *)pool)->lock);
}

static COLD void mutex_walk(struct pool *pool, struct census *census)
{
	struct mutex_pool *self = (struct mutex_pool *)pool;

	if (!census_unlocked(census, pthread_mutex_trylock(&self->lock) == 0)) /* I2 */
		return;
	free_list_walk(&self->list, census); /* I1 */
	pthread_mutex_unlock(&self->lock);
}

static const struct pool_parts mutex_parts = {
	POOL_WITH_SLAB(struct mutex_pool, SLAB_WITHOUT_LINKS),
	.init = mutex_init,
	.fini = mutex_fini,
	.walk = mutex_walk,
};

static const struct pool_ops pool_mutex_ops = {
	.name = "mutex",
	.summary = "a linked list under a pthread mutex: the simplest correct pool",
	.traits = {.progress = POOL_BLOCKING, .exact = true, .paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(mutex),
};

#endif
