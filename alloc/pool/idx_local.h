/*
 * idx_local: a lock-free stack of objects for each of a few shards, chosen by the CPU's number, over one
 * stack of whole chains. The portable competitor: no restartable sequences, no thread-local state, and
 * still each CPU mostly works on a line of its own, at the price of a locked instruction.
 *
 *	get   own shard; else a chain, whose rest becomes the shard's list; else a never-used object; else any
 *	      other shard
 *	put   own shard; if that has IDX_LOCAL_LIMIT objects, its list becomes a chain first
 *
 * Source: folly's IndexedMemPool (local lists, a global list of chains, a limit of 200).
 * Departures: our head has 24 bits of unit, 8 of length and 32 of tag (folly: 32, 8, 24). A chain
 * carries its length, so that bursts of any size can be spliced in and flush can retire a short one.
 * get_bulk takes its objects with one CAS. And get searches the other shards at last, so that the pool
 * is exact, where folly adds shards x limit objects to the capacity.
 *
 * Progress: get and put are lock-free: a CAS fails only because another one succeeded, and a chain
 * that could not be installed goes back. A thread stopped while it moves a chain hides that chain.
 * Signal handlers may use it: a chain in the hands of an interrupted call is hidden, no more.
 * Exact, for any number of threads: get answers NULL only after it has found the own shard empty, no
 * chain on the global list, the slab used up, every shard empty, and still no chain. While no other
 * thread is in a call nothing moves between these looks; and a free object is on a shard or in a chain.
 * No length counts threads: a CAS keeps each within its limit. While others move chains, what they carry
 * behind the search is missed.
 *
 * The edges are those of a shard's stack (counted_stack.h, R0 and A0) and of the stack of chains
 * (chain_stack.h, R1 and A1); what rules out ABA stands there. A list that is retired was acquired by A0,
 * and a chain that is installed is released by R0: so what its objects hold comes along.
 *
 * I1  Of a shard: that of counted_stack.h.
 * I2  Each chain on the global list has the length it carries, 1 to IDX_LOCAL_LIMIT.
 * I3  No object is on two lists.
 */
#ifndef ALLOC_POOL_IDX_LOCAL_H
#define ALLOC_POOL_IDX_LOCAL_H

#include "alloc/mechanism/chain_stack.h"
#include "alloc/mechanism/counted_stack.h"
#include "alloc/mechanism/cpu_thread.h"
#include "alloc/mechanism/life_cycle.h"

/* Local lists; a power of two, 1..256. 32 as in folly: more CPUs than that share. A test may want few. */
#ifndef IDX_LOCAL_SHARDS
#define IDX_LOCAL_SHARDS 32
#endif

enum {
	/* The most objects on one of them before its list is retired; 1..255. 200 as in folly. */
	IDX_LOCAL_LIMIT = 200,
};
_Static_assert(IDX_LOCAL_SHARDS >= 1 && IDX_LOCAL_SHARDS <= 256 &&
		       (IDX_LOCAL_SHARDS & (IDX_LOCAL_SHARDS - 1)) == 0,
	"the modulo is a mask");
_Static_assert(IDX_LOCAL_LIMIT >= 1 && (int)IDX_LOCAL_LIMIT <= (int)COUNTED_STACK_MAX &&
		       (int)IDX_LOCAL_LIMIT <= (int)CHAIN_LENGTH_MAX,
	"heads and chains have 8 bits for a length");

struct idx_local_pool {
	struct pool base;
	struct counted_stack shard[IDX_LOCAL_SHARDS];
	struct chain_stack chains;
	struct slab slab;
};

ALWAYS_INLINE struct counted_stack *idx_local_own(
	struct idx_local_pool *self, const struct pool_thread *thread)
{
	return &self->shard[cpu_thread_current(thread) & (IDX_LOCAL_SHARDS - 1)];
}

static COLD uint32_t idx_local_find(
	struct idx_local_pool *self, struct pool_thread *thread, void **objs, uint32_t want);
static COLD void idx_local_retire(struct pool *pool, struct pool_thread *thread, uint64_t head);

/* Puts n <= IDX_LOCAL_LIMIT objects, linked already from first to last, on the caller's shard. */
ALWAYS_INLINE void idx_local_push(struct idx_local_pool *self, struct pool_thread *thread,
	uint32_t first, uint32_t last, uint32_t n)
{
	counted_stack_push(idx_local_own(self, thread), &self->slab, first, last, n,
		IDX_LOCAL_LIMIT, idx_local_retire, &self->base, thread);
}

/* Six loads and one locked compare-and-swap on a line that is the CPU's own as a rule. */
static inline void *idx_local_get(struct pool *pool, struct pool_thread *thread)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	void *object = counted_stack_pop_one(
		idx_local_own(self, thread), &self->slab, &thread->paths.wait);

	return likely(object != NULL) ? object : pool_get_one(pool, thread);
}

/* Five loads, one store and one locked compare-and-swap. */
static inline void idx_local_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	uint32_t unit = slab_unit(&self->slab, object);

	idx_local_push(self, thread, unit, unit, 1);
}

/* n loads of links and one locked compare-and-swap while the shard has n. */
static inline uint32_t idx_local_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;
	uint32_t got = counted_stack_pop(
		idx_local_own(self, thread), &self->slab, objs, n, &thread->paths.wait);

	while (unlikely(got < n)) {
		uint32_t found = idx_local_find(self, thread, objs + got, n - got);

		if (found == 0)
			break;
		got += found;
		if (got < n)
			got += counted_stack_pop(idx_local_own(self, thread), &self->slab,
				objs + got, n - got, &thread->paths.wait);
	}
	return got;
}

/* n stores of links and one locked compare-and-swap for each IDX_LOCAL_LIMIT objects. */
static inline void idx_local_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;

	while (n != 0) {
		uint32_t length = n < IDX_LOCAL_LIMIT ? n : IDX_LOCAL_LIMIT;
		uint32_t first = slab_unit(&self->slab, objs[0]);
		uint32_t last = slab_chain(&self->slab, first, objs, length);

		idx_local_push(self, thread, first, last, length);
		objs += length;
		n -= length;
	}
}

/* Reactivates a chain for an empty shard: one object for the caller, the rest for the list. */
static COLD uint32_t idx_local_refill(struct idx_local_pool *self, struct pool_thread *thread,
	struct counted_stack *shard, void **objs, uint32_t want)
{
	uint32_t first, length, got;

	while ((first = chain_stack_pop(&self->chains, &length, &thread->paths.wait)) != 0) {
		uint32_t rest = atom_load_relaxed(slab_link(&self->slab, first));

		thread->paths.refill++;
		if (length == 1 || counted_stack_install(shard, rest, length - 1)) {
			objs[0] = slab_at(&self->slab, first);
			return 1;
		}
		chain_stack_push(&self->chains, first, length,
			&thread->paths.wait); /* somebody else has filled the shard */
		got = counted_stack_pop(shard, &self->slab, objs, want, &thread->paths.wait);
		if (got != 0)
			return got;
	}
	return 0;
}

/* At least one object for a thread whose shard is empty, or 0 when none is found anywhere. */
static COLD uint32_t idx_local_find(
	struct idx_local_pool *self, struct pool_thread *thread, void **objs, uint32_t want)
{
	struct counted_stack *own = idx_local_own(self, thread);
	uint32_t got;

	do {
		got = idx_local_refill(self, thread, own, objs, want);
		if (got == 0)
			got = pool_carve(&self->slab, thread, objs, want);
		if (got != 0)
			return got;
		for (size_t i = 0; i < IDX_LOCAL_SHARDS; i++) {
			size_t victim = ((size_t)(own - self->shard) + i) & (IDX_LOCAL_SHARDS - 1);

			got = counted_stack_pop(
				&self->shard[victim], &self->slab, objs, want, &thread->paths.wait);
			if (got != 0) {
				thread->paths.steal++;
				return got;
			}
		}
		/* A shard that was retired meanwhile may have slipped from in front to behind. */
	} while (chain_stack_has_any(&self->chains));
	thread->paths.empty++;
	return 0;
}

/* The list under the head, which was a shard's until now, becomes a chain. */
static COLD void idx_local_retire(struct pool *pool, struct pool_thread *thread, uint64_t head)
{
	chain_stack_push(&((struct idx_local_pool *)pool)->chains, tagged_unit(head),
		counted_stack_length(head), &thread->paths.wait);
}

static COLD void idx_local_flush(struct pool *pool, struct pool_thread *thread)
{
	uint64_t head =
		counted_stack_take_all(idx_local_own((struct idx_local_pool *)pool, thread));

	if (head != 0)
		idx_local_retire(pool, thread, head);
}

static COLD int idx_local_init(struct pool *pool)
{
	return chain_stack_init(&((struct idx_local_pool *)pool)->chains, pool->slab);
}

static COLD void idx_local_fini(struct pool *pool)
{
	chain_stack_fini(&((struct idx_local_pool *)pool)->chains, pool->slab);
}

static COLD void idx_local_walk(struct pool *pool, struct census *census)
{
	struct idx_local_pool *self = (struct idx_local_pool *)pool;

	for (size_t i = 0; i < IDX_LOCAL_SHARDS; i++) { /* I1, I3 */
		uint64_t head = atom_load_relaxed(&self->shard[i].head);

		if (!chain_census(&self->slab, tagged_unit(head), counted_stack_length(head),
			    IDX_LOCAL_LIMIT, "I1: a shard's list", census))
			return;
	}
	chain_stack_census(&self->chains, &self->slab, IDX_LOCAL_LIMIT,
		"I2: a chain of the global list", census); /* I2, I3 */
}

static const struct pool_parts idx_local_parts = {
	POOL_WITH_SLAB(struct idx_local_pool, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct cpu_thread),
	.init = idx_local_init,
	.fini = idx_local_fini,
	.enter = cpu_thread_enter,
	.walk = idx_local_walk,
};

/* The chain in its hands. */
static COLD uint64_t idx_local_lost(const struct pool *pool)
{
	(void)pool;
	return IDX_LOCAL_LIMIT;
}

static const struct pool_ops pool_idx_local_ops = {
	.name = "idx_local",
	.summary = "sharded lock-free stacks over a stack of chains: portable, local, exact",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_always,
	POOL_CACHE_HOOKS(idx_local),
	.lost = idx_local_lost,
	.adopt = cpu_thread_adopt,
};

#endif
