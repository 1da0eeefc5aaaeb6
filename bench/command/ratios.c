/*
 * `nblbench ratios`: what was wanted of the designs, against what a store says. The answers stand in
 * results/README.md, between two comments, as this command prints them: no figure there was typed.
 */
#include "bench/analysis/drift.h"
#include "bench/analysis/ratio.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/report/escape.h"
#include "bench/report/report.h"
#include "bench/report/table.h"

#include <errno.h>
#include <math.h>

enum { STORES_MAX = 256, KEYS = 7 };

static void put_text(FILE *out, const char *text)
{
	fputs(text, out);
}

/* What stands between the parts of an answer. */
struct form {
	void (*text)(FILE *out, const char *text); /* what may hold anything */
	const char *heading[2], *head;             /* around a heading; above the first answer */
	const char *title, *rows, *cells, *each, *estimate, *bound, *verdict, *end, *absent;
	const char *quote; /* around a file's name */
};

static const struct form forms[] = {
	{put_text, {"", "\n"}, "", "  ", "\n      ", " @ ", ": ", "\n      ", "  ", "  ", "\n",
		"\n      ", ""},
	{markdown_text, {"**", "**\n\n"},
		"| what | rows | in | each | ratio or difference, 95 % | wanted | verdict |\n"
		"|---|---|---|--:|--:|--:|---|\n",
		"| ", " | ", " | ", " | ", " | ", " | ", " | ", " |\n", " | | |", "`"},
};

static const char *known_format(size_t i)
{
	return i == 0 ? "text" : i == 1 ? "md" : NULL;
}

/* "0.780 ns", "2.56 G/s", "17". */
static void put_value(const struct ratio_target *t, double value, FILE *out)
{
	if (t->measure == RATIO_FAILED)
		fprintf(out, "%.0f", value);
	else if (t->measure == RATIO_RATE)
		fprintf(out, "%s/s", number_rate(value).text);
	else if (t->measure == RATIO_P99_P50)
		fputs(number_plain(value).text, out);
	else
		fprintf(out, "%s ns", number_plain(value).text);
}

/* "1.67 [1.65, 1.69]"; a difference with its unit. */
static void put_estimate(const struct ratio_target *t, const struct ratio_result *r, FILE *out)
{
	const struct stats_estimate *e = &r->estimate;
	const bool ratio = t->operation == RATIO_OVER;
	struct number (*const figure)(double) = ratio ? number_ratio : number_plain;

	if (t->measure == RATIO_FAILED)
		fprintf(out, "%.0f failed", e->point);
	else if (!isfinite(e->lo) || !isfinite(e->hi))
		fprintf(out, "%s [no interval]", figure(e->point).text);
	else
		fprintf(out, "%s [%s, %s]%s", figure(e->point).text, figure(e->lo).text,
			figure(e->hi).text, ratio_is_in_ns(t) ? " ns" : "");
	fputs(r->all_used ? " (flagged slices too)" : "", out);
}

/* "met", "missed by 28 %", "absent". */
static void put_verdict(const struct ratio_target *t, const struct ratio_result *r, FILE *out)
{
	static const char *const names[] = {[RATIO_MET] = "met",
		[RATIO_MISSED] = "missed",
		[RATIO_UNDECIDED] = "undecided",
		[RATIO_SHOWN] = "-",
		[RATIO_ABSENT] = "absent"};

	fputs(names[r->verdict], out);
	if (r->verdict == RATIO_MISSED && t->operation == RATIO_OVER)
		fprintf(out, " by %s", number_percent(r->estimate.point - log(t->wanted)).text);
	else if (r->verdict == RATIO_MISSED && t->measure == RATIO_P99_P50)
		fprintf(out, " by %s", number_percent(log(r->estimate.point / t->wanted)).text);
	else if (r->verdict == RATIO_MISSED && ratio_is_in_ns(t))
		fprintf(out, " by %s ns", number_plain(fabs(r->estimate.point - t->wanted)).text);
}

/* What stands between the sides. */
static const char *sign_of(const struct ratio_target *t)
{
	return t->operation == RATIO_OVER ? " / " : t->operation == RATIO_MINUS ? " - " : "";
}

static void put(const struct form *f, const char *before, const char *text, FILE *out)
{
	fputs(before, out);
	f->text(out, text);
}

static void put_answer(
	const struct form *f, const struct ratio_target *t, const struct ratio_result *r, FILE *out)
{
	const bool two = t->operation != RATIO_ALONE;

	put(f, f->title, t->title, out);
	if (r->verdict == RATIO_ABSENT) {
		put(f, f->rows, r->why, out);
		fputs(f->absent, out);
	} else {
		put(f, f->rows, r->rows[0], out);
		put(f, sign_of(t), r->rows[1], out);
		put(f, f->cells, r->cell[0], out);
		if (two && r->cell[1] != r->cell[0])
			put(f, "; ", r->cell[1], out);
		for (int side = 0; side < (two ? 2 : 1); side++) {
			fputs(side == 0 ? f->each : ", ", out);
			put_value(t, r->value[side], out);
		}
		fputs(f->estimate, out);
		put_estimate(t, r, out);
	}
	fputs(f->bound, out);
	if (t->bound == RATIO_NO_BOUND)
		fputc('-', out);
	else
		fprintf(out, "%s %g%s", t->bound == RATIO_AT_MOST ? "<=" : ">=", t->wanted,
			t->wanted_ns ? " ns" : "");
	fputs(f->verdict, out);
	put_verdict(t, r, out);
	fputs(f->end, out);
}

/*
 * What the machine did when a sweep was started: the grade of its quiet, its load over 1, 5 and 15
 * minutes, its CPU pressure, as the system words them. No figure is to be read without them.
 */
static void put_machine(const struct analysis_machine *m, bool again, FILE *out)
{
	fprintf(out, "; at its %sstart noise grade %s", again ? "first " : "", m->grade);
	for (size_t i = 0; i < m->value_count; i++) {
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
}

static void put_store(const struct analysis *s, const char *quote, FILE *out)
{
	size_t forks = s->cell_count == 0 ? 0 : SIZE_MAX, cell = 0;
	const struct drift drift = drift_worst(s, &cell);

	for (size_t c = 0; c < s->cell_count; c++)
		forks = s->cells[c].forks < forks ? s->cells[c].forks : forks;
	fprintf(out, " %s%s%s: source %s, %zu forks a cell%s", quote, s->store, quote,
		s->source_revision, forks, s->preliminary ? ", which is preliminary" : "");
	if (s->machine_count > 0)
		put_machine(&s->machines[0], s->machine_count > 1, out);
	if (isfinite(drift.together))
		fprintf(out,
			"; from fork to fork all rows of a cell changed together by up to %s times "
			"(%s), and there half of them by less than %s beyond that",
			number_ratio(drift.together).text, s->cells[cell].label,
			number_percent(drift.apart).text);
	fputc('.', out);
}

struct request {
	const char *of, *key[KEYS]; /* of one target: the first of the options */
	struct options_names format;
};

#define KEY(i, name, stands, help) OPTION(TEXT, struct request, key[i], name, 0, stands, help)

static const struct options_entry entries[] = {
	KEY(0, "row", "ROWS", "a row, the fastest of several with commas, or ours"),
	KEY(1, "over", "ROWS", "the time of --row divided by that of these"),
	KEY(2, "minus", "ROWS", "the time of --row less that of these, in ns"),
	KEY(3, "at", "CELL", "where, as reports name it: 'pair, 1 thread', 'burst 32, 4N threads'"),
	KEY(4, "measure", "M",
		"time; rate, which is divided; failed, gets that failed; or p50, p99, p99.9, max, "
		"p99/p50 of the times of calls. [time]"),
	KEY(5, "load", "L", "those of response times, at that load in per cent"),
	KEY(6, "want", "BOUND",
		"'<= 1.3', '>= 2.5'; or '<= 20 ns'. Without it the figure is shown"),
	OPTION(TEXT, struct request, of, "of", 0, "FILE",
		"a file of targets; results/targets.ini has this project's own"),
	OPTION(NAMES, struct request, format, "format", 'f', "F",
		"text, or md for a Markdown table. [text]", .known = known_format,
		.noun = "format"),
};

static const struct options options = {
	.command = "ratios",
	.operands = "STORE...",
	.operands_least = 1,
	.operands_most = STORES_MAX,
	.summary =
		"Ratios and differences between rows of result stores, each with its 95 % "
		"interval, against what was wanted: met, missed, undecided, or absent from the "
		"stores. Both sides come from one store. Exit status: 0 whatever was missed, 1 a "
		"store or file can't be read, 2 usage.",
	.closing = ratio_help,
	.count = sizeof(entries) / sizeof(entries[0]),
	.entry = entries,
};

static int refuse(int error, const char *option, const char *why)
{
	fprintf(stderr, "nblbench ratios: %s%s%s\n", option, *option == '\0' ? "" : ": ", why);
	return error == -EINVAL ? COMMAND_USAGE : COMMAND_FAILED;
}

/* The targets of a file, or the one of the command line, which the caller frees. A status. */
static int read_targets(const struct request *request, const struct ratio_stores *stores,
	struct ratio_target **targets, size_t *count)
{
	const char *other = request->key[1] != NULL ? request->key[1] : request->key[2];
	char why[RATIO_WHY_BYTES];

	if (request->of != NULL) {
		FILE *in = fopen(request->of, "r");

		if (in == NULL)
			return refuse(-EIO, request->of, strerror(errno));

		const int error = ratio_read(in, request->of, stores, targets, count, why);

		fclose(in);
		return error == 0 ? COMMAND_OK : refuse(error, "", why);
	}
	*count = 1;
	*targets = need(1, sizeof(**targets));
	for (size_t i = 0; i < KEYS; i++) {
		if (request->key[i] != NULL &&
			ratio_set(*targets, entries[i].name, request->key[i], stores, why) != 0)
			return refuse(-EINVAL, entries[i].name, why);
	}
	if (ratio_check(*targets, why) != 0)
		return refuse(-EINVAL, "no target", why);
	snprintf((*targets)->title, sizeof((*targets)->title), "%.70s%s%.70s", request->key[0],
		sign_of(*targets), other == NULL ? "" : other);
	return COMMAND_OK;
}

static int answer(const struct ratio_target *targets, size_t count,
	const struct ratio_stores *stores, const struct form *form, FILE *out)
{
	size_t bounded = 0, tally[RATIO_ABSENT + 1] = {0}, bytes = 0;
	struct ratio_result result;
	AUTO_FREE char *text = NULL;
	FILE *closing = need_stream(&text, &bytes);

	for (size_t i = 0; i < count; i++) {
		const struct ratio_target *t = &targets[i];

		ratio_evaluate(t, stores, &result);
		bounded += t->bound != RATIO_NO_BOUND;
		tally[result.verdict] += t->bound != RATIO_NO_BOUND;
		if (i == 0 || strcmp(t->heading, targets[i - 1].heading) != 0) {
			fputs(i > 0 ? "\n" : "", out);
			if (*t->heading != '\0') {
				fputs(form->heading[0], out);
				form->text(out, t->heading);
				fputs(form->heading[1], out);
			}
			fputs(form->head, out);
		}
		put_answer(form, t, &result, out);
	}
	fprintf(closing, "Of %zu targets %zu are met, %zu missed, %zu undecided and %zu absent.",
		bounded, tally[RATIO_MET], tally[RATIO_MISSED], tally[RATIO_UNDECIDED],
		tally[RATIO_ABSENT]);
	for (size_t i = 0; i < stores->count; i++)
		put_store(stores->item[i], form->quote, closing);
	need_closed(closing);
	fputc('\n', out);
	if (form == &forms[0])
		table_wrap(out, text, TABLE_WIDTH);
	else
		fprintf(out, "%s\n", text);
	return fflush(out) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

static int run_ratios(int argc, char **argv)
{
	struct request request = {0};
	struct analysis *read[STORES_MAX];
	struct ratio_stores stores = {.item = read};
	AUTO_FREE struct ratio_target *targets = NULL;
	char why[RATIO_WHY_BYTES];
	size_t count;
	int operand, status;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;

	const bool markdown = request.format.count > 0 && strcmp(request.format.item[0], "md") == 0;

	if ((request.of == NULL) == (request.key[0] == NULL))
		return refuse(-EINVAL, "",
			"there is no target: name a file with --of, or give one, as in --row ours "
			"--over plain --at 'pair, 1 thread'; not both");
	status = COMMAND_OK;
	for (; operand < argc && status == COMMAND_OK; operand++) {
		if (analysis_read_raw(argv[operand], &read[stores.count], why, sizeof(why)) == 0)
			stores.count++;
		else
			status = refuse(-EIO, "", why);
	}
	if (status == COMMAND_OK)
		status = read_targets(&request, &stores, &targets, &count);
	if (status == COMMAND_OK)
		status = answer(targets, count, &stores, &forms[markdown], stdout);
	while (stores.count > 0)
		analysis_free(read[--stores.count]);
	return status;
}

const struct command command_ratios = {
	.name = "ratios",
	.summary = "ratios between rows of a store, against what was wanted",
	.run = run_ratios,
};
