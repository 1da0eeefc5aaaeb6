/* An analysis, second part: effects, verdicts, ranks and ties of one cell. */
#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <math.h>

/* The median of what is there; NAN if nothing is. scratch has room for n. */
static double median_present(const double *values, size_t n, double *scratch)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isnan(values[i]))
			scratch[count++] = values[i];
	}
	return count == 0 ? NAN : stats_median(scratch, count);
}

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
	size_t *place;                    /* of a kind and subject in row; SIZE_MAX if none */
	size_t rows;
	double *replicates;
	double *scratch;
	double *behind; /* of a subject: how far behind the fastest it may be; NAN: not ranked */
};

static void work_free(struct cell_work *w)
{
	void *const all[] = {
		w->series, w->row, w->estimates, w->place, w->replicates, w->scratch, w->behind};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
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
		.place = need(rows, sizeof(size_t)),
		.scratch = need(raw->blocks, sizeof(double)),
		.behind = need(rows, sizeof(double))};
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

	return place == SIZE_MAX ? (struct stats_estimate){NAN, NAN, NAN} : w->estimates[place];
}

bool analysis_competes(const struct analysis *a, size_t cell, size_t subject)
{
	const struct analysis_result *result = analysis_at(a, cell, subject);

	return a->subjects[subject].role == ANALYSIS_CONTESTANT &&
	       result->state == ANALYSIS_MEASURED && result->failed == 0;
}

/*
 * Whom to compare all others with at first: the contestant whose worst defeat, over the paired
 * comparisons with all others, is the smallest. Usually it has none; where flagged slices leave each
 * pair other blocks, "ahead of" need not be transitive, and a winner by single comparisons could
 * depend on their order.
 */
static void find_reference(struct analysis *a, size_t cell_at, struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	const size_t n = a->subject_count;
	const double *row = w->series;
	double least = INFINITY;

	for (size_t i = 0; i < n; i++) {
		double worst = 0;

		if (!analysis_competes(a, cell_at, i))
			continue;
		for (size_t j = 0; j < n; j++) {
			struct stats_estimate e;

			if (j == i || !analysis_competes(a, cell_at, j))
				continue;
			analysis_pair(w->raw, i, &j, w->series);
			stats_bootstrap(&w->design, &row, 1, 0, 0, &e, NULL);
			if (e.point > worst)
				worst = e.point;
		}
		if (worst < least) {
			least = worst;
			cell->best = i;
			cell->has_best = true;
		}
	}
}

/* The replicates of the n subjects' effects against the best, row by subject. */
static double *replicates_of(const struct cell_work *w, const size_t *who, size_t n)
{
	double *rows = need(n * STATS_ROUNDS, sizeof(*rows));

	for (size_t i = 0; i < n; i++)
		memcpy(rows + i * STATS_ROUNDS,
			w->replicates +
				w->place[KIND_BEST * w->raw->subjects + who[i]] * STATS_ROUNDS,
			STATS_ROUNDS * sizeof(*rows));
	return rows;
}

/*
 * How far behind the fastest each contestant may be, from the replicates of the effects against the
 * reference; and the best is the one that may be behind the least. The point alone would crown
 * whoever was lucky, most easily a row with a wide interval, and since all others are compared with
 * the best, half a column would then be tied with it.
 */
static void find_best(struct analysis *a, size_t cell_at, struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	AUTO_FREE size_t *who = need(a->subject_count, sizeof(*who));
	AUTO_FREE double *behind = need(a->subject_count, sizeof(*behind));
	size_t n = 0;

	for (size_t i = 0; i < a->subject_count; i++) {
		w->behind[i] = NAN;
		if (analysis_competes(a, cell_at, i) && !isnan(estimate_of(w, KIND_BEST, i).point))
			who[n++] = i;
	}

	AUTO_FREE double *replicates = replicates_of(w, who, n);

	if (n > 0)
		stats_behind(replicates, n, STATS_ROUNDS, behind);
	for (size_t i = 0; i < n; i++) {
		w->behind[who[i]] = behind[i];
		if (behind[i] < w->behind[cell->best] || isnan(w->behind[cell->best]))
			cell->best = who[i];
	}
}

/* A tie group is led by its fastest; one that another contains is left out. who: the fastest first. */
static void give_letters(
	struct analysis_result *results, const size_t *who, size_t n, const bool *slower)
{
	size_t groups = 0, previous = SIZE_MAX;

	for (size_t lead = 0; lead < n; lead++) {
		bool news = previous == SIZE_MAX;

		for (size_t i = lead; i < n && !news; i++)
			news = !slower[i * n + lead] && slower[i * n + previous];
		if (!news)
			continue;

		const char letter = groups < 26   ? (char)('a' + groups)
				    : groups < 52 ? (char)('A' + groups - 26)
						  : '*';

		for (size_t i = lead; i < n; i++) {
			char *letters = results[who[i]].letters;
			const size_t length = strlen(letters);

			if (!slower[i * n + lead] && length + 1 < ANALYSIS_LETTERS_MAX &&
				(length == 0 || letters[length - 1] != letter))
				letters[length] = letter;
		}
		groups++;
		previous = lead;
	}
}

/* What one row must be behind another by, so as to be called slower. */
static double threshold(const struct analysis *a, size_t cell, size_t subject, size_t other)
{
	return fmax(a->margin, analysis_floor(a, cell, subject, other));
}

/* Best set, ranks and tie letters of a cell from the replicates of the effects against the best. */
static void rank_cell(struct analysis *a, size_t cell_at, const struct cell_work *w)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *results = &a->results[cell_at * a->subject_count];
	const size_t room = a->subject_count;
	AUTO_FREE size_t *who = need(room, sizeof(*who));
	AUTO_FREE struct stats_estimate *e = need(room, sizeof(*e));
	AUTO_FREE double *scale = need(room * room, sizeof(*scale));
	AUTO_FREE bool *slower = need(room * room, sizeof(*slower)); /* [i * n + j]: i than j */
	size_t n = 0;

	/* Best first, then by effect: insertion, since n is a handful. */
	for (size_t i = 0; i < a->subject_count; i++) {
		if (!analysis_competes(a, cell_at, i) || isnan(results[i].to_best.point))
			continue;

		size_t j = n++;

		for (; j > 0 && who[j - 1] != cell->best &&
			(i == cell->best ||
				results[i].to_best.point < results[who[j - 1]].to_best.point);
			j--)
			who[j] = who[j - 1];
		who[j] = i;
	}
	for (size_t i = 0; i < n; i++)
		e[i] = estimate_of(w, KIND_BEST, who[i]);

	AUTO_FREE double *replicates = replicates_of(w, who, n);
	const double all_pairs = stats_simultaneous(e, replicates, n, STATS_ROUNDS, 1, 0, scale);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			slower[i * n + j] = i != j && isfinite(e[i].lo) && isfinite(e[j].lo) &&
					    e[i].point - e[j].point - all_pairs * scale[i * n + j] >
						    threshold(a, cell_at, who[i], who[j]);
	}

	/* Against the best alone fewer comparisons are made at once, so the bounds are tighter. */
	const double to_best = stats_simultaneous(e, replicates, n, STATS_ROUNDS, 0, 0, scale);

	for (size_t i = 0; i < n; i++) {
		const bool beaten =
			i > 0 && isfinite(e[i].lo) &&
			e[i].point - to_best * scale[i * n] > threshold(a, cell_at, who[i], who[0]);

		for (size_t j = 0; j < n && !beaten; j++)
			slower[i * n + j] = false;
		if (i > 0)
			slower[i * n] = beaten;

		/* With too few pairs for an interval nothing is known, of the best neither. */
		const bool known = w->behind[who[i]] <= log1p(ANALYSIS_KNOWN) && isfinite(e[i].lo);

		/* One word for what the letter says: all pairs at once decide less than each alone. */
		if (beaten)
			results[who[i]].best_verdict = STATS_SLOWER;
		else if (results[who[i]].best_verdict == STATS_SLOWER)
			results[who[i]].best_verdict = STATS_INCONCLUSIVE;
		results[who[i]].in_best_set = !beaten && known;
		results[who[i]].undecided = !beaten && !known;
		cell->best_set += !beaten && known;
	}
	for (size_t i = 0; i < n; i++) {
		size_t ahead = 0, behind = 0;

		for (size_t j = 0; j < n; j++) {
			ahead += slower[i * n + j];
			behind += slower[j * n + i];
		}
		results[who[i]].rank_low = 1 + ahead;
		results[who[i]].rank_high = n - behind;
	}

	give_letters(results, who, n, slower);
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

/* Every series of the cell, those against the best by the one that it has now, and what they say. */
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
	free(w->replicates);
	w->replicates = need(w->rows * STATS_ROUNDS, sizeof(*w->replicates));
	stats_bootstrap(&w->design, w->row, w->rows, STATS_ROUNDS, a->seed + (uint64_t)cell->id,
		w->estimates, w->replicates);
}

void analysis_estimate(struct analysis *a, size_t cell_at, const struct analysis_raw *raw)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *results = &a->results[cell_at * a->subject_count];
	struct cell_work w = work_alloc(raw);

	find_reference(a, cell_at, &w);

	const size_t reference = cell->best;

	estimate_all(a, cell_at, &w);
	if (cell->has_best)
		find_best(a, cell_at, &w);
	if (cell->best != reference)
		estimate_all(a, cell_at, &w);
	find_floors(a, cell_at, &w);
	for (size_t i = 0; i < a->subject_count; i++) {
		struct analysis_result *result = &results[i];
		const double to_best = analysis_floor(a, cell_at, i, cell->best);
		const double to_base =
			analysis_floor(a, cell_at, i, a->has_baseline ? a->baseline : i);

		result->ns = estimate_of(&w, KIND_NS, i);
		result->to_best = estimate_of(&w, KIND_BEST, i);
		result->to_base = estimate_of(&w, KIND_BASE, i);
		result->to_original = estimate_of(&w, KIND_ORIGINAL, i);
		result->best_verdict = stats_verdict(&result->to_best, a->margin, to_best);
		result->base_verdict = stats_verdict(&result->to_base, a->margin, to_base);
		result->blocks_needed =
			stats_blocks_needed(&result->to_best, a->margin, to_best, cell->blocks);
		result->mann_whitney = NAN;
		if (cell->has_best && i != cell->best)
			result->mann_whitney = stats_mann_whitney(raw->log_ns + i * raw->blocks,
				raw->blocks, raw->log_ns + cell->best * raw->blocks, raw->blocks);
		result->jain = median_present(raw->jain + i * raw->blocks, raw->blocks, w.scratch);
		result->slowest_share =
			median_present(raw->slowest + i * raw->blocks, raw->blocks, w.scratch);
	}
	rank_cell(a, cell_at, &w);
	work_free(&w);
}
