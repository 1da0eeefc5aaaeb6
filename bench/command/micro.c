/*
 * `nblbench micro`: the workloads under Google Benchmark, with all its flags and output formats.
 * For a quick look and for the tools that read its format; a sweep is what compares strategies.
 * The flags that are ours say what the objects are.
 *
 * Names are <workload>/<strategy>/t<threads>, with /table before the threads for the run-time
 * table, and behind them what was asked of the objects: /256B, /align2048, /huge. One-thread
 * cells (t1) use the library's own loop: an iteration is a round. Cells with one lane or one
 * thread a CPU use the engine, as its own threads overlap only by chance: an iteration is a unit
 * of work, and the time is threads a lane / throughput. Rates are counters of our own (nbl_...),
 * because the library's rates divide by a mean of thread times.
 */
#include "bench/base/append.h"
#include "bench/base/clock.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/command/gbench_shim.h"
#include "bench/command/objects.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/engine/names.h"
#include "bench/engine/usual.h"
#include "bench/sweep/build_id.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MICRO_WARM_ROUNDS = 1000,
	MICRO_NAME_BYTES = 128,
};

/* A window of the engine: some scheduler turns, so that one preemption does not decide. */
#define MICRO_WINDOW_NS  UINT64_C(50000000)
#define MICRO_LEAD_IN_NS UINT64_C(5000000)

struct micro {
	struct micro *next;
	struct workload_case subject;
	struct engine_cell cell;
};

/* What was asked for beside Google Benchmark's own flags. */
struct request {
	struct objects_request objects; /* of all benchmarks */
};

static const struct options_entry entries[] = {
	OBJECTS_OPTIONS(struct request, 0, 0),
};

static const struct options options = {
	.command = "micro",
	.summary = "Runs the workloads under Google Benchmark. Its own options, which follow with "
		   "--help, are taken as well.",
	.count = array_count(entries),
	.entry = entries,
};

/* A benchmark that lost objects makes the command fail after all are shown. */
static bool lost;

/* Runs that ended with figures, and runs that did not. */
static uint64_t well, failed;

static void skip(gb_state *state, const char *why)
{
	failed++;
	gb_skip(state, why);
}

/*
 * One thread, the library's loop.
 */

/* A cell on the calling thread, which is not pinned. */
struct solo {
	struct pool *pool;
	struct workload_thread t;
};

/* 0, or an error with a sentence in why (ENGINE_REASON_BYTES). */
static int solo_open(const struct micro *micro, struct solo *solo, char *why)
{
	const struct workload *workload = micro->subject.workload;
	const struct pool_ops *ops = micro->subject.ops;
	int rc = engine_check(ops, workload, &micro->cell, why);

	*solo = (struct solo){.t = {.cell = &micro->cell.shape}};
	if (rc == 0)
		rc = engine_create_pool(
			&micro->subject, &micro->cell, &solo->t.shared, &solo->pool, why);
	if (rc != 0)
		return rc;
	if (workload->open != NULL)
		rc = workload->open(ops, solo->pool, &micro->cell.shape, &solo->t.shared);
	if (rc != 0)
		goto fail_open;
	if (workload->create == NULL)
		rc = ops->attach(solo->pool, &solo->t.self);
	if (rc != 0)
		goto fail_attach;
	if (workload->enter != NULL)
		rc = workload->enter(ops, solo->pool, &solo->t);
	if (rc != 0)
		goto fail_enter;
	return 0;

fail_enter:
	if (workload->create == NULL)
		ops->detach(solo->pool, solo->t.self);
fail_attach:
	if (workload->close != NULL)
		workload->close(ops, solo->pool, &micro->cell.shape, solo->t.shared);
fail_open:
	if (workload->destroy != NULL)
		workload->destroy(&micro->cell.shape, solo->t.shared);
	else
		pool_destroy(solo->pool);
	snprintf(why, ENGINE_REASON_BYTES, "%s", strerror(-rc));
	return rc;
}

/* True if every object came back and all invariants hold. */
static bool solo_close(const struct micro *micro, struct solo *solo, char *why)
{
	const struct workload *workload = micro->subject.workload;
	const struct pool_ops *ops = micro->subject.ops;
	bool sound = true;

	if (workload->leave != NULL)
		workload->leave(ops, solo->pool, &solo->t);
	if (workload->create == NULL)
		ops->detach(solo->pool, solo->t.self);
	if (workload->close != NULL)
		workload->close(ops, solo->pool, &micro->cell.shape, solo->t.shared);
	if (ops->traits.kind == POOL_KIND_POOL)
		sound = ops->check(solo->pool, 0, why) == 0;
	if (workload->destroy != NULL)
		workload->destroy(&micro->cell.shape, solo->t.shared);
	else
		pool_destroy(solo->pool);
	return sound;
}

/*
 * Percentiles of single calls from a latency slice: those that there is evidence for, and the
 * longest. None where the workload has no call to time.
 */
static void count_calls(gb_state *state, struct engine *engine, uint32_t threads)
{
	static const char *const names[LATENCY_PERCENTILES] = {
		"nbl_p50_ns", "nbl_p90_ns", "nbl_p99_ns", "nbl_p99.9_ns", "nbl_p99.99_ns"};
	struct latency_times all = {0};
	struct engine_slice slice;
	char why[ENGINE_REASON_BYTES];

	if (engine_latency_slice(engine, MICRO_WINDOW_NS, MICRO_LEAD_IN_NS, &slice, why) != 0)
		return;
	for (uint32_t i = 0; i < threads; i++) {
		for (int c = 0; c < LATENCY_CLASSES; c++)
			latency_add(&all, &slice.threads[i].latency->of[c]);
	}
	for (size_t i = 0; i < LATENCY_PERCENTILES; i++) {
		const double ns = latency_percentile(&all.histogram, latency_percentiles[i]);

		if (!isnan(ns))
			gb_counter(state, names[i], ns);
	}
	gb_counter(state, "nbl_longest_ns", (double)all.longest / HISTOGRAM_NS);
}

static void run_solo(gb_state *state, void *arg)
{
	const struct micro *micro = arg;
	char why[ENGINE_REASON_BYTES];
	struct solo solo;

	if (solo_open(micro, &solo, why) != 0) {
		skip(state, why);
		return;
	}
	micro->subject.run(solo.pool, &solo.t, MICRO_WARM_ROUNDS);
	uint64_t dry = solo.t.failed;
	uint64_t n = (uint64_t)gb_begin(state);
	uint64_t start_ns = clock_now_ns();
	uint64_t units = micro->subject.run(solo.pool, &solo.t, n);
	uint64_t ns = clock_now_ns() - start_ns;
	gb_end(state);

	gb_counter(state, "nbl_ops_per_s", (double)units * CLOCK_NS_PER_S / (double)(ns | 1));
	gb_counter(state, "nbl_ns_per_op", (double)ns / (double)(units | (units == 0)));
	well++;
	if (solo.t.failed != dry)
		skip(state, "the pool ran dry, so fewer rounds were done than were timed");
	if (!solo_close(micro, &solo, why)) {
		skip(state, why);
		lost = true;
		return;
	}

	struct engine *engine;

	if (engine_open(&micro->subject, &micro->cell, &engine, why) != 0)
		return;
	count_calls(state, engine, 1);
	engine_close(engine, NULL);
}

/*
 * Several threads, the engine.
 */
static void run_engine(gb_state *state, void *arg)
{
	const struct micro *micro = arg;
	struct engine_closing closing;
	struct engine_slice slice;
	struct engine *engine;
	char why[ENGINE_REASON_BYTES];

	if (engine_open(&micro->subject, &micro->cell, &engine, why) != 0) {
		skip(state, why);
		return;
	}
	engine_slice(engine, MICRO_WINDOW_NS, MICRO_LEAD_IN_NS, &slice);
	gb_begin(state);
	gb_set_time(state, slice.ns_per_unit / CLOCK_NS_PER_S);
	gb_end(state);
	gb_counter(state, "nbl_ops_per_s", slice.units_per_s);
	gb_counter(state, "nbl_ns_per_op", slice.ns_per_unit);
	gb_counter(state, "nbl_jain", slice.jain);
	/*
	 * Statistics of repetitions divide by a counter's mean, and JSON has no number for 0 / 0.
	 */
	if (slice.failed > 0)
		gb_counter(state, "nbl_failed", (double)slice.failed);
	if (slice.units > 0)
		well++;
	else
		skip(state, "no work was done in the window");
	count_calls(state, engine, micro->cell.shape.threads);
	engine_close(engine, &closing);
	if (closing.count != closing.expected || closing.check[0] != '\0') {
		skip(state, closing.check[0] ? closing.check : "objects were lost");
		lost = true;
	}
}

/*
 * Registration.
 */

static struct micro *registered;

/*
 * True if the cell is one for its strategy. What only the objects that were asked for rule out is
 * shown with the reason; two threads on `plain` are not.
 */
static bool belongs(const struct micro *micro)
{
	struct engine_cell usual = micro->cell;
	char why[ENGINE_REASON_BYTES];

	usual.object_align = 0;
	usual.pages = MEMORY_PAGES_ORDINARY;
	return engine_check(micro->subject.ops, micro->subject.workload, &usual, why) == 0;
}

/* "/256B/align2048/huge", of what was asked for. */
static void name_objects(const struct request *request, char *text, size_t bytes)
{
	text[0] = '\0';
	if (request->objects.bytes != USUAL_OBJECT_BYTES)
		append(text, bytes, "/%" PRIu64 "B", request->objects.bytes);
	if (request->objects.align != 0)
		append(text, bytes, "/align%" PRIu64, request->objects.align);
	if (request->objects.pages.count > 0)
		append(text, bytes, "/%s", request->objects.pages.item[0]);
}

static void add(const struct request *request, const char *pool, enum instance_dispatch dispatch,
	const char *workload, uint32_t threads)
{
	struct micro *micro = calloc(1, sizeof(*micro));
	char name[MICRO_NAME_BYTES], objects[MICRO_NAME_BYTES / 2];

	if (micro == NULL || !instance_find(pool, dispatch, workload, &micro->subject)) {
		free(micro);
		return;
	}
	micro->cell = (struct engine_cell){
		.shape = {.threads = threads,
			.burst = USUAL_BURST,
			.depth = USUAL_DEPTH,
			.seed = 1},
	};
	micro->cell.capacity = engine_capacity(micro->subject.workload, &micro->cell.shape);
	objects_set(&request->objects, &micro->cell);
	if (!belongs(micro)) {
		free(micro);
		return;
	}
	name_objects(request, objects, sizeof(objects));
	snprintf(name, sizeof(name), "%s/%s%s/t%u%s", workload, pool,
		dispatch == INSTANCE_TABLE ? "/table" : "", threads, objects);
	gb_bench *bench = gb_register(name, threads == 1 ? run_solo : run_engine, micro);
	if (bench == NULL) {
		free(micro);
		return;
	}
	if (threads > 1)
		gb_manual(bench);
	micro->next = registered;
	registered = micro;
}

/* After the last benchmark has run: the library keeps their addresses, and uses them no more. */
static void free_all(void)
{
	while (registered != NULL) {
		struct micro *next = registered->next;

		free(registered);
		registered = next;
	}
}

/* One thread where a workload can; one lane where it needs more; and one thread a CPU. */
static void add_all(const struct request *request, uint32_t cpus)
{
	for (size_t w = 0; workloads[w] != NULL; w++) {
		uint32_t lane = workloads[w]->lane_threads;
		uint32_t most = cpus / lane * lane;

		for (size_t p = 0; pools[p] != NULL; p++) {
			add(request, pools[p]->name, INSTANCE_FOLDED, workloads[w]->name, lane);
			add(request, pools[p]->name, INSTANCE_TABLE, workloads[w]->name, lane);
			if (most > lane)
				add(request, pools[p]->name, INSTANCE_FOLDED, workloads[w]->name,
					most);
		}
	}
}

static int micro_run(int argc, char **argv)
{
	static struct request request = {.objects.bytes = USUAL_OBJECT_BYTES};
	uint32_t cpus[ENGINE_THREADS_MAX];
	int allowed = topology_cpus(cpus, ENGINE_THREADS_MAX);
	int operand, status;

	if (allowed < 0) {
		fprintf(stderr, "nblbench micro: the CPUs cannot be found out: %s.\n",
			strerror(-allowed));
		return COMMAND_FAILED;
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			options_help(&options, &request);
	}
	if (!gb_initialize(&argc, argv))
		return COMMAND_FAILED;
	for (int i = 1; i < argc; i++) {
		/* The library takes what it understands, and has said what it doesn't. */
		if (strncmp(argv[i], "--benchmark_", strlen("--benchmark_")) != 0)
			continue;
		fprintf(stderr,
			"nblbench micro: Google Benchmark has no option '%s', or not with this "
			"value; --help lists them.\n",
			argv[i]);
		return COMMAND_USAGE;
	}
	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (request.objects.pages.count > 1) {
		fprintf(stderr, "nblbench micro: it takes one kind of pages; `nblbench sweep` "
				"takes lists.\n");
		return COMMAND_USAGE;
	}
	gb_context("nbl_build_id", build_id());
	add_all(&request, (uint32_t)(allowed < ENGINE_THREADS_MAX ? allowed : ENGINE_THREADS_MAX));
	uint64_t ran = gb_run();
	free_all();
	if (ran == 0) {
		fprintf(stderr,
			"nblbench micro: no benchmark matches; --benchmark_list_tests shows "
			"their names.\n");
		return COMMAND_USAGE;
	}
	if (well == 0 && failed > 0) {
		fprintf(stderr, "nblbench micro: no benchmark ran; each says why.\n");
		return COMMAND_FAILED;
	}
	return lost ? COMMAND_FAILED : COMMAND_OK;
}

const struct command command_micro = {
	.name = "micro",
	.summary = "run workloads under Google Benchmark, with its own options",
	.run = micro_run,
};
