/*
 * The quarantine of verify pools: a freed object is poisoned and kept out of use while 64 others
 * are freed by the same thread. What is written to it meanwhile is found when it leaves.
 */
#ifndef ALLOC_NBL_QUARANTINE_H
#define ALLOC_NBL_QUARANTINE_H

#include "alloc/nbl/threads.h"

#include <stdint.h>

/*
 * Takes an object into the thread's quarantine. The oldest one leaves it, for the strategy's pool.
 */
COLD void nbl_quarantine(struct nbl_thread *self, void *object);

/* What the end of an object's quarantine has found. */
struct nbl_finding {
	void *object; /* NULL: nothing was found */
	uint32_t at;  /* the first byte that was written */
};

/* What the end of a thread's quarantine has found. */
struct nbl_findings {
	struct nbl_finding of[NBL_QUARANTINE_OBJECTS];
};

/*
 * Ends a thread's quarantine. It may be done under the registry's lock, so what is found is
 * reported later, without it.
 */
void nbl_quarantine_end(struct nbl_thread *self, struct nbl_findings *found);
void nbl_report_findings(const struct nbl_pool *pool, const struct nbl_findings *found);

#endif
