/*
 * Atomic operations for the explorer (stress/model/), which sees all of them, and plain accesses too,
 * by the compiler's instrumentation. What it does not see is that a thread waits: it would look again
 * for ever.
 */
#ifndef ALLOC_ATOMIC_MODEL_H
#define ALLOC_ATOMIC_MODEL_H

#include "alloc/atomic/c11.h"

/* The other virtual threads go first. */
void machine_pause(void);

#undef atom_pause
#define atom_pause() machine_pause()

#endif
