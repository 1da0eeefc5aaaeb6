/* Copies of the info slots (out-of-band data) from NBL to NBL. */
#include "alloc/ndis/internal.h"

/* What both directions carry. NDIS has private slots besides; there are none here. */
#define SLOTS_OF_BOTH                                                                         \
	TcpIpChecksumNetBufferListInfo, IPsecOffloadV1NetBufferListInfo,                      \
		TcpLargeSendNetBufferListInfo, /* TcpReceiveNoPush */                         \
		Ieee8021QNetBufferListInfo, MediaSpecificInformation,                         \
		NetBufferListProtocolId, /* NetBufferListFrameType */                         \
		IPsecOffloadV2TunnelNetBufferListInfo, IPsecOffloadV2HeaderNetBufferListInfo, \
		VirtualSubnetInfo, NetBufferListFilteringInfo

static void copy_slots(NET_BUFFER_LIST *to, const NET_BUFFER_LIST *from,
	const NDIS_NET_BUFFER_LIST_INFO *slots, size_t n, const char *call)
{
	if (nbl_pool_of(to, call) == NULL || nbl_pool_of(from, call) == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		to->NetBufferListInfo[slots[i]] = from->NetBufferListInfo[slots[i]];
}

VOID NdisCopySendNetBufferListInfo(
	NET_BUFFER_LIST *DestNetBufferList, NET_BUFFER_LIST *SrcNetBufferList)
{
	static const NDIS_NET_BUFFER_LIST_INFO slots[] = {SLOTS_OF_BOTH, NetBufferListCancelId};

	copy_slots(DestNetBufferList, SrcNetBufferList, slots, array_count(slots), __func__);
}

VOID NdisCopyReceiveNetBufferListInfo(
	NET_BUFFER_LIST *DestNetBufferList, NET_BUFFER_LIST *SrcNetBufferList)
{
	static const NDIS_NET_BUFFER_LIST_INFO slots[] = {
		SLOTS_OF_BOTH, NetBufferListHashValue, NetBufferListHashInfo};

	copy_slots(DestNetBufferList, SrcNetBufferList, slots, array_count(slots), __func__);
}
