/* Marks: what is taken for one, and what is not. */
#include "bench/workload/age.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/memory.h"

#include <string.h>

enum { OBJECT_BYTES = 64, OBJECTS = 8 * AGE_MARKS };

static struct age_marks marks;
static unsigned char memory[OBJECTS][OBJECT_BYTES];

/* Each object that was marked comes back with its own time, once. */
static void test_taken_once(NO_STATE)
{
	uint64_t began = 0;
	size_t taken = 0;

	age_forget(&marks);
	for (uint64_t i = 0; i < OBJECTS; i++)
		age_leave(&marks, memory[i], 1000 + i);
	for (uint64_t i = 0; i < OBJECTS; i++) {
		if (!age_take(&marks, memory[i], &began))
			continue;
		assert_int_equal(began, 1000 + i);
		assert_false(age_take(&marks, memory[i], &began));
		taken++;
	}
	/* As many as there are places, unless chance leaves one out. */
	assert_in_range(taken, AGE_MARKS / 2, AGE_MARKS);
}

/* A place that is taken stays its mark's, however many others want it. */
static void test_first_comer_stays(NO_STATE)
{
	uint64_t began = 0;

	age_forget(&marks);
	age_leave(&marks, memory[0], 7);
	for (uint64_t i = 1; i < OBJECTS; i++)
		age_leave(&marks, memory[i], 8);
	assert_true(age_take(&marks, memory[0], &began));
	assert_int_equal(began, 7);
}

/*
 * Objects whose bytes are those of the marks, addresses of themselves and of others, or what links of
 * free objects look like: none is taken for marked. The control is the same object, marked.
 */
static void test_foreign_bytes(NO_STATE)
{
	uint64_t began = 0;

	age_forget(&marks);
	for (size_t i = 0; i < OBJECTS; i++)
		age_leave(&marks, memory[i], 9);
	for (size_t i = 0; i < OBJECTS; i++) {
		void *self = memory[i], *next = memory[(i + 1) % OBJECTS];

		memcpy(memory[i], &marks.mark[i % AGE_MARKS], sizeof(marks.mark[0]));
		memcpy(memory[i] + 16, &self, sizeof(self));
		memcpy(memory[i] + 24, &next, sizeof(next));
	}
	age_forget(&marks);
	for (size_t i = 0; i < OBJECTS; i++)
		assert_false(age_take(&marks, memory[i], &began));
	age_leave(&marks, memory[3], 11);
	for (size_t i = 0; i < OBJECTS; i++)
		assert_int_equal(age_take(&marks, memory[i], &began), i == 3);
	assert_int_equal(began, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_once),
		cmocka_unit_test(test_first_comer_stays),
		cmocka_unit_test(test_foreign_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
