/*
 * The depot: what lies behind the caches. Free objects that no cache holds rest here, most of them
 * in full magazines, so that one compare-and-swap moves many. Source: J. Bonwick and J. Adams,
 * "Magazines and Vmem", USENIX 2001, section 3. Departure: stacks without a lock.
 *
 *	full     magazines with magazine_objects objects each, or more
 *	empty    magazines with none
 *	singles  single objects
 *	slab     objects never handed out
 *
 * Only full and empty magazines enter the two stacks. The objects of a part-filled one go to the
 * stack of singles, as one chain. So there are never more full magazines than capacity /
 * magazine_objects.
 *
 * Any number of threads. The table of magazines has some for DEPOT_THREADS threads at a time. When all of
 * them are in use, objects go to the stack of singles, which takes any number: a put never fails for
 * want of a magazine. A thread that attaches then gets its magazines from the heap. Such a *private*
 * magazine is not in the table, so no stack can name it: its contents are copied instead.
 *
 * Magazines may grow: section 3.3 of the same paper, where a magazine's size rises when too many find the
 * depot's lock taken. Here a turn that was lost to another thread is what that was there, and a period is
 * some visits of a thread's, since nobody looks at a clock. Every magazine has room for
 * magazine_objects_most from the first; what grows is the number that is put into it. So those that
 * were filled earlier are full ones with fewer objects, and are topped up when they come round again.
 *
 * Progress: every operation is lock-free. Orders, ABA and type stability are those of
 * tagged_stack.h. A magazine's count and slots are written plainly by the thread that owns it; the
 * push (R0) and the pop (A0) of a stack hand them over.
 *
 * I1  Magazines in full hold magazine_objects to magazine_objects_most, those in empty none.
 * I2  An object is in at most one place.
 */
#ifndef ALLOC_MECHANISM_DEPOT_H
#define ALLOC_MECHANISM_DEPOT_H

#include "alloc/mechanism/magazine.h"
#include "alloc/mechanism/tagged_stack.h"
#include "alloc/pool.h"

/*
 * Threads that the table has magazines for at a time. A magazine costs addresses, and memory when it
 * is first used. A test may want fewer.
 */
#ifndef DEPOT_THREADS
#define DEPOT_THREADS 4096
#endif
enum { DEPOT_THREAD_MAGAZINES = 4 }; /* two installed, one lent to the user, one in transit */

/*
 * Lost turns in how many visits of a thread's make magazines grow: more than 3, as illumos and XNU have
 * it of attempts at a lock; and of 64, because a visit takes as long as a hundred gets and puts. A test
 * may want fewer.
 */
#ifndef DEPOT_PERIOD_VISITS
#define DEPOT_PERIOD_VISITS 64
#define DEPOT_PERIOD_LOST   3
#endif

/* A thread's present period. All 0: none has begun. */
struct depot_watch {
	uint32_t visits;
	uint32_t size; /* of a magazine, when the period began */
	uint64_t lost; /* the thread's paths.wait, likewise */
};

struct depot {
	struct tagged_stack full;
	struct tagged_stack empty;
	struct tagged_stack singles;
	struct slab magazines;
	struct slab *slab;         /* the pool's objects */
	uint32_t magazine_objects; /* that a full one holds at least */
	uint32_t magazine_objects_most;
	atom_u32 size;            /* objects that a magazine takes at present; depot_size */
	uint32_t magazine_offset; /* where in its block a magazine begins, bytes */
	uint32_t magazine_bytes;  /* from the block's start to the magazine's end */
	uint32_t block_bytes;
};

/*
 * slab: made with links. most: what magazines may grow to, or magazine_objects. installed: magazines that are always in some cache and are no thread's.
 * block_bytes: magazines end at multiples of it; MAGAZINE_BLOCK_BYTES for a strategy that looks for
 * the end there, else CACHE_LINE_BYTES. 0, -EOVERFLOW or -ENOMEM.
 */
COLD int depot_init(struct depot *self, struct slab *slab, uint32_t magazine_objects, uint32_t most,
	uint32_t installed, uint32_t block_bytes);
COLD void depot_fini(struct depot *self);

/*
 * How many objects a magazine takes. It only grows. Relaxed: whoever has a magazine that was filled to a
 * size has it by an edge from the thread that did so, and reads no older size.
 */
ALWAYS_INLINE uint32_t depot_size(struct depot *self)
{
	return atom_load_relaxed(&self->size);
}

/* After each visit of a thread, for a depot whose magazines grow. */
COLD void depot_watch(struct depot *self, struct pool_thread *thread, struct depot_watch *watch);

/*
 * Objects come and go. paths of thread are counted.
 */

/*
 * Used objects, up to n, which is at most magazine_objects, into objs: from a full magazine where
 * there is one, else from the stack of singles. What the magazine holds beyond n goes to the stack
 * of singles.
 */
COLD uint32_t depot_take_used(
	struct depot *self, struct pool_thread *thread, void **objs, uint32_t n);

/* Where there is no full magazine: single objects, or else never-used ones. 0: neither. */
COLD uint32_t depot_take_loose(
	struct depot *self, struct pool_thread *thread, void **objs, uint32_t n);

/* Gives objs[0..n): a magazine's worth as a magazine if one is to be had, other numbers singly. */
COLD void depot_give(struct depot *self, struct pool_thread *thread, void *const *objs, uint32_t n);

/*
 * Magazines come and go.
 */

/*
 * An empty one, the caller's until it puts it. NULL: all are in use. lost, here and below: as in
 * tagged_stack.h.
 */
COLD struct magazine *depot_get_empty(struct depot *self, uint64_t *lost);
COLD void depot_put_empty(struct depot *self, struct magazine *magazine, uint64_t *lost);

/* A full one. NULL: there is none. */
COLD struct magazine *depot_get_full(struct depot *self, uint64_t *lost);
COLD void depot_put_full(struct depot *self, struct magazine *magazine, uint64_t *lost);

/* Takes a magazine whatever it holds; a part-filled one is emptied into the stack of singles. */
COLD void depot_put_any(struct depot *self, struct magazine *magazine, uint64_t *lost);

/*
 * Magazines that a thread keeps, which may be private.
 */

/* n empty ones into kept[0..n), until depot_drop. 0, or -ENOMEM with none kept. */
COLD int depot_keep(struct depot *self, struct magazine **kept, uint32_t n);

/* Ends kept[0..n), which are empty; those that are NULL are passed over. */
COLD void depot_drop(struct depot *self, struct magazine *const *kept, uint32_t n);

/*
 * Fill and empty *magazine, which the thread keeps: by trade where that can be, else in place.
 * depot_fill wants it empty. False: nothing is free outside the caches.
 */
COLD bool depot_fill(struct depot *self, struct pool_thread *thread, struct magazine **magazine);
COLD void depot_empty(struct depot *self, struct pool_thread *thread, struct magazine **magazine);

/* Of a quiet depot: verifies I1 and marks every used object (I2). False: the census has failed. */
COLD bool depot_census(struct depot *self, struct census *census);

/*
 * Marks what lies in a stack of the depot's magazines, each of which has to hold least..most objects. place:
 * for the sentence of a failure. False: the census has failed.
 */
COLD bool depot_census_stack(struct depot *self, struct tagged_stack *stack, uint32_t least,
	uint32_t most, const char *place, struct census *census);

#endif
