/*
 * The depot: what lies behind the caches. Free objects that no cache holds rest here, most of them
 * in full magazines, so that one compare-and-swap moves many; J. Bonwick and J. Adams, "Magazines
 * and Vmem", USENIX 2001, section 3.
 *
 *	full     magazines with magazine_objects objects each
 *	empty    magazines with none
 *	singles  single objects
 *	slab     objects never handed out
 *
 * Only full and empty magazines enter the two stacks: what is left of a part-filled one goes to the
 * stack of singles one chain at a time. So there are never more full magazines than capacity /
 * magazine_objects.
 *
 * Any number of threads. The table of magazines has some for DEPOT_THREADS at a time. When all are
 * in somebody's hands, objects go to the stack of singles, which takes any number: a put never fails for
 * want of a magazine. A thread that keeps some of its own has them from the heap then. Such a
 * *private* magazine has no unit and never enters a stack: its contents are copied instead.
 *
 * Guarantee: every operation is lock-free. Orders, ABA and type stability: tagged_stack.h; a magazine's
 * count and slots are written plainly by the thread that owns it, and the push (R0) and pop (A0) of
 * the stack hand it over.
 *
 * I1  Magazines in full hold exactly magazine_objects, those in empty none.
 * I2  An object is in at most one place.
 */
#ifndef ALLOC_MECHANISM_DEPOT_H
#define ALLOC_MECHANISM_DEPOT_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/census.h"
#include "alloc/mechanism/tagged_stack.h"
#include "alloc/pool.h"

#include <errno.h>
#include <string.h>

/* That the table has magazines for; they cost memory when used. A test may want fewer. */
#ifndef DEPOT_THREADS
#define DEPOT_THREADS 4096
#endif
enum { DEPOT_THREAD_MAGAZINES = 4 }; /* two installed, one lent to the user, one in transit */

/*
 * Both ends of a magazine can be seen without loading a bound. Below slot[0] lies the floor, which a
 * get meets as an object that is NULL. Behind the last slot lies, in a depot made so, a multiple of
 * MAGAZINE_BLOCK_BYTES, which a put meets as an address with so many low bits 0; in a magazine longer than a block other
 * slots have such addresses too, so it then looks at the bound.
 *
 *	              | objects, 0 ... 0, floor | slot[0] ... slot[magazine_objects - 1] |
 *	 multiple of 64                          multiple of 64           multiple of 1024
 */
struct magazine {
	atom_u32 objects; /* in slot[0..objects) */
	void *heap;       /* where a private one lies; NULL: in the table */
	unsigned char unused[CACHE_LINE_BYTES - 3 * sizeof(void *)];
	void *floor; /* slot[-1]: NULL, for ever */
	void *slot[];
};
enum { MAGAZINE_BLOCK_BYTES = 1024 };
_Static_assert(offsetof(struct magazine, slot) == CACHE_LINE_BYTES, "the floor is slot[-1]");
_Static_assert(POOL_MAGAZINE_OBJECTS_DEFAULT * sizeof(void *) + sizeof(struct magazine) ==
		       MAGAZINE_BLOCK_BYTES,
	"a magazine of the default size fills its block");

/*
 * The number of objects in a magazine, read and written by its owner. Relaxed, and an atomic word
 * only because `rseq_mag` may look at a magazine that has just changed hands; it then throws the
 * value away.
 */
ALWAYS_INLINE uint32_t magazine_count(struct magazine *magazine)
{
	return atom_load_relaxed(&magazine->objects);
}

ALWAYS_INLINE void magazine_set_count(struct magazine *magazine, uint32_t count)
{
	atom_store_relaxed(&magazine->objects, count);
}

/*
 * Asks for all lines of a magazine that another CPU has last written, or read: they come side by
 * side, where the loop that needs them would wait for the first few one by one.
 */
static inline void magazine_prefetch_read(struct magazine *magazine, uint32_t objects)
{
	for (uint32_t i = objects; i > COPY_STEP; i -= COPY_STEP)
		prefetch_read(&magazine->slot[i - COPY_STEP]);
}

static inline void magazine_prefetch_write(struct magazine *magazine, uint32_t objects)
{
	for (uint32_t i = 0; i < objects; i += COPY_STEP)
		prefetch_write(&magazine->slot[i]);
}

struct depot {
	struct tagged_stack full;
	struct tagged_stack empty;
	struct tagged_stack singles;
	struct slab magazines;
	struct slab *slab; /* the pool's objects */
	uint32_t magazine_objects;
	uint32_t magazine_offset; /* where in its block a magazine begins, bytes */
	uint32_t magazine_bytes;  /* from the block's start to the magazine's end */
	uint32_t block_bytes;
};

/*
 * slab must have been made with links. installed: magazines that are always in some cache that
 * belongs to no thread. block_bytes: magazines end at multiples of it; MAGAZINE_BLOCK_BYTES for a
 * strategy that looks for the end there, else CACHE_LINE_BYTES. 0, -EOVERFLOW or -ENOMEM.
 */
static COLD int depot_init(struct depot *self, struct slab *slab, uint32_t magazine_objects,
	uint32_t installed, uint32_t block_bytes)
{
	uint32_t magazines = slab->capacity / magazine_objects + 1 + installed +
			     DEPOT_THREADS * DEPOT_THREAD_MAGAZINES;

	/* Whole lines of slots: a magazine is named by its first line. */
	uint32_t slots = (magazine_objects + COPY_STEP - 1) / COPY_STEP * COPY_STEP;
	uint32_t bytes = (uint32_t)(sizeof(struct magazine) + slots * sizeof(void *));

	self->slab = slab;
	self->magazine_objects = magazine_objects;
	self->magazine_offset = -bytes % block_bytes;
	self->magazine_bytes = self->magazine_offset + bytes;
	self->block_bytes = block_bytes;
	return slab_init(&self->magazines, bytes, block_bytes, magazines, MEMORY_PAGES_ORDINARY,
		SLAB_WITH_LINKS);
}

static COLD void depot_fini(struct depot *self)
{
	slab_fini(&self->magazines);
}

/*
 * An empty magazine of the table, the caller's until depot_put_empty or depot_put_full. NULL: all
 * are in somebody's hands, or hold objects.
 */
static COLD struct magazine *depot_get_empty(struct depot *self)
{
	struct magazine *magazine = tagged_stack_pop(&self->empty, &self->magazines);
	uint32_t first;

	if (magazine == NULL && slab_carve(&self->magazines, 1, &first) == 1)
		magazine =
			(struct magazine *)((unsigned char *)slab_object(&self->magazines, first) +
					    self->magazine_offset);
	return magazine;
}

static COLD void depot_put_empty(struct depot *self, struct magazine *magazine)
{
	INVARIANT(I1, magazine_count(magazine) == 0);
	tagged_stack_push(&self->empty, &self->magazines, magazine);
}

/* A full magazine or NULL. */
static COLD struct magazine *depot_get_full(struct depot *self)
{
	return tagged_stack_pop(&self->full, &self->magazines);
}

static COLD void depot_put_full(struct depot *self, struct magazine *magazine)
{
	INVARIANT(I1, magazine_count(magazine) == self->magazine_objects);
	tagged_stack_push(&self->full, &self->magazines, magazine);
}

/* Empties a magazine into the stack of singles. */
static COLD void depot_spill(struct depot *self, struct magazine *magazine)
{
	uint32_t count = magazine_count(magazine);

	if (count != 0)
		tagged_stack_push_each(&self->singles, self->slab, magazine->slot, count);
	magazine_set_count(magazine, 0);
}

/* Takes a magazine, whatever it holds: full, empty, or spilled first. */
static COLD void depot_put_any(struct depot *self, struct magazine *magazine)
{
	if (magazine_count(magazine) == self->magazine_objects) {
		depot_put_full(self, magazine);
		return;
	}
	depot_spill(self, magazine);
	depot_put_empty(self, magazine);
}

/* An empty magazine for a thread to keep, until depot_drop; NULL: no memory. */
static COLD struct magazine *depot_keep(struct depot *self)
{
	struct magazine *magazine = depot_get_empty(self);
	unsigned char *heap;

	if (magazine != NULL)
		return magazine;
	heap = memory_alloc(self->magazine_bytes + self->block_bytes);
	if (heap == NULL)
		return NULL;
	magazine = (struct magazine *)(heap + -(uintptr_t)heap % self->block_bytes +
				       self->magazine_offset);
	magazine->heap = heap;
	return magazine;
}

/* Ends a thread's magazine, which is empty. NULL: nothing happens. */
static COLD void depot_drop(struct depot *self, struct magazine *magazine)
{
	if (magazine == NULL)
		return;
	if (magazine->heap == NULL)
		depot_put_empty(self, magazine);
	else
		memory_free(magazine->heap, self->magazine_bytes + self->block_bytes);
}

/* Takes what a thread's magazine holds. Returns an empty one in its place: another, or the same. */
static COLD struct magazine *depot_trade_empty(struct depot *self, struct magazine *magazine)
{
	if (magazine_count(magazine) == self->magazine_objects) {
		struct magazine *empty = depot_get_empty(self);

		if (empty != NULL && magazine->heap == NULL) {
			depot_put_full(self, magazine);
			return empty;
		}
		if (empty != NULL) {
			memcpy(empty->slot, magazine->slot,
				self->magazine_objects * sizeof(void *));
			magazine_set_count(empty, self->magazine_objects);
			magazine_set_count(magazine, 0);
			depot_put_full(self, empty);
			return magazine;
		}
	}
	depot_spill(self, magazine);
	return magazine;
}

/* A full magazine in the place of a thread's empty one: another, or the same. NULL: there is none. */
static COLD struct magazine *depot_trade_full(struct depot *self, struct magazine *magazine)
{
	struct magazine *full = depot_get_full(self);

	if (full == NULL)
		return NULL;
	if (magazine->heap == NULL) {
		depot_put_empty(self, magazine);
		return full;
	}
	memcpy(magazine->slot, full->slot, self->magazine_objects * sizeof(void *));
	magazine_set_count(magazine, self->magazine_objects);
	magazine_set_count(full, 0);
	depot_put_empty(self, full);
	return magazine;
}

/*
 * Up to n used objects, n at most magazine_objects, into objs: a magazine's worth where there is
 * one, else from the stack of singles. 0: there are none outside the caches. What a magazine holds beyond
 * n goes to the stack of singles.
 */
static COLD uint32_t depot_take_used(
	struct depot *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct magazine *magazine = depot_get_full(self);
	uint32_t got = 0;

	if (magazine != NULL) {
		uint32_t rest = magazine_count(magazine);

		got = n < rest ? n : rest;
		rest -= got;
		magazine_set_count(magazine, rest);
		memcpy(objs, &magazine->slot[rest], got * sizeof(*objs));
		depot_spill(self, magazine);
		depot_put_empty(self, magazine);
	} else {
		got = tagged_stack_pop_each(&self->singles, self->slab, objs, n);
	}
	thread->paths.refill += got != 0;
	return got;
}

/* Up to n never-used objects into objs; 0 when the capacity is reached. */
static COLD uint32_t depot_carve(
	struct depot *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t first;
	uint32_t got = slab_carve(self->slab, n, &first);

	for (uint32_t i = 0; i < got; i++)
		objs[i] = slab_object(self->slab, first + i);
	thread->paths.grow += got != 0;
	return got;
}

/* Used objects, or else never-used ones. 0: nothing is free outside the caches. */
static COLD uint32_t depot_take(
	struct depot *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t got = depot_take_used(self, thread, objs, n);

	return got != 0 ? got : depot_carve(self, thread, objs, n);
}

/* Takes objs[0..n), n >= 1: as a magazine if they fill one and one is to be had, else as single objects. */
static COLD void depot_give(
	struct depot *self, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	thread->paths.flush++;
	struct magazine *magazine = n == self->magazine_objects ? depot_get_empty(self) : NULL;

	if (magazine != NULL) {
		memcpy(magazine->slot, objs, n * sizeof(*objs));
		magazine_set_count(magazine, n);
		depot_put_full(self, magazine);
		return;
	}
	tagged_stack_push_each(&self->singles, self->slab, objs, n);
}

/* Free objects in the depot, never-used ones included. */
static COLD uint64_t depot_count(struct depot *self)
{
	return slab_uncarved(self->slab) + tagged_stack_count(&self->singles, self->slab) +
	       tagged_stack_count(&self->full, &self->magazines) * self->magazine_objects;
}

/* Marks what a magazine holds. */
static COLD bool depot_audit_magazine(
	struct census *census, struct magazine *magazine, const char *place)
{
	for (uint32_t i = 0; i < magazine_count(magazine); i++) {
		if (!census_mark(census, magazine->slot[i], place))
			return false;
	}
	return true;
}

/* Verifies I1 and marks every object of a quiet depot (I2). */
static COLD bool depot_census(struct depot *self, struct census *census)
{
	struct slab *magazines = &self->magazines;
	uint32_t seen = 0;

	for (uint32_t at = tagged_index(atom_load_acquire(&self->full.head)); at != 0;
		at = atom_load_relaxed(slab_link(magazines, at))) {
		struct magazine *magazine = slab_at(magazines, at);

		if (magazine_count(magazine) != self->magazine_objects ||
			++seen > magazines->capacity)
			return census_fail(census,
				"I1: a magazine in full holds %u objects of %u, or the stack is a "
				"ring",
				magazine_count(magazine), self->magazine_objects);
		if (!depot_audit_magazine(census, magazine, "a full magazine of the depot"))
			return false;
	}
	seen = 0;
	for (uint32_t at = tagged_index(atom_load_acquire(&self->empty.head)); at != 0;
		at = atom_load_relaxed(slab_link(magazines, at))) {
		struct magazine *magazine = slab_at(magazines, at);

		if (magazine_count(magazine) != 0 || ++seen > magazines->capacity)
			return census_fail(census,
				"I1: a magazine in empty holds %u objects, or the stack is a ring",
				magazine_count(magazine));
	}
	return tagged_stack_census(&self->singles, self->slab, census);
}

#endif
