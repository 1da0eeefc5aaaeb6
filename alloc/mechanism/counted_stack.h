/*
 * A lock-free stack of few objects whose head says how many there are: 32 bits of tag, 8 of length, 24 of
 * unit. For `idx_local`, which never lets it grow long. As tagged_stack.h otherwise.
 *
 * R0 the CAS that puts objects on the stack, meets A0: whoever takes them sees their links and what
 *    their last owners wrote.
 * A0 the load of the head, or the failed CAS, from which a pop goes on, or the removal of the whole
 *    list. The CAS that pops needs no release: it continues the release sequence of the put below it
 *    (tagged_stack.h).
 *
 * ABA: the tag moves on every pop, and whenever the list is replaced by another. Its 32 bits come round
 * after 143 seconds at 30 million pops a second on one stack; so a thread would have to stop between its
 * load and its CAS for a multiple of exactly that many pops. A pop of several objects follows links
 * that others may be changing: they always hold some unit or 0, and if any of them was stale, a pop has
 * moved the tag and the CAS fails. Objects are type-stable.
 *
 * I1  The head counts the objects on the list, and the walk over the links ends in 0.
 */
#ifndef ALLOC_MECHANISM_COUNTED_STACK_H
#define ALLOC_MECHANISM_COUNTED_STACK_H

#include "alloc/mechanism/slab.h"
#include "alloc/mechanism/tagged.h"
#include "alloc/pool.h"

enum {
	COUNTED_STACK_MAX = UINT8_MAX, /* objects */
	COUNTED_STACK_LENGTH_SHIFT = TAGGED_UNIT_BITS,
	COUNTED_STACK_TAG_SHIFT = 32,
};

struct counted_stack {
	CACHE_PAIR_ALIGNED atom_u64 head;
};

ALWAYS_INLINE uint32_t counted_stack_length(uint64_t head)
{
	return (uint8_t)(head >> COUNTED_STACK_LENGTH_SHIFT);
}

/* The same tag over a list with n more objects: what a put installs. The new length fits its bits. */
ALWAYS_INLINE uint64_t counted_stack_longer(uint64_t head, uint32_t first, uint32_t n)
{
	return tagged_with_unit(head + ((uint64_t)n << COUNTED_STACK_LENGTH_SHIFT), first);
}

/* The next tag over a list with n objects less, n at most its length: what a pop installs. */
ALWAYS_INLINE uint64_t counted_stack_shorter(uint64_t head, uint32_t below, uint32_t n)
{
	const uint64_t tag = (uint64_t)1 << COUNTED_STACK_TAG_SHIFT;

	return tagged_with_unit(head + tag - ((uint64_t)n << COUNTED_STACK_LENGTH_SHIFT), below);
}

/* The next tag over another list: what replaces the whole list. */
ALWAYS_INLINE uint64_t counted_stack_next(uint64_t head, uint32_t unit, uint32_t length)
{
	return ((head >> COUNTED_STACK_TAG_SHIFT) + 1) << COUNTED_STACK_TAG_SHIFT |
	       (uint64_t)length << COUNTED_STACK_LENGTH_SHIFT | unit;
}

/* One object, or NULL. lost: as in tagged_stack.h. Four loads and one locked compare-and-swap. */
ALWAYS_INLINE void *counted_stack_pop_one(
	struct counted_stack *self, const struct slab *slab, uint64_t *lost)
{
	uint64_t head = atom_load_acquire(&self->head); /* A0, meets R0 */

	for (;;) {
		uint32_t at = tagged_unit(head);

		if (unlikely(at == 0))
			return NULL;
		uint32_t below = atom_load_relaxed(slab_link(slab, at));
		if (likely(atom_cas_weak_acquire(
			    &self->head, &head, counted_stack_shorter(head, below, 1)))) { /* A0 */
			INVARIANT(1, (below == 0) == (counted_stack_length(head) == 1));
			return slab_at(slab, at);
		}
		tagged_lost(lost);
	}
}

/* Up to want objects. want loads of links and one locked compare-and-swap. */
ALWAYS_INLINE uint32_t counted_stack_pop(struct counted_stack *self, const struct slab *slab,
	void **objs, uint32_t want, uint64_t *lost)
{
	uint64_t head = atom_load_acquire(&self->head); /* A0, meets R0 */

	for (;;) {
		uint32_t length = counted_stack_length(head);
		uint32_t take = want < length ? want : length;
		uint32_t at = tagged_unit(head);
		uint32_t got = 0;

		if (unlikely(take == 0))
			return 0;
		for (; got < take && at != 0; got++) { /* a stale link can end the walk early */
			objs[got] = slab_at(slab, at);
			at = atom_load_relaxed(slab_link(slab, at));
		}
		if (likely(atom_cas_weak_acquire(
			    &self->head, &head, counted_stack_shorter(head, at, take)))) { /* A0 */
			INVARIANT(1, got == take && (at == 0) == (length == take));
			return take;
		}
		tagged_lost(lost);
	}
}

/*
 * Puts n objects, linked already from first to last, on top; or in the place of the whole list, if
 * that would have more than `limit` then: retire is called with the head of the list that was. n <=
 * limit <= COUNTED_STACK_MAX. retire is a constant: it folds. Two loads, one store and one locked
 * compare-and-swap.
 */
ALWAYS_INLINE void counted_stack_push(struct counted_stack *self, const struct slab *slab,
	uint32_t first, uint32_t last, uint32_t n, uint32_t limit,
	void (*retire)(struct pool *, struct pool_thread *, uint64_t head), struct pool *pool,
	struct pool_thread *thread)
{
	uint64_t head = atom_load_acquire(&self->head); /* A0, for the list that may be retired */

	for (;;) {
		if (likely(counted_stack_length(head) + n <= limit)) {
			atom_store_relaxed(slab_link(slab, last), tagged_unit(head));
			if (likely(atom_cas_weak_acq_rel(&self->head, &head,
				    counted_stack_longer(head, first, n)))) /* R0 */
				return;
		} else {
			atom_store_relaxed(slab_link(slab, last), 0);
			if (atom_cas_weak_acq_rel(&self->head, &head,
				    counted_stack_next(head, first, n))) { /* R0, A0 */
				thread->paths.flush++;
				retire(pool, thread, head);
				return;
			}
		}
		thread->paths.wait++;
	}
}

/* The list of n objects that begins with unit first becomes an empty stack's. False: it did not. */
ALWAYS_INLINE bool counted_stack_install(struct counted_stack *self, uint32_t first, uint32_t n)
{
	uint64_t head = atom_load_relaxed(&self->head);

	return tagged_unit(head) == 0 && atom_cas_weak_release(&self->head, &head,
						 counted_stack_next(head, first, n)); /* R0 */
}

/* Takes the whole list. Returns its head; 0: the stack was empty. */
ALWAYS_INLINE uint64_t counted_stack_take_all(struct counted_stack *self)
{
	uint64_t head = atom_load_acquire(&self->head); /* A0 */

	while (tagged_unit(head) != 0) {
		if (atom_cas_weak_acquire(
			    &self->head, &head, counted_stack_next(head, 0, 0))) /* A0 */
			return head;
	}
	return 0;
}

#endif
