/*
 * plain: one linked list, one thread. The floor: what a pool costs when nobody else exists.
 *
 * A free object's first word links to the next one. get takes the head, put makes the object the
 * head, so the object that comes back is the one most recently used (LIFO) and warm.
 *
 * Progress: none promised; two threads in one call corrupt the list. A debug build asserts that one
 * thread calls.
 * After put: memory stays mapped, the first word is overwritten.
 * Exact: the one thread sees the whole list and the slab.
 *
 * I1  The list from head ends in NULL and names each free carved object once.
 */
#ifndef ALLOC_POOL_PLAIN_H
#define ALLOC_POOL_PLAIN_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <errno.h>

struct plain_object {
	struct plain_object *next;
};

struct plain_pool {
	struct pool base;
	struct plain_object *head; /* owned by the one thread that is attached */
	struct pool_thread *user;
	struct slab slab;
};

/* Takes a never-used object; NULL at the capacity. */
static COLD void *plain_grow(struct plain_pool *self, struct pool_thread *thread)
{
	uint32_t first;

	if (slab_carve(&self->slab, 1, &first) == 0) {
		thread->paths.empty++;
		return NULL;
	}
	thread->paths.grow++;
	return slab_object(&self->slab, first);
}

/* Two loads, one store, one branch. */
static inline void *plain_get(struct pool *pool, struct pool_thread *thread)
{
	struct plain_pool *self = (struct plain_pool *)pool;
	struct plain_object *object = self->head;

	ASSERT(self->user == thread);
	if (unlikely(object == NULL))
		return plain_grow(self, thread);
	self->head = object->next;
	return object;
}

/* One load, two stores. */
static inline void plain_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct plain_pool *self = (struct plain_pool *)pool;
	struct plain_object *freed = object;

	(void)thread;
	ASSERT(self->user == thread);
	freed->next = self->head;
	self->head = freed;
}

static inline uint32_t plain_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(plain_get, pool, thread, objs, n);
}

static inline void plain_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(plain_put, pool, thread, objs, n);
}

static COLD int plain_create(const struct pool_config *config, struct pool **out)
{
	struct plain_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = slab_init(&self->slab, config->object_bytes, config->object_align,
		config->capacity, config->pages, SLAB_WITHOUT_LINKS);
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;
}

static COLD void plain_destroy(struct pool *pool)
{
	struct plain_pool *self = (struct plain_pool *)pool;

	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD int plain_attach(struct pool *pool, struct pool_thread **out)
{
	int rc = pool_attach_plain(pool, out);

	if (rc == 0)
		((struct plain_pool *)pool)->user = *out;
	return rc;
}

static COLD uint64_t plain_count(struct pool *pool)
{
	struct plain_pool *self = (struct plain_pool *)pool;
	uint64_t free = slab_uncarved(&self->slab);

	for (struct plain_object *object = self->head; object != NULL; object = object->next)
		free++;
	return free;
}

static COLD int plain_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct plain_pool *self = (struct plain_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	for (struct plain_object *object = self->head; object != NULL;
		object = object->next) { /* I1 */
		if (!census_mark(&census, object, "the list"))
			break;
	}
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_plain_ops = {
	.name = "plain",
	.summary = "a linked list without synchronisation: the floor, one thread only",
	.traits = {.progress = POOL_UNSYNCHRONISED, .exact = true},
	.supported = pool_supported_always,
	.create = plain_create,
	.destroy = plain_destroy,
	.attach = plain_attach,
	.detach = pool_detach_plain,
	.get = plain_get,
	.put = plain_put,
	.get_bulk = plain_get_bulk,
	.put_bulk = plain_put_bulk,
	.flush = pool_flush_nothing,
	.count = plain_count,
	.check = plain_check,
};

#endif
