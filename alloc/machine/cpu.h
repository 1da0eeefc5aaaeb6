/*
 * Which CPU the caller runs on, as a hint: it may have moved on before the answer is used. Whoever
 * needs certainty uses a lock or a restartable sequence (rseq.h).
 */
#ifndef ALLOC_MACHINE_CPU_H
#define ALLOC_MACHINE_CPU_H

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"

#include <stdint.h>

/*
 * How many CPUs to provide for: one more than the highest number of those that can be plugged in
 * here; at least 1. For sizing caches and searching them. Not a bound: it comes from a file that a
 * container may hide or replace. Cold: reads the file.
 */
uint32_t cpu_possible(void);

/*
 * A bound: no CPU number that the kernel reports reaches it. At least cpu_possible(). Whoever
 * indexes by a CPU number without a test has so many places, of which those from cpu_possible() on
 * refuse everybody; they cost addresses, and memory only if written to.
 *
 * It is the size of the kernel's own CPU masks, which sched_getaffinity(2) returns: 64 to 8192 as a
 * rule. Where the kernel does not say, CPU_LIMIT_MAX, more than any kernel can be built for.
 */
uint32_t cpu_limit(void);

enum { CPU_LIMIT_MAX = 1 << 16 };

/*
 * For tests: what cpu_possible answers from now on, as if more CPUs appeared than were expected;
 * 0: the truth again. Not while another thread creates pools.
 */
void cpu_set_possible(uint32_t cpus);

/*
 * The NUMA node of each CPU into node[0..cpus), and how many nodes there are, at least 1. Nodes are
 * numbered from 0 on, in the order of the kernel's numbers of those that have such CPUs. A CPU of which the
 * kernel does not say it, or whose node's number is CPU_NODES_MAX or more, counts as one of node 0. Cold:
 * reads files.
 */
uint32_t cpu_nodes(uint16_t *node, uint32_t cpus);

enum { CPU_NODES_MAX = 64 };

/*
 * For tests: as if CPUs were on so many nodes in turn from now on; 0: the truth again. Not while another
 * thread creates pools.
 */
void cpu_set_nodes(uint32_t nodes);

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
