/*
 * handover: half of the threads get and write, the other half read and put. Every object crosses
 * from one CPU's cache to another's and comes back only through the pool, as a packet does whose
 * sender and whose completion run on different threads.
 *
 * The payload is plain memory: the board orders producer before consumer, and the way back is the
 * pool's business alone, so the thread sanitizer sees a put that does not release. A run in which
 * no object has gone round more than once for certain has shown nothing, and fails.
 */
#ifndef STRESS_SCENARIO_HANDOVER_H
#define STRESS_SCENARIO_HANDOVER_H

#include "stress/base/board.h"
#include "stress/base/gang.h"

#include <sched.h>

enum {
	HANDOVER_ROUND_MS = 100,
	HANDOVER_OBJECTS = 64, /* several times what is on the board */
	HANDOVER_BURST_MAX = 8,
};

struct handover_round {
	struct board board;
	uint32_t consumers;
	atom_u32 producing; /* producers that may still post */
};

static void handover_produce(struct gang_thread *t, struct handover_round *round)
{
	const struct pool_ops *ops = t->pool->ops;
	void *objs[HANDOVER_BURST_MAX];

	while (gang_goes_on(t, HANDOVER_ROUND_MS)) {
		uint32_t n = ops->get_bulk(
			t->pool, t->self, objs, 1 + stress_below(&t->random, HANDOVER_BURST_MAX));

		for (uint32_t i = 0; i < n; i++)
			object_got(t->pool, objs[i], t->owner);
		for (uint32_t i = 0; i < n; i++) {
			while (!board_post(&round->board, stress_below(&t->random, BOARD_PLACES),
				t->pool, objs[i], t->owner))
				sched_yield();
		}
		if (n == 0)
			sched_yield();
	}
	atom_add_release(&round->producing, UINT32_MAX); /* R0, meets A0 in handover_consume */
}

static void handover_consume(struct gang_thread *t, struct handover_round *round)
{
	const struct pool_ops *ops = t->pool->ops;
	bool last;

	do {
		uint32_t taken = 0;

		/* A0: what the last producer posted is found by the walk that follows. */
		last = atom_load_acquire(&round->producing) == 0;
		for (uint32_t place = 0; place < BOARD_PLACES; place++) {
			struct object *object = board_take(&round->board, place, t->pool, t->owner);

			if (object == NULL)
				continue;
			object_putting(t->pool, object, t->owner);
			ops->put(t->pool, t->self, object);
			taken++;
		}
		t->done += taken;
		if (taken == 0)
			sched_yield();
	} while (!last);
}

static void handover_body(struct gang_thread *t)
{
	struct handover_round *round = t->shared;

	if (t->index < round->consumers)
		handover_consume(t, round);
	else
		handover_produce(t, round);
}

static void handover_run(const struct stress *run)
{
	uint64_t random = run->seed;
	uint64_t handed = 0;
	bool shown = false; /* in one round more objects were handed over than there are */
	uint32_t more = 0;

	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);
		/* Beside those under way, what the consumers' two magazines may keep from the others. */
		shape.magazine_objects_most = shape.magazine_objects;
		shape.capacity = HANDOVER_OBJECTS + run->threads / 2 * 2 * shape.magazine_objects;
		struct pool *pool = stress_pool(run->ops, &shape);
		struct handover_round round = {.consumers = run->threads / 2};

		atom_init(&round.producing, run->threads - round.consumers);
		const uint64_t in_round = gang_run(
			run, pool, run->threads, stress_random(&random), handover_body, &round);
		handed += in_round;
		shown |= in_round > shape.capacity;
		stress_quiet(pool, 0, "after a round");
		stress_destroy(pool, baseline);
	} while (stress_another_round(run, shown && stress_operated(run), &more));
	if (!shown)
		stress_fail(PROMISE_NONE,
			"%" PRIu64 " objects were handed over, in no round more than the pool "
			"had: hardly one came back, and nothing is shown",
			handed);
	stress_note("%" PRIu64 " objects handed over", handed);
}

static const struct scenario scenario_handover = {
	.name = "handover",
	.summary = "producers get and write, consumers read and put",
	.excuse = stress_excuse_one_thread,
	.run = handover_run,
};

#endif
