/* The statistics against values worked out by hand, and against data whose truth is known. */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/analysis/near.h"
#include "bench/analysis/stats.h"
#include "bench/analysis/synthetic_random.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORKS = 10, BLOCKS = 20 };

static const uint64_t test_seed = UINT64_C(20240131);

static const size_t *design_start(void)
{
	static size_t start[FORKS + 1];

	for (size_t f = 0; f <= FORKS; f++)
		start[f] = f * BLOCKS;
	return start;
}

/* A series with a true effect, luck that a fork's blocks share, and noise of each block. */
static void fill(
	struct synthetic_random *rng, double effect, double fork_sd, double block_sd, double *out)
{
	for (size_t f = 0; f < FORKS; f++) {
		const double luck = fork_sd * synthetic_normal(rng);

		for (size_t b = 0; b < BLOCKS; b++)
			out[f * BLOCKS + b] = effect + luck + block_sd * synthetic_normal(rng);
	}
}

static void xoshiro_matches_its_reference(NO_STATE)
{
	/* First outputs for the state {1, 2, 3, 4}, worked out from the published algorithm. */
	struct synthetic_random rng = {{1, 2, 3, 4}};

	assert_int_equal(synthetic_next(&rng), 11520);
	assert_int_equal(synthetic_next(&rng), 0);
	assert_int_equal(synthetic_next(&rng), 1509978240);
	assert_int_equal(synthetic_next(&rng), UINT64_C(1215971899390074240));
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

/* Tables of Student's t: two-sided 95 % and 99.9 %, for odd and even degrees, few and many. */
static void t_is_the_tables(NO_STATE)
{
	static const struct {
		size_t freedom;
		double t95, t999;
	} rows[] = {{1, 12.7062, 636.6193}, {2, 4.3027, 31.5991}, {3, 3.1824, 12.9240},
		{5, 2.5706, 6.8688}, {8, 2.3060, 5.0413}, {9, 2.2622, 4.7809}, {30, 2.0423, 3.6460},
		{1000, 1.9623, 3.3003}};

	for (size_t i = 0; i < array_count(rows); i++) {
		near(stats_t_quantile(0.025, rows[i].freedom), rows[i].t95, 1e-4);
		near(stats_t_quantile(0.0005, rows[i].freedom), rows[i].t999, 1e-4);
		near(stats_t_tail(rows[i].t95, rows[i].freedom), 0.025, 1e-5);
		near(stats_t_tail(-rows[i].t95, rows[i].freedom), 0.975, 1e-5);
		near(stats_t_tail(0, rows[i].freedom), 0.5, 0);
	}
}

/* Fork medians 1, 2 and 10, with a missing block in the last fork. */
static void estimates_by_hand(NO_STATE)
{
	const double values[] = {0, 1, 7, 2, 2, 3, 9, 11, NAN};
	const size_t start[] = {0, 3, 6, 9};
	const struct stats_design design = {3, start};
	const double *const series[] = {values};
	struct stats_estimate e;
	double medians[3];

	stats_estimates(&design, series, 1, &e, medians);
	near(medians[0], 1, 0);
	near(medians[1], 2, 0);
	near(medians[2], 10, 0);
	near(e.point, 3.75, 1e-12);
	assert_int_equal(e.forks, 3);
	/* Their mean is 13/3, their squares about it 48 2/3. */
	near(e.error, sqrt((48 + 2.0 / 3) / 2 / 3), 1e-12);
	near(e.hi - e.point, 4.3027 * e.error, 1e-3);
	near(e.point - e.lo, 4.3027 * e.error, 1e-3);
	/* Of three that might have been chosen each has a third of the error. */
	e = stats_chosen(&e, 3);
	near((e.hi - e.point) / e.error, stats_t_quantile(0.025 / 3, 2), 1e-12);
}

static void few_forks_have_no_interval(NO_STATE)
{
	const double values[] = {1, 1, 1, 1, 1, NAN}, none[] = {NAN, NAN, NAN, NAN, NAN, NAN};
	const size_t start[] = {0, 3, 6};
	const struct stats_design design = {2, start};
	const double *const series[] = {values, none};
	struct stats_estimate estimates[2];

	stats_estimates(&design, series, 2, estimates, NULL);
	near(estimates[0].point, 1, 0);
	assert_true(isinf(estimates[0].lo) && isinf(estimates[0].hi));
	assert_int_equal(
		stats_verdict(&estimates[0], log1p(STATS_MARGIN), 0.001), STATS_INCONCLUSIVE);
	assert_true(isnan(estimates[1].point) && isnan(estimates[1].lo));
	assert_int_equal(
		stats_verdict(&estimates[1], log1p(STATS_MARGIN), 0.001), STATS_INCONCLUSIVE);
}

/* A block's noise; where it is disturbed, one in ten is far out on either side. */
static double noise(struct synthetic_random *rng, bool disturbed)
{
	const bool out = disturbed && synthetic_uniform(rng) < 0.1;

	return synthetic_normal(rng) * (out ? 8 : 1);
}

/* In how many per cent of the trials the interval of so many forks holds the truth, which is 0. */
static double coverage(
	struct synthetic_random *rng, size_t forks, size_t blocks, double fork_sd, bool disturbed)
{
	enum { TRIALS = 2500 };
	size_t start[FORKS + 3] = {0};
	double values[(FORKS + 2) * BLOCKS];
	const double *const series[] = {values};
	const struct stats_design design = {forks, start};
	int covered = 0;

	for (size_t f = 0; f < forks; f++)
		start[f + 1] = start[f] + blocks;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_estimate e;

		for (size_t f = 0; f < forks; f++) {
			const double luck = fork_sd * synthetic_normal(rng);

			for (size_t b = start[f]; b < start[f + 1]; b++)
				values[b] = luck + noise(rng, disturbed);
		}
		stats_estimates(&design, series, 1, &e, NULL);
		covered += e.lo <= 0 && 0 <= e.hi;
	}
	return 100.0 * covered / TRIALS;
}

/*
 * An interval holds the truth as often as it says, 95 %: with 3 to 12 forks, with few blocks and many, with forks
 * that are alike, that differ as much as their blocks' medians, and that differ by far more.
 */
static void intervals_cover(NO_STATE)
{
	static const size_t forks_of[] = {3, 4, 6, 9, 12}, blocks_of[] = {3, 8};
	static const double luck_of[] = {0, 0.4, 5};
	struct synthetic_random rng = synthetic_random(test_seed);

	print_message("seed %llu. Of 2500 intervals so many per cent hold the truth\n"
		      "blocks  forks differ  disturbed      3      4      6      9     12 forks\n",
		(unsigned long long)test_seed);
	for (size_t b = 0; b < array_count(blocks_of); b++) {
		for (size_t l = 0; l < 2 * array_count(luck_of); l++) {
			const double luck = luck_of[l / 2];

			print_message(
				"%6zu  %12.1f  %-9s", blocks_of[b], luck, l % 2 ? "yes" : "no");
			for (size_t f = 0; f < array_count(forks_of); f++) {
				const double held =
					coverage(&rng, forks_of[f], blocks_of[b], luck, l % 2 == 1);

				print_message("  %5.1f", held);
				assert_true(held >= 93 && held <= 97);
			}
			print_message("\n");
		}
	}
}

/*
 * The least of four equal series lies below the truth, since it was chosen for that. How often the
 * interval still holds: as stats_chosen makes it, about as often as it says; its own, less.
 */
static void the_chosen_one_is_covered(NO_STATE)
{
	enum { TRIALS = 1000, EQUALS = 4 };

	const struct stats_design design = {FORKS, design_start()};
	static double values[EQUALS][FORKS * BLOCKS];
	const double *series[EQUALS];
	struct synthetic_random rng = synthetic_random(test_seed);
	int held = 0, own_held = 0;

	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_estimate e[EQUALS], chosen;
		double medians[EQUALS * FORKS];
		size_t at = 0;

		for (int i = 0; i < EQUALS; i++) {
			fill(&rng, 0.05, 0.02, 0.02, values[i]);
			series[i] = values[i];
		}
		stats_estimates(&design, series, EQUALS, e, medians);
		for (size_t i = 1; i < EQUALS; i++)
			at = e[i].point < e[at].point ? i : at;
		chosen = stats_chosen(&e[at], stats_rivals(medians, EQUALS, FORKS, at));
		held += chosen.lo <= 0.05 && 0.05 <= chosen.hi;
		own_held += e[at].lo <= 0.05 && 0.05 <= e[at].hi;
		near(stats_chosen(&e[at], 1).hi, e[at].hi, 0);
	}
	print_message("seed %llu: of %d intervals %d cover, of its own %d\n",
		(unsigned long long)test_seed, TRIALS, held, own_held);
	assert_in_range((unsigned)held, TRIALS * 92 / 100, TRIALS * 99 / 100);
	assert_true(own_held < held);
}

/* Three rows that move together by far more than they differ: a pair of them is told apart all the same. */
static void pairs_by_hand(NO_STATE)
{
	const double medians[] = {1, 5, 9, 13, 2, 6.1, 10, 14, 1.2, 4.8, 9.1, 13, NAN, 5, 9, 13};
	const struct stats_estimate e = stats_paired(medians + 4, medians, 4);
	double behind[4];

	near(e.point, 1, 1e-12);
	assert_true(e.lo > 0.9 && e.hi < 1.2);
	assert_int_equal(stats_paired(medians + 12, medians, 4).forks, 3);
	/* The third is a rival of the first, the second is not; none tells the fourth apart. */
	assert_int_equal(stats_rivals(medians, 3, 4, 0), 2);
	assert_int_equal(stats_rivals(medians, 4, 4, 0), 3);
	assert_int_equal(stats_rivals(medians, 1, 4, 0), 1);

	stats_behind(medians, 3, 4, 0, 9, behind);
	/* Behind its one rival by what the interval of one comparison leaves; and the second by at least 0.8. */
	near(behind[0], stats_paired(medians, medians + 8, 4).hi, 1e-12);
	assert_true(behind[1] > 0.8 && behind[1] < 2);
	near(behind[2], stats_paired(medians + 8, medians, 4).hi, 1e-12);
	/* How far it is ahead in one fork does not matter beyond a limit: here the bound is that of no difference. */
	stats_behind((double[]){0, 0, 0, 0, 0, 0, 0, 9}, 2, 4, 0, 0, behind);
	near(behind[0], 0, 0);
	assert_true(behind[1] > 7);
	/* Alone, one is never behind. */
	stats_behind(medians, 1, 4, 0, 9, behind);
	near(behind[0], 0, 0);
}

/* In their order: within a fifth of the error, a quarter, a third, a half; and the last is not within the whole. */
static void holm_by_hand(NO_STATE)
{
	const struct stats_claim claims[] = {{STATS_SLOWER, 0.02}, {STATS_FASTER, 0.005},
		{STATS_INCONCLUSIVE, NAN}, {STATS_EQUIVALENT, 0.011}, {STATS_SLOWER, 0.012},
		{STATS_INCONCLUSIVE, 1}};
	bool made[array_count(claims)];

	stats_holm(claims, array_count(claims), STATS_ERROR, made);
	assert_true(made[1] && made[3] && made[4] && made[0]);
	assert_false(made[2] || made[5]);
	/* The first that is not within its share ends it, whatever comes behind. */
	stats_holm(claims, array_count(claims), 0.04, made);
	assert_true(made[1]);
	assert_false(made[0] || made[3] || made[4]);
}

/* Of a hundred comparisons of equals some interval excludes 0 nearly always; a claim is made one time in twenty. */
static void a_page_of_equals_claims_nothing(NO_STATE)
{
	enum { TRIALS = 300, ROWS = 100, PAGE_FORKS = 6 };
	struct synthetic_random rng = synthetic_random(test_seed);
	int wrong = 0, alone = 0;

	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_claim claims[ROWS];
		bool made[ROWS], any = false, any_alone = false;

		for (int i = 0; i < ROWS; i++) {
			double values[PAGE_FORKS];

			for (int f = 0; f < PAGE_FORKS; f++)
				values[f] = 0.02 * synthetic_normal(&rng);

			const struct stats_estimate e = stats_of_forks(values, PAGE_FORKS);

			claims[i] = stats_claim(&e, 0, NAN);
			any_alone |= claims[i].chance <= STATS_ERROR;
		}
		stats_holm(claims, ROWS, STATS_ERROR, made);
		for (int i = 0; i < ROWS; i++)
			any |= made[i];
		wrong += any;
		alone += any_alone;
	}
	print_message("seed %llu: of %d pages %d say something wrong, without control %d\n",
		(unsigned long long)test_seed, TRIALS, wrong, alone);
	assert_true(wrong <= TRIALS * 9 / 100);
	assert_true(alone >= TRIALS * 95 / 100);
}

/* Identical code is never called faster or slower, and is found equivalent where noise is low. */
static void a_against_a_is_never_faster(NO_STATE)
{
	enum { TRIALS = 200 };

	const struct stats_design design = {FORKS, design_start()};
	double effect[FORKS * BLOCKS], twin[FORKS * BLOCKS];
	const double *const series[] = {effect, twin};
	struct synthetic_random rng;
	int verdicts[4] = {0};

	rng = synthetic_random(test_seed);
	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_estimate e[2];
		const double noise = trial % 2 ? 0.02 : 0.10;

		fill(&rng, 0, noise / 4, noise, effect);
		fill(&rng, 0, noise / 4, noise, twin);
		stats_estimates(&design, series, 2, e, NULL);
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
	struct synthetic_random rng;
	int found = 0;

	rng = synthetic_random(test_seed);
	for (int trial = 0; trial < TRIALS; trial++) {
		struct stats_estimate e[2];

		fill(&rng, log(1.05), 0.004, 0.02, effect);
		fill(&rng, 0, 0.004, 0.02, twin);
		stats_estimates(&design, series, 2, e, NULL);
		found += stats_verdict(&e[0], log1p(STATS_MARGIN), stats_floor(&e[1])) ==
			 STATS_SLOWER;
	}
	assert_in_range((unsigned)found, TRIALS * 95 / 100, TRIALS);
}

/* One of six forks with that interval; infinite: of two. */
static struct stats_estimate estimate(double lo, double hi)
{
	const double half = (hi - lo) / 2;

	return isinf(lo) ? (struct stats_estimate){0.5, lo, hi, NAN, 2}
			 : (struct stats_estimate){
				   (lo + hi) / 2, lo, hi, half / stats_t_quantile(0.025, 5), 6};
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
		const struct stats_estimate e = estimate(rows[i].lo, rows[i].hi);

		if (stats_verdict(&e, d, rows[i].floor_log) != rows[i].want)
			fail_msg("row %zu: got %s", i,
				stats_verdict_name(stats_verdict(&e, d, rows[i].floor_log)));
	}
}

static void floor_and_forks_by_hand(NO_STATE)
{
	const struct stats_estimate shifted = estimate(0.015, 0.025), wide = estimate(-0.04, 0.05),
				    none = estimate(-INFINITY, INFINITY);
	/* Half-width 0.04, 0.02 from the margin of 0.03: the width must halve, so 4 times the forks. */
	const struct stats_estimate near_margin = estimate(0.01, 0.09);

	near(stats_floor(&shifted), 0.02, 1e-12);
	near(stats_floor(&wide), 0.045, 1e-12);
	assert_true(isnan(stats_floor(&none)));
	near((double)stats_forks_needed(&near_margin, 0.03, 0.01), 18, 1);
	assert_int_equal(stats_forks_needed(&shifted, 0.03, 0.01), 0);
	assert_int_equal(stats_forks_needed(&none, 0.03, 0.01), 0);
}

/* Welch and Satterthwaite, of variances 1 and 4 with 2 and 5 degrees: 25 / (1/2 + 16/5) = 6.76. */
static void difference_by_hand(NO_STATE)
{
	const struct stats_estimate x = {10, 6, 14, 1, 3}, y = {7, 4, 10, 2, 6};
	const struct stats_estimate e = stats_difference(x, y), none = {1, 0, 2, NAN, 0};

	near(e.point, 3, 0);
	near(e.lo, -2, 1e-12);
	near(e.hi, 8, 1e-12);
	near(e.error, sqrt(5), 1e-12);
	assert_int_equal(e.forks, 7);
	assert_int_equal(stats_difference(x, none).forks, 0);
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
		cmocka_unit_test(medians_by_hand),
		cmocka_unit_test(hodges_lehmann_by_hand),
		cmocka_unit_test(t_is_the_tables),
		cmocka_unit_test(estimates_by_hand),
		cmocka_unit_test(few_forks_have_no_interval),
		cmocka_unit_test(intervals_cover),
		cmocka_unit_test(the_chosen_one_is_covered),
		cmocka_unit_test(pairs_by_hand),
		cmocka_unit_test(holm_by_hand),
		cmocka_unit_test(a_page_of_equals_claims_nothing),
		cmocka_unit_test(a_against_a_is_never_faster),
		cmocka_unit_test(five_per_cent_is_found),
		cmocka_unit_test(verdict_truth_table),
		cmocka_unit_test(floor_and_forks_by_hand),
		cmocka_unit_test(difference_by_hand),
		cmocka_unit_test(mann_whitney_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
