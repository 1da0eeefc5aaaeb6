/*
 * jemalloc: jemalloc, the allocator of FreeBSD: thread caches over arenas of size-class slabs.
 *
 * As its own users have it: preloaded, so that malloc and free are its own, in its default
 * configuration. The hooks are those of malloc.h.
 */
#ifndef ALLOC_POOL_JEMALLOC_H
#define ALLOC_POOL_JEMALLOC_H

#include "alloc/peer/malloc_peer.h"
#include "alloc/pool/malloc.h"

MALLOC_PEER(jemalloc, "peer: jemalloc behind malloc and free, preloaded", "mallctl",
	"libjemalloc.so.2", "libjemalloc2");

#endif
