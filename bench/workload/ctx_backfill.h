/*
 * ctx_backfill: ctx_stack with the documented hint. The first of `depth` filter drivers asks for
 * backfill that has room for all the others, so that one block serves the stack and every later
 * push only lowers an offset.
 *
 * Roles, unit and limits are those of ctx_stack; the hint is also better than any real driver's,
 * which does not know who sits below it.
 */
#ifndef BENCH_WORKLOAD_CTX_BACKFILL_H
#define BENCH_WORKLOAD_CTX_BACKFILL_H

#include "bench/workload/ctx_stack.h"

ALWAYS_INLINE uint64_t workload_ctx_backfill(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)ops;
	(void)pool;
	return ctx_stack_chains(t, n, (t->cell->depth - 1) * NBL_LOAD_CONTEXT_BYTES);
}

static const struct workload workload_ctx_backfill_info = {
	.name = "ctx_backfill",
	.summary = "the same stack, its first driver asks for backfill for all",
	.unit = "contexts",
	.program = "Filter drivers that each keep 32 bytes on every packet of a chain, with a "
		   "perfect backfill hint: one block a packet. The NBLs are another driver's and "
		   "go round; completed in order, where they began.",
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
