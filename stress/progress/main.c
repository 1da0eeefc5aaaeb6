/*
 * nblbench-progress: holds every pool that calls itself lock-free to it, see freezer.h. Of the options
 * of `nblbench stress` it heeds --pool, --record, --seed and --seconds: with less than a second it tries so large a part
 * of the boundaries.
 *
 * Pools whose traits say blocking are examined too and may do either. Some are known to block, and each call has a
 * control that hides a lock in it: that they are found shows that the freezer sees what it looks for. --pool may name a control,
 * too: then it shows what its failure looks like.
 */
#include "stress/base/child.h"
#include "stress/base/evidence.h"
#include "stress/options.h"
#include "stress/progress/coverage.h"
#include "stress/progress/documented.h"
#include "stress/progress/forks_badly.h"
#include "stress/progress/freezer.h"
#include "stress/progress/hides_a_lock.h"
#include "stress/progress/locks_a_retry.h"
#include "stress/progress/pairs.h"
#include "stress/progress/queue.h"
#include "stress/progress/takes_too_much.h"
#include "stress/progress/tolerates_one.h"
#include "stress/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *record; /* NULL: nobody reads it */

/* What controls are made of: it has runs. */
#define WITH_EVERY_CALL "mag_tls"

enum {
	PLAN_MAX = 256,
	LIMIT_S = 300,  /* a pool takes a minute of CPU time */
	SLEEPS_S = 900, /* a machine, the time that is other people's */
};

static const struct options *asked;

/* What stress_fail's sentence does not tell. */
static void print_place(const struct freezer_place *place)
{
	char text[256];

	if (place->mode == NULL)
		return;
	snprintf(text, sizeof(text),
		"  a thread was stopped after %" PRIu32 " instructions of %s, %s\n" EVIDENCE_FRAME
		"%" PRIxPTR "\n",
		place->boundary, actor_call_names[place->call], place->mode, place->offset);
	evidence_print(stdout, "", text);
}

/* reach: coverage_take's; 0: it is not asked for. child: NULL: there was none, for that reason. */
static void note(const char *pool, enum trust_verdict verdict, const struct child *child,
	double reach, const char *excuse)
{
	struct trust_run run = {.verdict = verdict, .seed = asked->seed, .reach = reach};
	const char *sentence = child != NULL ? child->sentence : excuse;

	if (child != NULL) {
		run.seconds = child->seconds;
		run.broken = child->broken;
	}

	snprintf(run.pool, sizeof(run.pool), "%s", pool);
	snprintf(run.scenario, sizeof(run.scenario), "freezer");
	snprintf(run.sentence, sizeof(run.sentence), "%s", sentence);
	trust_record(record, &run);
}

/* What is examined: a job, and what its verdict is to say. */
enum role {
	STRATEGY,
	CALLS,   /* the documented ones, over a strategy */
	CONTROL, /* it has to fail with its sign */
};

struct plan {
	struct queue queue;
	struct queue_job jobs[PLAN_MAX];
	struct aim {
		enum role role;
		const char *sign;
		char excuse[POOL_REASON_BYTES]; /* of what is left out */
	} aims[PLAN_MAX];
	bool examines; /* any strategy */
};
static struct plan plan;

static const struct pool_ops *itself(const struct queue_job *job)
{
	return job->strategy;
}

static const struct pool_ops *over_it(const struct queue_job *job)
{
	return documented_calls(job->strategy);
}

static const struct pool_ops *with_a_lock(const struct queue_job *job)
{
	return hides_a_lock(job->strategy, job->call);
}

static struct queue_job *add(enum role role, const char *sign, const struct pool_ops *strategy)
{
	const uint32_t i = plan.queue.count++;

	if (i == PLAN_MAX)
		stress_fail(PROMISE_NONE, "more than %d are to be examined", PLAN_MAX);
	plan.aims[i] = (struct aim){.role = role, .sign = sign};
	plan.jobs[i] = (struct queue_job){.strategy = strategy, .ops = itself};
	return &plan.jobs[i];
}

static struct aim *aim_of(const struct queue_job *job)
{
	return &plan.aims[job - plan.jobs];
}

static bool may_block(const struct pool_ops *ops)
{
	return ops->traits.progress == POOL_BLOCKING;
}

static void plan_strategies(void)
{
	char reason[POOL_REASON_BYTES];

	for (size_t i = 0; pools[i] != NULL; i++) {
		const struct pool_ops *ops = pools[i];
		const char *excuse = stress_excuse_one_thread(ops, 2);

		if (!options_chosen(&asked->pools, ops->name))
			continue;
		if (!ops->supported(reason))
			excuse = reason;
		else if (ops->traits.kind == POOL_KIND_ALLOCATOR && ops->traits.paths == 0)
			excuse = "it is no pool of ours, and promises nothing";
		struct queue_job *job = add(STRATEGY, FREEZER_BLOCKED, ops);
		job->walks = may_block(ops);
		job->is_left_out = excuse != NULL;
		if (excuse != NULL)
			snprintf(aim_of(job)->excuse, sizeof(aim_of(job)->excuse), "%s", excuse);
		plan.examines |= excuse == NULL;
	}
}

/*
 * The documented calls over one strategy with restartable sequences, which has the short way of the calls
 * (alloc/ndis/usual.h), and over one without.
 */
static void plan_documented(void)
{
	const struct pool_ops *const over[] = {pool_best(), pool_find(WITH_EVERY_CALL)};
	char reason[POOL_REASON_BYTES];

	for (size_t i = 0; i < array_count(over); i++) {
		if (options_chosen(&asked->pools, over[i]->name) && over[i]->supported(reason))
			add(CALLS, FREEZER_BLOCKED, over[i])->ops = over_it;
	}
}

static const char *name_of(const struct queue_job *job)
{
	return job->ops(job)->name;
}

/* A lock in each call or beneath the documented ones, and those that die with too much. */
static void plan_all_controls(void)
{
	const struct pool_ops *every = pool_find(WITH_EVERY_CALL);

	add(CONTROL, FREEZER_TOOK, &takes_too_much_ops);
	add(CONTROL, FREEZER_TOOK, &says_too_little_ops);
	add(CONTROL, FORKS_WITHIN, &starts_anew_ops);
	add(CONTROL, FORKS_BESIDE, &distrusts_ops);
	add(CONTROL, PAIRS_BLOCKED, &tolerates_one_ops);
	add(CONTROL, FREEZER_BLOCKED, &locks_a_retry_ops);
	add(CONTROL, FREEZER_BLOCKED, pool_find("mutex"))->ops = over_it;
	for (int call = 0; call < ACTOR_CALLS; call++) {
		if (hides_a_lock(every, (enum actor_call)call) == NULL)
			continue;
		struct queue_job *job = add(CONTROL, FREEZER_BLOCKED, every);
		job->ops = with_a_lock;
		job->call = (enum actor_call)call;
	}
}

/* options_knows: the name of a control. Of a plan that nobody has made yet. */
static bool is_control(const char *name)
{
	bool found = false;

	plan_all_controls();
	for (uint32_t i = 0; i < plan.queue.count; i++)
		found |= strcmp(name_of(&plan.jobs[i]), name) == 0;
	plan.queue.count = 0;
	return found;
}

static bool is_asked_for(const struct queue_job *job)
{
	return asked->pools.count != 0 && options_chosen(&asked->pools, name_of(job));
}

/* All of them, if any strategy is examined; else those that were asked for. */
static void plan_controls(void)
{
	const uint32_t first = plan.queue.count;
	uint32_t kept = first;

	plan_all_controls();
	for (uint32_t i = first; i < plan.queue.count; i++) {
		if (!plan.examines && !is_asked_for(&plan.jobs[i]))
			continue;
		plan.jobs[kept] = plan.jobs[i];
		plan.aims[kept++] = plan.aims[i];
	}
	plan.queue.count = kept;
}

/* Who that is, in words that repeat it. Documented calls are tried with what lies beneath them. */
static const char *asked_as(const struct queue_job *job)
{
	return aim_of(job)->role == CALLS ? job->strategy->name : name_of(job);
}

static void print_evidence(const struct queue_job *job)
{
	fputs("  again: ", stdout);
	options_print_quoted(asked->program);
	fputs(" --pool ", stdout);
	options_print_quoted(asked_as(job));
	printf(" --seconds %g --seed %" PRIu64 "\n", asked->seconds, asked->seed);
	print_place(&job->result->place);
	evidence_print(stdout, "", job->result->child.output);
}

/* How the job ended; *found: it failed with its sign. Prints its line, which then says if_found. */
static const struct child *await(struct queue_job *job, const char *if_found, bool *found)
{
	queue_wait(&plan.queue, job);
	const struct pool_ops *ops = job->ops(job);
	const struct child *child = &job->result->child;

	*found = child->end == CHILD_FAILED && strstr(child->sentence, aim_of(job)->sign) != NULL;
	const char *verdict = child->end == CHILD_SKIPPED ? "skipped" : "FAILED";
	if (child->end == CHILD_PASSED)
		verdict = "ok";
	else if (*found)
		verdict = if_found;
	printf("%-8s %-18s %-10s ", verdict, ops->name, pool_progress_name(ops->traits.progress));
	if (child->end == CHILD_FAILED)
		printf("after %.2f s, seed %" PRIu64 ": %s\n", child->seconds, asked->seed,
			child->sentence);
	else
		printf("%s (%.1f s)\n", child->sentence, child->seconds);
	const bool shown = aim_of(job)->role == CONTROL && is_asked_for(job);
	if (strcmp(verdict, "FAILED") == 0 || (child->end == CHILD_FAILED && shown))
		print_evidence(job);
	fflush(stdout);
	return child;
}

/* What a verdict on a pool is to who started this layer. */
static enum trust_verdict verdict_of(enum child_end end, bool excused)
{
	if (end == CHILD_SKIPPED)
		return TRUST_SKIPPED;
	return end == CHILD_PASSED || excused ? TRUST_OK : TRUST_FAILED;
}

/* Pools of ours that block: who passes them is blind. */
static bool must_block(const char *pool)
{
	static const char *const names[] = {"mutex", "ticket", "vyukov"};

	for (size_t i = 0; i < array_count(names); i++) {
		if (strcmp(names[i], pool) == 0)
			return true;
	}
	return false;
}

/* 1 if it is not caught. */
static int judge_control(struct queue_job *job)
{
	bool caught;
	const struct child *child = await(job, "caught", &caught);
	const struct pool_ops *ops = job->ops(job);

	note(ops->name, caught ? TRUST_CAUGHT : TRUST_MISSED, child, 0, NULL);
	if (!caught)
		printf("the freezer is blind: it did not find what is wrong with %s\n", ops->name);
	return !caught;
}

/* How many mistakes it shows, of the strategy or of the freezer. Ends the program where nothing can be stepped. */
static int judge(struct queue_job *job)
{
	const struct aim *aim = aim_of(job);
	const struct pool_ops *strategy = job->strategy;
	bool blocked;

	if (aim->role == CONTROL)
		return judge_control(job);
	if (job->is_left_out) {
		printf("%-8s %-18s %s\n", "skipped", strategy->name, aim->excuse);
		note(strategy->name, TRUST_SKIPPED, NULL, 0, aim->excuse);
		return 0;
	}
	const bool excused = aim->role == STRATEGY && may_block(strategy);
	const struct child *child = await(job, excused ? "blocks" : "FAILED", &blocked);
	note(strategy->name, verdict_of(child->end, blocked && excused), child,
		coverage_take(job->ops(job)->name, job->reach), NULL);
	if (child->end == CHILD_SKIPPED && aim->role == STRATEGY)
		exit(CHILD_STATUS_SKIPPED);
	int failed = child->end == CHILD_FAILED && !(blocked && excused);
	if (aim->role == STRATEGY && !blocked && must_block(strategy->name)) {
		printf("the freezer is blind: it did not find that %s blocks\n", strategy->name);
		failed++;
	}
	return failed;
}

int main(int argc, char **argv)
{
	options_knows = is_control;
	const struct options options = options_parse(argc, argv);
	int failed = 0;
	bool in_controls = false;

	coverage_prepare();
	asked = &options;
	plan.queue = (struct queue){.jobs = plan.jobs,
		.seed = options.seed,
		.limit_s = LIMIT_S,
		.sleeps_s = SLEEPS_S,
		.one_in = options.seconds < 1 ? (uint32_t)lround(1 / options.seconds) : 1};
	if (options.scenarios.count != 0)
		puts("the freezer has a script of its own; --scenario chooses nothing of it");
	if (options.record != NULL && (record = fopen(options.record, "w")) == NULL) {
		fprintf(stderr, "nblbench-progress: cannot write %s: %s\n", options.record,
			strerror(errno));
		return EXIT_FAILURE;
	}
	trust_record_build(record, "native, stepped");
	if (options.scenarios.count != 0)
		return CHILD_STATUS_SKIPPED;

	printf("seed %" PRIu64 ", ", options.seed);
	if (plan.queue.one_in == 1)
		puts("each boundary");
	else
		printf("one boundary of %" PRIu32 " (--seconds %g)\n", plan.queue.one_in,
			options.seconds);
	plan_strategies();
	if (plan.examines)
		plan_documented();
	plan_controls();
	for (uint32_t i = 0; i < plan.queue.count; i++) {
		if (plan.aims[i].role == CONTROL && !in_controls && plan.examines)
			coverage_print();
		in_controls = plan.aims[i].role == CONTROL;
		failed += judge(&plan.jobs[i]);
	}
	if (plan.queue.count == 0 || (!plan.examines && !in_controls))
		return CHILD_STATUS_SKIPPED;
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
