/*
 * The explorer: runs a few virtual threads in one process, one at a time, and decides at every
 * atomic operation which of them goes on, what a load reads, and what fails. It tries all
 * decisions within bounds, depth first. What runs is compiled with -fsanitize=thread; the explorer
 * stands in the place of the sanitizer's runtime (entry.c), so that it is called at each access.
 *
 * Nothing here knows what a pool is. scenario.c does.
 */
#ifndef STRESS_MODEL_EXPLORE_H
#define STRESS_MODEL_EXPLORE_H

#include "stress/promises.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MODEL_THREADS = 4,           /* scenarios have up to three, and liburcu has one (rcu.h) */
	MODEL_CHOICES_MAX = 1 << 16, /* decisions of one execution */
	MODEL_STEPS_MAX = 20000,     /* operations of one execution; more is taken for no end */
	MODEL_SENTENCE_BYTES = 512,
};

/* What a decision costs that is not the default one. */
enum model_budget {
	MODEL_SWITCHES, /* a thread is stopped though it could go on */
	MODEL_STALE,    /* a load, or a CAS that fails, reads what was overwritten already */
	MODEL_FAULTS,   /* a weak CAS fails for no reason; a section is aborted; no memory */
	MODEL_BUDGETS,
	MODEL_FREE, /* costs nothing: somebody has to go on */
};

/* At most so many of each in an execution, and of all together. */
struct model_bounds {
	uint32_t most[MODEL_BUDGETS];
	uint32_t together;
};

/* More than any execution has decisions. */
extern const struct model_bounds model_unbounded;

/* What is explored. The hooks get arg. */
struct model_work {
	uint32_t threads;
	void (*begin)(void *arg);              /* before each execution */
	void (*thread)(void *arg, uint32_t i); /* a virtual thread's whole life */
	void (*end)(void *arg);                /* after each execution: the checks at rest */
	void *arg;
};

/* The decisions of an execution that were not the default: number `at` was `taken`. */
struct model_path {
	uint32_t count;
	struct {
		uint32_t at, taken;
	} step[256];
};

struct model_result {
	uint64_t executions;
	uint64_t steps;
	bool exhausted; /* within the bounds; false: it failed, or `limit` came first */
	bool failed;
	enum promise broken;                 /* by the failure */
	char sentence[MODEL_SENTENCE_BYTES]; /* of the failure, which tells of that, too */
	struct model_path path;              /* that leads there */
};

/* All executions within the bounds, at most `limit`, until one fails. */
void model_explore(const struct model_work *work, const struct model_bounds *bounds, uint64_t limit,
	struct model_result *result);

/*
 * `limit` executions at random, by priorities (PCT: S. Burckhardt and others, ASPLOS 2010): of a run
 * of k steps each has a chance of at least 1 / (threads x k^(depth - 1)) to meet a mistake that takes
 * `depth` changes of priority.
 */
void model_random(const struct model_work *work, uint32_t depth, uint64_t seed, uint64_t limit,
	struct model_result *result);

/* One execution again, with every step noted (trace.h). False: the path does not fit. */
bool model_replay(const struct model_work *work, const struct model_bounds *bounds,
	const struct model_path *path, struct model_result *result);

/*
 * For what runs inside.
 */

/* True while virtual threads run. */
bool model_runs(void);

/* The virtual thread that runs, or that the setup stands for. */
uint32_t model_self(void);
void model_set_self(uint32_t thread);

/* The number of the present step. */
uint32_t model_now(void);

/* A point at which another thread may go on. */
void model_step(void);

/* Others go first, until one of them changes something: called by who waits for that. */
void model_yield(void);
void model_changed(void);

/* Stops the thread until ready(arg). */
void model_wait(bool (*ready)(const void *arg), const void *arg);

/* How much of a budget this execution has spent. */
uint32_t model_spent(enum model_budget budget);

/* A decision among options, 0 being the default. */
uint32_t model_choose(enum model_budget budget, uint32_t options);

/*
 * The execution has failed: a promise is broken, or the explorer has not the room (PROMISE_NONE). Does not return while
 * virtual threads run.
 */
__attribute__((format(printf, 2, 3))) void model_fail(enum promise broken, const char *format, ...);

/* Called when a thread goes on after another one. */
extern void (*model_switched)(uint32_t from, uint32_t to);

#endif
