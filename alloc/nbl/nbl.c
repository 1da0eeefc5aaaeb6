/* The cold half of nbl.h. */
#include "alloc/nbl/nbl.h"

int nbl_alloc_other(struct nbl_thread *self, uint32_t context_bytes, uint32_t backfill, MDL *chain,
	uint32_t offset, uint64_t length, NET_BUFFER_LIST **out)
{
	struct nbl_pool *pool = self->pool;
	const bool fits = context_bytes <= pool->inline_bytes;
	struct nbl_place place;

	if (nbl_misaligned(pool, context_bytes | backfill) || length > UINT32_MAX ||
		!nbl_place(chain, offset, length, &place))
		return -EINVAL;
	NET_BUFFER_LIST *nbl =
		nbl_get(pool->ops, pool->policy, pool, self, fits ? context_bytes : 0);
	if (nbl == NULL)
		return -ENOMEM;
	int rc = fits ? 0
		      : nbl_context_fallback(pool->policy, pool, self, nbl, context_bytes, backfill,
				pool->tag, true);
	if (rc != 0) {
		nbl_put(self, nbl);
		return rc;
	}
	nbl_set_new_data(pool, nbl, chain, &place, offset, (uint32_t)length);
	*out = nbl;
	return 0;
}

void nbl_free_claimed(struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	struct nbl_pool *pool = self->pool;
	NET_BUFFER_LIST_CONTEXT *block =
		nbl_mark_has_block(mark) ? nbl_inline_block(pool, nbl) : NULL;

	nbl_free_own_contexts(pool->policy, pool, self, nbl, block);
	nbl_rest(pool->ops, pool->policy, pool, self, nbl);
	nbl_put_marked(pool->ops, pool->policy, pool, self, nbl, pool->verify);
}

bool nbl_free_checked(
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call)
{
	if (!nbl_claim_free(self->pool, nbl, mark, call))
		return false;
	nbl_free_claimed(self, nbl, mark);
	return true;
}

void nbl_free_dirty(struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	struct nbl_pool *pool = self->pool;

	nbl_clean_lines(pool, nbl);
	nbl_put_resting(
		pool->ops, pool->policy, pool, self, nbl, nbl_mark(nbl, pool, NBL_MARK_FREE));
}

void nbl_put(struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	struct nbl_pool *pool = self->pool;

	nbl_rest(pool->ops, pool->policy, pool, self, nbl);
	nbl_set_mark(nbl, pool, NBL_MARK_FREE);
	nbl_put_marked(pool->ops, pool->policy, pool, self, nbl, pool->verify);
}
