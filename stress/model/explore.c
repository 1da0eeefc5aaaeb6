/* See explore.h. */
#include "stress/model/explore.h"
#include "stress/model/trace.h"
#include "stress/model/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { NOBODY = MODEL_THREADS, PRIORITY_CHANGES_MAX = 8 };

/* A virtual thread. Its stack lies in views.c, which leaves accesses to stacks alone. */
struct fiber {
	jmp_buf at;
	ucontext_t start;
	bool fresh;  /* it begins at `start`; else it goes on at `at` */
	bool parked; /* between two executions, at the top of its loop */
	bool done;
	bool yielded; /* until something changes */
	bool (*ready)(const void *arg);
	const void *ready_arg;
};

struct choice {
	uint32_t options, taken;
};

static struct {
	const struct model_work *work;
	struct fiber fiber[MODEL_THREADS];
	jmp_buf home; /* the explorer's own context */
	uint32_t self;
	uint32_t previous; /* who made the last step */
	bool runs;
	uint32_t steps;
	bool failed;
	enum promise broken;
	char sentence[MODEL_SENTENCE_BYTES];

	struct choice choice[MODEL_CHOICES_MAX];
	uint32_t made, recorded;
	struct model_bounds bounds;
	uint32_t spent[MODEL_BUDGETS], together;

	const struct model_path *path; /* replayed; NULL: not */
	uint32_t path_at;
	bool misfit;

	bool random;
	uint64_t dice;
	uint32_t priority[MODEL_THREADS];
	uint32_t change_at[PRIORITY_CHANGES_MAX];
	uint32_t changes, changed;
	uint32_t length; /* steps of the longest execution so far */
} x;

const struct model_bounds model_unbounded = {
	{MODEL_CHOICES_MAX, MODEL_CHOICES_MAX, MODEL_CHOICES_MAX}, MODEL_CHOICES_MAX};

void (*model_switched)(uint32_t from, uint32_t to);

bool model_runs(void)
{
	return x.runs;
}

uint32_t model_self(void)
{
	return x.self;
}

void model_set_self(uint32_t thread)
{
	x.self = thread;
}

uint32_t model_now(void)
{
	return x.steps;
}

/* Back to the explorer, for good in this execution. */
_Noreturn static void leave(void)
{
	x.runs = false;
	longjmp(x.home, 1);
}

void model_fail(enum promise broken, const char *format, ...)
{
	va_list args;

	if (!x.failed) {
		const size_t length = promise_begin(x.sentence, sizeof(x.sentence), broken);
		x.broken = broken;
		va_start(args, format);
		vsnprintf(x.sentence + length, sizeof(x.sentence) - length, format, args);
		va_end(args);
	}
	x.failed = true;
	if (x.runs)
		leave();
}

/*
 * Decisions.
 */

/* splitmix64 */
static uint64_t roll(void)
{
	uint64_t z = x.dice += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* What a decision that has not been made yet is to be. `preferred`: the random scheduler's. */
static uint32_t fresh_choice(uint32_t options, uint32_t preferred)
{
	if (x.path != NULL) {
		uint32_t taken = 0;

		if (x.path_at < x.path->count && x.path->step[x.path_at].at == x.made)
			taken = x.path->step[x.path_at++].taken;
		if (taken < options)
			return taken;
		x.misfit = true;
		return 0;
	}
	return x.random ? preferred : 0;
}

static bool affords(enum model_budget budget)
{
	return x.spent[budget] < x.bounds.most[budget] && x.together < x.bounds.together;
}

static uint32_t choose(enum model_budget budget, uint32_t options, uint32_t preferred)
{
	if (options < 2 || (budget != MODEL_FREE && !affords(budget)))
		return 0;
	if (x.made == MODEL_CHOICES_MAX)
		model_fail(
			PROMISE_NONE, "more than %d decisions in one execution", MODEL_CHOICES_MAX);
	struct choice *choice = &x.choice[x.made];
	if (x.made == x.recorded) {
		*choice = (struct choice){options, fresh_choice(options, preferred)};
		x.recorded++;
	} else if (choice->options != options) {
		/* What is explored depends on more than the decisions: an error of the explorer. */
		fprintf(stderr, "nblbench-model: decision %u had %u options and now has %u\n",
			x.made, choice->options, options);
		abort();
	}
	x.made++;
	if (choice->taken != 0 && budget != MODEL_FREE) {
		x.spent[budget]++;
		x.together++;
	}
	return choice->taken;
}

uint32_t model_spent(enum model_budget budget)
{
	return x.spent[budget];
}

uint32_t model_choose(enum model_budget budget, uint32_t options)
{
	enum { ONE_IN = 16 };
	uint32_t preferred = 0;

	if (x.random && options > 1 && roll() % ONE_IN == 0)
		preferred = (uint32_t)(roll() % options);
	return choose(budget, options, preferred);
}

/*
 * Threads.
 */

static bool can_run(const struct fiber *fiber)
{
	return !fiber->done && (fiber->ready == NULL || fiber->ready(fiber->ready_arg));
}

/* The next execution of a thread's loop begins here. */
_Noreturn static void enter(uint32_t i)
{
	struct fiber *fiber = &x.fiber[i];

	x.self = i;
	if (fiber->fresh) {
		fiber->fresh = false;
		setcontext(&fiber->start);
	}
	longjmp(fiber->at, 1);
}

/* By PCT: the one with the highest priority. */
static uint32_t by_priority(const uint32_t *candidate, uint32_t count)
{
	uint32_t best = 0;

	if (!x.random)
		return 0;
	while (x.changed < x.changes && x.steps >= x.change_at[x.changed]) {
		if (x.previous != NOBODY)
			x.priority[x.previous] = x.changes - x.changed; /* below all that began */
		x.changed++;
	}
	for (uint32_t i = 1; i < count; i++) {
		if (x.priority[candidate[i]] > x.priority[candidate[best]])
			best = i;
	}
	return best;
}

/* Who goes on. NOBODY: all are done. */
static uint32_t pick(void)
{
	uint32_t candidate[MODEL_THREADS];
	uint32_t count = 0, waiting = 0;
	const uint32_t first = x.previous == NOBODY ? 0 : x.previous;
	const bool goes_on =
		x.previous != NOBODY && can_run(&x.fiber[first]) && !x.fiber[first].yielded;

	for (uint32_t n = 0; n < x.work->threads; n++) {
		uint32_t i = (first + n) % x.work->threads;

		if (can_run(&x.fiber[i]) && !x.fiber[i].yielded)
			candidate[count++] = i;
	}
	/* All wait for a change, and one may have read what there was before the last: in turn. */
	for (uint32_t n = 1; n <= x.work->threads && count == 0; n++) {
		uint32_t i = (first + n) % x.work->threads;

		if (can_run(&x.fiber[i]))
			candidate[count++] = i;
	}
	for (uint32_t i = 0; i < x.work->threads; i++)
		waiting += !x.fiber[i].done;
	if (count == 0 && waiting != 0)
		model_fail(PROMISE_ENDS, "%u threads wait for each other, or for one that is gone",
			waiting);
	if (count == 0)
		return NOBODY;
	return candidate[choose(
		goes_on ? MODEL_SWITCHES : MODEL_FREE, count, by_priority(candidate, count))];
}

/* Goes on with another thread; returns when this one is picked again. */
static void hand_over(uint32_t self, uint32_t next)
{
	if (next == self)
		return;
	if (setjmp(x.fiber[self].at) == 0)
		enter(next);
}

/* A thread goes on, as x.self. */
static void arrive(void)
{
	struct fiber *fiber = &x.fiber[x.self];

	fiber->ready = NULL;
	fiber->yielded = fiber->parked = false;
	if (model_switched != NULL && x.previous != x.self)
		model_switched(x.previous, x.self);
	x.previous = x.self;
}

static void go_on(void)
{
	const uint32_t self = x.self;

	if (++x.steps > MODEL_STEPS_MAX)
		model_fail(PROMISE_ENDS, "no end within %d steps", MODEL_STEPS_MAX);
	hand_over(self, pick());
	arrive();
}

void model_step(void)
{
	if (x.runs)
		go_on();
}

void model_yield(void)
{
	if (!x.runs)
		return;
	x.fiber[x.self].yielded = true;
	go_on();
}

void model_changed(void)
{
	for (uint32_t i = 0; i < x.work->threads; i++)
		x.fiber[i].yielded = false;
}

void model_wait(bool (*ready)(const void *arg), const void *arg)
{
	if (!x.runs || ready(arg))
		return;
	x.fiber[x.self].ready = ready;
	x.fiber[x.self].ready_arg = arg;
	go_on();
}

/* A virtual thread: execution after execution. */
static void fiber_main(void)
{
	for (;;) {
		const uint32_t self = x.self;

		arrive();
		x.work->thread(x.work->arg, self);
		x.fiber[self].done = true;
		uint32_t next = pick();
		x.fiber[self].parked = true;
		if (setjmp(x.fiber[self].at) == 0) {
			if (next == NOBODY)
				leave();
			enter(next);
		}
	}
}

static void prepare(uint32_t i)
{
	struct fiber *fiber = &x.fiber[i];

	fiber->done = fiber->yielded = false;
	fiber->ready = NULL;
	if (fiber->parked)
		return;
	/* It was left in the middle of an execution, or never began. */
	getcontext(&fiber->start);
	fiber->start.uc_stack.ss_sp = views_stack(i);
	fiber->start.uc_stack.ss_size = VIEWS_STACK_BYTES;
	fiber->start.uc_link = NULL;
	makecontext(&fiber->start, fiber_main, 0);
	fiber->fresh = true;
}

/* From the first thread's first step to the last one's last, or to a failure. */
static void run_threads(void)
{
	for (uint32_t i = 0; i < x.work->threads; i++)
		prepare(i);
	x.previous = NOBODY;
	if (setjmp(x.home) != 0)
		return;
	x.runs = true;
	uint32_t first = pick();
	enter(first);
}

static void execute(void)
{
	x.failed = x.misfit = false;
	x.made = x.steps = x.path_at = 0;
	memset(x.spent, 0, sizeof(x.spent));
	x.together = 0;
	views_begin();
	x.work->begin(x.work->arg);
	run_threads();
	views_quiet();
	if (!x.failed)
		x.work->end(x.work->arg);
	views_restore();
	x.recorded = x.made;
}

/* The path of the execution that has just been made. */
static void note_failure(struct model_result *result)
{
	result->failed = true;
	result->broken = x.broken;
	memcpy(result->sentence, x.sentence, sizeof(result->sentence));
	result->path.count = 0;
	for (uint32_t i = 0; i < x.made; i++) {
		if (x.choice[i].taken == 0)
			continue;
		if (result->path.count == sizeof(result->path.step) / sizeof(*result->path.step))
			break; /* too long to be typed, and to be read */
		result->path.step[result->path.count].at = i;
		result->path.step[result->path.count++].taken = x.choice[i].taken;
	}
}

/* The next path in depth-first order. False: there is none. */
static bool advance(void)
{
	while (x.recorded != 0) {
		struct choice *last = &x.choice[x.recorded - 1];

		if (++last->taken < last->options)
			return true;
		x.recorded--;
	}
	return false;
}

static void start(const struct model_work *work, struct model_result *result)
{
	memset(result, 0, sizeof(*result));
	x.work = work;
	x.recorded = 0;
	x.path = NULL;
	x.random = false;
}

void model_explore(const struct model_work *work, const struct model_bounds *bounds, uint64_t limit,
	struct model_result *result)
{
	start(work, result);
	x.bounds = *bounds;
	do {
		execute();
		result->executions++;
		result->steps += x.steps;
		if (x.failed) {
			note_failure(result);
			return;
		}
		if (!advance()) {
			result->exhausted = true;
			return;
		}
	} while (result->executions < limit);
}

/* New priorities, and the steps at which the running thread loses its own. */
static void shuffle(uint32_t depth)
{
	for (uint32_t i = 0; i < x.work->threads; i++) {
		uint32_t j = (uint32_t)(roll() % (i + 1));

		x.priority[i] = x.priority[j];
		x.priority[j] = PRIORITY_CHANGES_MAX + 1 + i;
	}
	x.changes = depth > PRIORITY_CHANGES_MAX ? PRIORITY_CHANGES_MAX : depth;
	x.changed = 0;
	for (uint32_t i = 0; i < x.changes; i++) {
		uint32_t at = (uint32_t)(roll() % (x.length + 1));
		uint32_t k = i;

		for (; k > 0 && x.change_at[k - 1] > at; k--)
			x.change_at[k] = x.change_at[k - 1];
		x.change_at[k] = at;
	}
}

void model_random(const struct model_work *work, uint32_t depth, uint64_t seed, uint64_t limit,
	struct model_result *result)
{
	start(work, result);
	x.random = true;
	x.dice = seed;
	x.length = 0;
	x.bounds = model_unbounded;
	while (result->executions < limit) {
		shuffle(depth);
		x.recorded = 0;
		execute();
		result->executions++;
		result->steps += x.steps;
		if (x.steps > x.length)
			x.length = x.steps;
		if (x.failed) {
			note_failure(result);
			return;
		}
	}
}

bool model_replay(const struct model_work *work, const struct model_bounds *bounds,
	const struct model_path *path, struct model_result *result)
{
	start(work, result);
	x.path = path;
	x.bounds = *bounds;
	trace_begin();
	execute();
	trace_end();
	result->executions = 1;
	result->steps = x.steps;
	if (x.failed)
		note_failure(result);
	return !x.misfit && x.path_at == path->count;
}
