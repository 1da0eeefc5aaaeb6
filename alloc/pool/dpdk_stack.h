/*
 * dpdk_stack: DPDK's mempool without a cache, over its array of pointers under a spinlock.
 *
 * Source: DPDK, rte_mempool over its "stack" backend, as alloc/peer/dpdk.h describes it. Peer: what it
 * promises is DPDK's to promise, and there are no labels, tables of orders or tunables here.
 *
 * Progress: blocking: a thread stopped with the lock stops the others, which spin.
 * After put: memory stays mapped, nothing is overwritten.
 * Exact, for any number of threads: without a cache every free object is on the stack, and a get
 * sees it whole under the lock.
 *
 * I1  as in alloc/peer/dpdk.h.
 */
#ifndef ALLOC_POOL_DPDK_STACK_H
#define ALLOC_POOL_DPDK_STACK_H

#include "alloc/peer/dpdk.h"

#if NBLBENCH_DPDK
static COLD int dpdk_stack_init(struct pool *pool)
{
	return dpdk_init(pool, "stack", false);
}

static const struct pool_parts dpdk_stack_parts = DPDK_PARTS(dpdk_stack_init);
#endif

static const struct pool_ops pool_dpdk_stack_ops = {
	.name = "dpdk_stack",
	.summary = "peer: DPDK mempool over a stack under a spinlock, no cache",
	.traits = {.progress = POOL_BLOCKING,
		.needs_library = true,
		.bounded = true,
		.exact = true,
		.opaque_to_tsan = true,
		.lost_in_fork = true},
	.supported = dpdk_supported,
	DPDK_HOOKS(dpdk_stack),
};

#endif
