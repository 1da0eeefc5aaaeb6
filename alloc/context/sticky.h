/*
 * sticky: the NBL keeps the largest fallback block it ever had, and the next fallback uses it.
 * Contexts repeat: the next packet in this NBL meets the same drivers.
 *
 *	Context -> [16 prefix | 16 header | backfill and slack | used]   malloc'd once
 *	        -> [16 header | inline block]                            in the NBL
 *	word    -> the same block, whether a driver needs it or not: parked, see park.h
 *
 * A block whose last byte is popped is parked with the NBL; if one is parked already the larger
 * is kept and the other is freed. A fallback uses the parked block if it is large enough. A second
 * block on the same NBL is at least twice as large as the one before. So the last one has room for
 * more than half of all that the packet's drivers pushed, the next packet's second block for all of
 * it, and from the third packet on one block serves the stack, however deep. Where no other context
 * is in use it stays in the chain, and serves the NBL's later packets as an inline block would.
 *
 * Learns: per NBL, when a block leaves. Forgets: never by itself; flush starts a new stamp, and each
 * parked block of an older one is freed when its NBL is next allocated, or leaves the chain.
 *
 * Guarantee: an NBL that fell back for at most n bytes before has no allocation for n bytes or
 * less, up to STICKY_KEEP_BYTES. Its free never reaches the library.
 * Worst case per NBL: 32 + STICKY_KEEP_BYTES parked, for good; in use, what `malloc` has, twice.
 * Memory is therefore the pool's high-water mark times the deepest stack: one deep packet in each
 * NBL is enough.
 * Steady state: 0 allocations. The first context of an NBL is a fallback: a load of the NBL's first
 * line, three of the block's first 32 bytes, and five stores. From then on until the NBL is freed a
 * push is what it is where the block has room. In front of another's context each is a fallback,
 * and its end is a store to the NBL and three loads.
 * Progress: blocking where malloc is reached.
 *
 * I1  P1 of park.h, and a parked block has at most STICKY_KEEP_BYTES.
 * I2  As many bytes were parked as were given back, or more.
 */
#ifndef ALLOC_CONTEXT_STICKY_H
#define ALLOC_CONTEXT_STICKY_H

#include "alloc/park.h"

#include <errno.h>

/*
 * The largest block that stays with an NBL, in context bytes: 0..65520, a multiple of 16. It holds
 * 32 drivers of OVS's and npcap's 32 bytes, or four of XDP's 216; the 1.8 million NBLs that
 * an uncapped pool can have keep 1.8 GiB at most so.
 */
enum { STICKY_KEEP_BYTES = 1024, STICKY_GROWTH = 2 };
_Static_assert(STICKY_KEEP_BYTES >= 0 && STICKY_KEEP_BYTES <= 65520 &&
		       STICKY_KEEP_BYTES % CONTEXT_ALIGN_BYTES == 0,
	"a block's Size");

static COLD NET_BUFFER_LIST_CONTEXT *sticky_grow(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t want, uint32_t tag)
{
	const NET_BUFFER_LIST_CONTEXT *front = context_front_fallback(context, nbl);
	uint32_t size = front ? (uint32_t)front->Size * STICKY_GROWTH : 0;

	if (size > STICKY_KEEP_BYTES)
		size = STICKY_KEEP_BYTES;
	NET_BUFFER_LIST_CONTEXT *block = context_malloc_block(self, size > want ? size : want, tag);
	if (likely(block != NULL))
		park_hide(nbl, park_block(nbl));
	return block;
}

ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_sticky_alloc(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *block = park_use(self, nbl, bytes + backfill, tag);

	if (unlikely(block == NULL))
		return sticky_grow(context, self, nbl, bytes + backfill, tag);
	park_set_stays(
		block, park_alone(context, nbl) && park_holds(nbl, block, park_stamp(context)));
	return block;
}

/* A block is popped that is not parked, or whose stamp is old. */
static COLD void sticky_keep_larger(struct context *context, struct context_thread *self,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	const NET_BUFFER_LIST_CONTEXT *parked = park_block(nbl);

	if (block == parked) {
		park_drop(self, nbl);
		return;
	}
	if (block->Size > STICKY_KEEP_BYTES || (parked != NULL && parked->Size >= block->Size)) {
		context_free_block(self, block);
		return;
	}
	if (parked != NULL)
		park_drop(self, nbl);
	park_put(self, nbl, block, park_stamp(context));
}

ALWAYS_INLINE void context_sticky_free(struct context *context, struct context_thread *self,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	if (unlikely(!park_holds(nbl, block, park_stamp(context))))
		sticky_keep_larger(context, self, nbl, block);
}

static int context_sticky_create(const struct context_config *config, struct context **out)
{
	struct park *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->base.inline_bytes = config->context_bytes;
	*out = &self->base;
	return 0;
}

static void context_sticky_destroy(struct context *context)
{
	memory_free(context, sizeof(struct park));
}

static void context_sticky_flush(struct context *context, struct context_thread *self)
{
	atom_u32 *stamp = &((struct park *)context)->stamp;
	uint32_t old = atom_load_relaxed(stamp); /* see park_stamp */

	(void)self;
	while (!atom_cas_weak_relaxed(stamp, &old, (old + 1) % PARK_STAMPS))
		;
}

static int context_sticky_check_nbl(struct context *context, NET_BUFFER_LIST *nbl, char *why)
{
	const NET_BUFFER_LIST_CONTEXT *parked = park_block(nbl);

	(void)context;
	if (!park_intact(nbl, why))
		return -EINVAL;
	if (parked == NULL || parked->Size <= STICKY_KEEP_BYTES)
		return 0;
	snprintf(why, CONTEXT_REASON_BYTES, "NBL %p has a block of %u bytes parked, more than %d",
		(void *)nbl, parked->Size, (int)STICKY_KEEP_BYTES);
	return -EINVAL;
}

static const struct context_ops context_sticky_ops = {
	.name = "sticky",
	.summary = "the NBL keeps its largest fallback block and uses it again",
	.traits = {.progress = POOL_BLOCKING, .in_place = true, .retains = true},
	.create = context_sticky_create,
	.destroy = context_sticky_destroy,
	.attach = context_attach_plain,
	.detach = context_detach_plain,
	.begin = park_begin,
	.alloc = context_sticky_alloc,
	.free = context_sticky_free,
	.retire = park_retire,
	.flush = context_sticky_flush,
	.kept_bytes = context_kept,
	.check = context_check_kept,
	.check_nbl = context_sticky_check_nbl,
};

#endif
