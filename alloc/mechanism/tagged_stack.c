#include "alloc/mechanism/tagged_stack.h"

bool tagged_stack_census(struct tagged_stack *self, const struct slab *slab, struct census *census)
{
	for (uint32_t at = tagged_unit(atom_load_relaxed(&self->head)); at != 0;
		at = atom_load_relaxed(slab_link(slab, at))) {
		if (!census_mark(census, slab_at(slab, at), "the stack of singles"))
			return false;
	}
	return true;
}
