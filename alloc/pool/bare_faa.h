/*
 * bare_faa: one fetch-and-add of one shared word each way, and no pool (floor.h). The limit of
 * `ticket`, whose holds begin with drawing a ticket.
 *
 * Bursts as there: one hold, so one fetch-and-add, for all n.
 *
 * Left out: the look at whose turn it is, the store that ends the hold, and the list under the
 * lock. With several threads the row does not wait, so it lies below what a lock can reach: a
 * lock's line changes hands twice a hold.
 */
#ifndef ALLOC_POOL_BARE_FAA_H
#define ALLOC_POOL_BARE_FAA_H

#include "alloc/mechanism/floor.h"

/*
 * Draws a number. It is looked at, as a ticket is: else the compiler would not fetch it, and the
 * instruction would be a cheaper one. False when 2^63 were drawn: never.
 */
ALWAYS_INLINE bool bare_faa_draw(struct pool *pool)
{
	return (int64_t)atom_add_relaxed(&((struct bare_pool *)pool)->head, 1) >= 0;
}

/* One load and one locked fetch-and-add. */
static inline void *bare_faa_get(struct pool *pool, struct pool_thread *thread)
{
	return likely(bare_faa_draw(pool)) ? floor_get(thread) : NULL;
}

/* One locked fetch-and-add. */
static inline void bare_faa_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)object;
	if (unlikely(!bare_faa_draw(pool)))
		thread->paths.flush++;
}

/* One locked fetch-and-add and one copy of n pointers. */
static inline uint32_t bare_faa_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return likely(bare_faa_draw(pool)) ? floor_get_bulk(thread, objs, n) : 0;
}

/* One locked fetch-and-add for all n. */
static inline void bare_faa_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	(void)objs;
	(void)n;
	bare_faa_put(pool, thread, NULL);
}

static const struct pool_ops pool_bare_faa_ops = {
	.name = "bare_faa",
	.summary = "no pool: one fetch-and-add each way, the limit of ticket",
	.traits = {.progress = POOL_UNSYNCHRONISED, .kind = POOL_KIND_NULL},
	.supported = pool_supported_always,
	BARE_HOOKS(bare_faa),
};

#endif
