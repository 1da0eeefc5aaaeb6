/*
 * What the tests of the documented calls share: pools in one line, a misuse handler that counts, a
 * run over all strategies.
 */
#ifndef ALLOC_NDIS_SUPPORT_TEST_H
#define ALLOC_NDIS_SUPPORT_TEST_H

#include "alloc/memory.h"
#include "alloc/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"
#include "alloc/pool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEST_TAG = 0x74736554 /* 'Test' */, OTHER_TAG = 0x7268744f /* 'Othr' */ };

/*
 * Misuse: counted, per kind, and the last one kept. Only the thread that runs the test commits any.
 */
struct misuses {
	unsigned count[NBL_MISUSE_KINDS];
	unsigned all;
	struct nbl_misuse last;
};

static struct misuses misuses;

static inline void count_misuse(void *arg, const struct nbl_misuse *misuse)
{
	struct misuses *m = arg;

	m->count[misuse->kind]++;
	m->all++;
	m->last = *misuse;
	m->last.text = NULL; /* valid during the call only */
}

/* Runs a statement and expects exactly one misuse of that kind, on that object. */
#define expect_misuse(misuse_kind, misused, statement)                                     \
	do {                                                                               \
		unsigned before_ = misuses.all;                                            \
		statement;                                                                 \
		assert_int_equal(misuses.all, before_ + 1);                                \
		assert_string_equal(                                                       \
			nbl_misuse_name(misuses.last.kind), nbl_misuse_name(misuse_kind)); \
		assert_ptr_equal(misuses.last.object, (misused));                          \
	} while (0)

/*
 * Children: what ends the process that does it.
 */

enum { CHILD_TEXT_BYTES = 4096 };

/* Runs body(arg) in a child, whose stderr goes into text (CHILD_TEXT_BYTES); as waitpid tells. */
static inline int child_status(void (*body)(const void *), const void *arg, char *text)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL); /* cmocka has handlers of its own */
		signal(SIGSEGV, SIG_DFL);
		body(arg);
		_exit(0);
	}
	close(ends[1]);
	size_t used = 0;
	ssize_t got;
	while (used < CHILD_TEXT_BYTES - 1 &&
		(got = read(ends[0], text + used, CHILD_TEXT_BYTES - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/*
 * Pools.
 */

static inline NET_BUFFER_LIST_POOL_PARAMETERS list_parameters(
	BOOLEAN with_nb, ULONG data_bytes, USHORT context_bytes)
{
	return (NET_BUFFER_LIST_POOL_PARAMETERS){
		.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
			.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
			.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
		.fAllocateNetBuffer = with_nb,
		.ContextSize = context_bytes,
		.PoolTag = TEST_TAG,
		.DataSize = data_bytes,
	};
}

/* NULL if the pool cannot be made. */
static inline NDIS_HANDLE try_list_pool(BOOLEAN with_nb, ULONG data_bytes, USHORT context_bytes)
{
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(with_nb, data_bytes, context_bytes);

	return NdisAllocateNetBufferListPool(NULL, &p);
}

static inline NDIS_HANDLE list_pool(BOOLEAN with_nb, ULONG data_bytes, USHORT context_bytes)
{
	NDIS_HANDLE pool = try_list_pool(with_nb, data_bytes, context_bytes);

	assert_non_null(pool);
	return pool;
}

static inline NDIS_HANDLE verify_pool(USHORT context_bytes)
{
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(TRUE, 0, context_bytes);

	p.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2;
	p.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2;
	p.Flags = NET_BUFFER_LIST_POOL_FLAG_VERIFY;
	NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &p);
	assert_non_null(pool);
	return pool;
}

static inline NDIS_HANDLE nb_pool(ULONG data_bytes)
{
	NET_BUFFER_POOL_PARAMETERS p = {
		.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
			.Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_1,
			.Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
		.PoolTag = TEST_TAG,
		.DataSize = data_bytes,
	};
	NDIS_HANDLE pool = NdisAllocateNetBufferPool(NULL, &p);

	assert_non_null(pool);
	return pool;
}

static inline NDIS_HANDLE nb_verify_pool(void)
{
	NET_BUFFER_POOL_PARAMETERS p = {
		.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
			.Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_2,
			.Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2},
		.PoolTag = TEST_TAG,
		.Flags = NET_BUFFER_POOL_FLAG_VERIFY,
	};
	NDIS_HANDLE pool = NdisAllocateNetBufferPool(NULL, &p);

	assert_non_null(pool);
	return pool;
}

/* Frees a pool and expects that all of it came back. */
static inline void free_pool(NDIS_HANDLE pool)
{
	unsigned before = misuses.all;

	NdisFreeNetBufferListPool(pool);
	assert_int_equal(misuses.all, before);
}

static inline void free_nb_pool(NDIS_HANDLE pool)
{
	unsigned before = misuses.all;

	NdisFreeNetBufferPool(pool);
	assert_int_equal(misuses.all, before);
}

/* An MDL over `bytes` bytes of static memory. */
static inline MDL *test_mdl(ULONG bytes)
{
	static UCHAR memory[1 << 16];

	assert_in_range(bytes, 0, sizeof(memory));
	MDL *mdl = NdisAllocateMdl(NULL, memory, bytes);
	assert_non_null(mdl);
	return mdl;
}

/*
 * Accounts.
 */

/* What is out under a tag; zeros for a tag that was never used. */
static inline struct nbl_tag_usage usage(uint32_t tag)
{
	enum { ROWS = 256 };
	struct nbl_tag_usage rows[ROWS];
	size_t n = nbl_tags(rows, ROWS);

	for (size_t i = 0; i < n; i++) {
		if (rows[i].tag == tag)
			return rows[i];
	}
	return (struct nbl_tag_usage){.tag = tag};
}

/*
 * The run: every strategy that several threads may use and that can run here.
 */

#ifdef ATOM_TSAN
enum { tsan_build = 1 };
#else
enum { tsan_build = 0 };
#endif

static inline bool is_testable(const struct pool_ops *ops)
{
	char reason[POOL_REASON_BYTES];

	if (ops->traits.kind == POOL_KIND_NULL || ops->traits.progress == POOL_UNSYNCHRONISED)
		return false;
	if (tsan_build && ops->traits.opaque_to_tsan) {
		print_message("[ ABSENT   ] %s: the thread sanitizer cannot see into its library\n",
			ops->name);
		return false;
	}
	if (ops->supported(reason))
		return true;
	print_message("[ ABSENT   ] %s: %s\n", ops->name, reason);
	return false;
}

/* Strategies that keep an object's memory after it was freed: there, a look at it is defined. */
static inline bool keeps_memory(void)
{
	NDIS_HANDLE pool = list_pool(FALSE, 0, 0);
	bool keeps = ((struct nbl_pool *)pool)->ops->traits.kind == POOL_KIND_POOL;

	free_pool(pool);
	return keeps;
}

static inline int counting_setup(void **state)
{
	(void)state;
	misuses = (struct misuses){.all = 0};
	nbl_set_misuse_handler(count_misuse, &misuses);
	return 0;
}

/* After each test: back to the strict rule, no hook. */
static inline int counting_teardown(void **state)
{
	(void)state;
	memory_set_fault_hook(NULL, NULL);
	nbl_set_context_alignment(0);
	return nbl_release_defaults() ? 0 : -1;
}

#define counted_test(f) cmocka_unit_test_setup_teardown(f, counting_setup, counting_teardown)

/*
 * More than any test holds. The default would reserve a gigabyte of addresses for each of some
 * thousand pools, which takes the sanitizers long.
 */
enum { TEST_CAPACITY = 1 << 14 };

/* Runs the group of tests once over each strategy; the number of failures. */
#define run_over_strategies(group, tests)                                                     \
	__extension__({                                                                       \
		int failed_ = 0;                                                              \
		nbl_set_default_capacity(TEST_CAPACITY);                                      \
		for (size_t i_ = 0; pools[i_] != NULL; i_++) {                                \
			char name_[128];                                                      \
			char why_[NBL_REASON_BYTES];                                          \
			if (!is_testable(pools[i_]))                                          \
				continue;                                                     \
			snprintf(name_, sizeof(name_), "%s over %s", group, pools[i_]->name); \
			if (nbl_set_default_pool(pools[i_]->name, why_) != 0) {               \
				print_error("%s\n", why_);                                    \
				failed_++;                                                    \
				continue;                                                     \
			}                                                                     \
			failed_ += cmocka_run_group_tests_name(name_, tests, NULL, NULL);     \
		}                                                                             \
		failed_;                                                                      \
	})

#endif
