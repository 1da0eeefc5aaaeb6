/*
 * hazard: one lock-free stack whose objects come from the system's allocator and go back to it while others pop.
 * Nothing here is type-stable and the head has no tag. What stands in for both is a hazard pointer: whoever is about
 * to read the link of the top object first tells all others that it does.
 *
 * Sources: M. M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS 15(6), 2004, and
 * hazards.h, where the pointers, their argument and the departures stand; the stack is R. K. Treiber's (IBM RJ 5118, 1986).
 *
 *	get   shows the top object in its hazard pointer, looks whether it still is the top, reads its link, and
 *	      makes what is below the top by a CAS; on an empty stack takes a new object from malloc
 *	put   retires: adds the object to a list of the thread's own. When that has its threshold, the thread looks at
 *	      all hazard pointers once. What nobody shows goes on the stack, all by one CAS, or back to the
 *	      system if the stack has HAZARD_KEEP objects; what somebody shows stays retired
 *
 * What a hazard pointer is needed for. Thread X has read the top object b. Another takes b from the stack, and its
 * user puts it again. (1) If b goes to free, X reads a link in memory that is gone. (2) If b goes back on the
 * stack above other objects than before, X's CAS meets the b that it expects and installs the link of the
 * former time: that object may be somebody's (ABA). Each is ruled out by the same rule: b is neither freed nor pushed
 * while a hazard pointer shows it. A user may have it meanwhile, for the link lies before the object and is not his;
 * and X's CAS fails then, since b is not on the stack.
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
 * R0 the CAS that pushes, meets A0 = S1: whoever finds the top sees its link, and what the last owner wrote.
 * R1, A1, S0 to S5 are those of hazards.h; S1 is the load of head, S2 the CAS that pops.
 *
 * I1  The walk from head over the links ends in NULL.
 */
#ifndef ALLOC_POOL_HAZARD_H
#define ALLOC_POOL_HAZARD_H

#include "alloc/mechanism/hazards.h"
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
	CACHE_PAIR_ALIGNED atom_ptr head;
	struct hazards hazards;
};

struct hazard_thread {
	struct pool_thread base;
	struct hazards_place *place;
};

ALWAYS_INLINE struct hazards_block *hazard_block_of(const struct hazard_pool *self, void *object)
{
	return (struct hazards_block *)((unsigned char *)object - self->offset);
}

/* The top of the stack, or NULL. One locked exchange and one locked compare-and-swap. */
ALWAYS_INLINE struct hazards_block *hazard_pop(struct hazard_pool *self, struct hazard_thread *mine)
{
	struct hazards_place *place = mine->place;
	void *top = atom_load_relaxed(&self->head); /* a guess: S1 decides */

	while (top != NULL) {
		hazards_show(place, top);                    /* S0, R1 */
		void *seen = atom_load_seq_cst(&self->head); /* S1, A0, meets R0 */
		if (likely(seen == top)) {
			void *below = atom_load_relaxed(&((struct hazards_block *)top)->below);
			if (likely(atom_cas_weak_seq_cst(&self->head, &seen, below))) { /* S2 */
				atom_store_relaxed(
					&place->popped, atom_load_relaxed(&place->popped) + 1);
				break;
			}
		}
		top = seen;
		mine->base.paths.wait++;
	}
	hazards_hide(place); /* R1, meets A1 */
	return top;
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

/* As hazard_pop. */
static inline void *hazard_get(struct pool *pool, struct pool_thread *thread)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;
	struct hazard_thread *mine = (struct hazard_thread *)thread;
	struct hazards_block *block = hazard_pop(self, mine);

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

/* Puts the chain of n blocks first..last, linked already, on the stack. */
static void hazard_push(struct hazard_pool *self, struct hazard_thread *mine,
	struct hazards_block *first, struct hazards_block *last, uint32_t n)
{
	struct hazards_place *place = mine->place;
	void *top = atom_load_relaxed(&self->head); /* stored and compared, never followed */

	for (;;) {
		atom_store_relaxed(&last->below, top);
		if (likely(atom_cas_weak_release(&self->head, &top, first))) /* R0, meets A0 */
			break;
		mine->base.paths.wait++;
	}
	atom_store_relaxed(&place->pushed, atom_load_relaxed(&place->pushed) + n);
}

/* What a scan brings back to the stack: a chain of n. */
struct hazard_chain {
	struct hazards_block *first, *last;
	uint32_t n;
};

/* A block that nobody shows. */
ALWAYS_INLINE void hazard_part(void *arg, struct hazards_block *block, uint64_t kept)
{
	struct hazard_chain *chain = arg;

	if ((int64_t)(kept + chain->n) < HAZARD_KEEP) {
		atom_store_relaxed(&block->below, chain->first);
		chain->first = block;
		chain->last = chain->last != NULL ? chain->last : block;
		chain->n++;
	} else {
		free(block);
	}
}

static NOINLINE void hazard_scan(struct hazard_pool *self, struct hazard_thread *mine)
{
	struct hazard_chain chain = {0};

	hazards_scan(&self->hazards, mine->place, hazard_part, &chain);
	if (chain.n != 0)
		hazard_push(self, mine, chain.first, chain.last, chain.n);
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
	return hazards_init(&self->hazards);
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

	hazard_free_all(atom_load_relaxed(&self->head));
	hazards_fini(&self->hazards, hazard_free_all);
}

static COLD int hazard_enter(struct pool *pool, struct pool_thread *thread)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;
	struct hazard_thread *mine = (struct hazard_thread *)thread;

	mine->place = hazards_enter(&self->hazards);
	return mine->place != NULL ? 0 : -ENOMEM;
}

static COLD void hazard_leave(struct pool *pool, struct pool_thread *thread)
{
	hazard_flush(pool, thread);
	hazards_leave(
		&((struct hazard_pool *)pool)->hazards, ((struct hazard_thread *)thread)->place);
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
	.summary = "a stack under hazard pointers over malloc: objects go back to the system",
	.traits = {.progress = POOL_BLOCKING,
		.kind = POOL_KIND_ALLOCATOR,
		.exact = true,
		.paths = POOL_GROWS | POOL_FLUSHES | POOL_WAITS},
	.supported = pool_supported_always,
	POOL_CACHE_HOOKS(hazard),
};

#endif
