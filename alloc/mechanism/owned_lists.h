/*
 * Pools of which every thread owns a share: a list of its own, touched by nobody else; a second one, on which others
 * push what they free; and chains that nobody owns. Whose an object is stands beside it (homes.h). For `owner_list`, which
 * has the sources, the arguments and I1 to I4.
 *
 * Cold, but for what adds to the own list and what sends to another's.
 */
#ifndef ALLOC_MECHANISM_OWNED_LISTS_H
#define ALLOC_MECHANISM_OWNED_LISTS_H

#include "alloc/mechanism/chain_stack.h"
#include "alloc/mechanism/counted_stack.h"
#include "alloc/mechanism/homes.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/thread_list.h"

/* Places for owners, 32 KiB. More threads than that at once share the last, and own each other's objects. */
#ifndef OWNED_LISTS_OWNERS
#define OWNED_LISTS_OWNERS 256
#endif

/*
 * Objects an own list may have by puts: magazine_objects, at most this. A second list has room for twice as
 * many, for it waits until the own list is empty. With no more room than that has, what went round by way of
 * another CPU became chains all the time, and an object took 22 ns instead of 18 (bursts of 32, a loop of
 * its own on a busy 2-CPU guest).
 */
enum { OWNED_LISTS_LIMIT_MAX = COUNTED_STACK_MAX / 2 };

struct owned_lists {
	struct pool base;
	uint32_t limit; /* objects that an own list may have by puts */
	uint32_t
		back_limit; /* objects that a second list may have, and so an own list that was taken */
	struct homes owners;
	struct chain_stack chains;
	struct slab slab;
	struct thread_list threads;
	atom_u32 used;                      /* places that ever were a thread's */
	atom_u32 taken[OWNED_LISTS_OWNERS]; /* 1: a thread has this place */
	struct counted_stack
		back[OWNED_LISTS_OWNERS]; /* what others have put, also after the owner's end */
};

/* A list is as the head of a counted stack. */
struct owned_lists_thread {
	struct pool_thread base;
	uint64_t list;    /* the one in use */
	uint64_t reserve; /* one that has reached its limit, or empty */
	uint32_t place;   /* in back[] */
	struct thread_link link;
};

/* The parts (life_cycle.h). */
COLD int owned_lists_init(struct pool *pool);
COLD void owned_lists_fini(struct pool *pool);
COLD int owned_lists_enter(struct pool *pool, struct pool_thread *thread);
COLD void owned_lists_leave(struct pool *pool, struct pool_thread *thread);
COLD void owned_lists_walk(struct pool *pool, struct census *census);

/* The hook: all that is the thread's own becomes chains that nobody owns. */
COLD void owned_lists_flush(struct pool *pool, struct pool_thread *thread);

/* The own list is empty: afterwards it has an object, or there is none to be had (false). */
COLD bool owned_lists_refill(struct owned_lists *self, struct owned_lists_thread *mine);

/* Puts objects of the thread's own, however many. */
COLD void owned_lists_keep(
	struct owned_lists *self, struct owned_lists_thread *mine, void *const *objs, uint32_t n);

/* A list that was some thread's own, or on its way to one, becomes a chain that nobody owns. */
COLD void owned_lists_retire(struct pool *pool, struct pool_thread *thread, uint64_t list);

/* Objects of the thread's own, for which its list has room. */
ALWAYS_INLINE void owned_lists_add(
	struct owned_lists *self, struct owned_lists_thread *mine, void *const *objs, uint32_t n)
{
	uint32_t first = slab_unit(&self->slab, objs[0]);
	uint32_t last = slab_chain(&self->slab, first, objs, n);

	atom_store_relaxed(slab_link(&self->slab, last), tagged_unit(mine->list));
	mine->list = counted_stack_longer(mine->list, first, n);
}

/* Puts objects of another owner, however many. */
void owned_lists_send(struct owned_lists *self, struct pool_thread *thread, uint32_t owner,
	void *const *objs, uint32_t n);

#endif
