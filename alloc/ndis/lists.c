/* Allocation and free of NBLs: the NDIS and the WFP names. */
#include "alloc/ndis/internal.h"

/* nbl_alloc with the pool's tables. */
static int list_alloc(struct nbl_pool *pool, USHORT context, USHORT backfill, MDL *chain,
	ULONG offset, SIZE_T length, NET_BUFFER_LIST **out)
{
	struct nbl_thread *self = nbl_self(pool);

	if (unlikely(self == NULL))
		return -ENOMEM;
	return nbl_alloc(
		pool->ops, pool->policy, pool, self, context, backfill, chain, offset, length, out);
}

/* With the rule that the data must be the caller's: a pool with NB and without data. */
static int list_and_nb_alloc(NDIS_HANDLE handle, USHORT context, USHORT backfill, MDL *chain,
	ULONG offset, SIZE_T length, NET_BUFFER_LIST **out, const char *call)
{
	struct nbl_pool *pool = ndis_enter(handle, NBL_POOL_LISTS, call);
	int rc = -EINVAL;

	if (unlikely(pool == NULL))
		return rc;
	if (likely(pool->with_nb && pool->data_bytes == 0))
		rc = list_alloc(pool, context, backfill, chain, offset, length, out);
	nbl_leave(pool);
	return rc;
}

static void list_free(NET_BUFFER_LIST *nbl, const char *call)
{
	struct nbl_pool *pool = nbl_enter_to_free(nbl, call);

	if (unlikely(pool == NULL))
		return;
	struct nbl_thread *self = nbl_self_sure(pool);
	nbl_free(pool->ops, pool->policy, pool, self, nbl, NBL_MARK_LIVE, call);
	nbl_self_done(pool, self);
	nbl_leave(pool);
}

NET_BUFFER_LIST *NdisAllocateNetBufferList(
	NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill)
{
	struct nbl_pool *pool = ndis_enter(PoolHandle, NBL_POOL_LISTS, __func__);
	NET_BUFFER_LIST *nbl = NULL;

	if (unlikely(pool == NULL))
		return NULL;
	list_alloc(pool, ContextSize, ContextBackFill, NULL, 0, 0, &nbl);
	nbl_leave(pool);
	return nbl;
}

NET_BUFFER_LIST *NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize,
	USHORT ContextBackFill, MDL *MdlChain, ULONG DataOffset, SIZE_T DataLength)
{
	NET_BUFFER_LIST *nbl = NULL;

	list_and_nb_alloc(PoolHandle, ContextSize, ContextBackFill, MdlChain, DataOffset,
		DataLength, &nbl, __func__);
	return nbl;
}

VOID NdisFreeNetBufferList(NET_BUFFER_LIST *NetBufferList)
{
	list_free(NetBufferList, __func__);
}

NTSTATUS FwpsAllocateNetBufferAndNetBufferList0(NDIS_HANDLE poolHandle, UINT16 contextSize,
	UINT16 contextBackFill, MDL *mdlChain, ULONG dataOffset, SIZE_T dataLength,
	NET_BUFFER_LIST **netBufferList)
{
	if (netBufferList == NULL)
		return STATUS_INVALID_PARAMETER;
	*netBufferList = NULL;
	int rc = list_and_nb_alloc(poolHandle, contextSize, contextBackFill, mdlChain, dataOffset,
		dataLength, netBufferList, __func__);
	if (unlikely(rc != 0))
		return rc == -ENOMEM ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

VOID FwpsFreeNetBufferList0(NET_BUFFER_LIST *netBufferList)
{
	list_free(netBufferList, __func__);
}
