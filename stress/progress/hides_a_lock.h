/*
 * hides_a_lock: the freezer's controls, one for each call that it stops. A strategy with a busy bit round that
 * call, which every other call waits for, as a design has whose author needed two words to agree: no mutex, no
 * system call, every test of its results passes, and a thread that is stopped inside stops all others.
 */
#ifndef STRESS_PROGRESS_HIDES_A_LOCK_H
#define STRESS_PROGRESS_HIDES_A_LOCK_H

#include "stress/progress/actor.h"

/* The strategy with the bit round that call; NULL: it has no such call. One a process. */
const struct pool_ops *hides_a_lock(const struct pool_ops *strategy, enum actor_call call);

#endif
