/*
 * A bounded ring from one producer to one consumer: how workloads hand objects from the thread that
 * gets them to the thread that puts them. It is part of what those workloads cost, the same for
 * every strategy; the `null` row shows how much.
 *
 * Lamport's ring ("Specifying concurrent program modules", TOPLAS 1983) with two additions of
 * today's packet rings: each side keeps the other's position as it last saw it, and looks again
 * only when that no longer suffices; and both move objects in bulk, with one store to the shared
 * position. Neither side ever waits.
 *
 *	          push                    pop
 *	push      one producer only       none needed, a stale position is allowed
 *	pop                               one consumer only
 *
 * R0 in push, meets A0 in pop: the consumer that sees tail advanced sees the slots below it and
 * what
 *    the producer wrote into the objects.
 * R1 in pop, meets A1 in push: the producer that sees head advanced overwrites only slots that were
 *    read before.
 * A side's own position is loaded relaxed: nobody else writes it.
 *
 * Positions count for ever and wrap with the 32 bits of their type; their difference stays below
 * 2^32, because it is at most SPSC_RING_OBJECTS.
 *
 * I1  tail - head is the number of objects in the ring, 0..SPSC_RING_OBJECTS.
 */
#ifndef BENCH_WORKLOAD_SPSC_RING_H
#define BENCH_WORKLOAD_SPSC_RING_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "alloc/machine/copy.h"

/* The ring between two stages of DPDK's test-mempool-perf pipeline, so that figures line up. */
enum { SPSC_RING_OBJECTS = 1024 };
_Static_assert((SPSC_RING_OBJECTS & (SPSC_RING_OBJECTS - 1)) == 0, "positions are masked");

struct spsc_ring {
	CACHE_PAIR_ALIGNED atom_u32 tail; /* written by the producer */
	uint32_t seen_head;               /* the producer's own: head as it last saw it */
	CACHE_PAIR_ALIGNED atom_u32 head; /* written by the consumer */
	uint32_t seen_tail;               /* the consumer's own: tail as it last saw it */
	CACHE_PAIR_ALIGNED void *slots[SPSC_RING_OBJECTS];
};

/* Before either side knows the ring. */
static inline void spsc_ring_init(struct spsc_ring *self)
{
	atom_init(&self->tail, 0);
	atom_init(&self->head, 0);
	self->seen_head = 0;
	self->seen_tail = 0;
}

/* Producer: true if want objects (1..SPSC_RING_OBJECTS) fit. They still do at its next push. */
ALWAYS_INLINE bool spsc_ring_fits(struct spsc_ring *self, uint32_t want)
{
	uint32_t tail = atom_load_relaxed(&self->tail);

	if (likely(SPSC_RING_OBJECTS - (tail - self->seen_head) >= want))
		return true;
	self->seen_head = atom_load_acquire(&self->head); /* A1, meets R1 */
	return SPSC_RING_OBJECTS - (tail - self->seen_head) >= want;
}

/* How many of n slots lie between the one at `at` and the end of the array. */
ALWAYS_INLINE uint32_t spsc_ring_piece(uint32_t at, uint32_t n)
{
	return n < SPSC_RING_OBJECTS - at ? n : SPSC_RING_OBJECTS - at;
}

/* Producer: appends objs[0..n), for which spsc_ring_fits has answered true. */
ALWAYS_INLINE void spsc_ring_push(struct spsc_ring *self, void *const *objs, uint32_t n)
{
	uint32_t tail = atom_load_relaxed(&self->tail);

	INVARIANT(I1, SPSC_RING_OBJECTS - (tail - self->seen_head) >= n);
	uint32_t at = tail % SPSC_RING_OBJECTS;
	uint32_t first = spsc_ring_piece(at, n);
	copy_pointers(self->slots + at, objs, first);
	copy_pointers(self->slots, objs + first, n - first);
	atom_store_release(&self->tail, tail + n); /* R0, meets A0 */
}

/* Consumer: moves the oldest objects, at most n, into objs. Returns how many; 0: none there. */
ALWAYS_INLINE uint32_t spsc_ring_pop(struct spsc_ring *self, void **objs, uint32_t n)
{
	uint32_t head = atom_load_relaxed(&self->head);

	if (self->seen_tail - head < n)
		self->seen_tail = atom_load_acquire(&self->tail); /* A0, meets R0 */
	uint32_t there = self->seen_tail - head;
	uint32_t take = there < n ? there : n;

	INVARIANT(I1, there <= SPSC_RING_OBJECTS);
	if (take == 0)
		return 0;
	uint32_t at = head % SPSC_RING_OBJECTS;
	uint32_t first = spsc_ring_piece(at, take);
	copy_pointers(objs, self->slots + at, first);
	copy_pointers(objs + first, self->slots, take - first);
	atom_store_release(&self->head, head + take); /* R1, meets A1 */
	return take;
}

#endif
