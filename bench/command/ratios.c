/*
 * `nblbench ratios`: what was wanted of the designs, against what a store says. The answers stand in
 * results/README.md, between two comments, as this command prints them: no figure there was typed.
 */
#include "bench/analysis/drift.h"
#include "bench/analysis/ratio.h"
#include "bench/base/auto_free.h"
#include "bench/base/number.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/command/ratios.ini.h"
#include "bench/report/escape.h"
#include "bench/report/report.h"

#include <errno.h>
#include <math.h>

enum { STORES_MAX = 256 };

/* What stands before each column, and behind the last: of a few lines for a terminal, of a Markdown table. */
enum { WHAT, ROWS, IN, EACH, FIGURE, WANTED, VERDICT, END, MARKS };
static const char *const marks[2][MARKS] = {
	{"  ", "\n      ", " @ ", ": ", "\n      ", "  ", "  ", "\n"},
	{"| ", " | ", " | ", " | ", " | ", " | ", " | ", " |\n"},
};

/* A text that may hold anything. */
static void print_text(const char *before, const char *text, bool markdown)
{
	fputs(before, stdout);
	if (markdown)
		markdown_text(stdout, text);
	else
		fputs(text, stdout);
}

/* "0.780 ns", "2.56 G/s", "17"; and "1.67 [1.65, 1.69]", of a difference with its unit. */
static void print_figures(
	const struct ratio_target *t, const struct ratio_result *r, const char *const *mark)
{
	struct number (*const figure)(double) = t->sign == '/' ? number_ratio : number_plain;
	const struct stats_estimate *e = &r->estimate;

	for (int side = 0; side < 2 && r->cell[side] != NULL; side++) {
		fputs(side == 0 ? mark[EACH] : ", ", stdout);
		if (t->measure == METRIC_FAILED)
			printf("%.0f", r->value[side]);
		else if (t->measure == METRIC_RATE)
			printf("%s/s", number_rate(r->value[side]).text);
		else
			printf("%s%s", number_plain(r->value[side]).text,
				t->measure == METRIC_P99_P50 ? "" : " ns");
	}
	fputs(mark[FIGURE], stdout);
	if (t->measure == METRIC_FAILED)
		printf("%.0f failed", e->point);
	else if (!isfinite(e->lo) || !isfinite(e->hi))
		printf("%s [no interval]", figure(e->point).text);
	else
		printf("%s [%s, %s]%s", figure(e->point).text, figure(e->lo).text,
			figure(e->hi).text, ratio_is_in_ns(t) ? " ns" : "");
	fputs(r->all_used ? " (flagged slices too)" : "", stdout);
}

static void print_answer(const struct ratio_target *t, const struct ratio_result *r, bool markdown)
{
	static const char *const verdicts[] = {"met", "missed", "undecided", "-", "absent"};
	const char *const *mark = marks[markdown];
	const double point = r->estimate.point;

	print_text(mark[WHAT], t->title, markdown);
	if (r->verdict == RATIO_ABSENT) {
		print_text(mark[ROWS], r->why, markdown);
		fputs(markdown ? " | | |" : "", stdout);
	} else {
		print_text(mark[ROWS], r->rows[0], markdown);
		if (t->sign != '\0')
			printf(" %c ", t->sign);
		print_text("", r->rows[1], markdown);
		print_text(mark[IN], r->cell[0], markdown);
		if (r->cell[1] != NULL && r->cell[1] != r->cell[0])
			print_text("; ", r->cell[1], markdown);
		print_figures(t, r, mark);
	}
	printf("%s%s%s%s", mark[WANTED], *t->want == '\0' ? "-" : t->want, mark[VERDICT],
		verdicts[r->verdict]);
	if (r->verdict == RATIO_MISSED && ratio_is_in_ns(t))
		printf(" by %s ns", number_plain(fabs(point - t->wanted)).text);
	else if (r->verdict == RATIO_MISSED && t->measure != METRIC_FAILED)
		printf(" by %s",
			number_percent((t->sign == '/' ? point : log(point)) - log(t->wanted))
				.text);
	fputs(mark[END], stdout);
}

static void print_heading(const char *text, bool markdown)
{
	if (*text != '\0') {
		print_text(markdown ? "**" : "", text, markdown);
		puts(markdown ? "**\n" : "");
	}
	if (markdown)
		puts("| what | rows | in | each | ratio or difference, 95 % | wanted | verdict |\n"
		     "|---|---|---|--:|--:|--:|---|");
}

static void answer_all(const struct ratio_target *targets, size_t count,
	const struct ratio_stores *stores, bool markdown)
{
	size_t tally[RATIO_ABSENT + 1] = {0}, bounded = 0;
	char text[ANALYSIS_SENTENCE_BYTES];

	for (size_t i = 0; i < count; i++) {
		const struct ratio_target *t = &targets[i];
		struct ratio_result result;

		ratio_evaluate(t, stores, &result);
		bounded += *t->want != '\0';
		tally[result.verdict] += *t->want != '\0';
		if (i == 0 || strcmp(t->heading, targets[i - 1].heading) != 0) {
			fputs(i == 0 ? "" : "\n", stdout);
			print_heading(t->heading, markdown);
		}
		print_answer(t, &result, markdown);
	}
	printf("\nOf %zu targets %zu are met, %zu missed, %zu undecided and %zu absent.", bounded,
		tally[RATIO_MET], tally[RATIO_MISSED], tally[RATIO_UNDECIDED], tally[RATIO_ABSENT]);
	for (size_t i = 0; i < stores->count; i++) {
		printf(markdown ? " `%s`" : "\n%s", stores->item[i]->store);
		drift_tell(stores->item[i], text);
		printf(": %s", text);
	}
	puts("");
}

struct request {
	const char *of;
	struct options_names format;
};

static const char *known_format(size_t i)
{
	return i == 0 ? "text" : i == 1 ? "md" : NULL;
}

static const struct options_entry entries[] = {
	OPTION(TEXT, struct request, of, "of", 0, "FILE",
		"a file of targets, such as results/targets.ini; - is the standard input"),
	OPTION(NAMES, struct request, format, "format", 'f', "F",
		"text, or md for a Markdown table. [text]", .known = known_format,
		.noun = "format"),
};

static const struct options options = {
	.command = "ratios",
	.operands = "STORE...",
	.operands_least = 1,
	.operands_most = STORES_MAX,
	.summary = "Ratios and differences between rows of result stores, each with its 95 % "
		   "interval, against what was wanted: met, missed, undecided, or absent from the "
		   "stores. Both sides come from one store. Below the options is a file of "
		   "targets. Exit status: 0 whatever was missed, 1 a store or file can't be read, "
		   "2 usage.",
	.closing = ratios_ini,
	.count = sizeof(entries) / sizeof(entries[0]),
	.entry = entries,
};

static int run_ratios(int argc, char **argv)
{
	struct request request = {.of = NULL};
	struct analysis *read[STORES_MAX];
	struct ratio_stores stores = {.item = read};
	AUTO_FREE struct ratio_target *targets = NULL;
	char why[RATIO_WHY_BYTES];
	size_t count = 0;
	int operand, status, error = 0;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (request.of == NULL) {
		fputs("nblbench ratios: name a file of targets with --of; --help shows one\n",
			stderr);
		return COMMAND_USAGE;
	}

	const char *name = strcmp(request.of, "-") == 0 ? "/dev/stdin" : request.of;
	FILE *in = fopen(name, "r");

	if (in == NULL) {
		fprintf(stderr, "nblbench ratios: %s: %s\n", name, strerror(errno));
		return COMMAND_FAILED;
	}
	for (; operand < argc && error == 0; operand++) {
		error = analysis_read_raw(argv[operand], &read[stores.count], why, sizeof(why));
		stores.count += error == 0 ? 1 : 0;
	}
	if (error == 0)
		error = ratio_read(in, name, &stores, &targets, &count, why);
	fclose(in);
	if (error != 0)
		fprintf(stderr, "nblbench ratios: %s\n", why);
	else
		answer_all(targets, count, &stores,
			request.format.count > 0 && strcmp(request.format.item[0], "md") == 0);
	while (stores.count > 0)
		analysis_free(read[--stores.count]);
	if (error == -EINVAL)
		return COMMAND_USAGE;
	return error == 0 && fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_ratios = {
	.name = "ratios",
	.summary = "ratios between rows of a store, against what was wanted",
	.run = run_ratios,
};
