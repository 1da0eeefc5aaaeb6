/*
 * `nblbench ratios`: what was wanted of the designs, against what a store says. The answers stand in
 * results/README.md, between two comments, as this command prints them: no figure there was typed.
 */
#include "bench/analysis/analysis.h"
#include "bench/analysis/ratio.h"
#include "bench/base/number.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/report/markdown.h"
#include "bench/report/report.h"
#include "bench/report/table.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { OPERANDS_MAX = 256, VERDICTS = RATIO_ABSENT + 1, SHORT_BYTES = 96 };

/* Text of a fixed length, so that it can stand in a call's arguments. */
struct words {
	char text[SHORT_BYTES];
};

static struct words words(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct words words(const char *format, ...)
{
	struct words w;
	va_list args;

	va_start(args, format);
	vsnprintf(w.text, sizeof(w.text), format, args);
	va_end(args);
	return w;
}

/* "0.780 ns", "2.56 G/s", "17". */
static struct words told_value(const struct ratio_target *t, double value)
{
	if (t->quantity == RATIO_FAILED)
		return words("%.0f", value);
	if (t->quantity == RATIO_RATE)
		return words("%.40s/s", number_rate(value).text);
	return words("%.40s ns", number_plain(value).text);
}

/* The estimate with its interval: "1.67 [1.65, 1.69]"; a difference with its unit. */
static struct words told_estimate(const struct ratio_target *t, const struct stats_estimate *e)
{
	if (t->quantity == RATIO_FAILED)
		return words("%.0f failed", e->point);
	if (!isfinite(e->lo) || !isfinite(e->hi))
		return words("%.40s [no interval]", t->operation == RATIO_DIVIDED
							    ? number_ratio(e->point).text
							    : number_plain(e->point).text);
	if (t->operation == RATIO_DIVIDED)
		return words("%.20s [%.20s, %.20s]", number_ratio(e->point).text,
			number_ratio(e->lo).text, number_ratio(e->hi).text);
	return words("%.20s [%.20s, %.20s] ns", number_plain(e->point).text,
		number_plain(e->lo).text, number_plain(e->hi).text);
}

static struct words told_bound(const struct ratio_target *t)
{
	if (t->bound == RATIO_NO_TARGET)
		return words("-");
	return words("%s %g%s", t->bound == RATIO_AT_MOST ? "<=" : ">=", t->wanted,
		t->quantity == RATIO_TIME && t->operation != RATIO_DIVIDED ? " ns" : "");
}

/* "met", "missed by 28 %", "absent". */
static struct words told_verdict(const struct ratio_target *t, const struct ratio_result *r)
{
	const char *name = ratio_verdict_name(r->verdict);

	if (r->verdict == RATIO_SHOWN)
		return words("-");
	if (r->verdict != RATIO_MISSED || t->quantity == RATIO_FAILED)
		return words("%s", name);
	if (t->operation != RATIO_DIVIDED)
		return words("%s by %.40s ns", name,
			number_plain(fabs(r->estimate.point - t->wanted)).text);
	return words("%s by %.40s", name, number_percent(r->estimate.point - log(t->wanted)).text);
}

/* Everything worked out, to be printed in one of two forms. */
struct answers {
	const struct ratio_book *book;
	struct analysis *const *stores;
	size_t store_count;
	struct ratio_result *results;
	size_t targets;         /* what has a bound */
	size_t tally[VERDICTS]; /* of these */
};

static bool new_section(const struct answers *a, size_t i)
{
	const char *section = a->book->target[i].section;

	return i == 0 ? *section != '\0' : strcmp(section, a->book->target[i - 1].section) != 0;
}

/*
 * What the machine did when a sweep was started: its load over 1, 5 and 15 minutes, its CPU pressure,
 * as the system words them, and the grade of its quiet. A figure needs them beside it: a text that
 * claimed a quiet machine could be wrong about the store of today.
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

/* How the rows of a cell differ from fork to fork, as logarithms; NAN where it can't be said. */
struct drift {
	double together; /* between the forks in which all rows were fastest and slowest */
	double apart;    /* of a row in a fork, from what all rows did in it: the median */
};

/* The median of a fork of a row; NAN if it has no slice there. values: room for all blocks. */
static double fork_median(
	const struct analysis_raw *raw, size_t subject, size_t fork, double *values)
{
	size_t n = 0;

	for (size_t b = raw->start[fork]; b < raw->start[fork + 1]; b++) {
		if (!isnan(raw->log_ns[subject * raw->blocks + b]))
			values[n++] = raw->log_ns[subject * raw->blocks + b];
	}
	return n > 0 ? stats_median(values, n) : NAN;
}

/* room: for a number a block, and two a subject and fork. Rows that lack a fork are left out. */
static struct drift drift_of(const struct analysis_raw *raw, double *room)
{
	double *values = room, *row = values + raw->blocks;
	double *rows = row + raw->forks, *column = rows + raw->subjects * raw->forks;
	double fastest = INFINITY, slowest = -INFINITY;
	size_t whole = 0;

	for (size_t s = 0; s < raw->subjects; s++) {
		double sum = 0;

		for (size_t f = 0; f < raw->forks; f++)
			sum += row[f] = fork_median(raw, s, f, values);
		for (size_t f = 0; f < raw->forks && !isnan(sum); f++)
			rows[whole * raw->forks + f] = row[f] - sum / (double)raw->forks;
		whole += isnan(sum) ? 0 : 1;
	}
	if (whole == 0 || raw->forks < 2)
		return (struct drift){NAN, NAN};
	for (size_t f = 0; f < raw->forks; f++) {
		for (size_t w = 0; w < whole; w++)
			column[w] = rows[w * raw->forks + f];
		const double all = stats_median(column, whole);

		for (size_t w = 0; w < whole; w++)
			rows[w * raw->forks + f] = fabs(rows[w * raw->forks + f] - all);
		fastest = fmin(fastest, all);
		slowest = fmax(slowest, all);
	}
	return (struct drift){slowest - fastest, stats_median(rows, whole * raw->forks)};
}

/*
 * How steady the machine was: from fork to fork, minutes apart, all rows of a cell may change alike,
 * and a ratio between two cells takes that for a difference between them.
 */
static void put_drift(const struct analysis *a, FILE *out)
{
	struct drift worst = {.together = -INFINITY};
	size_t cell = 0;

	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_raw *raw = &a->raws[c];
		double *room = calloc(
			raw->blocks + raw->forks + raw->subjects * (raw->forks + 1), sizeof(*room));
		struct drift drift = {NAN, NAN};

		if (room != NULL)
			drift = drift_of(raw, room);
		free(room);
		if (drift.together > worst.together) {
			worst = drift;
			cell = c;
		}
	}
	if (isfinite(worst.together))
		fprintf(out,
			"; from fork to fork all rows of a cell changed together by up to %s "
			"times (%s), and there half of them by less than %s beyond that",
			number_ratio(worst.together).text, a->cells[cell].label,
			number_percent(worst.apart).text);
}

/* How many are met, and so on; and what the stores are. */
static void put_closing(const struct answers *a, const char *quote, FILE *out)
{
	const size_t *n = a->tally;

	fprintf(out, "Of %zu targets %zu are met, %zu missed, %zu undecided and %zu absent.",
		a->targets, n[RATIO_MET], n[RATIO_MISSED], n[RATIO_UNDECIDED], n[RATIO_ABSENT]);
	for (size_t i = 0; i < a->store_count; i++) {
		const struct analysis *s = a->stores[i];
		size_t forks = SIZE_MAX;

		for (size_t c = 0; c < s->cell_count; c++)
			forks = s->cells[c].forks < forks ? s->cells[c].forks : forks;
		fprintf(out, " %s%s%s: source %s, %zu forks a cell%s", quote, s->store, quote,
			s->source_revision, s->cell_count == 0 ? 0 : forks,
			s->preliminary ? ", which is preliminary" : "");
		if (s->machine_count > 0)
			put_machine(&s->machines[0], s->machine_count > 1, out);
		put_drift(s, out);
		fprintf(out, ".");
	}
	fputc('\n', out);
}

static void put_markdown(const struct answers *a, FILE *out)
{
	for (size_t i = 0; i < a->book->count; i++) {
		const struct ratio_target *t = &a->book->target[i];
		const struct ratio_result *r = &a->results[i];
		const bool two = t->operation != RATIO_ALONE;

		if (i == 0 || new_section(a, i)) {
			if (i > 0)
				fputc('\n', out);
			if (*t->section != '\0') {
				fputs("**", out);
				markdown_text(out, t->section);
				fputs("**\n\n", out);
			}
			fputs("| what | rows | in | each | ratio or difference, 95 % | wanted | "
			      "verdict |\n|---|---|---|--:|--:|--:|---|\n",
				out);
		}
		fputs("| ", out);
		markdown_text(out, t->what);
		fputs(" | ", out);
		if (r->verdict == RATIO_ABSENT) {
			markdown_text(out, r->why);
			fprintf(out, " | | | | %s | absent |\n", told_bound(t).text);
			continue;
		}
		markdown_text(out, r->rows[0]);
		if (two) {
			fputs(t->operation == RATIO_DIVIDED ? " / " : " - ", out);
			markdown_text(out, r->rows[1]);
		}
		fputs(" | ", out);
		markdown_text(out, r->cell[0]);
		if (two && r->cell[1] != r->cell[0]) {
			fputs("; ", out);
			markdown_text(out, r->cell[1]);
		}
		fprintf(out, " | %s%s%s | %s%s | %s | %s |\n", told_value(t, r->value[0]).text,
			two ? ", " : "", two ? told_value(t, r->value[1]).text : "",
			told_estimate(t, &r->estimate).text,
			r->all_used ? " (flagged slices too)" : "", told_bound(t).text,
			told_verdict(t, r).text);
	}
	fputc('\n', out);
	put_closing(a, "`", out);
}

static void put_terminal(const struct answers *a, FILE *out)
{
	for (size_t i = 0; i < a->book->count; i++) {
		const struct ratio_target *t = &a->book->target[i];
		const struct ratio_result *r = &a->results[i];

		if (new_section(a, i))
			fprintf(out, "%s%s\n", i == 0 ? "" : "\n", t->section);
		fprintf(out, "  %s\n", t->what);
		if (r->verdict == RATIO_ABSENT) {
			fprintf(out, "      %-28s %-10s absent: %s\n", "", told_bound(t).text,
				r->why);
			continue;
		}
		fprintf(out, "      %-28s %-10s %s%s\n      ", told_estimate(t, &r->estimate).text,
			told_bound(t).text, told_verdict(t, r).text,
			r->all_used ? " (flagged slices too)" : "");
		const bool two = t->operation != RATIO_ALONE;

		fprintf(out, "%s%s%s @ %s%s%s: %s%s%s\n", r->rows[0],
			!two                            ? ""
			: t->operation == RATIO_DIVIDED ? " / "
							: " - ",
			r->rows[1], r->cell[0], two && r->cell[1] != r->cell[0] ? " and " : "",
			two && r->cell[1] != r->cell[0] ? r->cell[1] : "",
			told_value(t, r->value[0]).text, two ? ", " : "",
			two ? told_value(t, r->value[1]).text : "");
	}
	fputc('\n', out);

	char *text = NULL;
	size_t bytes = 0;
	FILE *closing = open_memstream(&text, &bytes);

	if (closing == NULL)
		return;
	put_closing(a, "", closing);
	fclose(closing);
	table_wrap(out, text, TABLE_WIDTH);
	free(text);
}

struct request {
	const char *of;
	struct options_names format;
};

static const char *known_format(size_t i)
{
	static const char *const names[] = {"text", "md"};

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

static const struct options_entry entries[] = {
	{.name = "of",
		.kind = OPTIONS_TEXT,
		.offset = offsetof(struct request, of),
		.value = "FILE",
		.help = "a file of targets, one a line; results/targets.txt has this project's "
			"own"},
	{.name = "format",
		.letter = 'f',
		.kind = OPTIONS_NAMES,
		.offset = offsetof(struct request, format),
		.value = "F",
		.help = "text, or md for a Markdown table. [text]",
		.known = known_format,
		.noun = "format"},
};

static const struct options options = {
	.command = "ratios",
	.operands = "STORE... [TARGET...]",
	.operands_least = 1,
	.operands_most = OPERANDS_MAX,
	.summary =
		"Ratios and differences between rows of result stores, each with its 95 % "
		"interval, against what was wanted: met, missed, undecided, or absent from the "
		"stores. Both sides come from one store. An operand that names a file is a store, "
		"any other a target. Exit status: 0 whatever was missed, 1 a store or file can't "
		"be read, 2 usage.",
	.closing = ratio_language,
	.count = sizeof(entries) / sizeof(entries[0]),
	.entry = entries,
};

static int refuse(int status, const char *why)
{
	fprintf(stderr, "nblbench ratios: %s\n", why);
	return status;
}

/* The targets of the file and of the command line, in this order. A status. */
static int gather_targets(
	const struct request *request, int count, char **text, struct ratio_book *book)
{
	char why[RATIO_WHY_BYTES], sentence[RATIO_WHY_BYTES];
	int error = 0;

	if (request->of != NULL) {
		FILE *in = fopen(request->of, "r");

		if (in == NULL) {
			snprintf(why, sizeof(why), "'%.200s' can't be read: %s", request->of,
				strerror(errno));
			return refuse(COMMAND_FAILED, why);
		}
		error = ratio_book_read(book, in, request->of, why);
		fclose(in);
	}
	*book->section = '\0';
	for (int i = 0; i < count && error == 0; i++) {
		error = ratio_book_add(book, text[i], sentence);
		if (error != 0)
			snprintf(why, sizeof(why), "'%.200s': %.1800s", text[i], sentence);
	}
	if (error == 0 && book->count == 0) {
		error = -EINVAL;
		snprintf(why, sizeof(why),
			"there is no target: name a file with --of, or write one like 'mag_tls / "
			"plain "
			"@ pair threads=1'");
	}
	return error == 0 ? COMMAND_OK
			  : refuse(error == -ENOMEM ? COMMAND_FAILED : COMMAND_USAGE, why);
}

static int answer(const struct ratio_book *book, struct analysis *const *stores, size_t store_count,
	bool markdown)
{
	struct answers a = {.book = book, .stores = stores, .store_count = store_count};
	int error = 0;

	a.results = calloc(book->count, sizeof(*a.results));
	if (a.results == NULL)
		error = -ENOMEM;
	for (size_t i = 0; i < book->count && error == 0; i++) {
		error = ratio_evaluate(&book->target[i], stores, store_count, &a.results[i]);
		if (book->target[i].bound != RATIO_NO_TARGET) {
			a.targets++;
			a.tally[a.results[i].verdict]++;
		}
	}
	if (error == 0) {
		if (markdown)
			put_markdown(&a, stdout);
		else
			put_terminal(&a, stdout);
	}
	free(a.results);
	if (error != 0)
		return refuse(COMMAND_FAILED, "there is not enough memory for the estimates");
	return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

static int run_ratios(int argc, char **argv)
{
	struct request request = {0};
	struct ratio_book book = {0};
	struct analysis *stores[OPERANDS_MAX];
	char why[RATIO_WHY_BYTES];
	size_t store_count = 0;
	int operand, status, targets;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;

	const bool markdown = request.format.count > 0 && strcmp(request.format.item[0], "md") == 0;
	struct stat unused;

	for (targets = operand; targets < argc && stat(argv[targets], &unused) == 0; targets++)
		continue;
	/* What looks like a path and is no file was meant to be a store. */
	if (targets == operand || (targets < argc && strchr(argv[targets], '@') == NULL)) {
		const bool target = strchr(argv[targets], '@') != NULL;

		snprintf(why, sizeof(why),
			target ? "no store is named before the target '%.200s'; a store is the .db "
				 "file that a sweep names at its end"
			       : "there is no store '%.200s'; and as a target it lacks the cell, "
				 "as in 'mag_tls / malloc @ pair threads=1 <= 0.5'",
			argv[targets]);
		return refuse(COMMAND_USAGE, why);
	}
	status = gather_targets(&request, argc - targets, argv + targets, &book);
	for (int i = operand; i < targets && status == COMMAND_OK; i++) {
		if (analysis_read_raw(argv[i], &stores[store_count], why, sizeof(why)) != 0)
			status = refuse(COMMAND_FAILED, why);
		else
			store_count++;
	}
	if (status == COMMAND_OK && ratio_book_check(&book, stores, store_count, why) != 0)
		status = refuse(COMMAND_USAGE, why);
	if (status == COMMAND_OK)
		status = answer(&book, stores, store_count, markdown);
	while (store_count > 0)
		analysis_free(stores[--store_count]);
	ratio_book_free(&book);
	return status;
}

const struct command command_ratios = {
	.name = "ratios",
	.summary = "ratios between rows of a store, against what was wanted",
	.run = run_ratios,
};
