/*
 * urcu_lfs: liburcu's lock-free stack as a free list: pushes by CAS, pops under the stack's own mutex.
 *
 * Source: liburcu, <urcu/lfstack.h>. Its pop compares one word, so two poppers at once suffer ABA
 * unless each waits for a grace period before it pushes what it popped, and a pool puts back at
 * once. Of the ways that its header allows, this is mutual exclusion among poppers; urcu_lfs_gp
 * shows the grace period. push begins by guessing that the stack is empty, so on a stack that is
 * not it pays for one CAS that fails.
 *
 * Progress: put is lock-free. The rest: urcu.h.
 */
#ifndef ALLOC_POOL_URCU_LFS_H
#define ALLOC_POOL_URCU_LFS_H

#include "alloc/peer/urcu.h"

#if NBLBENCH_URCU

struct urcu_lfs_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct cds_lfs_stack stack;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* of struct cds_lfs_node */
};

static inline void *urcu_lfs_take(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;
	struct cds_lfs_node *node = cds_lfs_pop_blocking(&self->stack);

	(void)thread;
	return likely(node != NULL) ? side_nodes_object(&self->nodes, node, sizeof(*node)) : NULL;
}

/* Three locked instructions (the mutex and the CAS), two loads. */
static inline void *urcu_lfs_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(urcu_lfs_take(pool, thread), pool, thread);
}

/* Two locked instructions, the first of which fails unless the stack was empty. */
static inline void urcu_lfs_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;

	(void)thread;
	cds_lfs_push(
		&self->stack, side_nodes_node(&self->nodes, object, sizeof(struct cds_lfs_node)));
}

/* The mutex once for all n, and a CAS an object. */
static inline uint32_t urcu_lfs_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;
	struct cds_lfs_node *node;
	uint32_t got = 0;

	cds_lfs_pop_lock(&self->stack);
	while (got < n && (node = __cds_lfs_pop(&self->stack)) != NULL)
		objs[got++] = side_nodes_object(&self->nodes, node, sizeof(*node));
	cds_lfs_pop_unlock(&self->stack);
	return likely(got == n) ? n : pool_grow_each(pool, thread, objs, got, n);
}

POOL_PUT_EACH(urcu_lfs)

static COLD int urcu_lfs_init(struct pool *pool)
{
	cds_lfs_init(&((struct urcu_lfs_pool *)pool)->stack);
	return 0;
}

static COLD void urcu_lfs_fini(struct pool *pool)
{
	cds_lfs_destroy(&((struct urcu_lfs_pool *)pool)->stack);
}

static COLD void urcu_lfs_walk(struct pool *pool, struct census *census)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;

	if (!census_unlocked(census, pthread_mutex_trylock(&self->stack.lock) == 0)) /* I2 */
		return;
	side_nodes_walk(&self->nodes, self->stack.head, sizeof(struct cds_lfs_node),
		offsetof(struct cds_lfs_node, next), census, "the stack"); /* I1 */
	pthread_mutex_unlock(&self->stack.lock);
}

static const struct pool_parts urcu_lfs_parts = {
	POOL_WITH_NODES(struct urcu_lfs_pool, struct cds_lfs_node),
	.init = urcu_lfs_init,
	.fini = urcu_lfs_fini,
	.take = urcu_lfs_take,
	.walk = urcu_lfs_walk,
};

#endif

static const struct pool_ops pool_urcu_lfs_ops = {
	.name = "urcu_lfs",
	.summary = "liburcu's lock-free stack, popped under its mutex: a put without a lock, a get "
		   "at a lock's price",
	.traits = {.progress = POOL_BLOCKING,
		.needs_library = true,
		.exact = true,
		.opaque_to_tsan = URCU_OPAQUE_TO_TSAN,
		.trims = true,
		.paths = POOL_PATHS_LIST},
	.supported = urcu_supported,
	URCU_HOOKS(urcu_lfs),
};

#endif
