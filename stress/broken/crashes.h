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
	static _Thread_local uint32_t calls;

	if (++calls == CRASHES_AFTER)
		raise(SIGSEGV);
	return treiber_tag_get(pool, thread);
}

static uint32_t crashes_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(crashes_get, pool, thread, objs, n);
}

static const struct pool_ops crashes_ops = {
	.name = "crashes",
	.summary = "dies of a signal after a while",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = crashes_get,
	.put = treiber_tag_put,
	.get_bulk = crashes_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
};

static const struct control control_crashes = {
	.ops = &crashes_ops,
	.scenario = "churn",
	.sign = "SEGV",
	.build = CONTROL_ANY_BUILD,
};

#endif
