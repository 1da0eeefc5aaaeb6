/*
 * stalled_1: a thread is stopped for 1 ms while it works, as by a scheduler, a page fault or a
 * debugger. What the others see meanwhile is stalled_holder.h's subject.
 */
#ifndef BENCH_WORKLOAD_STALLED_1_H
#define BENCH_WORKLOAD_STALLED_1_H

#include "bench/workload/stalled_holder.h"

ALWAYS_INLINE uint64_t workload_stalled_1(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return workload_pair(ops, pool, t, n);
}

static const struct workload workload_stalled_1_info = {
	.name = "stalled_1",
	.summary = "as pair, while one thread is stopped for 1 ms in the midst of it",
	.unit = "objects",
	.program = STALLED_HOLDER_PROGRAM,
	.lane_threads = STALLED_HOLDER_LANE_THREADS,
	.stall_ms = 1,
	.diagnostic = true,
	.by_name = true,
	.demand = pair_demand,
};

#endif
