/* The list of a page's figures. See figure.h; figure_draw.h has what draws them. */
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure_draw.h"

#include <stdio.h>

bool figure_leads(const struct analysis *analysis, size_t cell)
{
	size_t c = 0;

	while (analysis->cells[c].contest != analysis->cells[cell].contest)
		c++;
	return c == cell;
}

static bool has_memory(const struct analysis *a, size_t cell)
{
	return cell == 0 && figure_memory_cell(a) < a->cell_count;
}

static bool has_latency(const struct analysis *a, size_t cell)
{
	bool any = false;

	for (size_t i = 0; i < a->subject_count; i++)
		any |= analysis_latency(a, cell, i) != NULL;
	return any;
}

static bool has_responses(const struct analysis *a, size_t cell)
{
	bool any = false;

	for (size_t i = 0; i < a->subject_count; i++)
		any |= analysis_response(a, cell, i) != NULL;
	return any;
}

static bool has_moments(const struct analysis *a, size_t cell)
{
	return cell == 0 && a->moment_count > 0;
}

static bool has_lines(const struct analysis *a, enum figure_kind kind, size_t cell)
{
	AUTO_FREE size_t *cells = need(a->cell_count, sizeof(*cells));

	return figure_group(a, kind, cell, cells) > 0;
}

static bool has_threads(const struct analysis *a, size_t cell)
{
	return has_lines(a, FIGURE_SCALING, cell);
}

static bool has_bursts(const struct analysis *a, size_t cell)
{
	return has_lines(a, FIGURE_BURSTS, cell);
}

static bool has_sizes(const struct analysis *a, size_t cell)
{
	return has_lines(a, FIGURE_SIZES, cell);
}

/* What a figure is of. */

static void of_store(const struct analysis_cell *cell, char *text)
{
	(void)cell;
	text[0] = '\0';
}

static void of_contest(const struct analysis_cell *cell, char *text)
{
	snprintf(text, ANALYSIS_SENTENCE_BYTES, "%s", contest_name(cell->contest));
}

static void of_cell(const struct analysis_cell *cell, char *text)
{
	snprintf(text, ANALYSIS_SENTENCE_BYTES, "%s", cell->label);
}

static void of_bursts(const struct analysis_cell *cell, char *text)
{
	analysis_label_without(cell, ANALYSIS_BURST, text);
}

static void of_sizes(const struct analysis_cell *cell, char *text)
{
	analysis_label_without(cell, ANALYSIS_SIZE, text);
}

/* The text alternative stands around the name of the contest, load or cell. */
static const struct kind {
	const char *name;
	void (*extent)(const struct analysis_cell *cell, char *text);
	bool (*applies)(const struct analysis *analysis, size_t cell);
	figure_drawer *draw;
	const char *before, *after;
} kinds[FIGURE_KINDS] = {
	[FIGURE_MATRIX] = {"matrix", of_contest, figure_leads, figure_matrix,
		"The decision matrix of ",
		": strategies by workloads, each with the multiple of the best time. The table "
		"below has the numbers."},
	[FIGURE_SCALING] = {"scaling", analysis_load, has_threads, figure_scaling,
		"Throughput against threads under ",
		", one panel a strategy. The table below has the numbers."},
	[FIGURE_BURSTS] = {"bursts", of_bursts, has_bursts, figure_bursts,
		"Time a unit against the objects of a bulk call, of ",
		", one panel a strategy. The table below has the numbers."},
	[FIGURE_SIZES] = {"sizes", of_sizes, has_sizes, figure_sizes,
		"Time a unit against the bytes of an object, of ",
		", one panel a strategy. The table below has the numbers."},
	[FIGURE_TRADEOFF] = {"tradeoff", of_contest, figure_leads, figure_tradeoff,
		"What is given up for what: throughput, the tail of calls and memory beyond the "
		"payload, as far as they are known, of ",
		", one panel a cell. The tables of the cells have the numbers."},
	[FIGURE_MEMORY] = {"memory", of_store, has_memory, figure_memory,
		"Resident memory when the pool was opened, at its peak and settled, in the cell "
		"where it grows most, one panel a strategy. The tables of the cells have the "
		"numbers.",
		""},
	[FIGURE_PERCENTILES] = {"percentiles", of_cell, has_latency, figure_percentiles,
		"Percentiles of the calls of ",
		", one panel a strategy. The table below has the numbers."},
	[FIGURE_PATHS] = {"paths", of_cell, has_latency, figure_paths,
		"Shares of the time of calls by path, of ",
		", a bar a strategy. The table below has the numbers."},
	[FIGURE_RESPONSES] = {"responses", of_cell, has_responses, figure_responses,
		"Response times of ",
		" against load, one panel a strategy. The table below has the numbers."},
	[FIGURE_MACHINE] = {"machine", of_store, has_moments, figure_machine,
		"The machine's probes over the time of the sweep, by their medians, with its "
		"events.",
		""},
};

bool figure_applies(const struct analysis *analysis, enum figure_kind kind, size_t cell)
{
	return kinds[kind].applies(analysis, cell);
}

void figure_name(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	char id[FIGURE_ID_BYTES], char *extent)
{
	snprintf(id, FIGURE_ID_BYTES, "%s", kinds[kind].name);
	if (kinds[kind].extent != of_store)
		snprintf(id, FIGURE_ID_BYTES, "%s%zu", kinds[kind].name, cell + 1);
	kinds[kind].extent(&analysis->cells[cell], extent);
}

void figure_label(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	char id[FIGURE_ID_BYTES], char label[FIGURE_LABEL_BYTES])
{
	char extent[ANALYSIS_SENTENCE_BYTES];

	figure_name(analysis, kind, cell, id, extent);
	snprintf(label, FIGURE_LABEL_BYTES, "%s%.100s%s", kinds[kind].before, extent,
		kinds[kind].after);
}

char *figure_script(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	enum figure_medium medium)
{
	return figure_applies(analysis, kind, cell) ? kinds[kind].draw(analysis, cell, medium)
						    : NULL;
}
