/*
 * `nblbench run`: one strategy on one cell, in this process, for debuggers and profilers. What it
 * prints is not stored and not compared: a single process has its layout luck, and nothing ran
 * beside it.
 */
#include "alloc/machine/compiler.h"
#include "bench/base/clock.h"
#include "bench/base/number.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/command/objects.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/engine/loads.h"
#include "bench/engine/names.h"
#include "bench/engine/offsets.h"
#include "bench/engine/usual.h"
#include "bench/sweep/worker.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define RUN_NS_PER_MS 1e6

/* Short enough for a look, and long enough for a profiler's samples. */
#define RUN_SLICE_MS 100

struct run_request {
	struct options_names pool;
	struct options_names context;
	struct options_names workload;
	struct options_names dispatch;
	struct options_names placement;
	struct objects_request objects;
	uint64_t threads;
	uint64_t burst;
	uint64_t depth;
	uint64_t capacity;
	double slice_ms;
	uint64_t slices;
	uint64_t seed;
	bool latency;
	struct options_numbers loads;
	const char *arrivals;
};

static const struct options_entry entries[] = {
	OPTION(NAMES, struct run_request, pool, "pool", 'p', "NAME", "the strategy to run",
		.known = names_pools, .noun = "strategy"),
	OPTION(NAMES, struct run_request, context, "context", 'c', "NAME",
		"the context policy over it, for workloads that push context [malloc]",
		.known = names_contexts, .noun = "context policy"),
	OPTION(NAMES, struct run_request, workload, "workload", 'w', "NAME",
		"the workload to run on it", .known = names_workloads, .noun = "workload"),
	OPTION(NAMES, struct run_request, dispatch, "dispatch", 0, "NAME",
		"folded: the strategy is a constant; table: it is read at run time",
		.known = names_dispatches, .noun = "dispatch"),
	OPTION(COUNT, struct run_request, threads, "threads", 't', "N",
		"threads, each pinned to a CPU", 1, ENGINE_THREADS_MAX),
	OPTION(COUNT, struct run_request, burst, "burst", 'b', "N", "objects a bulk call", 1,
		POOL_BULK_MAX),
	OPTION(COUNT, struct run_request, depth, "depth", 'd', "N", "filter drivers on the stack",
		1, ENGINE_DEPTH_MAX),
	OBJECTS_OPTIONS(struct run_request, 's', 'a'),
	OPTION(NAMES, struct run_request, placement, "placement", 0, "NAME",
		"where threads run: cores, compact, spread, sibling, cache, other-cache or node "
		"[cores]",
		.known = names_placements, .noun = "placement"),
	OPTION(COUNT, struct run_request, capacity, "capacity", 0, "N",
		"objects of the pool; 0: as many as the cell needs", 0, ENGINE_CAPACITY_MAX),
	OPTION(REAL, struct run_request, slice_ms, "slice-ms", 0, "MS",
		"length of a slice in milliseconds",
		.real_least = (double)ENGINE_WINDOW_NS_MIN / RUN_NS_PER_MS,
		.real_most = (double)ENGINE_WINDOW_NS_MAX / RUN_NS_PER_MS),
	OPTION(COUNT, struct run_request, slices, "slices", 0, "N", "slices, one line each", 1,
		1000000),
	OPTION(FLAG, struct run_request, latency, "latency", 'l', NULL,
		"time single calls: percentiles by the path that a call took"),
	LOADS_OPTIONS(struct run_request, loads, arrivals),
	OPTION(COUNT, struct run_request, seed, "seed", 0, "N", "where all random order comes from",
		0, INT64_MAX),
};

static const struct options options = {
	.command = "run",
	.summary =
		"Runs one strategy on one workload in this process, for debuggers and profilers. "
		"Nothing is stored; compare strategies with a sweep.",
	.closing = "Example: nblbench run --pool treiber_tag --workload pair --threads 2",
	.count = array_count(entries),
	.entry = entries,
};

static uint64_t window_of(const struct run_request *request)
{
	return (uint64_t)(request->slice_ms * RUN_NS_PER_MS + 0.5);
}

static void print_slice(const struct workload *workload, const struct engine_slice *slice)
{
	char flags[ENGINE_FLAGS_BYTES];

	engine_flags_text(slice->flags, flags);
	printf("%.3f M %s/s  %.2f ns each  failed %" PRIu64 "  skew %.4f  jain %.3f  slowest %.3f"
	       "  refill %" PRIu64 " flush %" PRIu64 " grow %" PRIu64 " steal %" PRIu64
	       " empty %" PRIu64 " wait %" PRIu64 "%s%s\n",
		slice->units_per_s / 1e6, workload->unit, slice->ns_per_unit, slice->failed,
		slice->skew, slice->jain, slice->slowest_share, slice->paths.refill,
		slice->paths.flush, slice->paths.grow, slice->paths.steal, slice->paths.empty,
		slice->paths.wait, flags[0] ? "  flagged: " : "", flags);
}

enum { RUN_SIDES = 2 }; /* of a lane: none has more */

/* What was timed, by path, and all calls by the thread's place in its lane. */
struct run_times {
	struct latency_times of[LATENCY_HISTOGRAMS];
	struct latency_times side[RUN_SIDES];
};

/* What the threads of a slice timed, together. */
static void add_latency(struct run_times *sum, const struct engine_slice *slice, uint32_t threads)
{
	for (uint32_t i = 0; i < threads; i++) {
		for (int c = 0; c < LATENCY_HISTOGRAMS; c++) {
			const struct latency_times *times = &slice->threads[i].latency->of[c];

			latency_add(&sum->of[c], times);
			if (c < LATENCY_CLASSES)
				latency_add(&sum->side[i % RUN_SIDES], times);
		}
	}
}

/* The end of a line: the percentiles that there is evidence for, and the longest. */
static void print_percentiles(const struct latency_times *times)
{
	for (size_t i = 0; i < LATENCY_PERCENTILES; i++) {
		double ns = latency_percentile(&times->histogram, latency_percentiles[i]);

		if (isnan(ns))
			printf(" %9s", "-");
		else
			printf(" %9.1f", ns);
	}
	printf(" %9.0f\n", (double)times->longest / HISTOGRAM_NS);
}

static void print_times(const char *name, const struct latency_times *times, uint64_t all)
{
	uint64_t count = histogram_count(&times->histogram);

	printf("%-7s %10" PRIu64 " %7.3f %9.1f", name, count,
		all > 0 ? 100 * (double)count / (double)all : 0, latency_mean_ns(times));
	print_percentiles(times);
}

/*
 * Of a workload in which one thread gets and another puts: either side, and ages unless the CPUs'
 * clocks are too far apart for them.
 */
static void print_hand_over(
	const struct engine *engine, const struct run_times *sum, uint32_t threads, uint64_t calls)
{
	static struct offset offsets[ENGINE_THREADS_MAX];
	uint32_t cpus[ENGINE_THREADS_MAX];
	char text[OFFSETS_TEXT_BYTES(ENGINE_THREADS_MAX)];
	struct ticks ticks;
	uint32_t count = 0;

	for (uint32_t i = 0; i < RUN_SIDES; i++)
		print_times(names_side(i), &sum->side[i], calls);
	/* Where threads share CPUs, these come in turn. */
	while (count < threads && (count == 0 || engine_cpu(engine, count) != cpus[0])) {
		cpus[count] = engine_cpu(engine, count);
		count++;
	}
	ticks_open(&ticks, HISTOGRAM_NS, true, ticks_now());
	int rc = offsets_measure(&ticks, cpus, count, offsets);
	if (rc != 0) {
		printf("No ages: how far the CPUs' clocks are apart can't be measured: %s.\n",
			strerror(-rc));
		return;
	}
	const double apart = offsets_apart_ns(offsets, count);
	if (!offsets_allow_ages(apart, text, sizeof(text))) {
		printf("%s\n", text);
		return;
	}
	if (histogram_count(&sum->of[LATENCY_AGE].histogram) == 0) {
		printf("No ages: no object that was marked came back.\n");
		return;
	}
	print_times(latency_class_name(LATENCY_AGE), &sum->of[LATENCY_AGE], 0);
	printf("gets, puts: the calls of either thread. age: from before an object's put to after "
	       "the get that brings it back.\n");
	if (count == 1)
		return;
	offsets_describe(offsets, count, text, sizeof(text));
	printf("Ahead of CPU %" PRIu32 "'s clock: %s; any two at most %.0f ns apart.\n", cpus[0],
		text, apart);
}

/* The table of a run with --latency. */
static void print_latency(const struct engine *engine, const struct workload *workload,
	const struct run_times *times, uint32_t threads)
{
	const struct latency_times *sum = times->of;
	struct latency_times all = {0};
	char clock[TICKS_TEXT_BYTES];

	engine_describe_clock(engine, clock);
	printf("Single calls, ns, by %s. Of a path: calls timed, its share of all, their mean.\n"
	       "A percentile stands where at least %d calls were longer; nothing is subtracted: "
	       "`probe` is a call that does nothing.\n",
		clock, LATENCY_EVIDENCE);
	printf("%-7s %10s %7s %9s %9s %9s %9s %9s %9s %9s\n", "path", "calls", "%", "mean", "p50",
		"p90", "p99", "p99.9", "p99.99", "longest");
	for (int c = 0; c < LATENCY_CLASSES; c++)
		latency_add(&all, &sum[c]);
	uint64_t count = histogram_count(&all.histogram);
	for (int c = 0; c < LATENCY_CLASSES; c++) {
		if (sum[c].sum > 0)
			print_times(latency_class_name((enum latency_class)c), &sum[c], count);
	}
	print_times("all", &all, count);
	print_times(latency_class_name(LATENCY_PROBE), &sum[LATENCY_PROBE], 0);
	if (workload->lane_threads > 1 && histogram_count(&times->side[0].histogram) > 0)
		print_hand_over(engine, times, threads, count);
}

/* A load is kept if so much of what was to arrive was served. */
#define RUN_LOAD_KEPT 0.99

/* One load's slices of an open loop together; per_s 0 measures the capacity. False: a sentence. */
static bool run_load(struct engine *engine, const struct run_request *request,
	const struct arrivals *arrivals, double per_s, struct engine_open_loop *out)
{
	const uint64_t window_ns = window_of(request);
	struct engine_open_loop slice;
	char why[ENGINE_REASON_BYTES];

	*out = (struct engine_open_loop){.per_s = per_s};
	for (uint64_t i = 0; i < request->slices; i++) {
		if (engine_open_loop_slice(
			    engine, arrivals, per_s, window_ns, window_ns / 10, &slice, why) != 0) {
			fprintf(stderr, "nblbench run: %s\n", why);
			return false;
		}
		out->served_s += slice.served_s / (double)request->slices;
		out->arrived += slice.arrived;
		out->served += slice.served;
		out->late += slice.late;
		out->flags |= slice.flags;
		latency_add(&out->times, &slice.times);
	}
	return true;
}

/* The table of a run with --load. COMMAND_FAILED: a load was not kept, or could not be measured. */
static int run_loads(struct engine *engine, const struct run_request *request,
	const struct arrivals *arrivals, const char *how)
{
	static struct engine_open_loop loop;
	char clock[TICKS_TEXT_BYTES];
	char flags[ENGINE_FLAGS_BYTES];
	int status = COMMAND_OK;

	if (!run_load(engine, request, arrivals, 0, &loop))
		return COMMAND_FAILED;
	const double capacity = loop.served_s;

	engine_describe_clock(engine, clock);
	printf("Response times, ns, from the intended moment, by %s. Arrivals: %s; capacity %s a "
	       "second.\n"
	       "late: begun more than a microsecond after they had arrived.\n"
	       "%6s %10s %10s %8s %9s %9s %9s %9s %9s %9s\n",
		clock, how, number_plain(capacity).text, "load", "wanted/s", "served/s", "late",
		"p50", "p90", "p99", "p99.9", "p99.99", "longest");
	for (size_t i = 0; i < request->loads.count; i++) {
		const double wanted = capacity * (double)request->loads.item[i] / 100;

		if (!run_load(engine, request, arrivals, wanted, &loop))
			return COMMAND_FAILED;
		printf("%5" PRIu64 "%% %10s %10s %7.2f%%", request->loads.item[i],
			number_plain(wanted).text, number_plain(loop.served_s).text,
			100 * (double)loop.late / (double)(loop.arrived > 0 ? loop.arrived : 1));
		print_percentiles(&loop.times);
		engine_flags_text(loop.flags, flags);
		if (flags[0] != '\0')
			printf("       flagged: %s\n", flags);
		if (loop.served_s >= RUN_LOAD_KEPT * wanted)
			continue;
		fflush(stdout);
		fprintf(stderr,
			"nblbench run: a load of %" PRIu64 " %% was not kept: %.3g of %.3g "
			"arrivals a second were served, so its response times only grow.\n",
			request->loads.item[i], loop.served_s, wanted);
		status = COMMAND_FAILED;
	}
	return status;
}

/* The name that was asked for, or the default. */
static const char *first_name(const struct options_names *names, const char *fallback)
{
	return names->count > 0 ? names->item[0] : fallback;
}

/*
 * Finds the case that was asked for. False: there is no such case, and a sentence said why; only a
 * policy that does not go with the rest can be the reason, since all names are known.
 */
static bool find_case(const struct run_request *request, char *name, struct workload_case *out)
{
	const char *policy = first_name(&request->context, NULL);
	const char *pool =
		first_name(&request->pool, policy ? instance_context_pool : pool_default()->name);
	const char *workload = first_name(&request->workload, workloads[0]->name);
	enum instance_dispatch dispatch = INSTANCE_FOLDED;

	instance_dispatch_find(first_name(&request->dispatch, "folded"), &dispatch);
	snprintf(
		name, INSTANCE_NAME_BYTES, "%s%s%s", pool, policy ? "+" : "", policy ? policy : "");
	if (instance_find(name, dispatch, workload, out))
		return true;
	if (instance_context(name) == NULL || dispatch != INSTANCE_FOLDED)
		fprintf(stderr,
			"nblbench run: context policies run over %s, folded, and over some pools "
			"that `nblbench list` names.\n",
			instance_context_pool);
	else if (strcmp(pool, instance_context_pool) != 0)
		fprintf(stderr,
			"nblbench run: %s is not the whole, in which alone policies run over %s.\n",
			workload, pool);
	else
		fprintf(stderr, "nblbench run: %s pushes no context: leave --context out.\n",
			workload);
	return false;
}

static int run_cell(const struct workload_case *subject, const char *name,
	const struct engine_cell *cell, const struct run_request *request,
	const struct arrivals *arrivals, const char *how)
{
	int status = COMMAND_OK;
	struct engine_closing closing;
	static struct run_times sum;
	struct engine_slice slice;
	struct engine *engine;
	char why[ENGINE_REASON_BYTES];

	if (engine_open(subject, cell, &engine, why) != 0) {
		fprintf(stderr, "nblbench run: %s\n", why);
		return COMMAND_FAILED;
	}
	/* Here, unlike in a sweep, the row is whatever the environment preloads. */
	if (subject->ops->traits.kind == POOL_KIND_ALLOCATOR) {
		char allocator[64];

		worker_allocator_name(allocator, sizeof(allocator));
		printf("malloc is that of %s; ", allocator);
	}
	printf("%s on %s, %" PRIu32 " thread%s, a pool of %" PRIu32 " objects; not stored\n",
		subject->workload->name, name, cell->shape.threads,
		cell->shape.threads == 1 ? "" : "s", engine_pool_capacity(engine));
	for (uint64_t i = 0; i < request->slices; i++) {
		const uint64_t window_ns = window_of(request);

		if (!request->latency) {
			engine_slice(engine, window_ns, window_ns / 10, &slice);
		} else if (engine_latency_slice(engine, window_ns, window_ns / 10, &slice, why) ==
			   0) {
			add_latency(&sum, &slice, cell->shape.threads);
		} else {
			fprintf(stderr, "nblbench run: %s\n", why);
			engine_close(engine, NULL);
			return COMMAND_FAILED;
		}
		print_slice(subject->workload, &slice);
	}
	if (request->latency)
		print_latency(engine, subject->workload, &sum, cell->shape.threads);
	if (request->loads.count > 0)
		status = run_loads(engine, request, arrivals, how);
	engine_close(engine, &closing);
	if (closing.count == closing.expected && closing.check[0] == '\0')
		return status;
	fprintf(stderr,
		"nblbench run: %" PRIu64 " of %" PRIu64
		" objects came back; the check says '%s'.\n",
		closing.count, closing.expected, closing.check);
	return COMMAND_FAILED;
}

static int run_run(int argc, char **argv)
{
	static struct run_request request = {
		.threads = 1,
		.burst = USUAL_BURST,
		.depth = USUAL_DEPTH,
		.objects.bytes = USUAL_OBJECT_BYTES,
		.slice_ms = RUN_SLICE_MS,
		.slices = 1,
		.seed = 1,
	};
	struct workload_case subject;
	char name[INSTANCE_NAME_BYTES];
	char why[ENGINE_REASON_BYTES];
	int operand;
	int status;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (request.pool.count > 1 || request.context.count > 1 || request.workload.count > 1 ||
		request.dispatch.count > 1 || request.objects.pages.count > 1 ||
		request.placement.count > 1) {
		fprintf(stderr, "nblbench run: it runs one strategy on one workload; "
				"`nblbench sweep` takes lists.\n");
		return COMMAND_USAGE;
	}
	if (!find_case(&request, name, &subject))
		return COMMAND_USAGE;

	struct engine_cell cell = {
		.shape = {.threads = (uint32_t)request.threads,
			.burst = (uint32_t)request.burst,
			.depth = (uint32_t)request.depth,
			.seed = request.seed},
		.capacity = (uint32_t)request.capacity,
	};
	objects_set(&request.objects, &cell);
	placement_find(
		first_name(&request.placement, placement_name(PLACEMENT_CORES)), &cell.placement);
	if (engine_check(subject.ops, subject.workload, &cell, why) != 0) {
		fprintf(stderr, "nblbench run: %s\n", why);
		return COMMAND_USAGE;
	}
	if (request.latency && subject.workload->untimed) {
		fprintf(stderr,
			"nblbench run: %s has no calls that are timed: leave --latency "
			"out.\n",
			subject.workload->name);
		return COMMAND_USAGE;
	}
	const char *how = request.arrivals;
	struct arrivals arrivals;
	if (!arrivals_choose(&how, request.loads.count, &arrivals, why)) {
		fprintf(stderr, "nblbench run: %s.\n", why);
		return COMMAND_USAGE;
	}
	return run_cell(&subject, name, &cell, &request, &arrivals, how);
}

const struct command command_run = {
	.name = "run",
	.summary = "run one strategy on one workload in this process, for debuggers",
	.run = run_run,
};
