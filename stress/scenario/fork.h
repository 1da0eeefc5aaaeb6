/*
 * fork: the child of a process that uses a pool can use its copy.
 *
 * Threads churn, then stand still outside the pool with objects in their hands and in their caches,
 * and one of them forks. In the child that thread is alone: it must find the pool's books in order,
 * get every free object that the traits let it have and none that somebody held, and put them back.
 * The parent goes on as if nothing had happened.
 *
 * No thread is inside a call while the process forks, and that is a condition of using the pool in
 * the child, whatever the strategy: the kernel copies page after page while the other threads run,
 * so a fork in mid-flight gives the child a copy that never was, with the head of a list from one
 * moment and its links from another.
 */
#ifndef STRESS_SCENARIO_FORK_H
#define STRESS_SCENARIO_FORK_H

#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FORK_HELD = 24,   /* objects a thread holds at most */
	FORK_STEPS = 400, /* of churn between two forks */
	FORK_CHILD_OWNER = 1 + STRESS_THREADS_MAX,
};

struct fork_round {
	uint32_t capacity;
	atom_u32 held; /* objects in the threads' hands while they stand still */
};

static const char *fork_excuse(const struct pool_ops *ops, uint32_t threads)
{
	(void)threads;
	if (ops->traits.kind != POOL_KIND_POOL)
		return "it keeps no books that a child could find in order";
	if (ops->traits.lost_in_fork)
		return "its traits say that a forked child must not use it";
	return NULL;
}

/* A report from the child comes through the same pipe; what is left is to end as it did. */
static void fork_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		stress_fail(PROMISE_FORKED, "the forked child died of SIG%s",
			sigabbrev_np(WTERMSIG(status)));
	if (WEXITSTATUS(status) != EXIT_SUCCESS)
		_exit(WEXITSTATUS(status));
}

_Noreturn static void fork_child(struct gang_thread *t, uint32_t capacity, uint32_t outstanding)
{
	void **objs = stress_array(capacity, sizeof(*objs));

	stress_quiet(t->pool, outstanding, "in a forked child");
	uint32_t got = stress_drain(t->pool, t->self, objs, capacity - outstanding);
	for (uint32_t i = 0; i < got; i++)
		object_got(t->pool, objs[i], FORK_CHILD_OWNER);
	if (t->pool->ops->traits.exact && got != capacity - outstanding)
		stress_fail(PROMISE_EXACT,
			"a forked child, alone, gets %u of %u free objects, and the traits say "
			"exact",
			got, capacity - outstanding);
	stress_quiet(t->pool, outstanding + got, "in a forked child that took all it could get");
	for (uint32_t i = 0; i < got; i++) {
		object_putting(t->pool, objs[i], FORK_CHILD_OWNER);
		t->pool->ops->put(t->pool, t->self, objs[i]);
	}
	stress_quiet(t->pool, outstanding, "in a forked child that put all back");
	_exit(EXIT_SUCCESS);
}

static void fork_body(struct gang_thread *t)
{
	struct fork_round *round = t->shared;
	const struct pool_ops *ops = t->pool->ops;
	void *objs[FORK_HELD];
	uint32_t held = 0;

	for (uint32_t i = 0; i < FORK_STEPS; i++) {
		if (held < FORK_HELD && stress_below(&t->random, 2)) {
			void *object = ops->get(t->pool, t->self);

			if (object == NULL)
				continue;
			object_got(t->pool, object, t->owner);
			objs[held++] = object;
		} else if (held > 0) {
			object_putting(t->pool, objs[--held], t->owner);
			ops->put(t->pool, t->self, objs[held]);
		}
	}
	atom_add_relaxed(&round->held, held);
	gang_meet(t);
	if (t->index == 0) {
		pid_t pid = fork();

		if (pid < 0)
			stress_fail(PROMISE_NONE, "fork: %s", strerror(errno));
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			fork_child(t, round->capacity, atom_load_relaxed(&round->held));
		}
		fork_wait(pid);
		t->done++;
	}
	gang_meet(t);
	while (held > 0) {
		object_putting(t->pool, objs[--held], t->owner);
		ops->put(t->pool, t->self, objs[held]);
	}
}

static void fork_run(const struct stress *run)
{
	uint32_t threads = run->ops->traits.progress == POOL_UNSYNCHRONISED ? 1 : run->threads;
	uint64_t random = run->seed;
	uint64_t forks = 0;
	uint32_t more = 0;

	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);
		struct pool *pool = stress_pool(run->ops, &shape);
		struct fork_round round = {.capacity = shape.capacity};

		forks += gang_run(run, pool, threads, stress_random(&random), fork_body, &round);
		stress_quiet(pool, 0, "after a round");
		stress_destroy(pool, baseline);
	} while (stress_another_round(run, stress_operated(run), &more));
	stress_note("%" PRIu64 " children of %" PRIu32 " threads", forks, threads);
}

static const struct scenario scenario_fork = {
	.name = "fork",
	.summary = "a forked child uses its copy of the pool",
	.excuse = fork_excuse,
	.run = fork_run,
};

#endif
