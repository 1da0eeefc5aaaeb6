/*
 * urcu_wfcq: liburcu's wait-free concurrent queue as a free list. put is one exchange of the tail
 * and one store. get takes from the head under a mutex, so the two ends do not share a line.
 *
 * Source: liburcu, <urcu/wfcqueue.h>. Its best use is an inbox with one consumer that splices
 * everything at once; here it is measured as what it is when anybody may take.
 *
 * Progress: put is wait-free. get also waits for a putter that stops between its exchange and its
 * store. The rest: urcu.h. FIFO: get hands out the coldest object.
 */
#ifndef ALLOC_POOL_URCU_WFCQ_H
#define ALLOC_POOL_URCU_WFCQ_H

#include "alloc/peer/urcu.h"

#if NBLBENCH_URCU

struct urcu_wfcq_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct cds_wfcq_head head; /* with the mutex of the getters */
	CACHE_PAIR_ALIGNED struct cds_wfcq_tail tail;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* of struct cds_wfcq_node */
};

static inline void *urcu_wfcq_take(struct pool *pool, struct pool_thread *thread)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;
	struct cds_wfcq_node *node = cds_wfcq_dequeue_blocking(&self->head, &self->tail);

	(void)thread;
	return likely(node != NULL) ? side_nodes_object(&self->nodes, node, sizeof(*node)) : NULL;
}

/* Two locked instructions (the mutex); a third when it takes the last object. */
static inline void *urcu_wfcq_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(urcu_wfcq_take(pool, thread), pool, thread);
}

/* One locked instruction, two stores. */
static inline void urcu_wfcq_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;
	struct cds_wfcq_node *node = side_nodes_node(&self->nodes, object, sizeof(*node));

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
		objs[got++] = side_nodes_object(&self->nodes, node, sizeof(*node));
	cds_wfcq_dequeue_unlock(&self->head, &self->tail);
	return likely(got == n) ? n : pool_grow_each(pool, thread, objs, got, n);
}

POOL_PUT_EACH(urcu_wfcq)

static COLD int urcu_wfcq_init(struct pool *pool)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;

	cds_wfcq_init(&self->head, &self->tail);
	return 0;
}

static COLD void urcu_wfcq_fini(struct pool *pool)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;

	cds_wfcq_destroy(&self->head, &self->tail);
}

static COLD void urcu_wfcq_walk(struct pool *pool, struct census *census)
{
	struct urcu_wfcq_pool *self = (struct urcu_wfcq_pool *)pool;

	if (!census_unlocked(census, pthread_mutex_trylock(&self->head.lock) == 0)) /* I2 */
		return;
	side_nodes_walk(&self->nodes, self->head.node.next, sizeof(struct cds_wfcq_node),
		offsetof(struct cds_wfcq_node, next), census, "the queue"); /* I1 */
	pthread_mutex_unlock(&self->head.lock);
}

static const struct pool_parts urcu_wfcq_parts = {
	POOL_WITH_NODES(struct urcu_wfcq_pool, struct cds_wfcq_node),
	.init = urcu_wfcq_init,
	.fini = urcu_wfcq_fini,
	.take = urcu_wfcq_take,
	.walk = urcu_wfcq_walk,
};

#endif

static const struct pool_ops pool_urcu_wfcq_ops = {
	.name = "urcu_wfcq",
	.summary = "liburcu's wait-free queue, emptied under its mutex: a put is one exchange; "
		   "first in, first out",
	.traits = {.progress = POOL_BLOCKING,
		.needs_library = true,
		.exact = true,
		.opaque_to_tsan = URCU_OPAQUE_TO_TSAN,
		.fifo = true,
		.trims = true,
		.paths = POOL_PATHS_LIST},
	.supported = urcu_supported,
	URCU_HOOKS(urcu_wfcq),
};

#endif
