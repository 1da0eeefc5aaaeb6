/* The search through a table of CPUs: it is patient with who takes there, and not for ever. */
#include "alloc/mechanism/cpu_table.h"

#include "alloc/machine/cmocka.h"

enum { CPUS = 3 };

/* Another thread takes at CPU `at` for `busy` looks; then an object is there, if any. */
struct place {
	uint32_t at, busy, looks;
	bool any;
};

static bool look(void *arg, uint32_t cpu, bool *busy)
{
	struct place *place = arg;

	if (cpu != place->at)
		return false;
	*busy = place->looks++ < place->busy;
	return !*busy && place->any;
}

static bool finds(uint32_t first, struct place *place, uint32_t *found)
{
	const struct cpu_table table = {.cpus = CPUS, .limit = CPUS + 1};

	*found = first;
	return cpu_table_search(&table, found, look, place);
}

static void it_finds_what_is_there(NO_STATE)
{
	for (uint32_t first = 0; first < CPUS; first++) {
		for (uint32_t at = 0; at < CPUS; at++) {
			struct place place = {.at = at, .any = true};
			uint32_t found;

			assert_true(finds(first, &place, &found));
			assert_int_equal(found, at);
			place.any = false;
			assert_false(finds(first, &place, &found));
		}
	}
}

static void it_looks_again_where_another_thread_takes(NO_STATE)
{
	struct place place = {.at = 1, .busy = CPU_TABLE_LOOKS_MAX - 1, .any = true};
	uint32_t found;

	assert_true(finds(0, &place, &found));
	assert_int_equal(found, 1);
}

static void it_does_not_look_for_ever(NO_STATE)
{
	struct place place = {.at = 1, .busy = UINT32_MAX, .any = true};
	uint32_t found;

	assert_false(finds(0, &place, &found));
	assert_int_equal(place.looks, CPU_TABLE_LOOKS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_finds_what_is_there),
		cmocka_unit_test(it_looks_again_where_another_thread_takes),
		cmocka_unit_test(it_does_not_look_for_ever),
	};

	return cmocka_run_group_tests_name("cpu_table", tests, NULL, NULL);
}
