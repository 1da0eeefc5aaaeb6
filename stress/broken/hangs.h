/*
 * hangs: waits in put for ever, after a while. It holds the harness itself to its promise that a
 * hang is ended and named.
 */
#ifndef STRESS_BROKEN_HANGS_H
#define STRESS_BROKEN_HANGS_H

#include "stress/controls.h"

#include <sched.h>

enum { HANGS_AFTER = 1000, HANGS_LIMIT_S = 3 };

static void hangs_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	static atom_u32 calls;

	while (atom_load_relaxed(&calls) >= HANGS_AFTER)
		sched_yield();
	control_call(&calls);
	treiber_tag_put(pool, thread, object);
}

CONTROL_WITH_PUT(hangs, treiber_tag_parts, "waits in put for ever, after a while")

static const struct control control_hangs = {
	.ops = &hangs_ops,
	.scenario = "churn",
	.sign = "did not finish",
	.limit_s = HANGS_LIMIT_S,
};

#endif
