/*
 * A table with an element for every CPU that the kernel could name, and the search through it for
 * something to take.
 *
 * The elements from `cpus` on serve CPUs that nobody expected when the table was made, and threads that
 * have no CPU number (rseq_area_or names `cpus`). A user of the table makes them refuse everybody: such a
 * thread works on what lies behind the caches. They cost addresses, and memory only if written to.
 */
#ifndef ALLOC_MECHANISM_CPU_TABLE_H
#define ALLOC_MECHANISM_CPU_TABLE_H

#include "alloc/machine/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Looks at the CPUs, with a pause after each, before a search takes for empty what another thread is
 * emptying: tens of microseconds, several times what a fence takes. A thread that is stopped while it
 * takes delays others by no more.
 */
enum { CPU_TABLE_LOOKS_MAX = 1024 };

struct cpu_table {
	uint32_t cpus;  /* in use */
	uint32_t limit; /* elements; more than any CPU number */
};

/* Zeroed elements, and the numbers of them in *self. NULL: no memory. */
void *cpu_table_map(struct cpu_table *self, size_t element_bytes);
void cpu_table_unmap(const struct cpu_table *self, void *elements, size_t element_bytes);

/*
 * Looks at one CPU after another for something to take, beginning with *first, which becomes the CPU
 * where it was found. look: true if it took something; *busy = true if another thread is taking there.
 * False: every CPU was found empty, or being emptied for longer than a search has patience.
 */
bool cpu_table_search(const struct cpu_table *self, uint32_t *first,
	bool (*look)(void *arg, uint32_t cpu, bool *busy), void *arg);

#endif
