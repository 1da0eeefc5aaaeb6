/*
 * vyukov: a ring of cells, each with a sequence number that says whose turn it is. One locked
 * instruction an operation and no miss on a link: the cheapest shared structure while nobody stops.
 * When somebody stops in a call, it hides the most.
 *
 * A get or a put whose cell is ready moves its position by a CAS, and the cell is its own until it stores the
 * next seq (cell_ring.h). A burst takes as many positions in a row as have their cells ready, with one CAS,
 * and then serves cell by cell.
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
 * The edges, what rules out ABA, and the invariants are those of cell_ring.h.
 */
#ifndef ALLOC_POOL_VYUKOV_H
#define ALLOC_POOL_VYUKOV_H

#include "alloc/mechanism/cell_ring.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/spin.h"

/*
 * Cells an object of the capacity, 1 or more. With two, a put laps a getter only if that getter stopped for a whole
 * capacity of puts and gets.
 */
enum { VYUKOV_CELLS_PER_OBJECT = 2 };
_Static_assert(VYUKOV_CELLS_PER_OBJECT >= 1 && VYUKOV_CELLS_PER_OBJECT <= 16, "cells an object");

struct vyukov_pool {
	struct pool base;
	struct cell_ring ring;
	CACHE_PAIR_ALIGNED struct slab slab;
};

/* Six loads, one locked compare-and-swap, one store. */
ALWAYS_INLINE void *vyukov_take(struct pool *pool, struct pool_thread *thread)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t at = atom_load_relaxed(&self->ring.take);
	void *object;

	for (;;) {
		struct cell_ring_cell *cell = cell_ring_at(&self->ring, at);
		uint64_t seq = atom_load_acquire(&cell->seq); /* A0, meets R0 */

		if (likely(seq == at + 1)) {
			if (likely(atom_cas_weak_relaxed(&self->ring.take, &at, at + 1))) {
				cell_ring_empty(&self->ring, cell, at, &object);
				return object;
			}
			thread->paths.wait++;
		} else if ((int64_t)(seq - (at + 1)) < 0) {
			return NULL; /* not filled yet: empty, or its putter has stopped */
		} else {
			thread->paths.wait++;
			at = atom_load_relaxed(
				&self->ring.take); /* emptied by another since the look */
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
	atom_u64 *seq = &cell_ring_at(&self->ring, at)->seq;

	for (uint32_t looks = 1; (int64_t)(atom_load_relaxed(seq) - at) < 0; looks++)
		spin(thread, looks);
	return atom_load_relaxed(&self->ring.give);
}

/* Four loads, one locked compare-and-swap, two stores. */
static inline void vyukov_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t at = atom_load_relaxed(&self->ring.give);

	for (;;) {
		struct cell_ring_cell *cell = cell_ring_at(&self->ring, at);
		uint64_t seq = atom_load_acquire(&cell->seq); /* A1, meets R1 */

		if (likely(seq == at)) {
			if (likely(atom_cas_weak_relaxed(&self->ring.give, &at, at + 1))) {
				cell_ring_fill(cell, at, object);
				return;
			}
			thread->paths.wait++;
		} else if (unlikely((int64_t)(seq - at) < 0)) {
			at = vyukov_wait(self, thread, at);
		} else {
			thread->paths.wait++;
			at = atom_load_relaxed(
				&self->ring.give); /* filled by another since the look */
		}
	}
}

/* One locked compare-and-swap for all n, and two loads and two stores an object. */
static inline uint32_t vyukov_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t at = atom_load_relaxed(&self->ring.take);

	for (;;) {
		uint64_t seq;
		uint32_t got = cell_ring_filled(&self->ring, at, n, &seq);

		if (likely(got != 0)) {
			if (unlikely(!atom_cas_weak_relaxed(&self->ring.take, &at, at + got))) {
				thread->paths.wait++;
				continue;
			}
			for (uint32_t i = 0; i < got; i++, at++)
				cell_ring_empty(
					&self->ring, cell_ring_at(&self->ring, at), at, &objs[i]);
			return likely(got == n) ? n : pool_grow_each(pool, thread, objs, got, n);
		}
		if ((int64_t)(seq - (at + 1)) < 0)
			return pool_grow_each(pool, thread, objs, 0, n);
		thread->paths.wait++;
		at = atom_load_relaxed(&self->ring.take);
	}
}

/* As get_bulk. */
static inline void vyukov_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct vyukov_pool *self = (struct vyukov_pool *)pool;
	uint64_t at = atom_load_relaxed(&self->ring.give);

	while (n != 0) {
		uint64_t seq;
		uint32_t run = cell_ring_emptied(&self->ring, at, n, &seq);

		if (likely(run != 0)) {
			if (unlikely(!atom_cas_weak_relaxed(&self->ring.give, &at, at + run))) {
				thread->paths.wait++;
				continue;
			}
			for (const uint64_t end = at + run; at != end; at++, n--)
				cell_ring_fill(cell_ring_at(&self->ring, at), at, *objs++);
		} else if (unlikely((int64_t)(seq - at) < 0)) {
			at = vyukov_wait(self, thread, at);
		} else {
			thread->paths.wait++;
			at = atom_load_relaxed(&self->ring.give);
		}
	}
}

static COLD int vyukov_init(struct pool *pool)
{
	return cell_ring_init(&((struct vyukov_pool *)pool)->ring,
		(uint64_t)pool->config.capacity * VYUKOV_CELLS_PER_OBJECT);
}

static COLD void vyukov_fini(struct pool *pool)
{
	cell_ring_fini(&((struct vyukov_pool *)pool)->ring);
}

static COLD void vyukov_walk(struct pool *pool, struct census *census)
{
	cell_ring_walk(&((struct vyukov_pool *)pool)->ring, pool->slab, census);
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
