/*
 * tcmalloc: gperftools' tcmalloc: thread caches over central lists under locks.
 *
 * As its own users have it: preloaded, so that malloc and free are its own, in its default
 * configuration. The hooks are those of malloc.h.
 */
#ifndef ALLOC_POOL_TCMALLOC_H
#define ALLOC_POOL_TCMALLOC_H

#include "alloc/peer/malloc_peer.h"
#include "alloc/pool/malloc.h"

MALLOC_PEER(tcmalloc, "peer: gperftools' tcmalloc behind malloc and free, preloaded", "tc_version",
	"libtcmalloc_minimal.so.4", "libtcmalloc-minimal4");

#endif
