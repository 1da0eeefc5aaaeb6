/* See selftest_rows.h. */
#include "bench/command/selftest_rows.h"

#include "alloc/atomic.h"
#include "bench/base/clock.h"
#include "bench/base/escape.h"
#include "bench/base/splitmix.h"
#include "bench/engine/instances.h"
#include "bench/engine/topology.h"

#include <linux/membarrier.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/* Half of the shortest of `sweep --quick`, for the sake of the three minutes. */
	SLICE_NS = 500000,
	LEAD_IN_NS = SLICE_NS / 10,
	OBJECT_BYTES = 256, /* a sweep's usual size */
	/* A slowed row waits for so long at once: a reading of the clock more is little of it. */
	WAIT_NS = 1000,
	UNSLOWED_SLICES = 3, /* tell what a unit takes before it is slowed */
	LOOP_TRIES = 50,
	LOOP_ROUNDS = 1 << 20, /* half a millisecond */
};

/*
 * The slowed row. What its rounds owe is waited for in whole WAIT_NS, by the clock: work that is
 * merely computed to take so long overlaps with the rounds beside it and takes less. The thread of
 * the row alone reads and writes it while it runs, the coordinator while it is parked.
 */
static struct {
	workload_body body;
	double ns_a_round, owed_ns;
} slowed;

static uint64_t run_slowed(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	const uint64_t done = slowed.body(pool, t, n);

	slowed.owed_ns += slowed.ns_a_round * (double)n;
	if (slowed.owed_ns < WAIT_NS)
		return done;

	const uint64_t start = clock_now_ns();
	uint64_t now;

	while ((double)((now = clock_now_ns()) - start) < slowed.owed_ns)
		;
	slowed.owed_ns -= (double)(now - start);
	if (slowed.owed_ns < -WAIT_NS) /* something else had the CPU */
		slowed.owed_ns = 0;
	return done;
}

struct rows rows_of(const char *pool, uint32_t threads, double share)
{
	struct rows rows = {
		.cell = {.shape = {.threads = threads, .burst = 1, .depth = 1, .seed = 1},
			.object_bytes = OBJECT_BYTES},
		.slowed = share,
	};

	if (!instance_find(pool, INSTANCE_FOLDED, "pair", &rows.subject))
		snprintf(rows.why, sizeof(rows.why), "there is no strategy '%s'", pool);
	return rows;
}

static double ns_a_unit(struct engine *engine, uint32_t threads, struct engine_slice *slice)
{
	engine_slice(engine, SLICE_NS, LEAD_IN_NS, slice);
	return slice->units_per_s > 0 ? threads * (double)CLOCK_NS_PER_S / slice->units_per_s : NAN;
}

/* Has the second row owe a share of what its own units take. */
static void slow_down(struct rows *self, struct engine *engine)
{
	double least = INFINITY;
	struct engine_slice slice;

	slowed.ns_a_round = slowed.owed_ns = 0;
	for (int i = 0; i < UNSLOWED_SLICES; i++)
		least = fmin(least, ns_a_unit(engine, 1, &slice));
	slowed.ns_a_round = self->slowed * least;
}

bool rows_measure(void *source, uint64_t seed, struct trials_block *blocks, unsigned n)
{
	struct rows *self = source;
	struct workload_case subject[2] = {self->subject, self->subject};
	struct engine *engine[2] = {NULL, NULL};
	bool opened = self->why[0] == '\0';

	if (self->slowed > 0) {
		slowed.body = self->subject.run;
		subject[1].run = run_slowed;
	}
	/* Who is opened first has other memory: that is drawn as well. */
	for (unsigned i = 0; i < 2 && opened; i++) {
		const unsigned side = (i ^ (unsigned)seed) & 1;

		opened = engine_open(&subject[side], &self->cell, &engine[side], self->why) == 0;
	}
	if (opened && self->slowed > 0)
		slow_down(self, engine[1]);
	for (unsigned b = 0; b < n && opened; b++) {
		seed = splitmix(seed);
		for (unsigned i = 0; i < 2; i++) {
			const unsigned side = (i ^ (unsigned)seed) & 1;
			struct engine_slice slice;

			blocks[b].log_ns[side] =
				log(ns_a_unit(engine[side], self->cell.shape.threads, &slice));
			blocks[b].flagged[side] = slice.flags != 0;
		}
	}
	for (unsigned side = 0; side < 2; side++) {
		if (engine[side] != NULL)
			engine_close(engine[side], NULL);
	}
	return opened;
}

/* The loop by itself; arg: receives ns a round. */
static void *time_loop(void *arg)
{
	struct workload_thread hand = {.self = (struct pool_thread *)&hand};
	const uint64_t start = clock_now_ns();
	const uint64_t rounds = selftest_loop(NULL, &hand, LOOP_ROUNDS);

	*(double *)arg = (double)(clock_now_ns() - start) / (double)rounds;
	return NULL;
}

bool rows_loop_cost(double *loop_ns, double *cost_ns, char *why)
{
	struct rows rows = rows_of("null", 1, 0);
	struct engine *engine;
	double least = INFINITY, engine_least = INFINITY;

	rows.subject.run = selftest_loop;
	if (engine_open(&rows.subject, &rows.cell, &engine, why) != 0)
		return false;
	for (int i = 0; i < LOOP_TRIES; i++) {
		struct engine_slice slice;
		pthread_t thread;
		double ns;

		/* On the engine's CPU: another can be slower by half. */
		if (topology_start(&thread, engine_cpu(engine, 0), time_loop, &ns) != 0) {
			snprintf(why, ENGINE_REASON_BYTES, "there is no thread for the loop");
			break;
		}
		pthread_join(thread, NULL);
		least = fmin(least, ns);
		engine_least = fmin(engine_least, ns_a_unit(engine, 1, &slice));
	}
	engine_close(engine, NULL);
	*loop_ns = least;
	*cost_ns = engine_least - least;
	return isfinite(*cost_ns);
}

struct beside {
	pthread_t thread[BESIDE_LOOPS];
	unsigned count;
	atom_u32 ended;
};

/* Relaxed: nothing follows from it but the end. */
static bool goes_on(const struct beside *self)
{
	return atom_load_relaxed(&self->ended) == 0;
}

static void *spin(void *arg)
{
	while (goes_on(arg))
		;
	return NULL;
}

static long membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

static void *interrupt(void *arg)
{
	while (goes_on(arg))
		membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	return NULL;
}

static struct beside *beside_new(void)
{
	struct beside *self = calloc(1, sizeof(*self));

	if (self != NULL)
		atom_init(&self->ended, 0);
	return self;
}

struct beside *beside_loops(void)
{
	struct beside *self = beside_new();

	while (self != NULL && self->count < BESIDE_LOOPS) {
		if (pthread_create(&self->thread[self->count], NULL, spin, self) != 0) {
			beside_end(self);
			return NULL;
		}
		self->count++;
	}
	return self;
}

struct beside *beside_interrupting(uint32_t cpu)
{
	struct beside *self = beside_new();

	if (self == NULL || membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0 ||
		topology_start(&self->thread[0], cpu, interrupt, self) != 0) {
		free(self);
		return NULL;
	}
	self->count = 1;
	return self;
}

void beside_end(struct beside *self)
{
	atom_store_relaxed(&self->ended, 1); /* relaxed: see goes_on */
	for (unsigned i = 0; i < self->count; i++)
		pthread_join(self->thread[i], NULL);
	free(self);
}
