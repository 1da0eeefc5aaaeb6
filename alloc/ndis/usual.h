/*
 * The short way of the hot calls: for pools that are as most are (NBL_POOL_USUAL), while nothing
 * happens that is out of the ordinary. It calls no function, so it saves no registers. What it can't do
 * it leaves to the long way as it was, in a call that ends it.
 */
#ifndef ALLOC_NDIS_USUAL_H
#define ALLOC_NDIS_USUAL_H

#include "alloc/context/region.h"
#include "alloc/ndis/internal.h"

#include POOL_BEST_HEADER

/*
 * NdisAllocateNetBufferAndNetBufferList. NULL: it is for the long way, to which `taken` may be left. It
 * counts before it takes: then the thread's state is in no register while the object is taken, and none
 * has to be saved.
 */
ALWAYS_INLINE NET_BUFFER_LIST *usual_alloc(NDIS_HANDLE handle, uint32_t context, uint32_t backfill,
	MDL *chain, ULONG offset, SIZE_T length)
{
	struct nbl_pool *pool = handle;

	if (!nbl_pool_usual(handle))
		return NULL;
	struct nbl_thread *self = nbl_threads[pool->id];
	if (unlikely(self == NULL) ||
		unlikely(!nbl_is_ordinary(pool, context, backfill, chain, offset, length)) ||
		unlikely(!nbl_account_try_out(self)))
		return NULL;
	NET_BUFFER_LIST *nbl = POOL_BEST_GET_NEAR(pool->pool, self->pool_thread);
	if (unlikely(nbl == NULL)) {
		nbl_account_undo_out(nbl_threads[pool->id]);
		return NULL;
	}
	prefetch_write((unsigned char *)nbl + NBL_NB_HOT_OFFSET); /* as nbl_prefetch_unread does */
	/* It was never used, or the policy's begin has something to do. */
	void *word = nbl->NdisReserved[0];
	if (unlikely(word == NULL) || unlikely(region_is_stale(pool->context, nbl))) {
		nbl_account_undo_out(nbl_threads[pool->id]);
		nbl_threads[pool->id]->taken = nbl;
		return NULL;
	}
	nbl_reset(pool, nbl, word, true, context);
	nbl_set_data(nbl_embedded_nb(nbl), chain,
		&(struct nbl_place){.mdl = chain, .offset = offset}, offset, (uint32_t)length);
	return nbl;
}

/* FwpsFreeNetBufferList0. False: it is for the long way. */
ALWAYS_INLINE bool usual_free(NET_BUFFER_LIST *nbl)
{
	if (unlikely(nbl == NULL))
		return false;
	void *word = atom_load_relaxed(nbl_mark_word(nbl));
	const uintptr_t seen = nbl_mark_seen(word, nbl);
	/* Whether contexts nest is the pushes' matter. */
	if (unlikely((seen & ~(uintptr_t)NBL_MARK_ANY_ORDER) != NBL_MARK_LIVE))
		return false;
	struct nbl_pool *pool = nbl->NdisPoolHandle;
	struct nbl_thread *self = nbl_threads[pool->id];
	if (unlikely(self == NULL) || unlikely(!nbl_is_bare(pool, nbl, NBL_MARK_LIVE)))
		return false;
	if (unlikely(nbl_is_dirty_wide(pool, nbl))) {
		nbl_free_dirty(self, nbl);
		return true;
	}
	if (unlikely(!nbl_account_try_back(self)))
		return false;
	atom_store_relaxed(nbl_mark_word(nbl), nbl_mark_turn(word, NBL_MARK_LIVE, NBL_MARK_FREE));
	if (unlikely(!POOL_BEST_PUT_NEAR(pool->pool, self->pool_thread, nbl)))
		pool_put_one(pool->pool, self->pool_thread, nbl);
	return true;
}

#endif
