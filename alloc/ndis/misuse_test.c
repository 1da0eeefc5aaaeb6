/*
 * Misuse by a driver: 100,000 of each kind through a counting handler, every one found, every
 * report complete and nothing changed; what release builds of ordinary pools do not look for, as
 * nblbench.h says; and the default handler, in a child process, by its message and its end.
 */
#include "alloc/ndis/support_test.h"

enum {
	FEW = 64,            /* allocations that meet what was freed last */
	TIMES_OTHERS = 1000, /* over strategies other than the default: they share the checks */
	/* There is one thread here, in which the thread sanitizer can find nothing. */
	TIMES = tsan_build ? TIMES_OTHERS : 100000,
};

/* Everything that a misuse needs; made once, and whole again after each. */
struct victim {
	NDIS_HANDLE pool;
	NDIS_HANDLE nbs;
	MDL *mdl;
	NET_BUFFER_LIST *nbl;      /* live, with 16 bytes of allocation-time context */
	NET_BUFFER_LIST *with_ctx; /* live, with 32 bytes of context on it */
	NET_BUFFER_LIST *freed;
	NET_BUFFER *freed_embedded; /* its NB */
	NET_BUFFER_LIST *clone;
	NET_BUFFER_LIST copy; /* of a live one */
	NET_BUFFER *nb;
	NET_BUFFER *freed_nb;
	MDL *freed_mdl;
};

static unsigned times; /* that each misuse is committed */

static NDIS_HANDLE pool_to_test(bool verify)
{
	return verify ? verify_pool(32) : list_pool(TRUE, 0, 32);
}

/* True if a get finds what was put last, so that a single thread uses one object all the time. */
static bool returns_last_put(void)
{
	NDIS_HANDLE pool = list_pool(FALSE, 0, 0);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	NdisFreeNetBufferList(nbl);
	NET_BUFFER_LIST *again = NdisAllocateNetBufferList(pool, 0, 0);
	NdisFreeNetBufferList(again);
	free_pool(pool);
	return again == nbl;
}

static void victim_make(struct victim *v, bool verify)
{
	static UCHAR byte;

	v->pool = pool_to_test(verify);
	v->nbs = verify ? nb_verify_pool() : nb_pool(0);
	v->mdl = test_mdl(100);
	v->nbl = NdisAllocateNetBufferAndNetBufferList(v->pool, 16, 0, v->mdl, 0, 100);
	v->with_ctx = NdisAllocateNetBufferList(v->pool, 0, 0);
	assert_int_equal(NdisAllocateNetBufferListContext(v->with_ctx, 32, 0, OTHER_TAG),
		NDIS_STATUS_SUCCESS);
	v->freed = NdisAllocateNetBufferList(v->pool, 0, 0);
	v->freed_embedded = v->freed->FirstNetBuffer;
	v->clone = NdisAllocateCloneNetBufferList(v->nbl, v->pool, v->nbs, 0);
	v->nb = NdisAllocateNetBuffer(v->nbs, NULL, 0, 0);
	v->freed_nb = NdisAllocateNetBuffer(v->nbs, NULL, 0, 0);
	v->freed_mdl = NdisAllocateMdl(NULL, &byte, 1);
	v->copy = *v->nbl;
	NdisFreeNetBufferList(v->freed);
	NdisFreeNetBuffer(v->freed_nb);
	NdisFreeMdl(v->freed_mdl);
}

/* Everything comes back: the misuses have changed nothing. */
static void victim_free(struct victim *v)
{
	unsigned before = misuses.all;

	assert_int_equal(v->nbl->Context->Offset, 16);
	assert_int_equal(v->with_ctx->Context->Offset, 0);
	assert_int_equal(v->nbl->FirstNetBuffer->DataLength, 100);
	NdisFreeNetBufferListContext(v->with_ctx, 32);
	NdisFreeNetBufferList(v->with_ctx);
	NdisFreeCloneNetBufferList(v->clone, 0);
	NdisFreeNetBufferList(v->nbl);
	NdisFreeNetBuffer(v->nb);
	NdisFreeMdl(v->mdl);
	assert_int_equal(misuses.all, before);
	free_nb_pool(v->nbs);
	free_pool(v->pool);
}

/* A misuse that is one statement. */
#define COMMITS(name, statement)           \
	static void name(struct victim *v) \
	{                                  \
		(void)v;                   \
		statement;                 \
	}

COMMITS(double_free_nbl, NdisFreeNetBufferList(v->freed))
COMMITS(double_free_nbl_fwps, FwpsFreeNetBufferList0(v->freed))
COMMITS(double_free_nb, NdisFreeNetBuffer(v->freed_nb))
COMMITS(double_free_mdl, NdisFreeMdl(v->freed_mdl))

static void foreign_zero(struct victim *v)
{
	NET_BUFFER_LIST nbl = {.Flags = 0};

	(void)v;
	NdisFreeNetBufferList(&nbl);
}

COMMITS(foreign_copy, NdisFreeNetBufferList(&v->copy))
COMMITS(foreign_null, NdisFreeNetBufferList(NULL))

static void foreign_nb(struct victim *v)
{
	NET_BUFFER nbs[2] = {{.DataOffset = 0}, {.DataOffset = 0}};

	nbs[1].NdisPoolHandle = v->nbs;
	NdisFreeNetBuffer(&nbs[1]);
}
static void foreign_mdl(struct victim *v)
{
	struct {
		void *before[2];
		MDL mdl;
	} stray = {.mdl = *v->mdl};

	NdisFreeMdl(&stray.mdl);
}

COMMITS(handle_of_nbs, assert_null(NdisAllocateNetBufferList(v->nbs, 0, 0)))
COMMITS(handle_of_nbls, assert_null(NdisAllocateNetBuffer(v->pool, NULL, 0, 0)))

static void handle_stray(struct victim *v)
{
	NET_BUFFER_LIST *out;

	assert_int_equal(FwpsAllocateNetBufferAndNetBufferList0(v, 0, 0, NULL, 0, 0, &out),
		STATUS_INVALID_PARAMETER);
}

COMMITS(context_size, NdisFreeNetBufferListContext(v->with_ctx, 12))
COMMITS(context_overfree, NdisFreeNetBufferListContext(v->with_ctx, 48))
COMMITS(context_of_nbl, NdisFreeNetBufferListContext(v->nbl, 16))
COMMITS(context_outstanding, NdisFreeNetBufferList(v->with_ctx))
COMMITS(embedded_nb, NdisFreeNetBuffer(v->nbl->FirstNetBuffer))
COMMITS(clone_as_plain, NdisFreeNetBufferList(v->clone))
COMMITS(plain_as_clone, NdisFreeCloneNetBufferList(v->nbl, 0))
COMMITS(clone_other_flags, NdisFreeCloneNetBufferList(v->clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS))
COMMITS(pool_outstanding, NdisFreeNetBufferListPool(v->pool))
COMMITS(nb_pool_outstanding, NdisFreeNetBufferPool(v->nbs))
COMMITS(handle_of_nbs_freed, NdisFreeNetBufferListPool(v->nbs))

/* Where these are not found they do what they would with a live object, and undo it. */
static void use_after_free(struct victim *v)
{
	if (NdisAllocateNetBufferListContext(v->freed, 16, 0, OTHER_TAG) == NDIS_STATUS_SUCCESS)
		NdisFreeNetBufferListContext(v->freed, 16);
}
static void clone_after_free(struct victim *v)
{
	NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(v->freed, v->pool, v->nbs, 0);

	if (clone != NULL)
		NdisFreeCloneNetBufferList(clone, 0);
}
static void nb_after_free(struct victim *v)
{
	if (NdisRetreatNetBufferDataStart(v->freed_nb, 16, 0, NULL) == NDIS_STATUS_SUCCESS)
		NdisAdvanceNetBufferDataStart(v->freed_nb, 16, TRUE, NULL);
}

COMMITS(embedded_nb_after_free, NdisAdvanceNetBufferDataStart(v->freed_embedded, 0, FALSE, NULL))

static void copied_nb(struct victim *v)
{
	struct {
		UCHAR before[NBL_NB_OFFSET];
		NET_BUFFER nb;
	} copy = {.nb = *v->nbl->FirstNetBuffer};

	NdisAdjustNetBufferCurrentMdl(&copy.nb);
}

COMMITS(advance_too_far, NdisAdvanceNetBufferDataStart(v->nbl->FirstNetBuffer, 101, FALSE, NULL))

static void clones_outstanding(struct victim *v)
{
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(v->pool, 0, 0);
	unsigned before = misuses.all;

	nbl->ChildRefCount = 1;
	NdisFreeNetBufferList(nbl);
	if (misuses.all == before)
		return; /* it is gone */
	nbl->ChildRefCount = 0;
	NdisFreeNetBufferList(nbl);
}
static void clone_without_original(struct victim *v)
{
	NET_BUFFER_LIST *clone;

	FwpsAllocateCloneNetBufferList0(v->nbl, v->pool, v->nbs, 0, &clone);
	v->nbl->ChildRefCount = 0;
	FwpsFreeCloneNetBufferList0(clone, 0);
	clone->ParentNetBufferList = NULL;
	FwpsFreeCloneNetBufferList0(clone, 0);
}
static void clone_retreated(struct victim *v)
{
	NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(
		v->nbl, v->pool, v->nbs, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);

	NdisRetreatNetBufferDataStart(clone->FirstNetBuffer, 14, 0, NULL);
	NdisFreeCloneNetBufferList(clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
	NdisAdvanceNetBufferDataStart(clone->FirstNetBuffer, 14, TRUE, NULL);
	NdisFreeCloneNetBufferList(clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
}
static void partial_mdl_outside(struct victim *v)
{
	MDL part;

	MmInitializeMdl(&part, v, 1);
	IoBuildPartialMdl(v->mdl, &part, v, 1);
}

COMMITS(no_mdl, MmBuildMdlForNonPagedPool(NULL))

enum act_traits {
	NEEDS_CHECKS = 1,   /* found in verify pools and debug builds only */
	NEEDS_MEMORY = 2,   /* a freed object is looked at: only where its memory stays */
	OF_THE_LIBRARY = 4, /* the object is of a pool of the library's own, never a verify pool */
};

struct act {
	const char *name;
	void (*commit)(struct victim *v);
	enum nbl_misuse_kind kind;
	const char *call;
	uint32_t tag;    /* that the report names; 0: no pool is known */
	unsigned traits; /* enum act_traits */
};

#define ACT(name, kind, call, tag, traits)                         \
	{                                                          \
#name, name, NBL_MISUSE_##kind, #call, tag, traits \
	}
static const struct act acts[] = {
	ACT(double_free_nbl, DOUBLE_FREE, NdisFreeNetBufferList, TEST_TAG, NEEDS_MEMORY),
	ACT(double_free_nbl_fwps, DOUBLE_FREE, FwpsFreeNetBufferList0, TEST_TAG, NEEDS_MEMORY),
	ACT(double_free_nb, DOUBLE_FREE, NdisFreeNetBuffer, TEST_TAG, NEEDS_MEMORY),
	ACT(double_free_mdl, DOUBLE_FREE, NdisFreeMdl, MDLS_TAG, NEEDS_MEMORY | OF_THE_LIBRARY),
	ACT(foreign_zero, FOREIGN_OBJECT, NdisFreeNetBufferList, 0, 0),
	ACT(foreign_copy, FOREIGN_OBJECT, NdisFreeNetBufferList, TEST_TAG, 0),
	ACT(foreign_null, FOREIGN_OBJECT, NdisFreeNetBufferList, 0, 0),
	ACT(foreign_nb, FOREIGN_OBJECT, NdisFreeNetBuffer, TEST_TAG, 0),
	ACT(foreign_mdl, FOREIGN_OBJECT, NdisFreeMdl, 0, 0),
	ACT(handle_of_nbs, FOREIGN_HANDLE, NdisAllocateNetBufferList, TEST_TAG, 0),
	ACT(handle_of_nbls, FOREIGN_HANDLE, NdisAllocateNetBuffer, TEST_TAG, 0),
	ACT(handle_stray, FOREIGN_HANDLE, FwpsAllocateNetBufferAndNetBufferList0, 0, 0),
	ACT(handle_of_nbs_freed, FOREIGN_HANDLE, NdisFreeNetBufferListPool, TEST_TAG, 0),
	ACT(context_size, CONTEXT_SIZE, NdisFreeNetBufferListContext, TEST_TAG, 0),
	ACT(context_overfree, CONTEXT_OVERFREE, NdisFreeNetBufferListContext, TEST_TAG, 0),
	ACT(context_of_nbl, CONTEXT_OF_NBL, NdisFreeNetBufferListContext, TEST_TAG, 0),
	ACT(context_outstanding, CONTEXT_OUTSTANDING, NdisFreeNetBufferList, TEST_TAG, 0),
	ACT(embedded_nb, EMBEDDED_NB, NdisFreeNetBuffer, TEST_TAG, 0),
	ACT(clone_as_plain, WRONG_FREE, NdisFreeNetBufferList, TEST_TAG, 0),
	ACT(plain_as_clone, WRONG_FREE, NdisFreeCloneNetBufferList, TEST_TAG, 0),
	ACT(clone_other_flags, WRONG_FREE, NdisFreeCloneNetBufferList, TEST_TAG, 0),
	ACT(pool_outstanding, POOL_OUTSTANDING, NdisFreeNetBufferListPool, TEST_TAG, 0),
	ACT(nb_pool_outstanding, POOL_OUTSTANDING, NdisFreeNetBufferPool, TEST_TAG, 0),
	ACT(use_after_free, USE_AFTER_FREE, NdisAllocateNetBufferListContext, TEST_TAG,
		NEEDS_CHECKS | NEEDS_MEMORY),
	ACT(clone_after_free, USE_AFTER_FREE, NdisAllocateCloneNetBufferList, TEST_TAG,
		NEEDS_CHECKS | NEEDS_MEMORY),
	ACT(nb_after_free, USE_AFTER_FREE, NdisRetreatNetBufferDataStart, TEST_TAG,
		NEEDS_CHECKS | NEEDS_MEMORY),
	ACT(embedded_nb_after_free, USE_AFTER_FREE, NdisAdvanceNetBufferDataStart, TEST_TAG,
		NEEDS_CHECKS | NEEDS_MEMORY),
	ACT(copied_nb, FOREIGN_OBJECT, NdisAdjustNetBufferCurrentMdl, TEST_TAG, NEEDS_CHECKS),
	ACT(advance_too_far, DATA, NdisAdvanceNetBufferDataStart, TEST_TAG, 0),
	ACT(clones_outstanding, CLONES_OUTSTANDING, NdisFreeNetBufferList, TEST_TAG, NEEDS_CHECKS),
	ACT(clone_without_original, USE_AFTER_FREE, FwpsFreeCloneNetBufferList0, TEST_TAG, 0),
	ACT(clone_retreated, WRONG_FREE, NdisFreeCloneNetBufferList, TEST_TAG, 0),
	ACT(partial_mdl_outside, DATA, IoBuildPartialMdl, 0, 0),
	ACT(no_mdl, FOREIGN_OBJECT, MmBuildMdlForNonPagedPool, 0, 0),
};

/* What every report of an act must say. */
struct expected {
	const char *call;
	enum nbl_misuse_kind kind;
	unsigned complete; /* reports that said all of it */
};

static void expect_report(void *arg, const struct nbl_misuse *misuse)
{
	struct expected *e = arg;
	char object[32];
	char tag[16];

	snprintf(object, sizeof(object), "object %p)", misuse->object);
	snprintf(tag, sizeof(tag), "'%c%c%c%c'", (char)misuse->tag, (char)(misuse->tag >> 8),
		(char)(misuse->tag >> 16), (char)(misuse->tag >> 24));
	if (misuse->tag == 0)
		strcpy(tag, "'none'");
	e->complete += misuse->kind == e->kind && strcmp(misuse->call, e->call) == 0 &&
		       strstr(misuse->text, e->call) == misuse->text &&
		       strstr(misuse->text, nbl_misuse_name(e->kind)) != NULL &&
		       strstr(misuse->text, object) != NULL && strstr(misuse->text, tag) != NULL;
	count_misuse(&misuses, misuse);
}

/* True if an act is found in such a pool of this build, by nblbench.h's table. */
static bool is_found(const struct act *act, bool verify, bool memory_stays)
{
	if ((act->traits & NEEDS_CHECKS) && !verify && !debug_build)
		return false;
	return memory_stays || verify || !(act->traits & NEEDS_MEMORY);
}

/* A pool whose memory a general allocator takes back on a free: a look at it is not defined. */
static bool is_defined(const struct act *act, bool verify, bool memory_stays)
{
	return memory_stays || !(act->traits & NEEDS_MEMORY) ||
	       (verify && !(act->traits & OF_THE_LIBRARY));
}

static void all_caught(bool verify)
{
	const bool stays = keeps_memory();
	struct victim v;

	victim_make(&v, verify);
	for (size_t i = 0; i < array_count(acts); i++) {
		const struct act *act = &acts[i];
		struct expected expected = {.call = act->call, .kind = act->kind};
		unsigned before = misuses.all;

		if (!is_defined(act, verify, stays))
			continue;
		nbl_set_misuse_handler(expect_report, &expected);
		if (is_found(act, verify, stays)) {
			for (unsigned n = 0; n < times; n++)
				act->commit(&v);
			if (expected.complete != times)
				print_error("%s\n", act->name);
			assert_int_equal(expected.complete, times);
			assert_int_equal(misuses.all, before + times);
			assert_int_equal(misuses.last.tag, act->tag);
		} else {
			act->commit(&v); /* as documented: nobody looks */
			assert_int_equal(misuses.all, before);
		}
		nbl_set_misuse_handler(count_misuse, &misuses);
	}
	victim_free(&v);
}

static void all_caught_in_ordinary_pools(NO_STATE)
{
	all_caught(false);
}

static void all_caught_in_verify_pools(NO_STATE)
{
	all_caught(true);
}

/*
 * A write to a free NBL is found when it is used again: at once in debug builds, later in verify.
 * Written as by code that the address sanitizer has not seen.
 */
__attribute__((no_sanitize_address)) static void write_scratch(NET_BUFFER_LIST *nbl)
{
	nbl->Scratch = nbl;
}

static void writes_after_free(bool verify)
{
	NDIS_HANDLE pool = pool_to_test(verify);
	const bool stays = keeps_memory();
	const bool found = verify || (debug_build && stays);
	unsigned writes = 0;

	for (; (verify || stays) && writes < times; writes++) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

		assert_non_null(nbl);
		NdisFreeNetBufferList(nbl);
		write_scratch(nbl);
	}
	/* An allocation finds the last one, if a put is what the next get finds. */
	NET_BUFFER_LIST *nbls[FEW];
	for (int i = 0; i < FEW; i++)
		nbls[i] = NdisAllocateNetBufferList(pool, 0, 0);
	for (int i = 0; i < FEW; i++) {
		if (nbls[i] != NULL)
			NdisFreeNetBufferList(nbls[i]);
	}
	/* Those still in quarantine leave it when the pool is freed. */
	NdisFreeNetBufferListPool(pool);
	assert_int_equal(misuses.count[NBL_MISUSE_USE_AFTER_FREE], misuses.all);
	if (found && (verify || returns_last_put()))
		assert_int_equal(misuses.all, writes);
	else if (!found)
		assert_int_equal(misuses.all, 0);
}

static void writes_after_free_in_ordinary_pools(NO_STATE)
{
	writes_after_free(false);
}

static void writes_after_free_in_verify_pools(NO_STATE)
{
	writes_after_free(true);
}

/* Any byte of an object counts: every one is hit once. */
__attribute__((no_sanitize_address)) static void flip_byte(void *object, size_t at)
{
	((UCHAR *)object)[at] ^= 1;
}

static void every_byte_of_a_verify_pool(NO_STATE)
{
	NDIS_HANDLE pool = verify_pool(32);
	const size_t bytes = ((struct nbl_pool *)pool)->object_bytes;
	const size_t policys = offsetof(NET_BUFFER_LIST, NdisReserved[1]); /* not ours to check */

	for (size_t at = 0; at < bytes; at++) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

		if (at - policys < sizeof(void *))
			at = policys + sizeof(void *);
		NdisFreeNetBufferList(nbl);
		flip_byte(nbl, at);
	}
	NdisFreeNetBufferListPool(pool);
	assert_int_equal(misuses.all, bytes - sizeof(void *));
	assert_int_equal(misuses.count[NBL_MISUSE_USE_AFTER_FREE], misuses.all);

	/* The same in a pool of NBs. */
	counting_setup(NULL);
	pool = nb_verify_pool();
	for (size_t at = 0; at < sizeof(NET_BUFFER); at++) {
		NET_BUFFER *nb = NdisAllocateNetBuffer(pool, NULL, 0, 0);

		NdisFreeNetBuffer(nb);
		flip_byte(nb, at);
	}
	NdisFreeNetBufferPool(pool);
	assert_int_equal(misuses.all, sizeof(NET_BUFFER));
	assert_int_equal(misuses.count[NBL_MISUSE_USE_AFTER_FREE], misuses.all);
}

/* A handler may call whatever it likes: no lock is held, not even when a pool ends. */
static void call_back(void *arg, const struct nbl_misuse *misuse)
{
	struct nbl_tag_usage row;

	nbl_tags(&row, 1);
	NDIS_HANDLE pool = list_pool(FALSE, 0, 0);
	NdisFreeNetBufferList(NdisAllocateNetBufferList(pool, 0, 0));
	NdisFreeNetBufferListPool(pool);
	count_misuse(arg, misuse);
}

static void handlers_may_call_back(NO_STATE)
{
	for (int verify = 0; verify < 2; verify++) {
		NDIS_HANDLE pool = pool_to_test(verify != 0);
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 16, 0);

		nbl_set_misuse_handler(call_back, &misuses);
		NdisFreeNetBufferListPool(pool);
		NdisFreeNetBufferListContext(nbl, 16);
		NdisFreeNetBufferList(nbl);
		if (verify)
			write_scratch(nbl);
		NdisFreeNetBufferListPool(pool);
	}
	assert_int_equal(misuses.all, 2 + 2 + 1);
}

/*
 * The default handler: one sentence with the call, the kind and the pool's tag, then abort.
 */

/* Commits one misuse with the default handler: in a child. */
static void commit_one(const void *arg)
{
	const struct act *act = arg;
	struct victim v;

	victim_make(&v, true);
	nbl_set_misuse_handler(NULL, NULL);
	act->commit(&v);
}

static void default_handler_prints_and_aborts(NO_STATE)
{
	for (size_t i = 0; i < array_count(acts); i++) {
		char text[CHILD_TEXT_BYTES];
		if (!is_defined(&acts[i], true, keeps_memory()))
			continue;
		int status = child_status(commit_one, &acts[i], text);
		char tag[8] = "'none'";

		if (acts[i].tag != 0)
			snprintf(tag, sizeof(tag), "'%.4s'", (const char *)&acts[i].tag);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
		assert_ptr_equal(strstr(text, acts[i].call), text);
		assert_non_null(strstr(text, nbl_misuse_name(acts[i].kind)));
		assert_non_null(strstr(text, tag));
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
	}
}

static void ask_for_216_bytes(const void *nothing)
{
	(void)nothing;
	nbl_set_misuse_handler(NULL, NULL);
	_exit(try_list_pool(TRUE, 0, 216) != NULL);
}

/* A pool that the relaxed rule would allow: the driver gets its NULL, and stderr says what to do. */
static void default_handler_advises_and_goes_on(NO_STATE)
{
	char text[CHILD_TEXT_BYTES];
	int status = child_status(ask_for_216_bytes, NULL, text);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_non_null(strstr(text, "216"));
	assert_non_null(strstr(text, "NBL_CONTEXT_ALIGNMENT=pointer"));
}

int main(void)
{
	/* The strategies share what follows the checks: over the others it is fewer of each. */
	const struct CMUnitTest over_strategies[] = {
		counted_test(all_caught_in_ordinary_pools),
		counted_test(all_caught_in_verify_pools),
		counted_test(writes_after_free_in_ordinary_pools),
		counted_test(writes_after_free_in_verify_pools),
		counted_test(every_byte_of_a_verify_pool),
	};
	const struct CMUnitTest tests[] = {
		counted_test(all_caught_in_ordinary_pools),
		counted_test(all_caught_in_verify_pools),
		counted_test(writes_after_free_in_ordinary_pools),
		counted_test(writes_after_free_in_verify_pools),
		counted_test(every_byte_of_a_verify_pool),
		counted_test(handlers_may_call_back),
		counted_test(default_handler_prints_and_aborts),
		counted_test(default_handler_advises_and_goes_on),
	};

	char why[NBL_REASON_BYTES];

	stay_on_this_cpu();
	if (nbl_set_default_context("malloc", why) != 0) {
		print_error("%s\n", why);
		return 1;
	}
	nbl_set_default_capacity(TEST_CAPACITY);
	times = TIMES;
	int failed = cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
	times = TIMES_OTHERS;
	return failed + run_over_strategies("misuse", over_strategies);
}
