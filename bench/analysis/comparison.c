/* See comparison.h. */
#include "bench/analysis/comparison.h"

#include "bench/analysis/between.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a hundred pairs of runs of the same program a condition may raise an alarm in one. */
static const double alarm_error = 0.01;

bool comparison_condition_read(const char *text, struct comparison_condition *condition)
{
	static const char word[] = "ratio";
	const char *p = text + strspn(text, " ");
	char *end;

	if (strncmp(p, word, strlen(word)) != 0)
		return false;
	p += strlen(word);
	p += strspn(p, " ");
	if (*p != '<' && *p != '>')
		return false;
	condition->less = *p++ == '<';
	condition->equal = *p == '=';
	p += condition->equal ? 1 : 0;
	condition->limit = strtod(p, &end);
	end += strspn(end, " ");
	condition->given =
		end != p && *end == '\0' && condition->limit > 0 && isfinite(condition->limit);
	return condition->given;
}

static bool meets(const struct comparison_condition *condition, double ratio)
{
	if (condition->equal && ratio == condition->limit)
		return true;
	return condition->less ? ratio < condition->limit : ratio > condition->limit;
}

static void add_difference(struct comparison *c, const char *name, const char *a, const char *b)
{
	if (a == NULL || b == NULL || strcmp(a, b) != 0)
		c->differences[c->difference_count++] =
			(struct comparison_difference){.name = name, .a = a, .b = b};
}

static const struct analysis_machine *last_machine(const struct analysis *a)
{
	static const struct analysis_machine nothing;

	return a->machine_count > 0 ? &a->machines[a->machine_count - 1] : &nothing;
}

static void find_differences(struct comparison *c)
{
	static const char revision[] = "source revision", build[] = "build id";
	const struct analysis *a = c->a, *b = c->b;
	const struct analysis_machine *ma = last_machine(a), *mb = last_machine(b);

	c->differences = need(2 + ma->value_count + mb->value_count, sizeof(*c->differences));
	add_difference(c, revision, a->source_revision, b->source_revision);
	add_difference(c, build, a->build_id, b->build_id);
	for (size_t i = 0; i < ma->value_count; i++) {
		const char *name = ma->values[i].name;

		if (strcmp(name, revision) != 0 && strcmp(name, build) != 0)
			add_difference(c, name, ma->values[i].value, analysis_fingerprint(b, name));
	}
	for (size_t i = 0; i < mb->value_count; i++) {
		if (analysis_fingerprint(a, mb->values[i].name) == NULL)
			add_difference(c, mb->values[i].name, NULL, mb->values[i].value);
	}
	c->same_machine = analysis_same_machine(a, b);
}

static void find_lone(struct comparison *c)
{
	const struct analysis *stores[] = {c->a, c->b};

	c->lone = need(
		c->a->cell_count + c->b->cell_count + c->a->subject_count + c->b->subject_count,
		sizeof(*c->lone));
	for (int cells = 1; cells >= 0; cells--) {
		for (int k = 0; k < 2; k++) {
			const struct analysis *one = stores[k], *other = stores[1 - k];
			const size_t count = cells ? one->cell_count : one->subject_count;

			for (size_t i = 0; i < count; i++) {
				const char *label =
					cells ? one->cells[i].label : one->subjects[i].label;
				const bool found =
					cells ? analysis_find_cell(other, label) < other->cell_count
					      : analysis_find_subject(other, label) <
							other->subject_count;

				if (!found)
					c->lone[c->lone_count++] = (struct comparison_lone){
						.label = label, .store = "AB"[k], .cell = cells};
			}
		}
	}
}

/* Of a percentile, the error that its interval has, as if it were Student's. */
static struct stats_estimate with_error(struct stats_estimate e, size_t forks)
{
	if (isfinite(e.lo) && isfinite(e.hi) && forks >= STATS_FORKS_MIN) {
		e.error = (e.hi - e.lo) / 2 / stats_t_quantile(STATS_ERROR / 2, forks - 1);
		e.forks = forks;
	}
	return e;
}

/*
 * What is compared of a row, as a logarithm: a unit's time, or a percentile or the longest of the times
 * of its calls; a NAN for a point if it has none.
 */
static struct stats_estimate figure_of(
	const struct analysis *a, size_t cell, size_t subject, enum metric metric)
{
	const char *lack;

	return metric == METRIC_TIME
		       ? analysis_at(a, cell, subject)->ns
		       : with_error(metric_logarithm(metric_of(a, cell, subject, metric, 0, &lack)),
				 a->cells[cell].forks);
}

/* The largest floor of a comparison's two cells; of percentiles, a bucket's width. */
static double floor_of(const struct comparison *c, size_t ca, size_t cb, size_t sa, size_t sb)
{
	const double fa = analysis_floor(c->a, ca, sa, sa), fb = analysis_floor(c->b, cb, sb, sb);

	/* The percentiles of two histograms may be a bucket's width apart without a reason. */
	return c->metric != METRIC_TIME ? log1p(1.0 / HISTOGRAM_STEPS)
	       : isnan(fa) || isnan(fb) ? NAN
					: fmax(fa, fb);
}

/* One thread, more, more than CPUs: such cells vary alike. */
static int group_of(const struct analysis_cell *cell)
{
	return cell->oversubscribed ? 2 : cell->threads > 1;
}

/* A row of a cell that both stores have; false: it is none, or it fared alike without a figure. */
static bool row_of(const struct comparison *c, size_t ca, size_t cb, size_t sa,
	struct comparison_row *row, double *floor_log)
{
	const size_t sb = analysis_find_subject(c->b, c->a->subjects[sa].label);

	if (sb == c->b->subject_count || c->a->subjects[sa].role == ANALYSIS_TWIN)
		return false;
	*row = (struct comparison_row){.cell = ca,
		.subject = sa,
		.state = analysis_at(c->a, ca, sa)->state,
		.other = analysis_at(c->b, cb, sb)->state};
	if (row->state == ANALYSIS_MEASURED && row->other == ANALYSIS_MEASURED) {
		row->a = figure_of(c->a, ca, sa, c->metric);
		row->b = figure_of(c->b, cb, sb, c->metric);
		row->both = !isnan(row->a.point) && !isnan(row->b.point);
		*floor_log = floor_of(c, ca, cb, sa, sb);
	}
	return row->both || row->state != row->other;
}

/* Whether a cell's ratios are between two states of one machine, so that they say nothing of designs. */
static bool is_between_states(const struct comparison *c, size_t ca)
{
	return c->same_machine && analysis_changed_between(c->a, c->b, c->a->cells[ca].threads);
}

/* Whether one of two rows is known to be slower: 1 the first, -1 the second, 0 neither. */
static int order_of(const struct analysis *a, size_t cell, size_t i, size_t j)
{
	const bool *slower = a->cells[cell].slower;

	return slower == NULL                     ? 0
	       : slower[i * a->subject_count + j] ? 1
	       : slower[j * a->subject_count + i] ? -1
						  : 0;
}

/* Sets two rows of a cell of A against the same two of B. */
static void add_order(
	struct comparison *c, const size_t cell[2], const size_t i[2], const size_t j[2])
{
	struct comparison_order *order = &c->order;
	const int in_a = order_of(c->a, cell[0], i[0], j[0]);
	const int in_b = order_of(c->b, cell[1], i[1], j[1]);

	order->in_a += in_a != 0;
	order->in_b += in_b != 0;
	order->in_both += in_a != 0 && in_b != 0;
	if (in_a * in_b >= 0)
		return;
	order->contrary =
		realloc(order->contrary, (order->contrary_count + 1) * sizeof(*order->contrary));
	if (order->contrary == NULL)
		need_failed();
	order->contrary[order->contrary_count++] = (struct comparison_contrary){.cell = cell[0],
		.faster = in_a < 0 ? i[0] : j[0],
		.slower = in_a < 0 ? j[0] : i[0]};
}

static void find_order(struct comparison *c)
{
	const struct analysis *a = c->a, *b = c->b;

	for (size_t ca = 0; ca < a->cell_count; ca++) {
		const size_t cb = analysis_find_cell(b, a->cells[ca].label);
		AUTO_FREE size_t *in_a = need(a->subject_count, sizeof(*in_a));
		AUTO_FREE size_t *in_b = need(a->subject_count, sizeof(*in_b));
		size_t n = 0;

		for (size_t i = 0; cb < b->cell_count && i < a->subject_count; i++) {
			const size_t other = analysis_find_subject(b, a->subjects[i].label);

			if (other == b->subject_count || !analysis_competes(a, ca, i) ||
				!analysis_competes(b, cb, other))
				continue;
			in_a[n] = i;
			in_b[n++] = other;
		}
		for (size_t i = 0; i < n; i++) {
			for (size_t j = 0; j < i; j++)
				add_order(c, (size_t[]){ca, cb}, (size_t[]){in_a[i], in_b[i]},
					(size_t[]){in_a[j], in_b[j]});
		}
	}
}

/* What is said of a row that both have. */
static void judge(struct comparison *c, struct comparison_row *row, const struct between_row *from)
{
	row->speed = (struct stats_estimate){
		.point = -from->all.point, .lo = -from->all.hi, .hi = -from->all.lo};
	row->runs = from->runs;
	row->verdict = from->made ? from->claim.verdict : STATS_INCONCLUSIVE;
	row->fails = c->condition.given && comparison_significant(row) &&
		     meets(&c->condition, exp(row->speed.point));
	c->verdicts[row->verdict]++;
	c->unknown += isnan(row->runs) && !is_between_states(c, row->cell) ? 1 : 0;
}

void comparison_make(struct comparison *c, const struct analysis *a, const struct analysis *b,
	enum metric metric, const struct comparison_condition *condition)
{
	const size_t most = a->cell_count * a->subject_count;
	AUTO_FREE struct between_row *between = need(most, sizeof(*between));
	size_t judged = 0;
	double floor_log = NAN;

	*c = (struct comparison){
		.a = a, .b = b, .metric = metric, .condition = *condition, .rows = NULL};
	c->rows = need(most, sizeof(*c->rows));
	find_differences(c);
	find_lone(c);
	find_order(c);
	for (size_t i = 0; i < most; i++) {
		const size_t ca = i / a->subject_count;
		const size_t cb = analysis_find_cell(b, a->cells[ca].label);
		struct comparison_row *row = &c->rows[c->row_count];

		if (cb == b->cell_count ||
			!row_of(c, ca, cb, i % a->subject_count, row, &floor_log))
			continue;
		c->row_count++;
		if (!row->both)
			continue;
		between[c->pairs] = (struct between_row){.cell = ca,
			.group = group_of(&a->cells[ca]),
			.effect = stats_difference(row->b, row->a),
			.floor_log = floor_log};
		/* Without evidence nothing is claimed, and the others don't learn from it. */
		if (is_between_states(c, ca))
			between[c->pairs].effect.forks = 0;
		c->pairs++;
	}
	between_runs(between, c->pairs, a->margin, condition->given ? alarm_error : STATS_ERROR);
	for (size_t i = 0; i < c->row_count; i++) {
		struct comparison_row *row = &c->rows[i];

		if (row->both)
			judge(c, row, &between[judged++]);
		else /* What ran before and breaks now is a regression by any condition. */
			row->fails = condition->given && row->state == ANALYSIS_MEASURED &&
				     row->other > ANALYSIS_UNSUPPORTED;
		c->fails += row->fails ? 1 : 0;
	}
}

void comparison_free(struct comparison *c)
{
	free(c->rows);
	free(c->order.contrary);
	free(c->lone);
	free(c->differences);
}

bool comparison_disturbed(const struct comparison *c, size_t cell)
{
	const size_t other = analysis_find_cell(c->b, c->a->cells[cell].label);

	return c->a->cells[cell].disturbed ||
	       (other < c->b->cell_count && c->b->cells[other].disturbed);
}

void comparison_tell(const struct comparison *c, char *text)
{
	text[0] = '\0';
	if (c->same_machine)
		analysis_changed_text(c->a, c->b, text);
	append(text, ANALYSIS_SENTENCE_BYTES,
		"Of %zu pairs B is slower in %zu, faster in %zu, equivalent in %zu; %zu are "
		"inconclusive.",
		c->pairs, c->verdicts[STATS_SLOWER], c->verdicts[STATS_FASTER],
		c->verdicts[STATS_EQUIVALENT], c->verdicts[STATS_INCONCLUSIVE]);
	if (c->unknown > 0)
		append(text, ANALYSIS_SENTENCE_BYTES,
			" Of %zu it is not known what runs vary by: that takes %d rows in cells of "
			"one kind. Nothing is said of them.",
			c->unknown, BETWEEN_ROWS_MIN);
	if (c->order.in_both == 0)
		return;
	append(text, ANALYSIS_SENTENCE_BYTES,
		" Row against row of one store, A tells %zu pairs apart, B %zu, both %zu: of these "
		"%zu stand the same way round",
		c->order.in_a, c->order.in_b, c->order.in_both,
		c->order.in_both - c->order.contrary_count);
	append(text, ANALYSIS_SENTENCE_BYTES,
		c->order.contrary_count == 0 ? ", all of them." : ", %zu the other way.",
		c->order.contrary_count);
}
