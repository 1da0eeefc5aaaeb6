/* The report as Markdown, short enough for a comment on a pull request. */
#include "bench/analysis/analysis.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/escape.h"
#include "bench/report/report.h"

#include <inttypes.h>
#include <math.h>

static void put(FILE *out, const char *before, const char *text, const char *behind)
{
	fputs(before, out);
	markdown_text(out, text);
	fputs(behind, out);
}

static void put_result(FILE *out, const struct analysis *a, size_t cell, size_t subject)
{
	const struct analysis_result *r = analysis_at(a, cell, subject);
	char letters[ANALYSIS_LETTERS_MAX];

	if (r->state != ANALYSIS_MEASURED || isnan(r->to_best.point)) {
		fprintf(out, "%s",
			r->state == ANALYSIS_UNSUPPORTED  ? "n/a"
			: r->state == ANALYSIS_DRY        ? "dry"
			: r->state > ANALYSIS_UNSUPPORTED ? analysis_state_name(r->state)
							  : "-");
		return;
	}
	analysis_letters(r, letters);
	fprintf(out, "%s%s%s%s", r->in_best_set ? "**" : "", number_ratio(r->to_best.point).text,
		r->in_best_set ? "**" : "", *letters == '\0' ? "" : " ");
	fprintf(out, "%s%s%s%s", letters, analysis_unsure(a, cell, subject) ? "?" : "",
		r->failed > 0 ? " dry" : "", r->others > 0 ? " !" : "");
}

static void put_matrix(FILE *out, const struct analysis *a, const size_t *order, size_t n)
{
	fputs("| × best |", out);
	for (size_t c = 0; c < a->cell_count; c++)
		put(out, " ", a->cells[c].label, " |");
	fputs("\n|---|", out);
	for (size_t c = 0; c < a->cell_count; c++)
		fputs("--:|", out);
	fputs("\n| best, ns a unit, per CPU or pair |", out);
	for (size_t c = 0; c < a->cell_count; c++)
		fprintf(out, " %s |",
			a->cells[c].has_best
				? number_plain(exp(analysis_at(a, c, a->cells[c].best)->ns.point))
					  .text
				: "-");
	fputc('\n', out);
	for (size_t i = 0; i < n; i++) {
		put(out, "| ", a->subjects[order[i]].label, " |");
		for (size_t c = 0; c < a->cell_count; c++) {
			fputc(' ', out);
			put_result(out, a, c, order[i]);
			fputs(" |", out);
		}
		fputc('\n', out);
	}
}

static void put_advice(FILE *out, const struct analysis *a)
{
	struct analysis_advice advice[ANALYSIS_ADVICE_MAX];
	const size_t n = analysis_advise(a, advice);

	if (n == 0)
		return;
	fputs("\n| If ... | choose | at worst, × fastest | else |\n|---|---|--:|---|\n", out);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "| %s", advice[i].need);
		put(out, " | ", a->subjects[advice[i].choice].label, " | ");
		fputs(number_ratio(advice[i].worst).text, out);
		put(out, " | ", advice[i].has_second ? a->subjects[advice[i].second].label : "",
			" |\n");
	}
}

/* Each pair of a strategy's two builds, by cell. */
static void put_against(FILE *out, const struct analysis *a)
{
	char text[ANALYSIS_SENTENCE_BYTES];
	struct stats_estimate effect;
	enum stats_verdict verdict;

	analysis_against_text(a, text);
	if (*text == '\0')
		return;
	put(out, "\n## This build against the other\n\n", text,
		"\n\nTime of this build as a multiple of the other's, with 95 % intervals; below 1 "
		"this one is faster.\n\n| cell | strategy | × other | verdict "
		"|\n|---|---|--:|---|\n");
	for (size_t c = 0; c < a->cell_count; c++) {
		for (size_t i = 0; i < a->subject_count; i++) {
			if (!analysis_against(a, c, i, &effect, &verdict))
				continue;
			put(out, "| ", a->cells[c].label, " | ");
			put(out, "", a->subjects[a->subjects[i].original].label, " | ");
			fprintf(out, "%s (%s) | %s |\n", number_ratio(effect.point).text,
				number_ratio_range(effect.lo, effect.hi).text,
				stats_verdict_name(verdict));
		}
	}
}

static void put_percentile(FILE *out, const struct analysis_percentile *at)
{
	fprintf(out, " %s%s", number_plain(at->ns).text, at->below ? "°" : "");
	if (isfinite(at->ns) && isfinite(at->lo) && isfinite(at->hi))
		fprintf(out, " (%s)", number_plain_range(at->lo, at->hi).text);
	fputs(" |", out);
}

/* Of the rows that hand over, if there are any. */
static void put_hand_over(
	FILE *out, const struct analysis *a, size_t c, const size_t *order, size_t n)
{
	bool headed = false;

	for (size_t i = 0; i < n; i++) {
		const struct analysis_latency *l = analysis_latency(a, c, order[i]);

		if (l->hand_over_count == 0)
			continue;
		if (!headed)
			fputs("\n| hand-over, ns | gets p50 | p99 | puts p50 | p99 | age p50 | p99 "
			      "| longest |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
				out);
		headed = true;
		put(out, "| ", a->subjects[order[i]].label, " |");
		for (size_t kind = 0; kind < l->hand_over_count; kind++) {
			put_percentile(out, &l->hand_over[kind].at[LATENCY_P50]);
			put_percentile(out, &l->hand_over[kind].at[LATENCY_P99]);
		}
		if (l->hand_over_count > ANALYSIS_AGES)
			fprintf(out, " %s |\n",
				number_plain(l->hand_over[ANALYSIS_AGES].longest_ns).text);
		else
			fputs(" - | - | - |\n", out);
	}
}

static void put_latency(
	FILE *out, const struct analysis *a, size_t c, const size_t *order, size_t n)
{
	put(out, "\n### ", a->cells[c].label, "");
	fputs("\n\n| ns a call | p50 | p90 | p99 | p99.9 | p99.99 | longest | × a unit's | balance "
	      "|\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
		out);
	for (size_t i = 0; i < n; i++) {
		const struct analysis_latency *l = analysis_latency(a, c, order[i]);

		put(out, "| ", a->subjects[order[i]].label, " |");
		for (int p = 0; p < LATENCY_PERCENTILES; p++)
			put_percentile(out, &l->at[p]);
		fprintf(out, " %s | %s | %s |\n", number_plain(l->longest_ns).text,
			l->time_comparable ? number_plain(l->time_ratio).text : "-",
			l->balance_comparable ? number_plain(l->balance).text : "-");
	}
	char text[ANALYSIS_SENTENCE_BYTES];

	analysis_balances(a, c, text);
	fprintf(out, "\nThe clock: p50 %s ns, p99 %s ns.%s%s\n",
		number_plain(analysis_latency(a, c, order[0])->probe_ns).text,
		number_plain(analysis_latency(a, c, order[0])->probe_p99_ns).text,
		*text == '\0' ? "" : " ", text);
	for (size_t i = 0; i < n; i++) {
		analysis_imbalance(a, c, order[i], text);
		if (*text == '\0')
			continue;
		put(out, "\n- ", text, "");
	}
	fputc('\n', out);
	put_hand_over(out, a, c, order, n);
}

/* Every cell that has latency; order is scratch. */
static void put_latencies(FILE *out, const struct analysis *a, size_t *order)
{
	if (!a->has_latency)
		return;
	fprintf(out,
		"\n## Latency\n\nTimes of single calls, by p99, with 95 %% intervals. °: below "
		"twice "
		"what the clock takes by itself. -: fewer than %d calls lie beyond it. × a unit's: "
		"the times of a unit's calls against its time by throughput. balance: where every "
		"call is timed, their times against what the clock, the workload's own work and "
		"waits leave of the slice. -: threads share CPUs, or too short for the clock.\n",
		LATENCY_EVIDENCE);
	if (a->has_hand_over) {
		char no_ages[ANALYSIS_SENTENCE_BYTES];

		analysis_no_ages(a, no_ages);
		fprintf(out,
			"\nHand-over: one thread gets what another puts. gets and puts are the "
			"calls of either. age: from before an object's put to after the get that "
			"brings it back. %s\n",
			no_ages);
	}
	for (size_t c = 0; c < a->cell_count; c++) {
		const size_t n = analysis_latency_order(a, c, order);

		if (n > 0)
			put_latency(out, a, c, order, n);
	}
}

static void put_response(FILE *out, const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_response *r = analysis_response(a, c, subject);
	char text[ANALYSIS_SENTENCE_BYTES];

	put(out, "| ", a->subjects[subject].label, " | ");
	fprintf(out, "%s |", number_plain(r->capacity_s / 1e6).text);
	for (size_t i = 0; i < a->cells[c].load_count; i++) {
		const struct analysis_at_load *at = &r->at[i];

		if (!at->measured)
			fputs(" - |", out);
		else
			fprintf(out, " %s / %s / %s |", number_plain(at->at[LATENCY_P50].ns).text,
				number_plain(at->at[LATENCY_P99].ns).text,
				number_plain(at->at[LATENCY_P999].ns).text);
	}
	analysis_knee(a, c, subject, text);
	put(out, " ", *text == '\0' ? "-" : text, " | ");
	analysis_response_marks(a, c, subject, text);
	put(out, "", text, " |\n");
}

/* A cell's response times, if it has any. */
static void put_cell_responses(
	FILE *out, const struct analysis *a, size_t c, const size_t *order, size_t n)
{
	size_t rows = 0;

	for (size_t i = 0; i < n; i++) {
		const struct analysis_response *r = analysis_response(a, c, order[i]);

		if (r == NULL)
			continue;
		if (rows++ == 0) {
			put(out, "\n### ", a->cells[c].label, ", ");
			put(out, "", r->arrivals, "\n\n| ns | capacity, million/s |");
			for (size_t k = 0; k < a->cells[c].load_count; k++)
				fprintf(out, " %" PRIu32 " %%: p50 / p99 / p99.9 |",
					a->cells[c].loads[k]);
			fputs(" knee, % | marks |\n|---|--:|", out);
			for (size_t k = 0; k < a->cells[c].load_count; k++)
				fputs("--:|", out);
			fputs("--:|---|\n", out);
		}
		put_response(out, a, c, order[i]);
	}
}

static void put_responses(FILE *out, const struct analysis *a, const size_t *order, size_t n)
{
	if (!a->has_responses)
		return;
	fprintf(out,
		"\n## Response time against load\n\nFrom the moment at which work was to arrive, "
		"at "
		"loads in per cent of the measured capacity. not kept: less than %.0f %% of what "
		"was "
		"wanted was served, so response times only grow. late: more than %.0f %% of the "
		"work "
		"was begun over a microsecond after it had arrived. Knee: the highest load that is "
		"kept with a p99 of at most %.0f times that at the lightest; ≥: no heavier load "
		"was "
		"measured.\n",
		100 * ANALYSIS_KEPT, 100 * ANALYSIS_LATE, ANALYSIS_KNEE);
	for (size_t c = 0; c < a->cell_count; c++)
		put_cell_responses(out, a, c, order, n);
}

/* Of the cells whose workload wants all objects of the pool. */
static void put_scarcities(FILE *out, const struct analysis *a, const size_t *order, size_t n)
{
	bool headed = false;

	for (size_t c = 0; c < a->cell_count; c++) {
		for (size_t i = 0; i < n; i++) {
			const struct analysis_scarcity *s = &analysis_at(a, c, order[i])->scarcity;

			if (isnan(s->none))
				continue;
			if (!headed)
				fputs("\n## Scarce objects\n\nGets that found none, how many of "
				      "them "
				      "in a row, the part of them that one thread met, and what "
				      "was "
				      "stranded: free at such a get, in caches where it did not "
				      "look.\n\n| cell | strategy | found none, % | in a row | one "
				      "thread's, % | stranded, % of the pool | at most "
				      "|\n|---|---|--:|--:|--:|--:|--:|\n",
					out);
			headed = true;
			put(out, "| ", a->cells[c].label, " | ");
			put(out, "", a->subjects[order[i]].label, "");
			fprintf(out, " | %s | %s | %s | %s | %s |\n",
				number_plain(100 * s->none).text, number_plain(s->spell).text,
				number_plain(100 * s->worst).text,
				number_plain(100 * s->stranded).text,
				number_plain(100 * s->stranded_most).text);
		}
	}
}

static void put_events(FILE *out, const struct analysis *a)
{
	size_t printed = 0;

	for (size_t i = 0; i < a->event_count; i++) {
		const struct analysis_event *event = &a->events[i];

		if (strcmp(event->state, "unsupported") == 0)
			continue;
		put(out, printed++ == 0 ? "\n- **" : "- **", event->state, "** ");
		put(out, "", event->subject == NULL ? "all" : event->subject, ", ");
		put(out, "", event->cell == NULL ? "all cells" : event->cell, ": ");

		AUTO_FREE char *first = strndup(event->detail, strcspn(event->detail, "\n"));

		put(out, "", first == NULL ? "" : first, "\n");
	}
}

void report_markdown(const struct analysis *analysis, FILE *out)
{
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	char text[ANALYSIS_SENTENCE_BYTES];
	size_t contestants;
	const size_t n = analysis_order(analysis, order, &contestants);

	analysis_verdict(analysis, text);
	put(out, "# nblbench\n\n", text, "\n\n");
	analysis_confidence(analysis, text);
	put(out, "", text, "\n\n");
	analysis_changes(analysis, text);
	put(out, "", text, "\n\n");
	fprintf(out,
		"Time a unit of work, as a multiple of the best of each cell. Bold: best, or "
		"tied: not shown to be worse, and known to be less than %.0f %% behind. Rows of a "
		"column that share a letter can't be told apart from the fastest of them. ?: "
		"inconclusive. dry: some gets failed, so the time is not ranked. Rows without a "
		"letter are measured for reference. " ANALYSIS_UNIT_NOTE "\n\n",
		100 * ANALYSIS_KNOWN);
	if (analysis->change_count > 0)
		fputs(ANALYSIS_OTHERS_MARK "\n\n", out);
	put_matrix(out, analysis, order, n);
	analysis_apart(analysis, text);
	if (*text != '\0')
		put(out, "\n", text, "\n");
	analysis_false_empties(analysis, text);
	if (*text != '\0')
		put(out, "\n", text, "\n");
	put_against(out, analysis);
	put_advice(out, analysis);
	put_latencies(out, analysis, order);
	analysis_order(analysis, order, &contestants);
	put_responses(out, analysis, order, n);
	put_scarcities(out, analysis, order, n);
	put_events(out, analysis);
	put(out, "\nSource ", analysis->source_revision, ", build ");
	put(out, "", analysis->build_id, "");
	if (analysis->machine_count > 0) {
		const struct analysis_machine *m = &analysis->machines[analysis->machine_count - 1];

		fprintf(out, ", %s", number_date(m->started_ns).text);
		put(out, ", noise grade ", m->grade, "");
	}
	fputs(".\n", out);
}
