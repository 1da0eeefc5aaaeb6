/*
 * unregistered: churn among threads of which some have no restartable sequences, as threads that the C
 * library did not make. Such a thread has no CPU's cache: it works on what all share, beside threads that
 * take the same objects through their CPUs, and none may be doubled or stay away. How many there are is
 * drawn for each round, from one to all.
 *
 * What it can't show: a thread that loses its registration while it is attached. No thread may.
 */
#ifndef STRESS_SCENARIO_UNREGISTERED_H
#define STRESS_SCENARIO_UNREGISTERED_H

#include "alloc/machine/rseq.h"
#include "stress/scenario/churn.h"

#include <sys/syscall.h>
#include <unistd.h>

struct unregistered_round {
	struct board board;
	uint32_t threads; /* the first so many give their registration back */
};

static const char *unregistered_excuse(const struct pool_ops *ops, uint32_t threads)
{
	if (ops->traits.cache != POOL_CACHE_CPU)
		return "it has no cache that belongs to a CPU";
	return stress_excuse_one_thread(ops, threads);
}

/* The kernel wants to hear the length that the C library told it, which has grown and is told nowhere. */
static void unregistered_give_back(void)
{
	enum { UNREGISTER = 1, SIGNATURE = 0x53053053, BYTES_MIN = 20, BYTES_MAX = 512 };
	void *area = rseq_area();

	for (unsigned bytes = BYTES_MIN; bytes <= BYTES_MAX && rseq_area() != NULL; bytes += 4)
		syscall(SYS_rseq, area, bytes, UNREGISTER, SIGNATURE);
	if (rseq_area() != NULL)
		stress_fail(
			PROMISE_NONE, "the kernel does not take the registration of a thread back");
}

static void unregistered_body(struct gang_thread *t)
{
	const struct pool_ops *ops = t->pool->ops;
	struct unregistered_round *round = t->shared;

	if (t->index < round->threads) {
		ops->detach(t->pool, t->self);
		unregistered_give_back();
		t->self = stress_attach(t->pool);
	}
	churn_act(t, &round->board);
}

static void unregistered_run(const struct stress *run)
{
	uint64_t random = run->seed;
	uint64_t operations = 0;
	uint64_t threads = 0;
	uint32_t rounds = 0;
	uint32_t more = 0;

	if (rseq_area() == NULL)
		stress_skip("the C library has registered no thread for restartable sequences");
	do {
		const uint64_t baseline = memory_live_bytes();
		struct pool_config shape = stress_shape(&random);
		struct pool *pool = stress_pool(run->ops, &shape);
		struct unregistered_round round = {
			.threads = 1 + stress_below(&random, run->threads)};

		operations += gang_run(
			run, pool, run->threads, stress_random(&random), unregistered_body, &round);
		churn_over(pool, &round.board, baseline);
		threads += round.threads;
		rounds++;
	} while (rounds < run->rounds || stress_another_round(run, stress_operated(run), &more));
	stress_note("%" PRIu64 " operations in %u rounds, %" PRIu64
		    " threads without restartable sequences",
		operations, rounds, threads);
}

static const struct scenario scenario_unregistered = {
	.name = "unregistered",
	.summary = "threads that have no restartable sequences churn beside others",
	.excuse = unregistered_excuse,
	.run = unregistered_run,
};

#endif
