/*
 * dpdk_cache: DPDK's mempool with a cache for each lcore, as packet programs use it: an array of
 * pointers that only its thread touches, over a ring that all share. The peer to beat.
 *
 * Source: DPDK, rte_mempool over its "ring_mp_mc" backend, as alloc/peer/dpdk.h describes it. Peer: what
 * it promises is DPDK's to promise, and there are no labels, tables of orders or tunables here.
 *
 * Progress: blocking: a thread stopped while it moves objects between its cache and the ring stops
 * the others there. Not exact: what rests in other threads' caches is out of reach.
 * After put: memory stays mapped, nothing is overwritten.
 *
 * I1  as in alloc/peer/dpdk.h.
 */
#ifndef ALLOC_POOL_DPDK_CACHE_H
#define ALLOC_POOL_DPDK_CACHE_H

#include "alloc/peer/dpdk.h"

#if NBLBENCH_DPDK
static COLD int dpdk_cache_init(struct pool *pool)
{
	return dpdk_init(pool, "ring_mp_mc", true);
}

static const struct pool_parts dpdk_cache_parts = DPDK_PARTS(dpdk_cache_init);
#endif

/* Beyond half as much again as its size a cache is flushed. */
static COLD uint64_t dpdk_cache_withheld(const struct pool *pool)
{
	return (uint64_t)pool->config.cpu_cache_objects * 3 / 2;
}

static const struct pool_ops pool_dpdk_cache_ops = {
	.name = "dpdk_cache",
	.summary = "peer: DPDK mempool with its per-lcore cache over a ring",
	.traits = {.progress = POOL_BLOCKING,
		.needs_library = true,
		.cache = POOL_CACHE_THREAD,
		.bounded = true,
		.opaque_to_tsan = true,
		.lost_in_fork = true},
	.supported = dpdk_supported,
	DPDK_HOOKS(dpdk_cache),
	.withheld = dpdk_cache_withheld,
};

#endif
