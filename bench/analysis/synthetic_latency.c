/* See synthetic_latency.h. */
#include "bench/analysis/synthetic_latency.h"

#include <math.h>

/* The parameters of an INSERT into `latency` that come after cell, subject, fork and thread. */
enum { BIND_PATH = 5, BIND_CALLS, BIND_TIMES };

/* How many of the calls take less than a value of the histogram. */
static double calls_below(
	const struct synthetic_path *path, double offset_ns, double factor, uint64_t value)
{
	const double ns = (double)value / HISTOGRAM_NS - offset_ns;

	if (ns <= 0)
		return 0;
	return floor(path->calls * 0.5 *
			     erfc(-log(ns / (factor * path->median_ns)) / (path->sigma * M_SQRT2)) +
		     0.5);
}

void synthetic_times_bind(sqlite3_stmt *insert, int first, const struct synthetic_path *path,
	double offset_ns, double factor)
{
	struct latency_times times = {0};
	unsigned char bytes[HISTOGRAM_PACKED_BYTES];
	double below = 0, sum = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		const uint64_t low = histogram_low(i), high = histogram_low(i + 1);
		const double here = calls_below(path, offset_ns, factor, high);

		times.histogram.count[i] = (uint32_t)(here - below);
		sum += (here - below) * (double)(low + high - 1) / 2;
		if (here > below)
			times.longest = high - 1;
		below = here;
	}
	sqlite3_bind_int64(insert, first, (int64_t)sum);
	sqlite3_bind_int64(insert, first + 1, (int64_t)times.longest);
	sqlite3_bind_blob(insert, first + 2, bytes, (int)histogram_pack(&times.histogram, bytes),
		SQLITE_TRANSIENT);
}

void synthetic_path_bind(sqlite3_stmt *insert, enum latency_class which,
	const struct synthetic_path *path, double factor)
{
	sqlite3_bind_text(insert, BIND_PATH, latency_class_name(which), -1, SQLITE_STATIC);
	sqlite3_bind_double(insert, BIND_CALLS, floor(path->calls + 0.5));
	synthetic_times_bind(
		insert, BIND_TIMES, path, which < LATENCY_CLASSES ? SYNTHETIC_PROBE_NS : 0, factor);
}
