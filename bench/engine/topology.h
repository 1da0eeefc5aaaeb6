/*
 * Which CPUs a cell's threads run on: a choice among those that this process may use, which in a
 * container can start anywhere and have holes.
 */
#ifndef BENCH_ENGINE_TOPOLOGY_H
#define BENCH_ENGINE_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

/* In which order threads take CPUs. */
enum topology_placement {
	TOPOLOGY_COMPACT, /* one thread a core, socket by socket, then the SMT siblings */
	TOPOLOGY_SPREAD,  /* one thread a core, sockets in turn, then the SMT siblings */
	TOPOLOGY_SMT,     /* all siblings of a core before the next core */
};

/* "compact", "spread", "smt". */
const char *topology_placement_name(enum topology_placement placement);

/* By name. Returns true and *out, or false if there is no such placement. */
bool topology_placement_find(const char *name, enum topology_placement *out);

/*
 * The CPUs that the calling thread may use (sched_getaffinity), by their system numbers, in the
 * order of placement: stores up to room of them in cpus and returns how many there are, at least 1;
 * or -ENOMEM, or another errno of the system call or of hwloc. Not concurrently with itself.
 */
int topology_cpus(enum topology_placement placement, uint32_t *cpus, uint32_t room);

/*
 * Ties the calling thread to one CPU. 0; -EINVAL: there is no such CPU or it is
 * not allowed; -ENOMEM.
 */
int topology_pin(uint32_t cpu);

#endif
