/*
 * empty_early: says NULL while its last object is free, and claims to be exact. Every book
 * balances; only whoever asks for everything sees it.
 */
#ifndef STRESS_BROKEN_EMPTY_EARLY_H
#define STRESS_BROKEN_EMPTY_EARLY_H

#include "stress/controls.h"

static void *empty_early_get(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	void *object = treiber_tag_get(pool, thread);
	tagged head = atom_load_relaxed(&self->stack.head);

	if (object != NULL && tagged_unit(head) == 0 && slab_uncarved(&self->slab) == 0) {
		treiber_tag_put(pool, thread, object);
		return NULL;
	}
	return object;
}

static uint32_t empty_early_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(empty_early_get, pool, thread, objs, n);
}

static const struct pool_ops empty_early_ops = {
	.name = "empty_early",
	.summary = "says NULL while its last object is free",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = empty_early_get,
	.put = treiber_tag_put,
	.get_bulk = empty_early_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
};

static const struct control control_empty_early = {
	.ops = &empty_early_ops,
	.scenario = "exhaustion",
	.sign = "NULL after",
	.build = CONTROL_ANY_BUILD,
};

#endif
