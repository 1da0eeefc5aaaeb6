/*
 * Reports of misuse: a driver has broken a documented rule, and nothing was changed. The handler
 * (nbl_set_misuse_handler) may free and allocate, so no lock of ours is held during a report.
 */
#ifndef ALLOC_NBL_MISUSE_H
#define ALLOC_NBL_MISUSE_H

#include "alloc/nbl/pools.h"
#include "alloc/ndis/nblbench.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Reports a misuse to the handler; the text is printf-style. The pool, if known, gives the tag.
 */
void nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...) __attribute__((cold, format(printf, 5, 6)));

/* Reports a handle that is not that of a living pool of the wanted kind. */
COLD void nbl_report_handle(const void *handle, enum nbl_pool_kind wanted, const char *call);

/*
 * Reports that nbl is NULL, or that its handle was that of no living pool when it was looked at.
 * The handle may be valid again, after a destroy that found objects out.
 */
COLD void nbl_report_no_pool(const NET_BUFFER_LIST *nbl, const char *call);

/* Reports the free of an NBL whose owner has freed it, and which references keep. */
COLD void nbl_report_left(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, const char *call);

/*
 * Reports why nbl, which has a pool, cannot be used (freed, if freeing): a double free, a use after
 * free, a foreign pointer, the wrong kind of free, another thread in a call on it. number: of
 * nbl_mark_of, as it was met. Looks at the NBL's first line only.
 */
COLD void nbl_report_not_live(
	const NET_BUFFER_LIST *nbl, uintptr_t number, bool freeing, const char *call);

/* Reports what is wrong with a pop of `bytes` bytes. front: the NBL's Context, or a copy of it. */
COLD void nbl_report_pop(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl,
	const NET_BUFFER_LIST_CONTEXT *front, uint32_t bytes, const char *call);

/* Reports what contexts are left on an NBL, by nbl_contexts_left; not 0. */
COLD void nbl_report_contexts_left(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, uint32_t left, const char *call);

#endif
