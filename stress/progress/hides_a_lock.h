/*
 * hides_a_lock: the freezer's control. A Treiber stack that sets a busy bit round its pop, as a
 * design does whose author needed two words to agree: no mutex, no system call, every test of its
 * results passes, and a thread that is stopped inside stops all others.
 */
#ifndef STRESS_PROGRESS_HIDES_A_LOCK_H
#define STRESS_PROGRESS_HIDES_A_LOCK_H

#include "stress/controls.h"

static atom_u32 hides_a_lock_busy;

static void *hides_a_lock_get(struct pool *pool, struct pool_thread *thread)
{
	while (atom_xchg_acquire(&hides_a_lock_busy, 1) != 0)
		atom_pause();
	void *object = treiber_tag_get(pool, thread);
	atom_store_release(&hides_a_lock_busy, 0);
	return object;
}

static uint32_t hides_a_lock_get_bulk(
	struct pool *pool, struct pool_thread *thread, void **objs, uint32_t n)
{
	return pool_get_each(hides_a_lock_get, pool, thread, objs, n);
}

static const struct pool_ops hides_a_lock_ops = {
	.name = "hides_a_lock",
	.summary = "a Treiber stack with a busy bit round its pop",
	.traits = {.progress = POOL_LOCK_FREE, .exact = true},
	CONTROL_COLD_HOOKS(treiber_tag_parts),
	.get = hides_a_lock_get,
	.put = treiber_tag_put,
	.get_bulk = hides_a_lock_get_bulk,
	.put_bulk = treiber_tag_put_bulk,
};

#endif
