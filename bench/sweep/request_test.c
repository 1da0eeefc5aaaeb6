/* Requests: the command line, jobs, what a store keeps of them, and where results go. */
#include "bench/sweep/request.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 16 };

/* A command line; the request points into its words. */
struct line {
	int argc;
	char *argv[WORDS_MAX];
	char text[512];
	struct request request;
};

static void parse(struct line *line, const char *text)
{
	int status;

	*line = (struct line){.request.plan.seed = 1};
	snprintf(line->text, sizeof(line->text), "sweep %s", text);
	for (char *word = strtok(line->text, " "); word != NULL; word = strtok(NULL, " "))
		line->argv[line->argc++] = word;
	assert_true(request_parse(line->argc, line->argv, &line->request, &status));
}

static void command_keeps_no_path(NO_STATE)
{
	static const char *const forms[][2] = {
		{"--out out", "--out DIR"},
		{"--out=out", "--out=DIR"},
		{"-o out", "-o DIR"},
		{"-oout", "-oDIR"},
		{"--out out --store out/sweep.db", "--out DIR --store FILE"},
		{"--against ../before --out=out", "--against TREE --out=DIR"},
		{"--pool mutex --threads 1..4*2", "--pool mutex --threads '1..4*2'"},
	};

	for (size_t i = 0; i < array_count(forms); i++) {
		char command[REQUEST_COMMAND_BYTES], want[REQUEST_COMMAND_BYTES];
		static struct line line;

		parse(&line, forms[i][0]);
		request_command(line.argc, line.argv, &line.request, command);
		snprintf(want, sizeof(want), "nblbench sweep %s", forms[i][1]);
		assert_string_equal(command, want);
		request_drop(&line.request);
	}
}

static void results_have_a_place(NO_STATE)
{
	static const char *const forms[][3] = {
		{"--quick", "nblbench-out/quick", "nblbench-out/quick/sweep.db"},
		{"--job standard --forks 2", "nblbench-out/standard",
			"nblbench-out/standard/sweep.db"},
		{"", "nblbench-out/full", "nblbench-out/full/sweep.db"},
		{"--pool mutex", "nblbench-out/custom-12345678",
			"nblbench-out/custom-12345678/sweep.db"},
		{"--quick --threads 1", "nblbench-out/custom-12345678",
			"nblbench-out/custom-12345678/sweep.db"},
		{"--out a", "a", "a/sweep.db"},
		{"--store b/c.db", "b", "b/c.db"},
		{"--out a --store b/c.db", "a", "b/c.db"},
	};

	for (size_t i = 0; i < array_count(forms); i++) {
		char out[PATH_MAX], store[PATH_MAX];
		static struct line line;
		static struct plan plan = {.digest = "123456789"};

		parse(&line, forms[i][0]);
		assert_true(request_paths(&line.request, &plan, out, store));
		assert_string_equal(out, forms[i][1]);
		assert_string_equal(store, forms[i][2]);
		request_drop(&line.request);
	}
}

/*
 * Jobs.
 */

static char path[] = "/tmp/request_test.XXXXXX";

/* Parses a line beside a file, which %s in it names, and returns what was said. */
static const char *parse_file(struct line *line, const char *words, const char *text)
{
	static char said[4096];
	char whole[512];
	FILE *out = fopen(path, "w");
	FILE *caught = tmpfile();
	const int saved = dup(STDERR_FILENO);

	assert_true(out != NULL && caught != NULL);
	fputs(text, out);
	fclose(out);
	snprintf(whole, sizeof(whole), "--job %s %s", path, words);
	dup2(fileno(caught), STDERR_FILENO);
	parse(line, whole);
	dup2(saved, STDERR_FILENO);
	close(saved);
	const ssize_t got = pread(fileno(caught), said, sizeof(said) - 1, 0);
	said[got > 0 ? got : 0] = '\0';
	fclose(caught);
	return said;
}

/* A value that the option takes. */
static const char *some_value(const struct options_entry *option)
{
	static char text[64];

	switch (option->kind) {
	case OPTIONS_FLAG:
		return "yes";
	case OPTIONS_NAMES:
		return option->known(0);
	case OPTIONS_REAL:
		snprintf(text, sizeof(text), "%g", option->real_least);
		return text;
	case OPTIONS_COUNT:
	case OPTIONS_NUMBERS:
		snprintf(text, sizeof(text), "%ju", (uintmax_t)option->least);
		return text;
	case OPTIONS_TEXT:
	case OPTIONS_TEXTS:
		return "poisson";
	}
	return "";
}

/* Each option is a key, but for those that pick the file. */
static void every_option_is_a_key(NO_STATE)
{
	size_t keys = 0;

	for (size_t i = 0; request_option(i) != NULL; i++) {
		const struct options_entry *option = request_option(i);
		static struct line line;
		char text[256];

		snprintf(text, sizeof(text), "%s = %s\n", option->name, some_value(option));
		const char *said = parse_file(&line, "", text);

		if (strcmp(option->name, "quick") == 0 || strcmp(option->name, "job") == 0) {
			assert_non_null(strstr(said, "is for the command line"));
			assert_true(line.request.wrong);
		} else if (said[0] != '\0' || line.request.wrong) {
			fail_msg("%s%s", text, said);
		} else {
			keys++;
		}
		request_drop(&line.request);
	}
	assert_true(keys > 15);
}

static void sections_stand_over_global(NO_STATE)
{
	static const char text[] =
		"threads = 1\nforks = 7\nblocks = 8\n[a]\nworkload = pair\n[b]\n"
		"workload = burst\nthreads = 2\nburst = 4\n[global]\npool = mutex\n";
	static struct line line;
	const struct plan_request *plan = &line.request.plan;

	assert_string_equal(parse_file(&line, "--blocks 9 --burst 16", text), "");
	assert_false(line.request.wrong);
	assert_int_equal(plan->forks, 7);
	assert_int_equal(plan->blocks, 9);
	assert_int_equal(plan->pools.count, 1);
	assert_int_equal(plan->group_count, 2);
	assert_int_equal(plan->groups[0].axes.threads.item[0], 1);
	assert_int_equal(plan->groups[1].axes.threads.item[0], 2);
	assert_string_equal(plan->groups[1].axes.workloads.item[0], "burst");
	/* What the command line names holds for sections too. */
	assert_int_equal(plan->groups[1].axes.bursts.item[0], 16);
	assert_false(plan->lenient);
	request_drop(&line.request);

	/* Workloads that it names stand for all sections. */
	assert_string_equal(parse_file(&line, "--workload pair_touch", text), "");
	assert_int_equal(plan->group_count, 0);
	assert_int_equal(plan->axes.workloads.count, 1);
	assert_int_equal(plan->axes.threads.item[0], 1);
	request_drop(&line.request);
}

static void all_mistakes_of_a_job_are_told(NO_STATE)
{
	static const char text[] =
		"thread = 1\npool = mutx\nnonsense\n[a]\nthreads = 0\nforks = 2\n"
		"burst = 8\nburst = 9\njob = quick\nfresh = maybe\nno-latency=1\n";
	static const char *const pieces[] = {
		":1: there is no key 'thread'; did you mean 'threads'?\n",
		":2: pool: there is no strategy 'mutx'; did you mean 'mutex'? Known:",
		":3: a line is [HEADING], KEY = VALUE or ; COMMENT\n",
		":5: threads takes numbers, 1 to 256; 0 is not one\n",
		":6: 'forks' holds for the whole sweep: it stands under [global]\n",
		":8: 'burst' stands in this section before\n",
		":9: 'job' picks a job, which is for the command line\n",
		":10: 'fresh' holds for the whole sweep",
		":11: 'no-latency' holds for the whole sweep",
		"sweep: --forks takes a whole number, 1 to 1000; '0' is not one\n",
	};
	static struct line line;
	const char *said = parse_file(&line, "--forks 0", text);
	size_t lines = 0;

	assert_true(line.request.wrong);
	for (size_t i = 0; i < array_count(pieces); i++) {
		if (strstr(said, pieces[i]) == NULL)
			fail_msg("'%s' is missing in: %s", pieces[i], said);
	}
	for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, array_count(pieces));
	request_drop(&line.request);
}

/* A store is given away: of the file's path its name remains. */
static void command_keeps_a_jobs_name(NO_STATE)
{
	char command[REQUEST_COMMAND_BYTES], want[REQUEST_COMMAND_BYTES];
	static struct line line;

	parse_file(&line, "--out a", "");
	request_command(line.argc, line.argv, &line.request, command);
	snprintf(want, sizeof(want), "nblbench sweep --job %s --out DIR", strrchr(path, '/') + 1);
	assert_string_equal(command, want);
	request_drop(&line.request);
}

/* The plan of a job on so many CPUs; NULL: there are fewer here. */
static struct plan *plan_on(const char *words, int cpus)
{
	char why[PLAN_WHY_BYTES];
	cpu_set_t saved, narrowed;
	struct plan *plan = NULL;
	static struct line line;

	assert_int_equal(sched_getaffinity(0, sizeof(saved), &saved), 0);
	if (CPU_COUNT(&saved) < cpus)
		return NULL;
	narrowed = saved;
	for (size_t cpu = 0; CPU_COUNT(&narrowed) > cpus; cpu++)
		CPU_CLR(cpu, &narrowed);
	assert_int_equal(sched_setaffinity(0, sizeof(narrowed), &narrowed), 0);
	parse(&line, words);
	assert_false(line.request.wrong);
	if (plan_make(&line.request.plan, &plan, why) != 0)
		fail_msg("'%s' on %d CPUs: %s", words, cpus, why);
	assert_int_equal(sched_setaffinity(0, sizeof(saved), &saved), 0);
	request_drop(&line.request);
	return plan;
}

/* On as few CPUs as there may be, too. */
static void every_job_has_a_plan(NO_STATE)
{
	for (size_t i = 0; job_name(i) != NULL; i++) {
		for (int cpus = 1; cpus <= 4; cpus++) {
			char words[64];

			snprintf(words, sizeof(words), "--job %s", job_name(i));
			plan_free(plan_on(words, cpus));
		}
	}
}

static bool has_cell(const struct plan *plan, const char *label)
{
	for (size_t i = 0; i < plan->cell_count; i++) {
		if (strcmp(plan->cell[i].label, label) == 0)
			return true;
	}
	return false;
}

/*
 * On two CPUs the whole of --quick fits its minute with the report still to be written, and `standard`
 * its quarter of an hour. What nobody touches tells a driver's author nothing: quick does without.
 */
static void jobs_keep_their_time(NO_STATE)
{
	enum { CPUS = 2, QUICK_SECONDS = 50, STANDARD_SECONDS = 900 };
	struct plan *plan = plan_on("--quick", CPUS);
	int contests = 0;

	if (plan == NULL) {
		print_message("on one CPU threads take turns, for which no time is promised\n");
		skip();
	}
	assert_in_range(plan_eta_ns(plan) / 1000000000, 1, QUICK_SECONDS);
	for (size_t i = 0; i < plan->subject_count; i++)
		assert_null(plan->subject[i].pool->variant_of);
	assert_true(has_cell(plan, "pair_touch, 1 thread"));
	assert_true(has_cell(plan, "remote_free_touch 32, 2 threads"));
	for (size_t i = 0; i < plan->cell_count; i++) {
		assert_false(plan->cell[i].workload->diagnostic);
		contests |= 1 << plan->cell[i].workload->contest;
		assert_true(plan->cell[i].lead_in_ns * 10 >= plan->cell[i].slice_ns);
	}
	assert_int_equal(contests, (1 << CONTESTS) - 1);
	plan_free(plan);
	plan = plan_on("--quick --context none", CPUS);
	assert_false(has_cell(plan, "ctx_stack 32 4 deep, 2 threads"));
	plan_free(plan);
	plan = plan_on("--quick --pool mag_tls_grow", CPUS);
	assert_string_equal(plan->subject[0].name, "mag_tls_grow");
	plan_free(plan);
	plan = plan_on("--quick --pool plain", CPUS);
	assert_false(has_cell(plan, "pair_touch, 2 threads"));
	plan_free(plan);
	plan = plan_on("--job standard", CPUS);
	assert_in_range(plan_eta_ns(plan) / 1000000000, STANDARD_SECONDS / 2, STANDARD_SECONDS);
	assert_true(plan->latency);
	plan_free(plan);
}

static int set_up(NO_STATE)
{
	const int fd = mkstemp(path);

	close(fd);
	return fd < 0 ? -1 : 0;
}

static int tear_down(NO_STATE)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_keeps_no_path),
		cmocka_unit_test(results_have_a_place),
		cmocka_unit_test(every_option_is_a_key),
		cmocka_unit_test(sections_stand_over_global),
		cmocka_unit_test(all_mistakes_of_a_job_are_told),
		cmocka_unit_test(command_keeps_a_jobs_name),
		cmocka_unit_test(every_job_has_a_plan),
		cmocka_unit_test(jobs_keep_their_time),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
