/*
 * ctx_stack: a stack of `depth` filter drivers, each of which pushes 32 bytes of context onto the
 * packet on its way down and pops them on its way up. An NBL is allocated, the drivers push in turn
 * and write their context, then pop in reverse, and the NBL is freed.
 *
 * No driver asks for backfill, so no push finds room and each costs a block of its own: what the
 * reference warns of. ctx_backfill is the same stack with the hint given.
 *
 * All threads do the same, each with packets of its own. A round is one packet; counts contexts.
 *
 * What it can't show: contexts that live on while other packets come, sizes that differ between
 * drivers, a completion on another thread.
 */
#ifndef BENCH_WORKLOAD_CTX_STACK_H
#define BENCH_WORKLOAD_CTX_STACK_H

#include "bench/nbl_load.h"

/*
 * One packet through the stack. The first driver asks for backfill. False: no NBL, or no context.
 */
ALWAYS_INLINE bool ctx_stack_packet(const struct pool_ops *ops, struct nbl_pool *pool,
	struct nbl_thread *self, uint32_t depth, uint32_t backfill)
{
	NET_BUFFER_LIST *nbl;
	uint32_t pushed = 0;

	if (unlikely(nbl_alloc(ops, NBL_LOAD_POLICY, pool, self, 0, 0, NULL, 0, 0, &nbl) != 0))
		return false;
	bench_escape(nbl);
	for (; pushed < depth; pushed++) {
		if (unlikely(nbl_context_push(NBL_LOAD_POLICY, pool, self, nbl,
				     NBL_LOAD_CONTEXT_BYTES, pushed == 0 ? backfill : 0,
				     NBL_LOAD_TAG) != 0))
			break;
		/* The driver's state: two words of its context. */
		uint64_t *words = (uint64_t *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
		words[0] = pushed;
		words[1] = depth;
		bench_escape(nbl);
	}
	for (uint32_t i = 0; i < pushed; i++) {
		nbl_context_pop(NBL_LOAD_POLICY, pool, self, nbl, NBL_LOAD_CONTEXT_BYTES,
			"context workload");
		bench_escape(nbl);
	}
	nbl_free(ops, NBL_LOAD_POLICY, pool, self, nbl, NBL_MARK_LIVE, "context workload");
	bench_escape(pool);
	return pushed == depth;
}

ALWAYS_INLINE uint64_t ctx_stack_packets(
	const struct pool_ops *ops, struct workload_thread *t, uint64_t n, uint32_t backfill)
{
	struct nbl_pool *pool = t->shared;
	struct nbl_thread *self = t->own;
	const uint32_t depth = t->cell->depth;

	for (uint64_t i = 0; i < n; i++) {
		if (unlikely(!ctx_stack_packet(ops, pool, self, depth, backfill))) {
			t->failed++;
			return i * depth;
		}
	}
	return n * depth;
}

ALWAYS_INLINE uint64_t workload_ctx_stack(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return ctx_stack_packets(ops, t, n, 0);
}

static uint32_t ctx_stack_demand(const struct workload_cell *cell)
{
	(void)cell;
	return 1;
}

static int ctx_stack_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	struct nbl_pool *made;
	int rc = nbl_load_create(ops, config, &made);

	(void)cell;
	if (rc == 0) {
		*shared = made;
		*pool = made->pool;
	}
	return rc;
}

static void ctx_stack_destroy(const struct workload_cell *cell, void *shared)
{
	(void)cell;
	nbl_load_destroy(shared);
}

static int ctx_stack_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct nbl_thread *self;
	int rc = nbl_load_attach(t->shared, t, &self);

	(void)ops;
	(void)pool;
	if (rc == 0)
		t->own = self;
	return rc;
}

static void ctx_stack_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	(void)ops;
	(void)pool;
	nbl_load_detach(t->own);
}

static const struct workload workload_ctx_stack_info = {
	.name = "ctx_stack",
	.summary = "a stack of drivers pushes contexts without backfill, and pops them",
	.unit = "contexts",
	.program =
		"Filter drivers that each keep 32 bytes on the packet and give no backfill hint: "
		"every push allocates. One packet at a time, completed where it began.",
	.lane_threads = 1,
	.axes = WORKLOAD_DEPTH | WORKLOAD_CONTEXT,
	.demand = ctx_stack_demand,
	.create = ctx_stack_create,
	.destroy = ctx_stack_destroy,
	.enter = ctx_stack_enter,
	.leave = ctx_stack_leave,
};

#endif
