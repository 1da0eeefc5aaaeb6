/* The language of templates; and the page's template against what fills it. */
#include "bench/report/template.h"

#include "alloc/machine/cmocka.h"
#include "bench/analysis/synthetic_store.h"
#include "bench/analysis/trust.h"
#include "bench/report/escape.h"
#include "bench/report/page.h"
#include "bench/report/page.html.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WHY_BYTES = 512, NAME_BYTES = 40, NAMES_MAX = 400 };

/* What the template prints with data, which it frees; NULL after an error, with its sentence in why. */
static char *printed(const char *template, json_t *data, char *why)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	const int error = template_print(template, data, html_text, out, why);
	assert_int_equal(fclose(out), 0);
	json_decref(data);
	if (error == 0)
		return text;
	assert_int_equal(error, -EINVAL);
	free(text);
	return NULL;
}

static void expect(const char *template, const char *data, const char *want)
{
	char why[TEMPLATE_WHY_BYTES] = "";
	json_t *json = json_loads(data, 0, NULL);

	assert_non_null(json);
	char *text = printed(template, json, why);
	if (text == NULL)
		fail_msg("'%s': %s", template, why);
	assert_string_equal(text, want);
	free(text);
}

static void expect_refusal(const char *template, const char *data, const char *want)
{
	char why[TEMPLATE_WHY_BYTES] = "";

	assert_null(printed(template, json_loads(data, 0, NULL), why));
	assert_string_equal(why, want);
}

static void slots_are_filled_and_escaped(NO_STATE)
{
	expect("<b>{{a}}</b>", "{\"a\": \"x & <y>\"}", "<b>x &amp; &lt;y&gt;</b>");
	expect("{{&a}}", "{\"a\": \"<i>\"}", "<i>");
	expect("{{a}}, {{b}}", "{\"a\": 0, \"b\": -3}", "0, -3");
	expect("{{! not {this} }}x", "{}", "x");
	/* What fills a slot is no template. */
	expect("{{a}}", "{\"a\": \"{{b}}\"}", "{{b}}");
}

static void blocks_follow_their_values(NO_STATE)
{
	static const char *const nothing[] = {"null", "false", "0", "\"\"", "[]"};
	static const char *const something[] = {"true", "1", "\"x\"", "{}", "[{}]"};
	char data[NAME_BYTES];

	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		snprintf(data, sizeof(data), "{\"a\": %s}", nothing[i]);
		expect("{{#a}}yes{{/a}}{{^a}}no{{/a}}", data, "no");
		snprintf(data, sizeof(data), "{\"a\": %s}", something[i]);
		expect("{{#a}}yes{{/a}}{{^a}}no{{/a}}", data, "yes");
	}
	expect("{{#a}}<{{b}}>{{/a}}", "{\"a\": [{\"b\": 1}, {\"b\": 2}, {\"b\": 3}]}", "<1><2><3>");
	/* Text and numbers leave the scope as it is. */
	expect("{{#a}}{{a}}{{b}}{{/a}}", "{\"a\": \"x\", \"b\": 7}", "x7");
	expect("{{#a}}{{#a}}{{a}}{{/a}}{{/a}}", "{\"a\": {\"a\": \"inner\"}}", "inner");
}

static void layout_is_not_printed(NO_STATE)
{
	expect("<ul>\n\t{{#a}}\n\t<li>{{b}}\n\t{{/a}}\n</ul>\n",
		"{\"a\": [{\"b\": 1}, {\"b\": 2}]}", "<ul>\n<li>1\n<li>2\n</ul>\n");
	expect("a\n\nb\tc\n{{! x }}\n", "{}", "a\n\nb\tc\n");
}

static void mistakes_are_refused(NO_STATE)
{
	expect_refusal("{{a}}", "{}", "The template's {{a}} is filled by nothing.");
	expect_refusal("{{#a}}{{/a}}", "{}", "The template's {{a}} is filled by nothing.");
	/* No slot is filled from outside its block. */
	expect_refusal("{{#a}}{{b}}{{/a}}", "{\"a\": {}, \"b\": 1}",
		"The template's {{b}} is filled by nothing.");
	expect_refusal("{{a}}", "{\"a\": [1]}",
		"The template's {{a}} is filled with neither text nor a number.");
	expect_refusal("{{#a}}x", "{\"a\": 1}", "The template's {{a}} is not closed.");
	expect_refusal("{{#a}}x", "{\"a\": 0}", "The template's {{a}} is not closed.");
	expect_refusal("{{#a}}{{#b}}{{/a}}{{/b}}", "{\"a\": 1, \"b\": 1}",
		"The template's {{a}} is closed where another is open.");
	expect_refusal("{{/a}}", "{}", "The template's {{a}} is closed where another is open.");
	expect_refusal("x {{a", "{\"a\": 1}", "The template's {{}} is not closed.");
}

/* A member whose value could not be made for want of memory is missing, and that is noticed. */
static void lack_of_memory_is_noticed(NO_STATE)
{
	char why[TEMPLATE_WHY_BYTES];
	json_t *data = template_record("a", template_text("x"), "b", NULL, "c", json_null(), NULL);

	assert_int_equal(json_object_size(data), 2);
	assert_null(printed("{{a}}{{b}}", data, why));
	assert_null(printed("{{a}}", NULL, why));
}

/* Text of a store may be anything but the end of a string. */
static void bytes_that_are_no_text_pass(NO_STATE)
{
	char why[TEMPLATE_WHY_BYTES] = "";
	char *text = printed("{{a}}", template_record("a", template_text("\xff\x80<"), NULL), why);

	assert_non_null(text);
	assert_string_equal(text, "\xff\x80&lt;");
	free(text);
}

struct names {
	size_t count;
	char name[NAMES_MAX][NAME_BYTES];
};

static bool is_in(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->name[i], name) == 0)
			return true;
	}
	return false;
}

static void add(struct names *names, const char *name, size_t length)
{
	char copy[NAME_BYTES];

	assert_true(length > 0 && length < sizeof(copy));
	snprintf(copy, sizeof(copy), "%.*s", (int)length, name);
	if (is_in(names, copy))
		return;
	assert_true(names->count < NAMES_MAX);
	memcpy(names->name[names->count++], copy, sizeof(copy));
}

static void add_members(struct names *names, json_t *data)
{
	const char *name;
	json_t *value;
	size_t i;

	json_array_foreach(data, i, value) add_members(names, value);
	json_object_foreach(data, name, value)
	{
		add(names, name, strlen(name));
		add_members(names, value);
	}
}

/* Every slot and block has its member, printed or not, and every member its slot. */
static void the_page_and_what_fills_it_agree(NO_STATE)
{
	static struct names slots, members;
	struct synthetic_store wanted = synthetic_store_default();
	char path[] = "/tmp/nblbench-template-XXXXXX";
	char why[WHY_BYTES];
	struct analysis *analysis;
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	wanted.forks = 6;
	wanted.blocks = 4;
	wanted.slow_factor = 1.5; /* for the events of the machine */
	synthetic_store_write(path, &wanted);
	/* A balance that does not agree, for the sentence that says why. */
	synthetic_store_execute(path, "UPDATE latency SET sum = 2 * sum WHERE subject_id = 4 AND"
				      " cell_id = 5 AND path <> 'probe'");
	/* The row of a run-time table becomes one of another build. */
	synthetic_store_execute(path,
		"INSERT INTO build VALUES ('v1', 'feedfacef00d', 'v1-2-gfeed', 'gcc 13 -O2');"
		"UPDATE subject SET label = pool || '@v1', dispatch = 'folded', build = 'v1'"
		" WHERE dispatch = 'table'");
	/* What few cells and few machines have. */
	synthetic_store_execute(path,
		"INSERT INTO counted SELECT block_id, subject_id, 3000, 2000, 10 FROM slice;"
		"INSERT INTO scarcity SELECT block_id, subject_id, 20, 15, 5, 40, 4 FROM slice");
	assert_int_equal(analysis_read(path, NULL, &analysis, why, sizeof(why)), 0);
	/* A strategy that stress found wrong, and that left a path untaken. */
	struct trust_layer layer = {.name = "native", .ok = 1, .failed = 1};
	struct trust_row row = {.strategy = "mag_tls",
		.verdict = "failed",
		.operations = 1000,
		.layer_count = 1,
		.layers = &layer,
		.failure = "churn: lost",
		.not_taken = "steal"};
	analysis->trust = &(struct trust){
		.revision = "feed", .ended = "today", .whole = true, .count = 1, .rows = &row};
	struct page p;

	page_open(&p, analysis);
	page_fit(&p, PAGE_BYTES_MAX);
	json_t *page = page_fill(&p);
	add_members(&members, page);
	page_close(&p);
	json_decref(page);
	analysis_free(analysis);
	unlink(path);

	for (const char *at = page_html; (at = strstr(at, "{{")) != NULL; at++) {
		const char *name = at + 2 + strspn(at + 2, "#^/&");

		if (*name != '!')
			add(&slots, name, strcspn(name, "}"));
	}
	assert_true(slots.count > 100);
	for (size_t i = 0; i < slots.count; i++) {
		if (!is_in(&members, slots.name[i]))
			print_error("nothing fills {{%s}}\n", slots.name[i]);
	}
	for (size_t i = 0; i < members.count; i++) {
		if (!is_in(&slots, members.name[i]))
			print_error("'%s' has no slot\n", members.name[i]);
	}
	assert_int_equal(slots.count, members.count);
	for (size_t i = 0; i < slots.count; i++)
		assert_true(is_in(&members, slots.name[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_filled_and_escaped),
		cmocka_unit_test(blocks_follow_their_values),
		cmocka_unit_test(layout_is_not_printed),
		cmocka_unit_test(mistakes_are_refused),
		cmocka_unit_test(lack_of_memory_is_noticed),
		cmocka_unit_test(bytes_that_are_no_text_pass),
		cmocka_unit_test(the_page_and_what_fills_it_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
