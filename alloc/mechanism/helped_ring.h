/*
 * Pools whose free units are in a ring (index_ring.h) in which no caller can be overtaken for ever: who has taken some positions in vain
 * leaves a request in a record of its own, and all others, who look at one record every few calls, work on it until it is
 * done. For `wcq`, which has the source and the proof.
 *
 * A request has one position at a time, the same for all that work on it (turns.h). All must come to the same end there:
 * - A get's position holds its unit, if one was put there, until the owner of the request takes it out. If none was, the
 *   entry is moved on or the position gone by, as in scq, after which none can be put there.
 * - A put's entry is filled, or its note is set to the position, by one compare-and-swap of both words: late helpers find it
 *   filled, or may not fill it any more. A filled entry is `pending`: whoever takes it out first tells the request that it is
 *   done. So a helper that finds the entry of its position emptied finds the request done as well.
 * A request for a get ends as well when a look finds that nothing rests, at a moment within its call.
 *
 * A0, R0 and S0 are those of index_ring.h. A pair's compare-and-swap is a full barrier.
 * R2 the store of a request's first position, meets A0 of turns.h: whoever works at a position finds that the request
 *    before is gone, and what a putter wrote into its object.
 * The orders of the words of positions are those of turns.h: whoever finds a last position finds the entry as it was.
 * Relaxed: a request, since its word is at its last position from before, where nobody works, until R2; a note, which the
 *    compare-and-swap of both words vouches for; the words that helped_ring_tell compares, since who filled the
 *    entry had the position from its word.
 * ABA: cycles, positions: index_ring.h, turns.h. A request's number has 39 bits, of what one record asks.
 *
 * I1, I2 as in index_ring.h.  I3  A quiet ring's records hold no request.
 */
#ifndef ALLOC_MECHANISM_HELPED_RING_H
#define ALLOC_MECHANISM_HELPED_RING_H

#include "alloc/mechanism/index_ring.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/places.h"
#include "alloc/mechanism/turns.h"

/* Calls between two visits to a record: the paper's. */
#ifndef HELPED_RING_DELAY
#define HELPED_RING_DELAY 16
#endif
_Static_assert(HELPED_RING_DELAY >= 1, "calls come to an end");

/* A request: its number, and below it the unit to put, HELPED_RING_GET, or 0 for none. */
enum { HELPED_RING_NUMBER_SHIFT = TAGGED_UNIT_BITS + 1 };
#define HELPED_RING_GET  (UINT64_C(1) << TAGGED_UNIT_BITS)
#define HELPED_RING_WHAT (HELPED_RING_GET | TAGGED_UNIT_MAX)

struct helped_record {
	atom_u64 request;
	atom_u64 put, get; /* where the request is: words of turns.h */
} CACHE_PAIR_ALIGNED;

/* The pool. */
struct helped_ring {
	struct pool base;
	struct index_ring ring; /* its entries are pairs: the note is the pointer */
	CACHE_PAIR_ALIGNED struct slab slab;
	struct places records;
};

/* A thread's state. */
struct helped_thread {
	struct pool_thread base;
	struct helped_record *record;
	uint32_t calls;  /* until it visits a record */
	uint32_t visits; /* the number of that record */
};

/* The entry of a position was filled for a request, which may not know it. */
static COLD void helped_ring_tell(struct helped_ring *self, uint64_t head)
{
	for (uint32_t i = 0; i < places_used(&self->records); i++) {
		struct helped_record *record = places_at(&self->records, i);
		uint64_t turn = turn_at(head);

		if (atom_load_relaxed(&record->put) == turn) {
			turn_change(&record->put, &turn, turn | TURN_LAST);
			return;
		}
	}
}

/* What was found at a position is taken out. One locked instruction. */
ALWAYS_INLINE uint32_t helped_ring_empty(
	struct helped_ring *self, uint64_t head, atom_u64 *slot, index_ring_entry entry)
{
	if (unlikely(entry & INDEX_RING_PENDING))
		helped_ring_tell(self, head);
	return index_ring_empty(slot, entry);
}

/* What was put at a position that the caller alone has taken. 0: nothing was. */
ALWAYS_INLINE uint32_t helped_ring_arrive(struct helped_ring *self, uint64_t head)
{
	atom_u64 *slot;
	index_ring_entry entry;

	if (unlikely(!index_ring_find(&self->ring, INDEX_RING_WIDE, head, &slot, &entry)))
		return 0;
	return helped_ring_empty(self, head, slot, entry);
}

/* A visit: looks at the next record, and works on what stands there. */
static COLD void helped_ring_help(struct helped_ring *self, struct helped_thread *mine);

/* Begins a call. */
ALWAYS_INLINE void helped_ring_begin(struct helped_ring *self, struct pool_thread *thread)
{
	struct helped_thread *mine = (struct helped_thread *)thread;

	if (unlikely(--mine->calls == 0))
		helped_ring_help(self, mine);
}

/*
 * Works on a put at its settled position. True: that was its last one. False: it is not, or *turn is where the request
 * is by now.
 */
static COLD bool helped_ring_put_at(
	struct helped_ring *self, struct helped_record *record, uint64_t *turn, uint32_t unit)
{
	struct index_ring *ring = &self->ring;
	const uint64_t tail = turn_position(*turn);
	const index_ring_entry cycle = index_ring_cycle(ring, tail);
	const index_ring_entry filled = cycle | INDEX_RING_PENDING | unit;
	atom_pair *slot = (atom_pair *)ring->entries + index_ring_number(ring, tail);

	for (;;) {
		struct pair met = {.generation = index_ring_read(&slot->generation)};
		met.pointer = atom_load_relaxed(&slot->pointer);
		if ((met.generation & INDEX_RING_CYCLE_MASK) == cycle &&
			!index_ring_is_empty(met.generation))
			break;
		if (!index_ring_is_older(met.generation, cycle) || (uintptr_t)met.pointer >= tail)
			return false;
		const bool fills = index_ring_takes(ring, tail, met.generation);
		struct pair next = fills ? (struct pair){met.pointer, filled}
					 : (struct pair){(void *)(uintptr_t)tail, met.generation};
		atom_tsan_release(&slot->generation);  /* who reads the half alone */
		if (atom_pair_cas(slot, &met, next)) { /* R0, meets A0; S0(b) */
			if (!fills)
				return false;
			break;
		}
	}
	return turn_change(&record->put, turn, *turn | TURN_LAST);
}

/* The same of a get. False, and *turn as it was: an object rests further on. */
static COLD bool helped_ring_get_at(
	struct helped_ring *self, struct helped_record *record, uint64_t *turn)
{
	struct index_ring *ring = &self->ring;
	atom_u64 *slot;
	index_ring_entry entry;

	if (!index_ring_find(ring, INDEX_RING_WIDE, turn_position(*turn), &slot, &entry) ||
		index_ring_is_empty(entry)) {
		enum index_ring_look look = index_ring_look(ring, INDEX_RING_WIDE);

		while (look == INDEX_RING_MOVED) {
			uint64_t now = turn_load(&record->get);

			if (now != *turn) {
				*turn = now;
				return false;
			}
			look = index_ring_look(ring, INDEX_RING_WIDE);
		}
		if (look == INDEX_RING_RESTS)
			return false;
	}
	return turn_change(&record->get, turn, *turn | TURN_LAST);
}

/* Works on a request until it is done. */
static COLD void helped_ring_serve(
	struct helped_ring *self, struct helped_record *record, uint64_t request)
{
	const bool gets = request & HELPED_RING_GET;
	atom_pair *counter = gets ? &self->ring.head : &self->ring.tail;
	atom_u64 *word = gets ? &record->get : &record->put;
	uint64_t turn = turn_load(word);

	while (!turn_is_over(turn) && atom_load_relaxed(&record->request) == request) {
		const uint64_t seen = turn;

		if (turn_is_settled(turn) &&
			(gets ? helped_ring_get_at(self, record, &turn)
			      : helped_ring_put_at(self, record, &turn, index_ring_unit(request))))
			return;
		if (turn == seen)
			turn_next(counter, word, &turn);
	}
}

static COLD void helped_ring_help(struct helped_ring *self, struct helped_thread *mine)
{
	const uint32_t at = mine->visits < places_used(&self->records) ? mine->visits : 0;
	struct helped_record *record = places_at(&self->records, at);
	uint64_t request = atom_load_relaxed(&record->request);

	mine->visits = at + 1;
	mine->calls = HELPED_RING_DELAY;
	if (unlikely(request & HELPED_RING_WHAT))
		helped_ring_serve(self, record, request);
}

/*
 * Takes a position for what is asked for, and has it worked on until it is done. The request's last position. Whoever
 * interrupts this thread finds the request from before the position was taken until after the last one was read.
 */
static COLD uint64_t helped_ring_ask(
	struct helped_ring *self, struct helped_thread *mine, uint64_t what)
{
	const bool gets = what == HELPED_RING_GET;
	struct helped_record *record = mine->record;
	atom_u64 *word = gets ? &record->get : &record->put;
	const uint64_t begins = UINT64_C(1) << HELPED_RING_NUMBER_SHIFT | what;
	const uint64_t request = atom_add_relaxed(&record->request, begins) + begins;
	const uint64_t first = index_ring_next(gets ? &self->ring.head : &self->ring.tail, 1);

	atom_store_release(word, turn_at(first)); /* R2, meets A0 of turns.h */
	helped_ring_serve(self, record, request);
	const uint64_t last = turn_position(turn_load(word));
	atom_store_relaxed(&record->request, request & ~HELPED_RING_WHAT);
	return last;
}

/* The caller was interrupted in a request: its record is not to be had. */
static COLD bool helped_ring_asks(const struct helped_thread *mine)
{
	return atom_load_relaxed(&mine->record->request) & HELPED_RING_WHAT;
}

/* The end of a request for a get: what lies at its last position. */
static COLD uint32_t helped_ring_collect(struct helped_ring *self, uint64_t head)
{
	atom_u64 *slot;
	index_ring_entry entry;

	if (!index_ring_find(&self->ring, INDEX_RING_WIDE, head, &slot, &entry) ||
		index_ring_is_empty(entry))
		return 0;
	return helped_ring_empty(self, head, slot, entry);
}

/* The parts (life_cycle.h). */
static COLD int helped_ring_init(struct pool *pool)
{
	struct helped_ring *self = (struct helped_ring *)pool;
	int rc = places_init(&self->records, sizeof(struct helped_record));

	if (rc != 0)
		return rc;
	rc = index_ring_init(&self->ring, INDEX_RING_WIDE, pool->config.capacity);
	if (rc != 0)
		places_fini(&self->records);
	return rc;
}

static COLD void helped_ring_fini(struct pool *pool)
{
	struct helped_ring *self = (struct helped_ring *)pool;

	index_ring_fini(&self->ring, INDEX_RING_WIDE);
	places_fini(&self->records);
}

static COLD int helped_ring_enter(struct pool *pool, struct pool_thread *thread)
{
	struct helped_thread *mine = (struct helped_thread *)thread;

	mine->calls = HELPED_RING_DELAY;
	mine->record = places_take(&((struct helped_ring *)pool)->records);
	return mine->record != NULL ? 0 : -ENOMEM;
}

static COLD void helped_ring_leave(struct pool *pool, struct pool_thread *thread)
{
	places_leave(
		&((struct helped_ring *)pool)->records, ((struct helped_thread *)thread)->record);
}

/* I1 to I3. */
static COLD void helped_ring_walk(struct pool *pool, struct census *census)
{
	struct helped_ring *self = (struct helped_ring *)pool;

	for (uint32_t i = 0; i < places_used(&self->records); i++) {
		struct helped_record *record = places_at(&self->records, i);

		if (atom_load_relaxed(&record->request) & HELPED_RING_WHAT) {
			census_fail(census, "I3: a request of a quiet pool is not done");
			return;
		}
	}
	index_ring_walk(&self->ring, INDEX_RING_WIDE, &self->slab, census);
}

#endif
