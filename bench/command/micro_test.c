/*
 * `nblbench micro` as a user starts it: its JSON is what Google Benchmark's readers expect, with
 * our counters in it, and mistakes end with the statuses of every command. No figure is compared
 * with a speed.
 */
#include "alloc/machine/cmocka.h"
#include "bench/command/command.h"

#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTS_MAX = 30 };

static char out_path[] = "/tmp/nblbench-micro-XXXXXX";

/* Runs the program with arguments after "micro", up to the first NULL; its exit status. */
static int run_with(const char *const *arguments)
{
	char *argv[8] = {(char *)"nblbench", (char *)"micro"};
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		int quiet = open("/dev/null", O_WRONLY);

		dup2(quiet, STDOUT_FILENO);
		dup2(quiet, STDERR_FILENO);
		for (size_t i = 0; arguments[i] != NULL; i++)
			argv[2 + i] = (char *)(uintptr_t)arguments[i];
		execv(NBLBENCH_PROGRAM, argv);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(const char *argument)
{
	return run_with((const char *const[]){argument, NULL});
}

/*
 * The threads of a run had no CPU for as long as it measured or timed calls: it says so, or its longest
 * call took no time. It proves nothing.
 */
static bool had_no_cpu(const json_t *runs)
{
	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *one = json_array_get(runs, i);
		const char *error = json_string_value(json_object_get(one, "error_message"));
		const json_t *longest = json_object_get(one, "nbl_longest_ns");

		if (error != NULL && strcmp(error, "no work was done in the window") == 0)
			return true;
		if (longest != NULL && json_number_value(longest) == 0)
			return true;
	}
	return false;
}

/* What one start of the program writes as JSON; asserts that it is one of the library's. */
static json_t *runs_of_start(const char *filter, const char *a, const char *b, int *status)
{
	char out[64];
	char wanted[128];

	snprintf(out, sizeof(out), "--benchmark_out=%s", out_path);
	snprintf(wanted, sizeof(wanted), "--benchmark_filter=%s", filter);
	*status = run_with(
		(const char *const[]){out, wanted, "--benchmark_min_time=0.001", a, b, NULL});
	assert_int_not_equal(*status, COMMAND_USAGE);
	json_t *root = json_load_file(out_path, 0, NULL);
	assert_non_null(root);
	assert_true(
		json_is_string(json_object_get(json_object_get(root, "context"), "nbl_build_id")));
	json_t *runs = json_incref(json_object_get(root, "benchmarks"));
	assert_true(json_is_array(runs));
	json_decref(root);
	return runs;
}

/* The runs, made with up to two arguments more, of a start in which all had a CPU. */
static json_t *runs_of(const char *filter, const char *a, const char *b)
{
	int status;
	json_t *runs = runs_of_start(filter, a, b, &status);

	for (int start = 1; had_no_cpu(runs) && start < STARTS_MAX; start++) {
		json_decref(runs);
		runs = runs_of_start(filter, a, b, &status);
	}
	assert_int_equal(status, COMMAND_OK);
	return runs;
}

static void expect_run(const json_t *runs, size_t i, const char *prefix)
{
	const json_t *one = json_array_get(runs, i);
	const char *name = json_string_value(json_object_get(one, "name"));

	assert_non_null(name);
	assert_memory_equal(name, prefix, strlen(prefix));
	assert_null(json_object_get(one, "error_occurred"));
	assert_true(json_number_value(json_object_get(one, "real_time")) > 0);
	assert_true(json_number_value(json_object_get(one, "nbl_ops_per_s")) > 0);
	assert_true(json_number_value(json_object_get(one, "nbl_ns_per_op")) > 0);
	/* A thread that had no CPU for most of the window timed too few calls for a percentile. */
	const double longest = json_number_value(json_object_get(one, "nbl_longest_ns"));
	const json_t *median = json_object_get(one, "nbl_p50_ns");
	assert_true(longest > 0);
	if (median != NULL)
		assert_in_range(json_number_value(median), 1, (uint64_t)(1.04 * longest + 1));
}

static void test_one_thread(NO_STATE)
{
	if (MICRO_ABSENT)
		skip();
	json_t *runs = runs_of("^pair/plain/(table/)?t1$", NULL, NULL);
	assert_int_equal(json_array_size(runs), 2);
	expect_run(runs, 0, "pair/plain/t1");
	expect_run(runs, 1, "pair/plain/table/t1");
	json_decref(runs);
}

static void test_threads(NO_STATE)
{
	if (MICRO_ABSENT)
		skip();
	json_t *runs = runs_of("^remote_free/mutex/t2", NULL, NULL);
	assert_int_equal(json_array_size(runs), 1);
	expect_run(runs, 0, "remote_free/mutex/t2");
	json_decref(runs);
}

/* Statistics over repetitions are numbers, of counters that are 0 as well: NaN would be no JSON. */
static void test_repetitions(NO_STATE)
{
	cpu_set_t allowed;

	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	if (MICRO_ABSENT || CPU_COUNT(&allowed) < 2)
		skip();
	/* One thread a CPU: even where they are few, one gets something done. */
	json_t *runs = runs_of("^pair/mutex/t[0-9]+/", "--benchmark_repetitions=2", NULL);
	assert_int_equal(json_array_size(runs), 2 + 4); /* mean, median, stddev, cv */
	json_decref(runs);
}

/* What is asked of the objects stands in the names; what a strategy doesn't have, as the reason. */
static void test_objects(NO_STATE)
{
	if (MICRO_ABSENT)
		skip();
	json_t *runs = runs_of("^pair/(mutex|malloc)/t1/", "--align=2048", "--pages=transparent");
	assert_int_equal(json_array_size(runs), 2);
	expect_run(runs, 0, "pair/mutex/t1/align2048/transparent");
	const json_t *absent = json_array_get(runs, 1);
	assert_string_equal(json_string_value(json_object_get(absent, "name")),
		"pair/malloc/t1/align2048/transparent");
	assert_non_null(strstr(json_string_value(json_object_get(absent, "error_message")),
		"pages are transparent; malloc"));
	json_decref(runs);
}

static void test_mistakes(NO_STATE)
{
	if (MICRO_ABSENT)
		skip();
	assert_int_equal(run("--align=48"), COMMAND_USAGE);
	assert_int_equal(run("--pages=ordinary,huge"), COMMAND_USAGE);
	assert_int_equal(run("--no-such-flag"), COMMAND_USAGE);
	assert_int_equal(run("--benchmark_filter=^nothing$"), COMMAND_USAGE);
	assert_int_equal(run("--benchmark_list_tests"), COMMAND_OK);
	assert_int_equal(run("--benchmark_min_time=abc"), COMMAND_USAGE);
	/* Nobody has what was asked for: every benchmark says so, and the command fails. */
	assert_int_equal(run_with((const char *const[]){"--benchmark_filter=^pair/malloc/t1/",
				 "--pages=transparent", NULL}),
		COMMAND_FAILED);
}

/* Without the library the command is there, fails and says which package brings it. */
static void test_absent(NO_STATE)
{
	if (!MICRO_ABSENT)
		skip();
	assert_int_equal(run(NULL), COMMAND_FAILED);
}

static int set_up(NO_STATE)
{
	int fd = mkstemp(out_path);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int tear_down(NO_STATE)
{
	return unlink(out_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_thread),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_repetitions),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
