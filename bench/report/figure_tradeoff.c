/*
 * Figures of what is given up for what: time against memory; or, where calls were timed, throughput
 * against the tail of calls and memory. See figure.h; figure.c draws them.
 */
#include "bench/report/figure.h"

#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/figure_draw.h"
#include "bench/report/template.h"
#include "bench/report/tradeoff.gnuplot.h"
#include "bench/report/tradeoff_tail.gnuplot.h"

#include <math.h>

/* What a contestant is weighed by. Less is better in each. */
enum { TIME, BYTES, TAIL, MERITS };

/* Which of them: a bit each. */
enum { TIME_AND_BYTES = 1 << TIME | 1 << BYTES, TIME_AND_TAIL = 1 << TIME | 1 << TAIL };

static const double least_size = 0.25,
		    most_size = 1.15; /* of a point, for bytes of 0 and the most */
static const double label_room = 6;   /* right of them, for a name */

/* Bytes an object beyond its payload in this cell; NAN if unknown. */
static double overhead(const struct analysis *analysis, size_t cell, size_t subject)
{
	const struct analysis_result *result = analysis_at(analysis, cell, subject);

	if (!result->memory.known || result->state != ANALYSIS_MEASURED ||
		isnan(result->ns.point) || analysis->subjects[subject].role != ANALYSIS_CONTESTANT)
		return NAN;
	return result->memory.object_bytes - (double)analysis->cells[cell].object_bytes;
}

/* The merits, of which those that are not known are NAN. */
static void weigh(const struct analysis *analysis, size_t cell, size_t subject, double *merits)
{
	const struct analysis_latency *l = analysis_latency(analysis, cell, subject);

	merits[TIME] = analysis_at(analysis, cell, subject)->ns.point;
	merits[BYTES] = overhead(analysis, cell, subject);
	merits[TAIL] = l == NULL ? NAN : l->at[LATENCY_P999].ns;
}

/* Whether all of `which` are known; bytes say too whether it is a contestant. */
static bool is_weighed(const double *merits, int which)
{
	for (int m = 0; m < MERITS; m++) {
		if ((m == BYTES || (which >> m & 1) != 0) && isnan(merits[m]))
			return false;
	}
	return true;
}

/* Whether some contestant of the cell is as good in all of `which`, and better in one. */
static bool is_beaten(const struct analysis *analysis, size_t cell, size_t subject, int which)
{
	double mine[MERITS], other[MERITS];

	weigh(analysis, cell, subject, mine);
	for (size_t i = 0; i < analysis->subject_count; i++) {
		bool better = false, worse = false;

		weigh(analysis, cell, i, other);
		for (int m = 0; m < MERITS; m++) {
			better |= (which >> m & 1) != 0 && other[m] < mine[m];
			worse |= (which >> m & 1) != 0 && other[m] > mine[m];
		}
		if (i != subject && is_weighed(other, which) && better && !worse)
			return true;
	}
	return false;
}

/* The contestants of a cell that some other beats in both, or those that none does. */
static json_t *times_of(const struct analysis *analysis, size_t cell, bool beaten)
{
	json_t *points = json_array();
	double merits[MERITS];

	for (size_t i = 0; i < analysis->subject_count; i++) {
		weigh(analysis, cell, i, merits);
		if (!is_weighed(merits, TIME_AND_BYTES) ||
			is_beaten(analysis, cell, i, TIME_AND_BYTES) != beaten)
			continue;
		json_array_append_new(
			points, template_record("ns", template_words("%.9g", exp(merits[TIME])),
					"bytes", template_words("%.9g", merits[BYTES]), "name",
					template_text(analysis->subjects[i].label), NULL));
	}
	return points;
}

/* An array as a block of its own; null for an empty one. Takes it over. */
static json_t *block_of(json_t *points)
{
	if (json_array_size(points) > 0)
		return template_record("points", points, NULL);
	json_decref(points);
	return json_null();
}

static char *figure_times(const struct analysis *analysis, const char *id, const char *label)
{
	json_t *panels = json_array();

	for (size_t c = 0; c < analysis->cell_count; c++) {
		json_t *front = times_of(analysis, c, false);

		if (json_array_size(front) == 0) {
			json_decref(front);
			continue;
		}
		json_array_append_new(panels,
			template_record("title", template_text(analysis->cells[c].label), "front",
				front, "beaten", block_of(times_of(analysis, c, true)), NULL));
	}
	return figure_draw(tradeoff_gnuplot, template_record("panels", panels, NULL),
		&figure_wide_panels, id, label);
}

/* Those of a cell whose tail is known, the slowest first; order has room for all. */
static size_t by_rate(const struct analysis *analysis, size_t cell, size_t *order)
{
	double merits[MERITS], other[MERITS];
	size_t n = 0;

	for (size_t i = 0; i < analysis->subject_count; i++) {
		size_t at = n;

		weigh(analysis, cell, i, merits);
		if (!is_weighed(merits, TIME_AND_TAIL))
			continue;
		for (; at > 0; at--) {
			weigh(analysis, cell, order[at - 1], other);
			if (other[TIME] >= merits[TIME])
				break;
			order[at] = order[at - 1];
		}
		order[at] = i;
		n++;
	}
	return n;
}

/* most_bytes: of the panel. */
static json_t *point_of(
	const struct analysis *analysis, size_t cell, size_t subject, double most_bytes)
{
	double merits[MERITS];

	weigh(analysis, cell, subject, merits);

	const double share = most_bytes > 0 ? fmax(0, merits[BYTES]) / most_bytes : 0;
	const double rate = analysis_rate(&analysis->cells[cell], merits[TIME]) / 1e6;

	return template_record("rate", template_words("%.4g", rate), "ns",
		template_words("%.4g", merits[TAIL]), "size",
		template_words("%.2f", least_size + (most_size - least_size) * sqrt(share)), "name",
		template_words("%s %s B", analysis->subjects[subject].label,
			number_plain(merits[BYTES]).text),
		NULL);
}

static json_t *tail_panel(
	const struct analysis *analysis, size_t cell, const size_t *order, size_t n)
{
	const int all = TIME_AND_BYTES | TIME_AND_TAIL;
	double most_bytes = 0, bottom = INFINITY, top = 0, left = INFINITY, right = 0;
	json_t *front = json_array(), *beaten = json_array(), *line = json_array();

	for (size_t i = 0; i < n; i++) {
		double merits[MERITS];

		weigh(analysis, cell, order[i], merits);

		const double rate = analysis_rate(&analysis->cells[cell], merits[TIME]) / 1e6;

		most_bytes = fmax(most_bytes, merits[BYTES]);
		bottom = fmin(bottom, merits[TAIL]);
		top = fmax(top, merits[TAIL]);
		left = fmin(left, rate);
		right = fmax(right, rate);
	}
	for (size_t i = 0; i < n; i++) {
		json_t *point = point_of(analysis, cell, order[i], most_bytes);

		if (!is_beaten(analysis, cell, order[i], TIME_AND_TAIL))
			json_array_append(line, point);
		json_array_append_new(
			is_beaten(analysis, cell, order[i], all) ? beaten : front, point);
	}
	return template_record("title", template_text(analysis->cells[cell].label), "front", front,
		"line", line, "beaten", block_of(beaten), "left",
		template_words("%g", figure_decade_below(left)), "right",
		template_words("%g", right * label_room), "bottom",
		template_words("%g", figure_decade_below(bottom)), "top",
		template_words("%g", figure_decade_above(top)), NULL);
}

/* Whether half of the cell's contestants have a tail: fewer are no field to be first in. */
static bool has_tails(const struct analysis *analysis, size_t cell)
{
	size_t contestants = 0, known = 0;

	for (size_t i = 0; i < analysis->subject_count; i++) {
		double merits[MERITS];

		weigh(analysis, cell, i, merits);
		contestants += is_weighed(merits, TIME_AND_BYTES);
		known += is_weighed(merits, TIME_AND_TAIL);
	}
	return known > 0 && 2 * known >= contestants;
}

/* Cells with a thread on each CPU; where the store has none, all. */
static char *figure_tails(const struct analysis *analysis, const char *id, const char *label)
{
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	json_t *panels = json_array();

	for (int any = 0; any < 2 && json_array_size(panels) == 0; any++) {
		for (size_t c = 0; c < analysis->cell_count; c++) {
			if (has_tails(analysis, c) &&
				(any || analysis->cells[c].threads == analysis->cpus))
				json_array_append_new(panels, tail_panel(analysis, c, order,
								      by_rate(analysis, c, order)));
		}
	}
	return figure_draw(tradeoff_tail_gnuplot, template_record("panels", panels, NULL),
		&figure_wide_panels, id, label);
}

bool figure_tradeoff_has_tail(const struct analysis *analysis)
{
	for (size_t c = 0; c < analysis->cell_count; c++) {
		if (has_tails(analysis, c))
			return true;
	}
	return false;
}

char *figure_tradeoff(const struct analysis *analysis, const char *id, const char *label)
{
	return figure_tradeoff_has_tail(analysis) ? figure_tails(analysis, id, label)
						  : figure_times(analysis, id, label);
}
