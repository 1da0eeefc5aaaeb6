/* The formats for programs, each by what its readers want of it; and file names. */
#include "bench/report/report.h"

#include "alloc/machine/cmocka.h"
#include "bench/analysis/analysis.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/analysis/trust.h"
#include "bench/report/document.h"
#include "bench/report/printed.h"
#include "bench/report/results.schema.json.h"
#include "bench/report/schema.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_BYTES = 512, PATH_BYTES = 256 };

static char directory[SYNTHETIC_FOLDER_BYTES], store[PATH_BYTES];
static struct analysis *analysis;

static int set_up(NO_STATE)
{
	struct synthetic_store wanted = synthetic_store_default();
	char why[WHY_BYTES];

	wanted.forks = 6;
	wanted.blocks = 2;
	if (synthetic_folder_make(directory) != 0)
		return -1;
	snprintf(store, sizeof(store), "%s/one.db", directory);
	synthetic_store_write(store, &wanted);
	/* Bytes that are no text, and a character that XML has no room for. */
	synthetic_store_execute(store, "UPDATE subject SET label = CAST(x'6d6163680166ff' AS TEXT) "
				       "WHERE label = 'ticket'");
	/* What few machines count, and few cells have, of the first cell alone. */
	synthetic_store_execute(store,
		"INSERT INTO counted SELECT block_id, subject_id, 3 * units, 2 * units, units "
		"FROM slice JOIN block USING (block_id) WHERE cell_id = 1;"
		"INSERT INTO scarcity SELECT block_id, subject_id, 20, 15, 5, 40, 4 "
		"FROM slice JOIN block USING (block_id) WHERE cell_id = 1");
	if (analysis_read(store, NULL, &analysis, why, sizeof(why)) != 0) {
		print_error("%s\n", why);
		return -1;
	}
	return 0;
}

static int tear_down(NO_STATE)
{
	analysis_free(analysis);
	return synthetic_folder_remove(directory);
}

static json_t *read_back(void (*print)(const struct analysis *, FILE *))
{
	char *text = printed(analysis, print);
	json_error_t error;
	json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (all == NULL)
		fail_msg("line %d: %s", error.line, error.text);
	free(text);
	return all;
}

static size_t rows_in(enum analysis_state first, enum analysis_state last)
{
	size_t n = 0;

	for (size_t i = 0; i < analysis->cell_count * analysis->subject_count; i++)
		n += analysis->results[i].state >= first && analysis->results[i].state <= last;
	return n;
}

static json_t *the_schema(void)
{
	json_t *schema = json_loads(results_schema_json, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(schema);
	return schema;
}

static void expect_refused(json_t *schema, json_t *value, const char *place)
{
	char why[SCHEMA_WHY_BYTES];

	assert_non_null(value);
	assert_false(schema_holds(schema, value, why));
	if (strstr(why, place) == NULL)
		fail_msg("'%s' does not tell of '%s'", why, place);
	json_decref(value);
}

/* What a schema can say is checked, and the place is told. */
static void schemas_are_checked(NO_STATE)
{
	json_t *schema = json_loads("{\"type\": \"object\", \"required\": [\"a\"],"
				    "\"additionalProperties\": false, \"properties\": {"
				    "\"a\": {\"type\": \"array\", \"items\": {\"$ref\": "
				    "\"#/definitions/n\"}}, \"b\": {\"enum\": [\"x\"]}},"
				    "\"definitions\": {\"n\": {\"type\": \"integer\", "
				    "\"minimum\": 0}}}",
		0, NULL);
	char why[SCHEMA_WHY_BYTES];
	json_t *right = json_pack("{s:[i, i], s:s}", "a", 0, 7, "b", "x");

	assert_non_null(schema);
	assert_true(schema_holds(schema, right, why));
	json_decref(right);
	expect_refused(schema, json_array(), "The whole is not of type 'object'");
	expect_refused(schema, json_object(), "The whole lacks 'a'");
	expect_refused(schema, json_pack("{s:i}", "a", 3), "/a is not of type 'array'");
	expect_refused(schema, json_pack("{s:[i, s]}", "a", 3, "x"), "/a/1 is not of type");
	expect_refused(schema, json_pack("{s:[i]}", "a", -1), "/a/0 is below 0");
	expect_refused(schema, json_pack("{s:[f]}", "a", 1.5), "/a/0 is not of type 'integer'");
	expect_refused(schema, json_pack("{s:[], s:s}", "a", "b", "y"), "/b is none of");
	expect_refused(schema, json_pack("{s:[], s:i}", "a", "c", 1), "has 'c'");
	json_object_set_new(json_object_get(json_object_get(schema, "properties"), "b"), "pattern",
		json_string("x"));
	expect_refused(schema, json_pack("{s:[], s:s}", "a", "b", "x"), "'pattern'");
	json_decref(schema);
}

/* parts: "name value name value". */
static void expect_parts(json_t *row, const char *name, const char *parts)
{
	json_t *object = json_object_get(row, name);
	char part[32];
	double value;
	int length;

	for (; sscanf(parts, "%31s %lf %n", part, &value, &length) == 2; parts += length) {
		json_t *number = json_object_get(object, part);

		if (!json_is_number(number) || fabs(json_number_value(number) / value - 1) > 1e-6)
			fail_msg("%s has %s as %g", name, part, json_number_value(number));
	}
	assert_int_equal(*parts, '\0');
}

static void json_is_what_its_schema_says(NO_STATE)
{
	json_t *schema = the_schema(), *all = read_back(report_json), *cell;
	char why[SCHEMA_WHY_BYTES];
	size_t i, rows = 0, calls = 0, responses = 0, counted = 0, scarce = 0, measured = 0;

	if (!schema_holds(schema, all, why))
		fail_msg("%s", why);
	json_array_foreach(json_object_get(all, "cells"), i, cell)
	{
		json_t *row;
		size_t k;

		json_array_foreach(json_object_get(cell, "rows"), k, row)
		{
			rows++;
			calls += json_object_get(row, "calls") != NULL;
			responses += json_object_get(row, "responses") != NULL;
			counted += json_object_get(row, "counted_per_unit") != NULL;
			scarce += json_object_get(row, "scarcity") != NULL;
			measured += i == 0 && json_object_get(row, "ns_per_unit") != NULL;
		}
	}
	assert_int_equal(rows, rows_in(ANALYSIS_MEASURED, ANALYSIS_FAILED));
	assert_true(calls > 100 && responses > 100);
	assert_true(measured > 10);
	assert_int_equal(counted, measured);
	assert_int_equal(scarce, measured);
	cell = json_array_get(json_object_get(all, "cells"), 0);
	expect_parts(json_array_get(json_object_get(cell, "rows"), 0), "counted_per_unit",
		"cycles 3 instructions 2 cache_misses 1");
	expect_parts(json_array_get(json_object_get(cell, "rows"), 0), "scarcity",
		"gets_none_in_a_row 4");
	/* Each part of what it says of a row takes part in the check. */
	cell = json_array_get(json_object_get(all, "cells"), 0);
	json_object_set_new(json_array_get(json_object_get(cell, "rows"), 0), "speed", json_true());
	assert_false(schema_holds(schema, all, why));
	assert_non_null(strstr(why, "/cells/0/rows/0 has 'speed'"));
	json_decref(all);
	json_decref(schema);
}

/* A store of one fork has figures without intervals, not with the ends 0 and infinity. */
static void what_is_not_known_is_left_out(NO_STATE)
{
	struct synthetic_store wanted = synthetic_store_default();
	struct analysis *const whole = analysis;
	char path[PATH_BYTES], why[WHY_BYTES], *text;

	wanted.cells = 1;
	wanted.forks = 1;
	wanted.blocks = 2;
	snprintf(path, sizeof(path), "%s/little.db", directory);
	synthetic_store_write(path, &wanted);
	assert_int_equal(analysis_read(path, NULL, &analysis, why, sizeof(why)), 0);

	json_t *schema = the_schema(), *all = read_back(report_json);

	if (!schema_holds(schema, all, why))
		fail_msg("%s", why);
	json_decref(all);
	json_decref(schema);
	text = printed(analysis, report_bmf);
	assert_non_null(strstr(text, "\"latency\""));
	assert_null(strstr(text, "lower_value"));
	free(text);
	text = printed(analysis, report_gbench);
	assert_null(strstr(text, "nbl_ns_low"));
	free(text);
	analysis_free(analysis);
	analysis = whole;
}

/* Bencher's own description of its format: an object of objects of objects of numbers. */
static void bmf_is_what_bencher_reads(NO_STATE)
{
	json_t *all = read_back(report_bmf), *benchmark, *measure, *number;
	const char *name, *what, *part;
	size_t latencies = 0;

	json_object_foreach(all, name, benchmark)
	{
		assert_true(json_object_size(benchmark) >= 2);
		json_object_foreach(benchmark, what, measure)
		{
			double value = NAN, low = -INFINITY, high = INFINITY;

			/* Slugs: Bencher would make others of these names. */
			assert_int_equal(strspn(what, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				strlen(what));
			json_object_foreach(measure, part, number)
				assert_true(json_is_real(number));
			json_unpack(measure, "{s:F, s?F, s?F}", "value", &value, "lower_value",
				&low, "upper_value", &high);
			assert_true(low <= value && value <= high);
			latencies += strcmp(what, "latency") == 0;
		}
	}
	assert_int_equal(latencies, rows_in(ANALYSIS_MEASURED, ANALYSIS_MEASURED));

	const struct analysis_result *r = analysis_at(analysis, 0, analysis->cells[0].best);
	json_t *best = document_row(analysis, 0, analysis->cells[0].best);

	benchmark = json_object_get(all, json_string_value(best));
	json_decref(best);
	measure = json_object_get(benchmark, "latency");
	assert_true(fabs(json_real_value(json_object_get(measure, "value")) / exp(r->ns.point) -
			    1) < 1e-6);
	measure = json_object_get(benchmark, "throughput");
	assert_true(fabs(json_real_value(json_object_get(measure, "lower_value")) /
				    analysis_rate(&analysis->cells[0], r->ns.hi) -
			    1) < 1e-6);
	json_decref(all);
}

/* Elements are closed in the order in which they were opened, and nothing else begins with "<". */
static void expect_well_formed(const char *text)
{
	enum { DEPTH = 8 };
	const char *open[DEPTH];
	size_t depth = 0;

	for (const char *p = strstr(text, "?>"); (p = strchr(p, '<')) != NULL; p++) {
		const char *end = strchr(p, '>');

		assert_non_null(end);
		if (p[1] == '/') {
			assert_true(depth > 0);
			depth--;
			assert_memory_equal(open[depth], p + 2, (size_t)(end - p) - 2);
		} else if (end[-1] != '/') {
			assert_true(depth < DEPTH);
			open[depth++] = p + 1;
		}
	}
	assert_int_equal(depth, 0);
	for (const char *p = text; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ' || strchr("\t\n\r", *p) != NULL);
}

static void junit_fails_where_a_row_broke(NO_STATE)
{
	char *text = printed(analysis, report_junit), want[WHY_BYTES];
	const size_t broken =
		rows_in(ANALYSIS_CRASHED, ANALYSIS_FAILED) + rows_in(ANALYSIS_DRY, ANALYSIS_DRY);
	const size_t unsupported = rows_in(ANALYSIS_UNSUPPORTED, ANALYSIS_UNSUPPORTED);

	assert_ptr_equal(strstr(text, "<?xml"), text);
	expect_well_formed(text);
	assert_true(broken >= 3 && unsupported > 0);
	assert_int_equal(printed_count(text, "<failure "), broken);
	assert_int_equal(printed_count(text, "<skipped "), unsupported);
	assert_int_equal(
		printed_count(text, "<testcase "), rows_in(ANALYSIS_MEASURED, ANALYSIS_FAILED));
	assert_int_equal(printed_count(text, "<testsuite "), analysis->cell_count);
	snprintf(want, sizeof(want), "failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n<testsuite ",
		broken, unsupported);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "<failure type=\"hung\" message=\"hung: "));
	assert_non_null(strstr(text, "&lt;script&gt;"));
	assert_non_null(strstr(text, "name=\"mach?f?\""));
	free(text);
}

/* A file that holds to the description of what stress writes is read, and says what it says. */
static void trust_is_read_as_stress_describes_it(NO_STATE)
{
	json_t *schema = json_load_file(TRUST_SCHEMA, 0, NULL);
	json_t *run = json_pack("{s:s, s:s, s:s, s:s, s:f, s:i, s:f, s:{}, s:s}", "layer", "native",
		"scenario", "churn", "verdict", "ok", "seed", "1", "seconds", 0.5, "operations", 7,
		"reach", 0.0, "paths", "sentence", "tried");
	json_t *file = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:f, s:i, s:b, s:[], "
				 "s:[{s:s, s:s, s:i, s:f, s:b, s:[s, "
				 "s], s:[O, O, o]}], s:[]}",
		"format", "nblbench-trust", "version", 1, "program", "1", "revision",
		"v0.1-7-gabc1234", "ended", "2026-01-31T14:05:00Z", "kernel", "6", "seed", "1",
		"threads", 2, "seconds", 1.0, "passes", 1, "whole", 1, "layers", "strategies",
		"name", "mag_tls", "verdict", "passed", "operations", 14, "reach", 97.5,
		"reach_is_enough", 1, "paths_not_taken", "steal", "grow", "runs", run, run,
		json_copy(run), "controls");
	char why[SCHEMA_WHY_BYTES] = "", path[PATH_BYTES], text[ANALYSIS_SENTENCE_BYTES];
	struct analysis_subject subject = {.pool = "mag_tls"};

	assert_non_null(schema);
	assert_non_null(file);
	json_t *runs =
		json_object_get(json_array_get(json_object_get(file, "strategies"), 0), "runs");
	json_object_set_new(json_array_get(runs, 2), "verdict", json_string("skipped"));
	if (!schema_holds(schema, file, why))
		fail_msg("%s", why);
	snprintf(path, sizeof(path), "%s/trust.json", directory);
	assert_int_equal(json_dump_file(file, path, 0), 0);

	struct trust *trust = trust_read(path, why, sizeof(why));

	if (trust == NULL)
		fail_msg("%s", why);
	trust_runs(trust_of(trust, &subject), text);
	assert_string_equal(text, "native 2; skipped 1");
	assert_string_equal(trust_of(trust, &subject)->not_taken, "steal, grow");
	assert_string_equal(trust_state(trust, &subject), "passed");
	subject.pool = "mutex";
	assert_string_equal(trust_state(trust, &subject), "not verified");
	trust_tell(trust, analysis, text);
	assert_non_null(strstr(text, "(2026-01-31): passed: mag_tls; not verified: "));
	trust_free(trust);
	json_object_set_new(file, "version", json_integer(2));
	assert_int_equal(json_dump_file(file, path, 0), 0);
	assert_null(trust_read(path, why, sizeof(why)));
	assert_non_null(strstr(why, "is not what this version's"));
	json_decref(file);
	json_decref(run);
	json_decref(schema);
}

/* The verdict that results/ holds is of a whole run, and what stress writes today. */
static void the_verdict_of_results_is_of_today(NO_STATE)
{
	json_t *schema = json_load_file(TRUST_SCHEMA, 0, NULL);
	json_t *file = json_load_file(RESULTS_TRUST, 0, NULL);
	char why[SCHEMA_WHY_BYTES] = "";

	assert_non_null(schema);
	assert_non_null(file);
	if (!schema_holds(schema, file, why))
		fail_msg("results/trust.json: %s", why);
	assert_true(json_is_true(json_object_get(file, "whole")));
	json_decref(file);
	json_decref(schema);
}

/* What is text stays, all else becomes a question mark: a byte at a time. */
static void documents_hold_characters_only(NO_STATE)
{
	static const struct {
		const char *text, *want;
	} cases[] = {{"", ""}, {"a\tb", "a\tb"}, {"\x01", "?"}, {"\xc3\xa4", "\xc3\xa4"},
		{"\xc3", "?"}, {"\xe2\x82\xac", "\xe2\x82\xac"}, {"\xe2\x82", "??"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, {"\xc0\xaf", "??"},
		{"\xed\xa0\x80", "???"}, {"\xef\xbf\xbf", "???"}, {"\xf4\x90\x80\x80", "????"},
		{"x\xffy", "x?y"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *text = document_text(cases[i].text);

		assert_string_equal(json_string_value(text), cases[i].want);
		json_decref(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schemas_are_checked),
		cmocka_unit_test(json_is_what_its_schema_says),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(bmf_is_what_bencher_reads),
		cmocka_unit_test(junit_fails_where_a_row_broke),
		cmocka_unit_test(documents_hold_characters_only),
		cmocka_unit_test(trust_is_read_as_stress_describes_it),
		cmocka_unit_test(the_verdict_of_results_is_of_today),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
