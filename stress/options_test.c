/* The command line: what is right is understood, what is wrong gets a sentence and status 2. */
#include "stress/options.h"

#include "alloc/machine/cmocka.h"
#include "stress/base/child.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_S = 60, WORDS_MAX = 16, LINE_BYTES = 256 };

/* line is cut up in place. */
static struct options parse(char *line)
{
	char *argv[WORDS_MAX + 1] = {line};
	int argc = 0;
	char *rest = line;

	while (argc < WORDS_MAX && (argv[argc] = strsep(&rest, " ")) != NULL)
		argc++;
	optind = 0;
	return options_parse(argc, argv);
}

static void parse_and_exit(const void *arg)
{
	char line[LINE_BYTES];

	snprintf(line, sizeof(line), "%s", (const char *)arg);
	parse(line);
}

static void wrong_usage_is_told(NO_STATE)
{
	static const struct {
		const char *line;
		const char *sentence;
	} wrong[] = {
		{"stress --pool nosuch", "no pool and no control called 'nosuch'"},
		{"stress --pool mutex,", "--pool has an empty name"},
		{"stress --scenario nosuch", "no scenario called 'nosuch'"},
		{"stress --seconds 0", "--seconds is '0' but must be above 0"},
		{"stress --seconds -1", "--seconds is '-1'"},
		{"stress --seconds nan", "--seconds is 'nan'"},
		{"stress --seconds 1h", "--seconds is '1h'"},
		{"stress --threads 0", "--threads is '0' but must be a whole number from 1 to 256"},
		{"stress --threads 257", "--threads is '257'"},
		{"stress --threads -1", "--threads is '-1'"},
		{"stress --seed x", "--seed is 'x'"},
		{"stress --seed 18446744073709551616", "--seed is '18446744073709551616'"},
		{"stress --seed", "'--seed' is no option, or lacks its value"},
		{"stress --json out", "--json is written by who starts the layers"},
		{"stress --soak 8", "--soak is '8' but must be a time as 90s, 30m or 8h"},
		{"stress --soak -1h", "--soak is '-1h'"},
		{"stress --soak 721h", "and at most 720h"},
		{"stress --soak 1hh", "--soak is '1hh'"},
		{"stress --soak 1h", "--soak is for who starts the layers"},
		{"stress --soak 1h --in-process --program native=/x", "--in-process ends with it"},
		{"stress --program native", "--program wants NAME=PATH"},
		{"stress --program nosuch=/x", "got 'nosuch'"},
		{"stress --nosuch", "'--nosuch' is no option"},
		{"stress mutex", "'mutex' is not an option"},
	};
	static struct child child;

	for (size_t i = 0; i < array_count(wrong); i++) {
		assert_int_equal(child_run(parse_and_exit, wrong[i].line, LIMIT_S, &child), 0);
		assert_int_equal(child.end, CHILD_FAILED);
		if (strstr(child.sentence, "exit status 2: nblbench stress: ") == NULL ||
			strstr(child.sentence, wrong[i].sentence) == NULL)
			fail_msg("'%s' says: %s", wrong[i].line, child.sentence);
	}
}

static void defaults_hold(NO_STATE)
{
	char line[] = "stress";
	struct options options = parse(line);

	assert_true(options.seconds == 1);
	assert_in_range(options.threads, 4, 16);
	assert_true(options_chosen(&options.pools, "any"));
	assert_true(options_chosen(&options.scenarios, "any"));
}

static void lists_and_numbers_are_understood(NO_STATE)
{
	char line[] = "stress --pool mutex,crashes --scenario churn --seconds 0.5 --threads 256 "
		      "--seed 0xff";
	struct options options = parse(line);

	assert_true(options_chosen(&options.pools, "mutex"));
	assert_true(options_chosen(&options.pools, "crashes"));
	assert_false(options_chosen(&options.pools, "plain"));
	assert_true(options_chosen(&options.scenarios, "churn"));
	assert_false(options_chosen(&options.scenarios, "fork"));
	assert_true(options.seconds == 0.5);
	assert_int_equal(options.threads, 256);
	assert_int_equal(options.seed, 0xff);
}

static void list_names_everything(NO_STATE)
{
	static struct child child;

	assert_int_equal(child_run(parse_and_exit, "stress --list", LIMIT_S, &child), 0);
	assert_int_equal(child.end, CHILD_PASSED);
	for (size_t i = 0; pools[i] != NULL; i++)
		assert_non_null(strstr(child.output, pools[i]->name));
	for (size_t i = 0; scenarios[i] != NULL; i++)
		assert_non_null(strstr(child.output, scenarios[i]->name));
	for (size_t i = 0; controls[i] != NULL; i++)
		assert_non_null(strstr(child.output, controls[i]->ops->name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_usage_is_told),
		cmocka_unit_test(defaults_hold),
		cmocka_unit_test(lists_and_numbers_are_understood),
		cmocka_unit_test(list_names_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
