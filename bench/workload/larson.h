/*
 * larson: a server's threads. Each holds 5000 objects and replaces a random one, over and over; after 100
 * times 5000 replacements it leaves all that it holds to another thread and goes on with what it was
 * left itself. Larson & Krishnan's benchmark ("Memory allocation for long-running server applications",
 * ISMM 1998) as it is usually run: 5000 live objects a thread, 100 rounds.
 *
 * Departures: the objects have one size; they are touched (touch.h); no thread ends, but arrays are
 * exchanged through one place, where a spare one lies, so that nobody waits. All threads do the same. A
 * round is one replacement; counts objects.
 *
 * What it can't show: sizes, and what the end of a thread costs. In one slice most objects are put by
 * the thread that got them.
 */
#ifndef BENCH_WORKLOAD_LARSON_H
#define BENCH_WORKLOAD_LARSON_H

#include "alloc/atomic.h"
#include "bench/workload.h"
#include "bench/workload/random.h"
#include "bench/workload/touch.h"

#include <errno.h>

enum { LARSON_OBJECTS = 5000, LARSON_ROUNDS = 100 };

struct larson_array {
	void *object[LARSON_OBJECTS]; /* NULL: found none */
};

/*
 * R0 in the exchange, meets A0 there: who takes an array sees what is in it. Once a thread has exchanged,
 * `spare` is never NULL but after the last thread has left.
 */
struct larson {
	CACHE_PAIR_ALIGNED atom_ptr spare; /* struct larson_array */
};

struct larson_thread {
	uint64_t random;
	uint64_t left; /* replacements until the next exchange */
	struct larson_array *array;
};

ALWAYS_INLINE uint64_t workload_larson(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct larson_thread *own = t->own;
	struct larson *shared = t->shared;

	for (uint64_t i = 0; i < n; i++) {
		void **place = &own->array->object[random_below(&own->random, LARSON_OBJECTS)];

		if (likely(*place != NULL)) {
			WORKLOAD_OWN_DO(t, touch_read(place, 1));
			WORKLOAD_DO(t, ops->put(pool, t->self, *place));
			bench_escape(pool);
		}
		void *object = WORKLOAD_CALL(t, ops->get(pool, t->self));
		bench_escape(object);
		*place = object;
		if (unlikely(object == NULL)) {
			t->failed++;
			return i;
		}
		WORKLOAD_OWN_DO(t, touch_write(&object, 1));
		if (unlikely(--own->left == 0)) {
			own->left = (uint64_t)LARSON_ROUNDS * LARSON_OBJECTS;
			own->array = atom_xchg_acq_rel(&shared->spare, own->array); /* R0, A0 */
		}
	}
	return n;
}

/* One array a thread, and the spare one. */
static uint32_t larson_demand(const struct workload_cell *cell)
{
	return LARSON_OBJECTS + (LARSON_OBJECTS + cell->threads - 1) / cell->threads;
}

static struct larson_array *larson_fill(
	const struct pool_ops *ops, struct pool *pool, struct pool_thread *self)
{
	struct larson_array *array = memory_alloc(sizeof(*array));

	for (uint32_t i = 0; array != NULL && i < LARSON_OBJECTS; i++)
		array->object[i] = ops->get(pool, self);
	return array;
}

static void larson_empty(const struct pool_ops *ops, struct pool *pool, struct pool_thread *self,
	struct larson_array *array)
{
	for (uint32_t i = 0; array != NULL && i < LARSON_OBJECTS; i++) {
		if (array->object[i] != NULL)
			ops->put(pool, self, array->object[i]);
	}
	if (array != NULL)
		memory_free(array, sizeof(*array));
}

static int larson_open(const struct pool_ops *ops, struct pool *pool,
	const struct workload_cell *cell, void **shared)
{
	struct larson *self = memory_alloc(sizeof(*self));

	(void)ops;
	(void)pool;
	(void)cell;
	if (self == NULL)
		return -ENOMEM;
	atom_init(&self->spare, NULL);
	*shared = self;
	return 0;
}

static void larson_close(const struct pool_ops *ops, struct pool *pool,
	const struct workload_cell *cell, void *shared)
{
	(void)ops;
	(void)pool;
	(void)cell;
	memory_free(shared, sizeof(struct larson));
}

/* The first thread makes the spare array too. */
static int larson_enter(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct larson *shared = t->shared;
	struct larson_thread *own = memory_alloc(sizeof(*own));
	struct larson_array *spare = t->index == 0 ? larson_fill(ops, pool, t->self) : NULL;

	if (own == NULL || (t->index == 0 && spare == NULL))
		goto fail;
	own->array = larson_fill(ops, pool, t->self);
	if (own->array == NULL)
		goto fail;
	own->random = t->cell->seed + t->index;
	own->left = (uint64_t)LARSON_ROUNDS * LARSON_OBJECTS;
	if (spare != NULL)
		atom_init(&shared->spare, spare); /* before any thread runs a round */
	t->own = own;
	return 0;
fail:
	larson_empty(ops, pool, t->self, spare);
	if (own != NULL)
		memory_free(own, sizeof(*own));
	return -ENOMEM;
}

/* Whoever leaves first empties the spare array too. */
static void larson_leave(const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct larson *shared = t->shared;
	struct larson_thread *own = t->own;

	larson_empty(ops, pool, t->self, atom_xchg_acq_rel(&shared->spare, NULL));
	larson_empty(ops, pool, t->self, own->array);
	memory_free(own, sizeof(*own));
}

static const struct workload workload_larson_info = {
	.name = "larson",
	.summary =
		"replace a random one of 5000 objects; now and then threads exchange all they hold",
	.unit = "objects",
	.program = "A server whose threads leave their objects to others (Larson & Krishnan 1998): "
		   "5000 live objects a thread, 100 rounds. One size; no thread ends.",
	.lane_threads = 1,
	.by_name = true,
	.untimed = true,
	.demand = larson_demand,
	.open = larson_open,
	.close = larson_close,
	.enter = larson_enter,
	.leave = larson_leave,
};

#endif
