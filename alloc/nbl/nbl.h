/*
 * NET_BUFFER_LISTs over any pool strategy and any context policy: the hot calls.
 *
 * Every function takes the strategy's and the policy's table as parameters. A unit that passes the
 * addresses of visible constant tables gets everything folded; alloc/ndis/ passes the tables of the
 * pool and pays the indirect calls.
 *
 *	nbl_alloc          nbl_get takes an NBL and resets it; context and data follow
 *	nbl_free           the mark and the contexts are checked; nbl_rest, nbl_put_resting
 *	nbl_context_push   in the front block, or in a fallback block of the policy's (chain.h)
 *	nbl_context_pop    the other way
 *
 * Beside this stand the pools and their handles (pools.h), what a thread has of a pool (threads.h),
 * the layout of an object (object.h), marks, by which misuse is found (marks.h, misuse.h), counts
 * (accounts.h), MDLs and data (data.h), and pools of NBs and MDLs (buffers.h).
 */
#ifndef ALLOC_NBL_NBL_H
#define ALLOC_NBL_NBL_H

#include "alloc/nbl/accounts.h"
#include "alloc/nbl/chain.h"
#include "alloc/nbl/data.h"
#include "alloc/nbl/marks.h"
#include "alloc/nbl/misuse.h"
#include "alloc/nbl/object.h"
#include "alloc/nbl/pools.h"
#include "alloc/nbl/quarantine.h"
#include "alloc/nbl/threads.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* What an NBL of nbl_get has in lines 0 and 8, but for the NB's data. word: its mark, with FREE. */
ALWAYS_INLINE void nbl_reset(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, void *word,
	bool with_nb, uint32_t context_bytes)
{
	NET_BUFFER_LIST_CONTEXT *block = nbl_inline_block(pool, nbl);

	nbl->Next = NULL;
	nbl->FirstNetBuffer = with_nb ? nbl_embedded_nb(nbl) : NULL;
	nbl->Context = block;
	/* From its mark while it was free: so the pool's line is not looked at. Nobody else has seen it. */
	nbl->NdisReserved[0] = nbl_mark_turn(word, NBL_MARK_FREE, NBL_MARK_LIVE);
	nbl->NblFlags = 0;
	nbl->Flags = 0;
	nbl->ChildRefCount = 0;
	nbl->Status = 0;
	if (block != NULL) {
		block->Next = NULL;
		*nbl_block_sizes(block) = pool->inline_sizes - nbl_sizes_owned(context_bytes);
	}
}

/*
 * Takes an NBL from the pool with everything reset but the NB's data: Context is the inline block, of
 * which context_bytes bytes, at most all, are the NBL's own. NULL: none, or no memory. The pool's two
 * locked instructions or none, and stores to lines 0 and 8.
 */
ALWAYS_INLINE NET_BUFFER_LIST *nbl_get(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, uint32_t context_bytes)
{
	NET_BUFFER_LIST *nbl = (NET_BUFFER_LIST *)ops->get(pool->pool, self->pool_thread);

	if (unlikely(nbl == NULL))
		return NULL;
	nbl_prefetch_unread(pool, nbl);
	void *word = nbl->NdisReserved[0];
	if (ops->traits.kind == POOL_KIND_ALLOCATOR)
		nbl_birth(pool, nbl); /* the memory comes with anything in it */
	else if (unlikely(word == NULL))
		nbl_birth_once(pool, nbl);
	else if (ops->traits.kind == POOL_KIND_POOL && unlikely(pool->checks))
		nbl_rest_intact(pool, nbl, "NBL allocation");
	if (ops->traits.kind != POOL_KIND_POOL || unlikely(word == NULL || pool->checks))
		word = nbl_mark(nbl, pool, NBL_MARK_FREE);

	nbl_reset(pool, nbl, word, pool->with_nb, context_bytes);
	/* The test is begin's own: here it spares the call. */
	if (policy->begin && *context_word(nbl) != NULL)
		policy->begin(pool->context, self->context_thread, nbl);
	nbl_account_out(self);
	return nbl;
}

/* Gives a new NBL the pool's own data, or data at a place in the chain; nothing if it has no NB. */
ALWAYS_INLINE void nbl_set_new_data(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, MDL *chain,
	const struct nbl_place *place, uint32_t offset, uint32_t length)
{
	if (pool->data_bytes)
		nbl_set_own_data(pool, nbl, nbl_embedded_nb(nbl));
	else if (pool->with_nb)
		nbl_set_data(nbl_embedded_nb(nbl), chain, place, offset, length);
}

/* The end of a put: an NBL in its resting state, marked free, is counted and the strategy's. */
ALWAYS_INLINE void nbl_put_marked(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl, bool verify)
{
	nbl_account_back(self);
	/* The memory of other kinds may be gone, or serve another NBL, before the pool ends. */
	if (ops->traits.kind != POOL_KIND_POOL && policy->retire)
		policy->retire(pool->context, self->context_thread, nbl);
	if (unlikely(verify))
		nbl_quarantine(self, nbl);
	else
		ops->put(pool->pool, self->pool_thread, nbl);
}

/* The same in a pool without `checks`. mark: the NBL's, with FREE. */
ALWAYS_INLINE void nbl_put_resting(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl, void *mark)
{
	atom_store_relaxed(nbl_mark_word(nbl), mark);
	nbl_put_marked(ops, policy, pool, self, nbl, false);
}

/* Brings an NBL that has nothing on it into its resting state. */
ALWAYS_INLINE void nbl_rest(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	if (policy->end)
		policy->end(pool->context, self->context_thread, nbl);
	if (ops->traits.kind == POOL_KIND_ALLOCATOR)
		return;
	/* Each look has its own branch: joined, gcc would make a number of the flags and test it. */
	if (likely(pool->wide == VECTOR_BYTES_LONG)) {
		if (unlikely(nbl_is_dirty_long(pool, nbl)))
			nbl_clean_lines(pool, nbl);
	} else if (unlikely(nbl_is_dirty(pool, nbl))) {
		nbl_clean_lines(pool, nbl);
	}
}

/* Puts an NBL of any pool back that has nothing on it, and that nobody else has seen. */
COLD void nbl_put(struct nbl_thread *self, NET_BUFFER_LIST *nbl);

/*
 * True if sizes are multiples of the stricter alignment, the context fits the inline block, and the
 * data begin in the first MDL and end there.
 */
ALWAYS_INLINE bool nbl_is_ordinary(const struct nbl_pool *pool, uint32_t context_bytes,
	uint32_t backfill, const MDL *chain, uint32_t offset, uint64_t length)
{
	return likely((context_bytes | backfill) % CONTEXT_ALIGN_BYTES == 0) &&
	       likely(context_bytes <= pool->inline_bytes) &&
	       likely(nbl_place_is_first(chain, offset, length));
}

/* nbl_alloc for what is out of the ordinary. */
COLD int nbl_alloc_other(struct nbl_thread *self, uint32_t context_bytes, uint32_t backfill,
	MDL *chain, uint32_t offset, uint64_t length, NET_BUFFER_LIST **out);

/*
 * NdisAllocateNetBufferAndNetBufferList on a pool with NB and without data. context_bytes,
 * backfill: 0..65535, multiples of the alignment. chain may be NULL with offset and length 0. 0 and
 * *out; -EINVAL: a size is misaligned or too large, or the chain is shorter than offset + length;
 * -ENOMEM. *out is untouched on failure.
 */
ALWAYS_INLINE int nbl_alloc(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, uint32_t context_bytes, uint32_t backfill,
	MDL *chain, uint32_t offset, uint64_t length, NET_BUFFER_LIST **out)
{
	if (unlikely(!nbl_is_ordinary(pool, context_bytes, backfill, chain, offset, length)))
		return nbl_alloc_other(self, context_bytes, backfill, chain, offset, length, out);
	NET_BUFFER_LIST *nbl = nbl_get(ops, policy, pool, self, context_bytes);
	if (unlikely(nbl == NULL))
		return -ENOMEM;
	nbl_set_new_data(pool, nbl, chain, &(struct nbl_place){.mdl = chain, .offset = offset},
		offset, (uint32_t)length);
	*out = nbl;
	return 0;
}

/* Gives the blocks before `last` back that came with the NBL's allocation. */
ALWAYS_INLINE void nbl_free_own_contexts(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *last)
{
	while (nbl->Context != last) {
		context_set_unused(nbl->Context, nbl->Context->Size);
		nbl_context_release(policy, pool, self, nbl);
	}
}

/*
 * True if no block is on an NBL of this mark but its inline block, where it has one, and nothing in that in
 * use. Each case has its own compare: for one block, or NULL, gcc would choose with five instructions more.
 */
ALWAYS_INLINE bool nbl_is_bare(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	const NET_BUFFER_LIST_CONTEXT *front = nbl->Context;
	const uint32_t offset = pool->inline_offset;

	if (!nbl_mark_has_block(mark) || unlikely(offset == 0))
		return likely(front == NULL);
	/* The inline block's limit is bare: it never leaves. */
	return likely((const unsigned char *)front == (const unsigned char *)nbl + offset) &&
	       likely(front->Offset == front->NdisReserved[0]);
}

/* Frees what nbl_claim_free has claimed by the same mark. */
COLD void nbl_free_claimed(struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark);

/* nbl_free in a pool with `checks`: claims and frees. */
COLD bool nbl_free_checked(
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call);

/*
 * Frees an NBL of this pool that carries the mark (a constant: LIVE, or one of the clones') and
 * what came with it. False: references keep it; or misuse, reported under `call`, nothing changed:
 * it does not carry the mark, or contexts are still on it. Never follows Next.
 */
ALWAYS_INLINE bool nbl_free(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark,
	const char *call)
{
	if (unlikely(pool->checks))
		return nbl_free_checked(self, nbl, mark, call);
	void *word = atom_load_relaxed(nbl_mark_word(nbl));
	if (unlikely(word != nbl_mark(nbl, pool, mark))) {
		if (!nbl_owner_leaves(pool, nbl, mark, call))
			return false;
		word = nbl_mark(nbl, pool, mark);
	}
	if (unlikely(!nbl_is_bare(pool, nbl, mark))) {
		if (nbl_report_contexts(pool, nbl, call))
			return false;
		nbl_free_own_contexts(policy, pool, self, nbl,
			nbl_mark_has_block(mark) ? nbl_inline_block(pool, nbl) : NULL);
	}
	nbl_rest(ops, policy, pool, self, nbl);
	nbl_put_resting(ops, policy, pool, self, nbl, nbl_mark_turn(word, mark, NBL_MARK_FREE));
	return true;
}

/* The end of a free that found something to clean, in a pool without `checks`. */
NOINLINE void nbl_free_dirty(struct nbl_thread *self, NET_BUFFER_LIST *nbl);

/*
 * NdisAllocateNetBufferListContext, after the caller has made sure that nbl is live and of this
 * pool. bytes, backfill: as documented, 0..65535. 0; -EINVAL: a size is no multiple of the
 * alignment, or the sum passes the USHORT; -ENOMEM. Nothing changed on failure. With room: two
 * loads, a store, no call.
 */
ALWAYS_INLINE int nbl_context_push(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	enum nbl_room room = nbl_context_room(policy, pool, nbl, bytes, backfill);

	if (nbl_is_even(policy) && room == NBL_ROOM_MADE)
		return 0;
	if (!nbl_is_even(policy) && likely(room == NBL_ROOM_MADE))
		return 0;
	if (unlikely(room == NBL_ROOM_REFUSED))
		return -EINVAL;
	return nbl_context_fallback(policy, pool, self, nbl, bytes, backfill, tag, false);
}

/*
 * NdisFreeNetBufferListContext, after the caller has made sure that nbl is live and of this pool.
 * False: misuse, reported under `call`, nothing changed. Within a block: three loads, a store, no
 * call.
 */
ALWAYS_INLINE bool nbl_context_pop(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, const char *call)
{
	enum nbl_popped popped = nbl_context_give(policy, pool, nbl, bytes);

	if (nbl_is_even(policy) && popped == NBL_POPPED)
		return true;
	if (!nbl_is_even(policy) && likely(popped == NBL_POPPED))
		return true;
	if (unlikely(popped == NBL_POP_REFUSED)) {
		nbl_report_pop(pool, nbl, nbl->Context, bytes, call);
		return false;
	}
	nbl_context_release(policy, pool, self, nbl);
	return true;
}

#endif
