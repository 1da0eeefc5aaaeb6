/*
 * How many objects a shared cache may have, by the share of gets that missed it: the rule of Windows' balance set
 * manager for lookaside lists. For `lookaside`.
 *
 * Source: ReactOS, ntoskrnl/ex/lookas.c; Windows Internals, "Look-Aside Lists". Windows looks once a second: gets
 * fewer than 25 a second lower the depth by 10; misses of less than half a percent by 1; else it rises by 5 and half
 * of the missed share of what is left to the maximum, by 30 at most. It begins with the minimum of 4, and the
 * maximum is 256.
 *
 * Departure: we have no clock and no thread of our own. Each thread counts its own gets and misses and applies the rule
 * after every MISS_DEPTH_PERIOD gets. So a rate is not seen, and a cache that nobody gets from keeps its depth.
 *
 * The depth guards nothing, and is relaxed. Two threads may change it at once, and one of the two changes is lost.
 */
#ifndef ALLOC_MECHANISM_MISS_DEPTH_H
#define ALLOC_MECHANISM_MISS_DEPTH_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"

/* Gets of a thread from one look at the depth to the next: 0.4 ms at ten million a second. */
#ifndef MISS_DEPTH_PERIOD
#define MISS_DEPTH_PERIOD 4096
#endif

/* The least depth, and the first. Windows' own. */
#ifndef MISS_DEPTH_MIN
#define MISS_DEPTH_MIN 4
#endif

/* Windows' own numbers. */
enum {
	MISS_DEPTH_MAX = 256,
	MISS_DEPTH_FEW = 5, /* misses of a thousand gets: the cache is deep enough */
	MISS_DEPTH_RISE_MIN = 5,
	MISS_DEPTH_RISE_MAX = 30,
};
_Static_assert(MISS_DEPTH_MIN >= 1 && MISS_DEPTH_MIN <= MISS_DEPTH_MAX, "depth");
_Static_assert(MISS_DEPTH_PERIOD >= 1 && MISS_DEPTH_PERIOD <= 1000000, "the ratio fits 32 bits");

/* Of a thread, since its last look at the depth. */
struct miss_count {
	uint32_t gets, misses;
};

/* The depth that follows from a period in which one was allowed. */
static inline uint32_t miss_depth_next(uint32_t depth, struct miss_count count)
{
	const uint32_t a_thousand = count.misses * 1000 / count.gets;

	if (a_thousand < MISS_DEPTH_FEW)
		return depth > MISS_DEPTH_MIN ? depth - 1 : depth;
	uint32_t rise = a_thousand * (MISS_DEPTH_MAX - depth) / (2 * 1000) + MISS_DEPTH_RISE_MIN;
	depth += rise < MISS_DEPTH_RISE_MAX ? rise : MISS_DEPTH_RISE_MAX;
	return depth < MISS_DEPTH_MAX ? depth : MISS_DEPTH_MAX;
}

/* Applies the rule, and begins a period. */
static inline void miss_depth_adjust(atom_u32 *depth, struct miss_count *count)
{
	atom_store_relaxed(depth, miss_depth_next(atom_load_relaxed(depth), *count));
	count->gets = count->misses = 0;
}

/* One get more, whether it missed or not. True: a period has ended. */
ALWAYS_INLINE bool miss_count_get(struct miss_count *count)
{
	return ++count->gets >= MISS_DEPTH_PERIOD;
}

#endif
