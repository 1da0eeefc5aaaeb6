#include "stress/progress/freezer.h"

#include "alloc/machine/cpu.h"
#include "stress/base/evidence.h"
#include "stress/base/locations.h"
#include "stress/progress/pairs.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef RSEQ_ARCH_SUPPORTED

#include "alloc/machine/step.h"

enum {
	/*
	 * Beyond so many instructions a call goes round in circles (retries, aborted sections), and
	 * boundaries are taken ever more sparsely.
	 */
	EVERY_BOUNDARY_BELOW = 256,
	SPARSE_LOG2 = 2,
	WARM_UP_ROUNDS = 4,
	WAYS_ONE_IN = 8,
	FOLLOW_ONE_IN = 3,
	FIRST_OWN_BOUNDARY = 5, /* the ones before are not the strategy's yet */
	/* Of two threads, with each capacity; a fifth of the time that single ones take, or less. */
	PAIRS_STOPPED = 100,
	PAIRS_KILLED = 50,
	LARGE_CAPACITY = 300, /* more than the victim holds at a time */
};

/*
 * One with room, one that the script and the survivor exhaust. Small caches, so that they overflow.
 */
static const uint32_t freezer_capacities[] = {64, 5};

/* Where the two run, and what becomes of the victim. */
static const struct freezer_mode {
	const char *name;
	bool laps;
	uint32_t survivor_cpu; /* the victim's is 0 */
	bool moves;            /* the victim goes on on CPU 1 */
	bool wanders;          /* the victim, from CPU to CPU between calls */
	bool aborts;           /* sections of the victim, at each step */
	bool large;            /* caches, and bulk calls that fit */
	bool crowded;          /* when they attach (stage.h); where a thread has magazines only */
	bool disperses;        /* the crowd, before they begin */
	/*
	 * Here for the ways that calls go nowhere else: all are stepped, and stopped at few boundaries.
	 */
	bool ways;
	bool narrow; /* copies, as of a CPU without wide vectors */
	bool cpus;   /* where the pool asks for a CPU only */
} freezer_modes[] = {
	{.name = "beside a survivor on its CPU"},
	{.name = "beside a survivor on its CPU that goes round all objects", .laps = true},
	{.name = "with large caches", .large = true, .ways = true},
	{.name = "with large caches and narrow copies",
		.laps = true,
		.large = true,
		.ways = true,
		.narrow = true},
	{.name = "in a crowd", .crowded = true, .ways = true},
	{.name = "after a crowd", .crowded = true, .disperses = true, .ways = true},
	{.name = "beside a survivor on another CPU", .survivor_cpu = 1, .cpus = true},
	{.name = "beside a survivor on another CPU that goes round all objects",
		.survivor_cpu = 1,
		.laps = true,
		.cpus = true},
	{.name = "moved to another CPU afterwards", .moves = true, .cpus = true},
	{.name = "on another CPU than before", .wanders = true, .ways = true, .cpus = true},
	{.name = "with each section aborted", .aborts = true, .cpus = true},
};
enum { FOLLOWED_MODE = 1, PAIRED_MODE = 1 };

/* A pass over the script. */
enum round { ROUND_RUNS, ROUND_LEARNS, ROUND_STOPS };

/* How far a call of the script was tried. */
struct progress {
	struct actor_trace trace; /* as it ran when nobody stopped it */
	uint32_t first;           /* boundary that no other call has */
	uint32_t boundary;        /* the next */
	bool misses;              /* it takes another path now */
};

struct freezer {
	const struct stress *run;
	struct freezer_place *place;
	uint32_t one_in; /* boundaries that is tried */
	uint64_t random;
	const struct freezer_mode *mode;
	struct actor victim;
	struct progress progress[STAGE_CALLS_MAX];
	uintptr_t *scratch; /* ACTOR_TRACE_MAX of them */
	bool reached;       /* the boundary, in the present call */
	bool kills;         /* the victim is not to go on */
	sigjmp_buf death;
	uint32_t deaths;    /* kinds of them, so far */
	uint64_t killed;    /* times */
	uint32_t lost;      /* objects, at most */
	uint32_t lost_most; /* that may be, beyond those of the call; where caches are small */
	struct pairs pairs;
	uint64_t frozen;  /* times */
	uint64_t stepped; /* of these, those that the victim went to step by step */
	uint32_t longest;
};

/* One a process: signal handlers want it. */
static struct freezer freezer;

static void blocked(void)
{
	evidence_other_stacks();
	stress_fail("stopped after %" PRIu32 " instructions of %s, %s, one thread " FREEZER_BLOCKED,
		freezer.place->boundary, actor_call_names[freezer.place->call], freezer.mode->name);
}

/* The victim's signal handler. */
static void freeze(struct actor *victim, void *context)
{
	struct freezer *self = &freezer;
	const uint64_t turns = kernel_turns(victim->area.cpu_id);

	self->place->offset = locations_offset(step_address(context));
	self->reached = true;
	if (self->kills)
		siglongjmp(self->death, 1);
	stage_survive(self->mode->laps);
	if (turns != kernel_turns(victim->area.cpu_id) || self->mode->moves)
		step_interrupt(&victim->area, context);
	if (self->mode->moves)
		kernel_place(&victim->area, 1);
}

/* How far the path is that of an earlier call of the script: there that one is stopped. */
static uint32_t known(const struct freezer *self, const struct progress *progress)
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
	progress->first = known(self, progress);
	progress->boundary = progress->first + stress_below(&self->random, stride(self));
}

static uint32_t next_boundary(uint32_t boundary, uint32_t step)
{
	boundary += step;
	return boundary > EVERY_BOUNDARY_BELOW ? boundary + (boundary >> SPARSE_LOG2) : boundary;
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
	victim->follows = self->mode == &freezer_modes[FOLLOWED_MODE] &&
			  progress->boundary > FIRST_OWN_BOUNDARY &&
			  self->frozen % FOLLOW_ONE_IN == 0;
	self->reached = false;
	actor_call(victim, call->call, call->n);
	if (!self->reached && !progress->misses) {
		progress->misses = true;
		return;
	}
	self->frozen += self->reached;
	self->stepped += self->reached && progress->misses;
	if (progress->boundary > self->longest)
		self->longest = progress->boundary;
	progress->boundary = next_boundary(progress->boundary, stride(self));
	if (!self->reached)
		progress->boundary = progress->trace.length;
	progress->misses = false;
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
	if (self->mode->ways && !self->mode->wanders &&
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

/* One pass over the script; true if some call has boundaries left. */
static bool freezer_round(struct freezer *self, enum round round)
{
	bool left = false;

	for (uint32_t i = 0; i < stage.calls; i++) {
		const struct stage_call *call = &stage.script[i];
		struct progress *progress = &self->progress[i];

		if (call->large && !self->mode->large)
			continue;
		self->place->call = call->call;
		self->victim.plan = ACTOR_RUNS;
		kernel_place(&self->victim.area, cpu_of(self, i));
		if (round == ROUND_LEARNS && is_stopped(self, call))
			learn(self, call, progress);
		else if (round == ROUND_STOPS && progress->boundary < progress->trace.length)
			stop_in(self, call, progress);
		else
			actor_call(&self->victim, call->call, call->n);
		left |= progress->boundary < progress->trace.length;
	}
	kernel_place(&self->victim.area, 0);
	self->victim.plan = ACTOR_RUNS;
	actor_return(&self->victim);
	return left;
}

static void freezer_begin(struct freezer *self, uint32_t capacity)
{
	const struct stage_shape shape = {
		.capacity = capacity, .large = self->mode->large, .crowded = self->mode->crowded};

	stage.blocked = blocked;
	stage_begin(&shape, self->mode->survivor_cpu);
	actor_begin(&self->victim, stage.pool, 1);
	if (self->mode->disperses)
		stage_disperse();
	if (!self->mode->large)
		self->lost_most = stage_lost_most();
}

static void forget(struct freezer *self)
{
	for (uint32_t i = 0; i < stage.calls; i++)
		free(self->progress[i].trace.address);
	memset(self->progress, 0, sizeof(self->progress));
}

/* All boundaries with a pool of one capacity. */
static void freezer_examine(struct freezer *self, uint32_t capacity)
{
	freezer_begin(self, capacity);
	/* Not where it matters how they attached: the script attaches anew. */
	for (uint32_t i = 0; !self->mode->disperses && i < WARM_UP_ROUNDS; i++) {
		freezer_round(self, ROUND_RUNS);
		stage_survive(self->mode->laps);
	}
	freezer_round(self, ROUND_LEARNS);
	while (freezer_round(self, ROUND_STOPS))
		;
	forget(self);
	actor_call(&self->victim, ACTOR_DETACH, 0);
	stage_leave();
	stress_quiet(stage.pool, 0, "after a thread was stopped everywhere");
	pool_destroy(stage.pool);
}

/* The victim has died in its call: the others have what is left, each object once. */
static void mourn(struct freezer *self)
{
	const struct actor *victim = &self->victim;
	const uint32_t lost = stage_missing(stage_held(victim));

	if (lost > victim->moving + self->lost_most)
		stress_fail("killed after %" PRIu32
			    " instructions of %s, %s, a thread took %" PRIu32 " " FREEZER_TOOK
			    ", of which at most %" PRIu32 " were its own, and may take %" PRIu32
			    " more",
			self->place->boundary, actor_call_names[self->place->call],
			self->mode->name, lost, victim->moving, self->lost_most);
	self->lost = lost > self->lost ? lost : self->lost;
	self->killed++;
}

/* A new pool, in which the victim makes the calls up to that number of the script, and dies in it. */
static void kill_in(struct freezer *self, uint32_t capacity, uint32_t number, bool steps)
{
	const struct stage_call *call = &stage.script[number];
	struct actor *victim = &self->victim;

	freezer_begin(self, capacity);
	self->reached = false;
	victim->plan = ACTOR_RUNS;
	for (uint32_t i = 0; i < number; i++)
		actor_call(victim, stage.script[i].call, stage.script[i].n);
	self->place->call = call->call;
	victim->plan = steps ? ACTOR_STEPS : ACTOR_BREAKS;
	victim->stop = self->place->boundary;
	victim->trace = self->progress[number].trace;
	if (steps)
		victim->trace.address = self->scratch;
	if (sigsetjmp(self->death, 1) == 0)
		actor_call(victim, call->call, call->n);
	else
		mourn(self);
	victim->plan = ACTOR_RUNS;
	pool_destroy(stage.pool);
}

/*
 * A thread that dies in a library of others' leaves what that keeps for it. Without a capacity nobody knows
 * what is lost, and a pool of NBLs does not end while one is out.
 */
static bool may_be_killed(const struct freezer *self)
{
	const struct pool_traits *traits = &self->run->ops->traits;

	return traits->kind == POOL_KIND_POOL && !traits->needs_library &&
	       traits->progress != POOL_BLOCKING;
}

/*
 * A death at the boundaries of the calls as they are when the pool is new: from the first-th on every step-th. Not in
 * detach, which may hold the lock of the C library's heap.
 */
static void freezer_kill(struct freezer *self, uint32_t capacity, uint32_t first, uint32_t step)
{
	self->kills = true;
	for (uint32_t i = 0; i < stage.calls; i++) {
		const struct progress *progress = &self->progress[i];
		const bool dies = stage.script[i].call != ACTOR_DETACH;

		for (uint32_t k = progress->first + first; dies && k < progress->trace.length;
			k = next_boundary(k, step)) {
			self->place->boundary = k;
			kill_in(self, capacity, i, false);
			if (!self->reached)
				kill_in(self, capacity, i, true);
		}
	}
	self->kills = false;
}

/* So many that the bound on what is lost can be passed, where there is room and one. */
static uint32_t capacity_for(const struct freezer *self, uint32_t capacity, uint32_t deaths)
{
	const bool may_be_passed = capacity == freezer_capacities[0] && may_be_killed(self) &&
				   self->lost_most != STAGE_NO_BOUND;

	return may_be_passed ? stage_capacity_for_deaths(deaths, self->lost_most) : capacity;
}

static void freezer_pair(struct freezer *self, uint32_t capacity, uint32_t cpus)
{
	struct pairs_call calls[STAGE_CALLS_MAX];

	for (uint32_t i = 0; i < stage.calls; i++)
		calls[i] = (struct pairs_call){
			self->progress[i].first, self->progress[i].trace.length};
	self->pairs.calls = calls;
	self->pairs.capacity = capacity;
	self->pairs.cpus = cpus;
	self->pairs.random = &self->random;
	self->place->mode = NULL; /* it tells of single ones */
	pairs_play(&self->pairs, PAIRS_STOPPED / self->one_in,
		may_be_killed(self) ? PAIRS_KILLED / self->one_in : 0);
	self->place->mode = self->mode->name;
}

/*
 * What begins with a pool that is new. Deaths: each boundary with one of the capacities, beside a survivor on one of
 * the CPUs, which goes round everything. Pairs choose their CPUs themselves.
 */
static void freezer_renew(struct freezer *self, uint32_t capacity, uint32_t cpus)
{
	const uint32_t kinds = cpus * array_count(freezer_capacities);

	const uint32_t one = capacity_for(self, capacity, 1);

	freezer_begin(self, one);
	freezer_round(self, ROUND_LEARNS);
	pool_destroy(stage.pool);
	if (may_be_killed(self))
		freezer_kill(self, one,
			self->deaths++ + kinds * stress_below(&self->random, self->one_in),
			kinds * self->one_in);
	if (self->mode == &freezer_modes[PAIRED_MODE])
		freezer_pair(self, capacity_for(self, capacity, 2), cpus);
	forget(self);
}

/* All that is to be tried in one mode. */
static void freezer_play(struct freezer *self, uint32_t cpus)
{
	self->place->mode = self->mode->name;
	self->victim.stopped = freeze;
	self->victim.aborts = self->mode->aborts;
	kernel_wide(!self->mode->narrow);
	if (self->mode->large)
		freezer_examine(self, LARGE_CAPACITY);
	/* That a thread moves, or is one of a crowd, does not depend on how many objects there are. */
	const bool one = self->mode->moves || self->mode->wanders || self->mode->crowded;
	const uint32_t capacities = one ? 1 : array_count(freezer_capacities);
	for (uint32_t i = 0; !self->mode->large && i < capacities; i++)
		freezer_examine(self, freezer_capacities[i]);
	for (uint32_t i = 0;
		self->mode->laps && !self->mode->ways && i < array_count(freezer_capacities); i++)
		freezer_renew(self, freezer_capacities[i], cpus);
}

/* What a death may take beyond what its call is about. */
static const char *bound(const struct freezer *self, char *text, size_t bytes)
{
	if (!may_be_killed(self))
		return "";
	if (self->lost_most == STAGE_NO_BOUND)
		return "; it promises no bound";
	snprintf(text, bytes, "; %" PRIu32 " beyond those of its call may be lost by one",
		self->lost_most);
	return text;
}

void freezer_run(const struct stress *run, uint32_t one_in, struct freezer_place *place)
{
	char may_be_lost[64];
	struct freezer *self = &freezer;
	const uint32_t *cpus;

	self->run = run;
	self->place = place;
	self->one_in = one_in;
	self->random = run->seed;
	stress_cpus(&cpus);
	stress_pin(cpus[0]); /* all threads: one at a time has a turn */
	cpu_set_possible(KERNEL_CPUS);
	cpu_set_nodes(KERNEL_CPUS);
	actor_prepare();
	self->scratch = stress_array(ACTOR_TRACE_MAX, sizeof(uintptr_t));
	actor_enter(&self->victim, 0);
	stage_prepare(run);
	pairs_prepare(self->scratch);
	for (size_t m = 0; m < array_count(freezer_modes); m++) {
		const uint32_t cpus_tried = kernel_was_asked() ? KERNEL_CPUS : 1;

		self->mode = &freezer_modes[m];
		if ((freezer_modes[m].cpus && cpus_tried == 1) ||
			(freezer_modes[m].crowded && run->ops->get_run == NULL))
			continue;
		freezer_play(self, cpus_tried);
	}
	stress_note("stopped %" PRIu64 " times (%" PRIu64 " step by step), up to %" PRIu32
		    " instructions into a call, and %" PRIu64 " pairs; killed %" PRIu64
		    " times, which lost %" PRIu32 " objects at most, and %" PRIu64
		    " pairs, which lost %" PRIu32 "%s",
		self->frozen, self->stepped, self->longest, self->pairs.stopped, self->killed,
		self->lost, self->pairs.killed, self->pairs.lost,
		bound(self, may_be_lost, sizeof(may_be_lost)));
}

#else

void freezer_run(const struct stress *run, uint32_t one_in, struct freezer_place *place)
{
	(void)run, (void)one_in, (void)place;
	stress_skip("threads are stepped on x86-64 only");
}

#endif
