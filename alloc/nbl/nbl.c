/* The cold half of nbl.h. */
#include "alloc/nbl/nbl.h"

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

void nbl_put(struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	struct nbl_pool *pool = self->pool;

	nbl_rest(pool->ops, pool->policy, pool, self, nbl);
	nbl_set_mark(nbl, pool, NBL_MARK_FREE);
	nbl_put_marked(pool->ops, pool->policy, pool, self, nbl, pool->verify);
}
