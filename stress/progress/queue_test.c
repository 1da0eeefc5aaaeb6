/* Several are examined at once, each on a CPU of its own, and come to their ends in the order in which they are asked for. */
#include "alloc/machine/cmocka.h"
#include "stress/base/evidence.h"
#include "stress/progress/coverage.h"
#include "stress/progress/queue.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 5, LIMIT_S = 1, SLEEPS_S = 300, CPUS_AT_LEAST = 2 };

/* What the jobs of a test tell one another. */
static struct board {
	atom_u32 waiting, others; /* jobs that have begun */
	uint32_t cpu[2];          /* of the first of these, and of those */
} * board;

static struct queue_job jobs[JOBS];
static struct queue queue;

/* In the place of coverage.c and freezer.c: what a job does is its strategy's name. */
unsigned char *coverage_new(void)
{
	return NULL;
}

void coverage_choose(unsigned char *run)
{
	(void)run;
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

void freezer_run(const struct stress *run, uint32_t one_in, bool walks, struct freezer_place *place)
{
	cpu_set_t set;

	(void)one_in, (void)walks, (void)place;
	if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) != 1)
		stress_fail(PROMISE_NONE, "it is not bound to a CPU");
	const bool waits = strcmp(run->ops->name, "waits for another") == 0;
	if (atom_add_relaxed(waits ? &board->waiting : &board->others, 1) == 0)
		board->cpu[waits] = (uint32_t)sched_getcpu();
	while (waits && atom_load_relaxed(&board->others) == 0)
		nap();
	while (strcmp(run->ops->name, "spins") == 0)
		atom_pause();
	if (strcmp(run->ops->name, "crashes") == 0)
		raise(SIGSEGV);
	stress_note("%s", run->ops->name);
}

static const struct pool_ops *itself(const struct queue_job *job)
{
	return job->strategy;
}

static const struct pool_ops waits_ops = {.name = "waits for another"}, ends_ops = {.name = "ends"},
			     spins_ops = {.name = "spins"}, crashes_ops = {.name = "crashes"};

static void plan(const struct pool_ops *first, const struct pool_ops *others)
{
	queue = (struct queue){
		.jobs = jobs, .count = JOBS, .one_in = 1, .limit_s = LIMIT_S, .sleeps_s = SLEEPS_S};
	for (uint32_t i = 0; i < JOBS; i++)
		jobs[i] = (struct queue_job){.ops = itself, .strategy = i == 0 ? first : others};
	*board = (struct board){0};
}

/* The first one ends when another has begun, and others end before it does. */
static void several_at_once(NO_STATE)
{
	const uint32_t *cpus;

	if (stress_cpus(&cpus) < CPUS_AT_LEAST) {
		print_message("two at once need two CPUs\n");
		skip();
	}
	plan(&waits_ops, &ends_ops);
	for (uint32_t i = 0; i < JOBS; i++) {
		queue_wait(&queue, &jobs[i]);
		assert_int_equal(jobs[i].result->child.end, CHILD_PASSED);
		assert_string_equal(jobs[i].result->child.sentence, jobs[i].strategy->name);
	}
	assert_int_equal(atom_load_relaxed(&board->others), JOBS - 1);
	assert_int_not_equal(board->cpu[0], board->cpu[1]);
}

/* What is left out is no process, and the next one runs. */
static void some_are_left_out(NO_STATE)
{
	plan(&ends_ops, &ends_ops);
	jobs[0].is_left_out = jobs[2].is_left_out = true;
	for (uint32_t i = 0; i < JOBS; i++)
		queue_wait(&queue, &jobs[i]);
	assert_int_equal(atom_load_relaxed(&board->others), JOBS - 2);
	assert_null(jobs[0].result);
	assert_null(jobs[2].result);
}

/* The limit is the CPU time, and the one beside it does not mind. */
static void what_spins_is_ended(NO_STATE)
{
	plan(&spins_ops, &ends_ops);
	for (uint32_t i = 0; i < JOBS; i++)
		queue_wait(&queue, &jobs[i]);
	assert_int_equal(jobs[0].result->child.end, CHILD_FAILED);
	assert_string_equal(jobs[0].result->child.sentence,
		"P21 (a call comes to its end): it did not finish within 1 s of CPU time");
	const char *stack = strstr(jobs[0].result->child.output, " stands at:\n");
	assert_non_null(stack);
	assert_non_null(strstr(stack, EVIDENCE_FRAME));
	assert_int_equal(jobs[1].result->child.end, CHILD_PASSED);
}

/* One that crashes tells where, and the one beside it does not mind. */
static void what_crashes_is_told(NO_STATE)
{
	plan(&crashes_ops, &ends_ops);
	for (uint32_t i = 0; i < JOBS; i++)
		queue_wait(&queue, &jobs[i]);
	assert_int_equal(jobs[0].result->child.end, CHILD_FAILED);
	assert_int_equal(jobs[0].result->child.broken, PROMISE_LIVES);
	assert_non_null(strstr(jobs[0].result->child.output, " got SIGSEGV at:\n"));
	assert_int_equal(jobs[1].result->child.end, CHILD_PASSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(some_are_left_out),
		cmocka_unit_test(what_spins_is_ended),
		cmocka_unit_test(what_crashes_is_told),
	};

	board = mmap(
		NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(board != MAP_FAILED);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
