/* See table.h. */
#include "bench/report/table.h"

#include "bench/analysis/choice.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	COLUMN = 13,    /* of a cell: a ratio of five characters, its letters, a blank */
	RATIO = 6,      /* of that, for the ratio */
	TALLY = 7,      /* "best in": 12/36 */
	LETTERS = 3,    /* and for the letters */
	LABEL_MAX = 24, /* characters of a subject's label that are shown */
	LABEL_MIN = 8,
	ENTRY_BYTES = 96,
};

static const char bold_green[] = "\033[1;32m", red[] = "\033[31m", plain[] = "\033[0m";

void table_wrap(FILE *out, const char *text, unsigned width)
{
	size_t column = 0;

	while (*text != '\0') {
		const size_t word = strcspn(text, " ");

		if (column > 0 && column + 1 + word > width) {
			fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%.*s", column > 0 ? " " : "", (int)word, text);
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* What stands for a result: its ratio and letters, or a word. */
static void entry(const struct analysis *a, size_t cell, size_t subject, char *text, size_t bytes)
{
	static const char *const words[] = {
		[ANALYSIS_ABSENT] = "-",
		[ANALYSIS_MEASURED] = "",
		[ANALYSIS_DRY] = "dry",
		[ANALYSIS_UNSUPPORTED] = "n/a",
		[ANALYSIS_CRASHED] = "crash",
		[ANALYSIS_HUNG] = "hung",
		[ANALYSIS_LOST] = "lost",
		[ANALYSIS_FAILED] = "failed",
	};
	const struct analysis_result *r = analysis_at(a, cell, subject);
	char letters[ANALYSIS_LETTERS_MAX];

	if (r->state != ANALYSIS_MEASURED || isnan(r->to_best.point)) {
		snprintf(text, bytes, "%*s", RATIO,
			r->state == ANALYSIS_MEASURED ? "-" : words[r->state]);
		return;
	}
	analysis_letters(r, letters);

	/* Three characters are room for one run of letters; a member of more shows the first. */
	if (strlen(letters) > LETTERS)
		strcpy(letters + 1, "..");
	snprintf(text, bytes, "%*.10s %s%s%s", RATIO, number_ratio(r->to_best.point).text,
		r->failed > 0 ? "dry" : letters, analysis_unsure(a, cell, subject) ? "?" : "",
		r->others > 0 ? "!" : "");
}

static void put_entry(const struct analysis *a, size_t cell, size_t subject, FILE *out, bool colour)
{
	const struct analysis_result *r = analysis_at(a, cell, subject);
	const char *start = "";
	char text[ENTRY_BYTES];

	entry(a, cell, subject, text, sizeof(text));
	if (colour && r->in_best_set)
		start = bold_green;
	else if (colour && r->state > ANALYSIS_UNSUPPORTED)
		start = red;
	fprintf(out, "%s%-*s%s", start, COLUMN, text, *start == '\0' ? "" : plain);
}

static size_t label_width(const struct analysis *a)
{
	size_t width = LABEL_MIN;

	for (size_t i = 0; i < a->subject_count; i++) {
		const size_t length = strlen(a->subjects[i].whole);

		width = length > width ? length : width;
	}
	return width > LABEL_MAX ? LABEL_MAX : width;
}

/* Which cell a column's number stands for, its best time and its noise. */
static void put_legend(const struct analysis *a, FILE *out, unsigned width)
{
	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_cell *cell = &a->cells[c];
		char line[2 * ANALYSIS_SENTENCE_BYTES] = "";
		char floors[ANALYSIS_SENTENCE_BYTES];

		append(line, sizeof(line), "  [%zu] %.300s:", c + 1, cell->label);
		if (cell->has_best)
			append(line, sizeof(line), " best %s ns a unit (%.100s)",
				number_plain(exp(analysis_at(a, c, cell->best)->ns.point)).text,
				a->subjects[cell->best].label);
		else
			append(line, sizeof(line), " not measured");
		analysis_floors(a, c, floors);
		append(line, sizeof(line), "%s%s%s%s", *floors != '\0' ? ", noise floor " : "",
			floors, cell->oversubscribed ? ", more threads than CPUs" : "",
			cell->disturbed ? ", disturbed" : "");
		table_wrap(out, line, width);
	}
}

/* A matrix of the cells of a contest, in as many bands as it takes; order and cells are scratch. */
static void put_matrix(const struct analysis *a, enum contest contest, size_t *order, size_t *cells,
	FILE *out, unsigned width, bool colour)
{
	const size_t most = width - 1 - TALLY - COLUMN, wanted = label_width(a);
	const int label = (int)(wanted < most ? wanted : most);
	const size_t left = (size_t)label + 1 + TALLY;
	const size_t band = width > left + COLUMN ? (width - left) / COLUMN : 1;
	size_t contestants, n = 0;
	const size_t rows = choice_order(a, contest, order, &contestants);

	for (size_t c = 0; c < a->cell_count; c++) {
		if (a->cells[c].contest == contest)
			cells[n++] = c;
	}
	for (size_t first = 0; first < n; first += band) {
		const size_t end = first + band < n ? first + band : n;

		fprintf(out, "\n%-*s %-*s", label, contest_name(contest), TALLY, "best in");
		for (size_t k = first; k < end; k++) {
			char head[ENTRY_BYTES];

			snprintf(head, sizeof(head), "[%zu]", cells[k] + 1);
			fprintf(out, "%*s%*s", RATIO, head, COLUMN - RATIO, "");
		}
		fputc('\n', out);
		for (size_t i = 0; i < rows; i++) {
			struct choice_standing standing;
			char tally[ENTRY_BYTES] = "";

			choice_standing(a, contest, order[i], &standing);
			if (i == contestants)
				fputs("for reference, not ranked:\n", out);
			if (i < contestants && standing.missing < standing.cells)
				snprintf(tally, sizeof(tally), "%zu/%zu", standing.best,
					standing.cells);
			fprintf(out, "%-*.*s %-*s", label, label, choice_name(a, contest, order[i]),
				TALLY, tally);
			for (size_t k = first; k < end; k++)
				put_entry(a, cells[k], order[i], out, colour);
			fputc('\n', out);
		}
	}
}

/* One cell alone has room for its intervals. */
static void put_ranking(const struct analysis *a, const size_t *order, size_t rows, FILE *out,
	unsigned width, bool colour)
{
	const int label = (int)label_width(a);

	fprintf(out, "\n%-6s %-*s %8s  %-13s %-*s %s\n", "rank", label, "strategy", "ns/unit",
		"95 %", COLUMN, "x best", "verdict");
	for (size_t i = 0; i < rows; i++) {
		const struct analysis_result *r = analysis_at(a, 0, order[i]);

		fprintf(out, "%-6s %-*.*s ", number_rank(r->rank_low, r->rank_high).text, label,
			label, a->subjects[order[i]].label);
		if (r->state != ANALYSIS_MEASURED) {
			fprintf(out, "%s: %.*s\n", analysis_state_name(r->state),
				(int)(width > (unsigned)label + 24 ? width - (unsigned)label - 24
								   : LABEL_MIN),
				r->reason == NULL ? "" : r->reason);
			continue;
		}
		fprintf(out, "%8s  %-13s ", number_plain(exp(r->ns.point)).text,
			number_plain_range(exp(r->ns.lo), exp(r->ns.hi)).text);
		put_entry(a, 0, order[i], out, colour);
		fprintf(out, " %s\n",
			a->cells[0].has_best && order[i] == a->cells[0].best
				? "best"
				: stats_verdict_name(r->best_verdict));
	}
}

/* Whom to choose, a paragraph a contest and situation. */
static void put_choices(const struct analysis *a, FILE *out, unsigned width)
{
	struct choice choice, situations[CHOICE_SITUATIONS_MAX];
	char text[ANALYSIS_SENTENCE_BYTES], unanswered[ANALYSIS_SENTENCE_BYTES];
	const size_t n = choice_by_situation(a, situations, unanswered);
	size_t decided = 0;

	for (enum contest contest = 0; contest < CONTESTS; contest++) {
		if (!choice_of_contest(a, contest, &choice))
			continue;
		choice_sentences(a, &choice, text);
		table_wrap(out, text, width);
		decided++;
	}
	if (decided == 0) {
		analysis_verdict(a, text);
		table_wrap(out, text, width);
	}
	for (size_t i = 0; i < n; i++) {
		choice_sentences(a, &situations[i], text);
		table_wrap(out, text, width);
	}
	if (*unanswered != '\0')
		table_wrap(out, unanswered, width);
}

void table_print(const struct analysis *analysis, FILE *out, unsigned width, bool colour)
{
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	AUTO_FREE size_t *cells = need(analysis->cell_count, sizeof(*cells));
	char text[ANALYSIS_SENTENCE_BYTES];
	size_t rows, contestants;

	width = width < TABLE_WIDTH_MIN ? TABLE_WIDTH_MIN : width;
	rows = analysis_order(analysis, order, &contestants);
	table_wrap(out,
		"Time a unit of work, as a multiple of the best of each cell. a: best, or not "
		"shown to be worse; rows of a column that share a letter can't be told apart from "
		"the fastest of them; ?: inconclusive; dry: some gets failed, so not "
		"ranked. " ANALYSIS_UNIT_NOTE,
		width);
	if (analysis->change_count > 0)
		table_wrap(out, ANALYSIS_OTHERS_MARK, width);
	put_legend(analysis, out, width);
	if (analysis->cell_count == 1)
		put_ranking(analysis, order, rows, out, width, colour);
	for (enum contest contest = 0; contest < CONTESTS && analysis->cell_count > 1; contest++)
		put_matrix(analysis, contest, order, cells, out, width, colour);
	fputc('\n', out);
	analysis_apart(analysis, text);
	if (*text != '\0')
		table_wrap(out, text, width);
	put_choices(analysis, out, width);
	analysis_broken(analysis, text);
	if (*text != '\0')
		table_wrap(out, text, width);
	analysis_false_empties(analysis, text);
	if (*text != '\0')
		table_wrap(out, text, width);
	analysis_confidence(analysis, text);
	table_wrap(out, text, width);
	analysis_changes(analysis, text);
	table_wrap(out, text, width);
	analysis_against_text(analysis, text);
	if (*text != '\0')
		table_wrap(out, text, width);
}
