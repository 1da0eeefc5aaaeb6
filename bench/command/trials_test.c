/*
 * Trials whose truth is drawn: a sound instrument passes, and each way of breaking it is noticed. The
 * selftest itself measures a machine, and is run by hand.
 */
#include "bench/command/trials.h"

#include "alloc/machine/cmocka.h"
#include "bench/base/splitmix.h"

#include <math.h>

enum { FORKS = 12, BLOCKS = 4 };

/* What is drawn, as shares of a unit's time: standard deviations, but for `slower` and `warming`. */
struct drawn {
	double slower;  /* the second row */
	double luck;    /* of a row in a fork */
	double noise;   /* of a slice */
	double weather; /* of a block: it meets both rows */
	double warming; /* the machine becomes slower by so much in a fork */
	bool unpaired;  /* all slices of the first row come before those of the second */
	bool one_fork;  /* what is called forks are the same processes over and over */
	bool mute;      /* no slice has a figure */
	double spoilt;  /* share of the slices that take twice as long, and say so by their flag */
	unsigned forks; /* so far */
	double kept[2]; /* the luck of a trial's first fork */
};

/* From 0 to 1, evenly. */
static double even(uint64_t *state)
{
	*state += SPLITMIX_STEP;
	return (double)splitmix(*state) / 0x1p64;
}

/* From -3.46 to 3.46 with deviation 1, nearly normal: of four even ones. */
static double draw(uint64_t *state)
{
	double sum = 0;

	for (int i = 0; i < 4; i++)
		sum += even(state) - 0.5;
	return sum * sqrt(3);
}

static bool measure(void *source, uint64_t seed, struct trials_block *blocks, unsigned n)
{
	struct drawn *self = source;
	uint64_t state = seed;
	double luck[2];

	for (int side = 0; side < 2; side++) {
		luck[side] = self->luck * draw(&state) + side * log1p(self->slower);
		if (self->one_fork && self->forks % FORKS > 0)
			luck[side] = self->kept[side];
		self->kept[side] = luck[side];
	}
	self->forks++;
	for (unsigned b = 0; b < n; b++) {
		const double weather = self->weather * draw(&state);

		for (unsigned side = 0; side < 2; side++) {
			const unsigned slot =
				self->unpaired ? side * n + b : 2 * b + (side ^ (b & 1));
			const bool spoilt = even(&state) < self->spoilt;

			blocks[b].flagged[side] = spoilt;
			blocks[b].log_ns[side] =
				self->mute ? NAN
					   : luck[side] + self->noise * draw(&state) + weather +
						     self->warming * slot / (2 * n) +
						     (spoilt ? log(2) : 0);
		}
	}
	return true;
}

static struct trials_tally try(struct drawn drawn)
{
	struct trials_tally tally;

	assert_true(trials_run(measure, &drawn, FORKS, BLOCKS, 1, &tally));
	print_message("apart %u + %u, verdicts %u + %u, silent %u, ratio %.3f, half-width %.4f\n",
		tally.below, tally.above, tally.faster, tally.slower, tally.silent, tally.ratio,
		tally.half_width);
	return tally;
}

/* Forks differ, slices scatter, the weather changes, and some slices are spoilt. */
#define SOUND .luck = 0.01, .noise = 0.02, .weather = 0.1

static void a_sound_instrument_passes(NO_STATE)
{
	const struct trials_tally equal =
		try((struct drawn){SOUND, .warming = 0.1, .spoilt = 0.05});
	const struct trials_tally slower = try((struct drawn){SOUND, .slower = 0.05});

	assert_true(trials_are_sound(&equal));
	assert_false(trials_find(&equal));
	assert_true(trials_find(&slower));
	assert_false(trials_are_sound(&slower));
	assert_true(fabs(slower.ratio - 1.05) < 0.01);
	assert_true(fabs(equal.flagged - 0.0975) < 0.03 && slower.flagged == 0);
}

static void rows_one_after_the_other_are_noticed(NO_STATE)
{
	const struct trials_tally tally =
		try((struct drawn){SOUND, .warming = 0.1, .unpaired = true});

	assert_false(trials_are_sound(&tally));
}

/* Blocks of one process taken for evidence about processes. */
static void intervals_too_narrow_are_noticed(NO_STATE)
{
	const struct trials_tally wide = try((struct drawn){.luck = 0.05, .noise = 0.02});
	const struct trials_tally narrow =
		try((struct drawn){.luck = 0.05, .noise = 0.02, .one_fork = true});

	assert_true(trials_are_sound(&wide));
	assert_false(trials_are_sound(&narrow));
}

static void an_instrument_that_says_nothing_is_noticed(NO_STATE)
{
	const struct trials_tally tally = try((struct drawn){.mute = true});

	assert_int_equal(tally.silent, TRIALS);
	assert_false(trials_are_sound(&tally));
	assert_false(trials_find(&tally));
}

/* Neither a slow-down that is not there nor one that drowns is found. */
static void what_is_not_injected_is_missed(NO_STATE)
{
	const struct trials_tally none = try((struct drawn){SOUND});
	const struct trials_tally drowned =
		try((struct drawn){.slower = 0.05, .luck = 0.2, .noise = 0.2});

	assert_false(trials_find(&none));
	assert_false(trials_find(&drowned));
}

static bool fails(void *source, uint64_t seed, struct trials_block *blocks, unsigned n)
{
	(void)source;
	(void)seed;
	(void)blocks;
	(void)n;
	return false;
}

static void a_source_that_fails_ends_the_trials(NO_STATE)
{
	struct trials_tally tally;

	assert_false(trials_run(fails, NULL, FORKS, BLOCKS, 1, &tally));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_instrument_passes),
		cmocka_unit_test(rows_one_after_the_other_are_noticed),
		cmocka_unit_test(intervals_too_narrow_are_noticed),
		cmocka_unit_test(an_instrument_that_says_nothing_is_noticed),
		cmocka_unit_test(what_is_not_injected_is_missed),
		cmocka_unit_test(a_source_that_fails_ends_the_trials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
