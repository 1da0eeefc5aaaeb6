/*
 * An analysis, third part: how long single calls took, by path.
 *
 * Percentiles are those of histograms that were merged over forks and threads. They are never
 * averaged, and nothing is subtracted from them. percentile.c says how sure they are.
 *
 * The mass balance asks whether the times add up. In slices in which every call is timed the calls of
 * all paths together, each without the probe, are set against the time that is left for them: the
 * window, less the readings of the clock, what the workload does between calls, and waits for a
 * peer. Each of these is measured by itself. Such a slice says nothing of throughput.
 *
 * The ratio of times asks how a call that is timed compares with calls in a row. What a unit's calls
 * take, each path by its mean without the probe's, is set against the time of a unit that throughput
 * tells. How often a path is taken comes from the throughput slices, in which nothing was timed. They
 * count for all threads of a lane together, so a count goes to its sides as the timed calls of that
 * path do. By Little's law the ratio is the mean number of calls that a thread would have under way,
 * if each took as long as one that is timed.
 *
 * The sides of a lane work at the same time, so the slower one is compared.
 */
#include "bench/analysis/steps.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/engine/names.h"
#include "bench/engine/offsets.h"

#include <math.h>
#include <stdio.h>

/* A mean that is no longer than so many has too much of the probe in it to be compared. */
static const double comparable_probes = 4;

static const double probe_share = 0.99; /* its percentile that is shown beside the median */

/* A peer, and what is no pool, says nothing of its paths. */
static bool names_paths(const struct analysis_subject *s)
{
	return s->is_pool && strncmp(s->summary, "peer:", strlen("peer:")) != 0;
}

static double timed_calls(const struct analysis_side *side, int path)
{
	return (double)histogram_count(&side->of[path].histogram);
}

/* Calls a unit that a side makes on each path: `often` has LATENCY_CLASSES. Returns their sum. */
static double calls_of_side(const struct analysis_times *times, size_t at,
	const struct analysis_result *r, double *often)
{
	const struct analysis_side *side = &times->side[at];
	double all = 0, rare = 0;

	for (int path = 0; path < LATENCY_CLASSES; path++) {
		const double here = side->units > 0 ? timed_calls(side, path) / side->units : 0;
		double everywhere = 0;

		for (size_t i = 0; i < times->sides; i++)
			everywhere +=
				times->side[i].units > 0
					? timed_calls(&times->side[i], path) / times->side[i].units
					: 0;
		all += here;
		often[path] = path == LATENCY_FAST || everywhere == 0
				      ? 0
				      : r->taken[path] * here / everywhere;
		/* A call may lose many turns, and each is counted: it is one call of the timed ones. */
		if (path == LATENCY_WAIT && often[path] > here)
			often[path] = here;
		rare += often[path];
	}
	/* One call may move a count more than once, and several counts. */
	for (int path = 0; path < LATENCY_CLASSES && rare > all; path++)
		often[path] *= all / rare;
	often[LATENCY_FAST] = rare < all && timed_calls(side, LATENCY_FAST) > 0 ? all - rare : 0;
	return all;
}

/* The square of a mean's standard error, in ns². */
static double error_squared(const struct latency_times *of)
{
	const double n = (double)histogram_count(&of->histogram), mean = latency_mean_ns(of);
	double sum = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		const double off = histogram_ns(i) - mean;

		sum += of->histogram.count[i] * off * off;
	}
	return sum / n / n;
}

/* The balance, of the side that spends the most time in calls. */
static void balance(struct analysis_latency *l, const struct analysis_times *times)
{
	double most = 0;

	l->balance = NAN;
	for (size_t i = 0; i < times->sides; i++) {
		const struct analysis_side *side = &times->side[i];
		const double calls = (double)side->every_calls,
			     sum_ns = (double)side->every_sum / HISTOGRAM_NS,
			     pair_ns = (double)side->whole.pairs_sum / HISTOGRAM_NS /
				       (double)side->whole.pairs;

		if (calls == 0 || !(sum_ns - calls * pair_ns > most))
			continue;
		most = sum_ns - calls * pair_ns;
		l->balance = latency_balance(&side->whole, side->every_calls, side->every_sum);
		l->balance_comparable =
			isfinite(l->balance) && sum_ns > comparable_probes * calls * pair_ns;
	}
}

/*
 * The ratio of times, and each path's share of all calls into `share`, which has LATENCY_CLASSES.
 * turns: how many threads share a CPU. A call's time has the others' turns in it, a unit's has not.
 */
static void compare_times(struct analysis_latency *l, const struct analysis_times *times,
	const struct analysis_result *r, double turns, double *share)
{
	double often[LATENCY_CLASSES], all = 0, most = 0, error = 0;

	memset(share, 0, LATENCY_CLASSES * sizeof(*share));
	for (size_t i = 0; i < times->sides; i++) {
		const double calls = calls_of_side(times, i, r, often);
		double ns = 0, squares = 0;

		for (int path = 0; path < LATENCY_CLASSES; path++) {
			const struct latency_times *of = &times->side[i].of[path];

			share[path] += often[path];
			if (often[path] > 0) {
				l->side[i].ns[path] =
					often[path] * (latency_mean_ns(of) - l->probe_mean_ns);
				squares += often[path] * often[path] * error_squared(of);
			}
			ns += l->side[i].ns[path];
		}
		all += calls;
		if (i == 0 || ns > most) {
			most = ns;
			error = sqrt(squares);
			l->calls_per_unit = calls;
		}
	}
	for (int path = 0; path < LATENCY_CLASSES; path++)
		share[path] = all > 0 ? share[path] / all : NAN;
	const double unit_ns = turns * exp(r->ns.point),
		     least_ns = comparable_probes * l->probe_mean_ns;

	l->time_ratio = most / unit_ns;
	l->time_ratio_error = 2 * error / unit_ns;
	l->time_comparable = isfinite(l->time_ratio) && l->mean_ns > least_ns &&
			     unit_ns > l->calls_per_unit * least_ns;
}

/*
 * What the latency slices of a fork lacked of the throughput of the others. Where every call is timed that
 * is asked for, and a slice that completed nothing has no throughput to lack.
 */
static struct stats_estimate cost_of(const struct analysis_times *times, double *scratch)
{
	for (size_t f = 0; f < times->forks; f++)
		scratch[f] = times->fork[f].rate > 0 && times->fork[f].timed_rate > 0 &&
					     !times->fork[f].every
				     ? 1 - times->fork[f].timed_rate / times->fork[f].rate
				     : NAN;
	return stats_of_forks(scratch, times->forks);
}

static void describe_paths(struct analysis_latency *l, const struct analysis_subject *subject,
	const struct latency_times *of, const double *share)
{
	for (int path = 0; path < LATENCY_CLASSES; path++) {
		const uint64_t calls = histogram_count(&of[path].histogram);
		struct analysis_path *p = &l->path[l->path_count];

		if (calls == 0)
			continue;
		l->path_count++;
		p->class = (enum latency_class)path;
		p->name = latency_class_name(p->class);
		p->calls = calls;
		p->share = share[path];
		p->mean_ns = latency_mean_ns(&of[path]);
		p->longest_ns = (double)of[path].longest / HISTOGRAM_NS;
		for (int i = 0; i < LATENCY_PERCENTILES; i++)
			p->ns[i] = latency_percentile(&of[path].histogram, latency_percentiles[i]);
	}
	if (l->path_count == 1 && !names_paths(subject) &&
		l->path[0].name == latency_class_name(LATENCY_FAST))
		l->path[0].name = "all";
}

/* All sides together: LATENCY_HISTOGRAMS of them, and all but the probe's once more. */
static void merge(
	const struct analysis_times *times, struct latency_times *of, struct latency_times *all)
{
	for (size_t i = 0; i < times->sides; i++) {
		for (int path = 0; path < LATENCY_HISTOGRAMS; path++) {
			latency_add(&of[path], &times->side[i].of[path]);
			if (path < LATENCY_CLASSES)
				latency_add(all, &times->side[i].of[path]);
		}
	}
}

const char *analysis_hand_over_name(size_t kind)
{
	return kind == ANALYSIS_AGES ? latency_class_name(LATENCY_AGE) : names_side((uint32_t)kind);
}

/* floor_ns: what is below twice of it says nothing. */
static void hand_over(struct analysis_latency *l, const struct latency_times *of,
	const struct analysis_times *times, double floor_ns, double *scratch)
{
	struct analysis_times_of *out = &l->hand_over[l->hand_over_count];

	out->mean_ns = latency_mean_ns(of);
	out->longest_ns = (double)of->longest / HISTOGRAM_NS;
	out->histogram = of->histogram;
	for (int i = 0; i < LATENCY_PERCENTILES; i++)
		out->at[i] =
			analysis_percentile_of(&of->histogram, times->hand_over[l->hand_over_count],
				times->forks, latency_percentiles[i], floor_ns, scratch);
	l->hand_over_count++;
}

/* Either side, if both have calls, and the ages. */
static void describe_hand_over(struct analysis_latency *l, const struct analysis *a,
	const struct analysis_times *times, const struct latency_times *ages, double *scratch)
{
	struct latency_times side[ANALYSIS_AGES] = {0};
	char no_ages[ANALYSIS_SENTENCE_BYTES];

	if (times->sides != ANALYSIS_AGES)
		return;
	for (uint32_t i = 0; i < ANALYSIS_AGES; i++) {
		for (int path = 0; path < LATENCY_CLASSES; path++)
			latency_add(&side[i], &times->side[i].of[path]);
		if (histogram_count(&side[i].histogram) == 0)
			return;
	}
	for (uint32_t i = 0; i < ANALYSIS_AGES; i++)
		hand_over(l, &side[i], times, l->probe_ns, scratch);
	analysis_no_ages(a, no_ages);
	if (no_ages[0] == '\0' && histogram_count(&ages->histogram) > 0)
		hand_over(l, ages, times, fmax(l->probe_ns, a->clocks_apart_ns), scratch);
}

static void work_out(struct analysis_latency *l, const struct analysis *a,
	const struct analysis_subject *subject, const struct analysis_result *r, double turns,
	const struct analysis_times *times, struct latency_times *of, double *scratch)
{
	struct latency_times all = {0};
	double share[LATENCY_CLASSES];

	merge(times, of, &all);
	l->calls = histogram_count(&all.histogram);
	l->mean_ns = latency_mean_ns(&all);
	l->longest_ns = (double)all.longest / HISTOGRAM_NS;
	l->least_longest_ns = (double)times->least_longest / HISTOGRAM_NS;
	l->histogram = all.histogram;
	l->probe_mean_ns = latency_mean_ns(&of[LATENCY_PROBE]);
	l->probe_ns = latency_percentile(&of[LATENCY_PROBE].histogram, 0.5);
	l->probe_p99_ns = latency_percentile(&of[LATENCY_PROBE].histogram, probe_share);
	for (int i = 0; i < LATENCY_PERCENTILES; i++)
		l->at[i] = analysis_percentile_of(&all.histogram, times->calls, times->forks,
			latency_percentiles[i], l->probe_ns, scratch);
	balance(l, times);
	compare_times(l, times, r, turns, share);
	describe_paths(l, subject, of, share);
	describe_hand_over(l, a, times, &of[LATENCY_AGE], scratch);
	l->cost = cost_of(times, scratch);
}

/* Percentiles of each fork of the cell. */
static void keep_forks(struct analysis *a, struct analysis_latency *l, size_t forks,
	const struct analysis_times *times)
{
	for (int i = 0; i < LATENCY_PERCENTILES; i++) {
		double *ns = analysis_keep(a, forks, sizeof(*ns));

		for (size_t f = 0; f < forks; f++)
			ns[f] = NAN;
		for (size_t f = 0; f < times->forks; f++) {
			if (times->fork[f].fork >= 0 && (uint64_t)times->fork[f].fork < forks)
				ns[times->fork[f].fork] =
					analysis_at_share(&times->calls[f], latency_percentiles[i]);
		}
		l->ns_of[i] = ns;
	}
}

void analysis_work_out_latency(
	struct analysis *a, size_t cell_at, size_t subject_at, const struct analysis_times *times)
{
	struct analysis_result *r = &a->results[cell_at * a->subject_count + subject_at];
	const struct analysis_cell *cell = &a->cells[cell_at];
	const double turns = cell->threads / (cell->lanes * cell->lane_threads);

	if (times->forks == 0)
		return;

	struct analysis_latency *l = analysis_keep(a, 1, sizeof(*l));
	AUTO_FREE struct latency_times *of = need(LATENCY_HISTOGRAMS, sizeof(*of));
	AUTO_FREE double *scratch = need(times->forks, sizeof(*scratch));

	l->sides = times->sides;
	l->side = analysis_keep(a, times->sides, sizeof(*l->side));
	work_out(l, a, &a->subjects[subject_at], r, turns, times, of, scratch);
	keep_forks(a, l, a->raws[cell_at].forks, times);
	if (l->calls > 0)
		r->latency = l;
}

const struct analysis_latency *analysis_latency(
	const struct analysis *a, size_t cell, size_t subject)
{
	const struct analysis_result *r = analysis_at(a, cell, subject);

	return r->state == ANALYSIS_MEASURED ? r->latency : NULL;
}

void analysis_no_ages(const struct analysis *a, char *text)
{
	offsets_allow_ages(a->clocks_apart_ns, text, ANALYSIS_SENTENCE_BYTES);
}

/* Whether x comes before y: by p99, then by the median; what has none comes last. */
static bool before(const struct analysis_latency *x, const struct analysis_latency *y)
{
	const double p99[] = {x->at[LATENCY_P99].ns, y->at[LATENCY_P99].ns};

	if (p99[0] != p99[1] && !(isnan(p99[0]) && isnan(p99[1])))
		return p99[0] < p99[1] || isnan(p99[1]);
	return x->at[LATENCY_P50].ns < y->at[LATENCY_P50].ns;
}

size_t analysis_latency_order(const struct analysis *a, size_t cell, size_t *order)
{
	size_t n = 0;

	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_latency *l = analysis_latency(a, cell, i);
		size_t at = n;

		if (l == NULL)
			continue;
		for (; at > 0 && before(l, analysis_latency(a, cell, order[at - 1])); at--)
			order[at] = order[at - 1];
		order[at] = i;
		n++;
	}
	return n;
}
