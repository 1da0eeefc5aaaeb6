/*
 * Workloads: what a thread does to a pool, over and over, while the engine counts.
 *
 * A workload is one header, bench/workload/<name>.h, and one line in bench/workloads.def. The
 * header defines an always-inline body
 *
 *	uint64_t workload_<name>(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
 *
 * and ends in a `static const struct workload workload_<name>_info`. bench/engine/instance.c is compiled
 * once a strategy and passes the address of that strategy's constant table to each body, so that
 * every pool call is inlined; a twin unit passes a variable, and that price is reported too.
 *
 * A driver's calls stand in WORKLOAD_CALL or WORKLOAD_DO (latency.h), so that the same body exists once
 * more with those calls timed.
 *
 * A body has no clock, no allocation, no branch on which strategy it is given. It does about n
 * rounds and returns on how many units of work (see info.unit) this thread finished its part. Where
 * several threads work on one unit, what the last of them returns is the cell's throughput; the
 * others' figure says how they fared. A body never waits: if its peer is behind (a ring is full or
 * empty) it returns early with what it has done, 0 if nothing, and the engine decides whether to
 * spin or yield. A get that answers NULL is counted in t->failed and scores no work.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "alloc/pool.h"
#include "bench/base/escape.h"
#include "bench/workload/contest.h"
#include "bench/workload/latency.h"

#include <stdint.h>

/* The members of struct workload_cell that change what a workload does. Flags. */
enum workload_axis {
	WORKLOAD_BURST = 1, /* a round moves `burst` units */
	WORKLOAD_DEPTH = 2, /* a round handles `depth` units */
	/* Pushes per-packet context, so that context policies compete in it. */
	WORKLOAD_CONTEXT = 4,
};

/* The cell's shape as far as a workload needs it. */
struct workload_cell {
	uint32_t threads;
	uint32_t
		burst; /* objects a bulk call; 1..POOL_BULK_MAX. The compiler must not see its value */
	uint32_t depth; /* filter drivers on the stack, for the workloads that have one */
	uint64_t seed;
};

/*
 * How scarce objects were to a thread in a slice. stranded: objects that were free, as far as the others
 * say, at a get that found none; its sum over these gets, and the most at one of them.
 */
struct workload_scarcity {
	uint64_t none;   /* gets that found none, with good reason or without */
	uint64_t spells; /* of such gets in a row */
	uint64_t stranded, stranded_most;
};

/* What the engine hands to each thread of a cell. In a cache line pair of its own. */
struct workload_thread {
	struct pool_thread *self; /* attached by the engine, on this thread */
	const struct workload_cell *cell;
	uint32_t index;          /* 0..threads-1 */
	uint64_t failed;         /* gets that found less than was asked; counted by the body */
	void *shared;            /* made by open; the same for all threads of the cell */
	void *own;               /* made by enter; this thread's */
	struct latency *latency; /* where timed rounds note their calls; see latency.h */
	struct workload_scarcity scarcity; /* of this slice; counted by the body, if info.scarce */
};

/*
 * Cold hooks receive the strategy's table as a variable: they are not measured. Those that a
 * workload does not need are NULL.
 */
struct workload {
	const char *name;    /* as in workloads.def */
	const char *summary; /* one line for `nblbench list` */
	const char *unit;    /* what the body counts, plural: "objects", "contexts", "packets" */
	const char *
		program; /* the real program it imitates, and what it can't show; a sentence or two for the report */
	enum contest
		contest; /* in which its rows compete: that of pools unless it says otherwise */
	/*
	 * Threads that work on one unit together: 1 where every thread gets and puts for itself, 2
	 * where one side hands over to another. A cell's thread count is a multiple of it.
	 */
	uint32_t lane_threads;
	uint32_t axes; /* enum workload_axis; a cell's other members are without meaning for it */
	/*
	 * The most objects a thread holds or has under way at once, as a function of the cell: the
	 * engine sizes the pool by it, with room for what caches keep.
	 */
	uint32_t (*demand)(const struct workload_cell *cell);
	/*
	 * Instead of demand: exactly the objects of the pool. For workloads in which objects are
	 * scarce, and which know when one was free though a get answered NULL, a *false empty*;
	 * t->failed counts those alone then, and the reports call them so.
	 */
	uint32_t (*capacity)(const struct workload_cell *cell);
	/* Its body counts t->scarcity. */
	bool scarce;
	uint32_t burst_max; /* longest burst; 0: POOL_BULK_MAX */
	/* Writes to several objects that it got singly: not for POOL_KIND_NULL, which has one. */
	bool holds_many;
	/*
	 * Its calls are not timed: it makes none of a driver's (WORKLOAD_CALL), or it is one of the
	 * literature's, which tell throughput alone. The units that time calls leave its body out: the
	 * literature's bodies would make them take half as long again to compile.
	 */
	bool untimed;
	/*
	 * In each slice the engine stops the first thread for so long, and times all calls of the
	 * others; 0: not at all.
	 */
	uint32_t stall_ms;
	/* A round trip takes so long that its slices are as long as those of threads without a CPU. */
	bool long_slices;
	/*
	 * It moves its threads from CPU to CPU: that they are not on theirs, or lose one, is no
	 * disturbance.
	 */
	bool migrates;
	/* Part of sweeps that name it, and of no others. */
	bool by_name;
	/*
	 * Nobody touches the objects' memory, so that designs which link through them pay for lines
	 * that the others leave cold: it says what a pool does alone, and not what a driver pays.
	 * Part of full sweeps too.
	 */
	bool diagnostic;

	/*
	 * For workloads over something that has a pool of its own, such as an NBL pool; the others
	 * leave both NULL and get a pool from the engine. create makes that something for
	 * config->capacity objects and shows the pool within, so that the engine can fill, count
	 * and check it: 0, *shared and *pool, or a negative errno. destroy is called instead of
	 * pool_destroy. The threads of such a workload attach in enter, which sets t->self, and
	 * detach in leave; open and close are not called.
	 */
	int (*create)(const struct pool_ops *ops, const struct pool_config *config,
		const struct workload_cell *cell, void **shared, struct pool **pool);
	void (*destroy)(const struct workload_cell *cell, void *shared);

	/* On the coordinator, before the threads enter. 0 or a negative errno. */
	int (*open)(const struct pool_ops *ops, struct pool *pool, const struct workload_cell *cell,
		void **shared);
	/* On the coordinator, after the threads have left. Frees what open made. */
	void (*close)(const struct pool_ops *ops, struct pool *pool,
		const struct workload_cell *cell, void *shared);
	/*
	 * On each thread, attached and pinned, before the warm-up; and after the window, where it
	 * puts back what it holds. 0 or a negative errno.
	 */
	int (*enter)(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t);
	void (*leave)(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t);
};

/* Whether context policies compete in it: what pushes context, and all of an NBL's life. */
static inline bool workload_takes_policies(const struct workload *workload)
{
	return (workload->axes & WORKLOAD_CONTEXT) != 0 || workload->contest == CONTEST_WHOLE;
}

/*
 * THE rule of ns a unit: it is workload_lanes x window / units, what a unit takes of one CPU, or of as
 * many as a lane has threads. Threads beyond CPUs take turns, so they count as many as there are CPUs;
 * else the figure would grow with them though each CPU does as much as before. cpus 0: as many as threads.
 */
static inline double workload_lanes(uint32_t threads, uint32_t cpus, uint32_t lane_threads)
{
	return (double)(cpus != 0 && cpus < threads ? cpus : threads) / lane_threads;
}

typedef uint64_t (*workload_body)(struct pool *pool, struct workload_thread *t, uint64_t n);

/*
 * One row of an instance unit: a body bound to one strategy. The array ends in a row of zeros. ops
 * is NULL in the unit with the run-time table, whose bodies take the pool's own.
 */
struct workload_case {
	const struct workload *workload;
	const struct pool_ops *ops;
	workload_body run;
	workload_body timed; /* the same body with each call timed; instance_find sets it */
};

#endif
