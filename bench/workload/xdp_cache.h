/*
 * xdp_cache: XDP for Windows keeps the NBLs of its clones to itself. A queue allocates an NBL with
 * 384 bytes of context when its private list has none, up to 1024, and never gives one back while
 * it runs: completions push them, from any CPU, onto a list from which the queue takes all at once.
 * What every pool must beat, or at least not lose to by much: the bypass.
 *
 * A round is one batch of `burst` packets (64 in the driver); counts packets, and the cell's
 * throughput is what the completing threads finish. The pool is used only until the list is full,
 * so all strategies should read the same: their distance to it is what a private cache would gain.
 *
 * R0 in return, meets A0 in refill: the queue sees Next of each NBL, and what completion wrote.
 * ABA: only whole lists are taken, so a head that comes back is a list that is the same.
 *
 * What it can't show: the cloned MDLs that the driver keeps in the context, and several completing
 * CPUs on one list.
 */
#ifndef BENCH_WORKLOAD_XDP_CACHE_H
#define BENCH_WORKLOAD_XDP_CACHE_H

#include "bench/workload/nbl_lane.h"

enum { XDP_CACHE_NBLS = 1024, XDP_CACHE_CONTEXT_BYTES = 384 };
_Static_assert((int)XDP_CACHE_NBLS <= (int)NBL_LANE_STOCK_MAX, "the private list");

static inline void xdp_cache_refill(struct nbl_lane_thread *own)
{
	NET_BUFFER_LIST *nbl = atom_xchg_acquire(&own->lane->returned, NULL); /* A0, meets R0 */

	for (; nbl != NULL; nbl = nbl->Next)
		own->stock[own->stock_count++] = nbl;
}

/* NULL without a failure: all are under way. */
ALWAYS_INLINE void *xdp_cache_take(const struct pool_ops *ops, struct workload_thread *t)
{
	struct nbl_lane_thread *own = t->own;
	NET_BUFFER_LIST *nbl;

	if (unlikely(own->stock_count == 0))
		xdp_cache_refill(own);
	if (likely(own->stock_count != 0)) {
		nbl = own->stock[--own->stock_count];
		nbl->Next = NULL;
		return nbl;
	}
	if (own->made == XDP_CACHE_NBLS ||
		nbl_alloc(ops, NBL_LOAD_POLICY, nbl_lane_pool(t, 0), own->nbl[0],
			XDP_CACHE_CONTEXT_BYTES, 0, NULL, 0, 0, &nbl) != 0)
		return NULL;
	own->made++;
	return nbl;
}

ALWAYS_INLINE void *xdp_cache_packet(const struct pool_ops *ops, struct workload_thread *t)
{
	void *nbl = WORKLOAD_CALL(t, xdp_cache_take(ops, t));

	WORKLOAD_GOT(t, &nbl, nbl != NULL);
	return nbl;
}

/* Pushes the list first..last, linked already. */
ALWAYS_INLINE void xdp_cache_return(
	struct nbl_lane *lane, NET_BUFFER_LIST *first, NET_BUFFER_LIST *last)
{
	void *head = atom_load_relaxed(&lane->returned); /* only stored and compared */

	do {
		last->Next = head;
	} while (unlikely(!atom_cas_weak_release(&lane->returned, &head, first))); /* R0 */
}

ALWAYS_INLINE void xdp_cache_finish(
	const struct pool_ops *ops, struct workload_thread *t, void **batch, uint32_t count)
{
	struct nbl_lane_thread *own = t->own;

	(void)ops;
	for (uint32_t k = 0; k + 1 < count; k++)
		((NET_BUFFER_LIST *)batch[k])->Next = batch[k + 1];
	WORKLOAD_PUTTING(t, batch, count);
	WORKLOAD_DO(t, xdp_cache_return(own->lane, batch[0], batch[count - 1]));
	bench_escape(own->lane);
}

ALWAYS_INLINE uint64_t workload_xdp_cache(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return nbl_lane_sends(t) ? nbl_lane_send(ops, t, n, xdp_cache_packet)
				 : nbl_lane_complete(ops, t, n, xdp_cache_finish);
}

static uint32_t xdp_cache_demand(const struct workload_cell *cell)
{
	return nbl_lane_demand(XDP_CACHE_NBLS, cell);
}

static const struct nbl_lane_profile xdp_cache_profile = {
	.pools = 1,
	.pool = {{.context_bytes = XDP_CACHE_CONTEXT_BYTES}},
};

static int xdp_cache_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	return nbl_lane_create(&xdp_cache_profile, ops, config, cell, shared, pool);
}

/* What is under way is freed by the completing side, which leaves the list to the sender. */
static void xdp_cache_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct nbl_lane_thread *own = t->own;

	(void)pool;
	nbl_lane_drain(ops, t, 0);
	if (nbl_lane_sends(t))
		xdp_cache_refill(own);
	nbl_lane_free_stock(ops, t);
	nbl_lane_part(own);
}

static const struct workload workload_xdp_cache_info = {
	.name = "xdp_cache",
	.summary = "a driver's private NBL cache with push-list returns: the bypass",
	.unit = "packets",
	.program =
		"XDP for Windows, whose queues recycle their own NBLs past the pool: completions "
		"push them onto a list that the queue empties. The same for every strategy.",
	.contest = CONTEST_WHOLE,
	.lane_threads = NBL_LANE_THREADS,
	.axes = WORKLOAD_BURST,
	.burst_max = NBL_LANE_BATCH_MAX,
	.holds_many = true,
	.demand = xdp_cache_demand,
	.create = xdp_cache_create,
	.destroy = nbl_lane_destroy,
	.enter = nbl_lane_enter,
	.leave = xdp_cache_leave,
};

#endif
