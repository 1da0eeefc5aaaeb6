/*
 * sticky: each NBL keeps a region with room for all the fallback blocks that it ever had at once, and the
 * next fallbacks are cut from it. Contexts repeat: the next packet in this NBL meets the same drivers.
 *
 *	Context -> [16 prefix | 16 header | backfill | used]   cut from the NBL's region
 *	        -> [16 prefix | 16 header | backfill | used]   likewise, below it
 *	        -> [16 header | inline block]                  in the NBL
 *	word    -> the region, behind the newest block: see region.h
 *
 * A block has exactly the size that was asked for, so a driver sees what the reference shows.
 *
 * Growth. An NBL's first fallback makes a region for that block alone. Blocks for which it has no room
 * come from malloc. When all blocks are gone, the next fallback makes a new region, for as much as was in
 * use and at least twice the old one. So the first packet allocates for each of its drivers, the second
 * once, and the third not at all, however deep the stack is, up to STICKY_KEEP_BYTES.
 *
 * Learns: per NBL, at each block that finds no room. Forgets: never by itself. flush starts a new stamp,
 * and each region with an older one is freed when its NBL is next allocated.
 *
 * Guarantee: an NBL whose fallback blocks took at most n bytes before, with 32 for each and sizes
 * rounded up to 16, has no allocation for n bytes or less, up to STICKY_KEEP_BYTES. Its free never
 * reaches the library.
 * Worst case per NBL: 64 + STICKY_KEEP_BYTES kept, for good; in use, what `malloc` has on top of that.
 * So the pool's memory is its high-water mark of NBLs times the deepest stack: one deep packet in each
 * NBL is enough.
 * Steady state: 0 allocations. A fallback is a load of the NBL's first line, two of the slot, and four
 * stores; its end is three loads and two stores.
 * Progress: blocking where malloc is reached.
 *
 * I1  P1 and P2 of region.h, and a region has at most STICKY_KEEP_BYTES.
 * I2  At least as many bytes were kept as were given back.
 */
#ifndef ALLOC_CONTEXT_STICKY_H
#define ALLOC_CONTEXT_STICKY_H

#include "alloc/context/region.h"

#include <errno.h>

/*
 * The largest region that stays with an NBL, in bytes of slots: 0..65536, a multiple of 16. It holds
 * 16 drivers of OVS's and npcap's 32 bytes, or four of XDP's 216; the 1.8 million NBLs that
 * an uncapped pool can have keep 1.9 GiB at most so.
 */
enum { STICKY_KEEP_BYTES = 1024, STICKY_GROWTH = 2 };
_Static_assert(STICKY_KEEP_BYTES >= 0 && STICKY_KEEP_BYTES <= 65536 &&
		       STICKY_KEEP_BYTES % CONTEXT_ALIGN_BYTES == 0,
	"bytes of slots");

/* Bytes of slots for a region in the place of one of `old` bytes that was too small. */
static uint32_t sticky_grown(uint32_t old, uint32_t want)
{
	const uint32_t grown = old * STICKY_GROWTH;

	if (want >= grown)
		return want;
	return grown < STICKY_KEEP_BYTES ? grown : STICKY_KEEP_BYTES;
}

/* The slot at the top is of another kind, or there is none. */
static COLD NET_BUFFER_LIST_CONTEXT *sticky_cut_other(
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t size, uint32_t tag)
{
	const uint32_t bytes = region_slot_bytes(size);
	struct region *region = region_of(nbl);
	uint32_t want = bytes <= STICKY_KEEP_BYTES ? bytes : 0;
	uint32_t old = 0;

	if (region != NULL && context_front_fallback(nbl) == NULL) { /* P3 */
		if (want < region->need)
			want = region->need;
		if (want > region->bytes) {
			old = region->bytes;
			region_drop(self, nbl);
			region = NULL;
		}
	}
	if (region == NULL && want != 0 &&
		unlikely(!region_make(
			self, nbl, sticky_grown(old, want), region_stamp(self->context))))
		return NULL;
	region = region_of(nbl);
	if (region == NULL)
		return region_overflow(self, nbl, size, tag);
	NET_BUFFER_LIST_CONTEXT *block = region_cut_other(self, nbl, size, tag);
	if (block != NULL)
		return block;
	const uint64_t need = region_need(nbl, bytes);
	block = region_overflow(self, nbl, size, tag);
	if (likely(block != NULL) && region->need < need && need <= STICKY_KEEP_BYTES) {
		region->need = (uint32_t)need;
		region_seal(nbl);
	}
	return block;
}

ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_sticky_alloc(struct context *context,
	struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *block = region_cut(nbl, bytes + backfill, tag);

	(void)context;
	return likely(block != NULL) ? block : sticky_cut_other(self, nbl, bytes + backfill, tag);
}

static int context_sticky_create(const struct context_config *config, struct context **out)
{
	struct region_policy *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->base.inline_bytes = config->context_bytes;
	*out = &self->base;
	return 0;
}

static void context_sticky_destroy(struct context *context)
{
	memory_free(context, sizeof(struct region_policy));
}

static void context_sticky_flush(struct context *context, struct context_thread *self)
{
	atom_u32 *stamp = &((struct region_policy *)context)->stamp;
	uint32_t old = atom_load_relaxed(stamp); /* see region_stamp */

	(void)self;
	while (!atom_cas_weak_relaxed(stamp, &old, (old + 1) % REGION_STALE))
		;
}

/* I1 */
static int context_sticky_check_nbl(struct context *context, NET_BUFFER_LIST *nbl, char *why)
{
	const struct region *region = region_of(nbl);

	(void)context;
	if (!region_intact(nbl, why))
		return -EINVAL;
	if (region == NULL || region->bytes <= STICKY_KEEP_BYTES)
		return 0;
	snprintf(why, CONTEXT_REASON_BYTES, "NBL %p keeps a region of %u bytes, more than %d",
		(void *)nbl, region->bytes, (int)STICKY_KEEP_BYTES);
	return -EINVAL;
}

static const struct context_ops context_sticky_ops = {
	.name = "sticky",
	.summary = "each NBL keeps room for as many fallback blocks as it ever had",
	.traits = {.progress = POOL_BLOCKING, .exact = true, .in_place = true, .retains = true},
	.create = context_sticky_create,
	.destroy = context_sticky_destroy,
	.attach = context_attach_plain,
	.detach = context_detach_plain,
	.begin = region_begin,
	.alloc = context_sticky_alloc,
	.free = region_free,
	.retire = region_retire,
	.flush = context_sticky_flush,
	.kept_bytes = context_kept,
	.check = context_check_kept,
	.check_nbl = context_sticky_check_nbl,
};

#endif
