/*
 * urcu_wfs: liburcu's wait-free stack as a free list. put is one exchange and one store; in between
 * the list is cut in two, and whoever pops waits until the store has been made.
 *
 * Source: liburcu, <urcu/wfstack.h>. Of the ways its header allows for pops, this is mutual
 * exclusion by the stack's own mutex: a pop under the RCU read lock would have to keep every object
 * for a grace period before it comes back (see urcu_lfs_gp).
 *
 * Progress: put is wait-free, get blocks: on a getter that stops with the mutex, and on a putter
 * that stops between its exchange and its store (it then looks again every 10 ms). A child of fork
 * must not use the pool if another thread may have been in a call.
 * Signal handlers must not use it: they would wait for the mutex that they interrupted.
 * After put: memory stays mapped, nothing is overwritten (nodes live in the side nodes).
 * Exact, for any number of threads: get answers NULL only where it has found the slab used up and
 * then, under the mutex, the stack empty. A put that has ended is on it, and a pop waits for one
 * that is half done. Threads are not counted
 * anywhere.
 *
 *	          get      put                 count, check
 *	get       mutex    CAS on head         the caller: the pool is quiet
 *	put                exchange of head    the caller: the pool is quiet
 *
 * Orders: liburcu's own, see alloc/peer/urcu.h; there are no labels here.
 * ABA: none, since only one thread at a time pops. Nodes are type-stable.
 *
 * I1  The walk from head comes to the end mark and names each free carved object once.
 * I2  A quiet pool's mutex is free.
 */
#ifndef ALLOC_POOL_URCU_WFS_H
#define ALLOC_POOL_URCU_WFS_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/side_nodes.h"
#include "alloc/peer/urcu.h"
#include "alloc/pool.h"

#include <errno.h>

#if NBLBENCH_URCU

struct urcu_wfs_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct cds_wfs_stack stack;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* a record is a struct cds_wfs_node */
};

ALWAYS_INLINE void *urcu_wfs_object(
	const struct urcu_wfs_pool *self, const struct cds_wfs_node *node)
{
	return side_nodes_object(&self->nodes, node, sizeof(*node));
}

static COLD void *urcu_wfs_grow(struct urcu_wfs_pool *self, struct pool_thread *thread)
{
	void *object = pool_carve(&self->nodes.slab, thread);

	if (object == NULL) {
		struct cds_wfs_node *node = cds_wfs_pop_blocking(&self->stack);

		if (node != NULL)
			return urcu_wfs_object(self, node);
		thread->paths.empty++;
	}
	return object;
}

/* Three locked instructions (the mutex and the CAS), two loads. */
static inline void *urcu_wfs_get(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;
	struct cds_wfs_node *node = cds_wfs_pop_blocking(&self->stack);

	return likely(node != NULL) ? urcu_wfs_object(self, node) : urcu_wfs_grow(self, thread);
}

/* One locked instruction, two stores. */
static inline void urcu_wfs_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;
	struct cds_wfs_node *node = side_nodes_record(&self->nodes, object, sizeof(*node));

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
		objs[got++] = urcu_wfs_object(self, node);
	cds_wfs_pop_unlock(&self->stack);
	while (unlikely(got < n) && (objs[got] = urcu_wfs_grow(self, thread)) != NULL)
		got++;
	return got;
}

static inline void urcu_wfs_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(urcu_wfs_put, pool, thread, objs, n);
}

static COLD int urcu_wfs_create(const struct pool_config *config, struct pool **out)
{
	struct urcu_wfs_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = side_nodes_init(&self->nodes, config, sizeof(struct cds_wfs_node));
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	cds_wfs_init(&self->stack);
	self->base.slab = &self->nodes.slab;
	*out = &self->base;
	return 0;
}

static COLD void urcu_wfs_destroy(struct pool *pool)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;

	cds_wfs_destroy(&self->stack);
	side_nodes_fini(&self->nodes, sizeof(struct cds_wfs_node));
	memory_free(self, sizeof(*self));
}

static COLD uint64_t urcu_wfs_count(struct pool *pool)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;
	uint64_t free = slab_uncarved(&self->nodes.slab);

	struct cds_wfs_node *at;

	cds_wfs_for_each_blocking(self->stack.head, at) free++;
	return free;
}

static COLD int urcu_wfs_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct urcu_wfs_pool *self = (struct urcu_wfs_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->nodes.slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	if (pthread_mutex_trylock(&self->stack.lock) != 0) { /* I2 */
		census_fail(&census, "I2: the mutex of a quiet pool is held");
		return census_end(&census, outstanding);
	}
	struct cds_wfs_node *at;

	cds_wfs_for_each_blocking(self->stack.head, at)
	{
		if (!census_mark(&census, urcu_wfs_object(self, at), "the stack")) /* I1 */
			break;
	}
	pthread_mutex_unlock(&self->stack.lock);
	return census_end(&census, outstanding);
}

#endif

static const struct pool_ops pool_urcu_wfs_ops = {
	.name = "urcu_wfs",
	.summary = "liburcu's wait-free stack, popped under its mutex",
	.traits = {.progress = POOL_BLOCKING,
		.exact = true,
		.opaque_to_tsan = URCU_OPAQUE_TO_TSAN,
		.trims = true},
	.supported = urcu_supported,
#if NBLBENCH_URCU
	.create = urcu_wfs_create,
	.destroy = urcu_wfs_destroy,
	.attach = pool_attach_plain,
	.detach = pool_detach_plain,
	.get = urcu_wfs_get,
	.put = urcu_wfs_put,
	.get_bulk = urcu_wfs_get_bulk,
	.put_bulk = urcu_wfs_put_bulk,
	.flush = pool_flush_nothing,
	.count = urcu_wfs_count,
	.check = urcu_wfs_check,
#else
	MISSING_LIBRARY_HOOKS,
#endif
};

#endif
