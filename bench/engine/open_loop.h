/*
 * An open loop: work arrives at moments of its own (arrivals.h), and its *response time* runs from
 * the intended moment, however late it was begun. A closed loop cannot show that: there a call
 * that takes long holds back those that would have come meanwhile, and they are not counted.
 *
 * The thread that begins work looks at the clock, takes what has arrived, at most a burst, and
 * runs the workload's body on it. Where a second thread completes the work, the moments follow it
 * through a ring of their own, and the second thread tells the response time. So what is timed is
 * the whole way of a packet, the wait for either thread and the rings included.
 *
 * The capacity is what the same loop serves when work is always waiting. It is less than the
 * throughput of a closed loop, by a look at the clock a turn.
 */
#ifndef BENCH_ENGINE_OPEN_LOOP_H
#define BENCH_ENGINE_OPEN_LOOP_H

#include "bench/engine/arrivals.h"
#include "bench/workload.h"
#include "bench/workload/spsc_ring.h"

struct engine;
struct runner;

enum { OPEN_LOOP_LATE_NS = 1000 }; /* a start that comes later than that is late */

/* Of one thread. */
struct open_loop {
	struct arrivals_source source;
	struct workload_cell cell;   /* the thread's own, whose burst is what has arrived */
	uint64_t began;              /* ticks: when the source started */
	uint64_t late;               /* OPEN_LOOP_LATE_NS in ticks */
	uint64_t due[POOL_BULK_MAX]; /* the moments of what has arrived and is not yet served */
	uint32_t have;               /* of them */
	uint32_t stamped;            /* of them, those that are in the ring */
	uint64_t arrived;            /* in the window */
	uint64_t served;             /* in the window, by the thread that completes */
	uint64_t begun_late;         /* in the window */
	uint64_t unmatched;         /* completed, and begun by nobody: 0, or the body is no queue */
	struct latency_times times; /* response times in the window */
	struct spsc_ring moments;   /* to the thread that completes this one's work */
};

/* The thread's part of a slice, from the gathering of the threads to the window's end. */
uint64_t open_loop_run(struct engine *engine, struct runner *self);

#endif
