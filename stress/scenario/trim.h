/*
 * trim: one thread gives the memory of free objects back to the system, again and again, while the
 * others get, write, check and put.
 *
 * What a thread holds must stay as it is: a trim that took a page from under it shows as a payload
 * of zeroes (object.h). What it gets must be whole, all zero or all as the last owner left it, and
 * what is written to a page that was gone must stay. While no more is out than the trimming thread
 * reckons with, an exact pool without caches must never say NULL, since that is what pool_trim
 * promises. A run that gave nothing back has shown nothing, and fails.
 */
#ifndef STRESS_SCENARIO_TRIM_H
#define STRESS_SCENARIO_TRIM_H

#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <stdlib.h>

enum {
	TRIM_ROUND_MS = 100,
	TRIM_HELD_MAX = 300,   /* objects a thread holds at most: several pages of them */
	TRIM_SPARE_MAX = 2000, /* objects beyond what all can hold */
	TRIM_BULK_MAX = 64,
	TRIM_KEEP_MAX = 200,
};

struct trim_round {
	uint32_t users; /* threads but the last one, which trims */
	uint64_t given; /* bytes; written by the last thread */
	uint64_t trims; /* likewise */
};

static const char *trim_excuse(const struct pool_ops *ops, uint32_t threads)
{
	if (!ops->traits.trims)
		return "its traits say that its free objects stay in memory";
	return stress_excuse_one_thread(ops, threads);
}

static uint32_t trim_get(struct gang_thread *t, void **objs, uint32_t n)
{
	const struct pool_ops *ops = t->pool->ops;
	uint32_t got = n > 1 ? ops->get_bulk(t->pool, t->self, objs, n)
			     : (objs[0] = ops->get(t->pool, t->self)) != NULL;

	if (got < n && ops->traits.exact && ops->traits.cache == POOL_CACHE_NONE)
		stress_fail(PROMISE_EXACT,
			"an exact pool gave %" PRIu32 " of %" PRIu32 " objects during a trim that "
			"was to leave enough",
			got, n);
	for (uint32_t i = 0; i < got; i++)
		object_got(t->pool, objs[i], t->owner);
	return got;
}

static void trim_put(struct gang_thread *t, void **objs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		object_putting(t->pool, objs[i], t->owner);
	if (n > 1)
		t->pool->ops->put_bulk(t->pool, t->self, objs, n);
	else if (n == 1)
		t->pool->ops->put(t->pool, t->self, objs[0]);
}

static void trim_use(struct gang_thread *t)
{
	void *objs[TRIM_HELD_MAX];
	uint32_t held = 0;

	while (gang_goes_on(t, TRIM_ROUND_MS)) {
		uint32_t n = 1 + stress_below(&t->random, TRIM_BULK_MAX);

		if (stress_below(&t->random, 2)) {
			n = n < TRIM_HELD_MAX - held ? n : TRIM_HELD_MAX - held;
			held += n != 0 ? trim_get(t, &objs[held], n) : 0;
		} else {
			n = n < held ? n : held;
			held -= n;
			trim_put(t, &objs[held], n);
		}
		t->done += n;
	}
	trim_put(t, objs, held);
}

static void trim_body(struct gang_thread *t)
{
	struct trim_round *round = t->shared;

	if (t->index < round->users) {
		trim_use(t);
		return;
	}
	do {
		round->given += pool_trim(t->pool, t->self, (uint64_t)round->users * TRIM_HELD_MAX,
			stress_below(&t->random, TRIM_KEEP_MAX), NULL, NULL);
		round->trims++;
	} while (gang_goes_on(t, TRIM_ROUND_MS));
}

/* Uses every object once, so that all have memory. */
static void trim_touch_all(struct pool *pool, uint32_t capacity)
{
	const uint64_t owner = 1 + STRESS_THREADS_MAX;
	struct pool_thread *self = stress_attach(pool);
	void **objs = stress_array(capacity, sizeof(*objs));
	uint32_t got = stress_drain(pool, self, objs, capacity);

	for (uint32_t i = 0; i < got; i++)
		object_got(pool, objs[i], owner);
	for (uint32_t i = 0; i < got; i++) {
		object_putting(pool, objs[i], owner);
		pool->ops->put(pool, self, objs[i]);
	}
	stress_flush_all(pool, self);
	pool->ops->detach(pool, self);
	free(objs);
}

static void trim_run(const struct stress *run)
{
	uint64_t random = run->seed;
	uint64_t operations = 0;
	uint64_t given = 0;
	uint64_t trims = 0;
	uint32_t more = 0;

	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);
		struct trim_round round = {.users = run->threads - 1};

		shape.capacity =
			round.users * TRIM_HELD_MAX + 1 + stress_below(&random, TRIM_SPARE_MAX);
		struct pool *pool = stress_pool(run->ops, &shape);
		trim_touch_all(pool, shape.capacity);
		operations += gang_run(
			run, pool, run->threads, stress_random(&random), trim_body, &round);
		given += round.given;
		trims += round.trims;
		stress_quiet(pool, 0, "after a round");
		stress_destroy(pool, baseline);
	} while (stress_another_round(run, given > 0 && stress_operated(run), &more));
	if (given == 0)
		stress_fail(PROMISE_NONE, "%" PRIu64 " trims gave nothing back: nothing is shown",
			trims);
	stress_note("%" PRIu64 " objects, %" PRIu64 " trims, %" PRIu64 " KiB given back",
		operations, trims, given >> 10);
}

static const struct scenario scenario_trim = {
	.name = "trim",
	.summary = "memory of free objects goes back to the system while threads use the pool",
	.excuse = trim_excuse,
	.run = trim_run,
};

#endif
