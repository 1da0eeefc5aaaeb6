/* See pairs.h. */
#include "stress/progress/pairs.h"

#ifdef RSEQ_ARCH_SUPPORTED

#include "alloc/machine/step.h"
#include "stress/base/evidence.h"
#include "stress/progress/freezer.h"
#include "stress/progress/sites.h"

#include <inttypes.h>
#include <setjmp.h>

enum {
	VICTIMS = 2,
	FIRST_OWNER = 3, /* in object.h */
	/* Who is stepped may lose so many turns; beside another it runs then, for it may look around a thousand times. */
	TURNS_LOST = 40, /* others help after 16 (wcq) */
	STEPPED_MOST = 3000,
	WAIT_MS = 30, /* some 10^3 instructions, step by step, of one who waits for another */
};

/* What becomes of a pair. */
enum kind { STEPPED, STOPPED, KILLED };

static struct victim {
	struct hand hand;
	uint32_t number, boundary; /* of the script's calls; where it is to be stopped in that */
	uint32_t at;               /* where it was stopped */
	enum actor_plan plan;
	bool stopped;
	bool loses;          /* a turn only, and goes on to its boundary */
	uint32_t turns_left; /* that it may lose */
	bool behind;         /* a locked instruction */
	bool dies;           /* instead of going on */
	uint64_t turns;      /* of others on its CPU, when it was stopped */
	bool turned;         /* the other victim had a turn there since */
	sigjmp_buf death;
} victims[VICTIMS];

/* ACTOR_TRACE_MAX of them, for whoever is stepped: nobody reads what that was. */
static uintptr_t *scratch;

static const char *call_of(const struct victim *victim)
{
	return actor_call_names[stage.script[victim->number].call];
}

static void blocked(void)
{
	const struct victim *a = &victims[0], *b = &victims[1];

	evidence_stacks(NULL);
	if (!a->stopped || !b->stopped)
		stress_fail(PROMISE_STOPPED,
			"stopped after %" PRIu32 " instructions of %s, one thread " FREEZER_BLOCKED,
			a->stopped ? a->at : b->at, call_of(a->stopped ? a : b));
	stress_fail(PROMISE_STOPPED,
		"stopped after %" PRIu32 " instructions of %s and after %" PRIu32
		" of %s, " PAIRS_BLOCKED,
		a->at, call_of(a), b->at, call_of(b));
}

static struct victim *victim_of(struct actor *actor)
{
	struct hand *hand = container_of(actor, struct hand, actor);

	return container_of(hand, struct victim, hand);
}

/* The victim's signal handler. */
static void freeze(struct actor *actor, void *context)
{
	struct victim *self = victim_of(actor);

	self->stopped = true;
	self->at = actor->trace.length - 1;
	self->turned = false;
	self->turns = kernel_turns(actor->area.cpu_id);
	hand_stop(&self->hand);
	if (self->dies)
		siglongjmp(self->death, 1);
	if (self->turned || self->turns != kernel_turns(actor->area.cpu_id))
		step_interrupt(&actor->area, context);
}

/*
 * Of one that is stepped: whether it is stopped before that instruction. It loses its turns before the first locked ones. Then,
 * and from its boundary on, it is stopped behind the first that it does not lose.
 */
static bool meets(struct actor *actor, uintptr_t address)
{
	struct victim *self = victim_of(actor);
	const uint32_t number = actor->trace.length - 1;

	const bool locked = sites_is_locked(address);
	const bool stops = number >= self->boundary && self->turns_left == 0 && self->behind;

	self->loses = self->turns_left != 0 && locked;
	self->behind = locked && !self->loses;
	if (stops) {
		self->boundary = ACTOR_NEVER; /* it is stopped there once */
		return true;
	}
	if (number >= STEPPED_MOST) {
		actor->in_call = 0;
		return false;
	}
	self->turns_left -= self->loses;
	return self->loses;
}

/* Beside a stopped thread: what does not promise to wait for nobody is left out. */
static bool promises(enum actor_call call)
{
	return call != ACTOR_FLUSH && call != ACTOR_DETACH && call != ACTOR_ATTACH;
}

static void begin_part(struct hand *hand)
{
	const struct victim *self = container_of(hand, struct victim, hand);

	actor_begin(&hand->actor, stage.pool, FIRST_OWNER + (uint64_t)(self - victims));
}

/* The script up to the victim's call. */
static void play_up_to(struct hand *hand)
{
	const struct victim *self = container_of(hand, struct victim, hand);
	struct actor *actor = &hand->actor;
	const bool first = self == &victims[0];

	for (uint32_t i = 0; i < self->number; i++) {
		if (first || promises(stage.script[i].call))
			actor_call(actor, stage.script[i].call, stage.script[i].n);
	}
}

/* That call, in which it is stopped. */
static void play_call(struct hand *hand)
{
	struct victim *self = container_of(hand, struct victim, hand);
	struct actor *actor = &hand->actor;

	actor->plan = self->plan;
	actor->stop = self->boundary;
	actor->sites = 0;
	actor->trace = (struct actor_trace){.address = scratch};
	if (sigsetjmp(self->death, 1) == 0)
		actor_call(actor, stage.script[self->number].call, stage.script[self->number].n);
	actor->plan = ACTOR_RUNS;
}

static void play_part(struct hand *hand)
{
	play_up_to(hand);
	play_call(hand);
}

static void end_part(struct hand *hand)
{
	if (stage.script[container_of(hand, struct victim, hand)->number].call == ACTOR_DETACH)
		actor_call(&hand->actor, ACTOR_ATTACH, 0);
	actor_return(&hand->actor);
	actor_call(&hand->actor, ACTOR_DETACH, 0);
}

static void let(struct victim *victim, void (*work)(struct hand *self))
{
	kernel_turn(victim->hand.actor.area.cpu_id);
	if (!hand_work(&victim->hand, work))
		blocked();
}

/*
 * A stopped victim goes on to the end of its call. Not step by step beside one that is stopped: it may look around for what
 * that one has, a thousand times.
 */
static void go_on(struct victim *victim, struct victim *other)
{
	other->turned |= victim->hand.actor.area.cpu_id == other->hand.actor.area.cpu_id;
	victim->hand.actor.follows = !other->stopped;
	if (!hand_go_on(&victim->hand))
		blocked();
	victim->stopped = false;
}

/*
 * The first one is stopped in any call, and dies in any but detach, where it may have the lock of the C library's
 * heap; the second one runs beside it.
 */
static bool may_stop_in(const struct victim *victim, enum actor_call call, bool kill)
{
	return promises(call) || (victim == &victims[0] && !(kill && call == ACTOR_DETACH));
}

/* One, for what comes next; or up to so many. */
static uint32_t turns_lost(struct pairs *self)
{
	const uint32_t most = stress_below(self->random, 2) == 0 ? 1 : TURNS_LOST;

	return 1 + stress_below(self->random, most);
}

static void draw(struct pairs *self, struct victim *victim, enum kind kind, bool loses)
{
	const struct pairs_call *call;
	uint32_t first;

	/* Who is stepped may as well make a call that others are like. */
	do {
		victim->number = stress_below(self->random, stage.calls);
		call = &self->calls[victim->number];
		first = kind == STEPPED ? 0 : call->first;
	} while (first >= call->end ||
		 !may_stop_in(victim, stage.script[victim->number].call, kind == KILLED));
	victim->boundary = first + stress_below(self->random, call->end - first);
	victim->stopped = victim->dies = victim->loses = victim->behind = false;
	victim->turns_left = 0;
	victim->plan = ACTOR_STEPS;
	if (kind == STEPPED)
		victim->plan = ACTOR_MEETS;
	if (loses) {
		victim->turns_left = turns_lost(self);
		victim->boundary = 0;
	}
	if (kind == STEPPED && victim != &victims[0])
		victim->boundary = ACTOR_NEVER;
	kernel_place(&victim->hand.actor.area, stress_below(self->random, self->cpus));
}

/* The two have died: the survivor has what is left, and little is lost. */
static void mourn(struct pairs *self)
{
	const struct victim *a = &victims[0], *b = &victims[1];
	const uint32_t own = a->hand.actor.moving + b->hand.actor.moving;
	const uint32_t lost =
		stage_missing(stage_held(&a->hand.actor) + stage_held(&b->hand.actor));

	if (lost > own + VICTIMS * stage_lost_most())
		stress_fail(PROMISE_DEATH,
			"killed after %" PRIu32 " instructions of %s and after %" PRIu32
			" of %s, two threads took %" PRIu32 " " FREEZER_TOOK
			", of which at most %" PRIu32 " were their own",
			a->at, call_of(a), b->at, call_of(b), lost, own);
	self->lost = lost > self->lost ? lost : self->lost;
	self->killed++;
}

static void begin_pair(struct pairs *self, enum kind kind)
{
	struct victim *a = &victims[0], *b = &victims[1];

	const bool lose = kind == STEPPED && !self->walks && stress_below(self->random, 2) == 0;

	draw(self, a, kind, lose);
	draw(self, b, kind, lose);
	stage_begin(&(struct stage_shape){.capacity = self->capacity},
		stress_below(self->random, self->cpus));
	let(a, begin_part);
	let(b, begin_part);
}

static void end_pair(void)
{
	let(&victims[0], end_part);
	let(&victims[1], end_part);
	stage_leave();
	stress_quiet(stage.pool, 0, "after two threads were stopped");
	pool_destroy(stage.pool);
}

/* False: one of them has come to the end of its call, where that is shorter than it was alone. */
static bool stop(struct pairs *self, bool kill)
{
	struct victim *a = &victims[0], *b = &victims[1];

	begin_pair(self, kill ? KILLED : STOPPED);
	let(a, play_part);
	let(b, play_part);
	const bool both = a->stopped && b->stopped;
	if (both)
		stage_survive(kill || stress_below(self->random, 2) != 0 ? ACT_LAPS : ACT_CHANGES);
	/* A call that does not promise it is not asked to end beside a stopped thread. */
	if (!promises(stage.script[a->number].call) || stress_below(self->random, 2) != 0) {
		a = &victims[1];
		b = &victims[0];
	}
	a->dies = b->dies = both && kill;
	if (a->stopped)
		go_on(a, b);
	if (b->stopped)
		go_on(b, a);
	if (both && kill) {
		mourn(self);
		pool_destroy(stage.pool);
		return true;
	}
	end_pair();
	self->stopped += both;
	return both;
}

/* Its call, to the boundary or to its end: where it is to lose a turn the survivor has one. False: it waits. */
static bool advance(struct pairs *self, struct victim *victim)
{
	kernel_turn(victim->hand.actor.area.cpu_id);
	bool done = hand_work(&victim->hand, play_call);

	/* What leaves nothing as it was. */
	const enum stage_act act = stress_below(self->random, 2) == 0 ? ACT_CHANGES : ACT_LAPS;
	while (done && victim->stopped && victim->loses) {
		stage_survive(act);
		victim->stopped = false;
		done = hand_go_on(&victim->hand);
	}
	return done;
}

static void step(struct pairs *self)
{
	struct victim *a = &victims[0], *b = &victims[1];

	begin_pair(self, STEPPED);
	let(a, play_up_to);
	/* What it does before may be what counts: who helps others does so once in a while. */
	const bool before = self->walks || stress_below(self->random, 2) != 0;
	if (before)
		let(b, play_up_to);
	if (!advance(self, a))
		blocked();
	if (!before)
		let(b, play_up_to);
	hand_hurry_ms = self->walks ? WAIT_MS : 0;
	const bool done = advance(self, b);
	hand_hurry_ms = 0;
	if (!done && !self->walks)
		blocked();
	if (a->stopped)
		go_on(a, b);
	if (!done && !hand_wait(&b->hand))
		blocked();
	end_pair();
}

void pairs_prepare(uintptr_t *trace)
{
	scratch = trace;
	for (uint32_t i = 0; i < VICTIMS; i++) {
		victims[i].hand.actor.part =
			i == 0 ? "the first of two victims" : "the second of two victims";
		victims[i].hand.actor.stopped = freeze;
		victims[i].hand.actor.meets = meets;
		hand_start(&victims[i].hand);
	}
}

void pairs_play(struct pairs *self, uint32_t steps, uint32_t stops, uint32_t kills)
{
	stage.blocked = blocked;
	for (uint32_t i = 0; i < steps; i++)
		step(self);
	for (uint32_t i = 0; i < stops + kills; i++)
		stop(self, i >= stops);
}

#endif
