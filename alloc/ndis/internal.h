/* What the files of alloc/ndis/ share with each other and with nobody else. */
#ifndef ALLOC_NDIS_INTERNAL_H
#define ALLOC_NDIS_INTERNAL_H

#include "alloc/context/accounts.h"
#include "alloc/nbl/buffers.h"
#include "alloc/nbl/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"

/* Characters in the order in which tools show them, as drivers write a tag: the last one first. */
enum {
	NDIS_TAG_DEFAULT = 0x4c424e66, /* 'fNBL': for pools that name none */
	NDIS_TAG_CLONES = 0x6e6c4366,  /* 'fCln': the library's pools for clones */
	NDIS_TAG_MDLS = 0x6c644d66,    /* 'fMdl': MDLs */
};

/*
 * MDLs that an advance may free. A retreat made them, with memory of the system or by the driver's
 * handler; or they are the partial ones of an NBL that was made from another one's data. Their
 * Process holds their own address combined with one of these. Process has no other use here, and
 * MdlFlags is all the drivers'. Neither a driver's MDL nor a copy of one of these has such a word.
 */
enum ndis_mdl_origin {
	NDIS_MDL_SYSTEM = 0x73797374,
	NDIS_MDL_HANDLER = 0x68616e64,
	NDIS_MDL_PARTIAL = 0x70617274,
};

ALWAYS_INLINE void ndis_mdl_set_origin(MDL *mdl, enum ndis_mdl_origin origin)
{
	mdl->Process = (void *)((uintptr_t)mdl ^ (uintptr_t)origin);
}

ALWAYS_INLINE bool ndis_mdl_is(const MDL *mdl, enum ndis_mdl_origin origin)
{
	return ((uintptr_t)mdl->Process ^ (uintptr_t)mdl) == (uintptr_t)origin;
}

/* What an NB's NdisReserved holds; both NULL as a rule, and at rest. */
enum {
	/* In a clone that shares the original's MDLs: the first of those, where its own end. */
	NDIS_NB_SHARED,
	/* In pools that check everything: the first MDL, if the system's, XORed with the NB. */
	NDIS_NB_RETREATED,
};

/*
 * True if freeing the NB would lose what a retreat made; for pools that check everything. Looks at the
 * NB alone: the driver's MDLs may be gone.
 */
ALWAYS_INLINE bool ndis_nb_is_retreated(const NET_BUFFER *nb)
{
	uintptr_t first = (uintptr_t)nb->NdisReserved[NDIS_NB_RETREATED] ^ (uintptr_t)nb;

	return nb->MdlChain != NULL && first == (uintptr_t)nb->MdlChain;
}

/*
 * The library's own pool of that kind, made on first use: LISTS with an NB each and NBS for clones,
 * MDLS. NULL: it could not be made.
 */
struct nbl_pool *ndis_default_pool(enum nbl_pool_kind kind);

/* The same; NULL if it has not been made. */
struct nbl_pool *ndis_default_made(enum nbl_pool_kind kind);

/* Enters the pool behind a handle; NULL, after a report, if it is not one of that kind. */
ALWAYS_INLINE struct nbl_pool *ndis_enter(
	NDIS_HANDLE handle, enum nbl_pool_kind kind, const char *call)
{
	struct nbl_pool *pool = nbl_enter(handle, kind);

	if (likely(pool != NULL))
		return pool;
	nbl_report_handle(handle, kind, call);
	return NULL;
}

/*
 * Allocation of an NB from a pool that has been entered. 0 and *out, -EINVAL or -ENOMEM, as
 * nbl_nb_alloc.
 */
int ndis_nb_alloc(struct nbl_pool *pool, MDL *chain, ULONG offset, SIZE_T length, NET_BUFFER **out);

/* Frees an NB that is known to be live and of the pool, which has been entered. */
void ndis_nb_free(struct nbl_pool *pool, NET_BUFFER *nb);

/*
 * The count of an NBL's clones. In NDIS only the owner changes it; here several threads may make
 * and free clones of one original.
 */
ALWAYS_INLINE atom_u32 *ndis_child_count(NET_BUFFER_LIST *nbl)
{
	return (atom_u32 *)&nbl->ChildRefCount;
}

/* How many clones count on an NBL, as it says. Relaxed: nobody reads memory because of it. */
ALWAYS_INLINE int32_t ndis_children(NET_BUFFER_LIST *nbl)
{
	return (int32_t)atom_load_relaxed(ndis_child_count(nbl));
}

/* Reports the free of an NBL on which clones count; for pools that check everything. */
ALWAYS_INLINE void ndis_report_children(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, int32_t children, const char *call)
{
	nbl_misuse(NBL_MISUSE_CLONES_OUTSTANDING, call, pool, nbl,
		"its ChildRefCount is %d: clones of it have not been freed", children);
}

/*
 * How an NBL is made from another one's data, which stay the other's.
 */
struct ndis_derivation {
	enum nbl_mark mark; /* of a clone, or its kin */
	ULONG start;        /* bytes to skip at the start of each NB's data */
	ULONG max_length;   /* bytes of data from there on that an NB of a fragment takes over */
	ULONG data_offset_delta; /* bytes of new data before that */
	ULONG data_back_fill;    /* headroom before that, if there is a delta */
};

/*
 * lists, nbs: NULL for pools of the library. 0 and *out; -EINVAL: a handle of the wrong kind, or
 * the original cannot be used (both reported), or has too little data; -ENOMEM.
 */
int ndis_derive(NET_BUFFER_LIST *original, NDIS_HANDLE lists, NDIS_HANDLE nbs,
	const struct ndis_derivation *how, NET_BUFFER_LIST **out, const char *call);

/* Frees an NBL of ndis_derive, or reports misuse and changes nothing. */
void ndis_derived_free(NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call);

/* Frees any other NBL, or reports misuse and changes nothing. */
void ndis_list_free(NET_BUFFER_LIST *nbl, const char *call);

/* Frees an MDL of NDIS_MDL_SYSTEM, whose memory goes back to the C library. */
COLD void ndis_system_mdl_free(MDL *mdl);

/*
 * Where the bytes of an MDL are, as MmGetSystemAddressForMdlSafe; NULL: nowhere. Changes nothing,
 * for the MDL may be in several chains.
 */
ALWAYS_INLINE unsigned char *ndis_mdl_address(const MDL *mdl)
{
	enum { MAPPED = MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL };

	return (unsigned char *)(mdl->MdlFlags & MAPPED ? mdl->MappedSystemVa
							: MmGetMdlVirtualAddress(mdl));
}

#endif
