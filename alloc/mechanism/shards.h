/*
 * Shards, for `sharded`: the slab in groups of neighbouring objects, each with free lists and an owner of its
 * own. What lies around the hot hooks.
 *
 * A shard has three lists: one from which its owner gets, one to which its owner puts, and one to which all
 * others send. The first two are the owner's alone. Whose a shard is, and the list of what was sent,
 * stand in one word, so that they change together. Whoever sends the first object to an empty list
 * *lists* the shard: pushes it on the inbox of its owner, or on the common stack if that has left. From
 * then on until somebody takes the shard off, others send without another word to the owner.
 *
 *	word    owner's id, 39 bits | listed, 1 bit | unit of the object sent last, 24 bits
 *
 * Whoever takes a listed shard off its stack may take what was sent, and no other thread may. A shard of nobody's,
 * or of an owner that has left, becomes the taker's; a live owner's stays its own.
 *
 * An owner is known by an id that is not given again: a place in a table (places.h), 16 bits, and how often that
 * place was given, 23 bits. So an end costs the same however many shards a thread has: nobody tells them. Should
 * the count come round while a shard of the first is still out, its namesake would own it, and rightly;
 * only a thread that stood between its look at the owner and its CAS for 2^23 lives would be misled.
 *
 * Two stacks make an inbox. Others push on `in`; the owner moves all of it to `out` at once and takes one
 * shard at a time from there. From one stack alone it would take the shard to which others
 * are sending just now, again and again, for a few objects each.
 *
 * R0 the CAS of word that sends, meets A0, the CAS that takes: the objects' links, and what their last
 *    owners wrote. The CAS by which an owner gives a shard up is one too: then also the shard's lists.
 * R1 the store of 0 to an owner's id when its thread leaves, meets A1, the load that finds it gone: the
 *    lists of its shards are as it left them, which is empty.
 * Reading word in a put is relaxed: that a shard is the caller's own, only the caller can change.
 * The stacks have the edges and the tags of tagged_stack.h.
 * ABA: of word there is none. A send puts its chain before the unit that is there at that moment, whatever
 * was there meanwhile; a take takes all there is.
 *
 * I1  An object is in at most one list, and in one of its own shard.
 * I2  A shard is listed if and only if something was sent, and then it is on exactly one stack.
 * I3  Only a shard that its owner has at hand has objects in the owner's lists.
 */
#ifndef ALLOC_MECHANISM_SHARDS_H
#define ALLOC_MECHANISM_SHARDS_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/places.h"
#include "alloc/mechanism/tagged_stack.h"

/* Objects a shard: 64 keep what a new owner carves near what other caches take at once. 2..4096. */
#ifndef SHARD_OBJECTS_LOG2
#define SHARD_OBJECTS_LOG2 6
#endif
_Static_assert(SHARD_OBJECTS_LOG2 >= 1 && SHARD_OBJECTS_LOG2 <= 12, "log2 of objects");

/*
 * Shards that a thread has at hand beside the current one: 1..64. With four it withholds at most 5 x 64
 * objects from others, about what other caches do.
 */
#ifndef SHARDS_READY_MAX
#define SHARDS_READY_MAX 4
#endif
_Static_assert(SHARDS_READY_MAX >= 1 && SHARDS_READY_MAX <= 64, "shards");

enum {
	SHARD_OBJECTS = 1 << SHARD_OBJECTS_LOG2,
	SHARD_OWNER_SHIFT = TAGGED_UNIT_BITS + 1,
	SHARDS_PLACE_BITS = 16,
};
#define SHARD_LISTED     ((uint64_t)1 << TAGGED_UNIT_BITS)
#define SHARD_OWNER_MASK (~(uint64_t)0 << SHARD_OWNER_SHIFT)

struct shard {
	/* The owner's, if it has the shard at hand. */
	uint32_t free;  /* unit of the first object of the list that it gets from; 0: none */
	uint32_t local; /* of the list that it puts to */
	bool at_hand;   /* it is the owner's current one, or ready */
	/* Everybody's. */
	CACHE_PAIR_ALIGNED atom_u64 word;
};
_Static_assert(sizeof(struct shard) == 2 * CACHE_PAIR_BYTES, "a slab of shards has no gaps");

/* A place in the table of owners. */
struct shard_owner {
	struct tagged_stack in, out;
	CACHE_PAIR_ALIGNED atom_u64
		id;     /* of the thread that has the place, as in a word; 0: none */
	uint64_t given; /* how often it was given; whoever has it writes it */
};

/* The pool. */
struct shards {
	struct pool base;
	struct shard *shard; /* by an object's number / SHARD_OBJECTS; the slab `table` */
	struct slab slab;
	struct slab table;
	struct places owners;       /* of struct shard_owner */
	struct tagged_stack common; /* listed shards that are nobody's */
};

/* A thread's state. */
struct shards_thread {
	struct pool_thread base;
	struct shard *current; /* what it gets from */
	uint64_t id;           /* as it stands in a word */
	struct shard_owner *owner;
	uint32_t readies;
	struct shard *ready[SHARDS_READY_MAX];
	struct shard none; /* an empty one, to begin with */
};

/* The parts (life_cycle.h); the hook flush gives up what the thread has at hand. */
COLD int shards_init(struct pool *pool);
COLD void shards_fini(struct pool *pool);
COLD int shards_enter(struct pool *pool, struct pool_thread *thread);
COLD void shards_leave(struct pool *pool, struct pool_thread *thread);
COLD void shards_walk(struct pool *pool, struct census *census);
COLD void shards_flush(struct pool *pool, struct pool_thread *thread);

/* The shard of a unit. */
ALWAYS_INLINE struct shard *shards_of(const struct shards *self, uint32_t unit)
{
	return &self->shard[slab_number_on(&self->slab, unit - 1) / SHARD_OBJECTS];
}

/* How many units a shard has, and the first of a shard's. */
ALWAYS_INLINE uint32_t shards_units(const struct shards *self)
{
	return (uint32_t)(self->slab.stride >> CACHE_LINE_LOG2) * SHARD_OBJECTS;
}

ALWAYS_INLINE uint32_t shards_first_unit(const struct shards *self, const struct shard *shard)
{
	return (uint32_t)(shard - self->shard) * shards_units(self) + 1;
}

/*
 * Whether the caller sends to the shard, and does not put to its lists. Who is not the owner does not look at the
 * owner's line.
 */
ALWAYS_INLINE bool shard_is_away(struct shard *shard, const struct shards_thread *thread)
{
	return unlikely((atom_load_relaxed(&shard->word) & SHARD_OWNER_MASK) != thread->id) ||
	       unlikely(!shard->at_hand);
}

/* Up to n objects of the list that a shard at hand gives from. */
ALWAYS_INLINE uint32_t shard_pop(
	const struct shards *self, struct shard *shard, void **objs, uint32_t n)
{
	uint32_t at = shard->free;
	uint32_t got = 0;

	while (got < n && at != 0) {
		objs[got++] = slab_at(&self->slab, at);
		at = atom_load_relaxed(slab_link(&self->slab, at));
	}
	shard->free = at;
	return got;
}

/* Puts the chain of units first..last, linked already, to a shard at hand. */
ALWAYS_INLINE void shard_push(
	const struct shards *self, struct shard *shard, uint32_t first, uint32_t last)
{
	atom_store_relaxed(slab_link(&self->slab, last), shard->local);
	shard->local = first;
}

/* The same to a shard that is not at hand. One locked compare-and-swap, two if the shard is listed thereby. */
SELDOM void shards_send(struct shards *self, struct shards_thread *thread, struct shard *shard,
	uint32_t first, uint32_t last);

/* The cold end of get: objs[0..got) are filled, and the current shard has no more to give. */
COLD uint32_t shards_get_more(
	struct shards *self, struct shards_thread *thread, void **objs, uint32_t got, uint32_t n);

#endif
