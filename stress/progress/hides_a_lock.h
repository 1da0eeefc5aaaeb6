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

CONTROL_WITH_GET(hides_a_lock, treiber_tag_parts, "a Treiber stack with a busy bit round its pop")

#endif
