/*
 * thread_exit: lives of a few operations. Threads come, attach, get, leave objects with others, and
 * go; whatever they had cached must be found by those who come later. Every second one detaches as
 * late as a thread can: in the destructor of a thread-specific value, after a last put.
 *
 * The board outlives them: objects are put by threads that were born after the getter was gone.
 */
#ifndef STRESS_SCENARIO_THREAD_EXIT_H
#define STRESS_SCENARIO_THREAD_EXIT_H

#include "stress/base/board.h"
#include "stress/base/gang.h"

enum {
	/* At most; time may end it sooner, when enough was done. */
	THREAD_EXIT_LIVES = 100000 / STRESS_SLOWDOWN,
	THREAD_EXIT_WAVE = 64, /* lives between two checks */
	THREAD_EXIT_GETS = 20,
};

struct thread_exit_life {
	struct pool *pool;
	struct pool_thread *self;
	struct board *board;
	uint64_t seed;
	uint64_t owner;
	pthread_key_t key;
	bool late;
	struct object *last; /* put by the destructor */
};

static void thread_exit_leave(struct thread_exit_life *life)
{
	if (life->last != NULL) {
		object_putting(life->pool, life->last, life->owner);
		life->pool->ops->put(life->pool, life->self, life->last);
	}
	life->pool->ops->detach(life->pool, life->self);
}

static void thread_exit_destructor(void *arg)
{
	thread_exit_leave(arg);
}

static void *thread_exit_main(void *arg)
{
	struct thread_exit_life *life = arg;
	const struct pool_ops *ops = life->pool->ops;
	uint64_t random = life->seed;

	atom_perturb_seed(life->seed);
	life->self = stress_attach(life->pool);
	life->last = NULL;
	for (uint32_t i = 0; i < THREAD_EXIT_GETS; i++) {
		uint32_t place = stress_below(&random, BOARD_PLACES);
		struct object *object = ops->get(life->pool, life->self);

		if (object != NULL)
			object_got(life->pool, object, life->owner);
		else
			object = board_take(life->board, place, life->pool, life->owner);
		if (object == NULL)
			continue;
		if (life->last == NULL) {
			life->last = object;
		} else if (stress_below(&random, 2) ||
			   !board_post(life->board, place, life->pool, object, life->owner)) {
			object_putting(life->pool, object, life->owner);
			ops->put(life->pool, life->self, object);
		}
	}
	if (life->late)
		pthread_setspecific(life->key, life);
	else
		thread_exit_leave(life);
	return NULL;
}

static void thread_exit_run(const struct stress *run)
{
	const uint64_t baseline = memory_live_bytes();
	uint64_t random = run->seed;
	struct pool_config shape = stress_shape(&random);
	static struct board board; /* empty: the process runs one scenario, once */
	struct thread_exit_life *lives = stress_array(run->threads, sizeof(*lives));
	pthread_t *ids = stress_array(run->threads, sizeof(*ids));
	pthread_key_t key;
	uint32_t lived = 0;

	shape.capacity += BOARD_PLACES + run->threads;
	struct pool *pool = stress_pool(run->ops, &shape);
	pthread_key_create(&key, thread_exit_destructor);
	do {
		for (uint32_t wave = 0; wave < THREAD_EXIT_WAVE; wave += run->threads) {
			for (uint32_t i = 0; i < run->threads; i++) {
				lives[i] = (struct thread_exit_life){.pool = pool,
					.board = &board,
					.seed = stress_random(&random),
					.owner = i + 1,
					.key = key,
					.late = i % 2 == 1};
				gang_start(&ids[i], thread_exit_main, &lives[i]);
			}
			for (uint32_t i = 0; i < run->threads; i++)
				pthread_join(ids[i], NULL);
			lived += run->threads;
		}
		struct pool_thread *self = stress_attach(pool);
		board_clear(&board, pool, self);
		pool->ops->detach(pool, self);
		stress_quiet(pool, 0, "after a wave of threads came and went");
	} while ((stress_now_ns() < run->end_ns || !stress_operated(run)) &&
		 lived < THREAD_EXIT_LIVES);
	pthread_key_delete(key);
	stress_destroy(pool, baseline);
	free(lives);
	free(ids);
	stress_note("%" PRIu32 " threads lived", lived);
}

static const struct scenario scenario_thread_exit = {
	.name = "thread_exit",
	.summary = "short-lived threads: what they cached must come back",
	.excuse = stress_excuse_one_thread,
	.run = thread_exit_run,
};

#endif
