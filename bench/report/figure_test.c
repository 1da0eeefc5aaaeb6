/* Figures fit to stand in a page: identifiers, colours, text alternatives. */
#include "alloc/machine/cmocka.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/report/figure.h"
#include "bench/report/figure_draw.h"
#include "bench/report/gnuplot.h"
#include "bench/report/printed.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY_BYTES = 512 };

/* What gnuplot 5.4 prints, in small. */
static const char svg[] =
	"<?xml version=\"1.0\"?>\n<svg viewBox=\"0 0 9 9\">\n<title>Gnuplot</title>\n"
	"<desc>Produced by GNUPLOT</desc>\n<g id=\"gnuplot_canvas\">\n<defs>\n"
	"\t<circle id='gpPt0' r='1'/>\n"
	"\t<circle id='gpDot' r='0.5' stroke='currentColor'/>\n"
	"\t<use xlink:href='#gpPt5' id='gpPt6' stroke='none'/>\n"
	"\t<filter id='textbox'><feFlood flood-color='white'/></filter>\n</defs>\n"
	"<g transform=\"translate(7.00,9.00)\">\n\t<text></text>\n</g>\n"
	"<g id=\"gnuplot_plot_1\" fill=\"black\" stroke=\"black\" color=\"black\" "
	"stroke-linecap=\"butt\">\n"
	"<use xlink:href='#gpDot' x='1'/><use xlink:href='#gpPt6'/>\n"
	"<path filter=\"url(#textbox)\" stroke='black' fill='#0072b2' "
	"d='M1,1'/><text>black</text>\n"
	"</g></g></svg>\n";

static char *inlined(const char *text, const char *label)
{
	char *result = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&result, &bytes);

	assert_non_null(out);
	figure_inline(text, "fig7", label, out);
	assert_int_equal(fclose(out), 0);
	return result;
}

static void ids_are_prefixed_or_dropped(NO_STATE)
{
	char *page = inlined(svg, "one");

	assert_non_null(strstr(page, "id='fig7-gpDot'"));
	assert_non_null(strstr(page, "xlink:href='#fig7-gpPt5' id='fig7-gpPt6'"));
	assert_non_null(strstr(page, "id='fig7-textbox'"));
	assert_non_null(strstr(page, "url(#fig7-textbox)"));
	assert_null(strstr(page, "gpPt0")); /* which nothing uses */
	assert_null(strstr(page, "gnuplot_"));
	assert_null(strstr(page, "7.00")); /* which is nobody's label */
	assert_null(strstr(page, "<?xml"));
	assert_null(strstr(page, "<title>"));
	assert_null(strstr(page, "<desc>"));
	free(page);
}

static void black_follows_the_page(NO_STATE)
{
	char *page = inlined(svg, "one");

	assert_non_null(strstr(page, "fill=\"currentColor\" stroke=\"currentColor\" "
				     "color=\"currentColor\""));
	assert_null(strstr(page, "\"black\""));
	assert_null(strstr(page, "'black'"));
	assert_non_null(strstr(page, "fill='#0072b2'"));
	assert_non_null(strstr(page, "<text>black</text>"));
	free(page);
}

static void label_is_the_text_alternative(NO_STATE)
{
	char *page = inlined(svg, "a \"b\" <c>");

	assert_non_null(strstr(page, "<svg role=\"img\" aria-label=\"a &quot;b&quot; &lt;c&gt;\""));
	free(page);
	page = inlined("no picture at all", "one");
	assert_string_equal(page, "");
	free(page);
}

static struct analysis *synthetic(const char *sql)
{
	struct synthetic_store wanted = synthetic_store_default();
	char path[] = "/tmp/nblbench-figure-XXXXXX";
	const int fd = mkstemp(path);
	struct analysis *a = NULL;
	char why[WHY_BYTES];

	assert_true(fd >= 0);
	close(fd);
	wanted.forks = wanted.blocks = 3;
	wanted.cells = 4;
	synthetic_store_write(path, &wanted);
	synthetic_store_execute(path, sql);
	if (analysis_read(path, NULL, &a, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	unlink(path);
	return a;
}

/* One of a page; the caller frees it. */
static struct figure made(const struct analysis *a, enum figure_kind kind, size_t cell)
{
	struct figure figures[4] = {{0}};
	size_t room = SIZE_MAX;

	assert_true(a->cell_count <= array_count(figures));
	assert_true(figures_of_kind(a, kind, figures, &room));
	for (size_t c = 0; c < a->cell_count; c++) {
		assert_false(figures[c].failed);
		if (c != cell)
			free(figures[c].bytes);
	}
	return figures[cell];
}

/* The same, which must show something. */
static char *drawn(const struct analysis *a, enum figure_kind kind, size_t cell)
{
	const struct figure figure = made(a, kind, cell);

	assert_non_null(figure.bytes);
	return figure.bytes;
}

static void need_gnuplot(struct analysis *a)
{
	if (gnuplot_has(figure_terminal(FIGURE_IN_PAGE)))
		return;
	analysis_free(a);
	print_message("gnuplot is not installed, so nothing could be drawn\n");
	skip();
}

static void gnuplot_draws_every_strategy(NO_STATE)
{
	struct analysis *a = synthetic("");
	char *page, *scaling, *tradeoff;

	/* Cells 0 to 2 differ in their threads alone; cell 3 starts another load, with no second. */
	assert_true(figure_applies(a, FIGURE_SCALING, 0));
	assert_false(figure_applies(a, FIGURE_SCALING, 1));
	assert_false(figure_applies(a, FIGURE_SCALING, 3));
	need_gnuplot(a);
	scaling = drawn(a, FIGURE_SCALING, 0);
	tradeoff = drawn(a, FIGURE_TRADEOFF, 0);
	assert_true(asprintf(&page, "%s%s", scaling, tradeoff) > 0);
	free(scaling);
	free(tradeoff);
	assert_int_equal(printed_count(page, "<svg"), 2);
	assert_int_equal(printed_count(page, "</svg>"), 2);
	assert_true(printed_count(page, "'#scaling1-gpPt") > 0 &&
		    printed_count(page, "id='scaling1-gpPt") > 0);
	assert_true(printed_count(page, "'#tradeoff1-gpPt") > 0 &&
		    printed_count(page, "id='tradeoff1-gpPt") > 0);
	assert_null(strstr(page, "<script"));
	for (size_t i = 0; i < a->subject_count; i++) {
		char label[WHY_BYTES];

		snprintf(label, sizeof(label), "<text>%s</text>", a->subjects[i].label);
		if (a->subjects[i].role == ANALYSIS_CONTESTANT && a->subjects[i].measured > 0)
			assert_true(printed_count(page, label) >= 1);
	}
	free(page);
	analysis_free(a);
}

/* A gnuplot that fails at one cell's picture, and so at all that it was given with that, takes no other figure with it. */
static void one_figure_fails_alone(NO_STATE)
{
	static const char fake[] = "#!/bin/sh\ncat > \"$0.in\"\ngrep -q '\"Percentiles of calls, "
				   "pair, 8 threads' \"$0.in\" && "
				   "exit 1\nPATH='%s'\nexec gnuplot -d /dev/stdin < \"$0.in\"\n";
	char folder[SYNTHETIC_FOLDER_BYTES], *file, *path, *before = strdup(getenv("PATH"));
	struct analysis *a = synthetic("");
	struct figure figures[4] = {{0}};
	size_t room = SIZE_MAX;
	FILE *script;

	need_gnuplot(a);
	assert_int_equal(synthetic_folder_make(folder), 0);
	assert_true(asprintf(&file, "%s/gnuplot", folder) > 0);
	assert_true(asprintf(&path, "%s:%s", folder, before) > 0);
	script = fopen(file, "w");
	assert_non_null(script);
	fprintf(script, fake, before);
	assert_int_equal(fchmod(fileno(script), 0700), 0);
	fclose(script);
	setenv("PATH", path, 1);
	assert_true(figures_of_kind(a, FIGURE_PERCENTILES, figures, &room));
	setenv("PATH", before, 1);
	for (size_t c = 0; c < array_count(figures); c++) {
		assert_int_equal(figures[c].failed, c == 2);
		assert_int_equal(figures[c].bytes == NULL, c == 2);
		free(figures[c].bytes);
	}
	assert_int_equal(synthetic_folder_remove(folder), 0);
	free(before);
	free(path);
	free(file);
	analysis_free(a);
}

/* Burst 128 and 32 with a thread, 32 and 8 with two, in this order; 8 is 1500 bytes instead where objects are told apart. */
static struct analysis *bursts(const char *sql)
{
	char *all = NULL;
	struct analysis *a;

	assert_true(
		asprintf(&all,
			"UPDATE cell SET workload = 'burst', oversubscribed = 0, threads = "
			"CASE WHEN cell_id IN (1, 4) THEN 1 ELSE 2 END, burst = CASE cell_id "
			"WHEN 1 THEN 128 WHEN 3 THEN 8 ELSE 32 END; %s; UPDATE cell SET label = "
			"'burst ' || burst || ', ' || threads || ' thread' || substr('s', "
			"threads - 1, threads - 1) || CASE object_bytes WHEN 256 THEN '' ELSE "
			"', ' || object_bytes || ' B' END",
			sql) > 0);
	a = synthetic(all);
	free(all);
	return a;
}

/* In ascending order, and only with as many threads as there are CPUs for. */
static void lines_are_over_bursts_and_sizes(NO_STATE)
{
	size_t cells[4];
	struct analysis *a = bursts("");
	char *page;

	assert_int_equal(figure_group(a, FIGURE_BURSTS, 1, cells), 2);
	assert_true(cells[0] == 2 && cells[1] == 1);
	for (size_t c = 0; c < 4; c++) {
		assert_int_equal(figure_applies(a, FIGURE_BURSTS, c), c == 1);
		assert_int_equal(figure_applies(a, FIGURE_SCALING, c), c == 1);
		assert_false(figure_applies(a, FIGURE_SIZES, c));
	}
	need_gnuplot(a);
	page = drawn(a, FIGURE_BURSTS, 1);
	assert_non_null(strstr(
		page, "<text>Time a unit by burst, burst, 2 threads. Lower is better</text>"));
	assert_int_equal(
		printed_count(page, "<text>8</text>"), printed_count(page, "<text>32</text>"));
	assert_int_equal(printed_count(page, "<text>128</text>"), 0);
	assert_int_equal(printed_count(page, "<text>mag_tls</text>"), 1);
	free(page);
	analysis_free(a);

	a = bursts("UPDATE cell SET burst = 32, object_bytes = 1500 WHERE cell_id = 3");
	assert_int_equal(figure_group(a, FIGURE_SIZES, 1, cells), 2);
	assert_true(cells[0] == 1 && cells[1] == 2);
	assert_false(figure_applies(a, FIGURE_BURSTS, 1));
	page = drawn(a, FIGURE_SIZES, 1);
	assert_non_null(strstr(
		page, "<text>Time a unit by size, burst 32, 2 threads. Lower is better</text>"));
	assert_int_equal(
		printed_count(page, "<text>1500</text>"), printed_count(page, "<text>256</text>"));
	free(page);
	analysis_free(a);

	/* More threads than CPUs are no reason to leave out fewer; and one point is no line. */
	a = bursts("UPDATE cell SET oversubscribed = 1 WHERE threads = 2");
	assert_true(figure_applies(a, FIGURE_BURSTS, 0));
	assert_false(figure_applies(a, FIGURE_BURSTS, 1));
	analysis_free(a);
	a = bursts("DELETE FROM slice WHERE block_id IN (SELECT block_id FROM block WHERE cell_id "
		   "= 3)");
	assert_false(figure_applies(a, FIGURE_BURSTS, 1));
	analysis_free(a);
}

static char *tradeoff_of(const char *sql, bool tail)
{
	struct analysis *a = synthetic(sql);
	char *page;

	assert_int_equal(figure_tradeoff_has_tail(a, 0), tail);
	need_gnuplot(a);
	page = drawn(a, FIGURE_TRADEOFF, 0);
	analysis_free(a);
	return page;
}

/* Named is who is beaten in one thing at most: by mag_tls glibc's malloc is in all three. */
static void the_front_is_of_throughput_tail_and_bytes(NO_STATE)
{
	char *page = tradeoff_of("", true);

	assert_int_equal(printed_count(page, "<text>p99.9 of calls, ns (logarithmic)</text>"), 1);
	assert_int_equal(printed_count(page, "<text>pair, 2 threads</text>"), 1);
	assert_int_equal(printed_count(page, "<text>pair, 1 thread</text>"), 0);
	assert_int_equal(printed_count(page, "<text>mag_tls 12.0 B</text>"), 1);
	assert_int_equal(printed_count(page, "<text>treiber_tag 4.00 B</text>"), 1);
	assert_int_equal(printed_count(page, "<text>malloc "), 0);
	free(page);
	page = tradeoff_of("UPDATE memory SET held_peak = 256 * 1024 WHERE subject_id = 19", true);
	assert_int_equal(printed_count(page, "<text>malloc 0"), 1);
	free(page);
	/* No cell has as many threads as there are CPUs: all are shown. */
	page = tradeoff_of("UPDATE plan SET json = '{\"cpus\":3}'", true);
	assert_int_equal(
		printed_count(page, " thread</text>") + printed_count(page, " threads</text>"), 4);
	free(page);
	/* The tails of two are no field. */
	free(tradeoff_of("DELETE FROM latency WHERE subject_id NOT IN (4, 5)", false));
	page = tradeoff_of("DELETE FROM latency; DELETE FROM timed", false);
	assert_int_equal(printed_count(page, "<text>p99.9 of calls, ns (logarithmic)</text>"), 0);
	assert_int_equal(printed_count(page, "<text>ns a unit (logarithmic)</text>"), 1);
	assert_int_equal(
		printed_count(page, " thread</text>") + printed_count(page, " threads</text>"), 4);
	free(page);
}

/* Each panel has a line and one large point, its knee; who keeps no load has no panel. */
static void response_times_have_a_knee_each(NO_STATE)
{
	static const char knee[] = "scale(2.62)";
	/* Of mutex, ticket and treiber_tag alone. */
	struct analysis *a = synthetic("UPDATE load SET served_s = 0.5 * wanted_s WHERE subject_id "
				       "= 5; DELETE FROM load WHERE subject_id NOT IN (4, 5, 6)");
	struct figure none;
	char *page;

	need_gnuplot(a);
	page = drawn(a, FIGURE_RESPONSES, 0);
	assert_int_equal(printed_count(page, knee), 2);
	assert_int_equal(printed_count(page, "<text>mutex</text>"), 1);
	assert_int_equal(printed_count(page, "<text>ticket</text>"), 0);
	assert_int_equal(printed_count(page, "<text>90</text>"), 2);
	free(page);
	analysis_free(a);
	a = synthetic(
		"UPDATE load SET served_s = 0.5 * wanted_s; DELETE FROM load WHERE subject_id "
		"<> 5");
	none = made(a, FIGURE_RESPONSES, 0);
	assert_true(none.bytes == NULL && !none.failed);
	analysis_free(a);
	/* No percentile of the lightest load is known: a line, and no knee. */
	a = synthetic("UPDATE load SET histogram = x'0101' WHERE load = 50");
	page = drawn(a, FIGURE_RESPONSES, 0);
	assert_int_equal(printed_count(page, knee), 0);
	assert_int_equal(printed_count(page, "<text>ticket</text>"), 1);
	free(page);
	analysis_free(a);
}

/* What a line's colour must have against either ground of the page, so that it is seen. */
static void colours_are_seen_on_either_ground(NO_STATE)
{
	static const uint32_t grounds[] = {0xffffff, 0x14171a};

	for (size_t i = 0; i < FIGURE_COLOURS; i++) {
		for (size_t g = 0; g < sizeof(grounds) / sizeof(grounds[0]); g++) {
			const double contrast = printed_contrast(figure_colours[i], grounds[g]);

			if (contrast < 3)
				fail_msg("%06x on %06x: %.2f", (unsigned)figure_colours[i],
					(unsigned)grounds[g], contrast);
		}
	}
}

/* A strategy looks alike in all reports, and unlike each other one that is drawn with it. */
static void styles_tell_strategies_apart(NO_STATE)
{
	struct analysis *a = synthetic("");

	for (size_t i = 0; i < a->subject_count; i++) {
		const struct figure_style one = figure_style_of(&a->subjects[i]);

		for (size_t k = 0; k < i; k++) {
			const struct figure_style other = figure_style_of(&a->subjects[k]);

			if (strcmp(a->subjects[i].pool, a->subjects[k].pool) != 0)
				assert_false(one.colour == other.colour && one.dash == other.dash &&
					     one.marker == other.marker);
		}
	}
	analysis_free(a);
}

/* Names stand in the plot, beside their points, and none on another. */
static void names_do_not_overlap(NO_STATE)
{
	enum { NAMES = 12 };
	struct figure_name names[NAMES];

	for (size_t i = 0; i < NAMES; i++)
		names[i] =
			(struct figure_name){"a_strategy 12.0 B", 100 + (double)i, 80, 0, 0, false};
	figure_place_names(names, NAMES, 292, 170);
	for (size_t i = 0; i < NAMES; i++) {
		assert_true(names[i].placed);
		assert_true(
			names[i].label_x >= 0 && names[i].label_y >= 0 && names[i].label_y <= 170);
		for (size_t k = 0; k < i; k++)
			assert_true(fabs(names[i].label_y - names[k].label_y) >= 9 ||
				    fabs(names[i].label_x - names[k].label_x) >= 80);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_prefixed_or_dropped),
		cmocka_unit_test(black_follows_the_page),
		cmocka_unit_test(label_is_the_text_alternative),
		cmocka_unit_test(gnuplot_draws_every_strategy),
		cmocka_unit_test(one_figure_fails_alone),
		cmocka_unit_test(lines_are_over_bursts_and_sizes),
		cmocka_unit_test(the_front_is_of_throughput_tail_and_bytes),
		cmocka_unit_test(response_times_have_a_knee_each),
		cmocka_unit_test(colours_are_seen_on_either_ground),
		cmocka_unit_test(styles_tell_strategies_apart),
		cmocka_unit_test(names_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
