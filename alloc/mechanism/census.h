/*
 * The census of a quiet pool: each strategy's `check` walks every place where a free object can be
 * and marks it here. An object that is not the pool's, a second visit, or a total that does not add
 * up is named with its place.
 */
#ifndef ALLOC_MECHANISM_CENSUS_H
#define ALLOC_MECHANISM_CENSUS_H

#include "alloc/mechanism/slab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct census {
	const struct slab *slab;
	unsigned char *seen; /* one bit per object of the slab; NULL: it only counts */
	char *why;           /* receives the sentence; NULL in a census that only counts */
	size_t why_bytes;
	uint64_t free; /* objects marked so far */
	bool failed;
};

/*
 * Returns 0, -ENOMEM (also told in why). Ends in census_end, which must be called on every path
 * after a 0.
 */
int census_begin(struct census *self, const struct slab *slab, char *why, size_t why_bytes);

/*
 * Begins a census that only counts what is marked, for `count`: it takes no memory, believes what it
 * is shown up to the slab's capacity, and needs no end.
 */
void census_begin_count(struct census *self, const struct slab *slab);

/*
 * Marks object as found free in place. Returns false, with the reason noted, if that cannot be;
 * stop walking then.
 */
bool census_mark(struct census *self, const void *object, const char *place);

/* The same for objs[0..n). */
bool census_mark_each(struct census *self, void *const *objs, uint32_t n, const char *place);

/*
 * Notes another broken invariant, printf-style; the first one noted is kept. Always returns false.
 */
bool census_fail(struct census *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* I2 of strategies with a lock. False, with that noted, if the lock of a quiet pool is held. */
bool census_unlocked(struct census *self, bool unlocked);

/*
 * Adds up: the marked objects and those outside the pool (outstanding) must be all that were ever
 * carved. Returns 0, or -EINVAL with the sentence in why.
 */
int census_end(struct census *self, uint64_t outstanding);

#endif
