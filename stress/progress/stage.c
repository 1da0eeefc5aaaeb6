/* See stage.h. */
#include "stress/progress/stage.h"

#include "alloc/machine/memory.h"
#include "stress/base/object.h"

#include <inttypes.h>
#include <string.h>

enum {
	SURVIVOR_HELD = 8,
	FEW = 3,
	MANY = 16, /* and up to so many more: each rest of a copy (copy.h) */
	MANY_KINDS = 8,
	SURVIVOR_LAPS = 4, /* a ring has two cells an object at most, or 64 */
	/* Twice what one step of a copy moves, and more: so that it has two steps, and a rest (copy.h). */
	LARGE_MAGAZINE_OBJECTS = 32,
	LARGE_CPU_CACHE_OBJECTS = 64,
	/* Objects, beyond those that may be lost, of a pool in which threads die. */
	LEFT_TO_LOSE = 64,
	MOST_LOST = (ACTOR_HELD_MAX - LEFT_TO_LOSE) / 2, /* by one of two deaths */
	/* Handles, at most; of home_ret's each has a magazine, and there are twenty for each of 4096 (depot.h). */
	CROWD_MOST = 90000,
};

struct stage stage;

/* What the victim does, again and again. It attaches without being stopped: that is the C library's malloc. */
static const struct script_row {
	uint32_t times;
	enum actor_call call;
	uint32_t n;
} rows[] =
	{
		/* The first of the pool's calls. */
		{1, ACTOR_GET_BULK, 3},
		{1, ACTOR_PUT_BULK, 3},
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
		/* Copies by a step and each rest, and by each rest alone. */
		{1, ACTOR_GET_BULK, 15},
		{1, ACTOR_PUT_BULK, 15},
		{2, ACTOR_GET_BULK, 7},
		{2, ACTOR_PUT_BULK, 7},
		/* The last one is more than a magazine of 8. */
		{1, ACTOR_PREFILL, 8},
		{1, ACTOR_GET_BULK, 9},
		{1, ACTOR_PREFILL, 7},
		{1, ACTOR_PUT_BULK, 9},
		{1, ACTOR_PREFILL, 3},
		{1, ACTOR_PREFILL, 9},
		{1, ACTOR_DETACH, 0},
		{1, ACTOR_ATTACH, 0},
},
  large_rows[] = {
	  /* Copies by whole steps, with a rest and without; more than a cache has, and less. */
	  {1, ACTOR_PREFILL, 29},
	  {2, ACTOR_GET_BULK, 29},
	  {2, ACTOR_PUT_BULK, 29},
	  {2, ACTOR_GET_BULK, 16},
	  {1, ACTOR_GET_BULK, 8},
	  {1, ACTOR_PUT_BULK, 8},
	  {2, ACTOR_PUT_BULK, 16},
	  {2, ACTOR_GET_BULK, 100},
	  {2, ACTOR_PUT_BULK, 100},
	  /* Many into a cache that has one, as one of DPDK's takes them: from an even place and from an odd one. */
	  {1, ACTOR_GET_BULK, 93},
	  {1, ACTOR_FLUSH, 0},
	  {1, ACTOR_PUT, 1},
	  {1, ACTOR_PUT_BULK, 92},
	  {1, ACTOR_GET_BULK, 92},
	  {1, ACTOR_FLUSH, 0},
	  {1, ACTOR_PUT, 1},
	  {1, ACTOR_PUT_BULK, 91},
};

static void add(const struct script_row *row, size_t count, bool large)
{
	for (; count > 0; count--, row++) {
		for (uint32_t i = 0; i < row->times; i++)
			stage.script[stage.calls++] = (struct stage_call){
				.call = row->call, .n = row->n, .repeat = i != 0, .large = large};
	}
}

void stage_prepare(const struct stress *run)
{
	stage.run = run;
	add(rows, array_count(rows), false);
	add(large_rows, array_count(large_rows), true);
	stage.survivor.actor.part = "the survivor";
	hand_start(&stage.survivor);
}

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

/*
 * A batch that leaves nothing where it was, by all calls that promise not to wait: flush does not. Every other time all
 * it has is free in the end, so that who found nothing finds something.
 */
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
	if (self->number++ % 2 == 0)
		survive(self);
}

static void survive_taking(struct hand *self)
{
	struct actor *actor = &self->actor;

	if (actor->count + FEW > SURVIVOR_HELD)
		actor_return(actor);
	else
		actor_call(actor, ACTOR_GET_BULK, FEW);
}

static void survive_giving(struct hand *self)
{
	if (!actor_call(&self->actor, ACTOR_PUT, 1))
		actor_call(&self->actor, ACTOR_GET_BULK, FEW);
}

static void survive_moving(struct hand *self)
{
	struct actor *actor = &self->actor;

	if (actor->count != 0)
		actor_return(actor);
	else
		actor_call(actor, ACTOR_GET_BULK, MANY + self->number++ % MANY_KINDS);
}

static void survive_draining(struct hand *self)
{
	if (self->number++ % 2 == 0)
		actor_drain(&self->actor);
	else
		actor_return(&self->actor);
}

static void begin_survivor(struct hand *self)
{
	actor_begin(&self->actor, stage.pool, 2);
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

void stage_let_survive(void (*work)(struct hand *self))
{
	if (stage.lags)
		return;
	kernel_turn(stage.survivor.actor.area.cpu_id);
	if (!hand_work(&stage.survivor, work))
		stage.blocked();
}

static void reattach(struct hand *self)
{
	actor_call(&self->actor, ACTOR_DETACH, 0);
	actor_call(&self->actor, ACTOR_ATTACH, 0);
}

void stage_reattach(void)
{
	stage_let_survive(reattach);
}

void stage_swap(struct actor *victim)
{
	if (stage.survivor.actor.count == 0)
		stage_let_survive(survive_taking);
	actor_swap(victim, &stage.survivor.actor);
}

bool stage_catch_up(void)
{
	const bool lagged = stage.lags;
	const uint32_t hurry_ms = hand_hurry_ms;

	stage.lags = false;
	hand_hurry_ms = 0;
	const bool done = !lagged || hand_wait(&stage.survivor);
	hand_hurry_ms = hurry_ms;
	return done;
}

static struct pool_thread *crowd[CROWD_MOST];
static uint32_t allocations;

static bool count_allocation(void *arg, size_t bytes)
{
	(void)arg, (void)bytes;
	allocations++;
	return false;
}

/* Until a handle takes more allocations than the first one did: its magazines are of the heap, for the depot has no more. */
static void gather(void)
{
	uint32_t of_first = 0;

	memory_set_fault_hook(count_allocation, NULL);
	while (stage.crowd < CROWD_MOST && allocations <= of_first) {
		allocations = 0;
		crowd[stage.crowd++] = stress_attach(stage.pool);
		if (stage.crowd == 1)
			of_first = allocations;
	}
	memory_set_fault_hook(NULL, NULL);
	allocations = 0;
}

void stage_begin(const struct stage_shape *shape, uint32_t survivor_cpu)
{
	const struct pool_config config = {.object_bytes = OBJECT_BYTES_MIN,
		.capacity = shape->capacity,
		.magazine_objects =
			shape->large ? LARGE_MAGAZINE_OBJECTS : POOL_MAGAZINE_OBJECTS_MIN,
		.cpu_cache_objects =
			shape->large ? LARGE_CPU_CACHE_OBJECTS : POOL_CPU_CACHE_OBJECTS_MIN};

	stage.pool = stress_pool(stage.run->ops, &config);
	stage.pool->ops = stage.run->ops; /* each instruction of a note would be one to stop at */
	stage.crowd = 0;
	if (shape->crowded)
		gather();
	kernel_place(&stage.survivor.actor.area, survivor_cpu);
	stage_let_survive(begin_survivor);
}

void stage_survive(enum stage_act act)
{
	static void (*const works[ACTS])(struct hand * self) = {
		[ACT_CHANGES] = survive,
		[ACT_LAPS] = survive_laps,
		[ACT_TAKES] = survive_taking,
		[ACT_GIVES] = survive_giving,
		[ACT_MOVES] = survive_moving,
		[ACT_DRAINS] = survive_draining,
	};

	stage_let_survive(works[act]);
}

/* Not without end: it may wait for who is stopped. */
static bool step_on(struct actor *survivor, uintptr_t address)
{
	enum { STEPPED_MOST = 3000 };

	(void)address;
	if (survivor->trace.length >= STEPPED_MOST)
		survivor->in_call = 0;
	return false;
}

void stage_survive_stepped(void)
{
	enum { TURNS = 10 }; /* every other one puts, 90 objects in all */
	static uintptr_t *scratch;
	struct actor *survivor = &stage.survivor.actor;

	if (scratch == NULL)
		scratch = stress_array(ACTOR_TRACE_MAX, sizeof(uintptr_t));
	survivor->plan = ACTOR_MEETS;
	survivor->sites = 0;
	survivor->meets = step_on;
	survivor->trace.address = scratch;
	for (uint32_t i = 0; i < TURNS; i++)
		stage_survive(ACT_MOVES);
	survivor->plan = ACTOR_RUNS;
}

void stage_disperse(void)
{
	while (stage.crowd > 0)
		stage.run->ops->detach(stage.pool, crowd[--stage.crowd]);
}

void stage_leave(void)
{
	stage_let_survive(end_survivor);
	stage_disperse();
}

uint32_t stage_lost_most(void)
{
	const uint64_t most = stage.run->ops->lost != NULL ? stage.run->ops->lost(stage.pool) : 0;

	if (most != UINT64_MAX && most > MOST_LOST)
		stress_fail(PROMISE_NONE,
			"it says that a death takes up to %" PRIu64
			" objects, and of more than %d nobody here can tell",
			most, MOST_LOST);
	return most < STAGE_NO_BOUND ? (uint32_t)most : STAGE_NO_BOUND;
}

uint32_t stage_capacity_for_deaths(uint32_t deaths, uint32_t lost_most)
{
	return LEFT_TO_LOSE + deaths * lost_most;
}

uint32_t stage_held(const struct actor *actor)
{
	return actor->count + (actor->run != NULL ? actor->run_count : 0);
}

static uint32_t missing(uint32_t held_by_victims)
{
	return stage.pool->config.capacity - stage_held(&stage.survivor.actor) - held_by_victims;
}

uint32_t stage_missing(uint32_t held_by_victims)
{
	stage_let_survive(survive_laps);
	stage_let_survive(drain);
	return missing(held_by_victims);
}

uint32_t stage_missing_alone(struct hand *survivor, uint32_t held_by_victims)
{
	survive_laps(survivor);
	actor_call(&survivor->actor, ACTOR_FLUSH, 0);
	drain(survivor);
	return missing(held_by_victims);
}
