/*
 * urcu_lfs_gp: liburcu's lock-free stack as a free list, with lock-free pops that read-copy-update
 * makes safe. The price is shown, not hidden: an object that was put rests until every reader of
 * that moment is done, so put rate x grace period objects are in flight, and get finds none of
 * them. At 20 million puts a second and 10 ms that is 200,000.
 *
 * Source: liburcu, <urcu/lfstack.h> rule (1): pop under the read lock, and wait for a grace period
 * between a pop and the push of what was popped. put hands the waiting to call_rcu, whose thread
 * pushes. The flavour is urcu-bp, which registers threads by itself: a pool does not own the
 * threads that use it, and they may use liburcu already.
 *
 * What is in flight shows as carved objects: get carves a new one rather than wait, and when the
 * capacity is reached it answers NULL. So the memory figures of a run contain the peak.
 *
 * Progress: get is lock-free: a CAS fails only because another one succeeded. put is wait-free as
 * far as our code goes, and hands over to a thread of liburcu's. A thread that stops between the
 * read lock and its release ends nobody's call, but no object comes back until it moves: not exact.
 * fork: the child has a thread of liburcu's of its own (urcu_start) and can use the pool, with what
 * was in flight.
 * Signal handlers must not use it: call_rcu is not made for them.
 * After put: memory stays mapped, nothing is overwritten (nodes live in the side nodes).
 *
 *	          get            put                       count, check
 *	get       CAS on head    grace period, then CAS    the caller: the pool is quiet
 *	put                      CAS on head               the caller: the pool is quiet
 *
 * Orders: liburcu's own, see alloc/peer/urcu.h; there are no labels here.
 * ABA: while a popper holds the read lock, no node that it saw on top can be popped by another and
 * pushed again, for that push waits until the popper has left.
 *
 * I1  With no callback outstanding, the walk from head ends in NULL and names each free carved
 *     object once.
 */
#ifndef ALLOC_POOL_URCU_LFS_GP_H
#define ALLOC_POOL_URCU_LFS_GP_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/side_nodes.h"
#include "alloc/peer/urcu.h"
#include "alloc/pool.h"

#include <assert.h>
#include <errno.h>

#if NBLBENCH_URCU

struct urcu_lfs_gp_record {
	struct cds_lfs_node node;
	struct rcu_head rcu;
	struct urcu_lfs_gp_pool *pool; /* for the callback, which is given the rcu_head alone */
};
static_assert((sizeof(struct urcu_lfs_gp_record) & (sizeof(struct urcu_lfs_gp_record) - 1)) == 0,
	"the side nodes wants a power of two");

struct urcu_lfs_gp_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct __cds_lfs_stack stack;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* of struct urcu_lfs_gp_record */
	/* Objects were put since a quiet pool was last looked at, and may be in flight. 0 or 1. */
	atom_u32 pending;
};

ALWAYS_INLINE void *urcu_lfs_gp_object(
	const struct urcu_lfs_gp_pool *self, const struct cds_lfs_node *node)
{
	return side_nodes_object(&self->nodes, container_of(node, struct urcu_lfs_gp_record, node),
		sizeof(struct urcu_lfs_gp_record));
}

static COLD void *urcu_lfs_gp_grow(struct urcu_lfs_gp_pool *self, struct pool_thread *thread)
{
	void *object = pool_carve(&self->nodes.slab, thread);

	thread->paths.empty += object == NULL;
	return object;
}

/* One locked instruction, and what the read lock costs: loads, stores, and a compiler barrier. */
static inline void *urcu_lfs_gp_get(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;

	urcu_bp_read_lock();
	struct cds_lfs_node *node = __cds_lfs_pop(&self->stack);
	urcu_bp_read_unlock();
	return likely(node != NULL) ? urcu_lfs_gp_object(self, node)
				    : urcu_lfs_gp_grow(self, thread);
}

/* Runs on liburcu's thread, a grace period after put. */
static COLD void urcu_lfs_gp_push(struct rcu_head *rcu)
{
	struct urcu_lfs_gp_record *record = container_of(rcu, struct urcu_lfs_gp_record, rcu);

	cds_lfs_push(&record->pool->stack, &record->node);
}

/* A call into liburcu, which queues the record: one locked instruction, and a wake-up at times. */
static inline void urcu_lfs_gp_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;
	struct urcu_lfs_gp_record *record =
		side_nodes_record(&self->nodes, object, sizeof(*record));

	(void)thread;
	record->pool = self;
	if (unlikely(atom_load_relaxed(&self->pending) == 0))
		atom_store_relaxed(&self->pending, 1); /* read by who made the pool quiet */
	urcu_bp_call_rcu(&record->rcu, urcu_lfs_gp_push);
}

static inline uint32_t urcu_lfs_gp_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(urcu_lfs_gp_get, pool, thread, objs, n);
}

static inline void urcu_lfs_gp_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(urcu_lfs_gp_put, pool, thread, objs, n);
}

static COLD int urcu_lfs_gp_create(const struct pool_config *config, struct pool **out)
{
	struct urcu_lfs_gp_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = urcu_start();
	if (rc == 0)
		rc = side_nodes_init(&self->nodes, config, sizeof(struct urcu_lfs_gp_record));
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	__cds_lfs_init(&self->stack);
	self->base.slab = &self->nodes.slab;
	*out = &self->base;
	return 0;
}

static COLD void urcu_lfs_gp_destroy(struct pool *pool)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;

	urcu_bp_barrier(); /* until then callbacks reach into the pool */
	side_nodes_fini(&self->nodes, sizeof(struct urcu_lfs_gp_record));
	memory_free(self, sizeof(*self));
}

/* Waits until every object that any thread has put is back on the stack. */
static COLD void urcu_lfs_gp_flush(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	(void)thread;
	urcu_bp_barrier();
}

/* The first node of a quiet stack on which nothing is in flight any more, or NULL. */
static COLD const struct cds_lfs_node *urcu_lfs_gp_first(struct urcu_lfs_gp_pool *self)
{
	if (atom_load_relaxed(&self->pending) != 0) {
		urcu_bp_barrier(); /* takes 10 ms or more: not twice for nothing */
		atom_store_relaxed(&self->pending, 0);
	}
	return self->stack.head != NULL ? &self->stack.head->node : NULL;
}

static COLD uint64_t urcu_lfs_gp_count(struct pool *pool)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;
	uint64_t free = slab_uncarved(&self->nodes.slab);

	for (const struct cds_lfs_node *at = urcu_lfs_gp_first(self); at != NULL; at = at->next)
		free++;
	return free;
}

static COLD int urcu_lfs_gp_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct urcu_lfs_gp_pool *self = (struct urcu_lfs_gp_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->nodes.slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	for (const struct cds_lfs_node *at = urcu_lfs_gp_first(self); at != NULL; at = at->next) {
		if (!census_mark(&census, urcu_lfs_gp_object(self, at), "the stack")) /* I1 */
			break;
	}
	return census_end(&census, outstanding);
}

#endif

static const struct pool_ops pool_urcu_lfs_gp_ops = {
	.name = "urcu_lfs_gp",
	.summary = "liburcu's lock-free stack, put back after a grace period: shows its memory",
	.traits = {.progress = POOL_LOCK_FREE,
		.opaque_to_tsan = URCU_OPAQUE_TO_TSAN,
		.trims = true},
	.supported = urcu_supported,
#if NBLBENCH_URCU
	.create = urcu_lfs_gp_create,
	.destroy = urcu_lfs_gp_destroy,
	.attach = pool_attach_plain,
	.detach = pool_detach_plain,
	.get = urcu_lfs_gp_get,
	.put = urcu_lfs_gp_put,
	.get_bulk = urcu_lfs_gp_get_bulk,
	.put_bulk = urcu_lfs_gp_put_bulk,
	.flush = urcu_lfs_gp_flush,
	.count = urcu_lfs_gp_count,
	.check = urcu_lfs_gp_check,
#else
	MISSING_LIBRARY_HOOKS,
#endif
};

#endif
