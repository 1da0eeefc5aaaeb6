/*
 * ticket: the linked list of `plain` under a ticket lock. A thread draws a number and waits its turn:
 * first come, first served, with one locked instruction a hold. Alone it is half the price of a mutex.
 * With more threads than CPUs it is the worst of all: all wait while the next in turn has no CPU.
 *
 * Source: J. M. Mellor-Crummey and M. L. Scott, "Algorithms for Scalable Synchronization on
 * Shared-Memory Multiprocessors", ACM TOCS 9(1), 1991. Departure: who waits long yields (spin.h).
 *
 * Progress, exactness, fork and signal handlers: as `mutex`. Tickets wrap at 2^32. Two threads
 * could hold one ticket only among 2^32 that wait, and Linux has at most 2^22.
 *
 * R0 in unlock, meets A0 in lock: the next holder sees the list as its predecessor left it.
 * Drawing a ticket is relaxed: it decides who is next and publishes nothing.
 *
 * I1  as in free_list.h. I2  A quiet pool's lock is free: next == owner.
 */
#ifndef ALLOC_POOL_TICKET_H
#define ALLOC_POOL_TICKET_H

#include "alloc/mechanism/free_list.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/spin.h"

struct ticket_pool {
	struct pool base;
	/* Lock and list are taken together, so they share a line. */
	CACHE_PAIR_ALIGNED atom_u32 next; /* the next ticket to be handed out */
	atom_u32 owner;                   /* whose turn it is */
	struct free_list list;            /* under the lock */
	struct slab slab;
};

static COLD uint32_t ticket_wait(
	struct ticket_pool *self, struct pool_thread *thread, uint32_t own);

/* The ticket after the caller's, which unlock calls. */
ALWAYS_INLINE uint32_t ticket_lock(struct ticket_pool *self, struct pool_thread *thread)
{
	uint32_t own = atom_add_relaxed(&self->next, 1);

	if (unlikely(atom_load_acquire(&self->owner) != own)) /* A0, meets R0 */
		return ticket_wait(self, thread, own);
	return own + 1;
}

ALWAYS_INLINE void ticket_unlock(struct ticket_pool *self, uint32_t next)
{
	atom_store_release(&self->owner, next); /* R0, meets A0 */
}

/* One locked instruction, three loads, two stores. */
static inline void *ticket_get(struct pool *pool, struct pool_thread *thread)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;
	uint32_t next = ticket_lock(self, thread);
	void *object = likely(!free_list_is_empty(&self->list)) ? free_list_pop(&self->list)
								: pool_grow_locked(pool, thread);

	ticket_unlock(self, next);
	return object;
}

/* One locked instruction for all n, and two stores each. */
static inline void ticket_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;
	uint32_t next = ticket_lock(self, thread);

	free_list_push_each(&self->list, objs, n);
	ticket_unlock(self, next);
}

POOL_PUT_ONE(ticket)

/* One locked instruction for all n, and a load and a store each. */
static inline uint32_t ticket_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;
	uint32_t next = ticket_lock(self, thread);
	uint32_t got = free_list_pop_each(&self->list, objs, n);

	if (unlikely(got < n))
		n = pool_grow_each_locked(pool, thread, objs, got, n);
	ticket_unlock(self, next);
	return n;
}

static COLD uint32_t ticket_wait(struct ticket_pool *self, struct pool_thread *thread, uint32_t own)
{
	for (uint32_t looks = 1; atom_load_acquire(&self->owner) != own; looks++) /* A0 */
		spin(thread, looks);
	return own + 1;
}

static COLD void ticket_walk(struct pool *pool, struct census *census)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;

	if (census_unlocked(
		    census, atom_load_relaxed(&self->owner) == atom_load_relaxed(&self->next)))
		free_list_walk(&self->list, census); /* I1 */
}

static const struct pool_parts ticket_parts = {
	POOL_WITH_SLAB(struct ticket_pool, SLAB_WITHOUT_LINKS),
	.walk = ticket_walk,
};

static const struct pool_ops pool_ticket_ops = {
	.name = "ticket",
	.summary = "a linked list under a ticket lock: fair, cheap alone, stalls when preempted",
	.traits = {.progress = POOL_BLOCKING, .exact = true, .paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(ticket),
};

#endif
