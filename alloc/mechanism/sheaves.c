/* See sheaves.h. */
#include "alloc/mechanism/sheaves.h"

/* A barn a node, and the CPUs of each with sheaves of it. */
static int barns_init(struct sheaves *self, uint16_t *node)
{
	int rc = 0;

	self->nodes = cpu_nodes(node, self->cpus);
	self->barn = memory_alloc(self->nodes * sizeof(*self->barn));
	if (self->barn == NULL)
		return -ENOMEM;
	for (uint32_t made = 0; made < self->nodes; made++) {
		uint32_t cpus = 0;

		for (uint32_t i = 0; i < self->cpus; i++)
			cpus += node[i] == made;
		rc = barn_init(&self->barn[made], &self->slab, self->objects, 2 * cpus);
		if (rc != 0) {
			while (made-- > 0)
				barn_fini(&self->barn[made]);
			memory_free(self->barn, self->nodes * sizeof(*self->barn));
			return rc;
		}
	}
	for (uint32_t i = 0; i < self->cpus; i++) {
		self->cpu[i].barn = &self->barn[node[i]];
		self->cpu[i].main = barn_install(self->cpu[i].barn);
		self->cpu[i].spare = barn_install(self->cpu[i].barn);
	}
	return rc;
}

int sheaves_init(struct pool *pool)
{
	struct sheaves *self = (struct sheaves *)pool;
	int rc = -ENOMEM;

	self->objects = pool->config.magazine_objects;
	self->cpus = cpu_possible();
	self->cpu = memory_alloc(self->cpus * sizeof(*self->cpu));
	uint16_t *node = memory_alloc(self->cpus * sizeof(*node));
	if (self->cpu != NULL && node != NULL)
		rc = barns_init(self, node);
	if (node != NULL)
		memory_free(node, self->cpus * sizeof(*node));
	if (rc == 0)
		thread_list_init(&self->threads);
	else if (self->cpu != NULL)
		memory_free(self->cpu, self->cpus * sizeof(*self->cpu));
	return rc;
}

void sheaves_fini(struct pool *pool)
{
	struct sheaves *self = (struct sheaves *)pool;

	thread_list_fini(&self->threads);
	memory_free(self->cpu, self->cpus * sizeof(*self->cpu));
	for (uint32_t i = 0; i < self->nodes; i++)
		barn_fini(&self->barn[i]);
	memory_free(self->barn, self->nodes * sizeof(*self->barn));
}

int sheaves_enter(struct pool *pool, struct pool_thread *thread)
{
	struct sheaves_thread *mine = (struct sheaves_thread *)thread;

	thread_list_add(&((struct sheaves *)pool)->threads, &mine->link);
	return cpu_thread_enter(pool, thread);
}

/* Gives back what was set aside beyond n. */
static void sheaves_give_back(struct pool *pool, struct sheaves_thread *thread, uint32_t n)
{
	uint32_t beyond = thread->aside - n;

	thread->aside = n;
	if (beyond != 0)
		pool->ops->put_bulk(pool, &thread->cpu.base, thread->kept + n, beyond);
}

void sheaves_leave(struct pool *pool, struct pool_thread *thread)
{
	struct sheaves_thread *mine = (struct sheaves_thread *)thread;

	sheaves_give_back(pool, mine, 0);
	thread_list_remove(&((struct sheaves *)pool)->threads, &mine->link);
	if (mine->kept != NULL)
		memory_free(mine->kept, pool->config.magazine_objects * sizeof(*mine->kept));
}

static void sheaf_swap(struct sheaf_cpu *cpu)
{
	struct magazine *main = cpu->main;

	cpu->main = cpu->spare;
	cpu->spare = main;
}

/* The main sheaf of an entered CPU is empty: afterwards it has objects, or there are none for a whole sheaf. */
static bool sheaves_refill(struct sheaves *self, struct pool_thread *thread, struct sheaf_cpu *cpu)
{
	if (magazine_count(cpu->spare) == 0 && !barn_fill(cpu->barn, thread, &cpu->spare)) {
		magazine_set_count(cpu->spare,
			pool_carve(&self->slab, thread, cpu->spare->slot, self->objects));
		if (magazine_count(cpu->spare) == 0)
			return false;
	}
	sheaf_swap(cpu);
	return true;
}

/* Up to n objects of another node's barn, from the next one on. */
static uint32_t sheaves_from_other_nodes(struct sheaves *self, struct pool_thread *thread,
	const struct barn *own, void **objs, uint32_t n)
{
	const uint32_t begin = (uint32_t)(own - self->barn);
	uint32_t got = 0;

	for (uint32_t i = 1; i < self->nodes && got == 0; i++)
		got = barn_take(&self->barn[(begin + i) % self->nodes], thread, objs, n);
	thread->paths.steal += got != 0;
	return got;
}

/* Up to n objects out of every CPU's sheaves, from the own ones on, but for those that a thread is in. */
static uint32_t sheaves_search(
	struct sheaves *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	const uint32_t begin = (uint32_t)(sheaves_own(self, thread) - self->cpu);
	uint32_t got = 0;

	for (uint32_t i = 0; i < self->cpus && got < n; i++) {
		struct sheaf_cpu *cpu = &self->cpu[(begin + i) % self->cpus];

		if (!try_lock_enter(&cpu->lock)) {
			thread->paths.wait++;
			continue;
		}
		got += sheaf_take(cpu->main, objs + got, n - got);
		got += sheaf_take(cpu->spare, objs + got, n - got);
		try_lock_leave(&cpu->lock);
	}
	thread->paths.steal += got != 0;
	return got;
}

/* As sheaves_get_more, without what is set aside. */
static uint32_t sheaves_find(struct sheaves *self, struct pool_thread *thread,
	struct sheaf_cpu *cpu, void **objs, uint32_t got, uint32_t n)
{
	if (cpu != NULL) {
		while (got < n && sheaves_refill(self, thread, cpu))
			got += sheaf_take(cpu->main, objs + got, n - got);
		try_lock_leave(&cpu->lock);
	}
	while (got < n) {
		struct barn *barn = sheaves_own(self, thread)->barn;
		uint32_t found = barn_take(barn, thread, objs + got, n - got);

		if (found == 0)
			found = pool_carve(&self->slab, thread, objs + got, n - got);
		if (found == 0)
			found = sheaves_from_other_nodes(self, thread, barn, objs + got, n - got);
		if (found == 0)
			found = sheaves_search(self, thread, objs + got, n - got);
		if (found == 0)
			break;
		got += found;
	}
	return got;
}

uint32_t sheaves_get_more(struct sheaves *self, struct pool_thread *thread, struct sheaf_cpu *cpu,
	void **objs, uint32_t got, uint32_t n)
{
	struct sheaves_thread *mine = (struct sheaves_thread *)thread;

	got = sheaves_find(self, thread, cpu, objs, got, n);
	while (got < n && mine->aside != 0)
		objs[got++] = mine->kept[--mine->aside];
	thread->paths.empty += got < n;
	return got;
}

void sheaves_put_more(struct sheaves *self, struct pool_thread *thread, struct sheaf_cpu *cpu,
	void *const *objs, uint32_t n)
{
	const uint32_t most = self->objects;

	if (cpu == NULL) {
		barn_give(sheaves_own(self, thread)->barn, thread, objs, n);
		return;
	}
	for (uint32_t put = 0; put < n;) {
		if (magazine_count(cpu->spare) == most)
			barn_empty(cpu->barn, thread, &cpu->spare);
		sheaf_swap(cpu);
		put += sheaf_give(cpu->main, objs + put, n - put, most);
	}
	try_lock_leave(&cpu->lock);
}

int sheaves_prefill(struct pool *pool, struct pool_thread *thread, uint32_t n)
{
	struct sheaves *self = (struct sheaves *)pool;
	struct sheaves_thread *mine = (struct sheaves_thread *)thread;
	const uint32_t most = pool->config.magazine_objects;

	if (n > most || n > pool->config.capacity)
		return -EINVAL;
	if (n <= mine->aside) {
		sheaves_give_back(pool, mine, n);
		return 0;
	}
	if (mine->kept == NULL) {
		mine->kept = memory_alloc(most * sizeof(*mine->kept));
		if (mine->kept == NULL)
			return -ENOMEM;
	}
	const uint32_t before = mine->aside;
	struct sheaf_cpu *cpu = sheaves_own(self, thread);
	uint32_t got = before;
	if (try_lock_enter(&cpu->lock))
		got += sheaf_take(cpu->main, mine->kept + got, n - got);
	else
		cpu = NULL;
	mine->aside = sheaves_find(self, thread, cpu, mine->kept, got, n);
	if (mine->aside < n) {
		sheaves_give_back(pool, mine, before);
		return -ENOSPC;
	}
	return 0;
}

void sheaves_flush(struct pool *pool, struct pool_thread *thread)
{
	struct sheaves *self = (struct sheaves *)pool;
	struct sheaf_cpu *cpu = sheaves_own(self, thread);

	sheaves_give_back(pool, (struct sheaves_thread *)thread, 0);
	if (!try_lock_enter(&cpu->lock))
		return;
	barn_empty(cpu->barn, thread, &cpu->main);
	barn_empty(cpu->barn, thread, &cpu->spare);
	try_lock_leave(&cpu->lock);
}

static void sheaves_walk_thread(struct thread_link *link, void *arg)
{
	struct sheaves_thread *mine = container_of(link, struct sheaves_thread, link);
	struct census *census = arg;

	if (census->failed)
		return;
	if (mine->aside > mine->cpu.base.pool->config.magazine_objects)
		census_fail(census, "I2: a thread has %u objects set aside", mine->aside);
	else
		census_mark_each(census, mine->kept, mine->aside, "what a thread has set aside");
}

void sheaves_walk(struct pool *pool, struct census *census)
{
	struct sheaves *self = (struct sheaves *)pool;

	for (uint32_t i = 0; i < self->cpus; i++) {
		struct sheaf_cpu *cpu = &self->cpu[i];

		if (!try_lock_is_free(&cpu->lock) || magazine_count(cpu->main) > self->objects ||
			magazine_count(cpu->spare) > self->objects) {
			census_fail(census,
				"I1: the sheaves of CPU %u are locked or hold %u and %u objects of "
				"%u",
				i, magazine_count(cpu->main), magazine_count(cpu->spare),
				self->objects);
			return;
		}
		if (!magazine_census(cpu->main, "a CPU's main sheaf", census) ||
			!magazine_census(cpu->spare, "a CPU's spare sheaf", census))
			return;
	}
	thread_list_each(&self->threads, sheaves_walk_thread, census);
	for (uint32_t i = 0; i < self->nodes && !census->failed; i++)
		barn_census(&self->barn[i], census);
}
