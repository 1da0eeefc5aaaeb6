/*
 * The kernel's part of restartable sequences, in the place of alloc/machine/rseq.c. A thread has an area
 * that the true kernel does not know, on a CPU that the freezer names. Only one of the freezer's
 * threads runs at a time, so who had a turn on which CPU is known to the instruction, and a thread can be
 * stopped within a section without losing it.
 */
#ifndef STRESS_PROGRESS_KERNEL_H
#define STRESS_PROGRESS_KERNEL_H

#include "alloc/machine/rseq.h"

enum { KERNEL_CPUS = 2 };

/* From now on this is the calling thread's area. */
void kernel_register(struct rseq_unregistered *area);

/* The CPU of the thread whose area this is. */
void kernel_place(struct rseq_unregistered *area, uint32_t cpu);

/* A thread has a turn on the CPU: whoever was in a section there is no more. */
void kernel_turn(uint32_t cpu);

/* How often that happened, by turns and by fences. */
uint64_t kernel_turns(uint32_t cpu);

/*
 * Which of the vectors that the CPU has __builtin_cpu_supports tells of: all; those of 32 bytes, as of one without AVX-512; none,
 * as of one without AVX.
 */
enum kernel_vectors { KERNEL_VECTORS_ALL, KERNEL_VECTORS_SHORT, KERNEL_VECTORS_NONE };
void kernel_tell_vectors(enum kernel_vectors vectors);

/* From now on it tells nobody of an area, as where the C library has registered none; or again. */
void kernel_hide(bool hidden);

/* From now on it refuses fences, liburcu too, or grants them again. Nobody is in a section. */
void kernel_refuse(bool fences);

/* Whether any thread has asked for its area: only then it matters on which CPU it runs. */
bool kernel_was_asked(void);

#endif
