/*
 * Random numbers of made-up data: xoshiro256** of Blackman and Vigna (2018), seeded through splitmix64.
 * For tests alone.
 */
#ifndef BENCH_ANALYSIS_SYNTHETIC_RANDOM_H
#define BENCH_ANALYSIS_SYNTHETIC_RANDOM_H

#include "bench/base/splitmix.h"

#include <math.h>
#include <stdint.h>

struct synthetic_random {
	uint64_t s[4];
};

static inline struct synthetic_random synthetic_random(uint64_t seed)
{
	struct synthetic_random r;

	for (int i = 0; i < 4; i++, seed += SPLITMIX_STEP)
		r.s[i] = splitmix(seed);
	return r;
}

static inline uint64_t synthetic_rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t synthetic_next(struct synthetic_random *r)
{
	uint64_t *s = r->s;
	const uint64_t result = synthetic_rotate(s[1] * 5, 7) * 9;
	const uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = synthetic_rotate(s[3], 45);
	return result;
}

/* Above 0 and below 1. */
static inline double synthetic_uniform(struct synthetic_random *r)
{
	return ((double)(synthetic_next(r) >> 11) + 0.5) / 9007199254740992.0;
}

/* A standard normal deviate (Box and Muller). */
static inline double synthetic_normal(struct synthetic_random *r)
{
	const double length = sqrt(-2 * log(synthetic_uniform(r)));

	return length * cos(2 * M_PI * synthetic_uniform(r));
}

#endif
