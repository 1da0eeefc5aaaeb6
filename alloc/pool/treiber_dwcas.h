/*
 * treiber_dwcas: one lock-free stack for everybody, its head a pointer and a 64-bit generation
 * that a 16-byte compare-and-swap changes together. What treiber_tag does with a 24-bit unit and a
 * 40-bit tag, for those who would rather have raw pointers and a generation that never comes round.
 *
 * It is pair_stack.h, where the source, the edges and the argument stand. Departure: only pop moves the
 * generation, by one, so that this and treiber_tag differ in the width of the CAS and in nothing else.
 * Progress, bursts, signal handlers, exactness and what orders each pair of operations are as there.
 *
 * What it costs on several CPUs depends on where the links lie. They are dense, so that a burst of
 * neighbours brings few lines: of objects of 256 bytes one or two links to a line. Where two threads get and put two
 * objects whose links share one (`pair`), each push takes away the line from which the other's pop reads a link,
 * between its load of head and its CAS. Then 0.68 CASes are lost for each object, and it takes 396 ns. With a line for each
 * link, which was built to see this and would make a burst bring n lines, they are 0.20 and 94 ns (a busy 2-CPU guest).
 *
 * ABA: what was popped and pushed again has moved the generation. 64 bits come round after 5,800 years at
 * 100 million pops a second.
 *
 * I1  as in pair_stack.h.
 */
#ifndef ALLOC_POOL_TREIBER_DWCAS_H
#define ALLOC_POOL_TREIBER_DWCAS_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/pair_stack.h"

struct treiber_dwcas_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct pair_stack stack;
	struct side_nodes nodes; /* the links */
};

ALWAYS_INLINE uint64_t treiber_dwcas_popped(uint64_t generation)
{
	return generation + 1;
}

ALWAYS_INLINE uint64_t treiber_dwcas_pushed(uint64_t generation)
{
	return generation;
}

/* A used object, or NULL. */
ALWAYS_INLINE void *treiber_dwcas_take(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_dwcas_pool *self = (struct treiber_dwcas_pool *)pool;

	return pair_stack_pop(
		&self->stack, &self->nodes, treiber_dwcas_popped, &thread->paths.wait);
}

/*
 * Five loads (the head's halves, the link, and where objects and links lie) and one 16-byte
 * compare-and-swap.
 */
static inline void *treiber_dwcas_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(treiber_dwcas_take(pool, thread), pool, thread);
}

/* Puts the chain of objects first..last, linked already, on top. */
ALWAYS_INLINE void treiber_dwcas_push_chain(
	struct treiber_dwcas_pool *self, struct pool_thread *thread, void *first, void *last)
{
	struct pair head = pair_stack_head(&self->stack);

	while (!pair_stack_try_push(&self->stack, &self->nodes, treiber_dwcas_pushed, first, last,
		&head, &thread->paths.wait))
		continue;
}

/* Four loads, one store and one 16-byte compare-and-swap. */
static inline void treiber_dwcas_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	treiber_dwcas_push_chain((struct treiber_dwcas_pool *)pool, thread, object, object);
}

/* Four loads, n of links and one 16-byte compare-and-swap. */
static inline uint32_t treiber_dwcas_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct treiber_dwcas_pool *self = (struct treiber_dwcas_pool *)pool;
	uint32_t got = pair_stack_pop_each(
		&self->stack, &self->nodes, treiber_dwcas_popped, objs, n, &thread->paths.wait);

	return likely(got == n) ? n : pool_grow_each(pool, thread, objs, got, n);
}

/* Four loads, n stores and one 16-byte compare-and-swap. */
static inline void treiber_dwcas_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct treiber_dwcas_pool *self = (struct treiber_dwcas_pool *)pool;

	for (uint32_t i = 0; i + 1 < n; i++)
		atom_store_relaxed(pair_stack_link(&self->nodes, objs[i]), objs[i + 1]);
	treiber_dwcas_push_chain(self, thread, objs[0], objs[n - 1]);
}

static COLD void treiber_dwcas_walk(struct pool *pool, struct census *census)
{
	struct treiber_dwcas_pool *self = (struct treiber_dwcas_pool *)pool;

	pair_stack_walk(&self->stack, &self->nodes, census); /* I1 */
}

static const struct pool_parts treiber_dwcas_parts = {
	POOL_WITH_NODES(struct treiber_dwcas_pool, atom_ptr),
	.take = treiber_dwcas_take,
	.walk = treiber_dwcas_walk,
};

static const struct pool_ops pool_treiber_dwcas_ops = {
	.name = "treiber_dwcas",
	.summary = "one lock-free stack, pointer and generation in a 16-byte head: what the wider "
		   "swap costs",
	.traits = {.progress = POOL_LOCK_FREE,
		.needs_cx16 = true,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_cx16,
	POOL_HOOKS(treiber_dwcas),
};

#endif
