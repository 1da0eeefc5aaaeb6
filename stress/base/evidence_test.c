/* What a process tells that crashes or hangs in a strategy: its stacks, as lines of the source. */
#include "stress/base/evidence.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/step.h"
#include "stress/base/child.h"
#include "stress/base/gang.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_S = 300 };

static atom_u32 is_stuck;

static void crashing_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)pool, (void)thread, (void)object;
	raise(SIGSEGV);
}

static void hanging_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)pool, (void)thread, (void)object;
	atom_store_release(&is_stuck, 1);
	for (;;)
		pause();
}

typedef void put_hook(struct pool *pool, struct pool_thread *thread, void *object);

/* With a stack whose put is broken. */
static __attribute__((noinline)) void get_and_put(put_hook *put)
{
	const struct pool_config config = {.object_bytes = 64, .capacity = 8};
	struct pool_ops ops = *pool_find("treiber_tag");

	ops.put = put;
	struct pool *pool = stress_pool(&ops, &config);
	struct pool_thread *self = stress_attach(pool);
	pool->ops->put(pool, self, pool->ops->get(pool, self));
	stress_note("it lives");
}

static void crash(const void *arg)
{
	(void)arg;
	get_and_put(crashing_put);
}

static void *hang(void *arg)
{
	get_and_put(hanging_put);
	return arg;
}

/* Asked for evidence as soon as it hangs, as by child_run when its time is over. */
static void hang_and_be_asked(const void *arg)
{
	pthread_t thread;

	(void)arg;
	gang_start(&thread, hang, NULL);
	while (atom_load_acquire(&is_stuck) == 0)
		usleep(1000);
	raise(EVIDENCE_SIGNAL);
	stress_fail(PROMISE_ENDS, "it hangs");
}

/* What is printed of a run, to be freed. */
static char *print(void (*body)(const void *arg))
{
	static struct child child;
	char *text = NULL;
	size_t bytes;

	assert_int_equal(child_run(body, NULL, LIMIT_S, &child), 0);
	assert_int_equal(child.end, CHILD_FAILED);
	FILE *out = open_memstream(&text, &bytes);
	assert_non_null(out);
	evidence_print(out, "| ", child.output);
	fclose(out);
	return text;
}

static void expect(const char *text, const char *const parts[])
{
	for (; *parts != NULL; parts++) {
		const char *at = strstr(text, *parts);

		if (at == NULL)
			fail_msg("'%s' is not, or not there, in what is told:\n%s", *parts, text);
		text = at;
	}
}

static void crash_is_told_by_lines(NO_STATE)
{
	static const char *const parts[] = {"| thread ", "got SIGSEGV at:\n",
		"|   at stress/base/evidence_test.c:", "crashing_put\n",
		"|   at stress/base/evidence_test.c:", "get_and_put\n", "the last operations of",
		"attach ", "get ", "put ", " (not over)\n", NULL};
	char *text = print(crash);

	expect(text, parts);
	free(text);
}

#ifdef RSEQ_ARCH_SUPPORTED

/* Interrupted at its first instruction, if the compiler has nothing to do before, and another function lies there. */
static __attribute__((noinline)) void stops_at_once(void)
{
	__builtin_trap();
}

/* As the freezer's, which tells of its thread while that stands still. */
static void tell_and_fail(int number)
{
	(void)number;
	evidence_stacks(NULL);
	stress_fail(PROMISE_STOPPED, "it was stopped");
}

static void stop_at_once(const void *arg)
{
	(void)arg;
	signal(SIGILL, tell_and_fail);
	stops_at_once();
}

static void stop_is_told_by_its_instruction(NO_STATE)
{
	static const char *const parts[] = {
		"stands at:\n", ": tell_and_fail\n", ": stops_at_once\n", ": stop_at_once\n", NULL};
	char *text = print(stop_at_once);

	expect(text, parts);
	free(text);
}

#endif

static void hang_is_told_by_lines(NO_STATE)
{
	static const char *const parts[] = {"got SIGQUIT at:\n",
		"|   at stress/base/evidence_test.c:", "hang_and_be_asked\n", "stands at:\n",
		"|   at stress/base/evidence_test.c:", "hanging_put\n",
		"|   at stress/base/evidence_test.c:", "get_and_put\n", NULL};
	char *text = print(hang_and_be_asked);

	expect(text, parts);
	free(text);
}

static void without_a_tool_addresses_are_told(NO_STATE)
{
	static const char *const parts[] = {
		"| addresses stand for the lines of stacks: there is no addr2line",
		"got SIGSEGV at:\n", "|   at +0x", NULL};

	char *path = strdup(getenv("PATH"));
	setenv("PATH", "/nonexistent", 1);
	char *text = print(crash);
	setenv("PATH", path, 1);
	free(path);
	expect(text, parts);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crash_is_told_by_lines),
#ifdef RSEQ_ARCH_SUPPORTED
		cmocka_unit_test(stop_is_told_by_its_instruction),
#endif
		cmocka_unit_test(hang_is_told_by_lines),
		cmocka_unit_test(without_a_tool_addresses_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
