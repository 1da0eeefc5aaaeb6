/*
 * The freezer's controls for deaths. Treiber stacks whose get takes many objects and puts back what is too much. Nobody
 * waits for a thread that is stopped there, and one that dies takes all of them with it: takes_too_much, which says that
 * it takes none, and says_too_little, which says that it takes many.
 */
#ifndef STRESS_PROGRESS_TAKES_TOO_MUCH_H
#define STRESS_PROGRESS_TAKES_TOO_MUCH_H

#include "stress/controls.h"

enum { TAKES_TOO_MUCH = 8, SAYS_TOO_LITTLE = 150, SAYS_TOO_LITTLE_TAKES = 170 };

ALWAYS_INLINE void *take_too_much(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t many)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	uint32_t n =
		tagged_stack_pop_each(&self->stack, &self->slab, objs, many, &thread->paths.wait);

	n += pool_carve(&self->slab, thread, objs + n, many - n);
	if (n > 1)
		treiber_tag_put_bulk(pool, thread, objs + 1, n - 1);
	return pool_or_grow(n != 0 ? objs[0] : NULL, pool, thread);
}

static void *takes_too_much_get(struct pool *pool, struct pool_thread *thread)
{
	void *objs[TAKES_TOO_MUCH];

	return take_too_much(pool, thread, objs, TAKES_TOO_MUCH);
}

CONTROL_WITH_GET(
	takes_too_much, treiber_tag_parts, "a Treiber stack that takes eight and puts seven back")

static void *says_too_little_get(struct pool *pool, struct pool_thread *thread)
{
	void *objs[SAYS_TOO_LITTLE_TAKES];

	return take_too_much(pool, thread, objs, SAYS_TOO_LITTLE_TAKES);
}

static uint64_t says_too_little_lost(const struct pool *pool)
{
	(void)pool;
	return SAYS_TOO_LITTLE;
}

static const struct pool_ops says_too_little_ops = {
	.name = "says_too_little",
	.summary = "a Treiber stack that takes more than it says",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = says_too_little_get,
	.put = treiber_tag_put,
	.get_bulk = treiber_tag_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
	.lost = says_too_little_lost,
};

#endif
