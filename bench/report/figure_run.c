/* How figures are drawn from their scripts. See figure.h and figure_draw.h. */
#include "bench/report/figure_draw.h"

#include "bench/base/auto_free.h"
#include "bench/base/need.h"
#include "bench/report/gnuplot.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIGURES_A_RUN =
		32, /* so that starting gnuplot is little of it, and one that hangs is seen */
	FIGURES_TRIED = 6, /* to tell how large all are: few that have no room are drawn */
	AROUND = 128,      /* bytes at most that stand around a figure of a page */
};

/* Ends a picture, and gives the next script what the first one found. */
static const char between[] = "\nunset multiplot\nset output\nreset session\n";

/* What gnuplot prints of the scripts, as gnuplot_run. */
static char *run(const struct figure_order *orders, size_t n, size_t *bytes)
{
	bool any = false;
	char *text = NULL;
	FILE *script;

	for (size_t i = 0; i < n; i++)
		any |= orders[i].script != NULL;
	if (!any || (script = tmpfile()) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (orders[i].script != NULL)
			fprintf(script, "%s%s", orders[i].script, between);
	}
	if (!ferror(script))
		text = gnuplot_run(script, bytes);
	fclose(script);
	return text;
}

/* The end of the picture that begins at or behind `at`; NULL without one. */
static char *end_of(const char *at)
{
	static const char end[] = "</svg>";
	char *found = at == NULL ? NULL : strstr(at, end);

	return found == NULL ? NULL : found + strlen(end);
}

static struct figure inlined(const char *svg, const struct figure_order *order)
{
	struct figure figure = {0};
	FILE *out = need_stream(&figure.bytes, &figure.size);

	figure_inline(svg, order->id, order->label, out);
	need_closed(out);
	return figure;
}

/* By one gnuplot. One that fails takes what comes behind with it: then each is drawn by its own. */
static void print_some(const struct figure_order *orders, size_t n, struct figure *figures)
{
	size_t bytes, wanted = 0, found = 0;
	AUTO_FREE char *text = run(orders, n, &bytes);

	for (size_t i = 0; i < n; i++)
		wanted += orders[i].script != NULL;
	for (const char *at = text; (at = end_of(at)) != NULL;)
		found++;
	if (found != wanted && n > 1) {
		for (size_t i = 0; i < n; i++)
			print_some(&orders[i], 1, &figures[i]);
		return;
	}

	char *at = text;

	for (size_t i = 0; i < n; i++) {
		figures[i] = (struct figure){.failed = orders[i].script != NULL && found != wanted};
		if (orders[i].script == NULL || figures[i].failed)
			continue;

		char *end = end_of(at);
		const char kept = *end;

		*end = '\0';
		figures[i] = inlined(at, &orders[i]);
		*end = kept;
		at = end;
	}
}

void figure_print(struct figure_order *orders, size_t n, struct figure *figures)
{
	for (size_t from = 0; from < n; from += FIGURES_A_RUN)
		print_some(orders + from, n - from < FIGURES_A_RUN ? n - from : FIGURES_A_RUN,
			figures + from);
	for (size_t i = 0; i < n; i++)
		free(orders[i].script);
}

struct figure figure_file(const struct analysis *analysis, enum figure_kind kind, size_t cell,
	enum figure_medium medium)
{
	struct figure_order order = {.script = figure_script(analysis, kind, cell, medium)};
	struct figure figure = {.failed = order.script != NULL};

	if (order.script != NULL) {
		figure.bytes = run(&order, 1, &figure.size);
		figure.failed = figure.bytes == NULL;
	}
	free(order.script);
	return figure;
}

bool figures_of_kind(const struct analysis *analysis, enum figure_kind kind, struct figure *figures,
	size_t *room)
{
	const size_t n = analysis->cell_count;
	AUTO_FREE struct figure_order *orders = need(n, sizeof(*orders));
	size_t bytes = 0, count = 0, done = 0, drawn = 0;
	bool fits = true;

	/* Those that show something, side by side; their places are kept. */
	AUTO_FREE size_t *place = need(n, sizeof(*place));
	AUTO_FREE struct figure *some = need(n, sizeof(*some));

	for (size_t c = 0; c < n; c++) {
		orders[count].script = figure_script(analysis, kind, c, FIGURE_IN_PAGE);
		if (orders[count].script == NULL)
			continue;
		figure_label(analysis, kind, c, orders[count].id, orders[count].label);
		place[count++] = c;
	}
	/* Those of a kind are much alike: a few tell how large all are. */
	for (; done < count && fits; done = drawn) {
		drawn = done + (done == 0 ? FIGURES_TRIED : FIGURES_A_RUN);
		drawn = drawn < count ? drawn : count;
		figure_print(orders + done, drawn - done, some + done);
		for (size_t i = done; i < drawn; i++)
			bytes += some[i].size + AROUND;
		fits = bytes * count / drawn <= *room;
	}
	for (size_t i = done; i < count; i++)
		free(orders[i].script);
	for (size_t i = 0; i < done; i++) {
		if (fits)
			figures[place[i]] = some[i];
		else
			free(some[i].bytes);
	}
	*room -= fits ? bytes : 0;
	return fits;
}
