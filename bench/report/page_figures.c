/* The page's pictures and the tables beside them: throughput against threads, and trade-offs. */
#include "alloc/pool.h"
#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure.h"
#include "bench/report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of a scaling figure, for those who can't or won't read the picture. */
static json_t *rate_of(const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_result *r = analysis_at(a, c, subject);

	if (r->state != ANALYSIS_MEASURED || isnan(r->ns.point))
		return template_record("rate", json_null(), NULL);

	const bool bounded = isfinite(r->ns.lo) && isfinite(r->ns.hi);
	const double low = analysis_rate(cell, r->ns.hi) / 1e6;
	const double high = analysis_rate(cell, r->ns.lo) / 1e6;

	return template_record("rate", page_plain(analysis_rate(cell, r->ns.point) / 1e6), "range",
		bounded ? template_words("%s–%s", number_plain(low).text, number_plain(high).text)
			: template_text(""),
		NULL);
}

static json_t *rates_of(const struct page *p, size_t first, size_t subject)
{
	const struct analysis *a = p->a;
	json_t *cells = json_array();

	for (size_t c = first; c < a->cell_count; c++) {
		if (analysis_same_load(&a->cells[c], &a->cells[first]))
			page_add(cells, rate_of(a, c, subject));
	}
	return template_record(
		"label", template_text(choice_name_in(a, first, subject)), "cells", cells, NULL);
}

json_t *page_drawn(struct figure figure)
{
	json_t *text = template_text(figure.bytes == NULL ? "" : figure.bytes);

	free(figure.bytes);
	return text;
}

json_t *page_figure(const struct page *p, enum figure_kind kind, size_t cell)
{
	return page_drawn(
		p->figures ? figure_of_kind(p->a, kind, cell, FIGURE_IN_PAGE) : (struct figure){0});
}

static json_t *group_of(const struct page *p, size_t first)
{
	const struct analysis *a = p->a;
	const struct page_order *order = page_order_in(p, first);
	json_t *columns = json_array(), *rows = json_array();

	for (size_t c = first; c < a->cell_count; c++) {
		if (analysis_same_load(&a->cells[c], &a->cells[first]))
			page_add(columns, template_record("threads",
						  page_threads(a->cells[c].threads), NULL));
	}
	for (size_t row = 0; row < order->contestants; row++)
		page_add(rows, rates_of(p, first, order->order[row]));
	return template_record("load", page_load(&a->cells[first]), "figure",
		page_figure(p, FIGURE_SCALING, first), "columns", columns, "rows", rows, NULL);
}

json_t *page_scaling(const struct page *p)
{
	json_t *groups = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++) {
		if (figure_scales(p->a, c))
			page_add(groups, group_of(p, c));
	}
	if (json_array_size(groups) > 0)
		return template_record("groups", groups, "drawn", json_boolean(p->figures), NULL);
	json_decref(groups);
	return json_null();
}

/* Median over a contest's cells of bytes an object beyond its payload; NAN without any. */
static double overhead_in(const struct analysis *a, enum contest contest, size_t subject)
{
	AUTO_FREE double *overheads = need(a->cell_count, sizeof(*overheads));
	size_t known = 0;

	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_memory *m = &analysis_at(a, c, subject)->memory;

		if (a->cells[c].contest == contest && m->known && m->object_bytes > 0 &&
			choice_has_place(a, c, subject))
			overheads[known++] = m->object_bytes - (double)a->cells[c].object_bytes;
	}
	return known > 0 ? stats_median(overheads, known) : NAN;
}

/* The least of the slowest thread's shares over a contest's cells with several threads; NAN without any. */
static double least_slowest_share(const struct analysis *a, enum contest contest, size_t subject)
{
	double least = NAN;

	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_result *r = analysis_at(a, c, subject);

		if (a->cells[c].contest == contest && r->state == ANALYSIS_MEASURED &&
			choice_has_place(a, c, subject) && a->cells[c].threads > 1 &&
			!(r->slowest_share >= least))
			least = r->slowest_share;
	}
	return least;
}

/* Whether a strategy of this build's list may do something; "–" for one that it doesn't list. */
static json_t *allowed(const struct pool_ops *ops, bool is_allowed)
{
	return template_text(ops == NULL ? "–" : is_allowed ? "yes" : "no");
}

static json_t *tradeoff_of(const struct page *p, enum contest contest, size_t row)
{
	const struct analysis *a = p->a;
	const struct page_order *rows = &p->contests[contest];
	const size_t subject = rows->order[row];
	const struct analysis_subject *s = &a->subjects[subject];
	const struct pool_ops *ops = pool_find(s->pool);
	const bool aside = row >= rows->contestants;
	const double slowest = least_slowest_share(a, contest, subject) * 100;
	const double overhead = overhead_in(a, contest, subject);
	struct choice_standing standing = {.worst = NAN};
	json_t *tally = json_null();

	if (!aside)
		choice_standing(a, contest, subject, &standing);
	if (standing.missing < standing.cells)
		tally = template_record("best", template_count(standing.best), "measured",
			template_count(standing.cells), NULL);
	return template_record("contest", template_text(contest_name(contest)), "about",
		template_count(s->original + 1), "aside", json_boolean(aside), "label",
		template_text(choice_name(a, contest, subject)), "tally", tally, "worst",
		page_number(number_ratio(standing.worst)),
		/* For the script: "18.4M" does not sort. */
		"worst_value",
		isnan(standing.worst) ? json_null() : template_words("%.6f", standing.worst),
		"there",
		template_text(!isnan(standing.worst) && standing.worst > a->margin
				      ? a->cells[standing.worst_cell].label
				      : ""),
		/* "–" too where there is less than that: all have the same object. */
		"memory", page_plain(overhead >= 0 ? overhead : NAN), "slowest",
		page_plain(slowest), "progress", template_text(s->progress), "cache",
		template_text(strcmp(s->cache, "none") == 0 ? "–" : s->cache), "exact",
		template_text(page_exact(s)), "signals",
		allowed(ops, ops != NULL && ops->traits.signals), "fork",
		allowed(ops, ops != NULL && !ops->traits.lost_in_fork), "trims",
		allowed(ops, ops != NULL && ops->traits.trims), "needs",
		template_text(page_needs(s)), "summary", template_text(s->summary), NULL);
}

/* Of the contest of cell `first`. A twin or a table has the traits of its original, and no row. */
static json_t *tradeoffs_of(const struct page *p, size_t first)
{
	const enum contest contest = p->a->cells[first].contest;
	const struct page_order *order = &p->contests[contest];
	json_t *rows = json_array();

	for (size_t row = 0; row < order->rows; row++) {
		if (p->a->subjects[order->order[row]].original == order->order[row])
			page_add(rows, tradeoff_of(p, contest, row));
	}
	return template_record("title", template_text(choice_title(contest)), "rows", rows,
		"figure", page_figure(p, FIGURE_TRADEOFF, first), "tail",
		json_boolean(figure_tradeoff_has_tail(p->a, first)), NULL);
}

json_t *page_tradeoffs(const struct page *p)
{
	json_t *contests = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++) {
		if (figure_leads(p->a, c))
			page_add(contests, tradeoffs_of(p, c));
	}
	return contests;
}
