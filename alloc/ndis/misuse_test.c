/*
 * Misuse by a driver: 100,000 of each kind through a counting handler, every one found and nothing
 * changed; and the default handler, in a child process, by its message and its end.
 */
#include "alloc/ndis/support_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMES = 100000 };

/* Everything that a misuse needs; made once, and whole again after each. */
struct victim {
	NDIS_HANDLE pool;
	NDIS_HANDLE nbs;
	MDL *mdl;
	NET_BUFFER_LIST *nbl;      /* live, with 16 bytes of allocation-time context */
	NET_BUFFER_LIST *with_ctx; /* live, with 32 bytes of context on it */
	NET_BUFFER_LIST *freed;
	NET_BUFFER_LIST *clone;
	NET_BUFFER_LIST copy; /* of a live one */
	NET_BUFFER *nb;
	NET_BUFFER *freed_nb;
	MDL *freed_mdl;
};

static NDIS_HANDLE pool_to_test(bool verify)
{
	return verify ? verify_pool(32) : list_pool(TRUE, 0, 32);
}

static void victim_make(struct victim *v, bool verify)
{
	static UCHAR byte;

	v->pool = pool_to_test(verify);
	v->nbs = nb_pool(0);
	v->mdl = test_mdl(100);
	v->nbl = NdisAllocateNetBufferAndNetBufferList(v->pool, 16, 0, v->mdl, 0, 100);
	v->with_ctx = NdisAllocateNetBufferList(v->pool, 0, 0);
	assert_int_equal(NdisAllocateNetBufferListContext(v->with_ctx, 32, 0, OTHER_TAG),
		NDIS_STATUS_SUCCESS);
	v->freed = NdisAllocateNetBufferList(v->pool, 0, 0);
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

static void double_free_nbl(struct victim *v)
{
	NdisFreeNetBufferList(v->freed);
}
static void double_free_nbl_fwps(struct victim *v)
{
	FwpsFreeNetBufferList0(v->freed);
}
static void double_free_nb(struct victim *v)
{
	NdisFreeNetBuffer(v->freed_nb);
}
static void double_free_mdl(struct victim *v)
{
	NdisFreeMdl(v->freed_mdl);
}
static void foreign_zero(struct victim *v)
{
	NET_BUFFER_LIST nbl = {.Flags = 0};

	(void)v;
	NdisFreeNetBufferList(&nbl);
}
static void foreign_copy(struct victim *v)
{
	NdisFreeNetBufferList(&v->copy);
}
static void foreign_null(struct victim *v)
{
	(void)v;
	NdisFreeNetBufferList(NULL);
}
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
static void handle_of_nbs(struct victim *v)
{
	assert_null(NdisAllocateNetBufferList(v->nbs, 0, 0));
}
static void handle_of_nbls(struct victim *v)
{
	assert_null(NdisAllocateNetBuffer(v->pool, NULL, 0, 0));
}
static void handle_stray(struct victim *v)
{
	NET_BUFFER_LIST *out;

	assert_int_equal(FwpsAllocateNetBufferAndNetBufferList0(v, 0, 0, NULL, 0, 0, &out),
		STATUS_INVALID_PARAMETER);
}
static void context_size(struct victim *v)
{
	NdisFreeNetBufferListContext(v->with_ctx, 12);
}
static void context_overfree(struct victim *v)
{
	NdisFreeNetBufferListContext(v->with_ctx, 48);
}
static void context_of_nbl(struct victim *v)
{
	NdisFreeNetBufferListContext(v->nbl, 16);
}
static void context_outstanding(struct victim *v)
{
	NdisFreeNetBufferList(v->with_ctx);
}
static void embedded_nb(struct victim *v)
{
	NdisFreeNetBuffer(v->nbl->FirstNetBuffer);
}
static void clone_as_plain(struct victim *v)
{
	NdisFreeNetBufferList(v->clone);
}
static void plain_as_clone(struct victim *v)
{
	NdisFreeCloneNetBufferList(v->nbl, 0);
}
static void clone_other_flags(struct victim *v)
{
	NdisFreeCloneNetBufferList(v->clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
}
static void pool_outstanding(struct victim *v)
{
	NdisFreeNetBufferListPool(v->pool);
}
static void nb_pool_outstanding(struct victim *v)
{
	NdisFreeNetBufferPool(v->nbs);
}
static void use_after_free(struct victim *v)
{
	assert_int_equal(
		NdisAllocateNetBufferListContext(v->freed, 16, 0, OTHER_TAG), NDIS_STATUS_FAILURE);
}
static void clone_after_free(struct victim *v)
{
	assert_null(NdisAllocateCloneNetBufferList(v->freed, NULL, NULL, 0));
}
static void advance_too_far(struct victim *v)
{
	NdisAdvanceNetBufferDataStart(v->nbl->FirstNetBuffer, 101, FALSE, NULL);
}

static const struct {
	const char *name;
	void (*commit)(struct victim *v);
	enum nbl_misuse_kind kind;
	const char *call;
	bool needs_checks; /* found in verify pools and debug builds only */
} acts[] = {
	{"double_free_nbl", double_free_nbl, NBL_MISUSE_DOUBLE_FREE, "NdisFreeNetBufferList",
		false},
	{"double_free_nbl_fwps", double_free_nbl_fwps, NBL_MISUSE_DOUBLE_FREE,
		"FwpsFreeNetBufferList0", false},
	{"double_free_nb", double_free_nb, NBL_MISUSE_DOUBLE_FREE, "NdisFreeNetBuffer", false},
	{"double_free_mdl", double_free_mdl, NBL_MISUSE_DOUBLE_FREE, "NdisFreeMdl", false},
	{"foreign_zero", foreign_zero, NBL_MISUSE_FOREIGN_OBJECT, "NdisFreeNetBufferList", false},
	{"foreign_copy", foreign_copy, NBL_MISUSE_FOREIGN_OBJECT, "NdisFreeNetBufferList", false},
	{"foreign_null", foreign_null, NBL_MISUSE_FOREIGN_OBJECT, "NdisFreeNetBufferList", false},
	{"foreign_nb", foreign_nb, NBL_MISUSE_FOREIGN_OBJECT, "NdisFreeNetBuffer", false},
	{"foreign_mdl", foreign_mdl, NBL_MISUSE_FOREIGN_OBJECT, "NdisFreeMdl", false},
	{"handle_of_nbs", handle_of_nbs, NBL_MISUSE_FOREIGN_HANDLE, "NdisAllocateNetBufferList",
		false},
	{"handle_of_nbls", handle_of_nbls, NBL_MISUSE_FOREIGN_HANDLE, "NdisAllocateNetBuffer",
		false},
	{"handle_stray", handle_stray, NBL_MISUSE_FOREIGN_HANDLE,
		"FwpsAllocateNetBufferAndNetBufferList0", false},
	{"context_size", context_size, NBL_MISUSE_CONTEXT_SIZE, "NdisFreeNetBufferListContext",
		false},
	{"context_overfree", context_overfree, NBL_MISUSE_CONTEXT_OVERFREE,
		"NdisFreeNetBufferListContext", false},
	{"context_of_nbl", context_of_nbl, NBL_MISUSE_CONTEXT_OF_NBL,
		"NdisFreeNetBufferListContext", false},
	{"context_outstanding", context_outstanding, NBL_MISUSE_CONTEXT_OUTSTANDING,
		"NdisFreeNetBufferList", false},
	{"embedded_nb", embedded_nb, NBL_MISUSE_EMBEDDED_NB, "NdisFreeNetBuffer", false},
	{"clone_as_plain", clone_as_plain, NBL_MISUSE_WRONG_FREE, "NdisFreeNetBufferList", false},
	{"plain_as_clone", plain_as_clone, NBL_MISUSE_WRONG_FREE, "NdisFreeCloneNetBufferList",
		false},
	{"clone_other_flags", clone_other_flags, NBL_MISUSE_WRONG_FREE,
		"NdisFreeCloneNetBufferList", false},
	{"pool_outstanding", pool_outstanding, NBL_MISUSE_POOL_OUTSTANDING,
		"NdisFreeNetBufferListPool", false},
	{"nb_pool_outstanding", nb_pool_outstanding, NBL_MISUSE_POOL_OUTSTANDING,
		"NdisFreeNetBufferPool", false},
	{"use_after_free", use_after_free, NBL_MISUSE_USE_AFTER_FREE,
		"NdisAllocateNetBufferListContext", true},
	{"clone_after_free", clone_after_free, NBL_MISUSE_USE_AFTER_FREE,
		"NdisAllocateCloneNetBufferList", true},
	{"advance_too_far", advance_too_far, NBL_MISUSE_DATA, "NdisAdvanceNetBufferDataStart",
		false},
};

static void all_caught(bool verify)
{
	struct victim v;

	victim_make(&v, verify);
	for (size_t i = 0; i < array_count(acts); i++) {
		if (acts[i].needs_checks && !verify && !debug_build)
			continue;
		unsigned before = misuses.all;
		unsigned before_kind = misuses.count[acts[i].kind];

		for (int n = 0; n < TIMES; n++)
			acts[i].commit(&v);
		if (misuses.count[acts[i].kind] != before_kind + TIMES)
			print_error("%s\n", acts[i].name);
		assert_int_equal(misuses.count[acts[i].kind], before_kind + TIMES);
		assert_int_equal(misuses.all, before + TIMES);
		assert_string_equal(misuses.last.call, acts[i].call);
	}
	victim_free(&v);
}

static void all_caught_in_ordinary_pools(void **state)
{
	(void)state;
	all_caught(false);
}

static void all_caught_in_verify_pools(void **state)
{
	(void)state;
	all_caught(true);
}

/*
 * A write to a free NBL is found when it is used again: at once in debug builds, later in verify.
 */
static void writes_after_free(bool verify)
{
	NDIS_HANDLE pool = pool_to_test(verify);
	enum { WRITES = TIMES / 10 };

	if (!verify && !debug_build)
		skip();
	for (int n = 0; n < WRITES; n++) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

		assert_non_null(nbl);
		NdisFreeNetBufferList(nbl);
		nbl->Scratch = pool;
	}
	/* Those still in quarantine or not allocated again leave it when the pool is freed. */
	NET_BUFFER_LIST *last = NdisAllocateNetBufferList(pool, 0, 0);
	NdisFreeNetBufferList(last);
	NdisFreeNetBufferListPool(pool);
	assert_int_equal(misuses.count[NBL_MISUSE_USE_AFTER_FREE], misuses.all);
	assert_int_equal(misuses.all, WRITES);
}

static void writes_after_free_in_ordinary_pools(void **state)
{
	(void)state;
	writes_after_free(false);
}

static void writes_after_free_in_verify_pools(void **state)
{
	(void)state;
	writes_after_free(true);
}

/*
 * The default handler: one sentence with the call, the kind and the pool's tag, then abort.
 */

/* Commits one misuse in a child with the default handler; its stderr goes into text. */
static int status_of_child(size_t act, char *text, size_t bytes)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct victim v;

		victim_make(&v, true);
		nbl_set_misuse_handler(NULL, NULL);
		dup2(ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL); /* cmocka has one of its own */
		acts[act].commit(&v);
		_exit(0);
	}
	close(ends[1]);
	size_t used = 0;
	ssize_t got;
	while (used < bytes - 1 && (got = read(ends[0], text + used, bytes - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void default_handler_prints_and_aborts(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_count(acts); i++) {
		char text[1024];
		int status = status_of_child(i, text, sizeof(text));

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
		assert_non_null(strstr(text, acts[i].call));
		assert_non_null(strstr(text, nbl_misuse_name(acts[i].kind)));
		if (acts[i].kind != NBL_MISUSE_FOREIGN_OBJECT &&
			acts[i].kind != NBL_MISUSE_FOREIGN_HANDLE &&
			acts[i].commit != double_free_mdl)
			assert_non_null(strstr(text, "'Test'"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted_test(all_caught_in_ordinary_pools),
		counted_test(all_caught_in_verify_pools),
		counted_test(writes_after_free_in_ordinary_pools),
		counted_test(writes_after_free_in_verify_pools),
		counted_test(default_handler_prints_and_aborts),
	};

	char why[NBL_REASON_BYTES];

	if (nbl_set_default_context("malloc", why) != 0) {
		print_error("%s\n", why);
		return 1;
	}
	nbl_set_default_capacity(TEST_CAPACITY);
	return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
