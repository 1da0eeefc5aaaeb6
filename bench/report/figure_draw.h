/* What draws a figure from its script; for the sources that make figures alone. */
#ifndef BENCH_REPORT_FIGURE_DRAW_H
#define BENCH_REPORT_FIGURE_DRAW_H

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

/* A grid of panels. Sizes in the picture's own units: about a CSS pixel. */
struct figure_grid {
	size_t columns, width, height;
};

extern const struct figure_grid figure_small_panels, figure_wide_panels;

/*
 * Draws a script filled with data, which it frees: a picture with a grid of `panels` of that
 * array. It is as wide as a full row, however few there are, so that panels and letters are of
 * one size all over the page. NULL: gnuplot failed.
 */
char *figure_draw(const char *template, json_t *data, const struct figure_grid *grid,
	const char *id, const char *label);

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
