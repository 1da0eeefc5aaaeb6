/* Percentiles by name. See metric.h. */
#include "bench/analysis/metric.h"

#include <math.h>

const char *metric_name(size_t i)
{
	static const char *const names[] = {
		"time", "rate", "failed", "p50", "p99", "p99.9", "max", "p99/p50", NULL};

	return names[i];
}

struct stats_estimate metric_logarithm(struct stats_estimate e)
{
	return (struct stats_estimate){
		.point = log(e.point), .lo = e.lo > 0 ? log(e.lo) : -INFINITY, .hi = log(e.hi)};
}

struct stats_estimate metric_factor(struct stats_estimate e)
{
	return (struct stats_estimate){.point = exp(e.point), .lo = exp(e.lo), .hi = exp(e.hi)};
}

static struct stats_estimate percentile(const struct analysis_percentile *at, int i)
{
	return (struct stats_estimate){.point = at[i].ns, .lo = at[i].lo, .hi = at[i].hi};
}

/* The places of percentiles in a row's times. */
static const int place[] = {
	[METRIC_P50] = LATENCY_P50, [METRIC_P99] = LATENCY_P99, [METRIC_P999] = LATENCY_P999};

bool metric_at_floor(
	const struct analysis *a, size_t cell, size_t subject, enum metric metric, uint32_t load)
{
	const struct analysis_latency *l = analysis_latency(a, cell, subject);

	return load == 0 && metric >= METRIC_P50 && metric <= METRIC_P999 && l != NULL &&
	       l->at[place[metric]].below;
}

struct stats_estimate metric_of(const struct analysis *a, size_t cell, size_t subject,
	enum metric metric, uint32_t load, const char **lack)
{
	const struct analysis_latency *l = analysis_latency(a, cell, subject);
	const struct analysis_response *response = analysis_response(a, cell, subject);
	const struct analysis_at_load *r = NULL;
	const double failed = (double)analysis_at(a, cell, subject)->failed;

	for (size_t i = 0; response != NULL && i < a->cells[cell].load_count; i++) {
		if (a->cells[cell].loads[i] == load && response->at[i].measured)
			r = &response->at[i];
	}
	if (metric == METRIC_FAILED)
		return (struct stats_estimate){.point = failed, .lo = failed, .hi = failed};
	*lack = load == 0   ? "has too few timed calls"
		: r == NULL ? "was not measured"
		: !r->kept  ? "does not keep up"
			    : "has too few response times";
	if (load == 0 ? l == NULL : r == NULL || !r->kept)
		return (struct stats_estimate){.point = NAN, .lo = -INFINITY, .hi = INFINITY};

	const struct analysis_percentile *at = load == 0 ? l->at : r->at;

	if (metric == METRIC_MAX)
		return (struct stats_estimate){.point = load == 0 ? l->longest_ns : r->longest_ns,
			.lo = -INFINITY,
			.hi = INFINITY};
	if (metric == METRIC_P99_P50)
		return metric_factor(stats_difference(metric_logarithm(percentile(at, LATENCY_P99)),
			metric_logarithm(percentile(at, LATENCY_P50))));
	return percentile(at, place[metric]);
}
