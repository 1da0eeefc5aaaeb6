/*
 * `nblbench compare A B`: the same cells in two stores, and whether B is slower.
 *
 * The runs were not interleaved, so what differs between two moments is in the figures: how steady each
 * store's machine was and how the fingerprints differ are said before any other number, no verdict is
 * finer than the larger of the two noise floors, and what runs vary by is estimated from the rows of a
 * cell (between.h). All verdicts are made together.
 */
#include "bench/analysis/comparison.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/report/compared.h"
#include "bench/report/file.h"
#include "bench/report/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_REGRESSED = 4 };

static const struct {
	const char *name;
	file_print *print;
} formats[] = {{"text", compared_text}, {"brief", compared_brief}, {"md", compared_markdown},
	{"html", compared_html}, {"junit", compared_junit}, {NULL, NULL}};

static const char *known_format(size_t i)
{
	return formats[i].name;
}

struct compare_request {
	const char *fail_if, *measure, *format, *out;
	bool across_machines;
};

static const struct options_entry entries[] = {
	OPTION(TEXT, struct compare_request, measure, "measure", 0, "WHAT",
		"time, of a unit; or p50, p99, p99.9 or max, of the times of calls."),
	OPTION(TEXT, struct compare_request, fail_if, "fail-if", 0, "'ratio<R'",
		"exit 4 if for some row the ratio of speeds, B / A, is below R (or above: "
		"'ratio>R') and the verdict is faster or slower, or if B breaks where A ran. Of a "
		"hundred pairs of runs of one program at most one fails"),
	OPTION(TEXT, struct compare_request, format, "format", 'f', "NAME",
		"text, brief (text without the rows), md, html (a page), or junit (for CI: a case "
		"a row, which fails where --fail-if holds)."),
	OPTION(TEXT, struct compare_request, out, "out", 'o', "FILE",
		"the file to write. [standard output]"),
	OPTION(FLAG, struct compare_request, across_machines, "across-machines", 0, NULL,
		"compare stores of different machines, which is refused else: their ratios are "
		"between machines"),
};

static const struct options options = {
	.command = "compare",
	.operands = "A.db B.db",
	.operands_least = 2,
	.operands_most = 2,
	.summary =
		"Compares two stores, cell by cell and strategy by strategy, as text, as Markdown "
		"or as "
		"a page. Says first how "
		"steady their machines were and how their environments differ. The ratio is one "
		"of speeds, B / A: below 1, B is slower. The runs were not interleaved: what runs "
		"vary by is estimated from the rows of a cell, most of which will not have "
		"changed, so that a cell of few rows decides nothing. To measure a change, measure "
		"both builds in one sweep.",
	.closing = "Exit status: 0 done, 1 a store can't be read or there is nothing to compare, 2 "
		   "usage, 4 the condition of --fail-if holds.",
	.count = sizeof(entries) / sizeof(entries[0]),
	.entry = entries,
};

/* What was asked for, beyond the stores; false after a sentence. */
static bool understand(const struct compare_request *request,
	struct comparison_condition *condition, size_t *metric, size_t *format)
{
	if (request->fail_if != NULL && !comparison_condition_read(request->fail_if, condition)) {
		fprintf(stderr,
			"nblbench compare: --fail-if takes a condition like 'ratio<0.97' or "
			"'ratio>=1.5', with a number above 0; '%s' is none\n",
			request->fail_if);
		return false;
	}
	*metric = options_find(request->measure, metric_name);
	if (*metric != METRIC_TIME && (*metric < METRIC_P50 || *metric > METRIC_MAX)) {
		fprintf(stderr,
			"nblbench compare: --measure is time, p50, p99, p99.9 or max, and not "
			"'%s'\n",
			request->measure);
		return false;
	}
	*format = options_find(request->format, known_format);
	if (known_format(*format) == NULL) {
		fprintf(stderr,
			"nblbench compare: --format is text, brief, md, html or junit, and not "
			"'%s'\n",
			request->format);
		return false;
	}
	return true;
}

/* The document, and an exit status. */
static int print(const struct compared *compared, size_t format, const char *out)
{
	const struct comparison *c = compared->comparison;

	if (out == NULL) {
		formats[format].print(compared, stdout);
		if (fflush(stdout) != 0 || ferror(stdout)) {
			perror("nblbench compare: the result can't be printed");
			return COMMAND_FAILED;
		}
	} else if (file_write(out, formats[format].print, compared) != 0) {
		fprintf(stderr, "nblbench compare: '%s' can't be written: %s.\n", out,
			strerror(errno));
		return COMMAND_FAILED;
	} else {
		char text[ANALYSIS_SENTENCE_BYTES];

		comparison_tell(c, text);
		printf("%s\n%s\n", text, out);
	}
	return c->fails > 0 ? STATUS_REGRESSED : COMMAND_OK;
}

static int compare(
	const struct compare_request *request, const struct compared *compared, size_t format)
{
	const struct comparison *c = compared->comparison;

	if (!c->same_machine && !request->across_machines) {
		fprintf(stderr, "nblbench compare: A and B are of different machines, so their "
				"ratios say nothing of the designs; --across-machines shows them "
				"all the same. What differs:\n");
		for (size_t i = 0; i < c->difference_count; i++)
			compared_difference(&c->differences[i], stderr);
		return COMMAND_FAILED;
	}

	const int status = print(compared, format, request->out);

	if (status == COMMAND_FAILED || c->pairs > 0 || c->fails > 0)
		return status;
	fprintf(stderr, "nblbench compare: there is nothing to compare: no strategy has what is "
			"compared in a cell of both stores.\n");
	return COMMAND_FAILED;
}

static int run_compare(int argc, char **argv)
{
	struct compare_request request = {.measure = "time", .format = "text"};
	struct comparison_condition condition = {0};
	struct analysis *stores[2] = {NULL, NULL};
	char why[REPORT_WHY_BYTES];
	size_t metric, format;
	int operand, status;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (!understand(&request, &condition, &metric, &format))
		return COMMAND_USAGE;
	status = COMMAND_OK;
	for (int i = 0; i < 2 && status == COMMAND_OK; i++) {
		if (analysis_read(argv[operand + i], NULL, &stores[i], why, sizeof(why)) != 0) {
			fprintf(stderr, "nblbench compare: %s\n", why);
			status = COMMAND_FAILED;
		}
	}
	if (status == COMMAND_OK) {
		struct comparison c;
		const struct compared compared = {.comparison = &c,
			.stores = {argv[operand], argv[operand + 1]},
			.measure = request.measure,
			.condition = request.fail_if};

		comparison_make(&c, stores[0], stores[1], (enum metric)metric, &condition);
		status = compare(&request, &compared, format);
		comparison_free(&c);
	}
	analysis_free(stores[0]);
	analysis_free(stores[1]);
	return status;
}

const struct command command_compare = {
	.name = "compare",
	.summary = "compare two stores; an exit status for CI",
	.run = run_compare,
};
