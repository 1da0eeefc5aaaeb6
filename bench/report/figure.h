/*
 * Figures as inline SVG, drawn by gnuplot.
 *
 * gnuplot is started once a figure, with its script on standard input and no start-up files. What
 * it prints is made fit to stand inside a page: identifiers get a prefix of their own (every plot
 * otherwise repeats them) or are dropped, black becomes currentColor so that dark mode and paper
 * need no second picture, and the picture scales with its container. No mouse code: that would
 * load scripts from elsewhere.
 */
#ifndef BENCH_REPORT_FIGURE_H
#define BENCH_REPORT_FIGURE_H

#include "bench/analysis/analysis.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Cells that differ in nothing but their number of threads, and so make up one scaling figure.
 * first is the cell that stands for the group. A cell alone is no group.
 */
bool figure_scales(const struct analysis *analysis, size_t first);

/*
 * Throughput against threads for the group of cell `first`, one panel a contestant: its own line
 * with intervals, all others in grey behind it. id: letters and digits, unique in the page; label:
 * the text alternative. The caller frees it; NULL: gnuplot failed.
 */
char *figure_scaling(
	const struct analysis *analysis, size_t first, const char *id, const char *label);

/* Whether a cell is the first of its contest, and so stands for it. */
bool figure_leads(const struct analysis *analysis, size_t cell);

/*
 * Of the contest of cell `first`. Where the tails of half of a cell's rows are known: throughput against p99.9,
 * with memory beyond the payload as the size of a point, one panel a cell with a thread on each CPU. Else time
 * against that memory, one panel a cell. Who is beaten in all of it is grey. NULL too where no row's memory is
 * known.
 */
bool figure_tradeoff_has_tail(const struct analysis *analysis, size_t first);
char *figure_tradeoff(
	const struct analysis *analysis, size_t first, const char *id, const char *label);

/*
 * How long calls take in a cell: the time over the share of calls that take longer, one panel a row
 * of `order`, as far as there is evidence.
 */
char *figure_percentiles(const struct analysis *analysis, size_t cell, const size_t *order,
	size_t count, const char *id, const char *label);

/*
 * Response times of a cell: p99 against load, one panel a row of `order` that keeps some load, with
 * its knee.
 */
char *figure_responses(const struct analysis *analysis, size_t cell, const size_t *order,
	size_t count, const char *id, const char *label);

/*
 * Which paths the time of a cell's calls goes to, a bar a row of `order`. NULL too where each row has but one.
 */
char *figure_paths(const struct analysis *analysis, size_t cell, const size_t *order, size_t count,
	const char *id, const char *label);

/*
 * The decision matrix of the contest of cell `first`: its rows by its workloads, each at the most threads that
 * have a CPU each, with the multiple of the best and as much ink as that is more.
 */
char *figure_matrix(
	const struct analysis *analysis, size_t first, const char *id, const char *label);

/*
 * Resident memory when the pool was opened, at its peak and settled, one panel a contestant; and the cell in
 * which somebody's grows the most, or the number of cells where none has it.
 */
size_t figure_memory_cell(const struct analysis *analysis);
char *figure_memory(
	const struct analysis *analysis, size_t cell, const char *id, const char *label);

/* The machine's probes over the time of the sweep, with its events. NULL too where it was not probed. */
char *figure_machine(const struct analysis *analysis, const char *id, const char *label);

/*
 * Copies one SVG document as gnuplot prints it into a page, as described above. Public for its
 * test.
 */
void figure_inline(const char *svg, const char *id, const char *label, FILE *out);

#endif
