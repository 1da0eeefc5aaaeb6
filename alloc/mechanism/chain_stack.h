/*
 * A stack of whole chains: lists of linked objects of one slab, each with its length, that come and go by one
 * compare-and-swap, however long they are. For `idx_local`.
 *
 * A chain is named by its first object's unit. Beside that object stand its length and the chain below it
 * (`next`); the links within the chain are the slab's.
 *
 * Progress: lock-free.
 *
 * R1 the CAS that pushes a chain, meets A1, the load or failed CAS in the pop: its taker sees the chain's
 *    length and links. What the objects hold must be visible to whoever pushes; then it comes along.
 * ABA: the tag of 40 bits moves on every pop (tagged.h).
 *
 * I1  Each chain has the length that stands beside its first object.
 */
#ifndef ALLOC_MECHANISM_CHAIN_STACK_H
#define ALLOC_MECHANISM_CHAIN_STACK_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"

enum { CHAIN_LENGTH_MAX = UINT8_MAX }; /* with a unit it fills 32 bits */

struct chain_stack {
	CACHE_PAIR_ALIGNED atom_u64 head;  /* tagged unit of the first object of the top chain */
	CACHE_PAIR_ALIGNED atom_u32 *next; /* by unit: the chain's length, the chain below */
};

/* 0 or -ENOMEM. slab: of the objects, with links. */
COLD int chain_stack_init(struct chain_stack *self, const struct slab *slab);
COLD void chain_stack_fini(struct chain_stack *self, const struct slab *slab);

/*
 * The list of `length` objects, 1..CHAIN_LENGTH_MAX, that begins with unit `first`. lost, here and
 * below: as in tagged_stack.h.
 */
COLD void chain_stack_push(
	struct chain_stack *self, uint32_t first, uint32_t length, uint64_t *lost);

/* The first unit of a chain of *length objects, which is now the caller's; 0: there is none. */
COLD uint32_t chain_stack_pop(struct chain_stack *self, uint32_t *length, uint64_t *lost);

/* False: there was no chain a moment ago. */
ALWAYS_INLINE bool chain_stack_has_any(struct chain_stack *self)
{
	return tagged_unit(atom_load_relaxed(&self->head)) != 0;
}

/*
 * Of a quiet pool. Marks the objects of a list that begins with unit `first` and claims to have `length`
 * objects; of all chains. Each may be `most` long. False: the census has failed.
 */
COLD bool chain_census(const struct slab *slab, uint32_t first, uint32_t length, uint32_t most,
	const char *place, struct census *census);
COLD bool chain_stack_census(struct chain_stack *self, const struct slab *slab, uint32_t most,
	const char *place, struct census *census);

#endif
