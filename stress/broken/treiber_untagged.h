/*
 * treiber_untagged: a Treiber stack whose head has no tag. A popper that reads the top and its
 * link, and sleeps while others pop both and push the first one back, succeeds with its CAS and
 * installs an object that somebody owns: ABA. One thread, or two that are never interrupted, see
 * nothing.
 *
 * The window is three instructions wide: the build with delays meets it within a second, others by
 * luck.
 */
#ifndef STRESS_BROKEN_TREIBER_UNTAGGED_H
#define STRESS_BROKEN_TREIBER_UNTAGGED_H

#include "stress/controls.h"

static void *treiber_untagged_get(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	tagged head = atom_load_acquire(&self->stack.head);

	for (;;) {
		uint32_t top = tagged_unit(head);

		if (top == 0)
			return pool_grow(pool, thread);
		uint32_t below = atom_load_relaxed(slab_link(&self->slab, top));
		/* The mistake: the tag stays as it was. */
		if (atom_cas_weak_acquire(&self->stack.head, &head, tagged_with_unit(head, below)))
			return slab_at(&self->slab, top);
	}
}

CONTROL_WITH_GET(treiber_untagged, treiber_tag_parts,
	"a Treiber stack without a tag: ABA gives one object to two owners")

static const struct control control_treiber_untagged = {
	.ops = &treiber_untagged_ops,
	.scenario = "churn",
	.build = CONTROL_PERTURBED,
};

#endif
