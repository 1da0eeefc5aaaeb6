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

/* True if mdl is a live one of IoAllocateMdl. */
bool ndis_mdl_is_ours(const MDL *mdl);

#endif
