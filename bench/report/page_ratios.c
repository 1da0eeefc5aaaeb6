/* The page's heat table: each strategy's time in each cell, as a multiple of the cell's best. */
#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure.h"
#include "bench/report/page.h"
#include "bench/report/palette.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t shade_of(double log_ratio)
{
	size_t i = 0;

	while (i < PALETTE_SHADES - 1 && !(exp(log_ratio) <= palette[i].ratio))
		i++;
	return i;
}

/* The shades' limits, for the script. */
static json_t *steps_of(void)
{
	char text[PALETTE_SHADES * NUMBER_BYTES] = "";
	size_t used = 0;

	for (int i = 0; i < PALETTE_SHADES - 1; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%g",
			i == 0 ? "" : ",", palette[i].ratio);
	return template_text(text);
}

/* The cells of a contest. n of them into cells, which has room for all. */
static size_t cells_of(const struct analysis *a, enum contest contest, size_t *cells)
{
	size_t n = 0;

	for (size_t c = 0; c < a->cell_count; c++) {
		if (a->cells[c].contest == contest)
			cells[n++] = c;
	}
	return n;
}

/* How many neighbours from the first of n cells on share its load, itself included. */
static size_t group_size(const struct analysis *a, const size_t *cells, size_t n)
{
	size_t size = 1;

	while (size < n && analysis_same_load(&a->cells[cells[0]], &a->cells[cells[size]]))
		size++;
	return size;
}

static json_t *loads_of(const struct analysis *a, const size_t *cells, size_t n)
{
	json_t *loads = json_array();

	for (size_t k = 0, size; k < n; k += size) {
		size = group_size(a, cells + k, n - k);
		page_add(loads, template_record("width", template_count(size), "load",
					page_load(&a->cells[cells[k]]), NULL));
	}
	return loads;
}

enum { COLUMNS_BEFORE = 2 }; /* the cells' */

/* The columns with their heads and the row of the best times. */
static json_t *columns_of(const struct analysis *a, const size_t *cells, size_t n)
{
	json_t *columns = json_array();

	for (size_t k = 0; k < n; k++) {
		const struct analysis_cell *cell = &a->cells[cells[k]];
		json_t *best = json_null();

		if (cell->has_best) {
			const struct stats_estimate ns = analysis_at(a, cells[k], cell->best)->ns;

			best = template_record("ns", page_plain(exp(ns.point)), "range",
				page_number(number_plain_range(exp(ns.lo), exp(ns.hi))), NULL);
		}
		page_add(columns,
			template_record("column", template_count(k + COLUMNS_BEFORE), "cell",
				template_count(cells[k]), "number", template_count(cells[k] + 1),
				"threads", page_threads(cell->threads), "over",
				json_boolean(cell->oversubscribed), "disturbed",
				json_boolean(cell->disturbed), "best", best, NULL));
	}
	return columns;
}

/* A cell without a figure: why. */
static json_t *absence_of(const struct analysis_result *result, size_t column)
{
	const bool broken = result->state > ANALYSIS_UNSUPPORTED;

	return template_record("column", template_count(column), "class",
		template_text(broken ? "broken" : "none"), "reason",
		template_text(result->reason == NULL ? "not measured" : result->reason), "mark",
		template_text(broken                          ? analysis_state_name(result->state)
			      : result->state == ANALYSIS_DRY ? "dry"
			      : result->state == ANALYSIS_ABSENT ? "·"
								 : "n/a"),
		NULL);
}

/* What stands beside a figure: the ranks that it may have, a question mark, or that the pool ran dry; "!": disturbed. */
static json_t *mark_of(const struct analysis_result *result, bool unsure)
{
	const struct number ranks = number_rank(result->rank_low, result->rank_high);
	const char *rank = result->rank_low > 0 ? ranks.text : result->failed > 0 ? "dry" : "";
	struct number all;

	snprintf(all.text, sizeof(all.text), "%.32s%s%s", rank,
		unsure && result->rank_low > 0 ? "?" : "", result->others > 0 ? "!" : "");
	return page_number(all);
}

static json_t *figure_of(const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_result *result = analysis_at(a, c, subject);
	const bool unsure = analysis_unsure(a, c, subject);
	/* The time as the ratio says it, so that the page's own ratios agree with those printed. */
	const double ns = analysis_at(a, c, cell->best)->ns.point + result->to_best.point;
	const struct number range = number_ratio_range(result->to_best.lo, result->to_best.hi);

	return template_record("column", template_count(c), "ns", template_words("%.6f", ns),
		"shade", template_count(shade_of(result->to_best.point)), "best",
		json_boolean(result->in_best_set), "unsure", json_boolean(unsure), "failed",
		template_count(result->failed), "ratio",
		page_number(number_ratio(result->to_best.point)), "mark", mark_of(result, unsure),
		"range", subject == cell->best ? template_text("best") : page_number(range),
		"others", json_boolean(result->others > 0), NULL);
}

static json_t *cell_of(const struct analysis *a, size_t c, size_t subject)
{
	static const struct analysis_result elsewhere = {
		.state = ANALYSIS_ABSENT, .reason = "of another contest"};
	const struct analysis_result *result =
		choice_has_place(a, c, subject) ? analysis_at(a, c, subject) : &elsewhere;
	const bool measured = result->state == ANALYSIS_MEASURED;
	const bool rated = a->cells[c].has_best && !isnan(result->to_best.point);

	return template_record("absence", measured ? json_null() : absence_of(result, c), "unrated",
		measured && !rated ? template_record("column", template_count(c), NULL)
				   : json_null(),
		"figure", measured && rated ? figure_of(a, c, subject) : json_null(), NULL);
}

/* A subject in one tooltip: what it is, and its traits in the words of the table of trade-offs. */
static json_t *traits_of(const struct analysis_subject *subject)
{
	return template_record("summary", template_text(subject->summary), "progress",
		template_text(subject->progress), "cache", template_text(subject->cache), "exact",
		template_text(page_exact(subject)), "needs", template_text(page_needs(subject)),
		NULL);
}

static json_t *row_of(const struct page *p, enum contest contest, size_t row, const size_t *columns,
	size_t column_count)
{
	static const char *const roles[] = {
		[ANALYSIS_CONTESTANT] = "",
		[ANALYSIS_HARNESS] = "the harness itself",
		[ANALYSIS_BARE] = "bare locked operations",
		[ANALYSIS_FLOOR] = "for one thread only",
		[ANALYSIS_TABLE] = "through a run-time table",
		[ANALYSIS_TWIN] = "the same, measured twice",
		[ANALYSIS_OTHER] = "of another build",
	};
	const struct page_order *rows = &p->contests[contest];
	const size_t subject = rows->order[row];
	const struct analysis_subject *s = &p->a->subjects[subject];
	const bool aside = row >= rows->contestants;
	struct choice_standing standing = {0};
	json_t *cells = json_array();
	json_t *tally = json_null();

	if (!aside)
		choice_standing(p->a, contest, subject, &standing);
	if (standing.missing < standing.cells)
		tally = template_record("best", template_count(standing.best), "measured",
			template_count(standing.cells), "undecided",
			template_count(standing.undecided), NULL);
	for (size_t k = 0; k < column_count; k++)
		page_add(cells, cell_of(p->a, columns[k], subject));
	/* label: the script's name for it; name: the reader's. */
	return template_record("label", template_text(s->label), "name",
		template_text(choice_name(p->a, contest, subject)), "class",
		template_text(!aside                     ? ""
			      : row == rows->contestants ? "aside first-aside"
							 : "aside"),
		"contest", template_text(contest_name(contest)), "about",
		template_count(s->original + 1), "traits", traits_of(s), "role",
		template_text(roles[s->role]), "tally", tally, "cells", cells, NULL);
}

/* The table of the contest of cell `first`, which is the first of it. */
static json_t *table_of(const struct page *p, size_t first)
{
	const struct analysis *a = p->a;
	const enum contest contest = a->cells[first].contest;
	const struct page_order *order = &p->contests[contest];
	AUTO_FREE size_t *cells = need(a->cell_count, sizeof(*cells));
	const size_t n = cells_of(a, contest, cells);
	json_t *rows = json_array();

	for (size_t row = 0; row < order->rows; row++)
		page_add(rows, row_of(p, contest, row, cells, n));
	return template_record("contest", template_text(contest_name(contest)), "title",
		template_text(choice_title(contest)), "measures",
		template_text(choice_measures(contest)), "figure",
		page_figure(p, FIGURE_MATRIX, first), "steps", steps_of(), "references",
		json_boolean(order->rows > order->contestants), "loads", loads_of(a, cells, n),
		"columns", columns_of(a, cells, n), "rows", rows, NULL);
}

json_t *page_ratios(const struct page *p)
{
	return page_each_contest(p, table_of);
}
