/* See thread_magazines.h. */
#include "alloc/mechanism/thread_magazines.h"

static int thread_magazines_init_with(struct pool *pool, uint32_t most)
{
	struct thread_magazines *self = (struct thread_magazines *)pool;

	thread_list_init(&self->threads);
	return depot_init(&self->depot, &self->slab, pool->config.magazine_objects, most, 0,
		MAGAZINE_BLOCK_BYTES);
}

int thread_magazines_init(struct pool *pool)
{
	return thread_magazines_init_with(pool, pool->config.magazine_objects);
}

int thread_magazines_init_growing(struct pool *pool)
{
	return thread_magazines_init_with(pool, pool->config.magazine_objects_most);
}

void thread_magazines_fini(struct pool *pool)
{
	struct thread_magazines *self = (struct thread_magazines *)pool;

	thread_list_fini(&self->threads);
	depot_fini(&self->depot);
}

int thread_magazines_enter(struct pool *pool, struct pool_thread *thread)
{
	struct thread_magazines *self = (struct thread_magazines *)pool;
	struct thread_magazines_thread *mine = (struct thread_magazines_thread *)thread;
	struct magazine *kept[3];
	int rc = depot_keep(&self->depot, kept, array_count(kept));

	if (rc != 0)
		return rc;
	thread_magazines_load(mine, kept[0]);
	mine->previous = kept[1];
	mine->reserve = kept[2];
	thread_list_add(&self->threads, &mine->link);
	return 0;
}

void thread_magazines_leave(struct pool *pool, struct pool_thread *thread)
{
	struct thread_magazines *self = (struct thread_magazines *)pool;
	struct thread_magazines_thread *mine = (struct thread_magazines_thread *)thread;

	thread_magazines_flush(pool, thread);
	thread_list_remove(&self->threads, &mine->link);
	struct magazine *kept[] = {mine->loaded.magazine, mine->previous, mine->reserve};
	depot_drop(&self->depot, kept, array_count(kept));
}

bool thread_magazines_fill(struct thread_magazines *self, struct thread_magazines_thread *thread)
{
	bool filled = depot_fill(&self->depot, &thread->base, &thread->previous);

	depot_watch(&self->depot, &thread->base, &thread->watch);
	return filled;
}

void thread_magazines_empty(struct thread_magazines *self, struct thread_magazines_thread *thread)
{
	depot_empty(&self->depot, &thread->base, &thread->previous);
	depot_watch(&self->depot, &thread->base, &thread->watch);
}

void thread_magazines_swap(struct thread_magazines_thread *thread)
{
	struct magazine *loaded = magazine_close(&thread->loaded);

	thread_magazines_load(thread, thread->previous);
	thread->previous = loaded;
}

void thread_magazines_flush(struct pool *pool, struct pool_thread *thread)
{
	struct thread_magazines_thread *mine = (struct thread_magazines_thread *)thread;

	for (int i = 0; i < 2; i++) {
		thread_magazines_swap(mine);
		thread_magazines_empty((struct thread_magazines *)pool, mine);
	}
}

static void walk_thread(struct thread_link *link, void *arg)
{
	struct thread_magazines_thread *mine =
		container_of(link, struct thread_magazines_thread, link);
	const uint32_t size = depot_size(&((struct thread_magazines *)mine->base.pool)->depot);
	struct census *census = arg;

	if (census->failed)
		return;
	if (mine->loaded.top < mine->loaded.bottom || mine->loaded.top > mine->loaded.limit ||
		magazine_count(mine->previous) > size) /* I1 */
		census_fail(census, "I1: a thread's magazine holds more than %u objects", size);
	else if (magazine_census(
			 magazine_close(&mine->loaded), "a thread's loaded magazine", census))
		magazine_census(mine->previous, "a thread's previous magazine", census);
}

void thread_magazines_walk(struct pool *pool, struct census *census)
{
	struct thread_magazines *self = (struct thread_magazines *)pool;

	thread_list_each(&self->threads, walk_thread, census);
	if (!census->failed)
		depot_census(&self->depot, census);
}
