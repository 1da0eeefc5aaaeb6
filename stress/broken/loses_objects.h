/*
 * loses_objects: one put in a thousand drops its object. Nothing crashes and nobody gets anything
 * twice; the pool is smaller every minute. The books must show it.
 */
#ifndef STRESS_BROKEN_LOSES_OBJECTS_H
#define STRESS_BROKEN_LOSES_OBJECTS_H

#include "stress/controls.h"

enum { LOSES_OBJECTS_ONE_IN = 1000 };

static void loses_objects_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	static _Thread_local uint32_t calls;

	if (++calls % LOSES_OBJECTS_ONE_IN != 0)
		treiber_tag_put(pool, thread, object);
}

static void loses_objects_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(loses_objects_put, pool, thread, objs, n);
}

static const struct pool_ops loses_objects_ops = {
	.name = "loses_objects",
	.summary = "now and then a put drops its object",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = treiber_tag_get,
	.put = loses_objects_put,
	.get_bulk = treiber_tag_get_bulk,
	.put_bulk = loses_objects_put_bulk,
};

static const struct control control_loses_objects = {
	.ops = &loses_objects_ops,
	.scenario = "churn",
	.sign = "were handed out first",
	.build = CONTROL_ANY_BUILD,
};

#endif
