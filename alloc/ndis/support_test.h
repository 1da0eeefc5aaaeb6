/*
 * What the tests of the documented calls share: pools in one line, a misuse handler that counts, a
 * run over all strategies.
 */
#ifndef ALLOC_NDIS_SUPPORT_TEST_H
#define ALLOC_NDIS_SUPPORT_TEST_H

#include "alloc/machine/cmocka.h"
#include "alloc/machine/memory.h"
#include "alloc/nbl/nbl.h"
#include "alloc/nbl/usage_test.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"
#include "alloc/ndis/parameters_test.h"
#include "alloc/peer/rcu_guard.h"
#include "alloc/pool.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/*
 * The thread sanitizer ends a child in which threads are started, as liburcu does after a fork; no
 * child of these tests needs its opinion.
 */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

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
 * The vectors: what the reference's section on test vectors demands, by number. The gaps in the
 * numbering are the reference's. A test calls vector(n) where all that the row says has held, and
 * the last test of a group finds those that no test has called: so neither a test that went nor one
 * that returned early passes unnoticed.
 */

enum vector_rule { STRICT_RULE = 1, RELAXED_RULE = 2 }; /* of the alignment of sizes */
enum vector_program { VECTORS_TEST, FAULTS_TEST, THREADS_TEST };

enum { VECTOR_MAX = 101 };

struct vector_row {
	uint8_t first;
	uint8_t last; /* of a run of numbers */
	uint8_t rules;
	uint8_t program; /* that tests them */
};

static const struct vector_row vector_rows[] = {
	{1, 10, STRICT_RULE, VECTORS_TEST},
	{11, 13, STRICT_RULE | RELAXED_RULE, VECTORS_TEST},
	{14, 16, STRICT_RULE, VECTORS_TEST},
	{17, 17, STRICT_RULE, THREADS_TEST},
	{18, 32, STRICT_RULE, VECTORS_TEST},
	{34, 39, STRICT_RULE, VECTORS_TEST},
	{40, 40, STRICT_RULE | RELAXED_RULE, VECTORS_TEST},
	{41, 41, STRICT_RULE, VECTORS_TEST},
	{42, 42, STRICT_RULE | RELAXED_RULE, VECTORS_TEST},
	{44, 46, STRICT_RULE, VECTORS_TEST},
	{49, 49, STRICT_RULE, VECTORS_TEST},
	{52, 53, STRICT_RULE, VECTORS_TEST},
	{54, 54, RELAXED_RULE, VECTORS_TEST},
	{55, 55, STRICT_RULE, VECTORS_TEST},
	{56, 56, STRICT_RULE | RELAXED_RULE, VECTORS_TEST},
	{58, 60, STRICT_RULE, VECTORS_TEST},
	{63, 63, STRICT_RULE, VECTORS_TEST},
	{65, 65, STRICT_RULE, VECTORS_TEST},
	{67, 67, STRICT_RULE, VECTORS_TEST},
	{69, 69, STRICT_RULE, VECTORS_TEST},
	{70, 70, STRICT_RULE, THREADS_TEST},
	{71, 72, STRICT_RULE, VECTORS_TEST},
	{74, 75, STRICT_RULE, VECTORS_TEST},
	{76, 76, STRICT_RULE, FAULTS_TEST},
	{77, 81, STRICT_RULE, VECTORS_TEST},
	{85, 85, STRICT_RULE, VECTORS_TEST},
	{87, 87, STRICT_RULE, VECTORS_TEST},
	{91, 91, STRICT_RULE, VECTORS_TEST},
	{92, 97, STRICT_RULE, FAULTS_TEST},
	{98, 101, STRICT_RULE, THREADS_TEST},
};

/* The rules under which each number has held in this group so far. */
struct vectors {
	uint8_t held[VECTOR_MAX + 1];
	bool excused; /* one of them */
};

static struct vectors vectors;

/* The rules that are demanded of a number in this program; 0: none, or another program's. */
static inline unsigned vector_rules(int number, enum vector_program program)
{
	for (size_t i = 0; i < array_count(vector_rows); i++) {
		const struct vector_row *row = &vector_rows[i];

		if (number >= row->first && number <= row->last && row->program == program)
			return row->rules;
	}
	return 0;
}

/* All that the row of this number says has held. */
static inline void vector_under(int number, enum vector_rule rule)
{
	assert_in_range(number, 1, VECTOR_MAX);
	vectors.held[number] |= (uint8_t)rule;
}

static inline void vector(int number)
{
	vector_under(number, STRICT_RULE);
}

/* Over this strategy the row has no meaning. */
static inline void vector_excused(int number, const char *why)
{
	print_message("[ EXCUSED  ] V%02d: %s\n", number, why);
	vectors.excused = true;
	vector(number);
}

/* How many are missing; the last one's number in *last. */
static inline int vectors_missing(const struct vectors *v, enum vector_program program, int *last)
{
	int missing = 0;

	for (int number = 1; number <= VECTOR_MAX; number++) {
		if ((vector_rules(number, program) & ~(unsigned)v->held[number]) == 0)
			continue;
		missing++;
		*last = number;
	}
	return missing;
}

/* The last test of each group. */
static inline void every_vector_held_in(enum vector_program program)
{
	struct vectors less = vectors;
	int last = 0;
	int all = 0;

	int missing = vectors_missing(&vectors, program, &last);
	if (missing != 0)
		print_error("%d vectors are missing, among them V%02d\n", missing, last);
	assert_int_equal(missing, 0);
	/* And it would be seen, for each of them. */
	for (int number = 1; number <= VECTOR_MAX; number++) {
		if (vector_rules(number, program) == 0)
			continue;
		less.held[number] = 0;
		assert_int_equal(vectors_missing(&less, program, &last), ++all);
		assert_int_equal(last, number);
	}
	NDIS_HANDLE pool = NULL;
	struct nbl_pool_config config = {.kind = NBL_POOL_LISTS, .capacity = 1};
	assert_int_equal(nbl_pool_create(&config, (struct nbl_pool **)&pool), 0);
	if (((struct nbl_pool *)pool)->ops == pool_default())
		assert_false(vectors.excused); /* of the default strategy all is demanded */
	NdisFreeNetBufferListPool(pool);
	print_message("[ VECTORS  ] %d numbers\n", all);
	vectors = (struct vectors){.excused = false};
}

/*
 * Pools.
 */

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
	NDIS_HANDLE pool = try_nb_pool(data_bytes);

	assert_non_null(pool);
	return pool;
}

static inline NDIS_HANDLE nb_verify_pool(void)
{
	NET_BUFFER_POOL_PARAMETERS p = nb_parameters(0);

	p.Header.Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_2;
	p.Header.Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2;
	p.Flags = NET_BUFFER_POOL_FLAG_VERIFY;
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

/* Everything that was made has gone: the last test of a group. */
static inline void all_memory_came_back(NO_STATE)
{
	static const uint32_t tags[] = {TEST_TAG, OTHER_TAG, MDLS_TAG};

	assert_int_equal(memory_live_bytes(), 0);
	for (size_t i = 0; i < array_count(tags); i++) {
		assert_int_equal(usage(tags[i]).objects, 0);
		assert_int_equal(usage(tags[i]).bytes, 0);
	}
}

/*
 * The run: every strategy that several threads may use and that can run here. Under the address
 * sanitizer the default and one of each kind: it looks at the library's code, which is the same over
 * all. What a strategy does with memory it sees in the stress runs, which have every strategy.
 */

#ifdef ATOM_TSAN
enum { tsan_build = 1 };
#else
enum { tsan_build = 0 };
#endif

/* Where its objects come from, who caches them, when a freed one is there again. */
static inline bool same_kind(const struct pool_traits *a, const struct pool_traits *b)
{
	return a->kind == b->kind && a->cache == b->cache && a->bounded == b->bounded &&
	       a->exact == b->exact;
}

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

/*
 * Whether this build leaves pools[i] to the others: under a sanitizer, what NBLs do over it is that they do over one
 * of its kind, and what itself does is looked at by the scenario nbl, over each.
 */
static inline bool is_left_out(size_t i)
{
	if (!(asan_build || tsan_build) || pools[i] == pool_default())
		return false;
	for (size_t before = 0; before < i; before++) {
		if (is_testable(pools[before]) &&
			same_kind(&pools[before]->traits, &pools[i]->traits))
			return true;
	}
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

/* What has not passed: a line of names for the end, where a log that was cut still has it. */
struct counted {
	const char *name;
	CMUnitTestFunction test;
};

static char not_passed[512];          /* cmocka prints up to 1024 at once */
static const struct counted *running; /* until its end; a test that fails does not come there */

static inline void note_not_passed(const char *name)
{
	size_t used = strlen(not_passed);

	snprintf(not_passed + used, sizeof(not_passed) - used, " %s,", name);
}

static inline void run_counted(void **state)
{
	running = *state;
	*state = NULL;
	running->test(state);
	running = NULL;
}

static inline int counting_setup(NO_STATE)
{
	misuses = (struct misuses){.all = 0};
	nbl_set_misuse_handler(count_misuse, &misuses);
	return 0;
}

/* After each test: back to the strict rule, no hook. */
static inline int counting_teardown(NO_STATE)
{
	while (rcu_guard_inside()) /* a test that failed has not left it */
		rcu_guard_leave();
	memory_set_fault_hook(NULL, NULL);
	nbl_set_context_alignment(0);
	if (running != NULL)
		note_not_passed(running->name);
	running = NULL;
	return nbl_release_defaults() ? 0 : -1;
}

#define counted_test(f)             \
	((const struct CMUnitTest){ \
		#f, run_counted, counting_setup, counting_teardown, &(struct counted){#f, f}})

/* True if what was freed waits for something else than the next get: a grace period. */
static inline bool frees_late(const struct pool_ops *ops)
{
	return !ops->traits.exact && ops->traits.cache == POOL_CACHE_NONE;
}

/*
 * More than any test holds; and, where frees are late, more than any test takes. The machine owes
 * no test a grace period: the thread that waits for it may be without a CPU for seconds. The
 * default would reserve a gigabyte of addresses for each of some thousand pools, which takes the
 * sanitizers long.
 */
enum { TEST_CAPACITY = 1 << 13, TEST_CAPACITY_LATE = 1 << 17 };

static inline uint32_t test_capacity(const struct pool_ops *ops)
{
	/* A bounded structure pays for its capacity, and is late only for a thread that stands in a put. */
	return frees_late(ops) && !ops->traits.bounded ? TEST_CAPACITY_LATE : TEST_CAPACITY;
}

/*
 * Runs the group of tests once over each strategy. 1 if one failed, else 0: as a status 77 failures
 * would be a skip, and 256 a success.
 */
#define run_over_strategies(group, tests)                                                     \
	__extension__({                                                                       \
		int failed_ = 0;                                                              \
		for (size_t i_ = 0; pools[i_] != NULL; i_++) {                                \
			char name_[128];                                                      \
			char why_[NBL_REASON_BYTES];                                          \
			if (!is_testable(pools[i_]) || is_left_out(i_))                       \
				continue;                                                     \
			snprintf(name_, sizeof(name_), "%s over %s", group, pools[i_]->name); \
			if (nbl_set_default_pool(pools[i_]->name, why_) != 0) {               \
				print_error("%s\n", why_);                                    \
				failed_++;                                                    \
				continue;                                                     \
			}                                                                     \
			nbl_set_default_capacity(test_capacity(pools[i_]));                   \
			int here_ = cmocka_run_group_tests_name(name_, tests, NULL, NULL);    \
			if (here_ != 0)                                                       \
				note_not_passed(name_);                                       \
			failed_ += here_;                                                     \
		}                                                                             \
		if (failed_ != 0)                                                             \
			print_error("%d not passed, with where:%s\n", failed_, not_passed);   \
		failed_ != 0;                                                                 \
	})

/* Where a put goes to its CPU's cache, a thread that moved would not get it back at once. */
static inline void stay_on_this_cpu(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	if (sched_setaffinity(0, sizeof(here), &here) != 0)
		print_message("not tied to a CPU: %s\n", strerror(errno));
}

#endif
