/*
 * What is made out of NBLs that exist: copies of bytes and of info slots, fragments, reassembled
 * NBLs, deep clones, and the references of WFP. Over every strategy, under the default policy. Clones are in vectors_test.c.
 */
#include "alloc/ndis/support_test.h"

#include <pthread.h>

/* A chain of MDLs over `sizes` bytes of memory each, which must not be moved. */
static MDL *chain_over(UCHAR *memory, const ULONG *sizes, size_t n)
{
	MDL *first = NULL;
	MDL **tail = &first;

	for (size_t i = 0; i < n; i++) {
		*tail = NdisAllocateMdl(NULL, memory, sizes[i]);
		assert_non_null(*tail);
		memory += sizes[i];
		tail = &(*tail)->Next;
	}
	return first;
}

static void free_chain(MDL *mdl)
{
	while (mdl != NULL) {
		MDL *next = mdl->Next;

		NdisFreeMdl(mdl);
		mdl = next;
	}
}

/* Bytes whose values tell their place. */
static void fill(UCHAR *memory, size_t n, UCHAR first)
{
	for (size_t i = 0; i < n; i++)
		memory[i] = (UCHAR)(first + i * 7 + (i >> 8));
}

/*
 * Copies.
 */

static void bytes_are_copied(NO_STATE)
{
	enum { SOURCE = 300, TARGET = 200, GUARD = 0xEE };
	static const ULONG source_sizes[] = {100, 0, 150, 50};
	static const ULONG target_sizes[] = {0, 64, 64, 72};
	static const struct {
		ULONG target_offset;
		ULONG bytes;
		ULONG source_offset;
		ULONG copied;
	} rows[] = {
		{0, 100, 0, 100}, {0, 0, 0, 0}, {10, 120, 30, 120},
		{0, 500, 0, 190},           /* the target ends */
		{0, 500, 200, 30},          /* the data end */
		{190, 10, 0, 0},            /* no room */
		{4000000000u, 10, 0, 0},    /* far beyond */
		{0, 10, 4000000000u, 0},    /* far beyond */
		{63, 2, 229, 1},            /* one byte */
		{0, 4294967295u, 100, 130}, /* more than there is */
	};
	UCHAR source[SOURCE];
	UCHAR target[TARGET];
	NDIS_HANDLE pool = nb_pool(0);
	MDL *source_mdl = chain_over(source, source_sizes, array_count(source_sizes));
	MDL *target_mdl = chain_over(target, target_sizes, array_count(target_sizes));
	/* 230 bytes of data that begin at the 40th; room from the 10th on, and no data yet. */
	NET_BUFFER *from = NdisAllocateNetBuffer(pool, source_mdl, 40, 230);
	NET_BUFFER *to = NdisAllocateNetBuffer(pool, target_mdl, 10, 0);

	fill(source, sizeof(source), 1);
	for (size_t i = 0; i < array_count(rows); i++) {
		const NET_BUFFER before = *to;
		ULONG copied = 77;

		memset(target, GUARD, sizeof(target));
		assert_int_equal(NdisCopyFromNetBufferToNetBuffer(to, rows[i].target_offset,
					 rows[i].bytes, from, rows[i].source_offset, &copied),
			NDIS_STATUS_SUCCESS);
		assert_int_equal(copied, rows[i].copied);
		for (ULONG at = 0; at < TARGET; at++) {
			uint64_t first = 10 + (uint64_t)rows[i].target_offset;
			bool inside = at >= first && at < first + copied;

			assert_int_equal(target[at],
				inside ? source[40 + rows[i].source_offset + at - first] : GUARD);
		}
		assert_memory_equal(&before, to, sizeof(before)); /* no member changes */
	}
	assert_int_equal(
		NdisCopyFromNetBufferToNetBuffer(to, 0, 10, from, 0, NULL), NDIS_STATUS_SUCCESS);
	/* To itself, forwards by less than a piece. */
	ULONG copied;
	assert_int_equal(NdisCopyFromNetBufferToNetBuffer(from, 4, 50, from, 0, &copied),
		NDIS_STATUS_SUCCESS);
	assert_int_equal(source[44], (UCHAR)(1 + 40 * 7));
	assert_int_equal(source[93], (UCHAR)(1 + 89 * 7));
	/* An NB without MDLs has neither data nor room. */
	NET_BUFFER *empty = NdisAllocateNetBuffer(pool, NULL, 0, 0);
	assert_int_equal(NdisCopyFromNetBufferToNetBuffer(empty, 0, 1, from, 0, &copied),
		NDIS_STATUS_SUCCESS);
	assert_int_equal(copied, 0);
	assert_int_equal(
		NdisCopyFromNetBufferToNetBuffer(to, 0, 1, empty, 0, &copied), NDIS_STATUS_SUCCESS);
	assert_int_equal(copied, 0);
	copied = 77;
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL,
		assert_int_equal(NdisCopyFromNetBufferToNetBuffer(NULL, 0, 1, from, 0, &copied),
			NDIS_STATUS_RESOURCES));
	assert_int_equal(copied, 0);
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL,
		assert_int_equal(NdisCopyFromNetBufferToNetBuffer(to, 0, 1, NULL, 0, &copied),
			NDIS_STATUS_RESOURCES));
	NdisFreeNetBuffer(empty);
	NdisFreeNetBuffer(from);
	NdisFreeNetBuffer(to);
	free_chain(source_mdl);
	free_chain(target_mdl);
	free_nb_pool(pool);
}

/* By the numbers of the pages' tables. */
static void info_slots_are_copied(NO_STATE)
{
	static const bool sent[MaxNetBufferListInfo] = {[0] = true,
		[1] = true,
		[2] = true,
		[4] = true,
		[5] = true,
		[6] = true,
		[7] = true,
		[11] = true,
		[12] = true,
		[14] = true,
		[20] = true};
	static const bool received[MaxNetBufferListInfo] = {[0] = true,
		[1] = true,
		[2] = true,
		[4] = true,
		[6] = true,
		[7] = true,
		[8] = true,
		[9] = true,
		[11] = true,
		[12] = true,
		[14] = true,
		[20] = true};
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	NET_BUFFER_LIST *from = NdisAllocateNetBufferList(pool, 0, 0);
	NET_BUFFER_LIST *to = NdisAllocateNetBufferList(pool, 0, 0);

	from->Flags = from->NblFlags = 5;
	for (int way = 0; way < 2; way++) {
		for (int i = 0; i < MaxNetBufferListInfo; i++) {
			from->NetBufferListInfo[i] = (PVOID)(uintptr_t)(100 + i);
			to->NetBufferListInfo[i] = (PVOID)(uintptr_t)(200 + i);
		}
		if (way == 0)
			NdisCopySendNetBufferListInfo(to, from);
		else
			NdisCopyReceiveNetBufferListInfo(to, from);
		for (int i = 0; i < MaxNetBufferListInfo; i++) {
			bool copied = way == 0 ? sent[i] : received[i];

			assert_ptr_equal(to->NetBufferListInfo[i],
				(PVOID)(uintptr_t)((copied ? 100 : 200) + i));
			assert_ptr_equal(from->NetBufferListInfo[i], (PVOID)(uintptr_t)(100 + i));
		}
		assert_int_equal(to->Flags | to->NblFlags, 0);
	}
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, NdisCopySendNetBufferListInfo(NULL, from));
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, NdisCopyReceiveNetBufferListInfo(to, NULL));
	NdisFreeNetBufferList(from);
	NdisFreeNetBufferList(to);
	free_pool(pool);
}

/*
 * Fragments and reassembled NBLs.
 */

/* Reads all data of an NB. */
static void data_of(NET_BUFFER *nb, UCHAR *out)
{
	const UCHAR *data = NdisGetDataBuffer(nb, nb->DataLength, out, 1, 0);

	assert_non_null(data);
	if (data != out)
		memcpy(out, data, nb->DataLength);
}

/* Bytes of a chain. */
static ULONG chain_bytes(const MDL *mdl)
{
	ULONG bytes = 0;

	for (; mdl != NULL; mdl = mdl->Next)
		bytes += mdl->ByteCount;
	return bytes;
}

/* Memory, MDLs of several sizes over it, and an NBL with several NBs over those. */
enum { BED_NBS = 3, BED_BYTES = 3000, BED_FIRST = 37 /* of each NB's data in the memory */ };

struct bed {
	UCHAR memory[BED_BYTES];
	MDL *mdl;
	NDIS_HANDLE lists;
	NDIS_HANDLE nbs;
	NET_BUFFER_LIST *nbl;
};

static const ULONG bed_lengths[BED_NBS] = {2500, 1000, 54};

static void bed_make(struct bed *bed)
{
	static const ULONG sizes[] = {100, 1, 0, 1499, 1400};

	fill(bed->memory, sizeof(bed->memory), 3);
	bed->mdl = chain_over(bed->memory, sizes, array_count(sizes));
	bed->lists = list_pool(FALSE, 0, 32);
	bed->nbs = nb_pool(0);
	bed->nbl = NdisAllocateNetBufferList(bed->lists, 0, 0);
	NET_BUFFER **tail = &bed->nbl->FirstNetBuffer;
	for (int i = 0; i < BED_NBS; i++) {
		*tail = NdisAllocateNetBuffer(bed->nbs, bed->mdl, BED_FIRST, bed_lengths[i]);
		assert_non_null(*tail);
		tail = &(*tail)->Next;
	}
}

static void bed_free(struct bed *bed)
{
	unsigned before = misuses.all;

	while (bed->nbl->FirstNetBuffer != NULL) {
		NET_BUFFER *nb = bed->nbl->FirstNetBuffer;

		bed->nbl->FirstNetBuffer = nb->Next;
		NdisFreeNetBuffer(nb);
	}
	NdisFreeNetBufferList(bed->nbl);
	free_chain(bed->mdl);
	free_nb_pool(bed->nbs);
	free_pool(bed->lists);
	assert_int_equal(misuses.all, before);
}

/* What a fragment's or reassembled NB looks like before its data are read. */
static void expect_shape(const NET_BUFFER *nb, ULONG delta, ULONG backfill, ULONG length)
{
	assert_int_equal(nb->DataLength, delta + length);
	assert_int_equal(nb->stDataLength, delta + length);
	assert_int_equal(nb->DataOffset, delta != 0 ? backfill : 0);
	assert_int_equal(nb->CurrentMdlOffset, nb->DataOffset);
	assert_ptr_equal(nb->CurrentMdl, nb->MdlChain);
	assert_int_equal(chain_bytes(nb->MdlChain), nb->DataOffset + nb->DataLength);
	if (delta != 0)
		assert_int_equal(nb->MdlChain->ByteCount, delta + backfill);
}

static void expect_fragments(const struct bed *bed, NET_BUFFER_LIST *fragments, ULONG start,
	ULONG most, ULONG delta, ULONG backfill)
{
	NET_BUFFER *nb = fragments->FirstNetBuffer;

	assert_null(fragments->Context);
	assert_null(fragments->Next);
	assert_null(fragments->ParentNetBufferList);
	for (int i = 0; i < BED_NBS; i++) {
		ULONG at = start;

		do {
			UCHAR data[2 * BED_BYTES];
			ULONG rest = bed_lengths[i] - at;
			ULONG length = rest < most ? rest : most;

			assert_non_null(nb);
			expect_shape(nb, delta, backfill, length);
			if (nb->DataLength != 0)
				data_of(nb, data);
			assert_memory_equal(data + delta, bed->memory + BED_FIRST + at, length);
			/* The pieces are the original's bytes, and the room before them is not. */
			if (length != 0) {
				NdisAdvanceNetBufferDataStart(nb, delta, FALSE, NULL);
				assert_ptr_equal(NdisGetDataBuffer(nb, 1, NULL, 1, 0),
					bed->memory + BED_FIRST + at);
				assert_int_equal(NdisRetreatNetBufferDataStart(nb, delta, 0, NULL),
					NDIS_STATUS_SUCCESS);
			}
			at += length;
			nb = nb->Next;
		} while (at < bed_lengths[i]);
	}
	assert_null(nb);
}

static void fragments(NO_STATE)
{
	static const struct {
		ULONG start;
		ULONG most;
		ULONG delta;
		ULONG backfill;
	} rows[] = {
		{0, 1000, 0, 0},
		{0, 500, 14, 0}, /* 1000 and 2500 are multiples */
		{54, 1460, 54, 10},
		{54, 1, 54, 0},
		{1, 4294967295u, 0, 100},
		{0, 33, 300, 8000},
	};
	struct bed bed;
	NDIS_HANDLE one_nb = list_pool(TRUE, 0, 64);

	bed_make(&bed);
	rcu_guard_enter(); /* no grace period ends: what is freed comes back after the loop, at best */
	for (size_t i = 0; i < array_count(rows); i++) {
		for (int pool = 0; pool < 3; pool++) {
			const NDIS_HANDLE lists[] = {NULL, bed.lists, one_nb};
			NET_BUFFER_LIST *nbl = NdisAllocateFragmentNetBufferList(bed.nbl,
				lists[pool], pool == 1 ? bed.nbs : NULL, rows[i].start,
				rows[i].most, rows[i].delta, rows[i].backfill, 0);

			assert_non_null(nbl);
			expect_fragments(&bed, nbl, rows[i].start, rows[i].most, rows[i].delta,
				rows[i].backfill);
			NdisFreeFragmentNetBufferList(nbl, rows[i].delta, 0);
		}
	}
	rcu_guard_leave();
	assert_int_equal(misuses.all, 0);
	free_pool(one_nb);
	bed_free(&bed);
}

static void reassembled(NO_STATE)
{
	enum { START = 20, DELTA = 34, BACKFILL = 6 };
	struct bed bed;
	UCHAR data[3 * BED_BYTES];
	NDIS_HANDLE one_nb = list_pool(TRUE, 0, 64);

	bed_make(&bed);
	for (int pool = 0; pool < 2; pool++) {
		NET_BUFFER_LIST *nbl = NdisAllocateReassembledNetBufferList(
			bed.nbl, pool ? one_nb : NULL, START, DELTA, BACKFILL, 0);

		assert_non_null(nbl);
		assert_null(nbl->Context);
		NET_BUFFER *nb = nbl->FirstNetBuffer;
		assert_null(nb->Next);
		ULONG all = 0;
		for (int i = 0; i < BED_NBS; i++)
			all += bed_lengths[i] - START;
		expect_shape(nb, DELTA, BACKFILL, all);
		data_of(nb, data);
		ULONG at = DELTA;
		for (int i = 0; i < BED_NBS; i++) {
			assert_memory_equal(
				data + at, bed.memory + BED_FIRST + START, bed_lengths[i] - START);
			at += bed_lengths[i] - START;
		}
		NdisFreeReassembledNetBufferList(nbl, DELTA, 0);
	}
	/* What was fragmented comes together again. */
	NET_BUFFER_LIST *pieces =
		NdisAllocateFragmentNetBufferList(bed.nbl, NULL, NULL, 0, 700, 40, 0, 0);
	NET_BUFFER_LIST *whole = NdisAllocateReassembledNetBufferList(pieces, NULL, 40, 0, 0, 0);
	assert_non_null(whole);
	data_of(whole->FirstNetBuffer, data);
	ULONG at = 0;
	for (int i = 0; i < BED_NBS; i++) {
		assert_memory_equal(data + at, bed.memory + BED_FIRST, bed_lengths[i]);
		at += bed_lengths[i];
	}
	assert_int_equal(whole->FirstNetBuffer->DataLength, at);
	NdisFreeReassembledNetBufferList(whole, 0, 0);
	NdisFreeFragmentNetBufferList(pieces, 40, 0);
	assert_int_equal(misuses.all, 0);
	free_pool(one_nb);
	bed_free(&bed);
}

/* NBs without data, an NBL without NBs. */
static void nothing_to_derive_from(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	NET_BUFFER_LIST *empty = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, NULL, 0, 0);
	NET_BUFFER *only = empty->FirstNetBuffer;
	NET_BUFFER_LIST *deep;

	for (int nbs = 0; nbs < 2; nbs++) {
		empty->FirstNetBuffer = nbs ? only : NULL;
		NET_BUFFER_LIST *pieces =
			NdisAllocateFragmentNetBufferList(empty, NULL, NULL, 0, 1, 8, 0, 0);
		NET_BUFFER_LIST *whole =
			NdisAllocateReassembledNetBufferList(empty, NULL, 0, 0, 0, 0);
		assert_int_equal(pieces->FirstNetBuffer != NULL, nbs);
		if (nbs)
			expect_shape(pieces->FirstNetBuffer, 8, 0, 0);
		expect_shape(whole->FirstNetBuffer, 0, 0, 0);
		assert_null(whole->FirstNetBuffer->MdlChain);
		assert_int_equal(FwpsAllocateDeepCloneNetBufferList0(empty, NULL, NULL, &deep),
			STATUS_SUCCESS);
		assert_int_equal(deep->FirstNetBuffer != NULL, nbs);
		FwpsFreeCloneNetBufferList0(deep, 0);
		NdisFreeReassembledNetBufferList(whole, 0, 0);
		NdisFreeFragmentNetBufferList(pieces, 8, 0);
	}
	NdisFreeNetBufferList(empty);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
}

/* Lengths are 32 bits: more data than that cannot come together. */
static void too_much_to_reassemble(NO_STATE)
{
	enum { MDL_BYTES = 4088 * 4096, NBS = 257 /* times that is just beyond 4 GiB */ };
	static UCHAR first_byte; /* none of them is looked at */
	NDIS_HANDLE lists = list_pool(FALSE, 0, 0);
	NDIS_HANDLE nbs = nb_pool(0);
	MDL *mdl = IoAllocateMdl(&first_byte, MDL_BYTES, FALSE, FALSE, NULL);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(lists, 0, 0);

	for (int i = 0; i < NBS; i++) {
		NET_BUFFER *nb = NdisAllocateNetBuffer(nbs, mdl, 0, MDL_BYTES);

		nb->Next = nbl->FirstNetBuffer;
		nbl->FirstNetBuffer = nb;
	}
	assert_null(NdisAllocateReassembledNetBufferList(nbl, NULL, 0, 0, 0, 0));
	NET_BUFFER *one_too_many = nbl->FirstNetBuffer;
	nbl->FirstNetBuffer = one_too_many->Next;
	NET_BUFFER_LIST *whole = NdisAllocateReassembledNetBufferList(nbl, NULL, 0, 0, 0, 0);
	assert_int_equal(whole->FirstNetBuffer->DataLength, (ULONG)(NBS - 1) * MDL_BYTES);
	NdisFreeReassembledNetBufferList(whole, 0, 0);
	NdisFreeNetBuffer(one_too_many);
	while (nbl->FirstNetBuffer != NULL) {
		NET_BUFFER *nb = nbl->FirstNetBuffer;

		nbl->FirstNetBuffer = nb->Next;
		NdisFreeNetBuffer(nb);
	}
	NdisFreeNetBufferList(nbl);
	IoFreeMdl(mdl);
	assert_int_equal(misuses.all, 0);
	free_nb_pool(nbs);
	free_pool(lists);
}

static void bad_derivations_give_null(NO_STATE)
{
	struct bed bed;
	NDIS_HANDLE one_nb = list_pool(TRUE, 0, 0);
	NDIS_HANDLE data = list_pool(TRUE, 64, 0);

	bed_make(&bed);
#define FRAGMENT(nbl, lists, nbs, start, most, delta, backfill, flags) \
	assert_null(NdisAllocateFragmentNetBufferList(                 \
		nbl, lists, nbs, start, most, delta, backfill, flags))
#define REASSEMBLED(nbl, lists, start, delta, backfill, flags) \
	assert_null(NdisAllocateReassembledNetBufferList(nbl, lists, start, delta, backfill, flags))
	FRAGMENT(bed.nbl, NULL, NULL, 0, 0, 0, 0, 0);    /* no length */
	FRAGMENT(bed.nbl, NULL, NULL, 55, 100, 0, 0, 0); /* the last NB has 54 */
	FRAGMENT(bed.nbl, NULL, NULL, UINT32_MAX, 100, 0, 0, 0);
	FRAGMENT(bed.nbl, NULL, NULL, 0, 100, UINT32_MAX, 0, 0);
	FRAGMENT(bed.nbl, NULL, NULL, 0, 100, 100, UINT32_MAX, 0);
	FRAGMENT(bed.nbl, NULL, NULL, 0, 100, 0, 0, 1);
	REASSEMBLED(bed.nbl, NULL, 55, 0, 0, 0);
	REASSEMBLED(bed.nbl, NULL, 0, UINT32_MAX, 0, 0);
	REASSEMBLED(bed.nbl, NULL, 0, 1, UINT32_MAX, 0);
	REASSEMBLED(bed.nbl, NULL, 0, 0, 0, 1);
	REASSEMBLED(bed.nbl, bed.lists, 0, 0, 0, 0); /* its NBLs have no NB */
	REASSEMBLED(bed.nbl, data, 0, 0, 0, 0);
	assert_int_equal(misuses.all, 0);
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, FRAGMENT(NULL, NULL, NULL, 0, 9, 0, 0, 0));
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, REASSEMBLED(NULL, NULL, 0, 0, 0, 0));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, bed.nbs,
		FRAGMENT(bed.nbl, bed.nbs, NULL, 0, 9, 0, 0, 0));
	expect_misuse(
		NBL_MISUSE_FOREIGN_HANDLE, one_nb, FRAGMENT(bed.nbl, NULL, one_nb, 0, 9, 0, 0, 0));
	expect_misuse(
		NBL_MISUSE_FOREIGN_HANDLE, bed.nbs, REASSEMBLED(bed.nbl, bed.nbs, 0, 0, 0, 0));
	/* An NB whose figures go beyond its chain. */
	unsigned before = misuses.all;
	bed.nbl->FirstNetBuffer->DataLength += BED_BYTES;
	FRAGMENT(bed.nbl, NULL, NULL, 0, 1000, 0, 0, 0);
	REASSEMBLED(bed.nbl, NULL, 0, 0, 0, 0);
	NET_BUFFER_LIST *deep = bed.nbl;
	assert_int_equal(FwpsAllocateDeepCloneNetBufferList0(bed.nbl, NULL, NULL, &deep),
		STATUS_INVALID_PARAMETER);
	assert_null(deep);
	bed.nbl->FirstNetBuffer->DataLength -= BED_BYTES;
	assert_int_equal(bed.nbl->ChildRefCount, 0);
	assert_int_equal(FwpsAllocateDeepCloneNetBufferList0(bed.nbl, NULL, NULL, NULL),
		STATUS_INVALID_PARAMETER);
	assert_int_equal(misuses.all, before);
#undef FRAGMENT
#undef REASSEMBLED
	free_pool(data);
	free_pool(one_nb);
	bed_free(&bed);
}

/* Each kind is freed by its own call, with nothing of others on it. */
static void derived_are_freed_as_made(NO_STATE)
{
	struct bed bed;
	NET_BUFFER_LIST *deep;

	bed_make(&bed);
	NET_BUFFER_LIST *pieces =
		NdisAllocateFragmentNetBufferList(bed.nbl, NULL, NULL, 0, 700, 40, 0, 0);
	NET_BUFFER_LIST *whole = NdisAllocateReassembledNetBufferList(bed.nbl, NULL, 0, 0, 0, 0);
	assert_int_equal(
		FwpsAllocateDeepCloneNetBufferList0(bed.nbl, NULL, NULL, &deep), STATUS_SUCCESS);
	NET_BUFFER_LIST *const all[] = {pieces, whole, deep, bed.nbl};
	for (size_t i = 0; i < array_count(all); i++) {
		NET_BUFFER_LIST *nbl = all[i];

		if (nbl != pieces)
			expect_misuse(NBL_MISUSE_WRONG_FREE, nbl,
				NdisFreeFragmentNetBufferList(nbl, 0, 0));
		if (nbl != whole)
			expect_misuse(NBL_MISUSE_WRONG_FREE, nbl,
				NdisFreeReassembledNetBufferList(nbl, 0, 0));
		if (nbl != deep)
			expect_misuse(
				NBL_MISUSE_WRONG_FREE, nbl, FwpsFreeCloneNetBufferList0(nbl, 0));
		if (nbl != bed.nbl)
			expect_misuse(NBL_MISUSE_WRONG_FREE, nbl, NdisFreeNetBufferList(nbl));
		expect_misuse(NBL_MISUSE_WRONG_FREE, nbl, NdisFreeCloneNetBufferList(nbl, 0));
		expect_misuse(NBL_MISUSE_WRONG_FREE, nbl, NdisFreeFragmentNetBufferList(nbl, 0, 1));
		expect_misuse(
			NBL_MISUSE_WRONG_FREE, nbl, NdisFreeReassembledNetBufferList(nbl, 0, 1));
		expect_misuse(NBL_MISUSE_WRONG_FREE, nbl, FwpsFreeCloneNetBufferList0(nbl, 1));
	}
	for (size_t i = 0; i < 3; i++) {
		NET_BUFFER_LIST *nbl = all[i];
		NET_BUFFER *nb = nbl->FirstNetBuffer;
		MDL *foreign = test_mdl(10);

		assert_int_equal(NdisAllocateNetBufferListContext(nbl, 16, 0, OTHER_TAG),
			NDIS_STATUS_SUCCESS);
		foreign->Next = nb->MdlChain;
		nb->MdlChain = foreign;
		for (int twice = 0; twice < 2; twice++) {
			enum nbl_misuse_kind kind =
				twice == 0 ? NBL_MISUSE_CONTEXT_OUTSTANDING : NBL_MISUSE_WRONG_FREE;

			if (nbl == pieces)
				expect_misuse(kind, nbl, NdisFreeFragmentNetBufferList(nbl, 40, 0));
			else if (nbl == whole)
				expect_misuse(
					kind, nbl, NdisFreeReassembledNetBufferList(nbl, 0, 0));
			else
				expect_misuse(kind, nbl, FwpsFreeCloneNetBufferList0(nbl, 0));
			if (twice == 0)
				NdisFreeNetBufferListContext(nbl, 16);
		}
		nb->MdlChain = foreign->Next;
		NdisFreeMdl(foreign);
	}
	unsigned before = misuses.all;
	/* Advances and retreats need not be undone, nor the delta be the same. */
	assert_int_equal(
		NdisRetreatNetBufferListDataStart(pieces, 100, 0, NULL, NULL), NDIS_STATUS_SUCCESS);
	NdisAdvanceNetBufferDataStart(pieces->FirstNetBuffer->Next, 200, FALSE, NULL);
	assert_int_equal(
		NdisRetreatNetBufferListDataStart(whole, 100, 0, NULL, NULL), NDIS_STATUS_SUCCESS);
	NdisFreeFragmentNetBufferList(pieces, 7, 0);
	NdisFreeReassembledNetBufferList(whole, 100, 0);
	FwpsFreeCloneNetBufferList0(deep, 0);
	assert_int_equal(misuses.all, before);
	bed_free(&bed);
}

/*
 * Deep clones.
 */

static void deep_clones(NO_STATE)
{
	struct bed bed;
	UCHAR data[BED_BYTES];
	NDIS_HANDLE clones = list_pool(TRUE, 0, 48);

	bed_make(&bed);
	for (int pool = 0; pool < 3; pool++) {
		const NDIS_HANDLE lists[] = {NULL, clones, bed.lists};
		NET_BUFFER_LIST *deep = NULL;

		assert_int_equal(FwpsAllocateDeepCloneNetBufferList(
					 bed.nbl, lists[pool], pool ? bed.nbs : NULL, &deep),
			STATUS_SUCCESS);
		assert_ptr_equal(deep->ParentNetBufferList, bed.nbl);
		assert_int_equal(bed.nbl->ChildRefCount, 1);
		if (pool == 0) {
			assert_null(deep->Context);
		} else {
			assert_int_equal(deep->Context->Size, pool == 1 ? 48 : 32);
			assert_int_equal(deep->Context->Offset, deep->Context->Size);
		}
		/* Neither sees what the other does to its bytes. */
		for (size_t i = 0; i < sizeof(bed.memory); i++)
			bed.memory[i] ^= 0xFF;
		NET_BUFFER *nb = deep->FirstNetBuffer;
		for (int i = 0; i < BED_NBS; i++, nb = nb->Next) {
			expect_shape(nb, 0, 0, bed_lengths[i]);
			assert_null(nb->MdlChain->Next); /* one piece */
			data_of(nb, data);
			for (ULONG at = 0; at < bed_lengths[i]; at++)
				assert_int_equal(data[at], bed.memory[BED_FIRST + at] ^ 0xFF);
			memset(NdisGetDataBuffer(nb, nb->DataLength, NULL, 1, 0), 0,
				nb->DataLength);
		}
		assert_null(nb);
		for (size_t i = 0; i < sizeof(bed.memory); i++)
			bed.memory[i] ^= 0xFF;
		assert_int_equal(bed.memory[BED_FIRST + 5], (UCHAR)(3 + (BED_FIRST + 5) * 7));
		/* Its context is used like any other's. */
		assert_int_equal(NdisAllocateNetBufferListContext(deep, 32, 0, OTHER_TAG),
			NDIS_STATUS_SUCCESS);
		expect_misuse(
			NBL_MISUSE_CONTEXT_OUTSTANDING, deep, FwpsFreeCloneNetBufferList0(deep, 0));
		NdisFreeNetBufferListContext(deep, 32);
		/* A clone of it. */
		NET_BUFFER_LIST *shallow;
		assert_int_equal(FwpsAllocateCloneNetBufferList0(deep, NULL, NULL, 0, &shallow),
			STATUS_SUCCESS);
		assert_int_equal(deep->ChildRefCount, 1);
		FwpsFreeCloneNetBufferList0(shallow, 0);
		FwpsFreeCloneNetBufferList0(deep, 0);
		assert_int_equal(bed.nbl->ChildRefCount, 0);
	}
	assert_int_equal(misuses.all, 3);
	free_pool(clones);
	bed_free(&bed);
}

/*
 * References.
 */

/* Frees an NBL as it was made. */
static void free_by_kind(NET_BUFFER_LIST *nbl, int kind)
{
	switch (kind) {
	case 0:
		NdisFreeNetBufferList(nbl);
		break;
	case 1:
		FwpsFreeNetBufferList0(nbl);
		break;
	case 2:
		NdisFreeCloneNetBufferList(nbl, 0);
		break;
	case 3:
		NdisFreeCloneNetBufferList(nbl, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
		break;
	case 4:
	case 5:
		FwpsFreeCloneNetBufferList0(nbl, 0);
		break;
	case 6:
		NdisFreeFragmentNetBufferList(nbl, 0, 0);
		break;
	default:
		NdisFreeReassembledNetBufferList(nbl, 0, 0);
		break;
	}
}

enum { KINDS = 8 };

static NET_BUFFER_LIST *make_by_kind(struct bed *bed, int kind)
{
	NET_BUFFER_LIST *out = NULL;

	switch (kind) {
	case 0:
	case 1:
		return NdisAllocateNetBufferList(bed->lists, 16, 0);
	case 2:
		return NdisAllocateCloneNetBufferList(bed->nbl, bed->lists, bed->nbs, 0);
	case 3:
		return NdisAllocateCloneNetBufferList(
			bed->nbl, bed->lists, bed->nbs, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
	case 4:
		FwpsAllocateCloneNetBufferList0(bed->nbl, bed->lists, bed->nbs, 0, &out);
		return out;
	case 5:
		FwpsAllocateDeepCloneNetBufferList0(bed->nbl, bed->lists, bed->nbs, &out);
		return out;
	case 6:
		return NdisAllocateFragmentNetBufferList(
			bed->nbl, bed->lists, bed->nbs, 0, 1000, 0, 0, 0);
	default:
		return NdisAllocateReassembledNetBufferList(bed->nbl, NULL, 0, 0, 0, 0);
	}
}

/* What is out, but for the contexts of the tests: a policy may keep their blocks with the NBLs. */
static int64_t all_objects(void)
{
	struct nbl_tag_usage rows[256];
	size_t n = nbl_tags(rows, array_count(rows));
	int64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += rows[i].tag != OTHER_TAG ? rows[i].objects : 0;
	return all;
}

static void references_keep_an_nbl(NO_STATE)
{
	struct bed bed;

	bed_make(&bed);
	const int64_t before = all_objects();
	for (int kind = 0; kind < KINDS; kind++) {
		NET_BUFFER_LIST *nbl = make_by_kind(&bed, kind);
		const bool child = kind == 4 || kind == 5;
		const int64_t out = all_objects();

		assert_non_null(nbl);
		assert_true(out > before);
		/* A reference that has gone is as none. */
		FwpsReferenceNetBufferList0(nbl, FALSE);
		FwpsDereferenceNetBufferList0(nbl, FALSE);
		expect_misuse(NBL_MISUSE_REFERENCE, nbl, FwpsDereferenceNetBufferList(nbl, TRUE));
		assert_int_equal(bed.nbl->ChildRefCount, child);
		/* The wrong free of a referenced NBL is one. */
		if (kind != 2)
			expect_misuse(
				NBL_MISUSE_WRONG_FREE, nbl, NdisFreeCloneNetBufferList(nbl, 0));
		if (kind > 1)
			expect_misuse(NBL_MISUSE_WRONG_FREE, nbl, NdisFreeNetBufferList(nbl));
		FwpsReferenceNetBufferList(nbl, TRUE);
		FwpsReferenceNetBufferList(nbl, TRUE);
		/* Its contexts have to go before its owner does. */
		assert_int_equal(NdisAllocateNetBufferListContext(nbl, 48, 0, OTHER_TAG),
			NDIS_STATUS_SUCCESS);
		expect_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, nbl, free_by_kind(nbl, kind));
		NdisFreeNetBufferListContext(nbl, 48);
		unsigned misused = misuses.all;
		free_by_kind(nbl, kind);
		assert_int_equal(misuses.all, misused);
		assert_int_equal(all_objects(), out);
		expect_misuse(NBL_MISUSE_DOUBLE_FREE, nbl, free_by_kind(nbl, kind));
		FwpsDereferenceNetBufferList(nbl, TRUE);
		assert_int_equal(all_objects(), out);
		assert_int_equal(bed.nbl->ChildRefCount, child);
		/* It is used as before, by whoever holds the last reference. */
		if (kind > 1) {
			UCHAR data[2 * BED_BYTES];

			data_of(nbl->FirstNetBuffer, data);
			assert_memory_equal(data, bed.memory + BED_FIRST, 100);
		}
		assert_int_equal(NdisAllocateNetBufferListContext(nbl, 48, 0, OTHER_TAG),
			NDIS_STATUS_SUCCESS);
		NdisFreeNetBufferListContext(nbl, 48);
		FwpsDereferenceNetBufferList(nbl, TRUE);
		assert_int_equal(all_objects(), before);
		assert_int_equal(bed.nbl->ChildRefCount, 0);
		/* Dereferenced before its owner frees it. */
		nbl = make_by_kind(&bed, kind);
		misused = misuses.all;
		FwpsReferenceNetBufferList(nbl, TRUE);
		FwpsDereferenceNetBufferList(nbl, TRUE);
		free_by_kind(nbl, kind);
		assert_int_equal(misuses.all, misused);
		assert_int_equal(all_objects(), before);
		assert_int_equal(bed.nbl->ChildRefCount, 0);
		/* The next one is as new. */
		nbl = make_by_kind(&bed, kind);
		expect_misuse(NBL_MISUSE_REFERENCE, nbl, FwpsDereferenceNetBufferList(nbl, TRUE));
		free_by_kind(nbl, kind);
	}
	bed_free(&bed);
}

static void misused_references(NO_STATE)
{
	NDIS_HANDLE pool = verify_pool(32);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, FwpsReferenceNetBufferList0(NULL, FALSE));
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, FwpsDereferenceNetBufferList0(NULL, FALSE));
	FwpsReferenceNetBufferList0(nbl, FALSE);
	NdisFreeNetBufferList(nbl);
	/* A referenced NBL is out. */
	expect_misuse(NBL_MISUSE_POOL_OUTSTANDING, pool, NdisFreeNetBufferListPool(pool));
	/* What is left on it when the last reference goes keeps it, as a plain NBL. */
	assert_int_equal(
		NdisAllocateNetBufferListContext(nbl, 16, 0, OTHER_TAG), NDIS_STATUS_SUCCESS);
	expect_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, nbl, FwpsDereferenceNetBufferList0(nbl, 0));
	NdisFreeNetBufferListContext(nbl, 16);
	FwpsReferenceNetBufferList0(nbl, FALSE);
	FwpsDereferenceNetBufferList0(nbl, FALSE);
	nbl->Scratch = nbl; /* it is there still: nobody owns it but the test */
	NdisFreeNetBufferList(nbl);
	if (keeps_memory()) {
		expect_misuse(
			NBL_MISUSE_USE_AFTER_FREE, nbl, FwpsReferenceNetBufferList0(nbl, FALSE));
		expect_misuse(
			NBL_MISUSE_USE_AFTER_FREE, nbl, FwpsDereferenceNetBufferList0(nbl, FALSE));
	}
	free_pool(pool);
}

/* The owner and another thread let go of many NBLs at the same time. */
enum { SHARED_NBLS = 64, SHARED_ROUNDS = 16 };

static void *dereference_all(void *arg)
{
	NET_BUFFER_LIST **nbl = arg;

	for (int i = 0; i < SHARED_NBLS; i++) {
		nbl[i]->Scratch = arg; /* the reference's holder may write */
		FwpsDereferenceNetBufferList0(nbl[i], FALSE);
	}
	return NULL;
}

static void owner_and_reference_leave_at_once(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 32);
	NET_BUFFER_LIST *nbl[SHARED_NBLS];
	pthread_t thread;

	for (int round = 0; round < SHARED_ROUNDS; round++) {
		for (int i = 0; i < SHARED_NBLS; i++) {
			nbl[i] = NdisAllocateNetBufferList(pool, 16, 0);
			FwpsReferenceNetBufferList0(nbl[i], FALSE);
		}
		assert_int_equal(pthread_create(&thread, NULL, dereference_all, nbl), 0);
		for (int i = 0; i < SHARED_NBLS; i++)
			NdisFreeNetBufferList(nbl[i]);
		pthread_join(thread, NULL);
		assert_int_equal(usage(TEST_TAG).objects, 0);
	}
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(bytes_are_copied),
		counted_test(info_slots_are_copied),
		counted_test(fragments),
		counted_test(reassembled),
		counted_test(nothing_to_derive_from),
		counted_test(too_much_to_reassemble),
		counted_test(bad_derivations_give_null),
		counted_test(derived_are_freed_as_made),
		counted_test(deep_clones),
		counted_test(references_keep_an_nbl),
		counted_test(misused_references),
		counted_test(owner_and_reference_leave_at_once),
		counted_test(all_memory_came_back),
	};

	only_under_tsan("owner_and_reference_leave_at_once"); /* it has a thread */
	return run_over_strategies("derived", tests);
}
