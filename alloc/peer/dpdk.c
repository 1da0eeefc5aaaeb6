/* The cold half of dpdk.h, and its hooks for units that do not inline them. */
#include "alloc/peer/dpdk.h"

#include "alloc/mechanism/census.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <sched.h>

void *dpdk_called_get(struct pool *pool, struct pool_thread *self)
{
	return dpdk_get(pool, self);
}

void dpdk_called_put(struct pool *pool, struct pool_thread *self, void *object)
{
	dpdk_put(pool, self, object);
}

uint32_t dpdk_called_get_bulk(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	return dpdk_get_bulk(pool, self, objs, n);
}

void dpdk_called_put_bulk(
	struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n)
{
	dpdk_put_bulk(pool, self, objs, n);
}

static pthread_once_t eal_once = PTHREAD_ONCE_INIT;
static bool eal_runs; /* written under eal_once, read after it */

/* On a thread of its own, which EAL pins and calls the main lcore, and which then ends. */
static void *eal_start(void *arg)
{
	char lcores[32];
	char *args[] = {"nblbench", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
		"--iova-mode=va", "--log-level=*:error", "-m", "256", "--lcores", lcores, NULL};
	cpu_set_t allowed;
	size_t cpu = 0;

	(void)arg;
	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &allowed))
		cpu++;
	snprintf(lcores, sizeof(lcores), "0@%zu", cpu);
	eal_runs = rte_eal_init((int)array_count(args) - 1, args) >= 0;
	return NULL;
}

static void flush_one(struct rte_mempool *mempool, void *arg)
{
	(void)arg;
	rte_mempool_cache_flush(NULL, mempool);
}

/* Runs when a thread ends that we have made an lcore: what it has cached goes to the backends. */
static void end_lcore(void *value)
{
	(void)value;
	rte_mempool_walk(flush_one, NULL);
	rte_thread_unregister();
}

static pthread_key_t lcore_key; /* its destructor ends what make_lcore began */
static bool lcore_key_made;     /* as eal_runs */

static void eal_start_once(void)
{
	pthread_t thread;

	lcore_key_made = pthread_key_create(&lcore_key, end_lcore) == 0;
	if (pthread_create(&thread, NULL, eal_start, NULL) == 0)
		pthread_join(thread, NULL);
}

/*
 * A cache holds at most half of what the pool has beyond this many objects; when it is about to
 * flush it holds half as much again. DPDK itself draws the line at two thirds of the pool, but then
 * some dozens of objects come to rest in the cache of a thread that only puts. 0..1024.
 */
enum { OBJECTS_WITHOUT_CACHE = 48 };
static_assert(OBJECTS_WITHOUT_CACHE >= 0 && OBJECTS_WITHOUT_CACHE <= 1024, "objects");

static uint32_t cache_objects(const struct pool_config *config)
{
	uint32_t most = config->capacity > OBJECTS_WITHOUT_CACHE
				? (config->capacity - OBJECTS_WITHOUT_CACHE) / 2
				: 0;

	if (most > RTE_MEMPOOL_CACHE_MAX_SIZE)
		most = RTE_MEMPOOL_CACHE_MAX_SIZE;
	return config->cpu_cache_objects < most ? config->cpu_cache_objects : most;
}

/* Places the objects in memory of ours. 0 or -ENOMEM. */
static int populate(struct dpdk_pool *self, const struct pool_config *config)
{
	const struct rte_mempool *mempool = self->mempool;
	const size_t stride =
		(size_t)mempool->header_size + mempool->elt_size + mempool->trailer_size;
	const size_t align =
		config->object_align > CACHE_LINE_BYTES ? config->object_align : CACHE_LINE_BYTES;
	/* Mapped memory is aligned to a page, and the first object comes after its header. */
	const size_t before = (align - mempool->header_size % align) % align;

	self->objects.pages = config->pages;
	self->memory_bytes = before + config->capacity * stride;
	self->memory = memory_map(self->memory_bytes, config->pages);
	if (self->memory == NULL)
		return -ENOMEM;
	if (rte_mempool_populate_iova(self->mempool, (char *)self->memory + before, RTE_BAD_IOVA,
		    self->memory_bytes - before, NULL, NULL) != (int)config->capacity)
		return -ENOMEM;
	self->objects.base = (unsigned char *)self->memory + before + mempool->header_size;
	slab_space(&self->objects, stride);
	self->objects.capacity = config->capacity;
	atom_init(&self->objects.carved, config->capacity);
	return 0;
}

int dpdk_init(struct pool *pool, const char *backend, bool cached)
{
	static atom_u32 pools_made;
	struct dpdk_pool *self = (struct dpdk_pool *)pool;
	const struct pool_config *config = &pool->config;
	const size_t align = config->object_align;
	const bool wide = align > CACHE_LINE_BYTES;
	/* An object and the line before it fill the stride of everybody's slabs at a wide alignment. */
	const size_t line = wide ? CACHE_LINE_BYTES : 0;
	const size_t bytes = wide ? slab_stride(line + config->object_bytes, align) - line
				  : (config->object_bytes + align - 1) & ~(align - 1);
	char name[RTE_MEMPOOL_NAMESIZE];
	int rc;

	/* The bound of every slab; it also keeps the sizes below within DPDK's 32 bits. */
	if (bytes > ((size_t)TAGGED_UNIT_MAX << CACHE_LINE_LOG2) / config->capacity)
		return -EOVERFLOW;
	pthread_once(&eal_once, eal_start_once);
	if (!eal_runs)
		return -ENOTSUP;
	snprintf(name, sizeof(name), "nblbench %" PRIu32, atom_add_relaxed(&pools_made, 1));
	self->mempool = rte_mempool_create_empty(name, config->capacity, (unsigned)bytes,
		cached ? cache_objects(config) : 0, 0, SOCKET_ID_ANY,
		/* No device reads the objects, so they need not lie within physical pages. */
		RTE_MEMPOOL_F_NO_IOVA_CONTIG | (wide ? RTE_MEMPOOL_F_NO_SPREAD : 0));
	if (self->mempool == NULL)
		return -ENOMEM;
	rc = rte_mempool_set_ops_byname(self->mempool, backend, NULL) == 0 ? populate(self, config)
									   : -ENOTSUP;
	if (rc != 0)
		dpdk_fini(pool);
	else
		pool->slab = &self->objects;
	return rc;
}

void dpdk_fini(struct pool *pool)
{
	struct dpdk_pool *self = (struct dpdk_pool *)pool;

	rte_mempool_free(self->mempool);
	if (self->memory != NULL)
		memory_unmap(self->memory, self->memory_bytes, self->objects.pages);
}

/*
 * A thread is an lcore from its first attachment to its end, whatever becomes of the handle: so no
 * handle needs to know whose it was. Where all lcores are taken it remains none: a mempool serves
 * such a thread without a cache.
 */
static void make_lcore(void)
{
	if (rte_lcore_id() == LCORE_ID_ANY && lcore_key_made && rte_thread_register() == 0 &&
		pthread_setspecific(lcore_key, &lcore_key) != 0)
		rte_thread_unregister();
}

int dpdk_enter(struct pool *pool, struct pool_thread *self)
{
	(void)pool;
	(void)self;
	make_lcore();
	return 0;
}

void dpdk_flush(struct pool *pool, struct pool_thread *self)
{
	(void)self;
	rte_mempool_cache_flush(NULL, ((struct dpdk_pool *)pool)->mempool);
}

uint32_t dpdk_get_each(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	return pool_get_each(dpdk_get, pool, self, objs, n);
}

uint64_t dpdk_count(struct pool *pool)
{
	return rte_mempool_avail_count(((struct dpdk_pool *)pool)->mempool);
}

/* Takes everything out of the backend to see what it is, and puts it back in the same order. */
static void census_backend(struct dpdk_pool *self, struct census *census, void **objs)
{
	uint32_t n = 0;

	while (n < self->objects.capacity &&
		rte_mempool_ops_dequeue_bulk(self->mempool, &objs[n], 1) == 0) {
		census_mark(census, objs[n], "the backend");
		n++;
	}
	while (n > 0) /* last out first in: right for stacks, and rings have no order to keep */
		rte_mempool_ops_enqueue_bulk(self->mempool, &objs[--n], 1);
}

int dpdk_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct dpdk_pool *self = (struct dpdk_pool *)pool;
	const size_t objs_bytes = self->objects.capacity * sizeof(void *);
	struct census census;
	int rc = census_begin(&census, &self->objects, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	void **objs = memory_alloc(objs_bytes);
	if (objs == NULL) {
		census_fail(&census, "no memory for the census of the backend");
		census_end(&census, outstanding);
		return -ENOMEM;
	}
	census_backend(self, &census, objs); /* I1 */
	memory_free(objs, objs_bytes);
	for (unsigned lcore = 0; self->mempool->cache_size != 0 && lcore < RTE_MAX_LCORE; lcore++) {
		const struct rte_mempool_cache *cache = &self->mempool->local_cache[lcore]; /* I1 */

		for (uint32_t i = 0; i < cache->len; i++)
			census_mark(&census, cache->objs[i], "an lcore's cache");
	}
	return census_end(&census, outstanding);
}
