/* The list of a page's figures. See figure.h; figure_draw.h has what draws them. */
#include "bench/report/figure_draw.h"

#include <stdio.h>

enum { LABEL_BYTES = 512 };

/* What there is one figure of. */
enum extent { OF_STORE, OF_CONTEST, OF_LOAD, OF_CELL };

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

/* The text alternative stands around the name of the contest, load or cell. */
static const struct kind {
	const char *name;
	enum extent extent;
	bool (*applies)(const struct analysis *analysis, size_t cell);
	figure_drawer *draw;
	const char *before, *after;
} kinds[FIGURE_KINDS] = {
	[FIGURE_MATRIX] = {"matrix", OF_CONTEST, figure_leads, figure_matrix,
		"The decision matrix of ",
		": strategies by workloads, each with the multiple of the best time. The table "
		"below has the numbers."},
	[FIGURE_SCALING] = {"scaling", OF_LOAD, figure_scales, figure_scaling,
		"Throughput against threads under ",
		", one panel a strategy. The table below has the numbers."},
	[FIGURE_TRADEOFF] = {"tradeoff", OF_CONTEST, figure_leads, figure_tradeoff,
		"What is given up for what: throughput, the tail of calls and memory beyond the "
		"payload, as far as they are known, of ",
		", one panel a cell. The tables of the cells have the numbers."},
	[FIGURE_MEMORY] = {"memory", OF_STORE, has_memory, figure_memory,
		"Resident memory when the pool was opened, at its peak and settled, in the cell "
		"where it grows most, one panel a strategy. The tables of the cells have the "
		"numbers.",
		""},
	[FIGURE_PERCENTILES] = {"percentiles", OF_CELL, has_latency, figure_percentiles,
		"Percentiles of the calls of ",
		", one panel a strategy. The table below has the numbers."},
	[FIGURE_PATHS] = {"paths", OF_CELL, has_latency, figure_paths,
		"Shares of the time of calls by path, of ",
		", a bar a strategy. The table below has the numbers."},
	[FIGURE_RESPONSES] = {"responses", OF_CELL, has_responses, figure_responses,
		"Response times of ",
		" against load, one panel a strategy. The table below has the numbers."},
	[FIGURE_MACHINE] = {"machine", OF_STORE, has_moments, figure_machine,
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
	extent[0] = '\0';
	snprintf(id, FIGURE_ID_BYTES, "%s", kinds[kind].name);
	if (kinds[kind].extent != OF_STORE)
		snprintf(id, FIGURE_ID_BYTES, "%s%zu", kinds[kind].name, cell + 1);
	if (kinds[kind].extent == OF_CONTEST)
		snprintf(extent, ANALYSIS_SENTENCE_BYTES, "%s",
			contest_name(analysis->cells[cell].contest));
	if (kinds[kind].extent == OF_LOAD)
		analysis_load(&analysis->cells[cell], extent);
	if (kinds[kind].extent == OF_CELL)
		snprintf(extent, ANALYSIS_SENTENCE_BYTES, "%s", analysis->cells[cell].label);
}

struct figure figure_of_kind(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	enum figure_medium medium)
{
	char id[FIGURE_ID_BYTES], extent[ANALYSIS_SENTENCE_BYTES];
	char label[LABEL_BYTES];

	if (!figure_applies(analysis, kind, cell))
		return (struct figure){0};
	figure_name(analysis, kind, cell, id, extent);
	snprintf(label, sizeof(label), "%s%.100s%s", kinds[kind].before, extent, kinds[kind].after);
	return kinds[kind].draw(analysis, cell,
		&(struct figure_target){.medium = medium, .id = id, .label = label});
}
