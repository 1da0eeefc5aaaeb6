/*
 * The thread's side of the engine: waits for orders, fills the pool, runs the workload in chunks.
 *
 * A chunk is so long that the look at the phase costs nothing, unless its rounds are long. Where
 * more threads than CPUs pass a lock on in the order of their coming, each hand-over waits for a
 * thread that has no CPU, and a round takes a scheduler's turn for each thread. Chunks of 64
 * rounds made a slice of 20 ms take a second there, since no thread could stop earlier. So each
 * thread finds out in the lead-in, when all run, how long its rounds are. The figure of such a
 * cell is coarse all the same: its window holds few rounds, and a round under way at either end
 * counts wholly or not at all.
 */
#include "bench/engine/runner.h"

#include "bench/base/clock.h"
#include "bench/base/escape.h"
#include "bench/base/splitmix.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

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
	 * A latency slice. One call in so many is timed where that is cheap. The price of a timed
	 * round is taken from the best of some tries of some rounds.
	 */
	ENGINE_TIMED_CALLS = 64,
	ENGINE_TIMED_TRIES = 4,
	ENGINE_TIMED_ROUNDS = 16,
	ENGINE_TRIES_NS = 50000000, /* beyond this the tries end with the round under way */
	ENGINE_TIMED_DISTANCE_MAX = 1 << 20,
	ENGINE_PROBES = 256, /* empty pairs of readings a slice */
	ENGINE_PROBE_TRIES = 4,
	/* Rounds from one that leaves marks to the next, in the mean: they touch what all gets look at. */
	ENGINE_MARKS_DISTANCE = 16,
	ENGINE_EVERY_PARTS = 8, /* a chunk has so much fewer rounds where every call is timed */
	/* The smallest page: a write to each makes all memory resident. */
	ENGINE_TOUCH_BYTES = 4096,
	/* Of stack, more than a run was seen to need; a thread has 8 MiB of addresses for it. */
	ENGINE_STACK_BYTES = 32 << 10,
};

static void take_reading(struct runner *self, uint64_t units, struct reading *out)
{
	getrusage(RUSAGE_THREAD, &out->usage);
	out->cpu_ns = clock_thread_cpu_ns();
	out->units = units;
	out->failed = self->t.failed;
	out->paths = self->t.self->paths;
	out->cpu = sched_getcpu();
	atom_tally_read(&out->tally);
	out->counted = counters_read(&self->counters, out->counts);
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
	uint64_t done = self->body(engine->pool, &self->t, rounds);

	if (unlikely(done == 0))
		wait_for_peer(engine);
	return done;
}

/*
 * Latency slices.
 */

static uint64_t run_timed_round(struct engine *engine, struct runner *self)
{
	self->latency->timing = true;
	uint64_t done = engine->subject.timed(engine->pool, &self->t, 1);
	self->latency->timing = false;
	return done;
}

static uint64_t calls_timed(const struct latency *latency)
{
	uint64_t calls = 0;

	for (int i = 0; i < LATENCY_CLASSES; i++)
		calls += histogram_count(&latency->of[i].histogram);
	return calls;
}

/*
 * How far apart timed rounds are. A timed round costs its readings, and a call and a mispredicted
 * exit from the loop before it. The distance is such that all this takes ENGINE_TIMED_SHARE of the
 * time, but not less than makes one call in ENGINE_TIMED_CALLS timed. Where the body waits for its
 * peer the tries don't tell how long a round takes, and the distance is as it was: at first
 * ENGINE_UNTRIED_OBJECTS, and not less than ENGINE_UNTRIED_CALLS rounds for each call of one. Where
 * threads wait in line for CPUs a round takes seconds, and one says enough.
 */
static void choose_distance(struct engine *engine, struct runner *self)
{
	const uint64_t until_ns = clock_now_ns() + ENGINE_TRIES_NS;
	double round_ns = 0, timed_ns = 0;
	int tried = 0, done = 0; /* timed rounds; those that did something */

	latency_forget_calls(self->latency);
	for (int try = 0; try < ENGINE_TIMED_TRIES; try++) {
		uint64_t began_ns = clock_now_ns();
		bool waited = run_chunk(engine, self, self->rounds) == 0;
		uint64_t then_ns = clock_now_ns();
		const int rounds = then_ns < until_ns ? ENGINE_TIMED_ROUNDS : 1;

		for (int i = 0; i < rounds; i++) {
			const bool did = run_timed_round(engine, self) > 0;

			waited |= !did;
			done += did;
		}
		uint64_t now_ns = clock_now_ns();
		tried += rounds;
		if (now_ns >= until_ns)
			try = ENGINE_TIMED_TRIES;
		if (waited)
			continue;
		double plain = (double)(then_ns - began_ns) / (double)self->rounds;
		double timed = (double)(now_ns - then_ns) / rounds;
		round_ns = round_ns == 0 || plain < round_ns ? plain : round_ns;
		timed_ns = timed_ns == 0 || timed < timed_ns ? timed : timed_ns;
	}
	if (round_ns == 0) {
		const uint64_t calls = done > 0 ? calls_timed(self->latency) / (uint64_t)done : 0;

		if (self->distance < ENGINE_UNTRIED_CALLS * calls)
			self->distance = ENGINE_UNTRIED_CALLS * calls;
		return;
	}
	double calls = (double)calls_timed(self->latency) / tried;
	double distance = timed_ns / (ENGINE_TIMED_SHARE * round_ns);
	double least = calls > 1 ? ENGINE_TIMED_CALLS / calls : ENGINE_TIMED_CALLS;
	if (distance < least)
		distance = least;
	if (distance > ENGINE_TIMED_DISTANCE_MAX)
		distance = ENGINE_TIMED_DISTANCE_MAX;
	self->distance = distance < 1 ? 1 : (uint64_t)distance;
}

/*
 * What a pair of readings takes by its own account, and what it takes in all, of some tries the one
 * that took the least.
 */
static void time_pairs(struct runner *self)
{
	struct latency *latency = self->latency;
	struct latency_whole best = {.pairs_ns = UINT64_MAX};

	latency_forget(latency);
	for (int try = 0; try < ENGINE_PROBE_TRIES; try++) {
		latency_forget_calls(latency);
		const uint64_t began_ns = clock_now_ns();
		for (int i = 0; i < ENGINE_PROBES; i++) {
			struct latency_start start;

			latency_begin(&start, true, latency, self->t.self);
			latency_end(&start, latency, self->t.self);
		}
		const uint64_t took_ns = clock_now_ns() - began_ns;
		if (took_ns < best.pairs_ns)
			best = (struct latency_whole){.pairs = ENGINE_PROBES,
				.pairs_sum = latency->of[LATENCY_FAST].sum,
				.pairs_ns = took_ns};
	}
	latency_forget_calls(latency);
	latency->whole = best;
}

/* Everything that must be known before the window; in the lead-in, when the others run as well. */
static void prepare_timing(struct engine *engine, struct runner *self, enum order order)
{
	if (order == ORDER_RUN_AGES) {
		latency_forget(self->latency);
		return;
	}
	if (order == ORDER_RUN_EVERY) {
		time_pairs(self);
		return;
	}
	choose_distance(engine, self);
	latency_forget_calls(self->latency);
	for (int i = 0; i < ENGINE_PROBES; i++) {
		uint64_t first = ticks_first(&engine->ticks);
		uint64_t last = ticks_last(&engine->ticks);

		latency_record(&self->latency->of[LATENCY_PROBE],
			ticks_between(&engine->ticks, first, last));
	}
}

/* Rounds until the next timed one: from 1 to twice the distance, evenly. */
static uint64_t draw_distance(struct runner *self, uint64_t distance)
{
	self->random += SPLITMIX_STEP;
	return 1 + splitmix(self->random) % (2 * distance);
}

/* The window of a latency slice: now and then a round whose calls are timed, or that leaves marks. */
static uint64_t run_window_timed(struct engine *engine, struct runner *self, uint64_t distance)
{
	uint64_t left = draw_distance(self, distance);
	uint64_t units = 0;

	while (atom_load_relaxed(&engine->phase) == PHASE_MEASURE) {
		uint64_t rounds = left < self->rounds ? left : self->rounds;
		uint64_t done = run_chunk(engine, self, rounds);

		units += done;
		left -= done > 0 ? rounds : 0;
		if (left > 0)
			continue;
		done = run_timed_round(engine, self);
		self->latency->units += done;
		units += done;
		left = done > 0 ? draw_distance(self, distance) : 1;
	}
	return units;
}

/*
 * The window of a slice in which every call is timed. While a body can't go on, and makes no call, it
 * waits for its peer: that time is known by itself, and what the body does in it is not work.
 */
static uint64_t run_window_every(struct engine *engine, struct runner *self)
{
	struct latency *latency = self->latency;
	const uint64_t rounds =
		self->rounds > ENGINE_EVERY_PARTS ? self->rounds / ENGINE_EVERY_PARTS : 1;
	const uint64_t began_ns = clock_now_ns();
	uint64_t waits_ns = 0; /* since then; 0: it does not */
	uint64_t units = 0;

	latency->timing = latency->every = true;
	while (atom_load_relaxed(&engine->phase) == PHASE_MEASURE) {
		const uint64_t now_ns = waits_ns > 0 ? clock_now_ns() : 0;
		const struct latency_whole before = latency->whole;
		const uint64_t calls = latency->calls;
		const uint64_t done = engine->subject.timed(engine->pool, &self->t, rounds);

		units += done;
		if (done > 0 || latency->calls > calls) {
			latency->whole.waited_ns += waits_ns > 0 ? now_ns - waits_ns : 0;
			waits_ns = 0;
			if (done == 0 && engine->oversubscribed)
				sched_yield();
			continue;
		}
		if (waits_ns > 0)
			latency->whole = before;
		else
			waits_ns = clock_now_ns();
		wait_for_peer(engine);
	}
	latency->timing = latency->every = false;
	const uint64_t ended_ns = clock_now_ns();
	latency->whole.waited_ns += waits_ns > 0 ? ended_ns - waits_ns : 0;
	latency->whole.window_ns = ended_ns - began_ns;
	latency->units = units;
	return units;
}

/*
 * The lead-in, which finds the length of a chunk. A chunk starts with one round. It is doubled
 * while it takes less than half of ENGINE_CHUNK_NS, and halved where it takes more than all of
 * that. The search goes on beyond the lead-in until the length is found. A body that had to wait
 * for its peer says nothing about the length. One interruption is enough to halve a chunk: if it
 * took two, chunks would grow without end where every other one waits for a thread that has no
 * CPU.
 */
static void run_lead_in(struct engine *engine, struct runner *self, enum order order)
{
	bool growing = true;
	bool prepared = order == ORDER_RUN;

	for (int step = 0; atom_load_relaxed(&engine->phase) == PHASE_LEAD_IN ||
			   (growing && step < ENGINE_CHUNK_STEPS) || !prepared;
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
		if (!prepared && !growing) {
			prepare_timing(engine, self, order);
			prepared = true;
		}
	}
}

/*
 * The readings are system calls, so they stand outside the window: the first before its start is
 * noted, the second after its stop.
 */
void runner_enters_window(struct runner *self)
{
	self->t.scarcity = (struct workload_scarcity){0};
	take_reading(self, 0, &self->from);
	atom_store_relaxed(&self->started_ns, clock_now_ns()); /* a hint too */
}

static uint64_t run_window(struct engine *engine, struct runner *self)
{
	uint64_t units = 0;

	while (atom_load_relaxed(&engine->phase) == PHASE_MEASURE)
		units += run_chunk(engine, self, self->rounds);
	return units;
}

static uint64_t run_closed_loop(struct engine *engine, struct runner *self, enum order order)
{
	/* Every get looks for marks from the first round on, or none does. */
	self->body = order == ORDER_RUN_AGES ? engine->subject.timed : engine->subject.run;
	atom_store_relaxed(&self->running, 1); /* a hint for the coordinator's sleep */
	while (atom_load_relaxed(&engine->phase) == PHASE_GATHER)
		run_chunk(engine, self, 1);
	run_lead_in(engine, self, order);
	runner_enters_window(self);
	switch (order) {
	case ORDER_RUN_TIMED:
		return run_window_timed(engine, self, self->distance);
	case ORDER_RUN_AGES:
		return run_window_timed(engine, self, ENGINE_MARKS_DISTANCE);
	case ORDER_RUN_EVERY:
		return run_window_every(engine, self);
	default:
		return run_window(engine, self);
	}
}

static void runner_run(struct runner *self, enum order order)
{
	struct engine *engine = self->engine;
	const uint64_t units = order == ORDER_RUN_OPEN ? open_loop_run(engine, self)
						       : run_closed_loop(engine, self, order);

	self->stopped_ns = clock_now_ns();
	take_reading(self, units, &self->to);
}

/* Has the stack that a run needs in memory, so that it is not counted as what a pool holds. */
static __attribute__((noinline)) int runner_warm(void)
{
	unsigned char stack[ENGINE_STACK_BYTES];

	memset(stack, 0xff, sizeof(stack));
	bench_escape(stack);
	return 0;
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
	case ORDER_WARM:
		return runner_warm();
	case ORDER_FILL:
		return self->t.index == 0 ? runner_fill(self) : 0;
	case ORDER_ENTER:
		return runner_enter(self);
	case ORDER_RUN:
	case ORDER_RUN_TIMED:
	case ORDER_RUN_AGES:
	case ORDER_RUN_EVERY:
	case ORDER_RUN_OPEN:
		runner_run(self, order);
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

void *runner_main(void *arg)
{
	struct runner *self = arg;
	struct engine *engine = self->engine;
	int pinned = topology_pin(self->cpu);
	uint64_t obeyed = 0;
	enum order order;

	counters_open(&self->counters);
	do {
		order = runner_await(engine, &obeyed);
		self->rc = pinned == 0 ? runner_obey(self, order) : pinned;
		pthread_mutex_lock(&engine->mutex);
		if (--engine->pending == 0)
			pthread_cond_signal(&engine->finished);
		pthread_mutex_unlock(&engine->mutex);
	} while (order != ORDER_EXIT);
	counters_close(&self->counters);
	return NULL;
}
