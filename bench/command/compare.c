/*
 * `nblbench compare A B`: the same cells in two stores, and whether B is slower.
 *
 * The runs were not interleaved, so what differs between two moments is in the figures: how steady each
 * store's machine was and how the fingerprints differ are said before any other number, no verdict is
 * finer than the larger of the two noise floors, and what runs vary by is estimated from the rows of a
 * cell (between.h). All verdicts are made together.
 */
#include "bench/analysis/between.h"
#include "bench/analysis/drift.h"
#include "bench/analysis/metric.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/report/report.h"
#include "bench/report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_REGRESSED = 4, DIFFERENCE_MAX = 60 };

/* Of a hundred pairs of runs of the same program --fail-if may raise an alarm in one. */
static const double alarm_error = 0.01;

/* "ratio<0.97" */
struct condition {
	bool given, less, equal;
	double limit;
};

static bool parse_condition(const char *text, struct condition *condition)
{
	static const char word[] = "ratio";
	const char *p = text + strspn(text, " ");
	char *end;

	if (strncmp(p, word, strlen(word)) != 0)
		return false;
	p += strlen(word);
	p += strspn(p, " ");
	if (*p != '<' && *p != '>')
		return false;
	condition->less = *p++ == '<';
	condition->equal = *p == '=';
	p += condition->equal ? 1 : 0;
	condition->limit = strtod(p, &end);
	end += strspn(end, " ");
	condition->given =
		end != p && *end == '\0' && condition->limit > 0 && isfinite(condition->limit);
	return condition->given;
}

static bool holds(const struct condition *condition, double ratio)
{
	if (condition->equal && ratio == condition->limit)
		return true;
	return condition->less ? ratio < condition->limit : ratio > condition->limit;
}

static void put_difference(const char *name, const char *a, const char *b, size_t *differences)
{
	if (a != NULL && b != NULL && strcmp(a, b) == 0)
		return;
	if ((*differences)++ == 0)
		printf("Differences of the environments:\n");
	printf("  %s: %.*s%s | %.*s%s\n", name, DIFFERENCE_MAX, a == NULL ? "(none)" : a,
		a != NULL && strlen(a) > DIFFERENCE_MAX ? "..." : "", DIFFERENCE_MAX,
		b == NULL ? "(none)" : b, b != NULL && strlen(b) > DIFFERENCE_MAX ? "..." : "");
}

static void put_differences(const struct analysis *a, const struct analysis *b)
{
	const struct analysis_machine nothing = {0};
	const struct analysis_machine *ma =
		a->machine_count > 0 ? &a->machines[a->machine_count - 1] : &nothing;
	const struct analysis_machine *mb =
		b->machine_count > 0 ? &b->machines[b->machine_count - 1] : &nothing;
	size_t differences = 0;

	put_difference("source revision", a->source_revision, b->source_revision, &differences);
	put_difference("build id", a->build_id, b->build_id, &differences);
	for (size_t i = 0; i < ma->value_count; i++) {
		const char *name = ma->values[i].name;

		if (strcmp(name, "source revision") != 0 && strcmp(name, "build id") != 0)
			put_difference(name, ma->values[i].value, analysis_fingerprint(b, name),
				&differences);
	}
	for (size_t i = 0; i < mb->value_count; i++) {
		if (analysis_fingerprint(a, mb->values[i].name) == NULL)
			put_difference(mb->values[i].name, NULL, mb->values[i].value, &differences);
	}
	if (differences == 0)
		printf("The environments do not differ.\n");
}

/* Whether both are of one machine, as far as their fingerprints tell. */
static bool same_machine(const struct analysis *a, const struct analysis *b)
{
	return a->machine_count == 0 || b->machine_count == 0 ||
	       strcmp(a->machines[a->machine_count - 1].hash,
		       b->machines[b->machine_count - 1].hash) == 0;
}

/* Of a percentile, the error that its interval has, as if it were Student's. */
static struct stats_estimate with_error(struct stats_estimate e, size_t forks)
{
	if (isfinite(e.lo) && isfinite(e.hi) && forks >= STATS_FORKS_MIN) {
		e.error = (e.hi - e.lo) / 2 / stats_t_quantile(STATS_ERROR / 2, forks - 1);
		e.forks = forks;
	}
	return e;
}

/*
 * What is compared of a row, as a logarithm: a unit's time, or a percentile or the longest of the times
 * of its calls; a NAN for a point if it has none.
 */
static struct stats_estimate figure_of(
	const struct analysis *a, size_t cell, size_t subject, enum metric metric)
{
	const char *lack;

	return metric == METRIC_TIME
		       ? analysis_at(a, cell, subject)->ns
		       : with_error(metric_logarithm(metric_of(a, cell, subject, metric, 0, &lack)),
				 a->cells[cell].forks);
}

static size_t find_subject(const struct analysis *a, const char *label)
{
	size_t i = 0;

	while (i < a->subject_count && strcmp(a->subjects[i].label, label) != 0)
		i++;
	return i;
}

/* Two stores, and what is asked of them. */
struct comparison {
	const struct analysis *a, *b;
	enum metric metric;
	struct condition condition;
	size_t count; /* of rows that both have */
	struct between_row *rows;
	size_t verdicts[STATS_EQUIVALENT + 1], hits, unknown;
};

/* The largest floor of a comparison's two cells; of percentiles, a bucket's width. */
static double floor_of(const struct comparison *c, size_t ca, size_t cb, size_t sa)
{
	const size_t sb = find_subject(c->b, c->a->subjects[sa].label);
	const double fa = analysis_floor(c->a, ca, sa, sa), fb = analysis_floor(c->b, cb, sb, sb);

	/* The percentiles of two histograms may be a bucket's width apart without a reason. */
	return c->metric != METRIC_TIME ? log1p(1.0 / HISTOGRAM_STEPS)
	       : isnan(fa) || isnan(fb) ? NAN
					: fmax(fa, fb);
}

/* One thread, more, more than CPUs: such cells vary alike. */
static int group_of(const struct analysis_cell *cell)
{
	return cell->oversubscribed ? 2 : cell->threads > 1;
}

/* Whether a row has a figure in both stores, and then both. */
static bool both_have(const struct comparison *c, size_t ca, size_t cb, size_t sa,
	struct stats_estimate *ea, struct stats_estimate *eb)
{
	const size_t sb = find_subject(c->b, c->a->subjects[sa].label);

	if (sb == c->b->subject_count || c->a->subjects[sa].role == ANALYSIS_TWIN ||
		analysis_at(c->a, ca, sa)->state != ANALYSIS_MEASURED ||
		analysis_at(c->b, cb, sb)->state != ANALYSIS_MEASURED)
		return false;
	*ea = figure_of(c->a, ca, sa, c->metric);
	*eb = figure_of(c->b, cb, sb, c->metric);
	return !isnan(ea->point) && !isnan(eb->point);
}

/* All rows that both have, cell by cell as they are printed, and what may be said of them. */
static void compare_rows(struct comparison *c)
{
	struct stats_estimate ea, eb;

	for (size_t ca = 0; ca < c->a->cell_count; ca++) {
		const size_t cb = analysis_find_cell(c->b, c->a->cells[ca].label);

		for (size_t sa = 0; cb < c->b->cell_count && sa < c->a->subject_count; sa++) {
			if (both_have(c, ca, cb, sa, &ea, &eb))
				c->rows[c->count++] = (struct between_row){.cell = ca,
					.group = group_of(&c->a->cells[ca]),
					.effect = stats_difference(eb, ea),
					.floor_log = floor_of(c, ca, cb, sa)};
		}
	}
	between_runs(
		c->rows, c->count, c->a->margin, c->condition.given ? alarm_error : STATS_ERROR);
}

/* A row that one store alone has a figure of, or none. */
static void put_broken(struct comparison *c, size_t ca, size_t cb, size_t sa)
{
	const size_t sb = find_subject(c->b, c->a->subjects[sa].label);

	if (sb == c->b->subject_count || c->a->subjects[sa].role == ANALYSIS_TWIN)
		return;

	const enum analysis_state a = analysis_at(c->a, ca, sa)->state,
				  b = analysis_at(c->b, cb, sb)->state;

	if (a == b)
		return;
	printf("  %-20.30s %s in A, %s in B\n", c->a->subjects[sa].label, analysis_state_name(a),
		analysis_state_name(b));
	/* What ran before and breaks now is a regression by any condition. */
	c->hits += c->condition.given && a == ANALYSIS_MEASURED && b > ANALYSIS_UNSUPPORTED ? 1 : 0;
}

static void put_row(struct comparison *c, const char *label, const struct between_row *row,
	const struct stats_estimate *ea, const struct stats_estimate *eb)
{
	const enum stats_verdict verdict = row->made ? row->claim.verdict : STATS_INCONCLUSIVE;
	const bool decided = verdict == STATS_FASTER || verdict == STATS_SLOWER;
	const bool hit =
		c->condition.given && decided && holds(&c->condition, exp(-row->all.point));

	printf("  %-20.30s %8s %8s   %5s  %-13s %s%s\n", label, number_plain(exp(ea->point)).text,
		number_plain(exp(eb->point)).text, number_ratio(-row->all.point).text,
		number_ratio_range(-row->all.hi, -row->all.lo).text, stats_verdict_name(verdict),
		hit ? "  <- fails" : "");
	c->verdicts[verdict]++;
	c->hits += hit ? 1 : 0;
	c->unknown += isnan(row->runs) ? 1 : 0;
}

/* The strategies of `a`, the store of that name, that the other lacks. */
static void put_missing(const struct analysis *a, const struct analysis *other, const char *name)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		if (find_subject(other, a->subjects[i].label) == other->subject_count)
			printf("\n%s: only in %s\n", a->subjects[i].label, name);
	}
}

static void put_cells(struct comparison *c)
{
	const struct analysis *a = c->a, *b = c->b;
	const struct between_row *row = c->rows;
	struct stats_estimate ea, eb;

	for (size_t ca = 0; ca < a->cell_count; ca++) {
		const size_t cb = analysis_find_cell(b, a->cells[ca].label);

		if (cb == b->cell_count) {
			printf("\n%s: only in A\n", a->cells[ca].label);
			continue;
		}
		printf("\n%s%s", a->cells[ca].label,
			a->cells[ca].disturbed || b->cells[cb].disturbed ? " (disturbed)" : "");
		if (row < c->rows + c->count && row->cell == ca && !isnan(row->runs))
			printf("; runs vary by %s", number_percent(row->runs).text);
		printf("\n  %-20s %8s %8s   %5s  %-13s %s\n", "strategy", "A ns", "B ns", "speed",
			"95 %", "B is");
		for (size_t sa = 0; sa < a->subject_count; sa++) {
			if (both_have(c, ca, cb, sa, &ea, &eb))
				put_row(c, a->subjects[sa].label, row++, &ea, &eb);
			else
				put_broken(c, ca, cb, sa);
		}
	}
	for (size_t cb = 0; cb < b->cell_count; cb++) {
		if (analysis_find_cell(a, b->cells[cb].label) == a->cell_count)
			printf("\n%s: only in B\n", b->cells[cb].label);
	}
	put_missing(a, b, "A");
	put_missing(b, a, "B");
}

struct compare_request {
	const char *fail_if, *measure;
	bool across_machines;
};

static const struct options_entry entries[] = {
	OPTION(TEXT, struct compare_request, measure, "measure", 0, "WHAT",
		"time, of a unit; or p50, p99, p99.9 or max, of the times of calls."),
	OPTION(TEXT, struct compare_request, fail_if, "fail-if", 0, "'ratio<R'",
		"exit 4 if for some row the ratio of speeds, B / A, is below R (or above: "
		"'ratio>R') and the verdict is faster or slower, or if B breaks where A ran. Of a "
		"hundred pairs of runs of one program at most one fails"),
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
		"Compares two stores, cell by cell and strategy by strategy. Says first how "
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

static int run_compare(int argc, char **argv)
{
	struct compare_request request = {.measure = "time"};
	struct comparison c = {0};
	struct analysis *stores[2] = {NULL, NULL};
	char why[REPORT_WHY_BYTES], text[ANALYSIS_SENTENCE_BYTES];
	int operand, status;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (request.fail_if != NULL && !parse_condition(request.fail_if, &c.condition)) {
		fprintf(stderr,
			"nblbench compare: --fail-if takes a condition like 'ratio<0.97' or "
			"'ratio>=1.5', with a number above 0; '%s' is none\n",
			request.fail_if);
		return COMMAND_USAGE;
	}
	c.metric = (enum metric)options_find(request.measure, metric_name);
	if (c.metric != METRIC_TIME && (c.metric < METRIC_P50 || c.metric > METRIC_MAX)) {
		fprintf(stderr,
			"nblbench compare: --measure is time, p50, p99, p99.9 or max, and not "
			"'%s'\n",
			request.measure);
		return COMMAND_USAGE;
	}
	status = COMMAND_FAILED;
	for (int i = 0; i < 2; i++) {
		if (analysis_read(argv[operand + i], NULL, &stores[i], why, sizeof(why)) != 0) {
			fprintf(stderr, "nblbench compare: %s\n", why);
			goto out;
		}
	}
	for (int i = 0; i < 2; i++) {
		drift_tell(stores[i], text);
		printf("%c: %s: %s\n", "AB"[i], argv[operand + i], text);
	}
	put_differences(stores[0], stores[1]);
	if (!same_machine(stores[0], stores[1]) && !request.across_machines) {
		fflush(stdout);
		fprintf(stderr,
			"nblbench compare: A and B are of different machines, so their ratios say "
			"nothing of the designs; what differs stands above, and --across-machines "
			"shows the ratios all the same\n");
		goto out;
	}
	c.a = stores[0];
	c.b = stores[1];
	c.rows = need(c.a->cell_count * c.a->subject_count, sizeof(*c.rows));
	compare_rows(&c);
	put_cells(&c);
	if (c.count == 0 && c.hits == 0) {
		fflush(stdout);
		fprintf(stderr, "nblbench compare: there is nothing to compare: no strategy "
				"has what is compared in a cell of both stores.\n");
		goto out;
	}
	printf("\nOf %zu pairs B is slower in %zu, faster in %zu, equivalent in %zu; %zu are "
	       "inconclusive.\n",
		c.count, c.verdicts[STATS_SLOWER], c.verdicts[STATS_FASTER],
		c.verdicts[STATS_EQUIVALENT], c.verdicts[STATS_INCONCLUSIVE]);
	if (c.unknown > 0)
		printf("Of %zu it is not known what runs vary by: that takes %d rows in cells of "
		       "one kind. Nothing is said of them.\n",
			c.unknown, BETWEEN_ROWS_MIN);
	if (c.condition.given)
		printf("--fail-if '%s': %zu row%s.\n", request.fail_if, c.hits,
			c.hits == 1 ? "" : "s");
	status = c.hits > 0 ? STATUS_REGRESSED : COMMAND_OK;
	if (fflush(stdout) != 0) {
		perror("nblbench compare: the result can't be printed");
		status = COMMAND_FAILED;
	}
out:
	free(c.rows);
	analysis_free(stores[0]);
	analysis_free(stores[1]);
	return status;
}

const struct command command_compare = {
	.name = "compare",
	.summary = "compare two stores; an exit status for CI",
	.run = run_compare,
};
