/* For tests: what a form of the report prints, and what of it can be read. */
#ifndef BENCH_REPORT_PRINTED_H
#define BENCH_REPORT_PRINTED_H

#include "bench/analysis/analysis.h"

#include <stdint.h>
#include <stdio.h>

/* The text that `print` writes of an analysis; the caller frees it. */
char *printed(const struct analysis *analysis, void (*print)(const struct analysis *, FILE *));

/* How often a word stands in a text. */
size_t printed_count(const char *text, const char *word);

/* The relative luminance of a colour, 0xrrggbb, as WCAG 2 defines it. */
double printed_luminance(uint32_t colour);

/* The contrast of two colours, 1 to 21, likewise. */
double printed_contrast(uint32_t a, uint32_t b);

#endif
