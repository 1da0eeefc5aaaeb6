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
	static atom_u32 calls;
	void *object = treiber_tag_get(pool, thread);

	if (object != NULL && control_call(&calls) % GETS_TWICE_ONE_IN == 0)
		treiber_tag_put(pool, thread, object);
	return object;
}

CONTROL_WITH_GET(gets_twice, treiber_tag_parts, "now and then a get leaves its object in the pool")

static const struct control control_gets_twice = {
	.ops = &gets_twice_ops,
	.scenario = "churn",
};

#endif
