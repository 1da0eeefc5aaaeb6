/*
 * `nblbench ratios`: what was wanted of the designs, against what a store says. The answers stand in
 * results/README.md, between two comments, as this command prints them: no figure there was typed.
 */
#include "bench/analysis/drift.h"
#include "bench/analysis/ratio.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/command/command.h"
#include "bench/report/escape.h"
#include "bench/report/report.h"
#include "bench/report/table.h"

#include <errno.h>
#include <math.h>

/* An answer, column by column. */
enum { WHAT, ROWS, IN, EACH, FIGURE, WANTED, VERDICT, COLUMNS };
enum { LAST_OF_ANYTHING = IN }; /* up to here a column may hold any text */

struct answer {
	char text[COLUMNS][RATIO_WHY_BYTES];
};

#define PUT(column, ...) append(answer->text[column], RATIO_WHY_BYTES, __VA_ARGS__)

/* "0.780 ns", "2.56 G/s", "17"; and "1.67 [1.65, 1.69]", of a difference with its unit. */
static void put_figures(
	const struct ratio_target *t, const struct ratio_result *r, struct answer *answer)
{
	struct number (*const figure)(double) = ratio_is_over(t) ? number_ratio : number_plain;
	const struct stats_estimate *e = &r->estimate;

	for (int side = 0; side < (r->cell[1] == NULL ? 1 : 2); side++) {
		const double value = r->value[side];

		PUT(EACH, "%s", side == 0 ? "" : ", ");
		if (t->measure == RATIO_FAILED)
			PUT(EACH, "%.0f", value);
		else if (t->measure == RATIO_RATE)
			PUT(EACH, "%s/s", number_rate(value).text);
		else
			PUT(EACH, "%s%s", number_plain(value).text,
				t->measure == RATIO_P99_P50 ? "" : " ns");
	}
	if (t->measure == RATIO_FAILED)
		PUT(FIGURE, "%.0f failed", e->point);
	else if (!isfinite(e->lo) || !isfinite(e->hi))
		PUT(FIGURE, "%s [no interval]", figure(e->point).text);
	else
		PUT(FIGURE, "%s [%s, %s]%s", figure(e->point).text, figure(e->lo).text,
			figure(e->hi).text, ratio_is_in_ns(t) ? " ns" : "");
	PUT(FIGURE, "%s", r->all_used ? " (flagged slices too)" : "");
}

static void put_columns(
	const struct ratio_target *t, const struct ratio_result *r, struct answer *answer)
{
	static const char *const verdicts[] = {[RATIO_MET] = "met",
		[RATIO_MISSED] = "missed",
		[RATIO_UNDECIDED] = "undecided",
		[RATIO_SHOWN] = "-",
		[RATIO_ABSENT] = "absent"};
	const double point = r->estimate.point;

	PUT(WHAT, "%s", t->title);
	PUT(WANTED, "%s", *t->want == '\0' ? "-" : t->want);
	PUT(VERDICT, "%s", verdicts[r->verdict]);
	if (r->verdict == RATIO_ABSENT) {
		PUT(ROWS, "%s", r->why);
		return;
	}
	PUT(ROWS, "%s%s%s", r->rows[0], t->sign, r->rows[1]);
	PUT(IN, "%s", r->cell[0]);
	if (r->cell[1] != NULL && r->cell[1] != r->cell[0])
		PUT(IN, "; %s", r->cell[1]);
	put_figures(t, r, answer);
	if (r->verdict == RATIO_MISSED && ratio_is_in_ns(t))
		PUT(VERDICT, " by %s ns", number_plain(fabs(point - t->wanted)).text);
	else if (r->verdict == RATIO_MISSED && t->measure != RATIO_FAILED)
		PUT(VERDICT, " by %s",
			number_percent((ratio_is_over(t) ? point : log(point)) - log(t->wanted))
				.text);
}

/* A row of a Markdown table; or a few lines for a terminal, without what is empty. */
static void print(const struct answer *answer, bool markdown, FILE *out)
{
	static const char *const before[] = {"  ", "\n      ", " @ ", ": ", "\n      ", "  ", "  "};

	for (int i = 0; i < COLUMNS; i++) {
		const char *text = answer->text[i];

		if (markdown) {
			fputs("| ", out);
			if (i <= LAST_OF_ANYTHING)
				markdown_text(out, text);
			else
				fputs(text, out);
			fputs(*text == '\0' ? "" : " ", out);
		} else if (*text != '\0') {
			fprintf(out, "%s%s", before[i], text);
		}
	}
	fputs(markdown ? "|\n" : "\n", out);
}

static void print_heading(const char *text, bool markdown, FILE *out)
{
	static const char head[] =
		"| what | rows | in | each | ratio or difference, 95 % | wanted | verdict |\n"
		"|---|---|---|--:|--:|--:|---|\n";

	if (*text != '\0' && markdown) {
		fputs("**", out);
		markdown_text(out, text);
		fputs("**\n\n", out);
	} else if (*text != '\0') {
		fprintf(out, "%s\n", text);
	}
	fputs(markdown ? head : "", out);
}

/*
 * How steady the machine was: from fork to fork, and when the sweep was started, by the grade of its
 * quiet, its load over 1, 5 and 15 minutes and its CPU pressure, as the system words them. No figure
 * is to be read without them.
 */
static void put_store(const struct analysis *s, const char *quote, FILE *out)
{
	size_t forks = s->cell_count == 0 ? 0 : SIZE_MAX, cell = 0;
	const struct drift drift = drift_worst(s, &cell);
	const struct analysis_machine *m = s->machines;

	for (size_t c = 0; c < s->cell_count; c++)
		forks = s->cells[c].forks < forks ? s->cells[c].forks : forks;
	fprintf(out, " %s%s%s: source %s, %zu forks a cell%s", quote, s->store, quote,
		s->source_revision, forks, s->preliminary ? ", which is preliminary" : "");
	if (s->machine_count > 0)
		fprintf(out, "; at its %sstart noise grade %s",
			s->machine_count > 1 ? "first " : "", m->grade);
	for (size_t i = 0; s->machine_count > 0 && i < m->value_count; i++) {
		const struct analysis_value *v = &m->values[i];
		int length = (int)strlen(v->value);

		if (strcmp(v->name, "load") == 0) /* behind it: tasks and the last process */
			sscanf(v->value, "%*s %*s %*s%n", &length);
		else if (strcmp(v->name, "cpu pressure") == 0) /* behind it: a sum since the boot */
			sscanf(v->value, "%*s %*s %*s %*s%n", &length);
		else
			continue;
		fprintf(out, ", %s %.*s", v->name, length, v->value);
	}
	if (isfinite(drift.together))
		fprintf(out,
			"; from fork to fork all rows of a cell changed together by up to %s times "
			"(%s), and there half of them by less than %s beyond that",
			number_ratio(drift.together).text, s->cells[cell].label,
			number_percent(drift.apart).text);
	fputc('.', out);
}

static void answer_all(const struct ratio_target *targets, size_t count,
	const struct ratio_stores *stores, bool markdown, FILE *out)
{
	size_t tally[RATIO_ABSENT + 1] = {0}, bounded = 0, bytes = 0;
	AUTO_FREE char *text = NULL;
	FILE *closing = need_stream(&text, &bytes);

	for (size_t i = 0; i < count; i++) {
		const struct ratio_target *t = &targets[i];
		struct ratio_result result;
		struct answer answer = {0};

		ratio_evaluate(t, stores, &result);
		bounded += *t->want != '\0';
		tally[result.verdict] += *t->want != '\0';
		if (i > 0 && strcmp(t->heading, targets[i - 1].heading) != 0)
			fputc('\n', out);
		if (i == 0 || strcmp(t->heading, targets[i - 1].heading) != 0)
			print_heading(t->heading, markdown, out);
		put_columns(t, &result, &answer);
		print(&answer, markdown, out);
	}
	fprintf(closing, "Of %zu targets %zu are met, %zu missed, %zu undecided and %zu absent.",
		bounded, tally[RATIO_MET], tally[RATIO_MISSED], tally[RATIO_UNDECIDED],
		tally[RATIO_ABSENT]);
	for (size_t i = 0; i < stores->count; i++)
		put_store(stores->item[i], markdown ? "`" : "", closing);
	need_closed(closing);
	fputc('\n', out);
	if (markdown)
		fprintf(out, "%s\n", text);
	else
		table_wrap(out, text, TABLE_WIDTH);
}

static int refuse(int status, const char *why)
{
	fprintf(stderr, "nblbench ratios: %s\n", why);
	return status;
}

static int run_ratios(int argc, char **argv)
{
	struct ratio_request request = {.format.count = 0};
	struct analysis *read[RATIO_STORES_MAX];
	struct ratio_stores stores = {.item = read};
	AUTO_FREE struct ratio_target *targets = NULL;
	char why[RATIO_WHY_BYTES];
	size_t count = 0;
	int operand, status, error = 0;

	if (!options_parse(&ratio_options, argc, argv, &request, &operand, &status))
		return status;
	if ((request.of == NULL) == (request.key[0] == NULL))
		return refuse(COMMAND_USAGE,
			"there is no target: name a file with --of, or give one, as in --row ours "
			"--over plain --at 'pair, 1 thread'; not both");
	for (; operand < argc && error == 0; operand++) {
		error = analysis_read_raw(argv[operand], &read[stores.count], why, sizeof(why));
		stores.count += error == 0 ? 1 : 0;
	}
	if (error == 0)
		error = ratio_read(&request, &stores, &targets, &count, why);
	status = COMMAND_OK;
	if (error != 0)
		status = refuse(error == -EINVAL ? COMMAND_USAGE : COMMAND_FAILED, why);
	else
		answer_all(targets, count, &stores,
			request.format.count > 0 && strcmp(request.format.item[0], "md") == 0,
			stdout);
	while (stores.count > 0)
		analysis_free(read[--stores.count]);
	return fflush(stdout) == 0 ? status : COMMAND_FAILED;
}

const struct command command_ratios = {
	.name = "ratios",
	.summary = "ratios between rows of a store, against what was wanted",
	.run = run_ratios,
};
