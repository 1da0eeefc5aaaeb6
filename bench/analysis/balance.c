/*
 * Why the times of single calls do not add up, or not to a unit's time (latency.c).
 *
 * What is known of a row decides which reason is told, and the reasons that make the ratio meaningless
 * come first. The last two are what is left: a reading of the clock before and after a call waits for
 * what came before and keeps apart what else goes on at once, so a call that is timed takes longer than
 * one in a row of calls. And what passes between two calls is nobody's call.
 */
#include "bench/analysis/analysis.h"
#include "bench/base/append.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"

#include <math.h>
#include <stdio.h>

static const double off_cpu = 0.1;       /* a greater share of the time without a CPU is told */
static const double failed_share = 0.01; /* and of gets that found too little, by units */

static bool agrees(double ratio)
{
	return fabs(ratio - 1) <= ANALYSIS_BALANCED;
}

/* Whether timing took too much, where that is known: of all rows of the cell together, with 95 %. */
static void tell_cost(const struct analysis *a, size_t cell, char *text)
{
	AUTO_FREE struct stats_claim *claim = need(a->subject_count, sizeof(*claim));
	AUTO_FREE bool *made = need(a->subject_count, sizeof(*made));
	size_t all = 0, little = 0, much = 0;

	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_latency *l = analysis_latency(a, cell, i);
		struct stats_estimate beyond = l == NULL ? STATS_UNKNOWN : l->cost;

		beyond.point -= ANALYSIS_COST;
		claim[i] = stats_claim(&beyond, 0, NAN);
		all += isnan(beyond.point) ? 0 : 1;
	}
	stats_holm(claim, a->subject_count, STATS_ERROR, made);
	for (size_t i = 0; i < a->subject_count; i++) {
		little += made[i] && claim[i].verdict == STATS_FASTER;
		much += made[i] && claim[i].verdict == STATS_SLOWER;
	}
	if (all == 0)
		return;
	append(text, ANALYSIS_SENTENCE_BYTES,
		"%sTiming calls took less than %.0f %% of throughput in %zu of %zu rows, more in "
		"%zu",
		*text == '\0' ? "" : " ", 100 * ANALYSIS_COST, little, all, much);
	if (all > little + much)
		append(text, ANALYSIS_SENTENCE_BYTES, "; of %zu these forks don't tell",
			all - little - much);
	append(text, ANALYSIS_SENTENCE_BYTES, ".");
}

void analysis_balances(const struct analysis *a, size_t cell, char *text)
{
	size_t balanced = 0, balances = 0, disturbed = 0, agree = 0, ratios = 0;

	*text = '\0';
	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_latency *l = analysis_latency(a, cell, i);

		if (l == NULL)
			continue;
		balanced += l->balance_comparable && agrees(l->balance);
		balances += l->balance_comparable;
		disturbed += isnan(l->balance) ? 1 : 0;
		agree += l->time_comparable && agrees(l->time_ratio);
		ratios += l->time_comparable;
	}
	if (balances > 0) {
		append(text, ANALYSIS_SENTENCE_BYTES,
			"Where every call is timed, the times add up within %.0f %% in %zu of the "
			"%zu rows whose calls take longer than four readings",
			100 * ANALYSIS_BALANCED, balanced, balances);
		if (disturbed > 0)
			append(text, ANALYSIS_SENTENCE_BYTES,
				"; of %zu more no such slice was without a flag", disturbed);
		append(text, ANALYSIS_SENTENCE_BYTES, ".");
	}
	if (ratios > 0)
		append(text, ANALYSIS_SENTENCE_BYTES,
			"%sA unit's calls take what throughput gives a unit within %.0f %% in %zu "
			"of the %zu rows.",
			balances > 0 ? " " : "", 100 * ANALYSIS_BALANCED, agree, ratios);
	tell_cost(a, cell, text);
}

/* The time of a unit of the loop alone; 0 if it was not measured. */
static double loop_ns(const struct analysis *a, size_t cell)
{
	for (size_t i = 0; i < a->subject_count; i++) {
		const struct analysis_result *r = analysis_at(a, cell, i);

		if (a->subjects[i].role == ANALYSIS_HARNESS && r->state == ANALYSIS_MEASURED)
			return exp(r->ns.point);
	}
	return 0;
}

/* Part of a unit's time lies between its calls. */
static void tell_rest(const struct analysis *a, size_t cell, const struct analysis_result *r,
	char *text, size_t room)
{
	const double loop = loop_ns(a, cell), unit = exp(r->ns.point);

	if (r->latency->time_ratio + loop / unit >= 1 - ANALYSIS_BALANCED)
		snprintf(text, room,
			"the loop around its calls takes the rest: alone, as null, %.3g ns of "
			"%.3g.",
			loop, unit);
	else
		snprintf(text, room, "part of a unit's time is spent between its calls, %s.",
			a->cells[cell].lane_threads > 1
				? "where the sides of a lane wait for each other and for "
				  "the memory that the other has written"
				: "while what they have written is on its way");
}

void analysis_imbalance(const struct analysis *a, size_t cell, size_t subject, char *text)
{
	const struct analysis_latency *l = analysis_latency(a, cell, subject);
	const struct analysis_result *r = analysis_at(a, cell, subject);

	*text = '\0';
	if (l == NULL)
		return;

	const bool adds_up = !l->balance_comparable || agrees(l->balance);

	if (adds_up && (!l->time_comparable || agrees(l->time_ratio)))
		return;

	const size_t used =
		(size_t)snprintf(text, ANALYSIS_SENTENCE_BYTES, "%s: ", a->subjects[subject].label);
	if (used >= ANALYSIS_SENTENCE_BYTES)
		return;
	char *to = text + used;
	const size_t room = ANALYSIS_SENTENCE_BYTES - used;

	if (!adds_up && l->balance < 1)
		snprintf(to, room,
			"%.0f %% of the time that was left for its calls went elsewhere, where "
			"every call was timed: between them, or while a thread had no CPU.",
			100 * (1 - l->balance));
	else if (!adds_up)
		snprintf(to, room,
			"where every call was timed, calls took %.2f times what was left for them: "
			"less goes beside them than was measured.",
			l->balance);
	else if (a->cells[cell].oversubscribed)
		snprintf(to, room,
			"more threads than CPUs, and a thread that waits for its turn does so in a "
			"call or between two, by chance.");
	else if ((double)r->failed > failed_share * (double)r->units)
		snprintf(to, room, "gets that find too little are calls, and complete no unit.");
	else if (r->cpu_share < 1 - off_cpu)
		snprintf(to, room,
			"its threads were without a CPU for %.0f %% of the time, in waits that few "
			"timed calls meet.",
			100 * (1 - r->cpu_share));
	else if (fabs(l->cost.point) > ANALYSIS_BALANCED)
		snprintf(to, room,
			"slices in which calls were timed did %.0f %% %s than the others.",
			100 * fabs(l->cost.point), l->cost.point > 0 ? "less" : "more");
	else if (fabs(l->time_ratio - 1) <= l->time_ratio_error + ANALYSIS_BALANCED)
		snprintf(to, room, "too few calls were timed, so the ratio is known to ±%.2g only.",
			l->time_ratio_error);
	else if (l->time_ratio < 1)
		tell_rest(a, cell, r, to, room);
	else
		snprintf(to, room,
			"calls in a row overlap, and keep memory that others take as soon as the "
			"clock is read in between.");
}
