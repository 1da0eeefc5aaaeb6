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

CONTROL_WITH_GET(empty_early, treiber_tag_parts, "says NULL while its last object is free")

static const struct control control_empty_early = {
	.ops = &empty_early_ops,
	.scenario = "exhaustion",
	.sign = "NULL after",
};

#endif
