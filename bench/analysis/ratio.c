/* Targets into results: which rows stand on each side, and what their slices say. See ratio.h. */
#include "bench/analysis/ratio.h"

#include "alloc/context.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* One store's attempt at a target. */
struct attempt {
	const struct analysis *a;
	const struct ratio_target *target;
	bool two, same; /* there is a second side; it is the first one's row in another cell */
	size_t cell[2];
	size_t *who[2]; /* candidates of each side: subjects */
	size_t count[2];
	size_t chosen[2]; /* subjects */
	struct ratio_result *result;
};

/* Notes why the attempt ends here; false, for the caller to return. */
static bool miss(struct attempt *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool miss(struct attempt *t, const char *format, ...)
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
			t->cell[side] = c;
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

/* Whether a subject has a result in a side's cell: a count, or a time that compares. Else why. */
static bool has_result(struct attempt *t, int side, size_t subject)
{
	const struct analysis_result *r = analysis_at(t->a, t->cell[side], subject);
	const char *label = t->a->subjects[subject].label;
	const char *cell = t->a->cells[t->cell[side]].label;

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
	const char *label = t->a->cells[t->cell[side]].label;
	size_t known = 0;

	for (size_t i = 0; i < t->a->subject_count; i++) {
		bool named = false;

		for (size_t k = 0; k < s->count; k++)
			named |= is_named(&t->a->subjects[i], s->name[k]);
		known += named;
		/* Where the other side is the same row, it must have a time there too. */
		if (named && has_result(t, side, i) && (!t->same || has_result(t, 1, i)))
			t->who[side][t->count[side]++] = i;
	}
	if (t->count[side] > 0)
		return true;
	if (known == 1)
		return false; /* has_result said why */
	if (known == 0 && s->count == 1)
		return miss(t, "the sweep with '%s' has no row %s", label, s->name[0]);
	return miss(t, "none of %s%s%s%s has a result in '%s'", s->name[0],
		s->count > 1 ? ", " : "", s->count > 1 ? s->name[1] : "",
		s->count > 2 ? ", ..." : "", label);
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

/* Estimates n contrasts of the cell of `side`; replicates may be NULL, as in stats_bootstrap. */
static int estimate_contrasts(const struct attempt *t, int side, const struct contrast *contrasts,
	size_t n, struct stats_estimate *estimates, double *replicates)
{
	const struct analysis_raw *raw = &t->a->raws[t->cell[side]];
	const struct stats_design design = {raw->forks, raw->start};
	/* The report's seed, so that what both print comes from the same draws. */
	const uint64_t seed = t->a->seed + (uint64_t)t->a->cells[t->cell[side]].id;
	double *values = calloc((n + 2) * raw->blocks + 1, sizeof(*values));
	const double **rows = calloc(n + 1, sizeof(*rows));
	int error = values == NULL || rows == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < n && error == 0; i++) {
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
	if (error == 0)
		error = stats_bootstrap(&design, rows, n, replicates == NULL ? 0 : STATS_ROUNDS,
			seed, estimates, replicates);
	free(values);
	free(rows);
	return error;
}

/* Chooses the fastest candidate of a side, by its paired effect against the first; and its value. */
static int choose(struct attempt *t, int side)
{
	const struct analysis_cell *cell = &t->a->cells[t->cell[side]];
	const size_t n = t->count[side], *who = t->who[side];
	struct contrast *contrasts = calloc(n + 1, sizeof(*contrasts));
	struct stats_estimate *e = calloc(n + 1, sizeof(*e));
	size_t best = 0;
	int error = contrasts == NULL || e == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < n && error == 0; i++)
		contrasts[i] = (struct contrast){who[i], who[0]};
	if (error == 0)
		error = estimate_contrasts(t, side, contrasts, n, e, NULL);
	for (size_t i = 1; i < n && error == 0; i++) {
		if (e[i].point < e[best].point)
			best = i;
	}
	t->chosen[side] = t->same && side == 1 ? t->chosen[0] : who[best];
	if (error == 0)
		error = estimate_contrasts(
			t, side, &(struct contrast){t->chosen[side], ALONE}, 1, e, NULL);
	if (error == 0)
		t->result->value[side] = t->target->operation == RATIO_MINUS ? e->point
					 : t->target->measure == RATIO_RATE
						 ? analysis_rate(cell, e->point)
						 : exp(e->point);
	free(contrasts);
	free(e);
	return error;
}

/*
 * Every choice that could have been made of one side, the other as it is; first the choice that was
 * made. Returns how many.
 */
static size_t choices(const struct attempt *t, struct contrast *family)
{
	const struct contrast made = {t->chosen[0], t->two ? t->chosen[1] : ALONE};
	size_t n = 0;

	family[n++] = made;
	for (size_t i = 0; i < t->count[0]; i++) {
		if (t->who[0][i] != made.x)
			family[n++] =
				(struct contrast){t->who[0][i], t->same ? t->who[0][i] : made.y};
	}
	for (size_t i = 0; i < t->count[1] && !t->same; i++) {
		if (t->who[1][i] != made.y)
			family[n++] = (struct contrast){made.x, t->who[1][i]};
	}
	return n;
}

/* The estimate of the choice that was made, with an interval that holds for each that could have been. */
static int estimate(struct attempt *t, struct stats_estimate *out)
{
	const size_t room = t->count[0] + t->count[1];
	struct contrast *family = calloc(2 * room, sizeof(*family));
	struct stats_estimate *e = calloc(2 * room, sizeof(*e));
	double *draws = calloc(2 * room * STATS_ROUNDS, sizeof(*draws));
	int error = family == NULL || e == NULL || draws == NULL ? -ENOMEM : 0;
	const size_t n = error == 0 ? choices(t, family) : 0;

	if (error == 0 && (!t->two || t->cell[0] == t->cell[1])) {
		error = estimate_contrasts(t, 0, family, n, e, draws);
	} else if (error == 0) { /* they share no block: each by itself, then subtracted */
		struct contrast *alone = family + room;
		struct stats_estimate *other = e + room;
		double *drawn = draws + room * STATS_ROUNDS;

		for (size_t k = 0; k < n; k++)
			alone[k] = (struct contrast){family[k].x, ALONE};
		error = estimate_contrasts(t, 0, alone, n, e, draws);
		for (size_t k = 0; k < n; k++)
			alone[k] = (struct contrast){family[k].y, ALONE};
		if (error == 0)
			error = estimate_contrasts(t, 1, alone, n, other, drawn);
		for (size_t k = 0; k < n; k++) {
			e[k].point -= other[k].point;
			if (!isfinite(other[k].lo))
				e[k].lo = -INFINITY;
		}
		for (size_t i = 0; i < n * STATS_ROUNDS; i++)
			draws[i] -= drawn[i];
	}
	if (error == 0 && isfinite(e->lo))
		error = stats_chosen(e, draws, n, STATS_ROUNDS, 0, out);
	else if (error == 0)
		*out = (struct stats_estimate){e->point, -INFINITY, INFINITY};
	free(family);
	free(e);
	free(draws);
	return error;
}

/* "mag_tls", "mag_tls, best of 17", "tcmalloc, best of 5 (no mimalloc)". */
static void tell_rows(struct attempt *t, int side)
{
	const struct ratio_side *s = &t->target->side[side];
	char *text = t->result->rows[side];
	const char *label = t->a->subjects[t->chosen[side]].label, *between = " (no ";
	size_t used = (size_t)snprintf(text, RATIO_TEXT_BYTES, "%.60s", label);

	if (ratio_is(s, "same") || ratio_is(s, label))
		return;
	used += (size_t)snprintf(
		text + used, RATIO_TEXT_BYTES - used, ", best of %zu", t->count[side]);
	for (size_t i = 0; i < s->count && used < RATIO_TEXT_BYTES; i++) {
		bool here = false;

		for (size_t k = 0; k < t->count[side]; k++)
			here |= is_named(&t->a->subjects[t->who[side][k]], s->name[i]);
		if (here)
			continue;
		used += (size_t)snprintf(
			text + used, RATIO_TEXT_BYTES - used, "%s%.60s", between, s->name[i]);
		between = ", ";
	}
	if (*between == ',' && used < RATIO_TEXT_BYTES)
		snprintf(text + used, RATIO_TEXT_BYTES - used, ")");
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
	struct ratio_result *result = t->result;
	double most = -1;

	for (size_t i = 0; i < t->count[0]; i++) {
		const double failed = (double)analysis_at(t->a, t->cell[0], t->who[0][i])->failed;

		if (failed > most) {
			most = failed;
			t->chosen[0] = t->who[0][i];
		}
	}
	if (t->count[0] == 1)
		tell_rows(t, 0);
	else if (most == 0)
		snprintf(result->rows[0], RATIO_TEXT_BYTES, "each of %zu", t->count[0]);
	else
		snprintf(result->rows[0], RATIO_TEXT_BYTES, "%.60s, worst of %zu",
			t->a->subjects[t->chosen[0]].label, t->count[0]);
	result->value[0] = most;
	result->estimate = (struct stats_estimate){most, most, most};
	result->verdict = verdict_of(t->target, &result->estimate, t->target->wanted);
}

static int work_out(struct attempt *t)
{
	const struct ratio_target *target = t->target;
	struct stats_estimate *e = &t->result->estimate;
	int error = choose(t, 0);

	if (error == 0 && t->two)
		error = choose(t, 1);
	if (error == 0)
		error = estimate(t, e);
	if (error != 0)
		return error;
	tell_rows(t, 0);
	if (t->two)
		tell_rows(t, 1);
	if (target->measure == RATIO_RATE) {
		const struct analysis_cell *one = &t->a->cells[t->cell[0]];
		const struct analysis_cell *other = &t->a->cells[t->cell[1]];
		const double lanes = log(((double)one->threads / one->lane_threads) /
					 ((double)other->threads / other->lane_threads));

		*e = (struct stats_estimate){lanes - e->point, lanes - e->hi, lanes - e->lo};
	}
	if (!t->two)
		*e = (struct stats_estimate){exp(e->point), exp(e->lo), exp(e->hi)};
	t->result->verdict = verdict_of(
		target, e, target->operation == RATIO_OVER ? log(target->wanted) : target->wanted);
	return 0;
}

/* One store. 0 or -ENOMEM; *found: it has the target. */
static int attempt_store(struct attempt *t, bool *found)
{
	*found = find_cell(t, 0) && (!t->two || find_cell(t, 1)) && find_rows(t, 0);
	if (*found && t->same) {
		memcpy(t->who[1], t->who[0], t->count[0] * sizeof(**t->who));
		t->count[1] = t->count[0];
	} else if (*found && t->two) {
		*found = find_rows(t, 1);
	}
	if (*found && t->target->measure == RATIO_FAILED)
		count_failures(t);
	return *found && t->target->measure != RATIO_FAILED ? work_out(t) : 0;
}

int ratio_evaluate(const struct ratio_target *target, const struct ratio_stores *stores,
	struct ratio_result *result)
{
	struct ratio_result absent = {.verdict = RATIO_ABSENT, .value = {NAN, NAN}};
	bool found = false;
	int error = 0;

	for (size_t i = 0; i < stores->count && error == 0 && !found; i++) {
		const struct analysis *a = stores->item[i];
		struct attempt t = {.a = a, .target = target, .result = result};

		t.two = target->operation != RATIO_ALONE;
		t.same = t.two && ratio_is(&target->side[1], "same");
		*result = (struct ratio_result){.store = i, .value = {NAN, NAN}};
		for (int side = 0; side < 2; side++)
			t.who[side] = calloc(a->subject_count + 1, sizeof(**t.who));
		error = t.who[0] == NULL || t.who[1] == NULL ? -ENOMEM : attempt_store(&t, &found);
		free(t.who[0]);
		free(t.who[1]);
		/* Of several stores the one that has the cells tells why. */
		if (*absent.why == '\0' || result->cell[t.two] != NULL)
			memcpy(absent.why, result->why, sizeof(absent.why));
	}
	if (error == 0 && !found)
		*result = absent;
	return error;
}
