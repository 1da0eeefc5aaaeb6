/* The page's pictures and the tables beside them: throughput against threads, and trade-offs. */
#include "alloc/pool.h"
#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure.h"
#include "bench/report/page.h"

#include <math.h>
#include <string.h>

/* The numbers of a figure of lines, for those who can't or won't read the picture. */
static json_t *value_of(const struct analysis *a, enum figure_kind kind, size_t c, size_t subject)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_result *r = analysis_at(a, c, subject);

	if (r->state != ANALYSIS_MEASURED || isnan(r->ns.point))
		return template_record("value", json_null(), NULL);

	const bool bounded = isfinite(r->ns.lo) && isfinite(r->ns.hi);
	const double one = figure_value(kind, cell, r->ns.lo);
	const double other = figure_value(kind, cell, r->ns.hi);

	return template_record("value", page_plain(figure_value(kind, cell, r->ns.point)), "range",
		bounded ? template_words("%s–%s", number_plain(fmin(one, other)).text,
				  number_plain(fmax(one, other)).text)
			: template_text(""),
		NULL);
}

json_t *page_figure(const struct page *p, enum figure_kind kind, size_t cell)
{
	const struct figure *figure = &p->drawn[kind * p->a->cell_count + cell];

	return template_text(figure->bytes == NULL ? "" : figure->bytes);
}

static json_t *column_of(enum figure_kind kind, const struct analysis_cell *cell)
{
	const uint64_t at = figure_at(kind, cell);

	return template_record("threads",
		kind == FIGURE_SCALING ? page_threads(cell->threads) : json_null(), "objects",
		kind == FIGURE_BURSTS ? template_count(at) : json_null(), "bytes",
		kind == FIGURE_SIZES ? template_count(at) : json_null(), NULL);
}

static json_t *group_of(
	const struct page *p, enum figure_kind kind, size_t first, const size_t *cells, size_t n)
{
	const struct analysis *a = p->a;
	const struct page_order *order = page_order_in(p, first);
	json_t *columns = json_array(), *rows = json_array();
	char id[FIGURE_ID_BYTES], name[ANALYSIS_SENTENCE_BYTES];

	figure_name(a, kind, first, id, name);
	for (size_t i = 0; i < n; i++)
		page_add(columns, column_of(kind, &a->cells[cells[i]]));
	for (size_t row = 0; row < order->contestants; row++) {
		const size_t subject = order->order[row];
		json_t *values = json_array();

		for (size_t i = 0; i < n; i++)
			page_add(values, value_of(a, kind, cells[i], subject));
		page_add(rows,
			template_record("label", template_text(choice_name_in(a, first, subject)),
				"cells", values, NULL));
	}
	return template_record("name", template_text(name), "threads",
		json_boolean(kind == FIGURE_SCALING), "bursts", json_boolean(kind == FIGURE_BURSTS),
		"sizes", json_boolean(kind == FIGURE_SIZES), "figure", page_figure(p, kind, first),
		"columns", columns, "rows", rows, NULL);
}

/* The groups of kinds from the first to the last, with what a section says of them. */
static json_t *lines_of(
	const struct page *p, const char *id, enum figure_kind first, enum figure_kind last)
{
	AUTO_FREE size_t *cells = need(p->a->cell_count, sizeof(*cells));
	json_t *groups = json_array();

	for (enum figure_kind kind = first; kind <= last; kind++) {
		for (size_t c = 0; c < p->a->cell_count; c++) {
			const size_t n = figure_group(p->a, kind, c, cells);

			if (n > 0)
				page_add(groups, group_of(p, kind, c, cells, n));
		}
	}
	const bool any = json_array_size(groups) > 0;

	return template_record("id", template_text(id), "threads",
		json_boolean(first == FIGURE_SCALING), "any", json_boolean(any), "missing",
		json_boolean(any && !p->figures), "groups", groups, NULL);
}

json_t *page_lines(const struct page *p)
{
	json_t *sections = json_array();

	page_add(sections, lines_of(p, "scaling", FIGURE_SCALING, FIGURE_SCALING));
	page_add(sections, lines_of(p, "bursts", FIGURE_BURSTS, FIGURE_SIZES));
	return sections;
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
		allowed(ops, ops != NULL && ops->traits.trims), "prefill",
		allowed(ops, ops != NULL && ops->prefill != NULL), "needs",
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
	return page_each_contest(p, tradeoffs_of);
}
