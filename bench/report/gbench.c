/*
 * The results in Google Benchmark's JSON, so that its compare.py and other importers read them. Our
 * own figures are counters with the prefix nbl_. real_time is ns a unit of one lane of threads, and
 * rates stand in nbl_units_per_s, since importers derive wrong ones for several threads.
 */
#include "bench/analysis/analysis.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/report.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double ns_a_second = 1e9;

/* A number if it is one; JSON has no infinity. */
static void set_real(json_t *object, const char *name, double value)
{
	if (isfinite(value))
		json_object_set_new(object, name, json_real(value));
}

static json_t *make_context(const struct analysis *a)
{
	const int64_t started =
		a->machine_count > 0 ? a->machines[a->machine_count - 1].started_ns : a->created_ns;
	const time_t seconds = (time_t)((double)started / ns_a_second);
	char date[NUMBER_BYTES] = "";
	struct tm utc;

	if (gmtime_r(&seconds, &utc) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S+00:00", &utc);
	return json_pack("{s:s, s:s, s:s, s:I, s:i, s:b, s:[], s:[], s:s, s:s, s:s, s:s, s:s}",
		"date", date, "host_name", "", "executable", "nblbench", "num_cpus",
		(json_int_t)a->cpus, "mhz_per_cpu", 0, "cpu_scaling_enabled", 0, "caches",
		"load_avg", "library_build_type", "release", "nbl_source_revision",
		a->source_revision, "nbl_build_id", a->build_id, "nbl_plan_hash", a->plan_hash,
		"nbl_fingerprint",
		a->machine_count > 0 ? a->machines[a->machine_count - 1].hash : "");
}

static json_t *make_run(const struct analysis *a, size_t c, size_t i, size_t family)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_result *r = analysis_at(a, c, i);
	const double ns = exp(r->ns.point);
	const bool failed = r->state != ANALYSIS_MEASURED || !isfinite(ns);
	/* "pair, 2 threads/mag_tls": as long as Google Benchmark's own, with the cell for the family. */
	json_t *name = json_sprintf("%s/%s", cell->label, a->subjects[i].label);
	json_t *run = json_pack("{s:O, s:I, s:I, s:o, s:s, s:i, s:i, s:I}", "name", name,
		"family_index", (json_int_t)family, "per_family_instance_index", (json_int_t)i,
		"run_name", name, "run_type", "iteration", "repetitions", 1, "repetition_index", 0,
		"threads", (json_int_t)cell->threads);

	if (failed) {
		json_object_set_new(run, "error_occurred", json_true());
		json_object_set_new(run, "error_message",
			json_sprintf("%s: %s", analysis_state_name(r->state),
				r->reason == NULL ? "" : r->reason));
	}
	/* Google Benchmark writes times of what failed as well, and its readers want them. */
	json_object_set_new(run, "iterations", json_integer(failed ? 0 : (json_int_t)r->units));
	set_real(run, "real_time", failed ? 0 : ns);
	set_real(run, "cpu_time", failed ? 0 : isfinite(r->cpu_share) ? ns * r->cpu_share : ns);
	json_object_set_new(run, "time_unit", json_string("ns"));
	if (failed)
		return run;
	set_real(run, "nbl_units_per_s", analysis_rate(cell, r->ns.point));
	set_real(run, "nbl_ns_low", exp(r->ns.lo));
	set_real(run, "nbl_ns_high", exp(r->ns.hi));
	set_real(run, "nbl_times_best", exp(r->to_best.point));
	set_real(run, "nbl_times_best_low", exp(r->to_best.lo));
	set_real(run, "nbl_times_best_high", exp(r->to_best.hi));
	set_real(run, "nbl_object_bytes", (double)cell->object_bytes);
	if (cell->object_align > 0)
		set_real(run, "nbl_object_align", cell->object_align);
	json_object_set_new(run, "nbl_pages", json_string(cell->pages));
	if (analysis_counts_false_empties(a, c, i))
		set_real(run, "nbl_false_empties", (double)r->failed);
	set_real(run, "nbl_jain", r->jain);
	set_real(run, "nbl_slowest_share", r->slowest_share);
	if (r->memory.known)
		set_real(run, "nbl_bytes_per_object", r->memory.object_bytes);
	return run;
}

void report_gbench(const struct analysis *analysis, FILE *out)
{
	json_t *runs = json_array();
	json_t *all =
		json_pack("{s:o, s:o}", "context", make_context(analysis), "benchmarks", runs);

	if (all == NULL)
		need_failed();
	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++) {
			if (analysis_at(analysis, c, i)->state != ANALYSIS_ABSENT)
				json_array_append_new(runs, make_run(analysis, c, i, c));
		}
	}
	json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fputc('\n', out);
	json_decref(all);
}
