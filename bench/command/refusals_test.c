/*
 * `nblbench refusals` from outside: every row of the table is timed in a library that refuses, and one
 * that doesn't is told. Run as `refusals_test PROGRAM BUILD CONTROL`, the folders of this build's library
 * and of refusals_control.c's.
 */
#include "alloc/machine/cmocka.h"
#include "alloc/ndis/misuse_acts.h"
#include "bench/base/status.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { OUTPUT_BYTES = 1 << 16 };

static char said[OUTPUT_BYTES];

/* Runs the command with these options; $BUILD and $CONTROL are the folders. */
static void run(const char *arguments, int status)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "\"$N\" refusals --slice-ms 0.1 %s 2>&1", arguments);
	FILE *shell = popen(command, "re");
	assert_non_null(shell);
	said[fread(said, 1, sizeof(said) - 1, shell)] = '\0';
	const int ended = pclose(shell);
	if (!WIFEXITED(ended) || WEXITSTATUS(ended) != status)
		fail_msg("%s: wait status %#x; it said: %s", command, ended, said);
}

static void says(const char *piece)
{
	if (strstr(said, piece) == NULL)
		fail_msg("it does not say '%s' but: %s", piece, said);
}

/* Three forks, so that there are intervals. */
static void every_row_is_timed(NO_STATE)
{
	run("--forks 3 --blocks 1", COMMAND_OK);
	for (size_t r = 0; r < sizeof(misuse_rows) / sizeof(misuse_rows[0]); r++) {
		const struct misuse_row *row = &misuse_rows[r];
		char text[256];

		snprintf(text, sizeof(text),
			row->no_act == NULL ? "| %s | " : "Not timed: %s: ", row->text);
		says(text);
	}
	for (size_t i = 0; misuse_act(i) != NULL; i++) {
		char text[64];
		double ordinary, verify;

		snprintf(text, sizeof(text), "| %s | ", misuse_act(i)->name);
		for (char *c = text; *c != '\0'; c++)
			*c = *c == '_' ? ' ' : *c;
		says(text);
		/* "| 512 [500, 520] | 530 [520, 540] | 400 |", or "| - | 530 ..." */
		const char *figures = strstr(said, text) + strlen(text);
		const int n = sscanf(figures, "%lf [%*f, %*f] | %lf [", &ordinary, &verify);
		if (misuse_act(i)->traits & NEEDS_CHECKS)
			assert_int_equal(sscanf(figures, "- | %lf [", &verify), 1);
		else
			assert_int_equal(n, 2);
		assert_true(verify > 1); /* no call is refused in a nanosecond */
	}
	assert_null(strstr(said, "Not refused"));
	assert_null(strstr(said, "nan"));
}

static void two_builds_are_compared(NO_STATE)
{
	run("--forks 3 --blocks 1 --against \"$BUILD\"", COMMAND_OK);
	says("| this / other |");
	says(" refusals ");
	says(" equivalent and ");
	assert_null(strstr(said, "Not refused"));
}

/* Each control of refusals_control.c, and nothing else. */
static void what_is_not_refused_is_told(NO_STATE)
{
	unsigned told = 0;

	run("--forks 1 --blocks 1 --against \"$CONTROL\"", COMMAND_FAILED);
	says("in the other build, no_reference of ordinary pools is accepted.");
	says("in the other build, no_reference of verify pools is accepted.");
	says("in the other build, partial_mdl_outside of ordinary pools is refused as embedded-nb "
	     "by IoBuildPartialMdl.");
	says("in the other build, pool_outstanding of ordinary pools is refused ");
	for (const char *p = said; (p = strstr(p, "Not refused as it should be: ")) != NULL; p++) {
		told++;
		assert_non_null(strstr(p, "in the other build"));
	}
	/* Two kinds of pool: a reference, four of data, and pools of NBLs and of NBs. */
	assert_int_equal(told, 2 * (1 + 4 + 2));
}

static void what_is_no_library_is_refused(NO_STATE)
{
	run("--against /dev", COMMAND_USAGE);
	says("--against: there is no libnblbench.so");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_timed),
		cmocka_unit_test(two_builds_are_compared),
		cmocka_unit_test(what_is_not_refused_is_told),
		cmocka_unit_test(what_is_no_library_is_refused),
	};

	if (argc != 4) {
		fprintf(stderr, "usage: refusals_test PROGRAM BUILD CONTROL\n");
		return COMMAND_USAGE;
	}
	setenv("N", argv[1], 1);
	setenv("BUILD", argv[2], 1);
	setenv("CONTROL", argv[3], 1);
	return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
