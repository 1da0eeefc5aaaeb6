/*
 * ck_stack: Concurrency Kit's stack as a free list, a peer: treiber_dwcas, made by others. A push
 * swaps one word, the pointer; a pop swaps two and raises the generation.
 *
 * Source: Concurrency Kit, <ck_stack.h>, inline. It has no bulk form: a burst is n operations.
 * Progress, exactness and signal handlers: as treiber_dwcas, for the same reasons.
 * Orders: Concurrency Kit's own, in assembly that the thread sanitizer can't read; no labels here.
 * ABA: a 64-bit generation that moves on every pop. Entries are type-stable.
 *
 * I1  The walk from head ends in NULL and names each used free object once.
 */
#ifndef ALLOC_POOL_CK_STACK_H
#define ALLOC_POOL_CK_STACK_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/peer/missing_library.h"

#if NBLBENCH_CK
#include <ck_stack.h>
#endif

/* Defined where the library is there and the CPU's family has a two-word CAS. */
#ifdef CK_F_STACK_POP_MPMC
#define CK_STACK_POOL 1
#else
#define CK_STACK_POOL 0
#endif

#if CK_STACK_POOL

struct ck_stack_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct ck_stack stack;
	CACHE_PAIR_ALIGNED struct side_nodes nodes; /* of struct ck_stack_entry */
};

static inline void *ck_stack_pool_take(struct pool *pool, struct pool_thread *thread)
{
	struct ck_stack_pool *self = (struct ck_stack_pool *)pool;
	struct ck_stack_entry *entry = ck_stack_pop_mpmc(&self->stack);

	(void)thread;
	return likely(entry != NULL) ? side_nodes_object(&self->nodes, entry, sizeof(*entry))
				     : NULL;
}

/* Three loads and one 16-byte compare-and-swap. */
static inline void *ck_stack_pool_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(ck_stack_pool_take(pool, thread), pool, thread);
}

/* One load, one store and one compare-and-swap. */
static inline void ck_stack_pool_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct ck_stack_pool *self = (struct ck_stack_pool *)pool;

	(void)thread;
	ck_stack_push_mpmc(
		&self->stack, side_nodes_node(&self->nodes, object, sizeof(struct ck_stack_entry)));
}

POOL_GET_EACH(ck_stack_pool)
POOL_PUT_EACH(ck_stack_pool)

static COLD int ck_stack_pool_init(struct pool *pool)
{
	struct ck_stack *stack = &((struct ck_stack_pool *)pool)->stack;

	ck_stack_init(stack);
	/* The library counts with a char pointer, and counting up from NULL is undefined. */
	stack->generation = (char *)stack;
	return 0;
}

static COLD void ck_stack_pool_walk(struct pool *pool, struct census *census)
{
	struct ck_stack_pool *self = (struct ck_stack_pool *)pool;

	side_nodes_walk(&self->nodes, self->stack.head, sizeof(struct ck_stack_entry),
		offsetof(struct ck_stack_entry, next), census, "the stack"); /* I1 */
}

static const struct pool_parts ck_stack_pool_parts = {
	POOL_WITH_NODES(struct ck_stack_pool, struct ck_stack_entry),
	.init = ck_stack_pool_init,
	.take = ck_stack_pool_take,
	.walk = ck_stack_pool_walk,
};

#endif

static COLD bool ck_stack_pool_supported(char *reason)
{
	return CK_STACK_POOL ? pool_supported_cx16(reason)
			     : missing_library(reason, "Concurrency Kit", "libck-dev");
}

static const struct pool_ops pool_ck_stack_ops = {
	.name = "ck_stack",
	.summary = "peer: Concurrency Kit's lock-free stack",
	.traits = {.progress = POOL_LOCK_FREE,
		.needs_library = true,
		.needs_cx16 = true,
		.exact = true,
		.opaque_to_tsan = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_LIST},
	.supported = ck_stack_pool_supported,
#if CK_STACK_POOL
	POOL_HOOKS(ck_stack_pool),
#else
	MISSING_LIBRARY_HOOKS,
#endif
};

#endif
