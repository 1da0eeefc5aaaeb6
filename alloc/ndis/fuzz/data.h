/*
 * Calls on NBs, their data and MDLs, each with what the model expects of it.
 */
#ifndef ALLOC_NDIS_FUZZ_DATA_H
#define ALLOC_NDIS_FUZZ_DATA_H

#include "alloc/ndis/fuzz/lists.h"

static void alloc_loose(void)
{
	struct loose *n = &loose[below(LOOSE_NBS)];
	uint32_t which;
	NDIS_HANDLE pool = some_handle(&which);
	struct mdl *m = some_mdl();
	const ULONG offset = some_ulong();
	const SIZE_T length = some_length();
	const bool with_data = below(2);

	if (n->data.nb != NULL)
		return;
	NET_BUFFER *nb = with_data ? NdisAllocateNetBufferMdlAndData(pool)
				   : NdisAllocateNetBuffer(pool, m ? m->mdl : NULL, offset, length);
	if (which < LIST_POOLS || which == FOREIGN) {
		must(nb == NULL);
		expect(NBL_MISUSE_FOREIGN_HANDLE);
		return;
	}
	const uint32_t bytes = nb_shapes[which - LIST_POOLS].data_bytes;
	if ((bytes != 0) != with_data) {
		must(nb == NULL);
		return;
	}
	if (!with_data && (length > UINT32_MAX || (uint64_t)offset + length > (m ? m->bytes : 0))) {
		must(nb == NULL);
		return;
	}
	must(nb != NULL);
	n->pool = pool;
	n->retreated = false;
	learn(&n->data, nb);
	out[which]++;
	must(n->data.offset == (with_data ? bytes : offset));
	must(n->data.length == (with_data ? 0 : length));
	if (!with_data && m != NULL)
		m->users++;
}

static void free_loose_well(struct loose *n)
{
	struct mdl *m;

	if (n->retreated)
		undo_retreats(n->data.nb);
	m = mdl_under(n->data.nb);
	NdisFreeNetBuffer(n->data.nb);
	no_misuse();
	if (m != NULL)
		m->users--;
	out[index_of(n->pool)]--;
	n->data.nb = NULL;
}

static void free_some_loose(void)
{
	struct loose *n = &loose[below(LOOSE_NBS)];
	struct list *l = some_list();
	const uint32_t how = below(4);

	if (how == 0) {
		NdisFreeNetBuffer(NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
	} else if (how == 1 && l != NULL && l->data.nb != NULL &&
		   l->data.nb->NdisPoolHandle == l->pool) {
		NdisFreeNetBuffer(l->data.nb);
		expect(NBL_MISUSE_EMBEDDED_NB);
	} else if (n->data.nb != NULL) {
		NET_BUFFER *nb = n->data.nb;

		free_loose_well(n);
		if (how == 2) {
			NdisFreeNetBuffer(nb);
			expect(NBL_MISUSE_DOUBLE_FREE);
		}
	}
}

static void mdls_come_and_go(void)
{
	struct mdl *m = &mdls[below(MDLS)];
	const ULONG bytes = some_ulong();
	const uint32_t at = byte() * 16;
	const uint32_t how = below(4);

	if (m->mdl == NULL && how == 0) {
		NdisFreeMdl(NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
	} else if (m->mdl == NULL) {
		const bool fits = bytes <= BUFFER_BYTES - at;

		m->mdl = NdisAllocateMdl(NULL, buffer + at, fits ? bytes : 64);
		must(m->mdl != NULL);
		m->bytes = fits ? bytes : 64;
		m->users = 0;
	} else if (m->users == 0) {
		MDL *mdl = m->mdl;

		NdisFreeMdl(mdl);
		m->mdl = NULL;
		if (how == 0) {
			NdisFreeMdl(mdl);
			expect(NBL_MISUSE_DOUBLE_FREE);
		}
	}
	if (how == 1 && bytes > BUFFER_BYTES)
		must(IoAllocateMdl(buffer, bytes, FALSE, FALSE, NULL) == NULL);
	if (how == 2 && m->mdl != NULL) { /* a part that is not in the source */
		MDL *part = IoAllocateMdl(buffer, BUFFER_BYTES, FALSE, FALSE, NULL);
		const PVOID va = (PUCHAR)MmGetMdlVirtualAddress(m->mdl) + m->bytes + 1;

		must(part != NULL);
		IoBuildPartialMdl(m->mdl, part, va, bytes);
		expect(NBL_MISUSE_DATA);
		IoFreeMdl(part);
	}
}

/* Some NB, alone or an NBL's first. *retreated: its mark that it may have MDLs of retreats. */
static struct data *some_data(bool **retreated)
{
	struct loose *n = &loose[below(LOOSE_NBS)];
	struct list *l = some_list();

	if (below(2) && n->data.nb != NULL) {
		*retreated = &n->retreated;
		return &n->data;
	}
	if (l == NULL || l->data.nb == NULL || l->clones != 0 || l->kind == CLONE_SHARED)
		return NULL; /* the bytes of others would go with it */
	*retreated = &l->retreated;
	return &l->data;
}

static void retreat(void)
{
	bool *retreated;
	struct data *d = some_data(&retreated);
	const ULONG delta = some_ulong();
	const ULONG backfill = some_ulong();

	if (d == NULL) {
		must(NdisRetreatNetBufferDataStart(NULL, delta, backfill, NULL) ==
			NDIS_STATUS_FAILURE);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	const struct data before = *d;
	UCHAR old[SEEN_BYTES], now[2 * SEEN_BYTES];
	const uint32_t n = read_data(d->nb, old, SEEN_BYTES);
	const uint64_t missing = delta > before.offset ? delta - before.offset : 0;
	handlers_last = NULL;
	handlers_mdl = below(HANDLERS_KINDS);
	NDIS_STATUS status =
		NdisRetreatNetBufferDataStart(d->nb, delta, backfill, below(2) ? make_mdl : NULL);
	MDL *made = handlers_last;
	if (status != NDIS_STATUS_SUCCESS) {
		must(missing + backfill > HANDLERS_BYTES_MAX ||
			(uint64_t)before.length + delta > UINT32_MAX ||
			(missing != 0 && handlers_mdl == MDL_NONE) ||
			(missing > 1 && handlers_mdl == MDL_OF_A_BYTE));
		if (made != NULL)
			take_mdl(made); /* too small: it has remained the driver's */
		return;                 /* and check_all finds nothing changed */
	}
	if (delta != 0)
		*retreated = true;
	learn(d, d->nb);
	must(d->length == before.length + delta);
	if (missing != 0)
		must(d->offset == (made != NULL ? made->ByteCount - missing : backfill));
	else
		must(d->offset == before.offset - delta);
	if (delta <= SEEN_BYTES) {
		must(read_data(d->nb, now, sizeof(now)) >= delta + n);
		must(memcmp(now + delta, old, n) == 0);
	}
}

static void advance(void)
{
	bool *retreated;
	struct data *d = some_data(&retreated);
	const ULONG delta = some_ulong();
	const BOOLEAN free_mdls = below(2) != 0;
	const NET_BUFFER_FREE_MDL_HANDLER handler = below(2) ? take_mdl : NULL;

	if (d == NULL) {
		NdisAdvanceNetBufferDataStart(NULL, delta, free_mdls, NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	const struct data before = *d;
	NdisAdvanceNetBufferDataStart(d->nb, delta, free_mdls, handler);
	if (delta > before.length) {
		expect(NBL_MISUSE_DATA);
		return;
	}
	learn(d, d->nb);
	must(d->length == before.length - delta);
	must(free_mdls ? d->offset <= (uint64_t)before.offset + delta
		       : d->offset == before.offset + delta);
	if (delta == 0)
		must(d->hash == before.hash);
}

/* The calls that read an NB's data or set its place. */
static void look_at_data(void)
{
	static UCHAR storage[STORAGE_BYTES];
	bool *retreated;
	struct data *d = some_data(&retreated);
	const ULONG bytes = some_ulong();
	const uint32_t how = below(4);

	if (d == NULL) {
		must(NdisGetDataBuffer(NULL, bytes, storage, 1, 0) == NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		NdisAdjustNetBufferCurrentMdl(NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (how == 0) { /* a place beyond the chain */
		const ULONG offset = d->nb->DataOffset;

		d->nb->DataOffset = UINT32_MAX;
		NdisAdjustNetBufferCurrentMdl(d->nb);
		expect(NBL_MISUSE_DATA);
		must(NdisRetreatNetBufferDataStart(d->nb, 1, 0, NULL) == NDIS_STATUS_FAILURE);
		no_misuse();
		d->nb->DataOffset = offset;
	}
	NdisAdjustNetBufferCurrentMdl(d->nb);
	if (bytes > sizeof(storage))
		return;
	const PUCHAR data = NdisGetDataBuffer(
		d->nb, bytes, how == 1 ? NULL : storage, how == 2 ? 0 : 1u << how, bytes & 3);
	if (bytes == 0 || bytes > d->length) {
		must(data == NULL);
	} else if (data != NULL) {
		static UCHAR seen[STORAGE_BYTES];

		must(read_data(d->nb, seen, bytes) == bytes);
		must(memcmp(data, seen, bytes) == 0);
	} else {
		must(how == 1);
	}
}

/* Both list forms, there and back; and over NBs that go round. */
static void list_forms(void)
{
	struct list *l = some_list();
	const ULONG delta = some_ulong();
	const ULONG backfill = some_ulong();

	if (l == NULL) {
		must(NdisRetreatNetBufferListDataStart(NULL, delta, backfill, NULL, NULL) ==
			NDIS_STATUS_FAILURE);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		NdisAdvanceNetBufferListDataStart(NULL, delta, TRUE, NULL);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (l->data.nb == NULL || l->clones != 0 || l->kind == CLONE_SHARED)
		return;
	if (below(4) == 0 && delta != 0) {
		NET_BUFFER_LIST *nbl;

		l->data.nb->Next = l->data.nb;
		must(NdisRetreatNetBufferListDataStart(l->nbl, delta, backfill, NULL, NULL) ==
			NDIS_STATUS_FAILURE);
		no_misuse();
		NdisAdvanceNetBufferListDataStart(l->nbl, 0, TRUE, NULL);
		expect(NBL_MISUSE_DATA);
		nbl = NdisAllocateCloneNetBufferList(l->nbl, NULL, NULL, 0);
		must(nbl == NULL);
		no_misuse();
		l->data.nb->Next = NULL;
		return;
	}
	const struct data before = l->data;
	const uint32_t before_out = handlers_out;
	handlers_mdl = below(HANDLERS_KINDS);
	if (NdisRetreatNetBufferListDataStart(l->nbl, delta, backfill, below(2) ? make_mdl : NULL,
		    take_mdl) != NDIS_STATUS_SUCCESS) {
		must(handlers_out == before_out);
		return;
	}
	must(l->data.nb->DataLength == before.length + delta);
	NdisAdvanceNetBufferListDataStart(l->nbl, delta, TRUE, take_mdl);
	learn(&l->data, l->data.nb); /* MDLs that were unused before may have gone too */
	must(l->data.length == before.length && l->data.hash == before.hash);
}

static void copy_data(void)
{
	bool *retreated;
	const struct data *to = some_data(&retreated);
	const struct data *from = some_data(&retreated);
	const ULONG at = some_ulong(), bytes = some_ulong(), source = some_ulong();
	ULONG copied = 77;

	NDIS_STATUS status = NdisCopyFromNetBufferToNetBuffer(
		to ? to->nb : NULL, at, bytes, from ? from->nb : NULL, source, &copied);
	if (to == NULL || from == NULL) {
		must(status != NDIS_STATUS_SUCCESS);
		expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	if (status == NDIS_STATUS_SUCCESS)
		must(copied <= bytes);
	/* The bytes may be anybody's: all are looked at anew. */
	for (int i = 0; i < NBLS; i++) {
		if (lists[i].kind != DEAD)
			learn(&lists[i].data, lists[i].data.nb);
	}
	for (int i = 0; i < LOOSE_NBS; i++)
		learn(&loose[i].data, loose[i].data.nb);
}

/* Fragments and reassembled NBLs: made and freed, and freed as what they are not. */
static void derivations(void)
{
	struct list *from = some_list();
	const ULONG start = some_ulong(), most = some_ulong(), delta = some_ulong();
	const uint32_t how = below(2);
	NET_BUFFER_LIST *nbl = NULL;

	if (most != 0 && most < 16 && from != NULL)
		return; /* fragments by the thousand */
	if (how == 0)
		nbl = NdisAllocateFragmentNetBufferList(
			from ? from->nbl : NULL, NULL, NULL, start, most, delta, 0, 0);
	else
		nbl = NdisAllocateReassembledNetBufferList(
			from ? from->nbl : NULL, pools_made[0], start, delta, 0, 0);
	if (from == NULL) {
		must(nbl == NULL);
		if (how != 0 || most != 0)
			expect(NBL_MISUSE_FOREIGN_OBJECT);
		return;
	}
	no_misuse();
	if (nbl == NULL)
		return;
	NdisFreeNetBufferList(nbl);
	expect(NBL_MISUSE_WRONG_FREE);
	if (how == 0)
		NdisFreeFragmentNetBufferList(nbl, delta, 0);
	else
		NdisFreeReassembledNetBufferList(nbl, delta, 0);
}

#endif
