/*
 * A slab with side nodes: beside the objects an array of nodes, one a unit of the slab (slab.h), in
 * which a strategy keeps links that must not lie in the payload. A slow popper may read the link of
 * an object that another thread already owns and writes to. A node is the strategy's own, and it
 * outlives every owner because the slab is type-stable.
 *
 * The slab's own links are 32-bit atomics of ours. Side nodes are for the others: words as wide as
 * a pointer, and the nodes of libraries, which want a type of their own. Objects stand exactly as
 * they do under every other strategy, so that a comparison compares lists and not layouts.
 *
 * Every call names node_bytes, the size of a node: a constant power of two, or the conversions
 * would divide.
 */
#ifndef ALLOC_MECHANISM_SIDE_NODES_H
#define ALLOC_MECHANISM_SIDE_NODES_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"

struct side_nodes {
	struct slab slab;     /* first: it may be used as a slab alone */
	unsigned char *nodes; /* by unit */
};

/*
 * Makes the slab, without links, and zeroed nodes. 0, or the error of slab_init, or -ENOMEM; *self is
 * undefined after a failure and nothing is leaked.
 */
int side_nodes_init(struct side_nodes *self, size_t bytes, size_t align, uint32_t capacity,
	enum memory_pages pages, size_t node_bytes);
void side_nodes_fini(struct side_nodes *self, size_t node_bytes);

/* The node of one of the slab's objects. A subtraction, two shifts, an addition. */
ALWAYS_INLINE void *side_nodes_node(
	const struct side_nodes *self, const void *object, size_t node_bytes)
{
	size_t offset = (size_t)((const unsigned char *)object - self->slab.unit0);

	return self->nodes + (offset >> CACHE_LINE_LOG2) * node_bytes;
}

/* The object of a node: the inverse. */
ALWAYS_INLINE void *side_nodes_object(
	const struct side_nodes *self, const void *node, size_t node_bytes)
{
	size_t offset = (size_t)((const unsigned char *)node - self->nodes);

	return self->slab.unit0 + (offset / node_bytes << CACHE_LINE_LOG2);
}

/*
 * Marks the objects of a quiet list of nodes that ends in NULL. next: where in a node the address of
 * the next one lies, in bytes.
 */
void side_nodes_walk(const struct side_nodes *self, const void *first, size_t node_bytes,
	size_t next, struct census *census, const char *place);

#endif
