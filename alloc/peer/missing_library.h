/*
 * For strategies made of a library that this build did not find: they stay listed, say which
 * package would bring them, and refuse to be created. The library that is installed does without
 * all of them on purpose (NBLBENCH_INSTALLED): no package would bring them there.
 */
#ifndef ALLOC_PEER_MISSING_LIBRARY_H
#define ALLOC_PEER_MISSING_LIBRARY_H

#include "alloc/pool.h"

#include <errno.h>

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

static inline int missing_library_create(const struct pool_config *config, struct pool **out)
{
	(void)config;
	(void)out;
	return -ENOTSUP;
}

static inline void missing_library_destroy(struct pool *pool)
{
	(void)pool;
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

static inline uint32_t missing_library_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(missing_library_get, pool, thread, objs, n);
}

static inline void missing_library_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	pool_put_each(missing_library_put, pool, thread, objs, n);
}

static inline uint64_t missing_library_count(struct pool *pool)
{
	(void)pool;
	return 0;
}

static inline int missing_library_check(struct pool *pool, uint64_t outstanding, char *why)
{
	(void)pool;
	(void)outstanding;
	snprintf(why, POOL_REASON_BYTES, "the strategy is absent");
	return -EINVAL;
}

/* The hooks of a table, all but supported. None but create can be reached: there is no pool. */
#define MISSING_LIBRARY_HOOKS                                                                 \
	.create = missing_library_create, .destroy = missing_library_destroy,                 \
	.attach = pool_attach_plain, .detach = pool_detach_plain, .get = missing_library_get, \
	.put = missing_library_put, .get_bulk = missing_library_get_bulk,                     \
	.put_bulk = missing_library_put_bulk, .flush = pool_flush_nothing,                    \
	.count = missing_library_count, .check = missing_library_check

#endif
