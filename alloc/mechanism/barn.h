/*
 * The barn: what lies behind the sheaves of a node's CPUs, for `sheaf`. A *sheaf* is a magazine (magazine.h). The
 * barn keeps full and empty ones, and single objects, in lists under one spin lock: the depot (depot.h) as
 * Linux has it since 6.18, where the lock-free one has three stacks. A sheaf stays with its barn's CPUs; objects
 * may be anywhere.
 *
 * Progress: blocking. A thread that stops with the lock stops all that come to the barn.
 *
 * Edges: those of try_lock.h. All that is in here is the holder's.
 *
 * I1  Full sheaves hold exactly `objects`, empty ones none.
 * I2  There is always an empty sheaf for a full one: the table has as many as can be full, of all the pool's
 *     objects, and those of the CPUs.
 */
#ifndef ALLOC_MECHANISM_BARN_H
#define ALLOC_MECHANISM_BARN_H

#include "alloc/mechanism/magazine.h"
#include "alloc/mechanism/try_lock.h"
#include "alloc/pool.h"

struct barn {
	CACHE_PAIR_ALIGNED struct try_lock lock;
	uint32_t full, empty; /* units of the first sheaves */
	uint32_t single;      /* unit of the first object */
	CACHE_PAIR_ALIGNED struct slab sheaves;
	struct slab *slab; /* the pool's objects, with links */
	uint32_t objects;  /* a sheaf */
};

/* installed: sheaves that are always at some CPU of the barn's. 0, -EOVERFLOW or -ENOMEM. */
COLD int barn_init(struct barn *self, struct slab *slab, uint32_t objects, uint32_t installed);
COLD void barn_fini(struct barn *self);

/* An empty sheaf: one of those that are installed, before any thread is there. */
COLD struct magazine *barn_install(struct barn *self);

/* Trades an empty sheaf for a full one. False: there is none. */
COLD bool barn_fill(struct barn *self, struct pool_thread *thread, struct magazine **sheaf);

/* Trades a full sheaf for an empty one; takes the objects out of one that is part-filled. */
COLD void barn_empty(struct barn *self, struct pool_thread *thread, struct magazine **sheaf);

/* Up to n used objects, single ones or else of a full sheaf. 0: there are none. */
COLD uint32_t barn_take(struct barn *self, struct pool_thread *thread, void **objs, uint32_t n);
COLD void barn_give(struct barn *self, struct pool_thread *thread, void *const *objs, uint32_t n);

/* Of a quiet barn. False: the census has failed. */
COLD bool barn_census(struct barn *self, struct census *census);

#endif
