/* What is made of the times of calls; see latency.h. */
#include "bench/workload/latency.h"

#include <math.h>
#include <string.h>

const double latency_percentiles[LATENCY_PERCENTILES] = {0.5, 0.9, 0.99, 0.999, 0.9999};

static const char *const names[LATENCY_HISTOGRAMS] = {
	[LATENCY_FAST] = "fast",
	[LATENCY_FLUSH] = "flush",
	[LATENCY_REFILL] = "refill",
	[LATENCY_STEAL] = "steal",
	[LATENCY_GROW] = "grow",
	[LATENCY_WAIT] = "wait",
	[LATENCY_EMPTY] = "empty",
	[LATENCY_PROBE] = "probe",
	[LATENCY_AGE] = "age",
};

const char *latency_class_name(enum latency_class which)
{
	return names[which];
}

bool latency_class_find(const char *name, enum latency_class *out)
{
	for (int i = 0; i < LATENCY_HISTOGRAMS; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum latency_class)i;
			return true;
		}
	}
	return false;
}

void latency_add(struct latency_times *self, const struct latency_times *other)
{
	self->sum += other->sum;
	self->longest = other->longest > self->longest ? other->longest : self->longest;
	histogram_add(&self->histogram, &other->histogram);
}

void latency_forget(struct latency *self)
{
	self->units = self->marked = 0;
	memset(self->of, 0, sizeof(self->of));
}

double latency_mean_ns(const struct latency_times *self)
{
	const uint64_t count = histogram_count(&self->histogram);

	return count > 0 ? (double)self->sum / HISTOGRAM_NS / (double)count : NAN;
}

double latency_percentile(const struct histogram *self, double share)
{
	const uint64_t count = histogram_count(self);
	/* 1 - share is off by a rounding, for which a whole number must not become the one below. */
	const uint64_t beyond = (uint64_t)((1 - share) * (double)count * (1 + 1e-9));

	if (beyond < LATENCY_EVIDENCE)
		return NAN;
	return histogram_at_rank(self, count - beyond);
}
