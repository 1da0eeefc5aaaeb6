/* What an analysis comes to, in words: order, verdict, confidence. See analysis.h. */
#include "bench/analysis/analysis.h"
#include "bench/analysis/choice.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

bool analysis_unsure(const struct analysis *analysis, size_t cell, size_t subject)
{
	const struct analysis_result *result = analysis_at(analysis, cell, subject);

	return result->undecided ||
	       (result->rank_low > 0 && subject != analysis->cells[cell].best &&
		       result->best_verdict == STATS_INCONCLUSIVE);
}

size_t analysis_order(const struct analysis *analysis, size_t *order, size_t *contestants)
{
	AUTO_FREE bool *listed = need(analysis->subject_count, sizeof(*listed));
	AUTO_FREE size_t *rows = need(analysis->subject_count, sizeof(*rows));
	size_t n = 0, rivals;

	for (enum contest contest = 0; contest < CONTESTS; contest++) {
		choice_order(analysis, contest, rows, &rivals);
		for (size_t k = 0; k < rivals; k++) {
			if (!listed[rows[k]])
				order[n++] = rows[k];
			listed[rows[k]] = true;
		}
	}
	*contestants = n;
	for (size_t i = 0; i < analysis->subject_count; i++) {
		if (!listed[i] && !analysis->subjects[i].apart)
			order[n++] = i;
	}
	return n;
}

void analysis_label_without(const struct analysis_cell *cell, enum analysis_part part, char *text)
{
	char name[ANALYSIS_LETTERS_MAX];

	snprintf(text, ANALYSIS_SENTENCE_BYTES, "%s", cell->label);
	if (part == ANALYSIS_THREADS)
		snprintf(name, sizeof(name), ", %" PRIu32 " thread%s", cell->threads,
			cell->threads == 1 ? "" : "s");
	else if (part == ANALYSIS_BURST)
		snprintf(name, sizeof(name), " %" PRIu32, cell->burst);
	else
		snprintf(name, sizeof(name), ", %" PRIu64 " B", cell->object_bytes);

	char *at = strstr(text, name);

	if (at != NULL)
		memmove(at, at + strlen(name), strlen(at + strlen(name)) + 1);
}

void analysis_load(const struct analysis_cell *cell, char *text)
{
	analysis_label_without(cell, ANALYSIS_THREADS, text);
}

#define ADD(text, ...) append(text, ANALYSIS_SENTENCE_BYTES, __VA_ARGS__)

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
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

void analysis_broken(const struct analysis *analysis, char *text)
{
	size_t broken = 0;

	*text = '\0';
	for (size_t i = 0; i < analysis->subject_count; i++) {
		const struct analysis_subject *subject = &analysis->subjects[i];

		if (subject->broken == 0)
			continue;
		ADD(text, "%s%s in %zu cell%s", broken++ == 0 ? "Broke down: " : ", ",
			subject->label, subject->broken, plural(subject->broken));
	}
	if (broken > 0)
		ADD(text, ".");
}

void analysis_verdict(const struct analysis *analysis, char *text)
{
	char sentences[ANALYSIS_SENTENCE_BYTES];
	struct choice choice;
	size_t decided = 0, measured = 0;

	*text = '\0';
	for (enum contest contest = 0; contest < CONTESTS; contest++) {
		if (!choice_of_contest(analysis, contest, &choice))
			continue;
		choice_sentences(analysis, &choice, sentences);
		ADD(text, "%s%s", decided++ == 0 ? "" : " ", sentences);
	}
	for (size_t i = 0; i < analysis->subject_count; i++)
		measured += analysis->subjects[i].role == ANALYSIS_CONTESTANT
				    ? analysis->subjects[i].measured
				    : 0;
	if (measured == 0)
		ADD(text, "Nothing can be said: no contestant has been measured.");
	else if (decided == 0)
		ADD(text, "Nothing is decided, for want of forks or of quiet.");
	analysis_broken(analysis, sentences);
	ADD(text, "%s%s", *sentences == '\0' ? "" : " ", sentences);
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
