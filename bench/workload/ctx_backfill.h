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
	(void)pool;
	return ctx_stack_packets(ops, t, n, (t->cell->depth - 1) * NBL_LOAD_CONTEXT_BYTES);
}

static const struct workload workload_ctx_backfill_info = {
	.name = "ctx_backfill",
	.summary = "the same stack, its first driver asks for backfill for all",
	.unit = "contexts",
	.program = "Filter drivers that each keep 32 bytes on the packet, with a perfect backfill "
		   "hint: one allocation a packet. One packet at a time, completed where it began.",
	.lane_threads = 1,
	.axes = WORKLOAD_DEPTH | WORKLOAD_CONTEXT,
	.demand = ctx_stack_demand,
	.create = ctx_stack_create,
	.destroy = ctx_stack_destroy,
	.enter = ctx_stack_enter,
	.leave = ctx_stack_leave,
};

#endif
