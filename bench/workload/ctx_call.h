/*
 * ctx_call: ctx_room through the documented names, as a driver has it that is compiled against
 * alloc/ndis/: NdisAllocateNetBufferListContext and NdisFreeNetBufferListContext are calls into the
 * library, which looks at the NBL's pool at run time. What that costs is this less ctx_room.
 */
#ifndef BENCH_WORKLOAD_CTX_CALL_H
#define BENCH_WORKLOAD_CTX_CALL_H

#include "alloc/ndis/ndis.h"
#include "bench/workload/ctx_room.h"

ALWAYS_INLINE bool ctx_call_once(struct workload_thread *t, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint64_t word)
{
	(void)pool;
	(void)self;
	if (unlikely(WORKLOAD_CALL(t, NdisAllocateNetBufferListContext(nbl, NBL_LOAD_CONTEXT_BYTES,
					      0, nbl_load_driver_tag(0))) != NDIS_STATUS_SUCCESS))
		return false;
	bench_escape(nbl);
	nbl_load_write(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), word, CTX_ROOM_HELD);
	bench_escape(nbl);
	WORKLOAD_DO(t, NdisFreeNetBufferListContext(nbl, NBL_LOAD_CONTEXT_BYTES));
	bench_escape(nbl);
	return true;
}

ALWAYS_INLINE uint64_t workload_ctx_call(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return ctx_room_rounds(ops, t, n, ctx_call_once);
}

static const struct workload workload_ctx_call_info = {
	.name = "ctx_call",
	.summary = "ctx_room through the documented names",
	.unit = "contexts",
	.program = "ctx_room's driver as it is compiled against ndis.h: calls, and the NBL's pool "
		   "looked at in each. The row null is ctx_room's.",
	.contest = CONTEST_POLICIES,
	.lane_threads = 1,
	.axes = WORKLOAD_CONTEXT,
	.demand = ctx_room_demand,
	.create = ctx_room_create,
	.destroy = nbl_load_destroy_shared,
	.enter = ctx_room_enter,
	.leave = ctx_room_leave,
};

#endif
