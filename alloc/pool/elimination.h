/*
 * elimination: treiber_tag's stack, and beside it an array in which a put and a get that both lost their turn
 * at the head meet and are done, without the head. The textbook's reply to "one cache line that all CPUs
 * fight for": the more fight, the more of them pair off elsewhere.
 *
 * Source: D. Hendler, N. Shavit, L. Yerushalmi, "A Scalable Lock-free Stack Algorithm", SPAA 2004. As there,
 * a call tries the stack first, then goes to a random place of the array (meeting.h) and waits there for an opposite
 * call before it tries the stack again: that is the back-off. Departures: a place is one word that holds the put's
 * object itself, where theirs leads by way of a thread's number to a record of its call; and a burst, which is one
 * compare-and-swap anyhow, does not eliminate.
 *
 * What it should win: against treiber_tag, single gets and puts by many CPUs at once. What it can't: on few
 * CPUs two opposite calls seldom lose their turn in the same moment, so what is left is the back-off; and one
 * that nobody disturbs costs what treiber_tag's does.
 *
 * Progress: lock-free. A call waits a bounded time, and goes to the array only because another one has changed
 * the head. Signal handlers may use it: what an interrupted call has offered or wished another may
 * answer, the handler too, and it finds the answer when it goes on.
 * Exact, for any number of threads, as treiber_tag: what is offered or given is in the hands of an unfinished
 * call.
 *
 *	          put                          get
 *	put       CAS on head, or on a place   CAS on head, or on a place
 *	get                                    CAS on head, or on a place
 *
 * The edges are those of tagged_stack.h and of meeting.h.
 *
 * I1  as in treiber_tag.h.
 * I2  That of meeting.h.
 */
#ifndef ALLOC_POOL_ELIMINATION_H
#define ALLOC_POOL_ELIMINATION_H

#include "alloc/mechanism/meeting.h"
#include "alloc/pool/treiber_tag.h"

struct elimination_pool {
	struct treiber_tag_pool shared;
	struct meeting beside;
};

struct elimination_thread {
	struct pool_thread base;
	struct meeting_guest guest;
};

/* Goes on where the first turn was lost: at the array and at the stack in turn. */
static SELDOM void *elimination_take_beside(struct pool *pool, struct pool_thread *thread)
{
	struct elimination_pool *self = (struct elimination_pool *)pool;

	for (;;) {
		void *object;
		const uint32_t met =
			meeting_take(&self->beside, &((struct elimination_thread *)thread)->guest);

		if (met != 0) {
			thread->paths.steal++;
			return slab_at(&self->shared.slab, met);
		}
		tagged head = tagged_stack_head(&self->shared.stack);
		if (tagged_stack_try_pop(&self->shared.stack, &self->shared.slab, &head, &object,
			    &thread->paths.wait))
			return object;
	}
}

/* A used object, or NULL. */
static inline void *elimination_take(struct pool *pool, struct pool_thread *thread)
{
	struct elimination_pool *self = (struct elimination_pool *)pool;
	tagged head = tagged_stack_head(&self->shared.stack);
	void *object;

	if (likely(tagged_stack_try_pop(
		    &self->shared.stack, &self->shared.slab, &head, &object, &thread->paths.wait)))
		return object;
	return elimination_take_beside(pool, thread);
}

/* As treiber_tag_get, while nobody disturbs it. */
static inline void *elimination_get(struct pool *pool, struct pool_thread *thread)
{
	return pool_or_grow(elimination_take(pool, thread), pool, thread);
}

/* Likewise. */
static SELDOM void elimination_put_beside(
	struct elimination_pool *self, struct pool_thread *thread, uint32_t unit)
{
	while (!meeting_give(&self->beside, &((struct elimination_thread *)thread)->guest, unit)) {
		tagged head = atom_load_relaxed(&self->shared.stack.head);

		if (tagged_stack_try_push(&self->shared.stack, &self->shared.slab, unit, unit,
			    &head, &thread->paths.wait))
			return;
	}
}

/* As treiber_tag_put, while nobody disturbs it. */
static inline void elimination_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct elimination_pool *self = (struct elimination_pool *)pool;
	uint32_t unit = slab_unit(&self->shared.slab, object);
	tagged head = atom_load_relaxed(&self->shared.stack.head);

	if (unlikely(!tagged_stack_try_push(&self->shared.stack, &self->shared.slab, unit, unit,
		    &head, &thread->paths.wait)))
		elimination_put_beside(self, thread, unit);
}

/* Bursts do not eliminate. */
static inline uint32_t elimination_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return treiber_tag_get_bulk(pool, thread, objs, n);
}

static inline void elimination_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	treiber_tag_put_bulk(pool, thread, objs, n);
}

static COLD int elimination_enter(struct pool *pool, struct pool_thread *thread)
{
	struct elimination_thread *mine = (struct elimination_thread *)thread;

	(void)pool;
	meeting_join(&mine->guest, mine);
	return 0;
}

static COLD void elimination_walk(struct pool *pool, struct census *census)
{
	struct elimination_pool *self = (struct elimination_pool *)pool;

	if (meeting_is_over(&self->beside, census)) /* I2 */
		treiber_tag_walk(pool, census);     /* I1 */
}

static const struct pool_parts elimination_parts = {
	.pool_bytes = sizeof(struct elimination_pool),
	.slab_offset = offsetof(struct elimination_pool, shared.slab),
	.links = SLAB_WITH_LINKS,
	.thread_bytes = sizeof(struct elimination_thread),
	.enter = elimination_enter,
	.take = elimination_take,
	.walk = elimination_walk,
};

static const struct pool_ops pool_elimination_ops = {
	.name = "elimination",
	.summary = "treiber_tag, where who loses a turn may meet an opposite call in an array: "
		   "what that saves",
	.traits = {.progress = POOL_LOCK_FREE,
		.exact = true,
		.signals = true,
		.trims = true,
		.paths = POOL_PATHS_SHARED},
	.supported = pool_supported_always,
	POOL_HOOKS(elimination),
};

#endif
