/*
 * hazard: one lock-free stack whose objects come from the system's allocator and go back to it while others pop.
 * Nothing here is type-stable and the head has no tag. What stands in for both is a hazard pointer: whoever is about
 * to read the link of the top object first tells all others that it does.
 *
 * Source: M. M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS 15(6), 2004.
 * hazards.h has the pointers, their argument and the departures, hazard_stack.h the stack, and what it needs them for.
 *
 *	get   shows the top object in its hazard pointer, looks whether it still is the top, reads its link, and
 *	      makes what is below the top by a CAS; on an empty stack takes a new object from malloc
 *	put   retires: adds the object to a list of the thread's own. When that has its threshold, the thread looks at
 *	      all hazard pointers once. What nobody shows goes on the stack, all by one CAS, or back to the
 *	      system if the stack has HAZARD_KEEP objects; what somebody shows stays retired
 *
 * What it should win: memory, where a peak is followed by quiet and nobody calls nbl_trim. Of a peak of 32,768 objects it
 * keeps HAZARD_KEEP, 123 bytes of 1000, and treiber_tag all (pool_test). That is free for the rest of the program at
 * once; to the system it goes when malloc gives it: glibc's by itself where the upper end of its heap is free, else by
 * malloc_trim, and a page with one kept object stays. What it can't: every pop pays a store that all must see before
 * its load; a burst of n gets is n pops, since the object below the top is not protected, where type-stable memory is
 * walked freely and n objects cost one CAS; and each thread withholds its retired objects. treiber_tag is the same stack
 * over type-stable memory: the difference is what type stability saves. That puts go to the stack many at a time is no
 * merit of the scheme, but of waiting.
 *
 * Progress: blocking, by malloc and free; lock-free while objects go round. Signal handlers must not use it. As of `malloc`,
 * the capacity is not enforced, and after put the memory may be unmapped.
 *
 *	          get             put
 *	get       CAS on head     CAS on head; hazard pointers
 *	put                       CAS on head
 *
 * The edges, and I1, are those of hazard_stack.h.
 */
#ifndef ALLOC_POOL_HAZARD_H
#define ALLOC_POOL_HAZARD_H

#include "alloc/mechanism/hazard_stack.h"
#include "alloc/mechanism/life_cycle.h"

#include <stdlib.h>

/* Objects that the stack keeps, about: four rings of a network card. What is put beyond goes back to the system. */
#ifndef HAZARD_KEEP
#define HAZARD_KEEP 4096
#endif

_Static_assert(HAZARD_KEEP >= 1, "a stack has room");

struct hazard_pool {
	struct pool base;
	size_t offset; /* from a block to its object */
	size_t bytes;  /* of both */
	size_t align;  /* 0: malloc's own is enough */
	struct hazard_stack stack;
};

struct hazard_thread {
	struct pool_thread base;
	struct hazards_place *place;
};

ALWAYS_INLINE struct hazards_block *hazard_block_of(const struct hazard_pool *self, void *object)
{
	return (struct hazards_block *)((unsigned char *)object - self->offset);
}

/* The stack was empty. NULL: so is the system. */
static COLD void *hazard_grow(struct hazard_pool *self, struct hazard_thread *mine)
{
	struct hazards_block *block =
		self->align == 0 ? malloc(self->bytes) : aligned_alloc(self->align, self->bytes);

	if (block == NULL) {
		mine->base.paths.empty++;
		return NULL;
	}
	mine->base.paths.grow++;
	return (unsigned char *)block + self->offset;
}

/* As hazard_stack_pop. */
static inline void *hazard_get(struct pool *pool, struct pool_thread *thread)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;
	struct hazard_thread *mine = (struct hazard_thread *)thread;
	struct hazards_block *block =
		hazard_stack_pop(&self->stack, mine->place, &thread->paths.wait);

	return likely(block != NULL) ? (unsigned char *)block + self->offset
				     : hazard_grow(self, mine);
}

static NOINLINE void hazard_scan(struct hazard_pool *self, struct hazard_thread *mine);

/* A load and four stores, all the thread's own. */
static inline void hazard_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;
	struct hazard_thread *mine = (struct hazard_thread *)thread;

	hazards_retire(mine->place, hazard_block_of(self, object));
	if (unlikely(mine->place->count >= mine->place->most))
		hazard_scan(self, mine);
}

POOL_GET_EACH(hazard)
POOL_PUT_EACH(hazard)

/* A block that nobody shows. */
ALWAYS_INLINE void hazard_part(void *arg, struct hazards_block *block, uint64_t kept)
{
	struct hazard_chain *chain = arg;

	if ((int64_t)(kept + chain->n) < HAZARD_KEEP)
		hazard_chain_add(chain, block);
	else
		free(block);
}

static NOINLINE void hazard_scan(struct hazard_pool *self, struct hazard_thread *mine)
{
	struct hazard_chain chain = {0};

	hazards_scan(&self->stack.hazards, mine->place, hazard_part, &chain);
	if (chain.n != 0)
		hazard_stack_push(&self->stack, mine->place, &chain, &mine->base.paths.wait);
	mine->base.paths.flush++;
}

static COLD void hazard_flush(struct pool *pool, struct pool_thread *thread)
{
	hazard_scan((struct hazard_pool *)pool, (struct hazard_thread *)thread);
}

static COLD int hazard_init(struct pool *pool)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;
	const size_t align = pool->config.object_align;

	self->align = align > _Alignof(max_align_t) ? align : 0;
	self->offset = align > sizeof(struct hazards_block) ? align : sizeof(struct hazards_block);
	self->bytes = self->offset + ((pool->config.object_bytes + align - 1) & ~(align - 1));
	return hazards_init(&self->stack.hazards);
}

static COLD void hazard_free_all(struct hazards_block *at)
{
	while (at != NULL) {
		struct hazards_block *block = at;

		at = atom_load_relaxed(&block->below);
		free(block);
	}
}

static COLD void hazard_fini(struct pool *pool)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;

	hazard_free_all(atom_load_relaxed(&self->stack.head));
	hazards_fini(&self->stack.hazards, hazard_free_all);
}

static COLD int hazard_enter(struct pool *pool, struct pool_thread *thread)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;
	struct hazard_thread *mine = (struct hazard_thread *)thread;

	mine->place = hazards_enter(&self->stack.hazards);
	return mine->place != NULL ? 0 : -ENOMEM;
}

static COLD void hazard_leave(struct pool *pool, struct pool_thread *thread)
{
	hazard_flush(pool, thread);
	hazards_leave(&((struct hazard_pool *)pool)->stack.hazards,
		((struct hazard_thread *)thread)->place);
}

static const struct pool_parts hazard_parts = {
	.pool_bytes = sizeof(struct hazard_pool),
	.init = hazard_init,
	.fini = hazard_fini,
	.thread_bytes = sizeof(struct hazard_thread),
	.enter = hazard_enter,
	.leave = hazard_leave,
};

static const struct pool_ops pool_hazard_ops = {
	.name = "hazard",
	.summary = "treiber_tag's stack over malloc, under hazard pointers: gives memory back, and "
		   "each get pays",
	.traits = {.progress = POOL_BLOCKING,
		.kind = POOL_KIND_ALLOCATOR,
		.exact = true,
		.paths = POOL_GROWS | POOL_FLUSHES | POOL_WAITS},
	.supported = pool_supported_always,
	POOL_CACHE_HOOKS(hazard),
};

#endif
