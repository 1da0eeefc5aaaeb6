/*
 * fwps_call: fwps_pair through the documented names, as a driver has it that is compiled against
 * alloc/ndis/: FwpsAllocateNetBufferAndNetBufferList0 and FwpsFreeNetBufferList0 are calls into the
 * library, which looks up what the calling thread has of the pool and reads the pool's tables at run
 * time. What that costs is this less fwps_pair. See the split there.
 */
#ifndef BENCH_WORKLOAD_FWPS_CALL_H
#define BENCH_WORKLOAD_FWPS_CALL_H

#include "alloc/ndis/fwpsk.h"
#include "bench/workload/fwps_pair.h"

ALWAYS_INLINE uint64_t workload_fwps_call(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct fwps_pair *own = t->own;

	(void)ops;
	for (uint64_t i = 0; i < n; i++) {
		NET_BUFFER_LIST *nbl;

		if (unlikely(WORKLOAD_CALL(t, FwpsAllocateNetBufferAndNetBufferList0(t->shared, 0,
						      0, &own->mdl, FWPS_PAIR_DATA_OFFSET,
						      FWPS_PAIR_DATA_BYTES, &nbl)) !=
			     STATUS_SUCCESS)) {
			t->failed++;
			return i;
		}
		bench_escape(nbl);
		WORKLOAD_DO(t, FwpsFreeNetBufferList0(nbl));
		bench_escape(pool);
	}
	return n;
}

/* Attaches as the documented calls do by themselves. */
static int fwps_call_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct fwps_pair *own = fwps_pair_own();

	(void)ops;
	(void)pool;
	if (own == NULL)
		return -ENOMEM;
	own->nbl = nbl_self(t->shared);
	if (own->nbl == NULL) {
		memory_free(own, sizeof(*own));
		return -ENOMEM;
	}
	t->self = own->nbl->pool_thread;
	t->own = own;
	return 0;
}

static const struct workload workload_fwps_call_info = {
	.name = "fwps_call",
	.summary = "fwps_pair through the documented names",
	.unit = "packets",
	.program = "fwps_pair's callout as it is compiled against ndis.h and fwpsk.h: calls, the "
		   "thread's state looked up, the strategy read from the pool.",
	.contest = CONTEST_WHOLE,
	.lane_threads = 1,
	.demand = fwps_pair_demand,
	.create = nbl_load_create_shared,
	.destroy = nbl_load_destroy_shared,
	.enter = fwps_call_enter,
	.leave = fwps_pair_leave,
};

#endif
