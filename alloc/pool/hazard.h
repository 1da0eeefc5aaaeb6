/*
 * hazard: one lock-free stack whose objects come from the system's allocator and go back to it while others pop.
 * Nothing here is type-stable and the head has no tag. What stands in for both is a hazard pointer: whoever is about
 * to read the link of the top object first tells all others that it does.
 *
 * Source: M. M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS 15(6), 2004;
 * the stack is R. K. Treiber's (IBM RJ 5118, 1986).
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
 * Why none is missed. b leaves the stack by a CAS (S2), and its retirement and the look at X's hazard pointer
 * (S3) happen after that. X stores the pointer (S0) and then loads the head (S1). All are sequentially
 * consistent. If S3 does not see S0, it comes before it in their one order, so S2 < S3 < S0 < S1, and S1 finds another
 * head than b, or a b that was pushed again after the look. A thread that is not in the table yet when S3 looks:
 * S4, when it comes, and S5, before the table is looked at, are such a pair as well.
 *
 * Departures. The threshold is 2 x the threads that were ever attached at once, as Michael has it, and
 * HAZARD_RETIRED more. Hazard pointers are collected as bits by a hash of the address and not sorted; only an object whose
 * bit is set is looked for among all pointers. A thread that ends leaves what is still shown to the next owner of
 * its place. folly and liburcu take the fence from the popper to the scanner (membarrier): a call takes 1.2 us on an idle
 * 2-CPU guest and 6.5 beside a running thread, so it would need a threshold of a thousand objects a thread to
 * cost no more than the 7 ns that it saves a pop.
 *
 * What it should win: memory, where a peak is followed by quiet and nobody calls nbl_trim. Of a peak of 32,768 objects it
 * keeps HAZARD_KEEP, 123 bytes of 1000, and treiber_tag all (pool_test). That is free for the rest of the program at once;
 * to the system it goes when malloc gives it: glibc's by itself where the upper end of its heap is free, else by
 * malloc_trim, and a page with one kept object stays. What it can't: every
 * pop pays a store that all must see before its load; a burst of n gets is n pops, since the object below
 * the top is not protected, where type-stable memory is walked freely and n objects cost one CAS; and each thread
 * withholds its retired objects. treiber_tag is the same stack over type-stable memory: the difference is what
 * type stability saves. That puts go to the stack many at a time is no merit of the scheme, but of waiting.
 *
 * Progress: blocking, by malloc and free; lock-free while objects go round. Signal handlers must not use it. As of `malloc`,
 * the capacity is not enforced, and after put the memory may be unmapped.
 *
 *	          get             put
 *	get       CAS on head     CAS on head; hazard pointers
 *	put                       CAS on head
 *
 * R0 the CAS that pushes, meets A0 = S1: whoever finds the top sees its link, and what the last owner wrote.
 * R1 the store that clears a hazard pointer, or S0, which replaces it, meets A1 = S3: who does not find an object
 *    shown any more comes after the read of its link.
 *
 * I1  The walk from head over the links ends in NULL.
 */
#ifndef ALLOC_POOL_HAZARD_H
#define ALLOC_POOL_HAZARD_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/places.h"

#include <stdlib.h>

/* Objects that a thread retires before it looks at all hazard pointers: so many, and so many a thread. */
#ifndef HAZARD_RETIRED
#define HAZARD_RETIRED 64
#endif
#ifndef HAZARD_RETIRED_A_THREAD
#define HAZARD_RETIRED_A_THREAD 2
#endif

/* Objects that the stack keeps, about: four rings of a network card. What is put beyond goes back to the system. */
#ifndef HAZARD_KEEP
#define HAZARD_KEEP 4096
#endif

enum { HAZARD_FILTER_LOG2 = 10, HAZARD_FILTER_WORDS = (1 << HAZARD_FILTER_LOG2) / 64 };
_Static_assert(HAZARD_RETIRED >= 1 && HAZARD_KEEP >= 1, "a look must be worth it");

/* Lies before each object. */
struct hazard_block {
	atom_ptr below; /* the next one of the stack, or of a thread's retired */
};

/* What a thread has in the table. All but the hazard pointer only its owner writes. */
struct hazard_place {
	CACHE_PAIR_ALIGNED atom_ptr
		hazard;               /* the block whose link its owner may be reading; NULL */
	atom_u64 popped, pushed;      /* blocks from and to the stack, ever */
	struct hazard_block *retired; /* the owner's own */
	uint32_t count;               /* of them */
	uint32_t most;                /* when they are looked at */
};

struct hazard_pool {
	struct pool base;
	size_t offset; /* from a block to its object */
	size_t bytes;  /* of both */
	size_t align;  /* 0: malloc's own is enough */
	CACHE_PAIR_ALIGNED atom_ptr head;
	CACHE_PAIR_ALIGNED atom_u32 entered; /* attachments ever: S4, S5 */
	struct places places;
};

struct hazard_thread {
	struct pool_thread base;
	struct hazard_place *place;
};

ALWAYS_INLINE struct hazard_block *hazard_block_of(const struct hazard_pool *self, void *object)
{
	return (struct hazard_block *)((unsigned char *)object - self->offset);
}

/* The top of the stack, or NULL. One locked exchange and one locked compare-and-swap. */
ALWAYS_INLINE struct hazard_block *hazard_pop(struct hazard_pool *self, struct hazard_thread *mine)
{
	struct hazard_place *place = mine->place;
	void *top = atom_load_relaxed(&self->head); /* a guess: S1 decides */

	while (top != NULL) {
		atom_store_seq_cst(&place->hazard, top);     /* S0, R1 */
		void *seen = atom_load_seq_cst(&self->head); /* S1, A0, meets R0 */
		if (likely(seen == top)) {
			void *below = atom_load_relaxed(&((struct hazard_block *)top)->below);
			if (likely(atom_cas_weak_seq_cst(&self->head, &seen, below))) { /* S2 */
				atom_store_relaxed(
					&place->popped, atom_load_relaxed(&place->popped) + 1);
				break;
			}
		}
		top = seen;
		mine->base.paths.wait++;
	}
	atom_store_release(&place->hazard, NULL); /* R1, meets A1 */
	return top;
}

/* The stack was empty. NULL: so is the system. */
static COLD void *hazard_grow(struct hazard_pool *self, struct hazard_thread *mine)
{
	struct hazard_block *block =
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
	struct hazard_block *block = hazard_pop(self, mine);

	return likely(block != NULL) ? (unsigned char *)block + self->offset
				     : hazard_grow(self, mine);
}

ALWAYS_INLINE void hazard_retire(struct hazard_place *place, struct hazard_block *block)
{
	/* Relaxed: whoever still reads it in vain may find any value. */
	atom_store_relaxed(&block->below, place->retired);
	place->retired = block;
	place->count++;
}

static NOINLINE void hazard_scan(struct hazard_pool *self, struct hazard_thread *mine);

/* A load and four stores, all the thread's own. */
static inline void hazard_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;
	struct hazard_thread *mine = (struct hazard_thread *)thread;

	hazard_retire(mine->place, hazard_block_of(self, object));
	if (unlikely(mine->place->count >= mine->place->most))
		hazard_scan(self, mine);
}

POOL_GET_EACH(hazard)
POOL_PUT_EACH(hazard)

/* By a multiplication (Knuth). */
static inline uint32_t hazard_bit(const void *block)
{
	return (uint32_t)((uintptr_t)block * UINT64_C(0x9e3779b97f4a7c15) >>
			  (64 - HAZARD_FILTER_LOG2));
}

/* Whether some thread shows it. */
static bool hazard_is_shown(struct hazard_pool *self, uint32_t used, const void *block)
{
	for (uint32_t i = 0; i < used; i++) {
		struct hazard_place *place = places_at(&self->places, i);

		if (atom_load_seq_cst(&place->hazard) == block) /* S3, A1, meets R1 */
			return true;
	}
	return false;
}

/* Puts the chain of n blocks first..last, linked already, on the stack. */
static void hazard_push(struct hazard_pool *self, struct hazard_thread *mine,
	struct hazard_block *first, struct hazard_block *last, uint32_t n)
{
	struct hazard_place *place = mine->place;
	void *top = atom_load_relaxed(&self->head); /* stored and compared, never followed */

	for (;;) {
		atom_store_relaxed(&last->below, top);
		if (likely(atom_cas_weak_release(&self->head, &top, first))) /* R0, meets A0 */
			break;
		mine->base.paths.wait++;
	}
	atom_store_relaxed(&place->pushed, atom_load_relaxed(&place->pushed) + n);
}

/* Looks at all hazard pointers, and parts with what none shows. */
static NOINLINE void hazard_scan(struct hazard_pool *self, struct hazard_thread *mine)
{
	struct hazard_place *place = mine->place;
	struct hazard_block *at = place->retired;
	struct hazard_block *first = NULL, *last = NULL;
	uint64_t filter[HAZARD_FILTER_WORDS] = {0};
	uint64_t kept = 0; /* blocks on the stack; others change that meanwhile */
	uint32_t n = 0;

	(void)atom_load_seq_cst(&self->entered); /* S5 */
	const uint32_t used = places_used(&self->places);
	for (uint32_t i = 0; i < used; i++) {
		struct hazard_place *other = places_at(&self->places, i);
		const void *shown = atom_load_seq_cst(&other->hazard); /* S3, A1, meets R1 */
		const uint32_t bit = hazard_bit(shown);

		filter[bit / 64] |= (uint64_t)(shown != NULL) << bit % 64;
		kept += atom_load_relaxed(&other->pushed) - atom_load_relaxed(&other->popped);
	}
	place->retired = NULL;
	place->count = 0;
	place->most = HAZARD_RETIRED + HAZARD_RETIRED_A_THREAD * used;
	while (at != NULL) {
		struct hazard_block *block = at;
		const uint32_t bit = hazard_bit(block);

		at = atom_load_relaxed(&block->below);
		if (unlikely((filter[bit / 64] >> bit % 64 & 1) != 0 &&
			     hazard_is_shown(self, used, block))) {
			hazard_retire(place, block);
		} else if ((int64_t)(kept + n) < HAZARD_KEEP) {
			atom_store_relaxed(&block->below, first);
			first = block;
			last = last != NULL ? last : block;
			n++;
		} else {
			free(block);
		}
	}
	if (n != 0)
		hazard_push(self, mine, first, last, n);
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
	self->offset = align > sizeof(struct hazard_block) ? align : sizeof(struct hazard_block);
	self->bytes = self->offset + ((pool->config.object_bytes + align - 1) & ~(align - 1));
	return places_init(&self->places, sizeof(struct hazard_place));
}

static COLD void hazard_free_all(struct hazard_block *at)
{
	while (at != NULL) {
		struct hazard_block *block = at;

		at = atom_load_relaxed(&block->below);
		free(block);
	}
}

static COLD void hazard_fini(struct pool *pool)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;

	hazard_free_all(atom_load_relaxed(&self->head));
	for (uint32_t i = 0; i < places_used(&self->places); i++)
		hazard_free_all(((struct hazard_place *)places_at(&self->places, i))->retired);
	places_fini(&self->places);
}

static COLD int hazard_enter(struct pool *pool, struct pool_thread *thread)
{
	struct hazard_pool *self = (struct hazard_pool *)pool;
	struct hazard_thread *mine = (struct hazard_thread *)thread;

	mine->place = places_take(&self->places);
	if (mine->place == NULL)
		return -ENOMEM;
	mine->place->most = HAZARD_RETIRED;
	(void)atom_add_seq_cst(&self->entered, 1); /* S4 */
	return 0;
}

static COLD void hazard_leave(struct pool *pool, struct pool_thread *thread)
{
	hazard_flush(pool, thread);
	places_leave(
		&((struct hazard_pool *)pool)->places, ((struct hazard_thread *)thread)->place);
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
