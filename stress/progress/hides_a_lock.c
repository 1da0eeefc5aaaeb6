#include "stress/progress/hides_a_lock.h"

#include <stdio.h>

static const struct pool_ops *strategy;
static enum actor_call locked;
static atom_u32 busy;
static _Thread_local uint32_t inside; /* of its own calls; a strategy may call itself */

static void enter(enum actor_call call)
{
	if (inside++ != 0)
		return;
	if (call == locked) {
		while (atom_xchg_acquire(&busy, 1) != 0)
			atom_pause();
	} else {
		while (atom_load_acquire(&busy) != 0)
			atom_pause();
	}
}

static void leave(enum actor_call call)
{
	if (--inside == 0 && call == locked)
		atom_store_release(&busy, 0);
}

static void *get(struct pool *pool, struct pool_thread *self)
{
	enter(ACTOR_GET);
	void *object = strategy->get(pool, self);
	leave(ACTOR_GET);
	return object;
}

static void put(struct pool *pool, struct pool_thread *self, void *object)
{
	enter(ACTOR_PUT);
	strategy->put(pool, self, object);
	leave(ACTOR_PUT);
}

static uint32_t get_bulk(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	enter(ACTOR_GET_BULK);
	n = strategy->get_bulk(pool, self, objs, n);
	leave(ACTOR_GET_BULK);
	return n;
}

static void put_bulk(struct pool *pool, struct pool_thread *self, void *const *objs, uint32_t n)
{
	enter(ACTOR_PUT_BULK);
	strategy->put_bulk(pool, self, objs, n);
	leave(ACTOR_PUT_BULK);
}

static uint32_t get_run(struct pool *pool, struct pool_thread *self, void ***objs)
{
	enter(ACTOR_GET_RUN);
	const uint32_t n = strategy->get_run(pool, self, objs);
	leave(ACTOR_GET_RUN);
	return n;
}

static void put_run(struct pool *pool, struct pool_thread *self, void **objs, uint32_t n)
{
	enter(ACTOR_PUT_RUN);
	strategy->put_run(pool, self, objs, n);
	leave(ACTOR_PUT_RUN);
}

static void flush(struct pool *pool, struct pool_thread *self)
{
	enter(ACTOR_FLUSH);
	strategy->flush(pool, self);
	leave(ACTOR_FLUSH);
}

static void detach(struct pool *pool, struct pool_thread *self)
{
	enter(ACTOR_DETACH);
	strategy->detach(pool, self);
	leave(ACTOR_DETACH);
}

const struct pool_ops *hides_a_lock(const struct pool_ops *ops, enum actor_call call)
{
	static struct pool_ops table;
	static char name[sizeof("lock_in_put_bulk")];

	if (call == ACTOR_ATTACH || call == ACTOR_PREFILL ||
		(ops->get_run == NULL && (call == ACTOR_GET_RUN || call == ACTOR_PUT_RUN)))
		return NULL;
	strategy = ops;
	locked = call;
	snprintf(name, sizeof(name), "lock_in_%s", actor_call_names[call]);
	table = *ops;
	table.name = name;
	table.get = get;
	table.put = put;
	table.get_bulk = get_bulk;
	table.put_bulk = put_bulk;
	table.get_run = ops->get_run != NULL ? get_run : NULL;
	table.put_run = ops->put_run != NULL ? put_run : NULL;
	table.flush = flush;
	table.detach = detach;
	return &table;
}
