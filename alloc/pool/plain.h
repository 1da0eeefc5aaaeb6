/*
 * plain: one linked list, one thread. What a pool costs when nobody else exists.
 *
 * get takes the head of the list, put makes the object the head.
 *
 * Progress: none promised; two threads in one call corrupt the list. A debug build asserts that one
 * thread calls.
 * Exact: the one thread sees the whole list and the slab.
 *
 * I1  as in free_list.h.
 */
#ifndef ALLOC_POOL_PLAIN_H
#define ALLOC_POOL_PLAIN_H

#include "alloc/mechanism/free_list.h"
#include "alloc/mechanism/life_cycle.h"

struct plain_pool {
	struct pool base;
	struct free_list list; /* owned by the one thread that is attached */
	struct pool_thread *user;
	struct slab slab;
};

static COLD void *plain_grow(struct plain_pool *self, struct pool_thread *thread);

/* Two loads, one store, one branch. */
static inline void *plain_get(struct pool *pool, struct pool_thread *thread)
{
	struct plain_pool *self = (struct plain_pool *)pool;

	ASSERT(self->user == thread);
	if (unlikely(free_list_is_empty(&self->list)))
		return plain_grow(self, thread);
	return free_list_pop(&self->list);
}

/* One load, two stores. */
static inline void plain_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct plain_pool *self = (struct plain_pool *)pool;

	(void)thread;
	ASSERT(self->user == thread);
	free_list_push(&self->list, object);
}

POOL_GET_EACH(plain)
POOL_PUT_EACH(plain)

/*
 * A never-used object; NULL at the capacity. Its own and not pool_grow, because a compiler that sees
 * which registers it leaves alone saves none around get_bulk's loop.
 */
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

static COLD int plain_enter(struct pool *pool, struct pool_thread *thread)
{
	((struct plain_pool *)pool)->user = thread;
	return 0;
}

static COLD void plain_walk(struct pool *pool, struct census *census)
{
	free_list_walk(&((struct plain_pool *)pool)->list, census); /* I1 */
}

static const struct pool_parts plain_parts = {
	POOL_WITH_SLAB(struct plain_pool, SLAB_WITHOUT_LINKS),
	.enter = plain_enter,
	.walk = plain_walk,
};

static const struct pool_ops pool_plain_ops = {
	.name = "plain",
	.summary = "a linked list without synchronisation: the floor, one thread only",
	.traits = {.progress = POOL_UNSYNCHRONISED, .exact = true},
	.supported = pool_supported_always,
	POOL_HOOKS(plain),
};

#endif
