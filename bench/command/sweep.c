/*
 * `nblbench sweep`: settles the plan, has the workers measure block after block, stores each, and
 * ends with the ranked table and the reports.
 *
 * A fork is a new set of worker processes; within it a block has every subject of a cell run one
 * slice, in random order. While one works all others are parked in the kernel.
 * Short slices side by side share whatever the machine does to them, so the ratio of two of them
 * is far steadier than either; a process keeps its luck with addresses for life, so forks matter.
 */
#include "bench/base/clock.h"
#include "bench/base/options.h"
#include "bench/base/progress.h"
#include "bench/command/command.h"
#include "bench/engine/instances.h"
#include "bench/engine/names.h"
#include "bench/report/report.h"
#include "bench/sweep/controller.h"
#include "bench/sweep/fingerprint.h"
#include "bench/sweep/plan.h"
#include "bench/sweep/store.h"

#include "alloc/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	PADDING_MAX = 4096,    /* bytes of environment: one page of stack shift */
	CELL_FAILURES_MAX = 2, /* this many end the cell for a subject */
	QUARANTINE_CELLS = 3,  /* this many cells end the sweep for it */
	PASSES_MAX = 3,        /* tries of what the machine disturbed */
	COMMAND_TEXT_BYTES = 2048,
};

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
	{.name = "quick",
		.letter = 'q',
		.kind = OPTIONS_FLAG,
		.offset = offsetof(struct request, plan.quick),
		.help = "a first look, which takes a minute: all strategies, one lane and one "
			"thread a CPU, one burst, depth and size; 3 forks of 8 blocks, slices of 1 "
			"to 5 ms. No drivers' profiles, no context policies, and the figures are "
			"preliminary. What is asked for beside it is measured as well, and takes "
			"longer"},
	{.name = "out",
		.letter = 'o',
		.kind = OPTIONS_TEXT,
		.offset = offsetof(struct request, out),
		.value = "DIR",
		.help = "directory for sweep.db, report.html and report.md; made in one that "
			"exists "
			"[quick, "
			"full or custom-XXXXXXXX in ./nblbench-out]"},
	{.name = "store",
		.kind = OPTIONS_TEXT,
		.offset = offsetof(struct request, store),
		.value = "FILE",
		.help = "result store [sweep.db in DIR]"},
	{.name = "fresh",
		.kind = OPTIONS_FLAG,
		.offset = offsetof(struct request, fresh),
		.help = "start over: a store that is there is moved aside, not deleted"},
	{.name = "dry-run",
		.letter = 'n',
		.kind = OPTIONS_FLAG,
		.offset = offsetof(struct request, dry_run),
		.help = "say what would be done, how long it takes and how much room it needs; run "
			"and write nothing"},
	{.name = "pool",
		.kind = OPTIONS_NAMES,
		.offset = offsetof(struct request, plan.pools),
		.value = "A,B",
		.help = "strategies that compete [all]",
		.known = names_pools,
		.noun = "strategy"},
	{.name = "context",
		.kind = OPTIONS_NAMES,
		.offset = offsetof(struct request, plan.contexts),
		.value = "A,B",
		.help = "context policies that compete, all over one strategy [all; none with "
			"--quick or --pool]",
		.known = names_contexts,
		.noun = "context policy"},
	{.name = "workload",
		.kind = OPTIONS_NAMES,
		.offset = offsetof(struct request, plan.workloads),
		.value = "A,B",
		.help = "workloads [all; with --quick, all but the drivers' profiles]",
		.known = names_workloads,
		.noun = "workload"},
	{.name = "dispatch",
		.kind = OPTIONS_NAMES,
		.offset = offsetof(struct request, plan.dispatch),
		.value = "A,B",
		.help = "how a strategy is reached: folded (inlined), table (through pointers) "
			"[folded]",
		.known = names_dispatches,
		.noun = "dispatch"},
	{.name = "threads",
		.letter = 't',
		.kind = OPTIONS_NUMBERS,
		.offset = offsetof(struct request, plan.threads),
		.value = "LIST",
		.help = "threads of a cell [1 and N; without --quick the powers of two between and "
			"2N as well]",
		.least = 1,
		.most = ENGINE_THREADS_MAX},
	{.name = "burst",
		.kind = OPTIONS_NUMBERS,
		.offset = offsetof(struct request, plan.bursts),
		.value = "LIST",
		.help = "objects a bulk call [32; without --quick 8,32,128]",
		.least = 1,
		.most = POOL_BULK_MAX},
	{.name = "depth",
		.kind = OPTIONS_NUMBERS,
		.offset = offsetof(struct request, plan.depths),
		.value = "LIST",
		.help = "filter drivers on a stack [4; without --quick 1,4,8]",
		.least = 1,
		.most = ENGINE_DEPTH_MAX},
	{.name = "size",
		.kind = OPTIONS_NUMBERS,
		.offset = offsetof(struct request, plan.sizes),
		.value = "LIST",
		.help = "bytes an object [256, or what the workload needs]",
		.least = POOL_OBJECT_BYTES_MIN,
		.most = POOL_OBJECT_BYTES_MAX},
	{.name = "align",
		.kind = OPTIONS_NUMBERS,
		.offset = offsetof(struct request, plan.aligns),
		.value = "LIST",
		.help = "bytes an object is aligned to [64 in a pool, malloc's own in a malloc]",
		.least = POOL_OBJECT_ALIGN_MIN,
		.most = POOL_OBJECT_ALIGN_MAX,
		.power_of_two = true},
	{.name = "pages",
		.kind = OPTIONS_NAMES,
		.offset = offsetof(struct request, plan.pages),
		.value = "A,B",
		.help = "pages under a pool's objects: ordinary, transparent (huge where the "
			"kernel "
			"finds room), huge (reserved by vm.nr_hugepages) [ordinary]",
		.known = names_pages,
		.noun = "kind of pages"},
	{.name = "forks",
		.kind = OPTIONS_COUNT,
		.offset = offsetof(struct request, plan.forks),
		.value = "N",
		.help = "sets of worker processes [10; 3 with --quick]",
		.least = 1,
		.most = PLAN_FORKS_MAX},
	{.name = "blocks",
		.kind = OPTIONS_COUNT,
		.offset = offsetof(struct request, plan.blocks),
		.value = "N",
		.help = "blocks a fork, in each of which every subject has one slice [20; 8 with "
			"--quick]",
		.least = 1,
		.most = PLAN_BLOCKS_MAX},
	{.name = "slice-ms",
		.kind = OPTIONS_REAL,
		.offset = offsetof(struct request, plan.slice_ms),
		.value = "MS",
		.help = "length of a slice in milliseconds, ten times that where threads outnumber "
			"CPUs [2; with --quick 1 to 5, as a minute allows]",
		.real_least = SLICE_MS_LEAST,
		.real_most = 1000},
	{.name = "seed",
		.kind = OPTIONS_COUNT,
		.offset = offsetof(struct request, plan.seed),
		.value = "N",
		.help = "where all random order comes from",
		.most = INT64_MAX},
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

/* A sweep under way. */
struct sweep {
	const struct plan *plan;
	const char *out, *store_path;
	struct store *store;
	struct controller controller;
	struct progress progress;
	struct progress_cell *pace;        /* by cell */
	struct controller_worker *workers; /* by subject */
	bool *competes;                    /* by subject, in the cell at hand */
	bool *noted;                       /* by subject: its trouble in this fork is stored */
	uint64_t *spent_ns;          /* by subject: on its slices, in the cell and fork at hand */
	struct store_memory *memory; /* by subject */
	struct store_slice *slices;  /* of the block at hand */
	uint32_t *order;             /* subjects of the block at hand, shuffled */
	bool last_pass;              /* what is disturbed now is not tried again */
	uint32_t disturbed;          /* forks of cells that the machine broke off in this pass */
	uint32_t left_out;           /* subjects without which a fork of a cell went on */
	char why[STORE_WHY_BYTES];
};

/* Prints a line to standard error, over the progress line. */
static void say(const struct sweep *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct sweep *self, const char *format, ...)
{
	va_list args;

	progress_wipe(&self->progress);
	fprintf(stderr, "nblbench sweep: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

static int complain(const char *text)
{
	fprintf(stderr, "nblbench sweep: %s.\n", text);
	return COMMAND_FAILED;
}

/*
 * Random order: every draw follows from the plan's seed and the place where it is made, so that a
 * resumed sweep draws as the one before would have.
 */

/* SplitMix64's output function (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* 63 bits: what a signed integer of the protocol holds. */
static uint64_t seed_of(const struct plan *plan, size_t cell, uint32_t fork, uint64_t detail)
{
	return mix(mix(mix(plan->seed) ^ cell) ^ (uint64_t)fork << 32 ^ detail) >> 1;
}

/* Fisher and Yates. */
static void shuffle(uint32_t *order, size_t count, uint64_t seed)
{
	for (size_t i = count; i > 1; i--) {
		seed = mix(seed);
		size_t j = seed % i;
		uint32_t swap = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swap;
	}
}

/*
 * Workers of one cell and fork.
 */

/* Whether the machine, and not the strategy, ended the worker's work. */
static bool is_disturbed(const struct controller_worker *worker)
{
	return worker->state != NULL && (strcmp(worker->state, CONTROLLER_STARVED) == 0 ||
						strcmp(worker->state, CONTROLLER_DISTURBED) == 0);
}

/*
 * What the machine disturbed is measured again: the block is not stored, and a later pass, or the
 * same command later, finds it missing. What the machine ends or refuses again and again won't
 * become better by waiting: the last pass goes on without it, so that the others have their figures.
 */
static bool breaks_off(const struct sweep *self, size_t subject)
{
	const struct controller_worker *worker = &self->workers[subject];

	return is_disturbed(worker) &&
	       !(self->last_pass && strcmp(worker->state, CONTROLLER_DISTURBED) == 0);
}

/* Stores why a worker came to grief, once. */
static int note_trouble(struct sweep *self, size_t cell, size_t subject, uint32_t fork)
{
	const struct controller_worker *worker = &self->workers[subject];
	const bool everywhere = worker->state != NULL && strcmp(worker->state, "unsupported") == 0;

	if (worker->state == NULL || self->noted[subject] || strcmp(worker->state, "stopped") == 0)
		return 0;
	self->noted[subject] = true;
	if (!everywhere)
		say(self, "%s %s in '%s': %.300s", self->plan->subject[subject].label,
			worker->state, self->plan->cell[cell].label, worker->detail);
	if (is_disturbed(worker) && !breaks_off(self, subject))
		self->left_out++;
	return store_add_event(self->store, cell, subject, everywhere ? -1 : (int64_t)fork,
		worker->state, worker->detail, self->why);
}

/* Decides who runs in this cell and fork; what can't is noted with its reason. */
static int choose_subjects(struct sweep *self, size_t cell)
{
	const struct plan *plan = self->plan;

	for (size_t i = 0; i < plan->subject_count; i++) {
		char reason[ENGINE_REASON_BYTES];
		uint32_t here = 0, cells = 0;

		self->noted[i] = false;
		self->competes[i] =
			plan_competes(plan, &plan->cell[cell], &plan->subject[i], reason);
		if (!self->competes[i]) {
			if (store_add_event(self->store, cell, i, -1, "unsupported", reason,
				    self->why) != 0)
				return -1;
			continue;
		}
		if (store_count_failures(self->store, cell, i, &here, &cells, self->why) != 0)
			return -1;
		self->competes[i] = here < CELL_FAILURES_MAX && cells < QUARANTINE_CELLS;
	}
	return 0;
}

/* What came of a step: an error is -1, with a sentence in self->why. */
enum { STEP_DONE = 0, STEP_BROKEN_OFF = 1 };

/* All are started before the first is waited for: they load at the same time. */
static int start_workers(struct sweep *self, size_t cell, uint32_t fork)
{
	const struct plan *plan = self->plan;

	if (choose_subjects(self, cell) != 0)
		return -1;
	memset(self->spent_ns, 0, plan->subject_count * sizeof(*self->spent_ns));
	for (size_t i = 0; i < plan->subject_count; i++) {
		if (self->competes[i])
			controller_spawn(&self->workers[i], plan->subject[i].name,
				plan->subject[i].dispatch,
				(uint32_t)(seed_of(plan, cell, fork, i) % PADDING_MAX));
	}
	for (size_t i = 0; i < plan->subject_count; i++) {
		if (!self->competes[i])
			continue;
		self->memory[i] = (struct store_memory){.cell = cell, .subject = i, .fork = fork};
		controller_greet(&self->controller, &self->workers[i]);
		controller_open(&self->controller, &self->workers[i], &plan->cell[cell],
			seed_of(plan, cell, fork, plan->subject_count), &self->memory[i]);
		if (note_trouble(self, cell, i, fork) != 0)
			return -1;
		if (breaks_off(self, i))
			return STEP_BROKEN_OFF;
	}
	return STEP_DONE;
}

/* Closes those that are well, and notes their memory and what they lost. */
static int close_workers(struct sweep *self, size_t cell, uint32_t fork)
{
	for (size_t i = 0; i < self->plan->subject_count; i++) {
		char lost[CONTROLLER_DETAIL_BYTES];

		if (!self->competes[i] || self->workers[i].state != NULL)
			continue;
		controller_close(&self->controller, &self->workers[i], &self->memory[i], lost);
		if (self->workers[i].state == NULL &&
			store_add_memory(self->store, &self->memory[i], self->why) != 0)
			return -1;
		if (lost[0] != '\0') {
			say(self, "%s lost objects in '%s': %.200s", self->plan->subject[i].label,
				self->plan->cell[cell].label, lost);
			if (store_add_event(self->store, cell, i, fork, "lost", lost, self->why) !=
				0)
				return -1;
		}
		if (note_trouble(self, cell, i, fork) != 0)
			return -1;
	}
	return 0;
}

static void stop_workers(struct sweep *self)
{
	for (size_t i = 0; i < self->plan->subject_count; i++) {
		if (self->competes[i])
			controller_stop(&self->workers[i]);
		self->competes[i] = false;
	}
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Whether the subject has a ration left for the turn-th block of this start in the fork; if not, *rc
 * tells whether that could be noted.
 */
static bool has_ration(struct sweep *self, size_t cell, size_t subject, uint32_t turn, int *rc)
{
	char detail[CONTROLLER_DETAIL_BYTES];

	if (plan_affords(self->plan, cell, turn, self->spent_ns[subject]))
		return true;
	snprintf(detail, sizeof(detail),
		"It is measured in fewer blocks than the others, because its slices take more than "
		"%d times what they should: its threads wait in line for one that has no CPU.",
		PLAN_RATION_FACTOR);
	*rc = store_add_event(self->store, cell, subject, -1, "rationed", detail, self->why);
	return false;
}

/*
 * Every subject that is well, and has a ration left for the turn-th block of this start in the fork,
 * runs one slice; the block is stored whole, or not at all where the machine disturbed one of them.
 * STEP_DONE also if interrupted.
 */
static int run_block(struct sweep *self, size_t cell, uint32_t fork, uint32_t block, uint32_t turn)
{
	const struct plan *plan = self->plan;
	struct store_block result = {
		.cell = cell,
		.fork = fork,
		.block = block,
		.started_ns = now_ns(),
		.calibration_ns = fingerprint_calibrate_ns(),
		.slice = self->slices,
	};
	size_t count = 0;
	int rc = 0;

	for (uint32_t i = 0; i < plan->subject_count && rc == 0; i++) {
		if (self->competes[i] && self->workers[i].state == NULL &&
			has_ration(self, cell, i, turn, &rc))
			self->order[count++] = i;
	}
	if (rc != 0)
		return rc;
	shuffle(self->order, count, seed_of(plan, cell, fork, plan->subject_count + 1 + block));
	for (size_t slot = 0; slot < count; slot++) {
		const uint32_t subject = self->order[slot];
		struct store_slice *slice = &self->slices[result.slices];

		if (controller_interrupted(&self->controller))
			return STEP_DONE;
		const uint64_t began = clock_now_ns();
		const bool well = controller_slice(
			&self->controller, &self->workers[subject], &plan->cell[cell], slice);
		self->spent_ns[subject] += clock_now_ns() - began;
		if (well) {
			slice->subject = subject;
			slice->slot = (int64_t)slot;
			result.slices++;
		} else if (note_trouble(self, cell, subject, fork) != 0) {
			return -1;
		} else if (breaks_off(self, subject)) {
			return STEP_BROKEN_OFF;
		}
	}
	if (self->controller.interrupts > 1)
		return STEP_DONE;
	return store_add_block(self->store, &result, self->why);
}

/* The blocks of a cell's fork that are missing. */
static int run_fork(struct sweep *self, size_t cell, uint32_t fork)
{
	const struct plan *plan = self->plan;
	uint32_t turn = 0;
	int rc = STEP_DONE;

	for (uint32_t block = 0; rc == STEP_DONE && block < plan->blocks; block++) {
		const uint64_t began = clock_now_ns();

		if (store_has_block(self->store, cell, fork, block))
			continue;
		if (controller_interrupted(&self->controller))
			break;
		progress_draw(&self->progress, &(struct progress_place){.cell = cell,
						       .fork = fork,
						       .forks = plan->forks,
						       .label = plan->cell[cell].label});
		if (turn == 0)
			rc = start_workers(self, cell, fork);
		if (rc == STEP_DONE)
			rc = run_block(self, cell, fork, block, turn);
		turn++;
		if (rc == STEP_DONE)
			progress_count(&self->progress, cell, clock_now_ns() - began);
	}
	const bool started = turn > 0;
	if (rc == STEP_DONE && started && !controller_interrupted(&self->controller))
		rc = close_workers(self, cell, fork);
	if (started)
		stop_workers(self);
	self->disturbed += rc == STEP_BROKEN_OFF;
	return rc < 0 ? rc : 0;
}

/* Once through all of the plan that is missing. 0 also if interrupted; -1: self->why. */
static int run_pass(struct sweep *self)
{
	const struct plan *plan = self->plan;
	int rc = 0;

	self->disturbed = 0;
	for (uint32_t fork = 0; rc == 0 && fork < plan->forks; fork++) {
		for (size_t cell = 0; rc == 0 && cell < plan->cell_count; cell++)
			rc = run_fork(self, cell, fork);
	}
	return rc;
}

/* All of the plan that is missing, and again what was disturbed. As run_pass. */
static int measure(struct sweep *self)
{
	int rc = 0;

	for (int pass = 1; rc == 0 && (pass == 1 || self->disturbed > 0) && pass <= PASSES_MAX;
		pass++) {
		if (pass > 1)
			say(self,
				"trying again what the machine disturbed: part of %" PRIu32
				" cell%s",
				self->disturbed, self->disturbed == 1 ? "" : "s");
		self->last_pass = pass == PASSES_MAX;
		rc = run_pass(self);
		if (controller_interrupted(&self->controller))
			break;
	}
	progress_wipe(&self->progress);
	return rc;
}

/* What the plan says of each cell's blocks, and which of them are measured already. */
static void set_pace(struct sweep *self)
{
	const struct plan *plan = self->plan;

	for (size_t cell = 0; cell < plan->cell_count; cell++) {
		self->pace[cell] = (struct progress_cell){
			.planned_ns = plan_block_ns(plan, cell),
			.blocks = (uint64_t)plan->forks * plan->blocks,
			.oversubscribed = plan->cell[cell].oversubscribed,
		};
		for (uint32_t fork = 0; fork < plan->forks; fork++) {
			for (uint32_t block = 0; block < plan->blocks; block++)
				self->pace[cell].done +=
					store_has_block(self->store, cell, fork, block);
		}
	}
}

/*
 * Before and after.
 */

/* Makes the directory for the results, and checks before the measuring that they can be written. */
static int prepare_directory(const struct request *request, const char *out)
{
	char why[REPORT_WHY_BYTES];
	const bool usual = request->out == NULL && request->store == NULL;

	if ((usual && report_make_directory(USUAL_DIRECTORY, why, sizeof(why)) != 0) ||
		report_make_directory(out, why, sizeof(why)) != 0 ||
		report_check(out, why, sizeof(why)) != 0) {
		fprintf(stderr, "nblbench sweep: %s\n", why);
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
	fprintf(stderr,
		"nblbench sweep: the pools of one cell need %" PRIu64
		" MiB together, more than half of the %" PRIu64
		" MiB that there are; name fewer strategies, fewer threads or smaller objects.\n",
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

/* The command line as it was typed, for the store. */
static void join_command(int argc, char **argv, char *text)
{
	size_t used = (size_t)snprintf(text, COMMAND_TEXT_BYTES, "nblbench");

	for (int i = 0; i < argc && used < COMMAND_TEXT_BYTES; i++) {
		const char *quote =
			strpbrk(argv[i], " \t\n\"'\\$&|;<>()*?[]#~`!{}") != NULL ? "'" : "";

		used += (size_t)snprintf(
			text + used, COMMAND_TEXT_BYTES - used, " %s%s%s", quote, argv[i], quote);
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

static int allocate(struct sweep *self)
{
	const size_t n = self->plan->subject_count;

	self->workers = calloc(n, sizeof(*self->workers));
	self->competes = calloc(n, sizeof(*self->competes));
	self->noted = calloc(n, sizeof(*self->noted));
	self->memory = calloc(n, sizeof(*self->memory));
	self->slices = calloc(n, sizeof(*self->slices));
	self->order = calloc(n, sizeof(*self->order));
	self->spent_ns = calloc(n, sizeof(*self->spent_ns));
	self->pace = calloc(self->plan->cell_count, sizeof(*self->pace));
	return self->workers && self->competes && self->noted && self->memory && self->slices &&
			       self->order && self->spent_ns && self->pace
		       ? 0
		       : -ENOMEM;
}

static void release(struct sweep *self)
{
	free(self->pace);
	free(self->spent_ns);
	free(self->order);
	free(self->slices);
	free(self->memory);
	free(self->noted);
	free(self->competes);
	free(self->workers);
}

/* What is to be said of the store when all is done; the exit status. */
static int conclude(const struct sweep *self, uint64_t missing, uint32_t troubles, uint64_t slices)
{
	int status = COMMAND_OK;

	if (troubles > 0) {
		fprintf(stderr,
			"nblbench sweep: %" PRIu32
			" time%s a strategy crashed, hung, failed or lost objects; the report says "
			"which.\n",
			troubles, troubles == 1 ? "" : "s");
		status = COMMAND_FAILED;
	}
	if (missing > 0) {
		fprintf(stderr,
			"nblbench sweep: %" PRIu64
			" blocks are missing, because the machine was too busy or their workers "
			"were ended from outside; the same command measures them.\n",
			missing);
		status = COMMAND_FAILED;
	}
	if (self->left_out > 0) {
		fprintf(stderr,
			"nblbench sweep: %" PRIu32
			" time%s a strategy was left out of a fork of a cell, because the system "
			"ended or refused its worker %d times; the report says why.\n",
			self->left_out, self->left_out == 1 ? "" : "s", PASSES_MAX);
		status = COMMAND_FAILED;
	}
	if (slices == 0) {
		fprintf(stderr, "nblbench sweep: nothing was measured: no strategy can run in any "
				"of the cells; the report says why.\n");
		status = COMMAND_FAILED;
	}
	return status;
}

/* The ranked table, the reports, and where they are. */
static int finish(struct sweep *self)
{
	char why[REPORT_WHY_BYTES], path[PATH_MAX];
	const char *no_color = getenv("NO_COLOR");
	const bool colour = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0');
	const uint64_t missing = plan_blocks(self->plan) - store_blocks(self->store);
	uint32_t troubles = 0;
	uint64_t slices = 0;

	if (store_count_troubles(self->store, &troubles, self->why) != 0 ||
		store_count_slices(self->store, &slices, self->why) != 0)
		return complain(self->why);
	store_close(self->store);
	self->store = NULL;
	const bool reported = report_write(self->store_path, self->out, why, sizeof(why)) == 0;
	/* The table all the same: it may be all that there is of hours. */
	if (!reported)
		fprintf(stderr, "nblbench sweep: %s\n", why);
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
		say(self,
			"all %" PRIu64 " blocks of '%s' are measured already; --fresh measures "
			"again",
			total, self->store_path);
		return finish(self);
	}
	if (before > 0)
		say(self,
			"going on with '%s': %" PRIu64 " of %" PRIu64
			" blocks are measured and skipped",
			self->store_path, before, total);
	if (fingerprint_take(&fingerprint) != 0)
		return complain("there is no memory for the fingerprint");
	int rc = store_add_machine(
		self->store, fingerprint.identity, fingerprint.grade, fingerprint.json, self->why);
	if (rc == 0 && fingerprint.grade[0] > 'B')
		say(self, "noise grade %s. %s", fingerprint.grade,
			json_string_value(json_object_get(fingerprint.json, "noise reasons")));
	fingerprint_drop(&fingerprint);
	if (rc != 0)
		return complain(self->why);

	if (controller_begin(&self->controller) != 0)
		return complain("signals can't be received through a descriptor on this system");
	set_pace(self);
	progress_begin(&self->progress, self->pace, plan->cell_count);
	rc = measure(self);
	const bool interrupted = controller_interrupted(&self->controller);
	controller_end(&self->controller);
	if (rc != 0)
		return complain(self->why);
	if (interrupted && store_blocks(self->store) < total) {
		say(self,
			"interrupted; %" PRIu64 " of %" PRIu64
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
			say(&self, "the store that was there is now '%s'", moved);
	}
	if (allocate(&self) != 0) {
		complain("there is no memory for the sweep");
	} else if (store_open(store_path, plan, command, &self.store, &created, self.why) != 0) {
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
	release(&self);
	return status;
}

static int sweep_run(int argc, char **argv)
{
	struct request request = {.plan.seed = 1};
	char command[COMMAND_TEXT_BYTES], why[PLAN_WHY_BYTES];
	struct plan *plan;
	int operand, status;

	join_command(argc, argv, command);
	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
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
