/*
 * affinity: churn on threads that are moved from CPU to CPU all the time, by themselves between
 * calls and by another thread in the middle of them. A cache that belongs to a CPU must survive
 * that the caller is no longer there: a restartable sequence restarts, a lock is the other CPU's.
 * In half of the rounds the pool is made as if there were one CPU, so that threads come to CPUs
 * with higher numbers than it has caches for.
 *
 * What it can't show: a section that ends one instruction early survives storms like this one.
 */
#ifndef STRESS_SCENARIO_AFFINITY_H
#define STRESS_SCENARIO_AFFINITY_H

#include "alloc/machine/cpu.h"
#include "stress/base/gang.h"
#include "stress/base/object.h"

#include <sched.h>

enum {
	AFFINITY_ROUND_MS = 100,
	AFFINITY_HELD_MAX = 32,
	AFFINITY_BATCH = 32, /* steps between two moves of one's own */
};

struct affinity_round {
	uint64_t moves; /* by the mover; read when it is gone */
	/* 0 before the thread has said who it is, and when it leaves. */
	atom_u32 tid[STRESS_THREADS_MAX];
};

static const char *affinity_excuse(const struct pool_ops *ops, uint32_t threads)
{
	const uint32_t *cpus;

	if (ops->traits.cache != POOL_CACHE_CPU)
		return "it has no cache that belongs to a CPU";
	if (stress_cpus(&cpus) < 2)
		return "there is one CPU, and nowhere to go";
	return stress_excuse_one_thread(ops, threads);
}

/* The last thread of the gang moves the others about. */
static void affinity_move(struct gang_thread *t, struct affinity_round *round)
{
	const uint32_t *cpus;
	uint32_t n = stress_cpus(&cpus);

	while (gang_goes_on(t, AFFINITY_ROUND_MS)) {
		uint32_t victim = stress_below(&t->random, t->run->threads - 1);
		uint32_t tid = atom_load_relaxed(&round->tid[victim]);
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpus[stress_below(&t->random, n)], &set);
		if (tid != 0 && sched_setaffinity((pid_t)tid, sizeof(set), &set) == 0)
			round->moves++;
	}
}

static void affinity_churn(struct gang_thread *t, struct affinity_round *round)
{
	const struct pool_ops *ops = t->pool->ops;
	void *objs[AFFINITY_HELD_MAX];
	uint32_t held = 0;
	const uint32_t *cpus;
	uint32_t n = stress_cpus(&cpus);

	atom_store_relaxed(&round->tid[t->index], (uint32_t)gettid());
	while (gang_goes_on(t, AFFINITY_ROUND_MS)) {
		for (uint32_t i = 0; i < AFFINITY_BATCH; i++) {
			if (held < AFFINITY_HELD_MAX && stress_below(&t->random, 2)) {
				void *object = ops->get(t->pool, t->self);

				if (object == NULL)
					continue;
				object_got(t->pool, object, t->owner);
				objs[held++] = object;
			} else if (held > 0) {
				object_putting(t->pool, objs[--held], t->owner);
				ops->put(t->pool, t->self, objs[held]);
			}
		}
		t->done += AFFINITY_BATCH;
		stress_pin(cpus[stress_below(&t->random, n)]);
	}
	atom_store_relaxed(&round->tid[t->index], 0);
	for (uint32_t i = 0; i < held; i++)
		object_putting(t->pool, objs[i], t->owner);
	if (held > 0)
		ops->put_bulk(t->pool, t->self, objs, held);
}

static void affinity_body(struct gang_thread *t)
{
	struct affinity_round *round = t->shared;

	if (t->index == t->run->threads - 1)
		affinity_move(t, round);
	else
		affinity_churn(t, round);
}

static void affinity_run(const struct stress *run)
{
	uint64_t random = run->seed;
	uint64_t operations = 0;
	uint64_t moves = 0;
	uint32_t more = 0;

	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);
		cpu_set_possible(stress_below(&random, 2));
		struct pool *pool = stress_pool(run->ops, &shape);
		struct affinity_round round = {0};

		operations += gang_run(
			run, pool, run->threads, stress_random(&random), affinity_body, &round);
		moves += round.moves;
		stress_quiet(pool, 0, "after a round");
		stress_destroy(pool, baseline);
	} while (stress_another_round(run, moves > 0 && stress_operated(run), &more));
	if (moves == 0)
		stress_fail(PROMISE_NONE, "no thread was moved by another: nothing is shown");
	stress_note("%" PRIu64 " operations, %" PRIu64 " moves in mid-flight", operations, moves);
}

static const struct scenario scenario_affinity = {
	.name = "affinity",
	.summary = "threads are moved between CPUs while they churn",
	.excuse = affinity_excuse,
	.run = affinity_run,
};

#endif
