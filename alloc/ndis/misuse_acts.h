/*
 * THE list of misuses that one call commits, by the rows of nblbench.h's table, and everything that they
 * need. A call that is refused changes nothing, so each can be made again and again on the same victims.
 * misuse_test has each found, in words and in state; `nblbench refusals` takes the time.
 *
 * Documented names only: it is compiled against any library that is installed.
 */
#ifndef ALLOC_NDIS_MISUSE_ACTS_H
#define ALLOC_NDIS_MISUSE_ACTS_H

#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/nblbench.h"
#include "alloc/ndis/ndis.h"
#include "alloc/ndis/parameters_test.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VICTIM_DATA_BYTES = 100,
	VICTIM_CONTEXT_BYTES = 32,
	VICTIM_SOURCE_BYTES = 1 << 14, /* more pages than an MDL of one byte has room for */
	VICTIM_RETREAT_BYTES = 14,
};

/* Everything that a misuse needs; made once, and as it was after each. */
struct misuse_victim {
	NDIS_HANDLE pool;
	NDIS_HANDLE nbs;
	NDIS_HANDLE gone; /* of a pool that was */
	MDL *mdl;
	MDL *source;               /* of several pages */
	MDL *small;                /* of one byte */
	NET_BUFFER_LIST *nbl;      /* live, with 16 bytes of allocation-time context */
	NET_BUFFER_LIST *with_ctx; /* live, with 32 bytes of context on it */
	NET_BUFFER_LIST *parent;   /* its ChildRefCount is above 0 */
	NET_BUFFER_LIST *retreated;
	NET_BUFFER_LIST *nbs_round;  /* its NB comes after itself */
	NET_BUFFER_LIST *ctxs_round; /* its context comes after itself */
	NET_BUFFER_LIST *freed;
	NET_BUFFER *freed_embedded; /* its NB */
	NET_BUFFER_LIST *clone;
	NET_BUFFER_LIST *clone_round;     /* its MDL comes after itself */
	NET_BUFFER_LIST *clone_retreated; /* with its original's MDLs and one of a retreat */
	NET_BUFFER_LIST *original;        /* counts no clones */
	NET_BUFFER_LIST *orphan;          /* its clone, of FWPS */
	NET_BUFFER *nb;
	NET_BUFFER *nb_retreated;
	NET_BUFFER *freed_nb;
	MDL *freed_mdl;
	/* What no pool made. */
	NET_BUFFER_LIST zero;
	NET_BUFFER_LIST copy;    /* of a live one */
	NET_BUFFER stray_nbs[2]; /* with the handle of a pool */
	struct misuse_stray_mdl {
		void *before[2];
		MDL mdl;
	} stray_mdl;
	struct misuse_copied_nb {
		UCHAR before[sizeof(
			NET_BUFFER_LIST)]; /* where an NB that came with an NBL has it */
		NET_BUFFER nb;
	} copied_nb;
	UCHAR data[VICTIM_SOURCE_BYTES];
};

static inline NDIS_HANDLE misuse_list_pool(bool verify)
{
	NET_BUFFER_LIST_POOL_PARAMETERS p = list_parameters(TRUE, 0, VICTIM_CONTEXT_BYTES);

	if (verify) {
		p.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2;
		p.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2;
		p.Flags = NET_BUFFER_LIST_POOL_FLAG_VERIFY;
	}
	return NdisAllocateNetBufferListPool(NULL, &p);
}

static inline NDIS_HANDLE misuse_nb_pool(bool verify)
{
	NET_BUFFER_POOL_PARAMETERS p = nb_parameters(0);

	if (verify) {
		p.Header.Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_2;
		p.Header.Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2;
		p.Flags = NET_BUFFER_POOL_FLAG_VERIFY;
	}
	return NdisAllocateNetBufferPool(NULL, &p);
}

/* Those that hold all that they were made with: before anything is done to them. */
static inline bool misuse_victim_allocate(struct misuse_victim *v, bool verify)
{
	const ULONG shared = NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS;
	NET_BUFFER_LIST **const plain[] = {&v->with_ctx, &v->parent, &v->retreated, &v->nbs_round,
		&v->ctxs_round, &v->freed, &v->original};

	v->pool = misuse_list_pool(verify);
	v->nbs = misuse_nb_pool(verify);
	v->gone = misuse_list_pool(verify);
	if (v->pool == NULL || v->nbs == NULL || v->gone == NULL)
		return false;
	v->mdl = NdisAllocateMdl(NULL, v->data, VICTIM_DATA_BYTES);
	v->source = NdisAllocateMdl(NULL, v->data, VICTIM_SOURCE_BYTES);
	v->small = NdisAllocateMdl(NULL, v->data, 1);
	v->freed_mdl = NdisAllocateMdl(NULL, v->data, 1);
	if (v->mdl == NULL || v->source == NULL || v->small == NULL || v->freed_mdl == NULL)
		return false;
	v->nbl =
		NdisAllocateNetBufferAndNetBufferList(v->pool, 16, 0, v->mdl, 0, VICTIM_DATA_BYTES);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		*plain[i] = NdisAllocateNetBufferAndNetBufferList(
			v->pool, 0, 0, v->mdl, 0, VICTIM_DATA_BYTES);
		if (*plain[i] == NULL)
			return false;
	}
	v->nb = NdisAllocateNetBuffer(v->nbs, NULL, 0, 0);
	v->nb_retreated = NdisAllocateNetBuffer(v->nbs, NULL, 0, 0);
	v->freed_nb = NdisAllocateNetBuffer(v->nbs, NULL, 0, 0);
	if (v->nbl == NULL || v->nb == NULL || v->nb_retreated == NULL || v->freed_nb == NULL)
		return false;
	v->clone = NdisAllocateCloneNetBufferList(v->nbl, v->pool, v->nbs, 0);
	v->clone_round = NdisAllocateCloneNetBufferList(v->nbl, v->pool, v->nbs, 0);
	v->clone_retreated = NdisAllocateCloneNetBufferList(v->nbl, v->pool, v->nbs, shared);
	FwpsAllocateCloneNetBufferList0(v->original, v->pool, v->nbs, 0, &v->orphan);
	return v->clone != NULL && v->clone_round != NULL && v->clone_retreated != NULL &&
	       v->orphan != NULL;
}

/* False: there is no memory, and the victims are as they may be. */
static inline bool misuse_victim_make(struct misuse_victim *v, bool verify)
{
	*v = (struct misuse_victim){.pool = NULL};
	if (!misuse_victim_allocate(v, verify))
		return false;
	if (NdisAllocateNetBufferListContext(v->with_ctx, VICTIM_CONTEXT_BYTES, 0, OTHER_TAG) !=
			NDIS_STATUS_SUCCESS ||
		NdisAllocateNetBufferListContext(
			v->ctxs_round, VICTIM_CONTEXT_BYTES, 0, OTHER_TAG) != NDIS_STATUS_SUCCESS ||
		NdisRetreatNetBufferDataStart(v->retreated->FirstNetBuffer, VICTIM_RETREAT_BYTES, 0,
			NULL) != NDIS_STATUS_SUCCESS ||
		NdisRetreatNetBufferDataStart(v->nb_retreated, VICTIM_RETREAT_BYTES, 0, NULL) !=
			NDIS_STATUS_SUCCESS ||
		NdisRetreatNetBufferDataStart(v->clone_retreated->FirstNetBuffer,
			VICTIM_RETREAT_BYTES, 0, NULL) != NDIS_STATUS_SUCCESS)
		return false;
	v->parent->ChildRefCount = 1;
	v->original->ChildRefCount = 0;
	v->nbs_round->FirstNetBuffer->Next = v->nbs_round->FirstNetBuffer;
	v->ctxs_round->Context->Next = v->ctxs_round->Context;
	v->clone_round->FirstNetBuffer->MdlChain->Next = v->clone_round->FirstNetBuffer->MdlChain;
	v->copy = *v->nbl;
	v->copied_nb.nb = *v->nbl->FirstNetBuffer;
	v->stray_nbs[1].NdisPoolHandle = v->nbs;
	v->stray_mdl.mdl = *v->mdl;
	v->freed_embedded = v->freed->FirstNetBuffer;
	NdisFreeNetBufferList(v->freed);
	NdisFreeNetBuffer(v->freed_nb);
	NdisFreeMdl(v->freed_mdl);
	NdisFreeNetBufferListPool(v->gone);
	return true;
}

/* Whether the misuses have changed nothing that can be seen. */
static inline bool misuse_victim_is_whole(const struct misuse_victim *v)
{
	return v->nbl->Context->Offset == 16 && v->with_ctx->Context->Offset == 0 &&
	       v->nbl->FirstNetBuffer->DataLength == VICTIM_DATA_BYTES &&
	       v->nbs_round->FirstNetBuffer->DataLength == VICTIM_DATA_BYTES &&
	       v->parent->ChildRefCount == 1 && v->small->ByteCount == 1;
}

/* Everything goes back, and that is no misuse. */
static inline void misuse_victim_free(struct misuse_victim *v)
{
	NdisFreeNetBufferListContext(v->with_ctx, VICTIM_CONTEXT_BYTES);
	v->ctxs_round->Context->Next = NULL;
	NdisFreeNetBufferListContext(v->ctxs_round, VICTIM_CONTEXT_BYTES);
	v->parent->ChildRefCount = 0;
	v->nbs_round->FirstNetBuffer->Next = NULL;
	NdisAdvanceNetBufferDataStart(
		v->retreated->FirstNetBuffer, VICTIM_RETREAT_BYTES, TRUE, NULL);
	NdisAdvanceNetBufferDataStart(v->nb_retreated, VICTIM_RETREAT_BYTES, TRUE, NULL);
	NdisAdvanceNetBufferDataStart(
		v->clone_retreated->FirstNetBuffer, VICTIM_RETREAT_BYTES, TRUE, NULL);
	v->clone_round->FirstNetBuffer->MdlChain->Next = NULL;
	v->orphan->ParentNetBufferList = NULL;
	FwpsFreeCloneNetBufferList0(v->orphan, 0);
	NdisFreeCloneNetBufferList(v->clone, 0);
	NdisFreeCloneNetBufferList(v->clone_round, 0);
	NdisFreeCloneNetBufferList(v->clone_retreated, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
	NET_BUFFER_LIST *const plain[] = {v->nbl, v->with_ctx, v->parent, v->retreated,
		v->nbs_round, v->ctxs_round, v->original};
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		NdisFreeNetBufferList(plain[i]);
	NdisFreeNetBuffer(v->nb);
	NdisFreeNetBuffer(v->nb_retreated);
	NdisFreeMdl(v->mdl);
	NdisFreeMdl(v->source);
	NdisFreeMdl(v->small);
	NdisFreeNetBufferPool(v->nbs);
	NdisFreeNetBufferListPool(v->pool);
}

enum misuse_traits {
	NEEDS_CHECKS = 1,   /* found in verify pools and debug builds only */
	NEEDS_MEMORY = 2,   /* a freed object is looked at: only where its memory stays */
	OF_THE_LIBRARY = 4, /* the object is of a pool of the library's own, never a verify pool */
	IS_LOST = 8,        /* where it is not found the victim is gone, or an MDL of it */
};

struct misuse_act {
	const char *name; /* NULL: behind the last of a row */
	void (*commit)(struct misuse_victim *v);
	enum nbl_misuse_kind kind;
	const char *call;
	uint32_t tag;    /* that the report names; 0: no pool is known */
	unsigned traits; /* enum misuse_traits */
};

/* A misuse that is one statement. */
#define COMMITS(name, statement)                         \
	static inline void name(struct misuse_victim *v) \
	{                                                \
		(void)v;                                 \
		statement;                               \
	}

COMMITS(double_free_nbl, NdisFreeNetBufferList(v->freed))
COMMITS(double_free_nbl_fwps, FwpsFreeNetBufferList0(v->freed))
COMMITS(double_free_nb, NdisFreeNetBuffer(v->freed_nb))
COMMITS(double_free_mdl, NdisFreeMdl(v->freed_mdl))
COMMITS(foreign_zero, NdisFreeNetBufferList(&v->zero))
COMMITS(foreign_copy, NdisFreeNetBufferList(&v->copy))
COMMITS(foreign_null, NdisFreeNetBufferList(NULL))
COMMITS(foreign_nb, NdisFreeNetBuffer(&v->stray_nbs[1]))
COMMITS(foreign_mdl, NdisFreeMdl(&v->stray_mdl.mdl))
COMMITS(no_mdl, MmBuildMdlForNonPagedPool(NULL))
COMMITS(handle_of_nbs, NdisAllocateNetBufferList(v->nbs, 0, 0))
COMMITS(handle_of_nbls, NdisAllocateNetBuffer(v->pool, NULL, 0, 0))
COMMITS(handle_gone, NdisAllocateNetBufferList(v->gone, 0, 0))
COMMITS(handle_of_nbs_freed, NdisFreeNetBufferListPool(v->nbs))

static inline void handle_stray(struct misuse_victim *v)
{
	NET_BUFFER_LIST *out;

	FwpsAllocateNetBufferAndNetBufferList0(v, 0, 0, NULL, 0, 0, &out);
}

COMMITS(clone_as_plain, NdisFreeNetBufferList(v->clone))
COMMITS(plain_as_clone, NdisFreeCloneNetBufferList(v->nbl, 0))
COMMITS(clone_other_flags, NdisFreeCloneNetBufferList(v->clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS))
COMMITS(embedded_nb, NdisFreeNetBuffer(v->nbl->FirstNetBuffer))
COMMITS(context_overfree, NdisFreeNetBufferListContext(v->with_ctx, 48))
COMMITS(context_size, NdisFreeNetBufferListContext(v->with_ctx, 12))
COMMITS(context_of_nbl, NdisFreeNetBufferListContext(v->nbl, 16))
COMMITS(context_outstanding, NdisFreeNetBufferList(v->with_ctx))
COMMITS(pool_outstanding, NdisFreeNetBufferListPool(v->pool))
COMMITS(nb_pool_outstanding, NdisFreeNetBufferPool(v->nbs))
COMMITS(no_reference, FwpsDereferenceNetBufferList0(v->nbl, FALSE))
COMMITS(advance_too_far,
	NdisAdvanceNetBufferDataStart(v->nbl->FirstNetBuffer, VICTIM_DATA_BYTES + 1, FALSE, NULL))
COMMITS(partial_mdl_outside, IoBuildPartialMdl(v->mdl, v->small, v->data, VICTIM_DATA_BYTES + 1))
COMMITS(partial_mdl_small, IoBuildPartialMdl(v->source, v->small, v->data, VICTIM_SOURCE_BYTES))
COMMITS(clone_retreated,
	NdisFreeCloneNetBufferList(v->clone_retreated, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS))
COMMITS(nbl_retreated, NdisFreeNetBufferList(v->retreated))
COMMITS(nb_retreated, NdisFreeNetBuffer(v->nb_retreated))
COMMITS(clones_outstanding, NdisFreeNetBufferList(v->parent))
COMMITS(clone_without_original, FwpsFreeCloneNetBufferList0(v->orphan, 0))

/* Where these are not found they do what they would with a live object, and undo it. */
static inline void context_after_free(struct misuse_victim *v)
{
	if (NdisAllocateNetBufferListContext(v->freed, 16, 0, OTHER_TAG) == NDIS_STATUS_SUCCESS)
		NdisFreeNetBufferListContext(v->freed, 16);
}
static inline void clone_after_free(struct misuse_victim *v)
{
	NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(v->freed, v->pool, v->nbs, 0);

	if (clone != NULL)
		NdisFreeCloneNetBufferList(clone, 0);
}
static inline void nb_after_free(struct misuse_victim *v)
{
	if (NdisRetreatNetBufferDataStart(v->freed_nb, 16, 0, NULL) == NDIS_STATUS_SUCCESS)
		NdisAdvanceNetBufferDataStart(v->freed_nb, 16, TRUE, NULL);
}

COMMITS(list_form_after_free, NdisAdvanceNetBufferListDataStart(v->freed, 0, FALSE, NULL))
COMMITS(embedded_nb_after_free, NdisAdvanceNetBufferDataStart(v->freed_embedded, 0, FALSE, NULL))
COMMITS(copied_nb, NdisAdjustNetBufferCurrentMdl(&v->copied_nb.nb))
COMMITS(nbs_go_round, NdisAdvanceNetBufferListDataStart(v->nbs_round, 10, TRUE, NULL))
COMMITS(contexts_go_round, NdisFreeNetBufferList(v->ctxs_round))
COMMITS(mdls_go_round, NdisFreeCloneNetBufferList(v->clone_round, 0))

enum { MISUSE_ACTS_MAX = 6 }; /* in a row */

/* A row of nblbench.h's table, in its words. */
struct misuse_row {
	const char *text;
	const char *no_act; /* why no call commits it; NULL: those below do */
	struct misuse_act acts[MISUSE_ACTS_MAX + 1];
};

#define ACT(name, kind, call, tag, traits)                         \
	{                                                          \
#name, name, NBL_MISUSE_##kind, #call, tag, traits \
	}
static const struct misuse_row misuse_rows[] = {
	{"an object is freed that is free already", NULL,
		{
			ACT(double_free_nbl, DOUBLE_FREE, NdisFreeNetBufferList, TEST_TAG,
				NEEDS_MEMORY),
			ACT(double_free_nbl_fwps, DOUBLE_FREE, FwpsFreeNetBufferList0, TEST_TAG,
				NEEDS_MEMORY),
			ACT(double_free_nb, DOUBLE_FREE, NdisFreeNetBuffer, TEST_TAG, NEEDS_MEMORY),
			ACT(double_free_mdl, DOUBLE_FREE, NdisFreeMdl, MDLS_TAG,
				NEEDS_MEMORY | OF_THE_LIBRARY),
		}},
	{"a free is given what no pool made, or a copy", NULL,
		{
			ACT(foreign_zero, FOREIGN_OBJECT, NdisFreeNetBufferList, 0, 0),
			ACT(foreign_copy, FOREIGN_OBJECT, NdisFreeNetBufferList, TEST_TAG, 0),
			ACT(foreign_null, FOREIGN_OBJECT, NdisFreeNetBufferList, 0, 0),
			ACT(foreign_nb, FOREIGN_OBJECT, NdisFreeNetBuffer, TEST_TAG, 0),
			ACT(foreign_mdl, FOREIGN_OBJECT, NdisFreeMdl, 0, 0),
			ACT(no_mdl, FOREIGN_OBJECT, MmBuildMdlForNonPagedPool, 0, 0),
		}},
	{"a handle is of no pool, another kind, a pool gone", NULL,
		{
			ACT(handle_stray, FOREIGN_HANDLE, FwpsAllocateNetBufferAndNetBufferList0, 0,
				0),
			ACT(handle_of_nbs, FOREIGN_HANDLE, NdisAllocateNetBufferList, TEST_TAG, 0),
			ACT(handle_of_nbls, FOREIGN_HANDLE, NdisAllocateNetBuffer, TEST_TAG, 0),
			ACT(handle_of_nbs_freed, FOREIGN_HANDLE, NdisFreeNetBufferListPool,
				TEST_TAG, 0),
			ACT(handle_gone, FOREIGN_HANDLE, NdisAllocateNetBufferList, 0, 0),
		}},
	{"a clone is freed as a plain NBL, or the reverse", NULL,
		{
			ACT(clone_as_plain, WRONG_FREE, NdisFreeNetBufferList, TEST_TAG, 0),
			ACT(plain_as_clone, WRONG_FREE, NdisFreeCloneNetBufferList, TEST_TAG, 0),
			ACT(clone_other_flags, WRONG_FREE, NdisFreeCloneNetBufferList, TEST_TAG, 0),
		}},
	{"the NB that came with an NBL is freed alone", NULL,
		{
			ACT(embedded_nb, EMBEDDED_NB, NdisFreeNetBuffer, TEST_TAG, 0),
		}},
	{"a context free: more than the front block has in use", NULL,
		{
			ACT(context_overfree, CONTEXT_OVERFREE, NdisFreeNetBufferListContext,
				TEST_TAG, 0),
		}},
	{"a context free: not a multiple of the alignment", NULL,
		{
			ACT(context_size, CONTEXT_SIZE, NdisFreeNetBufferListContext, TEST_TAG, 0),
		}},
	{"a context free: context that came with the NBL", NULL,
		{
			ACT(context_of_nbl, CONTEXT_OF_NBL, NdisFreeNetBufferListContext, TEST_TAG,
				0),
		}},
	{"an NBL is freed with contexts on it", NULL,
		{
			ACT(context_outstanding, CONTEXT_OUTSTANDING, NdisFreeNetBufferList,
				TEST_TAG, 0),
		}},
	{"a pool is destroyed with objects out", NULL,
		{
			ACT(pool_outstanding, POOL_OUTSTANDING, NdisFreeNetBufferListPool, TEST_TAG,
				0),
			ACT(nb_pool_outstanding, POOL_OUTSTANDING, NdisFreeNetBufferPool, TEST_TAG,
				0),
		}},
	{"a dereference without a reference", NULL,
		{
			ACT(no_reference, REFERENCE, FwpsDereferenceNetBufferList0, TEST_TAG, 0),
		}},
	{"an advance beyond the data", NULL,
		{
			ACT(advance_too_far, DATA, NdisAdvanceNetBufferDataStart, TEST_TAG, 0),
		}},
	{"a partial MDL beyond its source, or its own size", NULL,
		{
			ACT(partial_mdl_outside, DATA, IoBuildPartialMdl, 0, 0),
			ACT(partial_mdl_small, DATA, IoBuildPartialMdl, 0, 0),
		}},
	{"a clone is freed with MDLs that did not come with it", NULL,
		{
			ACT(clone_retreated, WRONG_FREE, NdisFreeCloneNetBufferList, TEST_TAG, 0),
		}},
	{"an NBL or NB is freed with a retreat's MDL on it", NULL,
		{
			ACT(nbl_retreated, WRONG_FREE, NdisFreeNetBufferList, TEST_TAG,
				NEEDS_CHECKS | IS_LOST),
			ACT(nb_retreated, WRONG_FREE, NdisFreeNetBuffer, TEST_TAG,
				NEEDS_CHECKS | IS_LOST),
		}},
	{"an NBL is freed while its ChildRefCount is above 0", NULL,
		{
			ACT(clones_outstanding, CLONES_OUTSTANDING, NdisFreeNetBufferList, TEST_TAG,
				NEEDS_CHECKS | IS_LOST),
		}},
	{"a clone of FWPS is freed after its original", NULL,
		{
			ACT(clone_without_original, USE_AFTER_FREE, FwpsFreeCloneNetBufferList0,
				TEST_TAG, 0),
		}},
	{"a context call, a clone or a list form on a freed NBL", NULL,
		{
			ACT(context_after_free, USE_AFTER_FREE, NdisAllocateNetBufferListContext,
				TEST_TAG, NEEDS_CHECKS | NEEDS_MEMORY),
			ACT(clone_after_free, USE_AFTER_FREE, NdisAllocateCloneNetBufferList,
				TEST_TAG, NEEDS_CHECKS | NEEDS_MEMORY),
			ACT(list_form_after_free, USE_AFTER_FREE, NdisAdvanceNetBufferListDataStart,
				TEST_TAG, NEEDS_CHECKS | NEEDS_MEMORY),
		}},
	{"a data call on a freed NB, or on a copy of one", NULL,
		{
			ACT(nb_after_free, USE_AFTER_FREE, NdisRetreatNetBufferDataStart, TEST_TAG,
				NEEDS_CHECKS | NEEDS_MEMORY),
			ACT(embedded_nb_after_free, USE_AFTER_FREE, NdisAdvanceNetBufferDataStart,
				TEST_TAG, NEEDS_CHECKS | NEEDS_MEMORY),
			ACT(copied_nb, FOREIGN_OBJECT, NdisAdjustNetBufferCurrentMdl, TEST_TAG,
				NEEDS_CHECKS),
		}},
	{"two threads free one object at the same time",
		"one thread's call is a double free then, or goes through", {{.name = NULL}}},
	{"two threads are in context calls on one NBL at once",
		"it takes two threads, and one of them goes on", {{.name = NULL}}},
	{"a freed object is written to",
		"no call does it; a later allocation reports it, and goes on", {{.name = NULL}}},
	{"a freed object is read", "no call does it", {{.name = NULL}}},
	{"an NBL's NBs or contexts, or a clone's MDLs, go round", NULL,
		{
			ACT(nbs_go_round, DATA, NdisAdvanceNetBufferListDataStart, TEST_TAG, 0),
			ACT(contexts_go_round, CONTEXT_OUTSTANDING, NdisFreeNetBufferList, TEST_TAG,
				0),
			ACT(mdls_go_round, WRONG_FREE, NdisFreeCloneNetBufferList, TEST_TAG, 0),
		}},
	{"contexts are freed in another order, right in sum", "it is not found", {{.name = NULL}}},
};

/* The i-th act of all rows; NULL behind the last. */
static inline const struct misuse_act *misuse_act(size_t i)
{
	for (size_t r = 0; r < sizeof(misuse_rows) / sizeof(misuse_rows[0]); r++) {
		for (const struct misuse_act *act = misuse_rows[r].acts; act->name != NULL; act++) {
			if (i-- == 0)
				return act;
		}
	}
	return NULL;
}

#endif
