/*
 * ovs_ingress: Open vSwitch's Windows datapath, which pushes 32 bytes of context onto every NBL
 * that comes in from other drivers, and pops them when the packet completes, on whatever CPU that
 * happens. The foreign pool has no room for it (ContextSize 0), so every push falls back: the
 * hottest pure context load among the drivers that were read.
 *
 * The NBLs are the miniport's and travel round: 256 in each lane, none allocated or freed in the
 * window. A round is one chain of `burst` NBLs; counts contexts, and the cell's throughput is what
 * the completing threads finish. What has an age is the memory of a context: popped by one thread, it
 * comes back to a push of another, with its NBL under some policies and by itself under others.
 *
 * What it can't show: the datapath between push and pop, completions out of order, and foreign
 * pools whose ContextSize leaves room: there a push is two instructions under every policy.
 */
#ifndef BENCH_WORKLOAD_OVS_INGRESS_H
#define BENCH_WORKLOAD_OVS_INGRESS_H

#include "bench/workload/nbl_lane.h"

enum { OVS_INGRESS_NBLS = 256 }; /* receive buffers of a queue, NetKVM's default */

/* The next NBL of the stock, which has one, with a context. */
ALWAYS_INLINE void *ovs_ingress_packet(const struct pool_ops *ops, struct workload_thread *t)
{
	struct nbl_lane_thread *own = t->own;
	NET_BUFFER_LIST *nbl = own->stock[own->stock_count - 1];

	(void)ops;
	if (unlikely(WORKLOAD_CALL(t, nbl_context_push(NBL_LOAD_POLICY, nbl_lane_pool(t, 0),
					      own->nbl[0], nbl, NBL_LOAD_CONTEXT_BYTES, 0,
					      nbl_load_driver_tag(0))) != 0)) {
		t->failed++;
		return NULL;
	}
	own->stock_count--;
	/* The packet's source, and a count of who still needs it. */
	uint64_t *words = (uint64_t *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
	WORKLOAD_GOT(t, &(void *){words}, 1);
	words[0] = own->turn++;
	words[1] = 1;
	return nbl;
}

ALWAYS_INLINE void ovs_ingress_finish(
	const struct pool_ops *ops, struct workload_thread *t, void **batch, uint32_t count)
{
	struct nbl_lane_thread *own = t->own;
	struct nbl_pool *pool = nbl_lane_pool(t, 0);

	(void)ops;
	for (uint32_t k = 0; k < count; k++) {
		NET_BUFFER_LIST *nbl = batch[k];
		uint64_t *words = (uint64_t *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);

		if (unlikely(WORKLOAD_OWN(t, words[1]) != 1))
			t->failed++;
		WORKLOAD_PUTTING(t, &(void *){words}, 1);
		WORKLOAD_DO(t, nbl_context_pop(NBL_LOAD_POLICY, pool, own->nbl[0], nbl,
				       NBL_LOAD_CONTEXT_BYTES, "ovs_ingress"));
		bench_escape(nbl);
	}
	nbl_lane_give_back(own->lane, batch, count);
}

ALWAYS_INLINE uint64_t workload_ovs_ingress(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return nbl_lane_sends(t) ? nbl_lane_send_again(ops, t, n, ovs_ingress_packet)
				 : nbl_lane_complete(ops, t, n, ovs_ingress_finish);
}

static uint32_t ovs_ingress_demand(const struct workload_cell *cell)
{
	(void)cell;
	return OVS_INGRESS_NBLS / NBL_LANE_THREADS;
}

static const struct nbl_lane_profile ovs_ingress_profile = {.pools = 1};

static int ovs_ingress_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	return nbl_lane_create(&ovs_ingress_profile, ops, config, cell, shared, pool);
}

static void ovs_ingress_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct nbl_lane_thread *own = t->own;

	(void)pool;
	nbl_lane_drain(ops, t, NBL_LOAD_CONTEXT_BYTES);
	if (nbl_lane_sends(t))
		nbl_lane_refill(own);
	nbl_lane_free_stock(ops, t);
	nbl_lane_part(own);
}

static int ovs_ingress_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	int rc = nbl_lane_enter(ops, pool, t);

	if (rc != 0 || !nbl_lane_sends(t))
		return rc;
	struct nbl_lane_thread *own = t->own;
	while (own->stock_count < OVS_INGRESS_NBLS) {
		NET_BUFFER_LIST *nbl;

		rc = nbl_alloc(ops, NBL_LOAD_POLICY, nbl_lane_pool(t, 0), own->nbl[0], 0, 0, NULL,
			0, 0, &nbl);
		if (rc != 0) {
			ovs_ingress_leave(ops, pool, t);
			return rc;
		}
		own->stock[own->stock_count++] = nbl;
	}
	return 0;
}

static const struct workload workload_ovs_ingress_info = {
	.name = "ovs_ingress",
	.summary = "32 bytes of context on every foreign NBL, popped on another CPU",
	.unit = "contexts",
	.program =
		"Open vSwitch's ingress on Windows: a context on each NBL of a pool without room "
		"for it, freed at completion on another CPU. The NBLs go round; nothing else is "
		"done.",
	.contest = CONTEST_WHOLE,
	.lane_threads = NBL_LANE_THREADS,
	.axes = WORKLOAD_BURST | WORKLOAD_CONTEXT,
	.burst_max = NBL_LANE_BATCH_MAX,
	.holds_many = true,
	.demand = ovs_ingress_demand,
	.create = ovs_ingress_create,
	.destroy = nbl_lane_destroy,
	.enter = ovs_ingress_enter,
	.leave = ovs_ingress_leave,
};

#endif
