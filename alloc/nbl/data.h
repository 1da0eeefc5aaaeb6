/* The data of an NB: where an offset lies in a chain of MDLs, and the fields that say so. */
#ifndef ALLOC_NBL_DATA_H
#define ALLOC_NBL_DATA_H

#include "alloc/nbl/pools.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a walk over a chain comes round: R. P. Brent's method (BIT 20, 1980). It remembers one
 * element, a later one each time that the walk has doubled, and a ring meets it again.
 */
struct nbl_ring {
	const void *at; /* the element; NULL at first */
	uint64_t steps; /* of the walk */
};

/* True if the walk, which comes to the element `next`, goes round. */
ALWAYS_INLINE bool nbl_comes_round(struct nbl_ring *ring, const void *next)
{
	if (unlikely(next == ring->at))
		return true;
	if ((ring->steps & (ring->steps + 1)) == 0)
		ring->at = next;
	ring->steps++;
	return false;
}

/* Where in a chain of MDLs an offset lies. */
struct nbl_place {
	MDL *mdl; /* NULL for an empty chain */
	uint32_t offset;
};

/*
 * Finds `offset` in the chain: in the MDL that holds it; on an MDL's end, at the start of the next;
 * at the end of the chain, at the end of its last MDL. False if the chain ends before offset +
 * length, or goes round before.
 */
COLD bool nbl_place_find(MDL *chain, uint64_t offset, uint64_t length, struct nbl_place *out);

/*
 * True if offset + length lie in the chain's first MDL and the offset not at its end; or if all three
 * are 0. The offset then lies at `offset` of `chain`.
 */
ALWAYS_INLINE bool nbl_place_is_first(const MDL *chain, uint64_t offset, uint64_t length)
{
	if (unlikely(chain == NULL))
		return (offset | length) == 0;
	return likely(offset < chain->ByteCount) && likely(length <= chain->ByteCount - offset);
}

/* nbl_place_find with the common cases inline. */
ALWAYS_INLINE bool nbl_place(MDL *chain, uint64_t offset, uint64_t length, struct nbl_place *out)
{
	if (likely(nbl_place_is_first(chain, offset, length))) {
		*out = (struct nbl_place){.mdl = chain, .offset = (uint32_t)offset};
		return true;
	}
	return chain != NULL && nbl_place_find(chain, offset, length, out);
}

/* Sets everything in an NB that changes from use to use. */
ALWAYS_INLINE void nbl_set_data(
	NET_BUFFER *nb, MDL *chain, const struct nbl_place *place, uint32_t offset, uint32_t length)
{
	nb->Next = NULL;
	nb->CurrentMdl = place->mdl;
	nb->MdlChain = chain;
	nb->stDataLength = length; /* the whole word: DataLength is its lower half */
	nb->CurrentMdlOffset = place->offset;
	nb->DataOffset = offset;
}

/*
 * Fills in the MDL of a data pool's object and gives it to the NB: all space is headroom, no data
 * yet.
 */
ALWAYS_INLINE void nbl_set_own_data(const struct nbl_pool *pool, void *object, NET_BUFFER *nb)
{
	unsigned char *data = (unsigned char *)object + pool->data_offset;
	MDL *mdl = (MDL *)((unsigned char *)object + pool->mdl_offset);

	mdl->Next = NULL;
	mdl->Size = (SHORT)pool->mdl_bytes;
	mdl->MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL;
	mdl->Process = NULL;
	mdl->MappedSystemVa = data;
	mdl->StartVa = PAGE_ALIGN(data);
	mdl->ByteCount = pool->data_bytes;
	mdl->ByteOffset = BYTE_OFFSET(data);
	nbl_set_data(nb, mdl, &(struct nbl_place){.mdl = mdl, .offset = pool->data_bytes},
		pool->data_bytes, 0);
}

#endif
