/*
 * A tagged stack: a lock-free stack of objects of one slab, in R. K. Treiber's form (IBM RJ 5118,
 * 1986) with a tag against ABA. It is the whole of `treiber_tag`, and the last resort behind the
 * caches of others.
 *
 * push links its object to the top and makes it the top; pop makes the object below the top the top.
 * Each does so by a CAS of the head, and begins again if the head has changed meanwhile.
 *
 * Guarantee: lock-free. A CAS fails only because another one succeeded.
 *
 *	          push           pop, move
 *	push      CAS on head    CAS on head
 *	pop                      CAS on head
 *
 * R0 in push, meets A0 in pop: whoever takes the object sees its link, and what the last owner
 *    wrote into it.
 * A0 in pop: the load or the failed CAS from which the loop goes on. The successful CAS needs no
 *    more than acquire: as a read-modify-write it continues the release sequence of the push whose
 *    object stays below, so a later pop that reads this CAS still synchronises with that push.
 * Links are read relaxed: by then the object may belong to somebody else and the value may be
 * stale, and the tag makes the CAS fail.
 *
 * ABA: the tag moves on every pop, see tagged.h. Objects are type-stable (slab.h), so a stale link
 * is readable.
 *
 * lost counts the turns that other threads took; NULL: nobody counts.
 *
 * I1  The walk from head over the links ends in 0 and names each object on the stack once.
 */
#ifndef ALLOC_MECHANISM_TAGGED_STACK_H
#define ALLOC_MECHANISM_TAGGED_STACK_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/slab.h"
#include "alloc/mechanism/tagged.h"

struct tagged_stack {
	CACHE_PAIR_ALIGNED atom_u64 head; /* tagged unit of the top object */
};

/* The head as a pop begins with it. */
ALWAYS_INLINE tagged tagged_stack_head(struct tagged_stack *self)
{
	return atom_load_acquire(&self->head); /* A0, meets R0 */
}

/*
 * One turn of a pop. *head: the head as it was loaded, and after a turn that another thread took, which is
 * false, as it was met then. Else *object: the top one, or NULL: the stack was empty.
 */
ALWAYS_INLINE bool tagged_stack_try_pop(struct tagged_stack *self, const struct slab *slab,
	tagged *head, void **object, uint64_t *lost)
{
	uint32_t top = tagged_unit(*head);

	*object = NULL;
	if (unlikely(top == 0))
		return true;
	uint32_t below = atom_load_relaxed(slab_link(slab, top));
	if (likely(atom_cas_weak_acquire(&self->head, head, tagged_next(*head, below)))) { /* A0 */
		*object = slab_at(slab, top);
		return true;
	}
	tagged_lost(lost);
	return false;
}

/*
 * One locked instruction, four loads: the head, its link, and where links and objects lie. NULL: the
 * stack was empty.
 */
ALWAYS_INLINE void *tagged_stack_pop(
	struct tagged_stack *self, const struct slab *slab, uint64_t *lost)
{
	tagged head = tagged_stack_head(self);
	void *object;

	while (!tagged_stack_try_pop(self, slab, &head, &object, lost))
		continue;
	return object;
}

/*
 * Up to n >= 1 objects with one locked instruction and a load an object: a walk over the links, then
 * one CAS to where it ended. Returns how many, fewer than n only if the stack ended; 0: it was empty.
 * objs beyond them may hold garbage.
 *
 * Others may pop during the walk, and whoever pops may link its objects anew. But a link always holds
 * a unit of the slab or 0, so the walk stays on readable ground and ends after n steps; and a pop
 * has moved the tag, so the CAS fails. If the CAS succeeds, no object that was walked over has left
 * the stack, and an object on the stack keeps its link.
 */
ALWAYS_INLINE uint32_t tagged_stack_pop_each(
	struct tagged_stack *self, const struct slab *slab, void **objs, uint32_t n, uint64_t *lost)
{
	tagged head = atom_load_acquire(&self->head); /* A0, meets R0 */

	for (;;) {
		uint32_t at = tagged_unit(head);
		uint32_t got = 0;

		while (got < n && at != 0) {
			objs[got++] = slab_at(slab, at);
			at = atom_load_relaxed(slab_link(slab, at));
		}
		if (unlikely(got == 0))
			return 0;
		if (likely(atom_cas_weak_acquire(
			    &self->head, &head, tagged_next(head, at)))) /* A0 */
			return got;
		tagged_lost(lost);
	}
}

/* One turn of a push; *head as in tagged_stack_try_pop, but only stored and compared, never followed. */
ALWAYS_INLINE bool tagged_stack_try_push(struct tagged_stack *self, const struct slab *slab,
	uint32_t first, uint32_t last, tagged *head, uint64_t *lost)
{
	atom_store_relaxed(slab_link(slab, last), tagged_unit(*head));
	if (likely(atom_cas_weak_release(
		    &self->head, head, tagged_with_unit(*head, first)))) /* R0, meets A0 */
		return true;
	tagged_lost(lost);
	return false;
}

/*
 * Puts the chain of units first..last, linked already, on top. One locked instruction, two loads,
 * one store.
 */
ALWAYS_INLINE void tagged_stack_push_chain(struct tagged_stack *self, const struct slab *slab,
	uint32_t first, uint32_t last, uint64_t *lost)
{
	tagged head = atom_load_relaxed(&self->head);

	while (!tagged_stack_try_push(self, slab, first, last, &head, lost))
		continue;
}

ALWAYS_INLINE void tagged_stack_push(
	struct tagged_stack *self, const struct slab *slab, void *object, uint64_t *lost)
{
	uint32_t unit = slab_unit(slab, object);

	tagged_stack_push_chain(self, slab, unit, unit, lost);
}

/* n >= 1 objects with one locked instruction: they are linked privately and spliced in. */
ALWAYS_INLINE void tagged_stack_push_each(struct tagged_stack *self, const struct slab *slab,
	void *const *objs, uint32_t n, uint64_t *lost)
{
	uint32_t first = slab_unit(slab, objs[0]);

	tagged_stack_push_chain(self, slab, first, slab_chain(slab, first, objs, n), lost);
}

/*
 * Moves all that is on a stack to another one, which is empty and to which nobody else moves anything.
 * False: there was nothing. Two locked instructions, however much it is.
 */
ALWAYS_INLINE bool tagged_stack_move(
	struct tagged_stack *self, struct tagged_stack *from, uint64_t *lost)
{
	tagged head = atom_load_acquire(&from->head); /* A0, meets R0 */
	tagged empty = atom_load_relaxed(&self->head);

	for (;;) {
		if (tagged_unit(head) == 0)
			return false;
		if (likely(atom_cas_weak_acquire(
			    &from->head, &head, tagged_next(head, 0)))) /* A0 */
			break;
		tagged_lost(lost);
	}
	while (!atom_cas_weak_release(
		&self->head, &empty, tagged_with_unit(empty, tagged_unit(head)))) /* R0 */
		tagged_lost(lost);
	return true;
}

/* Marks every object of a quiet stack (I1). */
bool tagged_stack_census(struct tagged_stack *self, const struct slab *slab, struct census *census);

#endif
