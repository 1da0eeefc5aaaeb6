/*
 * remote_free_touch: `remote_free` with objects that are touched (touch.h). The thread that gets
 * writes the first line of each object, the thread that puts reads it: every object's line travels
 * between them, as a packet's descriptor does.
 *
 * Threads come in pairs, as in remote_free. A round is one burst; counts objects, and the cell's
 * throughput is what the putting threads finish.
 *
 * What it can't show: both sides run all the time, so the ring is always full or always empty, and
 * the slower side alone decides.
 */
#ifndef BENCH_WORKLOAD_REMOTE_FREE_TOUCH_H
#define BENCH_WORKLOAD_REMOTE_FREE_TOUCH_H

#include "bench/workload/remote_free.h"

ALWAYS_INLINE uint64_t workload_remote_free_touch(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	return remote_free_rounds(ops, pool, t, n, true);
}

static const struct workload workload_remote_free_touch_info = {
	.name = "remote_free_touch",
	.summary = "one thread gets bursts and writes to each, another reads them and puts them",
	.unit = "objects",
	.program = "A stack whose receive side allocates and fills in, and whose completion side "
		   "looks and frees, on another CPU. The slower side decides.",
	.lane_threads = REMOTE_FREE_LANE_THREADS,
	.axes = WORKLOAD_BURST,
	.demand = remote_free_demand,
	.open = remote_free_open,
	.close = remote_free_close,
	.enter = remote_free_enter,
	.leave = remote_free_leave,
};

#endif
