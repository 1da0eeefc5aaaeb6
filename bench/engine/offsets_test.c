/* Offsets of clocks that are known, and of this machine's. */
#include "bench/engine/offsets.h"

#include "alloc/machine/cmocka.h"
#include "bench/base/histogram.h"
#include "bench/base/splitmix.h"
#include "bench/engine/topology.h"

#include <math.h>
#include <string.h>

/* Rounds of either way's own length, to a clock that is ahead or behind: it is within the bounds. */
static void test_known(NO_STATE)
{
	enum { WAY_LEAST = 40, WAY_SPREAD = 200, ROUNDS = 5000 };
	static const int64_t ahead[] = {0, 7, -7, 100000, -100000};
	uint64_t random = 1;

	for (size_t i = 0; i < array_count(ahead); i++) {
		struct offset o = {1, -INFINITY, INFINITY};
		uint64_t now = 1000000;

		for (int round = 0; round < ROUNDS; round++) {
			const uint64_t draw = splitmix(random += SPLITMIX_STEP);
			const uint64_t there = now + WAY_LEAST + draw % WAY_SPREAD;
			const uint64_t back = there + WAY_LEAST + (draw >> 32) % WAY_SPREAD;

			offsets_narrow(&o, now, there + (uint64_t)ahead[i], back);
			now = back + draw % WAY_SPREAD;
		}
		assert_true(o.least <= (double)ahead[i] && (double)ahead[i] <= o.most);
		/* No narrower than the shortest way there and back, and not much wider. */
		assert_true(o.most - o.least >= 2 * WAY_LEAST);
		assert_true(o.most - o.least <= 2 * WAY_LEAST + 4);
	}
}

/* The clocks that are furthest apart count, and the first CPU's is one of them. */
static void test_apart(NO_STATE)
{
	const struct offset o[] = {{0, 0, 0}, {1, 40, 60}, {2, -70, -30}, {5, 10, 20}};
	char text[OFFSETS_TEXT_BYTES(array_count(o))];

	assert_true(offsets_apart_ns(o, 1) == 0);
	assert_true(offsets_apart_ns(o, 2) == 60);
	assert_true(offsets_apart_ns(o, 4) == 130);
	offsets_describe(o, 4, text, sizeof(text));
	assert_string_equal(text, "CPU 1 by 50 ns ± 10, CPU 2 by -50 ns ± 20, CPU 5 by 15 ns ± 5");
	offsets_describe(o, 1, text, sizeof(text));
	assert_string_equal(text, "");
}

/*
 * The system keeps one monotonic clock for all CPUs, so no offset of it may be ruled to be other than
 * none. How narrow the bounds are is the machine's affair.
 */
static void test_this_machine(NO_STATE)
{
	uint32_t cpus[2];
	struct offset o[2];
	struct ticks ticks;
	const int count = topology_cpus(cpus, array_count(cpus));

	if (count < 2) {
		print_message("[  SKIPPED ] one CPU\n");
		skip();
	}
	for (int counter = 0; counter < 2; counter++) {
		ticks_open(&ticks, HISTOGRAM_NS, counter != 0, ticks_now());
		assert_int_equal(offsets_measure(&ticks, cpus, 2, o), 0);
		assert_int_equal(o[1].cpu, cpus[1]);
		assert_true(o[1].least <= o[1].most);
		if (!ticks.counter)
			assert_true(o[1].least <= 0 && o[1].most >= 0);
	}
	cpus[1] = UINT32_MAX / 64;
	assert_true(offsets_measure(&ticks, cpus, 2, o) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
