/*
 * The accounts' half that is a pool's: how many of its objects each thread has out. The shared
 * counts are in alloc/context/accounts.h, which says how the two make one figure.
 */
#ifndef ALLOC_NBL_ACCOUNTS_H
#define ALLOC_NBL_ACCOUNTS_H

#include "alloc/nbl/threads.h"

enum {
	/*
	 * A thread tells a tag's account when it is off by so many objects: one shared instruction
	 * in 256 allocations adds less than 1 % to the cheapest of them. In pools that check
	 * everything it tells at once, and peaks are exact.
	 */
	NBL_ACCOUNT_BATCH = 256,
};

/* What `untold` is when nothing is untold. */
ALWAYS_INLINE int64_t nbl_untold_zero(const struct nbl_thread *self)
{
	return (int64_t)self->untold_limit / 2;
}

/* Nothing is untold. */
ALWAYS_INLINE void nbl_account_begin(struct nbl_thread *self)
{
	atom_store_relaxed(&self->untold, (uint64_t)nbl_untold_zero(self));
	atom_store_relaxed(&self->high, (uint64_t)nbl_untold_zero(self));
}

/* Tells the tag's account what it does not know yet of this thread's objects. */
COLD void nbl_account_publish(struct nbl_thread *self);

/*
 * nbl_account_out where the count is as high as it may be, and nbl_account_back where it is at its
 * highest, or as far below 0 as it may be. Not COLD: gcc 12 takes all that runs on to the end of a
 * function for as cold as a cold call before it, and would move the callers' loops out of the hot text
 * and optimise them for size.
 */
SELDOM void nbl_account_out_seldom(struct nbl_thread *self);
SELDOM void nbl_account_back_seldom(struct nbl_thread *self);

/*
 * Counts one object out: a load, a compare and a store in the thread's own line. False: nothing is
 * counted, since it is time to tell. Relaxed: only this thread writes, and readers want no other
 * memory on its account.
 */
ALWAYS_INLINE bool nbl_account_try_out(struct nbl_thread *self)
{
	const uint64_t untold = atom_load_relaxed(&self->untold);

	if (unlikely(untold >= self->untold_limit))
		return false;
	atom_store_relaxed(&self->untold, untold + 1);
	return true;
}

/*
 * Counts one object back: the same. Only before a free can the count have been at its highest, and one
 * compare finds that and the lower end, since 0 less 1 is above everything.
 */
ALWAYS_INLINE bool nbl_account_try_back(struct nbl_thread *self)
{
	const uint64_t untold = atom_load_relaxed(&self->untold) - 1;

	if (unlikely(untold >= atom_load_relaxed(&self->high)))
		return false;
	atom_store_relaxed(&self->untold, untold);
	return true;
}

/* Takes back what nbl_account_try_out has just counted. */
ALWAYS_INLINE void nbl_account_undo_out(struct nbl_thread *self)
{
	atom_store_relaxed(&self->untold, atom_load_relaxed(&self->untold) - 1);
}

/* Counts one object out, and tells where it is time. */
ALWAYS_INLINE void nbl_account_out(struct nbl_thread *self)
{
	if (unlikely(!nbl_account_try_out(self)))
		nbl_account_out_seldom(self);
}

/* Counts one object back, and tells where it is time. */
ALWAYS_INLINE void nbl_account_back(struct nbl_thread *self)
{
	if (unlikely(!nbl_account_try_back(self)))
		nbl_account_back_seldom(self);
}

/* Objects that a thread has allocated less those it has freed. Any thread; the registry's lock. */
int64_t nbl_thread_live(struct nbl_thread *thread);

#endif
