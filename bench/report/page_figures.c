/* The page's pictures and the tables beside them: throughput against threads, and trade-offs. */
#include "alloc/pool.h"
#include "bench/report/figure.h"
#include "bench/report/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BYTES = 32 };

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

static json_t *rates_of(const struct page *p, size_t first, size_t row)
{
	const struct analysis *a = p->a;
	json_t *cells = json_array();

	for (size_t c = first; c < a->cell_count; c++) {
		if (analysis_same_load(&a->cells[c], &a->cells[first]))
			page_add(cells, rate_of(a, c, p->order[row]));
	}
	return template_record(
		"label", template_text(page_subject(p, row)->label), "cells", cells, NULL);
}

json_t *page_drawn(char *svg)
{
	json_t *text = template_text(svg == NULL ? "" : svg);

	free(svg);
	return text;
}

json_t *page_cell_figure(const struct page *p, size_t c, const size_t *order, size_t n,
	page_cell_draw draw, const char *id, const char *what, const char *against)
{
	char own[ID_BYTES], label[ANALYSIS_SENTENCE_BYTES];

	snprintf(own, sizeof(own), "%s%zu", id, c + 1);
	snprintf(label, sizeof(label),
		"%s of %.100s%s, one panel a strategy. The table below has the numbers.", what,
		p->a->cells[c].label, against);
	return page_drawn(p->figures ? draw(p->a, c, order, n, own, label) : NULL);
}

static json_t *scaling_figure(const struct page *p, size_t first)
{
	char id[ID_BYTES], label[ANALYSIS_SENTENCE_BYTES];

	snprintf(id, sizeof(id), "scaling%zu", first + 1);
	snprintf(label, sizeof(label),
		"Throughput against threads under %.100s, one panel a strategy. The table below "
		"has the numbers.",
		p->a->cells[first].workload);
	return page_drawn(p->figures ? figure_scaling(p->a, first, id, label) : NULL);
}

static json_t *group_of(const struct page *p, size_t first)
{
	const struct analysis *a = p->a;
	json_t *columns = json_array(), *rows = json_array();

	for (size_t c = first; c < a->cell_count; c++) {
		if (analysis_same_load(&a->cells[c], &a->cells[first]))
			page_add(columns, template_record("threads",
						  page_threads(a->cells[c].threads), NULL));
	}
	for (size_t row = 0; row < p->contestants; row++)
		page_add(rows, rates_of(p, first, row));
	return template_record("load", page_load(&a->cells[first]), "figure",
		scaling_figure(p, first), "columns", columns, "rows", rows, NULL);
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

/* The least of the slowest thread's shares over the cells with several threads; NAN without any. */
static double least_slowest_share(const struct analysis *a, size_t subject)
{
	double least = NAN;

	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_result *r = analysis_at(a, c, subject);

		if (r->state == ANALYSIS_MEASURED && a->cells[c].threads > 1 &&
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

/* Bytes an object beyond its payload; "–" too where there is less than that: all have the same object. */
static json_t *overhead_of(const struct analysis_subject *subject)
{
	return !(subject->overhead_bytes >= 0)
		       ? template_text("–")
		       : template_text(number_plain(subject->overhead_bytes).text);
}

static json_t *tradeoff_of(const struct page *p, size_t row)
{
	const struct analysis *a = p->a;
	const struct analysis_subject *s = page_subject(p, row);
	const struct pool_ops *ops = pool_find(s->pool);
	const bool aside = row >= p->contestants;
	const double slowest = least_slowest_share(a, p->order[row]) * 100;
	json_t *tally = json_null();

	if (s->measured > 0 && !aside)
		tally = template_record("best", template_count(s->best), "measured",
			template_count(s->measured), NULL);
	return template_record("about", template_count(s->original + 1), "aside",
		json_boolean(aside), "label", template_text(s->label), "tally", tally, "worst",
		page_number(number_ratio(s->worst)),
		/* For the script: "18.4M" does not sort. */
		"worst_value", isnan(s->worst) ? json_null() : template_words("%.6f", s->worst),
		"there",
		template_text(!isnan(s->worst) && s->worst > a->margin
				      ? a->cells[s->worst_cell].label
				      : ""),
		"memory", overhead_of(s), "slowest", page_plain(slowest), "progress",
		template_text(s->progress), "cache",
		template_text(strcmp(s->cache, "none") == 0 ? "–" : s->cache), "exact",
		template_text(page_exact(s)), "signals",
		allowed(ops, ops != NULL && ops->traits.signals), "fork",
		allowed(ops, ops != NULL && !ops->traits.lost_in_fork), "trims",
		allowed(ops, ops != NULL && ops->traits.trims), "needs",
		template_text(page_needs(s)), "summary", template_text(s->summary), NULL);
}

/* A twin or a table has the traits of its original, and no row. */
static bool has_row(const struct page *p, size_t row)
{
	return page_subject(p, row)->original == p->order[row];
}

json_t *page_tradeoffs(const struct page *p)
{
	json_t *rows = json_array();

	for (size_t row = 0; row < p->rows; row++) {
		if (has_row(p, row))
			page_add(rows, tradeoff_of(p, row));
	}
	return rows;
}

json_t *page_tradeoff_figure(const struct page *p)
{
	const bool tail = figure_tradeoff_has_tail(p->a);
	const char *label =
		tail ? "Throughput against the p99.9 of calls and memory beyond the "
		       "payload, one panel a cell. The tables of the cells have the "
		       "numbers."
		     : "Time a unit against memory beyond the payload, one panel a cell. "
		       "The tables of the cells have the numbers.";
	bool memory = false;

	for (size_t row = 0; row < p->rows; row++)
		memory |= has_row(p, row) && !isnan(page_subject(p, row)->overhead_bytes);

	char *svg = memory && p->figures ? figure_tradeoff(p->a, "tradeoff", label) : NULL;

	if (svg == NULL)
		return json_null();
	return template_record("figure", page_drawn(svg), "tail", json_boolean(tail), NULL);
}

json_t *page_matrix_figure(const struct page *p)
{
	return page_drawn(
		!p->figures
			? NULL
			: figure_matrix(p->a, "matrix",
				  "The decision matrix: strategies by workloads, each with the "
				  "multiple of the best time. The table below has the numbers."));
}

json_t *page_memory_figure(const struct page *p)
{
	const size_t cell = figure_memory_cell(p->a);
	char label[ANALYSIS_SENTENCE_BYTES];

	if (!p->figures || cell == p->a->cell_count)
		return template_text("");
	snprintf(label, sizeof(label),
		"Resident memory when the pool was opened, at its peak and settled, of %.100s, one "
		"panel a strategy. The tables of the cells have the numbers.",
		p->a->cells[cell].label);
	return page_drawn(figure_memory(p->a, cell, "memory", label));
}

json_t *page_machine_figure(const struct page *p)
{
	return page_drawn(
		!p->figures ? NULL
			    : figure_machine(p->a, "probes",
				      "The machine's probes over the time of the sweep, by their "
				      "medians, with its events."));
}
