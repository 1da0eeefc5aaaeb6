/* Figures of how long calls and work take. See figure.h; figure.c draws them. */
#include "bench/report/figure.h"

#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/figure_draw.h"
#include "bench/report/percentiles.gnuplot.h"
#include "bench/report/responses.gnuplot.h"
#include "bench/report/template.h"

#include <inttypes.h>
#include <math.h>

enum { PANELS_MAX = 12 }; /* of a figure of tails; the tables have all rows */

/* The least step between two points of a line, on either axis: what a reader could see. */
static const double tail_step = 1.2;

/* The values of the buckets over the shares of calls beyond, down to where too few are to tell. */
static json_t *tail_of(const struct analysis_latency *l)
{
	const double calls = (double)l->calls;
	json_t *points = json_array();
	double last_beyond = INFINITY, last_ns = 0;
	uint64_t beyond = l->calls, here;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && beyond >= LATENCY_EVIDENCE;
		i++, beyond -= here) {
		here = l->histogram.count[i];
		if (here == 0 || ((double)beyond * tail_step > last_beyond &&
					 histogram_ns(i) < last_ns * tail_step))
			continue;
		last_beyond = (double)beyond;
		last_ns = histogram_ns(i);
		json_array_append_new(points,
			template_record("beyond", template_words("%.4g", (double)beyond / calls),
				"ns", template_words("%.4g", histogram_ns(i)), NULL));
	}
	return points;
}

size_t figure_tails(const struct analysis *analysis, size_t cell, size_t *order)
{
	const size_t n = analysis_latency_order(analysis, cell, order);
	size_t kept = 0;

	for (size_t i = 0; i < n && kept < PANELS_MAX; i++) {
		if (analysis->subjects[order[i]].role == ANALYSIS_CONTESTANT)
			order[kept++] = order[i];
	}
	return kept;
}

char *figure_percentiles(const struct analysis *analysis, size_t cell, enum figure_medium medium)
{
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	const size_t count = figure_tails(analysis, cell, order);
	char title[2 * ANALYSIS_SENTENCE_BYTES];
	const struct figure_words words = {title,
		"percentile of calls, by the share beyond it (logarithmic)",
		"ns a call (logarithmic)"};
	double bottom = INFINITY, top = 0, probe_ns = NAN;
	json_t *panels = json_array();

	snprintf(title, sizeof(title),
		"Percentiles of calls, %s. Lower is better. Grey: %s, shaded: twice the clock",
		analysis->cells[cell].label, choice_name_in(analysis, cell, order[0]));

	for (size_t i = 0; i < count; i++) {
		const struct analysis_latency *l = analysis_latency(analysis, cell, order[i]);

		for (int p = 0; p < LATENCY_PERCENTILES; p++) {
			bottom = fmin(bottom, l->at[p].ns);
			top = fmax(top, l->at[p].ns);
		}
		probe_ns = fmax(probe_ns, l->probe_ns);

		json_t *panel = figure_panel(analysis, cell, order[i], tail_of(l));

		json_object_set_new(panel, "first", template_count(order[0]));
		json_array_append_new(panels, panel);
	}
	bottom = figure_decade_below(bottom);
	top = figure_decade_above(top);
	return figure_draw(percentiles_gnuplot,
		template_record("panels", panels, "bottom", template_words("%g", bottom), "top",
			template_words("%g", top), "floor",
			2 * probe_ns > bottom ? template_words("%g", fmin(2 * probe_ns, top))
					      : json_null(),
			NULL),
		&figure_small_panels, &words, medium);
}

/*
 * Response times against load.
 */

/* The least share of the axis between two labels. */
static const double label_step = 0.12;

static json_t *point_of(
	const struct analysis_cell *cell, const struct analysis_response *r, size_t load)
{
	return template_record("load", template_count(cell->loads[load]), "ns",
		template_words("%.4g", r->at[load].at[LATENCY_P99].ns), NULL);
}

static json_t *knee_of(const struct analysis *a, const struct analysis_cell *cell,
	const struct analysis_response *r, size_t subject)
{
	json_t *knee;

	if (r->knee == cell->load_count)
		return json_null();
	knee = point_of(cell, r, r->knee);
	json_object_set_new(knee, "index", template_count(subject));
	json_object_set_new(knee, "colour",
		template_words("'#%06x'", (unsigned)figure_style_of(&a->subjects[subject]).colour));
	return knee;
}

/* Whether a line has a point there: not beyond the first load that is not kept. */
static bool has_point(const struct analysis_response *r, size_t load)
{
	for (size_t i = 0; i <= load; i++) {
		if (r->at[i].measured && !r->at[i].kept)
			return false;
	}
	return r->at[load].measured && !isnan(r->at[load].at[LATENCY_P99].ns);
}

/* Loads with their labels, as far as there is room for them. */
static json_t *load_tics(const struct analysis_cell *cell, double left)
{
	json_t *tics = json_array();
	double labelled = -INFINITY;

	for (size_t i = 0; i < cell->load_count; i++) {
		const bool room = cell->loads[i] - labelled >= label_step * (100 - left);

		if (room)
			labelled = cell->loads[i];
		json_array_append_new(
			tics, template_record("further", json_boolean(i > 0), "label",
				      room ? template_words("%" PRIu32, cell->loads[i])
					   : template_text(""),
				      "load", template_count(cell->loads[i]), NULL));
	}
	return tics;
}

char *figure_responses(const struct analysis *analysis, size_t cell, enum figure_medium medium)
{
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	const struct analysis_cell *c = &analysis->cells[cell];
	const uint32_t left = c->loads[0] / 10 * 9; /* some room before the first point */
	char title[2 * ANALYSIS_SENTENCE_BYTES];
	const struct figure_words words = {
		title, "load, per cent of the capacity", "p99 of response times, ns (logarithmic)"};
	double bottom = INFINITY, top = 0;
	json_t *panels = json_array();
	size_t count;

	choice_order(analysis, c->contest, order, &count);
	snprintf(title, sizeof(title),
		"Response time against load, %s. Lower is better. Large point: the knee", c->label);
	for (size_t i = 0; i < count; i++) {
		const struct analysis_response *r = analysis_response(analysis, cell, order[i]);
		json_t *points = json_array();

		for (size_t k = 0; r != NULL && k < c->load_count; k++) {
			if (!has_point(r, k))
				continue;
			bottom = fmin(bottom, r->at[k].at[LATENCY_P99].ns);
			top = fmax(top, r->at[k].at[LATENCY_P99].ns);
			json_array_append_new(points, point_of(c, r, k));
		}
		if (json_array_size(points) == 0) {
			json_decref(points);
			continue;
		}

		json_t *panel = figure_panel(analysis, cell, order[i], points);

		json_object_set_new(panel, "knee", knee_of(analysis, c, r, order[i]));
		json_array_append_new(panels, panel);
	}
	return figure_draw(responses_gnuplot,
		template_record("panels", panels, "left", template_count(left), "tics",
			load_tics(c, left), "bottom",
			template_words("%g", figure_decade_below(bottom)), "top",
			template_words("%g", figure_decade_above(top)), NULL),
		&figure_small_panels, &words, medium);
}
