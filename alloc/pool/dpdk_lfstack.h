/*
 * dpdk_lfstack: DPDK's mempool without a cache, over its lock-free stack: two lists, of used and of
 * free elements, and each operation moves an element from one to the other, so it takes four locked
 * instructions, two of them on 16 bytes.
 *
 * Source: DPDK, rte_mempool over its "lf_stack" backend, as alloc/peer/dpdk.h describes it. Peer: what
 * it promises is DPDK's to promise, and there are no labels, tables of orders or tunables here.
 *
 * Progress: lock-free.
 * Signal handlers must not use it: DPDK promises them nothing.
 * After put: memory stays mapped, nothing is overwritten.
 * Exact, for any number of threads: without a cache every free object is on the stack, whose length
 * a put raises when it has linked its object and a get lowers before it takes one. What a length
 * that reads 0 leaves out belongs to unfinished calls. Heads carry a 64-bit generation.
 *
 * I1  as in alloc/peer/dpdk.h.
 */
#ifndef ALLOC_POOL_DPDK_LFSTACK_H
#define ALLOC_POOL_DPDK_LFSTACK_H

#include "alloc/peer/dpdk.h"

#if NBLBENCH_DPDK
static COLD int dpdk_lfstack_init(struct pool *pool)
{
	return dpdk_init(pool, "lf_stack", false);
}

static const struct pool_parts dpdk_lfstack_parts = DPDK_PARTS(dpdk_lfstack_init);
#endif

static const struct pool_ops pool_dpdk_lfstack_ops = {
	.name = "dpdk_lfstack",
	.summary = "peer: DPDK mempool over its lock-free stack, no cache",
	.traits = {.progress = POOL_LOCK_FREE,
		.needs_library = true,
		.bounded = true,
		.needs_cx16 = true,
		.exact = true,
		.opaque_to_tsan = true,
		.lost_in_fork = true},
	.supported = dpdk_supported,
	DPDK_HOOKS(dpdk_lfstack),
};

#endif
