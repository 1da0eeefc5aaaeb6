/*
 * mutex: the linked list of `plain` under a pthread mutex. The simplest correct pool, and the
 * oracle beside which the others are tested.
 *
 * Progress: blocking. A holder that is preempted or stopped stops everyone; the futex keeps
 * throughput when there are more threads than CPUs, because waiters sleep. A process that forks
 * while another thread holds the lock must not use the pool in the child.
 * Signal handlers must not use it: they would wait for the lock that they interrupted.
 * After put: memory stays mapped, the first word is overwritten.
 * Exact, for any number of threads: one hold of the lock sees the whole list and the slab, and a put
 * that has ended has put its object on the list. How many wait changes nothing.
 *
 *	          get    put
 *	get       lock   lock
 *	put              lock
 *
 * The lock's own acquire and release order everything; there are no labels here.
 *
 * I1  The list from head ends in NULL and names each free carved object once.
 * I2  A quiet pool's lock is free.
 */
#ifndef ALLOC_POOL_MUTEX_H
#define ALLOC_POOL_MUTEX_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <errno.h>
#include <pthread.h>

struct mutex_object {
	struct mutex_object *next;
};

struct mutex_pool {
	struct pool base;
	/* Lock and head are taken together, so they share a line. */
	CACHE_PAIR_ALIGNED pthread_mutex_t lock;
	struct mutex_object *head; /* under lock */
	struct slab slab;
};

/* Up to n objects under one hold of the lock: first from the list, then never-used ones. */
ALWAYS_INLINE uint32_t mutex_take(
	struct mutex_pool *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t got = 0;

	pthread_mutex_lock(&self->lock);
	for (; got < n && self->head != NULL; got++) {
		objs[got] = self->head;
		self->head = self->head->next;
	}
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

/*
 * Two locked instructions (glibc's lock and unlock), two loads, one store; a futex call under
 * contention.
 */
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
	for (uint32_t i = 0; i < n; i++) {
		struct mutex_object *freed = objs[i];

		freed->next = self->head;
		self->head = freed;
	}
	pthread_mutex_unlock(&self->lock);
}

static inline void mutex_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	mutex_put_bulk(pool, thread, &object, 1);
}

static COLD int mutex_create(const struct pool_config *config, struct pool **out)
{
	struct mutex_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = slab_init(&self->slab, config->object_bytes, config->object_align,
		config->capacity, config->pages, SLAB_WITHOUT_LINKS);
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	pthread_mutex_init(&self->lock, NULL);
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;
}

static COLD void mutex_destroy(struct pool *pool)
{
	struct mutex_pool *self = (struct mutex_pool *)pool;

	pthread_mutex_destroy(&self->lock);
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD uint64_t mutex_count(struct pool *pool)
{
	struct mutex_pool *self = (struct mutex_pool *)pool;
	uint64_t free = slab_uncarved(&self->slab);

	pthread_mutex_lock(&self->lock);
	for (struct mutex_object *object = self->head; object != NULL; object = object->next)
		free++;
	pthread_mutex_unlock(&self->lock);
	return free;
}

static COLD int mutex_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct mutex_pool *self = (struct mutex_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	if (pthread_mutex_trylock(&self->lock) != 0) { /* I2 */
		census_fail(&census, "I2: the lock of a quiet pool is held");
		return census_end(&census, outstanding);
	}
	for (struct mutex_object *object = self->head; object != NULL;
		object = object->next) { /* I1 */
		if (!census_mark(&census, object, "the list"))
			break;
	}
	pthread_mutex_unlock(&self->lock);
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_mutex_ops = {
	.name = "mutex",
	.summary = "a linked list under a pthread mutex: the simplest correct pool",
	.traits = {.progress = POOL_BLOCKING, .exact = true},
	.supported = pool_supported_always,
	.create = mutex_create,
	.destroy = mutex_destroy,
	.attach = pool_attach_plain,
	.detach = pool_detach_plain,
	.get = mutex_get,
	.put = mutex_put,
	.get_bulk = mutex_get_bulk,
	.put_bulk = mutex_put_bulk,
	.flush = pool_flush_nothing,
	.count = mutex_count,
	.check = mutex_check,
};

#endif
