/*
 * A lock-free stack of blocks that may be freed, under hazard pointers (hazards.h): its head has no tag, and no memory
 * has to stay. For `hazard`. The stack is R. K. Treiber's (IBM RJ 5118, 1986).
 *
 * What a hazard pointer is needed for. Thread X has read the top block b. Another takes b from the stack, and its
 * user puts it again. (1) If b goes to free, X reads a link in memory that is gone. (2) If b goes back on the
 * stack above other blocks than before, X's CAS meets the b that it expects and installs the link of the
 * former time: that block may be somebody's (ABA). Each is ruled out by the same rule: b is neither freed nor pushed
 * while a hazard pointer shows it. A user may have it meanwhile, for the link is not his; and X's CAS fails then,
 * since b is not on the stack. So a pop shows the top, looks whether it still is the top, and then reads its link.
 *
 * R0 the CAS that pushes, meets A0 = S1: whoever finds the top sees its link, and what the last owner wrote.
 * R1, A1, S0 to S5 are those of hazards.h; S1 is the load of head, S2 the CAS that pops.
 *
 * I1  The walk from head over the links ends in NULL.
 */
#ifndef ALLOC_MECHANISM_HAZARD_STACK_H
#define ALLOC_MECHANISM_HAZARD_STACK_H

#include "alloc/machine/compiler.h"
#include "alloc/mechanism/hazards.h"

struct hazard_stack {
	CACHE_PAIR_ALIGNED atom_ptr head;
	struct hazards hazards;
};

/* Blocks linked by `below` that no thread shows, first to last. */
struct hazard_chain {
	struct hazards_block *first, *last;
	uint32_t n;
};

/* The top of the stack, or NULL. wait: counts lost turns. One locked exchange and one locked compare-and-swap. */
ALWAYS_INLINE struct hazards_block *hazard_stack_pop(
	struct hazard_stack *self, struct hazards_place *place, uint64_t *wait)
{
	void *top = atom_load_relaxed(&self->head); /* a guess: S1 decides */

	while (top != NULL) {
		hazards_show(place, top);                    /* S0, R1 */
		void *seen = atom_load_seq_cst(&self->head); /* S1, A0, meets R0 */
		if (likely(seen == top)) {
			void *below = atom_load_relaxed(&((struct hazards_block *)top)->below);
			if (likely(atom_cas_weak_seq_cst(&self->head, &seen, below))) { /* S2 */
				atom_store_relaxed(
					&place->popped, atom_load_relaxed(&place->popped) + 1);
				break;
			}
		}
		top = seen;
		++*wait;
	}
	hazards_hide(place); /* R1, meets A1 */
	return top;
}

/* Adds a block on top of a chain. */
ALWAYS_INLINE void hazard_chain_add(struct hazard_chain *chain, struct hazards_block *block)
{
	atom_store_relaxed(&block->below, chain->first);
	chain->first = block;
	chain->last = chain->last != NULL ? chain->last : block;
	chain->n++;
}

/* Puts a chain of 1 or more on the stack. */
static inline void hazard_stack_push(struct hazard_stack *self, struct hazards_place *place,
	const struct hazard_chain *chain, uint64_t *wait)
{
	void *top = atom_load_relaxed(&self->head); /* stored and compared, never followed */

	for (;;) {
		atom_store_relaxed(&chain->last->below, top);
		if (likely(atom_cas_weak_release(
			    &self->head, &top, chain->first))) /* R0, meets A0 */
			break;
		++*wait;
	}
	atom_store_relaxed(&place->pushed, atom_load_relaxed(&place->pushed) + chain->n);
}

#endif
