/* Two stores set against each other (bench/analysis/comparison.h), told to people and to CI. */
#ifndef BENCH_REPORT_COMPARED_H
#define BENCH_REPORT_COMPARED_H

#include "bench/analysis/comparison.h"

#include <stdio.h>

struct compared {
	const struct comparison *comparison;
	const char *stores[2]; /* A's path and B's */
	const char *measure;   /* as it was asked for: "time", "p99" */
	const char *condition; /* as it was given; NULL */
};

/* A line of text: "  kernel: 6.1 | 6.12". */
void compared_difference(const struct comparison_difference *difference, FILE *out);

/* Two rows that the stores have the other way round, in a sentence. text has room for ANALYSIS_SENTENCE_BYTES. */
void compared_contrary(const struct comparison *comparison, size_t i, char *text);

/* Each prints a whole document of a struct compared. */
void compared_text(const void *compared, FILE *out);
void compared_brief(const void *compared, FILE *out); /* as text, without the rows */
void compared_markdown(const void *compared, FILE *out);
void compared_html(const void *compared, FILE *out);
void compared_junit(const void *compared, FILE *out); /* a case fails where the condition holds */

#endif
