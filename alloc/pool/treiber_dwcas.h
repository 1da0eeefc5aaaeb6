/*
 * treiber_dwcas: one lock-free stack for everybody, its head a pointer and a 64-bit generation
 * that a 16-byte compare-and-swap changes together. What treiber_tag does with a 24-bit unit and a
 * 40-bit tag, for those who would rather have raw pointers and a generation that never comes round.
 *
 * Source: R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986, with
 * the double-word CAS of IBM System/370 against ABA. Departure: only pop moves the generation, so
 * that this and treiber_tag differ in the width of the CAS and in nothing else. Progress, bursts,
 * signal handlers, exactness and what orders each pair of operations are as there.
 *
 * R0 the CAS of put (a full barrier), meets A0: whoever reads the pointer sees the link below it
 *    and what the last owner wrote into the object.
 * A0 the load of the pointer in get, or the failed CAS (a full barrier) from which the loop goes on.
 * A1 the load of the generation, before that of the pointer. It has no partner: it keeps the two
 *    loads in order. See ABA.
 * Links are read relaxed: the object may belong to somebody else by then, and the CAS will fail.
 *
 * ABA: the generation moves on every pop and is loaded first. If the CAS meets the generation it
 * expects, no pop went by since that load. So the object read as top was never off the stack, and its
 * link is the one that was read; so down the list for a burst. A stale link, which makes the CAS
 * fail, still holds an object of the slab or NULL, so a walk stays on readable ground: objects are
 * type-stable (slab.h). 64 bits come round after 5,800 years at 100 million pops a second.
 *
 * I1  The walk from head over the links ends in NULL and names each used free object once.
 */
#ifndef ALLOC_POOL_TREIBER_DWCAS_H
#define ALLOC_POOL_TREIBER_DWCAS_H

#include "alloc/mechanism/life_cycle.h"

struct treiber_dwcas_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED atom_pair head; /* the top object and the generation */
	struct side_nodes nodes;           /* a node holds the address of the object below */
};

ALWAYS_INLINE atom_ptr *treiber_dwcas_link(
	const struct treiber_dwcas_pool *self, const void *object)
{
	return side_nodes_node(&self->nodes, object, sizeof(atom_ptr));
}

/* A used object, or NULL. */
ALWAYS_INLINE void *treiber_dwcas_take(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_dwcas_pool *self = (struct treiber_dwcas_pool *)pool;
	struct pair head;

	head.generation = atom_load_acquire(&self->head.generation); /* A1 */
	head.pointer = atom_load_acquire(&self->head.pointer);       /* A0, meets R0 */
	for (;;) {
		if (unlikely(head.pointer == NULL))
			return NULL;
		struct pair below = {
			.pointer = atom_load_relaxed(treiber_dwcas_link(self, head.pointer)),
			.generation = head.generation + 1,
		};
		void *top = head.pointer;
		if (likely(atom_pair_cas(&self->head, &head, below))) /* A0 */
			return top;
		thread->paths.wait++;
	}
}

/*
 * Five loads (the head's halves, the link, and where objects and links lie) and one 16-byte
 * compare-and-swap.
 */
static inline void *treiber_dwcas_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(treiber_dwcas_take(pool, thread), pool, thread);
}

/*
 * Puts the chain of objects first..last, linked already, on top. The head is only stored and
 * compared, never followed; halves that do not belong together cost a round.
 */
ALWAYS_INLINE void treiber_dwcas_push_chain(
	struct treiber_dwcas_pool *self, struct pool_thread *thread, void *first, void *last)
{
	struct pair head = {
		.generation = atom_load_relaxed(&self->head.generation),
		.pointer = atom_load_relaxed(&self->head.pointer),
	};

	for (;;) {
		atom_store_relaxed(treiber_dwcas_link(self, last), head.pointer);
		struct pair top = {.pointer = first, .generation = head.generation};
		if (likely(atom_pair_cas(&self->head, &head, top))) /* R0, meets A0 */
			return;
		thread->paths.wait++;
	}
}

/* Four loads, one store and one 16-byte compare-and-swap. */
static inline void treiber_dwcas_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	treiber_dwcas_push_chain((struct treiber_dwcas_pool *)pool, thread, object, object);
}

/*
 * Up to n >= 1 objects: a walk over the links, then one 16-byte compare-and-swap to where it ended.
 * Returns how many, fewer than n only if the stack ended. objs beyond them may hold garbage.
 */
ALWAYS_INLINE uint32_t treiber_dwcas_take_each(
	struct treiber_dwcas_pool *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct pair head;

	head.generation = atom_load_acquire(&self->head.generation); /* A1 */
	head.pointer = atom_load_acquire(&self->head.pointer);       /* A0, meets R0 */
	for (;;) {
		struct pair below = {.pointer = head.pointer, .generation = head.generation + 1};
		uint32_t got = 0;

		while (got < n && below.pointer != NULL) {
			objs[got++] = below.pointer;
			below.pointer = atom_load_relaxed(treiber_dwcas_link(self, below.pointer));
		}
		if (unlikely(got == 0))
			return 0;
		if (likely(atom_pair_cas(&self->head, &head, below))) /* A0 */
			return got;
		thread->paths.wait++;
	}
}

/* Four loads, n of links and one 16-byte compare-and-swap. */
static inline uint32_t treiber_dwcas_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t got = treiber_dwcas_take_each((struct treiber_dwcas_pool *)pool, thread, objs, n);

	return likely(got == n) ? n : pool_grow_each(pool, thread, objs, got, n);
}

/* Four loads, n stores and one 16-byte compare-and-swap. */
static inline void treiber_dwcas_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct treiber_dwcas_pool *self = (struct treiber_dwcas_pool *)pool;

	for (uint32_t i = 0; i + 1 < n; i++)
		atom_store_relaxed(treiber_dwcas_link(self, objs[i]), objs[i + 1]);
	treiber_dwcas_push_chain(self, thread, objs[0], objs[n - 1]);
}

static COLD void treiber_dwcas_walk(struct pool *pool, struct census *census)
{
	struct treiber_dwcas_pool *self = (struct treiber_dwcas_pool *)pool;
	void *at = atom_load_relaxed(&self->head.pointer);

	while (at != NULL && census_mark(census, at, "the stack")) /* I1 */
		at = atom_load_relaxed(treiber_dwcas_link(self, at));
}

static const struct pool_parts treiber_dwcas_parts = {
	POOL_WITH_NODES(struct treiber_dwcas_pool, atom_ptr),
	.take = treiber_dwcas_take,
	.walk = treiber_dwcas_walk,
};

static const struct pool_ops pool_treiber_dwcas_ops = {
	.name = "treiber_dwcas",
	.summary = "one lock-free stack, pointer and 64-bit generation in a 16-byte head",
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
