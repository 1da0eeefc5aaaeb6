/* The machine's probes: what is read from given text, and what this machine tells. Nothing is timed. */
#include "bench/sweep/probe.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

#include <sched.h>
#include <string.h>

static FILE *open_text(const char *text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(file);
	return file;
}

static void steal_is_of_the_cpus_in_use(NO_STATE)
{
	static const char stat[] = "cpu  9 9 9 9 9 9 9 999 9 9\n"
				   "cpu0 1 2 3 4 5 6 7 80 9 10\n"
				   "cpu1 1 2 3 4 5 6 7 800 9 10\n"
				   "cpu12 1 2 3 4 5 6 7 8000 9 10\n"
				   "intr 1 2 3\nctxt 7\n";
	static const struct {
		const char *text;
		uint32_t cpu[3], cpus;
		bool told;
		uint64_t ticks;
	} cases[] = {
		{stat, {0, 1}, 2, true, 880},
		{stat, {12, 0}, 2, true, 8080},
		{stat, {1}, 1, true, 800},
		{stat, {0, 2}, 2, false, 0},
		{stat, {0}, 0, false, 0},
		{"cpu0 1 2 3 4\n", {0}, 1, false, 0}, /* a kernel from before there was steal */
		{"nothing of the kind\n", {0}, 1, false, 0},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		FILE *text = open_text(cases[i].text);
		uint64_t ticks;
		const bool told = probe_read_steal(text, cases[i].cpu, cases[i].cpus, &ticks);

		fclose(text);
		if (told != cases[i].told || (told && ticks != cases[i].ticks))
			fail_msg("case %zu: %d, %llu", i, told, (unsigned long long)ticks);
	}
}

static void a_clock_is_told_in_khz(NO_STATE)
{
	static const struct {
		const char *text;
		bool told;
		uint64_t khz;
	} cases[] = {
		{"2900000\n", true, 2900000},
		{"0\n", false, 0}, /* a CPU that is offline */
		{"<unknown>\n", false, 0},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		FILE *text = open_text(cases[i].text);
		uint64_t khz = 0;
		const bool told = probe_read_khz(text, &khz);

		fclose(text);
		assert_int_equal(told, cases[i].told);
		assert_int_equal(khz, cases[i].khz);
	}
	assert_int_equal(probe_khz(UINT32_MAX), -1);
}

static void pressure_is_the_sum_of_some(NO_STATE)
{
	static const struct {
		const char *text;
		bool told;
		uint64_t us;
	} cases[] = {
		{"some avg10=5.77 avg60=53.27 avg300=44.01 total=123456789012\n"
		 "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
			true, UINT64_C(123456789012)},
		{"full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", false, 0},
		{"some avg10=0.00\n", false, 0},
		{"?", false, 0},
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		FILE *text = open_text(cases[i].text);
		uint64_t us = 0;
		const bool told = probe_read_pressure(text, &us);

		fclose(text);
		if (told != cases[i].told || us != cases[i].us)
			fail_msg("case %zu: %d, %llu", i, told, (unsigned long long)us);
	}
}

/* Whatever the machine tells, the caller stays on its CPUs, sums don't fall, and one CPU hands nothing over. */
static void moments_follow_each_other(NO_STATE)
{
	struct probe probe;
	struct probe_moment first, second;
	cpu_set_t before, after;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	probe_open(&probe);
	probe_take(&probe, &first);
	probe_take(&probe, &second);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	assert_true(first.single_ns > 0 && second.single_ns > 0);
	assert_true(first.at_ns + first.single_ns <= second.at_ns);
	assert_true(first.stolen_ns <= second.stolen_ns);
	assert_true(first.pressure_ns <= second.pressure_ns);
	assert_true(first.hand_overs_ns == -1 || first.hand_overs_ns > 0);

	probe.cpus = 1;
	probe_take(&probe, &first);
	assert_true(first.hand_overs_ns == -1);
	probe.cpus = 0;
	probe_take(&probe, &first);
	assert_true(first.single_ns > 0 && first.stolen_ns == -1);
}

/* A CPU that can't be had ends the wait, and is not taken for a slow one. */
static void a_cpu_that_is_not_there_hands_nothing_over(NO_STATE)
{
	struct probe probe;
	struct probe_moment moment;

	probe_open(&probe);
	probe.cpus = 2;
	probe.cpu[1] = UINT16_MAX;
	probe_take(&probe, &moment);
	assert_true(moment.hand_overs_ns == -1 && moment.stolen_ns == -1);
}

static void *start_cpu(void *arg)
{
	*(int *)arg = sched_getcpu();
	return NULL;
}

/*
 * A thread that is to run beside its parent does not begin on the parent's CPU, which a parent that
 * reads a word over and over does not give away.
 */
static void a_thread_begins_on_its_cpu(NO_STATE)
{
	struct probe probe;

	probe_open(&probe);
	for (uint32_t parent = 0; parent < probe.cpus; parent++) {
		cpu_set_t before;

		assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
		assert_int_equal(topology_pin(probe.cpu[parent]), 0);
		for (uint32_t i = 0; i < probe.cpus; i++) {
			pthread_t thread;
			int cpu = -1;

			assert_int_equal(topology_start(&thread, probe.cpu[i], start_cpu, &cpu), 0);
			pthread_join(thread, NULL);
			assert_int_equal(cpu, (int)probe.cpu[i]);
		}
		assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steal_is_of_the_cpus_in_use),
		cmocka_unit_test(a_clock_is_told_in_khz),
		cmocka_unit_test(pressure_is_the_sum_of_some),
		cmocka_unit_test(moments_follow_each_other),
		cmocka_unit_test(a_thread_begins_on_its_cpu),
		cmocka_unit_test(a_cpu_that_is_not_there_hands_nothing_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
