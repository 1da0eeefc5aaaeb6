/* How long a sweep still takes, from what is planned and from what was timed. No clock is read. */
#include "bench/base/progress.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

#include <stdio.h>
#include <string.h>

enum { MS = 1000000 };

static void begin(struct progress *self, struct progress_cell *cells)
{
	const struct progress_cell fresh[] = {
		{.planned_ns = 10 * MS, .blocks = 100},
		{.planned_ns = 10 * MS, .blocks = 100},
		{.planned_ns = 50 * MS, .blocks = 10, .oversubscribed = true},
		{.planned_ns = 50 * MS, .blocks = 10, .oversubscribed = true},
	};

	for (size_t i = 0; i < array_count(fresh); i++)
		cells[i] = fresh[i];
	progress_begin(self, cells, array_count(fresh));
}

static void the_plan_counts_until_something_is_timed(NO_STATE)
{
	struct progress_cell cells[4];
	struct progress self;

	begin(&self, cells);
	assert_int_equal(progress_left_ns(&self), (200 * 10 + 20 * 50) * (uint64_t)MS);
	assert_int_equal(progress_percent(&self), 0);
	/* Of an earlier start, and so not timed. */
	cells[0].done = 100;
	assert_int_equal(progress_left_ns(&self), (100 * 10 + 20 * 50) * (uint64_t)MS);
	assert_int_equal(progress_percent(&self), 33);
}

/* A slow cell tells of itself and of those like it that were not timed, and of no others. */
static void pace_is_learned_by_cell_and_by_kind(NO_STATE)
{
	struct progress_cell cells[4];
	struct progress self;

	begin(&self, cells);
	progress_count(&self, 2, 900 * MS);
	progress_count(&self, 2, 1100 * MS);
	assert_int_equal(progress_block_ns(&self, 0), 10 * MS);
	assert_int_equal(progress_block_ns(&self, 2), 1000 * MS);
	assert_int_equal(progress_block_ns(&self, 3), 1000 * MS);
	assert_int_equal(progress_left_ns(&self), (200 * 10 + (8 + 10) * 1000) * (uint64_t)MS);
	/* Once it is timed itself, the others' pace is nothing to it. */
	progress_count(&self, 3, 60 * MS);
	assert_int_equal(progress_block_ns(&self, 3), 60 * MS);
	progress_count(&self, 1, 20 * MS);
	assert_int_equal(progress_block_ns(&self, 0), 20 * MS);
	assert_int_equal(
		progress_left_ns(&self), (100 * 20 + 99 * 20 + 8 * 1000 + 9 * 60) * (uint64_t)MS);
}

static void all_is_done_at_the_end(NO_STATE)
{
	struct progress_cell cells[4];
	struct progress self;

	begin(&self, cells);
	for (size_t i = 0; i < array_count(cells); i++) {
		while (cells[i].done < cells[i].blocks)
			progress_count(&self, i, 7 * MS);
	}
	assert_int_equal(progress_left_ns(&self), 0);
	assert_int_equal(progress_percent(&self), 100);
}

/* In a narrow terminal the line is cut; cells come again with each fork, which says so. */
static void line_fits_the_terminal(NO_STATE)
{
	const struct progress_place place = {
		.cell = 1, .fork = 2, .forks = 10, .label = "burst 32, 2 threads"};
	struct progress_cell cells[4];
	char text[PROGRESS_LINE_BYTES];
	struct progress self;

	begin(&self, cells);
	progress_line(&self, &place, 80, text);
	assert_string_equal(text, "0 %  0:03 left  fork 3/10  cell 2/4  burst 32, 2 threads");
	progress_line(&self, &place, 40, text);
	assert_string_equal(text, "0 %  0:03 left  fork 3/10  cell 2/4  bu");
	for (unsigned columns = 1; columns < 60; columns++) {
		progress_line(&self, &place, columns, text);
		assert_true(strlen(text) < columns);
	}
}

static void times_are_told_in_the_largest_unit(NO_STATE)
{
	char text[PROGRESS_TIME_BYTES];

	assert_string_equal(progress_time(31499 * (uint64_t)MS, text), "0:31");
	assert_string_equal(progress_time(725 * UINT64_C(1000) * MS, text), "12:05");
	assert_string_equal(progress_time(11220 * UINT64_C(1000) * MS, text), "3:07:00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plan_counts_until_something_is_timed),
		cmocka_unit_test(pace_is_learned_by_cell_and_by_kind),
		cmocka_unit_test(all_is_done_at_the_end),
		cmocka_unit_test(line_fits_the_terminal),
		cmocka_unit_test(times_are_told_in_the_largest_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
