/* The statistics against values worked out by hand, and against data whose truth is known. */
#include "alloc/machine/cmocka.h"
#include "bench/analysis/near.h"
#include "bench/analysis/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORKS = 10, BLOCKS = 20, SERIES_MAX = 4 };

static const uint64_t test_seed = UINT64_C(20240131);

/* A standard normal deviate (Box and Muller). */
static double normal(struct stats_rng *rng)
{
	const double u = ((double)(stats_rng_next(rng) >> 11) + 0.5) / 9007199254740992.0;
	const double v = ((double)(stats_rng_next(rng) >> 11) + 0.5) / 9007199254740992.0;

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static const size_t *design_start(void)
{
	static size_t start[FORKS + 1];

	for (size_t f = 0; f <= FORKS; f++)
		start[f] = f * BLOCKS;
	return start;
}

/* A series with a true effect, luck that a fork's blocks share, and noise of each block. */
static void fill(struct stats_rng *rng, double effect, double fork_sd, double block_sd, double *out)
{
	for (size_t f = 0; f < FORKS; f++) {
		const double luck = fork_sd * normal(rng);

		for (size_t b = 0; b < BLOCKS; b++)
			out[f * BLOCKS + b] = effect + luck + block_sd * normal(rng);
	}
}

static void xoshiro_matches_its_reference(NO_STATE)
{
	/* First outputs for the state {1, 2, 3, 4}, worked out from the published algorithm. */
	struct stats_rng rng = {{1, 2, 3, 4}};

	assert_int_equal(stats_rng_next(&rng), 11520);
	assert_int_equal(stats_rng_next(&rng), 0);
	assert_int_equal(stats_rng_next(&rng), 1509978240);
	assert_int_equal(stats_rng_next(&rng), UINT64_C(1215971899390074240));
}

static void below_is_uniform_and_in_range(NO_STATE)
{
	struct stats_rng rng;
	unsigned counts[7] = {0};

	stats_rng_seed(&rng, test_seed);
	for (int i = 0; i < 70000; i++)
		counts[stats_rng_below(&rng, 7)]++;
	for (int i = 0; i < 7; i++)
		near(counts[i], 10000, 500);
	assert_int_equal(stats_rng_below(&rng, 1), 0);
}

static void medians_by_hand(NO_STATE)
{
	double one[] = {5}, odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2}, equal[] = {2, 2, 2, 2, 2};

	near(stats_median(one, 1), 5, 0);
	near(stats_median(odd, 3), 5, 0);
	near(stats_median(even, 4), 2.5, 0);
	near(stats_median(equal, 5), 2, 0);
}

static void hodges_lehmann_by_hand(NO_STATE)
{
	double walsh[10];
	/* Walsh averages of 1 2 10: 1, 1.5, 5.5, 2, 6, 10; their median is (2 + 5.5) / 2. */
	double three[] = {1, 2, 10};
	/* Of 1 2 3 100: 1 1.5 2 50.5 2 2.5 51 3 51.5 100; median of ten: (2.5 + 3) / 2. */
	double four[] = {1, 2, 3, 100};

	near(stats_hodges_lehmann(three, 3, walsh), 3.75, 0);
	near(stats_hodges_lehmann(four, 4, walsh), 2.75, 0);
	near(stats_hodges_lehmann(four, 1, walsh), 1, 0);
}

/* Averages that are not looked at make no difference, to the last digit. */
static void hodges_lehmann_is_the_median_of_all_averages(NO_STATE)
{
	enum { MOST = 24, TIMES = 200 };
	double values[MOST], walsh[MOST * (MOST + 1) / 2], all[MOST * (MOST + 1) / 2];
	struct stats_rng rng;

	stats_rng_seed(&rng, 1);
	for (size_t n = 1; n <= MOST; n++) {
		for (int t = 0; t < TIMES; t++) {
			size_t count = 0;

			/* Every other time there are many ties. */
			for (size_t i = 0; i < n; i++)
				values[i] = stats_rng_below(&rng, t % 2 == 0 ? 4 : 1U << 30) / 3.0;
			for (size_t i = 0; i < n; i++) {
				for (size_t j = i; j < n; j++)
					all[count++] = (values[i] + values[j]) / 2;
			}
			near(stats_hodges_lehmann(values, n, walsh), stats_median(all, count), 0);
		}
	}
}

/* The mean of the two middles of n >= 1 values, which are sorted for it. */
static double slow_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), stats_ascending);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

/* What a resampled fork's median is without any trick. NAN if no value was drawn. */
static double slow_fork(const double *values, const size_t *drawn, size_t size, double *sample)
{
	size_t n = 0;

	for (size_t b = 0; b < size; b++) {
		if (!isnan(values[drawn[b]]))
			sample[n++] = values[drawn[b]];
	}
	return n == 0 ? NAN : slow_median(sample, n);
}

enum { SLOW_FORKS = 20, SLOW_SIZE = 11, SLOW_SERIES = 5, SLOW_ROUNDS = 1100 };

/* One replicate of every series, at out[0], out[rounds], ..., as the head of stats.h has it. */
static void slow_round(const struct stats_design *design, const double *const *series,
	const struct stats_estimate *e, struct stats_rng *rng, size_t rounds, double *out)
{
	double medians[SLOW_SERIES][SLOW_FORKS], all[SLOW_FORKS * (SLOW_FORKS + 1) / 2];
	size_t present[SLOW_SERIES] = {0};

	for (size_t k = 0; k < design->forks; k++) {
		const size_t f = stats_rng_below(rng, (uint32_t)design->forks);
		const size_t size = design->start[f + 1] - design->start[f];
		size_t drawn[SLOW_SIZE];
		double sample[SLOW_SIZE];

		for (size_t b = 0; b < size; b++)
			drawn[b] = stats_rng_below(rng, (uint32_t)size);
		for (size_t i = 0; i < SLOW_SERIES; i++) {
			const double median =
				slow_fork(series[i] + design->start[f], drawn, size, sample);

			if (!isnan(median))
				medians[i][present[i]++] = median;
		}
	}
	for (size_t i = 0; i < SLOW_SERIES; i++) {
		size_t count = 0;

		for (size_t j = 0; j < present[i]; j++) {
			for (size_t k = j; k < present[i]; k++)
				all[count++] = (medians[i][j] + medians[i][k]) / 2;
		}
		out[i * rounds] = count == 0 ? e[i].point : slow_median(all, count);
	}
}

/*
 * Forks of 1 to SLOW_SIZE blocks each; series of distinct values, of ties, with gaps, with forks that
 * have nothing, and of one value in all.
 */
static void fill_oddly(struct stats_rng *rng, const size_t *start, size_t forks,
	double (*series)[SLOW_FORKS * SLOW_SIZE])
{
	const size_t blocks = start[forks];

	for (size_t b = 0; b < blocks; b++) {
		series[0][b] = normal(rng);
		series[1][b] = stats_rng_below(rng, 3) / 7.0;
		series[2][b] = stats_rng_below(rng, 3) == 0 ? NAN : normal(rng);
		series[4][b] = NAN;
	}
	for (size_t f = 0; f < forks; f++) {
		const bool none = stats_rng_below(rng, 3) == 0;

		for (size_t b = start[f]; b < start[f + 1]; b++)
			series[3][b] = none ? NAN : normal(rng);
	}
	series[4][stats_rng_below(rng, (uint32_t)blocks)] = 0.1;
}

/* Resamples side by side and one by one give the digits of those that are built and sorted. */
static void bootstrap_is_what_a_slow_one_gives(NO_STATE)
{
	static const size_t rounds_of[] = {1, 15, 16, 100, SLOW_ROUNDS};
	static double values[SLOW_SERIES][SLOW_FORKS * SLOW_SIZE], slow[SLOW_SERIES * SLOW_ROUNDS],
		got[SLOW_SERIES * SLOW_ROUNDS];
	const double *series[SLOW_SERIES];
	struct stats_rng rng;

	print_message("seed %llu\n", (unsigned long long)test_seed);
	stats_rng_seed(&rng, test_seed);
	for (size_t i = 0; i < SLOW_SERIES; i++)
		series[i] = values[i];
	for (size_t trial = 0; trial < 5 * SLOW_FORKS; trial++) {
		const size_t rounds = rounds_of[trial % 5];
		size_t start[SLOW_FORKS + 1] = {0};
		const struct stats_design design = {1 + trial / 5, start};
		struct stats_estimate e[SLOW_SERIES], again[SLOW_SERIES];
		struct stats_rng draws;

		for (size_t f = 0; f < design.forks; f++)
			start[f + 1] = start[f] + 1 + stats_rng_below(&rng, SLOW_SIZE);
		fill_oddly(&rng, start, design.forks, values);
		stats_bootstrap(&design, series, SLOW_SERIES, (uint32_t)rounds, trial, e, got);
		stats_rng_seed(&draws, trial);
		for (size_t k = 0; k < rounds; k++)
			slow_round(&design, series, e, &draws, rounds, slow + k);
		for (size_t i = 0; i < SLOW_SERIES * rounds; i++) {
			if (!isnan(got[i]) || !isnan(slow[i])) /* no value at all */
				near(got[i], slow[i], 0);
		}
		for (size_t i = 0; i < SLOW_SERIES; i++) {
			const size_t cut = rounds / 40;

			if (!isfinite(e[i].lo))
				continue;
			qsort(slow + i * rounds, rounds, sizeof(*slow), stats_ascending);
			near(e[i].lo, slow[i * rounds + cut], 0);
			near(e[i].hi, slow[i * rounds + rounds - 1 - cut], 0);
		}
		/* Without room for the replicates the estimates are the same. */
		stats_bootstrap(&design, series, SLOW_SERIES, (uint32_t)rounds, trial, again, NULL);
		assert_memory_equal(e, again, sizeof(e));
	}
}

static void point_is_hl_of_fork_medians(NO_STATE)
{
	/* Fork medians 1, 2 and 10, with a missing block in the last fork. */
	const double values[] = {0, 1, 7, 2, 2, 3, 9, 11, NAN};
	const size_t start[] = {0, 3, 6, 9};
	const struct stats_design design = {3, start};
	const double *const series[] = {values};
	struct stats_estimate estimate;

	stats_bootstrap(&design, series, 1, 100, 1, &estimate, NULL);
	near(estimate.point, 3.75, 1e-12);
	assert_true(isfinite(estimate.lo) && isfinite(estimate.hi));
}

static void little_evidence_has_no_interval(NO_STATE)
{
	const double values[] = {1, 1, 1, 1, 1, NAN}, none[] = {NAN, NAN, NAN, NAN, NAN, NAN};
	const size_t start[] = {0, 3, 6};
	const struct stats_design design = {2, start};
	const double *const series[] = {values, none};
	struct stats_estimate estimates[2];

	stats_bootstrap(&design, series, 2, 100, 1, estimates, NULL);
	near(estimates[0].point, 1, 0);
	assert_true(isinf(estimates[0].lo) && isinf(estimates[0].hi));
	assert_int_equal(
		stats_verdict(&estimates[0], log1p(STATS_MARGIN), 0.001), STATS_INCONCLUSIVE);
	assert_true(isnan(estimates[1].point) && isnan(estimates[1].lo));
	assert_int_equal(
		stats_verdict(&estimates[1], log1p(STATS_MARGIN), 0.001), STATS_INCONCLUSIVE);
}

static void same_seed_same_digits(NO_STATE)
{
	double values[FORKS * BLOCKS];
	const struct stats_design design = {FORKS, design_start()};
	const double *const series[] = {values};
	struct stats_estimate a, b, c;
	struct stats_rng rng;

	stats_rng_seed(&rng, test_seed);
	fill(&rng, 0.1, 0.01, 0.05, values);
	stats_bootstrap(&design, series, 1, 500, 7, &a, NULL);
	stats_bootstrap(&design, series, 1, 500, 7, &b, NULL);
	stats_bootstrap(&design, series, 1, 500, 8, &c, NULL);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.lo != c.lo || a.hi != c.hi);
}

/*
 * The interval must contain the truth about as often as it says although the forks' luck is as
 * large as the blocks' noise; with ten forks a percentile bootstrap stays a little short of 95 %.
 */
static void bootstrap_covers(NO_STATE)
{
	enum { TRIALS = 300 };

	const struct stats_design design = {FORKS, design_start()};
	double values[FORKS * BLOCKS];
	const double *const series[] = {values};
	struct stats_rng rng;
	int covered = 0;

	stats_rng_seed(&rng, test_seed);
	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_estimate e;

		fill(&rng, 0.05, 0.02, 0.02, values);
		stats_bootstrap(&design, series, 1, 400, (uint64_t)trial, &e, NULL);
		covered += e.lo <= 0.05 && 0.05 <= e.hi;
	}
	print_message("seed %llu: %d of %d intervals cover\n", (unsigned long long)test_seed,
		covered, TRIALS);
	assert_in_range((unsigned)covered, TRIALS * 88 / 100, TRIALS * 99 / 100);
}

/*
 * The least of four equal series lies below the truth, since it was chosen for that. How often the
 * upper end of its interval still holds: as stats_chosen makes it, about as often as it says; by the
 * percentiles of its own replicates, less; by those of the least of each round, hardly at all.
 */
static void the_chosen_one_is_covered(NO_STATE)
{
	enum { TRIALS = 300, EQUALS = 4, ROUNDS = 400 };

	const struct stats_design design = {FORKS, design_start()};
	static double values[EQUALS][FORKS * BLOCKS], replicates[EQUALS * ROUNDS];
	const double *series[EQUALS];
	struct stats_rng rng;
	int held = 0, own_held = 0, least_held = 0;

	stats_rng_seed(&rng, test_seed);
	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_estimate e[EQUALS], chosen, least;
		double rounds[ROUNDS];
		size_t at = 0;

		for (int i = 0; i < EQUALS; i++) {
			fill(&rng, 0.05, 0.02, 0.02, values[i]);
			series[i] = values[i];
		}
		stats_bootstrap(&design, series, EQUALS, ROUNDS, (uint64_t)trial, e, replicates);
		for (size_t i = 1; i < EQUALS; i++)
			at = e[i].point < e[at].point ? i : at;
		for (int k = 0; k < ROUNDS; k++) {
			rounds[k] = replicates[k];
			for (int i = 1; i < EQUALS; i++)
				rounds[k] = fmin(rounds[k], replicates[i * ROUNDS + k]);
		}
		least = e[at];
		stats_percentiles(rounds, ROUNDS, &least);
		stats_chosen(e, replicates, EQUALS, ROUNDS, at, &chosen);
		held += chosen.lo <= 0.05 && 0.05 <= chosen.hi;
		own_held += e[at].lo <= 0.05 && 0.05 <= e[at].hi;
		least_held += least.lo <= 0.05 && 0.05 <= least.hi;

		/* One alone is not chosen: its interval is the percentiles'. */
		stats_chosen(e, replicates, 1, ROUNDS, 0, &chosen);
		assert_memory_equal(&chosen, &e[0], sizeof(chosen));
	}
	print_message("seed %llu: of %d intervals %d cover, of its own %d, of the least %d\n",
		(unsigned long long)test_seed, TRIALS, held, own_held, least_held);
	assert_in_range((unsigned)held, TRIALS * 92 / 100, TRIALS * 99 / 100);
	assert_true(own_held < held);
	assert_true(least_held < TRIALS * 60 / 100);
}

/* Identical code is never called faster or slower, and is found equivalent where noise is low. */
static void a_against_a_is_never_faster(NO_STATE)
{
	enum { TRIALS = 200 };

	const struct stats_design design = {FORKS, design_start()};
	double effect[FORKS * BLOCKS], twin[FORKS * BLOCKS];
	const double *const series[] = {effect, twin};
	struct stats_rng rng;
	int verdicts[4] = {0};

	stats_rng_seed(&rng, test_seed);
	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_estimate e[2];
		const double noise = trial % 2 ? 0.02 : 0.10;

		fill(&rng, 0, noise / 4, noise, effect);
		fill(&rng, 0, noise / 4, noise, twin);
		stats_bootstrap(&design, series, 2, 400, (uint64_t)trial, e, NULL);
		verdicts[stats_verdict(&e[0], log1p(STATS_MARGIN), stats_floor(&e[1]))]++;
	}
	assert_int_equal(verdicts[STATS_FASTER] + verdicts[STATS_SLOWER], 0);
	assert_true(verdicts[STATS_EQUIVALENT] >= TRIALS / 2);
}

static void five_per_cent_is_found(NO_STATE)
{
	enum { TRIALS = 100 };

	const struct stats_design design = {FORKS, design_start()};
	double effect[FORKS * BLOCKS], twin[FORKS * BLOCKS];
	const double *const series[] = {effect, twin};
	struct stats_rng rng;
	int found = 0;

	stats_rng_seed(&rng, test_seed);
	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_estimate e[2];

		fill(&rng, log(1.05), 0.004, 0.02, effect);
		fill(&rng, 0, 0.004, 0.02, twin);
		stats_bootstrap(&design, series, 2, 400, (uint64_t)trial, e, NULL);
		found += stats_verdict(&e[0], log1p(STATS_MARGIN), stats_floor(&e[1])) ==
			 STATS_SLOWER;
	}
	assert_in_range((unsigned)found, TRIALS * 95 / 100, TRIALS);
}

static void simultaneous_bounds_are_wider(NO_STATE)
{
	const struct stats_design design = {FORKS, design_start()};
	double values[SERIES_MAX][FORKS * BLOCKS], scale[SERIES_MAX * SERIES_MAX];
	const double *const series[] = {values[0], values[1], values[2], values[3]};
	struct stats_estimate e[SERIES_MAX];
	double *replicates = calloc(SERIES_MAX * 2000, sizeof(*replicates));
	struct stats_rng rng;

	assert_non_null(replicates);
	stats_rng_seed(&rng, test_seed);
	for (int i = 0; i < SERIES_MAX; i++)
		fill(&rng, i * 0.1, 0.005, 0.02, values[i]);
	stats_bootstrap(&design, series, SERIES_MAX, 2000, 3, e, replicates);

	const double against_best =
		stats_simultaneous(e, replicates, SERIES_MAX, 2000, 0, 0, scale);
	const double single = scale[1 * SERIES_MAX + 0];

	assert_true(single > 0);
	near(scale[0 * SERIES_MAX + 1], single, 0);
	near(scale[2 * SERIES_MAX + 1], 0, 0);

	const double all = stats_simultaneous(e, replicates, SERIES_MAX, 2000, 1, 0, scale);

	/* One comparison needs 1.96 deviations; three, and then six, need more. */
	assert_true(against_best > 1.96 && against_best < 3);
	assert_true(all > against_best && all < 3.5);
	near(stats_simultaneous(e, replicates, 1, 2000, 1, 0, scale), 0, 0);
	free(replicates);
}

/* Forty rounds: 97.5 % of them are all but the greatest. */
static void behind_by_hand(NO_STATE)
{
	enum { ROUNDS = 40 };
	double replicates[3 * ROUNDS], behind[3];

	for (int k = 0; k < ROUNDS; k++) {
		replicates[k] = 1;                           /* steady */
		replicates[ROUNDS + k] = k < 30 ? 0.9 : 2;   /* ahead in most rounds, by luck */
		replicates[2 * ROUNDS + k] = k == 7 ? 9 : 1; /* far behind in one round only */
	}
	stats_behind(replicates, 3, ROUNDS, behind);
	near(behind[0], 0.1, 1e-12);
	near(behind[1], 1, 1e-12);
	near(behind[2], 0.1, 1e-12);
	/* Alone, one is never behind. */
	stats_behind(replicates, 1, ROUNDS, behind);
	near(behind[0], 0, 0);
}

static void verdict_truth_table(NO_STATE)
{
	const double d = log1p(STATS_MARGIN), small = 0.005, large = 0.10;
	const struct {
		double lo, hi, floor_log;
		enum stats_verdict want;
	} rows[] = {
		{0.04, 0.06, small, STATS_SLOWER},
		{-0.06, -0.04, small, STATS_FASTER},
		{-0.01, 0.02, small, STATS_EQUIVALENT},
		{-0.01, 0.02, large, STATS_INCONCLUSIVE}, /* the floor is above the margin */
		{-0.01, 0.02, NAN, STATS_INCONCLUSIVE},   /* and where there is none */
		{0.04, 0.06, large, STATS_INCONCLUSIVE},  /* no verdict finer than the floor */
		{0.11, 0.20, large, STATS_SLOWER},
		{-0.20, -0.11, large, STATS_FASTER},
		{0.02, 0.06, small, STATS_INCONCLUSIVE}, /* straddles the margin */
		{-0.05, 0.05, small, STATS_INCONCLUSIVE},
		{0.04, 0.06, NAN, STATS_SLOWER},
		{0.005, 0.02, small, STATS_EQUIVALENT}, /* excludes 1, yet too small to matter */
		{-INFINITY, INFINITY, small, STATS_INCONCLUSIVE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct stats_estimate e = {
			(rows[i].lo + rows[i].hi) / 2, rows[i].lo, rows[i].hi};

		if (stats_verdict(&e, d, rows[i].floor_log) != rows[i].want)
			fail_msg("row %zu: got %s", i,
				stats_verdict_name(stats_verdict(&e, d, rows[i].floor_log)));
	}
}

static void floor_and_blocks_by_hand(NO_STATE)
{
	const struct stats_estimate shifted = {0.02, 0.015, 0.025}, wide = {0.001, -0.04, 0.05},
				    none = {0.5, -INFINITY, INFINITY};
	/* Half-width 0.04, 0.02 from the margin of 0.03: the width must halve, so 4 times the blocks. */
	const struct stats_estimate near_margin = {0.05, 0.01, 0.09};

	near(stats_floor(&shifted), 0.02, 1e-12);
	near(stats_floor(&wide), 0.045, 1e-12);
	assert_true(isnan(stats_floor(&none)));
	near((double)stats_blocks_needed(&near_margin, 0.03, 0.01, 100), 300, 1);
	assert_int_equal(stats_blocks_needed(&shifted, 0.03, 0.01, 100), 0);
	assert_int_equal(stats_blocks_needed(&none, 0.03, 0.01, 100), 0);
}

static void mann_whitney_by_hand(NO_STATE)
{
	const double low[] = {1, 2, 3, 4, 5, NAN}, high[] = {6, 7, 8, 9, 10}, same[] = {1, 1};

	/* U = 0, mean 12.5, sd sqrt(5 * 5 * 11 / 12) = 4.787; z = (12.5 - 0.5) / 4.787 = 2.507. */
	near(stats_mann_whitney(low, 6, high, 5), 0.0122, 0.0002);
	near(stats_mann_whitney(high, 5, low, 6), 0.0122, 0.0002);
	assert_true(isnan(stats_mann_whitney(same, 2, same, 2)));
	assert_true(isnan(stats_mann_whitney(low, 0, high, 5)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xoshiro_matches_its_reference),
		cmocka_unit_test(below_is_uniform_and_in_range),
		cmocka_unit_test(medians_by_hand),
		cmocka_unit_test(hodges_lehmann_by_hand),
		cmocka_unit_test(hodges_lehmann_is_the_median_of_all_averages),
		cmocka_unit_test(bootstrap_is_what_a_slow_one_gives),
		cmocka_unit_test(point_is_hl_of_fork_medians),
		cmocka_unit_test(little_evidence_has_no_interval),
		cmocka_unit_test(same_seed_same_digits),
		cmocka_unit_test(bootstrap_covers),
		cmocka_unit_test(the_chosen_one_is_covered),
		cmocka_unit_test(a_against_a_is_never_faster),
		cmocka_unit_test(five_per_cent_is_found),
		cmocka_unit_test(simultaneous_bounds_are_wider),
		cmocka_unit_test(behind_by_hand),
		cmocka_unit_test(verdict_truth_table),
		cmocka_unit_test(floor_and_blocks_by_hand),
		cmocka_unit_test(mann_whitney_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
