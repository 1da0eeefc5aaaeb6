/*
 * Threads that want as many objects as the pool has, or more. Each gets one by one until it has what it
 * wants, and when it does, or finds none, it puts HELD_SWING of them back, of any age, and goes on. So
 * the pool runs out again and again, and recovers each time. The workloads exhaust_100, exhaust_110 and
 * exhaust_200 are this with three demands, in per cent of the pool. Objects are touched (touch.h).
 *
 * Gets that find none while the pool *is* empty are by design: they do no work, and what they take is in
 * the figure. t->failed counts the others, the false empties: an object was free all the time, stranded
 * where the get did not look. Where all threads together want no more than the pool has, one is free at
 * every get, and each that finds none is counted. Where they want more, the thread tries once more
 * between two looks at what the others say they have got and put so far. At no moment between the looks
 * can a thread have held more than what it had got by the second, with those not yet seen, less what it
 * had put by the first. Where the sum is less than the pool, an object was free at every moment.
 *
 * Who starves is told by the slowest thread's share and by Jain's index, and by the part of the gets that
 * found none which one thread met. How a pool recovers is told by how many gets in a row find none. What
 * is free at such a get is what caches strand: the pool's objects, less what the thread has and what the
 * others say they have.
 *
 * Counts are relaxed, and published after the call that they count. EXHAUSTION_UNSEEN says how many gets
 * of another thread may be under way or not yet visible, so that as many stranded objects of a thread are
 * not seen. A put that is seen late makes fewer false empties, and fewer stranded objects.
 */
#ifndef BENCH_WORKLOAD_EXHAUSTION_H
#define BENCH_WORKLOAD_EXHAUSTION_H

#include "alloc/atomic.h"
#include "bench/workload/held_load.h"

/* More than a CPU's store buffer has entries. */
enum { EXHAUSTION_UNSEEN = 64 };

/* What a thread lets others know: how many it has got and put since it entered. */
struct exhaustion_count {
	CACHE_PAIR_ALIGNED atom_u64 got;
	atom_u64 put;
};

/* Of the others, at one look. */
struct exhaustion_look {
	uint64_t got, put;
};

static inline struct exhaustion_look exhaustion_look(const struct workload_thread *t)
{
	struct exhaustion_count *counts = t->shared;
	struct exhaustion_look sum = {0};

	for (uint32_t i = 0; i < t->cell->threads; i++) {
		if (i == t->index)
			continue;
		sum.got += atom_load_relaxed(&counts[i].got);
		sum.put += atom_load_relaxed(&counts[i].put);
	}
	return sum;
}

/* A thread has found none while so many objects were free. got: by it, since it entered. */
static inline void exhaustion_note(struct workload_thread *t, uint64_t got, uint64_t free)
{
	struct workload_scarcity *s = &t->scarcity;
	struct held *held = t->own;

	if (s->none == 0 || held->got_then != got)
		s->spells++;
	held->got_then = got;
	s->none++;
	s->stranded += free;
	if (free > s->stranded_most)
		s->stranded_most = free;
}

/*
 * A thread has found none. Counts it where that was false; where it may be true it tries once more: the
 * object, or NULL. A strategy's table as a variable: this is no fast path.
 */
static COLD void *exhaustion_met_none(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct exhaustion_count *counts = t->shared;
	const struct held *held = t->own;
	const bool all_fit = held->high <= HELD_OBJECTS;
	const struct exhaustion_look before = exhaustion_look(t);
	void *object = all_fit ? NULL : ops->get(pool, t->self);
	if (object != NULL)
		return object;
	const struct exhaustion_look after = exhaustion_look(t);
	const uint64_t out = held->count + after.got - before.put;
	const uint64_t capacity = pool->config.capacity;
	exhaustion_note(
		t, atom_load_relaxed(&counts[t->index].got), out < capacity ? capacity - out : 0);
	if (all_fit || out + (t->cell->threads - 1) * EXHAUSTION_UNSEEN < capacity)
		t->failed++;
	return NULL;
}

/* The body. A round is one object got, and in the mean one put; counts objects. */
ALWAYS_INLINE uint64_t exhaustion_run(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t, uint64_t n)
{
	struct held *held = t->own;
	struct exhaustion_count *count = &((struct exhaustion_count *)t->shared)[t->index];
	uint64_t done = 0;

	while (done < n) {
		void *object = WORKLOAD_CALL(t, ops->get(pool, t->self));

		bench_escape(object);
		if (unlikely(object == NULL))
			object = exhaustion_met_none(ops, pool, t);
		if (likely(object != NULL)) {
			WORKLOAD_OWN_DO(t, touch_write(&object, 1));
			held->object[held->count++] = object;
			atom_store_relaxed(&count->got, atom_load_relaxed(&count->got) + 1);
			done++;
			if (held->count < held->high)
				continue;
		}
		const uint32_t had = held->count;
		held->low = had > HELD_SWING ? had - HELD_SWING : 0;
		held_put_down(ops, pool, t, held, true);
		atom_store_relaxed(&count->put, atom_load_relaxed(&count->put) + had - held->low);
		if (object == NULL)
			break;
	}
	return done;
}

/* As struct workload's hooks. */

static inline int exhaustion_open(const struct pool_ops *ops, struct pool *pool,
	const struct workload_cell *cell, void **shared)
{
	struct exhaustion_count *counts = memory_alloc(cell->threads * sizeof(*counts));

	(void)ops;
	(void)pool;
	if (counts == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < cell->threads; i++) {
		atom_init(&counts[i].got, 0);
		atom_init(&counts[i].put, 0);
	}
	*shared = counts;
	return 0;
}

static inline void exhaustion_close(const struct pool_ops *ops, struct pool *pool,
	const struct workload_cell *cell, void *shared)
{
	(void)ops;
	(void)pool;
	memory_free(shared, cell->threads * sizeof(struct exhaustion_count));
}

/* demand: per cent of the thread's part of the pool. A thread begins with nothing. */
static inline int exhaustion_enter(struct workload_thread *t, uint32_t demand)
{
	struct held *held = memory_alloc(sizeof(*held));

	if (held == NULL)
		return -ENOMEM;
	held->count = 0;
	held->got_then = 0;
	held->high = HELD_OBJECTS * demand / 100;
	held->random = t->cell->seed + t->index;
	t->own = held;
	return 0;
}

static inline void exhaustion_leave(
	const struct pool_ops *ops, struct pool *pool, struct workload_thread *t)
{
	struct held *held = t->own;

	held->low = 0;
	held_put_down(ops, pool, t, held, false);
	memory_free(held, sizeof(*held));
}

#endif
