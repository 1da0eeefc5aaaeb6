/*
 * An analysis, second part too: what may be said of the effects, over all cells at once.
 *
 * A page makes hundreds of comparisons. With 95 % for each, some would be wrong on every page. So its
 * verdicts, of all rows against their cell's best and against the baseline, are made together, by
 * Holm's procedure: with 95 % none of them is wrong. The interval beside a verdict is for that row
 * alone, so it may clear the margin where the verdict does not. A cell's tie letters and ranks compare
 * each of its rows with each other, together too.
 */
#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <math.h>
#include <string.h>

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

/* Whether each of n ranked rows is known to be slower than each other, [i * n + j], by all pairs at once. */
static void compare_pairs(
	const struct analysis *a, size_t cell, const size_t *who, size_t n, bool *slower)
{
	const struct analysis_result *results = &a->results[cell * a->subject_count];
	const size_t forks = a->raws[cell].forks;
	const size_t pairs = n * (n - 1) / 2;
	AUTO_FREE struct stats_claim *claim = need(pairs, sizeof(*claim));
	AUTO_FREE bool *made = need(pairs, sizeof(*made));
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct stats_estimate e = stats_paired(
				results[who[i]].best_medians, results[who[j]].best_medians, forks);

			claim[k++] = stats_claim(
				&e, fmax(a->margin, analysis_floor(a, cell, who[i], who[j])), NAN);
		}
	}
	stats_holm(claim, pairs, STATS_ERROR, made);
	k = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++, k++) {
			slower[i * n + j] = made[k] && claim[k].verdict == STATS_SLOWER;
			slower[j * n + i] = made[k] && claim[k].verdict == STATS_FASTER;
		}
	}
}

/* Who is known to be how near to the fastest: best set, and undecided. who: the best first. */
static void find_best_set(
	struct analysis *a, size_t cell_at, const size_t *who, size_t n, const bool *slower)
{
	struct analysis_result *results = &a->results[cell_at * a->subject_count];
	const size_t forks = a->raws[cell_at].forks;
	AUTO_FREE double *medians = need(n * forks, sizeof(*medians));
	AUTO_FREE double *behind = need(n, sizeof(*behind));

	for (size_t i = 0; i < n; i++)
		memcpy(medians + i * forks, results[who[i]].best_medians, forks * sizeof(*medians));
	stats_behind(medians, n, forks, 0, log1p(ANALYSIS_KNOWN), behind);
	for (size_t i = 0; i < n; i++) {
		const bool known = behind[i] <= log1p(ANALYSIS_KNOWN) &&
				   results[who[i]].to_best.forks >= STATS_FORKS_MIN;
		const bool beaten = slower[i * n];

		results[who[i]].in_best_set = !beaten && known;
		results[who[i]].undecided = !beaten && !known;
		a->cells[cell_at].best_set += !beaten && known;
	}
}

/* Best set, ranks and tie letters of a cell, whose verdicts are there. */
static void rank_cell(struct analysis *a, size_t cell_at)
{
	struct analysis_cell *cell = &a->cells[cell_at];
	struct analysis_result *results = &a->results[cell_at * a->subject_count];
	AUTO_FREE size_t *who = need(a->subject_count, sizeof(*who));
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
	if (n == 0)
		return;

	AUTO_FREE bool *slower = need(n * n, sizeof(*slower)); /* [i * n + j]: i than j */

	compare_pairs(a, cell_at, who, n, slower);
	/* One word for the verdict and the letter: who is not beaten by the best is by nobody. */
	for (size_t i = 1; i < n; i++) {
		slower[i * n] = results[who[i]].best_verdict == STATS_SLOWER;
		for (size_t j = 1; j < n && !slower[i * n]; j++)
			slower[i * n + j] = false;
	}
	for (size_t j = 0; j < n; j++)
		slower[j] = false;
	find_best_set(a, cell_at, who, n, slower);

	bool *kept = analysis_keep(a, a->subject_count * a->subject_count, sizeof(*kept));

	cell->slower = kept;
	for (size_t i = 0; i < n; i++) {
		size_t ahead = 0, behind = 0;

		for (size_t j = 0; j < n; j++) {
			kept[who[i] * a->subject_count + who[j]] = slower[i * n + j];
			ahead += slower[i * n + j];
			behind += slower[j * n + i];
		}
		results[who[i]].rank_low = 1 + ahead;
		results[who[i]].rank_high = n - behind;
	}
	give_letters(results, who, n, slower);
}

/* The verdicts of all rows of all cells, against the best and against the baseline. */
static void judge(struct analysis *a)
{
	const size_t all = a->cell_count * a->subject_count;
	AUTO_FREE struct stats_claim *claim = need(2 * all, sizeof(*claim));
	AUTO_FREE bool *made = need(2 * all, sizeof(*made));

	for (size_t k = 0; k < all; k++) {
		const size_t c = k / a->subject_count, i = k % a->subject_count;
		const size_t best = a->cells[c].best, base = a->has_baseline ? a->baseline : i;
		const struct analysis_result *r = &a->results[k];

		claim[k] = stats_claim(i == best ? &STATS_UNKNOWN : &r->to_best, a->margin,
			analysis_floor(a, c, i, best));
		claim[all + k] = stats_claim(i == base ? &STATS_UNKNOWN : &r->to_base, a->margin,
			analysis_floor(a, c, i, base));
	}
	stats_holm(claim, 2 * all, STATS_ERROR, made);
	for (size_t k = 0; k < all; k++) {
		a->results[k].best_verdict = made[k] ? claim[k].verdict : STATS_INCONCLUSIVE;
		a->results[k].base_verdict =
			made[all + k] ? claim[all + k].verdict : STATS_INCONCLUSIVE;
	}
}

void analysis_rank(struct analysis *a)
{
	judge(a);
	for (size_t c = 0; c < a->cell_count; c++)
		rank_cell(a, c);
}
