/* The page's cells: all numbers of each, and the command that measures it again. */
#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/page.h"

#include <inttypes.h>
#include <math.h>

/* A probability below this is printed as "< 0.001". */
static const double small_p = 0.001;

/* A subject's rows in a cell's tables, by rank: contestants, the rest, those without a figure. */
static size_t cell_order(const struct page *p, size_t c, size_t *order)
{
	const struct page_order *rows = page_order_in(p, c);
	size_t n = 0;

	for (size_t i = 0; i < rows->rows; i++) {
		const struct analysis_result *r = analysis_at(p->a, c, rows->order[i]);
		size_t at = n;

		if (r->state == ANALYSIS_ABSENT || !choice_has_place(p->a, c, rows->order[i]))
			continue;
		for (; at > 0; at--) {
			const struct analysis_result *other = analysis_at(p->a, c, order[at - 1]);
			const bool ranked = r->rank_low > 0, other_ranked = other->rank_low > 0;

			if (ranked != other_ranked ? other_ranked
						   : !(r->ns.point < other->ns.point))
				break;
			order[at] = order[at - 1];
		}
		order[at] = rows->order[i];
		n++;
	}
	return n;
}

/* Three columns: a ratio of times, its interval, its verdict. itself: what it is compared with. */
static json_t *effect_of(
	const struct stats_estimate *effect, enum stats_verdict verdict, bool itself)
{
	if (itself || isnan(effect->point))
		return template_record(
			"effect", json_null(), "instead", template_text(itself ? "1" : "–"), NULL);
	return template_record("effect",
		template_record("value", template_words("%.6f", exp(effect->point)), "ratio",
			page_number(number_ratio(effect->point)), "range",
			page_number(number_ratio_range(effect->lo, effect->hi)), "verdict",
			template_text(stats_verdict_name(verdict)), NULL),
		NULL);
}

static json_t *figures_of(const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_cell *cell = &a->cells[c];
	const struct analysis_result *r = analysis_at(a, c, subject);
	json_t *effects = json_array();

	page_add(effects,
		effect_of(&r->to_best, r->best_verdict, cell->has_best && subject == cell->best));
	if (a->has_baseline)
		page_add(effects, effect_of(&r->to_base, r->base_verdict, subject == a->baseline));
	return template_record("rank", page_number(number_rank(r->rank_low, r->rank_high)), "ns",
		page_plain(exp(r->ns.point)), "range",
		page_number(number_plain_range(exp(r->ns.lo), exp(r->ns.hi))), "rate",
		page_plain(analysis_rate(cell, r->ns.point) / 1e6), "effects", effects,
		"p_is_small", json_boolean(r->mann_whitney < small_p), "p",
		isnan(r->mann_whitney) ? template_text("–")
				       : template_words("%.3f", r->mann_whitney),
		"forks_needed", template_count(r->forks_needed), NULL);
}

static json_t *time_of(const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_result *r = analysis_at(a, c, subject);
	const bool measured = r->state == ANALYSIS_MEASURED;
	json_t *absence = json_null();

	if (!measured)
		absence = template_record("columns", template_count(a->has_baseline ? 12 : 9),
			"bad", json_boolean(r->state > ANALYSIS_UNSUPPORTED), "state",
			template_text(analysis_state_name(r->state)), "reason",
			template_text(r->reason == NULL ? "" : r->reason), NULL);
	return page_row(a, c, subject,
		template_record("absence", absence, "figures",
			measured ? figures_of(a, c, subject) : json_null(), NULL));
}

static json_t *per_thousand(const struct analysis_result *r, enum latency_class path)
{
	return page_plain(r->taken[path] * 1000);
}

static json_t *mebibytes(double bytes)
{
	return page_plain(bytes / (1 << 20));
}

static json_t *conduct_of(const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_subject *s = &a->subjects[subject];
	const struct analysis_result *r = analysis_at(a, c, subject);
	const struct analysis_memory *m = &r->memory;
	const struct analysis_latency *l = analysis_latency(a, c, subject);
	json_t *failed =
		a->cells[c].capped && !s->is_pool ? template_text("–") : template_count(r->failed);

	return page_row(a, c, subject,
		template_record("jain", page_plain(r->jain), "slowest",
			page_plain(r->slowest_share * 100), "longest_best",
			page_plain(l == NULL ? NAN : l->least_longest_ns), "longest_worst",
			page_plain(l == NULL ? NAN : l->longest_ns), "cpu",
			page_plain(r->cpu_share * 100), "refill", per_thousand(r, LATENCY_REFILL),
			"flush", per_thousand(r, LATENCY_FLUSH), "steal",
			per_thousand(r, LATENCY_STEAL), "grow", per_thousand(r, LATENCY_GROW),
			"empty", per_thousand(r, LATENCY_EMPTY), "failed", failed, "object_bytes",
			page_plain(m->known ? m->object_bytes : NAN), "settled",
			a->has_held
				? template_record("object_bytes",
					  page_plain(m->known ? m->settled_object_bytes : NAN),
					  "rss", mebibytes(m->known ? m->rss_settled : NAN), NULL)
				: json_null(),
			"rss_peak", mebibytes(m->known ? m->rss_peak : NAN), "involuntary",
			template_count(r->involuntary), "faults", template_count(r->faults),
			"slices", template_count(r->slices), "flagged", template_count(r->flagged),
			"all_used", json_boolean(r->all_used), "others", template_count(r->others),
			"mixed", json_boolean(r->mixed), NULL));
}

/* A table of these rows; nothing without any. */
static json_t *table_of(json_t *rows)
{
	if (json_array_size(rows) > 0)
		return template_record("rows", rows, NULL);
	json_decref(rows);
	return json_null();
}

static json_t *percent(double share)
{
	return page_plain(100 * share);
}

/* The rows of a workload that wants all objects of the pool; nothing of others. */
static json_t *scarcity_of(const struct analysis *a, size_t c, const size_t *order, size_t n)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct analysis_scarcity *s = &analysis_at(a, c, order[i])->scarcity;

		if (!isnan(s->none))
			page_add(rows,
				page_row(a, c, order[i],
					template_record("none", percent(s->none), "spell",
						page_plain(s->spell), "worst", percent(s->worst),
						"stranded", percent(s->stranded), "most",
						percent(s->stranded_most), NULL)));
	}
	return table_of(rows);
}

/* The rows of which the hardware counted something. */
static json_t *counted_of(const struct analysis *a, size_t c, const size_t *order, size_t n)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		const double *counted = analysis_at(a, c, order[i])->counted;

		if (!isnan(counted[COUNTER_CYCLES]))
			page_add(rows,
				page_row(a, c, order[i],
					template_record("cycles",
						page_plain(counted[COUNTER_CYCLES]), "instructions",
						page_plain(counted[COUNTER_INSTRUCTIONS]), "misses",
						page_plain(counted[COUNTER_CACHE_MISSES]), NULL)));
	}
	return table_of(rows);
}

static json_t *best_of(const struct analysis *a, size_t c)
{
	const struct analysis_cell *cell = &a->cells[c];

	if (!cell->has_best)
		return json_null();
	return template_record("label", template_text(choice_name_in(a, c, cell->best)), "ns",
		page_plain(exp(analysis_at(a, c, cell->best)->ns.point)), "tied",
		template_count(cell->best_set > 1 ? cell->best_set - 1 : 0), NULL);
}

/* The twins of a cell, a row each. */
static json_t *twins_of(const struct analysis *a, const struct analysis_cell *cell)
{
	json_t *twins = json_array();

	for (size_t i = 0; i < cell->twin_count; i++) {
		const struct analysis_twin *twin = &cell->twins[i];
		const struct analysis_subject *subject = &a->subjects[twin->subject];

		page_add(twins,
			template_record("label", template_text(subject->label), "class",
				template_text(contention_name(subject->contention)), "ratio",
				page_number(number_ratio(twin->effect.point)), "range",
				page_number(number_ratio_range(twin->effect.lo, twin->effect.hi)),
				"floor", template_text(number_percent(twin->floor).text), NULL));
	}
	return twins;
}

static json_t *calibration_of(const struct analysis_cell *cell)
{
	if (isnan(cell->calibration_ns))
		return json_null();
	return template_record("median", page_plain(cell->calibration_ns / 1000), "low",
		page_plain(cell->calibration_low_ns / 1000), "high",
		page_plain(cell->calibration_high_ns / 1000), NULL);
}

static json_t *cell_of(const struct page *p, size_t c, size_t *order)
{
	const struct analysis *a = p->a;
	const struct analysis_cell *cell = &a->cells[c];
	const size_t n = cell_order(p, c, order);
	json_t *times = json_array(), *conduct = json_array();
	const bool whole = (p->tables & PAGE_CELLS) != 0;
	char floors[ANALYSIS_SENTENCE_BYTES];

	analysis_floors(a, c, floors);
	for (size_t i = 0; i < n && whole; i++) {
		page_add(times, time_of(a, c, order[i]));
		if (analysis_at(a, c, order[i])->state == ANALYSIS_MEASURED)
			page_add(conduct, conduct_of(a, c, order[i]));
	}
	return template_record("number", template_count(c + 1), "at", template_count(c), "label",
		template_text(cell->label), "best", best_of(a, c), "floors", template_text(floors),
		"disturbed", json_boolean(cell->disturbed), "program", template_text(cell->program),
		"blocks", template_count(cell->blocks), "forks", template_count(cell->forks),
		"unit", template_text(cell->unit), "object_bytes",
		template_count(cell->object_bytes), "object_align",
		template_count(cell->object_align), "pages", template_text(cell->pages),
		"lane_threads", page_threads(cell->lane_threads), "lane_cpus",
		template_text(cell->lane_threads == 1 ? "per CPU" : "per pair of CPUs"), "twins",
		twins_of(a, cell), "calibration", calibration_of(cell), "flagged",
		template_count(cell->flagged), "slices", template_count(cell->slices),
		"too_few_forks", template_count(cell->preliminary ? STATS_FORKS_MIN : 0), "command",
		template_text(cell->command), "run", template_text(cell->run), "baseline",
		a->has_baseline ? template_text(a->subjects[a->baseline].label) : json_null(),
		"capped", json_boolean(cell->capped), "has_held", json_boolean(a->has_held),
		"whole", json_boolean(whole), "times", times, "conduct", conduct, "scarcity",
		scarcity_of(a, c, order, whole ? n : 0), "counted",
		counted_of(a, c, order, whole ? n : 0), NULL);
}

json_t *page_cells(const struct page *p)
{
	AUTO_FREE size_t *order = need(p->a->subject_count, sizeof(*order));
	json_t *cells = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++)
		page_add(cells, cell_of(p, c, order));
	return cells;
}
