/*
 * `nblbench sweep`: settles the plan, has it measured, and ends with the ranked table and the
 * reports.
 */
#include "bench/analysis/analysis.h"
#include "bench/analysis/stats.h"
#include "bench/base/clock.h"
#include "bench/base/progress.h"
#include "bench/command/command.h"
#include "bench/report/report.h"
#include "bench/sweep/fingerprint.h"
#include "bench/sweep/measure.h"
#include "bench/sweep/request.h"
#include "bench/sweep/store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A sweep of such a length says so before it begins. */
#define LONG_SWEEP_NS (600 * (uint64_t)CLOCK_NS_PER_S)

/* A sweep that was asked for. */
struct sweep {
	const struct plan *plan;
	const char *out, *store_path;
	struct store *store;
	struct measure_outcome outcome;
	bool gate_fails, looked;
	struct fingerprint fingerprint; /* if looked */
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

/* Says each line of a text. */
static void complain_of_all(char *text)
{
	for (char *line; (line = strsep(&text, "\n")) != NULL;)
		complain(line);
}

/* Makes the directory for the results, and checks before the measuring that they can be written. */
static int prepare_directory(const struct request *request, const char *out)
{
	char why[REPORT_WHY_BYTES];
	const bool usual = request->out == NULL && request->store == NULL;

	if ((usual && report_make_directory(REQUEST_USUAL_DIRECTORY, why, sizeof(why)) != 0) ||
		report_make_directory(out, why, sizeof(why)) != 0 ||
		report_check(out, why, sizeof(why)) != 0) {
		say("%s", why);
		return -1;
	}
	return 0;
}

static bool exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0;
}

/* Whether the store can be made or written. Nothing stays of the attempt. */
static bool try_store(const char *path)
{
	char temporary[PATH_MAX + 8];

	if (exists(path) ? access(path, W_OK) == 0 : true) {
		snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);

		const int fd = mkstemp(temporary);

		if (fd >= 0) {
			close(fd);
			unlink(temporary);
			return true;
		}
	}
	say("'%s' can't be written: %s. Name another file with --store.", path, strerror(errno));
	return false;
}

/*
 * What prepare_directory does and what the store needs, undone at once: only an attempt tells what a file
 * system allows. store_path may be NULL: in out.
 */
static bool try_places(const struct request *request, const char *out, const char *store_path)
{
	const bool has_out = exists(out), has_usual = exists(REQUEST_USUAL_DIRECTORY);
	const bool good = prepare_directory(request, out) == 0 &&
			  (store_path == NULL || try_store(store_path));

	if (!has_out)
		rmdir(out);
	if (!has_usual)
		rmdir(REQUEST_USUAL_DIRECTORY);
	return good;
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
		"%zu cell%s x %zu subjects, %s%" PRIu32 " fork%s of %" PRIu32
		" block%s, seed %" PRIu64 "; about %s, %" PRIu64 " MiB of memory, %" PRIu64
		" MiB of disk",
		plan->cell_count, plan->cell_count == 1 ? "" : "s", plan->subject_count,
		plan->until > 0 ? "at most " : "", plan->forks, plan->forks == 1 ? "" : "s",
		plan->blocks, plan->blocks == 1 ? "" : "s", plan->seed,
		progress_time(plan_eta_ns(plan), time), (plan_memory_bytes(plan) >> 20) + 1,
		(plan_store_bytes(plan) >> 20) + 1);
}

/* Says how long a long sweep takes, and what would be shorter. */
static void announce_length(const struct plan *plan, uint64_t left_ns)
{
	char time[PROGRESS_TIME_BYTES];

	if (left_ns <= LONG_SWEEP_NS)
		return;
	fprintf(stderr, "nblbench sweep: this takes about %s.", progress_time(left_ns, time));
	if (plan->forks > STATS_FORKS_MIN)
		fprintf(stderr, " --forks %d takes %s and decides less;", STATS_FORKS_MIN,
			progress_time(plan_eta_ns(plan) / plan->forks * STATS_FORKS_MIN, time));
	fprintf(stderr,
		" 'nblbench list' names jobs, of which quick takes a minute; --pool, --workload "
		"and --threads name less; --dry-run shows what takes how long. Ctrl-C keeps what "
		"is "
		"measured.\n");
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
	if (self->outcome.settled > 0)
		say("%" PRIu32 " of %zu cells took fewer than %" PRIu32
		    " forks: all their rows were known to %g %%.",
			self->outcome.settled, self->plan->cell_count, self->plan->forks,
			self->plan->until);
	if (self->outcome.left_out > 0)
		say("%" PRIu32 " time%s a strategy was left out of a fork of a cell, because the "
		    "system ended or "
		    "refused its worker %d times; the report says why.",
			self->outcome.left_out, self->outcome.left_out == 1 ? "" : "s",
			MEASURE_PASSES_MAX);
	if (slices == 0)
		say("nothing was measured: no strategy can run in any of the cells; the report "
		    "says why.");
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
	const uint64_t missing =
		plan_blocks(self->plan) - store_blocks(self->store) - self->outcome.spared;
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

/* Looks at the machine, if that isn't done. False: nothing is to be measured, and *status says why. */
static bool look(struct sweep *self, int *status)
{
	if (self->looked)
		return true;
	if (fingerprint_take(&self->fingerprint) != 0) {
		*status = complain("there is no memory for the fingerprint");
		return false;
	}
	self->looked = true;
	if (self->fingerprint.grade[0] <= 'B')
		return true;
	say("noise grade %s. %s", self->fingerprint.grade,
		json_string_value(json_object_get(self->fingerprint.json, "noise reasons")));
	if (!self->gate_fails)
		return true;
	say("nothing is measured, because of --gate fail; --gate warn measures all the same");
	*status = COMMAND_REFUSED;
	return false;
}

/* As measure_settled. The store's writer commits each block, so what is asked about can be read. */
static int is_settled(const void *context, size_t cell, uint32_t forks, bool *settled, char *why)
{
	const struct sweep *self = context;

	return analysis_settled(self->store_path, self->plan->cell[cell].label, forks,
		log1p(self->plan->until / 100), settled, why, STORE_WHY_BYTES);
}

/* With the store open: fingerprint, measuring, ending. The exit status. */
static int work(struct sweep *self)
{
	const struct plan *plan = self->plan;
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
	int status;

	if (!look(self, &status))
		return status;
	if (store_add_machine(self->store, self->fingerprint.identity, self->fingerprint.grade,
		    self->fingerprint.json, self->why) != 0)
		return complain(self->why);
	if (measure_run(plan, self->store, is_settled, self, &self->outcome, self->why) != 0)
		return complain(self->why);
	if (self->outcome.interrupted && store_blocks(self->store) < total) {
		say("interrupted; %" PRIu64 " of %" PRIu64
		    " blocks are in '%s', and the same command goes on",
			store_blocks(self->store), total, self->store_path);
		return COMMAND_INTERRUPTED;
	}
	return finish(self);
}

/* With places and room: the store, and what is to be in it. The exit status. */
static int fill(struct sweep *self, const struct request *request, const char *command)
{
	const struct plan *plan = self->plan;
	char moved[PATH_MAX];
	bool created = false;
	int status;

	/* A store is moved aside for one that will be filled. */
	if (request->fresh) {
		if (!look(self, &status))
			return status;
		if (store_move_aside(self->store_path, moved, self->why) != 0)
			return complain(self->why);
		if (moved[0] != '\0')
			say("the store that was there is now '%s'", moved);
	}
	if (store_open(self->store_path, plan, command, &self->store, &created, self->why) != 0)
		return complain(self->why);

	const uint64_t total = plan_blocks(plan), missing = total - store_blocks(self->store);

	fprintf(stderr, "nblbench sweep: ");
	print_plan(plan, stderr);
	fprintf(stderr, "\n");
	announce_length(
		plan, (uint64_t)((double)plan_eta_ns(plan) * (double)missing / (double)total));
	return work(self);
}

/* The plan is settled: paths, room, store. The exit status. */
static int sweep(const struct request *request, const struct plan *plan, const char *command)
{
	char out[PATH_MAX], store_path[PATH_MAX];
	struct sweep self = {.plan = plan,
		.out = out,
		.store_path = store_path,
		.gate_fails = request->gate_fails};

	if (!request_paths(request, plan, out, store_path))
		return complain("the path given with --out or --store is too long");
	if (request->dry_run) {
		const bool has_places = try_places(request, out, store_path);

		return has_room(plan) && has_places ? dry_run(plan, store_path) : COMMAND_USAGE;
	}
	if (!has_room(plan) || prepare_directory(request, out) != 0)
		return COMMAND_FAILED;

	const int status = fill(&self, request, command);

	store_close(self.store);
	if (self.looked)
		fingerprint_drop(&self.fingerprint);
	return status;
}

/* All mistakes are told before it ends with one. */
static int sweep_run(int argc, char **argv)
{
	static struct request request;
	char command[REQUEST_COMMAND_BYTES], why[PLAN_WHY_BYTES], guest_why[GUEST_WHY_BYTES];
	struct plan *plan = NULL;
	int status, rc;

	request = (struct request){.plan.seed = 1};
	if (!request_parse(argc, argv, &request, &status))
		return status;
	request_command(argc, argv, &request, command);
	if (request_guests(&request, guest_why) != 0) {
		complain(guest_why);
		request.wrong = true;
	}
	rc = plan_make(&request.plan, &plan, why);
	if (rc != 0)
		complain_of_all(why);
	if (rc == 0 && !request.wrong) {
		status = sweep(&request, plan, command);
	} else {
		status = rc == -ENOMEM ? COMMAND_FAILED : COMMAND_USAGE;
		if (request.out != NULL)
			try_places(&request, request.out, request.store);
	}
	plan_free(plan);
	request_drop(&request);
	return status;
}

const struct command command_sweep = {
	.name = "sweep",
	.summary = "measure strategies under workloads and write a report",
	.run = sweep_run,
};
