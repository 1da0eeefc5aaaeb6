/*
 * bare_vyukov: one compare-and-swap of one shared position in get, of another in put, and no pool
 * (floor.h). The limit of `vyukov`: getters meet getters on one line, putters putters on another.
 *
 * Bursts as there: one compare-and-swap takes all positions, in get and in put.
 *
 * Left out: for each object the load of its cell's sequence number before the compare-and-swap, and
 * the load or store of its address and the store of the next sequence number afterwards.
 */
#ifndef ALLOC_POOL_BARE_VYUKOV_H
#define ALLOC_POOL_BARE_VYUKOV_H

#include "alloc/mechanism/floor.h"

ALWAYS_INLINE void bare_vyukov_move(atom_u64 *position)
{
	uint64_t at = atom_load_relaxed(position);

	while (unlikely(!atom_cas_weak_relaxed(position, &at, at + 1)))
		;
}

ALWAYS_INLINE void bare_vyukov_take(struct bare_pool *self)
{
	bare_vyukov_move(&self->head);
}

ALWAYS_INLINE void bare_vyukov_give(struct bare_pool *self)
{
	bare_vyukov_move(&self->tail);
}

/* One load and one locked compare-and-swap; get loads the object's address, or copies n, besides. */
BARE_SINGLES(bare_vyukov, bare_vyukov_take, bare_vyukov_give)
BARE_BURSTS(bare_vyukov, bare_vyukov_take, bare_vyukov_give)

static const struct pool_ops pool_bare_vyukov_ops = {
	.name = "bare_vyukov",
	.summary = "no pool: one compare-and-swap each way, on two words, the limit of vyukov",
	.traits = {.progress = POOL_UNSYNCHRONISED, .kind = POOL_KIND_NULL},
	.supported = pool_supported_always,
	BARE_HOOKS(bare_vyukov),
};

#endif
