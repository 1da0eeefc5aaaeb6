/*
 * bare_vyukov: one compare-and-swap of one shared position in get, of another in put, and no pool
 * (floor.h). The limit of `vyukov`: getters meet getters on one line, putters putters on another.
 *
 * Bursts as there: one compare-and-swap takes all positions, in get and in put.
 *
 * Left out: for each object the load of its cell's sequence number before the compare-and-swap, and
 * the load or store of its address and the store of the next sequence number afterwards.
 */
#ifndef ALLOC_POOL_BARE_VYUKOV_H
#define ALLOC_POOL_BARE_VYUKOV_H

#include "alloc/mechanism/floor.h"

ALWAYS_INLINE void bare_vyukov_move(atom_u64 *position)
{
	uint64_t at = atom_load_relaxed(position);

	while (unlikely(!atom_cas_weak_relaxed(position, &at, at + 1)))
		;
}

/* Two loads and one locked compare-and-swap. */
static inline void *bare_vyukov_get(struct pool *pool, struct pool_thread *thread)
{
	bare_vyukov_move(&((struct bare_pool *)pool)->head);
	return floor_get(thread);
}

/* One load and one locked compare-and-swap. */
static inline void bare_vyukov_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)thread;
	(void)object;
	bare_vyukov_move(&((struct bare_pool *)pool)->tail);
}

/* One load, one locked compare-and-swap and one copy of n pointers. */
static inline uint32_t bare_vyukov_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	bare_vyukov_move(&((struct bare_pool *)pool)->head);
	return floor_get_bulk(thread, objs, n);
}

/* One load and one locked compare-and-swap for all n. */
static inline void bare_vyukov_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	(void)objs;
	(void)n;
	bare_vyukov_put(pool, thread, NULL);
}

static const struct pool_ops pool_bare_vyukov_ops = {
	.name = "bare_vyukov",
	.summary = "no pool: one compare-and-swap each way, on two words, the limit of vyukov",
	.traits = {.progress = POOL_UNSYNCHRONISED, .kind = POOL_KIND_NULL},
	.supported = pool_supported_always,
	BARE_HOOKS(bare_vyukov),
};

#endif
