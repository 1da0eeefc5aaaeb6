/*
 * The only door to atomic operations. Strategies, tests and the engine write
 * `atom_cas_weak_release(&head, &old, new)`: the order is part of the name, and only combinations
 * in use exist, so one search lists every strong operation.
 *
 * Shared words have types of their own, so that a plain access to one does not compile:
 *
 *	atom_u32   atom_u64   atom_ptr
 *
 * The backend gives the operations their meaning. It is chosen at build time by ATOMIC_BACKEND:
 *
 *	"alloc/atomic/c11.h"      C11 atomics; the default
 *	"alloc/atomic/perturb.h"  the same, with a seeded delay before each operation
 *	"alloc/atomic/count.h"    the same, which counts lost compare-and-swaps and aborted sections
 *
 * A CAS writes the value it met into *expected when it fails. Where a failed CAS goes round a loop
 * whose next step reads through the value it met, its failure order is acquire as well; a release
 * CAS that only stores through it is relaxed.
 */
#ifndef ALLOC_ATOMIC_H
#define ALLOC_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#ifndef ATOMIC_BACKEND
#define ATOMIC_BACKEND "alloc/atomic/c11.h"
#endif
#include ATOMIC_BACKEND

#endif
