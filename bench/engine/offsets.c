/*
 * See offsets.h. Two threads, one on either CPU, and two words between them in lines of their own:
 *
 * R0 in ask, meets A0 in answer_all: the answer is read after the question was asked.
 * R1 in answer_all, meets A1 in ask: who sees the answer's number sees its clock, and reads its own
 *    afterwards.
 */
#include "bench/engine/offsets.h"

#include "alloc/atomic.h"
#include "bench/base/append.h"
#include "bench/engine/topology.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>

enum {
	OFFSETS_ROUNDS = 2000, /* a quarter of a microsecond each */
	OFFSETS_TIME_NS =
		300000000, /* at most: others may have these CPUs, and one good round does */
};

static const uint64_t no_more = UINT64_MAX; /* asked last */

struct ping {
	CACHE_PAIR_ALIGNED atom_u64 asked;
	CACHE_PAIR_ALIGNED atom_u64 answered;
	atom_u64 clock; /* the answer */
	const struct ticks *ticks;
};

/* The other CPU's thread. */
static void *answer_all(void *arg)
{
	struct ping *ping = arg;
	uint64_t asked, last = 0;

	for (;;) {
		while ((asked = atom_load_acquire(&ping->asked)) == last) /* A0, meets R0 */
			atom_pause();
		if (asked == no_more)
			return NULL;
		atom_store_relaxed(&ping->clock, ticks_last(ping->ticks));
		atom_store_release(&ping->answered, asked); /* R1, meets A1 */
		last = asked;
	}
}

void offsets_narrow(struct offset *self, uint64_t first, uint64_t there, uint64_t last)
{
	self->least = fmax(self->least, (double)(int64_t)(there - last));
	self->most = fmin(self->most, (double)(int64_t)(there - first));
}

/* One round. Returns when it ended. */
static uint64_t ask(struct ping *ping, uint64_t number, struct offset *out)
{
	const uint64_t first = ticks_last(ping->ticks);

	atom_store_release(&ping->asked, number);            /* R0, meets A0 */
	while (atom_load_acquire(&ping->answered) != number) /* A1, meets R1 */
		atom_pause();

	const uint64_t last = ticks_last(ping->ticks);

	offsets_narrow(out, first, atom_load_relaxed(&ping->clock), last);
	return last;
}

static int measure_one(const struct ticks *ticks, uint32_t cpu, struct offset *out)
{
	struct ping ping = {.ticks = ticks};
	struct offset found = {cpu, -INFINITY, INFINITY};
	pthread_t thread;

	atom_init(&ping.asked, 0);
	atom_init(&ping.answered, 0);
	atom_init(&ping.clock, 0);
	int rc = topology_start(&thread, cpu, answer_all, &ping);
	if (rc != 0)
		return rc;

	/* The first one waits until the thread runs. */
	const uint64_t until =
		ticks_last(ticks) + (uint64_t)(OFFSETS_TIME_NS * (ticks->per_us / 1000));
	for (uint64_t i = 1; i <= OFFSETS_ROUNDS; i++) {
		if (ask(&ping, i, &found) > until)
			break;
	}
	atom_store_release(&ping.asked, no_more); /* R0, meets A0 */
	pthread_join(thread, NULL);
	*out = (struct offset){
		cpu, found.least * 1000 / ticks->per_us, found.most * 1000 / ticks->per_us};
	return 0;
}

struct survey {
	const struct ticks *ticks;
	const uint32_t *cpus;
	uint32_t count;
	struct offset *out;
	int rc;
};

/* The first CPU's thread, so that the caller stays where it may be. */
static void *survey(void *arg)
{
	struct survey *self = arg;

	self->out[0] = (struct offset){.cpu = self->cpus[0]};
	for (uint32_t i = 1; i < self->count && self->rc == 0; i++)
		self->rc = measure_one(self->ticks, self->cpus[i], &self->out[i]);
	return NULL;
}

int offsets_measure(
	const struct ticks *ticks, const uint32_t *cpus, uint32_t count, struct offset *out)
{
	struct survey job = {ticks, cpus, count, out, 0};
	pthread_t thread;
	int rc = topology_start(&thread, cpus[0], survey, &job);

	if (rc != 0)
		return rc;
	pthread_join(thread, NULL);
	return job.rc;
}

double offsets_apart_ns(const struct offset *offsets, uint32_t count)
{
	double least = 0, most = 0;

	for (uint32_t i = 1; i < count; i++) {
		least = fmin(least, offsets[i].least);
		most = fmax(most, offsets[i].most);
	}
	return most - least;
}

bool offsets_allow_ages(double apart_ns, char *text, size_t bytes)
{
	text[0] = '\0';
	if (apart_ns <= OFFSETS_APART_MAX_NS)
		return true;
	if (isnan(apart_ns))
		append(text, bytes, "No ages: it is not known how far the CPUs' clocks are apart.");
	else
		append(text, bytes,
			"No ages: the CPUs' clocks may be %.0f ns apart, more than %.0f.", apart_ns,
			OFFSETS_APART_MAX_NS);
	return false;
}

void offsets_describe(const struct offset *offsets, uint32_t count, char *text, size_t bytes)
{
	text[0] = '\0';
	for (uint32_t i = 1; i < count; i++)
		append(text, bytes, "%sCPU %u by %.0f ns ± %.0f", i > 1 ? ", " : "",
			(unsigned)offsets[i].cpu, (offsets[i].least + offsets[i].most) / 2,
			(offsets[i].most - offsets[i].least) / 2);
}
