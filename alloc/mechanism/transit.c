/* See transit.h. */
#include "alloc/mechanism/transit.h"

static void use(struct transit *self, struct magazine *magazine, uint32_t room)
{
	self->magazine = magazine;
	self->slot = magazine->slot;
	self->room = room;
}

void transit_open(struct transit *self, struct depot *depot, struct pool_thread *thread)
{
	struct magazine *magazine;

	if (self->room != 0)
		return;
	magazine = depot_get_empty(depot, &thread->paths.wait);
	if (magazine != NULL) {
		use(self, magazine, depot->magazine_objects);
	} else {
		self->slot = self->few;
		self->room = TRANSIT_FEW;
	}
}

void transit_close(struct transit *self, struct depot *depot, struct pool_thread *thread)
{
	if (self->magazine != NULL) {
		magazine_set_count(self->magazine, 0);
		depot_put_empty(depot, self->magazine, &thread->paths.wait);
	}
	transit_init(self);
}

uint32_t transit_take(struct transit *self, struct depot *depot, struct pool_thread *thread)
{
	struct magazine *full = depot_get_full(depot, &thread->paths.wait);

	if (full != NULL) {
		transit_close(self, depot, thread);
		use(self, full, depot->magazine_objects);
		thread->paths.refill++;
		return depot->magazine_objects; /* I1 of the depot */
	}
	transit_open(self, depot, thread);
	return depot_take_loose(depot, thread, self->slot, self->room);
}

void transit_give(struct transit *self, struct depot *depot, struct pool_thread *thread, uint32_t n)
{
	thread->paths.flush++;
	if (self->magazine == NULL || n != depot->magazine_objects) {
		tagged_stack_push_each(
			&depot->singles, depot->slab, self->slot, n, &thread->paths.wait);
		return;
	}
	magazine_set_count(self->magazine, n);
	depot_put_full(depot, self->magazine, &thread->paths.wait);
	transit_init(self);
}
