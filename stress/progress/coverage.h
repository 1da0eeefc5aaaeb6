/* Which instructions of this program were stepped, in this process and in those that it has forked. */
#ifndef STRESS_PROGRESS_COVERAGE_H
#define STRESS_PROGRESS_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Before anything is noted. */
void coverage_prepare(void);

/* An instruction is about to run. From a signal handler. */
void coverage_note(uintptr_t address);

/* Its distance from the program's begin, as addr2line wants it; 0: it belongs to a library. */
uintptr_t coverage_offset(uintptr_t address);

#endif
