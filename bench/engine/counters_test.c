/*
 * The hardware's counters, of a stand-in: few machines that run tests have any. What the kernel would
 * count comes out of a pipe.
 */
#include "bench/engine/counters.h"

#include "alloc/machine/cmocka.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READINGS = 64, MEMBERS = 3 + COUNTERS };

/* What perf_event_open answers: an error, or descriptors from whose first one readings come. */
static struct {
	int error;        /* of the event numbered fails_at */
	int fails_at;     /* from 0 */
	bool interrupted; /* others had the hardware for a while */
	int opened;
	struct perf_event_attr event[COUNTERS];
} kernel;

int counters_event_open(struct perf_event_attr *event, int group)
{
	int pipes[2];
	const int n = kernel.opened;

	if (group == -1)
		kernel.opened = 0;
	if (kernel.error != 0 && kernel.opened == kernel.fails_at) {
		errno = kernel.error;
		return -1;
	}
	kernel.event[kernel.opened++] = *event;
	assert_true(group == -1 || n > 0);
	if (pipe(pipes) != 0)
		return -1;
	/* Each reading has 1000 cycles, 2000 instructions and 3 misses more than the one before. */
	for (uint64_t i = 1; group == -1 && i <= READINGS; i++) {
		const uint64_t group_of[MEMBERS] = {
			COUNTERS, 100 * i, 100 * i - kernel.interrupted, 1000 * i, 2000 * i, 3 * i};

		assert_int_equal(write(pipes[1], group_of, sizeof(group_of)), sizeof(group_of));
	}
	close(pipes[1]);
	return pipes[0];
}

static int prepare(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

static void all_are_read_at_once(NO_STATE)
{
	struct counters counters = {0};
	uint64_t counts[COUNTERS];

	assert_false(counters_read(&counters, counts));
	assert_int_equal(counters_open(&counters), 0);
	assert_int_equal(kernel.opened, COUNTERS);
	for (int i = 0; i < COUNTERS; i++)
		assert_true(kernel.event[i].exclude_kernel && kernel.event[i].exclude_hv);
	for (uint64_t i = 1; i <= 2; i++) {
		assert_true(counters_read(&counters, counts));
		assert_int_equal(counts[COUNTER_CYCLES], 1000 * i);
		assert_int_equal(counts[COUNTER_INSTRUCTIONS], 2000 * i);
		assert_int_equal(counts[COUNTER_CACHE_MISSES], 3 * i);
	}
	counters_close(&counters);
	assert_false(counters_read(&counters, counts));
	kernel.interrupted = true;
	assert_int_equal(counters_open(&counters), 0);
	assert_false(counters_read(&counters, counts));
	counters_close(&counters);
}

/* Where one event lacks there are none, and the word says why. */
static void what_lacks_is_said(NO_STATE)
{
	static const struct {
		int error;
		const char *word;
	} cases[] = {
		{0, "cycles, instructions and cache misses"},
		{ENOENT, "none: this machine"},
		{EOPNOTSUPP, "none: this machine"},
		{EACCES, "not for this user; 'sysctl kernel.perf_event_paranoid"},
		{ENOSYS, "none: "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (kernel.fails_at = 0; kernel.fails_at < COUNTERS; kernel.fails_at++) {
			struct counters counters = {0};
			char text[128];

			kernel.error = cases[i].error;
			assert_int_equal(counters_open(&counters), -cases[i].error);
			assert_int_equal(counters.open, cases[i].error == 0);
			counters_close(&counters);
			counters_describe(text, sizeof(text));
			if (strncmp(text, cases[i].word, strlen(cases[i].word)) != 0)
				fail_msg("error %d: %s", cases[i].error, text);
		}
	}
}

/* A slice has what its window added, of all threads; none where one of them has no counters. */
static void a_slice_has_them(NO_STATE)
{
	const struct engine_cell cell = {
		.shape = {.threads = 1, .burst = 1, .depth = 1, .seed = 1}, .object_bytes = 256};
	struct workload_case subject;
	struct engine *engine;
	struct engine_slice slice;
	char why[ENGINE_REASON_BYTES];

	assert_true(instance_find("mutex", INSTANCE_FOLDED, "pair", &subject));
	for (int lacks = 0; lacks < 2; lacks++) {
		kernel.error = lacks ? ENOENT : 0;
		kernel.fails_at = 0;
		assert_int_equal(engine_open(&subject, &cell, &engine, why), 0);
		engine_slice(engine, ENGINE_WINDOW_NS_MIN, 0, &slice);
		assert_int_equal(slice.counted.known, !lacks);
		if (!lacks) {
			assert_int_equal(slice.counted.of[COUNTER_CYCLES], 1000);
			assert_int_equal(slice.counted.of[COUNTER_INSTRUCTIONS], 2000);
			assert_int_equal(slice.counted.of[COUNTER_CACHE_MISSES], 3);
		}
		engine_close(engine, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_are_read_at_once, prepare),
		cmocka_unit_test_setup(what_lacks_is_said, prepare),
		cmocka_unit_test_setup(a_slice_has_them, prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
