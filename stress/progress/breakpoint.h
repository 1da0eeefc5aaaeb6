/*
 * Breakpoints: a thread gets to an instruction in a hundredth of the time that it takes step by step.
 */
#ifndef STRESS_PROGRESS_BREAKPOINT_H
#define STRESS_PROGRESS_BREAKPOINT_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKPOINTS_MAX = 128 };

/* One more, before the instruction at this address; once. False: there is no room, or this system lets nobody write to code. */
bool breakpoint_add(uintptr_t address);

/* All of them: out of the way, there again, and gone for good. */
void breakpoints_hide(void);
void breakpoints_show(void);
void breakpoints_clear(void);

/*
 * In a handler of SIGTRAP: the address of the one that the thread has come to, or 0. The instruction there
 * is the next, and must not be run until the breakpoints are hidden.
 */
uintptr_t breakpoint_reached(void *context);

#endif
