/*
 * The report as a page: one file that needs no network, no script and no colour to be read.
 *
 * Page one answers "which, and how sure is that": the verdict, the heat table, advice, scaling,
 * trade-offs and the machine. All that stands behind it is further down, folded up, each cell with
 * the command that repeats it. The script only sorts, filters and rebases what is there.
 */
#include "alloc/machine/compiler.h"
#include "alloc/pool.h"
#include "bench/analysis/analysis.h"
#include "bench/base/number.h"
#include "bench/report/figure.h"
#include "bench/report/html.h"
#include "bench/report/palette.h"
#include "bench/report/report.h"

#include "report.css.h"
#include "report.js.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	SENTENCE = ANALYSIS_SENTENCE_BYTES,
	ANCHOR_BYTES = 32,
	LONG_VALUE = 160, /* characters of a fingerprint's value beyond which it is folded up */
};

/* What the sections share. */
struct page {
	const struct analysis *a;
	FILE *out;
	size_t *order;      /* contestants, best first, then all others */
	size_t contestants; /* that order starts with */
	size_t rows;
	bool figures;
};

static void put(const struct page *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Markup; what comes from the store goes through put_text. */
static void put(const struct page *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(p->out, format, args);
	va_end(args);
}

static void put_text(const struct page *p, const char *text)
{
	html_text(p->out, text);
}

/* A range or a missing value, with the dash that typesetters use. */
static void put_number(const struct page *p, struct number number)
{
	for (const char *c = number.text; *c != '\0'; c++) {
		if (*c == '-')
			fputs("–", p->out);
		else
			fputc(*c, p->out);
	}
}

static const struct analysis_subject *subject_at(const struct page *p, size_t row)
{
	return &p->a->subjects[p->order[row]];
}

/* The first value of the fingerprint whose name is, or ends in, one of two names. */
static const char *fingerprint_value(const struct analysis *a, const char *name, const char *other)
{
	if (a->machine_count == 0)
		return NULL;

	const struct analysis_machine *m = &a->machines[a->machine_count - 1];

	for (size_t i = 0; i < m->value_count; i++) {
		if (strcmp(m->values[i].name, name) == 0 || strcmp(m->values[i].name, other) == 0)
			return m->values[i].value;
	}
	return NULL;
}

static void put_fact(const struct page *p, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	put(p, "<div><dt>%s</dt><dd>", name);
	put_text(p, value);
	put(p, "</dd></div>\n");
}

static void put_head(const struct page *p)
{
	put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	       "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
	       "<meta name=\"generator\" content=\"nblbench\">\n<title>nblbench: ");
	put_text(p, p->a->source_revision);
	put(p, "</title>\n<style>\n%s", report_css);
	for (int i = 0; i < PALETTE_SHADES; i++)
		put(p, ".h%d { background-color: #%06x; color: #%06x; }\n", i, palette[i].light,
			palette[i].light_text);
	put(p, "@media screen and (prefers-color-scheme: dark) {\n");
	for (int i = 0; i < PALETTE_SHADES; i++)
		put(p, ".h%d { background-color: #%06x; color: #%06x; }\n", i, palette[i].dark,
			palette[i].dark_text);
	put(p, "}\n</style>\n</head>\n<body>\n");
}

static void put_opening(const struct page *p)
{
	const struct analysis *a = p->a;
	char text[SENTENCE];

	put(p, "<header>\n<h1>nblbench · pools of packet descriptors, measured against each "
	       "other</h1>\n<p class=\"verdict\">");
	analysis_verdict(a, text);
	put_text(p, text);
	analysis_false_empties(a, text);
	if (*text != '\0') {
		put(p, "</p>\n<p>");
		put_text(p, text);
	}
	put(p, "</p>\n<p class=\"soft\">");
	analysis_confidence(a, text);
	put_text(p, text);
	put(p, "</p>\n<dl class=\"facts\">\n");
	if (a->machine_count > 0) {
		const struct analysis_machine *m = &a->machines[a->machine_count - 1];

		put_fact(p, "Date", number_date(m->started_ns).text);
		put_fact(p, "Noise grade", m->grade);
	}
	put_fact(p, "Processor", fingerprint_value(a, "cpu", "cpu.model"));
	put_fact(p, "CPUs", fingerprint_value(a, "cpus allowed", "cpu.count"));
	put_fact(p, "Kernel", fingerprint_value(a, "kernel", "kernel"));
	put_fact(p, "Virtual", fingerprint_value(a, "virtual", "hypervisor"));
	put_fact(p, "Compiler", fingerprint_value(a, "compiler", "compiler"));
	put_fact(p, "Source", a->source_revision);
	put(p, "</dl>\n<nav aria-label=\"Sections\"><a href=\"#ratios\">All against the best</a>"
	       "<a href=\"#advice\">When to choose what</a><a href=\"#scaling\">Scaling</a>"
	       "<a href=\"#tradeoffs\">Trade-offs</a><a href=\"#cells\">Cells</a>"
	       "<a href=\"#events\">Events</a><a href=\"#machine\">Machine and plan</a></nav>\n"
	       "</header>\n<main>\n");
}

static int shade_of(double log_ratio)
{
	int i = 0;

	while (i < PALETTE_SHADES - 1 && !(exp(log_ratio) <= palette[i].ratio))
		i++;
	return i;
}

/* How many neighbouring cells share a load with cell c, itself included. */
static size_t group_size(const struct analysis *a, size_t c)
{
	size_t n = 1;

	while (c + n < a->cell_count && analysis_same_load(&a->cells[c], &a->cells[c + n]))
		n++;
	return n;
}

static void put_load(const struct page *p, const struct analysis_cell *cell)
{
	char text[SENTENCE];

	analysis_load(cell, text);
	put_text(p, text);
}

static void put_heat_head(const struct page *p)
{
	const struct analysis *a = p->a;

	put(p, "<thead>\n<tr><th rowspan=\"2\" scope=\"col\" data-sort=\"0\">Strategy</th>"
	       "<th rowspan=\"2\" scope=\"col\" class=\"tally\" data-sort=\"1\">Best or<br>tied "
	       "in</th>");
	for (size_t c = 0; c < a->cell_count; c += group_size(a, c)) {
		put(p, "<th class=\"group\" scope=\"colgroup\" colspan=\"%zu\">", group_size(a, c));
		put_load(p, &a->cells[c]);
		put(p, "</th>");
	}
	put(p, "</tr>\n<tr>");
	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_cell *cell = &a->cells[c];

		put(p, "<th scope=\"col\" data-sort=\"%zu\"%s><a href=\"#cell-%zu\">", c + 2,
			cell->oversubscribed ? " class=\"over\" title=\"more threads than CPUs\""
					     : "",
			c + 1);
		put(p, "%" PRIu32 " thread%s</a>%s</th>", cell->threads,
			cell->threads == 1 ? "" : "s",
			cell->disturbed ? "<small class=\"bad\">disturbed</small>" : "");
	}
	put(p, "</tr>\n</thead>\n");
}

static void put_best_row(const struct page *p)
{
	const struct analysis *a = p->a;

	put(p, "<tr class=\"ns\"><th scope=\"row\">Best time, ns a unit</th><td "
	       "class=\"tally\"></td>");
	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_cell *cell = &a->cells[c];

		if (!cell->has_best) {
			put(p, "<td>–</td>");
			continue;
		}

		const struct stats_estimate ns = analysis_at(a, c, cell->best)->ns;

		put(p, "<td>");
		put_number(p, number_plain(exp(ns.point)));
		put(p, "<small>");
		put_number(p, number_plain_range(exp(ns.lo), exp(ns.hi)));
		put(p, "</small></td>");
	}
	put(p, "</tr>\n");
}

static void put_heat_cell(const struct page *p, size_t c, size_t subject)
{
	const struct analysis_cell *cell = &p->a->cells[c];
	const struct analysis_result *result = analysis_at(p->a, c, subject);
	const bool ranked = result->rank_low > 0;
	char letters[ANALYSIS_LETTERS_MAX];

	if (result->state != ANALYSIS_MEASURED) {
		const bool broken = result->state > ANALYSIS_UNSUPPORTED;

		put(p, "<td data-col=\"%zu\" class=\"%s\" title=\"", c, broken ? "broken" : "none");
		put_text(p, result->reason == NULL ? "not measured" : result->reason);
		put(p, "\">%s</td>",
			broken                             ? analysis_state_name(result->state)
			: result->state == ANALYSIS_DRY    ? "dry"
			: result->state == ANALYSIS_ABSENT ? "·"
							   : "n/a");
		return;
	}
	if (!cell->has_best || isnan(result->to_best.point)) {
		put(p, "<td data-col=\"%zu\" class=\"none\">–</td>", c);
		return;
	}

	const bool unsure = analysis_unsure(p->a, c, subject);

	/* The time as the ratio says it, so that the page's own ratios agree with those printed. */
	put(p, "<td data-col=\"%zu\" data-ns=\"%.6f\" class=\"h%d%s%s\"", c,
		analysis_at(p->a, c, cell->best)->ns.point + result->to_best.point,
		shade_of(result->to_best.point), result->in_best_set ? " best" : "",
		unsure ? " unsure" : "");
	if (result->failed > 0)
		put(p, " data-dry=\"\" title=\"Not ranked: %" PRIu64 " gets failed.\"",
			result->failed);
	put(p, "><b>");
	put_number(p, number_ratio(result->to_best.point));
	put(p, "</b>");
	if (ranked) {
		analysis_letters(result, letters);
		put(p, "<sup>%s%s</sup>", letters, unsure ? "?" : "");
	} else if (result->failed > 0) {
		put(p, "<sup>dry</sup>");
	}
	put(p, "<small>");
	if (subject == cell->best)
		put(p, "best");
	else
		put_number(p, number_ratio_range(result->to_best.lo, result->to_best.hi));
	put(p, "</small></td>");
}

/* What the strategy of a subject wants of a machine, by this build's list; "" if nothing. */
static const char *needs_of(const struct analysis_subject *subject)
{
	const struct pool_ops *ops = pool_find(subject->pool);

	return ops == NULL              ? "unknown here"
	       : ops->traits.needs_rseq ? "rseq"
	       : ops->traits.needs_cx16 ? "cmpxchg16b"
	       : ops->preload != NULL   ? ops->preload
					: "";
}

/* Three more of this build's list: what a handler, a forked child and a trim may do. */
static void put_allowed(const struct page *p, const struct analysis_subject *subject)
{
	const struct pool_ops *ops = pool_find(subject->pool);
	const bool allowed[] = {ops != NULL && ops->traits.signals,
		ops != NULL && !ops->traits.lost_in_fork, ops != NULL && ops->traits.trims};

	for (size_t i = 0; i < array_count(allowed); i++)
		put(p, "<td class=\"words short\">%s</td>",
			ops == NULL  ? "–"
			: allowed[i] ? "yes"
				     : "no");
}

/* "yes" and "no" only where a pool could keep the promise. */
static const char *exact_of(const struct analysis_subject *subject)
{
	return !subject->is_pool ? "–" : subject->exact ? "yes" : "no";
}

/* A subject in one tooltip: what it is, and its traits in the words of the table of trade-offs. */
static void put_traits(const struct page *p, const struct analysis_subject *subject)
{
	put_text(p, subject->summary);
	put(p, ". Progress: ");
	put_text(p, subject->progress);
	put(p, "; caches a: ");
	put_text(p, subject->cache);
	put(p, "; exact: %s", exact_of(subject));
	if (*needs_of(subject) != '\0')
		put(p, "; needs: %s", needs_of(subject));
}

static void put_heat_row(const struct page *p, size_t row)
{
	static const char *const roles[] = {
		[ANALYSIS_CONTESTANT] = "",
		[ANALYSIS_HARNESS] = "the harness itself",
		[ANALYSIS_BARE] = "bare locked operations",
		[ANALYSIS_FLOOR] = "for one thread only",
		[ANALYSIS_TABLE] = "through a run-time table",
		[ANALYSIS_TWIN] = "the same, measured twice",
	};
	const struct analysis_subject *subject = subject_at(p, row);
	const bool aside = subject->role != ANALYSIS_CONTESTANT;

	put(p, "<tr data-label=\"");
	put_text(p, subject->label);
	put(p, "\"%s><th scope=\"row\" title=\"",
		!aside                  ? ""
		: row == p->contestants ? " class=\"aside first-aside\""
					: " class=\"aside\"");
	put_traits(p, subject);
	put(p, "\"><a href=\"#about-%zu\">", subject->original + 1);
	put_text(p, subject->label);
	put(p, "</a>");
	if (aside)
		put(p, " <small>%s</small>", roles[subject->role]);
	put(p, "</th>");
	if (aside || subject->measured == 0) {
		put(p, "<td class=\"tally\"></td>");
	} else {
		put(p, "<td class=\"tally\" data-value=\"%zu\">%zu of %zu", subject->best,
			subject->best, subject->measured);
		if (subject->undecided > 0)
			put(p, "<small>+ %zu undecided</small>", subject->undecided);
		put(p, "</td>");
	}
	for (size_t c = 0; c < p->a->cell_count; c++)
		put_heat_cell(p, c, p->order[row]);
	put(p, "</tr>\n");
}

static void put_heat(const struct page *p)
{
	char text[SENTENCE];

	put(p,
		"<section id=\"ratios\">\n<h2>Time against the best of each cell</h2>\n"
		"<p class=\"note\">Each number is a strategy's time a unit of work as a multiple "
		"of "
		"the fastest in that column; below it the 95&nbsp;%% interval. <b>Underlined</b>: "
		"best, or tied: not shown to be worse, and known to be less than %.0f&nbsp;%% "
		"behind. "
		"Rows of a column that share a letter can't be told apart from the fastest of "
		"them. "
		"Hatched, with a question mark: inconclusive. <i>dry</i>: some gets failed, so the "
		"time is not ranked.</p>\n",
		100 * ANALYSIS_KNOWN);
	put(p, "<div class=\"key\" aria-hidden=\"true\"><span>more ink, more time:</span><span>");
	for (int i = 0; i < PALETTE_SHADES; i++) {
		if (i < PALETTE_SHADES - 1)
			put(p, "<span class=\"swatch h%d\">≤ %.4g</span>", i, palette[i].ratio);
		else
			put(p, "<span class=\"swatch h%d\">more</span>", i);
	}
	put(p, "</span><span><span class=\"swatch unsure\">1.02<sup>a?</sup></span> "
	       "inconclusive</span>"
	       "<span><i>8 threads</i> more threads than CPUs</span></div>\n");
	put(p, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Strategies by "
	       "workloads\">\n<table class=\"heat\" id=\"heat\" data-sortable data-steps=\"[");
	for (int i = 0; i < PALETTE_SHADES - 1; i++)
		put(p, "%s%g", i == 0 ? "" : ",", palette[i].ratio);
	put(p,
		"]\">\n<caption>Time a unit of work, as a multiple of the best in the column (no "
		"unit).%s</caption>\n",
		p->rows > p->contestants ? " Below the line: measured for reference, never ranked."
					 : "");
	put_heat_head(p);
	put(p, "<tbody>\n");
	put_best_row(p);
	for (size_t row = 0; row < p->rows; row++)
		put_heat_row(p, row);
	put(p, "</tbody>\n</table>\n</div>\n");
	analysis_apart(p->a, text);
	if (*text != '\0') {
		put(p, "<p class=\"note\">");
		put_text(p, text);
		put(p, "</p>\n");
	}
	put(p, "</section>\n");
}

static void put_advice(const struct page *p)
{
	struct analysis_advice advice[ANALYSIS_ADVICE_MAX];
	const size_t n = analysis_advise(p->a, advice);

	put(p, "<section id=\"advice\">\n<h2>When to choose what</h2>\n");
	if (n == 0) {
		put(p, "<p>Nothing is decided: of no need do the measured cells say which strategy "
		       "meets it best.</p>\n</section>\n");
		return;
	}
	put(p, "<p class=\"note\">From the measured cells and the strategies' declared traits: of "
	       "those "
	       "that meet the need and were measured in every cell that speaks to it, the one "
	       "whose "
	       "worst cell is least bad.</p>\n<div class=\"scroll\"><table>\n<thead><tr>"
	       "<th class=\"words\" scope=\"col\">If …</th><th class=\"words\" "
	       "scope=\"col\">choose</th>"
	       "<th scope=\"col\">At worst,<br>× fastest</th><th class=\"words\" "
	       "scope=\"col\">there</th>"
	       "<th class=\"words\" scope=\"col\">else</th><th scope=\"col\">At worst,<br>× "
	       "fastest</th>"
	       "<th scope=\"col\">Cells</th><th "
	       "scope=\"col\">Candidates</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++) {
		const struct analysis_advice *line = &advice[i];

		put(p, "<tr><td class=\"words\">%s</td><th class=\"words\" scope=\"row\">",
			line->need);
		put_text(p, p->a->subjects[line->choice].label);
		put(p, "</th><td>");
		put_number(p, number_ratio(line->worst));
		put(p, "</td><td class=\"words\">");
		put_text(p,
			line->worst > 0 ? p->a->cells[line->worst_cell].label : "nowhere behind");
		put(p, "</td><td class=\"words\">");
		if (line->has_second)
			put_text(p, p->a->subjects[line->second].label);
		put(p, "</td><td>");
		if (line->has_second)
			put_number(p, number_ratio(line->second_worst));
		put(p, "</td><td>%zu</td><td>%zu</td></tr>\n", line->cells, line->candidates);
	}
	put(p, "</tbody></table></div>\n</section>\n");
}

static void put_no_figures(const struct page *p)
{
	put(p, "<p class=\"note\">gnuplot was not found, or hung, when this page was made, so it "
	       "has tables "
	       "only; "
	       "with it installed, <code>nblbench report</code> draws the figures.</p>\n");
}

/* The numbers of a scaling figure, for those who can't or won't read the picture. */
static void put_scaling_table(const struct page *p, size_t first)
{
	const struct analysis *a = p->a;

	put(p,
		"<details><summary><span class=\"soft\">The same as a table: million %s a second, "
		"with "
		"95&nbsp;%% interval</span></summary>\n<div class=\"scroll\"><table>\n<thead><tr>"
		"<th scope=\"col\">Strategy</th>",
		"units");
	for (size_t c = first; c < a->cell_count; c++) {
		if (analysis_same_load(&a->cells[c], &a->cells[first]))
			put(p, "<th scope=\"col\">%" PRIu32 " thread%s</th>", a->cells[c].threads,
				a->cells[c].threads == 1 ? "" : "s");
	}
	put(p, "</tr></thead>\n<tbody>\n");
	for (size_t row = 0; row < p->contestants; row++) {
		put(p, "<tr><th scope=\"row\">");
		put_text(p, subject_at(p, row)->label);
		put(p, "</th>");
		for (size_t c = first; c < a->cell_count; c++) {
			const struct analysis_result *r = analysis_at(a, c, p->order[row]);

			if (!analysis_same_load(&a->cells[c], &a->cells[first]))
				continue;
			if (r->state != ANALYSIS_MEASURED || isnan(r->ns.point)) {
				put(p, "<td>–</td>");
				continue;
			}
			put(p, "<td>");
			put_number(p, number_plain(analysis_rate(&a->cells[c], r->ns.point) / 1e6));
			put(p, "<small>");
			if (isfinite(r->ns.lo) && isfinite(r->ns.hi)) {
				put_number(p,
					number_plain(analysis_rate(&a->cells[c], r->ns.hi) / 1e6));
				put(p, "–");
				put_number(p,
					number_plain(analysis_rate(&a->cells[c], r->ns.lo) / 1e6));
			}
			put(p, "</small></td>");
		}
		put(p, "</tr>\n");
	}
	put(p, "</tbody></table></div></details>\n");
}

static void put_scaling(const struct page *p)
{
	const struct analysis *a = p->a;
	size_t groups = 0;

	put(p, "<section id=\"scaling\">\n<h2>Throughput against threads</h2>\n");
	for (size_t c = 0; c < a->cell_count; c++) {
		char id[ANCHOR_BYTES], label[SENTENCE];

		if (!figure_scales(a, c))
			continue;
		if (groups++ == 0)
			put(p, "<p class=\"note\">One panel a strategy: its throughput in million "
			       "units a "
			       "second over the number of threads (both axes logarithmic), with "
			       "95&nbsp;%% "
			       "intervals; all others in grey. Shaded: more threads than CPUs, "
			       "which shows "
			       "what happens when a holder loses its CPU, not how a design "
			       "scales.</p>\n");
		put(p, "<h3>");
		put_load(p, &a->cells[c]);
		put(p, "</h3>\n");
		snprintf(id, sizeof(id), "scaling%zu", c + 1);
		snprintf(label, sizeof(label),
			"Throughput against threads under %.100s, one panel a strategy. The table "
			"below "
			"has the numbers.",
			a->cells[c].workload);
		if (p->figures) {
			put(p, "<figure class=\"scroll\"><div class=\"wide-figure\">");
			figure_scaling(a, c, id, label, p->out);
			put(p, "</div></figure>\n");
		}
		put_scaling_table(p, c);
	}
	if (groups == 0)
		put(p, "<p>No workload was measured with more than one number of threads.</p>\n");
	else if (!p->figures)
		put_no_figures(p);
	put(p, "</section>\n");
}

/* The largest of a figure over the cells in which a subject was measured. */
static double least_slowest_share(const struct analysis *a, size_t subject)
{
	double least = NAN;

	for (size_t c = 0; c < a->cell_count; c++) {
		const struct analysis_result *r = analysis_at(a, c, subject);

		if (r->state == ANALYSIS_MEASURED && a->cells[c].threads > 1 &&
			!(r->slowest_share >= least))
			least = r->slowest_share;
	}
	return least;
}

static void put_tradeoffs(const struct page *p)
{
	const struct analysis *a = p->a;
	bool memory = false;

	put(p, "<section id=\"tradeoffs\">\n<h2>Trade-offs</h2>\n<div class=\"scroll\"><table "
	       "data-sortable>\n<caption>Worst: the largest multiple of a cell's best time. "
	       "Memory: "
	       "resident bytes an object beyond its payload, median over cells. Slowest thread: "
	       "its "
	       "share of the mean thread's rate, least over cells with several threads. Exact: "
	       "never "
	       "fails while an object is free and no call is under way. By the list of the build "
	       "that made this page: signals, a handler may use the pool where it interrupts a "
	       "call; fork, a forked child can use its copy; trims, memory of free objects can "
	       "go back to the system; needs, of the machine or the process.</caption>\n<thead><tr>"
	       "<th scope=\"col\" data-sort=\"0\">Strategy</th><th scope=\"col\" "
	       "data-sort=\"1\">Best or "
	       "tied,<br>cells</th><th scope=\"col\" data-sort=\"2\">Worst,<br>× best</th>"
	       "<th class=\"words\" scope=\"col\">there</th><th scope=\"col\" "
	       "data-sort=\"4\">Memory,<br>bytes an "
	       "object</th><th scope=\"col\" data-sort=\"5\">Slowest<br>thread, %%</th>"
	       "<th class=\"words\" scope=\"col\">Progress</th><th class=\"words\" "
	       "scope=\"col\">Caches a</th>"
	       "<th class=\"words\" scope=\"col\">Exact</th><th class=\"words\" "
	       "scope=\"col\">Signals</th><th class=\"words\" scope=\"col\">Fork</th>"
	       "<th class=\"words\" scope=\"col\">Trims</th><th class=\"words\" "
	       "scope=\"col\">Needs</th><th class=\"words\" scope=\"col\">What it is</th>"
	       "</tr></thead>\n<tbody>\n");
	for (size_t row = 0; row < p->rows; row++) {
		const struct analysis_subject *s = subject_at(p, row);
		const bool aside = row >= p->contestants;

		if (s->original != p->order[row])
			continue; /* a twin or a table has its original's traits */
		put(p, "<tr id=\"about-%zu\"%s><th scope=\"row\">", s->original + 1,
			aside ? " class=\"aside\"" : "");
		put_text(p, s->label);
		put(p, "</th><td>");
		if (s->measured > 0 && !aside)
			put(p, "%zu of %zu", s->best, s->measured);
		/* For the script: "18.4M" does not sort. */
		if (isnan(s->worst))
			put(p, "</td><td>");
		else
			put(p, "</td><td data-value=\"%.6f\">", s->worst);
		put_number(p, number_ratio(s->worst));
		put(p, "</td><td class=\"words\">");
		if (!isnan(s->worst) && s->worst > a->margin)
			put_text(p, a->cells[s->worst_cell].label);
		put(p, "</td><td>");
		if (isnan(s->overhead_bytes))
			put(p, "–");
		else
			put(p, "%s", number_plain(s->overhead_bytes).text);
		memory |= !isnan(s->overhead_bytes);
		put(p, "</td><td>");
		put_number(p, number_plain(least_slowest_share(a, p->order[row]) * 100));
		put(p, "</td><td class=\"words short\">");
		put_text(p, s->progress);
		put(p, "</td><td class=\"words short\">");
		put_text(p, strcmp(s->cache, "none") == 0 ? "–" : s->cache);
		put(p, "</td><td class=\"words short\">%s</td>", exact_of(s));
		put_allowed(p, s);
		put(p, "<td class=\"words short\">%s</td><td class=\"words\">", needs_of(s));
		put_text(p, s->summary);
		put(p, "</td></tr>\n");
	}
	put(p, "</tbody></table></div>\n");
	if (memory && p->figures) {
		put(p, "<figure class=\"scroll\"><div class=\"wide-figure\">");
		figure_tradeoff(a, "tradeoff",
			"Time a unit against memory beyond the payload, one panel a cell. The "
			"tables of "
			"the cells have the numbers.",
			p->out);
		put(p, "</div><figcaption>Time (logarithmic) against resident bytes an object "
		       "beyond its "
		       "payload. Named: strategies that no other beats in "
		       "both.</figcaption></figure>\n");
	}
	put(p, "</section>\n");
}

static void put_effect(const struct page *p, const struct stats_estimate *effect,
	enum stats_verdict verdict, bool self)
{
	if (self || isnan(effect->point)) {
		put(p, "<td>%s</td><td></td><td class=\"words\"></td>", self ? "1" : "–");
		return;
	}
	put(p, "<td data-value=\"%.6f\">", exp(effect->point));
	put_number(p, number_ratio(effect->point));
	put(p, "</td><td>");
	put_number(p, number_ratio_range(effect->lo, effect->hi));
	put(p, "</td><td class=\"words short\">%s</td>", stats_verdict_name(verdict));
}

/* A subject's rows in a cell's tables, by rank: contestants, the rest, those without a figure. */
static size_t cell_order(const struct page *p, size_t c, size_t *order)
{
	size_t n = 0;

	for (size_t i = 0; i < p->rows; i++) {
		const struct analysis_result *r = analysis_at(p->a, c, p->order[i]);
		size_t at = n;

		if (r->state == ANALYSIS_ABSENT)
			continue;
		for (; at > 0; at--) {
			const struct analysis_result *other = analysis_at(p->a, c, order[at - 1]);
			const bool ranked = r->rank_low > 0, other_ranked = other->rank_low > 0;

			if (ranked != other_ranked ? other_ranked
						   : !(r->ns.point < other->ns.point))
				break;
			order[at] = order[at - 1];
		}
		order[at] = p->order[i];
		n++;
	}
	return n;
}

static void put_times(const struct page *p, size_t c, const size_t *order, size_t n)
{
	const struct analysis *a = p->a;
	const struct analysis_cell *cell = &a->cells[c];

	put(p, "<div class=\"scroll\"><table data-sortable>\n<thead><tr><th scope=\"col\" "
	       "data-sort=\"0\">Strategy</th><th scope=\"col\" data-sort=\"1\">Rank</th><th "
	       "scope=\"col\">Tie</th>"
	       "<th scope=\"col\" data-sort=\"3\">ns a unit</th><th scope=\"col\">95&nbsp;%%</th>"
	       "<th scope=\"col\" data-sort=\"5\">Million<br>units/s</th><th scope=\"col\" "
	       "data-sort=\"6\">× best</th>"
	       "<th scope=\"col\">95&nbsp;%%</th><th class=\"words\" scope=\"col\">Verdict</th>");
	if (a->has_baseline) {
		put(p, "<th scope=\"col\" data-sort=\"9\">× ");
		put_text(p, a->subjects[a->baseline].label);
		put(p, "</th><th scope=\"col\">95&nbsp;%%</th><th class=\"words\" "
		       "scope=\"col\">Verdict</th>");
	}
	put(p, "<th scope=\"col\">p</th><th "
	       "scope=\"col\">Blocks<br>needed</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++) {
		const struct analysis_subject *s = &a->subjects[order[i]];
		const struct analysis_result *r = analysis_at(a, c, order[i]);
		char letters[ANALYSIS_LETTERS_MAX];

		put(p, "<tr%s><th scope=\"row\">",
			s->role == ANALYSIS_CONTESTANT ? "" : " class=\"aside\"");
		put_text(p, s->label);
		put(p, "</th>");
		if (r->state != ANALYSIS_MEASURED) {
			put(p, "<td colspan=\"%d\" class=\"words%s\">%s: ",
				a->has_baseline ? 13 : 10,
				r->state > ANALYSIS_UNSUPPORTED ? " bad" : "",
				analysis_state_name(r->state));
			put_text(p, r->reason == NULL ? "" : r->reason);
			put(p, "</td></tr>\n");
			continue;
		}
		analysis_letters(r, letters);
		put(p, "<td>");
		put_number(p, number_rank(r->rank_low, r->rank_high));
		put(p, "</td><td>%s</td><td>", letters);
		put_number(p, number_plain(exp(r->ns.point)));
		put(p, "</td><td>");
		put_number(p, number_plain_range(exp(r->ns.lo), exp(r->ns.hi)));
		put(p, "</td><td>");
		put_number(p, number_plain(analysis_rate(cell, r->ns.point) / 1e6));
		put(p, "</td>");
		put_effect(
			p, &r->to_best, r->best_verdict, cell->has_best && order[i] == cell->best);
		if (a->has_baseline)
			put_effect(p, &r->to_base, r->base_verdict, order[i] == a->baseline);
		put(p, "<td>");
		if (isnan(r->mann_whitney))
			put(p, "–");
		else if (r->mann_whitney < 0.001)
			put(p, "&lt;&nbsp;0.001");
		else
			put(p, "%.3f", r->mann_whitney);
		put(p, "</td><td>");
		if (r->blocks_needed > 0)
			put(p, "+%" PRIu64, r->blocks_needed);
		put(p, "</td></tr>\n");
	}
	put(p, "</tbody></table></div>\n");
}

static void put_conduct(const struct page *p, size_t c, const size_t *order, size_t n)
{
	const struct analysis *a = p->a;

	put(p,
		"<div class=\"scroll\"><table data-sortable>\n<thead><tr><th scope=\"col\" "
		"data-sort=\"0\">Strategy</th><th scope=\"col\" data-sort=\"1\">Jain</th>"
		"<th scope=\"col\" data-sort=\"2\">Slowest<br>thread, %%</th><th scope=\"col\" "
		"data-sort=\"3\">CPU<br>time, %%</th>"
		"<th scope=\"col\" data-sort=\"4\">Refills<br>a 1000 units</th><th scope=\"col\" "
		"data-sort=\"5\">Flushes<br>a 1000</th>"
		"<th scope=\"col\" data-sort=\"6\">Steals<br>a 1000</th><th scope=\"col\" "
		"data-sort=\"7\">Grown<br>a 1000</th>"
		"<th scope=\"col\" data-sort=\"8\">Came up<br>short a 1000</th><th scope=\"col\" "
		"data-sort=\"9\">%s</th>"
		"<th scope=\"col\" data-sort=\"10\">Memory,<br>bytes an object</th><th "
		"scope=\"col\" data-sort=\"11\">Peak RSS,<br>MiB</th>"
		"<th scope=\"col\" data-sort=\"12\">Involuntary<br>switches</th><th scope=\"col\" "
		"data-sort=\"13\">Page<br>faults</th>"
		"<th scope=\"col\" data-sort=\"14\">Slices</th><th scope=\"col\" "
		"data-sort=\"15\">of them<br>flagged</th></tr></thead>\n<tbody>\n",
		a->cells[c].capped ? "False<br>empties" : "Failed<br>gets");
	for (size_t i = 0; i < n; i++) {
		const struct analysis_subject *s = &a->subjects[order[i]];
		const struct analysis_result *r = analysis_at(a, c, order[i]);
		const double paths[] = {r->refill, r->flush, r->steal, r->grow, r->empty};

		if (r->state != ANALYSIS_MEASURED)
			continue;
		put(p, "<tr%s><th scope=\"row\">",
			s->role == ANALYSIS_CONTESTANT ? "" : " class=\"aside\"");
		put_text(p, s->label);
		put(p, "</th><td>");
		put_number(p, number_plain(r->jain));
		put(p, "</td><td>");
		put_number(p, number_plain(r->slowest_share * 100));
		put(p, "</td><td>");
		put_number(p, number_plain(r->cpu_share * 100));
		put(p, "</td>");
		for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
			put(p, "<td>");
			put_number(p, number_plain(paths[k] * 1000));
			put(p, "</td>");
		}
		if (a->cells[c].capped && !s->is_pool)
			put(p, "<td>–</td><td>");
		else
			put(p, "<td>%" PRIu64 "</td><td>", r->failed);
		put_number(p,
			r->memory.known ? number_plain(r->memory.object_bytes) : number_plain(NAN));
		put(p, "</td><td>");
		put_number(p, r->memory.known ? number_plain(r->memory.rss_peak / 1048576)
					      : number_plain(NAN));
		put(p,
			"</td><td>%" PRIu64 "</td><td>%" PRIu64
			"</td><td>%zu</td><td>%zu%s</td></tr>\n",
			r->involuntary, r->faults, r->slices, r->flagged,
			r->all_used ? ", used" : "");
	}
	put(p, "</tbody></table></div>\n");
}

static void put_cell_facts(const struct page *p, const struct analysis_cell *cell)
{
	put(p, "<p>");
	put_text(p, cell->program);
	put(p, "</p>\n<p class=\"note\">%zu blocks in %zu forks; a unit is one of the ",
		cell->blocks, cell->forks);
	put_text(p, cell->unit);
	put(p, ", %" PRIu64 " bytes each", cell->object_bytes);
	if (cell->object_align > 0)
		put(p, " aligned to %" PRIu32, cell->object_align);
	put(p, " on ");
	put_text(p, cell->pages);
	put(p, " pages; %" PRIu32 " thread%s work on it together. ", cell->lane_threads,
		cell->lane_threads == 1 ? "" : "s");
	if (cell->has_twin) {
		put(p, "Twin: ");
		put_text(p, p->a->subjects[cell->twin].label);
		put(p, " reads ");
		put_number(p, number_ratio(cell->twin_effect.point));
		put(p, " of itself (");
		put_number(p, number_ratio_range(cell->twin_effect.lo, cell->twin_effect.hi));
		put(p, "), so the noise floor is %s. ", number_percent(cell->floor).text);
	} else {
		put(p, "No twin here, so the noise floor is unknown. ");
	}
	if (!isnan(cell->calibration_ns))
		put(p, "Calibration kernel: median %s µs, %s to %s. ",
			number_plain(cell->calibration_ns / 1000).text,
			number_plain(cell->calibration_low_ns / 1000).text,
			number_plain(cell->calibration_high_ns / 1000).text);
	if (cell->disturbed)
		put(p, "<b>Disturbed</b>: %zu of %zu slices are flagged. ", cell->flagged,
			cell->slices);
	if (cell->preliminary)
		put(p, "<b>Preliminary</b>: fewer than %d forks. ", STATS_EVIDENCE_MIN);
	put(p, "</p>\n");
}

static void put_cells(const struct page *p)
{
	const struct analysis *a = p->a;
	size_t *order = calloc(p->rows + 1, sizeof(*order));

	put(p, "<section id=\"cells\">\n<h2>Every cell</h2>\n<p class=\"note\">All numbers, and "
	       "the "
	       "command that measures a cell again. × best and × baseline are ratios of times, so "
	       "above 1 is slower. p: Mann-Whitney against the best, which ignores pairing and "
	       "forks. "
	       "Blocks needed: an estimate of how many more would settle an inconclusive verdict."
	       "</p>\n");
	for (size_t c = 0; c < a->cell_count && order != NULL; c++) {
		const struct analysis_cell *cell = &a->cells[c];
		const size_t n = cell_order(p, c, order);

		put(p, "<details id=\"cell-%zu\"><summary>", c + 1);
		put_text(p, cell->label);
		put(p, " <span class=\"soft\">");
		if (cell->has_best) {
			put_text(p, a->subjects[cell->best].label);
			put(p, " %s ns",
				number_plain(exp(analysis_at(a, c, cell->best)->ns.point)).text);
			if (cell->best_set > 1)
				put(p, ", tied with %zu", cell->best_set - 1);
		} else {
			put(p, "not measured");
		}
		if (!isnan(cell->floor))
			put(p, " · noise floor %s", number_percent(cell->floor).text);
		put(p, "%s</span></summary>\n", cell->disturbed ? " · disturbed" : "");
		put_cell_facts(p, cell);
		put(p, "<pre class=\"command\">");
		put_text(p, cell->command);
		put(p, "</pre>\n");
		put_times(p, c, order, n);
		put_conduct(p, c, order, n);
		put(p, "</details>\n");
	}
	put(p, "</section>\n");
	free(order);
}

/* Whether two events say the same of the same subject, in perhaps different cells and forks. */
static bool same_event(const struct analysis_event *a, const struct analysis_event *b)
{
	return strcmp(a->state, b->state) == 0 && strcmp(a->detail, b->detail) == 0 &&
	       a->subject == b->subject;
}

static void put_event(const struct page *p, size_t at)
{
	const struct analysis *a = p->a;
	const struct analysis_event *event = &a->events[at];
	size_t cells = 0;

	for (size_t i = 0; i < at; i++) {
		if (same_event(&a->events[i], event))
			return;
	}
	put(p, "<details><summary><span%s>",
		strcmp(event->state, "unsupported") == 0 || strcmp(event->state, "rationed") == 0
			? ""
			: " class=\"bad\"");
	put_text(p, event->state);
	put(p, "</span> ");
	put_text(p, event->subject == NULL ? "all" : event->subject);
	put(p, " <span class=\"soft\">");
	for (size_t i = at; i < a->event_count; i++) {
		if (!same_event(&a->events[i], event))
			continue;
		put(p, "%s", cells++ == 0 ? "" : "; ");
		put_text(p, a->events[i].cell == NULL ? "all cells" : a->events[i].cell);
		if (a->events[i].fork >= 0)
			put(p, ", fork %" PRId64, a->events[i].fork);
	}
	put(p, "</span></summary>\n<p class=\"note\">%s</p>\n<pre>",
		number_date(event->at_ns).text);
	put_text(p, event->detail);
	put(p, "</pre></details>\n");
}

static void put_events(const struct page *p)
{
	put(p, "<section id=\"events\">\n<h2>Events</h2>\n");
	if (p->a->event_count == 0)
		put(p, "<p>Nothing crashed, hung, lost an object or was left out.</p>\n");
	for (size_t i = 0; i < p->a->event_count; i++)
		put_event(p, i);
	put(p, "</section>\n");
}

static void put_row(const struct page *p, const char *name, const char *value)
{
	put(p, "<tr><th scope=\"row\">");
	put_text(p, name);
	put(p, "</th><td>");
	if (strlen(value) > LONG_VALUE) {
		put(p, "<details><summary>%zu characters</summary><pre>", strlen(value));
		put_text(p, value);
		put(p, "</pre></details>");
	} else {
		put_text(p, value);
	}
	put(p, "</td></tr>\n");
}

static void put_machine(const struct page *p)
{
	const struct analysis *a = p->a;
	char seed[ANCHOR_BYTES];

	put(p, "<section id=\"machine\">\n<h2>Machine and plan</h2>\n<div class=\"scroll\"><table "
	       "class=\"facts-table\"><tbody>\n");
	put_row(p, "command", a->command);
	put_row(p, "source revision", a->source_revision);
	put_row(p, "build id", a->build_id);
	put_row(p, "plan hash", a->plan_hash);
	snprintf(seed, sizeof(seed), "%" PRIu64, a->seed);
	put_row(p, "seed, of the sweep and of the bootstrap", seed);
	put_row(p, "planned", number_date(a->created_ns).text);
	put_row(p, "plan", a->plan_json);
	put_row(p, "store", a->store);
	put(p, "</tbody></table></div>\n");
	for (size_t i = 0; i < a->machine_count; i++) {
		const struct analysis_machine *m = &a->machines[i];

		put(p, "<details%s><summary>Start %zu <span class=\"soft\">%s, noise grade ",
			i + 1 == a->machine_count ? " open" : "", i + 1,
			number_date(m->started_ns).text);
		put_text(p, m->grade);
		put(p, ", fingerprint ");
		put_text(p, m->hash);
		put(p, "</span></summary>\n<div class=\"scroll\"><table "
		       "class=\"facts-table\"><tbody>\n");
		for (size_t k = 0; k < m->value_count; k++)
			put_row(p, m->values[k].name, m->values[k].value);
		put(p, "</tbody></table></div></details>\n");
	}
	put(p, "</section>\n");
}

static void put_method(const struct page *p)
{
	put(p,
		"<section id=\"method\">\n<h2>How this was measured</h2>\n"
		"<p>Each strategy runs in a worker process of its own. A <i>fork</i> is one set of "
		"worker "
		"processes, a <i>block</i> runs every strategy of a cell once in random order, and "
		"a "
		"<i>slice</i> is one strategy's turn: pinned, warmed-up threads in a window of "
		"fixed "
		"duration, of which only the time in which all of them run counts.</p>\n"
		"<p>An effect is the logarithm of the ratio of two times of the same block. Its "
		"point is "
		"the Hodges-Lehmann estimate of the forks' medians, its interval a bootstrap of %d "
		"rounds "
		"over forks, then blocks. A flagged slice (delayed start, involuntary switch, "
		"migration) "
		"takes its pairs with it.</p>\n"
		"<p>One strategy runs twice under two names; how far the twins differ is the noise "
		"floor. "
		"<i>Faster</i> or <i>slower</i>: the interval lies wholly beyond the larger of %s "
		"and the "
		"floor. <i>Equivalent</i>: it lies wholly within %s, and the floor is no larger. "
		"All else "
		"is <i>inconclusive</i>. Best sets and ranks use simultaneous "
		"intervals.</p>\n</section>\n",
		STATS_ROUNDS, number_percent(p->a->margin).text, number_percent(p->a->margin).text);
}

/* The results once more for other programs: what the tables show, unrounded. */
static int put_data(const struct page *p)
{
	const struct analysis *a = p->a;
	json_t *list = json_array();

	for (size_t c = 0; c < a->cell_count; c++) {
		for (size_t i = 0; i < a->subject_count; i++) {
			const struct analysis_result *r = analysis_at(a, c, i);

			if (r->state != ANALYSIS_MEASURED || isnan(r->ns.point))
				continue;
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:f, s:b}", "cell", a->cells[c].label,
					      "subject", a->subjects[i].label, "ns",
					      exp(r->ns.point), "best", r->in_best_set));
		}
	}

	char *text = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(6));

	json_decref(list);
	if (text == NULL)
		return -ENOMEM;
	put(p, "<script type=\"application/json\" id=\"data\">");
	for (const char *c = text; *c != '\0'; c++) {
		/* Nothing in a string may end the element. */
		if (*c == '<')
			fputs("\\u003c", p->out);
		else
			fputc(*c, p->out);
	}
	put(p, "</script>\n");
	free(text);
	return 0;
}

int report_html(const struct analysis *analysis, FILE *out)
{
	struct page page = {.a = analysis, .out = out};
	int error;

	page.order = calloc(analysis->subject_count + 1, sizeof(*page.order));
	if (page.order == NULL)
		return -ENOMEM;
	page.rows = analysis_order(analysis, page.order, &page.contestants);
	page.figures = figure_available();

	put_head(&page);
	put_opening(&page);
	put_heat(&page);
	put_advice(&page);
	put_scaling(&page);
	put_tradeoffs(&page);
	put_cells(&page);
	put_events(&page);
	put_machine(&page);
	put_method(&page);
	put(&page, "</main>\n<footer>Made by nblbench from the store alone; "
		   "<code>nblbench report</code> makes it again.</footer>\n");
	error = put_data(&page);
	put(&page, "<script>\n%s</script>\n</body>\n</html>\n", report_js);
	free(page.order);
	return error;
}
