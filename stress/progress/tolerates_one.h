/*
 * tolerates_one: the freezer's control for pairs. A Treiber stack whose calls have room for two threads, and a third one
 * waits until one of them has left. Beside one that is stopped another goes on, whatever the boundary; beside two, nobody.
 */
#ifndef STRESS_PROGRESS_TOLERATES_ONE_H
#define STRESS_PROGRESS_TOLERATES_ONE_H

#include "stress/controls.h"

enum { TOLERATES_ONE_ROOM = 2 };

struct tolerates_one_pool {
	struct treiber_tag_pool stack;
	atom_u32 inside;
};

static void tolerates_one_enter(struct pool *pool)
{
	atom_u32 *inside = &((struct tolerates_one_pool *)pool)->inside;
	uint32_t n = 0;

	while (n == TOLERATES_ONE_ROOM || !atom_cas_weak_acquire(inside, &n, n + 1)) {
		atom_pause();
		n = atom_load_relaxed(inside);
	}
}

static void tolerates_one_leave(struct pool *pool)
{
	atom_add_release(&((struct tolerates_one_pool *)pool)->inside, (uint32_t)-1);
}

static void *tolerates_one_get(struct pool *pool, struct pool_thread *thread)
{
	tolerates_one_enter(pool);
	void *object = treiber_tag_get(pool, thread);
	tolerates_one_leave(pool);
	return object;
}

static void tolerates_one_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	tolerates_one_enter(pool);
	treiber_tag_put(pool, thread, object);
	tolerates_one_leave(pool);
}

POOL_GET_EACH(tolerates_one)
POOL_PUT_EACH(tolerates_one)

static const struct pool_parts tolerates_one_parts = {
	.pool_bytes = sizeof(struct tolerates_one_pool),
	.slab_offset = offsetof(struct treiber_tag_pool, slab),
	.links = SLAB_WITH_LINKS,
	.take = treiber_tag_take,
	.walk = treiber_tag_walk,
};

CONTROL_OPS(tolerates_one, tolerates_one_parts,
	"a Treiber stack with room for two threads in its calls", tolerates_one, tolerates_one)

#endif
