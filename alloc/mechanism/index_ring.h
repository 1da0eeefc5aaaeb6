/*
 * A ring of free units whose head and tail are positions that callers take by fetch-and-add: what the strategies
 * `scq` and `wcq` are made of. scq.h has its source, and departures from that.
 *
 * A ring for n objects (a power of two) has 2n entries {cycle, unit}. A position's cycle counts the laps.
 * An entry is one word, or the second of two: `width` says which, a constant of the strategy. put takes a position
 * from tail and fills its entry if that is of an older cycle and empty, and the position is not gone by; else it takes
 * the next one. get takes a position from head:
 * - an entry of the same cycle is its object;
 * - an older, empty entry is moved to this cycle, so that the put that is late for it goes elsewhere;
 * - an older, full entry is left as it is. gone_by is raised past the position, and a put that is late
 *   for it goes elsewhere, too. The get reads the entry again before it goes.
 *
 * What is exact, for any number of threads. An object rests at position p from the CAS that fills the entry
 * of p until head has passed p.
 * (1) The get that takes position p finds what was put there: either it reads the filled entry, or
 *     its CAS in index_ring_miss moves the entry first, or it has raised gone_by past p before the put
 *     finds the entry empty (S0(b)); then the put at p takes another position. No other get empties it. So an object
 *     whose put has ended rests, or belongs to the call that took its position.
 * (2) index_ring_look answers DRY only after it has read head as h, then tail as t, then the entries of the
 *     positions from h to t, none of them filled, and then h again from head. Whatever rested when
 *     it first read head rested at a position from h on, since head was h; below t, since tail never
 *     falls; and to the end of the look, since head never passed it. The look would have met it. So
 *     at the first reading nothing rested: every free object was in the hands of an unfinished call.
 *
 * R0 the CAS of an entry in put, meets A0, the load of the entry in get: the getter sees what the
 *    last owner wrote into the object.
 * R1 the store that empties an entry, meets A1, the load of the entry in index_ring_look: who sees the entry
 *    emptied finds head past it, and looks again.
 * S0 Positions and entries are sequentially consistent, because two arguments read one word after
 *    writing or reading another:
 *    (a) put takes a position, then fills its entry; get reads head, then tail, then the entries. If
 *        get could read tail from before a put that had ended, it would miss what rests behind.
 *    (b) get raises gone_by, then reads the entry again; put reads the entry, then gone_by. If get
 *        could read the entry from before it was emptied, and put, which found it emptied, gone_by from
 *        before it was raised, get would go by, and put would fill it after all: lost.
 *    On x86-64 and ARMv8 this costs nothing over acquire and release.
 * Relaxed: `dry`, and what a burst reads of head and tail, hints; the second reading of head, which R1
 *    orders where it matters.
 * ABA: an entry repeats only when its 39-bit cycle comes round, after 2^39 x 2n positions: 195 hours
 * at 100 million a second on the smallest ring, during which a thread would have to stop between
 * its load and its CAS. Cycles are compared by the sign of their difference, so wrapping is harmless.
 *
 * I1  Each entry that holds a unit is of the cycle of a position from head up to tail.
 * I2  gone_by <= head <= tail.
 */
#ifndef ALLOC_MECHANISM_INDEX_RING_H
#define ALLOC_MECHANISM_INDEX_RING_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"

#include <errno.h>
#include <inttypes.h>

/* log2 of the least n: the time until a cycle repeats, see ABA. A test may want a ring that goes round. */
#ifndef INDEX_RING_ORDER_MIN
#define INDEX_RING_ORDER_MIN 6
#endif

enum {
	INDEX_RING_CYCLE_SHIFT = 25, /* below it the pending bit and 24 bits of unit */
	/*
	 * Of the entries a line, or of the least ring: neighbours lie on different lines, so that a burst of n touches n. On
	 * one line they made `pair` of two CPUs 1.5 to 1.6 times as slow and `burst` of 32 faster by a fifth
	 * (`nblbench sweep --pool scq,wcq --workload pair,burst --threads 2 --burst 32`, a guest on a Xeon of model 207).
	 */
	INDEX_RING_REMAP_LOG2 = INDEX_RING_ORDER_MIN < 2 ? INDEX_RING_ORDER_MIN + 1 : 3,
};
_Static_assert(INDEX_RING_ORDER_MIN >= 0 && INDEX_RING_ORDER_MIN <= 20, "the least ring");
_Static_assert(INDEX_RING_REMAP_LOG2 >= 0 && INDEX_RING_REMAP_LOG2 <= INDEX_RING_ORDER_MIN + 1,
	"a line fits the ring");

/* Words an entry. */
enum index_ring_width { INDEX_RING_NARROW = 1, INDEX_RING_WIDE = 2 };

typedef uint64_t index_ring_entry;
#define INDEX_RING_NONE \
	(((index_ring_entry)1 << INDEX_RING_CYCLE_SHIFT) - 1) /* in the place of a unit: empty */
#define INDEX_RING_PENDING \
	((index_ring_entry)1 << (INDEX_RING_CYCLE_SHIFT - 1)) /* beside a unit: helped_ring.h */
#define INDEX_RING_CYCLE_MASK (~(index_ring_entry)0 << INDEX_RING_CYCLE_SHIFT)
_Static_assert(TAGGED_UNIT_MAX < INDEX_RING_PENDING, "a unit fits");

struct index_ring {
	void *entries;
	uint32_t order; /* log2 of the 2n entries */
	/*
	 * The next position to empty, and the next one to fill: each is the pair's generation. The pointer is the
	 * strategy's.
	 */
	CACHE_PAIR_ALIGNED atom_pair head;
	CACHE_PAIR_ALIGNED atom_pair tail;
	CACHE_PAIR_ALIGNED atom_u32 dry; /* a hint: 1 after a get that found nothing, until a put */
	/* Past the last position whose get went by since its entry was still full of an older cycle. Seldom changed. */
	atom_u64 gone_by;
};

/* The number of a position's entry. */
ALWAYS_INLINE uint64_t index_ring_number(const struct index_ring *self, uint64_t position)
{
	uint64_t mask = ((uint64_t)1 << self->order) - 1;
	uint64_t lap = position & mask;

	return (lap << INDEX_RING_REMAP_LOG2 | lap >> (self->order - INDEX_RING_REMAP_LOG2)) & mask;
}

ALWAYS_INLINE atom_u64 *index_ring_at(
	const struct index_ring *self, const enum index_ring_width width, uint64_t position)
{
	return &((atom_u64 *)self->entries)[index_ring_number(self, position) * width + width - 1];
}

/* The cycle of a position, where an entry has it. */
ALWAYS_INLINE index_ring_entry index_ring_cycle(const struct index_ring *self, uint64_t position)
{
	return position >> self->order << INDEX_RING_CYCLE_SHIFT;
}

ALWAYS_INLINE bool index_ring_is_older(index_ring_entry entry, index_ring_entry cycle)
{
	return (int64_t)((entry & INDEX_RING_CYCLE_MASK) - cycle) < 0;
}

ALWAYS_INLINE bool index_ring_is_empty(index_ring_entry entry)
{
	return (entry & INDEX_RING_NONE) == INDEX_RING_NONE;
}

/* The unit in a full entry. */
ALWAYS_INLINE uint32_t index_ring_unit(index_ring_entry entry)
{
	return (uint32_t)(entry & TAGGED_UNIT_MAX);
}

/* Takes n positions at an end, head or tail: the first of them. One locked instruction. */
ALWAYS_INLINE uint64_t index_ring_next(atom_pair *end, uint32_t n)
{
	return atom_add_seq_cst(&end->generation, n); /* S0 */
}

/*
 * For a burst: as many of n positions at head as lie below tail when it asks, since each that is taken in vain costs
 * more than one that is filled; none while the ring is known to be dry. *first: the first of them. One locked instruction.
 */
ALWAYS_INLINE uint32_t index_ring_next_run(struct index_ring *self, uint32_t n, uint64_t *first)
{
	const uint64_t head = atom_load_relaxed(&self->head.generation);
	const uint64_t tail = atom_load_relaxed(&self->tail.generation);

	*first = head;
	if (unlikely(tail <= head || atom_load_relaxed(&self->dry) != 0))
		return 0;
	n = tail - head < n ? (uint32_t)(tail - head) : n;
	*first = index_ring_next(&self->head, n);
	return n;
}

/* What a put finds at its position. */
ALWAYS_INLINE index_ring_entry index_ring_read(atom_u64 *slot)
{
	return atom_load_seq_cst(slot); /* S0(b) */
}

/* May it fill that? */
ALWAYS_INLINE bool index_ring_takes(struct index_ring *self, uint64_t tail, index_ring_entry entry)
{
	return index_ring_is_empty(entry) &&
	       likely(atom_load_seq_cst(&self->gone_by) <= tail); /* S0(b) */
}

/* Forgets the hint, after a put. */
ALWAYS_INLINE void index_ring_moisten(struct index_ring *self)
{
	if (unlikely(atom_load_relaxed(&self->dry) != 0))
		atom_store_relaxed(&self->dry, 0);
}

/* Fills a position that the caller has taken. False: it was passed over. One locked instruction, five loads. */
ALWAYS_INLINE bool index_ring_fill(struct index_ring *self, const enum index_ring_width width,
	uint64_t tail, index_ring_entry unit)
{
	index_ring_entry cycle = index_ring_cycle(self, tail);
	atom_u64 *slot = index_ring_at(self, width, tail);
	index_ring_entry entry = index_ring_read(slot);

	while (index_ring_is_older(entry, cycle) && index_ring_takes(self, tail, entry)) {
		if (unlikely(!atom_cas_weak_seq_cst(slot, &entry, cycle | unit))) /* R0, meets A0 */
			continue;
		index_ring_moisten(self);
		return true;
	}
	return false;
}

/* Lifts tail to where getters have run ahead of it, so that the next put is not late. */
static COLD void index_ring_catch_up(struct index_ring *self, uint64_t head)
{
	atom_u64 *last = &self->tail.generation;
	uint64_t tail = atom_load_seq_cst(last);

	while (tail < head && !atom_cas_weak_seq_cst(last, &tail, head))
		;
}

/* A get is about to go by its position: a put that is late for it goes elsewhere from now on. */
static COLD void index_ring_go_by(struct index_ring *self, uint64_t head)
{
	uint64_t end = atom_load_seq_cst(&self->gone_by);

	while (end <= head && !atom_cas_weak_seq_cst(&self->gone_by, &end, head + 1)) /* S0(b) */
		;
}

/* An unfulfilled position: the entry is moved on, or gone by. True: it is of this cycle by now. */
static COLD bool index_ring_miss(struct index_ring *self, uint64_t head, atom_u64 *slot,
	index_ring_entry *entry, index_ring_entry cycle)
{
	while (index_ring_is_older(*entry, cycle)) {
		const index_ring_entry seen = *entry;

		if (index_ring_is_empty(seen)) {
			if (atom_cas_weak_seq_cst(slot, entry, cycle | INDEX_RING_NONE))
				break; /* *entry is still the older one */
			continue;
		}
		index_ring_go_by(self, head);
		*entry = atom_load_seq_cst(slot); /* A0, meets R0; S0(b) */
		if (*entry == seen)
			break;
	}
	if ((*entry & INDEX_RING_CYCLE_MASK) == cycle)
		return true;
	index_ring_catch_up(self, head + 1);
	return false;
}

/*
 * What lies at a position that the caller has taken. False: nothing was put there, or will be. Three
 * loads.
 */
ALWAYS_INLINE bool index_ring_find(struct index_ring *self, const enum index_ring_width width,
	uint64_t head, atom_u64 **slot, index_ring_entry *entry)
{
	index_ring_entry cycle = index_ring_cycle(self, head);

	*slot = index_ring_at(self, width, head);
	*entry = atom_load_seq_cst(*slot); /* A0, meets R0; S0(b) */
	if (unlikely((*entry & INDEX_RING_CYCLE_MASK) != cycle))
		return index_ring_miss(self, head, *slot, entry, cycle);
	return true;
}

/* Takes out what was found. No locked instruction: nobody else writes to a full entry. */
ALWAYS_INLINE uint32_t index_ring_empty(atom_u64 *slot, index_ring_entry entry)
{
	INVARIANT(1, !index_ring_is_empty(entry));
	atom_store_release(slot, entry | INDEX_RING_NONE); /* R1, meets A1 */
	return index_ring_unit(entry);
}

/* What a look found: RESTS, an object; DRY: at a moment within the look none rested; MOVED: others go on, look again. */
enum index_ring_look { INDEX_RING_DRY, INDEX_RING_RESTS, INDEX_RING_MOVED };

static COLD enum index_ring_look index_ring_look(
	struct index_ring *self, const enum index_ring_width width)
{
	uint64_t head = atom_load_seq_cst(&self->head.generation); /* S0(a) */
	uint64_t tail = atom_load_seq_cst(&self->tail.generation); /* S0(a) */

	/* One lap at most: an entry of a later cycle holds what was put a lap further on. */
	for (uint64_t at = head; at < tail && (at - head) >> self->order == 0; at++) {
		index_ring_entry entry =
			atom_load_seq_cst(index_ring_at(self, width, at)); /* A1; S0(a) */

		if (!index_ring_is_empty(entry) &&
			!index_ring_is_older(entry, index_ring_cycle(self, at)))
			return INDEX_RING_RESTS;
	}
	return atom_load_relaxed(&self->head.generation) == head ? INDEX_RING_DRY
								 : INDEX_RING_MOVED;
}

/* A search has found nothing. */
ALWAYS_INLINE void index_ring_dry(struct index_ring *self)
{
	if (atom_load_relaxed(&self->dry) == 0)
		atom_store_relaxed(&self->dry, 1);
}

/* Empties the ring and sets both positions to a multiple of 2n, not 0: its cycle has a past. */
static COLD void index_ring_start(
	struct index_ring *self, const enum index_ring_width width, uint64_t position)
{
	const uint64_t entries = (uint64_t)1 << self->order;
	const index_ring_entry past = index_ring_cycle(self, position - entries);

	for (uint64_t i = 0; i < entries; i++)
		atom_init(index_ring_at(self, width, i), past | INDEX_RING_NONE);
	atom_init(&self->head.generation, position);
	atom_init(&self->tail.generation, position);
	atom_init(&self->dry, 1);
	atom_init(&self->gone_by, position);
}

static size_t index_ring_bytes(const struct index_ring *self, const enum index_ring_width width)
{
	return sizeof(atom_u64) * width << self->order;
}

/* An empty ring for as many objects, in zeroed memory. 0 or -ENOMEM. */
static COLD int index_ring_init(
	struct index_ring *self, const enum index_ring_width width, uint32_t capacity)
{
	self->order = INDEX_RING_ORDER_MIN + 1;
	while ((uint64_t)1 << self->order < (uint64_t)capacity * 2)
		self->order++;
	self->entries = memory_map(index_ring_bytes(self, width), MEMORY_PAGES_ORDINARY);
	if (self->entries == NULL)
		return -ENOMEM;
	index_ring_start(self, width, (uint64_t)1 << self->order);
	return 0;
}

static COLD void index_ring_fini(struct index_ring *self, const enum index_ring_width width)
{
	memory_unmap(self->entries, index_ring_bytes(self, width), MEMORY_PAGES_ORDINARY);
}

/* For the strategy's walk: I1, I2. */
static COLD void index_ring_walk(struct index_ring *self, const enum index_ring_width width,
	const struct slab *slab, struct census *census)
{
	const uint64_t head = atom_load_relaxed(&self->head.generation);
	const uint64_t tail = atom_load_relaxed(&self->tail.generation);

	const uint64_t gone_by = atom_load_relaxed(&self->gone_by);

	if (gone_by > head || head > tail) {
		census_fail(census,
			"I2: what was gone by ends at %" PRIu64 ", head is %" PRIu64
			", tail %" PRIu64,
			gone_by, head, tail);
		return;
	}
	/* One lap from head on; an entry may also belong to the same place of a later lap. */
	for (uint64_t first = head; (first - head) >> self->order == 0; first++) {
		index_ring_entry entry = atom_load_relaxed(index_ring_at(self, width, first));
		uint64_t laps = ((entry & INDEX_RING_CYCLE_MASK) - index_ring_cycle(self, first)) >>
				INDEX_RING_CYCLE_SHIFT;

		if (index_ring_is_empty(entry))
			continue;
		if (first + (laps << self->order) >= tail) {
			census_fail(
				census, "I1: entry %#" PRIx64 " is of no position in use", entry);
			return;
		}
		if (!census_mark(census, slab_at(slab, index_ring_unit(entry)), "the ring"))
			return;
	}
}

#endif
