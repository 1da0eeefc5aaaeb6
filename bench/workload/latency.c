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

void latency_whole_add(struct latency_whole *self, const struct latency_whole *other)
{
	self->window_ns += other->window_ns;
	self->waited_ns += other->waited_ns;
	self->own += other->own;
	self->own_sum += other->own_sum;
	self->pairs += other->pairs;
	self->pairs_sum += other->pairs_sum;
	self->pairs_ns += other->pairs_ns;
}

double latency_balance(const struct latency_whole *self, uint64_t calls, uint64_t sum)
{
	const double pairs = (double)self->pairs, own = (double)self->own, n = (double)calls;
	const double read_ns = (double)self->pairs_sum / HISTOGRAM_NS / pairs;
	const double took_ns = (double)self->pairs_ns / pairs;
	const double left_ns = (double)self->window_ns - (double)self->waited_ns -
			       (n + own) * took_ns -
			       ((double)self->own_sum / HISTOGRAM_NS - own * read_ns);

	return left_ns > 0 ? ((double)sum / HISTOGRAM_NS - n * read_ns) / left_ns : NAN;
}

void latency_forget_calls(struct latency *self)
{
	const struct latency_times age = self->of[LATENCY_AGE];

	self->units = self->calls = 0;
	self->whole = (struct latency_whole){0};
	memset(self->of, 0, sizeof(self->of));
	self->of[LATENCY_AGE] = age;
}

void latency_forget(struct latency *self)
{
	latency_forget_calls(self);
	self->marked = 0;
	memset(&self->of[LATENCY_AGE], 0, sizeof(self->of[LATENCY_AGE]));
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
