/*
 * MDLs. Those that span up to 17 pages, which is any packet up to 64 KiB, come from a pool of the
 * library's; larger ones from the C library. Both have our mark before them.
 */
#include "alloc/ndis/internal.h"

enum { MDL_SIZE_MAX = INT16_MAX }; /* what MDL.Size holds */

/* An MDL in memory of the C library: our mark, then the MDL. */
static COLD MDL *large_alloc(size_t bytes)
{
	size_t all = NBL_LOOSE_OFFSET + bytes;
	unsigned char *memory = memory_fault(all) ? NULL : malloc(all);

	if (memory == NULL)
		return NULL;
	nbl_account_loose(NDIS_TAG_MDLS, all, 1);
	MDL *mdl = (MDL *)(memory + NBL_LOOSE_OFFSET);
	*nbl_loose_mark(mdl) = nbl_mark(mdl, NULL, NBL_MARK_LIVE);
	return mdl;
}

static COLD void large_free(MDL *mdl)
{
	*nbl_loose_mark(mdl) = nbl_mark(mdl, NULL, NBL_MARK_FREE);
	nbl_account_loose(NDIS_TAG_MDLS, NBL_LOOSE_OFFSET + (uint64_t)mdl->Size, -1);
	free((unsigned char *)mdl - NBL_LOOSE_OFFSET);
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
	MmInitializeMdl(mdl, VirtualAddress, Length);
	mdl->MdlFlags = flags;
	return mdl;
}

/* The pool of an MDL; NULL for those of the C library. */
static struct nbl_pool *mdl_pool(const MDL *mdl)
{
	return mdl->MdlFlags & MDL_ALLOCATED_FIXED_SIZE ? ndis_default_pool(NBL_POOL_MDLS) : NULL;
}

bool ndis_mdl_is_ours(const MDL *mdl)
{
	return *nbl_loose_mark(mdl) == nbl_mark(mdl, mdl_pool(mdl), NBL_MARK_LIVE);
}

static COLD void report_not_ours(const MDL *mdl, const char *call)
{
	if (mdl != NULL && *nbl_loose_mark(mdl) == nbl_mark(mdl, mdl_pool(mdl), NBL_MARK_FREE))
		nbl_misuse(NBL_MISUSE_DOUBLE_FREE, call, mdl_pool(mdl), mdl,
			"the MDL is free already");
	else
		nbl_misuse(NBL_MISUSE_FOREIGN_OBJECT, call, NULL, mdl,
			"IoAllocateMdl did not make this MDL");
}

static void mdl_free(MDL *mdl, const char *call)
{
	if (unlikely(mdl == NULL || !ndis_mdl_is_ours(mdl))) {
		report_not_ours(mdl, call);
		return;
	}
	struct nbl_pool *pool = mdl_pool(mdl);
	if (likely(pool != NULL)) {
		struct nbl_thread *self = nbl_self_sure(pool);

		nbl_loose_put(pool->ops, pool, self, mdl);
		nbl_self_done(pool, self);
		return;
	}
	large_free(mdl);
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

	mdl->Next = NULL;
	mdl->Size = (SHORT)MmSizeOfMdl(BaseVa, Length);
	mdl->MdlFlags = 0;
	mdl->Process = NULL;
	mdl->MappedSystemVa = NULL;
	mdl->StartVa = PAGE_ALIGN(BaseVa);
	mdl->ByteCount = (ULONG)Length;
	mdl->ByteOffset = BYTE_OFFSET(BaseVa);
}

VOID MmBuildMdlForNonPagedPool(MDL *MemoryDescriptorList)
{
	MDL *mdl = MemoryDescriptorList;

	mdl->MappedSystemVa = MmGetMdlVirtualAddress(mdl);
	mdl->MdlFlags = (SHORT)(mdl->MdlFlags | MDL_SOURCE_IS_NONPAGED_POOL);
}

VOID IoBuildPartialMdl(MDL *SourceMdl, MDL *TargetMdl, PVOID VirtualAddress, ULONG Length)
{
	PUCHAR end = (PUCHAR)MmGetMdlVirtualAddress(SourceMdl) + SourceMdl->ByteCount;
	MDL *mdl = TargetMdl;

	mdl->StartVa = PAGE_ALIGN(VirtualAddress);
	mdl->ByteOffset = BYTE_OFFSET(VirtualAddress);
	mdl->ByteCount = Length ? Length : (ULONG)(end - (PUCHAR)VirtualAddress);
	mdl->MappedSystemVa = VirtualAddress;
	mdl->MdlFlags = (SHORT)(mdl->MdlFlags | MDL_PARTIAL);
}

MDL *NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, UINT Length)
{
	MDL *mdl = IoAllocateMdl(VirtualAddress, Length, FALSE, FALSE, NULL);

	(void)NdisHandle;
	if (mdl != NULL)
		MmBuildMdlForNonPagedPool(mdl);
	return mdl;
}
