/* The results as CSV (RFC 4180), one row a cell and subject; units stand in the column heads. */
#include "bench/analysis/analysis.h"
#include "bench/report/report.h"

#include <inttypes.h>
#include <math.h>

static const char *const head =
	"cell,workload,threads,lane_threads,oversubscribed,burst,depth,object_bytes,object_align,"
	"pages,subject,pool,context,dispatch,role,state,ns_per_unit,ns_low,ns_high,units_per_s,"
	"times_best,times_best_low,times_best_high,verdict_to_best,in_best_set,rank_low,rank_high,"
	"ties,times_baseline,times_baseline_low,times_baseline_high,verdict_to_baseline,noise_"
	"floor_ratio,jain,slowest_share,cpu_share,failed_gets,false_empties,refills_per_unit,"
	"flushes_per_unit,steals_per_unit,grown_per_unit,short_per_unit,memory_bytes_per_object,"
	"rss_peak_bytes,slices,flagged,disturbed,preliminary,reason,command";

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

static void put_row(FILE *out, const struct analysis *a, size_t c, size_t i)
{
	static const char *const roles[] = {
		[ANALYSIS_CONTESTANT] = "contestant",
		[ANALYSIS_HARNESS] = "harness",
		[ANALYSIS_BARE] = "bare",
		[ANALYSIS_FLOOR] = "floor",
		[ANALYSIS_TABLE] = "table",
		[ANALYSIS_TWIN] = "twin",
	};
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
	fprintf(out, "%s,%s,", roles[s->role], analysis_state_name(r->state));
	put_factors(out, &r->ns);
	put_real(out, analysis_rate(cell, r->ns.point));
	put_effect(out, &r->to_best, r->best_verdict);
	fprintf(out, "%d,%zu,%zu,", r->in_best_set, r->rank_low, r->rank_high);
	analysis_letters(r, letters);
	put_text(out, letters, ",");
	put_effect(out, &r->to_base, r->base_verdict);
	put_real(out, exp(cell->floor));
	put_real(out, r->jain);
	put_real(out, r->slowest_share);
	put_real(out, r->cpu_share);
	fprintf(out, "%" PRIu64 ",", r->failed);
	if (analysis_counts_false_empties(a, c, i))
		fprintf(out, "%" PRIu64, r->failed);
	fputc(',', out);
	put_real(out, r->refill);
	put_real(out, r->flush);
	put_real(out, r->steal);
	put_real(out, r->grow);
	put_real(out, r->empty);
	put_real(out, r->memory.known ? r->memory.object_bytes : NAN);
	put_real(out, r->memory.known ? r->memory.rss_peak : NAN);
	fprintf(out, "%zu,%zu,%d,%d,", r->slices, r->flagged, cell->disturbed, cell->preliminary);
	put_text(out, r->reason, ",");
	put_text(out, cell->command, "\r\n");
}

int report_csv(const struct analysis *analysis, FILE *out)
{
	fprintf(out, "%s\r\n", head);
	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++)
			put_row(out, analysis, c, i);
	}
	return 0;
}
