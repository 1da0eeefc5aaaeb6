/*
 * See probe.h. The hand-over has a thread on either CPU and one word between them:
 *
 * R0 in hand_over, meets A0 in hand_back: the other CPU has the line.
 * R1 in hand_back, meets A1 in hand_over: this CPU has it again.
 */
#include "bench/sweep/probe.h"

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "bench/base/clock.h"
#include "bench/base/escape.h"
#include "bench/engine/topology.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SINGLE_TRIES = 3,
	SINGLE_ROUNDS = 50000,
	SINGLE_WORDS = 1 << 15, /* 256 KiB: beyond the first level cache, within the second */
	HAND_OVER_TRIES = 8,
	HAND_OVER_TRIES_MIN = 3,     /* the last one before the end of the wait was interrupted */
	HAND_OVER_WAIT_NS = 3000000, /* a turn of the scheduler: the CPU is another's for longer */
	LOOK_UP = 256, /* a waiting thread looks at what ends it every so many reads */
	TEXT_BYTES = 512,
};

static int64_t single_try_ns(void)
{
	static uint64_t words[SINGLE_WORDS];
	const uint64_t start = clock_now_ns();
	uint64_t x = 1;

	/* A chain of multiplications, each waiting for the one before. */
	for (int i = 0; i < SINGLE_ROUNDS; i++)
		x = x * UINT64_C(6364136223846793005) + 1;
	/* A walk with a stride that no prefetcher sees as a line's neighbour. */
	for (uint32_t i = 0, at = 0; i < SINGLE_WORDS; i++) {
		at = (at + 1031) % SINGLE_WORDS;
		words[at] += x;
	}
	bench_escape(words);
	return (int64_t)(clock_now_ns() - start);
}

static int64_t single_ns(void)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < SINGLE_TRIES; i++) {
		const int64_t took = single_try_ns();

		least = took < least ? took : least;
	}
	return least;
}

/* Odd: the other CPU's turn. */
struct ball {
	CACHE_PAIR_ALIGNED atom_u64 turn;
	CACHE_PAIR_ALIGNED atom_u64 stop;
};

/* The other CPU's thread. */
static void *hand_back(void *arg)
{
	struct ball *ball = arg;
	uint64_t turn = 1;

	for (;; turn += 2) {
		for (uint32_t reads = 1; atom_load_acquire(&ball->turn) != turn; reads++) { /* A0 */
			/* Relaxed: nothing follows from it but the end. */
			if (reads % LOOK_UP == 0 && atom_load_relaxed(&ball->stop) != 0)
				return NULL;
		}
		atom_store_release(&ball->turn, turn + 1); /* R1, meets A1 */
	}
}

/* Hands over and waits until the line is back. False: it is not by then. */
static bool hand_over(struct ball *ball, uint64_t turn, uint64_t until_ns)
{
	atom_store_release(&ball->turn, turn); /* R0, meets A0 */
	for (uint32_t reads = 1; atom_load_acquire(&ball->turn) == turn; reads++) { /* A1 */
		if (reads % LOOK_UP == 0 && clock_now_ns() > until_ns)
			return false;
	}
	return true;
}

/* -1: the other CPU doesn't answer in time. */
static int64_t hand_overs_ns(uint32_t cpu)
{
	struct ball ball;
	int64_t least = INT64_MAX;
	uint64_t turn = 1;
	int tries = 0;
	pthread_t thread;

	atom_init(&ball.turn, 0);
	atom_init(&ball.stop, 0);
	if (topology_start(&thread, cpu, hand_back, &ball) != 0)
		return -1;

	const uint64_t until_ns = clock_now_ns() + HAND_OVER_WAIT_NS;
	bool answered = hand_over(&ball, turn, until_ns); /* the thread has started */

	while (answered && tries < HAND_OVER_TRIES) {
		const uint64_t start = clock_now_ns();

		for (int i = 0; i < PROBE_HAND_OVERS && answered; i += 2)
			answered = hand_over(&ball, turn += 2, until_ns);

		const int64_t took = (int64_t)(clock_now_ns() - start);

		if (answered && took < least)
			least = took;
		tries += answered;
	}
	atom_store_relaxed(&ball.stop, 1); /* relaxed: see hand_back */
	pthread_join(thread, NULL);
	return tries < HAND_OVER_TRIES_MIN ? -1 : least;
}

bool probe_read_khz(FILE *text, uint64_t *khz)
{
	/* A CPU that is offline reads as 0, or as "<unknown>". */
	return fscanf(text, "%" SCNu64, khz) == 1 && *khz > 0;
}

int64_t probe_khz(uint32_t cpu)
{
	char path[TEXT_BYTES];
	uint64_t khz = 0;

	snprintf(path, sizeof(path),
		"/sys/devices/system/cpu/cpu%" PRIu32 "/cpufreq/scaling_cur_freq", cpu);
	FILE *text = fopen(path, "re");
	const bool told = text != NULL && probe_read_khz(text, &khz);

	if (text != NULL)
		fclose(text);
	return told ? (int64_t)khz : -1;
}

struct survey {
	const struct probe *probe;
	struct probe_moment *out;
};

/* The first CPU's thread, so that the caller stays where it may be. */
static void *survey(void *arg)
{
	const struct survey *self = arg;
	const struct probe *probe = self->probe;

	self->out->single_ns = single_ns();
	if (probe->cpus > 1)
		self->out->hand_overs_ns = hand_overs_ns(probe->cpu[1]);
	self->out->khz = probe_khz(probe->cpu[0]);
	return NULL;
}

bool probe_read_steal(FILE *text, const uint32_t *cpu, uint32_t cpus, uint64_t *ticks)
{
	char line[TEXT_BYTES];
	uint32_t found = 0;

	*ticks = 0;
	while (found < cpus && fgets(line, sizeof(line), text) != NULL) {
		uint32_t number;
		uint64_t steal;

		/* Before steal: user, nice, system, idle, iowait, irq, softirq. */
		if (sscanf(line, "cpu%" SCNu32 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &number,
			    &steal) != 2)
			continue;
		for (uint32_t i = 0; i < cpus; i++) {
			if (cpu[i] == number) {
				*ticks += steal;
				found++;
			}
		}
	}
	return cpus > 0 && found == cpus;
}

bool probe_read_pressure(FILE *text, uint64_t *us)
{
	char line[TEXT_BYTES];

	while (fgets(line, sizeof(line), text) != NULL) {
		if (sscanf(line, "some avg10=%*f avg60=%*f avg300=%*f total=%" SCNu64, us) == 1)
			return true;
	}
	return false;
}

int64_t probe_stolen_ns(const struct probe *self)
{
	FILE *text = fopen("/proc/stat", "re");
	const long ticks_a_second = sysconf(_SC_CLK_TCK);
	uint64_t ticks = 0;
	const bool told = text != NULL && probe_read_steal(text, self->cpu, self->cpus, &ticks) &&
			  ticks_a_second > 0;

	if (text != NULL)
		fclose(text);
	return told ? (int64_t)(ticks * (CLOCK_NS_PER_S / (uint64_t)ticks_a_second)) : -1;
}

static int64_t pressure_ns(void)
{
	FILE *text = fopen("/proc/pressure/cpu", "re");
	uint64_t us = 0;
	const bool told = text != NULL && probe_read_pressure(text, &us);

	if (text != NULL)
		fclose(text);
	return told ? (int64_t)(us * 1000) : -1;
}

void probe_open(struct probe *self)
{
	const int count = topology_cpus(self->cpu, ENGINE_THREADS_MAX);

	self->cpus = count < 0                    ? 0
		     : count < ENGINE_THREADS_MAX ? (uint32_t)count
						  : ENGINE_THREADS_MAX;
}

void probe_take(const struct probe *self, struct probe_moment *out)
{
	struct survey job = {self, out};
	pthread_t thread;

	*out = (struct probe_moment){
		.at_ns = (int64_t)clock_now_ns(),
		.hand_overs_ns = -1,
		.stolen_ns = probe_stolen_ns(self),
		.pressure_ns = pressure_ns(),
		.khz = -1,
	};
	if (self->cpus > 0 && topology_start(&thread, self->cpu[0], survey, &job) == 0)
		pthread_join(thread, NULL);
	else
		out->single_ns = single_ns();
}
