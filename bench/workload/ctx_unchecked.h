/*
 * ctx_unchecked: ctx_room with the documented structure and nothing else: the front block's Offset is
 * lowered and raised again, by a caller who knows that there is a block, that it has room and that
 * what is popped was pushed. ctx_room less this is what the documented calls check; this less the row
 * `null` is what it costs that the pointer is an Offset behind Context, which every driver reads anew.
 *
 * No driver can ask for it. It is right here because the loop keeps the rules that it doesn't check.
 */
#ifndef BENCH_WORKLOAD_CTX_UNCHECKED_H
#define BENCH_WORKLOAD_CTX_UNCHECKED_H

#include "bench/workload/ctx_room.h"

ALWAYS_INLINE bool ctx_unchecked_once(struct workload_thread *t, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint64_t word)
{
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	(void)t;
	(void)pool;
	(void)self;
	front->Offset = (USHORT)(front->Offset - NBL_LOAD_CONTEXT_BYTES);
	bench_escape(nbl);
	nbl_load_write(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), word, CTX_ROOM_HELD);
	bench_escape(nbl);
	front = nbl->Context;
	front->Offset = (USHORT)(front->Offset + NBL_LOAD_CONTEXT_BYTES);
	bench_escape(nbl);
	return true;
}

ALWAYS_INLINE uint64_t workload_ctx_unchecked(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return ctx_room_rounds(ops, t, n, ctx_unchecked_once);
}

static const struct workload workload_ctx_unchecked_info = {
	.name = "ctx_unchecked",
	.summary = "ctx_room without the checks of the calls",
	.unit = "contexts",
	.program = "No program: ctx_room by a caller who bumps the documented Offset himself, to "
		   "tell what the calls' checks cost. The row null bumps a bare pointer.",
	.contest = CONTEST_POLICIES,
	.lane_threads = 1,
	.untimed = true,
	.demand = ctx_room_demand,
	.create = ctx_room_create,
	.destroy = nbl_load_destroy_shared,
	.enter = ctx_room_enter,
	.leave = ctx_room_leave,
};

#endif
