/*
 * `nblbench micro`: the workloads under Google Benchmark, with all its flags and output formats.
 * For a quick look and for the tools that read its format; a sweep is what compares strategies.
 *
 * Names are <workload>/<strategy>/t<threads>, with /table before the threads for the run-time
 * table. One-thread cells (t1) use the library's own loop: an iteration is a round. Cells with one
 * lane or one thread a CPU use the engine, as its own threads overlap only by chance: an iteration
 * is a unit of work, and the time is threads a lane / throughput. Rates are counters of our own
 * (nbl_...), because the library's rates divide by a mean of thread times.
 */
#include "bench/build_id.h"
#include "bench/clock.h"
#include "bench/command.h"
#include "bench/engine.h"
#include "bench/gbench_shim.h"
#include "bench/instances.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MICRO_BURST = 32,        /* DPDK's customary burst */
	MICRO_DEPTH = 4,         /* filter drivers on a stack: a busy one */
	MICRO_OBJECT_BYTES = 64, /* a cache line: the pool's own cost, not the memory's */
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

/* A benchmark that lost objects makes the command fail after all are shown. */
static bool lost;

/*
 * One thread, the library's loop.
 */

/* A cell on the calling thread, which is not pinned. */
struct solo {
	struct pool *pool;
	struct workload_thread t;
};

static int solo_open(const struct micro *micro, struct solo *solo)
{
	const struct workload *workload = micro->subject.workload;
	const struct pool_ops *ops = micro->subject.ops;
	const struct pool_config config = {
		.object_bytes = micro->cell.object_bytes,
		.capacity = engine_capacity(workload, &micro->cell.shape),
	};
	int rc;

	*solo = (struct solo){.t = {.cell = &micro->cell.shape}};
	if (workload->create != NULL)
		rc = workload->create(
			ops, &config, &micro->cell.shape, &solo->t.shared, &solo->pool);
	else
		rc = pool_create(ops, &config, &solo->pool);
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

static void run_solo(gb_state *state, void *arg)
{
	const struct micro *micro = arg;
	char why[POOL_REASON_BYTES];
	struct solo solo;

	if (!micro->subject.ops->supported(why)) {
		gb_skip(state, why);
		return;
	}
	int rc = solo_open(micro, &solo);
	if (rc != 0) {
		gb_skip(state, strerror(-rc));
		return;
	}
	micro->subject.run(solo.pool, &solo.t, MICRO_WARM_ROUNDS);
	uint64_t failed = solo.t.failed;
	uint64_t n = (uint64_t)gb_begin(state);
	uint64_t start_ns = clock_now_ns();
	uint64_t units = micro->subject.run(solo.pool, &solo.t, n);
	uint64_t ns = clock_now_ns() - start_ns;
	gb_end(state);

	gb_counter(state, "nbl_ops_per_s", (double)units * CLOCK_NS_PER_S / (double)(ns | 1));
	gb_counter(state, "nbl_ns_per_op", (double)ns / (double)(units | (units == 0)));
	if (solo.t.failed != failed)
		gb_skip(state, "the pool ran dry, so fewer rounds were done than were timed");
	if (!solo_close(micro, &solo, why)) {
		gb_skip(state, why);
		lost = true;
	}
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
		gb_skip(state, why);
		return;
	}
	engine_slice(engine, MICRO_WINDOW_NS, MICRO_LEAD_IN_NS, &slice);
	double lanes = (double)micro->cell.shape.threads / micro->subject.workload->lane_threads;
	double ns_per_op = slice.units > 0 ? lanes * CLOCK_NS_PER_S / slice.units_per_s : 0;
	gb_begin(state);
	gb_set_time(state, ns_per_op / CLOCK_NS_PER_S);
	gb_end(state);
	gb_counter(state, "nbl_ops_per_s", slice.units_per_s);
	gb_counter(state, "nbl_ns_per_op", ns_per_op);
	gb_counter(state, "nbl_jain", slice.jain);
	gb_counter(state, "nbl_failed", (double)slice.failed);
	if (slice.units == 0)
		gb_skip(state, "no work was done in the window");
	engine_close(engine, &closing);
	if (closing.count != closing.expected || closing.check[0] != '\0') {
		gb_skip(state, closing.check[0] ? closing.check : "objects were lost");
		lost = true;
	}
}

/*
 * Registration.
 */

static struct micro *registered;

static void add(
	const char *pool, enum instance_dispatch dispatch, const char *workload, uint32_t threads)
{
	struct micro *micro = calloc(1, sizeof(*micro));
	char name[MICRO_NAME_BYTES];
	char why[ENGINE_REASON_BYTES];

	if (micro == NULL || !instance_find(pool, dispatch, workload, &micro->subject)) {
		free(micro);
		return;
	}
	micro->cell = (struct engine_cell){
		.shape = {.threads = threads,
			.burst = MICRO_BURST,
			.depth = MICRO_DEPTH,
			.seed = 1},
		.object_bytes = MICRO_OBJECT_BYTES,
	};
	if (engine_check(micro->subject.ops, micro->subject.workload, &micro->cell, why) != 0) {
		free(micro); /* not a cell for this strategy: two threads on `plain` */
		return;
	}
	snprintf(name, sizeof(name), "%s/%s%s/t%u", workload, pool,
		dispatch == INSTANCE_TABLE ? "/table" : "", threads);
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
static void add_all(uint32_t cpus)
{
	for (size_t w = 0; workloads[w] != NULL; w++) {
		uint32_t lane = workloads[w]->lane_threads;
		uint32_t most = cpus / lane * lane;

		for (size_t p = 0; pools[p] != NULL; p++) {
			add(pools[p]->name, INSTANCE_FOLDED, workloads[w]->name, lane);
			add(pools[p]->name, INSTANCE_TABLE, workloads[w]->name, lane);
			if (most > lane)
				add(pools[p]->name, INSTANCE_FOLDED, workloads[w]->name, most);
		}
	}
}

static int micro_run(int argc, char **argv)
{
	uint32_t cpus[ENGINE_THREADS_MAX];
	int allowed = topology_cpus(TOPOLOGY_COMPACT, cpus, ENGINE_THREADS_MAX);

	if (allowed < 0) {
		fprintf(stderr, "nblbench micro: the CPUs cannot be found out: %s.\n",
			strerror(-allowed));
		return COMMAND_FAILED;
	}
	if (!gb_initialize(&argc, argv))
		return COMMAND_USAGE;
	gb_context("nbl_build_id", build_id());
	add_all((uint32_t)(allowed < ENGINE_THREADS_MAX ? allowed : ENGINE_THREADS_MAX));
	uint64_t ran = gb_run();
	free_all();
	if (ran == 0) {
		fprintf(stderr,
			"nblbench micro: no benchmark matches; --benchmark_list_tests shows "
			"their names.\n");
		return COMMAND_USAGE;
	}
	return lost ? COMMAND_FAILED : COMMAND_OK;
}

const struct command command_micro = {
	.name = "micro",
	.summary = "run workloads under Google Benchmark, with its own options",
	.run = micro_run,
};
