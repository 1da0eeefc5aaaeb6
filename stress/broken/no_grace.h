/*
 * no_grace: a pool that does not wait for the calls it has let in before it frees its memory. The
 * mistake is the missing grace period in alloc/peer/rcu_guard.h; the strategy itself is sound.
 *
 * The build with delays meets a destroy in the middle of a call within a second.
 */
#ifndef STRESS_BROKEN_NO_GRACE_H
#define STRESS_BROKEN_NO_GRACE_H

#include "alloc/peer/rcu_guard.h"
#include "stress/controls.h"

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

CONTROL_OPS(no_grace, no_grace_parts, "is freed without a grace period for the calls inside",
	treiber_tag, treiber_tag)

static const struct control control_no_grace = {
	.ops = &no_grace_ops,
	.scenario = "lifetime",
	.build = CONTROL_PERTURBED,
	.limit_s = 30, /* memory that is another pool's by now may also end nothing */
};

#endif
