/*
 * clone_tree: a virtual switch that sends one packet to several ports. The original is cloned for
 * each of two ports, and each clone once more for a mirror of that port; every clone gets 32 bytes
 * of context, as Open vSwitch gives it, and the tree is freed from its leaves.
 *
 *	original -> clone -> clone
 *	         -> clone -> clone
 *
 * The clones share the original's MDLs, so that what is measured is NBLs, NBs and contexts: a
 * clone has no context block of its own, and its first push always falls back. All NBLs come from
 * one pool of the strategy. All threads do the same, each with packets of its own. A round is one
 * tree; counts clones.
 *
 * What it can't show: completions on other CPUs in any order, and partial MDLs. The clone calls are
 * the documented functions: they reach strategy and policy through the pool's tables, which is the
 * price of the documented names; only the original and the contexts are inlined.
 */
#ifndef BENCH_WORKLOAD_CLONE_TREE_H
#define BENCH_WORKLOAD_CLONE_TREE_H

#include "alloc/ndis/ndis.h"
#include "bench/workload/nbl_load.h"

enum {
	CLONE_TREE_CLONES = 4,
	CLONE_TREE_PORTS = 2, /* the clones from here on are clones of clones */
	CLONE_TREE_FRAME_BYTES = 1514,
};

struct clone_tree {
	struct nbl_pool *lists;
	struct nbl_pool *nbs; /* asked for by the clone call; used for NBs beyond the first */
};

struct clone_tree_thread {
	struct nbl_thread *nbl;
	MDL mdl;
	unsigned char data[CLONE_TREE_FRAME_BYTES];
};

/* Frees the first `made` clones, the last one first: each has its context on it. */
ALWAYS_INLINE void clone_tree_fell(struct workload_thread *t, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *const *clones, uint32_t made)
{
	while (made > 0) {
		NET_BUFFER_LIST *clone = clones[--made];

		WORKLOAD_DO(t, nbl_context_pop(NBL_LOAD_POLICY, pool, self, clone,
				       NBL_LOAD_CONTEXT_BYTES, "clone_tree"));
		clone->ParentNetBufferList->ChildRefCount--;
		WORKLOAD_DO(
			t, NdisFreeCloneNetBufferList(clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS));
		bench_escape(pool);
	}
}

/* One clone of parent with its context; NULL: no NBL, or no context. */
ALWAYS_INLINE NET_BUFFER_LIST *clone_tree_clone(struct workload_thread *t,
	struct clone_tree *shared, struct nbl_thread *self, NET_BUFFER_LIST *parent)
{
	NET_BUFFER_LIST *clone =
		WORKLOAD_CALL(t, NdisAllocateCloneNetBufferList(parent, shared->lists, shared->nbs,
					 NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS));

	if (unlikely(clone == NULL))
		return NULL;
	if (unlikely(WORKLOAD_CALL(t, nbl_context_push(NBL_LOAD_POLICY, shared->lists, self, clone,
					      NBL_LOAD_CONTEXT_BYTES, 0, nbl_load_driver_tag(0))) !=
		     0)) {
		NdisFreeCloneNetBufferList(clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
		return NULL;
	}
	clone->ParentNetBufferList = parent;
	parent->ChildRefCount++;
	*(uint64_t *)NET_BUFFER_LIST_CONTEXT_DATA_START(clone) = 1;
	bench_escape(clone);
	return clone;
}

ALWAYS_INLINE uint64_t workload_clone_tree(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct clone_tree *shared = t->shared;
	struct clone_tree_thread *own = t->own;
	NET_BUFFER_LIST *clones[CLONE_TREE_CLONES];

	(void)pool;
	for (uint64_t i = 0; i < n; i++) {
		NET_BUFFER_LIST *original = NULL;
		uint32_t made = 0;

		if (unlikely(WORKLOAD_CALL(t, nbl_alloc(ops, NBL_LOAD_POLICY, shared->lists,
						      own->nbl, 0, 0, &own->mdl, 0,
						      CLONE_TREE_FRAME_BYTES, &original)) != 0)) {
			t->failed++;
			return i * CLONE_TREE_CLONES;
		}
		bench_escape(original);
		for (; made < CLONE_TREE_CLONES; made++) {
			clones[made] = clone_tree_clone(t, shared, own->nbl,
				made < CLONE_TREE_PORTS ? original
							: clones[made - CLONE_TREE_PORTS]);
			if (unlikely(clones[made] == NULL))
				break;
		}
		clone_tree_fell(t, shared->lists, own->nbl, clones, made);
		WORKLOAD_DO(t, nbl_free(ops, NBL_LOAD_POLICY, shared->lists, own->nbl, original,
				       NBL_MARK_LIVE, "clone_tree"));
		bench_escape(shared);
		if (unlikely(made < CLONE_TREE_CLONES)) {
			t->failed++;
			return i * CLONE_TREE_CLONES;
		}
	}
	return n * CLONE_TREE_CLONES;
}

static uint32_t clone_tree_demand(const struct workload_cell *cell)
{
	(void)cell;
	return 1 + CLONE_TREE_CLONES;
}

static void clone_tree_destroy(const struct workload_cell *cell, void *shared)
{
	struct clone_tree *self = shared;

	(void)cell;
	if (self->nbs != NULL)
		nbl_pool_destroy(self->nbs, NBL_POOL_NBS, "end of a workload");
	if (self->lists != NULL)
		nbl_load_destroy(self->lists);
	memory_free(self, sizeof(*self));
}

static int clone_tree_create(const struct pool_ops *ops, const struct pool_config *config,
	const struct workload_cell *cell, void **shared, struct pool **pool)
{
	struct clone_tree *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = nbl_load_create(ops, config, &self->lists);
	if (rc == 0)
		rc = nbl_pool_create(&(struct nbl_pool_config){.kind = NBL_POOL_NBS,
					     .ops = ops,
					     .policy = NBL_LOAD_POLICY,
					     .capacity = config->capacity,
					     .tag = NBL_LOAD_TAG},
			&self->nbs);
	if (rc != 0) {
		clone_tree_destroy(cell, self);
		return rc;
	}
	*shared = self;
	*pool = self->lists->pool;
	return 0;
}

/* The clone calls find the thread's attachment in its table, so this one comes from there too. */
static int clone_tree_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct clone_tree *shared = t->shared;
	struct clone_tree_thread *own = memory_alloc(sizeof(*own));

	(void)ops;
	(void)pool;
	if (own == NULL)
		return -ENOMEM;
	own->nbl = nbl_self(shared->lists);
	if (own->nbl == NULL) {
		memory_free(own, sizeof(*own));
		return -ENOMEM;
	}
	own->mdl = nbl_load_mdl(own->data, CLONE_TREE_FRAME_BYTES);
	t->self = own->nbl->pool_thread;
	t->own = own;
	return 0;
}

static void clone_tree_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct clone_tree_thread *own = t->own;

	(void)ops;
	(void)pool;
	nbl_load_detach(own->nbl);
	memory_free(own, sizeof(*own));
}

static const struct workload workload_clone_tree_info = {
	.name = "clone_tree",
	.summary = "a packet, its two clones and their clones, a context on each",
	.unit = "clones",
	.program = "A virtual switch that clones a packet for two ports and their mirrors. Clones "
		   "share the original's MDLs; all is freed where it was made.",
	.contest = CONTEST_WHOLE,
	.lane_threads = 1,
	.axes = WORKLOAD_CONTEXT,
	.holds_many = true,
	.demand = clone_tree_demand,
	.create = clone_tree_create,
	.destroy = clone_tree_destroy,
	.enter = clone_tree_enter,
	.leave = clone_tree_leave,
};

#endif
