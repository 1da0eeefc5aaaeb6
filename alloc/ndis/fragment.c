/* Fragments and reassembled NBLs; clone.c has how they are made and freed. */
#include "alloc/ndis/internal.h"

NET_BUFFER_LIST *NdisAllocateFragmentNetBufferList(NET_BUFFER_LIST *OriginalNetBufferList,
	NDIS_HANDLE NetBufferListPool, NDIS_HANDLE NetBufferPool, ULONG StartOffset,
	ULONG MaximumLength, ULONG DataOffsetDelta, ULONG DataBackFill, ULONG AllocateFragmentFlags)
{
	const struct ndis_derivation how = {.mark = NBL_MARK_FRAGMENT,
		.start = StartOffset,
		.max_length = MaximumLength,
		.data_offset_delta = DataOffsetDelta,
		.data_back_fill = DataBackFill};
	NET_BUFFER_LIST *nbl = NULL;

	if (MaximumLength != 0 && AllocateFragmentFlags == 0)
		ndis_derive(OriginalNetBufferList, NetBufferListPool, NetBufferPool, &how, &nbl,
			__func__);
	return nbl;
}

VOID NdisFreeFragmentNetBufferList(
	NET_BUFFER_LIST *FragmentNetBufferList, ULONG DataOffsetDelta, ULONG FreeFragmentFlags)
{
	(void)DataOffsetDelta;
	ndis_derived_free(FragmentNetBufferList,
		FreeFragmentFlags == 0 ? NBL_MARK_FRAGMENT : NBL_MARK_NONE, __func__);
}

NET_BUFFER_LIST *NdisAllocateReassembledNetBufferList(NET_BUFFER_LIST *FragmentNetBufferList,
	NDIS_HANDLE NetBufferAndNetBufferListPoolHandle, ULONG StartOffset, ULONG DataOffsetDelta,
	ULONG DataBackFill, ULONG AllocateReassembleFlags)
{
	const struct ndis_derivation how = {.mark = NBL_MARK_REASSEMBLED,
		.start = StartOffset,
		.max_length = UINT32_MAX,
		.data_offset_delta = DataOffsetDelta,
		.data_back_fill = DataBackFill};
	NET_BUFFER_LIST *nbl = NULL;

	if (AllocateReassembleFlags == 0)
		ndis_derive(FragmentNetBufferList, NetBufferAndNetBufferListPoolHandle, NULL, &how,
			&nbl, __func__);
	return nbl;
}

VOID NdisFreeReassembledNetBufferList(
	NET_BUFFER_LIST *ReassembledNetBufferList, ULONG DataOffsetDelta, ULONG FreeReassembleFlags)
{
	(void)DataOffsetDelta;
	ndis_derived_free(ReassembledNetBufferList,
		FreeReassembleFlags == 0 ? NBL_MARK_REASSEMBLED : NBL_MARK_NONE, __func__);
}
