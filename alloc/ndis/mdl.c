/*
 * MDLs. Those that span up to 17 pages, which is any packet up to 64 KiB, come from a pool of the
 * library's; larger ones from the C library. Both have our mark before them. The mark alone says
 * whose an MDL is, because the driver may initialise the MDL itself anew.
 */
#include "alloc/ndis/internal.h"

enum { MDL_SIZE_MAX = INT16_MAX }; /* what MDL.Size holds */

/* True, after a report, if there is no MDL. */
static bool is_null(const MDL *mdl, const char *call)
{
	if (likely(mdl != NULL))
		return false;
	nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, NULL, "the MDL is NULL");
	return true;
}

/* The bytes of a large MDL's memory, in the word before its mark. */
static uint64_t *large_bytes(MDL *mdl)
{
	return (uint64_t *)nbl_loose_word(mdl) - 1;
}

/* An MDL in memory of the C library: its size, our mark, then the MDL. */
static COLD MDL *large_alloc(size_t bytes)
{
	size_t all = NBL_LOOSE_OFFSET + bytes;
	unsigned char *memory = memory_fault(all) ? NULL : malloc(all);

	if (memory == NULL)
		return NULL;
	account_add(NDIS_TAG_MDLS, all, 1);
	MDL *mdl = (MDL *)(memory + NBL_LOOSE_OFFSET);
	*large_bytes(mdl) = all;
	nbl_loose_set_mark(mdl, NULL, NBL_MARK_LIVE);
	return mdl;
}

static COLD void large_free(MDL *mdl)
{
	account_add(NDIS_TAG_MDLS, *large_bytes(mdl), -1);
	free((unsigned char *)mdl - NBL_LOOSE_OFFSET);
}

/* Fills an MDL in; its size fits MDL.Size. */
static void initialize(MDL *mdl, PVOID va, ULONG bytes)
{
	mdl->Next = NULL;
	mdl->Size = (SHORT)MmSizeOfMdl(va, bytes);
	mdl->MdlFlags = 0;
	mdl->Process = NULL;
	mdl->MappedSystemVa = NULL;
	mdl->StartVa = PAGE_ALIGN(va);
	mdl->ByteCount = bytes;
	mdl->ByteOffset = BYTE_OFFSET(va);
}

MDL *IoAllocateMdl(
	PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota, PVOID Irp)
{
	size_t bytes = MmSizeOfMdl(VirtualAddress, Length);
	MDL *mdl = NULL;
	SHORT flags = 0;

	(void)SecondaryBuffer;
	(void)ChargeQuota;
	(void)Irp;
	if (bytes > MDL_SIZE_MAX)
		return NULL;
	if (likely(bytes <= NBL_MDL_BYTES)) {
		struct nbl_pool *pool = ndis_default_pool(NBL_POOL_MDLS);
		struct nbl_thread *self = pool != NULL ? nbl_self(pool) : NULL;

		if (likely(self != NULL))
			mdl = nbl_loose_get(pool->ops, pool, self);
		flags = MDL_ALLOCATED_FIXED_SIZE;
	} else {
		mdl = large_alloc(bytes);
	}
	if (unlikely(mdl == NULL))
		return NULL;
	initialize(mdl, VirtualAddress, Length);
	mdl->MdlFlags = flags;
	return mdl;
}

/* met: what the MDL's mark was when it was looked at. */
static COLD void report_not_ours(
	const MDL *mdl, struct nbl_pool *pool, const void *met, const char *call)
{
	if (met == nbl_loose_mark(mdl, pool, NBL_MARK_FREE) ||
		met == nbl_loose_mark(mdl, NULL, NBL_MARK_FREE))
		nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, pool, mdl, "the MDL is free already");
	else if (ndis_mdl_is(mdl, NDIS_MDL_SYSTEM))
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, mdl,
			"a retreat made this MDL; an advance frees it");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, mdl,
			"IoAllocateMdl did not make this MDL");
}

static void mdl_free(MDL *mdl, const char *call)
{
	struct nbl_pool *pool = ndis_default_made(NBL_POOL_MDLS);

	if (is_null(mdl, call))
		return;
	void *met = atom_load_relaxed(nbl_loose_word(mdl));
	if (likely(pool != NULL && met == nbl_loose_mark(mdl, pool, NBL_MARK_LIVE))) {
		/* The pool is the library's: it checks in debug builds alone. */
		if (debug_build && !nbl_loose_claim(mdl, pool, &met)) {
			report_not_ours(mdl, pool, met, call);
			return;
		}
		struct nbl_thread *self = nbl_self_sure(pool);

		mdl->Process = NULL; /* it has no origin, even if an NB still has it */
		nbl_loose_put(pool->ops, pool, self, mdl);
		nbl_self_done(pool, self);
	} else if (met == nbl_loose_mark(mdl, NULL, NBL_MARK_LIVE) &&
		   nbl_loose_claim(mdl, NULL, &met)) {
		large_free(mdl);
	} else {
		report_not_ours(mdl, pool, met, call);
	}
}

VOID IoFreeMdl(MDL *Mdl)
{
	mdl_free(Mdl, __func__);
}

VOID NdisFreeMdl(MDL *Mdl)
{
	mdl_free(Mdl, __func__);
}

VOID MmInitializeMdl(MDL *MemoryDescriptorList, PVOID BaseVa, SIZE_T Length)
{
	MDL *mdl = MemoryDescriptorList;

	if (is_null(mdl, __func__))
		return;
	if (Length > UINT32_MAX || MmSizeOfMdl(BaseVa, Length) > MDL_SIZE_MAX) {
		nbl_misuse(NBL_MISUSE_DATA, __func__, NULL, mdl,
			"%zu bytes are more than an MDL can describe", Length);
		return;
	}
	initialize(mdl, BaseVa, (ULONG)Length);
}

VOID MmBuildMdlForNonPagedPool(MDL *MemoryDescriptorList)
{
	MDL *mdl = MemoryDescriptorList;

	if (is_null(mdl, __func__))
		return;
	mdl->MappedSystemVa = MmGetMdlVirtualAddress(mdl);
	mdl->MdlFlags = (SHORT)(mdl->MdlFlags | MDL_SOURCE_IS_NONPAGED_POOL);
}

/* What a partial MDL keeps of its own flags, and what it takes over from its source's. */
enum {
	FLAGS_KEPT = MDL_ALLOCATED_FIXED_SIZE,
	FLAGS_INHERITED = MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL,
};

/* True if the MDL has an array of pages for the bytes. One that nobody has initialised tells no Size. */
static bool has_room(const MDL *mdl, PVOID va, ULONG bytes)
{
	return (size_t)mdl->Size < sizeof(*mdl) || MmSizeOfMdl(va, bytes) <= (size_t)mdl->Size;
}

VOID IoBuildPartialMdl(MDL *SourceMdl, MDL *TargetMdl, PVOID VirtualAddress, ULONG Length)
{
	const MDL *from = SourceMdl;
	MDL *mdl = TargetMdl;

	if (is_null(from, __func__) || is_null(mdl, __func__))
		return;
	uintptr_t at = (uintptr_t)VirtualAddress - (uintptr_t)MmGetMdlVirtualAddress(from);
	if (at > from->ByteCount || Length > from->ByteCount - at) {
		nbl_misuse(NBL_MISUSE_DATA, __func__, NULL, mdl,
			"the source describes %u bytes at %p, not %u at %p", from->ByteCount,
			MmGetMdlVirtualAddress(from), Length, VirtualAddress);
		return;
	}
	ULONG bytes = Length ? Length : from->ByteCount - (ULONG)at;
	if (!has_room(mdl, VirtualAddress, bytes)) {
		nbl_misuse(NBL_MISUSE_DATA, __func__, NULL, mdl,
			"the target's Size of %d bytes is too small for %u bytes at %p", mdl->Size,
			bytes, VirtualAddress);
		return;
	}
	int mapped = from->MdlFlags & FLAGS_INHERITED;
	mdl->MappedSystemVa = (PVOID)((uintptr_t)ndis_mdl_address(from) + at);
	mdl->MdlFlags = (SHORT)((mdl->MdlFlags & FLAGS_KEPT) | mapped | MDL_PARTIAL);
	mdl->StartVa = PAGE_ALIGN(VirtualAddress);
	mdl->ByteOffset = BYTE_OFFSET(VirtualAddress);
	mdl->ByteCount = bytes;
}

MDL *NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, UINT Length)
{
	MDL *mdl = IoAllocateMdl(VirtualAddress, Length, FALSE, FALSE, NULL);

	(void)NdisHandle;
	if (mdl != NULL)
		MmBuildMdlForNonPagedPool(mdl);
	return mdl;
}
