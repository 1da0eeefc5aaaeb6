/*
 * The floor beneath the pools: rows that are no pools. They hand out the same objects of the calling
 * thread again and again: no conservation, no uniqueness. Whatever counts objects skips them by their
 * kind. `null` does nothing else and so measures the harness.
 *
 * The bare rows execute besides the locked instructions that a shared structure cannot do without.
 * What the structure costs over its bare row is its own: links, cells, indices, tests. What lies
 * below the bare row is the machine's.
 *
 * A bare row does to shared words what its structure does to its head or its positions, in the same
 * number and order for singles and for bursts. The words lie on lines of their own, so that several
 * threads contend for them as they would in the structure. What a row leaves out stands at its head.
 *
 * Orders are those of the structure, since on other machines than x86-64 they are part of the price.
 * There are no labels: nothing is handed over, and nothing is read through a word.
 */
#ifndef ALLOC_MECHANISM_FLOOR_H
#define ALLOC_MECHANISM_FLOOR_H

#include "alloc/atomic.h"
#include "alloc/machine/copy.h"
#include "alloc/mechanism/life_cycle.h"

struct floor_thread {
	struct pool_thread base;
	struct slab slab;
	void *object[POOL_BULK_MAX];
};

/* One load: always the same object. */
ALWAYS_INLINE void *floor_get(struct pool_thread *thread)
{
	return ((struct floor_thread *)thread)->object[0];
}

/* One copy of n pointers: the addresses of n different objects, as any pool has to give. */
ALWAYS_INLINE uint32_t floor_get_bulk(struct pool_thread *thread, void **objs, uint32_t n)
{
	copy_pointers(objs, ((struct floor_thread *)thread)->object, n);
	return n;
}

/* The thread's objects: parts.enter and parts.leave of all rows. */
int floor_enter(struct pool *pool, struct pool_thread *thread);
void floor_leave(struct pool *pool, struct pool_thread *thread);

/* Entries of bare_scq's ring, on lines of their own: a power of two, as many as CPUs may meet in. */
enum { BARE_ENTRIES = 64 };
_Static_assert((BARE_ENTRIES & (BARE_ENTRIES - 1)) == 0, "the modulo is a mask");

struct bare_entry {
	CACHE_PAIR_ALIGNED atom_u64 word;
};

/* The words of all rows; each uses those of its structure. */
struct bare_pool {
	struct pool base;
	CACHE_PAIR_ALIGNED atom_u64 head;  /* a stack's; or where get takes its position */
	CACHE_PAIR_ALIGNED atom_u64 tail;  /* where put takes its position */
	CACHE_PAIR_ALIGNED atom_pair pair; /* the head of a stack of pointers */
	struct bare_entry entry[BARE_ENTRIES];
};

extern const struct pool_parts bare_parts;

/* All hooks of a bare row but supported. */
#define BARE_HOOKS(name) \
	POOL_LIFE_CYCLE(bare_parts), POOL_HOT_HOOKS(name), .flush = pool_flush_nothing

/*
 * The hooks of a row that does one thing to its words for a get, take(bare_pool), and one for a put, give:
 * singly, and where a burst of any size is no more, in bulk.
 */
#define BARE_SINGLES(name, take, give)                                                             \
	static inline void *name##_get(struct pool *pool, struct pool_thread *thread)              \
	{                                                                                          \
		take((struct bare_pool *)pool);                                                    \
		return floor_get(thread);                                                          \
	}                                                                                          \
	static inline void name##_put(struct pool *pool, struct pool_thread *thread, void *object) \
	{                                                                                          \
		(void)thread;                                                                      \
		(void)object;                                                                      \
		give((struct bare_pool *)pool);                                                    \
	}
#define BARE_BURSTS(name, take, give)                                                         \
	static inline uint32_t name##_get_bulk(                                               \
		struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)       \
	{                                                                                     \
		take((struct bare_pool *)pool);                                               \
		return floor_get_bulk(thread, objs, n);                                       \
	}                                                                                     \
	static inline void name##_put_bulk(                                                   \
		struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n) \
	{                                                                                     \
		(void)thread;                                                                 \
		(void)objs;                                                                   \
		(void)n;                                                                      \
		give((struct bare_pool *)pool);                                               \
	}

#endif
