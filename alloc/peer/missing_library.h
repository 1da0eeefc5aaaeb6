/*
 * For strategies made of a library that this build did not find: they stay listed, say which
 * package would bring them, and refuse to be created. The library that is installed does without
 * all of them on purpose (NBLBENCH_INSTALLED): no package would bring them there.
 */
#ifndef ALLOC_PEER_MISSING_LIBRARY_H
#define ALLOC_PEER_MISSING_LIBRARY_H

#include "alloc/mechanism/life_cycle.h"

/* The body of `supported`: always false, with the sentence in reason. */
static inline bool missing_library(char *reason, const char *library, const char *package)
{
#ifdef NBLBENCH_INSTALLED
	(void)package;
	snprintf(reason, POOL_REASON_BYTES,
		"The installed library does without %s on purpose, to need nothing but the C "
		"library; choose a strategy that does without it, too.",
		library);
#else
	snprintf(reason, POOL_REASON_BYTES,
		"This build has no %s; install the package %s and configure again.", library,
		package);
#endif
	return false;
}

/* There is no pool of such a strategy: pool_create asks `supported` first. */
static inline int missing_library_init(struct pool *pool)
{
	(void)pool;
	return -ENOTSUP;
}

static inline void *missing_library_get(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	(void)thread;
	return NULL;
}

static inline void missing_library_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)pool;
	(void)thread;
	(void)object;
}

POOL_GET_EACH(missing_library)
POOL_PUT_EACH(missing_library)

static const struct pool_parts missing_library_parts = {
	.pool_bytes = sizeof(struct pool),
	.init = missing_library_init,
};

/* The hooks of a table, all but supported. */
#define MISSING_LIBRARY_HOOKS POOL_HOOKS(missing_library)

#endif
