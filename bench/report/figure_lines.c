/* Lines over a number that cells differ in: threads, bursts, sizes of objects. See figure.h. */
#include "bench/report/figure.h"

#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure_draw.h"
#include "bench/report/lines.gnuplot.h"
#include "bench/report/template.h"

#include <inttypes.h>
#include <math.h>

/* Beyond the first and the last point, and the least and the greatest value, as factors. */
static const double beside = 1.25, above = 1.6;

/* The least share of the axis between two labels. */
static const double label_step = 0.18;

uint64_t figure_at(enum figure_kind kind, const struct analysis_cell *cell)
{
	return kind == FIGURE_SCALING  ? cell->threads
	       : kind == FIGURE_BURSTS ? cell->burst
				       : cell->object_bytes;
}

double figure_value(enum figure_kind kind, const struct analysis_cell *cell, double log_ns)
{
	return kind == FIGURE_SCALING ? analysis_rate(cell, log_ns) / 1e6 : exp(log_ns);
}

/* Whether they differ in nothing but what the kind is of. */
static bool is_alike(
	enum figure_kind kind, const struct analysis_cell *a, const struct analysis_cell *b)
{
	struct analysis_cell like = *b;

	if (kind == FIGURE_BURSTS)
		like.burst = a->burst;
	if (kind == FIGURE_SIZES)
		like.object_bytes = a->object_bytes;
	return analysis_same_load(a, &like) && (kind == FIGURE_SCALING || a->threads == b->threads);
}

/* Whether the same was measured with more threads that have a CPU each. */
static bool has_fuller(const struct analysis *a, enum figure_kind kind, size_t cell)
{
	bool fuller = false;

	for (size_t c = 0; c < a->cell_count; c++) {
		struct analysis_cell like = a->cells[c];

		like.threads = a->cells[cell].threads;
		fuller |= a->cells[c].threads > like.threads && a->cells[c].has_best &&
			  !a->cells[c].oversubscribed && is_alike(kind, &like, &a->cells[cell]);
	}
	return fuller;
}

size_t figure_group(const struct analysis *a, enum figure_kind kind, size_t first, size_t *cells)
{
	const struct analysis_cell *leader = &a->cells[first];
	size_t n = 0, known = 0;

	if (kind != FIGURE_SCALING && (leader->oversubscribed || has_fuller(a, kind, first)))
		return 0;
	for (size_t c = 0; c < a->cell_count; c++) {
		size_t at = n;

		if (!is_alike(kind, &a->cells[c], leader))
			continue;
		if (c < first)
			return 0;
		for (; at > 0 &&
			figure_at(kind, &a->cells[cells[at - 1]]) > figure_at(kind, &a->cells[c]);
			at--)
			cells[at] = cells[at - 1];
		cells[at] = c;
		n++;
		known += a->cells[c].has_best;
	}
	return known > 1 ? n : 0;
}

/* One subject's values with their intervals. */
static json_t *points_of(const struct analysis *a, enum figure_kind kind, const size_t *cells,
	size_t n, size_t subject)
{
	json_t *points = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct analysis_cell *cell = &a->cells[cells[i]];
		const struct analysis_result *r = analysis_at(a, cells[i], subject);

		if (r->state != ANALYSIS_MEASURED || isnan(r->ns.point))
			continue;

		const bool bounded = isfinite(r->ns.lo) && isfinite(r->ns.hi);
		const double one = figure_value(kind, cell, bounded ? r->ns.lo : r->ns.point);
		const double other = figure_value(kind, cell, bounded ? r->ns.hi : r->ns.point);

		json_array_append_new(points,
			template_record("at", template_count(figure_at(kind, cell)), "value",
				template_words("%.4g", figure_value(kind, cell, r->ns.point)),
				"low", template_words("%.4g", fmin(one, other)), "high",
				template_words("%.4g", fmax(one, other)), NULL));
	}
	return points;
}

/* Where threads begin to outnumber CPUs; null if they don't. */
static json_t *crowd_of(const struct analysis *a, enum figure_kind kind, const size_t *cells,
	size_t n, double left, double right)
{
	uint32_t crowded = UINT32_MAX, quiet = 0;

	for (size_t i = 0; i < n; i++) {
		const struct analysis_cell *cell = &a->cells[cells[i]];

		if (cell->oversubscribed && cell->threads < crowded)
			crowded = cell->threads;
		if (!cell->oversubscribed && cell->threads > quiet)
			quiet = cell->threads;
	}
	if (kind != FIGURE_SCALING || crowded == UINT32_MAX)
		return json_null();
	return template_record("left",
		template_words("%g", quiet > 0 ? sqrt((double)quiet * crowded) : left), "right",
		template_words("%g", right), NULL);
}

/* The axis of the cells, with labels as far as there is room for them. */
static void set_axis(json_t *data, const struct analysis *a, enum figure_kind kind,
	const size_t *cells, size_t n)
{
	const double left = (double)figure_at(kind, &a->cells[cells[0]]) / beside;
	const double right = (double)figure_at(kind, &a->cells[cells[n - 1]]) * beside;
	json_t *tics = json_array();
	double labelled = 0;

	for (size_t i = 0; i < n; i++) {
		const uint64_t at = figure_at(kind, &a->cells[cells[i]]);
		const bool room = log((double)at / labelled) >= label_step * log(right / left);

		if (room)
			labelled = (double)at;
		json_array_append_new(
			tics, template_record("further", json_boolean(i > 0), "label",
				      room ? template_words("%" PRIu64, at) : template_text(""),
				      "at", template_count(at), NULL));
	}
	json_object_set_new(data, "tics", tics);
	json_object_set_new(data, "left", template_words("%g", left));
	json_object_set_new(data, "right", template_words("%g", right));
	json_object_set_new(data, "crowded", crowd_of(a, kind, cells, n, left, right));
}

/* The range of values of all subjects of a figure. */
static void set_values(json_t *data, const struct analysis *a, enum figure_kind kind,
	const size_t *cells, size_t n, const size_t *subjects, size_t count)
{
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < count * n; i++) {
		const size_t c = cells[i % n];
		const double log_ns = analysis_at(a, c, subjects[i / n])->ns.point;

		if (isnan(log_ns))
			continue;
		low = fmin(low, figure_value(kind, &a->cells[c], log_ns));
		high = fmax(high, figure_value(kind, &a->cells[c], log_ns));
	}
	json_object_set_new(data, "bottom", template_words("%g", low / above));
	json_object_set_new(data, "top", template_words("%g", high * above));
}

static char *draw_lines(const struct analysis *a, enum figure_kind kind, size_t first,
	const struct figure_words *words, enum figure_medium medium)
{
	AUTO_FREE size_t *order = need(a->subject_count, sizeof(*order));
	AUTO_FREE size_t *cells = need(a->cell_count, sizeof(*cells));
	const size_t n = figure_group(a, kind, first, cells);
	json_t *panels = json_array();
	json_t *data = template_record("panels", panels, NULL);
	size_t count = 0, drawn = 0;

	choice_order(a, a->cells[first].contest, order, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *points = points_of(a, kind, cells, n, order[i]);

		if (json_array_size(points) == 0) {
			json_decref(points);
			continue;
		}
		json_array_append_new(panels, figure_panel(a, first, order[i], points));
		order[drawn++] = order[i];
	}
	set_axis(data, a, kind, cells, n);
	set_values(data, a, kind, cells, n, order, drawn);
	return figure_draw(lines_gnuplot, data, &figure_small_panels, words, medium);
}

char *figure_scaling(const struct analysis *analysis, size_t first, enum figure_medium medium)
{
	char load[ANALYSIS_SENTENCE_BYTES], title[2 * ANALYSIS_SENTENCE_BYTES];
	bool crowded = false;

	for (size_t c = first; c < analysis->cell_count; c++)
		crowded |= analysis->cells[c].oversubscribed &&
			   analysis_same_load(&analysis->cells[c], &analysis->cells[first]);
	analysis_load(&analysis->cells[first], load);
	snprintf(title, sizeof(title), "Throughput by threads, %s. Higher is better%s", load,
		crowded ? ". Shaded: more threads than CPUs" : "");
	return draw_lines(analysis, FIGURE_SCALING, first,
		&(struct figure_words){
			title, "threads (logarithmic)", "million units/s (logarithmic)"},
		medium);
}

/* Time a unit against a part of the cells' labels. */
static char *draw_times(const struct analysis *a, enum figure_kind kind, size_t first,
	enum analysis_part part, const char *by, const char *axis, enum figure_medium medium)
{
	char load[ANALYSIS_SENTENCE_BYTES], title[2 * ANALYSIS_SENTENCE_BYTES];

	analysis_label_without(&a->cells[first], part, load);
	snprintf(title, sizeof(title), "Time a unit by %s, %s. Lower is better", by, load);
	return draw_lines(a, kind, first,
		&(struct figure_words){title, axis, "ns a unit (logarithmic)"}, medium);
}

char *figure_bursts(const struct analysis *analysis, size_t first, enum figure_medium medium)
{
	return draw_times(analysis, FIGURE_BURSTS, first, ANALYSIS_BURST, "burst",
		"objects a bulk call (logarithmic)", medium);
}

char *figure_sizes(const struct analysis *analysis, size_t first, enum figure_medium medium)
{
	return draw_times(analysis, FIGURE_SIZES, first, ANALYSIS_SIZE, "size",
		"bytes an object (logarithmic)", medium);
}
