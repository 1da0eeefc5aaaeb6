/* See barn.h. */
#include "alloc/mechanism/barn.h"
#include "alloc/mechanism/spin.h"

#include <string.h>

int barn_init(struct barn *self, struct slab *slab, uint32_t objects, uint32_t installed)
{
	const size_t slots = (objects + COPY_STEP - 1) / COPY_STEP * COPY_STEP;

	self->slab = slab;
	self->objects = objects;
	return slab_init(&self->sheaves, sizeof(struct magazine) + slots * sizeof(void *),
		CACHE_LINE_BYTES, slab->capacity / objects + 1 + installed, MEMORY_PAGES_ORDINARY,
		SLAB_WITH_LINKS);
}

void barn_fini(struct barn *self)
{
	slab_fini(&self->sheaves);
}

/* Lists of a slab's objects, under the lock. */
static void barn_push(uint32_t *first, const struct slab *slab, const void *object)
{
	uint32_t unit = slab_unit(slab, object);

	atom_store_relaxed(slab_link(slab, unit), *first);
	*first = unit;
}

/* NULL: it is empty. */
static void *barn_pop(uint32_t *first, const struct slab *slab)
{
	uint32_t unit = *first;

	if (unit == 0)
		return NULL;
	*first = atom_load_relaxed(slab_link(slab, unit));
	return slab_at(slab, unit);
}

static struct magazine *barn_empty_one(struct barn *self)
{
	struct magazine *sheaf = barn_pop(&self->empty, &self->sheaves);
	uint32_t first;

	if (sheaf == NULL && slab_carve(&self->sheaves, 1, &first) == 1)
		sheaf = slab_object(&self->sheaves, first);
	INVARIANT(I2, sheaf != NULL);
	return sheaf;
}

struct magazine *barn_install(struct barn *self)
{
	return barn_empty_one(self);
}

bool barn_fill(struct barn *self, struct pool_thread *thread, struct magazine **sheaf)
{
	spin_enter(&self->lock, thread);
	struct magazine *full = barn_pop(&self->full, &self->sheaves);
	if (full != NULL)
		barn_push(&self->empty, &self->sheaves, *sheaf);
	try_lock_leave(&self->lock);
	if (full == NULL)
		return false;
	thread->paths.refill++;
	*sheaf = full;
	return true;
}

/* Puts what is in a sheaf to the single objects. */
static void barn_spill(struct barn *self, struct magazine *sheaf)
{
	uint32_t count = magazine_count(sheaf);

	while (count != 0)
		barn_push(&self->single, self->slab, sheaf->slot[--count]);
	magazine_set_count(sheaf, 0);
}

void barn_empty(struct barn *self, struct pool_thread *thread, struct magazine **sheaf)
{
	thread->paths.flush += magazine_count(*sheaf) != 0;
	spin_enter(&self->lock, thread);
	if (magazine_count(*sheaf) == self->objects) {
		struct magazine *empty = barn_empty_one(self);

		barn_push(&self->full, &self->sheaves, *sheaf);
		*sheaf = empty;
	} else {
		barn_spill(self, *sheaf);
	}
	try_lock_leave(&self->lock);
}

uint32_t barn_take(struct barn *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t got = 0;

	spin_enter(&self->lock, thread);
	while (got < n && (objs[got] = barn_pop(&self->single, self->slab)) != NULL)
		got++;
	struct magazine *full = got == 0 ? barn_pop(&self->full, &self->sheaves) : NULL;
	if (full != NULL) {
		got = n < self->objects ? n : self->objects;
		magazine_set_count(full, self->objects - got);
		memcpy(objs, &full->slot[self->objects - got], got * sizeof(*objs));
		barn_spill(self, full);
		barn_push(&self->empty, &self->sheaves, full);
	}
	try_lock_leave(&self->lock);
	thread->paths.refill += got != 0;
	return got;
}

void barn_give(struct barn *self, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	spin_enter(&self->lock, thread);
	for (uint32_t i = 0; i < n; i++)
		barn_push(&self->single, self->slab, objs[i]);
	try_lock_leave(&self->lock);
	thread->paths.flush += n != 0;
}

bool barn_census(struct barn *self, struct census *census)
{
	if (!census_unlocked(census, try_lock_is_free(&self->lock)) ||
		!magazine_census_list(&self->sheaves, self->full, self->objects, self->objects,
			"the barn's full sheaves", census) ||
		!magazine_census_list(
			&self->sheaves, self->empty, 0, 0, "the barn's empty sheaves", census))
		return false;
	for (uint32_t at = self->single; at != 0;
		at = atom_load_relaxed(slab_link(self->slab, at))) {
		if (!census_mark(census, slab_at(self->slab, at), "the barn's single objects"))
			return false;
	}
	return true;
}
