/*
 * malloc: the C library's allocator, or whatever was preloaded over it: what a driver gets that uses
 * no pool at all. Objects have its natural alignment and come from malloc; where more is asked for,
 * from aligned_alloc, which leaves the thread caches of some (glibc 2.36 takes its arena's lock).
 *
 * Progress: blocking, since glibc's slow path takes an arena lock. Signal handlers must not use it:
 * malloc and free are not among what POSIX lets them call. After put the memory is the allocator's and
 * may be unmapped. The capacity is not enforced: counting would need a shared word that no allocator has.
 */
#ifndef ALLOC_POOL_MALLOC_H
#define ALLOC_POOL_MALLOC_H

#include "alloc/mechanism/life_cycle.h"

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

POOL_GET_EACH(malloc)
POOL_PUT_EACH(malloc)

static COLD int malloc_init(struct pool *pool)
{
	struct malloc_pool *self = (struct malloc_pool *)pool;
	const size_t align = pool->config.object_align;

	self->align = align > _Alignof(max_align_t) ? align : 0;
	self->bytes = (pool->config.object_bytes + align - 1) & ~(align - 1);
	return 0;
}

static const struct pool_parts malloc_parts = {
	.pool_bytes = sizeof(struct malloc_pool),
	.init = malloc_init,
};

static const struct pool_ops pool_malloc_ops = {
	.name = "malloc",
	.summary = "the C library's malloc and free: no pool at all",
	.traits = {.progress = POOL_BLOCKING,
		.kind = POOL_KIND_ALLOCATOR,
		.cache = POOL_CACHE_THREAD,
		.exact = true},
	.supported = pool_supported_always,
	POOL_HOOKS(malloc),
};

#endif
