/*
 * migration: threads that the scheduler moves from CPU to CPU while they get and put. A round is a burst
 * of 32 objects that is got, touched (touch.h) and put. After MIGRATION_BURSTS rounds of the first thread
 * all threads move on by one CPU, each in the midst of a round: what it got on one CPU it puts on another.
 * A service whose threads are not pinned.
 *
 * All threads do the same; the first one says when. They move one after the other, so that two share a CPU
 * for a moment. Counts objects.
 *
 * What it can't show: a scheduler's choice of moment and CPU, and what a real program has left in the
 * caches of the CPU that it left. A move is a system call, which is part of the figure: the row `null`
 * says what it comes to. With one CPU nobody moves.
 */
#ifndef BENCH_WORKLOAD_MIGRATION_H
#define BENCH_WORKLOAD_MIGRATION_H

#include "alloc/atomic.h"
#include "bench/workload.h"
#include "bench/workload/touch.h"

#include <errno.h>
#include <sched.h>

enum {
	MIGRATION_BURST = 32,
	MIGRATION_BURSTS = 512, /* some 0.1 ms, of which a move takes a tenth */
};

/* What the threads of a cell share. The CPUs are those that the program may use. */
struct migration {
	CACHE_PAIR_ALIGNED atom_u32 moves; /* that all shall have made; of the first thread */
	CACHE_PAIR_ALIGNED uint32_t cpus;
	uint32_t cpu[CPU_SETSIZE];
};

struct migration_thread {
	uint32_t moves, rounds;
	cpu_set_t home; /* where the engine had it */
};

/* Moves to the CPU whose turn it is. One that has gone offline leaves the thread where it is. */
static COLD void migration_move(struct workload_thread *t, uint32_t moves)
{
	const struct migration *shared = t->shared;
	struct migration_thread *own = t->own;
	cpu_set_t set;

	own->moves = moves;
	CPU_ZERO(&set);
	CPU_SET(shared->cpu[(t->index + moves) % shared->cpus], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

ALWAYS_INLINE uint64_t workload_migration(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct migration *shared = t->shared;
	struct migration_thread *own = t->own;
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		CACHE_LINE_ALIGNED void *objs[MIGRATION_BURST];
		const uint32_t got =
			WORKLOAD_CALL(t, ops->get_bulk(pool, t->self, objs, MIGRATION_BURST));

		bench_escape(objs);
		t->failed += got < MIGRATION_BURST;
		WORKLOAD_OWN_DO(t, touch_write(objs, got));
		if (t->index == 0 && unlikely(++own->rounds == MIGRATION_BURSTS)) {
			own->rounds = 0;
			/* Relaxed: nothing follows from it but that they move. */
			atom_store_relaxed(&shared->moves, own->moves + 1);
		}
		const uint32_t moves = atom_load_relaxed(&shared->moves);
		if (unlikely(moves != own->moves))
			migration_move(t, moves);
		WORKLOAD_OWN_DO(t, touch_read(objs, got));
		if (likely(got > 0))
			WORKLOAD_DO(t, ops->put_bulk(pool, t->self, objs, got));
		bench_escape(pool);
		done += got;
	}
	return done;
}

static uint32_t migration_demand(const struct workload_cell *cell)
{
	(void)cell;
	return MIGRATION_BURST;
}

/* On the coordinator, which may use all CPUs of the program. */
static int migration_open(
	const struct pool_ops *ops, struct pool *pool, const struct workload_cell *cell, void **out)
{
	struct migration *shared = memory_alloc(sizeof(*shared));
	cpu_set_t set;

	(void)ops;
	(void)pool;
	(void)cell;
	if (shared == NULL)
		return -ENOMEM;
	if (sched_getaffinity(0, sizeof(set), &set) != 0) {
		const int error = errno;

		memory_free(shared, sizeof(*shared));
		return -error;
	}
	atom_init(&shared->moves, 0);
	shared->cpus = 0;
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			shared->cpu[shared->cpus++] = cpu;
	}
	*out = shared;
	return 0;
}

static void migration_close(const struct pool_ops *ops, struct pool *pool,
	const struct workload_cell *cell, void *shared)
{
	(void)ops;
	(void)pool;
	(void)cell;
	memory_free(shared, sizeof(struct migration));
}

static int migration_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct migration_thread *own = memory_alloc(sizeof(*own));

	(void)ops;
	(void)pool;
	if (own == NULL)
		return -ENOMEM;
	own->moves = 0;
	own->rounds = 0;
	if (sched_getaffinity(0, sizeof(own->home), &own->home) != 0) {
		const int error = errno;

		memory_free(own, sizeof(*own));
		return -error;
	}
	t->own = own;
	return 0;
}

static void migration_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct migration_thread *own = t->own;

	(void)ops;
	(void)pool;
	sched_setaffinity(0, sizeof(own->home), &own->home);
	memory_free(own, sizeof(*own));
}

static const struct workload workload_migration_info = {
	.name = "migration",
	.summary = "get and put bursts of 32 while all threads move from CPU to CPU",
	.unit = "objects",
	.program = "A service whose threads the scheduler moves: what they got on one CPU they put "
		   "on another. A move is a system call, and part of the figure; the row null "
		   "says what it comes to.",
	.lane_threads = 1,
	.by_name = true,
	.migrates = true,
	.untimed = true,
	.demand = migration_demand,
	.open = migration_open,
	.close = migration_close,
	.enter = migration_enter,
	.leave = migration_leave,
};

#endif
