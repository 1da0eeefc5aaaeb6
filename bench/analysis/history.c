/* See history.h. */
#include "bench/analysis/history.h"

#include "bench/analysis/comparison.h"
#include "bench/base/need.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_date(const void *a, const void *b)
{
	const struct analysis *const *x = a, *const *y = b;
	const int64_t p = analysis_began_ns(*x), q = analysis_began_ns(*y);

	return p != q ? (p > q) - (p < q) : strcmp((*x)->store, (*y)->store);
}

static struct history_point point_of(
	const struct analysis *a, const char *cell, const char *subject)
{
	const size_t c = analysis_find_cell(a, cell), i = analysis_find_subject(a, subject);
	struct history_point point = {.ns = STATS_UNKNOWN, .state = ANALYSIS_ABSENT};

	if (c < a->cell_count && i < a->subject_count) {
		point.state = analysis_at(a, c, i)->state;
		if (point.state == ANALYSIS_MEASURED)
			point.ns = analysis_at(a, c, i)->ns;
	}
	return point;
}

/* Whether any store before the k-th has the cell, or the subject. */
static bool known_before(const struct history *h, size_t k, const char *cell, const char *subject)
{
	for (size_t i = 0; i < k; i++) {
		const struct analysis *a = h->stores[i];

		if (cell != NULL ? analysis_find_cell(a, cell) < a->cell_count
				 : analysis_find_subject(a, subject) < a->subject_count)
			return true;
	}
	return false;
}

/* Rows of a cell that two stores have, one of them with a figure; twins are none. */
static void find_lines(const struct history *h, struct history_cell *cell)
{
	size_t most = 0;

	for (size_t k = 0; k < h->store_count; k++)
		most += h->stores[k]->subject_count;
	cell->lines = need(most, sizeof(*cell->lines));
	for (size_t k = 0; k < h->store_count; k++) {
		for (size_t i = 0; i < h->stores[k]->subject_count; i++) {
			const struct analysis_subject *s = &h->stores[k]->subjects[i];
			struct history_line *line = &cell->lines[cell->line_count];
			size_t holders = 0, measured = 0;

			if (s->role == ANALYSIS_TWIN || known_before(h, k, NULL, s->label))
				continue;
			*line = (struct history_line){.subject = s->label,
				.role = s->role,
				.points = need(h->store_count, sizeof(*line->points))};
			for (size_t at = 0; at < h->store_count; at++) {
				line->points[at] = point_of(h->stores[at], cell->label, s->label);
				holders += line->points[at].state != ANALYSIS_ABSENT;
				measured += line->points[at].state == ANALYSIS_MEASURED;
			}
			if (holders > 1 && measured > 0)
				cell->line_count++;
			else
				free(line->points);
		}
	}
}

/* Cells of two stores or more, in the order in which the oldest have them. */
static void find_cells(struct history *h)
{
	size_t most = 0;

	for (size_t k = 0; k < h->store_count; k++)
		most += h->stores[k]->cell_count;
	h->cells = need(most, sizeof(*h->cells));
	for (size_t k = 0; k < h->store_count; k++) {
		for (size_t c = 0; c < h->stores[k]->cell_count; c++) {
			const struct analysis_cell *from = &h->stores[k]->cells[c];
			size_t holders = 0;

			if (known_before(h, k, from->label, NULL))
				continue;
			for (size_t at = k; at < h->store_count; at++)
				holders += analysis_find_cell(h->stores[at], from->label) <
					   h->stores[at]->cell_count;
			if (holders < 2) {
				h->lone++;
				continue;
			}
			h->cells[h->cell_count] =
				(struct history_cell){.label = from->label, .unit = from->unit};
			find_lines(h, &h->cells[h->cell_count++]);
		}
	}
}

/* The line of a row; NULL: it has none. */
static struct history_line *find_line(
	const struct history *h, const char *cell, const char *subject)
{
	for (size_t c = 0; c < h->cell_count; c++) {
		for (size_t i = 0; i < h->cells[c].line_count; i++) {
			if (strcmp(h->cells[c].label, cell) == 0 &&
				strcmp(h->cells[c].lines[i].subject, subject) == 0)
				return &h->cells[c].lines[i];
		}
	}
	return NULL;
}

/* What is said of the k-th store against the one before. */
static void judge_step(struct history *h, size_t k)
{
	const struct comparison_condition none = {0};
	const struct analysis *a = h->stores[k - 1];
	struct comparison c;

	comparison_make(&c, a, h->stores[k], METRIC_TIME, &none);
	for (size_t i = 0; i < c.row_count; i++) {
		const struct comparison_row *row = &c.rows[i];
		struct history_line *line =
			find_line(h, a->cells[row->cell].label, a->subjects[row->subject].label);

		if (row->both && line != NULL)
			line->points[k].step = row->verdict;
	}
	comparison_free(&c);
}

void history_make(struct history *h, const struct analysis *const *stores, size_t n, size_t first)
{
	*h = (struct history){.stores = need(n, sizeof(*h->stores))};
	for (size_t i = 0; i < n; i++) {
		if (analysis_same_machine(stores[first], stores[i]))
			h->stores[h->store_count++] = stores[i];
	}
	qsort(h->stores, h->store_count, sizeof(const struct analysis *), by_date);
	find_cells(h);
	for (size_t k = 1; k < h->store_count; k++)
		judge_step(h, k);
}

void history_free(struct history *h)
{
	for (size_t c = 0; c < h->cell_count; c++) {
		for (size_t i = 0; i < h->cells[c].line_count; i++)
			free(h->cells[c].lines[i].points);
		free(h->cells[c].lines);
	}
	free(h->cells);
	free(h->stores);
}
