/*
 * sharded: free lists in shards of 64 neighbouring objects, each shard one thread's. A thread gets from and puts to
 * a shard of its own without a locked instruction. An object that belongs to another's shard is sent to that
 * shard's list of foreign frees by one compare-and-swap, and its owner takes the whole list by one more.
 * Whose an object is follows from its address.
 *
 * Sources: D. Leijen, B. Zorn, L. de Moura, "Mimalloc: Free List Sharding in Action", APLAS 2019: three lists a
 * page. P. Liétar and others, "Snmalloc: A Message Passing Allocator", ISMM 2019, and R. Ahrens and others,
 * "BatchIt", ISMM 2024: neighbours in a burst that belong to one shard are sent together. Departures: who sends
 * first tells the owner, so nobody looks through full shards; a thread has few shards at hand and sends to
 * itself beyond that, so what others can't reach is bounded; links lie beside the objects (slab.h).
 *
 *	get   current shard; else what its owner put there; else a shard at hand; else what was sent to
 *	      a shard of the thread's; else a shard of nobody's; else a new one; else what was sent to
 *	      others
 *	put   own shard at hand: its list; else that becomes one, or the object is sent
 *
 * Progress: get and put are lock-free. A put is not wait-free: its compare-and-swap may lose to others'.
 * Signal handlers must not use it: they might find a list half-way through a change.
 * Not exact: the objects of up to SHARDS_READY_MAX + 1 shards rest with each thread, some 320. What was
 * sent is found by everybody, whoever owns the shard, also when that thread has stopped or ended.
 *
 *	          get                            put
 *	get       own lists: none; stacks: CAS   word: CAS
 *	put                                      own lists: none; word: CAS
 *
 * What it should win: objects that one thread frees for another come home by themselves, at the price of a cache that
 * hands magazines over, and no magazine is filled with objects that are at home elsewhere. A get and a put of a single
 * object work on one line of the shard's and one of links. What it can't win: a chain of links is followed object by
 * object where a magazine is copied, so a burst costs four times a magazine's; and single objects of mixed
 * shards cost a locked instruction each.
 *
 * Edges and invariants are those of shards.h.
 */
#ifndef ALLOC_POOL_SHARDED_H
#define ALLOC_POOL_SHARDED_H

#include "alloc/mechanism/shards.h"

/* Five loads, three of them of the pool's constants and the thread's, and one store. */
static inline void *sharded_get(struct pool *pool, struct pool_thread *thread)
{
	struct shards *self = (struct shards *)pool;
	struct shard *shard = ((struct shards_thread *)thread)->current;
	uint32_t unit = shard->free;

	if (unlikely(unit == 0))
		return pool_get_one(pool, thread);
	shard->free = atom_load_relaxed(slab_link(&self->slab, unit));
	return slab_at(&self->slab, unit);
}

/* At hand: a multiplication, eight loads, five of them of constants, and two stores. */
static inline void sharded_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct shards *self = (struct shards *)pool;
	struct shards_thread *mine = (struct shards_thread *)thread;
	uint32_t unit = slab_unit(&self->slab, object);
	struct shard *shard = shards_of(self, unit);

	if (unlikely(shard_is_away(shard, mine)))
		shards_send(self, mine, shard, unit, unit);
	else
		shard_push(self, shard, unit, unit);
}

/* A load an object, one store. */
static inline uint32_t sharded_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct shards *self = (struct shards *)pool;
	struct shards_thread *mine = (struct shards_thread *)thread;
	uint32_t got = shard_pop(self, mine->current, objs, n);

	return likely(got == n) ? n : shards_get_more(self, mine, objs, got, n);
}

/* A comparison and a store an object, and as a put for each run of neighbours of one shard. */
static inline void sharded_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct shards *self = (struct shards *)pool;
	struct shards_thread *mine = (struct shards_thread *)thread;
	/* Here the compiler sees that the stores do not change them. */
	const struct slab slab = {.unit0 = self->slab.unit0, .link = self->slab.link};
	const uint32_t units = shards_units(self);
	uint32_t unit = slab_unit(&slab, objs[0]);

	for (uint32_t at = 1;;) {
		struct shard *const shard = shards_of(self, unit);
		const uint32_t begin = shards_first_unit(self, shard);
		const uint32_t first = unit;
		uint32_t last = unit;
		bool ends = true;

		while (at < n) {
			unit = slab_unit(&slab, objs[at++]);
			ends = unit - begin < units;
			if (!ends)
				break;
			atom_store_relaxed(slab_link(&slab, last), unit);
			last = unit;
		}
		if (unlikely(shard_is_away(shard, mine)))
			shards_send(self, mine, shard, first, last);
		else
			shard_push(self, shard, first, last);
		if (ends)
			return;
	}
}

/* The current shard and those that are ready. */
static COLD uint64_t sharded_withheld(const struct pool *pool)
{
	(void)pool;
	return (SHARDS_READY_MAX + 1) * (uint64_t)SHARD_OBJECTS;
}

/*
 * No bound. Its inbox is in its hands while it moves it from one stack to the other, with all shards that others
 * have listed there; and a shard that it was about to list takes for ever what is sent to it.
 */
static COLD uint64_t sharded_lost(const struct pool *pool)
{
	(void)pool;
	return UINT64_MAX;
}

static const struct pool_parts sharded_parts = {
	POOL_WITH_SLAB(struct shards, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct shards_thread),
	.init = shards_init,
	.fini = shards_fini,
	.enter = shards_enter,
	.leave = shards_leave,
	.walk = shards_walk,
};

static const struct pool_ops pool_sharded_ops = {
	.name = "sharded",
	.summary = "a thread's own free lists in shards of the slab; others send to a shard "
		   "(mimalloc's shape), without batches",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_THREAD,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(sharded_parts),
	POOL_HOT_HOOKS(sharded),
	.flush = shards_flush,
	.withheld = sharded_withheld,
	.lost = sharded_lost,
};

#endif
