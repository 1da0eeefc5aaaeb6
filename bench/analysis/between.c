/* See between.h. */
#include "bench/analysis/between.h"

#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <math.h>

/* The square of a standard normal deviate is as often above this as below. */
static const double median_square = 0.4549;

/* The median of the squared effects by their variances, if runs have this one. */
static double median_of_squares(
	const struct between_row *const *rows, size_t n, double runs_squared, double *scratch)
{
	for (size_t i = 0; i < n; i++) {
		const struct stats_estimate *e = &rows[i]->effect;

		scratch[i] = e->point * e->point / (e->error * e->error + runs_squared);
	}
	return stats_median(scratch, n);
}

/* What runs vary by, so that the squares' median is what chance gives. */
static double deviation_of(const struct between_row *const *rows, size_t n)
{
	AUTO_FREE double *scratch = need(n, sizeof(*scratch));
	double low = 0, high = 1;

	if (n < BETWEEN_ROWS_MIN)
		return NAN;
	if (!(median_of_squares(rows, n, 0, scratch) > median_square))
		return 0;
	while (median_of_squares(rows, n, high * high, scratch) > median_square)
		high *= 2;
	for (int halvings = 0; halvings < 40; halvings++) {
		const double middle = (low + high) / 2;

		if (median_of_squares(rows, n, middle * middle, scratch) > median_square)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* Those of a row's cell, or if they are too few, of its group; returns how many. */
static size_t peers_of(const struct between_row *rows, size_t n, const struct between_row *row,
	const struct between_row **out)
{
	size_t count = 0;

	for (int wide = 0; wide < 2 && count < BETWEEN_ROWS_MIN; wide++) {
		count = 0;
		for (size_t i = 0; i < n; i++) {
			if (rows[i].effect.forks >= STATS_FORKS_MIN &&
				(wide ? rows[i].group == row->group : rows[i].cell == row->cell))
				out[count++] = &rows[i];
		}
	}
	return count;
}

/* The effect with what runs vary by, as far as so many rows tell that. */
static struct stats_estimate widened(const struct between_row *row, size_t peers)
{
	struct stats_estimate e = row->effect;

	if (isnan(row->runs) || e.forks < STATS_FORKS_MIN) {
		e.lo = -INFINITY;
		e.hi = INFINITY;
		e.forks = 0;
		return e;
	}
	e.error = hypot(e.error, row->runs);
	if (row->runs > 0 && peers < e.forks)
		e.forks = peers;
	return stats_chosen(&e, 1);
}

void between_runs(struct between_row *rows, size_t n, double margin, double error)
{
	AUTO_FREE const struct between_row **peers = need(n, sizeof(*peers));
	AUTO_FREE struct stats_claim *claims = need(n, sizeof(*claims));
	AUTO_FREE bool *made = need(n, sizeof(*made));

	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const bool same = i > 0 && rows[i].cell == rows[i - 1].cell;

		if (!same)
			count = peers_of(rows, n, &rows[i], peers);
		rows[i].runs = same ? rows[i - 1].runs : deviation_of(peers, count);
		rows[i].all = widened(&rows[i], count);
		claims[i] = rows[i].claim = stats_claim(&rows[i].all, margin, rows[i].floor_log);
	}
	stats_holm(claims, n, error, made);
	for (size_t i = 0; i < n; i++)
		rows[i].made = made[i];
}
