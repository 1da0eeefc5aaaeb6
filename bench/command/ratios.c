/*
 * `nblbench ratios`: what was wanted of the designs, against what stores say, as Markdown: a row a target.
 * The answers stand in results/README.md, between two comments, as they are printed: no figure there was typed.
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

/* A text that may hold anything. */
static void print_text(const char *before, const char *text)
{
	fputs(before, stdout);
	markdown_text(stdout, text);
}

/* "0.780 ns", "2.56 G/s", "17"; and "1.67 [1.65, 1.69]", of a difference with its unit. */
static void print_figures(const struct ratio_target *t, const struct ratio_result *r)
{
	struct number (*const figure)(double) = t->sign == '/' ? number_ratio : number_plain;
	const struct stats_estimate *e = &r->estimate;

	for (int side = 0; side < 2 && r->cell[side] != NULL; side++) {
		fputs(side == 0 ? " | " : ", ", stdout);
		if (t->measure == METRIC_FAILED)
			printf("%.0f", r->value[side]);
		else if (t->measure == METRIC_RATE)
			printf("%s/s", number_rate(r->value[side]).text);
		else
			printf("%s%s", number_plain(r->value[side]).text,
				t->measure == METRIC_P99_P50 ? "" : " ns");
	}
	if (t->measure == METRIC_FAILED)
		printf(" | %.0f failed", e->point);
	else if (!isfinite(e->lo) || !isfinite(e->hi))
		printf(" | %s [no interval]", figure(e->point).text);
	else
		printf(" | %s [%s, %s]%s", figure(e->point).text, figure(e->lo).text,
			figure(e->hi).text, ratio_is_in_ns(t) ? " ns" : "");
	fputs(r->all_used ? " (flagged slices too)" : "", stdout);
}

static void print_answer(const struct ratio_target *t, const struct ratio_result *r)
{
	static const char *const verdicts[] = {
		"met", "missed", "undecided", "-", "absent", "at the clock's floor"};
	const double point = r->estimate.point;

	print_text("| ", t->title);
	if (r->verdict == RATIO_ABSENT) {
		print_text(" | ", r->why);
		fputs(" | | |", stdout);
	} else {
		print_text(" | ", r->rows[0]);
		if (t->sign != '\0')
			printf(" %c ", t->sign);
		print_text("", r->rows[1]);
		print_text(" | ", r->cell[0]);
		if (r->cell[1] != NULL && r->cell[1] != r->cell[0])
			print_text("; ", r->cell[1]);
		print_figures(t, r);
	}
	printf(" | %s | %s", *t->want == '\0' ? "-" : t->want, verdicts[r->verdict]);
	if (r->verdict == RATIO_MISSED && ratio_is_in_ns(t))
		printf(" by %s ns", number_plain(fabs(point - t->wanted)).text);
	else if (r->verdict == RATIO_MISSED && t->measure != METRIC_FAILED)
		printf(" by %s",
			number_percent((t->sign == '/' ? point : log(point)) - log(t->wanted))
				.text);
	puts(" |");
}

static void answer_all(
	const struct ratio_target *targets, size_t count, const struct ratio_stores *stores)
{
	size_t tally[RATIO_AT_FLOOR + 1] = {0};
	char text[ANALYSIS_SENTENCE_BYTES];

	for (size_t i = 0; i < count; i++) {
		const struct ratio_target *t = &targets[i];
		struct ratio_result result;

		ratio_evaluate(t, stores, &result);
		tally[*t->want == '\0' ? RATIO_SHOWN : result.verdict]++;
		if (i == 0 || strcmp(t->heading, targets[i - 1].heading) != 0) {
			fputs(i == 0 ? "" : "\n", stdout);
			if (*t->heading != '\0') {
				print_text("**", t->heading);
				puts("**\n");
			}
			puts("| what | rows | in | each | ratio or difference, 95 % | wanted | "
			     "verdict |\n"
			     "|---|---|---|--:|--:|--:|---|");
		}
		print_answer(t, &result);
	}
	if (tally[RATIO_SHOWN] == count)
		printf("\nNone is a target.");
	else
		printf("\nOf %zu targets %zu are met, %zu at the clock's floor, %zu missed, %zu "
		       "undecided and %zu absent.",
			count - tally[RATIO_SHOWN], tally[RATIO_MET], tally[RATIO_AT_FLOOR],
			tally[RATIO_MISSED], tally[RATIO_UNDECIDED], tally[RATIO_ABSENT]);
	for (size_t i = 0; i < stores->count; i++) {
		drift_tell(stores->item[i], text);
		printf(" `%s`: %s", stores->item[i]->store, text);
	}
	puts("");
}

static const struct options options = {
	.command = "ratios",
	.operands = "FILE STORE...",
	.operands_least = 2,
	.operands_most = 1 + STORES_MAX,
	.summary = "Ratios and differences between rows of result stores, each with its 95 % "
		   "interval, against what was wanted: met, missed, undecided, or absent from the "
		   "stores, in Markdown tables. Both sides come from one store. FILE has the "
		   "targets, such as results/targets.ini; - is the standard input. Below the "
		   "options is one to start from. Exit status: 0 whatever was missed, 1 a store or "
		   "file can't be read, 2 usage.",
	.closing = ratios_ini,
};

static int run_ratios(int argc, char **argv)
{
	struct analysis *read[STORES_MAX];
	struct ratio_stores stores = {.item = read};
	AUTO_FREE struct ratio_target *targets = NULL;
	char why[RATIO_WHY_BYTES];
	size_t count = 0;
	int operand, status, error = 0;

	if (!options_parse(&options, argc, argv, NULL, &operand, &status))
		return status;

	const char *path = strcmp(argv[operand], "-") == 0 ? "/dev/stdin" : argv[operand];

	while (++operand < argc && error == 0) {
		error = analysis_read_raw(argv[operand], &read[stores.count], why, sizeof(why));
		stores.count += error == 0 ? 1 : 0;
	}
	if (error == 0)
		error = ratio_read(path, &stores, &targets, &count, why);
	if (error != 0)
		fprintf(stderr, "nblbench ratios: %s\n", why);
	else
		answer_all(targets, count, &stores);
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
