/* Medians of forks, and how they move. See drift.h. */
#include "bench/analysis/drift.h"

#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <math.h>

/* The median of a fork of a row; NAN if it has no slice there. values: room for all blocks. */
static double fork_median(
	const struct analysis_raw *raw, size_t subject, size_t fork, double *values)
{
	size_t n = 0;

	for (size_t b = raw->start[fork]; b < raw->start[fork + 1]; b++) {
		if (!isnan(raw->log_ns[subject * raw->blocks + b]))
			values[n++] = raw->log_ns[subject * raw->blocks + b];
	}
	return n > 0 ? stats_median(values, n) : NAN;
}

/* room: for a number a block, and two a subject and fork. Rows that lack a fork are left out. */
static struct drift drift_of(const struct analysis_raw *raw, double *room)
{
	double *values = room, *row = values + raw->blocks;
	double *rows = row + raw->forks, *column = rows + raw->subjects * raw->forks;
	double fastest = INFINITY, slowest = -INFINITY;
	size_t whole = 0;

	for (size_t s = 0; s < raw->subjects; s++) {
		double sum = 0;

		for (size_t f = 0; f < raw->forks; f++)
			sum += row[f] = fork_median(raw, s, f, values);
		for (size_t f = 0; f < raw->forks && !isnan(sum); f++)
			rows[whole * raw->forks + f] = row[f] - sum / (double)raw->forks;
		whole += isnan(sum) ? 0 : 1;
	}
	if (whole == 0 || raw->forks < 2)
		return (struct drift){NAN, NAN};
	for (size_t f = 0; f < raw->forks; f++) {
		for (size_t w = 0; w < whole; w++)
			column[w] = rows[w * raw->forks + f];
		const double all = stats_median(column, whole);

		for (size_t w = 0; w < whole; w++)
			rows[w * raw->forks + f] = fabs(rows[w * raw->forks + f] - all);
		fastest = fmin(fastest, all);
		slowest = fmax(slowest, all);
	}
	return (struct drift){slowest - fastest, stats_median(rows, whole * raw->forks)};
}

struct drift drift_worst(const struct analysis *analysis, size_t *cell)
{
	struct drift worst = {NAN, NAN};

	for (size_t c = 0; c < analysis->cell_count; c++) {
		const struct analysis_raw *raw = &analysis->raws[c];
		AUTO_FREE double *room = need(
			raw->blocks + raw->forks + raw->subjects * (raw->forks + 1), sizeof(*room));
		const struct drift drift = drift_of(raw, room);

		if (drift.together > worst.together || isnan(worst.together)) {
			worst = drift;
			*cell = c;
		}
	}
	return worst;
}
