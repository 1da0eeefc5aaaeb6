/*
 * Does a thread that is stopped hold up the others? All threads do what `pair` does. In each slice the engine stops the first one (stall.h), which is nearly always inside a
 * call, and often holds whatever the strategy has to hold.
 *
 * Threads come in pairs, and the second one of a pair speaks for it: the cell's throughput is that of
 * threads that were not stopped. Their longest call is the longest gap that they see. Where no call
 * waits for another thread it is an interruption of their own, some microseconds; under a lock it is
 * the stop.
 *
 * What it can't show: whether a stop met the holder of a lock is chance, so the longest of several
 * slices counts.
 */
#ifndef BENCH_WORKLOAD_STALLED_HOLDER_H
#define BENCH_WORKLOAD_STALLED_HOLDER_H

#include "bench/workload/pair.h"

enum { STALLED_HOLDER_LANE_THREADS = 2 };

#define STALLED_HOLDER_PROGRAM                                                                \
	"A driver whose thread loses its CPU in the midst of a call. The figures are of the " \
	"others; their longest call is the longest gap."

#endif
