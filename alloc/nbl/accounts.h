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

/*
 * Tells the tag's account what it does not know yet of this thread's objects. Not COLD: gcc 12
 * takes all that runs on to the end of a function for as cold as a cold call before it, and would
 * move the callers' loops out of the hot text and optimise them for size.
 */
SELDOM void nbl_account_publish(struct nbl_thread *self);

/* nbl_account_back where the count is at its highest, or as far below 0 as it may be. */
SELDOM void nbl_account_back_seldom(struct nbl_thread *self);

/* True if one object out, or one back, is no more than to be counted. */
ALWAYS_INLINE bool nbl_account_is_plain_out(struct nbl_thread *self)
{
	return atom_load_relaxed(&self->untold) < self->untold_limit;
}

ALWAYS_INLINE bool nbl_account_is_plain_back(struct nbl_thread *self)
{
	/* 0 less 1 is above everything. */
	return atom_load_relaxed(&self->untold) - 1 < atom_load_relaxed(&self->high);
}

/* Counts where that is so: out is 1, back -1. */
ALWAYS_INLINE void nbl_account_plain(struct nbl_thread *self, int64_t delta)
{
	atom_store_relaxed(&self->untold, atom_load_relaxed(&self->untold) + (uint64_t)delta);
}

/*
 * Counts one object out: a load, a compare and a store in the thread's own line. Relaxed: only this
 * thread writes, and readers want no other memory on its account.
 */
ALWAYS_INLINE void nbl_account_out(struct nbl_thread *self)
{
	const bool plain = nbl_account_is_plain_out(self);

	nbl_account_plain(self, 1);
	if (unlikely(!plain))
		nbl_account_publish(self);
}

/*
 * Counts one object back: the same. Only before a free can the count have been at its highest, and one
 * compare finds that and the lower end.
 */
ALWAYS_INLINE void nbl_account_back(struct nbl_thread *self)
{
	if (likely(nbl_account_is_plain_back(self)))
		nbl_account_plain(self, -1);
	else
		nbl_account_back_seldom(self);
}

/* Objects that a thread has allocated less those it has freed. Any thread; the registry's lock. */
int64_t nbl_thread_live(struct nbl_thread *thread);

#endif
