/*
 * DPDK's rte_mempool behind the pool interface, for the peers dpdk_cache, dpdk_ring, dpdk_stack and
 * dpdk_lfstack, which differ in what stands behind rte_mempool_get.
 *
 * Source: DPDK, <rte_mempool.h>, used as its programmers use it: rte_mempool_get and
 * rte_mempool_put and their bulk forms, which are inline functions. A mempool is one array of
 * objects and a backend of free pointers, chosen by name and reached through a table of DPDK's own
 * (one indirect call), and, if asked for, a cache in front of it for each lcore. A thread that
 * attaches is registered as an lcore, so that it has a cache.
 *
 * The environment (EAL) starts with the first pool, not before, on a thread of its own, since it
 * pins the thread it starts on; it needs no huge pages, no PCI and no files. Objects lie in memory
 * of ours (memory_map), so that size, alignment, pages and accounting are those of every other
 * strategy: huge pages back them where they are asked for, and EAL's own memory, the backend's ring
 * and the caches, lies in ordinary ones as everybody's links and depots do. DPDK puts a line of its
 * own in front of each object, and spreads them over memory channels unless more than a line of
 * alignment is asked for.
 *
 * Its headers want SSE 4.2, which no other unit is compiled for. So this header has two faces. In
 * the unit that measures a peer the build defines NBLBENCH_DPDK_INLINE and the hooks are
 * inline; elsewhere the table names the copies in dpdk.c, which are called.
 *
 * fork: EAL's memory is shared between parent and child, so the child must not use its copy.
 *
 * I1  Each object is in the backend or in one lcore's cache, or outstanding.
 */
#ifndef ALLOC_PEER_DPDK_H
#define ALLOC_PEER_DPDK_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/peer/missing_library.h"

/* The body of `supported`. */
static inline bool dpdk_supported(char *reason)
{
#if defined(__x86_64__)
	if (NBLBENCH_DPDK && !__builtin_cpu_supports("sse4.2")) {
		snprintf(reason, POOL_REASON_BYTES,
			"DPDK needs SSE 4.2, which this CPU lacks; any x86-64 CPU made since 2011 "
			"has "
			"it.");
		return false;
	}
#endif
	return NBLBENCH_DPDK ? pool_supported_always(reason)
			     : missing_library(reason, "DPDK", "libdpdk-dev");
}

#if NBLBENCH_DPDK

struct dpdk_pool {
	struct pool base;
	struct rte_mempool *mempool;
	struct slab objects; /* where they lie, for the census; carved all */
	void *memory;        /* what they lie in, with DPDK's lines between them */
	size_t memory_bytes;
};

/*
 * The body of a row's parts.init: a mempool over the named backend, with a cache of
 * config.cpu_cache_objects (fewer in a small pool) for each lcore if cached. 0, or -EOVERFLOW: more
 * than 1 GiB of objects; -ENOMEM; -ENOTSUP: the environment does not start here, or the backend is
 * not installed.
 */
int dpdk_init(struct pool *pool, const char *backend, bool cached);
void dpdk_fini(struct pool *pool);
/* The thread has no cache while all lcores (RTE_MAX_LCORE, usually 128) are taken by others. */
int dpdk_enter(struct pool *pool, struct pool_thread *self);
void dpdk_flush(struct pool *pool, struct pool_thread *self);
uint64_t dpdk_count(struct pool *pool);
int dpdk_check(struct pool *pool, uint64_t outstanding, char *why);

/* The parts of a row, of which init alone is its own. */
#define DPDK_PARTS(its_init)                                                                 \
	{                                                                                    \
		.pool_bytes = sizeof(struct dpdk_pool), .init = its_init, .fini = dpdk_fini, \
		.enter = dpdk_enter, .leave = dpdk_flush,                                    \
	}

uint32_t dpdk_get_each(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n);

/* The hot hooks for units that do not inline them. */
void *dpdk_called_get(struct pool *pool, struct pool_thread *self);
void dpdk_called_put(struct pool *pool, struct pool_thread *self, void *object);
uint32_t dpdk_called_get_bulk(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n);
void dpdk_called_put_bulk(
	struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n);

#ifdef NBLBENCH_DPDK_INLINE
#include <rte_config.h>

#include <rte_mempool.h>

/* With a cache: four loads, two stores. Without: an indirect call of the backend. */
static inline void *dpdk_get(struct pool *pool, struct pool_thread *self)
{
	void *object;

	if (likely(rte_mempool_get(((struct dpdk_pool *)pool)->mempool, &object) == 0))
		return object;
	self->paths.empty++;
	return NULL;
}

/* With a cache: three loads, two stores. */
static inline void dpdk_put(struct pool *pool, struct pool_thread *self, void *object)
{
	(void)self;
	rte_mempool_put(((struct dpdk_pool *)pool)->mempool, object);
}

/* A mempool gives all or nothing; what there is comes one by one then. */
static inline uint32_t dpdk_get_bulk(
	struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	if (likely(rte_mempool_get_bulk(((struct dpdk_pool *)pool)->mempool, objs, n) == 0))
		return n;
	return dpdk_get_each(pool, self, objs, n);
}

static inline void dpdk_put_bulk(
	struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n)
{
	(void)self;
	rte_mempool_put_bulk(((struct dpdk_pool *)pool)->mempool, objs, n);
}
#endif

/* The hooks of a row's table, all but supported. */
#ifdef NBLBENCH_DPDK_INLINE
#define DPDK_HOT_HOOKS POOL_HOT_HOOKS(dpdk)
#else
#define DPDK_HOT_HOOKS POOL_HOT_HOOKS(dpdk_called)
#endif
#define DPDK_HOOKS(name)                                                                       \
	DPDK_HOT_HOOKS, .parts = &name##_parts, .attach = life_cycle_attach,                   \
			.detach = life_cycle_detach, .flush = dpdk_flush, .count = dpdk_count, \
			.check = dpdk_check

#else
#define DPDK_HOOKS(name) MISSING_LIBRARY_HOOKS
#endif

#endif
