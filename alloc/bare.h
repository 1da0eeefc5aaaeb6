/*
 * Bare rows: pools that are none, like `null`, but execute the locked instructions that a shared
 * structure cannot do without. What the structure costs over its bare row is its own: links, cells,
 * indices, tests. What lies below the bare row is the machine's.
 *
 * A row does to shared words what its structure does to its head or its positions, in the same
 * number and order for singles and for bursts, and then hands out objects of the calling thread, as
 * `null` does. The locked words lie on lines of their own, so that several threads contend for them
 * as they would in the structure. What a row leaves out stands at its head.
 *
 * Orders are those of the structure, since on other machines than x86-64 they are part of the
 * price. There are no labels: nothing is handed over, and nothing is read through a word.
 */
#ifndef ALLOC_BARE_H
#define ALLOC_BARE_H

#include "alloc/atomic.h"
#include "alloc/pool/null.h"

/* Entries of bare_scq's ring, on lines of their own: a power of two, as many as CPUs may meet in. */
enum { BARE_ENTRIES = 64 };
_Static_assert((BARE_ENTRIES & (BARE_ENTRIES - 1)) == 0, "the modulo is a mask");

struct bare_entry {
	CACHE_PAIR_ALIGNED atom_u64 word;
};

/* The words of all rows; each uses those of its structure. */
struct bare_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED atom_u64 head;  /* a stack's; or where get takes its position */
	CACHE_PAIR_ALIGNED atom_u64 tail;  /* where put takes its position */
	CACHE_PAIR_ALIGNED atom_pair pair; /* the head of a stack of pointers */
	struct bare_entry entry[BARE_ENTRIES];
};

static COLD int bare_create(const struct pool_config *config, struct pool **out)
{
	struct bare_pool *self = memory_alloc(sizeof(*self));

	(void)config;
	if (self == NULL)
		return -ENOMEM;
	*out = &self->base;
	return 0;
}

static COLD void bare_destroy(struct pool *pool)
{
	memory_free(pool, sizeof(struct bare_pool));
}

/* The hooks of a row, all but supported, get, put and their bulk forms. */
#define BARE_HOOKS                                                               \
	.create = bare_create, .destroy = bare_destroy, .attach = null_attach,   \
	.detach = null_detach, .flush = pool_flush_nothing, .count = null_count, \
	.check = null_check

#endif
