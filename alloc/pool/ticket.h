/*
 * ticket: the linked list of `plain` under a ticket lock. First come, first served, with one locked
 * instruction a hold: half the price of a mutex while nobody else is there, and the worst of all
 * when threads outnumber CPUs, because the queue stands still while the thread whose turn it is
 * waits for a CPU.
 *
 * Source: the ticket lock of J. M. Mellor-Crummey and M. L. Scott, "Algorithms for Scalable
 * Synchronization on Shared-Memory Multiprocessors", ACM TOCS 9(1), 1991. Departure: a waiter that
 * has spun for long yields its CPU, or oversubscribed runs would take seconds a hold.
 *
 * Progress: get and put are blocking. A child of fork must not use the pool if another thread may
 * have held the lock.
 * Signal handlers must not use it: they would wait for the lock that they interrupted.
 * After put: memory stays mapped, the first word is overwritten.
 * Exact, for any number of threads: one hold of the lock sees the whole list and the slab, and a put
 * that has ended has put its object on the list. Two threads could hold one ticket only among
 * 2^32 that wait, and Linux has at most 2^22.
 *
 *	          get    put    count    check
 *	get       lock   lock   lock     the caller: the pool is quiet
 *	put              lock   lock     the caller: the pool is quiet
 *
 * R0 in unlock, meets A0 in lock: the next holder sees the list as its predecessor left it. Taking
 * a ticket is relaxed: it decides who is next and publishes nothing. Tickets wrap at 2^32, which is
 * harmless: only equality counts.
 *
 * I1  The list from head ends in NULL and names each free carved object once.
 * I2  A quiet pool's lock is free: next == owner.
 */
#ifndef ALLOC_POOL_TICKET_H
#define ALLOC_POOL_TICKET_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>

/*
 * Looks at the lock before a waiter yields; 0: never. 2000 is some 40 us, longer than any hold that
 * was not preempted.
 */
enum { TICKET_SPINS_BEFORE_YIELD = 2000 };
static_assert(TICKET_SPINS_BEFORE_YIELD >= 0 && TICKET_SPINS_BEFORE_YIELD <= 1000000,
	"spins before a yield: 0..1,000,000");

struct ticket_object {
	struct ticket_object *next;
};

struct ticket_pool {
	struct pool base;
	/* Lock and head are taken together, so they share a line. */
	CACHE_PAIR_ALIGNED atom_u32 next; /* the next ticket to be handed out */
	atom_u32 owner;                   /* whose turn it is */
	struct ticket_object *head;       /* under the lock */
	struct slab slab;
};

static COLD void ticket_wait(struct ticket_pool *self, uint32_t mine)
{
	for (uint32_t spins = 1; atom_load_acquire(&self->owner) != mine; spins++) { /* A0 */
		if (TICKET_SPINS_BEFORE_YIELD != 0 && spins % TICKET_SPINS_BEFORE_YIELD == 0)
			sched_yield();
		else
			atom_pause();
	}
}

/* Returns the ticket, which unlock wants back. */
ALWAYS_INLINE uint32_t ticket_lock(struct ticket_pool *self)
{
	uint32_t mine = atom_add_relaxed(&self->next, 1);

	if (unlikely(atom_load_acquire(&self->owner) != mine)) /* A0, meets R0 */
		ticket_wait(self, mine);
	return mine;
}

ALWAYS_INLINE void ticket_unlock(struct ticket_pool *self, uint32_t mine)
{
	atom_store_release(&self->owner, mine + 1); /* R0, meets A0 */
}

/* Never-used objects, under the lock: else the list could refill behind a reader's back. */
static COLD uint32_t ticket_grow(
	struct ticket_pool *self, struct pool_thread *thread, void **objs, uint32_t n)
{
	uint32_t first;
	uint32_t carved = slab_carve(&self->slab, n, &first);

	for (uint32_t i = 0; i < carved; i++)
		objs[i] = slab_object(&self->slab, first + i);
	thread->paths.grow += carved != 0;
	thread->paths.empty += carved < n;
	return carved;
}

/* Up to n objects under one hold: one locked instruction, and a load and a store an object. */
static inline uint32_t ticket_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;
	uint32_t mine = ticket_lock(self);
	uint32_t got = 0;

	for (; got < n && self->head != NULL; got++) {
		objs[got] = self->head;
		self->head = self->head->next;
	}
	if (unlikely(got < n))
		got += ticket_grow(self, thread, objs + got, n - got);
	ticket_unlock(self, mine);
	return got;
}

/* The cold end of get, under the lock, which it ends. */
static COLD void *ticket_grow_one(
	struct ticket_pool *self, struct pool_thread *thread, uint32_t mine)
{
	void *object = NULL;

	ticket_grow(self, thread, &object, 1);
	ticket_unlock(self, mine);
	return object;
}

/* One locked instruction, three loads, two stores. */
static inline void *ticket_get(struct pool *pool, struct pool_thread *thread)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;
	uint32_t mine = ticket_lock(self);
	struct ticket_object *object = self->head;

	if (unlikely(object == NULL))
		return ticket_grow_one(self, thread, mine);
	self->head = object->next;
	ticket_unlock(self, mine);
	return object;
}

/* One locked instruction for all n objects, and two stores each. */
static inline void ticket_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;
	uint32_t mine = ticket_lock(self);

	(void)thread;
	for (uint32_t i = 0; i < n; i++) {
		struct ticket_object *freed = objs[i];

		freed->next = self->head;
		self->head = freed;
	}
	ticket_unlock(self, mine);
}

static inline void ticket_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	ticket_put_bulk(pool, thread, &object, 1);
}

static COLD int ticket_create(const struct pool_config *config, struct pool **out)
{
	struct ticket_pool *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	int rc = slab_init(&self->slab, config->object_bytes, config->object_align,
		config->capacity, config->pages, SLAB_WITHOUT_LINKS);
	if (rc != 0) {
		memory_free(self, sizeof(*self));
		return rc;
	}
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;
}

static COLD void ticket_destroy(struct pool *pool)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;

	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD uint64_t ticket_count(struct pool *pool)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;
	uint32_t mine = ticket_lock(self);
	uint64_t free = slab_uncarved(&self->slab);

	for (struct ticket_object *object = self->head; object != NULL; object = object->next)
		free++;
	ticket_unlock(self, mine);
	return free;
}

static COLD int ticket_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct ticket_pool *self = (struct ticket_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	uint32_t next = atom_load_relaxed(&self->next);
	uint32_t owner = atom_load_acquire(&self->owner); /* A0 */
	if (next != owner) {                              /* I2 */
		census_fail(&census, "I2: the lock of a quiet pool is held: ticket %u of %u", owner,
			next);
		return census_end(&census, outstanding);
	}
	for (struct ticket_object *object = self->head; object != NULL;
		object = object->next) { /* I1 */
		if (!census_mark(&census, object, "the list"))
			break;
	}
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_ticket_ops = {
	.name = "ticket",
	.summary = "a linked list under a ticket lock: fair, cheap alone, stalls when preempted",
	.traits = {.progress = POOL_BLOCKING, .exact = true},
	.supported = pool_supported_always,
	.create = ticket_create,
	.destroy = ticket_destroy,
	.attach = pool_attach_plain,
	.detach = pool_detach_plain,
	.get = ticket_get,
	.put = ticket_put,
	.get_bulk = ticket_get_bulk,
	.put_bulk = ticket_put_bulk,
	.flush = pool_flush_nothing,
	.count = ticket_count,
	.check = ticket_check,
};

#endif
