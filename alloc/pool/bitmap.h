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
 * objects than CPUs x BITMAP_GROUP_OBJECTS CPUs share groups, and fight over a line. Where nearly all
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
 * R0 the or in put, meets A0, the CAS in get: the taker sees what the last owner wrote. All changes of a word
 *    are read-modify-writes, so each continues the release sequences of the puts before it. The load before
 *    the CAS is relaxed: only what the CAS confirms is used.
 * S0 the or in put comes before the look at the tree, S3 the look at the words after a group's bit was taken
 *    away.
 * Relaxed: where a CPU's get begins, and who has reserved what. They guard nothing.
 * ABA: a word that has the same value again has the same objects free again.
 *
 * I1  A bit is set for objects that were carved.
 * I2  The tree shows each group of which a bit is set.
 */
#ifndef ALLOC_POOL_BITMAP_H
#define ALLOC_POOL_BITMAP_H

#include "alloc/mechanism/bit_tree.h"
#include "alloc/mechanism/cpu_thread.h"
#include "alloc/mechanism/life_cycle.h"

/* Objects a word; a power of two, 1..64. A test may want few. */
#ifndef BITMAP_WORD_OBJECTS
#define BITMAP_WORD_OBJECTS 64
#endif

/*
 * Words a group; a power of two. Four fill a pair of lines, and 256 objects are what the other contestants
 * withhold for a CPU.
 */
#ifndef BITMAP_GROUP_WORDS
#define BITMAP_GROUP_WORDS 4
#endif

/* Places for CPUs; a power of two. More CPUs than that share. */
#ifndef BITMAP_CPUS
#define BITMAP_CPUS 64
#endif

enum { BITMAP_GROUP_OBJECTS = BITMAP_WORD_OBJECTS * BITMAP_GROUP_WORDS };
_Static_assert(BITMAP_WORD_OBJECTS >= 1 && BITMAP_WORD_OBJECTS <= 64 &&
		       (BITMAP_WORD_OBJECTS & (BITMAP_WORD_OBJECTS - 1)) == 0,
	"a word has 64 bits, and a number is split by shift and mask");
_Static_assert((BITMAP_GROUP_WORDS & (BITMAP_GROUP_WORDS - 1)) == 0, "likewise");
_Static_assert((BITMAP_CPUS & (BITMAP_CPUS - 1)) == 0, "the modulo is a mask");

/* So wide that a group has a pair of lines for itself. */
struct bitmap_word {
	__attribute__((aligned(CACHE_PAIR_BYTES / 4))) atom_u64 free; /* a bit an object */
	atom_u32 reserved; /* of a group's first word: 1, some CPU has the group for itself */
};

/* A CPU's. */
struct bitmap_cpu {
	CACHE_PAIR_ALIGNED atom_u32 at; /* the word where get begins */
	atom_u32 held;                  /* the group that is reserved for it, plus 1; 0: none */
};

struct bitmap_pool {
	struct pool base;
	struct bitmap_word *word;
	uint32_t groups; /* behind the last one lies one that never has anything */
	struct bit_tree tree;
	struct slab slab;
	struct bitmap_cpu cpu[BITMAP_CPUS];
};

ALWAYS_INLINE struct bitmap_cpu *bitmap_own(
	struct bitmap_pool *self, const struct pool_thread *thread)
{
	return &self->cpu[cpu_thread_current(thread) & (BITMAP_CPUS - 1)];
}

/* The object of the lowest bit that is set. */
ALWAYS_INLINE void *bitmap_lowest(const struct bitmap_pool *self, uint32_t at, uint64_t free)
{
	return slab_object(&self->slab, at * BITMAP_WORD_OBJECTS + (uint32_t)__builtin_ctzll(free));
}

/* Seven loads and one locked compare-and-swap on a line that is the CPU's own as a rule. */
static inline void *bitmap_get(struct pool *pool, struct pool_thread *thread)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	uint32_t at = atom_load_relaxed(&bitmap_own(self, thread)->at);
	uint64_t free = atom_load_relaxed(&self->word[at].free);

	while (likely(free != 0)) {
		if (likely(atom_cas_weak_acquire(
			    &self->word[at].free, &free, free & (free - 1)))) /* A0, meets R0 */
			return bitmap_lowest(self, at, free);
		thread->paths.wait++;
	}
	return pool_get_one(pool, thread);
}

/* Frees objects of one word. */
ALWAYS_INLINE void bitmap_give(struct bitmap_pool *self, uint32_t at, uint64_t objects)
{
	ASSERT((atom_load_relaxed(&self->word[at].free) & objects) == 0);
	atom_or_seq_cst(&self->word[at].free, objects); /* R0, S0 */
	bit_tree_add(&self->tree, at / BITMAP_GROUP_WORDS);
}

ALWAYS_INLINE uint64_t bitmap_bit(uint32_t number)
{
	return (uint64_t)1 << number % BITMAP_WORD_OBJECTS;
}

/* Five loads, a multiplication and one locked or. */
static inline void bitmap_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	uint32_t number = slab_number(&self->slab, object);

	(void)thread;
	bitmap_give(self, number / BITMAP_WORD_OBJECTS, bitmap_bit(number));
}

/* Up to want objects of one word, by one locked compare-and-swap. 0: it is empty. */
ALWAYS_INLINE uint32_t bitmap_take(struct bitmap_pool *self, struct pool_thread *thread,
	uint32_t at, void **objs, uint32_t want)
{
	uint64_t free = atom_load_relaxed(&self->word[at].free);

	while (free != 0) {
		uint64_t rest = free;
		uint32_t got = 0;

		do {
			objs[got++] = bitmap_lowest(self, at, rest);
			rest &= rest - 1;
		} while (got < want && rest != 0);
		if (likely(atom_cas_weak_acquire(&self->word[at].free, &free, rest))) /* A0 */
			return got;
		thread->paths.wait++;
	}
	return 0;
}

static COLD uint32_t bitmap_find(
	struct bitmap_pool *self, struct pool_thread *thread, void **objs, uint32_t want);

/* One locked compare-and-swap while the word has n. */
static inline uint32_t bitmap_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	uint32_t at = atom_load_relaxed(&bitmap_own(self, thread)->at);
	uint32_t got = bitmap_take(self, thread, at, objs, n);

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
	uint32_t at = number / BITMAP_WORD_OBJECTS;
	uint64_t objects = bitmap_bit(number);

	(void)thread;
	for (uint32_t i = 1; i < n; i++) {
		number = slab_number(&self->slab, objs[i]);
		if (number / BITMAP_WORD_OBJECTS != at) {
			bitmap_give(self, at, objects);
			at = number / BITMAP_WORD_OBJECTS;
			objects = 0;
		}
		objects |= bitmap_bit(number);
	}
	bitmap_give(self, at, objects);
}

/* The CPU has this group for itself, whose flag the caller has set, and no longer another. */
static COLD void bitmap_hold(struct bitmap_pool *self, struct bitmap_cpu *own, uint32_t held)
{
	uint32_t before = atom_xchg_relaxed(&own->held, held);

	if (before != 0)
		atom_store_relaxed(&self->word[(before - 1) * BITMAP_GROUP_WORDS].reserved, 0);
}

/* False: somebody else has it. */
static COLD bool bitmap_reserve(struct bitmap_pool *self, uint32_t group)
{
	atom_u32 *reserved = &self->word[group * BITMAP_GROUP_WORDS].reserved;

	return atom_load_relaxed(reserved) == 0 && atom_xchg_relaxed(reserved, 1) == 0;
}

/* All words of the group were seen empty: the tree shows it no more. False: it has something after all. */
static COLD bool bitmap_close(struct bitmap_pool *self, uint32_t group)
{
	if (group == self->groups || !bit_tree_has(&self->tree, group))
		return true;
	bit_tree_lower(&self->tree, group); /* S2 */
	for (uint32_t i = 0; i < BITMAP_GROUP_WORDS; i++) {
		uint32_t at = group * BITMAP_GROUP_WORDS + i;

		if (atom_load_seq_cst(&self->word[at].free) != 0) { /* S3 */
			bit_tree_raise(&self->tree, group);
			return false;
		}
	}
	return true;
}

/* Up to want objects of one word of the group, which becomes the CPU's present one. 0: it has none. */
static COLD uint32_t bitmap_sweep(struct bitmap_pool *self, struct pool_thread *thread,
	struct bitmap_cpu *own, uint32_t group, void **objs, uint32_t want)
{
	do {
		for (uint32_t i = 0; i < BITMAP_GROUP_WORDS; i++) {
			uint32_t at = group * BITMAP_GROUP_WORDS + i;
			uint32_t got = bitmap_take(self, thread, at, objs, want);

			if (got != 0) {
				atom_store_relaxed(&own->at, at);
				return got;
			}
		}
	} while (!bitmap_close(self, group));
	return 0;
}

/*
 * From the next group that the tree shows and that nobody has reserved, which the CPU then has; or, to
 * share, from any. Passes over as many reserved ones as there can be, and once round at most.
 */
static COLD uint32_t bitmap_move(struct bitmap_pool *self, struct pool_thread *thread,
	struct bitmap_cpu *own, bool share, void **objs, uint32_t want)
{
	uint32_t group = atom_load_relaxed(&own->at) / BITMAP_GROUP_WORDS;
	uint32_t passed = 0, first = UINT32_MAX;

	while (passed <= BITMAP_CPUS && bit_tree_next(&self->tree, group + 1, &group) &&
		group != first) {
		if (!share && !bitmap_reserve(self, group)) {
			first = passed++ == 0 ? group : first;
			continue;
		}
		bitmap_hold(self, own, share ? 0 : group + 1);
		uint32_t got = bitmap_sweep(self, thread, own, group, objs, want);
		if (got != 0) {
			thread->paths.steal += share;
			thread->paths.refill += !share;
			return got;
		}
	}
	return 0;
}

/*
 * A group of never-used objects for the CPU: up to want for the caller, the others free. Nobody else
 * knows any of them before the tree shows the group.
 */
static COLD uint32_t bitmap_carve(struct bitmap_pool *self, struct pool_thread *thread,
	struct bitmap_cpu *own, void **objs, uint32_t want)
{
	uint32_t first;
	uint32_t n = slab_carve(&self->slab, BITMAP_GROUP_OBJECTS, &first);
	uint32_t use = n < want ? n : want;

	if (n == 0)
		return 0;
	thread->paths.grow++;
	for (uint32_t i = 0; i < use; i++)
		objs[i] = slab_object(&self->slab, first + i);
	bitmap_reserve(self, first / BITMAP_GROUP_OBJECTS);
	bitmap_hold(self, own, first / BITMAP_GROUP_OBJECTS + 1);
	atom_store_relaxed(&own->at, (first + use - 1) / BITMAP_WORD_OBJECTS);
	for (uint32_t i = use, end; i < n; i = end) {
		end = (i / BITMAP_WORD_OBJECTS + 1) * BITMAP_WORD_OBJECTS;
		end = end < n ? end : n;
		bitmap_give(self, (first + i) / BITMAP_WORD_OBJECTS,
			UINT64_MAX >> (64 - (end - i)) << i % BITMAP_WORD_OBJECTS);
	}
	return use;
}

/* At least one object for a CPU whose present word is empty, or 0 when none is found anywhere. */
static COLD uint32_t bitmap_find(
	struct bitmap_pool *self, struct pool_thread *thread, void **objs, uint32_t want)
{
	struct bitmap_cpu *own = bitmap_own(self, thread);
	uint32_t at = atom_load_relaxed(&own->at);
	uint32_t got = bitmap_sweep(self, thread, own, at / BITMAP_GROUP_WORDS, objs, want);

	if (got == 0)
		got = bitmap_move(self, thread, own, false, objs, want);
	if (got == 0)
		got = bitmap_carve(self, thread, own, objs, want);
	if (got == 0) /* not before the slab is used up: what is put meanwhile is found */
		got = bitmap_move(self, thread, own, true, objs, want);
	thread->paths.empty += got == 0;
	return got;
}

/* Nothing has to move: the CPU's group is there for others to reserve. */
static COLD void bitmap_flush(struct pool *pool, struct pool_thread *thread)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	struct bitmap_cpu *own = bitmap_own(self, thread);

	bitmap_hold(self, own, 0);
	atom_store_relaxed(&own->at, self->groups * BITMAP_GROUP_WORDS);
}

static size_t bitmap_bytes(const struct bitmap_pool *self)
{
	return ((size_t)self->groups + 1) * BITMAP_GROUP_WORDS * sizeof(*self->word);
}

static COLD int bitmap_init(struct pool *pool)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;

	self->groups = (self->slab.capacity + BITMAP_GROUP_OBJECTS - 1) / BITMAP_GROUP_OBJECTS;
	self->word = memory_map(bitmap_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->word == NULL)
		return -ENOMEM;
	int rc = bit_tree_init(&self->tree, self->groups);
	if (rc != 0) {
		memory_unmap(self->word, bitmap_bytes(self), MEMORY_PAGES_ORDINARY);
		return rc;
	}
	for (uint32_t i = 0; i < BITMAP_CPUS; i++)
		atom_init(&self->cpu[i].at, self->groups * BITMAP_GROUP_WORDS);
	return 0;
}

static COLD void bitmap_fini(struct pool *pool)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;

	bit_tree_fini(&self->tree);
	memory_unmap(self->word, bitmap_bytes(self), MEMORY_PAGES_ORDINARY);
}

static COLD void bitmap_walk(struct pool *pool, struct census *census)
{
	struct bitmap_pool *self = (struct bitmap_pool *)pool;
	const uint32_t words = slab_carved(&self->slab) / BITMAP_WORD_OBJECTS + 1;

	for (uint32_t at = 0; at < words; at++) {
		uint64_t free = atom_load_relaxed(&self->word[at].free);

		if (free != 0 && !bit_tree_shows(&self->tree, at / BITMAP_GROUP_WORDS)) {
			census_fail(census,
				"I2: the tree does not show group %u, which has a free object",
				at / BITMAP_GROUP_WORDS); /* I2 */
			return;
		}
		for (; free != 0; free &= free - 1) {
			if (!census_mark(census, bitmap_lowest(self, at, free),
				    "I1: a word of bits")) /* I1 */
				return;
		}
	}
}

static const struct pool_parts bitmap_parts = {
	POOL_WITH_SLAB(struct bitmap_pool, SLAB_WITHOUT_LINKS),
	.thread_bytes = sizeof(struct cpu_thread),
	.init = bitmap_init,
	.fini = bitmap_fini,
	.enter = cpu_thread_enter,
	.walk = bitmap_walk,
};

static const struct pool_ops pool_bitmap_ops = {
	.name = "bitmap",
	.summary = "a bit an object, a group of words reserved a CPU (LLFree's shape)",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED | POOL_REFILLS | POOL_STEALS},
	.supported = pool_supported_always,
	POOL_CACHE_HOOKS(bitmap),
	.adopt = cpu_thread_adopt,
};

#endif
