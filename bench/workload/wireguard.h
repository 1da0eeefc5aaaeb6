/*
 * wireguard: WireGuard-NT's send path. For each packet an NBL comes from the first of five data
 * pools (192, 512, 1024, 1500 and 9000 bytes) that holds the message header, the packet and what
 * encryption appends; it retreats by that size, and the completion frees it on another CPU. Packet
 * sizes are IMIX: 7 of 64 bytes, 4 of 576 and 1 of full size, which for WireGuard's usual MTU is
 * 1420.
 *
 * A round is one batch of `burst` packets; counts packets, and the cell's throughput is what the
 * completing threads finish. The driver stages up to 128 packets a peer.
 *
 * What it can't show: encryption, which costs more than all this; packets above 9000 bytes, for
 * which the driver has loose pools; the parallel workers between send and completion. Figures about
 * the pool's paths are those of the 192-byte class. The retreat is the documented function, called,
 * not inlined.
 */
#ifndef BENCH_WORKLOAD_WIREGUARD_H
#define BENCH_WORKLOAD_WIREGUARD_H

#include "bench/workload/nbl_lane.h"

enum {
	WIREGUARD_BEFORE_BYTES = 16, /* the data message's header */
	WIREGUARD_AFTER_BYTES = 16,  /* the authentication tag */
	WIREGUARD_IMIX = 12,         /* packets until the sizes repeat */
	WIREGUARD_CLASSES = 5,
};
_Static_assert((int)WIREGUARD_CLASSES <= (int)NBL_LANE_POOLS_MAX, "a pool a class");

static const uint16_t wireguard_sizes[WIREGUARD_IMIX] = {
	64, 576, 64, 64, 576, 64, 1420, 64, 576, 64, 576, 64};

static const struct nbl_lane_profile wireguard_profile = {
	.pools = WIREGUARD_CLASSES,
	.pool = {{.data_bytes = 192}, {.data_bytes = 512}, {.data_bytes = 1024},
		{.data_bytes = 1500}, {.data_bytes = 9000}},
};

ALWAYS_INLINE void *wireguard_packet(const struct pool_ops *ops, struct workload_thread *t)
{
	struct nbl_lane_thread *own = t->own;
	const uint32_t bytes = WIREGUARD_BEFORE_BYTES + WIREGUARD_AFTER_BYTES +
			       wireguard_sizes[own->turn++ % WIREGUARD_IMIX];
	NET_BUFFER_LIST *nbl = NULL;
	uint32_t class = 0;

	while (wireguard_profile.pool[class].data_bytes < bytes)
		class ++;
	if (unlikely(WORKLOAD_CALL(t, nbl_alloc(ops, NBL_LOAD_POLICY, nbl_lane_pool(t, class),
					      own->nbl[class], 0, 0, NULL, 0, 0, &nbl)) != 0)) {
		t->failed++;
		return NULL;
	}
	WORKLOAD_GOT(t, &(void *){nbl}, 1);
	NET_BUFFER *nb = nbl->FirstNetBuffer;
	NdisRetreatNetBufferDataStart(nb, bytes, 0, NULL);
	/* The message header: a type, the receiver and a counter. */
	uint64_t *words = (uint64_t *)((unsigned char *)nb->CurrentMdl->MappedSystemVa +
				       nb->CurrentMdlOffset);
	words[0] = class;
	words[1] = own->turn;
	return nbl;
}

ALWAYS_INLINE void wireguard_finish(
	const struct pool_ops *ops, struct workload_thread *t, void **batch, uint32_t count)
{
	for (uint32_t k = 0; k < count; k++)
		nbl_lane_free(ops, t, nbl_lane_pool_of(t->shared, batch[k]), batch[k]);
}

ALWAYS_INLINE uint64_t workload_wireguard(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return nbl_lane_sends(t) ? nbl_lane_send(ops, t, n, wireguard_packet)
				 : nbl_lane_complete(ops, t, n, wireguard_finish);
}

static uint32_t wireguard_demand(const struct workload_cell *cell)
{
	return nbl_lane_demand(0, cell);
}

static int wireguard_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	return nbl_lane_create(&wireguard_profile, ops, config, cell, shared, pool);
}

static const struct workload workload_wireguard_info = {
	.name = "wireguard",
	.summary = "IMIX packets from five data pools by size, freed on another CPU",
	.unit = "packets",
	.program =
		"WireGuard-NT's send path: an NBL with data from the smallest of five size classes "
		"that holds the message, freed on another CPU. Nothing is encrypted.",
	.contest = CONTEST_WHOLE,
	.lane_threads = NBL_LANE_THREADS,
	.axes = WORKLOAD_BURST,
	.burst_max = 128,
	.holds_many = true,
	.demand = wireguard_demand,
	.create = wireguard_create,
	.destroy = nbl_lane_destroy,
	.enter = nbl_lane_enter,
	.leave = nbl_lane_leave,
};

#endif
