/* See trials.h. */
#include "bench/command/trials.h"

#include "bench/analysis/analysis.h"
#include "bench/analysis/stats.h"
#include "bench/base/splitmix.h"

#include <math.h>

enum { ALL_BLOCKS_MAX = TRIALS_FORKS_MAX * TRIALS_BLOCKS_MAX };

/* The estimate of a trial, as that of a row against another is made in a cell. */
static struct stats_estimate judge(
	const struct trials_block *blocks, unsigned forks, unsigned of_a_fork)
{
	const size_t n = (size_t)forks * of_a_fork;
	double log_ns[2 * ALL_BLOCKS_MAX], series[ALL_BLOCKS_MAX];
	bool flagged[2 * ALL_BLOCKS_MAX];
	size_t start[TRIALS_FORKS_MAX + 1];
	const struct analysis_raw raw = {.blocks = n,
		.forks = forks,
		.subjects = 2,
		.start = start,
		.log_ns = log_ns,
		.flagged = flagged};
	const struct stats_design design = {forks, start};
	const double *const row = series;
	const size_t first = 0;
	struct stats_estimate estimate;

	for (size_t f = 0; f <= forks; f++)
		start[f] = f * of_a_fork;
	for (size_t side = 0; side < 2; side++) {
		for (size_t b = 0; b < n; b++) {
			log_ns[side * n + b] = blocks[b].log_ns[side];
			flagged[side * n + b] = blocks[b].flagged[side];
		}
	}
	analysis_pair(&raw, 1, &first, series);
	stats_estimates(&design, &row, 1, &estimate, NULL);
	return estimate;
}

bool trials_run(trials_measure measure, void *source, unsigned forks, unsigned blocks,
	uint64_t seed, struct trials_tally *out)
{
	const unsigned n = forks * blocks;
	double points[TRIALS], widths[TRIALS];

	*out = (struct trials_tally){0};
	for (unsigned trial = 0; trial < TRIALS; trial++) {
		struct trials_block block[ALL_BLOCKS_MAX];

		for (unsigned f = 0; f < forks; f++) {
			seed = splitmix(seed + SPLITMIX_STEP);
			if (!measure(source, seed, block + f * blocks, blocks))
				return false;
		}
		for (unsigned b = 0; b < n; b++)
			out->flagged += block[b].flagged[0] || block[b].flagged[1];

		const struct stats_estimate e = judge(block, forks, blocks);
		const enum stats_verdict verdict = stats_verdict(&e, log1p(STATS_MARGIN), NAN);

		out->silent += !isfinite(e.lo) || !isfinite(e.hi);
		out->above += e.lo > 0;
		out->below += e.hi < 0;
		out->slower += verdict == STATS_SLOWER;
		out->faster += verdict == STATS_FASTER;
		points[trial] = e.point;
		widths[trial] = (e.hi - e.lo) / 2;
	}
	out->flagged /= (double)TRIALS * n;
	out->ratio = exp(stats_median(points, TRIALS));
	out->half_width = expm1(stats_median(widths, TRIALS));
	return true;
}

bool trials_are_sound(const struct trials_tally *tally)
{
	return tally->slower + tally->faster + tally->silent <= TRIALS_FALSE_MAX;
}

bool trials_find(const struct trials_tally *tally)
{
	return tally->above >= TRIALS_FOUND_MIN;
}
