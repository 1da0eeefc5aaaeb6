#include "stress/progress/freezer.h"

#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/*
	 * Looks at a survivor, a second apart, that must all find it asleep, or CPU time that it
	 * must have used up, before it is given up. It needs some 10 us. Not the time of day: on a
	 * loaded machine a thread that may run waits for seconds.
	 */
	SURVIVOR_LOOKS = 2,
	SURVIVOR_CPU_MS = 500,
	SURVIVOR_HELD_MAX = 8,
	SCRIPT_GETS =
		20, /* then as many puts: more than a per-CPU array of 16 or four magazines hold */
	/*
	 * A round freezes every fifth operation, another fifth each time. Operations that take the
	 * same path follow each other every time, or every fourth where magazines hold four
	 * objects: five has no divisor in common with either, so each such path meets each
	 * boundary. A rarer one (a full array) meets at least a fifth of its own.
	 */
	FREEZE_ONE_IN = 5,
	/*
	 * Beyond so many instructions an operation goes round in circles (retries, aborted
	 * sections), and boundaries are taken ever more sparsely.
	 */
	EVERY_BOUNDARY_BELOW = 128,
	SPARSE_LOG2 = 2,
	BOUNDARIES_MAX = 100000, /* no operation is that long: it would not end at all */
	FREEZER_MARK =
		SIGUSR1, /* not a step's SIGTRAP: which of the two costs a system call to ask */
};

/*
 * One with room, one that the script and the survivor exhaust. Small caches, so that they overflow.
 */
static const uint32_t freezer_capacities[] = {64, 5};

/* Shared by the tracer and the process with the two threads. */
struct freezer_stage {
	atom_u32 victim_tid;
	atom_u32 survivor_tid;
	atom_u32 traced; /* both are: go */
	atom_u32 finish; /* the victim ends after its round, the survivor after its batch */
};

struct freezer_cast {
	struct pool *pool;
	struct freezer_stage *stage;
};

/*
 * A signal to itself: the tracer sees the stop, swallows the signal, and the thread goes on when it
 * is let. Any other stop of a thread that is not stepped is an accident. raise() has some 40
 * instructions more, and each between an operation and its marks is a boundary.
 */
static void freezer_mark(pid_t self)
{
	syscall(SYS_tgkill, getpid(), self, FREEZER_MARK);
}

/* Returns the thread's own number, for its marks. */
static pid_t freezer_enter(struct freezer_stage *stage, atom_u32 *tid)
{
	const pid_t own = gettid();

	atom_store_release(tid, (uint32_t)own);
	while (atom_load_acquire(&stage->traced) == 0)
		sched_yield();
	return own;
}

static void *freezer_victim(void *arg)
{
	const struct freezer_cast *cast = arg;
	const struct pool_ops *ops = cast->pool->ops;
	struct pool_thread *self = stress_attach(cast->pool);
	const uint64_t owner = 1;
	struct object *objs[SCRIPT_GETS];

	const pid_t own = freezer_enter(cast->stage, &cast->stage->victim_tid);

	while (atom_load_relaxed(&cast->stage->finish) == 0) {
		for (uint32_t i = 0; i < SCRIPT_GETS; i++) {
			freezer_mark(own);
			objs[i] = ops->get(cast->pool, self);
			freezer_mark(own);
			if (objs[i] != NULL)
				object_got(cast->pool, objs[i], owner);
		}
		for (uint32_t i = 0; i < SCRIPT_GETS; i++) {
			if (objs[i] != NULL)
				object_putting(cast->pool, objs[i], owner);
			freezer_mark(own);
			if (objs[i] != NULL)
				ops->put(cast->pool, self, objs[i]);
			freezer_mark(own);
		}
	}
	ops->detach(cast->pool, self);
	return NULL;
}

/*
 * A batch: gets two and puts back the older of them, so that the pool is not what it was; at times
 * gives back everything.
 */
static void *freezer_survivor(void *arg)
{
	const struct freezer_cast *cast = arg;
	const struct pool_ops *ops = cast->pool->ops;
	struct pool_thread *self = stress_attach(cast->pool);
	const uint64_t owner = 2;
	struct object *objs[SURVIVOR_HELD_MAX];
	uint32_t held = 0;

	const pid_t own = freezer_enter(cast->stage, &cast->stage->survivor_tid);

	for (;;) {
		freezer_mark(own);
		bool last = atom_load_relaxed(&cast->stage->finish) != 0;
		if (last || held + 2 > SURVIVOR_HELD_MAX) {
			while (held > 0) {
				object_putting(cast->pool, objs[--held], owner);
				ops->put(cast->pool, self, objs[held]);
			}
		}
		if (last)
			break;
		uint32_t first = held;
		for (int i = 0; i < 2; i++) {
			struct object *object = ops->get(cast->pool, self);

			if (object != NULL) {
				object_got(cast->pool, object, owner);
				objs[held++] = object;
			}
		}
		if (held - first == 2) {
			object_putting(cast->pool, objs[first], owner);
			ops->put(cast->pool, self, objs[first]);
			objs[first] = objs[--held];
		}
	}
	ops->detach(cast->pool, self);
	return NULL;
}

/* The process that is traced. Its threads share a CPU, so that they meet in what belongs to it. */
_Noreturn static void freezer_play(
	const struct stress *run, uint32_t capacity, struct freezer_stage *stage)
{
	const struct pool_config config = {.object_bytes = OBJECT_BYTES_MIN,
		.capacity = capacity,
		.magazine_objects = POOL_MAGAZINE_OBJECTS_MIN,
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN};
	struct freezer_cast cast = {.stage = stage};
	pthread_t threads[2];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cast.pool = stress_pool(run->ops, &config);
	cast.pool->ops = run->ops; /* each instruction of a note would be one to stop at */
	gang_start(&threads[0], freezer_victim, &cast);
	gang_start(&threads[1], freezer_survivor, &cast);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	stress_quiet(cast.pool, 0, "after a thread was stopped everywhere");
	pool_destroy(cast.pool);
	_exit(EXIT_SUCCESS);
}

/* Why a thread came back to the tracer. */
enum freezer_stop { STOP_STEP, STOP_MARK, STOP_LATE, STOP_ENDED };

/* Only there to interrupt waitpid. */
static void freezer_on_alarm(int signal)
{
	(void)signal;
}

struct freezer {
	const struct stress *run;
	pid_t process;
	pid_t victim;
	pid_t survivor;
	uint32_t boundary;  /* of the present round */
	uint32_t operation; /* of the script */
	uint64_t frozen;    /* times */
};

/* What the kernel tells of a thread of the traced process. */
struct freezer_state {
	bool asleep;
	uint64_t cpu_ms;
};

static struct freezer_state freezer_look(const struct freezer *self, pid_t tid)
{
	char path[64];
	char state = 'R';
	unsigned long user = 0;
	unsigned long system = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)self->process, (int)tid);
	FILE *file = fopen(path, "r");
	/* proc(5): pid (comm) state, ten figures, utime, stime. Our comm has no bracket in it. */
	if (file == NULL ||
		fscanf(file, "%*d (%*[^)]) %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			&state, &user, &system) != 3)
		stress_fail("cannot read %s", path);
	fclose(file);
	return (struct freezer_state){.asleep = state == 'S',
		.cpu_ms = (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK)};
}

/*
 * Waits for a thread's next stop. patient: for ever, for a thread that nobody can keep waiting;
 * otherwise STOP_LATE when the thread sleeps on, or has run for long, and has not stopped.
 */
static enum freezer_stop freezer_wait(const struct freezer *self, pid_t tid, bool patient)
{
	const uint64_t before_ms = patient ? 0 : freezer_look(self, tid).cpu_ms;
	uint32_t asleep = 0;
	int status;

	if (!patient) /* and not at every step, of which there are millions */
		alarm(1);
	while (waitpid(tid, &status, __WALL) < 0) {
		if (errno != EINTR)
			return STOP_ENDED;
		struct freezer_state state = freezer_look(self, tid);
		asleep = state.asleep ? asleep + 1 : 0;
		if (asleep == SURVIVOR_LOOKS || state.cpu_ms > before_ms + SURVIVOR_CPU_MS)
			return STOP_LATE;
		alarm(1);
	}
	if (!patient)
		alarm(0);
	if (!WIFSTOPPED(status))
		return STOP_ENDED;
	if (WSTOPSIG(status) == FREEZER_MARK)
		return STOP_MARK;
	if (WSTOPSIG(status) != SIGTRAP)
		stress_fail("with a thread stopped after %" PRIu32
			    " instructions of operation %" PRIu32 ", a thread got SIG%s",
			self->boundary, self->operation, sigabbrev_np(WSTOPSIG(status)));
	return STOP_STEP;
}

/* To its next mark. */
static enum freezer_stop freezer_continue(const struct freezer *self, pid_t tid, bool patient)
{
	if (ptrace(PTRACE_CONT, tid, NULL, NULL) != 0)
		stress_fail("PTRACE_CONT: %s", strerror(errno));
	return freezer_wait(self, tid, patient);
}

/* Waits for the end of the process, whose verdict is the run's. */
static void freezer_end(const struct freezer *self)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(-1, &status, __WALL);
	} while (pid != self->process && (pid > 0 || errno == EINTR));
	if (pid != self->process)
		stress_fail("the traced process was lost: %s", strerror(errno));
	if (WIFSIGNALED(status))
		stress_fail("the traced process died of SIG%s", sigabbrev_np(WTERMSIG(status)));
	if (WEXITSTATUS(status) != EXIT_SUCCESS)
		_exit(WEXITSTATUS(status)); /* it has said why */
}

static void freezer_expect(const struct freezer *self, enum freezer_stop stop)
{
	if (stop == STOP_MARK)
		return;
	if (stop == STOP_ENDED)
		freezer_end(self);
	stress_fail("a thread is not where the freezer left it");
}

static void freezer_survive(struct freezer *self)
{
	enum freezer_stop stop = freezer_continue(self, self->survivor, false);

	if (stop == STOP_LATE)
		stress_fail("stopped after %" PRIu32
			    " instructions of %s, one thread " FREEZER_BLOCKED,
			self->boundary, self->operation < SCRIPT_GETS ? "get" : "put");
	freezer_expect(self, stop);
	self->frozen++;
}

/*
 * The victim stands at the mark before an operation, and afterwards at the one behind it. Stops it
 * on the way at the boundary; false if the operation is shorter than that.
 */
static bool freezer_operate(struct freezer *self, bool freeze)
{
	for (uint32_t i = 0; freeze && i < self->boundary; i++) {
		if (ptrace(PTRACE_SINGLESTEP, self->victim, NULL, NULL) != 0)
			stress_fail("PTRACE_SINGLESTEP: %s", strerror(errno));
		enum freezer_stop stop = freezer_wait(self, self->victim, true);
		if (stop == STOP_MARK)
			return false;
		if (stop != STOP_STEP)
			freezer_expect(self, stop);
	}
	if (freeze)
		freezer_survive(self);
	freezer_expect(self, freezer_continue(self, self->victim, true));
	return freeze;
}

/* One pass over the script; true if some operation is as long as the boundary. */
static bool freezer_round(struct freezer *self, uint32_t round)
{
	bool reached = false;

	for (self->operation = 0; self->operation < 2 * SCRIPT_GETS; self->operation++) {
		bool freeze = (self->operation + round) % FREEZE_ONE_IN == 0;

		/* From the mark behind the last operation to the one before this. */
		freezer_expect(self, freezer_continue(self, self->victim, true));
		reached |= freezer_operate(self, freeze);
	}
	return reached;
}

/* All boundaries with a pool of one capacity; returns how far the longest operation went. */
static uint32_t freezer_examine(
	struct freezer *self, uint32_t capacity, struct freezer_stage *stage)
{
	*stage = (struct freezer_stage){0};
	self->process = fork();
	if (self->process < 0)
		stress_fail("fork: %s", strerror(errno));
	if (self->process == 0)
		freezer_play(self->run, capacity, stage);
	while (atom_load_acquire(&stage->victim_tid) == 0 ||
		atom_load_acquire(&stage->survivor_tid) == 0)
		sched_yield();
	self->victim = (pid_t)atom_load_relaxed(&stage->victim_tid);
	self->survivor = (pid_t)atom_load_relaxed(&stage->survivor_tid);
	if (ptrace(PTRACE_SEIZE, self->victim, NULL, PTRACE_O_EXITKILL) != 0 ||
		ptrace(PTRACE_SEIZE, self->survivor, NULL, PTRACE_O_EXITKILL) != 0)
		stress_skip("a process may not trace its child here: ptrace: %s", strerror(errno));
	atom_store_release(&stage->traced, 1);

	/* Both come to their first mark; the victim's is taken for one behind an operation. */
	freezer_expect(self, freezer_wait(self, self->survivor, true));
	freezer_expect(self, freezer_wait(self, self->victim, true));
	self->boundary = 0;
	self->operation = 0;
	freezer_operate(self, false);
	for (uint32_t i = 1; i < 2 * SCRIPT_GETS; i++) {
		freezer_expect(self, freezer_continue(self, self->victim, true));
		freezer_operate(self, false);
	}
	/* Each fifth of the operations must have been found too short. */
	for (uint32_t round = 0, short_rounds = 0; short_rounds < FREEZE_ONE_IN; round++) {
		short_rounds = freezer_round(self, round) ? 0 : short_rounds + 1;
		self->boundary += 1;
		if (self->boundary > EVERY_BOUNDARY_BELOW)
			self->boundary += self->boundary >> SPARSE_LOG2;
		if (self->boundary > BOUNDARIES_MAX)
			stress_fail(
				"an operation does not end within %d instructions", BOUNDARIES_MAX);
	}

	atom_store_relaxed(&stage->finish, 1);
	while (freezer_continue(self, self->victim, true) != STOP_ENDED)
		;
	while (freezer_continue(self, self->survivor, true) != STOP_ENDED)
		;
	freezer_end(self);
	return self->boundary;
}

void freezer_run(const struct stress *run)
{
	const struct sigaction on_alarm = {.sa_handler = freezer_on_alarm};
	struct freezer self = {.run = run};
	struct freezer_stage *stage = mmap(
		NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const uint32_t *cpus;
	uint32_t longest = 0;

	if (stage == MAP_FAILED)
		stress_fail("mmap: %s", strerror(errno));
	sigaction(SIGALRM, &on_alarm, NULL); /* without SA_RESTART */
	stress_cpus(&cpus);
	stress_pin(cpus[0]); /* with the others: a step is two switches, and wakes no other CPU */
	for (size_t i = 0; i < array_count(freezer_capacities); i++) {
		uint32_t length = freezer_examine(&self, freezer_capacities[i], stage);

		longest = length > longest ? length : longest;
	}
	stress_note("stopped %" PRIu64 " times, up to %" PRIu32 " instructions into a call",
		self.frozen, longest);
}
