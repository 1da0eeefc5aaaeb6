/* What may be said of an effect, given its interval. See stats.h. */
#include "bench/analysis/stats.h"

#include <math.h>
#include <stdbool.h>

double stats_floor(const struct stats_estimate *twin)
{
	if (!isfinite(twin->lo) || !isfinite(twin->hi))
		return NAN;
	return fmax(fabs(twin->point), (twin->hi - twin->lo) / 2);
}

enum stats_verdict stats_verdict(
	const struct stats_estimate *effect, double margin, double floor_log)
{
	const bool known = !isnan(floor_log);
	const double beyond = known ? fmax(margin, floor_log) : margin;

	if (isnan(effect->lo) || isnan(effect->hi))
		return STATS_INCONCLUSIVE;
	if (effect->lo > beyond)
		return STATS_SLOWER;
	if (effect->hi < -beyond)
		return STATS_FASTER;
	if (effect->lo > -margin && effect->hi < margin && known && floor_log <= margin)
		return STATS_EQUIVALENT;
	return STATS_INCONCLUSIVE;
}

const char *stats_verdict_name(enum stats_verdict verdict)
{
	static const char *const names[] = {
		[STATS_INCONCLUSIVE] = "inconclusive",
		[STATS_FASTER] = "faster",
		[STATS_SLOWER] = "slower",
		[STATS_EQUIVALENT] = "equivalent",
	};

	return names[verdict];
}

uint64_t stats_blocks_needed(
	const struct stats_estimate *effect, double margin, double floor_log, uint64_t blocks)
{
	if (stats_verdict(effect, margin, floor_log) != STATS_INCONCLUSIVE ||
		!isfinite(effect->lo) || !isfinite(effect->hi))
		return 0;

	const bool known = !isnan(floor_log);
	const double beyond = known ? fmax(margin, floor_log) : margin;
	const double distance = fabs(effect->point);
	const double half = (effect->hi - effect->lo) / 2;
	double room;

	if (distance > beyond)
		room = distance - beyond;
	else if (distance < margin && known && floor_log <= margin)
		room = margin - distance;
	else
		return 0;

	const double factor = half / room;

	/* Beyond this the estimate says only that the point lies next to a threshold. */
	static const double hopeless = 100;

	if (!(factor > 1) || factor * factor > hopeless)
		return 0;
	return (uint64_t)ceil((double)blocks * (factor * factor - 1));
}
