/* See depot.h and magazine.h. */
#include "alloc/mechanism/depot.h"
#include "alloc/mechanism/life_cycle.h"

#include <errno.h>
#include <string.h>

int depot_init(struct depot *self, struct slab *slab, uint32_t magazine_objects, uint32_t most,
	uint32_t installed, uint32_t block_bytes)
{
	uint32_t magazines = slab->capacity / magazine_objects + 1 + installed +
			     DEPOT_THREADS * DEPOT_THREAD_MAGAZINES;

	/* Whole lines of slots: a magazine is named by its first line. */
	uint32_t slots = (most + COPY_STEP - 1) / COPY_STEP * COPY_STEP;
	uint32_t bytes = (uint32_t)(sizeof(struct magazine) + slots * sizeof(void *));

	self->slab = slab;
	self->magazine_objects = magazine_objects;
	self->magazine_objects_most = most;
	atom_init(&self->size, magazine_objects);
	self->magazine_offset = -bytes % block_bytes;
	self->magazine_bytes = self->magazine_offset + bytes;
	self->block_bytes = block_bytes;
	return slab_init(&self->magazines, bytes, block_bytes, magazines, MEMORY_PAGES_ORDINARY,
		SLAB_WITH_LINKS);
}

void depot_fini(struct depot *self)
{
	slab_fini(&self->magazines);
}

void depot_watch(struct depot *self, struct pool_thread *thread, struct depot_watch *watch)
{
	const uint64_t lost = thread->paths.wait - watch->lost;
	uint32_t size = watch->size;

	if (self->magazine_objects_most == self->magazine_objects ||
		++watch->visits < DEPOT_PERIOD_VISITS)
		return;
	/* Only from the size at the period's begin: what one contention calls for, one thread does. */
	if (lost > DEPOT_PERIOD_LOST && size < self->magazine_objects_most)
		atom_cas_weak_relaxed(&self->size, &size, size + POOL_MAGAZINE_GROWTH);
	*watch = (struct depot_watch){.size = depot_size(self), .lost = thread->paths.wait};
}

struct magazine *depot_get_empty(struct depot *self, uint64_t *lost)
{
	struct magazine *magazine = tagged_stack_pop(&self->empty, &self->magazines, lost);
	uint32_t first;

	if (magazine == NULL && slab_carve(&self->magazines, 1, &first) == 1)
		magazine =
			(struct magazine *)((unsigned char *)slab_object(&self->magazines, first) +
					    self->magazine_offset);
	return magazine;
}

void depot_put_empty(struct depot *self, struct magazine *magazine, uint64_t *lost)
{
	INVARIANT(I1, magazine_count(magazine) == 0);
	tagged_stack_push(&self->empty, &self->magazines, magazine, lost);
}

struct magazine *depot_get_full(struct depot *self, uint64_t *lost)
{
	return tagged_stack_pop(&self->full, &self->magazines, lost);
}

void depot_put_full(struct depot *self, struct magazine *magazine, uint64_t *lost)
{
	INVARIANT(I1, magazine_count(magazine) >= self->magazine_objects);
	tagged_stack_push(&self->full, &self->magazines, magazine, lost);
}

/* Empties a magazine into the stack of singles. */
static void spill(struct depot *self, struct magazine *magazine, uint64_t *lost)
{
	uint32_t count = magazine_count(magazine);

	if (count != 0)
		tagged_stack_push_each(&self->singles, self->slab, magazine->slot, count, lost);
	magazine_set_count(magazine, 0);
}

void depot_put_any(struct depot *self, struct magazine *magazine, uint64_t *lost)
{
	if (magazine_count(magazine) >= self->magazine_objects) {
		depot_put_full(self, magazine, lost);
		return;
	}
	spill(self, magazine, lost);
	depot_put_empty(self, magazine, lost);
}

uint32_t depot_take_loose(struct depot *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t got =
		tagged_stack_pop_each(&self->singles, self->slab, objs, n, &thread->paths.wait);

	thread->paths.refill += got != 0;
	return got != 0 ? got : pool_carve(self->slab, thread, objs, n);
}

uint32_t depot_take_used(struct depot *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct magazine *magazine = depot_get_full(self, &thread->paths.wait);
	uint32_t got = 0;

	if (magazine != NULL) {
		uint32_t rest = magazine_count(magazine);

		got = n < rest ? n : rest;
		rest -= got;
		magazine_set_count(magazine, rest);
		memcpy(objs, &magazine->slot[rest], got * sizeof(*objs));
		spill(self, magazine, &thread->paths.wait);
		depot_put_empty(self, magazine, &thread->paths.wait);
	} else {
		got = tagged_stack_pop_each(
			&self->singles, self->slab, objs, n, &thread->paths.wait);
	}
	thread->paths.refill += got != 0;
	return got;
}

/* n: 1..what a magazine has room for. */
static void give(struct depot *self, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	thread->paths.flush++;
	struct magazine *magazine =
		n >= self->magazine_objects ? depot_get_empty(self, &thread->paths.wait) : NULL;

	if (magazine != NULL) {
		memcpy(magazine->slot, objs, n * sizeof(*objs));
		magazine_set_count(magazine, n);
		depot_put_full(self, magazine, &thread->paths.wait);
		return;
	}
	tagged_stack_push_each(&self->singles, self->slab, objs, n, &thread->paths.wait);
}

void depot_give(struct depot *self, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	for (const uint32_t batch = depot_size(self); n > batch; n -= batch, objs += batch)
		give(self, thread, objs, batch);
	if (n != 0)
		give(self, thread, objs, n);
}

/* An empty magazine of the table's, else of the heap's; NULL: no memory. */
static struct magazine *keep(struct depot *self)
{
	struct magazine *magazine = depot_get_empty(self, NULL);
	unsigned char *heap;

	if (magazine != NULL)
		return magazine;
	heap = memory_alloc(self->magazine_bytes + self->block_bytes);
	if (heap == NULL)
		return NULL;
	magazine = (struct magazine *)(heap + -(uintptr_t)heap % self->block_bytes +
				       self->magazine_offset);
	magazine->heap = heap;
	return magazine;
}

int depot_keep(struct depot *self, struct magazine **kept, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		kept[i] = keep(self);
		if (kept[i] == NULL) {
			depot_drop(self, kept, i);
			return -ENOMEM;
		}
	}
	return 0;
}

void depot_drop(struct depot *self, struct magazine *const *kept, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (kept[i] == NULL)
			continue;
		if (kept[i]->heap == NULL)
			depot_put_empty(self, kept[i], NULL);
		else
			memory_free(kept[i]->heap, self->magazine_bytes + self->block_bytes);
	}
}

/* `from` is full and `to` empty; afterwards it is the other way round. */
static void pour(struct magazine *to, struct magazine *from)
{
	memcpy(to->slot, from->slot, magazine_count(from) * sizeof(void *));
	magazine_set_count(to, magazine_count(from));
	magazine_set_count(from, 0);
}

bool depot_fill(struct depot *self, struct pool_thread *thread, struct magazine **magazine)
{
	struct magazine *mine = *magazine;
	struct magazine *full = depot_get_full(self, &thread->paths.wait);

	if (full == NULL) {
		magazine_set_count(
			mine, depot_take_loose(self, thread, mine->slot, depot_size(self)));
		return magazine_count(mine) != 0;
	}
	thread->paths.refill++;
	if (mine->heap != NULL) {
		pour(mine, full);
		depot_put_empty(self, full, &thread->paths.wait);
		return true;
	}
	depot_put_empty(self, mine, &thread->paths.wait);
	*magazine = full;
	magazine_prefetch_read(full, magazine_count(full));
	return true;
}

void depot_empty(struct depot *self, struct pool_thread *thread, struct magazine **magazine)
{
	struct magazine *mine = *magazine;
	struct magazine *empty = magazine_count(mine) >= self->magazine_objects
					 ? depot_get_empty(self, &thread->paths.wait)
					 : NULL;

	thread->paths.flush += magazine_count(mine) != 0;
	if (empty == NULL) {
		spill(self, mine, &thread->paths.wait);
	} else if (mine->heap != NULL) {
		pour(empty, mine);
		depot_put_full(self, empty, &thread->paths.wait);
	} else {
		depot_put_full(self, mine, &thread->paths.wait);
		*magazine = empty;
		magazine_prefetch_write(empty, depot_size(self));
	}
}

bool depot_census_stack(struct depot *self, struct tagged_stack *stack, uint32_t least,
	uint32_t most, const char *place, struct census *census)
{
	return magazine_census_list(&self->magazines, tagged_unit(atom_load_relaxed(&stack->head)),
		least, most, place, census);
}

bool depot_census(struct depot *self, struct census *census)
{
	return depot_census_stack(self, &self->full, self->magazine_objects, depot_size(self),
		       "the depot's stack of full magazines", census) &&
	       depot_census_stack(
		       self, &self->empty, 0, 0, "the depot's stack of empty magazines", census) &&
	       tagged_stack_census(&self->singles, self->slab, census);
}
