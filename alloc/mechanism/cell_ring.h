/*
 * A ring of cells, each with a sequence number that says whose turn it is: D. Vyukov, "Bounded MPMC
 * queue", 1024cores.net, 2010. For `vyukov`.
 *
 * Two positions count up for ever: take, the next one to be emptied, and give, the next one to be filled.
 * Position p lies in cell p mod size, whose seq is p while the cell waits to be filled, p + 1 while it is
 * full, and p + size once it is emptied: then it waits for the next lap. Who finds a cell ready moves its position
 * by a CAS, and owns the cell until it stores the next seq.
 *
 * R0 a fill stores seq = p + 1, meets A0: who empties the cell sees the object's address and what its
 *    last owner wrote into it.
 * R1 an empty stores seq = p + size, meets A1: who fills the cell in the next lap overwrites the address
 *    only after it was read.
 * The positions are relaxed: they hand out turns, and the cell's seq guards the cell. ABA:
 * positions are 64 bits wide and only grow; a stalled CAS on one can't meet its value again.
 *
 * I1  Each position from take up to give has seq == position + 1 and holds a free object.
 * I2  Each other cell has seq == the position that will fill it next.
 * I3  give - take <= the objects carved.
 */
#ifndef ALLOC_MECHANISM_CELL_RING_H
#define ALLOC_MECHANISM_CELL_RING_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"

#include <errno.h>
#include <inttypes.h>

struct cell_ring_cell {
	atom_u64 seq;
	void *object; /* owned by whoever holds the position that seq admits */
};
_Static_assert(sizeof(struct cell_ring_cell) == 16, "four cells a line");

struct cell_ring {
	struct cell_ring_cell *cells;
	uint64_t mask;                    /* cells - 1 */
	CACHE_PAIR_ALIGNED atom_u64 take; /* the next position to be emptied */
	CACHE_PAIR_ALIGNED atom_u64 give; /* the next position to be filled */
};

ALWAYS_INLINE struct cell_ring_cell *cell_ring_at(struct cell_ring *self, uint64_t position)
{
	return &self->cells[position & self->mask];
}

/* *object: that of the cell of a position that is the caller's; the cell is then its next owner's. */
ALWAYS_INLINE void cell_ring_empty(
	const struct cell_ring *self, struct cell_ring_cell *cell, uint64_t position, void **object)
{
	*object = cell->object;
	atom_store_release(&cell->seq, position + self->mask + 1); /* R1, meets A1 */
}

ALWAYS_INLINE void cell_ring_fill(struct cell_ring_cell *cell, uint64_t position, void *object)
{
	cell->object = object;
	atom_store_release(&cell->seq, position + 1); /* R0, meets A0 */
}

/*
 * How many of n >= 1 cells in a row, from a position on, are filled, or emptied; *seq: the last seq that was
 * looked at. A ready cell stays so until the owner of its position comes, and the CAS that moves the position
 * over all of them, which fails if another has moved it since, makes the caller the owner of them all.
 */
ALWAYS_INLINE uint32_t cell_ring_filled(
	struct cell_ring *self, uint64_t position, uint32_t n, uint64_t *seq)
{
	uint32_t run = 0;

	do
		*seq = atom_load_acquire(&cell_ring_at(self, position + run)->seq); /* A0 */
	while (*seq == position + run + 1 && ++run < n);
	return run;
}

ALWAYS_INLINE uint32_t cell_ring_emptied(
	struct cell_ring *self, uint64_t position, uint32_t n, uint64_t *seq)
{
	uint32_t run = 0;

	do
		*seq = atom_load_acquire(&cell_ring_at(self, position + run)->seq); /* A1 */
	while (*seq == position + run && ++run < n);
	return run;
}

/* An empty ring of so many cells or more: a power of two, of at least 2, for one can't tell full from empty. 0 or -ENOMEM. */
static COLD int cell_ring_init(struct cell_ring *self, uint64_t least)
{
	uint64_t cells = 2;

	while (cells < least)
		cells *= 2;
	self->cells = memory_map(cells * sizeof(*self->cells), MEMORY_PAGES_ORDINARY);
	if (self->cells == NULL)
		return -ENOMEM;
	self->mask = cells - 1;
	for (uint64_t at = 0; at < cells; at++)
		atom_init(&self->cells[at].seq, at);
	return 0;
}

static COLD void cell_ring_fini(struct cell_ring *self)
{
	memory_unmap(self->cells, (self->mask + 1) * sizeof(*self->cells), MEMORY_PAGES_ORDINARY);
}

/* For the strategy's walk: I1 to I3. */
static COLD void cell_ring_walk(struct cell_ring *self, struct slab *slab, struct census *census)
{
	const uint64_t take = atom_load_relaxed(&self->take);
	const uint64_t give = atom_load_relaxed(&self->give);

	if (give - take > slab_carved(slab)) {
		census_fail(census, "I3: give %" PRIu64 " and take %" PRIu64 " lie too far apart",
			give, take);
		return;
	}
	for (uint64_t at = take; at != take + self->mask + 1; at++) {
		const bool filled = at - take < give - take;
		struct cell_ring_cell *cell = cell_ring_at(self, at);
		const uint64_t seq = atom_load_relaxed(&cell->seq);

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

#endif
