/* See cpu_magazines.h. */
#include "alloc/mechanism/cpu_magazines.h"

#include <string.h>

/* The areas beyond those in use have no magazines, and are stopped for ever. */
static int cpu_magazines_init_with(struct pool *pool, uint32_t most)
{
	struct cpu_magazines *self = (struct cpu_magazines *)pool;

	self->areas = cpu_table_map(&self->table, sizeof(*self->areas));
	if (self->areas == NULL)
		return -ENOMEM;
	int rc = depot_init(&self->depot, pool->slab, pool->config.magazine_objects, most,
		2 * self->table.cpus, CACHE_LINE_BYTES);
	if (rc != 0) {
		cpu_table_unmap(&self->table, self->areas, sizeof(*self->areas));
		return rc;
	}
	self->unit0 = self->depot.magazines.unit0;
	for (uint32_t cpu = 0; cpu < self->table.cpus; cpu++) {
		uint32_t loaded = cpu_magazines_unit(self, depot_get_empty(&self->depot, NULL));
		uint32_t spare = cpu_magazines_unit(self, depot_get_empty(&self->depot, NULL));

		atom_init(&self->areas[cpu].word, rseq_magazine_word(loaded, spare));
	}
	for (uint32_t cpu = self->table.cpus; cpu < self->table.limit; cpu++)
		atom_init(&self->areas[cpu].stop, 1);
	return 0;
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
	cpu_table_unmap(&self->table, self->areas, sizeof(*self->areas));
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

/* R0, meets A0 in stop_cpu: the CPU's magazines as this thread leaves them. */
static void restart_cpu(struct cpu_magazines *self, uint32_t cpu)
{
	atom_store_release(&self->areas[cpu].stop, 0); /* R0 */
}

/*
 * Stops a CPU: afterwards no section runs on its magazines until restart_cpu. False: another thread has
 * stopped it.
 */
static bool stop_cpu(struct cpu_magazines *self, uint32_t cpu)
{
	uint32_t idle = 0;

	while (!atom_cas_weak_acquire(&self->areas[cpu].stop, &idle, 1)) { /* A0, meets R0 */
		if (idle != 0)
			return false;
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
	struct rseq_magazines *area = &self->areas[cpu];
	uint64_t word = atom_load_relaxed(&area->word);

	/* A peek that decides nothing: a CPU that looks empty is not worth an interrupt. */
	if (cpu_magazines_loaded(self, word) == 0 && cpu_magazines_spare(self, word) == 0)
		return false;
	if (!stop_cpu(self, cpu)) {
		*busy = true;
		return false;
	}
	word = atom_load_relaxed(&area->word);
	struct magazine *spare = cpu_magazines_at(self, rseq_magazine_spare(word));
	struct magazine *loaded = cpu_magazines_at(self, rseq_magazine_loaded(word));
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
		/* By R0: the section that takes this magazine from the CPU finds it running. */
		atom_tsan_release(taken);
	} else if (count != 0) {
		uint32_t mine = cpu_magazines_unit(self, thread->mine);

		/*
		 * R1, meets the sections of the CPU (x86-64 loads are acquires): the thread's empty
		 * magazine before the word that names it.
		 */
		atom_tsan_release(thread->mine);
		atom_store_release(&area->word,
			taken == spare ? rseq_magazine_word(rseq_magazine_loaded(word), mine)
				       : rseq_magazine_word(mine, rseq_magazine_spare(word)));
		thread->mine = taken;
	}
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
		uint64_t word = atom_load_relaxed(&self->areas[cpu].word);
		struct magazine *loaded = cpu_magazines_at(self, rseq_magazine_loaded(word));
		struct magazine *spare = cpu_magazines_at(self, rseq_magazine_spare(word));

		if (atom_load_relaxed(&self->areas[cpu].stop) != 0 || loaded == spare ||
			magazine_count(loaded) > size || magazine_count(spare) > size) {
			census_fail(census,
				"I1: CPU %u is stopped, or its magazines are one or hold more than "
				"%u objects",
				cpu, size);
			return;
		}
		if (!magazine_census(loaded, "a CPU's loaded magazine", census) ||
			!magazine_census(spare, "a CPU's spare magazine", census))
			return;
	}
	depot_census(&self->depot, census);
}
