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

static int fork_error; /* written under once, read after it */

static void arrange_forks(void)
{
	fork_error = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

int urcu_arrange_forks(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, arrange_forks);
	return -fork_error;
}

static void start_thread(void)
{
	urcu_bp_get_default_call_rcu_data();
}

int urcu_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc = urcu_arrange_forks();

	if (rc == 0)
		pthread_once(&once, start_thread);
	return rc;
}
