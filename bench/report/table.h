/* Results in a terminal: ranked, with ties as letters, in as many columns as there are. */
#ifndef BENCH_REPORT_TABLE_H
#define BENCH_REPORT_TABLE_H

#include "bench/analysis/analysis.h"

#include <stdbool.h>
#include <stdio.h>

enum {
	TABLE_WIDTH = 100, /* columns where the terminal's width can't be told */
	TABLE_WIDTH_MIN = 40,
};

/*
 * Prints the whole analysis to out, in lines of at most `width` columns (at least TABLE_WIDTH_MIN).
 * colour: mark the best set and breakdowns by escape sequences as well.
 */
void table_print(const struct analysis *analysis, FILE *out, unsigned width, bool colour);

/* Prints text wrapped between words, with a line's end. */
void table_wrap(FILE *out, const char *text, unsigned width);

#endif
