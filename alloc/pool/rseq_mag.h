/*
 * rseq_mag: two magazines a CPU, worked on and exchanged in restartable sequences, over the
 * lock-free depot. A single get or put works on the CPU's loaded magazine as mag_tls does on the
 * thread's; between CPU and depot whole magazines move, by one store and one compare-and-swap, and
 * nothing is copied.
 *
 * Source: J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001, section 3: theirs were per
 * CPU under a lock; here the lock is a restartable sequence (rseq_magazine.h). Every thread owns
 * one more magazine that is empty between calls: what it trades with its CPU.
 *
 * Progress: lock-free. Sections that were aborted RSEQ_ABORTS_MAX times, and threads of a stopped
 * CPU, go to the depot.
 * Signal handlers must not use it: the cold paths work in the thread's own magazine.
 * After put: memory stays mapped, nothing is overwritten.
 * Exact, for any number of threads: get answers NULL only after it has found the depot empty and then
 * the two magazines of each CPU, which it stops to look. With no other thread in a call no CPU is
 * stopped, each thread's own magazine is empty and nothing moves between these looks: an object that
 * is free is in a CPU's magazine or the depot, which has room for any number (depot.h). A CPU that
 * another thread has claimed is that thread's call: a search looks again for some microseconds
 * (RSEQ_BUSY_MAX), and then answers without it.
 *
 *	          get                      put
 *	get       same CPU: the section    same CPU: the section
 *	          else: depot, or stop     else: depot, or stop
 *	put                                as above
 *
 * count and check want a quiet pool.
 *
 * A0 in rseq_mag_stop, meets R0 in rseq_mag_restart: the CPU's magazines as the last drainer left
 * them. The depot has its own.
 * R1 in rseq_mag_rob, meets the sections of that CPU (x86-64 loads are acquires): the thief's
 * empty magazine before the word that names it.
 * ABA: the exchange compares the CPU's word inside a section. The word may have left and come back
 * since it was read, with other contents in the same magazines: so what was read about the contents
 * is a hint, and what comes home is looked at again.
 *
 * I1  On a quiet pool no CPU is stopped; its two magazines differ and hold at most rseq_mag_size
 * objects each; a thread's is empty.
 * I2  An object is in at most one place: a magazine of one CPU, or the depot.
 */
#ifndef ALLOC_POOL_RSEQ_MAG_H
#define ALLOC_POOL_RSEQ_MAG_H

#include "alloc/machine/cpu.h"
#include "alloc/mechanism/rseq_magazine.h"

#include <errno.h>
#include <string.h>

struct rseq_mag_pool {
	struct pool base;
	struct rseq_magazines *areas; /* cpus, and those up to the kernel's limit, stopped */
	unsigned char *lines; /* the depot's magazines, less one line: where unit 0 would be */
	uint32_t size;        /* objects a magazine */
	uint32_t cpus;        /* with magazines */
	uint32_t limit;       /* areas; more than any CPU number (cpu.h) */
	struct slab slab;
	struct depot depot;
};

struct rseq_mag_thread {
	struct pool_thread base;
	void *rs;                 /* the thread's registered area, or &unregistered */
	struct magazine *mine;    /* empty between calls: what is traded, unless it is private */
	struct magazine *reserve; /* empty; NULL while a run is lent to the user */
	struct rseq_unregistered unregistered;
	uint32_t victim; /* where the last search found something */
};

static inline struct magazine *rseq_mag_at(struct rseq_mag_pool *pool, uint32_t unit)
{
	return slab_at(&pool->depot.magazines, unit);
}

static inline uint32_t rseq_mag_unit(struct rseq_mag_pool *pool, struct magazine *magazine)
{
	return slab_unit(&pool->depot.magazines, magazine);
}

/*
 * Tells the thread sanitizer of the edges that each object makes when its magazine leaves or enters
 * a CPU.
 */
static inline void rseq_mag_acquire_all(struct magazine *magazine)
{
	for (uint32_t i = 0; atom_sanitizes && i < magazine_count(magazine); i++)
		atom_tsan_acquire(magazine->slot[i]);
}

static inline void rseq_mag_release_all(struct magazine *magazine)
{
	for (uint32_t i = 0; atom_sanitizes && i < magazine_count(magazine); i++)
		atom_tsan_release(magazine->slot[i]);
}

/*
 * Trades the caller's magazine for the CPU's loaded or spare one. The caller's becomes the loaded
 * one, the one that stays the spare. False: interrupted, moved, or the word has changed.
 */
static inline bool rseq_mag_trade(struct rseq_mag_pool *pool, struct rseq_mag_thread *self,
	uint32_t cpu, uint64_t word, bool spare)
{
	uint32_t loaded_unit = rseq_magazine_loaded(word);
	uint32_t taken_unit = spare ? rseq_magazine_spare(word) : loaded_unit;
	uint32_t kept_unit = spare ? loaded_unit : rseq_magazine_spare(word);
	struct magazine *taken = rseq_mag_at(pool, taken_unit);
	uint64_t next = rseq_magazine_word(rseq_mag_unit(pool, self->mine), kept_unit);

	rseq_mag_release_all(self->mine);
	if (rseq_magazine_exchange(self->rs, pool->areas, cpu, word, next, self->mine, taken) !=
		RSEQ_DONE)
		return false;
	self->mine = taken;
	rseq_mag_acquire_all(taken);
	return true;
}

/* False: a private magazine (depot.h), which no word can name. */
static inline bool rseq_mag_trades(const struct rseq_mag_thread *self)
{
	return self->mine->heap == NULL;
}

ALWAYS_INLINE uint32_t rseq_mag_cpu(struct rseq_mag_thread *self)
{
	return atom_load_relaxed((atom_u32 *)self->rs); /* cpu_id_start; kept by the kernel */
}

/*
 * The caller's magazine, with objects in it, goes to the CPU or the depot; an empty one takes its
 * place.
 */
static NOINLINE void rseq_mag_install(struct rseq_mag_pool *pool, struct rseq_mag_thread *self)
{
	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && rseq_mag_trades(self); i++) {
		uint32_t cpu = rseq_mag_cpu(self);

		if (atom_load_relaxed(&pool->areas[cpu].stop) != 0)
			break;
		uint64_t word = atom_load_relaxed(&pool->areas[cpu].word);
		bool spare = magazine_count(rseq_mag_at(pool, rseq_magazine_loaded(word))) != 0;
		if (rseq_mag_trade(pool, self, cpu, word, spare))
			break;
	}
	/* What came home is empty, or a spare that made room, or, interrupted, anything. */
	if (magazine_count(self->mine) != 0) {
		self->base.paths.flush++;
		self->mine = depot_trade_empty(&pool->depot, self->mine);
		magazine_prefetch_write(self->mine, pool->size);
	}
}

/* R0, meets A0 in rseq_mag_stop. */
static COLD void rseq_mag_restart(struct rseq_mag_pool *pool, uint32_t cpu)
{
	atom_store_release(&pool->areas[cpu].stop, 0); /* R0 */
}

/*
 * Claims a CPU: afterwards no section runs there until rseq_mag_restart. False: somebody else has
 * it.
 */
static COLD bool rseq_mag_stop(struct rseq_mag_pool *pool, uint32_t cpu)
{
	uint32_t idle = 0;

	while (!atom_cas_weak_acquire(&pool->areas[cpu].stop, &idle, 1)) { /* A0 */
		if (idle != 0)
			return false;
	}
	if (rseq_fence(cpu))
		return true;
	rseq_mag_restart(pool, cpu);
	return false;
}

/*
 * Trades the caller's empty magazine for one with objects of a CPU. False: it has none, or another
 * thread is taking some, *busy then.
 */
static COLD bool rseq_mag_rob(
	struct rseq_mag_pool *pool, struct rseq_mag_thread *self, uint32_t cpu, bool *busy)
{
	struct rseq_magazines *area = &pool->areas[cpu];
	uint64_t word = atom_load_relaxed(&area->word);

	/* A peek that decides nothing: a CPU that looks empty is not worth an interrupt. */
	if (magazine_count(rseq_mag_at(pool, rseq_magazine_loaded(word))) == 0 &&
		magazine_count(rseq_mag_at(pool, rseq_magazine_spare(word))) == 0)
		return false;
	if (!rseq_mag_stop(pool, cpu)) {
		*busy = true;
		return false;
	}
	word = atom_load_relaxed(&area->word);
	struct magazine *spare = rseq_mag_at(pool, rseq_magazine_spare(word));
	struct magazine *loaded = rseq_mag_at(pool, rseq_magazine_loaded(word));
	struct magazine *taken = magazine_count(spare) != 0 ? spare : loaded;
	uint32_t count = magazine_count(taken);

	atom_tsan_acquire(taken);
	if (count != 0 && !rseq_mag_trades(self)) {
		memcpy(self->mine->slot, taken->slot, count * sizeof(*taken->slot));
		magazine_set_count(self->mine, count);
		magazine_set_count(taken, 0);
	} else if (count != 0) {
		uint32_t mine = rseq_mag_unit(pool, self->mine);

		/* R1, meets the sections of the CPU: the caller's magazine before its name. */
		atom_tsan_release(self->mine);
		atom_store_release(&area->word,
			taken == spare ? rseq_magazine_word(rseq_magazine_loaded(word), mine)
				       : rseq_magazine_word(mine, rseq_magazine_spare(word)));
		self->mine = taken;
	}
	rseq_mag_restart(pool, cpu);
	rseq_mag_acquire_all(self->mine);
	return count != 0;
}

/* The same of some CPU, beginning where the last search succeeded. */
static COLD bool rseq_mag_steal(
	struct rseq_mag_pool *pool, struct rseq_mag_thread *self, bool *busy)
{
	*busy = false;
	for (uint32_t i = 0; i < pool->cpus; i++) {
		uint32_t cpu = (self->victim + i) % pool->cpus;

		if (rseq_mag_rob(pool, self, cpu, busy)) {
			self->victim = cpu;
			self->base.paths.steal++;
			return true;
		}
	}
	return false;
}

/* Fills the caller's magazine, from the CPU, the depot or another CPU. False: nothing is free. */
static NOINLINE bool rseq_mag_grab(struct rseq_mag_pool *pool, struct rseq_mag_thread *self)
{
	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && rseq_mag_trades(self); i++) {
		uint32_t cpu = rseq_mag_cpu(self);

		if (atom_load_relaxed(&pool->areas[cpu].stop) != 0)
			break;
		uint64_t word = atom_load_relaxed(&pool->areas[cpu].word);
		bool spare = magazine_count(rseq_mag_at(pool, rseq_magazine_loaded(word))) == 0;
		if (spare && magazine_count(rseq_mag_at(pool, rseq_magazine_spare(word))) == 0)
			break;
		if (rseq_mag_trade(pool, self, cpu, word, spare) && magazine_count(self->mine) != 0)
			return true;
	}
	struct magazine *full = depot_trade_full(&pool->depot, self->mine);
	if (full != NULL) {
		self->mine = full;
		magazine_prefetch_read(full, pool->size);
		self->base.paths.refill++;
		return true;
	}
	magazine_set_count(
		self->mine, depot_take(&pool->depot, &self->base, self->mine->slot, pool->size));
	if (magazine_count(self->mine) != 0)
		return true;
	for (uint32_t i = 0; i < RSEQ_BUSY_MAX; i++) {
		bool busy;

		if (rseq_mag_steal(pool, self, &busy))
			return true;
		if (!busy)
			break;
		atom_pause();
	}
	self->base.paths.empty++;
	return false;
}

/* The cold end of get. */
static NOINLINE uint32_t rseq_mag_refill(
	struct rseq_mag_pool *pool, struct rseq_mag_thread *self, void **objs, uint32_t n)
{
	uint32_t got = 0;

	while (got < n && rseq_mag_grab(pool, self)) {
		uint32_t count = magazine_count(self->mine);
		uint32_t use = n - got < count ? n - got : count;

		magazine_set_count(self->mine, count - use);
		copy_pointers(objs + got, &self->mine->slot[count - use], use);
		got += use;
		if (use < count)
			rseq_mag_install(pool, self);
	}
	return got;
}

/*
 * Fills the CPU's loaded magazine to the brim if fewer than n objects do so: what leaves for the
 * depot later is then full, and moves whole. Returns how many of objs went there; 0 also after an
 * interruption.
 */
static inline uint32_t rseq_mag_top_up(
	struct rseq_mag_pool *pool, struct rseq_mag_thread *self, void *const *objs, uint32_t n)
{
	struct rseq_magazines *area = &pool->areas[rseq_mag_cpu(self)];

	if (atom_load_relaxed(&area->stop) != 0)
		return 0;
	/* Hints, both: the section finds out whether there is still so much room. */
	uint64_t word = atom_load_relaxed(&area->word);
	uint32_t count = magazine_count(rseq_mag_at(pool, rseq_magazine_loaded(word)));
	uint32_t room = pool->size - count;

	if (count >= pool->size || room >= n ||
		rseq_magazine_push_bulk(self->rs, pool->areas, pool->lines, count, objs, room) !=
			RSEQ_DONE)
		return 0;
	return room;
}

/* The cold end of put. */
static NOINLINE void rseq_mag_overflow(
	struct rseq_mag_pool *pool, struct rseq_mag_thread *self, void *const *objs, uint32_t n)
{
	for (uint32_t put = rseq_mag_top_up(pool, self, objs, n); put < n;) {
		uint32_t give = n - put < pool->size ? n - put : pool->size;

		copy_pointers(self->mine->slot, objs + put, give);
		magazine_set_count(self->mine, give);
		put += give;
		rseq_mag_install(pool, self);
	}
}

static COLD void *rseq_mag_get_slow(struct rseq_mag_pool *pool, struct rseq_mag_thread *self)
{
	void *object;

	return rseq_mag_refill(pool, self, &object, 1) ? object : NULL;
}

static COLD void rseq_mag_put_slow(
	struct rseq_mag_pool *pool, struct rseq_mag_thread *self, void *object)
{
	rseq_mag_overflow(pool, self, &object, 1);
}

/*
 * The section of rseq_magazine_pop (16 instructions, two stores), three loads to reach it, one
 * compare and branch after it.
 */
static inline void *rseq_mag_get(struct pool *pool, struct pool_thread *thread)
{
	struct rseq_mag_pool *self = (struct rseq_mag_pool *)pool;
	struct rseq_mag_thread *mine = (struct rseq_mag_thread *)thread;
	uintptr_t result = rseq_magazine_pop(mine->rs, self->areas, self->lines);

	return likely(result >= RSEQ_CODES) ? (void *)result : rseq_mag_get_slow(self, mine);
}

/*
 * The section of rseq_magazine_push (17 instructions, three stores), four loads to reach it, one
 * compare and branch after it.
 */
static inline void rseq_mag_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct rseq_mag_pool *self = (struct rseq_mag_pool *)pool;
	struct rseq_mag_thread *mine = (struct rseq_mag_thread *)thread;

	if (unlikely(rseq_magazine_push(mine->rs, self->areas, self->lines, self->size, object) !=
		     RSEQ_DONE))
		rseq_mag_put_slow(self, mine, object);
}

/* One section for all n, with two 16-byte copies for every four objects. */
static inline uint32_t rseq_mag_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct rseq_mag_pool *self = (struct rseq_mag_pool *)pool;
	struct rseq_mag_thread *mine = (struct rseq_mag_thread *)thread;

	if (likely(rseq_magazine_pop_bulk(mine->rs, self->areas, self->lines, objs, n) ==
		    RSEQ_DONE))
		return n;
	return rseq_mag_refill(self, mine, objs, n);
}

/* As get_bulk. */
static inline void rseq_mag_put_bulk(
	struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)
{
	struct rseq_mag_pool *self = (struct rseq_mag_pool *)pool;
	struct rseq_mag_thread *mine = (struct rseq_mag_thread *)thread;

	if (unlikely(n > self->size || rseq_magazine_push_bulk(mine->rs, self->areas, self->lines,
					       self->size - n, objs, n) != RSEQ_DONE))
		rseq_mag_overflow(self, mine, objs, n);
}

/* One exchange, however many objects. */
static inline uint32_t rseq_mag_get_run(struct pool *pool, struct pool_thread *thread, void ***objs)
{
	struct rseq_mag_thread *self = (struct rseq_mag_thread *)thread;

	if (unlikely(!rseq_mag_grab((struct rseq_mag_pool *)pool, self)))
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
	struct rseq_mag_thread *self = (struct rseq_mag_thread *)thread;

	self->reserve = self->mine;
	self->mine = container_of(objs, struct magazine, slot);
	magazine_set_count(self->mine, n);
	if (likely(n != 0))
		rseq_mag_install((struct rseq_mag_pool *)pool, self);
}

static COLD size_t rseq_mag_area_bytes(const struct rseq_mag_pool *self)
{
	return (size_t)self->limit * sizeof(*self->areas);
}

static COLD int rseq_mag_create(const struct pool_config *config, struct pool **out)
{
	struct rseq_mag_pool *self = memory_alloc(sizeof(*self));
	int rc;

	if (self == NULL)
		return -ENOMEM;
	self->cpus = cpu_possible();
	self->limit = cpu_limit() + 1;
	self->size = config->magazine_objects;
	rc = slab_init(&self->slab, config->object_bytes, config->object_align, config->capacity,
		config->pages, SLAB_WITH_LINKS);
	if (rc != 0)
		goto fail_slab;
	rc = depot_init(&self->depot, &self->slab, self->size, 2 * self->cpus, CACHE_LINE_BYTES);
	if (rc != 0)
		goto fail_depot;
	rc = -ENOMEM;
	self->areas = memory_map(rseq_mag_area_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->areas == NULL)
		goto fail_areas;
	self->lines = self->depot.magazines.lines;
	for (uint32_t cpu = 0; cpu < self->cpus; cpu++) {
		uint32_t loaded = rseq_mag_unit(self, depot_get_empty(&self->depot));
		uint32_t spare = rseq_mag_unit(self, depot_get_empty(&self->depot));

		atom_init(&self->areas[cpu].word, rseq_magazine_word(loaded, spare));
	}
	for (uint32_t cpu = self->cpus; cpu < self->limit; cpu++)
		atom_init(&self->areas[cpu].stop, 1);
	self->base.slab = &self->slab;
	*out = &self->base;
	return 0;

fail_areas:
	depot_fini(&self->depot);
fail_depot:
	slab_fini(&self->slab);
fail_slab:
	memory_free(self, sizeof(*self));
	return rc;
}

static COLD void rseq_mag_destroy(struct pool *pool)
{
	struct rseq_mag_pool *self = (struct rseq_mag_pool *)pool;

	memory_unmap(self->areas, rseq_mag_area_bytes(self), MEMORY_PAGES_ORDINARY);
	depot_fini(&self->depot);
	slab_fini(&self->slab);
	memory_free(self, sizeof(*self));
}

static COLD void rseq_mag_adopt(struct pool *pool, struct pool_thread *thread)
{
	struct rseq_mag_thread *self = (struct rseq_mag_thread *)thread;

	self->rs = rseq_area_or(&self->unregistered, ((struct rseq_mag_pool *)pool)->cpus);
}

static COLD int rseq_mag_attach(struct pool *pool, struct pool_thread **out)
{
	struct rseq_mag_pool *owner = (struct rseq_mag_pool *)pool;
	struct rseq_mag_thread *self = memory_alloc(sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->mine = depot_keep(&owner->depot);
	self->reserve = depot_keep(&owner->depot);
	if (self->mine == NULL || self->reserve == NULL) {
		depot_drop(&owner->depot, self->mine);
		depot_drop(&owner->depot, self->reserve);
		memory_free(self, sizeof(*self));
		return -ENOMEM;
	}
	self->base.pool = pool;
	rseq_mag_adopt(pool, &self->base);
	*out = &self->base;
	return 0;
}

/* A thread caches nothing: its objects lie with the CPUs, where every thread finds them. */
static COLD void rseq_mag_detach(struct pool *pool, struct pool_thread *thread)
{
	struct rseq_mag_pool *owner = (struct rseq_mag_pool *)pool;

	depot_drop(&owner->depot, ((struct rseq_mag_thread *)thread)->mine);
	depot_drop(&owner->depot, ((struct rseq_mag_thread *)thread)->reserve);
	memory_free(thread, sizeof(struct rseq_mag_thread));
}

/* Empties the current CPU's magazines, unless another thread is at them. */
static COLD void rseq_mag_flush(struct pool *pool, struct pool_thread *thread)
{
	struct rseq_mag_pool *self = (struct rseq_mag_pool *)pool;
	struct rseq_mag_thread *mine = (struct rseq_mag_thread *)thread;
	uint32_t cpu = rseq_mag_cpu(mine);
	bool busy;

	for (int i = 0; i < 2 && cpu < self->cpus && rseq_mag_rob(self, mine, cpu, &busy); i++)
		mine->mine = depot_trade_empty(&self->depot, mine->mine);
	thread->paths.flush++;
}

static COLD uint64_t rseq_mag_count(struct pool *pool)
{
	struct rseq_mag_pool *self = (struct rseq_mag_pool *)pool;
	uint64_t free = depot_count(&self->depot);

	for (uint32_t cpu = 0; cpu < self->cpus; cpu++) {
		uint64_t word = atom_load_relaxed(&self->areas[cpu].word);

		free += magazine_count(rseq_mag_at(self, rseq_magazine_loaded(word))) +
			magazine_count(rseq_mag_at(self, rseq_magazine_spare(word)));
	}
	return free;
}

static COLD int rseq_mag_check(struct pool *pool, uint64_t outstanding, char *why)
{
	struct rseq_mag_pool *self = (struct rseq_mag_pool *)pool;
	struct census census;
	int rc = census_begin(&census, &self->slab, why, POOL_REASON_BYTES);

	if (rc != 0)
		return rc;
	for (uint32_t cpu = 0; cpu < self->cpus && !census.failed; cpu++) {
		uint64_t word = atom_load_relaxed(&self->areas[cpu].word);
		struct magazine *loaded = rseq_mag_at(self, rseq_magazine_loaded(word));
		struct magazine *spare = rseq_mag_at(self, rseq_magazine_spare(word));

		if (atom_load_relaxed(&self->areas[cpu].stop) != 0 || loaded == spare || /* I1 */
			magazine_count(loaded) > self->size || magazine_count(spare) > self->size)
			census_fail(&census,
				"I1: CPU %u is stopped, or its magazines are one or hold more than "
				"%u objects",
				cpu, self->size);
		else if (magazine_census(loaded, "a CPU's loaded magazine", &census)) /* I2 */
			magazine_census(spare, "a CPU's spare magazine", &census);
	}
	depot_census(&self->depot, &census);
	return census_end(&census, outstanding);
}

static const struct pool_ops pool_rseq_mag_ops = {
	.name = "rseq_mag",
	.summary =
		"two magazines a CPU, exchanged in restartable sequences, over a lock-free depot",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.exact = true,
		.trims = true},
	.supported = pool_supported_rseq,
	.create = rseq_mag_create,
	.destroy = rseq_mag_destroy,
	.attach = rseq_mag_attach,
	.adopt = rseq_mag_adopt,
	.detach = rseq_mag_detach,
	.get = rseq_mag_get,
	.put = rseq_mag_put,
	.get_bulk = rseq_mag_get_bulk,
	.put_bulk = rseq_mag_put_bulk,
	.get_run = rseq_mag_get_run,
	.put_run = rseq_mag_put_run,
	.flush = rseq_mag_flush,
	.count = rseq_mag_count,
	.check = rseq_mag_check,
};

#endif
