/*
 * What a program may ask of this implementation beyond the documented family: which strategy works
 * beneath the documented names, what happens at misuse, and who has how much memory. For C11 and
 * C++17; needs no other header of ours.
 */
#ifndef ALLOC_NDIS_NBLBENCH_H
#define ALLOC_NDIS_NBLBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Strategy and policy.
 *
 * A program that asks for nothing gets the best verified strategy that the machine supports. Its
 * environment can choose others, NBL_POOL=<strategy> and NBL_CONTEXT=<policy>, and a call here wins
 * over the environment. Pools that exist keep what they were made with.
 *
 * NDIS pools have no capacity: each pool reserves addresses, not memory, for 2^20 objects or what
 * 1 GiB holds, whichever is less, and answers NULL beyond. Over a bounded structure (a ring, say),
 * which pays for its capacity when it is made, it is 2^14 objects.
 */

enum { NBL_REASON_BYTES = 512 }; /* room for a sentence that lists all names */

/*
 * The strategy (policy) of pools created from now on; NULL: back to the environment, then to the
 * default. 0; -EINVAL: the name is not known, or the strategy serves one thread only; -ENOTSUP: it
 * cannot run here. After a failure why (NBL_REASON_BYTES) holds a sentence that lists the known
 * names or says what is missing. Not while another thread creates pools.
 */
int nbl_set_default_pool(const char *name, char *why);
int nbl_set_default_context(const char *name, char *why);

/*
 * The alignment of context sizes in pools created from now on: 16 (the documented default), or 8,
 * which a newer edition of the reference and some drivers use; 0: back to the environment, where
 * NBL_CONTEXT_ALIGNMENT=pointer means 8. 0, or -EINVAL for another number. Not while another thread
 * creates pools.
 */
int nbl_set_context_alignment(uint32_t bytes);

/*
 * The most objects that a pool created from now on holds, if 1 GiB has room for them; 0: back to
 * the default above. Not while another thread creates pools.
 */
void nbl_set_default_capacity(uint32_t objects);

/*
 * Destroys the pools that the library makes for itself on demand: the default pools of clones and
 * the pool of MDLs. True if all are gone; false if objects of one are still out, which lives on.
 * For programs that check at their end that everything came back. No other thread is in a call.
 */
bool nbl_release_defaults(void);

/*
 * Misuse by a driver: found, reported, and nothing changed.
 *
 * Always found, in every build and pool: double frees and foreign pointers given to a free, foreign
 * and mistyped handles, a clone freed as a plain NBL and the reverse, an embedded NB freed alone,
 * an over-freed context, allocation-time context given to the context call, an NBL freed with
 * contexts on it, a pool destroyed with objects out, an advance beyond the data. In verify pools,
 * and in all pools of debug builds, also: a context call or a clone on an NBL that is not live, and
 * a write to a free NBL, found when it is used again. In verify pools alone: a freed object is
 * poisoned and out of use until 64 others were freed on the thread, and all of it is checked.
 *
 * A second free is found as long as the object was not allocated again in between, and the
 * strategy beneath is not a general allocator (which unmaps freed memory). Frees of context that
 * are legal in sum but in the wrong order are not found: see NdisFreeNetBufferListContext.
 */

enum nbl_misuse_kind {
	NBL_MISUSE_DOUBLE_FREE,    /* the object is free already */
	NBL_MISUSE_FOREIGN_OBJECT, /* not an object of this kind, or our words were overwritten */
	NBL_MISUSE_FOREIGN_HANDLE, /* no pool handle, of another kind, or of a pool gone */
	NBL_MISUSE_CONTEXT_SIZE, /* a context free of a size that is no multiple of the alignment */
	NBL_MISUSE_CONTEXT_OVERFREE,    /* more context than the front block has in use */
	NBL_MISUSE_CONTEXT_OF_NBL,      /* context that came with the NBL and goes with it */
	NBL_MISUSE_CONTEXT_OUTSTANDING, /* an NBL freed with contexts on it */
	NBL_MISUSE_EMBEDDED_NB,         /* the NB of an NBL freed alone */
	NBL_MISUSE_WRONG_FREE, /* a clone freed as a plain NBL, the reverse, or in another shape */
	NBL_MISUSE_POOL_OUTSTANDING, /* a pool freed while objects of it are out */
	NBL_MISUSE_USE_AFTER_FREE,   /* a freed object was used or written to */
	NBL_MISUSE_DATA,        /* an advance beyond the data, or an NB whose MDLs are too short */
	NBL_MISUSE_ENVIRONMENT, /* an unknown name in a variable NBL_... */
	NBL_MISUSE_KINDS
};

struct nbl_misuse {
	enum nbl_misuse_kind kind;
	const char *call;   /* the documented function that found it */
	uint32_t tag;       /* the pool's; 0 where no pool is known */
	const void *object; /* the NBL, NB, MDL or handle as passed */
	const char *text;   /* one sentence with all of the above; valid during the call */
};

/*
 * Receives each misuse, on the thread that committed it, with no lock held. When it returns, the
 * call that found the misuse returns too, with the state unchanged.
 */
typedef void (*nbl_misuse_handler)(void *arg, const struct nbl_misuse *misuse);

/*
 * Replaces the handler; NULL brings back the default, which prints the sentence to stderr and
 * aborts. Not while another thread is in a call.
 */
void nbl_set_misuse_handler(nbl_misuse_handler handler, void *arg);

/* One word each for reports. */
const char *nbl_misuse_name(enum nbl_misuse_kind kind);

/*
 * Accounting by pool tag.
 */

struct nbl_tag_usage {
	uint32_t tag;
	int64_t objects; /* NBLs, NBs, MDLs and context blocks that are out under the tag */
	int64_t bytes;   /* of them: whole pool objects, and 16 + Size for a context block */
	/*
	 * The most that were out at once. Exact with one thread. Threads tell the shared count only
	 * when they are off by 256 objects, so with several it can be off by 256 objects for each
	 * thread and pool.
	 */
	int64_t peak_objects;
	int64_t peak_bytes;
};

/*
 * Fills in up to n rows, one a tag that was ever used, in the order of first use, and returns how
 * many tags there are (at most 256; later ones share the last row, tag 0). Live figures are exact
 * when no other thread is in a call. Waits for threads that create or destroy pools.
 */
size_t nbl_tags(struct nbl_tag_usage *rows, size_t n);

#ifdef __cplusplus
}
#endif

#endif
