/*
 * vyukov: a ring of cells, each with a sequence number that says whose turn it is. One locked
 * instruction an operation and no miss on a link: the cheapest shared structure while nobody stops.
 * When somebody stops in a call, it hides the most.
 *
 * Two positions count up for ever: take, the next one that get empties, and give, the next one that
 * put fills. Position p lies in cell p mod size, whose seq is p while the cell waits to be filled,
 * p + 1 while it is full, and p + size once it is emptied: then it waits for the next lap. A get or
 * a put whose cell is ready moves its position by a CAS, and the cell is its own until it stores
 * the next seq. A burst takes as many positions in a row as have their cells ready, with one CAS, and
 * then serves cell by cell.
 *
 * Source: D. Vyukov, "Bounded MPMC queue", 1024cores.net, 2010. Departures: a put that meets a cell
 * still in use waits for it instead of giving up, for a pool must not refuse what is its own; and
 * bursts, of which the source has none.
 *
 * Progress: blocking. put waits while the cell that it would fill is still being emptied by a
 * getter that stopped inside its call, one lap ago. get does not wait, but is not exact: a putter
 * stopped between taking a position and storing seq hides every object put behind it.
 * Signal handlers must not use it: a put may wait for the get that it interrupted.
 * FIFO: get hands out the coldest object.
 *
 *	          get            put
 *	get       CAS on take    seq of the cell
 *	put                      CAS on give
 *
 * R0 put stores seq = p + 1, meets A0 in get: the getter sees the object's address and what its last
 *    owner wrote into it.
 * R1 get stores seq = p + size, meets A1 in put: the putter of the next lap overwrites the address
 *    only after the getter has read it.
 * The positions are relaxed: they hand out turns, and the cell's seq guards the cell. ABA:
 * positions are 64 bits wide and only grow; a stalled CAS on one can't meet its value again.
 *
 * I1  Each position from take up to give has seq == position + 1 and holds a free object.
 * I2  Each other cell has seq == the position that will fill it next.
 * I3  give - take <= the objects carved; the ring is at least twice the capacity, so that a put
 *     laps a getter only if that getter stopped for a whole capacity of puts and gets.
 */
#ifndef ALLOC_POOL_VYUKOV_H
#define ALLOC_POOL_VYUKOV_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/spin.h"

#include <inttypes.h>

/* Cells an object of the capacity, 1 or more; the ring is rounded up to a power of two. */
enum { VYUKOV_CELLS_PER_OBJECT = 2 };
_Static_assert(VYUKOV_CELLS_PER_OBJECT >= 1 && VYUKOV_CELLS_PER_OBJECT <= 16, "cells an object");

struct vyukov_cell {
	atom_u64 seq;
	void *object; /* owned by whoever holds the position that seq admits */
};
_Static_assert(sizeof(struct vyukov_cell) == 16, "four cells a line");

struct vyukov_pool {
	struct pool base;
	struct vyukov_cell *ring;
	uint64_t mask;                    /* cells - 1 */
	CACHE_PAIR_ALIGNED atom_u64 take; /* the next position that get empties */
	CACHE_PAIR_ALIGNED atom_u64 give; /* the next position that put fills */
	CACHE_PAIR_ALIGNED struct slab slab;
};

/* Six loads, one locked compare-and-swap, one store. */
ALWAYS_INLINE void *vyukov_take(struct pool *pool, struct pool_thread *thread)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t at = atom_load_relaxed(&self->take);

	for (;;) {
		struct vyukov_cell *cell = &self->ring[at & self->mask];
		uint64_t seq = atom_load_acquire(&cell->seq); /* A0, meets R0 */

		if (likely(seq == at + 1)) {
			if (likely(atom_cas_weak_relaxed(&self->take, &at, at + 1))) {
				void *object = cell->object;

				atom_store_release(&cell->seq, at + self->mask + 1); /* R1 */
				return object;
			}
			thread->paths.wait++;
		} else if ((int64_t)(seq - (at + 1)) < 0) {
			return NULL; /* not filled yet: empty, or its putter has stopped */
		} else {
			thread->paths.wait++;
			at = atom_load_relaxed(&self->take); /* emptied by another since the look */
		}
	}
}

static inline void *vyukov_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(vyukov_take(pool, thread), pool, thread);
}

/* Waits until the getter that holds the cell moves, then returns the position to try next. */
static COLD uint64_t vyukov_wait(struct vyukov_pool *self, struct pool_thread *thread, uint64_t at)
{
	atom_u64 *seq = &self->ring[at & self->mask].seq;

	for (uint32_t looks = 1; (int64_t)(atom_load_relaxed(seq) - at) < 0; looks++)
		spin(thread, looks);
	return atom_load_relaxed(&self->give);
}

/* Four loads, one locked compare-and-swap, two stores. */
static inline void vyukov_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t at = atom_load_relaxed(&self->give);

	for (;;) {
		struct vyukov_cell *cell = &self->ring[at & self->mask];
		uint64_t seq = atom_load_acquire(&cell->seq); /* A1, meets R1 */

		if (likely(seq == at)) {
			if (likely(atom_cas_weak_relaxed(&self->give, &at, at + 1))) {
				cell->object = object;
				atom_store_release(&cell->seq, at + 1); /* R0, meets A0 */
				return;
			}
			thread->paths.wait++;
		} else if (unlikely((int64_t)(seq - at) < 0)) {
			at = vyukov_wait(self, thread, at);
		} else {
			thread->paths.wait++;
			at = atom_load_relaxed(&self->give); /* filled by another since the look */
		}
	}
}

/*
 * One locked compare-and-swap for all n, and two loads and two stores an object: the filled cells in a
 * row from take on. A filled cell stays filled until the owner of its position empties it, and the
 * CAS, which fails if take has moved since, makes the caller the owner of them all.
 */
static inline uint32_t vyukov_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t at = atom_load_relaxed(&self->take);

	for (;;) {
		uint32_t got = 0;
		uint64_t seq;

		do
			seq = atom_load_acquire(
				&self->ring[(at + got) & self->mask].seq); /* A0, meets R0 */
		while (seq == at + got + 1 && ++got < n);
		if (likely(got != 0)) {
			if (unlikely(!atom_cas_weak_relaxed(&self->take, &at, at + got))) {
				thread->paths.wait++;
				continue;
			}
			for (uint32_t i = 0; i < got; i++, at++) {
				struct vyukov_cell *cell = &self->ring[at & self->mask];

				objs[i] = cell->object;
				atom_store_release(&cell->seq, at + self->mask + 1); /* R1 */
			}
			return likely(got == n) ? n : pool_grow_each(pool, thread, objs, got, n);
		}
		if ((int64_t)(seq - (at + 1)) < 0)
			return pool_grow_each(pool, thread, objs, 0, n);
		thread->paths.wait++;
		at = atom_load_relaxed(&self->take);
	}
}

/*
 * One locked compare-and-swap for all n, and two loads and two stores an object: the emptied cells
 * in a row from give on, for the reason that vyukov_get_bulk gives.
 */
static inline void vyukov_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t at = atom_load_relaxed(&self->give);

	while (n != 0) {
		uint32_t run = 0;
		uint64_t seq;

		do
			seq = atom_load_acquire(
				&self->ring[(at + run) & self->mask].seq); /* A1, meets R1 */
		while (seq == at + run && ++run < n);
		if (likely(run != 0)) {
			if (unlikely(!atom_cas_weak_relaxed(&self->give, &at, at + run))) {
				thread->paths.wait++;
				continue;
			}
			for (const uint64_t end = at + run; at != end; at++, n--) {
				struct vyukov_cell *cell = &self->ring[at & self->mask];

				cell->object = *objs++;
				atom_store_release(&cell->seq, at + 1); /* R0, meets A0 */
			}
		} else if (unlikely((int64_t)(seq - at) < 0)) {
			at = vyukov_wait(self, thread, at);
		} else {
			thread->paths.wait++;
			at = atom_load_relaxed(&self->give);
		}
	}
}

static COLD int vyukov_init(struct pool *pool)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t cells = 2; /* one cell can't tell full from empty */

	while (cells < (uint64_t)pool->config.capacity * VYUKOV_CELLS_PER_OBJECT)
		cells *= 2;
	self->ring = memory_map(cells * sizeof(*self->ring), MEMORY_PAGES_ORDINARY);
	if (self->ring == NULL)
		return -ENOMEM;
	self->mask = cells - 1;
	for (uint64_t at = 0; at < cells; at++)
		atom_init(&self->ring[at].seq, at);
	return 0;
}

static COLD void vyukov_fini(struct pool *pool)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;

	memory_unmap(self->ring, (self->mask + 1) * sizeof(*self->ring), MEMORY_PAGES_ORDINARY);
}

static COLD void vyukov_walk(struct pool *pool, struct census *census)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t take = atom_load_relaxed(&self->take);
	uint64_t give = atom_load_relaxed(&self->give);

	if (give - take > slab_carved(&self->slab)) {
		census_fail(census, "I3: give %" PRIu64 " and take %" PRIu64 " lie too far apart",
			give, take);
		return;
	}
	for (uint64_t at = take; at != take + self->mask + 1; at++) {
		const bool filled = at - take < give - take;
		struct vyukov_cell *cell = &self->ring[at & self->mask];
		uint64_t seq = atom_load_relaxed(&cell->seq);

		if (seq != at + filled) {
			census_fail(census,
				"I%d: the cell of position %" PRIu64 " has seq %" PRIu64,
				filled ? 1 : 2, at, seq);
			return;
		}
		if (filled && !census_mark(census, cell->object, "the ring"))
			return;
	}
}

static const struct pool_parts vyukov_parts = {
	POOL_WITH_SLAB(struct vyukov_pool, SLAB_WITHOUT_LINKS),
	.init = vyukov_init,
	.fini = vyukov_fini,
	.take = vyukov_take,
	.walk = vyukov_walk,
};

static const struct pool_ops pool_vyukov_ops = {
	.name = "vyukov",
	.summary = "a ring of sequenced cells: one locked instruction, false empties",
	.traits = {.progress = POOL_BLOCKING,
		.bounded = true,
		.fifo = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(vyukov),
};

#endif
