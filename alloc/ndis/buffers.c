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

/* What both allocations come to; with_data: whether the pool has to have data. */
ALWAYS_INLINE NET_BUFFER *nb_alloc_from(
	struct nbl_pool *pool, bool with_data, MDL *chain, ULONG offset, SIZE_T length)
{
	NET_BUFFER *nb = NULL;

	if ((pool->data_bytes != 0) == with_data)
		ndis_nb_alloc(pool, chain, offset, length, &nb);
	return nb;
}

static COLD NET_BUFFER *nb_alloc_guarded(NDIS_HANDLE handle, bool with_data, MDL *chain,
	ULONG offset, SIZE_T length, const char *call)
{
	struct nbl_pool *pool = ndis_enter(handle, NBL_POOL_NBS, call);

	if (pool == NULL)
		return NULL;
	NET_BUFFER *nb = nb_alloc_from(pool, with_data, chain, offset, length);
	nbl_leave(pool);
	return nb;
}

NET_BUFFER *NdisAllocateNetBuffer(
	NDIS_HANDLE PoolHandle, MDL *MdlChain, ULONG DataOffset, SIZE_T DataLength)
{
	if (likely(nbl_pool_plain(PoolHandle, NBL_POOL_NBS)))
		return nb_alloc_from(PoolHandle, false, MdlChain, DataOffset, DataLength);
	return nb_alloc_guarded(PoolHandle, false, MdlChain, DataOffset, DataLength, __func__);
}

NET_BUFFER *NdisAllocateNetBufferMdlAndData(NDIS_HANDLE PoolHandle)
{
	if (likely(nbl_pool_plain(PoolHandle, NBL_POOL_NBS)))
		return nb_alloc_from(PoolHandle, true, NULL, 0, 0);
	return nb_alloc_guarded(PoolHandle, true, NULL, 0, 0, __func__);
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

/* The NB has a pool, and is not live there, by what its mark was met as. */
static COLD void report_not_live(
	const struct nbl_pool *pool, const NET_BUFFER *nb, const void *met, const char *call)
{
	if (met == nbl_loose_mark(nb, pool, NBL_MARK_FREE))
		nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, nb, "the NB is free already");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, pool, nb,
			"no pool made it, or it is a copy");
}

static COLD void nb_free_guarded(NET_BUFFER *nb, const char *call)
{
	struct nbl_pool *pool = nb ? nbl_enter(nb->NdisPoolHandle, NBL_POOL_NBS) : NULL;

	if (pool == NULL) {
		report_no_pool(nb, call);
		return;
	}
	void *met;
	if (!nbl_loose_claim(nb, pool, &met)) {
		report_not_live(pool, nb, met, call);
	} else if (ndis_nb_is_retreated(nb)) {
		const void *mdl = nb->MdlChain;

		nbl_loose_unclaim(nb, pool);
		nbl_misuse(NBL_MISUSE_WRONG_FREE, call, pool, nb,
			"it has the MDL %p of a retreat that no advance has undone", mdl);
	} else {
		ndis_nb_free(pool, nb);
	}
	nbl_leave(pool);
}

VOID NdisFreeNetBuffer(NET_BUFFER *NetBuffer)
{
	NET_BUFFER *nb = NetBuffer;

	if (unlikely(nb == NULL || !nbl_pool_plain(nb->NdisPoolHandle, NBL_POOL_NBS))) {
		nb_free_guarded(nb, __func__);
		return;
	}
	struct nbl_pool *pool = nb->NdisPoolHandle;
	if (likely(nbl_loose_is(nb, pool, NBL_MARK_LIVE)))
		ndis_nb_free(pool, nb);
	else
		report_not_live(pool, nb, atom_load_relaxed(nbl_loose_word(nb)), __func__);
}
