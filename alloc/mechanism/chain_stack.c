/* See chain_stack.h. */
#include "alloc/mechanism/chain_stack.h"

#include <errno.h>
#include <inttypes.h>

enum { LENGTH_SHIFT = TAGGED_UNIT_BITS };

static size_t next_bytes(const struct chain_stack *self, const struct slab *slab)
{
	return slab_units(slab) * sizeof(*self->next);
}

int chain_stack_init(struct chain_stack *self, const struct slab *slab)
{
	self->next = memory_map(next_bytes(self, slab), MEMORY_PAGES_ORDINARY);
	return self->next == NULL ? -ENOMEM : 0;
}

void chain_stack_fini(struct chain_stack *self, const struct slab *slab)
{
	memory_unmap(self->next, next_bytes(self, slab), MEMORY_PAGES_ORDINARY);
}

void chain_stack_push(struct chain_stack *self, uint32_t first, uint32_t length, uint64_t *lost)
{
	tagged head = atom_load_relaxed(&self->head); /* only stored and compared */

	for (;;) {
		atom_store_relaxed(&self->next[first], length << LENGTH_SHIFT | tagged_unit(head));
		if (atom_cas_weak_release(
			    &self->head, &head, tagged_with_unit(head, first))) /* R1, meets A1 */
			return;
		tagged_lost(lost);
	}
}

uint32_t chain_stack_pop(struct chain_stack *self, uint32_t *length, uint64_t *lost)
{
	tagged head = atom_load_acquire(&self->head); /* A1, meets R1 */
	uint32_t first;

	while ((first = tagged_unit(head)) != 0) {
		uint32_t next = atom_load_relaxed(&self->next[first]);

		*length = next >> LENGTH_SHIFT;
		if (atom_cas_weak_acquire(
			    &self->head, &head, tagged_next(head, next & TAGGED_UNIT_MAX))) /* A1 */
			break;
		tagged_lost(lost);
	}
	return first;
}

bool chain_census(const struct slab *slab, uint32_t first, uint32_t length, uint32_t most,
	const char *place, struct census *census)
{
	uint32_t at = first;
	uint32_t n = 0;

	if (length > most)
		return census_fail(census, "%s has %" PRIu32 " objects, more than %" PRIu32, place,
			length, most);
	for (; at != 0 && n < length; at = atom_load_relaxed(slab_link(slab, at)), n++) {
		if (!census_mark(census, slab_at(slab, at), place))
			return false;
	}
	if (at != 0 || n != length)
		return census_fail(census, "%s claims %" PRIu32 " objects and has %s%" PRIu32,
			place, length, at != 0 ? "more than " : "", n);
	return true;
}

bool chain_stack_census(struct chain_stack *self, const struct slab *slab, uint32_t most,
	const char *place, struct census *census)
{
	for (uint32_t first = tagged_unit(atom_load_relaxed(&self->head)); first != 0;) {
		uint32_t next = atom_load_relaxed(&self->next[first]);

		if (!chain_census(slab, first, next >> LENGTH_SHIFT, most, place, census))
			return false;
		first = next & TAGGED_UNIT_MAX;
	}
	return true;
}
