/*
 * Marks: the word in each object that says what it is.
 *
 * A mark is the object's address, its pool's address and a number that stands for its state,
 * combined by XOR. So one compare, on a line that is written anyway, finds double frees, foreign
 * pointers and copies. An NBL's mark is its NdisReserved[0]; a loose object's stands before it
 * (buffers.h).
 *
 * An NBL's mark also has what its pool is (nbl_pool.marks). So the NBL's own line proves that a pool made
 * it, that it is out, and that the pool is as most are, and the hot calls that have an NBL look neither into
 * the table of pools nor at the pool. The number of what is out is small, and the pool's bits stand
 * beside it. A copy lies as far from its NBL as an NBL is long. So their addresses differ in a higher bit, and
 * the mark of one never passes for another mark of the other.
 */
#ifndef ALLOC_NBL_MARKS_H
#define ALLOC_NBL_MARKS_H

#include "alloc/nbl/pools.h"

#include <stdbool.h>
#include <stdint.h>

enum nbl_mark {
	NBL_MARK_LIVE,         /* made from no other one; also a loose object that is out */
	NBL_MARK_CLONE,        /* with MDLs of its own */
	NBL_MARK_CLONE_SHARED, /* with the original's MDLs */
	NBL_MARK_CLONE_FWPS,   /* counts as a child of its parent */
	NBL_MARK_CLONE_DEEP,   /* the same, with a copy of the data */
	NBL_MARK_FRAGMENT,     /* in pieces */
	NBL_MARK_REASSEMBLED,  /* in one piece */
	NBL_MARK_FREE = 0x66726500,
	NBL_MARK_NONE = 0x6e6f6e00, /* of no object */
	/*
	 * In addition to one of the above: nbl_references counts. A free that compares with the
	 * plain mark does not find it, and comes to nbl_owner_leaves.
	 */
	NBL_MARK_REFERENCED = 0x01000000,
	/* In addition to those, in pools with `checks` alone: a thread works on its contexts. */
	NBL_MARK_BUSY = 0x02000000,
	/* In addition to REFERENCED, in the same pools: its owner has freed it, or is about to. */
	NBL_MARK_LEFT = 0x04000000,
};

/* Beside the number in an NBL's mark, what its pool is. */
enum {
	NBL_MARK_UNUSUAL = 0x08,   /* not NBL_POOL_USUAL (pools.h) */
	NBL_MARK_ANY_ORDER = 0x10, /* its contexts do not nest (context.h) */
	NBL_MARK_CHECKS = 0x20,    /* it is one with `checks` */
	/* Added to an object's address: memory that points at itself is no object. */
	NBL_MARK_SALT = 0x6e626c00,
};
_Static_assert((uint32_t)NBL_MARK_REASSEMBLED < (uint32_t)NBL_MARK_UNUSUAL &&
		       2 * (uint32_t)NBL_MARK_CHECKS < sizeof(NET_BUFFER_LIST) / 2,
	"a copy differs in higher bits");

/* The mark of an NBL, whose pool is alive. */
ALWAYS_INLINE void *nbl_mark(
	const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return (void *)(((uintptr_t)nbl + NBL_MARK_SALT) ^ pool->marks ^ (uintptr_t)mark);
}

/*
 * The word that holds an NBL's mark. Relaxed where it is only looked at: a driver that hands an NBL
 * over orders what is in it. Where two threads free one NBL, or work on its contexts, at the same
 * time, the claims below find it, and there the word orders what they do.
 */
ALWAYS_INLINE atom_ptr *nbl_mark_word(const NET_BUFFER_LIST *nbl)
{
	return (atom_ptr *)(uintptr_t)&nbl->NdisReserved[0];
}

/* An NBL's mark with the number `to`, if `word` is the one with the number `from`. */
ALWAYS_INLINE void *nbl_mark_turn(const void *word, enum nbl_mark from, enum nbl_mark to)
{
	return (void *)((uintptr_t)word ^ from ^ to);
}

/* Marks an NBL that is the caller's alone. */
ALWAYS_INLINE void nbl_set_mark(
	NET_BUFFER_LIST *nbl, const struct nbl_pool *pool, enum nbl_mark mark)
{
	atom_store_relaxed(nbl_mark_word(nbl), nbl_mark(nbl, pool, mark));
}

ALWAYS_INLINE bool nbl_is(
	const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return atom_load_relaxed(nbl_mark_word(nbl)) == nbl_mark(nbl, pool, mark);
}

/* The number in an NBL's mark; none of the above for what is no NBL of the pool, which is alive. */
ALWAYS_INLINE uintptr_t nbl_mark_of(const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool)
{
	return (uintptr_t)atom_load_relaxed(nbl_mark_word(nbl)) ^ (uintptr_t)nbl_mark(nbl, pool, 0);
}

/*
 * The number in `word`, the mark of what is to be an NBL, with the bits of its pool: small if it is out, unreferenced.
 * Then NdisPoolHandle is its pool, which is alive. Looks at the NBL's first line and at nothing else.
 */
ALWAYS_INLINE uintptr_t nbl_mark_seen(const void *word, const NET_BUFFER_LIST *nbl)
{
	return ((uintptr_t)nbl + NBL_MARK_SALT) ^ (uintptr_t)nbl->NdisPoolHandle ^ (uintptr_t)word;
}

/* True of an NBL that is out, unreferenced, of a pool without `checks` whose contexts nest. */
ALWAYS_INLINE bool nbl_nests(const NET_BUFFER_LIST *nbl)
{
	const uintptr_t seen = nbl_mark_seen(atom_load_relaxed(nbl_mark_word(nbl)), nbl);

	return likely(seen < (uintptr_t)NBL_MARK_ANY_ORDER);
}

/* A number of nbl_mark_of without REFERENCED, BUSY and LEFT, for NBLs that are out; NONE for others. */
ALWAYS_INLINE enum nbl_mark nbl_mark_plain(uintptr_t number)
{
	const uintptr_t mark =
		number & ~(uintptr_t)(NBL_MARK_REFERENCED | NBL_MARK_BUSY | NBL_MARK_LEFT);

	return mark <= NBL_MARK_REASSEMBLED ? (enum nbl_mark)mark : NBL_MARK_NONE;
}

ALWAYS_INLINE enum nbl_mark nbl_mark_out(const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool)
{
	return nbl_mark_plain(nbl_mark_of(nbl, pool));
}

/* True if the pool's block is on an NBL of this mark. */
ALWAYS_INLINE bool nbl_mark_has_block(enum nbl_mark mark)
{
	return mark == NBL_MARK_LIVE || mark == NBL_MARK_CLONE_DEEP;
}

/*
 * References: others than an NBL's owner who want it to stay. Its free waits for the last of them,
 * who then frees it. The word is zero in an NBL without NBL_MARK_REFERENCED.
 */
enum { NBL_OWNER_GONE = 1u << 31 }; /* beside the count */

ALWAYS_INLINE atom_u32 *nbl_references(NET_BUFFER_LIST *nbl)
{
	return (atom_u32 *)&nbl->NblReserved[0];
}

/* Gives an NBL that nobody references its plain mark back. */
ALWAYS_INLINE void nbl_end_references(
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	/* The caller's alone from here on; who frees it once more may look. */
	atom_store_relaxed(nbl_references(nbl), 0);
	nbl_set_mark(nbl, pool, mark);
}

/*
 * The owner frees an NBL that does not carry the mark, in a pool without `checks`. True: only because
 * it was referenced, no reference is left, and it carries the mark now. False: references are left, or
 * misuse was reported.
 */
COLD bool nbl_owner_leaves(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call);

/*
 * Claims, for pools with `checks`. A call that frees an object, or works on an NBL's contexts,
 * changes its mark by a compare-and-swap before it changes anything else. So of two threads that do
 * so to one object at the same time one goes on, and the other has nothing but misuse to report.
 * Other pools compare the mark and then store it, and are spared the locked instruction
 * (nblbench.h).
 */

/*
 * Claims an NBL that carries the mark, to free it: it is marked FREE and the caller's. False:
 * references keep it; or misuse, reported under `call`, nothing changed: another mark, or contexts
 * are still on it.
 */
COLD bool nbl_claim_free(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call);

/* The NBL is not freed after all: as it was, before misuse is reported. */
COLD void nbl_unclaim_free(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark);

/*
 * Claims the contexts of an NBL that is out: it is marked BUSY besides, until nbl_unclaim_contexts
 * with the same *was. Its pool; NULL after a report: it is not out, or another thread has them.
 */
COLD struct nbl_pool *nbl_claim_contexts(NET_BUFFER_LIST *nbl, void **was, const char *call);
COLD void nbl_unclaim_contexts(NET_BUFFER_LIST *nbl, void *was);

/* The mark of a loose NB or MDL; pool: NULL for one of the C library's memory. */
ALWAYS_INLINE void *nbl_loose_mark(
	const void *payload, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return (void *)(((uintptr_t)payload + NBL_MARK_SALT) ^ (uintptr_t)pool ^ (uintptr_t)mark);
}

/* The word that holds it. */
ALWAYS_INLINE atom_ptr *nbl_loose_word(const void *payload)
{
	return (atom_ptr *)(uintptr_t)payload - 1;
}

ALWAYS_INLINE bool nbl_loose_is(
	const void *payload, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return atom_load_relaxed(nbl_loose_word(payload)) == nbl_loose_mark(payload, pool, mark);
}

/* As nbl_set_mark. */
ALWAYS_INLINE void nbl_loose_set_mark(
	void *payload, const struct nbl_pool *pool, enum nbl_mark mark)
{
	atom_store_relaxed(nbl_loose_word(payload), nbl_loose_mark(payload, pool, mark));
}

/*
 * Claims a live object to free it, as nbl_claim_free does: it is marked FREE. False: it was not
 * live, and what its word held is in *met.
 */
COLD bool nbl_loose_claim(void *payload, const struct nbl_pool *pool, void **met);

/* As nbl_unclaim_free. */
COLD void nbl_loose_unclaim(void *payload, const struct nbl_pool *pool);

#endif
