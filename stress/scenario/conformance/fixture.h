/*
 * What the clauses of conformance share: shapes of pools, and a pool with one thread and all its
 * objects at hand.
 */
#ifndef STRESS_SCENARIO_CONFORMANCE_FIXTURE_H
#define STRESS_SCENARIO_CONFORMANCE_FIXTURE_H

#include "stress/base/object.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Shapes at the edges of the ranges and in their middle; capacities that no batch divides. */
static const struct pool_config conformance_shapes[] = {
	{.object_bytes = POOL_OBJECT_BYTES_MIN,
		.object_align = POOL_OBJECT_ALIGN_MIN,
		.capacity = 1},
	{.object_bytes = 64, .capacity = 2},
	{.object_bytes = 65, .capacity = 3, .magazine_objects = POOL_MAGAZINE_OBJECTS_MIN},
	{.object_bytes = 200, .object_align = 128, .capacity = 333, .magazine_objects = 8},
	{.object_bytes = 64, .capacity = 3001, .cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN},
	{.object_bytes = 512, .capacity = 777, .batch_objects = 1},
	{.object_bytes = 1000, .object_align = POOL_OBJECT_ALIGN_MAX, .capacity = 31},
	{.object_bytes = POOL_OBJECT_BYTES_MAX, .capacity = 5},
	{.object_bytes = 64,
		.capacity = 5000,
		.magazine_objects = POOL_MAGAZINE_OBJECTS_MAX,
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MAX},
};

/* Caches that are soon full. */
#define CONFORMANCE_SMALL_CACHES(objects)                       \
	{                                                       \
		.object_bytes = 64, .capacity = (objects),      \
		.magazine_objects = POOL_MAGAZINE_OBJECTS_MIN,  \
		.cpu_cache_objects = POOL_CPU_CACHE_OBJECTS_MIN \
	}

enum {
	CONFORMANCE_SENTINEL = 0x5e, /* what an untouched byte holds */
	CONFORMANCE_SOME = 200,      /* objects asked of what has no capacity */
	CONFORMANCE_FAULTS_MAX = 10000,
	CONFORMANCE_LIVES = 600 / STRESS_SLOWDOWN,
	CONFORMANCE_FIGHTS = 20,
	CONFORMANCE_WAIT = 10, /* conformance_times */
	CONFORMANCE_HELD = 24, /* objects a thread holds while it churns */
	CONFORMANCE_CHURN = 40000 / STRESS_SLOWDOWN,
	CONFORMANCE_STACK_BYTES = 1 << 20,
};

/*
 * How often threads that meet do something: a tenth where one waits for another, because each wait
 * for a thread that has no CPU lasts a time slice of whatever program has it.
 */
static uint32_t conformance_times(const struct pool_ops *ops, uint32_t times)
{
	return ops->traits.progress == POOL_BLOCKING ? times / CONFORMANCE_WAIT : times;
}

/* How many objects a clause takes out of a pool of this shape. */
static uint32_t conformance_objects(const struct stress *run, const struct pool_config *shape)
{
	bool bounded = run->ops->traits.kind == POOL_KIND_POOL;

	return bounded || shape->capacity < CONFORMANCE_SOME ? shape->capacity : CONFORMANCE_SOME;
}

/* A pool with one thread attached, and room for all its objects. */
struct conformance_bench {
	const struct pool_ops *ops;
	struct pool *pool;
	struct pool_thread *self;
	void **objs;
	uint32_t n; /* conformance_objects */
	uint64_t baseline;
};

static struct conformance_bench conformance_open(
	const struct stress *run, const struct pool_config *shape)
{
	struct conformance_bench b = {
		.n = conformance_objects(run, shape), .baseline = memory_live_bytes()};

	b.objs = stress_array((size_t)b.n + POOL_BULK_MAX, sizeof(*b.objs));
	b.pool = stress_pool(run->ops, shape);
	b.ops = b.pool->ops;
	b.self = stress_attach(b.pool);
	return b;
}

static void conformance_close(struct conformance_bench *b)
{
	stress_quiet(b->pool, 0, "at the end of a clause");
	b->ops->detach(b->pool, b->self);
	stress_quiet(b->pool, 0, "after detach");
	stress_destroy(b->pool, b->baseline);
	free(b->objs);
}

/* get, where NULL would be wrong. */
static void *conformance_get(struct conformance_bench *b, uint32_t nth)
{
	void *object = b->ops->get(b->pool, b->self);

	if (object == NULL)
		stress_fail(PROMISE_NONE_LOST,
			"get answered NULL to its only thread for object %" PRIu32
			" of a pool of %" PRIu32,
			nth + 1, b->pool->config.capacity);
	return object;
}

static void conformance_get_all(struct conformance_bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->objs[i] = conformance_get(b, i);
}

/*
 * After puts: where objects rest on their way back without being in a cache that get searches,
 * flush brings them home.
 */
static void conformance_settle(struct conformance_bench *b)
{
	if (!b->ops->traits.exact && b->ops->traits.cache == POOL_CACHE_NONE)
		b->ops->flush(b->pool, b->self);
}

static void conformance_put_all(struct conformance_bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->ops->put(b->pool, b->self, b->objs[i]);
	conformance_settle(b);
}

static int conformance_compare(const void *a, const void *b)
{
	const uintptr_t left = (uintptr_t) * (void *const *)a;
	const uintptr_t right = (uintptr_t) * (void *const *)b;

	return (left > right) - (left < right);
}

/* objs[0..n), which it sorts: each on its alignment, and far enough from the next. */
static void conformance_place(const struct pool *pool, void **objs, uint32_t n)
{
	const size_t bytes = pool->config.object_bytes;
	const size_t align = pool->config.object_align;

	qsort(objs, n, sizeof(*objs), conformance_compare);
	for (uint32_t i = 0; i < n; i++) {
		if ((uintptr_t)objs[i] % align != 0)
			stress_fail(PROMISE_PLACED, "object %p is not aligned to %zu bytes",
				objs[i], align);
		if (i > 0 && (uintptr_t)objs[i] - (uintptr_t)objs[i - 1] < bytes)
			stress_fail(PROMISE_PLACED,
				"objects %p and %p are both out and overlap: objects have %zu "
				"bytes",
				objs[i - 1], objs[i], bytes);
	}
}

/* All objects can be had once more, each in its place; and the end. */
static void conformance_close_whole(struct conformance_bench *b)
{
	conformance_get_all(b);
	conformance_place(b->pool, b->objs, b->n);
	conformance_put_all(b);
	conformance_close(b);
}

#endif
