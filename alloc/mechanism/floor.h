/*
 * The floor beneath the pools: rows that are no pools. They hand out the same objects of the calling
 * thread again and again: no conservation, no uniqueness. Whatever counts objects skips them by their
 * kind. `null` does nothing else and so measures the harness.
 *
 * The bare rows execute besides the locked instructions that a shared structure cannot do without.
 * What the structure costs over its bare row is its own: links, cells, indices, tests. What lies
 * below the bare row is the machine's.
 *
 * A bare row does to shared words what its structure does to its head or its positions, in the same
 * number and order for singles and for bursts. The words lie on lines of their own, so that several
 * threads contend for them as they would in the structure. What a row leaves out stands at its head.
 *
 * Orders are those of the structure, since on other machines than x86-64 they are part of the price.
 * There are no labels: nothing is handed over, and nothing is read through a word.
 */
#ifndef ALLOC_MECHANISM_FLOOR_H
#define ALLOC_MECHANISM_FLOOR_H

#include "alloc/atomic.h"
#include "alloc/machine/copy.h"
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <errno.h>

struct floor_thread {
	struct pool_thread base;
	struct slab slab;
	void *object[POOL_BULK_MAX];
};

/* One load: always the same object. */
ALWAYS_INLINE void *floor_get(struct pool_thread *thread)
{
	return ((struct floor_thread *)thread)->object[0];
}

/* One copy of n pointers: the addresses of n different objects, as any pool has to give. */
ALWAYS_INLINE uint32_t floor_get_bulk(struct pool_thread *thread, void **objs, uint32_t n)
{
	copy_pointers(objs, ((struct floor_thread *)thread)->object, n);
	return n;
}

static COLD int floor_attach(struct pool *pool, struct pool_thread **out)
{
	struct floor_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = slab_init(&self->slab, pool->config.object_bytes, pool->config.object_align,
		POOL_BULK_MAX, pool->config.pages, SLAB_WITHOUT_LINKS);
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	for (uint32_t i = 0; i < POOL_BULK_MAX; i++)
		self->object[i] = slab_object(&self->slab, i);
	self->base.pool = pool;
	*out = &self->base;
	return 0;
}

static COLD void floor_detach(struct pool *pool, struct pool_thread *thread)
{
	struct floor_thread *self = (struct floor_thread *)thread;

	(void)pool;
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD uint64_t floor_count(struct pool *pool)
{
	(void)pool;
	return 0;
}

static COLD int floor_check(struct pool *pool, uint64_t outstanding, char *why)
{
	(void)pool;
	(void)outstanding;
	why[0] = '\0';
	return 0;
}

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
#define BARE_HOOKS                                                                 \
	.create = bare_create, .destroy = bare_destroy, .attach = floor_attach,    \
	.detach = floor_detach, .flush = pool_flush_nothing, .count = floor_count, \
	.check = floor_check

#endif
