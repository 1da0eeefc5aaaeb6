/*
 * bare_cas: one compare-and-swap of one shared word each way, and no pool (floor.h). The limit of
 * `treiber_tag`, whose get and put each load the head and exchange it; of `idx_local` too while one
 * thread runs, since its shard is then its own.
 *
 * Bursts as in both: one compare-and-swap takes a chain or splices one in.
 *
 * Left out: the load of the link on which the new head depends in get (an object after the other in
 * a burst), the store of the link in put, the arithmetic of units and tags, the test for an empty
 * stack.
 */
#ifndef ALLOC_POOL_BARE_CAS_H
#define ALLOC_POOL_BARE_CAS_H

#include "alloc/mechanism/floor.h"

ALWAYS_INLINE void bare_cas_pop(struct bare_pool *self)
{
	uint64_t head = atom_load_acquire(&self->head);

	while (unlikely(!atom_cas_weak_acquire(&self->head, &head, head + 1)))
		;
}

ALWAYS_INLINE void bare_cas_push(struct bare_pool *self)
{
	uint64_t head = atom_load_relaxed(&self->head);

	while (unlikely(!atom_cas_weak_release(&self->head, &head, head + 1)))
		;
}

/* Two loads and one locked compare-and-swap. */
static inline void *bare_cas_get(struct pool *pool, struct pool_thread *thread)
{
	bare_cas_pop((struct bare_pool *)pool);
	return floor_get(thread);
}

/* One load and one locked compare-and-swap. */
static inline void bare_cas_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)thread;
	(void)object;
	bare_cas_push((struct bare_pool *)pool);
}

/* One load, one locked compare-and-swap and one copy of n pointers. */
static inline uint32_t bare_cas_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	bare_cas_pop((struct bare_pool *)pool);
	return floor_get_bulk(thread, objs, n);
}

/* One load and one locked compare-and-swap for all n. */
static inline void bare_cas_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	(void)thread;
	(void)objs;
	(void)n;
	bare_cas_push((struct bare_pool *)pool);
}

static const struct pool_ops pool_bare_cas_ops = {
	.name = "bare_cas",
	.summary = "no pool: one compare-and-swap each way, the limit of treiber_tag",
	.traits = {.progress = POOL_UNSYNCHRONISED, .kind = POOL_KIND_NULL},
	.supported = pool_supported_always,
	BARE_HOOKS(bare_cas),
};

#endif
