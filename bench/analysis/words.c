/* What an analysis comes to, in words: order, verdict, confidence, advice. See analysis.h. */
#include "bench/analysis/analysis.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

/* From this effect on "takes 2.3 times as long" reads better than "130 % longer". */
static const double twice = 0.6931;

/* True if a comes before b on page one. */
static bool comes_before(const struct analysis_subject *a, const struct analysis_subject *b)
{
	if ((a->measured == 0) != (b->measured == 0))
		return a->measured > 0;
	if (a->best != b->best)
		return a->best > b->best;
	if (isnan(a->median) || isnan(b->median))
		return isnan(b->median) && !isnan(a->median);
	return a->median < b->median;
}

bool analysis_unsure(const struct analysis *analysis, size_t cell, size_t subject)
{
	const struct analysis_result *result = analysis_at(analysis, cell, subject);

	return result->undecided ||
	       (result->rank_low > 0 && subject != analysis->cells[cell].best &&
		       result->best_verdict == STATS_INCONCLUSIVE);
}

size_t analysis_order(const struct analysis *analysis, size_t *order, size_t *contestants)
{
	size_t n = 0;

	for (size_t i = 0; i < analysis->subject_count; i++) {
		if (analysis->subjects[i].role != ANALYSIS_CONTESTANT ||
			analysis->subjects[i].apart)
			continue;

		size_t at = n++;

		for (; at > 0 &&
			comes_before(&analysis->subjects[i], &analysis->subjects[order[at - 1]]);
			at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	*contestants = n;
	for (size_t i = 0; i < analysis->subject_count; i++) {
		if (analysis->subjects[i].role != ANALYSIS_CONTESTANT &&
			!analysis->subjects[i].apart)
			order[n++] = i;
	}
	return n;
}

void analysis_load(const struct analysis_cell *cell, char *text)
{
	char threads[ANALYSIS_LETTERS_MAX];

	snprintf(text, ANALYSIS_SENTENCE_BYTES, "%s", cell->label);
	snprintf(threads, sizeof(threads), ", %" PRIu32 " thread%s", cell->threads,
		cell->threads == 1 ? "" : "s");

	char *at = strstr(text, threads);

	if (at != NULL)
		memmove(at, at + strlen(threads), strlen(at + strlen(threads)) + 1);
}

#define ADD(text, ...) append(text, ANALYSIS_SENTENCE_BYTES, __VA_ARGS__)

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static size_t decided_cells(const struct analysis *analysis)
{
	size_t n = 0;

	for (size_t c = 0; c < analysis->cell_count; c++)
		n += analysis->cells[c].has_best ? 1 : 0;
	return n;
}

static void append_loss(char *text, const struct analysis *analysis, double worst, size_t cell)
{
	const char *label = analysis->cells[cell].label;

	if (worst > twice)
		ADD(text, "it takes up to %s times as long as the best (%s)",
			number_ratio(worst).text, label);
	else
		ADD(text, "it takes up to %s longer than the best (%s)", number_percent(worst).text,
			label);
}

static void append_undecided(char *text, const struct analysis_subject *subject)
{
	if (subject->undecided > 0)
		ADD(text, ", undecided in %zu", subject->undecided);
}

/* "13 cells", or "the 15 cells it ran in", out of so many: the tables' tallies are of those too. */
static void append_measured(char *text, const struct analysis_subject *subject, size_t cells)
{
	if (subject->measured == cells)
		ADD(text, "%zu cell%s", cells, plural(cells));
	else
		ADD(text, "the %zu cell%s it ran in", subject->measured, plural(subject->measured));
}

void analysis_apart(const struct analysis *analysis, char *text)
{
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < analysis->subject_count; i++) {
		if (analysis->subjects[i].apart)
			ADD(text, "%s%s",
				n++ == 0 ? "Without a row, since no workload here is for them: "
					 : ", ",
				analysis->subjects[i].label);
	}
	if (n > 0)
		ADD(text, ".");
}

/* The first of the order, and the second. */
static void append_leaders(
	char *text, const struct analysis *analysis, const size_t *order, size_t n, size_t cells)
{
	const struct analysis_subject *first = &analysis->subjects[order[0]];

	ADD(text, "%s is best or tied for best in %zu of ", first->label, first->best);
	append_measured(text, first, cells);
	append_undecided(text, first);
	if (first->worst > analysis->margin) {
		ADD(text, "; ");
		append_loss(text, analysis, first->worst, first->worst_cell);
	} else if (first->measured == cells) {
		ADD(text, " and never more than %s behind",
			number_percent(fmax(first->worst, 0.001)).text);
	}
	ADD(text, ".");
	if (n > 1 && analysis->subjects[order[1]].measured > 0) {
		const struct analysis_subject *second = &analysis->subjects[order[1]];

		ADD(text, " Next is %s (%zu of ", second->label, second->best);
		append_measured(text, second, cells);
		append_undecided(text, second);
		ADD(text, ")");
		if (second->worst > analysis->margin) {
			ADD(text, ": ");
			append_loss(text, analysis, second->worst, second->worst_cell);
		}
		ADD(text, ".");
	}
}

void analysis_verdict(const struct analysis *analysis, char *text)
{
	const size_t cells = decided_cells(analysis);
	AUTO_FREE size_t *order = need(analysis->subject_count, sizeof(*order));
	size_t broken = 0, n = 0;

	*text = '\0';
	analysis_order(analysis, order, &n);
	if (n == 0 || cells == 0) {
		ADD(text, "Nothing can be said: no contestant has been measured.");
		return;
	}

	if (analysis->subjects[order[0]].best == 0)
		ADD(text,
			"Nothing is decided: in none of %zu cell%s is a strategy known to be "
			"the best, for want of blocks or of quiet.",
			cells, plural(cells));
	else
		append_leaders(text, analysis, order, n, cells);
	for (size_t i = 0; i < analysis->subject_count; i++) {
		const struct analysis_subject *subject = &analysis->subjects[i];

		if (subject->broken == 0)
			continue;
		ADD(text, "%s%s in %zu cell%s", broken++ == 0 ? " Broke down: " : ", ",
			subject->label, subject->broken, plural(subject->broken));
	}
	if (broken > 0)
		ADD(text, ".");
}

/* The floor that a class's own twins set in a cell; NAN without one. */
static double floor_of(const struct analysis *analysis, size_t cell_at, enum contention class)
{
	const struct analysis_cell *cell = &analysis->cells[cell_at];

	for (size_t i = 0; i < cell->twin_count; i++) {
		if (analysis->subjects[cell->twins[i].subject].contention == class)
			return cell->floors[class];
	}
	return NAN;
}

void analysis_floors(const struct analysis *analysis, size_t cell, char *text)
{
	*text = '\0';
	for (enum contention class = 0; class < CONTENTION_CLASSES; class ++) {
		const double floor = floor_of(analysis, cell, class);

		if (!isnan(floor))
			ADD(text, "%s%s %s", *text == '\0' ? "" : ", ", number_percent(floor).text,
				contention_name(class));
	}
}

/* The machine's own noise, as the twins of each class of contention tell it. False: none does. */
static bool append_noise(char *text, const struct analysis *analysis)
{
	AUTO_FREE double *floors = need(analysis->cell_count, sizeof(*floors));
	bool any = false;

	for (enum contention class = 0; class < CONTENTION_CLASSES; class ++) {
		double low = INFINITY, high = 0;
		size_t known = 0;

		for (size_t c = 0; c < analysis->cell_count; c++) {
			const double floor = floor_of(analysis, c, class);

			if (isnan(floor))
				continue;
			floors[known++] = floor;
			low = fmin(low, floor);
			high = fmax(high, floor);
		}
		if (known == 0)
			continue;
		ADD(text, "%s%s rows %s", any ? ", " : "The machine's own noise, by hidden twins: ",
			contention_name(class), number_percent(stats_median(floors, known)).text);
		ADD(text, " (%s", number_percent(low).text);
		ADD(text, " to %s)", number_percent(high).text);
		any = true;
	}
	return any;
}

/* Whether some slice of a twin is there, of use or not. */
static bool has_twin(const struct analysis *analysis)
{
	for (size_t i = 0; i < analysis->subject_count; i++) {
		for (size_t c = 0; c < analysis->cell_count; c++) {
			if (analysis->subjects[i].role == ANALYSIS_TWIN &&
				analysis_at(analysis, c, i)->slices > 0)
				return true;
		}
	}
	return false;
}

void analysis_confidence(const struct analysis *analysis, char *text)
{
	size_t forks_low = SIZE_MAX, forks_high = 0, slices = 0, started = 0;

	*text = '\0';
	for (size_t c = 0; c < analysis->cell_count; c++) {
		const struct analysis_cell *cell = &analysis->cells[c];

		if (cell->slices == 0)
			continue;
		started++;
		slices += cell->slices;
		forks_low = cell->forks < forks_low ? cell->forks : forks_low;
		forks_high = cell->forks > forks_high ? cell->forks : forks_high;
	}
	if (started == 0) {
		ADD(text, "No slice has been measured yet.");
		return;
	}
	ADD(text, "%zu slices in %zu of %zu cells, ", slices, started, analysis->cell_count);
	if (forks_low == forks_high)
		ADD(text, "%zu fork%s a cell. ", forks_high, plural(forks_high));
	else
		ADD(text, "%zu to %zu forks a cell. ", forks_low, forks_high);
	if (analysis->until > 0)
		ADD(text,
			"The plan has %" PRIu32 "; a cell took no more once its rows were known to "
			"%g %%. ",
			analysis->forks, analysis->until);
	if (analysis->preliminary)
		ADD(text,
			"Preliminary: fewer than %d forks don't tell how processes differ, so "
			"nothing is decided. ",
			STATS_FORKS_MIN);
	if (append_noise(text, analysis)) {
		ADD(text, "; no verdict is finer than that or than the margin of %s. ",
			number_percent(analysis->margin).text);
	} else {
		ADD(text,
			"%s, so the machine's noise is unknown and nothing is called equivalent. ",
			has_twin(analysis) ? "The twin has too few slices that can be compared"
					   : "No twin was measured");
	}
	if (analysis->disturbed > 0)
		ADD(text, "%zu cell%s disturbed: more than a fifth of the slices are flagged.",
			analysis->disturbed, analysis->disturbed == 1 ? " is" : "s are");
	else
		ADD(text, "In no cell are more than a fifth of the slices flagged.");
	if (analysis->rows_flagged > 0)
		ADD(text, " %zu row%s%s %s more than a fifth flagged.", analysis->rows_flagged,
			plural(analysis->rows_flagged),
			analysis->disturbed > 0 ? " in other cells" : "",
			analysis->rows_flagged == 1 ? "has" : "have");
}

bool analysis_counts_false_empties(const struct analysis *analysis, size_t cell, size_t subject)
{
	return analysis->cells[cell].capped && analysis->subjects[subject].is_pool &&
	       analysis_at(analysis, cell, subject)->slices > 0;
}

void analysis_false_empties(const struct analysis *analysis, char *text)
{
	size_t asked = 0, named = 0;

	*text = '\0';
	for (size_t i = 0; i < analysis->subject_count; i++) {
		uint64_t count = 0;
		size_t cells = 0, with = 0;

		for (size_t c = 0; c < analysis->cell_count; c++) {
			if (!analysis_counts_false_empties(analysis, c, i))
				continue;

			const uint64_t here = analysis_at(analysis, c, i)->failed;

			cells++;
			with += here > 0;
			count += here;
		}
		asked += cells > 0;
		if (count == 0)
			continue;
		ADD(text, "%s%s %" PRIu64 " in %zu of %zu cell%s",
			named++ == 0 ? "False empties, gets that found nothing while objects were "
				       "free: "
				     : ", ",
			analysis->subjects[i].label, count, with, cells, plural(cells));
	}
	if (named > 0)
		ADD(text, "; none by %zu other%s.", asked - named, plural(asked - named));
	else if (asked > 0)
		ADD(text, "False empties: none. Every get found an object while some were free.");
}

void analysis_letters(const struct analysis_result *result, char *text)
{
	const char *letters = result->letters;
	size_t length = 0;

	/* Three in a row or more become a run. */
	for (size_t i = 0, end; letters[i] != '\0'; i = end) {
		for (end = i + 1; letters[end] != '\0' && letters[end] == letters[end - 1] + 1;
			end++)
			continue;
		text[length++] = letters[i];
		if (end - i > 2)
			text[length++] = '-';
		if (end - i > 1)
			text[length++] = letters[end - 1];
	}
	text[length] = '\0';
}

/* What a cell, or a subject, is: a bit each. */
enum { ANY = 1 };
enum { ALONE = 2, SIDE_BY_SIDE = 4, HANDED_OVER = 8, BURSTS = 16, CROWDED = 32 };
enum { EXACT = 2, NEVER_WAITS = 4, SHARED = 8 };

static int kinds_of_cell(const struct analysis_cell *cell)
{
	const bool crowded = cell->oversubscribed;
	char bursts[ANALYSIS_SENTENCE_BYTES];

	/* Cells of workloads without bursts carry a number as well, but not in their label. */
	snprintf(bursts, sizeof(bursts), "%s %" PRIu32, cell->workload, cell->burst);
	return ANY | (cell->threads == 1 ? ALONE : 0) |
	       (cell->threads > 1 && cell->lane_threads == 1 && !crowded ? SIDE_BY_SIDE : 0) |
	       (cell->lane_threads > 1 && !crowded ? HANDED_OVER : 0) | (crowded ? CROWDED : 0) |
	       (cell->burst > 1 && strncmp(cell->label, bursts, strlen(bursts)) == 0 && !crowded
			       ? BURSTS
			       : 0);
}

static int kinds_of_subject(const struct analysis_subject *subject)
{
	const bool never_waits = strcmp(subject->progress, "lock-free") == 0 ||
				 strcmp(subject->progress, "wait-free") == 0;
	const bool shared = strcmp(subject->cache, "none") == 0;

	return ANY | (subject->exact && subject->is_pool ? EXACT : 0) |
	       (never_waits ? NEVER_WAITS : 0) | (shared && subject->is_pool ? SHARED : 0);
}

/* A need that a reader may have: which cells speak to it, and which subjects meet it. */
static const struct need {
	const char *text;
	int cell, subject;
} needs[] = {
	{"you want one choice for everything measured here", ANY, ANY},
	{"one thread at a time uses the pool", ALONE, ANY},
	{"each thread frees what it allocated", SIDE_BY_SIDE, ANY},
	{"objects are freed by another thread, on another CPU", HANDED_OVER, ANY},
	{"packets come in bursts", BURSTS, ANY},
	{"there are more threads than CPUs", CROWDED, ANY},
	{"no call may wait for a stopped thread (DISPATCH_LEVEL)", ANY, NEVER_WAITS},
	{"a get must not fail while any object is free", ANY, EXACT},
	{"no object may rest in a cache of a thread or CPU", ANY, SHARED},
};

/* The least effect of any candidate in a cell, against its best; INFINITY if there is none. */
static double fastest(const struct analysis *analysis, size_t cell, const bool *candidate)
{
	double least = INFINITY;

	for (size_t i = 0; i < analysis->subject_count; i++) {
		if (candidate[i])
			least = fmin(least, analysis_at(analysis, cell, i)->to_best.point);
	}
	return least;
}

/* Whether some candidate is known to be, or to be not, among the best of a cell. */
static bool is_decided(const struct analysis *analysis, size_t cell, const bool *candidate)
{
	for (size_t i = 0; i < analysis->subject_count; i++) {
		if (candidate[i] && !analysis_at(analysis, cell, i)->undecided)
			return true;
	}
	return false;
}

static bool speaks_to(const struct analysis *analysis, size_t cell, const struct need *need)
{
	return analysis->cells[cell].has_best &&
	       (kinds_of_cell(&analysis->cells[cell]) & need->cell) != 0;
}

static bool advise(const struct analysis *analysis, const struct need *need, bool *candidate,
	struct analysis_advice *advice)
{
	*advice = (struct analysis_advice){.need = need->text};
	for (size_t i = 0; i < analysis->subject_count; i++) {
		candidate[i] = (kinds_of_subject(&analysis->subjects[i]) & need->subject) != 0;
		for (size_t c = 0; c < analysis->cell_count; c++) {
			/* A time that can't be told is none to be chosen for. */
			if (speaks_to(analysis, c, need) &&
				(!analysis_competes(analysis, c, i) ||
					!isfinite(analysis_at(analysis, c, i)->to_best.point)))
				candidate[i] = false;
		}
		advice->candidates += candidate[i] ? 1 : 0;
	}
	bool decided = false;
	for (size_t c = 0; c < analysis->cell_count; c++) {
		if (!speaks_to(analysis, c, need))
			continue;
		advice->cells++;
		decided |= is_decided(analysis, c, candidate);
	}
	if (advice->cells == 0 || advice->candidates == 0 || !decided)
		return false;

	advice->worst = advice->second_worst = INFINITY;
	for (size_t i = 0; i < analysis->subject_count; i++) {
		double worst = 0;
		size_t worst_cell = 0;

		if (!candidate[i])
			continue;
		for (size_t c = 0; c < analysis->cell_count; c++) {
			if (!speaks_to(analysis, c, need))
				continue;

			const double behind = analysis_at(analysis, c, i)->to_best.point -
					      fastest(analysis, c, candidate);

			if (behind >= worst) {
				worst = behind;
				worst_cell = c;
			}
		}
		if (worst < advice->worst) {
			advice->second = advice->choice;
			advice->second_worst = advice->worst;
			advice->choice = i;
			advice->worst = worst;
			advice->worst_cell = worst_cell;
		} else if (worst < advice->second_worst) {
			advice->second = i;
			advice->second_worst = worst;
		}
	}
	advice->has_second = isfinite(advice->second_worst);
	return isfinite(advice->worst);
}

size_t analysis_advise(const struct analysis *analysis, struct analysis_advice *advice)
{
	static_assert(sizeof(needs) / sizeof(needs[0]) <= ANALYSIS_ADVICE_MAX,
		"a caller's array must hold all advice");
	AUTO_FREE bool *candidate = need(analysis->subject_count, sizeof(*candidate));
	size_t n = 0;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		n += advise(analysis, &needs[i], candidate, &advice[n]) ? 1 : 0;
	return n;
}
