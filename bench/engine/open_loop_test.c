/* Open loops: arrivals come as they should, and response times run from when they came. */
#include "alloc/machine/cmocka.h"
#include "bench/engine/engine.h"
#include "bench/engine/instances.h"
#include "bench/engine/open_loop.h"
#include "bench/engine/runner.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	MS_NS = 1000000,
	WINDOW_NS =
		4 *
		MS_NS, /* shorter than a scheduler's turn, and longer than from burst to burst */
	ARRIVALS = 1000000,
	BURST = 64,
	SLICES_MAX = 2000,             /* until one has all that a test wants */
	SERVICE_NS = 20000,            /* of a call that takes long */
	DISTANCE_NS = 10 * SERVICE_NS, /* between arrivals */
	SERVED_MIN = 16,
	CALLS_MAX = 4096, /* more than a slice has time for */
};

/* Moments of a kind with that mean distance, in ticks. */
static void draw(const char *name, double mean, double *moment)
{
	static struct arrivals_source source;
	struct arrivals arrivals;

	assert_true(arrivals_parse(name, &arrivals));
	arrivals_start(&source, &arrivals, mean, 1);
	for (int i = 0; i < ARRIVALS; i++) {
		moment[i] = (double)source.at / ARRIVALS_FRACTION;
		arrivals_next(&source);
	}
}

/* The distances' standard deviation by their mean. */
static double variation(const double *moment)
{
	const double mean = moment[ARRIVALS - 1] / (ARRIVALS - 1);
	double squares = 0;

	for (int i = 1; i < ARRIVALS; i++)
		squares += pow(moment[i] - moment[i - 1] - mean, 2);
	return sqrt(squares / (ARRIVALS - 1)) / mean;
}

static void arrivals_have_their_rate_and_their_shape(NO_STATE)
{
	static const char *const names[] = {"paced", "poisson", "burst:64", "onoff"};
	double *moment = calloc(ARRIVALS, sizeof(*moment));

	assert_non_null(moment);
	for (size_t k = 0; k < array_count(names); k++) {
		draw(names[k], 3.7, moment);
		const double mean = moment[ARRIVALS - 1] / (ARRIVALS - 1);

		if (fabs(mean / 3.7 - 1) > 0.01)
			fail_msg("%s come every %f ticks instead of 3.7", names[k], mean);
	}
	draw("paced", 100, moment);
	assert_true(variation(moment) < 0.01);
	draw("poisson", 100, moment);
	assert_true(fabs(variation(moment) - 1) < 0.02);
	draw("burst:64", 100, moment);
	for (int i = 1; i < ARRIVALS; i++)
		assert_true(moment[i] - moment[i - 1] == (i % BURST == 0 ? 100 * BURST : 0));
	/* Half of the time is silence, in one piece a run. */
	draw("onoff", 100, moment);
	double silence = 0;

	for (int i = ARRIVALS_RUN; i < ARRIVALS; i += ARRIVALS_RUN)
		silence += moment[i] - moment[i - 1];
	assert_true(fabs(silence / moment[ARRIVALS - 1] - 0.5) < 0.01);
	free(moment);
}

static void other_arrivals_are_refused(NO_STATE)
{
	static const char *const names[] = {"", "pace", "poisson ", "burst", "burst:", "burst:0",
		"burst:1", "burst:4097", "burst:-2", "burst:2x", "burst: 2", "on-off"};
	struct arrivals arrivals;

	for (size_t i = 0; i < array_count(names); i++) {
		if (arrivals_parse(names[i], &arrivals))
			fail_msg("'%s' was taken", names[i]);
	}
}

/*
 * A service that takes as long as it is told at least, and keeps when each call began and ended, in
 * ticks since the arrivals started.
 */

static struct {
	uint64_t began, ended;
} calls[CALLS_MAX];
static uint32_t called;

static uint64_t serve(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	const struct runner *self = container_of(t, struct runner, t);
	const struct ticks *ticks = &self->engine->ticks;
	const uint64_t start = self->open_loop->began;

	(void)pool;
	for (uint64_t i = 0; i < n; i++, called++) {
		assert_true(called < CALLS_MAX);
		calls[called].began = ticks_last(ticks) - start;
		do
			calls[called].ended = ticks_last(ticks) - start;
		while (ticks_between(ticks, calls[called].began, calls[called].ended) <
			SERVICE_NS * HISTOGRAM_NS);
	}
	return n;
}

static uint64_t completed;

/* Nothing, and at once. */
static uint64_t serve_nothing(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	(void)pool;
	if (t->index == 1)
		completed += n;
	return n;
}

static uint32_t demand(const struct workload_cell *cell)
{
	(void)cell;
	return 1;
}

static const struct workload service = {
	.name = "service", .unit = "calls", .lane_threads = 1, .demand = demand};

/* The second thread of this lane finishes what the first has not begun. */
static const struct workload no_queue = {
	.name = "no_queue", .unit = "calls", .lane_threads = 2, .demand = demand};

static struct engine *open_cell(const struct workload_case *subject, uint32_t threads)
{
	const struct engine_cell cell = {
		.shape = {.threads = threads, .burst = 8, .depth = 2, .seed = 1},
		.object_bytes = 1024};
	struct engine *engine;
	char why[ENGINE_REASON_BYTES];

	if (engine_open(subject, &cell, &engine, why) != 0)
		fail_msg("%s", why);
	return engine;
}

/* A slice in which the thread had its CPU for some calls. ticks: what it was timed by. */
static void run_service(
	const char *how, double per_s, struct engine_open_loop *loop, struct ticks *ticks)
{
	const struct workload_case subject = {
		.workload = &service, .ops = pool_find("plain"), .run = serve};
	struct engine *engine = open_cell(&subject, 1);
	struct arrivals arrivals;
	char why[ENGINE_REASON_BYTES];
	int slice = 0;

	assert_true(arrivals_parse(how, &arrivals));
	do {
		called = 0;
		assert_int_equal(engine_open_loop_slice(
					 engine, &arrivals, per_s, WINDOW_NS, MS_NS, loop, why),
			0);
	} while (loop->served < SERVED_MIN && ++slice < SLICES_MAX);
	assert_true(loop->served >= SERVED_MIN);
	*ticks = engine->ticks;
	engine_close(engine, NULL);
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Between what the median response time in the window lies. A call was completed after it had ended,
 * and before the next one began, wherever a busy machine took the thread's CPU away.
 */
static void median_ns(
	uint64_t in_window, uint32_t burst, const struct ticks *ticks, double *least, double *most)
{
	static double after[CALLS_MAX], before[CALLS_MAX];

	for (uint32_t i = 0; i < in_window; i++) {
		const uint32_t call = called - (uint32_t)in_window + i;
		const double ns = 1e3 / ticks->per_us;
		const double intended = (double)(call / burst * burst) * DISTANCE_NS;

		after[i] = (double)calls[call].ended * ns - intended;
		before[i] = call + 1 < called ? (double)calls[call + 1].began * ns - intended
					      : INFINITY;
	}
	qsort(after, in_window, sizeof(*after), by_size);
	qsort(before, in_window, sizeof(*before), by_size);
	*least = after[in_window / 2];
	*most = before[in_window / 2];
}

static void response_times_run_from_the_intended_moment(NO_STATE)
{
	static struct engine_open_loop loop;
	static const struct {
		const char *how;
		uint32_t burst;
		double services; /* at least: of those that come at once each waits for the others */
	} cases[] = {{"paced", 1, 1}, {"burst:16", 16, 6}};
	const double error = 1.0 / 32; /* of a bucket */

	for (size_t i = 0; i < array_count(cases); i++) {
		struct ticks ticks;
		double least, most;

		run_service(cases[i].how, 1e9 / DISTANCE_NS, &loop, &ticks);
		median_ns(loop.served, cases[i].burst, &ticks, &least, &most);

		const double told = histogram_at_rank(&loop.times.histogram, loop.served / 2 + 1);

		if (told < (1 - error) * least || told > (1 + error) * most)
			fail_msg("%s: the median is %.0f ns; by the calls it is %.0f to %.0f",
				cases[i].how, told, least, most);
		assert_true(least >= cases[i].services * SERVICE_NS);
	}
	assert_true(loop.late > loop.served / 2);
}

/* Without pauses the service is the bound; twice as much is not served, and the times say so. */
static void a_load_beyond_the_capacity_is_not_kept(NO_STATE)
{
	static struct engine_open_loop loop;
	struct ticks ticks;

	run_service("poisson", 0, &loop, &ticks);
	assert_true(loop.served_s <= 1e9 / SERVICE_NS);
	run_service("paced", 2e9 / SERVICE_NS, &loop, &ticks);
	assert_true(loop.served_s <= 1e9 / SERVICE_NS);
	assert_true(loop.times.longest > 4 * (uint64_t)SERVICE_NS * HISTOGRAM_NS);
}

static void what_nobody_began_is_found(NO_STATE)
{
	static struct engine_open_loop loop;
	const struct workload_case subject = {
		.workload = &no_queue, .ops = pool_find("mutex"), .run = serve_nothing};
	char why[ENGINE_REASON_BYTES];
	struct arrivals arrivals;

	if (topology_cpus((uint32_t[2]){0}, 2) < 2) {
		print_message("[ SKIPPED  ] it wants two CPUs\n");
		skip();
	}
	struct engine *engine = open_cell(&subject, 2);

	assert_true(arrivals_parse("paced", &arrivals));
	for (;;) {
		completed = 0;
		int rc = engine_open_loop_slice(engine, &arrivals, 1000, MS_NS, MS_NS, &loop, why);

		if (rc == -EPROTO)
			break;
		assert_int_equal(rc, 0);
		/* Not found: the second thread had no CPU but for what it may complete before work begins. */
		assert_true(completed <= (uint64_t)engine->cell.capacity + 2);
	}
	assert_non_null(strstr(why, "nobody had begun"));
	engine_close(engine, NULL);
}

/* Each workload is a queue, and gives back all that it took. */
static void every_workload_answers_arrivals(NO_STATE)
{
	static struct engine_open_loop loop;
	char why[ENGINE_REASON_BYTES];
	struct arrivals arrivals;

	assert_true(arrivals_parse("poisson", &arrivals));
	for (size_t i = 0; workloads[i] != NULL; i++) {
		struct engine_closing closing;
		struct workload_case subject;
		const double rates[] = {0, 100000};

		assert_true(
			instance_find("mag_tls", INSTANCE_FOLDED, workloads[i]->name, &subject));
		struct engine *engine = open_cell(&subject, workloads[i]->lane_threads);

		const bool stops = workloads[i]->stall_ms > 0;
		const bool refused = stops || engine_oversubscribed(engine);

		if (refused) {
			int rc = engine_open_loop_slice(
				engine, &arrivals, 0, MS_NS, MS_NS, &loop, why);

			assert_int_equal(rc, -ENOTSUP);
			assert_non_null(
				strstr(why, stops ? "stops threads" : "a CPU for each thread"));
		}
		for (size_t r = 0; r < array_count(rates) && !refused; r++) {
			int slice = 0;

			do {
				if (engine_open_loop_slice(engine, &arrivals, rates[r], MS_NS,
					    MS_NS, &loop, why) != 0)
					fail_msg("%s: %s", workloads[i]->name, why);
			} while (loop.served == 0 && ++slice < SLICES_MAX);
			assert_true(loop.served > 0);
			assert_int_equal(histogram_count(&loop.times.histogram), loop.served);
		}
		engine_close(engine, &closing);
		assert_string_equal(closing.check, "");
		assert_int_equal(closing.count, closing.expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrivals_have_their_rate_and_their_shape),
		cmocka_unit_test(other_arrivals_are_refused),
		cmocka_unit_test(response_times_run_from_the_intended_moment),
		cmocka_unit_test(a_load_beyond_the_capacity_is_not_kept),
		cmocka_unit_test(what_nobody_began_is_found),
		cmocka_unit_test(every_workload_answers_arrivals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
