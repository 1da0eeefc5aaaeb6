/*
 * ctx_room: a driver pushes 32 bytes of context where the NBL's front block has room for them, writes
 * two words of it and pops it. The case that the reference is built around: the pool's ContextSize
 * covers what the drivers need.
 *
 * Each thread holds 32 NBLs with 64 bytes of context and takes them in turn, all in its nearest
 * cache: on one NBL the figure would tell how the CPU forwards a store to the load behind it, which
 * it does in 0 to 5 ns for the same code. A round is one push and its pop; counts contexts.
 *
 * The row `null` is the harness's: it bumps a bare pointer and undoes that, in the same loop over as
 * many places, with the same two words written through the pointer as it stands in memory. What the
 * other rows cost over it is the documented calls' own.
 *
 * What it can't show: a line that is cold, or that another CPU has written.
 */
#ifndef BENCH_WORKLOAD_CTX_ROOM_H
#define BENCH_WORKLOAD_CTX_ROOM_H

#include "bench/workload/nbl_load.h"

enum {
	CTX_ROOM_HELD = 32, /* a power of two */
	CTX_ROOM_BYTES = 2 * NBL_LOAD_CONTEXT_BYTES,
};

/* What the row `null` has in place of an NBL. */
struct ctx_room_bare {
	unsigned char *at; /* the end of what is unused */
	CACHE_LINE_ALIGNED unsigned char bytes[CTX_ROOM_BYTES];
};

struct ctx_room {
	struct nbl_thread *nbl;
	NET_BUFFER_LIST *held[CTX_ROOM_HELD];
	struct ctx_room_bare bare[CTX_ROOM_HELD];
};

/* One push and its pop. Whose pool it is and whose part of a thread stands in registers: a driver has them there. */
typedef bool ctx_room_round(struct workload_thread *t, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint64_t word);

ALWAYS_INLINE bool ctx_room_once(struct workload_thread *t, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint64_t word)
{
	if (unlikely(WORKLOAD_CALL(t, nbl_context_push(NBL_LOAD_POLICY, pool, self, nbl,
					      NBL_LOAD_CONTEXT_BYTES, 0, nbl_load_driver_tag(0))) !=
		     0))
		return false;
	bench_escape(nbl);
	nbl_load_write(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), word, CTX_ROOM_HELD);
	bench_escape(nbl);
	WORKLOAD_DO(t, nbl_context_pop(NBL_LOAD_POLICY, pool, self, nbl, NBL_LOAD_CONTEXT_BYTES,
			       "context workload"));
	bench_escape(nbl);
	return true;
}

ALWAYS_INLINE void ctx_room_once_bare(struct ctx_room_bare *bare, uint64_t word)
{
	bare->at -= NBL_LOAD_CONTEXT_BYTES;
	bench_escape(bare);
	nbl_load_write(bare->at, word, CTX_ROOM_HELD);
	bench_escape(bare);
	bare->at += NBL_LOAD_CONTEXT_BYTES;
	bench_escape(bare);
}

/* n rounds, each on the next NBL that is held, by `once`; false of that: no memory. */
ALWAYS_INLINE uint64_t ctx_room_rounds(
	const struct pool_ops *ops, struct workload_thread *t, uint64_t n, ctx_room_round *once)
{
	struct ctx_room *own = t->own;
	struct nbl_pool *const pool = t->shared;
	struct nbl_thread *const self = own->nbl;

	for (uint64_t i = 0; i < n; i++) {
		if (ops->traits.kind == POOL_KIND_NULL) {
			ctx_room_once_bare(&own->bare[i % CTX_ROOM_HELD], i);
		} else if (unlikely(!once(t, pool, self, own->held[i % CTX_ROOM_HELD], i))) {
			t->failed++;
			return i;
		}
	}
	return n;
}

ALWAYS_INLINE uint64_t workload_ctx_room(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	return ctx_room_rounds(ops, t, n, ctx_room_once);
}

static uint32_t ctx_room_demand(const struct workload_cell *cell)
{
	(void)cell;
	return CTX_ROOM_HELD;
}

static int ctx_room_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	struct nbl_pool_config room = nbl_load_config(ops, config);

	(void)cell;
	room.context_bytes = CTX_ROOM_BYTES;
	return nbl_load_share(&room, shared, pool);
}

static void ctx_room_leave(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct ctx_room *own = t->own;

	(void)pool;
	for (uint32_t i = 0; i < CTX_ROOM_HELD && own->held[i] != NULL; i++)
		nbl_free(ops, NBL_LOAD_POLICY, t->shared, own->nbl, own->held[i], NBL_MARK_LIVE,
			"end of a workload");
	nbl_load_detach(own->nbl);
	memory_free(own, sizeof(*own));
}

static int ctx_room_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct ctx_room *own = memory_alloc(sizeof(*own));

	if (own == NULL)
		return -ENOMEM;
	int rc = nbl_load_attach(t->shared, t, &own->nbl);
	if (rc != 0) {
		memory_free(own, sizeof(*own));
		return rc;
	}
	t->own = own;
	for (uint32_t i = 0; i < CTX_ROOM_HELD; i++)
		own->bare[i].at = own->bare[i].bytes + CTX_ROOM_BYTES;
	if (ops->traits.kind == POOL_KIND_NULL)
		return 0; /* it has one object for all of them */
	for (uint32_t i = 0; rc == 0 && i < CTX_ROOM_HELD; i++)
		rc = nbl_alloc(
			ops, NBL_LOAD_POLICY, t->shared, own->nbl, 0, 0, NULL, 0, 0, &own->held[i]);
	if (rc != 0)
		ctx_room_leave(ops, pool, t);
	return rc;
}

static const struct workload workload_ctx_room_info = {
	.name = "ctx_room",
	.summary = "a context is pushed where there is room for it, and popped",
	.unit = "contexts",
	.program =
		"A driver that keeps 32 bytes on a packet whose pool has reserved them. The row "
		"null bumps a bare pointer in the same loop: what the others cost over it is the "
		"calls' own. All lines are hot.",
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
