/* Which instructions of this program were stepped, in this process and in those that it has forked. */
#ifndef STRESS_PROGRESS_COVERAGE_H
#define STRESS_PROGRESS_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Before anything is noted. By objdump; where there is none, coverage_print says so. */
void coverage_prepare(void);

/* What a run steps is noted there: a byte an address, shared with the processes that are forked afterwards. */
unsigned char *coverage_new(void);

/* This process is part of that run, before anything is noted. */
void coverage_choose(unsigned char *run);

/* An instruction is about to run. From a signal handler. */
void coverage_note(uintptr_t address);

/*
 * That run has ended, and is given back: tells how many of the instructions were stepped of those functions that it
 * entered, and returns it in percent; 0: nobody knows. What compilers fill up with does not count, nor does what can't be
 * reached (coverage_print tells what that is). If it is less than STRESS_REACH_ENOUGH, what is missing is named at once.
 */
double coverage_take(const char *pool, unsigned char *run);

/*
 * Names what was never stepped in any of the runs, of functions that were entered: its lines in the source, and how many
 * instructions each has.
 */
void coverage_print(void);

#endif
