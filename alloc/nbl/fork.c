/*
 * What happens around a fork, and the account of every lock.
 *
 * A child has the thread that forked and no other: a lock that another thread held at that moment is
 * held for ever there, and what it guards is half-way through a change. pool.h lets a process fork
 * when no thread is inside a call. So the locks to care for are those that are held outside of calls,
 * by threads that end or by a library's own threads:
 *
 *	liburcu's locks           when a thread ends that liburcu knows, and by its call_rcu thread:
 *	                          taken around the fork by liburcu's functions
 *	the registry's (nbl.c)    when a thread ends, for all of its pools: taken around the fork
 *
 * in this order. A grace period, for which liburcu's locks are held, may wait for a reader that waits
 * for the registry; whoever holds the registry asks nothing more of liburcu than a thread that it
 * knows may ask without a lock (rcu_guard_register).
 *
 * All the others are held inside calls, or while their holder has the registry's, and so are free
 * when a process may fork:
 *
 *	tags_lock, spare_lock (nbl.c)        calls
 *	context.h's lock, those of mag_tls   attaching and detaching: calls, or under the registry;
 *	and home_ret                         counting and checking: calls
 *	mutex, ticket, vyukov, percpu_try,   get and put: calls, or under the registry, when a
 *	liburcu's stacks and queue           quarantine ends
 *	drainers' stops (rseq.h)             as those
 *	once-controls                        calls
 *	DPDK                                 its strategies are lost in a fork
 *	the C library's                      its own affair
 */
#include "alloc/nbl/fork.h"

#include "alloc/nbl/nbl.h"
#include "alloc/peer/urcu.h"

#include <pthread.h>

static void before(void)
{
#if NBLBENCH_URCU
	urcu_bp_call_rcu_before_fork();
	urcu_bp_before_fork();
#endif
	nbl_before_fork();
}

static void after_in_parent(void)
{
	nbl_after_fork(false);
#if NBLBENCH_URCU
	urcu_bp_after_fork_parent();
	urcu_bp_call_rcu_after_fork_parent();
#endif
}

static void after_in_child(void)
{
	nbl_after_fork(true);
#if NBLBENCH_URCU
	urcu_bp_after_fork_child();
	urcu_bp_call_rcu_after_fork_child();
#endif
}

static int error; /* written under once, read after it */

static void arrange(void)
{
	error = pthread_atfork(before, after_in_parent, after_in_child);
}

int fork_arrange(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, arrange);
	return -error;
}
