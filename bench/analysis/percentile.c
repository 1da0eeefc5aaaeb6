/*
 * A percentile of times that were merged over forks, and how sure it is.
 *
 * The interval is the wider, at either end, of two. The order statistics of all values say how well
 * so many tell the percentile (binomial). The order statistics of the forks' own percentiles say how
 * far it moves from fork to fork, as the sign test has it: without a normal distribution.
 */
#include "bench/analysis/steps.h"

#include <math.h>
#include <stdlib.h>

/* What a normal distribution has outside on either side in 2.5 % of the cases. */
static const double z_95 = 1.959964;
static const double tail_95 = 0.025;

/*
 * The range of n independent values covers their median with probability 1 - 2^(1-n): 97 % for six,
 * 94 % for five. With fewer forks there is no 95 % interval by order.
 */
enum { ANALYSIS_TAIL_FORKS = 6 };

/* Values below so many medians of the probe are the clock's more than the call's. */
static const double floor_probes = 2;

double analysis_at_share(const struct histogram *h, double share)
{
	const uint64_t count = histogram_count(h);

	return count == 0 ? NAN
			  : histogram_at_rank(h, count - (uint64_t)((1 - share) * (double)count));
}

/*
 * How many of n values, from either end, lie outside an interval that covers their median with
 * 95 %: 0 for six, the most extreme ones are its ends. n >= ANALYSIS_TAIL_FORKS.
 */
static size_t outside(size_t n)
{
	double chance = ldexp(1, -(int)n), sum = chance;
	size_t k = 0;

	for (; sum + chance * (double)(n - k) / (double)(k + 1) <= tail_95; k++) {
		chance *= (double)(n - k) / (double)(k + 1);
		sum += chance;
	}
	return k;
}

struct analysis_percentile analysis_percentile_of(const struct histogram *all,
	const struct histogram *fork, size_t forks, double share, double probe_ns, double *scratch)
{
	struct analysis_percentile p = {latency_percentile(all, share), -INFINITY, INFINITY, false};
	const double count = (double)histogram_count(all);
	const double spread = z_95 * sqrt(count * share * (1 - share));

	p.below = p.ns < floor_probes * probe_ns;
	if (isnan(p.ns) || forks < ANALYSIS_TAIL_FORKS)
		return p;
	for (size_t f = 0; f < forks; f++) {
		scratch[f] = analysis_at_share(&fork[f], share);
		if (isnan(scratch[f]))
			return p; /* a fork without a call */
	}
	qsort(scratch, forks, sizeof(*scratch), stats_ascending);

	const size_t k = outside(forks);

	p.lo = fmin(fmin(p.ns, scratch[k]),
		histogram_at_rank(all, (uint64_t)fmax(1, count * share - spread)));
	p.hi = fmax(fmax(p.ns, scratch[forks - 1 - k]),
		histogram_at_rank(all, (uint64_t)fmin(count, ceil(count * share + spread) + 1)));
	return p;
}
