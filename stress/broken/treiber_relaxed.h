/*
 * treiber_relaxed: a push whose CAS does not release. On x86 the machine code is the same and no
 * run can fail; on other CPUs the next owner may read what was in the object before the last one
 * wrote. Only the thread sanitizer knows that nothing orders the two.
 */
#ifndef STRESS_BROKEN_TREIBER_RELAXED_H
#define STRESS_BROKEN_TREIBER_RELAXED_H

#include "stress/controls.h"

static void treiber_relaxed_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	uint32_t unit = slab_unit(&self->slab, object);
	tagged head = atom_load_relaxed(&self->stack.head);

	(void)thread;
	do {
		atom_store_relaxed(slab_link(&self->slab, unit), tagged_unit(head));
		/* The mistake: this is where the release belongs. */
	} while (!atom_cas_weak_relaxed(&self->stack.head, &head, tagged_with_unit(head, unit)));
}

static void treiber_relaxed_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(treiber_relaxed_put, pool, thread, objs, n);
}

static const struct pool_ops treiber_relaxed_ops = {
	.name = "treiber_relaxed",
	.summary = "a Treiber stack whose push does not release what the owner wrote",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = treiber_tag_get,
	.put = treiber_relaxed_put,
	.get_bulk = treiber_tag_get_bulk,
	.put_bulk = treiber_relaxed_put_bulk,
};

static const struct control control_treiber_relaxed = {
	.ops = &treiber_relaxed_ops,
	.scenario = "handover",
	.sign = "data race",
	.build = CONTROL_THREAD_SANITIZER,
};

#endif
