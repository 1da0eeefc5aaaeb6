/* See pairs.h. */
#include "stress/progress/pairs.h"

#ifdef RSEQ_ARCH_SUPPORTED

#include "alloc/machine/step.h"
#include "stress/base/evidence.h"
#include "stress/progress/freezer.h"

#include <inttypes.h>
#include <setjmp.h>

enum { VICTIMS = 2, FIRST_OWNER = 3 /* in object.h */ };

static struct victim {
	struct hand hand;
	uint32_t number, boundary; /* of the script's calls; where it is stopped in that */
	bool stopped;
	bool dies;      /* instead of going on */
	uint64_t turns; /* of others on its CPU, when it was stopped */
	bool turned;    /* the other victim had a turn there since */
	sigjmp_buf death;
} victims[VICTIMS];

static uintptr_t
	*scratch; /* ACTOR_TRACE_MAX of them: one at a time is on its way to its boundary */

static const char *call_of(const struct victim *victim)
{
	return actor_call_names[stage.script[victim->number].call];
}

static void blocked(void)
{
	const struct victim *a = &victims[0], *b = &victims[1];

	evidence_other_stacks();
	if (!a->stopped || !b->stopped)
		stress_fail("stopped after %" PRIu32
			    " instructions of %s, one thread " FREEZER_BLOCKED,
			a->stopped ? a->boundary : b->boundary, call_of(a->stopped ? a : b));
	stress_fail("stopped after %" PRIu32 " instructions of %s and after %" PRIu32
		    " of %s, " PAIRS_BLOCKED,
		a->boundary, call_of(a), b->boundary, call_of(b));
}

/* The victim's signal handler. */
static void freeze(struct actor *actor, void *context)
{
	struct hand *hand = container_of(actor, struct hand, actor);
	struct victim *self = container_of(hand, struct victim, hand);

	self->stopped = true;
	self->turned = false;
	self->turns = kernel_turns(actor->area.cpu_id);
	hand_stop(hand);
	if (self->dies)
		siglongjmp(self->death, 1);
	if (self->turned || self->turns != kernel_turns(actor->area.cpu_id))
		step_interrupt(&actor->area, context);
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

/* The script up to the victim's call, in which it is stopped. */
static void play_part(struct hand *hand)
{
	struct victim *self = container_of(hand, struct victim, hand);
	struct actor *actor = &hand->actor;
	const bool first = self == &victims[0];

	for (uint32_t i = 0; i < self->number; i++) {
		if (first || promises(stage.script[i].call))
			actor_call(actor, stage.script[i].call, stage.script[i].n);
	}
	actor->plan = ACTOR_STEPS;
	actor->stop = self->boundary;
	actor->trace = (struct actor_trace){.address = scratch};
	if (sigsetjmp(self->death, 1) == 0)
		actor_call(actor, stage.script[self->number].call, stage.script[self->number].n);
	actor->plan = ACTOR_RUNS;
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

static void draw(struct pairs *self, struct victim *victim, bool kill)
{
	const struct pairs_call *call;

	do {
		victim->number = stress_below(self->random, stage.calls);
		call = &self->calls[victim->number];
	} while (call->first >= call->end ||
		 !may_stop_in(victim, stage.script[victim->number].call, kill));
	victim->boundary = call->first + stress_below(self->random, call->end - call->first);
	victim->stopped = victim->dies = false;
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
		stress_fail("killed after %" PRIu32 " instructions of %s and after %" PRIu32
			    " of %s, two threads took %" PRIu32 " " FREEZER_TOOK
			    ", of which at most %" PRIu32 " were their own",
			a->boundary, call_of(a), b->boundary, call_of(b), lost, own);
	self->lost = lost > self->lost ? lost : self->lost;
	self->killed++;
}

/* False: one of them has come to the end of its call, where that is shorter than it was alone. */
static bool play(struct pairs *self, bool kill)
{
	struct victim *a = &victims[0], *b = &victims[1];

	draw(self, a, kill);
	draw(self, b, kill);
	stage_begin(&(struct stage_shape){.capacity = self->capacity},
		stress_below(self->random, self->cpus));
	let(a, begin_part);
	let(b, begin_part);
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
	let(a, end_part);
	let(b, end_part);
	stage_leave();
	stress_quiet(stage.pool, 0, "after two threads were stopped");
	pool_destroy(stage.pool);
	self->stopped += both;
	return both;
}

void pairs_prepare(uintptr_t *trace)
{
	scratch = trace;
	for (uint32_t i = 0; i < VICTIMS; i++) {
		victims[i].hand.actor.stopped = freeze;
		hand_start(&victims[i].hand);
	}
}

void pairs_play(struct pairs *self, uint32_t stops, uint32_t kills)
{
	stage.blocked = blocked;
	for (uint32_t i = 0; i < stops + kills; i++)
		play(self, i >= stops);
}

#endif
