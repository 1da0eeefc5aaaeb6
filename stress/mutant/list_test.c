/*
 * The list of mutants: its form, and that each still applies to the tree, whose path is argv[1]. And
 * the table of what a run has found.
 */
#include "stress/mutant/list.h"
#include "stress/mutant/log.h"
#include "stress/mutant/table.h"

#include "alloc/machine/cmocka.h"

#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *tree;
static struct mutants list;
static char why[1024];

static char *read_file(const char *name)
{
	enum { MOST = 1 << 20 };
	char path[1024];
	char *text = calloc(1, MOST);

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	FILE *file = fopen(path, "r");
	if (file == NULL || text == NULL)
		fail_msg("cannot read %s", path);
	assert_in_range(fread(text, 1, MOST - 1, file), 1, MOST - 2);
	fclose(file);
	return text;
}

static void a_row_is_understood(NO_STATE)
{
	assert_true(mutants_parse(
		"# head\n\n= one | mutex,plain |\n@ a/b.c\n-\tx = 1;\n-\ty = 2;\n+\tx = 2;\n"
		"= two | | pool_test\n@ c.h\n-z\n+\n? it is\n? none\n",
		&list, why, sizeof(why)));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.of[0].name, "one");
	assert_string_equal(list.of[0].pools, "mutex,plain");
	assert_string_equal(list.of[0].tests, "");
	assert_string_equal(list.of[0].text, "\tx = 1;\n\ty = 2;");
	assert_string_equal(list.of[0].takes, "\tx = 2;");
	assert_string_equal(list.of[1].pools, "");
	assert_string_equal(list.of[1].tests, "pool_test");
	assert_string_equal(list.of[1].argument, "it is\nnone");
}

static void wrong_rows_are_told(NO_STATE)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{"", "before line 1 lacks its file"},
		{"@ a.c\n", "line 1 is not of the form"},
		{"= one\n", "line 1 is not of the form"},
		{"= one | |\n-x\n+y\n", "lacks its file or its texts"},
		{"= one | |\n@ a.c\n", "lacks its file or its texts"},
		{"= one | |\n@ a.c\n-x\n+x\n", "lacks its file or its texts"},
		{"= one | |\n@ a.c\n= two | |\n@ a.c\n-x\n+y\n", "before line 3 lacks"},
		{"= one | |\n@ a.c\nx\n", "line 3 is not of the form"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(mutants_parse(rows[i].text, &list, why, sizeof(why)));
		if (strstr(why, rows[i].sentence) == NULL)
			fail_msg("'%s' says: %s", rows[i].text, why);
	}
}

static void a_text_is_replaced_once(NO_STATE)
{
	const struct mutant mutant = {.text = "b", .takes = "cc"};

	char *text = mutant_apply(&mutant, "abd");
	assert_string_equal(text, "accd");
	free(text);
	assert_null(mutant_apply(&mutant, "ad"));
	assert_null(mutant_apply(&mutant, "abb"));
}

static void a_row_of_the_table_is_found_again(NO_STATE)
{
	const struct table_row rows[] = {
		{"one", TABLE_LIVES, "-", "-", 0, ""},
		{"one_more", TABLE_EQUIVALENT, "-", "-", 0, ""},
		{"one", TABLE_KILLED, "model", "scq/last", 1.25, "given out twice"},
	};
	char text[1024] = "";
	struct table_row row;

	FILE *file = fmemopen(text, sizeof(text), "w");
	assert_non_null(file);
	for (size_t i = 0; i < 3; i++)
		table_append(file, &rows[i]);
	fclose(file);
	assert_true(table_find(text, "one", &row)); /* the last one */
	assert_int_equal(row.verdict, TABLE_KILLED);
	assert_string_equal(row.layer, "model");
	assert_string_equal(row.where, "scq/last");
	assert_string_equal(row.sentence, "given out twice");
	assert_in_range((int)(row.seconds * 10), 11, 13);
	assert_true(table_find(text, "one_more", &row));
	assert_int_equal(row.verdict, TABLE_EQUIVALENT);
	assert_string_equal(row.sentence, "");
	assert_false(table_find(text, "on", &row));
}

static void the_page_has_a_row_a_mutant(NO_STATE)
{
	static struct mutants few = {.count = 6,
		.of = {{.name = "unmodified"}, {.name = "unmodified_scq"},
			{.name = "one", .file = "a.c"},
			{.name = "same", .file = "b.c", .argument = "it is | none\nat all"},
			{.name = "two", .file = "c.c"}, {.name = "three", .file = "d.c"}}};
	static const char text[] = "unmodified\tpasses\t-\t-\t0.0\t\n"
				   "one\tkilled\tmodel\tscq/last\t1.3\ttwice\n"
				   "same\tequivalent\t-\t-\t0.0\t\n"
				   "three\tLIVES\t-\t-\t0.0\t\n";
	static const char page[] =
		"| mutant | file | killed by | in | s |\n|---|---|---|---|---:|\n"
		"| unmodified | - | passes | - | |\n"
		"| unmodified_scq | - | untried | - | |\n"
		"| one | a.c | model | scq/last | 1.3 |\n"
		"| same | b.c | equivalent | it is   none at all | |\n"
		"| two | c.c | untried | - | |\n"
		"| three | d.c | LIVES | - | |\n"
		"\n4 mutants: 1 killed, 1 equivalent, 1 living, 0 broken, 1 untried. "
		"The tree as it is passes 1 of 2 rows.\n";
	char made[1024] = "";

	FILE *file = fmemopen(made, sizeof(made), "w");
	assert_non_null(file);
	table_page(file, &few, text, "");
	fclose(file);
	assert_non_null(strstr(made, "\n| mutant |"));
	assert_string_equal(strstr(made, "\n| mutant |") + 1, page);
	struct table_row row;
	assert_true(table_page_find(page, "one", &row));
	assert_int_equal(row.verdict, TABLE_KILLED);
	assert_string_equal(row.layer, "model");
	assert_string_equal(row.where, "scq/last");
	assert_in_range((int)(row.seconds * 10), 12, 13);
	assert_true(table_page_find(page, "unmodified", &row));
	assert_int_equal(row.verdict, TABLE_PASSES);
	assert_true(table_page_find(page, "same", &row));
	assert_int_equal(row.verdict, TABLE_EQUIVALENT);
	assert_true(table_page_find(page, "two", &row));
	assert_int_equal(row.verdict, TABLE_UNTRIED);
	assert_true(table_page_find(page, "three", &row));
	assert_int_equal(row.verdict, TABLE_LIVES);
	assert_false(table_page_find(page, "four", &row));

	/* What the table lacks is as the page before has it. */
	char again[1024] = "";
	file = fmemopen(again, sizeof(again), "w");
	assert_non_null(file);
	table_page(file, &few, "", made);
	fclose(file);
	assert_string_equal(again, made);
}

/* Replaces the one occurrence of `of` in the page, and asks. */
static void assert_is_refused(const struct mutants *few, const char *page, const char *of,
	const char *by, const char *sentence)
{
	struct mutant change = {.name = "change"};

	snprintf(change.text, sizeof(change.text), "%s", of);
	snprintf(change.takes, sizeof(change.takes), "%s", by);
	char *changed = mutant_apply(&change, page);
	assert_non_null(changed);
	assert_false(table_page_is_whole(changed, few, why, sizeof(why)));
	if (strstr(why, sentence) == NULL)
		fail_msg("'%s' for '%s' says: %s", by, of, why);
	free(changed);
}

static void a_page_is_whole_or_refused(NO_STATE)
{
	static struct mutants few = {.count = 3,
		.of = {{.name = "one", .pools = "scq", .file = "a.c"},
			{.name = "same", .pools = "scq,wcq", .file = "b.c", .argument = "it is"},
			{.name = "two", .tests = "a_test", .file = "c.c"}}};
	static const char text[] = "unmodified\tpasses\t-\t-\t0.0\t\n"
				   "unmodified_scq\tpasses\t-\t-\t0.0\t\n"
				   "unmodified_wcq\tpasses\t-\t-\t0.0\t\n"
				   "one\tkilled\tmodel\tscq/last\t1.3\ttwice\n"
				   "same\tequivalent\t-\t-\t0.0\t\n"
				   "two\tkilled\ttest\ta_test\t0.3\t\n";
	static const struct {
		const char *of, *by, *sentence;
	} rows[] = {
		{"| one | a.c | model | scq/last | 1.3 |\n", "", "one has no row"},
		{"| unmodified_wcq | - | passes | - | |\n", "", "unmodified_wcq has no row"},
		{"| model | scq/last | 1.3 |", "| untried | - | |", "one: untried"},
		{"| model | scq/last | 1.3 |", "| LIVES | - | |", "one: LIVES"},
		{"| model | scq/last | 1.3 |", "| BROKEN | - | |", "one: BROKEN"},
		{"| model | scq/last | 1.3 |", "| equivalent | it is | |", "one: equivalent"},
		{"| equivalent | it is |", "| untried | - |", "same: untried"},
		{"| unmodified_scq | - | passes |", "| unmodified_scq | - | untried |",
			"unmodified_scq: untried"},
		{"| two | c.c |", "| gone | d.c | test | - | 0.1 |\n| two | c.c |",
			"'| gone | d.c |"},
		{"| two | c.c |", "| two | d.c |", "should be '| two | c.c |"},
		{"| it is |", "| it was |", "should be '| same | b.c | equivalent | it is |"},
		{"0 untried.", "1 untried.", "should be '3 mutants: 2 killed,"},
	};
	char page[2048] = "";

	assert_true(mutants_add_unmodified(&few));
	FILE *file = fmemopen(page, sizeof(page), "w");
	assert_non_null(file);
	table_page(file, &few, text, "");
	fclose(file);
	if (!table_page_is_whole(page, &few, why, sizeof(why)))
		fail_msg("%s", why);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_is_refused(&few, page, rows[i].of, rows[i].by, rows[i].sentence);
}

static void the_tree_as_it_is_comes_first(NO_STATE)
{
	static struct mutants few = {.count = 2,
		.of = {{.name = "one", .pools = "scq,wcq", .tests = "a_test", .file = "a.c"},
			{.name = "two", .pools = "scq", .tests = "b_test,a_test", .file = "b.c"}}};

	assert_true(mutants_add_unmodified(&few));
	assert_int_equal(few.count, 5);
	assert_string_equal(few.of[0].name, "unmodified");
	assert_string_equal(few.of[0].tests, "a_test,b_test");
	assert_string_equal(few.of[0].pools, "");
	assert_string_equal(few.of[1].name, "unmodified_scq");
	assert_string_equal(few.of[1].pools, "scq");
	assert_string_equal(few.of[2].name, "unmodified_wcq");
	assert_string_equal(few.of[2].file, "");
	assert_string_equal(few.of[3].name, "one");
	few.count = MUTANTS_MAX;
	assert_false(mutants_add_unmodified(&few));
}

static void a_log_tells_where_and_why(NO_STATE)
{
#define TWO_TESTS "[ RUN      ] one\n[       OK ] one\n[ RUN      ] two\n"
	static const struct {
		const char *log, *where, *sentence;
		int status;
	} rows[] = {
		{TWO_TESTS "[  ERROR   ] --- 1 != 2\n[  FAILED  ] two\n", "p/two",
			"[  ERROR   ] --- 1 != 2", 1},
		{TWO_TESTS "Could not run test: 1 != 2\n[  ERROR   ] two\n[ RUN      ] three\n",
			"p/two", "Could not run test: 1 != 2", 1},
		{TWO_TESTS "WARNING: ThreadSanitizer: data race (pid=1)\n[       OK ] two\n",
			"p/two", "WARNING: ThreadSanitizer: data race (pid=1)", 66},
		{TWO_TESTS, "p/two", "exit status 134", 134},
		{"begin\nFAILED   scq  reuse  given out\ttwice\nrest\n", "scq/reuse",
			"given out twice", 1},
		{"begin\n", "p", "exit status 3", 3},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct table_row row = {.sentence = ""};

		log_tell_failure(rows[i].log, "p", rows[i].status, &row);
		assert_string_equal(row.where, rows[i].where);
		assert_string_equal(row.sentence, rows[i].sentence);
	}
}

static void all_of_the_list_apply(NO_STATE)
{
	enum { LEAST = 80 };
	char *text = read_file("stress/mutant/mutants.txt");

	if (!mutants_parse(text, &list, why, sizeof(why)))
		fail_msg("mutants.txt: %s", why);
	free(text);
	assert_in_range(list.count, LEAST, MUTANTS_MAX);
	for (size_t i = 0; i < list.count; i++) {
		text = read_file(list.of[i].file);
		char *mistaken = mutant_apply(&list.of[i], text);
		if (mistaken == NULL)
			fail_msg("%s: its text does not stand in %s exactly once", list.of[i].name,
				list.of[i].file);
		free(mistaken);
		free(text);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(list.of[i].name, list.of[k].name);
	}
}

/* The next operation of a text, from `at` on, and its name in name; NULL: there is none. */
static const char *next_operation(const char *at, char *name, size_t bytes)
{
	while ((at = strstr(at, "atom")) != NULL) {
		const size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");

		if (at[n] == '(' && n < bytes) {
			snprintf(name, bytes, "%.*s", (int)n, at);
			return at;
		}
		at += n;
	}
	return NULL;
}

static bool is_ordered(const char *name)
{
	static const char *const orders[] = {"_acquire", "_release", "_acq_rel", "_seq_cst"};
	const size_t n = strlen(name);

	/* Those are for the thread sanitizer alone, about assembly. */
	if (strncmp(name, "atom_tsan_", strlen("atom_tsan_")) == 0)
		return false;
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		const size_t order = strlen(orders[i]);

		if (n > order && strcmp(name + n - order, orders[i]) == 0)
			return true;
	}
	return false;
}

/* Whether a mutant puts another operation in the place of the k-th of its text, and keeps the others. */
static bool changes(const struct mutant *mutant, size_t k)
{
	enum { NAME_BYTES = 64 };
	char from[NAME_BYTES], to[NAME_BYTES];
	const char *a = mutant->text, *b = mutant->takes;
	bool changed = false;

	for (size_t i = 0;; i++, a++, b++) {
		a = next_operation(a, from, sizeof(from));
		b = next_operation(b, to, sizeof(to));
		if (a == NULL || b == NULL)
			return a == b && changed;
		changed |= i == k && strcmp(from, to) != 0;
	}
}

/* Whether some mutant weakens the operation at `at` of the file. */
static bool is_weakened(const char *name, const char *file, const char *at)
{
	for (size_t i = 0; i < list.count; i++) {
		const struct mutant *mutant = &list.of[i];
		const char *text = strstr(file, mutant->text);
		char operation[64];
		size_t k = 0;

		if (strcmp(mutant->file, name) != 0 || text == NULL || at < text ||
			at >= text + strlen(mutant->text))
			continue;
		for (const char *o = text;
			(o = next_operation(o, operation, sizeof(operation))) != at; o++)
			k++;
		if (changes(mutant, k))
			return true;
	}
	return false;
}

/* Tests, and floors, which keep no objects; and what atomic operations are made of. */
static bool is_left_out(const char *name)
{
	static const char *const parts[] = {"_test.", "/bare_", "alloc/atomic"};
	bool left_out = false;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		left_out |= strstr(name, parts[i]) != NULL;
	return left_out;
}

/* Of the whole library: each acquire, release and sequentially consistent operation has a mutant that weakens it. */
static void each_order_is_weakened(NO_STATE)
{
	enum { LEAST = 100 };
	char pattern[1024];
	size_t sites = 0, missing = 0;
	glob_t found = {0};

	snprintf(pattern, sizeof(pattern), "%s/alloc/{*,*/*,*/*/*}.[ch]", tree);
	assert_int_equal(glob(pattern, GLOB_BRACE, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = found.gl_pathv[i] + strlen(tree) + 1;
		char operation[64];

		if (is_left_out(name))
			continue;
		char *file = read_file(name);
		for (const char *at = file;
			(at = next_operation(at, operation, sizeof(operation))) != NULL; at++) {
			if (!is_ordered(operation))
				continue;
			sites++;
			if (is_weakened(name, file, at))
				continue;
			int line = 1;
			for (const char *c = file; c < at; c++)
				line += *c == '\n';
			print_message("%s:%d: no mutant weakens %s\n", name, line, operation);
			missing++;
		}
		free(file);
	}
	globfree(&found);
	print_message("%zu operations\n", sites);
	assert_in_range(sites, LEAST, SIZE_MAX);
	assert_int_equal(missing, 0);
}

/* What results/mutants.md publishes is of this list: whoever adds or changes a mutant runs it. */
static void the_published_page_is_whole(NO_STATE)
{
	char *text = read_file("stress/mutant/mutants.txt");
	char *page = read_file("results/mutants.md");

	if (!mutants_parse(text, &list, why, sizeof(why)) || !mutants_add_unmodified(&list))
		fail_msg("mutants.txt: %s", why);
	if (!table_page_is_whole(page, &list, why, sizeof(why)))
		fail_msg("results/mutants.md: %s", why);
	free(page);
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_understood),
		cmocka_unit_test(wrong_rows_are_told),
		cmocka_unit_test(a_text_is_replaced_once),
		cmocka_unit_test(a_row_of_the_table_is_found_again),
		cmocka_unit_test(the_page_has_a_row_a_mutant),
		cmocka_unit_test(a_page_is_whole_or_refused),
		cmocka_unit_test(the_tree_as_it_is_comes_first),
		cmocka_unit_test(a_log_tells_where_and_why),
		cmocka_unit_test(all_of_the_list_apply),
		cmocka_unit_test(each_order_is_weakened),
		cmocka_unit_test(the_published_page_is_whole),
	};

	if (argc != 2)
		return 2;
	tree = argv[1];
	return cmocka_run_group_tests_name("mutants", tests, NULL, NULL);
}
