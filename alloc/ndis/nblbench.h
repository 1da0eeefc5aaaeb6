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
 * NDIS pools have no capacity: each pool reserves 1 GiB of addresses, not memory, grows in it page
 * by page, and answers NULL beyond. Over a bounded structure (a ring, say), which pays for its
 * capacity when it is made, it is 2^14 objects.
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
 * none but the above. Not while another thread creates pools.
 */
void nbl_set_default_capacity(uint32_t objects);

/*
 * Destroys the pools that the library makes for itself on demand: the default pools of clones and
 * the pool of MDLs. True: all are gone. False: objects of one are out, and that one lives on.
 * For programs that check at their end that everything came back. No other thread is in a call.
 */
bool nbl_release_defaults(void);

/*
 * Gives memory under free objects of a pool back to the system while other threads use the pool,
 * and with it the context blocks that the policy kept with those objects. PoolHandle: of an NBL or
 * NB pool. keep: free objects that stay as they are, as many as a burst takes: else the next burst
 * pays for pages again. Returns the bytes of pages given back. 0: no whole page lies under free
 * objects; the strategy beneath does not trim (its traits say so); or the handle is none (also
 * reported).
 *
 * While it runs other threads find at least keep free objects, and all that the pool has not used
 * yet; see pool_trim in alloc/pool.h. A trimmed object forgets that it ever was one, so a second
 * free of it is reported as that of a foreign object. May be called at any time. Its time grows
 * with the objects and pages, and it waits for threads that create or destroy pools. It works in
 * small steps, so nobody waits for it longer than for one of them, but who frees this pool.
 */
uint64_t nbl_trim(void *PoolHandle, uint32_t keep);

/*
 * Misuse by a driver is found and reported, and changes nothing. The table says in which pools each
 * kind is found. "release" and "debug" are builds; a verify pool is one with the documented flag,
 * in any build.
 *
 *	                                                       ordinary pool of     verify
 *	                                                       release    debug     pool
 *	an object is freed that is free already                found (1)  found (1) found
 *	a free is given what no pool made, or a copy           found (2)  found (2) found (2)
 *	a handle is of no pool, another kind, a pool gone      found      found     found
 *	a clone is freed as a plain NBL, or the reverse        found      found     found
 *	the NB that came with an NBL is freed alone            found      found     found
 *	a context free: more than the front block has in use   found      found     found
 *	a context free: not a multiple of the alignment        found      found     found
 *	a context free: context that came with the NBL         found      found     found
 *	an NBL is freed with contexts on it                    found      found     found
 *	a pool is destroyed with objects out                   found      found     found
 *	a dereference without a reference                      found      found     found
 *	an advance beyond the data                             found      found     found
 *	a partial MDL beyond its source, or its own size       found      found     found
 *	a clone is freed with MDLs that did not come with it   found (6)  found (6) found (6)
 *	an NBL or NB is freed with a retreat's MDL on it       - (6)      found     found
 *	an NBL is freed while its ChildRefCount is above 0     -          found     found
 *	a clone of FWPS is freed after its original            found (7)  found     found
 *	a context call, a clone or a list form on a freed NBL  -          found (1) found
 *	a data call on a freed NB, or on a copy of one         -          found (1) found
 *	two threads free one object at the same time           -          found (8) found (8)
 *	two threads are in context calls on one NBL at once    -          found (9) found (9)
 *	a freed object is written to                           - (10)     found (3) found (4)
 *	a freed object is read                                 -          -         faults (5)
 *	an NBL's NBs or contexts, or a clone's MDLs, go round  found      found     found
 *	contexts are freed in another order, right in sum      -          -         -
 *
 *	(1) unless the object has been allocated again meanwhile, and not over a general allocator,
 *	    whose memory is gone
 *	(2) unless the memory is not mapped or holds the very words that a live object has: the
 *	    object's first line is read, or the eight bytes before an NB or MDL
 *	(3) when it is allocated again, over strategies that keep its memory, if what was hit is
 *	    an NBL's NdisPoolHandle, NdisReserved[0], or a member from ParentNetBufferList on, or a
 *	    member before Next of its NB or of a lone NB; contexts and data are not looked at
 *	(4) any byte; when 64 others have been freed on the thread, or the thread or the pool ends
 *	(5) its bytes are 0xFB, no valid address: following a pointer faults, and the address
 *	    sanitizer reports the read itself
 *	(6) the system's MDL of a retreat goes with a clone that has MDLs of its own; it is lost
 *	    with any other NBL or NB where that is not found
 *	(7) unless the original's memory serves an NBL with clones by then; as (1) otherwise. A pool
 *	    that reports the free of the original does not come to this
 *	(8) one of them frees it, and the other finds it free already: an NBL, also while a third
 *	    thread drops the last reference to it, a clone, an NB, and
 *	    in debug builds an MDL, because the library's pool of MDLs is no verify pool; (1) holds
 *	    here too. An ordinary pool of a release build then has the object twice: a locked
 *	    instruction would tell, and costs half of what the row bare_cas takes in the workload
 *	    pair
 *	(9) one goes on; the other is in concurrent use, or comes after it and frees more than there is.
 *	    The same holds for a free of an NBL and a context call on it, but not for a context
 *	    call and the end of the last reference to an NBL that its owner has freed
 *	(10) but for an NBL's NdisReserved[0], unless that became zero: the next owner's free is
 *	    refused, and the report says that it was overwritten
 *
 * What the checks of release builds' ordinary pools cost is what the workload fwps_pair takes beyond
 * fwps_unchecked; results/README.md has the figure.
 *
 * A pool must not be freed while another thread is in a call on it, in NDIS as here. In verify
 * pools, and in all pools of debug builds, that race is found. The free waits for calls that have
 * begun. Then it frees the pool, or reports that objects are out and leaves it. Calls that begin
 * meanwhile are refused, as of a foreign handle or object, and may be tried again if the pool
 * stays. That takes a build with liburcu, which the installed library is not. There, and in other
 * pools of release builds, the race is undefined.
 */

/* What a driver has done. */
enum nbl_misuse_kind {
	NBL_MISUSE_DOUBLE_FREE,    /* the object is free already */
	NBL_MISUSE_FOREIGN_OBJECT, /* not an object of this kind, or our words were overwritten */
	NBL_MISUSE_FOREIGN_HANDLE, /* no pool handle, of another kind, or of a pool gone */
	NBL_MISUSE_CONTEXT_SIZE, /* a context free of a size that is no multiple of the alignment */
	NBL_MISUSE_CONTEXT_OVERFREE,    /* more context than the front block has in use */
	NBL_MISUSE_CONTEXT_OF_NBL,      /* context that came with the NBL and goes with it */
	NBL_MISUSE_CONTEXT_OUTSTANDING, /* an NBL freed with contexts on it */
	NBL_MISUSE_EMBEDDED_NB,         /* the NB of an NBL freed alone */
	NBL_MISUSE_WRONG_FREE, /* a clone freed as a plain NBL, the reverse, or retreats not undone */
	NBL_MISUSE_CLONES_OUTSTANDING, /* an NBL freed while clones count on it */
	NBL_MISUSE_POOL_OUTSTANDING,   /* a pool freed while objects of it are out */
	NBL_MISUSE_USE_AFTER_FREE,     /* a freed object was used or written to */
	NBL_MISUSE_DATA,        /* more data than the NB has, its MDLs describe, or an MDL can */
	NBL_MISUSE_REFERENCE,   /* a dereference without a reference */
	NBL_MISUSE_ENVIRONMENT, /* an unknown name in a variable NBL_... */
	/* A pool was refused for a ContextSize that the relaxed rule of alignment would take. */
	NBL_MISUSE_ALIGNMENT,
	NBL_MISUSE_CONCURRENT_USE, /* an NBL while another thread is in a context call on it */
	NBL_MISUSE_KINDS
};

/* One misuse, as the handler is told. */
struct nbl_misuse {
	enum nbl_misuse_kind kind;
	const char *call;   /* the documented function that found it */
	uint32_t tag;       /* the pool's; 0 where no pool is known */
	const void *object; /* the NBL, NB, MDL or handle as passed */
	const char *text;   /* one sentence with all of the above; valid during the call */
};

/*
 * Receives each misuse, on the thread whose call found it. No lock of the library is held, so it
 * may make any call, nbl_tags among them. It must not destroy a pool: it is inside a call, and a
 * destroy waits for the end of that call.
 * When it returns, the call that found the misuse returns too, with the state unchanged.
 */
typedef void (*nbl_misuse_handler)(void *arg, const struct nbl_misuse *misuse);

/*
 * Replaces the handler; NULL brings back the default, which prints the sentence to stderr and
 * aborts. After NBL_MISUSE_ALIGNMENT, which is advice, it goes on, and the driver gets its NULL.
 * Not while another thread is in a call.
 */
void nbl_set_misuse_handler(nbl_misuse_handler handler, void *arg);

/* One word each for reports. */
const char *nbl_misuse_name(enum nbl_misuse_kind kind);

/*
 * Accounting by pool tag.
 */

/* What is out under a tag, and the most that was. */
struct nbl_tag_usage {
	uint32_t tag; /* of a pool, or of a context call that had to allocate */
	/*
	 * NBLs, NBs, MDLs and context blocks that are out under the tag. Under the policies
	 * `sticky` and `adaptive` an NBL keeps the memory of blocks that have left it. Such a block
	 * counts under the tag that pushed it last until another push takes its place or the memory
	 * goes back, at the latest when the pool is freed.
	 */
	int64_t objects;
	int64_t bytes; /* of them: whole pool objects, and 16 + Size for a context block */
	/*
	 * The most that were out at once. Exact with one thread, and in verify pools, and in all
	 * pools of debug builds. In ordinary pools threads tell the shared count only when it is
	 * off by more than 256 objects, so with several it can be wrong by 256 objects for each
	 * thread and pool, in either direction: an exact one would cost a locked instruction on a
	 * shared line for every call.
	 */
	int64_t peak_objects;
	int64_t peak_bytes;
};

enum { NBL_TAG_TEXT_BYTES = 5 }; /* four characters and a 0 */

/*
 * A tag as debuggers show it: the character in the lowest byte first, so that the constant 'tseT'
 * of a driver's source reads Test. What is not printable becomes a dot.
 */
void nbl_tag_text(uint32_t tag, char out[NBL_TAG_TEXT_BYTES]);

/*
 * Fills in up to n rows, one a tag that was ever used, in the order of first use. Returns how many
 * tags there are: at most 256, and later ones share the last row, tag 0. Live figures are exact
 * when no other thread is in a call. Waits for threads that create or destroy pools.
 */
size_t nbl_tags(struct nbl_tag_usage *rows, size_t n);

#ifdef __cplusplus
}
#endif

#endif
