/*
 * Where an NB's data begins: retreat, advance, and access.
 *
 * A system's MDL is one block of the C library's memory: its length, the MDL, the bytes. The origin
 * of an MDL tells an advance whether it may free it (internal.h). The MDLs of retreats are the
 * first of the chain, and the partial ones of a clone come behind them.
 */
#include "alloc/ndis/internal.h"

static const char *const short_chain = "the NB's MDL chain is shorter than its DataOffset";

/* True if a pool of ours has the NB out, alone or in an NBL. */
static bool is_live(const struct nbl_pool *pool, const NET_BUFFER *nb)
{
	const void *nbl = (const unsigned char *)nb - NBL_NB_OFFSET;

	if (pool->kind == NBL_POOL_NBS)
		return nbl_loose_is(nb, pool, NBL_MARK_LIVE);
	return nbl_mark_out(nbl, pool) != NBL_MARK_NONE;
}

static COLD void report_not_live(const NET_BUFFER *nb, const char *call)
{
	const struct nbl_pool *pool = nb ? nb->NdisPoolHandle : NULL;
	bool lists = nbl_pool_valid(pool, NBL_POOL_LISTS);

	if (!lists && !nbl_pool_valid(pool, NBL_POOL_NBS)) {
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nb,
			"the NB is not of a living pool");
		return;
	}
	const void *nbl = (const unsigned char *)nb - NBL_NB_OFFSET;
	if (lists ? nbl_is(nbl, pool, NBL_MARK_FREE) : nbl_loose_is(nb, pool, NBL_MARK_FREE))
		nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, call, pool, nb, "the NB is free");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, pool, nb,
			"no pool made it, or it is a copy");
}

/*
 * The pool of an NB that is to be used, or NULL after a report. Whether the NB is live is looked at
 * in pools that check everything.
 */
static struct nbl_pool *pool_of(const NET_BUFFER *nb, const char *call)
{
	if (likely(nb != NULL && (nbl_pool_valid(nb->NdisPoolHandle, NBL_POOL_LISTS) ||
					 nbl_pool_valid(nb->NdisPoolHandle, NBL_POOL_NBS)))) {
		struct nbl_pool *pool = (struct nbl_pool *)nb->NdisPoolHandle;

		if (likely(!pool->checks) || likely(is_live(pool, nb)))
			return pool;
	}
	report_not_live(nb, call);
	return NULL;
}

/*
 * Retreat.
 */

/* What stands before a system's MDL. */
struct system_block {
	uint32_t bytes; /* of the whole block */
	uint32_t tag;   /* under which it is counted */
	void *mark;     /* NULL, where MDLs of IoAllocateMdl have a mark */
};

static MDL *system_mdl(const struct nbl_pool *pool, uint32_t bytes)
{
	size_t header = MmSizeOfMdl((uintptr_t)(PAGE_SIZE - 1), bytes);

	header = (header + CONTEXT_ALIGN_BYTES - 1) & ~(size_t)(CONTEXT_ALIGN_BYTES - 1);
	size_t all = sizeof(struct system_block) + header + bytes;
	if (header > INT16_MAX || memory_fault(all))
		return NULL;
	struct system_block *block = malloc(all);
	if (block == NULL)
		return NULL;
	*block = (struct system_block){.bytes = (uint32_t)all, .tag = pool->tag};
	MDL *mdl = (MDL *)(block + 1);
	MmInitializeMdl(mdl, (unsigned char *)mdl + header, bytes);
	MmBuildMdlForNonPagedPool(mdl);
	ndis_mdl_set_origin(mdl, NDIS_MDL_SYSTEM);
	account_add(block->tag, all, 1);
	return mdl;
}

_Static_assert(sizeof(struct system_block) == NBL_LOOSE_OFFSET, "the mark's place");

void ndis_system_mdl_free(MDL *mdl)
{
	struct system_block *block = (struct system_block *)mdl - 1;

	account_add(block->tag, block->bytes, -1);
	mdl->Process = NULL; /* whoever gets the memory next has no MDL of ours */
	free(block);
}

/* Bytes that an NB lacks for a retreat by delta; 0 if its headroom suffices. */
static uint32_t missing_bytes(const NET_BUFFER *nb, ULONG delta)
{
	return delta > nb->DataOffset ? delta - nb->DataOffset : 0;
}

/* True if a retreat of nb by delta can succeed as far as its figures go. */
static bool can_retreat(const NET_BUFFER *nb, ULONG delta, ULONG backfill)
{
	struct nbl_place place;

	return (uint64_t)nb->DataLength + delta <= UINT32_MAX &&
	       (uint64_t)missing_bytes(nb, delta) + backfill <= UINT32_MAX &&
	       nbl_place(nb->MdlChain, nb->DataOffset, 0, &place);
}

/*
 * Makes the MDL for `missing` bytes and backfill. NULL: none, with the reason in *status. A
 * handler's MDL that is too small is left in *rejected.
 */
static MDL *retreat_mdl(const struct nbl_pool *pool, uint32_t missing, ULONG backfill,
	NET_BUFFER_ALLOCATE_MDL_HANDLER handler, MDL **rejected, NDIS_STATUS *status)
{
	ULONG bytes = missing + backfill;
	MDL *mdl = handler ? handler(&bytes) : system_mdl(pool, bytes);

	if (mdl == NULL) {
		*status = NDIS_STATUS_RESOURCES;
		return NULL;
	}
	if (mdl->ByteCount < missing) {
		*rejected = mdl;
		*status = NDIS_STATUS_FAILURE;
		return NULL;
	}
	if (handler)
		ndis_mdl_set_origin(mdl, NDIS_MDL_HANDLER);
	return mdl;
}

/* Notes what a free of the NB would lose, in a pool that checks everything. */
static void note_retreats(NET_BUFFER *nb)
{
	const struct nbl_pool *pool = nb->NdisPoolHandle;
	MDL *first = nb->MdlChain;

	if (likely(!pool->checks))
		return;
	bool lost = first != NULL && first != nb->NdisReserved[NDIS_NB_SHARED] &&
		    ndis_mdl_is(first, NDIS_MDL_SYSTEM);
	nb->NdisReserved[NDIS_NB_RETREATED] =
		lost ? (void *)((uintptr_t)first ^ (uintptr_t)nb) : NULL;
}

/* Retreats; cannot fail. mdl: where bytes are missing, the one that has them. */
static void retreat(NET_BUFFER *nb, ULONG delta, MDL *mdl)
{
	uint32_t missing = missing_bytes(nb, delta);
	struct nbl_place place;

	if (missing != 0) {
		mdl->Next = nb->MdlChain;
		nb->MdlChain = mdl;
		nb->DataOffset = mdl->ByteCount - missing;
		note_retreats(nb);
	} else {
		nb->DataOffset -= delta;
	}
	nb->stDataLength = nb->DataLength + delta;
	if (likely(nbl_place(nb->MdlChain, nb->DataOffset, 0, &place))) {
		nb->CurrentMdl = place.mdl;
		nb->CurrentMdlOffset = place.offset;
	}
}

NDIS_STATUS NdisRetreatNetBufferDataStart(NET_BUFFER *NetBuffer, ULONG DataOffsetDelta,
	ULONG DataBackFill, NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler)
{
	struct nbl_pool *pool = pool_of(NetBuffer, __func__);
	NDIS_STATUS status = NDIS_STATUS_SUCCESS;
	MDL *mdl = NULL;
	MDL *rejected;

	if (pool == NULL)
		return NDIS_STATUS_FAILURE;
	if (DataOffsetDelta == 0)
		return NDIS_STATUS_SUCCESS;
	if (!can_retreat(NetBuffer, DataOffsetDelta, DataBackFill))
		return NDIS_STATUS_FAILURE;
	uint32_t missing = missing_bytes(NetBuffer, DataOffsetDelta);
	if (missing != 0) {
		mdl = retreat_mdl(
			pool, missing, DataBackFill, AllocateMdlHandler, &rejected, &status);
		if (mdl == NULL)
			return status;
	}
	retreat(NetBuffer, DataOffsetDelta, mdl);
	return NDIS_STATUS_SUCCESS;
}

/* Frees an MDL of a known origin. handler may be NULL for all but the handler's. */
static void release_mdl(MDL *mdl, NET_BUFFER_FREE_MDL_HANDLER handler)
{
	if (ndis_mdl_is(mdl, NDIS_MDL_SYSTEM)) {
		ndis_system_mdl_free(mdl);
	} else if (ndis_mdl_is(mdl, NDIS_MDL_PARTIAL)) {
		IoFreeMdl(mdl);
	} else {
		mdl->Process = NULL; /* the driver's again */
		if (handler)
			handler(mdl);
	}
}

/*
 * First makes all the MDLs that the NBs will need, in their order, and touches no NB. So there is
 * nothing to undo in one NB when the next one fails.
 */
NDIS_STATUS NdisRetreatNetBufferListDataStart(NET_BUFFER_LIST *NetBufferList, ULONG DataOffsetDelta,
	ULONG DataBackFill, NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler,
	NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
	NDIS_STATUS status = NDIS_STATUS_SUCCESS;
	MDL *made = NULL;
	MDL **tail = &made;
	MDL *rejected = NULL;

	if (nbl_pool_of(NetBufferList, __func__) == NULL)
		return NDIS_STATUS_FAILURE;
	if (DataOffsetDelta == 0)
		return NDIS_STATUS_SUCCESS;
	struct nbl_ring ring = {.at = NULL};
	for (NET_BUFFER *nb = NetBufferList->FirstNetBuffer; nb != NULL; nb = nb->Next) {
		if (nbl_comes_round(&ring, nb) || pool_of(nb, __func__) == NULL ||
			!can_retreat(nb, DataOffsetDelta, DataBackFill))
			return NDIS_STATUS_FAILURE;
	}
	for (NET_BUFFER *nb = NetBufferList->FirstNetBuffer; nb != NULL; nb = nb->Next) {
		uint32_t missing = missing_bytes(nb, DataOffsetDelta);

		if (missing == 0)
			continue;
		*tail = retreat_mdl(nb->NdisPoolHandle, missing, DataBackFill, AllocateMdlHandler,
			&rejected, &status);
		if (*tail == NULL)
			goto fail;
		tail = &(*tail)->Next;
		*tail = NULL;
	}
	for (NET_BUFFER *nb = NetBufferList->FirstNetBuffer; nb != NULL; nb = nb->Next) {
		MDL *mdl = NULL;

		if (missing_bytes(nb, DataOffsetDelta) != 0) {
			mdl = made;
			made = made->Next;
		}
		retreat(nb, DataOffsetDelta, mdl);
	}
	return NDIS_STATUS_SUCCESS;

fail:
	if (rejected != NULL && FreeMdlHandler != NULL)
		FreeMdlHandler(rejected);
	while (made != NULL) {
		MDL *next = made->Next;

		release_mdl(made, FreeMdlHandler);
		made = next;
	}
	return status;
}

/*
 * Advance.
 */

/* True if nb can advance by delta; reports why not. */
static bool can_advance(const NET_BUFFER *nb, ULONG delta, const char *call)
{
	struct nbl_pool *pool = pool_of(nb, call);
	struct nbl_place place;

	if (pool == NULL)
		return false;
	if (delta > nb->DataLength) {
		nbl_misuse(NBL_MISUSE_DATA, call, pool, nb,
			"an advance by %u bytes, but the NB has %u bytes of data", delta,
			nb->DataLength);
		return false;
	}
	uint64_t offset = (uint64_t)nb->DataOffset + delta;
	if (offset > UINT32_MAX || !nbl_place(nb->MdlChain, offset, 0, &place)) {
		nbl_misuse(NBL_MISUSE_DATA, call, pool, nb, "%s", short_chain);
		return false;
	}
	return true;
}

/*
 * True if the NB's first MDL holds no data any more and is the NB's to free. A clone that shares
 * its original's chain has none of its own from there on.
 */
static bool is_unused(const NET_BUFFER *nb, NET_BUFFER_FREE_MDL_HANDLER handler)
{
	const MDL *first = nb->MdlChain;

	if (first == NULL || first == nb->NdisReserved[NDIS_NB_SHARED] ||
		nb->DataOffset < first->ByteCount)
		return false;
	return ndis_mdl_is(first, NDIS_MDL_SYSTEM) || ndis_mdl_is(first, NDIS_MDL_PARTIAL) ||
	       (handler != NULL && ndis_mdl_is(first, NDIS_MDL_HANDLER));
}

static void advance(
	NET_BUFFER *nb, ULONG delta, BOOLEAN free_mdl, NET_BUFFER_FREE_MDL_HANDLER handler)
{
	struct nbl_place place;

	nb->DataOffset += delta;
	nb->stDataLength = nb->DataLength - delta;
	if (free_mdl) {
		while (is_unused(nb, handler)) {
			MDL *first = nb->MdlChain;

			nb->MdlChain = first->Next;
			nb->DataOffset -= first->ByteCount;
			release_mdl(first, handler);
		}
		note_retreats(nb);
	}
	/* can_advance has found the place; removing leading MDLs does not move it. */
	if (likely(nbl_place(nb->MdlChain, nb->DataOffset, 0, &place))) {
		nb->CurrentMdl = place.mdl;
		nb->CurrentMdlOffset = place.offset;
	}
}

VOID NdisAdvanceNetBufferDataStart(NET_BUFFER *NetBuffer, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
	NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
	if (can_advance(NetBuffer, DataOffsetDelta, __func__))
		advance(NetBuffer, DataOffsetDelta, FreeMdl, FreeMdlHandler);
}

VOID NdisAdvanceNetBufferListDataStart(NET_BUFFER_LIST *NetBufferList, ULONG DataOffsetDelta,
	BOOLEAN FreeMdl, NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
	const struct nbl_pool *pool = nbl_pool_of(NetBufferList, __func__);
	struct nbl_ring ring = {.at = NULL};

	if (pool == NULL)
		return;
	for (NET_BUFFER *nb = NetBufferList->FirstNetBuffer; nb != NULL; nb = nb->Next) {
		if (nbl_comes_round(&ring, nb)) {
			nbl_misuse(NBL_MISUSE_DATA, __func__, pool, NetBufferList,
				"its NBs come round to %p", (void *)nb);
			return;
		}
		if (!can_advance(nb, DataOffsetDelta, __func__))
			return;
	}
	for (NET_BUFFER *nb = NetBufferList->FirstNetBuffer; nb != NULL; nb = nb->Next)
		advance(nb, DataOffsetDelta, FreeMdl, FreeMdlHandler);
}

VOID NdisAdjustNetBufferCurrentMdl(NET_BUFFER *NetBuffer)
{
	struct nbl_pool *pool = pool_of(NetBuffer, __func__);
	struct nbl_place place;

	if (pool == NULL)
		return;
	if (!nbl_place(NetBuffer->MdlChain, NetBuffer->DataOffset, 0, &place)) {
		nbl_misuse(NBL_MISUSE_DATA, __func__, pool, NetBuffer, "%s", short_chain);
		return;
	}
	NetBuffer->CurrentMdl = place.mdl;
	NetBuffer->CurrentMdlOffset = place.offset;
}

/* A place in a chain of MDLs from which bytes are taken, or to which they go. */
struct cursor {
	const MDL *mdl; /* NULL: the chain has ended, or goes round */
	uint64_t offset;
	struct nbl_ring ring;
};

/* The bytes that are left in the cursor's MDL, after MDLs that it has passed are left behind. */
static ULONG cursor_settle(struct cursor *at)
{
	while (at->mdl != NULL && at->offset >= at->mdl->ByteCount) {
		at->offset -= at->mdl->ByteCount;
		at->mdl = nbl_comes_round(&at->ring, at->mdl) ? NULL : at->mdl->Next;
	}
	return at->mdl != NULL ? at->mdl->ByteCount - (ULONG)at->offset : 0;
}

/* The address of the cursor's byte; NULL: it has none. */
static PUCHAR cursor_address(const struct cursor *at)
{
	PUCHAR base = ndis_mdl_address(at->mdl);

	return base != NULL ? base + at->offset : NULL;
}

/* Copies that many bytes. False: the chain is too short, or an MDL has no address. */
static bool copy_out(PUCHAR to, ULONG bytes, struct cursor *from)
{
	while (bytes != 0) {
		ULONG take = cursor_settle(from);

		take = take < bytes ? take : bytes;
		if (take == 0 || cursor_address(from) == NULL)
			return false;
		memcpy(to, cursor_address(from), take);
		from->offset += take;
		to += take;
		bytes -= take;
	}
	return true;
}

PVOID NdisGetDataBuffer(NET_BUFFER *NetBuffer, ULONG BytesNeeded, PVOID Storage, UINT AlignMultiple,
	UINT AlignOffset)
{
	if (pool_of(NetBuffer, __func__) == NULL)
		return NULL;
	const MDL *mdl = NetBuffer->CurrentMdl;
	uint32_t offset = NetBuffer->CurrentMdlOffset;
	if (BytesNeeded == 0 || BytesNeeded > NetBuffer->DataLength || mdl == NULL)
		return NULL;
	uint64_t end = (uint64_t)offset + BytesNeeded;
	uintptr_t data = (uintptr_t)ndis_mdl_address(mdl);
	bool aligned = AlignMultiple == 0 ||
		       ((data + offset - AlignOffset) & (uintptr_t)(AlignMultiple - 1)) == 0;
	if (aligned && end <= mdl->ByteCount)
		return data != 0 ? (PVOID)(data + offset) : NULL;
	struct cursor from = {.mdl = mdl, .offset = offset};
	if (Storage == NULL || !copy_out(Storage, BytesNeeded, &from))
		return NULL;
	return Storage;
}

/* Copies up to `bytes` bytes and says in *copied how many. False: an MDL has no address. */
static bool copy_chain(struct cursor *to, struct cursor *from, const uint64_t bytes, ULONG *copied)
{
	uint64_t done = 0;
	bool mapped = true;

	while (done < bytes) {
		ULONG room = cursor_settle(to);
		ULONG take = cursor_settle(from);

		take = take < room ? take : room;
		take = take < bytes - done ? take : (ULONG)(bytes - done);
		if (take == 0)
			break;
		PUCHAR target = cursor_address(to);
		const unsigned char *source = cursor_address(from);
		mapped = target != NULL && source != NULL;
		if (!mapped)
			break;
		memmove(target, source, take); /* one NB can be both */
		to->offset += take;
		from->offset += take;
		done += take;
	}
	*copied = (ULONG)done;
	return mapped;
}

NDIS_STATUS NdisCopyFromNetBufferToNetBuffer(NET_BUFFER *Destination, ULONG DestinationOffset,
	ULONG BytesToCopy, NET_BUFFER const *Source, ULONG SourceOffset, ULONG *BytesCopied)
{
	ULONG copied = 0;
	bool good = false;

	if (pool_of(Destination, __func__) != NULL && pool_of(Source, __func__) != NULL) {
		struct cursor to = {.mdl = Destination->CurrentMdl,
			.offset = (uint64_t)Destination->CurrentMdlOffset + DestinationOffset};
		struct cursor from = {.mdl = Source->CurrentMdl,
			.offset = (uint64_t)Source->CurrentMdlOffset + SourceOffset};
		uint64_t data =
			Source->DataLength > SourceOffset ? Source->DataLength - SourceOffset : 0;

		good = copy_chain(&to, &from, data < BytesToCopy ? data : BytesToCopy, &copied);
	}
	if (BytesCopied != NULL)
		*BytesCopied = copied;
	return good ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}
