/*
 * A tagged word: 24 bits of index and 40 bits of tag in one 64-bit word, the head of a lock-free
 * stack. The index is a unit of a slab (slab.h); 0 means none.
 *
 * The tag moves on every pop. A popper reads the head, sleeps, and finds the same index on top
 * again: its CAS fails nevertheless, unless exactly a multiple of 2^40 pops went by. That takes three
 * hours at 100 million pops a second, ten at 30 million.
 */
#ifndef ALLOC_MECHANISM_TAGGED_H
#define ALLOC_MECHANISM_TAGGED_H

#include "alloc/machine/compiler.h"

#include <stdint.h>

enum { TAGGED_INDEX_BITS = 24 };
#define TAGGED_INDEX_MAX ((UINT32_C(1) << TAGGED_INDEX_BITS) - 1)

typedef uint64_t tagged;

ALWAYS_INLINE uint32_t tagged_index(tagged word)
{
	return (uint32_t)(word & TAGGED_INDEX_MAX);
}

/* The same tag over another index: what a push installs. */
ALWAYS_INLINE tagged tagged_with_index(tagged word, uint32_t index)
{
	return (word & ~(tagged)TAGGED_INDEX_MAX) | index;
}

/* The next tag over another index: what a pop installs. */
ALWAYS_INLINE tagged tagged_next(tagged word, uint32_t index)
{
	return tagged_with_index(word + ((tagged)1 << TAGGED_INDEX_BITS), index);
}

#endif
