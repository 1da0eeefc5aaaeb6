/* See cpu_inboxes.h. */
#include "alloc/mechanism/cpu_inboxes.h"

static size_t inbox_bytes(const struct cpu_inboxes *self)
{
	return self->arrays.table.cpus * sizeof(*self->inbox);
}

static void inbox_free(struct cpu_inboxes *self)
{
	if (self->inbox != NULL)
		memory_free(self->inbox, inbox_bytes(self));
}

static int cpu_inboxes_init_of(struct pool *pool, enum cpu_inboxes_home of)
{
	enum { MAGAZINES = DEPOT_THREADS * CPU_INBOXES_OPEN };
	struct cpu_inboxes *self = (struct cpu_inboxes *)pool;
	int rc = cpu_arrays_init_with(&self->arrays, MAGAZINES);

	if (rc != 0)
		return rc;
	if (of == HOME_NODE)
		rc = cpu_arrays_divide(&self->arrays, MAGAZINES);
	else if ((self->inbox = memory_alloc(inbox_bytes(self))) == NULL)
		rc = -ENOMEM;
	if (rc != 0)
		goto fail_inbox;
	rc = homes_init(&self->homes, pool->slab);
	if (rc != 0)
		goto fail_homes;
	rc = homes_runs_init(&self->runs, pool->slab, cpu_inboxes_homes(self));
	if (rc != 0)
		goto fail_runs;
	thread_list_init(&self->threads);
	return 0;

fail_runs:
	homes_fini(&self->homes, pool->slab);
fail_homes:
	inbox_free(self);
fail_inbox:
	cpu_arrays_fini(pool);
	return rc;
}

int cpu_inboxes_init(struct pool *pool)
{
	return cpu_inboxes_init_of(pool, HOME_CPU);
}

int cpu_inboxes_init_by_node(struct pool *pool)
{
	return cpu_inboxes_init_of(pool, HOME_NODE);
}

void cpu_inboxes_fini(struct pool *pool)
{
	struct cpu_inboxes *self = (struct cpu_inboxes *)pool;

	thread_list_fini(&self->threads);
	homes_runs_fini(&self->runs, pool->slab);
	homes_fini(&self->homes, pool->slab);
	inbox_free(self);
	cpu_arrays_fini(pool);
}

int cpu_inboxes_enter(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_inboxes *self = (struct cpu_inboxes *)pool;
	struct cpu_inboxes_thread *mine = (struct cpu_inboxes_thread *)thread;
	int rc = depot_keep(&self->arrays.depot, &mine->scratch, 1);

	if (rc != 0)
		return rc;
	thread_list_add(&self->threads, &mine->link);
	return cpu_arrays_enter(pool, thread);
}

static struct depot *depot_of(struct cpu_inboxes *self, uint32_t home)
{
	return cpu_inboxes_depot(self, home, cpu_inboxes_of(self));
}

static struct tagged_stack *inbox_of(struct cpu_inboxes *self, uint32_t home)
{
	return cpu_inboxes_of(self) == HOME_NODE ? &depot_of(self, home)->full : &self->inbox[home];
}

/* Empties an open magazine into the depot and closes it. */
static void abandon(
	struct cpu_inboxes *self, struct cpu_inboxes_thread *thread, struct cpu_inboxes_open *open)
{
	if (open->magazine == NULL)
		return;
	magazine_set_count(open->magazine, open->count);
	depot_put_any(depot_of(self, open->home), open->magazine, &thread->cpu.base.paths.wait);
	open->magazine = NULL;
	thread->cpu.base.paths.flush++;
}

/* Empties the thread's open magazines into the depot. */
static void close_all(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread)
{
	for (uint32_t i = 0; i < CPU_INBOXES_OPEN; i++)
		abandon(self, thread, &thread->open[i]);
}

void cpu_inboxes_leave(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_inboxes *self = (struct cpu_inboxes *)pool;
	struct cpu_inboxes_thread *mine = (struct cpu_inboxes_thread *)thread;

	close_all(self, mine);
	thread_list_remove(&self->threads, &mine->link);
	depot_drop(&self->arrays.depot, &mine->scratch, 1);
}

void cpu_inboxes_flush(struct pool *pool, struct pool_thread *thread)
{
	close_all((struct cpu_inboxes *)pool, (struct cpu_inboxes_thread *)thread);
	cpu_arrays_flush(pool, thread);
}

bool cpu_inboxes_open(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread,
	struct cpu_inboxes_open *open, uint32_t home)
{
	abandon(self, thread, open);
	open->magazine = depot_get_empty(depot_of(self, home), &thread->cpu.base.paths.wait);
	if (open->magazine == NULL)
		return false;
	magazine_prefetch_write(open->magazine, self->arrays.batch);
	open->home = home;
	open->count = 0;
	return true;
}

void cpu_inboxes_post(
	struct cpu_inboxes *self, struct cpu_inboxes_thread *thread, struct cpu_inboxes_open *open)
{
	magazine_set_count(open->magazine, open->count);
	tagged_stack_push(inbox_of(self, open->home), &depot_of(self, open->home)->magazines,
		open->magazine, &thread->cpu.base.paths.wait);
	open->magazine = NULL;
	thread->cpu.base.paths.flush++;
}

struct magazine *cpu_inboxes_take(
	struct cpu_inboxes *self, struct cpu_inboxes_thread *thread, uint32_t home)
{
	struct tagged_stack *inbox = inbox_of(self, home);

	/* A poster had the line last, and the load of the pop alone would fetch it to be read. */
	prefetch_write(&inbox->head);
	struct magazine *magazine = tagged_stack_pop(
		inbox, &depot_of(self, home)->magazines, &thread->cpu.base.paths.wait);
	if (magazine == NULL)
		return NULL;
	thread->cpu.base.paths.refill++;
	magazine_prefetch_read(magazine, self->arrays.batch);
	return magazine;
}

/*
 * Up to a batch of never-used objects into the scratch magazine, of a run whose home this becomes. What it
 * has beyond goes to its inbox, by way of the magazine that the thread has open for it.
 */
static uint32_t carve_run(
	struct cpu_inboxes *self, struct cpu_inboxes_thread *thread, uint32_t here)
{
	struct slab *slab = &self->arrays.slab;
	const uint32_t batch = self->arrays.batch;
	void **objs = thread->scratch->slot;
	uint32_t first, n,
		left = homes_carve(&self->homes, &self->runs, slab, (uint16_t)here, &first);

	if (left == 0)
		return 0;
	thread->cpu.base.paths.grow++;
	for (;; first += n, left -= n) {
		n = left < batch ? left : batch;
		for (uint32_t i = 0; i < n; i++)
			objs[i] = slab_object(slab, first + i);
		if (n == left)
			return n;
		cpu_inboxes_send(self, thread, cpu_inboxes_of(self), here, objs, n);
	}
}

struct magazine *cpu_inboxes_find(struct cpu_inboxes *self, struct cpu_inboxes_thread *thread,
	uint32_t here, struct depot **of)
{
	struct cpu_arrays *arrays = &self->arrays;
	void **objs = thread->scratch->slot;
	uint32_t found = carve_run(self, thread, here);

	if (found == 0) {
		close_all(self, thread);
		for (uint32_t home = 0; home < cpu_inboxes_homes(self); home++) {
			struct magazine *magazine = cpu_inboxes_take(self, thread, home);

			if (magazine != NULL) {
				*of = depot_of(self, home);
				return magazine;
			}
		}
		for (uint32_t node = 0; node < arrays->nodes && found == 0; node++)
			found = depot_take_used(cpu_arrays_depot(arrays, node), &thread->cpu.base,
				objs, arrays->batch);
	}
	if (found == 0)
		found = cpu_arrays_steal(arrays, &thread->cpu, objs, arrays->batch);
	magazine_set_count(thread->scratch, found);
	return found != 0 ? thread->scratch : NULL;
}

uint64_t cpu_inboxes_withheld(const struct pool *pool)
{
	return (uint64_t)CPU_INBOXES_OPEN * (pool->config.batch_objects - 1);
}

uint64_t cpu_inboxes_lost(const struct pool *pool)
{
	return cpu_inboxes_withheld(pool) + cpu_arrays_lost(pool) + pool->config.batch_objects;
}

struct open_census {
	struct census *census;
	uint32_t batch;
};

static void census_thread(struct thread_link *link, void *arg)
{
	struct cpu_inboxes_thread *thread = container_of(link, struct cpu_inboxes_thread, link);
	const struct open_census *self = arg;

	for (uint32_t i = 0; i < CPU_INBOXES_OPEN && !self->census->failed; i++) {
		struct cpu_inboxes_open *open = &thread->open[i];

		if (open->magazine == NULL)
			continue;
		if (open->count >= self->batch)
			census_fail(self->census,
				"I1: a thread's open magazine holds %u objects of %u", open->count,
				self->batch);
		magazine_set_count(open->magazine, open->count);
		magazine_census(open->magazine, "a thread's open magazine", self->census);
		magazine_set_count(open->magazine, 0);
	}
}

void cpu_inboxes_walk(struct pool *pool, struct census *census)
{
	struct cpu_inboxes *self = (struct cpu_inboxes *)pool;
	const uint32_t homes = cpu_inboxes_homes(self);
	struct open_census open = {census, self->arrays.batch};

	for (uint32_t i = 0; i < slab_carved(pool->slab); i++) { /* I2, I3 */
		const void *object = slab_object(pool->slab, i);
		const uint32_t home = *homes_of(&self->homes, object);
		const uint32_t of_run =
			atom_load_relaxed(&self->runs.home[homes_run_of(&self->runs, object)]);

		if (of_run != home && of_run != HOMES_MIXED) {
			census_fail(census, "I3: object %u is at home on %u, and its run on %u", i,
				home, of_run);
			return;
		}
		if (home >= homes) {
			census_fail(census, "I2: object %u is at home on %s %u of %u", i,
				cpu_inboxes_of(self) == HOME_NODE ? "node" : "CPU", home, homes);
			return;
		}
	}
	for (uint32_t cpu = 0; self->inbox != NULL && cpu < homes; cpu++) { /* I1 */
		if (!depot_census_stack(&self->arrays.depot, &self->inbox[cpu], self->arrays.batch,
			    self->arrays.batch, "a CPU's inbox", census))
			return;
	}
	thread_list_each(&self->threads, census_thread, &open);
	if (!census->failed)
		cpu_arrays_walk(pool, census);
}
