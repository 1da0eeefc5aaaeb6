/*
 * elimination: treiber_tag's stack, and beside it an array in which a put and a get that both lost their turn
 * at the head meet and are done, without the head. The textbook's reply to "one cache line that all CPUs
 * fight for": the more fight, the more of them pair off elsewhere.
 *
 * Source: D. Hendler, N. Shavit, L. Yerushalmi, "A Scalable Lock-free Stack Algorithm", SPAA 2004. As there,
 * a call tries the stack first, then goes to a random place of the array, as many of which are in use as
 * were found crowded of late, and waits there for an opposite call before it tries the stack again: that is
 * the back-off. Departures: a place is one word that holds the put's object itself, where theirs leads by way
 * of a thread's number to a record of its call; and a burst, which is one compare-and-swap anyhow, does
 * not eliminate.
 *
 *	a place     nobody --put--> offer of an object --get--> nobody
 *	            nobody --get--> wish --put--> gift of an object --the get that wished--> nobody
 *
 * Whoever waits in vain takes the offer or the wish back.
 *
 * What it should win: against treiber_tag, single gets and puts by many CPUs at once. What it can't: on few
 * CPUs two opposite calls seldom lose their turn in the same moment, so what is left is the back-off; and one
 * that nobody disturbs costs what treiber_tag's does.
 *
 * Progress: lock-free. A call waits a bounded time, and goes to the array only because another one has changed
 * the head. Signal handlers may use it: what an interrupted call has offered or wished another may
 * answer, the handler too, and it finds the answer when it goes on.
 * Exact, for any number of threads, as treiber_tag: what is offered or given is in the hands of an unfinished
 * call.
 *
 *	          put                          get
 *	put       CAS on head, or on a place   CAS on head, or on a place
 *	get                                    CAS on head, or on a place
 *
 * R1 the CAS that offers or gives, meets A1, the CAS that takes the offer and the load or failed CAS that finds
 *    the gift: whoever takes the object sees what its last owner wrote. A wish holds nothing, and neither does
 *    a place that nobody has, so what leads to them is relaxed.
 * ABA: a place's tag moves whenever somebody comes to wait, so what one has left there is not met again
 *    before 2^38 others came to that place.
 *
 * I1  as in treiber_tag.h.
 * I2  At rest nobody is at a place.
 */
#ifndef ALLOC_POOL_ELIMINATION_H
#define ALLOC_POOL_ELIMINATION_H

#include "alloc/pool/treiber_tag.h"

/* Places; a power of two. Sixteen for as many pairs of CPUs. */
#ifndef ELIMINATION_PLACES
#define ELIMINATION_PLACES 16
#endif

/*
 * Looks at a place, with a pause after each, before one takes back what one has left there: about as long as
 * two lines take from CPU to CPU.
 */
#ifndef ELIMINATION_LOOKS
#define ELIMINATION_LOOKS 8
#endif

enum elimination_state {
	ELIMINATION_NOBODY,
	ELIMINATION_OFFER,
	ELIMINATION_WISH,
	ELIMINATION_GIFT,
};

enum {
	ELIMINATION_STATE_SHIFT = TAGGED_UNIT_BITS,
	ELIMINATION_STATE_MASK = 3,
	ELIMINATION_TAG_SHIFT = 26,
};
_Static_assert((ELIMINATION_PLACES & (ELIMINATION_PLACES - 1)) == 0, "the modulo is a mask");

/* 38 bits of tag, 2 of state, 24 of unit. */
struct elimination_place {
	CACHE_PAIR_ALIGNED atom_u64 word;
};

struct elimination_pool {
	struct treiber_tag_pool shared;
	struct elimination_place place[ELIMINATION_PLACES];
};

struct elimination_thread {
	struct pool_thread base;
	uint32_t random;
	uint32_t places; /* in use, as far as this thread knows; a power of two */
};

ALWAYS_INLINE enum elimination_state elimination_state(uint64_t word)
{
	return (enum elimination_state)(word >> ELIMINATION_STATE_SHIFT & ELIMINATION_STATE_MASK);
}

/* The same tag with another state and unit. */
ALWAYS_INLINE uint64_t elimination_with(uint64_t word, enum elimination_state state, uint32_t unit)
{
	return word >> ELIMINATION_TAG_SHIFT << ELIMINATION_TAG_SHIFT |
	       (uint64_t)state << ELIMINATION_STATE_SHIFT | unit;
}

/* The next tag: somebody comes to wait. */
ALWAYS_INLINE uint64_t elimination_next(uint64_t word, enum elimination_state state, uint32_t unit)
{
	return elimination_with(word + ((uint64_t)1 << ELIMINATION_TAG_SHIFT), state, unit);
}

/* A random place of those in use. */
static COLD atom_u64 *elimination_choose(
	struct elimination_pool *self, struct elimination_thread *mine)
{
	/* Xorshift (Marsaglia 2003). */
	mine->random ^= mine->random << 13;
	mine->random ^= mine->random >> 17;
	mine->random ^= mine->random << 5;
	return &self->place[mine->random & (mine->places - 1)].word;
}

/* Others were at the place: there are too few. Returns false. */
static COLD bool elimination_crowded(struct elimination_thread *mine)
{
	if (mine->places < ELIMINATION_PLACES)
		mine->places *= 2;
	return false;
}

/* Comes to wait at a place that nobody has: *mine is what it holds then. False: it is somebody's. */
static COLD bool elimination_come(
	atom_u64 *place, uint64_t seen, enum elimination_state state, uint32_t unit, uint64_t *mine)
{
	*mine = elimination_next(seen, state, unit);
	return elimination_state(seen) == ELIMINATION_NOBODY &&
	       atom_cas_weak_release(place, &seen, *mine); /* R1, of an offer */
}

/*
 * Waits for an answer to what the caller has left. *word: that, and afterwards what became of it. False: there
 * was none, and it is taken back.
 */
static COLD bool elimination_answered(
	struct elimination_thread *thread, atom_u64 *place, uint64_t *word)
{
	const uint64_t mine = *word;

	for (int look = 0; look < ELIMINATION_LOOKS; look++) {
		*word = atom_load_acquire(place); /* A1, of a gift */
		if (*word != mine)
			return true;
		atom_pause();
	}
	do {
		if (atom_cas_weak_acquire(place, word,
			    elimination_with(mine, ELIMINATION_NOBODY, 0))) { /* A1, likewise */
			if (thread->places > 1)
				thread->places /= 2;
			return false;
		}
	} while (*word == mine);
	return true;
}

/* For a put that has lost its turn. True: a get has the object. */
static COLD bool elimination_meet_get(struct elimination_thread *mine, uint32_t unit)
{
	atom_u64 *place = elimination_choose((struct elimination_pool *)mine->base.pool, mine);
	uint64_t word = atom_load_relaxed(place);

	if (elimination_state(word) == ELIMINATION_WISH)
		return atom_cas_weak_release(place, &word,
			       elimination_with(word, ELIMINATION_GIFT, unit)) || /* R1 */
		       elimination_crowded(mine);
	if (!elimination_come(place, word, ELIMINATION_OFFER, unit, &word))
		return elimination_crowded(mine);
	return elimination_answered(mine, place, &word);
}

/* For a get that has lost its turn: a put's object, or NULL. */
static COLD void *elimination_meet_put(struct elimination_thread *mine)
{
	struct elimination_pool *self = (struct elimination_pool *)mine->base.pool;
	atom_u64 *place = elimination_choose(self, mine);
	uint64_t word = atom_load_relaxed(place);
	bool met;

	if (elimination_state(word) == ELIMINATION_OFFER) {
		met = atom_cas_weak_acquire(place, &word,
			      elimination_with(word, ELIMINATION_NOBODY, 0)) || /* A1, meets R1 */
		      elimination_crowded(mine);
	} else if (elimination_come(place, word, ELIMINATION_WISH, 0, &word)) {
		met = elimination_answered(mine, place, &word);
		if (met) /* a gift, which nobody else touches */
			atom_store_relaxed(place, elimination_with(word, ELIMINATION_NOBODY, 0));
	} else {
		met = elimination_crowded(mine);
	}
	mine->base.paths.steal += met;
	return met ? slab_at(&self->shared.slab, tagged_unit(word)) : NULL;
}

/* Goes on where the first turn was lost: at the array and at the stack in turn. */
static SELDOM void *elimination_take_beside(struct pool *pool, struct pool_thread *thread)
{
	struct elimination_pool *self = (struct elimination_pool *)pool;

	for (;;) {
		void *object = elimination_meet_put((struct elimination_thread *)thread);

		if (object != NULL)
			return object;
		tagged head = tagged_stack_head(&self->shared.stack);
		if (tagged_stack_try_pop(&self->shared.stack, &self->shared.slab, &head, &object,
			    &thread->paths.wait))
			return object;
	}
}

/* A used object, or NULL. */
static inline void *elimination_take(struct pool *pool, struct pool_thread *thread)
{
	struct elimination_pool *self = (struct elimination_pool *)pool;
	tagged head = tagged_stack_head(&self->shared.stack);
	void *object;

	if (likely(tagged_stack_try_pop(
		    &self->shared.stack, &self->shared.slab, &head, &object, &thread->paths.wait)))
		return object;
	return elimination_take_beside(pool, thread);
}

/* As treiber_tag_get, while nobody disturbs it. */
static inline void *elimination_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(elimination_take(pool, thread), pool, thread);
}

/* Likewise. */
static SELDOM void elimination_put_beside(
	struct elimination_pool *self, struct pool_thread *thread, uint32_t unit)
{
	while (!elimination_meet_get((struct elimination_thread *)thread, unit)) {
		tagged head = atom_load_relaxed(&self->shared.stack.head);

		if (tagged_stack_try_push(&self->shared.stack, &self->shared.slab, unit, unit,
			    &head, &thread->paths.wait))
			return;
	}
}

/* As treiber_tag_put, while nobody disturbs it. */
static inline void elimination_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct elimination_pool *self = (struct elimination_pool *)pool;
	uint32_t unit = slab_unit(&self->shared.slab, object);
	tagged head = atom_load_relaxed(&self->shared.stack.head);

	if (unlikely(!tagged_stack_try_push(&self->shared.stack, &self->shared.slab, unit, unit,
		    &head, &thread->paths.wait)))
		elimination_put_beside(self, thread, unit);
}

/* Bursts do not eliminate. */
static inline uint32_t elimination_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return treiber_tag_get_bulk(pool, thread, objs, n);
}

static inline void elimination_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	treiber_tag_put_bulk(pool, thread, objs, n);
}

static COLD int elimination_enter(struct pool *pool, struct pool_thread *thread)
{
	struct elimination_thread *mine = (struct elimination_thread *)thread;

	(void)pool;
	mine->random = (uint32_t)((uintptr_t)mine / CACHE_PAIR_BYTES) | 1; /* never 0 */
	mine->places = 1;
	return 0;
}

static COLD void elimination_walk(struct pool *pool, struct census *census)
{
	struct elimination_pool *self = (struct elimination_pool *)pool;

	for (uint32_t i = 0; i < ELIMINATION_PLACES; i++) {
		uint64_t word = atom_load_relaxed(&self->place[i].word);

		if (elimination_state(word) != ELIMINATION_NOBODY) { /* I2 */
			census_fail(census, "I2: at rest, place %u of the array is in use", i);
			return;
		}
	}
	treiber_tag_walk(pool, census); /* I1 */
}

static const struct pool_parts elimination_parts = {
	.pool_bytes = sizeof(struct elimination_pool),
	.slab_offset = offsetof(struct elimination_pool, shared.slab),
	.links = SLAB_WITH_LINKS,
	.thread_bytes = sizeof(struct elimination_thread),
	.enter = elimination_enter,
	.take = elimination_take,
	.walk = elimination_walk,
};

static const struct pool_ops pool_elimination_ops = {
	.name = "elimination",
	.summary = "one lock-free stack; who loses a turn may meet an opposite call in an array",
	.traits = {.progress = POOL_LOCK_FREE,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(elimination),
};

#endif
