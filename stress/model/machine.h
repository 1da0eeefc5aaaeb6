/*
 * The machine that virtual threads run on: what stands in the place of alloc/machine/memory.c, cpu.c
 * and rseq.c, of locks and of the C library's copies, for code that is explored.
 *
 * Memory comes from one range and is never used twice within an execution, so it is zero. Virtual
 * CPUs are numbers: a thread that goes on where another one ran last finds what that one did.
 */
#ifndef STRESS_MODEL_MACHINE_H
#define STRESS_MODEL_MACHINE_H

#include "alloc/machine/rseq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MACHINE_CPUS = 3 };

/* Forgets all memory: before a pool is made. */
void machine_clear(void);

/* The setup is done: from now on executions begin with the memory that is taken now. */
void machine_settle(void);

/* An execution begins: what it takes is forgotten at the next one. cpu[i]: where thread i runs. */
void machine_begin(const uint32_t *cpu, uint32_t threads);

/* "#3+0x40": the third piece of memory that was asked for, and where in it. Overwritten by the fifth call. */
const char *machine_name(uintptr_t at);

/*
 * Restartable sections. A thread enters one with its area, makes steps, and leaves. machine_enter answers the
 * CPU that it is at, or the concurrency id that it has, which is another number. False: it was aborted, since
 * another thread ran on its CPU, a fence was made for it, or a signal came or it was moved (which are
 * decisions); then it is outside.
 */
uint32_t machine_enter(void *rs, enum rseq_index by);
bool machine_section_step(void);
void machine_leave(void);

/* True if `at` is the kernel's word for a thread's CPU, with what it holds. */
bool machine_cpu_word(uintptr_t at, uint64_t *value);

#endif
