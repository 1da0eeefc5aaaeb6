/* The figures of a slice: from what each thread noted at the ends of its window. */
#include "bench/base/clock.h"
#include "bench/engine/runner.h"

#include <stdio.h>

/* The largest spread of starts or stops, by the window, that is no disturbance. */
#define ENGINE_SKEW_MAX 0.01

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
	sum->wait += to->paths.wait - from->paths.wait;
}

/* One thread without counts, and there are none of the slice. */
static void add_counted(
	struct engine_counted *sum, const struct reading *from, const struct reading *to)
{
	sum->known &= from->counted && to->counted;
	for (int i = 0; i < COUNTERS && sum->known; i++)
		sum->of[i] += to->counts[i] - from->counts[i];
}

static void add_tally(
	struct atom_tally *sum, const struct atom_tally *from, const struct atom_tally *to)
{
	sum->cas += to->cas - from->cas;
	sum->lost += to->lost - from->lost;
	sum->sections += to->sections - from->sections;
	sum->aborted += to->aborted - from->aborted;
	sum->retried += to->retried - from->retried;
}

static void add_scarcity(struct engine_scarcity *sum, const struct workload_scarcity *thread)
{
	struct workload_scarcity *all = &sum->sum;

	all->none += thread->none;
	all->spells += thread->spells;
	all->stranded += thread->stranded;
	if (thread->stranded_most > all->stranded_most)
		all->stranded_most = thread->stranded_most;
	if (thread->none > sum->worst)
		sum->worst = thread->none;
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
	out->ns_per_unit = any ? workload_lanes(self->started, self->cpus, lane_threads) *
					   CLOCK_NS_PER_S / out->units_per_s
			       : 0;
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
 * A thread's rate is by its own window, in which it had a CPU. Where threads take turns on a CPU,
 * their windows begin and end with their turns, and a rate by them would leave out the waiting.
 * There the whole span is everybody's window.
 */
void engine_add_up(struct engine *self, uint64_t own_preemptions, struct engine_slice *out)
{
	const struct span span = find_span(self);
	uint64_t preemptions = 0;

	*out = (struct engine_slice){
		.threads = self->figures,
		.window_ns = span.last_stop - span.first_start,
		.skew = skew_of(&span),
		.counted.known = true,
		.scarcity.known = self->subject.workload->scarce,
	};
	for (uint32_t i = 0; i < self->started; i++) {
		struct runner *runner = &self->runners[i];
		uint64_t own_ns = runner->stopped_ns - atom_load_relaxed(&runner->started_ns);

		self->figures[i] =
			figures_of(runner, self->oversubscribed ? out->window_ns : own_ns);
		preemptions += self->figures[i].nivcsw;
		out->failed += runner->to.failed - runner->from.failed;
		add_paths(&out->paths, &runner->from, &runner->to);
		add_counted(&out->counted, &runner->from, &runner->to);
		add_scarcity(&out->scarcity, &runner->t.scarcity);
		add_tally(&out->tally, &runner->from.tally, &runner->to.tally);
		if (!self->subject.workload->migrates &&
			(runner->from.cpu != (int)runner->cpu ||
				runner->to.cpu != (int)runner->cpu))
			out->flags |= ENGINE_MIGRATED;
	}
	add_up_lanes(self, out);
	if (self->oversubscribed)
		return; /* skew and preemption are what such a cell is about */
	if (out->skew > ENGINE_SKEW_MAX)
		out->flags |= ENGINE_SKEW;
	if (preemptions > own_preemptions && !self->subject.workload->migrates)
		out->flags |= ENGINE_NIVCSW;
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
