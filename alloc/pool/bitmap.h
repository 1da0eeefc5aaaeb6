/*
 * bitmap: a bit an object, set while it is free, and a group of words reserved for each CPU. What is free
 * is known by its place alone: no links, no tags, no ABA, and nothing beside the objects but their bits.
 *
 *	get   the lowest bit of the CPU's present word, by compare-and-swap; else another word of its group; else
 *	      a group that nobody has reserved; else a group of never-used objects; else any group
 *	put   the object's bit, wherever that is, by one fetch-or
 *
 * Source: L. Wrenger, F. Rommel, A. Halbuer, C. Dietrich, D. Lohmann, "LLFree: Scalable and
 * Optionally-Persistent Page-Frame Allocation", USENIX ATC 2023. Departures: objects have one size, so there
 * are no counters of free frames and no search for runs of them; instead a tree of bits tells which groups
 * have something (bit_tree.h). And a CPU changes its group when it finds it empty, never because of what it
 * puts.
 *
 * What it should win: memory; and hand-overs, where a burst that came from one word goes back by one fetch-or,
 * without the line of a link. What it can't: a locked instruction each way on any path; and a burst, which is
 * one compare-and-swap, but whose objects are found bit by bit where a magazine is copied. And with fewer
 * objects than CPUs x BIT_GROUP_OBJECTS CPUs share groups, and fight over a line. Where nearly all
 * objects are out they share them as well: a group is soon empty, and the next one has what all CPUs put. With 95 % held
 * by two CPUs (`held_95`) one get of twenty finds its group empty, and of 100 objects 45 lines were last changed by the
 * other CPU; with half held, one of 270, and 11. They take 119 and 31 ns, and with one thread 17 and 13.
 *
 * Progress: lock-free. A CAS fails because another one succeeded, or an or; who finds a group empty takes its
 * bit out of the tree, so a search comes to an end unless others put.
 * Signal handlers may use it: an interrupted call has changed one word, or holds a group's never-used objects.
 * Exact, for any number of threads: a free object's bit is set, and the tree leads to it (I2), also to what
 * CPUs have reserved. get answers NULL after it has found the tree empty once the slab was used up. A
 * reservation is no more than advice: it tells searchers to look elsewhere first.
 *
 *	         get                      put
 *	get      CAS on the word          CAS against or
 *	put                               or on the word, then the tree (bit_tree.h, S0 to S3)
 *
 * The edges, and I1 and I2, are those of bit_groups.h.
 */
#ifndef ALLOC_POOL_BITMAP_H
#define ALLOC_POOL_BITMAP_H

#include "alloc/mechanism/bit_groups.h"
#include "alloc/mechanism/cpu_thread.h"
#include "alloc/mechanism/life_cycle.h"

/* Places for CPUs; a power of two. More CPUs than that share. */
#ifndef BITMAP_CPUS
#define BITMAP_CPUS 64
#endif

_Static_assert((BITMAP_CPUS & (BITMAP_CPUS - 1)) == 0, "the modulo is a mask");

struct bitmap_pool {
	struct pool base;
	struct bit_groups bits;
	struct slab slab;
	struct bit_groups_cpu cpu[BITMAP_CPUS];
};

ALWAYS_INLINE struct bit_groups_cpu *bitmap_own(
	struct bitmap_pool *self, const struct pool_thread *thread)
{
	return &self->cpu[cpu_thread_current(thread) & (BITMAP_CPUS - 1)];
}

/* Seven loads and one locked compare-and-swap on a line that is the CPU's own as a rule. */
static inline void *bitmap_get(struct pool *pool, struct pool_thread *thread)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	uint32_t at = atom_load_relaxed(&bitmap_own(self, thread)->at);
	uint64_t free = atom_load_relaxed(&self->bits.word[at].free);

	while (likely(free != 0)) {
		if (likely(atom_cas_weak_acquire(&self->bits.word[at].free, &free,
			    free & (free - 1)))) /* A0, meets R0 */
			return bit_groups_lowest(&self->slab, at, free);
		thread->paths.wait++;
	}
	return pool_get_one(pool, thread);
}

/* Five loads, a multiplication and one locked or. */
static inline void bitmap_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	uint32_t number = slab_number(&self->slab, object);

	(void)thread;
	bit_groups_give(&self->bits, number / BIT_WORD_OBJECTS, bit_groups_bit(number));
}

static COLD uint32_t bitmap_find(
	struct bitmap_pool *self, struct pool_thread *thread, void **objs, uint32_t want);

/* One locked compare-and-swap while the word has n. */
static inline uint32_t bitmap_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	uint32_t at = atom_load_relaxed(&bitmap_own(self, thread)->at);
	uint32_t got = bit_groups_take(&self->bits, &self->slab, thread, at, objs, n);

	while (unlikely(got < n)) {
		uint32_t found = bitmap_find(self, thread, objs + got, n - got);

		if (found == 0)
			break;
		got += found;
	}
	return got;
}

/* A multiplication an object, and one locked or for each run of objects of one word. */
static inline void bitmap_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	uint32_t number = slab_number(&self->slab, objs[0]);
	uint32_t at = number / BIT_WORD_OBJECTS;
	uint64_t objects = bit_groups_bit(number);

	(void)thread;
	for (uint32_t i = 1; i < n; i++) {
		number = slab_number(&self->slab, objs[i]);
		if (number / BIT_WORD_OBJECTS != at) {
			bit_groups_give(&self->bits, at, objects);
			at = number / BIT_WORD_OBJECTS;
			objects = 0;
		}
		objects |= bit_groups_bit(number);
	}
	bit_groups_give(&self->bits, at, objects);
}

/* At least one object for a CPU whose present word is empty, or 0 when none is found anywhere. */
static COLD uint32_t bitmap_find(
	struct bitmap_pool *self, struct pool_thread *thread, void **objs, uint32_t want)
{
	struct bit_groups_cpu *own = bitmap_own(self, thread);
	uint32_t at = atom_load_relaxed(&own->at);
	uint32_t got = bit_groups_sweep(
		&self->bits, &self->slab, thread, own, at / BIT_GROUP_WORDS, objs, want);

	if (got == 0)
		got = bit_groups_move(&self->bits, &self->slab, thread, own, false, objs, want);
	if (got == 0)
		got = bit_groups_carve(&self->bits, &self->slab, thread, own, objs, want);
	if (got == 0) /* not before the slab is used up: what is put meanwhile is found */
		got = bit_groups_move(&self->bits, &self->slab, thread, own, true, objs, want);
	thread->paths.empty += got == 0;
	return got;
}

/* Nothing has to move: the CPU's group is there for others to reserve. */
static COLD void bitmap_flush(struct pool *pool, struct pool_thread *thread)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;

	bit_groups_leave(&self->bits, bitmap_own(self, thread));
}

static COLD int bitmap_init(struct pool *pool)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;

	return bit_groups_init(&self->bits, self->slab.capacity, self->cpu, BITMAP_CPUS);
}

static COLD void bitmap_fini(struct pool *pool)
{
	bit_groups_fini(&((struct bitmap_pool *)pool)->bits);
}

static COLD void bitmap_walk(struct pool *pool, struct census *census)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;

	bit_groups_walk(&self->bits, &self->slab, census);
}

static const struct pool_parts bitmap_parts = {
	POOL_WITH_SLAB(struct bitmap_pool, SLAB_WITHOUT_LINKS),
	.thread_bytes = sizeof(struct cpu_thread),
	.init = bitmap_init,
	.fini = bitmap_fini,
	.enter = cpu_thread_enter,
	.walk = bitmap_walk,
};

/* A group of never-used objects, or one that it has just taken out of the tree. */
static COLD uint64_t bitmap_lost(const struct pool *pool)
{
	(void)pool;
	return BIT_GROUP_OBJECTS;
}

static const struct pool_ops pool_bitmap_ops = {
	.name = "bitmap",
	.summary = "a bit an object, a group of words reserved a CPU (LLFree's shape): no links, "
		   "no ABA, exact",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED | POOL_REFILLS | POOL_STEALS},
	.supported = pool_supported_always,
	POOL_CACHE_HOOKS(bitmap),
	.lost = bitmap_lost,
	.adopt = cpu_thread_adopt,
};

#endif
