/* The page's section on latency: percentiles, paths and whether they add up, cell by cell. */
#include "bench/analysis/choice.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

json_t *page_percentile(const struct analysis_percentile *p, bool bad)
{
	const bool bounded = isfinite(p->ns) && isfinite(p->lo) && isfinite(p->hi);

	return template_record("ns", page_plain(p->ns), "class",
		template_text(bad        ? "bad"
			      : p->below ? "below"
					 : ""),
		"range", bounded ? page_number(number_plain_range(p->lo, p->hi)) : json_null(),
		NULL);
}

static json_t *percentiles_of(const struct analysis_latency *l)
{
	json_t *list = json_array();

	for (int i = 0; i < LATENCY_PERCENTILES; i++)
		page_add(list, page_percentile(&l->at[i], false));
	return list;
}

static json_t *row_of(const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_latency *l = analysis_latency(a, c, subject);
	const struct stats_estimate *e = &l->cost;
	/* A minus, and no range's dash. */
	json_t *cost =
		isnan(e->point) ? template_text("–") : template_words("%.1f", 100 * e->point);
	json_t *range = e->forks < STATS_FORKS_MIN
				? json_null()
				: template_words("%.1f to %.1f", 100 * e->lo, 100 * e->hi);

	return page_row(a, c, subject,
		template_record("percentiles", percentiles_of(l), "longest",
			page_plain(l->longest_ns), "calls", template_count(l->calls), "cost", cost,
			"cost_range", range, "time_comparable", json_boolean(l->time_comparable),
			"time_ratio", page_plain(l->time_ratio), "balance_comparable",
			json_boolean(l->balance_comparable), "balance", page_plain(l->balance),
			NULL));
}

/* What a call did, in words, by the name of its path. */
static const char *words_of(const char *path)
{
	static const char *const words[][2] = {
		{"fast", "served by what is at hand"},
		{"flush", "moved part of a full cache behind it"},
		{"refill", "filled an empty cache from behind"},
		{"steal", "took from another's cache"},
		{"grow", "took objects never used before"},
		{"wait", "waited for another thread or lost to it"},
		{"empty", "found fewer than was asked for"},
		{"all", "any: its paths are its own"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], path) == 0)
			return words[i][1];
	}
	return path;
}

static void add_paths(json_t *list, const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_latency *l = analysis_latency(a, c, subject);

	for (size_t i = 0; i < l->path_count; i++) {
		const struct analysis_path *p = &l->path[i];
		json_t *path = template_words("%s: %s", p->name, words_of(p->name));

		page_add(list,
			page_row(a, c, subject,
				template_record("path", path, "share", page_plain(100 * p->share),
					"mean", page_plain(p->mean_ns), "p50",
					page_plain(p->ns[LATENCY_P50]), "p99",
					page_plain(p->ns[LATENCY_P99]), "longest",
					page_plain(p->longest_ns), NULL)));
	}
}

/* A row that hands over: percentiles of either side and of ages, as far as there are any. */
static void add_hand_over(json_t *list, const struct analysis *a, size_t c, size_t subject)
{
	const struct analysis_latency *l = analysis_latency(a, c, subject);
	const struct analysis_percentile none[LATENCY_PERCENTILES] = {
		[LATENCY_P50].ns = NAN, [LATENCY_P99].ns = NAN};
	const bool ages = l->hand_over_count > ANALYSIS_AGES;
	json_t *percentiles;

	if (l->hand_over_count == 0)
		return;
	percentiles = json_array();
	for (size_t kind = 0; kind < ANALYSIS_HAND_OVER; kind++) {
		const struct analysis_percentile *at =
			kind < l->hand_over_count ? l->hand_over[kind].at : none;

		page_add(percentiles, page_percentile(&at[LATENCY_P50], false));
		page_add(percentiles, page_percentile(&at[LATENCY_P99], false));
	}
	page_add(list,
		page_row(a, c, subject,
			template_record("percentiles", percentiles, "longest",
				page_plain(ages ? l->hand_over[ANALYSIS_AGES].longest_ns : NAN),
				NULL)));
}

/* The table, or null where nobody hands over. */
static json_t *hand_over_of(const struct analysis *a, json_t *rows)
{
	char no_ages[ANALYSIS_SENTENCE_BYTES];

	if (json_array_size(rows) == 0) {
		json_decref(rows);
		return json_null();
	}
	analysis_no_ages(a, no_ages);
	return template_record("lines", rows, "no_ages", template_text(no_ages), NULL);
}

/* Contestants first, so that a sort leaves the others below. order has room for both. */
static size_t cell_order(const struct page *p, size_t c, size_t *order)
{
	size_t *sorted = order + p->a->subject_count;
	const size_t n = analysis_latency_order(p->a, c, sorted);
	size_t used = 0;

	for (int aside = 0; aside < 2; aside++) {
		for (size_t i = 0; i < n; i++) {
			if ((p->a->subjects[sorted[i]].role != ANALYSIS_CONTESTANT) == aside)
				order[used++] = sorted[i];
		}
	}
	return n;
}

static json_t *cell_of(const struct page *p, size_t c, const size_t *order, size_t n)
{
	const struct analysis_latency *first = analysis_latency(p->a, c, order[0]);
	json_t *rows = json_array(), *paths = json_array(), *imbalances = json_array();
	json_t *hand_overs = json_array();
	char sentence[ANALYSIS_SENTENCE_BYTES];

	for (size_t i = 0; i < n; i++) {
		page_add(rows, row_of(p->a, c, order[i]));
		add_paths(paths, p->a, c, order[i]);
		add_hand_over(hand_overs, p->a, c, order[i]);
		analysis_imbalance(p->a, c, order[i], sentence);
		if (*sentence != '\0')
			page_add(imbalances,
				template_record("sentence", template_text(sentence), NULL));
	}
	analysis_balances(p->a, c, sentence);
	return template_record("number", template_count(c + 1), "label",
		template_text(p->a->cells[c].label), "balances", template_text(sentence), "best",
		template_text(choice_name_in(p->a, c, order[0])), "p99",
		page_plain(first->at[LATENCY_P99].ns), "probe", page_plain(first->probe_ns),
		"probe_p99", page_plain(first->probe_p99_ns), "figure",
		page_figure(p, FIGURE_PERCENTILES, c), "paths_figure",
		page_figure(p, FIGURE_PATHS, c), "rows", rows, "hand_over",
		hand_over_of(p->a, hand_overs), "paths", paths, "imbalances", imbalances, NULL);
}

json_t *page_latency(const struct page *p)
{
	AUTO_FREE size_t *order = need(2 * p->a->subject_count, sizeof(*order));
	json_t *cells = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++) {
		const size_t n = cell_order(p, c, order);

		if (n > 0)
			page_add(cells, cell_of(p, c, order, n));
	}
	if (json_array_size(cells) > 0)
		return template_record("cells", cells, "drawn", json_boolean(p->figures),
			"evidence", template_count(LATENCY_EVIDENCE), NULL);
	json_decref(cells);
	return json_null();
}
