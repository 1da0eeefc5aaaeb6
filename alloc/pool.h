/*
 * Pools of fixed-size objects: the contract that every strategy keeps, and the list of strategies.
 *
 * A strategy is one header, alloc/pool/<name>.h, that ends in a `static const struct pool_ops
 * pool_<name>_ops`, and one line in alloc/pools.def. Its table is constant and visible, so a unit
 * that passes the address of that table to an always-inline function gets every call folded and
 * inlined; a unit that passes a variable gets honest indirect calls. One source, both prices.
 *
 * The words: a thread *attaches* to a pool before it uses it and *detaches* when it is done; it
 * *gets* an object and *puts* it back; a *magazine* is a small array of free objects, the *depot*
 * holds magazines that no thread has loaded; *refill* and *flush* move objects between a cache and
 * what lies behind it. An object belongs to its pool, not to a thread or a CPU: any attached thread
 * may put what any other got.
 *
 * What crosses threads: objects, at any time; a handle only by pool_adopt; nothing else. A handle
 * names its thread's registered area or CPU word, which another thread must not work with and which
 * is gone when its thread has ended.
 *
 * What is defined when something happens, and how a strategy answers for it:
 *
 *	a thread ends     It has detached, in a destructor of thread-specific data at the latest
 *	                  (the documented NDIS names see to that); what it had cached is free for
 *	                  all. What it still holds stays out, and any thread may put it.
 *	it moves          To any CPU, at any instruction, by itself or by others; also to one with a
 *	                  higher number than the pool was made for: there it works on what lies
 *	                  behind the caches (cpu.h).
 *	it gets a signal  The handler may use the pool where traits.signals says so; never the NDIS
 *	                  names, whose accounts are not made for that.
 *	a fork            No thread is inside a call. The child, alone with the thread that forked,
 *	                  can use its copy and every free object that this thread can reach. What
 *	                  others held, or had cached for themselves, is out for ever there. Not
 *	                  where traits.lost_in_fork says so.
 *	a trim            The others go on: pool_trim, traits.trims.
 *	a destroy         No thread is attached. For threads that call by the NDIS names, and may be
 *	                  in the middle of it, see nbl_pool_destroy.
 */
#ifndef ALLOC_POOL_H
#define ALLOC_POOL_H

#include "alloc/machine/compiler.h"
#include "alloc/machine/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;
struct pool_parts;
struct pool_thread;
struct slab;

/* What the worst path of get and put promises. A design whose slow path waits is blocking. */
enum pool_progress {
	POOL_UNSYNCHRONISED, /* one thread only */
	POOL_BLOCKING,       /* a stopped thread can stop others */
	POOL_LOCK_FREE,      /* some thread always finishes */
	POOL_WAIT_FREE,      /* every thread finishes in a bounded number of its own steps */
};

enum pool_kind {
	POOL_KIND_POOL, /* conserves its objects: free + outstanding == capacity */
	POOL_KIND_ALLOCATOR, /* takes its memory from a general allocator: no capacity, `count` and `check` know nothing */
	POOL_KIND_NULL, /* hands the same objects out again and again: measures the harness, or bare locked operations */
};

enum pool_cache { POOL_CACHE_NONE, POOL_CACHE_THREAD, POOL_CACHE_CPU };

/* The cold paths, in their order in struct pool_paths: each a bit of traits.paths. */
enum pool_path {
	POOL_REFILLS = 1 << 0,
	POOL_FLUSHES = 1 << 1,
	POOL_GROWS = 1 << 2,
	POOL_STEALS = 1 << 3,
	POOL_EMPTIES = 1 << 4,
	POOL_WAITS = 1 << 5,
	/* Of a list under a lock of its library's, of a shared structure, of caches over a depot. */
	POOL_PATHS_LIST = POOL_GROWS | POOL_EMPTIES,
	POOL_PATHS_SHARED = POOL_PATHS_LIST | POOL_WAITS,
	POOL_PATHS_CACHED = POOL_PATHS_SHARED | POOL_REFILLS | POOL_FLUSHES,
	POOL_PATHS_SEARCHED = POOL_PATHS_CACHED | POOL_STEALS,
};

struct pool_traits {
	enum pool_progress progress;
	enum pool_kind kind;
	enum pool_cache cache; /* whose private stock the fast path works on */
	bool bounded;          /* the structure has a fixed number of cells */
	bool needs_rseq;       /* restartable sequences; see alloc/machine/rseq.h */
	bool needs_cx16;       /* a 16-byte compare-and-swap */
	bool needs_library;    /* one beyond the C library */
	/*
	 * When no other thread is inside a call, get succeeds while any object is free, wherever it
	 * was put; for any number of threads, as the head of the strategy's file shows. False where
	 * objects can rest in a cache that get does not search.
	 */
	bool exact;
	/*
	 * Synchronises inside a library that the thread sanitizer does not see into, so that its
	 * reports about this strategy mean nothing unless that library was built for it.
	 */
	bool opaque_to_tsan;
	/*
	 * The child of a fork lacks a thread that the strategy works with and must not use its
	 * copy. Every other pool can be used there, by the thread that forked, if no thread was
	 * inside a call at that moment.
	 */
	bool lost_in_fork;
	/*
	 * A signal handler may get and put, singly and in bulk, with the handle of the thread that
	 * it interrupted in such a call, at whatever instruction; handlers may nest two deep. Each
	 * needs POOL_SIGNAL_STACK_BYTES of stack beyond what the kernel asks for (AT_MINSIGSTKSZ)
	 * and what it needs itself. The thread's pool_paths may then miss a count. False: the call
	 * may have been half-way through a change to what is the thread's own, or hold a lock that
	 * the handler would wait for.
	 */
	bool signals;
	/* get hands out the object that was put first. False: the last one, or no order at all. */
	bool fifo;
	/*
	 * pool_trim gives memory back: the objects lie in a slab of ours, and between put and get
	 * nobody reads or writes them. False where free objects are linked through themselves.
	 */
	bool trims;
	/*
	 * The cold paths that the strategy has and counts, a set of enum pool_path: a stress run that
	 * took one of them not once has shown nothing of it, and fails.
	 */
	uint32_t paths;
};

/* How often the cold paths ran, per attached thread; written by that thread alone. */
struct pool_paths {
	uint64_t refill; /* a cache was empty and was filled from behind */
	uint64_t flush;  /* a cache was full and part of it was moved behind */
	uint64_t grow;   /* never-used objects were taken from the slab */
	uint64_t steal;  /* objects were taken out of another thread's or CPU's cache */
	uint64_t empty;  /* get or get_bulk came back with fewer objects than asked */
	uint64_t wait;   /* a turn was waited for, or lost to another thread and tried again */
};

/*
 * What a pool is made of. Fields left 0 take the default in brackets; pool_create checks the
 * ranges.
 */
struct pool_config {
	size_t object_bytes; /* payload; 8..1 MiB; no default */
	size_t object_align; /* a power of two, 16..4096 [64; an allocator's: 16] */
	/*
	 * The most objects that the pool will ever hold: the caller's cap. [none of the caller's:
	 * as many as the strategy can name, which is some 1 GiB of addresses (slab.h); of a bounded
	 * structure, which pays for its capacity when it is made, POOL_CAPACITY_BOUNDED_DEFAULT if
	 * that is less; UINT32_MAX in kinds that enforce none]
	 */
	uint32_t capacity;
	uint32_t magazine_objects; /* objects a magazine; a multiple of 8, 8..1024 [120] */
	/*
	 * What a magazine may grow to where the strategy's magazines grow; magazine_objects and a
	 * multiple of POOL_MAGAZINE_GROWTH, up to 1024 [POOL_MAGAZINE_GROWTHS_DEFAULT of them, or
	 * as many as fit]
	 */
	uint32_t magazine_objects_most;
	uint32_t cpu_cache_objects; /* objects a per-CPU array holds; 16..1008 [256] */
	uint32_t
		batch_objects; /* objects moved between a per-CPU array and the depot; 1..cpu_cache_objects/2 [magazine_objects, at most that half] */
	enum memory_pages pages; /* what backs the objects [ordinary] */
};

enum {
	POOL_OBJECT_BYTES_MIN = 8,
	POOL_OBJECT_BYTES_MAX = 1 << 20,
	POOL_OBJECT_ALIGN_MIN = 16,
	POOL_OBJECT_ALIGN_MAX = 4096,
	/* Half a megabyte of cells at most; four rings of a large network card. */
	POOL_CAPACITY_BOUNDED_DEFAULT = 1 << 14,
	/*
	 * With its header a magazine fills 1 KiB (depot.h). A cache has two, so it keeps about as much
	 * as a CPU's array does, and as DPDK's cache: every contestant withholds some 256 objects.
	 */
	POOL_MAGAZINE_OBJECTS_DEFAULT = 120,
	POOL_MAGAZINE_OBJECTS_MIN = 8,
	POOL_MAGAZINE_OBJECTS_MAX = 1024,
	/* So that a magazine ends where a block does, however large it is (mechanism/magazine.h). */
	POOL_MAGAZINE_GROWTH = 128,
	POOL_MAGAZINE_GROWTHS_DEFAULT = 3, /* from 120 to 504: four times as seldom at the depot */
	POOL_CPU_CACHE_OBJECTS_DEFAULT = 256, /* DPDK's order of magnitude: eight bursts of 32 */
	POOL_CPU_CACHE_OBJECTS_MIN = 16,
	POOL_CPU_CACHE_OBJECTS_MAX = 1008, /* with its header it fits the 8 KiB that a CPU has */
	POOL_BULK_MAX = 1024,              /* objects one bulk call may name */
	POOL_SIGNAL_STACK_BYTES = 512,     /* of an optimised build; see traits.signals */
	POOL_REASON_BYTES = 256,           /* room for a sentence from supported or check */
};

struct pool_ops {
	const char *name;    /* as in pools.def */
	const char *summary; /* one line for `nblbench list` */
	/*
	 * The shared library that must be preloaded into the process, by its soname: a general
	 * malloc as a peer. NULL for all others.
	 */
	const char *preload;
	/*
	 * The strategy whose code it is, but for what its name adds to that one's. NULL: a design of its
	 * own.
	 */
	const char *variant_of;
	struct pool_traits traits;

	/*
	 * True if this machine and process can run the strategy. Otherwise false, and reason
	 * (POOL_REASON_BYTES) receives a full sentence that says what is missing and what would
	 * supply it. Any thread; may be called before any pool exists.
	 */
	bool (*supported)(char *reason);

	/*
	 * What a pool consists of (mechanism/life_cycle.h): pool_create makes it from that and
	 * pool_destroy ends it. The hooks attach, detach, count and check work from it too, where a
	 * strategy has none of its own.
	 */
	const struct pool_parts *parts;

	/*
	 * Makes the calling thread known. 0 and *out, a handle for this thread and this pool only;
	 * or -ENOMEM. The thread passes the handle to every other operation and detaches before it
	 * ends, unless another thread adopts the handle. A thread may have handles of many pools,
	 * and several of one.
	 */
	int (*attach)(struct pool *pool, struct pool_thread **out);

	/*
	 * Optional, NULL where a handle knows nothing of its thread; called by pool_adopt. Makes
	 * self the calling thread's, with what is cached in it.
	 */
	void (*adopt)(struct pool *pool, struct pool_thread *self);

	/*
	 * Gives back what the thread has cached, then forgets it; the handle is dead. Objects that
	 * it still owns stay its own.
	 */
	void (*detach)(struct pool *pool, struct pool_thread *self);

	/*
	 * Takes one free object. The caller owns it until some attached thread puts it. Its first 8
	 * bytes are undefined, the rest is as its last owner left it, and zero at first (anything,
	 * where kind is POOL_KIND_ALLOCATOR). NULL: none found (see traits.exact): an answer, not
	 * an error. Never waits when traits.progress is lock-free or better.
	 */
	void *(*get)(struct pool *pool, struct pool_thread *self);

	/*
	 * Gives object back. It came from get or get_bulk of this pool, on any thread, and is not
	 * used again: its memory stays mapped until destroy (not where kind is POOL_KIND_ALLOCATOR),
	 * its first 8 bytes may be overwritten at once. Always succeeds. Not checked: see nbl/misuse.h.
	 */
	void (*put)(struct pool *pool, struct pool_thread *self, void *object);

	/*
	 * Takes up to n objects (1..POOL_BULK_MAX) into objs[0..result). Fewer only if the pool ran
	 * short; 0 is an answer. Else as get.
	 */
	uint32_t (*get_bulk)(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n);

	/* Gives back objs[0..n), n in 1..POOL_BULK_MAX, all different. Else as put. */
	void (*put_bulk)(
		struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n);

	/*
	 * Optional, both NULL where the strategy keeps no magazines: objects change hands without
	 * being copied. get_run takes a magazine: *objs are its slots, the result the number of
	 * objects in it, 1..magazine_objects; 0, as get_bulk. The array is the caller's until it
	 * calls put_run with it, on the same thread, with any n free objects of the pool in
	 * objs[0..n), 0 <= n <= what it got. One run a thread at a time. Else as the bulk calls.
	 */
	uint32_t (*get_run)(struct pool *pool, struct pool_thread *self, void ***objs);
	void (*put_run)(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n);

	/*
	 * Optional, NULL where a strategy can't promise. Sets objects aside for this handle: its gets
	 * take from them what they find nowhere else. So of the gets that follow n objects' worth,
	 * singly or in bulk, can't fail, whatever others take. Where the progress is blocking they
	 * may wait. The call tops up to n, or gives back what is beyond: twice is once, and 0 gives
	 * back what was not used. So do flush, detach and pool_trim. What is set aside counts as
	 * free, and is free to this handle alone.
	 * 0; -EINVAL: n is more than magazine_objects or than the capacity; -ENOSPC: so many are not
	 * to be had at present; -ENOMEM. After an error as many are set aside as before.
	 */
	int (*prefill)(struct pool *pool, struct pool_thread *self, uint32_t n);

	/*
	 * Moves what the calling thread (and, for per-CPU caches, its present CPU) has cached to
	 * where every thread finds it.
	 */
	void (*flush)(struct pool *pool, struct pool_thread *self);

	/*
	 * Optional, NULL for 0, as in exact pools: how many free objects at most rest with a thread
	 * that stands still, outside of calls, where the get of another does not look.
	 */
	uint64_t (*withheld)(const struct pool *pool);

	/*
	 * Optional, NULL for 0: how many free objects at most nobody finds again when a thread dies inside
	 * a call, beyond those that the call was to take or to give. UINT64_MAX: all there are; why,
	 * stands at the hook. 0 where the progress is blocking: then the others may wait for ever.
	 */
	uint64_t (*lost)(const struct pool *pool);

	/*
	 * Free objects, caches and never-used ones included: capacity - outstanding. The pool is
	 * quiet: no thread is inside a call. 0 for kinds other than POOL_KIND_POOL.
	 */
	uint64_t (*count)(struct pool *pool);

	/*
	 * Verifies the numbered invariants of a quiet pool from which `outstanding` objects are
	 * out. 0, or -EINVAL with a sentence in why (POOL_REASON_BYTES) that names the object or
	 * word and the place; -ENOMEM when the check itself cannot be made.
	 */
	int (*check)(struct pool *pool, uint64_t outstanding, char *why);
};

/* The first member of every strategy's pool. */
struct pool {
	const struct pool_ops *ops;
	struct pool_config config; /* as resolved by pool_create */
	/*
	 * Where the objects lie: those that were ever handed out are the first `carved` of it. Set
	 * by pool_create; NULL in kinds other than POOL_KIND_POOL.
	 */
	struct slab *slab;
};

/* The first member of every strategy's per-thread state. Lives in a cache line pair of its own. */
struct pool_thread {
	struct pool *pool;
	struct pool_paths paths;
};

/* The strategies in the order of pools.def; ends in NULL. */
extern const struct pool_ops *const pools[];

/* By name; NULL if there is none. */
const struct pool_ops *pool_find(const char *name);

/*
 * What a program gets that asked for no strategy: the best verified one that the machine supports.
 */
const struct pool_ops *pool_default(void);

/*
 * The best one of all, also where the machine does not support it. Code that has its calls inline,
 * beside those of a run-time table, includes the header (alloc/ndis/usual.h). The last two are get and
 * put as far as they reach the caller's own cache and no further: NULL, or false, and nothing has
 * changed.
 */
#define POOL_BEST_HEADER   "alloc/pool/rseq_arr.h"
#define POOL_BEST_OPS      pool_rseq_arr_ops
#define POOL_BEST_GET_NEAR rseq_arr_get_near
#define POOL_BEST_PUT_NEAR rseq_arr_put_near
const struct pool_ops *pool_best(void);

/*
 * Checks every table of the list: names, hooks, traits that contradict each other. Programs call it
 * first. 0, or -EINVAL with a sentence in why (POOL_REASON_BYTES).
 */
int pools_validate(char *why);

/* The first rule that one table breaks, to be read after its name; NULL if it is sound. */
const char *pool_broken_rule(const struct pool_ops *ops);

/*
 * Checks config and fills in its defaults, as pool_create does. 0; -EINVAL: a field is out of its
 * range, and *config is undefined.
 */
int pool_config_resolve(const struct pool_ops *ops, struct pool_config *config);

/*
 * Creates a pool after checking and resolving config (see struct pool_config); (*out)->config then
 * says what became of it. 0 and *out; -EINVAL: a field is out of its range; -EOVERFLOW: capacity x
 * size is more than the strategy can address; -ENOTSUP: not supported here; -ENOMEM. Any thread.
 * *out is untouched on failure.
 */
int pool_create(const struct pool_ops *ops, const struct pool_config *config, struct pool **out);

/* Frees everything. No thread is attached and every object is back; the caller has made sure. */
void pool_destroy(struct pool *pool);

/*
 * Makes a handle the calling thread's, as if it had attached, with what is cached in it: the only
 * way in which a handle crosses threads. The former owner is done with it: its last call with it
 * happens before this one, and it may have ended. Also for the owner itself: then nothing changes.
 */
void pool_adopt(struct pool *pool, struct pool_thread *self);

/*
 * Calls visit for every object that was ever handed out, free or not, in the order of addresses.
 * The pool is of POOL_KIND_POOL and quiet.
 */
void pool_each(struct pool *pool, void (*visit)(void *arg, void *object), void *arg);

/*
 * Gives memory under free objects back to the system while other threads go on. Returns the bytes
 * of memory that this call gave back; 0 where traits.trims is false, if no whole page lies under
 * free objects, or if there is no memory for two bits an object.
 *
 * self: the calling thread's, attached. outstanding: objects that the others hold, by the caller's
 * knowledge. keep: free objects that were used before and that the call leaves alone; what caches
 * hold should be among them, or it empties those that it can reach: its own and what lies behind
 * it, not what another CPU or thread has cached, while there are never-used objects to take instead.
 *
 * What it does: takes objects out, as any get_bulk does, up to carved - outstanding - keep of them;
 * gives back the pages that lie wholly under what it holds; and puts everything back, what lost
 * memory so that it comes out after the rest. An object that lost any of its memory is as if never
 * used: all zero but for its first 8 bytes, which are undefined. The others are as their last
 * owner left them.
 *
 * What it promises: while it runs at least keep used objects and all never-used ones are free for
 * the others, as long as these hold no more than `outstanding`. So no thread is told NULL because
 * of a trim before more than outstanding + keep objects are out and the cap is reached. Nobody
 * waits for it: it takes no lock that get and put do not take, and those for one step at most.
 *
 * retire: called with arg for each object that is about to lose memory, which still is as its last
 * owner left it and is the trim's own meanwhile; NULL: nobody wants to know. It must not use the
 * pool.
 */
uint64_t pool_trim(struct pool *pool, struct pool_thread *self, uint64_t outstanding, uint64_t keep,
	void (*retire)(void *arg, void *object), void *arg);

/*
 * The same in steps, for a caller that has to be elsewhere in between. The work of a step does not
 * grow with the pool: a bulk call for some objects, or a look at some more and one system call for
 * pages under them; for a page at least, which is much of explicit huge ones. What was taken stays
 * out between steps.
 */
struct pool_trim {
	uint64_t given; /* bytes of memory given back so far */
	/* The trim's own. */
	struct pool *pool;
	struct pool_thread *self;
	void (*retire)(void *arg, void *object);
	void *arg;
	uint64_t most;              /* objects still to be taken */
	uint32_t objects;           /* ever handed out when it began */
	int phase;                  /* what the next step does */
	size_t at;                  /* where: an object's number, or an offset in the slab */
	size_t gone;                /* where the pages end that were given back last */
	unsigned char *held, *bare; /* a bit for each object: taken; it lost memory */
};

/* False: there is nothing to do, and no step is to be made. */
bool pool_trim_begin(struct pool_trim *self, struct pool *pool, struct pool_thread *thread,
	uint64_t outstanding, uint64_t keep, void (*retire)(void *arg, void *object), void *arg);

/*
 * False: that was the last step. True: there are more, and all must be made, by the same thread, before
 * it detaches.
 */
bool pool_trim_step(struct pool_trim *self);

/* One word each for reports. */
const char *pool_progress_name(enum pool_progress progress);
const char *pool_cache_name(enum pool_cache cache);

/*
 * Shared pieces for strategy files.
 */

/* For `supported` of strategies that run everywhere. */
ALWAYS_INLINE bool pool_supported_always(char *reason)
{
	reason[0] = '\0';
	return true;
}

/* For `supported` of strategies with a 16-byte compare-and-swap. */
bool pool_supported_cx16(char *reason);

/* For `supported` of strategies made of restartable sequences (rseq.h). */
bool pool_supported_rseq(char *reason);

/* The same where they index by the concurrency id. */
bool pool_supported_rseq_cid(char *reason);

/* flush for strategies without caches. */
ALWAYS_INLINE void pool_flush_nothing(struct pool *pool, struct pool_thread *self)
{
	(void)pool;
	(void)self;
}

/*
 * get_bulk and put_bulk one by one, for strategies that gain nothing from a batch. get and put are
 * constants: they fold.
 */
ALWAYS_INLINE uint32_t pool_get_each(void *(*get)(struct pool *, struct pool_thread *),
	struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	uint32_t got = 0;

	while (got < n && (objs[got] = get(pool, self)) != NULL)
		got++;
	return got;
}

ALWAYS_INLINE void pool_put_each(void (*put)(struct pool *, struct pool_thread *, void *),
	struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put(pool, self, objs[i]);
}

#endif
