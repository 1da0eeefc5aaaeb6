#include "alloc/nbl/object.h"

#include "alloc/nbl/marks.h"
#include "alloc/nbl/misuse.h"

#include <string.h>

void nbl_clean(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	unsigned char *rest = (unsigned char *)nbl + NBL_REST_OFFSET;

	/*
	 * Lengths that the compiler knows: stores in a row instead of a call or a string operation.
	 */
	if (pool->with_nb)
		memset(rest, 0, NBL_NB_HOT_OFFSET - NBL_REST_OFFSET);
	else
		memset(rest, 0, NBL_NB_OFFSET - NBL_REST_OFFSET);
	nbl->NetBufferListInfo[NetBufferListProtocolId] = (void *)(uintptr_t)pool->protocol_id;
}

void nbl_birth_once(struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	nbl_birth(pool, nbl);
}

bool nbl_rest_intact(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, const char *call)
{
	const bool handle = nbl->NdisPoolHandle == pool;

	if (nbl_is(nbl, pool, NBL_MARK_FREE) && !nbl_is_dirty(pool, nbl) && handle)
		return true;
	nbl_misuse(NBL_MISUSE_USE_AFTER_FREE, call, pool, nbl,
		"the NBL was written to while it was free");
	((NET_BUFFER_LIST *)nbl)->NdisPoolHandle = (void *)pool;
	nbl_clean(pool, (NET_BUFFER_LIST *)nbl);
	return false;
}
