/*
 * treiber_tag: one lock-free stack for everybody, its head a 64-bit word of index and tag. The
 * reference among the shared structures: exact to the last object, a locked instruction each way,
 * and one cache line that all CPUs fight for.
 *
 * The stack is alloc/mechanism/tagged_stack.h: the algorithm, its labels (A0, R0), its table and the argument
 * against ABA stand there.
 * Source: R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986; the tag
 * follows IBM System/370, Principles of Operation, appendix on CDS. We link indices, not pointers,
 * so that head and tag fit a word that every compiler and every checker understands.
 *
 * Progress: get and put are lock-free. get_bulk walks over n links and takes them with one CAS,
 * put_bulk splices a private chain with one CAS: a burst costs one locked instruction each way. A
 * burst that others keep overtaking walks again each time.
 * Signal handlers may use it: an interrupted call has changed nothing or everything.
 * After put: memory stays mapped, nothing is overwritten (links live beside the objects).
 * Exact, for any number of threads: get answers NULL only where it has found the slab used up and
 * then, once more, the stack empty. At that moment every object was out or in the hands of an
 * unfinished call. Threads are not counted anywhere. The tag is all that could be
 * outrun: by a multiple of 2^40 pops while one thread stands between its load and its CAS
 * (tagged.h).
 *
 *	          get            put
 *	get       CAS on head    CAS on head
 *	put                      CAS on head
 *
 * count and check want a quiet pool.
 *
 * I1  as in tagged_stack.h.
 */
#ifndef ALLOC_POOL_TREIBER_TAG_H
#define ALLOC_POOL_TREIBER_TAG_H

#include "alloc/mechanism/tagged_stack.h"
#include "alloc/pool.h"

#include <errno.h>

struct treiber_tag_pool {
	struct pool base;
	struct tagged_stack stack;
	struct slab slab;
};

static COLD void *treiber_tag_grow(struct treiber_tag_pool *self, struct pool_thread *thread)
{
	uint32_t first;

	if (slab_carve(&self->slab, 1, &first) == 1) {
		thread->paths.grow++;
		return slab_object(&self->slab, first);
	}
	/*
	 * The capacity is reached; an object may have come back since the look at the stack, and
	 * exactness wants it found.
	 */
	void *object = tagged_stack_pop(&self->stack, &self->slab);
	thread->paths.empty += object == NULL;
	return object;
}

/* Four loads, two of them of the pool's constants, and one locked compare-and-swap. */
static inline void *treiber_tag_get(struct pool *pool, struct pool_thread *thread)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	void *object = tagged_stack_pop(&self->stack, &self->slab);

	return likely(object != NULL) ? object : treiber_tag_grow(self, thread);
}

/* Three loads, two of them of the pool's constants, one store and one locked compare-and-swap. */
static inline void treiber_tag_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;

	(void)thread;
	tagged_stack_push(&self->stack, &self->slab, object);
}

/* The cold end of get_bulk: objs[0..got) are filled, the list has ended. */
static COLD uint32_t treiber_tag_get_rest(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t got, uint32_t n)
{
	return got + pool_get_each(treiber_tag_get, pool, thread, objs + got, n - got);
}

/* n loads of links and one locked compare-and-swap. */
static inline uint32_t treiber_tag_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	uint32_t got = tagged_stack_pop_each(&self->stack, &self->slab, objs, n);

	return likely(got == n) ? n : treiber_tag_get_rest(pool, thread, objs, got, n);
}

/* n stores and one locked compare-and-swap. */
static inline void treiber_tag_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;

	(void)thread;
	tagged_stack_push_each(&self->stack, &self->slab, objs, n);
}

static COLD int treiber_tag_create(const struct pool_config *config, struct pool **out)
{
	struct treiber_tag_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = slab_init(&self->slab, config->object_bytes, config->object_align,
		config->capacity, config->pages, SLAB_WITH_LINKS);
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;
}

static COLD void treiber_tag_destroy(struct pool *pool)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;

	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD uint64_t treiber_tag_count(struct pool *pool)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;

	return slab_uncarved(&self->slab) + tagged_stack_count(&self->stack, &self->slab);
}

static COLD int treiber_tag_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct treiber_tag_pool *self = (struct treiber_tag_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	tagged_stack_census(&self->stack, &self->slab, &census); /* I1 */
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_treiber_tag_ops = {
	.name = "treiber_tag",
	.summary = "one lock-free stack, 24-bit index and 40-bit tag in its head",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true, .signals = true, .trims = true},
	.supported = pool_supported_always,
	.create = treiber_tag_create,
	.destroy = treiber_tag_destroy,
	.attach = pool_attach_plain,
	.detach = pool_detach_plain,
	.get = treiber_tag_get,
	.put = treiber_tag_put,
	.get_bulk = treiber_tag_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
	.flush = pool_flush_nothing,
	.count = treiber_tag_count,
	.check = treiber_tag_check,
};

#endif
