/*
 * null: hands out the same objects again and again and records nothing. It measures the harness:
 * what a workload costs over this row is the strategy's own.
 *
 * Progress: nothing is shared, so any number of threads may call; the trait says unsynchronised
 * because an object is not exclusively owned by whoever gets it.
 */
#ifndef ALLOC_POOL_NULL_H
#define ALLOC_POOL_NULL_H

#include "alloc/mechanism/floor.h"

static inline void *null_get(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	return floor_get(thread);
}

/* Nothing. */
static inline void null_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	(void)pool;
	(void)thread;
	(void)object;
}

static inline uint32_t null_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	(void)pool;
	return floor_get_bulk(thread, objs, n);
}

static inline void null_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	(void)pool;
	(void)thread;
	(void)objs;
	(void)n;
}

static const struct pool_parts null_parts = {
	.pool_bytes = sizeof(struct pool),
	.thread_bytes = sizeof(struct floor_thread),
	.enter = floor_enter,
	.leave = floor_leave,
};

static const struct pool_ops pool_null_ops = {
	.name = "null",
	.summary = "no pool at all: the cost of the loop around one",
	.traits = {.progress = POOL_UNSYNCHRONISED,
		.kind = POOL_KIND_NULL,
		.cache = POOL_CACHE_THREAD},
	.supported = pool_supported_always,
	POOL_HOOKS(null),
};

#endif
