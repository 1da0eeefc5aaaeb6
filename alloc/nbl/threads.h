/*
 * What a thread has of a pool: its handles to the strategy and the policy, its counters, and in a
 * verify pool its quarantine. A thread attaches at its first call on a pool.
 */
#ifndef ALLOC_NBL_THREADS_H
#define ALLOC_NBL_THREADS_H

#include "alloc/nbl/pools.h"

enum {
	/* Freed objects that a thread keeps out of use in a verify pool. */
	NBL_QUARANTINE_OBJECTS = 64,
};

/*
 * Only its own thread writes it. That is the thread that attached, or the one that has adopted it
 * since (pool_adopt): whoever borrows the pool's spare one, and whoever detaches it.
 */
struct nbl_thread {
	struct nbl_pool *pool;
	struct pool_thread *pool_thread;
	bool spare; /* the pool's own, for frees by threads that could not attach */
	struct context_thread *context_thread; /* NULL in a pool of NBs */
	/*
	 * Objects allocated less those freed here, below 0 where it frees for others: what the
	 * tag's account has been told, and what it has not (accounts.h). The second is kept from 0
	 * on: half of untold_limit stands for nothing, and 0 and untold_limit are how far the
	 * account may be off.
	 */
	atom_u64 told;
	atom_u64 untold;
	atom_u64 high;           /* the highest `untold` before a free, since the last telling */
	uint64_t untold_limit;   /* 2 * NBL_ACCOUNT_BATCH; 0 in pools that check everything */
	struct nbl_thread *next; /* of the same pool; under the registry's lock */
	/* The thread's own entry in its table, or NULL; under the registry's lock. */
	struct nbl_thread **slot;
	void *taken; /* an object that the short way of a call leaves to the long one; or NULL */
	uint32_t quarantined; /* objects ever put into the quarantine */
	void *quarantine[NBL_QUARANTINE_OBJECTS];
} CACHE_PAIR_ALIGNED;

/*
 * Attaches the calling thread by hand: for programs that pass their own handle to the functions of
 * nbl.h. 0 and *out, or -ENOMEM. The pool's documented calls attach by themselves, see nbl_self.
 */
int nbl_attach(struct nbl_pool *pool, struct nbl_thread **out);

/* Ends what nbl_attach began, on that thread or on another one when that has made its last call. */
void nbl_detach(struct nbl_thread *self);

/*
 * What the calling thread has of each pool, by the pool's id; NULL: it is not attached. The table is
 * the thread's own while the thread is attached to any pool, else one that all share and nobody
 * writes. One pointer a thread, in the initial-exec model, is at a fixed place from the thread's
 * pointer: a shared library reads it without a call. Few bytes of that kind are left for a library
 * that is loaded later, so the table itself is elsewhere.
 */
extern _Thread_local struct nbl_thread **nbl_threads __attribute__((tls_model("initial-exec")));

/*
 * Attaches on a thread's first use of a pool; NULL: no memory, or the last destructors of the
 * thread are running. Detached when the thread or the pool ends.
 */
COLD struct nbl_thread *nbl_self_attach(struct nbl_pool *pool);

/* The calling thread's state for the pool: its table, and one load from it. */
ALWAYS_INLINE struct nbl_thread *nbl_self(struct nbl_pool *pool)
{
	struct nbl_thread *self = nbl_threads[pool->id];

	return likely(self != NULL) ? self : nbl_self_attach(pool);
}

/*
 * The same for calls that cannot fail: a thread that cannot attach, for want of memory or
 * otherwise, borrows the pool's spare state and holds a lock until nbl_self_done. A misuse handler
 * that runs meanwhile may borrow on the same thread.
 */
COLD struct nbl_thread *nbl_spare_borrow(struct nbl_pool *pool);
COLD void nbl_spare_return(struct nbl_pool *pool);

ALWAYS_INLINE struct nbl_thread *nbl_self_sure(struct nbl_pool *pool)
{
	struct nbl_thread *self = nbl_self(pool);

	return likely(self != NULL) ? self : nbl_spare_borrow(pool);
}

ALWAYS_INLINE void nbl_self_done(struct nbl_pool *pool, const struct nbl_thread *self)
{
	if (unlikely(self->spare))
		nbl_spare_return(pool);
}

#endif
