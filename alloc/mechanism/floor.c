#include "alloc/mechanism/floor.h"

int floor_enter(struct pool *pool, struct pool_thread *thread)
{
	struct floor_thread *self = (struct floor_thread *)thread;
	int rc = slab_init(&self->slab, pool->config.object_bytes, pool->config.object_align,
		POOL_BULK_MAX, pool->config.pages, SLAB_WITHOUT_LINKS);

	for (uint32_t i = 0; rc == 0 && i < POOL_BULK_MAX; i++)
		self->object[i] = slab_object(&self->slab, i);
	return rc;
}

void floor_leave(struct pool *pool, struct pool_thread *thread)
{
	(void)pool;
	slab_fini(&((struct floor_thread *)thread)->slab);
}

const struct pool_parts bare_parts = {
	.pool_bytes = sizeof(struct bare_pool),
	.thread_bytes = sizeof(struct floor_thread),
	.enter = floor_enter,
	.leave = floor_leave,
};
