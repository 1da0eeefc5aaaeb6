/*
 * The results as CSV (RFC 4180), one row a cell and subject; and those of an open loop, one row a
 * cell, subject and load. Units stand in the column heads. A row of the second belongs to that row
 * of the first which has its cell and subject.
 */
#include "alloc/machine/compiler.h"
#include "bench/analysis/analysis.h"
#include "bench/analysis/choice.h"
#include "bench/report/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const head =
	"cell,workload,threads,lane_threads,oversubscribed,burst,depth,object_bytes,object_align,"
	"pages,subject,pool,context,dispatch,role,contention,state,ns_per_unit,ns_low,ns_high,"
	"units_per_s,"
	"times_best,times_best_low,times_best_high,verdict_to_best,in_best_set,rank_low,rank_high,"
	"ties,times_baseline,times_baseline_low,times_baseline_high,verdict_to_baseline,"
	"times_original,times_original_low,times_original_high,noise_floor_ratio,jain,slowest_"
	"share,cpu_share,failed_gets,false_empties,refills_per_unit,"
	"flushes_per_unit,steals_per_unit,grown_per_unit,short_per_unit,memory_bytes_per_object,"
	"held_bytes_per_object,held_bytes_per_object_settled,rss_peak_bytes,rss_settled_bytes,"
	"forks,slices,flagged,disturbed,preliminary,reason,command,contest,name,progress,cache,"
	"capped,traits,units,times_best_by_fork,bytes_per_object_by_fork,call_p99_ns_by_fork,"
	"call_p99.9_ns_by_fork,own_noise_floor_ratio,"
	"waits_per_unit,timed_calls,call_mean_ns,call_p50_ns,call_p50_"
	"low,"
	"call_p50_high,call_p90_ns,call_p90_low,call_p90_high,call_p99_ns,call_p99_low,call_p99_"
	"high,"
	"call_p99.9_ns,call_p99.9_low,call_p99.9_high,call_p99.99_ns,call_p99.99_low,"
	"call_p99.99_high,call_longest_ns,probe_p50_ns,probe_p99_ns,timing_cost,timing_cost_low,"
	"timing_cost_high,calls_per_unit,"
	"call_time_ratio,call_time_comparable,call_longest_best_thread_ns,balance,"
	"balance_comparable";

/* Of each path once more, with its name before them; "all" for what has no paths. */
static const char *const path_columns[] = {"share", "mean_ns", "p50_ns", "p99_ns", "longest_ns"};

/* Of each kind of a hand-over, with its name before them. */
static const char *const hand_over_columns[] = {
	"count", "mean_ns", "p50_ns", "p90_ns", "p99_ns", "p99.9_ns", "p99.99_ns", "longest_ns"};

/* Of workloads that want all objects of a pool; shares, but the second. */
static const char *const scarcity_head = ",gets_none_share,gets_none_in_a_row,gets_none_worst_"
					 "thread_share,stranded_share,stranded_most_share";

/* Where the hardware counts. */
static const char *const counted_head =
	",cycles_per_unit,instructions_per_unit,cache_misses_per_unit";

static void put_text(FILE *out, const char *text, const char *behind)
{
	fputc('"', out);
	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fprintf(out, "\"%s", behind);
}

/* An empty field stands for what is not known. */
static void put_real(FILE *out, double value)
{
	if (isfinite(value))
		fprintf(out, "%.6g", value);
	fputc(',', out);
}

/* Bytes an object are held by it, or, of an older store, what opening the pool cost. */
static void put_memory(FILE *out, bool has_held, const struct analysis_memory *m)
{
	put_real(out, m->known && !has_held ? m->object_bytes : NAN);
	put_real(out, m->known && has_held ? m->object_bytes : NAN);
	put_real(out, m->known ? m->settled_object_bytes : NAN);
	put_real(out, m->known ? m->rss_peak : NAN);
	put_real(out, m->known ? m->rss_settled : NAN);
}

static void put_factors(FILE *out, const struct stats_estimate *e)
{
	put_real(out, exp(e->point));
	put_real(out, isfinite(e->lo) ? exp(e->lo) : NAN);
	put_real(out, isfinite(e->hi) ? exp(e->hi) : NAN);
}

static void put_effect(FILE *out, const struct stats_estimate *effect, enum stats_verdict verdict)
{
	put_factors(out, effect);
	fprintf(out, "%s,", isnan(effect->point) ? "" : stats_verdict_name(verdict));
}

/* The name of a path, and behind the last of them "all"; NULL at the end. */
static const char *path_name(int i)
{
	return i < LATENCY_CLASSES    ? latency_class_name((enum latency_class)i)
	       : i == LATENCY_CLASSES ? "all"
				      : NULL;
}

/* Behind a row. */
static void put_more(FILE *out, const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		isfinite(values[i]) ? fprintf(out, ",%.6g", values[i]) : fputc(',', out);
}

static void put_path(FILE *out, const struct analysis_latency *l, const char *name)
{
	struct analysis_path path = {.share = NAN,
		.mean_ns = NAN,
		.longest_ns = NAN,
		.ns = {[LATENCY_P50] = NAN, [LATENCY_P99] = NAN}};

	for (size_t i = 0; i < l->path_count; i++) {
		if (strcmp(l->path[i].name, name) == 0)
			path = l->path[i];
	}
	const double values[] = {path.share, path.mean_ns, path.ns[LATENCY_P50],
		path.ns[LATENCY_P99], path.longest_ns};

	put_more(out, values, array_count(values));
}

static void put_percentiles(FILE *out, const struct analysis_percentile *at)
{
	for (int i = 0; i < LATENCY_PERCENTILES; i++) {
		put_real(out, at[i].ns);
		put_real(out, isnan(at[i].ns) ? NAN : at[i].lo);
		put_real(out, isnan(at[i].ns) ? NAN : at[i].hi);
	}
}

static void put_hand_over(FILE *out, const struct analysis_latency *l, size_t kind)
{
	const struct analysis_times_of *times = &l->hand_over[kind];

	if (kind >= l->hand_over_count) {
		for (size_t i = 0; i < array_count(hand_over_columns); i++)
			fputc(',', out);
		return;
	}
	fprintf(out, ",%" PRIu64 ",%.6g", histogram_count(&times->histogram), times->mean_ns);
	for (int i = 0; i < LATENCY_PERCENTILES; i++) {
		if (isfinite(times->at[i].ns))
			fprintf(out, ",%.6g", times->at[i].ns);
		else
			fputc(',', out);
	}
	fprintf(out, ",%.6g", times->longest_ns);
}

/* The end of a row: all of it empty where nothing was timed. */
static void put_latency(FILE *out, double wait, const struct analysis_latency *timed)
{
	struct analysis_latency none = {.mean_ns = NAN,
		.longest_ns = NAN,
		.probe_ns = NAN,
		.probe_p99_ns = NAN,
		.cost = STATS_UNKNOWN,
		.calls_per_unit = NAN,
		.time_ratio = NAN,
		.balance = NAN};
	const struct analysis_latency *l = timed == NULL ? &none : timed;

	for (int i = 0; i < LATENCY_PERCENTILES; i++)
		none.at[i].ns = none.at[i].lo = none.at[i].hi = NAN;
	put_real(out, wait);
	if (timed != NULL)
		fprintf(out, "%" PRIu64, l->calls);
	fputc(',', out);
	put_real(out, l->mean_ns);
	put_percentiles(out, l->at);
	put_real(out, l->longest_ns);
	put_real(out, l->probe_ns);
	put_real(out, l->probe_p99_ns);
	put_real(out, l->cost.point);
	put_real(out, l->cost.lo);
	put_real(out, l->cost.hi);
	put_real(out, l->calls_per_unit);
	put_real(out, l->time_ratio);
	fputs(timed == NULL ? "," : l->time_comparable ? "1," : "0,", out);
	put_real(out, timed == NULL ? NAN : l->least_longest_ns);
	put_real(out, l->balance);
	if (isfinite(l->balance))
		fputc(l->balance_comparable ? '1' : '0', out);
	for (int i = 0; path_name(i) != NULL; i++)
		put_path(out, l, path_name(i));
	for (size_t kind = 0; kind < ANALYSIS_HAND_OVER; kind++)
		put_hand_over(out, l, kind);
}

static void put_scarcity(FILE *out, const struct analysis_scarcity *s)
{
	const double values[] = {s->none, s->spell, s->worst, s->stranded, s->stranded_most};

	put_more(out, values, array_count(values));
}

/* A value a fork, with blanks between; NULL: there are none. */
static void put_forks(FILE *out, const double *values, size_t forks, bool logarithms)
{
	for (size_t k = 0; values != NULL && k < forks; k++) {
		fputs(k == 0 ? "" : " ", out);
		if (isfinite(values[k]))
			fprintf(out, "%.9g", logarithms ? exp(values[k]) : values[k]);
		else
			fputc('-', out);
	}
	fputc(',', out);
}

/* What it takes to work a choice out again (choice.h). */
static void put_contest(FILE *out, const struct analysis *a, size_t c, size_t i)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_subject *s = &a->subjects[i];
	const struct analysis_result *r = analysis_at(a, c, i);
	const struct analysis_latency *l = analysis_latency(a, c, i);
	const size_t forks = a->raws[c].forks;
	char traits[ANALYSIS_SENTENCE_BYTES];

	fprintf(out, "%s,", contest_name(cell->contest));
	put_text(out, choice_name_in(a, c, i), ",");
	put_text(out, s->progress, ",");
	put_text(out, s->cache, ",");
	choice_traits(s, traits);
	fprintf(out, "%d,%s,%" PRIu64 ",", cell->capped, traits, r->units);
	put_forks(out, r->best_medians, forks, true);
	put_forks(out, r->memory.known ? r->memory.object_bytes_of : NULL, forks, false);
	put_forks(out, l == NULL ? NULL : l->ns_of[LATENCY_P99], forks, false);
	put_forks(out, l == NULL ? NULL : l->ns_of[LATENCY_P999], forks, false);
	put_real(out, exp(cell->floors[s->contention]));
}

static void put_row(FILE *out, const struct analysis *a, size_t c, size_t i)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_subject *s = &a->subjects[i];
	const struct analysis_result *r = analysis_at(a, c, i);
	char letters[ANALYSIS_LETTERS_MAX];

	put_text(out, cell->label, ",");
	put_text(out, cell->workload, ",");
	fprintf(out, "%" PRIu32 ",%" PRIu32 ",%d,%" PRIu32 ",%" PRIu32 ",%" PRIu64 ",",
		cell->threads, cell->lane_threads, cell->oversubscribed, cell->burst, cell->depth,
		cell->object_bytes);
	put_real(out, cell->object_align > 0 ? (double)cell->object_align : NAN);
	put_text(out, cell->pages, ",");
	put_text(out, s->label, ",");
	put_text(out, s->pool, ",");
	put_text(out, s->context, ",");
	put_text(out, s->dispatch, ",");
	fprintf(out, "%s,%s,%s,", analysis_role_name(s->role), contention_name(s->contention),
		analysis_state_name(r->state));
	put_factors(out, &r->ns);
	put_real(out, analysis_rate(cell, r->ns.point));
	put_effect(out, &r->to_best, r->best_verdict);
	fprintf(out, "%d,%zu,%zu,", r->in_best_set, r->rank_low, r->rank_high);
	analysis_letters(r, letters);
	put_text(out, letters, ",");
	put_effect(out, &r->to_base, r->base_verdict);
	put_factors(out, &r->to_original);
	put_real(out, exp(analysis_floor(a, c, i, cell->has_best ? cell->best : i)));
	put_real(out, r->jain);
	put_real(out, r->slowest_share);
	put_real(out, r->cpu_share);
	fprintf(out, "%" PRIu64 ",", r->failed);
	if (analysis_counts_false_empties(a, c, i))
		fprintf(out, "%" PRIu64, r->failed);
	fputc(',', out);
	put_real(out, r->taken[LATENCY_REFILL]);
	put_real(out, r->taken[LATENCY_FLUSH]);
	put_real(out, r->taken[LATENCY_STEAL]);
	put_real(out, r->taken[LATENCY_GROW]);
	put_real(out, r->taken[LATENCY_EMPTY]);
	put_memory(out, a->has_held, &r->memory);
	fprintf(out, "%zu,%zu,%zu,%d,%d,", cell->forks, r->slices, r->flagged,
		cell->disturbed || r->others > 0, cell->preliminary);
	put_text(out, r->reason, ",");
	put_text(out, cell->command, ",");
	put_contest(out, a, c, i);
	put_latency(out, r->taken[LATENCY_WAIT], analysis_latency(a, c, i));
	put_scarcity(out, &r->scarcity);
	if (a->has_counted)
		put_more(out, r->counted, COUNTERS);
	fputs("\r\n", out);
}

void report_csv(const struct analysis *analysis, FILE *out)
{
	fputs(head, out);
	for (int i = 0; path_name(i) != NULL; i++) {
		for (size_t k = 0; k < array_count(path_columns); k++)
			fprintf(out, ",%s_%s", path_name(i), path_columns[k]);
	}
	for (size_t kind = 0; kind < ANALYSIS_HAND_OVER; kind++) {
		for (size_t k = 0; k < array_count(hand_over_columns); k++)
			fprintf(out, ",%s_%s", analysis_hand_over_name(kind), hand_over_columns[k]);
	}
	fprintf(out, "%s%s\r\n", scarcity_head, analysis->has_counted ? counted_head : "");
	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++)
			put_row(out, analysis, c, i);
	}
}

static const char *const loads_head =
	"cell,workload,threads,subject,role,arrivals,load,capacity_per_s,wanted_per_s,"
	"served_per_s,kept,late_share,responses,response_p50_ns,response_p50_low,"
	"response_p50_high,response_p90_ns,response_p90_low,response_p90_high,response_p99_ns,"
	"response_p99_low,response_p99_high,response_p99.9_ns,response_p99.9_low,"
	"response_p99.9_high,response_p99.99_ns,response_p99.99_low,response_p99.99_high,"
	"response_longest_ns,knee_load\r\n";

static void put_load(FILE *out, const struct analysis *a, size_t c, size_t subject, size_t load)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_response *r = analysis_response(a, c, subject);
	const struct analysis_at_load *at = &r->at[load];

	put_text(out, cell->label, ",");
	put_text(out, cell->workload, ",");
	fprintf(out, "%" PRIu32 ",", cell->threads);
	put_text(out, a->subjects[subject].label, ",");
	fprintf(out, "%s,", analysis_role_name(a->subjects[subject].role));
	put_text(out, r->arrivals, ",");
	fprintf(out, "%" PRIu32 ",", cell->loads[load]);
	put_real(out, r->capacity_s);
	put_real(out, at->wanted_s);
	put_real(out, at->served_s);
	fprintf(out, "%d,", at->kept);
	put_real(out, at->late);
	fprintf(out, "%" PRIu64 ",", at->served);
	put_percentiles(out, at->at);
	put_real(out, at->longest_ns);
	if (r->knee < cell->load_count)
		fprintf(out, "%" PRIu32, cell->loads[r->knee]);
	fputs("\r\n", out);
}

void report_csv_loads(const struct analysis *analysis, FILE *out)
{
	fputs(loads_head, out);
	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++) {
			const struct analysis_response *r = analysis_response(analysis, c, i);

			for (size_t k = 0; r != NULL && k < analysis->cells[c].load_count; k++) {
				if (r->at[k].measured)
					put_load(out, analysis, c, i, k);
			}
		}
	}
}
