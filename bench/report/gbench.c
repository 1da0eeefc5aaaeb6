/*
 * The results in Google Benchmark's JSON, so that its compare.py and other importers read them. Our
 * own figures are counters with the prefix nbl_. real_time is ns a unit of one lane of threads, and
 * rates stand in nbl_units_per_s, since importers derive wrong ones for several threads.
 */
#include "bench/analysis/analysis.h"
#include "bench/base/number.h"
#include "bench/report/document.h"
#include "bench/report/report.h"

#include <jansson.h>
#include <math.h>

static json_t *make_context(const struct analysis *a)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:i, s:b, s:[], s:[], s:s, s:o, s:o, s:o, s:o}",
		"date", number_timestamp(analysis_began_ns(a)).text, "host_name", "", "executable",
		"nblbench", "num_cpus", (json_int_t)a->cpus, "mhz_per_cpu", 0,
		"cpu_scaling_enabled", 0, "caches", "load_avg", "library_build_type", "release",
		"nbl_source_revision", document_text(a->source_revision), "nbl_build_id",
		document_text(a->build_id), "nbl_plan_hash", document_text(a->plan_hash),
		"nbl_fingerprint",
		document_text(a->machine_count > 0 ? a->machines[a->machine_count - 1].hash : ""));
}

static json_t *make_run(const struct analysis *a, size_t c, size_t i, size_t family)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_result *r = analysis_at(a, c, i);
	const double ns = exp(r->ns.point);
	const bool failed = r->state != ANALYSIS_MEASURED || !isfinite(ns);
	/* "pair, 2 threads/mag_tls": as long as Google Benchmark's own, with the cell for the family. */
	json_t *name = document_row(a, c, i);
	json_t *run = json_pack("{s:O, s:I, s:I, s:o, s:s, s:i, s:i, s:I}", "name", name,
		"family_index", (json_int_t)family, "per_family_instance_index", (json_int_t)i,
		"run_name", name, "run_type", "iteration", "repetitions", 1, "repetition_index", 0,
		"threads", (json_int_t)cell->threads);

	if (failed) {
		json_object_set_new(run, "error_occurred", json_true());
		json_object_set_new(run, "error_message", document_reason(r));
	}
	/* Google Benchmark writes times of what failed as well, and its readers want them. */
	json_object_set_new(run, "iterations", json_integer(failed ? 0 : (json_int_t)r->units));
	document_set(run, "real_time", failed ? 0 : ns);
	document_set(run, "cpu_time", failed ? 0 : isfinite(r->cpu_share) ? ns * r->cpu_share : ns);
	json_object_set_new(run, "time_unit", json_string("ns"));
	if (failed)
		return run;
	document_set(run, "nbl_units_per_s", analysis_rate(cell, r->ns.point));
	document_set(run, "nbl_ns_low", document_factor(r->ns.lo));
	document_set(run, "nbl_ns_high", document_factor(r->ns.hi));
	document_set(run, "nbl_times_best", document_factor(r->to_best.point));
	document_set(run, "nbl_times_best_low", document_factor(r->to_best.lo));
	document_set(run, "nbl_times_best_high", document_factor(r->to_best.hi));
	document_set(run, "nbl_object_bytes", (double)cell->object_bytes);
	if (cell->object_align > 0)
		document_set(run, "nbl_object_align", cell->object_align);
	json_object_set_new(run, "nbl_pages", document_text(cell->pages));
	if (analysis_counts_false_empties(a, c, i))
		document_set(run, "nbl_false_empties", (double)r->failed);
	document_set(run, "nbl_jain", r->jain);
	document_set(run, "nbl_slowest_share", r->slowest_share);
	if (r->memory.known)
		document_set(run, "nbl_bytes_per_object", r->memory.object_bytes);
	return run;
}

void report_gbench(const struct analysis *analysis, FILE *out)
{
	json_t *runs = json_array();
	json_t *all =
		json_pack("{s:o, s:o}", "context", make_context(analysis), "benchmarks", runs);

	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++) {
			if (analysis_at(analysis, c, i)->state != ANALYSIS_ABSENT)
				json_array_append_new(runs, make_run(analysis, c, i, c));
		}
	}
	document_print(all, out);
}
