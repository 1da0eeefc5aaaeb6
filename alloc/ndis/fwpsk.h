/*
 * The Windows Filtering Platform's calls on NET_BUFFER_LISTs: those that callout drivers use to
 * make packets for injection. The rules of ndis.h hold.
 */
#ifndef ALLOC_NDIS_FWPSK_H
#define ALLOC_NDIS_FWPSK_H

#include "ndis.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Allocates an NBL with its NB over the caller's data, for packet injection: a wrapper of
 * NdisAllocateNetBufferAndNetBufferList.
 * poolHandle: of a pool with fAllocateNetBuffer TRUE and DataSize 0.
 * contextSize: bytes of context to take into use; contextBackFill: unused bytes to add if memory
 * must be allocated for them. Both multiples of the alignment.
 * mdlChain: the caller's; may be NULL with dataOffset and dataLength 0.
 * dataOffset: bytes of the chain before the data; dataLength: bytes of data, at most 0xFFFFFFFF.
 * netBufferList: receives the NBL, which the caller frees with FwpsFreeNetBufferList0; NULL after a
 * failure.
 * STATUS_SUCCESS. The page names no failure code; here: STATUS_INVALID_PARAMETER for any argument
 * that NdisAllocateNetBufferAndNetBufferList would refuse, STATUS_INSUFFICIENT_RESOURCES without
 * memory.
 * Source: FwpsAllocateNetBufferAndNetBufferList0.
 */
NTSTATUS FwpsAllocateNetBufferAndNetBufferList0(NDIS_HANDLE poolHandle, UINT16 contextSize,
	UINT16 contextBackFill, MDL *mdlChain, ULONG dataOffset, SIZE_T dataLength,
	NET_BUFFER_LIST **netBufferList) NDIS_DIRECT;

/*
 * Frees an NBL of the call above; as NdisFreeNetBufferList, and misuse is reported alike. The pages
 * pair it with the call above only; here it frees the NBLs of NdisAllocateNetBufferList and its
 * kin as well, and NdisFreeNetBufferList those of the call above.
 * Source: FwpsFreeNetBufferList0.
 */
VOID FwpsFreeNetBufferList0(NET_BUFFER_LIST *netBufferList) NDIS_DIRECT;

/*
 * Clones an NBL for injection: as NdisAllocateCloneNetBufferList, and the clone's
 * ParentNetBufferList is set and the original's ChildRefCount raised by one.
 * netBufferListPoolHandle, netBufferPoolHandle: NULL for pools of the library.
 * allocateCloneFlags: 0; others are not defined and refused.
 * netBufferList: receives the clone for FwpsFreeCloneNetBufferList0; NULL after a failure.
 * Status as above.
 * Source: FwpsAllocateCloneNetBufferList0.
 */
NTSTATUS FwpsAllocateCloneNetBufferList0(NET_BUFFER_LIST *originalNetBufferList,
	NDIS_HANDLE netBufferListPoolHandle, NDIS_HANDLE netBufferPoolHandle,
	ULONG allocateCloneFlags, NET_BUFFER_LIST **netBufferList) NDIS_DIRECT;

/*
 * As the call above, with data of its own: each NB of the clone has a copy of the original's bytes,
 * in one piece, and no headroom.
 * Context is the block of the clone's pool, unused. The library's pools have none, and it is NULL.
 * ParentNetBufferList and ChildRefCount as above, though the clone does not need the original's
 * data. Status as above.
 * Source: FwpsAllocateDeepCloneNetBufferList0.
 */
NTSTATUS FwpsAllocateDeepCloneNetBufferList0(NET_BUFFER_LIST *originalNetBufferList,
	NDIS_HANDLE netBufferListPoolHandle, NDIS_HANDLE netBufferPoolHandle,
	NET_BUFFER_LIST **netBufferList);

/*
 * Frees a clone of the two calls above and lowers the original's ChildRefCount. freeCloneFlags: 0.
 * Misuse as for NdisFreeCloneNetBufferList; what retreats have added to a deep clone goes with it.
 * Also misuse: ParentNetBufferList is no NBL with its ChildRefCount above 0, so the original was
 * freed too early. With ParentNetBufferList NULL the clone is freed and nothing is counted.
 * Source: FwpsFreeCloneNetBufferList0.
 */
VOID FwpsFreeCloneNetBufferList0(NET_BUFFER_LIST *netBufferList, ULONG freeCloneFlags) NDIS_DIRECT;

/*
 * References an NBL: it and its data stay valid until the call below, even if its owner frees it
 * first, with any call that frees NBLs. That free then does nothing yet. The last dereference frees
 * the NBL as the owner would have, and lowers the original's ChildRefCount if it is a clone. Until
 * then it counts as out. The NBL may be a clone or its kin, whose data still belong to another NBL.
 * intendToModify: no effect here.
 * Misuse, and nothing changes: the NBL is free, or no pool made it; found in all pools. A free of a
 * referenced NBL finds contexts on it when the owner calls, and its second free is a double free.
 * An NBL may be referenced up to 2^31 - 1 times. The owner makes the first reference. Any thread
 * may make the calls below, at the same time as others and while the owner frees.
 * Decided here: what a free does meanwhile. The page says only that the NBL remains valid.
 * Source: FwpsReferenceNetBufferList0.
 */
VOID FwpsReferenceNetBufferList0(
	NET_BUFFER_LIST *netBufferList, BOOLEAN intendToModify) NDIS_DIRECT;

/*
 * Takes one reference away, and frees the NBL if it was the last and the owner has freed it.
 * dispatchLevel: no effect here.
 * Misuse, and nothing changes: no reference is on the NBL; it is free; no pool made it.
 * Source: FwpsDereferenceNetBufferList0.
 */
VOID FwpsDereferenceNetBufferList0(
	NET_BUFFER_LIST *netBufferList, BOOLEAN dispatchLevel) NDIS_DIRECT;

/* The version-independent names. */
#define FwpsAllocateNetBufferAndNetBufferList FwpsAllocateNetBufferAndNetBufferList0
#define FwpsFreeNetBufferList                 FwpsFreeNetBufferList0
#define FwpsAllocateCloneNetBufferList        FwpsAllocateCloneNetBufferList0
#define FwpsAllocateDeepCloneNetBufferList    FwpsAllocateDeepCloneNetBufferList0
#define FwpsFreeCloneNetBufferList            FwpsFreeCloneNetBufferList0
#define FwpsReferenceNetBufferList            FwpsReferenceNetBufferList0
#define FwpsDereferenceNetBufferList          FwpsDereferenceNetBufferList0

#ifdef __cplusplus
}
#endif

#endif
