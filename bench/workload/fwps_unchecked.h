/*
 * fwps_unchecked: fwps_pair with a free that checks nothing: not that the NBL is live, not that its
 * contexts were popped, not what a driver left in it. Less the strategy's own get and put (`pair` at
 * --size of the object) it is what initialising the object costs; fwps_pair less this is what
 * checking costs. See the split in fwps_pair.
 *
 * No driver can ask for it. It is right here because the loop keeps the rules that it doesn't check.
 */
#ifndef BENCH_WORKLOAD_FWPS_UNCHECKED_H
#define BENCH_WORKLOAD_FWPS_UNCHECKED_H

#include "bench/workload/fwps_pair.h"

ALWAYS_INLINE uint64_t workload_fwps_unchecked(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct fwps_pair *own = t->own;

	for (uint64_t i = 0; i < n; i++) {
		NET_BUFFER_LIST *nbl = fwps_pair_alloc(ops, t, own);

		if (unlikely(nbl == NULL))
			return i;
		WORKLOAD_DO(t, nbl_put_resting(ops, NBL_LOAD_POLICY, t->shared, own->nbl, nbl,
				       nbl_mark(nbl, t->shared, NBL_MARK_FREE)));
		bench_escape(pool);
	}
	return n;
}

static const struct workload workload_fwps_unchecked_info = {
	.name = "fwps_unchecked",
	.summary = "fwps_pair without the checks of the free",
	.unit = "packets",
	.program = "No program: fwps_pair with a free that trusts its caller, to tell what the "
		   "checks cost.",
	.contest = CONTEST_WHOLE,
	.lane_threads = 1,
	.demand = fwps_pair_demand,
	.create = nbl_load_create_shared,
	.destroy = nbl_load_destroy_shared,
	.enter = fwps_pair_enter,
	.leave = fwps_pair_leave,
};

#endif
