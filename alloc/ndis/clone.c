/*
 * Clones: new NBLs and NBs over the bytes of another NBL.
 *
 * A clone's mark says how it was made, so that its free can insist on the same flags. Its first NB
 * is the one embedded in the NBL where the pool has them, the others come from the NB pool. Its
 * Context is NULL, whatever the pool; the first context on a clone is therefore an allocated block.
 */
#include "alloc/ndis/internal.h"

/* A chain of partial MDLs over `length` bytes from `place` on. 0 and *out, or -ENOMEM. */
static int partial_chain(const struct nbl_place *place, uint32_t length, MDL **out)
{
	MDL *source = place->mdl;
	uint32_t offset = place->offset;
	MDL *chain = NULL;
	MDL **tail = &chain;

	for (; length != 0; source = source->Next, offset = 0) {
		PUCHAR va = (PUCHAR)MmGetMdlVirtualAddress(source) + offset;
		uint32_t here = source->ByteCount - offset;
		uint32_t take = here < length ? here : length;

		if (take == 0)
			continue;
		MDL *mdl = IoAllocateMdl(va, take, FALSE, FALSE, NULL);
		if (mdl == NULL)
			goto fail;
		IoBuildPartialMdl(source, mdl, va, take);
		*tail = mdl;
		tail = &mdl->Next;
		length -= take;
	}
	*out = chain;
	return 0;

fail:
	while (chain != NULL) {
		MDL *next = chain->Next;

		IoFreeMdl(chain);
		chain = next;
	}
	return -ENOMEM;
}

/* Gives one NB the data of the original's. 0, -EINVAL: the original's figures disagree, -ENOMEM. */
static int clone_data(NET_BUFFER *nb, const NET_BUFFER *original, enum nbl_mark mark)
{
	struct nbl_place place;
	MDL *chain;

	if (!nbl_place(original->MdlChain, original->DataOffset, original->DataLength, &place))
		return -EINVAL;
	if (mark == NBL_MARK_CLONE_SHARED) {
		nbl_set_data(
			nb, original->MdlChain, &place, original->DataOffset, original->DataLength);
		return 0;
	}
	int rc = partial_chain(&place, original->DataLength, &chain);
	if (rc == 0)
		nbl_set_data(nb, chain, &(struct nbl_place){.mdl = chain}, 0, original->DataLength);
	return rc;
}

/* Gives an NB of a clone back that did not come with the NBL. */
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
			IoFreeMdl(mdl);
		}
		nbl->FirstNetBuffer = nb->Next;
		if (!lists->with_nb || nb != nbl_embedded_nb(nbl))
			discard_nb(nb, call);
	}
}

/* The clone's NBs, one for each of the original's. 0, -EINVAL or -ENOMEM with some of them made. */
static int clone_nbs(struct nbl_pool *lists, struct nbl_pool *nbs, NET_BUFFER_LIST *nbl,
	const NET_BUFFER_LIST *original, enum nbl_mark mark)
{
	NET_BUFFER **tail = &nbl->FirstNetBuffer;

	for (const NET_BUFFER *from = original->FirstNetBuffer; from != NULL; from = from->Next) {
		NET_BUFFER *nb = nbl_embedded_nb(nbl);
		const struct nbl_place nowhere = {.mdl = NULL};
		int rc = 0;

		if (lists->with_nb && tail == &nbl->FirstNetBuffer)
			nbl_set_data(nb, NULL, &nowhere, 0, 0);
		else
			rc = ndis_nb_alloc(nbs, NULL, 0, 0, &nb);
		if (rc != 0)
			return rc;
		*tail = nb;
		tail = &nb->Next;
		rc = clone_data(nb, from, mark);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Enters the pool of a handle, or the library's own for NULL. 0 and *out, -EINVAL or -ENOMEM. */
static int enter_or_default(
	NDIS_HANDLE handle, enum nbl_pool_kind kind, struct nbl_pool **out, const char *call)
{
	struct nbl_pool *pool =
		handle ? ndis_enter(handle, kind, call) : nbl_enter(ndis_default_pool(kind), kind);

	if (pool == NULL)
		return handle ? -EINVAL : -ENOMEM;
	if (pool->data_bytes != 0) {
		nbl_leave(pool);
		return -EINVAL;
	}
	*out = pool;
	return 0;
}

/* A clone from pools that have been entered. */
static int clone_from(struct nbl_pool *lists, struct nbl_pool *nbs, NET_BUFFER_LIST *original,
	enum nbl_mark mark, NET_BUFFER_LIST **out, const char *call)
{
	struct nbl_thread *self = nbl_self(lists);
	NET_BUFFER_LIST *nbl =
		self != NULL ? nbl_get(lists->ops, lists->policy, lists, self) : NULL;
	if (nbl == NULL)
		return -ENOMEM;
	nbl->Context = NULL;
	nbl->FirstNetBuffer = NULL;
	nbl->NdisReserved[0] = nbl_mark(nbl, lists, mark);
	int rc = clone_nbs(lists, nbs, nbl, original, mark);
	if (rc != 0) {
		discard_data(lists, nbl, mark, call);
		nbl_put(lists->ops, lists->policy, lists, self, nbl);
		return rc;
	}
	*out = nbl;
	return 0;
}

static int make_clone(NET_BUFFER_LIST *original, NDIS_HANDLE lists_handle, NDIS_HANDLE nbs_handle,
	enum nbl_mark mark, NET_BUFFER_LIST **out, const char *call)
{
	struct nbl_pool *lists;
	struct nbl_pool *nbs;

	if (nbl_pool_of(original, call) == NULL)
		return -EINVAL;
	int rc = enter_or_default(lists_handle, NBL_POOL_LISTS, &lists, call);
	if (rc != 0)
		return rc;
	rc = enter_or_default(nbs_handle, NBL_POOL_NBS, &nbs, call);
	if (rc == 0) {
		rc = clone_from(lists, nbs, original, mark, out, call);
		nbl_leave(nbs);
	}
	nbl_leave(lists);
	return rc;
}

/* True if all NBs and MDLs of a clone are such as `clone` made; else reports what is not. */
static bool is_in_shape(
	struct nbl_pool *lists, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	for (NET_BUFFER *nb = nbl->FirstNetBuffer; nb != NULL; nb = nb->Next) {
		const struct nbl_pool *pool = nb->NdisPoolHandle;

		if (!(lists->with_nb && nb == nbl_embedded_nb(nbl)) &&
			!(nbl_pool_valid(pool, NBL_POOL_NBS) &&
				*nbl_loose_mark(nb) == nbl_mark(nb, pool, NBL_MARK_LIVE))) {
			nbl_misuse(NBL_MISUSE_WRONG_FREE, call, lists, nbl,
				"its NB %p did not come with the clone", (void *)nb);
			return false;
		}
		for (const MDL *mdl = nb->MdlChain; mark != NBL_MARK_CLONE_SHARED && mdl != NULL;
			mdl = mdl->Next) {
			if ((mdl->MdlFlags & MDL_PARTIAL) != 0 && ndis_mdl_is_ours(mdl))
				continue;
			nbl_misuse(NBL_MISUSE_WRONG_FREE, call, lists, nbl,
				"its MDL %p did not come with the clone: undo retreats first",
				(const void *)mdl);
			return false;
		}
	}
	return true;
}

/* clone_free in the clone's pool, which has been entered. */
static bool clone_free_to(
	struct nbl_pool *lists, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	if (!nbl_is(nbl, lists, mark)) {
		nbl_report_not_live(nbl, true, call);
		return false;
	}
	if ((nbl->Context != NULL && nbl_report_contexts(lists, nbl, call)) ||
		!is_in_shape(lists, nbl, mark, call))
		return false;
	discard_data(lists, nbl, mark, call);
	struct nbl_thread *self = nbl_self_sure(lists);
	bool freed = nbl_free(lists->ops, lists->policy, lists, self, nbl, mark, call);
	nbl_self_done(lists, self);
	return freed;
}

static COLD bool clone_free_guarded(NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	struct nbl_pool *lists = nbl_enter_to_free(nbl, call);

	if (lists == NULL)
		return false;
	bool freed = clone_free_to(lists, nbl, mark, call);
	nbl_leave(lists);
	return freed;
}

/* True if the clone was freed; else misuse was reported and nothing changed. */
static bool clone_free(NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	if (nbl_is_of_plain(nbl))
		return clone_free_to(nbl->NdisPoolHandle, nbl, mark, call);
	return clone_free_guarded(nbl, mark, call);
}

/* The mark that stands for the flags; 0 for flags that are not known. */
static enum nbl_mark mark_of_flags(ULONG flags)
{
	if (flags == 0)
		return NBL_MARK_CLONE;
	return flags == NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS ? NBL_MARK_CLONE_SHARED : 0;
}

NET_BUFFER_LIST *NdisAllocateCloneNetBufferList(NET_BUFFER_LIST *Original,
	NDIS_HANDLE NetBufferListPoolHandle, NDIS_HANDLE NetBufferPoolHandle,
	ULONG AllocateCloneFlags)
{
	enum nbl_mark mark = mark_of_flags(AllocateCloneFlags);
	NET_BUFFER_LIST *nbl = NULL;

	if (mark != 0)
		make_clone(Original, NetBufferListPoolHandle, NetBufferPoolHandle, mark, &nbl,
			__func__);
	return nbl;
}

VOID NdisFreeCloneNetBufferList(NET_BUFFER_LIST *CloneNetBufferList, ULONG FreeCloneFlags)
{
	clone_free(CloneNetBufferList, mark_of_flags(FreeCloneFlags), __func__);
}

/*
 * The count is the owner's in NDIS; here clones of one original may be made and freed by several
 * threads. R0 in the free: what was done with the clone comes before whoever sees the count fall.
 */
static atom_u32 *child_count(NET_BUFFER_LIST *nbl)
{
	return (atom_u32 *)&nbl->ChildRefCount;
}

NTSTATUS FwpsAllocateCloneNetBufferList0(NET_BUFFER_LIST *originalNetBufferList,
	NDIS_HANDLE netBufferListPoolHandle, NDIS_HANDLE netBufferPoolHandle,
	ULONG allocateCloneFlags, NET_BUFFER_LIST **netBufferList)
{
	if (netBufferList == NULL)
		return STATUS_INVALID_PARAMETER;
	*netBufferList = NULL;
	if (allocateCloneFlags != 0)
		return STATUS_INVALID_PARAMETER;
	int rc = make_clone(originalNetBufferList, netBufferListPoolHandle, netBufferPoolHandle,
		NBL_MARK_CLONE_FWPS, netBufferList, __func__);
	if (rc != 0)
		return rc == -ENOMEM ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
	(*netBufferList)->ParentNetBufferList = originalNetBufferList;
	/* Relaxed: the caller owns the original and hands nothing over by counting up. */
	atom_add_relaxed(child_count(originalNetBufferList), 1);
	return STATUS_SUCCESS;
}

VOID FwpsFreeCloneNetBufferList0(NET_BUFFER_LIST *netBufferList, ULONG freeCloneFlags)
{
	NET_BUFFER_LIST *parent = netBufferList ? netBufferList->ParentNetBufferList : NULL;
	enum nbl_mark mark = freeCloneFlags == 0 ? NBL_MARK_CLONE_FWPS : 0;

	if (clone_free(netBufferList, mark, __func__) && parent != NULL)
		atom_add_release(child_count(parent), (uint32_t)-1); /* R0 */
}
