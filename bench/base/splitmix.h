/*
 * SplitMix64 (Steele, Lea, Flood 2014): turns related numbers, such as 1, 2, 3, into unrelated
 * ones. It seeds generators and makes one number of several.
 */
#ifndef BENCH_BASE_SPLITMIX_H
#define BENCH_BASE_SPLITMIX_H

#include <stddef.h>
#include <stdint.h>

#define SPLITMIX_STEP UINT64_C(0x9e3779b97f4a7c15)

/* The output that follows state x. The next state is x + SPLITMIX_STEP. */
static inline uint64_t splitmix(uint64_t x)
{
	x += SPLITMIX_STEP;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Fisher and Yates. */
static inline void splitmix_shuffle(uint32_t *order, size_t count, uint64_t seed)
{
	for (size_t i = count; i > 1; i--) {
		seed = splitmix(seed);
		const size_t j = seed % i;
		const uint32_t swap = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swap;
	}
}

#endif
