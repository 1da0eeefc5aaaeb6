/*
 * The door to liburcu, for the strategies whose free list is one of its structures: urcu_lfs,
 * urcu_lfs_gp, urcu_wfs and urcu_wfcq.
 *
 * The build defines _LGPL_SOURCE, which asks for liburcu's functions in the inline form that it
 * grants to code under compatible licences such as ours: they compete with inline code, and a call
 * each way would count against them. NBLBENCH_URCU is 1 where the build found liburcu, else 0: then
 * its headers are not included, and the strategies list themselves as unsupported.
 *
 * Orders: each push of liburcu's is a full barrier before it publishes the node, each pop one after
 * it took it. So what the last owner wrote into an object is seen by the next; the strategies have
 * no labels of their own. All of it happens in liburcu's assembly, which the thread sanitizer can't
 * read: traits.opaque_to_tsan, unless the build has rebuilt the library with instrumentation
 * (NBLBENCH_URCU_TSAN).
 *
 * What all four share: liburcu's nodes lie beside the objects and are type-stable (side_nodes.h), so
 * put overwrites nothing. Signal handlers must use none of them: they would wait for the mutex that
 * they interrupted, and call_rcu is not made for them.
 *
 * What the three share that take under the list's own mutex (all but urcu_lfs_gp):
 * Progress: get blocks; a getter that stops with the mutex stops the others. A child of fork must
 * not use the pool if another thread may have been in a call.
 * ABA: none, since only the holder of the mutex takes and cuts links.
 * Exact, for any number of threads, as pool_grow is: a put that has ended is on the list.
 * I1  The walk from the head comes to the list's end and names each used free object once.
 * I2  A quiet pool's mutex is free.
 */
#ifndef ALLOC_PEER_URCU_H
#define ALLOC_PEER_URCU_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/peer/missing_library.h"

#if NBLBENCH_URCU
#if NBLBENCH_URCU_TSAN
#include "alloc/atomic/urcu_tsan.h" /* before any of liburcu's own */
#endif
#include <urcu-bp.h>
#include <urcu/lfstack.h>
#include <urcu/wfcqueue.h>
#include <urcu/wfstack.h>

/*
 * Before a thread is first known to liburcu: arranges that liburcu stands still during a fork, and
 * that the child can use it (fork.h). 0, or -ENOMEM, then and ever after. Any thread, any number of
 * times.
 */
int urcu_arrange_fork(void);

/*
 * Before the first call_rcu of the process: the same, and starts liburcu's thread, which two first
 * callers would otherwise race to start. The child of a fork has such a thread of its own.
 */
int urcu_start(void);

/*
 * flush and parts.fini of a pool that puts objects back by call_rcu: wait until every object that any
 * thread has put is back. Until then callbacks reach into the pool.
 */
void urcu_flush(struct pool *pool, struct pool_thread *thread);
void urcu_fini(struct pool *pool);

/* What is in flight: all, at worst. */
uint64_t urcu_withheld(const struct pool *pool);

#define URCU_HOOKS(name) POOL_HOOKS(name)
#define URCU_GRACE_HOOKS(name)                                                    \
	POOL_LIFE_CYCLE(name##_parts), POOL_HOT_HOOKS(name), .flush = urcu_flush, \
							     .withheld = urcu_withheld
#else
#define URCU_HOOKS(name)       MISSING_LIBRARY_HOOKS
#define URCU_GRACE_HOOKS(name) MISSING_LIBRARY_HOOKS
#endif

enum { URCU_OPAQUE_TO_TSAN = !NBLBENCH_URCU_TSAN };

/* `supported` of these strategies. */
static inline bool urcu_supported(char *reason)
{
#ifdef NBLBENCH_NO_URCU /* why this build does without what is installed */
	snprintf(reason, POOL_REASON_BYTES, "%s", NBLBENCH_NO_URCU);
	return false;
#else
	return NBLBENCH_URCU ? pool_supported_always(reason)
			     : missing_library(reason, "liburcu", "liburcu-dev");
#endif
}

#endif
