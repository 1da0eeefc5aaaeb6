/*
 * Targets: what is wanted of the designs, as ratios between rows, and what stores say of it.
 *
 * A target is a section of an INI file. bench/command/ratios.ini has all keys, results/targets.ini this
 * project's own targets.
 *
 * The estimates. Both sides in one cell: the series of log-ratios (or differences in ns) within
 * blocks, and its estimate from forks, digit for digit what the reports print (stats.h). Sides in
 * different cells share no block. So each is estimated by itself and they are subtracted; what the machine did between the two cells is in the interval only
 * as far as it did it between the forks of each.
 *
 * The choice. Where a side is the best of several, the row is named, and the figure is that row's.
 * The best of a sample looks a little better than it is, since it was chosen for that. So its
 * interval is widened until it would hold whichever row had been chosen (stats_chosen).
 *
 * Times of calls, and response times. The side's figure is the least of its rows; it lies between
 * the least of their low ends and the least of their high ends.
 */
#ifndef BENCH_ANALYSIS_RATIO_H
#define BENCH_ANALYSIS_RATIO_H

#include "bench/analysis/metric.h"
#include "bench/base/inifile.h"

enum { RATIO_TEXT_BYTES = INIFILE_LINE_BYTES, RATIO_WHY_BYTES = INIFILE_SENTENCE_BYTES };

struct ratio_target {
	char heading[RATIO_TEXT_BYTES], title[RATIO_TEXT_BYTES]; /* what it stands under; "" */
	char rows[2][RATIO_TEXT_BYTES]; /* of each side: names, as ratio_name takes them */
	char cell[2][RATIO_TEXT_BYTES]; /* labels, in which "4N threads" are four a CPU */
	char sign;                      /* '/', '-'; 0: the first side is all there is */
	enum metric measure;            /* METRIC_FAILED: of the worst row */
	uint32_t load; /* per cent: times are response times at that load; 0: of calls */
	char want[RATIO_TEXT_BYTES]; /* "<= 20 ns", ">= 1.3"; "": nothing is wanted */
	double wanted;               /* its number */
	bool same;                   /* the second side is the first one's row in another cell */
	uint32_t given;              /* a bit a key */
};

/* Whether its figure is in ns. */
bool ratio_is_in_ns(const struct ratio_target *target);

/* Takes the first name out of *list, which becomes NULL behind the last; false if it was NULL. */
bool ratio_name(const char **list, char name[RATIO_TEXT_BYTES]);

/* What was measured: names that neither it nor this build knows are mistakes. */
struct ratio_stores {
	size_t count;                 /* at least 1 */
	struct analysis *const *item; /* from analysis_read_raw */
};

/*
 * Reads the targets of a file. 0 and *targets, which the caller frees, *count of them; or -EINVAL for a
 * mistake in it, or another negative errno, with a sentence in why (RATIO_WHY_BYTES) that begins with
 * the path.
 */
int ratio_read(const char *path, const struct ratio_stores *stores, struct ratio_target **targets,
	size_t *count, char *why);

enum ratio_verdict {
	RATIO_MET,       /* the whole interval lies within the bound */
	RATIO_MISSED,    /* the whole interval lies outside it */
	RATIO_UNDECIDED, /* it lies on both sides, or there is none: too few blocks */
	RATIO_SHOWN,     /* nothing was wanted */
	RATIO_ABSENT,    /* the stores do not have it */
	/* Not met, but the divisor's calls are of less than two probes (percentile.c): no less can be shown. */
	RATIO_AT_FLOOR,
};

struct ratio_result {
	enum ratio_verdict verdict;
	char why[RATIO_WHY_BYTES];      /* of an absent one: a sentence */
	char rows[2][RATIO_TEXT_BYTES]; /* "mag_tls", "tcmalloc, best of 6" */
	const char *cell[2];            /* labels; equal for one cell, the second NULL if alone */
	double value[2];                /* in the measure's unit; NAN for none */
	/* A logarithm if a side is divided, else in the value's unit; of a count the point alone. */
	struct stats_estimate estimate;
	bool all_used; /* too few clean pairs were left, so the flagged ones were used as well */
};

/* Works target out from the first store that has all its rows. */
void ratio_evaluate(const struct ratio_target *target, const struct ratio_stores *stores,
	struct ratio_result *result);

#endif
