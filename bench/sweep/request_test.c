/* Requests: what a store keeps of the command, and where results go. */
#include "bench/sweep/request.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

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

	*line = (struct line){0};
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
	}
}

static void results_have_a_place(NO_STATE)
{
	static const char *const forms[][3] = {
		{"--quick", "nblbench-out/quick", "nblbench-out/quick/sweep.db"},
		{"", "nblbench-out/full", "nblbench-out/full/sweep.db"},
		{"--pool mutex", "nblbench-out/custom-12345678",
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
		plan.quick = line.request.plan.quick;
		assert_true(request_paths(&line.request, &plan, out, store));
		assert_string_equal(out, forms[i][1]);
		assert_string_equal(store, forms[i][2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_keeps_no_path),
		cmocka_unit_test(results_have_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
