/*
 * mtag: one allocation a push, found by tag and freed in any order. FreeBSD's packet tags
 * (mbuf_tags(9)), as the rival: what nesting saves is what this one pays.
 *
 *	Context -> [16 prefix: tag, NBL | 16 header | backfill | used]  malloc'd, one a push
 *	        -> [16 prefix: tag, NBL | 16 header | backfill | used]  another driver's
 *	        -> [16 header | inline block]                           in the NBL
 *
 * With the trait any_order every push makes a block, whether the front one has room or not. So
 * backfill is wasted: it only makes the block larger. nbl_context_find walks the chain to the
 * newest block under a tag and nbl_context_remove takes it out wherever it stands. The documented
 * free stays what it is, the last push first; a driver that frees in order need not know its
 * policy.
 *
 * Guarantee: as `malloc`. Worst case per NBL: 32 bytes and the sizes asked for, for every push.
 * Steady state: an allocation and a free a driver; finding costs a cache miss for each block above.
 * Progress: the library's, so blocking.
 *
 * I1  A block's policy_ptr is the NBL that it was pushed onto: it is removed from no other.
 */
#ifndef ALLOC_CONTEXT_MTAG_H
#define ALLOC_CONTEXT_MTAG_H

#include "alloc/context.h"

#include <errno.h>

ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_mtag_alloc(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *block = context_malloc_block(self, bytes + backfill, tag);

	(void)context;
	if (likely(block != NULL))
		context_prefix(block)->policy_ptr = nbl;
	return block;
}

ALWAYS_INLINE void context_mtag_free(struct context *context, struct context_thread *self,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	(void)context;
	(void)nbl;
	INVARIANT(I1, context_prefix(block)->policy_ptr == nbl);
	context_free_block(self, block);
}

/* I1; the chain is known to end. */
static int context_mtag_check_nbl(struct context *context, NET_BUFFER_LIST *nbl, char *why)
{
	for (NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != NULL; b = b->Next) {
		if (context_is_inline(context, nbl, b) || context_prefix(b)->policy_ptr == nbl)
			continue;
		snprintf(why, CONTEXT_REASON_BYTES,
			"the context block of %u bytes on NBL %p belongs to NBL %p", b->Size,
			(void *)nbl, context_prefix(b)->policy_ptr);
		return -EINVAL;
	}
	return 0;
}

static const struct context_ops context_mtag_ops = {
	.name = "mtag",
	.summary = "one allocation a push, found by tag, freed in any order: FreeBSD's way",
	.traits = {.progress = POOL_BLOCKING, .any_order = true},
	.create = context_create_plain,
	.destroy = context_destroy_plain,
	.attach = context_attach_plain,
	.detach = context_detach_plain,
	.alloc = context_mtag_alloc,
	.free = context_mtag_free,
	.flush = context_flush_nothing,
	.kept_bytes = context_kept_nothing,
	.check = context_check_nothing,
	.check_nbl = context_mtag_check_nbl,
};

#endif
