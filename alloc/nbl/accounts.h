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

/*
 * Tells the tag's account what it does not know yet of this thread's objects. Not COLD: gcc 12
 * takes all that runs on to the end of a function for as cold as a cold call before it, and would
 * move the callers' loops out of the hot text and optimise them for size.
 */
SELDOM void nbl_account_publish(struct nbl_thread *self);

/*
 * Counts one object out (delta 1) or back (-1): a load, a store and a compare in the thread's own
 * line. When an object comes back there is a second compare, for only then can the count have been
 * at its highest. Relaxed: only this thread writes, and readers want no other memory on its
 * account.
 */
ALWAYS_INLINE void nbl_account(struct nbl_thread *self, int64_t delta)
{
	uint64_t untold = atom_load_relaxed(&self->untold);

	if (delta < 0 && (int64_t)untold > (int64_t)atom_load_relaxed(&self->high))
		atom_store_relaxed(&self->high, untold);
	untold += (uint64_t)delta;
	atom_store_relaxed(&self->untold, untold);
	if (unlikely(untold + self->untold_max > 2 * self->untold_max))
		nbl_account_publish(self);
}

/* Objects that a thread has allocated less those it has freed. Any thread; the registry's lock. */
int64_t nbl_thread_live(struct nbl_thread *thread);

#endif
