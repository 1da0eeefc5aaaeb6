/* The hooks of fork.h: in the order of the locks before a fork, in the opposite order after it. */
#include "alloc/machine/cmocka.h"
#include "alloc/machine/fork.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char events
	[16]; /* 'l', 'r': before, by lock; 'L', 'R': after in the parent; '+': in the child */

static void note(char event)
{
	size_t used = strlen(events);

	if (used + 1 < sizeof(events))
		events[used] = event;
}

static void note_after(bool child, char event)
{
	note(event);
	if (child)
		note('+');
}

static void before_liburcu(void)
{
	note('l');
}

static void after_liburcu(bool child)
{
	note_after(child, 'L');
}

static void before_registry(void)
{
	note('r');
}

static void after_registry(bool child)
{
	note_after(child, 'R');
}

static const struct fork_hooks liburcu = {before_liburcu, after_liburcu};
static const struct fork_hooks registry = {before_registry, after_registry};

/* Forks, and compares what the hooks noted in the parent and in the child. */
static void assert_events(const char *parent, const char *child)
{
	int status;

	memset(events, 0, sizeof(events));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(strcmp(events, child) != 0);
	assert_string_equal(events, parent);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void order_is_that_of_the_locks(NO_STATE)
{
	assert_events("", "");
	assert_int_equal(fork_arrange(FORK_REGISTRY, &registry), 0);
	assert_events("rR", "rR+");
	assert_int_equal(fork_arrange(FORK_LIBURCU, &liburcu), 0);
	assert_events("lrRL", "lrR+L+");
}

static void arranged_twice_runs_once(NO_STATE)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fork_arrange(FORK_REGISTRY, &registry), 0);
		assert_int_equal(fork_arrange(FORK_LIBURCU, &liburcu), 0);
	}
	assert_events("lrRL", "lrR+L+");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_that_of_the_locks),
		cmocka_unit_test(arranged_twice_runs_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
