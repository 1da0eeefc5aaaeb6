/* Memory over time, as far as a store has it. See figure.h. */
#include "bench/report/figure.h"

#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure_draw.h"
#include "bench/report/memory.gnuplot.h"
#include "bench/report/template.h"

#include <math.h>
#include <stdio.h>

enum { TIMES = 3 }; /* when the cell was opened, at its peak, settled */

/* At each of them, in MiB. */
static void memory_at(const struct analysis_result *r, double at[TIMES])
{
	const double mebibyte = 1 << 20;

	at[0] = r->memory.known ? r->memory.rss_open / mebibyte : NAN;
	at[1] = r->memory.known ? r->memory.rss_peak / mebibyte : NAN;
	at[2] = r->memory.known ? r->memory.rss_settled / mebibyte : NAN;
}

size_t figure_memory_cell(const struct analysis *analysis)
{
	size_t found = analysis->cell_count;
	double most = 0;

	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++) {
			const struct analysis_result *r = analysis_at(analysis, c, i);

			if (r->state != ANALYSIS_MEASURED || !r->memory.known ||
				analysis->subjects[i].role != ANALYSIS_CONTESTANT ||
				!(r->memory.rss_settled > 0) ||
				!(r->memory.rss_peak / r->memory.rss_open > most))
				continue;
			most = r->memory.rss_peak / r->memory.rss_open;
			found = c;
		}
	}
	return found;
}

char *figure_memory(const struct analysis *analysis, size_t first, enum figure_medium medium)
{
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	const size_t cell = figure_memory_cell(analysis);
	char title[2 * ANALYSIS_SENTENCE_BYTES];
	const struct figure_words words = {title, "when the pool was opened, at the peak, settled",
		"resident MiB (logarithmic)"};
	double bottom = INFINITY, top = 0;
	json_t *panels = json_array();
	size_t n;

	(void)first;
	snprintf(title, sizeof(title),
		"Memory over time, %s. Lower is better, and down again at the end",
		analysis->cells[cell].label);
	choice_order(analysis, analysis->cells[cell].contest, order, &n);
	for (size_t i = 0; i < n; i++) {
		const struct analysis_result *r = analysis_at(analysis, cell, order[i]);
		json_t *points = json_array();
		double at[TIMES];

		memory_at(r, at);
		for (int t = 0; t < TIMES && r->state == ANALYSIS_MEASURED; t++) {
			if (!(at[t] > 0))
				continue;
			bottom = fmin(bottom, at[t]);
			top = fmax(top, at[t]);
			json_array_append_new(
				points, template_record("time", template_count((uint64_t)t),
						"mebibytes", template_words("%.4g", at[t]), NULL));
		}
		if (json_array_size(points) > 0)
			json_array_append_new(
				panels, figure_panel(analysis, cell, order[i], points));
		else
			json_decref(points);
	}
	return figure_draw(memory_gnuplot,
		template_record("panels", panels, "bottom",
			template_words("%g", figure_decade_below(bottom)), "top",
			template_words("%g", figure_decade_above(top)), NULL),
		&figure_small_panels, &words, medium);
}
