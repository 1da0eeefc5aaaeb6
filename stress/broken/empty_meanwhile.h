/*
 * empty_meanwhile: one get in a hundred says NULL, whatever is free, and it claims to be exact. Who
 * asks again gets an object: only times tell that the answer was wrong.
 */
#ifndef STRESS_BROKEN_EMPTY_MEANWHILE_H
#define STRESS_BROKEN_EMPTY_MEANWHILE_H

#include "stress/controls.h"

enum { EMPTY_MEANWHILE_ONE_IN = 100 };

static void *empty_meanwhile_get(struct pool *pool, struct pool_thread *thread)
{
	static atom_u32 calls;

	return control_call(&calls) % EMPTY_MEANWHILE_ONE_IN == 0 ? NULL
								  : treiber_tag_get(pool, thread);
}

CONTROL_WITH_GET(
	empty_meanwhile, treiber_tag_parts, "says NULL now and then, while objects are free")

static const struct control control_empty_meanwhile = {
	.ops = &empty_meanwhile_ops,
	.scenario = "history",
	.sign = "H2",
};

#endif
