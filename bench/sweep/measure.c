/* See measure.h. */
#include "bench/sweep/measure.h"

#include "bench/base/clock.h"
#include "bench/base/progress.h"
#include "bench/base/splitmix.h"
#include "bench/sweep/controller.h"
#include "bench/sweep/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PADDING_MAX = 4096,    /* bytes of environment: one page of stack shift */
	CELL_FAILURES_MAX = 2, /* this many end the cell for a subject */
	QUARANTINE_CELLS = 3,  /* this many cells end the sweep for it */
	BALANCE_TRIES = 2,     /* of a slice in which every call is timed, until one has no flag */
};

/* A subject in the cell and fork at hand. */
struct contender {
	struct controller_worker worker;
	bool competes;
	bool noted;        /* its trouble is stored */
	uint64_t spent_ns; /* on its slices */
	struct store_memory memory;
};

/* A sweep under way. */
struct sweep {
	const struct plan *plan;
	struct store *store;
	char *why; /* STORE_WHY_BYTES: what went wrong with the store */
	struct controller controller;
	struct probe probe;
	struct progress progress;
	struct progress_cell *pace;     /* by cell */
	struct contender *contenders;   /* by subject */
	struct store_slice *slices;     /* of the block at hand */
	struct store_times *times;      /* of the block at hand, a thread each */
	struct store_balance *balances; /* likewise */
	struct store_load *loads;       /* of the block at hand */
	uint32_t *order;                /* subjects of the block at hand, shuffled */
	measure_settled *settled;       /* whom to ask, and with what */
	const void *settled_context;
	bool *is_settled;   /* by cell: it takes no more forks */
	bool last_pass;     /* what is disturbed now is not tried again */
	uint32_t disturbed; /* forks of cells that the machine broke off in this pass */
	uint32_t left_out;  /* subjects without which a fork of a cell went on */
};

/* Prints a line to standard error, over the progress line. */
__attribute__((format(printf, 2, 3))) static void say(
	const struct sweep *self, const char *format, ...)
{
	va_list args;

	progress_wipe(&self->progress);
	fprintf(stderr, "nblbench sweep: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

/*
 * Random order: every draw follows from the plan's seed and the place where it is made. So a
 * resumed sweep draws what the one before would have drawn.
 */

/* 63 bits: what a signed integer of the protocol holds. */
static uint64_t seed_of(const struct plan *plan, size_t cell, uint32_t fork, uint64_t detail)
{
	return splitmix(splitmix(splitmix(plan->seed) ^ cell) ^ (uint64_t)fork << 32 ^ detail) >> 1;
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
 * Whether the block ends without being stored. A later pass, or the same command later, finds a
 * block missing that the machine disturbed, and measures it again. A worker that the machine ends
 * or refuses again and again won't fare better by waiting: the last pass goes on without it, so
 * that the others have their figures.
 */
static bool breaks_off(const struct sweep *self, size_t subject)
{
	const struct controller_worker *worker = &self->contenders[subject].worker;

	return is_disturbed(worker) &&
	       !(self->last_pass && strcmp(worker->state, CONTROLLER_DISTURBED) == 0);
}

/* Stores why a worker came to grief, once. */
static int note_trouble(struct sweep *self, size_t cell, size_t subject, uint32_t fork)
{
	const struct controller_worker *worker = &self->contenders[subject].worker;
	const bool everywhere = worker->state != NULL && strcmp(worker->state, "unsupported") == 0;

	if (worker->state == NULL || self->contenders[subject].noted ||
		strcmp(worker->state, "stopped") == 0)
		return 0;
	self->contenders[subject].noted = true;
	if (!everywhere)
		say(self, "%s %s in '%s': %.300s", self->plan->subject[subject].label,
			worker->state, self->plan->cell[cell].label, worker->detail);
	if (is_disturbed(worker) && !breaks_off(self, subject))
		self->left_out++;
	return store_add_event(self->store, cell, subject, everywhere ? -1 : (int64_t)fork,
		worker->state, worker->detail, self->why);
}

/* Decides which subjects run in this cell and fork; notes why the others can't. */
static int choose_subjects(struct sweep *self, size_t cell)
{
	const struct plan *plan = self->plan;

	for (size_t i = 0; i < plan->subject_count; i++) {
		char reason[ENGINE_REASON_BYTES];
		uint32_t here = 0, cells = 0;

		self->contenders[i].noted = false;
		self->contenders[i].spent_ns = 0;
		self->contenders[i].competes =
			plan_competes(plan, &plan->cell[cell], &plan->subject[i], reason);
		if (!self->contenders[i].competes) {
			if (store_add_event(self->store, cell, i, -1, "unsupported", reason,
				    self->why) != 0)
				return -1;
			continue;
		}
		if (store_count_failures(self->store, cell, i, &here, &cells, self->why) != 0)
			return -1;
		self->contenders[i].competes = here < CELL_FAILURES_MAX && cells < QUARANTINE_CELLS;
	}
	return 0;
}

/* What came of a step: an error is -1, with a sentence in self->why. */
enum { STEP_DONE = 0, STEP_BROKEN_OFF = 1 };

/* Starts all workers before it waits for the first: they load at the same time. */
static int start_workers(struct sweep *self, size_t cell, uint32_t fork)
{
	const struct plan *plan = self->plan;

	if (choose_subjects(self, cell) != 0)
		return -1;
	for (size_t i = 0; i < plan->subject_count; i++) {
		if (self->contenders[i].competes)
			controller_spawn(&self->contenders[i].worker,
				&(struct controller_start){.pool = plan->subject[i].name,
					.dispatch = plan->subject[i].dispatch,
					.padding = (uint32_t)(seed_of(plan, cell, fork, i) %
							      PADDING_MAX),
					.build = plan->subject[i].build,
					.library = plan->subject[i].library,
					.beneath = plan->subject[i].beneath});
	}
	for (size_t i = 0; i < plan->subject_count; i++) {
		if (!self->contenders[i].competes)
			continue;
		self->contenders[i].memory = (struct store_memory){
			.cell = cell,
			.subject = i,
			.fork = fork,
			.rss_settled = -1,
			.held_peak = -1,
			.held_settled = -1,
			.objects = -1,
		};
		controller_greet(&self->controller, &self->contenders[i].worker);
		controller_open(&self->controller, &self->contenders[i].worker, &plan->cell[cell],
			seed_of(plan, cell, fork, plan->subject_count),
			&self->contenders[i].memory);
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

		if (!self->contenders[i].competes || self->contenders[i].worker.state != NULL)
			continue;
		controller_close(&self->controller, &self->contenders[i].worker,
			&self->contenders[i].memory, lost);
		if (self->contenders[i].worker.state == NULL &&
			store_add_memory(self->store, &self->contenders[i].memory, self->why) != 0)
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

/* Tells all before it waits for the first: they end at the same time. */
static void stop_workers(struct sweep *self)
{
	for (size_t i = 0; i < self->plan->subject_count; i++) {
		if (self->contenders[i].competes)
			controller_dismiss(&self->contenders[i].worker);
	}
	for (size_t i = 0; i < self->plan->subject_count; i++) {
		if (self->contenders[i].competes)
			controller_stop(&self->contenders[i].worker);
		self->contenders[i].competes = false;
	}
}

/*
 * Whether the subject has time left for the turn-th block of this start in the fork; see
 * PLAN_RATION_FACTOR. If not, this is noted in the store, and *rc tells whether it could be.
 */
static bool has_ration(struct sweep *self, size_t cell, size_t subject, uint32_t turn, int *rc)
{
	char detail[CONTROLLER_DETAIL_BYTES];

	if (plan_affords(self->plan, cell, turn, self->contenders[subject].spent_ns))
		return true;
	snprintf(detail, sizeof(detail),
		"It is measured in fewer blocks than the others, because its slices take more than "
		"%d times what they should: its threads wait in line for one that has no CPU.",
		PLAN_RATION_FACTOR);
	*rc = store_add_event(self->store, cell, subject, -1, "rationed", detail, self->why);
	return false;
}

/* A subject's slices of an open loop: the capacity, then each load. As run_slices. */
static bool run_loads(struct sweep *self, const struct plan_cell *cell, uint32_t subject,
	struct store_block *block)
{
	const struct options_numbers *loads = &self->plan->loads;
	struct controller_worker *worker = &self->contenders[subject].worker;
	struct store_load *load = &block->load[block->loads];
	struct store_load capacity;

	if (!controller_load_slice(
		    &self->controller, worker, cell, self->plan->arrivals, 0, &capacity))
		return false;
	if (!(capacity.capacity_s > 0))
		return true; /* nothing was served, so there is no share of it to ask for */
	for (size_t i = 0; i < loads->count; i++) {
		if (!controller_load_slice(&self->controller, worker, cell, self->plan->arrivals,
			    (uint32_t)loads->item[i], &load[i]))
			return false;
		load[i].subject = subject;
	}
	block->loads += loads->count;
	return true;
}

/*
 * A subject's slice in which every call is timed, once a fork. What a flag says took the time of a
 * thread went neither to calls nor to what is known beside them, so such a slice is left out. As
 * run_slices.
 */
static bool run_balance(struct sweep *self, const struct plan_cell *cell, uint32_t subject,
	struct store_block *block)
{
	struct store_balance *balance = &block->balance[block->balances];
	bool flagged = true;

	for (int try = 0; flagged && try < BALANCE_TRIES; try++) {
		if (!controller_balance_slice(&self->controller, &self->contenders[subject].worker,
			    cell, balance, &flagged))
			return false;
	}
	for (uint32_t i = 0; i < cell->threads; i++)
		balance[i].subject = subject;
	block->balances += flagged ? 0 : cell->threads;
	return true;
}

/*
 * A subject's slices in a block: one for throughput, one for latency if it has calls to time, in a
 * fork's first block one in which all are, and those of an open loop. False: the worker came to grief.
 */
static bool run_slices(struct sweep *self, size_t cell, uint32_t subject, struct store_slice *slice,
	struct store_block *block)
{
	const struct plan_cell *c = &self->plan->cell[cell];
	struct controller_worker *worker = &self->contenders[subject].worker;
	struct store_times *times = &block->time[block->times];

	if (!controller_slice(&self->controller, worker, c, slice))
		return false;
	if (plan_times(self->plan, c)) {
		if (!controller_latency_slice(&self->controller, worker, c, times))
			return false;
		for (uint32_t i = 0; i < c->threads; i++)
			times[i].subject = subject;
		block->times += c->threads;
	}
	if (block->block == 0 && plan_balances(self->plan, c) &&
		!run_balance(self, c, subject, block))
		return false;
	return !plan_loads(self->plan, c) || run_loads(self, c, subject, block);
}

/*
 * The turn-th block of this start in the fork: every subject that is well and has time left runs
 * one slice. The block is stored whole, or not at all where the machine disturbed a subject.
 * STEP_DONE also if interrupted.
 */
static int run_block(struct sweep *self, size_t cell, uint32_t fork, uint32_t block, uint32_t turn)
{
	const struct plan *plan = self->plan;
	struct store_block result = {
		.cell = cell,
		.fork = fork,
		.block = block,
		.started_ns = clock_date_ns(),
		.slice = self->slices,
		.time = self->times,
		.balance = self->balances,
		.load = self->loads,
		.arrivals = plan->arrivals,
	};
	size_t count = 0;
	int rc = 0;

	for (uint32_t i = 0; i < plan->subject_count && rc == 0; i++) {
		if (self->contenders[i].competes && self->contenders[i].worker.state == NULL &&
			has_ration(self, cell, i, turn, &rc))
			self->order[count++] = i;
	}
	if (rc != 0)
		return rc;
	probe_take(&self->probe, &result.before);
	splitmix_shuffle(
		self->order, count, seed_of(plan, cell, fork, plan->subject_count + 1 + block));
	for (size_t slot = 0; slot < count; slot++) {
		const uint32_t subject = self->order[slot];
		struct store_slice *slice = &self->slices[result.slices];

		if (controller_interrupted(&self->controller))
			return STEP_DONE;
		const uint64_t began = clock_now_ns();
		const bool well = run_slices(self, cell, subject, slice, &result);
		self->contenders[subject].spent_ns += clock_now_ns() - began;
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
	probe_take(&self->probe, &result.after);
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

/* Blocks of a fork of a cell that are in the store. */
static uint32_t blocks_of(const struct sweep *self, size_t cell, uint32_t fork)
{
	uint32_t count = 0;

	for (uint32_t block = 0; block < self->plan->blocks; block++)
		count += store_has_block(self->store, cell, fork, block);
	return count;
}

/*
 * Settles whether the cell takes this fork and those behind it. A fork that was begun is finished, and
 * nobody is asked of forks with a gap: so the answer is about the same blocks whenever it is given.
 */
static int settle(struct sweep *self, size_t cell, uint32_t fork)
{
	const struct plan *plan = self->plan;

	if (!(plan->until > 0) || fork < PLAN_UNTIL_FORKS || self->is_settled[cell] ||
		blocks_of(self, cell, fork) > 0)
		return 0;
	for (uint32_t earlier = 0; earlier < fork; earlier++) {
		if (blocks_of(self, cell, earlier) < plan->blocks)
			return 0;
	}
	if (self->settled(self->settled_context, cell, fork, &self->is_settled[cell], self->why) !=
		0)
		return -1;
	if (self->is_settled[cell])
		self->pace[cell].blocks = (uint64_t)fork * plan->blocks;
	return 0;
}

/* Notes how many cells took no more forks, and what they were spared. */
static void count_spared(const struct sweep *self, struct measure_outcome *out)
{
	for (size_t cell = 0; cell < self->plan->cell_count; cell++) {
		if (!self->is_settled[cell])
			continue;
		out->settled++;
		for (uint32_t fork = 0; fork < self->plan->forks; fork++)
			out->spared += self->plan->blocks - blocks_of(self, cell, fork);
	}
}

/* Once through all of the plan that is missing. 0 also if interrupted; -1: self->why. */
static int run_pass(struct sweep *self)
{
	const struct plan *plan = self->plan;
	int rc = 0;

	self->disturbed = 0;
	for (uint32_t fork = 0; rc == 0 && fork < plan->forks; fork++) {
		for (size_t cell = 0; rc == 0 && cell < plan->cell_count; cell++) {
			rc = settle(self, cell, fork);
			if (rc == 0 && !self->is_settled[cell])
				rc = run_fork(self, cell, fork);
		}
	}
	return rc;
}

/* All of the plan that is missing, and again what was disturbed. As run_pass. */
static int measure(struct sweep *self)
{
	int rc = 0;

	for (int pass = 1;
		rc == 0 && (pass == 1 || self->disturbed > 0) && pass <= MEASURE_PASSES_MAX;
		pass++) {
		if (pass > 1)
			say(self,
				"trying again what the machine disturbed: part of %" PRIu32
				" cell%s",
				self->disturbed, self->disturbed == 1 ? "" : "s");
		self->last_pass = pass == MEASURE_PASSES_MAX;
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
		for (uint32_t fork = 0; fork < plan->forks; fork++)
			self->pace[cell].done += blocks_of(self, cell, fork);
	}
}

static int allocate(struct sweep *self)
{
	const size_t n = self->plan->subject_count;
	uint32_t threads = 0;

	for (size_t i = 0; i < self->plan->cell_count; i++) {
		if (self->plan->cell[i].threads > threads)
			threads = self->plan->cell[i].threads;
	}
	self->contenders = calloc(n, sizeof(*self->contenders));
	self->slices = calloc(n, sizeof(*self->slices));
	self->times = calloc(n * threads, sizeof(*self->times));
	self->balances = calloc(n * threads, sizeof(*self->balances));
	self->loads = calloc(n * self->plan->loads.count + 1, sizeof(*self->loads));
	self->order = calloc(n, sizeof(*self->order));
	self->pace = calloc(self->plan->cell_count, sizeof(*self->pace));
	self->is_settled = calloc(self->plan->cell_count, sizeof(*self->is_settled));
	return self->contenders && self->slices && self->times && self->balances && self->loads &&
			       self->order && self->pace && self->is_settled
		       ? 0
		       : -ENOMEM;
}

static void release(struct sweep *self)
{
	free(self->is_settled);
	free(self->pace);
	free(self->order);
	free(self->loads);
	free(self->balances);
	free(self->times);
	free(self->slices);
	free(self->contenders);
}

int measure_run(const struct plan *plan, struct store *store, measure_settled *settled,
	const void *context, struct measure_outcome *out, char *why)
{
	struct sweep self = {.plan = plan,
		.store = store,
		.why = why,
		.settled = settled,
		.settled_context = context};
	int rc = -1;

	if (allocate(&self) != 0) {
		snprintf(why, STORE_WHY_BYTES, "there is no memory for the sweep");
	} else if (controller_begin(&self.controller) != 0) {
		snprintf(why, STORE_WHY_BYTES,
			"signals can't be received through a descriptor on this system");
	} else {
		probe_open(&self.probe);
		set_pace(&self);
		progress_begin(&self.progress, self.pace, plan->cell_count);
		rc = measure(&self);
		out->interrupted = controller_interrupted(&self.controller);
		out->left_out = self.left_out;
		count_spared(&self, out);
		controller_end(&self.controller);
	}
	release(&self);
	return rc;
}
