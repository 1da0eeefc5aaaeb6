/*
 * Where instructions of this program stand in its source, by addr2line of the binutils, which the build needs
 * anyway, or another tool with its options.
 */
#ifndef STRESS_BASE_LOCATIONS_H
#define STRESS_BASE_LOCATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an instruction's distance from the program's begin is written where a place may be told for it. */
#define LOCATIONS_OFFSET "+0x"

/* Its distance from the program's begin; 0: it belongs to a library. */
uintptr_t locations_offset(uintptr_t address);

/* How far the program's instructions go: no offset of one is beyond. */
uintptr_t locations_end(void);

/*
 * Hears of one of the instructions: number i, in `function`, at `place` (a file of the tree and its line). level 0:
 * the function whose text it is; the next ones, those that it was inlined into. "??" where nobody knows.
 */
typedef void locations_told(
	void *arg, size_t i, uint32_t level, const char *place, const char *function);

/* Tells of all of them, in their order. False: there is no such tool, and nothing was told. */
bool locations_find(const uintptr_t *offset, size_t count, locations_told *told, void *arg);

#endif
