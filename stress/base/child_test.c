/* Every way in which a child can end is told from the others, and named. */
#include "alloc/machine/cmocka.h"
#include "stress/base/child.h"
#include "stress/base/object.h"

#include <fcntl.h>
#include <pthread.h>
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
	stress_fail(PROMISE_ONE_OWNER, "because of %s", (const char *)arg);
}

static void cannot(const void *arg)
{
	stress_fail(PROMISE_NONE, "for want of %s", (const char *)arg);
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

static void fails_too(int number)
{
	(void)number;
	stress_fail(PROMISE_NONE, "in the handler");
}

/* Interrupts the thread `victim` in what it tells after it failed, which is where it sleeps, and lets it go on. */
struct disturber {
	pid_t victim;
	int full, said; /* a pipe that it writes to; the other end of what it reports to */
};

static void *disturb(void *arg)
{
	const struct disturber *self = arg;
	char path[64], line[256], state = 'R';

	read(self->said, line, 1); /* it has failed */
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)self->victim);
	while (state != 'S') {
		FILE *stat = fopen(path, "r");

		if (stat == NULL || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
			abort();
		fclose(stat);
	}
	tgkill(getpid(), self->victim, SIGUSR1);
	while (read(self->full, line, sizeof(line)) > 0)
		continue;
	return NULL;
}

static void fails_and_is_interrupted(const void *arg)
{
	int said[2], full[2];
	pthread_t thread;

	if (pipe(said) != 0 || pipe2(full, O_NONBLOCK) != 0)
		abort();
	while (write(full[1], "", 1) == 1)
		continue;
	fcntl(full[1], F_SETFL, 0);
	fcntl(full[0], F_SETFL, 0);
	dup2(full[1], STDERR_FILENO);
	stress_report_to(said[1]);
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = fails_too}, NULL);
	/* Something to tell. */
	struct pool *pool = stress_pool(pool_find("mutex"),
		&(struct pool_config){.object_bytes = OBJECT_BYTES_MIN, .capacity = 1});
	stress_attach(pool);
	struct disturber disturber = {.victim = gettid(), .full = full[0], .said = said[0]};
	pthread_create(&thread, NULL, disturb, &disturber);
	stress_fail(PROMISE_ONE_OWNER, "because of %s", (const char *)arg);
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
		enum promise broken;
		const char *sentence;
	} rows[] = {
		{passes, "a note", CHILD_PASSED, PROMISE_NONE, "with a note"},
		{fails, "a reason", CHILD_FAILED, PROMISE_ONE_OWNER,
			"P1 (an object has one owner at a time): because of a reason"},
		{cannot, "a timer", CHILD_FAILED, PROMISE_NONE, "for want of a timer"},
		{skips, "a CPU", CHILD_SKIPPED, PROMISE_NONE, "for want of a CPU"},
		{dies, "last words", CHILD_FAILED, PROMISE_LIVES,
			"P22 (a call does not end the process): it died of SIGKILL: last words"},
		{exits, "no verdict", CHILD_FAILED, PROMISE_LIVES,
			"P22 (a call does not end the process): it ended with exit status 3: no "
			"verdict"},
	};

	for (size_t i = 0; i < array_count(rows); i++) {
		run(rows[i].body, rows[i].arg, LIMIT_S);
		assert_int_equal(child.end, rows[i].end);
		assert_int_equal(child.broken, rows[i].broken);
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
	/* Its kind and its end take three bytes of the line, and the promise's number two. */
	assert_int_equal(strlen(child.sentence), STRESS_SENTENCE_BYTES - 5);
}

static void hang_is_ended(NO_STATE)
{
	run(hangs, NULL, SHORT_LIMIT_S);
	assert_int_equal(child.end, CHILD_FAILED);
	assert_int_equal(child.broken, PROMISE_ENDS);
	assert_non_null(strstr(
		child.sentence, "P21 (a call comes to its end): it did not finish within 1 s"));
	assert_true(child.seconds >= SHORT_LIMIT_S);
}

/* A handler that fails while its thread tells of its own failure does not keep it from ending. */
static void failure_is_told_undisturbed(NO_STATE)
{
	run(fails_and_is_interrupted, "a reason", LIMIT_S);
	assert_int_equal(child.end, CHILD_FAILED);
	assert_string_equal(child.sentence,
		"P22 (a call does not end the process): it ended with exit status 1");
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
		cmocka_unit_test(failure_is_told_undisturbed),
		cmocka_unit_test(output_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
