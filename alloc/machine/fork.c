/*
 * What happens around a fork, and the account of every lock.
 *
 * A child has the thread that forked and no other. A lock that another thread held at that moment
 * is held for ever there, and what it guards is half-way through a change. pool.h lets a process
 * fork when no thread is inside a call. So the locks to care for are those that are held outside of
 * calls, by threads that end or by a library's own threads:
 *
 *	liburcu's locks                 when a thread ends that liburcu knows, and by its call_rcu
 *	                                thread: taken around the fork by liburcu's functions
 *	the registry's (nbl/registry.h) when a thread ends, for all of its pools: taken around the
 *	                                fork
 *
 * in this order. A grace period, for which liburcu's locks are held, may wait for a reader that
 * waits for the registry. Whoever holds the registry asks nothing more of liburcu than a thread
 * that liburcu knows may ask without a lock (rcu_guard_register).
 *
 * All the others are held inside calls, or while their holder has the registry's, and so are free
 * when a process may fork:
 *
 *	the lock below                       calls that arrange, and forks
 *	tags_lock (context/accounts.c)       calls
 *	spare_lock (nbl/threads.c)           calls
 *	context.h's lock, those of           attaching and detaching: calls, or under the registry;
 *	mechanism/registry.h                 counting and checking: calls
 *	mutex, ticket, vyukov, percpu_try,   get and put: calls, or under the registry, when a
 *	liburcu's stacks and queue           quarantine ends
 *	stops of CPUs (mechanism/cpu_*.c)    as those
 *	once-controls                        calls
 *	DPDK                                 its strategies are lost in a fork
 *	the C library's                      its own affair
 */
#include "alloc/machine/fork.h"

#include <pthread.h>
#include <stddef.h>

/*
 * Under the lock, which a fork holds from its first hook to its last: what `before` has taken,
 * `after` releases.
 */
static const struct fork_hooks *arranged[FORK_LOCKS];
static pthread_mutex_t lock_of_arranged = PTHREAD_MUTEX_INITIALIZER;

static void before(void)
{
	pthread_mutex_lock(&lock_of_arranged);
	for (int i = 0; i < FORK_LOCKS; i++) {
		if (arranged[i] != NULL)
			arranged[i]->before();
	}
}

static void after(bool child)
{
	for (int i = FORK_LOCKS - 1; i >= 0; i--) {
		if (arranged[i] != NULL)
			arranged[i]->after(child);
	}
	pthread_mutex_unlock(&lock_of_arranged);
}

static void after_in_parent(void)
{
	after(false);
}

static void after_in_child(void)
{
	after(true);
}

static int error; /* written under once, read after it */

static void install(void)
{
	error = pthread_atfork(before, after_in_parent, after_in_child);
}

int fork_arrange(enum fork_lock lock, const struct fork_hooks *hooks)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
	if (error != 0)
		return -error;
	pthread_mutex_lock(&lock_of_arranged);
	arranged[lock] = hooks;
	pthread_mutex_unlock(&lock_of_arranged);
	return 0;
}
