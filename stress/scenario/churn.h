/*
 * churn: every thread gets and puts at random, one by one and in bulk, and passes objects to the
 * others over a board. Ownership stamps and patterns (object.h) see a second owner and a late
 * write.
 *
 * There are eight rounds at least, or as many as have time, and each has a seed of its own and a pool
 * with a shape drawn from it: small enough that caches overflow and run dry and that the pool is empty
 * now and then. After each round every object is back, and count, check and the pool's memory must say
 * so.
 */
#ifndef STRESS_SCENARIO_CHURN_H
#define STRESS_SCENARIO_CHURN_H

#include "stress/base/board.h"
#include "stress/base/gang.h"

enum {
	CHURN_ROUND_MS = 40,
	CHURN_HELD_MAX = 48, /* objects a thread holds at most */
	CHURN_BULK_MAX = 16, /* objects a bulk call names at most */
	CHURN_BATCH = 64,    /* operations between two looks at the clock */
};

struct churn_hand {
	void *object[CHURN_HELD_MAX];
	uint32_t held;
};

/* Moves a random object to the end of the hand, from where it goes. */
static inline struct object *churn_choose(struct gang_thread *t, struct churn_hand *hand)
{
	uint32_t i = stress_below(&t->random, hand->held);
	void *chosen = hand->object[i];

	hand->object[i] = hand->object[hand->held - 1];
	hand->object[hand->held - 1] = chosen;
	return chosen;
}

static void churn_get(struct gang_thread *t, struct churn_hand *hand)
{
	struct object *object = t->pool->ops->get(t->pool, t->self);

	if (object != NULL) {
		object_got(t->pool, object, t->owner);
		hand->object[hand->held++] = object;
	}
}

static void churn_put(struct gang_thread *t, struct churn_hand *hand)
{
	struct object *object = churn_choose(t, hand);

	hand->held--;
	object_putting(t->pool, object, t->owner);
	t->pool->ops->put(t->pool, t->self, object);
}

static void churn_get_bulk(struct gang_thread *t, struct churn_hand *hand, uint32_t n)
{
	void **objs = &hand->object[hand->held];
	uint32_t got = t->pool->ops->get_bulk(t->pool, t->self, objs, n);

	if (got > n)
		stress_fail(
			PROMISE_BULK, "get_bulk was asked for %u objects and returned %u", n, got);
	for (uint32_t i = 0; i < got; i++)
		object_got(t->pool, objs[i], t->owner);
	hand->held += got;
}

static void churn_put_bulk(struct gang_thread *t, struct churn_hand *hand, uint32_t n)
{
	hand->held -= n;
	for (uint32_t i = 0; i < n; i++)
		object_putting(t->pool, hand->object[hand->held + i], t->owner);
	t->pool->ops->put_bulk(t->pool, t->self, &hand->object[hand->held], n);
}

/* Borrows a magazine, trades one of its objects for a held one, keeps another, gives it back. */
static void churn_borrow(struct gang_thread *t, struct churn_hand *hand)
{
	const struct pool_ops *ops = t->pool->ops;
	void **objs;
	uint32_t n = ops->get_run(t->pool, t->self, &objs);

	if (n == 0)
		return;
	for (uint32_t i = 0; i < n; i++)
		object_got(t->pool, objs[i], t->owner);
	if (hand->held > 0) {
		void *traded = churn_choose(t, hand);

		hand->object[hand->held - 1] = objs[0];
		objs[0] = traded;
		churn_put(t, hand); /* other calls go on meanwhile */
	}
	if (hand->held < CHURN_HELD_MAX)
		hand->object[hand->held++] = objs[--n];
	for (uint32_t i = 0; i < n; i++)
		object_putting(t->pool, objs[i], t->owner);
	ops->put_run(t->pool, t->self, objs, n);
}

static void churn_step(struct gang_thread *t, struct churn_hand *hand, struct board *board)
{
	uint32_t bulk = 1 + stress_below(&t->random, CHURN_BULK_MAX);
	uint32_t place = stress_below(&t->random, BOARD_PLACES);
	struct object *object;

	switch (stress_below(&t->random, 9)) {
	case 0:
	case 1:
		if (hand->held < CHURN_HELD_MAX)
			churn_get(t, hand);
		break;
	case 2:
	case 3:
		if (hand->held > 0)
			churn_put(t, hand);
		break;
	case 4:
		if (hand->held + bulk <= CHURN_HELD_MAX)
			churn_get_bulk(t, hand, bulk);
		break;
	case 5:
		if (hand->held >= bulk)
			churn_put_bulk(t, hand, bulk);
		break;
	case 6:
		if (t->pool->ops->get_run != NULL)
			churn_borrow(t, hand);
		break;
	case 7:
		if (hand->held > 0) {
			object = churn_choose(t, hand);
			hand->held -= board_post(board, place, t->pool, object, t->owner);
		}
		break;
	default:
		if (hand->held < CHURN_HELD_MAX &&
			(object = board_take(board, place, t->pool, t->owner)) != NULL)
			hand->object[hand->held++] = object;
		break;
	}
}

static void churn_act(struct gang_thread *t, struct board *board)
{
	struct churn_hand hand = {.held = 0};
	const uint64_t ms = gang_round_ms(t, CHURN_ROUND_MS);

	while (gang_goes_on(t, ms)) {
		for (uint32_t i = 0; i < CHURN_BATCH; i++)
			churn_step(t, &hand, board);
		t->done += CHURN_BATCH;
		if (stress_below(&t->random, CHURN_BATCH) == 0)
			t->pool->ops->flush(t->pool, t->self);
	}
	while (hand.held > 0)
		churn_put(t, &hand);
}

static void churn_body(struct gang_thread *t)
{
	churn_act(t, t->shared);
}

/* After a round: what is on the board comes back, and the pool is held to its promises. */
static void churn_over(struct pool *pool, struct board *board, uint64_t baseline)
{
	struct pool_thread *self = stress_attach(pool);

	board_clear(board, pool, self);
	stress_quiet(pool, 0, "after a round");
	pool->ops->detach(pool, self);
	stress_quiet(pool, 0, "after the last detach");
	stress_destroy(pool, baseline);
}

static void churn_run(const struct stress *run)
{
	uint64_t random = run->seed;
	uint64_t operations = 0;
	uint32_t rounds = 0;
	uint32_t more = 0;

	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);
		struct pool *pool = stress_pool(run->ops, &shape);
		struct board board = {.place[0].object = NULL};

		operations += gang_run(
			run, pool, run->threads, stress_random(&random), churn_body, &board);
		churn_over(pool, &board, baseline);
		rounds++;
	} while (rounds < run->rounds || stress_another_round(run, stress_operated(run), &more));
	stress_note("%" PRIu64 " operations in %u rounds", operations, rounds);
}

static const struct scenario scenario_churn = {
	.name = "churn",
	.summary = "threads get, put and pass on at random; each object knows its owner",
	.excuse = stress_excuse_one_thread,
	.run = churn_run,
};

#endif
