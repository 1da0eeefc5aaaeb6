/*
 * The controller against workers that misbehave: whatever is the strategy's fault is found and
 * named, whatever is the machine's is not held against it.
 *
 * The workers are this program, which the controller starts as `worker POOL DISPATCH`; POOL is one
 * of the roles below. What a load does to a worker is played with readings that no machine made, and
 * once for real.
 */
#include "alloc/atomic.h"
#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/base/clock.h"
#include "bench/base/escape.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/channel.h"
#include "bench/sweep/controller.h"
#include "bench/sweep/watch.h"
#include "bench/sweep/worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	HUNG_MS = 400,     /* instead of seconds: the workers here have nothing else to do */
	PATIENCE_MS = 300, /* where it is to run out */
	HOGS = 4,
	/* Longer than the time limit of a slice and HUNG_MS. */
	HOGS_S = 4,
	WORK_NS = 20000000, /* CPU time of a starved worker's slice */
	LINE_THREADS = 2,
	/*
	 * Of a thread in a line. Each takes a turn of some 3 ms: longer in all than the time limit of
	 * a slice and LINE_HUNG_MS. The turns are a seventh of what LINE_HUNG_MS is worth: where other
	 * programs run, a pass takes several.
	 */
	PASSES = 500,
	LINE_HUNG_MS = 1000,
};

/*
 * The roles.
 */

static atom_u32 line; /* whose turn it is to pass */

static void act_spin(void)
{
	for (;;)
		bench_escape(NULL);
}

static void *spin(void *arg)
{
	act_spin();
	return arg;
}

static void act_block(void)
{
	for (;;)
		pause();
}

/* One thread spins for what another, asleep, will never give. */
static void act_spin_beside_sleeper(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, spin, NULL) == 0)
		act_block();
}

/*
 * Threads that take turns on one CPU, and pass a place on in the order of their coming. A turn is one
 * pass: the rest of it is spent waiting for who has no CPU.
 */
static void *pass_on(void *arg)
{
	const uint32_t me = (uint32_t)(uintptr_t)arg;

	for (uint32_t pass = 0; pass < PASSES; pass++) {
		const uint32_t mine = pass * LINE_THREADS + me;

		while (atom_load_acquire(&line) != mine)
			;
		atom_store_release(&line, mine + 1);
	}
	return NULL;
}

static void stand_in_line(void)
{
	pthread_t thread[LINE_THREADS];

	atom_store_relaxed(&line, 0);
	for (uintptr_t i = 0; i < LINE_THREADS; i++) {
		if (pthread_create(&thread[i], NULL, pass_on, (void *)i) != 0)
			abort();
	}
	for (int i = 0; i < LINE_THREADS; i++)
		pthread_join(thread[i], NULL);
}

/* The same, behind one that never comes. */
static void stand_in_line_for_ever(void)
{
	pthread_t thread;

	for (int i = 0; i < LINE_THREADS; i++) {
		if (pthread_create(&thread, NULL, spin, NULL) != 0)
			abort();
	}
	act_block();
}

/* Always about to look again. */
static void act_doze(void)
{
	for (;;)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void act_abort(void)
{
	abort();
}

static void act_exit(void)
{
	_exit(3);
}

static void act_killed(void)
{
	raise(SIGKILL);
}

static void act_terminated(void)
{
	raise(SIGTERM);
}

static void act_stopped(void)
{
	raise(SIGSTOP);
}

static json_t *error(const char *code)
{
	return json_pack(
		"{s:s, s:s, s:s}", "reply", "error", "code", code, "text", "There is no more.");
}

static json_t *slice(void)
{
	return json_pack("{s:s, s:i, s:i, s:f, s:i, s:f, s:f, s:f, s:s, s:i, s:i, s:i, s:i, s:i,"
			 " s:i, s:i, s:i, s:[]}",
		"reply", "slice", "window_ns", 1000000, "units", 1, "units_per_s", 1000.0, "failed",
		0, "skew", 0.0, "jain", 1.0, "slowest_share", 1.0, "flags", "", "refill", 0,
		"flush", 0, "grow", 0, "steal", 0, "empty", 0, "wait", 0, "idle_cpu_ns", 0,
		"idle_ns", 0, "threads");
}

/* Shows what of its environment is about malloc, as the sentence of a failure. */
static json_t *environment(void)
{
	const char *preload = getenv("LD_PRELOAD"), *arena = getenv("MALLOC_ARENA_MAX");
	const char *tunables = getenv("GLIBC_TUNABLES"), *other = getenv("MALLOC");

	return json_pack("{s:s, s:s, s:s++++++}", "reply", "error", "code", WORKER_CODE_FAILED,
		"text", preload ? preload : "-", " ", arena ? arena : "-", " ",
		tunables ? tunables : "-", " ", other ? other : "-");
}

/* Does its work after everybody else's. */
static void work_starved(void)
{
	const uint64_t until = clock_process_cpu_ns() + WORK_NS;

	sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
	while (clock_process_cpu_ns() < until)
		;
}

/* Never done, and after everybody else. */
static void spin_starved(void)
{
	sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
	act_spin();
}

static const struct role {
	const char *name;
	void (*act)(void);   /* at a request for a slice; NULL or returning: answers */
	const char *refusal; /* the code of the answer; NULL: a slice */
} roles[] = {
	{"well", NULL, NULL},
	{"block", act_block, NULL},
	{"spin", act_spin, NULL},
	{"spin_beside_sleeper", act_spin_beside_sleeper, NULL},
	{"line", stand_in_line, NULL},
	{"line_for_ever", stand_in_line_for_ever, NULL},
	{"doze", act_doze, NULL},
	{"abort", act_abort, NULL},
	{"exit", act_exit, NULL},
	{"killed", act_killed, NULL},
	{"terminated", act_terminated, NULL},
	{"stopped", act_stopped, NULL},
	{"starved", work_starved, NULL},
	{"spin_starved", spin_starved, NULL},
	{"exhausted", NULL, WORKER_CODE_EXHAUSTED},
	{"failed", NULL, WORKER_CODE_FAILED},
	{"environment", NULL, NULL},
	{"unsupported", NULL, WORKER_CODE_ABSENT},
};

static json_t *answer(const struct role *role)
{
	if (strcmp(role->name, "environment") == 0)
		return environment();
	if (role->act != NULL)
		role->act();
	return role->refusal != NULL ? error(role->refusal) : slice();
}

/* One CPU for all that starve each other: the first that the process may use. False: it is not to be had. */
static bool go_to_the_common_cpu(void)
{
	cpu_set_t allowed, first;
	size_t cpu = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return false;
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_ZERO(&first);
	CPU_SET(cpu, &first);
	return sched_setaffinity(0, sizeof(first), &first) == 0;
}

/* The role as a process: hello, then an answer to each request. */
static int play(const char *name)
{
	const struct role *role = NULL;
	json_t *request = NULL;

	for (size_t i = 0; i < array_count(roles); i++) {
		if (strcmp(roles[i].name, name) == 0)
			role = &roles[i];
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A CPU of its own would help no test; one that all share lets the hogs do their work. */
	if (role == NULL || !go_to_the_common_cpu() ||
		channel_send(WORKER_FD, json_pack("{s:s, s:i, s:s, s:b, s:s}", "reply", "hello",
						"proto", WORKER_PROTO, "build_id", build_id(),
						"supported", 1, "reason", "")) != 0)
		return EXIT_FAILURE;
	while (channel_receive(WORKER_FD, -1, &request) == 1) {
		const char *cmd = json_string_value(json_object_get(request, "cmd"));
		const bool quit = cmd != NULL && strcmp(cmd, "quit") == 0;

		json_decref(request);
		if (quit || channel_send(WORKER_FD, answer(role)) != 0)
			break;
	}
	return EXIT_SUCCESS;
}

/*
 * What the controller makes of them.
 */

static int begin(void **state)
{
	struct controller *self = calloc(1, sizeof(*self));

	if (self == NULL || controller_begin(self) != 0)
		return -1;
	self->hung_ms = HUNG_MS;
	*state = self;
	return 0;
}

static int end(void **state)
{
	controller_end(*state);
	free(*state);
	return 0;
}

static const struct plan_cell cell = {.slice_ns = 1000000, .lead_in_ns = 100000};

/* Has a role run one slice; what became of it is in *worker, whose process is gone. */
static void run(struct controller *self, const char *role, struct controller_worker *worker)
{
	static struct store_slice out;

	controller_spawn(worker, &(struct controller_start){.pool = role, .dispatch = "folded"});
	controller_greet(self, worker);
	if (worker->state != NULL)
		fail_msg("%s was not greeted: %s", role, worker->detail);
	const bool well = controller_slice(self, worker, &cell, &out);
	assert_int_equal(well, worker->state == NULL);
	controller_stop(worker);
}

static void assert_fares(struct controller *self, const char *role, const char *state)
{
	struct controller_worker worker;

	run(self, role, &worker);
	if (state == NULL ? worker.state != NULL
			  : worker.state == NULL || strcmp(worker.state, state) != 0)
		fail_msg("%s: '%s' where '%s' was due; %s", role,
			worker.state != NULL ? worker.state : "well",
			state != NULL ? state : "well", worker.detail);
}

static void what_never_answers_hangs(void **state)
{
	assert_fares(*state, "block", "hung");
	assert_fares(*state, "spin", "hung");
	assert_fares(*state, "spin_beside_sleeper", "hung");
	assert_fares(*state, "doze", "hung");
}

static void what_ends_by_itself_crashed(void **state)
{
	assert_fares(*state, "abort", "crashed");
	assert_fares(*state, "exit", "crashed");
}

static void what_the_machine_did_is_not_held_against_it(void **state)
{
	assert_fares(*state, "well", NULL);
	assert_fares(*state, "killed", CONTROLLER_DISTURBED);
	assert_fares(*state, "terminated", CONTROLLER_DISTURBED);
	assert_fares(*state, "stopped", CONTROLLER_STARVED);
	assert_fares(*state, "exhausted", CONTROLLER_DISTURBED);
}

static void refusals_are_told_apart(void **state)
{
	assert_fares(*state, "failed", "failed");
	assert_fares(*state, "unsupported", "unsupported");
}

/* A malloc that the user preloads or tunes is not what a row measures. */
static void environment_holds_no_malloc(void **state)
{
	struct controller_worker worker;

	/* Harmless to load, should it get through. */
	setenv("LD_PRELOAD", "libm.so.6", 1);
	setenv("MALLOC_ARENA_MAX", "1", 1);
	setenv("MALLOC", "kept", 1);
	setenv("GLIBC_TUNABLES",
		"glibc.malloc.tcache_count=0:glibc.pthread.mutex_spin_count=7:glibc.malloc.check=1",
		1);
	run(*state, "environment", &worker);
	unsetenv("LD_PRELOAD");
	unsetenv("MALLOC_ARENA_MAX");
	unsetenv("MALLOC");
	unsetenv("GLIBC_TUNABLES");
	assert_string_equal(
		worker.detail, "'slice' failed: - - glibc.pthread.mutex_spin_count=7 kept");
}

/*
 * Processes that leave nothing of the common CPU, for so many seconds or until they are killed (0).
 * Returns when each has been there, in the ordinary class, whatever this process is in.
 */
static void start_hogs(pid_t hogs[HOGS], int seconds)
{
	int ends[2];
	char there;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	for (int i = 0; i < HOGS; i++) {
		hogs[i] = fork();
		assert_true(hogs[i] >= 0);
		if (hogs[i] != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}) != 0 ||
			!go_to_the_common_cpu() || write(ends[1], "", 1) != 1)
			_exit(1);
		const uint64_t until = clock_now_ns() + (uint64_t)seconds * CLOCK_NS_PER_S;
		while (seconds == 0 || clock_now_ns() < until)
			;
		_exit(0);
	}
	close(ends[1]);
	for (int i = 0; i < HOGS; i++)
		assert_int_equal(read(ends[0], &there, 1), 1);
	close(ends[0]);
}

static void await_hogs(const pid_t hogs[HOGS])
{
	for (int i = 0; i < HOGS; i++)
		assert_int_equal(waitpid(hogs[i], NULL, 0), hogs[i]);
}

/*
 * A worker that the others leave next to no CPU time answers when they are gone. Before, or where
 * patience ends earlier, nothing is said against it.
 */
static void starved_worker_is_waited_for(void **state)
{
	struct controller *self = *state;
	pid_t hogs[HOGS];

	if (debug_build) {
		print_message("[  SKIPPED ] a load is the same for every build; the release build "
			      "tries it\n");
		skip();
	}

	start_hogs(hogs, HOGS_S);
	assert_fares(self, "starved", NULL);
	await_hogs(hogs);

	start_hogs(hogs, 0);
	self->patience_ms = PATIENCE_MS;
	assert_fares(self, "spin_starved", CONTROLLER_STARVED);
	for (int i = 0; i < HOGS; i++)
		kill(hogs[i], SIGKILL);
	await_hogs(hogs);
}

/*
 * Threads that wait in line for each other use all the CPU time that they are given, and need many
 * turns. Where the line never moves the turns run out.
 */
static void line_is_waited_for(void **state)
{
	struct controller *self = *state;

	self->hung_ms = LINE_HUNG_MS;
	assert_fares(self, "line", NULL);
	self->hung_ms = LINE_HUNG_MS / 10;
	assert_fares(self, "line_for_ever", "hung");
}

/*
 * Readings.
 */

static void lines_are_read(NO_STATE)
{
	const uint64_t tick_ns = CLOCK_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	struct watch_thread thread;
	uint64_t switches;

	assert_true(watch_parse(
		"71 (nbl) R 9) D 1 1 1 0 -1 4194304 120 0 0 0 7 5 0 0 20 0 3 0 99 1", &thread));
	assert_int_equal(thread.id, 71);
	assert_int_equal(thread.state, 'D');
	assert_int_equal(thread.cpu_ns, 12 * tick_ns);
	assert_true(watch_parse_switches("voluntary_ctxt_switches:\t3", &switches));
	assert_int_equal(switches, 3);
	assert_true(watch_parse_switches("nonvoluntary_ctxt_switches:\t41", &switches));
	assert_int_equal(switches, 41);
	assert_false(watch_parse_switches("Threads:\t5", &switches));
	assert_false(watch_parse("", &thread));
	assert_false(watch_parse("71 (nblbench) R 1 2", &thread));
}

static void own_threads_are_read(NO_STATE)
{
	struct watch_reading reading;

	watch_read(getpid(), &reading);
	assert_int_equal(reading.thread[0].id, getpid());
	assert_int_equal(reading.thread[0].state, 'R');
	watch_read(0, &reading);
	assert_int_equal(reading.count, 0);
}

/* One thread's part of an interval. */
struct part {
	char state;      /* at its end; 0: there is no such thread */
	uint64_t cpu_ms; /* that it had */
	uint64_t turns;  /* that ended */
};

/* What is given in an interval of 100 ms. */
static const struct {
	const char *what;
	double given_ms;
	uint64_t stopped_ms;
	struct part part[3];
} intervals[] = {
	{"all asleep", 100, 0, {{'S', 0, 0}, {'S', 0, 0}, {'S', 0, 0}}},
	{"all asleep again", 100, 0, {{'S', 3, 0}, {'S', 1, 0}, {'S', 0, 0}}},
	{"one spins", 100, 0, {{'S', 0, 0}, {'R', 100, 0}}},
	{"one spins, a device takes its CPU at times", 90, 0, {{'R', 90, 40}, {'R', 100, 0}}},
	{"two share a CPU, turn by turn", 4.8, 0, {{'R', 50, 16}, {'R', 50, 17}}},
	{"one spins, two share another CPU", 4.8, 0, {{'R', 100, 0}, {'R', 50, 16}, {'R', 50, 17}}},
	{"two that yield share a CPU", 50, 0, {{'R', 50, 900}, {'R', 50, 900}}},
	/* The case that was missed: its wait has not ended, so that no counter has grown. */
	{"one spins, the one that it waits for gets no CPU", 0, 0, {{'R', 100, 0}, {'R', 0, 0}}},
	{"the only runnable one has a tenth", 10, 0, {{'S', 0, 0}, {'R', 10, 3}}},
	{"one waits for a page", 0, 0, {{'R', 100, 0}, {'D', 0, 0}}},
	{"all are stopped", 0, 100, {{'T', 0, 0}, {'T', 0, 0}}},
	{"one is traced", 0, 0, {{'t', 0, 0}, {'S', 0, 0}}},
	{"it has ended", 100, 0, {{'Z', 0, 0}}},
};

static void given_time_is_the_least_of_what_was_wanted(NO_STATE)
{
	for (size_t i = 0; i < array_count(intervals); i++) {
		struct watch watch = {0};
		struct watch_reading reading = {0};

		for (size_t t = 0;
			t < array_count(intervals[i].part) && intervals[i].part[t].state != 0; t++)
			reading.thread[reading.count++] = (struct watch_thread){
				.id = (pid_t)(10 + t), .state = 'R', .cpu_ns = 5000000};
		watch_step(&watch, &reading, 100000000);
		assert_int_equal(watch.given_ns, 0);
		assert_int_equal(watch.watched_ns, 0);
		reading.at_ns += 100000000;
		for (size_t t = 0; t < reading.count; t++) {
			reading.thread[t].state = intervals[i].part[t].state;
			reading.thread[t].cpu_ns += intervals[i].part[t].cpu_ms * 1000000;
			reading.thread[t].turns += intervals[i].part[t].turns;
		}
		watch_step(&watch, &reading, 100000000);
		if (watch.given_ns != (uint64_t)(intervals[i].given_ms * 1000000) ||
			watch.stopped_ns != intervals[i].stopped_ms * 1000000 ||
			watch.watched_ns != 100000000)
			fail_msg("%s: given %llu ns, stopped %llu ns", intervals[i].what,
				(unsigned long long)watch.given_ns,
				(unsigned long long)watch.stopped_ns);
	}
}

/* A look that comes late makes no turns longer. */
static void late_look_gives_no_more(NO_STATE)
{
	struct watch watch = {0};
	struct watch_reading reading = {.count = 2, .thread = {{.state = 'R'}, {2, 'R', 0, 0}}};

	watch_step(&watch, &reading, 100000000);
	reading.at_ns = 200000000;
	for (int i = 0; i < 2; i++) {
		reading.thread[i].cpu_ns = 100000000;
		reading.thread[i].turns = 10;
	}
	watch_step(&watch, &reading, 100000000);
	assert_int_equal(watch.given_ns, 3000000);
}

/* A thread that came in the interval is measured by all it has had. */
static void new_thread_counts(NO_STATE)
{
	struct watch watch = {0};
	struct watch_reading reading = {.count = 1, .thread = {{1, 'S', 0, 0}}};

	watch_step(&watch, &reading, 100000000);
	reading.at_ns = 100000000;
	reading.count = 2;
	reading.thread[1] = (struct watch_thread){2, 'R', 7000000, 1};
	watch_step(&watch, &reading, 100000000);
	assert_int_equal(watch.given_ns, 7000000);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "worker") == 0)
		return play(argv[2]);
#define CONTROLLER_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read),
		cmocka_unit_test(own_threads_are_read),
		cmocka_unit_test(given_time_is_the_least_of_what_was_wanted),
		cmocka_unit_test(late_look_gives_no_more),
		cmocka_unit_test(new_thread_counts),
		CONTROLLER_TEST(what_never_answers_hangs),
		CONTROLLER_TEST(what_ends_by_itself_crashed),
		CONTROLLER_TEST(what_the_machine_did_is_not_held_against_it),
		CONTROLLER_TEST(refusals_are_told_apart),
		CONTROLLER_TEST(environment_holds_no_malloc),
		CONTROLLER_TEST(starved_worker_is_waited_for),
		CONTROLLER_TEST(line_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
