/* Placements, on machines that hwloc makes up: which CPUs threads get, and what is refused. */
/* The code itself, for machines that need not exist. */
#include "bench/engine/topology.c"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"
#include "bench/base/append.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 8, TEXT_BYTES = 128 };

/* Two sockets, each a node with two caches of two cores with two threads: CPU 8 begins the second socket. */
#define BIG "pack:2 [numa] l3:2 core:2 pu:2"

/* As topology_place, on a machine that hwloc makes of a text. */
static int place_on(const char *machine_text, enum placement placement, uint32_t threads,
	uint32_t *cpus, char *why)
{
	hwloc_topology_t topology;
	struct site *sites = NULL;
	int found = -EINVAL;

	if (hwloc_topology_init(&topology) != 0)
		return place_found(NULL, -ENOMEM, placement, threads, cpus, why);
	if (hwloc_topology_set_synthetic(topology, machine_text) == 0 &&
		hwloc_topology_load(topology) == 0)
		found = sites_of(topology, &sites);
	hwloc_topology_destroy(topology);
	return place_found(sites, found, placement, threads, cpus, why);
}

static void threads_take_cpus_in_order(NO_STATE)
{
	static const struct {
		const char *machine;
		enum placement placement;
		uint32_t threads;
		const char *cpus;
	} cases[] = {
		{BIG, PLACEMENT_CORES, 8, "0 2 4 6 8 10 12 14 "},
		{BIG, PLACEMENT_COMPACT, 8, "0 1 2 3 4 5 6 7 "},
		{BIG, PLACEMENT_SPREAD, 8, "0 8 2 10 4 12 6 14 "},
		{BIG, PLACEMENT_SIBLING, 2, "0 1 "},
		{BIG, PLACEMENT_CACHE, 2, "0 2 "},
		{BIG, PLACEMENT_OTHER_CACHE, 4, "0 4 2 6 "},
		{BIG, PLACEMENT_NODE, 4, "0 8 2 10 "},
		{"pack:1 l3:1 core:4 pu:1", PLACEMENT_CACHE, 4, "0 1 2 3 "},
		{"pack:1 l3:1 core:2 pu:1", PLACEMENT_SPREAD, 4, "0 1 0 1 "},
		{"pack:2 core:1 pu:1", PLACEMENT_SPREAD, 2, "0 1 "},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		char why[TOPOLOGY_WHY_BYTES], got[TEXT_BYTES] = "";
		uint32_t cpus[THREADS];

		if (place_on(cases[i].machine, cases[i].placement, cases[i].threads, cpus, why) !=
			0)
			fail_msg("%s, %s: %s", cases[i].machine, placement_name(cases[i].placement),
				why);
		for (uint32_t t = 0; t < cases[i].threads; t++)
			append(got, sizeof(got), "%u ", cpus[t]);
		if (strcmp(got, cases[i].cpus) != 0)
			fail_msg("%s, %s: %snot %s", cases[i].machine,
				placement_name(cases[i].placement), got, cases[i].cpus);
	}
}

static void what_a_machine_lacks_is_refused(NO_STATE)
{
	static const struct {
		enum placement placement;
		uint32_t threads;
		const char *why;
	} cases[] = {
		{PLACEMENT_SIBLING, 2,
			"this process may use one thread a core here, and placement sibling needs "
			"two"},
		{PLACEMENT_OTHER_CACHE, 2,
			"this process may use one last-level cache a node here, and placement "
			"other-cache needs two"},
		{PLACEMENT_NODE, 2,
			"this process may use one node here, and placement node needs two"},
		{PLACEMENT_CACHE, 4, "placement cache has 2 CPUs here, and threads is 4"},
	};
	char said[TOPOLOGY_WHY_BYTES];
	uint32_t many[2 * THREADS];

	for (size_t i = 0; i < array_count(cases); i++) {
		char why[TOPOLOGY_WHY_BYTES];
		uint32_t cpus[THREADS];

		assert_int_equal(place_on("pack:1 l3:1 core:2 pu:1", cases[i].placement,
					 cases[i].threads, cpus, why),
			-EINVAL);
		assert_string_equal(why, cases[i].why);
	}
	assert_int_equal(place_on(BIG, PLACEMENT_OTHER_CACHE, 9, many, said), -EINVAL);
	assert_int_equal(place_on(BIG, PLACEMENT_NODE, 16, many, said), 0);
}

static void names_are_found(NO_STATE)
{
	enum placement found;

	for (enum placement p = PLACEMENT_CORES; p <= PLACEMENT_NODE; p++) {
		assert_true(placement_find(placement_name(p), &found));
		assert_int_equal(found, p);
	}
	assert_false(placement_find("near", &found));
}

/* The usual placement is the order that everything else takes CPUs in. */
static void usual_is_the_order_of_cpus(NO_STATE)
{
	uint32_t cpus[THREADS], placed[THREADS];
	char why[TOPOLOGY_WHY_BYTES];
	const int count = topology_cpus(cpus, THREADS);

	assert_true(count > 0);
	assert_int_equal(topology_place(PLACEMENT_CORES, THREADS, placed, why), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(placed[i], cpus[i % (count < THREADS ? count : THREADS)]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_take_cpus_in_order),
		cmocka_unit_test(what_a_machine_lacks_is_refused),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(usual_is_the_order_of_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
