/*
 * What is made out of NBLs that exist: copies of bytes and of info slots, fragments, reassembled
 * NBLs, deep clones, and the references of WFP. On one thread and over every strategy, under the
 * default policy. Clones are in vectors_test.c.
 */
#include "alloc/ndis/support_test.h"

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

static void bytes_are_copied(void **state)
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

	(void)state;
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
static void info_slots_are_copied(void **state)
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

	(void)state;
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

static void all_memory_came_back(void **state)
{
	(void)state;
	assert_int_equal(memory_live_bytes(), 0);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	assert_int_equal(usage(TEST_TAG).bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(bytes_are_copied),
		counted_test(info_slots_are_copied),
		counted_test(all_memory_came_back),
	};

	return run_over_strategies("derived", tests);
}
