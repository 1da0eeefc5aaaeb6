/* See history.h. The page's markup is history_page.html, the figures' script history.gnuplot. */
#include "bench/report/history.h"

#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/document.h"
#include "bench/report/escape.h"
#include "bench/report/figure_draw.h"
#include "bench/report/gnuplot.h"
#include "bench/report/history.gnuplot.h"
#include "bench/report/history_page.html.h"
#include "bench/report/page.css.h"
#include "bench/report/page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool is_measured(const struct history_point *point)
{
	return point->state == ANALYSIS_MEASURED && !isnan(point->ns.point);
}

/* "faster", "slower", or "" where the step is not significant. */
static const char *step_of(const struct history_point *point)
{
	return point->step == STATS_FASTER || point->step == STATS_SLOWER
		       ? stats_verdict_name(point->step)
		       : "";
}

/* How many steps of a machine are significant, and a verdict. */
static size_t count_steps(const struct history *h, enum stats_verdict verdict)
{
	size_t n = 0;

	for (size_t c = 0; c < h->cell_count; c++) {
		for (size_t i = 0; i < h->cells[c].line_count; i++) {
			for (size_t k = 0; k < h->store_count; k++)
				n += h->cells[c].lines[i].points[k].step == verdict;
		}
	}
	return n;
}

/* What all of it comes to. text has room for ANALYSIS_SENTENCE_BYTES. */
static void tell(const struct histories *all, char *text)
{
	size_t stores = 0, cells = 0, faster = 0, slower = 0;

	for (size_t m = 0; m < all->count; m++) {
		stores += all->machine[m].store_count;
		cells += all->machine[m].cell_count;
		faster += count_steps(&all->machine[m], STATS_FASTER);
		slower += count_steps(&all->machine[m], STATS_SLOWER);
	}
	text[0] = '\0';
	append(text, ANALYSIS_SENTENCE_BYTES,
		"%zu store%s of %zu machine%s, %zu cell%s that at least two of a machine's have. "
		"Steps that are significant: %zu faster, %zu slower.",
		stores, stores == 1 ? "" : "s", all->count, all->count == 1 ? "" : "s", cells,
		cells == 1 ? "" : "s", faster, slower);
}

/* A point with its interval, or without one. */
static json_t *drawn_point(const struct history_point *point, size_t store)
{
	if (!is_measured(point))
		return template_record("known", json_false(), NULL);

	const bool bounded = isfinite(point->ns.lo) && isfinite(point->ns.hi);
	json_t *values = template_record("store", template_count(store + 1), "ns",
		template_words("%.4g", exp(point->ns.point)), "low",
		template_words("%.4g", exp(bounded ? point->ns.lo : point->ns.point)), "high",
		template_words("%.4g", exp(bounded ? point->ns.hi : point->ns.point)), NULL);

	return template_record("known", values, NULL);
}

/* A panel a contestant. */
static char *script_of(const struct history *h, const struct history_cell *cell)
{
	json_t *panels = json_array(), *tics = json_array();
	double low = INFINITY, high = 0;
	char title[ANALYSIS_SENTENCE_BYTES];
	const struct figure_words words = {
		title, "store, by its number above", "ns a unit (logarithmic)"};

	snprintf(title, sizeof(title), "Time over stores, %.200s. Lower is better", cell->label);
	for (size_t i = 0; i < cell->line_count; i++) {
		const struct history_line *line = &cell->lines[i];
		json_t *points = json_array();
		bool any = false;

		for (size_t k = 0; k < h->store_count; k++) {
			const struct history_point *point = &line->points[k];

			page_add(points, drawn_point(point, k));
			if (!is_measured(point))
				continue;
			any = true;
			low = fmin(low, exp(point->ns.point));
			high = fmax(high, exp(point->ns.point));
		}
		if (any && line->role == ANALYSIS_CONTESTANT)
			page_add(panels, figure_named_panel(line->subject, i,
						 figure_style_of_name(line->subject), points));
		else
			json_decref(points);
	}
	for (size_t k = 0; k < h->store_count; k++)
		page_add(tics, template_record("further", json_boolean(k > 0), "name",
				       template_words("%zu", k + 1), "store", template_count(k + 1),
				       NULL));
	return figure_draw(history_gnuplot,
		template_record("panels", panels, "tics", tics, "right",
			template_words("%g", (double)h->store_count + 0.4), "bottom",
			template_words("%g", low / 1.6), "top", template_words("%g", high * 1.6),
			NULL),
		&figure_small_panels, &words, FIGURE_IN_PAGE);
}

static json_t *columns_of(const struct history *h)
{
	json_t *columns = json_array();

	for (size_t k = 0; k < h->store_count; k++)
		page_add(columns, template_record("number", template_count(k + 1), "revision",
					  template_text(h->stores[k]->source_revision), NULL));
	return columns;
}

static json_t *point_of(const struct history_point *point)
{
	const bool measured = is_measured(point);
	const bool bounded = measured && isfinite(point->ns.lo) && isfinite(point->ns.hi);

	return template_record("ns",
		measured || point->state == ANALYSIS_ABSENT
			? page_plain(measured ? exp(point->ns.point) : NAN)
			: template_text(analysis_state_name(point->state)),
		"range",
		bounded ? page_number(number_plain_range(exp(point->ns.lo), exp(point->ns.hi)))
			: template_text(""),
		"step", template_text(step_of(point)), NULL);
}

static json_t *lines_of(const struct history *h, const struct history_cell *cell)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < cell->line_count; i++) {
		json_t *points = json_array();

		for (size_t k = 0; k < h->store_count; k++)
			page_add(points, point_of(&cell->lines[i].points[k]));
		page_add(lines,
			template_record("aside",
				json_boolean(cell->lines[i].role != ANALYSIS_CONTESTANT), "subject",
				template_text(cell->lines[i].subject), "points", points, NULL));
	}
	return lines;
}

static json_t *cells_of(const struct history *h, size_t machine, bool figures)
{
	AUTO_FREE struct figure_order *orders = need(h->cell_count, sizeof(*orders));
	AUTO_FREE struct figure *drawn = need(h->cell_count, sizeof(*drawn));
	json_t *cells = json_array();

	for (size_t c = 0; figures && c < h->cell_count; c++) {
		orders[c].script = script_of(h, &h->cells[c]);
		snprintf(orders[c].id, FIGURE_ID_BYTES, "history%zuof%zu", c + 1, machine + 1);
		snprintf(orders[c].label, FIGURE_LABEL_BYTES,
			"Time a unit of %.100s, store by store, one panel a strategy. Lower is "
			"better. The table below has the numbers.",
			h->cells[c].label);
	}
	figure_print(orders, h->cell_count, drawn);
	for (size_t c = 0; c < h->cell_count; c++) {
		page_add(cells, template_record("label", template_text(h->cells[c].label), "figure",
					template_text(drawn[c].bytes == NULL ? "" : drawn[c].bytes),
					"drawn", json_boolean(figures), "columns", columns_of(h),
					"lines", lines_of(h, &h->cells[c]), NULL));
		free(drawn[c].bytes);
	}
	return cells;
}

static json_t *stores_of(const struct history *h)
{
	json_t *stores = json_array();

	for (size_t k = 0; k < h->store_count; k++) {
		const struct analysis *a = h->stores[k];

		page_add(stores,
			template_record("number", template_count(k + 1), "revision",
				template_text(a->source_revision), "date",
				template_text(number_date(analysis_began_ns(a)).text), "grade",
				template_text(a->machine_count > 0
						      ? a->machines[a->machine_count - 1].grade
						      : "–"),
				"path", template_text(a->store), NULL));
	}
	return stores;
}

/* The steps that are significant, cell by cell; null: there are none. */
static json_t *changes_of(const struct history *h)
{
	json_t *rows = json_array();

	for (size_t c = 0; c < h->cell_count; c++) {
		for (size_t i = 0; i < h->cells[c].line_count; i++) {
			const struct history_line *line = &h->cells[c].lines[i];

			for (size_t k = 1; k < h->store_count; k++) {
				const struct history_point *point = &line->points[k];

				if (*step_of(point) == '\0')
					continue;
				page_add(rows,
					template_record("subject", template_text(line->subject),
						"cell", template_text(h->cells[c].label), "store",
						template_count(k + 1), "revision",
						template_text(h->stores[k]->source_revision),
						"before",
						page_plain(exp(line->points[k - 1].ns.point)), "ns",
						page_plain(exp(point->ns.point)), "verdict",
						template_text(step_of(point)), NULL));
			}
		}
	}
	if (json_array_size(rows) > 0)
		return template_record("rows", rows, NULL);
	json_decref(rows);
	return json_null();
}

void history_html(const void *histories, FILE *out)
{
	const struct histories *all = histories;
	const bool figures = gnuplot_has(figure_terminal(FIGURE_IN_PAGE));
	char text[ANALYSIS_SENTENCE_BYTES], why[TEMPLATE_WHY_BYTES];
	json_t *machines = json_array();

	for (size_t m = 0; m < all->count; m++) {
		const struct history *h = &all->machine[m];

		page_add(machines,
			template_record("cpu", template_text(document_cpu(h->stores[0])), "stores",
				stores_of(h), "lone", template_count(h->lone), "changes",
				changes_of(h), "cells", cells_of(h, m, figures), NULL));
	}
	tell(all, text);

	json_t *page = template_record("title", template_text("rows over time"), "style",
		template_text(page_css), "verdict", template_text(text), "drawn",
		json_boolean(figures), "machines", machines, NULL);

	/* Tests see to it that every slot has its value, so what has none found no memory. */
	if (template_print(history_page_html, page, html_text, out, why) != 0)
		need_failed();
	json_decref(page);
}

static void put(FILE *out, const char *before_it, const char *text, const char *behind)
{
	fputs(before_it, out);
	markdown_text(out, text);
	fputs(behind, out);
}

static void put_point(FILE *out, const struct history_point *point)
{
	if (!is_measured(point)) {
		fprintf(out, " %s |",
			point->state == ANALYSIS_ABSENT ? "-" : analysis_state_name(point->state));
		return;
	}
	fprintf(out, " %s", number_plain(exp(point->ns.point)).text);
	if (isfinite(point->ns.lo) && isfinite(point->ns.hi))
		fprintf(out, " (%s)",
			number_plain_range(exp(point->ns.lo), exp(point->ns.hi)).text);
	fprintf(out, *step_of(point) == '\0' ? "%s |" : " **%s** |", step_of(point));
}

static void put_cell(FILE *out, const struct history *h, const struct history_cell *cell)
{
	put(out, "\n### ", cell->label, "\n\n| ns a unit |");
	for (size_t k = 0; k < h->store_count; k++) {
		fprintf(out, " %zu: ", k + 1);
		put(out, "", h->stores[k]->source_revision, " |");
	}
	fputs("\n|---|", out);
	for (size_t k = 0; k < h->store_count; k++)
		fputs("--:|", out);
	fputc('\n', out);
	for (size_t i = 0; i < cell->line_count; i++) {
		put(out, "| ", cell->lines[i].subject, " |");
		for (size_t k = 0; k < h->store_count; k++)
			put_point(out, &cell->lines[i].points[k]);
		fputc('\n', out);
	}
}

static void put_machine(FILE *out, const struct history *h)
{
	put(out, "\n## ", document_cpu(h->stores[0]),
		"\n\n| store | source | date | noise grade | file |\n|--:|---|---|---|---|\n");
	for (size_t k = 0; k < h->store_count; k++) {
		const struct analysis *a = h->stores[k];

		fprintf(out, "| %zu | ", k + 1);
		put(out, "", a->source_revision, " | ");
		fprintf(out, "%s | ", number_date(analysis_began_ns(a)).text);
		put(out, "", a->machine_count > 0 ? a->machines[a->machine_count - 1].grade : "-",
			" | ");
		put(out, "", a->store, " |\n");
	}
	if (h->lone > 0)
		fprintf(out, "\nCells that one store alone has, and that are not shown: %zu.\n",
			h->lone);
	for (size_t c = 0; c < h->cell_count; c++)
		put_cell(out, h, &h->cells[c]);
}

void history_markdown(const void *histories, FILE *out)
{
	const struct histories *all = histories;
	char text[ANALYSIS_SENTENCE_BYTES];

	tell(all, text);
	fprintf(out,
		"# nblbench: rows over time\n\n%s\n\nTime a unit, store by store, by the date of "
		"their sweeps; lower is better. **faster** and **slower**: against the store "
		"before, beyond noise floors, the margin and what runs vary by. Parentheses are "
		"95 %% intervals. Machines are kept apart.\n",
		text);
	for (size_t m = 0; m < all->count; m++)
		put_machine(out, &all->machine[m]);
}
