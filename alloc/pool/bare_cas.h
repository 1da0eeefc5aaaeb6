/*
 * bare_cas: one compare-and-swap of one shared word each way, and no pool (floor.h). The limit of
 * `treiber_tag`, whose get and put each load the head and exchange it; of `idx_local` too while one
 * thread runs, since its shard is then its own.
 *
 * Bursts as in both: one compare-and-swap takes a chain or splices one in.
 *
 * Left out: the load of the link on which the new head depends in get (an object after the other in
 * a burst), the store of the link in put, the arithmetic of units and tags, the test for an empty
 * stack.
 */
#ifndef ALLOC_POOL_BARE_CAS_H
#define ALLOC_POOL_BARE_CAS_H

#include "alloc/mechanism/floor.h"

ALWAYS_INLINE void bare_cas_pop(struct bare_pool *self)
{
	uint64_t head = atom_load_acquire(&self->head);

	while (unlikely(!atom_cas_weak_acquire(&self->head, &head, head + 1)))
		;
}

ALWAYS_INLINE void bare_cas_push(struct bare_pool *self)
{
	uint64_t head = atom_load_relaxed(&self->head);

	while (unlikely(!atom_cas_weak_release(&self->head, &head, head + 1)))
		;
}

/* One load and one locked compare-and-swap; get loads the object's address, or copies n, besides. */
BARE_SINGLES(bare_cas, bare_cas_pop, bare_cas_push)
BARE_BURSTS(bare_cas, bare_cas_pop, bare_cas_push)

static const struct pool_ops pool_bare_cas_ops = {
	.name = "bare_cas",
	.summary = "no pool: one compare-and-swap each way, the limit of treiber_tag",
	.traits = {.progress = POOL_UNSYNCHRONISED, .kind = POOL_KIND_NULL},
	.supported = pool_supported_always,
	BARE_HOOKS(bare_cas),
};

#endif
