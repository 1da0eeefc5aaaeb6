/* See selftest_rows.h. */
#include "bench/command/selftest_rows.h"

#include "alloc/atomic.h"
#include "bench/analysis/stats.h"
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
	/* A chunk that took longer was interrupted: what it took is nobody's round. */
	CHUNK_NS_MAX = 20000,
	OVERPAID_NS_MAX = 1000, /* beyond it, the wait was interrupted */
	READING_TRIES = 20,
	READINGS = 100, /* a try */
	LOOP_FOURS = 100,
	LOOP_ROUNDS = 1 << 20, /* half a millisecond */
};

/*
 * The slowed row. It waits after each chunk, for a share of what the chunk took: so it is slower by
 * that share whatever the machine does meanwhile, as slower code would be. It waits by the clock:
 * work that is merely computed to take so long overlaps with the rounds beside it and takes less.
 * The thread of the row alone reads and writes this while it runs, the coordinator while it is
 * parked.
 */
static struct {
	workload_body body;
	double share, reading_ns, owed_ns;
	uint64_t since_ns; /* the end of the last wait */
} slowed;

static uint64_t run_slowed(struct pool *pool, struct workload_thread *t, uint64_t n)
{
	const uint64_t done = slowed.body(pool, t, n);
	const uint64_t start = clock_now_ns();
	const double took_ns = (double)(start - slowed.since_ns);
	uint64_t now = start;

	/* The reading above is a part of the wait that is over. */
	if (took_ns < CHUNK_NS_MAX)
		slowed.owed_ns += slowed.share * (took_ns - slowed.reading_ns) - slowed.reading_ns;
	while ((double)(now - start) < slowed.owed_ns)
		now = clock_now_ns();
	slowed.owed_ns -= (double)(now - start);
	if (slowed.owed_ns < -OVERPAID_NS_MAX)
		slowed.owed_ns = 0;
	slowed.since_ns = now;
	return done;
}

/* What a reading of the clock takes, where nothing comes between. */
static double reading_ns(void)
{
	uint64_t least = UINT64_MAX;

	for (int try = 0; try < READING_TRIES; try++) {
		const uint64_t start = clock_now_ns();
		uint64_t now = start;

		for (int i = 0; i < READINGS; i++)
			now = clock_now_ns();
		least = now - start < least ? now - start : least;
	}
	return (double)least / READINGS;
}

struct rows rows_of(const char *pool, uint32_t threads, double share)
{
	struct rows rows = {
		.cell = {.shape = {.threads = threads, .burst = 1, .depth = 1, .seed = 1},
			.object_bytes = OBJECT_BYTES},
		.slowed = share,
		.reading_ns = reading_ns(),
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

bool rows_measure(void *source, uint64_t seed, struct trials_block *blocks, unsigned n)
{
	struct rows *self = source;
	struct workload_case subject[2] = {self->subject, self->subject};
	struct engine *engine[2] = {NULL, NULL};
	bool opened = self->why[0] == '\0';

	if (self->slowed > 0) {
		slowed.body = self->subject.run;
		slowed.share = self->slowed;
		slowed.reading_ns = self->reading_ns;
		slowed.owed_ns = 0;
		subject[1].run = run_slowed;
	}
	/* Who is opened first has other memory: that is drawn as well. */
	for (unsigned i = 0; i < 2 && opened; i++) {
		const unsigned side = (i ^ (unsigned)seed) & 1;

		opened = engine_open(&subject[side], &self->cell, &engine[side], self->why) == 0;
	}
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

/*
 * The loop by itself; arg: receives ns a round, NAN where the clock stood still. By the CPU time of
 * the thread, as the engine's figure below: what others do with the CPU meanwhile is not the loop's.
 */
static void *time_loop(void *arg)
{
	struct workload_thread hand = {.self = (struct pool_thread *)&hand};

	selftest_loop(NULL, &hand, LOOP_ROUNDS / 8); /* a lead-in */

	const uint64_t start = clock_thread_cpu_ns();
	const uint64_t rounds = selftest_loop(NULL, &hand, LOOP_ROUNDS);
	const uint64_t took = clock_thread_cpu_ns() - start;

	*(double *)arg = took > 0 ? (double)took / (double)rounds : NAN;
	return NULL;
}

/* The loop by itself once more, on the engine's CPU: another can be slower by half. */
static bool hand_loop(struct engine *engine, double *ns)
{
	pthread_t thread;

	if (topology_start(&thread, engine_cpu(engine, 0), time_loop, ns) != 0)
		return false;
	pthread_join(thread, NULL);
	return true;
}

static double engine_loop(struct engine *engine)
{
	struct engine_slice slice;

	engine_slice(engine, SLICE_NS, LEAD_IN_NS, &slice);
	return slice.threads[0].units > 0
		       ? (double)slice.threads[0].cpu_ns / (double)slice.threads[0].units
		       : NAN;
}

bool rows_loop_cost(double *loop_ns, double *cost_ns, char *why)
{
	struct rows rows = rows_of("null", 1, 0);
	double loops[LOOP_FOURS], costs[LOOP_FOURS];
	struct engine *engine;
	size_t n = 0;

	snprintf(why, ENGINE_REASON_BYTES, "the clock of a thread's CPU time stands still");
	rows.subject.run = selftest_loop;
	if (engine_open(&rows.subject, &rows.cell, &engine, why) != 0)
		return false;
	for (int i = 0; i < LOOP_FOURS; i++) {
		double hand[2];

		/* One within the other: a machine that becomes faster or slower favours neither. */
		bool looped = hand_loop(engine, &hand[0]);
		const double engines = (engine_loop(engine) + engine_loop(engine)) / 2;

		looped &= hand_loop(engine, &hand[1]);
		if (!looped) {
			snprintf(why, ENGINE_REASON_BYTES, "there is no thread for the loop");
			n = 0;
			break;
		}
		loops[n] = (hand[0] + hand[1]) / 2;
		costs[n] = engines - loops[n];
		n += isfinite(costs[n]) ? 1 : 0;
	}
	engine_close(engine, NULL);
	if (n == 0)
		return false;
	*loop_ns = stats_median(loops, n);
	*cost_ns = stats_median(costs, n);
	return true;
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
