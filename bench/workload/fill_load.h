/*
 * Fill and drain: a thread gets 32768 objects one by one, writing each, then reads and puts all of
 * them one by one, and begins anew. The workloads fill_fifo, fill_lifo and fill_random are this with
 * three orders in which the objects go back. A pool's first use, and what is left of its order
 * afterwards: by the time an object is got again, it has left the first caches.
 *
 * A round is one object got or put; counts moves.
 */
#ifndef BENCH_WORKLOAD_FILL_LOAD_H
#define BENCH_WORKLOAD_FILL_LOAD_H

#include "bench/workload.h"
#include "bench/workload/random.h"
#include "bench/workload/touch.h"

#include <errno.h>

/*
 * A thread's objects. With 256 bytes each they are 8 MiB, more than a second-level cache of 2 MiB keeps
 * also of their first lines alone.
 */
enum { FILL_OBJECTS = 1 << 15 };

enum fill_order { FILL_FIFO, FILL_LIFO, FILL_RANDOM };

struct fill {
	uint32_t at;                  /* objects got, or put, in this phase */
	bool drains;                  /* this phase puts */
	uint32_t place[FILL_OBJECTS]; /* of the object that is put first, second, ...: each once */
	void *object[FILL_OBJECTS];
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
		if (unlikely(++own->at == FILL_OBJECTS)) {
			own->at = 0;
			own->drains = !own->drains;
		}
	}
	return n;
}

/* As struct workload's hooks. */

static inline uint32_t fill_demand(const struct workload_cell *cell)
{
	(void)cell;
	return FILL_OBJECTS;
}

/* At random: Durstenfeld's shuffle. */
static void fill_choose_places(struct fill *own, uint64_t random, enum fill_order order)
{
	for (uint32_t i = 0; i < FILL_OBJECTS; i++)
		own->place[i] = order == FILL_LIFO ? FILL_OBJECTS - 1 - i : i;
	for (uint32_t i = FILL_OBJECTS - 1; order == FILL_RANDOM && i > 0; i--) {
		const uint32_t other = random_below(&random, i + 1);
		const uint32_t place = own->place[i];

		own->place[i] = own->place[other];
		own->place[other] = place;
	}
}

static inline int fill_enter(struct workload_thread *t, enum fill_order order)
{
	struct fill *own = memory_alloc(sizeof(*own));

	if (own == NULL)
		return -ENOMEM;
	own->at = 0;
	own->drains = false;
	fill_choose_places(own, t->cell->seed + t->index, order);
	for (uint32_t i = 0; i < FILL_OBJECTS; i++)
		own->object[i] = NULL;
	t->own = own;
	return 0;
}

static inline void fill_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct fill *own = t->own;

	for (uint32_t i = 0; i < FILL_OBJECTS; i++) {
		if (own->object[i] != NULL)
			ops->put(pool, t->self, own->object[i]);
	}
	memory_free(own, sizeof(*own));
}

#endif
