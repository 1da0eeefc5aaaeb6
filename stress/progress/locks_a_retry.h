/*
 * locks_a_retry: the freezer's control for ways that a call goes only when another has taken its turn. A Treiber stack whose
 * get takes a lock when it has lost a compare-and-swap, for which all calls wait. Who runs alone never comes there.
 */
#ifndef STRESS_PROGRESS_LOCKS_A_RETRY_H
#define STRESS_PROGRESS_LOCKS_A_RETRY_H

#include "stress/controls.h"

struct locks_a_retry_pool {
	struct treiber_tag_pool stack;
	atom_u32 busy;
};

static void locks_a_retry_wait(struct pool *pool)
{
	while (atom_load_acquire(&((struct locks_a_retry_pool *)pool)->busy) != 0)
		atom_pause();
}

/* The turn was lost. */
static NOINLINE void *locks_a_retry_take(struct pool *pool, struct pool_thread *thread)
{
	atom_u32 *busy = &((struct locks_a_retry_pool *)pool)->busy;

	while (atom_xchg_acquire(busy, 1) != 0)
		atom_pause();
	void *object = treiber_tag_take(pool, thread);
	atom_store_release(busy, 0);
	return object;
}

static void *locks_a_retry_get(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	void *object;

	locks_a_retry_wait(pool);
	tagged head = tagged_stack_head(&self->stack);
	if (!tagged_stack_try_pop(&self->stack, &self->slab, &head, &object, &thread->paths.wait))
		object = locks_a_retry_take(pool, thread);
	return pool_or_grow(object, pool, thread);
}

static void locks_a_retry_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	locks_a_retry_wait(pool);
	treiber_tag_put(pool, thread, object);
}

POOL_GET_EACH(locks_a_retry)
POOL_PUT_EACH(locks_a_retry)

static const struct pool_parts locks_a_retry_parts = {
	.pool_bytes = sizeof(struct locks_a_retry_pool),
	.slab_offset = offsetof(struct treiber_tag_pool, slab),
	.links = SLAB_WITH_LINKS,
	.take = treiber_tag_take,
	.walk = treiber_tag_walk,
};

CONTROL_OPS(locks_a_retry, locks_a_retry_parts,
	"a Treiber stack that takes a lock when it has lost its turn", locks_a_retry, locks_a_retry)

#endif
