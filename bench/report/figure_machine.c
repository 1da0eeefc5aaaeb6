/* The machine over time, as its probes saw it, with its events and the sweep's. See figure.h. */
#include "bench/report/figure.h"

#include "bench/report/figure_draw.h"
#include "bench/report/machine.gnuplot.h"
#include "bench/report/template.h"

#include <math.h>
#include <string.h>

/* Points of a line at most: of so many blocks in a row the reading that is furthest from the usual stands. */
enum { POINTS_MAX = 600 };

static const double ns_a_minute = 60e9;

static const struct figure_grid strip = {
	.columns = 1, .width = 936, .height = 130, .left = 62, .across = 0, .down = 0};

static double minutes(int64_t ns, int64_t start)
{
	return (double)(ns - start) / ns_a_minute;
}

static json_t *readings_of(const struct analysis *a, enum analysis_probe probe, int64_t start)
{
	const size_t step = (a->moment_count + POINTS_MAX - 1) / POINTS_MAX;
	json_t *points = json_array();

	for (size_t from = 0; from < a->moment_count; from += step) {
		double furthest = NAN;
		int64_t when = start;

		for (size_t i = from; i < from + step && i < a->moment_count; i++) {
			const struct analysis_reading r = analysis_reading(a, i, probe);

			if (isnan(furthest) || fabs(r.log) > fabs(furthest)) {
				furthest = r.log;
				when = r.at_ns;
			}
		}
		if (!isnan(furthest))
			json_array_append_new(points,
				template_record("at", template_words("%.4f", minutes(when, start)),
					"ratio", template_words("%.4g", exp(furthest)), NULL));
	}
	return points;
}

static json_t *changes_of(const struct analysis *a, int64_t start)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->change_count; i++)
		json_array_append_new(list,
			template_record("from",
				template_words("%.4f", minutes(a->changes[i].from_ns, start)), "to",
				template_words("%.4f", minutes(a->changes[i].to_ns, start)), NULL));
	return list;
}

/* What befell workers while the blocks ran: what can't run here is no event of that time. */
static json_t *events_of(const struct analysis *a, int64_t start, int64_t end)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->event_count; i++) {
		const struct analysis_event *event = &a->events[i];

		if (event->at_ns >= start && event->at_ns <= end &&
			strcmp(event->state, "unsupported") != 0 &&
			strcmp(event->state, "rationed") != 0)
			json_array_append_new(
				list, template_record("at",
					      template_words("%.4f", minutes(event->at_ns, start)),
					      NULL));
	}
	if (json_array_size(list) > 0)
		return template_record("points", list, NULL);
	json_decref(list);
	return json_null();
}

char *figure_machine(const struct analysis *analysis, size_t cell, enum figure_medium medium)
{
	static const struct figure_words words = {
		"The machine over time. Near 1 is as usual. Solid: work of one thread. Dotted: a "
		"hand-over. Shaded: events. Triangles: of workers",
		"minutes since the first block", "times its median (log.)"};
	static const int dash[] = {1, 3};
	json_t *series = json_array(), *panels = json_array();

	(void)cell;
	if (analysis->moment_count == 0) {
		json_decref(series);
		json_decref(panels);
		return NULL;
	}

	const int64_t start = analysis_reading(analysis, 0, ANALYSIS_SINGLE).at_ns;
	const int64_t end =
		analysis_reading(analysis, analysis->moment_count - 1, ANALYSIS_SINGLE).at_ns;

	for (int probe = 0; probe < ANALYSIS_PROBES; probe++) {
		json_t *points = readings_of(analysis, (enum analysis_probe)probe, start);

		if (json_array_size(points) == 0) {
			json_decref(points);
			continue;
		}
		json_array_append_new(series,
			template_record("further", json_boolean(json_array_size(series) > 0),
				"index", template_count((uint64_t)probe), "points", points, "dash",
				template_count((uint64_t)dash[probe]), "colour",
				template_words("'#%06x'", (unsigned)figure_colours[probe]), NULL));
	}
	if (json_array_size(series) > 0)
		json_array_append_new(panels,
			template_record("series", series, "changes", changes_of(analysis, start),
				"events", events_of(analysis, start, end), NULL));
	else
		json_decref(series);
	return figure_draw(
		machine_gnuplot, template_record("panels", panels, NULL), &strip, &words, medium);
}
