/*
 * idx_local: a lock-free stack of objects for each of a few shards, chosen by the CPU's number, over one
 * stack of whole chains. The portable competitor: no restartable sequences, no thread-local state, and
 * still each CPU mostly works on a line of its own, at the price of a locked instruction.
 *
 *	get   own shard; else a chain, whose rest becomes the shard's list; else a never-used object; else any
 *	      other shard
 *	put   own shard; if that has COUNTED_SHARDS_LIMIT objects, its list becomes a chain first
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
 * The edges, what rules out ABA, and the invariants are those of counted_shards.h.
 */
#ifndef ALLOC_POOL_IDX_LOCAL_H
#define ALLOC_POOL_IDX_LOCAL_H

#include "alloc/mechanism/counted_shards.h"

static COLD uint32_t idx_local_find(
	struct counted_shards *self, struct pool_thread *thread, void **objs, uint32_t want);
static COLD void idx_local_retire(struct pool *pool, struct pool_thread *thread, uint64_t head);

/* Puts n <= COUNTED_SHARDS_LIMIT objects, linked already from first to last, on the caller's shard. */
ALWAYS_INLINE void idx_local_push(struct counted_shards *self, struct pool_thread *thread,
	uint32_t first, uint32_t last, uint32_t n)
{
	counted_stack_push(counted_shards_own(self, thread), &self->slab, first, last, n,
		COUNTED_SHARDS_LIMIT, idx_local_retire, &self->base, thread);
}

/* Six loads and one locked compare-and-swap on a line that is the CPU's own as a rule. */
static inline void *idx_local_get(struct pool *pool, struct pool_thread *thread)
{
	struct counted_shards *self = (struct counted_shards *)pool;
	void *object = counted_stack_pop_one(
		counted_shards_own(self, thread), &self->slab, &thread->paths.wait);

	return likely(object != NULL) ? object : pool_get_one(pool, thread);
}

/* Five loads, one store and one locked compare-and-swap. */
static inline void idx_local_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct counted_shards *self = (struct counted_shards *)pool;
	uint32_t unit = slab_unit(&self->slab, object);

	idx_local_push(self, thread, unit, unit, 1);
}

/* n loads of links and one locked compare-and-swap while the shard has n. */
static inline uint32_t idx_local_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct counted_shards *self = (struct counted_shards *)pool;
	uint32_t got = counted_stack_pop(
		counted_shards_own(self, thread), &self->slab, objs, n, &thread->paths.wait);

	while (unlikely(got < n)) {
		uint32_t found = idx_local_find(self, thread, objs + got, n - got);

		if (found == 0)
			break;
		got += found;
		if (got < n)
			got += counted_stack_pop(counted_shards_own(self, thread), &self->slab,
				objs + got, n - got, &thread->paths.wait);
	}
	return got;
}

/* n stores of links and one locked compare-and-swap for each COUNTED_SHARDS_LIMIT objects. */
static inline void idx_local_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct counted_shards *self = (struct counted_shards *)pool;

	while (n != 0) {
		uint32_t length = n < COUNTED_SHARDS_LIMIT ? n : COUNTED_SHARDS_LIMIT;
		uint32_t first = slab_unit(&self->slab, objs[0]);
		uint32_t last = slab_chain(&self->slab, first, objs, length);

		idx_local_push(self, thread, first, last, length);
		objs += length;
		n -= length;
	}
}

/* Reactivates a chain for an empty shard: one object for the caller, the rest for the list. */
static COLD uint32_t idx_local_refill(struct counted_shards *self, struct pool_thread *thread,
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
	struct counted_shards *self, struct pool_thread *thread, void **objs, uint32_t want)
{
	struct counted_stack *own = counted_shards_own(self, thread);
	uint32_t got;

	do {
		got = idx_local_refill(self, thread, own, objs, want);
		if (got == 0)
			got = pool_carve(&self->slab, thread, objs, want);
		if (got != 0)
			return got;
		for (size_t i = 0; i < COUNTED_SHARDS; i++) {
			got = counted_stack_pop(counted_shards_next(self, own, i), &self->slab,
				objs, want, &thread->paths.wait);
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
	chain_stack_push(&((struct counted_shards *)pool)->chains, tagged_unit(head),
		counted_stack_length(head), &thread->paths.wait);
}

static COLD void idx_local_flush(struct pool *pool, struct pool_thread *thread)
{
	uint64_t head =
		counted_stack_take_all(counted_shards_own((struct counted_shards *)pool, thread));

	if (head != 0)
		idx_local_retire(pool, thread, head);
}

static const struct pool_parts idx_local_parts = {
	POOL_WITH_SLAB(struct counted_shards, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct cpu_thread),
	.init = counted_shards_init,
	.fini = counted_shards_fini,
	.enter = cpu_thread_enter,
	.walk = counted_shards_walk,
};

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
	.lost = counted_shards_lost,
	.adopt = cpu_thread_adopt,
};

#endif
