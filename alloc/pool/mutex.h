/*
 * mutex: the linked list of `plain` under a pthread mutex. The simplest correct pool, and the one
 * beside which the others are tested.
 *
 * Progress: blocking. A thread that is preempted or stopped while it holds the lock stops all
 * others. Waiters sleep in the kernel, so throughput holds when there are more threads than CPUs.
 * A process that forks while another thread holds the lock must not use the pool in the child.
 * Signal handlers must not use it: they would wait for the lock that they interrupted.
 * After put: memory stays mapped, the first word is overwritten.
 * Exact, for any number of threads: one hold of the lock sees the whole list and the slab, and a put
 * that has ended has put its object on the list.
 *
 *	          get    put
 *	get       lock   lock
 *	put              lock
 *
 * The lock's own acquire and release order everything; there are no labels here.
 *
 * I1  as in free_list.h.
 * I2  A quiet pool's lock is free.
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
	struct free_list list; /* under lock */
	struct slab slab;
};

/* Up to n objects under one hold of the lock: first from the list, then never-used ones. */
ALWAYS_INLINE uint32_t mutex_take(
	struct mutex_pool *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t got = 0;

	pthread_mutex_lock(&self->lock);
	for (; got < n && !free_list_is_empty(&self->list); got++)
		objs[got] = free_list_pop(&self->list);
	/* Under the lock too: nobody puts between the look at the list and the one at the slab. */
	if (unlikely(got < n)) {
		uint32_t first;
		uint32_t carved = slab_carve(&self->slab, n - got, &first);

		for (uint32_t i = 0; i < carved; i++)
			objs[got++] = slab_object(&self->slab, first + i);
		thread->paths.grow += carved != 0;
		thread->paths.empty += got < n;
	}
	pthread_mutex_unlock(&self->lock);
	return got;
}

/* Two locked instructions (glibc's lock and unlock), two loads, one store; a futex call if contended. */
static inline void *mutex_get(struct pool *pool, struct pool_thread *thread)
{
	void *object;

	return mutex_take((struct mutex_pool *)pool, thread, &object, 1) ? object : NULL;
}

static inline uint32_t mutex_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return mutex_take((struct mutex_pool *)pool, thread, objs, n);
}

/* Two locked instructions for all n objects, and two stores each. */
static inline void mutex_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct mutex_pool *self = (struct mutex_pool *)pool;

	(void)thread;
	pthread_mutex_lock(&self->lock);
	for (uint32_t i = 0; i < n; i++)
		free_list_push(&self->list, objs[i]);
	pthread_mutex_unlock(&self->lock);
}

static inline void mutex_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	mutex_put_bulk(pool, thread, &object, 1);
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

	if (pthread_mutex_trylock(&self->lock) != 0) {
		census_fail(census, "I2: the lock of a quiet pool is held");
		return;
	}
	free_list_walk(&self->list, census); /* I1 */
	pthread_mutex_unlock(&self->lock);
}

static const struct pool_parts mutex_parts = {
	.pool_bytes = sizeof(struct mutex_pool),
	.slab_offset = offsetof(struct mutex_pool, slab),
	.init = mutex_init,
	.fini = mutex_fini,
	.walk = mutex_walk,
};

static const struct pool_ops pool_mutex_ops = {
	.name = "mutex",
	.summary = "a linked list under a pthread mutex: the simplest correct pool",
	.traits = {.progress = POOL_BLOCKING, .exact = true},
	.supported = pool_supported_always,
	POOL_HOOKS(mutex),
};

#endif
