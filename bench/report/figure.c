/*
 * See figure.h. The figures' scripts are templates, *.gnuplot; here is
 * what fills them, and what makes gnuplot's SVG fit for a page.
 */
#include "bench/report/figure.h"

#include "bench/base/need.h"
#include "bench/report/escape.h"
#include "bench/report/figure.gnuplot.h"
#include "bench/report/figure_draw.h"
#include "bench/report/template.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

const struct figure_grid figure_small_panels = {
	.columns = 6, .width = 147, .height = 76, .left = 62, .across = 15, .down = 30};
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

static const char *after_blank(const char *p)
{
	return p + strspn(p, " \t\n");
}

/* The same of a group without elements, or of an empty label's, and the blanks behind it, and of the picture's own ground. */
static const char *after_empty(const char *p)
{
	const char *next = after(p, "<rect x=\"0\" y=\"0\" "), *label;

	if (next != NULL && (next = strchr(next, '>')) != NULL)
		return next + 1;
	next = after(p, "<g ");
	if (next == NULL || (next = strchr(next, '>')) == NULL)
		return NULL;
	next = after_blank(next + 1);
	label = after(next, "<text></text>");
	next = after(after_blank(label == NULL ? next : label), "</g>");
	return next == NULL ? NULL : after_blank(next);
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

/* The numbers of an axis stand at the first panel of each row, and at the last of each column. */
static void set_numbered(json_t *panels, size_t columns)
{
	const size_t n = json_array_size(panels);

	for (size_t i = 0; i < n; i++) {
		json_t *panel = json_array_get(panels, i);

		json_object_set_new(panel, "leftmost", json_boolean(i % columns == 0));
		json_object_set_new(panel, "lowest", json_boolean(i + columns >= n));
	}
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

	set_numbered(json_object_get(data, "panels"), grid->columns);
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

const char *figure_medium_name(enum figure_medium medium)
{
	return media[medium].name;
}

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

char *figure_draw(const char *template, json_t *data, const struct figure_grid *grid,
	const struct figure_words *words, enum figure_medium medium)
{
	const bool any = json_array_size(json_object_get(data, "panels")) > 0;
	char why[TEMPLATE_WHY_BYTES], *script = NULL;
	size_t bytes;
	FILE *out = any ? need_stream(&script, &bytes) : NULL;

	set_frame(data, grid, words);
	set_medium(data, medium);
	/* Tests see to it that every slot has its value, so what has none found no memory. */
	if (any && (template_print(figure_gnuplot, data, gnuplot_text, out, why) != 0 ||
			   template_print(template, data, gnuplot_text, out, why) != 0))
		need_failed();
	if (any)
		need_closed(out);
	json_decref(data);
	return script;
}
