/*
 * Pools of NBLs, of NBs and of MDLs: their handles, and how they are made and destroyed.
 *
 * All pools live in one static table, and the address of a pool's place there is the documented
 * handle. So a handle can be judged without touching memory that may be gone.
 */
#ifndef ALLOC_NBL_POOLS_H
#define ALLOC_NBL_POOLS_H

#include "alloc/atomic.h"
#include "alloc/context.h"
#include "alloc/peer/rcu_guard.h"
#include "alloc/pool.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	/* Pools that can exist at once: each has a slot in every thread's table. */
	NBL_POOLS_MAX = 4096,
};

struct account;
struct nbl_thread;

enum nbl_pool_kind {
	NBL_POOL_NONE,  /* the slot is not in use */
	NBL_POOL_LISTS, /* of NBLs */
	NBL_POOL_NBS,   /* of loose NBs */
	NBL_POOL_MDLS,  /* of MDLs: the library's own */
};

/*
 * Added to the kind that a pool with `checks` publishes. So the one compare that finds a handle
 * valid also finds the pool an ordinary one, and what the others want costs the ordinary ones
 * nothing.
 */
enum { NBL_POOL_CHECKED = 1 << 8 };

/*
 * Added to the kind that a pool without `checks` publishes if it is as most are: NBLs with an NB each
 * and without data, over pool_best(), under the default policy or a simple one. So the same one
 * compare finds the pools for which the hot calls have a short way (alloc/ndis/usual.h).
 */
enum { NBL_POOL_USUAL = 1 << 9 };

struct nbl_pool_config {
	enum nbl_pool_kind kind;
	const struct pool_ops *ops;       /* the strategy; NULL: the process's default */
	const struct context_ops *policy; /* NULL: the process's default */
	uint32_t capacity;      /* objects; 0: the process's default, which is no cap (pool.h) */
	uint32_t context_bytes; /* LISTS: the inline block; a multiple of the alignment */
	uint32_t data_bytes;    /* an MDL and so much data come with each NB; 0: neither */
	uint32_t tag;
	uint8_t protocol_id;
	enum memory_pages pages; /* what backs the objects */
	bool with_nb;            /* LISTS: an NB comes with each NBL */
	bool verify;             /* quarantine, poison, and every check */
};

struct nbl_pool {
	/*
	 * While the handle is valid kind, and NBL_POOL_CHECKED or _USUAL if it is
	 * so; else NBL_POOL_NONE. Relaxed everywhere: whoever has the handle has it from who created the
	 * pool, and the grace period (rcu_guard.h) stands between a destroy and the calls that race
	 * with it.
	 */
	atom_u32 published;
	uint32_t id; /* place in the table, and in each thread's */
	struct pool *pool;
	const struct pool_ops *ops;
	struct context *context; /* NULL in a pool of NBs */
	const struct context_ops *policy;
	uintptr_t marks; /* in the marks of all its NBLs: its address, and what it is (marks.h) */
	uint32_t inline_offset; /* of the inline block's header in the object; 0: there is none */
	uint32_t inline_bytes;  /* of the inline block */
	uint64_t inline_sizes;  /* the second word of its header while it is unused */
	uint32_t tag;
	uint32_t align_mask;  /* context sizes have none of these bits */
	uint32_t mdl_offset;  /* of the MDL in the object, its data behind it; 0: there is none */
	uint32_t data_offset; /* of the data in the object */
	uint32_t data_bytes;
	uint32_t mdl_bytes;    /* MDL and page array */
	uint32_t object_bytes; /* 0: the slot is free */
	enum nbl_pool_kind kind;
	struct nbl_thread *spare; /* threads.h */
	bool with_nb;
	bool verify;
	/*
	 * Every call verifies marks, and is guarded against a destroy: verify pools, and all pools
	 * in debug builds.
	 */
	bool checks;
	uint8_t wide; /* with_nb, and nbl_is_dirty_wide works here (object.h): vector_width; else 0 */
	/* What half a line of an NBL holds at rest: the protocol's id, which begins it, and zeros. */
	uint64_t rest[4] __attribute__((aligned(32)));
	/* What follows is under the registry's lock. */
	struct nbl_thread *threads; /* attached now, the spare one among them */
	uint64_t live_gone;         /* sum of `live` of threads that have detached */
	struct account *account;    /* of `tag` */
	uint32_t trims;             /* that are under way */
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
 * If the pool checks everything and RCU_GUARD_EXISTS, other threads may be in calls by the handle,
 * and the destroy waits for them. What they allocate until then keeps the pool alive. What they
 * begin from then on is refused as misuse of a foreign handle or object, even if the destroy finds
 * in the end that the pool has to stay. In other pools no thread is in a call but nbl_trim, as NDIS
 * wants it: for that call every destroy of the pool waits. In both, nobody uses handles of nbl_attach
 * any more, and the caller is not inside a call on a pool, as a misuse handler is.
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
 * Handles.
 */

extern struct nbl_pool nbl_pools[NBL_POOLS_MAX];

/* What a handle's place in the table publishes; NBL_POOL_NONE if it is no place in the table. */
ALWAYS_INLINE uint32_t nbl_pool_published(const void *handle)
{
	enum { BYTES = sizeof(struct nbl_pool) };
	const uintptr_t offset = (uintptr_t)handle - (uintptr_t)nbl_pools;
	/* A rotation: what is left over stands in front, and makes the place too large. */
	const uintptr_t place = offset / BYTES | offset * (UINTPTR_MAX / BYTES + 1);

	_Static_assert((BYTES & (BYTES - 1)) == 0, "a rotation divides");
	if (unlikely(place >= NBL_POOLS_MAX))
		return NBL_POOL_NONE;
	return atom_load_relaxed(&((struct nbl_pool *)(uintptr_t)handle)->published);
}

/* True if handle is that of a living pool of this kind; looks only at the static table. */
ALWAYS_INLINE bool nbl_pool_valid(const void *handle, enum nbl_pool_kind kind)
{
	const uint32_t more = NBL_POOL_CHECKED | NBL_POOL_USUAL;

	return (nbl_pool_published(handle) & ~more) == kind;
}

/* The same, and the pool is one without `checks`. */
ALWAYS_INLINE bool nbl_pool_plain(const void *handle, enum nbl_pool_kind kind)
{
	return (nbl_pool_published(handle) & ~(uint32_t)NBL_POOL_USUAL) == kind;
}

/* The same, and the pool is of NBLs and NBL_POOL_USUAL. Four instructions and a load. */
ALWAYS_INLINE bool nbl_pool_usual(const void *handle)
{
	return likely(nbl_pool_published(handle) == ((uint32_t)NBL_POOL_LISTS | NBL_POOL_USUAL));
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

/*
 * Enters the pool of an NBL that is to be freed; NULL after a report. Says nothing of the NBL's
 * state.
 */
COLD struct nbl_pool *nbl_enter_to_free(const NET_BUFFER_LIST *nbl, const char *call);

/*
 * True if nbl is to be freed to an ordinary pool, nbl->NdisPoolHandle, which need not be entered.
 */
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

#endif
