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
	bool two, same; /* there is a second side; it is the first one's row in another cell */
	struct candidates {
		size_t cell, count, *who; /* count subjects; the chosen one first */
	} side[2];
};

/* Notes why the attempt ends here; false, for the caller to return. */
__attribute__((format(printf, 2, 3))) static bool miss(struct attempt *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->result->why, sizeof(t->result->why), format, args);
	va_end(args);
	return false;
}

/* The cell of a side: by its label, in which N stands for the CPUs of the sweep. */
static bool find_cell(struct attempt *t, int side)
{
	const char *name = t->target->side[side].cell, *n = strstr(name, "N thread"), *start = n;
	char label[RATIO_TEXT_BYTES];

	snprintf(label, sizeof(label), "%s", name);
	if (n != NULL) {
		while (start > name && isdigit((unsigned char)start[-1]))
			start--;

		const unsigned long threads =
			(start == n ? 1 : strtoul(start, NULL, 10)) * t->a->cpus;

		if (threads == 0)
			return miss(t, "the store does not say how many CPUs the sweep had");
		snprintf(label, sizeof(label), "%.*s%lu thread%s", (int)(start - name), name,
			threads, threads == 1 ? "" : "s");
	}
	for (size_t c = 0; c < t->a->cell_count; c++) {
		if (strcmp(t->a->cells[c].label, label) == 0) {
			t->side[side].cell = c;
			t->result->cell[side] = t->a->cells[c].label;
			return true;
		}
	}
	return miss(t, "no sweep here has '%s'", label);
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

static bool is_named(const struct analysis_subject *s, const char *name)
{
	return strcmp(name, "ours") == 0    ? is_ours(s)
	       : strcmp(name, "exact") == 0 ? is_ours(s) && s->exact
					    : strcmp(name, s->label) == 0;
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

static struct stats_estimate logarithm(struct stats_estimate e)
{
	return (struct stats_estimate){log(e.point), e.lo > 0 ? log(e.lo) : -INFINITY, log(e.hi)};
}

/* x - y by the method of variance estimates recovery. */
static struct stats_estimate difference(struct stats_estimate x, struct stats_estimate y)
{
	const double point = x.point - y.point;

	return (struct stats_estimate){point, point - hypot(x.point - x.lo, y.hi - y.point),
		point + hypot(x.hi - x.point, y.point - y.lo)};
}

static struct stats_estimate percentile_of(const struct analysis_percentile *at, int which)
{
	return (struct stats_estimate){at[which].ns, at[which].lo, at[which].hi};
}

/*
 * What was timed of a row's calls, or its response times, on the measure's scale; a NAN for a point
 * where there is none.
 */
static struct stats_estimate time_of_calls(const struct attempt *t, int side, size_t subject)
{
	static const int percentile[] = {
		[RATIO_P50] = LATENCY_P50, [RATIO_P99] = LATENCY_P99, [RATIO_P999] = LATENCY_P999};
	const struct analysis_latency *l = analysis_latency(t->a, t->side[side].cell, subject);
	const struct analysis_at_load *r = at_load(t, side, subject);
	const struct analysis_percentile *at = NULL;
	double longest_ns = NAN;

	if (t->target->load == 0 && l != NULL) {
		at = l->at;
		longest_ns = l->longest_ns;
	} else if (t->target->load > 0 && r != NULL && r->kept) {
		at = r->at;
		longest_ns = r->longest_ns;
	}
	if (at == NULL || t->target->measure == RATIO_MAX)
		return (struct stats_estimate){longest_ns, -INFINITY, INFINITY};
	if (t->target->measure != RATIO_P99_P50)
		return percentile_of(at, percentile[t->target->measure]);

	const struct stats_estimate e = difference(logarithm(percentile_of(at, LATENCY_P99)),
		logarithm(percentile_of(at, LATENCY_P50)));

	return (struct stats_estimate){exp(e.point), exp(e.lo), exp(e.hi)};
}

/* Says why a row that was measured has no such time; false. */
static bool miss_time(struct attempt *t, int side, size_t subject)
{
	const char *label = t->a->subjects[subject].label, *cell = t->result->cell[side];
	const struct analysis_at_load *r = at_load(t, side, subject);

	if (t->target->load == 0)
		return miss(t, "too few calls of %.60s were timed in '%.90s'", label, cell);
	return miss(t,
		r == NULL  ? "%.60s was not measured at a load of %" PRIu32 " %% in '%.90s'"
		: !r->kept ? "%.60s does not keep a load of %" PRIu32 " %% in '%.90s'"
			   : "%.60s has too few response times at a load of %" PRIu32
			     " %% in '%.90s'",
		label, t->target->load, cell);
}

/* Whether a subject has a result in a side's cell: a count, or a time that compares. Else why. */
static bool has_result(struct attempt *t, int side, size_t subject)
{
	const struct analysis_result *r = analysis_at(t->a, t->side[side].cell, subject);
	const char *label = t->a->subjects[subject].label, *cell = t->result->cell[side];

	if (ratio_is_of_calls(t->target) && r->state == ANALYSIS_MEASURED && r->failed == 0 &&
		isnan(time_of_calls(t, side, subject).point))
		return miss_time(t, side, subject);
	/* A count wants those that failed; they were measured, or found nothing at all. */
	if (t->target->measure == RATIO_FAILED ? r->slices > 0
					       : r->state == ANALYSIS_MEASURED && r->failed == 0)
		return true;
	if (r->state == ANALYSIS_MEASURED)
		return miss(t,
			"%.60s failed %" PRIu64 " gets in '%.90s', so its time is not comparable",
			label, r->failed, cell);
	return miss(t, "%.60s %s in '%.90s'%s%.300s", label,
		r->state == ANALYSIS_ABSENT ? "was not measured" : "has no time", cell,
		r->reason == NULL ? "" : ": ", r->reason == NULL ? "" : r->reason);
}

static bool find_rows(struct attempt *t, int side)
{
	const struct ratio_side *s = &t->target->side[side];
	struct candidates *here = &t->side[side];
	size_t known = 0;

	for (size_t i = 0; i < t->a->subject_count; i++) {
		bool named = false;

		for (size_t k = 0; k < s->count; k++)
			named |= is_named(&t->a->subjects[i], s->name[k]);
		known += named;
		/* Where the other side is the same row, it must have a time there too. */
		if (named && has_result(t, side, i) && (!t->same || has_result(t, 1, i)))
			here->who[here->count++] = i;
	}
	if (here->count > 0 || known == 1) /* has_result said why */
		return here->count > 0;
	if (known == 0 && s->count == 1)
		return miss(
			t, "the sweep with '%s' has no row %s", t->result->cell[side], s->name[0]);
	return miss(t, "none of %s%s%s%s has a result in '%s'", s->name[0],
		s->count > 1 ? ", " : "", s->count > 1 ? s->name[1] : "",
		s->count > 2 ? ", ..." : "", t->result->cell[side]);
}

/* Subject x of a cell; or x against y, unless that is ALONE. */
struct contrast {
	size_t x, y;
};

#define ALONE SIZE_MAX

/* The values of a subject: logarithms of ns, or ns where sides are subtracted. */
static void take_values(
	const struct attempt *t, const struct analysis_raw *raw, size_t subject, double *out)
{
	for (size_t b = 0; b < raw->blocks; b++) {
		const double log_ns = raw->log_ns[subject * raw->blocks + b];

		out[b] = t->target->operation == RATIO_MINUS ? exp(log_ns) : log_ns;
	}
}

/* Estimates n contrasts of the cell of `side`; replicates may be NULL. */
static void estimate_contrasts(const struct attempt *t, int side, const struct contrast *contrasts,
	size_t n, struct stats_estimate *estimates, double *replicates)
{
	const size_t cell = t->side[side].cell;
	const struct analysis_raw *raw = &t->a->raws[cell];
	const struct stats_design design = {raw->forks, raw->start};
	AUTO_FREE double *values = need((n + 2) * raw->blocks, sizeof(*values));
	AUTO_FREE const double **rows = need(n, sizeof(*rows));

	for (size_t i = 0; i < n; i++) {
		const size_t x = contrasts[i].x, y = contrasts[i].y;
		double *out = values + i * raw->blocks, *one = values + n * raw->blocks;
		double *other = y == ALONE ? NULL : one + raw->blocks;

		take_values(t, raw, x, one);
		if (other != NULL)
			take_values(t, raw, y, other);
		rows[i] = out;
		t->result->all_used |= analysis_pair(one, raw->flagged + x * raw->blocks, other,
			other == NULL ? NULL : raw->flagged + y * raw->blocks, raw->blocks, out);
	}
	/* The report's seed, so that what both print comes from the same draws. */
	stats_bootstrap(&design, rows, n, replicates == NULL ? 0 : STATS_ROUNDS,
		t->a->seed + (uint64_t)t->a->cells[cell].id, estimates, replicates);
}

/* Puts the fastest candidate of a side first, by its paired effect against the first; and its value. */
static void choose(struct attempt *t, int side)
{
	struct candidates *here = &t->side[side];
	AUTO_FREE struct contrast *contrasts = need(here->count, sizeof(*contrasts));
	AUTO_FREE struct stats_estimate *e = need(here->count, sizeof(*e));
	size_t best = 0;

	for (size_t i = 0; i < here->count; i++)
		contrasts[i] = (struct contrast){here->who[i], here->who[0]};
	estimate_contrasts(t, side, contrasts, here->count, e, NULL);
	for (size_t i = 1; i < here->count && !(t->same && side == 1); i++)
		best = e[i].point < e[best].point ? i : best;
	*contrasts = (struct contrast){here->who[best], ALONE};
	here->who[best] = here->who[0];
	here->who[0] = contrasts->x;
	estimate_contrasts(t, side, contrasts, 1, e, NULL);
	t->result->value[side] = t->target->operation == RATIO_MINUS ? e->point
				 : t->target->measure == RATIO_RATE
					 ? analysis_rate(&t->a->cells[here->cell], e->point)
					 : exp(e->point);
}

/* Sides in different cells share no block: each is estimated by itself, then they are subtracted. */
static void estimate_apart(const struct attempt *t, const struct contrast *family, size_t n,
	struct stats_estimate *e, double *draws)
{
	AUTO_FREE struct contrast *alone = need(2 * n, sizeof(*alone));
	AUTO_FREE struct stats_estimate *other = need(n, sizeof(*other));
	AUTO_FREE double *drawn = need(n * STATS_ROUNDS, sizeof(*drawn));

	for (size_t k = 0; k < n; k++) {
		alone[k] = (struct contrast){family[k].x, ALONE};
		alone[n + k] = (struct contrast){family[k].y, ALONE};
	}
	estimate_contrasts(t, 0, alone, n, e, draws);
	estimate_contrasts(t, 1, alone + n, n, other, drawn);
	for (size_t k = 0; k < n; k++) {
		e[k].point -= other[k].point;
		if (!isfinite(other[k].lo))
			e[k].lo = -INFINITY;
	}
	for (size_t i = 0; i < n * STATS_ROUNDS; i++)
		draws[i] -= drawn[i];
}

/*
 * The estimate of the choice that was made, with an interval that holds for each that could have
 * been: of one side, the other as it is.
 */
static void estimate(struct attempt *t, struct stats_estimate *out)
{
	const struct candidates *x = &t->side[0], *y = &t->side[1];
	const size_t room = x->count + y->count;
	AUTO_FREE struct contrast *family = need(room, sizeof(*family));
	AUTO_FREE struct stats_estimate *e = need(room, sizeof(*e));
	AUTO_FREE double *draws = need(room * STATS_ROUNDS, sizeof(*draws));
	size_t n = 0;

	for (size_t i = 0; i < x->count; i++)
		family[n++] =
			(struct contrast){x->who[i], t->two ? y->who[t->same ? i : 0] : ALONE};
	for (size_t i = 1; i < y->count && !t->same; i++)
		family[n++] = (struct contrast){x->who[0], y->who[i]};
	if (t->two && x->cell != y->cell)
		estimate_apart(t, family, n, e, draws);
	else
		estimate_contrasts(t, 0, family, n, e, draws);
	*out = (struct stats_estimate){e->point, -INFINITY, INFINITY};
	if (isfinite(e->lo))
		stats_chosen(e, draws, n, STATS_ROUNDS, 0, out);
}

/* "mag_tls", "mag_tls, best of 17", "tcmalloc, best of 5 (no mimalloc)". */
static void tell_rows(struct attempt *t, int side)
{
	const struct ratio_side *s = &t->target->side[side];
	const struct candidates *here = &t->side[side];
	const char *label = t->a->subjects[here->who[0]].label, *between = " (no ";
	char *text = t->result->rows[side];

	snprintf(text, RATIO_TEXT_BYTES, "%.60s", label);
	if (ratio_is(s, "same") || ratio_is(s, label))
		return;
	append(text, RATIO_TEXT_BYTES, ", best of %zu", here->count);
	for (size_t i = 0; i < s->count; i++) {
		bool found = false;

		for (size_t k = 0; k < here->count; k++)
			found |= is_named(&t->a->subjects[here->who[k]], s->name[i]);
		if (found)
			continue;
		append(text, RATIO_TEXT_BYTES, "%s%.60s", between, s->name[i]);
		between = ", ";
	}
	append(text, RATIO_TEXT_BYTES, "%s", *between == ',' ? ")" : "");
}

/* e and wanted are on the same scale. */
static enum ratio_verdict verdict_of(
	const struct ratio_target *target, const struct stats_estimate *e, double wanted)
{
	const bool at_most = target->bound == RATIO_AT_MOST;

	if (target->bound == RATIO_NO_BOUND)
		return RATIO_SHOWN;
	if (at_most ? e->hi <= wanted : e->lo >= wanted)
		return RATIO_MET;
	return (at_most ? e->lo > wanted : e->hi < wanted) ? RATIO_MISSED : RATIO_UNDECIDED;
}

/* A count has no interval: it is what happened. Of several rows the worst, none of which may fail. */
static void count_failures(struct attempt *t)
{
	const struct candidates *here = &t->side[0];
	struct ratio_result *result = t->result;
	double most = -1;

	for (size_t i = 0; i < here->count; i++) {
		const double failed = (double)analysis_at(t->a, here->cell, here->who[i])->failed;

		if (failed > most) {
			most = failed;
			snprintf(result->rows[0], RATIO_TEXT_BYTES, "%.60s, worst of %zu",
				t->a->subjects[here->who[i]].label, here->count);
		}
	}
	if (here->count == 1)
		tell_rows(t, 0);
	else if (most == 0)
		snprintf(result->rows[0], RATIO_TEXT_BYTES, "each of %zu", here->count);
	result->value[0] = most;
	result->estimate = (struct stats_estimate){most, most, most};
	result->verdict = verdict_of(t->target, &result->estimate, t->target->wanted);
}

/* The least of a side's rows, which becomes the chosen one, and where that least may lie. */
static struct stats_estimate least_of_calls(struct attempt *t, int side)
{
	const struct candidates *here = &t->side[side];
	const size_t count = t->same && side == 1 ? 1 : here->count;
	struct stats_estimate least = {INFINITY, INFINITY, INFINITY};
	size_t best = 0;

	for (size_t i = 0; i < count; i++) {
		const struct stats_estimate e = time_of_calls(t, side, here->who[i]);

		if (e.point < least.point)
			best = i;
		least.point = fmin(least.point, e.point);
		least.lo = fmin(least.lo, e.lo);
		least.hi = fmin(least.hi, e.hi);
	}

	const size_t chosen = here->who[best];

	here->who[best] = here->who[0];
	here->who[0] = chosen;
	t->result->value[side] = least.point;
	return least;
}

static void work_out_calls(struct attempt *t)
{
	struct stats_estimate *e = &t->result->estimate;
	const bool over = t->target->operation == RATIO_OVER;
	struct stats_estimate x = least_of_calls(t, 0);

	tell_rows(t, 0);
	if (t->two) {
		struct stats_estimate y = least_of_calls(t, 1);

		tell_rows(t, 1);
		if (over) {
			x = logarithm(x);
			y = logarithm(y);
		}
		x = difference(x, y);
	}
	*e = x;
	t->result->verdict =
		verdict_of(t->target, e, over ? log(t->target->wanted) : t->target->wanted);
}

static void work_out(struct attempt *t)
{
	const struct ratio_target *target = t->target;
	struct stats_estimate *e = &t->result->estimate;

	for (int side = 0; side < (t->two ? 2 : 1); side++) {
		choose(t, side);
		tell_rows(t, side);
	}
	estimate(t, e);
	if (target->measure == RATIO_RATE) {
		const struct analysis_cell *one = &t->a->cells[t->side[0].cell];
		const struct analysis_cell *other = &t->a->cells[t->side[1].cell];
		const double lanes = log(((double)one->threads / one->lane_threads) /
					 ((double)other->threads / other->lane_threads));

		*e = (struct stats_estimate){lanes - e->point, lanes - e->hi, lanes - e->lo};
	}
	if (!t->two)
		*e = (struct stats_estimate){exp(e->point), exp(e->lo), exp(e->hi)};
	t->result->verdict = verdict_of(
		target, e, target->operation == RATIO_OVER ? log(target->wanted) : target->wanted);
}

/* One store: whether it has the target. */
static bool attempt_store(struct attempt *t)
{
	AUTO_FREE size_t *who = need(2 * t->a->subject_count, sizeof(*who));

	t->side[0].who = who;
	t->side[1].who = who + t->a->subject_count;
	if (!find_cell(t, 0) || (t->two && !find_cell(t, 1)) || !find_rows(t, 0) ||
		(t->two && !t->same && !find_rows(t, 1)))
		return false;
	if (t->same)
		t->side[1] = (struct candidates){t->side[1].cell, t->side[0].count, who};
	if (ratio_is_of_calls(t->target))
		work_out_calls(t);
	else if (t->target->measure == RATIO_FAILED)
		count_failures(t);
	else
		work_out(t);
	return true;
}

void ratio_evaluate(const struct ratio_target *target, const struct ratio_stores *stores,
	struct ratio_result *result)
{
	struct ratio_result absent = {.verdict = RATIO_ABSENT, .value = {NAN, NAN}};

	for (size_t i = 0; i < stores->count; i++) {
		struct attempt t = {.a = stores->item[i], .target = target, .result = result};

		t.two = target->operation != RATIO_ALONE;
		t.same = t.two && ratio_is(&target->side[1], "same");
		*result = (struct ratio_result){.store = i, .value = {NAN, NAN}};
		if (attempt_store(&t))
			return;
		/* Of several stores the one that has the cells tells why. */
		if (*absent.why == '\0' || result->cell[t.two] != NULL)
			memcpy(absent.why, result->why, sizeof(absent.why));
	}
	*result = absent;
}
