/* Every format of the report, by its structure; and the two commands, by their exit statuses. */
#include "bench/report/report.h"

#include "alloc/machine/cmocka.h"
#include "bench/analysis/analysis.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/command/captured.h"
#include "bench/report/escape.h"
#include "bench/report/page.css.h"
#include "bench/report/palette.h"
#include "bench/report/printed.h"
#include "bench/report/table.h"
#include "bench/sweep/schema.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY_BYTES = 512, PATH_BYTES = 256, ID_BYTES = 64, IDS_MAX = 1024 };

static char directory[SYNTHETIC_FOLDER_BYTES], store[PATH_BYTES], slower[PATH_BYTES];
static struct analysis *analysis;

static int set_up(NO_STATE)
{
	struct synthetic_store wanted = synthetic_store_default();
	char why[WHY_BYTES];

	wanted.forks = 6;
	wanted.blocks = 4;
	if (synthetic_folder_make(directory) != 0)
		return -1;
	snprintf(store, sizeof(store), "%s/one.db", directory);
	snprintf(slower, sizeof(slower), "%s/two.db", directory);
	print_message("seed %llu\n", (unsigned long long)wanted.seed);
	synthetic_store_write(store, &wanted);
	if (analysis_read(store, NULL, &analysis, why, sizeof(why)) != 0) {
		print_error("%s\n", why);
		return -1;
	}
	/* For the commands a single cell is enough. */
	wanted.cells = 1;
	wanted.noise = 0.005;
	synthetic_store_write(store, &wanted);
	wanted.mag_tls_factor = 1.2;
	synthetic_store_write(slower, &wanted);
	synthetic_store_execute(
		slower, "UPDATE machine SET json = replace(json, 'gcc 12.2.0', 'gcc 14.1.0')");
	return 0;
}

static int tear_down(NO_STATE)
{
	analysis_free(analysis);
	return synthetic_folder_remove(directory);
}

/* What a line of the shell prints. */
static char *printed_by(const char *line)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *shell = popen(line, "re");
	FILE *out = open_memstream(&text, &bytes);

	assert_true(shell != NULL && out != NULL);
	for (int c; (c = getc(shell)) != EOF;)
		putc(c, out);
	assert_int_equal(fclose(out), 0);
	if (pclose(shell) != 0)
		fail_msg("%s: failed", line);
	return text;
}

static bool exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_size > 0;
}

static char *page(void)
{
	static char *kept;

	if (kept == NULL)
		kept = printed(analysis, report_html);
	return kept;
}

static void html_refers_to_nothing_outside(NO_STATE)
{
	/* Name spaces are names, not places. */
	static const char *const allowed[] = {"xmlns=\"http://www.w3.org/2000/svg\"",
		"xmlns:xlink=\"http://www.w3.org/1999/xlink\""};
	const char *text = page();
	size_t known = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		known += printed_count(text, allowed[i]);
	assert_int_equal(printed_count(text, "http"), known + printed_count(text, "http-equiv"));
	assert_null(strstr(text, " src="));
	assert_null(strstr(text, "src:"));
	assert_null(strstr(text, "@import"));
	assert_null(strstr(text, "<link"));
	assert_null(strstr(text, "<iframe"));
	assert_null(strstr(text, "href=\"//"));
	assert_int_equal(printed_count(text, " href=\""), printed_count(text, " href=\"#"));
	assert_int_equal(printed_count(text, "url("), printed_count(text, "url(#"));
	assert_non_null(strstr(text, "default-src 'none'"));
}

/* The value of the next attribute ` id=` at or after *at, into id; false at the end. */
static bool next_id(const char **at, char *id)
{
	const char *p = *at;
	size_t length;

	while ((p = strstr(p, " id=")) != NULL) {
		const char quote = p[4];

		p += 5;
		if (quote != '"' && quote != '\'')
			continue;
		length = strcspn(p, quote == '"' ? "\"" : "'");
		assert_true(length > 0 && length < ID_BYTES);
		memcpy(id, p, length);
		id[length] = '\0';
		*at = p + length;
		return true;
	}
	return false;
}

static void html_ids_are_unique_and_links_lead_somewhere(NO_STATE)
{
	static char ids[IDS_MAX][ID_BYTES];
	const char *at = page();
	size_t n = 0;

	while (next_id(&at, ids[n])) {
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(ids[i], ids[n]);
		n++;
		assert_true(n < IDS_MAX);
	}
	assert_true(n > analysis->cell_count);
	for (const char *p = page(); (p = strstr(p, " href=\"#")) != NULL;) {
		bool found = false;

		p += strlen(" href=\"#");
		for (size_t i = 0; i < n && !found; i++)
			found = strncmp(ids[i], p, strcspn(p, "\"")) == 0 &&
				strlen(ids[i]) == strcspn(p, "\"");
		if (!found)
			fail_msg("nothing has the id '%.*s'", (int)strcspn(p, "\""), p);
	}
}

static void html_has_every_cell_with_its_command(NO_STATE)
{
	for (size_t c = 0; c < analysis->cell_count; c++) {
		char *want = NULL;
		size_t bytes = 0;
		FILE *out = open_memstream(&want, &bytes);

		assert_non_null(out);
		fputs("<pre class=\"command\">", out);
		html_text(out, analysis->cells[c].command);
		fputs("</pre>", out);
		fclose(out);
		assert_int_equal(printed_count(page(), want), 1);
		free(want);
	}
}

static void html_escapes_what_the_store_says(NO_STATE)
{
	const char *text = page();

	assert_null(strstr(text, "<script>alert"));
	assert_null(strstr(text, "<elsewhere>"));
	assert_null(strstr(text, "a<b"));
	assert_non_null(strstr(text, "&lt;script&gt;alert(1)&lt;/script&gt;"));
	assert_non_null(strstr(text, "injects &amp; completes &lt;elsewhere&gt;"));
	assert_non_null(strstr(text, "--pool &#39;a&lt;b&#39;"));
}

static void html_is_whole(NO_STATE)
{
	static const char *const elements[] = {"table", "thead", "tbody", "tr", "details",
		"summary", "section", "svg", "figure", "pre", "script", "style", "header", "main",
		"ul", "dl", "p"};
	const char *text = page();

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		char open[ID_BYTES], plain[ID_BYTES], close[ID_BYTES];

		snprintf(open, sizeof(open), "<%s ", elements[i]);
		snprintf(plain, sizeof(plain), "<%s>", elements[i]);
		snprintf(close, sizeof(close), "</%s>", elements[i]);
		if (printed_count(text, open) + printed_count(text, plain) !=
			printed_count(text, close))
			fail_msg("<%s> is not closed as often as it is opened", elements[i]);
	}
	assert_int_equal(printed_count(text, "<svg"),
		printed_count(text, "<svg role=\"img\" aria-label=\""));
	assert_non_null(strstr(text, "lang=\"en\""));
	assert_non_null(strstr(text, "<td class=\"words\"><b>rseq_mag</b></td>"));
	assert_null(strstr(text, ">nan"));
	assert_null(strstr(text, "nan<"));
	assert_null(strstr(text, ">inf"));
}

static void html_without_gnuplot_has_tables_only(NO_STATE)
{
	char *path = strdup(getenv("PATH") == NULL ? "" : getenv("PATH"));
	char *text;

	assert_non_null(path);
	setenv("PATH", "/nonexistent", 1);
	text = printed(analysis, report_html);
	setenv("PATH", path, 1);
	free(path);
	assert_null(strstr(text, "<svg"));
	assert_non_null(strstr(text, "gnuplot was not found"));
	assert_non_null(strstr(text, "The same as a table"));
	free(text);
}

/* A line a group of cells, and the same as a table; where there is none, the word why. */
static void bursts_and_sizes_are_shown(NO_STATE)
{
	static const char none[] = "No workload was measured with more than one burst or size";
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *several = NULL;
	char path[PATH_BYTES], why[WHY_BYTES], *text;

	assert_non_null(strstr(page(), none));
	wanted.first = 3;
	wanted.cells = 3;
	wanted.forks = wanted.blocks = 2;
	snprintf(path, sizeof(path), "%s/bursts.db", directory);
	synthetic_store_write(path, &wanted);
	synthetic_store_execute(path,
		"DELETE FROM latency; DELETE FROM timed; DELETE FROM load;"
		"UPDATE cell SET threads = 2, oversubscribed = 0;"
		"UPDATE cell SET burst = 64, label = 'burst 64, 2 threads' WHERE cell_id = 4;"
		"UPDATE cell SET object_bytes = 64, label = 'burst 32, 2 threads, 64 B' WHERE "
		"cell_id = 6");
	if (analysis_read(path, NULL, &several, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	text = printed(several, report_html);
	analysis_free(several);
	assert_null(strstr(text, none));
	assert_non_null(strstr(text, "<h3>burst, 2 threads, by burst</h3>"));
	assert_non_null(
		strstr(text, "<th scope=\"col\">32 a call</th>\n<th scope=\"col\">64 a call</th>"));
	assert_non_null(strstr(text, "<h3>burst 32, 2 threads, by bytes an object</h3>"));
	assert_non_null(strstr(
		text, "<th scope=\"col\">64&nbsp;B</th>\n<th scope=\"col\">256&nbsp;B</th>"));
	assert_non_null(
		strstr(text, "No workload was measured with more than one number of threads"));
	assert_int_equal(printed_count(text, "aria-label=\"Time a unit against"), 2);
	free(text);
}

static void expect_contrast(uint32_t a, uint32_t b, const char *what)
{
	const double contrast = printed_contrast(a, b);

	if (contrast < 4.5)
		fail_msg("%s: #%06x on #%06x has a contrast of %.2f", what, a, b, contrast);
}

static uint32_t css_colour(const char *css, const char *name)
{
	const char *at = strstr(css, name);

	assert_non_null(at);
	at += strlen(name);
	assert_int_equal(*at, '#');
	return (uint32_t)strtoul(at + 1, NULL, 16);
}

static void contrast_is_enough(NO_STATE)
{
	static const char *const text[] = {"--ink: ", "--soft: ", "--mark: ", "--bad: "};
	const char *schemes[] = {page_css, strstr(page_css, "prefers-color-scheme: dark")};

	for (int i = 0; i < PALETTE_SHADES; i++) {
		expect_contrast(palette[i].light_text, palette[i].light, "light shade");
		expect_contrast(palette[i].dark_text, palette[i].dark, "dark shade");
		if (i > 0) {
			/* More ink for more time, also in grey. */
			assert_true(printed_luminance(palette[i].light) <
				    printed_luminance(palette[i - 1].light));
			assert_true(printed_luminance(palette[i].dark) >
				    printed_luminance(palette[i - 1].dark));
		}
	}
	for (int s = 0; s < 2; s++) {
		assert_non_null(schemes[s]);
		for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
			expect_contrast(css_colour(schemes[s], text[i]),
				css_colour(schemes[s], "--ground: "), text[i]);
			expect_contrast(css_colour(schemes[s], text[i]),
				css_colour(schemes[s], "--wash: "), text[i]);
		}
	}
}

static void markdown_tables_are_regular(NO_STATE)
{
	char *text = printed(analysis, report_markdown);
	size_t columns = 0, rows = 0;

	for (char *line = text, *end; *line != '\0'; line = end + 1) {
		size_t pipes = 0;

		end = strchr(line, '\n');
		assert_non_null(end);
		for (const char *p = line; p < end; p++)
			pipes += *p == '|' && (p == line || p[-1] != '\\') ? 1 : 0;
		if (*line != '|') {
			columns = 0;
			continue;
		}
		if (columns == 0)
			columns = pipes;
		assert_int_equal(pipes, columns);
		rows++;
	}
	assert_true(rows >= 10);
	assert_true(printed_count(text, "\n") < 60);
	assert_null(strstr(text, "<script>"));
	assert_non_null(strstr(text, "&lt;script&gt;"));
	assert_non_null(strstr(text, "crashed"));
	free(text);
}

/* Every row has as many fields as the first, none of them a number that is none. Rows but it. */
static size_t rows_of_csv(const char *text)
{
	size_t fields = 1, want = 0, rows = 0;
	bool quoted = false;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == ',' && !quoted)
			fields++;
		else if (*p == '\n' && !quoted) {
			assert_int_equal(p[-1], '\r');
			want = rows == 0 ? fields : want;
			assert_int_equal(fields, want);
			fields = 1;
			rows++;
		}
	}
	assert_false(quoted);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, ",inf"));
	return rows - 1;
}

static void csv_rows_have_all_fields(NO_STATE)
{
	char *text = printed(analysis, report_csv);

	assert_int_equal(rows_of_csv(text), analysis->cell_count * analysis->subject_count);
	assert_ptr_equal(strstr(text, "cell,workload,threads,"), text);
	assert_non_null(strstr(text, ",reason,command,contest,name,progress,"));
	assert_non_null(strstr(text, ",call_p99_ns,call_p99_low,call_p99_high,"));
	free(text);
}

/* The row of a strategy in the page's latency of the first cell. */
static const char *latency_row(const char *text, const char *label)
{
	char head[ID_BYTES];
	const char *row = strstr(text, "<details id=\"latency-1\">");

	assert_non_null(row);
	snprintf(head, sizeof(head), "<th scope=\"row\">%s</th>", label);
	row = strstr(row, head);
	assert_non_null(row);
	return row;
}

/* 900,000 calls, of which 90 lie beyond p99.99: every mark stands where it must, and only there. */
static void latency_is_shown_with_its_marks(void **state)
{
	const char *fast = latency_row(page(), "mag_tls"), *slow = latency_row(page(), "mutex");

	(void)state;
	assert_ptr_equal(strstr(fast, "<td class=\"below\">25.5<small>"), strstr(fast, "<td"));
	assert_true(strstr(fast, "<td>–</td>") < strstr(fast, "</tr>"));
	assert_true(strstr(slow, "<td>–</td>") < strstr(slow, "</tr>"));
	/* Its p99.9 is among the waits. */
	assert_true(printed_count(slow, "<td class=\"below\">") > 0);
	assert_true(strstr(slow, "<td class=\"below\">") < strstr(slow, "</tr>"));
	assert_int_equal(printed_count(page(), "<details id=\"latency-"), analysis->cell_count);
	assert_int_equal(printed_count(page(), "<br>best thread</th>"), analysis->cell_count);
	assert_non_null(strstr(page(), "aria-label=\"Percentiles of the calls of pair, 1 thread"));
	assert_non_null(strstr(page(), "fast: served by what is at hand"));
	assert_non_null(strstr(page(), "all: any: its paths are its own"));
}

/* Cells in which one thread gets and another puts have a table more, in every form. */
static void hand_overs_are_shown(void **state)
{
	struct synthetic_store all_cells = synthetic_store_default();
	char *text, made[PATH_BYTES], file[2 * PATH_BYTES];
	char small[PATH_BYTES];
	size_t lanes = 0;

	(void)state;
	for (size_t c = 0; c < analysis->cell_count; c++)
		lanes += analysis->cells[c].lane_threads > 1;
	assert_true(lanes > 0 && lanes < analysis->cell_count);
	assert_int_equal(printed_count(page(), "<span class=\"soft\">Hand-over</span>"), lanes);
	assert_null(strstr(page(), "No ages"));
	text = printed(analysis, report_csv);
	assert_non_null(strstr(text, ",gets_count,gets_mean_ns,gets_p50_ns,"));
	assert_non_null(strstr(text, ",age_p99.99_ns,age_longest_ns,gets_none_share,"));
	free(text);
	all_cells.forks = 1;
	all_cells.blocks = 1;
	snprintf(small, sizeof(small), "%s/all.db", directory);
	synthetic_store_write(small, &all_cells);
	snprintf(made, sizeof(made), "%s/hdr-parts", directory);
	captured_expect(&command_report, 0, "/hdr-parts/all-pair", "--format=hdr", "--plain", "-o",
		made, small, NULL);
	for (size_t c = 0; c < analysis->cell_count; c++) {
		const bool pair = strcmp(analysis->cells[c].label, "pair, 1 thread") == 0;

		if (!pair && strcmp(analysis->cells[c].workload, "wfp_inject") != 0)
			continue;
		snprintf(file, sizeof(file), "%s/all-%s-malloc-age.hgrm", made,
			pair ? "pair-1-thread" : "wfp_inject-2-threads");
		if (exists(file) == pair)
			fail_msg("%s: %s", file, pair ? "is there" : "is missing");
	}
}

/* The row of a strategy in the page's response times of the first cell, as far as it goes. */
static char *response_row(const char *text, const char *label)
{
	char head[ID_BYTES];
	const char *row = strstr(text, "<details id=\"load-1\">");

	assert_non_null(row);
	snprintf(head, sizeof(head), "<th scope=\"row\">%s</th>", label);
	row = strstr(row, head);
	assert_non_null(row);
	return strndup(row, (size_t)(strstr(row, "</tr>") - row));
}

/* What is not kept is marked, and what is kept is not. */
static void response_times_are_shown_with_their_marks(NO_STATE)
{
	char *kept = response_row(page(), "ticket"), *unkept = response_row(page(), "mutex");

	assert_int_equal(printed_count(kept, "<td"), 2 + 3 * 5 + 1);
	assert_int_equal(printed_count(kept, "class=\"bad\""), 0);
	assert_non_null(strstr(kept, "<td data-value=\"80\">80</td>"));
	assert_non_null(strstr(kept, ">late: 90, 95 %</td>"));
	assert_int_equal(printed_count(unkept, "<td"), printed_count(kept, "<td"));
	assert_int_equal(printed_count(unkept, "class=\"bad\""), 3);
	assert_non_null(strstr(unkept, ">not kept: 95 %; late: 90 %</td>"));
	free(kept);
	free(unkept);
	assert_int_equal(printed_count(page(), "<details id=\"load-"), analysis->cell_count);
	assert_non_null(strstr(page(), "aria-label=\"Response times of pair, 1 thread against"));
}

/* One row a load, for what was measured: 21 of 24 rows with one thread, 20 or less with more. */
static void loads_have_a_table_of_their_own(NO_STATE)
{
	char *text = printed(analysis, report_csv_loads);
	size_t rows = 0;

	for (size_t c = 0; c < analysis->cell_count; c++) {
		for (size_t i = 0; i < analysis->subject_count; i++)
			rows += analysis_response(analysis, c, i) != NULL ? 5 : 0;
	}
	assert_true(rows > 700);
	assert_int_equal(rows_of_csv(text), rows);
	assert_int_equal(
		printed_count(text, ",\"mutex\",contestant,\"poisson\",95,"), analysis->cell_count);
	assert_non_null(strstr(text, "\"pair, 1 thread\",\"pair\",1,\"malloc\",contestant,"
				     "\"poisson\",50,1e+08,5e+07,5e+07,1,0,150000,"));
	assert_non_null(strstr(text, "\"pair, 1 thread\",\"pair\",1,\"mutex\",contestant,"
				     "\"poisson\",95,5.29412e+07,5.02941e+07,4.52647e+07,0,"));
	free(text);
}

static void print_wide_table(const struct analysis *a, FILE *out)
{
	enum { WIDE = 500 };

	table_print(a, out, WIDE, false);
}

/* A machine that changed is told of, and its rows are marked, wherever they are printed. */
static void a_machine_that_changed_is_shown(void **state)
{
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *before = analysis;
	char path[PATH_BYTES], why[WHY_BYTES], *text;

	(void)state;
	wanted.cells = 2;
	wanted.forks = 6;
	wanted.blocks = 8;
	for (int slow = 0; slow < 2; slow++) {
		const char *const says = slow ? "The machine changed: 1 event, in 3 of 96 blocks."
					      : "The machine did not change";

		wanted.slow_factor = slow ? 1.5 : 0;
		snprintf(path, sizeof(path), "%s/slow.db", directory);
		synthetic_store_write(path, &wanted);
		if (analysis_read(path, NULL, &analysis, why, sizeof(why)) != 0)
			fail_msg("%s", why);
		text = printed(analysis, report_html);
		assert_non_null(strstr(text, says));
		assert_int_equal(strstr(text, "!: disturbed") != NULL, slow);
		assert_int_equal(strstr(text, "!</sup>") != NULL, slow);
		assert_int_equal(strstr(text, "the machine changed</span>") != NULL, slow);
		free(text);
		text = printed(analysis, report_markdown);
		assert_non_null(strstr(text, says));
		free(text);
		text = printed(analysis, print_wide_table);
		assert_non_null(strstr(text, says));
		assert_int_equal(strstr(text, "!: disturbed") != NULL, slow);
		assert_int_equal(strstr(text, "1.00 a! ") != NULL, slow);
		free(text);
		analysis_free(analysis);
	}
	analysis = before;
}

static void without_latency_there_is_none(void **state)
{
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *with = analysis;
	char old[PATH_BYTES], why[WHY_BYTES], *text;

	(void)state;
	wanted.cells = 1;
	wanted.forks = 1;
	wanted.blocks = 1;
	wanted.schema = STORE_SCHEMA_OLDEST;
	snprintf(old, sizeof(old), "%s/old.db", directory);
	synthetic_store_write(old, &wanted);
	if (analysis_read(old, NULL, &analysis, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	text = printed(analysis, report_html);
	assert_non_null(strstr(text, "no call was timed"));
	assert_null(strstr(text, "id=\"latency-1\""));
	assert_null(strstr(text, "Response time"));
	assert_null(strstr(text, "#load"));
	free(text);
	text = printed(analysis, report_markdown);
	assert_null(strstr(text, "Latency"));
	assert_null(strstr(text, "Response time"));
	free(text);
	csv_rows_have_all_fields(state);
	analysis_free(analysis);
	analysis = with;
	captured_expect(&command_report, 0, "/old.csv", "--format=csv", "--plain", "-o", directory,
		old, NULL);
	snprintf(old, sizeof(old), "%s/old-load.csv", directory);
	assert_false(exists(old));
	snprintf(old, sizeof(old), "%s/old.db", directory);
	captured_expect(&command_report, 1, "has no latency for hdr", "--format=hdr", "-o",
		directory, old, NULL);
	captured_expect(&command_report, 1, "has no latency for speedscope", "--format=speedscope",
		"-o", directory, old, NULL);
}

/* The text adds up: shares ascend to 1, and the last line but the comments is the longest call. */
static void hdr_text_is_what_its_plotters_read(void **state)
{
	char made[PATH_BYTES], file[2 * PATH_BYTES], line[WHY_BYTES];
	double value = 0, share = 0, last_value = 0, last_share = 0, inverse;
	unsigned long long calls = 0, last_calls = 0;
	FILE *in;

	(void)state;
	snprintf(made, sizeof(made), "%s/hdr", directory);
	captured_expect(&command_report, 0, "/hdr/one-pair-1-thread-mag_tls-twin.hgrm",
		"--format=hdr", "--plain", "-o", made, store, NULL);
	snprintf(file, sizeof(file), "%s/one-pair-1-thread-malloc.hgrm", made);
	in = fopen(file, "r");
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	assert_non_null(strstr(line, "Percentile TotalCount 1/(1-Percentile)"));
	assert_non_null(fgets(line, sizeof(line), in));
	while (fgets(line, sizeof(line), in) != NULL && line[0] != '#') {
		const int n = sscanf(line, "%lf %lf %llu %lf", &value, &share, &calls, &inverse);

		assert_true(value > last_value && share > last_share && calls > last_calls);
		assert_int_equal(n, share < 1 ? 4 : 3);
		if (n == 4)
			assert_true(fabs(inverse * (1 - share) - 1) < 0.01);
		last_value = value;
		last_share = share;
		last_calls = calls;
	}
	assert_true(share == 1 && calls > 100000);
	assert_non_null(strstr(line, "#[Mean    ="));
	assert_non_null(fgets(line, sizeof(line), in));
	assert_int_equal(
		sscanf(line, "#[Max     = %lf, Total count    = %llu]", &last_value, &last_calls),
		2);
	assert_true(fabs(last_value - value) < 0.01);
	assert_int_equal(last_calls, calls);
	fclose(in);
}

static json_t *profile_of(size_t cell, const char *label)
{
	char *text = NULL;
	size_t subject = 0, bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	json_t *file;

	while (strcmp(analysis->subjects[subject].label, label) != 0)
		subject++;
	assert_non_null(out);
	report_speedscope(analysis, cell, subject, 0, out);
	fclose(out);
	file = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(file);
	free(text);
	return file;
}

/* The weight of the sample whose stack has these names; fails if there is none. */
static double weight_of(const json_t *file, const char *side, const char *path)
{
	const json_t *frames = json_object_get(json_object_get(file, "shared"), "frames");
	const json_t *profile = json_array_get(json_object_get(file, "profiles"), 0);
	const json_t *weights = json_object_get(profile, "weights"), *sample;
	size_t i;

	json_array_foreach(json_object_get(profile, "samples"), i, sample)
	{
		const char *names[3];

		for (size_t k = 0; k < 3; k++) {
			const json_int_t at = json_integer_value(json_array_get(sample, k));

			names[k] = json_string_value(
				json_object_get(json_array_get(frames, (size_t)at), "name"));
			assert_non_null(names[k]);
		}
		if (strcmp(names[1], side) == 0 && strcmp(names[2], path) == 0)
			return json_real_value(json_array_get(weights, i));
	}
	fail_msg("no sample of %s, %s", side, path);
	return 0;
}

/* A profile's width is a unit's time of each side; of its paths, what the model has them take. */
static void profiles_are_as_wide_as_a_unit(NO_STATE)
{
	json_t *file = profile_of(7, "mutex"), *weight;
	const json_t *profile = json_array_get(json_object_get(file, "profiles"), 0);
	double sum = 0, end = 0;
	char *unit, *type;
	size_t i;

	assert_int_equal(json_unpack((json_t *)(uintptr_t)profile, "{s:s, s:s, s:F}", "type", &type,
				 "unit", &unit, "endValue", &end),
		0);
	assert_string_equal(type, "sampled");
	assert_string_equal(unit, "nanoseconds");
	json_array_foreach(json_object_get(profile, "weights"), i, weight) sum +=
		json_real_value(weight);
	assert_int_equal(i, json_array_size(json_object_get(profile, "samples")));
	assert_true(fabs(sum - end) < 1e-6 * end);
	/* Two sides, and 80 ns a get and a put, of which a packet has two and a half. */
	assert_true(fabs(end / (2 * 2.5 * 80) - 1) < 0.15);
	assert_true(weight_of(file, "begins the work", "wait") > 2);
	assert_true(fabs(weight_of(file, "completes it", "fast") / 200 - 1) < 0.05);
	assert_true(weight_of(file, "completes it", "between calls") < 40);
	json_decref(file);
	/* One call of 32 objects in four is a refill, which takes eight times a fast one; half are fast. */
	file = profile_of(3, "mag_tls");
	assert_true(fabs(weight_of(file, "does all of it", "refill") /
				    weight_of(file, "does all of it", "fast") -
			    8 * 0.25 / 0.5) < 0.2);
	json_decref(file);
}

/* What scarce objects and the hardware's counters come to, on the page and in the CSV, where there is any. */
static void what_few_tell_is_told(NO_STATE)
{
	struct analysis *const whole = analysis;
	struct synthetic_store wanted = synthetic_store_default();
	char path[PATH_BYTES], why[WHY_BYTES], *text;

	assert_int_equal(printed_count(page(), "Stranded"), 0);
	assert_int_equal(printed_count(page(), "Cycles<br>a unit"), 0);
	text = printed(analysis, report_csv);
	assert_int_equal(printed_count(text, ",gets_none_share,"), 1);
	assert_int_equal(printed_count(text, ",cycles_per_unit,"), 0);
	free(text);

	snprintf(path, sizeof(path), "%s/few_tell.db", directory);
	wanted.cells = 1;
	synthetic_store_write(path, &wanted);
	/* A fifth of the gets found none, four in a row, half by one thread; a tenth was free, once a half. */
	synthetic_store_execute(path,
		"UPDATE memory SET capacity = 1000; UPDATE slice SET units = 4000;"
		"INSERT INTO scarcity SELECT block_id, subject_id, 1000, 500, 250, 100000, 500"
		" FROM slice JOIN subject USING (subject_id) WHERE label = 'mutex';"
		"INSERT INTO counted SELECT block_id, subject_id, 12000, 48000, 1000 FROM slice"
		" JOIN subject USING (subject_id) WHERE label = 'ticket'");
	if (analysis_read(path, NULL, &analysis, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	text = printed(analysis, report_html);
	assert_int_equal(printed_count(text, "Stranded,<br>% of the pool"), 1);
	assert_non_null(strstr(text, "<td>20.0</td><td>4.00</td><td>50.0</td><td>10.0</td>"
				     "<td>50.0</td>"));
	assert_int_equal(printed_count(text, "Cycles<br>a unit"), 1);
	assert_non_null(strstr(text, "<th scope=\"row\">ticket</th><td>3.00</td><td>12.0</td>"
				     "<td>0.250</td>"));
	free(text);
	text = printed(analysis, report_csv);
	assert_non_null(strstr(text, ",cycles_per_unit,instructions_per_unit,cache_misses_per_unit"
				     "\r\n"));
	assert_non_null(strstr(text, ",0.2,4,0.5,0.1,0.5,,,\r\n"));
	assert_non_null(strstr(text, ",,,,,,3,12,0.25\r\n"));
	free(text);
	analysis_free(analysis);
	analysis = whole;
}

/* At which frequency the CPUs ran, where it is visible, stands with what the machine did. */
static void the_frequency_is_told(NO_STATE)
{
	static const struct {
		const char *sql, *says;
	} cases[] = {
		{"UPDATE block SET khz = NULL", " At which frequency the CPUs ran is not visible."},
		{"UPDATE block SET khz = 2000000, khz_end = 3000000;"
		 "UPDATE block SET khz = NULL, khz_end = 3500000 WHERE block_id = 1",
			" The first CPU ran at 3.00 GHz in the median, 2.00 to 3.50."},
	};
	struct synthetic_store wanted = synthetic_store_default();
	char path[PATH_BYTES], why[WHY_BYTES], text[ANALYSIS_SENTENCE_BYTES];

	snprintf(path, sizeof(path), "%s/frequency.db", directory);
	wanted.cells = 1;
	for (int schema = 6; schema <= 7; schema++) {
		for (size_t i = 0; i < (schema == 6 ? 1 : array_count(cases)); i++) {
			struct analysis *a = NULL;

			wanted.schema = schema;
			synthetic_store_write(path, &wanted);
			if (schema > 6)
				synthetic_store_execute(path, cases[i].sql);
			if (analysis_read(path, NULL, &a, why, sizeof(why)) != 0)
				fail_msg("%s", why);
			analysis_changes(a, text);
			/* A store from before it was asked says nothing. */
			assert_int_equal(strstr(text, cases[i].says) != NULL, schema > 6);
			analysis_free(a);
		}
	}
}

/* False empties have their own name in every format, and a number only where they are counted. */
static void false_empties_are_told(NO_STATE)
{
	struct analysis *const whole = analysis;
	char sentence[ANALYSIS_SENTENCE_BYTES], why[WHY_BYTES];

	analysis_false_empties(whole, sentence);
	assert_string_equal(sentence, "");
	assert_int_equal(printed_count(page(), "False<br>empties"), 0);
	char *text = printed(analysis, report_csv);
	assert_int_equal(printed_count(text, ",failed_gets,false_empties,"), 1);
	free(text);

	synthetic_store_execute(store, "UPDATE cell SET capped = 1");
	assert_int_equal(analysis_read(store, NULL, &analysis, why, sizeof(why)), 0);
	analysis_false_empties(analysis, sentence);
	assert_string_equal(
		sentence, "False empties: none. Every get found an object while some were free.");
	analysis_free(analysis);

	/* 6 forks of 4 blocks; malloc has no capacity, so what failed there is none. */
	synthetic_store_execute(store,
		"UPDATE slice SET failed = 5 WHERE subject_id IN (SELECT subject_id FROM "
		"subject WHERE label IN ('vyukov', 'malloc'))");
	assert_int_equal(analysis_read(store, NULL, &analysis, why, sizeof(why)), 0);
	analysis_false_empties(analysis, sentence);
	const char want[] = "False empties, gets that found nothing while objects were free: "
			    "vyukov 120 in 1 of 1 cell; none by ";
	assert_memory_equal(sentence, want, strlen(want));
	text = printed(analysis, report_html);
	assert_non_null(strstr(text, sentence));
	assert_int_equal(printed_count(text, "False<br>empties"), 1);
	assert_int_equal(printed_count(text, "Failed<br>gets"), 0);
	free(text);
	text = printed(analysis, report_markdown);
	assert_non_null(strstr(text, "vyukov 120 in 1 of 1 cell"));
	free(text);
	text = printed(analysis, report_csv);
	assert_int_equal(printed_count(text, ",120,120,"), 1); /* vyukov */
	assert_int_equal(printed_count(text, ",120,,"), 1);    /* malloc */
	free(text);
	analysis_free(analysis);
	analysis = whole;
	synthetic_store_execute(store, "UPDATE cell SET capped = 0; UPDATE slice SET failed = 0");
}

static void gbench_json_has_what_importers_read(NO_STATE)
{
	static const char *const context_keys[] = {"date", "host_name", "executable", "num_cpus",
		"mhz_per_cpu", "cpu_scaling_enabled", "caches", "load_avg", "library_build_type"};
	static const char *const run_keys[] = {"name", "family_index", "per_family_instance_index",
		"run_name", "run_type", "repetitions", "repetition_index", "threads"};
	static const char *const time_keys[] = {
		"iterations", "real_time", "cpu_time", "time_unit", "nbl_units_per_s"};
	char *text = printed(analysis, report_gbench);
	json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t *runs = json_object_get(all, "benchmarks"), *run;
	size_t i, errors = 0;

	assert_non_null(all);
	for (i = 0; i < sizeof(context_keys) / sizeof(context_keys[0]); i++)
		assert_non_null(json_object_get(json_object_get(all, "context"), context_keys[i]));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(all, "context"), "num_cpus")),
		2);
	assert_true(json_array_size(runs) > 100);
	json_array_foreach(runs, i, run)
	{
		const bool failed = json_is_true(json_object_get(run, "error_occurred"));

		for (size_t k = 0; k < sizeof(run_keys) / sizeof(run_keys[0]); k++)
			assert_non_null(json_object_get(run, run_keys[k]));
		/* What failed has its times as well, of 0: importers look before they ask. */
		for (size_t k = 0; k < sizeof(time_keys) / sizeof(time_keys[0]) - failed; k++)
			assert_non_null(json_object_get(run, time_keys[k]));
		assert_true(failed == (json_number_value(json_object_get(run, "real_time")) == 0));
		errors += failed ? 1 : 0;
	}
	assert_true(errors >= 3);
	json_decref(all);
	free(text);
}

static void expect_table(unsigned width, bool colour)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	table_print(analysis, out, width, colour);
	fclose(out);
	assert_int_equal(strchr(text, '\033') != NULL, colour);
	for (const char *line = text; *line != '\0' && !colour; line += strcspn(line, "\n") + 1) {
		const size_t length = strcspn(line, "\n");

		if (length > width)
			fail_msg("a line of %zu columns where there are %u: %.*s", length, width,
				(int)length, line);
	}
	for (size_t i = 0; i < analysis->subject_count; i++)
		assert_non_null(strstr(text, analysis->subjects[i].label));
	assert_non_null(strstr(text, "ns a unit"));
	assert_non_null(strstr(text, "Which pool: rseq_mag, "));
	free(text);
}

static void table_fits_the_terminal(NO_STATE)
{
	expect_table(100, false);
	expect_table(60, false);
	expect_table(40, false);
	expect_table(200, false);
	expect_table(100, true);
}

/* Names say what was measured: the store's own, the revision, the processor, the day. */
static void report_command_writes_what_is_asked(NO_STATE)
{
	static const char *const ends[] = {".html", ".md", ".csv", "-load.csv", ".json",
		".gbench.json", ".bmf.json", ".junit.xml"};
	static const char source[] = "one-v0.1-7-gabc1234-example-9000-2026-01-01";
	char made[PATH_BYTES], file[2 * PATH_BYTES], copy[4 * PATH_BYTES];

	snprintf(made, sizeof(made), "%s/b c", directory);
	captured_expect(&command_report, 0, "/b c/one-v0.1-7-gabc1234-",
		"--format=csv,json,gbench,bmf,junit,md,html", "-o", made, store, NULL);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(file, sizeof(file), "%s/%s%s", made, source, ends[i]);
		if (!exists(file))
			fail_msg("%s: is missing", file);
	}
	captured_expect(&command_report, 0, "-pair-1-thread-malloc.speedscope.json",
		"--format=speedscope", "-o", made, store, NULL);
	/* Plain names; and stores of one name, which differ in what was measured or can't be told apart. */
	snprintf(made, sizeof(made), "%s/several", directory);
	captured_expect(&command_report, 0, "/several/two.html\n", "--plain", "-o", made, store,
		slower, NULL);
	snprintf(file, sizeof(file), "%s/one.md", made);
	assert_true(exists(file));
	snprintf(file, sizeof(file), "%s/one.db", made);
	snprintf(copy, sizeof(copy), "cp '%s' '%s'", store, file);
	free(printed_by(copy));
	captured_expect(&command_report, 1, "would have the names of another store's",
		"--format=md", "-o", made, store, file, NULL);
	synthetic_store_execute(file, "UPDATE plan SET source_revision = 'v9/<x> \"'");
	captured_expect(
		&command_report, 0, "/one-v9-x-", "--format=md", "-o", made, store, file, NULL);
	snprintf(copy, sizeof(copy), "cd '%s' && cp one.db a.db && cp one.db a-load.db", made);
	free(printed_by(copy));
	snprintf(file, sizeof(file), "%s/a-load.db", made);
	snprintf(copy, sizeof(copy), "%s/a.db", made);
	captured_expect(&command_report, 1, "would have the names of another store's", "--plain",
		"-o", made, file, copy, NULL);
}

/* A file a figure of the page, each named by what it shows, whatever that is called in the store. */
static void figures_are_files(NO_STATE)
{
	static const struct {
		const char *format, *magic;
	} media[] = {{"pdf", "%PDF-"}, {"png", "\x89PNG\r\n"}};
	static const char *const figures[] = {"matrix1-pools.", "scaling1-x-system-touch-",
		"tradeoff1-pools.", "memory.", "percentiles1-x-system-touch-",
		"paths1-x-system-touch-", "responses1-x-system-touch-", "machine."};
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *hostile = NULL;
	char made[PATH_BYTES], path[PATH_BYTES], line[4 * PATH_BYTES], why[WHY_BYTES], *text;

	wanted.cells = 2;
	wanted.forks = wanted.blocks = 2;
	snprintf(path, sizeof(path), "%s/hostile.db", directory);
	synthetic_store_write(path, &wanted);
	/* What would end a string of gnuplot, its line or a block of data, or name another folder. */
	synthetic_store_execute(path,
		"UPDATE cell SET label = 'x\"; system ''touch ../y''' || char(10) || 'EOD' || "
		"char(10) ||"
		" 'exit 1 # `exit 1`, ' || threads || ' threads';"
		"UPDATE subject SET label = 'x' || char(10) || 'EOD' || char(10) || 'exit 1 \\\"'"
		" WHERE label = 'mutex';"
		"DELETE FROM latency WHERE cell_id = 2; DELETE FROM timed WHERE cell_id = 2;"
		"DELETE FROM load WHERE cell_id = 2");
	if (analysis_read(path, NULL, &hostile, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	text = printed(hostile, report_html);
	analysis_free(hostile);
	assert_int_equal(printed_count(text, "<svg"), array_count(figures));
	free(text);
	for (size_t m = 0; m < array_count(media); m++) {
		snprintf(made, sizeof(made), "%s/%s", directory, media[m].format);
		assert_int_equal(captured_run(&command_report, &text, "--plain", "--format",
					 media[m].format, "-o", made, path, NULL),
			0);
		assert_int_equal(printed_count(text, "\n"), array_count(figures));
		for (size_t i = 0; i < array_count(figures); i++) {
			char file[2 * PATH_BYTES], *at;

			snprintf(file, sizeof(file), "%s/hostile-%s", made, figures[i]);
			at = strstr(text, file);
			if (at == NULL)
				fail_msg("%s: not in %s", file, text);
			snprintf(line, sizeof(line), "head -c %zu '%.*s'", strlen(media[m].magic),
				(int)strcspn(at, "\n"), at);
			at = printed_by(line);
			assert_string_equal(at, media[m].magic);
			free(at);
		}
		free(text);
	}
}

/* Each refusal says what is missing; the names are those of all documents. */
static void figures_are_refused_in_words(NO_STATE)
{
	struct synthetic_store wanted = synthetic_store_default();
	char *path = strdup(getenv("PATH") == NULL ? "" : getenv("PATH"));
	char empty[PATH_BYTES];

	assert_non_null(path);
	wanted.cells = wanted.forks = wanted.blocks = 1;
	snprintf(empty, sizeof(empty), "%s/empty.db", directory);
	synthetic_store_write(empty, &wanted);
	synthetic_store_execute(empty,
		"DELETE FROM slice; DELETE FROM memory; DELETE FROM latency; DELETE FROM timed;"
		"DELETE FROM load");
	captured_expect(&command_report, 0,
		"/empty-v0.1-7-gabc1234-example-9000-2026-01-01-machine.pdf\n", "--format=pdf",
		"-o", directory, empty, NULL);
	synthetic_store_execute(empty, "DELETE FROM block");
	captured_expect(&command_report, 1, "has no figures: nothing in it was measured",
		"--format=png", "-o", directory, empty, NULL);
	setenv("PATH", "/nonexistent", 1);
	captured_expect(&command_report, 1, "Figures need gnuplot with its terminal pdfcairo",
		"--format=pdf", "-o", directory, store, NULL);
	setenv("PATH", path, 1);
	free(path);
	captured_expect(&command_report, 2, "html and md, and not pdf", "--history", "--format=pdf",
		store, slower, NULL);
}

static void report_command_refuses_in_words(NO_STATE)
{
	char file[2 * PATH_BYTES], text[WHY_BYTES];

	captured_expect(
		&command_report, 2, "there is no format 'pfd'", "--format", "pfd", store, NULL);
	captured_expect(&command_report, 2, "needs STORE", NULL);
	captured_expect(&command_report, 2, "no option '--formt'", "--formt", "md", store, NULL);
	captured_expect(
		&command_report, 1, "There is no store '/nonexistent.db'", "/nonexistent.db", NULL);
	captured_expect(&command_report, 1, "no subject 'x'", "--baseline=x", store, NULL);
	captured_expect(&command_report, 0, "Usage: nblbench report", "--help", NULL);

	/* A file stands where the directory should be. */
	snprintf(file, sizeof(file), "%s/sub", store);
	captured_expect(&command_report, 1, "can't be made", "-o", file, store, NULL);
	assert_int_equal(report_write(store, file, text, sizeof(text)), -1);
	assert_non_null(strstr(text, file));
}

/* The text of a file in the tests' folder. */
static char *text_of(const char *name)
{
	char line[2 * PATH_BYTES];

	snprintf(line, sizeof(line), "cat '%s'/%s", directory, name);
	return printed_by(line);
}

/* What stress found stands in each document, from the file beside the store or the one that is named. */
static void verification_is_shown(NO_STATE)
{
	char file[2 * PATH_BYTES], made[PATH_BYTES], line[4 * PATH_BYTES];

	snprintf(made, sizeof(made), "%s/trusted", directory);
	snprintf(line, sizeof(line), "mkdir '%s' && cp '%s' '%s'", made, store, made);
	free(printed_by(line));
	snprintf(file, sizeof(file), "%s/one.db", made);
	captured_expect(&command_report, 0, "one.html", "--plain", "-o", made, file, NULL);

	char *text = text_of("trusted/one.html");

	assert_non_null(strstr(text, "Nothing is known here"));
	free(text);
	snprintf(line, sizeof(line),
		"echo '{\"format\": \"nblbench-trust\", \"version\": 1, \"revision\": \"<v>\", "
		"\"ended\": \"2026-01-31T14:05:00Z\", \"whole\": true, \"strategies\": [{\"name\": "
		"\"mutex\", \"verdict\": \"failed\", \"operations\": 0, \"paths_not_taken\": [], "
		"\"runs\": [{\"layer\": \"native\", \"scenario\": \"churn\", \"verdict\": "
		"\"failed\", \"sentence\": \"lost <b>\"}]}]}' > '%s/trust.json'",
		made);
	free(printed_by(line));
	captured_expect(&command_report, 0, "one.html", "--plain", "-o", made, file, NULL);
	text = text_of("trusted/one.html");
	assert_non_null(strstr(text, "Tried by stress at &lt;v&gt; (2026-01-31)"));
	assert_non_null(strstr(text, "churn: lost &lt;b&gt;"));
	assert_non_null(strstr(text, "<td class=\"words short bad\">failed</td>"));
	assert_non_null(strstr(text, "<td class=\"words short\">not verified</td>"));
	free(text);
	text = text_of("trusted/one.md");
	assert_non_null(strstr(text, "; not verified: "));
	assert_non_null(strstr(text, " failed: mutex;"));
	free(text);
	captured_expect(
		&command_report, 1, "can't be read", "--trust", "/nonexistent.json", store, NULL);
	snprintf(line, sizeof(line), "echo '{}' > '%s/trust.json'", made);
	free(printed_by(line));
	captured_expect(&command_report, 1, "is not what this version's", "-o", made, file, NULL);
}

/*
 * Three stores of one machine, the second slower, and one of another, told in another order than that
 * of their dates.
 */
static void a_history_follows_the_dates(NO_STATE)
{
	static const char *const revisions[] = {"v1", "v2", "v3", "v4"};
	char path[4][PATH_BYTES], sql[3 * PATH_BYTES];

	for (int i = 0; i < 4; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/past%d.db", directory, i);
		snprintf(sql, sizeof(sql), "cp '%s' '%s'", i == 1 ? slower : store, path[i]);
		free(printed_by(sql));
		snprintf(sql, sizeof(sql),
			"UPDATE machine SET started_ns = %d000000000; UPDATE plan SET "
			"source_revision = '%s'",
			i + 1, revisions[i]);
		synthetic_store_execute(path[i], sql);
	}
	synthetic_store_execute(path[3], "UPDATE machine SET hash = 'another'");
	synthetic_store_execute(path[2],
		"DELETE FROM slice WHERE "
		"subject_id = (SELECT subject_id FROM subject WHERE label = 'malloc')");
	captured_expect(&command_report, 0, "/history.html\n", "--history", "--plain", "-o",
		directory, path[2], path[3], path[0], path[1], NULL);

	char *text = text_of("history.md");
	const char *first = strstr(text, "| 1 | v1 |"), *second = strstr(text, "| 2 | v2 |"),
		   *third = strstr(text, "| 3 | v3 |"), *apart = strstr(text, "| 1 | v4 |");
	const char *row = strstr(text, "\n| mag_tls | ");

	assert_true(first != NULL && first < second && second < third);
	assert_non_null(apart);
	assert_non_null(strstr(text, "4 stores of 2 machines"));
	assert_non_null(row);
	assert_true(strstr(row, " **slower** | ") < strstr(row, " **faster** |\n"));
	assert_true(strstr(row, " **faster** |\n") < strchr(row + 1, '\n'));
	row = strstr(text, "\n| malloc | ");
	assert_non_null(row);
	assert_memory_equal(strchr(row + 1, '\n') - 4, " - |", 4);
	assert_null(strstr(text, "(twin)"));
	free(text);
	text = text_of("history.html");
	assert_int_equal(printed_count(text, "<h2>"), 2);
	assert_non_null(strstr(text, "<b>slower</b>"));
	assert_non_null(strstr(text, "<td class=\"words\">slower</td>"));
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "<script>"));
	assert_string_equal(text + strlen(text) - strlen("</html>\n"), "</html>\n");
	free(text);
	captured_expect(&command_report, 1, "no cell stands in two stores of one machine",
		"--history", path[0], path[3], NULL);
	captured_expect(&command_report, 2, "--history has the formats html and md, and not csv",
		"--history", "--format=md,csv", path[0], path[1], NULL);
	captured_expect(&command_report, 2, "no use for --baseline: leave it out", "--history",
		"--baseline=malloc", path[0], path[1], NULL);
	captured_expect(&command_report, 1, "There is no store", "--history", path[0],
		"/nonexistent.db", NULL);
}

static void a_report_is_replaced_whole_or_not_at_all(NO_STATE)
{
	char file[2 * PATH_BYTES], made[PATH_BYTES], why[WHY_BYTES];
	struct stat before, after;

	snprintf(made, sizeof(made), "%s/sweep", directory);
	snprintf(file, sizeof(file), "%s/report.html", made);
	if (report_write(store, made, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_int_equal(stat(file, &before), 0);
	assert_int_equal(report_write("/nonexistent.db", made, why, sizeof(why)), -1);
	assert_int_equal(stat(file, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(report_print_table("/nonexistent.db", stdout, false), -1);
}

static void compare_lists_differences_first(NO_STATE)
{
	char *output = NULL;

	assert_int_equal(captured_run(&command_compare, &output, store, slower, NULL), 0);

	const char *steady =
		strstr(output, "two.db: source v0.1-7-gabc1234, 6 forks a cell; at its");
	const char *differences = strstr(output, "compiler: gcc 12.2.0 -O3 -g | gcc 14.1.0 -O3 -g");
	const char *row = strstr(output, "  mag_tls ");

	assert_non_null(steady);
	assert_non_null(differences);
	assert_true(steady < differences);
	assert_non_null(row);
	assert_true(differences < row);
	/* 20 % slower is 0.83 of the speed. */
	assert_non_null(strstr(row, "0.83"));
	assert_non_null(strstr(row, "slower"));
	assert_null(strstr(output, "(twin)"));
	free(output);
}

/* A whole document each, which says of a row how far it is from the other and whether that is significant. */
static void compare_writes_documents(NO_STATE)
{
	static const struct {
		const char *format, *row, *changed, *end;
	} documents[] = {{"md", "| pair, 1 thread | mag_tls | ",
				 " | **yes** | slower, **fails** |\n", "|\n"},
		{"html", "<th scope=\"row\">mag_tls</th>", "<td class=\"words\"><b>yes</b></td>",
			"</html>\n"},
		{"junit", "<testcase classname=\"pair, 1 thread\" name=\"mag_tls\">",
			"<failure type=\"regression\" message=\"B&#39;s speed is 0.8",
			"</testsuites>\n"},
		{"text", "  mag_tls ", "slower  <- fails", ": 2 rows.\n"}};
	char file[2 * PATH_BYTES], line[4 * PATH_BYTES];

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		snprintf(file, sizeof(file), "%s/compared.%s", directory, documents[i].format);
		captured_expect(&command_compare, 4, file, "-f", documents[i].format, "-o", file,
			"--fail-if=ratio<0.97", store, slower, NULL);
		snprintf(line, sizeof(line), "cat '%s'", file);

		char *text = printed_by(line);
		const char *row = strstr(text, documents[i].row);

		if (row == NULL || strstr(row, documents[i].changed) == NULL)
			fail_msg("%s: %s", documents[i].format, text);
		assert_string_equal(
			text + strlen(text) - strlen(documents[i].end), documents[i].end);
		assert_null(strstr(text, "nan"));
		assert_null(strstr(text, "<script>"));
		free(text);
	}
	/* The page of nothing that changed, and of stores that have nothing in common. */
	captured_expect(&command_compare, 0, "Nothing that is significant.", "-f", "html", store,
		store, NULL);
	captured_expect(
		&command_compare, 0, "They do not differ.", "-f", "html", store, store, NULL);
	captured_expect(&command_compare, 2,
		"--format is text, brief, md, html or junit, and not 'pdf'", "--format=pdf", store,
		slower, NULL);
	captured_expect(&command_compare, 1, "can't be written", "-o", "/nonexistent/a.html", store,
		slower, NULL);
}

/* No ratio with another machine, unless that is what was asked for; what differs is told. */
/* Rows that A knows in one order and B in the other are counted and named; mag_tls alone changed. */
static void compare_tells_whether_verdicts_repeat(NO_STATE)
{
	static const char said[] = "is faster than ";
	struct synthetic_store wanted = synthetic_store_default();
	char path[PATH_BYTES];
	size_t in_a, in_b, in_both, alike, contrary, named = 0;
	char *output = NULL;

	captured_expect(
		&command_compare, 0, "stand the same way round, all of them.", store, store, NULL);
	snprintf(path, sizeof(path), "%s/contrary.db", directory);
	wanted.mag_tls_factor = 5;
	synthetic_store_write(path, &wanted);
	assert_int_equal(captured_run(&command_compare, &output, store, path, NULL), 0);

	const char *counts = strstr(output, "Row against row");

	assert_non_null(counts);
	assert_int_equal(sscanf(counts,
				 "Row against row of one store, A tells %zu pairs apart, B %zu, "
				 "both %zu: of these %zu stand the same way round, %zu the",
				 &in_a, &in_b, &in_both, &alike, &contrary),
		5);
	assert_true(contrary > 0 && alike + contrary == in_both);
	assert_true(in_both <= in_a && in_both <= in_b);
	for (const char *p = output; (p = strstr(p, said)) != NULL; p += strlen(said)) {
		assert_int_equal(
			strncmp(p - strlen("mag_tls "), "mag_tls ", strlen("mag_tls ")), 0);
		named++;
	}
	assert_int_equal(named, contrary);
	free(output);
	captured_expect(
		&command_compare, 0, ": mag_tls is faster than ", "-f", "html", store, path, NULL);
	captured_expect(
		&command_compare, 0, ": mag_tls is faster than ", "-f", "md", store, path, NULL);
	assert_int_equal(
		captured_run(&command_compare, &output, "-f", "brief", store, path, NULL), 0);
	assert_int_equal(strncmp(output, "A: ", 3), 0);
	assert_non_null(strstr(output, ": mag_tls is faster than "));
	assert_non_null(strstr(output, " inconclusive. Row against row"));
	assert_null(strstr(output, "strategy  "));
	free(output);
}

static void compare_refuses_another_machine(NO_STATE)
{
	char other[PATH_BYTES];
	struct synthetic_store wanted = synthetic_store_default();

	wanted.cells = 1;
	snprintf(other, sizeof(other), "%s/elsewhere.db", directory);
	synthetic_store_write(other, &wanted);
	synthetic_store_execute(other,
		"UPDATE machine SET hash = 'another', json = replace(json, '6.1.0', '6.12')");
	captured_expect(&command_compare, 1, "of different machines", store, other, NULL);
	captured_expect(&command_compare, 1, "kernel: 6.1.0-30-amd64 | 6.12", store, other, NULL);
	captured_expect(
		&command_compare, 0, "B is slower in", "--across-machines", store, other, NULL);
}

/*
 * Two sweeps a minute apart, of one program, as they were seen: in the second one hand-overs take 2.6 times
 * as long, and so do rows of several threads, each by its own factor. That is one event, and no row is
 * slower. It may fall between the sweeps, or into the second.
 */
static void two_sweeps_and_one_change(NO_STATE)
{
	static const char change[] =
		"UPDATE block SET hand_overs_ns = 26 * hand_overs_ns / 10, hand_overs_end_ns = 26 *"
		" hand_overs_end_ns / 10 WHERE block_id >= %d;"
		"UPDATE slice SET units_per_s = units_per_s / (1.4 + 0.1 * (subject_id %% 13)) "
		"WHERE"
		" block_id >= %d AND block_id IN (SELECT block_id FROM block JOIN cell USING"
		" (cell_id) WHERE threads > 1)";
	/* The second sweep's first block in the other state: of one thread's cell, or of the other's. */
	static const int first[] = {1, 80};
	char a[PATH_BYTES], b[PATH_BYTES], sql[WHY_BYTES], why[WHY_BYTES], *output;
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *second = NULL;

	snprintf(a, sizeof(a), "%s/minute1.db", directory);
	snprintf(b, sizeof(b), "%s/minute2.db", directory);
	wanted.cells = 2;
	wanted.forks = 6;
	wanted.blocks = 8;
	synthetic_store_write(a, &wanted);
	for (size_t i = 0; i < array_count(first); i++) {
		wanted.seed++;
		synthetic_store_write(b, &wanted);
		snprintf(sql, sizeof(sql), change, first[i], first[i]);
		synthetic_store_execute(b, sql);
		if (analysis_read(b, NULL, &second, why, sizeof(why)) != 0)
			fail_msg("%s", why);
		assert_int_equal(second->change_count, first[i] > 1);
		analysis_free(second);
		assert_int_equal(
			captured_run(&command_compare, &output, "--fail-if=ratio<0.97", a, b, NULL),
			0);
		assert_non_null(strstr(output, "pairs B is slower in 0, faster in 0,"));
		assert_int_equal(printed_count(output,
					 "an event: in B a hand-over between CPUs took 2.60 "
					 "times as long. There is no verdict on rows of several"),
			first[i] == 1);
		assert_int_equal(
			printed_count(output, "; 1 event of the machine, left out"), first[i] > 1);
		assert_null(strstr(output, "not known what runs vary by"));
		/* Cells of one thread are compared as ever. */
		assert_int_equal(printed_count(output, "pair, 1 thread; runs vary by "), 1);
		assert_int_equal(
			printed_count(output, "pair, 2 threads; runs vary by "), first[i] > 1);
		free(output);
	}
}

/* Three rows can't tell what runs vary by, so nothing is claimed, however large the difference. */
static void compare_of_few_rows_decides_nothing(NO_STATE)
{
	char a[PATH_BYTES], b[PATH_BYTES];
	struct synthetic_store wanted = synthetic_store_default();

	wanted.cells = 1;
	wanted.forks = 6;
	wanted.blocks = 4;
	wanted.noise = 0.005;
	snprintf(a, sizeof(a), "%s/few.db", directory);
	snprintf(b, sizeof(b), "%s/few_slower.db", directory);
	for (int i = 0; i < 2; i++) {
		wanted.mag_tls_factor = i == 0 ? 1 : 3;
		synthetic_store_write(i == 0 ? a : b, &wanted);
		synthetic_store_execute(i == 0 ? a : b,
			"DELETE FROM slice WHERE subject_id NOT IN (SELECT subject_id FROM subject "
			"WHERE label IN ('mag_tls', 'mutex', 'ticket'))");
	}
	captured_expect(
		&command_compare, 0, "that takes 5 rows", "--fail-if=ratio<0.97", a, b, NULL);
}

static void compare_knows_times_of_calls(NO_STATE)
{
	char stalled[PATH_BYTES];
	struct synthetic_store wanted = synthetic_store_default();

	wanted.cells = 1;
	wanted.forks = 6;
	wanted.blocks = 4;
	wanted.noise = 0.005;
	wanted.stall_share = 0.02;
	wanted.stall_ns = 500;
	snprintf(stalled, sizeof(stalled), "%s/stalled.db", directory);
	synthetic_store_write(stalled, &wanted);
	/* One call in fifty stalls: the tail is another, the median is the same. */
	captured_expect(&command_compare, 4, "<- fails", "--measure=p99", "--fail-if=ratio<0.5",
		store, stalled, NULL);
	captured_expect(&command_compare, 0, "0 rows", "--measure=p50", "--fail-if=ratio<0.97",
		store, stalled, NULL);
	captured_expect(&command_compare, 0, "0 rows", "--measure=p99.9", "--fail-if=ratio<0.97",
		store, store, NULL);
	captured_expect(&command_compare, 0, "inconclusive", "--measure=max", store, stalled, NULL);
	captured_expect(
		&command_compare, 2, "and not 'p98'", "--measure=p98", store, stalled, NULL);
	synthetic_store_execute(stalled, "DELETE FROM latency; DELETE FROM timed");
	captured_expect(
		&command_compare, 1, "nothing to compare", "--measure=p99", store, stalled, NULL);
}

static void compare_has_an_exit_status_for_ci(NO_STATE)
{
	char other[PATH_BYTES];
	struct synthetic_store wanted = synthetic_store_default();

	/* A store without a cell in common: no verdict, and no pass. */
	wanted.cells = 1;
	wanted.forks = 1;
	wanted.blocks = 1;
	snprintf(other, sizeof(other), "%s/other.db", directory);
	synthetic_store_write(other, &wanted);
	synthetic_store_execute(other, "UPDATE cell SET label = 'other'");
	captured_expect(&command_compare, 1, "nothing to compare", "--fail-if", "ratio<0.97", store,
		other, NULL);
	captured_expect(&command_compare, 1, "nothing to compare", store, other, NULL);
	captured_expect(
		&command_compare, 1, "other: only in B", "--format=html", store, other, NULL);
	captured_expect(
		&command_compare, 4, "<- fails", "--fail-if", "ratio<0.97", store, slower, NULL);
	captured_expect(
		&command_compare, 0, "0 rows", "--fail-if", "ratio<0.5", store, slower, NULL);
	captured_expect(
		&command_compare, 0, "0 rows", "--fail-if", "ratio<0.97", store, store, NULL);
	captured_expect(&command_compare, 0, "do not differ", store, store, NULL);
	captured_expect(
		&command_compare, 4, "<- fails", "--fail-if", "ratio >= 1.1", slower, store, NULL);
	captured_expect(&command_compare, 2, "'time>3' is none", "--fail-if", "time>3", store,
		slower, NULL);
	captured_expect(&command_compare, 2, "'ratio<0' is none", "--fail-if", "ratio<0", store,
		slower, NULL);
	captured_expect(&command_compare, 2, "'ratio<nan' is none", "--fail-if", "ratio<nan", store,
		slower, NULL);
	captured_expect(&command_compare, 2, "needs A.db B.db", store, NULL);
	captured_expect(&command_compare, 1, "There is no store", store, "/nonexistent.db", NULL);
	captured_expect(&command_compare, 1, "not a store", store, directory, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html_refers_to_nothing_outside),
		cmocka_unit_test(html_ids_are_unique_and_links_lead_somewhere),
		cmocka_unit_test(html_has_every_cell_with_its_command),
		cmocka_unit_test(html_escapes_what_the_store_says),
		cmocka_unit_test(html_is_whole),
		cmocka_unit_test(html_without_gnuplot_has_tables_only),
		cmocka_unit_test(bursts_and_sizes_are_shown),
		cmocka_unit_test(contrast_is_enough),
		cmocka_unit_test(markdown_tables_are_regular),
		cmocka_unit_test(csv_rows_have_all_fields),
		cmocka_unit_test(false_empties_are_told),
		cmocka_unit_test(what_few_tell_is_told),
		cmocka_unit_test(the_frequency_is_told),
		cmocka_unit_test(latency_is_shown_with_its_marks),
		cmocka_unit_test(hand_overs_are_shown),
		cmocka_unit_test(response_times_are_shown_with_their_marks),
		cmocka_unit_test(loads_have_a_table_of_their_own),
		cmocka_unit_test(a_machine_that_changed_is_shown),
		cmocka_unit_test(without_latency_there_is_none),
		cmocka_unit_test(hdr_text_is_what_its_plotters_read),
		cmocka_unit_test(profiles_are_as_wide_as_a_unit),
		cmocka_unit_test(gbench_json_has_what_importers_read),
		cmocka_unit_test(table_fits_the_terminal),
		cmocka_unit_test(report_command_writes_what_is_asked),
		cmocka_unit_test(figures_are_files),
		cmocka_unit_test(figures_are_refused_in_words),
		cmocka_unit_test(report_command_refuses_in_words),
		cmocka_unit_test(verification_is_shown),
		cmocka_unit_test(a_history_follows_the_dates),
		cmocka_unit_test(a_report_is_replaced_whole_or_not_at_all),
		cmocka_unit_test(compare_lists_differences_first),
		cmocka_unit_test(compare_writes_documents),
		cmocka_unit_test(compare_tells_whether_verdicts_repeat),
		cmocka_unit_test(compare_refuses_another_machine),
		cmocka_unit_test(two_sweeps_and_one_change),
		cmocka_unit_test(compare_of_few_rows_decides_nothing),
		cmocka_unit_test(compare_knows_times_of_calls),
		cmocka_unit_test(compare_has_an_exit_status_for_ci),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
