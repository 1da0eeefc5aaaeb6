/*
 * The times of a row's calls as HdrHistogram's percentile text, so that its plotters read them:
 * nanoseconds, a line a bucket. The last line has no fourth column, as there: it would be infinite.
 */
#include "bench/analysis/analysis.h"
#include "bench/report/report.h"

#include <inttypes.h>
#include <math.h>

/* Of the values that the buckets stand for. */
static double deviation_of(const struct analysis_times_of *times, uint64_t count)
{
	double squares = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		squares += times->histogram.count[i] * pow(histogram_ns(i) - times->mean_ns, 2);
	return sqrt(squares / (double)count);
}

void report_hdr(
	const struct analysis *analysis, size_t cell, size_t subject, size_t part, FILE *out)
{
	const struct analysis_latency *l = analysis_latency(analysis, cell, subject);
	const struct analysis_times_of all = {
		.mean_ns = l->mean_ns, .longest_ns = l->longest_ns, .histogram = l->histogram};
	const struct analysis_times_of *times =
		part < ANALYSIS_HAND_OVER ? &l->hand_over[part] : &all;
	const uint64_t count = histogram_count(&times->histogram);
	uint64_t seen = 0;

	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (times->histogram.count[i] == 0)
			continue;
		seen += times->histogram.count[i];

		const double share = (double)seen / (double)count;

		if (seen < count)
			fprintf(out, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", histogram_ns(i), share,
				seen, 1 / (1 - share));
		else
			fprintf(out, "%12.3f %2.12f %10" PRIu64 "\n", times->longest_ns, share,
				seen);
	}
	fprintf(out,
		"#[Mean    = %12.3f, StdDeviation   = %12.3f]\n"
		"#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n"
		"#[Buckets = %12d, SubBuckets     = %12d]\n",
		times->mean_ns, deviation_of(times, count), times->longest_ns, count,
		HISTOGRAM_OCTAVES, HISTOGRAM_STEPS);
}
