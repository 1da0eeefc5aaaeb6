/*
 * The registry's lock and what is done under it; for the files of alloc/nbl/ alone.
 *
 * The lock guards the table of pools, the list of threads of each pool, and every entry in a
 * thread's table (nbl_threads) that another thread writes. It is taken when a pool is created or
 * destroyed, when a thread first uses a pool, when a thread ends, and when somebody counts or
 * trims; never by a call that allocates or frees in steady state.
 */
#ifndef ALLOC_NBL_REGISTRY_H
#define ALLOC_NBL_REGISTRY_H

#include "alloc/nbl/quarantine.h"
#include "alloc/nbl/threads.h"

#include <stdint.h>

void nbl_registry_lock(void);
void nbl_registry_unlock(void);

/* Under the lock, which it gives up meanwhile: waits for a wake, and may return without one. */
void nbl_registry_wait(void);

/* Under the lock: wakes all who wait. */
void nbl_registry_wake(void);

/*
 * Arranges that the lock, and liburcu's, are taken around a fork (fork.h): before the process has
 * its first pool. 0, or -ENOMEM, then and ever after.
 */
int nbl_registry_arrange_fork(void);

/*
 * Under the lock.
 */

/* Slots of nbl_pools from here on were never used. */
extern uint32_t nbl_slots_used;

/*
 * nbl_pool_outstanding. Read as a signed number it is below 0 if an object changes hands while it
 * is counted.
 */
uint64_t nbl_outstanding_locked(const struct nbl_pool *pool);

/*
 * nbl_detach, on a thread that liburcu knows (fork.c). May run on another thread than self's, which
 * no longer uses the pool. found: to be reported once the lock is given up.
 */
void nbl_detach_locked(struct nbl_thread *self, struct nbl_findings *found);

#endif
