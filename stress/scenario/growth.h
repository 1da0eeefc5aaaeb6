/*
 * growth: a pool grows to its cap while all threads take at once. Nobody puts anything back, so
 * every object is carved from the slab (slab.h), by threads that race for it.
 *
 * Each object must be handed out once and fresh, all of them must be handed out, and none beyond
 * the cap. A thread that is told NULL has emptied what caches it can reach, so together they must
 * have everything, whatever the traits say. Where nothing is cached and the traits say exact, NULL
 * is held to more: at that moment as many objects must have been asked for as there are. Growth
 * asks for no memory; it was all mapped when the pool was made.
 */
#ifndef STRESS_SCENARIO_GROWTH_H
#define STRESS_SCENARIO_GROWTH_H

#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <stdlib.h>

enum {
	GROWTH_OBJECTS_MAX = 20000 / STRESS_SLOWDOWN,
	GROWTH_BULK_MAX = 32,
};

struct growth_round {
	uint32_t capacity;
	uint64_t live_bytes; /* before the first get */
	atom_u64 asked;      /* objects that a call has asked for and not been refused */
	atom_u64 taken;
};

/* Takes until the pool says that there is no more; returns how many. */
static uint32_t growth_take(struct gang_thread *t, struct growth_round *round, void **objs)
{
	const struct pool_ops *ops = t->pool->ops;
	const bool judged = ops->traits.exact && ops->traits.cache == POOL_CACHE_NONE;
	uint32_t held = 0;
	uint32_t got, n;

	do {
		n = 1 + stress_below(&t->random, GROWTH_BULK_MAX);
		atom_add_seq_cst(&round->asked, n);
		if (n == 1)
			got = (objs[held] = ops->get(t->pool, t->self)) != NULL;
		else
			got = ops->get_bulk(t->pool, t->self, &objs[held], n);
		/*
		 * Full barriers, as any processor has them: an object that is gone was asked for
		 * before it went, and this addition comes after the refusal.
		 */
		uint64_t asked = atom_add_seq_cst(&round->asked, got - n);
		if (judged && got < n && asked < round->capacity)
			stress_fail(PROMISE_EXACT,
				"a thread was told NULL when %" PRIu64 " of %" PRIu32
				" objects had been asked for, and the traits say exact",
				asked, round->capacity);
		for (uint32_t i = 0; i < got; i++)
			object_got(t->pool, objs[held + i], t->owner);
		held += got;
		if (held > round->capacity)
			stress_fail(PROMISE_CAPPED,
				"one thread got %" PRIu32 " objects of a pool capped at %" PRIu32,
				held, round->capacity);
	} while (got == n);
	return held;
}

static void growth_body(struct gang_thread *t)
{
	struct growth_round *round = t->shared;
	void **objs = stress_array(round->capacity + GROWTH_BULK_MAX, sizeof(*objs));

	gang_meet(t);
	if (t->index == 0)
		round->live_bytes = memory_live_bytes();
	gang_meet(t);
	uint32_t held = growth_take(t, round, objs);
	atom_add_relaxed(&round->taken, held);
	gang_meet(t);
	uint64_t taken = atom_load_relaxed(&round->taken);
	if (taken != round->capacity)
		stress_fail(PROMISE_NONE_LOST,
			"all threads were told NULL, and they have %" PRIu64 " of %" PRIu32
			" objects",
			taken, round->capacity);
	if (memory_live_bytes() != round->live_bytes)
		stress_fail(PROMISE_GROWS, "the pool took %" PRId64 " bytes of memory to grow",
			(int64_t)(memory_live_bytes() - round->live_bytes));
	if (t->pool->ops->get(t->pool, t->self) != NULL)
		stress_fail(
			PROMISE_CAPPED, "an object beyond the cap of %" PRIu32, round->capacity);
	gang_meet(t);
	for (uint32_t i = 0; i < held; i++) {
		object_putting(t->pool, objs[i], t->owner);
		t->pool->ops->put(t->pool, t->self, objs[i]);
	}
	t->done += held;
	free(objs);
}

static void growth_run(const struct stress *run)
{
	uint64_t random = run->seed;
	uint64_t grown = 0;
	uint32_t more = 0;

	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);

		shape.capacity = 1 + stress_below(&random, GROWTH_OBJECTS_MAX);
		struct pool *pool = stress_pool(run->ops, &shape);
		struct growth_round round = {.capacity = shape.capacity};
		grown += gang_run(
			run, pool, run->threads, stress_random(&random), growth_body, &round);
		stress_quiet(pool, 0, "after a round");
		stress_destroy(pool, baseline);
	} while (stress_another_round(run, stress_operated(run), &more));
	stress_note("%" PRIu64 " objects carved", grown);
}

static const struct scenario scenario_growth = {
	.name = "growth",
	.summary = "threads race to carve a pool up to its cap",
	.excuse = stress_excuse_no_capacity,
	.run = growth_run,
};

#endif
