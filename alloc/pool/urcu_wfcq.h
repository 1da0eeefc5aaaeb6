/*
 * urcu_wfcq: liburcu's wait-free concurrent queue as a free list. put is one exchange of the tail
 * and one store; get takes from the head under a mutex, so the two ends do not share a line.
 *
 * Source: liburcu, <urcu/wfcqueue.h>. Its best use is an inbox with one consumer that splices
 * everything at once; here it is measured as what it is when anybody may take.
 *
 * Progress: put is wait-free, get blocks: on a getter that stops with the mutex, and on a putter
 * that stops between its exchange and its store (it then looks again every 10 ms). A child of fork
 * must not use the pool if another thread may have been in a call.
 * Signal handlers must not use it: they would wait for the mutex that they interrupted.
 * After put: memory stays mapped, nothing is overwritten (nodes live in the side nodes). FIFO: get hands
 * out the coldest object.
 * Exact, for any number of threads: get answers NULL only where it has found the slab used up and
 * then, under the mutex, the queue empty. A put that has ended is on it, and get waits for one
 * that is half done. Threads are not counted
 * anywhere.
 *
 *	          get      put                 count, check
 *	get       mutex    CAS on tail, when   the caller: the pool is quiet
 *	                   one object is left
 *	put                exchange of tail    the caller: the pool is quiet
 *
 * Orders: liburcu's own, see alloc/peer/urcu.h; there are no labels here.
 * ABA: none: only the holder of the mutex follows and cuts links. Nodes are type-stable.
 *
 * I1  The walk from head comes to the tail and names each free carved object once.
 * I2  A quiet pool's mutex is free.
 */
#ifndef ALLOC_POOL_URCU_WFCQ_H
#define ALLOC_POOL_URCU_WFCQ_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/side_nodes.h"
#include "alloc/peer/urcu.h"
#include "alloc/pool.h"

#include <errno.h>

#if NBLBENCH_URCU

struct urcu_wfcq_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct cds_wfcq_head head; /* with the mutex of the getters */
	CACHE_PAIR_ALIGNED struct cds_wfcq_tail tail;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* a record is a struct cds_wfcq_node */
};

ALWAYS_INLINE void *urcu_wfcq_object(
	const struct urcu_wfcq_pool *self, const struct cds_wfcq_node *node)
{
	return side_nodes_object(&self->nodes, node, sizeof(*node));
}

static COLD void *urcu_wfcq_grow(struct urcu_wfcq_pool *self, struct pool_thread *thread)
{
	void *object = pool_carve(&self->nodes.slab, thread);

	if (object == NULL) {
		struct cds_wfcq_node *node = cds_wfcq_dequeue_blocking(&self->head, &self->tail);

		if (node != NULL)
			return urcu_wfcq_object(self, node);
		thread->paths.empty++;
	}
	return object;
}

/* Two locked instructions (the mutex); a third when it takes the last object. */
static inline void *urcu_wfcq_get(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;
	struct cds_wfcq_node *node = cds_wfcq_dequeue_blocking(&self->head, &self->tail);

	return likely(node != NULL) ? urcu_wfcq_object(self, node) : urcu_wfcq_grow(self, thread);
}

/* One locked instruction, two stores. */
static inline void urcu_wfcq_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;
	struct cds_wfcq_node *node = side_nodes_record(&self->nodes, object, sizeof(*node));

	(void)thread;
	cds_wfcq_node_init(node);
	cds_wfcq_enqueue(&self->head, &self->tail, node);
}

/* The mutex once for all n. */
static inline uint32_t urcu_wfcq_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;
	struct cds_wfcq_node *node;
	uint32_t got = 0;

	cds_wfcq_dequeue_lock(&self->head, &self->tail);
	while (got < n && (node = __cds_wfcq_dequeue_blocking(&self->head, &self->tail)) != NULL)
		objs[got++] = urcu_wfcq_object(self, node);
	cds_wfcq_dequeue_unlock(&self->head, &self->tail);
	while (unlikely(got < n) && (objs[got] = urcu_wfcq_grow(self, thread)) != NULL)
		got++;
	return got;
}

static inline void urcu_wfcq_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(urcu_wfcq_put, pool, thread, objs, n);
}

static COLD int urcu_wfcq_create(const struct pool_config *config, struct pool **out)
{
	struct urcu_wfcq_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = side_nodes_init(&self->nodes, config, sizeof(struct cds_wfcq_node));
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	cds_wfcq_init(&self->head, &self->tail);
	self->base.slab = &self->nodes.slab;
	*out = &self->base;
	return 0;
}

static COLD void urcu_wfcq_destroy(struct pool *pool)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;

	cds_wfcq_destroy(&self->head, &self->tail);
	side_nodes_fini(&self->nodes, sizeof(struct cds_wfcq_node));
	memory_free(self, sizeof(*self));
}

static COLD uint64_t urcu_wfcq_count(struct pool *pool)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;
	uint64_t free = slab_uncarved(&self->nodes.slab);

	struct cds_wfcq_node *at;

	__cds_wfcq_for_each_blocking(&self->head, &self->tail, at) free++;
	return free;
}

static COLD int urcu_wfcq_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->nodes.slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	if (pthread_mutex_trylock(&self->head.lock) != 0) { /* I2 */
		census_fail(&census, "I2: the mutex of a quiet pool is held");
		return census_end(&census, outstanding);
	}
	struct cds_wfcq_node *at;

	__cds_wfcq_for_each_blocking(&self->head, &self->tail, at)
	{
		if (!census_mark(&census, urcu_wfcq_object(self, at), "the queue")) /* I1 */
			break;
	}
	pthread_mutex_unlock(&self->head.lock);
	return census_end(&census, outstanding);
}

#endif

static const struct pool_ops pool_urcu_wfcq_ops = {
	.name = "urcu_wfcq",
	.summary = "liburcu's wait-free queue, emptied under its mutex",
	.traits = {.progress = POOL_BLOCKING,
		.exact = true,
		.opaque_to_tsan = URCU_OPAQUE_TO_TSAN,
		.fifo = true,
		.trims = true},
	.supported = urcu_supported,
#if NBLBENCH_URCU
	.create = urcu_wfcq_create,
	.destroy = urcu_wfcq_destroy,
	.attach = pool_attach_plain,
	.detach = pool_detach_plain,
	.get = urcu_wfcq_get,
	.put = urcu_wfcq_put,
	.get_bulk = urcu_wfcq_get_bulk,
	.put_bulk = urcu_wfcq_put_bulk,
	.flush = pool_flush_nothing,
	.count = urcu_wfcq_count,
	.check = urcu_wfcq_check,
#else
	MISSING_LIBRARY_HOOKS,
#endif
};

#endif
