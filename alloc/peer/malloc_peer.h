/*
 * General mallocs as peers: libraries that replace malloc and free when they are preloaded into a
 * process. Each has a strategy file that runs malloc.h's hooks under its own name; this is how it
 * knows whether it is the one that answers.
 */
#ifndef ALLOC_PEER_MALLOC_PEER_H
#define ALLOC_PEER_MALLOC_PEER_H

#include "alloc/mechanism/life_cycle.h"

#include <dlfcn.h>
#include <stdio.h>

/* Who would preload it: a user of the library that is installed, or a sweep. */
#ifdef NBLBENCH_INSTALLED
#define MALLOC_PEER_HOW "start the program with LD_PRELOAD=%s, which the package %s brings"
#else
#define MALLOC_PEER_HOW "a sweep preloads %s into the worker, where the package %s is installed"
#endif

/*
 * `supported` of a peer: true if symbol, which only that library has, is known to this process.
 * Otherwise the sentence names the library and the package that brings it.
 */
static inline bool malloc_peer_supported(
	char *reason, const char *symbol, const char *library, const char *package)
{
	reason[0] = '\0';
	if (dlsym(RTLD_DEFAULT, symbol) != NULL)
		return true;
	snprintf(reason, POOL_REASON_BYTES, "%s is not in this process; " MALLOC_PEER_HOW, library,
		library, package);
	return false;
}

/*
 * The whole of a peer's strategy file but its head comment: a table over malloc.h's hooks. summary
 * is one line for the list.
 */
#define MALLOC_PEER(peer, text, symbol, library, package)                       \
	static COLD bool peer##_supported(char *reason)                         \
	{                                                                       \
		return malloc_peer_supported(reason, symbol, library, package); \
	}                                                                       \
                                                                                \
	static const struct pool_ops pool_##peer##_ops = {                      \
		.name = #peer,                                                  \
		.summary = text,                                                \
		.traits = {.progress = POOL_BLOCKING,                           \
			.kind = POOL_KIND_ALLOCATOR,                            \
			.cache = POOL_CACHE_THREAD,                             \
			.needs_library = true,                                  \
			.exact = true},                                         \
		.preload = library,                                             \
		.supported = peer##_supported,                                  \
		POOL_HOOKS(malloc),                                             \
	}

#endif
