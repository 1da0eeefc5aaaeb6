/*
 * The results as JSON, for programs that are not one importer's: all that the analysis says of a store.
 * results.schema.json describes each member, with its unit; a test holds what is printed against it.
 * What is not known is left out, never 0.
 */
#include "bench/report/document.h"

#include "bench/base/number.h"
#include "bench/report/report.h"

#include <string.h>

enum {
	VERSION = 1, /* of the schema; one more for a change that a reader of it must know */
};

/* A point with its interval; null without the point, so that whoever sets it leaves it out. */
static json_t *estimate_of(double value, double low, double high)
{
	if (!isfinite(value))
		return NULL;

	json_t *estimate = json_object();

	document_set(estimate, "value", value);
	document_set(estimate, "low", low);
	document_set(estimate, "high", high);
	return estimate;
}

static void set(json_t *object, const char *name, json_t *value)
{
	if (value != NULL)
		json_object_set_new(object, name, value);
}

static void set_count(json_t *object, const char *name, uint64_t value)
{
	set(object, name, json_integer((json_int_t)value));
}

static void set_effect(json_t *row, const char *name, const struct stats_estimate *effect,
	enum stats_verdict verdict)
{
	json_t *estimate = estimate_of(document_factor(effect->point), document_factor(effect->lo),
		document_factor(effect->hi));

	if (estimate != NULL)
		set(estimate, "verdict", json_string(stats_verdict_name(verdict)));
	set(row, name, estimate);
}

static json_t *percentiles_of(const struct analysis_percentile *at)
{
	static const char *const names[LATENCY_PERCENTILES] = {
		"p50", "p90", "p99", "p99.9", "p99.99"};
	json_t *percentiles = json_object();

	for (int i = 0; i < LATENCY_PERCENTILES; i++)
		set(percentiles, names[i], estimate_of(at[i].ns, at[i].lo, at[i].hi));
	return percentiles;
}

static json_t *calls_of(const struct analysis_latency *l)
{
	json_t *calls = json_object(), *paths = json_array(), *sides = json_object();

	set_count(calls, "timed", l->calls);
	document_set(calls, "mean_ns", l->mean_ns);
	set(calls, "percentiles_ns", percentiles_of(l->at));
	document_set(calls, "longest_ns", l->longest_ns);
	document_set(calls, "longest_of_best_thread_ns", l->least_longest_ns);
	document_set(calls, "clock_p50_ns", l->probe_ns);
	document_set(calls, "clock_p99_ns", l->probe_p99_ns);
	set(calls, "timing_cost", estimate_of(l->cost.point, l->cost.lo, l->cost.hi));
	if (l->time_comparable)
		document_set(calls, "times_of_calls_by_unit", l->time_ratio);
	if (l->balance_comparable)
		document_set(calls, "balance", l->balance);
	for (size_t i = 0; i < l->path_count; i++) {
		const struct analysis_path *path = &l->path[i];
		json_t *one = json_object();

		set(one, "name", document_text(path->name));
		set_count(one, "timed", path->calls);
		document_set(one, "share", path->share);
		document_set(one, "mean_ns", path->mean_ns);
		document_set(one, "longest_ns", path->longest_ns);
		json_array_append_new(paths, one);
	}
	set(calls, "paths", paths);
	for (size_t kind = 0; kind < l->hand_over_count; kind++) {
		const struct analysis_times_of *times = &l->hand_over[kind];
		json_t *one = json_object();

		set_count(one, "timed", histogram_count(&times->histogram));
		document_set(one, "mean_ns", times->mean_ns);
		set(one, "percentiles_ns", percentiles_of(times->at));
		document_set(one, "longest_ns", times->longest_ns);
		set(sides, analysis_hand_over_name(kind), one);
	}
	set(calls, "hand_over", sides);
	return calls;
}

static json_t *loads_of(const struct analysis_cell *cell, const struct analysis_response *r)
{
	json_t *response = json_object(), *loads = json_array();

	set(response, "arrivals", document_text(r->arrivals));
	document_set(response, "capacity_per_s", r->capacity_s);
	if (r->knee < cell->load_count)
		set_count(response, "knee_percent", cell->loads[r->knee]);
	for (size_t k = 0; k < cell->load_count; k++) {
		const struct analysis_at_load *at = &r->at[k];
		json_t *one = json_object();

		if (!at->measured) {
			json_decref(one);
			continue;
		}
		set_count(one, "load_percent", cell->loads[k]);
		set(one, "kept", json_boolean(at->kept));
		document_set(one, "wanted_per_s", at->wanted_s);
		document_set(one, "served_per_s", at->served_s);
		document_set(one, "late_share", at->late);
		set_count(one, "timed", at->served);
		set(one, "percentiles_ns", percentiles_of(at->at));
		document_set(one, "longest_ns", at->longest_ns);
		json_array_append_new(loads, one);
	}
	set(response, "loads", loads);
	return response;
}

static json_t *memory_of(const struct analysis_memory *memory)
{
	json_t *bytes = json_object();

	document_set(bytes, "object", memory->object_bytes);
	document_set(bytes, "object_settled", memory->settled_object_bytes);
	document_set(bytes, "rss_peak", memory->rss_peak);
	document_set(bytes, "rss_settled", memory->rss_settled);
	return bytes;
}

/* Where the workload wants all objects of the pool. */
static json_t *scarcity_of(const struct analysis_scarcity *s)
{
	json_t *scarcity = json_object();

	document_set(scarcity, "gets_none_share", s->none);
	document_set(scarcity, "gets_none_in_a_row", s->spell);
	document_set(scarcity, "gets_none_worst_thread_share", s->worst);
	document_set(scarcity, "stranded_share", s->stranded);
	document_set(scarcity, "stranded_most_share", s->stranded_most);
	return scarcity;
}

static json_t *counted_of(const double counted[COUNTERS])
{
	static const char *const names[COUNTERS] = {[COUNTER_CYCLES] = "cycles",
		[COUNTER_INSTRUCTIONS] = "instructions",
		[COUNTER_CACHE_MISSES] = "cache_misses"};
	json_t *per_unit = json_object();

	for (size_t i = 0; i < COUNTERS; i++)
		document_set(per_unit, names[i], counted[i]);
	return per_unit;
}

/* What a row has only where it was measured. */
static void set_figures(json_t *row, const struct analysis *a, size_t c, size_t i)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_result *r = analysis_at(a, c, i);
	const struct stats_estimate *ns = &r->ns;

	set(row, "ns_per_unit",
		estimate_of(document_factor(ns->point), document_factor(ns->lo),
			document_factor(ns->hi)));
	document_set(row, "units_per_s", analysis_rate(cell, ns->point));
	set_effect(row, "times_best", &r->to_best, r->best_verdict);
	set_effect(row, "times_baseline", &r->to_base, r->base_verdict);
	set(row, "best_or_tied", json_boolean(r->in_best_set));
	if (r->rank_low > 0)
		set(row, "rank",
			json_pack("[I, I]", (json_int_t)r->rank_low, (json_int_t)r->rank_high));
	set_count(row, "slices", r->slices);
	set_count(row, "flagged", r->flagged);
	set(row, "disturbed", json_boolean(cell->disturbed || r->others > 0));
	set_count(row, "failed_gets", r->failed);
	if (analysis_counts_false_empties(a, c, i))
		set_count(row, "false_empties", r->failed);
	document_set(row, "jain", r->jain);
	document_set(row, "slowest_share", r->slowest_share);
	document_set(row, "cpu_share", r->cpu_share);
	if (r->memory.known)
		set(row, "bytes", memory_of(&r->memory));
	if (!isnan(r->scarcity.none))
		set(row, "scarcity", scarcity_of(&r->scarcity));
	if (!isnan(r->counted[COUNTER_CYCLES]))
		set(row, "counted_per_unit", counted_of(r->counted));
}

static json_t *row_of(const struct analysis *a, size_t c, size_t i)
{
	const struct analysis_result *r = analysis_at(a, c, i);
	const struct analysis_latency *latency = analysis_latency(a, c, i);
	const struct analysis_response *response = analysis_response(a, c, i);
	json_t *row = json_object();

	set(row, "subject", document_text(a->subjects[i].label));
	set(row, "state", json_string(analysis_state_name(r->state)));
	if (r->reason != NULL)
		set(row, "reason", document_text(r->reason));
	if (r->state == ANALYSIS_MEASURED)
		set_figures(row, a, c, i);
	if (latency != NULL)
		set(row, "calls", calls_of(latency));
	if (response != NULL)
		set(row, "responses", loads_of(&a->cells[c], response));
	return row;
}

static json_t *cell_of(const struct analysis *a, size_t c)
{
	const struct analysis_cell *cell = &a->cells[c];
	json_t *one = json_object(), *floors = json_object(), *rows = json_array();

	set(one, "label", document_text(cell->label));
	set(one, "workload", document_text(cell->workload));
	set(one, "contest", json_string(contest_name(cell->contest)));
	set(one, "unit", document_text(cell->unit));
	set_count(one, "threads", cell->threads);
	set_count(one, "threads_of_a_lane", cell->lane_threads);
	set(one, "oversubscribed", json_boolean(cell->oversubscribed));
	set_count(one, "burst", cell->burst);
	set_count(one, "depth", cell->depth);
	set_count(one, "object_bytes", cell->object_bytes);
	if (cell->object_align > 0)
		set_count(one, "object_align", cell->object_align);
	set(one, "pages", document_text(cell->pages));
	set(one, "placement", document_text(cell->placement));
	set_count(one, "forks", cell->forks);
	set(one, "disturbed", json_boolean(cell->disturbed));
	set(one, "preliminary", json_boolean(cell->preliminary));
	set(one, "command", document_text(cell->command));
	for (size_t k = 0; k < CONTENTION_CLASSES; k++)
		document_set(floors, contention_name((enum contention)k),
			document_factor(cell->floors[k]));
	set(one, "noise_floor", floors);
	for (size_t i = 0; i < a->subject_count; i++) {
		if (analysis_at(a, c, i)->state != ANALYSIS_ABSENT)
			json_array_append_new(rows, row_of(a, c, i));
	}
	set(one, "rows", rows);
	return one;
}

static json_t *subject_of(const struct analysis *a, const struct analysis_subject *s)
{
	json_t *one = json_object();

	set(one, "label", document_text(s->label));
	set(one, "pool", document_text(s->pool));
	if (s->context != NULL)
		set(one, "context", document_text(s->context));
	set(one, "dispatch", document_text(s->dispatch));
	set(one, "role", json_string(analysis_role_name(s->role)));
	set(one, "stands_for", document_text(a->subjects[s->original].label));
	set(one, "contention", json_string(contention_name(s->contention)));
	set(one, "progress", document_text(s->progress));
	set(one, "cache", document_text(s->cache));
	set(one, "exact", json_boolean(s->exact));
	set(one, "summary", document_text(s->summary));
	return one;
}

static json_t *start_of(const struct analysis_machine *machine)
{
	json_t *one = json_object(), *values = json_object();

	set(one, "started", json_string(number_timestamp(machine->started_ns).text));
	set(one, "fingerprint_hash", document_text(machine->hash));
	set(one, "noise_grade", document_text(machine->grade));
	for (size_t i = 0; i < machine->value_count; i++)
		json_object_set_new_nocheck(
			values, machine->values[i].name, document_text(machine->values[i].value));
	set(one, "fingerprint", values);
	return one;
}

static json_t *event_of(const struct analysis_event *event)
{
	json_t *one = json_object();

	set(one, "at", json_string(number_timestamp(event->at_ns).text));
	set(one, "state", document_text(event->state));
	set(one, "detail", document_text(event->detail));
	if (event->subject != NULL)
		set(one, "subject", document_text(event->subject));
	if (event->cell != NULL)
		set(one, "cell", document_text(event->cell));
	if (event->fork >= 0)
		set_count(one, "fork", (uint64_t)event->fork);
	return one;
}

void report_json(const struct analysis *a, FILE *out)
{
	json_t *all = json_object(), *starts = json_array(), *subjects = json_array(),
	       *cells = json_array(), *events = json_array();

	set(all, "format", json_string("nblbench"));
	set_count(all, "version", VERSION);
	set(all, "source_revision", document_text(a->source_revision));
	set(all, "build_id", document_text(a->build_id));
	set(all, "plan_hash", document_text(a->plan_hash));
	set(all, "command", document_text(a->command));
	set(all, "planned", json_string(number_timestamp(a->created_ns).text));
	set(all, "cpu", document_text(document_cpu(a)));
	set_count(all, "cpus", a->cpus);
	if (a->has_baseline)
		set(all, "baseline", document_text(a->subjects[a->baseline].label));
	for (size_t i = 0; i < a->machine_count; i++)
		json_array_append_new(starts, start_of(&a->machines[i]));
	for (size_t i = 0; i < a->subject_count; i++)
		json_array_append_new(subjects, subject_of(a, &a->subjects[i]));
	for (size_t c = 0; c < a->cell_count; c++)
		json_array_append_new(cells, cell_of(a, c));
	for (size_t i = 0; i < a->event_count; i++)
		json_array_append_new(events, event_of(&a->events[i]));
	set(all, "starts", starts);
	set(all, "subjects", subjects);
	set(all, "cells", cells);
	set(all, "events", events);
	document_print(all, out);
}
