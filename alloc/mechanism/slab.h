/*
 * The memory under a pool's objects: one reserved range of addresses, carved from the front.
 *
 * Growth. The range is mapped for the pool's whole capacity at creation and stays mapped until the
 * pool is destroyed, so a stale reader always finds an address. To grow is one CAS on a counter and
 * no system call: the kernel lays a page under the range when one of its objects is first written
 * to, on the thread that writes, and no other thread is stopped. What an allocator of slabs does
 * with a list of page runs and a lock, the page table does here. A pool that nobody capped has a
 * gigabyte of addresses (slab_most), and memory for what was used.
 *
 * Objects are type-stable. Their memory may go back to the system while they are free (pool_trim):
 * the addresses stay, and read as zero.
 *
 * Objects stand `stride` bytes apart, an odd multiple of their alignment. So neighbouring objects
 * start in different cache sets (colouring, as in DPDK's mempool), and all sets that the alignment
 * leaves are used alike. From 4096 bytes on, what is left differs beyond the first-level cache only,
 * whose set follows from an address's place in its page.
 *
 * Units. A strategy that links objects names them by unit. The range is counted in units of a cache
 * line, from 1; an object's unit is that of its first line. A unit fits 24 bits, 0 means none, and a
 * shift converts it to and from an address, where the object's number would need a multiplication. An array
 * by unit has an element 0 that nobody uses, so that no path subtracts the one: a stack's time is the
 * chain from head to link to head.
 *
 * Links are an array of their own, by unit, and never part of the payload: a slow popper may read
 * the link of an object that another thread already owns and writes to. Every access to a link is
 * atomic.
 */
#ifndef ALLOC_MECHANISM_SLAB_H
#define ALLOC_MECHANISM_SLAB_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "alloc/machine/memory.h"
#include "alloc/mechanism/tagged.h"

#include <stddef.h>
#include <stdint.h>

struct slab {
	unsigned char *base;                /* the first object */
	unsigned char *unit0;               /* where unit 0 would be: a line before base */
	atom_u32 *link;                     /* by unit: the unit of the next; NULL: without links */
	size_t stride;                      /* bytes from one object to the next */
	uint64_t per_line;                  /* objects a line, x 2^32, rounded up */
	uint32_t capacity;                  /* objects that the range can hold */
	enum memory_pages pages;            /* what backs the range */
	CACHE_PAIR_ALIGNED atom_u32 carved; /* objects ever handed out by slab_carve; 0..capacity */
};

enum slab_links { SLAB_WITHOUT_LINKS, SLAB_WITH_LINKS };

/*
 * How many objects a unit can name, which is the largest capacity that slab_init takes: some 1 GiB
 * divided by the stride; 0 if not even one. bytes >= 1; align is a power of two.
 */
uint32_t slab_most(size_t bytes, size_t align);

/*
 * Reserves room for capacity objects. Returns 0, or -EOVERFLOW when capacity x stride exceeds what
 * a unit can name (1 GiB less a line), or -ENOMEM. The slab is untouched on failure. bytes >= 1;
 * align is a power of two.
 */
int slab_init(struct slab *self, size_t bytes, size_t align, uint32_t capacity,
	enum memory_pages pages, enum slab_links links);
void slab_fini(struct slab *self);

/*
 * True if object is one of this slab's, carved and at its very start. Divides: for checks, not for
 * hot paths.
 */
bool slab_owns(const struct slab *self, const void *object);

/* The elements of an array by unit, element 0 included. */
ALWAYS_INLINE size_t slab_units(const struct slab *self)
{
	return (self->capacity * self->stride >> CACHE_LINE_LOG2) + 1;
}

/*
 * Bytes from one object to the next in a slab of objects of `bytes`, at most SIZE_MAX / 2, at align,
 * a power of two; less than a line counts as a line.
 */
ALWAYS_INLINE size_t slab_stride(size_t bytes, size_t align)
{
	const size_t step = align < CACHE_LINE_BYTES ? CACHE_LINE_BYTES : align;

	return ((bytes + step - 1) & ~(step - 1)) | step;
}

/* Sets how far objects stand apart: stride is a multiple of the line. */
ALWAYS_INLINE void slab_space(struct slab *self, size_t stride)
{
	const uint64_t lines = stride >> CACHE_LINE_LOG2;

	self->stride = stride;
	self->per_line = (((uint64_t)1 << 32) + lines - 1) / lines;
}

/* The object of a number. */
ALWAYS_INLINE void *slab_object(const struct slab *self, uint32_t number)
{
	return self->base + (size_t)number * self->stride;
}

/*
 * The number, from 0, of the object that begins on a line of the slab. A multiplication does for the
 * division: the line is a multiple of the stride's lines and has 24 bits, so what was rounded up adds
 * less than one in 2^8.
 */
ALWAYS_INLINE uint32_t slab_number_on(const struct slab *self, uint64_t line)
{
	return (uint32_t)(line * self->per_line >> 32);
}

/* The number of an object. */
ALWAYS_INLINE uint32_t slab_number(const struct slab *self, const void *object)
{
	const size_t offset = (size_t)((const unsigned char *)object - self->base);

	return slab_number_on(self, offset >> CACHE_LINE_LOG2);
}

/* The unit of an object. */
ALWAYS_INLINE uint32_t slab_unit(const struct slab *self, const void *object)
{
	return (uint32_t)((size_t)((const unsigned char *)object - self->unit0) >> CACHE_LINE_LOG2);
}

/* The object of a unit. */
ALWAYS_INLINE void *slab_at(const struct slab *self, uint32_t unit)
{
	return self->unit0 + ((size_t)unit << CACHE_LINE_LOG2);
}

/* The link of a unit. */
ALWAYS_INLINE atom_u32 *slab_link(const struct slab *self, uint32_t unit)
{
	return &self->link[unit];
}

/* Links objs[0..n), each to the next. first: the unit of objs[0]. Returns that of the last. */
ALWAYS_INLINE uint32_t slab_chain(
	const struct slab *self, uint32_t first, void *const *objs, uint32_t n)
{
	uint32_t last = first;

	for (uint32_t i = 1; i < n; i++) {
		uint32_t unit = slab_unit(self, objs[i]);

		atom_store_relaxed(slab_link(self, last), unit);
		last = unit;
	}
	return last;
}

/*
 * Takes up to want never-used objects from the front of the range: object number *first and those
 * after it. Returns how many, 0 when the capacity is reached. Lock-free. Relaxed throughout: the counter
 * guards addresses only, and the bytes behind them are zero and unwritten until the taker writes
 * them.
 */
ALWAYS_INLINE uint32_t slab_carve(struct slab *self, uint32_t want, uint32_t *first)
{
	uint32_t carved = atom_load_relaxed(&self->carved);

	for (;;) {
		uint32_t room = self->capacity - carved;
		uint32_t take = want < room ? want : room;

		*first = carved;
		if (take == 0)
			return 0;
		if (atom_cas_weak_relaxed(&self->carved, &carved, carved + take))
			return take;
	}
}

/* Objects ever handed out; may be stale while threads run, and never too many. */
ALWAYS_INLINE uint32_t slab_carved(struct slab *self)
{
	return atom_load_relaxed(&self->carved);
}

/* Objects not yet carved; may be stale while threads run. */
ALWAYS_INLINE uint32_t slab_uncarved(struct slab *self)
{
	return self->capacity - slab_carved(self);
}

#endif
