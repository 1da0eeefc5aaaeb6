/*
 * urcu_wfs: liburcu's wait-free stack as a free list. put is one exchange and one store. In between
 * the list is cut in two, and whoever pops waits until the store has been made.
 *
 * Source: liburcu, <urcu/wfstack.h>. Of the ways its header allows for pops, this is mutual
 * exclusion by the stack's own mutex: a pop under the RCU read lock would have to keep every object
 * for a grace period before it comes back (see urcu_lfs_gp).
 *
 * Progress: put is wait-free. get also waits for a putter that stops between its exchange and its
 * store; it looks again every 10 ms. The rest: urcu.h.
 */
#ifndef ALLOC_POOL_URCU_WFS_H
#define ALLOC_POOL_URCU_WFS_H

#include "alloc/peer/urcu.h"

#if NBLBENCH_URCU

struct urcu_wfs_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct cds_wfs_stack stack;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* of struct cds_wfs_node */
};

static inline void *urcu_wfs_take(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;
	struct cds_wfs_node *node = cds_wfs_pop_blocking(&self->stack);

	(void)thread;
	return likely(node != NULL) ? side_nodes_object(&self->nodes, node, sizeof(*node)) : NULL;
}

/* Three locked instructions (the mutex and the CAS), two loads. */
static inline void *urcu_wfs_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(urcu_wfs_take(pool, thread), pool, thread);
}

/* One locked instruction, two stores. */
static inline void urcu_wfs_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;
	struct cds_wfs_node *node = side_nodes_node(&self->nodes, object, sizeof(*node));

	(void)thread;
	cds_wfs_node_init(node);
	cds_wfs_push(&self->stack, node);
}

/* The mutex once for all n, and a CAS an object. */
static inline uint32_t urcu_wfs_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;
	struct cds_wfs_node *node;
	uint32_t got = 0;

	cds_wfs_pop_lock(&self->stack);
	while (got < n && (node = __cds_wfs_pop_blocking(&self->stack)) != NULL)
		objs[got++] = side_nodes_object(&self->nodes, node, sizeof(*node));
	cds_wfs_pop_unlock(&self->stack);
	return likely(got == n) ? n : pool_grow_each(pool, thread, objs, got, n);
}

POOL_PUT_EACH(urcu_wfs)

static COLD int urcu_wfs_init(struct pool *pool)
{
	cds_wfs_init(&((struct urcu_wfs_pool *)pool)->stack);
	return 0;
}

static COLD void urcu_wfs_fini(struct pool *pool)
{
	cds_wfs_destroy(&((struct urcu_wfs_pool *)pool)->stack);
}

static COLD void urcu_wfs_walk(struct pool *pool, struct census *census)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;
	struct cds_wfs_node *at;

	if (!census_unlocked(census, pthread_mutex_trylock(&self->stack.lock) == 0)) /* I2 */
		return;
	cds_wfs_for_each_blocking(self->stack.head, at)
	{
		if (!census_mark(census, side_nodes_object(&self->nodes, at, sizeof(*at)),
			    "the stack")) /* I1 */
			break;
	}
	pthread_mutex_unlock(&self->stack.lock);
}

static const struct pool_parts urcu_wfs_parts = {
	POOL_WITH_NODES(struct urcu_wfs_pool, struct cds_wfs_node),
	.init = urcu_wfs_init,
	.fini = urcu_wfs_fini,
	.take = urcu_wfs_take,
	.walk = urcu_wfs_walk,
};

#endif

static const struct pool_ops pool_urcu_wfs_ops = {
	.name = "urcu_wfs",
	.summary = "liburcu's wait-free stack, popped under its mutex: a put is one exchange, for "
		   "which gets wait",
	.traits = {.progress = POOL_BLOCKING,
		.needs_library = true,
		.exact = true,
		.opaque_to_tsan = URCU_OPAQUE_TO_TSAN,
		.trims = true,
		.paths = POOL_PATHS_LIST},
	.supported = urcu_supported,
	URCU_HOOKS(urcu_wfs),
};

#endif
