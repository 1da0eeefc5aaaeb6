/*
 * What a waiter does between two looks at a word that another thread is about to change: it spins,
 * and yields its CPU when it has spun for long, for the other may need it to go on. A run with more
 * threads than CPUs would take seconds a hold without that.
 */
#ifndef ALLOC_MECHANISM_SPIN_H
#define ALLOC_MECHANISM_SPIN_H

#include "alloc/atomic.h"
#include "alloc/mechanism/try_lock.h"
#include "alloc/pool.h"

#include <sched.h>

/* Looks before a yield, 1 or more. 2000 is some 40 us, longer than any hold that was not preempted. */
enum { SPIN_LOOKS_BEFORE_YIELD = 2000 };
_Static_assert(SPIN_LOOKS_BEFORE_YIELD >= 1 && SPIN_LOOKS_BEFORE_YIELD <= 1000000, "looks");

/* After look number `looks`, 1 or more; the first counts as a wait. */
ALWAYS_INLINE void spin(struct pool_thread *thread, uint32_t looks)
{
	thread->paths.wait += looks == 1;
	if (looks % SPIN_LOOKS_BEFORE_YIELD == 0)
		sched_yield();
	else
		atom_pause();
}

/* Enters a lock as soon as it is free. */
static inline void spin_enter(struct try_lock *lock, struct pool_thread *thread)
{
	for (uint32_t looks = 1; !try_lock_is_free(lock) || !try_lock_enter(lock); looks++)
		spin(thread, looks);
}

#endif
