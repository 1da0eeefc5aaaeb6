/*
 * owner_list: every object has an owner, the thread that took it into its list, and goes back there. The
 * owner's own list is touched by nobody else, so get and put of one's own are a few plain loads and stores.
 * What other threads free is pushed on a second list of the owner's, which the owner takes whole when its
 * own is empty.
 *
 *	get   own list; else the one kept in reserve; else what others have put back, all of it at once; else a
 *	      chain that nobody owns; else never-used objects; else what others have put back to somebody else
 *	put   one's own: own list, and when that is full it becomes the reserve, whose objects then become a
 *	      chain that nobody owns; another's: the owner's second list, a burst by one compare-and-swap
 *
 * Sources: Linux, net/core/page_pool.c, whose pages return to the cache of the queue that allocated them, or
 * to its ring from elsewhere; XDP for Windows, which has a list private to the queue and one that all
 * others push to, flushed by its owner. Departures: there each pool has one owner and others don't get; here
 * every thread owns a share, and what is too much for one belongs to nobody until somebody takes it. So
 * all lists have a limit, as Bonwick and Adams have two magazines, and no object of a thread that ended is lost.
 *
 * What it should win: a driver's steady state, in which the thread that receives puts its own objects, or
 * one other does, a burst at a time. What it can't: objects are linked, so each brings the line of its link
 * from the CPU that put it, where a magazine has eight to a line; and where objects wander from thread to
 * thread no put is one's own, and each pays a locked instruction.
 *
 * Progress: lock-free; what the thread owns takes a bounded number of steps.
 * Signal handlers must not use it: they might find the own list half-way through a change.
 * Not exact: up to 3 x the limit of free objects (OWNED_LISTS_LIMIT_MAX) rest with each thread, where
 * the get of another does not look. All else is found: chains, and what was put back to others, to threads that
 * ended too. A thread that ends makes chains of what it has. Its place is another thread's later, who then
 * owns what was its own and is still out.
 *
 *	         get                        put
 *	get      second lists: CAS          second lists: CAS
 *	put                                 second lists: CAS
 *
 * The edges are those of the second lists (counted_stack.h, R0 and A0) and of the stack of chains
 * (chain_stack.h, R1 and A1), where it also stands what rules out ABA. An object's owner is written by
 * the thread that has it and read by one that has it later (homes.h).
 *
 * I1  Of a second list: that of counted_stack.h. It has no more objects than its limit.
 * I2  A thread's own lists have the lengths that they claim, and no more objects than a second list.
 * I3  Each chain has the length it carries, and no more objects than a second list.
 * I4  No object is on two lists.
 */
#ifndef ALLOC_POOL_OWNER_LIST_H
#define ALLOC_POOL_OWNER_LIST_H

#include "alloc/mechanism/owned_lists.h"

/* Five loads, two of them of the pool's constants, and a store; nothing shared. */
static inline void *owner_list_get(struct pool *pool, struct pool_thread *thread)
{
	struct owned_lists *self = (struct owned_lists *)pool;
	struct owned_lists_thread *mine = (struct owned_lists_thread *)thread;
	uint32_t unit = tagged_unit(mine->list);

	if (unlikely(unit == 0))
		return pool_get_one(pool, thread);
	mine->list = counted_stack_shorter(
		mine->list, atom_load_relaxed(slab_link(&self->slab, unit)), 1);
	return slab_at(&self->slab, unit);
}

/* Another's object, or one for which the own list has no room. */
static NOINLINE void owner_list_put_one(
	struct owned_lists *self, struct owned_lists_thread *mine, void *object);

/* One's own: eight loads, four of them of the pool's constants, and two stores; nothing shared. */
static inline void owner_list_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct owned_lists *self = (struct owned_lists *)pool;
	struct owned_lists_thread *mine = (struct owned_lists_thread *)thread;

	if (likely(*homes_of(&self->owners, object) == mine->place &&
		    counted_stack_length(mine->list) < self->limit))
		owned_lists_add(self, mine, &object, 1);
	else
		owner_list_put_one(self, mine, object);
}

/* n loads of links and n stores. */
static inline uint32_t owner_list_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct owned_lists *self = (struct owned_lists *)pool;
	struct owned_lists_thread *mine = (struct owned_lists_thread *)thread;
	uint32_t got = 0;

	do {
		uint32_t length = counted_stack_length(mine->list);
		uint32_t take = n - got < length ? n - got : length;
		uint32_t at = tagged_unit(mine->list);

		for (uint32_t i = 0; i < take; i++) {
			objs[got++] = slab_at(&self->slab, at);
			at = atom_load_relaxed(slab_link(&self->slab, at));
		}
		mine->list = counted_stack_shorter(mine->list, at, take);
	} while (unlikely(got < n) && owned_lists_refill(self, mine));
	return got;
}

/* A burst of several owners, or of another one, or more than there is room for: by runs of one owner. */
static NOINLINE void owner_list_put_runs(
	struct owned_lists *self, struct owned_lists_thread *mine, void *const *objs, uint32_t n)
{
	for (uint32_t at = 0, run; at < n; at += run) {
		uint32_t owner = *homes_of(&self->owners, objs[at]);

		run = homes_run(&self->owners, objs + at, n - at);
		if (owner != mine->place)
			owned_lists_send(self, &mine->base, owner, objs + at, run);
		else
			owned_lists_keep(self, mine, objs + at, run);
	}
}

static NOINLINE void owner_list_put_one(
	struct owned_lists *self, struct owned_lists_thread *mine, void *object)
{
	owner_list_put_runs(self, mine, &object, 1);
}

/* All one's own, which is found out without a branch: n loads of owners and n stores of links. */
static inline void owner_list_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct owned_lists *self = (struct owned_lists *)pool;
	struct owned_lists_thread *mine = (struct owned_lists_thread *)thread;

	if (unlikely(homes_differ(&self->owners, mine->place, objs, n) ||
		     counted_stack_length(mine->list) + n > self->limit))
		owner_list_put_runs(self, mine, objs, n);
	else
		owned_lists_add(self, mine, objs, n);
}

static const struct pool_parts owner_list_parts = {
	POOL_WITH_SLAB(struct owned_lists, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct owned_lists_thread),
	.init = owned_lists_init,
	.fini = owned_lists_fini,
	.enter = owned_lists_enter,
	.leave = owned_lists_leave,
	.walk = owned_lists_walk,
};

static COLD uint64_t owner_list_withheld(const struct pool *pool)
{
	const struct owned_lists *self = (const struct owned_lists *)pool;

	return (uint64_t)self->back_limit + self->limit; /* a reserve that was taken, and a list */
}

static const struct pool_ops pool_owner_list_ops = {
	.name = "owner_list",
	.summary = "a list a thread; what others free is pushed back to the owner (page_pool's "
		   "shape): cheap where owners free",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_THREAD,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(owner_list_parts),
	POOL_HOT_HOOKS(owner_list),
	.flush = owned_lists_flush,
	.withheld = owner_list_withheld,
	.lost = owner_list_withheld, /* all that is its own */
};

#endif
