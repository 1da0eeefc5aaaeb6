/*
 * A free list through the objects themselves: the first word of a free object points to the next
 * one. For one thread at a time: the only one (`plain`), or the holder of a lock (`mutex`, `ticket`).
 * The object that comes out is the one that came back last, and still in the cache.
 *
 * I1  The walk from head ends in NULL and names each used free object once.
 */
#ifndef ALLOC_MECHANISM_FREE_LIST_H
#define ALLOC_MECHANISM_FREE_LIST_H

#include "alloc/mechanism/census.h"

struct free_object {
	struct free_object *next;
};

struct free_list {
	struct free_object *head;
};

ALWAYS_INLINE bool free_list_is_empty(const struct free_list *self)
{
	return self->head == NULL;
}

/* From a list that is not empty. */
ALWAYS_INLINE void *free_list_pop(struct free_list *self)
{
	struct free_object *object = self->head;

	self->head = object->next;
	return object;
}

ALWAYS_INLINE void free_list_push(struct free_list *self, void *object)
{
	struct free_object *freed = object;

	freed->next = self->head;
	self->head = freed;
}

/* Up to n >= 1 objects. Returns how many. */
ALWAYS_INLINE uint32_t free_list_pop_each(struct free_list *self, void **objs, uint32_t n)
{
	uint32_t got = 0;

	do {
		if (free_list_is_empty(self))
			break;
		objs[got++] = free_list_pop(self);
	} while (got < n);
	return got;
}

/* n >= 1 objects. */
ALWAYS_INLINE void free_list_push_each(struct free_list *self, void *const *objs, uint32_t n)
{
	uint32_t put = 0;

	do
		free_list_push(self, objs[put++]);
	while (put < n);
}

/* Marks every object of the list (I1). */
void free_list_walk(const struct free_list *self, struct census *census);

#endif
