/*
 * touches_after_put: writes to an object once more after it has given it away, beyond the 8 bytes
 * that are the pool's. A debug build's poison, a link in the wrong place, or a counter does that.
 */
#ifndef STRESS_BROKEN_TOUCHES_AFTER_PUT_H
#define STRESS_BROKEN_TOUCHES_AFTER_PUT_H

#include "stress/controls.h"

enum { TOUCHES_AFTER_PUT_OFFSET = 16 };

static void touches_after_put_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	uint64_t *late = (uint64_t *)((char *)object + TOUCHES_AFTER_PUT_OFFSET);

	treiber_tag_put(pool, thread, object);
	*late = 0;
}

static void touches_after_put_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(touches_after_put_put, pool, thread, objs, n);
}

static const struct pool_ops touches_after_put_ops = {
	.name = "touches_after_put",
	.summary = "writes to an object after it has given it away",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = treiber_tag_get,
	.put = touches_after_put_put,
	.get_bulk = treiber_tag_get_bulk,
	.put_bulk = touches_after_put_put_bulk,
};

static const struct control control_touches_after_put = {
	.ops = &touches_after_put_ops,
	.scenario = "churn",
	.build = CONTROL_ANY_BUILD,
};

#endif
