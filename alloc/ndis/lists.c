/* Allocation and free of NBLs: the NDIS and the WFP names. */
#include "alloc/ndis/usual.h"

/* nbl_alloc with the pool's tables. */
static int list_alloc(struct nbl_pool *pool, uint32_t context, uint32_t backfill, MDL *chain,
	ULONG offset, SIZE_T length, NET_BUFFER_LIST **out)
{
	struct nbl_thread *self = nbl_self(pool);

	if (unlikely(self == NULL))
		return -ENOMEM;
	if (unlikely(self->taken != NULL)) {
		pool->ops->put(pool->pool, self->pool_thread, self->taken);
		self->taken = NULL;
	}
	return nbl_alloc(
		pool->ops, pool->policy, pool, self, context, backfill, chain, offset, length, out);
}

/* list_alloc from a pool that is guarded, or the report that there is none. */
static COLD int list_alloc_guarded(NDIS_HANDLE handle, uint32_t context, uint32_t backfill,
	MDL *chain, ULONG offset, SIZE_T length, NET_BUFFER_LIST **out, bool with_nb,
	const char *call)
{
	struct nbl_pool *pool = ndis_enter(handle, NBL_POOL_LISTS, call);
	int rc = -EINVAL;

	if (pool == NULL)
		return rc;
	if (!with_nb || (pool->with_nb && pool->data_bytes == 0))
		rc = list_alloc(pool, context, backfill, chain, offset, length, out);
	nbl_leave(pool);
	return rc;
}

/* With the rule that the data must be the caller's: a pool with NB and without data. */
static int list_and_nb_alloc(NDIS_HANDLE handle, uint32_t context, uint32_t backfill, MDL *chain,
	ULONG offset, SIZE_T length, NET_BUFFER_LIST **out, const char *call)
{
	struct nbl_pool *pool = handle;

	if (unlikely(!nbl_pool_plain(handle, NBL_POOL_LISTS)))
		return list_alloc_guarded(
			handle, context, backfill, chain, offset, length, out, true, call);
	if (unlikely(!pool->with_nb || pool->data_bytes != 0))
		return -EINVAL;
	return list_alloc(pool, context, backfill, chain, offset, length, out);
}

ALWAYS_INLINE void list_free_to(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, const char *call)
{
	struct nbl_thread *self = nbl_self_sure(pool);

	nbl_free(pool->ops, pool->policy, pool, self, nbl, NBL_MARK_LIVE, call);
	nbl_self_done(pool, self);
}

/*
 * Frees an NBL of a pool that checks everything, unless clones count on it or a retreat's MDL would
 * be lost. With references on it the NBL stays; the last dereference comes here again.
 */
static void list_free_checked(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, const char *call)
{
	if (!nbl_claim_free(pool, nbl, NBL_MARK_LIVE, call))
		return;
	const int32_t children = ndis_children(nbl);
	const NET_BUFFER *nb = pool->with_nb ? nbl_embedded_nb(nbl) : NULL;
	const void *retreated = nb != NULL && ndis_nb_is_retreated(nb) ? nb->MdlChain : NULL;
	if (children <= 0 && retreated == NULL) {
		struct nbl_thread *self = nbl_self_sure(pool);

		nbl_free_claimed(self, nbl, NBL_MARK_LIVE);
		nbl_self_done(pool, self);
		return;
	}
	nbl_unclaim_free(pool, nbl, NBL_MARK_LIVE);
	if (children > 0)
		ndis_report_children(pool, nbl, children, call);
	else
		nbl_misuse(NBL_MISUSE_WRONG_FREE, call, pool, nbl,
			"its NB has the MDL %p of a retreat that no advance has undone", retreated);
}

static COLD void list_free_guarded(NET_BUFFER_LIST *nbl, const char *call)
{
	struct nbl_pool *pool = nbl_enter_to_free(nbl, call);

	if (pool == NULL)
		return;
	if (pool->checks)
		list_free_checked(pool, nbl, call);
	else
		list_free_to(pool, nbl, call);
	nbl_leave(pool);
}

void ndis_list_free(NET_BUFFER_LIST *nbl, const char *call)
{
	if (nbl_is_of_plain(nbl))
		list_free_to(nbl->NdisPoolHandle, nbl, call);
	else
		list_free_guarded(nbl, call);
}

NET_BUFFER_LIST *NdisAllocateNetBufferList(
	NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill)
{
	NET_BUFFER_LIST *nbl = NULL;

	if (likely(nbl_pool_plain(PoolHandle, NBL_POOL_LISTS)))
		list_alloc(PoolHandle, ContextSize, ContextBackFill, NULL, 0, 0, &nbl);
	else
		list_alloc_guarded(PoolHandle, ContextSize, ContextBackFill, NULL, 0, 0, &nbl,
			false, __func__);
	return nbl;
}

static NOINLINE NET_BUFFER_LIST *ndis_alloc(NDIS_HANDLE handle, uint32_t context, uint32_t backfill,
	MDL *chain, ULONG offset, SIZE_T length)
{
	NET_BUFFER_LIST *nbl = NULL;

	list_and_nb_alloc(handle, context, backfill, chain, offset, length, &nbl,
		"NdisAllocateNetBufferAndNetBufferList");
	return nbl;
}

NET_BUFFER_LIST *NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize,
	USHORT ContextBackFill, MDL *MdlChain, ULONG DataOffset, SIZE_T DataLength)
{
	NET_BUFFER_LIST *nbl = usual_alloc(
		PoolHandle, ContextSize, ContextBackFill, MdlChain, DataOffset, DataLength);

	if (unlikely(nbl == NULL))
		return ndis_alloc(
			PoolHandle, ContextSize, ContextBackFill, MdlChain, DataOffset, DataLength);
	return nbl;
}

VOID NdisFreeNetBufferList(NET_BUFFER_LIST *NetBufferList)
{
	if (unlikely(!usual_free(NetBufferList)))
		ndis_list_free(NetBufferList, __func__);
}

static NOINLINE NTSTATUS fwps_alloc(NDIS_HANDLE handle, uint32_t context, uint32_t backfill,
	MDL *chain, ULONG offset, SIZE_T length, NET_BUFFER_LIST **out)
{
	if (out == NULL)
		return STATUS_INVALID_PARAMETER;
	*out = NULL;
	int rc = list_and_nb_alloc(handle, context, backfill, chain, offset, length, out,
		"FwpsAllocateNetBufferAndNetBufferList0");
	if (unlikely(rc != 0))
		return rc == -ENOMEM ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

NTSTATUS FwpsAllocateNetBufferAndNetBufferList0(NDIS_HANDLE poolHandle, UINT16 contextSize,
	UINT16 contextBackFill, MDL *mdlChain, ULONG dataOffset, SIZE_T dataLength,
	NET_BUFFER_LIST **netBufferList)
{
	NET_BUFFER_LIST *nbl = NULL;

	if (likely(netBufferList != NULL))
		nbl = usual_alloc(
			poolHandle, contextSize, contextBackFill, mdlChain, dataOffset, dataLength);
	if (unlikely(nbl == NULL))
		return fwps_alloc(poolHandle, contextSize, contextBackFill, mdlChain, dataOffset,
			dataLength, netBufferList);
	*netBufferList = nbl;
	return STATUS_SUCCESS;
}

VOID FwpsFreeNetBufferList0(NET_BUFFER_LIST *netBufferList)
{
	if (unlikely(!usual_free(netBufferList)))
		ndis_list_free(netBufferList, __func__);
}
