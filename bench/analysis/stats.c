/* See stats.h. */
#include "bench/analysis/stats.h"

#include "alloc/machine/compiler.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/splitmix.h"

#include <math.h>
#include <stdbool.h>

static const double stats_tail = 0.025; /* of the replicates, cut off on either side */

enum {
	/*
	 * Resamples or rounds side by side. gcc 12 makes vector instructions of loops over 16; those
	 * over 8 it unrolls instead. nblbench report results/pools.db then takes half as long again.
	 */
	LANES = 16,
	ROUNDS_AT_ONCE = 32 * LANES, /* what is drawn in them stays in a cache for all series */
	FEW = 16, /* forks up to which averages are sorted side by side: the work grows as the 4th power */
};

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

/*
 * Sorts n rows as far as the places lower..upper are right; what the others hold is not said. Each of the
 * `lanes` columns is sorted by itself. Rows are inserted one by one, without a branch on what they hold.
 * A place so low that the rows still to come can't push its value up to `lower` is left out, and so is
 * one above `upper`.
 */
ALWAYS_INLINE void sort_places(double *rows, size_t n, size_t lower, size_t upper, size_t lanes)
{
	for (size_t i = 1; i < n; i++) {
		const size_t left = n - i, from = lower > left ? lower - left : 0;
		double *inserted = rows + i * lanes;

		for (size_t at = from; at < i && at <= upper; at++) {
			double *row = rows + at * lanes;

			for (size_t lane = 0; lane < lanes; lane++) {
				const double x = row[lane], y = inserted[lane];

				row[lane] = x < y ? x : y;
				inserted[lane] = x > y ? x : y;
			}
		}
	}
}

/*
 * Of n sorted rows those averages of two, in each lane, whose place in an order of all averages isn't
 * known to be before or behind the middle; *below are before it. The average of i <= j is no less than
 * that of any two at or before them, and no greater than that of any two at or after them. So the
 * place of most is known: 7 of 21 are left, or 21 of 55.
 */
ALWAYS_INLINE size_t middle_averages(
	const double *rows, size_t n, size_t lanes, double *walsh, size_t *below)
{
	const size_t all = n * (n + 1) / 2, lower = (all - 1) / 2, upper = all / 2;
	size_t count = 0;

	*below = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i; j < n; j++) {
			const size_t before = (i + 1) * (j + 1) - i * (i + 1) / 2 - 1;
			const size_t after = (n - i) * (n - j) - (n - j) * (n - j - 1) / 2 - 1;

			if (before > upper)
				break;
			for (size_t lane = 0; lane < lanes; lane++)
				walsh[count * lanes + lane] =
					(rows[i * lanes + lane] + rows[j * lanes + lane]) / 2;
			if (all - 1 - after < lower)
				++*below;
			else
				count++;
		}
	}
	return count;
}

double stats_hodges_lehmann(double *values, size_t n, double *walsh)
{
	const size_t all = n * (n + 1) / 2;
	size_t below;

	sort_places(values, n, 0, n - 1, 1);

	const size_t count = middle_averages(values, n, 1, walsh, &below);

	return between(walsh, count, (all - 1) / 2 - below, all / 2 - below);
}

/* The same of the n <= FEW values in each lane. */
static void hodges_lehmann_of_few(double *rows, size_t n, double *out)
{
	const size_t all = n * (n + 1) / 2;
	double walsh[FEW * (FEW + 1) / 2 * LANES];
	size_t below;

	sort_places(rows, n, 0, n - 1, LANES);

	const size_t count = middle_averages(rows, n, LANES, walsh, &below);
	const size_t lower = (all - 1) / 2 - below, upper = all / 2 - below;

	sort_places(walsh, count, lower, upper, LANES);
	for (size_t lane = 0; lane < LANES; lane++)
		out[lane] = (walsh[lower * LANES + lane] + walsh[upper * LANES + lane]) / 2;
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

/* The point of a series: every block of every fork once. */
static double point_of(const struct stats_design *design, const struct ranked *sorted,
	const size_t *present, double *medians, double *walsh)
{
	size_t n = 0;

	for (size_t f = 0; f < design->forks; f++) {
		const struct ranked *fork = sorted + design->start[f];

		if (present[f] > 0)
			medians[n++] =
				(fork[(present[f] - 1) / 2].value + fork[present[f] / 2].value) / 2;
	}
	return n == 0 ? NAN : stats_hodges_lehmann(medians, n, walsh);
}

/* Up to LANES resamples of one fork, and the rounds that they are of. */
struct resamples {
	size_t fork, count;
	size_t round[LANES];
};

/* What was drawn in up to ROUNDS_AT_ONCE rounds: it is the same for all series. */
struct draws {
	struct resamples *group;
	size_t groups;
	size_t *open;   /* of each fork: the group that it is in, SIZE_MAX before its first */
	int32_t *times; /* how often each block is in each resample: groups x largest x LANES */
	size_t largest; /* blocks of a fork */
};

/* Draws forks, and the blocks of each at once: the order decides on the digits. */
static void draw(
	struct draws *d, const struct stats_design *design, size_t rounds, struct stats_rng *rng)
{
	d->groups = 0;
	for (size_t f = 0; f < design->forks; f++)
		d->open[f] = SIZE_MAX;
	for (size_t i = 0; i < rounds * design->forks; i++) {
		const size_t f = stats_rng_below(rng, (uint32_t)design->forks);
		const size_t size = design->start[f + 1] - design->start[f];
		const size_t room = d->largest * LANES;

		if (d->open[f] == SIZE_MAX || d->group[d->open[f]].count == LANES) {
			d->open[f] = d->groups++;
			d->group[d->open[f]] = (struct resamples){.fork = f};
			memset(d->times + d->open[f] * room, 0, room * sizeof(*d->times));
		}

		struct resamples *group = &d->group[d->open[f]];
		const size_t lane = group->count++;
		int32_t *times = d->times + d->open[f] * room + lane;

		group->round[lane] = i / design->forks;
		for (size_t b = 0; b < size; b++)
			times[stats_rng_below(rng, (uint32_t)size) * LANES]++;
	}
}

/*
 * The medians of resampled forks without building the samples: the present values were sorted once,
 * and times[] says how often each block was drawn. The balance is what was drawn up to a value less
 * what was drawn behind it: the lower middle is the first value where it isn't negative, the upper the
 * first where it is positive. NAN where no present block was drawn.
 */
static void drawn_medians(
	const struct ranked *sorted, size_t n, const int32_t *times, double *medians)
{
	int32_t balance[LANES] = {0}, lower[LANES] = {0}, upper[LANES] = {0};

	for (size_t i = 0; i < n; i++) {
		for (size_t lane = 0; lane < LANES; lane++)
			balance[lane] -= times[sorted[i].block * LANES + lane];
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t lane = 0; lane < LANES; lane++) {
			balance[lane] += 2 * times[sorted[i].block * LANES + lane];
			lower[lane] += balance[lane] < 0;
			upper[lane] += balance[lane] <= 0;
		}
	}
	for (size_t lane = 0; lane < LANES; lane++)
		medians[lane] =
			(size_t)upper[lane] == n
				? NAN
				: (sorted[lower[lane]].value + sorted[upper[lane]].value) / 2;
}

/*
 * The medians of a series' resampled forks in those rounds: a row of LANES rounds for each of its forks, then
 * the next LANES rounds. count[] receives how many a round has.
 */
static void draw_medians(const struct stats_design *design, const struct draws *d,
	const struct ranked *sorted, const size_t *present, double *medians, size_t *count)
{
	memset(count, 0, ROUNDS_AT_ONCE * sizeof(*count));
	for (size_t g = 0; g < d->groups; g++) {
		const struct resamples *group = &d->group[g];
		double of[LANES];

		drawn_medians(sorted + design->start[group->fork], present[group->fork],
			d->times + g * d->largest * LANES, of);
		for (size_t lane = 0; lane < group->count; lane++) {
			const size_t round = group->round[lane];

			if (!isnan(of[lane]))
				medians[(round / LANES * design->forks + count[round]++) * LANES +
					round % LANES] = of[lane];
		}
	}
}

/*
 * The replicates of up to LANES rounds from their medians: side by side if all have as many and few, else
 * one by one. A round without any has the series' point.
 */
static void replicate(double *medians, const size_t *count, size_t rounds, double point,
	double *values, double *walsh, double *replicates)
{
	bool alike = rounds == LANES && *count > 0 && *count <= FEW;

	for (size_t lane = 0; lane < rounds; lane++)
		alike = alike && count[lane] == *count;
	if (alike) {
		hodges_lehmann_of_few(medians, *count, replicates);
		return;
	}
	for (size_t lane = 0; lane < rounds; lane++) {
		for (size_t i = 0; i < count[lane]; i++)
			values[i] = medians[i * LANES + lane];
		replicates[lane] =
			count[lane] == 0 ? point : stats_hodges_lehmann(values, count[lane], walsh);
	}
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

/* Replicates of n series, whose present values are sorted and whose points are known, row by series. */
static void resample(const struct stats_design *design, const struct ranked *sorted,
	const size_t *present, size_t n, uint32_t rounds, uint64_t seed,
	const struct stats_estimate *estimates, double *rows)
{
	const size_t forks = design->forks, blocks = design->start[forks];
	const size_t groups =
		ROUNDS_AT_ONCE / LANES * forks + forks; /* full ones, and the last of each fork */
	size_t largest = 0, count[ROUNDS_AT_ONCE];

	for (size_t f = 0; f < forks; f++) {
		const size_t size = design->start[f + 1] - design->start[f];

		largest = size > largest ? size : largest;
	}

	AUTO_FREE struct resamples *group = need(groups, sizeof(*group));
	AUTO_FREE int32_t *times = need(groups * largest * LANES, sizeof(*times));
	AUTO_FREE size_t *open = need(forks, sizeof(*open));
	AUTO_FREE double *medians = need(ROUNDS_AT_ONCE * forks, sizeof(*medians));
	AUTO_FREE double *values = need(forks, sizeof(*values));
	AUTO_FREE double *walsh = need(forks * (forks + 1) / 2, sizeof(*walsh));
	struct draws d = {group, 0, open, times, largest};
	struct stats_rng rng;

	stats_rng_seed(&rng, seed);
	for (size_t first = 0; first < rounds; first += ROUNDS_AT_ONCE) {
		const size_t now =
			rounds - first < ROUNDS_AT_ONCE ? rounds - first : ROUNDS_AT_ONCE;

		draw(&d, design, now, &rng);
		for (size_t i = 0; i < n; i++) {
			draw_medians(design, &d, sorted + i * blocks, present + i * forks, medians,
				count);
			for (size_t at = 0; at < now; at += LANES)
				replicate(medians + at * forks, count + at,
					now - at < LANES ? now - at : LANES, estimates[i].point,
					values, walsh, rows + i * rounds + first + at);
		}
	}
}

void stats_bootstrap(const struct stats_design *design, const double *const *series, size_t n,
	uint32_t rounds, uint64_t seed, struct stats_estimate *estimates, double *replicates)
{
	const size_t forks = design->forks, blocks = design->start[forks];
	AUTO_FREE struct ranked *sorted = need(n * blocks, sizeof(*sorted));
	AUTO_FREE size_t *present =
		need(n * forks, sizeof(*present)); /* values a series and fork */
	AUTO_FREE double *medians = need(forks, sizeof(*medians));
	AUTO_FREE double *walsh = need(forks * (forks + 1) / 2, sizeof(*walsh));
	AUTO_FREE double *own = replicates == NULL ? need(n * rounds, sizeof(*own)) : NULL;
	AUTO_FREE double *values = need(rounds, sizeof(*values));
	double *rows = replicates == NULL ? own : replicates;

	for (size_t i = 0; i < n; i++) {
		for (size_t f = 0; f < forks; f++) {
			struct ranked *fork = sorted + i * blocks + design->start[f];
			size_t count = 0;

			for (size_t b = design->start[f]; b < design->start[f + 1]; b++) {
				if (!isnan(series[i][b]))
					fork[count++] =
						(struct ranked){series[i][b], b - design->start[f]};
			}
			qsort(fork, count, sizeof(*fork), ranked_ascending);
			present[i * forks + f] = count;
		}
		estimates[i].point =
			point_of(design, sorted + i * blocks, present + i * forks, medians, walsh);
	}
	if (rounds > 0)
		resample(design, sorted, present, n, rounds, seed, estimates, rows);
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
