/*
 * The *age* of an object that a get brings back: how long ago it was put.
 *
 * A put that is chosen leaves a mark: the object's address and the time. Marks stand in a table
 * beside the pool. So nothing that lies in an object can be taken for one, objects need no room, and
 * nobody's memory is touched. An object has one place in the table, by its address. If another's
 * mark is there, the put leaves none. That chooses among addresses and not among ages: a mark that
 * stays long holds up one place of AGE_MARKS.
 *
 * Every get looks at the place of each object that it got, and takes the mark if it is this object's.
 * So all gets must look as long as there are marks, and marks are forgotten before gets that do not.
 *
 * An age runs from before the put to after the get and has both calls in it. It can't begin at the
 * put's end: by then the object may be another thread's already.
 *
 *	          leave               take
 *	leave     CAS on object       the pool, between the put and the get
 *	take      R0 meets A0         one thread has the object
 *
 * The pool orders a put before the get that brings the object back. So that get sees the mark, and
 * no older one: its loads are relaxed.
 *
 * R0 in take, meets A0 in leave: the next owner of the place writes `began` after it was read.
 */
#ifndef BENCH_WORKLOAD_AGE_H
#define BENCH_WORKLOAD_AGE_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"

#include <stddef.h>

/* A KiB: what every get looks at stays in a first-level cache. */
enum { AGE_MARKS_LOG2 = 6, AGE_MARKS = 1 << AGE_MARKS_LOG2 };

struct age_mark {
	atom_ptr object; /* NULL: a free place */
	atom_u64 began;  /* ticks; the object's */
};

struct age_marks {
	CACHE_PAIR_ALIGNED struct age_mark mark[AGE_MARKS];
};

/* While no thread is in a call: forgets all marks. */
static inline void age_forget(struct age_marks *self)
{
	for (size_t i = 0; i < AGE_MARKS; i++)
		atom_init(&self->mark[i].object, NULL);
}

/* The place of an object: neighbours in memory have different ones (Fibonacci hashing). */
ALWAYS_INLINE struct age_mark *age_place(struct age_marks *self, const void *object)
{
	return &self->mark[(uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15) >>
			   (64 - AGE_MARKS_LOG2)];
}

/* Before an object is put, by the thread that has it. now: in ticks. */
ALWAYS_INLINE void age_leave(struct age_marks *self, void *object, uint64_t now)
{
	struct age_mark *mark = age_place(self, object);
	void *none = NULL;

	if (atom_load_relaxed(&mark->object) != NULL) /* a hint: the CAS decides */
		return;
	if (atom_cas_weak_acquire(&mark->object, &none, object)) /* A0, meets R0 */
		atom_store_relaxed(&mark->began, now);
}

/* After an object was got, by the thread that has it. True and *began: its put had left a mark. */
ALWAYS_INLINE bool age_take(struct age_marks *self, const void *object, uint64_t *began)
{
	struct age_mark *mark = age_place(self, object);

	if (likely(atom_load_relaxed(&mark->object) != object))
		return false;
	*began = atom_load_relaxed(&mark->began);
	atom_store_release(&mark->object, NULL); /* R0, meets A0 */
	return true;
}

#endif
