/* What the files of alloc/ndis/ share with each other and with nobody else. */
#ifndef ALLOC_NDIS_INTERNAL_H
#define ALLOC_NDIS_INTERNAL_H

#include "alloc/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"

/* Characters in the order in which tools show them, as drivers write a tag: the last one first. */
enum {
	NDIS_TAG_DEFAULT = 0x4c424e66, /* 'fNBL': for pools that name none */
	NDIS_TAG_CLONES = 0x6e6c4366,  /* 'fCln': the library's pools for clones */
	NDIS_TAG_MDLS = 0x6c644d66,    /* 'fMdl': MDLs */
};

/* MDLs that a retreat made: with memory of the system, or by the driver's handler. */
enum { MDL_RETREAT_SYSTEM = 0x2000, MDL_RETREAT_HANDLER = 0x4000 };

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
 * How an NBL is made from another one's data, which stay the other's: NULL handles for pools of the
 * library.
 */
struct ndis_derivation {
	enum nbl_mark mark; /* of a clone, or its kin */
	ULONG start;        /* bytes to skip at the start of each NB's data */
	ULONG max_length;   /* bytes of data from there on that an NB of a fragment takes over */
	ULONG data_offset_delta; /* bytes of new data before that */
	ULONG data_back_fill;    /* headroom before that, if there is a delta */
};

/*
 * 0 and *out; -EINVAL: a handle of the wrong kind, the original cannot be used (both reported), or
 * has too little data; -ENOMEM.
 */
int ndis_derive(NET_BUFFER_LIST *original, NDIS_HANDLE lists, NDIS_HANDLE nbs,
	const struct ndis_derivation *how, NET_BUFFER_LIST **out, const char *call);

/* Frees what has been so made. False: misuse was reported and nothing changed. */
bool ndis_derived_free(NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call);

/* Frees an NBL that is made from no other one, or reports misuse. */
void ndis_list_free(NET_BUFFER_LIST *nbl, const char *call);

/* True if mdl is the system's, made for a retreat. */
bool ndis_is_system_mdl(const MDL *mdl);

/* Frees one that was made for an NB of the pool. */
void ndis_system_mdl_free(const struct nbl_pool *pool, MDL *mdl);

/* True if mdl is a live one of IoAllocateMdl. */
bool ndis_mdl_is_ours(const MDL *mdl);

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
