/*
 * fwps_pair: one NBL with its NB around 1500 bytes of the caller's data, allocated and freed on the
 * same CPU: FwpsAllocateNetBufferAndNetBufferList0(pool, 0, 0, mdl, 14, 1500) and
 * FwpsFreeNetBufferList0 as inlined code. A callout that drops what it has just built, or a filter
 * that answers a packet in place.
 *
 * With four other figures of the same sweep it shows where the time goes, the *split*:
 *
 *	the strategy's get and put    pair, at --size 568, that of the NBL
 *	initialising the object       fwps_unchecked less pair; the row `null`, less its checks
 *	checking it                   fwps_pair less fwps_unchecked
 *	a run-time table, the thread  fwps_call less fwps_pair
 *	a verify pool                 fwps_verify less fwps_pair
 *
 * The row `null` is all the NBL's own work, without a pool beneath. The first line of the object and
 * the NB's line are written; seven lines are read to see whether a driver left anything in them.
 *
 * All threads do the same, each with packets of its own. Counts packets.
 *
 * What it can't show: `pair` says it, one hot object; and drivers that write to the lines that are
 * only read here.
 */
#ifndef BENCH_WORKLOAD_FWPS_PAIR_H
#define BENCH_WORKLOAD_FWPS_PAIR_H

#include "bench/workload/nbl_load.h"

enum {
	FWPS_PAIR_DATA_OFFSET = 14, /* the packet begins behind the Ethernet header */
	FWPS_PAIR_DATA_BYTES = 1500,
};

struct fwps_pair {
	struct nbl_thread *nbl;
	MDL mdl;
	unsigned char data[FWPS_PAIR_DATA_OFFSET + FWPS_PAIR_DATA_BYTES];
};

/* The allocation; NULL, and counted, if there is none. */
ALWAYS_INLINE NET_BUFFER_LIST *fwps_pair_alloc(
	const struct pool_ops *ops, struct workload_thread *t, struct fwps_pair *own)
{
	NET_BUFFER_LIST *nbl = NULL;

	if (unlikely(WORKLOAD_CALL(t,
			     nbl_alloc(ops, NBL_LOAD_POLICY, t->shared, own->nbl, 0, 0, &own->mdl,
				     FWPS_PAIR_DATA_OFFSET, FWPS_PAIR_DATA_BYTES, &nbl)) != 0))
		t->failed++;
	bench_escape(nbl);
	return nbl;
}

ALWAYS_INLINE uint64_t workload_fwps_pair(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct fwps_pair *own = t->own;

	for (uint64_t i = 0; i < n; i++) {
		NET_BUFFER_LIST *nbl = fwps_pair_alloc(ops, t, own);

		if (unlikely(nbl == NULL))
			return i;
		WORKLOAD_DO(t, nbl_free(ops, NBL_LOAD_POLICY, t->shared, own->nbl, nbl,
				       NBL_MARK_LIVE, "fwps workload"));
		bench_escape(pool);
	}
	return n;
}

static uint32_t fwps_pair_demand(const struct workload_cell *cell)
{
	(void)cell;
	return 1;
}

/* own, with data and MDL but no attachment; NULL: no memory. */
static inline struct fwps_pair *fwps_pair_own(void)
{
	struct fwps_pair *own = memory_alloc(sizeof(*own));

	if (own != NULL)
		own->mdl = nbl_load_mdl(own->data, sizeof(own->data));
	return own;
}

static int fwps_pair_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct fwps_pair *own = fwps_pair_own();

	(void)ops;
	(void)pool;
	if (own == NULL)
		return -ENOMEM;
	int rc = nbl_load_attach(t->shared, t, &own->nbl);
	if (rc != 0) {
		memory_free(own, sizeof(*own));
		return rc;
	}
	t->own = own;
	return 0;
}

static void fwps_pair_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct fwps_pair *own = t->own;

	(void)ops;
	(void)pool;
	nbl_load_detach(own->nbl);
	memory_free(own, sizeof(*own));
}

static const struct workload workload_fwps_pair_info = {
	.name = "fwps_pair",
	.summary = "an NBL around an MDL is allocated and freed, the calls inlined",
	.unit = "packets",
	.program = "A WFP callout that builds a packet around its own data and frees it at once. "
		   "The row null is the NBL's own work, without a pool. One hot object.",
	.contest = CONTEST_WHOLE,
	.lane_threads = 1,
	.demand = fwps_pair_demand,
	.create = nbl_load_create_shared,
	.destroy = nbl_load_destroy_shared,
	.enter = fwps_pair_enter,
	.leave = fwps_pair_leave,
};

#endif
