/*
 * A magazine: a small array of pointers to free objects, which changes hands as a whole.
 *
 * Both ends can be seen without loading a bound. Below slot[0] lies the floor, a NULL, which a get
 * meets in the place of an object. Behind the last slot lies a multiple of MAGAZINE_BLOCK_BYTES, if the
 * depot was made so: a put sees it as an address whose low bits are 0. In a magazine longer than a
 * block other slots have such an address too, so the put then looks at the bound. A magazine that grows
 * (depot.h) grows by a block's worth of slots: wherever it ends, a block does.
 *
 *	              | objects, 0 ... 0, floor | slot[0] ... slot[magazine_objects - 1] |
 *	 multiple of 64                          multiple of 64           multiple of 1024
 */
#ifndef ALLOC_MECHANISM_MAGAZINE_H
#define ALLOC_MECHANISM_MAGAZINE_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

struct magazine {
	atom_u32 objects; /* in slot[0..objects) */
	void *heap;       /* where a private one lies (depot.h); NULL: in the depot's table */
	unsigned char unused[CACHE_LINE_BYTES - 3 * sizeof(void *)];
	void *floor; /* slot[-1]: NULL, for ever */
	void *slot[];
};
enum { MAGAZINE_BLOCK_BYTES = 1024 };
_Static_assert(offsetof(struct magazine, slot) == CACHE_LINE_BYTES, "the floor is slot[-1]");
_Static_assert(POOL_MAGAZINE_OBJECTS_DEFAULT * sizeof(void *) + sizeof(struct magazine) ==
		       MAGAZINE_BLOCK_BYTES,
	"a magazine of the default size fills its block");
_Static_assert(POOL_MAGAZINE_GROWTH * sizeof(void *) % MAGAZINE_BLOCK_BYTES == 0,
	"one that grows ends with a block again");

/*
 * The number of objects in a magazine, read and written by its owner. Relaxed: the owner's own
 * accesses need no order. The word is atomic because `rseq_mag` may read it in a magazine that has
 * just changed hands; it then throws the value away.
 */
ALWAYS_INLINE uint32_t magazine_count(struct magazine *magazine)
{
	return atom_load_relaxed(&magazine->objects);
}

ALWAYS_INLINE void magazine_set_count(struct magazine *magazine, uint32_t count)
{
	atom_store_relaxed(&magazine->objects, count);
}

/*
 * Ask for the lines of a magazine that another CPU wrote, or read, last. The lines then come side by
 * side; a loop that needs them would wait for the first few one by one.
 */
static inline void magazine_prefetch_read(struct magazine *magazine, uint32_t objects)
{
	for (uint32_t i = objects; i > COPY_STEP; i -= COPY_STEP)
		prefetch_read(&magazine->slot[i - COPY_STEP]);
}

static inline void magazine_prefetch_write(struct magazine *magazine, uint32_t objects)
{
	for (uint32_t i = 0; i < objects; i += COPY_STEP)
		prefetch_write(&magazine->slot[i]);
}

/*
 * An opened magazine: its objects lie below top. The pointers stand in the structure of whoever opened
 * it and not in the magazine, because a core forwards a store to a load fastest at a fixed distance
 * from a register that does not change.
 */
struct magazine_open {
	void **top;
	void **bottom; /* slot[0] */
	void **limit;  /* behind the last slot */
	struct magazine *magazine;
};

/* size: slots that the magazine has. */
static inline void magazine_open(
	struct magazine_open *self, struct magazine *magazine, uint32_t size)
{
	self->magazine = magazine;
	self->bottom = magazine->slot;
	self->top = self->bottom + magazine_count(magazine);
	self->limit = self->bottom + size;
}

/* Writes the magazine's count, which is stale while it is open. */
static inline struct magazine *magazine_close(struct magazine_open *self)
{
	magazine_set_count(self->magazine, (uint32_t)(self->top - self->bottom));
	return self->magazine;
}

/* Up to n objects off the top, into objs. Returns how many. */
static inline uint32_t magazine_open_take(struct magazine_open *self, void **objs, uint32_t n)
{
	uint32_t count = (uint32_t)(self->top - self->bottom);
	uint32_t take = n < count ? n : count;

	self->top -= take;
	copy_pointers(objs, self->top, take);
	return take;
}

/* As many of objs[0..n) as there is room for, on top. Returns how many. */
static inline uint32_t magazine_open_give(struct magazine_open *self, void *const *objs, uint32_t n)
{
	uint32_t room = (uint32_t)(self->limit - self->top);
	uint32_t give = n < room ? n : room;

	copy_pointers(self->top, objs, give);
	self->top += give;
	return give;
}

/* Marks what a magazine holds. False: the census has failed. */
static inline bool magazine_census(
	struct magazine *magazine, const char *place, struct census *census)
{
	return census_mark_each(census, magazine->slot, magazine_count(magazine), place);
}

/* The same of a list of them, from the first one's unit on, each of which has to hold least..most objects. */
static inline bool magazine_census_list(const struct slab *magazines, uint32_t first,
	uint32_t least, uint32_t most, const char *place, struct census *census)
{
	uint32_t seen = 0;

	for (uint32_t at = first; at != 0; at = atom_load_relaxed(slab_link(magazines, at))) {
		struct magazine *magazine = slab_at(magazines, at);

		if (++seen > magazines->capacity)
			return census_fail(census, "I1: %s is a ring", place);
		if (magazine_count(magazine) < least || magazine_count(magazine) > most)
			return census_fail(census,
				"I1: a magazine in %s holds %u objects, not %u to %u", place,
				magazine_count(magazine), least, most);
		if (!magazine_census(magazine, place, census))
			return false;
	}
	return true;
}

#endif
