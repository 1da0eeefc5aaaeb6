/*
 * A tree of bits: which of many elements have something, found in a few loads however many there are.
 * A bit of the lowest level stands for an element, a bit of each other level for a word of the level
 * below. For `bitmap`, whose elements are groups of objects.
 *
 * A bit that is set may be set in vain: whoever finds nothing there takes it away. A bit that is not
 * set says that there is nothing. So whoever gives an element something sees to its bit afterwards,
 * and whoever takes a bit away looks once more afterwards:
 *
 *	gives    S0 changes the element    S1 loads the bit, and sets it if it is not set
 *	empties  S2 takes the bit away     S3 loads the element, and sets the bit again if it has something
 *
 * All four are sequentially consistent, for each side stores and then loads what the other stores. In
 * their one order either S1 comes after S2, and sees to the bit, or S0 came before S3, which sees the
 * element. A word is such an element for the bit above it, and the same holds there.
 *
 * Progress: lock-free; each step of a search goes forward. Whoever stops between S0 and S1, or between S2 and
 * S3, hides what lies under that bit until it goes on.
 *
 * I1  At rest the bit of each element that has something is set, and the bit of each word that is not 0.
 */
#ifndef ALLOC_MECHANISM_BIT_TREE_H
#define ALLOC_MECHANISM_BIT_TREE_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	BIT_TREE_LEVELS = 4, /* as many elements as a slab can have objects */
	BIT_TREE_BITS = 64,
	BIT_TREE_ELEMENTS_MAX = 1 << 24,
};

struct bit_tree {
	atom_u64 *level[BIT_TREE_LEVELS]; /* from the elements up; the last has one word */
	uint32_t words[BIT_TREE_LEVELS];
};

/* For 1..BIT_TREE_ELEMENTS_MAX elements that have nothing. 0, or -ENOMEM. */
COLD int bit_tree_init(struct bit_tree *self, uint32_t elements);
COLD void bit_tree_fini(struct bit_tree *self);

/* S1. Two loads. */
ALWAYS_INLINE bool bit_tree_has(const struct bit_tree *self, uint32_t element)
{
	return (atom_load_seq_cst(&self->level[0][element / BIT_TREE_BITS]) >>
			       element % BIT_TREE_BITS &
		       1) != 0;
}

/* Sets the element's bit, and those above it that are not set. */
COLD void bit_tree_raise(struct bit_tree *self, uint32_t element);

/* The element has something, by a change of it that was sequentially consistent (S0). */
ALWAYS_INLINE void bit_tree_add(struct bit_tree *self, uint32_t element)
{
	if (unlikely(!bit_tree_has(self, element)))
		bit_tree_raise(self, element);
}

/*
 * S2: the element's bit goes, and those above it under which there is nothing more. The caller then looks
 * at the element (S3).
 */
COLD void bit_tree_lower(struct bit_tree *self, uint32_t element);

/* The first element from `from` on, round the end, whose bit is set. False: none is. */
COLD bool bit_tree_next(struct bit_tree *self, uint32_t from, uint32_t *element);

/* I1 of a quiet tree: whether the bits of an element that has something are set. */
COLD bool bit_tree_shows(struct bit_tree *self, uint32_t element);

#endif
