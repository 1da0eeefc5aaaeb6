/*
 * The door to liburcu, for the strategies whose free list is one of its structures. The build
 * defines _LGPL_SOURCE, which asks for liburcu's functions in the inline form that it grants to
 * code under compatible licences such as ours: they compete with inline code, and a call each way
 * would count against them.
 *
 * NBLBENCH_URCU is 1 where the build found liburcu, else 0: then its headers are not included, and
 * the strategies list themselves as unsupported.
 *
 * What liburcu guarantees: each push is a full barrier before it publishes the node, each pop one
 * after it took it, so what the last owner wrote into an object is seen by the next. All of it
 * happens in liburcu's own assembly, which the thread sanitizer can't read: traits.opaque_to_tsan,
 * unless the build has rebuilt the library with instrumentation (NBLBENCH_URCU_TSAN).
 */
#ifndef ALLOC_PEER_URCU_H
#define ALLOC_PEER_URCU_H

#include "alloc/peer/missing_library.h"
#include "alloc/pool.h"

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
#endif

enum { URCU_OPAQUE_TO_TSAN = !NBLBENCH_URCU_TSAN };

/* `supported` of these strategies. */
static inline bool urcu_supported(char *reason)
{
	return NBLBENCH_URCU ? pool_supported_always(reason)
			     : missing_library(reason, "liburcu", "liburcu-dev");
}

#endif
