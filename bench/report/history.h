/* Rows over time (bench/analysis/history.h), as a page and as Markdown. */
#ifndef BENCH_REPORT_HISTORY_H
#define BENCH_REPORT_HISTORY_H

#include "bench/analysis/history.h"

#include <stdio.h>

/* The histories of several machines. */
struct histories {
	size_t count;
	const struct history *machine;
};

/* Each prints a whole document of a struct histories. */
void history_html(const void *histories, FILE *out);
void history_markdown(const void *histories, FILE *out);

#endif
