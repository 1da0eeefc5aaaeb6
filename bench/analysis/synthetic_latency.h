/* The times of calls in stores whose truth is known; for synthetic_store.c. */
#ifndef BENCH_ANALYSIS_SYNTHETIC_LATENCY_H
#define BENCH_ANALYSIS_SYNTHETIC_LATENCY_H

#include "bench/workload/latency.h"

#include <sqlite3.h>

/*
 * What a thread's calls of one path take: a pair of readings, SYNTHETIC_PROBE_NS, and a time whose
 * logarithm is normal.
 */
struct synthetic_path {
	double calls; /* that are timed */
	double median_ns, sigma;
};

enum { SYNTHETIC_PROBE_NS = 25 };
#define SYNTHETIC_PROBE_SIGMA 0.05

/*
 * Binds sum, longest and histogram of such calls, from the parameter `first` on: their median times
 * a factor, behind an offset.
 */
void synthetic_times_bind(sqlite3_stmt *insert, int first, const struct synthetic_path *path,
	double offset_ns, double factor);

/* Binds what a thread's calls of that path take, times a factor: the end of a row of `latency`. */
void synthetic_path_bind(sqlite3_stmt *insert, enum latency_class which,
	const struct synthetic_path *path, double factor);

#endif
