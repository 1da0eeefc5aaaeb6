/*
 * Atomic operations as C11 has them, of which compare-and-swaps and restartable sections are counted, a
 * thread for itself. A program that counts is another program than one that is timed: this backend is
 * for builds of their own.
 *
 * What other people's libraries do inside (DPDK, Concurrency Kit, liburcu, mallocs) is not counted.
 */
#ifndef ALLOC_ATOMIC_COUNT_H
#define ALLOC_ATOMIC_COUNT_H

#include "alloc/atomic/tally.h"

#include <stdbool.h>

/* The calling thread's. Defined in count.c. */
extern _Thread_local struct atom_tally atom_tally_own;

/* Returns what it was given. */
static inline bool atom_count_cas(bool won)
{
	atom_tally_own.cas++;
	atom_tally_own.lost += !won;
	return won;
}

uintptr_t atom_count_section(uintptr_t result, bool aborted);

/* 1: this build counts. */
enum { atom_counts = 1 };
#define atom_tally_read(out)            (*(out) = atom_tally_own)
#define ATOMIC_CAS(won)                 atom_count_cas(won)
#define ATOMIC_SECTION(result, aborted) atom_count_section(result, aborted)
#include "alloc/atomic/c11.h"

#endif
