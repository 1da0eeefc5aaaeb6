#include "alloc/mechanism/tagged_stack.h"

uint64_t tagged_stack_count(struct tagged_stack *self, const struct slab *slab)
{
	uint64_t n = 0;

	for (uint32_t at = tagged_unit(atom_load_acquire(&self->head));
		at != 0 && n < slab->capacity; at = atom_load_relaxed(slab_link(slab, at)))
		n++;
	return n;
}

bool tagged_stack_census(struct tagged_stack *self, const struct slab *slab, struct census *census)
{
	for (uint32_t at = tagged_unit(atom_load_acquire(&self->head)); at != 0;
		at = atom_load_relaxed(slab_link(slab, at))) {
		if (!census_mark(census, slab_at(slab, at), "the stack of singles"))
			return false;
	}
	return true;
}
