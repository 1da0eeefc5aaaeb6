/* An analysis, second part: effects of one cell. ranks.c says what comes of them. */
#include "bench/analysis/steps.h"

#include "alloc/machine/compiler.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <math.h>

bool analysis_pair(
	const struct analysis_raw *raw, size_t subject, const size_t *reference, double *out)
{
	const size_t x = subject * raw->blocks;
	const size_t y = reference == NULL ? x : *reference * raw->blocks;
	size_t all = 0, clean = 0;

	for (size_t b = 0; b < raw->blocks; b++) {
		out[b] = raw->log_ns[x + b] - (reference == NULL ? 0 : raw->log_ns[y + b]);
		all += isnan(out[b]) ? 0 : 1;
		clean += !isnan(out[b]) && !raw->flagged[x + b] && !raw->flagged[y + b];
	}
	if (all == clean)
		return false;
	if (!analysis_enough(clean, all))
		return true;
	for (size_t b = 0; b < raw->blocks; b++) {
		if (raw->flagged[x + b] || raw->flagged[y + b])
			out[b] = NAN;
	}
	return false;
}

/* Effects worked out together in one cell: kinds of series, each one row a subject. */
enum kind { KIND_NS, KIND_BEST, KIND_BASE, KIND_ORIGINAL, KIND_COUNT };

struct cell_work {
	const struct analysis_raw *raw;
	struct stats_design design;
	double *series;                   /* KIND_COUNT x subjects rows of blocks */
	const double **row;               /* the rows that hold anything */
	struct stats_estimate *estimates; /* as row */
	double *medians;                  /* of forks, as row */
	size_t *place;                    /* of a kind and subject in row; SIZE_MAX if none */
	size_t rows;
	double *scratch;
};

static void work_free(struct cell_work *w)
{
	void *const all[] = {w->series, w->row, w->estimates, w->medians, w->place, w->scratch};

	for (size_t i = 0; i < array_count(all); i++)
		free(all[i]);
}

static struct cell_work work_alloc(const struct analysis_raw *raw)
{
	const size_t rows = KIND_COUNT * raw->subjects;

	return (struct cell_work){.raw = raw,
		.design = {raw->forks, raw->start},
		.series = need((rows + 1) * raw->blocks, sizeof(double)),
		.row = need(rows, sizeof(double *)),
		.estimates = need(rows, sizeof(struct stats_estimate)),
		.medians = need(rows * raw->forks, sizeof(double)),
		.place = need(rows, sizeof(size_t)),
		.scratch = need(raw->blocks, sizeof(double))};
}

static bool add_series(struct cell_work *w, enum kind kind, size_t subject, const size_t *reference)
{
	const size_t at = (size_t)kind * w->raw->subjects + subject;
	double *out = w->series + at * w->raw->blocks;
	const bool all_used = analysis_pair(w->raw, subject, reference, out);

	w->place[at] = w->rows;
	w->row[w->rows++] = out;
	return all_used;
}

static struct stats_estimate estimate_of(const struct cell_work *w, enum kind kind, size_t subject)
{
	const size_t place = w->place[(size_t)kind * w->raw->subjects + subject];

	return place == SIZE_MAX ? STATS_UNKNOWN : w->estimates[place];
}

/* What the forks say of a series; NULL if there is none. */
static const double *medians_of(const struct cell_work *w, enum kind kind, size_t subject)
{
	const size_t place = w->place[(size_t)kind * w->raw->subjects + subject];

	return place == SIZE_MAX ? NULL : w->medians + place * w->design.forks;
}

/* A copy of them that lives as long as the analysis; NULL if there are none. */
static const double *keep_medians(struct analysis *a, const double *medians, size_t forks)
{
	return medians == NULL ? NULL
			       : memcpy(analysis_keep(a, forks, sizeof(*medians)), medians,
					 forks * sizeof(*medians));
}

bool analysis_competes(const struct analysis *a, size_t cell, size_t subject)
{
	const struct analysis_result *result = analysis_at(a, cell, subject);

	return analysis_in_contest(a, cell, subject) && result->state == ANALYSIS_MEASURED &&
	       result->failed == 0;
}

/*
 * The best is the one that is known to be fast: against the middle row of each fork, the upper end of
 * its interval is the lowest. The point alone would crown whoever was lucky, most easily a row with a
 * wide interval, and since all others are compared with the best, half a column would then be tied
 * with it. The middle row stands still where one row does not.
 */
static void find_best(struct analysis *a, size_t cell_at, const struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	const size_t forks = w->design.forks;
	AUTO_FREE size_t *who = need(a->subject_count, sizeof(*who));
	AUTO_FREE double *column = need(a->subject_count, sizeof(*column));
	AUTO_FREE double *scratch = need(a->subject_count, sizeof(*scratch));
	AUTO_FREE double *level = need(forks, sizeof(*level));
	struct stats_estimate least = STATS_UNKNOWN;
	size_t n = 0;

	for (size_t i = 0; i < a->subject_count; i++) {
		if (analysis_competes(a, cell_at, i) && !isnan(estimate_of(w, KIND_NS, i).point))
			who[n++] = i;
	}
	for (size_t f = 0; f < forks; f++) {
		for (size_t i = 0; i < n; i++)
			column[i] = medians_of(w, KIND_NS, who[i])[f];
		level[f] = stats_median_present(column, n, scratch);
	}
	for (size_t i = 0; i < n; i++) {
		const struct stats_estimate e =
			stats_paired(medians_of(w, KIND_NS, who[i]), level, forks);

		/* With too few forks all ends are infinite. */
		if (!cell->has_best || e.hi < least.hi ||
			(e.hi == least.hi && e.point < least.point)) {
			cell->has_best = true;
			cell->best = who[i];
			least = e;
		}
	}
}

/* The twins that ran beside their originals, and the floor that they set for each class of contention. */
static void find_floors(struct analysis *a, size_t cell_at, const struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_twin *twins = analysis_keep(a, a->subject_count, sizeof(*twins));
	double largest = NAN;

	for (size_t i = 0; i < a->subject_count; i++) {
		const struct stats_estimate e = estimate_of(w, KIND_ORIGINAL, i);
		const double floor = stats_floor(&e);
		double *of_class = &cell->floors[a->subjects[i].contention];

		if (a->subjects[i].role != ANALYSIS_TWIN || isnan(floor))
			continue;
		twins[cell->twin_count++] = (struct analysis_twin){i, e, floor};
		*of_class = fmax(*of_class, floor);
		largest = fmax(largest, floor);
	}
	cell->twins = twins;
	for (int class = 0; class < CONTENTION_CLASSES; class ++) {
		if (isnan(cell->floors[class]))
			cell->floors[class] = largest;
	}
}

/* Every series of the cell, those against the best if that is known, and what they say. */
static void estimate_all(struct analysis *a, size_t cell_at, struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *results = &a->results[cell_at * a->subject_count];
	const size_t n = a->subject_count;

	w->rows = 0;
	for (size_t i = 0; i < (size_t)KIND_COUNT * n; i++)
		w->place[i] = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		const struct analysis_subject *subject = &a->subjects[i];

		if (results[i].slices == 0)
			continue;
		results[i].all_used = add_series(w, KIND_NS, i, NULL);
		if (cell->has_best)
			results[i].all_used |= add_series(w, KIND_BEST, i, &cell->best);
		if (a->has_baseline && results[a->baseline].state == ANALYSIS_MEASURED)
			add_series(w, KIND_BASE, i, &a->baseline);
		if (subject->original != i && results[subject->original].slices > 0)
			add_series(w, KIND_ORIGINAL, i, &subject->original);
	}
	stats_estimates(&w->design, w->row, w->rows, w->estimates, w->medians);
}

void analysis_estimate(struct analysis *a, size_t cell_at, const struct analysis_raw *raw)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *results = &a->results[cell_at * a->subject_count];
	struct cell_work w = work_alloc(raw);

	estimate_all(a, cell_at, &w);
	find_best(a, cell_at, &w);
	if (cell->has_best)
		estimate_all(a, cell_at, &w);
	find_floors(a, cell_at, &w);
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_result *result = &results[i];
		const double to_best = analysis_floor(a, cell_at, i, cell->best);

		result->ns = estimate_of(&w, KIND_NS, i);
		result->to_best = estimate_of(&w, KIND_BEST, i);
		result->to_base = estimate_of(&w, KIND_BASE, i);
		result->to_original = estimate_of(&w, KIND_ORIGINAL, i);
		result->forks_needed = stats_forks_needed(&result->to_best, a->margin, to_best);
		result->best_medians =
			keep_medians(a, medians_of(&w, KIND_BEST, i), w.design.forks);
		result->mann_whitney = NAN;
		if (cell->has_best && i != cell->best)
			result->mann_whitney = stats_mann_whitney(raw->log_ns + i * raw->blocks,
				raw->blocks, raw->log_ns + cell->best * raw->blocks, raw->blocks);
		result->jain =
			stats_median_present(raw->jain + i * raw->blocks, raw->blocks, w.scratch);
		result->slowest_share = stats_median_present(
			raw->slowest + i * raw->blocks, raw->blocks, w.scratch);
	}
	work_free(&w);
}
