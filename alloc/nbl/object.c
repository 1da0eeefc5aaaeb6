#include "alloc/nbl/object.h"

#include "alloc/nbl/marks.h"
#include "alloc/nbl/misuse.h"

#include <string.h>

/* Two words at once. Objects are aligned for the NBL's Link, as the reference declares it. */
typedef uint64_t __attribute__((may_alias, vector_size(16))) nbl_pair;

bool nbl_is_dirty_narrow(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl)
{
	enum {
		PAIR = sizeof(nbl_pair),
		PROTOCOL = NBL_PROTOCOL_OFFSET / PAIR,
		REST = NBL_REST_OFFSET / PAIR,
		REST_END = NBL_NB_OFFSET / PAIR,
		NB_END = NBL_NB_HOT_OFFSET / PAIR,
	};
	const nbl_pair *at = (const nbl_pair *)nbl;
	nbl_pair even = at[PROTOCOL] ^ (nbl_pair) { pool->rest[0], 0 };
	nbl_pair odd = at[PROTOCOL + 1];

	for (int i = REST; i < REST_END; i += 2) {
		if (i == PROTOCOL)
			continue;
		even |= at[i];
		odd |= at[i + 1];
	}
	if (pool->with_nb) {
		for (int i = REST_END; i < NB_END; i += 2) {
			even |= at[i];
			odd |= at[i + 1];
		}
	}
	even |= odd;
	return (even[0] | even[1]) != 0;
}

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
	nbl->NetBufferListInfo[NetBufferListProtocolId] = (void *)(uintptr_t)pool->rest[0];
}

void nbl_clean_lines(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	enum { PAIRS = CACHE_LINE_BYTES / sizeof(nbl_pair) };
	const uint32_t end = pool->with_nb ? NBL_NB_HOT_OFFSET : NBL_NB_OFFSET;

	for (uint32_t offset = NBL_REST_OFFSET; offset < end; offset += CACHE_LINE_BYTES) {
		nbl_pair *line = (nbl_pair *)((unsigned char *)nbl + offset);
		const nbl_pair first = {offset == NBL_PROTOCOL_OFFSET ? pool->rest[0] : 0, 0};
		nbl_pair differs = line[0] ^ first;

		for (uint32_t i = 1; i < PAIRS; i++)
			differs |= line[i];
		if ((differs[0] | differs[1]) == 0)
			continue;
		line[0] = first;
		for (uint32_t i = 1; i < PAIRS; i++)
			line[i] = (nbl_pair){0, 0};
	}
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
