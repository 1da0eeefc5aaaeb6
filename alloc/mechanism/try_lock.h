/*
 * A lock that is tried. Whoever finds it taken goes elsewhere, or waits as spin.h says; the lock itself never
 * waits.
 *
 * A0 in try_lock_enter, meets R0 in try_lock_leave: what the lock guards as the last holder left it.
 * ABA: a lock has none.
 */
#ifndef ALLOC_MECHANISM_TRY_LOCK_H
#define ALLOC_MECHANISM_TRY_LOCK_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"

struct try_lock {
	atom_u32 busy; /* 1 while a thread is in it */
};

/* True: it is the caller's until it leaves. One locked exchange. */
ALWAYS_INLINE bool try_lock_enter(struct try_lock *self)
{
	return atom_xchg_acquire(&self->busy, 1) == 0; /* A0, meets R0 */
}

ALWAYS_INLINE void try_lock_leave(struct try_lock *self)
{
	atom_store_release(&self->busy, 0); /* R0, meets A0 */
}

/* Whether it is worth a try. Relaxed: a hint, and of a quiet pool the truth. */
ALWAYS_INLINE bool try_lock_is_free(struct try_lock *self)
{
	return atom_load_relaxed(&self->busy) == 0;
}

#endif
