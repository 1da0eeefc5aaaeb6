/*
 * Figures of what is given up for what: time against memory; or, where calls were timed, throughput
 * against the tail of calls and memory. See figure.h; figure.c draws them.
 */
#include "bench/report/figure.h"

#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/figure_draw.h"
#include "bench/report/template.h"
#include "bench/report/tradeoff.gnuplot.h"

#include <math.h>

/* What a contestant is weighed by. Less is better in each. */
enum { TIME, BYTES, TAIL, MERITS };

/* Which of them: a bit each. */
enum { TIME_AND_BYTES = 1 << TIME | 1 << BYTES, TIME_AND_TAIL = 1 << TIME | 1 << TAIL };

static const double least_size = 0.25,
		    most_size = 1.15;      /* of a point, for bytes of 0 and the most */
static const double no_bytes_share = 0.15; /* that a point has where an axis is of bytes */
static const double name_room = 3;         /* right of them, as a factor: for names */

/* Bytes an object beyond its payload in this cell; NAN if unknown. */
static double overhead(const struct analysis *analysis, size_t cell, size_t subject)
{
	const struct analysis_result *result = analysis_at(analysis, cell, subject);

	if (!result->memory.known || result->state != ANALYSIS_MEASURED ||
		isnan(result->ns.point) || !analysis_in_contest(analysis, cell, subject))
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

/* An array as a block of its own; null for an empty one. Takes it over. */
static json_t *block_of(json_t *points)
{
	if (json_array_size(points) > 0)
		return template_record("points", points, NULL);
	json_decref(points);
	return json_null();
}

/* Those of a cell that have all of `which`, the slowest first; order has room for all. */
static size_t by_time(const struct analysis *analysis, size_t cell, int which, size_t *order)
{
	double merits[MERITS], other[MERITS];
	size_t n = 0;

	for (size_t i = 0; i < analysis->subject_count; i++) {
		size_t at = n;

		weigh(analysis, cell, i, merits);
		if (!is_weighed(merits, which))
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

/* A panel's axes, as of a store with tails or without: what its two are of, and its ends. */
struct axes {
	bool tail;
	double left, right, bottom, top, most_bytes;
};

static double x_of(const struct analysis_cell *cell, const struct axes *axes, const double *merits)
{
	return axes->tail ? analysis_rate(cell, merits[TIME]) / 1e6 : exp(merits[TIME]);
}

/* Fewer bytes than one, or less than none beyond the payload, are one on a logarithmic axis. */
static double y_of(const struct axes *axes, const double *merits)
{
	return axes->tail ? merits[TAIL] : fmax(1, merits[BYTES]);
}

static void find_ends(const struct analysis *analysis, size_t cell, const size_t *order, size_t n,
	struct axes *axes)
{
	double merits[MERITS];

	axes->left = axes->bottom = INFINITY;
	axes->right = axes->top = axes->most_bytes = 0;
	for (size_t i = 0; i < n; i++) {
		weigh(analysis, cell, order[i], merits);
		axes->left = fmin(axes->left, x_of(&analysis->cells[cell], axes, merits));
		axes->right = fmax(axes->right, x_of(&analysis->cells[cell], axes, merits));
		axes->bottom = fmin(axes->bottom, y_of(axes, merits));
		axes->top = fmax(axes->top, y_of(axes, merits));
		axes->most_bytes = fmax(axes->most_bytes, merits[BYTES]);
	}
	axes->left = figure_decade_below(axes->left);
	axes->right *= name_room;
	axes->bottom = figure_decade_below(axes->bottom);
	axes->top = fmax(figure_decade_above(axes->top), 10 * axes->bottom);
}

/* Along a logarithmic axis, as a share of its length, and back. */
static double share_of(double value, double from, double to)
{
	return log(value / from) / log(to / from);
}

static double value_at(double share, double from, double to)
{
	return from * pow(to / from, share);
}

static json_t *point_of(
	const struct analysis *analysis, size_t cell, size_t subject, const struct axes *axes)
{
	const struct figure_style style = figure_style_of(&analysis->subjects[subject]);
	double merits[MERITS];

	weigh(analysis, cell, subject, merits);

	const double share = axes->tail && axes->most_bytes > 0
				     ? fmax(0, merits[BYTES]) / axes->most_bytes
			     : axes->tail ? 0
					  : no_bytes_share;

	return template_record("x",
		template_words("%.4g", x_of(&analysis->cells[cell], axes, merits)), "y",
		template_words("%.6g", y_of(axes, merits)), "size",
		template_words("%.2f", least_size + (most_size - least_size) * sqrt(share)),
		"marker", template_count((uint64_t)style.marker), "colour",
		template_words("%u", (unsigned)style.colour), NULL);
}

/* The names of the front, with their bytes where the axes don't have them; n of them. */
static json_t *names_of(const struct analysis *analysis, size_t cell, const size_t *front, size_t n,
	const struct axes *axes)
{
	const struct figure_grid *grid = &figure_wide_panels;
	AUTO_FREE struct figure_name *names = need(n, sizeof(*names));
	AUTO_FREE char *text = need(n, ANALYSIS_SENTENCE_BYTES);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		char *own = text + i * ANALYSIS_SENTENCE_BYTES;
		double merits[MERITS];

		weigh(analysis, cell, front[i], merits);
		snprintf(own, ANALYSIS_SENTENCE_BYTES, "%.100s%s%s%s",
			choice_name_in(analysis, cell, front[i]), axes->tail ? " " : "",
			axes->tail ? number_plain(merits[BYTES]).text : "", axes->tail ? " B" : "");
		names[i] = (struct figure_name){.text = own,
			.x = grid->width * share_of(x_of(&analysis->cells[cell], axes, merits),
						   axes->left, axes->right),
			.y = grid->height * share_of(y_of(axes, merits), axes->bottom, axes->top)};
	}
	figure_place_names(names, n, grid->width, grid->height);
	for (size_t i = 0; i < n; i++) {
		if (!names[i].placed)
			continue;
		json_array_append_new(list,
			template_record("x",
				template_words("%.6g", value_at(names[i].label_x / grid->width,
							       axes->left, axes->right)),
				"y",
				template_words("%.6g", value_at(names[i].label_y / grid->height,
							       axes->bottom, axes->top)),
				"name", template_text(names[i].text), NULL));
	}
	return list;
}

/* order: all that have a point. It is used up. */
static json_t *panel_of(
	const struct analysis *analysis, size_t cell, size_t *order, size_t n, bool tail)
{
	const int line_of = tail ? TIME_AND_TAIL : TIME_AND_BYTES;
	struct axes axes = {.tail = tail};
	json_t *front = json_array(), *beaten = json_array(), *line = json_array();
	size_t leaders = 0;

	find_ends(analysis, cell, order, n, &axes);
	for (size_t i = 0; i < n; i++) {
		json_t *point = point_of(analysis, cell, order[i], &axes);
		const bool behind = is_beaten(analysis, cell, order[i], line_of | TIME_AND_BYTES);

		if (!is_beaten(analysis, cell, order[i], line_of))
			json_array_append(line, point);
		json_array_append_new(behind ? beaten : front, point);
		if (!behind)
			order[leaders++] = order[i];
	}
	return template_record("title", template_text(analysis->cells[cell].label), "front", front,
		"names", names_of(analysis, cell, order, leaders, &axes), "line", line, "beaten",
		block_of(beaten), "left", template_words("%g", axes.left), "right",
		template_words("%g", axes.right), "bottom", template_words("%g", axes.bottom),
		"top", template_words("%g", axes.top), NULL);
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

bool figure_tradeoff_has_tail(const struct analysis *analysis, size_t first)
{
	for (size_t c = first; c < analysis->cell_count; c++) {
		if (analysis->cells[c].contest == analysis->cells[first].contest &&
			has_tails(analysis, c))
			return true;
	}
	return false;
}

/* With tails: of cells with a thread on each CPU; where the store has none, of all that have tails. */
char *figure_tradeoff(const struct analysis *analysis, size_t first, enum figure_medium medium)
{
	static const struct figure_words with = {
		"Throughput, tail and bytes. Right and low is better. A larger point: more bytes "
		"an object",
		"million units/s (logarithmic)", "p99.9 of calls, ns (logarithmic)"};
	static const struct figure_words without = {"Time and bytes. Left and low is better",
		"ns a unit (logarithmic)", "bytes an object beyond its payload (logarithmic)"};
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	const bool tail = figure_tradeoff_has_tail(analysis, first);
	json_t *panels = json_array();

	for (int any = !tail; any < 2 && json_array_size(panels) == 0; any++) {
		for (size_t c = first; c < analysis->cell_count; c++) {
			const bool wanted =
				analysis->cells[c].contest == analysis->cells[first].contest &&
				(!tail || (has_tails(analysis, c) &&
						  (any || analysis->cells[c].threads ==
								  analysis->cpus)));
			const size_t n =
				wanted ? by_time(analysis, c, tail ? TIME_AND_TAIL : TIME_AND_BYTES,
						 order)
				       : 0;

			if (n > 0)
				json_array_append_new(
					panels, panel_of(analysis, c, order, n, tail));
		}
	}
	return figure_draw(tradeoff_gnuplot, template_record("panels", panels, NULL),
		&figure_wide_panels, tail ? &with : &without, medium);
}
