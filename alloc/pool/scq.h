/*
 * scq: a ring of free units whose head and tail are taken by fetch-and-add. That never fails, so
 * contenders advance instead of retrying, at two locked instructions a put and one a get; a burst takes all its
 * positions by one.
 *
 * Source: R. Nikolaev, "A Scalable, Portable, and Memory-Efficient Lock-Free FIFO Queue", DISC
 * 2019, figures 8 and 9 (SCQ). The paper pairs a ring of free indices with one of data; a pool is the
 * first alone. Departures: bursts; no threshold, see below; the cycle occupies the high bits of an entry, so
 * that one subtraction compares cycles and wraps by itself; an entry names a unit of the slab (slab.h);
 * gone_by in place of a safe bit an entry.
 *
 * The paper marks an entry that a get has to leave full (index_ring.h, the third kind) unsafe, and a put that
 * finds the mark reads head. Its get must then empty an entry by a locked instruction, or it could lose a mark. Here only the get of its
 * position writes to a full entry, so that a plain store empties it. A word for the whole ring does, since
 * a get meets such an entry only after it has overtaken another one by a lap. What it costs
 * a put is a load of a line that all share.
 *
 * A burst adds its length instead of one and then does with each position what a single call does: n + 1 locked
 * instructions in put, one in get, and n lines of the ring in both.
 *
 * A get takes one position unseen. When it has missed it looks first: it reads the entries from head
 * up to tail, takes the next position if an object rests in one of them, and answers NULL if none
 * does and head has not moved meanwhile. The paper counts misses against a threshold that each put
 * raises, and wants no more threads than the ring has entries: more getters that stop before they
 * count can close a ring that holds an object for good. Here nobody trusts a count. `dry` remembers
 * that the last get found nothing, so that the next one looks first; the answer is right anyway.
 *
 * Exact, for any number of threads: what was put rests where its get finds it, and a get answers NULL only after a look
 * that met nothing; index_ring.h has the argument, (1) and (2). With no other thread in a call, NULL thus means that
 * nothing is free. While others run, it means that nothing was at some moment within the call.
 *
 * Lock-free, for any number of threads. Suppose that from some moment on threads take steps and no
 * call ends. Each call takes as many positions unseen as it moves objects, and one more each time it has seen an object that
 * rests. A put that fills an entry ends, so entries are filled only finitely often, and head stands
 * still once it has passed them all, and gone_by, which is never past head. Then a get that looks ends: it sees none. And a put
 * takes ever new positions; from head on an entry refuses it only while it is full, the ring has twice as many
 * entries as there are objects, and so one of the next 2n takes it in.
 *
 * Signal handlers may use it: positions that an interrupted call holds are passed over. FIFO: get
 * hands out the coldest object.
 *
 *	          get                     put
 *	get       fetch-and-add of head   cycle of an entry, gone_by
 *	put                               fetch-and-add of tail
 *
 * The edges, what rules out ABA, and I1 and I2 are those of index_ring.h.
 */
#ifndef ALLOC_POOL_SCQ_H
#define ALLOC_POOL_SCQ_H

#include "alloc/mechanism/index_ring.h"
#include "alloc/mechanism/life_cycle.h"

struct scq_pool {
	struct pool base;
	struct index_ring ring;
	CACHE_PAIR_ALIGNED struct slab slab;
};

/* Looks before it takes a position. 0: nothing is in the ring. */
static COLD uint32_t scq_search(struct scq_pool *self, struct pool_thread *thread);

/* What was put at a position that the caller has taken. 0: nothing was. Three loads, one store. */
ALWAYS_INLINE uint32_t scq_empty(struct scq_pool *self, uint64_t head)
{
	atom_u64 *slot;
	index_ring_entry entry;

	if (unlikely(!index_ring_find(&self->ring, INDEX_RING_NARROW, head, &slot, &entry)))
		return 0;
	return index_ring_empty(slot, entry);
}

/* Takes a position and what was put there. 0: nothing was. One locked instruction, three loads, one store. */
ALWAYS_INLINE uint32_t scq_take_next(struct scq_pool *self)
{
	return scq_empty(self, index_ring_next(&self->ring.head, 1));
}

/* As scq_take_next, and one more load. */
static inline void *scq_get(struct pool *pool, struct pool_thread *thread)
{
	struct scq_pool *self = (struct scq_pool *)pool;
	uint32_t unit = 0;

	if (likely(atom_load_relaxed(&self->ring.dry) == 0))
		unit = scq_take_next(self);
	if (unlikely(unit == 0))
		unit = scq_search(self, thread);
	return likely(unit != 0) ? slab_at(&self->slab, unit) : pool_grow(pool, thread);
}

ALWAYS_INLINE bool scq_fill(struct scq_pool *self, uint64_t tail, uint32_t unit)
{
	return index_ring_fill(&self->ring, INDEX_RING_NARROW, tail, unit);
}

/* Two locked instructions, five loads. */
static inline void scq_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct scq_pool *self = (struct scq_pool *)pool;
	uint32_t unit = slab_unit(&self->slab, object);

	while (unlikely(!scq_fill(self, index_ring_next(&self->ring.tail, 1), unit)))
		thread->paths.wait++;
}

/* One locked instruction while the ring has n. */
static inline uint32_t scq_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct scq_pool *self = (struct scq_pool *)pool;
	uint64_t head;
	const uint32_t run = index_ring_next_run(&self->ring, n, &head);
	uint32_t got = 0;

	for (const uint64_t end = head + run; head < end; head++) {
		uint32_t unit = scq_empty(self, head);

		if (likely(unit != 0))
			objs[got++] = slab_at(&self->slab, unit);
	}
	return got + pool_get_each(scq_get, pool, thread, objs + got, n - got);
}

/* n + 1 locked instructions. */
static inline void scq_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct scq_pool *self = (struct scq_pool *)pool;
	uint64_t tail = index_ring_next(&self->ring.tail, n);
	uint32_t put = 0;

	for (uint64_t last = tail + n; tail < last; tail++)
		put += scq_fill(self, tail, slab_unit(&self->slab, objs[put]));
	for (; unlikely(put < n); put++) {
		thread->paths.wait++;
		scq_put(pool, thread, objs[put]);
	}
}

static COLD uint32_t scq_search(struct scq_pool *self, struct pool_thread *thread)
{
	enum index_ring_look look;

	while ((look = index_ring_look(&self->ring, INDEX_RING_NARROW)) != INDEX_RING_DRY) {
		if (look == INDEX_RING_MOVED)
			continue;
		uint32_t unit = scq_take_next(self);
		if (unit != 0)
			return unit;
		thread->paths.wait++;
	}
	index_ring_dry(&self->ring);
	return 0;
}

/* The second look of pool_grow. */
static COLD void *scq_take_again(struct pool *pool, struct pool_thread *thread)
{
	struct scq_pool *self = (struct scq_pool *)pool;
	uint32_t unit = scq_search(self, thread);

	return unit != 0 ? slab_at(&self->slab, unit) : NULL;
}

static COLD int scq_init(struct pool *pool)
{
	return index_ring_init(
		&((struct scq_pool *)pool)->ring, INDEX_RING_NARROW, pool->config.capacity);
}

static COLD void scq_fini(struct pool *pool)
{
	index_ring_fini(&((struct scq_pool *)pool)->ring, INDEX_RING_NARROW);
}

static COLD void scq_walk(struct pool *pool, struct census *census)
{
	struct scq_pool *self = (struct scq_pool *)pool;

	index_ring_walk(&self->ring, INDEX_RING_NARROW, &self->slab, census);
}

static const struct pool_parts scq_parts = {
	POOL_WITH_SLAB(struct scq_pool, SLAB_WITHOUT_LINKS),
	.init = scq_init,
	.fini = scq_fini,
	.take = scq_take_again,
	.walk = scq_walk,
};

static const struct pool_ops pool_scq_ops = {
	.name = "scq",
	.summary = "a ring of free units by fetch-and-add: no turn is lost, at two locked "
		   "instructions a put",
	.traits = {.progress = POOL_LOCK_FREE,
		.bounded = true,
		.exact = true,
		.fifo = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(scq),
};

#endif
