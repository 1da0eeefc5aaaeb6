/*
 * `nblbench count`: compare-and-swaps that were lost and restartable sections that were aborted, a line a
 * workload and strategy. Counting changes what is timed, so it takes a build of its own
 * (alloc/atomic/count.h), which tells no times.
 */
#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "bench/base/number.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/engine/names.h"
#include "bench/engine/usual.h"

#include <stdio.h>
#include <string.h>

#define COUNT_NS_PER_MS  1e6
#define COUNT_SLICE_MS   20
#define COUNT_A_MILLION  1e6
#define COUNT_A_THOUSAND 1e3

struct count_request {
	struct options_names pools;
	struct options_names workloads;
	uint64_t threads;
	uint64_t burst;
	double slice_ms;
	uint64_t seed;
};

static const struct options_entry entries[] = {
	OPTION(NAMES, struct count_request, pools, "pool", 'p', "LIST", "strategies [all]",
		.known = names_pools, .noun = "strategy"),
	OPTION(NAMES, struct count_request, workloads, "workload", 'w', "LIST",
		"workloads [those of a usual sweep]", .known = names_workloads, .noun = "workload"),
	OPTION(COUNT, struct count_request, threads, "threads", 't', "N",
		"threads; as many more as a workload needs to hand over", 1, ENGINE_THREADS_MAX),
	OPTION(COUNT, struct count_request, burst, "burst", 'b', "N", "objects a bulk call", 1,
		POOL_BULK_MAX),
	OPTION(REAL, struct count_request, slice_ms, "slice-ms", 0, "MS",
		"how long is counted, in milliseconds",
		.real_least = (double)ENGINE_WINDOW_NS_MIN / COUNT_NS_PER_MS,
		.real_most = (double)ENGINE_WINDOW_NS_MAX / COUNT_NS_PER_MS),
	OPTION(COUNT, struct count_request, seed, "seed", 0, "N",
		"where all random order comes from", 0, INT64_MAX),
};

static const struct options options = {
	.command = "count",
	.summary =
		"Counts, for each workload and strategy, the compare-and-swaps that were lost and "
		"the restartable\nsections that were aborted. Takes a build that counts and times "
		"nothing; the launcher makes it.",
	.closing = "What DPDK, Concurrency Kit, liburcu and mallocs do inside is not counted.\n"
		   "Exit status: 0 done; 1 this build does not count, or a strategy failed; 2 "
		   "usage.",
	.count = array_count(entries),
	.entry = entries,
};

/* Whether a list has the name, or is empty and `usual` says so. */
static bool has(const struct options_names *names, const char *name, bool usual)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->item[i], name) == 0)
			return true;
	}
	return names->count == 0 && usual;
}

/* "-" of nothing. */
static struct number of_each(uint64_t count, double of, double all)
{
	return number_plain((double)count * of / all);
}

static void print_row(
	const char *workload, const char *pool, uint32_t threads, const struct engine_slice *slice)
{
	const struct atom_tally *t = &slice->tally;
	const double units = (double)slice->units, cas = (double)t->cas;
	const double sections = (double)t->sections;

	printf("%-20s %-16s %7u %10s %10s %10s %12s %12s\n", workload, pool, (unsigned)threads,
		of_each(t->cas, COUNT_A_THOUSAND, units).text, of_each(t->lost, 100, cas).text,
		of_each(t->sections, COUNT_A_THOUSAND, units).text,
		of_each(t->aborted, COUNT_A_MILLION, sections).text,
		of_each(t->retried, COUNT_A_MILLION, sections).text);
}

/* False: it failed, and a sentence said how. */
static bool count_row(const struct workload_case *subject, const struct count_request *request)
{
	const uint32_t lane = subject->workload->lane_threads;
	const uint32_t asked = (uint32_t)request->threads;
	const struct engine_cell cell = {
		.shape = {.threads = (asked + lane - 1) / lane * lane,
			.burst = (uint32_t)request->burst,
			.depth = USUAL_DEPTH,
			.seed = request->seed},
		.object_bytes = USUAL_OBJECT_BYTES,
	};
	const uint64_t window_ns = (uint64_t)(request->slice_ms * COUNT_NS_PER_MS + 0.5);
	struct engine_closing closing;
	struct engine_slice slice;
	struct engine *engine;
	char why[ENGINE_REASON_BYTES], reason[POOL_REASON_BYTES];

	/* What cannot be run so is no failure: a strategy for one thread, or one that is missing. */
	if (engine_check(subject->ops, subject->workload, &cell, why) != 0 ||
		!subject->ops->supported(reason))
		return true;
	if (engine_open(subject, &cell, &engine, why) != 0) {
		fprintf(stderr, "nblbench count: %s\n", why);
		return false;
	}
	engine_slice(engine, window_ns, window_ns / 10, &slice);
	print_row(subject->workload->name, subject->ops->name, cell.shape.threads, &slice);
	engine_close(engine, &closing);
	if (closing.count == closing.expected && closing.check[0] == '\0')
		return true;
	fprintf(stderr, "nblbench count: %s lost objects in %s.\n", subject->ops->name,
		subject->workload->name);
	return false;
}

static int run_count(int argc, char **argv)
{
	struct count_request request = {.threads = options_cpus(),
		.burst = USUAL_BURST,
		.slice_ms = COUNT_SLICE_MS,
		.seed = 1};
	struct workload_case subject;
	int operand, status;
	bool well = true;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (!atom_counts) {
		fprintf(stderr,
			"nblbench count: this build does not count, so that it can be timed. "
			"`./nblbench count` makes one that does, and so does `cmake --preset "
			"count`.\n");
		return COMMAND_FAILED;
	}
	printf("Compare-and-swaps and restartable sections: how many a thousand units; of them, "
	       "how "
	       "many were lost in %%, aborted and retried in a million.\n%-20s %-16s %7s %10s %10s "
	       "%10s %12s %12s\n",
		"workload", "strategy", "threads", "swaps", "lost, %", "sections", "aborted",
		"retried");
	for (size_t w = 0; workloads[w] != NULL; w++) {
		const bool usual = !workloads[w]->by_name && workloads[w]->stall_ms == 0 &&
				   !(workloads[w]->axes & WORKLOAD_CONTEXT);

		if (!has(&request.workloads, workloads[w]->name, usual))
			continue;
		for (size_t p = 0; pools[p] != NULL; p++) {
			if (has(&request.pools, pools[p]->name, true) &&
				instance_find(pools[p]->name, INSTANCE_FOLDED, workloads[w]->name,
					&subject))
				well &= count_row(&subject, &request);
		}
	}
	return well && fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_count = {
	.name = "count",
	.summary = "lost compare-and-swaps and aborted sections, in a build that counts",
	.run = run_count,
};
