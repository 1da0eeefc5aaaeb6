/* Targets into results: which rows stand on each side, and what their slices say. See ratio.h. */
#include "bench/analysis/ratio.h"

#include "alloc/context.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <inttypes.h>
#include <math.h>

/* A side of a target, in one store. */
struct side {
	const struct analysis *a;
	const struct ratio_target *target;
	struct ratio_result *result;
	int at;                   /* which of the two */
	size_t cell, count, *who; /* count subjects; the chosen one first */
};

/* Notes why the store has no answer; false, for the caller to return. */
#define MISS(s, ...) (snprintf((s)->result->why, RATIO_WHY_BYTES, __VA_ARGS__), false)

/* The cell of a side: by its label, in which N stands for the CPUs of the sweep. */
static bool find_cell(struct side *s)
{
	static const char turns[] = "N thread";
	const char *text = s->target->cell[s->at], *number = text + strcspn(text, ",");
	char label[RATIO_TEXT_BYTES], *rest;

	number += strspn(number, ", ");
	strcpy(label, text);

	unsigned long threads = strtoul(number, &rest, 10);

	if (strncmp(rest, turns, strlen(turns)) == 0) {
		threads = (rest == number ? 1 : threads) * s->a->cpus;
		if (threads == 0)
			return MISS(s, "the store does not say how many CPUs the sweep had");
		rest += strlen(turns);
		snprintf(label, sizeof(label), "%.*s%lu thread%s%s", (int)(number - text), text,
			threads, threads == 1 ? "" : "s", rest + (*rest == 's'));
	}
	s->cell = analysis_find_cell(s->a, label);
	if (s->cell == s->a->cell_count)
		return MISS(s, "no sweep here has '%s'", label);
	s->result->cell[s->at] = s->a->cells[s->cell].label;
	return true;
}

/*
 * Our own: pools and policies that this project offers. A peer's summary says "peer:" and what no
 * pool is (a general malloc, the harness) says that too; "plain" and "bare_*" are no contestants; a
 * policy that frees in any order is the rival's.
 */
static bool is_ours(const struct analysis_subject *s)
{
	const struct context_ops *policy = s->context == NULL ? NULL : context_find(s->context);

	return s->role == ANALYSIS_CONTESTANT && s->is_pool &&
	       strncmp(s->summary, "peer:", strlen("peer:")) != 0 &&
	       (policy == NULL || !policy->traits.any_order);
}

/* Whether one of the names is the subject's. */
static bool is_named(const struct analysis_subject *s, const char *rows)
{
	char name[RATIO_TEXT_BYTES];

	while (ratio_name(&rows, name)) {
		if (strcmp(name, s->label) == 0 || (strcmp(name, "ours") == 0 && is_ours(s)) ||
			(strcmp(name, "exact") == 0 && is_ours(s) && s->exact))
			return true;
	}
	return false;
}

/* By slices, of which resampling tells the interval; else by a count, or by times of calls. */
static bool by_slices(const struct ratio_target *target)
{
	return target->measure < METRIC_FAILED;
}

/*
 * Estimates n subjects x of a side's cell, against as many y unless that is NULL: in ns where sides are
 * subtracted, else logarithms. medians: NULL, or room for those of n rows' forks.
 */
static void estimate(const struct side *s, const size_t *x, const size_t *y, size_t n,
	struct stats_estimate *estimates, double *medians)
{
	const struct analysis_cell *cell = &s->a->cells[s->cell];
	struct analysis_raw raw = s->a->raws[s->cell];
	const size_t slices = raw.subjects * raw.blocks;
	const struct stats_design design = {raw.forks, raw.start};
	AUTO_FREE double *values = need(slices + n * raw.blocks, sizeof(*values));
	AUTO_FREE const double **rows = need(n, sizeof(*rows));

	for (size_t i = 0; i < slices; i++) {
		const double ns = raw.log_ns[i];

		values[i] = s->target->measure == METRIC_RATE ? log(analysis_rate(cell, ns))
			    : s->target->sign == '-'          ? exp(ns)
							      : ns;
	}
	raw.log_ns = values;
	for (size_t i = 0; i < n; i++) {
		rows[i] = values + slices + i * raw.blocks;
		s->result->all_used |= analysis_pair(
			&raw, x[i], y == NULL ? NULL : &y[i], values + slices + i * raw.blocks);
	}
	stats_estimates(&design, rows, n, estimates, medians);
}

/* Whether a subject has a result in a side's cell: a count, or a time that compares. Else why. */
static bool has_result(const struct side *s, size_t subject)
{
	const struct ratio_target *t = s->target;
	const struct analysis_result *r = analysis_at(s->a, s->cell, subject);
	const char *lack = NULL;
	char where[64] = "";

	/* A count wants those that failed; they were measured, or found nothing at all. */
	if (t->measure == METRIC_FAILED && r->slices > 0)
		return true;
	if (r->state != ANALYSIS_MEASURED)
		lack = r->state == ANALYSIS_ABSENT ? "was not measured" : "has no time";
	else if (r->failed > 0)
		lack = "failed gets, so that its time is not comparable,";
	else if (by_slices(t) ||
		 !isnan(metric_of(s->a, s->cell, subject, t->measure, t->load, &lack).point))
		return true;
	if (t->load > 0)
		snprintf(where, sizeof(where), "at a load of %" PRIu32 " %% ", t->load);
	return MISS(s, "%.60s %s %sin '%.90s'%s%.300s", s->a->subjects[subject].label, lack, where,
		s->result->cell[s->at], r->reason == NULL ? "" : ": ",
		r->reason == NULL ? "" : r->reason);
}

static bool find_rows(struct side *s)
{
	const char *rows = s->target->rows[s->at], *cell = s->result->cell[s->at];
	size_t known = 0;

	for (size_t i = 0; i < s->a->subject_count; i++) {
		if (!is_named(&s->a->subjects[i], rows))
			continue;
		known++;
		/* Where the other side is the same row, it must have a time there too. */
		if (has_result(s, i) && (!s->target->same || has_result(s + 1, i)))
			s->who[s->count++] = i;
	}
	if (s->count > 0 || known == 1) /* has_result said why */
		return s->count > 0;
	if (known == 0)
		return MISS(s, "the sweep with '%s' has no row %s", cell, rows);
	return MISS(s, "none of %s has a result in '%s'", rows, cell);
}

/* "mag_tls", "mag_tls, best of 17", "tcmalloc, best of 5 (no mimalloc)", "each of 12". */
static void tell_rows(const struct side *s)
{
	const char *rows = s->target->rows[s->at], *label = s->a->subjects[*s->who].label;
	const char *choice = s->target->measure == METRIC_FAILED ? "worst" : "best";
	char *text = s->result->rows[s->at], name[RATIO_TEXT_BYTES], lacking[RATIO_TEXT_BYTES] = "";

	if (strcmp(rows, "same") == 0 || strcmp(rows, label) == 0) {
		append(text, RATIO_TEXT_BYTES, "%s", label);
		return;
	}
	if (*choice == 'w' && s->count > 1 && s->result->value[s->at] == 0)
		append(text, RATIO_TEXT_BYTES, "each of %zu", s->count);
	else
		append(text, RATIO_TEXT_BYTES, "%.60s, %s of %zu", label, choice, s->count);
	while (ratio_name(&rows, name)) {
		size_t k = 0;

		while (k < s->count && !is_named(&s->a->subjects[s->who[k]], name))
			k++;
		if (k == s->count)
			append(lacking, sizeof(lacking), ", %.60s", name);
	}
	if (*lacking != '\0')
		append(text, RATIO_TEXT_BYTES, " (no %s)", lacking + strlen(", "));
}

/*
 * Puts a side's chosen row first, which failed the most gets, has the highest rate or takes the least
 * time against the first, and tells it and its value. What is returned of calls is the least of all rows,
 * and where it may lie.
 */
static struct stats_estimate choose(struct side *s)
{
	const struct ratio_target *t = s->target;
	const bool most = t->measure == METRIC_RATE || t->measure == METRIC_FAILED;
	double (*const pick)(double, double) = most ? fmax : fmin;
	const size_t first = s->who[0];
	struct stats_estimate e, all = STATS_UNKNOWN;
	const char *lack;
	size_t best = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (by_slices(t))
			estimate(s, &s->who[i], s->who, 1, &e, NULL);
		else
			e = metric_of(s->a, s->cell, s->who[i], t->measure, t->load, &lack);
		if (e.point != all.point && pick(e.point, all.point) == e.point)
			best = i;
		all.point = pick(e.point, all.point);
		all.lo = pick(e.lo, all.lo);
		all.hi = pick(e.hi, all.hi);
	}
	s->who[0] = s->who[best];
	s->who[best] = first;
	if (by_slices(t))
		estimate(s, s->who, NULL, 1, &all, NULL);
	s->result->value[s->at] = by_slices(t) && t->sign != '-' ? exp(all.point) : all.point;
	tell_rows(s);
	return all;
}

/* How many of a side's rows might have been chosen, the first among them. */
static size_t rivals(const struct side *s)
{
	const size_t forks = s->a->raws[s->cell].forks;
	AUTO_FREE struct stats_estimate *e = need(s->count, sizeof(*e));
	AUTO_FREE double *medians = need(s->count * forks, sizeof(*medians));
	AUTO_FREE size_t *first = need(s->count, sizeof(*first));

	for (size_t i = 0; i < s->count; i++)
		first[i] = s->who[0];
	estimate(s, s->who, first, s->count, e, medians);
	return stats_rivals(medians, s->count, forks, 0);
}

/*
 * The estimate of the choice that was made, with an interval that holds for each that could have
 * been: of one side, the other as it is. Sides in different cells share no block: each is estimated
 * by itself, then they are subtracted.
 */
static struct stats_estimate effect(const struct side sides[2])
{
	const struct ratio_target *t = sides->target;
	const bool two = t->sign != '\0', apart = two && sides[0].cell != sides[1].cell;
	size_t choices = rivals(&sides[0]);
	struct stats_estimate e;

	if (two && !t->same)
		choices += rivals(&sides[1]) - 1;
	estimate(&sides[0], sides[0].who, two && !apart ? sides[1].who : NULL, 1, &e, NULL);
	e = stats_chosen(&e, choices);
	if (apart) {
		struct stats_estimate y;

		estimate(&sides[1], sides[1].who, NULL, 1, &y, NULL);
		e = stats_difference(e, stats_chosen(&y, choices));
	}
	return two ? e : metric_factor(e);
}

/* Works out a target that has its rows. */
static void work_out(struct side sides[2], struct ratio_result *result)
{
	const struct ratio_target *t = sides->target;
	const bool over = t->sign == '/', at_most = *t->want == '<';
	const double wanted = over ? log(t->wanted) : t->wanted;
	struct stats_estimate e = choose(&sides[0]);

	if (t->same) {
		*sides[1].who = *sides[0].who;
		sides[1].count = 1;
	}
	if (t->sign != '\0') {
		const struct stats_estimate y = choose(&sides[1]);

		e = over ? stats_difference(metric_logarithm(e), metric_logarithm(y))
			 : stats_difference(e, y);
	}
	if (by_slices(t))
		e = effect(sides);
	result->estimate = e;
	result->verdict = *t->want == '\0'                                 ? RATIO_SHOWN
			  : (at_most ? e.hi - wanted : wanted - e.lo) <= 0 ? RATIO_MET
			  : (at_most ? e.lo - wanted : wanted - e.hi) > 0  ? RATIO_MISSED
									   : RATIO_UNDECIDED;
	if (*t->want == '>' && over && result->verdict != RATIO_MET &&
		metric_at_floor(sides->a, sides[1].cell, *sides[1].who, t->measure, t->load))
		result->verdict = RATIO_AT_FLOOR;
}

void ratio_evaluate(const struct ratio_target *target, const struct ratio_stores *stores,
	struct ratio_result *result)
{
	const bool two = target->sign != '\0';
	bool found = false;

	for (size_t i = 0; i < stores->count && !found; i++) {
		const struct analysis *a = stores->item[i];
		AUTO_FREE size_t *who = need(2 * a->subject_count, sizeof(*who));
		struct ratio_result here = {.verdict = RATIO_ABSENT, .value = {NAN, NAN}};
		struct side sides[] = {{a, target, &here, .at = 0, .who = who},
			{a, target, &here, .at = 1, .who = who + a->subject_count}};
		const bool cells = find_cell(&sides[0]) && (!two || find_cell(&sides[1]));

		found = cells && find_rows(&sides[0]) &&
			(!two || target->same || find_rows(&sides[1]));
		if (found)
			work_out(sides, &here);
		/* Of several stores the one that has the cells tells why. */
		if (i == 0 || cells)
			*result = here;
	}
}
