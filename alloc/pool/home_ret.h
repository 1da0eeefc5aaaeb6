/*
 * home_ret: every object has a home CPU, and returns there in magazines. Where packets are allocated on
 * one CPU and completed on another, an object then returns to the cache of the CPU that will write it
 * next, one locked instruction serves a whole magazine, and no two pairs of CPUs meet on a line.
 *
 * An object's home is the CPU that carved it, with a run of its neighbours (homes.h), until another CPU has to look
 * for objects elsewhere: what it finds is at home there from then on. So each CPU soon has what it needs of its own,
 * whoever carved it. In `home_ret_node` the home is the carver's node, for good: its memory is there.
 *
 *	put   at home: the CPU's array, in a restartable section, as in `rseq_arr`; elsewhere: a magazine that
 *	      the thread has open for that home, which is posted to the home's inbox when it is full
 *	get   own array; else a magazine of the own inbox; else one of the depot or whatever can be found, which is at
 *	      home from then on
 *
 * Sources: snmalloc (Liétar et al., ISMM 2019) batches remote frees to the owner; Linux,
 * skb_attempt_defer_free returns buffers to the CPU that allocated them last. Both take all that has come at once.
 * Here an inbox gives one magazine at a time: the cost of a refill does not grow with what has come home, and the rest
 * stays where every thread finds it. Any thread may take from any inbox, so a CPU that stays idle strands nothing.
 * What is posted are arrays of pointers, eight a line, and not objects that each bring the line of a link along.
 *
 * Progress: lock-free.
 * Signal handlers must not use it: they might find an open magazine half-way through a change.
 * Not exact: up to batch_objects - 1 objects a home rest with each thread until it flushes, or detaches.
 *
 *	          get                                     put
 *	get       same CPU: section; inbox: CAS; depot    inbox: CAS
 *	put                                               inbox: CAS
 *
 * Edges and invariants are those of cpu_inboxes.h, cpu_arrays.h and depot.h. An object is in at
 * most one place: a CPU's array, a CPU's inbox, a thread's open magazine, or the depot.
 */
#ifndef ALLOC_POOL_HOME_RET_H
#define ALLOC_POOL_HOME_RET_H

#include "alloc/machine/copy.h"
#include "alloc/mechanism/cpu_inboxes.h"

static COLD uint32_t home_ret_refill(struct cpu_inboxes *pool, struct cpu_inboxes_thread *self,
	void **objs, uint32_t got, uint32_t n);

/* As rseq_arr_get. */
static inline void *home_ret_get(struct pool *pool, struct pool_thread *thread)
{
	struct cpu_inboxes_thread *self = (struct cpu_inboxes_thread *)thread;
	uintptr_t result =
		rseq_array_pop(self->cpu.rs, RSEQ_BY_CPU, ((struct cpu_arrays *)pool)->array);

	return likely(result >= RSEQ_CODES) ? (void *)result : pool_get_one(pool, thread);
}

/*
 * At home, as rseq_arr_put and three loads more; elsewhere a few loads and stores of the thread's
 * own lines. of: what a home is, a constant.
 */
ALWAYS_INLINE void home_ret_put_of(
	enum cpu_inboxes_home of, struct pool *pool, struct pool_thread *thread, void *object)
{
	struct cpu_inboxes *owner = (struct cpu_inboxes *)pool;
	struct cpu_inboxes_thread *self = (struct cpu_inboxes_thread *)thread;
	uint32_t home = *homes_of(&owner->homes, object);

	if (unlikely(home != cpu_inboxes_here(owner, self, of)))
		cpu_inboxes_send(owner, self, of, home, &object, 1);
	else if (unlikely(rseq_array_push(self->cpu.rs, RSEQ_BY_CPU, owner->arrays.array, object) !=
			  RSEQ_DONE))
		pool_put_one(pool, thread, object);
}

/* As rseq_arr_get_bulk. */
static inline uint32_t home_ret_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	struct cpu_inboxes *owner = (struct cpu_inboxes *)pool;
	struct cpu_inboxes_thread *self = (struct cpu_inboxes_thread *)thread;
	uintptr_t result =
		rseq_array_pop_bulk(self->cpu.rs, RSEQ_BY_CPU, owner->arrays.array, objs, n);

	if (likely(result == (uintptr_t)n * 4))
		return n;
	return home_ret_refill(
		owner, self, objs, result == RSEQ_ABORT ? 0 : (uint32_t)result / 4, n);
}

/* A burst whose objects are at home in several places, or all elsewhere: by runs of one home. */
ALWAYS_INLINE void home_ret_put_runs_of(enum cpu_inboxes_home of, struct cpu_inboxes *pool,
	struct cpu_inboxes_thread *self, void *const *objs, uint32_t n, uint32_t here)
{
	for (uint32_t at = 0, run; at < n; at += run) {
		uint32_t home = *homes_of(&pool->homes, objs[at]);

		run = homes_run(&pool->homes, objs + at, n - at);
		if (home != here)
			cpu_inboxes_send(pool, self, of, home, objs + at, run);
		else if (rseq_array_push_bulk(self->cpu.rs, RSEQ_BY_CPU, pool->arrays.array,
				 objs + at, run) != RSEQ_DONE)
			cpu_arrays_put(&pool->arrays, &self->cpu, objs + at, run);
	}
}

/* put and put_bulk, by what a home is. A burst all at home, as its addresses mostly tell, is one section. */
#define HOME_RET_PUTS(name, of)                                                                    \
	static inline void name##_put(struct pool *pool, struct pool_thread *thread, void *object) \
	{                                                                                          \
		home_ret_put_of(of, pool, thread, object);                                         \
	}                                                                                          \
	static NOINLINE void name##_put_runs(struct cpu_inboxes *pool,                             \
		struct cpu_inboxes_thread *self, void *const *objs, uint32_t n, uint32_t here)     \
	{                                                                                          \
		home_ret_put_runs_of(of, pool, self, objs, n, here);                               \
	}                                                                                          \
	static inline void name##_put_bulk(                                                        \
		struct pool *pool, struct pool_thread *thread, void *const *objs, uint32_t n)      \
	{                                                                                          \
		struct cpu_inboxes *owner = (struct cpu_inboxes *)pool;                            \
		struct cpu_inboxes_thread *self = (struct cpu_inboxes_thread *)thread;             \
		uint32_t here = cpu_inboxes_here(owner, self, of);                                 \
                                                                                                   \
		if (unlikely(!homes_all(&owner->homes, &owner->runs, here, objs, n)))              \
			name##_put_runs(owner, self, objs, n, here);                               \
		else if (unlikely(rseq_array_push_bulk(self->cpu.rs, RSEQ_BY_CPU,                  \
					  owner->arrays.array, objs, n) != RSEQ_DONE))             \
			cpu_arrays_put(&owner->arrays, &self->cpu, objs, n);                       \
	}

HOME_RET_PUTS(home_ret, HOME_CPU)

/*
 * A magazine with objects, the caller's, and the depot that it is of: from the own inbox, the depot, or wherever some are
 * (cpu_inboxes_find). It may be the scratch one. NULL: none was found.
 */
static COLD struct magazine *home_ret_grab(
	struct cpu_inboxes *pool, struct cpu_inboxes_thread *self, struct depot **of)
{
	const enum cpu_inboxes_home what = cpu_inboxes_of(pool);
	uint32_t here = cpu_inboxes_here(pool, self, what) % cpu_inboxes_homes(pool);
	struct magazine *magazine = cpu_inboxes_take(pool, self, here);

	*of = cpu_inboxes_depot(pool, here, what);
	if (magazine != NULL)
		return magazine;
	if (what == HOME_CPU &&
		(magazine = depot_get_full(*of, &self->cpu.base.paths.wait)) != NULL)
		self->cpu.base.paths.refill++;
	else
		magazine = cpu_inboxes_find(pool, self, here, of);
	if (magazine != NULL && what == HOME_CPU)
		homes_adopt(&pool->homes, &pool->runs, (uint16_t)here, magazine->slot,
			magazine_count(magazine));
	return magazine;
}

/* The cold end of get: objs[0..got) are filled, more are wanted. */
static COLD uint32_t home_ret_refill(struct cpu_inboxes *pool, struct cpu_inboxes_thread *self,
	void **objs, uint32_t got, uint32_t n)
{
	got += cpu_arrays_pop(&pool->arrays, &self->cpu, objs + got, n - got);
	while (got < n) {
		struct depot *of;
		struct magazine *magazine = home_ret_grab(pool, self, &of);

		if (magazine == NULL) {
			self->cpu.base.paths.empty++;
			break;
		}
		uint32_t found = magazine_count(magazine);
		uint32_t use = n - got < found ? n - got : found;
		copy_pointers(objs + got, magazine->slot, use);
		got += use;
		if (use < found)
			cpu_arrays_put(
				&pool->arrays, &self->cpu, magazine->slot + use, found - use);
		magazine_set_count(magazine, 0);
		if (magazine != self->scratch)
			depot_put_empty(of, magazine, &self->cpu.base.paths.wait);
	}
	return got;
}

static const struct pool_parts home_ret_parts = {
	.pool_bytes = sizeof(struct cpu_inboxes),
	.slab_offset = offsetof(struct cpu_arrays, slab),
	.links = SLAB_WITH_LINKS,
	.thread_bytes = sizeof(struct cpu_inboxes_thread),
	.init = cpu_inboxes_init,
	.fini = cpu_inboxes_fini,
	.enter = cpu_inboxes_enter,
	.leave = cpu_inboxes_leave,
	.walk = cpu_inboxes_walk,
};

static const struct pool_ops pool_home_ret_ops = {
	.name = "home_ret",
	.summary = "per-CPU arrays in restartable sequences; foreign objects go home in batches",
	.traits = {.progress = POOL_LOCK_FREE,
		.cache = POOL_CACHE_CPU,
		.needs_rseq = true,
		.trims = true,
		.paths = POOL_PATHS_SEARCHED},
	.supported = pool_supported_rseq,
	POOL_LIFE_CYCLE(home_ret_parts),
	POOL_HOT_HOOKS(home_ret),
	.adopt = cpu_arrays_adopt,
	.flush = cpu_inboxes_flush,
	.withheld = cpu_inboxes_withheld,
	.lost = cpu_inboxes_lost,
};

#endif
