/*
 * A region: a piece of memory that stays with one NBL, from which the NBL's fallback blocks are cut. For
 * policies that keep what one packet needed for the next packet in the same NBL: `sticky`, `adaptive`.
 *
 *	NdisReserved[1] ------.                Context -.
 *	                       v                         v
 *	[64 struct region | slot | slot | slot | slot in use | idle slot | idle slot | room ]
 *	          a slot: [16 prefix | 16 header | Size bytes, rounded up to 16]
 *
 * A stack of slots. Contexts nest: the block that was pushed last is popped first. So the blocks of one
 * NBL form a stack, and a region holds them side by side, in *slots*. The *top* divides the slots. Those
 * below it are blocks of the NBL's chain. Those above it are *idle*, and no driver sees them. A driver
 * sees the blocks that the reference shows, of exactly the sizes that were asked for.
 *
 * Where the top is. The region does not store it. The prefix of each block in the chain has the address of
 * the top above that block: in a slot, the next slot; in the last slot, an *end* that all regions
 * share. So the front block of the chain leads to the top. Where the NBL has no fallback block, the top
 * is the first slot, and the NBL's word leads there. A push or a pop writes nothing but the chain.
 *
 * Idle slots. A pop leaves the slot as it is, with its header and its tag. A push of the same size under
 * the same tag takes the slot back as it is. The accounts do not change then: an idle slot stays charged
 * to the tag that pushed it last, until another push takes its place or the region goes. So a steady
 * stack of drivers never touches the accounts.
 *
 * Overflow. A push for which the region has no room gets a block from malloc. The top above that block is
 * the top below it. Where that is the end, no slot is added to the region until the block is gone: the
 * block would go on naming the end, and the top would be the new slot.
 *
 * Stamps. The policy has a stamp, which changes when what the policy has learned becomes void. A region
 * with another stamp is given back when its NBL is next allocated.
 *
 * Ownership. The word is the NBL owner's, like the chain. It goes from owner to owner with the NBL
 * itself, so no access is atomic.
 *
 * Over a general allocator the NBL's memory goes back at every free, and the region with it (retire). Such
 * a pool allocates at every first fallback.
 *
 * P1  The blocks of the chain that lie in the region are its slots below the top, the newest first.
 * P2  The region's slots lie side by side, and the last one leads to the end.
 * P3  A region goes only while its NBL has no fallback block.
 */
#ifndef ALLOC_CONTEXT_REGION_H
#define ALLOC_CONTEXT_REGION_H

#include "alloc/context.h"

#include <string.h>

#define REGION_STALE UINT32_MAX /* no policy's stamp */

struct region {
	uint64_t overflow; /* bytes, as slots, of the blocks that found no room and are out */
	uint32_t bytes;    /* of all slots and the room behind them; a multiple of 64 */
	uint32_t made;     /* bytes of the slots, idle ones among them */
	uint32_t need;     /* the policy's: bytes of slots that were wanted at once; 0 at first */
	uint32_t stamp;    /* the policy's when it was made, or REGION_STALE */
	uint32_t at_end;   /* blocks that are out and above which the top is the end */
	struct context_prefix *last; /* the newest slot */
	/* On a line: with 32 bytes of context each, OVS's and npcap's, a driver touches one. */
	CACHE_LINE_ALIGNED unsigned char slots[];
};
_Static_assert(sizeof(struct region) == CACHE_LINE_BYTES, "a line before the slots");

/* What a region's last slot leads to: it has no key. */
extern struct context_prefix region_end;

/* The base of a policy that parks. */
struct region_policy {
	struct context base;
	/* The present stamp, not REGION_STALE. Changed seldom, read at every NBL allocation. */
	CACHE_PAIR_ALIGNED atom_u32 stamp;
};

ALWAYS_INLINE uint32_t region_stamp(struct context *context)
{
	/* Relaxed: an old stamp delays a region's return by one use of its NBL. */
	return atom_load_relaxed(&((struct region_policy *)context)->stamp);
}

/* The region's first slot; NULL without a region. */
ALWAYS_INLINE struct context_prefix *region_first(NET_BUFFER_LIST *nbl)
{
	return *context_word(nbl);
}

/* The NBL's region, or NULL. */
ALWAYS_INLINE struct region *region_of(NET_BUFFER_LIST *nbl)
{
	struct context_prefix *first = region_first(nbl);

	return first ? (struct region *)first - 1 : NULL;
}

/*
 * The slot at the top, in use by nobody, or the end. NULL: there is no region, or there was none when
 * the front block was pushed, and the top is the first slot.
 */
ALWAYS_INLINE struct context_prefix *region_top(NET_BUFFER_LIST *nbl)
{
	NET_BUFFER_LIST_CONTEXT *front = context_front_fallback(nbl);

	return front ? context_prefix(front)->policy_ptr : region_first(nbl);
}

/* Bytes of a slot for a block of `size` bytes. */
ALWAYS_INLINE uint32_t region_slot_bytes(uint32_t size)
{
	const uint32_t mask = CONTEXT_ALIGN_BYTES - 1;

	return (uint32_t)context_block_bytes((size + mask) & ~mask);
}

/* Bytes of the slots below the top of the NBL's region. */
static inline uint32_t region_used(NET_BUFFER_LIST *nbl)
{
	const struct region *region = region_of(nbl);
	const struct context_prefix *top = region_top(nbl);

	if (top == &region_end)
		return region->made;
	return top ? (uint32_t)((const unsigned char *)top - region->slots) : 0;
}

/* Bytes of slots that an NBL with a region wants at once with one of so many bytes more. */
static inline uint64_t region_need(NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	return region_of(nbl)->overflow + region_used(nbl) + bytes;
}

/*
 * What a slot is known by: its tag and its Size, as one word. A policy that wants to see the next push
 * takes the first slot's key away (region_seal): no push then matches.
 */
ALWAYS_INLINE uint64_t region_key(uint32_t tag, uint32_t size)
{
	const struct context_prefix prefix = {.tag = tag, .policy_u32 = size};
	uint64_t key;

	memcpy(&key, &prefix, sizeof(key));
	return key;
}

/* From now on no push takes the region's first slot as it is: each comes to the policy. */
static inline void region_seal(NET_BUFFER_LIST *nbl)
{
	region_first(nbl)->policy_u32 = 0;
}

/* The region goes when its NBL is next allocated, if not before; and as region_seal. */
static inline void region_expire(NET_BUFFER_LIST *nbl)
{
	region_of(nbl)->stamp = REGION_STALE;
	region_seal(nbl);
}

/* The idle slots from `slot` on are charged to nobody any more. self as for context_account. */
static inline void region_uncharge(struct context_thread *self, struct context_prefix *slot)
{
	for (; slot != &region_end; slot = slot->policy_ptr)
		context_uncharge(self, context_block(slot));
}

/* The NBL's region, which it has, goes back. self as for context_account. */
COLD void region_drop(struct context_thread *self, NET_BUFFER_LIST *nbl);

/*
 * A region for so many bytes of slots or some more, for an NBL that has none; false: no memory. The
 * caller cuts a slot from it.
 */
bool region_make(struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t stamp);

/*
 * The idle slot at the top, if it is of this size and tag; else NULL. A load of the NBL's or the
 * front block's line, two of the slot; the line of the next driver's slot is fetched.
 */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *region_cut(NET_BUFFER_LIST *nbl, uint32_t size, uint32_t tag)
{
	struct context_prefix *top = region_top(nbl);
	uint64_t key;

	if (unlikely(top == NULL))
		return NULL;
	memcpy(&key, top, sizeof(key));
	if (unlikely(key != region_key(tag, size)))
		return NULL;
	__builtin_prefetch(top->policy_ptr, 1);
	return context_block(top);
}

/*
 * A slot at the top of the NBL's region, which it has, in the place of what lies there. NULL: no room.
 */
static inline NET_BUFFER_LIST_CONTEXT *region_cut_other(
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t size, uint32_t tag)
{
	struct region *region = region_of(nbl);
	const uint32_t used = region_used(nbl);
	struct context_prefix *top = (struct context_prefix *)(region->slots + used);
	NET_BUFFER_LIST_CONTEXT *block = context_block(top);
	const uint32_t bytes = region_slot_bytes(size);

	if (bytes > region->bytes - used || (used == region->made && region->at_end != 0))
		return NULL;
	if (used < region->made && block->Size == size) {
		context_uncharge(self, block);
	} else {
		if (used < region->made)
			region_uncharge(self, top);
		else if (used != 0)
			region->last->policy_ptr = top; /* no longer to the end */
		top->policy_ptr = &region_end;
		region->last = top;
		region->made = used + bytes;
	}
	context_set_unused(block, size);
	context_charge(self, block, tag);
	top->policy_u32 = size;
	self->paths.reuse++;
	return block;
}

/* A block from malloc. NULL: no memory. */
static inline NET_BUFFER_LIST_CONTEXT *region_overflow(
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t size, uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *block = context_malloc_block(self, size, tag);

	if (unlikely(block == NULL))
		return NULL;
	context_prefix(block)->policy_u32 = 0;
	context_prefix(block)->policy_ptr = NULL;
	if (region_of(nbl) != NULL) {
		struct context_prefix *top = region_top(nbl);

		context_prefix(block)->policy_ptr = top ? top : region_first(nbl);
		region_of(nbl)->at_end += top == &region_end;
		region_of(nbl)->overflow += region_slot_bytes(size);
	}
	return block;
}

/* A block without a key leaves: the sealed first slot, or an overflow. */
COLD void region_free_keyless(
	struct context_thread *self, NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block);

/* The policy's free: a slot is idle where it lies. */
ALWAYS_INLINE void region_free(struct context *context, struct context_thread *self,
	NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	(void)context;
	if (unlikely(context_prefix(block)->policy_u32 == 0))
		region_free_keyless(self, nbl, block);
}

/* True if the NBL has a region that its policy does not want any more. */
ALWAYS_INLINE bool region_is_stale(struct context *context, NET_BUFFER_LIST *nbl)
{
	const struct region *region = region_of(nbl);

	return region != NULL && unlikely(region->stamp != region_stamp(context));
}

/* The policy's begin: a load, and two more and a compare where there is a region. */
ALWAYS_INLINE void region_begin(
	struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	if (region_is_stale(context, nbl))
		region_drop(self, nbl);
}

/* The policy's retire. Without a thread the context is about to end, and its count with it. */
static inline void region_retire(
	struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	(void)context;
	if (region_of(nbl) != NULL)
		region_drop(self, nbl);
}

/* P1 and P2, for the policy's check_nbl; the chain is known to end. False, and a sentence in why. */
bool region_intact(NET_BUFFER_LIST *nbl, char *why);

#endif
