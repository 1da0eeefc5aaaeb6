/*
 * A stack whose head is a pointer and a 64-bit generation that a 16-byte compare-and-swap changes together:
 * R. K. Treiber's (IBM RJ 5118, 1986) with the double-word CAS of IBM System/370 against ABA. It is the whole of
 * `treiber_dwcas`, and the list of `lookaside`.
 *
 * Guarantee: lock-free. A CAS fails only because another one succeeded.
 *
 *	          push           pop
 *	push      CAS on head    CAS on head
 *	pop                      CAS on head
 *
 * R0 the CAS of a push (a full barrier), meets A0: whoever reads the pointer sees the link below it and what the
 *    last owner wrote into the object.
 * A0 the load of the pointer in a pop, or the failed CAS (a full barrier) from which the loop goes on.
 * A1 the load of the generation, before that of the pointer. It has no partner: it keeps the two loads in
 *    order. See ABA.
 * Links are read relaxed: the object may belong to somebody else by then, and the CAS will fail.
 *
 * ABA: the caller says what a pop and a push make of the generation, and between two moments with the same
 * generation nothing may have been popped and pushed again. The generation is loaded first. If the CAS meets
 * the one it expects, the object read as top was never off the stack, and its link is the one that was read;
 * so down the list for a burst. A stale link, which makes the CAS fail, still holds an object of the slab
 * or NULL, so a walk stays on readable ground: objects are type-stable (slab.h).
 *
 * lost counts the turns that other threads took.
 *
 * I1  The walk from head over the links ends in NULL and names each object on the stack once.
 */
#ifndef ALLOC_MECHANISM_PAIR_STACK_H
#define ALLOC_MECHANISM_PAIR_STACK_H

#include "alloc/mechanism/side_nodes.h"

struct pair_stack {
	atom_pair head; /* the top object and the generation */
};

/* What a pop or a push makes of the generation. A constant: it folds. */
typedef uint64_t (*pair_stack_next)(uint64_t generation);

/* A node holds the address of the object below. */
ALWAYS_INLINE atom_ptr *pair_stack_link(const struct side_nodes *nodes, const void *object)
{
	return side_nodes_node(nodes, object, sizeof(atom_ptr));
}

/* One object, or NULL. Four loads, and where objects and links lie; one 16-byte compare-and-swap. */
ALWAYS_INLINE void *pair_stack_pop(struct pair_stack *self, const struct side_nodes *nodes,
	pair_stack_next popped, uint64_t *lost)
{
	struct pair head;

	head.generation = atom_load_acquire(&self->head.generation); /* A1 */
	head.pointer = atom_load_acquire(&self->head.pointer);       /* A0, meets R0 */
	for (;;) {
		if (unlikely(head.pointer == NULL))
			return NULL;
		struct pair below = {
			.pointer = atom_load_relaxed(pair_stack_link(nodes, head.pointer)),
			.generation = popped(head.generation),
		};
		void *top = head.pointer;
		if (likely(atom_pair_cas(&self->head, &head, below))) /* A0 */
			return top;
		++*lost;
	}
}

/*
 * Up to n >= 1 objects: a walk over the links, then one 16-byte compare-and-swap to where it ended.
 * Returns how many, fewer than n only if the stack ended. objs beyond them may hold garbage.
 */
ALWAYS_INLINE uint32_t pair_stack_pop_each(struct pair_stack *self, const struct side_nodes *nodes,
	pair_stack_next popped, void **objs, uint32_t n, uint64_t *lost)
{
	struct pair head;

	head.generation = atom_load_acquire(&self->head.generation); /* A1 */
	head.pointer = atom_load_acquire(&self->head.pointer);       /* A0, meets R0 */
	for (;;) {
		struct pair below = {
			.pointer = head.pointer, .generation = popped(head.generation)};
		uint32_t got = 0;

		while (got < n && below.pointer != NULL) {
			objs[got++] = below.pointer;
			below.pointer = atom_load_relaxed(pair_stack_link(nodes, below.pointer));
		}
		if (unlikely(got == 0))
			return 0;
		if (likely(atom_pair_cas(&self->head, &head, below))) /* A0 */
			return got;
		++*lost;
	}
}

/*
 * The head as a push begins with it. It is only stored and compared, never followed; halves that do not
 * belong together cost a turn.
 */
ALWAYS_INLINE struct pair pair_stack_head(struct pair_stack *self)
{
	return (struct pair){
		.generation = atom_load_relaxed(&self->head.generation),
		.pointer = atom_load_relaxed(&self->head.pointer),
	};
}

/*
 * One turn of a push of the chain of objects first..last, linked already. *head: as it was loaded, and after a
 * turn that another thread took, which is false, as it was met then.
 */
ALWAYS_INLINE bool pair_stack_try_push(struct pair_stack *self, const struct side_nodes *nodes,
	pair_stack_next pushed, void *first, void *last, struct pair *head, uint64_t *lost)
{
	atom_store_relaxed(pair_stack_link(nodes, last), head->pointer);
	struct pair top = {.pointer = first, .generation = pushed(head->generation)};
	if (likely(atom_pair_cas(&self->head, head, top))) /* R0, meets A0 */
		return true;
	++*lost;
	return false;
}

/* Marks every object of a quiet stack (I1). */
static inline void pair_stack_walk(
	struct pair_stack *self, const struct side_nodes *nodes, struct census *census)
{
	void *at = atom_load_relaxed(&self->head.pointer);

	while (at != NULL && census_mark(census, at, "the stack"))
		at = atom_load_relaxed(pair_stack_link(nodes, at));
}

#endif
