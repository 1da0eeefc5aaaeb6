/*
 * treiber_tag: one lock-free stack for everybody, its head a 64-bit word of unit and tag. The
 * reference among the shared structures: exact to the last object, a locked instruction each way,
 * and one cache line that all CPUs fight for.
 *
 * The algorithm stands in alloc/mechanism/tagged_stack.h, with what orders each pair of operations,
 * its labels (A0, R0) and its argument against ABA. This file makes a pool of it: the stack holds
 * the used free objects, and a get that finds it empty takes a never-used one.
 *
 * Source: R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986. The tag
 * follows IBM System/370, Principles of Operation, appendix on CDS. Departure: we link units (slab.h),
 * not pointers, so that head and tag fit a word that every compiler and every checker understands.
 *
 * Progress: get and put are lock-free. A burst costs one locked instruction each way (get_bulk walks
 * the links, put_bulk splices a private chain in); one that others keep overtaking walks again.
 * Signal handlers may use it: an interrupted call has changed nothing or everything.
 * Exact, for any number of threads, as pool_grow is. Only the tag could be outrun: by a multiple of
 * 2^40 pops while one thread stands between its load and its CAS (tagged.h).
 *
 * I1  as in tagged_stack.h.
 */
#ifndef ALLOC_POOL_TREIBER_TAG_H
#define ALLOC_POOL_TREIBER_TAG_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/tagged_stack.h"

struct treiber_tag_pool {
	struct pool base;
	struct tagged_stack stack;
	struct slab slab;
};

/* A used object, or NULL. */
static inline void *treiber_tag_take(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;

	return tagged_stack_pop(&self->stack, &self->slab, &thread->paths.wait);
}

/* Four loads, two of them of the pool's constants, and one locked compare-and-swap. */
static inline void *treiber_tag_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(treiber_tag_take(pool, thread), pool, thread);
}

/* Three loads, two of them of the pool's constants, one store and one locked compare-and-swap. */
static inline void treiber_tag_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;

	tagged_stack_push(&self->stack, &self->slab, object, &thread->paths.wait);
}

/* n loads of links and one locked compare-and-swap. */
static inline uint32_t treiber_tag_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	uint32_t got =
		tagged_stack_pop_each(&self->stack, &self->slab, objs, n, &thread->paths.wait);

	return likely(got == n) ? n : pool_grow_each(pool, thread, objs, got, n);
}

/* n stores and one locked compare-and-swap. */
static inline void treiber_tag_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;

	tagged_stack_push_each(&self->stack, &self->slab, objs, n, &thread->paths.wait);
}

static COLD void treiber_tag_walk(struct pool *pool, struct census *census)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;

	tagged_stack_census(&self->stack, &self->slab, census); /* I1 */
}

static const struct pool_parts treiber_tag_parts = {
	POOL_WITH_SLAB(struct treiber_tag_pool, SLAB_WITH_LINKS),
	.take = treiber_tag_take,
	.walk = treiber_tag_walk,
};

static const struct pool_ops pool_treiber_tag_ops = {
	.name = "treiber_tag",
	.summary = "one lock-free stack, index and tag in one word: the textbook's, and what "
		   "sharing it costs",
	.traits = {.progress = POOL_LOCK_FREE,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(treiber_tag),
};

#endif
