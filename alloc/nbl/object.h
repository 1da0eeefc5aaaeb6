/*
 * An object of a pool of NBLs: one NBL with all that comes with it (lines of 64 bytes, offsets in
 * bytes).
 *
 *	line 0     0    NBL: links, Context, pool, our words, flags, counts   written each time
 *	lines 1-5  64   NBL: parent, scratch, reserved arrays, info slots     read, written if dirty
 *	lines 6-7  384  NB: reserved arrays, addresses                        read, written if dirty
 *	line 8     512  NB: links, MDLs, lengths; inline block's header       written each time
 *	line 9     576  the inline block's bytes                              the drivers'
 *	           ...  data pools: the MDL, its data on the next line        MDL: written each time
 *
 * Lines 6 and 7 and the NB exist in pools with an NB; without, the inline block's header is at 384.
 * So an allocation and its free write two lines of a reused object, three in a data pool. What most
 * packets leave alone is compared with its resting value when the NBL is freed, where the driver
 * has just had the lines, and rewritten only if it differs. The lines stay shared between the CPUs.
 *
 * Our words. NdisReserved[0] is the object's mark (marks.h), NdisReserved[1] belongs to the context
 * policy.
 *
 * I1  An object in the strategy's pool has its mark FREE (or 0: never used), and resting values in
 * lines 1-7.
 */
#ifndef ALLOC_NBL_OBJECT_H
#define ALLOC_NBL_OBJECT_H

#include "alloc/machine/vector.h"
#include "alloc/nbl/pools.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	NBL_REST_OFFSET = CACHE_LINE_BYTES, /* where the parts begin that are compared on free */
	NBL_NB_OFFSET = sizeof(NET_BUFFER_LIST),
	NBL_NB_HOT_OFFSET = NBL_NB_OFFSET + offsetof(NET_BUFFER, Next),
	NBL_PROTOCOL_OFFSET = offsetof(NET_BUFFER_LIST, NetBufferListInfo) +
			      NetBufferListProtocolId * sizeof(void *),
	NBL_WORD_BYTES = sizeof(uint64_t),
	/* Of an NB or MDL in its object: the pool's word and our mark stand before it. */
	NBL_LOOSE_OFFSET = 16,
	/* Room for an MDL over 64 KiB anywhere: 17 pages. */
	NBL_MDL_BYTES = sizeof(MDL) + 17 * sizeof(PFN_NUMBER),
};

_Static_assert(offsetof(NET_BUFFER_LIST, ParentNetBufferList) == NBL_REST_OFFSET, "line 0");
_Static_assert(NBL_PROTOCOL_OFFSET == 3 * CACHE_LINE_BYTES, "the protocol's id begins line 3");
_Static_assert(NBL_NB_HOT_OFFSET % CACHE_LINE_BYTES == 0, "line 8");
_Static_assert(sizeof(NET_BUFFER) - offsetof(NET_BUFFER, Next) + sizeof(NET_BUFFER_LIST_CONTEXT) <=
		       CACHE_LINE_BYTES,
	"the inline block's header shares the NB's line");
_Static_assert(sizeof(NET_BUFFER_LIST_CONTEXT) == CONTEXT_ALIGN_BYTES, "context data is aligned");

/* The NB that came with the NBL, wherever FirstNetBuffer points now. */
ALWAYS_INLINE NET_BUFFER *nbl_embedded_nb(NET_BUFFER_LIST *nbl)
{
	return (NET_BUFFER *)((unsigned char *)nbl + NBL_NB_OFFSET);
}

/* The block in the NBL's own memory; NULL if there is none. */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *nbl_inline_block(
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	return pool->inline_offset
		       ? (NET_BUFFER_LIST_CONTEXT *)((unsigned char *)nbl + pool->inline_offset)
		       : NULL;
}

/*
 * Asks for the lines that an allocation writes and never reads. Another CPU may have had them last. A
 * store that waits for such a line keeps those behind it waiting in the store buffer, a load or a prefetch does
 * not.
 */
ALWAYS_INLINE void nbl_prefetch_unread(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	if (pool->with_nb)
		prefetch_write((unsigned char *)nbl + NBL_NB_HOT_OFFSET);
	if (pool->data_bytes)
		prefetch_write((unsigned char *)nbl + pool->mdl_offset);
}

/* A word of an object whatever its type. */
typedef uint64_t __attribute__((may_alias)) nbl_word;

/* Size, Offset and limit (chain.h) of a context block, as one word. */
ALWAYS_INLINE nbl_word *nbl_block_sizes(NET_BUFFER_LIST_CONTEXT *block)
{
	return (nbl_word *)block + 1;
}

/* What that word has less when so many bytes are the NBL's own: of Offset and the limit, which stays. */
ALWAYS_INLINE uint64_t nbl_sizes_owned(uint32_t bytes)
{
	const uint64_t offset = UINT64_C(1) << 8 * offsetof(NET_BUFFER_LIST_CONTEXT, Offset) % 64;
	const uint64_t limit = UINT64_C(1)
			       << 8 * offsetof(NET_BUFFER_LIST_CONTEXT, NdisReserved) % 64;

	return bytes * (offset + limit);
}

/* nbl_is_dirty for all objects and CPUs: 20 vector loads, 28 with an NB. */
NOINLINE bool nbl_is_dirty_narrow(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl);

/* nbl_is_dirty for objects with an NB, where `wide` is VECTOR_BYTES_LONG: 8 vector loads, no store. */
ALWAYS_INLINE bool nbl_is_dirty_long(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl)
{
	_Static_assert(NBL_NB_HOT_OFFSET - NBL_REST_OFFSET == VECTOR_BLOCK_BYTES, "lines 1 to 7");
	_Static_assert(NBL_PROTOCOL_OFFSET - NBL_REST_OFFSET == VECTOR_BLOCK_OTHER, "line 3");
	return vector_block_differs_long((const unsigned char *)nbl + NBL_REST_OFFSET, pool->rest);
}

/* The same where it is any but 0: 8 vector loads, or 15. */
ALWAYS_INLINE bool nbl_is_dirty_wide(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl)
{
	if (likely(pool->wide == VECTOR_BYTES_LONG))
		return nbl_is_dirty_long(pool, nbl);
	return vector_block_differs((const unsigned char *)nbl + NBL_REST_OFFSET, pool->rest);
}

/* True if lines 1 to 5 (1 to 7 with an NB) hold anything but their resting values. */
ALWAYS_INLINE bool nbl_is_dirty(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl)
{
	return likely(pool->wide) ? nbl_is_dirty_wide(pool, nbl) : nbl_is_dirty_narrow(pool, nbl);
}

/* Puts the resting values back, whatever is there, without a look: it would map a page that nobody has touched twice. */
NOINLINE void nbl_clean(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl);

/*
 * The same of an object that is dirty, for the calls that packets make: it writes the lines that differ. A driver
 * dirties one or two of the seven. Stores to all seven would fill the CPU's store buffer, where those to a
 * line that another CPU has wait, and the ones behind them.
 */
NOINLINE void nbl_clean_lines(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl);

/* Writes what never changes in an NBL's life. */
ALWAYS_INLINE void nbl_birth(struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	nbl->NdisPoolHandle = pool;
	nbl->NdisReserved[1] = NULL;
	nbl_clean(pool, nbl);
	if (pool->with_nb)
		nbl_embedded_nb(nbl)->NdisPoolHandle = pool;
}

/* The same, out of line: where memory stays an NBL until the pool ends, or is trimmed. */
COLD void nbl_birth_once(struct nbl_pool *pool, NET_BUFFER_LIST *nbl);

/*
 * Looks for traces of a write to an NBL at rest; true if it is as it was left. For pools that
 * check.
 */
COLD bool nbl_rest_intact(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, const char *call);

#endif
