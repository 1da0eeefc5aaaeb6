/* What draws a figure from its script; for the sources that make figures alone. */
#ifndef BENCH_REPORT_FIGURE_DRAW_H
#define BENCH_REPORT_FIGURE_DRAW_H

#include "bench/analysis/analysis.h"
#include "bench/report/figure.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FIGURE_LABEL_BYTES = 512 };

/*
 * A grid of panels. Sizes in the picture's own units: about a CSS pixel. left: of the first plot, so that the
 * numbers of its axis have room. across, down: between two plots.
 */
struct figure_grid {
	size_t columns;
	double width, height, left, across, down;
	double above; /* more room, for what stands over the plots */
};

extern const struct figure_grid figure_small_panels, figure_wide_panels;

enum {
	FIGURE_WIDTH = 1020
}; /* of plots and what stands left of them, where there is one in a row */

/* What stands around the panels: what is shown and which way is better; each axis with its unit. */
struct figure_words {
	const char *title, *x, *y;
};

/*
 * The script of a picture with a grid of `panels` of that array of data, which it frees; NULL without any. The picture is as
 * wide as a full row, however few there are, so that panels and letters are of one size all over the page. The caller
 * frees the script.
 */
char *figure_draw(const char *template, json_t *data, const struct figure_grid *grid,
	const struct figure_words *words, enum figure_medium medium);

/* A figure of a page that is to be drawn. */
struct figure_order {
	char *script;                   /* NULL: it shows nothing */
	char id[FIGURE_ID_BYTES];       /* letters and digits, unique in the page */
	char label[FIGURE_LABEL_BYTES]; /* the text alternative */
};

/* Draws them, a few by each gnuplot, for starting one takes longer than drawing. Frees the scripts. */
void figure_print(struct figure_order *orders, size_t n, struct figure *figures);

/*
 * The scripts of each kind; figure_kinds.c has the list of them. Of the cell, or of those that share its load or
 * its contest; those of a store have no use for it. As figure_draw.
 */
typedef char *figure_drawer(
	const struct analysis *analysis, size_t cell, enum figure_medium medium);

/* The script of a kind's figure, NULL where it does not apply or shows nothing; its id and its text alternative. */
char *figure_script(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	enum figure_medium medium);
void figure_label(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	char id[FIGURE_ID_BYTES], char label[FIGURE_LABEL_BYTES]);

/* Contestants by workloads, each at the most threads that have a CPU each, with the multiple of the best. */
figure_drawer figure_matrix;

/*
 * Throughput against threads, one panel a contestant: its own line with intervals, all others in grey
 * behind it.
 */
figure_drawer figure_scaling;

/* Time a unit against the objects of a bulk call, and against their size, likewise. */
figure_drawer figure_bursts, figure_sizes;

figure_drawer figure_tradeoff;

/* Resident memory when the pool was opened, at its peak and settled, one panel a contestant. */
figure_drawer figure_memory;

/* How long calls take: the time over the share of calls that take longer, as far as there is evidence. */
figure_drawer figure_percentiles;

/* Which paths the time of calls goes to, a bar a strategy; nothing where each has but one. */
figure_drawer figure_paths;

/* p99 of response times against load, one panel a contestant that keeps some load, with its knee. */
figure_drawer figure_responses;

/* The machine's probes over the time of the sweep, with its events. */
figure_drawer figure_machine;

/* The contestants with the shortest tails of a cell, as many as a figure shows; order has room for all. */
size_t figure_tails(const struct analysis *analysis, size_t cell, size_t *order);

/* How a strategy is drawn, everywhere: by its colour, and for who can't tell it by dash and marker. */
struct figure_style {
	uint32_t colour;
	int dash, marker; /* as gnuplot numbers them */
};

enum { FIGURE_COLOURS = 5 };

extern const uint32_t figure_colours[FIGURE_COLOURS]; /* 0xrrggbb */

struct figure_style figure_style_of(const struct analysis_subject *subject);

/* The same by its label alone, where there is no more. */
struct figure_style figure_style_of_name(const char *name);

/* A panel: a title, its points, which it takes over, and a style; `index` is its own in the picture. */
json_t *figure_named_panel(
	const char *name, size_t index, struct figure_style style, json_t *points);

/* A panel of a row of a cell: its name there as the title, its points, which it takes over, and its style. */
json_t *figure_panel(const struct analysis *analysis, size_t cell, size_t subject, json_t *points);

/* What rows' names take left of a plot, as far as they may. */
double figure_names_room(
	const struct analysis *analysis, enum contest contest, const size_t *order, size_t n);

/* A name beside a point, in pixels from the lower left corner of its plot. */
struct figure_name {
	const char *text;
	double x, y;             /* of the point */
	double label_x, label_y; /* where the name begins, and the middle of its letters */
	bool placed;             /* else there is no room for it */
};

/* Places names beside their points, so that none covers another; those that come first are nearest. */
void figure_place_names(struct figure_name *names, size_t n, double width, double height);

/* The powers of ten around a value: ends of a logarithmic axis, so that it has labels. */
static inline double figure_decade_below(double value)
{
	return pow(10, floor(log10(value)));
}

static inline double figure_decade_above(double value)
{
	return pow(10, ceil(log10(value)));
}

#endif
