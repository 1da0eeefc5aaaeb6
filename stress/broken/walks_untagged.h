/*
 * walks_untagged: a stack whose single pops move the tag and whose bursts do not. A burst that has
 * walked down the list, and sleeps while another takes the same objects and puts them back in
 * another order, succeeds with its CAS: it installs an object that somebody owns, or drops some.
 *
 * As with treiber_untagged, the build with delays meets the window within a second.
 */
#ifndef STRESS_BROKEN_WALKS_UNTAGGED_H
#define STRESS_BROKEN_WALKS_UNTAGGED_H

#include "stress/controls.h"

static uint32_t walks_untagged_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	tagged head = atom_load_acquire(&self->stack.head);

	for (;;) {
		uint32_t at = tagged_unit(head);
		uint32_t got = 0;

		while (got < n && at != 0) {
			objs[got++] = slab_at(&self->slab, at);
			at = atom_load_relaxed(slab_link(&self->slab, at));
		}
		if (got == 0)
			return pool_get_each(treiber_tag_get, pool, thread, objs, n);
		/* The mistake: the tag stays as it was. */
		if (atom_cas_weak_acquire(&self->stack.head, &head, tagged_with_unit(head, at)))
			return got;
	}
}

static const struct pool_ops walks_untagged_ops = {
	.name = "walks_untagged",
	.summary = "a Treiber stack whose bursts leave the tag: ABA gives one object to two owners",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = treiber_tag_get,
	.put = treiber_tag_put,
	.get_bulk = walks_untagged_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
};

static const struct control control_walks_untagged = {
	.ops = &walks_untagged_ops,
	.scenario = "churn",
	.build = CONTROL_PERTURBED,
};

#endif
