/* Targets into results: which rows stand on each side, and what their slices say. See ratio.h. */
#include "bench/analysis/ratio.h"

#include "alloc/context.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>

/* One store's attempt at a target. */
struct attempt {
	const struct analysis *a;
	const struct ratio_target *target;
	struct ratio_result *result;
	enum ratio_measure measure;
	bool over, minus; /* there is a second side, which divides or is subtracted */
	bool same;        /* that is the first one's row in another cell */
	struct side {
		size_t cell, count, *who; /* count subjects; the chosen one first */
	} side[2];
};

/* Notes why the attempt ends here; false, for the caller to return. */
#define MISS(t, ...) (snprintf((t)->result->why, RATIO_WHY_BYTES, __VA_ARGS__), false)

/* The cell of a side: by its label, in which N stands for the CPUs of the sweep. */
static bool find_cell(struct attempt *t, int side)
{
	const char *text = t->target->cell[side], *n = strstr(text, "N thread"), *number = n;
	char label[RATIO_TEXT_BYTES];
	size_t c = 0;

	snprintf(label, sizeof(label), "%s", text);
	if (n != NULL) {
		while (number > text && isdigit((unsigned char)number[-1]))
			number--;

		const char *rest = n + strlen("N thread");
		const unsigned long threads =
			(number == n ? 1 : strtoul(number, NULL, 10)) * t->a->cpus;

		if (threads == 0)
			return MISS(t, "the store does not say how many CPUs the sweep had");
		snprintf(label, sizeof(label), "%.*s%lu thread%s%s", (int)(number - text), text,
			threads, threads == 1 ? "" : "s", rest + (*rest == 's'));
	}
	while (c < t->a->cell_count && strcmp(t->a->cells[c].label, label) != 0)
		c++;
	if (c == t->a->cell_count)
		return MISS(t, "no sweep here has '%s'", label);
	t->side[side].cell = c;
	t->result->cell[side] = t->a->cells[c].label;
	return true;
}

/*
 * Our own: pools and policies that this project offers. A peer's summary says "peer:" and what no
 * pool is (a general malloc, the harness) says that too; "plain" is for one thread; rows that start
 * with "bare_" are the locked instructions alone; a policy that frees in any order is the rival's.
 */
static bool is_ours(const struct analysis_subject *s)
{
	const struct context_ops *policy = s->context == NULL ? NULL : context_find(s->context);

	return s->role == ANALYSIS_CONTESTANT && s->is_pool &&
	       strncmp(s->summary, "peer:", strlen("peer:")) != 0 &&
	       strncmp(s->pool, "bare_", strlen("bare_")) != 0 &&
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

/* Subject x of a cell; or x against *y, unless that is NULL. */
struct contrast {
	size_t x;
	const size_t *y;
};

/* Estimates n contrasts of a side's cell: ns where sides are subtracted, else logarithms. */
static void estimate(const struct attempt *t, int side, const struct contrast *contrasts, size_t n,
	struct stats_estimate *estimates, double *replicates)
{
	const struct analysis_cell *cell = &t->a->cells[t->side[side].cell];
	struct analysis_raw raw = t->a->raws[t->side[side].cell];
	const size_t slices = raw.subjects * raw.blocks;
	const struct stats_design design = {raw.forks, raw.start};
	AUTO_FREE double *values = need(slices + n * raw.blocks, sizeof(*values));
	AUTO_FREE const double **rows = need(n, sizeof(*rows));

	for (size_t i = 0; i < slices; i++)
		values[i] = t->measure == RATIO_RATE ? log(analysis_rate(cell, raw.log_ns[i]))
			    : t->minus               ? exp(raw.log_ns[i])
						     : raw.log_ns[i];
	raw.log_ns = values;
	for (size_t i = 0; i < n; i++) {
		double *row = values + slices + i * raw.blocks;

		t->result->all_used |= analysis_pair(&raw, contrasts[i].x, contrasts[i].y, row);
		rows[i] = row;
	}
	/* The report's seed, so that what both print comes from the same draws. */
	stats_bootstrap(&design, rows, n, replicates == NULL ? 0 : STATS_ROUNDS,
		t->a->seed + (uint64_t)cell->id, estimates, replicates);
}

/* What a row has at the target's load; NULL if nothing was measured there. */
static const struct analysis_at_load *at_load(const struct attempt *t, int side, size_t subject)
{
	const struct analysis_cell *cell = &t->a->cells[t->side[side].cell];
	const struct analysis_response *r = analysis_response(t->a, t->side[side].cell, subject);

	for (size_t i = 0; r != NULL && i < cell->load_count; i++) {
		if (cell->loads[i] == t->target->load && r->at[i].measured)
			return &r->at[i];
	}
	return NULL;
}

static struct stats_estimate logarithm(double point, double lo, double hi)
{
	return (struct stats_estimate){log(point), lo > 0 ? log(lo) : -INFINITY, log(hi)};
}

static struct stats_estimate factor(struct stats_estimate e)
{
	return (struct stats_estimate){exp(e.point), exp(e.lo), exp(e.hi)};
}

/*
 * What rows of a side are chosen by: failures, the effect against the first of them, or what was timed
 * of a row's calls, with a NAN for a point where there is nothing.
 */
static struct stats_estimate figure(const struct attempt *t, int side, size_t subject)
{
	static const int percentile[] = {[RATIO_P50] = LATENCY_P50,
		[RATIO_P99] = LATENCY_P99,
		[RATIO_P999] = LATENCY_P999,
		[RATIO_P99_P50] = LATENCY_P99};
	const size_t cell = t->side[side].cell;
	const double failed = (double)analysis_at(t->a, cell, subject)->failed;
	const struct analysis_latency *l = analysis_latency(t->a, cell, subject);
	const struct analysis_at_load *r = at_load(t, side, subject);
	const bool calls = t->target->load == 0;
	struct stats_estimate e = {NAN, -INFINITY, INFINITY};

	if (t->measure == RATIO_FAILED)
		return (struct stats_estimate){failed, failed, failed};
	if (t->measure < RATIO_FAILED)
		estimate(t, side, &(struct contrast){subject, t->side[side].who}, 1, &e, NULL);
	if (t->measure < RATIO_FAILED || (calls ? l == NULL : r == NULL || !r->kept))
		return e;

	const struct analysis_percentile *at = calls ? l->at : r->at;
	const struct analysis_percentile *p = &at[percentile[t->measure]];

	if (t->measure == RATIO_MAX)
		e.point = calls ? l->longest_ns : r->longest_ns;
	else if (t->measure == RATIO_P99_P50)
		e = factor(stats_difference(logarithm(p->ns, p->lo, p->hi),
			logarithm(at[LATENCY_P50].ns, at[LATENCY_P50].lo, at[LATENCY_P50].hi)));
	else
		e = (struct stats_estimate){p->ns, p->lo, p->hi};
	return e;
}

/* Whether a subject has a result in a side's cell: a count, or a time that compares. Else why. */
static bool has_result(struct attempt *t, int side, size_t subject)
{
	const struct analysis_result *r = analysis_at(t->a, t->side[side].cell, subject);
	const struct analysis_at_load *at = at_load(t, side, subject);
	const char *label = t->a->subjects[subject].label, *cell = t->result->cell[side];
	const bool measured = r->state == ANALYSIS_MEASURED;

	/* A count wants those that failed; they were measured, or found nothing at all. */
	if (t->measure == RATIO_FAILED ? r->slices > 0
				       : measured && r->failed == 0 &&
						 !(t->measure >= RATIO_P50 &&
							 isnan(figure(t, side, subject).point)))
		return true;
	if (!measured)
		return MISS(t, "%.60s %s in '%.90s'%s%.300s", label,
			r->state == ANALYSIS_ABSENT ? "was not measured" : "has no time", cell,
			r->reason == NULL ? "" : ": ", r->reason == NULL ? "" : r->reason);
	if (r->failed > 0)
		return MISS(t,
			"%.60s failed %" PRIu64 " gets in '%.90s', so its time is not comparable",
			label, r->failed, cell);
	if (t->target->load == 0)
		return MISS(t, "too few calls of %.60s were timed in '%.90s'", label, cell);
	return MISS(t, "%.60s %s a load of %" PRIu32 " %% in '%.90s'", label,
		at == NULL  ? "was not measured at"
		: !at->kept ? "does not keep"
			    : "has too few response times at",
		t->target->load, cell);
}

static bool find_rows(struct attempt *t, int side)
{
	const char *rows = t->target->rows[side], *cell = t->result->cell[side];
	const char *second = strchr(rows, ',');
	struct side *here = &t->side[side];
	size_t known = 0;

	for (size_t i = 0; i < t->a->subject_count; i++) {
		if (!is_named(&t->a->subjects[i], rows))
			continue;
		known++;
		/* Where the other side is the same row, it must have a time there too. */
		if (has_result(t, side, i) && (!t->same || has_result(t, 1, i)))
			here->who[here->count++] = i;
	}
	if (here->count > 0 || known == 1) /* has_result said why */
		return here->count > 0;
	if (known == 0)
		return MISS(t, "the sweep with '%s' has no row %s", cell, rows);

	const char *end = second == NULL ? NULL : strchr(second + 1, ','); /* of two names */

	return MISS(t, "none of %.*s%s has a result in '%s'",
		end == NULL ? RATIO_TEXT_BYTES : (int)(end - rows), rows,
		end == NULL ? "" : ", ...", cell);
}

/*
 * Puts a side's chosen row first, which failed the most gets, has the highest rate or takes the least
 * time, and tells its value. What is returned of calls is the least of all rows, and where it may lie.
 */
static struct stats_estimate choose(struct attempt *t, int side)
{
	const bool most = t->measure == RATIO_RATE || t->measure == RATIO_FAILED;
	double (*const pick)(double, double) = most ? fmax : fmin;
	struct side *here = &t->side[side];
	const size_t first = here->who[0], count = t->same && side == 1 ? 1 : here->count;
	struct stats_estimate all = figure(t, side, first);
	size_t best = 0;

	for (size_t i = 1; i < count; i++) {
		const struct stats_estimate e = figure(t, side, here->who[i]);

		if (e.point != all.point && pick(e.point, all.point) == e.point)
			best = i;
		all = (struct stats_estimate){
			pick(e.point, all.point), pick(e.lo, all.lo), pick(e.hi, all.hi)};
	}
	here->who[0] = here->who[best];
	here->who[best] = first;
	if (t->measure < RATIO_FAILED)
		estimate(t, side, &(struct contrast){here->who[0], NULL}, 1, &all, NULL);
	t->result->value[side] =
		t->measure < RATIO_FAILED && !t->minus ? exp(all.point) : all.point;
	return all;
}

/*
 * The estimate of the choice that was made, with an interval that holds for each that could have
 * been: of one side, the other as it is. Sides in different cells share no block: each is estimated
 * by itself, then they are subtracted.
 */
static struct stats_estimate effect(const struct attempt *t)
{
	const struct side *x = &t->side[0], *y = &t->side[1];
	const bool two = t->over || t->minus, apart = two && x->cell != y->cell;
	const size_t n = x->count + (two && !t->same ? y->count - 1 : 0);
	AUTO_FREE struct contrast *family = need(2 * n, sizeof(*family));
	AUTO_FREE struct stats_estimate *e = need(2 * n, sizeof(*e));
	AUTO_FREE double *draws = need(2 * n * STATS_ROUNDS, sizeof(*draws));

	for (size_t i = 0; i < n; i++) {
		const size_t *second = &y->who[t->same ? i : i < x->count ? 0 : i - x->count + 1];

		family[i].x = x->who[i < x->count ? i : 0];
		family[i].y = two && !apart ? second : NULL;
		family[n + i].x = *second;
	}
	estimate(t, 0, family, n, e, draws);
	if (apart)
		estimate(t, 1, family + n, n, e + n, draws + n * STATS_ROUNDS);
	for (size_t i = 0; i < n && apart; i++) {
		e[i].point -= e[n + i].point;
		e[i].lo = isfinite(e[n + i].lo) ? e[i].lo : -INFINITY;
	}
	for (size_t i = 0; i < n * STATS_ROUNDS && apart; i++)
		draws[i] -= draws[n * STATS_ROUNDS + i];

	struct stats_estimate chosen = {e->point, -INFINITY, INFINITY};

	if (isfinite(e->lo))
		stats_chosen(e, draws, n, STATS_ROUNDS, 0, &chosen);
	return two ? chosen : factor(chosen);
}

/* "mag_tls", "mag_tls, best of 17", "tcmalloc, best of 5 (no mimalloc)", "each of 12". */
static void tell_rows(struct attempt *t, int side)
{
	const char *rows = t->target->rows[side], *between = " (no ";
	const struct side *here = &t->side[side];
	const char *label = t->a->subjects[here->who[0]].label;
	char *text = t->result->rows[side], name[RATIO_TEXT_BYTES];
	const bool failed = t->measure == RATIO_FAILED;

	if (strcmp(rows, "same") == 0 || strcmp(rows, label) == 0) {
		append(text, RATIO_TEXT_BYTES, "%s", label);
		return;
	}
	if (failed && here->count > 1 && t->result->value[side] == 0)
		append(text, RATIO_TEXT_BYTES, "each of %zu", here->count);
	else
		append(text, RATIO_TEXT_BYTES, "%.60s, %s of %zu", label, failed ? "worst" : "best",
			here->count);
	while (ratio_name(&rows, name)) {
		size_t k = 0;

		while (k < here->count && !is_named(&t->a->subjects[here->who[k]], name))
			k++;
		if (k < here->count)
			continue;
		append(text, RATIO_TEXT_BYTES, "%s%.60s", between, name);
		between = ", ";
	}
	append(text, RATIO_TEXT_BYTES, "%s", *between == ',' ? ")" : "");
}

/* Works out a target that has its rows. */
static void work_out(struct attempt *t)
{
	const bool at_most = *t->target->want == '<';
	const double wanted = t->over ? log(t->target->wanted) : t->target->wanted;
	struct stats_estimate e = choose(t, 0);

	tell_rows(t, 0);
	if (t->over || t->minus) {
		struct stats_estimate y = choose(t, 1);

		tell_rows(t, 1);
		if (t->over) {
			e = logarithm(e.point, e.lo, e.hi);
			y = logarithm(y.point, y.lo, y.hi);
		}
		e = stats_difference(e, y);
	}
	if (t->measure < RATIO_FAILED)
		e = effect(t);
	t->result->estimate = e;
	t->result->verdict = *t->target->want == '\0'                         ? RATIO_SHOWN
			     : (at_most ? e.hi - wanted : wanted - e.lo) <= 0 ? RATIO_MET
			     : (at_most ? e.lo - wanted : wanted - e.hi) > 0  ? RATIO_MISSED
									      : RATIO_UNDECIDED;
}

void ratio_evaluate(const struct ratio_target *target, const struct ratio_stores *stores,
	struct ratio_result *result)
{
	const bool over = ratio_is_over(target), two = *target->sign != '\0';
	const bool same = strcmp(target->rows[1], "same") == 0;
	const struct ratio_result none = {.verdict = RATIO_ABSENT, .value = {NAN, NAN}};
	char why[RATIO_WHY_BYTES] = "";

	for (size_t i = 0; i < stores->count; i++) {
		const struct analysis *a = stores->item[i];
		AUTO_FREE size_t *who = need(2 * a->subject_count, sizeof(*who));
		struct attempt t = {a, target, result, target->measure, over, two && !over, same,
			{{.who = who}, {.who = who + a->subject_count}}};

		*result = none;
		if (find_cell(&t, 0) && (!two || find_cell(&t, 1)) && find_rows(&t, 0) &&
			(!two || same || find_rows(&t, 1))) {
			if (same)
				t.side[1] = (struct side){t.side[1].cell, t.side[0].count, who};
			work_out(&t);
			return;
		}
		/* Of several stores the one that has the cells tells why. */
		if (i == 0 || result->cell[two] != NULL)
			strcpy(why, result->why);
	}
	*result = none;
	strcpy(result->why, why);
}
