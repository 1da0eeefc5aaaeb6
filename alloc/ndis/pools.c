/* NdisAllocateNetBufferListPool, NdisAllocateNetBufferPool and their frees. */
#include "alloc/ndis/internal.h"

enum { FIRST_REVISION_WITH_FLAGS = 2 };

/* What the two kinds of parameters have in common. size_1, size_2: what the revisions require. */
static bool header_valid(const NDIS_OBJECT_HEADER *header, size_t size_1, size_t size_2)
{
	size_t size = header->Revision >= FIRST_REVISION_WITH_FLAGS ? size_2 : size_1;

	return header->Type == NDIS_OBJECT_TYPE_DEFAULT && header->Revision != 0 &&
	       header->Size >= size;
}

/* Flags are read where the revision has them. False: one is not known. */
static bool read_flags(
	const NDIS_OBJECT_HEADER *header, const ULONG *flags, struct nbl_pool_config *config)
{
	ULONG set = header->Revision >= FIRST_REVISION_WITH_FLAGS ? *flags : 0;

	config->verify = (set & NET_BUFFER_LIST_POOL_FLAG_VERIFY) != 0;
	return (set & ~(ULONG)NET_BUFFER_LIST_POOL_FLAG_VERIFY) == 0;
}

_Static_assert(NET_BUFFER_LIST_POOL_FLAG_VERIFY == NET_BUFFER_POOL_FLAG_VERIFY, "one reader");

/* Huge pages beyond the first 2 MiB, where the kernel gives them. */
static NDIS_HANDLE create(struct nbl_pool_config *config)
{
	struct nbl_pool *pool;

	config->pages = MEMORY_PAGES_GROWING;
	return nbl_pool_create(config, &pool) == 0 ? pool : NULL;
}

NDIS_HANDLE NdisAllocateNetBufferListPool(
	NDIS_HANDLE NdisHandle, const NET_BUFFER_LIST_POOL_PARAMETERS *Parameters)
{
	const NET_BUFFER_LIST_POOL_PARAMETERS *p = Parameters;

	(void)NdisHandle;
	if (p == NULL ||
		!header_valid(&p->Header, NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
			NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2))
		return NULL;
	struct nbl_pool_config config = {
		.kind = NBL_POOL_LISTS,
		.context_bytes = p->ContextSize,
		.data_bytes = p->DataSize,
		.tag = p->PoolTag ? p->PoolTag : (ULONG)NDIS_TAG_DEFAULT,
		.protocol_id = p->ProtocolId,
		.with_nb = p->fAllocateNetBuffer != FALSE,
	};
	return read_flags(&p->Header, &p->Flags, &config) ? create(&config) : NULL;
}

VOID NdisFreeNetBufferListPool(NDIS_HANDLE PoolHandle)
{
	nbl_pool_destroy(PoolHandle, NBL_POOL_LISTS, __func__);
}

NDIS_HANDLE NdisAllocateNetBufferPool(
	NDIS_HANDLE NdisHandle, const NET_BUFFER_POOL_PARAMETERS *Parameters)
{
	const NET_BUFFER_POOL_PARAMETERS *p = Parameters;

	(void)NdisHandle;
	if (p == NULL ||
		!header_valid(&p->Header, NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1,
			NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2))
		return NULL;
	struct nbl_pool_config config = {
		.kind = NBL_POOL_NBS,
		.data_bytes = p->DataSize,
		.tag = p->PoolTag ? p->PoolTag : (ULONG)NDIS_TAG_DEFAULT,
	};
	return read_flags(&p->Header, &p->Flags, &config) ? create(&config) : NULL;
}

VOID NdisFreeNetBufferPool(NDIS_HANDLE PoolHandle)
{
	nbl_pool_destroy(PoolHandle, NBL_POOL_NBS, __func__);
}
