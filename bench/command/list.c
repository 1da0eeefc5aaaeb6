/*
 * `nblbench list`: the strategies with what they promise and whether they run here, the context
 * policies and the workloads.
 */
#include "alloc/machine/compiler.h"
#include "alloc/pool.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/engine/instances.h"
#include "bench/sweep/controller.h"
#include "bench/sweep/job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { NAME_COLUMN = 14, WORKLOAD_COLUMN = 18, LIST_SUMMARY_BYTES = 256 };

struct request {
	bool markdown;
};

static const struct options_entry entries[] = {
	OPTION(FLAG, struct request, markdown, "markdown", 0, NULL,
		"the strategies as a Markdown table, as in README.md"),
};

static const struct options options = {
	.command = "list",
	.count = array_count(entries),
	.entry = entries,
	.summary =
		"Lists strategies, context policies, workloads and jobs. A strategy that can't run "
		"here says why.",
};

static const char *yes_or_no(bool trait)
{
	return trait ? "yes" : "no";
}

/* What is preloaded can be told only by a process in which it is. */
static void list_absence_in_worker(const struct pool_ops *pool)
{
	struct controller controller;
	static struct controller_worker worker;

	if (controller_begin(&controller) != 0)
		return;
	controller_spawn(
		&worker, &(struct controller_start){.pool = pool->name, .dispatch = "folded"});
	controller_greet(&controller, &worker);
	if (worker.state != NULL)
		printf("  %-*s can't run here: %s\n", NAME_COLUMN, "", worker.detail);
	controller_stop(&worker);
	controller_end(&controller);
}

/* Of an allocator nothing is counted that a forked child could miss. */
static void list_pools(void)
{
	printf("Strategies (--pool):\n  %-*s %-10s %-7s %-6s %-8s %-5s %-6s %-8s %s\n", NAME_COLUMN,
		"name", "progress", "cache", "exact", "signals", "fork", "trims", "prefill",
		"what it is");
	for (size_t i = 0; pools[i] != NULL; i++) {
		const struct pool_ops *pool = pools[i];
		char reason[POOL_REASON_BYTES];

		printf("  %-*s %-10s %-7s %-6s %-8s %-5s %-6s %-8s %s\n", NAME_COLUMN, pool->name,
			pool_progress_name(pool->traits.progress),
			pool_cache_name(pool->traits.cache), yes_or_no(pool->traits.exact),
			yes_or_no(pool->traits.signals), yes_or_no(!pool->traits.lost_in_fork),
			yes_or_no(pool->traits.trims), yes_or_no(pool->prefill != NULL),
			pool->summary);
		if (pool->preload != NULL) {
			printf("  %-*s in a worker with %s preloaded\n", NAME_COLUMN, "",
				pool->preload);
			list_absence_in_worker(pool);
		} else if (!pool->supported(reason)) {
			printf("  %-*s can't run here: %s\n", NAME_COLUMN, "", reason);
		}
	}
}

/* What the code says of itself; the same on every machine, so that a document can hold it. */
static void list_markdown(void)
{
	printf("| strategy | what it is | progress | cache | exact | signals | fork | trims | "
	       "prefill "
	       "|\n"
	       "|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; pools[i] != NULL; i++)
		printf("| `%s` | %s | %s | %s | %s | %s | %s | %s | %s |\n", pools[i]->name,
			pools[i]->summary, pool_progress_name(pools[i]->traits.progress),
			pool_cache_name(pools[i]->traits.cache), yes_or_no(pools[i]->traits.exact),
			yes_or_no(pools[i]->traits.signals),
			yes_or_no(!pools[i]->traits.lost_in_fork),
			yes_or_no(pools[i]->traits.trims), yes_or_no(pools[i]->prefill != NULL));
}

static void list_contexts(void)
{
	printf("\nContext policies (--context), over %s:\n", instance_context_pool);
	for (size_t i = 0; contexts[i] != NULL; i++)
		printf("  %-*s %s\n", NAME_COLUMN, contexts[i]->name, contexts[i]->summary);
	for (const struct instance_pair *pair = instance_pairs; pair->name != NULL; pair++)
		printf("%s%s", pair == instance_pairs ? "  In the whole also " : ", ", pair->name);
	if (instance_pairs[0].name != NULL)
		putchar('\n');
}

static void list_workloads(void)
{
	printf("\nWorkloads (--workload):\n  %-*s %-9s %-9s %s\n", WORKLOAD_COLUMN, "name",
		"threads", "counts", "what it does");
	for (size_t i = 0; workloads[i] != NULL; i++) {
		const struct workload *workload = workloads[i];

		char threads[32] = "any";

		if (workload->diagnostic && (i == 0 || !workloads[i - 1]->diagnostic))
			printf("  Diagnostics, in which nobody touches the objects' memory:\n");

		if (workload->lane_threads > 1)
			snprintf(threads, sizeof(threads), "%u, %u ...", workload->lane_threads,
				2 * workload->lane_threads);
		printf("  %-*s %-9s %-9s %s\n", WORKLOAD_COLUMN, workload->name, threads,
			workload->unit, workload->summary);
	}
}

static void list_jobs(void)
{
	char summary[LIST_SUMMARY_BYTES];

	printf("\nJobs (--job):\n");
	for (size_t i = 0; job_name(i) != NULL; i++) {
		job_summary(i, summary, sizeof(summary));
		printf("  %-*s %s\n", NAME_COLUMN, job_name(i), summary);
	}
}

static int list_run(int argc, char **argv)
{
	int operand, status;
	struct request request = {0};

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (request.markdown) {
		list_markdown();
		return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
	}
	list_pools();
	list_contexts();
	list_workloads();
	list_jobs();
	printf("\n"
	       "progress: what a stopped thread does to others.\n"
	       "cache: whose private stock the fast path uses.\n"
	       "exact: get finds a free object wherever it is.\n"
	       "signals: a handler may use the pool where it interrupts a call.\n"
	       "fork: a forked child can use its copy.\n"
	       "trims: memory of free objects can go back to the system.\n"
	       "A program that asks for no strategy gets %s here.\n",
		pool_default()->name);
	return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_list = {
	.name = "list",
	.summary = "list strategies, policies, workloads and jobs, with the reason where one can't "
		   "run",
	.run = list_run,
};
