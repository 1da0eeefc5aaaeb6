/*
 * The engine on strategies of every kind: figures add up, nothing is lost, windows are as long as
 * asked, and what cannot be run is refused with a sentence. No figure is compared with a speed.
 */
#include "alloc/atomic.h"
#include "alloc/machine/cmocka.h"
#include "bench/base/clock.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_NS UINT64_C(1000000)

static struct engine_cell cell_of(uint32_t threads, uint32_t burst)
{
	return (struct engine_cell){
		.shape = {.threads = threads, .burst = burst, .depth = 1, .seed = 1},
		.object_bytes = 64,
	};
}

static struct workload_case case_of(
	const char *pool, enum instance_dispatch dispatch, const char *workload)
{
	struct workload_case subject;

	assert_true(instance_find(pool, dispatch, workload, &subject));
	assert_string_equal(subject.ops->name, instance_pool(pool)->name);
	assert_string_equal(subject.workload->name, workload);
	return subject;
}

static struct engine *opened(const struct workload_case *subject, const struct engine_cell *cell)
{
	char why[ENGINE_REASON_BYTES] = "";
	struct engine *engine = NULL;

	if (engine_open(subject, cell, &engine, why) != 0)
		fail_msg("%s", why);
	return engine;
}

static void close_sound(struct engine *engine)
{
	struct engine_closing closing;

	engine_close(engine, &closing);
	assert_string_equal(closing.check, "");
	assert_int_equal(closing.count, closing.expected);
}

/* The parts of a slice must agree with each other. */
static void assert_adds_up(
	const struct engine_slice *slice, const struct workload_case *subject, uint32_t threads)
{
	uint32_t lane_threads = subject->workload->lane_threads;
	uint64_t units = 0;
	double rate = 0;

	for (uint32_t i = 0; i < threads; i++) {
		const struct engine_thread *thread = &slice->threads[i];

		assert_true(thread->window_ns >= WINDOW_NS);
		assert_true(thread->window_ns <= slice->window_ns);
		if (i % lane_threads != lane_threads - 1)
			continue;
		units += thread->units;
		rate += (double)thread->units * 1e9 / (double)thread->window_ns;
	}
	assert_true(slice->window_ns >= WINDOW_NS);
	assert_int_equal(slice->units, units);
	assert_true(slice->units_per_s >= rate * 0.999 && slice->units_per_s <= rate * 1.001);
	assert_true(slice->jain > 0 && slice->jain < 1.000001);
	assert_true(slice->slowest_share >= 0 && slice->slowest_share < 1.000001);
	assert_true(slice->skew >= 0 && slice->skew <= 1);
	assert_int_equal(slice->flags & ENGINE_MIGRATED, 0);
}

static bool runs_here(
	const struct pool_ops *ops, const struct workload *workload, const struct engine_cell *cell)
{
	char reason[POOL_REASON_BYTES];
	char why[ENGINE_REASON_BYTES];
	uint32_t cpus[1];

	/* Where threads wait for one that has no CPU, a slice takes seconds. */
	if (ops->traits.progress < POOL_LOCK_FREE &&
		(int)cell->shape.threads > topology_cpus(cpus, 1))
		return false;

#ifdef ATOM_TSAN
	/* Its synchronisation is in assembly: every report would be about that. */
	if (ops->traits.opaque_to_tsan)
		return false;
#endif
	return ops->supported(reason) && engine_check(ops, workload, cell, why) == 0;
}

static void run_case(const char *pool, enum instance_dispatch dispatch, const char *workload,
	const struct engine_cell *cell)
{
	const struct workload_case subject = case_of(pool, dispatch, workload);
	struct engine_slice slice;

	if (!runs_here(subject.ops, subject.workload, cell))
		return;
	uint64_t live = memory_live_bytes();
	struct engine *engine = opened(&subject, cell);
	assert_int_equal(engine_pool_capacity(engine),
		cell->capacity ? cell->capacity : engine_capacity(subject.workload, &cell->shape));
	/*
	 * On a busy machine a window can pass in which a lane's last thread has nothing to do, so
	 * this asks for two windows with work done; a cell that never does any runs into the test's
	 * time limit.
	 */
	for (int productive = 0; productive<2; productive += slice.units> 0) {
		engine_slice(engine, WINDOW_NS, WINDOW_NS / 10, &slice);
		assert_adds_up(&slice, &subject, cell->shape.threads);
		/* Alone, a thread always finds an object where the strategy hides none. */
		if (cell->shape.threads == 1 && subject.ops->traits.exact && slice.failed != 0)
			fail_msg("%s on %s, %s: %" PRIu64 " gets failed in a pool of the engine's "
				 "own sizing",
				workload, pool, instance_dispatch_name(dispatch), slice.failed);
	}
	close_sound(engine);
	assert_int_equal(memory_live_bytes(), live);
}

/*
 * Every strategy that has a unit of its own with every workload on one lane. On two lanes, which are
 * the engine's to add up, every workload with one of them, and each of them with a workload whose
 * threads keep what they get and with one whose threads pass it on. Through the run-time table, which
 * has one body for all strategies, every workload with one of them, and every strategy with one
 * workload; not under a sanitizer, to which one thread shows nothing that conformance does not.
 */
static void test_every_case(NO_STATE)
{
	for (size_t p = 0; pools[p] != NULL; p++) {
		for (size_t w = 0; workloads[w] != NULL; w++) {
			const char *pool = pools[p]->name;
			const char *workload = workloads[w]->name;
			const struct engine_cell one = cell_of(workloads[w]->lane_threads, 32);
			const struct engine_cell two = cell_of(2 * workloads[w]->lane_threads, 32);

			/* They differ by the length of a stop alone. */
			if (workloads[w]->stall_ms > 1 && strcmp(pool, "treiber_tag") != 0)
				continue;
			/* Many, and alike to a strategy: a shared one, one with caches, one with runs. */
			if (workloads[w]->by_name && workloads[w]->stall_ms == 0 &&
				strcmp(pool, "treiber_tag") != 0 && strcmp(pool, "rseq_arr") != 0 &&
				strcmp(pool, "mag_tls") != 0 && strcmp(pool, "malloc") != 0)
				continue;
			/* A unit has a copy of the strategy's table. */
			if (case_of(pool, INSTANCE_FOLDED, workload).ops != pools[p]) {
				run_case(pool, INSTANCE_FOLDED, workload, &one);
				if (strcmp(pool, "treiber_tag") == 0 ||
					strcmp(workload, "burst") == 0 ||
					strcmp(workload, "remote_free") == 0)
					run_case(pool, INSTANCE_FOLDED, workload, &two);
			}
			if (strcmp(pool, "treiber_tag") == 0 ||
				(strcmp(workload, "burst") == 0 && !atom_sanitizes))
				run_case(pool, INSTANCE_TABLE, workload, &one);
		}
	}
}

/*
 * Every context policy with every workload that it competes in, and where context is pushed on two lanes too: under a
 * sanitizer with one policy, for lanes share nothing of a policy's that its own tests do not.
 */
static void test_every_policy(NO_STATE)
{
	for (size_t p = 0; contexts[p] != NULL; p++) {
		char name[INSTANCE_NAME_BYTES];

		snprintf(name, sizeof(name), "%s+%s", instance_context_pool, contexts[p]->name);
		assert_ptr_equal(instance_context(name), contexts[p]);
		for (size_t w = 0; workloads[w] != NULL; w++) {
			struct workload_case subject;
			const struct engine_cell one = cell_of(workloads[w]->lane_threads, 32);
			const struct engine_cell two = cell_of(2 * workloads[w]->lane_threads, 32);

			if (!workload_takes_policies(workloads[w])) {
				assert_false(instance_find(
					name, INSTANCE_FOLDED, workloads[w]->name, &subject));
				continue;
			}
			run_case(name, INSTANCE_FOLDED, workloads[w]->name, &one);
			if (!(workloads[w]->axes & WORKLOAD_CONTEXT) || (atom_sanitizes && p > 0))
				continue;
			run_case(name, INSTANCE_FOLDED, workloads[w]->name, &two);
		}
	}
	assert_null(instance_context("mag_tls"));
	assert_null(instance_pool("plain+sticky"));
	assert_null(instance_pool("mag_tls+nobody"));
}

/* Every pool with a policy with every workload of the whole, and with no other. */
static void test_every_pair(NO_STATE)
{
	for (const struct instance_pair *pair = instance_pairs; pair->name != NULL; pair++) {
		assert_ptr_equal(instance_pool(pair->name), pool_find(pair->pool));
		assert_ptr_equal(instance_context(pair->name), context_find(pair->context));
		for (size_t w = 0; workloads[w] != NULL; w++) {
			struct workload_case subject;
			const struct engine_cell one = cell_of(workloads[w]->lane_threads, 32);

			if (workloads[w]->contest == CONTEST_WHOLE)
				run_case(pair->name, INSTANCE_FOLDED, workloads[w]->name, &one);
			else
				assert_false(instance_find(
					pair->name, INSTANCE_FOLDED, workloads[w]->name, &subject));
			assert_false(instance_find(
				pair->name, INSTANCE_TABLE, workloads[w]->name, &subject));
		}
	}
	assert_null(instance_context("treiber_tag+sticky"));
}

/* Bursts that do not divide a ring, a magazine or a chunk, and the longest one. */
static void test_odd_bursts(NO_STATE)
{
	static const uint32_t bursts[] = {1, 7, 1000, POOL_BULK_MAX};

	for (size_t i = 0; i < array_count(bursts); i++) {
		const struct engine_cell cell = cell_of(2, bursts[i]);

		run_case("treiber_tag", INSTANCE_FOLDED, "burst", &cell);
		run_case("treiber_tag", INSTANCE_FOLDED, "remote_free", &cell);
	}
}

static void test_oversubscribed(NO_STATE)
{
	const struct workload_case subject = case_of("treiber_tag", INSTANCE_FOLDED, "remote_free");
	uint32_t cpus[1];
	int allowed = topology_cpus(cpus, 1);
	struct engine_slice slice;

	assert_true(allowed >= 1);
	uint32_t threads = (uint32_t)allowed * 4;
	if (threads > ENGINE_THREADS_MAX) {
		print_message("an engine has too few threads for %d CPUs\n", allowed);
		skip();
	}
	const struct engine_cell cell = cell_of(threads, 32);
	struct engine *engine = opened(&subject, &cell);
	assert_true(engine_oversubscribed(engine));
	engine_slice(engine, WINDOW_NS, WINDOW_NS, &slice);
	assert_int_equal(slice.flags, 0);
	for (uint32_t i = 0; i < threads; i++)
		assert_int_equal(slice.threads[i].window_ns, slice.window_ns);
	close_sound(engine);
}

/*
 * A body of ours that does nothing but note how many rounds it is asked for; each takes round_ns.
 */
enum { MOST_ROUNDS = 4096, LONG_NS = 4000 }; /* of a chunk: the engine's bounds */
static uint64_t round_ns;
static atom_u64 last_rounds, most_rounds;
static atom_u64 halvings, unprovoked; /* the latter: after chunks that did not take long */
static atom_u64 interrupted;          /* a chunk took so long that the search ended with it */
static uint64_t interrupt_ns;         /* what the test adds to one early chunk */
static uint64_t began_ns[3];          /* the latest calls; the first is the last one */

static uint64_t run_rounds(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	(void)t;
	began_ns[2] = began_ns[1];
	began_ns[1] = began_ns[0];
	began_ns[0] = clock_now_ns();
	if (began_ns[1] != 0 && began_ns[0] - began_ns[1] >= LONG_NS / 2)
		atom_store_relaxed(&interrupted, 1);
	if (n < atom_load_relaxed(&last_rounds)) {
		atom_add_relaxed(&halvings, 1);
		/* The engine's clock may have begun a call earlier than ours. */
		if (began_ns[0] - began_ns[2] <= LONG_NS)
			atom_add_relaxed(&unprovoked, 1);
	}
	atom_store_relaxed(&last_rounds, n);
	if (n > atom_load_relaxed(&most_rounds))
		atom_store_relaxed(&most_rounds, n);
	if (n == 4 && interrupt_ns != 0) {
		clock_sleep_until_ns(clock_now_ns() + interrupt_ns);
		interrupt_ns = 0;
	}
	if (round_ns != 0)
		clock_sleep_until_ns(clock_now_ns() + n * round_ns);
	return n;
}

/* One slice of run_rounds, from the shortest chunk on. */
static void slice_of_rounds(uint64_t each_takes_ns)
{
	struct workload_case subject = case_of("mutex", INSTANCE_FOLDED, "pair");
	const struct engine_cell cell = cell_of(1, 1);
	struct engine_slice slice;

	subject.run = run_rounds;
	round_ns = each_takes_ns;
	began_ns[0] = began_ns[1] = 0;
	atom_store_relaxed(&last_rounds, 0);
	atom_store_relaxed(&most_rounds, 0);
	atom_store_relaxed(&halvings, 0);
	atom_store_relaxed(&unprovoked, 0);
	atom_store_relaxed(&interrupted, 0);
	struct engine *engine = opened(&subject, &cell);
	engine_slice(engine, WINDOW_NS, WINDOW_NS, &slice);
	assert_adds_up(&slice, &subject, 1);
	close_sound(engine);
}

/*
 * A thread that could stop only after a chunk of long rounds would make a slice take as long: it
 * looks after each. One whose rounds are short does not look that often. A search that the machine
 * interrupted, and then the lead-in was over, says nothing: the test sees it as the engine does, and
 * searches again. It interrupts the first one itself.
 */
static void test_chunks(NO_STATE)
{
	interrupt_ns = 3 * WINDOW_NS;
	do
		slice_of_rounds(0);
	while (atom_load_relaxed(&most_rounds) < MOST_ROUNDS && atom_load_relaxed(&interrupted));
	assert_int_equal(interrupt_ns, 0);
	assert_int_equal(atom_load_relaxed(&most_rounds), MOST_ROUNDS);
	/* Shorter at the end only if a chunk was interrupted, and so took long. */
	assert_int_equal(atom_load_relaxed(&unprovoked), 0);
	if (atom_load_relaxed(&halvings) == 0)
		assert_int_equal(atom_load_relaxed(&last_rounds), MOST_ROUNDS);

	slice_of_rounds(WINDOW_NS);
	assert_int_equal(atom_load_relaxed(&most_rounds), 1);
	assert_int_equal(atom_load_relaxed(&last_rounds), 1);
}

/* Whether each thread of a slice was at work for a part of the window. */
static bool had_cpu(const struct engine_slice *slice, uint32_t threads, uint64_t window_ns)
{
	enum { PARTS = 10 };
	bool all = true;

	for (uint32_t i = 0; i < threads; i++)
		all = all && slice->threads[i].cpu_ns >= window_ns / PARTS;
	return all;
}

/* A pool that is too small for its threads: gets fail, are counted, and nothing is lost. */
static void test_dry_pool(NO_STATE)
{
	const struct workload_case subject = case_of("treiber_tag", INSTANCE_FOLDED, "burst");
	struct engine_cell cell = cell_of(1, 32);
	struct engine_slice slice;

	cell.capacity = 20;
	struct engine *engine = opened(&subject, &cell);
	do /* a window can pass in which the thread has no CPU */
		engine_slice(engine, WINDOW_NS, 0, &slice);
	while (!had_cpu(&slice, 1, WINDOW_NS));
	assert_true(slice.failed > 0);
	assert_int_equal(slice.units, slice.failed * 20);
	close_sound(engine);
}

/* Wide objects at a wide alignment, on pages that the kernel may make huge: every strategy. */
static void test_objects(NO_STATE)
{
	for (size_t p = 0; pools[p] != NULL; p++) {
		struct engine_cell cell = cell_of(2, 32);

		cell.object_bytes = 1024;
		cell.object_align = 2048;
		run_case(pools[p]->name, INSTANCE_FOLDED, "burst", &cell);
		cell.pages = MEMORY_PAGES_TRANSPARENT;
		run_case(pools[p]->name, INSTANCE_FOLDED, "burst", &cell);
	}
}

/* Explicit huge pages back every pool, or it says that there are none; nothing else is given. */
static void test_huge_pages(NO_STATE)
{
	for (size_t p = 0; pools[p] != NULL; p++) {
		const struct workload_case subject =
			case_of(pools[p]->name, INSTANCE_FOLDED, "pair");
		const uint64_t live = memory_live_bytes();
		struct engine_cell cell = cell_of(1, 1);
		char why[ENGINE_REASON_BYTES] = "";
		struct engine *engine = NULL;

		cell.pages = MEMORY_PAGES_HUGE;
		if (!runs_here(subject.ops, subject.workload, &cell))
			continue;
		int rc = engine_open(&subject, &cell, &engine, why);
		if (rc == 0) {
			close_sound(engine);
		} else {
			assert_int_equal(rc, -ENOTSUP);
			assert_memory_equal(why, "There are no huge pages", 23);
		}
		assert_int_equal(memory_live_bytes(), live);
	}
}

/*
 * A run and the bursts of those that lend none are as long, so that their figures can be compared; of
 * strategies that may find too few it can't be told.
 */
static void test_bursts_are_as_long_as_runs(NO_STATE)
{
	for (size_t p = 0; pools[p] != NULL; p++) {
		const struct workload_case subject =
			case_of(pools[p]->name, INSTANCE_FOLDED, "burst_run");
		const struct engine_cell cell = cell_of(1, 1);
		struct engine_slice slice;

		if (!runs_here(subject.ops, subject.workload, &cell) ||
			(!subject.ops->traits.exact && subject.ops->get_run == NULL))
			continue;
		struct engine *engine = opened(&subject, &cell);
		engine_slice(engine, WINDOW_NS, WINDOW_NS / 10, &slice);
		assert_int_equal(slice.failed, 0);
		assert_int_equal(slice.units % POOL_MAGAZINE_OBJECTS_DEFAULT, 0);
		close_sound(engine);
	}
}

/* Two threads for this long: enough for the one to strand what the other lacks, if both have a CPU. */
#define HELD_WINDOW_NS (20 * WINDOW_NS)

enum { HELD_WINDOWS = 50 };

/*
 * Runs a held workload with two threads; the false empties of a window in which both had a CPU. Where
 * there must be some, they are those of the first of HELD_WINDOWS such windows that has any. Each is of
 * threads that start anew: two that want more than there is may settle into turns in which nothing is
 * stranded, and stay there.
 */
static uint64_t false_empties(const char *pool, const char *workload, bool must_be)
{
	const struct workload_case subject = case_of(pool, INSTANCE_FOLDED, workload);
	const struct engine_cell cell = cell_of(2, 1);
	struct engine_slice slice = {0};

	for (int windows = must_be ? HELD_WINDOWS : 1; windows > 0 && slice.failed == 0;) {
		struct engine *engine = opened(&subject, &cell);

		assert_int_equal(engine_pool_capacity(engine), 2000);
		engine_slice(engine, HELD_WINDOW_NS, WINDOW_NS, &slice);
		windows -= had_cpu(&slice, 2, HELD_WINDOW_NS);
		close_sound(engine);
	}
	return slice.failed;
}

/*
 * Where half is held nothing is scarce, whatever caches keep. Where nearly all is, one stack never
 * says empty, and magazines in the threads' own hands must: else the load would strand nothing and
 * a strategy's 0 would mean nothing.
 */
static void test_held(NO_STATE)
{
	assert_int_equal(false_empties("mutex", "held_50", false), 0);
	assert_int_equal(false_empties("mag_tls", "held_50", false), 0);
	assert_int_equal(false_empties("mutex", "held_95", false), 0);
	assert_int_equal(false_empties("treiber_tag", "held_95", false), 0);
	assert_int_not_equal(false_empties("mag_tls", "held_95", true), 0);
	/* The pool runs dry by design, which is no false empty, and magazines strand what others lack. */
	assert_int_equal(false_empties("treiber_tag", "exhaust_100", false), 0);
	assert_int_equal(false_empties("treiber_tag", "exhaust_200", false), 0);
	assert_int_equal(false_empties("mutex", "exhaust_110", false), 0);
	assert_int_not_equal(false_empties("mag_tls", "exhaust_100", true), 0);
	assert_int_not_equal(false_empties("mag_tls", "exhaust_110", true), 0);
}

static void expect_refusal(const char *pool, const char *workload, const struct engine_cell *cell,
	const char *sentence)
{
	const struct workload_case subject = case_of(pool, INSTANCE_FOLDED, workload);
	char why[ENGINE_REASON_BYTES] = "";
	struct engine *engine = NULL;

	assert_int_equal(engine_open(&subject, cell, &engine, why), -EINVAL);
	assert_null(engine);
	assert_string_equal(why, sentence);
}

static void test_refusals(NO_STATE)
{
	struct engine_cell cell = cell_of(0, 32);

	expect_refusal("mutex", "pair", &cell, "threads is 0; it must be 1..256.");
	cell = cell_of(257, 32);
	expect_refusal("mutex", "pair", &cell, "threads is 257; it must be 1..256.");
	cell = cell_of(2, 32);
	expect_refusal("plain", "pair", &cell, "threads is 2; plain is for one thread only.");
	cell = cell_of(3, 32);
	expect_refusal(
		"mutex", "remote_free", &cell, "threads is 3; remote_free needs a multiple of 2.");
	cell = cell_of(1, POOL_BULK_MAX + 1);
	expect_refusal("mutex", "burst", &cell, "burst is 1025; it must be 1..1024.");
	cell = cell_of(1, 1);
	cell.object_bytes = 0;
	expect_refusal("mutex", "burst", &cell, "object_bytes is 0; it must be 8..1048576.");
	cell = cell_of(1, 1);
	cell.shape.depth = 0;
	expect_refusal("mutex", "burst", &cell, "depth is 0; it must be 1..64.");
	cell = cell_of(2, 256);
	expect_refusal("mutex", "wfp_inject", &cell, "burst is 256; it must be 1..255.");
	cell = cell_of(2, 32);
	expect_refusal("null", "wfp_inject", &cell,
		"wfp_inject writes to several objects at once; null has the same one for all.");
	cell.pages = MEMORY_PAGES_HUGE;
	expect_refusal("mutex", "wfp_inject", &cell,
		"pages must be ordinary; wfp_inject makes its own pool, which has no others.");
	expect_refusal("malloc", "pair", &cell,
		"pages are huge; malloc takes its memory from the system by itself.");
	cell = cell_of(2, 32);
	cell.capacity = 1999;
	expect_refusal("mutex", "held_95", &cell,
		"capacity is 1999; held_95 is about a pool of exactly 2000 objects, which is 0's "
		"meaning.");
	cell.capacity = 0;
	cell.object_align = 8;
	expect_refusal("mutex", "pair", &cell, "object_align is 8; it must be 16..4096.");
	cell.object_align = 96;
	expect_refusal("mutex", "pair", &cell, "object_align is 96; it must be a power of two.");
	cell.object_align = 64;
	expect_refusal("mutex", "wfp_inject", &cell,
		"object_align must not be given; wfp_inject makes its own pool, whose objects have "
		"an alignment of their own.");
}

/* Fails the n-th request for memory, whichever thread makes it. */
static bool fail_nth(void *arg, size_t bytes)
{
	(void)bytes;
	return atom_add_relaxed((atom_u32 *)arg, UINT32_MAX) == 0;
}

/* Whatever cannot be had on the way to an open cell, nothing stays behind. */
static void test_memory_failures(NO_STATE)
{
	const struct workload_case subject = case_of("treiber_tag", INSTANCE_FOLDED, "remote_free");
	const struct engine_cell cell = cell_of(2, 32);
	const uint64_t live = memory_live_bytes();
	uint32_t failures = 0;
	int rc;

	do {
		char why[ENGINE_REASON_BYTES] = "";
		struct engine *engine = NULL;
		atom_u32 left;

		atom_init(&left, failures);
		memory_set_fault_hook(fail_nth, &left);
		rc = engine_open(&subject, &cell, &engine, why);
		memory_set_fault_hook(NULL, NULL);
		if (rc == 0) {
			close_sound(engine);
		} else {
			assert_int_equal(rc, -ENOMEM);
			assert_string_not_equal(why, "");
			failures++;
		}
		assert_int_equal(memory_live_bytes(), live);
	} while (rc != 0);
	/* The engine, its threads, the pool, its slab, three attachments and the ring at least. */
	assert_true(failures >= 8);
}

static void test_too_large(NO_STATE)
{
	const struct workload_case subject = case_of("treiber_tag", INSTANCE_FOLDED, "pair");
	struct engine_cell cell = cell_of(1, 1);
	char why[ENGINE_REASON_BYTES] = "";
	struct engine *engine = NULL;

	cell.object_bytes = POOL_OBJECT_BYTES_MAX;
	cell.capacity = 4096;
	assert_int_equal(engine_open(&subject, &cell, &engine, why), -EOVERFLOW);
	assert_string_equal(why,
		"4096 objects of 1048576 bytes are more than treiber_tag can name; "
		"use smaller objects or fewer threads.");
}

static void test_each_cpu_is_named_once(NO_STATE)
{
	uint32_t cpus[ENGINE_THREADS_MAX];
	int count = topology_cpus(cpus, ENGINE_THREADS_MAX);

	assert_true(count >= 1);
	for (int i = 0; i < count && i < ENGINE_THREADS_MAX; i++) {
		for (int j = 0; j < i; j++)
			assert_int_not_equal(cpus[i], cpus[j]);
	}
}

static void *pin_narrowly(void *arg)
{
	const uint32_t *wanted = arg;
	static uint32_t cpus[2];
	static int count;

	if (topology_pin(*wanted) != 0)
		return NULL;
	count = topology_cpus(cpus, 2);
	return count == 1 && cpus[0] == *wanted ? &count : NULL;
}

/* Only what sched_getaffinity allows counts: a thread that is tied to a CPU sees that one. */
static void test_affinity_is_respected(NO_STATE)
{
	uint32_t cpus[ENGINE_THREADS_MAX];
	int count = topology_cpus(cpus, ENGINE_THREADS_MAX);
	uint32_t last = cpus[(count < ENGINE_THREADS_MAX ? count : ENGINE_THREADS_MAX) - 1];
	pthread_t thread;
	void *seen = NULL;

	assert_int_equal(pthread_create(&thread, NULL, pin_narrowly, &last), 0);
	pthread_join(thread, &seen);
	assert_non_null(seen);
	assert_int_equal(topology_pin(UINT32_C(1) << 20), -EINVAL);
}

static void test_flags_text(NO_STATE)
{
	char text[ENGINE_FLAGS_BYTES];

	engine_flags_text(0, text);
	assert_string_equal(text, "");
	engine_flags_text(ENGINE_NIVCSW, text);
	assert_string_equal(text, "nivcsw");
	engine_flags_text(ENGINE_SKEW | ENGINE_NIVCSW | ENGINE_MIGRATED, text);
	assert_string_equal(text, "skew nivcsw migrated");
}

static void test_unknown_names(NO_STATE)
{
	struct workload_case subject;
	enum instance_dispatch dispatch;

	assert_false(instance_find("nosuch", INSTANCE_FOLDED, "pair", &subject));
	assert_false(instance_find("nosuch", INSTANCE_TABLE, "pair", &subject));
	assert_false(instance_find("plain", INSTANCE_FOLDED, "nosuch", &subject));
	assert_null(workload_find("nosuch"));
	assert_false(instance_dispatch_find("nosuch", &dispatch));
}

/* What is moved lies elsewhere in every line of the cache, all by the same. */
static void test_moved_units(NO_STATE)
{
	enum { LINE_BYTES = 64, MOVED_BYTES = 24 };

	for (size_t p = 0; pools[p] != NULL; p++) {
		const bool moved = instance_is_moved(pools[p]->name);

		for (size_t w = 0; workloads[w] != NULL; w++) {
			struct workload_case here, there;

			assert_true(instance_find(
				pools[p]->name, INSTANCE_FOLDED, workloads[w]->name, &here));
			assert_int_equal(instance_find(pools[p]->name, INSTANCE_MOVED,
						 workloads[w]->name, &there),
				moved);
			if (!moved)
				continue;
			assert_int_equal(((uintptr_t)there.run - (uintptr_t)here.run) % LINE_BYTES,
				MOVED_BYTES);
			assert_int_equal(
				((uintptr_t)there.timed - (uintptr_t)here.timed) % LINE_BYTES,
				MOVED_BYTES);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_case),
		cmocka_unit_test(test_every_policy),
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_odd_bursts),
		cmocka_unit_test(test_oversubscribed),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_dry_pool),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_bursts_are_as_long_as_runs),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_memory_failures),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_each_cpu_is_named_once),
		cmocka_unit_test(test_affinity_is_respected),
		cmocka_unit_test(test_flags_text),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_moved_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
