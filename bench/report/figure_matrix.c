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
#include <string.h>

enum {
	ROW = 15, /* pixels of a strategy */
	COLUMN_MAX = 96,
	COLUMN_LEAST = 22, /* that has room for a number */
	HEAD_LETTERS = 24, /* of a column */
	OPAQUE = 0xff,
};

/* The ratio from which on a square is as full of ink as one may be that has a number in it; and how full that is. */
static const double full_ratio = 16, full_ink = 0.55;

/* A letter of a column's head, across: they are slanted. */
static const double head_letter = 4.3;

/*
 * Columns that there is room for: behind the last one some, for its head; and at least so many that none is too wide. The
 * rest stays empty, so that letters are of one size all over the page.
 */
static size_t columns_of(double room, size_t columns, size_t letters)
{
	size_t all = columns;

	while (room / (double)all > COLUMN_MAX ||
		((double)(all - columns) + 0.5) * room / (double)all <
			head_letter * (double)letters)
		all++;
	return all;
}

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

char *figure_matrix(const struct analysis *analysis, size_t first, enum figure_medium medium)
{
	static const struct figure_words words = {
		"Decision matrix: time a unit, as a multiple of the best in the column. 1.00 and "
		"less ink is better",
		"workload, with the most threads that have a CPU each", ""};
	const enum contest contest = analysis->cells[first].contest;
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	json_t *squares = json_array(), *rows = json_array(), *columns = json_array();
	json_t *panels = json_array();
	size_t n, width = 0, letters = 0;

	choice_order(analysis, contest, order, &n);
	for (size_t c = 0; c < analysis->cell_count; c++) {
		char load[ANALYSIS_SENTENCE_BYTES];

		if (!is_column(analysis, contest, c))
			continue;
		analysis_load(&analysis->cells[c], load);
		json_array_append_new(
			columns, template_record("further", json_boolean(width > 0), "name",
					 template_words("%.*s", HEAD_LETTERS, load), "column",
					 template_count(width), NULL));
		for (size_t i = 0; i < n; i++)
			json_array_append_new(squares, square_of(analysis, c, order[i], width, i));
		letters = strnlen(load, HEAD_LETTERS);
		width++;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			rows, template_record("further", json_boolean(i > 0), "name",
				      template_text(choice_name(analysis, contest, order[i])),
				      "row", template_count(i), NULL));

	const double left = figure_names_room(analysis, contest, order, n);
	const size_t across = width == 0 ? 1 : columns_of(FIGURE_WIDTH - left, width, letters);

	if (n > 0 && width > 0)
		json_array_append_new(panels,
			template_record("squares", json_incref(squares), "rows", json_incref(rows),
				"names", json_incref(columns), "count", template_count(n), "across",
				template_count(across), "numbers",
				json_boolean(
					(FIGURE_WIDTH - left) / (double)across >= COLUMN_LEAST),
				NULL));
	json_decref(squares);
	json_decref(rows);
	json_decref(columns);

	const struct figure_grid grid = {.columns = 1,
		.width = FIGURE_WIDTH - left,
		.height = (double)(ROW * n),
		.left = left,
		.above = 76};

	return figure_draw(
		matrix_gnuplot, template_record("panels", panels, NULL), &grid, &words, medium);
}
