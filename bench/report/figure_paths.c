/* Which paths the time of calls goes to. See figure.h. */
#include "bench/report/figure.h"

#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure_draw.h"
#include "bench/report/paths.gnuplot.h"
#include "bench/report/template.h"

#include <math.h>
#include <stdio.h>

enum { ROW = 15 /* pixels of a strategy's bar */ };

static const double named = 0.07; /* a share of the time from which on a path has its name */

/* Its calls' time, as a share of all paths'; NAN: nothing is known of it. */
static double time_share(const struct analysis_latency *l, size_t path)
{
	double all = 0;

	for (size_t i = 0; i < l->path_count; i++)
		all += l->path[i].share * l->path[i].mean_ns;
	return all > 0 ? l->path[path].share * l->path[path].mean_ns / all : NAN;
}

static void add_bars(json_t *bars, const struct analysis_latency *l, size_t row)
{
	double left = 0;

	for (size_t i = 0; i < l->path_count; i++) {
		const double share = time_share(l, i);

		if (!(share > 0))
			continue;
		json_array_append_new(
			bars, template_record("row", template_count(row), "from",
				      template_words("%.2f", 100 * left), "to",
				      template_words("%.2f", 100 * (left + share)), "middle",
				      template_words("%.2f", 100 * (left + share / 2)), "colour",
				      template_words("%u",
					      (unsigned)figure_colours[(size_t)l->path[i].class %
								       FIGURE_COLOURS]),
				      "name", template_text(share >= named ? l->path[i].name : ""),
				      NULL));
		left += share;
	}
}

char *figure_paths(const struct analysis *analysis, size_t cell, enum figure_medium medium)
{
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	const size_t count = figure_tails(analysis, cell, order);
	const double left =
		figure_names_room(analysis, analysis->cells[cell].contest, order, count);
	const struct figure_grid grid = {.columns = 1,
		.width = FIGURE_WIDTH - left,
		.height = (double)(ROW * count),
		.left = left,
		.across = 0,
		.down = 0};
	char title[2 * ANALYSIS_SENTENCE_BYTES];
	size_t most = 0;
	const struct figure_words words = {title, "share of the time in calls, per cent", ""};
	json_t *bars = json_array(), *rows = json_array(), *panels = json_array();

	snprintf(title, sizeof(title), "Where the time of calls goes, %s. More of fast is steadier",
		analysis->cells[cell].label);
	for (size_t i = 0; i < count; i++) {
		most = analysis_latency(analysis, cell, order[i])->path_count > most
			       ? analysis_latency(analysis, cell, order[i])->path_count
			       : most;
		add_bars(bars, analysis_latency(analysis, cell, order[i]), i);
		json_array_append_new(
			rows, template_record("further", json_boolean(i > 0), "name",
				      template_text(choice_name_in(analysis, cell, order[i])),
				      "row", template_count(i), NULL));
	}
	/* Where no call took another path than its like, there is nothing to see. */
	if (most > 1)
		json_array_append_new(
			panels, template_record("bars", json_incref(bars), "rows",
					json_incref(rows), "count", template_count(count), NULL));
	json_decref(bars);
	json_decref(rows);
	return figure_draw(
		paths_gnuplot, template_record("panels", panels, NULL), &grid, &words, medium);
}
