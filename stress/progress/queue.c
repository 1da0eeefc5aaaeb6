/* See queue.h. */
#include "stress/progress/queue.h"

#include "stress/base/evidence.h"
#include "stress/progress/coverage.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS_MAX = 64 };

static uint32_t limit_s; /* of the child */

static void too_long(int number, siginfo_t *info, void *context)
{
	(void)number, (void)info;
	evidence_stacks(context);
	stress_fail(PROMISE_ENDS, "it did not finish within %" PRIu32 " s of CPU time", limit_s);
}

struct examinee {
	const struct queue *queue;
	const struct queue_job *job;
};

static void examine(const void *arg)
{
	const struct examinee *self = arg;
	const struct stress run = {.ops = self->job->ops(self->job),
		.seed = stress_seed(self->queue->seed, 0),
		.threads = 2};
	struct rlimit limit;

	limit_s = self->queue->limit_s;
	getrlimit(RLIMIT_CPU, &limit);
	limit.rlim_cur = limit_s;
	setrlimit(RLIMIT_CPU, &limit);
	sigaction(SIGXCPU, &(struct sigaction){.sa_sigaction = too_long, .sa_flags = SA_SIGINFO},
		NULL);
	coverage_choose(self->job->reach);
	freezer_run(&run, self->queue->one_in, self->job->walks, &self->job->result->place);
}

_Noreturn static void die(int error)
{
	fprintf(stderr, "nblbench-progress: cannot start a process: %s\n", strerror(error));
	exit(EXIT_FAILURE);
}

/* The job's process. It waits for a child, which is what runs: so that may die, or hang. */
_Noreturn static void attend(const struct queue *self, const struct queue_job *job, pid_t parent)
{
	const struct examinee examinee = {self, job};
	const uint32_t *cpus;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	stress_cpus(&cpus);
	stress_pin(cpus[job->slot]);
	const int rc = child_run(examine, &examinee, self->sleeps_s, &job->result->child);
	if (rc != 0)
		die(-rc);
	_exit(EXIT_SUCCESS);
}

static uint32_t slots(void)
{
	const uint32_t *cpus;
	const uint32_t count = stress_cpus(&cpus);

	return count < SLOTS_MAX ? count : SLOTS_MAX;
}

static void begin(struct queue *self, struct queue_job *job)
{
	const pid_t parent = getpid();

	job->slot = (uint32_t)__builtin_ctzll(~self->slots);
	job->reach = coverage_new();
	job->result = mmap(NULL, sizeof(*job->result), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job->result == MAP_FAILED)
		stress_fail(PROMISE_NONE, "mmap: %s", strerror(errno));
	fflush(NULL); /* or it writes what waits in our buffers, too */
	job->process = fork();
	if (job->process < 0)
		die(errno);
	if (job->process == 0)
		attend(self, job, parent);
	self->slots |= 1ULL << job->slot;
}

static void begin_more(struct queue *self)
{
	for (; self->begun < self->count && (uint32_t)__builtin_popcountll(self->slots) < slots();
		self->begun++) {
		struct queue_job *job = &self->jobs[self->begun];

		job->is_done = job->is_left_out;
		if (!job->is_left_out)
			begin(self, job);
	}
}

static void end_one(struct queue *self)
{
	int status;
	const pid_t process = waitpid(-1, &status, 0);

	if (process < 0)
		return; /* a signal */
	for (uint32_t i = 0; i < self->begun; i++) {
		struct queue_job *job = &self->jobs[i];

		if (job->process != process || job->is_done)
			continue;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
			fprintf(stderr,
				"nblbench-progress: the process that examined %s was ended\n",
				job->ops(job)->name);
			exit(EXIT_FAILURE);
		}
		job->is_done = true;
		self->slots &= ~(1ULL << job->slot);
	}
}

void queue_wait(struct queue *self, const struct queue_job *job)
{
	for (begin_more(self); !job->is_done; begin_more(self))
		end_one(self);
}
