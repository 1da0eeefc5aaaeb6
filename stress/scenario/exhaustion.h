/*
 * exhaustion: more is wanted than there is. Threads fight over a pool that runs dry all the time,
 * then put everything back and stand still with their caches as full as they please, and one of
 * them asks for every object.
 *
 * A pool whose traits say `exact` must hand out all of them: NULL would be a false answer. From the
 * others what stays behind in caches is reported as a figure, is no more than they say of a thread
 * (`withheld`), and must be there again once all caches are flushed.
 */
#ifndef STRESS_SCENARIO_EXHAUSTION_H
#define STRESS_SCENARIO_EXHAUSTION_H

#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <stdlib.h>

enum {
	EXHAUSTION_FIGHT_MS = 20,
	EXHAUSTION_BULK_MAX = 64,
	EXHAUSTION_SHARE = 2, /* each thread wants the pool's capacity divided by this */
};

struct exhaustion_round {
	uint32_t asker; /* the thread that asks for everything */
	uint32_t capacity;
	uint32_t withheld; /* objects that it did not get; written by the asker */
};

static void exhaustion_fight(struct gang_thread *t, void **objs, uint32_t want)
{
	const struct pool_ops *ops = t->pool->ops;
	uint32_t held = 0;

	while (gang_goes_on(t, EXHAUSTION_FIGHT_MS)) {
		uint32_t n = 1 + stress_below(&t->random, EXHAUSTION_BULK_MAX);

		if (held < want) {
			n = n < want - held ? n : want - held;
			n = ops->get_bulk(t->pool, t->self, &objs[held], n);
			for (uint32_t i = 0; i < n; i++)
				object_got(t->pool, objs[held + i], t->owner);
			held += n;
			t->done += n;
		}
		if (stress_below(&t->random, 2)) {
			n = 1 + stress_below(&t->random, EXHAUSTION_BULK_MAX);
			for (; n > 0 && held > 0; n--) {
				object_putting(t->pool, objs[--held], t->owner);
				ops->put(t->pool, t->self, objs[held]);
			}
		}
	}
	while (held > 0) {
		object_putting(t->pool, objs[--held], t->owner);
		ops->put(t->pool, t->self, objs[held]);
	}
}

static uint32_t exhaustion_take_all(struct gang_thread *t, void **objs, uint32_t capacity)
{
	uint32_t got = stress_drain(t->pool, t->self, objs, capacity);

	for (uint32_t i = 0; i < got; i++)
		object_got(t->pool, objs[i], t->owner);
	stress_quiet(t->pool, got, "with one thread holding all it could get");
	for (uint32_t i = 0; i < got; i++)
		object_putting(t->pool, objs[i], t->owner);
	for (uint32_t i = 0; i < got; i++)
		t->pool->ops->put(t->pool, t->self, objs[i]);
	return got;
}

static void exhaustion_body(struct gang_thread *t)
{
	struct exhaustion_round *round = t->shared;
	const uint32_t capacity = round->capacity;
	void **objs = stress_array(capacity, sizeof(*objs));

	exhaustion_fight(t, objs, 1 + capacity / EXHAUSTION_SHARE);
	gang_meet(t);
	if (t->index == round->asker) {
		uint32_t got = exhaustion_take_all(t, objs, capacity);

		if (t->pool->ops->traits.exact && got != capacity)
			stress_fail(PROMISE_EXACT,
				"get answered NULL after %u of %u free objects, with every other"
				" thread standing still, and the traits say exact",
				got, capacity);
		const uint64_t bound =
			t->pool->ops->withheld == NULL
				? 0
				: t->pool->ops->withheld(t->pool) * (t->run->threads - 1);

		round->withheld = capacity - got;
		if (round->withheld > bound)
			stress_fail(PROMISE_WITHHELD,
				"caches of %" PRIu32 " threads at rest withhold %" PRIu32
				" of %" PRIu32 " objects, and may withhold %" PRIu64,
				t->run->threads - 1, round->withheld, capacity, bound);
	}
	gang_meet(t);
	t->pool->ops->flush(t->pool, t->self);
	gang_meet(t);
	if (t->index == round->asker) {
		const uint32_t *cpus;

		stress_cpus(&cpus);
		stress_pin(
			cpus[0]); /* what it refills from behind must not stay on a CPU it left */
		stress_flush_all(t->pool, t->self);
		uint32_t got = exhaustion_take_all(t, objs, capacity);
		if (got != capacity)
			stress_fail(PROMISE_NONE_LOST,
				"after all caches were flushed one thread found %u of %u objects",
				got, capacity);
	}
	gang_meet(t); /* a thread that detaches is not standing still */
	free(objs);
}

static void exhaustion_run(const struct stress *run)
{
	uint64_t random = run->seed;
	uint64_t operations = 0;
	uint64_t withheld = 0;
	uint64_t capacity = 0;
	uint32_t more = 0;

	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);
		struct pool *pool = stress_pool(run->ops, &shape);
		struct exhaustion_round round = {
			.asker = stress_below(&random, run->threads), .capacity = shape.capacity};

		operations += gang_run(
			run, pool, run->threads, stress_random(&random), exhaustion_body, &round);
		withheld += round.withheld;
		capacity += shape.capacity;
		stress_quiet(pool, 0, "after a round");
		stress_destroy(pool, baseline);
	} while (stress_another_round(run, stress_operated(run), &more));
	stress_note("%" PRIu64 " objects got; %.1f %% withheld by caches at rest", operations,
		100.0 * (double)withheld / (double)capacity);
}

static const struct scenario scenario_exhaustion = {
	.name = "exhaustion",
	.summary = "more is wanted than there is; exact pools must not say NULL falsely",
	.excuse = stress_excuse_no_capacity,
	.run = exhaustion_run,
};

#endif
