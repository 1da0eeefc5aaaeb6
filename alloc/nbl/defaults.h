/* What a new pool gets where its creator did not say; for the files of alloc/nbl/ alone. */
#ifndef ALLOC_NBL_DEFAULTS_H
#define ALLOC_NBL_DEFAULTS_H

#include "alloc/context.h"
#include "alloc/ndis/nblbench.h"
#include "alloc/pool.h"

#include <stdint.h>

/*
 * Fills in a strategy and a policy that are NULL. 0; or -EINVAL, -ENOTSUP: a name in the
 * environment is not known or cannot run here. Such a name stops nothing silently: the pool is not
 * created, and the reason goes to the misuse handler, the one channel there is.
 */
int nbl_default_subjects(const struct pool_ops **ops, const struct context_ops **policy);

/* Of context sizes, in bytes: 16 or 8; 0 after a report that the environment names neither. */
uint32_t nbl_default_alignment(void);

/* The cap on a pool's objects; 0: none. */
uint32_t nbl_default_capacity(void);

#endif
