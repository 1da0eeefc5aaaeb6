/*
 * What fills the slots of page.html, which page_cells.html ends. Each section of the page has a function
 * that turns what the analysis found into the JSON that the template shows: which rows there are, in which
 * order, and every number as people read it. Markup and sentences stand in the template alone.
 */
#ifndef BENCH_REPORT_PAGE_H
#define BENCH_REPORT_PAGE_H

#include "bench/analysis/analysis.h"
#include "bench/base/number.h"
#include "bench/report/figure.h"
#include "bench/report/template.h"

#include <jansson.h>
#include <stdbool.h>

/* Rows in the order of a table: contestants, best first, then all others. */
struct page_order {
	size_t *order;
	size_t contestants; /* that order starts with */
	size_t rows;
};

/* What the sections share. */
struct page {
	const struct analysis *a;
	struct page_order all;                /* the rows of all contests */
	struct page_order contests[CONTESTS]; /* and of each */
	bool figures;                         /* gnuplot can draw them */
	struct figure *drawn;                 /* kind * cell_count + cell: those that it has */
	unsigned tables;                      /* enum page_tables: those that it has */
	/* The names of what it has no room for; "": nothing. */
	char left_out[ANALYSIS_SENTENCE_BYTES];
};

/* Tables that a page may have no room for. */
enum page_tables { PAGE_CELLS = 1, PAGE_LATENCY = 2, PAGE_SLICES = 4 };

/* Orders its rows; there is no figure yet, and all tables. And frees it. */
void page_open(struct page *p, const struct analysis *analysis);
void page_close(struct page *p);

enum { PAGE_BYTES_MAX = 3 << 20 };

/* Draws the figures, and leaves out what makes the page larger than `most` bytes (page_fit.c). */
void page_fit(struct page *p, size_t most);

/* The whole text, for the caller to free; and its size. */
char *page_print(const struct page *p, size_t *bytes);

/*
 * The sections; NULL or an incomplete tree if memory ran out, which template_print then reports.
 * null: there is nothing to show.
 */
json_t *page_choices(const struct page *p);   /* page_choice.c */
json_t *page_ratios(const struct page *p);    /* page_ratios.c; a contest each */
json_t *page_lines(const struct page *p);     /* page_figures.c; a section each */
json_t *page_tradeoffs(const struct page *p); /* page_figures.c; a contest each */
json_t *page_trust(const struct page *p);     /* page_trust.c */
json_t *page_latency(const struct page *p);   /* page_latency.c */
json_t *page_responses(const struct page *p); /* page_responses.c */
json_t *page_cells(const struct page *p);     /* page_cells.c */

/*
 * Text of JSON that the page's script reads, in page_script.c; no element's end stands in it. The figures: the
 * contestants' and the others' `rows` in the page's order, the `cells`, and what each row has in each cell. And the
 * slices, a record a cell.
 */
json_t *page_script_data(const struct page *p);
json_t *page_script_slices(const struct page *p);

/* All slots of page.html. NULL: no memory. */
json_t *page_fill(const struct page *p);

/* What `part` makes of each contest, by the first of its cells. */
json_t *page_each_contest(
	const struct page *p, json_t *(*part)(const struct page *p, size_t first));

/* A figure of the page (figure.h) as a string; "" for one that it does not have. */
json_t *page_figure(const struct page *p, enum figure_kind kind, size_t cell);

/* A number, or a range, with the dash that typesetters use; "–" for one that is missing. */
json_t *page_number(struct number number);

static inline json_t *page_plain(double value)
{
	return page_number(number_plain(value));
}

/* The slots of a percentile's cell in a table; bad: it is not what it would be called. */
json_t *page_percentile(const struct analysis_percentile *p, bool bad);

/* "1 thread", "2 threads". */
json_t *page_threads(uint32_t threads);

/* A row of a subject in a cell's table: adds to its slots its name there, and whether it is aside. */
json_t *page_row(const struct analysis *a, size_t cell, size_t subject, json_t *slots);

/* The load of a cell, as analysis_load has it. */
json_t *page_load(const struct analysis_cell *cell);

/* What the strategy of a subject wants of a machine, by this build's list; "" if nothing. */
const char *page_needs(const struct analysis_subject *subject);

/* Whether it finds every free object: "yes" and "no" only where a pool could keep the promise. */
const char *page_exact(const struct analysis_subject *subject);

static inline const struct analysis_subject *page_subject(const struct page *p, size_t row)
{
	return &p->a->subjects[p->all.order[row]];
}

/* The rows of a cell's contest. */
static inline const struct page_order *page_order_in(const struct page *p, size_t cell)
{
	return &p->contests[p->a->cells[cell].contest];
}

/* Adds one more; a NULL, for want of memory, makes the list shorter. */
static inline void page_add(json_t *list, json_t *item)
{
	json_array_append_new(list, item);
}

#endif
