/* What liburcu needs once a process, however many units include a strategy made of it. */
#include "alloc/urcu.h"

#include "alloc/compiler.h"

#include <pthread.h>

static void before_fork(void)
{
	urcu_bp_call_rcu_before_fork();
	urcu_bp_before_fork();
}

static void after_fork_parent(void)
{
	urcu_bp_after_fork_parent();
	urcu_bp_call_rcu_after_fork_parent();
}

static void after_fork_child(void)
{
	urcu_bp_after_fork_child();
	urcu_bp_call_rcu_after_fork_child();
}

static int start_error; /* written under once, read after it */

static void start(void)
{
	start_error = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
	if (start_error == 0)
		urcu_bp_get_default_call_rcu_data();
}

int urcu_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
	return -start_error;
}
