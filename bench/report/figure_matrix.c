/* The decision matrix. See figure.h. */
#include "bench/report/figure.h"

#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/figure_draw.h"
#include "bench/report/matrix.gnuplot.h"
#include "bench/report/template.h"

#include <math.h>

enum {
	ROW = 15, /* pixels of a strategy */
	COLUMN_MAX = 96,
	ROOM = 864, /* for all columns; the rest stays empty, so that letters are of one size all over the page */
	COLUMNS_LEAST = ROOM / COLUMN_MAX,
	OPAQUE = 0xff,
};

/* The ratio from which on a square is as full of ink as one may be that has a number in it; and how full that is. */
static const double full_ratio = 16, full_ink = 0.55;

/* Of a load of the contest the cell with the most threads that have a CPU each. */
static bool is_column(const struct analysis *a, enum contest contest, size_t c)
{
	if (a->cells[c].contest != contest || a->cells[c].oversubscribed || !a->cells[c].has_best)
		return false;
	for (size_t i = 0; i < a->cell_count; i++) {
		if (i != c && analysis_same_load(&a->cells[i], &a->cells[c]) &&
			!a->cells[i].oversubscribed && a->cells[i].has_best &&
			a->cells[i].threads > a->cells[c].threads)
			return false;
	}
	return true;
}

static json_t *square_of(
	const struct analysis *a, size_t c, size_t subject, size_t column, size_t row)
{
	const struct analysis_result *r = analysis_at(a, c, subject);
	const bool rated = r->state == ANALYSIS_MEASURED && !isnan(r->to_best.point);
	const double ink =
		rated ? fmin(1, fmax(0, r->to_best.point / log(full_ratio))) * full_ink : 0;
	const unsigned clear = (unsigned)lrint((1 - ink) * OPAQUE);

	return template_record("column", template_count(column), "row", template_count(row),
		"colour", template_words("%u", clear << 24 | (unsigned)figure_colours[1]), "text",
		template_text(!rated          ? (r->state == ANALYSIS_ABSENT ? "" : "-")
			      : r->failed > 0 ? "dry"
					      : number_ratio(r->to_best.point).text),
		NULL);
}

struct figure figure_matrix(
	const struct analysis *analysis, size_t first, const struct figure_target *to)
{
	static const struct figure_words words = {
		"Decision matrix: time a unit, as a multiple of the best in the column. 1.00 and "
		"less ink is better",
		"workload, with the most threads that have a CPU each", ""};
	const enum contest contest = analysis->cells[first].contest;
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	json_t *squares = json_array(), *rows = json_array(), *columns = json_array();
	json_t *panels = json_array();
	size_t n, width = 0;

	choice_order(analysis, contest, order, &n);
	for (size_t c = 0; c < analysis->cell_count; c++) {
		char load[ANALYSIS_SENTENCE_BYTES];

		if (!is_column(analysis, contest, c))
			continue;
		analysis_load(&analysis->cells[c], load);
		json_array_append_new(columns, template_record("further", json_boolean(width > 0),
						       "name", template_words("%.24s", load),
						       "column", template_count(width), NULL));
		for (size_t i = 0; i < n; i++)
			json_array_append_new(squares, square_of(analysis, c, order[i], width, i));
		width++;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			rows, template_record("further", json_boolean(i > 0), "name",
				      template_text(choice_name(analysis, contest, order[i])),
				      "row", template_count(i), NULL));
	if (n > 0 && width > 0)
		json_array_append_new(panels,
			template_record("squares", json_incref(squares), "rows", json_incref(rows),
				"names", json_incref(columns), "count", template_count(n), "across",
				template_count(width > COLUMNS_LEAST ? width : COLUMNS_LEAST),
				NULL));
	json_decref(squares);
	json_decref(rows);
	json_decref(columns);

	const struct figure_grid grid = {
		.columns = 1, .width = ROOM, .height = (double)(ROW * n), .left = 138, .above = 76};

	return figure_draw(
		matrix_gnuplot, template_record("panels", panels, NULL), &grid, &words, to);
}
