/*
 * `nblbench refusals`: how long the shared library takes to refuse each misuse that nblbench.h's table
 * lists, and another build's library beside it, as Markdown. Workers (refuser.c) of each library are
 * there at once and take turns of a millisecond, in random order within a block; forks are new workers.
 * So is judged as in a sweep. This build's library runs twice: what its twins differ by is the noise.
 */
#include "bench/command/refusals.h"
#include "alloc/machine/compiler.h"
#include "alloc/ndis/misuse_acts.h"
#include "bench/analysis/stats.h"
#include "bench/base/auto_free.h"
#include "bench/base/number.h"
#include "bench/base/options.h"
#include "bench/base/splitmix.h"
#include "bench/command/command.h"
#include "bench/sweep/revision.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { SIDE_THIS, SIDE_TWIN, SIDE_OTHER, SIDES_MAX };

enum {
	ANSWER_MS = 20000, /* beyond that a worker hangs */
	WINDOW_NS_MIN = 100000,
	BLOCKS_MAX = 1000,
};

#define NS_PER_MS 1e6

struct request {
	const char *against;
	uint64_t forks;
	uint64_t blocks;
	double slice_ms;
	uint64_t seed;
};

static const struct options_entry entries[] = {
	OPTION(TEXT, struct request, against, "against", 0, "DIR",
		"the shared library of another build beside this one's: a tree that is built in "
		"build/release, a build directory, the prefix of an installation, or the folder "
		"of the library"),
	OPTION(COUNT, struct request, forks, "forks", 'f', "N", "worker sets", 1, 100),
	OPTION(COUNT, struct request, blocks, "blocks", 'b', "N", "turns of each worker set", 1,
		BLOCKS_MAX),
	OPTION(REAL, struct request, slice_ms, "slice-ms", 0, "MS", "a turn, in milliseconds",
		.real_least = WINDOW_NS_MIN / NS_PER_MS, .real_most = 1000),
	OPTION(COUNT, struct request, seed, "seed", 0, "N", "where all random order comes from", 0,
		INT64_MAX),
};

static const struct options options = {
	.command = "refusals",
	.summary =
		"Times what the installed shared library refuses: a row a misuse, by the table of "
		"nblbench.h,\nin ordinary and in verify pools, in nanoseconds a call, with a "
		"handler that counts and returns.\nA call that is not refused, or for another "
		"reason, is named and not timed. Prints Markdown.",
	.closing =
		"The other build has to have the same documented headers.\n"
		"Exit status: 0 all is refused; 1 something is not, or a worker failed; 2 usage.",
	.count = array_count(entries),
	.entry = entries,
};

/* An act in one kind of pool. */
struct item {
	const struct misuse_act *act;
	uint32_t number; /* of the act */
	bool verify;
	double *log_ns[SIDES_MAX]; /* a block each; NAN: none */
	double *log_sentence;
	char why[SIDES_MAX][REFUSALS_WHY_BYTES]; /* it isn't timed; "": it is */
};

struct side {
	char folder[PATH_MAX];  /* of the library; "": this build's own */
	char library[PATH_MAX]; /* that its workers must have; "": any */
	pid_t pid;              /* 0: there is no worker */
	int to, from;
};

struct bench {
	const struct request *request;
	char worker[PATH_MAX];
	struct side sides[SIDES_MAX];
	struct item *items;
	size_t count;
	size_t blocks; /* of all forks */
	uint64_t seed; /* of the next order */
};

static bool is_compared(const struct bench *self)
{
	return self->request->against != NULL;
}

static bool has_side(const struct bench *self, int side)
{
	return side == SIDE_THIS || is_compared(self);
}

/*
 * Workers.
 */

/* Where an installation or a build has it. */
static bool find_library(const char *place, struct side *side)
{
	static const char *const below[] = {
		"", "/alloc/ndis", "/build/release/alloc/ndis", "/" NBLBENCH_LIBDIR};

	for (size_t i = 0; i < array_count(below); i++) {
		char path[PATH_MAX];
		const int length =
			snprintf(path, sizeof(path), "%s%s/%s", place, below[i], NBLBENCH_SONAME);

		if (length < 0 || (size_t)length >= sizeof(path) ||
			realpath(path, side->library) == NULL)
			continue;
		path[length - (int)strlen("/" NBLBENCH_SONAME)] = '\0';
		return realpath(path, side->folder) != NULL;
	}
	fprintf(stderr,
		"nblbench refusals: --against: there is no %s in '%s'; `cmake --preset release && "
		"cmake --build build/release --target nblbench_shared` makes one there.\n",
		NBLBENCH_SONAME, place);
	return false;
}

static void stop(struct side *side, char why[REFUSALS_WHY_BYTES])
{
	int status = 0;

	close(side->to);
	close(side->from);
	if (why != NULL)
		kill(side->pid, SIGKILL);
	while (waitpid(side->pid, &status, 0) < 0 && errno == EINTR)
		;
	side->pid = 0;
	if (why != NULL && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		snprintf(why, REFUSALS_WHY_BYTES, "ends its program by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
}

/* All of it within the time. On false why (REFUSALS_WHY_BYTES) has a clause. */
static bool receive(struct side *side, void *out, size_t bytes, char *why)
{
	for (size_t got = 0; got < bytes;) {
		struct pollfd ready = {.fd = side->from, .events = POLLIN};

		if (poll(&ready, 1, ANSWER_MS) <= 0) {
			snprintf(why, REFUSALS_WHY_BYTES, "does not return within %d s",
				ANSWER_MS / 1000);
			return false;
		}
		const ssize_t n = read(side->from, (char *)out + got, bytes - got);
		if (n <= 0) {
			snprintf(why, REFUSALS_WHY_BYTES, "ends its program");
			return false;
		}
		got += (size_t)n;
	}
	return true;
}

/* False, with a sentence: there is no worker with that library. */
static bool start(const struct bench *bench, struct side *side)
{
	char *const argv[] = {(char *)"nblbench-refuser", NULL};
	static struct refusals_hello hello;
	posix_spawn_file_actions_t actions;
	char why[REFUSALS_WHY_BYTES];
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
		fprintf(stderr, "nblbench refusals: %s.\n", strerror(errno));
		return false;
	}
	if (side->folder[0] != '\0')
		setenv("LD_LIBRARY_PATH", side->folder, 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
	const int rc = posix_spawn(&side->pid, bench->worker, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	unsetenv("LD_LIBRARY_PATH");
	close(to[0]);
	close(from[1]);
	side->to = to[1];
	side->from = from[0];
	if (rc != 0) {
		fprintf(stderr, "nblbench refusals: '%s' can't be started: %s.\n", bench->worker,
			strerror(rc));
		side->pid = 0;
		return false;
	}
	if (!receive(side, &hello, sizeof(hello), why)) {
		stop(side, why);
		fprintf(stderr, "nblbench refusals: a worker with the library in '%s' %s.\n",
			side->folder[0] != '\0' ? side->folder : "this build", why);
		return false;
	}
	if (side->library[0] == '\0' || strcmp(side->library, hello.library) == 0)
		return true;
	stop(side, why);
	fprintf(stderr, "nblbench refusals: a worker took '%s' and not '%s'.\n", hello.library,
		side->library);
	return false;
}

/* The answer, or NAN and a clause in the item's why. False: no worker can be started. */
static bool ask(
	struct bench *bench, int number, struct item *item, enum refusals_what what, double *log_ns)
{
	struct side *side = &bench->sides[number];
	const struct refusals_request request = {.act = item->number,
		.what = what,
		.verify = item->verify,
		.window_ns = (uint64_t)(bench->request->slice_ms * NS_PER_MS + 0.5)};
	struct refusals_answer answer = {.ns = NAN};

	*log_ns = NAN;
	if (item->why[number][0] != '\0')
		return true;
	if (side->pid == 0 && !start(bench, side))
		return false;
	if (write(side->to, &request, sizeof(request)) != sizeof(request) ||
		!receive(side, &answer, sizeof(answer), answer.why))
		stop(side, answer.why);
	else if (answer.why[0] != '\0')
		stop(side, NULL);
	if (answer.why[0] == '\0')
		*log_ns = log(answer.ns);
	else
		memcpy(item->why[number], answer.why, sizeof(answer.why));
	return true;
}

/*
 * The run.
 */

/* 0 to count - 1, in an order of their own each time. */
static void draw_order(struct bench *self, uint32_t *order, size_t count)
{
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	splitmix_shuffle(order, count, self->seed = splitmix(self->seed));
}

static bool run_item(struct bench *self, struct item *item, size_t block)
{
	uint32_t order[SIDES_MAX + 1]; /* the sides, and the sentence */

	draw_order(self, order, array_count(order));
	for (size_t i = 0; i < array_count(order); i++) {
		const int side = (int)order[i];

		if (side == SIDES_MAX
				? !ask(self, SIDE_THIS, item, REFUSALS_SENTENCE,
					  &item->log_sentence[block])
				: has_side(self, side) && !ask(self, side, item, REFUSALS_CALL,
								  &item->log_ns[side][block]))
			return false;
	}
	return true;
}

static bool run_block(struct bench *self, size_t block, uint32_t *order)
{
	draw_order(self, order, self->count);
	for (size_t i = 0; i < self->count; i++) {
		if (!run_item(self, &self->items[order[i]], block))
			return false;
	}
	return true;
}

static bool run_all(struct bench *self)
{
	AUTO_FREE uint32_t *order = calloc(self->count, sizeof(*order));
	bool well = order != NULL;

	for (uint64_t fork = 0; well && fork < self->request->forks; fork++) {
		for (int side = 0; well && side < SIDES_MAX; side++)
			well = !has_side(self, side) || start(self, &self->sides[side]);
		for (uint64_t b = 0; well && b < self->request->blocks; b++)
			well = run_block(self, fork * self->request->blocks + b, order);
		for (int side = 0; side < SIDES_MAX; side++) {
			if (self->sides[side].pid != 0)
				stop(&self->sides[side], NULL);
		}
	}
	return well;
}

/*
 * What came out.
 */

static struct stats_estimate estimate(
	const struct bench *self, const double *x, const double *minus)
{
	const size_t forks = self->request->forks;
	AUTO_FREE double *series = calloc(self->blocks, sizeof(*series));
	AUTO_FREE size_t *first = calloc(forks + 1, sizeof(*first));
	const struct stats_design design = {forks, first};
	struct stats_estimate e = STATS_UNKNOWN;

	if (series == NULL || first == NULL)
		return e;
	for (size_t f = 0; f <= forks; f++)
		first[f] = f * self->request->blocks;
	for (size_t b = 0; b < self->blocks; b++)
		series[b] = x[b] - (minus != NULL ? minus[b] : 0);
	stats_estimates(&design, &(const double *){series}, 1, &e, NULL);
	return e;
}

/* "512 [505, 520]": times, or factors. */
static void print_estimate(struct stats_estimate e, struct number (*figure)(double), bool factor)
{
	printf(" | %s", figure(factor ? e.point : exp(e.point)).text);
	if (isfinite(e.lo) && isfinite(e.hi))
		printf(" [%s, %s]", figure(factor ? e.lo : exp(e.lo)).text,
			figure(factor ? e.hi : exp(e.hi)).text);
}

static void print_side(const struct bench *self, const struct item *item, int side)
{
	if (item->why[side][0] != '\0')
		printf(" | %s", item->why[side]);
	else
		print_estimate(estimate(self, item->log_ns[side], NULL), number_plain, false);
}

/* NULL: it is not found there. */
static struct item *find(const struct bench *self, const struct misuse_act *act, bool verify)
{
	for (size_t i = 0; i < self->count; i++) {
		if (self->items[i].act == act && self->items[i].verify == verify)
			return &self->items[i];
	}
	return NULL;
}

static void print_item(
	const struct bench *self, const struct item *item, size_t tally[STATS_EQUIVALENT + 1])
{
	if (item == NULL) {
		fputs(is_compared(self) ? " | - | - | -" : " | -", stdout);
		return;
	}
	print_side(self, item, SIDE_THIS);
	if (!is_compared(self))
		return;
	print_side(self, item, SIDE_OTHER);
	if (item->why[SIDE_THIS][0] != '\0' || item->why[SIDE_OTHER][0] != '\0') {
		fputs(" | -", stdout);
		return;
	}
	const struct stats_estimate effect =
		estimate(self, item->log_ns[SIDE_THIS], item->log_ns[SIDE_OTHER]);
	const struct stats_estimate twin =
		estimate(self, item->log_ns[SIDE_THIS], item->log_ns[SIDE_TWIN]);
	tally[stats_verdict(&effect, log1p(STATS_MARGIN), stats_floor(&twin))]++;
	print_estimate(effect, number_ratio, true);
}

static void print_act(const struct bench *self, const struct misuse_row *row,
	const struct misuse_act *act, size_t tally[STATS_EQUIVALENT + 1])
{
	const struct item *item = find(self, act, false);
	const struct item *checked = find(self, act, true);

	printf("| %s | ", act == row->acts ? row->text : "");
	for (const char *c = act->name; *c != '\0'; c++)
		putchar(*c == '_' ? ' ' : *c);
	print_item(self, item, tally);
	print_item(self, checked, tally);
	const struct item *first = item != NULL ? item : checked;
	printf(" | %s |\n",
		number_plain(exp(estimate(self, first->log_sentence, NULL).point)).text);
}

/* True if all was refused. */
static bool print_failures(const struct bench *self)
{
	static const char *const names[] = {"this", "this, the twin,", "the other"};
	size_t failures = 0;

	for (size_t i = 0; i < self->count; i++) {
		const struct item *item = &self->items[i];

		for (int side = 0; side < SIDES_MAX; side++) {
			if (item->why[side][0] == '\0')
				continue;
			printf("\nNot refused as it should be: in %s build, %s of %s pools %s.\n",
				names[side], item->act->name, item->verify ? "verify" : "ordinary",
				item->why[side]);
			failures++;
		}
	}
	return failures == 0;
}

static bool print_all(const struct bench *self)
{
	size_t tally[STATS_EQUIVALENT + 1] = {0};

	printf("Refusals of the shared library, ns a call; this: revision %s", revision_text);
	if (is_compared(self))
		printf("; other: `%s`", self->request->against);
	printf(".\n\n%s\n%s\n",
		is_compared(self)
			? "| misuse | committed as | ordinary pool | other | this / other | verify "
			  "pool | other | this / other | its sentence alone |"
			: "| misuse | committed as | ordinary pool | verify pool | its sentence "
			  "alone |",
		is_compared(self) ? "|---|---|--:|--:|--:|--:|--:|--:|--:|"
				  : "|---|---|--:|--:|--:|");
	for (size_t r = 0; r < array_count(misuse_rows); r++) {
		for (const struct misuse_act *act = misuse_rows[r].acts; act->name != NULL; act++)
			print_act(self, &misuse_rows[r], act, tally);
	}
	for (size_t r = 0; r < array_count(misuse_rows); r++) {
		if (misuse_rows[r].no_act != NULL)
			printf("\nNot timed: %s: %s.\n", misuse_rows[r].text,
				misuse_rows[r].no_act);
	}
	if (is_compared(self))
		printf("\nOf %zu refusals %zu are faster in this build by more than %.0f %%, %zu "
		       "slower, %zu equivalent and %zu inconclusive.\n",
			self->count, tally[STATS_FASTER], 100 * STATS_MARGIN, tally[STATS_SLOWER],
			tally[STATS_EQUIVALENT], tally[STATS_INCONCLUSIVE]);
	return print_failures(self);
}

/*
 * Set-up.
 */

static double *new_series(size_t n)
{
	double *series = malloc(n * sizeof(*series));

	for (size_t i = 0; series != NULL && i < n; i++)
		series[i] = NAN;
	return series;
}

/* Everything that release builds find. */
static bool make_items(struct bench *self)
{
	uint32_t number = 0;

	for (size_t r = 0; r < array_count(misuse_rows); r++) {
		for (const struct misuse_act *act = misuse_rows[r].acts; act->name != NULL; act++) {
			for (int verify = act->traits & NEEDS_CHECKS ? 1 : 0; verify < 2;
				verify++) {
				struct item *item = &self->items[self->count++];

				item->act = act;
				item->number = number;
				item->verify = verify != 0;
				item->log_sentence = new_series(self->blocks);
				for (int side = 0; side < SIDES_MAX; side++)
					item->log_ns[side] = new_series(self->blocks);
				if (item->log_sentence == NULL || item->log_ns[0] == NULL ||
					item->log_ns[1] == NULL || item->log_ns[2] == NULL)
					return false;
			}
			number++;
		}
	}
	return true;
}

static void free_items(struct bench *self)
{
	for (size_t i = 0; i < self->count; i++) {
		free(self->items[i].log_sentence);
		for (int side = 0; side < SIDES_MAX; side++)
			free(self->items[i].log_ns[side]);
	}
	free(self->items);
}

/* It stands beside this program. */
static bool find_worker(char worker[PATH_MAX])
{
	static const char name[] = "/nblbench-refuser";

	if (realpath("/proc/self/exe", worker) == NULL)
		return false;
	char *slash = strrchr(worker, '/');
	if ((size_t)(slash - worker) + sizeof(name) > PATH_MAX)
		return false;
	memcpy(slash, name, sizeof(name));
	if (access(worker, X_OK) == 0)
		return true;
	fprintf(stderr,
		"nblbench refusals: '%s' is missing: builds under a sanitizer, and those that "
		"count lines, make no shared library to time.\n",
		worker);
	return false;
}

/* One CPU, and of the environment nothing that would choose another strategy or malloc. */
static void settle(void)
{
	static const char *const variables[] = {"LD_PRELOAD", "LD_LIBRARY_PATH", "NBL_POOL",
		"NBL_CONTEXT", "NBL_CONTEXT_ALIGNMENT"};
	cpu_set_t here;

	for (size_t i = 0; i < array_count(variables); i++)
		unsetenv(variables[i]);
	setenv("LD_BIND_NOW", "1", 1);
	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	if (sched_setaffinity(0, sizeof(here), &here) != 0)
		fprintf(stderr, "nblbench refusals: not tied to a CPU: %s.\n", strerror(errno));
	signal(SIGPIPE, SIG_IGN); /* a worker that has ended is told by its status */
}

static int run_refusals(int argc, char **argv)
{
	struct request request = {.forks = 8, .blocks = 3, .slice_ms = 1, .seed = 1};
	int operand, status;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	struct bench bench = {.request = &request,
		.blocks = (size_t)(request.forks * request.blocks),
		.seed = request.seed};
	if (!find_worker(bench.worker))
		return COMMAND_FAILED;
	if (request.against != NULL && !find_library(request.against, &bench.sides[SIDE_OTHER]))
		return COMMAND_USAGE;
	settle();
	bench.items = calloc(2 * array_count(misuse_rows) * MISUSE_ACTS_MAX, sizeof(*bench.items));
	bool well = bench.items != NULL && make_items(&bench);
	if (!well)
		fprintf(stderr, "nblbench refusals: there is no memory for the figures.\n");
	well = well && run_all(&bench) && print_all(&bench);
	free_items(&bench);
	return well ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_refusals = {
	.name = "refusals",
	.summary = "time what the library refuses",
	.run = run_refusals,
};
