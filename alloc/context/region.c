/* See region.h. */
#include "alloc/context/region.h"

/*
 * It leads to itself, so that the loader writes it and its page is there. A push prefetches what the
 * slot leads to. From a page that nobody has touched that is a walk of the page table which no TLB
 * remembers: it cost 10 ns a push where the linker had put nothing else that is used on the page.
 */
struct context_prefix region_end = {.policy_ptr = &region_end};

void region_drop(struct context_thread *self, NET_BUFFER_LIST *nbl)
{
	struct region *region = region_of(nbl);

	if (region->made != 0)
		region_uncharge(self, region_first(nbl));
	if (self != NULL)
		context_keep(self, -(int64_t)(sizeof(*region) + region->bytes));
	*context_word(nbl) = NULL;
	free(region);
}

bool region_make(struct context_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t stamp)
{
	const uint32_t mask = CACHE_LINE_BYTES - 1;
	const size_t all = sizeof(struct region) + ((bytes + mask) & ~mask);
	struct region *region = memory_fault(all) ? NULL : aligned_alloc(CACHE_LINE_BYTES, all);

	if (unlikely(region == NULL))
		return false;
	*region = (struct region){.bytes = (bytes + mask) & ~mask, .stamp = stamp};
	*context_word(nbl) = region->slots;
	/* There is no slot yet, and the memory may look like the slot of a former region. */
	region_seal(nbl);
	context_keep(self, (int64_t)all);
	self->paths.allocate++;
	return true;
}

void region_free_keyless(
	struct context_thread *self, NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	struct context_prefix *prefix = context_prefix(block);

	if (prefix == region_first(nbl))
		return; /* the sealed slot stays where it lies */
	if (prefix->policy_ptr != NULL) {
		region_of(nbl)->at_end -= prefix->policy_ptr == &region_end;
		region_of(nbl)->overflow -= region_slot_bytes(block->Size);
	}
	context_free_block(self, block);
}

bool region_intact(NET_BUFFER_LIST *nbl, char *why)
{
	const struct region *region = region_of(nbl);
	const char *broken = NULL;
	uint32_t at = 0;

	if (region == NULL)
		return true;
	while (broken == NULL && at < region->made) { /* P2 */
		struct context_prefix *slot = (struct context_prefix *)(region->slots + at);

		at += region_slot_bytes(context_block(slot)->Size);
		if (context_block(slot)->Size == 0 || at > region->made ||
			slot->policy_ptr != (at == region->made ? (void *)&region_end
								: (void *)(region->slots + at)))
			broken = "slots that do not lie side by side";
	}
	at = broken == NULL ? region_used(nbl) : 0;
	for (NET_BUFFER_LIST_CONTEXT *b = nbl->Context; broken == NULL && b != NULL; b = b->Next) {
		const unsigned char *slot = (unsigned char *)context_prefix(b);

		if (slot < region->slots || slot >= region->slots + region->bytes)
			continue;
		if (slot + region_slot_bytes(b->Size) != region->slots + at)
			broken = "a slot in its chain that is not the newest"; /* P1 */
		at = (uint32_t)(slot - region->slots);
	}
	if (broken == NULL && at != 0)
		broken = "a slot in use that is not in its chain"; /* P1 */
	if (broken == NULL)
		return true;
	snprintf(why, CONTEXT_REASON_BYTES, "the region of %u bytes that NBL %p keeps has %s",
		region->bytes, (void *)nbl, broken);
	return false;
}
