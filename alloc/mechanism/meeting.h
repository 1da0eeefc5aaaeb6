/*
 * An array of places in which two opposite calls meet, one that has a unit to give and one that wants one, and
 * are done without the structure that both lost their turn at. For `elimination`.
 *
 * A caller goes to a random place, of as many as it found crowded of late, and answers what stands there;
 * or leaves a word there and waits for an opposite caller.
 *
 *	a place     nobody --give--> offer of a unit --take--> nobody
 *	            nobody --take--> wish --give--> gift of a unit --the take that wished--> nobody
 *
 * Whoever waits in vain takes the offer or the wish back. So a wait is bounded, and what is offered or given is in
 * the hands of an unfinished call. A caller may be interrupted by another of its own thread: that one may
 * answer what it finds, and the interrupted one finds the answer.
 *
 * R1 the CAS that offers or gives, meets A1, the CAS that takes the offer and the load or failed CAS that finds
 *    the gift: whoever takes the unit sees what its last owner wrote. A wish holds nothing, and neither does
 *    a place that nobody has, so what leads to them is relaxed.
 * ABA: a place's tag moves whenever somebody comes to wait, so what one has left there is not met again
 *    before 2^38 others came to that place.
 *
 * I1  At rest nobody is at a place.
 */
#ifndef ALLOC_MECHANISM_MEETING_H
#define ALLOC_MECHANISM_MEETING_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "alloc/mechanism/census.h"
#include "alloc/mechanism/tagged.h"

/* Places; a power of two. Sixteen for as many pairs of CPUs. */
#ifndef MEETING_PLACES
#define MEETING_PLACES 16
#endif

/*
 * Looks at a place, with a pause after each, before one takes back what one has left there: about as long as
 * two lines take from CPU to CPU.
 */
#ifndef MEETING_LOOKS
#define MEETING_LOOKS 8
#endif

enum meeting_state {
	MEETING_NOBODY,
	MEETING_OFFER,
	MEETING_WISH,
	MEETING_GIFT,
};

enum {
	MEETING_STATE_SHIFT = TAGGED_UNIT_BITS,
	MEETING_STATE_MASK = 3,
	MEETING_TAG_SHIFT = 26,
};
_Static_assert((MEETING_PLACES & (MEETING_PLACES - 1)) == 0, "the modulo is a mask");

/* 38 bits of tag, 2 of state, 24 of unit. */
struct meeting_place {
	CACHE_PAIR_ALIGNED atom_u64 word;
};

struct meeting {
	struct meeting_place place[MEETING_PLACES];
};

/* A thread's part. */
struct meeting_guest {
	uint32_t random;
	uint32_t places; /* in use, as far as this thread knows; a power of two */
};

ALWAYS_INLINE enum meeting_state meeting_state(uint64_t word)
{
	return (enum meeting_state)(word >> MEETING_STATE_SHIFT & MEETING_STATE_MASK);
}

/* The same tag with another state and unit. */
ALWAYS_INLINE uint64_t meeting_with(uint64_t word, enum meeting_state state, uint32_t unit)
{
	return word >> MEETING_TAG_SHIFT << MEETING_TAG_SHIFT |
	       (uint64_t)state << MEETING_STATE_SHIFT | unit;
}

/* The next tag: somebody comes to wait. */
ALWAYS_INLINE uint64_t meeting_next(uint64_t word, enum meeting_state state, uint32_t unit)
{
	return meeting_with(word + ((uint64_t)1 << MEETING_TAG_SHIFT), state, unit);
}

/* A random place of those in use. */
static COLD atom_u64 *meeting_choose(struct meeting *self, struct meeting_guest *mine)
{
	/* Xorshift (Marsaglia 2003). */
	mine->random ^= mine->random << 13;
	mine->random ^= mine->random >> 17;
	mine->random ^= mine->random << 5;
	return &self->place[mine->random & (mine->places - 1)].word;
}

/* Others were at the place: there are too few. Returns false. */
static COLD bool meeting_crowded(struct meeting_guest *mine)
{
	if (mine->places < MEETING_PLACES)
		mine->places *= 2;
	return false;
}

/* Comes to wait at a place that nobody has: *mine is what it holds then. False: it is somebody's. */
static COLD bool meeting_come(
	atom_u64 *place, uint64_t seen, enum meeting_state state, uint32_t unit, uint64_t *mine)
{
	*mine = meeting_next(seen, state, unit);
	return meeting_state(seen) == MEETING_NOBODY &&
	       atom_cas_weak_release(place, &seen, *mine); /* R1, of an offer */
}

/*
 * Waits for an answer to what the caller has left. *word: that, and afterwards what became of it. False: there
 * was none, and it is taken back.
 */
static COLD bool meeting_answered(struct meeting_guest *guest, atom_u64 *place, uint64_t *word)
{
	const uint64_t mine = *word;

	for (int look = 0; look < MEETING_LOOKS; look++) {
		*word = atom_load_acquire(place); /* A1, of a gift */
		if (*word != mine)
			return true;
		atom_pause();
	}
	do {
		if (atom_cas_weak_acquire(place, word,
			    meeting_with(mine, MEETING_NOBODY, 0))) { /* A1, likewise */
			if (guest->places > 1)
				guest->places /= 2;
			return false;
		}
	} while (*word == mine);
	return true;
}

/* For a put that has lost its turn. True: a get has the unit. */
static COLD bool meeting_give(struct meeting *self, struct meeting_guest *mine, uint32_t unit)
{
	atom_u64 *place = meeting_choose(self, mine);
	uint64_t word = atom_load_relaxed(place);

	if (meeting_state(word) == MEETING_WISH)
		return atom_cas_weak_release(
			       place, &word, meeting_with(word, MEETING_GIFT, unit)) || /* R1 */
		       meeting_crowded(mine);
	if (!meeting_come(place, word, MEETING_OFFER, unit, &word))
		return meeting_crowded(mine);
	return meeting_answered(mine, place, &word);
}

/* For a get that has lost its turn: the unit that a put has given, or 0. */
static COLD uint32_t meeting_take(struct meeting *self, struct meeting_guest *mine)
{
	atom_u64 *place = meeting_choose(self, mine);
	uint64_t word = atom_load_relaxed(place);
	bool met;

	if (meeting_state(word) == MEETING_OFFER) {
		met = atom_cas_weak_acquire(place, &word,
			      meeting_with(word, MEETING_NOBODY, 0)) || /* A1, meets R1 */
		      meeting_crowded(mine);
	} else if (meeting_come(place, word, MEETING_WISH, 0, &word)) {
		met = meeting_answered(mine, place, &word);
		if (met) /* a gift, which nobody else touches */
			atom_store_relaxed(place, meeting_with(word, MEETING_NOBODY, 0));
	} else {
		met = meeting_crowded(mine);
	}
	return met ? tagged_unit(word) : 0;
}

/* address: of something that is the thread's own. */
static COLD void meeting_join(struct meeting_guest *mine, const void *address)
{
	mine->random = (uint32_t)((uintptr_t)address / CACHE_PAIR_BYTES) | 1; /* never 0 */
	mine->places = 1;
}

/* I1, of an array at rest. */
static COLD bool meeting_is_over(struct meeting *self, struct census *census)
{
	for (uint32_t i = 0; i < MEETING_PLACES; i++) {
		uint64_t word = atom_load_relaxed(&self->place[i].word);

		if (meeting_state(word) != MEETING_NOBODY) { /* I1 */
			census_fail(census, "I1: at rest, place %u of the array is in use", i);
			return false;
		}
	}
	return true;
}

#endif
