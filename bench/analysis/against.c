/* This build against another that was measured in the same blocks: see analysis_against. */
#include "bench/analysis/steps.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"

#include <math.h>
#include <string.h>

/* This build's time by the other's; unknown where one of the two was not measured, or is no such row. */
static struct stats_estimate effect_of(const struct analysis *a, size_t cell, size_t subject)
{
	const struct analysis_subject *s = &a->subjects[subject];
	const struct analysis_result *other = analysis_at(a, cell, subject);
	struct stats_estimate effect = other->to_original;

	if (s->role != ANALYSIS_OTHER || other->state != ANALYSIS_MEASURED ||
		analysis_at(a, cell, s->original)->state != ANALYSIS_MEASURED)
		return STATS_UNKNOWN;
	/* The row's own effect is that of the other build against this one. */
	effect.point = -other->to_original.point;
	effect.lo = -other->to_original.hi;
	effect.hi = -other->to_original.lo;
	return effect;
}

void analysis_judge_against(struct analysis *a)
{
	const size_t all = a->cell_count * a->subject_count;
	AUTO_FREE struct stats_claim *claim = need(all, sizeof(*claim));
	AUTO_FREE bool *made = need(all, sizeof(*made));

	for (size_t k = 0; k < all; k++) {
		const size_t c = k / a->subject_count, i = k % a->subject_count;
		const struct stats_estimate effect = effect_of(a, c, i);

		claim[k] = stats_claim(
			&effect, a->margin, analysis_floor(a, c, i, a->subjects[i].original));
	}
	stats_holm(claim, all, STATS_ERROR, made);
	for (size_t k = 0; k < all; k++)
		a->results[k].against_verdict = made[k] ? claim[k].verdict : STATS_INCONCLUSIVE;
}

bool analysis_against(const struct analysis *a, size_t cell, size_t subject,
	struct stats_estimate *effect, enum stats_verdict *verdict)
{
	*effect = effect_of(a, cell, subject);
	*verdict = analysis_at(a, cell, subject)->against_verdict;
	return !isnan(effect->point);
}

/* The pair whose verdict is `wanted` with the largest effect; of how many. */
static size_t find_extreme(const struct analysis *a, enum stats_verdict wanted, size_t *cell_at,
	size_t *subject_at, double *most)
{
	size_t count = 0;

	*most = -1;
	for (size_t c = 0; c < a->cell_count; c++) {
		for (size_t i = 0; i < a->subject_count; i++) {
			struct stats_estimate effect;
			enum stats_verdict verdict;

			if (!analysis_against(a, c, i, &effect, &verdict) || verdict != wanted)
				continue;
			count++;
			if (fabs(effect.point) > *most) {
				*most = fabs(effect.point);
				*cell_at = c;
				*subject_at = i;
			}
		}
	}
	return count;
}

#define ADD(text, ...) append(text, ANALYSIS_SENTENCE_BYTES, __VA_ARGS__)

/* "faster in 3 (most in mag_tls, 'pair, 1 thread': 0.91 times the time)" */
static size_t add_tally(
	const struct analysis *a, enum stats_verdict verdict, const char *before, char *text)
{
	size_t cell, subject;
	double most;
	const size_t count = find_extreme(a, verdict, &cell, &subject, &most);

	ADD(text, "%s%s in %zu", before, stats_verdict_name(verdict), count);
	if (count > 0 && (verdict == STATS_FASTER || verdict == STATS_SLOWER))
		ADD(text, " (most: %s in '%s', %s times the time)",
			a->subjects[a->subjects[subject].original].label, a->cells[cell].label,
			number_ratio(verdict == STATS_FASTER ? -most : most).text);
	return count;
}

void analysis_against_text(const struct analysis *a, char *text)
{
	const char *compiler = analysis_fingerprint(a, "compiler");
	const char *own_flags = analysis_fingerprint(a, "compiler flags");
	const char *flags = own_flags == NULL ? "" : own_flags;

	*text = '\0';
	if (!a->has_other)
		return;
	ADD(text, "This build is %s (%.12s), the other, @%s, is %s (%.12s). This one is ",
		a->source_revision, a->build_id, a->other.name, a->other.source_revision,
		a->other.build_id);

	size_t pairs = add_tally(a, STATS_FASTER, "", text);

	pairs += add_tally(a, STATS_SLOWER, ", ", text);
	pairs += add_tally(a, STATS_EQUIVALENT, ", ", text);
	pairs += add_tally(a, STATS_INCONCLUSIVE, " and ", text);
	ADD(text, " of %zu pair%s.", pairs, pairs == 1 ? "" : "s");
	if (strcmp(a->build_id, a->other.build_id) == 0)
		ADD(text, " Both are the same program, so what they differ by is noise.");
	if (compiler == NULL)
		return;
	/* As --version puts them together. */
	const size_t length = strlen(compiler);
	if (strncmp(a->other.made, compiler, length) != 0 ||
		strcmp(a->other.made + length, flags) != 0)
		ADD(text,
			" They were compiled otherwise, %s%s and %s, which may be the difference.",
			compiler, flags, a->other.made);
}
