/*
 * Scenarios of the explorer: what each of two or three virtual threads does, as a word.
 *
 *	g  gets one object            G8  gets up to 8 in one call
 *	p  puts the one it got last   P8  puts the last 8, or all it has, in one call
 *	q  puts the one it got first
 *	f  flushes its cache          d   detaches (the thread's end)
 *	a  attaches again             t   has what another thread got last; only before the threads run
 *
 * Of every answer is asked what any pool promises: the object is the pool's, and nobody has it. The
 * owner writes to it, and reads what it wrote before it puts it. At rest the pool's own check, its
 * count, and that all that is free can be got, once all have flushed if it is not exact.
 */
#ifndef STRESS_MODEL_SCENARIO_H
#define STRESS_MODEL_SCENARIO_H

#include "alloc/pool.h"
#include "stress/model/explore.h"

struct model_scenario {
	const char *name;
	uint32_t capacity;                 /* objects, 1..SCENARIO_OBJECTS_MAX */
	const char *before[MODEL_THREADS]; /* what each thread has done when the execution begins */
	const char *thread[MODEL_THREADS]; /* NULL: there is none */
	const char *cpu; /* where each runs, a digit a thread; NULL: each on one of its own */
	bool laps;       /* so many calls that a ring for so few objects goes round */
	/* What finds the mistakes that it is there for, where that is beyond the default bounds; NULL: they do. */
	const struct model_bounds *deeper;
	/* What it is there for takes so many deviations together: a run that allows any allows it so many. 0: one will do. */
	uint32_t least;
};

enum { SCENARIO_OBJECTS_MAX = 256 };

/* Ends in one without a name. */
extern const struct model_scenario model_scenarios[];

/* By name; NULL if there is none. */
const struct model_scenario *model_find_scenario(const char *name);

/* NULL, or why the scenario does not fit the pool. */
const char *model_excuse(const struct model_scenario *scenario, const struct pool_ops *ops);

/*
 * Makes the pool and what the scenario wants before, and returns the work. NULL: it cannot be made,
 * and result says why. One at a time.
 */
const struct model_work *model_prepare(const struct model_scenario *scenario,
	const struct pool_ops *ops, struct model_result *result);

/* How often the cold paths ran in all executions since, by the pools' own counts. */
const struct pool_paths *model_paths(void);

#endif
