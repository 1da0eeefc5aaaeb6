/*
 * interrupted: a stack before which each thread keeps an array of its own, with a trait that lies: it says
 * that signal handlers may use it. A get reads where the top of the array is and stores where it will be;
 * a handler in between gets the same object. What it shares with a handler it accesses by
 * atomics, as each design does that lets handlers in: so delays stand in its window too.
 */
#ifndef STRESS_BROKEN_INTERRUPTED_H
#define STRESS_BROKEN_INTERRUPTED_H

#include "stress/controls.h"

enum { INTERRUPTED_KEPT = 8 };

struct interrupted_thread {
	struct pool_thread base;
	atom_u32 count;
	void *kept[INTERRUPTED_KEPT];
};

static void *interrupted_get(struct pool *pool, struct pool_thread *thread)
{
	struct interrupted_thread *self = (struct interrupted_thread *)thread;
	const uint32_t count = atom_load_relaxed(&self->count);

	if (count == 0)
		return treiber_tag_get(pool, thread);
	void *object = self->kept[count - 1];
	atom_store_relaxed(&self->count, count - 1);
	return object;
}

static void interrupted_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	struct interrupted_thread *self = (struct interrupted_thread *)thread;
	const uint32_t count = atom_load_relaxed(&self->count);

	if (count == INTERRUPTED_KEPT) {
		treiber_tag_put(pool, thread, object);
		return;
	}
	self->kept[count] = object;
	atom_store_relaxed(&self->count, count + 1);
}

POOL_GET_EACH(interrupted)
POOL_PUT_EACH(interrupted)

static void interrupted_leave(struct pool *pool, struct pool_thread *thread)
{
	struct interrupted_thread *self = (struct interrupted_thread *)thread;

	while (atom_load_relaxed(&self->count) != 0)
		treiber_tag_put(pool, thread, interrupted_get(pool, thread));
}

static const struct pool_parts interrupted_parts = {
	POOL_WITH_SLAB(struct treiber_tag_pool, SLAB_WITH_LINKS),
	.thread_bytes = sizeof(struct interrupted_thread),
	.leave = interrupted_leave,
	.take = treiber_tag_take,
	.walk = treiber_tag_walk,
};

static const struct pool_ops interrupted_ops = {
	.name = "interrupted",
	.summary = "lets signal handlers into an array that a thread is changing",
	.traits = {.progress = POOL_LOCK_FREE, .cache = POOL_CACHE_THREAD, .signals = true},
	CONTROL_COLD_HOOKS(interrupted_parts),
	POOL_HOT_HOOKS(interrupted),
};

static const struct control control_interrupted = {
	.ops = &interrupted_ops,
	.scenario = "signals",
};

#endif
