/* Forks at boundaries, of the stopped thread and beside it: see freezer.h. */
#include "stress/progress/freezer_self.h"

#ifdef RSEQ_ARCH_SUPPORTED

#include "alloc/machine/step.h"
#include "alloc/peer/rcu_guard.h"
#include "stress/base/locations.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct freezer *forking;
static pid_t child;
static unsigned char *forked; /* a byte an instruction of this program */

/*
 * Without a capacity nobody knows what is missing. A pool that blocks is walked through, and then only the thread itself
 * forks: another one's child may wait for a thread that it lacks.
 */
bool forks_may_be(const struct freezer *self)
{
	const struct pool_traits *traits = &self->run->ops->traits;

	return traits->kind == POOL_KIND_POOL && !traits->lost_in_fork &&
	       (traits->progress == POOL_BLOCKING) == self->walks;
}

/*
 * Whether nothing was forked before that instruction. Never inside the C library, which may have a lock there that its
 * fork takes.
 */
bool forks_are_due(uintptr_t address)
{
	const uintptr_t offset = locations_offset(address);

	if (forked == NULL)
		forked = stress_array(locations_end(), 1);
	return offset != 0 && forked[offset] == 0;
}

static pid_t fork_process(void)
{
	const pid_t pid = fork();

	if (pid < 0)
		stress_fail(PROMISE_NONE, "fork: %s", strerror(errno));
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* The child ends, and well; what it has to report it has reported. */
static void await(const char *whose)
{
	int status;

	if (!hand_wait_for_child(child, &status))
		stress_fail(PROMISE_FORKED,
			"stopped after %" PRIu32
			" instructions of %s, %s: the child of %s waits without end",
			forking->place->boundary, actor_call_names[forking->place->call],
			forking->mode->name, whose);
	if (WIFSIGNALED(status))
		stress_fail(PROMISE_FORKED,
			"stopped after %" PRIu32
			" instructions of %s, %s: the child of %s died of SIG%s",
			forking->place->boundary, actor_call_names[forking->place->call],
			forking->mode->name, whose, sigabbrev_np(WTERMSIG(status)));
	if (WEXITSTATUS(status) != EXIT_SUCCESS)
		_exit(WEXITSTATUS(status));
}

/* The survivor forks. Its child is alone with what a thread left in the middle of its call: as after its death. */
static void fork_beside(struct hand *survivor)
{
	const struct actor *victim = &forking->victim;

	child = fork_process();
	if (child != 0)
		return;
	const uint32_t lost = stage_missing_alone(survivor, stage_held(victim));
	if (lost > victim->moving + forking->lost_most)
		stress_fail(PROMISE_FORKED,
			"stopped after %" PRIu32 " instructions of %s, a thread had %" PRIu32
			" objects that the " FORKS_BESIDE " did not find, of which at most %" PRIu32
			" were its own, and may have %" PRIu32 " more",
			forking->place->boundary, actor_call_names[forking->place->call], lost,
			victim->moving, forking->lost_most);
	_exit(EXIT_SUCCESS);
}

bool forks_play(struct freezer *self, void *context)
{
	/* liburcu's fork waits for its thread, and that for the section. */
	if (!forks_are_due(self->stopped_at) || rcu_guard_inside())
		return false;
	forked[locations_offset(self->stopped_at)] = 1;
	forking = self;
	child = fork_process();
	if (child == 0) {
		/* A signal's handler forked: the section that it came into is aborted. */
		step_interrupt(&self->victim.area, context);
		self->is_child = true;
		return true;
	}
	await("a handler that forked there");
	self->forks++;
	if (!self->walks) {
		stage_let_survive(fork_beside);
		await("another that forked then");
		self->forks++;
	}
	return false;
}

/* The child of the stopped thread itself has ended its call: everything is there. */
void forks_end_child(struct freezer *self)
{
	char when[128];
	struct actor *victim = &self->victim;
	const uint32_t others = stage_held(&stage.survivor.actor);
	const uint32_t capacity = stage.pool->config.capacity;

	snprintf(when, sizeof(when),
		"stopped after %" PRIu32 " instructions of %s, in a " FORKS_WITHIN ",",
		self->place->boundary, actor_call_names[self->place->call]);
	victim->plan = ACTOR_RUNS;
	if (self->place->call == ACTOR_DETACH)
		actor_call(victim, ACTOR_ATTACH, 0);
	stress_quiet(stage.pool, others + stage_held(victim), when);
	actor_drain(victim);
	if (self->run->ops->traits.exact && others + stage_held(victim) != capacity)
		stress_fail(PROMISE_FORKED,
			"%s %" PRIu32 " of %" PRIu32 " objects are there, and the traits say exact",
			when, others + stage_held(victim), capacity);
	stress_quiet(stage.pool, others + stage_held(victim), when);
	actor_return(victim);
	stress_quiet(stage.pool, others, when);
	_exit(EXIT_SUCCESS);
}

#endif
