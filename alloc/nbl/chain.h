/*
 * The chain of context blocks on an NBL: the steps that a push and a pop (nbl.h) are made of.
 *
 * In a block, NdisReserved[0] stands for the *limit*: the Offset at which nothing is left that
 * nbl_context_pop may take. Where the block leaves the chain at its limit it holds one less than
 * that, which is no multiple of the alignment. So one compare finds the pops after which there is
 * nothing else to do.
 *
 * I2  limit <= Size in every block; Offset <= limit.
 * I3  The inline block, if there is one, is the last of the chain.
 */
#ifndef ALLOC_NBL_CHAIN_H
#define ALLOC_NBL_CHAIN_H

#include "alloc/nbl/marks.h"
#include "alloc/nbl/object.h"
#include "alloc/nbl/threads.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * True if bytes, or sizes joined by |, are no multiple of the alignment in force. A multiple of the
 * stricter one is one of either, so the pool is asked about other sizes only.
 */
ALWAYS_INLINE bool nbl_misaligned(const struct nbl_pool *pool, uint32_t bytes)
{
	return unlikely(bytes % CONTEXT_ALIGN_BYTES != 0) && (bytes & pool->align_mask) != 0;
}

/*
 * True where the policy is known and cuts fallbacks from what the NBL keeps, in a few instructions:
 * then neither that nor room in the front block is the unlikely case.
 */
ALWAYS_INLINE bool nbl_is_even(const struct context_ops *policy)
{
	return __builtin_constant_p(policy->retire != NULL) && policy->retire != NULL;
}

enum nbl_room { NBL_ROOM_MADE, NBL_ROOM_NONE, NBL_ROOM_REFUSED };

/*
 * The part of a push that needs no per-thread state: checks the sizes, and takes the bytes from the
 * front block if they fit there. MADE: done. NONE: a fallback block is wanted. REFUSED: a size is
 * no multiple of the alignment.
 */
ALWAYS_INLINE enum nbl_room nbl_context_room(const struct context_ops *policy,
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill)
{
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	if (unlikely(nbl_misaligned(pool, bytes | backfill)))
		return NBL_ROOM_REFUSED;
	if (unlikely(bytes == 0))
		return NBL_ROOM_MADE;
	if (nbl_is_even(policy) && front != NULL && front->Offset >= bytes) {
		front->Offset = (USHORT)(front->Offset - bytes);
		return NBL_ROOM_MADE;
	}
	if (!nbl_is_even(policy) && !policy->traits.any_order &&
		likely(front != NULL && front->Offset >= bytes)) {
		front->Offset = (USHORT)(front->Offset - bytes);
		return NBL_ROOM_MADE;
	}
	return NBL_ROOM_NONE;
}

/*
 * True if the front block has room for a push under a policy whose contexts nest, and the sizes are
 * multiples of the stricter alignment.
 */
ALWAYS_INLINE bool nbl_context_has_room(
	const NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill)
{
	const NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	return likely((bytes | backfill) % CONTEXT_ALIGN_BYTES == 0 && front != NULL &&
		      front->Offset >= bytes);
}

/* Likewise for a pop: so many bytes of the front block are in use, and it stays. */
ALWAYS_INLINE bool nbl_context_has_used(const NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	const NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	return likely(bytes % CONTEXT_ALIGN_BYTES == 0 && front != NULL &&
		      front->Offset + bytes <= front->NdisReserved[0]);
}

/*
 * Pushes a fallback block with `bytes` in use. owned: the bytes belong to the NBL and stay until it
 * is freed. 0, or -EINVAL: the sum passes the USHORT; -ENOMEM. Nothing changed on failure.
 */
ALWAYS_INLINE int nbl_context_fallback(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag, bool owned)
{
	if (unlikely(bytes + backfill > CONTEXT_BYTES_MAX))
		return -EINVAL;
	NET_BUFFER_LIST_CONTEXT *block =
		policy->alloc(pool->context, self->context_thread, nbl, bytes, backfill, tag);
	if (unlikely(block == NULL))
		return -ENOMEM;
	block->Next = nbl->Context;
	block->Offset = (USHORT)(policy->traits.exact ? backfill : block->Size - bytes);
	if (owned)
		block->NdisReserved[0] = block->Offset; /* and stays */
	nbl->Context = block;
	return 0;
}

enum nbl_popped { NBL_POPPED, NBL_POPPED_LAST, NBL_POP_REFUSED };

/*
 * The part of a pop that needs no per-thread state. POPPED: done. LAST: done, and the front block,
 * a fallback block, is to be released. REFUSED: misuse, nothing changed.
 */
ALWAYS_INLINE enum nbl_popped nbl_context_give(const struct context_ops *policy,
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	if (unlikely(nbl_misaligned(pool, bytes)))
		return NBL_POP_REFUSED;
	if (unlikely(bytes == 0))
		return NBL_POPPED;
	if (unlikely(front == NULL))
		return NBL_POP_REFUSED;
	uint32_t offset = front->Offset + bytes;
	const bool within = offset <= front->NdisReserved[0];
	if (nbl_is_even(policy) && within) {
		front->Offset = (USHORT)offset;
		return NBL_POPPED;
	}
	if (!nbl_is_even(policy) && likely(within)) {
		front->Offset = (USHORT)offset;
		return NBL_POPPED;
	}
	/* Offsets are even: one beyond what stands there is the limit of a block that leaves. */
	if (unlikely(offset != front->NdisReserved[0] + 1u))
		return NBL_POP_REFUSED;
	return NBL_POPPED_LAST;
}

/*
 * Takes the front block, a fallback block of which nothing is in use, out of the chain and gives it
 * back.
 */
ALWAYS_INLINE void nbl_context_release(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	NET_BUFFER_LIST_CONTEXT *block = nbl->Context;

	nbl->Context = block->Next;
	policy->free(pool->context, self->context_thread, nbl, block);
}

/*
 * For policies that free in any order: the newest block that was pushed under tag, or NULL. Walks
 * the chain.
 */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *nbl_context_find(
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *inline_block = nbl_inline_block(pool, nbl);

	for (NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != NULL && b != inline_block;
		b = b->Next) {
		if (context_prefix(b)->tag == tag && context_leaves(b))
			return b;
	}
	return NULL;
}

/*
 * For policies that free in any order: takes block, which nbl_context_find returned, out of the
 * chain and gives it back.
 */
ALWAYS_INLINE void nbl_context_remove(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	NET_BUFFER_LIST_CONTEXT **link = &nbl->Context;

	while (*link != block)
		link = &(*link)->Next;
	*link = block->Next;
	context_set_unused(block, block->Size);
	policy->free(pool->context, self->context_thread, nbl, block);
}

enum { NBL_CONTEXTS_LOST = UINT16_MAX }; /* no sum of contexts: they are multiples of 8 */

/*
 * Bytes of context on an NBL of this mark that were pushed and not popped; NBL_CONTEXTS_LOST: the
 * chain doesn't lead to its end (I3: the inline block, or NULL where there is none).
 */
COLD uint32_t nbl_contexts_left(
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark);

/* Reports contexts that were pushed and not popped, and returns true; false: there are none. */
COLD bool nbl_report_contexts(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, const char *call);

#endif
