/*
 * Fill and drain: a thread gets objects one by one, writing each, then reads and puts all of them one by
 * one, and begins anew. The workloads fill_fifo, fill_lifo and fill_random are this with three orders in
 * which the objects go back. A pool's first use, and what is left of its order afterwards: by the time an
 * object is got again, it has left the caches, the last one too where that is not too large
 * (fill_objects).
 *
 * A round is one object got or put; counts moves.
 */
#ifndef BENCH_WORKLOAD_FILL_LOAD_H
#define BENCH_WORKLOAD_FILL_LOAD_H

#include "bench/workload.h"
#include "bench/workload/random.h"
#include "bench/workload/touch.h"

#include <errno.h>
#include <unistd.h>

enum {
	/* A thread's objects: with 256 bytes each 8 MiB, more than a second-level cache has. */
	FILL_OBJECTS_LEAST = 1 << 15,
	FILL_OBJECTS_MOST = 1 << 17,
	FILL_OBJECT_BYTES = 256, /* the usual size, by which it is reckoned */
	FILL_CACHES = 2,         /* so many times the last cache, all threads together */
	FILL_MEMORY_PARTS = 64,  /* a pool takes so small a part of memory: each row has one */
};

enum fill_order { FILL_FIFO, FILL_LIFO, FILL_RANDOM };

struct fill {
	uint32_t at; /* objects got, or put, in this phase */
	uint32_t objects;
	bool drains;     /* this phase puts */
	uint32_t *place; /* of the object that is put first, second, ...: each once */
	void **object;
};

ALWAYS_INLINE uint64_t fill_run(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct fill *own = t->own;

	for (uint64_t i = 0; i < n; i++) {
		if (!own->drains) {
			void *object = WORKLOAD_CALL(t, ops->get(pool, t->self));

			bench_escape(object);
			if (unlikely(object == NULL)) {
				t->failed++;
				return i;
			}
			WORKLOAD_OWN_DO(t, touch_write(&object, 1));
			own->object[own->at] = object;
		} else {
			void **place = &own->object[own->place[own->at]];

			WORKLOAD_OWN_DO(t, touch_read(place, 1));
			WORKLOAD_DO(t, ops->put(pool, t->self, *place));
			bench_escape(pool);
			*place = NULL;
		}
		if (unlikely(++own->at == own->objects)) {
			own->at = 0;
			own->drains = !own->drains;
		}
	}
	return n;
}

/* As struct workload's hooks. */

/*
 * How many objects a thread has, where the last cache and memory have so many bytes, 0 if that is not
 * known: together they outgrow the cache, but for the bounds above.
 */
static inline uint32_t fill_objects(uint64_t cache, uint64_t memory, uint32_t threads)
{
	const uint64_t cached = FILL_CACHES * cache / FILL_OBJECT_BYTES / threads;
	const uint64_t room = memory / FILL_MEMORY_PARTS / FILL_OBJECT_BYTES / threads;
	const uint64_t most = room < FILL_OBJECTS_MOST ? room : FILL_OBJECTS_MOST;
	const uint64_t objects = cached < most ? cached : most;

	return (uint32_t)(objects > FILL_OBJECTS_LEAST ? objects : FILL_OBJECTS_LEAST);
}

static inline uint32_t fill_demand(const struct workload_cell *cell)
{
	const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
	const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	return fill_objects(cache > 0 ? (uint64_t)cache : 0,
		pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0, cell->threads);
}

/* At random: Durstenfeld's shuffle. */
static void fill_choose_places(struct fill *own, uint64_t random, enum fill_order order)
{
	for (uint32_t i = 0; i < own->objects; i++)
		own->place[i] = order == FILL_LIFO ? own->objects - 1 - i : i;
	for (uint32_t i = own->objects - 1; order == FILL_RANDOM && i > 0; i--) {
		const uint32_t other = random_below(&random, i + 1);
		const uint32_t place = own->place[i];

		own->place[i] = own->place[other];
		own->place[other] = place;
	}
}

/* What a thread of so many has of its own. */
static inline size_t fill_bytes(uint32_t objects)
{
	return sizeof(struct fill) + objects * (sizeof(void *) + sizeof(uint32_t));
}

static inline int fill_enter(struct workload_thread *t, enum fill_order order)
{
	const uint32_t objects = fill_demand(t->cell);
	struct fill *own = memory_alloc(fill_bytes(objects));

	if (own == NULL)
		return -ENOMEM;
	own->at = 0;
	own->objects = objects;
	own->drains = false;
	own->object = (void **)(own + 1);
	own->place = (uint32_t *)(own->object + objects);
	fill_choose_places(own, t->cell->seed + t->index, order);
	for (uint32_t i = 0; i < objects; i++)
		own->object[i] = NULL;
	t->own = own;
	return 0;
}

static inline void fill_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct fill *own = t->own;

	for (uint32_t i = 0; i < own->objects; i++) {
		if (own->object[i] != NULL)
			ops->put(pool, t->self, own->object[i]);
	}
	memory_free(own, fill_bytes(own->objects));
}

#endif
