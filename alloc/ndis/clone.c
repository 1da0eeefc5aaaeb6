/*
 * NBLs that are made from another one's data: clones, fragments, reassembled NBLs, deep clones.
 *
 * The mark says how such an NBL was made, so that its free can insist on the call and flags that
 * belong to it. Its first NB is the one embedded in the NBL where the pool has them; the others
 * come from the NB pool. Its Context is NULL, whatever the pool, so the first context on it is an
 * allocated block. Only a deep clone has its pool's block.
 */
#include "alloc/ndis/internal.h"

/*
 * In the new NBL's NblReserved, behind nbl_references; NULL in others. In a clone of FWPS: its
 * original's pool, which tells whether the original can be live.
 */
enum { PARENTS_POOL = 1 };

/* An NB that is being filled: *tail is where its next MDL goes. */
struct filling {
	NET_BUFFER *nb;
	MDL **tail;
};

/* Appends partial MDLs over `length` bytes from `place` on. 0 or -ENOMEM with some of them there. */
static int append_partial(struct filling *to, const struct nbl_place *place, uint32_t length)
{
	MDL *source = place->mdl;
	uint32_t offset = place->offset;

	for (; length != 0; source = source->Next, offset = 0) {
		PVOID va = (PVOID)((uintptr_t)MmGetMdlVirtualAddress(source) + offset);
		uint32_t here = source->ByteCount - offset;
		uint32_t take = here < length ? here : length;

		if (take == 0)
			continue;
		MDL *mdl = IoAllocateMdl(va, take, FALSE, FALSE, NULL);
		if (mdl == NULL)
			return -ENOMEM;
		IoBuildPartialMdl(source, mdl, va, take);
		ndis_mdl_set_origin(mdl, NDIS_MDL_PARTIAL);
		*to->tail = mdl;
		to->tail = &mdl->Next;
		length -= take;
	}
	return 0;
}

/*
 * Appends `length` bytes of the original's data, from its byte `at` on, to an NB that has no
 * headroom yet. 0, -EINVAL: the original's figures disagree, or the sum exceeds 32 bits, -ENOMEM.
 */
static int append_data(struct filling *to, const NET_BUFFER *original, uint32_t at, uint32_t length)
{
	struct nbl_place place;
	NET_BUFFER *nb = to->nb;

	if (!nbl_place(original->MdlChain, (uint64_t)original->DataOffset + at, length, &place) ||
		(uint64_t)nb->DataLength + length > UINT32_MAX)
		return -EINVAL;
	int rc = append_partial(to, &place, length);
	if (rc == 0) {
		nb->stDataLength = nb->DataLength + length;
		nb->CurrentMdl = nb->MdlChain;
	}
	return rc;
}

static int status_error(NDIS_STATUS status)
{
	if (status == NDIS_STATUS_SUCCESS)
		return 0;
	return status == NDIS_STATUS_RESOURCES ? -ENOMEM : -EINVAL;
}

/*
 * Gives an empty NB a copy of the original's data, in one piece. 0, -EINVAL or -ENOMEM, as above.
 * COLD: only a deep clone comes here, and it asks the C library for memory.
 */
static COLD int copy_data(NET_BUFFER *nb, const NET_BUFFER *original)
{
	ULONG copied = 0;

	if (original->DataLength == 0)
		return 0;
	/* The system's memory for a retreat is what a copy needs: MDL and bytes in one. */
	int rc = status_error(NdisRetreatNetBufferDataStart(nb, original->DataLength, 0, NULL));
	if (rc == 0)
		rc = status_error(NdisCopyFromNetBufferToNetBuffer(
			nb, 0, original->DataLength, original, 0, &copied));
	return rc == 0 && copied != original->DataLength ? -EINVAL : rc;
}

/* Gives an empty NB the original's own chain. 0, or -EINVAL as above. */
static int share_data(NET_BUFFER *nb, const NET_BUFFER *original)
{
	struct nbl_place place;

	if (!nbl_place(original->MdlChain, original->DataOffset, original->DataLength, &place))
		return -EINVAL;
	nbl_set_data(nb, original->MdlChain, &place, original->DataOffset, original->DataLength);
	nb->NdisReserved[NDIS_NB_SHARED] = original->MdlChain;
	return 0;
}

/* Gives back an NB of a clone that is not embedded in the NBL. */
static void discard_nb(NET_BUFFER *nb, const char *call)
{
	struct nbl_pool *pool = nbl_enter(nb->NdisPoolHandle, NBL_POOL_NBS);

	if (unlikely(pool == NULL)) {
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, nb,
			"the NB's pool was being freed, and the NB stays out");
		return;
	}
	ndis_nb_free(pool, nb);
	nbl_leave(pool);
}

/* Frees the NBs of a clone and, if they are its own, their MDLs. */
static void discard_data(
	struct nbl_pool *lists, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	while (nbl->FirstNetBuffer != NULL) {
		NET_BUFFER *nb = nbl->FirstNetBuffer;

		while (mark != NBL_MARK_CLONE_SHARED && nb->MdlChain != NULL) {
			MDL *mdl = nb->MdlChain;

			nb->MdlChain = mdl->Next;
			if (ndis_mdl_is(mdl, NDIS_MDL_SYSTEM))
				ndis_system_mdl_free(mdl);
			else
				IoFreeMdl(mdl);
		}
		if (mark == NBL_MARK_CLONE_SHARED)
			nb->NdisReserved[NDIS_NB_SHARED] = NULL;
		nbl->FirstNetBuffer = nb->Next;
		if (!lists->with_nb || nb != nbl_embedded_nb(nbl))
			discard_nb(nb, call);
	}
}

/*
 * Adds an empty NB to the end of the list of NBs that *end points to, and prepares its filling. 0
 * or -ENOMEM.
 */
static int add_nb(struct nbl_pool *lists, struct nbl_pool *nbs, NET_BUFFER_LIST *nbl,
	NET_BUFFER ***end, struct filling *out)
{
	NET_BUFFER *nb = nbl_embedded_nb(nbl);
	const struct nbl_place nowhere = {.mdl = NULL};
	int rc = 0;

	if (!lists->with_nb || *end != &nbl->FirstNetBuffer)
		rc = ndis_nb_alloc(nbs, NULL, 0, 0, &nb);
	if (rc != 0)
		return rc;
	nbl_set_data(nb, NULL, &nowhere, 0, 0); /* a data pool's own MDL is left alone */
	**end = nb;
	*end = &nb->Next;
	*out = (struct filling){.nb = nb, .tail = &nb->MdlChain};
	return 0;
}

/* Makes the room before the data, in memory of the C library. 0, -EINVAL or -ENOMEM. */
static COLD int make_room(const struct filling *nb, const struct ndis_derivation *how)
{
	return status_error(NdisRetreatNetBufferDataStart(
		nb->nb, how->data_offset_delta, how->data_back_fill, NULL));
}

/* The NBs for one of the original's: one, or fragments. 0, -EINVAL or -ENOMEM. */
static int derive_nb(struct nbl_pool *lists, struct nbl_pool *nbs, NET_BUFFER_LIST *nbl,
	NET_BUFFER ***end, const NET_BUFFER *original, const struct ndis_derivation *how)
{
	uint32_t at = how->start;
	struct filling to;
	int rc;

	do {
		rc = add_nb(lists, nbs, nbl, end, &to);
		if (rc != 0)
			return rc;
		if (how->mark == NBL_MARK_CLONE_SHARED)
			return share_data(to.nb, original);
		if (how->mark == NBL_MARK_CLONE_DEEP)
			return copy_data(to.nb, original);
		uint32_t rest = original->DataLength - at;
		uint32_t take = rest < how->max_length ? rest : how->max_length;
		rc = append_data(&to, original, at, take);
		if (rc == 0 && how->data_offset_delta != 0)
			rc = make_room(&to, how);
		at += take;
	} while (rc == 0 && at != original->DataLength);
	return rc;
}

/* One NB for all of the original's. 0, -EINVAL or -ENOMEM. */
static int reassemble(struct nbl_pool *lists, NET_BUFFER_LIST *nbl, const NET_BUFFER_LIST *original,
	const struct ndis_derivation *how)
{
	NET_BUFFER **end = &nbl->FirstNetBuffer;
	struct filling to;
	int rc = add_nb(lists, NULL, nbl, &end, &to);

	for (const NET_BUFFER *from = original->FirstNetBuffer; from != NULL && rc == 0;
		from = from->Next)
		rc = append_data(&to, from, how->start, from->DataLength - how->start);
	return rc == 0 ? make_room(&to, how) : rc;
}

/* The new NBL's NBs. 0, -EINVAL or -ENOMEM with some of them made. */
static int derive_nbs(struct nbl_pool *lists, struct nbl_pool *nbs, NET_BUFFER_LIST *nbl,
	const NET_BUFFER_LIST *original, const struct ndis_derivation *how)
{
	NET_BUFFER **end = &nbl->FirstNetBuffer;
	struct nbl_ring ring = {.at = NULL};
	int rc = 0;

	for (const NET_BUFFER *from = original->FirstNetBuffer; from != NULL; from = from->Next) {
		if (nbl_comes_round(&ring, from) || from->DataLength < how->start)
			return -EINVAL;
	}
	if (how->mark == NBL_MARK_REASSEMBLED)
		return reassemble(lists, nbl, original, how);
	for (const NET_BUFFER *from = original->FirstNetBuffer; from != NULL && rc == 0;
		from = from->Next)
		rc = derive_nb(lists, nbs, nbl, &end, from, how);
	return rc;
}

/* Enters the pool of a handle, or the library's own for NULL. 0 and *out, -EINVAL or -ENOMEM. */
static int enter_or_default(
	NDIS_HANDLE handle, enum nbl_pool_kind kind, struct nbl_pool **out, const char *call)
{
	struct nbl_pool *pool =
		handle ? ndis_enter(handle, kind, call) : nbl_enter(ndis_default_pool(kind), kind);

	if (pool == NULL)
		return handle ? -EINVAL : -ENOMEM;
	*out = pool;
	return 0;
}

/* ndis_derive from pools that have been entered; nbs: NULL where one NB is enough. */
static int derive_from(struct nbl_pool *lists, struct nbl_pool *nbs, NET_BUFFER_LIST *original,
	const struct ndis_derivation *how, NET_BUFFER_LIST **out, const char *call)
{
	struct nbl_thread *self = nbl_self(lists);
	NET_BUFFER_LIST *nbl =
		self != NULL ? nbl_get(lists->ops, lists->policy, lists, self, 0) : NULL;
	if (nbl == NULL)
		return -ENOMEM;
	if (!nbl_mark_has_block(how->mark))
		nbl->Context = NULL;
	nbl->FirstNetBuffer = NULL;
	nbl_set_mark(nbl, lists, how->mark);
	int rc = derive_nbs(lists, nbs, nbl, original, how);
	if (rc != 0) {
		discard_data(lists, nbl, how->mark, call);
		nbl_put(self, nbl);
		return rc;
	}
	*out = nbl;
	return 0;
}

int ndis_derive(NET_BUFFER_LIST *original, NDIS_HANDLE lists_handle, NDIS_HANDLE nbs_handle,
	const struct ndis_derivation *how, NET_BUFFER_LIST **out, const char *call)
{
	struct nbl_pool *lists;
	struct nbl_pool *nbs;

	if (nbl_pool_of(original, call) == NULL)
		return -EINVAL;
	int rc = enter_or_default(lists_handle, NBL_POOL_LISTS, &lists, call);
	if (rc != 0)
		return rc;
	if (how->mark == NBL_MARK_REASSEMBLED) {
		rc = -EINVAL;
		if (lists->with_nb && lists->data_bytes == 0) /* that page alone wants it */
			rc = derive_from(lists, NULL, original, how, out, call);
		nbl_leave(lists);
		return rc;
	}
	rc = enter_or_default(nbs_handle, NBL_POOL_NBS, &nbs, call);
	if (rc == 0) {
		rc = derive_from(lists, nbs, original, how, out, call);
		nbl_leave(nbs);
	}
	nbl_leave(lists);
	return rc;
}

/*
 * True if the MDL is one that the free of an NBL with MDLs of its own takes care of. The system's are
 * there from the start in fragments and their kin. In a clone a retreat has added them. Drivers free
 * clones so, and cannot undo it where the retreat replaced what an advance had freed.
 */
static bool is_own_mdl(const MDL *mdl)
{
	return ndis_mdl_is(mdl, NDIS_MDL_SYSTEM) || ndis_mdl_is(mdl, NDIS_MDL_PARTIAL);
}

/* Before a report of what is in the way of a free: the NBL is no longer claimed, if it was. */
static void let_go(const struct nbl_pool *lists, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	if (lists->checks)
		nbl_unclaim_free(lists, nbl, mark);
}

/* Reports the first MDL of an NB that did not come with it; false if all did. */
static bool report_mdls(struct nbl_pool *lists, NET_BUFFER_LIST *nbl, const NET_BUFFER *nb,
	enum nbl_mark mark, const char *call)
{
	const MDL *mdl = nb->MdlChain;
	struct nbl_ring ring = {.at = NULL};

	if (mark == NBL_MARK_CLONE_SHARED) {
		if (mdl == nb->NdisReserved[NDIS_NB_SHARED])
			return false;
	} else {
		while (mdl != NULL && is_own_mdl(mdl) && !nbl_comes_round(&ring, mdl))
			mdl = mdl->Next;
		if (mdl == NULL)
			return false;
	}
	let_go(lists, nbl, mark);
	nbl_misuse(NBL_MISUSE_WRONG_FREE, call, lists, nbl,
		"its MDL %p did not come with the clone: undo retreats first", (const void *)mdl);
	return true;
}

/* True if the NB came with the NBL and is live. */
static bool is_own_nb(const struct nbl_pool *lists, NET_BUFFER_LIST *nbl, const NET_BUFFER *nb)
{
	const struct nbl_pool *pool = nb->NdisPoolHandle;

	return (lists->with_nb && nb == nbl_embedded_nb(nbl)) ||
	       (nbl_pool_valid(pool, NBL_POOL_NBS) && nbl_loose_is(nb, pool, NBL_MARK_LIVE));
}

/* True if all NBs and MDLs of a clone are such as ndis_derive made; else reports what is not. */
static bool is_in_shape(
	struct nbl_pool *lists, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	struct nbl_ring ring = {.at = NULL};

	for (NET_BUFFER *nb = nbl->FirstNetBuffer; nb != NULL; nb = nb->Next) {
		if (nbl_comes_round(&ring, nb) || !is_own_nb(lists, nbl, nb)) {
			let_go(lists, nbl, mark);
			nbl_misuse(NBL_MISUSE_WRONG_FREE, call, lists, nbl,
				"its NB %p did not come with the clone", (void *)nb);
			return false;
		}
		if (report_mdls(lists, nbl, nb, mark, call))
			return false;
	}
	return true;
}

/*
 * The original whose count falls with the clone; NULL: the clone counts on none. False, after a
 * report: the original is gone, and what is in its place has no clones.
 */
static bool find_parent(struct nbl_pool *lists, NET_BUFFER_LIST *nbl, enum nbl_mark mark,
	NET_BUFFER_LIST **out, const char *call)
{
	NET_BUFFER_LIST *parent = nbl->ParentNetBufferList;
	const struct nbl_pool *pool = nbl->NblReserved[PARENTS_POOL];

	*out = parent;
	if (parent == NULL)
		return true;
	if (nbl_pool_valid(pool, NBL_POOL_LISTS) && parent->NdisPoolHandle == pool &&
		nbl_mark_out(parent, pool) != NBL_MARK_NONE &&
		(int32_t)atom_load_relaxed(ndis_child_count(parent)) > 0)
		return true;
	let_go(lists, nbl, mark);
	nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, call, lists, nbl,
		"its ParentNetBufferList %p is no NBL that has clones: the original was freed "
		"first",
		(void *)parent);
	return false;
}

/* Nobody needs the NBL; in a pool that checks it is claimed now. False: after a report. */
static bool may_free(
	struct nbl_pool *lists, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	if (unlikely(lists->checks)) {
		if (!nbl_claim_free(lists, nbl, mark, call))
			return false;
		const int32_t children = ndis_children(nbl);
		if (children <= 0)
			return true;
		let_go(lists, nbl, mark);
		ndis_report_children(lists, nbl, children, call);
		return false;
	}
	if (!nbl_is(nbl, lists, mark) && !nbl_owner_leaves(lists, nbl, mark, call))
		return false;
	return nbl->Context == NULL || !nbl_report_contexts(lists, nbl, call);
}

/* True if NBLs of the mark count on their original. */
static bool counts_on_original(enum nbl_mark mark)
{
	return mark == NBL_MARK_CLONE_FWPS || mark == NBL_MARK_CLONE_DEEP;
}

/*
 * derived_free in the NBL's pool, which has been entered. counts: of counts_on_original; a constant for
 * the clones of NDIS, whose free has no locked instruction.
 */
ALWAYS_INLINE void derived_free_to(struct nbl_pool *lists, NET_BUFFER_LIST *nbl, enum nbl_mark mark,
	bool counts, const char *call)
{
	NET_BUFFER_LIST *parent = NULL;

	if (!may_free(lists, nbl, mark, call) || !is_in_shape(lists, nbl, mark, call) ||
		(counts && !find_parent(lists, nbl, mark, &parent, call)))
		return;
	discard_data(lists, nbl, mark, call);
	struct nbl_thread *self = nbl_self_sure(lists);
	if (unlikely(lists->checks))
		nbl_free_claimed(self, nbl, mark);
	else
		nbl_free(lists->ops, lists->policy, lists, self, nbl, mark, call);
	nbl_self_done(lists, self);
	/* R0: what was done with the clone comes before whoever sees the count fall. */
	if (parent != NULL)
		atom_add_release(ndis_child_count(parent), (uint32_t)-1);
}

static COLD void derived_free_guarded(NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	struct nbl_pool *lists = nbl_enter_to_free(nbl, call);

	if (lists == NULL)
		return;
	derived_free_to(lists, nbl, mark, counts_on_original(mark), call);
	nbl_leave(lists);
}

ALWAYS_INLINE void derived_free(
	NET_BUFFER_LIST *nbl, enum nbl_mark mark, bool counts, const char *call)
{
	if (nbl_is_of_plain(nbl))
		derived_free_to(nbl->NdisPoolHandle, nbl, mark, counts, call);
	else
		derived_free_guarded(nbl, mark, call);
}

void ndis_derived_free(NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	derived_free(nbl, mark, counts_on_original(mark), call);
}

/* The mark that stands for the flags; NONE for flags that are not known. */
static enum nbl_mark mark_of_flags(ULONG flags)
{
	if (flags == 0)
		return NBL_MARK_CLONE;
	return flags == NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS ? NBL_MARK_CLONE_SHARED : NBL_MARK_NONE;
}

NET_BUFFER_LIST *NdisAllocateCloneNetBufferList(NET_BUFFER_LIST *Original,
	NDIS_HANDLE NetBufferListPoolHandle, NDIS_HANDLE NetBufferPoolHandle,
	ULONG AllocateCloneFlags)
{
	const struct ndis_derivation how = {
		.mark = mark_of_flags(AllocateCloneFlags), .max_length = UINT32_MAX};
	NET_BUFFER_LIST *nbl = NULL;

	if (how.mark != NBL_MARK_NONE)
		ndis_derive(Original, NetBufferListPoolHandle, NetBufferPoolHandle, &how, &nbl,
			__func__);
	return nbl;
}

VOID NdisFreeCloneNetBufferList(NET_BUFFER_LIST *CloneNetBufferList, ULONG FreeCloneFlags)
{
	derived_free(CloneNetBufferList, mark_of_flags(FreeCloneFlags), false, __func__);
}

/* The clone of either kind; flags: the caller's, which have to be 0. */
static NTSTATUS fwps_clone(NET_BUFFER_LIST *original, NDIS_HANDLE lists, NDIS_HANDLE nbs,
	enum nbl_mark mark, ULONG flags, NET_BUFFER_LIST **out, const char *call)
{
	const struct ndis_derivation how = {.mark = mark, .max_length = UINT32_MAX};

	if (out == NULL)
		return STATUS_INVALID_PARAMETER;
	*out = NULL;
	if (flags != 0)
		return STATUS_INVALID_PARAMETER;
	int rc = ndis_derive(original, lists, nbs, &how, out, call);
	if (rc != 0)
		return rc == -ENOMEM ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
	(*out)->ParentNetBufferList = original;
	(*out)->NblReserved[PARENTS_POOL] = original->NdisPoolHandle;
	/* Relaxed: the caller owns the original and hands nothing over by counting up. */
	atom_add_relaxed(ndis_child_count(original), 1);
	return STATUS_SUCCESS;
}

NTSTATUS FwpsAllocateCloneNetBufferList0(NET_BUFFER_LIST *originalNetBufferList,
	NDIS_HANDLE netBufferListPoolHandle, NDIS_HANDLE netBufferPoolHandle,
	ULONG allocateCloneFlags, NET_BUFFER_LIST **netBufferList)
{
	return fwps_clone(originalNetBufferList, netBufferListPoolHandle, netBufferPoolHandle,
		NBL_MARK_CLONE_FWPS, allocateCloneFlags, netBufferList, __func__);
}

NTSTATUS FwpsAllocateDeepCloneNetBufferList0(NET_BUFFER_LIST *originalNetBufferList,
	NDIS_HANDLE netBufferListPoolHandle, NDIS_HANDLE netBufferPoolHandle,
	NET_BUFFER_LIST **netBufferList)
{
	return fwps_clone(originalNetBufferList, netBufferListPoolHandle, netBufferPoolHandle,
		NBL_MARK_CLONE_DEEP, 0, netBufferList, __func__);
}

VOID FwpsFreeCloneNetBufferList0(NET_BUFFER_LIST *netBufferList, ULONG freeCloneFlags)
{
	NET_BUFFER_LIST *nbl = netBufferList;
	enum nbl_mark mark = NBL_MARK_CLONE_FWPS;

	if (nbl != NULL && nbl_pool_valid(nbl->NdisPoolHandle, NBL_POOL_LISTS) &&
		nbl_mark_out(nbl, nbl->NdisPoolHandle) == NBL_MARK_CLONE_DEEP)
		mark = NBL_MARK_CLONE_DEEP;
	ndis_derived_free(nbl, freeCloneFlags == 0 ? mark : NBL_MARK_NONE, __func__);
}
