/*
 * netkvm_rx: the virtio network driver's receive path. A queue's CPU wraps each received frame in
 * an NBL around a long-lived MDL of its ring and indicates a batch; the consumer returns them on
 * its own CPU, where the return handler frees the NBL and gives the ring its buffer back.
 *
 * A lane has 256 buffers, the driver's default for a queue. The buffer travels in MiniportReserved,
 * so that the free has a dirty line to clean, as it has there. A round is one batch of `burst`
 * frames; counts frames, and the cell's throughput is what the returning threads finish.
 *
 * What it can't show: the device and its DMA, the protocols above, and the lock under which the
 * driver gives buffers back: here they return through a ring of one producer.
 */
#ifndef BENCH_WORKLOAD_NETKVM_RX_H
#define BENCH_WORKLOAD_NETKVM_RX_H

#include "bench/workload/nbl_lane.h"

enum { NETKVM_RX_BUFFERS = 256, NETKVM_RX_FRAME_BYTES = 1514 };
_Static_assert((int)NETKVM_RX_BUFFERS <= (int)NBL_LANE_UNDER_WAY, "each has an MDL");

/* An NBL around the next buffer of the ring, which has one. */
ALWAYS_INLINE void *netkvm_rx_frame(const struct pool_ops *ops, struct workload_thread *t)
{
	struct nbl_lane_thread *own = t->own;
	MDL *buffer = own->stock[own->stock_count - 1];
	NET_BUFFER_LIST *nbl = NULL;

	if (unlikely(WORKLOAD_CALL(
			     t, nbl_alloc(ops, NBL_LOAD_POLICY, nbl_lane_pool(t, 0), own->nbl[0], 0,
					0, buffer, 0, NETKVM_RX_FRAME_BYTES, &nbl)) != 0)) {
		t->failed++;
		return NULL;
	}
	WORKLOAD_GOT(t, &(void *){nbl}, 1);
	own->stock_count--;
	NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0] = buffer;
	return nbl;
}

ALWAYS_INLINE void netkvm_rx_return(
	const struct pool_ops *ops, struct workload_thread *t, void **batch, uint32_t count)
{
	struct nbl_lane_thread *own = t->own;

	for (uint32_t k = 0; k < count; k++) {
		NET_BUFFER_LIST *nbl = batch[k];

		batch[k] = WORKLOAD_OWN(t, NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0]);
		nbl_lane_free(ops, t, 0, nbl);
	}
	nbl_lane_give_back(own->lane, batch, count);
}

ALWAYS_INLINE uint64_t workload_netkvm_rx(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return nbl_lane_sends(t) ? nbl_lane_send_again(ops, t, n, netkvm_rx_frame)
				 : nbl_lane_complete(ops, t, n, netkvm_rx_return);
}

static uint32_t netkvm_rx_demand(const struct workload_cell *cell)
{
	return nbl_lane_demand(0, cell);
}

static const struct nbl_lane_profile netkvm_rx_profile = {.pools = 1};

static int netkvm_rx_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	return nbl_lane_create(&netkvm_rx_profile, ops, config, cell, shared, pool);
}

/* The buffers are the sender's, and share one frame. */
static int netkvm_rx_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	int rc = nbl_lane_enter(ops, pool, t);

	if (rc != 0 || !nbl_lane_sends(t))
		return rc;
	struct nbl_lane_thread *own = t->own;
	while (own->stock_count < NETKVM_RX_BUFFERS) {
		own->stock[own->stock_count] = &own->mdl[own->stock_count];
		own->stock_count++;
	}
	return 0;
}

static const struct workload workload_netkvm_rx_info = {
	.name = "netkvm_rx",
	.summary = "received frames around long-lived MDLs, returned on the consumer's CPU",
	.unit = "frames",
	.program =
		"NetKVM's receive path: an NBL around a buffer of the queue for each frame, freed "
		"by the return handler on the consumer's CPU. No device and no lock.",
	.contest = CONTEST_WHOLE,
	.lane_threads = NBL_LANE_THREADS,
	.axes = WORKLOAD_BURST,
	.burst_max = NBL_LANE_BATCH_MAX,
	.holds_many = true,
	.demand = netkvm_rx_demand,
	.create = netkvm_rx_create,
	.destroy = nbl_lane_destroy,
	.enter = netkvm_rx_enter,
	.leave = nbl_lane_leave,
};

#endif
