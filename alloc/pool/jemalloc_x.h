/*
 * jemalloc_x: jemalloc through its own interface, in the form that its manual proposes for a pool:
 * an arena of the pool's own and an explicit thread cache for each attached thread, named in the
 * flags of mallocx and dallocx.
 *
 * Progress: blocking, as jemalloc's slow paths lock. After put: the memory is jemalloc's. The
 * capacity is not enforced. jemalloc makes 4,094 such caches at most; a thread that gets none goes to
 * the arena.
 * Source: jemalloc(3), "arenas.create", "tcache.create", MALLOCX_ARENA, MALLOCX_TCACHE.
 */
#ifndef ALLOC_POOL_JEMALLOC_X_H
#define ALLOC_POOL_JEMALLOC_X_H

#include "alloc/peer/malloc_peer.h"

/* From the preloaded library, or NULL. */
extern void *mallocx(size_t bytes, int flags) __attribute__((weak));
extern void dallocx(void *object, int flags) __attribute__((weak));
extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
	__attribute__((weak));

/*
 * The encoding of jemalloc(3)'s flags: the binary logarithm of the alignment, the cache plus 2, the
 * arena plus 1.
 */
enum {
	JEMALLOC_X_TCACHE_SHIFT = 8,
	JEMALLOC_X_TCACHE_BIAS = 2,
	JEMALLOC_X_ARENA_SHIFT = 20,
	JEMALLOC_X_ARENA_BIAS = 1
};

/* No cache: what threads beyond jemalloc's 4,094 explicit caches go without. */
#define JEMALLOC_X_TCACHE_NONE ((unsigned)-1)

struct jemalloc_x_pool {
	struct pool base;
	size_t bytes;
	unsigned arena;
	int align_flag;
};

struct jemalloc_x_thread {
	struct pool_thread base;
	size_t bytes;
	int get_flags; /* arena, cache and alignment */
	int put_flags; /* cache */
	unsigned tcache;
};

/* One call into the allocator. */
static inline void *jemalloc_x_get(struct pool *pool, struct pool_thread *thread)
{
	struct jemalloc_x_thread *self = (struct jemalloc_x_thread *)thread;
	void *object = mallocx(self->bytes, self->get_flags);

	(void)pool;
	if (unlikely(object == NULL))
		thread->paths.empty++;
	return object;
}

/* One call into the allocator. */
static inline void jemalloc_x_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)pool;
	dallocx(object, ((struct jemalloc_x_thread *)thread)->put_flags);
}

POOL_GET_EACH(jemalloc_x)
POOL_PUT_EACH(jemalloc_x)

static COLD bool jemalloc_x_supported(char *reason)
{
	return malloc_peer_supported(reason, "mallocx", "libjemalloc.so.2", "libjemalloc2");
}

static COLD int jemalloc_x_init(struct pool *pool)
{
	struct jemalloc_x_pool *self = (struct jemalloc_x_pool *)pool;
	size_t arena_bytes = sizeof(self->arena);

	self->bytes = pool->config.object_bytes;
	self->align_flag = __builtin_ctzll(pool->config.object_align);
	return mallctl("arenas.create", &self->arena, &arena_bytes, NULL, 0) == 0 ? 0 : -ENOMEM;
}

static COLD void jemalloc_x_fini(struct pool *pool)
{
	char name[64];

	snprintf(name, sizeof(name), "arena.%u.destroy", ((struct jemalloc_x_pool *)pool)->arena);
	mallctl(name, NULL, NULL, NULL, 0);
}

static COLD int jemalloc_x_enter(struct pool *pool, struct pool_thread *thread)
{
	struct jemalloc_x_pool *owner = (struct jemalloc_x_pool *)pool;
	struct jemalloc_x_thread *self = (struct jemalloc_x_thread *)thread;
	size_t tcache_bytes = sizeof(self->tcache);

	if (mallctl("tcache.create", &self->tcache, &tcache_bytes, NULL, 0) != 0)
		self->tcache = JEMALLOC_X_TCACHE_NONE;
	self->bytes = owner->bytes;
	self->put_flags = (int)(self->tcache + JEMALLOC_X_TCACHE_BIAS) << JEMALLOC_X_TCACHE_SHIFT;
	self->get_flags = self->put_flags | owner->align_flag |
			  (int)((owner->arena + JEMALLOC_X_ARENA_BIAS) << JEMALLOC_X_ARENA_SHIFT);
	return 0;
}

static COLD void jemalloc_x_flush(struct pool *pool, struct pool_thread *thread)
{
	struct jemalloc_x_thread *self = (struct jemalloc_x_thread *)thread;

	(void)pool;
	if (self->tcache != JEMALLOC_X_TCACHE_NONE)
		mallctl("tcache.flush", NULL, NULL, &self->tcache, sizeof(self->tcache));
}

static COLD void jemalloc_x_leave(struct pool *pool, struct pool_thread *thread)
{
	struct jemalloc_x_thread *self = (struct jemalloc_x_thread *)thread;

	(void)pool;
	if (self->tcache != JEMALLOC_X_TCACHE_NONE)
		mallctl("tcache.destroy", NULL, NULL, &self->tcache, sizeof(self->tcache));
}

static const struct pool_parts jemalloc_x_parts = {
	.pool_bytes = sizeof(struct jemalloc_x_pool),
	.thread_bytes = sizeof(struct jemalloc_x_thread),
	.init = jemalloc_x_init,
	.fini = jemalloc_x_fini,
	.enter = jemalloc_x_enter,
	.leave = jemalloc_x_leave,
};

static const struct pool_ops pool_jemalloc_x_ops = {
	.name = "jemalloc_x",
	.summary = "peer: jemalloc's mallocx with an arena a pool and a cache a thread",
	.traits = {.progress = POOL_BLOCKING,
		.needs_library = true,
		.kind = POOL_KIND_ALLOCATOR,
		.cache = POOL_CACHE_THREAD,
		.exact = true},
	.preload = "libjemalloc.so.2",
	.supported = jemalloc_x_supported,
	POOL_CACHE_HOOKS(jemalloc_x),
};

#endif
