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
	static atom_u32 calls;

	if (control_call(&calls) % LOSES_OBJECTS_ONE_IN != 0)
		treiber_tag_put(pool, thread, object);
}

CONTROL_WITH_PUT(loses_objects, treiber_tag_parts, "now and then a put drops its object")

static const struct control control_loses_objects = {
	.ops = &loses_objects_ops,
	.scenario = "churn",
	.sign = "were handed out first",
};

#endif
