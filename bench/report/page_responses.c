/* The page's section on open loops: response times against load, cell by cell. */
#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/page.h"

#include <inttypes.h>
#include <math.h>

/* The percentiles that a load has columns for. */
static const int shown[] = {LATENCY_P50, LATENCY_P99, LATENCY_P999};

enum { SHOWN = sizeof(shown) / sizeof(shown[0]), COLUMNS_BEFORE = 2 };

static json_t *values_of(const struct analysis_cell *cell, const struct analysis_response *r)
{
	const struct analysis_percentile none = {NAN, -INFINITY, INFINITY, false};
	json_t *list = json_array();

	for (size_t i = 0; i < cell->load_count; i++) {
		const struct analysis_at_load *at = &r->at[i];

		for (size_t k = 0; k < SHOWN; k++)
			page_add(list, page_percentile(at->measured ? &at->at[shown[k]] : &none,
					       at->measured && !at->kept));
	}
	return list;
}

static json_t *row_of(const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_response *r = analysis_response(a, c, subject);
	const struct analysis_cell *cell = &a->cells[c];
	char knee[ANALYSIS_SENTENCE_BYTES], marks[ANALYSIS_SENTENCE_BYTES];

	analysis_knee(a, c, subject, knee);
	analysis_response_marks(a, c, subject, marks);
	return page_row(a, c, subject,
		template_record("capacity", page_plain(r->capacity_s / 1e6), "values",
			values_of(cell, r), "knee", template_text(*knee == '\0' ? "–" : knee),
			"knee_value",
			template_count(r->knee == cell->load_count ? 0 : cell->loads[r->knee]),
			"marks", template_text(marks), NULL));
}

static json_t *loads_of(const struct analysis_cell *cell)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cell->load_count; i++) {
		const size_t column = COLUMNS_BEFORE + SHOWN * i;

		page_add(list, template_record("load", template_count(cell->loads[i]), "p50",
				       template_count(column), "p99", template_count(column + 1),
				       "p999", template_count(column + 2), NULL));
	}
	return list;
}

/* The contestant with the least p99 at the heaviest load that one keeps; null if none keeps any. */
static json_t *best_of(const struct analysis *a, size_t c)
{
	const struct analysis_cell *cell = &a->cells[c];

	for (size_t i = cell->load_count; i-- > 0;) {
		double least = INFINITY;
		size_t best = 0;

		for (size_t s = 0; s < a->subject_count; s++) {
			const struct analysis_response *r = analysis_response(a, c, s);

			if (r != NULL && a->subjects[s].role == ANALYSIS_CONTESTANT &&
				r->at[i].measured && r->at[i].kept &&
				r->at[i].at[LATENCY_P99].ns < least) {
				least = r->at[i].at[LATENCY_P99].ns;
				best = s;
			}
		}
		if (isfinite(least))
			return template_record("load", template_count(cell->loads[i]), "label",
				template_text(choice_name_in(a, c, best)), "p99", page_plain(least),
				NULL);
	}
	return json_null();
}

/* The rows of a cell, as the page orders them. order has room for all. */
static size_t cell_order(const struct page *p, size_t c, size_t *order)
{
	const struct page_order *rows = page_order_in(p, c);
	size_t n = 0;

	for (size_t row = 0; row < rows->rows; row++) {
		if (analysis_response(p->a, c, rows->order[row]) != NULL)
			order[n++] = rows->order[row];
	}
	return n;
}

static json_t *cell_of(const struct page *p, size_t c, const size_t *order, size_t n)
{
	const struct analysis_cell *cell = &p->a->cells[c];
	const size_t after = COLUMNS_BEFORE + SHOWN * cell->load_count;
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++)
		page_add(rows, row_of(p->a, c, order[i]));
	return template_record("number", template_count(c + 1), "label", template_text(cell->label),
		"arrivals", template_text(analysis_response(p->a, c, order[0])->arrivals), "best",
		best_of(p->a, c), "figure", page_figure(p, FIGURE_RESPONSES, c), "loads",
		loads_of(cell), "knee_column", template_count(after), "rows", rows, NULL);
}

json_t *page_responses(const struct page *p)
{
	AUTO_FREE size_t *order = need(p->a->subject_count, sizeof(*order));
	json_t *cells = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++) {
		const size_t n = cell_order(p, c, order);

		if (n > 0)
			page_add(cells, cell_of(p, c, order, n));
	}
	if (json_array_size(cells) > 0)
		return template_record("cells", cells, "drawn", json_boolean(p->figures), "kept",
			template_words("%.0f", 100 * ANALYSIS_KEPT), "late",
			template_words("%.0f", 100 * ANALYSIS_LATE), "times",
			template_words("%.0f", ANALYSIS_KNEE), NULL);
	json_decref(cells);
	return json_null();
}
