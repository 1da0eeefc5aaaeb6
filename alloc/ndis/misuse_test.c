/*
 * Misuse by a driver: 100,000 of each kind through a counting handler, every one found, every
 * report complete and nothing changed; what release builds of ordinary pools do not look for, as
 * nblbench.h says; and the default handler, in a child process, by its message and its end.
 *
 * The argument `full` commits a million of each.
 */
#include "alloc/ndis/misuse_acts.h"
#include "alloc/ndis/support_test.h"

enum {
	FEW = 64,            /* allocations that meet what was freed last */
	TIMES_OTHERS = 1000, /* over strategies other than the default: they share the checks */
	/* There is one thread here, in which the thread sanitizer can find nothing. */
	TIMES = tsan_build ? TIMES_OTHERS : 100000,
	TIMES_FULL = 1000000,
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

static void victim_make(struct misuse_victim *v, bool verify)
{
	assert_true(misuse_victim_make(v, verify));
}

/* Everything comes back: the misuses have changed nothing. */
static void victim_free(struct misuse_victim *v)
{
	unsigned before = misuses.all;

	assert_true(misuse_victim_is_whole(v));
	misuse_victim_free(v);
	assert_int_equal(misuses.all, before);
}

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
static bool is_found(const struct misuse_act *act, bool verify, bool memory_stays)
{
	if ((act->traits & NEEDS_CHECKS) && !verify && !debug_build)
		return false;
	return memory_stays || verify || !(act->traits & NEEDS_MEMORY);
}

/* A pool whose memory a general allocator takes back on a free: a look at it is not defined. */
static bool is_defined(const struct misuse_act *act, bool verify, bool memory_stays)
{
	return memory_stays || !(act->traits & NEEDS_MEMORY) ||
	       (verify && !(act->traits & OF_THE_LIBRARY));
}

static void all_caught(bool verify)
{
	const bool stays = keeps_memory();
	struct misuse_victim v;

	victim_make(&v, verify);
	for (size_t i = 0; misuse_act(i) != NULL; i++) {
		const struct misuse_act *act = misuse_act(i);
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
		} else if (!(act->traits & IS_LOST)) {
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

/* What takes an object or an MDL with it where it is not found. */
static void not_looked_for_in_ordinary_pools(NO_STATE)
{
	if (debug_build)
		return;
	NDIS_HANDLE pool = pool_to_test(false);
	NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

	assert_non_null(nbl);
	nbl->ChildRefCount = 1;
	NdisFreeNetBufferList(nbl);
	assert_int_equal(misuses.all, 0);
	free_pool(pool);
}

/* Each row of nblbench.h's table, in its order, has its acts here or says why not. */
static void every_row_of_the_table(NO_STATE)
{
	FILE *header = fopen(NBLBENCH_HEADER, "re");
	char line[256];
	size_t rows = 0;

	assert_non_null(header);
	while (fgets(line, sizeof(line), header) != NULL) {
		/* "an object is freed that is free already           found (1)  found (1) found" */
		const char *text = strncmp(line, " *\t", 3) == 0 ? line + 3 : "";
		const char *end = strstr(text, "  ");

		if (end == NULL || end == text || text[0] == ' ')
			continue;
		assert_in_range(rows, 0, array_count(misuse_rows) - 1);
		const struct misuse_row *row = &misuse_rows[rows++];
		assert_int_equal(strlen(row->text), end - text);
		assert_memory_equal(row->text, text, (size_t)(end - text));
		assert_true((row->no_act == NULL) == (row->acts[0].name != NULL));
	}
	fclose(header);
	assert_int_equal(rows, array_count(misuse_rows));
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

/* As write_scratch. */
__attribute__((no_sanitize_address)) static void spoil_mark(NET_BUFFER_LIST *nbl, ULONG_PTR bits)
{
	nbl->NdisReserved[0] = (PVOID)((ULONG_PTR)nbl->NdisReserved[0] ^ bits);
}

/*
 * Where nothing else looks, the next owner's free finds that the mark was overwritten, and frees nothing: also where it
 * says something else of the pool.
 */
static void a_mark_that_is_written_after_free(NO_STATE)
{
	static const ULONG_PTR bits[] = {PAGE_SIZE, NBL_MARK_UNUSUAL, NBL_MARK_CHECKS};

	if (debug_build || !keeps_memory() || !returns_last_put()) {
		print_message("every pool checks here, or the next get is another object\n");
		skip();
	}
	NDIS_HANDLE pool = pool_to_test(false);

	for (size_t i = 0; i < array_count(bits); i++) {
		NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);

		assert_non_null(nbl);
		NdisFreeNetBufferList(nbl);
		spoil_mark(nbl, bits[i]);
		assert_ptr_equal(NdisAllocateNetBufferList(pool, 0, 0), nbl);
		expect_misuse(NBL_MISUSE_FOREIGN_OBJECT, nbl, NdisFreeNetBufferList(nbl));
		spoil_mark(nbl, bits[i]);
		NdisFreeNetBufferList(nbl);
	}
	NdisFreeNetBufferListPool(pool);
	assert_int_equal(misuses.all, array_count(bits));
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
	const struct misuse_act *act = arg;
	struct misuse_victim v;

	victim_make(&v, true);
	nbl_set_misuse_handler(NULL, NULL);
	act->commit(&v);
}

static void default_handler_prints_and_aborts(NO_STATE)
{
	for (size_t i = 0; misuse_act(i) != NULL; i++) {
		const struct misuse_act *act = misuse_act(i);
		char text[CHILD_TEXT_BYTES];
		if (!is_defined(act, true, keeps_memory()))
			continue;
		int status = child_status(commit_one, act, text);
		char tag[8] = "'none'";

		if (act->tag != 0)
			snprintf(tag, sizeof(tag), "'%.4s'", (const char *)&act->tag);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
		assert_ptr_equal(strstr(text, act->call), text);
		assert_non_null(strstr(text, nbl_misuse_name(act->kind)));
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

int main(int argc, char **argv)
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
		counted_test(every_row_of_the_table),
		counted_test(not_looked_for_in_ordinary_pools),
		counted_test(writes_after_free_in_ordinary_pools),
		counted_test(writes_after_free_in_verify_pools),
		counted_test(a_mark_that_is_written_after_free),
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
	times = argc > 1 && strcmp(argv[1], "full") == 0 ? TIMES_FULL : TIMES;
	int failed = cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
	times = TIMES_OTHERS;
	return failed + run_over_strategies("misuse", over_strategies);
}
