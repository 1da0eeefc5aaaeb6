/*
 * Which CPU the caller runs on, as a hint: it may have moved on before the answer is used. Whoever
 * needs certainty uses a lock or a restartable sequence (rseq.h).
 */
#ifndef ALLOC_CPU_H
#define ALLOC_CPU_H

#include "alloc/atomic.h"
#include "alloc/compiler.h"

#include <stdint.h>

/*
 * CPUs that can ever exist on this machine: one more than the highest number the kernel may report,
 * hot-plugged ones included; at least 1. Cold: reads a file.
 */
uint32_t cpu_possible(void);

/*
 * The word in which the kernel keeps the calling thread's CPU number up to date (cpu_id_start of
 * its rseq area), or NULL if the thread has none. Valid for the calling thread's life. Cold.
 */
atom_u32 *cpu_word(void);

/* The current CPU as the C library knows it; 0 if it does not. */
COLD uint32_t cpu_ask(void);

/*
 * The current CPU, given the calling thread's cpu_word. One load where the kernel keeps the word,
 * else a call into the C library.
 */
ALWAYS_INLINE uint32_t cpu_current(atom_u32 *word)
{
	if (likely(word != NULL))
		return atom_load_relaxed(word); /* written by the kernel on this very CPU */
	return cpu_ask();
}

#endif
