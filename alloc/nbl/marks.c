/*
 * References and claims. Labels:
 *
 *	R0, A0   in give_up and nbl_owner_leaves, meet A1 and R1 in FwpsDereferenceNetBufferList0: an
 *	         NBL is freed by its owner or by who held the last reference, after what all of them
 *	         did
 *	R2, A2   a claim's end and the claim after it: what was done under the first is seen under
 *	         the second
 *
 * Two owners free a referenced NBL at once, while another thread drops the last reference. In pools
 * with `checks` two words decide. The mark's word says who of the owners leaves, by one
 * compare-and-swap, before anything of the NBL is read: the other meets LEFT or FREE and reports. The
 * count's word says who frees: the owner who finds no reference when it sets OWNER_GONE, or who drops
 * the last one when it is set. Only the owner that left sets it, after it has looked at the contexts.
 * So no reference's end frees the NBL while an owner looks, and nobody looks at it after its free but
 * at these two words, which the quarantine does not poison.
 */
#include "alloc/nbl/marks.h"

#include "alloc/nbl/chain.h"
#include "alloc/nbl/misuse.h"

bool nbl_owner_leaves(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	const uintptr_t number = nbl_mark_of(nbl, pool);
	atom_u32 *references = nbl_references(nbl);

	if (number != ((uintptr_t)mark ^ NBL_MARK_REFERENCED)) {
		nbl_report_not_live(nbl, number, true, call);
		return false;
	}
	/* A0, meets R1 in FwpsDereferenceNetBufferList0: the owner frees it after what they did. */
	uint32_t old = atom_load_acquire(references);
	do {
		if ((old & NBL_OWNER_GONE) != 0) {
			nbl_report_left(pool, nbl, call);
			return false;
		}
		if (old != 0 && nbl->Context != NULL && nbl_report_contexts(pool, nbl, call))
			return false;
		/* R0, meets A1 there: who frees the NBL sees what its owner did. A0 as above. */
	} while (!atom_cas_weak_acq_rel(references, &old, old | (uint32_t)NBL_OWNER_GONE));
	if (old == 0)
		nbl_end_references(pool, nbl, mark);
	return old == 0;
}

/* An owner gives a referenced NBL up. How many references are left. */
static uint32_t give_up(atom_u32 *references)
{
	uint32_t old = atom_load_relaxed(references);

	/* R0, A0 */
	while (!atom_cas_weak_acq_rel(references, &old, old | (uint32_t)NBL_OWNER_GONE))
		;
	return old;
}

/*
 * Changes a mark if it is `from`; else what it was is in *met. A2: a claim that succeeds comes
 * after what was done under the one before it, which ended in R2.
 */
static bool claim(atom_ptr *word, void *from, void *to, void **met)
{
	/* Looked at first: who comes second takes the line from nobody. */
	*met = atom_load_relaxed(word);
	while (*met == from) {
		if (atom_cas_weak_acquire(word, met, to))
			return true;
	}
	return false;
}

/*
 * Claims a referenced NBL that carries the mark, as nbl_claim_free does, whose contexts are looked at
 * before references may outlive its owner.
 */
static bool claim_referenced(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	const uintptr_t leaves = (uintptr_t)mark ^ NBL_MARK_REFERENCED ^ NBL_MARK_LEFT;
	void *const referenced = nbl_mark(nbl, pool, mark ^ NBL_MARK_REFERENCED);
	void *met;

	if (!claim(nbl_mark_word(nbl), referenced,
		    nbl_mark(nbl, pool, (enum nbl_mark)(leaves ^ NBL_MARK_BUSY)), &met)) {
		nbl_report_not_live(
			nbl, (uintptr_t)met ^ (uintptr_t)nbl_mark(nbl, pool, 0), true, call);
		return false;
	}
	const uint32_t bytes = nbl_contexts_left(pool, nbl, mark);
	/* R2, meets A2 in claim */
	atom_store_release(nbl_mark_word(nbl),
		bytes != 0 ? referenced : nbl_mark(nbl, pool, (enum nbl_mark)leaves));
	if (bytes != 0) {
		nbl_report_contexts_left(pool, nbl, bytes, call);
		return false;
	}
	if (give_up(nbl_references(nbl)) != 0)
		return false; /* it is not the caller's any more */
	nbl_end_references(pool, nbl, NBL_MARK_FREE);
	return true;
}

bool nbl_claim_free(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	void *met;

	if (!claim(nbl_mark_word(nbl), nbl_mark(nbl, pool, mark),
		    nbl_mark(nbl, pool, NBL_MARK_FREE), &met) &&
		!claim_referenced(pool, nbl, mark, call))
		return false;
	uint32_t left = nbl_contexts_left(pool, nbl, mark);
	if (left != 0) {
		nbl_unclaim_free(pool, nbl, mark);
		nbl_report_contexts_left(pool, nbl, left, call);
	}
	return left == 0;
}

void nbl_unclaim_free(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	atom_store_release(
		nbl_mark_word(nbl), nbl_mark(nbl, pool, mark)); /* R2, meets A2 in claim */
}

struct nbl_pool *nbl_claim_contexts(NET_BUFFER_LIST *nbl, void **was, const char *call)
{
	if (nbl == NULL || !nbl_pool_valid(nbl->NdisPoolHandle, NBL_POOL_LISTS)) {
		nbl_report_no_pool(nbl, call);
		return NULL;
	}
	struct nbl_pool *pool = nbl->NdisPoolHandle;
	const uintptr_t base = (uintptr_t)nbl_mark(nbl, pool, 0);
	uintptr_t number = nbl_mark_of(nbl, pool);
	enum nbl_mark mark = nbl_mark_plain(number);
	void *met;
	if (mark != NBL_MARK_NONE && ((number ^ mark) & NBL_MARK_BUSY) == 0) {
		*was = (void *)(number ^ base);
		if (claim(nbl_mark_word(nbl), *was, (void *)(number ^ base ^ NBL_MARK_BUSY), &met))
			return pool;
		number = (uintptr_t)met ^ base;
	}
	nbl_report_not_live(nbl, number, false, call);
	return NULL;
}

void nbl_unclaim_contexts(NET_BUFFER_LIST *nbl, void *was)
{
	atom_store_release(nbl_mark_word(nbl), was); /* R2, meets A2 in claim */
}

bool nbl_loose_claim(void *payload, const struct nbl_pool *pool, void **met)
{
	return claim(nbl_loose_word(payload), nbl_loose_mark(payload, pool, NBL_MARK_LIVE),
		nbl_loose_mark(payload, pool, NBL_MARK_FREE), met);
}

void nbl_loose_unclaim(void *payload, const struct nbl_pool *pool)
{
	/* R2, meets A2 in claim */
	atom_store_release(nbl_loose_word(payload), nbl_loose_mark(payload, pool, NBL_MARK_LIVE));
}
