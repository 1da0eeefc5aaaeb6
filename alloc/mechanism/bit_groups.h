/*
 * A bit an object of a slab, set while it is free, in groups of words of which each CPU reserves one; and which groups
 * have something, in a tree of bits. For `bitmap`, which says when a CPU looks where.
 *
 * A reservation is no more than advice: it tells searchers to look elsewhere first. What guards an object is its
 * bit alone, and all changes of a word are read-modify-writes.
 *
 * R0 the or in give, meets A0, the CAS in take: the taker sees what the last owner wrote. Each change of a word
 *    continues the release sequences of the gives before it. The load before the CAS is relaxed: only what the CAS
 *    confirms is used.
 * S0 the or in give comes before the look at the tree, S3 the look at the words after a group's bit was taken
 *    away (bit_tree.h).
 * Relaxed: where a CPU's get begins, and who has reserved what. They guard nothing.
 * ABA: a word that has the same value again has the same objects free again.
 *
 * I1  A bit is set for objects that were carved.
 * I2  The tree shows each group of which a bit is set.
 */
#ifndef ALLOC_MECHANISM_BIT_GROUPS_H
#define ALLOC_MECHANISM_BIT_GROUPS_H

#include "alloc/mechanism/bit_tree.h"
#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <errno.h>

/* Objects a word; a power of two, 1..64. A test may want few. */
#ifndef BIT_WORD_OBJECTS
#define BIT_WORD_OBJECTS 64
#endif

/*
 * Words a group; a power of two. Four fill a pair of lines, and 256 objects are what the other contestants
 * withhold for a CPU.
 */
#ifndef BIT_GROUP_WORDS
#define BIT_GROUP_WORDS 4
#endif

enum { BIT_GROUP_OBJECTS = BIT_WORD_OBJECTS * BIT_GROUP_WORDS };
_Static_assert(BIT_WORD_OBJECTS >= 1 && BIT_WORD_OBJECTS <= 64 &&
		       (BIT_WORD_OBJECTS & (BIT_WORD_OBJECTS - 1)) == 0,
	"a word has 64 bits, and a number is split by shift and mask");
_Static_assert((BIT_GROUP_WORDS & (BIT_GROUP_WORDS - 1)) == 0, "likewise");

/* So wide that a group has a pair of lines for itself. */
struct bit_word {
	__attribute__((aligned(CACHE_PAIR_BYTES / 4))) atom_u64 free; /* a bit an object */
	atom_u32 reserved; /* of a group's first word: 1, some CPU has the group for itself */
};

/* A CPU's. */
struct bit_groups_cpu {
	CACHE_PAIR_ALIGNED atom_u32 at; /* the word where get begins */
	atom_u32 held;                  /* the group that is reserved for it, plus 1; 0: none */
};

struct bit_groups {
	struct bit_word *word;
	uint32_t groups; /* behind the last one lies one that never has anything */
	uint32_t cpus;   /* that may reserve one */
	struct bit_tree tree;
};

ALWAYS_INLINE uint64_t bit_groups_bit(uint32_t number)
{
	return (uint64_t)1 << number % BIT_WORD_OBJECTS;
}

/* The object of the lowest bit that is set. */
ALWAYS_INLINE void *bit_groups_lowest(const struct slab *slab, uint32_t at, uint64_t free)
{
	return slab_object(slab, at * BIT_WORD_OBJECTS + (uint32_t)__builtin_ctzll(free));
}

/* Frees objects of one word. */
ALWAYS_INLINE void bit_groups_give(struct bit_groups *self, uint32_t at, uint64_t objects)
{
	ASSERT((atom_load_relaxed(&self->word[at].free) & objects) == 0);
	atom_or_seq_cst(&self->word[at].free, objects); /* R0, S0 */
	bit_tree_add(&self->tree, at / BIT_GROUP_WORDS);
}

/* Up to want objects of one word, by one locked compare-and-swap. 0: it is empty. */
ALWAYS_INLINE uint32_t bit_groups_take(struct bit_groups *self, const struct slab *slab,
	struct pool_thread *thread, uint32_t at, void **objs, uint32_t want)
{
	uint64_t free = atom_load_relaxed(&self->word[at].free);

	while (free != 0) {
		uint64_t rest = free;
		uint32_t got = 0;

		do {
			objs[got++] = bit_groups_lowest(slab, at, rest);
			rest &= rest - 1;
		} while (got < want && rest != 0);
		if (likely(atom_cas_weak_acquire(&self->word[at].free, &free, rest))) /* A0 */
			return got;
		thread->paths.wait++;
	}
	return 0;
}

/* The CPU has this group for itself, whose flag the caller has set, and no longer another. */
static COLD void bit_groups_hold(struct bit_groups *self, struct bit_groups_cpu *own, uint32_t held)
{
	uint32_t before = atom_xchg_relaxed(&own->held, held);

	if (before != 0)
		atom_store_relaxed(&self->word[(before - 1) * BIT_GROUP_WORDS].reserved, 0);
}

/* False: somebody else has it. */
static COLD bool bit_groups_reserve(struct bit_groups *self, uint32_t group)
{
	atom_u32 *reserved = &self->word[group * BIT_GROUP_WORDS].reserved;

	return atom_load_relaxed(reserved) == 0 && atom_xchg_relaxed(reserved, 1) == 0;
}

/* All words of the group were seen empty: the tree shows it no more. False: it has something after all. */
static COLD bool bit_groups_close(struct bit_groups *self, uint32_t group)
{
	if (group == self->groups || !bit_tree_has(&self->tree, group))
		return true;
	bit_tree_lower(&self->tree, group); /* S2 */
	for (uint32_t i = 0; i < BIT_GROUP_WORDS; i++) {
		uint32_t at = group * BIT_GROUP_WORDS + i;

		if (atom_load_seq_cst(&self->word[at].free) != 0) { /* S3 */
			bit_tree_raise(&self->tree, group);
			return false;
		}
	}
	return true;
}

/* Up to want objects of one word of the group, which becomes the CPU's present one. 0: it has none. */
static COLD uint32_t bit_groups_sweep(struct bit_groups *self, const struct slab *slab,
	struct pool_thread *thread, struct bit_groups_cpu *own, uint32_t group, void **objs,
	uint32_t want)
{
	do {
		for (uint32_t i = 0; i < BIT_GROUP_WORDS; i++) {
			uint32_t at = group * BIT_GROUP_WORDS + i;
			uint32_t got = bit_groups_take(self, slab, thread, at, objs, want);

			if (got != 0) {
				atom_store_relaxed(&own->at, at);
				return got;
			}
		}
	} while (!bit_groups_close(self, group));
	return 0;
}

/*
 * From the next group that the tree shows and that nobody has reserved, which the CPU then has; or, to
 * share, from any. Passes over as many reserved ones as there can be, and once round at most.
 */
static COLD uint32_t bit_groups_move(struct bit_groups *self, const struct slab *slab,
	struct pool_thread *thread, struct bit_groups_cpu *own, bool share, void **objs,
	uint32_t want)
{
	uint32_t group = atom_load_relaxed(&own->at) / BIT_GROUP_WORDS;
	uint32_t passed = 0, first = UINT32_MAX;

	while (passed <= self->cpus && bit_tree_next(&self->tree, group + 1, &group) &&
		group != first) {
		if (!share && !bit_groups_reserve(self, group)) {
			first = passed++ == 0 ? group : first;
			continue;
		}
		bit_groups_hold(self, own, share ? 0 : group + 1);
		uint32_t got = bit_groups_sweep(self, slab, thread, own, group, objs, want);
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
static COLD uint32_t bit_groups_carve(struct bit_groups *self, struct slab *slab,
	struct pool_thread *thread, struct bit_groups_cpu *own, void **objs, uint32_t want)
{
	uint32_t first;
	uint32_t n = slab_carve(slab, BIT_GROUP_OBJECTS, &first);
	uint32_t use = n < want ? n : want;

	if (n == 0)
		return 0;
	thread->paths.grow++;
	for (uint32_t i = 0; i < use; i++)
		objs[i] = slab_object(slab, first + i);
	bit_groups_reserve(self, first / BIT_GROUP_OBJECTS);
	bit_groups_hold(self, own, first / BIT_GROUP_OBJECTS + 1);
	atom_store_relaxed(&own->at, (first + use - 1) / BIT_WORD_OBJECTS);
	for (uint32_t i = use, end; i < n; i = end) {
		end = (i / BIT_WORD_OBJECTS + 1) * BIT_WORD_OBJECTS;
		end = end < n ? end : n;
		bit_groups_give(self, (first + i) / BIT_WORD_OBJECTS,
			UINT64_MAX >> (64 - (end - i)) << i % BIT_WORD_OBJECTS);
	}
	return use;
}

/* The CPU has nothing for itself, and looks everywhere when it needs something. */
static COLD void bit_groups_leave(struct bit_groups *self, struct bit_groups_cpu *own)
{
	bit_groups_hold(self, own, 0);
	atom_store_relaxed(&own->at, self->groups * BIT_GROUP_WORDS);
}

static size_t bit_groups_bytes(const struct bit_groups *self)
{
	return ((size_t)self->groups + 1) * BIT_GROUP_WORDS * sizeof(*self->word);
}

/* For as many objects, none of them free, and the CPUs that have nothing. 0 or -ENOMEM. */
static COLD int bit_groups_init(
	struct bit_groups *self, uint32_t objects, struct bit_groups_cpu *cpu, uint32_t cpus)
{
	self->groups = (objects + BIT_GROUP_OBJECTS - 1) / BIT_GROUP_OBJECTS;
	self->word = memory_map(bit_groups_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->word == NULL)
		return -ENOMEM;
	int rc = bit_tree_init(&self->tree, self->groups);
	if (rc != 0) {
		memory_unmap(self->word, bit_groups_bytes(self), MEMORY_PAGES_ORDINARY);
		return rc;
	}
	self->cpus = cpus;
	for (uint32_t i = 0; i < cpus; i++)
		atom_init(&cpu[i].at, self->groups * BIT_GROUP_WORDS);
	return 0;
}

static COLD void bit_groups_fini(struct bit_groups *self)
{
	bit_tree_fini(&self->tree);
	memory_unmap(self->word, bit_groups_bytes(self), MEMORY_PAGES_ORDINARY);
}

/* I1 and I2, of a quiet pool's. */
static COLD void bit_groups_walk(struct bit_groups *self, struct slab *slab, struct census *census)
{
	const uint32_t words = slab_carved(slab) / BIT_WORD_OBJECTS + 1;

	for (uint32_t at = 0; at < words; at++) {
		uint64_t free = atom_load_relaxed(&self->word[at].free);

		if (free != 0 && !bit_tree_shows(&self->tree, at / BIT_GROUP_WORDS)) {
			census_fail(census,
				"I2: the tree does not show group %u, which has a free object",
				at / BIT_GROUP_WORDS); /* I2 */
			return;
		}
		for (; free != 0; free &= free - 1) {
			if (!census_mark(census, bit_groups_lowest(slab, at, free),
				    "I1: a word of bits")) /* I1 */
				return;
		}
	}
}

#endif
