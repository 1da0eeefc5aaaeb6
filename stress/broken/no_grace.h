/*
 * no_grace: a pool that does not wait for the calls it has let in before it frees its memory. The
 * mistake is the missing grace period in alloc/peer/rcu_guard.h; the strategy itself is sound.
 *
 * A get yields now and then, as a scheduler would have it, so that every build meets a destroy in
 * the middle of a call within a second.
 */
#ifndef STRESS_BROKEN_NO_GRACE_H
#define STRESS_BROKEN_NO_GRACE_H

#include "alloc/peer/rcu_guard.h"
#include "stress/controls.h"

#include <sched.h>

enum { NO_GRACE_YIELD_ONE_IN = 8 };

static void *no_grace_get(struct pool *pool, struct pool_thread *thread)
{
	static _Thread_local uint32_t calls;

	if (++calls % NO_GRACE_YIELD_ONE_IN == 0)
		sched_yield();
	return treiber_tag_get(pool, thread);
}

static uint32_t no_grace_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(no_grace_get, pool, thread, objs, n);
}

static int no_grace_init(struct pool *pool)
{
	(void)pool;
	rcu_guard_stop_waiting();
	return 0;
}

static const struct pool_parts no_grace_parts = {
	.pool_bytes = sizeof(struct treiber_tag_pool),
	.slab_offset = offsetof(struct treiber_tag_pool, slab),
	.links = SLAB_WITH_LINKS,
	.init = no_grace_init,
	.take = treiber_tag_take,
	.walk = treiber_tag_walk,
};

static const struct pool_ops no_grace_ops = {
	.name = "no_grace",
	.summary = "is freed without a grace period for the calls inside",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(no_grace_parts),
	.get = no_grace_get,
	.put = treiber_tag_put,
	.get_bulk = no_grace_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
};

static const struct control control_no_grace = {
	.ops = &no_grace_ops,
	.scenario = "lifetime",
	.build = CONTROL_ANY_BUILD,
};

#endif
