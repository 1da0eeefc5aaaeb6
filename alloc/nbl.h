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
 *	line 0     0    NBL: links, Context, pool, our words, flags, counts    written each time
 *	lines 1-5  64   NBL: parent, scratch, reserved arrays, info slots      read, written if dirty
 *	lines 6-7  384  NB: reserved arrays, addresses                         read, written if dirty
 *	line 8     512  NB: links, MDLs, lengths; inline block's header        written each time
 *	line 9     576  the inline block's bytes                               the drivers'
 *	           ...  data pools: the MDL, its data on the next line         MDL: written each time
 *
 * Lines 6 and 7 and the NB exist in pools with an NB; without, the inline block's header is at 384.
 * So an allocation and its free write two lines of a reused object, three in a data pool. What most
 * packets leave alone is compared with its resting value when the NBL is freed, where the driver
 * has just had the lines, and rewritten only if it differs; the lines stay shared between the CPUs.
 *
 * Our words. NdisReserved[0] is the object's mark: its address, its pool's address and its state,
 * combined by XOR, so that one compare on a line that is written anyway finds double frees, foreign
 * pointers and copies. NdisReserved[1] belongs to the context policy. In a context block,
 * NdisReserved[0] is the *limit*: the Offset at which nothing is left that nbl_context_pop may
 * take; NdisReserved[1] is the Offset at which the block leaves the chain, CONTEXT_STAYS for never.
 *
 * I1  An object in the strategy's pool has its mark FREE (or 0: never used), and resting values in
 * lines 1-7.
 * I2  limit <= Size in every block; Offset <= limit.
 * I3  The inline block, if there is one, is the last of the chain.
 */
#ifndef ALLOC_NBL_H
#define ALLOC_NBL_H

#include "alloc/atomic.h"
#include "alloc/context.h"
#include "alloc/ndis/types.h"
#include "alloc/pool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	NBL_POOLS_MAX =
		4096, /* pools that can exist at once: each has a slot in every thread's table */
	NBL_OBJECTS_DEFAULT =
		1 << 20, /* NDIS pools have no capacity; addresses are reserved for so many */
	NBL_QUARANTINE_OBJECTS =
		64, /* freed objects that a thread keeps out of use in a verify pool */
	NBL_ACCOUNT_BATCH =
		256, /* a thread tells the tag's shared count when it is off by so many objects */

	NBL_REST_OFFSET = CACHE_LINE_BYTES, /* where the parts begin that are compared on free */
	NBL_NB_OFFSET = sizeof(NET_BUFFER_LIST),
	NBL_NB_HOT_OFFSET = NBL_NB_OFFSET + offsetof(NET_BUFFER, Next),
	NBL_LOOSE_NB_OFFSET =
		16, /* of the NB in an object of an NB pool: the pool's word and our mark stand before it */

	CONTEXT_STAYS = 0xFFFF, /* not a multiple of 8, so no Offset */
};

_Static_assert(offsetof(NET_BUFFER_LIST, ParentNetBufferList) == NBL_REST_OFFSET, "line 0");
_Static_assert(NBL_NB_HOT_OFFSET % CACHE_LINE_BYTES == 0, "line 8");
_Static_assert(sizeof(NET_BUFFER) - offsetof(NET_BUFFER, Next) + sizeof(NET_BUFFER_LIST_CONTEXT) <=
		       CACHE_LINE_BYTES,
	"the inline block's header shares the NB's line");
_Static_assert(sizeof(NET_BUFFER_LIST_CONTEXT) == CONTEXT_ALIGN_BYTES, "context data is aligned");

/*
 * Misuse by a driver: found, reported, and nothing changed.
 */

enum nbl_misuse_kind {
	NBL_MISUSE_DOUBLE_FREE,    /* the object is free already */
	NBL_MISUSE_FOREIGN_OBJECT, /* not an object of this kind, or our words were overwritten */
	NBL_MISUSE_FOREIGN_HANDLE, /* not a pool handle, of another kind, or of a pool that is gone */
	NBL_MISUSE_CONTEXT_SIZE, /* a context free of a size that is no multiple of the alignment */
	NBL_MISUSE_CONTEXT_OVERFREE,    /* more context than the front block has in use */
	NBL_MISUSE_CONTEXT_OF_NBL,      /* context that came with the NBL and goes with it */
	NBL_MISUSE_CONTEXT_OUTSTANDING, /* an NBL freed with contexts on it */
	NBL_MISUSE_EMBEDDED_NB,         /* the NB of an NBL freed alone */
	NBL_MISUSE_WRONG_FREE, /* a clone freed as a plain NBL, the reverse, or with other flags */
	NBL_MISUSE_POOL_OUTSTANDING, /* a pool freed while objects of it are out */
	NBL_MISUSE_USE_AFTER_FREE,   /* a freed object was used or written to */
	NBL_MISUSE_ADVANCE,          /* an advance beyond the data */
	NBL_MISUSE_KINDS,
};

struct nbl_misuse {
	enum nbl_misuse_kind kind;
	const char *call;   /* the function that found it */
	uint32_t tag;       /* the pool's; 0 where no pool is known */
	const void *object; /* the NBL, NB or handle as passed */
	const char *text;   /* one sentence, valid during the call of the handler */
};

/*
 * Receives each misuse, on the thread that committed it, with no lock held. When it returns, the
 * call that found the misuse returns too, with the state unchanged.
 */
typedef void (*nbl_misuse_handler)(void *arg, const struct nbl_misuse *misuse);

/*
 * Replaces the handler; NULL brings back the default, which prints the sentence to stderr and
 * aborts. Setting it while other threads are in calls is a race.
 */
void nbl_set_misuse_handler(nbl_misuse_handler handler, void *arg);

/* Tells the handler; text is printf-style. object's pool, if known, gives the tag. */
struct nbl_pool;
void nbl_misuse(enum nbl_misuse_kind kind, const char *call, const struct nbl_pool *pool,
	const void *object, const char *format, ...) __attribute__((cold, format(printf, 5, 6)));

/* One word each for reports. */
const char *nbl_misuse_name(enum nbl_misuse_kind kind);

/*
 * Pools.
 */

enum nbl_pool_kind {
	NBL_POOL_NONE,  /* the slot is not in use */
	NBL_POOL_LISTS, /* of NBLs */
	NBL_POOL_NBS,   /* of loose NBs */
};

struct nbl_pool_config {
	enum nbl_pool_kind kind;
	const struct pool_ops *ops;       /* the strategy; NULL: the process's default */
	const struct context_ops *policy; /* NULL: the process's default */
	uint32_t capacity; /* objects; 0: NBL_OBJECTS_DEFAULT, or what 1 GiB of addresses holds */
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
 */
struct nbl_pool {
	enum nbl_pool_kind kind;
	uint32_t id; /* place in the table, and in each thread's */
	struct pool *pool;
	const struct pool_ops *ops;
	struct context *context; /* NULL in a pool of NBs */
	const struct context_ops *policy;
	uint32_t tag;
	uint32_t align_mask;    /* context sizes have none of these bits */
	uint32_t inline_offset; /* of the inline block's header in the object; 0: there is none */
	uint32_t inline_bytes;  /* of the inline block */
	uint32_t mdl_offset;    /* of the MDL in the object, its data behind it; 0: there is none */
	uint32_t data_offset;   /* of the data in the object */
	uint32_t data_bytes;
	uint32_t mdl_bytes;   /* MDL and page array */
	uint32_t link_offset; /* LISTS: of the object's link in `born` */
	uint32_t object_bytes;
	bool with_nb;
	bool verify;
	bool checks; /* every call verifies marks: verify pools, and all pools in debug builds */
	uint8_t protocol_id;
	/* What follows is under the registry's lock. */
	struct nbl_thread *threads; /* attached now */
	uint64_t live_gone;         /* sum of `live` of threads that have detached */
	NET_BUFFER_LIST *born;      /* likewise their `born` */
	struct nbl_tag *account;
} CACHE_PAIR_ALIGNED;

/*
 * Per-thread state of a pool: what the strategy and the policy have, and counters that only this
 * thread writes.
 */
struct nbl_thread {
	struct nbl_pool *pool;
	struct pool_thread *pool_thread;
	struct context_thread *context_thread; /* NULL in a pool of NBs */
	atom_u64
		live; /* objects this thread allocated less those it freed; below 0 where it frees for others */
	atom_u64 high; /* the highest `live` so far, as a signed number */
	NET_BUFFER_LIST
	*born; /* objects that this thread was the first to use, linked by nbl_born_next */
	uint64_t published;      /* how much of `live` the tag's shared count knows */
	struct nbl_thread *next; /* of the same pool; under the registry's lock */
	struct nbl_thread **
		slot; /* this thread's entry in its own table, or NULL; under the registry's lock */
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
 * on, if handle is not one of this kind or objects are out: misuse, reported under `call`. No other
 * thread is in a call on the pool.
 */
bool nbl_pool_destroy(void *handle, enum nbl_pool_kind kind, const char *call);

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
void nbl_detach(struct nbl_thread *self);

/*
 * The default strategy and policy of pools created from now on: NULL means NBL_POOL and NBL_CONTEXT
 * in the environment, and without those pool_default() and context_default(). 0; -EINVAL, with a
 * sentence in why (POOL_REASON_BYTES) that lists the known names; -ENOTSUP, with the strategy's
 * reason. Not while another thread creates pools.
 */
int nbl_set_default_pool(const char *name, char *why);
int nbl_set_default_context(const char *name, char *why);

/*
 * The alignment of context sizes in pools created from now on: 16 (the default), or 8, which newer
 * reference pages and some drivers use. NBL_CONTEXT_ALIGNMENT=pointer in the environment means 8. 0
 * or -EINVAL.
 */
int nbl_set_context_alignment(uint32_t bytes);

extern struct nbl_pool nbl_pools[NBL_POOLS_MAX];
extern _Thread_local struct nbl_thread *nbl_threads[NBL_POOLS_MAX];

/*
 * True if handle is that of a living pool of this kind; looks only at the static table. Four
 * instructions and a load.
 */
ALWAYS_INLINE bool nbl_pool_valid(const void *handle, enum nbl_pool_kind kind)
{
	uintptr_t offset = (uintptr_t)handle - (uintptr_t)nbl_pools;

	return offset < sizeof(nbl_pools) && offset % sizeof(nbl_pools[0]) == 0 &&
	       ((const struct nbl_pool *)handle)->kind == kind;
}

/*
 * Attaches on a thread's first use of a pool; NULL: no memory. Detached when the thread or the pool
 * ends.
 */
COLD struct nbl_thread *nbl_self_attach(struct nbl_pool *pool);

/* The calling thread's state for the pool: one load from its table. */
ALWAYS_INLINE struct nbl_thread *nbl_self(struct nbl_pool *pool)
{
	struct nbl_thread *self = nbl_threads[pool->id];

	return likely(self != NULL) ? self : nbl_self_attach(pool);
}

/*
 * Accounting.
 */

struct nbl_tag_usage {
	uint32_t tag;
	int64_t objects; /* NBLs, NBs, MDLs and context blocks that are out under the tag */
	int64_t bytes;   /* of them */
	/*
	 * Never too low; too high by at most NBL_ACCOUNT_BATCH objects a thread; exact with one
	 * thread.
	 */
	int64_t peak_objects;
	int64_t peak_bytes; /* likewise */
};

/*
 * Fills in up to n rows, one a tag that was ever used, in the order of first use, and returns how
 * many tags there are. Live figures are exact when no other thread is in a call. Takes the
 * registry's lock.
 */
size_t nbl_tags(struct nbl_tag_usage *rows, size_t n);

/* Tells the tag's shared count what it does not know yet. */
COLD void nbl_account_publish(struct nbl_thread *self);

/*
 * Counts one object out (delta 1) or back (-1): a load, a store and two compares of the thread's
 * own line.
 */
ALWAYS_INLINE void nbl_account(struct nbl_thread *self, int64_t delta)
{
	/*
	 * Relaxed: only this thread writes; readers fold the counters and want no other memory on
	 * their account.
	 */
	uint64_t live = atom_load_relaxed(&self->live) + (uint64_t)delta;

	atom_store_relaxed(&self->live, live);
	if (delta > 0 && (int64_t)live > (int64_t)atom_load_relaxed(&self->high))
		atom_store_relaxed(&self->high, live);
	if (unlikely(live - self->published + NBL_ACCOUNT_BATCH > 2 * NBL_ACCOUNT_BATCH))
		nbl_account_publish(self);
}

/* Counts a fallback block of `bytes` bytes under a tag; delta 1 or -1. */
void nbl_account_block(uint32_t tag, uint32_t bytes, int delta);

/*
 * Marks.
 */

enum nbl_mark {
	NBL_MARK_LIVE = 0x6c697665,
	NBL_MARK_CLONE = 0x636c6f6e,
	NBL_MARK_FREE = 0x66726565,
};

ALWAYS_INLINE void *nbl_mark(const void *object, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return (void *)((uintptr_t)object ^ (uintptr_t)pool ^ (uintptr_t)mark);
}

ALWAYS_INLINE bool nbl_is(
	const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool, enum nbl_mark mark)
{
	return nbl->NdisReserved[0] == nbl_mark(nbl, pool, mark);
}

/* True for an NBL that the caller may use: plain or clone. */
ALWAYS_INLINE bool nbl_is_live(const NET_BUFFER_LIST *nbl, const struct nbl_pool *pool)
{
	return nbl_is(nbl, pool, NBL_MARK_LIVE) || nbl_is(nbl, pool, NBL_MARK_CLONE);
}

/*
 * Reports why nbl, which should be live, is not: double free, use after free, foreign pointer,
 * wrong kind of free. Looks at the NBL's first line only.
 */
COLD void nbl_report_not_live(const NET_BUFFER_LIST *nbl, const char *call);

/* The pool of an NBL that the caller may use, or NULL after a report. */
ALWAYS_INLINE struct nbl_pool *nbl_pool_of(const NET_BUFFER_LIST *nbl, const char *call)
{
	if (likely(nbl != NULL)) {
		struct nbl_pool *pool = (struct nbl_pool *)nbl->NdisPoolHandle;

		if (likely(nbl_pool_valid(pool, NBL_POOL_LISTS) && nbl_is_live(nbl, pool)))
			return pool;
	}
	nbl_report_not_live(nbl, call);
	return NULL;
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

/* OR of n words. The loop becomes vector loads, no store. */
ALWAYS_INLINE uint64_t nbl_or_words(const void *words, size_t n)
{
	typedef uint64_t __attribute__((may_alias)) word;
	const word *w = words;
	uint64_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= w[i];
	return any;
}

enum {
	NBL_PROTOCOL_OFFSET = offsetof(NET_BUFFER_LIST, NetBufferListInfo) +
			      NetBufferListProtocolId * sizeof(void *),
	NBL_WORD_BYTES = sizeof(uint64_t),
};

/* True if lines 1 to 5 (1 to 7 with an NB) hold anything but their resting values. */
ALWAYS_INLINE bool nbl_is_dirty(const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl)
{
	const unsigned char *bytes = (const unsigned char *)nbl;
	const size_t after = NBL_PROTOCOL_OFFSET + NBL_WORD_BYTES;
	uint64_t any = nbl_or_words(
		bytes + NBL_REST_OFFSET, (NBL_PROTOCOL_OFFSET - NBL_REST_OFFSET) / NBL_WORD_BYTES);

	any |= (uint64_t)(uintptr_t)nbl->NetBufferListInfo[NetBufferListProtocolId] ^
	       pool->protocol_id;
	if (pool->with_nb)
		any |= nbl_or_words(bytes + after, (NBL_NB_HOT_OFFSET - after) / NBL_WORD_BYTES);
	else
		any |= nbl_or_words(bytes + after, (NBL_NB_OFFSET - after) / NBL_WORD_BYTES);
	return any != 0;
}

/* Puts the resting values back. */
ALWAYS_INLINE void nbl_clean(const struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	size_t end = pool->with_nb ? (size_t)NBL_NB_HOT_OFFSET : (size_t)NBL_NB_OFFSET;

	memset((unsigned char *)nbl + NBL_REST_OFFSET, 0, end - NBL_REST_OFFSET);
	nbl->NetBufferListInfo[NetBufferListProtocolId] = (void *)(uintptr_t)pool->protocol_id;
}

/* What never changes in an object's life. */
ALWAYS_INLINE void nbl_birth(struct nbl_pool *pool, NET_BUFFER_LIST *nbl)
{
	nbl->NdisPoolHandle = pool;
	nbl->NdisReserved[1] = NULL;
	nbl_clean(pool, nbl);
	if (pool->with_nb)
		nbl_embedded_nb(nbl)->NdisPoolHandle = pool;
}

/* In memory that stays an NBL until the pool is destroyed: also remembers the object. */
COLD void nbl_birth_once(struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl);

/*
 * Cold parts of verify pools: take an object into quarantine (another one leaves), and check one at
 * rest.
 */
COLD void nbl_quarantine(struct nbl_thread *self, void *object);

/*
 * Context.
 */

ALWAYS_INLINE uint32_t context_limit(const NET_BUFFER_LIST_CONTEXT *block)
{
	return block->NdisReserved[0];
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
		policy->alloc(pool->context, self->context_thread, nbl, bytes, backfill);
	if (unlikely(block == NULL))
		return -ENOMEM;
	uint32_t offset = block->Size - bytes;
	context_prefix(block)->tag = tag;
	block->Next = nbl->Context;
	block->Offset = (USHORT)offset;
	block->NdisReserved[0] = owned ? (USHORT)offset : block->Size;
	block->NdisReserved[1] = owned ? (USHORT)CONTEXT_STAYS : block->Size;
	nbl->Context = block;
	nbl_account_block(tag, (uint32_t)sizeof(*block) + block->Size, 1);
	return 0;
}

/* Takes the front block, a fallback block, out of the chain and gives it back. */
ALWAYS_INLINE void nbl_context_release(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	NET_BUFFER_LIST_CONTEXT *block = nbl->Context;

	nbl->Context = block->Next;
	nbl_account_block(context_prefix(block)->tag, (uint32_t)sizeof(*block) + block->Size, -1);
	policy->free(pool->context, self->context_thread, nbl, block);
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

	if (unlikely(((bytes | backfill) & pool->align_mask) != 0))
		return NBL_ROOM_REFUSED;
	if (unlikely(bytes == 0))
		return NBL_ROOM_MADE;
	if (!policy->traits.any_order && likely(front != NULL && front->Offset >= bytes)) {
		front->Offset = (USHORT)(front->Offset - bytes);
		return NBL_ROOM_MADE;
	}
	return NBL_ROOM_NONE;
}

/*
 * NdisAllocateNetBufferListContext, after the caller has made sure that nbl is live and of this
 * pool. bytes, backfill: as documented, 0..65535. 0; -EINVAL: a size is no multiple of the
 * alignment, or the sum passes the USHORT; -ENOMEM. Nothing changed on failure. With room: four
 * loads, a store, no call.
 */
ALWAYS_INLINE int nbl_context_push(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill,
	uint32_t tag)
{
	enum nbl_room room = nbl_context_room(policy, pool, nbl, bytes, backfill);

	if (likely(room == NBL_ROOM_MADE))
		return 0;
	if (unlikely(room == NBL_ROOM_REFUSED))
		return -EINVAL;
	return nbl_context_fallback(policy, pool, self, nbl, bytes, backfill, tag, false);
}

/* Reports what is wrong with a pop of `bytes` bytes. */
COLD void nbl_report_pop(
	const struct nbl_pool *pool, const NET_BUFFER_LIST *nbl, uint32_t bytes, const char *call);

enum nbl_popped { NBL_POPPED, NBL_POPPED_LAST, NBL_POP_REFUSED };

/*
 * The part of a pop that needs no per-thread state. POPPED: done. LAST: done, and the front block,
 * a fallback block, is to be released. REFUSED: misuse, nothing changed.
 */
ALWAYS_INLINE enum nbl_popped nbl_context_give(
	const struct nbl_pool *pool, NET_BUFFER_LIST *nbl, uint32_t bytes)
{
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	if (unlikely((bytes & pool->align_mask) != 0))
		return NBL_POP_REFUSED;
	if (unlikely(bytes == 0))
		return NBL_POPPED;
	if (unlikely(front == NULL))
		return NBL_POP_REFUSED;
	uint32_t offset = front->Offset + bytes;
	if (unlikely(offset > context_limit(front)))
		return NBL_POP_REFUSED;
	front->Offset = (USHORT)offset;
	return unlikely(offset == front->NdisReserved[1]) ? NBL_POPPED_LAST : NBL_POPPED;
}

/*
 * NdisFreeNetBufferListContext, after the caller has made sure that nbl is live and of this pool.
 * False: misuse, reported under `call`, nothing changed. Within a block: four loads, a store, no
 * call.
 */
ALWAYS_INLINE bool nbl_context_pop(const struct context_ops *policy, struct nbl_pool *pool,
	struct nbl_thread *self, NET_BUFFER_LIST *nbl, uint32_t bytes, const char *call)
{
	enum nbl_popped popped = nbl_context_give(pool, nbl, bytes);

	if (likely(popped == NBL_POPPED))
		return true;
	if (unlikely(popped == NBL_POP_REFUSED)) {
		nbl_report_pop(pool, nbl, bytes, call);
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
		if (context_prefix(b)->tag == tag && b->NdisReserved[1] != CONTEXT_STAYS)
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
	nbl_account_block(context_prefix(block)->tag, (uint32_t)sizeof(*block) + block->Size, -1);
	policy->free(pool->context, self->context_thread, nbl, block);
}

/*
 * Data.
 */

/* Where in a chain of MDLs an offset lies. */
struct nbl_place {
	MDL *mdl; /* NULL for an empty chain */
	uint32_t offset;
};

/*
 * Finds `offset` in the chain: in the MDL that holds it; on an MDL's end, at the start of the next;
 * at the end of the chain, at the end of its last MDL. False if the chain ends before offset +
 * length.
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
		nbl_birth_once(pool, self, nbl);
	else if (ops->traits.kind == POOL_KIND_POOL && unlikely(pool->checks))
		nbl_rest_intact(pool, nbl, "NBL allocation");

	NET_BUFFER_LIST_CONTEXT *block = nbl_inline_block(pool, nbl);
	nbl->Next = NULL;
	nbl->FirstNetBuffer = pool->with_nb ? nbl_embedded_nb(nbl) : NULL;
	nbl->Context = block;
	nbl->NdisReserved[0] = nbl_mark(nbl, pool, NBL_MARK_LIVE);
	nbl->NblFlags = 0;
	nbl->Flags = 0;
	nbl->ChildRefCount = 0;
	nbl->Status = 0;
	uint32_t shown = pool->inline_bytes;
	if (policy->begin)
		shown = policy->begin(pool->context, self->context_thread, nbl);
	if (block != NULL) {
		block->Next = NULL;
		block->Size = (USHORT)shown;
		block->Offset = (USHORT)shown;
		block->NdisReserved[0] = (USHORT)shown;
		block->NdisReserved[1] = CONTEXT_STAYS;
	}
	nbl_account(self, 1);
	return nbl;
}

/* Puts a live NBL back that has nothing on it. */
ALWAYS_INLINE void nbl_put(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl)
{
	if (policy->end)
		policy->end(pool->context, self->context_thread, nbl);
	nbl->NdisReserved[0] = nbl_mark(nbl, pool, NBL_MARK_FREE);
	nbl_account(self, -1);
	if (ops->traits.kind == POOL_KIND_ALLOCATOR) {
		if (policy->retire)
			policy->retire(pool->context, self->context_thread, nbl);
	} else if (unlikely(nbl_is_dirty(pool, nbl))) {
		nbl_clean(pool, nbl);
	}
	if (unlikely(pool->verify))
		nbl_quarantine(self, nbl);
	else
		ops->put(pool->pool, self->pool_thread, nbl);
}

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

	if (unlikely(((context_bytes | backfill) & pool->align_mask) != 0 || length > UINT32_MAX ||
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
		nbl_put(ops, policy, pool, self, nbl);
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

/*
 * Frees a live, plain NBL of this pool and what came with it. False: misuse, reported under `call`,
 * nothing changed: not a live NBL, a clone, or contexts are still on it. Never follows Next.
 */
ALWAYS_INLINE bool nbl_free(const struct pool_ops *ops, const struct context_ops *policy,
	struct nbl_pool *pool, struct nbl_thread *self, NET_BUFFER_LIST *nbl, enum nbl_mark mark,
	const char *call)
{
	NET_BUFFER_LIST_CONTEXT *block = nbl_inline_block(pool, nbl);

	if (unlikely(!nbl_is(nbl, pool, mark))) {
		nbl_report_not_live(nbl, call);
		return false;
	}
	if (unlikely(nbl->Context != block ||
		     (block != NULL && block->Offset != context_limit(block)))) {
		if (nbl_report_contexts(pool, nbl, call))
			return false;
		while (nbl->Context != block)
			nbl_context_release(policy, pool, self, nbl);
	}
	nbl_put(ops, policy, pool, self, nbl);
	return true;
}

#endif
