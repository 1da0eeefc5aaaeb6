/*
 * The report as Markdown: what fits on a screen and in a comment on a pull request, at most 60 lines. The
 * page and the CSV have all tables.
 */
#include "bench/analysis/analysis.h"
#include "bench/analysis/choice.h"
#include "bench/analysis/trust.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/escape.h"
#include "bench/report/report.h"

#include <inttypes.h>
#include <math.h>

/* Lines of what there may be many of. */
enum { SHOWN_ROWS = 6, SHOWN_PAIRS = 6, SHOWN_EVENTS = 4 };

static void put(FILE *out, const char *before, const char *text, const char *behind)
{
	fputs(before, out);
	markdown_text(out, text);
	fputs(behind, out);
}

static void put_pick(FILE *out, const struct analysis *a, const struct choice *choice,
	const struct choice_pick *pick, bool bold)
{
	char there[ANALYSIS_SENTENCE_BYTES], caveats[ANALYSIS_SENTENCE_BYTES];

	choice_worst(a, choice, pick, there);
	choice_caveats(pick, caveats);
	put(out, bold ? " | **" : " | ", choice_name(a, choice->contest, pick->subject),
		bold ? "** | " : " | ");
	fprintf(out, "%s | %s | ", number_ratio(pick->typical).text,
		number_ratio(pick->worst).text);
	put(out, "", there, *caveats == '\0' ? "" : "; ");
	put(out, "", caveats, "");
}

static void put_choice(FILE *out, const struct analysis *a, const struct choice *choice)
{
	char sure[ANALYSIS_SENTENCE_BYTES];

	put(out, choice->situation == NULL ? "| " : "| if ",
		choice->situation == NULL ? choice_question(choice->contest) : choice->situation,
		"");
	put_pick(out, a, choice, &choice->first, true);
	if (choice->has_second)
		put_pick(out, a, choice, &choice->second, false);
	else
		fputs(" | - | - | - | ", out);
	choice_confidence(choice, sure);
	put(out, " | ", sure, " |\n");
}

/* Page one: whom to choose. */
static void put_choices(FILE *out, const struct analysis *a)
{
	struct choice choice, situations[CHOICE_SITUATIONS_MAX];
	char text[ANALYSIS_SENTENCE_BYTES];
	const size_t n = choice_by_situation(a, situations, text);
	size_t decided = 0;

	for (enum contest contest = 0; contest < CONTESTS; contest++) {
		if (!choice_of_contest(a, contest, &choice))
			continue;
		if (decided++ == 0)
			fputs("| | choose | × fastest | wrong at worst, × | there | else | × "
			      "fastest | wrong at worst, × | there | with 95 % |\n"
			      "|---|---|--:|--:|---|---|--:|--:|---|---|\n",
				out);
		put_choice(out, a, &choice);
	}
	for (size_t i = 0; i < n && decided > 0; i++)
		put_choice(out, a, &situations[i]);
	if (decided == 0) {
		analysis_verdict(a, text);
		put(out, "", text, "\n\n");
		return;
	}
	fputs("\nAgainst the fastest of all rows of a cell, whatever it lacks; typically, and in "
	      "the worst cell: what it costs to be wrong. Each workload is one vote, however many "
	      "cells it has; a cell without a figure counts as its slowest.",
		out);
	put(out, *text == '\0' ? "" : " ", text, "\n\n");
	analysis_broken(a, text);
	if (*text != '\0')
		put(out, "", text, "\n\n");
}

/* The first rows of a contest. */
static void put_contest(FILE *out, const struct analysis *a, enum contest contest, size_t *order)
{
	struct choice_standing standing;
	size_t contestants;

	choice_order(a, contest, order, &contestants);
	for (size_t k = 0; k < contestants && k < SHOWN_ROWS; k++) {
		choice_standing(a, contest, order[k], &standing);
		if (k == 0)
			fprintf(out,
				"\n| %s: the first %zu of %zu rows | × fastest | wrong at worst, × "
				"| "
				"best or tied, of %zu cells | undecided | no figure |\n"
				"|---|--:|--:|--:|--:|--:|\n",
				contest_name(contest),
				contestants < SHOWN_ROWS ? contestants : (size_t)SHOWN_ROWS,
				contestants, standing.cells);
		put(out, "| ", choice_name(a, contest, order[k]), " | ");
		fprintf(out, "%s | %s | %zu | %zu | %zu |\n", number_ratio(standing.typical).text,
			number_ratio(standing.worst).text, standing.best, standing.undecided,
			standing.missing);
	}
}

/* Pairs of a strategy's two builds of which one is faster, by cell. */
static void put_against(FILE *out, const struct analysis *a)
{
	char text[ANALYSIS_SENTENCE_BYTES];
	struct stats_estimate effect;
	enum stats_verdict verdict;
	size_t shown = 0;

	analysis_against_text(a, text);
	if (*text == '\0')
		return;
	put(out, "\n## This build against the other\n\n", text,
		"\n\nTime of this build as a multiple of the other's, with 95 % intervals; below 1 "
		"this one is faster.\n\n| cell | strategy | × other | verdict "
		"|\n|---|---|--:|---|\n");
	for (size_t c = 0; c < a->cell_count; c++) {
		for (size_t i = 0; i < a->subject_count; i++) {
			if (!analysis_against(a, c, i, &effect, &verdict) ||
				(verdict != STATS_FASTER && verdict != STATS_SLOWER) ||
				shown++ >= SHOWN_PAIRS)
				continue;
			put(out, "| ", a->cells[c].label, " | ");
			put(out, "", a->subjects[a->subjects[i].original].label, " | ");
			fprintf(out, "%s (%s) | %s |\n", number_ratio(effect.point).text,
				number_ratio_range(effect.lo, effect.hi).text,
				stats_verdict_name(verdict));
		}
	}
}

static void put_events(FILE *out, const struct analysis *a)
{
	size_t printed = 0;

	for (size_t i = 0; i < a->event_count; i++) {
		const struct analysis_event *event = &a->events[i];

		if (strcmp(event->state, "unsupported") == 0 || printed == SHOWN_EVENTS)
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

	fputs("# nblbench\n\n", out);
	put_choices(out, analysis);
	analysis_confidence(analysis, text);
	put(out, "", text, " ");
	analysis_changes(analysis, text);
	put(out, "", text, "\n");
	analysis_false_empties(analysis, text);
	if (*text != '\0')
		put(out, "\n", text, "\n");
	for (enum contest contest = 0; contest < CONTESTS; contest++)
		put_contest(out, analysis, contest, order);
	put_against(out, analysis);
	put_events(out, analysis);
	if (analysis->trust != NULL) {
		trust_tell(analysis->trust, analysis, text);
		put(out, "\n", text, "\n");
	}
	put(out, "\nSource ", analysis->source_revision, ", build ");
	put(out, "", analysis->build_id, "");
	if (analysis->machine_count > 0) {
		const struct analysis_machine *m = &analysis->machines[analysis->machine_count - 1];

		fprintf(out, ", %s", number_date(m->started_ns).text);
		put(out, ", noise grade ", m->grade, "");
	}
	fputs(".\n", out);
}
