#include "alloc/mechanism/free_list.h"

void free_list_walk(const struct free_list *self, struct census *census)
{
	const struct free_object *at = self->head;

	while (at != NULL && census_mark(census, at, "the list"))
		at = at->next;
}
