/*
 * The sweep as a user meets it: the program is run, killed, interrupted, fed nonsense, and its
 * workers are shot. Run as `sweep_test PROGRAM`.
 *
 * Random moments come from a seed that is printed; SWEEP_TEST_SEED sets another.
 */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/base/clock.h"
#include "bench/base/escape.h"
#include "bench/command/command.h"
#include "bench/sweep/store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WORDS_MAX = 40,
	OUTPUT_BYTES = 16384,
	KILLS = 20,
	KILLS_NIGHTLY = 100,
	/* A kill in two comes within this time of the start: creation, workers, first blocks. */
	KILL_AFTER_MS = 100,
	/* The others come so long behind a block that was awaited. */
	KILL_BEHIND_MS = 20,
	WAIT_MS = 300000, /* for something that is to happen in a running sweep */
	/* The log of a block takes some 30 KiB. */
	DISK_LEAST_BYTES = 16 << 10,
	DISK_RANDOM_BYTES = 64 << 10,
	BUSY_LOOPS = 10,
	BUSY_SWEEPS_NIGHTLY = 100,
};

#define SMALL_SWEEP "--pool mutex --workload pair --threads 1 --forks 1 --slice-ms 1 "

/* Two cells, in one of which threads that share CPUs wait for each other. */
#define BUSY_CELLS \
	"--out %OUT --fresh --workload pair --threads 1,2N --forks 1 --blocks 2 --slice-ms 1 "

static const char *program;
static uint64_t seed = 1;
static const char *busy_sweep = BUSY_CELLS "--pool null,mutex,ticket,vyukov,mag_tls";
static int busy_sweeps = 1;
static int kills = KILLS;
static rlim_t disk_bytes = RLIM_INFINITY; /* of a file that the sweeps started now may write */

struct fixture {
	char folder[PATH_MAX];
	char out[PATH_MAX];
	char path[PATH_MAX]; /* of the store */
};

static int set_up(void **state)
{
	struct fixture *self = calloc(1, sizeof(*self));
	const char *temporary = getenv("TMPDIR");

	snprintf(self->folder, sizeof(self->folder), "%.4000s/sweep test.XXXXXX",
		temporary != NULL ? temporary : "/tmp");
	assert_non_null(mkdtemp(self->folder));
	snprintf(self->out, sizeof(self->out), "%.4000s/out", self->folder);
	snprintf(self->path, sizeof(self->path), "%.4000s/sweep.db", self->out);
	*state = self;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *self = *state;
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -r '%s'", self->folder);
	assert_int_equal(system(command), 0);
	free(self);
	return 0;
}

/* A program under way, or what it left. */
struct run {
	pid_t pid;
	int output; /* both streams */
	int status; /* as waitpid tells it */
	char said[OUTPUT_BYTES];
};

/* Starts `sweep` with the words of a line; a word %OUT stands for the fixture's directory. */
static void start(struct fixture *self, struct run *run, const char *line)
{
	char copy[1024];
	char *words[WORDS_MAX] = {(char *)"nblbench", (char *)"sweep"};
	int count = 2;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = strcmp(word, "%OUT") == 0 ? self->out : word;
	run->output = open(self->folder, O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	assert_true(run->output >= 0);
	fflush(NULL);
	run->pid = fork();
	assert_true(run->pid >= 0);
	if (run->pid == 0) {
		dup2(run->output, STDOUT_FILENO);
		dup2(run->output, STDERR_FILENO);
		const struct rlimit limit = {disk_bytes, RLIM_INFINITY};

		if (chdir(self->folder) == 0 && setrlimit(RLIMIT_FSIZE, &limit) == 0)
			execv(program, words);
		_exit(127);
	}
}

static void finish(struct run *run)
{
	assert_int_equal(waitpid(run->pid, &run->status, 0), run->pid);
	ssize_t got = pread(run->output, run->said, sizeof(run->said) - 1, 0);
	run->said[got > 0 ? got : 0] = '\0';
	close(run->output);
}

static void assert_status(const struct run *run, int status)
{
	if (!WIFEXITED(run->status) || WEXITSTATUS(run->status) != status)
		fail_msg("wait status %#x where exit status %d was due; it said: %s", run->status,
			status, run->said);
}

/* Runs `sweep` to its end, which is due with this status. */
static void complete(struct fixture *self, struct run *run, const char *line, int status)
{
	start(self, run, line);
	finish(run);
	assert_status(run, status);
}

static void assert_says(const struct run *run, const char *piece)
{
	if (strstr(run->said, piece) == NULL)
		fail_msg("'%s' is missing in: %s", piece, run->said);
}

static void sleep_ms(uint64_t ms)
{
	clock_sleep_until_ns(clock_now_ns() + ms * 1000000);
}

static uint64_t random_below(uint64_t limit)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % limit;
}

/*
 * Looking into the store.
 */

static sqlite3 *open_store(const struct fixture *self)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open_v2(self->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	/* The sweep may be about to empty the log. */
	sqlite3_busy_timeout(db, WAIT_MS);
	return db;
}

static int64_t number(const struct fixture *self, const char *sql)
{
	sqlite3 *db = open_store(self);
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static void assert_number(const struct fixture *self, const char *sql, int64_t wanted)
{
	const int64_t got = number(self, sql);

	if (got != wanted)
		fail_msg("%s gave %" PRId64 ", not %" PRId64, sql, got, wanted);
}

/* All of a store's blocks as text, in the order of their rows. The caller frees it. */
static char *all_blocks(const struct fixture *self)
{
	sqlite3 *db = open_store(self);
	sqlite3_stmt *statement = NULL;
	char *text = NULL;

	assert_int_equal(
		sqlite3_prepare_v2(db,
			"SELECT ifnull(group_concat(line, ''), '') FROM (SELECT cell_id || ' ' || "
			"fork || ' ' || block || ': ' || group_concat(subject_id || ' ' || units "
			"|| ' ' || window_ns) || char(10) AS line FROM block JOIN slice USING "
			"(block_id) GROUP BY block_id ORDER BY block_id)",
			-1, &statement, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	text = strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return text;
}

/* Waits until the running sweep has stored this many blocks. */
static void await_blocks(const struct fixture *self, int64_t blocks)
{
	struct stat file;

	for (int waited = 0; waited < WAIT_MS; waited += 10) {
		if (stat(self->path, &file) == 0 &&
			number(self, "SELECT count(*) FROM block") >= blocks)
			return;
		sleep_ms(10);
	}
	fail_msg("%" PRId64 " blocks were not reached within %d ms", blocks, WAIT_MS);
}

/*
 * Sends signal to those children of a sweep that are workers of a pool (NULL: of any), and returns
 * how many there were. *one is the id of one of them.
 */
static int signal_workers(pid_t sweep, const char *pool, int signal, pid_t *one)
{
	char path[64], children[4096], command[256];
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", sweep, sweep);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return 0;
	size_t got = fread(children, 1, sizeof(children) - 1, file);
	fclose(file);
	children[got] = '\0';
	for (char *at = strtok(children, " "); at != NULL; at = strtok(NULL, " ")) {
		snprintf(path, sizeof(path), "/proc/%.16s/cmdline", at);
		file = fopen(path, "r");
		if (file == NULL)
			continue;
		got = fread(command, 1, sizeof(command) - 1, file);
		fclose(file);
		command[got] = '\0';
		/* nblbench\0worker\0POOL\0... */
		const char *name = command + strlen("nblbench") + 1 + strlen("worker") + 1;
		if (got > (size_t)(name - command) && (pool == NULL || strcmp(name, pool) == 0)) {
			*one = (pid_t)atoi(at);
			kill(*one, signal);
			found++;
		}
	}
	return found;
}

/* The same, once there are workers; the id of one of them. */
static pid_t await_workers(pid_t sweep, const char *pool, int signal)
{
	pid_t one = 0;

	for (int waited = 0; waited < WAIT_MS; waited += 10) {
		if (signal_workers(sweep, pool, signal, &one) > 0)
			return one;
		sleep_ms(10);
	}
	fail_msg("the sweep had no worker of '%s' within %d ms", pool != NULL ? pool : "any",
		WAIT_MS);
	return 0;
}

/*
 * Killed and interrupted.
 */

#define KILLED_SWEEP                                                                          \
	"--out %OUT --pool null,mutex,treiber_tag --workload pair,burst --threads 1 --burst " \
	"8,16,32 "                                                                            \
	"--forks 2 --blocks 25 --slice-ms 4"
enum { KILLED_BLOCKS = 4 * 2 * 25, KILLED_SUBJECTS = 5 };

/* Ways in which a sweep is brought to an end, one after the other. */
enum mishap {
	EARLY_KILL,
	LATE_KILL,
	WORKER_KILL, /* of a worker, and of the sweep soon after */
	FULL_DISK,   /* a file has a limit, which ends a write as early as a full disk does */
	MISHAPS,
};

/* Runs the sweep into a mishap, behind `blocks` more blocks than it has where that can be chosen. */
static void run_into(
	struct fixture *self, struct run *run, enum mishap mishap, int64_t had, int64_t blocks)
{
	if (mishap == FULL_DISK)
		disk_bytes = DISK_LEAST_BYTES + random_below(DISK_RANDOM_BYTES);
	start(self, run, KILLED_SWEEP);
	disk_bytes = RLIM_INFINITY;
	if (mishap == EARLY_KILL) {
		sleep_ms(random_below(KILL_AFTER_MS));
	} else if (mishap != FULL_DISK) {
		await_blocks(self, had + blocks);
		if (mishap == WORKER_KILL)
			kill(await_workers(run->pid, NULL, 0), SIGKILL);
		sleep_ms(random_below(KILL_BEHIND_MS));
	}
	if (mishap != FULL_DISK)
		kill(run->pid, SIGKILL);
	finish(run);
	if (mishap == FULL_DISK)
		assert_status(run, COMMAND_FAILED);
	else if (!WIFSIGNALED(run->status))
		fail_msg("a kill came too late; the sweep said: %s", run->said);
}

static void killed_sweep_keeps_every_complete_block(void **state)
{
	struct fixture *self = *state;
	char *before = strdup("");
	int64_t had = 0;
	struct run run;

	print_message("seed %" PRIu64 "\n", seed);
	for (int i = 0; i < kills; i++) {
		/* Half of an even share: no kill finds that everything is measured. */
		const uint64_t share = (uint64_t)(KILLED_BLOCKS - had) / (uint64_t)(kills - i);
		struct stat file;

		run_into(self, &run, (enum mishap)(i % MISHAPS), had,
			(int64_t)random_below(share / 2 + 1));
		if (stat(self->path, &file) != 0) {
			/* Killed before there was a store, which is made whole or not at all. */
			assert_string_equal(before, "");
			continue;
		}
		char *after = all_blocks(self);
		if (strncmp(after, before, strlen(before)) != 0)
			fail_msg("mishap %d changed blocks: before %s, after %s", i, before, after);
		assert_number(self, "SELECT count(*) FROM block",
			number(self, "SELECT count(*) FROM (SELECT 1 FROM slice GROUP BY block_id "
				     "HAVING count(*) = 5)"));
		had = number(self, "SELECT count(*) FROM block");
		free(before);
		before = after;
	}
	/* A run that stored nothing between its kills would prove nothing. */
	assert_true(strlen(before) > 0);

	complete(self, &run, KILLED_SWEEP, COMMAND_OK);
	assert_says(&run, "going on with");
	char *after = all_blocks(self);
	assert_int_equal(strncmp(after, before, strlen(before)), 0);
	assert_number(self, "SELECT count(*) FROM block", KILLED_BLOCKS);
	assert_number(self, "SELECT count(*) FROM slice", KILLED_BLOCKS * KILLED_SUBJECTS);
	assert_number(self, "SELECT count(*) FROM event WHERE state <> 'disturbed'", 0);
	/* Each is a worker's that was killed by itself. */
	assert_in_range(number(self, "SELECT count(*) FROM event"), 0, kills / MISHAPS);
	free(after);
	free(before);

	complete(self, &run, KILLED_SWEEP, COMMAND_OK);
	assert_says(&run, "measured already");
	assert_number(self, "SELECT count(*) FROM block", KILLED_BLOCKS);
}

/*
 * So short that of a few some have no flag on a busy machine too, and are kept. Threads that share CPUs
 * have none.
 */
static void a_fork_times_every_call_once(void **state)
{
	struct fixture *self = *state;
	char line[256];
	struct run run;

	snprintf(line, sizeof(line),
		"--out %%OUT --pool null,mutex --workload pair --threads 1,%" PRIu32
		" --forks 6 --blocks 2 --slice-ms 0.1",
		2 * options_cpus());
	complete(self, &run, line, COMMAND_OK);
	const int64_t kept = number(self, "SELECT count(*) FROM balance");

	assert_true(kept > 0 && kept <= number(self, "SELECT count(*) FROM timed"));
	assert_number(self,
		"SELECT count(*) FROM balance JOIN cell USING (cell_id) WHERE threads > 1", 0);
	assert_number(self,
		"SELECT count(*) FROM balance WHERE calls = 0 OR pairs_ns = 0 OR waited_ns > "
		"window_ns",
		0);
}

/* A cell that is known well enough takes no more forks, and the same command finds that out again. */
static void known_cells_take_fewer_forks(void **state)
{
	static const char line[] =
		"--out %OUT --pool mutex,treiber_tag --workload pair --threads 1 "
		"--blocks 1 --slice-ms 0.5 --no-latency --forks 8 --until 1000";
	struct fixture *self = *state;
	struct run run;

	complete(self, &run, line, COMMAND_OK);
	assert_says(&run, "at most 8 forks of 1 block");
	assert_says(
		&run, "1 of 1 cells took fewer than 8 forks: all their rows were known to 1000 %.");
	assert_says(&run, "The plan has 8;");
	const int64_t blocks = number(self, "SELECT count(*) FROM block");
	assert_in_range(blocks, 6, 7);
	complete(self, &run, line, COMMAND_OK);
	assert_says(&run, "1 of 1 cells took fewer than 8 forks");
	assert_number(self, "SELECT count(*) FROM block", blocks);
}

static void interrupted_sweep_says_so_and_goes_on(void **state)
{
	static const char line[] = "--out %OUT --pool mutex,null --workload pair --threads 1 "
				   "--forks 2 --blocks 40 --slice-ms 5";
	static const int signals[] = {SIGINT, SIGTERM};
	struct fixture *self = *state;
	struct run run;

	for (size_t i = 0; i < array_count(signals); i++) {
		int64_t had = i == 0 ? 0 : number(self, "SELECT count(*) FROM block");

		start(self, &run, line);
		await_blocks(self, had + 2);
		kill(run.pid, signals[i]);
		finish(&run);
		assert_status(&run, COMMAND_INTERRUPTED);
		assert_says(&run, "the same command goes on");
		assert_true(number(self, "SELECT count(*) FROM block") < 80);
	}
	complete(self, &run, line, COMMAND_OK);
	assert_says(&run, "going on with");
	assert_number(self, "SELECT count(*) FROM block", 80);
}

/*
 * Workers that come to grief.
 */

/*
 * The second signal doesn't wait for the slice, which here would never end: the workers are stopped,
 * and a controller that goes on waiting for one ends up with an event.
 */
static void second_interrupt_stops_at_once(void **state)
{
	struct fixture *self = *state;
	struct run run;

	start(self, &run,
		"--out %OUT --pool mutex --workload pair --threads 1 --forks 1 --blocks 500 "
		"--slice-ms 100");
	await_blocks(self, 1);
	await_workers(run.pid, NULL, SIGSTOP);
	const int64_t had = number(self, "SELECT count(*) FROM block");
	/* Two of a kind could arrive as one. */
	kill(run.pid, SIGINT);
	kill(run.pid, SIGTERM);
	finish(&run);
	assert_status(&run, COMMAND_INTERRUPTED);
	assert_number(self, "SELECT count(*) FROM event", 0);
	assert_in_range(number(self, "SELECT count(*) FROM block"), had, had + 1);
}

#define SHOT_SWEEP                                                                          \
	"--out %OUT --pool null,mutex,ticket --workload pair,burst --threads 1 --burst 32 " \
	"--forks 2 --blocks 30 --slice-ms 4"
enum { SHOT_BLOCKS = 2 * 2 * 30, SHOT_SUBJECTS = 4 };

/* Sends signal to one worker of ticket, which has no twin, once `blocks` blocks are stored, and awaits the end. */
static void shoot(struct fixture *self, struct run *run, int64_t blocks, int signal)
{
	start(self, run, SHOT_SWEEP);
	await_blocks(self, blocks);
	kill(await_workers(run->pid, "ticket", 0), signal);
	finish(run);
}

/* Only ticket lost slices, all of them in one cell and fork; all blocks are there. */
static void assert_own_cells_only(struct fixture *self)
{
	assert_number(self, "SELECT count(*) FROM block", SHOT_BLOCKS);
	assert_number(self, "SELECT count(DISTINCT subject_id) FROM event", 1);
	assert_number(self,
		"SELECT count(*) FROM subject s WHERE pool <> 'ticket' AND "
		"(SELECT count(*) FROM slice WHERE subject_id = "
		"s.subject_id) <> (SELECT count(*) FROM block)",
		0);
	int64_t missing = number(self, "SELECT (SELECT count(*) FROM block) - count(*) FROM slice "
				       "JOIN subject USING (subject_id) WHERE label = 'ticket'");
	assert_in_range(missing, 1, 30);
	assert_number(self,
		"SELECT count(*) FROM (SELECT DISTINCT cell_id, fork FROM block b "
		"WHERE NOT EXISTS (SELECT 1 FROM slice s JOIN subject USING "
		"(subject_id) WHERE s.block_id = b.block_id AND label = 'ticket'))",
		1);
}

static void crashed_worker_costs_its_own_cell(void **state)
{
	struct fixture *self = *state;
	struct run run;

	/* A sanitizer turns it into an exit status. */
	shoot(self, &run, 3, SIGSEGV);
	assert_status(&run, COMMAND_FAILED);
	assert_says(&run, "ticket crashed in");
	assert_number(self,
		"SELECT count(*) FROM event WHERE state = 'crashed' AND "
		"(detail LIKE 'SIGSEGV ended the worker%' OR detail LIKE "
		"'The worker ended by itself%')",
		1);
	assert_own_cells_only(self);
}

/* What was not the strategy's fault is measured again, and only the reason stays. */
static void assert_measured_again(struct fixture *self, const struct run *run, const char *state)
{
	char events[256];

	assert_status(run, COMMAND_OK);
	assert_says(run, "trying again");
	snprintf(events, sizeof(events),
		"SELECT count(*) FROM event JOIN subject USING (subject_id) WHERE state = '%s' AND "
		"pool = 'ticket' AND fork IS NOT NULL",
		state);
	assert_int_equal(number(self, events), 1);
	assert_number(self, "SELECT count(*) FROM event", 1);
	assert_number(self, "SELECT count(*) FROM block", SHOT_BLOCKS);
	assert_number(self, "SELECT count(*) FROM slice", SHOT_BLOCKS * SHOT_SUBJECTS);
}

/* As the kernel does where memory runs out. */
static void killed_worker_is_measured_again(void **state)
{
	struct run run;

	shoot(*state, &run, 3, SIGKILL);
	assert_says(&run, "ticket disturbed in");
	assert_says(&run, "SIGKILL");
	assert_measured_again(*state, &run, "disturbed");
}

static void stopped_worker_is_measured_again(void **state)
{
	struct run run;

	shoot(*state, &run, 3, SIGSTOP);
	assert_says(&run, "ticket starved in");
	assert_measured_again(*state, &run, "starved");
}

static void assert_refused(
	struct fixture *self, const char *line, int status, const char *piece, const char *other)
{
	struct run run;

	complete(self, &run, line, status);
	assert_says(&run, piece);
	assert_says(&run, other);
}

/* Begins so many loops that want a CPU, and ends them. */
static void start_loops(pid_t *loops, int count)
{
	fflush(NULL);
	for (int i = 0; i < count; i++) {
		loops[i] = fork();
		assert_true(loops[i] >= 0);
		if (loops[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				bench_escape(NULL);
		}
	}
}

static void end_loops(const pid_t *loops, int count)
{
	for (int i = 0; i < count; i++) {
		kill(loops[i], SIGKILL);
		waitpid(loops[i], NULL, 0);
	}
}

/* A machine with more to do than it can: everybody is slow, nobody hangs. */
static void busy_machine_makes_nobody_hang(void **state)
{
	struct fixture *self = *state;
	pid_t loops[BUSY_LOOPS];
	struct run run;

	start_loops(loops, BUSY_LOOPS);
	for (int i = 0; i < busy_sweeps; i++) {
		complete(self, &run, busy_sweep, COMMAND_OK);
		assert_number(self,
			"SELECT count(*) FROM event WHERE state NOT IN "
			"('unsupported', 'rationed')",
			0);
	}
	end_loops(loops, BUSY_LOOPS);
}

/* Beside a loop that wants a CPU no machine is quiet. */
static void gate_refuses_a_busy_machine(void **state)
{
	struct fixture *self = *state;
	pid_t loops[2];
	struct run run;

	start_loops(loops, 2);
	assert_refused(self, SMALL_SWEEP "--blocks 1 --out %OUT --gate fail", COMMAND_REFUSED,
		"noise grade ", "nothing is measured, because of --gate fail");
	assert_number(self, "SELECT count(*) FROM block", 0);
	complete(self, &run, SMALL_SWEEP "--blocks 1 --out %OUT --gate warn", COMMAND_OK);
	assert_says(&run, "noise grade ");
	assert_number(self, "SELECT count(*) FROM block", 1);
	/* What is there is neither measured again nor moved aside. */
	complete(self, &run, SMALL_SWEEP "--blocks 1 --out %OUT --gate fail", COMMAND_OK);
	assert_refused(self, SMALL_SWEEP "--blocks 1 --out %OUT --gate fail --fresh",
		COMMAND_REFUSED, "noise grade ", "nothing is measured");
	assert_number(self, "SELECT count(*) FROM block", 1);
	end_loops(loops, 2);
}

/* No worker outlives a sweep that was killed. */
static void workers_die_with_the_sweep(void **state)
{
	struct fixture *self = *state;
	struct run run;

	start(self, &run, SHOT_SWEEP);
	await_blocks(self, 2);
	pid_t worker = await_workers(run.pid, "ticket", 0);
	kill(run.pid, SIGKILL);
	finish(&run);
	for (int waited = 0; kill(worker, 0) == 0 && waited < WAIT_MS; waited += 10)
		sleep_ms(10);
	assert_int_equal(kill(worker, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/*
 * Bad input.
 */

static void nonsense_is_named(void **state)
{
	struct fixture *self = *state;
	struct stat file;

	assert_refused(self, "--pool mutx", COMMAND_USAGE, "no strategy 'mutx'", "treiber_tag");
	assert_refused(self, "--workload burts", COMMAND_USAGE, "no workload 'burts'", "'burst'");
	assert_refused(
		self, "--dispatch fast", COMMAND_USAGE, "no dispatch 'fast'", "folded, table");
	assert_refused(self, "--colour", COMMAND_USAGE, "no option '--colour'", "--help");
	assert_refused(self, "--size 0", COMMAND_USAGE, "--size", "8 to 1048576; 0 is not one");
	assert_refused(self, "--size 1048577", COMMAND_USAGE, "--size", "8 to 1048576");
	assert_refused(self, "--align 48", COMMAND_USAGE, "--align", "a power of two, 16 to 4096");
	assert_refused(self, "--pages big", COMMAND_USAGE, "no kind of pages 'big'", "transparent");
	assert_refused(
		self, "--placement near", COMMAND_USAGE, "no placement 'near'", "other-cache");
	assert_refused(self, "--workload pair --threads 256 --placement cache", COMMAND_USAGE,
		"placement cache", "here, and");
	assert_refused(
		self, "--job nothing", COMMAND_USAGE, "no job and no file 'nothing'", "quick");
	assert_refused(
		self, "--quick --job standard", COMMAND_USAGE, "--quick is a job", "leave one out");
	assert_refused(self, "--within 0", COMMAND_USAGE, "--within", "1 to 604800");
	assert_refused(self, "--threads 0", COMMAND_USAGE, "--threads", "1 to 256");
	assert_refused(self, "--threads 257", COMMAND_USAGE, "--threads", "1 to 256");
	assert_refused(self, "--threads 99999999999999999999", COMMAND_USAGE, "--threads",
		"99999999999999999999");
	assert_refused(self, "--burst 0", COMMAND_USAGE, "--burst", "1 to 1024");
	assert_refused(self, "--gate stop", COMMAND_USAGE, "no gate 'stop'", "warn, fail");
	assert_refused(self, "--gate warn,fail", COMMAND_USAGE, "one word", "warn or fail");
	assert_refused(self, "--forks 0", COMMAND_USAGE, "--forks", "1 to 1000");
	assert_refused(self, "--until 0", COMMAND_USAGE, "0.1 to 1000", "'0'");
	assert_refused(self, "--until two", COMMAND_USAGE, "--until", "'two'");
	assert_refused(self, "--until 2 --forks 6", COMMAND_USAGE, "beyond the first 6", "--forks");
	assert_refused(self, "--slice-ms -1", COMMAND_USAGE, "--slice-ms", "'-1'");
	assert_refused(self, "--slice-ms 0", COMMAND_USAGE, "0.01 to 1000", "'0'");
	assert_refused(self, "--slice-ms 0.001", COMMAND_USAGE, "0.01 to 1000", "'0.001'");
	assert_refused(self, "quickly", COMMAND_USAGE, "'quickly'", "not an option");
	assert_refused(self, "--workload remote_free --threads 1", COMMAND_USAGE, "remote_free",
		"multiple of 2");
	assert_refused(self, "--pool plain --workload pair --threads 2", COMMAND_USAGE, "plain",
		"one thread only");
	/* None of this made a directory. */
	assert_int_equal(stat(self->out, &file), -1);
}

/* What can't run here stays in the table with its reason, and is no failure. */
static void objects_that_nobody_has_are_absent(void **state)
{
	struct fixture *self = *state;
	struct run run;

	complete(self, &run,
		"--out %OUT --pool mutex,malloc --workload pair --threads 1 --size 512 --align "
		"2048 --pages ordinary,transparent,huge --forks 2 --blocks 1 --slice-ms 1",
		COMMAND_OK);
	assert_says(&run, "pair, 1 thread, 512 B, aligned to 2048, transparent pages");
	assert_number(self, "SELECT count(*) FROM cell WHERE object_align = 2048", 3);
	assert_number(self,
		"SELECT count(*) FROM event JOIN subject USING (subject_id) JOIN cell "
		"USING (cell_id) WHERE state = 'unsupported' AND subject.label = "
		"'malloc' AND pages <> 'ordinary' AND detail LIKE 'pages are %'",
		2);
	/* mutex is measured on all pages, but for huge ones that the machine does not have. */
	assert_int_equal(number(self, "SELECT count(*) FROM slice JOIN subject USING (subject_id) "
				      "WHERE label = 'mutex'") +
				 2 * number(self, "SELECT count(*) FROM event JOIN subject USING "
						  "(subject_id) WHERE label = 'mutex' AND detail "
						  "LIKE 'There are no huge pages%'"),
		3 * 2);
}

/* A store is given away: it says what was asked, and not where it lay on this machine. */
static void store_keeps_no_path(void **state)
{
	struct fixture *self = *state;
	struct run run;

	complete(self, &run, SMALL_SWEEP "--blocks 2 --out out --store out/sweep.db", COMMAND_OK);
	assert_number(self,
		"SELECT count(*) FROM plan WHERE command = 'nblbench sweep " SMALL_SWEEP
		"--blocks 2 --out DIR --store FILE'",
		1);
}

static void dry_run_writes_nothing(void **state)
{
	struct fixture *self = *state;
	struct stat file;
	struct run run;

	complete(self, &run, "--dry-run --quick --out %OUT", COMMAND_OK);
	assert_says(&run, "Nothing was run or written");
	assert_says(&run, "pair_touch, 1 thread");
	assert_int_equal(stat(self->out, &file), -1);
	/* That includes what stood in the way of writing: it is found by trying. */
	assert_refused(
		self, "--dry-run --quick --out /proc/x", COMMAND_USAGE, "'/proc/x'", "--out");
	assert_refused(
		self, "--dry-run --quick --store /proc/x.db", COMMAND_USAGE, "'/proc/", "can't be");
	assert_refused(self, "--dry-run --quick --out a/b --forks 0 --threads x", COMMAND_USAGE,
		"'a/b'", "--forks takes a whole number");
}

/* Of the file, the plan and the place, each with its line or option. */
static void all_mistakes_of_a_job_are_told(void **state)
{
	struct fixture *self = *state;
	char path[PATH_MAX + 16];
	struct run run;

	snprintf(path, sizeof(path), "%s/mine.ini", self->folder);

	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("pool = plain\nblock = 3\n[one]\nworkload = pair\nthreads = 1,2\n[two]\nworkload = "
	      "remote_free\nthreads = 1\n",
		file);
	fclose(file);
	complete(self, &run, "--dry-run --job mine.ini --out a/b", COMMAND_USAGE);
	assert_says(&run, "mine.ini:2: there is no key 'block'; did you mean 'blocks'?");
	assert_says(&run, "mine.ini:6: remote_free needs a multiple of 2 threads");
	assert_says(&run, "'a/b' can't be made");
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("pool = mutex,null\nforks = 1\nblocks = 2\nslice-ms = 1\n[one]\nworkload = pair\n"
	      "threads = 1\n[two]\nworkload = burst\nthreads = N/1000\nburst = 8,16\n",
		file);
	fclose(file);
	complete(self, &run, "--job mine.ini --out %OUT --burst 4", COMMAND_OK);
	assert_number(self, "SELECT count(*) FROM cell", 2);
	assert_number(self, "SELECT count(*) FROM cell WHERE label = 'burst 4, 1 thread'", 1);
	assert_number(self,
		"SELECT count(*) FROM plan WHERE command = 'nblbench sweep --job mine.ini --out "
		"DIR --burst 4'",
		1);
}

static void stores_are_not_mixed(void **state)
{
	struct fixture *self = *state;
	char moved[PATH_MAX + 16];
	struct stat file;
	struct run run;

	complete(self, &run, SMALL_SWEEP "--blocks 2 --out %OUT", COMMAND_OK);
	assert_says(&run, self->path);
	assert_refused(self, SMALL_SWEEP "--blocks 3 --out %OUT", COMMAND_FAILED,
		"another plan; they differ in: blocks", "--fresh");
	assert_number(self, "SELECT count(*) FROM block", 2);

	complete(self, &run, SMALL_SWEEP "--blocks 3 --out %OUT --fresh", COMMAND_OK);
	assert_says(&run, "sweep.db.old-1");
	assert_number(self, "SELECT count(*) FROM block", 3);
	snprintf(moved, sizeof(moved), "%s.old-1", self->path);
	assert_int_equal(stat(moved, &file), 0);
}

static void places_that_cannot_be_written_are_named(void **state)
{
	struct fixture *self = *state;
	FILE *file = fopen(self->out, "w");

	/* Where the directory should be stands a file: it stays. */
	assert_non_null(file);
	fputs("a letter", file);
	fclose(file);
	assert_refused(self, SMALL_SWEEP "--out %OUT", COMMAND_FAILED, self->out, "--out");
	assert_refused(
		self, SMALL_SWEEP "--store %OUT", COMMAND_FAILED, "not a result store", "--store");
	assert_refused(self, SMALL_SWEEP "--out /proc/nblbench", COMMAND_FAILED, "/proc/nblbench",
		"--out");
	struct stat after;
	assert_int_equal(stat(self->out, &after), 0);
	assert_int_equal(after.st_size, strlen("a letter"));
	/* A mistyped path is not made true, whatever may be made. */
	assert_refused(
		self, SMALL_SWEEP "--out a/b", COMMAND_FAILED, "'a/b'", "above it doesn't exist");
	assert_int_equal(unlink(self->out), 0);
}

/* Found before the measuring, not after. */
static void unwritable_report_is_named_first(void **state)
{
	struct fixture *self = *state;
	char path[PATH_MAX + 16];
	struct stat file;

	assert_int_equal(mkdir(self->out, 0700), 0);
	snprintf(path, sizeof(path), "%s/report.html", self->out);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(self, SMALL_SWEEP "--out %OUT", COMMAND_FAILED,
		"report.html' can't be written", "--out");
	assert_int_equal(stat(self->path, &file), -1);
}

static void nothing_measured_is_no_success(void **state)
{
	struct fixture *self = *state;
	struct run run;

	/* Sixteen million objects would be more than a strategy can name: refused by each worker. */
	start(self, &run,
		"--out %OUT --pool treiber_tag --workload burst --threads 2 --burst 1024 --size "
		"1048576 --forks 1 --blocks 1 --slice-ms 1");
	finish(&run);
	if (strstr(run.said, "more than half of") != NULL)
		skip();
	assert_status(&run, COMMAND_FAILED);
	assert_says(&run, "nothing was measured");
	assert_number(self, "SELECT count(*) FROM slice", 0);
}

static void long_sweep_says_so_first(void **state)
{
	struct fixture *self = *state;
	struct run run;

	start(self, &run, "--out %OUT --forks 1000 --blocks 10000");
	await_blocks(self, 0);
	for (int waited = 0; waited < WAIT_MS; waited += 10) {
		ssize_t got = pread(run.output, run.said, sizeof(run.said) - 1, 0);

		run.said[got > 0 ? got : 0] = '\0';
		if (strstr(run.said, "Ctrl-C") != NULL)
			break;
		sleep_ms(10);
	}
	kill(run.pid, SIGKILL);
	finish(&run);
	assert_says(&run, "this takes about");
	assert_says(&run, "of which quick takes a minute");
	assert_says(&run, "--forks 3 takes");
}

/* A file system of its own that has room for the store but not for the figures. */
static void full_disk_is_named(void **state)
{
	struct fixture *self = *state;
	char command[3 * PATH_MAX];

	if (system("unshare --map-root-user --mount true 2>/dev/null") != 0) {
		print_message("a small file system can't be mounted here: no user namespaces\n");
		skip();
	}
	assert_int_equal(mkdir(self->out, 0700), 0);
	snprintf(command, sizeof(command),
		"unshare --map-root-user --mount sh -c 'mount -t tmpfs -o size=300k none \"$1\" && "
		"cd \"$1\" && exec \"$0\" sweep --out x --pool mutex,null,treiber_tag --workload "
		"pair --threads 1 --forks 1 --blocks 4000 --slice-ms 0.1' \"$N\" '%s' >'%s/said' "
		"2>&1",
		self->out, self->folder);
	assert_int_equal(setenv("N", program, 1), 0); /* whose path may hold an apostrophe */
	int status = system(command);
	snprintf(command, sizeof(command), "%s/said", self->folder);
	struct run run = {.status = status};
	run.output = open(command, O_RDONLY | O_CLOEXEC);
	ssize_t got = pread(run.output, run.said, sizeof(run.said) - 1, 0);
	run.said[got > 0 ? got : 0] = '\0';
	close(run.output);
	assert_status(&run, COMMAND_FAILED);
	assert_says(&run, "the disk is full");
	assert_says(&run, "x/sweep.db");
}

int main(int argc, char **argv)
{
	static char path[PATH_MAX];
	const char *text = getenv("SWEEP_TEST_SEED");

	const bool nightly = argc == 3 && strcmp(argv[2], "nightly") == 0;
	if ((argc != 2 && !nightly) || realpath(argv[1], path) == NULL) {
		fprintf(stderr, "usage: sweep_test PROGRAM [nightly]\n");
		return EXIT_FAILURE;
	}
	program = path;
	if (text != NULL)
		seed = strtoull(text, NULL, 10);
#define SWEEP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		SWEEP_TEST(killed_sweep_keeps_every_complete_block),
		SWEEP_TEST(a_fork_times_every_call_once),
		SWEEP_TEST(interrupted_sweep_says_so_and_goes_on),
		SWEEP_TEST(known_cells_take_fewer_forks),
		SWEEP_TEST(second_interrupt_stops_at_once),
		SWEEP_TEST(crashed_worker_costs_its_own_cell),
		SWEEP_TEST(killed_worker_is_measured_again),
		SWEEP_TEST(stopped_worker_is_measured_again),
		SWEEP_TEST(busy_machine_makes_nobody_hang),
		SWEEP_TEST(workers_die_with_the_sweep),
		SWEEP_TEST(gate_refuses_a_busy_machine),
		SWEEP_TEST(nonsense_is_named),
		SWEEP_TEST(objects_that_nobody_has_are_absent),
		SWEEP_TEST(store_keeps_no_path),
		SWEEP_TEST(dry_run_writes_nothing),
		SWEEP_TEST(all_mistakes_of_a_job_are_told),
		SWEEP_TEST(stores_are_not_mixed),
		SWEEP_TEST(places_that_cannot_be_written_are_named),
		SWEEP_TEST(unwritable_report_is_named_first),
		SWEEP_TEST(nothing_measured_is_no_success),
		SWEEP_TEST(long_sweep_says_so_first),
		SWEEP_TEST(full_disk_is_named),
	};

	const struct CMUnitTest long_tests[] = {
		SWEEP_TEST(killed_sweep_keeps_every_complete_block),
		SWEEP_TEST(busy_machine_makes_nobody_hang),
	};

	if (nightly) {
		busy_sweep = BUSY_CELLS;
		busy_sweeps = BUSY_SWEEPS_NIGHTLY;
		kills = KILLS_NIGHTLY;
		return cmocka_run_group_tests(long_tests, NULL, NULL);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
