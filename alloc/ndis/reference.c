/*
 * References to NBLs. nbl/marks.h says how they keep a free waiting; here they come and go.
 *
 * An NBL's mark keeps its NBL_MARK_REFERENCED until the NBL is freed. So the mark changes only
 * before the first reference, when nobody but the owner looks at it.
 */
#include "alloc/ndis/internal.h"

/* The pool of an NBL that is out, looked at in all pools; NULL after a report. */
static struct nbl_pool *pool_of_out(const NET_BUFFER_LIST *nbl, const char *call)
{
	struct nbl_pool *pool = nbl_pool_of(nbl, call);

	if (pool == NULL)
		return NULL;
	const uintptr_t number = nbl_mark_of(nbl, pool);
	if (nbl_mark_plain(number) != NBL_MARK_NONE)
		return pool;
	nbl_report_not_live(nbl, number, false, call);
	return NULL;
}

VOID FwpsReferenceNetBufferList0(NET_BUFFER_LIST *netBufferList, BOOLEAN intendToModify)
{
	NET_BUFFER_LIST *nbl = netBufferList;
	struct nbl_pool *pool = pool_of_out(nbl, __func__);

	(void)intendToModify;
	if (pool == NULL)
		return;
	/* Relaxed: the caller owns the NBL or a reference, and hands nothing over by counting up. */
	atom_add_relaxed(nbl_references(nbl), 1);
	enum nbl_mark mark = nbl_mark_out(nbl, pool);
	if (nbl_mark_of(nbl, pool) == mark)
		nbl_set_mark(nbl, pool, mark ^ NBL_MARK_REFERENCED);
}

/* Frees an NBL that its owner has given up, as the owner would have. */
static void free_as_made(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	nbl_end_references(pool, nbl, mark);
	if (mark == NBL_MARK_LIVE)
		ndis_list_free(nbl, call);
	else
		ndis_derived_free(nbl, mark, call);
}

VOID FwpsDereferenceNetBufferList0(NET_BUFFER_LIST *netBufferList, BOOLEAN dispatchLevel)
{
	NET_BUFFER_LIST *nbl = netBufferList;
	struct nbl_pool *pool = pool_of_out(nbl, __func__);

	(void)dispatchLevel;
	if (pool == NULL)
		return;
	/* Relaxed: the CAS says whether it is still so. */
	uint32_t old = atom_load_relaxed(nbl_references(nbl));
	do {
		if ((old & ~(uint32_t)NBL_OWNER_GONE) == 0) {
			nbl_misuse(NBL_MISUSE_REFERENCE, __func__, pool, nbl,
				"no reference is on the NBL");
			return;
		}
		/*
		 * R1, meets A0 in nbl_owner_leaves, and A1 of later ones: who frees the NBL sees
		 * what was done with it under this reference. A1, meets R0 there, and R1 of earlier
		 * ones, if this one is the last.
		 */
	} while (!atom_cas_weak_acq_rel(nbl_references(nbl), &old, old - 1));
	if (old == ((uint32_t)NBL_OWNER_GONE | 1))
		free_as_made(pool, nbl, nbl_mark_out(nbl, pool), __func__);
}
