/*
 * A place for one context block of its own in each NBL, in the policy's word: for policies that
 * leave a fallback block with its NBL when it is popped and use it again for the next fallback.
 *
 *	NBL.NdisReserved[1] -> [16 prefix | 16 header | Size bytes]     malloc'd
 *	        low four bits: the stamp under which it was parked
 *
 * The block is *idle* until a driver needs it, and idle again when the last of its bytes is popped:
 * wholly unused (Offset == Size), so the word does not change and nothing is written to say so. An
 * idle block is hidden: the chain, and with it everything a driver sees, is that of an NBL without
 * it.
 *
 * Or it *stays*: pushed where no byte of context is in use, on an NBL without blocks or in front of
 * its unused inline block, it need not leave the chain when it is idle again, for there is nothing
 * behind it that a driver could look for. Further pushes find it as room in the front block, and
 * neither they nor their pops reach the policy. It is idle in the chain then; when the NBL is freed
 * it is simply not in the next one's.
 *
 * It remains charged to the tag that pushed it last, until its memory goes back or a push under
 * another tag takes it over: that driver's contexts are what the memory is there for, and a steady
 * stack of drivers never touches the accounts.
 *
 * The word is the NBL owner's, like the chain; it goes from owner to owner with the NBL itself, so
 * no access is atomic. The context's stamp changes when what it has learned becomes void: a block
 * with an old stamp is given back when its NBL is next allocated, or leaves the chain. It has 16
 * values, so a block that slept through 16 changes passes for fresh; it is then merely kept on.
 *
 * Over a general allocator the NBL's memory goes back at every free, and the parked block with it
 * (retire): there is nothing to come back to, and such a pool allocates at every fallback.
 *
 * P1  A parked block is in its NBL's chain if it is in use. If it is idle it is in no chain, or it
 * stays and is the front block: whoever pushes another one hides it first.
 */
#ifndef ALLOC_PARK_H
#define ALLOC_PARK_H

#include "alloc/context.h"

enum { PARK_STAMPS = 16 };
_Static_assert((int)PARK_STAMPS <= (int)CONTEXT_ALIGN_BYTES,
	"block headers leave so many low values free");

/* The base of a policy that parks. */
struct park {
	struct context base;
	/* The present stamp, below PARK_STAMPS. Changed seldom, read at every NBL allocation. */
	CACHE_PAIR_ALIGNED atom_u32 stamp;
};

ALWAYS_INLINE uint32_t park_stamp(struct context *context)
{
	/* Relaxed: a stale stamp delays a block's return by one use of its NBL. */
	return atom_load_relaxed(&((struct park *)context)->stamp);
}

/* The parked block, or NULL. */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *park_block(NET_BUFFER_LIST *nbl)
{
	return (NET_BUFFER_LIST_CONTEXT *)((uintptr_t)*context_word(nbl) &
					   ~(uintptr_t)(PARK_STAMPS - 1));
}

ALWAYS_INLINE uint32_t park_block_stamp(NET_BUFFER_LIST *nbl)
{
	return (uint32_t)((uintptr_t)*context_word(nbl) % PARK_STAMPS);
}

ALWAYS_INLINE bool park_idle(const NET_BUFFER_LIST_CONTEXT *block)
{
	return block->Offset == block->Size;
}

/* True if the block stays: all of it may be popped, and it does not leave then. */
ALWAYS_INLINE bool park_stays(const NET_BUFFER_LIST_CONTEXT *block)
{
	return block->NdisReserved[0] == block->Size;
}

ALWAYS_INLINE void park_set_stays(NET_BUFFER_LIST_CONTEXT *block, bool stays)
{
	block->NdisReserved[0] = (USHORT)(block->Size - !stays); /* the limit: nbl.h */
}

/* True if no byte of context is in use on the NBL, and no block but its own in the chain. */
ALWAYS_INLINE bool park_alone(const struct context *context, const NET_BUFFER_LIST *nbl)
{
	const NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	return front == NULL ||
	       (context_is_inline(context, nbl, front) && front->Offset == front->Size);
}

/* Hides the parked block, if there is one and it is idle in the chain: it is the front block. */
static inline void park_hide(NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *parked)
{
	if (parked != NULL && nbl->Context == parked && park_idle(parked))
		nbl->Context = parked->Next;
}

/* True if block is the parked one, under this stamp: it may stay. One load, one compare. */
ALWAYS_INLINE bool park_holds(NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block, uint32_t stamp)
{
	return *context_word(nbl) == (unsigned char *)block + stamp;
}

/* The parked block changes hands: its bytes are charged to another tag. */
static COLD void park_recharge(
	struct context_thread *self, NET_BUFFER_LIST_CONTEXT *block, uint32_t tag)
{
	context_uncharge(self, block);
	context_charge(self, block, tag);
}

/*
 * The parked block for `bytes` bytes under tag; NULL if there is none, it is in use or too small.
 * A load of the NBL's first line and three of the block's header and prefix.
 */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *park_use(
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *block = park_block(nbl);

	if (unlikely(block == NULL || block->Size < bytes || !park_idle(block)))
		return NULL;
	if (unlikely(context_prefix(block)->tag != tag))
		park_recharge(self, block, tag);
	self->paths.reuse++;
	return block;
}

/* Parks block where none is parked. */
static inline void park_put(struct context_thread *self, NET_BUFFER_LIST *nbl,
	NET_BUFFER_LIST_CONTEXT *block, uint32_t stamp)
{
	*context_word(nbl) = (unsigned char *)block + stamp;
	context_keep(self, (int64_t)context_block_bytes(block->Size));
}

/*
 * Parks none any more: the block, which there is, goes back, now if it is idle, else when it is
 * popped.
 */
static COLD void park_drop(struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	NET_BUFFER_LIST_CONTEXT *block = park_block(nbl);

	*context_word(nbl) = NULL;
	context_keep(self, -(int64_t)context_block_bytes(block->Size));
	if (!park_idle(block)) {
		if (park_stays(block))
			park_set_stays(block, false);
		return;
	}
	park_hide(nbl, block);
	context_free_block(self, block);
}

/* The policy's begin: a load, and a second one and a compare where a block is parked. */
ALWAYS_INLINE void park_begin(
	struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	if (*context_word(nbl) != NULL && unlikely(park_block_stamp(nbl) != park_stamp(context)))
		park_drop(self, nbl);
}

/* The policy's retire. Without a thread the context is about to end, and its count with it. */
static inline void park_retire(
	struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	(void)context;
	if (*context_word(nbl) == NULL)
		return;
	if (self != NULL)
		park_drop(self, nbl);
	else
		context_free_block(NULL, park_block(nbl));
	*context_word(nbl) = NULL;
}

/*
 * P1, for the policy's check_nbl; the chain is known to end, and to have no unused block but those
 * that may stay.
 */
static inline bool park_intact(NET_BUFFER_LIST *nbl, char *why)
{
	const NET_BUFFER_LIST_CONTEXT *parked = park_block(nbl);
	const NET_BUFFER_LIST_CONTEXT *b = nbl->Context;

	while (b != NULL && b != parked)
		b = b->Next;
	if (parked == NULL || (park_idle(parked) ? b == NULL || b == nbl->Context : b != NULL))
		return true;
	snprintf(why, CONTEXT_REASON_BYTES, "context block %p is parked with NBL %p, %s",
		(const void *)parked, (void *)nbl,
		b ? "idle, and behind another block" : "in use, and not in its chain");
	return false;
}

#endif
