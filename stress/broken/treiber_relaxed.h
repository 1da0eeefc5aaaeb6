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

CONTROL_WITH_PUT(treiber_relaxed, treiber_tag_parts,
	"a Treiber stack whose push does not release what the owner wrote")

static const struct control control_treiber_relaxed = {
	.ops = &treiber_relaxed_ops,
	.scenario = "handover",
	.sign = "data race",
	.build = CONTROL_THREAD_SANITIZER,
};

#endif
