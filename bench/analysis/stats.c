/* See stats.h. */
#include "bench/analysis/stats.h"

#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <math.h>
#include <string.h>

int stats_ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double stats_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), stats_ascending);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

double stats_median_present(const double *values, size_t n, double *scratch)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isnan(values[i]))
			scratch[count++] = values[i];
	}
	return count == 0 ? NAN : stats_median(scratch, count);
}

double stats_hodges_lehmann(double *values, size_t n, double *walsh)
{
	size_t count = 0;

	qsort(values, n, sizeof(*values), stats_ascending);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i; j < n; j++)
			walsh[count++] = (values[i] + values[j]) / 2;
	}
	return stats_median(walsh, count);
}

/* Abramowitz and Stegun 26.7.3 and 26.7.4: a finite sum for each whole number of degrees. */
double stats_t_tail(double t, size_t freedom)
{
	const double angle = atan(t / sqrt((double)freedom)), cosine = cos(angle);
	const bool odd = freedom % 2 == 1;
	double term = odd ? cosine : 1, sum = 0;

	for (size_t k = odd ? 1 : 0; k + 2 <= freedom; k += 2) {
		sum += term;
		term *= cosine * cosine * (double)(k + 1) / (double)(k + 2);
	}

	const double within = odd ? (angle + sin(angle) * sum) / M_PI_2 : sin(angle) * sum;

	return (1 - within) / 2;
}

double stats_t_quantile(double tail, size_t freedom)
{
	double low = 0, high = 1;

	while (stats_t_tail(high, freedom) > tail)
		high *= 2;
	for (double middle; (middle = (low + high) / 2) > low && middle < high;) {
		if (stats_t_tail(middle, freedom) > tail)
			low = middle;
		else
			high = middle;
	}
	return high;
}

struct stats_estimate stats_of_forks(const double *values, size_t forks)
{
	AUTO_FREE double *present = need(forks, sizeof(*present));
	AUTO_FREE double *walsh = need(forks * (forks + 1) / 2, sizeof(*walsh));
	struct stats_estimate e = STATS_UNKNOWN;
	double mean = 0, squares = 0;

	for (size_t f = 0; f < forks; f++) {
		if (!isnan(values[f]))
			present[e.forks++] = values[f];
	}
	if (e.forks == 0)
		return e;
	e.point = stats_hodges_lehmann(present, e.forks, walsh);
	e.lo = -INFINITY;
	e.hi = INFINITY;
	if (e.forks < STATS_FORKS_MIN)
		return e;

	const double n = (double)e.forks;

	for (size_t f = 0; f < e.forks; f++)
		mean += present[f] / n;
	for (size_t f = 0; f < e.forks; f++)
		squares += (present[f] - mean) * (present[f] - mean);
	e.error = sqrt(squares / (n - 1) / n);
	return stats_chosen(&e, 1);
}

struct stats_estimate stats_chosen(const struct stats_estimate *e, size_t rivals)
{
	struct stats_estimate wide = *e;

	if (e->forks >= STATS_FORKS_MIN) {
		const double half =
			e->error * stats_t_quantile(STATS_ERROR / 2 / (double)rivals, e->forks - 1);

		wide.lo = e->point - half;
		wide.hi = e->point + half;
	}
	return wide;
}

void stats_estimates(const struct stats_design *design, const double *const *series, size_t n,
	struct stats_estimate *estimates, double *medians)
{
	const size_t forks = design->forks, *start = design->start;
	AUTO_FREE double *scratch = need(start[forks], sizeof(*scratch));
	AUTO_FREE double *row = need(forks, sizeof(*row));

	for (size_t i = 0; i < n; i++) {
		for (size_t f = 0; f < forks; f++)
			row[f] = stats_median_present(
				series[i] + start[f], start[f + 1] - start[f], scratch);
		estimates[i] = stats_of_forks(row, forks);
		if (medians != NULL)
			memcpy(medians + i * forks, row, forks * sizeof(*row));
	}
}

struct stats_estimate stats_paired(const double *x, const double *y, size_t forks)
{
	AUTO_FREE double *difference = need(forks, sizeof(*difference));

	for (size_t f = 0; f < forks; f++)
		difference[f] = x[f] - y[f];
	return stats_of_forks(difference, forks);
}

/* Satterthwaite's degrees of freedom of a sum of two variances. */
static double joint_freedom(const struct stats_estimate *x, const struct stats_estimate *y)
{
	const double vx = x->error * x->error, vy = y->error * y->error;
	const double parts = vx * vx / (double)(x->forks - 1) + vy * vy / (double)(y->forks - 1);

	return parts > 0 ? (vx + vy) * (vx + vy) / parts : (double)(x->forks + y->forks - 2);
}

struct stats_estimate stats_difference(struct stats_estimate x, struct stats_estimate y)
{
	const double point = x.point - y.point;
	struct stats_estimate e = {point, point - hypot(x.point - x.lo, y.hi - y.point),
		point + hypot(x.hi - x.point, y.point - y.lo), NAN, 0};

	if (x.forks >= STATS_FORKS_MIN && y.forks >= STATS_FORKS_MIN) {
		e.error = hypot(x.error, y.error);
		e.forks = (size_t)joint_freedom(&x, &y) + 1;
	}
	return e;
}

/* Whether series i is not told apart from `chosen`, by n - 1 comparisons at once. */
static bool is_rival(const double *medians, size_t n, size_t forks, size_t chosen, size_t i)
{
	const struct stats_estimate apart =
		stats_paired(medians + i * forks, medians + chosen * forks, forks);
	const struct stats_estimate e = stats_chosen(&apart, n > 1 ? n - 1 : 1);

	return i == chosen || !(e.lo > 0 || e.hi < 0);
}

size_t stats_rivals(const double *medians, size_t n, size_t forks, size_t chosen)
{
	size_t rivals = 0;

	for (size_t i = 0; i < n; i++)
		rivals += is_rival(medians, n, forks, chosen, i);
	return rivals;
}

/* The upper bound of x - y, one of so many; see stats_behind. */
static double behind_at_most(
	const double *x, const double *y, size_t forks, double ahead, size_t others)
{
	AUTO_FREE double *difference = need(forks, sizeof(*difference));

	for (size_t f = 0; f < forks; f++)
		difference[f] = x[f] - y[f] < -ahead ? -ahead : x[f] - y[f];

	const struct stats_estimate e = stats_of_forks(difference, forks);

	return isnan(e.point) ? INFINITY : stats_chosen(&e, others).hi;
}

void stats_behind(
	const double *medians, size_t n, size_t forks, size_t best, double ahead, double *behind)
{
	AUTO_FREE bool *rival = need(n, sizeof(*rival));
	size_t rivals = 0;

	for (size_t i = 0; i < n; i++) {
		rival[i] = is_rival(medians, n, forks, best, i);
		rivals += rival[i];
	}
	for (size_t i = 0; i < n; i++) {
		behind[i] = 0;
		for (size_t j = 0; j < n; j++) {
			if (rival[j] && j != i)
				behind[i] = fmax(behind[i],
					behind_at_most(medians + i * forks, medians + j * forks,
						forks, ahead, rivals - (rival[i] ? 1 : 0)));
		}
	}
}

/* A claim's place and chance, for sorting. */
struct ranked {
	double value;
	size_t place;
};

static int ranked_ascending(const void *a, const void *b)
{
	return stats_ascending(
		&((const struct ranked *)a)->value, &((const struct ranked *)b)->value);
}

void stats_holm(const struct stats_claim *claims, size_t n, double error, bool *made)
{
	AUTO_FREE struct ranked *order = need(n, sizeof(*order));
	size_t count = 0;

	memset(made, 0, n * sizeof(*made));
	for (size_t i = 0; i < n; i++) {
		if (!isnan(claims[i].chance))
			order[count++] = (struct ranked){claims[i].chance, i};
	}
	qsort(order, count, sizeof(*order), ranked_ascending);
	for (size_t k = 0; k < count && order[k].value * (double)(count - k) <= error; k++)
		made[order[k].place] = true;
}

double stats_mann_whitney(const double *a, size_t na, const double *b, size_t nb)
{
	AUTO_FREE struct ranked *all = need(na + nb, sizeof(*all));
	size_t n = 0, first = 0;

	for (size_t i = 0; i < na; i++) {
		if (!isnan(a[i]))
			all[n++] = (struct ranked){a[i], 0};
	}
	first = n;
	for (size_t i = 0; i < nb; i++) {
		if (!isnan(b[i]))
			all[n++] = (struct ranked){b[i], 1};
	}
	qsort(all, n, sizeof(*all), ranked_ascending);

	const double n1 = (double)first, n2 = (double)(n - first), total = (double)n;
	double rank_sum = 0, ties = 0;

	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && !(all[j].value > all[i].value); j++)
			continue;

		const double t = (double)(j - i), rank = (double)(i + j + 1) / 2;

		ties += t * t * t - t;
		for (size_t k = i; k < j; k++)
			rank_sum += all[k].place == 0 ? rank : 0;
	}

	const double u = rank_sum - n1 * (n1 + 1) / 2;
	const double variance = n1 * n2 / 12 * (total + 1 - ties / (total * (total - 1)));

	return n1 > 0 && n2 > 0 && variance > 0
		       ? erfc(fmax(fabs(u - n1 * n2 / 2) - 0.5, 0) / sqrt(2 * variance))
		       : NAN;
}
