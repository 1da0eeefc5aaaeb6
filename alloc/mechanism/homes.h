/*
 * Whose each object is: a number beside each object of a slab, the home to which it returns, for
 * strategies that send back what others free.
 *
 * No order of its own. Whoever has an object may write its home; others read it when they have
 * the object, and whatever handed that over publishes its home.
 */
#ifndef ALLOC_MECHANISM_HOMES_H
#define ALLOC_MECHANISM_HOMES_H

#include "alloc/mechanism/slab.h"

#include <errno.h>

struct homes {
	uint16_t *home; /* one a cache line of the slab: that of the object that begins there */
	uintptr_t home_of_0; /* where the home of the line at address 0 would be */
};

static inline size_t homes_bytes(const struct slab *slab)
{
	return slab_units(slab) * sizeof(uint16_t);
}

/* Every home is 0. 0 or -ENOMEM. */
static inline int homes_init(struct homes *self, const struct slab *slab)
{
	self->home = memory_map(homes_bytes(slab), MEMORY_PAGES_ORDINARY);
	if (self->home == NULL)
		return -ENOMEM;
	self->home_of_0 = (uintptr_t)self->home -
			  ((uintptr_t)slab->base >> CACHE_LINE_LOG2) * sizeof(*self->home);
	return 0;
}

static inline void homes_fini(struct homes *self, const struct slab *slab)
{
	memory_unmap(self->home, homes_bytes(slab), MEMORY_PAGES_ORDINARY);
}

/* An object's home. A shift, and an addition that the load does by itself. */
ALWAYS_INLINE uint16_t *homes_of(const struct homes *self, const void *object)
{
	return (uint16_t *)(self->home_of_0 +
			    ((uintptr_t)object >> CACHE_LINE_LOG2) * sizeof(uint16_t));
}

/* Not 0: one of objs[0..n) has another home. Without a branch an object. */
ALWAYS_INLINE uint32_t homes_differ(
	const struct homes *self, uint32_t home, void *const *objs, uint32_t n)
{
	uint32_t elsewhere = 0;

	for (uint32_t i = 0; i < n; i++)
		elsewhere |= *homes_of(self, objs[i]) ^ home;
	return elsewhere;
}

/* How many of objs[0..n), n >= 1, from the first on have its home. */
ALWAYS_INLINE uint32_t homes_run(const struct homes *self, void *const *objs, uint32_t n)
{
	const uint32_t home = *homes_of(self, objs[0]);
	uint32_t run = 1;

	while (run < n && *homes_of(self, objs[run]) == home)
		run++;
	return run;
}

#endif
