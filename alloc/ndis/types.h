/*
 * The documented types of NET_BUFFER_LIST pools and per-packet context: structures, status codes,
 * constants and accessor macros under their documented names, for C11 and C++17 on any system.
 *
 * Windows is LLP64: ULONG, LONG, UINT and the status types have 32 bits here too. Names, types and
 * values of the members are the documented ones; their order within a structure is ours, because
 * the reference promises none, and it is chosen so that reusing an NBL writes as few cache lines as
 * possible:
 *
 *	NET_BUFFER_LIST  first line: what changes with every use; then what most packets leave alone
 *	NET_BUFFER       first 128 bytes: what most packets leave alone; then what changes
 *
 * nbl/object.h lays NBL, NB and the pool's context block out one behind the other so that the
 * rarely used parts adjoin.
 *
 * Source: Microsoft's NDIS reference (NET_BUFFER_LIST, NET_BUFFER, NET_BUFFER_LIST_CONTEXT, MDL and
 * the pool parameter pages).
 */
#ifndef ALLOC_NDIS_TYPES_H
#define ALLOC_NDIS_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Base types, with the widths that they have on Windows.
 */

/* Integers, booleans, pointers. Source: Windows Data Types. */
#define VOID void
typedef char CHAR;
typedef unsigned char UCHAR;
typedef int16_t SHORT;
typedef uint16_t USHORT;
typedef int32_t LONG;
typedef uint32_t ULONG;
typedef uint32_t UINT;
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef uint64_t ULONGLONG;
typedef int64_t LONGLONG;
typedef uintptr_t ULONG_PTR;
typedef size_t SIZE_T;
typedef UCHAR BOOLEAN;
typedef void *PVOID;
typedef void *HANDLE;
typedef UCHAR *PUCHAR;
typedef USHORT *PUSHORT;
typedef ULONG *PULONG;
typedef CHAR CCHAR;

/* The values of a BOOLEAN; any other than FALSE counts as TRUE. */
#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

/* Results of calls, and handles: of pools here. Source: NDIS_STATUS, NTSTATUS. */
typedef LONG NTSTATUS;
typedef int32_t NDIS_STATUS;
typedef NDIS_STATUS *PNDIS_STATUS;
typedef PVOID NDIS_HANDLE;
typedef NDIS_HANDLE *PNDIS_HANDLE;

/* C++ has anonymous structures as an extension only; some of the reference's unions need them. */
#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnested-anon-types"
#endif

/*
 * 64 bits, whole or in halves; also that of a physical address. Nothing here reads it; drivers
 * store it. Source: LARGE_INTEGER.
 */
typedef union _LARGE_INTEGER {
	__extension__ struct {
		ULONG LowPart;
		LONG HighPart;
	};
	struct {
		ULONG LowPart;
		LONG HighPart;
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;
typedef LARGE_INTEGER PHYSICAL_ADDRESS;
typedef PHYSICAL_ADDRESS NDIS_PHYSICAL_ADDRESS;

/*
 * Status codes.
 */

/* True for any status that is no error. Source: NT_SUCCESS. */
#define NT_SUCCESS(status) (((NTSTATUS)(status)) >= 0)

/* Of the WFP calls. No call returns STATUS_NO_MEMORY or STATUS_UNSUCCESSFUL: drivers do. */
#define STATUS_SUCCESS                ((NTSTATUS)0x00000000)
#define STATUS_UNSUCCESSFUL           ((NTSTATUS)0xC0000001)
#define STATUS_INVALID_PARAMETER      ((NTSTATUS)0xC000000D)
#define STATUS_NO_MEMORY              ((NTSTATUS)0xC0000017)
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)

/* Of the NDIS calls: the same numbers. Source: NDIS_STATUS. */
#define NDIS_STATUS_SUCCESS           ((NDIS_STATUS)STATUS_SUCCESS)
#define NDIS_STATUS_FAILURE           ((NDIS_STATUS)STATUS_UNSUCCESSFUL)
#define NDIS_STATUS_RESOURCES         ((NDIS_STATUS)STATUS_INSUFFICIENT_RESOURCES)
#define NDIS_STATUS_INVALID_PARAMETER ((NDIS_STATUS)STATUS_INVALID_PARAMETER)

/*
 * Sizes of context are multiples of this. It is 16 on 64-bit systems; see nbl_set_context_alignment
 * for the newer, weaker rule.
 */
#define MEMORY_ALLOCATION_ALIGNMENT 16

/*
 * Memory descriptor lists.
 */

/* The number of a page; here always 0. */
typedef uintptr_t PFN_NUMBER;

/*
 * Describes ByteCount bytes at StartVa + ByteOffset. With MDL_MAPPED_TO_SYSTEM_VA or
 * MDL_SOURCE_IS_NONPAGED_POOL all calls here find them at MappedSystemVa instead: a driver may move
 * that member, or fill in nothing but it, ByteCount and the flags. One PFN_NUMBER follows in memory
 * for each page that the MDL may span; Size counts both. In user mode nobody reads that array.
 * Members are for the calls and macros below; NDIS_MDL_LINKAGE is the driver's to write.
 * Source: MDL, Using MDLs.
 */
typedef struct _MDL {
	struct _MDL *Next;    /* the next piece of the same packet, or NULL */
	SHORT Size;           /* bytes of this header and its page array */
	SHORT MdlFlags;       /* MDL_... */
	void *Process;        /* NULL, or the library's */
	PVOID MappedSystemVa; /* the first byte, where MdlFlags says that the MDL is mapped */
	PVOID StartVa;        /* the first byte's page */
	ULONG ByteCount;      /* that it describes */
	ULONG ByteOffset;     /* of the first byte in its page: 0..4095 */
} MDL, *PMDL;

/*
 * MdlFlags. Set here: MDL_SOURCE_IS_NONPAGED_POOL, MDL_MAPPED_TO_SYSTEM_VA, MDL_PARTIAL and
 * MDL_ALLOCATED_FIXED_SIZE (an MDL of the library's pool); read: the first two. All others, those
 * without a name here too, are the drivers'.
 */
#define MDL_MAPPED_TO_SYSTEM_VA     0x0001
#define MDL_PAGES_LOCKED            0x0002
#define MDL_SOURCE_IS_NONPAGED_POOL 0x0004
#define MDL_ALLOCATED_FIXED_SIZE    0x0008
#define MDL_PARTIAL                 0x0010
#define MDL_PARTIAL_HAS_BEEN_MAPPED 0x0020
#define MDL_NETWORK_HEADER          0x1000

/* Bytes of a page, and its logarithm. MDLs count in pages of this size whatever the machine's. */
#define PAGE_SIZE  4096u
#define PAGE_SHIFT 12

/* Address of the page that holds va, and va's place in it. */
#define PAGE_ALIGN(va)  ((PVOID)((ULONG_PTR)(va) & ~(ULONG_PTR)(PAGE_SIZE - 1)))
#define BYTE_OFFSET(va) ((ULONG)((ULONG_PTR)(va) & (PAGE_SIZE - 1)))

/* Pages that `size` bytes at va touch. */
#define ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, size) \
	((ULONG)((((SIZE_T)BYTE_OFFSET(va)) + ((SIZE_T)(size)) + (PAGE_SIZE - 1)) >> PAGE_SHIFT))

/*
 * Bytes that an MDL for `length` bytes at `base` occupies: 48, and 8 for each page it spans.
 */
#define MmSizeOfMdl(base, length) \
	((SIZE_T)(sizeof(MDL) +   \
		  sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES((base), (length))))

/*
 * Bytes that an MDL describes; where in its page they begin, 0..4095; their address.
 * Source: MmGetMdlByteCount, MmGetMdlByteOffset, MmGetMdlVirtualAddress.
 */
#define MmGetMdlByteCount(mdl)      ((mdl)->ByteCount)
#define MmGetMdlByteOffset(mdl)     ((mdl)->ByteOffset)
#define MmGetMdlVirtualAddress(mdl) ((PVOID)((ULONG_PTR)(mdl)->StartVa + (mdl)->ByteOffset))

/* For the priority below; without effect. Source: MmGetSystemAddressForMdlSafe. */
typedef enum _MM_PAGE_PRIORITY {
	LowPagePriority,
	NormalPagePriority = 16,
	HighPagePriority = 32
} MM_PAGE_PRIORITY;
#define MdlMappingNoExecute 0x40000000
#define MdlMappingNoWrite   0x80000000

/*
 * The address at which the bytes can be used: MappedSystemVa. If the MDL is not mapped yet, this
 * maps it at the virtual address. In user mode that always succeeds: the priority has no effect,
 * and NULL comes for NULL alone. The second name is the older one. Source:
 * MmGetSystemAddressForMdlSafe.
 */
static inline PVOID MmGetSystemAddressForMdlSafe(MDL *Mdl, ULONG Priority)
{
	(void)Priority;
	if (Mdl == NULL)
		return NULL;
	if ((Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) == 0) {
		Mdl->MappedSystemVa = MmGetMdlVirtualAddress(Mdl);
		Mdl->MdlFlags = (SHORT)(Mdl->MdlFlags | MDL_MAPPED_TO_SYSTEM_VA);
	}
	return Mdl->MappedSystemVa;
}
#define MmGetSystemAddressForMdl(mdl) MmGetSystemAddressForMdlSafe((mdl), NormalPagePriority)

/*
 * Stores that address, if va is not NULL, and the bytes. The macro takes any pointer to a pointer.
 * Source: NdisQueryMdl.
 */
static inline VOID NblQueryMdl(MDL *Mdl, PVOID *VirtualAddress, UINT *Length, ULONG Priority)
{
	if (VirtualAddress != NULL)
		*VirtualAddress = MmGetSystemAddressForMdlSafe(Mdl, Priority);
	*Length = Mdl != NULL ? MmGetMdlByteCount(Mdl) : 0;
}
#define NdisQueryMdl(mdl, va, length, priority) \
	NblQueryMdl((mdl), (PVOID *)(va), (length), (ULONG)(priority))

/*
 * The next MDL of a chain, NULL for the last; an lvalue. The second stores it.
 * Source: NDIS_MDL_LINKAGE, NdisGetNextMdl.
 */
#define NDIS_MDL_LINKAGE(mdl)     ((mdl)->Next)
#define NdisGetNextMdl(mdl, next) (*(next) = (mdl)->Next)

/* Stores where in its page an MDL's memory begins, and its bytes. Source: NdisQueryMdlOffset. */
#define NdisQueryMdlOffset(mdl, offset, length) \
	(*(offset) = MmGetMdlByteOffset(mdl), *(length) = MmGetMdlByteCount(mdl))

/*
 * Makes an MDL of the caller's describe `length` bytes, at most as many as it was allocated for.
 * The page wants the old length back before NdisFreeMdl; here the free does without.
 * Source: NdisAdjustMdlLength.
 */
#define NdisAdjustMdlLength(mdl, length) ((mdl)->ByteCount = (length))

/*
 * NET_BUFFER.
 */

/* The last two are for drivers' own use; nothing here looks into them. */
typedef struct _NET_BUFFER NET_BUFFER, *PNET_BUFFER;
typedef struct _NET_BUFFER_LIST NET_BUFFER_LIST, *PNET_BUFFER_LIST;
typedef struct _SCATTER_GATHER_LIST SCATTER_GATHER_LIST, *PSCATTER_GATHER_LIST;
typedef struct _NET_BUFFER_SHARED_MEMORY NET_BUFFER_SHARED_MEMORY, *PNET_BUFFER_SHARED_MEMORY;

/*
 * One packet: DataLength bytes that begin DataOffset bytes into MdlChain. CurrentMdl is the MDL in
 * which they begin, CurrentMdlOffset the place in it. Where DataOffset falls on an MDL's end, that
 * is the next MDL and 0; at the chain's end, the last MDL and its ByteCount. Members are the
 * driver's to read and write, but for NdisPoolHandle and NdisReserved. All but NdisPoolHandle are
 * zero in a new NB, or as its allocation sets them. Source: NET_BUFFER, NET_BUFFER_DATA.
 */
struct _NET_BUFFER {
	USHORT ChecksumBias;                       /* the driver's */
	USHORT Reserved;                           /* 0 */
	ULONG NblReserved;                         /* padding */
	PVOID ProtocolReserved[6];                 /* the protocol driver's */
	PVOID MiniportReserved[4];                 /* the miniport driver's */
	PVOID NdisReserved[2];                     /* NULL */
	NDIS_PHYSICAL_ADDRESS DataPhysicalAddress; /* the driver's: nothing here has one */
	union {
		NET_BUFFER_SHARED_MEMORY *SharedMemoryInfo; /* the driver's */
		SCATTER_GATHER_LIST *ScatterGatherList;     /* the same word */
	};
	PVOID NblReserved2; /* padding: what follows changes with every packet */
	NET_BUFFER *Next;   /* the next packet of the NBL, or NULL */
	MDL *CurrentMdl;    /* where the data begin; NULL without MDLs */
	MDL *MdlChain;      /* all of it, data and what lies before them; may be NULL */
	union {
		ULONG DataLength;    /* bytes of data */
		SIZE_T stDataLength; /* the same storage: write it, or the upper half keeps garbage */
	};
	ULONG CurrentMdlOffset;     /* bytes of CurrentMdl before the data */
	ULONG DataOffset;           /* bytes of the chain before the data: room for a retreat */
	NDIS_HANDLE NdisPoolHandle; /* of the pool that made it, alone or with an NBL */
};

/*
 * The members by their documented accessors; all are lvalues but the last, which is the handle of
 * the NB's pool. Source: the pages of the same names.
 */
#define NET_BUFFER_NEXT_NB(nb)            ((nb)->Next)
#define NET_BUFFER_FIRST_MDL(nb)          ((nb)->MdlChain)
#define NET_BUFFER_DATA_LENGTH(nb)        ((nb)->DataLength)
#define NET_BUFFER_DATA_OFFSET(nb)        ((nb)->DataOffset)
#define NET_BUFFER_CURRENT_MDL(nb)        ((nb)->CurrentMdl)
#define NET_BUFFER_CURRENT_MDL_OFFSET(nb) ((nb)->CurrentMdlOffset)
#define NET_BUFFER_PROTOCOL_RESERVED(nb)  ((nb)->ProtocolReserved)
#define NET_BUFFER_MINIPORT_RESERVED(nb)  ((nb)->MiniportReserved)
#define NET_BUFFER_CHECKSUM_BIAS(nb)      ((nb)->ChecksumBias)
#define NdisGetPoolFromNetBuffer(nb)      ((nb)->NdisPoolHandle)

/*
 * NET_BUFFER_LIST_CONTEXT.
 */

/*
 * One block of context, a stack that grows downward: Offset unused bytes in front, then Size -
 * Offset used ones. The data begins 16 bytes after the start of this header, not at ContextData.
 * Read by drivers through the macros below, written by the calls alone.
 * Source: NET_BUFFER_LIST_CONTEXT.
 */
typedef struct _NET_BUFFER_LIST_CONTEXT {
	struct _NET_BUFFER_LIST_CONTEXT *Next; /* the block behind, older; NULL for the last */
	USHORT Size;                           /* bytes of the block, used and unused */
	USHORT Offset;                         /* unused bytes, at the front */
	union {
		UCHAR ContextData[4]; /* not where the data is */
		/* nbl/chain.h's: how much may be popped, and whether the block goes then */
		USHORT NdisReserved[2];
	};
} NET_BUFFER_LIST_CONTEXT, *PNET_BUFFER_LIST_CONTEXT;

/*
 * Where the newest context of an NBL begins. Context must not be NULL. Aligned to 16 bytes, to 8 in
 * pools made under the relaxed rule. Source: NET_BUFFER_LIST_CONTEXT_DATA_START.
 */
#define NET_BUFFER_LIST_CONTEXT_DATA_START(nbl) \
	(((PUCHAR)(((nbl)->Context) + 1)) + (nbl)->Context->Offset)

/*
 * Bytes of the front block, used and unused. Context must not be NULL.
 * Source: NET_BUFFER_LIST_CONTEXT_DATA_SIZE.
 */
#define NET_BUFFER_LIST_CONTEXT_DATA_SIZE(nbl) (((nbl)->Context)->Size)

/*
 * NET_BUFFER_LIST.
 */

/*
 * The index of NetBufferListInfo[]. What a slot with several names carries depends on the
 * direction, sends or receives, or on the version of NDIS. All are NULL in a new NBL but
 * NetBufferListProtocolId, which has its pool's ProtocolId. nblinfo.h has what some of them hold.
 * Source: NDIS_NET_BUFFER_LIST_INFO.
 */
typedef enum _NDIS_NET_BUFFER_LIST_INFO {
	TcpIpChecksumNetBufferListInfo,
	TcpOffloadBytesTransferred = TcpIpChecksumNetBufferListInfo,
	IPsecOffloadV1NetBufferListInfo,
	IPsecOffloadV2NetBufferListInfo = IPsecOffloadV1NetBufferListInfo,
	TcpLargeSendNetBufferListInfo,
	TcpReceiveNoPush = TcpLargeSendNetBufferListInfo,
	ClassificationHandleNetBufferListInfo,
	Ieee8021QNetBufferListInfo,
	NetBufferListCancelId,
	MediaSpecificInformation,
	NetBufferListFrameType,
	NetBufferListProtocolId = NetBufferListFrameType,
	NetBufferListHashValue,
	NetBufferListHashInfo,
	WfpNetBufferListInfo,
	IPsecOffloadV2TunnelNetBufferListInfo,
	IPsecOffloadV2HeaderNetBufferListInfo,
	NetBufferListCorrelationId,
	NetBufferListFilteringInfo,
	MediaSpecificInformationEx,
	NblOriginalInterfaceIfIndex,
	NblReAuthWfpFlowContext = NblOriginalInterfaceIfIndex,
	TcpReceiveBytesTransferred,
	NrtNameResolutionId = TcpReceiveBytesTransferred,
	UdpRecvSegCoalesceOffloadInfo = TcpReceiveBytesTransferred,
	SwitchForwardingReserved,
	SwitchForwardingDetail,
	VirtualSubnetInfo,
	IMReserved,
	TcpRecvSegCoalesceInfo,
	UdpSegmentationOffloadInfo = TcpRecvSegCoalesceInfo,
	RscTcpTimestampDelta,
	TcpSendOffloadsSupplementalNetBufferListInfo = RscTcpTimestampDelta,
	GftOffloadInformation,
	GftFlowEntryId,
	NetBufferListInfoReserved3,
	MaxNetBufferListInfo
} NDIS_NET_BUFFER_LIST_INFO,
	*PNDIS_NET_BUFFER_LIST_INFO;

/* The head of a lock-free list of Windows; here it only reserves 16 aligned bytes. */
typedef union _SLIST_HEADER {
	ULONGLONG Alignment;
	ULONGLONG HeaderX64[2];
} __attribute__((aligned(16))) SLIST_HEADER, *PSLIST_HEADER;

/*
 * A list of packets that travel together and their context. Members are the driver's to read and
 * write while it owns the NBL; NdisPoolHandle, NdisReserved, NblReserved and the contents of
 * Context's blocks' headers are not. In a new NBL all of the driver's are zero but FirstNetBuffer
 * and Context. Source: NET_BUFFER_LIST.
 */
struct _NET_BUFFER_LIST {
	union {
		__extension__ struct {
			NET_BUFFER_LIST *Next;      /* the next of a list, or NULL */
			NET_BUFFER *FirstNetBuffer; /* its packets, or NULL */
		};
		SLIST_HEADER Link; /* the same 16 bytes */
	};
	NET_BUFFER_LIST_CONTEXT *Context; /* the front block, or NULL */
	NDIS_HANDLE NdisPoolHandle;       /* of the pool that made it */
	PVOID NdisReserved[2];            /* the mark (nbl/marks.h), the context policy's word */
	ULONG NblFlags;                   /* the drivers' */
	ULONG Flags;                      /* the drivers' */
	LONG ChildRefCount;               /* clones that depend on this NBL's data */
	union {
		NDIS_STATUS Status;  /* of its completion */
		ULONG NdisReserved2; /* the same word */
	};
	NET_BUFFER_LIST *ParentNetBufferList;          /* the original of a clone */
	PVOID Scratch;                                 /* the present owner's */
	NDIS_HANDLE SourceHandle;                      /* who sent it: the drivers' */
	PVOID MiniportReserved[2];                     /* the miniport driver's */
	PVOID ProtocolReserved[4];                     /* the protocol driver's */
	PVOID NetBufferListInfo[MaxNetBufferListInfo]; /* by NDIS_NET_BUFFER_LIST_INFO */
	PVOID NblReserved[4]; /* padding: the NB's rarely used part follows */
};

#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic pop
#endif

/*
 * The members by their documented accessors; all are lvalues but the last, which is the handle of
 * the NBL's pool. Source: the pages of the same names.
 */
#define NET_BUFFER_LIST_NEXT_NBL(nbl)          ((nbl)->Next)
#define NET_BUFFER_LIST_FIRST_NB(nbl)          ((nbl)->FirstNetBuffer)
#define NET_BUFFER_LIST_FLAGS(nbl)             ((nbl)->Flags)
#define NET_BUFFER_LIST_NBL_FLAGS(nbl)         ((nbl)->NblFlags)
#define NET_BUFFER_LIST_STATUS(nbl)            ((nbl)->Status)
#define NET_BUFFER_LIST_INFO(nbl, id)          ((nbl)->NetBufferListInfo[(id)])
#define NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl) ((nbl)->ProtocolReserved)
#define NET_BUFFER_LIST_MINIPORT_RESERVED(nbl) ((nbl)->MiniportReserved)
#define NdisGetPoolFromNetBufferList(nbl)      ((nbl)->NdisPoolHandle)

/*
 * Bits of Flags, by who may use them. 0x3 belongs to protocol drivers since NDIS 6.30.
 * NBL_PROT_RSVD_FLAGS is an older name. Source: NET_BUFFER_LIST.
 */
#define NBL_FLAGS_PROTOCOL_RESERVED 0xFFF00003
#define NBL_FLAGS_SCRATCH           0x000F0000 /* the present owner's */
#define NBL_FLAGS_MINIPORT_RESERVED 0x0000F000
#define NBL_FLAGS_NDIS_RESERVED     0x00000FFC
#define NBL_PROT_RSVD_FLAGS         NBL_FLAGS_PROTOCOL_RESERVED

/*
 * Of Flags: any of these set; all of these set; set them; clear them. Then the same for the bits of
 * protocol drivers among them, under both their names. Source: NET_BUFFER_LIST.
 */
#define NBL_TEST_FLAG(nbl, flags)  (((nbl)->Flags & (ULONG)(flags)) != 0)
#define NBL_TEST_FLAGS(nbl, flags) (((nbl)->Flags & (ULONG)(flags)) == (ULONG)(flags))
#define NBL_SET_FLAG(nbl, flags)   ((nbl)->Flags |= (ULONG)(flags))
#define NBL_CLEAR_FLAG(nbl, flags) ((nbl)->Flags &= ~(ULONG)(flags))
#define NBL_TEST_PROTOCOL_RSVD_FLAG(nbl, flags) \
	NBL_TEST_FLAG((nbl), (flags)&NBL_FLAGS_PROTOCOL_RESERVED)
#define NBL_SET_PROTOCOL_RSVD_FLAG(nbl, flags) \
	NBL_SET_FLAG((nbl), (flags)&NBL_FLAGS_PROTOCOL_RESERVED)
#define NBL_CLEAR_PROTOCOL_RSVD_FLAG(nbl, flags) \
	NBL_CLEAR_FLAG((nbl), (flags)&NBL_FLAGS_PROTOCOL_RESERVED)
#define NBL_TEST_PROT_RSVD_FLAG(nbl, flags)  NBL_TEST_PROTOCOL_RSVD_FLAG((nbl), (flags))
#define NBL_SET_PROT_RSVD_FLAG(nbl, flags)   NBL_SET_PROTOCOL_RSVD_FLAG((nbl), (flags))
#define NBL_CLEAR_PROT_RSVD_FLAG(nbl, flags) NBL_CLEAR_PROTOCOL_RSVD_FLAG((nbl), (flags))

/*
 * Bits of NblFlags. Drivers set and read them; nothing here does. Source: NET_BUFFER_LIST.
 */
#define NDIS_NBL_FLAGS_SEND_READ_ONLY                        0x00000001
#define NDIS_NBL_FLAGS_RECV_READ_ONLY                        0x00000002
#define NDIS_NBL_FLAGS_HD_SPLIT                              0x00000100
#define NDIS_NBL_FLAGS_IS_IPV4                               0x00000200
#define NDIS_NBL_FLAGS_IS_IPV6                               0x00000400
#define NDIS_NBL_FLAGS_IS_TCP                                0x00000800
#define NDIS_NBL_FLAGS_IS_UDP                                0x00001000
#define NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_HEADER  0x00002000
#define NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_PAYLOAD 0x00004000
#define NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET                    0x00008000
#define NDIS_NBL_FLAGS_CAPTURE_TIMESTAMP_ON_TRANSMIT         0x00010000

/*
 * Of NblFlags: any of these set; all of these set; set them; clear them.
 * Source: NdisTestNblFlag, NdisTestNblFlags, NdisSetNblFlag, NdisClearNblFlag.
 */
#define NdisTestNblFlag(nbl, flags)  (((nbl)->NblFlags & (ULONG)(flags)) != 0)
#define NdisTestNblFlags(nbl, flags) (((nbl)->NblFlags & (ULONG)(flags)) == (ULONG)(flags))
#define NdisSetNblFlag(nbl, flags)   ((nbl)->NblFlags |= (ULONG)(flags))
#define NdisClearNblFlag(nbl, flags) ((nbl)->NblFlags &= ~(ULONG)(flags))

/*
 * Pool parameters.
 */

/*
 * Type and revision of a parameter structure; Size, in bytes, may be larger than the revision
 * requires. Source: NDIS_OBJECT_HEADER.
 */
typedef struct _NDIS_OBJECT_HEADER {
	UCHAR Type;
	UCHAR Revision;
	USHORT Size;
} NDIS_OBJECT_HEADER, *PNDIS_OBJECT_HEADER;

/* The only type of a header that the calls here accept. Source: NDIS_OBJECT_HEADER. */
#define NDIS_OBJECT_TYPE_DEFAULT 0x80

/* For ProtocolId: drivers of protocols have one. Source: NET_BUFFER_LIST_POOL_PARAMETERS. */
#define NDIS_PROTOCOL_ID_DEFAULT 0x00
#define NDIS_PROTOCOL_ID_TCP_IP  0x02
#define NDIS_PROTOCOL_ID_IPX     0x06
#define NDIS_PROTOCOL_ID_NBF     0x07
#define NDIS_PROTOCOL_ID_MAX     0x0F
#define NDIS_PROTOCOL_ID_MASK    0x0F

/*
 * NBLs of the pool: fAllocateNetBuffer FALSE with DataSize 0: no NB; TRUE and 0: one NB without
 * MDL; TRUE and n: NB, MDL and n bytes of data as one unit; FALSE and n: invalid.
 * Source: NET_BUFFER_LIST_POOL_PARAMETERS.
 */
typedef struct _NET_BUFFER_LIST_POOL_PARAMETERS {
	NDIS_OBJECT_HEADER Header;  /* Revision 1: to DataSize; 2: to Flags */
	UCHAR ProtocolId;           /* NDIS_PROTOCOL_ID_...; only the bits of the mask are kept */
	BOOLEAN fAllocateNetBuffer; /* TRUE: an NB comes with each NBL */
	USHORT ContextSize; /* bytes of context that come with each NBL; see MEMORY_ALLOCATION_ALIGNMENT */
	ULONG PoolTag;  /* 0 is replaced by a default */
	ULONG DataSize; /* bytes of data that come with each NBL */
	ULONG Flags;    /* read for revision 2 and later: NET_BUFFER_LIST_POOL_FLAG_VERIFY or 0 */
} NET_BUFFER_LIST_POOL_PARAMETERS, *PNET_BUFFER_LIST_POOL_PARAMETERS;

/* Revisions, and the bytes that each requires. */
#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 1
#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2 2
#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 \
	(offsetof(NET_BUFFER_LIST_POOL_PARAMETERS, DataSize) + sizeof(ULONG))
#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2 \
	(offsetof(NET_BUFFER_LIST_POOL_PARAMETERS, Flags) + sizeof(ULONG))

/*
 * Freed NBLs (NBs) are not reused at once, and their memory is poisoned and checked: nblbench.h
 * says how. The page leaves open how long; here until 64 others were freed on the thread.
 */
#define NET_BUFFER_LIST_POOL_FLAG_VERIFY 0x00000001
#define NET_BUFFER_POOL_FLAG_VERIFY      0x00000001

/*
 * NBs of the pool: DataSize 0: without MDL; n: with an MDL and n bytes of data as one unit.
 * Source: NET_BUFFER_POOL_PARAMETERS.
 */
typedef struct _NET_BUFFER_POOL_PARAMETERS {
	NDIS_OBJECT_HEADER Header; /* Revision 1: to DataSize; 2: to Flags */
	ULONG PoolTag;             /* 0 is replaced by a default */
	ULONG DataSize;            /* bytes of data that come with each NB */
	ULONG Flags; /* read for revision 2 and later: NET_BUFFER_POOL_FLAG_VERIFY or 0 */
} NET_BUFFER_POOL_PARAMETERS, *PNET_BUFFER_POOL_PARAMETERS;

/* Revisions, and the bytes that each requires. */
#define NET_BUFFER_POOL_PARAMETERS_REVISION_1 1
#define NET_BUFFER_POOL_PARAMETERS_REVISION_2 2
#define NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1 \
	(offsetof(NET_BUFFER_POOL_PARAMETERS, DataSize) + sizeof(ULONG))
#define NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2 \
	(offsetof(NET_BUFFER_POOL_PARAMETERS, Flags) + sizeof(ULONG))

/*
 * USE_ORIGINAL_MDLS: a clone shares the original's MDLs instead of getting partial MDLs of its own.
 * RESERVED is refused. Source: NdisAllocateCloneNetBufferList.
 */
#define NDIS_CLONE_FLAGS_RESERVED          0x00000001
#define NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS 0x00000002

/*
 * Makes an MDL of at least *BufferSize bytes for a retreat and stores its size there; NULL when
 * there is none. The size that counts here is the MDL's ByteCount.
 * Source: NetAllocateMdl (NET_BUFFER_ALLOCATE_MDL_HANDLER).
 */
typedef MDL *(*NET_BUFFER_ALLOCATE_MDL_HANDLER)(PULONG BufferSize);

/*
 * Takes back an MDL that the handler above made. Source: NetFreeMdl (NET_BUFFER_FREE_MDL_HANDLER).
 */
typedef VOID (*NET_BUFFER_FREE_MDL_HANDLER)(MDL *Mdl);

#ifdef __cplusplus
}
#endif

#endif
