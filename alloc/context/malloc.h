/*
 * malloc: every fallback block comes from the C library. The reference: what a driver gets that
 * asks the system each time.
 *
 *	Context -> [16 prefix | 16 header | backfill | used]  malloc'd, freed at its last pop
 *	        -> [16 header | inline block]                 in the NBL; the pool's ContextSize
 *
 * The block has exactly the documented size: bytes + backfill. Worst case per NBL: 32 bytes and the
 * sizes asked for, for each push that met a full block, and the library's own overhead.
 *
 * Progress: the library's; glibc takes a lock when its thread cache is empty or full, so blocking.
 * Steady state: one malloc and one free a fallback; freeing on another thread than the allocating
 * one is its expensive case.
 */
#ifndef ALLOC_CONTEXT_MALLOC_H
#define ALLOC_CONTEXT_MALLOC_H

#include "alloc/context.h"

ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_malloc_alloc(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	(void)context;
	(void)nbl;
	return context_malloc_block(self, bytes + backfill, tag);
}

ALWAYS_INLINE void context_malloc_free(struct context *context, struct context_thread *self,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	(void)context;
	(void)nbl;
	context_free_block(self, block);
}

static const struct context_ops context_malloc_ops = {
	.name = "malloc",
	.summary = "every fallback block from the C library: the reference",
	.traits = {.progress = POOL_BLOCKING, .exact = true},
	.create = context_create_plain,
	.destroy = context_destroy_plain,
	.attach = context_attach_plain,
	.detach = context_detach_plain,
	.alloc = context_malloc_alloc,
	.free = context_malloc_free,
	.flush = context_flush_nothing,
	.kept_bytes = context_kept_nothing,
	.check = context_check_nothing,
};

#endif
