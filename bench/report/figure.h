/*
 * Figures, drawn by gnuplot: inline SVG in a page, or PDF and PNG of their own from the same scripts.
 *
 * gnuplot is started with scripts on standard input and no start-up files, a few figures of a page at a time. SVG is made fit
 * to stand inside a page: identifiers get a prefix of their own (every plot
 * otherwise repeats them) or are dropped, black becomes currentColor so that dark mode and paper
 * need no second picture, and the picture scales with its container. No mouse code: that would
 * load scripts from elsewhere.
 */
#ifndef BENCH_REPORT_FIGURE_H
#define BENCH_REPORT_FIGURE_H

#include "bench/analysis/analysis.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FIGURE_ID_BYTES = 64 };

/* What a figure becomes: part of a page, or a file of its own, as a paper wants it. */
enum figure_medium { FIGURE_IN_PAGE, FIGURE_PDF, FIGURE_PNG, FIGURE_MEDIA };

/* "page", "pdf", "png": the end of such a file's name, too. */
const char *figure_medium_name(enum figure_medium medium);

/* gnuplot's name for what draws it. */
const char *figure_terminal(enum figure_medium medium);

struct figure {
	char *bytes; /* the caller frees them, and a zero stands behind them; NULL: there is nothing to show, or */
	size_t size;
	bool failed; /* gnuplot did not draw it */
};

/*
 * The figures of a page, in its order: those of a store, which have one each, and those of a cell. One of
 * a load or a contest stands with the first of its cells.
 */
enum figure_kind {
	FIGURE_MATRIX,
	FIGURE_SCALING,
	FIGURE_BURSTS,
	FIGURE_SIZES,
	FIGURE_TRADEOFF,
	FIGURE_MEMORY,
	FIGURE_PERCENTILES,
	FIGURE_PATHS,
	FIGURE_RESPONSES,
	FIGURE_MACHINE,
	FIGURE_KINDS,
};

/* Whether a page has such a figure of a cell; those of a store stand with cell 0. */
bool figure_applies(const struct analysis *analysis, enum figure_kind kind, size_t cell);

/*
 * How it is called: "scaling4", or "memory" of a store; and the name of its contest, load or cell, "" of a store's. extent
 * has room for ANALYSIS_SENTENCE_BYTES.
 */
void figure_name(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	char id[FIGURE_ID_BYTES], char *extent);

/* Draws one as a file; nothing where it does not apply. */
struct figure figure_file(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	enum figure_medium medium);

/*
 * Draws all of a kind for a page, each in the place of its cell: figures has room for all cells. They take their bytes from
 * *room, and true; false where that is too little for all of them, and then there is none.
 */
bool figures_of_kind(const struct analysis *analysis, enum figure_kind kind, struct figure *figures,
	size_t *room);

/*
 * The cells of a figure of lines, FIGURE_SCALING, FIGURE_BURSTS or FIGURE_SIZES: which differ in nothing but their threads,
 * their burst or their objects' size, ascending by it. Bursts and sizes are of the most threads that have a CPU
 * each. 0: the cell `first` does not stand for any, or fewer than two have a best. cells has room for all.
 */
size_t figure_group(
	const struct analysis *analysis, enum figure_kind kind, size_t first, size_t *cells);

/* What such a figure has of a cell, threads, objects or bytes; and of a row there: million units a second, or ns a unit. */
uint64_t figure_at(enum figure_kind kind, const struct analysis_cell *cell);
double figure_value(enum figure_kind kind, const struct analysis_cell *cell, double log_ns);

/* Whether a cell is the first of its contest, and so stands for it. */
bool figure_leads(const struct analysis *analysis, size_t cell);

/*
 * Of the contest of cell `first`. Where the tails of half of a cell's rows are known: throughput against p99.9,
 * with memory beyond the payload as the size of a point, one panel a cell with a thread on each CPU. Else time
 * against that memory, one panel a cell. Who is beaten in all of it is grey.
 */
bool figure_tradeoff_has_tail(const struct analysis *analysis, size_t first);

/*
 * The cell in which somebody's resident memory grows the most, which the figure of memory is of; or the
 * number of cells where none has it.
 */
size_t figure_memory_cell(const struct analysis *analysis);

/*
 * Writes each figure of a page that shows anything into a file of its own, FOLDER/STEM-scaling1-pair.pdf, and prints
 * their paths if asked to. 0, or -1 with a sentence in why (why_bytes bytes): gnuplot can't draw them or did not,
 * there is none, or a file can't be written.
 */
int figure_files(const struct analysis *analysis, enum figure_medium medium, const char *folder,
	const char *stem, bool tell, char *why, size_t why_bytes);

/*
 * Copies one SVG document as gnuplot prints it into a page, as described above. Public for its
 * test.
 */
void figure_inline(const char *svg, const char *id, const char *label, FILE *out);

#endif
