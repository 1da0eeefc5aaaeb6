#include "alloc/mechanism/slab.h"

#include <errno.h>

static size_t link_bytes(const struct slab *self)
{
	return slab_units(self) * sizeof(*self->link);
}

static const size_t range_max = (size_t)TAGGED_UNIT_MAX << CACHE_LINE_LOG2;

/* 0: one object is too large already. */
static size_t stride_of(size_t bytes, size_t align)
{
	if (bytes > range_max || align > range_max)
		return 0;
	size_t stride = slab_stride(bytes, align);

	return stride <= range_max ? stride : 0;
}

uint32_t slab_most(size_t bytes, size_t align)
{
	size_t stride = stride_of(bytes, align);

	return stride == 0 ? 0 : (uint32_t)(range_max / stride);
}

int slab_init(struct slab *self, size_t bytes, size_t align, uint32_t capacity,
	enum memory_pages pages, enum slab_links links)
{
	struct slab slab = {.capacity = capacity, .pages = pages};

	if (capacity == 0 || capacity > slab_most(bytes, align))
		return -EOVERFLOW;

	slab_space(&slab, stride_of(bytes, align));
	slab.base = memory_map(capacity * slab.stride, pages);
	if (slab.base == NULL)
		return -ENOMEM;
	slab.unit0 = slab.base - CACHE_LINE_BYTES;
	if (links == SLAB_WITH_LINKS) {
		slab.link = memory_map(link_bytes(&slab), MEMORY_PAGES_ORDINARY);
		if (slab.link == NULL) {
			memory_unmap(slab.base, capacity * slab.stride, pages);
			return -ENOMEM;
		}
	}
	*self = slab;
	return 0;
}

void slab_fini(struct slab *self)
{
	if (self->link != NULL)
		memory_unmap(self->link, link_bytes(self), MEMORY_PAGES_ORDINARY);
	memory_unmap(self->base, self->capacity * self->stride, self->pages);
	self->base = NULL;
	self->unit0 = NULL;
	self->link = NULL;
}

bool slab_owns(const struct slab *self, const void *object)
{
	size_t offset = (size_t)((const unsigned char *)object - self->base);
	struct slab *slab = (struct slab *)self; /* an atomic load wants a mutable word */

	return (const unsigned char *)object >= self->base && offset % self->stride == 0 &&
	       offset / self->stride < atom_load_relaxed(&slab->carved);
}
