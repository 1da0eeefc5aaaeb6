/* Allocation and free of NBs from NB pools. */
#include "alloc/ndis/internal.h"

/* What an NB's owner leaves alone rests at zero, and must still do so when it is allocated again. */
static COLD void check_rest(const struct nbl_pool *pool, NET_BUFFER *nb)
{
	static const unsigned char rest[offsetof(NET_BUFFER, Next)];

	if (memcmp(nb, rest, sizeof(rest)) == 0)
		return;
	nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, "NB allocation", pool, nb,
		"the NB was written to while it was free");
	memset(nb, 0, sizeof(rest));
}

int ndis_nb_alloc(struct nbl_pool *pool, MDL *chain, ULONG offset, SIZE_T length, NET_BUFFER **out)
{
	struct nbl_thread *self = nbl_self(pool);

	if (unlikely(self == NULL))
		return -ENOMEM;
	int rc = nbl_nb_alloc(pool->ops, pool, self, chain, offset, length, out);
	if (unlikely(pool->checks) && rc == 0)
		check_rest(pool, *out);
	return rc;
}

void ndis_nb_free(struct nbl_pool *pool, NET_BUFFER *nb)
{
	struct nbl_thread *self = nbl_self_sure(pool);

	nbl_nb_free(pool->ops, pool, self, nb);
	nbl_self_done(pool, self);
}

NET_BUFFER *NdisAllocateNetBuffer(
	NDIS_HANDLE PoolHandle, MDL *MdlChain, ULONG DataOffset, SIZE_T DataLength)
{
	struct nbl_pool *pool = ndis_enter(PoolHandle, NBL_POOL_NBS, __func__);
	NET_BUFFER *nb = NULL;

	if (unlikely(pool == NULL))
		return NULL;
	if (pool->data_bytes == 0)
		ndis_nb_alloc(pool, MdlChain, DataOffset, DataLength, &nb);
	nbl_leave(pool);
	return nb;
}

NET_BUFFER *NdisAllocateNetBufferMdlAndData(NDIS_HANDLE PoolHandle)
{
	struct nbl_pool *pool = ndis_enter(PoolHandle, NBL_POOL_NBS, __func__);
	NET_BUFFER *nb = NULL;

	if (unlikely(pool == NULL))
		return NULL;
	if (pool->data_bytes != 0)
		ndis_nb_alloc(pool, NULL, 0, 0, &nb);
	nbl_leave(pool);
	return nb;
}

/* The NB's handle was that of no living pool when it was looked at. */
static COLD void report_no_pool(const NET_BUFFER *nb, const char *call)
{
	const struct nbl_pool *pool = nb ? nb->NdisPoolHandle : NULL;

	if (nbl_pool_valid(pool, NBL_POOL_LISTS))
		nbl_misuse(NBL_MISUSE_EMBEDDED_NB, call, pool, nb,
			"the NB came with an NBL and is freed with it");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nb,
			"its NdisPoolHandle %p is no living NB pool", (const void *)pool);
}

/* The NB has a pool, and is not live there. */
static COLD void report_not_live(
	const struct nbl_pool *pool, const NET_BUFFER *nb, const char *call)
{
	if (*nbl_loose_mark(nb) == nbl_mark(nb, pool, NBL_MARK_FREE))
		nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, nb, "the NB is free already");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, pool, nb,
			"no pool made it, or it is a copy");
}

VOID NdisFreeNetBuffer(NET_BUFFER *NetBuffer)
{
	struct nbl_pool *pool =
		NetBuffer ? nbl_enter(NetBuffer->NdisPoolHandle, NBL_POOL_NBS) : NULL;

	if (unlikely(pool == NULL)) {
		report_no_pool(NetBuffer, __func__);
		return;
	}
	if (likely(*nbl_loose_mark(NetBuffer) == nbl_mark(NetBuffer, pool, NBL_MARK_LIVE)))
		ndis_nb_free(pool, NetBuffer);
	else
		report_not_live(pool, NetBuffer, __func__);
	nbl_leave(pool);
}
