/*
 * bare_cas16: one 16-byte compare-and-swap of one shared pair each way, and no pool (floor.h). The
 * limit of `treiber_dwcas`.
 *
 * Bursts as there: one compare-and-swap takes a chain or splices one in.
 *
 * Left out: the load of the link on which the new head depends in get (an object after the other in
 * a burst), the store of the link in put, the arithmetic that finds a link, the test for an empty
 * stack.
 */
#ifndef ALLOC_POOL_BARE_CAS16_H
#define ALLOC_POOL_BARE_CAS16_H

#include "alloc/mechanism/floor.h"

/* get and put differ in nothing: both read the pair in halves and raise its generation. */
ALWAYS_INLINE void bare_cas16_change(struct bare_pool *self)
{
	struct pair head;

	head.generation = atom_load_acquire(&self->pair.generation);
	head.pointer = atom_load_acquire(&self->pair.pointer);
	for (;;) {
		struct pair next = {.pointer = head.pointer, .generation = head.generation + 1};

		if (likely(atom_pair_cas(&self->pair, &head, next)))
			return;
	}
}

/* Two loads and one 16-byte compare-and-swap; get loads the object's address, or copies n, besides. */
BARE_SINGLES(bare_cas16, bare_cas16_change, bare_cas16_change)
BARE_BURSTS(bare_cas16, bare_cas16_change, bare_cas16_change)

static const struct pool_ops pool_bare_cas16_ops = {
	.name = "bare_cas16",
	.summary = "no pool: one 16-byte compare-and-swap each way, the limit of treiber_dwcas",
	.traits = {.progress = POOL_UNSYNCHRONISED, .kind = POOL_KIND_NULL, .needs_cx16 = true},
	.supported = pool_supported_cx16,
	BARE_HOOKS(bare_cas16),
};

#endif
