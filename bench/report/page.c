/*
 * The report as a page: one file that needs no network, no script and no colour to be read.
 * page.html is its template, page_cells.html the end of it; page.h says how it is filled. Here are the
 * page as a whole, its head, and the sections that are lists of facts.
 */
#include "bench/report/page.h"

#include "alloc/pool.h"
#include "bench/analysis/choice.h"
#include "bench/base/need.h"
#include "bench/report/gnuplot.h"
#include "bench/report/page.css.h"
#include "bench/report/page.js.h"
#include "bench/report/palette.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
	LONG_VALUE = 160, /* characters of a fingerprint's value beyond which it is folded up */
};

json_t *page_number(struct number number)
{
	static const char dash[] = "–";
	char text[sizeof(dash) * sizeof(number.text)];
	size_t used = 0;

	for (const char *c = number.text; *c != '\0'; c++) {
		if (*c != '-') {
			text[used++] = *c;
			continue;
		}
		memcpy(text + used, dash, sizeof(dash) - 1);
		used += sizeof(dash) - 1;
	}
	text[used] = '\0';
	return template_text(text);
}

json_t *page_threads(uint32_t threads)
{
	return template_words("%" PRIu32 " thread%s", threads, threads == 1 ? "" : "s");
}

json_t *page_row(const struct analysis *a, size_t cell, size_t subject, json_t *slots)
{
	json_object_set_new(
		slots, "aside", json_boolean(a->subjects[subject].role != ANALYSIS_CONTESTANT));
	json_object_set_new(slots, "label", template_text(choice_name_in(a, cell, subject)));
	return slots;
}

json_t *page_load(const struct analysis_cell *cell)
{
	char text[ANALYSIS_SENTENCE_BYTES];

	analysis_load(cell, text);
	return template_text(text);
}

const char *page_needs(const struct analysis_subject *subject)
{
	const struct pool_ops *ops = pool_find(subject->pool);

	return ops == NULL              ? "unknown here"
	       : ops->traits.needs_rseq ? "rseq"
	       : ops->traits.needs_cx16 ? "cmpxchg16b"
	       : ops->preload != NULL   ? ops->preload
					: "";
}

const char *page_exact(const struct analysis_subject *subject)
{
	return !subject->is_pool ? "–" : subject->exact ? "yes" : "no";
}

/* The shades of the heat table, for its style and for its key. */
static json_t *shades(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < PALETTE_SHADES; i++) {
		const struct palette_shade *shade = &palette[i];

		page_add(list, template_record("index", template_count(i), "limit",
				       i < PALETTE_SHADES - 1 ? template_words("%.4g", shade->ratio)
							      : json_null(),
				       "light", template_words("#%06x", shade->light), "light_text",
				       template_words("#%06x", shade->light_text), "dark",
				       template_words("#%06x", shade->dark), "dark_text",
				       template_words("#%06x", shade->dark_text), NULL));
	}
	return list;
}

/* By its name, or by the one that it had in older stores. */
static const char *fingerprint_value(const struct analysis *a, const char *name, const char *older)
{
	const char *value = analysis_fingerprint(a, name);

	return value != NULL ? value : analysis_fingerprint(a, older);
}

static void add_fact(json_t *facts, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		page_add(facts, template_record("name", template_text(name), "value",
					template_text(value), NULL));
}

static json_t *facts_of(const struct analysis *a)
{
	json_t *facts = json_array();

	if (a->machine_count > 0) {
		const struct analysis_machine *m = &a->machines[a->machine_count - 1];

		add_fact(facts, "Date", number_date(m->started_ns).text);
		add_fact(facts, "Noise grade", m->grade);
		add_fact(facts, "Reasons", analysis_fingerprint(a, "noise reasons"));
	}
	add_fact(facts, "Processor", fingerprint_value(a, "cpu", "cpu.model"));
	add_fact(facts, "CPUs", fingerprint_value(a, "cpus allowed", "cpu.count"));
	add_fact(facts, "Kernel", analysis_fingerprint(a, "kernel"));
	add_fact(facts, "Virtual", fingerprint_value(a, "virtual", "hypervisor"));
	add_fact(facts, "Compiler", analysis_fingerprint(a, "compiler"));
	add_fact(facts, "Source", a->source_revision);
	return facts;
}

/* Whether two events say the same of the same subject, in perhaps different cells and forks. */
static bool same_event(const struct analysis_event *a, const struct analysis_event *b)
{
	return strcmp(a->state, b->state) == 0 && strcmp(a->detail, b->detail) == 0 &&
	       a->subject == b->subject;
}

static bool is_first(const struct analysis *a, size_t event)
{
	for (size_t i = 0; i < event; i++) {
		if (same_event(&a->events[i], &a->events[event]))
			return false;
	}
	return true;
}

/* Where the event, and those that say the same, happened. */
static json_t *places_of(const struct analysis *a, size_t first)
{
	json_t *places = json_array();

	for (size_t i = first; i < a->event_count; i++) {
		const struct analysis_event *event = &a->events[i];

		if (!same_event(event, &a->events[first]))
			continue;
		page_add(places,
			template_record("further", json_boolean(i != first), "cell",
				template_text(event->cell == NULL ? "all cells" : event->cell),
				"fork",
				event->fork >= 0 ? template_words("%" PRId64, event->fork)
						 : json_null(),
				NULL));
	}
	return places;
}

static json_t *events_of(const struct analysis *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->event_count; i++) {
		const struct analysis_event *event = &a->events[i];

		if (!is_first(a, i))
			continue;
		page_add(list,
			template_record("bad",
				json_boolean(strcmp(event->state, "unsupported") != 0 &&
					     strcmp(event->state, "rationed") != 0),
				"state", template_text(event->state), "subject",
				template_text(event->subject == NULL ? "all" : event->subject),
				"places", places_of(a, i), "date",
				template_text(number_date(event->at_ns).text), "detail",
				template_text(event->detail), NULL));
	}
	return list;
}

/* The events of the machine; null: none. */
static json_t *changes_of(const struct analysis *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->change_count; i++) {
		char text[ANALYSIS_SENTENCE_BYTES];

		analysis_change_text(a, i, text);
		page_add(list, template_record("text", template_text(text), NULL));
	}
	if (a->change_count > 0)
		return template_record(
			"count", template_count(a->change_count), "changes", list, NULL);
	json_decref(list);
	return json_null();
}

/* Each pair of a strategy's two builds, by cell; null: there is one build. */
static json_t *against_of(const struct analysis *a)
{
	char text[ANALYSIS_SENTENCE_BYTES];
	json_t *pairs = json_array();

	for (size_t c = 0; c < a->cell_count; c++) {
		for (size_t i = 0; i < a->subject_count; i++) {
			struct stats_estimate effect;
			enum stats_verdict verdict;

			if (!analysis_against(a, c, i, &effect, &verdict))
				continue;
			page_add(pairs,
				template_record("cell", template_text(a->cells[c].label), "label",
					template_text(a->subjects[a->subjects[i].original].label),
					"value", template_words("%.6f", exp(effect.point)), "ratio",
					page_number(number_ratio(effect.point)), "range",
					page_number(number_ratio_range(effect.lo, effect.hi)),
					"verdict", template_text(stats_verdict_name(verdict)),
					NULL));
		}
	}
	analysis_against_text(a, text);
	if (a->has_other)
		return template_record("text", template_text(text), "pairs", pairs, NULL);
	json_decref(pairs);
	return json_null();
}

static void add_row(json_t *rows, const char *name, const char *value)
{
	const size_t length = strlen(value);

	page_add(rows, template_record("name", template_text(name), "value", template_text(value),
			       "long", template_count(length > LONG_VALUE ? length : 0), NULL));
}

static json_t *plan_of(const struct analysis *a)
{
	json_t *rows = json_array();
	char seed[NUMBER_BYTES];

	add_row(rows, "command", a->command);
	add_row(rows, "source revision", a->source_revision);
	add_row(rows, "build id", a->build_id);
	if (a->has_other) {
		add_row(rows, "other build: source revision", a->other.source_revision);
		add_row(rows, "other build: build id", a->other.build_id);
		add_row(rows, "other build: compiler and flags", a->other.made);
	}
	add_row(rows, "plan hash", a->plan_hash);
	snprintf(seed, sizeof(seed), "%" PRIu64, a->seed);
	add_row(rows, "seed of the sweep", seed);
	add_row(rows, "planned", number_date(a->created_ns).text);
	add_row(rows, "plan", a->plan_json);
	add_row(rows, "store", a->store);
	return rows;
}

/* The starts of the sweep, each with the machine that it found. */
static json_t *starts_of(const struct analysis *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->machine_count; i++) {
		const struct analysis_machine *m = &a->machines[i];
		json_t *values = json_array();

		for (size_t k = 0; k < m->value_count; k++)
			add_row(values, m->values[k].name, m->values[k].value);
		page_add(list, template_record("number", template_count(i + 1), "last",
				       json_boolean(i + 1 == a->machine_count), "date",
				       template_text(number_date(m->started_ns).text), "grade",
				       template_text(m->grade), "hash", template_text(m->hash),
				       "values", values, NULL));
	}
	return list;
}

static void set(json_t *page, const char *name, json_t *value)
{
	json_object_set_new_nocheck(page, name, value);
}

/* The sentences of the head. */
static void set_sentences(json_t *page, const struct analysis *a)
{
	char text[ANALYSIS_SENTENCE_BYTES];

	analysis_broken(a, text);
	set(page, "broken", template_text(text));
	analysis_false_empties(a, text);
	set(page, "false_empties", template_text(text));
	analysis_confidence(a, text);
	set(page, "confidence", template_text(text));
	analysis_changes(a, text);
	set(page, "changes", template_text(text));
	analysis_apart(a, text);
	set(page, "apart", template_text(text));
}

void page_open(struct page *p, const struct analysis *a)
{
	*p = (struct page){.a = a,
		.figures = gnuplot_has(figure_terminal(FIGURE_IN_PAGE)),
		.tables = PAGE_CELLS | PAGE_LATENCY | PAGE_SLICES};
	p->drawn = need(FIGURE_KINDS * a->cell_count, sizeof(*p->drawn));
	p->all.order = need(a->subject_count, sizeof(*p->all.order));
	p->all.rows = analysis_order(a, p->all.order, &p->all.contestants);
	for (enum contest contest = 0; contest < CONTESTS; contest++) {
		struct page_order *of = &p->contests[contest];

		of->order = need(a->subject_count, sizeof(*of->order));
		of->rows = choice_order(a, contest, of->order, &of->contestants);
	}
}

void page_close(struct page *p)
{
	for (size_t i = 0; i < FIGURE_KINDS * p->a->cell_count; i++)
		free(p->drawn[i].bytes);
	free(p->drawn);
	free(p->all.order);
	for (enum contest contest = 0; contest < CONTESTS; contest++)
		free(p->contests[contest].order);
}

json_t *page_each_contest(const struct page *p, json_t *(*part)(const struct page *p, size_t first))
{
	json_t *contests = json_array();

	for (size_t c = 0; c < p->a->cell_count; c++) {
		if (figure_leads(p->a, c))
			page_add(contests, part(p, c));
	}
	return contests;
}

json_t *page_fill(const struct page *p)
{
	const struct analysis *a = p->a;
	json_t *page = json_object();

	set(page, "revision", template_text(a->source_revision));
	set(page, "style", template_text(page_css));
	set(page, "script", template_text(page_js));
	set(page, "shades", shades());
	set_sentences(page, a);
	set(page, "facts", facts_of(a));
	set(page, "known", template_words("%.0f", 100 * ANALYSIS_KNOWN));
	set(page, "unit_note", template_text(ANALYSIS_UNIT_NOTE));
	set(page, "others_mark", template_text(a->change_count > 0 ? ANALYSIS_OTHERS_MARK : ""));
	set(page, "ratios", page_ratios(p));
	set(page, "against", against_of(a));
	set(page, "choices", page_choices(p));
	set(page, "lines", page_lines(p));
	set(page, "has_held", json_boolean(a->has_held));
	set(page, "tradeoffs", page_tradeoffs(p));
	set(page, "memory_figure", page_figure(p, FIGURE_MEMORY, 0));
	set(page, "machine_figure", page_figure(p, FIGURE_MACHINE, 0));
	set(page, "trust", page_trust(p));
	set(page, "timed", json_boolean(a->has_latency));
	set(page, "latency", (p->tables & PAGE_LATENCY) != 0 ? page_latency(p) : json_null());
	set(page, "responses", page_responses(p));
	set(page, "cells", page_cells(p));
	set(page, "events", events_of(a));
	set(page, "machine", changes_of(a));
	set(page, "any_event", json_boolean(a->event_count + a->change_count > 0));
	set(page, "plan", plan_of(a));
	set(page, "starts", starts_of(a));
	set(page, "margin", template_text(number_percent(a->margin).text));
	set(page, "data", page_script_data(p));
	set(page, "slices",
		(p->tables & PAGE_SLICES) != 0 ? page_script_slices(p) : template_text("[]"));
	set(page, "left_out", template_text(p->left_out));
	return page;
}
