/*
 * mimalloc: Microsoft's mimalloc: a free list for each page, and one for what other threads free.
 *
 * As its own users have it: preloaded, so that malloc and free are its own, in its default
 * configuration. The hooks are those of malloc.h.
 */
#ifndef ALLOC_POOL_MIMALLOC_H
#define ALLOC_POOL_MIMALLOC_H

#include "alloc/peer/malloc_peer.h"
#include "alloc/pool/malloc.h"

MALLOC_PEER(mimalloc, "peer: mimalloc behind malloc and free, preloaded", "mi_version",
	"libmimalloc.so.2", "libmimalloc2.0");

#endif
