#include "alloc/nbl/chain.h"

#include "alloc/nbl/data.h"
#include "alloc/nbl/misuse.h"

uint32_t nbl_contexts_left(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	NET_BUFFER_LIST_CONTEXT *last =
		nbl_mark_has_block(mark) ? nbl_inline_block(pool, nbl) : NULL;
	NET_BUFFER_LIST_CONTEXT *block = nbl->Context;
	struct nbl_ring ring = {.at = NULL};
	uint32_t bytes = 0;

	for (; block != NULL && !nbl_comes_round(&ring, block); block = block->Next) {
		bytes += context_limit(block) - block->Offset;
		if (block == last)
			break;
	}
	return block == last ? bytes : NBL_CONTEXTS_LOST;
}

bool nbl_report_contexts(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, const char *call)
{
	uint32_t left = nbl_contexts_left(pool, nbl, nbl_mark_out(nbl, pool));

	if (left != 0)
		nbl_report_contexts_left(pool, nbl, left, call);
	return left != 0;
}
