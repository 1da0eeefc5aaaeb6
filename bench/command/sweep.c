/*
 * `nblbench sweep`: settles the plan, has it measured, and ends with the ranked table and the
 * reports.
 */
#include "bench/base/append.h"
#include "bench/base/clock.h"
#include "bench/base/options.h"
#include "bench/base/progress.h"
#include "bench/command/command.h"
#include "bench/command/loads.h"
#include "bench/engine/instances.h"
#include "bench/engine/names.h"
#include "bench/report/report.h"
#include "bench/sweep/fingerprint.h"
#include "bench/sweep/measure.h"
#include "bench/sweep/plan.h"
#include "bench/sweep/store.h"

#include "alloc/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { COMMAND_TEXT_BYTES = 2048 };

/* Where results go unless --out or --store says otherwise. */
#define USUAL_DIRECTORY "nblbench-out"

/* The engine's shortest window. */
#define SLICE_MS_LEAST ((double)ENGINE_WINDOW_NS_MIN / 1e6)

/* A sweep of such a length says so before it begins. */
#define LONG_SWEEP_NS (600 * (uint64_t)CLOCK_NS_PER_S)

struct request {
	struct plan_request plan;
	const char *out, *store;
	bool fresh, dry_run;
};

static const struct options_entry entries[] = {
	OPTION(FLAG, struct request, plan.quick, "quick", 'q', NULL,
		"a first look, which takes a minute: all strategies, one lane and one thread a "
		"CPU, one burst, depth and size; 3 forks of 6 blocks, slices of 1 to 5 ms. No "
		"drivers' profiles, no context policies, and the figures are preliminary. What is "
		"asked for beside it is measured as well, and takes longer"),
	OPTION(TEXT, struct request, out, "out", 'o', "DIR",
		"directory for sweep.db, report.html and report.md; made in one that exists "
		"[quick, full or custom-XXXXXXXX in ./nblbench-out]"),
	OPTION(TEXT, struct request, store, "store", 0, "FILE", "result store [sweep.db in DIR]"),
	OPTION(FLAG, struct request, fresh, "fresh", 0, NULL,
		"start over: a store that is there is moved aside, not deleted"),
	OPTION(FLAG, struct request, dry_run, "dry-run", 'n', NULL,
		"say what would be done, how long it takes and how much room it needs; run and "
		"write nothing"),
	OPTION(NAMES, struct request, plan.pools, "pool", 0, "A,B", "strategies that compete [all]",
		.known = names_pools, .noun = "strategy"),
	OPTION(NAMES, struct request, plan.contexts, "context", 0, "A,B",
		"context policies that compete, all over one strategy [all; none with --quick or "
		"--pool]",
		.known = names_contexts, .noun = "context policy"),
	OPTION(NAMES, struct request, plan.workloads, "workload", 0, "A,B",
		"workloads [all but stalled_*, which stop threads for long; with --quick, no "
		"drivers' "
		"profiles, and what pushes context only where policies compete]",
		.known = names_workloads, .noun = "workload"),
	OPTION(NAMES, struct request, plan.dispatch, "dispatch", 0, "A,B",
		"how a strategy is reached: folded (inlined), table (through pointers) [folded]",
		.known = names_dispatches, .noun = "dispatch"),
	OPTION(NUMBERS, struct request, plan.threads, "threads", 't', "LIST",
		"threads of a cell [1 and N; without --quick the powers of two between and 2N as "
		"well]",
		1, ENGINE_THREADS_MAX),
	OPTION(NUMBERS, struct request, plan.bursts, "burst", 0, "LIST",
		"objects a bulk call [32; without --quick 8,32,128]", 1, POOL_BULK_MAX),
	OPTION(NUMBERS, struct request, plan.depths, "depth", 0, "LIST",
		"filter drivers on a stack [4; without --quick 1,4,8]", 1, ENGINE_DEPTH_MAX),
	OPTION(NUMBERS, struct request, plan.sizes, "size", 0, "LIST",
		"bytes an object [256, or what the workload needs]", POOL_OBJECT_BYTES_MIN,
		POOL_OBJECT_BYTES_MAX),
	OPTION(NUMBERS, struct request, plan.aligns, "align", 0, "LIST",
		"bytes an object is aligned to [64 in a pool, malloc's own in a malloc]",
		POOL_OBJECT_ALIGN_MIN, POOL_OBJECT_ALIGN_MAX, .power_of_two = true),
	OPTION(NAMES, struct request, plan.pages, "pages", 0, "A,B",
		"pages under a pool's objects: ordinary, transparent (huge where the kernel finds "
		"room), huge (reserved by vm.nr_hugepages) [ordinary]",
		.known = names_pages, .noun = "kind of pages"),
	OPTION(COUNT, struct request, plan.forks, "forks", 0, "N",
		"sets of worker processes [10; 3 with --quick]", 1, PLAN_FORKS_MAX),
	OPTION(COUNT, struct request, plan.blocks, "blocks", 0, "N",
		"blocks a fork, in each of which every subject has one slice [20; 8 with --quick]",
		1, PLAN_BLOCKS_MAX),
	OPTION(REAL, struct request, plan.slice_ms, "slice-ms", 0, "MS",
		"length of a slice in milliseconds, ten times that where threads outnumber CPUs "
		"[2; with --quick 1 to 5, as a minute allows]",
		.real_least = SLICE_MS_LEAST, .real_most = 1000),
	OPTION(FLAG, struct request, plan.no_latency, "no-latency", 0, NULL,
		"throughput alone: no slices in which single calls are timed"),
	LOADS_OPTIONS(struct request, plan.loads, plan.arrivals),
	OPTION(COUNT, struct request, plan.seed, "seed", 0, "N",
		"where all random order comes from", 0, INT64_MAX),
};

static const struct options options = {
	.command = "sweep",
	.summary =
		"Measures strategies under workloads, in worker processes that take turns, and "
		"writes a report.\n"
		"A sweep that was stopped or killed goes on when the same command is given again.\n"
		"LIST is 1,2,4 or 1..8 or 1..64*2 (factor) or 2..10+2 (step); N in it is the "
		"number "
		"of CPUs.",
	.closing = "Exit status: 0 done; 1 failure, or a strategy crashed, hung or lost an object; "
		   "2 usage;\n130 interrupted (what was measured is kept). One Ctrl-C finishes the "
		   "slice, two stop at once.",
	.count = array_count(entries),
	.entry = entries,
};

/* A sweep that was asked for. */
struct sweep {
	const struct plan *plan;
	const char *out, *store_path;
	struct store *store;
	struct measure_outcome outcome;
	char why[STORE_WHY_BYTES];
};

/* Prints a line to standard error. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "nblbench sweep: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

static int complain(const char *text)
{
	say("%s.", text);
	return COMMAND_FAILED;
}

/* Makes the directory for the results, and checks before the measuring that they can be written. */
static int prepare_directory(const struct request *request, const char *out)
{
	char why[REPORT_WHY_BYTES];
	const bool usual = request->out == NULL && request->store == NULL;

	if ((usual && report_make_directory(USUAL_DIRECTORY, why, sizeof(why)) != 0) ||
		report_make_directory(out, why, sizeof(why)) != 0 ||
		report_check(out, why, sizeof(why)) != 0) {
		say("%s", why);
		return -1;
	}
	return 0;
}

/* The smaller of the machine's memory and the control group's limit. */
static uint64_t memory_limit_bytes(void)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit;
	FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");

	if (file == NULL)
		return bytes;
	if (fscanf(file, "%" SCNu64, &limit) == 1 && limit < bytes)
		bytes = limit;
	fclose(file);
	return bytes;
}

/* More than half of memory for pools is refused: the rest of the system would swap or be killed. */
static bool has_room(const struct plan *plan)
{
	const uint64_t need = plan_memory_bytes(plan), have = memory_limit_bytes();

	if (need <= have / 2)
		return true;
	say("the pools of one cell need %" PRIu64 " MiB together, more than half of the %" PRIu64
	    " MiB that there are; name fewer strategies, fewer threads or smaller objects.",
		need >> 20, have >> 20);
	return false;
}

static void print_plan(const struct plan *plan, FILE *out)
{
	char time[PROGRESS_TIME_BYTES];

	fprintf(out,
		"%zu cell%s x %zu subjects, %" PRIu32 " fork%s of %" PRIu32
		" block%s, seed %" PRIu64 "; about %s, %" PRIu64 " MiB of memory, %" PRIu64
		" MiB of disk",
		plan->cell_count, plan->cell_count == 1 ? "" : "s", plan->subject_count,
		plan->forks, plan->forks == 1 ? "" : "s", plan->blocks,
		plan->blocks == 1 ? "" : "s", plan->seed, progress_time(plan_eta_ns(plan), time),
		(plan_memory_bytes(plan) >> 20) + 1, (plan_store_bytes(plan) >> 20) + 1);
}

/*
 * Says how long a long sweep takes, and what would be shorter: the same with --quick, one fork
 * instead of many, fewer of everything.
 */
static void announce_length(
	const struct request *request, const struct plan *plan, uint64_t left_ns)
{
	char time[PROGRESS_TIME_BYTES], why[PLAN_WHY_BYTES];
	struct plan_request shorter = request->plan;
	struct plan *quick = NULL;

	if (left_ns <= LONG_SWEEP_NS)
		return;
	fprintf(stderr, "nblbench sweep: this takes about %s.", progress_time(left_ns, time));
	/* Names point into the request's own text, which lives as long. */
	shorter.quick = true;
	shorter.forks = shorter.blocks = 0;
	shorter.slice_ms = 0;
	if (!request->plan.quick && plan_make(&shorter, &quick, why) == 0) {
		fprintf(stderr, " --quick instead%s takes %s;",
			request->plan.forks != 0 || request->plan.blocks != 0
				? " of --forks and --blocks"
				: "",
			progress_time(plan_eta_ns(quick), time));
		plan_free(quick);
	}
	if (plan->forks > 1)
		fprintf(stderr, " --forks 1 takes %s and is preliminary;",
			progress_time(plan_eta_ns(plan) / plan->forks, time));
	fprintf(stderr,
		" --pool, --workload and --threads name less; --dry-run shows what takes how "
		"long. Ctrl-C keeps what is measured.\n");
}

static int dry_run(const struct plan *plan, const char *store_path)
{
	char time[PROGRESS_TIME_BYTES];
	bool oversubscribed = false;

	print_plan(plan, stdout);
	printf(".\n\nCells, with the length of a slice and the time for all of them:\n");
	for (size_t i = 0; i < plan->cell_count; i++) {
		const uint64_t ns = (uint64_t)plan->forks * plan->blocks * plan_block_ns(plan, i);

		printf("  %-40s %6.1f ms %8s\n", plan->cell[i].label,
			(double)plan->cell[i].slice_ns / 1e6, progress_time(ns, time));
		oversubscribed |= plan->cell[i].oversubscribed;
	}
	if (oversubscribed)
		printf("Where threads outnumber CPUs, a strategy whose threads wait in line for "
		       "each other takes longer, up\nto %d times its part of the cell; then it is "
		       "measured in fewer blocks.\n",
			PLAN_RATION_FACTOR);
	printf("\nSubjects:\n");
	for (size_t i = 0; i < plan->subject_count; i++)
		printf("  %s\n", plan->subject[i].label);
	printf("\nThe store would be %s. Nothing was run or written.\n", store_path);
	return COMMAND_OK;
}

/* How much of a word stands before an option's value that is in it; SIZE_MAX: it is not. */
static size_t before(const char *value, const char *word)
{
	const uintptr_t at = (uintptr_t)value - (uintptr_t)word;

	return value != NULL && at < strlen(word) ? at : SIZE_MAX;
}

/*
 * The command line as it was typed, for the store; but where the results go is this machine's business,
 * and a store is given away: DIR and FILE stand for it. The request's paths point into argv.
 */
static void join_command(int argc, char **argv, const struct request *request, char *text)
{
	strcpy(text, "nblbench");
	for (int i = 0; i < argc; i++) {
		const char *quote =
			strpbrk(argv[i], " \t\n\"'\\$&|;<>()*?[]#~`!{}") != NULL ? "'" : "";
		const size_t out = before(request->out, argv[i]);
		const size_t store = before(request->store, argv[i]);
		const size_t shown = out < store ? out : store;

		if (shown < SIZE_MAX)
			append(text, COMMAND_TEXT_BYTES, " %.*s%s", (int)shown, argv[i],
				out < store ? "DIR" : "FILE");
		else
			append(text, COMMAND_TEXT_BYTES, " %s%s%s", quote, argv[i], quote);
	}
}

/*
 * Where things go: --out and --store, or a directory named for what is asked. Both of PATH_MAX
 * bytes; false if a path doesn't fit.
 */
static bool settle_paths(
	const struct request *request, const struct plan *plan, char *out, char *store_path)
{
	char name[PATH_MAX];
	int length;

	if (request->out != NULL) {
		length = snprintf(out, PATH_MAX, "%s", request->out);
	} else if (request->store != NULL) {
		length = snprintf(name, sizeof(name), "%s", request->store);
		if (length < PATH_MAX)
			length = snprintf(out, PATH_MAX, "%s", dirname(name));
	} else if (plan_is_default(&request->plan)) {
		length = snprintf(
			out, PATH_MAX, USUAL_DIRECTORY "/%s", plan->quick ? "quick" : "full");
	} else {
		length = snprintf(out, PATH_MAX, USUAL_DIRECTORY "/custom-%.8s", plan->digest);
	}
	if (length < PATH_MAX)
		length = request->store != NULL
				 ? snprintf(store_path, PATH_MAX, "%s", request->store)
				 : snprintf(store_path, PATH_MAX, "%s/sweep.db", out);
	return length < PATH_MAX;
}

/* What is to be said of the store when all is done; the exit status. */
static int conclude(const struct sweep *self, uint64_t missing, uint64_t troubles, uint64_t slices)
{
	if (troubles > 0)
		say("%" PRIu64 " time%s a strategy crashed, hung, failed or lost objects; the "
		    "report says which.",
			troubles, troubles == 1 ? "" : "s");
	if (missing > 0)
		say("%" PRIu64
		    " blocks are missing, because the machine was too busy or their workers "
		    "were ended from outside; the same command measures them.",
			missing);
	if (self->outcome.left_out > 0)
		say("%" PRIu32 " time%s a strategy was left out of a fork of a cell, because the "
		    "system ended or "
		    "refused its worker %d times; the report says why.",
			self->outcome.left_out, self->outcome.left_out == 1 ? "" : "s",
			MEASURE_PASSES_MAX);
	if (slices == 0)
		say("nothing was measured: no strategy can run in any of the cells; the report "
		    "says "
		    "why.");
	return troubles == 0 && missing == 0 && self->outcome.left_out == 0 && slices > 0
		       ? COMMAND_OK
		       : COMMAND_FAILED;
}

/* The ranked table, the reports, and where they are. */
static int finish(struct sweep *self)
{
	char why[REPORT_WHY_BYTES], path[PATH_MAX];
	const char *no_color = getenv("NO_COLOR");
	const bool colour = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0');
	const uint64_t missing = plan_blocks(self->plan) - store_blocks(self->store);
	uint64_t troubles = 0, slices = 0;

	if (store_count_troubles(self->store, &troubles, self->why) != 0 ||
		store_count_slices(self->store, &slices, self->why) != 0)
		return complain(self->why);
	store_close(self->store);
	self->store = NULL;
	const bool reported = report_write(self->store_path, self->out, why, sizeof(why)) == 0;
	/* The table all the same: it may be all that there is of hours. */
	if (!reported)
		say("%s", why);
	if (report_print_table(self->store_path, stdout, colour) != 0)
		return COMMAND_FAILED;
	printf("\nstore   %s\n", realpath(self->store_path, path) ? path : self->store_path);
	if (reported) {
		char *folder = realpath(self->out, NULL);

		printf("report  %s/report.html\n", folder != NULL ? folder : self->out);
		free(folder);
	}
	if (fflush(stdout) != 0) {
		fprintf(stderr, "nblbench sweep: the table can't be written: %s.\n",
			strerror(errno));
		return COMMAND_FAILED;
	}
	const int status = conclude(self, missing, troubles, slices);
	return reported ? status : COMMAND_FAILED;
}

/* With the store open: fingerprint, measuring, ending. The exit status. */
static int work(struct sweep *self)
{
	const struct plan *plan = self->plan;
	struct fingerprint fingerprint;
	const uint64_t total = plan_blocks(plan), before = store_blocks(self->store);

	if (before == total) {
		say("all %" PRIu64 " blocks of '%s' are measured already; --fresh measures "
		    "again",
			total, self->store_path);
		return finish(self);
	}
	if (before > 0)
		say("going on with '%s': %" PRIu64 " of %" PRIu64
		    " blocks are measured and skipped",
			self->store_path, before, total);
	if (fingerprint_take(&fingerprint) != 0)
		return complain("there is no memory for the fingerprint");
	int rc = store_add_machine(
		self->store, fingerprint.identity, fingerprint.grade, fingerprint.json, self->why);
	if (rc == 0 && fingerprint.grade[0] > 'B')
		say("noise grade %s. %s", fingerprint.grade,
			json_string_value(json_object_get(fingerprint.json, "noise reasons")));
	fingerprint_drop(&fingerprint);
	if (rc != 0)
		return complain(self->why);

	if (measure_run(plan, self->store, &self->outcome, self->why) != 0)
		return complain(self->why);
	if (self->outcome.interrupted && store_blocks(self->store) < total) {
		say("interrupted; %" PRIu64 " of %" PRIu64
		    " blocks are in '%s', and the same command goes on",
			store_blocks(self->store), total, self->store_path);
		return COMMAND_INTERRUPTED;
	}
	return finish(self);
}

/* The plan is settled: paths, room, store. The exit status. */
static int sweep(const struct request *request, const struct plan *plan, const char *command)
{
	char out[PATH_MAX], store_path[PATH_MAX], moved[PATH_MAX];
	struct sweep self = {.plan = plan, .out = out, .store_path = store_path};
	bool created = false;
	int status = COMMAND_FAILED;

	if (!settle_paths(request, plan, out, store_path))
		return complain("the path given with --out or --store is too long");
	if (request->dry_run)
		return dry_run(plan, store_path);
	if (!has_room(plan) || prepare_directory(request, out) != 0)
		return COMMAND_FAILED;
	if (request->fresh) {
		if (store_move_aside(store_path, moved, self.why) != 0)
			return complain(self.why);
		if (moved[0] != '\0')
			say("the store that was there is now '%s'", moved);
	}
	if (store_open(store_path, plan, command, &self.store, &created, self.why) != 0) {
		complain(self.why);
	} else {
		const uint64_t total = plan_blocks(plan),
			       missing = total - store_blocks(self.store);

		fprintf(stderr, "nblbench sweep: ");
		print_plan(plan, stderr);
		fprintf(stderr, "\n");
		announce_length(request, plan,
			(uint64_t)((double)plan_eta_ns(plan) * (double)missing / (double)total));
		status = work(&self);
	}
	store_close(self.store);
	return status;
}

static int sweep_run(int argc, char **argv)
{
	struct request request = {.plan.seed = 1};
	char command[COMMAND_TEXT_BYTES], why[PLAN_WHY_BYTES];
	struct plan *plan;
	int operand, status;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	join_command(argc, argv, &request, command);
	int rc = plan_make(&request.plan, &plan, why);
	if (rc != 0) {
		complain(why);
		return rc == -EINVAL ? COMMAND_USAGE : COMMAND_FAILED;
	}
	status = sweep(&request, plan, command);
	plan_free(plan);
	return status;
}

const struct command command_sweep = {
	.name = "sweep",
	.summary = "measure strategies under workloads and write a report",
	.run = sweep_run,
};
