/*
 * V76, V92-V97: the k-th request for memory fails, for every k, in every call that can fail. The
 * call reports it as documented, nothing is lost, what the caller had is unchanged, and a retry
 * succeeds.
 *
 * The requests are those to the C library and the kernel: the linker turns every call of malloc and
 * its kin in the library into one of ours (--wrap, see CMakeLists.txt). So no allocation site can
 * be forgotten, general allocators beneath a pool included. Each test names its site and fails if
 * no request was made there.
 */
#include "alloc/ndis/support_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Fails request number `fail` (from 0) after it was armed, and counts. */
struct fault {
	bool armed;
	int fail;
	int seen;
};

static struct fault fault;

static bool strikes(void)
{
	return fault.armed && fault.seen++ == fault.fail;
}

static void arm(int k)
{
	fault = (struct fault){.armed = true, .fail = k};
}

/* True if the fault has struck. */
static bool disarm(void)
{
	fault.armed = false;
	return fault.seen > fault.fail;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
int __real_posix_memalign(void **memory, size_t align, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
int __wrap_posix_memalign(void **memory, size_t align, size_t bytes);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t bytes)
{
	return strikes() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
	return strikes() ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
	return strikes() ? NULL : __real_realloc(memory, bytes);
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
	return strikes() ? NULL : __real_aligned_alloc(align, bytes);
}

int __wrap_posix_memalign(void **memory, size_t align, size_t bytes)
{
	return strikes() ? ENOMEM : __real_posix_memalign(memory, align, bytes);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	return strikes() ? MAP_FAILED : __real_mmap(at, bytes, protection, flags, fd, offset);
}

/* A program that needs more than this many requests for one call is wrong in another way. */
enum { REQUESTS_MAX = 200 };

/*
 * Runs `call` with the k-th request failing until none is left to fail; `call` is true if it
 * succeeded. After each failure `check` holds. The call has succeeded in the end. Its value: how
 * many requests have failed.
 */
#define for_each_fault(call, check)                          \
	__extension__({                                      \
		int k_ = 0;                                  \
		bool struck_ = true;                         \
		for (; struck_ && k_ < REQUESTS_MAX; k_++) { \
			arm(k_);                             \
			bool ok_ = (call);                   \
			struck_ = disarm();                  \
			if (ok_)                             \
				break;                       \
			assert_true(struck_);                \
			check;                               \
		}                                            \
		assert_in_range(k_, 0, REQUESTS_MAX - 1);    \
		assert_int_equal(misuses.all, 0);            \
		k_;                                          \
	})

/* The same at a site that makes at least one request. */
#define for_each_fault_at(call, check) assert_int_not_equal(for_each_fault(call, check), 0)

static void nothing_is_left(void)
{
	uint32_t used = 0;

	assert_true(nbl_release_defaults());
	for (uint32_t id = 0; id < NBL_POOLS_MAX; id++)
		used += nbl_pools[id].object_bytes != 0;
	assert_int_equal(used, 0); /* handles */
	assert_int_equal(memory_live_bytes(), 0);
	assert_int_equal(usage(TEST_TAG).objects, 0);
	assert_int_equal(usage(TEST_TAG).bytes, 0);
	assert_int_equal(usage(OTHER_TAG).objects, 0);
}

/* The first call of a thread on a pool makes the thread's own arrays, whichever call it is. */
static bool first_call(NDIS_HANDLE pool, int call)
{
	NET_BUFFER_LIST *nbl = NULL;

	if (call == 0)
		nbl = NdisAllocateNetBufferList(pool, 0, 0);
	else if (call == 1)
		nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, NULL, 0, 0);
	else
		FwpsAllocateNetBufferAndNetBufferList0(pool, 0, 0, NULL, 0, 0, &nbl);
	if (nbl == NULL)
		return false;
	NdisFreeNetBufferList(nbl);
	return true;
}

/* A pool of a shape, and the arrays that its strategy makes for the machine's CPUs. */
static void V92_pool_structure(NO_STATE)
{
	static const struct {
		BOOLEAN with_nb;
		ULONG data_bytes;
		USHORT context_bytes;
	} shapes[] = {{FALSE, 0, 0}, {TRUE, 0, 64}, {TRUE, 384, 0}};
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);

	/* What a library beneath needs once a process, and ends the process without, it has now. */
	assert_true(first_call(pool, 0));
	free_pool(pool);
	for (size_t i = 0; i < array_count(shapes); i++) {
		for_each_fault_at((pool = try_list_pool(shapes[i].with_nb, shapes[i].data_bytes,
					   shapes[i].context_bytes)) != NULL,
			assert_int_equal(memory_live_bytes(), 0));
		free_pool(pool);
		nothing_is_left();
	}
	NET_BUFFER_POOL_PARAMETERS p = {
		.Header = {NDIS_OBJECT_TYPE_DEFAULT, 1, 12}, .PoolTag = TEST_TAG};
	for_each_fault_at((pool = NdisAllocateNetBufferPool(NULL, &p)) != NULL,
		assert_int_equal(memory_live_bytes(), 0));
	free_nb_pool(pool);
	nothing_is_left();
	vector(92);
}

static void V93_arrays_of_a_thread(NO_STATE)
{
	for (int call = 0; call < 3; call++) {
		NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
		uint64_t before = memory_live_bytes();

		for_each_fault_at(first_call(pool, call), {
			/* It stays attached where its NBL was refused after that. */
			if (nbl_threads[((struct nbl_pool *)pool)->id] == NULL)
				assert_int_equal(memory_live_bytes(), before);
			assert_int_equal(usage(TEST_TAG).objects, 0);
		});
		free_pool(pool);
		nothing_is_left();
	}
	vector(93);
}

/*
 * On a thread that has used the pool. Strategies with a slab have reserved the NBL's memory and
 * need none now; general allocators must ask.
 */
static void V94_nbl(NO_STATE)
{
	static const struct {
		BOOLEAN with_nb;
		ULONG data_bytes;
	} shapes[] = {{FALSE, 0}, {TRUE, 0}, {TRUE, 384}};

	for (size_t i = 0; i < array_count(shapes); i++) {
		NDIS_HANDLE pool = list_pool(shapes[i].with_nb, shapes[i].data_bytes, 0);
		bool allocates = ((struct nbl_pool *)pool)->ops->traits.kind == POOL_KIND_ALLOCATOR;
		NET_BUFFER_LIST *nbl;

		assert_true(first_call(pool, 0));
		int failed = for_each_fault((nbl = NdisAllocateNetBufferList(pool, 0, 0)) != NULL,
			assert_int_equal(usage(TEST_TAG).objects, 0));
		if (allocates)
			assert_int_not_equal(failed, 0);
		NdisFreeNetBufferList(nbl);
		free_pool(pool);
		nothing_is_left();
	}
	vector(94);
}

static bool fwps(NDIS_HANDLE pool, NET_BUFFER_LIST **out)
{
	*out = (NET_BUFFER_LIST *)out;
	NTSTATUS status = FwpsAllocateNetBufferAndNetBufferList0(pool, 64, 0, NULL, 0, 0, out);

	if (NT_SUCCESS(status))
		return true;
	assert_int_equal(status, STATUS_INSUFFICIENT_RESOURCES);
	assert_null(*out);
	return false;
}

static void V76_fwps(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	NET_BUFFER_LIST *nbl;

	for_each_fault_at(fwps(pool, &nbl), assert_int_equal(usage(TEST_TAG).objects, 0));
	FwpsFreeNetBufferList0(nbl);
	free_pool(pool);
	nothing_is_left();
	vector(76);
}

/* False: for want of memory, which is the only reason there may be. */
static bool made(NDIS_STATUS status)
{
	if (status != NDIS_STATUS_SUCCESS)
		assert_int_equal(status, NDIS_STATUS_RESOURCES);
	return status == NDIS_STATUS_SUCCESS;
}

static bool push(NET_BUFFER_LIST *nbl)
{
	return made(NdisAllocateNetBufferListContext(nbl, 64, 32, OTHER_TAG));
}

/* Context that comes with the NBL and does not fit its pool's. */
static void block_of_the_allocation(void)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 32);
	NET_BUFFER_LIST *nbl;

	assert_true(first_call(pool, 0));
	for_each_fault_at((nbl = NdisAllocateNetBufferList(pool, 48, 16)) != NULL,
		assert_int_equal(usage(TEST_TAG).objects, 0));
	assert_int_equal(nbl->Context->Offset, nbl->Context->Size - 48);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	nothing_is_left();
}

static void V95_context_block(NO_STATE)
{
	block_of_the_allocation();
	NDIS_HANDLE pool = list_pool(TRUE, 0, 32);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 16, 0);
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;
	const USHORT offset = front->Offset;

	for_each_fault_at(push(nbl), {
		assert_ptr_equal(nbl->Context, front);
		assert_int_equal(front->Offset, offset);
		assert_int_equal(usage(OTHER_TAG).objects, 0);
	});
	NdisFreeNetBufferListContext(nbl, 64);
	assert_ptr_equal(nbl->Context, front);
	NdisFreeNetBufferList(nbl);
	free_pool(pool);
	nothing_is_left();
	vector(95);
}

static void V96_mdls(NO_STATE)
{
	static UCHAR memory[16];
	MDL *mdl;

	/* The first one makes the library's pool, the second is larger than its objects. */
	for_each_fault_at((mdl = NdisAllocateMdl(NULL, memory, sizeof(memory))) != NULL, (void)0);
	NdisFreeMdl(mdl);
	for_each_fault_at(
		(mdl = IoAllocateMdl(memory, 1 << 20, FALSE, FALSE, NULL)) != NULL, (void)0);
	IoFreeMdl(mdl);
	nothing_is_left();
	vector(96);
}

static void V97_nbs_and_data(NO_STATE)
{
	NDIS_HANDLE pool = nb_pool(512);
	NDIS_HANDLE plain = nb_pool(0);
	NET_BUFFER *nb;

	for_each_fault_at((nb = NdisAllocateNetBufferMdlAndData(pool)) != NULL,
		assert_int_equal(usage(TEST_TAG).objects, 0));
	NdisFreeNetBuffer(nb);
	for_each_fault_at((nb = NdisAllocateNetBuffer(plain, NULL, 0, 0)) != NULL,
		assert_int_equal(usage(TEST_TAG).objects, 0));
	NdisFreeNetBuffer(nb);
	free_nb_pool(plain);
	free_nb_pool(pool);
	nothing_is_left();
}

enum { NBS = 3 };

/* An NBL with three NBs of 100 bytes each. */
static NET_BUFFER_LIST *list_of_nbs(NDIS_HANDLE lists, NDIS_HANDLE nbs, MDL *mdl)
{
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(lists, 0, 0);

	assert_non_null(nbl);
	for (int i = 0; i < NBS; i++) {
		NET_BUFFER *nb = NdisAllocateNetBuffer(nbs, mdl, 0, 100);

		assert_non_null(nb);
		nb->Next = nbl->FirstNetBuffer;
		nbl->FirstNetBuffer = nb;
	}
	return nbl;
}

static void free_list_of_nbs(NET_BUFFER_LIST *nbl)
{
	while (nbl->FirstNetBuffer != NULL) {
		NET_BUFFER *nb = nbl->FirstNetBuffer;

		nbl->FirstNetBuffer = nb->Next;
		NdisFreeNetBuffer(nb);
	}
	NdisFreeNetBufferList(nbl);
}

static bool retreat(NET_BUFFER_LIST *nbl)
{
	return made(NdisRetreatNetBufferListDataStart(nbl, 64, 64, NULL, NULL));
}

static bool retreat_one(NET_BUFFER *nb)
{
	return made(NdisRetreatNetBufferDataStart(nb, 64, 64, NULL));
}

static void expect_untouched(const NET_BUFFER_LIST *nbl, const MDL *mdl)
{
	int count = 0;

	for (const NET_BUFFER *nb = nbl->FirstNetBuffer; nb != NULL; nb = nb->Next, count++) {
		assert_ptr_equal(nb->MdlChain, mdl);
		assert_ptr_equal(nb->CurrentMdl, mdl);
		assert_int_equal(nb->DataOffset, 0);
		assert_int_equal(nb->DataLength, 100);
	}
	assert_int_equal(count, NBS);
	assert_int_equal(nbl->ChildRefCount, 0);
	assert_int_equal(usage(TEST_TAG).objects, NBS + 1);
}

static void V97_retreat(NO_STATE)
{
	NDIS_HANDLE lists = list_pool(FALSE, 0, 0);
	NDIS_HANDLE nbs = nb_pool(0);
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = list_of_nbs(lists, nbs, mdl);

	for_each_fault_at(retreat(nbl), expect_untouched(nbl, mdl));
	NdisAdvanceNetBufferListDataStart(nbl, 64, TRUE, NULL);
	expect_untouched(nbl, mdl);
	for_each_fault_at(retreat_one(nbl->FirstNetBuffer), expect_untouched(nbl, mdl));
	NdisAdvanceNetBufferDataStart(nbl->FirstNetBuffer, 64, TRUE, NULL);
	expect_untouched(nbl, mdl);
	vector(97);
	free_list_of_nbs(nbl);
	NdisFreeMdl(mdl);
	free_nb_pool(nbs);
	free_pool(lists);
	nothing_is_left();
}

static void clones(NO_STATE)
{
	NDIS_HANDLE lists = list_pool(FALSE, 0, 0);
	NDIS_HANDLE nbs = nb_pool(0);
	MDL *mdl = test_mdl(100);
	NET_BUFFER_LIST *nbl = list_of_nbs(lists, nbs, mdl);
	NET_BUFFER_LIST *clone;

	/* The thread has used all three pools: only general allocators are asked for memory. */
	for_each_fault((clone = NdisAllocateCloneNetBufferList(nbl, lists, nbs, 0)) != NULL,
		expect_untouched(nbl, mdl));
	NdisFreeCloneNetBufferList(clone, 0);
	/* With nothing of the library's there yet: its pools are made on the way. */
	for_each_fault((clone = NdisAllocateCloneNetBufferList(nbl, NULL, NULL, 0)) != NULL,
		expect_untouched(nbl, mdl));
	NdisFreeCloneNetBufferList(clone, 0);
	for_each_fault(NT_SUCCESS(FwpsAllocateCloneNetBufferList0(nbl, NULL, NULL, 0, &clone)),
		expect_untouched(nbl, mdl));
	FwpsFreeCloneNetBufferList0(clone, 0);
	/* Fragments and their kin, with room before their data and copies of them. */
	for_each_fault_at((clone = NdisAllocateFragmentNetBufferList(
				   nbl, lists, nbs, 10, 40, 16, 16, 0)) != NULL,
		expect_untouched(nbl, mdl));
	NdisFreeFragmentNetBufferList(clone, 16, 0);
	for_each_fault_at(
		(clone = NdisAllocateReassembledNetBufferList(nbl, NULL, 10, 16, 16, 0)) != NULL,
		expect_untouched(nbl, mdl));
	NdisFreeReassembledNetBufferList(clone, 16, 0);
	for_each_fault_at(NT_SUCCESS(FwpsAllocateDeepCloneNetBufferList0(nbl, lists, nbs, &clone)),
		expect_untouched(nbl, mdl));
	FwpsFreeCloneNetBufferList0(clone, 0);
	free_list_of_nbs(nbl);
	NdisFreeMdl(mdl);
	free_nb_pool(nbs);
	free_pool(lists);
	nothing_is_left();
}

static bool fail_all(void *arg, size_t bytes)
{
	(void)arg;
	(void)bytes;
	return true;
}

static void *free_without_memory(void *arg)
{
	NET_BUFFER_LIST **nbls = arg;

	/* This thread has never used the pool and cannot get what it would need to. */
	memory_set_fault_hook(fail_all, NULL);
	NdisFreeNetBufferListContext(nbls[0], 64);
	NdisFreeNetBufferList(nbls[0]);
	NdisFreeNetBufferList(nbls[1]);
	memory_set_fault_hook(NULL, NULL);
	return NULL;
}

/* A free has no way to fail, so it does not. */
static void frees_need_no_memory(NO_STATE)
{
	NDIS_HANDLE pool = list_pool(TRUE, 0, 0);
	NET_BUFFER_LIST *nbls[2];
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		nbls[i] = NdisAllocateNetBufferList(pool, 32, 0);
		assert_non_null(nbls[i]);
	}
	assert_true(push(nbls[0]));
	assert_int_equal(pthread_create(&thread, NULL, free_without_memory, nbls), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(misuses.all, 0);
	assert_int_equal(usage(OTHER_TAG).objects, 0);
	free_pool(pool);
	nothing_is_left();
}

static void every_vector_held(NO_STATE)
{
	every_vector_held_in(FAULTS_TEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(V92_pool_structure),
		counted_test(V93_arrays_of_a_thread),
		counted_test(V94_nbl),
		counted_test(V76_fwps),
		counted_test(V95_context_block),
		counted_test(V96_mdls),
		counted_test(V97_nbs_and_data),
		counted_test(V97_retreat),
		counted_test(clones),
		counted_test(frees_need_no_memory),
		counted_test(every_vector_held),
	};

	only_under_tsan("frees_need_no_memory"); /* it has a thread */
	char why[NBL_REASON_BYTES];

	if (nbl_set_default_context("malloc", why) != 0) {
		print_error("%s\n", why);
		return 1;
	}
	return run_over_strategies("faults", tests);
}
