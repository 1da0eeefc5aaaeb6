/*
 * gets_twice: one get in a thousand returns an object that is also left on the stack, as a pool
 * does whose magazine was given back twice.
 */
#ifndef STRESS_BROKEN_GETS_TWICE_H
#define STRESS_BROKEN_GETS_TWICE_H

#include "stress/controls.h"

enum { GETS_TWICE_ONE_IN = 1000 };

static void *gets_twice_get(struct pool *pool, struct pool_thread *thread)
{
	static _Thread_local uint32_t calls;
	void *object = treiber_tag_get(pool, thread);

	if (object != NULL && ++calls % GETS_TWICE_ONE_IN == 0)
		treiber_tag_put(pool, thread, object);
	return object;
}

static uint32_t gets_twice_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(gets_twice_get, pool, thread, objs, n);
}

static const struct pool_ops gets_twice_ops = {
	.name = "gets_twice",
	.summary = "now and then a get leaves its object in the pool",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = gets_twice_get,
	.put = treiber_tag_put,
	.get_bulk = gets_twice_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
};

static const struct control control_gets_twice = {
	.ops = &gets_twice_ops,
	.scenario = "churn",
	.build = CONTROL_ANY_BUILD,
};

#endif
