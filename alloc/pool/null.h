/*
 * null: hands out the same objects again and again and records nothing. It measures the harness:
 * what a workload costs over this row is the strategy's own.
 *
 * Not a pool: no conservation, no uniqueness. Whatever counts objects skips it by its kind. get
 * always answers the same object of the calling thread; get_bulk copies the addresses of n
 * different ones, as any pool has to.
 *
 * Progress: nothing is shared, so any number of threads may call; the trait says unsynchronised
 * because an object is not exclusively owned by whoever gets it.
 */
#ifndef ALLOC_POOL_NULL_H
#define ALLOC_POOL_NULL_H

#include "alloc/copy.h"
#include "alloc/pool.h"
#include "alloc/slab.h"

#include <errno.h>

struct null_pool {
	struct pool base;
};

struct null_thread {
	struct pool_thread base;
	struct slab slab;
	void *object[POOL_BULK_MAX];
};

/* One load. */
static inline void *null_get(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	return ((struct null_thread *)thread)->object[0];
}

/* Nothing. */
static inline void null_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)pool;
	(void)thread;
	(void)object;
}

/* One copy of n pointers. */
static inline uint32_t null_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	(void)pool;
	copy_pointers(objs, ((struct null_thread *)thread)->object, n);
	return n;
}

static inline void null_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	(void)pool;
	(void)thread;
	(void)objs;
	(void)n;
}

static COLD int null_create(const struct pool_config *config, struct pool **out)
{
	struct null_pool *self = memory_alloc(sizeof(*self));

	(void)config;
	if (self == NULL)
		return -ENOMEM;
	*out = &self->base;
	return 0;
}

static COLD void null_destroy(struct pool *pool)
{
	memory_free(pool, sizeof(struct null_pool));
}

static COLD int null_attach(struct pool *pool, struct pool_thread **out)
{
	struct null_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = slab_init(&self->slab, pool->config.object_bytes, pool->config.object_align,
		POOL_BULK_MAX, pool->config.pages, SLAB_WITHOUT_LINKS);
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	for (uint32_t i = 0; i < POOL_BULK_MAX; i++)
		self->object[i] = slab_object(&self->slab, i);
	self->base.pool = pool;
	*out = &self->base;
	return 0;
}

static COLD void null_detach(struct pool *pool, struct pool_thread *thread)
{
	struct null_thread *self = (struct null_thread *)thread;

	(void)pool;
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD uint64_t null_count(struct pool *pool)
{
	(void)pool;
	return 0;
}

static COLD int null_check(struct pool *pool, uint64_t outstanding, char *why)
{
	(void)pool;
	(void)outstanding;
	why[0] = '\0';
	return 0;
}

static const struct pool_ops pool_null_ops = {
	.name = "null",
	.summary = "no pool at all: the cost of the loop around one",
	.traits = {.progress = POOL_UNSYNCHRONISED,
		.kind = POOL_KIND_NULL,
		.cache = POOL_CACHE_THREAD},
	.supported = pool_supported_always,
	.create = null_create,
	.destroy = null_destroy,
	.attach = null_attach,
	.detach = null_detach,
	.get = null_get,
	.put = null_put,
	.get_bulk = null_get_bulk,
	.put_bulk = null_put_bulk,
	.flush = pool_flush_nothing,
	.count = null_count,
	.check = null_check,
};

#endif
