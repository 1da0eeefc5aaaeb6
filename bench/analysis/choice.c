/* See choice.h. */
#include "bench/analysis/choice.h"

#include "alloc/pool.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a cell is, and what a subject promises: a bit each. */
enum { ANY = 1, HANDED_OVER = 2, BURSTS = 4, CROWDED = 8, SCARCE = 16 };
enum {
	NEVER_WAITS = 1,
	EXACT = 2,
	SIGNALS = 4,
	NO_RSEQ = 8,
	BARE_C11 = 16,
	WAIT_FREE = 32,
	PREFILL = 64,
	GIVES_BACK = 128, /* by a trim; or it has its memory from a general allocator */
};

static const struct situation {
	const char *text;
	unsigned cell, traits;
	enum choice_by by;
} situations[] = {
	{"objects are freed on another CPU", HANDED_OVER, 0, CHOICE_TIME},
	{"packets come in bursts", BURSTS, 0, CHOICE_TIME},
	{"there are more threads than CPUs", CROWDED, 0, CHOICE_TIME},
	{"the pool is nearly exhausted", SCARCE, EXACT, CHOICE_TIME},
	{"memory is short", ANY, 0, CHOICE_MEMORY},
	{"the tail of calls matters", ANY, 0, CHOICE_TAIL},
	{"no call may block", ANY, NEVER_WAITS, CHOICE_TIME},
	{"every call must end after so many steps", ANY, WAIT_FREE, CHOICE_TIME},
	{"some gets must not fail", ANY, PREFILL, CHOICE_TIME},
	{"memory must go back to the system", ANY, GIVES_BACK, CHOICE_TIME},
	{"signal handlers get and put", ANY, SIGNALS, CHOICE_TIME},
	{"there is no rseq", ANY, NO_RSEQ, CHOICE_TIME},
	{"it must be bare C11", ANY, NO_RSEQ | BARE_C11, CHOICE_TIME},
};

static_assert(sizeof(situations) / sizeof(situations[0]) <= CHOICE_SITUATIONS_MAX,
	"a caller's array must hold all of them");

static unsigned kinds_of(const struct analysis_cell *cell)
{
	char bursts[ANALYSIS_SENTENCE_BYTES];

	/* Cells of workloads without bursts carry a number as well, but not in their label. */
	snprintf(bursts, sizeof(bursts), "%s %" PRIu32, cell->workload, cell->burst);
	return (unsigned)(ANY |
			  (cell->lane_threads > 1 && !cell->oversubscribed ? HANDED_OVER : 0) |
			  (cell->oversubscribed ? CROWDED : 0) | (cell->capped ? SCARCE : 0) |
			  (cell->burst > 1 && !cell->oversubscribed &&
						  strncmp(cell->label, bursts, strlen(bursts)) == 0
					  ? BURSTS
					  : 0));
}

/* By the store, and what that does not say by this build's list. */
static unsigned traits_of(const struct analysis_subject *subject)
{
	const struct pool_ops *ops = pool_find(subject->pool);
	const bool wait_free = strcmp(subject->progress, "wait-free") == 0;
	const bool never_waits = wait_free || strcmp(subject->progress, "lock-free") == 0;
	unsigned traits = (never_waits ? NEVER_WAITS : 0u) | (wait_free ? WAIT_FREE : 0u) |
			  (subject->exact && subject->is_pool ? EXACT : 0u);

	if (ops != NULL && subject->library == NULL)
		traits |= (ops->traits.signals ? SIGNALS : 0u) |
			  (ops->traits.trims || ops->traits.kind == POOL_KIND_ALLOCATOR ? GIVES_BACK
											: 0u) |
			  (ops->prefill != NULL ? PREFILL : 0u) |
			  (ops->traits.needs_rseq ? 0u : NO_RSEQ) |
			  (subject->is_pool && !ops->traits.needs_cx16 && !ops->traits.needs_library
					  ? BARE_C11
					  : 0u);
	else
		traits |= NO_RSEQ | (subject->library != NULL ? GIVES_BACK : 0u);
	return traits;
}

static const struct {
	unsigned trait;
	const char *word, *lack;
} trait_words[] = {
	{NEVER_WAITS, "never-waits", "may wait"},
	{EXACT, "exact", "may miss a free object"},
	{WAIT_FREE, "wait-free", "is not wait-free"},
	{PREFILL, "prefill", "can't promise gets"},
	{GIVES_BACK, "gives-back", "keeps its memory"},
	{SIGNALS, "signals", "is not for signal handlers"},
	{NO_RSEQ, "no-rseq", "needs rseq"},
	{BARE_C11, "bare-c11", "is not bare C11"},
};

/* The words of some traits, or of their lack. */
static void put_traits(unsigned traits, bool lack, const char *between, char *text)
{
	*text = '\0';
	for (size_t i = 0; i < sizeof(trait_words) / sizeof(trait_words[0]); i++) {
		if ((traits & trait_words[i].trait) != 0)
			append(text, ANALYSIS_SENTENCE_BYTES, "%s%s", *text == '\0' ? "" : between,
				lack ? trait_words[i].lack : trait_words[i].word);
	}
}

void choice_lacks(const struct analysis_subject *subject, unsigned wanted, char *text)
{
	put_traits(wanted & ~traits_of(subject), true, " and ", text);
}

void choice_traits(const struct analysis_subject *subject, char *text)
{
	put_traits(traits_of(subject), false, " ", text);
}

/* What the rows of some cells come to, all of one contest. */
struct field {
	const struct analysis *a;
	enum contest contest;
	enum choice_by by;
	double *value;   /* of cell and subject; NAN: none */
	double *best;    /* of each cell; NAN: it is not asked */
	double *slowest; /* likewise */
	int *tail;       /* the percentile that a cell's tail is */
	size_t *share;   /* how many cells of its workload are asked; 0: it is not */
	size_t cells, workloads;
};

static bool failed_much(const struct analysis_result *r)
{
	return (double)r->failed > CHOICE_FAILED * (double)(r->units + r->failed);
}

/* The p99.9, if at least half of the rows of a cell that have a p99 have that too; else the p99. */
static int tail_of(const struct analysis *a, size_t c)
{
	size_t with[LATENCY_PERCENTILES] = {0};

	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_latency *l =
			analysis_in_contest(a, c, i) ? analysis_latency(a, c, i) : NULL;

		with[LATENCY_P99] += l != NULL && isfinite(l->at[LATENCY_P99].ns) ? 1 : 0;
		with[LATENCY_P999] += l != NULL && isfinite(l->at[LATENCY_P999].ns) ? 1 : 0;
	}
	return 2 * with[LATENCY_P999] >= with[LATENCY_P99] ? LATENCY_P999 : LATENCY_P99;
}

/* The logarithm of what a row has in a fork of a cell; NAN without any. */
static double value_of_fork(const struct field *f, size_t c, size_t i, size_t k)
{
	const struct analysis_result *r = analysis_at(f->a, c, i);
	const struct analysis_latency *l = analysis_latency(f->a, c, i);

	if (f->by == CHOICE_TIME)
		return r->best_medians == NULL ? NAN : r->best_medians[k];
	if (f->by == CHOICE_TAIL)
		return l == NULL ? NAN : log(l->ns_of[f->tail[c]][k]);
	return r->memory.known ? log(r->memory.object_bytes_of[k]) : NAN;
}

static double value_of(const struct field *f, size_t c, size_t i)
{
	const struct analysis_result *r = analysis_at(f->a, c, i);
	const struct analysis_latency *l = analysis_latency(f->a, c, i);
	double value = NAN;

	if (!analysis_in_contest(f->a, c, i) || r->state != ANALYSIS_MEASURED || failed_much(r))
		return NAN;
	if (f->by == CHOICE_TIME)
		value = r->to_best.point;
	else if (f->by == CHOICE_TAIL)
		value = l == NULL ? NAN : log(l->at[f->tail[c]].ns);
	else if (r->memory.known)
		value = log(r->memory.object_bytes);
	return isfinite(value) ? value : NAN;
}

static void field_free(struct field *f)
{
	free(f->value);
	free(f->best);
	free(f->slowest);
	free(f->tail);
	free(f->share);
}

/* kinds: of which a cell must have one; decided: only cells of which enough forks tell. */
static struct field field_make(const struct analysis *a, enum contest contest, enum choice_by by,
	unsigned kinds, bool decided)
{
	struct field f = {.a = a,
		.contest = contest,
		.by = by,
		.value = need(a->cell_count * a->subject_count, sizeof(double)),
		.best = need(a->cell_count, sizeof(double)),
		.slowest = need(a->cell_count, sizeof(double)),
		.tail = need(a->cell_count, sizeof(int)),
		.share = need(a->cell_count, sizeof(size_t))};

	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_cell *cell = &a->cells[c];

		f.best[c] = f.slowest[c] = NAN;
		f.tail[c] = by == CHOICE_TAIL ? tail_of(a, c) : 0;
		if (cell->contest != contest || !cell->has_best || (decided && cell->preliminary) ||
			(kinds_of(cell) & kinds) == 0)
			continue;
		for (size_t i = 0; i < a->subject_count; i++) {
			const double value = f.value[c * a->subject_count + i] = value_of(&f, c, i);

			f.best[c] = fmin(f.best[c], value);
			f.slowest[c] = fmax(f.slowest[c], value);
		}
		f.cells += isnan(f.best[c]) ? 0 : 1;
	}
	for (size_t c = 0; c < a->cell_count; c++) {
		bool earlier = false;

		for (size_t o = 0; o < a->cell_count && !isnan(f.best[c]); o++) {
			const size_t same = !isnan(f.best[o]) &&
					    strcmp(a->cells[o].workload, a->cells[c].workload) == 0;

			f.share[c] += same;
			earlier |= same > 0 && o < c;
		}
		f.workloads += f.share[c] > 0 && !earlier;
	}
	return f;
}

/* How far a value lies behind the best of a cell; the slowest row's stands for none. */
static double distance_of(const struct field *f, size_t c, double value)
{
	return (isnan(value) ? f->slowest[c] : value) - f->best[c];
}

/* What a cell adds to a row's typical distance by a value. */
static double part_of(const struct field *f, size_t c, double value)
{
	return distance_of(f, c, value) / (double)(f->share[c] * f->workloads);
}

/* The row with the best value of a cell. */
static size_t first_of(const struct field *f, size_t c)
{
	size_t i = 0;

	while (f->value[c * f->a->subject_count + i] != f->best[c])
		i++;
	return i;
}

static struct choice_pick pick_of(const struct field *f, size_t i)
{
	const struct analysis *a = f->a;
	struct choice_pick pick = {.subject = i, .worst = -INFINITY};

	for (size_t c = 0; c < a->cell_count; c++) {
		const double value = f->value[c * a->subject_count + i];
		const uint64_t failed = analysis_at(a, c, i)->failed;

		if (f->share[c] == 0)
			continue;
		pick.typical += part_of(f, c, value);
		pick.missing += isnan(value) ? 1 : 0;
		pick.failed += failed;
		pick.failed_cells += failed > 0;
		if (distance_of(f, c, value) > pick.worst) {
			pick.worst = distance_of(f, c, value);
			pick.worst_cell = c;
			pick.missing_there = isnan(value);
			pick.first_there = first_of(f, c);
		}
	}
	return pick;
}

/* A row's typical distance fork by fork; a fork that lacks a cell has the cell's point. */
static void typical_of_forks(const struct field *f, size_t i, size_t forks, double *out)
{
	const struct analysis *a = f->a;

	for (size_t k = 0; k < forks; k++)
		out[k] = 0;
	for (size_t c = 0; c < a->cell_count; c++) {
		const double value = f->value[c * a->subject_count + i];

		for (size_t k = 0; k < forks && f->share[c] > 0; k++) {
			const double here = value_of_fork(f, c, i, k);

			out[k] += part_of(f, c, !isnan(value) && isfinite(here) ? here : value);
		}
	}
}

/*
 * How finely two rows' typical times can be told apart: the mean of the cells' noise floors, by the weights of
 * the cells, since what one machine does to twins in one cell it may do to these in all. NAN: it is not known.
 */
static double floor_between(const struct field *f, size_t i, size_t other)
{
	double sum = f->by == CHOICE_TIME ? 0 : NAN;

	for (size_t c = 0; c < f->a->cell_count; c++) {
		const double here = analysis_floor(f->a, c, i, other);

		if (f->share[c] > 0 && !isnan(here))
			sum += here / (double)(f->share[c] * f->workloads);
	}
	return sum;
}

/*
 * How many of n picks, of which the first is chosen, are not known to be farther off, by all comparisons
 * with it at once; these come first then. 0: too few forks.
 */
static size_t find_rivals(const struct field *f, struct choice_pick *picks, size_t n)
{
	const struct analysis *a = f->a;
	AUTO_FREE struct stats_claim *claim = need(n, sizeof(*claim));
	AUTO_FREE bool *made = need(n, sizeof(*made));
	size_t forks = SIZE_MAX, rivals = 1;

	for (size_t c = 0; c < a->cell_count; c++) {
		if (f->share[c] > 0 && a->raws[c].forks < forks)
			forks = a->raws[c].forks;
	}
	if (forks < STATS_FORKS_MIN)
		return 0;

	AUTO_FREE double *first = need(forks, sizeof(*first));
	AUTO_FREE double *other = need(forks, sizeof(*other));

	typical_of_forks(f, picks[0].subject, forks, first);
	for (size_t k = 1; k < n; k++) {
		typical_of_forks(f, picks[k].subject, forks, other);
		const struct stats_estimate e = stats_paired(other, first, forks);

		claim[k - 1] = stats_claim(
			&e, a->margin, floor_between(f, picks[k].subject, picks[0].subject));
	}
	stats_holm(claim, n - 1, STATS_ERROR, made);
	for (size_t k = 1; k < n; k++)
		rivals += !(made[k - 1] && claim[k - 1].verdict == STATS_SLOWER);
	return rivals;
}

/* Insertion by typical distance: n is a few dozen. */
static void insert(struct choice_pick *picks, size_t n, struct choice_pick pick)
{
	for (; n > 0 && pick.typical < picks[n - 1].typical; n--)
		picks[n] = picks[n - 1];
	picks[n] = pick;
}

/* All rows of a field with the traits and a value, the best first. */
static size_t rank(const struct field *f, unsigned traits, struct choice_pick *picks)
{
	size_t n = 0;

	for (size_t i = 0; i < f->a->subject_count; i++) {
		const struct choice_pick pick = pick_of(f, i);

		if ((traits & ~traits_of(&f->a->subjects[i])) == 0 && pick.missing < f->cells)
			insert(picks, n++, pick);
	}
	return n;
}

/* False: no cell is asked, or nobody who meets the need has a value. */
static bool choose(const struct field *f, unsigned traits, struct choice *out)
{
	AUTO_FREE struct choice_pick *picks = need(f->a->subject_count, sizeof(*picks));
	const size_t n = rank(f, traits, picks);

	*out = (struct choice){.contest = f->contest,
		.by = f->by,
		.traits = traits,
		.cells = f->cells,
		.workloads = f->workloads,
		.candidates = n,
		.has_second = n > 1};
	if (n == 0)
		return false;
	out->first = picks[0];
	if (n > 1)
		out->second = picks[1];
	out->rivals = find_rivals(f, picks, n);
	return true;
}

/* Whether some row of the cells that are asked is known to be, or not to be, among the best. */
static bool is_decided(const struct field *f)
{
	const struct analysis *a = f->a;

	for (size_t k = 0; k < a->cell_count * a->subject_count; k++) {
		if (f->share[k / a->subject_count] > 0 && !isnan(f->value[k]) &&
			!a->results[k].undecided)
			return true;
	}
	return false;
}

bool choice_of_contest(const struct analysis *a, enum contest contest, struct choice *out)
{
	struct field f = field_make(a, contest, CHOICE_TIME, ANY, true);
	const bool chosen = is_decided(&f) && choose(&f, 0, out);

	field_free(&f);
	return chosen;
}

/* Of what situations are asked: of pools, or where none are compared of the whole. */
static enum contest asked_contest(const struct analysis *a)
{
	for (size_t c = 0; c < a->cell_count; c++) {
		if (a->cells[c].contest == CONTEST_POOLS)
			return CONTEST_POOLS;
	}
	return CONTEST_WHOLE;
}

size_t choice_by_situation(const struct analysis *a, struct choice *out, char *text)
{
	const enum contest contest = asked_contest(a);
	size_t n = 0, unasked = 0;

	*text = '\0';
	for (size_t s = 0; s < sizeof(situations) / sizeof(situations[0]); s++) {
		struct field f = field_make(a, contest, situations[s].by, situations[s].cell, true);

		if (is_decided(&f) && choose(&f, situations[s].traits, &out[n]))
			out[n++].situation = situations[s].text;
		else
			append(text, ANALYSIS_SENTENCE_BYTES, "%s%s",
				unasked++ == 0 ? "Not answered, for want of cells, of forks or "
						 "of a row that can: if "
					       : "; ",
				situations[s].text);
		field_free(&f);
	}
	if (unasked > 0)
		append(text, ANALYSIS_SENTENCE_BYTES, ".");
	return n;
}

bool choice_has_place(const struct analysis *a, size_t cell, size_t subject)
{
	return a->subjects[subject].role != ANALYSIS_CONTESTANT || !a->cells[cell].has_best ||
	       analysis_in_contest(a, cell, subject);
}

/* Whether a subject was measured in a cell of the contest, or failed there. */
static bool stands_beside(const struct analysis *a, enum contest contest, size_t subject)
{
	for (size_t c = 0; c < a->cell_count; c++) {
		if (a->cells[c].contest == contest && choice_has_place(a, c, subject) &&
			analysis_at(a, c, subject)->state != ANALYSIS_ABSENT &&
			analysis_at(a, c, subject)->state != ANALYSIS_UNSUPPORTED)
			return true;
	}
	return false;
}

/* Whether a contestant has its place in the contest: also one that can't run here, but not what is no row of it. */
static bool is_row(const struct analysis *a, enum contest contest, size_t subject)
{
	const struct analysis_subject *s = &a->subjects[subject];

	if (s->role != ANALYSIS_CONTESTANT || s->apart)
		return false;
	for (size_t c = 0; c < a->cell_count; c++) {
		if (a->cells[c].contest == contest && analysis_in_contest(a, c, subject))
			return contest == CONTEST_POOLS || s->context == NULL ||
			       stands_beside(a, contest, subject);
	}
	return false;
}

size_t choice_order(
	const struct analysis *a, enum contest contest, size_t *order, size_t *contestants)
{
	struct field f = field_make(a, contest, CHOICE_TIME, ANY, false);
	AUTO_FREE struct choice_pick *picks = need(a->subject_count, sizeof(*picks));
	AUTO_FREE bool *listed = need(a->subject_count, sizeof(*listed));
	const size_t ranked = rank(&f, 0, picks);
	size_t n = 0;

	field_free(&f);
	for (; n < ranked; n++)
		listed[order[n] = picks[n].subject] = true;
	for (size_t i = 0; i < a->subject_count; i++) {
		if (!listed[i] && is_row(a, contest, i))
			listed[order[n++] = i] = true;
	}
	*contestants = n;
	for (size_t i = 0; i < a->subject_count; i++) {
		if (!listed[i] && !a->subjects[i].apart && stands_beside(a, contest, i))
			order[n++] = i;
	}
	return n;
}

void choice_standing(
	const struct analysis *a, enum contest contest, size_t subject, struct choice_standing *out)
{
	struct field f = field_make(a, contest, CHOICE_TIME, ANY, false);
	const struct choice_pick pick = pick_of(&f, subject);
	const bool known = pick.missing < f.cells;

	*out = (struct choice_standing){.cells = f.cells,
		.missing = pick.missing,
		.typical = known ? pick.typical : NAN,
		.worst = known ? pick.worst : NAN,
		.worst_cell = pick.worst_cell};
	for (size_t c = 0; c < a->cell_count; c++) {
		out->best += f.share[c] > 0 && analysis_at(a, c, subject)->in_best_set;
		out->undecided += f.share[c] > 0 && analysis_at(a, c, subject)->undecided;
	}
	field_free(&f);
}
