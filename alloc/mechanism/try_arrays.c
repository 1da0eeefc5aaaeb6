/* See try_arrays.h. */
#include "alloc/mechanism/try_arrays.h"
#include "alloc/mechanism/transit.h"

/*
 * Other CPUs tried after the own one, before the depot: 0..16. Two, because a holder is preempted
 * seldom and its neighbour at the same time hardly ever.
 */
enum { NEIGHBOURS = 2 };
_Static_assert(NEIGHBOURS >= 0 && NEIGHBOURS <= 16, "a search, not a walk");

int try_arrays_init(struct pool *pool)
{
	struct try_arrays *self = (struct try_arrays *)pool;

	self->cpus = cpu_possible();
	self->cap = pool->config.cpu_cache_objects;
	int rc = depot_init(&self->depot, &self->slab, pool->config.batch_objects,
		pool->config.batch_objects, 0, CACHE_LINE_BYTES);
	if (rc != 0)
		return rc;
	self->arrays = memory_map(self->cpus * sizeof(*self->arrays), MEMORY_PAGES_ORDINARY);
	if (self->arrays == NULL) {
		depot_fini(&self->depot);
		return -ENOMEM;
	}
	return 0;
}

void try_arrays_fini(struct pool *pool)
{
	struct try_arrays *self = (struct try_arrays *)pool;

	memory_unmap(self->arrays, self->cpus * sizeof(*self->arrays), MEMORY_PAGES_ORDINARY);
	depot_fini(&self->depot);
}

/*
 * The i-th array from `own` on, which the caller has asked for once: it may move while it searches, and
 * would pass over an array if it began to count from another.
 */
static struct try_array *neighbour(struct try_arrays *self, struct try_array *own, uint32_t i)
{
	return &self->arrays[((uint32_t)(own - self->arrays) + i) % self->cpus];
}

struct try_array *try_arrays_enter_near(struct try_arrays *self, struct pool_thread *thread)
{
	struct try_array *own = try_arrays_own(self, thread);

	for (uint32_t i = 0; i <= NEIGHBOURS && i < self->cpus; i++) {
		struct try_array *array = neighbour(self, own, i);

		if (try_lock_enter(&array->lock))
			return array;
		thread->paths.wait++;
	}
	return NULL;
}

uint32_t try_arrays_search(
	struct try_arrays *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct try_array *own = try_arrays_own(self, thread);
	uint32_t got = 0;

	for (uint32_t i = 0; i < self->cpus && got < n; i++) {
		struct try_array *array = neighbour(self, own, i);

		if (!try_lock_enter(&array->lock)) {
			thread->paths.wait++;
			continue;
		}
		got += try_array_pop(array, objs + got, n - got);
		try_lock_leave(&array->lock);
	}
	thread->paths.steal += got != 0;
	return got;
}

void try_arrays_flush(struct pool *pool, struct pool_thread *thread)
{
	struct try_arrays *self = (struct try_arrays *)pool;
	struct try_array *array = try_arrays_own(self, thread);
	struct transit transit;
	uint32_t n = 1;

	transit_init(&transit);
	while (n != 0) {
		transit_open(&transit, &self->depot, thread);
		if (!try_lock_enter(&array->lock))
			break;
		n = try_array_pop(array, transit.slot, transit.room);
		try_lock_leave(&array->lock);
		if (n != 0)
			transit_give(&transit, &self->depot, thread, n);
	}
	transit_close(&transit, &self->depot, thread);
}

void try_arrays_walk(struct pool *pool, struct census *census)
{
	struct try_arrays *self = (struct try_arrays *)pool;

	for (uint32_t i = 0; i < self->cpus; i++) {
		struct try_array *array = &self->arrays[i];

		if (!try_lock_is_free(&array->lock) || array->count > self->cap) {
			census_fail(census,
				"I1: the array of CPU %u is locked or holds %u objects of %u", i,
				array->count, self->cap);
			return;
		}
		if (!census_mark_each(census, array->slot, array->count, "a CPU's array"))
			return;
	}
	depot_census(&self->depot, census);
}
