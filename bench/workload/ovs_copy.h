/*
 * ovs_copy: Open vSwitch's Windows datapath copying a small packet. From a pool of NBLs with 384
 * bytes of data (256 and 128 of headroom) and 32 of context it takes an NBL with its context,
 * retreats by the packet's size and copies the packet there; the send completion, on another CPU,
 * frees it. Sizes go round: 64, 128 and 256 bytes.
 *
 * A round is one batch of `burst` packets; counts packets, and the cell's throughput is what the
 * completing threads finish.
 *
 * What it can't show: packets above 256 bytes, for which the driver allocates an MDL of its own,
 * and a source that is not in the sender's cache. The retreat is the documented function, called,
 * not inlined.
 */
#ifndef BENCH_WORKLOAD_OVS_COPY_H
#define BENCH_WORKLOAD_OVS_COPY_H

#include "bench/workload/nbl_lane.h"

enum { OVS_COPY_DATA_BYTES = 384, OVS_COPY_CONTEXT_BYTES = 32, OVS_COPY_SIZES = 3 };

ALWAYS_INLINE void *ovs_copy_packet(const struct pool_ops *ops, struct workload_thread *t)
{
	struct nbl_lane_thread *own = t->own;
	const uint32_t bytes = (uint32_t)CACHE_LINE_BYTES << own->turn % OVS_COPY_SIZES;
	NET_BUFFER_LIST *nbl = NULL;

	if (unlikely(WORKLOAD_CALL(
			     t, nbl_alloc(ops, NBL_LOAD_POLICY, nbl_lane_pool(t, 0), own->nbl[0],
					OVS_COPY_CONTEXT_BYTES, 0, NULL, 0, 0, &nbl)) != 0)) {
		t->failed++;
		return NULL;
	}
	WORKLOAD_GOT(t, &(void *){nbl}, 1);
	NET_BUFFER *nb = nbl->FirstNetBuffer;
	NdisRetreatNetBufferDataStart(nb, bytes, 0, NULL);
	memcpy((unsigned char *)nb->CurrentMdl->MappedSystemVa + nb->CurrentMdlOffset, own->data,
		bytes);
	*(uint64_t *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl) = own->turn++;
	return nbl;
}

ALWAYS_INLINE void ovs_copy_finish(
	const struct pool_ops *ops, struct workload_thread *t, void **batch, uint32_t count)
{
	for (uint32_t k = 0; k < count; k++) {
		NET_BUFFER_LIST *nbl = batch[k];

		if (unlikely(nbl->Status != NDIS_STATUS_SUCCESS))
			t->failed++;
		nbl_lane_free(ops, t, 0, nbl);
	}
}

ALWAYS_INLINE uint64_t workload_ovs_copy(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return nbl_lane_sends(t) ? nbl_lane_send(ops, t, n, ovs_copy_packet)
				 : nbl_lane_complete(ops, t, n, ovs_copy_finish);
}

static uint32_t ovs_copy_demand(const struct workload_cell *cell)
{
	return nbl_lane_demand(0, cell);
}

static const struct nbl_lane_profile ovs_copy_profile = {
	.pools = 1,
	.pool = {{.context_bytes = OVS_COPY_CONTEXT_BYTES, .data_bytes = OVS_COPY_DATA_BYTES}},
};

static int ovs_copy_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	return nbl_lane_create(&ovs_copy_profile, ops, config, cell, shared, pool);
}

static const struct workload workload_ovs_copy_info = {
	.name = "ovs_copy",
	.summary = "small packets copied into a 384-byte data pool, freed on another CPU",
	.unit = "packets",
	.program = "Open vSwitch's copy of a small packet on Windows: an NBL with context and 384 "
		   "bytes of data, a retreat, a copy, freed by the send completion on another CPU.",
	.contest = CONTEST_WHOLE,
	.lane_threads = NBL_LANE_THREADS,
	.axes = WORKLOAD_BURST,
	.burst_max = NBL_LANE_BATCH_MAX,
	.holds_many = true,
	.demand = ovs_copy_demand,
	.create = ovs_copy_create,
	.destroy = nbl_lane_destroy,
	.enter = nbl_lane_enter,
	.leave = nbl_lane_leave,
};

#endif
