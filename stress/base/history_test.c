/* The judge of histories: what is right passes, and each way to be wrong is found and told. */
#include "stress/base/history.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

#include <string.h>

enum { CALLS_MAX = 16 };

static char a, b; /* objects */

static const struct row {
	const char *what, *sentence; /* a part of it; NULL: right */
	uint32_t capacity;
	enum history_empties empties;
	uint64_t judged;
	struct history_call
		calls[CALLS_MAX]; /* called, returned, object, thread, kind; ends in 0 */
} rows[] = {
	{"one after the other", NULL, 1, HISTORY_ALL, 0,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 4, &a, 0, HISTORY_PUT},
			{5, 6, &a, 1, HISTORY_GET}}},
	{"a get that waited for the put", NULL, 1, HISTORY_ALL, 0,
		{{3, 9, &a, 1, HISTORY_GET}, {1, 2, &a, 0, HISTORY_GET},
			{5, 8, &a, 0, HISTORY_PUT}}},
	{"a get that returned before the put did", NULL, 1, HISTORY_ALL, 0,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 9, &a, 0, HISTORY_PUT},
			{4, 5, &a, 1, HISTORY_GET}}},
	{"two owners", "H1: object", 2, HISTORY_ANY, 0,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 4, &a, 1, HISTORY_GET},
			{5, 6, &a, 0, HISTORY_PUT}}},
	{"an owner before the put was called", "thread 0 had not put it", 2, HISTORY_ANY, 0,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 4, &a, 1, HISTORY_GET}, {5, 6, &a, 0, HISTORY_PUT},
			{7, 8, &a, 1, HISTORY_PUT}}},
	{"put twice", "nobody had it", 2, HISTORY_ANY, 0,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 4, &a, 0, HISTORY_PUT},
			{5, 6, &a, 1, HISTORY_PUT}}},
	{"none, and there is none", NULL, 1, HISTORY_ALL, 1,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 4, NULL, 1, HISTORY_GET}}},
	{"none, for a moment", NULL, 1, HISTORY_ALL, 1,
		{{2, 3, &a, 0, HISTORY_GET}, {4, 5, &a, 0, HISTORY_PUT},
			{1, 6, NULL, 1, HISTORY_GET}}},
	{"none, while a put goes on", NULL, 1, HISTORY_ALL, 1,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 9, &a, 0, HISTORY_PUT},
			{4, 5, NULL, 1, HISTORY_GET}}},
	{"none, and nobody has it yet", "1 of 2 objects were free all the while", 2, HISTORY_ALL, 1,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 4, NULL, 1, HISTORY_GET}}},
	{"none, and it was put before", "H2: thread 1 was told", 2, HISTORY_ALL, 1,
		{{1, 2, &a, 0, HISTORY_GET}, {1, 2, &b, 1, HISTORY_GET}, {3, 4, &a, 0, HISTORY_PUT},
			{5, 7, NULL, 1, HISTORY_GET}}},
	{"one was promised, another that was put meanwhile taken", NULL, 2, HISTORY_ALL, 1,
		{{1, 2, &a, 0, HISTORY_GET}, {5, 20, &a, 0, HISTORY_PUT},
			{4, 21, &a, 1, HISTORY_GET}, {8, 9, NULL, 2, HISTORY_GET}}},
	{"one was free, then another: never none", "H2", 2, HISTORY_ALL, 1,
		{{1, 2, &a, 0, HISTORY_GET}, {4, 5, &a, 0, HISTORY_PUT}, {6, 7, &b, 0, HISTORY_GET},
			{3, 8, NULL, 1, HISTORY_GET}}},
	{"false beside others, and nobody asks", NULL, 2, HISTORY_ANY, 0,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 4, NULL, 1, HISTORY_GET}}},
	{"false beside a call, where caches are", NULL, 2, HISTORY_ALONE, 0,
		{{1, 5, NULL, 0, HISTORY_OTHER}, {3, 4, NULL, 1, HISTORY_GET}}},
	{"false beside a call that begins later", NULL, 2, HISTORY_ALONE, 0,
		{{4, 6, NULL, 0, HISTORY_OTHER}, {3, 5, NULL, 1, HISTORY_GET}}},
	{"false and alone, where caches are", "no other thread was inside a call", 2, HISTORY_ALONE,
		1,
		{{1, 2, NULL, 0, HISTORY_OTHER}, {3, 4, NULL, 1, HISTORY_GET},
			{5, 6, NULL, 0, HISTORY_OTHER}}},
	{"right and alone, where caches are", NULL, 1, HISTORY_ALONE, 1,
		{{1, 2, &a, 0, HISTORY_GET}, {3, 4, NULL, 1, HISTORY_GET}}},
};

static void each_is_judged(NO_STATE)
{
	for (size_t i = 0; i < array_count(rows); i++) {
		struct history_call calls[CALLS_MAX];
		struct history history = {
			.calls = calls, .capacity = rows[i].capacity, .empties = rows[i].empties};
		char why[STRESS_SENTENCE_BYTES] = "";

		memcpy(calls, rows[i].calls, sizeof(calls));
		while (calls[history.count].called != 0)
			history.count++;
		const enum promise broken = history_check(&history, why);

		if ((broken == PROMISE_NONE) != (rows[i].sentence == NULL) ||
			(broken != PROMISE_NONE && strstr(why, rows[i].sentence) == NULL))
			fail_msg("%s: '%s'", rows[i].what, why);
		if (broken != PROMISE_NONE)
			assert_int_equal(broken,
				strncmp(why, "H1", 2) == 0 ? PROMISE_ONE_OWNER : PROMISE_EXACT);
		assert_int_equal(history.judged, rows[i].judged);
	}
}

/* What is noted is what was called: a row an object, and one row where nothing was got. */
static void calls_are_noted(NO_STATE)
{
	struct history_call calls[CALLS_MAX];
	struct history_log log = {.calls = calls, .thread = 3};
	void *objects[] = {&a, &b};

	history_begin(&log);
	history_end(&log, HISTORY_GET, objects, array_count(objects));
	history_begin(&log);
	history_end(&log, HISTORY_GET, objects, 0);
	assert_int_equal(log.count, 3);
	assert_ptr_equal(calls[1].object, &b);
	assert_int_equal(calls[0].called, calls[1].called);
	assert_int_equal(calls[1].thread, 3);
	assert_null(calls[2].object);
	assert_true(calls[0].called <= calls[0].returned && calls[1].returned <= calls[2].called);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_judged),
		cmocka_unit_test(calls_are_noted),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
