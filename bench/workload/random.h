/* Random numbers for a body: cheap, and nothing is divided. */
#ifndef BENCH_WORKLOAD_RANDOM_H
#define BENCH_WORKLOAD_RANDOM_H

#include "alloc/machine/compiler.h"

#include <stdint.h>

/*
 * 0..count-1, evenly but for count in 2^32: a congruential generator (Knuth's MMIX), of which the
 * upper half is scaled.
 */
ALWAYS_INLINE uint32_t random_below(uint64_t *state, uint32_t count)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*state >> 32) * count >> 32);
}

#endif
