/*
 * The data of a packet as drivers handle it: MDLs of the driver's own making, retreats and advances
 * over them, and clones. Each test runs in ordinary and in verify pools, over every strategy.
 */
#include "alloc/ndis/support_test.h"

static bool verify; /* the pools of the test that runs */

/* True if they look for what ordinary pools of release builds leave alone. */
static bool checks(void)
{
	return verify || debug_build;
}

/* Of NBLs with an NB each. */
static NDIS_HANDLE pool_to_test(void)
{
	return verify ? verify_pool(0) : list_pool(TRUE, 0, 0);
}

/*
 * MDLs.
 */

/* Only MappedSystemVa, ByteCount and the flags are set: WireGuard-NT pads its packets so. */
static void an_mdl_of_its_mapped_address_alone(NO_STATE)
{
	static UCHAR data[100];
	static UCHAR zeros[15];
	UCHAR storage[115];
	NDIS_HANDLE pool = pool_to_test();
	MDL *mdl = NdisAllocateMdl(NULL, data, sizeof(data));

	memset(data, 7, sizeof(data));
	memset(zeros, 9, sizeof(zeros));
	for (int flags = 0; flags < 2; flags++) {
		MDL pad = {
			.MappedSystemVa = zeros,
			.ByteCount = sizeof(zeros),
			.MdlFlags = flags ? MDL_MAPPED_TO_SYSTEM_VA : MDL_SOURCE_IS_NONPAGED_POOL,
		};
		mdl->Next = &pad;
		assert_ptr_equal(MmGetSystemAddressForMdlSafe(&pad, NormalPagePriority), zeros);
		NET_BUFFER_LIST *nbl =
			NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 0, sizeof(storage));
		assert_non_null(nbl);
		NET_BUFFER *nb = nbl->FirstNetBuffer;
		assert_ptr_equal(NdisGetDataBuffer(nb, sizeof(storage), storage, 1, 0), storage);
		assert_memory_equal(storage, data, sizeof(data));
		assert_memory_equal(storage + sizeof(data), zeros, sizeof(zeros));

		/* A clone describes the same bytes; and the last of them in place. */
		NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(nbl, pool, NULL, 0);
		assert_non_null(clone);
		memset(storage, 0, sizeof(storage));
		assert_ptr_equal(
			NdisGetDataBuffer(clone->FirstNetBuffer, sizeof(storage), storage, 1, 0),
			storage);
		assert_memory_equal(storage, data, sizeof(data));
		assert_memory_equal(storage + sizeof(data), zeros, sizeof(zeros));
		NdisFreeCloneNetBufferList(clone, 0);
		NdisAdvanceNetBufferDataStart(nb, sizeof(data) + 3, FALSE, NULL);
		assert_ptr_equal(NdisGetDataBuffer(nb, 12, NULL, 1, 0), zeros + 3);
		clone = NdisAllocateCloneNetBufferList(nbl, pool, NULL, 0);
		assert_ptr_equal(
			NdisGetDataBuffer(clone->FirstNetBuffer, 12, NULL, 1, 0), zeros + 3);
		NdisFreeCloneNetBufferList(clone, 0);
		NdisFreeNetBufferList(nbl);
	}
	mdl->Next = NULL;
	NdisFreeMdl(mdl);
	free_pool(pool);
	assert_int_equal(misuses.all, 0);
}

/* A mapped address that a driver moves is where all look; one that is not mapped yet is made so. */
static void a_mapped_address_that_moves(NO_STATE)
{
	static UCHAR bytes[2][100];
	MDL *mdl = IoAllocateMdl(bytes[0], 100, FALSE, FALSE, NULL);
	NDIS_HANDLE pool = pool_to_test();
	PVOID va;
	UINT length;

	assert_ptr_equal(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), bytes[0]);
	assert_ptr_equal(mdl->MappedSystemVa, bytes[0]);
	assert_int_equal(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA, MDL_MAPPED_TO_SYSTEM_VA);
	mdl->MappedSystemVa = bytes[1] + 50;
	mdl->ByteCount = 20;
	assert_ptr_equal(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), bytes[1] + 50);
	assert_ptr_equal(MmGetSystemAddressForMdl(mdl), bytes[1] + 50);
	NdisQueryMdl(mdl, &va, &length, NormalPagePriority);
	assert_ptr_equal(va, bytes[1] + 50);
	assert_int_equal(length, 20);
	assert_ptr_equal(MmGetMdlVirtualAddress(mdl), bytes[0]);

	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 4, 16);
	assert_ptr_equal(NdisGetDataBuffer(nbl->FirstNetBuffer, 16, NULL, 1, 0), bytes[1] + 54);
	mdl->MappedSystemVa = NULL; /* an address that there is not */
	assert_null(NdisGetDataBuffer(nbl->FirstNetBuffer, 16, NULL, 1, 0));
	assert_null(NdisGetDataBuffer(nbl->FirstNetBuffer, 16, bytes[0], 1, 0));
	NdisFreeNetBufferList(nbl);
	IoFreeMdl(mdl);
	free_pool(pool);
	assert_int_equal(misuses.all, 0);
}

/* The page calls the address optional. */
static void a_query_without_an_address(NO_STATE)
{
	MDL *mdl = test_mdl(100);
	MDL *none = NULL;
	UINT length = 0;

	NdisQueryMdl(mdl, NULL, &length, NormalPagePriority);
	assert_int_equal(length, 100);
	NdisFreeMdl(mdl);
	PVOID va = &length;
	NdisQueryMdl(none, &va, &length, NormalPagePriority);
	assert_null(va);
	assert_int_equal(length, 0);
	assert_null(MmGetSystemAddressForMdlSafe(none, NormalPagePriority));
}

/* A partial MDL is mapped where its source is. */
static void partial_mdls_take_over_the_mapping(NO_STATE)
{
	static UCHAR bytes[2][100];
	static const SHORT mapped[] = {
		MDL_SOURCE_IS_NONPAGED_POOL, MDL_MAPPED_TO_SYSTEM_VA, 0 /* no address: its own */};

	for (size_t i = 0; i < array_count(mapped); i++) {
		MDL *source = IoAllocateMdl(bytes[0], 100, FALSE, FALSE, NULL);
		MDL *part = IoAllocateMdl(bytes[0], 100, FALSE, FALSE, NULL);

		source->MdlFlags = (SHORT)(source->MdlFlags | mapped[i]);
		source->MappedSystemVa = bytes[1];
		part->MdlFlags |= MDL_NETWORK_HEADER; /* of a life before */
		IoBuildPartialMdl(source, part, bytes[0] + 30, 20);
		assert_int_equal(
			part->MdlFlags, mapped[i] | MDL_PARTIAL | MDL_ALLOCATED_FIXED_SIZE);
		UCHAR *at = mapped[i] ? bytes[1] + 30 : bytes[0] + 30;
		assert_ptr_equal(part->MappedSystemVa, at);
		assert_ptr_equal(MmGetSystemAddressForMdlSafe(part, NormalPagePriority), at);
		assert_ptr_equal(MmGetMdlVirtualAddress(part), bytes[0] + 30);
		IoFreeMdl(part);
		IoFreeMdl(source);
	}
	assert_int_equal(misuses.all, 0);
}

/* Windows stops with INVALID_MDL_RANGE or TARGET_MDL_TOO_SMALL. */
static void partial_mdls_outside_their_source(NO_STATE)
{
	static UCHAR bytes[3 * 4096];
	static UCHAR other[100];
	UCHAR *page = PAGE_ALIGN(bytes + 4096);
	MDL *source = NdisAllocateMdl(NULL, page + 100, 1000);
	MDL *part = NdisAllocateMdl(NULL, page + 100, 1000);
	const MDL before = *part;

	const struct {
		UCHAR *va;
		ULONG length;
	} outside[] = {
		{other, 10},
		{page + 99, 1},
		{page + 100, 1001},
		{page + 1090, 11},
		{page + 1100, 1},
		{page + 1101, 0}, /* the rest is less than nothing */
		{page + 110, UINT32_MAX},
		{NULL, 0},
	};
	for (size_t i = 0; i < array_count(outside); i++) {
		expect_misuse(NBL_MISUSE_DATA, part,
			IoBuildPartialMdl(source, part, outside[i].va, outside[i].length));
		assert_memory_equal(part, &before, sizeof(before));
	}
	IoBuildPartialMdl(
		source, part, page + 1100, 0); /* nothing is left, and nothing asked for */
	assert_int_equal(part->ByteCount, 0);
	IoBuildPartialMdl(source, part, page + 100, 1000);
	assert_int_equal(part->ByteCount, 1000);
	unsigned reports = misuses.all;
	IoFreeMdl(source);

	/* The target has room for one page. */
	source = NdisAllocateMdl(NULL, page - 10, 4096);
	expect_misuse(NBL_MISUSE_DATA, part, IoBuildPartialMdl(source, part, page - 10, 20));
	assert_int_equal(part->ByteCount, 1000);
	MDL unknown = {.Size = 0}; /* nobody has said how large it is */
	IoBuildPartialMdl(source, &unknown, page - 10, 20);
	assert_int_equal(unknown.ByteCount, 20);
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, IoBuildPartialMdl(NULL, part, page, 0));
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, IoBuildPartialMdl(source, NULL, page, 0));
	assert_int_equal(misuses.all, reports + 3);
	IoFreeMdl(part);
	IoFreeMdl(source);
	assert_int_equal(misuses.all, reports + 3);
}

/* All of an MDL is the driver's, who may use it for other bytes. */
static void an_mdl_initialised_anew(NO_STATE)
{
	static UCHAR bytes[2][2000];
	static UCHAR large[1 << 20];
	int64_t before = usage(MDLS_TAG).bytes;
	int64_t objects = usage(MDLS_TAG).objects;
	MDL *mdl = NULL;

	/* As its initialisation leaves the flags, and as the driver does. */
	for (int flags = 0; flags < 2; flags++) {
		mdl = NdisAllocateMdl(NULL, bytes[0], sizeof(bytes[0]));
		for (int i = 0; i < 3; i++) {
			MmInitializeMdl(mdl, bytes[i & 1], 1500);
			MmBuildMdlForNonPagedPool(mdl);
			assert_ptr_equal(mdl->MappedSystemVa, bytes[i & 1]);
		}
		if (flags != 0)
			mdl->MdlFlags = -1;
		IoFreeMdl(mdl);
		assert_int_equal(misuses.all, 0);
	}
	mdl = IoAllocateMdl(large, sizeof(large), FALSE, FALSE, NULL);
	assert_non_null(mdl);
	MmInitializeMdl(mdl, bytes[0], 10);
	mdl->MdlFlags = MDL_ALLOCATED_FIXED_SIZE;
	IoFreeMdl(mdl);
	assert_int_equal(misuses.all, 0);
	assert_int_equal(usage(MDLS_TAG).objects, objects);
	assert_int_equal(usage(MDLS_TAG).bytes, before);

	MDL own = {.Next = NULL};
	MDL untouched = own;
	expect_misuse(NBL_MISUSE_DATA, &own, MmInitializeMdl(&own, bytes, SIZE_MAX));
	expect_misuse(NBL_MISUSE_DATA, &own, MmInitializeMdl(&own, bytes, UINT32_MAX));
	assert_memory_equal(&own, &untouched, sizeof(own));
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, MmInitializeMdl(NULL, bytes, 1));
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, MmBuildMdlForNonPagedPool(NULL));
	expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, NULL, IoFreeMdl(NULL));
}

/* MDLs in a circle have no end, and where their bytes do not suffice before it they do not at all. */
static void mdls_in_a_circle(NO_STATE)
{
	enum { LONGEST = 9 };
	static UCHAR byte;
	UCHAR storage[8];
	NDIS_HANDLE pool = pool_to_test();
	NDIS_HANDLE nbs = verify ? nb_verify_pool() : nb_pool(0);

	for (int length = 1; length <= LONGEST; length++) {
		for (int ends_at = 0; ends_at < length; ends_at++) {
			for (ULONG bytes = 0; bytes < 2; bytes++) {
				MDL ring[LONGEST] = {{.Next = NULL}};

				for (int i = 0; i < length; i++) {
					ring[i].Next = &ring[i + 1 < length ? i + 1 : ends_at];
					ring[i].MappedSystemVa = &byte;
					ring[i].MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL;
					ring[i].ByteCount = bytes;
				}
				assert_null(NdisAllocateNetBufferAndNetBufferList(
					pool, 0, 0, ring, UINT32_MAX, 1));
				assert_null(NdisAllocateNetBuffer(nbs, ring, 0, UINT32_MAX));
				NET_BUFFER *nb = NdisAllocateNetBuffer(nbs, NULL, 0, 0);
				nb->MdlChain = nb->CurrentMdl = ring;
				nb->DataLength = nb->DataOffset = UINT32_MAX / 2;
				assert_null(NdisGetDataBuffer(nb, UINT32_MAX / 2, NULL, 1, 0));
				if (bytes == 0)
					assert_null(NdisGetDataBuffer(nb, 8, storage, 1, 0));
				assert_int_equal(NdisRetreatNetBufferDataStart(nb, 1, 0, NULL),
					NDIS_STATUS_FAILURE);
				expect_misuse(NBL_MISUSE_DATA, nb,
					NdisAdvanceNetBufferDataStart(nb, 1, TRUE, NULL));
				expect_misuse(
					NBL_MISUSE_DATA, nb, NdisAdjustNetBufferCurrentMdl(nb));
				ULONG copied = 1;
				NdisCopyFromNetBufferToNetBuffer(
					nb, UINT32_MAX, UINT32_MAX, nb, 0, &copied);
				assert_int_equal(copied, 0);
				NdisFreeNetBuffer(nb);
			}
		}
	}
	free_nb_pool(nbs);
	free_pool(pool);
}

/*
 * Retreats and advances.
 */

/* Its flags are a driver's own affair, and no advance takes one of its MDLs away. */
static void an_advance_leaves_drivers_mdls(NO_STATE)
{
	static UCHAR bytes[2][100];
	NDIS_HANDLE pool = pool_to_test();
	MDL *a = NdisAllocateMdl(NULL, bytes[0], 14);
	MDL *b = NdisAllocateMdl(NULL, bytes[1], 100);

	for (int flag = 0; flag < 16; flag++) {
		MDL own = {.ByteCount = 10, .MappedSystemVa = bytes[0], .Next = a};

		own.MdlFlags = (SHORT)((1 << flag) | MDL_SOURCE_IS_NONPAGED_POOL);
		a->Next = b;
		a->MdlFlags = own.MdlFlags;
		NET_BUFFER_LIST *nbl =
			NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, &own, 0, 124);
		NdisAdvanceNetBufferDataStart(nbl->FirstNetBuffer, 24, TRUE, NULL);
		NdisAdvanceNetBufferListDataStart(nbl, 100, TRUE, NdisFreeMdl);
		assert_ptr_equal(nbl->FirstNetBuffer->MdlChain, &own);
		assert_int_equal(nbl->FirstNetBuffer->DataOffset, 124);
		NdisFreeNetBufferList(nbl);
	}
	assert_int_equal(misuses.all, 0);
	IoFreeMdl(a);
	IoFreeMdl(b);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
}

/* The bytes of a clone's NB from the front of its data on, as many as are in one piece. */
static ULONG piece(const NET_BUFFER *nb)
{
	return nb->CurrentMdl->ByteCount - nb->CurrentMdlOffset;
}

/* Clones with one call or the other. */
static NET_BUFFER_LIST *clone_of(NET_BUFFER_LIST *nbl, NDIS_HANDLE clones, bool wfp)
{
	NET_BUFFER_LIST *clone;

	if (!wfp)
		return NdisAllocateCloneNetBufferList(nbl, clones, NULL, 0);
	assert_int_equal(
		FwpsAllocateCloneNetBufferList0(nbl, clones, NULL, 0, &clone), STATUS_SUCCESS);
	return clone;
}

/*
 * A forwarder makes room for a header before the first piece of a clone's data, and wants both in one
 * piece: it advances over the data with FreeMdl TRUE and retreats by more.
 */
static void an_advance_frees_a_clones_mdls(NO_STATE)
{
	static UCHAR bytes[2][200];
	NDIS_HANDLE pool = pool_to_test();
	MDL *first = NdisAllocateMdl(NULL, bytes[0], 200);
	MDL *second = NdisAllocateMdl(NULL, bytes[1], 100);

	for (int round = 0; round < 4; round++) {
		const int mdls = 1 + round % 2;
		const bool wfp = round >= 2;
		NDIS_HANDLE clones = mdls == 2 ? NULL : pool; /* NULL: of the library's */

		first->Next = mdls == 2 ? second : NULL;
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(
			pool, 0, 0, first, 0, mdls == 2 ? 300 : 200);
		NET_BUFFER_LIST *clone = clone_of(nbl, clones, wfp);
		NET_BUFFER *nb = clone->FirstNetBuffer;
		int64_t before = usage(MDLS_TAG).objects;

		NdisAdvanceNetBufferDataStart(nb, 199, TRUE, NULL);
		assert_int_equal(usage(MDLS_TAG).objects, before); /* it holds a byte */
		NdisAdvanceNetBufferDataStart(nb, 1, TRUE, NULL);
		assert_int_equal(usage(MDLS_TAG).objects, before - 1);
		assert_int_equal(nb->DataOffset, 0);
		assert_int_equal(nb->MdlChain == NULL, mdls == 1);
		assert_int_equal(
			NdisRetreatNetBufferDataStart(nb, 240, 0, NULL), NDIS_STATUS_SUCCESS);
		assert_int_equal(piece(nb), 240);
		memset(NdisGetDataBuffer(nb, 240, NULL, 1, 0), 1, 240);
		assert_int_equal(nb->DataLength, mdls == 2 ? 340 : 240);

		/* It is freed so, in every pool: what is the system's goes with it. */
		unsigned reports = misuses.all;
		if (wfp)
			FwpsFreeCloneNetBufferList0(clone, 0);
		else
			NdisFreeCloneNetBufferList(clone, 0);
		NdisFreeNetBufferList(nbl);
		assert_int_equal(misuses.all, reports);
	}
	assert_int_equal(usage(TEST_TAG).objects, 0);
	NdisFreeMdl(first);
	NdisFreeMdl(second);
	assert_int_equal(usage(MDLS_TAG).objects, 0);
	free_pool(pool);
}

static UCHAR handler_bytes[64];

static MDL *allocate_mdl(PULONG bytes)
{
	assert_in_range(*bytes, 1, sizeof(handler_bytes));
	return NdisAllocateMdl(NULL, handler_bytes, *bytes);
}

/* A handler's MDLs go to a handler only, the system's before and behind them to nobody. */
static void retreats_of_both_kinds(NO_STATE)
{
	NDIS_HANDLE pool = pool_to_test();
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 0, 100);
	NET_BUFFER *nb = nbl->FirstNetBuffer;
	MDL *made;

	for (int i = 0; i < 3; i++)
		assert_int_equal(
			NdisRetreatNetBufferDataStart(nb, 10, 0, i == 1 ? allocate_mdl : NULL),
			NDIS_STATUS_SUCCESS);
	made = nb->MdlChain->Next;
	assert_int_equal(usage(TEST_TAG).objects, 3);
	NdisAdvanceNetBufferDataStart(nb, 30, TRUE, NULL);
	assert_ptr_equal(nb->MdlChain, made);
	assert_int_equal(nb->DataOffset, 20);
	assert_int_equal(usage(TEST_TAG).objects, 2);
	NdisAdvanceNetBufferDataStart(nb, 0, TRUE, NdisFreeMdl);
	assert_ptr_equal(nb->MdlChain, mdl);
	assert_int_equal(nb->DataOffset, 0);
	assert_int_equal(usage(TEST_TAG).objects, 1);
	assert_int_equal(usage(MDLS_TAG).objects, 1);
	NdisFreeNetBufferList(nbl);
	NdisFreeMdl(mdl);
	free_pool(pool);
	assert_int_equal(misuses.all, 0);
}

/* A retreat's MDL that a driver moves to an NB of another pool is counted where it was made. */
static void a_retreat_that_moves(NO_STATE)
{
	NDIS_HANDLE pool = pool_to_test();
	struct nbl_pool_config config = {.kind = NBL_POOL_NBS, .tag = OTHER_TAG, .verify = verify};
	struct nbl_pool *nbs;
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 0, 100);

	assert_int_equal(nbl_pool_create(&config, &nbs), 0);
	NdisRetreatNetBufferDataStart(nbl->FirstNetBuffer, 20, 0, NULL);
	NET_BUFFER *nb = NdisAllocateNetBuffer(nbs, nbl->FirstNetBuffer->MdlChain, 0, 120);
	nbl->FirstNetBuffer->MdlChain = mdl;
	NdisAdvanceNetBufferDataStart(nb, 20, TRUE, NULL);
	assert_ptr_equal(nb->MdlChain, mdl);
	assert_int_equal(usage(TEST_TAG).objects, 1);
	assert_int_equal(usage(OTHER_TAG).objects, 1);
	NdisFreeNetBuffer(nb);
	NdisFreeNetBufferList(nbl);
	NdisFreeMdl(mdl);
	free_nb_pool(nbs);
	free_pool(pool);
	assert_int_equal(misuses.all, 0);
}

/* A filter gives a packet back without the advance, and its owner frees it. */
static void freed_without_the_advance(NO_STATE)
{
	NDIS_HANDLE pool = pool_to_test();
	NDIS_HANDLE nbs = verify ? nb_verify_pool() : nb_pool(0);
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 0, 100);
	NET_BUFFER *nb = NdisAllocateNetBuffer(nbs, mdl, 0, 100);

	if (checks()) {
		NdisRetreatNetBufferDataStart(nbl->FirstNetBuffer, 14, 0, NULL);
		NdisRetreatNetBufferDataStart(nb, 14, 0, NULL);
		NdisRetreatNetBufferDataStart(nb, 14, 0, NULL);
		expect_misuse(NBL_MISUSE_WRONG_FREE, nbl, NdisFreeNetBufferList(nbl));
		NdisAdvanceNetBufferDataStart(nbl->FirstNetBuffer, 14, FALSE, NULL);
		expect_misuse(NBL_MISUSE_WRONG_FREE, nbl, FwpsFreeNetBufferList0(nbl));
		NdisAdvanceNetBufferDataStart(nbl->FirstNetBuffer, 0, TRUE, NULL);
		expect_misuse(NBL_MISUSE_WRONG_FREE, nb, NdisFreeNetBuffer(nb));
		NdisAdvanceNetBufferDataStart(nb, 14, TRUE, NULL);
		expect_misuse(NBL_MISUSE_WRONG_FREE, nb, NdisFreeNetBuffer(nb));
		NdisAdvanceNetBufferDataStart(nb, 14, TRUE, NULL);
	}
	/* A chain that the driver has replaced and freed is not looked at: it may be gone. */
	unsigned reports = misuses.all;
	NdisRetreatNetBufferDataStart(nb, 14, 0, allocate_mdl);
	NdisFreeMdl(nb->MdlChain);
	NdisFreeNetBuffer(nb);
	NdisFreeMdl(mdl);
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, reports);
	free_nb_pool(nbs);
	free_pool(pool);
}

/*
 * Clones.
 */

/* The header that the original's retreat made is not a sharing clone's to free; its own are. */
static void a_clone_leaves_shared_mdls(NO_STATE)
{
	NDIS_HANDLE pool = pool_to_test();
	NDIS_HANDLE nbs = verify ? nb_verify_pool() : nb_pool(0);
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 0, 100);
	NET_BUFFER *nb = nbl->FirstNetBuffer;

	for (int own_nb = 0; own_nb < 2; own_nb++) {
		/* The first NB comes with the clone, the second from the pool of NBs. */
		NET_BUFFER *more = NdisAllocateNetBuffer(nbs, mdl, 0, 100);
		nb->Next = more;
		NdisRetreatNetBufferListDataStart(nbl, 14, 0, NULL, NULL);
		MDL *made[2] = {nb->MdlChain, more->MdlChain};
		NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(
			nbl, pool, nbs, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
		NET_BUFFER *of_clone = clone->FirstNetBuffer;
		NET_BUFFER *tested = own_nb ? of_clone->Next : of_clone;

		NdisAdvanceNetBufferListDataStart(clone, 14, TRUE, NULL);
		assert_ptr_equal(of_clone->MdlChain, made[0]);
		assert_ptr_equal(of_clone->CurrentMdl, mdl);
		assert_int_equal(of_clone->DataOffset, 14);
		assert_ptr_equal(nb->MdlChain, made[0]);
		/* Into the headroom, then into MDLs of its own, which it may free and has to. */
		NdisRetreatNetBufferDataStart(tested, 14, 0, NULL);
		assert_ptr_equal(tested->MdlChain, made[own_nb]);
		NdisRetreatNetBufferDataStart(tested, 20, 0, NULL);
		expect_misuse(NBL_MISUSE_WRONG_FREE, clone,
			NdisFreeCloneNetBufferList(clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS));
		NdisAdvanceNetBufferDataStart(tested, 34, TRUE, NULL);
		assert_ptr_equal(tested->MdlChain, made[own_nb]);
		unsigned reports = misuses.all;
		NdisFreeCloneNetBufferList(clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
		NdisAdvanceNetBufferListDataStart(nbl, 14, TRUE, NULL); /* the original's own */
		assert_ptr_equal(nb->MdlChain, mdl);
		nb->Next = NULL;
		NdisFreeNetBuffer(more);
		assert_int_equal(misuses.all, reports);
		assert_int_equal(usage(TEST_TAG).objects, 1);
	}
	/* The memory of a clone's NBs serves NBs that share nothing. */
	NET_BUFFER *next = NdisAllocateNetBuffer(nbs, NULL, 0, 0);
	NdisRetreatNetBufferDataStart(next, 20, 0, NULL);
	NdisAdvanceNetBufferDataStart(next, 20, TRUE, NULL);
	assert_null(next->MdlChain);
	NdisFreeNetBuffer(next);
	NdisFreeNetBufferList(nbl);
	NdisFreeMdl(mdl);
	free_nb_pool(nbs);
	free_pool(pool);
}

/* What is no clone's stays, and is reported: a driver's MDL, one that is free, a circle of them. */
static void clones_out_of_shape(NO_STATE)
{
	static UCHAR byte;
	NDIS_HANDLE pool = pool_to_test();
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 0, 100);
	NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(nbl, pool, NULL, 0);
	NET_BUFFER *nb = clone->FirstNetBuffer;
	MDL *part = nb->MdlChain;
	MDL own = {.ByteCount = 1, .MappedSystemVa = &byte, .MdlFlags = MDL_PARTIAL};
	MDL copy = *part;

	nb->MdlChain = &own;
	own.Next = part;
	expect_misuse(NBL_MISUSE_WRONG_FREE, clone, NdisFreeCloneNetBufferList(clone, 0));
	nb->MdlChain = &copy;
	expect_misuse(NBL_MISUSE_WRONG_FREE, clone, NdisFreeCloneNetBufferList(clone, 0));
	nb->MdlChain = part;
	part->Next = part;
	expect_misuse(NBL_MISUSE_WRONG_FREE, clone, NdisFreeCloneNetBufferList(clone, 0));
	part->Next = NULL;
	nb->Next = nb;
	expect_misuse(NBL_MISUSE_WRONG_FREE, clone, NdisFreeCloneNetBufferList(clone, 0));
	expect_misuse(
		NBL_MISUSE_DATA, clone, NdisAdvanceNetBufferListDataStart(clone, 1, FALSE, NULL));
	assert_int_equal(
		NdisRetreatNetBufferListDataStart(clone, 1, 0, NULL, NULL), NDIS_STATUS_FAILURE);
	assert_null(NdisAllocateCloneNetBufferList(clone, NULL, NULL, 0));
	nb->Next = NULL;
	assert_int_equal(nb->DataLength, 100);
	if (keeps_memory()) {
		NdisFreeMdl(part);
		expect_misuse(NBL_MISUSE_WRONG_FREE, clone, NdisFreeCloneNetBufferList(clone, 0));
		nb->MdlChain = NULL;
	}
	unsigned reports = misuses.all;
	NdisFreeCloneNetBufferList(clone, 0);
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, reports);
	NdisFreeMdl(mdl);
	free_pool(pool);
}

/* A driver's one pool may have data: the page names no such condition. */
static void clones_from_data_pools(NO_STATE)
{
	struct nbl_pool_config config = {.kind = NBL_POOL_LISTS,
		.tag = TEST_TAG,
		.with_nb = true,
		.data_bytes = 256,
		.verify = verify};
	struct nbl_pool *lists;
	struct nbl_pool *nbs;

	assert_int_equal(nbl_pool_create(&config, &lists), 0);
	config.kind = NBL_POOL_NBS;
	config.with_nb = false;
	assert_int_equal(nbl_pool_create(&config, &nbs), 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(lists, 0, 0);
	NET_BUFFER *more = NdisAllocateNetBufferMdlAndData(nbs);
	nbl->FirstNetBuffer->Next = more;
	NdisRetreatNetBufferListDataStart(nbl, 200, 0, NULL, NULL);
	memset(NdisGetDataBuffer(nbl->FirstNetBuffer, 200, NULL, 1, 0), 1, 200);
	memset(NdisGetDataBuffer(more, 200, NULL, 1, 0), 2, 200);
	for (ULONG flags = 0; flags <= 2; flags += NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS) {
		NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(nbl, lists, nbs, flags);

		assert_non_null(clone);
		const UCHAR *first = NdisGetDataBuffer(clone->FirstNetBuffer, 200, NULL, 1, 0);
		assert_ptr_equal(first, NdisGetDataBuffer(nbl->FirstNetBuffer, 200, NULL, 1, 0));
		assert_ptr_equal(NdisGetDataBuffer(clone->FirstNetBuffer->Next, 200, NULL, 1, 0),
			NdisGetDataBuffer(more, 200, NULL, 1, 0));
		NdisFreeCloneNetBufferList(clone, flags);
	}
	/* What came with them comes again. */
	NET_BUFFER *again = NdisAllocateNetBufferMdlAndData(nbs);
	assert_int_equal(again->DataOffset, 256);
	NdisFreeNetBuffer(again);
	NdisFreeNetBuffer(more);
	NdisFreeNetBufferList(nbl);
	free_nb_pool(nbs);
	free_pool(lists);
	assert_int_equal(misuses.all, 0);
}

/* An NBL that has clones is not freed before them; a clone has clones too. */
static void originals_outlive_their_clones(NO_STATE)
{
	NDIS_HANDLE pool = pool_to_test();
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 0, 100);
	NET_BUFFER_LIST *child;
	NET_BUFFER_LIST *grandchild;

	assert_int_equal(
		FwpsAllocateCloneNetBufferList0(nbl, pool, NULL, 0, &child), STATUS_SUCCESS);
	assert_int_equal(FwpsAllocateDeepCloneNetBufferList0(child, pool, NULL, &grandchild),
		STATUS_SUCCESS);
	assert_int_equal(nbl->ChildRefCount, 1);
	assert_int_equal(child->ChildRefCount, 1);
	if (checks()) {
		expect_misuse(NBL_MISUSE_CLONES_OUTSTANDING, nbl, NdisFreeNetBufferList(nbl));
		expect_misuse(NBL_MISUSE_CLONES_OUTSTANDING, nbl, FwpsFreeNetBufferList0(nbl));
		expect_misuse(NBL_MISUSE_CLONES_OUTSTANDING, child,
			FwpsFreeCloneNetBufferList0(child, 0));
	}
	unsigned reports = misuses.all;
	FwpsFreeCloneNetBufferList0(grandchild, 0);
	assert_int_equal(child->ChildRefCount, 0);
	FwpsFreeCloneNetBufferList0(child, 0);
	assert_int_equal(nbl->ChildRefCount, 0);

	/* NDIS leaves the count to the driver, and only what says that clones are left counts. */
	child = NdisAllocateCloneNetBufferList(nbl, pool, NULL, 0);
	nbl->ChildRefCount = -1;
	child->ChildRefCount = -1;
	NdisFreeCloneNetBufferList(child, 0);
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, reports);
	NdisFreeMdl(mdl);
	free_pool(pool);
}

/* The count of a clone's original is the original's only as long as it lives. */
static void a_clone_whose_original_is_gone(NO_STATE)
{
	enum { MORE = 80 }; /* NBLs, among which the original's memory is sure to come again */
	NDIS_HANDLE pool = pool_to_test();
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 0, 100);
	NET_BUFFER_LIST *more[MORE];
	NET_BUFFER_LIST *clones[2];

	assert_int_equal(
		FwpsAllocateCloneNetBufferList0(nbl, NULL, NULL, 0, &clones[0]), STATUS_SUCCESS);
	assert_int_equal(
		FwpsAllocateDeepCloneNetBufferList0(nbl, NULL, NULL, &clones[1]), STATUS_SUCCESS);
	nbl->ChildRefCount = 0; /* so that it can be freed where that is looked at */
	for (int i = 0; i < 2; i++)
		expect_misuse(NBL_MISUSE_USE_AFTER_FREE, clones[i],
			FwpsFreeCloneNetBufferList0(clones[i], 0));
	assert_int_equal(nbl->ChildRefCount, 0);
	NdisFreeNetBufferList(nbl);
	for (int i = 0; i < 2 && keeps_memory(); i++)
		expect_misuse(NBL_MISUSE_USE_AFTER_FREE, clones[i],
			FwpsFreeCloneNetBufferList0(clones[i], 0));
	for (int n = 0; n < MORE; n++)
		more[n] = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, NULL, 0, 0);
	for (int i = 0; i < 2 && keeps_memory(); i++)
		expect_misuse(NBL_MISUSE_USE_AFTER_FREE, clones[i],
			FwpsFreeCloneNetBufferList0(clones[i], 0));
	for (int n = 0; n < MORE; n++) {
		assert_int_equal(more[n]->ChildRefCount, 0);
		NdisFreeNetBufferList(more[n]);
	}
	/* The pool's memory may go, but its handle says so. */
	free_pool(pool);
	unsigned reports = misuses.all;
	for (int i = 0; i < 2; i++) {
		expect_misuse(NBL_MISUSE_USE_AFTER_FREE, clones[i],
			FwpsFreeCloneNetBufferList0(clones[i], 0));
		assert_int_equal(clones[i]->FirstNetBuffer->DataLength, 100);
		clones[i]->ParentNetBufferList = NULL; /* nobody's count */
		FwpsFreeCloneNetBufferList0(clones[i], 0);
	}
	assert_int_equal(misuses.all, reports + 2);
	NdisFreeMdl(mdl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(an_mdl_of_its_mapped_address_alone),
		counted_test(a_mapped_address_that_moves),
		counted_test(a_query_without_an_address),
		counted_test(partial_mdls_take_over_the_mapping),
		counted_test(partial_mdls_outside_their_source),
		counted_test(an_mdl_initialised_anew),
		counted_test(mdls_in_a_circle),
		counted_test(an_advance_leaves_drivers_mdls),
		counted_test(an_advance_frees_a_clones_mdls),
		counted_test(retreats_of_both_kinds),
		counted_test(a_retreat_that_moves),
		counted_test(freed_without_the_advance),
		counted_test(a_clone_leaves_shared_mdls),
		counted_test(clones_out_of_shape),
		counted_test(clones_from_data_pools),
		counted_test(originals_outlive_their_clones),
		counted_test(a_clone_whose_original_is_gone),
		counted_test(all_memory_came_back),
	};
	int failed = run_over_strategies("data", tests);

	verify = true;
	return failed + run_over_strategies("data of verify pools", tests);
}
