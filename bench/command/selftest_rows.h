/*
 * The selftest's rows: pairs of pools in this process that run one workload, one of them slowed down if
 * that is wanted, as a source of trials (trials.h); and what runs beside them.
 *
 * A fork of a sweep is a new process. Here it is a pair of pools, and threads, that are opened anew: a
 * thousand processes would take longer than a selftest may. So the luck that a process has with the
 * places of its code is not in these trials; that of memory and threads is.
 */
#ifndef BENCH_COMMAND_SELFTEST_ROWS_H
#define BENCH_COMMAND_SELFTEST_ROWS_H

#include "bench/command/trials.h"
#include "bench/engine/engine.h"

/* A pair of rows. */
struct rows {
	struct workload_case subject;
	struct engine_cell cell;
	double slowed; /* the second one, by this share of its own time; 0: not at all. One thread then */
	double reading_ns;             /* what a reading of the clock takes */
	char why[ENGINE_REASON_BYTES]; /* a fork could not be measured, if it is not empty */
};

/* The pair of one strategy in `pair`, with so many threads. */
struct rows rows_of(const char *pool, uint32_t threads, double slowed);

/* A trials_measure; source is a struct rows. */
bool rows_measure(void *source, uint64_t seed, struct trials_block *blocks, unsigned n);

/*
 * What the engine adds to a unit: a loop written by hand, run by the engine, against the same loop run
 * to its end at once, in CPU time; the median of many tries, each with both loops twice in turn. It is
 * the same machine code, since two loops that differ in their place alone can be a whole cycle apart. False, with a sentence in why
 * (ENGINE_REASON_BYTES): it can't be measured.
 */
bool rows_loop_cost(double *loop_ns, double *cost_ns, char *why);

/* The loop written by hand. */
uint64_t selftest_loop(struct pool *pool, struct workload_thread *t, uint64_t n);

/*
 * What runs beside, until it is ended: busy loops that want a CPU and nothing else, or on one CPU a
 * thread that has the kernel interrupt all others of this process. NULL: threads or memory lack, or
 * the kernel can't.
 */
enum { BESIDE_LOOPS = 2 };
struct beside;
struct beside *beside_loops(void);
struct beside *beside_interrupting(uint32_t cpu);
void beside_end(struct beside *self);

#endif
