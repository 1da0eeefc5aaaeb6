/*
 * sheaf: two arrays of free objects a CPU, main and spare, under a try-lock, over a barn of full and empty ones
 * under a spin lock, one a NUMA node. And prefill, which sets objects aside so that the next gets can't fail.
 *
 * Source: Linux 6.18, mm/slub.c (V. Babka, "SLUB percpu sheaves"). Departures: the local lock is an exchange, where
 * the kernel keeps others off its CPU; a barn takes all sheaves, where the kernel's gives objects back to
 * their slabs beyond ten; an object goes to the CPU that puts it, where the kernel sends one of another node's
 * memory to its slab (`home_ret_node` sends it to its node); a get that finds nothing searches other nodes' barns
 * and other CPUs' sheaves, where the kernel makes a new slab; what prefill sets aside is the thread's
 * reserve and not a sheaf in its hands, and a get touches it last, so that it costs other gets nothing.
 *
 *	get   main sheaf; else the spare one, which becomes the main one; else a full one of the barn's;
 *	      else new objects; else single ones of the barn's; else other nodes' barns; else others'
 *	      sheaves; else what is set aside
 *	put   main sheaf; else the spare one, likewise; else a full one goes to the barn for an empty one
 *	      A call that finds its CPU's lock taken goes to the barn with its objects one by one.
 *
 * Progress: blocking. Whoever stops with the barn's lock stops all that come to it; a CPU's lock stops nobody.
 * Signal handlers must not use it: they would wait for a lock that they interrupted.
 * Exact, for any number of threads, as `percpu_try`: NULL comes after every place was looked at but for
 * sheaves that another thread is in. What others have set aside is not free to them.
 *
 * What it should win: as `percpu_try`, with whole sheaves that change hands by their pointers where batches are
 * copied; the barn's lock is taken once a sheaf. What it can't: a thread that is preempted in the barn makes
 * others wait, which a lock-free depot never does; and a locked exchange a call is the price of a lock that
 * nobody contends for.
 *
 * Edges and invariants are those of sheaves.h and barn.h.
 */
#ifndef ALLOC_POOL_SHEAF_H
#define ALLOC_POOL_SHEAF_H

#include "alloc/mechanism/sheaves.h"

/* One locked exchange, seven loads, two stores. */
static inline void *sheaf_get(struct pool *pool, struct pool_thread *thread)
{
	struct sheaf_cpu *cpu = sheaves_own((struct sheaves *)pool, thread);

	if (likely(try_lock_enter(&cpu->lock))) {
		struct magazine *main = cpu->main;
		uint32_t count = magazine_count(main);

		if (likely(count != 0)) {
			void *object = main->slot[count - 1];

			magazine_set_count(main, count - 1);
			try_lock_leave(&cpu->lock);
			return object;
		}
		try_lock_leave(&cpu->lock);
	} else {
		thread->paths.wait++;
	}
	return pool_get_one(pool, thread);
}

/* One locked exchange, seven loads, three stores. */
static inline void sheaf_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct sheaves *self = (struct sheaves *)pool;
	struct sheaf_cpu *cpu = sheaves_own(self, thread);

	if (likely(try_lock_enter(&cpu->lock))) {
		struct magazine *main = cpu->main;
		uint32_t count = magazine_count(main);

		if (likely(count < self->objects)) {
			main->slot[count] = object;
			magazine_set_count(main, count + 1);
			try_lock_leave(&cpu->lock);
			return;
		}
		try_lock_leave(&cpu->lock);
	} else {
		thread->paths.wait++;
	}
	pool_put_one(pool, thread, object);
}

/* One locked exchange, one copy, two stores. */
static inline uint32_t sheaf_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct sheaves *self = (struct sheaves *)pool;
	struct sheaf_cpu *cpu = sheaves_own(self, thread);
	uint32_t got = 0;

	if (likely(try_lock_enter(&cpu->lock))) {
		got = sheaf_take(cpu->main, objs, n);
		if (likely(got == n)) {
			try_lock_leave(&cpu->lock);
			return n;
		}
	} else {
		thread->paths.wait++;
		cpu = NULL;
	}
	return sheaves_get_more(self, thread, cpu, objs, got, n);
}

/* One locked exchange, one copy, two stores. */
static inline void sheaf_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct sheaves *self = (struct sheaves *)pool;
	struct sheaf_cpu *cpu = sheaves_own(self, thread);
	uint32_t put = 0;

	if (likely(try_lock_enter(&cpu->lock))) {
		put = sheaf_give(cpu->main, objs, n, self->objects);
		if (likely(put == n)) {
			try_lock_leave(&cpu->lock);
			return;
		}
	} else {
		thread->paths.wait++;
		cpu = NULL;
	}
	sheaves_put_more(self, thread, cpu, objs + put, n - put);
}

static const struct pool_parts sheaf_parts = {
	POOL_WITH_SLAB(struct sheaves, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct sheaves_thread),
	.init = sheaves_init,
	.fini = sheaves_fini,
	.enter = sheaves_enter,
	.leave = sheaves_leave,
	.walk = sheaves_walk,
};

static const struct pool_ops pool_sheaf_ops = {
	.name = "sheaf",
	.summary = "two arrays a CPU under a try-lock, over a spin-locked barn a node; prefill "
		   "(Linux 6.18)",
	.traits = {.progress = POOL_BLOCKING,
		.cache = POOL_CACHE_CPU,
		.exact = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_always,
	POOL_LIFE_CYCLE(sheaf_parts),
	.adopt = cpu_thread_adopt,
	POOL_HOT_HOOKS(sheaf),
	.flush = sheaves_flush,
	.prefill = sheaves_prefill,
};

#endif
