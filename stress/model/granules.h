/*
 * The explorer's account of memory by granules of eight bytes: who accessed each byte how, when last,
 * for races; which atomic words begin there; and what was there before the execution, to undo it.
 */
#ifndef STRESS_MODEL_GRANULES_H
#define STRESS_MODEL_GRANULES_H

#include "stress/model/explore.h"

enum { GRANULE = 8 };

enum access { PLAIN_READ, PLAIN_WRITE, ATOMIC_READ, ATOMIC_WRITE, ACCESSES };

struct granule {
	uintptr_t at;
	uint32_t execution; /* that it is of; others' are empty */
	uint32_t cell;      /* the first of its cells */
	uint32_t part;      /* bytes a cell: as many as the smallest access to it */
	uint32_t word[2];   /* the user's, of the words at byte 0 and 4; GRANULE_NO_WORD: none */
	bool overwritten
		[2]; /* a plain write since the user has set it to false: bytes 0 to 3, 4 to 7 */
	bool written;
	uint64_t before; /* what it held when the execution began, if written */
};
#define GRANULE_NO_WORD UINT32_MAX

/* An execution begins, and is undone. */
void granules_begin(void);
void granules_restore(void);

/* The granule of an address. */
struct granule *granule_of(uintptr_t address);

/* It is about to be written to. */
void granule_keep(struct granule *granule);

/*
 * An access, within one granule, by a thread that knows so much of the others (clock[i]) and is at
 * clock[self] itself. Fails if it races with an earlier one.
 */
void granule_access(uintptr_t at, uint32_t bytes, enum access access, uint32_t self,
	const uint32_t clock[MODEL_THREADS]);

#endif
