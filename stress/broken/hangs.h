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
	static _Thread_local uint32_t calls;

	while (calls >= HANGS_AFTER)
		sched_yield();
	calls++;
	treiber_tag_put(pool, thread, object);
}

static void hangs_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(hangs_put, pool, thread, objs, n);
}

static const struct pool_ops hangs_ops = {
	.name = "hangs",
	.summary = "waits in put for ever, after a while",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = treiber_tag_get,
	.put = hangs_put,
	.get_bulk = treiber_tag_get_bulk,
	.put_bulk = hangs_put_bulk,
};

static const struct control control_hangs = {
	.ops = &hangs_ops,
	.scenario = "churn",
	.sign = "did not finish",
	.build = CONTROL_ANY_BUILD,
	.limit_s = HANGS_LIMIT_S,
};

#endif
