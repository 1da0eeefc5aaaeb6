/*
 * urcu_lfs_gp: liburcu's lock-free stack as a free list, with lock-free pops that read-copy-update
 * makes safe. The price is memory: an object that was put rests until every reader of that moment
 * is done. At 20 million puts a second and a grace period of 10 ms 200,000 objects are in flight.
 * get carves new ones meanwhile, or answers NULL at the capacity. A run's memory has this peak in it.
 *
 * Source: liburcu, <urcu/lfstack.h> rule (1): pop under the read lock, and wait for a grace period
 * between a pop and the push of what was popped. put hands the waiting to call_rcu, whose thread
 * pushes. The flavour is urcu-bp, which registers threads by itself: a pool does not own the
 * threads that use it, and they may use liburcu already.
 *
 * Progress: get is lock-free: a CAS fails only because another one succeeded. put is wait-free as
 * far as our code goes. Not exact: a thread that stops between the read lock and its release ends
 * nobody's call, but no object comes back until it moves.
 * fork: the child can use the pool. A thread of its own (urcu_start) puts back what was in flight.
 *
 * ABA: while a popper holds the read lock, no node that it saw on top can be popped by another and
 * pushed again, for that push waits until the popper has left.
 *
 * I1  as in urcu.h, with no callback outstanding.
 */
#ifndef ALLOC_POOL_URCU_LFS_GP_H
#define ALLOC_POOL_URCU_LFS_GP_H

#include "alloc/peer/urcu.h"

#if NBLBENCH_URCU

struct urcu_lfs_gp_node {
	struct cds_lfs_node node;
	struct rcu_head rcu;
	struct urcu_lfs_gp_pool *pool; /* for the callback, which is given the rcu_head alone */
};
_Static_assert(offsetof(struct urcu_lfs_gp_node, node) == 0, "liburcu's node is ours");

struct urcu_lfs_gp_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct __cds_lfs_stack stack;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* of struct urcu_lfs_gp_node */
	/* Objects were put since a quiet pool was last looked at, and may be in flight. 0 or 1. */
	atom_u32 pending;
};

static COLD void urcu_lfs_gp_push(struct rcu_head *rcu);

/* One locked instruction, and what the read lock costs: loads, stores, and a compiler barrier. */
static inline void *urcu_lfs_gp_get(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;

	urcu_bp_read_lock();
	struct urcu_lfs_gp_node *node = (struct urcu_lfs_gp_node *)__cds_lfs_pop(&self->stack);
	urcu_bp_read_unlock();
	return likely(node != NULL) ? side_nodes_object(&self->nodes, node, sizeof(*node))
				    : pool_grow(pool, thread);
}

/* A call into liburcu, which queues the node: one locked instruction, and a wake-up at times. */
static inline void urcu_lfs_gp_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;
	struct urcu_lfs_gp_node *node = side_nodes_node(&self->nodes, object, sizeof(*node));

	(void)thread;
	node->pool = self;
	if (unlikely(atom_load_relaxed(&self->pending) == 0))
		atom_store_relaxed(&self->pending, 1); /* read by who made the pool quiet */
	urcu_bp_call_rcu(&node->rcu, urcu_lfs_gp_push);
}

POOL_GET_EACH(urcu_lfs_gp)
POOL_PUT_EACH(urcu_lfs_gp)

/* Runs on liburcu's thread, a grace period after put. */
static COLD void urcu_lfs_gp_push(struct rcu_head *rcu)
{
	struct urcu_lfs_gp_node *node = container_of(rcu, struct urcu_lfs_gp_node, rcu);

	cds_lfs_push(&node->pool->stack, &node->node);
}

static COLD int urcu_lfs_gp_init(struct pool *pool)
{
	__cds_lfs_init(&((struct urcu_lfs_gp_pool *)pool)->stack);
	return urcu_start();
}

static COLD void urcu_lfs_gp_walk(struct pool *pool, struct census *census)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;

	if (atom_load_relaxed(&self->pending) != 0) {
		urcu_bp_barrier(); /* takes 10 ms or more: not twice for nothing */
		atom_store_relaxed(&self->pending, 0);
	}
	side_nodes_walk(&self->nodes, self->stack.head, sizeof(struct urcu_lfs_gp_node),
		offsetof(struct urcu_lfs_gp_node, node.next), census, "the stack"); /* I1 */
}

static const struct pool_parts urcu_lfs_gp_parts = {
	POOL_WITH_NODES(struct urcu_lfs_gp_pool, struct urcu_lfs_gp_node),
	.init = urcu_lfs_gp_init,
	.fini = urcu_fini,
	.walk = urcu_lfs_gp_walk,
};

#endif

static const struct pool_ops pool_urcu_lfs_gp_ops = {
	.name = "urcu_lfs_gp",
	.summary = "liburcu's lock-free stack, put back after a grace period: what that takes, in "
		   "time and memory",
	.traits = {.progress = POOL_LOCK_FREE,
		.needs_library = true,
		.opaque_to_tsan = URCU_OPAQUE_TO_TSAN,
		.trims = true,
		.paths = POOL_PATHS_LIST},
	.supported = urcu_supported,
	URCU_GRACE_HOOKS(urcu_lfs_gp),
};

#endif
