/*
 * urcu_lfs: liburcu's lock-free stack as a free list, in the form in which it is valid for a pool:
 * pushes by CAS, pops under the stack's own mutex.
 *
 * Source: liburcu, <urcu/lfstack.h>. Its pop compares one word, so two poppers at once suffer ABA
 * unless each waits for a grace period before it pushes what it popped, and a pool puts back at
 * once. Of the ways that its header allows, this is mutual exclusion among poppers; urcu_lfs_gp
 * shows the grace period. push begins by guessing that the stack is empty, so on a stack that is
 * not it pays for one CAS that fails.
 *
 * Progress: put is lock-free, get blocks: a getter that stops with the mutex stops the others. A
 * child of fork must not use the pool if another thread may have been in get.
 * Signal handlers must not use it: they would wait for the mutex that they interrupted.
 * After put: memory stays mapped, nothing is overwritten (nodes live in the side nodes).
 * Exact, for any number of threads: get answers NULL only where it has found the slab used up and
 * then, under the mutex, the stack empty. A put that has ended is on it. Threads are not counted
 * anywhere.
 *
 *	          get      put            count, check
 *	get       mutex    CAS on head    the caller: the pool is quiet
 *	put                CAS on head    the caller: the pool is quiet
 *
 * Orders: liburcu's own, see alloc/peer/urcu.h; there are no labels here.
 * ABA: none, since only one thread at a time pops; a push can't suffer it. Nodes are type-stable.
 *
 * I1  The walk from head ends in NULL and names each free carved object once.
 * I2  A quiet pool's mutex is free.
 */
#ifndef ALLOC_POOL_URCU_LFS_H
#define ALLOC_POOL_URCU_LFS_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/side_nodes.h"
#include "alloc/peer/urcu.h"
#include "alloc/pool.h"

#include <errno.h>

#if NBLBENCH_URCU

struct urcu_lfs_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct cds_lfs_stack stack;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* a record is a struct cds_lfs_node */
};

ALWAYS_INLINE void *urcu_lfs_object(
	const struct urcu_lfs_pool *self, const struct cds_lfs_node *node)
{
	return side_nodes_object(&self->nodes, node, sizeof(*node));
}

static COLD void *urcu_lfs_grow(struct urcu_lfs_pool *self, struct pool_thread *thread)
{
	void *object = pool_carve(&self->nodes.slab, thread);

	if (object == NULL) {
		struct cds_lfs_node *node = cds_lfs_pop_blocking(&self->stack);

		if (node != NULL)
			return urcu_lfs_object(self, node);
		thread->paths.empty++;
	}
	return object;
}

/* Three locked instructions (the mutex and the CAS), two loads. */
static inline void *urcu_lfs_get(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;
	struct cds_lfs_node *node = cds_lfs_pop_blocking(&self->stack);

	return likely(node != NULL) ? urcu_lfs_object(self, node) : urcu_lfs_grow(self, thread);
}

/* Two locked instructions, the first of which fails unless the stack was empty. */
static inline void urcu_lfs_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;

	(void)thread;
	cds_lfs_push(
		&self->stack, side_nodes_record(&self->nodes, object, sizeof(struct cds_lfs_node)));
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
		objs[got++] = urcu_lfs_object(self, node);
	cds_lfs_pop_unlock(&self->stack);
	while (unlikely(got < n) && (objs[got] = urcu_lfs_grow(self, thread)) != NULL)
		got++;
	return got;
}

static inline void urcu_lfs_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(urcu_lfs_put, pool, thread, objs, n);
}

static COLD int urcu_lfs_create(const struct pool_config *config, struct pool **out)
{
	struct urcu_lfs_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = side_nodes_init(&self->nodes, config, sizeof(struct cds_lfs_node));
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	cds_lfs_init(&self->stack);
	self->base.slab = &self->nodes.slab;
	*out = &self->base;
	return 0;
}

static COLD void urcu_lfs_destroy(struct pool *pool)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;

	cds_lfs_destroy(&self->stack);
	side_nodes_fini(&self->nodes, sizeof(struct cds_lfs_node));
	memory_free(self, sizeof(*self));
}

/* The first node of a quiet stack, or NULL. */
static COLD const struct cds_lfs_node *urcu_lfs_first(const struct urcu_lfs_pool *self)
{
	return self->stack.head != NULL ? &self->stack.head->node : NULL;
}

static COLD uint64_t urcu_lfs_count(struct pool *pool)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;
	uint64_t free = slab_uncarved(&self->nodes.slab);

	for (const struct cds_lfs_node *at = urcu_lfs_first(self); at != NULL; at = at->next)
		free++;
	return free;
}

static COLD int urcu_lfs_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct urcu_lfs_pool *self = (struct urcu_lfs_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->nodes.slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	if (pthread_mutex_trylock(&self->stack.lock) != 0) { /* I2 */
		census_fail(&census, "I2: the mutex of a quiet pool is held");
		return census_end(&census, outstanding);
	}
	for (const struct cds_lfs_node *at = urcu_lfs_first(self); at != NULL; at = at->next) {
		if (!census_mark(&census, urcu_lfs_object(self, at), "the stack")) /* I1 */
			break;
	}
	pthread_mutex_unlock(&self->stack.lock);
	return census_end(&census, outstanding);
}

#endif

static const struct pool_ops pool_urcu_lfs_ops = {
	.name = "urcu_lfs",
	.summary = "liburcu's lock-free stack, popped under its mutex",
	.traits = {.progress = POOL_BLOCKING,
		.exact = true,
		.opaque_to_tsan = URCU_OPAQUE_TO_TSAN,
		.trims = true},
	.supported = urcu_supported,
#if NBLBENCH_URCU
	.create = urcu_lfs_create,
	.destroy = urcu_lfs_destroy,
	.attach = pool_attach_plain,
	.detach = pool_detach_plain,
	.get = urcu_lfs_get,
	.put = urcu_lfs_put,
	.get_bulk = urcu_lfs_get_bulk,
	.put_bulk = urcu_lfs_put_bulk,
	.flush = pool_flush_nothing,
	.count = urcu_lfs_count,
	.check = urcu_lfs_check,
#else
	MISSING_LIBRARY_HOOKS,
#endif
};

#endif
