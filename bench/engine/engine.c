/*
 * The coordinator's side of the engine: opens a cell, gives its threads their orders, times the
 * window. The threads' side is runner.c, what came of a slice figures.c.
 */
#include "bench/engine/engine.h"

#include "bench/base/clock.h"
#include "bench/base/splitmix.h"
#include "bench/engine/resident.h"
#include "bench/engine/runner.h"
#include "bench/engine/stall.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* The coordinator sleeps this fraction of the window longer than it must. A thread that saw
	 * the start late is then mostly covered without a second sleep, whose end would preempt a
	 * thread once more. */
	ENGINE_SLACK_FRACTION = 64,
	ENGINE_WAKE_NS = 50000, /* what a parked thread takes to run, rounded up */
	ENGINE_AGES_PARTS = 4,  /* a part of a latency slice is for ages, where there are any */
};

static void give_order(struct engine *self, enum order order)
{
	pthread_mutex_lock(&self->mutex);
	self->order = order;
	self->orders++;
	self->pending = self->started;
	pthread_cond_broadcast(&self->ordered);
	pthread_mutex_unlock(&self->mutex);
}

/* Waits until every thread has finished. 0, or the first thread's error. */
static int await_finish(struct engine *self)
{
	pthread_mutex_lock(&self->mutex);
	while (self->pending > 0)
		pthread_cond_wait(&self->finished, &self->mutex);
	pthread_mutex_unlock(&self->mutex);
	for (uint32_t i = 0; i < self->started; i++) {
		if (self->runners[i].rc != 0)
			return self->runners[i].rc;
	}
	return 0;
}

static int have_obeyed(struct engine *self, enum order order)
{
	give_order(self, order);
	return await_finish(self);
}

static bool all_running(struct engine *self)
{
	for (uint32_t i = 0; i < self->started; i++) {
		if (atom_load_relaxed(&self->runners[i].running) == 0)
			return false;
	}
	return true;
}

/* When the last thread entered the window; 0 while one has not. */
static uint64_t last_start_ns(struct engine *self)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < self->started; i++) {
		uint64_t started = atom_load_relaxed(&self->runners[i].started_ns);

		if (started == 0)
			return 0;
		if (started > last)
			last = started;
	}
	return last;
}

/*
 * Sleeps until the window has lasted window_ns for every thread. Returns how often it woke: each
 * time it may have preempted a thread, and that is not a disturbance from outside.
 */
static uint64_t sleep_window(struct engine *self, uint64_t window_ns)
{
	uint64_t until = clock_now_ns() + window_ns;
	uint64_t woke = 0;

	for (;;) {
		clock_sleep_until_ns(until + window_ns / ENGINE_SLACK_FRACTION);
		woke++;
		uint64_t last = last_start_ns(self);
		uint64_t now = clock_now_ns();
		if (last != 0 && now >= last + window_ns)
			return woke;
		until = last != 0 ? last + window_ns : now;
	}
}

/*
 * Stops the first thread in the midst of its window, and waits until it runs again and the others have
 * seen that. Returns how often the coordinator woke.
 */
static uint64_t stall_first(struct engine *self)
{
	const uint64_t stall_ns = (uint64_t)self->subject.workload->stall_ms * 1000000;

	if (stall_ns == 0)
		return 0;
	clock_sleep_until_ns(clock_now_ns() + stall_ns / 4);
	stall_thread(self->runners[0].thread, stall_ns);
	clock_sleep_until_ns(clock_now_ns() + stall_ns + stall_ns / 4);
	return 2;
}

static void measure(struct engine *self, enum order order, uint64_t window_ns, uint64_t lead_in_ns,
	struct engine_slice *out)
{
	for (uint32_t i = 0; i < self->started; i++) {
		atom_store_relaxed(&self->runners[i].running, 0);
		atom_store_relaxed(&self->runners[i].started_ns, 0);
	}
	if (order == ORDER_RUN_AGES)
		age_forget(self->marks);
	atom_store_relaxed(&self->phase, PHASE_GATHER); /* seen with the order */
	give_order(self, order);
	do {
		clock_sleep_until_ns(clock_now_ns() + ENGINE_WAKE_NS);
	} while (!all_running(self));
	atom_store_relaxed(&self->phase, PHASE_LEAD_IN);
	clock_sleep_until_ns(clock_now_ns() + lead_in_ns);
	atom_store_relaxed(&self->phase, PHASE_MEASURE);
	uint64_t woke = stall_first(self);
	woke += sleep_window(self, window_ns);
	atom_store_relaxed(&self->phase, PHASE_STOP);
	await_finish(self);
	engine_add_up(self, woke, out);
}

/* A slice whose threads did not start or stop together is repeated once. */
static void measure_slice(struct engine *self, enum order order, uint64_t window_ns,
	uint64_t lead_in_ns, struct engine_slice *out)
{
	measure(self, order, window_ns, lead_in_ns, out);
	if (out->flags & ENGINE_SKEW)
		measure(self, order, window_ns, lead_in_ns, out);
}

void engine_slice(
	struct engine *self, uint64_t window_ns, uint64_t lead_in_ns, struct engine_slice *out)
{
	measure_slice(self, ORDER_RUN, window_ns, lead_in_ns, out);
}

static size_t latency_bytes(const struct engine *self)
{
	return self->cell.shape.threads * sizeof(struct latency);
}

static void open_clock(struct engine *self)
{
	if (self->ticks.scale == 0)
		ticks_open(&self->ticks, HISTOGRAM_NS, true, self->made);
}

/* Whether one thread gets what another puts. Threads that are stopped do both. */
static bool hands_over(const struct workload *workload)
{
	return workload->lane_threads > 1 && workload->stall_ms == 0;
}

/* What the first latency slice needs. */
static int open_latency(struct engine *self)
{
	self->latency = memory_alloc(latency_bytes(self));
	if (self->latency == NULL)
		return -ENOMEM;
	if (hands_over(self->subject.workload)) {
		self->marks = memory_alloc(sizeof(*self->marks));
		if (self->marks == NULL) {
			memory_free(self->latency, latency_bytes(self));
			self->latency = NULL;
			return -ENOMEM;
		}
	}
	open_clock(self);
	for (uint32_t i = 0; i < self->started; i++) {
		struct runner *runner = &self->runners[i];

		runner->latency = &self->latency[i];
		runner->latency->ticks = &self->ticks;
		runner->distance = (ENGINE_UNTRIED_OBJECTS - 1) / self->cell.shape.burst + 1;
		runner->random = splitmix(self->cell.shape.seed) ^ i;
		runner->t.latency = runner->latency;
	}
	return 0;
}

/* Has the threads look for marks, or none. */
static void hand_marks(struct engine *self, struct age_marks *marks)
{
	for (uint32_t i = 0; i < self->started; i++)
		self->latency[i].marks = marks;
}

/* The ages, in a slice of their own: what every get does for them belongs to nobody's call. */
static void measure_ages(struct engine *self, uint64_t window_ns, uint64_t lead_in_ns)
{
	struct engine_slice slice;

	hand_marks(self, self->marks);
	measure_slice(self, ORDER_RUN_AGES, window_ns, lead_in_ns, &slice);
	hand_marks(self, NULL);
}

static int prepare_latency(struct engine *self, char *why)
{
	if (self->subject.workload->untimed || self->subject.timed == NULL)
		return engine_refuse(why, -ENOTSUP, "%s has no calls that are timed.",
			self->subject.workload->name);
	if (self->latency == NULL && open_latency(self) != 0)
		return engine_refuse(why, -ENOMEM, "There is no memory for the histograms.");
	return 0;
}

static void measure_calls(struct engine *self, enum order order, uint64_t window_ns,
	uint64_t lead_in_ns, struct engine_slice *out)
{
	measure_slice(self, order, window_ns, lead_in_ns, out);
	for (uint32_t i = 0; i < self->started; i++)
		self->figures[i].latency = &self->latency[i];
}

int engine_latency_slice(struct engine *self, uint64_t window_ns, uint64_t lead_in_ns,
	struct engine_slice *out, char *why)
{
	const bool stalls = self->subject.workload->stall_ms > 0;
	const int rc = prepare_latency(self, why);

	if (rc != 0)
		return rc;
	if (self->marks != NULL) {
		measure_ages(self, window_ns / ENGINE_AGES_PARTS, lead_in_ns / ENGINE_AGES_PARTS);
		window_ns -= window_ns / ENGINE_AGES_PARTS;
	}
	/* Where a thread is stopped no call of the others may go untimed. */
	measure_calls(self, stalls ? ORDER_RUN_EVERY : ORDER_RUN_TIMED, window_ns, lead_in_ns, out);
	if (stalls)
		latency_forget(&self->latency[0]); /* its own stop is no figure */
	return 0;
}

int engine_balance_slice(struct engine *self, uint64_t window_ns, uint64_t lead_in_ns,
	struct engine_slice *out, char *why)
{
	const int rc = prepare_latency(self, why);

	if (rc == 0)
		measure_calls(self, ORDER_RUN_EVERY, window_ns, lead_in_ns, out);
	return rc;
}

static size_t open_loops_bytes(const struct engine *self)
{
	return self->cell.shape.threads * sizeof(struct open_loop);
}

static void add_up_open_loop(const struct engine *self, struct engine_open_loop *out)
{
	for (uint32_t i = 0; i < self->started; i++) {
		const struct open_loop *loop = &self->open_loops[i];

		out->arrived += loop->arrived;
		out->served += loop->served;
		out->late += loop->begun_late;
		latency_add(&out->times, &loop->times);
		out->served_s +=
			(double)loop->served * CLOCK_NS_PER_S / (double)self->figures[i].window_ns;
	}
}

int engine_open_loop_slice(struct engine *self, const struct arrivals *arrivals, double per_s,
	uint64_t window_ns, uint64_t lead_in_ns, struct engine_open_loop *out, char *why)
{
	const uint32_t lanes = self->cell.shape.threads / self->subject.workload->lane_threads;
	struct engine_slice slice;
	uint64_t unmatched = 0;

	if (self->subject.workload->stall_ms > 0)
		return engine_refuse(why, -ENOTSUP,
			"%s stops threads, and no work can arrive at one that is stopped.",
			self->subject.workload->name);
	if (self->oversubscribed)
		return engine_refuse(why, -ENOTSUP,
			"An open loop wants a CPU for each thread: one that waits for an arrival "
			"watches the clock.");
	if (self->open_loops == NULL)
		self->open_loops = memory_alloc(open_loops_bytes(self));
	if (self->open_loops == NULL)
		return engine_refuse(why, -ENOMEM, "There is no memory for the open loop.");
	open_clock(self);

	const double ticks_s = self->ticks.per_us * 1e6;
	const double mean_ticks = per_s > 0 ? lanes * ticks_s / per_s : 0;

	memset(self->open_loops, 0, open_loops_bytes(self));
	for (uint32_t i = 0; i < self->started; i++) {
		struct runner *runner = &self->runners[i];
		struct open_loop *loop = &self->open_loops[i];

		runner->random = splitmix(runner->random ^ self->cell.shape.seed ^ i);
		loop->cell = self->cell.shape;
		loop->late = (uint64_t)(OPEN_LOOP_LATE_NS * self->ticks.per_us / 1000);
		spsc_ring_init(&loop->moments);
		arrivals_start(&loop->source, arrivals, mean_ticks, runner->random);
		runner->open_loop = loop;
		runner->t.cell = &loop->cell;
	}
	measure(self, ORDER_RUN_OPEN, window_ns, lead_in_ns, &slice);
	*out = (struct engine_open_loop){.per_s = per_s, .flags = slice.flags};
	for (uint32_t i = 0; i < self->started; i++) {
		self->runners[i].t.cell = &self->cell.shape;
		unmatched += self->open_loops[i].unmatched;
	}
	add_up_open_loop(self, out);
	if (unmatched > 0)
		return engine_refuse(why, -EPROTO,
			"%s completed %" PRIu64 " units that nobody had begun, so their response "
			"times are not known.",
			self->subject.workload->name, unmatched);
	return 0;
}

void engine_describe_clock(const struct engine *self, char *text)
{
	ticks_describe(&self->ticks, text);
}

/*
 * Opening and closing.
 */

static int start_threads(struct engine *self)
{
	for (uint32_t i = 0; i < self->cell.shape.threads; i++) {
		struct runner *runner = &self->runners[i];

		runner->engine = self;
		runner->t.cell = &self->cell.shape;
		runner->t.index = i;
		int rc = pthread_create(&runner->thread, NULL, runner_main, runner);
		if (rc != 0)
			return -rc;
		self->started++;
	}
	return 0;
}

static size_t fill_bytes(const struct engine *self)
{
	return self->cell.capacity * sizeof(*self->fill);
}

static void free_fill(struct engine *self)
{
	if (self->fill != NULL)
		memory_unmap(self->fill, fill_bytes(self), MEMORY_PAGES_ORDINARY);
	self->fill = NULL;
}

/* How many bytes there are more after something than before it. */
static uint64_t grown(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

/* filled: what filling the pool cost, of which spare objects have their part. */
static void charge_spare_objects(struct engine *self, uint64_t filled)
{
	const double spare =
		self->cell.capacity - engine_objects(self->subject.workload, &self->cell);

	self->spare_bytes = (uint64_t)((double)filled * spare / self->cell.capacity);
}

/* Everything between an empty engine and threads that are ready to run. */
static int set_up(struct engine *self, char *why)
{
	const struct workload *workload = self->subject.workload;
	int rc = engine_choose_cpus(self, why);

	if (rc != 0)
		return rc;
	if (workload->stall_ms > 0)
		rc = stall_open();
	if (rc == 0)
		rc = start_threads(self);
	if (rc == 0)
		rc = have_obeyed(self, ORDER_WARM);
	if (rc != 0)
		return engine_refuse(why, rc, "%" PRIu32 " threads cannot be started: %s.",
			self->cell.shape.threads, strerror(-rc));
	self->without_pool = resident_data_bytes();
	self->fill = memory_map(fill_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->fill == NULL)
		return engine_refuse(why, -ENOMEM, "There is no memory to open the cell.");
	/* Resident before the pool's memory is counted. */
	memset(self->fill, 0xff, fill_bytes(self));
	const uint64_t before = resident_bytes();
	rc = engine_create_pool(&self->subject, &self->cell, &self->shared, &self->pool, why);
	if (rc != 0)
		return rc;

	const uint64_t empty = resident_data_bytes();
	rc = have_obeyed(self, ORDER_FILL);
	charge_spare_objects(self, grown(empty, resident_data_bytes()));
	if (rc == 0 && workload->open != NULL)
		rc = workload->open(
			self->subject.ops, self->pool, &self->cell.shape, &self->shared);
	self->opened = rc == 0;
	for (uint32_t i = 0; i < self->started; i++)
		self->runners[i].t.shared = self->shared;
	if (rc == 0)
		rc = have_obeyed(self, ORDER_ENTER);
	if (rc == -ENOMEM && self->cell.pages == MEMORY_PAGES_HUGE)
		rc = engine_no_huge_pages(
			&self->cell, why); /* null maps them when it is attached to */
	else if (rc != 0)
		snprintf(why, ENGINE_REASON_BYTES, "%s cannot be started on %s: %s.",
			workload->name, self->subject.ops->name, strerror(-rc));
	self->pool_bytes = grown(before, resident_bytes());
	free_fill(self);
	resident_forget_peak();
	return rc;
}

/* Undoes set_up, as far as it got. */
static void tear_down(struct engine *self, struct engine_closing *out)
{
	const struct workload *workload = self->subject.workload;
	const struct pool_ops *ops = self->subject.ops;

	*out = (struct engine_closing){0};
	if (self->opened) {
		have_obeyed(self, ORDER_LEAVE);
		if (workload->close != NULL)
			workload->close(ops, self->pool, &self->cell.shape, self->shared);
		engine_memory(self, &out->settled);
	}
	have_obeyed(self, ORDER_EXIT);
	for (uint32_t i = 0; i < self->started; i++)
		pthread_join(self->runners[i].thread, NULL);
	free_fill(self);
	if (self->pool == NULL)
		return;
	if (ops->traits.kind == POOL_KIND_POOL) {
		out->count = ops->count(self->pool);
		out->expected = self->cell.capacity;
		if (ops->check(self->pool, 0, out->check) == 0)
			out->check[0] = '\0';
	}
	if (workload->destroy != NULL)
		workload->destroy(&self->cell.shape, self->shared);
	else
		pool_destroy(self->pool);
}

static size_t runners_bytes(const struct engine *self)
{
	return self->cell.shape.threads * sizeof(struct runner);
}

static void engine_free(struct engine *self)
{
	pthread_cond_destroy(&self->finished);
	pthread_cond_destroy(&self->ordered);
	pthread_mutex_destroy(&self->mutex);
	free(self->figures);
	if (self->latency != NULL)
		memory_free(self->latency, latency_bytes(self));
	if (self->marks != NULL)
		memory_free(self->marks, sizeof(*self->marks));
	if (self->open_loops != NULL)
		memory_free(self->open_loops, open_loops_bytes(self));
	if (self->runners != NULL)
		memory_free(self->runners, runners_bytes(self));
	memory_free(self, sizeof(*self));
}

int engine_open(const struct workload_case *subject, const struct engine_cell *cell,
	struct engine **out, char *why)
{
	struct engine_closing ignored;
	int rc = engine_check(subject->ops, subject->workload, cell, why);

	if (rc != 0)
		return rc;
	struct engine *self = memory_alloc(sizeof(*self));
	if (self == NULL)
		goto no_memory;
	self->subject = *subject;
	self->cell = *cell;
	if (cell->capacity == 0)
		self->cell.capacity = engine_capacity(subject->workload, &cell->shape);
	self->made = ticks_now();
	pthread_mutex_init(&self->mutex, NULL);
	pthread_cond_init(&self->ordered, NULL);
	pthread_cond_init(&self->finished, NULL);
	self->runners = memory_alloc(runners_bytes(self));
	self->figures = calloc(cell->shape.threads, sizeof(*self->figures));
	if (self->runners == NULL || self->figures == NULL) {
		engine_free(self);
		goto no_memory;
	}
	rc = set_up(self, why);
	if (rc != 0) {
		tear_down(self, &ignored);
		engine_free(self);
		return rc;
	}
	*out = self;
	return 0;

no_memory:
	snprintf(why, ENGINE_REASON_BYTES, "There is no memory for %" PRIu32 " threads.",
		cell->shape.threads);
	return -ENOMEM;
}

void engine_close(struct engine *self, struct engine_closing *out)
{
	struct engine_closing ignored;

	tear_down(self, out ? out : &ignored);
	engine_free(self);
}

bool engine_oversubscribed(const struct engine *self)
{
	return self->oversubscribed;
}

uint32_t engine_pool_capacity(const struct engine *self)
{
	return self->cell.capacity;
}

uint32_t engine_cpu(const struct engine *self, uint32_t i)
{
	return self->runners[i].cpu;
}

uint64_t engine_pool_bytes(const struct engine *self)
{
	return self->pool_bytes;
}

/*
 * What the harness allocated after the pool was made. It is all in use, so that none of it can have
 * been there before.
 */
static uint64_t harness_bytes(const struct engine *self)
{
	return (self->latency != NULL ? latency_bytes(self) : 0) +
	       (self->marks != NULL ? sizeof(*self->marks) : 0) +
	       (self->open_loops != NULL ? open_loops_bytes(self) : 0);
}

void engine_memory(const struct engine *self, struct engine_memory *out)
{
	const uint64_t others = self->without_pool + self->spare_bytes + harness_bytes(self);
	const uint64_t rss = resident_bytes(), data = resident_data_bytes();
	const uint64_t given_back = resident_given_back_bytes();

	*out = (struct engine_memory){
		.rss = rss,
		.rss_peak = rss + given_back,
		.held = grown(others, data),
		.held_peak = grown(others, data + given_back),
		.objects = engine_objects(self->subject.workload, &self->cell),
	};
}
