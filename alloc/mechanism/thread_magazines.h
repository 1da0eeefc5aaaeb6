/*
 * A pool whose cache is three magazines a thread, over the depot: what lies around the hot hooks of
 * `mag_tls`. Cold, all of it but the opening of a magazine.
 *
 * I1  A thread has exactly two magazines, each with at most depot_size objects, and a third that is
 *     empty, or lent to its user by get_run.
 */
#ifndef ALLOC_MECHANISM_THREAD_MAGAZINES_H
#define ALLOC_MECHANISM_THREAD_MAGAZINES_H

#include "alloc/mechanism/depot.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/thread_list.h"

/* The pool. */
struct thread_magazines {
	struct pool base;
	struct depot depot;
	struct slab slab;
	struct thread_list threads;
};

/* A thread's state. */
struct thread_magazines_thread {
	struct pool_thread base;
	struct magazine_open loaded;
	struct magazine *previous; /* full, empty or, after a flush, anything */
	struct magazine *reserve;  /* empty; NULL while a run is lent to the user */
	struct depot_watch watch;
	struct thread_link link;
};

/*
 * The parts (life_cycle.h), and the hook flush, which leaves both magazines in place and empty. init is for
 * magazines of a fixed size, or for those that grow.
 */
COLD int thread_magazines_init(struct pool *pool);
COLD int thread_magazines_init_growing(struct pool *pool);
COLD void thread_magazines_fini(struct pool *pool);
COLD int thread_magazines_enter(struct pool *pool, struct pool_thread *thread);
COLD void thread_magazines_leave(struct pool *pool, struct pool_thread *thread);
COLD void thread_magazines_walk(struct pool *pool, struct census *census);
COLD void thread_magazines_flush(struct pool *pool, struct pool_thread *thread);

/* Opens a magazine as the loaded one. The one before it is closed, and in other hands. */
static inline void thread_magazines_load(
	struct thread_magazines_thread *thread, struct magazine *magazine)
{
	struct thread_magazines *pool = (struct thread_magazines *)thread->base.pool;

	magazine_open(&thread->loaded, magazine, depot_size(&pool->depot));
}

/* The previous magazine visits the depot: as depot_fill and depot_empty. */
COLD bool thread_magazines_fill(
	struct thread_magazines *self, struct thread_magazines_thread *thread);
COLD void thread_magazines_empty(
	struct thread_magazines *self, struct thread_magazines_thread *thread);

/* The loaded magazine and the previous one change places. */
COLD void thread_magazines_swap(struct thread_magazines_thread *thread);

#endif
