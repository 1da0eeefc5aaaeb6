/*
 * The data of a packet as drivers handle it: MDLs of the driver's own making, retreats and advances
 * over them, and clones. Each test runs in ordinary and in verify pools, over every strategy.
 */
#include "alloc/ndis/support_test.h"

enum { MDLS_TAG = 0x6c644d66 /* 'fMdl' */ };

static bool verify; /* the pools of the test that runs */

/* Of NBLs with an NB each. */
static NDIS_HANDLE pool_to_test(void)
{
	return verify ? verify_pool(0) : list_pool(TRUE, 0, 0);
}

/*
 * MDLs.
 */

/* Only MappedSystemVa, ByteCount and the flags are set: WireGuard-NT pads its packets so. */
static void an_mdl_of_its_mapped_address_alone(void **state)
{
	static UCHAR data[100];
	static UCHAR zeros[15];
	UCHAR storage[115];
	NDIS_HANDLE pool = pool_to_test();
	MDL *mdl = NdisAllocateMdl(NULL, data, sizeof(data));

	(void)state;
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
static void a_mapped_address_that_moves(void **state)
{
	static UCHAR bytes[2][100];
	MDL *mdl = IoAllocateMdl(bytes[0], 100, FALSE, FALSE, NULL);
	NDIS_HANDLE pool = pool_to_test();
	PVOID va;
	UINT length;

	(void)state;
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
static void a_query_without_an_address(void **state)
{
	MDL *mdl = test_mdl(100);
	MDL *none = NULL;
	UINT length = 0;

	(void)state;
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
static void partial_mdls_take_over_the_mapping(void **state)
{
	static UCHAR bytes[2][100];
	static const SHORT mapped[] = {
		MDL_SOURCE_IS_NONPAGED_POOL, MDL_MAPPED_TO_SYSTEM_VA, 0 /* no address: its own */};

	(void)state;
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
static void partial_mdls_outside_their_source(void **state)
{
	static UCHAR bytes[3 * 4096];
	static UCHAR other[100];
	UCHAR *page = PAGE_ALIGN(bytes + 4096);
	MDL *source = NdisAllocateMdl(NULL, page + 100, 1000);
	MDL *part = NdisAllocateMdl(NULL, page + 100, 1000);
	const MDL before = *part;

	(void)state;
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
static void an_mdl_initialised_anew(void **state)
{
	static UCHAR bytes[2][2000];
	static UCHAR large[1 << 20];
	int64_t before = usage(MDLS_TAG).bytes;
	int64_t objects = usage(MDLS_TAG).objects;
	MDL *mdl = NdisAllocateMdl(NULL, bytes[0], sizeof(bytes[0]));

	(void)state;
	for (int i = 0; i < 3; i++) {
		MmInitializeMdl(mdl, bytes[i & 1], 1500);
		MmBuildMdlForNonPagedPool(mdl);
		assert_ptr_equal(mdl->MappedSystemVa, bytes[i & 1]);
	}
	mdl->MdlFlags = -1; /* the driver's, too */
	IoFreeMdl(mdl);
	assert_int_equal(misuses.all, 0);
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
static void mdls_in_a_circle(void **state)
{
	enum { LONGEST = 9 };
	static UCHAR byte;
	UCHAR storage[8];
	NDIS_HANDLE pool = pool_to_test();
	NDIS_HANDLE nbs = verify ? nb_verify_pool() : nb_pool(0);

	(void)state;
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

/* Everything that was made has gone: the last of each group. */
static void all_memory_came_back(void **state)
{
	(void)state;
	assert_int_equal(memory_live_bytes(), 0);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	assert_int_equal(usage(TEST_TAG).bytes, 0);
	assert_int_equal(usage(MDLS_TAG).objects, 0);
	assert_int_equal(usage(MDLS_TAG).bytes, 0);
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
		counted_test(all_memory_came_back),
	};
	int failed = run_over_strategies("data", tests);

	verify = true;
	return failed + run_over_strategies("data of verify pools", tests);
}
