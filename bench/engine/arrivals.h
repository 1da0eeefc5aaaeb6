/*
 * When work arrives in an open loop: at moments of its own, however long the work before it takes.
 *
 *	paced     at even distances
 *	poisson   at random ones: as from many sources that know nothing of each other
 *	burst:N   N at once, at even distances
 *	onoff     ARRIVALS_RUN at twice the rate, at random distances; then a silence as long
 *
 * All four have the same mean distance for the same rate. A random distance is drawn from
 * ARRIVALS_QUANTILES quantiles of the exponential distribution: a draw by its logarithm would take
 * longer than many a call that is to be timed.
 */
#ifndef BENCH_ENGINE_ARRIVALS_H
#define BENCH_ENGINE_ARRIVALS_H

#include "alloc/machine/compiler.h"
#include "bench/base/splitmix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ARRIVALS_QUANTILES = 1024, /* a power of two */
	ARRIVALS_FRACTION = 256,   /* moments are told in such parts of a tick */
	ARRIVALS_ONE = 1 << 16,    /* a distance of one mean */
	ARRIVALS_RUN = 256,
	ARRIVALS_BURST_MAX = 4096,
	ARRIVALS_NAME_BYTES = 16,
};

/* "paced, poisson, burst:N (2..4096) or onoff": what arrivals_parse takes. */
extern const char arrivals_known[];

/* How work arrives, as a name says. */
struct arrivals {
	uint32_t burst; /* so many at once; 1: singly */
	bool random;    /* their distances */
	bool pauses;    /* after each run */
};

/* False: the name is none of those above. */
bool arrivals_parse(const char *name, struct arrivals *out);

#define ARRIVALS_DEFAULT "poisson"

/*
 * What a user asked for with --arrivals, NULL: nothing, beside so many loads. True: *name stands, the
 * default if it was NULL, and *out is it; false: a sentence without its full stop in why.
 */
enum { ARRIVALS_WHY_BYTES = 160 };
bool arrivals_choose(
	const char **name, size_t loads, struct arrivals *out, char why[ARRIVALS_WHY_BYTES]);

/* The moments of one source, one after the other. */
struct arrivals_source {
	uint64_t at;       /* the next arrival, in parts of a tick since the start */
	uint64_t distance; /* mean of those within a run */
	uint64_t pause;    /* before the next run */
	uint32_t run;      /* arrivals of one */
	uint32_t left;     /* of this one */
	uint64_t random;   /* SplitMix64's state */
	uint32_t quantile[ARRIVALS_QUANTILES];
};

/* mean_ticks: between arrivals; 0: all are there at once, from the start on. */
void arrivals_start(struct arrivals_source *self, const struct arrivals *arrivals,
	double mean_ticks, uint64_t seed);

/* Goes on to the next arrival. */
ALWAYS_INLINE void arrivals_next(struct arrivals_source *self)
{
	self->random += SPLITMIX_STEP;
	self->at += self->distance * self->quantile[splitmix(self->random) % ARRIVALS_QUANTILES] /
		    ARRIVALS_ONE;
	if (--self->left == 0) {
		self->left = self->run;
		self->at += self->pause;
	}
}

#endif
