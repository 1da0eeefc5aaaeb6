/*
 * What the workloads over NET_BUFFER_LISTs have in common: an NBL pool over the strategy under
 * test, with an NB in each NBL, and each thread's attachment to it. Contexts come from the policy
 * that the unit was compiled with; where units compare strategies it is `malloc`, the reference.
 */
#ifndef BENCH_WORKLOAD_NBL_LOAD_H
#define BENCH_WORKLOAD_NBL_LOAD_H

#include "alloc/nbl/nbl.h"
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
	NBL_LOAD_MDL_BYTES = 48 + 2 * 8, /* of an MDL whose data touches two pages */
	/* "Benl": whose the pools are. */
	NBL_LOAD_TAG = 0x6c6e6542,
	NBL_LOAD_DRIVER_TAG = 0x30764442,
};

/* The tag of a driver that pushes context onto NBLs, from 0 on: "BDv0", "BDv1", ... */
ALWAYS_INLINE uint32_t nbl_load_driver_tag(uint32_t driver)
{
	return NBL_LOAD_DRIVER_TAG + (driver << 24);
}

/* A driver's state: two words of its context. */
ALWAYS_INLINE void nbl_load_write(unsigned char *context, uint64_t first, uint64_t second)
{
	uint64_t *words = (uint64_t *)context;

	words[0] = first;
	words[1] = second;
}

/* An MDL over `bytes` bytes of the caller's memory, at most two pages of it; need not be freed. */
static inline MDL nbl_load_mdl(void *data, uint32_t bytes)
{
	return (MDL){
		.Size = NBL_LOAD_MDL_BYTES,
		.MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL,
		.MappedSystemVa = data,
		.StartVa = PAGE_ALIGN(data),
		.ByteCount = bytes,
		.ByteOffset = BYTE_OFFSET(data),
	};
}

/* An NBL pool of config->capacity objects with an NB each, for a workload to add to. */
static inline struct nbl_pool_config nbl_load_config(
	const struct pool_ops *ops, const struct pool_config *config)
{
	return (struct nbl_pool_config){
		.kind = NBL_POOL_LISTS,
		.ops = ops,
		.policy = NBL_LOAD_POLICY,
		.capacity = config->capacity,
		.tag = NBL_LOAD_TAG,
		.with_nb = true,
	};
}

/*
 * Makes such a pool, each object with context_bytes of context and, unless 0, data_bytes of data.
 * As struct workload's create, without shared.
 */
static inline int nbl_load_create_sized(const struct pool_ops *ops,
	const struct pool_config *config, uint32_t context_bytes, uint32_t data_bytes,
	struct nbl_pool **out)
{
	struct nbl_pool_config made = nbl_load_config(ops, config);

	made.context_bytes = context_bytes;
	made.data_bytes = data_bytes;
	return nbl_pool_create(&made, out);
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

/* For workloads of which the pool is all that the threads share: create and destroy. */

static inline int nbl_load_share(
	const struct nbl_pool_config *config, void **shared, struct pool **pool)
{
	struct nbl_pool *made;
	int rc = nbl_pool_create(config, &made);

	if (rc == 0) {
		*shared = made;
		*pool = made->pool;
	}
	return rc;
}

static inline int nbl_load_create_shared(const struct pool_ops *ops,
	const struct pool_config *config, const struct workload_cell *cell, void **shared,
	struct pool **pool)
{
	const struct nbl_pool_config plain = nbl_load_config(ops, config);

	(void)cell;
	return nbl_load_share(&plain, shared, pool);
}

static inline void nbl_load_destroy_shared(const struct workload_cell *cell, void *shared)
{
	(void)cell;
	nbl_load_destroy(shared);
}

/*
 * For workloads whose drivers use NBLs that another driver made: each thread holds a number of them
 * and takes them in turn. `shared` is the pool, `own` the thread's ring.
 */

enum { NBL_LOAD_HELD = 256 }; /* receive buffers of a queue, NetKVM's default */

struct nbl_load_ring {
	struct nbl_thread *nbl;
	uint32_t at; /* the next to be used; 0..NBL_LOAD_HELD - 1 */
	NET_BUFFER_LIST *held[NBL_LOAD_HELD];
};

/* The next n, 1..NBL_LOAD_HELD, that lie side by side. */
ALWAYS_INLINE NET_BUFFER_LIST **nbl_load_ring_next(struct nbl_load_ring *ring, uint32_t n)
{
	uint32_t at = ring->at + n <= NBL_LOAD_HELD ? ring->at : 0;

	ring->at = at + n;
	return ring->held + at;
}

static inline uint32_t nbl_load_ring_demand(const struct workload_cell *cell)
{
	(void)cell;
	return NBL_LOAD_HELD;
}

static inline void nbl_load_ring_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct nbl_load_ring *ring = t->own;

	(void)pool;
	for (uint32_t i = 0; i < NBL_LOAD_HELD && ring->held[i] != NULL; i++)
		nbl_free(ops, NBL_LOAD_POLICY, t->shared, ring->nbl, ring->held[i], NBL_MARK_LIVE,
			"end of a workload");
	nbl_load_detach(ring->nbl);
	memory_free(ring, sizeof(*ring));
}

static inline int nbl_load_ring_enter(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct nbl_load_ring *ring = memory_alloc(sizeof(*ring));

	if (ring == NULL)
		return -ENOMEM;
	int rc = nbl_load_attach(t->shared, t, &ring->nbl);
	if (rc != 0) {
		memory_free(ring, sizeof(*ring));
		return rc;
	}
	t->own = ring;
	for (uint32_t i = 0; rc == 0 && i < NBL_LOAD_HELD; i++)
		rc = nbl_alloc(ops, NBL_LOAD_POLICY, t->shared, ring->nbl, 0, 0, NULL, 0, 0,
			&ring->held[i]);
	if (rc != 0)
		nbl_load_ring_leave(ops, pool, t);
	return rc;
}

#endif
