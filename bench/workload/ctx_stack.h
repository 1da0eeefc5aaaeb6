/*
 * ctx_stack: a stack of `depth` filter drivers, each of which pushes 32 bytes of context, under a
 * tag of its own, onto every packet on its way down and pops them on its way up. Packets come as
 * NDIS hands them to a filter: in a chain of `burst` NBLs, so each driver pushes onto the whole chain
 * and writes its context before the next driver sees it; then they pop in reverse.
 *
 * The NBLs are foreign, as they are to every filter: a protocol or miniport above or below made
 * them and uses them again. Each thread holds 256 and takes the next `burst` of them each time, so
 * what is measured is context and nothing else. (An NBL allocated and freed for each packet would
 * cost more than all contexts of a short stack, whatever the policy; fwps_pair measures that.) With
 * `burst` 1 a packet completes before the next one comes.
 *
 * No driver asks for backfill, so no push finds room unless the policy makes some: what the
 * reference warns of. ctx_backfill is the same stack with the hint given.
 *
 * All threads do the same, each with packets of its own. A round is one chain; counts contexts.
 *
 * What it can't show: sizes that differ between drivers, a completion out of order or on another
 * thread (ovs_ingress has that), packets whose stacks differ in depth.
 */
#ifndef BENCH_WORKLOAD_CTX_STACK_H
#define BENCH_WORKLOAD_CTX_STACK_H

#include "bench/workload/nbl_load.h"

/* The longest chain is what is held: a thread goes round its NBLs. */
enum { CTX_STACK_CHAIN_MAX = NBL_LOAD_HELD };

/* One driver's way up: pops its context from n NBLs. */
ALWAYS_INLINE void ctx_stack_pop(struct workload_thread *t, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST **chain, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		WORKLOAD_DO(t, nbl_context_pop(NBL_LOAD_POLICY, pool, self, chain[k],
				       NBL_LOAD_CONTEXT_BYTES, "context workload"));
		bench_escape(chain[k]);
	}
}

/* One driver's way down. False: no memory, and nothing pushed. */
ALWAYS_INLINE bool ctx_stack_push(struct workload_thread *t, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST **chain, uint32_t n, uint32_t backfill,
	uint32_t driver)
{
	const uint32_t tag = nbl_load_driver_tag(driver);

	for (uint32_t k = 0; k < n; k++) {
		if (unlikely(WORKLOAD_CALL(
				     t, nbl_context_push(NBL_LOAD_POLICY, pool, self, chain[k],
						NBL_LOAD_CONTEXT_BYTES, backfill, tag)) != 0)) {
			ctx_stack_pop(t, pool, self, chain, k);
			return false;
		}
		nbl_load_write(NET_BUFFER_LIST_CONTEXT_DATA_START(chain[k]), driver, k);
		bench_escape(chain[k]);
	}
	return true;
}

/* n chains through the stack. The first driver asks for backfill. */
ALWAYS_INLINE uint64_t ctx_stack_chains(struct workload_thread *t, uint64_t n, uint32_t backfill)
{
	struct nbl_pool *pool = t->shared;
	struct nbl_load_ring *ring = t->own;
	const uint32_t depth = t->cell->depth;
	const uint32_t burst = t->cell->burst;

	for (uint64_t i = 0; i < n; i++) {
		NET_BUFFER_LIST **chain = nbl_load_ring_next(ring, burst);
		uint32_t pushed = 0;

		while (pushed < depth && likely(ctx_stack_push(t, pool, ring->nbl, chain, burst,
						 pushed == 0 ? backfill : 0, pushed)))
			pushed++;
		for (uint32_t d = 0; d < pushed; d++)
			ctx_stack_pop(t, pool, ring->nbl, chain, burst);
		if (unlikely(pushed < depth)) {
			t->failed++;
			return i * depth * burst;
		}
	}
	return n * depth * burst;
}

ALWAYS_INLINE uint64_t workload_ctx_stack(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)ops;
	(void)pool;
	return ctx_stack_chains(t, n, 0);
}

static const struct workload workload_ctx_stack_info = {
	.name = "ctx_stack",
	.summary = "a stack of drivers pushes contexts without backfill, and pops them",
	.unit = "contexts",
	.program = "Filter drivers that each keep 32 bytes on every packet of a chain and give no "
		   "backfill hint. The NBLs are another driver's and go round; completed in order, "
		   "where they began.",
	.contest = CONTEST_POLICIES,
	.lane_threads = 1,
	.axes = WORKLOAD_BURST | WORKLOAD_DEPTH | WORKLOAD_CONTEXT,
	.burst_max = CTX_STACK_CHAIN_MAX,
	.holds_many = true,
	.demand = nbl_load_ring_demand,
	.create = nbl_load_create_shared,
	.destroy = nbl_load_destroy_shared,
	.enter = nbl_load_ring_enter,
	.leave = nbl_load_ring_leave,
};

#endif
