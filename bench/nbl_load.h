/*
 * What the workloads over NET_BUFFER_LISTs have in common: an NBL pool over the strategy under
 * test, with an NB in each NBL, and each thread's attachment to it. Contexts come from the policy
 * that the unit was compiled with; where units compare strategies it is `malloc`, the reference.
 */
#ifndef BENCH_NBL_LOAD_H
#define BENCH_NBL_LOAD_H

#include "alloc/nbl.h"
#include "bench/workload.h"

#ifdef BENCH_CONTEXT
#include BENCH_CONTEXT_HEADER
#define NBL_LOAD_JOIN3(a, b, c)   a##b##c
#define NBL_LOAD_EXPAND3(a, b, c) NBL_LOAD_JOIN3(a, b, c)
#define NBL_LOAD_POLICY           (&NBL_LOAD_EXPAND3(context_, BENCH_CONTEXT, _ops))
#else
#include "alloc/context/malloc.h"
#define NBL_LOAD_POLICY (&context_malloc_ops)
#endif

enum {
	/* A driver's context: two pointers and two words, as OVS keeps on each NBL. */
	NBL_LOAD_CONTEXT_BYTES = 32,
	NBL_LOAD_TAG = 0x6c6e6542, /* "Benl" */
};

/*
 * Makes an NBL pool of config->capacity objects, each with context_bytes of context and, unless 0,
 * data_bytes of data. As struct workload's create, without shared.
 */
static inline int nbl_load_create_sized(const struct pool_ops *ops,
	const struct pool_config *config, uint32_t context_bytes, uint32_t data_bytes,
	struct nbl_pool **out)
{
	const struct nbl_pool_config nbl_config = {
		.kind = NBL_POOL_LISTS,
		.ops = ops,
		.policy = NBL_LOAD_POLICY,
		.capacity = config->capacity,
		.context_bytes = context_bytes,
		.data_bytes = data_bytes,
		.tag = NBL_LOAD_TAG,
		.with_nb = true,
	};

	return nbl_pool_create(&nbl_config, out);
}

static inline int nbl_load_create(
	const struct pool_ops *ops, const struct pool_config *config, struct nbl_pool **out)
{
	return nbl_load_create_sized(ops, config, 0, 0, out);
}

static inline void nbl_load_destroy(struct nbl_pool *pool)
{
	nbl_pool_destroy(pool, NBL_POOL_LISTS, "end of a workload");
}

/* Attaches the calling thread. As struct workload's enter. */
static inline int nbl_load_attach(
	struct nbl_pool *pool, struct workload_thread *t, struct nbl_thread **out)
{
	int rc = nbl_attach(pool, out);

	if (rc == 0)
		t->self = (*out)->pool_thread;
	return rc;
}

static inline void nbl_load_detach(struct nbl_thread *self)
{
	struct nbl_pool *pool = self->pool;

	pool->ops->flush(pool->pool, self->pool_thread);
	nbl_detach(self);
}

#endif
