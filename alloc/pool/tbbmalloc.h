/*
 * tbbmalloc: oneTBB's scalable allocator: thread-owned blocks with a public list for what other
 * threads free.
 *
 * As its own users have it: preloaded, so that malloc and free are its own, in its default
 * configuration. The hooks are those of malloc.h.
 */
#ifndef ALLOC_POOL_TBBMALLOC_H
#define ALLOC_POOL_TBBMALLOC_H

#include "alloc/peer/malloc_peer.h"
#include "alloc/pool/malloc.h"

MALLOC_PEER(tbbmalloc, "peer: oneTBB's scalable malloc behind malloc and free, preloaded",
	"__TBB_malloc_proxy", "libtbbmalloc_proxy.so.2", "libtbbmalloc2");

#endif
