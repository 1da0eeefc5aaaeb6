/* Two stores, as text for a terminal and as Markdown for a pull request. See compared.h. */
#include "bench/report/compared.h"

#include "bench/analysis/drift.h"
#include "bench/base/append.h"
#include "bench/base/number.h"
#include "bench/report/escape.h"

#include <math.h>
#include <string.h>

enum { DIFFERENCE_MAX = 60 };

void compared_difference(const struct comparison_difference *d, FILE *out)
{
	fprintf(out, "  %s: %.*s%s | %.*s%s\n", d->name, DIFFERENCE_MAX,
		d->a == NULL ? "(none)" : d->a,
		d->a != NULL && strlen(d->a) > DIFFERENCE_MAX ? "..." : "", DIFFERENCE_MAX,
		d->b == NULL ? "(none)" : d->b,
		d->b != NULL && strlen(d->b) > DIFFERENCE_MAX ? "..." : "");
}

void compared_contrary(const struct comparison *c, size_t i, char *text)
{
	const struct comparison_contrary *pair = &c->order.contrary[i];

	text[0] = '\0';
	append(text, ANALYSIS_SENTENCE_BYTES, "%s: %s is faster than %s in A, and slower in B.",
		c->a->cells[pair->cell].label, c->a->subjects[pair->faster].label,
		c->a->subjects[pair->slower].label);
}

static void put_row(FILE *out, const struct comparison *c, const struct comparison_row *row)
{
	const char *label = c->a->subjects[row->subject].label;

	if (!row->both)
		fprintf(out, "  %-20.30s %s in A, %s in B%s\n", label,
			analysis_state_name(row->state), analysis_state_name(row->other),
			row->fails ? "  <- fails" : "");
	else
		fprintf(out, "  %-20.30s %8s %8s   %5s  %-13s %s%s\n", label,
			number_plain(exp(row->a.point)).text, number_plain(exp(row->b.point)).text,
			number_ratio(row->speed.point).text,
			number_ratio_range(row->speed.lo, row->speed.hi).text,
			stats_verdict_name(row->verdict), row->fails ? "  <- fails" : "");
}

static void put_stores(FILE *out, const struct compared *self)
{
	const struct analysis *const stores[] = {self->comparison->a, self->comparison->b};
	char text[ANALYSIS_SENTENCE_BYTES];

	for (int i = 0; i < 2; i++) {
		drift_tell(stores[i], text);
		fprintf(out, "%c: %s: %s\n", "AB"[i], self -> stores[i], text);
	}
}

static void put_end(FILE *out, const struct compared *self)
{
	const struct comparison *c = self->comparison;
	char text[ANALYSIS_SENTENCE_BYTES];

	for (size_t i = 0; i < c->order.contrary_count; i++) {
		compared_contrary(c, i, text);
		fprintf(out, "%s\n", text);
	}
	comparison_tell(c, text);
	fprintf(out, "%s\n", text);
	if (c->condition.given)
		fprintf(out, "--fail-if '%s': %zu row%s.\n", self->condition, c->fails,
			c->fails == 1 ? "" : "s");
}

void compared_brief(const void *compared, FILE *out)
{
	put_stores(out, compared);
	put_end(out, compared);
}

void compared_text(const void *compared, FILE *out)
{
	const struct compared *self = compared;
	const struct comparison *c = self->comparison;
	size_t cell = c->a->cell_count;

	put_stores(out, self);
	fputs(c->difference_count == 0 ? "The environments do not differ.\n"
				       : "Differences of the environments:\n",
		out);
	for (size_t i = 0; i < c->difference_count; i++)
		compared_difference(&c->differences[i], out);
	for (size_t i = 0; i < c->row_count; i++) {
		const struct comparison_row *row = &c->rows[i];
		const struct analysis_cell *where = &c->a->cells[row->cell];

		if (row->cell != cell) {
			cell = row->cell;
			fprintf(out, "\n%s%s", where->label,
				comparison_disturbed(c, cell) ? " (disturbed)" : "");
			if (isfinite(row->runs))
				fprintf(out, "; runs vary by %s", number_percent(row->runs).text);
			fprintf(out, "\n  %-20s %8s %8s   %5s  %-13s %s\n", "strategy", "A ns",
				"B ns", "speed", "95 %", "B is");
		}
		put_row(out, c, row);
	}
	for (size_t i = 0; i < c->lone_count; i++)
		fprintf(out, "\n%s: only in %c\n", c->lone[i].label, c->lone[i].store);
	fputc('\n', out);
	put_end(out, self);
}

static void put(FILE *out, const char *before, const char *text, const char *behind)
{
	fputs(before, out);
	markdown_text(out, text);
	fputs(behind, out);
}

static void put_markdown_row(
	FILE *out, const struct comparison *c, const struct comparison_row *row)
{
	put(out, "| ", c->a->cells[row->cell].label, " | ");
	put(out, "", c->a->subjects[row->subject].label, " |");
	if (row->both)
		fprintf(out, " %s | %s | %s | %s | %s |", number_plain(exp(row->a.point)).text,
			number_plain(exp(row->b.point)).text, number_change(row->speed.point).text,
			number_change_range(row->speed.lo, row->speed.hi).text,
			comparison_significant(row) ? "**yes**" : "no");
	else
		fputs(" - | - | - | - | - |", out);
	fprintf(out, " %s%s%s%s |\n",
		row->both ? stats_verdict_name(row->verdict) : analysis_state_name(row->other),
		row->both ? "" : "; A: ", row->both ? "" : analysis_state_name(row->state),
		row->fails ? ", **fails**" : "");
}

void compared_markdown(const void *compared, FILE *out)
{
	const struct compared *self = compared;
	const struct comparison *c = self->comparison;
	const struct analysis *const stores[] = {c->a, c->b};
	char text[ANALYSIS_SENTENCE_BYTES];

	comparison_tell(c, text);
	put(out, "# nblbench: B against A\n\n", text, "\n");
	if (c->condition.given) {
		put(out, "\n--fail-if '", self->condition, "': ");
		fprintf(out, "%zu row%s.\n", c->fails, c->fails == 1 ? "" : "s");
	}
	for (int i = 0; i < 2; i++) {
		drift_tell(stores[i], text);
		fprintf(out, "\n- %c: ", "AB"[i]);
		put(out, "", self->stores[i], ": ");
		put(out, "", text, "");
	}
	fprintf(out,
		"\n\nThe difference is one of speeds, by %s: below 0 B is slower. Significant: "
		"beyond "
		"noise floors, the margin and what runs vary by, all rows at once.\n\n"
		"| cell | strategy | A ns | B ns | difference | 95 %% | significant? | B is |\n"
		"|---|---|--:|--:|--:|--:|---|---|\n",
		self->measure);
	for (size_t i = 0; i < c->row_count; i++)
		put_markdown_row(out, c, &c->rows[i]);
	for (size_t i = 0; i < c->lone_count; i++) {
		put(out, "\n- ", c->lone[i].label, "");
		fprintf(out, ": only in %c", c->lone[i].store);
	}
	for (size_t i = 0; i < c->order.contrary_count; i++) {
		compared_contrary(c, i, text);
		put(out, "\n- ", text, "");
	}
	fputs(c->lone_count + c->order.contrary_count > 0 ? "\n" : "", out);
	if (c->difference_count > 0)
		fputs("\n| environment | A | B |\n|---|---|---|\n", out);
	for (size_t i = 0; i < c->difference_count; i++) {
		const struct comparison_difference *d = &c->differences[i];

		put(out, "| ", d->name, " | ");
		put(out, "", d->a == NULL ? "(none)" : d->a, " | ");
		put(out, "", d->b == NULL ? "(none)" : d->b, " |\n");
	}
}
