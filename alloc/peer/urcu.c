/* What liburcu needs once a process, however many units include a strategy made of it. */
#include "alloc/peer/urcu.h"

#include "alloc/nbl/fork.h"

#include <pthread.h>

static void start_thread(void)
{
	urcu_bp_get_default_call_rcu_data();
}

int urcu_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc = fork_arrange();

	if (rc == 0)
		pthread_once(&once, start_thread);
	return rc;
}
