/* Deaths, of one and of two: see freezer.h. */
#include "stress/progress/freezer_self.h"

#ifdef RSEQ_ARCH_SUPPORTED

#include <inttypes.h>

enum {
	/* Of two threads, with each capacity; a fifth of the time that single ones take, or less. */
	PAIRS_STEPPED = 100,
	/* The same in a walk, where two that wait for one another take turns on one CPU. */
	PAIRS_WALKED = 40,
	PAIRS_STOPPED = 100,
	PAIRS_KILLED = 50,
};

/* The victim has died in its call: the others have what is left, each object once. */
static void mourn(struct freezer *self)
{
	const struct actor *victim = &self->victim;
	const uint32_t lost = stage_missing(stage_held(victim));

	if (lost > victim->moving + self->lost_most)
		stress_fail(PROMISE_DEATH,
			"killed after %" PRIu32 " instructions of %s, %s, a thread took %" PRIu32
			" " FREEZER_TOOK ", of which at most %" PRIu32
			" were its own, and may take %" PRIu32 " more",
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
bool deaths_may_be(const struct freezer *self)
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
	const bool may_be_passed = capacity == freezer_capacities[0] && deaths_may_be(self) &&
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
	self->pairs.walks = self->walks;
	pairs_play(&self->pairs, (self->walks ? PAIRS_WALKED : PAIRS_STEPPED) / self->one_in,
		self->walks ? 0 : PAIRS_STOPPED / self->one_in,
		deaths_may_be(self) ? PAIRS_KILLED / self->one_in : 0);
	self->place->mode = self->mode->name;
}

/*
 * What begins with a pool that is new. Deaths: each boundary with one of the capacities, beside a survivor on one of
 * the CPUs, which goes round everything. Pairs choose their CPUs themselves.
 */
void deaths_play(struct freezer *self, uint32_t capacity, uint32_t cpus)
{
	const uint32_t kinds = cpus * array_count(freezer_capacities);

	const uint32_t one = capacity_for(self, capacity, 1);

	freezer_begin(self, one);
	freezer_round(self, ROUND_LEARNS);
	pool_destroy(stage.pool);
	if (deaths_may_be(self))
		freezer_kill(self, one,
			self->deaths++ + kinds * stress_below(&self->random, self->one_in),
			kinds * self->one_in);
	if (self->mode->pairs)
		freezer_pair(self, capacity_for(self, capacity, 2), cpus);
	freezer_forget(self);
}

#endif
