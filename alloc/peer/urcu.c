/* What liburcu needs once a process, however many units include a strategy made of it. */
#include "alloc/peer/urcu.h"

#include "alloc/machine/fork.h"

#include <pthread.h>

static void before_fork(void)
{
	urcu_bp_call_rcu_before_fork();
	urcu_bp_before_fork();
}

static void after_fork(bool child)
{
	if (child) {
		urcu_bp_after_fork_child();
		urcu_bp_call_rcu_after_fork_child();
	} else {
		urcu_bp_after_fork_parent();
		urcu_bp_call_rcu_after_fork_parent();
	}
}

int urcu_arrange_fork(void)
{
	static const struct fork_hooks hooks = {before_fork, after_fork};

	return fork_arrange(FORK_LIBURCU, &hooks);
}

static void start_thread(void)
{
	urcu_bp_get_default_call_rcu_data();
}

int urcu_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc = urcu_arrange_fork();

	if (rc == 0)
		pthread_once(&once, start_thread);
	return rc;
}

void urcu_flush(struct pool *pool, struct pool_thread *thread)
{
	(void)thread;
	urcu_fini(pool);
}

uint64_t urcu_withheld(const struct pool *pool)
{
	return pool->config.capacity;
}

void urcu_fini(struct pool *pool)
{
	(void)pool;
	urcu_bp_barrier();
}
