/* NdisAllocateNetBufferListContext and its free. */
#include "alloc/ndis/internal.h"

NDIS_STATUS NdisAllocateNetBufferListContext(
	NET_BUFFER_LIST *NetBufferList, USHORT ContextSize, USHORT ContextBackFill, ULONG PoolTag)
{
	NET_BUFFER_LIST *nbl = NetBufferList;
	struct nbl_pool *pool = nbl_pool_of(nbl, __func__);

	if (unlikely(pool == NULL))
		return NDIS_STATUS_FAILURE;
	enum nbl_room room =
		nbl_context_room(pool->policy, pool, nbl, ContextSize, ContextBackFill);
	if (likely(room == NBL_ROOM_MADE))
		return NDIS_STATUS_SUCCESS;
	if (unlikely(room == NBL_ROOM_REFUSED))
		return NDIS_STATUS_FAILURE;
	struct nbl_thread *self = nbl_self(pool);
	if (unlikely(self == NULL))
		return NDIS_STATUS_RESOURCES;
	int rc = nbl_context_fallback(
		pool->policy, pool, self, nbl, ContextSize, ContextBackFill, PoolTag, false);
	if (unlikely(rc != 0))
		return rc == -ENOMEM ? NDIS_STATUS_RESOURCES : NDIS_STATUS_FAILURE;
	return NDIS_STATUS_SUCCESS;
}

VOID NdisFreeNetBufferListContext(NET_BUFFER_LIST *NetBufferList, USHORT ContextSize)
{
	NET_BUFFER_LIST *nbl = NetBufferList;
	struct nbl_pool *pool = nbl_pool_of(nbl, __func__);

	if (unlikely(pool == NULL))
		return;
	enum nbl_popped popped = nbl_context_give(pool->policy, pool, nbl, ContextSize);
	if (likely(popped == NBL_POPPED))
		return;
	if (unlikely(popped == NBL_POP_REFUSED)) {
		nbl_report_pop(pool, nbl, ContextSize, __func__);
		return;
	}
	struct nbl_thread *self = nbl_self_sure(pool);
	nbl_context_release(pool->policy, pool, self, nbl);
	nbl_self_done(pool, self);
}
