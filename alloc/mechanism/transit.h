/*
 * Objects in transit between the depot and a cache, in a magazine of the depot's.
 *
 * The magazine is not on the stack of the thread that moves the objects: that may be a signal
 * handler's stack, which is small. And objects that come or go as a whole magazine are not copied.
 *
 * While every magazine is in use, two objects are moved at a time.
 */
#ifndef ALLOC_MECHANISM_TRANSIT_H
#define ALLOC_MECHANISM_TRANSIT_H

#include "alloc/mechanism/depot.h"

enum { TRANSIT_FEW = 2 }; /* on the mover's stack, so as few as can be */

struct transit {
	struct magazine *magazine; /* NULL: none */
	void **slot;               /* of the magazine, or few */
	uint32_t room;             /* objects in slot; 0: closed */
	void *few[TRANSIT_FEW];
};

/* Closed. */
static inline void transit_init(struct transit *self)
{
	self->magazine = NULL;
	self->room = 0;
}

/* Makes room, if it is closed. */
COLD void transit_open(struct transit *self, struct depot *depot, struct pool_thread *thread);

/* Nothing of what is in it is wanted any more. */
COLD void transit_close(struct transit *self, struct depot *depot, struct pool_thread *thread);

/*
 * Takes used objects, or else never-used ones, into slot[0..result). 0: nothing
 * is free outside the caches; then it is open.
 */
COLD uint32_t transit_take(struct transit *self, struct depot *depot, struct pool_thread *thread);

/* slot[0..n), n >= 1, goes to the depot; then it may be closed. */
COLD void transit_give(
	struct transit *self, struct depot *depot, struct pool_thread *thread, uint32_t n);

#endif
