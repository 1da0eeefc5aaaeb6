/* See arrivals.h. */
#include "bench/engine/arrivals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char arrivals_known[] = "paced, poisson, burst:N (2 to 4096) or onoff";

bool arrivals_parse(const char *name, struct arrivals *out)
{
	static const char burst[] = "burst:";
	char *end;

	*out = (struct arrivals){.burst = 1};
	if (strncmp(name, burst, strlen(burst)) == 0) {
		const char *digits = name + strlen(burst);
		unsigned long n = strtoul(digits, &end, 10);

		out->burst = (uint32_t)n;
		return *digits >= '1' && *digits <= '9' && *end == '\0' && n >= 2 &&
		       n <= ARRIVALS_BURST_MAX;
	}
	out->pauses = strcmp(name, "onoff") == 0;
	out->random = out->pauses || strcmp(name, "poisson") == 0;
	return out->random || strcmp(name, "paced") == 0;
}

bool arrivals_choose(
	const char **name, size_t loads, struct arrivals *out, char why[ARRIVALS_WHY_BYTES])
{
	if (*name != NULL && loads == 0) {
		snprintf(why, ARRIVALS_WHY_BYTES,
			"--arrivals says how work arrives in an open loop, which --load asks for");
		return false;
	}
	if (*name == NULL)
		*name = ARRIVALS_DEFAULT;
	if (arrivals_parse(*name, out))
		return true;
	snprintf(why, ARRIVALS_WHY_BYTES, "--arrivals is '%.60s'; it must be %s", *name,
		arrivals_known);
	return false;
}

/* Quantiles in the middle of equal shares, scaled so that their mean is one. */
static void draw_exponential(uint32_t *quantile)
{
	double sum = 0;

	for (int i = 0; i < ARRIVALS_QUANTILES; i++)
		sum -= log((i + 0.5) / ARRIVALS_QUANTILES);
	for (int i = 0; i < ARRIVALS_QUANTILES; i++)
		quantile[i] = (uint32_t)lround(-log((i + 0.5) / ARRIVALS_QUANTILES) * ARRIVALS_ONE *
					       ARRIVALS_QUANTILES / sum);
}

void arrivals_start(struct arrivals_source *self, const struct arrivals *arrivals,
	double mean_ticks, uint64_t seed)
{
	const double mean = mean_ticks * ARRIVALS_FRACTION;
	double distance = mean, pause = 0;

	self->run = ARRIVALS_RUN;
	if (arrivals->pauses) {
		distance = mean / 2;
		pause = mean / 2 * ARRIVALS_RUN;
	} else if (arrivals->burst > 1) {
		self->run = arrivals->burst;
		distance = 0;
		pause = mean * arrivals->burst;
	}
	self->at = 0;
	self->distance = (uint64_t)llround(distance);
	self->pause = (uint64_t)llround(pause);
	self->left = self->run;
	self->random = seed;
	if (arrivals->random)
		draw_exponential(self->quantile);
	else
		for (int i = 0; i < ARRIVALS_QUANTILES; i++)
			self->quantile[i] = ARRIVALS_ONE;
}
