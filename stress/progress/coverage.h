/* Which instructions of this program were stepped, in this process and in those that it has forked. */
#ifndef STRESS_PROGRESS_COVERAGE_H
#define STRESS_PROGRESS_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Before anything is noted. */
void coverage_prepare(void);

/* An instruction is about to run. From a signal handler. */
void coverage_note(uintptr_t address);

/*
 * Of the functions that were entered: how many of their instructions were stepped, in all; and which were not, of those
 * functions where that is more than one in twenty. What compilers fill up with does not count. By
 * objdump; where there is none, a line says so.
 */
void coverage_print(void);

#endif
