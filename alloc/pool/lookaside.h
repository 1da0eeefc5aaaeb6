/*
 * lookaside: Windows' lookaside list, from which a driver there takes its blocks. In front a lock-free stack
 * (an SLIST) of limited depth; behind it the system's allocator. get on an empty stack takes from behind,
 * put on a full one gives back there. The depth follows the share of gets that missed the stack (miss_depth.h).
 *
 * Sources: "Using Lookaside Lists" and ExInitializeNPagedLookasideList in the driver reference, and the public WDM
 * header for the structures. On x64 an SLIST's head is 16 bytes, the first entry and beside it the depth in 16 bits and
 * a sequence in 48, and changes by cmpxchg16b. So it is here: pair_stack.h, whose generation is those two.
 * Departures: the depth is checked in each turn of the CAS, so it is never exceeded, where Windows looks once
 * before the push; and links lie beside the objects, where Windows reads them from a block that may be
 * freed and lets the trap handler of the page fault begin the pop again.
 *
 * What is behind. There it is ExAllocatePool; the pool of this contract has a capacity and knows its objects, so
 * here it is the slab's free objects on a list under a spin lock, which is what the kernel's non-paged pool was when
 * these lists were made for it. malloc behind the same stack would have no capacity, no count and no check,
 * and its price stands in the row `malloc`.
 *
 * Bursts are single calls: lookaside lists have no others.
 *
 * What it should win: against a lock, a load that is small and steady. What it can't: each get and each put is a
 * 16-byte CAS on one line that all CPUs share; a driver that holds more at a time than the depth pays the lock
 * as well; and nothing is local to a CPU (NDIS keeps such a list a processor for its own pools).
 * That two threads take 94 ns for a pair, and treiber_dwcas's 465, is no merit. Of the two objects that a filled pool
 * leaves on top the links lie on two lines here, and on one there (treiber_dwcas.h). With a capacity of four they share a
 * line here too, and a pair takes 403.
 *
 * Progress: blocking, by the lock behind. Signal handlers must not use it: they would wait for that.
 * Exact, for any number of threads: a get that found the stack empty looks behind and then at the stack once
 * more, with the lock held. Nothing goes behind meanwhile, so when the second look finds nothing, nothing
 * was free.
 * A trim's objects go to the stack first, as far as there is room, and come out before the others.
 *
 *	         get                     put
 *	get      CAS on head, or lock    CAS on head, or lock
 *	put                              CAS on head, or lock
 *
 * The edges are those of pair_stack.h and try_lock.h.
 *
 * ABA: a push moves the sequence and a pop lowers the depth, so without a push no generation comes again. 48 bits come
 * round after 32 days at 100 million pushes a second.
 *
 * I1  Of the stack: that of pair_stack.h; and its head says how many it has, at most MISS_DEPTH_MAX.
 * I2  A quiet pool's lock is free.
 * I3  The walk from `behind` over the links ends in NULL; no object is there and on the stack.
 */
#ifndef ALLOC_POOL_LOOKASIDE_H
#define ALLOC_POOL_LOOKASIDE_H

#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/miss_depth.h"
#include "alloc/mechanism/pair_stack.h"
#include "alloc/mechanism/spin.h"

enum { LOOKASIDE_DEPTH_BITS = 16 };
_Static_assert(MISS_DEPTH_MAX < 1 << LOOKASIDE_DEPTH_BITS, "the head has room for the depth");

struct lookaside_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED struct pair_stack stack;
	CACHE_PAIR_ALIGNED struct try_lock lock;
	void *behind;            /* the first object there; under the lock */
	struct side_nodes nodes; /* the links of both */
	atom_u32 depth;          /* how many objects the stack may have */
};

struct lookaside_thread {
	struct pool_thread base;
	struct miss_count count;
};

ALWAYS_INLINE uint32_t lookaside_depth(uint64_t generation)
{
	return (uint16_t)generation;
}

ALWAYS_INLINE uint64_t lookaside_popped(uint64_t generation)
{
	return generation - 1;
}

ALWAYS_INLINE uint64_t lookaside_pushed(uint64_t generation)
{
	return generation + ((uint64_t)1 << LOOKASIDE_DEPTH_BITS) + 1;
}

ALWAYS_INLINE void *lookaside_pop(struct lookaside_pool *self, struct pool_thread *thread)
{
	return pair_stack_pop(&self->stack, &self->nodes, lookaside_popped, &thread->paths.wait);
}

static COLD void lookaside_adjust(struct lookaside_pool *self, struct lookaside_thread *mine)
{
	miss_depth_adjust(&self->depth, &mine->count);
}

/* The stack was empty. NULL: nothing is free. */
static SELDOM void *lookaside_get_behind(struct lookaside_pool *self, struct lookaside_thread *mine)
{
	struct pool_thread *thread = &mine->base;

	mine->count.misses++;
	spin_enter(&self->lock, thread);
	void *object = self->behind;
	if (object != NULL) {
		self->behind = atom_load_relaxed(pair_stack_link(&self->nodes, object));
		thread->paths.refill++;
	} else if (pool_carve(&self->nodes.slab, thread, &object, 1) == 0) {
		object = lookaside_pop(self, thread);
		thread->paths.empty += object == NULL;
	}
	try_lock_leave(&self->lock);
	return object;
}

/* While the stack has some: as treiber_dwcas_get, and a load and a store of the thread's own. */
static inline void *lookaside_get(struct pool *pool, struct pool_thread *thread)
{
	struct lookaside_pool *self = (struct lookaside_pool *)pool;
	struct lookaside_thread *mine = (struct lookaside_thread *)thread;
	void *object = lookaside_pop(self, thread);

	if (unlikely(object == NULL))
		object = lookaside_get_behind(self, mine);
	if (unlikely(miss_count_get(&mine->count)))
		lookaside_adjust(self, mine);
	return object;
}

/* The stack was full. */
static SELDOM void lookaside_put_behind(
	struct lookaside_pool *self, struct pool_thread *thread, void *object)
{
	spin_enter(&self->lock, thread);
	atom_store_relaxed(pair_stack_link(&self->nodes, object), self->behind);
	self->behind = object;
	try_lock_leave(&self->lock);
	thread->paths.flush++;
}

/* While the stack has room: as treiber_dwcas_put, and a load of the depth. */
static inline void lookaside_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct lookaside_pool *self = (struct lookaside_pool *)pool;
	const uint32_t most = atom_load_relaxed(&self->depth);
	struct pair head = pair_stack_head(&self->stack);

	do {
		if (unlikely(lookaside_depth(head.generation) >= most)) {
			lookaside_put_behind(self, thread, object);
			return;
		}
	} while (!pair_stack_try_push(&self->stack, &self->nodes, lookaside_pushed, object, object,
		&head, &thread->paths.wait));
}

POOL_GET_EACH(lookaside)
POOL_PUT_EACH(lookaside)

static COLD int lookaside_init(struct pool *pool)
{
	atom_init(&((struct lookaside_pool *)pool)->depth, MISS_DEPTH_MIN);
	return 0;
}

static COLD void lookaside_walk(struct pool *pool, struct census *census)
{
	struct lookaside_pool *self = (struct lookaside_pool *)pool;
	const uint32_t depth = lookaside_depth(atom_load_relaxed(&self->stack.head.generation));

	if (!census_unlocked(census, try_lock_is_free(&self->lock))) /* I2 */
		return;
	pair_stack_walk(&self->stack, &self->nodes, census); /* I1 */
	if (census->free != depth || depth > MISS_DEPTH_MAX) {
		census_fail(census, "I1: the head says %u objects, the walk finds %u", depth,
			(unsigned)census->free);
		return;
	}
	for (void *at = self->behind; at != NULL && census_mark(census, at, "the list behind");)
		at = atom_load_relaxed(pair_stack_link(&self->nodes, at)); /* I3 */
}

static const struct pool_parts lookaside_parts = {
	POOL_WITH_NODES(struct lookaside_pool, atom_ptr),
	.init = lookaside_init,
	.thread_bytes = sizeof(struct lookaside_thread),
	.walk = lookaside_walk,
};

static const struct pool_ops pool_lookaside_ops = {
	.name = "lookaside",
	.summary = "Windows' lookaside list, as drivers there have it: a stack whose depth follows "
		   "its misses, over a lock",
	.traits = {.progress = POOL_BLOCKING,
		.needs_cx16 = true,
		.exact = true,
		.trims = true,
		.paths = POOL_PATHS_CACHED},
	.supported = pool_supported_cx16,
	POOL_HOOKS(lookaside),
};

#endif
