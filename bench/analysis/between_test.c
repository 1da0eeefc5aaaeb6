/* Two runs: equals raise no alarm, a change is found. */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/analysis/between.h"
#include "bench/analysis/near.h"
#include "bench/analysis/synthetic_random.h"

enum { CELLS = 6, ROWS_MOST = 30, FORKS = 6 };

static const double margin = 0.0296;

/* What differs in a pair of runs, as standard deviations of logarithms. */
struct world {
	const char *name;
	size_t rows;     /* a cell */
	double fork;     /* of a fork's median */
	double together; /* all rows of a cell, from run to run */
	double each;     /* each row, from run to run */
	bool tails;      /* some runs of a row are far out */
};

static const struct world worlds[] = {
	{"quiet", 30, 0.01, 0, 0, false},
	{"forks differ", 30, 0.10, 0, 0, false},
	{"runs differ", 30, 0.02, 0, 0.10, false},
	{"few rows", 6, 0.02, 0, 0.10, false},
	{"one row a cell", 1, 0.02, 0, 0.10, false},
	{"the machine changed", 30, 0.02, 0.5, 0.05, false},
	{"a wild run now and then", 30, 0.02, 0.1, 0.05, true},
};

static struct stats_estimate run_of(
	struct synthetic_random *rng, const struct world *w, double together, double truth)
{
	double values[FORKS], each = w->each * synthetic_normal(rng);

	if (w->tails && synthetic_uniform(rng) < 0.02)
		each *= 2;
	for (int f = 0; f < FORKS; f++)
		values[f] = truth + together + each + w->fork * synthetic_normal(rng);
	return stats_of_forks(values, FORKS);
}

/* A pair of runs, in the second of which the first row of the first cell takes `changed` longer. */
static size_t pair_of(struct synthetic_random *rng, const struct world *w, double changed,
	double error, struct between_row *rows)
{
	size_t n = 0;

	for (size_t c = 0; c < CELLS; c++) {
		const double a = w->together * synthetic_normal(rng),
			     b = w->together * synthetic_normal(rng);

		for (size_t i = 0; i < w->rows; i++) {
			const struct stats_estimate x = run_of(rng, w, a, 3);
			const struct stats_estimate y =
				run_of(rng, w, b, 3 + (n == 0 ? changed : 0));

			rows[n++] = (struct between_row){.cell = c,
				.group = c % 2,
				.effect = stats_difference(y, x),
				.floor_log = 0.01};
		}
	}
	between_runs(rows, n, margin, error);
	return n;
}

static bool alarms(const struct between_row *rows, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= rows[i].made && rows[i].claim.verdict != STATS_EQUIVALENT;
	return any;
}

/* Of a hundred pairs of runs of the same program at most one raises an alarm, whatever varies. */
static void equals_raise_no_alarm(NO_STATE)
{
	enum { PAIRS = 200 };
	static struct between_row rows[CELLS * ROWS_MOST];

	for (size_t w = 0; w < array_count(worlds); w++) {
		struct synthetic_random rng = synthetic_random(7);
		int alarmed = 0, alone = 0;

		for (int pair = 0; pair < PAIRS; pair++) {
			const size_t n = pair_of(&rng, &worlds[w], 0, 0.01, rows);
			bool any = false;

			alarmed += alarms(rows, n);
			for (size_t i = 0; i < n; i++) {
				const enum stats_verdict v =
					stats_verdict(&rows[i].effect, margin, 0.01);

				any |= v == STATS_FASTER || v == STATS_SLOWER;
			}
			alone += any;
		}
		print_message("%s: of %d pairs %d raise an alarm, row by row %d would\n",
			worlds[w].name, PAIRS, alarmed, alone);
		assert_true(alarmed <= PAIRS / 100);
		/* The negative control: without all this nearly each would, where runs differ. */
		assert_true(worlds[w].each == 0 || alone > PAIRS / 2);
	}
}

/* One row of 180 that takes 1.7 times as long is found, where runs differ by less. */
static void a_change_is_found(NO_STATE)
{
	enum { PAIRS = 100 };
	static struct between_row rows[CELLS * ROWS_MOST];
	struct synthetic_random rng = synthetic_random(8);
	const struct world w = {"calm", 30, 0.02, 0, 0.02, false};
	int found = 0;

	for (int pair = 0; pair < PAIRS; pair++) {
		pair_of(&rng, &w, log(1.7), 0.01, rows);
		found += rows[0].made && rows[0].claim.verdict == STATS_SLOWER;
	}
	print_message("found %d of %d\n", found, PAIRS);
	assert_true(found >= PAIRS * 95 / 100);
}

/* Four rows tell nothing of runs, five do; and by hand: five effects of 0.1 with no error of their own. */
static void few_rows_claim_nothing(NO_STATE)
{
	struct between_row rows[5];

	for (size_t n = 4; n <= 5; n++) {
		for (size_t i = 0; i < n; i++)
			rows[i] = (struct between_row){.group = 1,
				.effect = {i % 2 ? 0.1 : -0.1, -0.2, 0.2, 0, FORKS},
				.floor_log = 0.01};
		between_runs(rows, n, margin, STATS_ERROR);
		assert_false(alarms(rows, n));
		if (n == 4)
			assert_true(isnan(rows[0].runs) && isinf(rows[0].all.hi));
		else
			near(rows[0].runs, 0.1 / sqrt(0.4549), 1e-6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_raise_no_alarm),
		cmocka_unit_test(a_change_is_found),
		cmocka_unit_test(few_rows_claim_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
