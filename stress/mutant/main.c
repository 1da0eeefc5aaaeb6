/*
 * nblbench-mutants SOURCE WORK [--only A,B] [--layer A,B] [--sample N --seed S]
 *
 * Makes each mistake of mutants.txt in a copy of the tree in WORK, one at a time, builds what it
 * touches, and runs the layers on the pools that it names, cheapest first, until one fails. A mutant
 * that lives through them all fails the run, unless the list argues that it is no mistake; so does one
 * that does not compile. The tree as it is goes first, under the pools and tests of the list, and must
 * live.
 *
 * What died of what stays in WORK/table.txt, a line a mutant, and as a page in WORK/mutants.md, which has what
 * results/mutants.md says of those that the table lacks; a run goes on with those. --only runs anew what it names. --layer runs some layers
 * alone, on the mutants that they kill by results/mutants.md, and leaves the table alone. A sample is
 * another one each time, by a seed that is printed; --seed repeats it.
 */
#include "stress/mutant/list.h"
#include "stress/mutant/log.h"
#include "stress/mutant/table.h"

#include "stress/stress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	COMMAND_BYTES = 4096,
	PATH_BYTES = 1024,
	/* What ends a process that goes on for ever: the tree as it is takes a third at most, which is wcq's model. */
	CPU_LIMIT_S = 200,
	/* A sample is for every day: of what a layer kills, it has what took so long at most. */
	SAMPLED_S = 1,
	STATUS_WRONG_USAGE = 2,
	STATUS_SKIPPED = 77,
};

/* The builds of the copy, each in a folder of WORK. */
enum build { NATIVE, EXPLORED, PERTURBED, THREAD, RACES, ADDRESS, BUILDS };

static const struct {
	const char *folder, *options;
} builds[BUILDS] = {
	[NATIVE] = {"native", "-DNBLBENCH_DEBUG=ON"},
	[EXPLORED] = {"explored", ""},
	[PERTURBED] = {"perturbed", "-DNBLBENCH_DEBUG=ON -DNBLBENCH_ATOMIC_BACKEND=perturb"},
	[THREAD] = {"thread", "-DNBLBENCH_DEBUG=ON -DNBLBENCH_ATOMIC_BACKEND=perturb "
			      "-DNBLBENCH_SANITIZER=thread"},
	[RACES] = {"races", "-DNBLBENCH_SANITIZER=thread"},
	[ADDRESS] = {"address", "-DNBLBENCH_DEBUG=ON -DNBLBENCH_SANITIZER=address"},
};

/*
 * What is tried, in this order: cheapest first. layer: a name of layers.def, or the mutant's unit tests.
 * program NULL: those. Once more without checks: pools that check everything tell their accounts at once,
 * and a build with checks has no others. The thread sanitizer sees what nothing orders in them, the address
 * sanitizer what they leak.
 */
static const char TEST[] = "test";
/* Too many executions for every day. */
#define THREE_STOPS "--first --switches 3 --stale 1 --faults 0 --together 4 --scenario "
#define STRESS      "--seed 1 --threads 4 --seconds 0.3 --scenario "

static const struct attempt {
	const char *layer;
	enum build build;
	const char *program, *arguments;
} attempts[] = {
	{"model", EXPLORED, "nblbench-model", "--first"},
	{"model", EXPLORED, "nblbench-model", THREE_STOPS "lap_again_bulk"},
	{TEST, NATIVE, NULL, ""},
	{TEST, EXPLORED, NULL, ""},
	{"perturbed", PERTURBED, "nblbench-stress", STRESS "churn,exhaustion,handover,growth"},
	{"perturbed", PERTURBED, "nblbench-stress",
		STRESS
		"conformance,trim,thread_exit,lifetime,affinity,unregistered,signals,fork,nbl"},
	{"freezer", NATIVE, "nblbench-progress", ""},
	{"native", NATIVE, "nblbench-stress",
		STRESS
		"conformance,churn,handover,exhaustion,growth,affinity,unregistered,signals,nbl"},
	{"thread", THREAD, "nblbench-stress",
		STRESS "conformance,churn,handover,exhaustion,growth,thread_exit,nbl"},
	{"thread", RACES, NULL, ""},
	{"address", ADDRESS, NULL, ""},
};
enum { ATTEMPTS = sizeof(attempts) / sizeof(*attempts) };

static const char *layers; /* of --layer; NULL: all */

static const char *source, *work;

__attribute__((format(printf, 1, 2))) _Noreturn static void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("nblbench stress --mutants: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

/*
 * Runs it in the shell, for which $SOURCE and $WORK are the folders; what it prints goes to $WORK/log. Its exit
 * status; a signal counts as 128.
 */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
	char command[COMMAND_BYTES];
	va_list args;
	size_t n = (size_t)snprintf(command, sizeof(command), "exec >\"$WORK/log\" 2>&1; ");

	va_start(args, format);
	n += (size_t)vsnprintf(command + n, sizeof(command) - n, format, args);
	va_end(args);
	if (n >= sizeof(command))
		die("a command is too long: %s", command);
	const int status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t room = 0, n = 0;
	char *text = NULL;

	if (file == NULL)
		die("cannot read %s: %s", path, strerror(errno));
	do {
		if (room - n < 2) {
			room = room != 0 ? 2 * room : COMMAND_BYTES;
			text = realloc(text, room);
			if (text == NULL)
				abort();
		}
		n += fread(text + n, 1, room - n - 1, file);
	} while (!feof(file) && !ferror(file));
	text[n] = '\0';
	fclose(file);
	return text;
}

/* What the last command printed. */
static char *read_log(void)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/log", work);
	return read_file(path);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		die("cannot write %s: %s", path, strerror(errno));
}

/* The file of the copy as the source has it (mutant NULL), or with the mistake. */
static void set_file(const char *name, const struct mutant *mutant)
{
	char from[PATH_BYTES], to[PATH_BYTES];

	snprintf(from, sizeof(from), "%s/%s", source, name);
	snprintf(to, sizeof(to), "%s/tree/%s", work, name);
	char *text = read_file(from);
	if (mutant != NULL) {
		char *mistaken = mutant_apply(mutant, text);

		if (mistaken == NULL)
			die("%s does not apply: its text must stand in %s exactly once",
				mutant->name, name);
		free(text);
		text = mistaken;
	}
	write_file(to, text);
	free(text);
}

/* Whether a layer that was asked for runs in that build. */
static bool is_needed(enum build build)
{
	bool needed = false;

	for (size_t i = 0; i < ATTEMPTS; i++)
		needed |=
			attempts[i].build == build && mutant_names_have(layers, attempts[i].layer);
	return needed;
}

/* The copy, with its builds beside it. CMake configures what has changed of itself later. */
static void set_up(void)
{
	if (run("mkdir -p \"$WORK/tree\" && cd \"$SOURCE\" && cp -a -u alloc bench stress cmake "
		"CMakeLists.txt \"$WORK/tree\"") != 0)
		die("the tree cannot be copied; see %s/log", work);
	for (enum build i = 0; i < BUILDS; i++) {
		if (is_needed(i) &&
			run("b=\"$WORK/%s\"; [ -f \"$b/build.ninja\" ] || cmake -S \"$WORK/tree\" "
			    "-B "
			    "\"$b\" -G Ninja "
			    "-DCMAKE_BUILD_TYPE=Mutant -DCMAKE_C_FLAGS_MUTANT='-O1 -g1' %s",
				builds[i].folder, builds[i].options) != 0)
			die("the copy of the tree cannot be configured; see %s/log", work);
	}
}

/* CPU time of what has ended. */
static double spent_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Builds a program of the copy and runs it. True: it failed, and row tells how. */
static bool fails(const struct attempt *attempt, const char *program, const char *arguments,
	struct table_row *row)
{
	const char *folder = builds[attempt->build].folder;
	const double before_s = spent_s();

	if (run("cmake --build \"$WORK/%s\" --target %s", folder, program) != 0) {
		char *log = read_log();

		log_tell_build(log, row);
		free(log);
		return true;
	}
	const double built_s = spent_s();
	const int status = run("cd \"$WORK/%s\" && ulimit -t %d && timeout -k 5 %d %s "
			       "\"$(find . -name %s -type f)\" %s",
		folder, CPU_LIMIT_S, LOG_LIMIT_S,
		attempt->build >= THREAD ? "../tree/cmake/unrandomised.sh" : "", program,
		arguments);
	printf("  %-10s %-20s built in %5.1f s, ran %5.1f s: %d\n", attempt->layer, program,
		built_s - before_s, spent_s() - built_s, status);
	fflush(stdout);
	if (status == 0 || status == STATUS_SKIPPED)
		return false;
	if (status == STATUS_WRONG_USAGE && attempt->program != NULL)
		die("%s refused its arguments; see %s/log", program, work);
	row->verdict = TABLE_KILLED;
	row->seconds = spent_s() - built_s;
	snprintf(row->layer, sizeof(row->layer), "%s", attempt->layer);
	char *log = read_log();
	log_tell_failure(log, program, status, row);
	free(log);
	return true;
}

/*
 * Whether a build has a test: some are none where a sanitizer sees nothing in them. A build that was configured for an
 * older tree is brought up to date first.
 */
static bool is_built(const struct attempt *attempt, const char *test)
{
	const char *folder = builds[attempt->build].folder;

	return attempt->build == NATIVE || run("ninja -C \"$WORK/%s\" build.ninja && "
					       "ninja -C \"$WORK/%s\" -t query %s",
						   folder, folder, test) == 0;
}

static bool fails_tests(
	const struct attempt *attempt, const struct mutant *mutant, struct table_row *row)
{
	char names[sizeof(mutant->tests)];
	char *rest = names;
	char *name;

	snprintf(names, sizeof(names), "%s", mutant->tests);
	while ((name = strsep(&rest, ",")) != NULL) {
		if (*name != '\0' && is_built(attempt, name) && fails(attempt, name, "", row))
			return true;
	}
	return false;
}

/* Tries the layers; row tells which killed it. */
static void attack(const struct mutant *mutant, struct table_row *row)
{
	char arguments[COMMAND_BYTES];

	for (size_t i = 0; i < ATTEMPTS; i++) {
		const struct attempt *attempt = &attempts[i];

		if (!mutant_names_have(layers, attempt->layer))
			continue;
		if (attempt->program == NULL) {
			if (fails_tests(attempt, mutant, row))
				return;
			continue;
		}
		snprintf(arguments, sizeof(arguments), "--pool %s %s", mutant->pools,
			attempt->arguments);
		if (mutant->pools[0] != '\0' && fails(attempt, attempt->program, arguments, row))
			return;
	}
}

/* Tries one; table NULL: its row is not kept. False: it lives, and should not, or is no C. */
static bool try_mutant(const struct mutant *mutant, FILE *table)
{
	const bool mistaken = mutant->file[0] != '\0';
	struct table_row row = {.verdict = !mistaken                     ? TABLE_PASSES
					   : mutant->argument[0] != '\0' ? TABLE_EQUIVALENT
									 : TABLE_LIVES,
		.layer = "-",
		.where = "-"};
	const double before_s = spent_s();
	char marker[PATH_BYTES];

	snprintf(row.mutant, sizeof(row.mutant), "%s", mutant->name);
	snprintf(marker, sizeof(marker), "%s/mutated", work);
	if (mistaken) {
		write_file(marker, mutant->file);
		set_file(mutant->file, mutant);
	}
	attack(mutant, &row);
	if (mistaken) {
		set_file(mutant->file, NULL);
		unlink(marker);
	} else if (row.verdict != TABLE_PASSES) {
		die("the tree as it is fails in %s: %s", row.where, row.sentence);
	}
	printf("%-10s %-32s %-10s %6.1f s in all  %s: %s\n", table_verdict_name(row.verdict),
		mutant->name, row.layer, spent_s() - before_s, row.where, row.sentence);
	if (table != NULL)
		table_append(table, &row);
	fflush(NULL);
	return row.verdict <= TABLE_PASSES;
}

/* Whether it is among those that this run may try. sampled: of mistakes alone. */
static bool is_wanted(const struct mutant *mutant, const char *only, bool sampled,
	const char *known, const char *page)
{
	struct table_row row;

	if (sampled && mutant->file[0] == '\0')
		return false;
	if (only != NULL)
		return mutant_names_have(only, mutant->name);
	if (layers == NULL)
		return !table_find(known, mutant->name, &row);
	return table_page_find(page, mutant->name, &row) && row.verdict == TABLE_KILLED &&
	       mutant_names_have(layers, row.layer) && !(sampled && row.seconds > SAMPLED_S);
}

/* What an interrupted run has left in the copy. */
static void mend(void)
{
	char marker[PATH_BYTES];

	snprintf(marker, sizeof(marker), "%s/mutated", work);
	if (access(marker, F_OK) != 0)
		return;
	char *name = read_file(marker);
	set_file(name, NULL);
	free(name);
	unlink(marker);
}

/* Each name of a list with commas is one of those that name_at knows; more: what is said of one that is not. */
static void check_names(
	const char *names, const char *(*name_at)(size_t i), const char *what, const char *more)
{
	for (const char *at = names; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		const int n = (int)strcspn(at, ",");
		char one[MUTANT_NAMES_BYTES];
		size_t i = 0;

		snprintf(one, sizeof(one), "%.*s", n, at);
		while (name_at(i) != NULL && strcmp(name_at(i), one) != 0)
			i++;
		if (name_at(i) == NULL)
			die("there is no %s '%.*s'; %s", what, n, at, more);
	}
}

static struct mutants mutants;

static const char *mutant_at(size_t i)
{
	return i < mutants.count ? mutants.of[i].name : NULL;
}

static const char *layer_at(size_t i)
{
	return i < ATTEMPTS ? attempts[i].layer : NULL;
}

static void write_page(const struct mutants *list, const char *path, const char *before)
{
	char *rows = read_file(path);
	char page[PATH_BYTES];

	snprintf(page, sizeof(page), "%s/mutants.md", work);
	FILE *file = fopen(page, "w");
	if (file == NULL)
		die("cannot write %s: %s", page, strerror(errno));
	table_page(file, list, rows, before);
	if (fclose(file) != 0)
		die("cannot write %s: %s", page, strerror(errno));
	free(rows);
}

/* Another one each time, and short to type. */
static uint64_t clock_seed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_nsec / 1000;
}

/* strtoull takes a sign, and makes a number without end of it. */
static uint64_t number(const char *option, const char *text, uint64_t least)
{
	char *end;

	errno = 0;
	const uint64_t value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || strchr(text, '-') != NULL || value < least)
		die("%s is '%s' but must be a whole number, %" PRIu64 " or more", option, text,
			least);
	return value;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	uint64_t sample = UINT64_MAX;
	uint64_t seed = clock_seed();
	char path[PATH_BYTES];
	uint32_t lives = 0, tried = 0;

	if (argc < 3 || argc % 2 == 0)
		die("usage: nblbench-mutants SOURCE WORK [--only A,B] [--layer A,B] [--sample N] "
		    "[--seed S]");
	source = argv[1];
	work = argv[2];
	/* For run: a path may have anything in it. */
	setenv("SOURCE", source, 1);
	setenv("WORK", work, 1);
	for (int i = 3; i < argc; i += 2) {
		if (strcmp(argv[i], "--only") == 0)
			only = argv[i + 1];
		else if (strcmp(argv[i], "--layer") == 0)
			layers = argv[i + 1];
		else if (strcmp(argv[i], "--sample") == 0)
			sample = number(argv[i], argv[i + 1], 1);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = number(argv[i], argv[i + 1], 0);
		else
			die("'%s' is no option; there are --only, --layer, --sample and --seed",
				argv[i]);
	}
	snprintf(path, sizeof(path), "%s/stress/mutant/mutants.txt", source);
	char *text = read_file(path);
	char why[PATH_BYTES];
	if (!mutants_parse(text, &mutants, why, sizeof(why)))
		die("%s: %s", path, why);
	free(text);
	if (!mutants_add_unmodified(&mutants))
		die("%s names more pools or tests, or has more rows, than there is room for", path);
	check_names(only, mutant_at, "mutant", "they stand in stress/mutant/mutants.txt");
	check_names(layers, layer_at, "layer",
		"they are test, model, perturbed, freezer, native, thread and address");
	if (mkdir(work, 0777) != 0 && errno != EEXIST)
		die("cannot make %s: %s", work, strerror(errno));
	mend();
	set_up();
	snprintf(path, sizeof(path), "%s/results/mutants.md", source);
	char *before = read_file(path);
	snprintf(path, sizeof(path), "%s/table.txt", work);
	FILE *table = fopen(path, "a+");
	if (table == NULL)
		die("cannot write %s: %s", path, strerror(errno));
	char *known = read_file(path);
	FILE *kept = layers == NULL ? table : NULL;
	uint64_t left = 0;
	for (size_t i = 0; i < mutants.count; i++)
		left += is_wanted(&mutants.of[i], only, sample != UINT64_MAX, known, before);
	uint64_t random = stress_seed(seed, 0);
	if (sample != UINT64_MAX)
		printf("%" PRIu64 " of %" PRIu64 " by --seed %" PRIu64 "\n", sample, left, seed);
	for (size_t i = 0; i < mutants.count; i++) {
		if (!is_wanted(&mutants.of[i], only, sample != UINT64_MAX, known, before))
			continue;
		/* Of those that are left, as many as are wanted, each with the same chance. */
		if (sample != UINT64_MAX && stress_random(&random) % left-- >= sample)
			continue;
		sample -= sample != UINT64_MAX;
		lives += !try_mutant(&mutants.of[i], kept);
		tried++;
	}
	fclose(table);
	free(known);
	write_page(&mutants, path, before);
	free(before);
	printf("%" PRIu32 " mutants tried, %" PRIu32 " live that should not; all rows: %s\n", tried,
		lives, path);
	return lives == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
