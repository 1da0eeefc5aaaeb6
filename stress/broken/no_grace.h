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

static int no_grace_init(struct pool *pool)
{
	(void)pool;
	rcu_guard_stop_waiting();
	return 0;
}

static const struct pool_parts no_grace_parts = {
	POOL_WITH_SLAB(struct treiber_tag_pool, SLAB_WITH_LINKS),
	.init = no_grace_init,
	.take = treiber_tag_take,
	.walk = treiber_tag_walk,
};

CONTROL_WITH_GET(no_grace, no_grace_parts, "is freed without a grace period for the calls inside")

static const struct control control_no_grace = {
	.ops = &no_grace_ops,
	.scenario = "lifetime",
};

#endif
