/* Every way in which a child can end is told from the others, and named. */
#include "alloc/machine/cmocka.h"
#include "stress/base/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_S = 300, SHORT_LIMIT_S = 1 };

static void passes(const void *arg)
{
	stress_note("with %s", (const char *)arg);
}

static void fails(const void *arg)
{
	stress_fail("because of %s", (const char *)arg);
}

static void skips(const void *arg)
{
	stress_skip("for want of %s", (const char *)arg);
}

/* SIGKILL: no sanitizer has a handler for it. */
static void dies(const void *arg)
{
	puts(arg);
	fflush(stdout);
	raise(SIGKILL);
}

static void exits(const void *arg)
{
	fprintf(stderr, "%s\n", (const char *)arg);
	_exit(3);
}

/* The grandchild holds the pipes open and must go with its parent. */
static void hangs(const void *arg)
{
	(void)arg;
	if (fork() == 0) {
		for (;;)
			pause();
	}
}

static void chatters(const void *arg)
{
	for (int i = 0; i < CHILD_OUTPUT_BYTES; i++)
		puts(arg);
}

static struct child child;

static void run(void (*body)(const void *arg), const char *arg, double limit_s)
{
	assert_int_equal(child_run(body, arg, limit_s, &child), 0);
}

static void ends_are_told(NO_STATE)
{
	static const struct {
		void (*body)(const void *arg);
		const char *arg;
		enum child_end end;
		const char *sentence;
	} rows[] = {
		{passes, "a note", CHILD_PASSED, "with a note"},
		{fails, "a reason", CHILD_FAILED, "because of a reason"},
		{skips, "a CPU", CHILD_SKIPPED, "for want of a CPU"},
		{dies, "last words", CHILD_FAILED, "it died of SIGKILL: last words"},
		{exits, "no verdict", CHILD_FAILED, "it ended with exit status 3: no verdict"},
	};

	for (size_t i = 0; i < array_count(rows); i++) {
		run(rows[i].body, rows[i].arg, LIMIT_S);
		assert_int_equal(child.end, rows[i].end);
		assert_string_equal(child.sentence, rows[i].sentence);
	}
	assert_string_equal(child.output, "no verdict\n");
}

static void long_sentence_is_cut(NO_STATE)
{
	char text[2 * STRESS_SENTENCE_BYTES];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	run(fails, text, LIMIT_S);
	assert_int_equal(child.end, CHILD_FAILED);
	assert_int_equal(strlen(child.sentence), STRESS_SENTENCE_BYTES - 3);
}

static void hang_is_ended(NO_STATE)
{
	run(hangs, NULL, SHORT_LIMIT_S);
	assert_int_equal(child.end, CHILD_FAILED);
	assert_non_null(strstr(child.sentence, "did not finish within 1 s"));
	assert_true(child.seconds >= SHORT_LIMIT_S);
}

static void output_is_bounded(NO_STATE)
{
	run(chatters, "more", LIMIT_S);
	assert_int_equal(child.end, CHILD_PASSED);
	assert_int_equal(strlen(child.output), CHILD_OUTPUT_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_told),
		cmocka_unit_test(long_sentence_is_cut),
		cmocka_unit_test(hang_is_ended),
		cmocka_unit_test(output_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
