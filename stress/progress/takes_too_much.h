/*
 * takes_too_much: the freezer's control for deaths. A Treiber stack whose get takes eight objects and puts back what
 * is too much. Nobody waits for a thread that is stopped there, and one that dies takes eight objects with it.
 */
#ifndef STRESS_PROGRESS_TAKES_TOO_MUCH_H
#define STRESS_PROGRESS_TAKES_TOO_MUCH_H

#include "stress/controls.h"

enum { TAKES_TOO_MUCH = 8 };

static void *takes_too_much_get(struct pool *pool, struct pool_thread *thread)
{
	void *objs[TAKES_TOO_MUCH];
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	const uint32_t n = tagged_stack_pop_each(
		&self->stack, &self->slab, objs, TAKES_TOO_MUCH, &thread->paths.wait);

	if (n > 1)
		treiber_tag_put_bulk(pool, thread, objs + 1, n - 1);
	return pool_or_grow(n != 0 ? objs[0] : NULL, pool, thread);
}

CONTROL_WITH_GET(
	takes_too_much, treiber_tag_parts, "a Treiber stack that takes eight and puts seven back")

#endif
