/* Two stores as a page, whose markup is compared_page.html, and as JUnit's XML. See compared.h. */
#include "bench/analysis/drift.h"
#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/base/number.h"
#include "bench/report/compared.h"
#include "bench/report/compared_page.html.h"
#include "bench/report/document.h"
#include "bench/report/escape.h"
#include "bench/report/junit.h"
#include "bench/report/page.css.h"
#include "bench/report/page.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "slower"; of a row that one store alone has a figure of, how both fared. */
static json_t *verdict_of(const struct comparison_row *row)
{
	return row->both ? template_text(stats_verdict_name(row->verdict))
			 : template_words("%s; in A %s", analysis_state_name(row->other),
				   analysis_state_name(row->state));
}

static json_t *row_of(const struct comparison *c, const struct comparison_row *row)
{
	const double none = row->both ? 0 : NAN;

	return page_row(c->a, row->cell, row->subject,
		template_record("cell", template_text(c->a->cells[row->cell].label), "a",
			page_plain(exp(row->a.point) + none), "b",
			page_plain(exp(row->b.point) + none), "difference",
			template_text(number_change(row->speed.point + none).text), "range",
			template_text(
				number_change_range(row->speed.lo + none, row->speed.hi + none)
					.text),
			"significant", json_boolean(comparison_significant(row)), "fails",
			json_boolean(row->fails), "verdict", verdict_of(row), NULL));
}

static int by_size(const void *a, const void *b)
{
	const struct comparison_row *const *x = a, *const *y = b;
	const double p = fabs((*x)->speed.point), q = fabs((*y)->speed.point);

	return p != q ? (p < q) - (p > q) : (*x > *y) - (*x < *y);
}

/* The significant rows, and those that fail; null: there are none. */
static json_t *changed_of(const struct comparison *c)
{
	AUTO_FREE const struct comparison_row **list = need(c->row_count, sizeof(*list));
	json_t *rows = json_array();
	size_t n = 0;

	for (size_t i = 0; i < c->row_count; i++) {
		if (comparison_significant(&c->rows[i]) || c->rows[i].fails)
			list[n++] = &c->rows[i];
	}
	qsort(list, n, sizeof(const struct comparison_row *), by_size);
	for (size_t i = 0; i < n; i++)
		page_add(rows, row_of(c, list[i]));
	if (n > 0)
		return template_record("rows", rows, NULL);
	json_decref(rows);
	return json_null();
}

static json_t *cells_of(const struct comparison *c)
{
	json_t *cells = json_array(), *rows = NULL;
	size_t cell = c->a->cell_count;

	for (size_t i = 0; i < c->row_count; i++) {
		const struct comparison_row *row = &c->rows[i];

		if (row->cell != cell) {
			cell = row->cell;
			rows = json_array();
			page_add(cells,
				template_record("label", template_text(c->a->cells[cell].label),
					"disturbed", json_boolean(comparison_disturbed(c, cell)),
					"runs",
					template_text(row->both && isfinite(row->runs)
							      ? number_percent(row->runs).text
							      : ""),
					"rows", rows, NULL));
		}
		page_add(rows, row_of(c, row));
	}
	return cells;
}

static json_t *stores_of(const struct compared *self)
{
	const struct analysis *const stores[] = {self->comparison->a, self->comparison->b};
	json_t *list = json_array();

	for (int i = 0; i < 2; i++) {
		char text[ANALYSIS_SENTENCE_BYTES];

		drift_tell(stores[i], text);
		page_add(list,
			template_record("name", template_words("%c", "AB"[i]), "path",
				template_text(self->stores[i]), "text", template_text(text), NULL));
	}
	return list;
}

static json_t *lone_of(const struct comparison *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->lone_count; i++)
		page_add(list, template_record("label", template_text(c->lone[i].label), "store",
				       template_words("%c", c->lone[i].store), NULL));
	return list;
}

static json_t *contrary_of(const struct comparison *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->order.contrary_count; i++) {
		char text[ANALYSIS_SENTENCE_BYTES];

		compared_contrary(c, i, text);
		page_add(list, template_record("text", template_text(text), NULL));
	}
	return list;
}

/* null: they do not differ. */
static json_t *environment_of(const struct comparison *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->difference_count; i++) {
		const struct comparison_difference *d = &c->differences[i];

		page_add(list, template_record("name", template_text(d->name), "a",
				       template_text(d->a == NULL ? "–" : d->a), "b",
				       template_text(d->b == NULL ? "–" : d->b), NULL));
	}
	if (c->difference_count > 0)
		return template_record("differences", list, NULL);
	json_decref(list);
	return json_null();
}

static json_t *condition_of(const struct compared *self)
{
	const struct comparison *c = self->comparison;

	if (!c->condition.given)
		return json_null();
	return template_record("text", template_text(self->condition), "rows",
		template_words("%zu row%s", c->fails, c->fails == 1 ? "" : "s"), "fails",
		json_boolean(c->fails > 0), NULL);
}

void compared_html(const void *compared, FILE *out)
{
	const struct compared *self = compared;
	const struct comparison *c = self->comparison;
	char text[ANALYSIS_SENTENCE_BYTES], why[TEMPLATE_WHY_BYTES];

	comparison_tell(c, text);

	json_t *page = template_record("title",
		template_words("%s against %s", c->b->source_revision, c->a->source_revision),
		"style", template_text(page_css), "verdict", template_text(text), "condition",
		condition_of(self), "unlike", json_boolean(!c->same_machine), "stores",
		stores_of(self), "changed", changed_of(c), "contrary", contrary_of(c), "measure",
		c->metric == METRIC_TIME ? template_text("of a unit")
					 : template_words("%s of calls", self->measure),
		"margin", template_text(number_percent(c->a->margin).text), "cells", cells_of(c),
		"lone", lone_of(c), "environment", environment_of(c), NULL);

	/* Tests see to it that every slot has its value, so what has none found no memory. */
	if (template_print(compared_page_html, page, html_text, out, why) != 0)
		need_failed();
	json_decref(page);
}

/* A case's failure: the condition holds, or the row broke; null. */
static json_t *failure_of(const struct compared *self, const struct comparison_row *row)
{
	const struct comparison *c = self->comparison;

	if (!row->fails)
		return json_null();
	return template_record("type", template_text(row->both ? "regression" : "broken"),
		"message",
		row->both ? template_words("B's speed is %s (%s) times A's: %s",
				    number_ratio(row->speed.point).text,
				    number_ratio_range(row->speed.lo, row->speed.hi).text,
				    self->condition)
			  : verdict_of(row),
		"detail",
		template_words("To measure both builds in one sweep: sweep --against DIR. A's "
			       "cell: %s",
			c->a->cells[row->cell].command),
		NULL);
}

static char *said_of(const struct comparison_row *row)
{
	char *text = NULL;

	if (!row->both)
		return NULL;
	if (asprintf(&text, "A %s ns, B %s ns: %s of speed (%s), %s",
		    number_plain(exp(row->a.point)).text, number_plain(exp(row->b.point)).text,
		    number_change(row->speed.point).text,
		    number_change_range(row->speed.lo, row->speed.hi).text,
		    stats_verdict_name(row->verdict)) < 0)
		need_failed();
	return text;
}

void compared_junit(const void *compared, FILE *out)
{
	const struct compared *self = compared;
	const struct comparison *c = self->comparison;
	json_t *suites = json_array();
	size_t i = 0;

	while (i < c->row_count) {
		const size_t cell = c->rows[i].cell;
		const char *label = c->a->cells[cell].label;
		json_t *cases = json_array(), *properties = json_array();

		for (; i < c->row_count && c->rows[i].cell == cell; i++) {
			const struct comparison_row *row = &c->rows[i];

			junit_add(cases, label,
				(struct junit_case){.name = c->a->subjects[row->subject].label,
					.failure = failure_of(self, row),
					.skipped = row->both || row->fails
							   ? json_null()
							   : template_record("message",
								     verdict_of(row), NULL),
					.said = said_of(row)});
		}
		page_add(properties, junit_property("A", c->a->source_revision));
		page_add(properties, junit_property("B", c->b->source_revision));
		junit_close(suites, label, analysis_began_ns(c->b), properties, cases);
	}
	junit_print("nblbench compare", suites, out);
}
