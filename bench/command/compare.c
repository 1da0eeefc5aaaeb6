/*
 * `nblbench compare A B`: the same cells in two stores, and whether B is slower.
 *
 * The runs were not interleaved, so what differs between two moments is in the figures: how steady each
 * store's machine was and how the fingerprints differ are said before any other number, and no verdict
 * is finer than the larger of the two noise floors. The interval of a ratio comes from the intervals of
 * its sides (stats_difference), which needs no common resampling.
 */
#include "bench/analysis/drift.h"
#include "bench/analysis/metric.h"
#include "bench/base/number.h"
#include "bench/base/options.h"
#include "bench/command/command.h"
#include "bench/report/report.h"
#include "bench/report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_REGRESSED = 4, DIFFERENCE_MAX = 60 };

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

static const char *value_named(const struct analysis_machine *m, const char *name)
{
	for (size_t i = 0; i < m->value_count; i++) {
		if (strcmp(m->values[i].name, name) == 0)
			return m->values[i].value;
	}
	return NULL;
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
			put_difference(
				name, ma->values[i].value, value_named(mb, name), &differences);
	}
	for (size_t i = 0; i < mb->value_count; i++) {
		if (value_named(ma, mb->values[i].name) == NULL)
			put_difference(mb->values[i].name, NULL, mb->values[i].value, &differences);
	}
	if (differences == 0)
		printf("The environments do not differ.\n");
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
		       : metric_logarithm(metric_of(a, cell, subject, metric, 0, &lack));
}

static size_t find_subject(const struct analysis *a, const char *label)
{
	size_t i = 0;

	while (i < a->subject_count && strcmp(a->subjects[i].label, label) != 0)
		i++;
	return i;
}

struct tally {
	enum metric metric;
	size_t compared, alone, verdicts[STATS_EQUIVALENT + 1], hits;
};

static void compare_row(const struct analysis *a, const struct analysis *b, size_t ca, size_t cb,
	size_t sa, size_t sb, const struct condition *condition, struct tally *tally)
{
	const struct analysis_result *ra = analysis_at(a, ca, sa), *rb = analysis_at(b, cb, sb);
	const char *label = a->subjects[sa].label;

	if (ra->state != ANALYSIS_MEASURED || rb->state != ANALYSIS_MEASURED) {
		if (ra->state != rb->state) {
			printf("  %-20.30s %s in A, %s in B\n", label,
				analysis_state_name(ra->state), analysis_state_name(rb->state));
			tally->alone++;
			/* What ran before and breaks now is a regression by any condition. */
			tally->hits += condition->given && ra->state == ANALYSIS_MEASURED &&
						       rb->state > ANALYSIS_UNSUPPORTED
					       ? 1
					       : 0;
		}
		return;
	}

	const struct stats_estimate ea = figure_of(a, ca, sa, tally->metric);
	const struct stats_estimate eb = figure_of(b, cb, sb, tally->metric);

	if (tally->metric != METRIC_TIME && (isnan(ea.point) || isnan(eb.point)))
		return;

	const struct stats_estimate effect = stats_difference(eb, ea);
	const double fa = analysis_floor(a, ca, sa, sa), fb = analysis_floor(b, cb, sb, sb);
	/* The percentiles of two histograms may be a bucket's width apart without a reason. */
	const double floor_log = tally->metric != METRIC_TIME ? log1p(1.0 / HISTOGRAM_STEPS)
				 : isnan(fa) || isnan(fb)     ? NAN
							      : fmax(fa, fb);
	const enum stats_verdict verdict = stats_verdict(&effect, a->margin, floor_log);
	const bool decided = verdict == STATS_FASTER || verdict == STATS_SLOWER;
	const bool hit = condition->given && decided && holds(condition, exp(-effect.point));

	printf("  %-20.30s %8s %8s   %5s  %-13s %s%s\n", label, number_plain(exp(ea.point)).text,
		number_plain(exp(eb.point)).text, number_ratio(-effect.point).text,
		number_ratio_range(-effect.hi, -effect.lo).text, stats_verdict_name(verdict),
		hit ? "  <- fails" : "");
	tally->compared++;
	tally->verdicts[verdict]++;
	tally->hits += hit ? 1 : 0;
}

/* The strategies of `a`, the store of that name, that the other lacks. */
static void put_missing(const struct analysis *a, const struct analysis *other, const char *name)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		if (find_subject(other, a->subjects[i].label) == other->subject_count)
			printf("\n%s: only in %s\n", a->subjects[i].label, name);
	}
}

static void compare_cells(const struct analysis *a, const struct analysis *b,
	const struct condition *condition, struct tally *tally)
{
	for (size_t ca = 0; ca < a->cell_count; ca++) {
		const size_t cb = analysis_find_cell(b, a->cells[ca].label);

		if (cb == b->cell_count) {
			printf("\n%s: only in A\n", a->cells[ca].label);
			continue;
		}
		printf("\n%s%s\n  %-20s %8s %8s   %5s  %-13s %s\n", a->cells[ca].label,
			a->cells[ca].disturbed || b->cells[cb].disturbed ? " (disturbed)" : "",
			"strategy", "A ns", "B ns", "speed", "95 %", "B is");
		for (size_t sa = 0; sa < a->subject_count; sa++) {
			const size_t sb = find_subject(b, a->subjects[sa].label);

			if (sb < b->subject_count && a->subjects[sa].role != ANALYSIS_TWIN)
				compare_row(a, b, ca, cb, sa, sb, condition, tally);
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
};

static const struct options_entry entries[] = {
	OPTION(TEXT, struct compare_request, measure, "measure", 0, "WHAT",
		"time, of a unit; or p50, p99, p99.9 or max, of the times of calls."),
	OPTION(TEXT, struct compare_request, fail_if, "fail-if", 0, "'ratio<R'",
		"exit 4 if for some row the ratio of speeds, B / A, is below R (or above: "
		"'ratio>R') and the verdict is faster or slower, or if B breaks where A ran."),
};

static const struct options options = {
	.command = "compare",
	.operands = "A.db B.db",
	.operands_least = 2,
	.operands_most = 2,
	.summary =
		"Compares two stores, cell by cell and strategy by strategy. Says first how "
		"steady their machines were and how their environments differ. The ratio is one "
		"of speeds, B / A: below 1, B is slower. The runs were not interleaved, so trust "
		"small differences less than those within a store.",
	.closing = "Exit status: 0 done, 1 a store can't be read or there is nothing to compare, 2 "
		   "usage, 4 the condition of --fail-if holds.",
	.count = sizeof(entries) / sizeof(entries[0]),
	.entry = entries,
};

static int run_compare(int argc, char **argv)
{
	struct compare_request request = {.measure = "time"};
	struct condition condition = {0};
	struct analysis *stores[2] = {NULL, NULL};
	struct tally tally = {0};
	char why[REPORT_WHY_BYTES], text[ANALYSIS_SENTENCE_BYTES];
	int operand, status;

	if (!options_parse(&options, argc, argv, &request, &operand, &status))
		return status;
	if (request.fail_if != NULL && !parse_condition(request.fail_if, &condition)) {
		fprintf(stderr,
			"nblbench compare: --fail-if takes a condition like 'ratio<0.97' or "
			"'ratio>=1.5', with a number above 0; '%s' is none\n",
			request.fail_if);
		return COMMAND_USAGE;
	}
	tally.metric = (enum metric)options_find(request.measure, metric_name);
	if (tally.metric != METRIC_TIME &&
		(tally.metric < METRIC_P50 || tally.metric > METRIC_MAX)) {
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
	compare_cells(stores[0], stores[1], &condition, &tally);
	if (tally.compared == 0 && tally.hits == 0) {
		fflush(stdout);
		fprintf(stderr, "nblbench compare: there is nothing to compare: no strategy "
				"has what is compared in a cell of both stores.\n");
		goto out;
	}
	printf("\nOf %zu pairs B is slower in %zu, faster in %zu, equivalent in %zu; %zu are "
	       "inconclusive.\n",
		tally.compared, tally.verdicts[STATS_SLOWER], tally.verdicts[STATS_FASTER],
		tally.verdicts[STATS_EQUIVALENT], tally.verdicts[STATS_INCONCLUSIVE]);
	if (condition.given)
		printf("--fail-if '%s': %zu row%s.\n", request.fail_if, tally.hits,
			tally.hits == 1 ? "" : "s");
	status = tally.hits > 0 ? STATUS_REGRESSED : COMMAND_OK;
	if (fflush(stdout) != 0) {
		perror("nblbench compare: the result can't be printed");
		status = COMMAND_FAILED;
	}
out:
	analysis_free(stores[0]);
	analysis_free(stores[1]);
	return status;
}

const struct command command_compare = {
	.name = "compare",
	.summary = "compare two stores; an exit status for CI",
	.run = run_compare,
};
