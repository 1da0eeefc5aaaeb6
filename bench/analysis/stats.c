/* See stats.h. */
#include "bench/analysis/stats.h"

#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/splitmix.h"

#include <math.h>
#include <stdbool.h>

static const double stats_tail = 0.025; /* of the replicates, cut off on either side */

void stats_rng_seed(struct stats_rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++, seed += SPLITMIX_STEP)
		rng->s[i] = splitmix(seed);
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t stats_rng_next(struct stats_rng *rng)
{
	uint64_t *s = rng->s;
	const uint64_t result = rotate(s[1] * 5, 7) * 9;
	const uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint32_t stats_rng_below(struct stats_rng *rng, uint32_t n)
{
	uint64_t product = (stats_rng_next(rng) >> 32) * n;

	if ((uint32_t)product < n) {
		const uint32_t threshold = -n % n;

		while ((uint32_t)product < threshold)
			product = (stats_rng_next(rng) >> 32) * n;
	}
	return (uint32_t)(product >> 32);
}

/* Puts the k-th smallest value at values[k], nothing greater before it, nothing smaller after. */
static void select_kth(double *values, size_t n, size_t k)
{
	size_t left = 0, right = n - 1;

	while (left < right) {
		const double pivot = values[left + (right - left) / 2];
		size_t i = left, j = right;

		for (;;) {
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i >= j)
				break;
			const double swap = values[i];
			values[i++] = values[j];
			values[j--] = swap;
		}
		if (k <= j)
			right = j;
		else
			left = j + 1;
	}
}

/* The mean of the values of two ranks, from 0, that are the same or neighbours. Reorders them. */
static double between(double *values, size_t n, size_t lower, size_t upper)
{
	select_kth(values, n, upper);
	if (lower == upper)
		return values[upper];

	double least = values[0];

	for (size_t i = 1; i < upper; i++)
		least = fmax(least, values[i]);
	return (least + values[upper]) / 2;
}

double stats_median(double *values, size_t n)
{
	return between(values, n, (n - 1) / 2, n / 2);
}

/* Of few values, of which a fork has one. */
static void sort_few(double *values, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const double value = values[i];
		size_t at = i;

		for (; at > 0 && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

double stats_hodges_lehmann(double *values, size_t n, double *walsh)
{
	const size_t all = n * (n + 1) / 2, lower = (all - 1) / 2, upper = all / 2;
	size_t below = 0, count = 0;

	/*
	 * Of sorted values the average of i <= j is no less than that of any two at or before them, and no
	 * greater than that of any two at or after them. So the place of most is known to be before or
	 * behind the middle, and the rest are few: 7 of 21, or 21 of 55.
	 */
	sort_few(values, n);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i; j < n; j++) {
			const size_t before = (i + 1) * (j + 1) - i * (i + 1) / 2 - 1;
			const size_t after = (n - i) * (n - j) - (n - j) * (n - j - 1) / 2 - 1;

			if (before > upper)
				break;
			if (all - 1 - after < lower)
				below++;
			else
				walsh[count++] = (values[i] + values[j]) / 2;
		}
	}
	return between(walsh, count, lower - below, upper - below);
}

int stats_ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One block's value of one series, so that sorting keeps the block. */
struct ranked {
	double value;
	size_t block;
};

static int ranked_ascending(const void *a, const void *b)
{
	return stats_ascending(
		&((const struct ranked *)a)->value, &((const struct ranked *)b)->value);
}

/*
 * The median of a resampled fork without building the sample: the present values were sorted once,
 * and draws[] says how often each block was drawn, so the middle is found by counting. NAN if no
 * present block was drawn.
 */
static double drawn_median(const struct ranked *sorted, size_t n, const uint32_t *draws)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += draws[sorted[i].block];
	if (total == 0)
		return NAN;

	const size_t lower = (total - 1) / 2, upper = total / 2;
	size_t seen = 0, i = 0;

	while ((seen += draws[sorted[i].block]) <= lower)
		i++;

	const double first = sorted[i].value;

	while (seen <= upper)
		seen += draws[sorted[++i].block];
	return (first + sorted[i].value) / 2;
}

/* The point of a series: every block of every fork once. */
static double point_of(const struct stats_design *design, const struct ranked *sorted,
	const size_t *present, const uint32_t *once, double *medians, double *walsh)
{
	size_t n = 0;

	for (size_t f = 0; f < design->forks; f++) {
		const double median = drawn_median(sorted + design->start[f], present[f], once);

		if (!isnan(median))
			medians[n++] = median;
	}
	return n == 0 ? NAN : stats_hodges_lehmann(medians, n, walsh);
}

struct stats_estimate stats_difference(struct stats_estimate x, struct stats_estimate y)
{
	const double point = x.point - y.point;

	return (struct stats_estimate){point, point - hypot(x.point - x.lo, y.hi - y.point),
		point + hypot(x.hi - x.point, y.point - y.lo)};
}

void stats_percentiles(double *replicates, uint32_t rounds, struct stats_estimate *e)
{
	const size_t cut = (size_t)(stats_tail * rounds);

	select_kth(replicates, rounds, cut);
	e->lo = replicates[cut];
	select_kth(replicates, rounds, rounds - 1 - cut);
	e->hi = replicates[rounds - 1 - cut];
}

void stats_bootstrap(const struct stats_design *design, const double *const *series, size_t n,
	uint32_t rounds, uint64_t seed, struct stats_estimate *estimates, double *replicates)
{
	const size_t forks = design->forks, blocks = design->start[forks];
	AUTO_FREE struct ranked *sorted = need(n * blocks, sizeof(*sorted));
	AUTO_FREE size_t *present =
		need(n * forks, sizeof(*present)); /* values a series and fork */
	AUTO_FREE uint32_t *draws = need(blocks, sizeof(*draws));
	AUTO_FREE double *medians = need(n * forks, sizeof(*medians));
	AUTO_FREE size_t *drawn = need(n, sizeof(*drawn)); /* medians a series got in this round */
	AUTO_FREE double *walsh = need(forks * (forks + 1) / 2, sizeof(*walsh));
	AUTO_FREE double *own = replicates == NULL ? need(n * rounds, sizeof(*own)) : NULL;
	AUTO_FREE double *values = need(rounds, sizeof(*values));
	double *rows = replicates == NULL ? own : replicates;

	for (size_t b = 0; b < blocks; b++)
		draws[b] = 1;
	for (size_t i = 0; i < n; i++) {
		for (size_t f = 0; f < forks; f++) {
			struct ranked *fork = sorted + i * blocks + design->start[f];
			size_t count = 0;

			for (size_t b = design->start[f]; b < design->start[f + 1]; b++) {
				if (!isnan(series[i][b]))
					fork[count++] = (struct ranked){series[i][b], b};
			}
			qsort(fork, count, sizeof(*fork), ranked_ascending);
			present[i * forks + f] = count;
		}
		estimates[i].point = point_of(
			design, sorted + i * blocks, present + i * forks, draws, medians, walsh);
	}

	struct stats_rng rng;

	stats_rng_seed(&rng, seed);
	for (uint32_t round = 0; round < rounds; round++) {
		memset(drawn, 0, n * sizeof(*drawn));
		for (size_t k = 0; k < forks; k++) {
			const size_t f = stats_rng_below(&rng, (uint32_t)forks);
			const size_t start = design->start[f], size = design->start[f + 1] - start;

			memset(draws + start, 0, size * sizeof(*draws));
			for (size_t b = 0; b < size; b++)
				draws[start + stats_rng_below(&rng, (uint32_t)size)]++;
			for (size_t i = 0; i < n; i++) {
				const double median = drawn_median(
					sorted + i * blocks + start, present[i * forks + f], draws);

				if (!isnan(median))
					medians[i * forks + drawn[i]++] = median;
			}
		}
		for (size_t i = 0; i < n; i++) {
			rows[i * rounds + round] =
				drawn[i] == 0 ? estimates[i].point
					      : stats_hodges_lehmann(
							medians + i * forks, drawn[i], walsh);
		}
	}

	for (size_t i = 0; i < n; i++) {
		size_t evidence = 0;

		for (size_t f = 0; f < forks; f++)
			evidence += present[i * forks + f];
		if (evidence == 0 || rounds == 0) {
			estimates[i].lo = estimates[i].hi = NAN;
			continue;
		}
		if (evidence < STATS_EVIDENCE_MIN) {
			estimates[i].lo = -INFINITY;
			estimates[i].hi = INFINITY;
			continue;
		}
		memcpy(values, rows + i * rounds, rounds * sizeof(*values));
		stats_percentiles(values, rounds, &estimates[i]);
	}
}

/* Standard deviation of a series' replicates. */
static double deviation_of(const double *replicates, uint32_t rounds)
{
	double mean = 0, squares = 0;

	for (uint32_t k = 0; k < rounds; k++)
		mean += replicates[k];
	mean /= rounds;
	for (uint32_t k = 0; k < rounds; k++)
		squares += (replicates[k] - mean) * (replicates[k] - mean);
	return sqrt(squares / (rounds - 1));
}

void stats_chosen(const struct stats_estimate *estimates, const double *replicates, size_t n,
	uint32_t rounds, size_t chosen, struct stats_estimate *e)
{
	AUTO_FREE double *largest = need(rounds, sizeof(*largest));

	*e = estimates[chosen];
	if (n == 1) {
		memcpy(largest, replicates, rounds * sizeof(*largest));
		stats_percentiles(largest, rounds, e);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const double *row = replicates + i * rounds;
		const double deviation = deviation_of(row, rounds);

		for (uint32_t k = 0; k < rounds && deviation > 0; k++)
			largest[k] =
				fmax(largest[k], fabs(row[k] - estimates[i].point) / deviation);
	}
	qsort(largest, rounds, sizeof(*largest), stats_ascending);

	const double half = largest[(size_t)((1 - 2 * stats_tail) * (rounds - 1))] *
			    deviation_of(replicates + chosen * rounds, rounds);

	e->lo = e->point - half;
	e->hi = e->point + half;
}

double stats_simultaneous(const struct stats_estimate *estimates, const double *replicates,
	size_t n, uint32_t rounds, int pairs, size_t best, double *scale)
{
	memset(scale, 0, n * n * sizeof(*scale));
	if (n < 2 || rounds < 2)
		return 0;

	AUTO_FREE double *largest = need(rounds, sizeof(*largest));

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			if (i == j || (pairs ? j < i : j != best))
				continue;

			const double *a = replicates + i * rounds, *b = replicates + j * rounds;
			const double point = estimates[i].point - estimates[j].point;
			double mean = 0, squares = 0;

			for (uint32_t k = 0; k < rounds; k++)
				mean += a[k] - b[k];
			mean /= rounds;
			for (uint32_t k = 0; k < rounds; k++)
				squares += (a[k] - b[k] - mean) * (a[k] - b[k] - mean);

			const double deviation = sqrt(squares / (rounds - 1));

			scale[i * n + j] = scale[j * n + i] = deviation;
			if (!(deviation > 0))
				continue;
			for (uint32_t k = 0; k < rounds; k++) {
				const double t = fabs(a[k] - b[k] - point) / deviation;

				if (t > largest[k])
					largest[k] = t;
			}
		}
	}
	qsort(largest, rounds, sizeof(*largest), stats_ascending);

	return largest[(size_t)((1 - 2 * stats_tail) * (rounds - 1))];
}

void stats_behind(const double *replicates, size_t n, uint32_t rounds, double *behind)
{
	AUTO_FREE double *least = need(rounds, sizeof(*least));
	AUTO_FREE double *values = need(rounds, sizeof(*values));
	const size_t cut = (size_t)(stats_tail * rounds);

	for (uint32_t k = 0; k < rounds; k++) {
		least[k] = replicates[k];
		for (size_t i = 1; i < n; i++)
			least[k] = fmin(least[k], replicates[i * rounds + k]);
	}
	for (size_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < rounds; k++)
			values[k] = replicates[i * rounds + k] - least[k];
		select_kth(values, rounds, rounds - 1 - cut);
		behind[i] = values[rounds - 1 - cut];
	}
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
			rank_sum += all[k].block == 0 ? rank : 0;
	}

	const double u = rank_sum - n1 * (n1 + 1) / 2;
	const double variance = n1 * n2 / 12 * (total + 1 - ties / (total * (total - 1)));

	return n1 > 0 && n2 > 0 && variance > 0
		       ? erfc(fmax(fabs(u - n1 * n2 / 2) - 0.5, 0) / sqrt(2 * variance))
		       : NAN;
}

double stats_floor(const struct stats_estimate *twin)
{
	if (!isfinite(twin->lo) || !isfinite(twin->hi))
		return NAN;
	return fmax(fabs(twin->point), (twin->hi - twin->lo) / 2);
}

enum stats_verdict stats_verdict(
	const struct stats_estimate *effect, double margin, double floor_log)
{
	const bool known = !isnan(floor_log);
	const double beyond = known ? fmax(margin, floor_log) : margin;

	if (isnan(effect->lo) || isnan(effect->hi))
		return STATS_INCONCLUSIVE;
	if (effect->lo > beyond)
		return STATS_SLOWER;
	if (effect->hi < -beyond)
		return STATS_FASTER;
	if (effect->lo > -margin && effect->hi < margin && known && floor_log <= margin)
		return STATS_EQUIVALENT;
	return STATS_INCONCLUSIVE;
}

const char *stats_verdict_name(enum stats_verdict verdict)
{
	static const char *const names[] = {
		[STATS_INCONCLUSIVE] = "inconclusive",
		[STATS_FASTER] = "faster",
		[STATS_SLOWER] = "slower",
		[STATS_EQUIVALENT] = "equivalent",
	};

	return names[verdict];
}

uint64_t stats_blocks_needed(
	const struct stats_estimate *effect, double margin, double floor_log, uint64_t blocks)
{
	if (stats_verdict(effect, margin, floor_log) != STATS_INCONCLUSIVE ||
		!isfinite(effect->lo) || !isfinite(effect->hi))
		return 0;

	const bool known = !isnan(floor_log);
	const double beyond = known ? fmax(margin, floor_log) : margin;
	const double distance = fabs(effect->point);
	const double half = (effect->hi - effect->lo) / 2;
	double room;

	if (distance > beyond)
		room = distance - beyond;
	else if (distance < margin && known && floor_log <= margin)
		room = margin - distance;
	else
		return 0;

	const double factor = half / room;

	/* Beyond this the estimate says only that the point lies next to a threshold. */
	static const double hopeless = 100;

	if (!(factor > 1) || factor * factor > hopeless)
		return 0;
	return (uint64_t)ceil((double)blocks * (factor * factor - 1));
}
