/*
 * C11 atomics with a seeded delay before each operation: most do nothing, some yield, a few sleep
 * for about a microsecond. Bugs that need another thread inside a window of two instructions appear
 * in milliseconds instead of never.
 *
 * Each thread draws from a generator seeded by the run's seed and by the thread's number: with one
 * common seed all threads would pause in step. The seed reproduces the choices, not the
 * scheduler's.
 */
#ifndef ALLOC_ATOMIC_PERTURB_H
#define ALLOC_ATOMIC_PERTURB_H

/* Draws once and delays accordingly. Defined in perturb.c. */
void atom_perturb_point(void);

/* Seeds the calling thread. Without it a thread is seeded by its order of arrival. */
void atom_perturb_seed(unsigned long long seed);

/* 1: operations of this build are delayed, and fixed counts should shrink. */
enum { atom_perturbs = 1 };

#define ATOMIC_POINT() atom_perturb_point()
#include "alloc/atomic/c11.h"

#endif
