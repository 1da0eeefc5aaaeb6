/*
 * Zero and absurd parameters in every call of the family: each gives the documented failure value,
 * or is a misuse by name, and changes nothing. fuzz/calls_fuzz.c has their sequences.
 */
#include "alloc/ndis/support_test.h"

enum { DATA_BYTES = 100 };

static UCHAR data[DATA_BYTES];

#define refused(kind, object, statement) expect_misuse(NBL_MISUSE_##kind, object, statement)

/* No misuse: the failure has its own channel. */
#define fails(statement)                              \
	do {                                          \
		unsigned said_ = misuses.all;         \
		statement;                            \
		assert_int_equal(misuses.all, said_); \
	} while (0)

/* An NBL over DATA_BYTES bytes, which must stay as it is. */
struct bed {
	NDIS_HANDLE pool;
	NDIS_HANDLE nbs;
	MDL *mdl;
	NET_BUFFER_LIST *nbl;
	NET_BUFFER *nb;
	NET_BUFFER_LIST before;
	NET_BUFFER nb_before;
	uint64_t out;
};

static struct bed make(bool verify)
{
	struct bed bed = {.pool = verify ? verify_pool(0) : list_pool(TRUE, 0, 0),
		.nbs = verify ? nb_verify_pool() : nb_pool(0),
		.mdl = NdisAllocateMdl(NULL, data, DATA_BYTES)};

	assert_non_null(bed.mdl);
	bed.nbl = NdisAllocateNetBufferAndNetBufferList(bed.pool, 0, 0, bed.mdl, 10, 50);
	assert_non_null(bed.nbl);
	bed.nb = bed.nbl->FirstNetBuffer;
	bed.before = *bed.nbl;
	bed.nb_before = *bed.nb;
	bed.out = nbl_pool_outstanding(bed.pool);
	return bed;
}

static void unmake(struct bed *bed)
{
	assert_memory_equal(bed->nbl, &bed->before, sizeof(bed->before));
	assert_memory_equal(bed->nb, &bed->nb_before, sizeof(bed->nb_before));
	assert_int_equal(nbl_pool_outstanding(bed->pool), bed->out);
	assert_int_equal(nbl_pool_outstanding(bed->nbs), 0);
	NdisFreeNetBufferList(bed->nbl);
	NdisFreeMdl(bed->mdl);
	free_pool(bed->pool);
	free_nb_pool(bed->nbs);
}

static void no_pool(NO_STATE)
{
	const NET_BUFFER_LIST_POOL_PARAMETERS sound = list_parameters(TRUE, 0, 0);
	NET_BUFFER_LIST_POOL_PARAMETERS p = sound;
	NET_BUFFER_POOL_PARAMETERS q = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT}};

	fails(assert_null(NdisAllocateNetBufferListPool(NULL, NULL)));
	fails(assert_null(NdisAllocateNetBufferPool(NULL, NULL)));
	p.Header.Revision = 0;
	fails(assert_null(NdisAllocateNetBufferListPool(NULL, &p)));
	p = sound;
	p.Header.Type = 0;
	fails(assert_null(NdisAllocateNetBufferListPool(NULL, &p)));
	p = sound;
	p.Header.Size = 0;
	fails(assert_null(NdisAllocateNetBufferListPool(NULL, &p)));
	p = sound;
	p.DataSize = UINT32_MAX;
	fails(assert_null(NdisAllocateNetBufferListPool(NULL, &p)));
	p = sound;
	p.ContextSize = 65535;
	fails(assert_null(NdisAllocateNetBufferListPool(NULL, &p)));
	fails(assert_null(NdisAllocateNetBufferPool(NULL, &q))); /* revision 0, size 0 */
	refused(FOREIGN_HANDLE, NULL, NdisFreeNetBufferListPool(NULL));
	refused(FOREIGN_HANDLE, NULL, NdisFreeNetBufferPool(NULL));
	refused(FOREIGN_HANDLE, data, NdisFreeNetBufferListPool(data));
}

static void lists(struct bed *b)
{
	NET_BUFFER_LIST *out;

	refused(FOREIGN_HANDLE, NULL, assert_null(NdisAllocateNetBufferList(NULL, 0, 0)));
	refused(FOREIGN_HANDLE, b->nbs, assert_null(NdisAllocateNetBufferList(b->nbs, 0, 0)));
	fails(assert_null(NdisAllocateNetBufferList(b->pool, 65535, 65535)));
	fails(assert_null(NdisAllocateNetBufferList(b->pool, 65520, 65520)));
	refused(FOREIGN_HANDLE, NULL,
		assert_null(NdisAllocateNetBufferAndNetBufferList(NULL, 0, 0, NULL, 0, 0)));
	fails(assert_null(NdisAllocateNetBufferAndNetBufferList(b->pool, 0, 0, NULL, 1, 0)));
	fails(assert_null(NdisAllocateNetBufferAndNetBufferList(b->pool, 0, 0, NULL, 0, 1)));
	fails(assert_null(NdisAllocateNetBufferAndNetBufferList(
		b->pool, 0, 0, b->mdl, UINT32_MAX, UINT32_MAX)));
	fails(assert_null(
		NdisAllocateNetBufferAndNetBufferList(b->pool, 0, 0, b->mdl, 0, SIZE_MAX)));
	fails(assert_null(
		NdisAllocateNetBufferAndNetBufferList(b->pool, 0, 0, b->mdl, DATA_BYTES, 1)));
	fails(assert_int_equal(
		FwpsAllocateNetBufferAndNetBufferList0(b->pool, 0, 0, NULL, 0, 0, NULL),
		STATUS_INVALID_PARAMETER));
	out = b->nbl;
	refused(FOREIGN_HANDLE, NULL,
		FwpsAllocateNetBufferAndNetBufferList0(NULL, 0, 0, NULL, 0, 0, &out));
	assert_null(out);
	refused(FOREIGN_OBJECT, NULL, NdisFreeNetBufferList(NULL));
	refused(FOREIGN_OBJECT, NULL, FwpsFreeNetBufferList0(NULL));
}

static void buffers(struct bed *b)
{
	refused(FOREIGN_HANDLE, NULL, assert_null(NdisAllocateNetBuffer(NULL, NULL, 0, 0)));
	refused(FOREIGN_HANDLE, b->pool, assert_null(NdisAllocateNetBuffer(b->pool, NULL, 0, 0)));
	fails(assert_null(NdisAllocateNetBuffer(b->nbs, NULL, 1, 0)));
	fails(assert_null(NdisAllocateNetBuffer(b->nbs, b->mdl, 1, SIZE_MAX)));
	refused(FOREIGN_HANDLE, NULL, assert_null(NdisAllocateNetBufferMdlAndData(NULL)));
	fails(assert_null(NdisAllocateNetBufferMdlAndData(b->nbs)));
	refused(FOREIGN_OBJECT, NULL, NdisFreeNetBuffer(NULL));
	refused(EMBEDDED_NB, b->nb, NdisFreeNetBuffer(b->nb));
}

static void contexts_of(struct bed *b)
{
	refused(FOREIGN_OBJECT, NULL,
		assert_int_equal(
			NdisAllocateNetBufferListContext(NULL, 16, 0, 0), NDIS_STATUS_FAILURE));
	refused(FOREIGN_OBJECT, NULL, NdisFreeNetBufferListContext(NULL, 16));
	fails(assert_int_equal(
		NdisAllocateNetBufferListContext(b->nbl, 0, 0, 0), NDIS_STATUS_SUCCESS));
	fails(assert_int_equal(
		NdisAllocateNetBufferListContext(b->nbl, 0, 3, 0), NDIS_STATUS_FAILURE));
	fails(assert_int_equal(
		NdisAllocateNetBufferListContext(b->nbl, 65535, 0, 0), NDIS_STATUS_FAILURE));
	fails(assert_int_equal(
		NdisAllocateNetBufferListContext(b->nbl, 65520, 65520, 0), NDIS_STATUS_FAILURE));
	fails(NdisFreeNetBufferListContext(b->nbl, 0));
	refused(CONTEXT_OVERFREE, b->nbl, NdisFreeNetBufferListContext(b->nbl, 65520));
	refused(CONTEXT_SIZE, b->nbl, NdisFreeNetBufferListContext(b->nbl, 65535));
}

static void data_of(struct bed *b)
{
	const ULONG most = UINT32_MAX;
	ULONG copied = 0;

	refused(FOREIGN_OBJECT, NULL,
		assert_int_equal(
			NdisRetreatNetBufferDataStart(NULL, 1, 0, NULL), NDIS_STATUS_FAILURE));
	fails(assert_int_equal(
		NdisRetreatNetBufferDataStart(b->nb, 0, most, NULL), NDIS_STATUS_SUCCESS));
	fails(assert_int_equal(
		NdisRetreatNetBufferDataStart(b->nb, most, 0, NULL), NDIS_STATUS_FAILURE));
	fails(assert_int_equal(
		NdisRetreatNetBufferDataStart(b->nb, 11, most, NULL), NDIS_STATUS_FAILURE));
	fails(assert_int_equal(NdisRetreatNetBufferListDataStart(b->nbl, most, 0, NULL, NULL),
		NDIS_STATUS_FAILURE));
	refused(FOREIGN_OBJECT, NULL,
		assert_int_equal(NdisRetreatNetBufferListDataStart(NULL, 1, 0, NULL, NULL),
			NDIS_STATUS_FAILURE));
	refused(FOREIGN_OBJECT, NULL, NdisAdvanceNetBufferDataStart(NULL, 1, TRUE, NULL));
	refused(FOREIGN_OBJECT, NULL, NdisAdvanceNetBufferListDataStart(NULL, 1, TRUE, NULL));
	refused(DATA, b->nb, NdisAdvanceNetBufferDataStart(b->nb, 51, TRUE, NULL));
	refused(DATA, b->nb, NdisAdvanceNetBufferListDataStart(b->nbl, most, TRUE, NULL));
	fails(NdisAdvanceNetBufferDataStart(b->nb, 0, TRUE, NULL));
	refused(FOREIGN_OBJECT, NULL, NdisAdjustNetBufferCurrentMdl(NULL));
	refused(FOREIGN_OBJECT, NULL, assert_null(NdisGetDataBuffer(NULL, 1, data, 1, 0)));
	fails(assert_null(NdisGetDataBuffer(b->nb, 0, data, 1, 0)));
	fails(assert_null(NdisGetDataBuffer(b->nb, 51, data, 1, 0)));
	fails(assert_null(NdisGetDataBuffer(b->nb, most, data, 0, most)));
	refused(FOREIGN_OBJECT, NULL,
		NdisCopyFromNetBufferToNetBuffer(NULL, 0, 1, b->nb, 0, &copied));
	refused(FOREIGN_OBJECT, NULL,
		NdisCopyFromNetBufferToNetBuffer(b->nb, 0, 1, NULL, 0, &copied));
	refused(FOREIGN_OBJECT, NULL, NdisCopySendNetBufferListInfo(NULL, b->nbl));
	refused(FOREIGN_OBJECT, NULL, NdisCopyReceiveNetBufferListInfo(b->nbl, NULL));
}

static void derived(struct bed *b)
{
	NET_BUFFER_LIST *out = b->nbl;
	const ULONG unknown = 0x80000000;

	refused(FOREIGN_OBJECT, NULL,
		assert_null(NdisAllocateCloneNetBufferList(NULL, NULL, NULL, 0)));
	fails(assert_null(NdisAllocateCloneNetBufferList(b->nbl, NULL, NULL, unknown)));
	refused(FOREIGN_HANDLE, b->nbs,
		assert_null(NdisAllocateCloneNetBufferList(b->nbl, b->nbs, NULL, 0)));
	refused(FOREIGN_OBJECT, NULL, NdisFreeCloneNetBufferList(NULL, 0));
	refused(WRONG_FREE, b->nbl, NdisFreeCloneNetBufferList(b->nbl, 0));
	refused(WRONG_FREE, b->nbl, NdisFreeCloneNetBufferList(b->nbl, unknown));
	fails(assert_int_equal(FwpsAllocateCloneNetBufferList0(b->nbl, NULL, NULL, 0, NULL),
		STATUS_INVALID_PARAMETER));
	fails(assert_int_equal(FwpsAllocateCloneNetBufferList0(b->nbl, NULL, NULL, unknown, &out),
		STATUS_INVALID_PARAMETER));
	assert_null(out);
	refused(FOREIGN_OBJECT, NULL, FwpsFreeCloneNetBufferList0(NULL, 0));
	refused(WRONG_FREE, b->nbl, FwpsFreeCloneNetBufferList0(b->nbl, 0));
	refused(FOREIGN_OBJECT, NULL, FwpsAllocateDeepCloneNetBufferList0(NULL, NULL, NULL, &out));
	fails(assert_null(NdisAllocateFragmentNetBufferList(
		b->nbl, NULL, NULL, 0, 0, 0, 0, 0))); /* fragments of no bytes */
	fails(assert_null(
		NdisAllocateFragmentNetBufferList(b->nbl, NULL, NULL, UINT32_MAX, 1, 0, 0, 0)));
	fails(assert_null(
		NdisAllocateReassembledNetBufferList(b->nbl, b->pool, UINT32_MAX, 0, 0, 0)));
	refused(FOREIGN_OBJECT, NULL, NdisFreeFragmentNetBufferList(NULL, 0, 0));
	refused(FOREIGN_OBJECT, NULL, NdisFreeReassembledNetBufferList(NULL, 0, 0));
	refused(FOREIGN_OBJECT, NULL, FwpsReferenceNetBufferList0(NULL, FALSE));
	refused(FOREIGN_OBJECT, NULL, FwpsDereferenceNetBufferList0(NULL, FALSE));
	refused(REFERENCE, b->nbl, FwpsDereferenceNetBufferList0(b->nbl, FALSE));
}

static void mdls(struct bed *b)
{
	fails(assert_null(IoAllocateMdl(data, UINT32_MAX, FALSE, FALSE, NULL)));
	fails(assert_null(NdisAllocateMdl(NULL, data, UINT32_MAX)));
	MDL *none = NdisAllocateMdl(NULL, NULL, 0); /* of no bytes, nowhere */
	assert_non_null(none);
	refused(DATA, none, IoBuildPartialMdl(b->mdl, none, NULL, 1));
	refused(DATA, none, IoBuildPartialMdl(b->mdl, none, data, DATA_BYTES + 1));
	refused(FOREIGN_OBJECT, NULL, IoBuildPartialMdl(NULL, none, data, 1));
	refused(FOREIGN_OBJECT, NULL, IoBuildPartialMdl(b->mdl, NULL, data, 1));
	refused(DATA, none, MmInitializeMdl(none, data, SIZE_MAX));
	refused(FOREIGN_OBJECT, NULL, MmInitializeMdl(NULL, data, 1));
	refused(FOREIGN_OBJECT, NULL, MmBuildMdlForNonPagedPool(NULL));
	NdisFreeMdl(none);
	refused(FOREIGN_OBJECT, NULL, IoFreeMdl(NULL));
	refused(FOREIGN_OBJECT, NULL, NdisFreeMdl(NULL));
}

static void every_call(NO_STATE)
{
	for (int verify = 0; verify < 2; verify++) {
		struct bed bed = make(verify);

		lists(&bed);
		buffers(&bed);
		contexts_of(&bed);
		data_of(&bed);
		derived(&bed);
		mdls(&bed);
		unmake(&bed);
	}
}

/* Chains that go round: every call that walks one finds it, in ordinary pools too. */
static void chains_in_a_circle(NO_STATE)
{
	for (int verify = 0; verify < 2; verify++) {
		struct bed b = make(verify);
		NET_BUFFER *more[2];

		for (int i = 0; i < 2; i++) {
			more[i] = NdisAllocateNetBuffer(b.nbs, b.mdl, 10, 50);
			assert_non_null(more[i]);
		}
		/* NBs: two before the circle, and one that is its own. */
		for (int own = 0; own < 2; own++) {
			b.nb->Next = own ? b.nb : more[0];
			more[0]->Next = more[1];
			more[1]->Next = more[0];
			fails(assert_int_equal(
				NdisRetreatNetBufferListDataStart(b.nbl, 20, 0, NULL, NULL),
				NDIS_STATUS_FAILURE));
			refused(DATA, misuses.last.object,
				NdisAdvanceNetBufferListDataStart(b.nbl, 10, TRUE, NULL));
			fails(assert_null(NdisAllocateCloneNetBufferList(b.nbl, NULL, NULL, 0)));
			fails(assert_null(NdisAllocateFragmentNetBufferList(
				b.nbl, NULL, NULL, 0, 10, 0, 0, 0)));
			fails(assert_null(
				NdisAllocateReassembledNetBufferList(b.nbl, b.pool, 0, 0, 0, 0)));
		}
		b.nb->Next = NULL;

		/* MDLs. */
		b.mdl->Next = b.mdl;
		fails(assert_null(
			NdisAllocateNetBufferAndNetBufferList(b.pool, 0, 0, b.mdl, UINT32_MAX, 1)));
		b.nb->DataOffset = UINT32_MAX;
		refused(DATA, b.nb, NdisAdjustNetBufferCurrentMdl(b.nb));
		b.nb->DataOffset = b.nb_before.DataOffset;
		b.mdl->Next = NULL;

		/* A clone's NBs and MDLs, and the contexts of a clone and of an NBL. */
		NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(b.nbl, NULL, NULL, 0);
		assert_non_null(clone);
		clone->FirstNetBuffer->Next = clone->FirstNetBuffer;
		refused(WRONG_FREE, clone, NdisFreeCloneNetBufferList(clone, 0));
		clone->FirstNetBuffer->Next = NULL;
		MDL *part = clone->FirstNetBuffer->MdlChain;
		part->Next = part;
		refused(WRONG_FREE, clone, NdisFreeCloneNetBufferList(clone, 0));
		part->Next = NULL;
		NET_BUFFER_LIST *const owners[] = {clone, b.nbl};
		for (int i = 0; i < 2; i++) {
			assert_int_equal(
				NdisAllocateNetBufferListContext(owners[i], 32, 0, OTHER_TAG),
				NDIS_STATUS_SUCCESS);
			owners[i]->Context->Next = owners[i]->Context;
			refused(CONTEXT_OUTSTANDING, owners[i],
				i == 0 ? NdisFreeCloneNetBufferList(clone, 0)
				       : NdisFreeNetBufferList(b.nbl));
			owners[i]->Context->Next = NULL;
			NdisFreeNetBufferListContext(owners[i], 32);
		}
		NdisFreeCloneNetBufferList(clone, 0);
		for (int i = 0; i < 2; i++)
			NdisFreeNetBuffer(more[i]);
		b.before.NdisReserved[1] = b.nbl->NdisReserved[1]; /* what the policy keeps */
		unmake(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(no_pool),
		counted_test(every_call),
		counted_test(chains_in_a_circle),
	};

	nbl_set_default_capacity(TEST_CAPACITY);
	return cmocka_run_group_tests_name("bad input", tests, NULL, NULL);
}
