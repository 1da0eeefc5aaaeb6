/*
 * A table of places, for strategies whose threads leave something that others may still look at when they have
 * ended: each attached thread has one, all stay where they are until the pool ends, and a new thread gets one that
 * was left, as its last owner left it.
 *
 * The stack of left places has the edges and the tag of tagged_stack.h: whoever gets a place sees what its last
 * owner wrote there.
 */
#ifndef ALLOC_MECHANISM_PLACES_H
#define ALLOC_MECHANISM_PLACES_H

#include "alloc/mechanism/tagged_stack.h"

enum {
	PLACES_MAX = UINT16_MAX
}; /* threads attached at once; a place costs addresses until it is used */

struct places {
	struct slab slab; /* those that ever had an owner are the first `carved` */
	struct tagged_stack left;
};

/* bytes: of a place, a multiple of CACHE_PAIR_BYTES. 0, -EOVERFLOW or -ENOMEM. */
static inline int places_init(struct places *self, size_t bytes)
{
	return slab_init(&self->slab, bytes, CACHE_PAIR_BYTES, PLACES_MAX, MEMORY_PAGES_ORDINARY,
		SLAB_WITH_LINKS);
}

static inline void places_fini(struct places *self)
{
	slab_fini(&self->slab);
}

/* Zeroed at first. NULL: all are taken. */
static inline void *places_take(struct places *self)
{
	void *place = tagged_stack_pop(&self->left, &self->slab, NULL);
	uint32_t first;

	if (place == NULL && slab_carve(&self->slab, 1, &first) == 1)
		place = slab_object(&self->slab, first);
	return place;
}

static inline void places_leave(struct places *self, void *place)
{
	tagged_stack_push(&self->left, &self->slab, place, NULL);
}

/* How many ever had an owner; each of them by its number, from 0. */
static inline uint32_t places_used(struct places *self)
{
	return slab_carved(&self->slab);
}

static inline void *places_at(const struct places *self, uint32_t number)
{
	return slab_object(&self->slab, number);
}

#endif
