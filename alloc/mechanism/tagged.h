/*
 * A tagged word: a unit of a slab in 24 bits (slab.h) and a tag in 40, one 64-bit word, the head of a
 * lock-free stack. Unit 0 means none.
 *
 * The tag moves on every pop. A popper reads the head, sleeps, and finds the same unit on top
 * again: its CAS fails nevertheless, unless exactly a multiple of 2^40 pops went by. That takes three
 * hours at 100 million pops a second, ten at 30 million.
 */
#ifndef ALLOC_MECHANISM_TAGGED_H
#define ALLOC_MECHANISM_TAGGED_H

#include "alloc/machine/compiler.h"

#include <stdint.h>

enum { TAGGED_UNIT_BITS = 24 };
#define TAGGED_UNIT_MAX ((UINT32_C(1) << TAGGED_UNIT_BITS) - 1)

typedef uint64_t tagged;

ALWAYS_INLINE uint32_t tagged_unit(tagged word)
{
	return (uint32_t)(word & TAGGED_UNIT_MAX);
}

/* The same tag over another unit: what a push installs. */
ALWAYS_INLINE tagged tagged_with_unit(tagged word, uint32_t unit)
{
	return (word & ~(tagged)TAGGED_UNIT_MAX) | unit;
}

/* The next tag over another unit: what a pop installs. */
ALWAYS_INLINE tagged tagged_next(tagged word, uint32_t unit)
{
	return tagged_with_unit(word + ((tagged)1 << TAGGED_UNIT_BITS), unit);
}

/* A CAS was lost to another thread and is tried again. *lost counts them; NULL: nobody does. */
ALWAYS_INLINE void tagged_lost(uint64_t *lost)
{
	if (lost != NULL)
		++*lost;
}

#endif
