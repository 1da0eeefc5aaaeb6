/* See cpu_magazines.h. */
#include "alloc/mechanism/cpu_magazines.h"

#include <string.h>

static size_t places_bytes(const struct cpu_magazines *self)
{
	return self->table.cpus * sizeof(*self->places);
}

static int cpu_magazines_init_with(struct pool *pool, uint32_t most)
{
	struct cpu_magazines *self = (struct cpu_magazines *)pool;
	int rc;

	self->at = cpu_table_map(&self->table, sizeof(*self->at));
	if (self->at == NULL)
		return -ENOMEM;
	self->places = memory_alloc(places_bytes(self));
	if (self->places == NULL) {
		rc = -ENOMEM;
		goto fail_places;
	}
	rc = depot_init(&self->depot, pool->slab, pool->config.magazine_objects, most,
		2 * self->table.cpus, MAGAZINE_BLOCK_BYTES);
	if (rc != 0)
		goto fail_depot;
	rseq_place_close(&self->closed);
	for (uint32_t cpu = 0; cpu < self->table.cpus; cpu++) {
		struct rseq_place *place = &self->places[cpu];
		struct magazine *loaded = depot_get_empty(&self->depot, NULL);
		struct magazine *spare = depot_get_empty(&self->depot, NULL);

		rseq_place_init(place, loaded, spare, depot_size(&self->depot));
		/* So that a hint names magazines. */
		rseq_pair_init(&place->pair[1], loaded, spare, depot_size(&self->depot));
		atom_init(&self->at[cpu], place);
	}
	for (uint32_t cpu = self->table.cpus; cpu < self->table.limit; cpu++)
		atom_init(&self->at[cpu], &self->closed);
	return 0;

fail_depot:
	memory_free(self->places, places_bytes(self));
fail_places:
	cpu_table_unmap(&self->table, self->at, sizeof(*self->at));
	return rc;
}

int cpu_magazines_init(struct pool *pool)
{
	return cpu_magazines_init_with(pool, pool->config.magazine_objects);
}

int cpu_magazines_init_growing(struct pool *pool)
{
	return cpu_magazines_init_with(pool, pool->config.magazine_objects_most);
}

void cpu_magazines_fini(struct pool *pool)
{
	struct cpu_magazines *self = (struct cpu_magazines *)pool;

	depot_fini(&self->depot);
	memory_free(self->places, places_bytes(self));
	cpu_table_unmap(&self->table, self->at, sizeof(*self->at));
}

void cpu_magazines_adopt(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;

	self->rs = rseq_area_or(&self->unregistered, ((struct cpu_magazines *)pool)->table.cpus);
}

int cpu_magazines_enter(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;
	struct magazine *kept[2];
	int rc = depot_keep(&((struct cpu_magazines *)pool)->depot, kept, array_count(kept));

	if (rc != 0)
		return rc;
	self->mine = kept[0];
	self->reserve = kept[1];
	cpu_magazines_adopt(pool, thread);
	return 0;
}

/* A thread caches nothing: its objects lie with the CPUs, where every thread finds them. */
void cpu_magazines_leave(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;
	struct magazine *kept[] = {self->mine, self->reserve};

	depot_drop(&((struct cpu_magazines *)pool)->depot, kept, array_count(kept));
}

/*
 * Ends a stop.
 *
 * R0, meets A0 in stop_cpu and the sections of the CPU (x86-64 loads are acquires): the place and its magazines, as
 * this thread leaves them, before the entry that leads there.
 */
static void restart_cpu(struct cpu_magazines *self, uint32_t cpu)
{
	atom_store_release(&self->at[cpu], &self->places[cpu]); /* R0 */
}

/*
 * Stops a CPU: afterwards its place and its magazines are the caller's until restart_cpu. The fence orders the entry
 * before every section that begins after it, and aborts every one that began before. False: another thread has
 * stopped the CPU (*busy); or the kernel refuses the fence, and will again.
 */
static bool stop_cpu(struct cpu_magazines *self, uint32_t cpu, bool *busy)
{
	void *place = &self->places[cpu];

	while (!atom_cas_weak_acquire(&self->at[cpu], &place, &self->closed)) { /* A0, meets R0 */
		if (place == &self->closed) {
			*busy = true;
			return false;
		}
	}
	if (rseq_fence(cpu))
		return true;
	restart_cpu(self, cpu);
	return false;
}

/*
 * Takes objects of a CPU into the thread's empty magazine. Where both of the CPU's have some, its spare is
 * traded whole. Of the last one half is taken, or `want` if that is more: two CPUs would else take their
 * last objects from each other in turn, an interrupt a get. A part is copied, and so are objects for a
 * private magazine, which cannot be installed. False: the CPU has no objects, or another thread is
 * taking some (*busy).
 */
static bool rob(struct cpu_magazines *self, struct cpu_magazines_thread *thread, uint32_t cpu,
	uint32_t want, bool *busy)
{
	struct rseq_place *place = &self->places[cpu];
	struct rseq_pair *pair = rseq_place_pair(place);

	/* A peek that decides nothing: a CPU that looks empty is not worth an interrupt. */
	if (rseq_place_count(place, pair) == 0 && magazine_count(rseq_pair_spare(pair)) == 0)
		return false;
	if (!stop_cpu(self, cpu, busy))
		return false;
	pair = rseq_place_pair(place);
	struct magazine *spare = rseq_pair_spare(pair);
	struct magazine *loaded = rseq_pair_loaded(pair);

	magazine_set_count(loaded, rseq_place_count(place, pair));
	struct magazine *taken = magazine_count(spare) != 0 ? spare : loaded;
	const uint32_t count = magazine_count(taken);
	const bool last = taken == loaded || magazine_count(loaded) == 0;
	uint32_t take = last ? count - count / 2 : count;

	if (take < want)
		take = want < count ? want : count;
	atom_tsan_acquire(taken);
	if (take < count || (count != 0 && !cpu_magazines_trades(thread))) {
		memcpy(thread->mine->slot, &taken->slot[count - take], take * sizeof(*taken->slot));
		magazine_set_count(thread->mine, take);
		magazine_set_count(taken, count - take);
		/* By R0: the section that takes this magazine from the CPU has found its place. */
		atom_tsan_release(taken);
	} else if (count != 0) {
		atom_tsan_release(thread->mine);
		if (taken == spare)
			spare = thread->mine;
		else
			loaded = thread->mine;
		thread->mine = taken;
	}
	rseq_place_init(place, loaded, spare, depot_size(&self->depot));
	restart_cpu(self, cpu);
	cpu_magazines_acquire_all(thread->mine);
	return count != 0;
}

bool cpu_magazines_fill(struct cpu_magazines *self, struct cpu_magazines_thread *thread)
{
	bool filled = depot_fill(&self->depot, &thread->base, &thread->mine);

	depot_watch(&self->depot, &thread->base, &thread->watch);
	return filled;
}

void cpu_magazines_empty(struct cpu_magazines *self, struct cpu_magazines_thread *thread)
{
	depot_empty(&self->depot, &thread->base, &thread->mine);
	depot_watch(&self->depot, &thread->base, &thread->watch);
}

void cpu_magazines_install(struct cpu_magazines *self, struct cpu_magazines_thread *thread)
{
	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && cpu_magazines_trades(thread); i++) {
		struct rseq_place *place = cpu_magazines_place(self, rseq_cpu(thread->rs));

		if (place == NULL || cpu_magazines_trade(self, thread,
					     rseq_place_count(place, rseq_place_pair(place)) != 0))
			break;
	}
	/* What came home is empty, or a spare that made room, or, interrupted, anything. */
	if (magazine_count(thread->mine) != 0)
		cpu_magazines_empty(self, thread);
}

uint32_t cpu_magazines_top_up(struct cpu_magazines *self, struct cpu_magazines_thread *thread,
	void *const *objs, uint32_t n)
{
	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX; i++) {
		struct rseq_place *place = cpu_magazines_place(self, rseq_cpu(thread->rs));

		if (place == NULL)
			break;
		/* Hints, both: the section finds out whether there is still so much room. */
		struct rseq_pair *pair = rseq_place_pair(place);
		uint32_t count = rseq_place_count(place, pair);
		uint32_t size = (uint32_t)(atom_load_relaxed(&pair->bytes) / sizeof(void *));

		if (count >= size)
			break;
		uint32_t room = size - count < n ? size - count : n;
		if (rseq_magazine_push_bulk(thread->rs, self->at, objs, room) == RSEQ_DONE)
			return room;
	}
	return 0;
}

struct magazines_steal {
	struct cpu_magazines *from;
	struct cpu_magazines_thread *thread;
	uint32_t want;
};

static bool look_at_magazines(void *arg, uint32_t cpu, bool *busy)
{
	const struct magazines_steal *self = arg;

	return rob(self->from, self->thread, cpu, self->want, busy);
}

bool cpu_magazines_steal(
	struct cpu_magazines *self, struct cpu_magazines_thread *thread, uint32_t want)
{
	struct magazines_steal steal = {self, thread, want};
	bool found = cpu_table_search(&self->table, &thread->victim, look_at_magazines, &steal);

	thread->base.paths.steal += found;
	return found;
}

uint64_t cpu_magazines_lost(const struct pool *pool)
{
	return UINT64_C(2) * ((const struct cpu_magazines *)pool)->depot.magazine_objects_most;
}

void cpu_magazines_flush(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_magazines *self = (struct cpu_magazines *)pool;
	struct cpu_magazines_thread *mine = (struct cpu_magazines_thread *)thread;
	uint32_t cpu = rseq_cpu(mine->rs);
	bool busy;

	for (int i = 0; i < 2 && cpu < self->table.cpus && rob(self, mine, cpu, UINT32_MAX, &busy);
		i++)
		cpu_magazines_empty(self, mine);
}

void cpu_magazines_walk(struct pool *pool, struct census *census)
{
	struct cpu_magazines *self = (struct cpu_magazines *)pool;
	const uint32_t size = depot_size(&self->depot);

	for (uint32_t cpu = 0; cpu < self->table.cpus; cpu++) {
		struct rseq_place *place = &self->places[cpu];
		struct rseq_pair *pair = rseq_place_pair(place);
		struct magazine *loaded = rseq_pair_loaded(pair);
		struct magazine *spare = rseq_pair_spare(pair);
		const uint32_t count = rseq_place_count(place, pair);

		if (cpu_magazines_place(self, cpu) != place || loaded == spare || count > size ||
			magazine_count(spare) > size) {
			census_fail(census,
				"I1: CPU %u is stopped, or its magazines are one or hold more than "
				"%u objects",
				cpu, size);
			return;
		}
		magazine_set_count(loaded, count);
		if (!magazine_census(loaded, "a CPU's loaded magazine", census) ||
			!magazine_census(spare, "a CPU's spare magazine", census))
			return;
	}
	depot_census(&self->depot, census);
}
