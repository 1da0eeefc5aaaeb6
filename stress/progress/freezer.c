#include "stress/progress/freezer.h"

#include "alloc/machine/cpu.h"
#include "stress/base/object.h"
#include "stress/base/places.h"
#include "stress/progress/hand.h"
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#ifdef RSEQ_ARCH_SUPPORTED

#include "alloc/machine/step.h"

enum {
	SURVIVOR_HELD = 8,
	SURVIVOR_LAPS = 4, /* a ring has two cells an object at most, or 64 */
	/*
	 * Beyond so many instructions a call goes round in circles (retries, aborted sections), and
	 * boundaries are taken ever more sparsely.
	 */
	EVERY_BOUNDARY_BELOW = 256,
	SPARSE_LOG2 = 2,
	CALLS_MAX = 128, /* of the script */
	WARM_UP_ROUNDS = 4,
	FOLLOW_ONE_IN = 5,
};

/*
 * One with room, one that the script and the survivor exhaust. Small caches, so that they overflow.
 */
static const uint32_t freezer_capacities[] = {64, 5};

/* What the victim does, again and again. It attaches without being stopped: that is the C library's malloc. */
static const struct script_row {
	uint32_t times;
	enum actor_call call;
	uint32_t n;
} script[] = {
	/* More than a per-CPU array of 16 or four magazines hold. */
	{20, ACTOR_GET, 1},
	{20, ACTOR_PUT, 1},
	/* Less than a magazine of 8, and more than one. */
	{3, ACTOR_GET_BULK, 3},
	{2, ACTOR_GET_BULK, 13},
	{2, ACTOR_PUT_BULK, 13},
	{3, ACTOR_PUT_BULK, 3},
	{2, ACTOR_GET, 1},
	{1, ACTOR_FLUSH, 0},
	{2, ACTOR_PUT, 1},
	{2, ACTOR_FLUSH, 0},
	{1, ACTOR_GET_RUN, 0},
	{1, ACTOR_PUT_RUN, 0},
	{1, ACTOR_GET_BULK, 9},
	{1, ACTOR_GET_RUN, 0},
	{1, ACTOR_PUT_RUN, 0},
	{1, ACTOR_PUT_BULK, 9},
	{1, ACTOR_DETACH, 0},
	{1, ACTOR_ATTACH, 0},
};

/* Where the two run, and what becomes of the victim. Where the pool asks for no CPU, the first two are all. */
static const struct freezer_mode {
	const char *name;
	bool laps;
	uint32_t survivor_cpu; /* the victim's is 0 */
	bool moves;            /* the victim goes on on CPU 1 */
	bool aborts;           /* sections of the victim, at each step */
} freezer_modes[] = {
	{.name = "beside a survivor on its CPU"},
	{.name = "beside a survivor on its CPU that goes round all objects", .laps = true},
	{.name = "beside a survivor on another CPU", .survivor_cpu = 1},
	{.name = "beside a survivor on another CPU that goes round all objects",
		.survivor_cpu = 1,
		.laps = true},
	{.name = "moved to another CPU afterwards", .moves = true},
	{.name = "with each section aborted", .aborts = true},
};
enum { MODES_WITHOUT_CPU = 2, FOLLOWED_MODE = 1 };

/* A pass over the script. */
enum round { ROUND_RUNS, ROUND_LEARNS, ROUND_STOPS };

/* How far a call of the script was tried. */
struct progress {
	enum actor_call call;
	struct actor_trace trace; /* as it ran when nobody stopped it */
	uint32_t boundary;        /* the next */
	bool misses;              /* it takes another path now */
};

struct freezer {
	const struct stress *run;
	struct freezer_place *place;
	const struct freezer_mode *mode;
	struct pool *pool;
	struct actor victim;
	struct hand survivor;
	struct progress progress[CALLS_MAX];
	uintptr_t *scratch; /* ACTOR_TRACE_MAX of them */
	bool reached;       /* the boundary, in the present call */
	bool kills;         /* the victim is not to go on */
	sigjmp_buf death;
	uint32_t deaths;  /* kinds of them, so far */
	uint64_t killed;  /* times */
	uint32_t lost;    /* objects, at most */
	uint64_t frozen;  /* times */
	uint64_t stepped; /* of these, those that the victim went to step by step */
	uint32_t longest;
};

/* One a process: signal handlers want it. */
static struct freezer freezer;

/*
 * A batch of the survivor's: gets two and puts back the older of them, so that the pool is not what it
 * was; at times gives back everything.
 */
static void survive(struct hand *self)
{
	struct actor *actor = &self->actor;

	if (actor->count + 2 > SURVIVOR_HELD)
		actor_return(actor);
	const uint32_t before = actor->count;
	actor_call(actor, ACTOR_GET, 1);
	actor_call(actor, ACTOR_GET, 1);
	if (actor->count - before == 2) {
		void *older = actor->held[before];

		memmove(actor->held + 1, actor->held, before * sizeof(*actor->held));
		actor->held[0] = older;
		actor_call(actor, ACTOR_PUT, 1);
	}
}

/* A batch that leaves nothing where it was, by all calls that promise not to wait: flush does not. */
static void survive_laps(struct hand *self)
{
	struct actor *actor = &self->actor;

	for (uint32_t i = 0; i < SURVIVOR_LAPS; i++) {
		actor_call(actor, ACTOR_GET_RUN, 0);
		actor_call(actor, ACTOR_GET_BULK, 11);
		actor_drain(actor);
		actor_call(actor, ACTOR_PUT, 1);
		actor_call(actor, ACTOR_PUT_BULK, 11);
		while (actor_call(actor, ACTOR_PUT, 1))
			;
		actor_call(actor, ACTOR_PUT_RUN, 0);
	}
	survive(self);
}

static void begin_survivor(struct hand *self)
{
	actor_begin(&self->actor, freezer.pool, 2);
}

static void drain(struct hand *self)
{
	actor_drain(&self->actor);
}

static void end_survivor(struct hand *self)
{
	actor_return(&self->actor);
	actor_call(&self->actor, ACTOR_DETACH, 0);
}

static void let_survive(void (*work)(struct hand *self))
{
	struct freezer *self = &freezer;

	kernel_turn(self->survivor.actor.area.cpu_id);
	if (!hand_work(&self->survivor, work))
		stress_fail("stopped after %" PRIu32
			    " instructions of %s, %s, one thread " FREEZER_BLOCKED,
			self->place->boundary, actor_call_names[self->place->call],
			self->mode->name);
}

/* The victim's signal handler. */
static void freeze(struct actor *victim, void *context)
{
	struct freezer *self = &freezer;
	const uint64_t turns = kernel_turns(victim->area.cpu_id);

	self->place->offset = places_offset(step_address(context));
	self->reached = true;
	if (self->kills)
		siglongjmp(self->death, 1);
	let_survive(self->mode->laps ? survive_laps : survive);
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

/* A call that is stepped to its end: the boundaries that it has. */
static void learn(struct freezer *self, const struct script_row *row, struct progress *progress)
{
	struct actor *victim = &self->victim;

	victim->plan = ACTOR_STEPS;
	victim->stop = ACTOR_NEVER;
	victim->follows = false;
	victim->trace = (struct actor_trace){.address = self->scratch};
	actor_call(victim, row->call, row->n);
	*progress = (struct progress){.call = row->call, .trace.length = victim->trace.length};
	progress->trace.address = stress_array(victim->trace.length + 1, sizeof(uintptr_t));
	memcpy(progress->trace.address, self->scratch, victim->trace.length * sizeof(uintptr_t));
	progress->boundary = known(self, progress);
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
static void stop_in(struct freezer *self, const struct script_row *row, struct progress *progress)
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
	 * boundaries. The first of them are not the strategy's yet.
	 */
	victim->follows = self->mode == &freezer_modes[FOLLOWED_MODE] &&
			  progress->boundary > FOLLOW_ONE_IN &&
			  progress->boundary % FOLLOW_ONE_IN == 0;
	self->reached = false;
	actor_call(victim, row->call, row->n);
	if (!self->reached && !progress->misses) {
		progress->misses = true;
		return;
	}
	self->frozen += self->reached;
	self->stepped += self->reached && progress->misses;
	if (progress->boundary > self->longest)
		self->longest = progress->boundary;
	progress->boundary = next_boundary(progress->boundary, 1);
	if (!self->reached)
		progress->boundary = progress->trace.length;
	progress->misses = false;
}

/*
 * Whether the call is stopped, the i-th of its row. Where sections are aborted all calls of a row go the same long
 * way, round and round and then behind the caches: the first shows it. A flush without caches does nothing, or
 * waits for a grace period.
 */
static bool is_stopped(const struct freezer *self, const struct script_row *row, uint32_t i)
{
	if (row->call == ACTOR_FLUSH && self->run->ops->traits.cache == POOL_CACHE_NONE)
		return false;
	return row->call != ACTOR_ATTACH && (i == 0 || !self->mode->aborts);
}

/* One pass over the script; true if some call has boundaries left. */
static bool freezer_round(struct freezer *self, enum round round)
{
	struct progress *progress = self->progress;
	bool left = false;

	for (size_t row = 0; row < array_count(script); row++) {
		for (uint32_t i = 0; i < script[row].times; i++, progress++) {
			self->place->call = script[row].call;
			self->victim.plan = ACTOR_RUNS;
			if (round == ROUND_LEARNS && is_stopped(self, &script[row], i))
				learn(self, &script[row], progress);
			else if (round == ROUND_STOPS &&
				 progress->boundary < progress->trace.length)
				stop_in(self, &script[row], progress);
			else
				actor_call(&self->victim, script[row].call, script[row].n);
			left |= progress->boundary < progress->trace.length;
			kernel_place(&self->victim.area, 0);
		}
	}
	self->victim.plan = ACTOR_RUNS;
	actor_return(&self->victim);
	return left;
}

static void freezer_begin(struct freezer *self, uint32_t capacity)
{
	const struct pool_config config = {.object_bytes = OBJECT_BYTES_MIN,
		.capacity = capacity,
		.magazine_objects = POOL_MAGAZINE_OBJECTS_MIN,
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN};

	self->pool = stress_pool(self->run->ops, &config);
	self->pool->ops = self->run->ops; /* each instruction of a note would be one to stop at */
	actor_begin(&self->victim, self->pool, 1);
	kernel_place(&self->survivor.actor.area, self->mode->survivor_cpu);
	let_survive(begin_survivor);
}

/* All boundaries with a pool of one capacity. */
static void freezer_examine(struct freezer *self, uint32_t capacity)
{
	freezer_begin(self, capacity);
	for (uint32_t i = 0; i < WARM_UP_ROUNDS; i++) {
		freezer_round(self, ROUND_RUNS);
		let_survive(self->mode->laps ? survive_laps : survive);
	}
	freezer_round(self, ROUND_LEARNS);
	while (freezer_round(self, ROUND_STOPS))
		;
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		free(self->progress[i].trace.address);
	memset(self->progress, 0, sizeof(self->progress));
	actor_call(&self->victim, ACTOR_DETACH, 0);
	let_survive(end_survivor);
	stress_quiet(self->pool, 0, "after a thread was stopped everywhere");
	pool_destroy(self->pool);
}

/*
 * Objects that may be out of reach when a thread has died: those of its call, what the strategy says that it may
 * withhold, and a magazine in transit. What a CPU keeps the others take from there, unless the thread was about to: then
 * it may be all that the CPU had, which is told and not judged.
 */
static uint64_t may_be_lost(const struct freezer *self)
{
	const struct pool_ops *ops = self->run->ops;
	const struct pool_config *config = &self->pool->config;

	switch (ops->traits.cache) {
	case POOL_CACHE_NONE:
		break;
	case POOL_CACHE_THREAD:
		return self->victim.moving + config->magazine_objects +
		       (ops->withheld != NULL ? ops->withheld(self->pool) : 0);
	case POOL_CACHE_CPU:
		return config->capacity;
	}
	return self->victim.moving;
}

/* The victim has died in its call: the others have what is left, each object once. */
static void mourn(struct freezer *self)
{
	const struct actor *victim = &self->victim;
	const struct actor *survivor = &self->survivor.actor;

	let_survive(survive_laps);
	let_survive(drain);
	const uint32_t known_of =
		survivor->count + victim->count + (victim->run != NULL ? victim->run_count : 0);
	const uint32_t lost = self->pool->config.capacity - known_of;
	if (lost > may_be_lost(self))
		stress_fail("killed after %" PRIu32
			    " instructions of %s, %s, a thread took %" PRIu32 " " FREEZER_TOOK
			    ", of which at most %" PRIu32 " were its own",
			self->place->boundary, actor_call_names[self->place->call],
			self->mode->name, lost, victim->moving);
	self->lost = lost > self->lost ? lost : self->lost;
	self->killed++;
}

/* A new pool, in which the victim makes the calls up to that number of the script, and dies in it. */
static void kill_in(struct freezer *self, uint32_t capacity, uint32_t number, bool steps)
{
	struct actor *victim = &self->victim;
	uint32_t i = 0;

	freezer_begin(self, capacity);
	self->reached = false;
	for (const struct script_row *row = script;; row++) {
		for (uint32_t k = 0; k < row->times; k++, i++) {
			self->place->call = row->call;
			victim->plan = ACTOR_RUNS;
			if (i != number) {
				actor_call(victim, row->call, row->n);
				continue;
			}
			victim->plan = steps ? ACTOR_STEPS : ACTOR_BREAKS;
			victim->stop = self->place->boundary;
			victim->trace = self->progress[number].trace;
			if (steps)
				victim->trace.address = self->scratch;
			if (sigsetjmp(self->death, 1) == 0)
				actor_call(victim, row->call, row->n);
			else
				mourn(self);
			victim->plan = ACTOR_RUNS;
			pool_destroy(self->pool);
			return;
		}
	}
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
 * The calls of the script as they are when the pool is new, and a death at their boundaries: from the first-th on
 * every step-th. Not in detach, which may hold the lock of the C library's heap.
 */
static void freezer_kill(struct freezer *self, uint32_t capacity, uint32_t first, uint32_t step)
{
	freezer_begin(self, capacity);
	freezer_round(self, ROUND_LEARNS);
	pool_destroy(self->pool);
	self->kills = true;
	for (uint32_t i = 0; i < CALLS_MAX; i++) {
		const struct progress *progress = &self->progress[i];
		const bool dies = progress->call != ACTOR_DETACH;

		for (uint32_t k = progress->boundary + first; dies && k < progress->trace.length;
			k = next_boundary(k, step)) {
			self->place->boundary = k;
			kill_in(self, capacity, i, false);
			if (!self->reached)
				kill_in(self, capacity, i, true);
		}
		free(progress->trace.address);
	}
	memset(self->progress, 0, sizeof(self->progress));
	self->kills = false;
}

/* All that is to be tried in one mode. */
static void freezer_play(struct freezer *self, uint32_t kinds_of_deaths)
{
	self->place->mode = self->mode->name;
	self->victim.stopped = freeze;
	self->victim.aborts = self->mode->aborts;
	/* That a thread moves does not depend on how many objects there are. */
	for (uint32_t i = 0; i < (self->mode->moves ? 1 : array_count(freezer_capacities)); i++)
		freezer_examine(self, freezer_capacities[i]);
	/* Survivors go round everything then in any case. Each boundary with one of the pools, on one of the CPUs. */
	for (uint32_t i = 0;
		self->mode->laps && may_be_killed(self) && i < array_count(freezer_capacities); i++)
		freezer_kill(self, freezer_capacities[i], self->deaths++, kinds_of_deaths);
}

void freezer_run(const struct stress *run, struct freezer_place *place)
{
	struct freezer *self = &freezer;
	const uint32_t *cpus;

	self->run = run;
	self->place = place;
	stress_cpus(&cpus);
	stress_pin(cpus[0]); /* all threads: one at a time has a turn */
	cpu_set_possible(KERNEL_CPUS);
	cpu_set_nodes(KERNEL_CPUS);
	actor_prepare();
	self->scratch = stress_array(ACTOR_TRACE_MAX, sizeof(uintptr_t));
	actor_enter(&self->victim, 0);
	hand_start(&self->survivor);
	for (size_t m = 0; m < array_count(freezer_modes); m++) {
		const uint32_t cpus_tried = kernel_was_asked() ? KERNEL_CPUS : 1;

		self->mode = &freezer_modes[m];
		if (m >= MODES_WITHOUT_CPU && cpus_tried == 1)
			break;
		freezer_play(self, cpus_tried * array_count(freezer_capacities));
	}
	stress_note("stopped %" PRIu64 " times (%" PRIu64 " step by step), up to %" PRIu32
		    " instructions into a call; killed %" PRIu64 " times, which lost %" PRIu32
		    " objects at most",
		self->frozen, self->stepped, self->longest, self->killed, self->lost);
}

#else

void freezer_run(const struct stress *run, struct freezer_place *place)
{
	(void)run, (void)place;
	stress_skip("threads are stepped on x86-64 only");
}

#endif
