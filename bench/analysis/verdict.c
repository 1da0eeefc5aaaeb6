/* What may be said of an effect. See stats.h. */
#include "bench/analysis/stats.h"

#include <math.h>

double stats_floor(const struct stats_estimate *twin)
{
	if (!isfinite(twin->lo) || !isfinite(twin->hi))
		return NAN;
	return fmax(fabs(twin->point), (twin->hi - twin->lo) / 2);
}

/* How far an effect is from where the claim would be wrong: a threshold, and 0 if there is no claim. */
static double room(const struct stats_estimate *effect, double margin, double floor_log,
	enum stats_verdict *verdict)
{
	const bool known = !isnan(floor_log);
	const double beyond = known ? fmax(margin, floor_log) : margin;
	const double distance = fabs(effect->point);

	*verdict = STATS_INCONCLUSIVE;
	if (distance > beyond) {
		*verdict = effect->point > 0 ? STATS_SLOWER : STATS_FASTER;
		return distance - beyond;
	}
	if (distance < margin && known && floor_log <= margin) {
		*verdict = STATS_EQUIVALENT;
		return margin - distance;
	}
	return 0;
}

struct stats_claim stats_claim(const struct stats_estimate *effect, double margin, double floor_log)
{
	struct stats_claim claim;
	const double t = room(effect, margin, floor_log, &claim.verdict) / effect->error;

	if (effect->forks < STATS_FORKS_MIN)
		return (struct stats_claim){STATS_INCONCLUSIVE, NAN};
	claim.chance =
		claim.verdict == STATS_INCONCLUSIVE ? 1 : 2 * stats_t_tail(t, effect->forks - 1);
	return claim;
}

enum stats_verdict stats_verdict(
	const struct stats_estimate *effect, double margin, double floor_log)
{
	const struct stats_claim claim = stats_claim(effect, margin, floor_log);

	return claim.chance <= STATS_ERROR ? claim.verdict : STATS_INCONCLUSIVE;
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

uint64_t stats_forks_needed(const struct stats_estimate *effect, double margin, double floor_log)
{
	enum stats_verdict verdict;
	const double left = room(effect, margin, floor_log, &verdict);
	const double factor = (effect->hi - effect->lo) / 2 / left;

	/* Beyond this the estimate says only that the point lies next to a threshold. */
	static const double hopeless = 100;

	if (verdict == STATS_INCONCLUSIVE || effect->forks < STATS_FORKS_MIN || !(factor > 1) ||
		factor * factor > hopeless)
		return 0;
	return (uint64_t)ceil((double)effect->forks * (factor * factor - 1));
}
