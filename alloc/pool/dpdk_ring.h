/*
 * dpdk_ring: DPDK's mempool without a cache, over its ring for many producers and many consumers:
 * a compare-and-swap takes positions, and then each waits until those before it have finished.
 *
 * Source: DPDK, rte_mempool over its "ring_mp_mc" backend, as alloc/peer/dpdk.h describes it. Peer: what
 * it promises is DPDK's to promise, and there are no labels, tables of orders or tunables here.
 *
 * Progress: blocking: a thread stopped between taking its positions and finishing stops all that
 * come after it.
 * After put: memory stays mapped, nothing is overwritten.
 * Exact, for any number of threads: without a cache every free object is in the ring, which is made
 * for all of them, and a get fails only where no finished put is left to take. Positions are 32-bit
 * and count objects, not threads.
 *
 * I1  as in alloc/peer/dpdk.h.
 */
#ifndef ALLOC_POOL_DPDK_RING_H
#define ALLOC_POOL_DPDK_RING_H

#include "alloc/peer/dpdk.h"

#if NBLBENCH_DPDK
static COLD int dpdk_ring_init(struct pool *pool)
{
	return dpdk_init(pool, "ring_mp_mc", false);
}

static const struct pool_parts dpdk_ring_parts = DPDK_PARTS(dpdk_ring_init);
#endif

static const struct pool_ops pool_dpdk_ring_ops = {
	.name = "dpdk_ring",
	.summary = "peer: DPDK mempool over a ring, no cache",
	.traits = {.progress = POOL_BLOCKING,
		.needs_library = true,
		.bounded = true,
		.exact = true,
		.opaque_to_tsan = true,
		.lost_in_fork = true},
	.supported = dpdk_supported,
	DPDK_HOOKS(dpdk_ring),
};

#endif
