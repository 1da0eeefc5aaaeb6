/*
 * The test vectors of the documented semantics, by number, on one thread and over every strategy.
 * V01-V18 pools, V19-V34 NBLs, V35-V42 context that comes with an NBL, V44-V63 context calls, V65-
 * V72 free and reuse, V74-V79 the WFP names and clones, V80-V91 retreat and advance. Gaps in the
 * numbering are intended; faults_test.c and threads_test.c have the rest, support_test.h the list. R: under the relaxed rule
 * of alignment.
 *
 * The context policy is `malloc`, whose blocks have exactly the documented sizes.
 */
#include "alloc/ndis/support_test.h"

#define ONE_NB TRUE
#define NO_NB  FALSE

static void relax(void)
{
	assert_int_equal(nbl_set_context_alignment(CONTEXT_ALIGN_POINTER_BYTES), 0);
}

/* What the front block and the one behind it look like; -1: there is none. */
static void expect_blocks(
	const NET_BUFFER_LIST *nbl, int size, int offset, int next_size, int next_offset)
{
	const NET_BUFFER_LIST_CONTEXT *block = nbl->Context;

	if (size < 0) {
		assert_null(block);
		return;
	}
	assert_non_null(block);
	assert_int_equal(block->Size, size);
	assert_int_equal(block->Offset, offset);
	block = block->Next;
	if (next_size < 0) {
		assert_null(block);
		return;
	}
	assert_non_null(block);
	assert_int_equal(block->Size, next_size);
	assert_int_equal(block->Offset, next_offset);
	assert_null(block->Next);
}

static void expect_nb(
	const NET_BUFFER *nb, const MDL *current, ULONG current_offset, ULONG offset, ULONG length)
{
	assert_ptr_equal(nb->CurrentMdl, current);
	assert_int_equal(nb->CurrentMdlOffset, current_offset);
	assert_int_equal(nb->DataOffset, offset);
	assert_int_equal(nb->DataLength, length);
	assert_int_equal(nb->stDataLength, length);
}

/* A block of fallback context that came or went, as the accounts see it. */
static int64_t blocks(void)
{
	return usage(OTHER_TAG).objects;
}

/*
 * Pools.
 */

static NDIS_HANDLE pool_of_header(UCHAR type, UCHAR revision, USHORT size, ULONG flags)
{
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(ONE_NB, 0, 0);

	p.Header = (NDIS_OBJECT_HEADER){.Type = type, .Revision = revision, .Size = size};
	p.Flags = flags;
	return NdisAllocateNetBufferListPool(NULL, &p);
}

static void V01_to_V08_headers(NO_STATE)
{
	static const struct {
		int vector;
		UCHAR type;
		UCHAR revision;
		USHORT size;
		ULONG flags;
		bool made;
		bool verify;
	} rows[] = {
		{1, NDIS_OBJECT_TYPE_DEFAULT, 1, 16, 0, true, false},
		{2, NDIS_OBJECT_TYPE_DEFAULT + 1, 1, 16, 0, false, false},
		{3, NDIS_OBJECT_TYPE_DEFAULT, 0, 16, 0, false, false},
		{4, NDIS_OBJECT_TYPE_DEFAULT, 1, 15, 0, false, false},
		{5, NDIS_OBJECT_TYPE_DEFAULT, 1, 20, 0xdeadbeef, true, false},
		{6, NDIS_OBJECT_TYPE_DEFAULT, 2, 20, 1, true, true},
		{7, NDIS_OBJECT_TYPE_DEFAULT, 2, 16, 0, false, false},
		{8, NDIS_OBJECT_TYPE_DEFAULT, 2, 20, 2, false, false},
	};

	for (size_t i = 0; i < array_count(rows); i++) {
		NDIS_HANDLE pool =
			pool_of_header(rows[i].type, rows[i].revision, rows[i].size, rows[i].flags);

		assert_int_equal(pool != NULL, rows[i].made);
		vector(rows[i].vector);
		if (pool == NULL)
			continue;
		assert_int_equal(((struct nbl_pool *)pool)->verify, rows[i].verify);
		free_pool(pool);
	}
}

static void headers_of_nb_pools(NO_STATE)
{
	NET_BUFFER_POOL_PARAMETERS p = {
		.Header = {NDIS_OBJECT_TYPE_DEFAULT, 1, 12}, .PoolTag = TEST_TAG};

	NDIS_HANDLE pool = NdisAllocateNetBufferPool(NULL, &p);
	assert_non_null(pool);
	free_nb_pool(pool);
	p.Header.Size = 11;
	assert_null(NdisAllocateNetBufferPool(NULL, &p));
	p.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_DEFAULT, 2, 15};
	assert_null(NdisAllocateNetBufferPool(NULL, &p));
	p.Header.Size = 16;
	p.Flags = NET_BUFFER_POOL_FLAG_VERIFY;
	pool = NdisAllocateNetBufferPool(NULL, &p);
	assert_non_null(pool);
	assert_true(((struct nbl_pool *)pool)->verify);
	free_nb_pool(pool);
	p.Flags = 4;
	assert_null(NdisAllocateNetBufferPool(NULL, &p));
	assert_null(NdisAllocateNetBufferPool(NULL, NULL));
}

static void V09_data_without_nb(NO_STATE)
{
	assert_null(try_list_pool(NO_NB, 64, 0));
	vector(9);
}

static void V10_no_nb(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(NO_NB, 0, 32);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	assert_non_null(nbl);
	assert_null(NET_BUFFER_LIST_FIRST_NB(nbl));
	expect_blocks(nbl, 32, 32, -1, -1);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	vector(10);
}

static void V11_V12_V13_context_sizes(NO_STATE)
{
	/* V11, V13: and what would allow it is said. */
	expect_misuse(NBL_MISUSE_ALIGNMENT, NULL, assert_null(try_list_pool(ONE_NB, 0, 216)));
	expect_misuse(NBL_MISUSE_ALIGNMENT, NULL, assert_null(try_list_pool(ONE_NB, 0, 65528)));
	const unsigned said = misuses.all;
	assert_null(try_list_pool(ONE_NB, 0, 12)); /* V12: nothing would */
	assert_int_equal(misuses.all, said);
	free_pool(list_pool(ONE_NB, 0, 65520));
	for (int v = 11; v <= 13; v++)
		vector(v);
	relax();
	assert_null(try_list_pool(ONE_NB, 0, 12));      /* V12 R */
	free_pool(list_pool(ONE_NB, 0, 216));           /* V11 R */
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 65528); /* V13 R */
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 65528, 0);
	assert_non_null(nbl);
	expect_blocks(nbl, 65528, 0, -1, -1);
	memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 1, 65528);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	for (int v = 11; v <= 13; v++)
		vector_under(v, RELAXED_RULE);
}

static void V14_V15_V16_arguments(NO_STATE)
{
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(ONE_NB, 0, 0);

	int handle;
	NDIS_HANDLE pool = NdisAllocateNetBufferListPool(&handle, &p);
	assert_non_null(pool);
	free_pool(pool);
	free_pool(list_pool(ONE_NB, 0, 0));                        /* V14: NULL */
	assert_null(NdisAllocateNetBufferListPool(&handle, NULL)); /* V15 */
	p.PoolTag = 0;                                             /* V16 */
	pool = NdisAllocateNetBufferListPool(NULL, &p);
	assert_non_null(pool);
	assert_int_not_equal(((struct nbl_pool *)pool)->tag, 0);
	free_pool(pool);
	for (int v = 14; v <= 16; v++)
		vector(v);
}

static void protocol_id_is_in_each_nbl(NO_STATE)
{
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(ONE_NB, 0, 0);

	p.ProtocolId = 0xF0 | NDIS_PROTOCOL_ID_IPX;
	NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &p);
	assert_non_null(pool);
	for (int use = 0; use < 2; use++) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

		assert_non_null(nbl);
		assert_int_equal((uintptr_t)NET_BUFFER_LIST_INFO(nbl, NetBufferListProtocolId),
			NDIS_PROTOCOL_ID_IPX);
		NET_BUFFER_LIST_INFO(nbl, NetBufferListFrameType) = pool;
		NdisFreeNetBufferList(nbl);
	}
	free_pool(pool);
}

static void V18_pool_with_an_nbl_out(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 32);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	expect_misuse(NBL_MISUSE_POOL_OUTSTANDING, pool, NdisFreeNetBufferListPool(pool));
	NET_BUFFER_LIST *other = NdisAllocateNetBufferList(pool, 32, 0);
	assert_non_null(other);
	NdisFreeNetBufferList(other);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	vector(18);
}

/*
 * NBLs.
 */

static void V19_no_data(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, NULL, 0, 0);

	assert_non_null(nbl);
	assert_null(nbl->Context);
	assert_null(nbl->Next);
	assert_null(nbl->ParentNetBufferList);
	assert_null(nbl->Scratch);
	assert_int_equal(nbl->ChildRefCount, 0);
	assert_ptr_equal(NdisGetPoolFromNetBufferList(nbl), pool);
	NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
	assert_non_null(nb);
	assert_null(nb->MdlChain);
	assert_null(nb->Next);
	expect_nb(nb, NULL, 0, 0, 0);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	vector(19);
}

static void V20_to_V25_place_in_the_chain(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	MDL *single = test_mdl(1500);
	MDL *first = test_mdl(100);
	MDL *second = test_mdl(200);
	const struct {
		int vector; /* 0: none of the reference's */
		MDL *chain;
		ULONG offset;
		SIZE_T length;
		MDL *current; /* NULL: refused */
		ULONG current_offset;
	} rows[] = {
		{20, single, 0, 1500, single, 0},
		{21, single, 14, 1486, single, 14},
		{22, first, 100, 200, second, 0},
		{23, first, 250, 50, second, 150},
		{24, first, 300, 0, second, 200},
		{25, first, 0, 301, NULL, 0},
		{0, first, 301, 0, NULL, 0},
		{0, first, 50, 250, first, 50},
		{0, single, 1500, 0, single, 1500},
	};

	NDIS_MDL_LINKAGE(first) = second;
	for (size_t i = 0; i < array_count(rows); i++) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(
			pool, 0, 0, rows[i].chain, rows[i].offset, rows[i].length);

		if (rows[i].vector != 0)
			vector(rows[i].vector);
		if (rows[i].current == NULL) {
			assert_null(nbl);
			continue;
		}
		assert_non_null(nbl);
		NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
		assert_ptr_equal(NET_BUFFER_FIRST_MDL(nb), rows[i].chain);
		expect_nb(nb, rows[i].current, rows[i].current_offset, rows[i].offset,
			(ULONG)rows[i].length);
		NdisFreeNetBufferList(nbl);
	}
	assert_int_equal(misuses.all, 0);
	NdisFreeMdl(first);
	NdisFreeMdl(second);
	NdisFreeMdl(single);
	free_pool(pool);
}

static void V26_to_V30_refused(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	NDIS_HANDLE no_nb = list_pool(NO_NB, 0, 0);
	NDIS_HANDLE data = list_pool(ONE_NB, 384, 0);
	NDIS_HANDLE nbs = nb_pool(0);
	MDL *mdl = test_mdl(100);

	assert_null(NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, NULL, 0, 1)); /* V26 */
	assert_null(NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, NULL, 1, 0)); /* V27 */
	assert_null(NdisAllocateNetBufferAndNetBufferList(
		pool, 0, 0, mdl, 0, (SIZE_T)UINT32_MAX + 1)); /* V28 */
	assert_null(NdisAllocateNetBuffer(nbs, mdl, 0, (SIZE_T)UINT32_MAX + 1));
	assert_null(NdisAllocateNetBuffer(nbs, NULL, 0, 1));
	assert_null(NdisAllocateNetBufferAndNetBufferList(no_nb, 0, 0, NULL, 0, 0)); /* V29 */
	assert_null(NdisAllocateNetBufferAndNetBufferList(data, 0, 0, NULL, 0, 0));  /* V30 */
	assert_int_equal(misuses.all, 0);
	for (int v = 26; v <= 30; v++)
		vector(v);
	NdisFreeMdl(mdl);
	free_nb_pool(nbs);
	free_pool(pool);
	free_pool(no_nb);
	free_pool(data);
}

static void V31_V32_data_pool(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 384, 32);

	for (int use = 0; use < 2; use++) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
		assert_non_null(nbl);
		NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
		MDL *mdl = NET_BUFFER_FIRST_MDL(nb);

		assert_null(mdl->Next);
		assert_int_equal(MmGetMdlByteCount(mdl), 384);
		expect_nb(nb, mdl, 384, 384, 0);
		assert_int_equal(
			NdisRetreatNetBufferDataStart(nb, 256, 0, NULL), NDIS_STATUS_SUCCESS);
		assert_ptr_equal(NET_BUFFER_FIRST_MDL(nb), mdl);
		expect_nb(nb, mdl, 128, 128, 256);
		assert_int_equal(
			NdisRetreatNetBufferDataStart(nb, 128, 0, NULL), NDIS_STATUS_SUCCESS);
		expect_nb(nb, mdl, 0, 0, 384);
		UCHAR *data = NdisGetDataBuffer(nb, 384, NULL, 1, 0);
		assert_ptr_equal(data, MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority));
		memset(data, 0xA5, 384);
		memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl) - 32, 0x5A, 32);
		assert_int_equal(data[383], 0xA5);
		/* The owner spoils the MDL: the next use has it whole again. */
		memset(mdl, 0xff, sizeof(*mdl));
		NdisFreeNetBufferList(nbl);
	}
	free_pool(pool);
	vector(31);
	vector(32);
}

static void V34_size_classes(NO_STATE)
{
	static const ULONG classes[] = {192, 512, 1024, 1500, 9000};
	static const struct {
		ULONG bytes;
		ULONG served; /* by the class of so many bytes; 0: by a loose MDL */
	} rows[] = {{0, 192}, {192, 192}, {193, 512}, {1500, 1500}, {1501, 9000}, {9000, 9000},
		{9001, 0}};
	NDIS_HANDLE of_class[array_count(classes)];
	NDIS_HANDLE loose = list_pool(ONE_NB, 0, 0);

	for (size_t c = 0; c < array_count(classes); c++)
		of_class[c] = list_pool(ONE_NB, classes[c], 0);
	for (size_t i = 0; i < array_count(rows); i++) {
		size_t c = 0;
		NET_BUFFER_LIST *nbl;
		MDL *own = NULL;

		while (c < array_count(classes) && classes[c] < rows[i].bytes)
			c++;
		if (c < array_count(classes)) {
			nbl = NdisAllocateNetBufferList(of_class[c], 0, 0);
			assert_non_null(nbl);
			assert_int_equal(NdisRetreatNetBufferDataStart(
						 nbl->FirstNetBuffer, rows[i].bytes, 0, NULL),
				NDIS_STATUS_SUCCESS);
		} else {
			own = test_mdl(rows[i].bytes);
			nbl = NdisAllocateNetBufferAndNetBufferList(
				loose, 0, 0, own, 0, rows[i].bytes);
			assert_non_null(nbl);
		}
		NET_BUFFER *nb = nbl->FirstNetBuffer;
		assert_int_equal(NET_BUFFER_DATA_LENGTH(nb), rows[i].bytes);
		assert_null(NET_BUFFER_FIRST_MDL(nb)->Next);
		assert_int_equal(
			own == NULL ? NET_BUFFER_FIRST_MDL(nb)->ByteCount : 0, rows[i].served);
		NdisFreeNetBufferList(nbl);
		if (own != NULL)
			NdisFreeMdl(own);
	}
	for (size_t c = 0; c < array_count(classes); c++)
		free_pool(of_class[c]);
	free_pool(loose);
	vector(34);
}

static void nb_pools(NO_STATE)
{
	NDIS_HANDLE plain = nb_pool(0);
	NDIS_HANDLE data = nb_pool(256);
	MDL *mdl = test_mdl(1000);

	assert_null(NdisAllocateNetBufferMdlAndData(plain));
	assert_null(NdisAllocateNetBuffer(data, NULL, 0, 0));
	assert_int_equal(misuses.all, 0);
	for (int use = 0; use < 2; use++) {
		NET_BUFFER *nb = NdisAllocateNetBuffer(plain, mdl, 10, 990);
		static const NET_BUFFER fresh;

		assert_non_null(nb);
		expect_nb(nb, mdl, 10, 10, 990);
		assert_null(nb->Next);
		assert_ptr_equal(NdisGetPoolFromNetBuffer(nb), plain);
		assert_memory_equal(nb, &fresh, offsetof(NET_BUFFER, Next));
		memset(nb, 0xEE, offsetof(NET_BUFFER, NdisPoolHandle));
		NdisFreeNetBuffer(nb);

		nb = NdisAllocateNetBufferMdlAndData(data);
		assert_non_null(nb);
		expect_nb(nb, nb->MdlChain, 256, 256, 0);
		assert_int_equal(
			NdisRetreatNetBufferDataStart(nb, 256, 0, NULL), NDIS_STATUS_SUCCESS);
		memset(NdisGetDataBuffer(nb, 256, NULL, 1, 0), 0xEE, 256);
		NdisFreeNetBuffer(nb);
	}
	NdisFreeMdl(mdl);
	free_nb_pool(plain);
	free_nb_pool(data);
}

/*
 * Context that comes with the NBL.
 */

static void V35_to_V42_allocation_time_context(NO_STATE)
{
	static const struct {
		int vector; /* 0: none of the reference's */
		USHORT pool_bytes;
		USHORT size;
		USHORT backfill;
		bool made;
		int front_size; /* -1: no block */
		int front_offset;
		int next_size;
		int next_offset;
		bool relaxed;
	} rows[] = {
		{35, 32, 32, 0, true, 32, 0, -1, -1, false},
		{36, 64, 16, 0, true, 64, 48, -1, -1, false},
		{37, 0, 48, 16, true, 64, 16, -1, -1, false},
		{38, 32, 48, 16, true, 64, 16, 32, 32, false},
		{39, 128, 0, 0, true, 128, 128, -1, -1, false},
		{40, 32, 12, 0, false, 0, 0, 0, 0, false}, {40, 32, 8, 0, false, 0, 0, 0, 0, false},
		{40, 32, 8, 0, true, 32, 24, -1, -1, true},
		{0, 32, 16, 4, false, 0, 0, 0, 0, false},
		{41, 0, 0, 16, true, -1, -1, -1, -1, false},
		{42, 0, 65520, 16, false, 0, 0, 0, 0, false},
		{42, 0, 65528, 8, false, 0, 0, 0, 0, true},
		{0, 32, 16, 64, true, 32, 16, -1, -1, false}, /* G15: backfill without effect */
	};

	for (size_t i = 0; i < array_count(rows); i++) {
		nbl_set_context_alignment(rows[i].relaxed ? CONTEXT_ALIGN_POINTER_BYTES : 0);
		NDIS_HANDLE pool = list_pool(ONE_NB, 0, rows[i].pool_bytes);

		for (int use = 0; use < 2; use++) {
			NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(
				pool, rows[i].size, rows[i].backfill, NULL, 0, 0);

			if (!rows[i].made) {
				assert_null(nbl);
				break;
			}
			assert_non_null(nbl);
			expect_blocks(nbl, rows[i].front_size, rows[i].front_offset,
				rows[i].next_size, rows[i].next_offset);
			if (nbl->Context != NULL) {
				assert_ptr_equal(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl),
					(UCHAR *)nbl->Context + 16 + rows[i].front_offset);
				assert_int_equal(
					NET_BUFFER_LIST_CONTEXT_DATA_SIZE(nbl), rows[i].front_size);
				memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0x77, rows[i].size);
			}
			NdisFreeNetBufferList(nbl);
		}
		assert_int_equal(misuses.all, 0);
		free_pool(pool);
		if (rows[i].vector != 0)
			vector_under(rows[i].vector, rows[i].relaxed ? RELAXED_RULE : STRICT_RULE);
	}
}

/*
 * Context calls.
 */

static NDIS_STATUS ca(NET_BUFFER_LIST *nbl, USHORT size, USHORT backfill)
{
	return NdisAllocateNetBufferListContext(nbl, size, backfill, OTHER_TAG);
}

static void cf(NET_BUFFER_LIST *nbl, USHORT size)
{
	NdisFreeNetBufferListContext(nbl, size);
}

static void V44_V45_V46_stack(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 64);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 16, 0);
	int64_t before = blocks();

	assert_int_equal(ca(nbl, 16, 0), NDIS_STATUS_SUCCESS); /* V44 */
	expect_blocks(nbl, 64, 32, -1, -1);
	assert_int_equal(blocks(), before);
	assert_int_equal(ca(nbl, 48, 32), NDIS_STATUS_SUCCESS); /* V45 */
	expect_blocks(nbl, 80, 32, 64, 32);
	assert_int_equal(blocks(), before + 1);
	assert_int_equal(usage(OTHER_TAG).bytes, 16 + 80);
	assert_int_equal(ca(nbl, 16, 0), NDIS_STATUS_SUCCESS); /* V46 */
	expect_blocks(nbl, 80, 16, 64, 32);
	assert_int_equal(blocks(), before + 1);
	cf(nbl, 16);
	expect_blocks(nbl, 80, 32, 64, 32);
	cf(nbl, 48);
	expect_blocks(nbl, 64, 32, -1, -1);
	assert_int_equal(blocks(), before);
	cf(nbl, 16);
	expect_blocks(nbl, 64, 48, -1, -1);
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
	for (int v = 44; v <= 46; v++)
		vector(v);
}

static void V49_V52_room(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 64);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 48, 0);
	int64_t before = blocks();

	assert_int_equal(ca(nbl, 16, 0), NDIS_STATUS_SUCCESS); /* V49 */
	expect_blocks(nbl, 64, 0, -1, -1);
	assert_int_equal(blocks(), before);
	assert_int_equal(ca(nbl, 16, 0), NDIS_STATUS_SUCCESS);
	expect_blocks(nbl, 16, 0, 64, 0);
	assert_int_equal(blocks(), before + 1);
	cf(nbl, 16);
	cf(nbl, 16);
	NdisFreeNetBufferList(nbl);

	nbl = NdisAllocateNetBufferList(pool, 0, 0);
	assert_int_equal(ca(nbl, 16, 1024), NDIS_STATUS_SUCCESS); /* V52 */
	expect_blocks(nbl, 64, 48, -1, -1);
	assert_int_equal(blocks(), before);
	cf(nbl, 16);
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
	vector(49);
	vector(52);
}

static void V53_V54_V55_sizes(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 64);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 16, 0);
	static const USHORT bad[][2] = {{20, 0}, {16, 4}, {24, 0}, {16, 8}, {0, 8}};

	for (size_t i = 0; i < array_count(bad); i++) { /* V53 */
		assert_int_equal(ca(nbl, bad[i][0], bad[i][1]), NDIS_STATUS_FAILURE);
		expect_blocks(nbl, 64, 48, -1, -1);
	}
	assert_int_equal(ca(nbl, 0, 0), NDIS_STATUS_SUCCESS); /* V55 */
	assert_int_equal(ca(nbl, 0, 16), NDIS_STATUS_SUCCESS);
	cf(nbl, 0);
	expect_blocks(nbl, 64, 48, -1, -1);
	assert_int_equal(misuses.all, 0);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	vector(53);
	vector(55);

	relax();
	pool = list_pool(ONE_NB, 0, 64);
	nbl = NdisAllocateNetBufferList(pool, 0, 0);
	assert_int_equal(ca(nbl, 24, 0), NDIS_STATUS_SUCCESS); /* V54 R */
	expect_blocks(nbl, 64, 40, -1, -1);
	assert_int_equal(ca(nbl, 20, 0), NDIS_STATUS_FAILURE);
	cf(nbl, 24);
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
	vector_under(54, RELAXED_RULE);
}

static void V56_largest(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	assert_int_equal(ca(nbl, 65520, 16), NDIS_STATUS_FAILURE);
	expect_blocks(nbl, -1, -1, -1, -1);
	assert_int_equal(ca(nbl, 65520, 0), NDIS_STATUS_SUCCESS);
	expect_blocks(nbl, 65520, 0, -1, -1);
	memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0x33, 65520);
	cf(nbl, 65520);
	expect_blocks(nbl, -1, -1, -1, -1);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	vector(56);

	relax();
	pool = list_pool(ONE_NB, 0, 0);
	nbl = NdisAllocateNetBufferList(pool, 0, 0);
	assert_int_equal(ca(nbl, 65528, 8), NDIS_STATUS_FAILURE);
	assert_int_equal(ca(nbl, 65528, 0), NDIS_STATUS_SUCCESS);
	expect_blocks(nbl, 65528, 0, -1, -1);
	memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0x33, 65528);
	cf(nbl, 65528);
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
	vector_under(56, RELAXED_RULE);
}

static void V58_V59_overfree(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 64);
	NDIS_HANDLE bare = list_pool(ONE_NB, 0, 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	assert_int_equal(ca(nbl, 16, 0), NDIS_STATUS_SUCCESS);
	expect_misuse(NBL_MISUSE_CONTEXT_OVERFREE, nbl, cf(nbl, 32)); /* V58 */
	expect_blocks(nbl, 64, 48, -1, -1);
	expect_misuse(NBL_MISUSE_CONTEXT_OVERFREE, nbl, cf(nbl, 65520));
	expect_misuse(NBL_MISUSE_CONTEXT_SIZE, nbl, cf(nbl, 8));
	expect_blocks(nbl, 64, 48, -1, -1);
	assert_int_equal(ca(nbl, 64, 0), NDIS_STATUS_SUCCESS);
	expect_misuse(NBL_MISUSE_CONTEXT_OVERFREE, nbl, cf(nbl, 80)); /* not across blocks */
	expect_blocks(nbl, 64, 0, 64, 48);
	cf(nbl, 64);
	cf(nbl, 16);
	NdisFreeNetBufferList(nbl);
	nbl = NdisAllocateNetBufferList(bare, 0, 0);
	expect_misuse(NBL_MISUSE_CONTEXT_OVERFREE, nbl, cf(nbl, 16)); /* V59 */
	assert_null(nbl->Context);
	NdisFreeNetBufferList(nbl);
	free_pool(bare);
	free_pool(pool);
	vector(58);
	vector(59);
}

static void V60_contents(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 64);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
	UCHAR expected[32];

	assert_int_equal(ca(nbl, 32, 0), NDIS_STATUS_SUCCESS);
	UCHAR *a = NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
	memset(expected, 0xAA, sizeof(expected));
	memcpy(a, expected, sizeof(expected));
	assert_int_equal(ca(nbl, 16, 0), NDIS_STATUS_SUCCESS);
	memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0xBB, 16);
	cf(nbl, 16);
	assert_ptr_equal(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), a);
	assert_memory_equal(a, expected, sizeof(expected));
	cf(nbl, 32);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	vector(60);
}

static void V63_context_of_the_nbl(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 32);
	NDIS_HANDLE bare = list_pool(ONE_NB, 0, 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 32, 0);

	expect_misuse(NBL_MISUSE_CONTEXT_OF_NBL, nbl, cf(nbl, 32));
	expect_blocks(nbl, 32, 0, -1, -1);
	NdisFreeNetBufferList(nbl);
	nbl = NdisAllocateNetBufferList(bare, 48, 16);
	assert_int_equal(ca(nbl, 16, 0), NDIS_STATUS_SUCCESS);
	expect_blocks(nbl, 64, 0, -1, -1);
	cf(nbl, 16);
	expect_misuse(NBL_MISUSE_CONTEXT_OF_NBL, nbl, cf(nbl, 48));
	expect_blocks(nbl, 64, 16, -1, -1);
	NdisFreeNetBufferList(nbl);
	free_pool(bare);
	free_pool(pool);
	vector(63);
}

/* N contexts pushed on the head of a list, in a loop over its members, unwind. */
static void stacked_on_the_head(NO_STATE)
{
	enum { MEMBERS = 20 };
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 32);
	NET_BUFFER_LIST *head = NdisAllocateNetBufferList(pool, 0, 0);
	int64_t before = blocks();

	for (int i = 0; i < MEMBERS; i++) {
		assert_int_equal(ca(head, 32, 32), NDIS_STATUS_SUCCESS);
		memset(NET_BUFFER_LIST_CONTEXT_DATA_START(head), i, 32);
	}
	for (int i = MEMBERS - 1; i >= 0; i--) {
		assert_int_equal(*NET_BUFFER_LIST_CONTEXT_DATA_START(head), i);
		cf(head, 32);
	}
	assert_int_equal(blocks(), before);
	expect_blocks(head, 32, 32, -1, -1);
	NdisFreeNetBufferList(head);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
}

/*
 * Free and reuse.
 */

/* Takes n NBLs out and gives them back, so that an object that was used before is handed out. */
enum { TURNOVER = 70 };

static void V65_as_new(NO_STATE)
{
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(ONE_NB, 0, 32);
	NET_BUFFER_LIST *nbls[TURNOVER];

	NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &p);
	assert_non_null(pool);
	for (int use = 0; use < 3; use++) {
		for (int i = 0; i < TURNOVER; i++) {
			NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 16, 0);
			static const UCHAR zero[sizeof(NET_BUFFER_LIST)];

			assert_non_null(nbl);
			nbls[i] = nbl;
			expect_blocks(nbl, 32, 16, -1, -1);
			assert_null(nbl->Next);
			assert_int_equal(nbl->Flags | nbl->NblFlags, 0);
			assert_int_equal(nbl->Status, 0);
			assert_int_equal(nbl->ChildRefCount, 0);
			assert_memory_equal(&nbl->ParentNetBufferList, zero,
				sizeof(*nbl) - offsetof(NET_BUFFER_LIST, ParentNetBufferList));
			NET_BUFFER *nb = nbl->FirstNetBuffer;
			assert_non_null(nb);
			assert_memory_equal(nb, zero, offsetof(NET_BUFFER, NdisPoolHandle));
			assert_ptr_equal(nb->NdisPoolHandle, pool);

			memset(nb, 0xDD, offsetof(NET_BUFFER, NdisPoolHandle));
			nbl->Next = nbls[0];
			nbl->FirstNetBuffer = NULL; /* unlinked by its owner */
			nbl->Flags = nbl->NblFlags = UINT32_MAX;
			nbl->Status = NDIS_STATUS_FAILURE;
			nbl->ChildRefCount = -7;
			memset(&nbl->ParentNetBufferList, 0xDD,
				sizeof(*nbl) - offsetof(NET_BUFFER_LIST, ParentNetBufferList));
			memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0xDD, 16);
		}
		for (int i = 0; i < TURNOVER; i++)
			NdisFreeNetBufferList(nbls[i]);
	}
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
	vector(65);
}

static void one_dirty_word_is_enough(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	enum { FROM = NBL_REST_OFFSET, TO = NBL_NB_HOT_OFFSET };

	for (size_t at = FROM; at < TO; at += sizeof(void *)) {
		NET_BUFFER_LIST *nbls[2];

		for (int use = 0; use < 2; use++) {
			for (int i = 0; i < 2; i++) {
				static const UCHAR zero[TO];

				nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
				assert_non_null(nbls[i]);
				assert_memory_equal((UCHAR *)nbls[i] + FROM, zero, TO - FROM);
				((UCHAR *)nbls[i])[at + sizeof(void *) - 1] = 1;
			}
			NdisFreeNetBufferList(nbls[0]);
			NdisFreeNetBufferList(nbls[1]);
		}
	}
	free_pool(pool);
}

static void V67_attached_nbs_stay(NO_STATE)
{
	enum { NBS = 3 };
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	NDIS_HANDLE nbs = nb_pool(0);
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
	NET_BUFFER **tail = &NET_BUFFER_NEXT_NB(NET_BUFFER_LIST_FIRST_NB(nbl));
	NET_BUFFER *attached[NBS];

	for (int i = 0; i < NBS; i++) {
		attached[i] = NdisAllocateNetBuffer(nbs, mdl, 0, 100);
		assert_non_null(attached[i]);
		*tail = attached[i];
		tail = &attached[i]->Next;
	}
	NdisFreeNetBufferList(nbl);
	for (int i = 0; i < NBS; i++) {
		expect_nb(attached[i], mdl, 0, 0, 100);
		NdisFreeNetBuffer(attached[i]);
	}
	assert_int_equal(misuses.all, 0);
	vector(67);
	NdisFreeMdl(mdl);
	free_nb_pool(nbs);
	free_pool(pool);
}

static void free_does_not_follow_next(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	NET_BUFFER_LIST *first = NdisAllocateNetBufferList(pool, 0, 0);
	NET_BUFFER_LIST *second = NdisAllocateNetBufferList(pool, 0, 0);

	NET_BUFFER_LIST_NEXT_NBL(first) = second;
	NdisFreeNetBufferList(first);
	assert_int_equal(ca(second, 16, 0), NDIS_STATUS_SUCCESS);
	cf(second, 16);
	NdisFreeNetBufferList(second);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
}

static void V69_double_free(NO_STATE)
{
	if (!keeps_memory()) {
		vector_excused(69, "a general allocator has the memory back");
		return;
	}
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 32);
	NDIS_HANDLE nbs = nb_pool(0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
	NET_BUFFER *nb = NdisAllocateNetBuffer(nbs, NULL, 0, 0);
	NdisFreeNetBufferList(nbl);
	expect_misuse(NBL_MISUSE_DOUBLE_FREE, nbl, NdisFreeNetBufferList(nbl));
	expect_misuse(NBL_MISUSE_DOUBLE_FREE, nbl, FwpsFreeNetBufferList0(nbl));
	NdisFreeNetBuffer(nb);
	expect_misuse(NBL_MISUSE_DOUBLE_FREE, nb, NdisFreeNetBuffer(nb));
	vector(69);
	free_nb_pool(nbs);
	free_pool(pool);
}

/* Reads where nothing may be read any more, then follows what it has read: in a child. */
static void read_after_free(const void *arg)
{
	const NET_BUFFER_LIST *nbl = arg;

	_exit(nbl->FirstNetBuffer->DataOffset == 0);
}

/* Writes as code would that the address sanitizer has not seen. */
__attribute__((no_sanitize_address)) static void write_after_free(NET_BUFFER_LIST *nbl)
{
	nbl->Flags = 1;
}

static void V71_verify_pool(NO_STATE)
{
	NDIS_HANDLE pool = verify_pool(32);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 16, 0);

	nbl->Scratch = pool;
	NdisFreeNetBufferList(nbl);
	char text[CHILD_TEXT_BYTES];
	int status = child_status(read_after_free, nbl, text);
	if (!WIFSIGNALED(status))
		print_error("status %#x: %s\n", (unsigned)status, text);
	assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) ||
		    strstr(text, "AddressSanitizer: use-after-poison") != NULL);
	for (int i = 0; i < NBL_QUARANTINE_OBJECTS; i++) {
		NET_BUFFER_LIST *next = NdisAllocateNetBufferList(pool, 16, 0);

		assert_non_null(next);
		assert_ptr_not_equal(next, nbl);
		expect_blocks(next, 32, 16, -1, -1);
		if (i == 0)
			write_after_free(nbl); /* found when it leaves its quarantine */
		if (i < NBL_QUARANTINE_OBJECTS - 1) {
			NdisFreeNetBufferList(next);
			assert_int_equal(misuses.all, 0);
		} else {
			expect_misuse(NBL_MISUSE_USE_AFTER_FREE, nbl, NdisFreeNetBufferList(next));
		}
	}
	free_pool(pool);
	vector(71);
}

static void V72_mistyped_handles(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	NDIS_HANDLE nbs = nb_pool(0);
	NET_BUFFER_LIST *nbl = NULL;
	int stray;

	expect_misuse(
		NBL_MISUSE_FOREIGN_HANDLE, nbs, assert_null(NdisAllocateNetBufferList(nbs, 0, 0)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, nbs,
		assert_null(NdisAllocateNetBufferAndNetBufferList(nbs, 0, 0, NULL, 0, 0)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, nbs,
		assert_int_equal(
			FwpsAllocateNetBufferAndNetBufferList0(nbs, 0, 0, NULL, 0, 0, &nbl),
			STATUS_INVALID_PARAMETER));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, pool,
		assert_null(NdisAllocateNetBuffer(pool, NULL, 0, 0)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, pool,
		assert_null(NdisAllocateNetBufferMdlAndData(pool)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, &stray,
		assert_null(NdisAllocateNetBufferList(&stray, 0, 0)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, NULL,
		assert_null(NdisAllocateNetBufferList(NULL, 0, 0)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, (UCHAR *)pool + 8,
		assert_null(NdisAllocateNetBufferList((UCHAR *)pool + 8, 0, 0)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, pool, NdisFreeNetBufferPool(pool));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, nbs, NdisFreeNetBufferListPool(nbs));
	free_nb_pool(nbs);
	free_pool(pool);
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, pool,
		assert_null(NdisAllocateNetBufferList(pool, 0, 0)));
	vector(72);
}

/*
 * The WFP names and clones.
 */

static void V74_V75_V77_fwps(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	NDIS_HANDLE no_nb = list_pool(NO_NB, 0, 0);
	MDL *mdl = test_mdl(1000);
	NET_BUFFER_LIST *nbl = NULL;

	assert_int_equal(FwpsAllocateNetBufferAndNetBufferList0(pool, 0, 0, mdl, 0, 1000, &nbl),
		STATUS_SUCCESS); /* V74 */
	assert_non_null(nbl);
	expect_nb(nbl->FirstNetBuffer, mdl, 0, 0, 1000);
	FwpsFreeNetBufferList0(nbl);
	assert_int_equal(FwpsAllocateNetBufferAndNetBufferList(pool, 32, 16, mdl, 40, 960, &nbl),
		STATUS_SUCCESS);
	expect_blocks(nbl, 48, 16, -1, -1);
	expect_nb(nbl->FirstNetBuffer, mdl, 40, 40, 960);
	FwpsFreeNetBufferList(nbl);
	const struct {
		NDIS_HANDLE pool;
		UINT16 size;
		UINT16 backfill;
		ULONG offset;
		SIZE_T length;
	} bad[] = {
		{no_nb, 0, 0, 0, 1000}, /* V75 */
		{pool, 12, 0, 0, 1000}, /* V77 */
		{pool, 16, 12, 0, 1000},
		{pool, 65520, 16, 0, 1000},
		{pool, 0, 0, 1, 1000},
		{pool, 0, 0, 0, (SIZE_T)UINT32_MAX + 1},
	};
	for (size_t i = 0; i < array_count(bad); i++) {
		nbl = (NET_BUFFER_LIST *)&nbl;
		assert_int_equal(FwpsAllocateNetBufferAndNetBufferList0(bad[i].pool, bad[i].size,
					 bad[i].backfill, mdl, bad[i].offset, bad[i].length, &nbl),
			STATUS_INVALID_PARAMETER);
		assert_null(nbl);
	}
	assert_int_equal(FwpsAllocateNetBufferAndNetBufferList0(pool, 0, 0, mdl, 0, 1, NULL),
		STATUS_INVALID_PARAMETER);
	assert_int_equal(misuses.all, 0);
	NdisFreeMdl(mdl);
	free_pool(no_nb);
	free_pool(pool);
	vector(74);
	vector(75);
	vector(77);
}

static void V78_V79_fwps_clone(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 32);
	MDL *mdl = test_mdl(1000);
	NET_BUFFER_LIST *original =
		NdisAllocateNetBufferAndNetBufferList(pool, 32, 0, mdl, 100, 700);
	NET_BUFFER_LIST *clone;

	for (int use = 0; use < 3; use++) {
		assert_int_equal(FwpsAllocateCloneNetBufferList0(original, NULL, NULL, 0, &clone),
			STATUS_SUCCESS);
		assert_ptr_equal(clone->ParentNetBufferList, original);
		assert_int_equal(original->ChildRefCount, 1);
		assert_null(clone->Context);
		NET_BUFFER *nb = clone->FirstNetBuffer;
		assert_ptr_not_equal(nb, original->FirstNetBuffer);
		assert_int_equal(nb->DataOffset, 0);
		assert_int_equal(nb->DataLength, 700);
		assert_null(nb->Next);
		assert_ptr_equal(MmGetMdlVirtualAddress(nb->CurrentMdl),
			(UCHAR *)MmGetMdlVirtualAddress(mdl) + 100);
		/* A first context on a clone is an allocated block. */
		assert_int_equal(ca(clone, 32, 0), NDIS_STATUS_SUCCESS);
		expect_blocks(clone, 32, 0, -1, -1);
		expect_misuse(NBL_MISUSE_CONTEXT_OUTSTANDING, clone,
			FwpsFreeCloneNetBufferList0(clone, 0));
		cf(clone, 32);
		expect_misuse(NBL_MISUSE_WRONG_FREE, clone, FwpsFreeNetBufferList0(clone));
		expect_misuse(NBL_MISUSE_WRONG_FREE, clone, NdisFreeCloneNetBufferList(clone, 0));
		expect_misuse(
			NBL_MISUSE_WRONG_FREE, original, FwpsFreeCloneNetBufferList0(original, 0));
		assert_int_equal(original->ChildRefCount, 1);
		FwpsFreeCloneNetBufferList0(clone, 0);
		assert_int_equal(original->ChildRefCount, 0);
	}
	clone = original;
	assert_int_equal(FwpsAllocateCloneNetBufferList0(original, NULL, NULL, 1, &clone),
		STATUS_INVALID_PARAMETER); /* V79 */
	assert_null(clone);
	assert_int_equal(original->ChildRefCount, 0);
	assert_int_equal(FwpsAllocateCloneNetBufferList0(original, NULL, NULL, 0, NULL),
		STATUS_INVALID_PARAMETER);
	expect_blocks(original, 32, 0, -1, -1);
	NdisFreeNetBufferList(original);
	NdisFreeMdl(mdl);
	free_pool(pool);
	vector(78);
	vector(79);
}

/* Several NBs, several MDLs, own pools, both flags, and a clone of a clone. */
static void clones_in_full(NO_STATE)
{
	enum { NBS = 3 };
	NDIS_HANDLE pool = list_pool(NO_NB, 0, 32);
	NDIS_HANDLE clones = list_pool(ONE_NB, 0, 64);
	NDIS_HANDLE nbs = nb_pool(0);
	MDL *first = test_mdl(100);
	MDL *second = test_mdl(200);
	NET_BUFFER_LIST *original = NdisAllocateNetBufferList(pool, 0, 0);
	NET_BUFFER **tail = &original->FirstNetBuffer;

	first->Next = second;
	for (ULONG i = 0; i < NBS; i++) {
		*tail = NdisAllocateNetBuffer(nbs, first, 60 * i, 120);
		assert_non_null(*tail);
		tail = &(*tail)->Next;
	}
	assert_null(NdisAllocateCloneNetBufferList(original, clones, nbs, 1));
	assert_null(NdisAllocateCloneNetBufferList(original, clones, nbs, 4));
	assert_int_equal(misuses.all, 0);
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, nbs,
		assert_null(NdisAllocateCloneNetBufferList(original, nbs, nbs, 0)));
	expect_misuse(NBL_MISUSE_FOREIGN_HANDLE, clones,
		assert_null(NdisAllocateCloneNetBufferList(original, clones, clones, 0)));

	NET_BUFFER_LIST *shared = NdisAllocateCloneNetBufferList(
		original, clones, nbs, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
	assert_non_null(shared);
	assert_null(shared->Context);
	assert_null(shared->ParentNetBufferList);
	assert_int_equal(original->ChildRefCount, 0);
	NET_BUFFER *from = original->FirstNetBuffer;
	for (NET_BUFFER *nb = shared->FirstNetBuffer; nb != NULL; nb = nb->Next) {
		expect_nb(nb, from->CurrentMdl, from->CurrentMdlOffset, from->DataOffset, 120);
		assert_ptr_equal(nb->MdlChain, first);
		from = from->Next;
	}
	assert_null(from);

	NET_BUFFER_LIST *own = NdisAllocateCloneNetBufferList(original, pool, nbs, 0);
	NET_BUFFER_LIST *of_clone = NdisAllocateCloneNetBufferList(own, NULL, NULL, 0);
	assert_non_null(own);
	assert_non_null(of_clone);
	int count = 0;
	for (NET_BUFFER *nb = of_clone->FirstNetBuffer; nb != NULL; nb = nb->Next, count++) {
		assert_int_equal(nb->DataOffset, 0);
		assert_int_equal(nb->DataLength, 120);
		ULONG bytes = 0;
		for (MDL *mdl = nb->MdlChain; mdl != NULL; mdl = mdl->Next)
			bytes += mdl->ByteCount;
		assert_int_equal(bytes, 120);
	}
	assert_int_equal(count, NBS);
	expect_misuse(NBL_MISUSE_WRONG_FREE, own,
		NdisFreeCloneNetBufferList(own, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS));
	expect_misuse(NBL_MISUSE_WRONG_FREE, shared, NdisFreeCloneNetBufferList(shared, 0));
	expect_misuse(NBL_MISUSE_WRONG_FREE, own, NdisFreeNetBufferList(own));
	unsigned before = misuses.all;
	NdisFreeCloneNetBufferList(of_clone, 0);
	NdisFreeCloneNetBufferList(own, 0);
	NdisFreeCloneNetBufferList(shared, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
	while (original->FirstNetBuffer != NULL) {
		NET_BUFFER *nb = original->FirstNetBuffer;

		original->FirstNetBuffer = nb->Next;
		NdisFreeNetBuffer(nb);
	}
	NdisFreeNetBufferList(original);
	assert_int_equal(misuses.all, before);
	NdisFreeMdl(first);
	NdisFreeMdl(second);
	free_nb_pool(nbs);
	free_pool(clones);
	free_pool(pool);
}

/*
 * Retreat and advance.
 */

static UCHAR handler_memory[256];
static MDL *handler_mdl;       /* what the handler hands out; NULL: nothing */
static ULONG handler_asked;    /* bytes it was asked for */
static MDL *handler_freed;     /* what came back */
static unsigned handler_frees; /* how often */
static unsigned handler_left;  /* calls that succeed before it runs dry, for the list forms */

static MDL *allocate_mdl(PULONG bytes)
{
	handler_asked = *bytes;
	return handler_mdl;
}

static MDL *allocate_mdl_some(PULONG bytes)
{
	if (handler_left == 0)
		return NULL;
	handler_left--;
	return NdisAllocateMdl(NULL, handler_memory, *bytes);
}

static void free_mdl(MDL *mdl)
{
	handler_freed = mdl;
	handler_frees++;
	NdisFreeMdl(mdl);
}

static void V80_V81_headroom(NO_STATE)
{
	NDIS_HANDLE pool = nb_pool(0);
	MDL *mdl = test_mdl(114);
	NET_BUFFER *nb = NdisAllocateNetBuffer(pool, mdl, 14, 100);

	assert_int_equal(NdisRetreatNetBufferDataStart(nb, 14, 0, NULL), NDIS_STATUS_SUCCESS);
	expect_nb(nb, mdl, 0, 0, 114);
	assert_ptr_equal(nb->MdlChain, mdl);
	NdisAdvanceNetBufferDataStart(nb, 14, FALSE, NULL);
	expect_nb(nb, mdl, 14, 14, 100);
	assert_int_equal(NdisRetreatNetBufferDataStart(nb, 0, 100, NULL), NDIS_STATUS_SUCCESS);
	expect_nb(nb, mdl, 14, 14, 100);
	NdisAdvanceNetBufferDataStart(nb, 100, TRUE, NULL); /* the caller's MDL stays */
	expect_nb(nb, mdl, 114, 114, 0);
	NdisFreeNetBuffer(nb);
	NdisFreeMdl(mdl);
	free_nb_pool(pool);
	vector(80);
	vector(81);
}

static void V85_empty_nb(NO_STATE)
{
	NDIS_HANDLE pool = nb_pool(0);
	NET_BUFFER *nb = NdisAllocateNetBuffer(pool, NULL, 0, 0);
	int64_t before = usage(TEST_TAG).objects;

	assert_int_equal(NdisRetreatNetBufferDataStart(nb, 64, 0, NULL), NDIS_STATUS_SUCCESS);
	assert_int_equal(nb->MdlChain->ByteCount, 64);
	expect_nb(nb, nb->MdlChain, 0, 0, 64);
	assert_int_equal(usage(TEST_TAG).objects, before + 1);
	memset(NdisGetDataBuffer(nb, 64, NULL, 1, 0), 1, 64);
	NdisAdvanceNetBufferDataStart(nb, 64, TRUE, NULL);
	assert_null(nb->MdlChain);
	expect_nb(nb, NULL, 0, 0, 0);
	assert_int_equal(usage(TEST_TAG).objects, before);
	NdisFreeNetBuffer(nb);
	free_nb_pool(pool);
	vector(85);
}

/* The new MDL holds the missing bytes and the backfill, not the whole distance. */
static void slow_retreat(NO_STATE)
{
	NDIS_HANDLE pool = nb_pool(0);
	MDL *mdl = test_mdl(110);
	NET_BUFFER *nb = NdisAllocateNetBuffer(pool, mdl, 10, 100);

	assert_int_equal(NdisRetreatNetBufferDataStart(nb, 30, 40, NULL), NDIS_STATUS_SUCCESS);
	MDL *made = nb->MdlChain;
	assert_ptr_equal(made->Next, mdl);
	assert_int_equal(made->ByteCount, 20 + 40);
	expect_nb(nb, made, 40, 40, 130);
	/* Advance without freeing keeps the MDL for the next retreat. */
	NdisAdvanceNetBufferDataStart(nb, 30, FALSE, NULL);
	assert_ptr_equal(nb->MdlChain, made);
	expect_nb(nb, mdl, 10, 70, 100);
	assert_int_equal(NdisRetreatNetBufferDataStart(nb, 70, 0, NULL), NDIS_STATUS_SUCCESS);
	expect_nb(nb, made, 0, 0, 170);
	NdisAdvanceNetBufferDataStart(nb, 70, TRUE, NULL);
	assert_ptr_equal(nb->MdlChain, mdl);
	expect_nb(nb, mdl, 10, 10, 100);
	NdisFreeNetBuffer(nb);
	NdisFreeMdl(mdl);
	free_nb_pool(pool);
}

static void V87_handlers(NO_STATE)
{
	NDIS_HANDLE pool = nb_pool(0);
	MDL *mdl = test_mdl(100);
	NET_BUFFER *nb = NdisAllocateNetBuffer(pool, mdl, 0, 100);
	NET_BUFFER before = *nb;

	handler_mdl = NULL; /* V87 */
	assert_int_equal(
		NdisRetreatNetBufferDataStart(nb, 20, 12, allocate_mdl), NDIS_STATUS_RESOURCES);
	assert_int_equal(handler_asked, 32);
	assert_memory_equal(nb, &before, sizeof(before));
	vector(87);
	MDL *small = NdisAllocateMdl(NULL, handler_memory, 19);
	handler_mdl = small; /* too small: stays the driver's */
	assert_int_equal(
		NdisRetreatNetBufferDataStart(nb, 20, 0, allocate_mdl), NDIS_STATUS_FAILURE);
	assert_memory_equal(nb, &before, sizeof(before));
	NdisFreeMdl(small);
	handler_mdl = NdisAllocateMdl(NULL, handler_memory, 64); /* larger than asked */
	assert_int_equal(
		NdisRetreatNetBufferDataStart(nb, 20, 0, allocate_mdl), NDIS_STATUS_SUCCESS);
	expect_nb(nb, handler_mdl, 44, 44, 120);
	NdisAdvanceNetBufferDataStart(nb, 20, TRUE, NULL); /* no handler to take it back */
	assert_ptr_equal(nb->MdlChain, handler_mdl);
	handler_freed = NULL;
	NdisAdvanceNetBufferDataStart(nb, 0, TRUE, free_mdl);
	assert_ptr_equal(handler_freed, handler_mdl);
	assert_memory_equal(nb, &before, sizeof(before));
	assert_int_equal(misuses.all, 0);
	NdisFreeNetBuffer(nb);
	NdisFreeMdl(mdl);
	free_nb_pool(pool);
}

static void V91_advance_beyond_the_data(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 50, 50);
	NET_BUFFER *nb = nbl->FirstNetBuffer;

	expect_misuse(NBL_MISUSE_DATA, nb, NdisAdvanceNetBufferDataStart(nb, 51, FALSE, NULL));
	expect_misuse(NBL_MISUSE_DATA, nb, NdisAdvanceNetBufferListDataStart(nbl, 51, FALSE, NULL));
	expect_nb(nb, mdl, 50, 50, 50);
	vector(91);
	assert_int_equal(
		NdisRetreatNetBufferDataStart(nb, UINT32_MAX - 49, 0, NULL), NDIS_STATUS_FAILURE);
	assert_int_equal(
		NdisRetreatNetBufferDataStart(nb, 100, UINT32_MAX, NULL), NDIS_STATUS_FAILURE);
	expect_nb(nb, mdl, 50, 50, 50);
	nb->DataOffset = 20; /* the owner moves the data by hand */
	NdisAdjustNetBufferCurrentMdl(nb);
	expect_nb(nb, mdl, 20, 20, 50);
	nb->DataOffset = 101;
	expect_misuse(NBL_MISUSE_DATA, nb, NdisAdjustNetBufferCurrentMdl(nb));
	NdisFreeNetBufferList(nbl);
	NdisFreeMdl(mdl);
	free_pool(pool);
}

static void list_forms_do_all_or_nothing(NO_STATE)
{
	enum { NBS = 4 };
	NDIS_HANDLE pool = list_pool(NO_NB, 0, 0);
	NDIS_HANDLE nbs = nb_pool(0);
	MDL *mdl = test_mdl(200);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
	NET_BUFFER *nb[NBS];
	NET_BUFFER before[NBS];

	for (ULONG i = NBS; i-- > 0;) {
		nb[i] = NdisAllocateNetBuffer(nbs, mdl, i == 1 ? 100 : 10, 50); /* one has room */
		nb[i]->Next = nbl->FirstNetBuffer;
		nbl->FirstNetBuffer = nb[i];
	}
	for (int i = 0; i < NBS; i++)
		before[i] = *nb[i];
	for (handler_left = 0; handler_left < NBS - 1;) {
		unsigned can = handler_left;

		handler_frees = 0;
		assert_int_equal(
			NdisRetreatNetBufferListDataStart(nbl, 60, 0, allocate_mdl_some, free_mdl),
			NDIS_STATUS_RESOURCES);
		assert_int_equal(handler_frees, can);
		for (int i = 0; i < NBS; i++)
			assert_memory_equal(nb[i], &before[i], sizeof(before[i]));
		handler_left = can + 1;
	}
	assert_int_equal(NdisRetreatNetBufferListDataStart(nbl, 60, 0, allocate_mdl_some, free_mdl),
		NDIS_STATUS_SUCCESS);
	for (int i = 0; i < NBS; i++) {
		assert_int_equal(nb[i]->DataLength, 110);
		assert_int_equal(nb[i]->DataOffset, i == 1 ? 40 : 0);
	}
	NdisAdvanceNetBufferListDataStart(nbl, 60, TRUE, free_mdl);
	for (int i = 0; i < NBS; i++)
		assert_memory_equal(nb[i], &before[i], sizeof(before[i]));
	/* A handler's MDL that is too small goes to the free handler. */
	handler_mdl = NdisAllocateMdl(NULL, handler_memory, 1);
	handler_frees = 0;
	assert_int_equal(NdisRetreatNetBufferListDataStart(nbl, 60, 0, allocate_mdl, free_mdl),
		NDIS_STATUS_FAILURE);
	assert_int_equal(handler_frees, 1);
	assert_ptr_equal(handler_freed, handler_mdl);
	for (int i = 0; i < NBS; i++) {
		assert_memory_equal(nb[i], &before[i], sizeof(before[i]));
		NdisFreeNetBuffer(nb[i]);
	}
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, 0);
	NdisFreeMdl(mdl);
	free_nb_pool(nbs);
	free_pool(pool);
}

static void data_buffer(NO_STATE)
{
	static _Alignas(64) UCHAR bytes[64];
	UCHAR storage[64];
	NDIS_HANDLE pool = nb_pool(0);
	MDL *first = NdisAllocateMdl(NULL, bytes, 16);
	MDL *second = NdisAllocateMdl(NULL, bytes + 16, 32);

	for (UCHAR i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	first->Next = second;
	NET_BUFFER *nb = NdisAllocateNetBuffer(pool, first, 4, 40);
	assert_ptr_equal(NdisGetDataBuffer(nb, 12, NULL, 1, 0), bytes + 4);
	assert_ptr_equal(NdisGetDataBuffer(nb, 12, storage, 4, 0), bytes + 4);
	assert_ptr_equal(NdisGetDataBuffer(nb, 12, storage, 8, 4), bytes + 4);
	assert_ptr_equal(NdisGetDataBuffer(nb, 12, storage, 8, 0), storage); /* misaligned */
	assert_null(NdisGetDataBuffer(nb, 12, NULL, 8, 0));
	assert_null(NdisGetDataBuffer(nb, 13, NULL, 1, 0)); /* in two pieces */
	assert_ptr_equal(NdisGetDataBuffer(nb, 40, storage, 1, 0), storage);
	assert_memory_equal(storage, bytes + 4, 40);
	assert_null(NdisGetDataBuffer(nb, 41, storage, 1, 0));
	assert_null(NdisGetDataBuffer(nb, 0, storage, 1, 0));
	NdisFreeNetBuffer(nb);
	NdisFreeMdl(first);
	NdisFreeMdl(second);
	free_nb_pool(pool);
}

/*
 * MDLs.
 */

static void mdls(NO_STATE)
{
	static UCHAR bytes[3 * 4096];
	UCHAR *page = PAGE_ALIGN(bytes + 4096);

	assert_int_equal(MmSizeOfMdl(page + 4095, 65536), 184);
	assert_int_equal(MmSizeOfMdl(page + 4095, 2048), 64);
	assert_int_equal(MmSizeOfMdl(page, 1500), 56);
	MDL *mdl = IoAllocateMdl(page + 10, 100, FALSE, FALSE, NULL);
	assert_non_null(mdl);
	MmBuildMdlForNonPagedPool(mdl);
	assert_int_equal(MmGetMdlByteCount(mdl), 100);
	assert_int_equal(MmGetMdlByteOffset(mdl), 10);
	assert_ptr_equal(MmGetMdlVirtualAddress(mdl), page + 10);
	assert_ptr_equal(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), page + 10);
	PVOID va;
	UINT length;
	NdisQueryMdl(mdl, &va, &length, NormalPagePriority);
	assert_ptr_equal(va, page + 10);
	assert_int_equal(length, 100);
	MDL *part = IoAllocateMdl(page + 30, 80, FALSE, FALSE, NULL);
	IoBuildPartialMdl(mdl, part, page + 30, 20);
	assert_int_equal(part->ByteCount, 20);
	assert_ptr_equal(MmGetMdlVirtualAddress(part), page + 30);
	IoBuildPartialMdl(mdl, part, page + 30, 0);
	assert_int_equal(part->ByteCount, 80);
	IoFreeMdl(part);
	IoFreeMdl(mdl);
	/* Beyond 64 KiB, and beyond what MDL.Size can say. */
	int64_t before = usage(0x6c644d66).objects;
	mdl = IoAllocateMdl(page, 1 << 20, FALSE, FALSE, NULL);
	assert_non_null(mdl);
	assert_int_equal(usage(0x6c644d66).objects, before + 1);
	IoFreeMdl(mdl);
	assert_int_equal(usage(0x6c644d66).objects, before);
	assert_null(IoAllocateMdl(page, 1 << 26, FALSE, FALSE, NULL));
	assert_int_equal(misuses.all, 0);
}

/*
 * The environment and the calls that choose what works underneath.
 */

static void unknown_names_are_refused(NO_STATE)
{
	char why[NBL_REASON_BYTES];

	assert_int_equal(nbl_set_default_pool("no_such", why), -EINVAL);
	assert_non_null(strstr(why, "no_such"));
	for (size_t i = 0; pools[i] != NULL; i++)
		assert_int_equal(strstr(why, pools[i]->name) != NULL,
			pools[i]->traits.progress != POOL_UNSYNCHRONISED);
	assert_int_equal(nbl_set_default_pool("plain", why), -EINVAL);
	assert_non_null(strstr(why, "one thread"));
	assert_int_equal(nbl_set_default_context("no_such", why), -EINVAL);
	for (size_t i = 0; contexts[i] != NULL; i++)
		assert_non_null(strstr(why, contexts[i]->name));
	assert_int_equal(nbl_set_context_alignment(12), -EINVAL);
	setenv("NBL_CONTEXT_ALIGNMENT", "loose", 1);
	expect_misuse(NBL_MISUSE_ENVIRONMENT, NULL, assert_null(try_list_pool(ONE_NB, 0, 0)));
	setenv("NBL_CONTEXT_ALIGNMENT", "pointer", 1);
	free_pool(list_pool(ONE_NB, 0, 24));
	unsetenv("NBL_CONTEXT_ALIGNMENT");
	assert_null(try_list_pool(ONE_NB, 0, 24));
}

static void environment_chooses(NO_STATE)
{
	char why[NBL_REASON_BYTES];
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	const char *chosen = ((struct nbl_pool *)pool)->ops->name;

	free_pool(pool);
	assert_int_equal(nbl_set_default_pool(NULL, why), 0);
	setenv("NBL_POOL", "mutex", 1);
	setenv("NBL_CONTEXT", "malloc", 1);
	pool = list_pool(ONE_NB, 0, 0);
	assert_string_equal(((struct nbl_pool *)pool)->ops->name, "mutex");
	assert_string_equal(((struct nbl_pool *)pool)->policy->name, "malloc");
	free_pool(pool);
	setenv("NBL_CONTEXT", "no_such", 1);
	assert_int_equal(nbl_set_default_context(NULL, why), 0);
	expect_misuse(NBL_MISUSE_ENVIRONMENT, NULL, assert_null(try_list_pool(ONE_NB, 0, 0)));
	unsetenv("NBL_CONTEXT");
	setenv("NBL_POOL", "no_such", 1);
	expect_misuse(NBL_MISUSE_ENVIRONMENT, NULL, assert_null(try_list_pool(ONE_NB, 0, 0)));
	unsetenv("NBL_POOL");
	pool = list_pool(ONE_NB, 0, 0);
	assert_ptr_equal(((struct nbl_pool *)pool)->ops, pool_default());
	free_pool(pool);
	assert_int_equal(nbl_set_default_pool(chosen, why), 0);
	assert_int_equal(nbl_set_default_context("malloc", why), 0);
}

static void capacities(NO_STATE)
{
	enum { FEW = 3 };
	NET_BUFFER_LIST *nbls[FEW];

	nbl_set_default_capacity(FEW);
	NDIS_HANDLE pool = list_pool(ONE_NB, 0, 0);
	const uint32_t before = test_capacity(((struct nbl_pool *)pool)->ops);
	if (((struct nbl_pool *)pool)->ops->traits.kind == POOL_KIND_POOL &&
		!((struct nbl_pool *)pool)->ops->traits.bounded) {
		for (int i = 0; i < FEW; i++) {
			nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
			assert_non_null(nbls[i]);
		}
		assert_null(NdisAllocateNetBufferList(pool, 0, 0));
		for (int i = 0; i < FEW; i++)
			NdisFreeNetBufferList(nbls[i]);
	}
	free_pool(pool);
	nbl_set_default_capacity(0);
	pool = list_pool(ONE_NB, 0, 0);
	assert_true(
		((struct nbl_pool *)pool)->pool->config.capacity >= POOL_CAPACITY_BOUNDED_DEFAULT);
	free_pool(pool);
	nbl_set_default_capacity(before);
}

static void sizes_of_the_structures(NO_STATE)
{
	assert_int_equal(sizeof(NET_BUFFER), 176);
	assert_int_equal(sizeof(NET_BUFFER_LIST), 384);
	assert_int_equal(sizeof(NET_BUFFER_LIST_CONTEXT), 16);
	assert_int_equal(offsetof(NET_BUFFER_LIST_CONTEXT, Size), 8);
	assert_int_equal(offsetof(NET_BUFFER_LIST_CONTEXT, Offset), 10);
	assert_int_equal(offsetof(NET_BUFFER_LIST_CONTEXT, ContextData), 12);
	assert_int_equal(sizeof(MDL), 48);
	assert_int_equal(NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1, 16);
	assert_int_equal(NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2, 20);
	assert_int_equal(NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1, 12);
	assert_int_equal(NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2, 16);
	assert_int_equal((ULONG)NDIS_STATUS_FAILURE, 0xC0000001);
	assert_int_equal((ULONG)NDIS_STATUS_RESOURCES, 0xC000009A);
	assert_int_equal((ULONG)STATUS_NO_MEMORY, 0xC0000017);
	assert_int_equal((ULONG)STATUS_INVALID_PARAMETER, 0xC000000D);
}

static void every_vector_held(NO_STATE)
{
	every_vector_held_in(VECTORS_TEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(V01_to_V08_headers),
		counted_test(headers_of_nb_pools),
		counted_test(V09_data_without_nb),
		counted_test(V10_no_nb),
		counted_test(V11_V12_V13_context_sizes),
		counted_test(V14_V15_V16_arguments),
		counted_test(protocol_id_is_in_each_nbl),
		counted_test(V18_pool_with_an_nbl_out),
		counted_test(V19_no_data),
		counted_test(V20_to_V25_place_in_the_chain),
		counted_test(V26_to_V30_refused),
		counted_test(V31_V32_data_pool),
		counted_test(V34_size_classes),
		counted_test(nb_pools),
		counted_test(V35_to_V42_allocation_time_context),
		counted_test(V44_V45_V46_stack),
		counted_test(V49_V52_room),
		counted_test(V53_V54_V55_sizes),
		counted_test(V56_largest),
		counted_test(V58_V59_overfree),
		counted_test(V60_contents),
		counted_test(V63_context_of_the_nbl),
		counted_test(stacked_on_the_head),
		counted_test(V65_as_new),
		counted_test(one_dirty_word_is_enough),
		counted_test(V67_attached_nbs_stay),
		counted_test(free_does_not_follow_next),
		counted_test(V69_double_free),
		counted_test(V71_verify_pool),
		counted_test(V72_mistyped_handles),
		counted_test(V74_V75_V77_fwps),
		counted_test(V78_V79_fwps_clone),
		counted_test(clones_in_full),
		counted_test(V80_V81_headroom),
		counted_test(V85_empty_nb),
		counted_test(slow_retreat),
		counted_test(V87_handlers),
		counted_test(V91_advance_beyond_the_data),
		counted_test(list_forms_do_all_or_nothing),
		counted_test(data_buffer),
		counted_test(mdls),
		counted_test(unknown_names_are_refused),
		counted_test(environment_chooses),
		counted_test(capacities),
		counted_test(sizes_of_the_structures),
		counted_test(every_vector_held),
		counted_test(all_memory_came_back),
	};
	char why[NBL_REASON_BYTES];

	if (nbl_set_default_context("malloc", why) != 0) {
		print_error("%s\n", why);
		return 1;
	}
	return run_over_strategies("vectors", tests);
}
