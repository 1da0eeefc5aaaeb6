/* See stall.h. */
#include "bench/engine/stall.h"

#include "alloc/atomic.h"
#include "bench/base/clock.h"

#include <errno.h>
#include <signal.h>

static atom_u64 stall_ns; /* the signal says that it is set */

static void sleep_in_handler(int number)
{
	const int saved = errno;

	(void)number;
	clock_sleep_until_ns(clock_now_ns() + atom_load_relaxed(&stall_ns));
	errno = saved;
}

int stall_open(void)
{
	struct sigaction action = {.sa_handler = sleep_in_handler, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	return sigaction(SIGUSR2, &action, NULL) == 0 ? 0 : -errno;
}

void stall_thread(pthread_t thread, uint64_t ns)
{
	atom_store_relaxed(&stall_ns, ns);
	pthread_kill(thread, SIGUSR2);
}
