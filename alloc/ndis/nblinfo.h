/*
 * What some slots of NetBufferListInfo[] hold (out-of-band data). Nothing here reads or writes the
 * slots but to copy them from NBL to NBL: what they mean is between drivers.
 *
 * A slot is one PVOID, and its structure lies in the slot itself: read it by assigning the slot to
 * Value, or through a pointer to the slot.
 */
#ifndef ALLOC_NDIS_NBLINFO_H
#define ALLOC_NDIS_NBLINFO_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Checksums. The reference declares these two within the structure; C++ wants a name for them.
 */

/* Of a packet to send: what it is, and which checksums the hardware is to fill in. */
struct nbl_checksum_transmit {
	ULONG IsIPv4 : 1;
	ULONG IsIPv6 : 1;
	ULONG TcpChecksum : 1;
	ULONG UdpChecksum : 1;
	ULONG IpHeaderChecksum : 1;
	ULONG Reserved : 11;
	ULONG TcpHeaderOffset : 10; /* bytes from the start of the packet */
};

/* Of a received packet: which checksums the hardware has verified. */
struct nbl_checksum_receive {
	ULONG TcpChecksumFailed : 1;
	ULONG UdpChecksumFailed : 1;
	ULONG IpChecksumFailed : 1;
	ULONG TcpChecksumSucceeded : 1;
	ULONG UdpChecksumSucceeded : 1;
	ULONG IpChecksumSucceeded : 1;
	ULONG Loopback : 1;
	ULONG TcpChecksumValueInvalid : 1;
	ULONG IpChecksumValueInvalid : 1;
};

/*
 * In the slot TcpIpChecksumNetBufferListInfo. Source: NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO.
 */
typedef struct _NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO {
	union {
		struct nbl_checksum_transmit Transmit;
		struct nbl_checksum_receive Receive;
		PVOID Value;
	};
} NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO, *PNDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO;

/*
 * Segmentation.
 */

/* Type and IPVersion of the structures below. Source: NDIS_TCP_LARGE_SEND_OFFLOAD_.... */
#define NDIS_TCP_LARGE_SEND_OFFLOAD_V1_TYPE 0
#define NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE 1
#define NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4    0
#define NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6    1
#define NDIS_UDP_SEGMENTATION_OFFLOAD_IPV4  0
#define NDIS_UDP_SEGMENTATION_OFFLOAD_IPV6  1

/* Either version of a large send: only Type can be read. */
struct nbl_large_send {
	ULONG Unused : 30;
	ULONG Type : 1;
	ULONG Reserved2 : 1;
};

/* A large send of version 1. */
struct nbl_large_send_v1 {
	ULONG MSS : 20;             /* bytes of payload of each segment */
	ULONG TcpHeaderOffset : 10; /* bytes from the start of the packet */
	ULONG Type : 1;
	ULONG Reserved2 : 1;
};

/* A large send of version 1 that has been sent. */
struct nbl_large_send_v1_complete {
	ULONG TcpPayload : 30; /* bytes of it that were sent */
	ULONG Type : 1;
	ULONG Reserved2 : 1;
};

/* A large send of version 2. */
struct nbl_large_send_v2 {
	ULONG MSS : 20;             /* bytes of payload of each segment */
	ULONG TcpHeaderOffset : 10; /* bytes from the start of the packet */
	ULONG Type : 1;
	ULONG IPVersion : 1;
};

/* A large send of version 2 that has been sent. */
struct nbl_large_send_v2_complete {
	ULONG Reserved : 30;
	ULONG Type : 1;
	ULONG Reserved2 : 1;
};

/*
 * In the slot TcpLargeSendNetBufferListInfo.
 * Source: NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO.
 */
typedef struct _NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO {
	union {
		struct nbl_large_send Transmit;
		struct nbl_large_send_v1 LsoV1Transmit;
		struct nbl_large_send_v1_complete LsoV1TransmitComplete;
		struct nbl_large_send_v2 LsoV2Transmit;
		struct nbl_large_send_v2_complete LsoV2TransmitComplete;
		PVOID Value;
	};
} NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO,
	*PNDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO;

/* A large send of UDP. */
struct nbl_udp_segmentation {
	ULONG MSS : 20;             /* bytes of payload of each datagram */
	ULONG UdpHeaderOffset : 10; /* bytes from the start of the packet */
	ULONG Reserved : 1;
	ULONG IPVersion : 1;
};

/*
 * In the slot UdpSegmentationOffloadInfo.
 * Source: NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO.
 */
typedef struct _NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO {
	union {
		struct nbl_udp_segmentation Transmit;
		PVOID Value;
	};
} NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO,
	*PNDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO;

/* What a coalesced packet was made of. */
struct nbl_coalesced {
	USHORT CoalescedSegCount;
	USHORT DupAckCount;
};

/* In the slot TcpRecvSegCoalesceInfo. Source: NDIS_RSC_NBL_INFO. */
typedef union _NDIS_RSC_NBL_INFO {
	struct nbl_coalesced Info;
	PVOID Value;
} NDIS_RSC_NBL_INFO, *PNDIS_RSC_NBL_INFO;

/*
 * Both counts as lvalues.
 * Source: NET_BUFFER_LIST_COALESCED_SEG_COUNT, NET_BUFFER_LIST_DUP_ACK_COUNT.
 */
#define NET_BUFFER_LIST_COALESCED_SEG_COUNT(nbl)                                  \
	(((PNDIS_RSC_NBL_INFO)&NET_BUFFER_LIST_INFO(nbl, TcpRecvSegCoalesceInfo)) \
			->Info.CoalescedSegCount)
#define NET_BUFFER_LIST_DUP_ACK_COUNT(nbl) \
	(((PNDIS_RSC_NBL_INFO)&NET_BUFFER_LIST_INFO(nbl, TcpRecvSegCoalesceInfo))->Info.DupAckCount)

/*
 * 802.1Q.
 */

/* The tag of an Ethernet frame. */
struct nbl_tag_header {
	UINT32 UserPriority : 3;
	UINT32 CanonicalFormatId : 1;
	UINT32 VlanId : 12;
	UINT32 Reserved : 16;
};

/* The tag of a wireless frame. */
struct nbl_wlan_tag_header {
	UINT32 UserPriority : 3;
	UINT32 CanonicalFormatId : 1;
	UINT32 VlanId : 12;
	UINT32 WMMInfo : 4;
	UINT32 Reserved : 12;
};

/* In the slot Ieee8021QNetBufferListInfo. Source: NDIS_NET_BUFFER_LIST_8021Q_INFO. */
typedef struct _NDIS_NET_BUFFER_LIST_8021Q_INFO {
	union {
		struct nbl_tag_header TagHeader;
		struct nbl_wlan_tag_header WLanTagHeader;
		PVOID Value;
	};
} NDIS_NET_BUFFER_LIST_8021Q_INFO, *PNDIS_NET_BUFFER_LIST_8021Q_INFO;

/*
 * The receive hash. The slot NetBufferListHashInfo has the function in its lowest byte and the type
 * in the two above.
 */

/* The bits of each. Source: NET_BUFFER_LIST_SET_HASH_TYPE, NET_BUFFER_LIST_SET_HASH_FUNCTION. */
#define NDIS_HASH_FUNCTION_MASK 0x000000FF
#define NDIS_HASH_TYPE_MASK     0x00FFFF00

/* The low 32 bits of a slot; the others are cleared when it is set. */
#define NBL_INFO_ULONG(nbl, id) ((ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, id))
#define NBL_INFO_SET_ULONG(nbl, id, value) \
	(NET_BUFFER_LIST_INFO(nbl, id) = (PVOID)(ULONG_PTR)(ULONG)(value))

/*
 * The hash, its type and its function. Setting one of the latter leaves the other as it is.
 * Source: the pages of the same names.
 */
#define NET_BUFFER_LIST_GET_HASH_VALUE(nbl) NBL_INFO_ULONG(nbl, NetBufferListHashValue)
#define NET_BUFFER_LIST_SET_HASH_VALUE(nbl, value) \
	NBL_INFO_SET_ULONG(nbl, NetBufferListHashValue, value)
#define NET_BUFFER_LIST_GET_HASH_TYPE(nbl) \
	(NBL_INFO_ULONG(nbl, NetBufferListHashInfo) & NDIS_HASH_TYPE_MASK)
#define NET_BUFFER_LIST_SET_HASH_TYPE(nbl, type)                                             \
	NBL_INFO_SET_ULONG(nbl, NetBufferListHashInfo,                                       \
		(NBL_INFO_ULONG(nbl, NetBufferListHashInfo) & ~(ULONG)NDIS_HASH_TYPE_MASK) | \
			((ULONG)(type)&NDIS_HASH_TYPE_MASK))
#define NET_BUFFER_LIST_GET_HASH_FUNCTION(nbl) \
	(NBL_INFO_ULONG(nbl, NetBufferListHashInfo) & NDIS_HASH_FUNCTION_MASK)
#define NET_BUFFER_LIST_SET_HASH_FUNCTION(nbl, function)                                         \
	NBL_INFO_SET_ULONG(nbl, NetBufferListHashInfo,                                           \
		(NBL_INFO_ULONG(nbl, NetBufferListHashInfo) & ~(ULONG)NDIS_HASH_FUNCTION_MASK) | \
			((ULONG)(function)&NDIS_HASH_FUNCTION_MASK))

/*
 * The switch.
 */

/* C++ has anonymous structures as an extension only; the reference's declaration needs one. */
#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnested-anon-types"
#endif

/*
 * In the slot SwitchForwardingDetail: where a packet in the extensible switch came from, and how far
 * its bytes can be trusted. Source: NDIS_SWITCH_FORWARDING_DETAIL_NET_BUFFER_LIST_INFO.
 */
typedef union _NDIS_SWITCH_FORWARDING_DETAIL_NET_BUFFER_LIST_INFO {
	UINT64 AsUINT64;
	__extension__ struct {
		UINT32 NumAvailableDestinations : 16;
		UINT32 SourcePortId : 16;
		UINT32 SourceNicIndex : 8;
		UINT32 NativeForwardingRequired : 1;
		UINT32 Reserved1 : 1;
		UINT32 IsPacketDataSafe : 1;
		UINT32 SafePacketDataSize : 12; /* bytes */
		UINT32 IsPacketDataUncached : 1;
		UINT32 IsSafePacketDataUncached : 1;
		UINT32 Reserved2 : 7;
	};
} NDIS_SWITCH_FORWARDING_DETAIL_NET_BUFFER_LIST_INFO,
	*PNDIS_SWITCH_FORWARDING_DETAIL_NET_BUFFER_LIST_INFO;

#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic pop
#endif

/* The address of that slot. Source: NET_BUFFER_LIST_SWITCH_FORWARDING_DETAIL. */
#define NET_BUFFER_LIST_SWITCH_FORWARDING_DETAIL(nbl)                                 \
	((PNDIS_SWITCH_FORWARDING_DETAIL_NET_BUFFER_LIST_INFO)(&NET_BUFFER_LIST_INFO( \
		nbl, SwitchForwardingDetail)))

/*
 * Cancelling.
 */

/*
 * The id that a send can be cancelled by.
 * Source: NDIS_GET_NET_BUFFER_LIST_CANCEL_ID, NDIS_SET_NET_BUFFER_LIST_CANCEL_ID.
 */
#define NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl) NET_BUFFER_LIST_INFO(nbl, NetBufferListCancelId)
#define NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(nbl, id) \
	(NET_BUFFER_LIST_INFO(nbl, NetBufferListCancelId) = (id))

#ifdef __cplusplus
}
#endif

#endif
