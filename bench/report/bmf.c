/*
 * The results in Bencher's Metric Format, for `bencher run --adapter json`: a benchmark a row, named by its
 * cell and strategy. Bencher takes one number a measure with the ends of its range, which here are those
 * of the 95 % interval. Its two own measures are latency in nanoseconds, here a unit's, and throughput in
 * operations a second; those behind them are made by Bencher as it meets them. A row that has no figure is
 * left out, since there is no value for "crashed": junit says that.
 * Source: "Bencher Metric Format (BMF)" in Bencher's reference.
 */
#include "bench/report/document.h"
#include "bench/report/report.h"

static void add(json_t *measures, const char *name, double value, double low, double high)
{
	if (!isfinite(value))
		return;

	json_t *measure = json_object();

	document_set(measure, "value", value);
	document_set(measure, "lower_value", low);
	document_set(measure, "upper_value", high);
	json_object_set_new(measures, name, measure);
}

static json_t *measures_of(const struct analysis *a, size_t c, size_t i)
{
	static const struct {
		const char *name; /* a slug, as Bencher has them */
		int percentile;
	} calls[] = {
		{"call-p50", LATENCY_P50}, {"call-p99", LATENCY_P99}, {"call-p99-9", LATENCY_P999}};
	const struct analysis_result *r = analysis_at(a, c, i);
	const struct analysis_latency *l = analysis_latency(a, c, i);
	const struct stats_estimate *ns = &r->ns;
	json_t *measures = json_object();

	add(measures, "latency", document_factor(ns->point), document_factor(ns->lo),
		document_factor(ns->hi));
	add(measures, "throughput", analysis_rate(&a->cells[c], ns->point),
		isfinite(ns->hi) ? analysis_rate(&a->cells[c], ns->hi) : NAN,
		isfinite(ns->lo) ? analysis_rate(&a->cells[c], ns->lo) : NAN);
	for (size_t k = 0; l != NULL && k < sizeof(calls) / sizeof(calls[0]); k++) {
		const struct analysis_percentile *at = &l->at[calls[k].percentile];

		add(measures, calls[k].name, at->ns, at->lo, at->hi);
	}
	if (r->memory.known)
		add(measures, "bytes-an-object", r->memory.object_bytes, NAN, NAN);
	return measures;
}

void report_bmf(const struct analysis *analysis, FILE *out)
{
	json_t *all = json_object();

	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++) {
			const struct analysis_result *r = analysis_at(analysis, c, i);

			if (r->state != ANALYSIS_MEASURED || !isfinite(r->ns.point))
				continue;

			json_t *name = document_row(analysis, c, i);

			json_object_set_new(
				all, json_string_value(name), measures_of(analysis, c, i));
			json_decref(name);
		}
	}
	document_print(all, out);
}
