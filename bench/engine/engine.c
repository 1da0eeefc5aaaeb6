/*
 * See engine.h.
 *
 * Two things are shared by the threads of a cell besides the pool. The *order*, under a mutex, says
 * what a parked thread is to do next; the *phase*, a word in a cache line pair of its own, ends the
 * lead-in and the window. Only the coordinator writes the phase, and threads read it once a chunk
 * of rounds, so that it costs a load that hits. It orders nothing (all its accesses are relaxed):
 * what the threads found is handed over under the mutex.
 *
 * A chunk is so long that the look costs nothing, unless its rounds are long: where more threads than
 * CPUs pass a lock on in the order of their coming, each hand-over waits for a thread that has no
 * CPU, and a round takes a scheduler's turn for each thread. Chunks of 64 rounds made a slice of 20 ms
 * take a second there, since no thread could stop earlier. So each thread finds out in the lead-in,
 * when all run, how long its rounds are. The figure of such a cell is coarse all the
 * same: its window holds few rounds, and one that was under way at either end counts wholly or not at
 * all.
 */
#include "bench/engine/engine.h"

#include "alloc/atomic.h"
#include "bench/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	/*
	 * A chunk: what a thread does between two looks at the phase. The look costs a call, the
	 * body's entry and a mispredicted exit from its loop, some 10 ns in all: 0.3 % of a chunk
	 * that takes so long, and the chunk is 0.4 % of a window of a millisecond.
	 */
	ENGINE_CHUNK_NS = 4000,
	ENGINE_CHUNK_ROUNDS_MAX = 4096, /* of a body that does next to nothing */
	ENGINE_CHUNK_STEPS = 16,        /* from one round to so many, and some that say nothing */
	/*
	 * Objects that the caches which a thread works on may keep from other threads. The largest
	 * need is a cache of 256 that fills to one and a half times that (DPDK's), beside a batch in
	 * flight; a pool that is smaller makes it shrink its cache, and that would not be its price.
	 */
	ENGINE_STRANDED_OBJECTS = 640,
	/* The coordinator sleeps this fraction of the window longer than it must. A thread that saw
	 * the start late is then mostly covered without a second sleep, whose end would preempt a
	 * thread once more. */
	ENGINE_SLACK_FRACTION = 64,
	ENGINE_WAKE_NS = 50000, /* what a parked thread takes to run, rounded up */
	ENGINE_TOUCH_BYTES =
		4096, /* the smallest page: a write to each makes all memory resident */
};

/* The largest spread of starts or stops, by the window, that is no disturbance. */
#define ENGINE_SKEW_MAX 0.01

enum phase {
	PHASE_GATHER, /* threads start one after the other */
	PHASE_LEAD_IN,
	PHASE_MEASURE,
	PHASE_STOP,
};

enum order { ORDER_FILL, ORDER_ENTER, ORDER_RUN, ORDER_LEAVE, ORDER_EXIT };

/* How much of a thread's entry must be undone. */
enum stage { STAGE_PARKED, STAGE_ATTACHED, STAGE_ENTERED };

/* A thread's counters at one end of its window. */
struct reading {
	struct rusage usage;
	uint64_t cpu_ns;
	uint64_t units;
	uint64_t failed;
	struct pool_paths paths;
	int cpu;
};

struct runner {
	CACHE_PAIR_ALIGNED struct workload_thread t; /* the body's */
	/* Written by the thread at the ends of its window. */
	CACHE_PAIR_ALIGNED atom_u64 started_ns; /* 0: not yet in the window */
	atom_u32 running;                       /* 1: at work since the last order */
	uint64_t stopped_ns;
	uint64_t rounds; /* of a chunk */
	struct reading from;
	struct reading to;
	enum stage stage;
	int rc; /* of the last order */
	/* Set before the thread exists. */
	struct engine *engine;
	pthread_t thread;
	uint32_t cpu;
};

struct engine {
	CACHE_PAIR_ALIGNED atom_u32 phase;

	/* Constant while threads run. */
	CACHE_PAIR_ALIGNED struct workload_case subject;
	struct engine_cell cell;
	bool oversubscribed;
	struct pool *pool;
	uint64_t pool_bytes;
	void *shared;
	bool opened; /* the workload's open has succeeded */
	void **fill; /* room for all objects, while the pool is filled */
	struct engine_thread *figures;
	struct runner *runners;
	uint32_t started; /* runners whose thread exists */

	/* Under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t ordered;
	pthread_cond_t finished;
	enum order order;
	uint64_t orders;  /* given so far */
	uint32_t pending; /* threads that have not finished the last one */
};

/*
 * The thread's side.
 */

static void take_reading(struct runner *self, uint64_t units, struct reading *out)
{
	getrusage(RUSAGE_THREAD, &out->usage);
	out->cpu_ns = clock_thread_cpu_ns();
	out->units = units;
	out->failed = self->t.failed;
	out->paths = self->t.self->paths;
	out->cpu = sched_getcpu();
}

/* A body that could not go on waits here for its peer. */
static void wait_for_peer(const struct engine *engine)
{
	if (engine->oversubscribed)
		sched_yield();
	else
		atom_pause();
}

/* One chunk of rounds. */
ALWAYS_INLINE uint64_t run_chunk(struct engine *engine, struct runner *self, uint64_t rounds)
{
	uint64_t done = engine->subject.run(engine->pool, &self->t, rounds);

	if (unlikely(done == 0))
		wait_for_peer(engine);
	return done;
}

/*
 * The lead-in, in which the length of a chunk is found: from one round on it is doubled while it
 * takes less than half of ENGINE_CHUNK_NS, and halved where it takes more. Goes on beyond the lead-in
 * as long as it is not there yet. A body that had to wait for its peer says nothing about that. An
 * interruption halves it, too: to wait for a second one would let it grow without end where each
 * other chunk waits for a thread that has no CPU.
 */
static void run_lead_in(struct engine *engine, struct runner *self)
{
	bool growing = true;

	for (int step = 0; atom_load_relaxed(&engine->phase) == PHASE_LEAD_IN ||
			   (growing && step < ENGINE_CHUNK_STEPS);
		step++) {
		uint64_t began_ns = clock_now_ns();

		if (run_chunk(engine, self, self->rounds) == 0)
			continue;
		uint64_t took_ns = clock_now_ns() - began_ns;
		growing = took_ns < ENGINE_CHUNK_NS / 2 && self->rounds < ENGINE_CHUNK_ROUNDS_MAX;
		if (growing)
			self->rounds *= 2;
		else if (took_ns > ENGINE_CHUNK_NS && self->rounds > 1)
			self->rounds /= 2;
	}
}

/*
 * The readings stand outside the window, for they are system calls: the first before its start is
 * noted, the second after its stop.
 */
static void runner_run(struct runner *self)
{
	struct engine *engine = self->engine;
	uint64_t units = 0;

	atom_store_relaxed(&self->running, 1); /* a hint for the coordinator's sleep */
	while (atom_load_relaxed(&engine->phase) == PHASE_GATHER)
		run_chunk(engine, self, 1);
	run_lead_in(engine, self);
	take_reading(self, 0, &self->from);
	atom_store_relaxed(&self->started_ns, clock_now_ns()); /* a hint too */
	while (atom_load_relaxed(&engine->phase) == PHASE_MEASURE)
		units += run_chunk(engine, self, self->rounds);
	self->stopped_ns = clock_now_ns();
	take_reading(self, units, &self->to);
}

static int runner_attach(struct runner *self)
{
	struct engine *engine = self->engine;

	return engine->subject.ops->attach(engine->pool, &self->t.self);
}

static void runner_detach(struct runner *self)
{
	const struct pool_ops *ops = self->engine->subject.ops;

	ops->flush(self->engine->pool, self->t.self);
	ops->detach(self->engine->pool, self->t.self);
}

/*
 * Makes the pool's memory resident: gets every object, writes to each of its pages, and puts all
 * back, the first one last. A write of zero keeps the promise that fresh objects are zero.
 */
static int runner_fill(struct runner *self)
{
	struct engine *engine = self->engine;
	const struct pool_ops *ops = engine->subject.ops;
	uint32_t capacity = engine->cell.capacity;
	uint32_t got = 0;
	int rc = runner_attach(self);

	if (rc != 0)
		return rc;
	while (got < capacity && (engine->fill[got] = ops->get(engine->pool, self->t.self)) != NULL)
		got++;
	for (uint32_t i = 0; i < got; i++) {
		for (size_t at = 0; at < engine->pool->config.object_bytes;
			at += ENGINE_TOUCH_BYTES)
			((unsigned char *)engine->fill[i])[at] = 0;
	}
	while (got > 0)
		ops->put(engine->pool, self->t.self, engine->fill[--got]);
	runner_detach(self);
	return 0;
}

static int runner_enter(struct runner *self)
{
	struct engine *engine = self->engine;
	const struct workload *workload = engine->subject.workload;
	int rc = 0;

	if (workload->create == NULL) {
		rc = runner_attach(self);
		if (rc != 0)
			return rc;
		self->stage = STAGE_ATTACHED;
	}
	if (workload->enter != NULL)
		rc = workload->enter(engine->subject.ops, engine->pool, &self->t);
	if (rc == 0)
		self->stage = STAGE_ENTERED;
	return rc;
}

static void runner_leave(struct runner *self)
{
	struct engine *engine = self->engine;
	const struct workload *workload = engine->subject.workload;

	if (self->stage == STAGE_ENTERED && workload->leave != NULL)
		workload->leave(engine->subject.ops, engine->pool, &self->t);
	if (self->stage >= STAGE_ATTACHED && workload->create == NULL)
		runner_detach(self);
	self->stage = STAGE_PARKED;
}

static int runner_obey(struct runner *self, enum order order)
{
	switch (order) {
	case ORDER_FILL:
		return self->t.index == 0 ? runner_fill(self) : 0;
	case ORDER_ENTER:
		return runner_enter(self);
	case ORDER_RUN:
		runner_run(self);
		return 0;
	case ORDER_LEAVE:
		runner_leave(self);
		return 0;
	case ORDER_EXIT:
		return 0;
	}
	return -EINVAL;
}

/* Parks until there is an order younger than the one numbered *obeyed. */
static enum order runner_await(struct engine *engine, uint64_t *obeyed)
{
	pthread_mutex_lock(&engine->mutex);
	while (engine->orders == *obeyed)
		pthread_cond_wait(&engine->ordered, &engine->mutex);
	*obeyed = engine->orders;
	enum order order = engine->order;
	pthread_mutex_unlock(&engine->mutex);
	return order;
}

static void *runner_main(void *arg)
{
	struct runner *self = arg;
	struct engine *engine = self->engine;
	int pinned = topology_pin(self->cpu);
	uint64_t obeyed = 0;
	enum order order;

	do {
		order = runner_await(engine, &obeyed);
		self->rc = pinned == 0 ? runner_obey(self, order) : pinned;
		pthread_mutex_lock(&engine->mutex);
		if (--engine->pending == 0)
			pthread_cond_signal(&engine->finished);
		pthread_mutex_unlock(&engine->mutex);
	} while (order != ORDER_EXIT);
	return NULL;
}

/*
 * The coordinator's side.
 */

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

static struct engine_thread figures_of(const struct runner *runner, uint64_t window_ns)
{
	const struct reading *from = &runner->from;
	const struct reading *to = &runner->to;

	return (struct engine_thread){
		.cpu = runner->cpu,
		.units = to->units,
		.window_ns = window_ns,
		.cpu_ns = to->cpu_ns - from->cpu_ns,
		.nvcsw = (uint64_t)(to->usage.ru_nvcsw - from->usage.ru_nvcsw),
		.nivcsw = (uint64_t)(to->usage.ru_nivcsw - from->usage.ru_nivcsw),
		.minflt = (uint64_t)(to->usage.ru_minflt - from->usage.ru_minflt),
	};
}

static void add_paths(struct pool_paths *sum, const struct reading *from, const struct reading *to)
{
	sum->refill += to->paths.refill - from->paths.refill;
	sum->flush += to->paths.flush - from->paths.flush;
	sum->grow += to->paths.grow - from->paths.grow;
	sum->steal += to->paths.steal - from->paths.steal;
	sum->empty += to->paths.empty - from->paths.empty;
}

/* Throughput and fairness: each lane speaks through its last thread. */
static void add_up_lanes(struct engine *self, struct engine_slice *out)
{
	uint32_t lane_threads = self->subject.workload->lane_threads;
	double squares = 0;
	double slowest = 0;
	double lanes = 0;

	for (uint32_t i = lane_threads - 1; i < self->started; i += lane_threads) {
		const struct engine_thread *figures = &self->figures[i];
		double rate = (double)figures->units * CLOCK_NS_PER_S / (double)figures->window_ns;

		out->units += figures->units;
		out->units_per_s += rate;
		squares += rate * rate;
		if (lanes == 0 || rate < slowest)
			slowest = rate;
		lanes++;
	}
	/* Where nobody got anything done, all were treated alike. */
	bool any = out->units_per_s > 0;
	out->jain = any ? out->units_per_s * out->units_per_s / (lanes * squares) : 1;
	out->slowest_share = any ? slowest * lanes / out->units_per_s : 1;
}

/* When the threads started and stopped. */
struct span {
	uint64_t first_start, last_start;
	uint64_t first_stop, last_stop;
};

static struct span find_span(struct engine *self)
{
	struct span span = {.first_start = UINT64_MAX, .first_stop = UINT64_MAX};

	for (uint32_t i = 0; i < self->started; i++) {
		uint64_t start = atom_load_relaxed(&self->runners[i].started_ns);
		uint64_t stop = self->runners[i].stopped_ns;

		span.first_start = start < span.first_start ? start : span.first_start;
		span.last_start = start > span.last_start ? start : span.last_start;
		span.first_stop = stop < span.first_stop ? stop : span.first_stop;
		span.last_stop = stop > span.last_stop ? stop : span.last_stop;
	}
	return span;
}

/* The spread of the starts or of the stops, whichever is larger, by the window. */
static double skew_of(const struct span *span)
{
	uint64_t starts = span->last_start - span->first_start;
	uint64_t stops = span->last_stop - span->first_stop;

	return (double)(starts > stops ? starts : stops) /
	       (double)(span->last_stop - span->first_start);
}

/*
 * Everything of a slice, from what the threads noted. A thread's rate is by its own window, in
 * which it had a CPU. Where threads take turns on a CPU, their windows begin and end with their
 * turns, and a rate by them would leave out the waiting: there the whole span is everybody's
 * window.
 */
static void add_up(struct engine *self, uint64_t own_preemptions, struct engine_slice *out)
{
	const struct span span = find_span(self);
	uint64_t preemptions = 0;

	*out = (struct engine_slice){
		.threads = self->figures,
		.window_ns = span.last_stop - span.first_start,
		.skew = skew_of(&span),
	};
	for (uint32_t i = 0; i < self->started; i++) {
		struct runner *runner = &self->runners[i];
		uint64_t own_ns = runner->stopped_ns - atom_load_relaxed(&runner->started_ns);

		self->figures[i] =
			figures_of(runner, self->oversubscribed ? out->window_ns : own_ns);
		preemptions += self->figures[i].nivcsw;
		out->failed += runner->to.failed - runner->from.failed;
		add_paths(&out->paths, &runner->from, &runner->to);
		if (runner->from.cpu != (int)runner->cpu || runner->to.cpu != (int)runner->cpu)
			out->flags |= ENGINE_MIGRATED;
	}
	add_up_lanes(self, out);
	if (self->oversubscribed)
		return; /* skew and preemption are what such a cell is about */
	if (out->skew > ENGINE_SKEW_MAX)
		out->flags |= ENGINE_SKEW;
	if (preemptions > own_preemptions)
		out->flags |= ENGINE_NIVCSW;
}

static void measure(
	struct engine *self, uint64_t window_ns, uint64_t lead_in_ns, struct engine_slice *out)
{
	for (uint32_t i = 0; i < self->started; i++) {
		atom_store_relaxed(&self->runners[i].running, 0);
		atom_store_relaxed(&self->runners[i].started_ns, 0);
	}
	atom_store_relaxed(&self->phase, PHASE_GATHER); /* seen with the order */
	give_order(self, ORDER_RUN);
	do {
		clock_sleep_until_ns(clock_now_ns() + ENGINE_WAKE_NS);
	} while (!all_running(self));
	atom_store_relaxed(&self->phase, PHASE_LEAD_IN);
	clock_sleep_until_ns(clock_now_ns() + lead_in_ns);
	atom_store_relaxed(&self->phase, PHASE_MEASURE);
	uint64_t woke = sleep_window(self, window_ns);
	atom_store_relaxed(&self->phase, PHASE_STOP);
	await_finish(self);
	add_up(self, woke, out);
}

uint64_t engine_warm(struct engine *self, uint64_t window_ns)
{
	struct engine_slice slice;

	measure(self, window_ns / 2, window_ns / 2, &slice);
	return slice.units;
}

void engine_slice(
	struct engine *self, uint64_t window_ns, uint64_t lead_in_ns, struct engine_slice *out)
{
	measure(self, window_ns, lead_in_ns, out);
	if (out->flags & ENGINE_SKEW)
		measure(self, window_ns, lead_in_ns, out);
}

/*
 * Opening and closing.
 */

/* Writes the sentence about a number that is out of its range; false. */
static bool out_of_range(char *why, const char *name, uint64_t value, uint64_t least, uint64_t most)
{
	snprintf(why, ENGINE_REASON_BYTES,
		"%s is %" PRIu64 "; it must be %" PRIu64 "..%" PRIu64 ".", name, value, least,
		most);
	return false;
}

static bool in_range(char *why, const char *name, uint64_t value, uint64_t least, uint64_t most)
{
	return (value >= least && value <= most) || out_of_range(why, name, value, least, most);
}

static bool is_power_of_two(char *why, const char *name, uint64_t value)
{
	if ((value & (value - 1)) == 0)
		return true;
	snprintf(why, ENGINE_REASON_BYTES, "%s is %" PRIu64 "; it must be a power of two.", name,
		value);
	return false;
}

int engine_check(const struct pool_ops *ops, const struct workload *workload,
	const struct engine_cell *cell, char *why)
{
	const struct workload_cell *shape = &cell->shape;
	uint32_t burst_max = workload->burst_max ? workload->burst_max : POOL_BULK_MAX;

	if (!in_range(why, "threads", shape->threads, 1, ENGINE_THREADS_MAX) ||
		!in_range(why, "burst", shape->burst, 1, burst_max) ||
		!in_range(why, "depth", shape->depth, 1, ENGINE_DEPTH_MAX) ||
		!in_range(why, "object_bytes", cell->object_bytes, POOL_OBJECT_BYTES_MIN,
			POOL_OBJECT_BYTES_MAX) ||
		!in_range(why, "capacity", cell->capacity, 0, ENGINE_CAPACITY_MAX))
		return -EINVAL;
	if (workload->capacity != NULL && cell->capacity != 0 &&
		cell->capacity != workload->capacity(shape)) {
		snprintf(why, ENGINE_REASON_BYTES,
			"capacity is %" PRIu32 "; %s is about a pool of exactly %" PRIu32
			" objects, which is 0's meaning.",
			cell->capacity, workload->name, workload->capacity(shape));
		return -EINVAL;
	}
	if (shape->threads % workload->lane_threads != 0) {
		snprintf(why, ENGINE_REASON_BYTES,
			"threads is %" PRIu32 "; %s needs a multiple of %" PRIu32 ".",
			shape->threads, workload->name, workload->lane_threads);
		return -EINVAL;
	}
	if (cell->object_align != 0 &&
		(!in_range(why, "object_align", cell->object_align, POOL_OBJECT_ALIGN_MIN,
			 POOL_OBJECT_ALIGN_MAX) ||
			!is_power_of_two(why, "object_align", cell->object_align)))
		return -EINVAL;
	if (workload->create != NULL && cell->pages != MEMORY_PAGES_ORDINARY) {
		snprintf(why, ENGINE_REASON_BYTES,
			"pages must be ordinary; %s makes its own pool, which has no others.",
			workload->name);
		return -EINVAL;
	}
	if (workload->create != NULL && cell->object_align != 0) {
		snprintf(why, ENGINE_REASON_BYTES,
			"object_align must not be given; %s makes its own pool, whose objects have "
			"an alignment of their own.",
			workload->name);
		return -EINVAL;
	}
	if (ops->traits.kind == POOL_KIND_ALLOCATOR && cell->pages != MEMORY_PAGES_ORDINARY) {
		snprintf(why, ENGINE_REASON_BYTES,
			"pages are %s; %s takes its memory from the system by itself.",
			memory_pages_name(cell->pages), ops->name);
		return -EINVAL;
	}
	if (workload->holds_many && ops->traits.kind == POOL_KIND_NULL) {
		snprintf(why, ENGINE_REASON_BYTES,
			"%s writes to several objects at once; %s has the same one for all.",
			workload->name, ops->name);
		return -EINVAL;
	}
	if (shape->threads > 1 && ops->traits.progress == POOL_UNSYNCHRONISED &&
		ops->traits.kind == POOL_KIND_POOL) {
		snprintf(why, ENGINE_REASON_BYTES,
			"threads is %" PRIu32 "; %s is for one thread only.", shape->threads,
			ops->name);
		return -EINVAL;
	}
	return 0;
}

uint32_t engine_capacity(const struct workload *workload, const struct workload_cell *shape)
{
	if (workload->capacity != NULL)
		return workload->capacity(shape);
	return shape->threads * (workload->demand(shape) + ENGINE_STRANDED_OBJECTS);
}

/* Explicit huge pages are what a pool of them lacks, where it lacks memory at all. */
static int no_huge_pages(const struct engine_cell *cell, char *why)
{
	snprintf(why, ENGINE_REASON_BYTES,
		"There are no huge pages for %" PRIu32 " objects of %zu bytes; reserve some with "
		"vm.nr_hugepages, or ask for transparent ones.",
		cell->capacity, cell->object_bytes);
	return -ENOTSUP;
}

int engine_create_pool(const struct workload_case *subject, const struct engine_cell *cell,
	void **shared, struct pool **pool, char *why)
{
	const struct pool_ops *ops = subject->ops;
	const struct pool_config config = {
		.object_bytes = cell->object_bytes,
		.object_align = cell->object_align,
		.capacity = cell->capacity,
		.pages = cell->pages,
	};
	char reason[POOL_REASON_BYTES];

	if (!ops->supported(reason)) {
		snprintf(why, ENGINE_REASON_BYTES, "%s cannot run here: %s", ops->name, reason);
		return -ENOTSUP;
	}
	int rc;
	if (subject->workload->create != NULL)
		rc = subject->workload->create(ops, &config, &cell->shape, shared, pool);
	else
		rc = pool_create(ops, &config, pool);
	if (rc == -EOVERFLOW)
		snprintf(why, ENGINE_REASON_BYTES,
			"%" PRIu32 " objects of %zu bytes are more than %s can name; use smaller "
			"objects or fewer threads.",
			config.capacity, config.object_bytes, ops->name);
	else if (rc == -ENOMEM && config.pages == MEMORY_PAGES_HUGE)
		return no_huge_pages(cell, why);
	else if (rc != 0)
		snprintf(why, ENGINE_REASON_BYTES,
			"A %s pool of %" PRIu32 " objects of %zu bytes cannot be created: %s.",
			ops->name, config.capacity, config.object_bytes, strerror(-rc));
	return rc;
}

/* Says which CPU each thread will have. */
static int choose_cpus(struct engine *self)
{
	uint32_t cpus[ENGINE_THREADS_MAX];
	int allowed = topology_cpus(self->cell.placement, cpus, ENGINE_THREADS_MAX);

	if (allowed < 0)
		return allowed;
	for (uint32_t i = 0; i < self->cell.shape.threads; i++) {
		self->runners[i].cpu = cpus[i % (uint32_t)allowed];
		self->runners[i].rounds = 1;
	}
	self->oversubscribed = self->cell.shape.threads > (uint32_t)allowed;
	return 0;
}

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

/* Everything between an empty engine and threads that are ready to run. */
static int set_up(struct engine *self, char *why)
{
	const struct workload *workload = self->subject.workload;
	const size_t fill_bytes = self->cell.capacity * sizeof(void *);
	int rc = choose_cpus(self);

	if (rc == 0)
		rc = start_threads(self);
	if (rc != 0) {
		snprintf(why, ENGINE_REASON_BYTES, "%" PRIu32 " threads cannot be started: %s.",
			self->cell.shape.threads, strerror(-rc));
		return rc;
	}
	self->fill = malloc(fill_bytes);
	if (self->fill == NULL) {
		snprintf(why, ENGINE_REASON_BYTES, "There is no memory to open the cell.");
		return -ENOMEM;
	}
	memset(self->fill, 0xff, fill_bytes); /* resident before the pool's memory is counted */
	uint64_t before = engine_rss_bytes();
	rc = engine_create_pool(&self->subject, &self->cell, &self->shared, &self->pool, why);
	if (rc != 0)
		return rc;

	rc = have_obeyed(self, ORDER_FILL);
	if (rc == 0 && workload->open != NULL)
		rc = workload->open(
			self->subject.ops, self->pool, &self->cell.shape, &self->shared);
	self->opened = rc == 0;
	for (uint32_t i = 0; i < self->started; i++)
		self->runners[i].t.shared = self->shared;
	if (rc == 0)
		rc = have_obeyed(self, ORDER_ENTER);
	if (rc == -ENOMEM && self->cell.pages == MEMORY_PAGES_HUGE)
		rc = no_huge_pages(&self->cell, why); /* null maps them when it is attached to */
	else if (rc != 0)
		snprintf(why, ENGINE_REASON_BYTES, "%s cannot be started on %s: %s.",
			workload->name, self->subject.ops->name, strerror(-rc));
	uint64_t after = engine_rss_bytes();
	self->pool_bytes = after > before ? after - before : 0;
	free(self->fill);
	self->fill = NULL;
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
	}
	have_obeyed(self, ORDER_EXIT);
	for (uint32_t i = 0; i < self->started; i++)
		pthread_join(self->runners[i].thread, NULL);
	free(self->fill);
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

/* The figure in KiB after key in a file of /proc, in bytes; 0 if it is not there. */
static uint64_t proc_bytes(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	char line[256];
	uint64_t kib = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0) {
			kib = strtoull(line + strlen(key), NULL, 10);
			break;
		}
	}
	if (file != NULL)
		fclose(file);
	return kib * 1024;
}

/* Not from statm: its counters lag behind by some pages a CPU. */
uint64_t engine_rss_bytes(void)
{
	return proc_bytes("/proc/self/smaps_rollup", "Rss:");
}

/* Not from getrusage: that figure outlives exec, and would be the controller's. */
uint64_t engine_rss_peak_bytes(void)
{
	return proc_bytes("/proc/self/status", "VmHWM:");
}

void engine_flags_text(unsigned flags, char text[ENGINE_FLAGS_BYTES])
{
	static const char *const words[] = {"skew", "nivcsw", "migrated"};
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < array_count(words); i++) {
		if (flags & (1U << i))
			at += (size_t)snprintf(text + at, ENGINE_FLAGS_BYTES - at, "%s%s",
				at > 0 ? " " : "", words[i]);
	}
}
