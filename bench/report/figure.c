/*
 * See figure.h. The figures' scripts are templates, *.gnuplot; here is
 * what fills them, and what makes gnuplot's SVG fit for a page.
 */
#include "bench/report/figure.h"

#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/escape.h"
#include "bench/report/figure.gnuplot.h"
#include "bench/report/figure_draw.h"
#include "bench/report/gnuplot.h"
#include "bench/report/scaling.gnuplot.h"
#include "bench/report/template.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

const struct figure_grid figure_small_panels = {
	.columns = 6, .width = 128, .height = 76, .left = 62, .across = 38, .down = 44};
const struct figure_grid figure_wide_panels = {
	.columns = 3, .width = 292, .height = 170, .left = 62, .across = 42, .down = 46};

static const double points_an_inch = 72;
static const double letters = 72.0 / 96; /* cairo draws a point of type as at 96 dots an inch */

enum { PIXELS_A_UNIT = 3 }; /* of a picture in pixels: 300 an inch where it is printed 85 mm wide */

/* Around all plots: a title's room and a panel's, the numbers and the words of an axis. */
static const double top = 44, right = 12, bottom = 38;

/*
 * Attributes of gnuplot's elements that the page must not repeat. What its own <defs> define and
 * its plots use keeps its name behind a prefix; all other ids are dropped.
 */
static bool is_referenced(const char *name)
{
	return strncmp(name, "gp", 2) == 0 || strncmp(name, "textbox", 7) == 0 ||
	       strncmp(name, "greybox", 7) == 0;
}

/* If p is at `word`, the text after it, else NULL. */
static const char *after(const char *p, const char *word)
{
	const size_t length = strlen(word);

	return strncmp(p, word, length) == 0 ? p + length : NULL;
}

/*
 * What is the default anyway, the whole picture's or the page's, and layout that nobody reads, is half
 * of the text: what follows it.
 */
static const char *after_idle(const char *p)
{
	static const char *const idle[] = {" stroke-linecap=\"butt\"", " stroke-linejoin=\"miter\"",
		" fill=\"none\" color=\"black\" stroke=\"currentColor\"",
		" stroke=\"none\" fill=\"black\" font-family=\"sans-serif\"",
		" font-size=\"10.00\"", "\t"};
	const char *next = NULL;

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]) && next == NULL; i++)
		next = after(p, idle[i]);
	return next;
}

/* The same of a group without elements and the blanks behind it, and of the picture's own ground. */
static const char *after_empty(const char *p)
{
	const char *next = after(p, "<rect x=\"0\" y=\"0\" ");

	if (next != NULL && (next = strchr(next, '>')) != NULL)
		return next + 1;
	next = after(p, "<g ");
	if (next == NULL || (next = strchr(next, '>')) == NULL)
		return NULL;
	next++;
	next = after(next + strspn(next, " \t\n"), "</g>");
	return next == NULL ? NULL : next + strspn(next, " \t\n");
}

/* The same of what <defs> define and nothing uses: a mark, or a filter. */
static const char *after_unused(const char *svg, const char *p)
{
	const char *next = after(p, "<filter id='");
	const char *end, *id;
	char use[32];

	if (next != NULL) {
		snprintf(use, sizeof(use), "#%.*s)", (int)strcspn(next, "'"), next);
		end = strstr(p, "</filter>");
		return strstr(svg, use) != NULL || end == NULL ? NULL : end + strlen("</filter>");
	}
	if (*p != '<' || (end = strchr(p, '>')) == NULL || (id = strstr(p, " id='gp")) == NULL ||
		id > end)
		return NULL;
	id += strlen(" id='");
	snprintf(use, sizeof(use), "#%.*s'", (int)strcspn(id, "'"), id);
	return strstr(svg, use) != NULL ? NULL : end + 1;
}

void figure_inline(const char *svg, const char *id, const char *label, FILE *out)
{
	static const char *const black[] = {"stroke=\"black\"", "fill=\"black\"", "color=\"black\"",
		"stroke='black'", "fill='black'", "color='black'"};
	const char *p = strstr(svg, "<svg");
	const char *next;

	if (p == NULL)
		return;
	fputs("<svg role=\"img\" aria-label=\"", out);
	html_text(out, label);
	fputs("\" fill=\"none\" color=\"currentColor\" stroke=\"currentColor\"", out);
	p += strlen("<svg");
	while (*p != '\0') {
		if ((next = after(p, "<title>")) != NULL || (next = after(p, "<desc>")) != NULL) {
			next = strchr(next, '<');
			p = next == NULL ? "" : strchr(next, '>') + 1;
			continue;
		}
		if ((next = after_idle(p)) != NULL || (next = after_empty(p)) != NULL ||
			(next = after_unused(svg, p)) != NULL) {
			p = next;
			continue;
		}
		if ((next = after(p, " id=\"")) != NULL || (next = after(p, " id='")) != NULL) {
			if (is_referenced(next)) {
				fprintf(out, " id=%c%s-", next[-1], id);
				p = next;
			} else {
				p = next + strcspn(next, "\"'") + 1;
			}
			continue;
		}
		if ((next = after(p, "='#")) != NULL || (next = after(p, "=\"#")) != NULL) {
			/* A reference by id, or a colour, which starts with the same sign. */
			fwrite(p, 1, (size_t)(next - p), out);
			if (is_referenced(next))
				fprintf(out, "%s-", id);
			p = next;
			continue;
		}
		if ((next = after(p, "url(#")) != NULL) {
			fprintf(out, "url(#%s-", id);
			p = next;
			continue;
		}
		for (size_t i = 0; i < sizeof(black) / sizeof(black[0]) && next == NULL; i++)
			next = after(p, black[i]);
		if (next != NULL) {
			fwrite(p, 1, strcspn(p, "=") + 1, out);
			fputs("\"currentColor\"", out);
			p = next;
			continue;
		}
		fputc(*p++, out);
	}
}

/* Text as a gnuplot string; what could end it or mean something inside becomes a question mark. */
static void gnuplot_text(FILE *script, const char *text)
{
	fputc('"', script);
	for (; *text != '\0'; text++)
		fputc(isalnum((unsigned char)*text) || strchr(" _-+/().,:", *text) ? *text : '?',
			script);
	fputc('"', script);
}

/* A share of the picture's width or height. */
static void set_share(json_t *data, const char *name, double pixels, double of)
{
	json_object_set_new(data, name, template_words("%.5f", pixels / of));
}

/* In the picture's own units; in inches, for there a unit is a point; and in pixels. */
static void set_size(json_t *data, double width, double height)
{
	json_object_set_new(data, "width", template_count((uint64_t)width));
	json_object_set_new(data, "height", template_count((uint64_t)height));
	json_object_set_new(data, "width_in", template_words("%.3f", width / points_an_inch));
	json_object_set_new(data, "height_in", template_words("%.3f", height / points_an_inch));
	json_object_set_new(data, "width_px", template_count((uint64_t)width * PIXELS_A_UNIT));
	json_object_set_new(data, "height_px", template_count((uint64_t)height * PIXELS_A_UNIT));
	json_object_set_new(data, "scale", template_count(PIXELS_A_UNIT));
	json_object_set_new(data, "letters", template_words("%g", letters));
	json_object_set_new(data, "letters_px", template_words("%g", letters * PIXELS_A_UNIT));
}

/* Where the plots stand, and the words around them. */
static void set_frame(
	json_t *data, const struct figure_grid *grid, const struct figure_words *words)
{
	const size_t panels = json_array_size(json_object_get(data, "panels"));
	const double columns = (double)grid->columns;
	const double rows = ceil((double)panels / columns);
	const double width =
		grid->left + columns * grid->width + (columns - 1) * grid->across + right;
	const double above = top + grid->above;
	const double height = above + rows * grid->height + (rows - 1) * grid->down + bottom;

	json_object_set_new(data, "rows", template_count((uint64_t)rows));
	json_object_set_new(data, "columns", template_count(grid->columns));
	set_size(data, width, height);
	set_share(data, "plots_left", grid->left, width);
	set_share(data, "plots_right", width - right, width);
	set_share(data, "plots_bottom", bottom, height);
	set_share(data, "plots_top", height - above, height);
	set_share(data, "across", grid->across, width);
	set_share(data, "down", grid->down, height);
	json_object_set_new(data, "figure_title", template_text(words->title));
	json_object_set_new(data, "figure_x", template_text(words->x));
	json_object_set_new(data, "figure_y", template_text(words->y));
}

static const struct {
	const char *name, *terminal;
} media[FIGURE_MEDIA] = {
	[FIGURE_IN_PAGE] = {"page", "svg"},
	[FIGURE_PDF] = {"pdf", "pdfcairo"},
	[FIGURE_PNG] = {"png", "pngcairo"},
};

const char *figure_terminal(enum figure_medium medium)
{
	return media[medium].terminal;
}

/* Which terminal the script sets. */
static void set_medium(json_t *data, enum figure_medium medium)
{
	for (int i = 0; i < FIGURE_MEDIA; i++)
		json_object_set_new(data, media[i].name, json_boolean(i == (int)medium));
}

struct figure figure_draw(const char *template, json_t *data, const struct figure_grid *grid,
	const struct figure_words *words, const struct figure_target *to)
{
	const bool any = json_array_size(json_object_get(data, "panels")) > 0;
	FILE *script = any ? tmpfile() : NULL;
	struct figure figure = {0};
	char why[TEMPLATE_WHY_BYTES];

	set_frame(data, grid, words);
	set_medium(data, to->medium);
	if (script != NULL &&
		template_print(figure_gnuplot, data, gnuplot_text, script, why) == 0 &&
		template_print(template, data, gnuplot_text, script, why) == 0 && !ferror(script))
		figure.bytes = gnuplot_run(script, &figure.size);
	if (script != NULL)
		fclose(script);
	json_decref(data);
	figure.failed = any && figure.bytes == NULL;
	if (figure.bytes == NULL || to->medium != FIGURE_IN_PAGE)
		return figure;

	AUTO_FREE char *svg = figure.bytes;
	FILE *out = need_stream(&figure.bytes, &figure.size);

	figure_inline(svg, to->id, to->label, out);
	need_closed(out);
	return figure;
}

/*
 * Throughput against threads.
 */

bool figure_scales(const struct analysis *analysis, size_t first)
{
	size_t others = 0;

	for (size_t c = 0; c < analysis->cell_count; c++) {
		if (c == first || !analysis_same_load(&analysis->cells[c], &analysis->cells[first]))
			continue;
		if (c < first)
			return false;
		others += analysis->cells[c].has_best ? 1 : 0;
	}
	return others > 0 && analysis->cells[first].has_best;
}

/* What a scaling figure shows of one subject: million units a second, with the interval. */
static json_t *points_of(const struct analysis *analysis, size_t first, size_t subject)
{
	json_t *points = json_array();

	for (size_t c = first; c < analysis->cell_count; c++) {
		const struct analysis_cell *cell = &analysis->cells[c];
		const struct analysis_result *result = analysis_at(analysis, c, subject);

		if (!analysis_same_load(cell, &analysis->cells[first]) ||
			result->state != ANALYSIS_MEASURED || isnan(result->ns.point))
			continue;

		const bool bounded = isfinite(result->ns.lo) && isfinite(result->ns.hi);
		const double low = bounded ? result->ns.hi : result->ns.point;
		const double high = bounded ? result->ns.lo : result->ns.point;

		json_array_append_new(points,
			template_record("threads", template_count(cell->threads), "rate",
				template_words("%.4g", analysis_rate(cell, result->ns.point) / 1e6),
				"low", template_words("%.4g", analysis_rate(cell, low) / 1e6),
				"high", template_words("%.4g", analysis_rate(cell, high) / 1e6),
				NULL));
	}
	return points;
}

/* The range of threads of a figure's cells, and where they begin to outnumber CPUs. */
static void set_threads(json_t *data, const struct analysis *analysis, size_t first)
{
	uint32_t most = 0, least = UINT32_MAX, crowded = UINT32_MAX, quiet = 0;
	json_t *tics = json_array();
	json_t *area = json_null();

	for (size_t c = first; c < analysis->cell_count; c++) {
		const struct analysis_cell *cell = &analysis->cells[c];

		if (!analysis_same_load(cell, &analysis->cells[first]))
			continue;
		json_array_append_new(
			tics, template_record("further", json_boolean(json_array_size(tics) > 0),
				      "threads", template_count(cell->threads), NULL));
		most = cell->threads > most ? cell->threads : most;
		least = cell->threads < least ? cell->threads : least;
		if (cell->oversubscribed && cell->threads < crowded)
			crowded = cell->threads;
		if (!cell->oversubscribed && cell->threads > quiet)
			quiet = cell->threads;
	}
	if (crowded != UINT32_MAX) {
		const double edge = quiet > 0 ? sqrt((double)quiet * crowded) : least * 0.8;

		area = template_record("left", template_words("%g", edge), "right",
			template_words("%g", most * 1.25), NULL);
	}
	json_object_set_new(data, "tics", tics);
	json_object_set_new(data, "left", template_words("%g", least * 0.8));
	json_object_set_new(data, "right", template_words("%g", most * 1.25));
	json_object_set_new(data, "crowded", area);
}

/* The range of rates of all subjects of a figure. */
static void set_rates(json_t *data, const struct analysis *analysis, size_t first,
	const size_t *subjects, size_t count)
{
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t c = first; c < analysis->cell_count; c++) {
			const struct analysis_cell *cell = &analysis->cells[c];
			const double ns = analysis_at(analysis, c, subjects[i])->ns.point;

			if (!analysis_same_load(cell, &analysis->cells[first]) || isnan(ns))
				continue;
			low = fmin(low, analysis_rate(cell, ns) / 1e6);
			high = fmax(high, analysis_rate(cell, ns) / 1e6);
		}
	}
	json_object_set_new(data, "bottom", template_words("%g", low / 1.6));
	json_object_set_new(data, "top", template_words("%g", high * 1.6));
}

struct figure figure_scaling(
	const struct analysis *analysis, size_t first, const struct figure_target *to)
{
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	char load[ANALYSIS_SENTENCE_BYTES], title[2 * ANALYSIS_SENTENCE_BYTES];
	const struct figure_words words = {
		title, "threads (logarithmic)", "million units/s (logarithmic)"};
	json_t *panels = json_array();
	json_t *data = template_record("panels", panels, NULL);
	size_t n = 0, drawn = 0;

	analysis_load(&analysis->cells[first], load);
	snprintf(title, sizeof(title),
		"Throughput by threads, %s. Higher is better. Shaded: more threads than CPUs",
		load);
	choice_order(analysis, analysis->cells[first].contest, order, &n);
	for (size_t i = 0; i < n; i++) {
		json_t *points = points_of(analysis, first, order[i]);

		if (json_array_size(points) == 0) {
			json_decref(points);
			continue;
		}
		json_array_append_new(panels, figure_panel(analysis, first, order[i], points));
		order[drawn++] = order[i];
	}
	set_threads(data, analysis, first);
	set_rates(data, analysis, first, order, drawn);
	return figure_draw(scaling_gnuplot, data, &figure_small_panels, &words, to);
}
