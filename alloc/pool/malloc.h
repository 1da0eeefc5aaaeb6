/*
 * malloc: the C library's allocator, or whatever was preloaded over it, behind the pool's
 * interface. Each get is an aligned_alloc or malloc, each put a free: what a driver gets that uses
 * no pool at all.
 *
 * In the form its own experts would choose: unless the pool's user asks for more, objects have the
 * allocator's natural alignment and come from malloc; larger alignments need aligned_alloc, which
 * leaves the thread caches of some allocators: glibc 2.36 takes its arena's lock for it.
 *
 * Progress: glibc's slow path takes an arena lock, so blocking.
 * Signal handlers must not use it: malloc and free are not among what POSIX lets them call.
 * After put: the memory is the
 * allocator's; it may be unmapped. The capacity is not enforced, since counting would need a shared
 * word that no allocator has.
 */
#ifndef ALLOC_POOL_MALLOC_H
#define ALLOC_POOL_MALLOC_H

#include "alloc/pool.h"

#include <errno.h>
#include <stdlib.h>

struct malloc_pool {
	struct pool base;
	size_t bytes;
	size_t align; /* 0: malloc's own is enough */
};

/* One call into the allocator. */
static inline void *malloc_get(struct pool *pool, struct pool_thread *thread)
{
	struct malloc_pool *self = (struct malloc_pool *)pool;
	void *object = likely(self->align == 0) ? malloc(self->bytes)
						: aligned_alloc(self->align, self->bytes);

	if (unlikely(object == NULL))
		thread->paths.empty++;
	return object;
}

/* One call into the allocator. */
static inline void malloc_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)pool;
	(void)thread;
	free(object);
}

static inline uint32_t malloc_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(malloc_get, pool, thread, objs, n);
}

static inline void malloc_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(malloc_put, pool, thread, objs, n);
}

static COLD int malloc_create(const struct pool_config *config, struct pool **out)
{
	struct malloc_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->align = config->object_align > _Alignof(max_align_t) ? config->object_align : 0;
	self->bytes =
		(config->object_bytes + config->object_align - 1) & ~(config->object_align - 1);
	*out = &self->base;
	return 0;
}

static COLD void malloc_destroy(struct pool *pool)
{
	memory_free(pool, sizeof(struct malloc_pool));
}

static COLD uint64_t malloc_count(struct pool *pool)
{
	(void)pool;
	return 0;
}

static COLD int malloc_check(struct pool *pool, uint64_t outstanding, char *why)
{
	(void)pool;
	(void)outstanding;
	why[0] = '\0';
	return 0;
}

static const struct pool_ops pool_malloc_ops = {
	.name = "malloc",
	.summary = "the C library's malloc and free: no pool at all",
	.traits = {.progress = POOL_BLOCKING,
		.kind = POOL_KIND_ALLOCATOR,
		.cache = POOL_CACHE_THREAD,
		.exact = true},
	.supported = pool_supported_always,
	.create = malloc_create,
	.destroy = malloc_destroy,
	.attach = pool_attach_plain,
	.detach = pool_detach_plain,
	.get = malloc_get,
	.put = malloc_put,
	.get_bulk = malloc_get_bulk,
	.put_bulk = malloc_put_bulk,
	.flush = pool_flush_nothing,
	.count = malloc_count,
	.check = malloc_check,
};

#endif
