/*
 * crashes: dies of a signal after a while. It holds the harness itself to its promise that
 * a crash costs one line and is named.
 */
#ifndef STRESS_BROKEN_CRASHES_H
#define STRESS_BROKEN_CRASHES_H

#include "stress/controls.h"

#include <signal.h>

enum { CRASHES_AFTER = 1000 };

static void *crashes_get(struct pool *pool, struct pool_thread *thread)
{
	static atom_u32 calls;

	if (control_call(&calls) == CRASHES_AFTER)
		raise(SIGSEGV);
	return treiber_tag_get(pool, thread);
}

CONTROL_WITH_GET(crashes, treiber_tag_parts, "dies of a signal after a while")

static const struct control control_crashes = {
	.ops = &crashes_ops,
	.scenario = "churn",
	.sign = "SEGV",
};

#endif
