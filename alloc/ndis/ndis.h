/*
 * NET_BUFFER_LIST pools, NET_BUFFER pools, per-packet context and data, under the names and with
 * the semantics of NDIS 6. Driver code that uses them compiles with this folder on the include
 * path, in C11 and in C++17.
 *
 * Rules for all calls:
 *
 * - Every call of the family is documented as callable at IRQL <= DISPATCH_LEVEL. Here that means:
 *   over a lock-free strategy no call takes a lock, makes a system call or waits for another
 *   thread. There are three exceptions. Creation and destruction of pools, and the first call of a
 *   thread on a pool, take a lock for a short time. The C library allocates MDLs beyond 64 KiB,
 *   memory for retreats, and the blocks of context policies that say so. A free over a strategy
 *   that waits for a grace period may have to wake the thread that waits.
 * - An object has one owner at a time. The owner may hand it to another thread by any means that
 *   orders memory (a lock, a queue with release and acquire). Any thread may free what another
 *   allocated. Two threads may call on different objects of one pool at once, never on one object.
 * - A thread needs no preparation. What it keeps for a pool goes back when the thread ends or the
 *   pool is freed.
 * - Sizes of context are multiples of MEMORY_ALLOCATION_ALIGNMENT (16), or of 8 in pools created
 *   after nbl_set_context_alignment(8); anything else is refused through the call's own channel.
 * - Misuse (a double free, a foreign handle, too much context freed, ...) is reported to the
 *   handler of nbl_set_misuse_handler. The call then changes nothing. nblbench.h lists what is
 *   found when.
 *
 * Each declaration names the reference page that it follows and says what is decided here where the
 * page leaves it open.
 */
#ifndef ALLOC_NDIS_NDIS_H
#define ALLOC_NDIS_NDIS_H

#include "nblbench.h"
#include "nblinfo.h"
#include "types.h"

/*
 * Of the calls that packets make: the program calls them by their address. By default gcc lets a program call a
 * shared library by way of a jump, which adds a third to what an empty call takes. A linker makes a plain call of
 * it where the library is static.
 */
#if defined(__has_attribute)
#if __has_attribute(noplt)
#define NDIS_DIRECT __attribute__((noplt))
#endif
#endif
#ifndef NDIS_DIRECT
#define NDIS_DIRECT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Pools.
 */

/*
 * Creates a pool of NBLs.
 * NdisHandle: not used; may be NULL.
 * Parameters: see the structure in types.h. Header.Size may exceed what the revision requires;
 * Flags is read for revision 2 and later; ProtocolId is kept as far as NDIS_PROTOCOL_ID_MASK goes
 * and appears in each NBL's NetBufferListProtocolId slot; PoolTag 0 is replaced by a default.
 * Returns the handle, which the caller gives to NdisFreeNetBufferListPool. NULL: Parameters is
 * NULL; Header.Type is not NDIS_OBJECT_TYPE_DEFAULT, its Revision is 0 or its Size too small; an
 * unknown flag; DataSize without fAllocateNetBuffer; ContextSize is no multiple of the alignment;
 * an object would exceed 1 MiB; no memory, or 4096 pools exist.
 * Decided here: a pool grows to 1 GiB of NBLs, see nblbench.h. The strategy decides how many freed
 * ones rest in caches. One edition of the page asks for multiples of MEMORY_ALLOCATION_ALIGNMENT,
 * another for multiples of a pointer's size. The former holds here, unless relaxed; a ContextSize
 * that the latter would take is refused with NBL_MISUSE_ALIGNMENT.
 * Source: NdisAllocateNetBufferListPool, NET_BUFFER_LIST_POOL_PARAMETERS.
 */
NDIS_HANDLE NdisAllocateNetBufferListPool(
	NDIS_HANDLE NdisHandle, const NET_BUFFER_LIST_POOL_PARAMETERS *Parameters);

/*
 * Destroys a pool of NBLs and everything that threads keep for it. Every NBL of it has been freed
 * and no other thread is in a call on it.
 * PoolHandle: of NdisAllocateNetBufferListPool; dead afterwards.
 * Misuse: NBLs are out, which the page forbids without saying what follows; the pool lives on and
 * can be destroyed later. Also misuse: the handle is not that of a pool of NBLs.
 * Source: NdisFreeNetBufferListPool.
 */
VOID NdisFreeNetBufferListPool(NDIS_HANDLE PoolHandle);

/*
 * Creates a pool of NBs.
 * NdisHandle: not used; may be NULL.
 * Parameters: PoolTag, DataSize (bytes of data that come with each NB, 0: none) and Flags, by the
 * rules of NdisAllocateNetBufferListPool.
 * Returns the handle for NdisFreeNetBufferPool. NULL: as there.
 * Source: NdisAllocateNetBufferPool, NET_BUFFER_POOL_PARAMETERS.
 */
NDIS_HANDLE NdisAllocateNetBufferPool(
	NDIS_HANDLE NdisHandle, const NET_BUFFER_POOL_PARAMETERS *Parameters);

/*
 * Destroys a pool of NBs, as NdisFreeNetBufferListPool does, with the same misuse.
 * PoolHandle: of NdisAllocateNetBufferPool; dead afterwards.
 * Source: NdisFreeNetBufferPool.
 */
VOID NdisFreeNetBufferPool(NDIS_HANDLE PoolHandle);

/*
 * NBLs.
 */

/*
 * Allocates an NBL with what its pool gives each: nothing, an NB, or an NB with MDL and data. The
 * data of a data pool is all headroom: DataOffset = DataSize, DataLength = 0, so that a retreat up
 * to DataSize needs no memory.
 * PoolHandle: of any NBL pool.
 * ContextSize: bytes of context to take into use for the caller, 0..65520. They belong to the NBL:
 * they go when it is freed, and NdisFreeNetBufferListContext must not be given them. They come out
 * of the pool's ContextSize, not in addition to it.
 * ContextBackFill: bytes to add if, and only if, memory must be allocated for the context; without
 * effect if ContextSize is 0 or fits the pool's block.
 * Returns the NBL; its Context is the pool's block if the pool has context, with ContextSize bytes
 * in use if they fit there, else an allocated block in front. NULL: PoolHandle is not that of an
 * NBL pool (also reported); a size is no multiple of the alignment, or their sum exceeds 65535 and
 * a block is needed; no memory.
 * A reused NBL is as new: links, flags, status, counts, parent, scratch, reserved arrays and info
 * slots are zero. The bytes of context and data are not initialised.
 * Source: NdisAllocateNetBufferList.
 */
NET_BUFFER_LIST *NdisAllocateNetBufferList(
	NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill) NDIS_DIRECT;

/*
 * Allocates an NBL with its NB and lets the NB describe data.
 * PoolHandle: of a pool with fAllocateNetBuffer TRUE and DataSize 0, no other.
 * ContextSize, ContextBackFill: bytes, as for NdisAllocateNetBufferList.
 * MdlChain: the caller's, and stays so; may be NULL with DataOffset and DataLength 0.
 * DataOffset: bytes of the chain before the data: room for a retreat.
 * DataLength: bytes of data; at most 0xFFFFFFFF.
 * Returns the NBL. NULL: as above, or the pool is of another kind, or DataOffset + DataLength
 * exceeds the chain (Windows may not check).
 * Source: NdisAllocateNetBufferAndNetBufferList.
 */
NET_BUFFER_LIST *NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize,
	USHORT ContextBackFill, MDL *MdlChain, ULONG DataOffset, SIZE_T DataLength) NDIS_DIRECT;

/*
 * Frees one NBL and what came with it: NB, MDL and data of its pool, and the context of its
 * allocation. NBs that the driver attached and MDLs that it supplied stay the driver's. Next is
 * not followed.
 * Misuse, and the NBL stays as it is: context from NdisAllocateNetBufferListContext is still on it;
 * it is free already; it is a clone; no pool made it; its ChildRefCount is above 0; its NB has the
 * system's MDL of a retreat, for which an advance with FreeMdl is due (the last two are found in
 * verify pools: nblbench.h).
 * Decided here: in pools that do not find the last one, the MDL is lost until the process ends. The
 * accounts of the pool's tag show it.
 * Source: NdisFreeNetBufferList.
 */
VOID NdisFreeNetBufferList(NET_BUFFER_LIST *NetBufferList) NDIS_DIRECT;

/*
 * NBs.
 */

/*
 * Allocates an NB that describes data, as NdisAllocateNetBufferAndNetBufferList does.
 * PoolHandle: of a pool of NBs with DataSize 0.
 * MdlChain, DataOffset, DataLength: as there; bytes.
 * Returns the NB, for NdisFreeNetBuffer. NULL: not such a pool (reported if it is no NB pool at
 * all); DataOffset + DataLength exceeds the chain; no memory.
 * Source: NdisAllocateNetBuffer.
 */
NET_BUFFER *NdisAllocateNetBuffer(
	NDIS_HANDLE PoolHandle, MDL *MdlChain, ULONG DataOffset, SIZE_T DataLength) NDIS_DIRECT;

/*
 * Allocates an NB with MDL and data: DataOffset = DataSize, DataLength = 0, so that all is room for
 * a retreat. The bytes are not initialised.
 * PoolHandle: of a pool of NBs with DataSize > 0.
 * Returns the NB, for NdisFreeNetBuffer. NULL: not such a pool (reported if it is no NB pool at
 * all); no memory.
 * Source: NdisAllocateNetBufferMdlAndData.
 */
NET_BUFFER *NdisAllocateNetBufferMdlAndData(NDIS_HANDLE PoolHandle) NDIS_DIRECT;

/*
 * Frees one NB, with the MDL and data that came with it.
 * Misuse: the NB belongs to an NBL (it came with it and goes with it); it is free; no pool made it;
 * it has the system's MDL of a retreat, as for NdisFreeNetBufferList.
 * Source: NdisFreeNetBuffer.
 */
VOID NdisFreeNetBuffer(NET_BUFFER *NetBuffer) NDIS_DIRECT;

/*
 * Context.
 */

/*
 * Obtains ContextSize more bytes of context on an NBL. They begin at
 * NET_BUFFER_LIST_CONTEXT_DATA_START and are not initialised.
 * NetBufferList: any NBL that the caller owns, clones included.
 * ContextSize: bytes, a multiple of the alignment; 0 succeeds and does nothing.
 * ContextBackFill: bytes, a multiple of the alignment, to allocate in addition if memory must be
 * allocated, so that the next call need not; without effect if the front block has room.
 * PoolTag: names the owner of that memory in the accounts (nbl_tags).
 * NDIS_STATUS_SUCCESS: the front block's Offset was reduced by ContextSize, or a new block was put
 * in front. NDIS_STATUS_RESOURCES: no memory. NDIS_STATUS_FAILURE: a size is no multiple of the
 * alignment, or their sum exceeds 65535 and a block is needed, or NetBufferList cannot be used
 * (also reported). Nothing has changed after a failure.
 * A new block has Size ContextSize + ContextBackFill and Offset ContextBackFill, to the byte, under
 * the policies malloc, arena, sticky and adaptive. The default is one of these. The others, which
 * nbl_set_default_context can choose, differ. size_class shows the least block of 32, 160, 288 or
 * 544 bytes that suffices, with the rest as more backfill. headroom does too, and gives every NBL a
 * block of the pool's with 256 bytes more. mtag puts a new block in front at each call, whether
 * there is room or not.
 * Source: NdisAllocateNetBufferListContext.
 */
NDIS_STATUS NdisAllocateNetBufferListContext(NET_BUFFER_LIST *NetBufferList, USHORT ContextSize,
	USHORT ContextBackFill, ULONG PoolTag) NDIS_DIRECT;

/*
 * Releases the newest ContextSize bytes, a multiple of the alignment. An allocated block leaves the
 * NBL when its last byte is released, however many drivers shared it. The pool's block stays.
 * Contexts nest: the last one obtained is the first one released, with the same size. The call
 * checks only the sum in use in the front block, and does not find a release in another order that
 * fits it. ContextSize 0 does nothing.
 * Misuse, and nothing changes: more than the front block has in use; context that came with the
 * NBL; a size that is no multiple of the alignment.
 * Source: NdisFreeNetBufferListContext.
 */
VOID NdisFreeNetBufferListContext(NET_BUFFER_LIST *NetBufferList, USHORT ContextSize) NDIS_DIRECT;

/*
 * Data.
 */

/*
 * Moves the start of the data DataOffsetDelta bytes towards the front: into the headroom if that
 * suffices, else into a new MDL, put before the chain, of the missing bytes and DataBackFill more.
 * AllocateMdlHandler: makes that MDL; NULL: the system does, with memory of its own.
 * NDIS_STATUS_SUCCESS; delta 0 does nothing. NDIS_STATUS_RESOURCES: no MDL. NDIS_STATUS_FAILURE:
 * DataLength would exceed 0xFFFFFFFF; the handler's MDL is smaller than the missing bytes (it
 * remains the driver's); the NB's chain is shorter than its DataOffset. Nothing has changed after a
 * failure.
 * Source: NdisRetreatNetBufferDataStart.
 */
NDIS_STATUS NdisRetreatNetBufferDataStart(NET_BUFFER *NetBuffer, ULONG DataOffsetDelta,
	ULONG DataBackFill, NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler) NDIS_DIRECT;

/*
 * Moves the start of the data DataOffsetDelta bytes towards the end. Changes the NB, never an MDL.
 * FreeMdl: TRUE frees the leading MDLs that hold no data any more, if a retreat made them or they
 * are a clone's own partial ones. A driver's MDLs stay, and so do those that a clone shares with
 * its original. Must be FALSE on the receive path.
 * FreeMdlHandler: takes back those that an AllocateMdlHandler made. If it is NULL, they stay in the
 * chain with all behind them.
 * Misuse, and nothing changes: DataOffsetDelta exceeds DataLength.
 * Decided here: the page's text on the parameter says that all unused MDLs are freed, its remarks
 * that those of retreats are. Drivers depend on the former for clones.
 * Source: NdisAdvanceNetBufferDataStart.
 */
VOID NdisAdvanceNetBufferDataStart(NET_BUFFER *NetBuffer, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
	NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler) NDIS_DIRECT;

/*
 * Retreats every NB of the NBL, or none: if one fails, the NBs are as before and MDLs made for the
 * others have been given to FreeMdlHandler (those of the system: freed). A handler's MDL that is
 * too small goes to FreeMdlHandler too. The page leaves open whether NBs done before are undone.
 * DataOffsetDelta, DataBackFill: bytes, for each NB. AllocateMdlHandler, FreeMdlHandler: may be
 * NULL.
 * Results as for NdisRetreatNetBufferDataStart.
 * Source: NdisRetreatNetBufferListDataStart.
 */
NDIS_STATUS NdisRetreatNetBufferListDataStart(NET_BUFFER_LIST *NetBufferList, ULONG DataOffsetDelta,
	ULONG DataBackFill, NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler,
	NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler) NDIS_DIRECT;

/*
 * Advances every NB of the NBL as NdisAdvanceNetBufferDataStart does. DataOffsetDelta: bytes, for
 * each. Misuse, and nothing changes: one of them has less data than that.
 * Source: NdisAdvanceNetBufferListDataStart.
 */
VOID NdisAdvanceNetBufferListDataStart(NET_BUFFER_LIST *NetBufferList, ULONG DataOffsetDelta,
	BOOLEAN FreeMdl, NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler) NDIS_DIRECT;

/*
 * Sets CurrentMdl and CurrentMdlOffset from MdlChain and DataOffset, after the driver has changed
 * one of those. Misuse: the chain is shorter than DataOffset.
 * Source: NdisAdjustNetBufferCurrentMdl.
 */
VOID NdisAdjustNetBufferCurrentMdl(NET_BUFFER *NetBuffer);

/*
 * Gives access to the first BytesNeeded bytes of data in one piece: in place if they are contiguous
 * and aligned, else copied to Storage. The caller may write to bytes that are in place, not to a
 * copy.
 * Storage: at least BytesNeeded bytes, at any address, or NULL to do without copying.
 * AlignMultiple, AlignOffset: the address in place is to be AlignOffset beyond a multiple of
 * AlignMultiple, a power of two; 1 and 0 for any address.
 * NULL: the NB or its MDLs have less data; BytesNeeded is 0; a copy is needed and Storage is NULL;
 * an MDL has no address; NetBuffer is not of a living pool (also reported).
 * Source: NdisGetDataBuffer.
 */
PVOID NdisGetDataBuffer(NET_BUFFER *NetBuffer, ULONG BytesNeeded, PVOID Storage, UINT AlignMultiple,
	UINT AlignOffset) NDIS_DIRECT;

/*
 * Copies bytes from one NB's data to another NB's MDLs. Both count from their CurrentMdl and
 * CurrentMdlOffset, which have to be right; no member of either is changed, so the caller sets
 * Destination's DataLength afterwards.
 * DestinationOffset, SourceOffset: bytes beyond those places. BytesToCopy: at most so many.
 * BytesCopied: receives how many were copied: fewer where Source has no more data (DataLength) or
 * Destination's chain has no more room.
 * NDIS_STATUS_SUCCESS, also then. NDIS_STATUS_RESOURCES: an NB is not of a living pool (also
 * reported), or an MDL has no address; *BytesCopied says what was copied before.
 * Decided here: each piece is copied right even where Source and Destination overlap in it.
 * Source: NdisCopyFromNetBufferToNetBuffer.
 */
NDIS_STATUS NdisCopyFromNetBufferToNetBuffer(NET_BUFFER *Destination, ULONG DestinationOffset,
	ULONG BytesToCopy, NET_BUFFER const *Source, ULONG SourceOffset, ULONG *BytesCopied);

/*
 * Info slots.
 */

/*
 * Copies what an NBL that is sent carries in its info slots: TcpIpChecksum, IPsecOffloadV1, the two
 * of IPsecOffloadV2, TcpLargeSend, Ieee8021Q, MediaSpecificInformation, NetBufferListCancelId,
 * NetBufferListProtocolId, VirtualSubnetInfo and NetBufferListFilteringInfo. The others, and all
 * that is no slot, stay as they are. If one of the two NBLs cannot be used, that is reported and
 * nothing is copied.
 * Source: NdisCopySendNetBufferListInfo.
 */
VOID NdisCopySendNetBufferListInfo(
	NET_BUFFER_LIST *DestNetBufferList, NET_BUFFER_LIST *SrcNetBufferList);

/*
 * The same for an NBL that is received: NetBufferListHashValue and NetBufferListHashInfo too, but
 * not NetBufferListCancelId; two of the slots have other names then, NetBufferListFrameType and
 * TcpReceiveNoPush.
 * Source: NdisCopyReceiveNetBufferListInfo.
 */
VOID NdisCopyReceiveNetBufferListInfo(
	NET_BUFFER_LIST *DestNetBufferList, NET_BUFFER_LIST *SrcNetBufferList);

/*
 * Clones.
 */

/*
 * Makes an NBL with a new NB for each of Original's, over the same bytes; no data is copied.
 * NetBufferListPoolHandle, NetBufferPoolHandle: where they come from; NULL: pools of the library. The
 * clone does not use a data pool's own data.
 * AllocateCloneFlags: 0: each NB gets partial MDLs over the used data, DataOffset 0;
 * NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS: the original's chain, DataOffset and DataLength.
 * The clone's Context is NULL whatever the pool. The caller keeps ParentNetBufferList and
 * ChildRefCount, and Original and its data until the clone is freed.
 * NULL: another flag; a handle of the wrong kind, or Original cannot be used (both also reported); no
 * memory.
 * Source: NdisAllocateCloneNetBufferList.
 */
NET_BUFFER_LIST *NdisAllocateCloneNetBufferList(NET_BUFFER_LIST *Original,
	NDIS_HANDLE NetBufferListPoolHandle, NDIS_HANDLE NetBufferPoolHandle,
	ULONG AllocateCloneFlags) NDIS_DIRECT;

/*
 * Frees a clone, its NBs and its partial MDLs.
 * FreeCloneFlags: as at its allocation. The caller has released contexts.
 * Misuse, and the clone stays: other flags; no clone; contexts on it; its ChildRefCount is above 0
 * (found in verify pools); an MDL in it that did not come with it, or, with
 * NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS, another MdlChain than it came with.
 * Decided here: a clone with MDLs of its own takes along the system's MDLs that retreats have
 * added. The page does not ask for the advance, and shipped drivers do without.
 * Source: NdisFreeCloneNetBufferList.
 */
VOID NdisFreeCloneNetBufferList(
	NET_BUFFER_LIST *CloneNetBufferList, ULONG FreeCloneFlags) NDIS_DIRECT;

/*
 * Fragments.
 */

/*
 * Makes an NBL over the same bytes in pieces. Each of Original's NBs becomes as many new NBs, one
 * after the other, as its data fill; no data is copied. Each new NB has a chain of its own: an MDL
 * of the system for what DataOffsetDelta asks, then partial MDLs over its piece.
 * NetBufferListPool, NetBufferPool: where they come from; NULL: pools of the library.
 * StartOffset: bytes of each NB's data to leave out at their start (a header, which each fragment is
 * to have anew).
 * MaximumLength: bytes of the original's data that a fragment has at most; the last of an NB has
 * what is left.
 * DataOffsetDelta: bytes by which each new NB is then retreated. They count in its DataLength and
 * are not initialised.
 * DataBackFill: bytes of headroom before those, if DataOffsetDelta is not 0.
 * AllocateFragmentFlags: 0.
 * The new NBL's Context is NULL whatever the pool. The caller keeps ParentNetBufferList and
 * ChildRefCount, and Original and its data until the fragments are freed.
 * NULL: flags; MaximumLength is 0; an NB has less data than StartOffset; a sum of lengths exceeds
 * 32 bits; a handle of the wrong kind; Original cannot be used (also reported); no memory.
 * Decided here: an NB that has no data beyond StartOffset gets one fragment, with none of them.
 * Source: NdisAllocateFragmentNetBufferList.
 */
NET_BUFFER_LIST *NdisAllocateFragmentNetBufferList(NET_BUFFER_LIST *OriginalNetBufferList,
	NDIS_HANDLE NetBufferListPool, NDIS_HANDLE NetBufferPool, ULONG StartOffset,
	ULONG MaximumLength, ULONG DataOffsetDelta, ULONG DataBackFill,
	ULONG AllocateFragmentFlags);

/*
 * Frees fragments, their NBs and their MDLs.
 * DataOffsetDelta: as at their allocation, says the page. Decided here: it has no effect, and
 * advances and retreats need not be undone, because shipped drivers pass other values and undo
 * nothing. The free takes all MDLs that came with the fragments, and those of the system that
 * retreats added. FreeFragmentFlags: 0.
 * Misuse, and they stay: flags; no fragments; contexts on them; an MDL of somebody else in them.
 * Source: NdisFreeFragmentNetBufferList.
 */
VOID NdisFreeFragmentNetBufferList(
	NET_BUFFER_LIST *FragmentNetBufferList, ULONG DataOffsetDelta, ULONG FreeFragmentFlags);

/*
 * Makes an NBL with one NB, whose data are those of all of FragmentNetBufferList's NBs, one after
 * the other; no data is copied.
 * NetBufferAndNetBufferListPoolHandle: of a pool with fAllocateNetBuffer TRUE and DataSize 0; NULL:
 * a pool of the library.
 * StartOffset: bytes to leave out at the start of each NB's data.
 * DataOffsetDelta: bytes by which the new NB is then retreated. They count in its DataLength and are
 * not initialised.
 * DataBackFill: bytes of headroom before those, if DataOffsetDelta is not 0.
 * AllocateReassembleFlags: 0.
 * The new NBL's Context is NULL whatever the pool. The caller keeps ParentNetBufferList and
 * ChildRefCount, and the fragments and their data until the new NBL is freed.
 * NULL: flags; a pool of another kind; an NB has less data than StartOffset; a sum of lengths
 * exceeds 32 bits; FragmentNetBufferList cannot be used (also reported); no memory.
 * Source: NdisAllocateReassembledNetBufferList.
 */
NET_BUFFER_LIST *NdisAllocateReassembledNetBufferList(NET_BUFFER_LIST *FragmentNetBufferList,
	NDIS_HANDLE NetBufferAndNetBufferListPoolHandle, ULONG StartOffset, ULONG DataOffsetDelta,
	ULONG DataBackFill, ULONG AllocateReassembleFlags);

/*
 * Frees a reassembled NBL, its NB and its MDLs; DataOffsetDelta, FreeReassembleFlags and misuse as
 * for NdisFreeFragmentNetBufferList.
 * Source: NdisFreeReassembledNetBufferList.
 */
VOID NdisFreeReassembledNetBufferList(NET_BUFFER_LIST *ReassembledNetBufferList,
	ULONG DataOffsetDelta, ULONG FreeReassembleFlags);

/*
 * MDLs. In user mode every address is mapped and resident, so nothing is locked or translated.
 */

/*
 * Makes an MDL for Length bytes at VirtualAddress, which stay the caller's.
 * SecondaryBuffer, ChargeQuota, Irp: no effect here; pass FALSE, FALSE, NULL.
 * Length: at most 16 MiB less a page, for MDL.Size holds 15 bits.
 * Returns the MDL, for IoFreeMdl. NULL: Length is larger; no memory.
 * Source: IoAllocateMdl.
 */
MDL *IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota,
	PVOID Irp);

/*
 * Frees an MDL of IoAllocateMdl or NdisAllocateMdl. Misuse: no such MDL, or free already.
 * Source: IoFreeMdl.
 */
VOID IoFreeMdl(MDL *Mdl);

/*
 * Makes TargetMdl describe Length bytes at VirtualAddress, which lie in what SourceMdl describes;
 * Length 0: all from VirtualAddress to SourceMdl's end. VirtualAddress is in terms of SourceMdl's
 * MmGetMdlVirtualAddress. TargetMdl's Size is large enough for them. A Size below that of an MDL is
 * not looked at: drivers build into MDLs that they have not initialised.
 * TargetMdl is mapped as SourceMdl is: it takes over MDL_MAPPED_TO_SYSTEM_VA and
 * MDL_SOURCE_IS_NONPAGED_POOL, and its MappedSystemVa lies as far into SourceMdl's.
 * Misuse, and nothing changes: the bytes are not all SourceMdl's; TargetMdl is too small. Windows
 * stops at both.
 * Source: IoBuildPartialMdl; bug checks INVALID_MDL_RANGE, TARGET_MDL_TOO_SMALL.
 */
VOID IoBuildPartialMdl(MDL *SourceMdl, MDL *TargetMdl, PVOID VirtualAddress, ULONG Length);

/*
 * Fills in memory of the caller's, or an MDL of IoAllocateMdl that is large enough, as an MDL without
 * successor and without flags. IoFreeMdl frees the latter as before.
 * MemoryDescriptorList: MmSizeOfMdl(BaseVa, Length) bytes. BaseVa, Length: what it is to describe.
 * Misuse, and nothing changes: Length is larger than IoAllocateMdl takes; MemoryDescriptorList is
 * NULL.
 * Source: MmInitializeMdl.
 */
VOID MmInitializeMdl(MDL *MemoryDescriptorList, PVOID BaseVa, SIZE_T Length);

/*
 * Makes an MDL usable: sets MappedSystemVa and MDL_SOURCE_IS_NONPAGED_POOL. In user mode all memory
 * is as good as non-paged. Misuse: MemoryDescriptorList is NULL.
 * Source: MmBuildMdlForNonPagedPool.
 */
VOID MmBuildMdlForNonPagedPool(MDL *MemoryDescriptorList);

/*
 * IoAllocateMdl and MmBuildMdlForNonPagedPool in one, over Length bytes at VirtualAddress.
 * NdisHandle: not used; may be NULL. Returns the MDL, for NdisFreeMdl. NULL: no memory, or Length
 * too large. Source: NdisAllocateMdl.
 */
MDL *NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, UINT Length);

/* As IoFreeMdl, of which it is another name here. Source: NdisFreeMdl. */
VOID NdisFreeMdl(MDL *Mdl);

#ifdef __cplusplus
}
#endif

#endif
