/*
 * nblbench-mutants SOURCE WORK [--only A,B] [--sample N --seed S]
 *
 * Makes each mistake of mutants.txt in a copy of the tree in WORK, one at a time, builds what it
 * touches, and runs the layers, cheapest first, until one fails: the perturbed scenarios and the
 * natively compiled ones on the pools that it names, its unit tests, the freezer. A mutant that
 * lives through them fails the run, unless the list argues that it is no mistake.
 *
 * What died of what stays in WORK/table.txt, a line a mutant; a run goes on with those that the table
 * lacks. --only runs anew what it names.
 */
#include "stress/mutant/list.h"

#include "stress/stress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	COMMAND_BYTES = 4096,
	PATH_BYTES = 1024,
	LIMIT_S = 300,
	CPU_LIMIT_S = 100,
	STATUS_SKIPPED = 77,
	SENTENCE_BYTES = 160
};

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

/* Runs it in the shell; what it prints goes to WORK/log. Its exit status; a signal counts as 128. */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
	char command[COMMAND_BYTES];
	va_list args;
	size_t n = (size_t)snprintf(command, sizeof(command), "exec >'%s/log' 2>&1; ", work);

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

/* The copy, with two builds beside it. */
static void set_up(void)
{
	static const char configure[] =
		"cmake -S '%s/tree' -B '%s/%s' -G Ninja -DCMAKE_BUILD_TYPE=Mutant "
		"-DCMAKE_C_FLAGS_MUTANT='-O1 -g1' -DNBLBENCH_DEBUG=ON "
		"-DNBLBENCH_ATOMIC_BACKEND=%s";

	if (run("mkdir -p '%s/tree' && cd '%s' && cp -a -u alloc bench stress cmake CMakeLists.txt "
		"'%s/tree'",
		    work, source, work) != 0 ||
		run(configure, work, work, "perturbed", "perturb") != 0 ||
		run(configure, work, work, "native", "c11") != 0)
		die("the copy of the tree cannot be configured; see %s/log", work);
}

/* Builds programs, runs one. False: the mutant dies of it. */
static bool survives_build(const char *tree, const char *targets)
{
	return run("cmake --build '%s/%s' --target %s", work, tree, targets) == 0;
}

static bool survives_run(const char *tree, const char *program, const char *arguments)
{
	const int status = run("cd '%s/%s' && ulimit -t %d && timeout -k 5 %d %s %s", work, tree,
		CPU_LIMIT_S, LIMIT_S, program, arguments);

	return status == 0 || status == STATUS_SKIPPED;
}

static bool survives_stress(const struct mutant *mutant, const char *tree, const char *names)
{
	char arguments[COMMAND_BYTES];

	if (mutant->pools[0] == '\0')
		return true;
	snprintf(arguments, sizeof(arguments),
		"--seed 1 --threads 4 --seconds 0.3 --pool %s --scenario %s", mutant->pools, names);
	return survives_run(tree, "./nblbench-stress", arguments);
}

static bool survives_tests(const struct mutant *mutant)
{
	char names[sizeof(mutant->tests)];
	char *rest = names;
	char *name;

	snprintf(names, sizeof(names), "%s", mutant->tests);
	while ((name = strsep(&rest, ",")) != NULL) {
		char program[PATH_BYTES];

		if (*name == '\0')
			continue;
		snprintf(program, sizeof(program), "$(find . -name %s -type f)", name);
		if (!survives_build("native", name) || !survives_run("native", program, ""))
			return false;
	}
	return true;
}

/* The layer that kills it; NULL: it lives. */
static const char *killer(const struct mutant *mutant)
{
	char arguments[COMMAND_BYTES];

	snprintf(arguments, sizeof(arguments), "--pool %s", mutant->pools);
	if (!survives_build("perturbed", "nblbench-stress"))
		return "compiler";
	if (!survives_stress(mutant, "perturbed", "churn,exhaustion,handover,growth"))
		return "perturbed";
	if (!survives_tests(mutant))
		return "unit test";
	if (!survives_stress(mutant, "perturbed",
		    "conformance,trim,thread_exit,lifetime,affinity,signals,fork,nbl"))
		return "perturbed";
	if (!survives_build("native", "nblbench-stress nblbench-progress"))
		return "compiler";
	if (!survives_stress(mutant, "native", "churn,affinity,signals,handover,nbl,exhaustion"))
		return "native";
	if (!survives_run("native", "./nblbench-progress", arguments))
		return "freezer";
	return NULL;
}

/* Whether the table has the mutant's row. */
static bool is_known(const char *table, const struct mutant *mutant)
{
	const size_t n = strlen(mutant->name);

	for (const char *at = table; (at = strchr(at, '\n')) != NULL;) {
		at++;
		if (strncmp(at, mutant->name, n) == 0 && at[n] == '\t')
			return true;
	}
	return false;
}

static bool is_chosen(const char *only, const char *name)
{
	const size_t n = strlen(name);

	for (const char *at = only; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0'))
			return true;
	}
	return only == NULL;
}

/* Every name of --only is one of the list's. */
static void check_only(const struct mutants *list, const char *only)
{
	for (const char *at = only; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		const size_t n = strcspn(at, ",");
		size_t i = 0;

		while (i < list->count &&
			(strlen(list->of[i].name) != n || strncmp(list->of[i].name, at, n) != 0))
			i++;
		if (i == list->count)
			die("there is no mutant '%.*s'; they stand in stress/mutant/mutants.txt",
				(int)n, at);
	}
}

/* The first line of the log that says what failed, without tabs; "": none does. */
static void find_evidence(char *sentence, size_t bytes)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/log", work);
	char *log = read_file(path);
	const char *at = strstr(log, "FAILED");
	if (at == NULL)
		at = strstr(log, "error");
	snprintf(sentence, bytes, "%.*s", at != NULL ? (int)strcspn(at, "\n") : 0,
		at != NULL ? at : "");
	for (char *c = sentence; *c != '\0'; c++)
		*c = *c == '\t' ? ' ' : *c;
	free(log);
}

/* Tries one and adds its row to the table. False: it lives, and should not. */
static bool try_mutant(const struct mutant *mutant, FILE *table)
{
	const uint64_t start_ns = stress_now_ns();
	char marker[PATH_BYTES];
	char sentence[SENTENCE_BYTES] = "";

	snprintf(marker, sizeof(marker), "%s/mutated", work);
	write_file(marker, mutant->file);
	set_file(mutant->file, mutant);
	const char *by = killer(mutant);
	if (by != NULL)
		find_evidence(sentence, sizeof(sentence));
	set_file(mutant->file, NULL);
	unlink(marker);
	const char *verdict = by != NULL ? "killed" : mutant->argument[0] ? "equivalent" : "LIVES";
	const double seconds = (double)(stress_now_ns() - start_ns) / 1e9;
	printf("%-10s %-32s %-10s %6.1f s  %s\n", verdict, mutant->name, by != NULL ? by : "-",
		seconds, by == NULL ? mutant->argument : sentence);
	fprintf(table, "%s\t%s\t%s\t%.1f\t%s\n", mutant->name, verdict, by != NULL ? by : "-",
		seconds, by == NULL ? mutant->argument : sentence);
	fflush(NULL);
	return by != NULL || mutant->argument[0] != '\0';
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

int main(int argc, char **argv)
{
	const char *only = NULL;
	uint64_t sample = UINT64_MAX;
	uint64_t random = 1;
	char path[PATH_BYTES];
	uint32_t lives = 0, tried = 0;

	if (argc < 3 || argc % 2 == 0)
		die("usage: nblbench-mutants SOURCE WORK [--only A,B] [--sample N] [--seed S]");
	source = argv[1];
	work = argv[2];
	for (int i = 3; i < argc; i += 2) {
		char *end = argv[i + 1] + strlen(argv[i + 1]);

		if (strcmp(argv[i], "--only") == 0)
			only = argv[i + 1];
		else if (strcmp(argv[i], "--sample") == 0)
			sample = strtoull(argv[i + 1], &end, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			random = stress_seed(strtoull(argv[i + 1], &end, 10), 0);
		else
			die("'%s' is no option; there are --only, --sample and --seed", argv[i]);
		if (*end != '\0' || end == argv[i + 1])
			die("%s is '%s' but must be a whole number", argv[i], argv[i + 1]);
	}
	snprintf(path, sizeof(path), "%s/stress/mutant/mutants.txt", source);
	char *text = read_file(path);
	char why[PATH_BYTES];
	static struct mutants list;
	if (!mutants_parse(text, &list, why, sizeof(why)))
		die("%s: %s", path, why);
	check_only(&list, only);
	if (mkdir(work, 0777) != 0 && errno != EEXIST)
		die("cannot make %s: %s", work, strerror(errno));
	mend();
	set_up();
	snprintf(path, sizeof(path), "%s/table.txt", work);
	FILE *table = fopen(path, "a+");
	if (table == NULL)
		die("cannot write %s: %s", path, strerror(errno));
	fseek(table, 0, SEEK_END);
	if (ftell(table) == 0)
		fputs("mutant\tverdict\tby\tseconds\tevidence\n", table);
	fflush(table);
	char *known = read_file(path);
	for (size_t left = list.count; left > 0; left--) {
		const size_t i = list.count - left;
		const struct mutant *mutant = &list.of[i];

		if (!is_chosen(only, mutant->name) || (only == NULL && is_known(known, mutant)))
			continue;
		/* Of those that are left, as many as are wanted, each with the same chance. */
		if (sample != UINT64_MAX && stress_random(&random) % left >= sample)
			continue;
		sample -= sample != UINT64_MAX;
		lives += !try_mutant(mutant, table);
		tried++;
	}
	fclose(table);
	free(known);
	free(text);
	printf("%" PRIu32 " mutants tried, %" PRIu32 " live that should not; all rows: %s\n", tried,
		lives, path);
	return lives == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
