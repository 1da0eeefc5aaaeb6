/*
 * wfp_inject: a callout driver that injects packets. One thread allocates NBLs around its own data
 * (FwpsAllocateNetBufferAndNetBufferList0 with an MDL chain, no context) and sends them in batches;
 * the completion thread, on another CPU, checks the status and frees each there. This is
 * WinDivert's send path, whose batches hold up to 255 packets.
 *
 * Threads come in pairs: an even thread injects, the odd one after it completes. At most 256
 * packets of a pair are in the ring between them, a common length of transmit rings. A round is one
 * batch of `burst` packets; counts packets, and the cell's throughput is what the completing
 * threads finish.
 *
 * What it can't show: the cost of the MDL and of the data, which every packet of a thread shares,
 * and completions out of order.
 */
#ifndef BENCH_WORKLOAD_WFP_INJECT_H
#define BENCH_WORKLOAD_WFP_INJECT_H

#include "bench/workload/nbl_load.h"
#include "bench/workload/spsc_ring.h"

enum {
	WFP_INJECT_LANE_THREADS = 2,  /* one injects, one completes */
	WFP_INJECT_BATCH_MAX = 255,   /* WINDIVERT_BATCH_MAX */
	WFP_INJECT_IN_RING = 256,     /* packets of a pair in the ring, at most */
	WFP_INJECT_DATA_BYTES = 1514, /* a full Ethernet frame without its checksum */
	WFP_INJECT_DATA_OFFSET = 14,  /* the packet begins behind the Ethernet header */
};
_Static_assert(WFP_INJECT_BATCH_MAX <= WFP_INJECT_IN_RING, "a batch fits into an empty ring");
_Static_assert((int)WFP_INJECT_IN_RING <= (int)SPSC_RING_OBJECTS, "the bound is within the ring");

struct wfp_inject {
	struct nbl_pool *pool;
	struct spsc_ring rings[]; /* one a pair */
};

struct wfp_inject_thread {
	struct nbl_thread *nbl;
	struct spsc_ring *ring;
	MDL mdl; /* of the injecting side's packet */
	unsigned char data[WFP_INJECT_DATA_BYTES];
};

ALWAYS_INLINE uint64_t wfp_inject_send(
	const struct pool_ops *ops, struct workload_thread *t, uint64_t n)
{
	struct nbl_pool *pool = ((struct wfp_inject *)t->shared)->pool;
	struct wfp_inject_thread *own = t->own;
	const uint32_t burst = t->cell->burst;
	const uint32_t want = SPSC_RING_OBJECTS - WFP_INJECT_IN_RING + burst;
	void *batch[WFP_INJECT_BATCH_MAX];
	uint64_t done = 0;

	for (uint64_t i = 0; i < n && WORKLOAD_OWN(t, spsc_ring_fits(own->ring, want)); i++) {
		uint32_t made = 0;

		for (; made < burst; made++) {
			NET_BUFFER_LIST *nbl = NULL;

			if (unlikely(WORKLOAD_CALL(t,
					     nbl_alloc(ops, NBL_LOAD_POLICY, pool, own->nbl, 0, 0,
						     &own->mdl, WFP_INJECT_DATA_OFFSET,
						     WFP_INJECT_DATA_BYTES - WFP_INJECT_DATA_OFFSET,
						     &nbl)) != 0))
				break;
			WORKLOAD_GOT(t, &(void *){nbl}, 1);
			bench_escape(nbl);
			batch[made] = nbl;
		}
		if (unlikely(made < burst))
			t->failed++;
		if (unlikely(made == 0))
			break;
		WORKLOAD_OWN_DO(t, spsc_ring_push(own->ring, batch, made));
		done += made;
	}
	return done;
}

ALWAYS_INLINE uint64_t wfp_inject_complete(
	const struct pool_ops *ops, struct workload_thread *t, uint64_t n)
{
	struct nbl_pool *pool = ((struct wfp_inject *)t->shared)->pool;
	struct wfp_inject_thread *own = t->own;
	const uint32_t burst = t->cell->burst;
	void *batch[WFP_INJECT_BATCH_MAX];
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint32_t got = WORKLOAD_OWN(t, spsc_ring_pop(own->ring, batch, burst));

		if (got == 0)
			break;
		for (uint32_t k = 0; k < got; k++) {
			NET_BUFFER_LIST *nbl = batch[k];

			if (unlikely(nbl->Status != NDIS_STATUS_SUCCESS))
				t->failed++;
			WORKLOAD_PUTTING(t, &(void *){nbl}, 1);
			WORKLOAD_DO(t, nbl_free(ops, NBL_LOAD_POLICY, pool, own->nbl, nbl,
					       NBL_MARK_LIVE, "injection workload"));
			bench_escape(pool);
		}
		done += got;
	}
	return done;
}

ALWAYS_INLINE uint64_t workload_wfp_inject(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	if (t->index % WFP_INJECT_LANE_THREADS == 0)
		return wfp_inject_send(ops, t, n);
	return wfp_inject_complete(ops, t, n);
}

/* A pair has a full ring and a batch on either side under way. */
static uint32_t wfp_inject_demand(const struct workload_cell *cell)
{
	return WFP_INJECT_IN_RING / WFP_INJECT_LANE_THREADS + cell->burst;
}

static size_t wfp_inject_bytes(const struct workload_cell *cell)
{
	return sizeof(struct wfp_inject) +
	       cell->threads / WFP_INJECT_LANE_THREADS * sizeof(struct spsc_ring);
}

static int wfp_inject_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	struct wfp_inject *self = memory_alloc(wfp_inject_bytes(cell));

	if (self == NULL)
		return -ENOMEM;
	int rc = nbl_load_create(ops, config, &self->pool);
	if (rc != 0) {
		memory_free(self, wfp_inject_bytes(cell));
		return rc;
	}
	for (uint32_t i = 0; i < cell->threads / WFP_INJECT_LANE_THREADS; i++)
		spsc_ring_init(&self->rings[i]);
	*shared = self;
	*pool = self->pool->pool;
	return 0;
}

static void wfp_inject_destroy(const struct workload_cell *cell, void *shared)
{
	struct wfp_inject *self = shared;

	nbl_load_destroy(self->pool);
	memory_free(self, wfp_inject_bytes(cell));
}

static int wfp_inject_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct wfp_inject *shared = t->shared;
	struct wfp_inject_thread *own = memory_alloc(sizeof(*own));

	(void)ops;
	(void)pool;
	if (own == NULL)
		return -ENOMEM;
	int rc = nbl_load_attach(shared->pool, t, &own->nbl);
	if (rc != 0) {
		memory_free(own, sizeof(*own));
		return rc;
	}
	own->ring = &shared->rings[t->index / WFP_INJECT_LANE_THREADS];
	own->mdl = nbl_load_mdl(own->data, WFP_INJECT_DATA_BYTES);
	t->own = own;
	return 0;
}

/* The completing side empties the ring first. */
static void wfp_inject_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct wfp_inject_thread *own = t->own;
	void *nbl;

	(void)pool;
	while (t->index % WFP_INJECT_LANE_THREADS != 0 && spsc_ring_pop(own->ring, &nbl, 1) != 0)
		nbl_free(ops, NBL_LOAD_POLICY, ((struct wfp_inject *)t->shared)->pool, own->nbl,
			nbl, NBL_MARK_LIVE, "end of a workload");
	nbl_load_detach(own->nbl);
	memory_free(own, sizeof(*own));
}

static const struct workload workload_wfp_inject_info = {
	.name = "wfp_inject",
	.summary = "one thread allocates NBLs around an MDL, another completes and frees them",
	.unit = "packets",
	.program =
		"A WFP callout that injects packets and frees them in its completion function on "
		"another CPU (WinDivert's send path). All packets share one MDL and its data.",
	.contest = CONTEST_WHOLE,
	.lane_threads = WFP_INJECT_LANE_THREADS,
	.axes = WORKLOAD_BURST,
	.burst_max = WFP_INJECT_BATCH_MAX,
	.holds_many = true,
	.demand = wfp_inject_demand,
	.create = wfp_inject_create,
	.destroy = wfp_inject_destroy,
	.enter = wfp_inject_enter,
	.leave = wfp_inject_leave,
};

#endif
