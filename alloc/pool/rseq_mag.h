/*
 * rseq_mag: two magazines a CPU, worked on and exchanged in restartable sequences, over the lock-free
 * depot. A single get or put works on the CPU's loaded magazine, as mag_tls does on the thread's. Between
 * CPU and depot whole magazines move, by one store and one compare-and-swap, and nothing is copied.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001, section 3: theirs were per CPU
 * under a lock; here the lock is a restartable sequence (rseq_magazine.h). Every thread owns one
 * magazine more, `mine`, empty between calls: what it trades with its CPU (cpu_magazines.h).
 *
 *	get   loaded; if it is empty, mine becomes one with objects: traded for the CPU's, a full one of the
 *	      depot's, or another CPU's, of whose last objects half stay. What get leaves in it is installed.
 *	put   loaded; if it is full, mine takes the objects and is installed; if a full one comes home for
 *	      it, that goes to the depot.
 *
 * Progress: lock-free. The depot is, and an operation goes there whose sections were aborted
 * RSEQ_ABORTS_MAX times or whose CPU is stopped.
 * Signal handlers must not use it: the cold paths work in the thread's own magazine.
 * Exact, for any number of threads: get answers NULL only after it has found the depot empty and then
 * the two magazines of each CPU, which it stops to look. While no other thread is in a call, no CPU is
 * stopped, each thread's own magazine is empty and nothing moves between these looks; and a free object is
 * in a CPU's magazine or in the depot, which has room for any number (depot.h). A CPU that another
 * thread has stopped means that the other thread is in a call: a search looks again for some
 * microseconds (CPU_TABLE_LOOKS_MAX) and then answers without that CPU.
 *
 * The edges are those of cpu_magazines.c (A0, R0, R1) and of the depot; what rules out ABA stands
 * in cpu_magazines.h, as does I1. An object is in at most one place: a magazine of one CPU, or the
 * depot.
 */
#ifndef ALLOC_POOL_RSEQ_MAG_H
#define ALLOC_POOL_RSEQ_MAG_H

#include "alloc/mechanism/cpu_magazines.h"

static NOINLINE uint32_t rseq_mag_refill(struct cpu_magazines *cache,
	struct cpu_magazines_thread *self, void **objs, uint32_t got, uint32_t n);
static NOINLINE void rseq_mag_overflow(struct cpu_magazines *cache,
	struct cpu_magazines_thread *self, void *const *objs, uint32_t n);

/* The section of rseq_magazine_pop: 10 instructions, two stores; two loads to reach it. */
static inline void *rseq_mag_get(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;
	uintptr_t result = rseq_magazine_pop(self->rs, ((struct cpu_magazines *)pool)->at);

	return likely(result >= RSEQ_CODES) ? (void *)result : pool_get_one(pool, thread);
}

/* The section of rseq_magazine_push: 12 instructions, three stores; two loads to reach it. */
static inline void rseq_mag_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;

	if (unlikely(rseq_magazine_push(self->rs, ((struct cpu_magazines *)pool)->at, object) !=
		     RSEQ_DONE))
		pool_put_one(pool, thread, object);
}

/* One section for all n, with two 32-byte copies for every eight objects (RSEQ_COPY_WIDE). */
static inline uint32_t rseq_mag_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct cpu_magazines *cache = (struct cpu_magazines *)pool;
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;
	uintptr_t result = rseq_magazine_pop_bulk(self->rs, cache->at, objs, n);

	if (likely(result == (uintptr_t)n * 4))
		return n;
	return rseq_mag_refill(
		cache, self, objs, result == RSEQ_ABORT ? 0 : (uint32_t)result / 4, n);
}

/* As get_bulk. */
static inline void rseq_mag_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct cpu_magazines *cache = (struct cpu_magazines *)pool;
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;

	if (unlikely(rseq_magazine_push_bulk(self->rs, cache->at, objs, n) != RSEQ_DONE))
		rseq_mag_overflow(cache, self, objs, n);
}

/*
 * Fills the caller's magazine, from the CPU, the depot or another CPU (`want`: cpu_magazines_steal). False:
 * nothing is free.
 */
static NOINLINE bool rseq_mag_grab(
	struct cpu_magazines *cache, struct cpu_magazines_thread *self, uint32_t want)
{
	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && cpu_magazines_trades(self); i++) {
		struct rseq_place *place = cpu_magazines_place(cache, rseq_cpu(self->rs));

		if (place == NULL)
			break;
		struct rseq_pair *pair = rseq_place_pair(place);
		bool spare = rseq_place_count(place, pair) == 0;
		if (spare && magazine_count(rseq_pair_spare(pair)) == 0)
			break;
		if (cpu_magazines_trade(cache, self, spare) && magazine_count(self->mine) != 0)
			return true;
	}
	if (cpu_magazines_fill(cache, self) || cpu_magazines_steal(cache, self, want))
		return true;
	self->base.paths.empty++;
	return false;
}

/* The cold end of get: objs[0..got) are filled, more are wanted. */
static NOINLINE uint32_t rseq_mag_refill(struct cpu_magazines *cache,
	struct cpu_magazines_thread *self, void **objs, uint32_t got, uint32_t n)
{
	while (got < n && rseq_mag_grab(cache, self, n - got)) {
		uint32_t count = magazine_count(self->mine);
		uint32_t use = n - got < count ? n - got : count;

		magazine_set_count(self->mine, count - use);
		copy_pointers(objs + got, &self->mine->slot[count - use], use);
		got += use;
		if (use < count)
			cpu_magazines_install(cache, self);
	}
	return got;
}

/* The cold end of put. */
static NOINLINE void rseq_mag_overflow(struct cpu_magazines *cache,
	struct cpu_magazines_thread *self, void *const *objs, uint32_t n)
{
	const uint32_t size = depot_size(&cache->depot);

	for (uint32_t put = cpu_magazines_top_up(cache, self, objs, n); put < n;) {
		uint32_t give = n - put < size ? n - put : size;

		copy_pointers(self->mine->slot, objs + put, give);
		magazine_set_count(self->mine, give);
		put += give;
		cpu_magazines_install(cache, self);
	}
}

/* One exchange, however many objects. */
static inline uint32_t rseq_mag_get_run(struct pool *pool, struct pool_thread *thread, void ***objs)
{
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;

	if (unlikely(!rseq_mag_grab((struct cpu_magazines *)pool, self, 1)))
		return 0;
	struct magazine *run = self->mine;
	self->mine = self->reserve;
	self->reserve = NULL;
	*objs = run->slot;
	return magazine_count(run);
}

/* One exchange, unless both magazines of the CPU are in use. */
static inline void rseq_mag_put_run(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct cpu_magazines_thread *self = (struct cpu_magazines_thread *)thread;

	self->reserve = self->mine;
	self->mine = container_of(objs, struct magazine, slot);
	magazine_set_count(self->mine, n);
	if (likely(n != 0))
		cpu_magazines_install((struct cpu_magazines *)pool, self);
}

static const struct pool_parts rseq_mag_parts = {
	POOL_WITH_SLAB(struct cpu_magazines, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct cpu_magazines_thread),
	.init = cpu_magazines_init,
	.fini = cpu_magazines_fini,
	.enter = cpu_magazines_enter,
	.leave = cpu_magazines_leave,
	.walk = cpu_magazines_walk,
};

static const struct pool_ops pool_rseq_mag_ops = {
	.name = "rseq_mag",
	.summary =
		"two magazines a CPU, exchanged in restartable sequences, over a lock-free depot",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.exact = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_rseq,
	POOL_LIFE_CYCLE(rseq_mag_parts),
	POOL_HOT_HOOKS(rseq_mag),
	.adopt = cpu_magazines_adopt,
	.get_run = rseq_mag_get_run,
	.put_run = rseq_mag_put_run,
	.flush = cpu_magazines_flush,
	.lost = cpu_magazines_lost,
};

#endif
