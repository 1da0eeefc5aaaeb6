#include "stress/progress/freezer_self.h"

#include "alloc/machine/cpu.h"
#include "alloc/machine/memory.h"
#include "alloc/peer/rcu_guard.h"
#include "stress/base/evidence.h"
#include "stress/base/locations.h"
#include "stress/progress/breakpoint.h"
#include "stress/progress/freezer_modes.h"
#include "stress/progress/pairs.h"
#include "stress/progress/sites.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef RSEQ_ARCH_SUPPORTED

#include "alloc/machine/step.h"

enum {
	WARM_UP_ROUNDS = 4,
	WAYS_ONE_IN = 8,
	FOLLOW_ONE_IN = 3,
	FIRST_OWN_BOUNDARY = 5, /* the ones before are not the strategy's yet */
	LARGE_CAPACITY = 300,   /* more than the victim holds at a time */
	/* Before each site, for each act of the survivor. */
	MET_TIMES = 3,
	MET_TIMES_OFTEN = 40, /* where others help after 16 (wcq) */
	/* Of a call that is drawn: at one instruction of so many, and so many at most. */
	DRAWN_STOPS_ONE_IN = 64,
	DRAWN_STOPS = 8,
	WALK_HURRY_MS = 2,
};

/* One a process: signal handlers want it. */
static struct freezer freezer;

static void blocked(void)
{
	evidence_stacks(freezer.context);
	stress_fail(PROMISE_STOPPED,
		"stopped after %" PRIu32 " instructions of %s, %s, one thread " FREEZER_BLOCKED,
		freezer.place->boundary, actor_call_names[freezer.place->call], freezer.mode->name);
}

/* In a walk: the survivor waits for the victim, which need not be stopped there again, and goes on. */
static void lag(void)
{
	if (hand_hurry_ms == 0)
		blocked();
	stage.lags = true;
	sites_close(freezer.stopped_at);
}

/* The victim's signal handler. */
static void freeze(struct actor *victim, void *context)
{
	struct freezer *self = &freezer;
	const uint64_t turns = kernel_turns(victim->area.cpu_id);

	self->context = context;
	self->stopped_at = step_address(context);
	self->place->offset = locations_offset(self->stopped_at);
	self->reached = true;
	if (self->kills)
		siglongjmp(self->death, 1);
	if (self->mode->forks && (forks_play(self, context) || self->walks)) {
		self->context = NULL;
		return;
	}
	if (self->mode->meets)
		self->place->boundary = victim->trace.length;
	hand_hurry_ms = self->walks ? WALK_HURRY_MS : 0;
	if (self->mode->steps)
		stage_survive_stepped();
	else
		stage_survive(self->act);
	hand_hurry_ms = 0;
	self->context = NULL;
	if (turns != kernel_turns(victim->area.cpu_id) || self->mode->moves)
		step_interrupt(&victim->area, context);
	if (self->mode->moves)
		kernel_place(&victim->area, 1);
}

/* Whether the victim, which was stopped once, is to be stopped again. */
static bool meets(struct actor *victim, uintptr_t address)
{
	struct freezer *self = &freezer;

	(void)victim;
	if (!sites_meet(address)) {
		if (self->drawn == 0 || stress_below(&self->random, DRAWN_STOPS_ONE_IN) != 0)
			return false;
		self->drawn--;
	}
	self->frozen++;
	return true;
}

/* How far the path is that of an earlier call of the script: there that one is stopped. */
static uint32_t first_of(const struct freezer *self, const struct progress *progress)
{
	const struct actor_trace *trace = &progress->trace;
	uint32_t longest = 0;

	for (const struct progress *at = self->progress; at != progress; at++) {
		uint32_t same = 0;

		while (same < trace->length && same < at->trace.length &&
			trace->address[same] == at->trace.address[same])
			same++;
		longest = same > longest ? same : longest;
	}
	return longest;
}

/* Of so many boundaries one is tried. */
static uint32_t stride(const struct freezer *self)
{
	return self->mode->ways ? self->one_in * WAYS_ONE_IN : self->one_in;
}

/* From that boundary on, the first one to be tried. */
static uint32_t boundary_from(
	const struct freezer *self, const struct actor_trace *trace, uint32_t boundary)
{
	/* Each instruction once, that follows a locked one or that is the program's. */
	if (self->mode->steps)
		while (boundary < trace->length &&
			(boundary == 0 || !sites_meet(trace->address[boundary - 1])))
			boundary++;
	else if (self->mode->forks)
		while (boundary < trace->length && !forks_are_due(trace->address[boundary]))
			boundary += stride(self);
	return boundary;
}

/* A call that is stepped to its end: the boundaries that it has. */
static void learn(struct freezer *self, const struct stage_call *call, struct progress *progress)
{
	struct actor *victim = &self->victim;

	victim->plan = ACTOR_STEPS;
	victim->stop = ACTOR_NEVER;
	victim->follows = false;
	victim->trace = (struct actor_trace){.address = self->scratch};
	actor_call(victim, call->call, call->n);
	*progress = (struct progress){.trace.length = victim->trace.length};
	progress->trace.address = stress_array(victim->trace.length + 1, sizeof(uintptr_t));
	memcpy(progress->trace.address, self->scratch, victim->trace.length * sizeof(uintptr_t));
	for (uint32_t i = 0; i < victim->trace.length; i++)
		sites_know(self->scratch[i]);
	progress->first = first_of(self, progress);
	progress->boundary = boundary_from(self, &progress->trace,
		progress->first + stress_below(&self->random, stride(self)));
}

/*
 * The call, stopped at its next boundary; step by step if it did not come there the last time. One that is shorter now
 * is done with.
 */
static void stop_in(struct freezer *self, const struct stage_call *call, struct progress *progress)
{
	struct actor *victim = &self->victim;

	victim->plan = progress->misses ? ACTOR_STEPS : ACTOR_BREAKS;
	victim->stop = progress->boundary;
	victim->trace = progress->trace;
	if (progress->misses)
		victim->trace.address = self->scratch;
	self->place->boundary = progress->boundary;
	/*
	 * What a call does that finds another pool when it goes on: in one mode, behind some of the
	 * boundaries.
	 */
	victim->follows = self->mode->follows && progress->boundary > FIRST_OWN_BOUNDARY &&
			  self->frozen % FOLLOW_ONE_IN == 0;
	self->reached = false;
	actor_call(victim, call->call, call->n);
	if (self->is_child)
		forks_end_child(self);
	if (!self->reached && !progress->misses) {
		progress->misses = true;
		return;
	}
	self->frozen += self->reached;
	self->stepped += self->reached && progress->misses;
	if (progress->boundary > self->longest)
		self->longest = progress->boundary;
	progress->boundary = boundary_from(
		self, &progress->trace, next_boundary(progress->boundary, stride(self)));
	if (!self->reached)
		progress->boundary = progress->trace.length;
	progress->misses = false;
}

/* A call in which others take its turn. */
static void meet_in(struct freezer *self, const struct stage_call *call)
{
	uintptr_t site[BREAKPOINTS_MAX];
	struct actor *victim = &self->victim;

	victim->sites = sites_open(site);
	victim->site = site;
	if (victim->sites == 0) {
		actor_call(victim, call->call, call->n);
		return;
	}
	victim->plan = ACTOR_MEETS;
	victim->trace = (struct actor_trace){.address = self->scratch};
	actor_call(victim, call->call, call->n);
	if (!stage_catch_up())
		blocked();
}

/*
 * Whether the call is stopped. Where sections are aborted all calls that are the same go the same long
 * way, round and round and then behind the caches: the first shows it. A flush without caches does nothing, or
 * waits for a grace period.
 */
static bool is_stopped(const struct freezer *self, const struct stage_call *call)
{
	if (call->call == ACTOR_FLUSH && self->run->ops->traits.cache == POOL_CACHE_NONE)
		return false;
	/* They go the ways of other modes, but where what they put came from elsewhere. */
	if (self->mode->ways && !self->mode->wanders && !self->mode->hidden && !self->mode->nests &&
		(call->call == ACTOR_GET || call->call == ACTOR_PUT))
		return false;
	return call->call != ACTOR_ATTACH && !(call->repeat && self->mode->aborts);
}

/* Where the victim makes that call of the script. So few at a time that it puts elsewhere than it has got. */
static uint32_t cpu_of(const struct freezer *self, uint32_t number)
{
	enum { CALLS_ON_ONE = 3 };

	return self->mode->wanders ? number / CALLS_ON_ONE % KERNEL_CPUS : 0;
}

/* Objects, and calls that are about many. */
static bool has_many(const struct freezer *self)
{
	return self->mode->large || self->mode->many;
}

static bool refuse(void *arg, size_t bytes)
{
	(void)arg, (void)bytes;
	return true;
}

/* Who flushes or leaves waits for the sections of others, and may be in none. */
static bool is_nested(const struct freezer *self, enum actor_call call)
{
	return self->mode->nests && call != ACTOR_FLUSH && call != ACTOR_DETACH;
}

static void play_call(struct freezer *self, enum round round, uint32_t i)
{
	const struct stage_call *call = &stage.script[i];
	struct progress *progress = &self->progress[i];
	const bool nested = is_nested(self, call->call);

	self->place->call = call->call;
	self->victim.plan = ACTOR_RUNS;
	kernel_place(&self->victim.area, cpu_of(self, i));
	if (nested)
		rcu_guard_enter();
	if (round == ROUND_LEARNS && is_stopped(self, call))
		learn(self, call, progress);
	else if (round == ROUND_STOPS && progress->boundary < progress->trace.length)
		stop_in(self, call, progress);
	else if (round == ROUND_MEETS && is_stopped(self, call))
		meet_in(self, call);
	else
		actor_call(&self->victim, call->call, call->n);
	if (nested)
		rcu_guard_leave();
}

bool freezer_round(struct freezer *self, enum round round)
{
	bool left = false;

	for (uint32_t i = 0; i < stage.calls; i++) {
		const struct stage_call *call = &stage.script[i];
		const struct progress *progress = &self->progress[i];

		memory_set_fault_hook(
			self->mode->starves && call->call != ACTOR_ATTACH ? refuse : NULL, NULL);
		if (call->large && !has_many(self))
			continue;
		play_call(self, round, i);
		if (self->mode->swaps)
			stage_swap(&self->victim);
		left |= progress->boundary < progress->trace.length;
	}
	memory_set_fault_hook(NULL, NULL);
	kernel_place(&self->victim.area, 0);
	self->victim.plan = ACTOR_RUNS;
	actor_return(&self->victim);
	return left;
}

void freezer_begin(struct freezer *self, uint32_t capacity)
{
	const struct stage_shape shape = {
		.capacity = capacity, .large = self->mode->large, .crowded = self->mode->crowded};

	stage.blocked = self->walks ? lag : blocked;
	kernel_hide(self->mode->hidden);
	kernel_refuse(self->mode->refuses);
	stage_begin(&shape, self->mode->survivor_cpu);
	actor_begin(&self->victim, stage.pool, 1);
	if (self->mode->disperses)
		stage_disperse();
	if (!self->mode->large)
		self->lost_most = stage_lost_most();
}

void freezer_forget(struct freezer *self)
{
	for (uint32_t i = 0; i < stage.calls; i++)
		free(self->progress[i].trace.address);
	memset(self->progress, 0, sizeof(self->progress));
}

static void freezer_end(struct freezer *self, const char *when)
{
	actor_call(&self->victim, ACTOR_DETACH, 0);
	stage_leave();
	stress_quiet(stage.pool, 0, when);
	pool_destroy(stage.pool);
}

/* All boundaries with a pool of one capacity. */
static void freezer_examine(struct freezer *self, uint32_t capacity)
{
	sites_begin(1);
	freezer_begin(self, capacity);
	/* Not where it matters how they attached: the script attaches anew. */
	for (uint32_t i = 0; !self->mode->disperses && i < WARM_UP_ROUNDS; i++) {
		freezer_round(self, ROUND_RUNS);
		stage_survive(self->act);
	}
	freezer_round(self, ROUND_LEARNS);
	while ((!self->walks || self->mode->forks) && freezer_round(self, ROUND_STOPS))
		;
	freezer_forget(self);
	freezer_end(self, "after a thread was stopped everywhere");
}

/*
 * Calls of the script that are drawn, beside a survivor that does now this and now that: so the pool comes into states
 * that nobody has thought of. Each is stepped from its beginning on, and stopped here and there.
 */
static void freezer_draw(struct freezer *self, uint32_t calls)
{
	enum { REATTACH_ONE_IN = 8 };
	struct actor *victim = &self->victim;

	for (uint32_t i = 0; i < calls; i++) {
		const struct stage_call *call =
			&stage.script[stress_below(&self->random, stage.calls)];

		self->act = (enum stage_act)stress_below(&self->random, ACTS);
		stage_survive(self->act);
		if (stress_below(&self->random, REATTACH_ONE_IN) == 0)
			stage_reattach();
		if (self->mode->swaps)
			stage_swap(victim);
		actor_shuffle(victim, &self->random);
		if (!is_stopped(self, call))
			continue;
		if (self->mode->wanders)
			kernel_place(&victim->area, stress_below(&self->random, KERNEL_CPUS));
		self->place->call = call->call;
		/* Not without end: a flush goes on while the survivor fills the cache again. */
		self->drawn = DRAWN_STOPS;
		victim->plan = ACTOR_MEETS;
		victim->sites = 0;
		victim->trace = (struct actor_trace){.address = self->scratch};
		actor_call(victim, call->call, call->n);
		victim->plan = ACTOR_RUNS;
		if (!stage_catch_up())
			blocked();
		if (call->call == ACTOR_DETACH)
			actor_call(victim, ACTOR_ATTACH, 0);
	}
	self->drawn = 0;
	kernel_place(&victim->area, 0);
	actor_return(victim);
}

/* As the seed says, where not each boundary is tried. */
static bool is_left_out(struct freezer *self)
{
	enum { LEFT_OUT_BUT_ONE_IN = 5 };

	return self->one_in != 1 && stress_below(&self->random, LEFT_OUT_BUT_ONE_IN) != 0;
}

static uint32_t times_of(const struct freezer *self, enum stage_act act)
{
	if (self->one_in != 1)
		return 1;
	return act == ACT_LAPS || act == ACT_DRAINS ? MET_TIMES_OFTEN : MET_TIMES;
}

/*
 * Before locked instructions the survivor acts, so that the victim loses its turn. From there on it is stepped, and stopped
 * before each instruction that it has not come to yet, and before locked ones again. With each act in a pool that is
 * new, where both take what was never used.
 */
static void freezer_interfere(struct freezer *self, uint32_t capacity)
{
	enum { ROUNDS = 4, DRAWN = 100, DRAWN_FEWER = 10 };
	/* The documented calls take long. */
	const bool all = self->one_in == 1 && self->run->ops->traits.kind != POOL_KIND_ALLOCATOR;

	for (int act = 0; act < ACTS; act++) {
		if (act != ACT_CHANGES && is_left_out(self))
			continue;
		self->act = (enum stage_act)act;
		sites_begin(times_of(self, self->act));
		freezer_begin(self, capacity);
		for (uint32_t i = 0; i < (all ? ROUNDS : 1); i++)
			freezer_round(self, ROUND_MEETS);
		freezer_draw(self, all ? DRAWN : DRAWN / DRAWN_FEWER);
		freezer_end(self, "after a thread was interfered with");
	}
}

/* All that is to be tried in one mode. */
static void freezer_play(struct freezer *self, uint32_t cpus)
{
	self->place->mode = self->mode->name;
	self->victim.stopped = freeze;
	self->victim.meets = meets;
	self->victim.aborts = self->mode->aborts;
	self->act = self->mode->laps ? ACT_LAPS : ACT_CHANGES;
	kernel_tell_vectors(self->mode->vectors);
	/* That a thread moves, or is one of a crowd, does not depend on how many objects there are. */
	const bool one = has_many(self) || self->mode->moves ||
			 (self->mode->wanders && !self->mode->refuses) || self->mode->crowded ||
			 self->mode->hidden || self->mode->starves ||
			 (self->mode->forks && self->one_in != 1);
	const uint32_t capacities = one ? 1 : array_count(freezer_capacities);
	for (uint32_t i = 0; i < capacities; i++) {
		const uint32_t capacity = has_many(self) ? LARGE_CAPACITY : freezer_capacities[i];

		if (self->mode->meets)
			freezer_interfere(self, capacity);
		else
			freezer_examine(self, capacity);
	}
	/* A walk that samples leaves out what comes now. */
	const bool plays =
		self->mode->laps && !self->mode->ways && (!self->walks || self->one_in == 1);
	for (uint32_t i = 0; plays && i < array_count(freezer_capacities); i++)
		deaths_play(self, freezer_capacities[i], cpus);
}

/* For who attaches. */
static bool keeps_magazines(const struct pool_ops *ops)
{
	return ops->get_run != NULL || (ops->withheld != NULL && ops->traits.needs_rseq);
}

static void freezer_play_all(struct freezer *self)
{
	const bool allocator = self->run->ops->traits.kind == POOL_KIND_ALLOCATOR;

	for (size_t m = 0; m < array_count(freezer_modes); m++) {
		const uint32_t cpus_tried = kernel_was_asked() ? KERNEL_CPUS : 1;

		self->mode = &freezer_modes[m];
		if ((freezer_modes[m].cpus && cpus_tried == 1) ||
			(freezer_modes[m].rare && is_left_out(self)) ||
			(freezer_modes[m].pools && allocator) ||
			(freezer_modes[m].calls && !allocator) ||
			(freezer_modes[m].nests && !self->run->ops->traits.needs_library) ||
			(freezer_modes[m].forks && !forks_may_be(self)) ||
			(freezer_modes[m].crowded && !keeps_magazines(self->run->ops)))
			continue;
		freezer_play(self, cpus_tried);
	}
}

/* What a death may take beyond what its call is about. */
static const char *bound(const struct freezer *self, char *text, size_t bytes)
{
	if (!deaths_may_be(self))
		return "";
	if (self->lost_most == STAGE_NO_BOUND)
		return "; it promises no bound";
	snprintf(text, bytes, "; %" PRIu32 " beyond those of its call may be lost by one",
		self->lost_most);
	return text;
}

void freezer_run(const struct stress *run, uint32_t one_in, bool walks, struct freezer_place *place)
{
	char may_be_lost[64];
	struct freezer *self = &freezer;

	self->run = run;
	self->place = place;
	self->one_in = one_in;
	self->random = run->seed;
	cpu_set_possible(KERNEL_CPUS);
	cpu_set_nodes(KERNEL_CPUS);
	actor_prepare();
	self->scratch = stress_array(ACTOR_TRACE_MAX, sizeof(uintptr_t));
	sites_prepare();
	self->victim.part = "the victim";
	actor_enter(&self->victim, 0);
	stage_prepare(run);
	pairs_prepare(self->scratch);
	self->walks = walks;
	if (walks)
		freezer_play_all(self);
	self->walks = false;
	freezer_play_all(self);
	stress_note("stopped %" PRIu64 " times (%" PRIu64 " step by step), up to %" PRIu32
		    " instructions into a call, and %" PRIu64 " pairs; killed %" PRIu64
		    " times, which lost %" PRIu32 " objects at most, and %" PRIu64
		    " pairs, which lost %" PRIu32 "; %" PRIu64 " forks%s",
		self->frozen, self->stepped, self->longest, self->pairs.stopped, self->killed,
		self->lost, self->pairs.killed, self->pairs.lost, self->forks,
		bound(self, may_be_lost, sizeof(may_be_lost)));
}

#else

void freezer_run(const struct stress *run, uint32_t one_in, bool walks, struct freezer_place *place)
{
	(void)run, (void)one_in, (void)walks, (void)place;
	stress_skip("threads are stepped on x86-64 only");
}

#endif
