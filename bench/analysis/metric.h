/* What can be asked of a row, by name: `compare --measure p99.9`, `measure = p99.9` of a target. */
#ifndef BENCH_ANALYSIS_METRIC_H
#define BENCH_ANALYSIS_METRIC_H

#include "bench/analysis/analysis.h"

enum metric {
	METRIC_TIME,   /* ns a unit of work */
	METRIC_RATE,   /* units a second, all threads together */
	METRIC_FAILED, /* gets that found less than was asked: a count */
	METRIC_P50,    /* from here on of the times of calls, or response times, in ns */
	METRIC_P99,
	METRIC_P999,
	METRIC_MAX,
	METRIC_P99_P50, /* p99 / p50 of a row: how far its tail is from its middle */
};

/* The i-th name, in the order above; NULL behind the last one. */
const char *metric_name(size_t i);

/*
 * What a row has by a metric from METRIC_FAILED on: of its calls with load 0, else of its response times
 * at that load, in per cent. Without a value the point is NAN, and *lack says why: "has too few timed
 * calls", of which the row is the subject.
 */
struct stats_estimate metric_of(const struct analysis *a, size_t cell, size_t subject,
	enum metric metric, uint32_t load, const char **lack);

/* Whether it is a percentile of its calls, and below what their clock can tell. */
bool metric_at_floor(
	const struct analysis *a, size_t cell, size_t subject, enum metric metric, uint32_t load);

/* The logarithms of an estimate of what is above 0, and back. */
struct stats_estimate metric_logarithm(struct stats_estimate e);
struct stats_estimate metric_factor(struct stats_estimate e);

#endif
