/*
 * What the page's script works with: figures without their rounding, so that it can make other comparisons by the
 * page's own rules, and the slices themselves, which it shows when it is asked to. The page says all it
 * has to say without them.
 */
#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/page.h"

#include <math.h>
#include <string.h>

enum {
	FREEDOMS =
		60, /* degrees of freedom that a quantile is given for; more have that of the last */

	/* A slice is 16 bits: its place between the cell's ends, and whether it was flagged. */
	STEPS = 0x7ffe,
	NO_SLICE = 0xffff,
};

/* JSON has no number for what is not finite. */
static json_t *real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/*
 * Student's t by degrees of freedom from 1 on: what an interval of 95 % is made with, and one of so many that hold
 * together.
 */
static json_t *quantiles_of(size_t comparisons)
{
	json_t *list = json_array();

	for (size_t freedom = 1; freedom <= FREEDOMS; freedom++)
		page_add(list,
			real(stats_t_quantile(STATS_ERROR / 2 / (double)comparisons, freedom)));
	return list;
}

static json_t *rows_of(const struct page *p)
{
	json_t *list = json_array();

	for (size_t row = 0; row < p->all.rows; row++)
		page_add(list,
			template_record("label", template_text(page_subject(p, row)->label),
				"whole",
				template_text(choice_name(p->a, CONTEST_WHOLE, p->all.order[row])),
				"competes", json_boolean(row < p->all.contestants), NULL));
	return list;
}

static json_t *cells_of(const struct page *p)
{
	json_t *list = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++) {
		const struct analysis_cell *cell = &p->a->cells[c];

		page_add(list, template_record("label", template_text(cell->label), "workload",
				       template_text(cell->workload), "contest",
				       template_text(contest_name(cell->contest)), NULL));
	}
	return list;
}

/* The logarithms of a value of each fork; NULL: none is known. */
static json_t *forks_of(const double *values, size_t forks)
{
	json_t *list = json_array();

	for (size_t f = 0; f < forks; f++)
		page_add(list, real(values == NULL ? NAN : log(values[f])));
	return list;
}

static void add_percentile(json_t *list, const struct analysis_latency *l, int at, size_t forks)
{
	page_add(list, real(l == NULL ? NAN : log(l->at[at].ns)));
	page_add(list, forks_of(l == NULL ? NULL : l->ns_of[at], forks));
}

/*
 * A row in a cell: [cell, row, [times by fork, against the cell's best], p99, [by fork], p99.9, [by fork], bytes,
 * [by fork], competes]. Logarithms all but the places; null is unknown.
 */
static json_t *figure_of(const struct page *p, size_t c, size_t row)
{
	const struct analysis *a = p->a;
	const struct analysis_result *r = analysis_at(a, c, p->all.order[row]);
	const struct analysis_latency *l = analysis_latency(a, c, p->all.order[row]);
	const size_t forks = a->raws[c].forks;
	json_t *medians = json_array(), *list = json_array();

	for (size_t f = 0; f < forks; f++)
		page_add(medians, real(r->best_medians[f]));
	page_add(list, template_count(c));
	page_add(list, template_count(row));
	page_add(list, medians);
	add_percentile(list, l, LATENCY_P99, forks);
	add_percentile(list, l, LATENCY_P999, forks);
	page_add(list, real(r->memory.known ? log(r->memory.object_bytes) : NAN));
	page_add(list, forks_of(r->memory.known ? r->memory.object_bytes_of : NULL, forks));
	page_add(list, json_boolean(r->rank_low > 0));
	return list;
}

static json_t *figures_of(const struct page *p)
{
	json_t *list = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++) {
		for (size_t row = 0; row < p->all.rows; row++) {
			const struct analysis_result *r = analysis_at(p->a, c, p->all.order[row]);

			if (r->state == ANALYSIS_MEASURED && r->best_medians != NULL &&
				!isnan(r->to_best.point))
				page_add(list, figure_of(p, c, row));
		}
	}
	return list;
}

/* Text for an element of the page: nothing in a string may end it. */
static json_t *element_of(json_t *data)
{
	AUTO_FREE char *text = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(5));
	AUTO_FREE char *safe = NULL;
	size_t bytes = 0;
	FILE *out = need_stream(&safe, &bytes);

	for (const char *c = text; c != NULL && *c != '\0'; c++) {
		if (*c == '<')
			fputs("\\u003c", out);
		else
			fputc(*c, out);
	}
	need_closed(out);
	json_decref(data);
	return template_text(safe);
}

json_t *page_script_data(const struct page *p)
{
	json_t *together = json_object();

	for (enum contest contest = 0; contest < CONTESTS; contest++) {
		const size_t rows = p->contests[contest].contestants;
		const size_t pairs = rows * (rows - (rows > 0)) / 2;

		json_object_set_new(
			together, contest_name(contest), quantiles_of(pairs > 0 ? pairs : 1));
	}
	return element_of(template_record("margin", real(p->a->margin), "alone", quantiles_of(1),
		"together", together, "rows", rows_of(p), "cells", cells_of(p), "figures",
		figures_of(p), NULL));
}

/*
 * Slices.
 */

/* The least and the greatest of a cell; false without any. */
static bool ends_of(const struct analysis_raw *raw, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (size_t i = 0; i < raw->subjects * raw->blocks; i++) {
		if (isfinite(raw->log_ns[i])) {
			*low = fmin(*low, raw->log_ns[i]);
			*high = fmax(*high, raw->log_ns[i]);
		}
	}
	return *low <= *high;
}

/* Big-endian 16 bits a block, in base64. */
static json_t *packed(const struct analysis_raw *raw, size_t subject, double low, double high)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const double *log_ns = raw->log_ns + subject * raw->blocks;
	const bool *flagged = raw->flagged + subject * raw->blocks;
	AUTO_FREE char *text = NULL;
	size_t bytes = 0;
	FILE *out = need_stream(&text, &bytes);
	unsigned bits = 0, count = 0;

	for (size_t b = 0; b < raw->blocks; b++) {
		const double place = high > low ? (log_ns[b] - low) / (high - low) : 0;
		const unsigned value = isfinite(log_ns[b])
					       ? (unsigned)lrint(place * STEPS) << 1 | flagged[b]
					       : NO_SLICE;

		bits = bits << 16 | value;
		for (count += 16; count >= 6; count -= 6)
			fputc(digits[bits >> (count - 6) & 63], out);
	}
	if (count > 0)
		fputc(digits[bits << (6 - count) & 63], out);
	need_closed(out);
	return template_text(text);
}

/* Of the rows that have any: "slices" of a cell in their order, "rows" whose they are. */
static json_t *slices_of(const struct page *p, size_t c)
{
	const struct analysis_raw *raw = &p->a->raws[c];
	json_t *rows = json_array(), *slices = json_array(), *starts = json_array();
	double low, high;

	if (!ends_of(raw, &low, &high))
		low = high = NAN;
	for (size_t row = 0; row < p->all.rows && !isnan(low); row++) {
		if (analysis_at(p->a, c, p->all.order[row])->slices == 0)
			continue;
		page_add(rows, template_count(row));
		page_add(slices, packed(raw, p->all.order[row], low, high));
	}
	for (size_t f = 0; f < raw->forks; f++)
		page_add(starts, template_count(raw->start[f]));
	return template_record("low", real(low), "high", real(high), "blocks",
		template_count(raw->blocks), "starts", starts, "rows", rows, "slices", slices,
		NULL);
}

json_t *page_script_slices(const struct page *p)
{
	json_t *cells = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++)
		page_add(cells, slices_of(p, c));
	return element_of(cells);
}
