#include "alloc/mechanism/side_nodes.h"

#include <errno.h>
#include <string.h>

static size_t nodes_bytes(const struct side_nodes *self, size_t node_bytes)
{
	return slab_units(&self->slab) * node_bytes;
}

int side_nodes_init(struct side_nodes *self, size_t bytes, size_t align, uint32_t capacity,
	enum memory_pages pages, size_t node_bytes)
{
	int rc = slab_init(&self->slab, bytes, align, capacity, pages, SLAB_WITHOUT_LINKS);

	if (rc != 0)
		return rc;
	self->nodes = memory_map(nodes_bytes(self, node_bytes), MEMORY_PAGES_ORDINARY);
	if (self->nodes == NULL) {
		slab_fini(&self->slab);
		return -ENOMEM;
	}
	return 0;
}

void side_nodes_fini(struct side_nodes *self, size_t node_bytes)
{
	memory_unmap(self->nodes, nodes_bytes(self, node_bytes), MEMORY_PAGES_ORDINARY);
	slab_fini(&self->slab);
}

void side_nodes_walk(const struct side_nodes *self, const void *first, size_t node_bytes,
	size_t next, struct census *census, const char *place)
{
	const void *at = first;

	while (at != NULL && census_mark(census, side_nodes_object(self, at, node_bytes), place))
		memcpy(&at, (const unsigned char *)at + next, sizeof(at)); /* of any node's type */
}
