/* See open_loop.h. */
#include "bench/engine/open_loop.h"

#include "bench/engine/runner.h"

#include <string.h>

static uint32_t lane_threads(const struct runner *self)
{
	return self->engine->subject.workload->lane_threads;
}

/* Whether this thread begins work, and whether it completes work; one that is alone does both. */
static bool begins(const struct runner *self)
{
	return self->t.index % lane_threads(self) == 0;
}

static bool completes(const struct runner *self)
{
	return self->t.index % lane_threads(self) == lane_threads(self) - 1;
}

/* Units that the body counts for one arrival. */
static uint32_t units_each(const struct runner *self)
{
	const bool stack = (self->engine->subject.workload->axes & WORKLOAD_DEPTH) != 0;

	return stack ? self->t.cell->depth : 1;
}

/* Arrivals that one round of the body takes at most. */
static uint32_t round_takes(const struct runner *self)
{
	const bool burst = (self->engine->subject.workload->axes & WORKLOAD_BURST) != 0;

	return burst ? self->engine->cell.shape.burst : 1;
}

static uint64_t now_ticks(const struct runner *self)
{
	return ticks_last(&self->engine->ticks);
}

static void note(struct runner *self, struct open_loop *loop, uint64_t due, uint64_t now)
{
	latency_record(&loop->times, ticks_between(&self->engine->ticks, due, now));
	loop->served++;
}

/* Takes over what has arrived by now, up to what a round can serve. */
static void take_arrivals(struct open_loop *self, uint64_t now, uint32_t most)
{
	for (; self->have < most; self->have++) {
		const uint64_t moment = self->began + self->source.at / ARRIVALS_FRACTION;

		if (moment > now)
			return;
		self->due[self->have] = moment;
		self->arrived++;
		self->begun_late += now > moment + self->late;
		arrivals_next(&self->source);
	}
}

/* Moments go ahead of the work, which may be completed before the body has returned. */
static bool stamp(struct open_loop *self)
{
	const uint32_t more = self->have - self->stamped;

	if (more > 0 && !spsc_ring_fits(&self->moments, more))
		return false;
	for (; self->stamped < self->have; self->stamped++) {
		void *moment = (void *)(uintptr_t)self->due[self->stamped];

		spsc_ring_push(&self->moments, &moment, 1);
	}
	return true;
}

static void forget_served(struct open_loop *self, uint32_t served)
{
	self->have -= served;
	self->stamped -= self->stamped < served ? self->stamped : served;
	memmove(self->due, self->due + served, self->have * sizeof(*self->due));
}

/* One turn of a thread that begins work. Returns units. */
static uint64_t begin_work(struct engine *engine, struct runner *self, uint32_t most)
{
	struct open_loop *loop = self->open_loop;
	const bool alone = completes(self);
	const uint64_t now = now_ticks(self);

	take_arrivals(loop, now, most);
	if (loop->have == 0) {
		atom_pause();
		return 0;
	}
	if (!alone && !stamp(loop))
		return 0;
	loop->cell.burst = loop->have;

	const uint64_t units = engine->subject.run(engine->pool, &self->t, 1);
	uint32_t served = (uint32_t)(units / units_each(self));

	if (most == 1)
		served = units > 0;
	if (served > loop->have) /* a body that takes whole magazines */
		served = loop->have;
	if (alone) {
		const uint64_t end = now_ticks(self);

		for (uint32_t i = 0; i < served; i++)
			note(self, loop, loop->due[i], end);
	}
	forget_served(loop, served);
	return units;
}

/* One turn of a thread that completes the work of the one before it. Returns units. */
static uint64_t complete_work(struct engine *engine, struct runner *self)
{
	struct spsc_ring *moments = &engine->runners[self->t.index - 1].open_loop->moments;
	struct open_loop *loop = self->open_loop;
	const uint64_t units = engine->subject.run(engine->pool, &self->t, 1);

	if (units == 0) {
		atom_pause();
		return 0;
	}
	const uint64_t end = now_ticks(self);

	for (uint64_t i = 0; i < units; i++) {
		void *moment;

		if (spsc_ring_pop(moments, &moment, 1) == 0)
			loop->unmatched++;
		else
			note(self, loop, (uintptr_t)moment, end);
	}
	return units;
}

static void forget_lead_in(struct open_loop *self)
{
	self->arrived = self->served = self->begun_late = 0;
	memset(&self->times, 0, sizeof(self->times));
}

/* Turns for as long as the phase lasts. */
static uint64_t take_turns(struct engine *engine, struct runner *self, enum phase phase)
{
	const uint32_t most = round_takes(self);
	uint64_t units = 0;

	while (atom_load_relaxed(&engine->phase) == phase)
		units +=
			begins(self) ? begin_work(engine, self, most) : complete_work(engine, self);
	return units;
}

/*
 * What is under way from slices before has no moments: it is completed before work begins. There
 * are at most as many units of it as the pool has objects, unless the body is no queue.
 */
static void complete_old_work(struct engine *engine, struct runner *self)
{
	uint64_t units = 1, all = 0;

	if (begins(self))
		return;
	for (; units > 0 && all <= engine->cell.capacity; all += units)
		units = engine->subject.run(engine->pool, &self->t, 1);
}

uint64_t open_loop_run(struct engine *engine, struct runner *self)
{
	struct open_loop *loop = self->open_loop;

	complete_old_work(engine, self);
	atom_store_relaxed(&self->running, 1); /* a hint for the coordinator's sleep */
	while (atom_load_relaxed(&engine->phase) == PHASE_GATHER)
		atom_pause();
	loop->began = now_ticks(self);
	take_turns(engine, self, PHASE_LEAD_IN);
	forget_lead_in(loop);
	runner_enters_window(self);
	return take_turns(engine, self, PHASE_MEASURE);
}
