/*
 * What the sanitizers are told by default: the first report ends the process with a status of its
 * own, which the parent sees. Called by the sanitizers' start-up, and by nothing in other builds.
 */
#include "stress/base/child.h"

#include <assert.h>

const char *__tsan_default_options(void);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

static const char options[] = "halt_on_error=1:exitcode=66:print_stacktrace=1";
static_assert(CHILD_STATUS_SANITIZER == 66, "the text above says it too");

/*
 * die_after_fork=0: in the child of a process with several threads, liburcu starts its helper
 * thread again, as its documentation wants; the sanitizer would rather end there than follow it.
 */
const char *__tsan_default_options(void)
{
	return "halt_on_error=1:exitcode=66:print_stacktrace=1:die_after_fork=0";
}

const char *__asan_default_options(void)
{
	return options;
}

const char *__ubsan_default_options(void)
{
	return options;
}
