/*
 * A board: a few places through which objects travel from thread to thread.
 *
 * Whoever takes an object sees what its poster wrote (R0 in board_post meets A0 in board_take), and
 * there is no other edge: emptying a place is relaxed on the poster's side of the next round. With
 * one, every later get by the poster would be ordered after the taker's put by the board itself,
 * and the thread sanitizer could not see that the pool forgot to.
 */
#ifndef STRESS_BASE_BOARD_H
#define STRESS_BASE_BOARD_H

#include "stress/base/object.h"

enum { BOARD_PLACES = 16 };

struct board {
	struct {
		CACHE_PAIR_ALIGNED atom_ptr object; /* NULL: the place is empty */
	} place[BOARD_PLACES];
};

/* Hands over an object of `owner`'s; false if the place is taken, and the object stays his. */
static inline bool board_post(struct board *board, uint32_t place, struct pool *pool,
	struct object *object, uint64_t owner)
{
	void *none = NULL;

	object_verify(pool, object, owner);
	object_fill(pool, object, OBJECT_POSTED);
	object_exchange(object, owner, OBJECT_POSTED);
	if (atom_cas_weak_release(&board->place[place].object, &none, object)) /* R0 */
		return true;
	object_exchange(object, OBJECT_POSTED, owner);
	object_fill(pool, object, owner);
	return false;
}

/* Takes what is there and makes it `owner`'s; NULL if the place is empty. */
static inline struct object *board_take(
	struct board *board, uint32_t place, struct pool *pool, uint64_t owner)
{
	if (atom_load_relaxed(&board->place[place].object) == NULL) /* spare the line */
		return NULL;
	struct object *object = atom_xchg_acquire(&board->place[place].object, NULL); /* A0 */
	if (object != NULL) {
		object_exchange(object, OBJECT_POSTED, owner);
		object_verify(pool, object, OBJECT_POSTED);
		object_fill(pool, object, owner);
	}
	return object;
}

/* Puts back what was left, once the threads are gone. */
static inline void board_clear(struct board *board, struct pool *pool, struct pool_thread *self)
{
	const uint64_t owner = 1 + STRESS_THREADS_MAX;

	for (uint32_t i = 0; i < BOARD_PLACES; i++) {
		struct object *object = board_take(board, i, pool, owner);

		if (object != NULL) {
			object_putting(pool, object, owner);
			pool->ops->put(pool, self, object);
		}
	}
}

#endif
