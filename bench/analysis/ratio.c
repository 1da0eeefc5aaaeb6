/* Targets into results: who stands on each side, and what the slices say. See ratio.h. */
#include "bench/analysis/ratio.h"

#include "alloc/context.h"
#include "alloc/machine/compiler.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *ratio_verdict_name(enum ratio_verdict verdict)
{
	static const char *const names[] = {
		[RATIO_MET] = "met",
		[RATIO_MISSED] = "missed",
		[RATIO_UNDECIDED] = "undecided",
		[RATIO_SHOWN] = "shown",
		[RATIO_ABSENT] = "absent",
	};

	return names[verdict];
}

/* How near a store came to having a target: of several stores the nearest one's reason is told. */
enum nearness { NEAR_NOTHING, NEAR_WORKLOAD, NEAR_CELL };

/* One store's attempt at a target. */
struct attempt {
	const struct analysis *a;
	const struct ratio_target *target;
	size_t cell[2];
	size_t *who[2]; /* candidates of each side: subjects */
	size_t count[2];
	size_t chosen[2]; /* places in who */
	enum nearness nearness;
	struct ratio_result *result;
};

/* Notes why the attempt ends here; false, for the caller to return. */
static bool miss(struct attempt *t, enum nearness nearness, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool miss(struct attempt *t, enum nearness nearness, const char *format, ...)
{
	va_list args;

	t->nearness = nearness;
	va_start(args, format);
	vsnprintf(t->result->why, sizeof(t->result->why), format, args);
	va_end(args);
	return false;
}

static bool fits(
	const struct ratio_cell *wanted, uint32_t threads, const struct analysis_cell *cell)
{
	return strcmp(wanted->workload, cell->workload) == 0 &&
	       (threads == 0 || threads == cell->threads) &&
	       (wanted->burst == 0 || wanted->burst == cell->burst) &&
	       (wanted->depth == 0 || wanted->depth == cell->depth) &&
	       (wanted->size == 0 || wanted->size == cell->object_bytes);
}

static bool find_cell(struct attempt *t, int side)
{
	const struct ratio_cell *wanted = &t->target->side[side].cell;
	const struct analysis *a = t->a;
	const uint32_t threads =
		wanted->threads_a_cpu ? wanted->threads * a->cpus : wanted->threads;
	size_t n = 0, of_workload = 0;

	if (wanted->threads_a_cpu && a->cpus == 0)
		return miss(t, NEAR_NOTHING, "the store does not say how many CPUs the sweep had");
	for (size_t c = 0; c < a->cell_count; c++) {
		of_workload += strcmp(wanted->workload, a->cells[c].workload) == 0;
		if (!fits(wanted, threads, &a->cells[c]))
			continue;
		t->cell[side] = c;
		n++;
	}
	if (of_workload == 0)
		return miss(t, NEAR_NOTHING, "no sweep here has %s", wanted->workload);
	if (n == 0 && threads > 0)
		return miss(t, NEAR_WORKLOAD,
			"%s was not measured like that, with %" PRIu32 " thread%s",
			wanted->workload, threads, threads == 1 ? "" : "s");
	if (n == 0)
		return miss(t, NEAR_WORKLOAD, "%s was not measured like that", wanted->workload);
	if (n > 1)
		return miss(t, NEAR_WORKLOAD,
			"%zu cells of %s fit; threads=, burst=, depth= or size= tells them apart",
			n, wanted->workload);
	t->result->cell[side] = a->cells[t->cell[side]].label;
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

/* Whether a subject's time in a cell is a time; if not, the reason, in `why` of RATIO_WHY_BYTES. */
static bool has_time(const struct analysis *a, size_t cell, size_t subject, char *why)
{
	const struct analysis_result *r = analysis_at(a, cell, subject);
	const char *label = a->subjects[subject].label;

	if (r->state != ANALYSIS_MEASURED) {
		snprintf(why, RATIO_WHY_BYTES, "%.60s %s in '%.90s'%s%.300s", label,
			r->state == ANALYSIS_ABSENT ? "was not measured" : "has no time",
			a->cells[cell].label, r->reason == NULL ? "" : ": ",
			r->reason == NULL ? "" : r->reason);
		return false;
	}
	if (r->failed > 0) {
		snprintf(why, RATIO_WHY_BYTES,
			"%.60s failed %" PRIu64 " gets in '%.90s', so its time is not comparable",
			label, r->failed, a->cells[cell].label);
		return false;
	}
	return true;
}

/* A folded row by its label, which is its name; SIZE_MAX if the store has none. */
static size_t find_row(const struct analysis *a, const char *name)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		if (strcmp(a->subjects[i].label, name) == 0)
			return i;
	}
	return SIZE_MAX;
}

static bool is_candidate(struct attempt *t, int side, size_t subject)
{
	const struct ratio_side *s = &t->target->side[side];
	const struct analysis_subject *it = &t->a->subjects[subject];
	char unused[RATIO_WHY_BYTES];

	if (s->rows == RATIO_NAMED) {
		for (size_t i = 0; i < s->names.count; i++) {
			if (strcmp(s->names.item[i], it->label) == 0)
				break;
			if (i + 1 == s->names.count)
				return false;
		}
	} else if (!is_ours(it) || (s->rows == RATIO_EXACT && !it->exact)) {
		return false;
	}
	/* A count wants those that failed; they were measured, or found nothing at all. */
	if (t->target->quantity == RATIO_FAILED)
		return analysis_at(t->a, t->cell[side], subject)->slices > 0;
	if (!has_time(t->a, t->cell[side], subject, unused))
		return false;
	/* Where the other side is the same row, it must have a time there too. */
	return t->target->operation == RATIO_ALONE || t->target->side[1].rows != RATIO_SAME ||
	       has_time(t->a, t->cell[1], subject, unused);
}

static bool find_rows(struct attempt *t, int side)
{
	const struct ratio_side *s = &t->target->side[side];
	const char *label = t->a->cells[t->cell[side]].label;
	size_t row;

	for (size_t i = 0; i < t->a->subject_count; i++) {
		if (is_candidate(t, side, i))
			t->who[side][t->count[side]++] = i;
	}
	if (t->count[side] > 0)
		return true;
	if (s->rows != RATIO_NAMED)
		return miss(t, NEAR_CELL, "none of ours has a result in '%s'", label);
	if (s->names.count > 1)
		return miss(t, NEAR_CELL, "none of %s, %s, ... has a result in '%s'",
			s->names.item[0], s->names.item[1], label);
	row = find_row(t->a, s->names.item[0]);
	if (row == SIZE_MAX)
		return miss(
			t, NEAR_CELL, "the sweep with '%s' has no row %s", label, s->names.item[0]);
	t->nearness = NEAR_CELL;
	if (has_time(t->a, t->cell[side], row, t->result->why))
		has_time(t->a, t->cell[1], row, t->result->why);
	return false;
}

/* The values of one subject in one cell: logarithms of ns, or ns where sides are subtracted. */
static void take_values(const struct attempt *t, int side, size_t subject, double *out)
{
	const struct analysis_raw *raw = &t->a->raws[t->cell[side]];
	const double *log_ns = raw->log_ns + subject * raw->blocks;
	const bool linear = t->target->operation == RATIO_LESS;

	for (size_t b = 0; b < raw->blocks; b++)
		out[b] = linear ? exp(log_ns[b]) : log_ns[b];
}

/* Series over one cell's blocks, and their estimates. */
struct series {
	const struct analysis_raw *raw;
	uint64_t seed;
	size_t rows, room;
	double *values, *x, *y; /* x and y: one row each, to be paired */
	const double **row;
	struct stats_estimate *estimates;
	double *replicates;
};

static void series_free(struct series *s)
{
	free(s->values);
	free(s->x);
	free(s->row);
	free(s->estimates);
	free(s->replicates);
}

static int series_alloc(const struct attempt *t, int side, size_t room, struct series *s)
{
	const struct analysis_raw *raw = &t->a->raws[t->cell[side]];

	/* The report's seed, so that what both print comes from the same draws. */
	*s = (struct series){.raw = raw,
		.seed = t->a->seed + (uint64_t)t->a->cells[t->cell[side]].id,
		.room = room};
	s->values = calloc(room * raw->blocks + 1, sizeof(*s->values));
	s->x = calloc(2 * raw->blocks + 1, sizeof(*s->x));
	s->y = s->x == NULL ? NULL : s->x + raw->blocks;
	s->row = calloc(room + 1, sizeof(*s->row));
	s->estimates = calloc(room + 1, sizeof(*s->estimates));
	s->replicates = calloc(room * STATS_ROUNDS + 1, sizeof(*s->replicates));
	return s->values && s->x && s->row && s->estimates && s->replicates ? 0 : -ENOMEM;
}

/* Adds subject x, or x against subject y; both of the cell of `side`. */
static void series_add(
	const struct attempt *t, int side, struct series *s, size_t x, const size_t *y)
{
	double *out = s->values + s->rows * s->raw->blocks;

	take_values(t, side, x, s->x);
	if (y != NULL)
		take_values(t, side, *y, s->y);
	t->result->all_used |= analysis_pair(s->x, s->raw->flagged + x * s->raw->blocks,
		y == NULL ? NULL : s->y, y == NULL ? NULL : s->raw->flagged + *y * s->raw->blocks,
		s->raw->blocks, out);
	s->row[s->rows++] = out;
}

static int series_estimate(struct series *s, uint32_t rounds)
{
	const struct stats_design design = {s->raw->forks, s->raw->start};

	return stats_bootstrap(
		&design, s->row, s->rows, rounds, s->seed, s->estimates, s->replicates);
}

/* The fastest candidate of a side: by its paired effect against the first of them. */
static int choose(struct attempt *t, int side)
{
	struct series s;
	int error = series_alloc(t, side, t->count[side], &s);

	t->chosen[side] = 0;
	for (size_t i = 0; i < t->count[side] && error == 0; i++)
		series_add(t, side, &s, t->who[side][i], &t->who[side][0]);
	if (error == 0)
		error = series_estimate(&s, 0);
	for (size_t i = 1; i < t->count[side] && error == 0; i++) {
		if (s.estimates[i].point < s.estimates[t->chosen[side]].point)
			t->chosen[side] = i;
	}
	series_free(&s);
	return error;
}

/* The time of the chosen row by itself. */
static int time_of(struct attempt *t, int side)
{
	const size_t subject = t->who[side][t->chosen[side]];
	struct series s;
	int error = series_alloc(t, side, 1, &s);

	if (error == 0) {
		series_add(t, side, &s, subject, NULL);
		error = series_estimate(&s, 0);
	}
	if (error == 0) {
		const double log_ns = t->target->operation == RATIO_LESS ? log(s.estimates[0].point)
									 : s.estimates[0].point;

		t->result->value[side] =
			t->target->quantity == RATIO_RATE
				? analysis_rate(&t->a->cells[t->cell[side]], log_ns)
				: exp(log_ns);
	}
	series_free(&s);
	return error;
}

/*
 * What the sides could have been: one series of replicates for each choice that could have been made
 * of one side, the other as it is. The first is the choice that was made.
 */
struct family {
	size_t count;
	struct stats_estimate *estimates;
	double *replicates;
};

static int family_alloc(struct family *f, size_t room)
{
	f->estimates = calloc(room + 1, sizeof(*f->estimates));
	f->replicates = calloc(room * STATS_ROUNDS + 1, sizeof(*f->replicates));
	return f->estimates && f->replicates ? 0 : -ENOMEM;
}

static void family_free(struct family *f)
{
	free(f->estimates);
	free(f->replicates);
}

/* Adds row i of one set of series, less row j of another where there is one. */
static void family_add(
	struct family *f, const struct series *one, size_t i, const struct series *other, size_t j)
{
	const double *x = one->replicates + i * STATS_ROUNDS;
	const double *y = other == NULL ? NULL : other->replicates + j * STATS_ROUNDS;
	struct stats_estimate *e = &f->estimates[f->count];
	double *out = f->replicates + f->count++ * STATS_ROUNDS;

	*e = one->estimates[i];
	if (other != NULL) {
		e->point -= other->estimates[j].point;
		if (!isfinite(e->lo) || !isfinite(other->estimates[j].lo)) {
			e->lo = -INFINITY;
			e->hi = INFINITY;
		}
	}
	for (uint32_t k = 0; k < STATS_ROUNDS; k++)
		out[k] = x[k] - (y == NULL ? 0 : y[k]);
}

/* Both sides in one cell: within its blocks. */
static int gather_paired(struct attempt *t, struct family *f)
{
	const size_t n = t->chosen[0], m = t->chosen[1];
	struct series s;
	int error = series_alloc(t, 0, t->count[0] + t->count[1], &s);

	if (error == 0) {
		series_add(t, 0, &s, t->who[0][n], &t->who[1][m]);
		for (size_t i = 0; i < t->count[0]; i++) {
			if (i != n)
				series_add(t, 0, &s, t->who[0][i], &t->who[1][m]);
		}
		for (size_t j = 0; j < t->count[1]; j++) {
			if (j != m)
				series_add(t, 0, &s, t->who[0][n], &t->who[1][j]);
		}
		error = series_estimate(&s, STATS_ROUNDS);
	}
	for (size_t i = 0; i < s.rows && error == 0; i++)
		family_add(f, &s, i, NULL, 0);
	series_free(&s);
	return error;
}

/* Sides that share no block, or the first side alone. */
static int gather_apart(struct attempt *t, struct family *f)
{
	const bool two = t->target->operation != RATIO_ALONE;
	const bool same = two && t->target->side[1].rows == RATIO_SAME;
	const size_t n = t->chosen[0], m = t->chosen[1];
	struct series s[2] = {0};
	int error = 0;

	for (int side = 0; side < (two ? 2 : 1) && error == 0; side++) {
		error = series_alloc(t, side, t->count[side], &s[side]);
		for (size_t i = 0; i < t->count[side] && error == 0; i++)
			series_add(t, side, &s[side], t->who[side][i], NULL);
		if (error == 0)
			error = series_estimate(&s[side], STATS_ROUNDS);
	}
	if (error == 0) {
		family_add(f, &s[0], n, two ? &s[1] : NULL, m);
		for (size_t i = 0; i < t->count[0]; i++) {
			if (i != n)
				family_add(f, &s[0], i, two ? &s[1] : NULL, same ? i : m);
		}
		for (size_t j = 0; j < t->count[1] && two && !same; j++) {
			if (j != m)
				family_add(f, &s[0], n, &s[1], j);
		}
	}
	series_free(&s[0]);
	series_free(&s[1]);
	return error;
}

static int estimate(struct attempt *t, struct stats_estimate *out)
{
	const bool paired = t->target->operation != RATIO_ALONE && t->cell[0] == t->cell[1];
	struct family f = {0};
	int error = family_alloc(&f, t->count[0] + t->count[1]);

	if (error == 0)
		error = paired ? gather_paired(t, &f) : gather_apart(t, &f);
	if (error == 0) {
		*out = f.estimates[0];
		if (isfinite(out->lo))
			error = stats_chosen(
				f.estimates, f.replicates, f.count, STATS_ROUNDS, 0, out);
	}
	family_free(&f);
	return error;
}

/* "mag_tls", "mag_tls, best of 17", "tcmalloc, best of 5 (no mimalloc)". */
static void tell_rows(struct attempt *t, int side)
{
	const struct ratio_side *s = &t->target->side[side];
	char *text = t->result->rows[side];
	size_t used = (size_t)snprintf(text, RATIO_TEXT_BYTES, "%.60s",
		t->a->subjects[t->who[side][t->chosen[side]]].label);
	size_t missing = 0;

	if (s->rows == RATIO_SAME || (s->rows == RATIO_NAMED && s->names.count == 1))
		return;
	used += (size_t)snprintf(
		text + used, RATIO_TEXT_BYTES - used, ", best of %zu", t->count[side]);
	for (size_t i = 0; s->rows == RATIO_NAMED && i < s->names.count; i++) {
		bool here = false;

		for (size_t k = 0; k < t->count[side]; k++)
			here |= strcmp(s->names.item[i], t->a->subjects[t->who[side][k]].label) ==
				0;
		if (!here && used < RATIO_TEXT_BYTES)
			used += (size_t)snprintf(text + used, RATIO_TEXT_BYTES - used, "%s%.60s",
				missing++ == 0 ? " (no " : ", ", s->names.item[i]);
	}
	if (missing > 0 && used < RATIO_TEXT_BYTES)
		snprintf(text + used, RATIO_TEXT_BYTES - used, ")");
}

static enum ratio_verdict verdict_of(
	const struct ratio_target *target, const struct stats_estimate *e, double wanted)
{
	const bool at_most = target->bound == RATIO_AT_MOST;

	if (target->bound == RATIO_NO_TARGET)
		return RATIO_SHOWN;
	if (at_most ? e->hi <= wanted : e->lo >= wanted)
		return RATIO_MET;
	if (at_most ? e->lo > wanted : e->hi < wanted)
		return RATIO_MISSED;
	return RATIO_UNDECIDED;
}

/* A count has no interval: it is what happened. Of several rows the worst, none of which may fail. */
static void count_failures(struct attempt *t)
{
	struct ratio_result *result = t->result;
	uint64_t most = 0;

	for (size_t i = 0; i < t->count[0]; i++) {
		const uint64_t failed = analysis_at(t->a, t->cell[0], t->who[0][i])->failed;

		if (failed > most) {
			most = failed;
			t->chosen[0] = i;
		}
	}
	if (t->count[0] == 1)
		tell_rows(t, 0);
	else if (most == 0)
		snprintf(result->rows[0], RATIO_TEXT_BYTES, "each of %zu", t->count[0]);
	else
		snprintf(result->rows[0], RATIO_TEXT_BYTES, "%.60s, worst of %zu",
			t->a->subjects[t->who[0][t->chosen[0]]].label, t->count[0]);
	result->value[0] = (double)most;
	result->estimate = (struct stats_estimate){(double)most, (double)most, (double)most};
	result->verdict = verdict_of(t->target, &result->estimate, t->target->wanted);
}

static int work_out(struct attempt *t)
{
	const struct ratio_target *target = t->target;
	struct ratio_result *result = t->result;
	const bool two = target->operation != RATIO_ALONE;
	int error = choose(t, 0);

	if (two && target->side[1].rows == RATIO_SAME)
		t->chosen[1] = t->chosen[0];
	else if (two && error == 0)
		error = choose(t, 1);
	if (error == 0)
		error = time_of(t, 0);
	if (error == 0 && two)
		error = time_of(t, 1);
	if (error == 0)
		error = estimate(t, &result->estimate);
	if (error != 0)
		return error;
	tell_rows(t, 0);
	if (two)
		tell_rows(t, 1);

	struct stats_estimate *e = &result->estimate;

	if (target->quantity == RATIO_RATE) {
		const struct analysis_cell *one = &t->a->cells[t->cell[0]];
		const struct analysis_cell *other = &t->a->cells[t->cell[1]];
		const double lanes = log(((double)one->threads / one->lane_threads) /
					 ((double)other->threads / other->lane_threads));

		*e = (struct stats_estimate){lanes - e->point, lanes - e->hi, lanes - e->lo};
	}
	if (!two)
		*e = (struct stats_estimate){exp(e->point), exp(e->lo), exp(e->hi)};
	result->verdict = verdict_of(target, e,
		target->operation == RATIO_DIVIDED ? log(target->wanted) : target->wanted);
	return 0;
}

/* One store. 0 or -ENOMEM; *found: it has the target. */
static int attempt_store(struct attempt *t, bool *found)
{
	const bool two = t->target->operation != RATIO_ALONE;

	*found = find_cell(t, 0) && (!two || find_cell(t, 1)) && find_rows(t, 0);
	if (*found && two && t->target->side[1].rows == RATIO_SAME) {
		memcpy(t->who[1], t->who[0], t->count[0] * sizeof(**t->who));
		t->count[1] = t->count[0];
	} else if (*found && two) {
		*found = find_rows(t, 1);
	}
	if (!*found)
		return 0;
	if (t->target->quantity == RATIO_FAILED) {
		count_failures(t);
		return 0;
	}
	return work_out(t);
}

int ratio_evaluate(const struct ratio_target *target, struct analysis *const *stores,
	size_t store_count, struct ratio_result *result)
{
	enum nearness nearest = NEAR_NOTHING;
	struct ratio_result absent = {.verdict = RATIO_ABSENT, .value = {NAN, NAN}};
	bool found = false;
	int error = 0;

	for (size_t i = 0; i < store_count && error == 0 && !found; i++) {
		struct attempt t = {.a = stores[i], .target = target, .result = result};

		*result = (struct ratio_result){.store = i, .value = {NAN, NAN}};
		for (int side = 0; side < 2; side++)
			t.who[side] = calloc(stores[i]->subject_count + 1, sizeof(**t.who));
		error = t.who[0] == NULL || t.who[1] == NULL ? -ENOMEM : attempt_store(&t, &found);
		free(t.who[0]);
		free(t.who[1]);
		if (!found && (*absent.why == '\0' || t.nearness > nearest)) {
			nearest = t.nearness;
			memcpy(absent.why, result->why, sizeof(absent.why));
		}
	}
	if (error == 0 && !found)
		*result = absent;
	return error;
}
