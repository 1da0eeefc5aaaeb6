/* A pool with one attached thread, for tests of strategies. */
#ifndef ALLOC_POOL_SUPPORT_TEST_H
#define ALLOC_POOL_SUPPORT_TEST_H

#include "alloc/machine/cmocka.h"
#include "alloc/pool.h"

#include <stddef.h>
#include <stdint.h>

/* A pool of 64-byte objects with one thread attached to it. */
static inline struct pool *open_pool(
	const struct pool_ops *ops, uint32_t capacity, struct pool_thread **thread)
{
	const struct pool_config config = {.object_bytes = 64, .capacity = capacity};
	struct pool *pool;

	assert_int_equal(pool_create(ops, &config, &pool), 0);
	assert_int_equal(ops->attach(pool, thread), 0);
	return pool;
}

/* Checks the pool, from which `outstanding` objects are out, and ends it. */
static inline void close_pool(struct pool *pool, struct pool_thread *thread, uint64_t outstanding)
{
	char why[POOL_REASON_BYTES] = "";
	int rc = pool->ops->check(pool, outstanding, why);

	assert_string_equal(why, "");
	assert_int_equal(rc, 0);
	pool->ops->detach(pool, thread);
	pool_destroy(pool);
}

#endif
