/*
 * The progress freezer: a thread is stopped at every instruction boundary of get and put, and
 * another one must still finish its own calls. That is what lock-freedom forbids to depend on luck,
 * tried by exhaustion: whatever a stopped thread holds at that moment, it never lets go.
 *
 * A tracer single-steps the victim by ptrace to a boundary and leaves it there; the survivor, a
 * thread of the same process on the same CPU, then gets and puts with a net change, so that the
 * victim finds another pool than the one it left (ABA included) when it goes on. Owner stamps are
 * checked on both sides, and the pool's books at the end.
 *
 * The victim runs a script of gets and puts that goes through refill, flush and exhaustion; round k
 * of it stops operations at boundary k, and the rounds end when no operation is that long.
 * Restartable sequences restart after every step, as they do after every preemption: what is frozen
 * are all the states that a stopped thread can be in, and the way out when aborts do not end.
 *
 * A survivor is given up when it sleeps on, or has run for some 10^4 times as long as it needs. A
 * bound in instructions would never let a stepped survivor through a restartable sequence.
 *
 * What it can't show: progress of the system under interference without end, and wait-freedom.
 */
#ifndef STRESS_PROGRESS_FREEZER_H
#define STRESS_PROGRESS_FREEZER_H

#include "stress/stress.h"

/* How a survivor that was kept waiting is reported: stress_fail's sentence contains it. */
#define FREEZER_BLOCKED "kept another waiting"

/*
 * Examines run->ops in the calling process, which has one thread. Ends it through stress_fail or
 * stress_skip (ptrace is not allowed here), or returns after a stress_note.
 */
void freezer_run(const struct stress *run);

#endif
