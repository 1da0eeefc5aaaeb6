/*
 * The freezer's controls for forks. Treiber stacks that do well beside a stopped thread and a dead one, and wrong in
 * a forked child: starts_anew, whose get begins again where its process is another than before, and lets go of what it
 * had; and distrusts, which lets go of all its stack has where another was in a call.
 */
#ifndef STRESS_PROGRESS_FORKS_BADLY_H
#define STRESS_PROGRESS_FORKS_BADLY_H

#include "stress/controls.h"

#include <unistd.h>

static void *starts_anew_get(struct pool *pool, struct pool_thread *thread)
{
	const pid_t process = getpid();
	void *object = treiber_tag_get(pool, thread);

	if (object != NULL && getpid() != process)
		object = treiber_tag_get(pool, thread);
	return object;
}

CONTROL_WITH_GET(
	starts_anew, treiber_tag_parts, "a Treiber stack whose get begins again in a forked child")

struct distrusts_pool {
	struct treiber_tag_pool stack;
	atom_u32 process, inside; /* of the last call; threads in calls */
};

static void distrusts_enter(struct pool *pool, struct pool_thread *thread)
{
	struct distrusts_pool *self = (struct distrusts_pool *)pool;
	const uint32_t process = (uint32_t)getpid();
	const uint32_t before = atom_load_relaxed(&self->process);

	if (before != process) {
		atom_store_relaxed(&self->process, process);
		while (before != 0 && atom_load_relaxed(&self->inside) != 0 &&
			treiber_tag_take(pool, thread) != NULL)
			;
	}
	atom_add_relaxed(&self->inside, 1);
}

static void distrusts_leave(struct pool *pool)
{
	atom_add_relaxed(&((struct distrusts_pool *)pool)->inside, (uint32_t)-1);
}

static void *distrusts_get(struct pool *pool, struct pool_thread *thread)
{
	distrusts_enter(pool, thread);
	void *object = treiber_tag_get(pool, thread);
	distrusts_leave(pool);
	return object;
}

static void distrusts_put(struct pool *pool, struct pool_thread *thread, void *object)
{
	distrusts_enter(pool, thread);
	treiber_tag_put(pool, thread, object);
	distrusts_leave(pool);
}

POOL_GET_EACH(distrusts)
POOL_PUT_EACH(distrusts)

static const struct pool_parts distrusts_parts = {
	.pool_bytes = sizeof(struct distrusts_pool),
	.slab_offset = offsetof(struct treiber_tag_pool, slab),
	.links = SLAB_WITH_LINKS,
	.take = treiber_tag_take,
	.walk = treiber_tag_walk,
};

CONTROL_OPS(distrusts, distrusts_parts,
	"a Treiber stack that a forked child empties where others were in calls", distrusts,
	distrusts)

#endif
