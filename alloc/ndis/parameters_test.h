/* What tests ask of pools, and the pools. */
#ifndef ALLOC_NDIS_PARAMETERS_TEST_H
#define ALLOC_NDIS_PARAMETERS_TEST_H

#include "alloc/ndis/ndis.h"

enum {
	TEST_TAG = 0x74736554,  /* 'Test' */
	OTHER_TAG = 0x7268744f, /* 'Othr' */
	MDLS_TAG = 0x6c644d66,  /* 'fMdl', the library's own of MDLs */
};

static inline NET_BUFFER_LIST_POOL_PARAMETERS list_parameters(
	BOOLEAN with_nb, ULONG data_bytes, USHORT context_bytes)
{
	return (NET_BUFFER_LIST_POOL_PARAMETERS){
		.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
			.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
			.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
		.fAllocateNetBuffer = with_nb,
		.ContextSize = context_bytes,
		.PoolTag = TEST_TAG,
		.DataSize = data_bytes,
	};
}

/* NULL if the pool cannot be made. */
static inline NDIS_HANDLE try_list_pool(BOOLEAN with_nb, ULONG data_bytes, USHORT context_bytes)
{
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(with_nb, data_bytes, context_bytes);

	return NdisAllocateNetBufferListPool(NULL, &p);
}

static inline NET_BUFFER_POOL_PARAMETERS nb_parameters(ULONG data_bytes)
{
	return (NET_BUFFER_POOL_PARAMETERS){
		.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
			.Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_1,
			.Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
		.PoolTag = TEST_TAG,
		.DataSize = data_bytes,
	};
}

static inline NDIS_HANDLE try_nb_pool(ULONG data_bytes)
{
	NET_BUFFER_POOL_PARAMETERS p = nb_parameters(data_bytes);

	return NdisAllocateNetBufferPool(NULL, &p);
}

#endif
