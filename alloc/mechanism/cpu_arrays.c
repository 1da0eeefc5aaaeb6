/* See cpu_arrays.h. */
#include "alloc/mechanism/cpu_arrays.h"
#include "alloc/mechanism/transit.h"

#include <string.h>

/*
 * The arrays beyond those in use are left as they were mapped, all 0: top is not above low and not below
 * cap, so a section on such a CPU finds its array empty and full.
 */
int cpu_arrays_init_with(struct cpu_arrays *self, uint32_t magazines)
{
	self->cap = self->base.config.cpu_cache_objects;
	self->batch = self->base.config.batch_objects;
	int rc = depot_init(
		&self->depot, &self->slab, self->batch, self->batch, magazines, CACHE_LINE_BYTES);
	if (rc != 0)
		return rc;
	self->array = cpu_table_map(&self->table, sizeof(*self->array));
	if (self->array == NULL) {
		depot_fini(&self->depot);
		return -ENOMEM;
	}
	for (uint32_t cpu = 0; cpu < self->table.cpus; cpu++)
		rseq_array_init(&self->array[cpu], self->cap);
	self->nodes = 1;
	return 0;
}

int cpu_arrays_divide(struct cpu_arrays *self, uint32_t magazines)
{
	const size_t node_bytes = self->table.limit * sizeof(*self->node);
	uint32_t made = 0;
	int rc = -ENOMEM;

	self->node = memory_alloc(node_bytes);
	if (self->node == NULL)
		return rc;
	const uint32_t further = cpu_nodes(self->node, self->table.cpus) - 1;
	if (further != 0 &&
		(self->further = memory_alloc(further * sizeof(*self->further))) == NULL)
		goto fail_further;
	for (rc = 0; made < further; made++) {
		rc = depot_init(&self->further[made], &self->slab, self->batch, self->batch,
			magazines, CACHE_LINE_BYTES);
		if (rc != 0)
			goto fail_depot;
	}
	self->nodes = further + 1;
	return 0;

fail_depot:
	while (made-- > 0)
		depot_fini(&self->further[made]);
	memory_free(self->further, further * sizeof(*self->further));
fail_further:
	memory_free(self->node, node_bytes);
	self->node = NULL;
	return rc;
}

/* Ends what cpu_arrays_divide made. */
static void join_depots(struct cpu_arrays *self)
{
	const uint32_t further = self->nodes - 1;

	if (self->node == NULL)
		return;
	for (uint32_t i = 0; i < further; i++)
		depot_fini(&self->further[i]);
	if (further != 0)
		memory_free(self->further, further * sizeof(*self->further));
	memory_free(self->node, self->table.limit * sizeof(*self->node));
}

int cpu_arrays_init(struct pool *pool)
{
	return cpu_arrays_init_with((struct cpu_arrays *)pool, 0);
}

int cpu_arrays_init_by_cid(struct pool *pool)
{
	((struct cpu_arrays *)pool)->by = RSEQ_BY_CID;
	return cpu_arrays_init(pool);
}

void cpu_arrays_fini(struct pool *pool)
{
	struct cpu_arrays *self = (struct cpu_arrays *)pool;

	join_depots(self);
	cpu_table_unmap(&self->table, self->array, sizeof(*self->array));
	depot_fini(&self->depot);
}

void cpu_arrays_adopt(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_arrays_thread *self = (struct cpu_arrays_thread *)thread;

	self->rs = rseq_area_or(&self->unregistered, ((struct cpu_arrays *)pool)->table.cpus);
}

int cpu_arrays_enter(struct pool *pool, struct pool_thread *thread)
{
	cpu_arrays_adopt(pool, thread);
	return 0;
}

uint32_t cpu_arrays_pop(
	struct cpu_arrays *self, struct cpu_arrays_thread *thread, void **objs, uint32_t n)
{
	uintptr_t result = RSEQ_ABORT;

	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && result == RSEQ_ABORT; i++)
		result = rseq_array_pop_bulk(thread->rs, self->by, self->array, objs, n);
	return result == RSEQ_ABORT ? 0 : (uint32_t)result / 4;
}

bool cpu_arrays_push(
	struct cpu_arrays *self, struct cpu_arrays_thread *thread, void *const *objs, uint32_t n)
{
	uintptr_t result = RSEQ_ABORT;

	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && result == RSEQ_ABORT; i++)
		result = rseq_array_push_bulk(thread->rs, self->by, self->array, objs, n);
	return result == RSEQ_DONE;
}

void cpu_arrays_put(
	struct cpu_arrays *self, struct cpu_arrays_thread *thread, void *const *objs, uint32_t n)
{
	struct depot *depot = cpu_arrays_near(self, thread);
	struct transit transit;

	if (cpu_arrays_push(self, thread, objs, n))
		return;
	transit_init(&transit);
	transit_open(&transit, depot, &thread->base);
	uint32_t moved = cpu_arrays_pop(self, thread, transit.slot, transit.room);
	if (moved != 0)
		transit_give(&transit, depot, &thread->base, moved);
	transit_close(&transit, depot, &thread->base);
	if (!cpu_arrays_push(self, thread, objs, n))
		depot_give(depot, &thread->base, objs, n);
}

uint64_t cpu_arrays_lost(const struct pool *pool)
{
	return pool->config.cpu_cache_objects;
}

void cpu_arrays_flush(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_arrays *self = (struct cpu_arrays *)pool;
	struct cpu_arrays_thread *mine = (struct cpu_arrays_thread *)thread;
	struct depot *depot = cpu_arrays_near(self, mine);
	struct transit transit;
	uint32_t n;

	transit_init(&transit);
	do {
		transit_open(&transit, depot, thread);
		n = cpu_arrays_pop(self, mine, transit.slot, transit.room);
		if (n != 0)
			transit_give(&transit, depot, thread, n);
	} while (n != 0);
	transit_close(&transit, depot, thread);
}

/* Aborts the sections that work on an array. */
static bool rseq_array_fence(const struct cpu_arrays *self, uint32_t cpu)
{
	return self->by == RSEQ_BY_CID ? rseq_fence_all() : rseq_fence(cpu);
}

/*
 * Ends a stop.
 *
 * R0, meets the sections of the CPU (x86-64 loads are acquires) and A0: top and slots before the
 * tests that let them through.
 */
static void rseq_array_restart(const struct cpu_arrays *self, uint32_t cpu)
{
	struct rseq_array *array = &self->array[cpu];

	/*
	 * A section reads top before it reads a bound. One that began during the stop may have read
	 * what top was before the caller changed it, and would now find the bounds open: it has to
	 * begin again. Where the kernel refuses this fence it refused that of the stop, and nothing
	 * has changed.
	 */
	rseq_array_fence(self, cpu);
	atom_store_release(&array->low, array->slot); /* R0 */
	atom_store_release(&array->cap, array->slot + self->cap);
	atom_store_release(&array->stop, 0);
}

/*
 * Stops the array of a CPU: afterwards no section runs on it, none gets past its test until
 * rseq_array_restart, and top and the slots are the caller's. False: another thread has stopped it (*busy), and never
 * wait for that one; or the kernel refuses the fence, and will again. Any thread. Costs what rseq_fence costs.
 *
 * A0 meets R0 in rseq_array_restart: the slots as the last thread that stopped the array left them. The fence
 * orders low and cap before every section that begins after it, and aborts every section that began
 * before.
 */
static bool rseq_array_stop(const struct cpu_arrays *self, uint32_t cpu, bool *busy)
{
	struct rseq_array *array = &self->array[cpu];
	uint32_t stop = atom_load_relaxed(&array->stop);

	while (stop == 0 && !atom_cas_weak_acquire(&array->stop, &stop, 1)) /* A0 */
		;
	if (stop != 0) {
		*busy = true;
		return false;
	}
	rseq_array_shut(array);
	if (!rseq_array_fence(self, cpu)) {
		rseq_array_restart(self, cpu);
		return false;
	}
	return true;
}

/* A search, and what it has found. */
struct array_steal {
	struct cpu_arrays *from;
	void **objs;
	uint32_t want, taken;
};

static bool look_at_array(void *arg, uint32_t cpu, bool *busy)
{
	struct array_steal *self = arg;
	struct rseq_array *array = &self->from->array[cpu];

	/* A peek that decides nothing: an array that looks empty is not worth an interrupt. */
	if (rseq_array_count(array) == 0)
		return false;
	if (!rseq_array_stop(self->from, cpu, busy))
		return false;
	uint32_t count = rseq_array_count(array);
	uint32_t take = count - count / 2;
	if (take > self->want)
		take = self->want;
	memcpy(self->objs, &array->slot[count - take], take * sizeof(*self->objs));
	for (uint32_t k = 0; k < take; k++)
		atom_tsan_acquire(self->objs[k]);
	rseq_array_set_count(array, count - take);
	rseq_array_restart(self->from, cpu);
	self->taken = take;
	return take != 0;
}

uint32_t cpu_arrays_steal(
	struct cpu_arrays *self, struct cpu_arrays_thread *thread, void **objs, uint32_t n)
{
	struct array_steal steal = {.from = self, .objs = objs, .want = n};

	if (!cpu_table_search(&self->table, &thread->victim, look_at_array, &steal))
		return 0;
	thread->base.paths.steal++;
	return steal.taken;
}

void cpu_arrays_walk(struct pool *pool, struct census *census)
{
	struct cpu_arrays *self = (struct cpu_arrays *)pool;

	for (uint32_t cpu = 0; cpu < self->table.cpus; cpu++) {
		struct rseq_array *array = &self->array[cpu];
		uint32_t count = rseq_array_count(array);

		if (atom_load_relaxed(&array->stop) != 0 ||
			atom_load_relaxed(&array->low) != array->slot ||
			atom_load_relaxed(&array->cap) != array->slot + self->cap ||
			count > self->cap) {
			census_fail(census,
				"I1: CPU %u is stopped, or its array of %u holds %u objects", cpu,
				self->cap, count);
			return;
		}
		if (!census_mark_each(census, array->slot, count, "a CPU's array"))
			return;
	}
	for (uint32_t node = 0; node < self->nodes && !census->failed; node++)
		depot_census(cpu_arrays_depot(self, node), census);
}
