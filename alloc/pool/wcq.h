/*
 * wcq: scq's ring in which no thread can be overtaken for ever. Who has taken a few positions in vain leaves a request in
 * a record of its own; every thread looks at one other record every few calls, and works on what stands there until
 * it is done. What wait-freedom costs is the row beside scq's: a countdown in each call, entries of 16 bytes, a test of what a
 * get finds.
 *
 * Source: R. Nikolaev and B. Ravindran, "wCQ: A Fast Wait-Free Queue with Bounded Memory Usage", SPAA 2022,
 * figures 5 to 8, with the ring of free units alone. Departures: those of scq.h, a look in place of the threshold
 * among them, so that an answer of NULL does not depend on the number of threads; turns.h, whose pair names the request's word and
 * no second record; an entry that was filled for a request stays marked until it is emptied, where the paper takes the mark away
 * when it can; one word names a request and its kind.
 *
 * A request has one position at a time, the same for all that work on it (turns.h). All must come to the same end there:
 * - A get's position holds its object, if one was put there, until the owner of the request takes it out. If none was, the
 *   entry is moved on or marked unsafe, as in scq, after which none can be put there.
 * - A put's entry is filled, or its note is set to the position, by one compare-and-swap of both words: late helpers find it
 *   filled, or may not fill it any more. A filled entry is `pending`: whoever takes it out first tells the request that it is
 *   done. So a helper that finds the entry of its position emptied finds the request done as well.
 * A request for a get ends as well when a look finds that nothing rests, as scq's (2), at a moment within its call.
 *
 * Wait-free, for any number of threads that are attached: 65,535 at most, the places of a table. Suppose that a call
 * takes steps for ever. What it does by itself is bounded: WCQ_PATIENCE positions, on each a few compare-and-swaps that fail because an
 * entry of 2n changed once in its lap, and laps are taken by others' positions, bounded as well. So its request stands.
 * Every thread that goes on making calls comes to its record and stays with it. From then on all
 * positions are taken by requests that never end, and nobody adds to head or tail but for them. A put among them that fills an entry
 * ends; so entries are filled finitely often. A get takes a position only after it saw an object that rests, so head stands still once it
 * has passed the last of them; then its look finds nothing, and it ends. With head at rest a put finds room among the next 2n
 * positions, as in scq. So a call's own steps are bounded by what the threads do between two visits to a record: some WCQ_DELAY calls a
 * record, times the records, times the ring. pool_grow adds one CAS for each object that others carve, of which there are finitely
 * many. On machines whose CAS can fail for no reason the bound is the machine's.
 *
 * Signal handlers may use it. One that interrupts its thread in a request has no record, and goes on as scq does: lock-free.
 * Exact for any number of threads, as scq. FIFO.
 *
 *	          get                          put
 *	get       fetch-and-add of head, or    cycle and safe of an entry
 *	          a turn at it
 *	put                                    fetch-and-add of tail, or a turn at it
 *
 * R0, R1, A0, A1, S0 as in scq.h. A pair's compare-and-swap is a full barrier.
 * R2 the store of a request's first position, meets A0 of turns.h: whoever works at a position finds that the request
 *    before is gone, and what a putter wrote into its object.
 * The orders of the words of positions are those of turns.h: whoever finds a last position finds the entry as it was.
 * Relaxed: a request, since its word is at its last position from before, where nobody works, until R2; a note, which the
 *    compare-and-swap of both words vouches for; the words that wcq_tell compares, since who filled the
 *    entry had the position from its word.
 * ABA: cycles, positions: scq.h, turns.h. A request's number has 39 bits, of what one record asks.
 *
 * I1, I2 as in scq.h.  I3  A quiet pool's records hold no request.
 */
#ifndef ALLOC_POOL_WCQ_H
#define ALLOC_POOL_WCQ_H

#include "alloc/mechanism/index_ring.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/places.h"
#include "alloc/mechanism/turns.h"

/* Positions that a call takes before it asks: the paper's put. 0: it asks at once, and 1 no less often than a get finds nothing. */
#ifndef WCQ_PATIENCE
#define WCQ_PATIENCE 16
#endif
/* Calls between two visits to a record: the paper's. */
#ifndef WCQ_DELAY
#define WCQ_DELAY 16
#endif
_Static_assert(WCQ_PATIENCE >= 0 && WCQ_DELAY >= 1, "calls come to an end");

/* A request: its number, and below it the unit to put, WCQ_GET, or 0 for none. */
enum { WCQ_NUMBER_SHIFT = TAGGED_UNIT_BITS + 1 };
#define WCQ_GET  (UINT64_C(1) << TAGGED_UNIT_BITS)
#define WCQ_WHAT (WCQ_GET | TAGGED_UNIT_MAX)

struct wcq_record {
	atom_u64 request;
	atom_u64 put, get; /* where the request is: words of turns.h */
} CACHE_PAIR_ALIGNED;

struct wcq_pool {
	struct pool base;
	struct index_ring ring; /* its entries are pairs: the note is the pointer */
	CACHE_PAIR_ALIGNED struct slab slab;
	struct places records;
};

struct wcq_thread {
	struct pool_thread base;
	struct wcq_record *record;
	uint32_t calls;  /* until it visits a record */
	uint32_t visits; /* the number of that record */
};

/* A visit. */
static COLD void wcq_help(struct wcq_pool *self, struct wcq_thread *mine);

ALWAYS_INLINE void wcq_enter_call(struct wcq_pool *self, struct pool_thread *thread)
{
	struct wcq_thread *mine = (struct wcq_thread *)thread;

	if (unlikely(--mine->calls == 0))
		wcq_help(self, mine);
}

/* The entry of a position was filled for a request, which may not know it. */
static COLD void wcq_tell(struct wcq_pool *self, uint64_t head)
{
	for (uint32_t i = 0; i < places_used(&self->records); i++) {
		struct wcq_record *record = places_at(&self->records, i);
		uint64_t turn = turn_at(head);

		if (atom_load_relaxed(&record->put) == turn) {
			turn_change(&record->put, &turn, turn | TURN_LAST);
			return;
		}
	}
}

/* What was found at a position is taken out. One locked instruction. */
ALWAYS_INLINE uint32_t wcq_empty(
	struct wcq_pool *self, uint64_t head, atom_u64 *slot, index_ring_entry entry)
{
	if (unlikely(entry & INDEX_RING_PENDING))
		wcq_tell(self, head);
	return index_ring_empty(slot, entry);
}

/* What was put at a position that the caller alone has taken. 0: nothing was. */
ALWAYS_INLINE uint32_t wcq_arrive(struct wcq_pool *self, uint64_t head)
{
	atom_u64 *slot;
	index_ring_entry entry;

	if (unlikely(!index_ring_find(&self->ring, INDEX_RING_WIDE, head, &slot, &entry)))
		return 0;
	return wcq_empty(self, head, slot, entry);
}

/* Looks before it takes a position, and asks in the end. 0: nothing is in the ring. */
static COLD uint32_t wcq_search(struct wcq_pool *self, struct pool_thread *thread);

/* A store to the handle, three loads of it, and what scq_get does. */
static inline void *wcq_get(struct pool *pool, struct pool_thread *thread)
{
	struct wcq_pool *self = (struct wcq_pool *)pool;
	uint32_t unit = 0;

	wcq_enter_call(self, thread);
	if (WCQ_PATIENCE > 0 && likely(atom_load_relaxed(&self->ring.dry) == 0))
		unit = wcq_arrive(self, index_ring_next(&self->ring.head, 1));
	if (unlikely(unit == 0))
		unit = wcq_search(self, thread);
	return likely(unit != 0) ? slab_at(&self->slab, unit) : pool_grow(pool, thread);
}

/* A put that has taken a position in vain. */
static COLD void wcq_insist(struct wcq_pool *self, struct pool_thread *thread, uint32_t unit);

/* Two locked instructions, five loads. */
ALWAYS_INLINE void wcq_insert(struct wcq_pool *self, struct pool_thread *thread, uint32_t unit)
{
	if (WCQ_PATIENCE == 0 || unlikely(!index_ring_fill(&self->ring, INDEX_RING_WIDE,
					 index_ring_next(&self->ring.tail, 1), unit)))
		wcq_insist(self, thread, unit);
}

/* A store to the handle, three loads of it, and what scq_put does. */
static inline void wcq_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct wcq_pool *self = (struct wcq_pool *)pool;

	wcq_enter_call(self, thread);
	wcq_insert(self, thread, slab_unit(&self->slab, object));
}

/* n + 1 locked instructions while the ring has n. */
static inline uint32_t wcq_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct wcq_pool *self = (struct wcq_pool *)pool;
	uint64_t head = atom_load_relaxed(&self->ring.head.generation),
		 tail = atom_load_relaxed(&self->ring.tail.generation);
	uint32_t run = tail - head < n ? (uint32_t)(tail - head) : n, got = 0;

	wcq_enter_call(self, thread);
	if (likely(tail > head && atom_load_relaxed(&self->ring.dry) == 0)) {
		head = index_ring_next(&self->ring.head, run);
		for (uint64_t last = head + run; head < last; head++) {
			uint32_t unit = wcq_arrive(self, head);

			if (likely(unit != 0))
				objs[got++] = slab_at(&self->slab, unit);
		}
	}
	return got + pool_get_each(wcq_get, pool, thread, objs + got, n - got);
}

/* n + 1 locked instructions. */
static inline void wcq_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct wcq_pool *self = (struct wcq_pool *)pool;
	uint32_t put = 0;

	wcq_enter_call(self, thread);
	uint64_t tail = index_ring_next(&self->ring.tail, n);
	for (uint64_t last = tail + n; tail < last; tail++)
		put += index_ring_fill(
			&self->ring, INDEX_RING_WIDE, tail, slab_unit(&self->slab, objs[put]));
	for (; unlikely(put < n); put++) {
		thread->paths.wait++;
		wcq_insert(self, thread, slab_unit(&self->slab, objs[put]));
	}
}

/*
 * Works on a put at its settled position. True: that was its last one. False: it is not, or *turn is where the request
 * is by now.
 */
static COLD bool wcq_put_at(
	struct wcq_pool *self, struct wcq_record *record, uint64_t *turn, uint32_t unit)
{
	struct index_ring *ring = &self->ring;
	const uint64_t tail = turn_position(*turn);
	const index_ring_entry cycle = index_ring_cycle(ring, tail);
	const index_ring_entry filled = cycle | INDEX_RING_SAFE | INDEX_RING_PENDING | unit;
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
static COLD bool wcq_get_at(struct wcq_pool *self, struct wcq_record *record, uint64_t *turn)
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
static COLD void wcq_serve(struct wcq_pool *self, struct wcq_record *record, uint64_t request)
{
	const bool gets = request & WCQ_GET;
	atom_pair *counter = gets ? &self->ring.head : &self->ring.tail;
	atom_u64 *word = gets ? &record->get : &record->put;
	uint64_t turn = turn_load(word);

	while (!turn_is_over(turn) && atom_load_relaxed(&record->request) == request) {
		const uint64_t seen = turn;

		if (turn_is_settled(turn) &&
			(gets ? wcq_get_at(self, record, &turn)
			      : wcq_put_at(self, record, &turn, index_ring_unit(request))))
			return;
		if (turn == seen)
			turn_next(counter, word, &turn);
	}
}

static COLD void wcq_help(struct wcq_pool *self, struct wcq_thread *mine)
{
	const uint32_t at = mine->visits < places_used(&self->records) ? mine->visits : 0;
	struct wcq_record *record = places_at(&self->records, at);
	uint64_t request = atom_load_relaxed(&record->request);

	mine->visits = at + 1;
	mine->calls = WCQ_DELAY;
	if (unlikely(request & WCQ_WHAT))
		wcq_serve(self, record, request);
}

/*
 * Takes a position for what is asked for, and has it worked on until it is done. The request's last position. Whoever
 * interrupts this thread finds the request from before the position was taken until after the last one was read.
 */
static COLD uint64_t wcq_ask(struct wcq_pool *self, struct wcq_thread *mine, uint64_t what)
{
	const bool gets = what == WCQ_GET;
	struct wcq_record *record = mine->record;
	atom_u64 *word = gets ? &record->get : &record->put;
	const uint64_t begins = UINT64_C(1) << WCQ_NUMBER_SHIFT | what;
	const uint64_t request = atom_add_relaxed(&record->request, begins) + begins;
	const uint64_t first = index_ring_next(gets ? &self->ring.head : &self->ring.tail, 1);

	atom_store_release(word, turn_at(first)); /* R2, meets A0 of turns.h */
	wcq_serve(self, record, request);
	const uint64_t last = turn_position(turn_load(word));
	atom_store_relaxed(&record->request, request & ~WCQ_WHAT);
	return last;
}

/* The caller was interrupted in a request: its record is not to be had. */
static COLD bool wcq_asks(const struct wcq_thread *mine)
{
	return atom_load_relaxed(&mine->record->request) & WCQ_WHAT;
}

static COLD void wcq_insist(struct wcq_pool *self, struct pool_thread *thread, uint32_t unit)
{
	struct wcq_thread *mine = (struct wcq_thread *)thread;

	thread->paths.wait++;
	for (uint32_t left = WCQ_PATIENCE; left > 1 || wcq_asks(mine); left--) {
		if (index_ring_fill(&self->ring, INDEX_RING_WIDE,
			    index_ring_next(&self->ring.tail, 1), unit))
			return;
		thread->paths.wait++;
	}
	wcq_ask(self, mine, unit);
	index_ring_moisten(&self->ring);
}

/* The end of a request for a get: what lies at its last position. */
static COLD uint32_t wcq_collect(struct wcq_pool *self, uint64_t head)
{
	atom_u64 *slot;
	index_ring_entry entry;

	if (!index_ring_find(&self->ring, INDEX_RING_WIDE, head, &slot, &entry) ||
		index_ring_is_empty(entry))
		return 0;
	return wcq_empty(self, head, slot, entry);
}

static COLD uint32_t wcq_search(struct wcq_pool *self, struct pool_thread *thread)
{
	struct wcq_thread *mine = (struct wcq_thread *)thread;
	enum index_ring_look look;
	uint32_t unit = 0;

	for (uint32_t left = WCQ_PATIENCE; unit == 0; left--) {
		const bool patient = left > 1 || wcq_asks(mine);

		look = index_ring_look(&self->ring, INDEX_RING_WIDE);
		if (look == INDEX_RING_DRY)
			break;
		if (look == INDEX_RING_MOVED && patient)
			continue;
		if (!patient) {
			unit = wcq_collect(self, wcq_ask(self, mine, WCQ_GET));
			break;
		}
		unit = wcq_arrive(self, index_ring_next(&self->ring.head, 1));
		thread->paths.wait += unit == 0;
	}
	if (unit == 0)
		index_ring_dry(&self->ring);
	return unit;
}

/* The second look of pool_grow. */
static COLD void *wcq_take_again(struct pool *pool, struct pool_thread *thread)
{
	struct wcq_pool *self = (struct wcq_pool *)pool;
	uint32_t unit = wcq_search(self, thread);

	return unit != 0 ? slab_at(&self->slab, unit) : NULL;
}

static COLD int wcq_init(struct pool *pool)
{
	struct wcq_pool *self = (struct wcq_pool *)pool;
	int rc = places_init(&self->records, sizeof(struct wcq_record));

	if (rc != 0)
		return rc;
	rc = index_ring_init(&self->ring, INDEX_RING_WIDE, pool->config.capacity);
	if (rc != 0)
		places_fini(&self->records);
	return rc;
}

static COLD void wcq_fini(struct pool *pool)
{
	struct wcq_pool *self = (struct wcq_pool *)pool;

	index_ring_fini(&self->ring, INDEX_RING_WIDE);
	places_fini(&self->records);
}

static COLD int wcq_enter(struct pool *pool, struct pool_thread *thread)
{
	struct wcq_thread *mine = (struct wcq_thread *)thread;

	mine->calls = WCQ_DELAY;
	mine->record = places_take(&((struct wcq_pool *)pool)->records);
	return mine->record != NULL ? 0 : -ENOMEM;
}

static COLD void wcq_leave(struct pool *pool, struct pool_thread *thread)
{
	places_leave(&((struct wcq_pool *)pool)->records, ((struct wcq_thread *)thread)->record);
}

static COLD void wcq_walk(struct pool *pool, struct census *census)
{
	struct wcq_pool *self = (struct wcq_pool *)pool;

	for (uint32_t i = 0; i < places_used(&self->records); i++) {
		struct wcq_record *record = places_at(&self->records, i);

		if (atom_load_relaxed(&record->request) & WCQ_WHAT) {
			census_fail(census, "I3: a request of a quiet pool is not done");
			return;
		}
	}
	index_ring_walk(&self->ring, INDEX_RING_WIDE, &self->slab, census);
}

static const struct pool_parts wcq_parts = {
	POOL_WITH_SLAB(struct wcq_pool, SLAB_WITHOUT_LINKS),
	.thread_bytes = sizeof(struct wcq_thread),
	.init = wcq_init,
	.fini = wcq_fini,
	.enter = wcq_enter,
	.leave = wcq_leave,
	.take = wcq_take_again,
	.walk = wcq_walk,
};

static const struct pool_ops pool_wcq_ops = {
	.name = "wcq",
	.summary = "scq's ring, wait-free: who is overtaken too often is helped by all",
	.traits = {.progress = POOL_WAIT_FREE,
		.bounded = true,
		.needs_cx16 = true,
		.exact = true,
		.fifo = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_cx16,
	POOL_HOOKS(wcq),
};

#endif
