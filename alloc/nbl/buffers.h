/*
 * Loose NBs and MDLs, in pools of their own. The payload stands NBL_LOOSE_OFFSET bytes into the
 * object, behind the pool's word and our mark.
 */
#ifndef ALLOC_NBL_BUFFERS_H
#define ALLOC_NBL_BUFFERS_H

#include "alloc/nbl/accounts.h"
#include "alloc/nbl/data.h"
#include "alloc/nbl/marks.h"
#include "alloc/nbl/object.h"
#include "alloc/nbl/quarantine.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/*
 * Takes an object of an NB or MDL pool and returns its payload, marked live, in its resting state.
 * NULL: none, or no memory.
 */
ALWAYS_INLINE void *nbl_loose_get(
	const struct pool_ops *ops, struct nbl_pool *pool, struct nbl_thread *self)
{
	unsigned char *object = (unsigned char *)ops->get(pool->pool, self->pool_thread);

	if (unlikely(object == NULL))
		return NULL;
	void *payload = object + NBL_LOOSE_OFFSET;
	nbl_loose_set_mark(payload, pool, NBL_MARK_LIVE);
	nbl_account_out(self);
	return payload;
}

/* Puts back what nbl_loose_get returned. The payload is in its resting state. */
ALWAYS_INLINE void nbl_loose_put(
	const struct pool_ops *ops, struct nbl_pool *pool, struct nbl_thread *self, void *payload)
{
	void *object = (unsigned char *)payload - NBL_LOOSE_OFFSET;

	nbl_loose_set_mark(payload, pool, NBL_MARK_FREE);
	nbl_account_back(self);
	if (unlikely(pool->verify))
		nbl_quarantine(self, object);
	else
		ops->put(pool->pool, self->pool_thread, object);
}

/*
 * NdisAllocateNetBuffer on a pool without data, NdisAllocateNetBufferMdlAndData on one with. 0 and
 * *out; -EINVAL: the chain is shorter than offset + length; -ENOMEM. *out is untouched on failure.
 */
ALWAYS_INLINE int nbl_nb_alloc(const struct pool_ops *ops, struct nbl_pool *pool,
	struct nbl_thread *self, MDL *chain, uint32_t offset, uint64_t length, NET_BUFFER **out)
{
	struct nbl_place place;

	if (unlikely(length > UINT32_MAX || !nbl_place(chain, offset, length, &place)))
		return -EINVAL;
	NET_BUFFER *nb = (NET_BUFFER *)nbl_loose_get(ops, pool, self);
	if (unlikely(nb == NULL))
		return -ENOMEM;
	if (ops->traits.kind == POOL_KIND_ALLOCATOR)
		memset(nb, 0, offsetof(NET_BUFFER, Next)); /* else nbl_nb_free has done it */
	nb->NdisPoolHandle = pool;
	if (pool->data_bytes)
		nbl_set_own_data(pool, (unsigned char *)nb - NBL_LOOSE_OFFSET, nb);
	else
		nbl_set_data(nb, chain, &place, offset, (uint32_t)length);
	*out = nb;
	return 0;
}

/* Frees a live NB of this pool. */
ALWAYS_INLINE void nbl_nb_free(
	const struct pool_ops *ops, struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER *nb)
{
	enum { WORDS = offsetof(NET_BUFFER, Next) / NBL_WORD_BYTES };
	const nbl_word *words = (const nbl_word *)nb;
	uint64_t any = 0;

	for (int i = 0; i < WORDS; i++)
		any |= words[i];
	if (ops->traits.kind != POOL_KIND_ALLOCATOR && unlikely(any != 0))
		memset(nb, 0, offsetof(NET_BUFFER, Next));
	nbl_loose_put(ops, pool, self, nb);
}

#endif
