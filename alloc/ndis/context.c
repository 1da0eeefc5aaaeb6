/* NdisAllocateNetBufferListContext and its free. */
#include "alloc/ndis/internal.h"

/* A push onto an NBL that may be used. */
ALWAYS_INLINE NDIS_STATUS push_to(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, USHORT size, USHORT backfill, ULONG tag)
{
	enum nbl_room room = nbl_context_room(pool->policy, pool, nbl, size, backfill);

	if (likely(room == NBL_ROOM_MADE))
		return NDIS_STATUS_SUCCESS;
	if (unlikely(room == NBL_ROOM_REFUSED))
		return NDIS_STATUS_FAILURE;
	struct nbl_thread *self = nbl_self(pool);
	if (unlikely(self == NULL))
		return NDIS_STATUS_RESOURCES;
	int rc = nbl_context_fallback(pool->policy, pool, self, nbl, size, backfill, tag, false);
	if (unlikely(rc != 0))
		return rc == -ENOMEM ? NDIS_STATUS_RESOURCES : NDIS_STATUS_FAILURE;
	return NDIS_STATUS_SUCCESS;
}

/* In a pool that checks everything no other thread may work on the NBL's contexts meanwhile. */
static COLD NDIS_STATUS push_claimed(
	NET_BUFFER_LIST *nbl, USHORT size, USHORT backfill, ULONG tag, const char *call)
{
	void *was;
	struct nbl_pool *pool = nbl_claim_contexts(nbl, &was, call);

	if (pool == NULL)
		return NDIS_STATUS_FAILURE;
	NDIS_STATUS status = push_to(pool, nbl, size, backfill, tag);
	nbl_unclaim_contexts(nbl, was);
	return status;
}

/* All pushes but those that NdisAllocateNetBufferListContext does by itself. */
static NOINLINE NDIS_STATUS push(NET_BUFFER_LIST *nbl, USHORT size, USHORT backfill, ULONG tag)
{
	if (nbl_is_of_plain(nbl))
		return push_to(nbl->NdisPoolHandle, nbl, size, backfill, tag);
	return push_claimed(nbl, size, backfill, tag, "NdisAllocateNetBufferListContext");
}

/*
 * The two calls go a short way where the front block has room, or has so much in use: a dozen checks, a
 * load and a store, and no register to save. All else is left to functions of their own, which begin
 * anew.
 */
NDIS_STATUS NdisAllocateNetBufferListContext(
	NET_BUFFER_LIST *NetBufferList, USHORT ContextSize, USHORT ContextBackFill, ULONG PoolTag)
{
	NET_BUFFER_LIST *nbl = NetBufferList;

	if (likely(nbl != NULL) && nbl_nests(nbl) &&
		nbl_context_has_room(nbl, ContextSize, ContextBackFill)) {
		nbl->Context->Offset = (USHORT)(nbl->Context->Offset - ContextSize);
		return NDIS_STATUS_SUCCESS;
	}
	return push(nbl, ContextSize, ContextBackFill, PoolTag);
}

/* A pop off an NBL that may be used. False: it is refused, and nothing changed. */
ALWAYS_INLINE bool pop_from(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, USHORT size)
{
	enum nbl_popped popped = nbl_context_give(pool->policy, pool, nbl, size);

	if (likely(popped == NBL_POPPED))
		return true;
	if (unlikely(popped == NBL_POP_REFUSED))
		return false;
	struct nbl_thread *self = nbl_self_sure(pool);
	nbl_context_release(pool->policy, pool, self, nbl);
	nbl_self_done(pool, self);
	return true;
}

/* As push_claimed. What is reported is what was there before the claim's end. */
static COLD void pop_claimed(NET_BUFFER_LIST *nbl, USHORT size, const char *call)
{
	NET_BUFFER_LIST_CONTEXT front;
	void *was;
	struct nbl_pool *pool = nbl_claim_contexts(nbl, &was, call);

	if (pool == NULL)
		return;
	const bool any = nbl->Context != NULL;
	if (any)
		front = *nbl->Context;
	bool popped = pop_from(pool, nbl, size);
	nbl_unclaim_contexts(nbl, was);
	if (!popped)
		nbl_report_pop(pool, nbl, any ? &front : NULL, size, call);
}

/* All pops but those that NdisFreeNetBufferListContext does by itself. */
static NOINLINE void pop(NET_BUFFER_LIST *nbl, USHORT size, const char *call)
{
	if (unlikely(!nbl_is_of_plain(nbl)))
		pop_claimed(nbl, size, call);
	else if (unlikely(!pop_from(nbl->NdisPoolHandle, nbl, size)))
		nbl_report_pop(nbl->NdisPoolHandle, nbl, nbl->Context, size, call);
}

VOID NdisFreeNetBufferListContext(NET_BUFFER_LIST *NetBufferList, USHORT ContextSize)
{
	NET_BUFFER_LIST *nbl = NetBufferList;

	if (likely(nbl != NULL) && nbl_nests(nbl) && nbl_context_has_used(nbl, ContextSize))
		nbl->Context->Offset = (USHORT)(nbl->Context->Offset + ContextSize);
	else
		pop(nbl, ContextSize, __func__);
}
