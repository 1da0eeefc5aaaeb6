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
 * Not exact: up to 3 x the limit of free objects (OWNER_LIST_LIMIT_MAX) rest with each thread, where
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

#include "alloc/mechanism/chain_stack.h"
#include "alloc/mechanism/counted_stack.h"
#include "alloc/mechanism/homes.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/thread_list.h"

/* Places for owners, 32 KiB. More threads than that at once share the last, and own each other's objects. */
#ifndef OWNER_LIST_OWNERS
#define OWNER_LIST_OWNERS 256
#endif

/*
 * Objects an own list may have by puts: magazine_objects, at most this. A second list has room for twice as
 * many, for it waits until the own list is empty. With no more room than that has, what went round by way of
 * another CPU became chains all the time, and an object took 22 ns instead of 18 (bursts of 32, a loop of
 * its own on a busy 2-CPU guest).
 */
enum { OWNER_LIST_LIMIT_MAX = COUNTED_STACK_MAX / 2 };

struct owner_list_pool {
	struct pool base;
	uint32_t limit; /* objects that an own list may have by puts */
	uint32_t
		back_limit; /* objects that a second list may have, and so an own list that was taken */
	struct homes owners;
	struct chain_stack chains;
	struct slab slab;
	struct thread_list threads;
	atom_u32 used;                     /* places that ever were a thread's */
	atom_u32 taken[OWNER_LIST_OWNERS]; /* 1: a thread has this place */
	struct counted_stack
		back[OWNER_LIST_OWNERS]; /* what others have put, also after the owner's end */
};

/* A list is as the head of a counted stack. */
struct owner_list_thread {
	struct pool_thread base;
	uint64_t list;    /* the one in use */
	uint64_t reserve; /* one that has reached its limit, or empty */
	uint32_t place;   /* in back[] */
	struct thread_link link;
};

static COLD bool owner_list_refill(struct owner_list_pool *self, struct owner_list_thread *mine);

/* Five loads, two of them of the pool's constants, and a store; nothing shared. */
static inline void *owner_list_get(struct pool *pool, struct pool_thread *thread)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;
	struct owner_list_thread *mine = (struct owner_list_thread *)thread;
	uint32_t unit = tagged_unit(mine->list);

	if (unlikely(unit == 0))
		return pool_get_one(pool, thread);
	mine->list = counted_stack_shorter(
		mine->list, atom_load_relaxed(slab_link(&self->slab, unit)), 1);
	return slab_at(&self->slab, unit);
}

/* Objects of another owner, however many. */
static NOINLINE void owner_list_send(struct owner_list_pool *self, struct pool_thread *thread,
	uint32_t owner, void *const *objs, uint32_t n);

/* Objects of the thread's own, however many. */
static COLD void owner_list_keep(struct owner_list_pool *self, struct owner_list_thread *mine,
	void *const *objs, uint32_t n);

/* Objects of the thread's own, for which its list has room. */
ALWAYS_INLINE void owner_list_add(
	struct owner_list_pool *self, struct owner_list_thread *mine, void *const *objs, uint32_t n)
{
	uint32_t first = slab_unit(&self->slab, objs[0]);
	uint32_t last = slab_chain(&self->slab, first, objs, n);

	atom_store_relaxed(slab_link(&self->slab, last), tagged_unit(mine->list));
	mine->list = counted_stack_longer(mine->list, first, n);
}

/* Another's object, or one for which the own list has no room. */
static NOINLINE void owner_list_put_one(
	struct owner_list_pool *self, struct owner_list_thread *mine, void *object);

/* One's own: eight loads, four of them of the pool's constants, and two stores; nothing shared. */
static inline void owner_list_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;
	struct owner_list_thread *mine = (struct owner_list_thread *)thread;

	if (likely(*homes_of(&self->owners, object) == mine->place &&
		    counted_stack_length(mine->list) < self->limit))
		owner_list_add(self, mine, &object, 1);
	else
		owner_list_put_one(self, mine, object);
}

/* n loads of links and n stores. */
static inline uint32_t owner_list_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;
	struct owner_list_thread *mine = (struct owner_list_thread *)thread;
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
	} while (unlikely(got < n) && owner_list_refill(self, mine));
	return got;
}

/* A burst of several owners, or of another one, or more than there is room for: by runs of one owner. */
static NOINLINE void owner_list_put_runs(
	struct owner_list_pool *self, struct owner_list_thread *mine, void *const *objs, uint32_t n)
{
	for (uint32_t at = 0, run; at < n; at += run) {
		uint32_t owner = *homes_of(&self->owners, objs[at]);

		run = homes_run(&self->owners, objs + at, n - at);
		if (owner != mine->place)
			owner_list_send(self, &mine->base, owner, objs + at, run);
		else
			owner_list_keep(self, mine, objs + at, run);
	}
}

static NOINLINE void owner_list_put_one(
	struct owner_list_pool *self, struct owner_list_thread *mine, void *object)
{
	owner_list_put_runs(self, mine, &object, 1);
}

/* All one's own, which is found out without a branch: n loads of owners and n stores of links. */
static inline void owner_list_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;
	struct owner_list_thread *mine = (struct owner_list_thread *)thread;

	if (unlikely(homes_differ(&self->owners, mine->place, objs, n) ||
		     counted_stack_length(mine->list) + n > self->limit))
		owner_list_put_runs(self, mine, objs, n);
	else
		owner_list_add(self, mine, objs, n);
}

/* A list that was some thread's own, or on its way to one, becomes a chain that nobody owns. */
static COLD void owner_list_retire(struct pool *pool, struct pool_thread *thread, uint64_t list)
{
	if (tagged_unit(list) != 0)
		chain_stack_push(&((struct owner_list_pool *)pool)->chains, tagged_unit(list),
			counted_stack_length(list), &thread->paths.wait);
}

static NOINLINE void owner_list_send(struct owner_list_pool *self, struct pool_thread *thread,
	uint32_t owner, void *const *objs, uint32_t n)
{
	for (uint32_t sent = 0, some; sent < n; sent += some) {
		some = n - sent < self->back_limit ? n - sent : self->back_limit;
		uint32_t first = slab_unit(&self->slab, objs[sent]);
		uint32_t last = slab_chain(&self->slab, first, objs + sent, some);

		counted_stack_push(&self->back[owner], &self->slab, first, last, some,
			self->back_limit, owner_list_retire, &self->base,
			thread); /* R0, meets A0 */
	}
}

static COLD void owner_list_keep(
	struct owner_list_pool *self, struct owner_list_thread *mine, void *const *objs, uint32_t n)
{
	for (uint32_t kept = 0, some; kept < n; kept += some) {
		uint32_t length = counted_stack_length(mine->list);
		uint32_t room = length < self->limit ? self->limit - length : 0;

		some = n - kept < room ? n - kept : room;
		if (some != 0) {
			owner_list_add(self, mine, objs + kept, some);
			continue;
		}
		mine->base.paths.flush += mine->reserve != 0;
		owner_list_retire(&self->base, &mine->base, mine->reserve);
		mine->reserve = mine->list;
		mine->list = 0;
	}
}

/* A list that was nobody's, or another owner's, becomes the thread's own. */
static COLD bool owner_list_adopt(struct owner_list_pool *self, struct owner_list_thread *mine,
	uint32_t first, uint32_t length)
{
	uint32_t at = first;

	for (uint32_t i = 0; i < length; i++) {
		*homes_of(&self->owners, slab_at(&self->slab, at)) = (uint16_t)mine->place;
		at = atom_load_relaxed(slab_link(&self->slab, at));
	}
	mine->list = counted_stack_next(0, first, length);
	return length != 0;
}

static COLD bool owner_list_carve(struct owner_list_pool *self, struct owner_list_thread *mine)
{
	void *objs[OWNER_LIST_LIMIT_MAX];
	uint32_t n = pool_carve(&self->slab, &mine->base, objs, self->limit);

	for (uint32_t i = 0; i < n; i++)
		*homes_of(&self->owners, objs[i]) = (uint16_t)mine->place;
	if (n != 0)
		owner_list_add(self, mine, objs, n);
	return n != 0;
}

/* What others have put back to another owner, the next one that has any. */
static COLD bool owner_list_steal(struct owner_list_pool *self, struct owner_list_thread *mine)
{
	const uint32_t used = atom_load_relaxed(&self->used);

	for (uint32_t i = 1; i <= used; i++) {
		uint64_t list =
			counted_stack_take_all(&self->back[(mine->place + i) % used]); /* A0 */

		if (list != 0) {
			mine->base.paths.steal++;
			return owner_list_adopt(
				self, mine, tagged_unit(list), counted_stack_length(list));
		}
	}
	return false;
}

/* The own list is empty: afterwards it has an object, or there is none to be had (false). */
static COLD bool owner_list_refill(struct owner_list_pool *self, struct owner_list_thread *mine)
{
	uint32_t first, length;

	mine->list = mine->reserve;
	mine->reserve = 0;
	if (mine->list != 0)
		return true;
	mine->list = counted_stack_take_all(&self->back[mine->place]); /* A0 */
	if (mine->list != 0) {
		mine->base.paths.refill++;
		return true;
	}
	first = chain_stack_pop(&self->chains, &length, &mine->base.paths.wait); /* A1 */
	if (first != 0) {
		mine->base.paths.refill++;
		return owner_list_adopt(self, mine, first, length);
	}
	if (owner_list_carve(self, mine) || owner_list_steal(self, mine))
		return true;
	mine->base.paths.empty++;
	return false;
}

static COLD void owner_list_flush(struct pool *pool, struct pool_thread *thread)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;
	struct owner_list_thread *mine = (struct owner_list_thread *)thread;

	owner_list_retire(pool, thread, mine->list);
	owner_list_retire(pool, thread, mine->reserve);
	owner_list_retire(pool, thread, counted_stack_take_all(&self->back[mine->place]));
	mine->list = 0;
	mine->reserve = 0;
}

static COLD int owner_list_init(struct pool *pool)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;
	const uint32_t limit = pool->config.magazine_objects;

	self->limit = limit < OWNER_LIST_LIMIT_MAX ? limit : OWNER_LIST_LIMIT_MAX;
	self->back_limit = 2 * self->limit;
	int rc = chain_stack_init(&self->chains, pool->slab);
	if (rc != 0)
		return rc;
	rc = homes_init(&self->owners, pool->slab);
	if (rc != 0) {
		chain_stack_fini(&self->chains, pool->slab);
		return rc;
	}
	thread_list_init(&self->threads);
	return 0;
}

static COLD void owner_list_fini(struct pool *pool)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;

	thread_list_fini(&self->threads);
	homes_fini(&self->owners, pool->slab);
	chain_stack_fini(&self->chains, pool->slab);
}

/* The first place that no thread has; where all are taken, the last, which is then shared. */
static COLD int owner_list_enter(struct pool *pool, struct pool_thread *thread)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;
	struct owner_list_thread *mine = (struct owner_list_thread *)thread;
	uint32_t used = atom_load_relaxed(&self->used);

	while (mine->place < OWNER_LIST_OWNERS - 1 &&
		(atom_load_relaxed(&self->taken[mine->place]) != 0 ||
			atom_xchg_relaxed(&self->taken[mine->place], 1) != 0))
		mine->place++;
	while (used <= mine->place && !atom_cas_weak_relaxed(&self->used, &used, mine->place + 1))
		continue;
	thread_list_add(&self->threads, &mine->link);
	return 0;
}

static COLD void owner_list_leave(struct pool *pool, struct pool_thread *thread)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;
	struct owner_list_thread *mine = (struct owner_list_thread *)thread;

	owner_list_flush(pool, thread);
	thread_list_remove(&self->threads, &mine->link);
	atom_store_relaxed(&self->taken[mine->place], 0);
}

static COLD void owner_list_walk_thread(struct thread_link *link, void *arg)
{
	struct owner_list_thread *mine = container_of(link, struct owner_list_thread, link);
	struct owner_list_pool *self = (struct owner_list_pool *)mine->base.pool;
	struct census *census = arg;

	if (!census->failed &&
		chain_census(&self->slab, tagged_unit(mine->list), counted_stack_length(mine->list),
			self->back_limit, "I2: a thread's list", census)) /* I2, I4 */
		chain_census(&self->slab, tagged_unit(mine->reserve),
			counted_stack_length(mine->reserve), self->back_limit,
			"I2: a thread's reserve", census);
}

static COLD void owner_list_walk(struct pool *pool, struct census *census)
{
	struct owner_list_pool *self = (struct owner_list_pool *)pool;

	thread_list_each(&self->threads, owner_list_walk_thread, census);
	for (uint32_t i = 0; i < OWNER_LIST_OWNERS && !census->failed; i++) {
		uint64_t head = atom_load_relaxed(&self->back[i].head);

		chain_census(&self->slab, tagged_unit(head), counted_stack_length(head),
			self->back_limit, "I1: what was put back to an owner", census); /* I1, I4 */
	}
	if (!census->failed)
		chain_stack_census(&self->chains, &self->slab, self->back_limit,
			"I3: a chain that nobody owns", census); /* I3, I4 */
}

static const struct pool_parts owner_list_parts = {
	POOL_WITH_SLAB(struct owner_list_pool, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct owner_list_thread),
	.init = owner_list_init,
	.fini = owner_list_fini,
	.enter = owner_list_enter,
	.leave = owner_list_leave,
	.walk = owner_list_walk,
};

static COLD uint64_t owner_list_withheld(const struct pool *pool)
{
	const struct owner_list_pool *self = (const struct owner_list_pool *)pool;

	return (uint64_t)self->back_limit + self->limit; /* a reserve that was taken, and a list */
}

static const struct pool_ops pool_owner_list_ops = {
	.name = "owner_list",
	.summary =
		"a list a thread; what others free is pushed back to the owner (page_pool's shape)",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_THREAD,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_always,
	POOL_CACHE_HOOKS(owner_list),
	.withheld = owner_list_withheld,
	.lost = owner_list_withheld, /* all that is its own */
};

#endif
