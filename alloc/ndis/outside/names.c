/*
 * Every documented name that the headers promise, used as its page declares it: the calls through
 * pointers of the documented type, the members with their types, the macros in expressions, the
 * values of the constants. In the common part of C11 and C++17; compiling and linking it is the
 * test, running it checks what can only be checked then.
 */
#include <fwpsk.h>
#include <ndis.h>

#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
#define ASSERT_STATIC(x) static_assert(x, #x)
#else
#define ASSERT_STATIC(x) _Static_assert(x, #x)
#endif

/* In C a pointer to another type is a warning, which is an error here; in C++ it always is one. */
#define SAME_TYPE(lvalue, type)          \
	do {                             \
		type *same_ = &(lvalue); \
		(void)same_;             \
	} while (0)

/*
 * Types and constants.
 */

ASSERT_STATIC(sizeof(ULONG) == 4 && sizeof(LONG) == 4 && sizeof(UINT) == 4);
ASSERT_STATIC(sizeof(USHORT) == 2 && sizeof(UCHAR) == 1 && sizeof(BOOLEAN) == 1);
ASSERT_STATIC(sizeof(NDIS_STATUS) == 4 && sizeof(NTSTATUS) == 4);
ASSERT_STATIC(sizeof(SIZE_T) == sizeof(void *) && sizeof(NDIS_HANDLE) == sizeof(void *));
ASSERT_STATIC(sizeof(UINT16) == 2 && sizeof(UINT32) == 4 && sizeof(UINT64) == 8);
ASSERT_STATIC((ULONG)-1 > 0 && (LONG)-1 < 0 && (NDIS_STATUS)-1 < 0 && (NTSTATUS)-1 < 0);

ASSERT_STATIC((ULONG)NDIS_STATUS_SUCCESS == 0);
ASSERT_STATIC((ULONG)NDIS_STATUS_FAILURE == 0xC0000001);
ASSERT_STATIC((ULONG)NDIS_STATUS_RESOURCES == 0xC000009A);
ASSERT_STATIC((ULONG)STATUS_SUCCESS == 0);
ASSERT_STATIC((ULONG)STATUS_INSUFFICIENT_RESOURCES == 0xC000009A);
ASSERT_STATIC((ULONG)STATUS_NO_MEMORY == 0xC0000017);
ASSERT_STATIC((ULONG)STATUS_INVALID_PARAMETER == 0xC000000D);
ASSERT_STATIC(NT_SUCCESS(STATUS_SUCCESS) && !NT_SUCCESS(STATUS_NO_MEMORY));

ASSERT_STATIC(MEMORY_ALLOCATION_ALIGNMENT == 16);
ASSERT_STATIC(NDIS_OBJECT_TYPE_DEFAULT == 0x80);
ASSERT_STATIC(NDIS_PROTOCOL_ID_DEFAULT == 0 && NDIS_PROTOCOL_ID_TCP_IP == 2);
ASSERT_STATIC(NDIS_PROTOCOL_ID_IPX == 6 && NDIS_PROTOCOL_ID_NBF == 7);
ASSERT_STATIC(NDIS_PROTOCOL_ID_MAX == 0x0F && NDIS_PROTOCOL_ID_MASK == 0x0F);
ASSERT_STATIC(NET_BUFFER_LIST_POOL_FLAG_VERIFY == 1 && NET_BUFFER_POOL_FLAG_VERIFY == 1);
ASSERT_STATIC(NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS == 2);
ASSERT_STATIC(NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 == 1);
ASSERT_STATIC(NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2 == 2);
ASSERT_STATIC(NET_BUFFER_POOL_PARAMETERS_REVISION_1 == 1);
ASSERT_STATIC(NET_BUFFER_POOL_PARAMETERS_REVISION_2 == 2);
ASSERT_STATIC(NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 == 16);
ASSERT_STATIC(NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2 == 20);
ASSERT_STATIC(NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1 == 12);
ASSERT_STATIC(NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2 == 16);
ASSERT_STATIC(sizeof(NET_BUFFER_LIST_CONTEXT) == 16);
ASSERT_STATIC(offsetof(NET_BUFFER_LIST_CONTEXT, Size) == 8);
ASSERT_STATIC(offsetof(NET_BUFFER_LIST_CONTEXT, Offset) == 10);
ASSERT_STATIC(offsetof(NET_BUFFER_LIST_CONTEXT, ContextData) == 12);
ASSERT_STATIC(offsetof(NET_BUFFER_LIST, Link) % 16 == 0);
ASSERT_STATIC(NetBufferListProtocolId == NetBufferListFrameType);
ASSERT_STATIC(TRUE == 1 && FALSE == 0);
ASSERT_STATIC(sizeof(MDL) == 48);
ASSERT_STATIC(sizeof(LARGE_INTEGER) == 8 && offsetof(LARGE_INTEGER, HighPart) == 4);
ASSERT_STATIC(offsetof(LARGE_INTEGER, LowPart) == 0 && offsetof(LARGE_INTEGER, u.HighPart) == 4);

/* The slots, by the numbers that they have on 64-bit systems. */
ASSERT_STATIC(TcpIpChecksumNetBufferListInfo == 0 && TcpOffloadBytesTransferred == 0);
ASSERT_STATIC(IPsecOffloadV1NetBufferListInfo == 1 && IPsecOffloadV2NetBufferListInfo == 1);
ASSERT_STATIC(TcpLargeSendNetBufferListInfo == 2 && TcpReceiveNoPush == 2);
ASSERT_STATIC(ClassificationHandleNetBufferListInfo == 3 && Ieee8021QNetBufferListInfo == 4);
ASSERT_STATIC(NetBufferListCancelId == 5 && MediaSpecificInformation == 6);
ASSERT_STATIC(NetBufferListFrameType == 7 && NetBufferListProtocolId == 7);
ASSERT_STATIC(NetBufferListHashValue == 8 && NetBufferListHashInfo == 9);
ASSERT_STATIC(WfpNetBufferListInfo == 10 && IPsecOffloadV2TunnelNetBufferListInfo == 11);
ASSERT_STATIC(IPsecOffloadV2HeaderNetBufferListInfo == 12 && NetBufferListCorrelationId == 13);
ASSERT_STATIC(NetBufferListFilteringInfo == 14 && MediaSpecificInformationEx == 15);
ASSERT_STATIC(NblOriginalInterfaceIfIndex == 16 && NblReAuthWfpFlowContext == 16);
ASSERT_STATIC(TcpReceiveBytesTransferred == 17 && NrtNameResolutionId == 17);
ASSERT_STATIC(UdpRecvSegCoalesceOffloadInfo == 17 && SwitchForwardingReserved == 18);
ASSERT_STATIC(SwitchForwardingDetail == 19 && VirtualSubnetInfo == 20 && IMReserved == 21);
ASSERT_STATIC(TcpRecvSegCoalesceInfo == 22 && UdpSegmentationOffloadInfo == 22);
ASSERT_STATIC(RscTcpTimestampDelta == 23);
ASSERT_STATIC(TcpSendOffloadsSupplementalNetBufferListInfo == 23 && GftOffloadInformation == 24);
ASSERT_STATIC(GftFlowEntryId == 25 && NetBufferListInfoReserved3 == 26);
ASSERT_STATIC(MaxNetBufferListInfo == 27);

ASSERT_STATIC(NBL_FLAGS_PROTOCOL_RESERVED == 0xFFF00003 && NBL_FLAGS_SCRATCH == 0xF0000);
ASSERT_STATIC(NBL_FLAGS_MINIPORT_RESERVED == 0xF000 && NBL_FLAGS_NDIS_RESERVED == 0xFFC);
ASSERT_STATIC((NBL_FLAGS_PROTOCOL_RESERVED ^ NBL_FLAGS_SCRATCH ^ NBL_FLAGS_MINIPORT_RESERVED ^
		      NBL_FLAGS_NDIS_RESERVED) == 0xFFFFFFFF);
ASSERT_STATIC(NBL_PROT_RSVD_FLAGS == NBL_FLAGS_PROTOCOL_RESERVED);
ASSERT_STATIC(NDIS_NBL_FLAGS_SEND_READ_ONLY == 1 && NDIS_NBL_FLAGS_RECV_READ_ONLY == 2);
ASSERT_STATIC(NDIS_NBL_FLAGS_HD_SPLIT == 0x100 && NDIS_NBL_FLAGS_IS_IPV4 == 0x200);
ASSERT_STATIC(NDIS_NBL_FLAGS_IS_IPV6 == 0x400 && NDIS_NBL_FLAGS_IS_TCP == 0x800);
ASSERT_STATIC(NDIS_NBL_FLAGS_IS_UDP == 0x1000);
ASSERT_STATIC(NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_HEADER == 0x2000);
ASSERT_STATIC(NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_PAYLOAD == 0x4000);
ASSERT_STATIC(NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET == 0x8000);
ASSERT_STATIC(NDIS_NBL_FLAGS_CAPTURE_TIMESTAMP_ON_TRANSMIT == 0x10000);
ASSERT_STATIC(MdlMappingNoWrite == 0x80000000 && MdlMappingNoExecute == 0x40000000);
ASSERT_STATIC(MDL_PARTIAL_HAS_BEEN_MAPPED == 0x20);
ASSERT_STATIC(NDIS_HASH_FUNCTION_MASK == 0xFF && NDIS_HASH_TYPE_MASK == 0xFFFF00);
ASSERT_STATIC(NDIS_TCP_LARGE_SEND_OFFLOAD_V1_TYPE == 0 && NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4 == 0);
ASSERT_STATIC(NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE == 1 && NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6 == 1);
ASSERT_STATIC(NDIS_UDP_SEGMENTATION_OFFLOAD_IPV4 == 0 && NDIS_UDP_SEGMENTATION_OFFLOAD_IPV6 == 1);
ASSERT_STATIC(sizeof(NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO) == sizeof(PVOID));
ASSERT_STATIC(sizeof(NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO) == sizeof(PVOID));
ASSERT_STATIC(sizeof(NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO) == sizeof(PVOID));
ASSERT_STATIC(sizeof(NDIS_RSC_NBL_INFO) == sizeof(PVOID));
ASSERT_STATIC(sizeof(NDIS_NET_BUFFER_LIST_8021Q_INFO) == sizeof(PVOID));
ASSERT_STATIC(sizeof(NDIS_SWITCH_FORWARDING_DETAIL_NET_BUFFER_LIST_INFO) == sizeof(PVOID));

/*
 * Calls, with the types of their pages.
 */

static NDIS_HANDLE (*const allocate_list_pool)(
	NDIS_HANDLE, const NET_BUFFER_LIST_POOL_PARAMETERS *) = NdisAllocateNetBufferListPool;
static VOID (*const free_list_pool)(NDIS_HANDLE) = NdisFreeNetBufferListPool;
static NDIS_HANDLE (*const allocate_nb_pool)(
	NDIS_HANDLE, const NET_BUFFER_POOL_PARAMETERS *) = NdisAllocateNetBufferPool;
static VOID (*const free_nb_pool)(NDIS_HANDLE) = NdisFreeNetBufferPool;
static NET_BUFFER_LIST *(*const allocate_list)(
	NDIS_HANDLE, USHORT, USHORT) = NdisAllocateNetBufferList;
static NET_BUFFER_LIST *(*const allocate_both)(
	NDIS_HANDLE, USHORT, USHORT, MDL *, ULONG, SIZE_T) = NdisAllocateNetBufferAndNetBufferList;
static VOID (*const free_list)(NET_BUFFER_LIST *) = NdisFreeNetBufferList;
static NET_BUFFER *(*const allocate_nb)(NDIS_HANDLE, MDL *, ULONG, SIZE_T) = NdisAllocateNetBuffer;
static NET_BUFFER *(*const allocate_nb_and_data)(NDIS_HANDLE) = NdisAllocateNetBufferMdlAndData;
static VOID (*const free_nb)(NET_BUFFER *) = NdisFreeNetBuffer;
static NDIS_STATUS (*const allocate_context)(
	NET_BUFFER_LIST *, USHORT, USHORT, ULONG) = NdisAllocateNetBufferListContext;
static VOID (*const free_context)(NET_BUFFER_LIST *, USHORT) = NdisFreeNetBufferListContext;
static NDIS_STATUS (*const retreat)(NET_BUFFER *, ULONG, ULONG,
	NET_BUFFER_ALLOCATE_MDL_HANDLER) = NdisRetreatNetBufferDataStart;
static VOID (*const advance)(
	NET_BUFFER *, ULONG, BOOLEAN, NET_BUFFER_FREE_MDL_HANDLER) = NdisAdvanceNetBufferDataStart;
static NDIS_STATUS (*const retreat_list)(NET_BUFFER_LIST *, ULONG, ULONG,
	NET_BUFFER_ALLOCATE_MDL_HANDLER,
	NET_BUFFER_FREE_MDL_HANDLER) = NdisRetreatNetBufferListDataStart;
static VOID (*const advance_list)(NET_BUFFER_LIST *, ULONG, BOOLEAN,
	NET_BUFFER_FREE_MDL_HANDLER) = NdisAdvanceNetBufferListDataStart;
static VOID (*const adjust)(NET_BUFFER *) = NdisAdjustNetBufferCurrentMdl;
static PVOID (*const get_data)(NET_BUFFER *, ULONG, PVOID, UINT, UINT) = NdisGetDataBuffer;
static NDIS_STATUS (*const copy)(NET_BUFFER *, ULONG, ULONG, NET_BUFFER const *, ULONG,
	ULONG *) = NdisCopyFromNetBufferToNetBuffer;
static VOID (*const copy_send_info)(
	NET_BUFFER_LIST *, NET_BUFFER_LIST *) = NdisCopySendNetBufferListInfo;
static VOID (*const copy_receive_info)(
	NET_BUFFER_LIST *, NET_BUFFER_LIST *) = NdisCopyReceiveNetBufferListInfo;
static NET_BUFFER_LIST *(*const allocate_clone)(
	NET_BUFFER_LIST *, NDIS_HANDLE, NDIS_HANDLE, ULONG) = NdisAllocateCloneNetBufferList;
static VOID (*const free_clone)(NET_BUFFER_LIST *, ULONG) = NdisFreeCloneNetBufferList;
static NET_BUFFER_LIST *(*const allocate_fragment)(NET_BUFFER_LIST *, NDIS_HANDLE, NDIS_HANDLE,
	ULONG, ULONG, ULONG, ULONG, ULONG) = NdisAllocateFragmentNetBufferList;
static VOID (*const free_fragment)(NET_BUFFER_LIST *, ULONG, ULONG) = NdisFreeFragmentNetBufferList;
static NET_BUFFER_LIST *(*const allocate_reassembled)(NET_BUFFER_LIST *, NDIS_HANDLE, ULONG, ULONG,
	ULONG, ULONG) = NdisAllocateReassembledNetBufferList;
static VOID (*const free_reassembled)(
	NET_BUFFER_LIST *, ULONG, ULONG) = NdisFreeReassembledNetBufferList;
static NTSTATUS (*const fwps_allocate)(NDIS_HANDLE, UINT16, UINT16, MDL *, ULONG, SIZE_T,
	NET_BUFFER_LIST **) = FwpsAllocateNetBufferAndNetBufferList0;
static VOID (*const fwps_free)(NET_BUFFER_LIST *) = FwpsFreeNetBufferList0;
static NTSTATUS (*const fwps_allocate_clone)(NET_BUFFER_LIST *, NDIS_HANDLE, NDIS_HANDLE, ULONG,
	NET_BUFFER_LIST **) = FwpsAllocateCloneNetBufferList0;
static NTSTATUS (*const fwps_allocate_deep_clone)(NET_BUFFER_LIST *, NDIS_HANDLE, NDIS_HANDLE,
	NET_BUFFER_LIST **) = FwpsAllocateDeepCloneNetBufferList0;
static VOID (*const fwps_free_clone)(NET_BUFFER_LIST *, ULONG) = FwpsFreeCloneNetBufferList0;
static VOID (*const fwps_reference)(NET_BUFFER_LIST *, BOOLEAN) = FwpsReferenceNetBufferList0;
static VOID (*const fwps_dereference)(NET_BUFFER_LIST *, BOOLEAN) = FwpsDereferenceNetBufferList0;
static MDL *(*const io_allocate_mdl)(PVOID, ULONG, BOOLEAN, BOOLEAN, PVOID) = IoAllocateMdl;
static VOID (*const io_free_mdl)(MDL *) = IoFreeMdl;
static VOID (*const build_partial_mdl)(MDL *, MDL *, PVOID, ULONG) = IoBuildPartialMdl;
static VOID (*const initialize_mdl)(MDL *, PVOID, SIZE_T) = MmInitializeMdl;
static VOID (*const build_mdl)(MDL *) = MmBuildMdlForNonPagedPool;
static MDL *(*const allocate_mdl)(NDIS_HANDLE, PVOID, UINT) = NdisAllocateMdl;
static VOID (*const free_mdl)(MDL *) = NdisFreeMdl;

/* The version-independent names are the numbered calls. */
static int versions_agree(void)
{
	return FwpsAllocateNetBufferAndNetBufferList == fwps_allocate &&
	       FwpsFreeNetBufferList == fwps_free &&
	       FwpsAllocateCloneNetBufferList == fwps_allocate_clone &&
	       FwpsAllocateDeepCloneNetBufferList == fwps_allocate_deep_clone &&
	       FwpsFreeCloneNetBufferList == fwps_free_clone &&
	       FwpsReferenceNetBufferList == fwps_reference &&
	       FwpsDereferenceNetBufferList == fwps_dereference;
}

/* And those of nblbench.h. */
static int (*const set_pool)(const char *, char *) = nbl_set_default_pool;
static int (*const set_context)(const char *, char *) = nbl_set_default_context;
static int (*const set_alignment)(uint32_t) = nbl_set_context_alignment;
static void (*const set_capacity)(uint32_t) = nbl_set_default_capacity;
static void (*const set_handler)(nbl_misuse_handler, void *) = nbl_set_misuse_handler;
static const char *(*const misuse_name)(enum nbl_misuse_kind) = nbl_misuse_name;
static bool (*const release_defaults)(void) = nbl_release_defaults;
static size_t (*const tags)(struct nbl_tag_usage *, size_t) = nbl_tags;
static void (*const tag_text)(uint32_t, char *) = nbl_tag_text;

/*
 * Members.
 */

static void members_of_list(NET_BUFFER_LIST *nbl)
{
	SAME_TYPE(nbl->Next, NET_BUFFER_LIST *);
	SAME_TYPE(nbl->FirstNetBuffer, NET_BUFFER *);
	SAME_TYPE(nbl->Link, SLIST_HEADER);
	SAME_TYPE(nbl->Context, NET_BUFFER_LIST_CONTEXT *);
	SAME_TYPE(nbl->ParentNetBufferList, NET_BUFFER_LIST *);
	SAME_TYPE(nbl->NdisPoolHandle, NDIS_HANDLE);
	SAME_TYPE(nbl->NdisReserved[1], PVOID);
	SAME_TYPE(nbl->ProtocolReserved[3], PVOID);
	SAME_TYPE(nbl->MiniportReserved[1], PVOID);
	SAME_TYPE(nbl->Scratch, PVOID);
	SAME_TYPE(nbl->SourceHandle, NDIS_HANDLE);
	SAME_TYPE(nbl->NblFlags, ULONG);
	SAME_TYPE(nbl->ChildRefCount, LONG);
	SAME_TYPE(nbl->Flags, ULONG);
	SAME_TYPE(nbl->Status, NDIS_STATUS);
	SAME_TYPE(nbl->NdisReserved2, ULONG);
	SAME_TYPE(nbl->NetBufferListInfo[MaxNetBufferListInfo - 1], PVOID);
}

static void members_of_nb(NET_BUFFER *nb)
{
	SAME_TYPE(nb->Next, NET_BUFFER *);
	SAME_TYPE(nb->CurrentMdl, MDL *);
	SAME_TYPE(nb->CurrentMdlOffset, ULONG);
	SAME_TYPE(nb->DataLength, ULONG);
	SAME_TYPE(nb->stDataLength, SIZE_T);
	SAME_TYPE(nb->MdlChain, MDL *);
	SAME_TYPE(nb->DataOffset, ULONG);
	SAME_TYPE(nb->ChecksumBias, USHORT);
	SAME_TYPE(nb->Reserved, USHORT);
	SAME_TYPE(nb->NdisPoolHandle, NDIS_HANDLE);
	SAME_TYPE(nb->NdisReserved[1], PVOID);
	SAME_TYPE(nb->ProtocolReserved[5], PVOID);
	SAME_TYPE(nb->MiniportReserved[3], PVOID);
	SAME_TYPE(nb->DataPhysicalAddress, NDIS_PHYSICAL_ADDRESS);
	SAME_TYPE(nb->DataPhysicalAddress.QuadPart, LONGLONG);
	SAME_TYPE(nb->DataPhysicalAddress.LowPart, ULONG);
	SAME_TYPE(nb->DataPhysicalAddress.HighPart, LONG);
	SAME_TYPE(nb->DataPhysicalAddress.u.LowPart, ULONG);
	SAME_TYPE(nb->DataPhysicalAddress.u.HighPart, LONG);
	SAME_TYPE(nb->SharedMemoryInfo, NET_BUFFER_SHARED_MEMORY *);
	SAME_TYPE(nb->ScatterGatherList, SCATTER_GATHER_LIST *);
}

static void members_of_others(
	MDL *mdl, NET_BUFFER_LIST_POOL_PARAMETERS *p, NET_BUFFER_POOL_PARAMETERS *n)
{
	SAME_TYPE(mdl->Next, MDL *);
	SAME_TYPE(mdl->Size, SHORT);
	SAME_TYPE(mdl->MdlFlags, SHORT);
	SAME_TYPE(mdl->Process, void *);
	SAME_TYPE(mdl->MappedSystemVa, PVOID);
	SAME_TYPE(mdl->StartVa, PVOID);
	SAME_TYPE(mdl->ByteCount, ULONG);
	SAME_TYPE(mdl->ByteOffset, ULONG);
	SAME_TYPE(p->Header, NDIS_OBJECT_HEADER);
	SAME_TYPE(p->Header.Type, UCHAR);
	SAME_TYPE(p->Header.Revision, UCHAR);
	SAME_TYPE(p->Header.Size, USHORT);
	SAME_TYPE(p->ProtocolId, UCHAR);
	SAME_TYPE(p->fAllocateNetBuffer, BOOLEAN);
	SAME_TYPE(p->ContextSize, USHORT);
	SAME_TYPE(p->PoolTag, ULONG);
	SAME_TYPE(p->DataSize, ULONG);
	SAME_TYPE(p->Flags, ULONG);
	SAME_TYPE(n->Header, NDIS_OBJECT_HEADER);
	SAME_TYPE(n->PoolTag, ULONG);
	SAME_TYPE(n->DataSize, ULONG);
	SAME_TYPE(n->Flags, ULONG);
}

/*
 * Macros: most are lvalues.
 */

static int macros_of_list(NET_BUFFER_LIST *nbl, NDIS_HANDLE pool)
{
	SAME_TYPE(NET_BUFFER_LIST_NEXT_NBL(nbl), NET_BUFFER_LIST *);
	SAME_TYPE(NET_BUFFER_LIST_FIRST_NB(nbl), NET_BUFFER *);
	SAME_TYPE(NET_BUFFER_LIST_FLAGS(nbl), ULONG);
	SAME_TYPE(NET_BUFFER_LIST_NBL_FLAGS(nbl), ULONG);
	SAME_TYPE(NET_BUFFER_LIST_STATUS(nbl), NDIS_STATUS);
	SAME_TYPE(NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo), PVOID);
	SAME_TYPE(NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0], PVOID);
	SAME_TYPE(NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0], PVOID);
	return NET_BUFFER_LIST_CONTEXT_DATA_START(nbl) ==
		       (PUCHAR)nbl->Context + 16 + nbl->Context->Offset &&
	       NET_BUFFER_LIST_CONTEXT_DATA_SIZE(nbl) == nbl->Context->Size &&
	       NdisGetPoolFromNetBufferList(nbl) == pool;
}

static int flags_of_list(NET_BUFFER_LIST *nbl)
{
	const ULONG any = NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_TCP;

	nbl->Flags = 0;
	nbl->NblFlags = 0;
	NdisSetNblFlag(nbl, NDIS_NBL_FLAGS_IS_IPV4);
	int good = nbl->NblFlags == NDIS_NBL_FLAGS_IS_IPV4 && NdisTestNblFlag(nbl, any) &&
		   !NdisTestNblFlags(nbl, any) && nbl->Flags == 0;
	NdisClearNblFlag(nbl, any);
	good = good && nbl->NblFlags == 0 && !NdisTestNblFlag(nbl, any);
	NBL_SET_FLAG(nbl, 0x11000);
	NBL_SET_PROTOCOL_RSVD_FLAG(nbl, 0x100FFF);
	good = good && nbl->Flags == 0x111003 && NBL_TEST_FLAG(nbl, 0x1004) &&
	       !NBL_TEST_FLAGS(nbl, 0x1004) && NBL_TEST_PROTOCOL_RSVD_FLAG(nbl, 0x100000) &&
	       !NBL_TEST_PROT_RSVD_FLAG(nbl, 0x10000) && nbl->NblFlags == 0;
	NBL_CLEAR_PROT_RSVD_FLAG(nbl, NBL_PROT_RSVD_FLAGS | 0x1000);
	good = good && nbl->Flags == 0x11000;
	NBL_SET_PROT_RSVD_FLAG(nbl, 0x1001);
	NBL_CLEAR_PROTOCOL_RSVD_FLAG(nbl, 0x1001);
	NBL_CLEAR_FLAG(nbl, 0x10000);
	return good && nbl->Flags == 0x1000;
}

static int info_of_list(NET_BUFFER_LIST *nbl)
{
	NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO checksum;
	NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large;
	NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO udp;
	NDIS_NET_BUFFER_LIST_8021Q_INFO tag;

	checksum.Value = NULL;
	checksum.Transmit.TcpHeaderOffset = 34;
	checksum.Transmit.TcpChecksum = 1;
	int good = checksum.Value == (PVOID)0x220004;
	checksum.Receive.IpChecksumValueInvalid = 1;
	good = good && checksum.Value == (PVOID)0x220104;
	large.Value = NULL;
	large.LsoV2Transmit.MSS = 1460;
	large.LsoV2Transmit.TcpHeaderOffset = 54;
	large.LsoV2Transmit.IPVersion = NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6;
	good = good && large.Value == (PVOID)0x836005B4 && large.LsoV1Transmit.MSS == 1460 &&
	       large.Transmit.Type == 0 && large.LsoV1TransmitComplete.Type == 0 &&
	       large.LsoV2TransmitComplete.Type == 0;
	udp.Value = NULL;
	udp.Transmit.UdpHeaderOffset = 1;
	good = good && udp.Value == (PVOID)0x100000;
	tag.Value = NULL;
	tag.TagHeader.VlanId = 0xABC;
	tag.TagHeader.UserPriority = 5;
	tag.WLanTagHeader.WMMInfo = 3;
	good = good && tag.Value == (PVOID)0x3ABC5;

	NET_BUFFER_LIST_SWITCH_FORWARDING_DETAIL(nbl)->SourcePortId = 0x1234;
	NET_BUFFER_LIST_SWITCH_FORWARDING_DETAIL(nbl)->IsPacketDataSafe = 1;
	good = good &&
	       NET_BUFFER_LIST_INFO(nbl, SwitchForwardingDetail) == (PVOID)0x0000040012340000 &&
	       NET_BUFFER_LIST_SWITCH_FORWARDING_DETAIL(nbl)->AsUINT64 == 0x0000040012340000;
	NET_BUFFER_LIST_COALESCED_SEG_COUNT(nbl) = 7;
	NET_BUFFER_LIST_DUP_ACK_COUNT(nbl) = 2;
	good = good && NET_BUFFER_LIST_INFO(nbl, TcpRecvSegCoalesceInfo) == (PVOID)0x20007;
	NET_BUFFER_LIST_SET_HASH_VALUE(nbl, 0x87654321);
	NET_BUFFER_LIST_SET_HASH_FUNCTION(nbl, 0xFFFFFF02);
	NET_BUFFER_LIST_SET_HASH_TYPE(nbl, 0xFF000401);
	NET_BUFFER_LIST_SET_HASH_FUNCTION(nbl, 1);
	good = good && NET_BUFFER_LIST_GET_HASH_VALUE(nbl) == 0x87654321 &&
	       NET_BUFFER_LIST_INFO(nbl, NetBufferListHashValue) == (PVOID)0x87654321 &&
	       NET_BUFFER_LIST_INFO(nbl, NetBufferListHashInfo) == (PVOID)0x401 &&
	       NET_BUFFER_LIST_GET_HASH_TYPE(nbl) == 0x400 &&
	       NET_BUFFER_LIST_GET_HASH_FUNCTION(nbl) == 1;
	NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(nbl, nbl);
	return good && NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl) == (PVOID)nbl;
}

static int macros_of_nb(NET_BUFFER *nb, NDIS_HANDLE pool)
{
	SAME_TYPE(NET_BUFFER_NEXT_NB(nb), NET_BUFFER *);
	SAME_TYPE(NET_BUFFER_FIRST_MDL(nb), MDL *);
	SAME_TYPE(NET_BUFFER_DATA_LENGTH(nb), ULONG);
	SAME_TYPE(NET_BUFFER_DATA_OFFSET(nb), ULONG);
	SAME_TYPE(NET_BUFFER_CURRENT_MDL(nb), MDL *);
	SAME_TYPE(NET_BUFFER_CURRENT_MDL_OFFSET(nb), ULONG);
	SAME_TYPE(NET_BUFFER_PROTOCOL_RESERVED(nb)[0], PVOID);
	SAME_TYPE(NET_BUFFER_MINIPORT_RESERVED(nb)[0], PVOID);
	SAME_TYPE(NET_BUFFER_CHECKSUM_BIAS(nb), USHORT);
	return NdisGetPoolFromNetBuffer(nb) == pool;
}

static int macros_of_mdl(MDL *mdl, UCHAR *bytes, ULONG length)
{
	UINT offset;
	UINT count;
	MDL *next = mdl;

	SAME_TYPE(NDIS_MDL_LINKAGE(mdl), MDL *);
	NdisGetNextMdl(mdl, &next);
	NdisAdjustMdlLength(mdl, length - 1);
	NdisQueryMdlOffset(mdl, &offset, &count);
	NdisAdjustMdlLength(mdl, length);
	if (next != NULL || offset != MmGetMdlByteOffset(mdl) || count != length - 1)
		return 0;
	return MmGetMdlByteCount(mdl) == length && MmGetMdlByteOffset(mdl) == BYTE_OFFSET(bytes) &&
	       MmGetMdlVirtualAddress(mdl) == (PVOID)bytes &&
	       MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) == (PVOID)bytes &&
	       MmSizeOfMdl((ULONG_PTR)4095, 65536) == 184 &&
	       MmSizeOfMdl((ULONG_PTR)4095, 2048) == 64 && MmSizeOfMdl((ULONG_PTR)0, 1500) == 56;
}

/*
 * The calls once each, through the pointers above.
 */

static MDL *make_mdl(PULONG bytes)
{
	static UCHAR memory[64];

	return *bytes <= sizeof(memory) ? allocate_mdl(NULL, memory, (UINT)*bytes) : NULL;
}

static VOID take_mdl(MDL *mdl)
{
	free_mdl(mdl);
}

static int used_nb(NDIS_HANDLE nbs, NDIS_HANDLE data_nbs, MDL *mdl)
{
	UCHAR storage[8];
	NET_BUFFER *nb = allocate_nb(nbs, mdl, 0, 64);
	NET_BUFFER *with_data = allocate_nb_and_data(data_nbs);
	int good = nb != NULL && with_data != NULL && macros_of_nb(nb, nbs);

	members_of_nb(nb);
	good = good && retreat(nb, 16, 0, make_mdl) == NDIS_STATUS_SUCCESS;
	good = good && get_data(nb, 8, storage, 1, 0) != NULL;
	adjust(nb);
	ULONG copied = 0;
	good = good && copy(nb, 0, 8, nb, 8, &copied) == NDIS_STATUS_SUCCESS && copied == 8;
	advance(nb, 16, TRUE, take_mdl);
	free_nb(nb);
	free_nb(with_data);
	return good;
}

static int used_list(NDIS_HANDLE lists, MDL *mdl)
{
	NET_BUFFER_LIST *plain = allocate_list(lists, 16, 0);
	NET_BUFFER_LIST *nbl = allocate_both(lists, 16, 0, mdl, 0, 64);
	NET_BUFFER_LIST *injected = NULL;
	NET_BUFFER_LIST *fwps_clone = NULL;
	int good = plain != NULL && nbl != NULL && macros_of_list(nbl, lists) &&
		   flags_of_list(nbl) && info_of_list(nbl);

	members_of_list(nbl);
	good = good && fwps_allocate(lists, 16, 0, mdl, 0, 64, &injected) == STATUS_SUCCESS;
	good = good && allocate_context(nbl, 32, 16, 0x6e6d614e) == NDIS_STATUS_SUCCESS;
	free_context(nbl, 32);
	good = good && retreat_list(nbl, 16, 0, make_mdl, take_mdl) == NDIS_STATUS_SUCCESS;
	advance_list(nbl, 16, TRUE, take_mdl);
	NET_BUFFER_LIST *clone = allocate_clone(nbl, NULL, NULL, 0);
	good = good && clone != NULL &&
	       fwps_allocate_clone(nbl, NULL, NULL, 0, &fwps_clone) == STATUS_SUCCESS;
	fwps_free_clone(fwps_clone, 0);
	NET_BUFFER_LIST *fragments = allocate_fragment(nbl, NULL, NULL, 4, 20, 8, 8, 0);
	NET_BUFFER_LIST *whole = allocate_reassembled(nbl, NULL, 4, 8, 8, 0);
	good = good && fragments != NULL && whole != NULL &&
	       NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(fragments)) == 28 &&
	       NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(whole)) == 68;
	free_fragment(fragments, 8, 0);
	free_reassembled(whole, 8, 0);
	good = good && fwps_allocate_deep_clone(nbl, NULL, NULL, &fwps_clone) == STATUS_SUCCESS;
	fwps_free_clone(fwps_clone, 0);
	free_clone(clone, 0);
	copy_send_info(injected, nbl);
	copy_receive_info(injected, nbl);
	good = good && NET_BUFFER_LIST_GET_HASH_VALUE(injected) == 0x87654321;
	fwps_reference(injected, FALSE);
	fwps_free(injected);
	fwps_dereference(injected, FALSE);
	free_list(nbl);
	free_list(plain);
	return good;
}

static int used_mdls(UCHAR *bytes)
{
	MDL *whole = io_allocate_mdl(bytes, 64, FALSE, FALSE, NULL);
	MDL *part = io_allocate_mdl(bytes, 64, FALSE, FALSE, NULL);
	union {
		MDL mdl;
		UCHAR bytes[256];
	} own;

	build_mdl(whole);
	build_partial_mdl(whole, part, bytes + 8, 8);
	initialize_mdl(&own.mdl, bytes, 64);
	int good = macros_of_mdl(whole, bytes, 64) && macros_of_mdl(part, bytes + 8, 8) &&
		   macros_of_mdl(&own.mdl, bytes, 64);
	io_free_mdl(part);
	io_free_mdl(whole);
	return good;
}

static int misuses;

static void count(void *arg, const struct nbl_misuse *misuse)
{
	(void)arg;
	misuses += misuse->kind == NBL_MISUSE_FOREIGN_HANDLE && misuse->call != NULL &&
		   misuse->text != NULL && misuse->tag == 0 && misuse->object == NULL &&
		   strcmp(misuse_name(misuse->kind), "foreign-handle") == 0;
}

static int used_nblbench(void)
{
	char why[NBL_REASON_BYTES];
	char text[NBL_TAG_TEXT_BYTES];
	struct nbl_tag_usage row;
	int good = set_pool("no such", why) != 0 && set_context("no such", why) != 0 &&
		   set_alignment(12) != 0 && set_alignment(0) == 0;

	set_capacity(0);
	set_handler(count, NULL);
	free_list_pool(NULL);
	set_handler(NULL, NULL);
	tag_text(0x6e6d614e, text);
	return good && misuses == 1 && strcmp(text, "Namn") == 0 && tags(&row, 1) >= 1 &&
	       release_defaults();
}

int main(void)
{
	static UCHAR bytes[64];
	NET_BUFFER_LIST_POOL_PARAMETERS p;
	NET_BUFFER_POOL_PARAMETERS n;

	memset(&p, 0, sizeof(p));
	p.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
	p.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2;
	p.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2;
	p.ProtocolId = NDIS_PROTOCOL_ID_DEFAULT;
	p.fAllocateNetBuffer = TRUE;
	p.ContextSize = 32;
	p.PoolTag = 0x6e6d614e;
	p.Flags = NET_BUFFER_LIST_POOL_FLAG_VERIFY;
	memset(&n, 0, sizeof(n));
	n.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
	n.Header.Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_1;
	n.Header.Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1;
	n.PoolTag = 0x6e6d614e;

	NDIS_HANDLE lists = allocate_list_pool(NULL, &p);
	NDIS_HANDLE nbs = allocate_nb_pool(NULL, &n);
	n.DataSize = 64;
	NDIS_HANDLE data_nbs = allocate_nb_pool(NULL, &n);
	MDL *mdl = allocate_mdl(NULL, bytes, sizeof(bytes));
	int good = lists != NULL && nbs != NULL && data_nbs != NULL && mdl != NULL;

	members_of_others(mdl, &p, &n);
	good = good && versions_agree() && used_nb(nbs, data_nbs, mdl) && used_list(lists, mdl) &&
	       used_mdls(bytes);
	free_mdl(mdl);
	free_nb_pool(data_nbs);
	free_nb_pool(nbs);
	free_list_pool(lists);
	good = good && used_nblbench();
	printf("%s\n", good ? "every name is there" : "failed");
	return !good;
}
