/*
 * A page of at most PAGE_BYTES_MAX, however large the sweep: what it has no room for it leaves out, and says so.
 * Its text is printed with and without tables, to be measured; then each part in turn, the most wanted first, is
 * taken if it fits. So the same store always makes the same page.
 */
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/escape.h"
#include "bench/report/page.h"
#include "bench/report/page.html.h"
#include "bench/report/report.h"

#include <string.h>

enum { SENTENCES = 4096 /* bytes about what is left out */ };

/* Tables, or the figures of a kind, by how much they are wanted. */
static const struct part {
	const char *words;
	unsigned tables; /* enum page_tables; 0: figures */
	enum figure_kind kind;
	unsigned beside;        /* the tables that they stand beside */
	const char *head, *end; /* of the element that tables stand in */
} parts[] = {
	{"figures of matrices", .kind = FIGURE_MATRIX},
	{"figures of trade-offs", .kind = FIGURE_TRADEOFF},
	{"the figure of memory", .kind = FIGURE_MEMORY},
	{"the figure of the machine", .kind = FIGURE_MACHINE},
	{"tables of cells", .tables = PAGE_CELLS, .head = "<section id=\"cells\">",
		.end = "</section>"},
	{"tables of latency", .tables = PAGE_LATENCY, .head = "<section id=\"latency\">",
		.end = "</section>"},
	{"figures of scaling", .kind = FIGURE_SCALING},
	{"figures of bursts", .kind = FIGURE_BURSTS},
	{"figures of sizes", .kind = FIGURE_SIZES},
	{"figures of response times", .kind = FIGURE_RESPONSES},
	{"figures of percentiles", .kind = FIGURE_PERCENTILES, .beside = PAGE_LATENCY},
	{"figures of paths", .kind = FIGURE_PATHS, .beside = PAGE_LATENCY},
	{"raw slices", .tables = PAGE_SLICES, .head = "id=\"slices\">", .end = "</script>"},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

char *page_print(const struct page *p, size_t *bytes)
{
	char why[TEMPLATE_WHY_BYTES], *text = NULL;
	FILE *out = need_stream(&text, bytes);
	json_t *page = page_fill(p);

	/* Tests see to it that every slot has its value, so what has none found no memory. */
	if (template_print(page_html, page, html_text, out, why) != 0)
		need_failed();
	json_decref(page);
	need_closed(out);
	return text;
}

/* The page with these tables, for the caller to free. */
static char *text_with(struct page *p, unsigned tables)
{
	size_t bytes;

	p->tables = tables;
	return page_print(p, &bytes);
}

/* How long an element is, from its head to its end. */
static size_t length_of(const char *text, const struct part *part)
{
	const char *head = strstr(text, part->head);

	return (size_t)(strstr(head, part->end) - head);
}

/* Takes tables if they fit. */
static bool takes_tables(
	struct page *p, const struct part *part, const char *whole, const char *bare, size_t *room)
{
	const size_t more = length_of(whole, part) - length_of(bare, part);

	if (more > *room)
		return false;
	*room -= more;
	p->tables |= part->tables;
	return true;
}

/* Draws figures if they fit, and what they stand beside is there. Without gnuplot none is left out. */
static bool takes_figures(struct page *p, const struct part *part, size_t *room)
{
	return !p->figures || ((p->tables & part->beside) == part->beside &&
				      figures_of_kind(p->a, part->kind,
					      p->drawn + part->kind * p->a->cell_count, room));
}

void page_fit(struct page *p, size_t most)
{
	AUTO_FREE char *whole = text_with(p, PAGE_CELLS | PAGE_LATENCY | PAGE_SLICES);
	AUTO_FREE char *bare = text_with(p, 0);
	const size_t least = strlen(bare) + SENTENCES;
	size_t room = most > least ? most - least : 0;

	for (size_t i = 0; i < PARTS; i++) {
		const struct part *part = &parts[i];

		if (part->tables != 0 ? !takes_tables(p, part, whole, bare, &room)
				      : !takes_figures(p, part, &room))
			append(p->left_out, sizeof(p->left_out), "%s%s",
				p->left_out[0] == '\0' ? "" : ", ", part->words);
	}
}

void report_html(const struct analysis *analysis, FILE *out)
{
	struct page p;
	size_t bytes;

	page_open(&p, analysis);
	page_fit(&p, PAGE_BYTES_MAX);

	AUTO_FREE char *text = page_print(&p, &bytes);

	fwrite(text, 1, bytes, out);
	page_close(&p);
}
