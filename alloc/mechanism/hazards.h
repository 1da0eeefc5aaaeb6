/*
 * Hazard pointers: whoever is about to read in a block that others may take away first shows it, and whoever took a block
 * away neither uses it again nor frees it while somebody shows it. So a lock-free structure needs neither tags nor memory
 * that stays. For `hazard`, whose stack has the blocks.
 *
 * Source: M. M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS 15(6), 2004.
 *
 *	show    stores the block in the thread's place (S0), and then looks whether the structure still leads to it (S1)
 *	retire  keeps a block that was taken away (S2) on a list of the thread's own, until that is as long as it may be
 *	scan    looks at all places once (S3), and parts with each retired block that none shows
 *
 * Why none is missed. b leaves the structure (S2), and its retirement and the look at X's place (S3) happen after that. X
 * stores b there (S0) and then looks at the structure (S1). All are sequentially consistent. If S3 does not see S0, it
 * comes before it in their one order, so S2 < S3 < S0 < S1, and S1 does not find b, or one that was put there again
 * after the look. A thread that is not in the table yet when S3 looks: S4, when it comes, and S5, before the table is
 * looked at, are such a pair as well.
 *
 * Departures. A list may have 2 blocks for each thread that was ever attached at once, as Michael has it, and
 * HAZARDS_RETIRED more. Places are collected as bits by a hash of the address and not sorted; only a block whose bit is
 * set is looked for among all places. A thread that ends leaves what is still shown to the next owner of its place.
 * folly and liburcu take the fence from who shows to who scans (membarrier): a call takes 1.2 us on an idle
 * 2-CPU guest and 6.5 beside a running thread, so it would need lists of a thousand blocks a thread to
 * cost no more than the 7 ns that it saves a reader.
 *
 * R1 the store that clears a place, or S0, which replaces what it shows, meets A1 = S3: who does not find a block
 *    shown any more comes after what was read in it.
 */
#ifndef ALLOC_MECHANISM_HAZARDS_H
#define ALLOC_MECHANISM_HAZARDS_H

#include "alloc/mechanism/places.h"

/* Blocks that a thread retires before it looks at all places: so many, and so many a thread. */
#ifndef HAZARDS_RETIRED
#define HAZARDS_RETIRED 64
#endif
#ifndef HAZARDS_RETIRED_A_THREAD
#define HAZARDS_RETIRED_A_THREAD 2
#endif

enum { HAZARDS_FILTER_LOG2 = 10, HAZARDS_FILTER_WORDS = (1 << HAZARDS_FILTER_LOG2) / 64 };
_Static_assert(HAZARDS_RETIRED >= 1, "a look must be worth it");

/* What can be shown. */
struct hazards_block {
	atom_ptr below; /* the next one of the structure, or of a thread's retired */
};

/* What a thread has in the table. All but what it shows only its owner writes. */
struct hazards_place {
	CACHE_PAIR_ALIGNED atom_ptr
		hazard;                /* the block whose link its owner may be reading; NULL */
	atom_u64 popped, pushed;       /* blocks from and to the structure, ever */
	struct hazards_block *retired; /* the owner's own */
	uint32_t count;                /* of them */
	uint32_t most;                 /* when they are looked at */
};

struct hazards {
	CACHE_PAIR_ALIGNED atom_u32 entered; /* attachments ever: S4, S5 */
	struct places places;
};

/* S0, R1. The caller then looks whether the block is still there. One locked exchange. */
ALWAYS_INLINE void hazards_show(struct hazards_place *place, void *block)
{
	atom_store_seq_cst(&place->hazard, block); /* S0, R1 */
}

ALWAYS_INLINE void hazards_hide(struct hazards_place *place)
{
	atom_store_release(&place->hazard, NULL); /* R1, meets A1 */
}

/* A load and three stores, all the thread's own. */
ALWAYS_INLINE void hazards_retire(struct hazards_place *place, struct hazards_block *block)
{
	/* Relaxed: whoever still reads it in vain may find any value. */
	atom_store_relaxed(&block->below, place->retired);
	place->retired = block;
	place->count++;
}

/* By a multiplication (Knuth). */
static inline uint32_t hazards_bit(const void *block)
{
	return (uint32_t)((uintptr_t)block * UINT64_C(0x9e3779b97f4a7c15) >>
			  (64 - HAZARDS_FILTER_LOG2));
}

/* Whether some thread shows it. */
static bool hazards_has(struct hazards *self, uint32_t used, const void *block)
{
	for (uint32_t i = 0; i < used; i++) {
		struct hazards_place *place = places_at(&self->places, i);

		if (atom_load_seq_cst(&place->hazard) == block) /* S3, A1, meets R1 */
			return true;
	}
	return false;
}

/* A block that nobody shows is the callee's. in: blocks of the structure when the scan began; others change that. */
typedef void (*hazards_part)(void *arg, struct hazards_block *block, uint64_t in);

/* Looks at all places, and parts with what none shows. part is a constant: it folds. */
ALWAYS_INLINE void hazards_scan(
	struct hazards *self, struct hazards_place *place, hazards_part part, void *arg)
{
	struct hazards_block *at = place->retired;
	uint64_t filter[HAZARDS_FILTER_WORDS] = {0};
	uint64_t in = 0;

	(void)atom_load_seq_cst(&self->entered); /* S5 */
	const uint32_t used = places_used(&self->places);
	for (uint32_t i = 0; i < used; i++) {
		struct hazards_place *other = places_at(&self->places, i);
		const void *shown = atom_load_seq_cst(&other->hazard); /* S3, A1, meets R1 */
		const uint32_t bit = hazards_bit(shown);

		filter[bit / 64] |= (uint64_t)(shown != NULL) << bit % 64;
		in += atom_load_relaxed(&other->pushed) - atom_load_relaxed(&other->popped);
	}
	place->retired = NULL;
	place->count = 0;
	place->most = HAZARDS_RETIRED + HAZARDS_RETIRED_A_THREAD * used;
	while (at != NULL) {
		struct hazards_block *block = at;
		const uint32_t bit = hazards_bit(block);

		at = atom_load_relaxed(&block->below);
		if (unlikely((filter[bit / 64] >> bit % 64 & 1) != 0 &&
			     hazards_has(self, used, block)))
			hazards_retire(place, block);
		else
			part(arg, block, in);
	}
}

/* 0, or a negative errno. */
static COLD int hazards_init(struct hazards *self)
{
	return places_init(&self->places, sizeof(struct hazards_place));
}

/* free_all: takes a list of blocks that somebody had retired. */
static COLD void hazards_fini(struct hazards *self, void (*free_all)(struct hazards_block *at))
{
	for (uint32_t i = 0; i < places_used(&self->places); i++)
		free_all(((struct hazards_place *)places_at(&self->places, i))->retired);
	places_fini(&self->places);
}

/* A thread comes, and goes: it has scanned before. NULL: all places are taken. */
static COLD struct hazards_place *hazards_enter(struct hazards *self)
{
	struct hazards_place *place = places_take(&self->places);

	if (place == NULL)
		return NULL;
	place->most = HAZARDS_RETIRED;
	(void)atom_add_seq_cst(&self->entered, 1); /* S4 */
	return place;
}

static COLD void hazards_leave(struct hazards *self, struct hazards_place *place)
{
	places_leave(&self->places, place);
}

#endif
