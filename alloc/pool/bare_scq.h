/*
 * bare_scq: a fetch-and-add of a shared position each way, then a compare-and-swap on the entry of
 * that position in put and a store to it in get, and no pool (floor.h). The limit of `scq`.
 *
 * A burst takes its positions by one fetch-and-add, as there.
 *
 * Left out: the cycles, the spreading of neighbouring positions over lines, the loads of the
 * hint, and the tests that send a position that was overtaken to the next one.
 */
#ifndef ALLOC_POOL_BARE_SCQ_H
#define ALLOC_POOL_BARE_SCQ_H

#include "alloc/mechanism/floor.h"

ALWAYS_INLINE atom_u64 *bare_scq_at(struct bare_pool *self, uint64_t position)
{
	return &self->entry[position & (BARE_ENTRIES - 1)].word;
}

ALWAYS_INLINE void bare_scq_take(struct bare_pool *self, uint32_t n)
{
	uint64_t head = atom_add_seq_cst(&self->head, n);

	for (uint32_t i = 0; i < n; i++)
		atom_store_release(bare_scq_at(self, head + i), head + i);
}

ALWAYS_INLINE void bare_scq_give(struct bare_pool *self, uint32_t n)
{
	uint64_t tail = atom_add_seq_cst(&self->tail, n);

	for (uint32_t i = 0; i < n; i++) {
		atom_u64 *slot = bare_scq_at(self, tail + i);
		uint64_t entry = atom_load_seq_cst(slot);

		while (unlikely(!atom_cas_weak_seq_cst(slot, &entry, tail + i)))
			;
	}
}

ALWAYS_INLINE void bare_scq_take_one(struct bare_pool *self)
{
	bare_scq_take(self, 1);
}

ALWAYS_INLINE void bare_scq_give_one(struct bare_pool *self)
{
	bare_scq_give(self, 1);
}

/* A put: one load and two locked instructions. A get: one locked instruction and a store. */
BARE_SINGLES(bare_scq, bare_scq_take_one, bare_scq_give_one)

/* One locked instruction, n stores and one copy of n pointers. */
static inline uint32_t bare_scq_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	bare_scq_take((struct bare_pool *)pool, n);
	return floor_get_bulk(thread, objs, n);
}

/* n + 1 locked instructions. */
static inline void bare_scq_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	(void)thread;
	(void)objs;
	bare_scq_give((struct bare_pool *)pool, n);
}

static const struct pool_ops pool_bare_scq_ops = {
	.name = "bare_scq",
	.summary = "no pool: a fetch-and-add and an entry's change each way, the limit of scq",
	.traits = {.progress = POOL_UNSYNCHRONISED, .kind = POOL_KIND_NULL},
	.supported = pool_supported_always,
	BARE_HOOKS(bare_scq),
};

#endif
