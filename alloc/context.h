/*
 * Context policies: where the per-packet context of an NBL comes from when the NBL's own block is
 * full.
 *
 * Every NBL carries an *inline block* in its own memory (none if the pool has no context). Drivers
 * push context onto the front block and pop it again. That hot case is the same for all policies
 * and stands in nbl/chain.h. A policy supplies the *fallback block* that is pushed in front when
 * the front block has no room, takes it back when the last of its bytes is popped, and may enlarge
 * the inline area. The chain grows and never moves: pointers into older blocks stay valid.
 *
 *	Context -> [prefix | header | unused | used] -> ... -> [header | unused | used]
 *	            16       16       Size bytes                16       Size bytes
 *	            a fallback block, the newest                the inline block, always the last
 *
 * A policy is one header, alloc/context/<name>.h, that ends in a `static const struct context_ops
 * context_<name>_ops`, and one line in alloc/contexts.def. It is folded like a pool strategy.
 *
 * An NBL has one owner at a time, so the hooks on one NBL never run at once; the hand-off between
 * owners orders them. Two NBLs of one pool may be in hooks on two threads. A block may be freed by
 * another thread than the one that allocated it.
 *
 * nbl/chain.h has checked the documented rules before it calls a policy: sizes are multiples of the
 * alignment in force (16, or 8 when relaxed), nothing is 0 where a size is wanted, sums fit the
 * USHORT.
 */
#ifndef ALLOC_CONTEXT_H
#define ALLOC_CONTEXT_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"
#include "alloc/machine/memory.h"
#include "alloc/ndis/types.h"
#include "alloc/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONTEXT_ALIGN_BYTES = MEMORY_ALLOCATION_ALIGNMENT, /* of sizes, by default */
	CONTEXT_ALIGN_POINTER_BYTES = sizeof(void *),      /* of sizes, when the rule is relaxed */
	CONTEXT_BYTES_MAX = 65528, /* the largest multiple of 8 that a USHORT holds */
	CONTEXT_REASON_BYTES = POOL_REASON_BYTES,
	CONTEXT_INLINE = 1, /* NdisReserved[1] of an inline block; 0 in all others */
};

/*
 * Stands directly before the header of every fallback block. A policy allocates
 * context_block_bytes(Size) bytes, aligned to 16, and returns the address of the header in it.
 */
struct context_prefix {
	uint32_t tag;        /* whose the bytes are; written by context_charge */
	uint32_t policy_u32; /* the policy's, from alloc to free and beyond */
	void *policy_ptr;    /* the policy's, from alloc to free and beyond */
};

struct context_traits {
	enum pool_progress progress; /* the worst path of alloc and free */
	/*
	 * What a driver sees is what the reference shows, to the byte: the inline block has the
	 * pool's ContextSize, a fallback block bytes + backfill, and a block without a byte in use
	 * is in no chain. Only such a policy may be the default.
	 */
	bool exact;
	/* No allocation in steady state: what the NBL has or keeps takes everything. */
	bool in_place;
	bool retains; /* keeps memory of blocks after they were freed */
	/*
	 * One block for each push, whether the front block has room or not, and nbl_context_remove
	 * takes blocks out of any place of the chain. False: contexts nest, as documented.
	 */
	bool any_order;
};

/* What a policy's state is made from. */
struct context_config {
	/* The strategy beneath the NBLs, for policies that pool their blocks too. */
	const struct pool_ops *pool_ops;
	uint32_t capacity; /* the most NBLs that can be out at once */
	/* The pool's documented ContextSize; 0..65528, a multiple of align_bytes. */
	uint32_t context_bytes;
	uint32_t align_bytes; /* 16 or 8 */
	uint32_t tag;         /* the pool's */
};

/* The first member of every policy's per-pool state. */
struct context {
	const struct context_ops *ops; /* set by context_create */
	struct context_config config;  /* set by context_create */
	/*
	 * Bytes of the inline area of every NBL, the header not counted: set by ops->create, at
	 * least config.context_bytes, at most 65528, a multiple of config.align_bytes. 0: NBLs have
	 * no inline block.
	 */
	uint32_t inline_bytes;
	/*
	 * Where the header of the inline block stands in each NBL; 0: there is none. Set by the NBL
	 * pool once it has laid its objects out.
	 */
	uint32_t inline_offset;
	/* The rest serves context_kept; set up by context_create. */
	pthread_mutex_t lock;           /* of attach, detach and context_kept */
	struct context_thread *threads; /* attached now */
	uint64_t kept_gone;             /* sum of `kept` of threads that have detached */
};

/* How often the fallback ran; written by the attached thread alone. */
struct context_paths {
	uint64_t allocate; /* memory was asked of the system's allocator */
	uint64_t reuse;    /* a fallback block came from what the policy keeps */
};

/* The first member of every policy's per-thread state. */
struct context_thread {
	struct context *context;
	struct context_paths paths;
	atom_u64 kept;       /* see context_keep; below 0 where others keep what this thread uses */
	uint64_t untold_max; /* blocks by which a tag's account may be off; 0: told at once */
	atom_ptr cells;      /* struct context_cells: what it has charged (accounts.h) */
	struct context_thread *next; /* of the same context; under its lock */
};

struct context_ops {
	const char *name;    /* as in contexts.def */
	const char *summary; /* one line for `nblbench list` */
	struct context_traits traits;

	/*
	 * Makes the state for one NBL pool; sets inline_bytes. context_create alone calls it and
	 * fills in ops and config afterwards. 0 and *out; or -ENOMEM, with *out untouched and
	 * nothing leaked.
	 */
	int (*create)(const struct context_config *config, struct context **out);

	/*
	 * Frees everything, kept blocks included. No thread is attached, no NBL is out, every NBL
	 * was retired.
	 */
	void (*destroy)(struct context *context);

	/* As in struct pool_ops: a handle for the calling thread. 0 and *out, or -ENOMEM. */
	int (*attach)(struct context *context, struct context_thread **out);

	/* Optional. As in struct pool_ops: the handle becomes the calling thread's. */
	void (*adopt)(struct context *context, struct context_thread *self);

	/* Gives back what the thread keeps; the handle is dead. */
	void (*detach)(struct context *context, struct context_thread *self);

	/* Optional, hot. Called when an NBL is allocated whose word (context_word) is not NULL. */
	void (*begin)(struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl);

	/*
	 * Supplies a block for bytes + backfill (sum: a multiple of the alignment, at most 65528),
	 * wholly unused (context_set_unused) and charged to tag (context_charge). Its Size is the
	 * sum, or, if the policy is not exact, may be larger and a multiple of the alignment; the
	 * slack goes into the backfill. NULL: no memory. May read the NBL's chain.
	 */
	NET_BUFFER_LIST_CONTEXT *(*alloc)(struct context *context, struct context_thread *self,
		NET_BUFFER_LIST *nbl, uint32_t bytes, uint32_t backfill, uint32_t tag);

	/*
	 * Takes back a block that alloc supplied for this NBL; it has left the chain, and its
	 * Offset means nothing. Takes its bytes off the tag (context_uncharge) unless they stay
	 * with the NBL.
	 */
	void (*free)(struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl,
		NET_BUFFER_LIST_CONTEXT *block);

	/*
	 * Optional. Called when an NBL is freed, after its last fallback block has left the chain
	 * and before its memory goes back to the pool.
	 */
	void (*end)(struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl);

	/*
	 * Optional. The NBL's memory goes back to the system: drop what the policy has parked with
	 * it (context_word). Called once for each object when the pool is destroyed, with self NULL
	 * because no thread is attached; when a free object is trimmed; and after `end` at every
	 * free where the strategy beneath is a general allocator, or `null`, whose memory ends with
	 * its threads. Policies that keep memory with an NBL need it.
	 */
	void (*retire)(struct context *context, struct context_thread *self, NET_BUFFER_LIST *nbl);

	/* Gives what the calling thread keeps back, and forgets what was learned. */
	void (*flush)(struct context *context, struct context_thread *self);

	/*
	 * Bytes that the policy keeps when contexts are popped: exact on a quiet pool without
	 * contexts, an estimate otherwise.
	 */
	uint64_t (*kept_bytes)(struct context *context);

	/*
	 * Verifies the policy's invariants on a quiet pool. 0, or -EINVAL with a sentence in why
	 * (CONTEXT_REASON_BYTES).
	 */
	int (*check)(struct context *context, char *why);

	/*
	 * Optional. Verifies what the policy knows of one NBL that is out and in nobody's hands;
	 * context_check_nbl has walked its chain before. Result and why as in check.
	 */
	int (*check_nbl)(struct context *context, NET_BUFFER_LIST *nbl, char *why);
};

/* The policies in the order of contexts.def; ends in NULL. */
extern const struct context_ops *const contexts[];

/* By name; NULL if there is none. */
const struct context_ops *context_find(const char *name);

/* What a program gets that asked for no policy: the best verified one that is exact. */
const struct context_ops *context_default(void);

/* Checks every table of the list. 0, or -EINVAL with a sentence in why (CONTEXT_REASON_BYTES). */
int contexts_validate(char *why);

/*
 * Creates a policy's state. 0 and *out; -EINVAL: config is out of its ranges; -ENOMEM. *out is
 * untouched on failure.
 */
int context_create(
	const struct context_ops *ops, const struct context_config *config, struct context **out);
void context_destroy(struct context *context);

/*
 * Verifies the chain of an NBL that is out and that no other thread touches, whatever the policy:
 * it ends; offsets, limits and sizes are in order and aligned; the inline block is the last. Then
 * asks the policy. 0, or -EINVAL with a sentence in why (CONTEXT_REASON_BYTES).
 */
int context_check_nbl(struct context *context, NET_BUFFER_LIST *nbl, char *why);

/*
 * Shared pieces for policy files.
 */

/* Memory of a fallback block with `size` bytes of context. */
ALWAYS_INLINE size_t context_block_bytes(uint32_t size)
{
	return sizeof(struct context_prefix) + sizeof(NET_BUFFER_LIST_CONTEXT) + size;
}

ALWAYS_INLINE struct context_prefix *context_prefix(NET_BUFFER_LIST_CONTEXT *block)
{
	return (struct context_prefix *)block - 1;
}

/* The header in memory that was allocated for a fallback block. */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_block(void *memory)
{
	return (NET_BUFFER_LIST_CONTEXT *)((struct context_prefix *)memory + 1);
}

/*
 * True if the block leaves the chain at its limit: what stands for the limit is odd (nbl/chain.h).
 */
ALWAYS_INLINE bool context_leaves(const NET_BUFFER_LIST_CONTEXT *block)
{
	return block->NdisReserved[0] % 2 != 0;
}

/* The Offset up to which a block may be popped. */
ALWAYS_INLINE uint32_t context_limit(const NET_BUFFER_LIST_CONTEXT *block)
{
	return (uint32_t)block->NdisReserved[0] + context_leaves(block);
}

/*
 * Makes the header that of a fallback block that is wholly unused: all of Size, which is not 0, may
 * be popped, and then the block leaves.
 */
ALWAYS_INLINE void context_set_unused(NET_BUFFER_LIST_CONTEXT *block, uint32_t size)
{
	block->Size = (USHORT)size;
	block->Offset = (USHORT)size;
	block->NdisReserved[0] = (USHORT)(size - 1);
	block->NdisReserved[1] = 0; /* no inline block */
}

/*
 * The policy's own word in each NBL. NULL in memory that never was an NBL of this pool; otherwise
 * as the policy left it, from one use of the object to the next, until `retire`.
 */
ALWAYS_INLINE void **context_word(NET_BUFFER_LIST *nbl)
{
	return &nbl->NdisReserved[1];
}

/* True if block is the inline block of nbl. */
ALWAYS_INLINE bool context_is_inline(const struct context *context, const NET_BUFFER_LIST *nbl,
	const NET_BUFFER_LIST_CONTEXT *block)
{
	return context->inline_offset != 0 &&
	       (const unsigned char *)block == (const unsigned char *)nbl + context->inline_offset;
}

/* The front block, if it is a fallback block; else NULL: then the NBL has none at all. */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_front_fallback(const NET_BUFFER_LIST *nbl)
{
	NET_BUFFER_LIST_CONTEXT *front = nbl->Context;

	return front == NULL || front->NdisReserved[1] == CONTEXT_INLINE ? NULL : front;
}

/*
 * attach and detach with `bytes` bytes of zeroed state, of which struct context_thread is the first
 * member. detach takes any handle of that size.
 */
int context_attach_sized(struct context *context, size_t bytes, struct context_thread **out);
void context_detach_sized(struct context *context, struct context_thread *self, size_t bytes);

/* create, destroy, attach and detach for policies without state of their own. */
int context_create_plain(const struct context_config *config, struct context **out);
void context_destroy_plain(struct context *context);
int context_attach_plain(struct context *context, struct context_thread **out);
void context_detach_plain(struct context *context, struct context_thread *self);

/*
 * What the policy keeps, counted without a shared write: each thread counts what it laid by and
 * what it took, and the sum over all threads is the figure. Relaxed: only self writes its cell, and
 * a reader wants no other memory on its account.
 */
ALWAYS_INLINE void context_keep(struct context_thread *self, int64_t bytes)
{
	atom_store_relaxed(&self->kept, atom_load_relaxed(&self->kept) + (uint64_t)bytes);
}

/* The sum: kept_bytes for policies that count so. Waits for threads that attach or detach. */
uint64_t context_kept(struct context *context);

/* check for policies that count so: more cannot be in use than was laid by. */
int context_check_kept(struct context *context, char *why);

/* flush, kept_bytes and check for policies that keep nothing. */
ALWAYS_INLINE void context_flush_nothing(struct context *context, struct context_thread *self)
{
	(void)context;
	(void)self;
}
ALWAYS_INLINE uint64_t context_kept_nothing(struct context *context)
{
	(void)context;
	return 0;
}
ALWAYS_INLINE int context_check_nothing(struct context *context, char *why)
{
	(void)context;
	(void)why;
	return 0;
}

/* What a block counts for in the accounts: the bytes that the reference has NDIS allocate. */
ALWAYS_INLINE uint32_t context_charged_bytes(const NET_BUFFER_LIST_CONTEXT *block)
{
	return (uint32_t)sizeof(*block) + block->Size;
}

/*
 * Counts a block of `bytes` bytes under a tag; delta 1 or -1. Without a thread, when a pool ends,
 * self is NULL and the tag's account is told at once. Defined in context/accounts.c.
 */
void context_account(struct context_thread *self, uint32_t tag, uint32_t bytes, int64_t delta);

/* Tells the tags' accounts all that the thread has counted, for it ends. Likewise. */
void context_account_end(struct context_thread *self);

/* Charges a block that is charged to nobody; its Size is set. */
ALWAYS_INLINE void context_charge(
	struct context_thread *self, NET_BUFFER_LIST_CONTEXT *block, uint32_t tag)
{
	context_prefix(block)->tag = tag;
	context_account(self, tag, context_charged_bytes(block), 1);
}

/* Takes a block off the tag that it is charged to. self as for context_account. */
ALWAYS_INLINE void context_uncharge(struct context_thread *self, NET_BUFFER_LIST_CONTEXT *block)
{
	context_account(self, context_prefix(block)->tag, context_charged_bytes(block), -1);
}

/*
 * A fallback block from the C library, testable through memory_fault; for policies of which malloc
 * is the last resort. Size is the block's context bytes. Charged to tag. NULL: no memory.
 */
ALWAYS_INLINE NET_BUFFER_LIST_CONTEXT *context_malloc_block(
	struct context_thread *self, uint32_t size, uint32_t tag)
{
	size_t bytes = context_block_bytes(size);
	void *memory = memory_fault(bytes) ? NULL : malloc(bytes);

	if (unlikely(memory == NULL))
		return NULL;
	self->paths.allocate++;
	NET_BUFFER_LIST_CONTEXT *block = context_block(memory);
	context_set_unused(block, size);
	context_charge(self, block, tag);
	return block;
}

/* Its end. self as for context_account. */
ALWAYS_INLINE void context_free_block(struct context_thread *self, NET_BUFFER_LIST_CONTEXT *block)
{
	context_uncharge(self, block);
	free(context_prefix(block));
}

#endif
