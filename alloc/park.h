/*
 * A parking place for one context block in each NBL, in the policy's word: for policies that leave
 * a fallback block with its NBL when it is popped and use it again for the next fallback.
 *
 *	NBL.NdisReserved[1] -> [16 prefix | 16 header | Size bytes]     malloc'd; in no chain
 *	        low four bits: the stamp under which it was parked
 *
 * The parked block is hidden: the chain, and with it everything a driver sees, is that of an NBL
 * without it. The word is the NBL owner's, like the chain; it goes from owner to owner with the NBL
 * itself, so no access is atomic. The context's stamp changes when what it has learned becomes
 * void: a block with an old stamp is given back when its NBL is next used. It has 16 values, so a
 * block that slept through 16 changes passes for fresh; it is then merely kept on.
 *
 * Over a general allocator the NBL's memory goes back at every free, and the parked block with it
 * (retire): there is nothing to come back to, and such a pool allocates at every fallback.
 *
 * P1  A parked block is in no chain.
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
	/* The present stamp, modulo PARK_STAMPS. Changed seldom, read at every NBL allocation. */
	CACHE_PAIR_ALIGNED atom_u32 stamp;
};

ALWAYS_INLINE uint32_t park_stamp(struct context *context)
{
	/* Relaxed: a stale stamp delays a block's return by one use of its NBL. */
	return atom_load_relaxed(&((struct park *)context)->stamp) % PARK_STAMPS;
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

/* Takes the parked block, which there is, for use. */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *park_take(struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	NET_BUFFER_LIST_CONTEXT *block = park_block(nbl);

	*context_word(nbl) = NULL;
	context_keep(self, -(int64_t)context_block_bytes(block->Size));
	return block;
}

/* Parks block where none is parked. */
ALWAYS_INLINE void park_put(struct context_thread *self, NET_BUFFER_LIST *nbl,
	NET_BUFFER_LIST_CONTEXT *block, uint32_t stamp)
{
	*context_word(nbl) = (unsigned char *)block + stamp;
	context_keep(self, (int64_t)context_block_bytes(block->Size));
}

/* Gives the parked block back, which there is. */
static COLD void park_drop(struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	context_free_block(park_take(self, nbl));
}

/* The policy's begin: a load, and a second one and a compare where a block is parked. */
ALWAYS_INLINE uint32_t park_begin(
	struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	if (*context_word(nbl) != NULL && unlikely(park_block_stamp(nbl) != park_stamp(context)))
		park_drop(self, nbl);
	return context->inline_bytes;
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
		context_free_block(park_block(nbl));
	*context_word(nbl) = NULL;
}

/* P1, for the policy's check_nbl; the chain is known to end. */
static inline bool park_intact(NET_BUFFER_LIST *nbl, char *why)
{
	const NET_BUFFER_LIST_CONTEXT *parked = park_block(nbl);

	for (const NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != NULL; b = b->Next) {
		if (b == parked) {
			snprintf(why, CONTEXT_REASON_BYTES,
				"context block %p of NBL %p is parked and in use", (const void *)b,
				(void *)nbl);
			return false;
		}
	}
	return true;
}

#endif
