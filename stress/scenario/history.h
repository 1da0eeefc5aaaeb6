/*
 * history: threads fight over too few objects and note when each call began and ended. Afterwards it
 * is judged whether a pool may have answered so (base/history.h): no object had two owners at one
 * time, and where the traits say exact, "none" was a right answer while others went on too.
 *
 * Nobody writes to the objects: what orders the threads is the pool alone.
 */
#ifndef STRESS_SCENARIO_HISTORY_H
#define STRESS_SCENARIO_HISTORY_H

#include "stress/base/gang.h"
#include "stress/base/history.h"

#include <stdlib.h>
#include <string.h>

enum {
	HISTORY_CALLS =
		16384 / STRESS_SLOWDOWN, /* a thread and round: more than a turn of the scheduler */
	HISTORY_BULK_MAX = 8,            /* objects a bulk call names at most */
	HISTORY_SHARE = 2,               /* each thread wants the pool's capacity divided by this */
	HISTORY_PAUSE_MAX =
		64, /* rounds of work between two calls: now and then a thread is alone */
	/* Gets and puts of an object that a whole run judges. */
	HISTORY_OPERATIONS = 10000000 / STRESS_SLOWDOWN,
};

/* One call of the kind that was drawn; the new number of objects in the hand. */
static uint32_t history_step(
	struct gang_thread *t, struct history_log *log, void **hand, uint32_t held, uint32_t want)
{
	const struct pool_ops *ops = t->pool->ops;
	const bool bulk = stress_below(&t->random, 4) == 0;
	uint32_t n = bulk ? 1 + stress_below(&t->random, HISTORY_BULK_MAX) : 1;

	if (held < want && (held == 0 || stress_below(&t->random, 2) == 0)) {
		n = n < want - held ? n : want - held;
		history_begin(log);
		if (bulk) {
			n = ops->get_bulk(t->pool, t->self, &hand[held], n);
		} else {
			hand[held] = ops->get(t->pool, t->self);
			n = hand[held] != NULL;
		}
		history_end(log, HISTORY_GET, &hand[held], n);
		return held + n;
	}
	n = n < held ? n : held;
	held -= n;
	history_begin(log);
	if (bulk)
		ops->put_bulk(t->pool, t->self, &hand[held], n);
	else
		ops->put(t->pool, t->self, hand[held]);
	history_end(log, HISTORY_PUT, &hand[held], n);
	return held;
}

static void history_body(struct gang_thread *t)
{
	struct history_log *log = (struct history_log *)t->shared + t->index;
	const uint32_t want = 1 + t->pool->config.capacity / HISTORY_SHARE;
	void **hand = stress_array(want, sizeof(*hand));
	uint32_t held = 0;

	while (log->count + HISTORY_BULK_MAX + 1 < HISTORY_CALLS) {
		held = history_step(t, log, hand, held, want);
		if (stress_below(&t->random, HISTORY_CALLS) == 0) {
			history_begin(log);
			t->pool->ops->flush(t->pool, t->self);
			history_end(log, HISTORY_OTHER, NULL, 0);
		}
		for (uint32_t i = stress_below(&t->random, HISTORY_PAUSE_MAX); i > 0; i--)
			atom_pause();
	}
	t->done += log->count;
	gang_meet(t); /* what is put from here on is not noted, and detaching is a call */
	while (held > 0)
		t->pool->ops->put(t->pool, t->self, hand[--held]);
	free(hand);
}

/* One pool and its history; how many empty answers were judged. */
static uint64_t history_judge(
	const struct stress *run, uint64_t *random, uint64_t *operations, uint64_t *empties)
{
	const uint64_t baseline = memory_live_bytes();
	const struct pool_traits *traits = &run->ops->traits;
	const uint32_t threads = run->threads;
	struct history_call *calls = stress_array((size_t)threads * HISTORY_CALLS, sizeof(*calls));
	struct history_log *logs = stress_array(threads, sizeof(*logs));
	struct pool_config shape = stress_shape(random);
	struct pool *pool = stress_pool(run->ops, &shape);
	struct history history = {.calls = calls,
		.capacity = shape.capacity,
		.empties = !traits->exact                     ? HISTORY_ANY
			   : traits->cache == POOL_CACHE_NONE ? HISTORY_ALL
							      : HISTORY_ALONE};
	char why[STRESS_SENTENCE_BYTES];

	for (uint32_t i = 0; i < threads; i++)
		logs[i] = (struct history_log){
			.calls = &calls[(size_t)i * HISTORY_CALLS], .thread = i};
	*operations += gang_run(run, pool, threads, stress_random(random), history_body, logs);
	for (uint32_t i = 0; i < threads; i++) {
		memmove(&calls[history.count], logs[i].calls, logs[i].count * sizeof(*calls));
		history.count += logs[i].count;
	}
	for (size_t i = 0; i < history.count; i++)
		*empties += calls[i].kind == HISTORY_GET && calls[i].object == NULL;
	const enum promise broken = history_check(&history, why);
	if (broken != PROMISE_NONE)
		stress_fail(broken, "%s", why);
	free(logs);
	free(calls);
	stress_quiet(pool, 0, "after a round");
	stress_destroy(pool, baseline);
	return history.judged;
}

static void history_run(const struct stress *run)
{
	uint64_t random = run->seed;
	uint64_t operations = 0, empties = 0, judged = 0;
	uint32_t more = 0;

	do {
		judged += history_judge(run, &random, &operations, &empties);
	} while ((run->whole && operations < HISTORY_OPERATIONS / run->slowdown) ||
		 stress_another_round(run,
			 stress_operated(run) && (judged > 0 || !run->ops->traits.exact), &more));
	if (judged == 0 && run->ops->traits.exact)
		stress_fail(PROMISE_NONE,
			"of %" PRIu64 " empty answers none could be judged: others were always "
			"inside a call, so nothing was shown",
			empties);
	stress_note("%" PRIu64 " operations, %" PRIu64 " found none, %" PRIu64 " of these judged",
		operations, empties, judged);
}

static const struct scenario scenario_history = {
	.name = "history",
	.summary = "who had what when; \"none\" of an exact pool while others go on",
	.excuse = stress_excuse_no_capacity,
	.run = history_run,
};

#endif
