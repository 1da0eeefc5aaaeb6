/*
 * A few shards, each a counted stack (counted_stack.h), over one stack of whole chains (chain_stack.h): what lies
 * around the hot hooks of `idx_local`.
 *
 * A shard's list that is retired becomes a chain, and a chain becomes the list of an empty shard. The edges are those of
 * the two stacks; what rules out ABA stands there. A list that is retired was acquired by A0, and a chain
 * that is installed is released by R0: so what its objects hold comes along.
 *
 * I1  Of a shard: that of counted_stack.h; and it has COUNTED_SHARDS_LIMIT objects at most.
 * I2  Each chain has the length it carries, 1 to COUNTED_SHARDS_LIMIT.
 * I3  No object is on two lists.
 */
#ifndef ALLOC_MECHANISM_COUNTED_SHARDS_H
#define ALLOC_MECHANISM_COUNTED_SHARDS_H

#include "alloc/mechanism/chain_stack.h"
#include "alloc/mechanism/counted_stack.h"
#include "alloc/mechanism/cpu_thread.h"
#include "alloc/mechanism/life_cycle.h"

/* A power of two, 1..256. 32 as in folly: more CPUs than that share. A test may want few. */
#ifndef COUNTED_SHARDS
#define COUNTED_SHARDS 32
#endif

enum {
	/* The most objects of a shard before its list is retired; 1..255. 200 as in folly. */
	COUNTED_SHARDS_LIMIT = 200,
};
_Static_assert(COUNTED_SHARDS >= 1 && COUNTED_SHARDS <= 256 &&
		       (COUNTED_SHARDS & (COUNTED_SHARDS - 1)) == 0,
	"the modulo is a mask");
_Static_assert(COUNTED_SHARDS_LIMIT >= 1 && (int)COUNTED_SHARDS_LIMIT <= (int)COUNTED_STACK_MAX &&
		       (int)COUNTED_SHARDS_LIMIT <= (int)CHAIN_LENGTH_MAX,
	"heads and chains have 8 bits for a length");

/* The pool. A thread's state is a struct cpu_thread. */
struct counted_shards {
	struct pool base;
	struct counted_stack shard[COUNTED_SHARDS];
	struct chain_stack chains;
	struct slab slab;
};

/* The current CPU's. */
ALWAYS_INLINE struct counted_stack *counted_shards_own(
	struct counted_shards *self, const struct pool_thread *thread)
{
	return &self->shard[cpu_thread_current(thread) & (COUNTED_SHARDS - 1)];
}

/* A shard that is `distance` from another; at COUNTED_SHARDS it comes round. */
static inline struct counted_stack *counted_shards_next(
	struct counted_shards *self, const struct counted_stack *from, size_t distance)
{
	return &self->shard[((size_t)(from - self->shard) + distance) & (COUNTED_SHARDS - 1)];
}

/* The parts (life_cycle.h). */
static COLD int counted_shards_init(struct pool *pool)
{
	return chain_stack_init(&((struct counted_shards *)pool)->chains, pool->slab);
}

static COLD void counted_shards_fini(struct pool *pool)
{
	chain_stack_fini(&((struct counted_shards *)pool)->chains, pool->slab);
}

static COLD void counted_shards_walk(struct pool *pool, struct census *census)
{
	struct counted_shards *self = (struct counted_shards *)pool;

	for (size_t i = 0; i < COUNTED_SHARDS; i++) { /* I1, I3 */
		uint64_t head = atom_load_relaxed(&self->shard[i].head);

		if (!chain_census(&self->slab, tagged_unit(head), counted_stack_length(head),
			    COUNTED_SHARDS_LIMIT, "I1: a shard's list", census))
			return;
	}
	chain_stack_census(&self->chains, &self->slab, COUNTED_SHARDS_LIMIT,
		"I2: a chain of the global list", census); /* I2, I3 */
}

/* The hook lost: the chain in a thread's hands. */
static COLD uint64_t counted_shards_lost(const struct pool *pool)
{
	(void)pool;
	return COUNTED_SHARDS_LIMIT;
}

#endif
