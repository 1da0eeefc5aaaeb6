/*
 * References and claims. Labels:
 *
 *	R0, A0   in leave_references, meet A1 and R1 in FwpsDereferenceNetBufferList0: an NBL is
 *	         freed by its owner or by who held the last reference, after what all of them did
 *	R2, A2   a claim's end and the claim after it: what was done under the first is seen under
 *	         the second
 */
#include "alloc/nbl/marks.h"

#include "alloc/nbl/chain.h"
#include "alloc/nbl/misuse.h"

/*
 * The owner gives up an NBL that is referenced. True: no reference is left. False: some are, or
 * misuse was reported. number: of nbl_mark_of. claims: the caller claims the mark then; else the word
 * tells two owners apart.
 */
static bool leave_references(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uintptr_t number,
	enum nbl_mark mark, bool claims, const char *call)
{
	atom_u32 *references = nbl_references(nbl);

	if (number != ((uintptr_t)mark ^ NBL_MARK_REFERENCED)) {
		nbl_report_not_live(nbl, number, true, call);
		return false;
	}
	/* A0, meets R1 in FwpsDereferenceNetBufferList0: the owner frees it after what they did. */
	uint32_t old = atom_load_acquire(references);
	do {
		/*
		 * Without a reference the claim decides who frees it. Another free may have ended
		 * the NBL by now, so nothing of it is written, and its contexts are looked at after
		 * the claim.
		 */
		if (old == 0 && claims)
			return true;
		if ((old & NBL_OWNER_GONE) != 0) {
			nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, nbl,
				"the NBL is free already but for %u references",
				old & ~(uint32_t)NBL_OWNER_GONE);
			return false;
		}
		if (old != 0 && nbl->Context != NULL && nbl_report_contexts(pool, nbl, call))
			return false;
		/* R0, meets A1 there: who frees the NBL sees what its owner did. A0 as above. */
	} while (!atom_cas_weak_acq_rel(references, &old, old | (uint32_t)NBL_OWNER_GONE));
	return old == 0;
}

bool nbl_owner_leaves(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	if (!leave_references(pool, nbl, nbl_mark_of(nbl, pool), mark, false, call))
		return false;
	nbl_end_references(pool, nbl, mark);
	return true;
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

bool nbl_claim_free(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	void *const free = nbl_mark(nbl, pool, NBL_MARK_FREE);
	void *met;

	if (!claim(nbl_mark_word(nbl), nbl_mark(nbl, pool, mark), free, &met)) {
		uintptr_t number = (uintptr_t)met ^ (uintptr_t)nbl_mark(nbl, pool, 0);

		if (!leave_references(pool, nbl, number, mark, true, call))
			return false;
		if (!claim(nbl_mark_word(nbl), met, free, &met)) {
			nbl_report_not_live(nbl, (uintptr_t)met ^ (uintptr_t)nbl_mark(nbl, pool, 0),
				true, call);
			return false;
		}
	}
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
	uintptr_t mark = nbl_mark_plain(number);
	void *met;
	if (mark != 0 && ((number ^ mark) & NBL_MARK_BUSY) == 0) {
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
	return claim(nbl_loose_word(payload), nbl_mark(payload, pool, NBL_MARK_LIVE),
		nbl_mark(payload, pool, NBL_MARK_FREE), met);
}

void nbl_loose_unclaim(void *payload, const struct nbl_pool *pool)
{
	/* R2, meets A2 in claim */
	atom_store_release(nbl_loose_word(payload), nbl_mark(payload, pool, NBL_MARK_LIVE));
}
