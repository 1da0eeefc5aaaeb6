/*
 * NET_BUFFER_LISTs over any pool strategy and any context policy: the hot calls, inline, and the
 * pool that they work on.
 *
 * Every hot function takes the strategy's and the policy's table as parameters. A unit that passes
 * the addresses of visible constant tables gets everything folded; alloc/ndis/ passes the tables of
 * the pool and pays the indirect calls.
 *
 * An object is one NBL with all that comes with it (lines of 64 bytes, offsets in bytes):
 *
 *	line 0     0    NBL: links, Context, pool, our words, flags, counts   written each time
 *	lines 1-5  64   NBL: parent, scratch, reserved arrays, info slots     read, written if dirty
 *	lines 6-7  384  NB: reserved arrays, addresses                        read, written if dirty
 *	line 8     512  NB: links, MDLs, lengths; inline block's header       written each time
 *	line 9     576  the inline block's bytes                              the drivers'
 *	           ...  data pools: the MDL, its data on the next line        MDL: written each time
 *
 * Lines 6 and 7 and the NB exist in pools with an NB; without, the inline block's header is at 384.
 * So an allocation and its free write two lines of a reused object, three in a data pool. What most
 * packets leave alone is compared with its resting value when the NBL is freed, where the driver
 * has just had the lines, and rewritten only if it differs; the lines stay shared between the CPUs.
 *
 * Our words. NdisReserved[0] is the object's mark: its address, its pool's address and its state,
 * combined by XOR, so that one compare on a line that is written anyway finds double frees, foreign
 * pointers and copies. NdisReserved[1] belongs to the context policy. In a context block,
 * NdisReserved[0] stands for the *limit*: the Offset at which nothing is left that nbl_context_pop
 * may take. Where the block leaves the chain then it is one less, which is no multiple of the
 * alignment: one compare finds the pops after which there is nothing else to do.
 *
 * I1  An object in the strategy's pool has its mark FREE (or 0: never used), and resting values in
 * lines 1-7.
 * I2  limit <= Size in every block; Offset <= limit.
 * I3  The inline block, if there is one, is the last of the chain.
 */
#ifndef ALLOC_NBL_NBL_H
#define ALLOC_NBL_NBL_H

#include "alloc/atomic.h"
#include "alloc/context.h"
#include "alloc/ndis/nblbench.h"
#include "alloc/ndis/types.h"
#include "alloc/peer/rcu_guard.h"
#include "alloc/pool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	/* Pools that can exist at once: each has a slot in every thread's table. */
	NBL_POOLS_MAX = 4096,
	/* Freed objects that a thread keeps out of use in a verify pool. */
	NBL_QUARANTINE_OBJECTS = 64,
	/*
	 * A thread tells a tag's shared count when it is off by so many objects: one shared
	 * instruction in 256 allocations adds less than 1 % to the cheapest of them.
	 */
	NBL_ACCOUNT_BATCH = 256, /* in pools that check everything: at once, and peaks are exact */

	NBL_REST_OFFSET = CACHE_LINE_BYTES, /* where the parts begin that are compared on free */
	NBL_NB_OFFSET = sizeof(NET_BUFFER_LIST),
	NBL_NB_HOT_OFFSET = NBL_NB_OFFSET + offsetof(NET_BUFFER, Next),
	/* Of an NB or MDL in its object: the pool's word and our mark stand before it. */
	NBL_LOOSE_OFFSET = 16,

	/* Room for an MDL over 64 KiB anywhere: 17 pages. */
	NBL_MDL_BYTES = sizeof(MDL) + 17 * sizeof(PFN_NUMBER),
};

_Static_assert(offsetof(NET_BUFFER_LIST, ParentNetBufferList) == NBL_REST_OFFSET, "line 0");
_Static_assert(NBL_NB_HOT_OFFSET % CACHE_LINE_BYTES == 0, "line 8");
_Static_assert(sizeof(NET_BUFFER) - offsetof(NET_BUFFER, Next) + sizeof(NET_BUFFER_LIST_CONTEXT) <=
		       CACHE_LINE_BYTES,
	"the inline block's header shares the NB's line");
_Static_assert(sizeof(NET_BUFFER_LIST_CONTEXT) == CONTEXT_ALIGN_BYTES, "context data is aligned");

struct nbl_pool;
struct nbl_tag;

/*
 * Reports a misuse to the handler; the text is printf-style. The pool, if known, gives the tag.
 */
void nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...) __attribute__((cold, format(printf, 5, 6)));

/*
 * Pools.
 */

enum nbl_pool_kind {
	NBL_POOL_NONE,  /* the slot is not in use */
	NBL_POOL_LISTS, /* of NBLs */
	NBL_POOL_NBS,   /* of loose NBs */
	NBL_POOL_MDLS,  /* of MDLs: the library's own */
};

/*
 * Added to the kind that a pool with `checks` publishes. So the one compare that finds a handle valid
 * also finds the pool an ordinary one, and what the others want costs the ordinary ones nothing.
 */
enum { NBL_POOL_CHECKED = 1 << 8 };

struct nbl_pool_config {
	enum nbl_pool_kind kind;
	const struct pool_ops *ops;       /* the strategy; NULL: the process's default */
	const struct context_ops *policy; /* NULL: the process's default */
	uint32_t capacity;      /* objects; 0: the process's default, which is no cap (pool.h) */
	uint32_t context_bytes; /* LISTS: the inline block; a multiple of the alignment */
	uint32_t data_bytes;    /* an MDL and so much data come with each NB; 0: neither */
	uint32_t tag;
	uint8_t protocol_id;
	bool with_nb; /* LISTS: an NB comes with each NBL */
	bool verify;  /* quarantine, poison, and every check */
};

/*
 * A pool as the calls see it; the address is the documented handle. All pools live in one static
 * table, so a handle can be judged without touching memory that may be gone.
 *
 * `published` is what makes the handle valid. Relaxed everywhere: whoever has the handle has it from
 * who created the pool, and what comes between a destroy and the calls that race with it is the
 * grace period (rcu_guard.h).
 */
struct nbl_pool {
	/* While the handle is valid kind, or kind + NBL_POOL_CHECKED; else NBL_POOL_NONE. */
	atom_u32 published;
	uint32_t id; /* place in the table, and in each thread's */
	struct pool *pool;
	const struct pool_ops *ops;
	struct context *context; /* NULL in a pool of NBs */
	const struct context_ops *policy;
	uint32_t tag;
	uint32_t align_mask;    /* context sizes have none of these bits */
	uint32_t inline_offset; /* of the inline block's header in the object; 0: there is none */
	uint32_t inline_bytes;  /* of the inline block */
	uint64_t inline_sizes;  /* the second word of its header while it is unused */
	uint32_t mdl_offset;    /* of the MDL in the object, its data behind it; 0: there is none */
	uint32_t data_offset;   /* of the data in the object */
	uint32_t data_bytes;
	uint32_t mdl_bytes; /* MDL and page array */
	uint32_t object_bytes;
	enum nbl_pool_kind kind;
	struct nbl_thread *spare;
	bool with_nb;
	bool verify;
	/*
	 * Every call verifies marks, and is guarded against a destroy: verify pools, and all pools
	 * in debug builds.
	 */
	bool checks;
	uint8_t protocol_id;
	/* What follows is under the registry's lock. */
	struct nbl_thread *threads; /* attached now, the spare one among them */
	uint64_t live_gone;         /* sum of `live` of threads that have detached */
	struct nbl_tag *account;    /* of `tag` */
} CACHE_PAIR_ALIGNED;

/*
 * Per-thread state of a pool: what the strategy and the policy have, and counters that only this
 * thread writes. It is the thread's that attached or has last adopted it (pool_adopt): the spare one
 * is adopted by whoever borrows it, and every one by whoever detaches it.
 */
struct nbl_thread {
	struct nbl_pool *pool;
	struct pool_thread *pool_thread;
	bool spare; /* the pool's own, for frees by threads that could not attach */
	struct context_thread *context_thread; /* NULL in a pool of NBs */
	/*
	 * Objects allocated less those freed here, below 0 where it frees for others: what the
	 * tag's shared count has been told, and what it has not.
	 */
	atom_u64 told;
	atom_u64 untold;
	atom_u64 high;           /* the highest `untold` before a free, since the last telling */
	uint64_t untold_max;     /* how far a shared count may be off: NBL_ACCOUNT_BATCH, or 0 */
	struct nbl_thread *next; /* of the same pool; under the registry's lock */
	/* The thread's own entry in its table, or NULL; under the registry's lock. */
	struct nbl_thread **slot;
	uint32_t quarantined; /* objects ever put into the quarantine */
	void *quarantine[NBL_QUARANTINE_OBJECTS];
} CACHE_PAIR_ALIGNED;

/*
 * Creates a pool. 0 and *out; -EINVAL: a field is out of its range; -ENOTSUP: the strategy cannot
 * run here; -EOVERFLOW: it cannot name so many objects; -ENOMEM: no memory, or NBL_POOLS_MAX pools
 * exist. Any thread; takes the registry's lock.
 */
int nbl_pool_create(const struct nbl_pool_config *config, struct nbl_pool **out);

/*
 * Destroys a pool, detaching every thread that still has caches of it. False, and the pool lives
 * on, if handle is not one of this kind or objects are out: misuse, reported under `call`.
 *
 * Other threads may be in calls by the handle if the pool checks everything and RCU_GUARD_EXISTS:
 * it waits for them. What they allocate until then keeps the pool alive; what they begin from then
 * on is refused as misuse of a foreign handle or object, while the destroy goes on even if it finds
 * in the end that the pool has to stay. In other pools no thread is in a call, as NDIS wants it. In
 * both, nobody uses handles of nbl_attach any more, and the caller is not inside a call on a pool,
 * as a misuse handler is.
 */
bool nbl_pool_destroy(void *handle, enum nbl_pool_kind kind, const char *call);

/* Destroys a pool whose handle nobody else has ever had. Also inside a call. */
void nbl_pool_discard(struct nbl_pool *pool);

/*
 * Objects that are out: exact when no other thread is in a call on the pool. Takes the registry's
 * lock.
 */
uint64_t nbl_pool_outstanding(struct nbl_pool *pool);

/*
 * Attaches the calling thread by hand: for programs that pass their own handle to the functions
 * below. 0 and *out, or -ENOMEM. The pool's documented calls attach by themselves, see nbl_self.
 */
int nbl_attach(struct nbl_pool *pool, struct nbl_thread **out);

/* Ends what nbl_attach began, on that thread or on another one when that has made its last call. */
void nbl_detach(struct nbl_thread *self);

extern struct nbl_pool nbl_pools[NBL_POOLS_MAX];
extern _Thread_local struct nbl_thread *nbl_threads[NBL_POOLS_MAX];

/* What a handle's place in the table publishes; NBL_POOL_NONE if it is no place in the table. */
ALWAYS_INLINE uint32_t nbl_pool_published(const void *handle)
{
	uintptr_t offset = (uintptr_t)handle - (uintptr_t)nbl_pools;

	if (unlikely(offset >= sizeof(nbl_pools) || offset % sizeof(nbl_pools[0]) != 0))
		return NBL_POOL_NONE;
	return atom_load_relaxed(&((struct nbl_pool *)(uintptr_t)handle)->published);
}

/* True if handle is that of a living pool of this kind; looks only at the static table. */
ALWAYS_INLINE bool nbl_pool_valid(const void *handle, enum nbl_pool_kind kind)
{
	return (nbl_pool_published(handle) & ~(uint32_t)NBL_POOL_CHECKED) == kind;
}

/* The same, and the pool is one without `checks`. Four instructions and a load. */
ALWAYS_INLINE bool nbl_pool_plain(const void *handle, enum nbl_pool_kind kind)
{
	return nbl_pool_published(handle) == kind;
}

/*
 * The pool behind a handle, which cannot go until nbl_leave; NULL if it is not that of a living
 * pool of this kind. For calls during which nothing, or no longer anything, of the caller's keeps
 * the pool alive: those that allocate and those that free. Hot calls ask nbl_pool_plain first, and
 * come here when it says no.
 */
COLD struct nbl_pool *nbl_enter(const void *handle, enum nbl_pool_kind kind);

ALWAYS_INLINE void nbl_leave(const struct nbl_pool *pool)
{
	if (unlikely(pool->checks))
		rcu_guard_leave();
}

/* Reports a handle that is not that of a living pool of the wanted kind. */
COLD void nbl_report_handle(const void *handle, enum nbl_pool_kind wanted, const char *call);

/*
 * Attaches on a thread's first use of a pool; NULL: no memory, or the last destructors of the thread
 * are running. Detached when the thread or the pool ends.
 */
COLD struct nbl_thread *nbl_self_attach(struct nbl_pool *pool);

/* The calling thread's state for the pool: one load from its table. */
ALWAYS_INLINE struct nbl_thread *nbl_self(struct nbl_pool *pool)
{
	struct nbl_thread *self = nbl_threads[pool->id];

	return likely(self != NULL) ? self : nbl_self_attach(pool);
}

/*
 * The same for calls that cannot fail: a thread that cannot attach, for want of memory or otherwise,
 * borrows the pool's spare state and holds a lock until nbl_self_done. A misuse handler that runs
 * meanwhile may borrow on the same thread.
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

/*
 * Accounting.
 */

/* The shared count of a tag, made on first use; never NULL and never gone. */
struct nbl_tag *nbl_tag(uint32_t tag);

/*
 * Tells the tag's shared count what it does not know yet of this thread's objects. Not COLD: gcc 12
 * takes all that runs on to the end of a function for as cold as a cold call before it, and would
 * move the callers' loops out of the hot text and optimise them for size.
 */
SELDOM void nbl_account_publish(struct nbl_thread *self);

/*
 * Counts one object out (delta 1) or back (-1): a load, a store and a compare in the thread's own
 * line, and a second compare when it comes back, for only then can the count have been at its
 * highest. Relaxed: only this thread writes, and readers want no other memory on its account.
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

/* Counts memory that is no pool's object and no context block, with shared instructions. */
COLD void nbl_account_loose(uint32_t tag, uint64_t bytes, int64_t delta);

/*
 * Marks.
 */

enum nbl_mark {
	NBL_MARK_LIVE = 0x6c697665,
	NBL_MARK_FREE = 0x66726565,
	NBL_MARK_CLONE = 0x636c6f00,        /* with MDLs of its own */
	NBL_MARK_CLONE_SHARED = 0x636c6f01, /* with the original's MDLs */
	NBL_MARK_CLONE_FWPS = 0x636c6f02,   /* counts as a child of its parent */
	NBL_MARK_CLONE_DEEP = 0x636c6f03,   /* the same, with a copy of the data */
	NBL_MARK_FRAGMENT = 0x636c6f04,     /* in pieces */
	NBL_MARK_REASSEMBLED = 0x636c6f05,  /* in one piece */
	/*
	 * In addition to one of the above: nbl_references counts. A free that compares with the
	 * plain mark does not find it, and comes to nbl_owner_leaves.
	 */
	NBL_MARK_REFERENCED = 0x01000000,
	/* In addition to those: a thread works on its contexts. In pools with `checks` alone. */
	NBL_MARK_BUSY = 0x02000000,
};

ALWAYS_INLINE void *nbl_mark(const void *object, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return (void *)((uintptr_t)object ^ (uintptr_t)pool ^ (uintptr_t)mark);
}

/*
 * The word that holds an NBL's mark. Relaxed where it is only looked at: a driver that hands an NBL
 * over orders what is in it. Where two threads free one NBL, or work on its contexts, at the same
 * time, the claims below find it, and there the word orders what they do.
 */
ALWAYS_INLINE atom_ptr *nbl_mark_word(const NET_BUFFER_LIST *nbl)
{
	return (atom_ptr *)(uintptr_t)&nbl->NdisReserved[0];
}

ALWAYS_INLINE bool nbl_is(
	const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return atom_load_relaxed(nbl_mark_word(nbl)) == nbl_mark(nbl, pool, mark);
}

/* Marks an NBL that is the caller's alone. */
ALWAYS_INLINE void nbl_set_mark(
	NET_BUFFER_LIST *nbl, const struct nbl_pool *pool, enum nbl_mark mark)
{
	atom_store_relaxed(nbl_mark_word(nbl), nbl_mark(nbl, pool, mark));
}

/* The number in an NBL's mark; none of the above for what is no NBL of the pool. */
ALWAYS_INLINE uintptr_t nbl_mark_of(const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool)
{
	return (uintptr_t)atom_load_relaxed(nbl_mark_word(nbl)) ^ (uintptr_t)nbl ^ (uintptr_t)pool;
}

/*
 * A number of nbl_mark_of without REFERENCED and BUSY, for NBLs that are out; 0 for others. From
 * CLONE to REASSEMBLED those that are made from another NBL.
 */
ALWAYS_INLINE uintptr_t nbl_mark_plain(uintptr_t number)
{
	for (uintptr_t more = 0; more <= (NBL_MARK_REFERENCED | NBL_MARK_BUSY);
		more += NBL_MARK_REFERENCED) {
		uintptr_t mark = number ^ more;

		if (mark == NBL_MARK_LIVE ||
			mark - NBL_MARK_CLONE <= NBL_MARK_REASSEMBLED - NBL_MARK_CLONE)
			return mark;
	}
	return 0;
}

ALWAYS_INLINE uintptr_t nbl_mark_out(const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool)
{
	return nbl_mark_plain(nbl_mark_of(nbl, pool));
}

/* True if the pool's block is on an NBL of this mark. */
ALWAYS_INLINE bool nbl_mark_has_block(enum nbl_mark mark)
{
	return mark == NBL_MARK_LIVE || mark == NBL_MARK_CLONE_DEEP;
}

/*
 * Reports that nbl is NULL, or that its handle was that of no living pool when it was looked at: it
 * may be again, after a destroy that found objects out.
 */
COLD void nbl_report_no_pool(const NET_BUFFER_LIST *nbl, const char *call);

/*
 * Reports why nbl, which has a pool, cannot be used (freed, if freeing): a double free, a use after
 * free, a foreign pointer, the wrong kind of free, another thread in a call on it. number: of
 * nbl_mark_of, as it was met. Looks at the NBL's first line only.
 */
COLD void nbl_report_not_live(
	const NET_BUFFER_LIST *nbl, uintptr_t number, bool freeing, const char *call);

/*
 * References: others than an NBL's owner who want it to stay. Its free waits for the last of them,
 * who then frees it. The word is zero in an NBL without NBL_MARK_REFERENCED.
 */
enum { NBL_OWNER_GONE = 1u << 31 }; /* beside the count */

ALWAYS_INLINE atom_u32 *nbl_references(NET_BUFFER_LIST *nbl)
{
	return (atom_u32 *)&nbl->NblReserved[0];
}

/* Gives an NBL that nobody references its plain mark back. */
ALWAYS_INLINE void nbl_end_references(
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark)
{
	nbl->NblReserved[0] = NULL; /* the caller's alone from here on */
	nbl_set_mark(nbl, pool, mark);
}

/*
 * The owner frees an NBL that does not carry the mark. True: only because it was referenced, no
 * reference is left, and it carries the mark now. False: references are left, or misuse was
 * reported.
 */
COLD bool nbl_owner_leaves(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call);

/*
 * Claims, for pools with `checks`. A call that frees an object, or works on an NBL's contexts, changes
 * its mark by a compare-and-swap before it changes anything else. So of two threads that do so to
 * one object at the same time one goes on, and the other has nothing but misuse to report. Other
 * pools compare the mark and then store it, and are spared the locked instruction (nblbench.h).
 */

/*
 * Claims an NBL that carries the mark, to free it: it is marked FREE and the caller's. False:
 * references keep it; or misuse, reported under `call`, nothing changed: another mark, or contexts
 * are still on it.
 */
COLD bool nbl_claim_free(
	struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call);

/* The NBL is not freed after all: as it was, before misuse is reported. */
COLD void nbl_unclaim_free(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, enum nbl_mark mark);

/* Frees what nbl_claim_free has claimed by the same mark. */
COLD void nbl_free_claimed(struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark);

/* Both: nbl_free in such a pool. */
COLD bool nbl_free_checked(
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark, const char *call);

/*
 * Claims the contexts of an NBL that is out: it is marked BUSY besides, until nbl_unclaim_contexts
 * with the same *was. Its pool; NULL after a report: it is not out, or another thread has them.
 */
COLD struct nbl_pool *nbl_claim_contexts(NET_BUFFER_LIST *nbl, void **was, const char *call);
COLD void nbl_unclaim_contexts(NET_BUFFER_LIST *nbl, void *was);

/*
 * Enters the pool of an NBL that is to be freed; NULL after a report. Says nothing of the NBL's
 * state.
 */
COLD struct nbl_pool *nbl_enter_to_free(const NET_BUFFER_LIST *nbl, const char *call);

/* True if nbl is to be freed to an ordinary pool, nbl->NdisPoolHandle, which need not be entered. */
ALWAYS_INLINE bool nbl_is_of_plain(const NET_BUFFER_LIST *nbl)
{
	return likely(nbl != NULL && nbl_pool_plain(nbl->NdisPoolHandle, NBL_POOL_LISTS));
}

/* The rest of nbl_pool_of: for pools that check everything, and for what is no NBL of a pool. */
COLD struct nbl_pool *nbl_pool_of_checked(const NET_BUFFER_LIST *nbl, const char *call);

/*
 * The pool of an NBL that is to be used, or NULL after a report. Whether the NBL is live is looked
 * at in pools that check everything.
 */
ALWAYS_INLINE struct nbl_pool *nbl_pool_of(const NET_BUFFER_LIST *nbl, const char *call)
{
	return nbl_is_of_plain(nbl) ? (struct nbl_pool *)nbl->NdisPoolHandle
				    : nbl_pool_of_checked(nbl, call);
}

/*
 * Parts of the object.
 */

/* The NB that came with the NBL, wherever FirstNetBuffer points now. */
ALWAYS_INLINE NET_BUFFER *nbl_embedded_nb(NET_BUFFER_LIST *nbl)
{
	return (NET_BUFFER *)((unsigned char *)nbl + NBL_NB_OFFSET);
}

/* The block in the NBL's own memory; NULL if there is none. */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *nbl_inline_block(
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	return pool->inline_offset
		       ? (NET_BUFFER_LIST_CONTEXT *)((unsigned char *)nbl + pool->inline_offset)
		       : NULL;
}

/* A word of an object whatever its type. */
typedef uint64_t __attribute__((may_alias)) nbl_word;

enum {
	NBL_PROTOCOL_OFFSET = offsetof(NET_BUFFER_LIST, NetBufferListInfo) +
			      NetBufferListProtocolId * sizeof(void *),
	NBL_WORD_BYTES = sizeof(uint64_t),
};

_Static_assert(NBL_PROTOCOL_OFFSET == 3 * CACHE_LINE_BYTES, "the protocol's id begins line 3");

/* Two words at once. Objects are aligned for the NBL's Link, as the reference declares it. */
typedef uint64_t __attribute__((may_alias, vector_size(16))) nbl_pair;

/*
 * True if lines 1 to 5 (1 to 7 with an NB) hold anything but their resting values: 20 (28) vector
 * loads in two chains, no store.
 */
ALWAYS_INLINE bool nbl_is_dirty(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl)
{
	enum {
		PAIR = sizeof(nbl_pair),
		PROTOCOL = NBL_PROTOCOL_OFFSET / PAIR,
		REST = NBL_REST_OFFSET / PAIR,
		REST_END = NBL_NB_OFFSET / PAIR,
		NB_END = NBL_NB_HOT_OFFSET / PAIR,
	};
	const nbl_pair *at = (const nbl_pair *)nbl;
	nbl_pair even = at[PROTOCOL] ^ (nbl_pair) { pool->protocol_id, 0 };
	nbl_pair odd = at[PROTOCOL + 1];

	for (int i = REST; i < REST_END; i += 2) {
		if (i == PROTOCOL)
			continue;
		even |= at[i];
		odd |= at[i + 1];
	}
	if (pool->with_nb) {
		for (int i = REST_END; i < NB_END; i += 2) {
			even |= at[i];
			odd |= at[i + 1];
		}
	}
	even |= odd;
	return (even[0] | even[1]) != 0;
}

/* Puts the resting values back. */
NOINLINE void nbl_clean(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl);

/* What never changes in an NBL's life. */
ALWAYS_INLINE void nbl_birth(struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	nbl->NdisPoolHandle = pool;
	nbl->NdisReserved[1] = NULL;
	nbl_clean(pool, nbl);
	if (pool->with_nb)
		nbl_embedded_nb(nbl)->NdisPoolHandle = pool;
}

/* The same, out of line: where memory stays an NBL until the pool ends, or is trimmed. */
COLD void nbl_birth_once(struct nbl_pool *pool, NET_BUFFER_LIST *nbl);

/*
 * Cold parts of verify pools: take an object into quarantine (another one leaves), and check one at
 * rest.
 */
COLD void nbl_quarantine(struct nbl_thread *self, void *object);

/*
 * Context.
 */

/* Size, Offset and limit of a block, as one word. */
ALWAYS_INLINE nbl_word *nbl_block_sizes(NET_BUFFER_LIST_CONTEXT *block)
{
	return (nbl_word *)block + 1;
}

/*
 * Pushes a fallback block with `bytes` in use. owned: the bytes belong to the NBL and stay until it
 * is freed. 0, or -EINVAL: the sum passes the USHORT; -ENOMEM. Nothing changed on failure.
 */
ALWAYS_INLINE int nbl_context_fallback(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag, bool owned)
{
	if (unlikely(bytes + backfill > CONTEXT_BYTES_MAX))
		return -EINVAL;
	NET_BUFFER_LIST_CONTEXT *block =
		policy->alloc(pool->context, self->context_thread, nbl, bytes, backfill, tag);
	if (unlikely(block == NULL))
		return -ENOMEM;
	block->Next = nbl->Context;
	block->Offset = (USHORT)(policy->traits.exact ? backfill : block->Size - bytes);
	if (owned)
		block->NdisReserved[0] = block->Offset; /* and stays */
	nbl->Context = block;
	return 0;
}

/* Takes the front block, a fallback block of which nothing is in use, out of the chain and gives it back. */
ALWAYS_INLINE void nbl_context_release(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	NET_BUFFER_LIST_CONTEXT *block = nbl->Context;

	nbl->Context = block->Next;
	policy->free(pool->context, self->context_thread, nbl, block);
}

/*
 * True if bytes, or sizes joined by |, are no multiple of the alignment in force. A multiple of the
 * stricter one is one of either, so the pool is asked about other sizes only.
 */
ALWAYS_INLINE bool nbl_misaligned(const struct nbl_pool *pool, uint32_t bytes)
{
	return unlikely(bytes % CONTEXT_ALIGN_BYTES != 0) && (bytes & pool->align_mask) != 0;
}

/*
 * True where the policy is known and cuts fallbacks from what the NBL keeps, in a few instructions:
 * then neither that nor room in the front block is the unlikely case.
 */
ALWAYS_INLINE bool nbl_is_even(const struct context_ops *policy)
{
	return __builtin_constant_p(policy->retire != NULL) && policy->retire != NULL;
}

enum nbl_room { NBL_ROOM_MADE, NBL_ROOM_NONE, NBL_ROOM_REFUSED };

/*
 * The part of a push that needs no per-thread state: checks the sizes, and takes the bytes from the
 * front block if they fit there. MADE: done. NONE: a fallback block is wanted. REFUSED: a size is
 * no multiple of the alignment.
 */
ALWAYS_INLINE enum nbl_room nbl_context_room(const struct context_ops *policy,
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill)
{
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	if (unlikely(nbl_misaligned(pool, bytes | backfill)))
		return NBL_ROOM_REFUSED;
	if (unlikely(bytes == 0))
		return NBL_ROOM_MADE;
	if (nbl_is_even(policy) && front != NULL && front->Offset >= bytes) {
		front->Offset = (USHORT)(front->Offset - bytes);
		return NBL_ROOM_MADE;
	}
	if (!nbl_is_even(policy) && !policy->traits.any_order &&
		likely(front != NULL && front->Offset >= bytes)) {
		front->Offset = (USHORT)(front->Offset - bytes);
		return NBL_ROOM_MADE;
	}
	return NBL_ROOM_NONE;
}

/*
 * NdisAllocateNetBufferListContext, after the caller has made sure that nbl is live and of this
 * pool. bytes, backfill: as documented, 0..65535. 0; -EINVAL: a size is no multiple of the
 * alignment, or the sum passes the USHORT; -ENOMEM. Nothing changed on failure. With room: two
 * loads, a store, no call.
 */
ALWAYS_INLINE int nbl_context_push(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	enum nbl_room room = nbl_context_room(policy, pool, nbl, bytes, backfill);

	if (nbl_is_even(policy) && room == NBL_ROOM_MADE)
		return 0;
	if (!nbl_is_even(policy) && likely(room == NBL_ROOM_MADE))
		return 0;
	if (unlikely(room == NBL_ROOM_REFUSED))
		return -EINVAL;
	return nbl_context_fallback(policy, pool, self, nbl, bytes, backfill, tag, false);
}

/* Reports what is wrong with a pop of `bytes` bytes. front: the NBL's Context, or a copy of it. */
COLD void nbl_report_pop(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl,
	const NET_BUFFER_LIST_CONTEXT *front, uint32_t bytes, const char *call);

enum nbl_popped { NBL_POPPED, NBL_POPPED_LAST, NBL_POP_REFUSED };

/*
 * The part of a pop that needs no per-thread state. POPPED: done. LAST: done, and the front block,
 * a fallback block, is to be released. REFUSED: misuse, nothing changed.
 */
ALWAYS_INLINE enum nbl_popped nbl_context_give(const struct context_ops *policy,
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	if (unlikely(nbl_misaligned(pool, bytes)))
		return NBL_POP_REFUSED;
	if (unlikely(bytes == 0))
		return NBL_POPPED;
	if (unlikely(front == NULL))
		return NBL_POP_REFUSED;
	uint32_t offset = front->Offset + bytes;
	const bool within = offset <= front->NdisReserved[0];
	if (nbl_is_even(policy) && within) {
		front->Offset = (USHORT)offset;
		return NBL_POPPED;
	}
	if (!nbl_is_even(policy) && likely(within)) {
		front->Offset = (USHORT)offset;
		return NBL_POPPED;
	}
	/* Offsets are even: one beyond what stands there is the limit of a block that leaves. */
	if (unlikely(offset != front->NdisReserved[0] + 1u))
		return NBL_POP_REFUSED;
	return NBL_POPPED_LAST;
}

/*
 * NdisFreeNetBufferListContext, after the caller has made sure that nbl is live and of this pool.
 * False: misuse, reported under `call`, nothing changed. Within a block: three loads, a store, no
 * call.
 */
ALWAYS_INLINE bool nbl_context_pop(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, const char *call)
{
	enum nbl_popped popped = nbl_context_give(policy, pool, nbl, bytes);

	if (nbl_is_even(policy) && popped == NBL_POPPED)
		return true;
	if (!nbl_is_even(policy) && likely(popped == NBL_POPPED))
		return true;
	if (unlikely(popped == NBL_POP_REFUSED)) {
		nbl_report_pop(pool, nbl, nbl->Context, bytes, call);
		return false;
	}
	nbl_context_release(policy, pool, self, nbl);
	return true;
}

/*
 * For policies that free in any order: the newest block that was pushed under tag, or NULL. Walks
 * the chain.
 */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *nbl_context_find(
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uint32_t tag)
{
	NET_BUFFER_LIST_CONTEXT *inline_block = nbl_inline_block(pool, nbl);

	for (NET_BUFFER_LIST_CONTEXT *b = nbl->Context; b != NULL && b != inline_block;
		b = b->Next) {
		if (context_prefix(b)->tag == tag && context_leaves(b))
			return b;
	}
	return NULL;
}

/*
 * For policies that free in any order: takes block, which nbl_context_find returned, out of the
 * chain and gives it back.
 */
ALWAYS_INLINE void nbl_context_remove(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *block)
{
	NET_BUFFER_LIST_CONTEXT **link = &nbl->Context;

	while (*link != block)
		link = &(*link)->Next;
	*link = block->Next;
	context_set_unused(block, block->Size);
	policy->free(pool->context, self->context_thread, nbl, block);
}

/*
 * Data.
 */

/*
 * Whether a walk over a chain comes round: R. P. Brent's method (BIT 20, 1980). It remembers one
 * element, a later one each time that the walk has doubled, and a ring meets it again.
 */
struct nbl_ring {
	const void *at; /* the element; NULL at first */
	uint64_t steps; /* of the walk */
};

/* True if the walk, which comes to the element `next`, goes round. */
ALWAYS_INLINE bool nbl_comes_round(struct nbl_ring *ring, const void *next)
{
	if (unlikely(next == ring->at))
		return true;
	if ((ring->steps & (ring->steps + 1)) == 0)
		ring->at = next;
	ring->steps++;
	return false;
}

/* Where in a chain of MDLs an offset lies. */
struct nbl_place {
	MDL *mdl; /* NULL for an empty chain */
	uint32_t offset;
};

/*
 * Finds `offset` in the chain: in the MDL that holds it; on an MDL's end, at the start of the next;
 * at the end of the chain, at the end of its last MDL. False if the chain ends before offset +
 * length, or goes round before.
 */
COLD bool nbl_place_find(MDL *chain, uint64_t offset, uint64_t length, struct nbl_place *out);

/* The same with the common case, all in the first MDL, inline. */
ALWAYS_INLINE bool nbl_place(MDL *chain, uint64_t offset, uint64_t length, struct nbl_place *out)
{
	if (chain == NULL) {
		*out = (struct nbl_place){.mdl = NULL};
		return (offset | length) == 0;
	}
	if (likely(offset < chain->ByteCount && length <= chain->ByteCount - offset)) {
		*out = (struct nbl_place){.mdl = chain, .offset = (uint32_t)offset};
		return true;
	}
	return nbl_place_find(chain, offset, length, out);
}

/* Sets everything in an NB that changes from use to use. */
ALWAYS_INLINE void nbl_set_data(
	NET_BUFFER *nb, MDL *chain, const struct nbl_place *place, uint32_t offset, uint32_t length)
{
	nb->Next = NULL;
	nb->CurrentMdl = place->mdl;
	nb->MdlChain = chain;
	nb->stDataLength = length; /* the whole word: DataLength is its lower half */
	nb->CurrentMdlOffset = place->offset;
	nb->DataOffset = offset;
}

/*
 * Fills in the MDL of a data pool's object and gives it to the NB: all space is headroom, no data
 * yet.
 */
ALWAYS_INLINE void nbl_set_own_data(const struct nbl_pool *pool, void *object, NET_BUFFER *nb)
{
	unsigned char *data = (unsigned char *)object + pool->data_offset;
	MDL *mdl = (MDL *)((unsigned char *)object + pool->mdl_offset);

	mdl->Next = NULL;
	mdl->Size = (SHORT)pool->mdl_bytes;
	mdl->MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL;
	mdl->Process = NULL;
	mdl->MappedSystemVa = data;
	mdl->StartVa = PAGE_ALIGN(data);
	mdl->ByteCount = pool->data_bytes;
	mdl->ByteOffset = BYTE_OFFSET(data);
	nbl_set_data(nb, mdl, &(struct nbl_place){.mdl = mdl, .offset = pool->data_bytes},
		pool->data_bytes, 0);
}

/*
 * NBLs.
 */

/*
 * Looks for traces of a write to an object at rest; true if it is as it was left. For pools that
 * check.
 */
COLD bool nbl_rest_intact(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, const char *call);

/*
 * Takes an NBL from the pool with everything reset but the NB's data: Context is the inline block,
 * unused. NULL: none, or no memory. The pool's two locked instructions or none, and stores to lines
 * 0 and 8.
 */
ALWAYS_INLINE NET_BUFFER_LIST *nbl_get(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self)
{
	NET_BUFFER_LIST *nbl = (NET_BUFFER_LIST *)ops->get(pool->pool, self->pool_thread);

	if (unlikely(nbl == NULL))
		return NULL;
	if (ops->traits.kind == POOL_KIND_ALLOCATOR)
		nbl_birth(pool, nbl); /* the memory comes with anything in it */
	else if (unlikely(nbl->NdisReserved[0] == NULL))
		nbl_birth_once(pool, nbl);
	else if (ops->traits.kind == POOL_KIND_POOL && unlikely(pool->checks))
		nbl_rest_intact(pool, nbl, "NBL allocation");

	NET_BUFFER_LIST_CONTEXT *block = nbl_inline_block(pool, nbl);
	nbl->Next = NULL;
	nbl->FirstNetBuffer = pool->with_nb ? nbl_embedded_nb(nbl) : NULL;
	nbl->Context = block;
	nbl->NdisReserved[0] = nbl_mark(nbl, pool, NBL_MARK_LIVE); /* nobody else has seen it */
	nbl->NblFlags = 0;
	nbl->Flags = 0;
	nbl->ChildRefCount = 0;
	nbl->Status = 0;
	if (block != NULL) {
		block->Next = NULL;
		*nbl_block_sizes(block) = pool->inline_sizes;
	}
	if (policy->begin)
		policy->begin(pool->context, self->context_thread, nbl);
	nbl_account(self, 1);
	return nbl;
}

/* The end of a put: an NBL in its resting state, marked free, is counted and the strategy's. */
ALWAYS_INLINE void nbl_put_marked(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl, bool verify)
{
	nbl_account(self, -1);
	/* The memory of other kinds may be gone, or serve another NBL, before the pool ends. */
	if (ops->traits.kind != POOL_KIND_POOL && policy->retire)
		policy->retire(pool->context, self->context_thread, nbl);
	if (unlikely(verify))
		nbl_quarantine(self, nbl);
	else
		ops->put(pool->pool, self->pool_thread, nbl);
}

/* The same with the mark, in a pool without `checks`. */
ALWAYS_INLINE void nbl_put_resting(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	nbl_set_mark(nbl, pool, NBL_MARK_FREE);
	nbl_put_marked(ops, policy, pool, self, nbl, false);
}

/* Brings an NBL that has nothing on it into its resting state. */
ALWAYS_INLINE void nbl_rest(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	if (policy->end)
		policy->end(pool->context, self->context_thread, nbl);
	if (ops->traits.kind != POOL_KIND_ALLOCATOR && unlikely(nbl_is_dirty(pool, nbl)))
		nbl_clean(pool, nbl);
}

/* Puts an NBL of any pool back that has nothing on it, and that nobody else has seen. */
COLD void nbl_put(struct nbl_thread *self, NET_BUFFER_LIST *nbl);

/*
 * NdisAllocateNetBufferAndNetBufferList on a pool with NB and without data. context_bytes,
 * backfill: 0..65535, multiples of the alignment. chain may be NULL with offset and length 0. 0 and
 * *out; -EINVAL: a size is misaligned or too large, or the chain is shorter than offset + length;
 * -ENOMEM. *out is untouched on failure.
 */
ALWAYS_INLINE int nbl_alloc(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, uint32_t context_bytes, uint32_t backfill,
	MDL *chain, uint32_t offset, uint64_t length, NET_BUFFER_LIST **out)
{
	struct nbl_place place;

	if (unlikely(nbl_misaligned(pool, context_bytes | backfill) || length > UINT32_MAX ||
		     !nbl_place(chain, offset, length, &place)))
		return -EINVAL;
	NET_BUFFER_LIST *nbl = nbl_get(ops, policy, pool, self);
	if (unlikely(nbl == NULL))
		return -ENOMEM;
	int rc = 0;
	if (context_bytes != 0) {
		NET_BUFFER_LIST_CONTEXT *block = nbl->Context;

		if (likely(block != NULL && block->Offset >= context_bytes)) {
			block->Offset = (USHORT)(block->Offset - context_bytes);
			block->NdisReserved[0] = block->Offset;
		} else {
			rc = nbl_context_fallback(
				policy, pool, self, nbl, context_bytes, backfill, pool->tag, true);
		}
	}
	if (unlikely(rc != 0)) {
		nbl_put(self, nbl);
		return rc;
	}
	if (pool->data_bytes)
		nbl_set_own_data(pool, nbl, nbl_embedded_nb(nbl));
	else if (pool->with_nb)
		nbl_set_data(nbl_embedded_nb(nbl), chain, &place, offset, (uint32_t)length);
	*out = nbl;
	return 0;
}

/* Contexts that were pushed and not popped: reports them and returns true. */
COLD bool nbl_report_contexts(struct nbl_pool *pool, NET_BUFFER_LIST *nbl, const char *call);

/* Gives the blocks before `last` back that came with the NBL's allocation. */
ALWAYS_INLINE void nbl_free_own_contexts(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, NET_BUFFER_LIST_CONTEXT *last)
{
	while (nbl->Context != last) {
		context_set_unused(nbl->Context, nbl->Context->Size);
		nbl_context_release(policy, pool, self, nbl);
	}
}

/*
 * Frees an NBL of this pool that carries the mark (a constant: LIVE, or one of the clones') and
 * what came with it. False: references keep it; or misuse, reported under `call`, nothing changed:
 * it does not carry the mark, or contexts are still on it. Never follows Next.
 */
ALWAYS_INLINE bool nbl_free(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark,
	const char *call)
{
	NET_BUFFER_LIST_CONTEXT *block =
		nbl_mark_has_block(mark) ? nbl_inline_block(pool, nbl) : NULL;

	if (unlikely(pool->checks))
		return nbl_free_checked(self, nbl, mark, call);
	if (unlikely(!nbl_is(nbl, pool, mark)) && !nbl_owner_leaves(pool, nbl, mark, call))
		return false;
	/* The inline block's limit is bare: it never leaves. */
	if (unlikely(nbl->Context != block ||
		     (block != NULL && block->Offset != block->NdisReserved[0]))) {
		if (nbl_report_contexts(pool, nbl, call))
			return false;
		nbl_free_own_contexts(policy, pool, self, nbl, block);
	}
	nbl_rest(ops, policy, pool, self, nbl);
	nbl_put_resting(ops, policy, pool, self, nbl);
	return true;
}

/*
 * Loose NBs and MDLs: the payload stands NBL_LOOSE_OFFSET bytes into the object, behind the
 * pool's word and our mark.
 */

ALWAYS_INLINE atom_ptr *nbl_loose_word(const void *payload)
{
	return (atom_ptr *)(uintptr_t)payload - 1;
}

ALWAYS_INLINE bool nbl_loose_is(
	const void *payload, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return atom_load_relaxed(nbl_loose_word(payload)) == nbl_mark(payload, pool, mark);
}

/* As nbl_set_mark. */
ALWAYS_INLINE void nbl_loose_set_mark(
	void *payload, const struct nbl_pool *pool, enum nbl_mark mark)
{
	atom_store_relaxed(nbl_loose_word(payload), nbl_mark(payload, pool, mark));
}

/*
 * Claims a live object to free it, as nbl_claim_free does: it is marked FREE. False: it was not live;
 * what its word held is in *met.
 */
COLD bool nbl_loose_claim(void *payload, const struct nbl_pool *pool, void **met);

/* As nbl_unclaim_free. */
COLD void nbl_loose_unclaim(void *payload, const struct nbl_pool *pool);

/*
 * Takes an object of an NB or MDL pool and returns its payload, marked live, in its resting state.
 * NULL: none, or no memory.
 */
ALWAYS_INLINE void *nbl_loose_get(
	const struct pool_ops *ops, struct nbl_pool *pool, struct nbl_thread *self)
{
	unsigned char *object = (unsigned char *)ops->get(pool->pool, self->pool_thread);

	if (unlikely(object == NULL))
		return NULL;
	void *payload = object + NBL_LOOSE_OFFSET;
	nbl_loose_set_mark(payload, pool, NBL_MARK_LIVE);
	nbl_account(self, 1);
	return payload;
}

/* Puts back what nbl_loose_get returned. The payload is in its resting state. */
ALWAYS_INLINE void nbl_loose_put(
	const struct pool_ops *ops, struct nbl_pool *pool, struct nbl_thread *self, void *payload)
{
	void *object = (unsigned char *)payload - NBL_LOOSE_OFFSET;

	nbl_loose_set_mark(payload, pool, NBL_MARK_FREE);
	nbl_account(self, -1);
	if (unlikely(pool->verify))
		nbl_quarantine(self, object);
	else
		ops->put(pool->pool, self->pool_thread, object);
}

/*
 * NdisAllocateNetBuffer on a pool without data, NdisAllocateNetBufferMdlAndData on one with. 0 and
 * *out; -EINVAL: the chain is shorter than offset + length; -ENOMEM. *out is untouched on failure.
 */
ALWAYS_INLINE int nbl_nb_alloc(const struct pool_ops *ops, struct nbl_pool *pool,
	struct nbl_thread *self, MDL *chain, uint32_t offset, uint64_t length, NET_BUFFER **out)
{
	struct nbl_place place;

	if (unlikely(length > UINT32_MAX || !nbl_place(chain, offset, length, &place)))
		return -EINVAL;
	NET_BUFFER *nb = (NET_BUFFER *)nbl_loose_get(ops, pool, self);
	if (unlikely(nb == NULL))
		return -ENOMEM;
	if (ops->traits.kind == POOL_KIND_ALLOCATOR)
		memset(nb, 0, offsetof(NET_BUFFER, Next)); /* else nbl_nb_free has done it */
	nb->NdisPoolHandle = pool;
	if (pool->data_bytes)
		nbl_set_own_data(pool, (unsigned char *)nb - NBL_LOOSE_OFFSET, nb);
	else
		nbl_set_data(nb, chain, &place, offset, (uint32_t)length);
	*out = nb;
	return 0;
}

/* Frees a live NB of this pool. */
ALWAYS_INLINE void nbl_nb_free(
	const struct pool_ops *ops, struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER *nb)
{
	enum { WORDS = offsetof(NET_BUFFER, Next) / NBL_WORD_BYTES };
	const nbl_word *words = (const nbl_word *)nb;
	uint64_t any = 0;

	for (int i = 0; i < WORDS; i++)
		any |= words[i];
	if (ops->traits.kind != POOL_KIND_ALLOCATOR && unlikely(any != 0))
		memset(nb, 0, offsetof(NET_BUFFER, Next));
	nbl_loose_put(ops, pool, self, nb);
}

#endif
