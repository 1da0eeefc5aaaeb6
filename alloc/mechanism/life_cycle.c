#include "alloc/mechanism/life_cycle.h"

/* Where parts.slab_offset says. A struct side_nodes begins with its slab. */
static void *objects_of(struct pool *pool)
{
	return (unsigned char *)pool + pool->ops->parts->slab_offset;
}

static int make_slab(struct pool *pool)
{
	const struct pool_parts *parts = pool->ops->parts;
	const struct pool_config *c = &pool->config;
	int rc;

	if (parts->node_bytes != 0)
		rc = side_nodes_init(objects_of(pool), c->object_bytes, c->object_align,
			c->capacity, c->pages, parts->node_bytes);
	else
		rc = slab_init(objects_of(pool), c->object_bytes, c->object_align, c->capacity,
			c->pages, parts->links);
	if (rc == 0)
		pool->slab = objects_of(pool);
	return rc;
}

static void free_slab(struct pool *pool)
{
	const struct pool_parts *parts = pool->ops->parts;

	if (parts->node_bytes != 0)
		side_nodes_fini(objects_of(pool), parts->node_bytes);
	else
		slab_fini(objects_of(pool));
}

int life_cycle_create(
	const struct pool_ops *ops, const struct pool_config *config, struct pool **out)
{
	const struct pool_parts *parts = ops->parts;
	struct pool *self = memory_alloc(parts->pool_bytes);
	int rc = 0;

	if (self == NULL)
		return -ENOMEM;
	self->ops = ops;
	self->config = *config;
	if (parts->slab_offset != 0)
		rc = make_slab(self);
	if (rc != 0)
		goto fail_slab;
	if (parts->init != NULL)
		rc = parts->init(self);
	if (rc != 0)
		goto fail_init;
	*out = self;
	return 0;

fail_init:
	if (parts->slab_offset != 0)
		free_slab(self);
fail_slab:
	memory_free(self, parts->pool_bytes);
	return rc;
}

void life_cycle_destroy(struct pool *pool)
{
	const struct pool_parts *parts = pool->ops->parts;

	if (parts->fini != NULL)
		parts->fini(pool);
	if (parts->slab_offset != 0)
		free_slab(pool);
	memory_free(pool, parts->pool_bytes);
}

static size_t thread_bytes(const struct pool_parts *parts)
{
	return parts->thread_bytes != 0 ? parts->thread_bytes : sizeof(struct pool_thread);
}

int life_cycle_attach(struct pool *pool, struct pool_thread **out)
{
	const struct pool_parts *parts = pool->ops->parts;
	struct pool_thread *self = memory_alloc(thread_bytes(parts));

	if (self == NULL)
		return -ENOMEM;
	self->pool = pool;
	int rc = parts->enter != NULL ? parts->enter(pool, self) : 0;
	if (rc != 0) {
		memory_free(self, thread_bytes(parts));
		return rc;
	}
	*out = self;
	return 0;
}

void life_cycle_detach(struct pool *pool, struct pool_thread *self)
{
	const struct pool_parts *parts = pool->ops->parts;

	if (parts->leave != NULL)
		parts->leave(pool, self);
	memory_free(self, thread_bytes(parts));
}

uint64_t life_cycle_count(struct pool *pool)
{
	const struct pool_parts *parts = pool->ops->parts;
	struct census census;

	if (parts->walk == NULL)
		return 0;
	census_begin_count(&census, pool->slab);
	parts->walk(pool, &census);
	return slab_uncarved(pool->slab) + census.free;
}

int life_cycle_check(struct pool *pool, uint64_t outstanding, char *why)
{
	const struct pool_parts *parts = pool->ops->parts;
	struct census census;

	why[0] = '\0';
	if (parts->walk == NULL)
		return 0;
	int rc = census_begin(&census, pool->slab, why, POOL_REASON_BYTES);
	if (rc != 0)
		return rc;
	parts->walk(pool, &census);
	return census_end(&census, outstanding);
}

uint32_t pool_carve(struct slab *slab, struct pool_thread *self, void **objs, uint32_t n)
{
	uint32_t first;
	uint32_t got = slab_carve(slab, n, &first);

	for (uint32_t i = 0; i < got; i++)
		objs[i] = slab_object(slab, first + i);
	self->paths.grow += got != 0;
	return got;
}

void *pool_grow(struct pool *pool, struct pool_thread *self)
{
	void *(*const take)(struct pool *, struct pool_thread *) = pool->ops->parts->take;
	void *object = NULL;

	if (pool_carve(pool->slab, self, &object, 1) == 0 && take != NULL)
		object = take(pool, self);
	self->paths.empty += object == NULL;
	return object;
}

uint32_t pool_grow_each(
	struct pool *pool, struct pool_thread *self, void **objs, uint32_t got, uint32_t n)
{
	return got + pool_get_each(pool->ops->get, pool, self, objs + got, n - got);
}

void *pool_grow_locked(struct pool *pool, struct pool_thread *self)
{
	void *object = NULL;

	pool_grow_each_locked(pool, self, &object, 0, 1);
	return object;
}

uint32_t pool_grow_each_locked(
	struct pool *pool, struct pool_thread *self, void **objs, uint32_t got, uint32_t n)
{
	got += pool_carve(pool->slab, self, objs + got, n - got);
	self->paths.empty += got < n;
	return got;
}

void *pool_get_one(struct pool *pool, struct pool_thread *self)
{
	void *object;

	return pool->ops->get_bulk(pool, self, &object, 1) != 0 ? object : NULL;
}

void pool_put_one(struct pool *pool, struct pool_thread *self, void *object)
{
	pool->ops->put_bulk(pool, self, &object, 1);
}
