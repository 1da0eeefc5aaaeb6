/*
 * A slab with side nodes: beside the objects an array of records, one a cache line of the slab, in
 * which a strategy keeps the links that must not lie in the payload. A slow popper may read the
 * link of an object that another thread already owns and writes to; a record is the strategy's
 * own, and it outlives every owner because the slab is type-stable (slab.h).
 *
 * slab_init's own links are 32-bit atomics of ours. The side nodes is for the others: words as wide as
 * a pointer, and the nodes of libraries, which want a type of their own. Objects stand exactly as
 * they do under every other strategy, so that a comparison compares lists and not layouts.
 */
#ifndef ALLOC_MECHANISM_SIDE_NODES_H
#define ALLOC_MECHANISM_SIDE_NODES_H

#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <errno.h>

struct side_nodes {
	struct slab slab;
	unsigned char *records; /* by line, each of the record_bytes that every call names */
};

ALWAYS_INLINE size_t side_nodes_bytes(const struct side_nodes *self, size_t record_bytes)
{
	return (self->slab.capacity * self->slab.stride >> CACHE_LINE_LOG2) * record_bytes;
}

/*
 * Makes the slab that config describes, without links, and zeroed records of record_bytes (a
 * constant power of two, or the conversions below would divide). 0, or the error of slab_init, or
 * -ENOMEM; *self is undefined after a failure and nothing is leaked.
 */
static inline int side_nodes_init(
	struct side_nodes *self, const struct pool_config *config, size_t record_bytes)
{
	int rc = slab_init(&self->slab, config->object_bytes, config->object_align,
		config->capacity, config->pages, SLAB_WITHOUT_LINKS);

	if (rc != 0)
		return rc;
	self->records = memory_map(side_nodes_bytes(self, record_bytes), MEMORY_PAGES_ORDINARY);
	if (self->records == NULL) {
		slab_fini(&self->slab);
		return -ENOMEM;
	}
	return 0;
}

static inline void side_nodes_fini(struct side_nodes *self, size_t record_bytes)
{
	memory_unmap(self->records, side_nodes_bytes(self, record_bytes), MEMORY_PAGES_ORDINARY);
	slab_fini(&self->slab);
}

/* The record of one of the slab's objects. A subtraction, two shifts, an addition. */
ALWAYS_INLINE void *side_nodes_record(
	const struct side_nodes *self, const void *object, size_t record_bytes)
{
	size_t offset = (size_t)((const unsigned char *)object - self->slab.base);

	return self->records + (offset >> CACHE_LINE_LOG2) * record_bytes;
}

/* The object of a record: the inverse. */
ALWAYS_INLINE void *side_nodes_object(
	const struct side_nodes *self, const void *record, size_t record_bytes)
{
	size_t offset = (size_t)((const unsigned char *)record - self->records);

	return self->slab.base + (offset / record_bytes << CACHE_LINE_LOG2);
}

#endif
