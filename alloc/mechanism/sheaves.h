/*
 * A pool whose cache is two sheaves a CPU, main and spare, under a try-lock, over a barn a NUMA node: what lies around
 * the hot hooks of `sheaf`. And what a thread has set aside for itself, so that its gets can't fail.
 *
 * Edges: those of try_lock.h. A CPU's sheaves are the holder's of its lock, and what is set aside is the
 * thread's own. Who holds a CPU's lock may wait for the barn's, and never the other way round.
 *
 * I1  A quiet pool's locks are free, and each sheaf of a CPU holds at most magazine_objects.
 * I2  A thread has at most magazine_objects set aside.
 */
#ifndef ALLOC_MECHANISM_SHEAVES_H
#define ALLOC_MECHANISM_SHEAVES_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/barn.h"
#include "alloc/mechanism/cpu_thread.h"
#include "alloc/mechanism/life_cycle.h"
#include "alloc/mechanism/thread_list.h"

struct sheaf_cpu {
	struct try_lock lock;
	struct magazine *main, *spare;
	struct barn *barn; /* of the CPU's node; it does not change */
} CACHE_PAIR_ALIGNED;

/* The pool. */
struct sheaves {
	struct pool base;
	struct sheaf_cpu *cpu; /* cpus of them */
	uint32_t cpus;
	uint32_t objects; /* a sheaf */
	struct slab slab;
	struct barn *barn; /* nodes of them */
	uint32_t nodes;    /* at least 1 */
	struct thread_list threads;
};

/* A thread's state. */
struct sheaves_thread {
	struct cpu_thread cpu;
	uint32_t aside; /* objects in kept[0..aside) */
	void **kept;    /* room for magazine_objects; NULL: never asked for */
	struct thread_link link;
};

/* The parts (life_cycle.h), and the hooks flush and prefill. flush gives back what was set aside, too. */
COLD int sheaves_init(struct pool *pool);
COLD void sheaves_fini(struct pool *pool);
COLD int sheaves_enter(struct pool *pool, struct pool_thread *thread);
COLD void sheaves_leave(struct pool *pool, struct pool_thread *thread);
COLD void sheaves_walk(struct pool *pool, struct census *census);
COLD void sheaves_flush(struct pool *pool, struct pool_thread *thread);
COLD int sheaves_prefill(struct pool *pool, struct pool_thread *thread, uint32_t n);

/* The current CPU's sheaves; a CPU number beyond those known at creation shares some. */
ALWAYS_INLINE struct sheaf_cpu *sheaves_own(struct sheaves *self, struct pool_thread *thread)
{
	uint32_t cpu = cpu_thread_current(thread);

	return &self->cpu[likely(cpu < self->cpus) ? cpu : 0];
}

/* Up to n objects off the top of a sheaf that is the caller's. */
ALWAYS_INLINE uint32_t sheaf_take(struct magazine *sheaf, void **objs, uint32_t n)
{
	uint32_t count = magazine_count(sheaf);
	uint32_t take = n < count ? n : count;

	magazine_set_count(sheaf, count - take);
	copy_pointers(objs, &sheaf->slot[count - take], take);
	return take;
}

/* As many of objs[0..n) as it has room for, on top; it holds `most` at most. */
ALWAYS_INLINE uint32_t sheaf_give(
	struct magazine *sheaf, void *const *objs, uint32_t n, uint32_t most)
{
	uint32_t count = magazine_count(sheaf);
	uint32_t give = n < most - count ? n : most - count;

	copy_pointers(&sheaf->slot[count], objs, give);
	magazine_set_count(sheaf, count + give);
	return give;
}

/*
 * The cold end of get: objs[0..got) are filled, more are wanted. cpu: entered, its main sheaf is empty, and
 * this leaves it; NULL: another thread was in it.
 */
COLD uint32_t sheaves_get_more(struct sheaves *self, struct pool_thread *thread,
	struct sheaf_cpu *cpu, void **objs, uint32_t got, uint32_t n);

/* The cold end of put, likewise: objs[0..n) did not fit into the main sheaf, which is full. */
COLD void sheaves_put_more(struct sheaves *self, struct pool_thread *thread, struct sheaf_cpu *cpu,
	void *const *objs, uint32_t n);

#endif
