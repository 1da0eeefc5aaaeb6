/*
 * A per-CPU cache of free objects: rseq.h's arrays, one a CPU, and the cold code around them that
 * `rseq_arr` and `home_ret` share. Cold, all of it: the hot hooks call rseq_pop and rseq_push
 * themselves.
 *
 * I1  On a quiet pool no CPU is stopped, low is 0, cap is the configured one and cur at most that.
 */
#ifndef ALLOC_MECHANISM_RSEQ_ARRAY_H
#define ALLOC_MECHANISM_RSEQ_ARRAY_H

#include "alloc/machine/cpu.h"
#include "alloc/machine/rseq.h"
#include "alloc/mechanism/transit.h"

#include <errno.h>
#include <string.h>

_Static_assert(
	(int)POOL_CPU_CACHE_OBJECTS_MAX <= (int)RSEQ_SLOTS_MAX, "the largest cache fits an area");

struct rseq_cache {
	struct rseq_array *areas; /* cpus, and those up to the kernel's limit, which stay stopped */
	uint32_t cpus;            /* with an array that is in use */
	uint32_t limit;           /* areas; more than any CPU number (cpu.h) */
	uint32_t cap;             /* objects an array holds */
	uint32_t batch;           /* objects moved at once; the depot's magazine size */
};

/* A thread's part of it. */
struct rseq_cache_thread {
	void *rs; /* the thread's registered area, or &unregistered */
	struct rseq_unregistered unregistered;
	uint32_t victim; /* where the last search found something */
};

static COLD size_t rseq_cache_bytes(const struct rseq_cache *self)
{
	return (size_t)self->limit * sizeof(*self->areas);
}

/*
 * 0 or -ENOMEM. The areas from cpus on are left as they were mapped, untouched and all 0: cur is
 * not above low and not below cap, so a section on such a CPU finds its array empty and full, and
 * the caller goes to the depot. The first of them serves threads that have no CPU number.
 */
static COLD int rseq_cache_init(struct rseq_cache *self, const struct pool_config *config)
{
	self->cpus = cpu_possible();
	self->limit = cpu_limit() + 1;
	self->cap = config->cpu_cache_objects;
	self->batch = config->batch_objects;
	self->areas = memory_map(rseq_cache_bytes(self), MEMORY_PAGES_ORDINARY);
	if (self->areas == NULL)
		return -ENOMEM;
	for (uint32_t cpu = 0; cpu < self->cpus; cpu++)
		atom_init(&self->areas[cpu].cap, self->cap);
	return 0;
}

static COLD void rseq_cache_fini(struct rseq_cache *self)
{
	memory_unmap(self->areas, rseq_cache_bytes(self), MEMORY_PAGES_ORDINARY);
}

/* Of the calling thread: when it attaches, and when it adopts. */
static COLD void rseq_cache_attach(struct rseq_cache *self, struct rseq_cache_thread *thread)
{
	thread->rs = rseq_area_or(&thread->unregistered, self->cpus);
}

/* rseq_pop_bulk, begun again when interrupted, a bounded number of times. */
static COLD uint32_t rseq_cache_pop(
	struct rseq_cache *self, struct rseq_cache_thread *thread, void **objs, uint32_t n)
{
	uintptr_t result = RSEQ_ABORT;

	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && result == RSEQ_ABORT; i++)
		result = rseq_pop_bulk(thread->rs, self->areas, objs, n);
	return result == RSEQ_ABORT ? 0 : (uint32_t)result / 4;
}

/* rseq_push_bulk, likewise. */
static COLD bool rseq_cache_push(
	struct rseq_cache *self, struct rseq_cache_thread *thread, void *const *objs, uint32_t n)
{
	uintptr_t result = RSEQ_ABORT;

	for (uint32_t i = 0; i < RSEQ_ABORTS_MAX && result == RSEQ_ABORT; i++)
		result = rseq_push_bulk(thread->rs, self->areas, objs, n);
	return result == RSEQ_DONE;
}

/*
 * Puts objs[0..n) on the current CPU; if they do not fit, after a batch has been moved to the
 * depot; else into the depot.
 */
static COLD void rseq_cache_put(struct rseq_cache *self, struct rseq_cache_thread *thread,
	struct depot *depot, struct pool_thread *base, void *const *objs, uint32_t n)
{
	struct transit transit;

	if (rseq_cache_push(self, thread, objs, n))
		return;
	transit_init(&transit);
	transit_open(&transit, depot);
	uint32_t moved = rseq_cache_pop(self, thread, transit.slot, transit.room);
	if (moved != 0)
		transit_give(&transit, depot, base, moved);
	transit_close(&transit, depot);
	if (rseq_cache_push(self, thread, objs, n))
		return;
	for (uint32_t put = 0; put < n;) {
		uint32_t give = n - put < self->batch ? n - put : self->batch;

		depot_give(depot, base, objs + put, give);
		put += give;
	}
}

/*
 * Takes up to n objects from some CPU's array into objs, half of what is there if that is less,
 * beginning where the last search succeeded. 0: every array is empty, or being drained by somebody
 * else, *busy then.
 */
static COLD uint32_t rseq_cache_search(struct rseq_cache *self, struct rseq_cache_thread *thread,
	struct pool_thread *base, void **objs, uint32_t n, bool *busy)
{
	*busy = false;
	for (uint32_t i = 0; i < self->cpus; i++) {
		uint32_t cpu = (thread->victim + i) % self->cpus;
		struct rseq_array *area = &self->areas[cpu];

		/*
		 * A peek that decides nothing: an array that looks empty is not worth an interrupt.
		 */
		if (atom_load_relaxed(&area->cur) == 0)
			continue;
		if (!rseq_stop(self->areas, cpu)) {
			*busy = true;
			continue;
		}
		uint32_t cur = atom_load_relaxed(&area->cur);
		uint32_t take = cur - cur / 2;
		if (take > n)
			take = n;
		memcpy(objs, &area->slot[cur - take], take * sizeof(*objs));
		for (uint32_t k = 0; k < take; k++)
			atom_tsan_acquire(objs[k]);
		atom_store_relaxed(&area->cur, cur - take);
		rseq_restart(self->areas, cpu, self->cap);
		if (take != 0) {
			thread->victim = cpu;
			base->paths.steal++;
			return take;
		}
	}
	return 0;
}

/* The same, with some patience for whoever drains at that moment. */
static COLD uint32_t rseq_cache_steal(struct rseq_cache *self, struct rseq_cache_thread *thread,
	struct pool_thread *base, void **objs, uint32_t n)
{
	uint32_t taken = 0;
	bool busy;

	for (uint32_t i = 0; i < RSEQ_BUSY_MAX; i++) {
		taken = rseq_cache_search(self, thread, base, objs, n, &busy);
		if (taken != 0 || !busy)
			break;
		atom_pause();
	}
	return taken;
}

/* Empties the current CPU's array into the depot. */
static COLD void rseq_cache_drain(struct rseq_cache *self, struct rseq_cache_thread *thread,
	struct depot *depot, struct pool_thread *base)
{
	struct transit transit;
	uint32_t n;

	transit_init(&transit);
	do {
		transit_open(&transit, depot);
		n = rseq_cache_pop(self, thread, transit.slot, transit.room);
		if (n != 0)
			transit_give(&transit, depot, base, n);
	} while (n != 0);
	transit_close(&transit, depot);
}

static COLD uint64_t rseq_cache_count(struct rseq_cache *self)
{
	uint64_t free = 0;

	for (uint32_t i = 0; i < self->cpus; i++)
		free += atom_load_relaxed(&self->areas[i].cur);
	return free;
}

/* Verifies I1 and marks every object of a quiet cache. */
static COLD bool rseq_cache_census(struct rseq_cache *self, struct census *census)
{
	for (uint32_t i = 0; i < self->cpus; i++) {
		struct rseq_array *area = &self->areas[i];
		uint32_t cur = atom_load_relaxed(&area->cur);

		if (atom_load_relaxed(&area->stop) != 0 || atom_load_relaxed(&area->low) != 0 ||
			atom_load_relaxed(&area->cap) != self->cap || cur > self->cap)
			return census_fail(census,
				"I1: CPU %u is stopped, or its array of %u holds %u objects", i,
				self->cap, cur);
		for (uint32_t k = 0; k < cur; k++) {
			if (!census_mark(census, area->slot[k], "a CPU's array"))
				return false;
		}
	}
	return true;
}

#endif
