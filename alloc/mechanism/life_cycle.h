/*
 * The life of a pool, as far as it is the same for all: creation and its unwinding when a step
 * fails, attaching, growth, counting and checking, the end. A strategy names its parts in a struct
 * pool_parts and puts POOL_LIFE_CYCLE(parts), or POOL_HOOKS(name), into its table.
 *
 * A strategy's pool is a struct that begins with a struct pool; its per-thread state, where it has
 * any, is a struct that begins with a struct pool_thread. Both come zeroed, on cache line pairs of
 * their own.
 */
#ifndef ALLOC_MECHANISM_LIFE_CYCLE_H
#define ALLOC_MECHANISM_LIFE_CYCLE_H

#include "alloc/mechanism/census.h"
#include "alloc/mechanism/side_nodes.h"
#include "alloc/mechanism/slab.h"
#include "alloc/pool.h"

#include <errno.h>
#include <stddef.h>

struct pool_parts {
	size_t pool_bytes;   /* the size of the strategy's pool */
	size_t thread_bytes; /* the size of its per-thread state; 0: it has none of its own */
	/*
	 * Where in the pool its objects are: at offsetof(struct x_pool, slab) a struct slab, made as
	 * the pool's config says, with links or without; or, where node_bytes is not 0, a struct
	 * side_nodes whose nodes have that size. 0: the strategy keeps no objects, or its init makes
	 * its own slab.
	 */
	size_t slab_offset;
	enum slab_links links;
	size_t node_bytes; /* a power of two */

	/*
	 * Optional. init makes what else there is in a new pool, whose ops, config and slab stand
	 * already. 0, or a negative errno; it then leaves nothing behind. fini ends what init made.
	 */
	int (*init)(struct pool *pool);
	void (*fini)(struct pool *pool);

	/*
	 * Optional. enter makes the rest of a new handle, whose pool stands already. 0, or -ENOMEM; it
	 * then leaves nothing behind. leave gives back what the thread has cached and ends what enter
	 * made.
	 */
	int (*enter)(struct pool *pool, struct pool_thread *self);
	void (*leave)(struct pool *pool, struct pool_thread *self);

	/*
	 * Takes one used object, as get does, but never a new one. For pool_grow; NULL: a second look
	 * at the structure would find no more than the first.
	 */
	void *(*take)(struct pool *pool, struct pool_thread *thread);

	/*
	 * Visits every place of a quiet pool where a used free object can rest: census_mark for each
	 * object, census_fail for an invariant that does not hold, and no step further after a
	 * false. Relaxed loads do: what tells the caller that the pool is quiet orders them after its
	 * calls. Serves count and check. NULL: the strategy keeps no objects.
	 */
	void (*walk)(struct pool *pool, struct census *census);
};

/*
 * The fields of the parts that say what a struct x_pool is and where its objects are: in its member
 * slab, or in its member nodes with a node of a type beside each object.
 */
#define POOL_WITH_SLAB(its_pool, its_links) \
	.pool_bytes = sizeof(its_pool), .slab_offset = offsetof(its_pool, slab), .links = its_links
#define POOL_WITH_NODES(its_pool, its_node)                                       \
	.pool_bytes = sizeof(its_pool), .slab_offset = offsetof(its_pool, nodes), \
	.node_bytes = sizeof(struct {                                             \
		_Static_assert((sizeof(its_node) & (sizeof(its_node) - 1)) == 0,  \
			"side nodes want a power of two");                        \
		its_node node;                                                    \
	})

/* The hooks of a table that come from its parts. */
#define POOL_LIFE_CYCLE(its_parts)                                                       \
	.parts = &(its_parts), .attach = life_cycle_attach, .detach = life_cycle_detach, \
	.count = life_cycle_count, .check = life_cycle_check

/* name_get and so on. */
#define POOL_HOT_HOOKS(name)                                               \
	.get = name##_get, .put = name##_put, .get_bulk = name##_get_bulk, \
	.put_bulk = name##_put_bulk

/* All hooks but `supported`: of a strategy with caches, and of one without. */
#define POOL_CACHE_HOOKS(name) \
	POOL_LIFE_CYCLE(name##_parts), POOL_HOT_HOOKS(name), .flush = name##_flush
#define POOL_HOOKS(name) \
	POOL_LIFE_CYCLE(name##_parts), POOL_HOT_HOOKS(name), .flush = pool_flush_nothing

/* The bulk hooks of a strategy that gains nothing from a batch. */
#define POOL_GET_EACH(name)                                                             \
	static inline uint32_t name##_get_bulk(                                         \
		struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n) \
	{                                                                               \
		return pool_get_each(name##_get, pool, thread, objs, n);                \
	}

#define POOL_PUT_EACH(name)                                                                   \
	static inline void name##_put_bulk(                                                   \
		struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n) \
	{                                                                                     \
		pool_put_each(name##_put, pool, thread, objs, n);                             \
	}

/* put of a strategy whose batch of one is as good. */
#define POOL_PUT_ONE(name)                                                                         \
	static inline void name##_put(struct pool *pool, struct pool_thread *thread, void *object) \
	{                                                                                          \
		name##_put_bulk(pool, thread, &object, 1);                                         \
	}

/*
 * The cold end of get: the structure was empty. Takes a never-used object, or else looks at the
 * structure once more (parts.take). NULL: both had none.
 *
 * The second look is what exactness rests on: between the first one and the look at the slab one
 * thread may have put an object back and another carved the last one. The slab stays used up, and a
 * put that has ended shows in the second look. So a structure that is exact makes a get that is
 * exact, for any number of threads: at a NULL every object was out or in the hands of an unfinished
 * call.
 */
COLD void *pool_grow(struct pool *pool, struct pool_thread *self);

/* What get's first look has found, or else pool_grow. */
ALWAYS_INLINE void *pool_or_grow(void *object, struct pool *pool, struct pool_thread *self)
{
	return likely(object != NULL) ? object : pool_grow(pool, self);
}

/* The cold end of get_bulk: objs[0..got) are filled, the structure has ended. The rest comes by get. */
COLD uint32_t pool_grow_each(
	struct pool *pool, struct pool_thread *self, void **objs, uint32_t got, uint32_t n);

/*
 * The same two for a caller that holds its strategy's lock. Nobody can have put anything meanwhile,
 * so there is no second look: the rest is never-used.
 */
COLD void *pool_grow_locked(struct pool *pool, struct pool_thread *self);
COLD uint32_t pool_grow_each_locked(
	struct pool *pool, struct pool_thread *self, void **objs, uint32_t got, uint32_t n);

/* The cold ends of get and put where a cache is empty, or full: by get_bulk and put_bulk. */
COLD void *pool_get_one(struct pool *pool, struct pool_thread *self);
COLD void pool_put_one(struct pool *pool, struct pool_thread *self, void *object);

/* Up to n never-used objects into objs, counted in self->paths; 0 at the capacity. */
COLD uint32_t pool_carve(struct slab *slab, struct pool_thread *self, void **objs, uint32_t n);

/*
 * What pool_create and pool_destroy do with the parts. 0 and *out; -ENOMEM; -EOVERFLOW: the slab can't
 * name so many objects; or what init says. On failure *out is untouched and nothing is left behind.
 */
int life_cycle_create(
	const struct pool_ops *ops, const struct pool_config *config, struct pool **out);
void life_cycle_destroy(struct pool *pool);

/* The hooks that POOL_LIFE_CYCLE names; see struct pool_ops. */
int life_cycle_attach(struct pool *pool, struct pool_thread **out);
void life_cycle_detach(struct pool *pool, struct pool_thread *self);
uint64_t life_cycle_count(struct pool *pool);
int life_cycle_check(struct pool *pool, uint64_t outstanding, char *why);

#endif
