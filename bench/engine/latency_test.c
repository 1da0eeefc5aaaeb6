/*
 * Latency slices: a stall that is put into some calls is found on the path and at the percentile
 * where it belongs. "full" puts it in as rarely as it can be found, which takes minutes.
 */
#define BENCH_TIMED
#include "alloc/machine/cmocka.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/workload/spsc_ring.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_MS = 50, SLICES_MAX = 2000, MS_NS = 1000000 };

/* So short that there are some between two turns of a thread that has to share its CPU. */
enum { STALL_WINDOW_MS = 2, STALL_SLICES_MAX = 20000 };

/* One call in `every` takes stall_ns longer, and says that it refilled. Set before the threads run. */
static uint64_t every, stall_ns;
static struct ticks stall_clock;

static void stall(void)
{
	const uint64_t began = ticks_first(&stall_clock);

	while (ticks_between(&stall_clock, began, ticks_last(&stall_clock)) <
		stall_ns * HISTOGRAM_NS)
		;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void maybe_stall(struct workload_thread *t)
{
	uint64_t *calls = t->own;

	if (++*calls % every != 0)
		return;
	t->self->paths.refill++;
	stall();
}

/* How long a call that stalls is with two readings around it: here, and with this build's checks. */
static double stall_takes_ns(void)
{
	static struct pool_thread self;
	uint64_t calls, took[101];
	struct workload_thread t = {.self = &self, .own = &calls};

	for (size_t i = 0; i < array_count(took); i++) {
		/* After as many that don't, as there: the branch is unexpected. */
		for (calls = 0; calls < every - 1;)
			maybe_stall(&t);
		const uint64_t began = ticks_first(&stall_clock);

		maybe_stall(&t);
		took[i] = ticks_between(&stall_clock, began, ticks_last(&stall_clock));
	}
	qsort(took, array_count(took), sizeof(*took), ascending);
	return (double)took[array_count(took) / 2] / HISTOGRAM_NS;
}

static uint64_t run_stalls(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	for (uint64_t i = 0; i < n; i++)
		maybe_stall(t);
	return n;
}

static uint64_t run_stalls_timed(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	for (uint64_t i = 0; i < n; i++)
		WORKLOAD_DO(t, maybe_stall(t));
	return n;
}

static uint32_t demand(const struct workload_cell *cell)
{
	(void)cell;
	return 1;
}

static uint64_t rounds; /* of the one thread, a call each */

static int enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	(void)ops;
	(void)pool;
	t->own = &rounds;
	return 0;
}

static const struct workload stalls = {
	.name = "stalls",
	.summary = "calls of which some stall",
	.unit = "calls",
	.program = "",
	.lane_threads = 1,
	.demand = demand,
	.enter = enter,
};

static const struct engine_cell cell = {
	.shape = {.threads = 1, .burst = 1, .depth = 1, .seed = 1}, .object_bytes = 64};

static struct engine *open_stalls(void)
{
	const struct workload_case subject = {.workload = &stalls,
		.ops = pool_find("plain"),
		.run = run_stalls,
		.timed = run_stalls_timed};
	char why[ENGINE_REASON_BYTES];
	struct engine *engine;

	assert_int_equal(engine_open(&subject, &cell, &engine, why), 0);
	return engine;
}

/*
 * What a thread does that has no CPU is not the harness's. It always loses some microseconds, to the
 * coordinator that ends the window, where another program has the other CPUs.
 */
static bool kept_its_cpu(const struct engine_thread *thread)
{
	return thread->cpu_ns + thread->window_ns / 100 >= thread->window_ns;
}

/* What slices have timed, in which nobody took the CPU, until `wanted` calls on the path were. */
static void time_calls(enum latency_class path, uint64_t wanted, struct latency_times *sum)
{
	struct engine *engine = open_stalls();
	char why[ENGINE_REASON_BYTES];
	struct engine_slice slice;

	memset(sum, 0, LATENCY_HISTOGRAMS * sizeof(*sum));
	for (int i = 0; i < STALL_SLICES_MAX && histogram_count(&sum[path].histogram) < wanted;
		i++) {
		assert_int_equal(engine_latency_slice(
					 engine, STALL_WINDOW_MS * MS_NS, MS_NS / 10, &slice, why),
			0);
		for (int c = 0; c < LATENCY_HISTOGRAMS && kept_its_cpu(&slice.threads[0]); c++)
			latency_add(&sum[c], &slice.threads[0].latency->of[c]);
	}
	assert_true(histogram_count(&sum[path].histogram) >= wanted);
	engine_close(engine, NULL);
}

/*
 * Where a round takes as long as it does in a line of threads without CPUs, a slice asks for few: two
 * before the window to see how long they are, and those of the window.
 */
static void test_long_rounds(NO_STATE)
{
	struct engine *engine = open_stalls();
	char why[ENGINE_REASON_BYTES];
	struct engine_slice slice;

	every = 1;
	stall_ns = 2 * WINDOW_MS * MS_NS;
	rounds = 0;
	assert_int_equal(engine_latency_slice(engine, WINDOW_MS * MS_NS, MS_NS, &slice, why), 0);
	/* One until all are there, one or two of the lead-in; two of its tries, the window's. */
	assert_in_range(rounds, 3, 8);
	engine_close(engine, NULL);
}

static bool full;

/* The share of calls without a stall that took as long as one nevertheless: the machine's doing. */
static double share_of_noise(void)
{
	static struct latency_times sum[LATENCY_HISTOGRAMS];
	const struct histogram *fast = &sum[LATENCY_FAST].histogram;
	uint64_t longer = 0;

	every = UINT64_MAX;
	time_calls(LATENCY_FAST, 100000, sum);
	for (uint32_t b = histogram_bucket(stall_ns * HISTOGRAM_NS); b < HISTOGRAM_BUCKETS; b++)
		longer += fast->count[b];
	return (double)longer / (double)histogram_count(fast);
}

/*
 * The path's median is what the same stall takes outside of the engine, and of all calls only those
 * that stall are as long, and what the machine makes so. Others' load makes some stalls longer, seldom
 * half of them.
 */
static void test_path(NO_STATE)
{
	static struct latency_times sum[LATENCY_HISTOGRAMS], all;
	enum { RUNS = 20, GOOD = 19, CALLS = 200 };
	const int runs = full ? RUNS : 5;
	int good = 0;

	stall_ns = 500;
	for (int run = 0; run < runs && (full || good == 0); run++) {
		const double noise = share_of_noise();

		every = full ? 10000 : 1000;
		const double due = stall_takes_ns();

		time_calls(LATENCY_REFILL, CALLS, sum);
		uint64_t stalled = histogram_count(&sum[LATENCY_REFILL].histogram);
		uint64_t fast = histogram_count(&sum[LATENCY_FAST].histogram);
		double found = latency_percentile(&sum[LATENCY_REFILL].histogram, 0.5);
		double share = (double)stalled / (double)(stalled + fast);

		/* Four standard deviations of a count. */
		assert_true(fabs(share * (double)every - 1) < 4 / sqrt((double)stalled));
		memset(&all, 0, sizeof(all));
		latency_add(&all, &sum[LATENCY_FAST]);
		latency_add(&all, &sum[LATENCY_REFILL]);
		double before =
			latency_percentile(&all.histogram, 1 - 4.0 / (double)every - 2 * noise);
		good += fabs(found / due - 1) < 0.1 && before < (double)stall_ns;
		print_message("[ FOUND    ] %.0f ns of %.0f ns, in %.5f of the calls; before them "
			      "%.0f ns, and as long without a stall %.5f\n",
			found, due, share, before, noise);
	}
	assert_true(good >= (full ? GOOD : 1));
}

static void test_longest(NO_STATE)
{
	static struct latency_times sum[LATENCY_HISTOGRAMS];

	every = full ? 1000000 : 20000;
	stall_ns = 50000;
	time_calls(LATENCY_REFILL, 1, sum);
	assert_in_range(histogram_count(&sum[LATENCY_REFILL].histogram), 1, UINT32_MAX);
	assert_true(sum[LATENCY_REFILL].longest >= stall_ns * HISTOGRAM_NS);
}

/* The control: without a stall nothing is on its path. */
static void test_none(NO_STATE)
{
	static struct latency_times sum[LATENCY_HISTOGRAMS];

	every = UINT64_MAX;
	time_calls(LATENCY_FAST, 1000, sum);
	assert_int_equal(histogram_count(&sum[LATENCY_REFILL].histogram), 0);
	assert_true(histogram_count(&sum[LATENCY_PROBE].histogram) > 0);
}

/* Every workload times calls on every thread, or says that it has none. */
static void test_every_workload(NO_STATE)
{
	char why[ENGINE_REASON_BYTES];

	for (size_t i = 0; workloads[i] != NULL; i++) {
		struct engine_cell pair = cell;
		struct workload_case subject;
		struct engine_slice slice;
		struct engine_closing closing;
		struct engine *engine;
		uint64_t calls[2] = {0, 0}, ages = 0;
		/* Here malloc's blocks are handed over, and the address sanitizer lets none come back. */
		const bool kept = asan_build && strcmp(workloads[i]->name, "ovs_ingress") == 0;
		const bool hands_over = workloads[i]->lane_threads > 1 &&
					workloads[i]->stall_ms == 0 && !workloads[i]->untimed &&
					!kept;
		const int first =
			workloads[i]->stall_ms > 0; /* a thread that is stopped says nothing */

		pair.shape.threads = workloads[i]->lane_threads;
		pair.object_bytes = 1024;
		assert_true(
			instance_find("mag_tls", INSTANCE_FOLDED, workloads[i]->name, &subject));
		assert_int_equal(engine_open(&subject, &pair, &engine, why), 0);
		/* A slice may end before an object has come back: each is longer than the one before it. */
		for (int s = 0; s < SLICES_MAX &&
				(calls[first] == 0 || calls[pair.shape.threads - 1] == 0 ||
					(hands_over && ages == 0));
			s++) {
			uint64_t window_ns = (uint64_t)(s < WINDOW_MS ? s + 1 : WINDOW_MS) * MS_NS;
			int rc = engine_latency_slice(
				engine, window_ns, window_ns / 10, &slice, why);

			assert_int_equal(rc == -ENOTSUP, workloads[i]->untimed);
			if (rc != 0)
				break;
			for (uint32_t k = 0; k < pair.shape.threads; k++) {
				ages += histogram_count(
					&slice.threads[k].latency->of[LATENCY_AGE].histogram);
				for (int c = 0; c < LATENCY_CLASSES; c++)
					calls[k] += histogram_count(
						&slice.threads[k].latency->of[c].histogram);
			}
		}
		/* Of threads of which one is stopped no call goes untimed. */
		if (workloads[i]->stall_ms > 0)
			assert_int_equal(slice.threads[1].latency->units, slice.threads[1].units);
		if (!workloads[i]->untimed)
			assert_true(calls[first] > 0 && calls[pair.shape.threads - 1] > 0);
		assert_int_equal(ages > 0, hands_over);
		/* A throughput slice after it has nothing of it. */
		engine_slice(engine, MS_NS, MS_NS / 10, &slice);
		assert_null(slice.threads[0].latency);
		engine_close(engine, &closing);
		assert_string_equal(closing.check, "");
		assert_int_equal(closing.count, closing.expected);
	}
}

/*
 * Where every call is timed they and what is known beside them add up to the window: of calls alone,
 * and of a body that does as much itself. The controls: half of the calls, and work that is not known.
 */
static bool works_too; /* as long as its call is */

static uint64_t run_works(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	for (uint64_t i = 0; i < n; i++) {
		WORKLOAD_DO(t, maybe_stall(t));
		if (works_too)
			WORKLOAD_OWN_DO(t, stall());
	}
	return n;
}

static void test_balance(NO_STATE)
{
	const struct workload_case subject = {.workload = &stalls,
		.ops = pool_find("plain"),
		.run = run_stalls,
		.timed = run_works};
	char why[ENGINE_REASON_BYTES];

	every = 1;
	stall_ns = 2000;
	for (int works = 0; works < 2; works++) {
		struct latency_whole sum = {0};
		struct engine_slice slice;
		struct engine *engine;
		uint64_t calls = 0, took = 0;

		works_too = works != 0;
		assert_int_equal(engine_open(&subject, &cell, &engine, why), 0);
		for (int i = 0; i < STALL_SLICES_MAX && calls < 10000; i++) {
			const struct latency *latency;

			assert_int_equal(engine_balance_slice(engine, STALL_WINDOW_MS * MS_NS,
						 MS_NS / 10, &slice, why),
				0);
			if (!kept_its_cpu(&slice.threads[0]))
				continue;
			latency = slice.threads[0].latency;
			assert_int_equal(latency->units, slice.threads[0].units);
			assert_int_equal(latency->calls, latency->units);
			assert_int_equal(latency->whole.own, works ? latency->calls : 0);
			assert_int_equal(latency->whole.waited_ns, 0);
			latency_whole_add(&sum, &latency->whole);
			calls += latency->calls;
			took += latency->of[LATENCY_REFILL].sum;
		}
		engine_close(engine, NULL);
		assert_true(calls >= 10000);
		const double balance = latency_balance(&sum, calls, took);

		print_message("[ FOUND    ] %.3f\n", balance);
		assert_true(fabs(balance - 1) < 0.1);
		assert_true(fabs(latency_balance(&sum, calls, took / 2) - 1) > 0.1);
		sum.own = sum.own_sum = 0;
		assert_int_equal(fabs(latency_balance(&sum, calls, took) - 1) < 0.1, !works);
	}
	assert_true(isnan(latency_balance(&(struct latency_whole){0}, 1, 1)));
}

/*
 * Ages that are known. A pool of the test's own is a ring in which an object rests for so long before
 * it may be had again: the first thread gets, the second puts.
 */
enum { REST_OBJECTS = 4 };
struct rest_object {
	uint64_t until; /* ticks */
};
static struct spsc_ring rest_used, rest_free;
static struct rest_object rest_objects[REST_OBJECTS];
static struct rest_object *rest_next; /* the getter's: out of the ring, and not rested yet */
static uint64_t rest_ticks;
static bool rest_marks;

static void *rest_get(void)
{
	void *object = rest_next;

	if (object == NULL && spsc_ring_pop(&rest_free, &object, 1) == 0)
		return NULL;
	rest_next = object;
	if (ticks_last(&stall_clock) < rest_next->until)
		return NULL;
	rest_next = NULL;
	return object;
}

/* A ring has room for all objects. */
static void push(struct spsc_ring *ring, void *object)
{
	if (!spsc_ring_fits(ring, 1))
		abort();
	spsc_ring_push(ring, &object, 1);
}

static void rest_put(void *object)
{
	((struct rest_object *)object)->until = ticks_last(&stall_clock) + rest_ticks;
	push(&rest_free, object);
}

static uint64_t run_rests(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	for (uint64_t i = 0; i < n; i++) {
		void *object;

		if (t->index == 0) {
			object = WORKLOAD_CALL(t, rest_get());
			if (object == NULL)
				return i;
			WORKLOAD_GOT(t, &object, 1);
			push(&rest_used, object);
		} else {
			if (spsc_ring_pop(&rest_used, &object, 1) == 0)
				return i;
			if (rest_marks)
				WORKLOAD_PUTTING(t, &object, 1);
			WORKLOAD_DO(t, rest_put(object));
		}
	}
	return n;
}

static const struct workload rests = {
	.name = "rests",
	.summary = "objects that rest for so long between put and get",
	.unit = "objects",
	.program = "",
	.lane_threads = 2,
	.demand = demand,
};

/* The ages of slices in which objects rest for so many ticks: `wanted` of them, or of one slice. */
static void time_ages(uint64_t ticks, bool marks, uint64_t wanted, struct latency_times *ages)
{
	/* The body with hooks for both: each of its slices is one of latency. */
	const struct workload_case subject = {.workload = &rests,
		.ops = pool_find("mutex"),
		.run = run_rests,
		.timed = run_rests};
	struct engine_cell pair = cell;
	char why[ENGINE_REASON_BYTES];
	struct engine_slice slice;
	struct engine *engine;

	pair.shape.threads = 2;
	rest_ticks = ticks;
	rest_marks = marks;
	rest_next = NULL;
	spsc_ring_init(&rest_used);
	spsc_ring_init(&rest_free);
	for (size_t i = 0; i < REST_OBJECTS; i++)
		rest_put(&rest_objects[i]);
	assert_int_equal(engine_open(&subject, &pair, &engine, why), 0);
	memset(ages, 0, sizeof(*ages));
	for (int i = 0; i < SLICES_MAX; i++) {
		assert_int_equal(
			engine_latency_slice(engine, WINDOW_MS * MS_NS, MS_NS, &slice, why), 0);
		latency_add(ages, &slice.threads[0].latency->of[LATENCY_AGE]);
		assert_int_equal(
			histogram_count(&slice.threads[1].latency->of[LATENCY_AGE].histogram), 0);
		if (histogram_count(&ages->histogram) >= wanted)
			break;
	}
	engine_close(engine, NULL);
}

/*
 * None is younger than it can be, and half of them are not much older: they wait for a thread that
 * looks all the time, unless others' load takes its CPU away. Without marks there are no ages.
 */
static void test_ages(NO_STATE)
{
	static struct latency_times ages;
	enum { RUNS = 10, AGES = 2 * LATENCY_EVIDENCE + 1 };

	for (int us = 20; us <= 80; us *= 2) {
		int good = 0;

		for (int run = 0; run < RUNS && good == 0; run++) {
			const double due = us * 1000;

			time_ages((uint64_t)(us * stall_clock.per_us), true, AGES, &ages);
			/* A bucket is 1/16 wide, and CPUs' clocks may be apart. */
			assert_true(histogram_at_rank(&ages.histogram, 1) > 0.93 * due);
			const double found = latency_percentile(&ages.histogram, 0.5);
			good += found < 1.15 * due;
			print_message("[ FOUND    ] %.0f ns of %.0f ns\n", found, due);
		}
		assert_int_equal(good, 1);
	}
	time_ages((uint64_t)(20 * stall_clock.per_us), false, 0, &ages);
	assert_int_equal(histogram_count(&ages.histogram), 0);
}

/* What moved says the path; of several the one that tells most. */
static void test_classes(NO_STATE)
{
	const struct pool_paths none = {0};
	static const struct {
		struct pool_paths to;
		enum latency_class class;
	} rows[] = {
		{{0}, LATENCY_FAST},
		{{.flush = 1}, LATENCY_FLUSH},
		{{.refill = 2}, LATENCY_REFILL},
		{{.refill = 1, .steal = 1}, LATENCY_STEAL},
		{{.steal = 1, .grow = 1}, LATENCY_GROW},
		{{.grow = 1, .wait = 1}, LATENCY_WAIT},
		{{.wait = 1, .empty = 1, .flush = 1}, LATENCY_EMPTY},
	};
	enum latency_class class;

	for (size_t i = 0; i < array_count(rows); i++) {
		assert_int_equal(latency_class_of(&none, &rows[i].to), rows[i].class);
		assert_true(latency_class_find(latency_class_name(rows[i].class), &class));
		assert_int_equal(class, rows[i].class);
	}
	assert_false(latency_class_find("all", &class));
}

/* A percentile stands on a hundred values beyond it. */
static void test_evidence(NO_STATE)
{
	struct histogram h = {{0}};

	for (uint64_t i = 1; i < 100 * LATENCY_EVIDENCE; i++)
		histogram_record(&h, i);
	assert_true(isnan(latency_percentile(&h, 0.99)));
	assert_true(latency_percentile(&h, 0.98) > 0);
	histogram_record(&h, 1);
	assert_true(latency_percentile(&h, 0.99) > 0);
	assert_true(isnan(latency_percentile(&h, 0.999)));
}

/* Both clocks tell the same time, and the one that is not the counter says why. */
static void test_clocks(NO_STATE)
{
	char text[TICKS_TEXT_BYTES];
	struct ticks clock;

	for (int wanted = 0; wanted < 2; wanted++) {
		ticks_open(&clock, HISTOGRAM_NS, wanted != 0, ticks_now());
		assert_int_equal(clock.counter, wanted != 0 && ticks_counter_is_steady());
		ticks_describe(&clock, text);
		assert_int_equal(strstr(text, "CLOCK_MONOTONIC") == NULL, clock.counter);
		uint64_t outer_ns = clock_now_ns();
		uint64_t first = ticks_first(&clock);
		uint64_t inner_ns = clock_now_ns();
		clock_sleep_until_ns(inner_ns + 10 * MS_NS);
		uint64_t until_ns = clock_now_ns();
		uint64_t last = ticks_last(&clock);
		uint64_t now_ns = clock_now_ns();
		double ns = (double)ticks_between(&clock, first, last) / HISTOGRAM_NS;
		/* Between the inner readings and the outer ones; the rate is off by 1 in 10,000 at most. */
		assert_true(ns > (double)(until_ns - inner_ns) * 0.999);
		assert_true(ns < (double)(now_ns - outer_ns) * 1.001);
		assert_int_equal(ticks_between(&clock, last, first), 0);
	}
}

/* The longest gap of the thread that was not stopped, of several slices, in nanoseconds. */
static double longest_gap(const char *pool, double until, bool least)
{
	struct engine_cell pair = cell;
	struct workload_case subject;
	struct engine_slice slice;
	struct engine *engine;
	char why[ENGINE_REASON_BYTES];
	double found = least ? INFINITY : 0;

	pair.shape.threads = 2;
	assert_true(instance_find(pool, INSTANCE_FOLDED, "stalled_10", &subject));
	assert_int_equal(engine_open(&subject, &pair, &engine, why), 0);
	for (int i = 0; i < SLICES_MAX && (least ? found > until : found < until); i++) {
		double gap = 0;

		assert_int_equal(engine_latency_slice(engine, MS_NS, MS_NS, &slice, why), 0);
		for (int c = 0; c < LATENCY_CLASSES; c++) {
			assert_int_equal(slice.threads[0].latency->of[c].longest, 0);
			gap = fmax(gap,
				(double)slice.threads[1].latency->of[c].longest / HISTOGRAM_NS);
		}
		found = least ? fmin(found, gap) : fmax(found, gap);
	}
	engine_close(engine, NULL);
	return found;
}

/*
 * A lock's holder that is stopped holds up the others, for as long as it is stopped; a stopped thread
 * of a pool without locks holds up nobody. On a busy machine either wants several tries: a stop may
 * miss the lock, and others' load may take the CPU away.
 */
static void test_stops(NO_STATE)
{
	enum { STOP_NS = 10 * MS_NS };

	assert_true(longest_gap("mutex", 0.8 * STOP_NS, false) >= 0.8 * STOP_NS);
	assert_true(longest_gap("treiber_tag", 0.5 * STOP_NS, true) <= 0.5 * STOP_NS);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_long_rounds),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_every_workload),
	};
	/* How near the times are, of code as it is measured: checks take as long as what is timed. */
	const struct CMUnitTest times[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_balance),
		cmocka_unit_test(test_ages),
	};
	int failed;

	ticks_open(&stall_clock, HISTOGRAM_NS, true, ticks_now());
	full = argc > 1 && strcmp(argv[1], "full") == 0;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return failed + (debug_build ? 0 : cmocka_run_group_tests(times, NULL, NULL)) != 0;
}
