/*
 * Objects in transit between the depot and a cache, in a magazine of the depot's. It is not on the
 * stack of who moves them, for that may be a signal handler's, which is small; and what comes or goes
 * by the magazine is not copied on the way.
 *
 * While every magazine is in somebody's hands, two objects are moved at a time.
 */
#ifndef ALLOC_MECHANISM_TRANSIT_H
#define ALLOC_MECHANISM_TRANSIT_H

#include "alloc/mechanism/depot.h"

enum { TRANSIT_FEW = 2 }; /* on the stack of who moves them, so as little as can be */

struct transit {
	struct magazine *magazine; /* NULL: none */
	void **slot;               /* of the magazine, or few */
	uint32_t room;             /* objects in slot; 0: closed */
	void *few[TRANSIT_FEW];
};

static inline void transit_init(struct transit *self)
{
	self->magazine = NULL;
	self->room = 0;
}

static inline void transit_use(struct transit *self, struct magazine *magazine, uint32_t room)
{
	self->magazine = magazine;
	self->slot = magazine->slot;
	self->room = room;
}

/* Makes room, if it is closed. */
static COLD void transit_open(struct transit *self, struct depot *depot)
{
	struct magazine *magazine;

	if (self->room != 0)
		return;
	magazine = depot_get_empty(depot);
	if (magazine != NULL) {
		transit_use(self, magazine, depot->magazine_objects);
	} else {
		self->slot = self->few;
		self->room = TRANSIT_FEW;
	}
}

/* Nothing of what is in it is wanted any more. */
static COLD void transit_close(struct transit *self, struct depot *depot)
{
	if (self->magazine != NULL) {
		magazine_set_count(self->magazine, 0);
		depot_put_empty(depot, self->magazine);
	}
	transit_init(self);
}

/*
 * Takes used objects, or else never-used ones, into slot[0..result), as depot_take does. 0: nothing is
 * free outside the caches; it is open then.
 */
static COLD uint32_t transit_take(
	struct transit *self, struct depot *depot, struct pool_thread *thread)
{
	struct magazine *full = depot_get_full(depot);

	if (full != NULL) {
		transit_close(self, depot);
		transit_use(self, full, depot->magazine_objects);
		thread->paths.refill++;
		return depot->magazine_objects; /* I1 of the depot */
	}
	transit_open(self, depot);
	uint32_t got = tagged_stack_pop_each(&depot->singles, depot->slab, self->slot, self->room);
	thread->paths.refill += got != 0;
	return got != 0 ? got : depot_carve(depot, thread, self->slot, self->room);
}

/* slot[0..n), n >= 1, goes to the depot; it may be closed then. */
static COLD void transit_give(
	struct transit *self, struct depot *depot, struct pool_thread *thread, uint32_t n)
{
	thread->paths.flush++;
	if (self->magazine == NULL || n != depot->magazine_objects) {
		tagged_stack_push_each(&depot->singles, depot->slab, self->slot, n);
		return;
	}
	magazine_set_count(self->magazine, n);
	depot_put_full(depot, self->magazine);
	transit_init(self);
}

#endif
