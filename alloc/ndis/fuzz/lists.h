/*
 * Calls on NBLs, each with what the model expects of it: contexts, allocation and free, clones,
 * references.
 */
#ifndef ALLOC_NDIS_FUZZ_LISTS_H
#define ALLOC_NDIS_FUZZ_LISTS_H

#include "alloc/ndis/fuzz/model.h"
#include "alloc/ndis/fwpsk.h"

/*
 * Contexts: the reference's geometry, which the default policy shows.
 */

static void new_block(struct list *l, uint32_t bytes, uint32_t backfill, bool owned)
{
	l->block[l->blocks++] = (struct block){.size = bytes + backfill,
		.offset = backfill,
		.limit = owned ? backfill : bytes + backfill,
		.leaves = !owned};
}

/* The contexts of a new NBL; false: its sizes are to be refused. */
static bool first_contexts(
	struct list *l, const struct pool_shape *shape, uint32_t bytes, uint32_t backfill)
{
	l->blocks = 0;
	l->contexts = 0;
	if (bytes % 16 != 0 || backfill % 16 != 0)
		return false;
	if (shape->context_bytes != 0)
		l->block[l->blocks++] = (struct block){.size = shape->context_bytes,
			.offset = shape->context_bytes,
			.limit = shape->context_bytes};
	if (bytes == 0)
		return true;
	if (l->blocks != 0 && l->block[0].offset >= bytes) {
		l->block[0].offset -= bytes;
		l->block[0].limit = l->block[0].offset;
		return true;
	}
	if (bytes + backfill > 65535)
		return false;
	new_block(l, bytes, backfill, true);
	return true;
}

static void push(struct list *l, uint32_t bytes, uint32_t backfill)
{
	struct block *front = l->blocks ? &l->block[l->blocks - 1] : NULL;
	const bool room = front != NULL && front->offset >= bytes;
	NDIS_STATUS status = NdisAllocateNetBufferListContext(
		l->nbl, (USHORT)bytes, (USHORT)backfill, CONTEXT_TAG);

	if (bytes % 16 != 0 || backfill % 16 != 0 ||
		(bytes != 0 && !room && bytes + backfill > 65535)) {
		must(status == NDIS_STATUS_FAILURE);
		return;
	}
	must(status == NDIS_STATUS_SUCCESS);
	if (bytes == 0)
		return;
	if (room)
		front->offset -= bytes;
	else
		new_block(l, bytes, backfill, false);
	l->context[l->contexts++] = bytes;
	memset(NET_BUFFER_LIST_CONTEXT_DATA_START(l->nbl), 0x5a, bytes);
}

static void pop(struct list *l, uint32_t bytes)
{
	struct block *front = l->blocks ? &l->block[l->blocks - 1] : NULL;

	NdisFreeNetBufferListContext(l->nbl, (USHORT)bytes);
	if (bytes % 16 != 0) {
		expect(NBL_MISUSE_CONTEXT_SIZE);
	} else if (bytes == 0) {
		return;
	} else if (front == NULL) {
		expect(NBL_MISUSE_CONTEXT_OVERFREE);
	} else if (front->offset + bytes > front->limit) {
		expect(front->offset == front->limit && front->offset < front->size
				? NBL_MISUSE_CONTEXT_OF_NBL
				: NBL_MISUSE_CONTEXT_OVERFREE);
	} else {
		front->offset += bytes;
		if (front->leaves && front->offset == front->limit)
			l->blocks--;
		/* Whatever the order was, what is left on the NBL is a sum. */
		while (bytes != 0) {
			uint32_t *newest = &l->context[l->contexts - 1];
			uint32_t take = *newest < bytes ? *newest : bytes;

			*newest -= take;
			bytes -= take;
			if (*newest == 0)
				l->contexts--;
		}
	}
}

static bool has_contexts(const struct list *l)
{
	for (uint32_t i = 0; i < l->blocks; i++) {
		if (l->block[i].offset != l->block[i].limit)
			return true;
	}
	return false;
}

/* All that was pushed, block by block. */
static void pop_all(struct list *l)
{
	while (has_contexts(l)) {
		const struct block *front = &l->block[l->blocks - 1];

		pop(l, front->limit - front->offset);
	}
	l->contexts = 0;
}

/*
 * NBLs.
 */

static struct list *free_list(void)
{
	for (int i = 0; i < NBLS; i++) {
		if (lists[i].kind == DEAD)
			return &lists[i];
	}
	return NULL;
}

static struct list *some_list(void)
{
	struct list *l = &lists[below(NBLS)];

	return l->kind != DEAD && !l->given_up ? l : NULL;
}

static struct mdl *some_mdl(void)
{
	struct mdl *m = &mdls[below(MDLS)];

	return m->mdl != NULL ? m : NULL;
}

/* The mark of an NB over an MDL of the table, or of none. */
static struct mdl *mdl_under(const NET_BUFFER *nb)
{
	const MDL *last = nb ? nb->MdlChain : NULL;

	while (last != NULL && last->Next != NULL)
		last = last->Next;
	for (int i = 0; i < MDLS; i++) {
		if (last != NULL && mdls[i].mdl == last)
			return &mdls[i];
	}
	return NULL;
}

static void begin_list(struct list *l, NET_BUFFER_LIST *nbl, struct nbl_pool *pool)
{
	const uint32_t index = index_of(pool);
	struct mdl *m;

	l->kind = PLAIN;
	l->nbl = nbl;
	l->pool = pool;
	l->parent = NULL;
	l->nb_pool = FOREIGN;
	l->clones = l->children = l->references = 0;
	l->given_up = false;
	l->retreated = false;
	learn(&l->data, nbl->FirstNetBuffer);
	if (index != FOREIGN)
		out[index]++;
	m = mdl_under(l->data.nb);
	if (m != NULL)
		m->users++;
}

static void alloc_list(void)
{
	struct list *l = free_list();
	uint32_t which;
	NDIS_HANDLE pool = some_handle(&which);
	const USHORT bytes = some_context_bytes();
	const USHORT backfill = some_context_bytes();

	if (l == NULL)
		return;
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, bytes, backfill);
	if (which >= LIST_POOLS) {
		must(nbl == NULL);
		expect(NBL_MISUSE_FOREIGN_HANDLE);
	} else if (!first_contexts(l, &list_shapes[which], bytes, backfill)) {
		must(nbl == NULL);
	} else if (nbl != NULL) {
		begin_list(l, nbl, pool);
		must((nbl->FirstNetBuffer != NULL) == list_shapes[which].with_nb);
	} else {
		must(out[which] >= CAPACITY / 2); /* or the pool had one */
	}
}

static void alloc_list_and_nb(void)
{
	struct list *l = free_list();
	uint32_t which;
	NDIS_HANDLE pool = some_handle(&which);
	const USHORT bytes = some_context_bytes();
	const USHORT backfill = some_context_bytes();
	struct mdl *m = some_mdl();
	const ULONG offset = some_ulong();
	const SIZE_T length = some_length();
	NET_BUFFER_LIST *nbl = (NET_BUFFER_LIST *)buffer;
	const bool wfp = below(2);

	if (l == NULL)
		return;
	if (wfp) {
		NTSTATUS status = FwpsAllocateNetBufferAndNetBufferList0(
			pool, bytes, backfill, m ? m->mdl : NULL, offset, length, &nbl);
		must((status == STATUS_SUCCESS) == (nbl != NULL));
	} else {
		nbl = NdisAllocateNetBufferAndNetBufferList(
			pool, bytes, backfill, m ? m->mdl : NULL, offset, length);
	}
	const uint64_t space = m ? m->bytes : 0;
	if (which >= LIST_POOLS) {
		must(nbl == NULL);
		expect(NBL_MISUSE_FOREIGN_HANDLE);
		return;
	}
	if (!list_shapes[which].with_nb || list_shapes[which].data_bytes != 0 ||
		!first_contexts(l, &list_shapes[which], bytes, backfill) || length > UINT32_MAX ||
		(uint64_t)offset + length > space) {
		must(nbl == NULL);
		return;
	}
	must(nbl != NULL);
	must(nbl->FirstNetBuffer->DataOffset == offset &&
		nbl->FirstNetBuffer->DataLength == length);
	begin_list(l, nbl, pool);
}

/*
 * A driver's handlers for the MDLs of retreats. What the next one makes is set beforehand.
 */

static enum { MDL_AS_ASKED, MDL_LARGER, MDL_OF_A_BYTE, MDL_NONE } handlers_mdl;
enum { HANDLERS_KINDS = MDL_NONE + 1, LARGER_BYTES = 24, HANDLERS_BYTES_MAX = 1 << 23 };
static MDL *handlers_last; /* made, and not yet in a chain as far as the handler knows */
static uint32_t handlers_out;

static MDL *make_mdl(PULONG bytes)
{
	if (handlers_mdl == MDL_NONE || *bytes > HANDLERS_BYTES_MAX)
		return NULL;
	if (handlers_mdl == MDL_LARGER)
		*bytes += LARGER_BYTES;
	else if (handlers_mdl == MDL_OF_A_BYTE)
		*bytes = 1;
	void *memory = calloc(1, *bytes);
	must(memory != NULL);
	handlers_last = IoAllocateMdl(memory, *bytes, FALSE, FALSE, NULL);
	must(handlers_last != NULL);
	MmBuildMdlForNonPagedPool(handlers_last);
	handlers_out++;
	return handlers_last;
}

static VOID take_mdl(MDL *mdl)
{
	must(handlers_out != 0);
	handlers_out--;
	free(MmGetMdlVirtualAddress(mdl));
	IoFreeMdl(mdl);
}

/* The data goes back to where no retreat was. */
static void undo_retreats(NET_BUFFER *nb)
{
	NdisAdvanceNetBufferDataStart(nb, nb->DataLength, TRUE, take_mdl);
	no_misuse();
}

static void end_list(struct list *l)
{
	const uint32_t index = index_of(l->pool);

	if (index != FOREIGN)
		out[index]--;
	if (l->nb_pool != FOREIGN)
		out[l->nb_pool]--;
	if (l->parent != NULL) {
		l->parent->clones--;
		l->parent->children -= is_counted(l->kind);
	}
	l->kind = DEAD;
}

static ULONG clone_flags(const struct list *l)
{
	return l->kind == CLONE_SHARED ? NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS : 0;
}

/* The call that frees an NBL of its kind. */
static void free_as_made(const struct list *l)
{
	if (l->kind == PLAIN)
		NdisFreeNetBufferList(l->nbl);
	else if (is_counted(l->kind))
		FwpsFreeCloneNetBufferList0(l->nbl, 0);
	else
		NdisFreeCloneNetBufferList(l->nbl, clone_flags(l));
}

/* Whether a clone that has MDLs of its own goes with those of its retreats; a handler's are not the library's. */
static bool takes_its_retreats_along(const struct list *l)
{
	return (l->kind == CLONE || l->kind == CLONE_FWPS) && handlers_out == 0 && below(2) == 0;
}

/* Its owner frees an NBL, which has no clones. With references on it, it lives on. */
static void free_list_well(struct list *l)
{
	struct mdl *m;

	pop_all(l);
	if (l->retreated && l->data.nb != NULL && !takes_its_retreats_along(l)) {
		undo_retreats(l->data.nb);
		learn(&l->data, l->data.nb);
	}
	m = l->kind == PLAIN ? mdl_under(l->data.nb) : NULL;
	free_as_made(l);
	no_misuse();
	if (l->references != 0) {
		l->given_up = true;
		return;
	}
	if (m != NULL)
		m->users--;
	end_list(l);
}

/* Takes a reference away; the last one of an NBL that was given up frees it. */
static void dereference(struct list *l)
{
	const bool ends = l->given_up && l->references == 1;
	struct mdl *m = ends && l->kind == PLAIN ? mdl_under(l->data.nb) : NULL;

	FwpsDereferenceNetBufferList0(l->nbl, FALSE);
	no_misuse();
	l->references--;
	if (!ends)
		return;
	if (m != NULL)
		m->users--;
	end_list(l);
}

static void references_of_a_list(void)
{
	struct list *l = &lists[below(NBLS)];
	const uint32_t how = below(4);

	if (l->kind == DEAD) {
		FwpsReferenceNetBufferList0(NULL, FALSE);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		FwpsDereferenceNetBufferList0(NULL, FALSE);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
	} else if (how == 0 && l->given_up) {
		free_as_made(l);
		expect(NBL_MISUSE_DOUBLE_FREE);
	} else if (how < 2) {
		FwpsReferenceNetBufferList0(l->nbl, FALSE);
		no_misuse();
		l->references++;
	} else if (l->references != 0) {
		dereference(l);
	} else {
		FwpsDereferenceNetBufferList0(l->nbl, FALSE);
		expect(NBL_MISUSE_REFERENCE);
	}
}

static void free_some_list(void)
{
	struct list *l = some_list();
	const bool wfp = below(2);
	const uint32_t how = below(4);

	if (l == NULL) {
		if (wfp)
			FwpsFreeNetBufferList0(NULL);
		else
			NdisFreeNetBufferList(NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (l->clones != 0)
		return;
	if (l->kind != PLAIN && how == 0) { /* as no clone */
		NdisFreeNetBufferList(l->nbl);
		expect(NBL_MISUSE_WRONG_FREE);
	} else if (how == 1) { /* as a clone of another kind, or none */
		NdisFreeCloneNetBufferList(
			l->nbl, clone_flags(l) ^ NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
		expect(NBL_MISUSE_WRONG_FREE);
	} else if (l->kind == PLAIN && has_contexts(l)) {
		NdisFreeNetBufferList(l->nbl);
		expect(NBL_MISUSE_CONTEXT_OUTSTANDING);
	} else if (how == 2 && !has_contexts(l) && l->references == 0) { /* twice */
		NET_BUFFER_LIST *nbl = l->nbl;

		free_list_well(l);
		NdisFreeNetBufferList(nbl);
		expect(NBL_MISUSE_DOUBLE_FREE);
	} else if (l->kind == PLAIN || !has_contexts(l)) {
		free_list_well(l);
	}
}

static void contexts_of_a_list(void)
{
	struct list *l = some_list();
	const uint32_t how = below(4);
	const USHORT bytes = some_context_bytes();
	const USHORT backfill = some_context_bytes();

	if (l == NULL) {
		must(NdisAllocateNetBufferListContext(NULL, bytes, backfill, CONTEXT_TAG) ==
			NDIS_STATUS_FAILURE);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		NdisFreeNetBufferListContext(NULL, bytes);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
	} else if (how < 2 && l->contexts < CONTEXTS) {
		push(l, bytes, backfill);
	} else if (how == 2 && l->contexts != 0) {
		pop(l, l->context[l->contexts - 1]);
	} else {
		pop(l, bytes);
	}
}

static void clone_some_list(void)
{
	struct list *from = some_list();
	struct list *l = free_list();
	uint32_t which_lists, which_nbs;
	NDIS_HANDLE list_pool = some_handle(&which_lists);
	NDIS_HANDLE nb_pool = some_handle(&which_nbs);
	const ULONG flags = below(4);
	NET_BUFFER_LIST *nbl;
	const uint32_t how = below(4);
	const bool wfp = how == 1, deep = how == 2;

	if (l == NULL)
		return;
	if (deep)
		FwpsAllocateDeepCloneNetBufferList0(
			from ? from->nbl : NULL, list_pool, nb_pool, &nbl);
	else if (wfp)
		FwpsAllocateCloneNetBufferList0(
			from ? from->nbl : NULL, list_pool, nb_pool, flags, &nbl);
	else
		nbl = NdisAllocateCloneNetBufferList(
			from ? from->nbl : NULL, list_pool, nb_pool, flags);
	if (!deep && flags != 0 && (wfp || flags != NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS)) {
		must(nbl == NULL);
		no_misuse();
		return;
	}
	if (from == NULL) {
		must(nbl == NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (nbl == NULL) { /* a handle of the wrong kind, or a pool of data */
		must(which_lists >= LIST_POOLS || which_nbs < LIST_POOLS || which_nbs == FOREIGN ||
			list_shapes[which_lists].data_bytes != 0 ||
			nb_shapes[which_nbs - LIST_POOLS].data_bytes != 0);
		misuses = 0;
		return;
	}
	no_misuse();
	begin_list(l, nbl, nbl->NdisPoolHandle);
	struct mdl *shared = mdl_under(l->data.nb);
	if (shared != NULL)
		shared->users--; /* the original's */
	l->kind = deep ? CLONE_DEEP : wfp ? CLONE_FWPS : flags != 0 ? CLONE_SHARED : CLONE;
	l->blocks = l->contexts = 0;
	if (deep && which_lists < LIST_POOLS)
		first_contexts(l, &list_shapes[which_lists], 0, 0);
	l->parent = from;
	from->clones++;
	from->children += is_counted(l->kind);
	if (from->data.nb != NULL) {
		must(l->data.nb != NULL && l->data.length == from->data.length &&
			l->data.hash == from->data.hash);
		must(l->data.offset == (l->kind == CLONE_SHARED ? from->data.offset : 0));
		if (l->data.nb->NdisPoolHandle != l->pool)
			l->nb_pool = index_of(l->data.nb->NdisPoolHandle);
		if (l->nb_pool != FOREIGN)
			out[l->nb_pool]++;
	}
}

#endif
